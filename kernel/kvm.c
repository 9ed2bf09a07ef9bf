// SPDX-License-Identifier: GPL-2.0
/*
 * vmshm_kvm: the memory slots of VMs, on behalf of vmshm.
 *
 * What the ioctl of a VM would check for its caller is checked here, as the
 * callers are other processes: the VM's own process binds, anybody resizes. A
 * slot is only ever touched if it is the one that was set: the VMM could set it
 * too.
 */
#include <linux/delay.h>
#include <linux/file.h>
#include <linux/jiffies.h>
#include <linux/kvm_host.h>
#include <linux/memcontrol.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "bind.h"

/* How long to wait for the lock of a VM's slots, in jiffies, and each time in ms. */
#define VMSHM_LOCK_TIME		HZ
#define VMSHM_LOCK_WAIT		1

/**
 * struct vmshm_vm - a VM that has bindings
 * @node: in the list of them; protected by its mutex
 * @users: number of bindings; protected by the same
 * @id: its number
 * @kvm: the VM; a counted reference
 */
struct vmshm_vm {
	struct list_head node;
	unsigned int users;
	u64 id;
	struct kvm *kvm;
};

static LIST_HEAD(vmshm_vms);
static DEFINE_MUTEX(vmshm_vms_mutex);
static u64 vmshm_vm_last_id;

static u64 vmshm_vm_id(const struct vmshm_vm *vm)
{
	return vm->id;
}

/* Returns the VM's entry, which there may be already. */
static struct vmshm_vm *vmshm_vm_get(struct kvm *kvm)
{
	struct vmshm_vm *vm;

	mutex_lock(&vmshm_vms_mutex);
	list_for_each_entry(vm, &vmshm_vms, node) {
		if (vm->kvm == kvm) {
			vm->users++;
			goto unlock;
		}
	}
	vm = kzalloc(sizeof(*vm), GFP_KERNEL_ACCOUNT);
	if (!vm) {
		vm = ERR_PTR(-ENOMEM);
		goto unlock;
	}
	if (!kvm_get_kvm_safe(kvm)) {
		kfree(vm);
		vm = ERR_PTR(-EIO);
		goto unlock;
	}
	vm->kvm = kvm;
	vm->users = 1;
	vm->id = ++vmshm_vm_last_id;
	list_add_tail(&vm->node, &vmshm_vms);
unlock:
	mutex_unlock(&vmshm_vms_mutex);
	return vm;
}

static struct vmshm_vm *vmshm_vm_attach(int fd)
{
	struct vmshm_vm *vm = ERR_PTR(-EINVAL);
	struct file *file = fget(fd);
	struct kvm *kvm;

	if (!file)
		return ERR_PTR(-EBADF);
	if (!file_is_kvm(file))
		goto put_file;
	kvm = file->private_data;
	if (kvm->mm != current->mm)
		vm = ERR_PTR(-EPERM);
	else if (READ_ONCE(kvm->vm_dead))
		vm = ERR_PTR(-EIO);
	else
		vm = vmshm_vm_get(kvm);
put_file:
	fput(file);
	return vm;
}

static void vmshm_vm_detach(struct vmshm_vm *vm)
{
	bool last;

	mutex_lock(&vmshm_vms_mutex);
	last = !--vm->users;
	if (last)
		list_del(&vm->node);
	mutex_unlock(&vmshm_vms_mutex);
	if (!last)
		return;
	/* May be the end of the VM, which waits for a lot. */
	kvm_put_kvm(vm->kvm);
	kfree(vm);
}

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
 * may be anything: those who resize a region are not to wait for that for ever.
 * Returns 0 or -EBUSY.
 */
static int vmshm_vm_lock(struct kvm *kvm)
{
	unsigned long end = jiffies + VMSHM_LOCK_TIME;

	while (!mutex_trylock(&kvm->slots_lock)) {
		if (time_after(jiffies, end))
			return -EBUSY;
		msleep(VMSHM_LOCK_WAIT);
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

static int vmshm_vm_remove(struct vmshm_vm *vm,
			   const struct vmshm_memslot *slot)
{
	struct kvm *kvm = vm->kvm;
	int err;

	err = vmshm_vm_lock(kvm);
	if (err)
		return err;
	if (vmshm_vm_has(kvm, slot))
		err = vmshm_vm_set(kvm, slot, 0);
	mutex_unlock(&kvm->slots_lock);
	return err;
}

static gfn_t vmshm_slots_end(const struct vmshm_memslot *slots, unsigned int nr)
{
	return (slots[nr - 1].guest_addr + slots[nr - 1].length) >> PAGE_SHIFT;
}

static int vmshm_vm_add(struct vmshm_vm *vm, const struct vmshm_memslot *slots,
			unsigned int nr)
{
	struct kvm *kvm = vm->kvm;
	unsigned int i;
	int err;

	err = vmshm_vm_lock(kvm);
	if (err)
		return err;
	err = -EEXIST;
	for (i = 0; i < nr; i++)
		if (vmshm_vm_slot(kvm, slots[i].id))
			goto unlock;
	if (vmshm_vm_occupied(kvm, slots[0].guest_addr >> PAGE_SHIFT,
			      vmshm_slots_end(slots, nr), 1, 0))
		goto unlock;
	for (i = 0; i < nr; i++) {
		err = fatal_signal_pending(current) ? -EINTR :
		      vmshm_vm_set(kvm, &slots[i], slots[i].length);
		if (err)
			break;
	}
	/* What cannot be removed again is in the way until the VM goes. */
	while (err && i > 0)
		vmshm_vm_set(kvm, &slots[--i], 0);
unlock:
	mutex_unlock(&kvm->slots_lock);
	return err;
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

static int vmshm_vm_change(struct vmshm_vm *vm,
			   const struct vmshm_memslot *from,
			   const struct vmshm_memslot *to, unsigned int nr)
{
	struct kvm *kvm = vm->kvm;
	unsigned int i, k;
	int err;

	if (!nr)
		return 0;
	err = vmshm_vm_lock(kvm);
	if (err)
		return err;
	for (i = 0; i < nr && !err; i++)
		if (!vmshm_vm_has(kvm, &from[i]))
			err = -EBUSY;
	if (!err && vmshm_vm_occupied(kvm, to->guest_addr >> PAGE_SHIFT,
				      vmshm_slots_end(to, nr), to->id,
				      to[nr - 1].id))
		err = -EEXIST;
	for (i = 0; i < nr && !err; i++) {
		k = vmshm_move_order(from, to, nr, i);
		err = vmshm_vm_set(kvm, &to[k], to[k].length);
		if (!err)
			continue;
		while (i > 0) {
			k = vmshm_move_order(from, to, nr, --i);
			vmshm_vm_set(kvm, &from[k], from[k].length);
		}
		break;
	}
	mutex_unlock(&kvm->slots_lock);
	return err;
}

static const struct vmshm_kvm_ops vmshm_kvm_ops = {
	.owner		= THIS_MODULE,
	.max_slots	= KVM_USER_MEM_SLOTS,
	.attach		= vmshm_vm_attach,
	.detach		= vmshm_vm_detach,
	.id		= vmshm_vm_id,
	.add		= vmshm_vm_add,
	.change		= vmshm_vm_change,
	.remove		= vmshm_vm_remove,
};

static int __init vmshm_kvm_init(void)
{
	return vmshm_kvm_register(&vmshm_kvm_ops);
}
module_init(vmshm_kvm_init);

static void __exit vmshm_kvm_exit(void)
{
	vmshm_kvm_unregister(&vmshm_kvm_ops);
}
module_exit(vmshm_kvm_exit);

MODULE_DESCRIPTION("Regions of shared memory as guest memory of KVM");
MODULE_LICENSE("GPL");
