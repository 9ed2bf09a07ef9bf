// SPDX-License-Identifier: GPL-2.0
/*
 * Members: who has a region open, and who maps it.
 */
#include <linux/cred.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "device.h"

/* Longest list in one call, 64 MiB of it: beyond that, -ENOMEM. */
#define VMSHM_MEMBERS_MAX	BIT(20)

/*
 * @entries has room for @room elements; @count elements were found, of which
 * those that fit are in @entries.
 */
struct vmshm_member_list {
	struct vmshm_member *entries;
	u32 room;
	u32 count;
	struct pid_namespace *pid_ns;
	struct user_namespace *user_ns;
};

/* Returns the next free element, zeroed, or NULL if there is no room. */
static struct vmshm_member *vmshm_member_next(struct vmshm_member_list *list)
{
	u32 i = list->count++;

	return i < list->room ? &list->entries[i] : NULL;
}

static void vmshm_member_open(struct vmshm_member *member,
			      const struct vmshm_handle *handle,
			      const struct vmshm_member_list *list)
{
	unsigned int holders;

	BUILD_BUG_ON(sizeof(member->comm) != TASK_COMM_LEN);
	member->type = VMSHM_MEMBER_OPEN;
	member->flags = vmshm_file_rights(handle->file);
	member->pid = pid_nr_ns(handle->opener.pid, list->pid_ns);
	member->uid = from_kuid_munged(list->user_ns, handle->opener.uid);
	member->since_ns = handle->opener.since_ns;
	if (!vmshm_opener_comm(&handle->opener, (char *)member->comm))
		member->flags |= VMSHM_MEMBER_EXITED;

	/*
	 * Each mapping and each peer has one reference to the file; another
	 * one is that of a descriptor, a message in a socket or a system call
	 * under way.
	 */
	holders = READ_ONCE(handle->nr_maps) + atomic_read(&handle->nr_peers);
	if (holders && file_count(handle->file) == holders)
		member->flags |= VMSHM_MEMBER_NO_FD;
}

#ifdef CONFIG_MEMCG
static struct task_struct *vmshm_mm_owner(struct mm_struct *mm)
{
	return rcu_dereference(mm->owner);
}
#else
/* Without memory cgroups an mm does not know whose it is. */
static struct task_struct *vmshm_mm_owner(struct mm_struct *mm)
{
	return NULL;
}
#endif

/*
 * The caller holds i_mmap_rwsem: the mapping, its mm, and so the task that is
 * being forked for it, stay. The mm has no owner while its process ends, and
 * when only the likes of get_task_mm() keep it.
 */
static void vmshm_member_map(struct vmshm_member *member,
			     struct vm_area_struct *vma,
			     const struct vmshm_member_list *list)
{
	unsigned long flags = READ_ONCE(vma->vm_flags);
	kuid_t uid = INVALID_UID;
	struct task_struct *task;

	member->type = VMSHM_MEMBER_MAP;
	if (flags & VM_READ)
		member->flags |= VMSHM_MEMBER_READ;
	if (flags & VM_WRITE)
		member->flags |= VMSHM_MEMBER_WRITE;
	/* Not VM_SHARED: MAP_SHARED of a read-only file does not have it. */
	if (!(flags & VM_MAYSHARE))
		member->flags |= VMSHM_MEMBER_PRIVATE;
	member->offset = (u64)vma->vm_pgoff << PAGE_SHIFT;
	member->length = vma->vm_end - vma->vm_start;

	rcu_read_lock();
	task = vmshm_mm_owner(vma->vm_mm);
	if (task) {
		member->pid = task_tgid_nr_ns(task, list->pid_ns);
		uid = task_uid(task);
		vmshm_task_comm((char *)member->comm, task);
	}
	rcu_read_unlock();
	member->uid = from_kuid_munged(list->user_ns, uid);
}

/* Fills in @list as far as there is room, and counts. */
static void vmshm_members_collect(struct vmshm_region *region,
				  struct vmshm_member_list *list)
{
	struct address_space *mapping = vmshm_region_mapping(region);
	struct vmshm_handle *handle;
	struct vmshm_member *member;
	struct rb_node *node;

	list->count = 0;
	mutex_lock(&region->handles_lock);
	list_for_each_entry(handle, &region->handles, node) {
		member = vmshm_member_next(list);
		if (member)
			vmshm_member_open(member, handle, list);
		cond_resched();
	}
	mutex_unlock(&region->handles_lock);

	/* As vma_interval_tree_foreach(), which modules cannot have. */
	i_mmap_lock_read(mapping);
	for (node = rb_first_cached(&mapping->i_mmap); node;
	     node = rb_next(node)) {
		member = vmshm_member_next(list);
		if (member)
			vmshm_member_map(member,
					 rb_entry(node, struct vm_area_struct,
						  shared.rb), list);
		cond_resched();
	}
	i_mmap_unlock_read(mapping);
}

/**
 * vmshm_ioctl_members() - VMSHM_IOC_MEMBERS
 * @ucmd: with a struct vmshm_members
 *
 * Not one moment's picture: files and mappings come and go meanwhile.
 *
 * Context: process context; takes region->handles_lock and the i_mmap_rwsem of
 * the mapping that has the VMAs, one after the other.
 * Return: 0; -EMSGSIZE: no room, out_count is set; -EINVAL, -E2BIG: entry_size;
 * -EFAULT; -ENOMEM, also for lists of more than VMSHM_MEMBERS_MAX; -EINTR.
 */
int vmshm_ioctl_members(struct vmshm_ucmd *ucmd)
{
	struct vmshm_region *region = vmshm_file_handle(ucmd->file)->region;
	struct vmshm_members *arg = ucmd->arg;
	struct vmshm_member_list list = {
		.pid_ns = task_active_pid_ns(current),
		.user_ns = current_user_ns(),
	};
	int ret;

	if (arg->flags)
		return -EOPNOTSUPP;
	if (arg->out_count || arg->__reserved)
		return -EINVAL;
	if (arg->entry_size < sizeof(struct vmshm_member))
		return -EINVAL;
	if (arg->entry_size > PAGE_SIZE)
		return -E2BIG;

	/* Allocate without locks, and again if there are more by then. */
	for (;;) {
		vmshm_members_collect(region, &list);
		arg->out_count = list.count;
		ret = -EMSGSIZE;
		if (list.count > arg->count)
			break;
		if (list.count <= list.room) {
			ret = vmshm_copy_entries(u64_to_user_ptr(arg->entries),
						 arg->entry_size, list.entries,
						 sizeof(*list.entries),
						 list.count);
			break;
		}
		ret = -ENOMEM;
		if (list.count > VMSHM_MEMBERS_MAX)
			break;
		ret = -EINTR;
		if (fatal_signal_pending(current))
			break;

		kvfree(list.entries);
		list.room = list.count + list.count / 8 + 8;
		ret = -ENOMEM;
		list.entries = kvcalloc(list.room, sizeof(*list.entries),
					GFP_KERNEL_ACCOUNT);
		if (!list.entries)
			break;
	}
	kvfree(list.entries);
	return ret;
}
