// SPDX-License-Identifier: GPL-2.0
/*
 * Regions as guest memory: what a binding is, and what is refused.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "lib/harness.h"
#include "lib/minivm.h"
#include "lib/vmshm_bind.h"
#include "lib/vmshm_env.h"
#include "lib/vmshm_mem.h"
#include "lib/vmshm_module.h"

#define NR		16
#define MAX		64
#define SIZE		(NR * VT_PAGE)
#define GPA		0x10000000ULL
#define ELSEWHERE	0x20000000ULL
#define GRANULE		(4 * VT_PAGE)
/* Some slot numbers, not from 0: that is the guest's own. */
#define FIRST		5

FIXTURE(kvm_bind) {
	int dev;
	int fd;
	struct vt_guest guest;
	struct vt_vcpu *vcpu;
	struct vmshm_bind how;
};

FIXTURE_SETUP(kvm_bind)
{
	self->dev = vt_device();
	ASSERT_LE(0, self->dev);
	ASSERT_EQ(1, vt_have_kvm(self->dev));
	self->fd = vt_region(self->dev, "bind", SIZE, MAX * VT_PAGE, 0);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, vt_guest_init(&self->guest, 1));
	self->vcpu = &self->guest.vcpus[0];
	self->how = (struct vmshm_bind){
		.vm_fd = self->guest.fd,
		.first_slot = FIRST,
		.nr_slots = 16,
		.guest_addr = GPA,
		.length = SIZE,
	};
}

FIXTURE_TEARDOWN(kvm_bind)
{
	vt_guest_exit(&self->guest);
	close(self->fd);
	close(self->dev);
}

static int load(FIXTURE_DATA(kvm_bind) *self, __u64 gpa, __u32 *value)
{
	return vt_vcpu_load(self->vcpu, gpa, value);
}

/* Whether the guest finds this there. */
static bool has(FIXTURE_DATA(kvm_bind) *self, __u64 gpa, __u32 value)
{
	__u32 found;
	int ret = load(self, gpa, &found);

	if (!ret && found == value)
		return true;
	printf("# at 0x%llx: %d, %u instead of %u\n", gpa, ret, found, value);
	return false;
}

/* Whether the guest finds nothing there. */
static bool absent(FIXTURE_DATA(kvm_bind) *self, __u64 gpa)
{
	__u32 found;

	return load(self, gpa, &found) == VT_GUEST_MMIO;
}

static __u32 *word(void *mem, unsigned int page)
{
	return (__u32 *)((char *)mem + page * VT_PAGE);
}

/* A VMM that does as it is told: the host of a second guest. */
static void other_vmm(struct vt_child *self, int fd)
{
	struct vmshm_bind how = {
		.first_slot = 1,
		.nr_slots = 1,
		.guest_addr = ELSEWHERE,
		.length = SIZE,
	};
	struct vt_guest guest;
	__u32 value;

	VT_CHECK(!vt_guest_init(&guest, 1));
	how.vm_fd = guest.fd;
	VT_CHECK(vt_bind(fd, &how, NULL) >= 0);
	VT_CHECK(!vt_tell(self->sock));
	while (!vt_hear(self->sock)) {
		VT_CHECK(!vt_vcpu_load(&guest.vcpus[0], ELSEWHERE, &value));
		VT_CHECK(!vt_vcpu_store(&guest.vcpus[0], ELSEWHERE,
					value + 1));
		VT_CHECK(!vt_tell(self->sock));
	}
	_exit(0);
}

/* Guests of two VMs and a process see each other's writes. */
TEST_F(kvm_bind, shared)
{
	struct vt_child child;
	__u32 *mem, value, i;
	int binding;

	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid)
		other_vmm(&child, self->fd);
	ASSERT_EQ(0, vt_hear(child.sock));
	binding = vt_bind(self->fd, &self->how, NULL);
	ASSERT_LE(0, binding);
	mem = vt_map(self->fd, SIZE, PROT_READ | PROT_WRITE, 0);
	ASSERT_NE(NULL, mem);
	for (i = 0; i < 10; i++) {
		ASSERT_EQ(0, load(self, GPA, &value));
		EXPECT_EQ(3 * i, value);
		ASSERT_EQ(0, vt_vcpu_store(self->vcpu, GPA, value + 1));
		ASSERT_EQ(0, vt_tell(child.sock));
		ASSERT_EQ(0, vt_hear(child.sock));
		EXPECT_EQ(3 * i + 2, *(volatile __u32 *)mem);
		(*(volatile __u32 *)mem)++;
	}
	EXPECT_EQ(2, vt_bindings(self->fd, NULL, 0));
	EXPECT_EQ(0, vt_wait(&child));
	EXPECT_EQ(1, vt_bindings(self->fd, NULL, 0));
	munmap(mem, SIZE);
	close(binding);
	EXPECT_EQ(0, vt_bindings(self->fd, NULL, 0));
}

/* What ought to end in the guest, with an exit, not a crash. */
TEST_F(kvm_bind, readonly)
{
	int readonly = vt_readonly(self->fd), binding;
	void *addr;

	ASSERT_LE(0, readonly);
	EXPECT_EQ(-EACCES, vt_bind(readonly, &self->how, NULL));
	self->how.flags = VMSHM_BIND_READONLY;
	binding = vt_bind(readonly, &self->how, &addr);
	ASSERT_LE(0, binding);
	EXPECT_EQ(5, pwrite(self->fd, "\x07\0\0\0x", 5, 0));
	EXPECT_TRUE(has(self, GPA, 7));
	EXPECT_EQ(VT_GUEST_MMIO, vt_vcpu_store(self->vcpu, GPA, 8));
	EXPECT_EQ(KVM_EXIT_MMIO, self->vcpu->run->exit_reason);
	EXPECT_EQ(1, self->vcpu->run->mmio.is_write);
	EXPECT_TRUE(has(self, GPA, 7));
	EXPECT_EQ(7, *word(addr, 0));
	/* Nor does the mapping that was made allow it. */
	EXPECT_EQ(-SIGSEGV, vt_poke(addr, 1));
	EXPECT_EQ(-1, mprotect(addr, SIZE, PROT_READ | PROT_WRITE));
	/* It stays so. */
	EXPECT_EQ(-EINVAL, vt_bind_update(binding, 0, GPA));
	close(binding);
	close(readonly);

	/* Somebody who may write may as well give that up. */
	binding = vt_bind(self->fd, &self->how, NULL);
	ASSERT_LE(0, binding);
	EXPECT_EQ(VT_GUEST_MMIO, vt_vcpu_store(self->vcpu, GPA, 8));
	EXPECT_TRUE(has(self, GPA, 7));
	close(binding);
}

TEST_F(kvm_bind, sealed)
{
	int binding;

	ASSERT_EQ(0, vt_seal(self->fd, VMSHM_SEAL_WRITE));
	EXPECT_EQ(-EPERM, vt_bind(self->fd, &self->how, NULL));
	self->how.flags = VMSHM_BIND_READONLY;
	binding = vt_bind(self->fd, &self->how, NULL);
	ASSERT_LE(0, binding);
	EXPECT_EQ(VT_GUEST_MMIO, vt_vcpu_store(self->vcpu, GPA, 8));
	close(binding);
}

/* A range of the region, in several slots. */
TEST_F(kvm_bind, range)
{
	struct vmshm_bind_slot slots[8];
	struct vmshm_bind_stat stat;
	struct vmshm_binding list[2];
	unsigned int i;
	int binding;
	void *addr;

	self->how.offset = 2 * VT_PAGE;
	self->how.length = 10 * VT_PAGE;
	self->how.granule = GRANULE;
	binding = vt_bind(self->fd, &self->how, &addr);
	ASSERT_LE(0, binding);
	for (i = 0; i < 10; i++) {
		EXPECT_EQ(0, vt_vcpu_store(self->vcpu, GPA + i * VT_PAGE,
					   100 + i));
		EXPECT_EQ(100 + i, *word(addr, i));
	}
	EXPECT_TRUE(absent(self, GPA + 10 * VT_PAGE));
	EXPECT_TRUE(absent(self, GPA - VT_PAGE));
	EXPECT_TRUE(vt_file_filled(self->fd, 0, 0, 2 * VT_PAGE));
	EXPECT_TRUE(vt_file_filled(self->fd, 12 * VT_PAGE, 0, 4 * VT_PAGE));

	ASSERT_EQ(3, vt_bind_slots(binding, slots, 8));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(FIRST + i, slots[i].slot);
		EXPECT_EQ(GPA + i * GRANULE, slots[i].guest_addr);
		EXPECT_EQ(2 * VT_PAGE + i * GRANULE, slots[i].offset);
		EXPECT_EQ(i < 2 ? GRANULE : 2 * VT_PAGE, slots[i].length);
	}
	EXPECT_EQ(3, vt_bind_slots(binding, slots, 2));

	ASSERT_EQ(0, vt_bind_stat(binding, &stat));
	EXPECT_EQ(0, stat.out_flags);
	EXPECT_EQ(getpid(), stat.out_pid);
	EXPECT_EQ(FIRST, stat.out_first_slot);
	EXPECT_EQ(16, stat.out_nr_slots);
	EXPECT_EQ(3, stat.out_used_slots);
	EXPECT_LT(0, stat.out_vm);
	EXPECT_EQ(GPA, stat.out_guest_addr);
	EXPECT_EQ(2 * VT_PAGE, stat.out_offset);
	EXPECT_EQ(10 * VT_PAGE, stat.out_length);
	EXPECT_EQ(10 * VT_PAGE, stat.out_bound);
	EXPECT_EQ(GRANULE, stat.out_granule);
	EXPECT_EQ((uintptr_t)addr, stat.out_user_addr);

	ASSERT_EQ(1, vt_bindings(self->fd, list, 2));
	EXPECT_EQ(getpid(), list[0].pid);
	EXPECT_EQ(0, list[0].uid);
	EXPECT_EQ(stat.out_vm, list[0].vm);
	EXPECT_EQ(GPA, list[0].guest_addr);
	EXPECT_EQ(FIRST, list[0].first_slot);
	EXPECT_EQ(16, list[0].nr_slots);
	EXPECT_EQ(3, list[0].used_slots);
	EXPECT_EQ(2 * VT_PAGE, list[0].offset);
	EXPECT_EQ(10 * VT_PAGE, list[0].length);
	EXPECT_EQ(10 * VT_PAGE, list[0].bound);
	EXPECT_STREQ("kvm_bind", (char *)list[0].comm);
	EXPECT_EQ(vt_fdinfo(binding, "vmshm-bind-bound"), 10 * VT_PAGE);
	close(binding);
	for (i = 0; i < 10; i++)
		EXPECT_TRUE(absent(self, GPA + i * VT_PAGE));
	/* The mapping is the caller's. */
	EXPECT_EQ(100, *word(addr, 0));
	EXPECT_EQ(0, munmap(addr, 10 * VT_PAGE));
}

/* A binding moves: up and down, by less than its length, to what is free. */
TEST_F(kvm_bind, moves)
{
	static const __u64 places[] = {
		ELSEWHERE, ELSEWHERE + GRANULE, ELSEWHERE, GPA,
		GPA - VT_PAGE, GPA + VT_PAGE, GPA,
	};
	unsigned int i, j;
	__u64 at = GPA;
	int binding;

	self->how.granule = GRANULE;
	binding = vt_bind(self->fd, &self->how, NULL);
	ASSERT_LE(0, binding);
	for (j = 0; j < NR; j++)
		ASSERT_EQ(0, vt_vcpu_store(self->vcpu, GPA + j * VT_PAGE, j));
	for (i = 0; i < ARRAY_SIZE(places); i++) {
		ASSERT_EQ(0, vt_bind_update(binding, 0, places[i]));
		for (j = 0; j < NR; j++)
			EXPECT_TRUE(has(self, places[i] + j * VT_PAGE, j));
		EXPECT_TRUE(absent(self, places[i] > at ? at :
				   at + SIZE - VT_PAGE));
		at = places[i];
	}

	/* Onto the guest's own memory it does not. */
	EXPECT_EQ(-EEXIST, vt_bind_update(binding, 0, 0));
	EXPECT_EQ(-EEXIST, vt_bind_update(binding, 0,
					  VT_GUEST_LOW - VT_PAGE));
	EXPECT_EQ(-EINVAL, vt_bind_update(binding, 0, GPA + 1));
	EXPECT_EQ(-EOVERFLOW, vt_bind_update(binding, 0, -VT_PAGE));
	EXPECT_EQ(-EINVAL, vt_bind_update(binding, 0, (1ULL << 63)));
	EXPECT_EQ(-EOPNOTSUPP, vt_bind_update(binding, 1U << 30, GPA));
	for (j = 0; j < NR; j++)
		EXPECT_TRUE(has(self, GPA + j * VT_PAGE, j));
	close(binding);
}

static __u64 kvm_log(int vm, __u32 slot)
{
	__u64 bits[2] = { 0 };
	struct kvm_dirty_log arg = { .slot = slot, .dirty_bitmap = bits };

	return vt_ioctl(vm, KVM_GET_DIRTY_LOG, &arg) ? ~0ULL : bits[0];
}

/* KVM's own log, switched on and off. */
TEST_F(kvm_bind, kvm_log)
{
	int vm = self->guest.fd, binding;

	binding = vt_bind(self->fd, &self->how, NULL);
	ASSERT_LE(0, binding);
	EXPECT_EQ(0, vt_vcpu_store(self->vcpu, GPA + VT_PAGE, 1));
	EXPECT_EQ(~0ULL, kvm_log(vm, FIRST));
	ASSERT_EQ(0, vt_bind_update(binding, VMSHM_BIND_LOG, GPA));
	kvm_log(vm, FIRST);
	EXPECT_EQ(0, vt_vcpu_store(self->vcpu, GPA + 3 * VT_PAGE, 1));
	EXPECT_EQ(1ULL << 3, kvm_log(vm, FIRST));
	EXPECT_EQ(0, kvm_log(vm, FIRST));
	ASSERT_EQ(0, vt_bind_update(binding, 0, GPA));
	EXPECT_EQ(~0ULL, kvm_log(vm, FIRST));
	EXPECT_TRUE(has(self, GPA + 3 * VT_PAGE, 1));
	close(binding);
}

TEST_F(kvm_bind, wrong_files)
{
	int sock[2], memfd = vt_memfd(VT_PAGE), binding;
	unsigned int i;
	const int wrong[] = {
		self->fd, self->dev, self->guest.kvm, self->vcpu->fd, memfd, 0,
	};

	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		self->how.vm_fd = wrong[i];
		EXPECT_EQ(-EINVAL, vt_bind(self->fd, &self->how, NULL));
	}
	ASSERT_EQ(0, pipe(sock));
	close(sock[0]);
	close(sock[1]);
	self->how.vm_fd = sock[0];
	EXPECT_EQ(-EBADF, vt_bind(self->fd, &self->how, NULL));
	self->how.vm_fd = -1;
	EXPECT_EQ(-EBADF, vt_bind(self->fd, &self->how, NULL));
	self->how.vm_fd = self->guest.fd;
	binding = vt_bind(self->fd, &self->how, NULL);
	ASSERT_LE(0, binding);
	self->how.vm_fd = binding;
	EXPECT_EQ(-EINVAL, vt_bind(self->fd, &self->how, NULL));
	close(binding);
	self->how.vm_fd = self->guest.fd;
	EXPECT_EQ(-ENOTTY, vt_bind(self->dev, &self->how, NULL));
	EXPECT_EQ(-ENOTTY, vt_bind(memfd, &self->how, NULL));
	EXPECT_EQ(0, vt_bindings(self->fd, NULL, 0));
	close(memfd);
}

/* A VM that was passed on is still its maker's. */
TEST_F(kvm_bind, other_process)
{
	struct vt_child child;
	int vm;

	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		struct vt_guest guest;

		VT_CHECK(!vt_guest_init(&guest, 0));
		VT_CHECK(!vt_send_fd(child.sock, guest.fd));
		vt_hear(child.sock);
		/* Nor is the parent's VM the child's. */
		VT_CHECK(vt_bind(self->fd, &self->how, NULL) == -EPERM);
		_exit(0);
	}
	vm = vt_recv_fd(child.sock);
	ASSERT_LE(0, vm);
	self->how.vm_fd = vm;
	EXPECT_EQ(-EPERM, vt_bind(self->fd, &self->how, NULL));
	EXPECT_EQ(0, vt_wait(&child));
	/* Not even when that has ended. */
	EXPECT_EQ(-EPERM, vt_bind(self->fd, &self->how, NULL));
	close(vm);
}

struct bad {
	int error;
	struct vmshm_bind how;
};

TEST_F(kvm_bind, arguments)
{
	const __u64 big = 1ULL << 63, end = -VT_PAGE;
	const struct vmshm_bind good = self->how;
	const struct bad bad[] = {
		{ EOPNOTSUPP, { .flags = 1U << 31 } },
		{ EINVAL, { .guest_addr = 1 } },
		{ EINVAL, { .guest_addr = big } },
		{ EOVERFLOW, { .guest_addr = end - GPA } },
		{ EINVAL, { .offset = 1 } },
		{ EINVAL, { .offset = VT_PAGE } },
		{ EINVAL, { .offset = MAX * VT_PAGE } },
		{ EINVAL, { .offset = end } },
		{ EINVAL, { .length = 1 } },
		{ EINVAL, { .length = VT_PAGE } },
		{ EINVAL, { .length = big } },
		{ EINVAL, { .granule = 1 } },
		{ EINVAL, { .user_addr = 1 } },
		{ EINVAL, { .user_addr = VT_PAGE } },
		{ EOVERFLOW, { .user_addr = end } },
		{ EINVAL, { .first_slot = VMSHM_BIND_SLOTS_MAX } },
		{ EINVAL, { .first_slot = ~0U - FIRST } },
		{ EINVAL, { .nr_slots = VMSHM_BIND_SLOTS_MAX } },
		{ EINVAL, { .nr_slots = ~0U - 16 } },
		/* The last ones are KVM's own. */
		{ EINVAL, { .first_slot = VMSHM_BIND_SLOTS_MAX - FIRST - 16 } },
		{ EINVAL, { .out_fd = 1 } },
		{ EINVAL, { .out_user_addr = VT_PAGE } },
		{ EINVAL, { .flags = VMSHM_BIND_USER } },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		struct vmshm_bind how = good;
		const struct vmshm_bind *b = &bad[i].how;

		how.flags += b->flags;
		how.guest_addr += b->guest_addr;
		how.offset += b->offset;
		how.length += b->length;
		how.granule += b->granule;
		how.user_addr += b->user_addr;
		how.first_slot += b->first_slot;
		how.nr_slots += b->nr_slots;
		how.out_fd += b->out_fd;
		how.out_user_addr += b->out_user_addr;
		EXPECT_EQ(-bad[i].error, vt_bind(self->fd, &how, NULL))
			TH_LOG("argument %u", i);
	}
	self->how.nr_slots = 0;
	EXPECT_EQ(-EINVAL, vt_bind(self->fd, &self->how, NULL));
	EXPECT_EQ(0, vt_bindings(self->fd, NULL, 0));
	EXPECT_TRUE(absent(self, GPA));
}

/* Slots and addresses that the VM uses already. */
TEST_F(kvm_bind, occupied)
{
	struct vmshm_bind how = self->how;
	unsigned char *mem;
	int binding;

	mem = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, mem);
	*word(mem, 0) = 42;
	ASSERT_EQ(0, vt_guest_slot(&self->guest, FIRST + 2, ELSEWHERE, mem,
				   SIZE));
	/* Its number, though not its address. */
	how.granule = GRANULE;
	EXPECT_EQ(-EEXIST, vt_bind(self->fd, &how, NULL));
	EXPECT_TRUE(absent(self, GPA));
	how.first_slot = 0;
	EXPECT_EQ(-EEXIST, vt_bind(self->fd, &how, NULL));
	/* Its address, in part, not in the first slot. */
	how.first_slot = FIRST + 10;
	how.guest_addr = ELSEWHERE - 3 * GRANULE;
	EXPECT_EQ(-EEXIST, vt_bind(self->fd, &how, NULL));
	EXPECT_TRUE(absent(self, ELSEWHERE - VT_PAGE));
	how.guest_addr = ELSEWHERE + SIZE - VT_PAGE;
	EXPECT_EQ(-EEXIST, vt_bind(self->fd, &how, NULL));
	EXPECT_TRUE(has(self, ELSEWHERE, 42));
	how.granule = VT_PAGE;
	how.nr_slots = NR - 1;
	how.guest_addr = GPA;
	EXPECT_EQ(-ENOSPC, vt_bind(self->fd, &how, NULL));
	how.nr_slots = NR;
	binding = vt_bind(self->fd, &how, NULL);
	ASSERT_LE(0, binding);
	/* Two bindings neither. */
	how.first_slot += NR;
	EXPECT_EQ(-EEXIST, vt_bind(self->fd, &how, NULL));
	how.guest_addr += SIZE;
	how.first_slot--;
	EXPECT_EQ(-EEXIST, vt_bind(self->fd, &how, NULL));
	EXPECT_TRUE(absent(self, GPA + SIZE));
	EXPECT_TRUE(has(self, GPA, 0));
	close(binding);
	munmap(mem, SIZE);
}

/* The caller's own mapping. */
TEST_F(kvm_bind, mappings)
{
	unsigned char *mem, *other;
	int binding, i;

	mem = vt_map(self->fd, MAX * VT_PAGE, PROT_READ | PROT_WRITE, 0);
	ASSERT_NE(NULL, mem);
	self->how.user_addr = (uintptr_t)mem;
	binding = vt_bind(self->fd, &self->how, (void **)&other);
	ASSERT_LE(0, binding);
	EXPECT_EQ(mem, other);
	EXPECT_EQ(0, vt_vcpu_store(self->vcpu, GPA, 77));
	EXPECT_EQ(77, *word(mem, 0));
	close(binding);

	/* Of two VMAs; then with one page that is another page, ... */
	ASSERT_EQ(0, mprotect(mem + VT_PAGE, VT_PAGE, PROT_READ));
	EXPECT_EQ(-EACCES, vt_bind(self->fd, &self->how, NULL));
	ASSERT_EQ(0, mprotect(mem + VT_PAGE, VT_PAGE, PROT_READ | PROT_WRITE));
	for (i = 0; i < 5; i++) {
		void *page = mem + (NR - 1) * VT_PAGE;
		int memfd = vt_memfd(SIZE);

		switch (i) {
		case 0:
			page = mmap(page, VT_PAGE, PROT_READ | PROT_WRITE,
				    MAP_SHARED | MAP_FIXED, self->fd, 0);
			break;
		case 1:	/* ... private, ... */
			page = mmap(page, VT_PAGE, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_FIXED, self->fd,
				    (NR - 1) * VT_PAGE);
			break;
		case 2:	/* ... of another file, ... */
			page = mmap(page, VT_PAGE, PROT_READ | PROT_WRITE,
				    MAP_SHARED | MAP_FIXED, memfd,
				    (NR - 1) * VT_PAGE);
			break;
		case 3:	/* ... of none, ... */
			page = mmap(page, VT_PAGE, PROT_READ | PROT_WRITE,
				    MAP_SHARED | MAP_FIXED | MAP_ANONYMOUS, -1,
				    0);
			break;
		case 4:	/* ... or nothing. */
			EXPECT_EQ(0, munmap(page, VT_PAGE));
			break;
		}
		ASSERT_NE(MAP_FAILED, page);
		EXPECT_EQ(-EINVAL, vt_bind(self->fd, &self->how, NULL))
			TH_LOG("mapping %d", i);
		close(memfd);
	}
	/* The page before is right, and is not that one. */
	self->how.length = SIZE - VT_PAGE;
	binding = vt_bind(self->fd, &self->how, NULL);
	EXPECT_LE(0, binding);
	close(binding);
	self->how.offset = VT_PAGE;
	self->how.length = VT_PAGE;
	EXPECT_EQ(-EINVAL, vt_bind(self->fd, &self->how, NULL));
	munmap(mem, MAX * VT_PAGE);
}

/* A VMM that pulls the mapping away harms its own guest alone. */
TEST_F(kvm_bind, mapping_goes)
{
	int binding;
	void *addr;

	binding = vt_bind(self->fd, &self->how, &addr);
	ASSERT_LE(0, binding);
	ASSERT_EQ(0, vt_vcpu_store(self->vcpu, GPA, 1));
	ASSERT_EQ(0, munmap(addr, VT_PAGE));
	EXPECT_EQ(-EFAULT, vt_vcpu_store(self->vcpu, GPA, 2));
	ASSERT_EQ(addr, mmap(addr, VT_PAGE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	EXPECT_EQ(0, vt_vcpu_store(self->vcpu, GPA, 3));
	EXPECT_EQ(3, *word(addr, 0));
	EXPECT_TRUE(vt_file_filled(self->fd, 4, 0, SIZE - 4));
	EXPECT_EQ(0, vt_vcpu_store(self->vcpu, GPA + VT_PAGE, 4));
	EXPECT_EQ(4, *word(addr, 1));
	EXPECT_EQ(0, vt_bind_update(binding, 0, ELSEWHERE));
	EXPECT_TRUE(has(self, ELSEWHERE, 3));
	munmap(addr, SIZE);
	close(binding);
	EXPECT_TRUE(absent(self, ELSEWHERE));
}

/* What the VMM does to the slots behind the back of a binding. */
TEST_F(kvm_bind, slot_goes)
{
	unsigned char *mem;
	int binding;

	mem = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, mem);
	self->how.granule = GRANULE;
	binding = vt_bind(self->fd, &self->how, NULL);
	ASSERT_LE(0, binding);
	ASSERT_EQ(0, vt_guest_slot(&self->guest, FIRST + 1, GPA + GRANULE,
				   NULL, 0));
	ASSERT_EQ(0, vt_guest_slot(&self->guest, FIRST + 1, GPA + GRANULE,
				   mem, SIZE - GRANULE - 2 * GRANULE));
	*word(mem, 0) = 42;
	EXPECT_EQ(-EBUSY, vt_bind_update(binding, 0, ELSEWHERE));
	EXPECT_TRUE(has(self, GPA + GRANULE, 42));
	close(binding);
	EXPECT_TRUE(absent(self, GPA));
	EXPECT_TRUE(absent(self, GPA + 2 * GRANULE));
	/* This one is the VMM's now. */
	EXPECT_TRUE(has(self, GPA + GRANULE, 42));
	munmap(mem, SIZE);
}

/* The VM lives as long as the binding, the memory too; the name does not. */
TEST_F(kvm_bind, keeps)
{
	char name[VMSHM_NAME_MAX + 1];
	__u32 value;
	int binding;
	void *addr;

	binding = vt_bind(self->fd, &self->how, &addr);
	ASSERT_LE(0, binding);
	ASSERT_EQ(0, vt_unlink(self->dev, vt_name(name, "bind")));
	close(self->fd);
	self->fd = -1;
	EXPECT_EQ(0, vt_vcpu_store(self->vcpu, GPA, 5));
	ASSERT_EQ(0, munmap(addr, SIZE));
	EXPECT_EQ(-EFAULT, load(self, GPA, &value));
	vt_guest_exit(&self->guest);
	ASSERT_EQ(0, vt_bind_update(binding, VMSHM_BIND_LOG, ELSEWHERE));
	close(binding);
	ASSERT_EQ(0, vt_guest_init(&self->guest, 1));
}

/* The range does not shrink below what does not follow. */
TEST_F(kvm_bind, does_not_follow)
{
	int binding;
	void *addr;

	self->how.length = SIZE / 2;
	binding = vt_bind(self->fd, &self->how, &addr);
	ASSERT_LE(0, binding);
	munmap(addr, SIZE / 2);
	EXPECT_EQ(0, vt_resize(self->fd, MAX * VT_PAGE));
	EXPECT_TRUE(absent(self, GPA + SIZE / 2));
	EXPECT_EQ(0, vt_resize(self->fd, SIZE / 2));
	EXPECT_EQ(-EBUSY, vt_resize(self->fd, SIZE / 2 - VT_PAGE));
	/* A part of the last page is all of it. */
	EXPECT_EQ(0, vt_resize(self->fd, SIZE / 2 - 1));
	close(binding);
	EXPECT_EQ(0, vt_resize(self->fd, 0));
}

struct resizer {
	int fd;
	atomic_bool stop;
	atomic_uint done;
};

/* Never less than a granule; what is bound may forbid to shrink. */
static void *resize(void *arg)
{
	struct resizer *r = arg;
	unsigned int i, granules = MAX / (GRANULE / VT_PAGE);
	int ret;

	for (i = 0; !atomic_load(&r->stop); i++) {
		ret = vt_resize(r->fd, (1 + i * 7 % granules) * GRANULE);
		VT_CHECK(!ret || ret == -EBUSY);
		if (!ret)
			atomic_fetch_add(&r->done, 1);
	}
	return NULL;
}

/* Bound to a range that stays: either there is all of it, or it is refused. */
static void bind_fixed(struct __test_metadata *_metadata,
		       FIXTURE_DATA(kvm_bind) *self)
{
	struct vmshm_bind how = self->how;
	int binding;
	void *addr;

	how.length = SIZE / 2;
	binding = vt_bind(self->fd, &how, &addr);
	if (binding < 0) {
		EXPECT_EQ(-EINVAL, binding);
		return;
	}
	EXPECT_LE((long long)SIZE / 2, vt_size(self->fd));
	EXPECT_TRUE(has(self, GPA, 42));
	EXPECT_EQ(0, vt_vcpu_store(self->vcpu, GPA + SIZE / 2 - 4, 1));
	close(binding);
	EXPECT_EQ(0, munmap(addr, SIZE / 2));
}

/* Bound to whatever there is: in whole granules, as much as there is slots. */
static void bind_following(struct __test_metadata *_metadata,
			   FIXTURE_DATA(kvm_bind) *self)
{
	struct vmshm_bind how = self->how;
	struct vmshm_bind_stat stat;
	int binding, i;
	void *addr;

	how.flags = VMSHM_BIND_FOLLOW;
	how.length = 0;
	how.granule = GRANULE;
	binding = vt_bind(self->fd, &how, &addr);
	ASSERT_LE(0, binding);
	for (i = 0; i < 4; i++) {
		EXPECT_TRUE(has(self, i % 2 ? ELSEWHERE : GPA, 42));
		EXPECT_EQ(0, vt_bind_stat(binding, &stat));
		EXPECT_LE(GRANULE, stat.out_bound);
		EXPECT_EQ(stat.out_bound / GRANULE, stat.out_used_slots);
		EXPECT_EQ(0, vt_bind_update(binding, how.flags,
					    i % 2 ? GPA : ELSEWHERE));
	}
	close(binding);
	EXPECT_TRUE(absent(self, GPA));
	EXPECT_EQ(0, munmap(addr, MAX * VT_PAGE));
}

/* Binding, moving and letting go while somebody resizes all the time. */
TEST_F(kvm_bind, during_resizes)
{
	struct resizer r = { .fd = self->fd };
	const __u32 value = 42;
	unsigned int i, before;
	pthread_t thread;

	ASSERT_EQ(4, pwrite(self->fd, &value, 4, 0));
	ASSERT_EQ(0, pthread_create(&thread, NULL, resize, &r));
	for (i = 0; i < 50; i++) {
		bind_fixed(_metadata, self);
		bind_following(_metadata, self);
		/* It gets on meanwhile. */
		before = r.done;
		while (i % 10 == 0 && r.done == before)
			usleep(100);
	}
	r.stop = true;
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, vt_bindings(self->fd, NULL, 0));
	EXPECT_EQ(0, vt_resize(self->fd, 0));
}

TEST_F(kvm_bind, modules_stay)
{
	int binding = vt_bind(self->fd, &self->how, NULL);

	ASSERT_LE(0, binding);
	close(self->guest.fd);
	self->guest.fd = -1;
	EXPECT_EQ(-1, syscall(SYS_delete_module, "vmshm_kvm", O_NONBLOCK));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(-1, syscall(SYS_delete_module, "vmshm", O_NONBLOCK));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(-1, syscall(SYS_delete_module, "kvm_amd", O_NONBLOCK));
	close(binding);
}

/* The binding was passed on, and its process ends: by exit or by execve. */
TEST_F(kvm_bind, passed_on)
{
	struct vmshm_bind_stat stat;
	struct vt_child child;
	int binding, i;

	for (i = 0; i < 2; i++) {
		struct pollfd poll_end = { .events = 0 };
		pid_t pid;

		ASSERT_LE(0, vt_fork(&child));
		if (!child.pid) {
			struct vt_guest guest;

			VT_CHECK(!vt_guest_init(&guest, 1));
			self->how.vm_fd = guest.fd;
			binding = vt_bind(self->fd, &self->how, NULL);
			VT_CHECK(binding >= 0);
			VT_CHECK(!vt_send_fd(child.sock, binding));
			VT_CHECK(!vt_hear(child.sock));
			if (i)
				execl("/bin/cat", "cat", NULL);
			_exit(0);
		}
		pid = child.pid;
		binding = vt_recv_fd(child.sock);
		ASSERT_LE(0, binding);
		ASSERT_EQ(0, vt_bind_stat(binding, &stat));
		EXPECT_EQ(pid, stat.out_pid);
		EXPECT_EQ(0, stat.out_flags);
		/* It is as good here as there, but for what is the mm's. */
		EXPECT_EQ(0, vt_bind_update(binding, 0, ELSEWHERE));
		EXPECT_EQ(-EPERM, vt_bind_update(binding, VMSHM_BIND_FOLLOW,
						 ELSEWHERE));
		EXPECT_EQ(1, vt_bindings(self->fd, NULL, 0));
		ASSERT_EQ(0, vt_tell(child.sock));
		poll_end.fd = binding;
		EXPECT_EQ(1, poll(&poll_end, 1, VT_PATIENCE * 1000));
		EXPECT_EQ(POLLHUP, poll_end.revents);
		ASSERT_EQ(0, vt_bind_stat(binding, &stat));
		EXPECT_EQ(VMSHM_BIND_ENDED, stat.out_flags);
		EXPECT_EQ(0, stat.out_bound);
		EXPECT_EQ(0, vt_bind_slots(binding, NULL, 0));
		EXPECT_EQ(-ESRCH, vt_bind_update(binding, 0, GPA));
		EXPECT_EQ(0, vt_bindings(self->fd, NULL, 0));
		vt_wait(&child);
		close(binding);
	}
}

TEST_F(kvm_bind, events)
{
	__u32 mask = 1U << VMSHM_EVENT_BOUND | 1U << VMSHM_EVENT_UNBOUND;
	struct vmshm_event event;
	int watch, binding;
	__u64 vm;

	watch = vt_watch(self->fd, "", mask, NULL);
	ASSERT_LE(0, watch);
	self->how.flags = VMSHM_BIND_FOLLOW;
	binding = vt_bind(self->fd, &self->how, NULL);
	ASSERT_LE(0, binding);
	ASSERT_EQ(0, vt_next_event(watch, &event));
	EXPECT_EQ(VMSHM_EVENT_BOUND, event.type);
	EXPECT_EQ(GPA, event.value);
	EXPECT_EQ(getpid(), event.pid);
	EXPECT_EQ(VMSHM_BIND_FOLLOW, event.flags);
	vm = event.old_value;
	EXPECT_NE(0, vm);
	EXPECT_EQ(0, vt_bind_update(binding, 0, GPA));
	EXPECT_EQ(0, vt_bind_update(binding, 0, ELSEWHERE));
	ASSERT_EQ(0, vt_next_event(watch, &event));
	EXPECT_EQ(VMSHM_EVENT_BOUND, event.type);
	EXPECT_EQ(ELSEWHERE, event.value);
	EXPECT_EQ(0, event.flags);
	close(binding);
	ASSERT_EQ(0, vt_next_event(watch, &event));
	EXPECT_EQ(VMSHM_EVENT_UNBOUND, event.type);
	EXPECT_EQ(0, event.flags);
	EXPECT_EQ(ELSEWHERE, event.value);
	EXPECT_EQ(vm, event.old_value);
	EXPECT_EQ(getpid(), event.pid);
	/* What failed is nobody's business. */
	self->how.first_slot = 0;
	EXPECT_EQ(-EEXIST, vt_bind(self->fd, &self->how, NULL));
	EXPECT_TRUE(vt_no_event(watch));
	close(watch);
}

TEST_F(kvm_bind, limits)
{
	long long limit = vt_param_get("bindings_region");
	struct vmshm_bind how = self->how;
	int bindings[3], i;

	ASSERT_LT(0, limit);
	ASSERT_EQ(0, vt_param_set("bindings_region", 3));
	how.nr_slots = 1;
	for (i = 0; i < 3; i++) {
		bindings[i] = vt_bind(self->fd, &how, NULL);
		EXPECT_LE(0, bindings[i]);
		how.first_slot++;
		how.guest_addr += SIZE;
	}
	EXPECT_EQ(-EDQUOT, vt_bind(self->fd, &how, NULL));
	close(bindings[1]);
	how.first_slot = FIRST + 1;
	how.guest_addr = GPA + SIZE;
	bindings[1] = vt_bind(self->fd, &how, NULL);
	EXPECT_LE(0, bindings[1]);
	for (i = 0; i < 3; i++)
		close(bindings[i]);
	EXPECT_EQ(0, vt_param_set("bindings_region", limit));
}

/* What the kernel must not be told twice: a bad place for the results. */
TEST_F(kvm_bind, results)
{
	struct vmshm_bind *arg;
	int i;

	arg = mmap(NULL, VT_PAGE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, arg);
	*arg = self->how;
	arg->size = sizeof(*arg);
	ASSERT_EQ(0, mprotect(arg, VT_PAGE, PROT_READ));
	for (i = 0; i < 20; i++) {
		EXPECT_EQ(-EFAULT, vt_ioctl(self->fd, VMSHM_IOC_BIND, arg));
		/* The file goes on the way back to us. */
		EXPECT_EQ(0, vt_bindings(self->fd, NULL, 0));
	}
	EXPECT_TRUE(absent(self, GPA));
	munmap(arg, VT_PAGE);
	/* Not mapped either. */
	EXPECT_EQ(0, vt_resize(self->fd, 0));
}

/* What the caller said stays as he said it. */
TEST_F(kvm_bind, argument)
{
	struct vmshm_bind arg = self->how;

	arg.size = sizeof(arg);
	arg.flags = VMSHM_BIND_FOLLOW;
	arg.length = 0;
	ASSERT_EQ(0, vt_ioctl(self->fd, VMSHM_IOC_BIND, &arg));
	EXPECT_EQ(0, arg.length);
	EXPECT_EQ(self->how.guest_addr, arg.guest_addr);
	EXPECT_EQ(0, arg.user_addr);
	EXPECT_NE(0, arg.out_user_addr);
	close(arg.out_fd);
}

/* Returns how often the module is used that makes VMs. */
static int vendor_used(void)
{
	int used = vt_module_users("kvm_amd");

	return used < 0 ? vt_module_users("kvm_intel") : used;
}

/* A binding may be all that a VM has, and the VM needs the module. */
TEST_F(kvm_bind, keeps_module)
{
	struct vmshm_bind how = self->how;
	struct vt_guest guest;
	int used, binding, tries = 0;

	/* Those of earlier tests may still be on their way out. */
	usleep(500000);
	used = vendor_used();
	ASSERT_LE(0, used);
	ASSERT_EQ(0, vt_guest_init(&guest, 1));
	how.vm_fd = guest.fd;
	binding = vt_bind(self->fd, &how, NULL);
	ASSERT_LE(0, binding);
	vt_guest_exit(&guest);
	EXPECT_LT(used, vendor_used());
	close(binding);
	while (vendor_used() > used && ++tries < VT_PATIENCE * 100)
		usleep(10000);
	EXPECT_GE(used, vendor_used());
}

/* What could not be returned is still to be looked at. */
TEST_F(kvm_bind, results_of_slots)
{
	struct vmshm_bind_slot slots[NR];
	struct vmshm_bind_slots *arg;
	int binding;

	self->how.flags = VMSHM_BIND_USER;
	self->how.vm_fd = -1;
	binding = vt_bind(self->fd, &self->how, NULL);
	ASSERT_LE(0, binding);
	EXPECT_EQ(POLLIN, vt_poll(binding) & POLLIN);
	arg = mmap(NULL, VT_PAGE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, arg);
	arg->size = sizeof(*arg);
	arg->entries = (uintptr_t)slots;
	arg->entry_size = sizeof(slots[0]);
	arg->count = NR;
	ASSERT_EQ(0, mprotect(arg, VT_PAGE, PROT_READ));
	EXPECT_EQ(-EFAULT, vt_ioctl(binding, VMSHM_IOC_BIND_SLOTS, arg));
	EXPECT_EQ(POLLIN, vt_poll(binding) & POLLIN);
	ASSERT_EQ(0, mprotect(arg, VT_PAGE, PROT_READ | PROT_WRITE));
	EXPECT_EQ(0, vt_ioctl(binding, VMSHM_IOC_BIND_SLOTS, arg));
	EXPECT_EQ(0, vt_poll(binding) & POLLIN);
	munmap(arg, VT_PAGE);
	close(binding);
}

TEST_HARNESS_MAIN
