// SPDX-License-Identifier: GPL-2.0
/*
 * The tests' own guests: one that loses its state goes on as if nothing had
 * happened, see lib/vcpu_rescue.h, and one that has lost its memory does not.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sys/mman.h>

#include "lib/harness.h"
#include "lib/minivm.h"
#include "lib/vmshm_mem.h"

#define NR		64
#define GPA		0x10000000ULL
/* No memory of the guest. */
#define FOREIGN		0x20000000ULL
/* Where the machine's kernel is, and its modules. */
#define KERNEL		0xffffffffc0000000ULL
/* As often as it is to happen. */
#define TIMES		3

FIXTURE(kvm_rescue) {
	struct vt_guest guest;
	struct vt_vcpu *vcpu;
	__u32 *mem;
};

FIXTURE_SETUP(kvm_rescue)
{
	self->mem = mmap(NULL, NR * VT_PAGE, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->mem);
	ASSERT_EQ(0, vt_guest_init(&self->guest, 1));
	ASSERT_EQ(0, vt_guest_slot(&self->guest, 1, GPA, self->mem,
				   NR * VT_PAGE));
	self->vcpu = &self->guest.vcpus[0];
}

FIXTURE_TEARDOWN(kvm_rescue)
{
	vt_guest_exit(&self->guest);
	munmap(self->mem, NR * VT_PAGE);
}

/*
 * What the emulation does: between two instructions all is of somebody else. In the
 * thread that runs the vCPU, so that it is all or nothing.
 */
static void spoil(struct vt_rescue *rescue, __u64 cr3, __u64 rip)
{
	struct kvm_sregs sregs;
	struct kvm_regs regs;

	VT_CHECK(!vt_ioctl(rescue->vcpu, KVM_GET_SREGS, &sregs));
	sregs.cr3 = cr3;
	VT_CHECK(!vt_ioctl(rescue->vcpu, KVM_SET_SREGS, &sregs));
	VT_CHECK(!vt_ioctl(rescue->vcpu, KVM_GET_REGS, &regs));
	regs.rip = rip;
	regs.rdi = 0;
	regs.rax = FOREIGN;
	VT_CHECK(!vt_ioctl(rescue->vcpu, KVM_SET_REGS, &regs));
}

static void make_foreign(struct vt_rescue *rescue)
{
	spoil(rescue, FOREIGN, 0);
}

/* It has its own page tables, but goes on where these have nothing. */
static void make_shut_down(struct vt_rescue *rescue)
{
	spoil(rescue, rescue->sregs.cr3, KERNEL);
}

/* Into zeros behind its programs: to add %al to what is at %rax. */
static void make_lost(struct vt_rescue *rescue)
{
	spoil(rescue, rescue->sregs.cr3, rescue->code_end + 100);
}

static void count(struct __test_metadata *_metadata,
		  FIXTURE_DATA(kvm_rescue) *self)
{
	__u32 found, i, words = NR * VT_PAGE / sizeof(*self->mem);
	__u64 where;

	for (i = 0; self->vcpu->rescue.nr < TIMES; i++)
		ASSERT_EQ(0, vt_vcpu_count(self->vcpu, GPA, sizeof(*self->mem),
					   words, i, &where, &found))
			TH_LOG("0x%llx: %u instead of %u", where, found, i);
	EXPECT_EQ(i, self->mem[0]);
	EXPECT_EQ(i, self->mem[words - 1]);
	TH_LOG("%u rounds", i);
}

TEST_F_TIMEOUT(kvm_rescue, counts_once, 300)
{
	self->vcpu->rescue.interrupted = make_foreign;
	count(_metadata, self);
}

TEST_F_TIMEOUT(kvm_rescue, counts_once_after_shutdown, 300)
{
	self->vcpu->rescue.interrupted = make_shut_down;
	count(_metadata, self);
}

TEST_F_TIMEOUT(kvm_rescue, counts_once_after_elsewhere, 300)
{
	self->vcpu->rescue.interrupted = make_lost;
	count(_metadata, self);
}

/* A guest that does what its page tables do not allow does so again. */
TEST_F(kvm_rescue, not_from_itself)
{
	__u32 value;

	EXPECT_EQ(-EIO, vt_vcpu_load(self->vcpu, VT_GUEST_END, &value));
	EXPECT_EQ(KVM_EXIT_SHUTDOWN, self->vcpu->run->exit_reason);
	EXPECT_EQ(VT_LOST_MAX, self->vcpu->rescue.nr);
}

/* Where a program is that the guest was never given. */
#define STRAY		0x200

static void make_stray(struct vt_rescue *rescue)
{
	struct kvm_regs regs;

	VT_CHECK(!vt_ioctl(rescue->vcpu, KVM_GET_REGS, &regs));
	regs.rip = STRAY;
	regs.rdi = FOREIGN;
	VT_CHECK(!vt_ioctl(rescue->vcpu, KVM_SET_REGS, &regs));
}

/* A word that is not there is the guest's own affair, wherever it asks for it. */
TEST_F_TIMEOUT(kvm_rescue, not_from_a_word, 300)
{
	static const unsigned char load_word[] = { 0x8b, 0x07 };
	__u32 found, i = 0, words = NR * VT_PAGE / sizeof(*self->mem);
	struct vt_rescue *rescue = &self->vcpu->rescue;
	__u64 where;
	int ret;

	/* As if it had been there from the beginning. */
	memcpy(self->guest.low + STRAY, load_word, sizeof(load_word));
	memcpy((unsigned char *)rescue->mem_copy + STRAY, load_word,
	       sizeof(load_word));
	rescue->interrupted = make_stray;
	do
		ret = vt_vcpu_count(self->vcpu, GPA, sizeof(*self->mem), words,
				    i++, &where, &found);
	while (!ret);
	EXPECT_EQ(VT_GUEST_MMIO, ret);
	EXPECT_EQ(0, rescue->nr);
}

struct loader {
	struct vt_vcpu *vcpu;
	int ret;
};

static void *load(void *arg)
{
	struct loader *loader = arg;
	__u32 value;

	loader->ret = vt_vcpu_load(loader->vcpu, GPA, &value);
	return NULL;
}

static __u64 emulated(const struct vt_rescue *rescue)
{
	__u64 nr;

	VT_CHECK(pread(rescue->stats, &nr, sizeof(nr),
		       rescue->stats_emulated) == sizeof(nr));
	return nr;
}

/* Returns what the guest did when it got its slot back. */
static int without_slot(struct __test_metadata *_metadata,
			FIXTURE_DATA(kvm_rescue) *self)
{
	struct loader loader = { .vcpu = self->vcpu };
	__u64 before = emulated(&self->vcpu->rescue);
	pthread_t thread;

	ASSERT_EQ(0, vt_guest_slot(&self->guest, 0, 0, NULL, 0));
	ASSERT_EQ(0, pthread_create(&thread, NULL, load, &loader));
	while (emulated(&self->vcpu->rescue) == before)
		usleep(1000);
	ASSERT_EQ(0, vt_guest_slot(&self->guest, 0, 0, self->guest.low,
				   VT_GUEST_LOW));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	return loader.ret;
}

/*
 * Its code and page tables are what they were, but for a while it has no slot.
 * It goes on as if nothing was, if KVM has no exception for it at that moment.
 */
TEST_F(kvm_rescue, not_without_slot)
{
	int ret, tries = 0;

	do
		ret = without_slot(_metadata, self);
	while (!ret && ++tries < 20);
	EXPECT_EQ(-EIO, ret);
	EXPECT_EQ(KVM_EXIT_SHUTDOWN, self->vcpu->run->exit_reason);
	EXPECT_EQ(0, self->vcpu->rescue.nr);
}

/* What a fault of vmshm would do: nobody is rescued. */
TEST_F(kvm_rescue, not_without_memory)
{
	__u32 value, found;
	__u64 where;

	self->mem[0] = 1;
	EXPECT_EQ(VT_GUEST_WRONG, vt_vcpu_count(self->vcpu, GPA, 4, 1, 2,
						&where, &found));
	EXPECT_EQ(GPA, where);
	EXPECT_EQ(1, found);
	EXPECT_EQ(1, self->mem[0]);
	ASSERT_EQ(0, munmap(self->mem, VT_PAGE));
	EXPECT_EQ(-EFAULT, vt_vcpu_load(self->vcpu, GPA, &value));
	ASSERT_EQ(0, vt_guest_slot(&self->guest, 1, GPA, NULL, 0));
	EXPECT_EQ(VT_GUEST_MMIO, vt_vcpu_load(self->vcpu, GPA, &value));
	/* Nor its own memory, page tables included: that resets it. */
	memset(self->guest.low, 0xff, VT_GUEST_LOW);
	EXPECT_EQ(-EIO, vt_vcpu_load(self->vcpu, GPA, &value));
	EXPECT_EQ(KVM_EXIT_SHUTDOWN, self->vcpu->run->exit_reason);
	EXPECT_EQ(0, self->vcpu->rescue.nr);
	self->mem = mmap(self->mem, VT_PAGE, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	EXPECT_NE(MAP_FAILED, self->mem);
}

TEST_HARNESS_MAIN
