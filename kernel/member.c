// SPDX-License-Identifier: GPL-2.0
/*
 * Members: who has a region open, and who maps it.
 */
#include <linux/cred.h>
#include <linux/pid.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>

#include "device.h"
#include "entries.h"

/* Returns the next free element, zeroed, or NULL if there is no room. */
static struct vmshm_member *vmshm_member_next(struct vmshm_entries *list)
{
	struct vmshm_member *members = list->entries;
	u32 i = list->count++;

	return i < list->room ? &members[i] : NULL;
}

static void vmshm_member_open(struct vmshm_member *member,
			      const struct vmshm_handle *handle,
			      const struct vmshm_entries *list)
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
			     const struct vmshm_entries *list)
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
static void vmshm_members_collect(void *object, struct vmshm_entries *list)
{
	struct vmshm_region *region = object;
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
 * Return: as vmshm_return_entries().
 */
int vmshm_ioctl_members(struct vmshm_ucmd *ucmd)
{
	struct vmshm_entries list = {};

	return vmshm_return_entries(ucmd, &list, sizeof(struct vmshm_member),
				    vmshm_members_collect,
				    vmshm_file_handle(ucmd->file)->region);
}
