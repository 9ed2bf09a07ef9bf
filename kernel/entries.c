// SPDX-License-Identifier: GPL-2.0
/*
 * Arrays that commands return: how an element gets the size its caller knows,
 * and lists that are returned whole or not at all.
 */
#include <linux/build_bug.h>
#include <linux/cred.h>
#include <linux/pid_namespace.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "entries.h"

/* Longest list in one call, 64 MiB of members: beyond that, -ENOMEM. */
#define VMSHM_ENTRIES_MAX	BIT(20)

/* The arguments of all commands that return a list are of one layout. */
#define VMSHM_SAME_MEMBER(type, member)					\
	static_assert(offsetof(type, member) ==				\
		      offsetof(struct vmshm_members, member))
#define VMSHM_SAME_LAYOUT(type)						\
	static_assert(sizeof(type) == sizeof(struct vmshm_members));	\
	VMSHM_SAME_MEMBER(type, flags);					\
	VMSHM_SAME_MEMBER(type, entries);				\
	VMSHM_SAME_MEMBER(type, entry_size);				\
	VMSHM_SAME_MEMBER(type, count);					\
	VMSHM_SAME_MEMBER(type, out_count);				\
	VMSHM_SAME_MEMBER(type, __reserved)

VMSHM_SAME_LAYOUT(struct vmshm_peers);
VMSHM_SAME_LAYOUT(struct vmshm_bindings);
VMSHM_SAME_LAYOUT(struct vmshm_bind_slots);

/**
 * vmshm_copy_entries() - fill in an array of the caller
 * @to: the array
 * @entry_size: size of its elements, in bytes, at least that of the first
 *	version: what the kernel knows beyond is cut, what it does not is zeroed
 * @entries: what to fill it with, an array of elements of @size bytes
 * @size: the size that this kernel knows
 * @count: number of elements
 *
 * Context: process context; may sleep.
 * Return: 0 or -EFAULT.
 */
int vmshm_copy_entries(void __user *to, u32 entry_size, const void *entries,
		       size_t size, u32 count)
{
	size_t known = min_t(size_t, entry_size, size);

	for (; count; count--) {
		if (copy_to_user(to, entries, known) ||
		    clear_user(to + known, entry_size - known))
			return -EFAULT;
		to += entry_size;
		entries += size;
		cond_resched();
	}
	return 0;
}

/**
 * vmshm_return_entries() - return a list to the caller
 * @ucmd: with a struct vmshm_members, or one of the same layout
 * @list: the list, all zero but for what @collect needs beside it
 * @size: size of an element, in bytes; that of its first version, too
 * @collect: counts the elements, and fills in as many as there is room for
 * @object: handed to @collect
 *
 * Context: process context; no locks held that @collect takes.
 * Return: 0; -EOPNOTSUPP: flags; -EMSGSIZE: no room, out_count is set; -EINVAL,
 * -E2BIG: entry_size; -EFAULT; -ENOMEM, also for lists of more than
 * VMSHM_ENTRIES_MAX; -EINTR.
 */
int vmshm_return_entries(struct vmshm_ucmd *ucmd, struct vmshm_entries *list,
			 size_t size,
			 void (*collect)(void *object,
					 struct vmshm_entries *list),
			 void *object)
{
	struct vmshm_members *arg = ucmd->arg;
	int ret;

	if (arg->flags)
		return -EOPNOTSUPP;
	if (arg->out_count || arg->__reserved || arg->entry_size < size)
		return -EINVAL;
	if (arg->entry_size > PAGE_SIZE)
		return -E2BIG;
	list->pid_ns = task_active_pid_ns(current);
	list->user_ns = current_user_ns();

	/* Allocate without locks, and again if there are more by then. */
	for (;;) {
		collect(object, list);
		arg->out_count = list->count;
		ret = -EMSGSIZE;
		if (list->count > arg->count)
			break;
		if (list->count <= list->room) {
			ret = vmshm_copy_entries(u64_to_user_ptr(arg->entries),
						 arg->entry_size, list->entries,
						 size, list->count);
			break;
		}
		ret = -ENOMEM;
		if (list->count > VMSHM_ENTRIES_MAX)
			break;
		ret = -EINTR;
		if (fatal_signal_pending(current))
			break;

		kvfree(list->entries);
		list->room = list->count + list->count / 8 + 8;
		ret = -ENOMEM;
		list->entries = kvcalloc(list->room, size, GFP_KERNEL_ACCOUNT);
		if (!list->entries)
			break;
	}
	kvfree(list->entries);
	return ret;
}
