// SPDX-License-Identifier: GPL-2.0
/*
 * A VMM that keeps the slots of its VM busy, with memory that is served by somebody
 * who takes his time. Either it holds their lock, as KVM does while it copies a dirty
 * bitmap there; or a vCPU waits for it, for which KVM waits before a slot changes.
 * Others who use the region do not wait for that for ever. The VMM itself does, when it
 * binds and when it closes: it has to know when to unmap the memory.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <poll.h>
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
	/* Another region that is bound to the same VM. */
	int other;
	int other_binding;
	int uffd;
	int binding;
	struct vt_guest guest;
	void *page;
	pthread_t thread;
	/* What another thread of the VMM does, has done, and gets. */
	int action;
	bool is_done;
	int ret;
};

/* What other threads do. */
enum {
	BIND,
	BIND_AGAIN,
	MOVE,
	CLOSE,
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

/* Returns when the VM is kept busy. */
static int keep_busy(FIXTURE_DATA(kvm_busy) *self,
		     const FIXTURE_VARIANT(kvm_busy) *variant)
{
	struct uffd_msg msg;

	/* Not there again. */
	if (madvise(self->page, VT_PAGE, MADV_DONTNEED))
		return -errno;
	if (pthread_create(&self->thread, NULL, variant->keep, self))
		return -EAGAIN;
	if (read(self->uffd, &msg, sizeof(msg)) != sizeof(msg))
		return -EIO;
	/* It waits for its page. */
	return msg.event == UFFD_EVENT_PAGEFAULT ? 0 : -EPROTO;
}

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

	self->dev = vt_device();
	ASSERT_LE(0, self->dev);
	ASSERT_EQ(1, vt_have_kvm(self->dev));
	self->fd = vt_region(self->dev, "busy", SIZE / 2, SIZE, 0);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, vt_guest_init(&self->guest, 1));
	how.vm_fd = self->guest.fd;
	self->binding = vt_bind(self->fd, &how, NULL);
	ASSERT_LE(0, self->binding);
	self->other = vt_region(self->dev, "other", SIZE / 2, SIZE, 0);
	ASSERT_LE(0, self->other);
	how.first_slot += NR;
	how.guest_addr += SIZE;
	self->other_binding = vt_bind(self->other, &how, NULL);
	ASSERT_LE(0, self->other_binding);

	self->page = anonymous();
	ASSERT_NE(NULL, self->page);
	slot.userspace_addr = (uintptr_t)anonymous();
	if (variant->keep == load)
		slot.userspace_addr = (uintptr_t)self->page;
	ASSERT_EQ(0, ioctl(self->guest.fd, KVM_SET_USER_MEMORY_REGION, &slot));
	self->uffd = serve(self->page);
	ASSERT_LE(0, self->uffd);
	ASSERT_EQ(0, keep_busy(self, variant));
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
	close(self->other_binding);
	vt_guest_exit(&self->guest);
	close(self->uffd);
	close(self->other);
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
	/* Nor may the guest be told of memory there, which is still on its way out. */
	EXPECT_EQ(-EBUSY, vt_resize(self->fd, SIZE / 2));
	EXPECT_EQ((long long)VT_PAGE, vt_size(self->fd));

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

/* Waits until the guest has a page at that address, or has none. */
static bool comes_to(FIXTURE_DATA(kvm_busy) *self, __u64 gpa, bool there)
{
	__u32 value;
	int i, ret;

	for (i = 0; i < VT_PATIENCE * 100; i++) {
		ret = vt_vcpu_load(&self->guest.vcpus[0], gpa, &value);
		if (ret == (there ? 0 : VT_GUEST_MMIO))
			return true;
		usleep(10000);
	}
	return false;
}

/*
 * Where there is but one slot to set KVM is done with it when the vCPU goes on, and
 * nobody wants it any more.
 */
TEST_F(kvm_busy, grow_by_one)
{
	__u64 gpa = GPA + SIZE / 2;

	EXPECT_EQ(-EBUSY, vt_resize(self->fd, SIZE / 2 + VT_PAGE));
	EXPECT_EQ((long long)SIZE / 2, vt_size(self->fd));

	ASSERT_EQ(0, let_go(self));
	EXPECT_TRUE(comes_to(self, gpa, false));
	EXPECT_EQ(NR / 2, slots(self));
	EXPECT_EQ(0, vt_resize(self->fd, SIZE / 2 + VT_PAGE));
	EXPECT_TRUE(comes_to(self, gpa, true));
	EXPECT_EQ(0, vt_resize(self->fd, SIZE));
	EXPECT_EQ(NR, slots(self));
}

TEST_F(kvm_busy, move_one)
{
	ASSERT_EQ(0, let_go(self));
	ASSERT_EQ(0, vt_resize(self->fd, VT_PAGE));
	ASSERT_EQ(0, keep_busy(self, variant));
	EXPECT_EQ(-EBUSY, vt_bind_update(self->binding, VMSHM_BIND_FOLLOW,
					 2 * GPA));
	ASSERT_EQ(0, let_go(self));
	EXPECT_TRUE(comes_to(self, 2 * GPA, false));
	EXPECT_TRUE(comes_to(self, GPA, true));
	EXPECT_EQ(0, vt_bind_update(self->binding, VMSHM_BIND_FOLLOW,
				    2 * GPA));
	EXPECT_TRUE(comes_to(self, 2 * GPA, true));
	EXPECT_TRUE(comes_to(self, GPA, false));
}

/* What is left of a size that the region does not have is not in the way of another. */
TEST_F(kvm_busy, leftovers)
{
	struct vmshm_bind how = {
		.flags = VMSHM_BIND_FOLLOW,
		.vm_fd = self->guest.fd,
		.first_slot = 8 + 2 * NR,
		.nr_slots = NR,
		.guest_addr = GPA + 2 * SIZE,
	};
	int third = vt_region(self->dev, "third", SIZE / 2, SIZE, 0);
	int binding;

	ASSERT_LE(0, third);
	ASSERT_EQ(0, let_go(self));
	/* Two slots of half the size each. */
	binding = vt_bind(third, &how, NULL);
	ASSERT_LE(0, binding);
	ASSERT_EQ(0, vt_resize(third, SIZE));
	ASSERT_EQ(0, keep_busy(self, variant));
	EXPECT_EQ(0, vt_resize(third, SIZE / 2));
	ASSERT_EQ(0, let_go(self));
	/* In the middle of the second, if it were still there. */
	EXPECT_EQ(0, vt_resize(third, SIZE - VT_PAGE));
	close(binding);
	close(third);
}

static void *act(void *arg)
{
	FIXTURE_DATA(kvm_busy) *self = arg;
	struct vmshm_bind how = {
		.flags = VMSHM_BIND_FOLLOW | VMSHM_BIND_READONLY,
		.vm_fd = self->guest.fd,
		.first_slot = 8 + 2 * NR,
		.nr_slots = NR,
		.guest_addr = GPA + 2 * SIZE,
	};

	/* As self->binding was. */
	if (self->action == BIND_AGAIN) {
		how.flags = VMSHM_BIND_FOLLOW;
		how.first_slot = 8;
		how.guest_addr = GPA;
		how.granule = VT_PAGE;
	}
	switch (self->action) {
	case BIND:
	case BIND_AGAIN:
		self->ret = vt_bind(self->fd, &how, NULL);
		break;
	case MOVE:
		self->ret = vt_bind_update(self->binding, VMSHM_BIND_FOLLOW,
					   2 * GPA);
		break;
	case CLOSE:
		self->ret = close(self->binding);
		break;
	}
	__atomic_store_n(&self->is_done, true, __ATOMIC_RELEASE);
	return NULL;
}

/* Has another thread begin, which is to wait for the VM then. */
static int begin(FIXTURE_DATA(kvm_busy) *self, int action, pthread_t *thread)
{
	int err;

	self->action = action;
	err = -pthread_create(thread, NULL, act, self);
	usleep(200000);
	return err;
}

static bool is_done(FIXTURE_DATA(kvm_busy) *self)
{
	return __atomic_load_n(&self->is_done, __ATOMIC_ACQUIRE);
}

/* While a VMM waits for its VM, others have the region. */
TEST_F(kvm_busy, bind)
{
	pthread_t thread;

	ASSERT_EQ(0, begin(self, BIND, &thread));
	EXPECT_EQ(1, pwrite(self->fd, "x", 1, 0));
	EXPECT_EQ(0, fchmod(self->fd, 0640));
	/* That takes as long as anybody but the VMM waits. */
	EXPECT_EQ(-EBUSY, vt_resize(self->fd, SIZE));
	EXPECT_FALSE(is_done(self));

	ASSERT_EQ(0, let_go(self));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_LE(0, self->ret);
	close(self->ret);
}

TEST_F(kvm_busy, others_while_moved)
{
	pthread_t thread;

	ASSERT_EQ(0, begin(self, MOVE, &thread));
	EXPECT_EQ(1, pwrite(self->fd, "x", 1, 0));
	EXPECT_EQ(0, fchmod(self->fd, 0640));
	EXPECT_FALSE(is_done(self));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(-EBUSY, self->ret);
	ASSERT_EQ(0, let_go(self));
}

/* Who binds unmaps the memory when close() returns. */
TEST_F(kvm_busy, close_own)
{
	struct vmshm_binding list[2];
	pthread_t thread;
	__u32 value;

	ASSERT_EQ(0, begin(self, CLOSE, &thread));
	EXPECT_EQ(0, vt_bindings(self->fd, list, 2));
	EXPECT_EQ(-EBUSY, vt_resize(self->other, SIZE));
	EXPECT_FALSE(is_done(self));
	self->binding = -1;

	ASSERT_EQ(0, let_go(self));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, self->ret);
	EXPECT_EQ(VT_GUEST_MMIO,
		  vt_vcpu_load(&self->guest.vcpus[0], GPA, &value));
}

/* The last to close the bindings is not the VMM; returns when he has done it. */
static void have_closed(FIXTURE_DATA(kvm_busy) *self, struct vt_child *child,
			bool both)
{
	if (!vt_fork(child)) {
		vt_hear(child->sock);
		close(self->binding);
		if (both)
			close(self->other_binding);
		vt_tell(child->sock);
		pause();
	}
	close(self->binding);
	self->binding = -1;
	if (both) {
		close(self->other_binding);
		self->other_binding = -1;
	}
	vt_tell(child->sock);
	vt_hear(child->sock);
}

TEST_F(kvm_busy, close)
{
	struct vmshm_binding list[2];
	struct vt_child child;
	int tries = 0, ret;
	__u32 value;

	have_closed(self, &child, false);
	EXPECT_EQ(0, vt_bindings(self->fd, list, 2));
	EXPECT_EQ(0, vt_resize(self->fd, SIZE));
	ASSERT_EQ(0, let_go(self));
	/* The guest loses the memory as soon as that is possible. */
	do {
		ret = vt_vcpu_load(&self->guest.vcpus[0], GPA, &value);
		usleep(10000);
	} while (!ret && ++tries < VT_PATIENCE * 100);
	EXPECT_EQ(VT_GUEST_MMIO, ret);
	kill(child.pid, SIGKILL);
	waitpid(child.pid, NULL, 0);
}

/* What is to go goes before the same is set again, also if nothing else was bound. */
TEST_F(kvm_busy, bind_again)
{
	struct vt_child child;
	pthread_t thread;

	have_closed(self, &child, true);
	ASSERT_EQ(0, begin(self, BIND_AGAIN, &thread));
	EXPECT_FALSE(is_done(self));
	ASSERT_EQ(0, let_go(self));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_LE(0, self->ret);
	self->binding = self->ret;
	EXPECT_EQ(NR / 2, slots(self));
	kill(child.pid, SIGKILL);
	waitpid(child.pid, NULL, 0);
}

/* Who waits for the VM, if nothing went wrong. */
static void fork_resizer(struct vt_child *child, int fd)
{
	if (!vt_fork(child)) {
		vt_tell(child->sock);
		vt_resize(fd, SIZE);
		_exit(1);
	}
	vt_hear(child->sock);
	usleep(100000);
}

/* Returns whether one who is killed was gone before one who began earlier. */
static bool is_gone_first(FIXTURE_DATA(kvm_busy) *self)
{
	struct vt_child patient, child;
	int status;
	bool first;

	fork_resizer(&patient, self->other);
	fork_resizer(&child, self->fd);
	kill(child.pid, SIGKILL);
	VT_CHECK(waitpid(child.pid, &status, 0) == child.pid);
	VT_CHECK(WIFSIGNALED(status));
	first = !waitpid(patient.pid, &status, WNOHANG);
	if (first)
		VT_CHECK(waitpid(patient.pid, &status, 0) == patient.pid);
	return first;
}

/* Nor does anybody wait for what he had when he is gone. */
TEST_F(kvm_busy, exit)
{
	struct vt_child patient, second, child;
	int status;

	if (!vt_fork(&child)) {
		vt_tell(child.sock);
		pause();
	}
	vt_hear(child.sock);
	close(self->binding);
	self->binding = -1;
	/* Who resizes has the lock that is wanted to take the binding from its list. */
	fork_resizer(&patient, self->other);
	fork_resizer(&second, self->fd);
	kill(child.pid, SIGKILL);
	EXPECT_EQ(child.pid, waitpid(child.pid, &status, 0));
	EXPECT_EQ(0, waitpid(patient.pid, &status, WNOHANG));
	kill(second.pid, SIGKILL);
	waitpid(second.pid, &status, 0);
	ASSERT_EQ(0, let_go(self));
	kill(patient.pid, SIGKILL);
	waitpid(patient.pid, &status, 0);
}

/* Where the kernel closes files of everybody they are not kept. */
TEST_F(kvm_busy, kernel_thread)
{
	struct vt_child patient;
	struct pollfd end = { 0 };
	int ends[2], status;

	ASSERT_EQ(0, pipe2(ends, O_CLOEXEC));
	if (!vt_fork(&patient)) {
		close(ends[1]);
		close(self->binding);
		vt_tell(patient.sock);
		vt_resize(self->other, SIZE);
		_exit(1);
	}
	vt_hear(patient.sock);
	usleep(100000);
	ASSERT_EQ(0, vt_close_in_kernel(self->binding));
	self->binding = -1;
	usleep(200000);
	ASSERT_EQ(0, vt_close_in_kernel(ends[1]));
	end.fd = ends[0];
	EXPECT_EQ(1, poll(&end, 1, VT_PATIENCE * 1000));
	EXPECT_EQ(POLLHUP, end.revents);
	EXPECT_EQ(0, waitpid(patient.pid, &status, WNOHANG));
	close(ends[0]);
	ASSERT_EQ(0, let_go(self));
	kill(patient.pid, SIGKILL);
	waitpid(patient.pid, &status, 0);
}

/* Whoever is being killed does not wait as long as others. */
TEST_F(kvm_busy, killed)
{
	int tries = 0;
	bool first;

	/* A machine may be too busy to tell, but not each time. */
	do
		first = is_gone_first(self);
	while (!first && ++tries < 3);
	EXPECT_TRUE(first);
	EXPECT_EQ((long long)SIZE / 2, vt_size(self->fd));
	EXPECT_EQ((long long)SIZE / 2, vt_size(self->other));

	ASSERT_EQ(0, let_go(self));
	EXPECT_EQ(0, vt_resize(self->fd, SIZE));
	EXPECT_EQ(NR, slots(self));
	EXPECT_EQ(0, vt_resize(self->other, SIZE));
}

TEST_HARNESS_MAIN
