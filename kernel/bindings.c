// SPDX-License-Identifier: GPL-2.0
/*
 * What there is to know of bindings: for those who have the region, and for
 * those who have the binding.
 */
#include <linux/container_of.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "bind.h"
#include "entries.h"

static void vmshm_binding_describe(const struct vmshm_binding_ctx *binding,
				   const struct vmshm_entries *list,
				   struct vmshm_binding *entry)
{
	BUILD_BUG_ON(sizeof(entry->comm) != sizeof(binding->opener.comm));
	entry->flags = binding->flags;
	entry->pid = pid_nr_ns(binding->opener.pid, list->pid_ns);
	entry->uid = from_kuid_munged(list->user_ns, binding->opener.uid);
	entry->first_slot = binding->first_slot;
	entry->nr_slots = binding->nr_slots;
	entry->used_slots = binding->used;
	entry->vm = binding->vm_id;
	entry->guest_addr = binding->guest_addr;
	entry->offset = binding->offset;
	entry->length = binding->length;
	entry->bound = vmshm_binding_bound(binding);
	entry->granule = binding->granule;
	entry->since_ns = binding->opener.since_ns;
	memcpy(entry->comm, binding->opener.comm, sizeof(entry->comm));
}

static void vmshm_bindings_collect(void *object, struct vmshm_entries *list)
{
	struct vmshm_binding *entries = list->entries;
	struct vmshm_region *region = object;
	struct vmshm_binding_ctx *binding;

	list->count = 0;
	mutex_lock(&region->bind_mutex);
	list_for_each_entry(binding, &region->bindings, node) {
		if (list->count < list->room)
			vmshm_binding_describe(binding, list,
					       &entries[list->count]);
		list->count++;
	}
	mutex_unlock(&region->bind_mutex);
}

/**
 * vmshm_ioctl_bindings() - VMSHM_IOC_BINDINGS
 * @ucmd: with a struct vmshm_bindings, on a region
 *
 * Context: process context; takes region->bind_mutex.
 * Return: as vmshm_return_entries().
 */
int vmshm_ioctl_bindings(struct vmshm_ucmd *ucmd)
{
	struct vmshm_entries list = {};

	return vmshm_return_entries(ucmd, &list, sizeof(struct vmshm_binding),
				    vmshm_bindings_collect,
				    vmshm_file_handle(ucmd->file)->region);
}

/**
 * struct vmshm_slots_list - the slots of a binding, to be returned
 * @list: struct vmshm_bind_slot of each
 * @changes: binding->changes when they were so
 */
struct vmshm_slots_list {
	struct vmshm_entries list;
	u64 changes;
};

static void vmshm_slots_collect(void *object, struct vmshm_entries *list)
{
	struct vmshm_slots_list *slots =
		container_of(list, struct vmshm_slots_list, list);
	struct vmshm_bind_slot *entries = list->entries;
	struct vmshm_binding_ctx *binding = object;
	u32 i;

	mutex_lock(&binding->region->bind_mutex);
	list->count = binding->used;
	slots->changes = binding->changes;
	for (i = 0; i < list->count && i < list->room; i++) {
		const struct vmshm_memslot *slot = &binding->slots[i];

		entries[i].slot = slot->id;
		entries[i].flags = slot->flags;
		entries[i].guest_addr = slot->guest_addr;
		entries[i].offset = binding->offset + slot->user_addr -
				    binding->user_addr;
		entries[i].length = slot->length;
	}
	mutex_unlock(&binding->region->bind_mutex);
}

/* The results are with the caller: now they are no news any more. */
static int vmshm_bind_slots_commit(struct vmshm_ucmd *ucmd)
{
	struct vmshm_binding_ctx *binding = ucmd->file->private_data;

	WRITE_ONCE(binding->seen, ucmd->value);
	return 0;
}

/**
 * vmshm_ioctl_bind_slots() - VMSHM_IOC_BIND_SLOTS
 * @ucmd: with a struct vmshm_bind_slots, on a binding
 *
 * Context: process context; takes region->bind_mutex.
 * Return: as vmshm_return_entries().
 */
int vmshm_ioctl_bind_slots(struct vmshm_ucmd *ucmd)
{
	struct vmshm_binding_ctx *binding = ucmd->file->private_data;
	struct vmshm_slots_list slots = {};
	int err;

	err = vmshm_return_entries(ucmd, &slots.list,
				   sizeof(struct vmshm_bind_slot),
				   vmshm_slots_collect, binding);
	if (!err) {
		ucmd->value = slots.changes;
		ucmd->commit = vmshm_bind_slots_commit;
	}
	return err;
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
	arg->out_pid = pid_nr_ns(binding->opener.pid, task_active_pid_ns(current));
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
