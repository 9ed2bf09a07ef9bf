// SPDX-License-Identifier: GPL-2.0
/*
 * Seals, with the meanings of memfd_create(2).
 *
 * They are enforced by our own file operations, and set on the inner file as
 * well, so that shmem enforces them too. fcntl(F_ADD_SEALS) says EINVAL: it
 * takes only shmem's own files.
 */
#include <linux/fcntl.h>
#include <linux/shmem_fs.h>

#include "vmshm.h"

static_assert(VMSHM_SEAL_SEAL == F_SEAL_SEAL);
static_assert(VMSHM_SEAL_SHRINK == F_SEAL_SHRINK);
static_assert(VMSHM_SEAL_GROW == F_SEAL_GROW);
static_assert(VMSHM_SEAL_WRITE == F_SEAL_WRITE);
static_assert(VMSHM_SEAL_FUTURE_WRITE == F_SEAL_FUTURE_WRITE);

/*
 * Nothing may be able to write when the seal is in force: neither a mapping,
 * nor direct access to pages that was begun through a mapping gone since.
 */
static int vmshm_seal_write(struct vmshm_region *region, u32 seals)
{
	int err;

	/* Fails if a shared mapping is in flight; from here on none can be. */
	err = mapping_deny_writable(region->inode->i_mapping);
	if (err)
		return err;

	/* Without a writable mapping no more pages can be pinned for writing */
	err = vmshm_maps_seal(region, 0, true);
	if (!err)
		err = vmshm_region_wait_pins(region);
	if (!err)
		err = vmshm_maps_seal(region, seals, true);
	mapping_allow_writable(region->inode->i_mapping);
	return err;
}

static int vmshm_seal(struct vmshm_region *region, u32 add)
{
	struct inode *inner;
	int err;

	lockdep_assert_held_write(&region->inode->i_rwsem);
	/* As device memory is, which has no inner file. */
	if (region->seals & VMSHM_SEAL_SEAL)
		return -EPERM;
	if (!(add & ~region->seals))
		return 0;

	if (add & ~region->seals & VMSHM_SEAL_WRITE)
		err = vmshm_seal_write(region, add);
	else
		err = vmshm_maps_seal(region, add, false);
	if (err)
		return err;

	inner = file_inode(region->inner);
	inode_lock(inner);
	SHMEM_I(inner)->seals |= region->seals;
	inode_unlock(inner);
	return 0;
}

static int vmshm_seal_commit(struct vmshm_ucmd *ucmd)
{
	struct vmshm_handle *handle = vmshm_file_handle(ucmd->file);
	struct vmshm_region *region = handle->region;
	const struct vmshm_seal *arg = ucmd->arg;
	u32 old;
	int err;

	inode_lock(region->inode);
	old = region->seals;
	err = vmshm_seal(region, arg->add);
	if (region->seals != old)
		vmshm_event(region, VMSHM_EVENT_SEALED, region->seals, old);
	inode_unlock(region->inode);
	return err;
}

/**
 * vmshm_ioctl_seal() - VMSHM_IOC_SEAL
 * @ucmd: the ioctl, on a region
 *
 * Return: 0; -EACCES: the handle is read-only; -EPERM: sealed against seals;
 * -EBUSY: mapped or pinned for writing; -EINTR, -ENOMEM.
 */
int vmshm_ioctl_seal(struct vmshm_ucmd *ucmd)
{
	struct vmshm_handle *handle = vmshm_file_handle(ucmd->file);
	struct vmshm_seal *arg = ucmd->arg;

	if (arg->flags || (arg->add & ~VMSHM_SEALS))
		return -EOPNOTSUPP;
	if (arg->out_seals)
		return -EINVAL;

	arg->out_seals = READ_ONCE(handle->region->seals) | arg->add;
	if (!arg->add)
		return 0;
	if (!(ucmd->file->f_mode & FMODE_WRITE))
		return -EACCES;
	ucmd->commit = vmshm_seal_commit;
	return 0;
}
