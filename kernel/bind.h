/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vmshm: bindings, ranges of regions that are guest memory of VMs, and what the
 * core and vmshm_kvm have to say to each other.
 *
 * The core knows which slots there are to be and when; vmshm_kvm, which
 * registers its operations here, sets them. The core needs no KVM: without
 * vmshm_kvm there are only bindings whose slots the VMM sets (VMSHM_BIND_USER).
 *
 * vmshm_kvm pins the core, by the symbols it uses. Each binding with a VM pins
 * vmshm_kvm, so that its operations can be called, and by that kvm; and each VM that
 * has one the module that made it.
 */
#ifndef _VMSHM_BIND_H
#define _VMSHM_BIND_H

#include <linux/mmu_notifier.h>

#include "vmshm.h"

struct vmshm_vm;

/**
 * struct vmshm_memslot - a memory slot of a VM
 * @id: its number
 * @flags: VMSHM_BIND_READONLY, VMSHM_BIND_LOG
 * @guest_addr: guest-physical address
 * @user_addr: where its memory is in the VMM's address space
 * @length: bytes
 */
struct vmshm_memslot {
	u32 id;
	u32 flags;
	u64 guest_addr;
	u64 user_addr;
	u64 length;
};

/**
 * enum vmshm_wait - how long to wait for a VM
 * @VMSHM_WAIT_NOT: not at all
 * @VMSHM_WAIT: for a limited time
 * @VMSHM_WAIT_KILLABLE: the same, but not if the caller is being killed
 * @VMSHM_WAIT_OWN: until it is done, or the caller is being killed: who calls is the
 *	VM's own process and has no lock that anybody else wants
 */
enum vmshm_wait {
	VMSHM_WAIT_NOT,
	VMSHM_WAIT,
	VMSHM_WAIT_KILLABLE,
	VMSHM_WAIT_OWN,
};

/**
 * struct vmshm_kvm_ops - what vmshm_kvm does for the core
 * @owner: the module
 * @max_slots: slot numbers are less than this
 * @attach: take a reference to the VM behind a descriptor of the current
 *	process. Returns an ERR_PTR: -EBADF; -EINVAL: not a VM; -EPERM: another
 *	process's VM; -EIO: it is dead; -ENOMEM; -EINTR: the caller is being killed.
 * @detach: drop it. The VM may be destroyed then, a little later.
 * @id: the VM's number, unique while it is attached
 * @add: set slots, which lie one after the other, all or none. Returns 0;
 *	-EEXIST: a number is in use or there is other memory; -EBUSY: the VM is
 *	kept busy; -EINTR: the caller is being killed; -EINVAL; -ENOMEM.
 * @change: move slots, or change their flags. Returns 0; -EEXIST: there is other
 *	memory; -EBUSY: they are not as they were set, or the VM is kept busy;
 *	-EINTR; -EINVAL; -ENOMEM: see struct vmshm_bind_update.
 * @remove: remove slots, those that are still as they were set, the last first.
 *	Returns how many, or how many there were not: the others are there, or
 *	will be again.
 * @remove_all: remove slots, now or later, as if each was the last; frees @slots with
 *	kvfree()
 *
 * All but @id may sleep. They wait for the VM, whose slots its vCPUs and its VMM can
 * keep busy, as they are told, and @change with VMSHM_WAIT_KILLABLE.
 */
struct vmshm_kvm_ops {
	struct module *owner;
	u32 max_slots;
	struct vmshm_vm *(*attach)(int fd);
	void (*detach)(struct vmshm_vm *vm);
	u64 (*id)(const struct vmshm_vm *vm);
	int (*add)(struct vmshm_vm *vm, const struct vmshm_memslot *slots,
		   unsigned int nr, enum vmshm_wait wait);
	int (*change)(struct vmshm_vm *vm, const struct vmshm_memslot *from,
		      const struct vmshm_memslot *to, unsigned int nr);
	unsigned int (*remove)(struct vmshm_vm *vm,
			       const struct vmshm_memslot *slots,
			       unsigned int nr, enum vmshm_wait wait);
	void (*remove_all)(struct vmshm_vm *vm, struct vmshm_memslot *slots,
			   unsigned int nr, enum vmshm_wait wait);
};

/**
 * struct vmshm_binding_ctx - a binding; file->private_data
 * @node: in region->bindings, once it has all its slots and until it has ended;
 *	under region->bind_mutex
 * @region: the region
 * @inode: its outer inode; a counted reference, so that its memory stays
 * @user: whom it is charged to; a counted reference
 * @charged: kernel memory charged, in bytes
 * @ops: of vmshm_kvm, or NULL with VMSHM_BIND_USER; a reference to the module
 *	until the binding has ended
 * @vm: the VM, until the binding has ended
 * @vm_id: its number
 * @mm: the address space the VM uses; a reference to the struct alone, by @mn
 * @mn: tells when @mm goes, which is when no vCPU can run any more. The binding
 *	must not wait for its file then: that may have been passed on.
 * @end_work: ends the binding on behalf of @mn, in whose callback the VM cannot
 *	be let go
 * @release_work: releases it on behalf of who does not wait for @region
 * @opener: who bound it; never started, for @mn tells when it is over
 * @announced: VMSHM_EVENT_BOUND was raised
 * @first_slot: first slot number that is set aside for it
 * @nr_slots: how many are, and elements of @slots
 * @offset: first byte of the region
 * @length: bytes, at most
 * @granule: bytes, or 0
 * @user_addr: where the range is mapped in @mm
 * @wait: pollers
 * @flags: VMSHM_BIND_*; this and all below protected by region->bind_mutex while it is
 *	in the list, and its maker's before
 * @guest_addr: guest-physical address
 * @slots: the slots, one after the other from @offset on; when it has ended whoever
 *	has ended it has them
 * @used: how many there are
 * @extended: how many of these the resize under way has added
 * @changes: how often they have changed
 * @seen: @changes when userspace last looked
 */
struct vmshm_binding_ctx {
	struct list_head node;
	struct vmshm_region *region;
	struct inode *inode;
	struct vmshm_user *user;
	size_t charged;
	const struct vmshm_kvm_ops *ops;
	struct vmshm_vm *vm;
	u64 vm_id;
	struct mm_struct *mm;
	struct mmu_notifier mn;
	struct work_struct end_work;
	struct work_struct release_work;
	struct vmshm_opener opener;
	bool announced;
	u32 first_slot;
	u32 nr_slots;
	u64 offset;
	u64 length;
	u64 granule;
	u64 user_addr;
	wait_queue_head_t wait;

	u32 flags;
	u64 guest_addr;
	struct vmshm_memslot *slots;
	u32 used;
	u32 extended;
	u64 changes;
	u64 seen;
};

/* bind_kvm.c */
int vmshm_kvm_register(const struct vmshm_kvm_ops *ops);
void vmshm_kvm_unregister(const struct vmshm_kvm_ops *ops);
const struct vmshm_kvm_ops *vmshm_kvm_get(int fd);

/* slots.c */
u64 vmshm_binding_bound(const struct vmshm_binding_ctx *binding);
u64 vmshm_binding_wanted(const struct vmshm_binding_ctx *binding, u64 size);
int vmshm_binding_extend(struct vmshm_binding_ctx *binding, u64 old, u64 size,
			 enum vmshm_wait wait);
void vmshm_binding_cut(struct vmshm_binding_ctx *binding, u32 used,
		       enum vmshm_wait wait);
void vmshm_binding_changed(struct vmshm_binding_ctx *binding);

#endif /* _VMSHM_BIND_H */
