// SPDX-License-Identifier: GPL-2.0
/*
 * A VMM is killed, at any point: no binding, no VM and no reference is left.
 *
 * Counts all VMs of the machine, down to none: see smp1.list.
 * VMSHM_KILLS: how often.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "lib/harness.h"
#include "lib/minivm.h"
#include "lib/vmshm_bind.h"
#include "lib/vmshm_env.h"
#include "lib/vmshm_mem.h"
#include "lib/vmshm_module.h"

#define KVM_DEBUGFS	"/sys/kernel/debug/kvm"
#define GPA		0x10000000ULL
#define GRANULE		(4 * VT_PAGE)
#define BASE		4
#define MAX		16
#define KILLS		30
/* A VMM is up and running after that long, or is not. */
#define MAX_DELAY_US	40000

FIXTURE(kvm_kill) {
	int dev;
	int fd;
	int vms;
	int references;
	struct vt_child child;
};

/* Each VM has a directory there. */
static int count_vms(void)
{
	DIR *dir = opendir(KVM_DEBUGFS);
	struct dirent *entry;
	int n = 0;

	if (!dir)
		return -errno;
	while ((entry = readdir(dir)))
		n += entry->d_type == DT_DIR && entry->d_name[0] != '.';
	closedir(dir);
	return n;
}

static int references(void)
{
	return vt_module_users("vmshm_kvm");
}

FIXTURE_SETUP(kvm_kill)
{
	self->dev = vt_device();
	ASSERT_LE(0, self->dev);
	ASSERT_EQ(1, vt_have_kvm(self->dev));
	self->fd = vt_region(self->dev, "kill", BASE * GRANULE, MAX * GRANULE,
			     0);
	ASSERT_LE(0, self->fd);
	self->vms = count_vms();
	ASSERT_EQ(0, self->vms);
	self->references = references();
	ASSERT_EQ(0, self->references);
}

FIXTURE_TEARDOWN(kvm_kill)
{
	close(self->fd);
	close(self->dev);
}

/* A vCPU that writes all the time. */
static void *work(void *arg)
{
	struct vt_vcpu *vcpu = arg;
	__u32 i;

	for (i = 0;; i++)
		VT_CHECK(!vt_vcpu_store(vcpu, GPA, i));
	return NULL;
}

/* Binds, runs, moves, lets go, and so on until it is killed. */
static void vmm(FIXTURE_DATA(kvm_kill) *self, bool pass_on)
{
	struct vmshm_bind how = {
		.flags = VMSHM_BIND_FOLLOW,
		.first_slot = 1,
		.nr_slots = 64,
		.guest_addr = GPA,
		.granule = GRANULE,
	};
	struct vt_guest guest;
	pthread_t thread;
	int keep, binding, i;

	VT_CHECK(!vt_guest_init(&guest, 2));
	how.vm_fd = guest.fd;
	keep = vt_bind(self->fd, &how, NULL);
	VT_CHECK(keep >= 0);
	if (pass_on)
		VT_CHECK(!vt_send_fd(self->child.sock, keep));
	for (i = 0; i < 2; i++)
		VT_CHECK(!pthread_create(&thread, NULL, work,
					 &guest.vcpus[i]));
	how.first_slot += 64;
	for (i = 0;; i++) {
		void *addr;

		how.guest_addr = 2 * GPA;
		binding = vt_bind(self->fd, &how, &addr);
		VT_CHECK(binding >= 0);
		VT_CHECK(!vt_bind_update(binding, how.flags, 3 * GPA));
		close(binding);
		VT_CHECK(!munmap(addr, MAX * GRANULE));
	}
}

/* Waits until there is nothing left; what ends by itself takes a moment. */
static bool nothing_left(FIXTURE_DATA(kvm_kill) *self)
{
	int i;

	for (i = 0; i < VT_PATIENCE * 100; i++) {
		if (!vt_bindings(self->fd, NULL, 0) &&
		    count_vms() == self->vms &&
		    references() == self->references)
			return true;
		usleep(10000);
	}
	printf("# %d bindings, %d VMs instead of %d, %d references instead of %d\n",
	       vt_bindings(self->fd, NULL, 0), count_vms(), self->vms,
	       references(), self->references);
	return false;
}

static int kills(void)
{
	const char *env = getenv("VMSHM_KILLS");

	return env ? atoi(env) : KILLS;
}

TEST_F_TIMEOUT(kvm_kill, anywhere, 1000000)
{
	int i, n = kills();

	srand(1);
	for (i = 0; i < n; i++) {
		ASSERT_LE(0, vt_fork(&self->child));
		if (!self->child.pid)
			vmm(self, false);
		usleep(rand() % MAX_DELAY_US);
		/* Somebody else resizes at that moment. */
		ASSERT_EQ(0, vt_resize(self->fd, (BASE + rand() %
					(MAX - BASE)) * GRANULE));
		ASSERT_EQ(128 + SIGKILL, vt_kill(&self->child));
		/* All that was its own went before it was a zombie. */
		EXPECT_EQ(0, vt_bindings(self->fd, NULL, 0));
		ASSERT_TRUE(nothing_left(self));
		ASSERT_EQ(0, vt_resize(self->fd, BASE * GRANULE));
	}
}

/* The binding was passed on: it ends all the same, and keeps no VM. */
TEST_F_TIMEOUT(kvm_kill, passed_on, 1000000)
{
	int i, binding, n = kills() / 3 + 1;

	srand(2);
	for (i = 0; i < n; i++) {
		struct vmshm_bind_stat stat;

		ASSERT_LE(0, vt_fork(&self->child));
		if (!self->child.pid)
			vmm(self, true);
		binding = vt_recv_fd(self->child.sock);
		ASSERT_LE(0, binding);
		usleep(rand() % MAX_DELAY_US);
		ASSERT_EQ(128 + SIGKILL, vt_kill(&self->child));
		ASSERT_TRUE(nothing_left(self));
		ASSERT_EQ(0, vt_bind_stat(binding, &stat));
		EXPECT_TRUE(stat.out_flags & VMSHM_BIND_ENDED);
		close(binding);
		ASSERT_EQ(0, vt_resize(self->fd, BASE * GRANULE));
	}
}

TEST_HARNESS_MAIN
