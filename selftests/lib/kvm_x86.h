/* SPDX-License-Identifier: GPL-2.0 */
/* What all small guests are made of. */
#ifndef _VMSHM_KVM_X86_H
#define _VMSHM_KVM_X86_H

#include <stddef.h>

#include <linux/kvm.h>

/* Protected mode, 32 bits, no paging: addresses are physical ones. */
static inline void vt_flat_segments(struct kvm_sregs *sregs)
{
	const struct kvm_segment data = {
		.limit = 0xffffffff,
		.selector = 16,
		.type = 3,
		.present = 1,
		.db = 1,
		.s = 1,
		.g = 1,
	};

	sregs->cr0 |= 1;
	sregs->ds = data;
	sregs->es = data;
	sregs->fs = data;
	sregs->gs = data;
	sregs->ss = data;
	sregs->cs = data;
	sregs->cs.selector = 8;
	sregs->cs.type = 11;
}

/* What KVM_SET_USER_MEMORY_REGION takes for a plain slot; @len 0 removes it. */
static inline struct kvm_userspace_memory_region
vt_plain_slot(__u32 slot, __u64 gpa, void *mem, size_t len)
{
	return (struct kvm_userspace_memory_region){
		.slot = slot,
		.guest_phys_addr = gpa,
		.memory_size = len,
		.userspace_addr = (__u64)(unsigned long)mem,
	};
}

#endif /* _VMSHM_KVM_X86_H */
