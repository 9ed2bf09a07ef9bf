/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Virtual machines that do nothing but touch memory. Conventions as in
 * vmshm_test.h.
 *
 * struct vt_vm has one vCPU, flat 32-bit protected mode without paging, and one
 * memory slot for the test. struct vt_guest has several vCPUs in 64-bit mode
 * and leaves the slots to the test.
 *
 * Several may run at a time, each vCPU in any thread, in one at a time.
 *
 * Where a fault of the emulation is repaired, see vcpu_rescue.h, the program of a
 * struct vt_vm begins anew, so that words may have been incremented more often
 * than was asked for: where that matters, look at rescue.nr. The programs of a
 * struct vt_guest do what was asked for, once.
 */
#ifndef _VMSHM_MINIVM_H
#define _VMSHM_MINIVM_H

#include <linux/kvm.h>

#include "lib/vcpu_rescue.h"
#include "lib/vmshm_test.h"

/* Guest-physical address of the memory; huge pages fit. */
#define VT_VM_MEMORY	0x40000000U

struct vt_vm {
	int kvm;
	int fd;
	int vcpu;
	struct kvm_run *run;
	size_t run_len;
	unsigned char *code;
	struct vt_rescue rescue;
	struct kvm_dirty_gfn *ring;	/* or MAP_FAILED */
	size_t ring_len;
	__u32 ring_next;		/* for its reader */
};

/* A VM whose memory is that of this process from @mem on. */
int vt_vm_init(struct vt_vm *vm, void *mem, size_t len);
/* The same, with a ring of so many entries for what slots are told to log. */
int vt_vm_init_ring(struct vt_vm *vm, void *mem, size_t len, __u32 entries);
void vt_vm_exit(struct vt_vm *vm);

/*
 * The guest increments (or reads) @count 32-bit words, the first at @offset
 * of the memory, the others @stride bytes apart.
 */
int vt_vm_write(struct vt_vm *vm, __u32 offset, __u32 stride, __u32 count);
int vt_vm_read(struct vt_vm *vm, __u32 offset, __u32 stride, __u32 count);

/*
 * The guest increments the word at @offset of @count pages that it picks at
 * random from the first @pages, a power of two.
 */
int vt_vm_write_random(struct vt_vm *vm, __u32 offset, __u32 pages,
		       __u32 count, __u32 *seed);

/* What a guest needs itself: slot 0, at address 0. */
#define VT_GUEST_LOW	0x8000U
/* Guest-physical addresses are virtual addresses, up to here. */
#define VT_GUEST_END	(1ULL << 32)
#define VT_GUEST_VCPUS	4

struct vt_vcpu {
	int fd;
	struct kvm_run *run;
	size_t run_len;
	struct vt_rescue rescue;
	/* For vt_vcpu_count(): how far it has come, and where the guest has that. */
	volatile __u64 *left;
	__u64 left_gpa;
};

struct vt_guest {
	int kvm;
	int fd;
	unsigned char *low;
	unsigned int nr_vcpus;
	struct vt_vcpu vcpus[VT_GUEST_VCPUS];
};

int vt_guest_init(struct vt_guest *guest, unsigned int nr_vcpus);
void vt_guest_exit(struct vt_guest *guest);

/* A plain memory slot; @len 0 removes it. */
int vt_guest_slot(struct vt_guest *guest, __u32 slot, __u64 gpa, void *mem,
		  size_t len);

/*
 * What an access of the guest ended with, other than 0 or a negative errno
 * (-EFAULT: there is a slot, but no memory behind it).
 */
#define VT_GUEST_MMIO	1	/* there is no slot, or a write was not allowed */
#define VT_GUEST_WRONG	2	/* vt_vcpu_count(): not the value expected */

/* The guest reads or writes a 32-bit word. */
int vt_vcpu_load(struct vt_vcpu *vcpu, __u64 gpa, __u32 *value);
int vt_vcpu_store(struct vt_vcpu *vcpu, __u64 gpa, __u32 value);

/*
 * The guest reads @count words, @stride bytes apart, which are all to be
 * @value, and increments each. With VT_GUEST_WRONG, @where and @found say which
 * was not, and what it was; with VT_GUEST_MMIO, @where.
 */
int vt_vcpu_count(struct vt_vcpu *vcpu, __u64 gpa, __u64 stride, __u64 count,
		  __u32 value, __u64 *where, __u32 *found);

#endif /* _VMSHM_MINIVM_H */
