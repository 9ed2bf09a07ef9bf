// SPDX-License-Identifier: GPL-2.0
/*
 * Open files of a region, and who opened them.
 */
#include <linux/slab.h>

#include "trace.h"
#include "vmshm.h"

/**
 * vmshm_file_rights() - what a file may do to a region
 * @file: the file
 *
 * Return: VMSHM_MEMBER_READ and VMSHM_MEMBER_WRITE bits.
 */
u32 vmshm_file_rights(const struct file *file)
{
	u32 rights = 0;

	if (file->f_mode & FMODE_READ)
		rights |= VMSHM_MEMBER_READ;
	if (file->f_mode & FMODE_WRITE)
		rights |= VMSHM_MEMBER_WRITE;
	return rights;
}

static void vmshm_handle_exit(struct vmshm_opener *opener)
{
	vmshm_event_handle(container_of(opener, struct vmshm_handle, opener),
			   VMSHM_EVENT_EXIT);
}

/**
 * vmshm_handle_open() - note that a region is open
 * @region: the region
 * @file: the file; f_mode is set; gets the handle as private_data
 *
 * Counts in @region->opens. Raises VMSHM_EVENT_OPENED if the region is
 * published; else vmshm_handle_announce() is left to be called when it is.
 *
 * Context: process context of whoever opens; may sleep.
 * Return: 0; -EDQUOT: too much kernel memory for the user; -ENOMEM.
 */
int vmshm_handle_open(struct vmshm_region *region, struct file *file)
{
	struct vmshm_handle *handle;
	struct vmshm_user *user;
	int ret;

	user = vmshm_user_get(region->registry->user_ns);
	if (IS_ERR(user))
		return PTR_ERR(user);

	ret = vmshm_charge_meta(user, sizeof(*handle));
	if (ret)
		goto put_user;

	ret = -ENOMEM;
	handle = kzalloc(sizeof(*handle), GFP_KERNEL_ACCOUNT);
	if (!handle)
		goto uncharge;

	handle->region = region;
	handle->file = file;
	handle->user = user;
	vmshm_opener_init(&handle->opener, vmshm_handle_exit);

	file->private_data = handle;
	atomic_inc(&region->opens);
	mutex_lock(&region->handles_lock);
	list_add_tail(&handle->node, &region->handles);
	WRITE_ONCE(region->nr_handles, region->nr_handles + 1);
	mutex_unlock(&region->handles_lock);

	/* Last: EXIT comes after OPENED. */
	trace_vmshm_open(region, vmshm_file_rights(file));
	vmshm_handle_announce(handle);
	vmshm_opener_start(&handle->opener);
	return 0;

uncharge:
	vmshm_uncharge_meta(user, sizeof(*handle));
put_user:
	vmshm_user_put(user);
	return ret;
}

/**
 * vmshm_handle_announce() - raise VMSHM_EVENT_OPENED of a published region
 * @handle: the open file
 *
 * Does nothing if the region is not published.
 *
 * Context: may sleep; takes region->event_mutex.
 */
void vmshm_handle_announce(struct vmshm_handle *handle)
{
	vmshm_event_handle(handle, VMSHM_EVENT_OPENED);
}

/**
 * vmshm_handle_release() - a region's file is closed for good
 * @handle: its handle; freed
 *
 * By the time of VMSHM_EVENT_CLOSED the file is neither counted nor listed any
 * more. An ephemeral region may lose its name here.
 *
 * Context: process context; may sleep; the caller holds the inode, and none of
 * our locks.
 */
void vmshm_handle_release(struct vmshm_handle *handle)
{
	struct vmshm_region *region = handle->region;

	vmshm_opener_stop(&handle->opener);

	mutex_lock(&region->handles_lock);
	list_del(&handle->node);
	WRITE_ONCE(region->nr_handles, region->nr_handles - 1);
	mutex_unlock(&region->handles_lock);

	vmshm_opener_close(&handle->opener);
	vmshm_registry_drop_open(region);
	vmshm_event_handle(handle, VMSHM_EVENT_CLOSED);

	vmshm_opener_release(&handle->opener);
	vmshm_uncharge_meta(handle->user, sizeof(*handle));
	vmshm_user_put(handle->user);
	kfree(handle);
}
