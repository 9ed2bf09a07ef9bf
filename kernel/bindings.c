// SPDX-License-Identifier: GPL-2.0
/*
 * What there is to know of bindings: for those who have the region, and for
 * those who have the binding.
 */
#include <linux/cred.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "bind.h"

static void vmshm_binding_describe(const struct vmshm_binding_ctx *binding,
				   struct vmshm_binding *entry)
{
	BUILD_BUG_ON(sizeof(entry->comm) != sizeof(binding->comm));
	entry->flags = binding->flags;
	entry->pid = pid_nr_ns(binding->pid, task_active_pid_ns(current));
	entry->uid = from_kuid_munged(current_user_ns(), binding->uid);
	entry->first_slot = binding->first_slot;
	entry->nr_slots = binding->nr_slots;
	entry->used_slots = binding->used;
	entry->vm = binding->vm_id;
	entry->guest_addr = binding->guest_addr;
	entry->offset = binding->offset;
	entry->length = binding->length;
	entry->bound = vmshm_binding_bound(binding);
	entry->granule = binding->granule;
	entry->since_ns = binding->since_ns;
	memcpy(entry->comm, binding->comm, sizeof(entry->comm));
}

/* Fills in as far as there is room. Returns how many there are. */
static u32 vmshm_bindings_collect(struct vmshm_region *region,
				  void *to, u32 room)
{
	struct vmshm_binding *entries = to;
	struct vmshm_binding_ctx *binding;
	u32 count = 0;

	mutex_lock(&region->bind_mutex);
	list_for_each_entry(binding, &region->bindings, node) {
		if (count < room)
			vmshm_binding_describe(binding, &entries[count]);
		count++;
	}
	mutex_unlock(&region->bind_mutex);
	return count;
}

static u32 vmshm_slots_collect(struct vmshm_binding_ctx *binding, void *to,
			       u32 room, u64 *changes)
{
	struct vmshm_region *region = binding->region;
	struct vmshm_bind_slot *entries = to;
	u32 i, count;

	mutex_lock(&region->bind_mutex);
	count = binding->used;
	*changes = binding->changes;
	for (i = 0; i < count && i < room; i++) {
		const struct vmshm_memslot *slot = &binding->slots[i];

		entries[i].slot = slot->id;
		entries[i].flags = slot->flags;
		entries[i].guest_addr = slot->guest_addr;
		entries[i].offset = binding->offset + slot->user_addr -
				    binding->user_addr;
		entries[i].length = slot->length;
	}
	mutex_unlock(&region->bind_mutex);
	return count;
}

/**
 * vmshm_ioctl_bindings() - VMSHM_IOC_BINDINGS
 * @ucmd: the ioctl, on a region
 *
 * Return: 0 or an errno of the header's list.
 */
int vmshm_ioctl_bindings(struct vmshm_ucmd *ucmd)
{
	struct vmshm_region *region = vmshm_file_handle(ucmd->file)->region;
	struct vmshm_bindings *arg = ucmd->arg;
	struct vmshm_binding *entries = NULL;
	u32 room = 0;
	int ret;

	if (arg->flags)
		return -EOPNOTSUPP;
	if (arg->out_count || arg->__reserved)
		return -EINVAL;
	if (arg->entry_size < sizeof(*entries))
		return -EINVAL;
	if (arg->entry_size > PAGE_SIZE)
		return -E2BIG;

	/* Allocate without locks, and again if there are more by then. */
	for (;;) {
		arg->out_count = vmshm_bindings_collect(region, entries, room);
		ret = -EMSGSIZE;
		if (arg->out_count > arg->count)
			break;
		ret = vmshm_copy_entries(u64_to_user_ptr(arg->entries),
					 arg->entry_size, entries,
					 sizeof(*entries),
					 min(arg->out_count, room));
		if (arg->out_count <= room || ret)
			break;
		ret = -EINTR;
		if (fatal_signal_pending(current))
			break;
		kvfree(entries);
		room = arg->out_count + 8;
		ret = -ENOMEM;
		entries = kvcalloc(room, sizeof(*entries), GFP_KERNEL_ACCOUNT);
		if (!entries)
			break;
	}
	kvfree(entries);
	return ret;
}

/**
 * vmshm_ioctl_bind_slots() - VMSHM_IOC_BIND_SLOTS
 * @ucmd: the ioctl, on a binding
 *
 * Return: 0 or an errno of the header's list.
 */
int vmshm_ioctl_bind_slots(struct vmshm_ucmd *ucmd)
{
	struct vmshm_binding_ctx *binding = ucmd->file->private_data;
	struct vmshm_bind_slots *arg = ucmd->arg;
	struct vmshm_bind_slot *entries = NULL;
	u64 changes;
	u32 room;
	int ret;

	if (arg->flags)
		return -EOPNOTSUPP;
	if (arg->out_count || arg->__reserved)
		return -EINVAL;
	if (arg->entry_size < sizeof(*entries))
		return -EINVAL;
	if (arg->entry_size > PAGE_SIZE)
		return -E2BIG;

	/* There are never more than so many. */
	room = min(arg->count, binding->nr_slots);
	if (room) {
		entries = kvcalloc(room, sizeof(*entries), GFP_KERNEL_ACCOUNT);
		if (!entries)
			return -ENOMEM;
	}
	arg->out_count = vmshm_slots_collect(binding, entries, room, &changes);
	ret = -EMSGSIZE;
	if (arg->out_count <= arg->count)
		ret = vmshm_copy_entries(u64_to_user_ptr(arg->entries),
					 arg->entry_size, entries,
					 sizeof(*entries), arg->out_count);
	if (!ret)
		WRITE_ONCE(binding->seen, changes);
	kvfree(entries);
	return ret;
}

/**
 * vmshm_ioctl_bind_stat() - VMSHM_IOC_BIND_STAT
 * @ucmd: the ioctl, on a binding
 *
 * Return: 0, -EOPNOTSUPP or -EINVAL.
 */
int vmshm_ioctl_bind_stat(struct vmshm_ucmd *ucmd)
{
	struct vmshm_binding_ctx *binding = ucmd->file->private_data;
	struct vmshm_bind_stat *arg = ucmd->arg;

	if (arg->flags)
		return -EOPNOTSUPP;
	if (memchr_inv(&arg->out_flags, 0, sizeof(*arg) -
		       offsetof(struct vmshm_bind_stat, out_flags)))
		return -EINVAL;

	mutex_lock(&binding->region->bind_mutex);
	arg->out_flags = binding->flags;
	arg->out_pid = pid_nr_ns(binding->pid, task_active_pid_ns(current));
	arg->out_first_slot = binding->first_slot;
	arg->out_nr_slots = binding->nr_slots;
	arg->out_used_slots = binding->used;
	arg->out_vm = binding->vm_id;
	arg->out_guest_addr = binding->guest_addr;
	arg->out_offset = binding->offset;
	arg->out_length = binding->length;
	arg->out_bound = vmshm_binding_bound(binding);
	arg->out_granule = binding->granule;
	arg->out_user_addr = binding->user_addr;
	arg->out_changes = binding->changes;
	arg->out_generation = binding->region->generation;
	mutex_unlock(&binding->region->bind_mutex);
	return 0;
}
