// SPDX-License-Identifier: GPL-2.0
/*
 * Whether there is vmshm_kvm, which bindings with VMs need.
 */
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kmod.h>
#include <linux/magic.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/string.h>

#include "bind.h"

/* What vmshm_kvm registered, or NULL. */
static const struct vmshm_kvm_ops *vmshm_kvm;
static DEFINE_MUTEX(vmshm_kvm_mutex);

/**
 * vmshm_kvm_register() - offer bindings with VMs
 * @ops: how to do it
 *
 * Return: 0 or -EBUSY.
 */
int vmshm_kvm_register(const struct vmshm_kvm_ops *ops)
{
	int err = 0;

	mutex_lock(&vmshm_kvm_mutex);
	if (vmshm_kvm)
		err = -EBUSY;
	else
		WRITE_ONCE(vmshm_kvm, ops);
	mutex_unlock(&vmshm_kvm_mutex);
	return err;
}
EXPORT_SYMBOL_GPL(vmshm_kvm_register);

/**
 * vmshm_kvm_unregister() - no longer offer them
 * @ops: what was registered; no binding uses it, for each pins its owner
 */
void vmshm_kvm_unregister(const struct vmshm_kvm_ops *ops)
{
	mutex_lock(&vmshm_kvm_mutex);
	WARN_ON(vmshm_kvm != ops);
	WRITE_ONCE(vmshm_kvm, NULL);
	mutex_unlock(&vmshm_kvm_mutex);
}
EXPORT_SYMBOL_GPL(vmshm_kvm_unregister);

/**
 * vmshm_kvm_present() - can regions be bound to VMs?
 */
bool vmshm_kvm_present(void)
{
	return READ_ONCE(vmshm_kvm);
}

/* Who owns a VM's file cannot be told: before 6.7 nobody does. Its name can. */
static bool vmshm_kvm_may_be_vm(const struct file *file)
{
	return file_inode(file)->i_sb->s_magic == ANON_INODE_FS_MAGIC &&
	       !strcmp(file->f_path.dentry->d_name.name, "kvm-vm");
}

/**
 * vmshm_kvm_get() - what there is to set memory slots with
 * @fd: a descriptor that the caller takes for a VM
 *
 * Loads vmshm_kvm if it is not there: not for everybody, but for those who have
 * something of kvm's.
 *
 * Context: process context; may sleep.
 * Return: what is registered, its owner pinned; or an ERR_PTR: -EBADF: there is
 * no such descriptor; -EINVAL: it is no VM; -EOPNOTSUPP: nothing is registered.
 */
const struct vmshm_kvm_ops *vmshm_kvm_get(int fd)
{
	const struct vmshm_kvm_ops *ops;
	struct file *file;
	bool may_be_vm;

	if (!vmshm_kvm_present()) {
		file = fget(fd);
		if (!file)
			return ERR_PTR(-EBADF);
		may_be_vm = vmshm_kvm_may_be_vm(file);
		fput(file);
		if (!may_be_vm)
			return ERR_PTR(-EINVAL);
		request_module("vmshm_kvm");
	}
	mutex_lock(&vmshm_kvm_mutex);
	ops = vmshm_kvm;
	if (!ops || !try_module_get(ops->owner))
		ops = ERR_PTR(-EOPNOTSUPP);
	mutex_unlock(&vmshm_kvm_mutex);
	return ops;
}
