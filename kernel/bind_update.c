// SPDX-License-Identifier: GPL-2.0
/*
 * How a binding is moved in guest memory, or its flags are changed.
 */
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "bind.h"

static int vmshm_bind_update_check(const struct vmshm_binding_ctx *binding,
				   const struct vmshm_bind_update *arg,
				   u64 size)
{
	const u32 fixed = ~(VMSHM_BIND_LOG | VMSHM_BIND_FOLLOW);

	if (binding->flags & VMSHM_BIND_ENDED)
		return -ESRCH;
	if ((arg->flags ^ binding->flags) & fixed)
		return -EINVAL;
	if (binding->length > ~arg->guest_addr)
		return -EOVERFLOW;
	if (!(arg->flags & VMSHM_BIND_FOLLOW) &&
	    (vmshm_binding_wanted(binding, size) < binding->length ||
	     vmshm_binding_bound(binding) < binding->length))
		return -EBUSY;
	return 0;
}

/* A mapping that is no longer the caller's cannot agree to anything. */
static int vmshm_binding_agree(const struct vmshm_binding_ctx *binding)
{
	if (current->mm != binding->mm)
		return -EPERM;
	return vmshm_maps_check(binding->region, binding->user_addr,
				binding->offset, binding->length,
				!(binding->flags & VMSHM_BIND_READONLY));
}

/* Puts the slots where @arg wants them; used and so on stay. */
static int vmshm_binding_move(struct vmshm_binding_ctx *binding,
			      const struct vmshm_bind_update *arg)
{
	u32 flags = arg->flags & (VMSHM_BIND_READONLY | VMSHM_BIND_LOG);
	struct vmshm_memslot *to, *slot;
	int err = 0;
	u32 i;

	to = kvcalloc(binding->nr_slots, sizeof(*to), GFP_KERNEL_ACCOUNT);
	if (!to)
		return -ENOMEM;
	for (i = 0; i < binding->used; i++) {
		slot = &to[i];
		*slot = binding->slots[i];
		slot->flags = flags;
		slot->guest_addr = arg->guest_addr + slot->user_addr -
				   binding->user_addr;
	}
	if (binding->vm)
		err = binding->ops->change(binding->vm, binding->slots, to,
					   binding->used);
	if (!err)
		swap(binding->slots, to);
	kvfree(to);
	return err;
}

/**
 * vmshm_ioctl_bind_update() - VMSHM_IOC_BIND_UPDATE
 * @ucmd: the ioctl, on a binding
 *
 * Return: 0 or an errno of struct vmshm_bind_update.
 */
int vmshm_ioctl_bind_update(struct vmshm_ucmd *ucmd)
{
	struct vmshm_binding_ctx *binding = ucmd->file->private_data;
	const struct vmshm_bind_update *arg = ucmd->arg;
	struct vmshm_region *region = binding->region;
	bool moved, follow;
	int err;

	if (arg->flags & ~(VMSHM_BIND_READONLY | VMSHM_BIND_LOG |
			   VMSHM_BIND_FOLLOW | VMSHM_BIND_USER))
		return -EOPNOTSUPP;
	if (!PAGE_ALIGNED(arg->guest_addr))
		return -EINVAL;
	follow = arg->flags & ~READ_ONCE(binding->flags) & VMSHM_BIND_FOLLOW;
agree:
	/* Without locks, as in vmshm_binding_link(). */
	err = follow ? vmshm_binding_agree(binding) : 0;
	if (err)
		return err;
	/* Who resizes comes next, however many want to wait for their VMs here. */
	if (mutex_lock_killable(&region->bind_update_mutex))
		return -EINTR;
	if (mutex_lock_killable(&region->bind_mutex)) {
		mutex_unlock(&region->bind_update_mutex);
		return -EINTR;
	}
	if (!follow && (arg->flags & ~binding->flags & VMSHM_BIND_FOLLOW)) {
		/* Somebody else has switched it off meanwhile. */
		mutex_unlock(&region->bind_mutex);
		mutex_unlock(&region->bind_update_mutex);
		follow = true;
		goto agree;
	}
	err = vmshm_bind_update_check(binding, arg, region->size);
	if (err)
		goto unlock;
	moved = binding->guest_addr != arg->guest_addr;
	err = vmshm_binding_move(binding, arg);
	if (err)
		goto unlock;
	binding->guest_addr = arg->guest_addr;
	WRITE_ONCE(binding->flags, arg->flags);
	vmshm_binding_changed(binding);
	if (moved && binding->announced)
		vmshm_event_binding(binding, VMSHM_EVENT_BOUND);
unlock:
	mutex_unlock(&region->bind_mutex);
	mutex_unlock(&region->bind_update_mutex);
	return err;
}
