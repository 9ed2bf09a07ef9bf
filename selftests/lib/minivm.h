/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A virtual machine that does nothing but touch memory: one vCPU, flat 32-bit
 * protected mode without paging, one memory slot for the test. Conventions as in
 * vmshm_test.h.
 *
 * VMs are of the thread that made them. Several may run at a time.
 *
 * Where a fault of the emulation is repaired, see vcpu_rescue.h, the guest begins
 * anew, so that words may have been incremented more often than was asked for.
 */
#ifndef _VMSHM_MINIVM_H
#define _VMSHM_MINIVM_H

#include <linux/kvm.h>
#include <time.h>

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
	struct kvm_sregs sregs;
	timer_t kick;
	bool kicked;
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

#endif /* _VMSHM_MINIVM_H */
