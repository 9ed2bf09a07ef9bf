// SPDX-License-Identifier: GPL-2.0
/*
 * The size of a region. Nothing else changes it.
 */
#include "range.h"
#include "trace.h"
#include "vmshm.h"

static int vmshm_region_grow(struct vmshm_region *region, u64 size)
{
	u64 old = region->size;
	pgoff_t first;
	int err;

	if (region->seals & VMSHM_SEAL_GROW)
		return -EPERM;
	err = vmshm_backing_grow(region, size);
	if (err)
		return err;
	/* Memory first, then guests, then everybody. */
	WRITE_ONCE(region->reach, size);
	err = vmshm_bindings_grow(region, size);
	if (err) {
		WRITE_ONCE(region->reach, old);
		vmshm_backing_undo_grow(region);
		return err;
	}
	WRITE_ONCE(region->size, size);
	/* The first page may be one that was there, zeroed from the old end. */
	first = old >> PAGE_SHIFT;
	vmshm_dirty_mark_range(region, first, vmshm_pages(size) - first, false);
	return 0;
}

static int vmshm_region_shrink(struct vmshm_region *region, u64 size)
{
	u64 old = region->size;
	int err;

	if (region->seals & VMSHM_SEAL_SHRINK)
		return -EPERM;
	err = vmshm_maps_shrink(region, size);
	if (err)
		return err;
	/* Guests lose the memory before it goes. */
	vmshm_bindings_shrink(region, size);
	WRITE_ONCE(region->reach, size);
	err = vmshm_backing_shrink(region, size);
	if (err) {
		WRITE_ONCE(region->reach, old);
		/* What is out of memory twice stays out of the guest. */
		vmshm_bindings_grow(region, old);
		WRITE_ONCE(region->size, old);
		return err;
	}
	vmshm_dirty_forget(region, vmshm_pages(size));
	return 0;
}

/**
 * vmshm_region_resize() - change the size of a region
 * @region: the region
 * @size: the new size, in bytes
 *
 * Bindings that follow the size follow, with their vCPUs running, or it does
 * not change. Raises VMSHM_EVENT_RESIZED if the size changed.
 *
 * Context: the outer inode is locked; takes region->bind_mutex.
 * Return: 0; -EFBIG: beyond max_size; -EPERM: sealed; -EBUSY: mapped beyond the
 * new size, or a binding cannot follow; -EDQUOT, -ENOSPC: it is charged in full
 * and a limit is reached, or a binding has no slot left; -ENOMEM: VMSHM_RESERVE,
 * the memory could not be had, or none for slots; -EINTR: a signal came first. On
 * error nothing has changed.
 */
int vmshm_region_resize(struct vmshm_region *region, u64 size)
{
	u64 old = region->size;
	int err;

	lockdep_assert_held_write(&region->inode->i_rwsem);
	if (size > region->max_size)
		return -EFBIG;
	if (size == old)
		return 0;

	mutex_lock(&region->bind_mutex);
	err = vmshm_bindings_check(region, size);
	if (!err && size > old)
		err = vmshm_region_grow(region, size);
	else if (!err)
		err = vmshm_region_shrink(region, size);
	mutex_unlock(&region->bind_mutex);
	if (err)
		return err;

	i_size_write(region->inode, size);
	trace_vmshm_resize(region, old);
	vmshm_event(region, VMSHM_EVENT_RESIZED, size, old);
	return 0;
}

/**
 * vmshm_ioctl_resize() - VMSHM_IOC_RESIZE
 * @ucmd: the ioctl, on a region
 *
 * Return: as vmshm_region_resize(), and -EACCES for a read-only handle.
 */
int vmshm_ioctl_resize(struct vmshm_ucmd *ucmd)
{
	struct vmshm_handle *handle = vmshm_file_handle(ucmd->file);
	struct vmshm_region *region = handle->region;
	struct vmshm_resize *arg = ucmd->arg;
	int err;

	if (arg->flags)
		return -EOPNOTSUPP;
	if (!(ucmd->file->f_mode & FMODE_WRITE))
		return -EACCES;
	if (arg->region_size > region->max_size)
		return -EFBIG;

	inode_lock(region->inode);
	err = vmshm_region_resize(region, arg->region_size);
	inode_unlock(region->inode);
	return err;
}
