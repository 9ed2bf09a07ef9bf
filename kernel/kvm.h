/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vmshm_kvm: VMs that have bindings, and what is done to their slots.
 *
 * To change a slot KVM waits for the vCPUs, and these for memory that may be
 * anything: that of a userfaultfd, of a file system in userspace. KVM's own caller
 * is the VMM, which has only itself to blame. Ours is whoever resizes a region, with
 * locks that others want. So each VM has a thread that does it, one job after the
 * other. Who asks waits for a limited time and gives the job up then; the thread
 * undoes what it has done of it, as soon as it can. The VMM itself, when it binds or
 * closes a binding, has no such locks and waits as it would for KVM: it is to know that
 * slots are gone before it unmaps their memory. Who exits, or closes files for others,
 * does not wait.
 */
#ifndef _VMSHM_KVM_H
#define _VMSHM_KVM_H

#include <linux/completion.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include "bind.h"

struct kvm;

/**
 * struct vmshm_vm - a VM that has bindings
 * @node: in the list of them; protected by its mutex
 * @users: number of bindings; written under the same
 * @id: its number
 * @kvm: the VM; a counted reference
 * @owner: the module that made it, such as kvm_amd, or NULL if it was built in; a
 *	reference
 * @wait: the thread, which ends with this and frees it
 * @lock: protects all below, and of the jobs what struct vmshm_job says; a leaf
 * @jobs: what is to be done, the next first
 */
struct vmshm_vm {
	struct list_head node;
	unsigned int users;
	u64 id;
	struct kvm *kvm;
	struct module *owner;
	wait_queue_head_t wait;

	/* Protects what follows, and what jobs say. */
	spinlock_t lock;
	struct list_head jobs;
};

/**
 * struct vmshm_job - something to be done to slots
 * @node: in vm->jobs, until it is begun
 * @done: @finished
 * @run: does it, in the thread, with the address space of the VM: 0, or an errno
 *	if it has not been done. Returns soon when it sees @given_up.
 * @undo: if it was given up when it was done, this is @run then; may be NULL
 * @slots: @nr slots, and for a change as many again: what they are to be. Freed
 *	with the job.
 * @nr: how many
 * @failed: why what was begun is being taken back, or 0
 * @later: it is not given up, but tried until it is done or the address space of the
 *	VM is gone: whoever asks need not know when; this and all below are protected
 *	by vm->lock, and only the thread changes this one when it has the job
 * @err: @failed, or what @run returned
 * @nr_done: how many slots have been removed
 * @finished: the thread is through with it, and who waits frees it
 * @given_up: nobody waits for it any more, though it was begun or is for later, and
 *	the thread frees it; never set with @finished
 */
struct vmshm_job {
	struct list_head node;
	struct completion done;
	int (*run)(struct vmshm_vm *vm, struct vmshm_job *job);
	int (*undo)(struct vmshm_vm *vm, struct vmshm_job *job);
	struct vmshm_memslot *slots;
	unsigned int nr;
	int failed;

	bool later;
	int err;
	unsigned int nr_done;
	bool finished;
	bool given_up;
};

/* kvm.c */
bool vmshm_vm_forget(struct vmshm_vm *vm);

/* kvm_job.c */
int vmshm_vm_start(struct vmshm_vm *vm);
struct vmshm_job *vmshm_job_new(unsigned int nr, gfp_t gfp);
void vmshm_job_free(struct vmshm_job *job);
int vmshm_job_do(struct vmshm_vm *vm, struct vmshm_job *job,
		 enum vmshm_wait wait, unsigned int *nr_done);
bool vmshm_job_count(struct vmshm_vm *vm, struct vmshm_job *job,
		     unsigned int nr);
bool vmshm_job_is_unwanted(const struct vmshm_job *job);

/* kvm_slots.c */
int vmshm_vm_add(struct vmshm_vm *vm, const struct vmshm_memslot *slots,
		 unsigned int nr, enum vmshm_wait wait);
int vmshm_vm_change(struct vmshm_vm *vm, const struct vmshm_memslot *from,
		    const struct vmshm_memslot *to, unsigned int nr);
unsigned int vmshm_vm_remove(struct vmshm_vm *vm,
			     const struct vmshm_memslot *slots, unsigned int nr,
			     enum vmshm_wait wait);
void vmshm_vm_remove_all(struct vmshm_vm *vm, struct vmshm_memslot *slots,
			 unsigned int nr, enum vmshm_wait wait);

#endif /* _VMSHM_KVM_H */
