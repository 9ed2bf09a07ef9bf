// SPDX-License-Identifier: GPL-2.0
/*
 * vmshm_kvm: the VMs that have bindings, on behalf of vmshm.
 */
#include <linux/file.h>
#include <linux/kvm_host.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "kvm.h"

static LIST_HEAD(vmshm_vms);
static DEFINE_MUTEX(vmshm_vms_mutex);
static u64 vmshm_vm_last_id;

static u64 vmshm_vm_id(const struct vmshm_vm *vm)
{
	return vm->id;
}

static struct vmshm_vm *vmshm_vm_find(const struct kvm *kvm)
{
	struct vmshm_vm *vm;

	lockdep_assert_held(&vmshm_vms_mutex);
	list_for_each_entry(vm, &vmshm_vms, node)
		if (vm->kvm == kvm)
			return vm;
	return NULL;
}

/*
 * Makes an entry of a VM. @owner is the module of its file, which the caller has: since
 * 6.7 nothing but open files keeps it, and it is needed for as long as the VM is there.
 */
static int vmshm_vm_init(struct vmshm_vm *vm, struct kvm *kvm,
			 struct module *owner)
{
	int err;

	lockdep_assert_held(&vmshm_vms_mutex);
	if (!kvm_get_kvm_safe(kvm))
		return -EIO;
	__module_get(owner);
	vm->owner = owner;
	vm->kvm = kvm;
	vm->users = 1;
	vm->id = ++vmshm_vm_last_id;
	err = vmshm_vm_start(vm);
	if (err)
		goto put_owner;
	list_add_tail(&vm->node, &vmshm_vms);
	return 0;

put_owner:
	module_put(owner);
	kvm_put_kvm_no_destroy(kvm);
	return err;
}

/* Returns the VM's entry, which there may be already. */
static struct vmshm_vm *vmshm_vm_get(struct kvm *kvm, struct module *owner)
{
	struct vmshm_vm *vm, *new;
	int err;

	/* Without the lock: the caller's group may be out of memory, others' are not. */
	new = kzalloc(sizeof(*new), GFP_KERNEL_ACCOUNT);
	if (!new)
		return ERR_PTR(-ENOMEM);
	mutex_lock(&vmshm_vms_mutex);
	vm = vmshm_vm_find(kvm);
	if (vm) {
		WRITE_ONCE(vm->users, vm->users + 1);
	} else {
		err = vmshm_vm_init(new, kvm, owner);
		vm = err ? ERR_PTR(err) : new;
	}
	mutex_unlock(&vmshm_vms_mutex);
	if (vm != new)
		kfree(new);
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
		vm = vmshm_vm_get(kvm, file->f_op->owner);
put_file:
	fput(file);
	return vm;
}

static void vmshm_vm_detach(struct vmshm_vm *vm)
{
	mutex_lock(&vmshm_vms_mutex);
	WRITE_ONCE(vm->users, vm->users - 1);
	/* Under the lock: it may be gone right after. */
	if (!vm->users)
		wake_up(&vm->wait);
	mutex_unlock(&vmshm_vms_mutex);
}

/**
 * vmshm_vm_forget() - take a VM out of the list if nothing is left to be done
 * @vm: the VM, which had no jobs
 *
 * A VM that is bound again while jobs for later are waiting keeps its thread: what is
 * to be set comes after what is to go.
 *
 * Context: the VM's thread.
 * Return: true: there are no bindings, and nobody finds @vm any more; no job will come.
 */
bool vmshm_vm_forget(struct vmshm_vm *vm)
{
	bool forgotten;

	mutex_lock(&vmshm_vms_mutex);
	spin_lock(&vm->lock);
	forgotten = !vm->users && list_empty(&vm->jobs);
	spin_unlock(&vm->lock);
	if (forgotten)
		list_del(&vm->node);
	mutex_unlock(&vmshm_vms_mutex);
	return forgotten;
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
	.remove_all	= vmshm_vm_remove_all,
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
