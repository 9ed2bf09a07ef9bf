// SPDX-License-Identifier: GPL-2.0
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "lib/kvm_x86.h"
#include "lib/minivm.h"
#include "lib/vmshm_mem.h"

/* The guest's programs, as in minivm.c. */

#define PORT_DONE	0x10
#define PORT_WRONG	0x11

/* What is left is noted before each change: see resume(). */
static const unsigned char code_count[] = {
	0x8b, 0x1f,			/* 1: mov (%rdi), %ebx */
	0x39, 0xc3,			/*    cmp %eax, %ebx */
	0x75, 0x11,			/*    jne 2f */
	0x49, 0x89, 0x08,		/*    mov %rcx, (%r8) */
	0xff, 0xc3,			/*    inc %ebx */
	0x89, 0x1f,			/*    mov %ebx, (%rdi) */
	0x48, 0x01, 0xd7,		/*    add %rdx, %rdi */
	0x48, 0xff, 0xc9,		/*    dec %rcx */
	0x75, 0xeb,			/*    jnz 1b */
	0xe6, PORT_DONE,		/*    out %al, $PORT_DONE */
	0xe6, PORT_WRONG,		/* 2: out %al, $PORT_WRONG */
};

static const unsigned char code_load[] = {
	0x8b, 0x07,			/*    mov (%rdi), %eax */
	0xe6, PORT_DONE,		/*    out %al, $PORT_DONE */
};

static const unsigned char code_store[] = {
	0x89, 0x07,			/*    mov %eax, (%rdi) */
	0xe6, PORT_DONE,		/*    out %al, $PORT_DONE */
};

#define CODE_COUNT	0
#define CODE_LOAD	(CODE_COUNT + sizeof(code_count))
#define CODE_STORE	(CODE_LOAD + sizeof(code_load))
#define CODE_END	(CODE_STORE + sizeof(code_store))

/* Where the page tables are, up to 0x7000, and what is in an entry. */
#define PML4		0x1000
#define PDPT		0x2000
#define PD		0x3000
#define PTE_TABLE	0x23ULL		/* present, writable, accessed */
#define PTE_HUGE	0xe3ULL		/* and dirty, 2 MiB */

/* What vCPUs note, not in the same line of a cache. */
#define LEFT		0x7000
#define LEFT_STRIDE	64

#define CR0_PG		0x80000000ULL
#define CR4_PAE		0x20ULL
#define EFER_LME	0x100ULL
#define EFER_LMA	0x400ULL

static void write_tables(unsigned char *low)
{
	__u64 *pml4 = (void *)(low + PML4), *pdpt = (void *)(low + PDPT);
	__u64 *pd = (void *)(low + PD);
	unsigned int i;

	pml4[0] = PDPT | PTE_TABLE;
	for (i = 0; i < VT_GUEST_END >> 30; i++)
		pdpt[i] = (PD + i * VT_PAGE) | PTE_TABLE;
	for (i = 0; i < VT_GUEST_END / VT_HUGE; i++)
		pd[i] = i * VT_HUGE | PTE_HUGE;
}

static int set_cpuid(int kvm, int vcpu)
{
	enum { ENTRIES = 256 };
	struct kvm_cpuid2 *cpuid;
	int ret;

	cpuid = calloc(1, sizeof(*cpuid) + ENTRIES * sizeof(cpuid->entries[0]));
	if (!cpuid)
		return -ENOMEM;
	cpuid->nent = ENTRIES;
	ret = vt_ioctl(kvm, KVM_GET_SUPPORTED_CPUID, cpuid);
	if (!ret)
		ret = vt_ioctl(vcpu, KVM_SET_CPUID2, cpuid);
	free(cpuid);
	return ret;
}

static int set_long_mode(int vcpu)
{
	struct kvm_sregs sregs;
	int ret;

	ret = vt_ioctl(vcpu, KVM_GET_SREGS, &sregs);
	if (ret)
		return ret;
	vt_flat_segments(&sregs);
	sregs.cs.l = 1;
	sregs.cs.db = 0;
	sregs.cr3 = PML4;
	sregs.cr4 |= CR4_PAE;
	sregs.cr0 |= CR0_PG;
	sregs.efer |= EFER_LME | EFER_LMA;
	return vt_ioctl(vcpu, KVM_SET_SREGS, &sregs);
}

static int open_vcpu(struct vt_guest *guest, unsigned int id)
{
	struct vt_vcpu *vcpu = &guest->vcpus[id];
	int ret;

	/* The number is the argument itself. */
	vcpu->fd = ioctl(guest->fd, KVM_CREATE_VCPU, (unsigned long)id);
	if (vcpu->fd < 0)
		return -errno;
	vcpu->run_len = vt_ioctl(guest->kvm, KVM_GET_VCPU_MMAP_SIZE, NULL);
	vcpu->run = mmap(NULL, vcpu->run_len, PROT_READ | PROT_WRITE,
			 MAP_SHARED, vcpu->fd, 0);
	if (vcpu->run == MAP_FAILED)
		return -errno;
	vcpu->left_gpa = LEFT + id * LEFT_STRIDE;
	vcpu->left = (void *)(guest->low + vcpu->left_gpa);
	ret = set_cpuid(guest->kvm, vcpu->fd);
	if (!ret)
		ret = set_long_mode(vcpu->fd);
	if (ret)
		return ret;
	return vt_rescue_init(&vcpu->rescue, vcpu->fd, vcpu->run, guest->low,
			      LEFT, CODE_END);
}

static int open_guest(struct vt_guest *guest)
{
	unsigned int i;
	int ret;

	guest->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (guest->kvm < 0)
		return -errno;
	guest->fd = vt_ioctl(guest->kvm, KVM_CREATE_VM, NULL);
	if (guest->fd < 0)
		return guest->fd;
	guest->low = mmap(NULL, VT_GUEST_LOW, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (guest->low == MAP_FAILED)
		return -errno;
	memcpy(guest->low + CODE_COUNT, code_count, sizeof(code_count));
	memcpy(guest->low + CODE_LOAD, code_load, sizeof(code_load));
	memcpy(guest->low + CODE_STORE, code_store, sizeof(code_store));
	write_tables(guest->low);
	ret = vt_guest_slot(guest, 0, 0, guest->low, VT_GUEST_LOW);
	for (i = 0; i < guest->nr_vcpus && !ret; i++)
		ret = open_vcpu(guest, i);
	return ret;
}

int vt_guest_init(struct vt_guest *guest, unsigned int nr_vcpus)
{
	unsigned int i;
	int ret;

	if (nr_vcpus > VT_GUEST_VCPUS)
		return -EINVAL;
	*guest = (struct vt_guest){
		.kvm = -1,
		.fd = -1,
		.low = MAP_FAILED,
		.nr_vcpus = nr_vcpus,
	};
	for (i = 0; i < nr_vcpus; i++)
		guest->vcpus[i] = (struct vt_vcpu){ .fd = -1, .run = MAP_FAILED };
	ret = open_guest(guest);
	if (ret)
		vt_guest_exit(guest);
	return ret;
}

void vt_guest_exit(struct vt_guest *guest)
{
	unsigned int i;

	for (i = 0; i < guest->nr_vcpus; i++) {
		struct vt_vcpu *vcpu = &guest->vcpus[i];

		vt_rescue_exit(&vcpu->rescue);
		if (vcpu->run != MAP_FAILED)
			munmap(vcpu->run, vcpu->run_len);
		if (vcpu->fd >= 0)
			close(vcpu->fd);
	}
	if (guest->low != MAP_FAILED)
		munmap(guest->low, VT_GUEST_LOW);
	if (guest->fd >= 0)
		close(guest->fd);
	if (guest->kvm >= 0)
		close(guest->kvm);
}

int vt_guest_slot(struct vt_guest *guest, __u32 slot, __u64 gpa, void *mem,
		  size_t len)
{
	struct kvm_userspace_memory_region arg =
		vt_plain_slot(slot, gpa, mem, len);

	return vt_ioctl(guest->fd, KVM_SET_USER_MEMORY_REGION, &arg);
}

/*
 * An access is over only when KVM_RUN is called again, which would then go on
 * with the instruction after it, whatever the registers say.
 */
static int finish_mmio(struct vt_vcpu *vcpu)
{
	int ret;

	vcpu->run->immediate_exit = 1;
	ret = vt_ioctl(vcpu->fd, KVM_RUN, NULL);
	vcpu->run->immediate_exit = 0;
	return ret == -EINTR ? VT_GUEST_MMIO : -EIO;
}

/* Once; -ERESTART if it was rescued on the way. */
static int try_run(struct vt_vcpu *vcpu, struct kvm_regs *regs)
{
	const struct kvm_run *r = vcpu->run;
	int ret;

	regs->rflags = 2;
	ret = vt_ioctl(vcpu->fd, KVM_SET_REGS, regs);
	if (!ret)
		ret = vt_rescue_run(&vcpu->rescue);
	if (ret)
		return ret;
	ret = vt_ioctl(vcpu->fd, KVM_GET_REGS, regs);
	if (ret)
		return ret;
	if (r->exit_reason == KVM_EXIT_MMIO)
		return finish_mmio(vcpu);
	if (r->exit_reason == KVM_EXIT_IO && r->io.port == PORT_DONE)
		return 0;
	if (r->exit_reason == KVM_EXIT_IO && r->io.port == PORT_WRONG)
		return VT_GUEST_WRONG;
	return vt_rescue_unexpected(&vcpu->rescue);
}

/* What may be done twice. */
static int run(struct vt_vcpu *vcpu, struct kvm_regs *regs)
{
	const struct kvm_regs begin = *regs;
	int ret;

	do {
		*regs = begin;
		ret = try_run(vcpu, regs);
	} while (ret == -ERESTART);
	return ret;
}

int vt_vcpu_load(struct vt_vcpu *vcpu, __u64 gpa, __u32 *value)
{
	struct kvm_regs regs = { .rip = CODE_LOAD, .rdi = gpa };
	int ret = run(vcpu, &regs);

	*value = regs.rax;
	return ret;
}

int vt_vcpu_store(struct vt_vcpu *vcpu, __u64 gpa, __u32 value)
{
	struct kvm_regs regs = { .rip = CODE_STORE, .rdi = gpa, .rax = value };

	return run(vcpu, &regs);
}

/*
 * Counting was interrupted: @regs, what it began with, become what it is to go on
 * with. Words before the noted one are done, those after it are not. That one may
 * be either: it is looked at, and if it is neither the guest will find so.
 */
static int resume(struct vt_vcpu *vcpu, struct kvm_regs *regs)
{
	__u64 left = *vcpu->left;
	__u32 found;
	int ret;

	if (!left)
		return 0;
	regs->rdi += (regs->rcx - left) * regs->rdx;
	regs->rcx = left;
	ret = vt_vcpu_load(vcpu, regs->rdi, &found);
	if (!ret && found == (__u32)regs->rax + 1) {
		regs->rdi += regs->rdx;
		regs->rcx--;
	}
	return ret;
}

int vt_vcpu_count(struct vt_vcpu *vcpu, __u64 gpa, __u64 stride, __u64 count,
		  __u32 value, __u64 *where, __u32 *found)
{
	struct kvm_regs begin = {
		.rip = CODE_COUNT,
		.rdi = gpa,
		.rdx = stride,
		.rcx = count,
		.rax = value,
		.r8 = vcpu->left_gpa,
	};
	struct kvm_regs regs = begin;
	int ret;

	do {
		*vcpu->left = 0;
		regs = begin;
		ret = try_run(vcpu, &regs);
		if (ret != -ERESTART)
			break;
		ret = resume(vcpu, &begin);
		regs = begin;
	} while (!ret && begin.rcx);
	*where = regs.rdi;
	*found = regs.rbx;
	return ret;
}
