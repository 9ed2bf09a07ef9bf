// SPDX-License-Identifier: GPL-2.0
/*
 * The thread of a VM that gets no memory any more, at whatever moment: not for what
 * it sets, nor for taking it back. What was not set must be gone when the call says
 * so, for the VMM unmaps its memory then; and what cannot be taken back at once must
 * not be in the way later.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <pthread.h>
#include <sys/mman.h>

#include "lib/harness.h"
#include "lib/minivm.h"
#include "lib/vmshm_bind.h"
#include "lib/vmshm_env.h"
#include "lib/vmshm_fail.h"
#include "lib/vmshm_mem.h"

#define NR	8
#define SIZE	(NR * VT_PAGE)
#define GPA	0x10000000ULL
/* What the thread is given, in bytes: each time so much more than the last time. */
#define STEP	512
#define TRIES	200
/* So much is enough for one slot, which has to go then. */
#define ONE_SLOT	3
/*
 * How long it is kept so, in microseconds: longer than anything takes. Each LONG'th time
 * it is LONG times as long: the thread has ended its tries then, and begins anew.
 */
#define WHILE	(VT_PATIENCE * 20000)
#define LONG	4

FIXTURE(bind_no_memory) {
	int dev;
	int fd;
	/* Of another range: there has to be a thread. */
	int other;
	pid_t thread;
	struct vt_guest guest;
	/* What another thread does, and gets. */
	bool grows;
	int ret;
};

static struct vmshm_bind how(FIXTURE_DATA(bind_no_memory) *self)
{
	return (struct vmshm_bind){
		.flags = VMSHM_BIND_FOLLOW,
		.vm_fd = self->guest.fd,
		.first_slot = 8,
		.nr_slots = NR,
		.guest_addr = GPA,
		.granule = VT_PAGE,
	};
}

FIXTURE_SETUP(bind_no_memory)
{
	struct vmshm_bind bind;

	if (vt_fail_init())
		SKIP(return, "the kernel cannot make allocations fail");
	self->dev = vt_device();
	ASSERT_LE(0, self->dev);
	ASSERT_EQ(1, vt_have_kvm(self->dev));
	self->fd = vt_region(self->dev, "poor", SIZE, SIZE, 0);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, vt_guest_init(&self->guest, 1));
	bind = how(self);
	bind.first_slot += NR;
	bind.guest_addr += SIZE;
	self->other = vt_bind(self->fd, &bind, NULL);
	ASSERT_LE(0, self->other);
	self->thread = vt_bind_thread(self->other);
	ASSERT_LT(0, self->thread);
}

FIXTURE_TEARDOWN(bind_no_memory)
{
	close(self->other);
	vt_guest_exit(&self->guest);
	close(self->fd);
	close(self->dev);
}

static int bind_it(FIXTURE_DATA(bind_no_memory) *self)
{
	struct vmshm_bind bind = how(self);
	void *addr;
	int ret = vt_bind(self->fd, &bind, &addr);

	/* Of a call that failed nothing is mapped. */
	if (ret >= 0)
		munmap(addr, SIZE);
	return ret;
}

static void *act(void *arg)
{
	FIXTURE_DATA(bind_no_memory) *self = arg;

	self->ret = self->grows ? vt_resize(self->fd, SIZE) : bind_it(self);
	return NULL;
}

/* What the call returns, whose thread gets nothing but @room until it waits long. */
static int starved(FIXTURE_DATA(bind_no_memory) *self, unsigned int room)
{
	pthread_t thread;

	VT_CHECK(!vt_fail_starve(self->thread, room));
	VT_CHECK(!pthread_create(&thread, NULL, act, self));
	usleep(room / STEP % LONG ? WHILE : LONG * WHILE);
	VT_CHECK(!vt_fail_feed(self->thread));
	VT_CHECK(!pthread_join(thread, NULL));
	return self->ret;
}

/* How many pages from GPA on the guest has. */
static int pages(FIXTURE_DATA(bind_no_memory) *self)
{
	__u32 value;
	int i, nr = 0;

	for (i = 0; i < NR; i++)
		if (vt_vcpu_load(&self->guest.vcpus[0], GPA + i * VT_PAGE,
				 &value) != VT_GUEST_MMIO)
			nr++;
	return nr;
}

TEST_F_TIMEOUT(bind_no_memory, bind, 600)
{
	int i, ret, binding, failed = 0;

	for (i = 0; i < TRIES; i++) {
		ret = starved(self, i * STEP);
		/* A machine may be too slow to have begun meanwhile. */
		if (ret >= 0 && failed)
			break;
		if (ret >= 0) {
			close(ret);
			continue;
		}
		ASSERT_EQ(-ENOMEM, ret);
		ASSERT_EQ(0, pages(self)) TH_LOG("%d bytes", i * STEP);
		binding = bind_it(self);
		ASSERT_LE(0, binding) TH_LOG("%d bytes", i * STEP);
		close(binding);
		failed += i >= ONE_SLOT;
	}
	EXPECT_LT(0, failed);
	ASSERT_LE(0, ret);
	close(ret);
}

TEST_F_TIMEOUT(bind_no_memory, grow, 600)
{
	int i, ret, binding = bind_it(self), failed = 0;

	ASSERT_LE(0, binding);
	self->grows = true;
	for (i = 0; i < TRIES; i++) {
		ASSERT_EQ(0, vt_resize(self->fd, VT_PAGE));
		ASSERT_EQ(1, pages(self));
		ret = starved(self, i * STEP);
		if (!ret && failed)
			break;
		if (!ret)
			continue;
		ASSERT_EQ(-ENOMEM, ret);
		ASSERT_EQ(1, pages(self)) TH_LOG("%d bytes", i * STEP);
		ASSERT_EQ(0, vt_resize(self->fd, SIZE));
		failed += i >= ONE_SLOT;
	}
	EXPECT_LT(0, failed);
	EXPECT_EQ(0, ret);
	close(binding);
}

TEST_HARNESS_MAIN
