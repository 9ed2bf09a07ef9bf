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

/*
 * Returns the VM's entry, which there may be already. @owner is the module of the VM's
 * file, which the caller has: since 6.2 nothing but open files keeps it, and it is
 * needed for as long as the VM is there.
 */
static struct vmshm_vm *vmshm_vm_get(struct kvm *kvm, struct module *owner)
{
	struct vmshm_vm *vm;
	int err;

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
	__module_get(owner);
	vm->owner = owner;
	vm->kvm = kvm;
	vm->users = 1;
	vm->id = ++vmshm_vm_last_id;
	err = vmshm_vm_start(vm);
	if (err) {
		kvm_put_kvm_no_destroy(kvm);
		module_put(owner);
		kfree(vm);
		vm = ERR_PTR(err);
		goto unlock;
	}
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
		vm = vmshm_vm_get(kvm, file->f_op->owner);
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
	if (last)
		vmshm_vm_end(vm);
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
