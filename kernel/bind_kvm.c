// SPDX-License-Identifier: GPL-2.0
/*
 * Whether there is vmshm_kvm, which bindings with VMs need.
 */
#include <linux/kmod.h>
#include <linux/module.h>
#include <linux/mutex.h>

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

/**
 * vmshm_kvm_get() - what there is to set memory slots with
 *
 * Loads vmshm_kvm if it is not there, as socket() does with protocols.
 *
 * Context: process context; may sleep.
 * Return: what is registered, its owner pinned, or NULL.
 */
const struct vmshm_kvm_ops *vmshm_kvm_get(void)
{
	const struct vmshm_kvm_ops *ops;

	/* Whoever has a VM has loaded kvm: loading us too is no surprise. */
	if (!vmshm_kvm_present())
		request_module("vmshm_kvm");
	mutex_lock(&vmshm_kvm_mutex);
	ops = vmshm_kvm;
	if (ops && !try_module_get(ops->owner))
		ops = NULL;
	mutex_unlock(&vmshm_kvm_mutex);
	return ops;
}
