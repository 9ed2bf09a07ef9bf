// SPDX-License-Identifier: GPL-2.0
/*
 * A VMM that keeps the slots of its VM busy, with memory that is served by somebody
 * who takes his time. Either it holds their lock, as KVM does while it copies a dirty
 * bitmap there; or a vCPU waits for it, for which KVM waits before a slot changes.
 * Others who use the region do not wait for that for ever.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <linux/userfaultfd.h>

#include "lib/harness.h"
#include "lib/minivm.h"
#include "lib/vmshm_bind.h"
#include "lib/vmshm_env.h"
#include "lib/vmshm_mem.h"

#define NR		8
#define SIZE		(NR * VT_PAGE)
#define GPA		0x10000000ULL
/* A slot of the VMM's own, with a dirty log. */
#define LOGGED		3
#define LOGGED_GPA	0x30000000ULL
/* What a vCPU finds in memory that has been zeroed. */
#define NOTHING		0
#define RW		(PROT_READ | PROT_WRITE)

FIXTURE(kvm_busy) {
	int dev;
	int fd;
	int uffd;
	int binding;
	struct vt_guest guest;
	void *page;
	pthread_t thread;
};

FIXTURE_VARIANT(kvm_busy) {
	void *(*keep)(void *self);
};

static void *anonymous(void)
{
	void *map = mmap(NULL, VT_PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return map == MAP_FAILED ? NULL : map;
}

/* Sets a userfaultfd on the page: it is there when somebody says so. */
static int serve(void *page)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = {
		.range = { .start = (uintptr_t)page, .len = VT_PAGE },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	int uffd = syscall(SYS_userfaultfd, O_CLOEXEC);

	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api) ||
	    ioctl(uffd, UFFDIO_REGISTER, &reg))
		return -errno;
	return uffd;
}

static void *get_log(void *arg)
{
	FIXTURE_DATA(kvm_busy) *self = arg;
	struct kvm_dirty_log log = {
		.slot = LOGGED,
		.dirty_bitmap = self->page,
	};

	return (void *)(intptr_t)vt_ioctl(self->guest.fd, KVM_GET_DIRTY_LOG,
					  &log);
}

static void *load(void *arg)
{
	FIXTURE_DATA(kvm_busy) *self = arg;
	struct vt_vcpu *vcpu = &self->guest.vcpus[0];
	__u32 value = ~NOTHING;
	int ret;

	/* Nothing interrupts it. */
	ret = vt_ioctl(vcpu->fd, KVM_SET_SIGNAL_MASK, NULL);
	if (!ret)
		ret = vt_vcpu_load(vcpu, LOGGED_GPA, &value);
	if (!ret && value != NOTHING)
		ret = -EILSEQ;
	return (void *)(intptr_t)ret;
}

FIXTURE_VARIANT_ADD(kvm_busy, lock) {
	.keep = get_log,
};

FIXTURE_VARIANT_ADD(kvm_busy, vcpu) {
	.keep = load,
};

FIXTURE_SETUP(kvm_busy)
{
	struct kvm_userspace_memory_region slot = {
		.slot = LOGGED,
		.flags = KVM_MEM_LOG_DIRTY_PAGES,
		.guest_phys_addr = LOGGED_GPA,
		.memory_size = VT_PAGE,
	};
	struct vmshm_bind how = {
		.flags = VMSHM_BIND_FOLLOW,
		.first_slot = 8,
		.nr_slots = NR,
		.guest_addr = GPA,
		.granule = VT_PAGE,
	};
	struct uffd_msg msg;

	self->dev = vt_device();
	ASSERT_LE(0, self->dev);
	ASSERT_EQ(1, vt_have_kvm(self->dev));
	self->fd = vt_region(self->dev, "busy", SIZE / 2, SIZE, 0);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, vt_guest_init(&self->guest, 1));
	how.vm_fd = self->guest.fd;
	self->binding = vt_bind(self->fd, &how, NULL);
	ASSERT_LE(0, self->binding);

	self->page = anonymous();
	ASSERT_NE(NULL, self->page);
	slot.userspace_addr = (uintptr_t)anonymous();
	if (variant->keep == load)
		slot.userspace_addr = (uintptr_t)self->page;
	ASSERT_EQ(0, ioctl(self->guest.fd, KVM_SET_USER_MEMORY_REGION, &slot));
	self->uffd = serve(self->page);
	ASSERT_LE(0, self->uffd);
	ASSERT_EQ(0, pthread_create(&self->thread, NULL, variant->keep,
				    self));
	/* It waits for its page. */
	ASSERT_EQ((ssize_t)sizeof(msg), read(self->uffd, &msg, sizeof(msg)));
	ASSERT_EQ(UFFD_EVENT_PAGEFAULT, msg.event);
}

static int let_go(FIXTURE_DATA(kvm_busy) *self)
{
	struct uffdio_zeropage zero = {
		.range = { .start = (uintptr_t)self->page, .len = VT_PAGE },
	};
	void *ret;

	if (ioctl(self->uffd, UFFDIO_ZEROPAGE, &zero))
		return -errno;
	return pthread_join(self->thread, &ret) ? -EIO : (intptr_t)ret;
}

FIXTURE_TEARDOWN(kvm_busy)
{
	close(self->binding);
	vt_guest_exit(&self->guest);
	close(self->uffd);
	close(self->fd);
	close(self->dev);
}

/* Returns how many slots the binding has. */
static int slots(FIXTURE_DATA(kvm_busy) *self)
{
	struct vmshm_bind_slot slot[NR];

	return vt_bind_slots(self->binding, slot, NR);
}

TEST_F(kvm_busy, grow)
{
	EXPECT_EQ(-EBUSY, vt_resize(self->fd, SIZE));
	EXPECT_EQ((long long)SIZE / 2, vt_size(self->fd));
	EXPECT_EQ(NR / 2, slots(self));
	/* What does not need the VM goes on. */
	EXPECT_EQ(1, pwrite(self->fd, "x", 1, 0));
	EXPECT_EQ(0, fchmod(self->fd, 0640));

	ASSERT_EQ(0, let_go(self));
	EXPECT_EQ(0, vt_resize(self->fd, SIZE));
	EXPECT_EQ(NR, slots(self));
}

TEST_F(kvm_busy, shrink)
{
	EXPECT_EQ(0, vt_resize(self->fd, VT_PAGE));
	EXPECT_EQ((long long)VT_PAGE, vt_size(self->fd));
	/* They could not be removed. */
	EXPECT_EQ(NR / 2, slots(self));

	ASSERT_EQ(0, let_go(self));
	EXPECT_EQ(0, vt_resize(self->fd, SIZE));
	EXPECT_EQ(NR, slots(self));
	EXPECT_EQ(0, vt_resize(self->fd, VT_PAGE));
	EXPECT_EQ(1, slots(self));
}

TEST_F(kvm_busy, move)
{
	EXPECT_EQ(-EBUSY, vt_bind_update(self->binding, VMSHM_BIND_FOLLOW,
					 2 * GPA));
	ASSERT_EQ(0, let_go(self));
	EXPECT_EQ(0, vt_bind_update(self->binding, VMSHM_BIND_FOLLOW,
				    2 * GPA));
}

TEST_F(kvm_busy, close)
{
	struct vmshm_binding list[2];
	int tries = 0, ret;
	__u32 value;

	close(self->binding);
	EXPECT_EQ(0, vt_bindings(self->fd, list, 2));
	EXPECT_EQ(0, vt_resize(self->fd, SIZE));
	self->binding = -1;
	ASSERT_EQ(0, let_go(self));
	/* The guest loses the memory as soon as that is possible. */
	do {
		ret = vt_vcpu_load(&self->guest.vcpus[0], GPA, &value);
		usleep(10000);
	} while (!ret && ++tries < VT_PATIENCE * 100);
	EXPECT_EQ(VT_GUEST_MMIO, ret);
}

/* Whoever is being killed does not wait. */
TEST_F(kvm_busy, killed)
{
	struct vt_child child;
	int status;

	if (!vt_fork(&child)) {
		vt_tell(child.sock);
		vt_resize(self->fd, SIZE);
		_exit(1);
	}
	vt_hear(child.sock);
	usleep(100000);
	kill(child.pid, SIGKILL);
	ASSERT_EQ(child.pid, waitpid(child.pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
	EXPECT_EQ((long long)SIZE / 2, vt_size(self->fd));

	ASSERT_EQ(0, let_go(self));
	EXPECT_EQ(0, vt_resize(self->fd, SIZE));
	EXPECT_EQ(NR, slots(self));
}

TEST_HARNESS_MAIN
