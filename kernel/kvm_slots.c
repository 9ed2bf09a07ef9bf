// SPDX-License-Identifier: GPL-2.0
/*
 * The memory slots of VMs, on behalf of vmshm.
 *
 * What the ioctl of a VM would check for its caller is checked here, as the
 * callers are other processes: the VM's own process binds, anybody resizes. A
 * slot is only ever touched if it is the one that was set: the VMM could set it
 * too.
 */
#include <linux/delay.h>
#include <linux/kvm_host.h>
#include <linux/memcontrol.h>
#include <linux/sched/mm.h>
#include <linux/string.h>

#include "kvm.h"

/* How long to wait each time for the lock of a VM's slots, in ms. */
#define VMSHM_LOCK_WAIT		1
#define VMSHM_LOCK_WAIT_LATER	100

/* How often, and how long in ms, to wait for memory to remove slots. */
#define VMSHM_REMOVE_TRIES	50
#define VMSHM_REMOVE_WAIT	10

static struct kvm_memory_slot *vmshm_vm_slot(struct kvm *kvm, u32 id)
{
	lockdep_assert_held(&kvm->slots_lock);
	return id_to_memslot(kvm_memslots(kvm), id);
}

/* Is this what we set, wherever in guest memory it is? */
static bool vmshm_vm_has(struct kvm *kvm, const struct vmshm_memslot *slot)
{
	const struct kvm_memory_slot *there = vmshm_vm_slot(kvm, slot->id);

	return there && there->userspace_addr == slot->user_addr &&
	       there->npages == slot->length >> PAGE_SHIFT;
}

/* Is there other memory than that of slots from @first to @last? */
static bool vmshm_vm_occupied(struct kvm *kvm, gfn_t start, gfn_t end,
			      u32 first, u32 last)
{
	struct kvm_memslot_iter iter;

	kvm_for_each_memslot_in_gfn_range(&iter, kvm_memslots(kvm), start, end)
		if (iter.slot->id < first || iter.slot->id > last)
			return true;
	return false;
}

/*
 * KVM holds slots_lock while it copies dirty bitmaps to its caller, whose memory
 * may be anything. Returns 0, or -EBUSY if nobody wants the job any more; or only 0
 * without one.
 */
static int vmshm_vm_lock(struct kvm *kvm, const struct vmshm_job *job)
{
	bool hurry;

	while (!mutex_trylock(&kvm->slots_lock)) {
		if (job && vmshm_job_is_unwanted(job))
			return -EBUSY;
		hurry = job && !READ_ONCE(job->given_up);
		msleep(hurry ? VMSHM_LOCK_WAIT : VMSHM_LOCK_WAIT_LATER);
	}
	return 0;
}

/* KVM's own memory is the VMM's, whoever has the slot set. */
static int vmshm_vm_set(struct kvm *kvm, const struct vmshm_memslot *slot,
			u64 length)
{
	struct mem_cgroup *memcg, *old;
	int err;
	vmshm_kvm_memory_region region = {
		.slot = slot->id,
		.guest_phys_addr = slot->guest_addr,
		.memory_size = length,
		.userspace_addr = slot->user_addr,
	};

	if (slot->flags & VMSHM_BIND_READONLY)
		region.flags |= KVM_MEM_READONLY;
	if (slot->flags & VMSHM_BIND_LOG)
		region.flags |= KVM_MEM_LOG_DIRTY_PAGES;
	memcg = get_mem_cgroup_from_mm(kvm->mm);
	old = set_active_memcg(memcg);
	err = __kvm_set_memory_region(kvm, &region);
	set_active_memcg(old);
	mem_cgroup_put(memcg);
	return err;
}

static gfn_t vmshm_slots_end(const struct vmshm_memslot *slots, unsigned int nr)
{
	return (slots[nr - 1].guest_addr + slots[nr - 1].length) >> PAGE_SHIFT;
}

/* A slot cannot be removed for lack of memory, which passes. */
static int vmshm_job_remove_slot(struct vmshm_vm *vm, struct vmshm_job *job,
				 const struct vmshm_memslot *slot)
{
	struct kvm *kvm = vm->kvm;
	int tries, err;

	for (tries = 0; tries < VMSHM_REMOVE_TRIES; tries++) {
		err = vmshm_vm_lock(kvm, job);
		if (err)
			return err;
		if (!vmshm_vm_has(kvm, slot)) {
			vmshm_job_count(vm, job, 1);
			mutex_unlock(&kvm->slots_lock);
			return 0;
		}
		err = vmshm_vm_set(kvm, slot, 0);
		/* It stays, for whoever waited has been told so. */
		if (!err && !vmshm_job_count(vm, job, 1))
			vmshm_vm_set(kvm, slot, slot->length);
		mutex_unlock(&kvm->slots_lock);
		if (err != -ENOMEM || vmshm_job_is_unwanted(job))
			return err;
		msleep(VMSHM_REMOVE_WAIT);
	}
	return err;
}

static int vmshm_job_remove(struct vmshm_vm *vm, struct vmshm_job *job)
{
	int err = 0;

	/* If it is tried again, what is gone is not looked at: it may be another's. */
	while (job->nr && !err) {
		err = vmshm_job_is_unwanted(job) ? -EBUSY :
		      vmshm_job_remove_slot(vm, job, &job->slots[job->nr - 1]);
		if (!err)
			job->nr--;
	}
	return err;
}

/* Nobody knows of slots that were set and do not count: that is not given up. */
static int vmshm_job_take_back(struct vmshm_vm *vm, struct vmshm_job *job)
{
	spin_lock(&vm->lock);
	job->later = true;
	spin_unlock(&vm->lock);
	job->run = vmshm_job_remove;
	job->undo = NULL;
	return vmshm_job_remove(vm, job);
}

static int vmshm_job_add(struct vmshm_vm *vm, struct vmshm_job *job)
{
	const struct vmshm_memslot *slots = job->slots;
	struct kvm *kvm = vm->kvm;
	unsigned int i;
	int err;

	err = vmshm_vm_lock(kvm, job);
	if (err)
		return err;
	err = -EEXIST;
	for (i = 0; i < job->nr; i++)
		if (vmshm_vm_slot(kvm, slots[i].id))
			goto unlock;
	if (vmshm_vm_occupied(kvm, slots[0].guest_addr >> PAGE_SHIFT,
			      vmshm_slots_end(slots, job->nr), 1, 0))
		goto unlock;
	for (i = 0; i < job->nr; i++) {
		err = vmshm_job_is_unwanted(job) ? -EBUSY :
		      vmshm_vm_set(kvm, &slots[i], slots[i].length);
		if (err)
			break;
	}
	mutex_unlock(&kvm->slots_lock);
	if (!err || !i)
		return err;
	job->failed = err;
	job->nr = i;
	return vmshm_job_take_back(vm, job);

unlock:
	mutex_unlock(&kvm->slots_lock);
	return err;
}

/**
 * vmshm_vm_add() - ->add of struct vmshm_kvm_ops
 * @vm: the VM
 * @slots: the slots
 * @nr: how many, at least 1
 * @wait: how long to wait
 *
 * Return: as said there.
 */
int vmshm_vm_add(struct vmshm_vm *vm, const struct vmshm_memslot *slots,
		 unsigned int nr, enum vmshm_wait wait)
{
	struct vmshm_job *job = vmshm_job_new(nr, GFP_KERNEL_ACCOUNT);

	if (!job)
		return -ENOMEM;
	memcpy(job->slots, slots, array_size(nr, sizeof(*slots)));
	job->nr = nr;
	job->run = vmshm_job_add;
	job->undo = vmshm_job_take_back;
	return vmshm_job_do(vm, job, wait, NULL);
}

/*
 * Slots that move in the direction of the last begin with the last, so that
 * none gets in the way of another.
 */
static unsigned int vmshm_move_order(const struct vmshm_memslot *from,
				     const struct vmshm_memslot *to,
				     unsigned int nr, unsigned int i)
{
	return to->guest_addr > from->guest_addr ? nr - 1 - i : i;
}

/* Returns 0, or an errno if all are as they were. */
static int vmshm_vm_move(struct kvm *kvm, const struct vmshm_memslot *from,
			 const struct vmshm_memslot *to, unsigned int nr,
			 const struct vmshm_job *job)
{
	unsigned int i, k;
	int err = 0;

	lockdep_assert_held(&kvm->slots_lock);
	for (i = 0; i < nr; i++)
		if (!vmshm_vm_has(kvm, &from[i]))
			return -EBUSY;
	if (vmshm_vm_occupied(kvm, to->guest_addr >> PAGE_SHIFT,
			      vmshm_slots_end(to, nr), to->id, to[nr - 1].id))
		return -EEXIST;
	for (i = 0; i < nr; i++) {
		k = vmshm_move_order(from, to, nr, i);
		err = job && vmshm_job_is_unwanted(job) ? -EBUSY :
		      vmshm_vm_set(kvm, &to[k], to[k].length);
		if (err)
			break;
	}
	while (err && i > 0) {
		k = vmshm_move_order(from, to, nr, --i);
		vmshm_vm_set(kvm, &from[k], from[k].length);
	}
	return err;
}

static int vmshm_job_change(struct vmshm_vm *vm, struct vmshm_job *job)
{
	int err;

	err = vmshm_vm_lock(vm->kvm, job);
	if (err)
		return err;
	err = vmshm_vm_move(vm->kvm, job->slots, job->slots + job->nr, job->nr,
			    job);
	mutex_unlock(&vm->kvm->slots_lock);
	return err;
}

static int vmshm_job_undo_change(struct vmshm_vm *vm, struct vmshm_job *job)
{
	int err;

	vmshm_vm_lock(vm->kvm, NULL);
	err = vmshm_vm_move(vm->kvm, job->slots + job->nr, job->slots, job->nr,
			    NULL);
	mutex_unlock(&vm->kvm->slots_lock);
	return err;
}

/**
 * vmshm_vm_change() - ->change of struct vmshm_kvm_ops
 * @vm: the VM
 * @from: the slots as they are
 * @to: the slots as they are to be
 * @nr: how many
 *
 * Return: as said there.
 */
int vmshm_vm_change(struct vmshm_vm *vm, const struct vmshm_memslot *from,
		    const struct vmshm_memslot *to, unsigned int nr)
{
	struct vmshm_job *job;

	if (!nr)
		return 0;
	job = vmshm_job_new(2 * nr, GFP_KERNEL_ACCOUNT);
	if (!job)
		return -ENOMEM;
	memcpy(job->slots, from, array_size(nr, sizeof(*from)));
	memcpy(job->slots + nr, to, array_size(nr, sizeof(*to)));
	job->nr = nr;
	job->run = vmshm_job_change;
	job->undo = vmshm_job_undo_change;
	return vmshm_job_do(vm, job, VMSHM_WAIT_KILLABLE, NULL);
}

/**
 * vmshm_vm_remove() - ->remove of struct vmshm_kvm_ops
 * @vm: the VM
 * @slots: the slots
 * @nr: how many
 * @wait: how long to wait
 *
 * Return: as said there.
 */
unsigned int vmshm_vm_remove(struct vmshm_vm *vm,
			     const struct vmshm_memslot *slots, unsigned int nr,
			     enum vmshm_wait wait)
{
	struct vmshm_job *job = NULL;
	unsigned int nr_done;
	int tries;

	for (tries = 0; tries < VMSHM_REMOVE_TRIES && !job; tries++) {
		if (tries)
			msleep(VMSHM_REMOVE_WAIT);
		job = vmshm_job_new(nr, GFP_KERNEL_ACCOUNT);
	}
	if (!job)
		return 0;
	memcpy(job->slots, slots, array_size(nr, sizeof(*slots)));
	job->nr = nr;
	job->run = vmshm_job_remove;
	vmshm_job_do(vm, job, wait, &nr_done);
	return nr_done;
}

/**
 * vmshm_vm_remove_all() - ->remove_all of struct vmshm_kvm_ops
 * @vm: the VM
 * @slots: the slots; freed with kvfree()
 * @nr: how many
 * @wait: how long to wait
 */
void vmshm_vm_remove_all(struct vmshm_vm *vm, struct vmshm_memslot *slots,
			 unsigned int nr, enum vmshm_wait wait)
{
	/* Without it they would be there for as long as the VM is. */
	struct vmshm_job *job = vmshm_job_new(0, GFP_KERNEL | __GFP_NOFAIL);

	job->slots = slots;
	job->nr = nr;
	job->run = vmshm_job_remove;
	job->later = true;
	vmshm_job_do(vm, job, wait, NULL);
}
