// SPDX-License-Identifier: GPL-2.0
/*
 * The file operations of a region: what its users hold.
 *
 * Everything is done by the inner shmem file, or with the memory of a device,
 * within the region's size: only truncation and VMSHM_IOC_RESIZE change that.
 */
#include <linux/fs.h>
#include <linux/falloc.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/uio.h>

#include "device.h"
#include "range.h"

/* Writes are charged in steps, so that a large one is not charged for pages
 * that exist already.
 */
#define VMSHM_WRITE_STEP	SZ_1M

/**
 * vmshm_file_handle() - the handle behind a file
 * @file: any file
 *
 * Return: the handle, or NULL if @file is not a region.
 */
struct vmshm_handle *vmshm_file_handle(struct file *file)
{
	return file->f_op == &vmshm_file_ops ? file->private_data : NULL;
}

static struct vmshm_region *vmshm_file_region(struct file *file)
{
	struct vmshm_handle *handle = file->private_data;

	return handle->region;
}

static int vmshm_file_open(struct inode *inode, struct file *file)
{
	/*
	 * ->permission said so already; this holds for whoever opens without
	 * asking it.
	 */
	if (vmshm_inode_is_view(inode) && (file->f_mode & FMODE_WRITE))
		return -EACCES;
	return vmshm_handle_open(inode->i_private, file);
}

static int vmshm_file_release(struct inode *inode, struct file *file)
{
	vmshm_handle_release(file->private_data);
	return 0;
}

static loff_t vmshm_llseek(struct file *file, loff_t offset, int whence)
{
	struct vmshm_region *region = vmshm_file_region(file);
	loff_t maxbytes = file_inode(file)->i_sb->s_maxbytes;
	loff_t pos;

	/* A device has nothing but data. */
	if (region->device || (whence != SEEK_DATA && whence != SEEK_HOLE))
		return generic_file_llseek_size(file, offset, whence, maxbytes,
						READ_ONCE(region->size));

	pos = vfs_llseek(region->inner, offset, whence);
	return pos < 0 ? pos : vfs_setpos(file, pos, maxbytes);
}

static ssize_t vmshm_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct vmshm_region *region = vmshm_file_region(iocb->ki_filp);

	if (region->device)
		return vmshm_device_read(region, &iocb->ki_pos, to);
	return vfs_iter_read(region->inner, to, &iocb->ki_pos, 0);
}

/* For vmshm_write_backing(). */
static ssize_t vmshm_write_inner(struct vmshm_region *region, loff_t *pos,
				 struct iov_iter *from)
{
	size_t total = iov_iter_count(from);
	ssize_t done = 0;

	while (done < total) {
		size_t step = min_t(size_t, total - done, VMSHM_WRITE_STEP);
		ssize_t ret;

		ret = vmshm_backing_charge(region, *pos >> PAGE_SHIFT,
					   vmshm_pages_touched(*pos, step));
		if (!ret) {
			iov_iter_truncate(from, step);
			ret = vfs_iter_write(region->inner, from, pos, 0);
			iov_iter_reexpand(from, iov_iter_count(from) +
					  (total - done - step));
		}
		if (ret < 0)
			return done ? done : ret;
		done += ret;
		if (ret < step)
			break;
	}
	return done;
}

/* Called with the outer inode locked and @from within the size. */
static ssize_t vmshm_write_backing(struct vmshm_region *region, loff_t *pos,
				   struct iov_iter *from)
{
	size_t count = iov_iter_count(from);
	loff_t first = *pos;
	ssize_t ret;

	if (region->device)
		return vmshm_device_write(region, pos, from);

	ret = vmshm_write_inner(region, pos, from);
	/* More than it says may have been written when a copy faulted. */
	vmshm_dirty_mark_range(region, first >> PAGE_SHIFT,
			       vmshm_pages_touched(first, count), false);
	vmshm_backing_settle(region);
	return ret;
}

static ssize_t vmshm_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	struct vmshm_region *region = vmshm_file_region(iocb->ki_filp);
	struct inode *inode = file_inode(iocb->ki_filp);
	size_t cut = 0;
	ssize_t ret;

	inode_lock(inode);
	ret = generic_write_checks(iocb, from);
	if (ret <= 0)
		goto unlock;

	ret = -EPERM;
	if (region->seals & (VMSHM_SEAL_WRITE | VMSHM_SEAL_FUTURE_WRITE))
		goto unlock;

	ret = -EFBIG;
	if (iocb->ki_pos >= region->size)
		goto unlock;

	if (iov_iter_count(from) > region->size - iocb->ki_pos) {
		cut = iov_iter_count(from) - (region->size - iocb->ki_pos);
		iov_iter_truncate(from, region->size - iocb->ki_pos);
	}
	ret = vmshm_write_backing(region, &iocb->ki_pos, from);
	iov_iter_reexpand(from, iov_iter_count(from) + cut);
unlock:
	inode_unlock(inode);
	return ret;
}

static long vmshm_fallocate(struct file *file, int mode, loff_t offset,
			    loff_t len)
{
	struct vmshm_region *region = vmshm_file_region(file);
	struct inode *inode = file_inode(file);
	long ret;

	if (mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE))
		return -EOPNOTSUPP;
	/* It is all there, for good. */
	if (region->device)
		return -EOPNOTSUPP;

	inode_lock(inode);
	if (!(mode & FALLOC_FL_PUNCH_HOLE)) {
		ret = vmshm_range_check(offset, len, region->size);
		if (ret) {
			ret = -EFBIG;
			goto unlock;
		}
		ret = vmshm_backing_charge(region, offset >> PAGE_SHIFT,
					   vmshm_pages_touched(offset, len));
		if (ret)
			goto unlock;
	}
	ret = vfs_fallocate(region->inner, mode, offset, len);
	vmshm_backing_settle(region);
unlock:
	inode_unlock(inode);
	return ret;
}

static void vmshm_show_fdinfo(struct seq_file *m, struct file *file)
{
	struct vmshm_region *region = vmshm_file_region(file);

	seq_printf(m, "vmshm-name:\t%s\n", region->name);
	seq_printf(m, "vmshm-generation:\t%llu\n", region->generation);
	seq_printf(m, "vmshm-size:\t%llu\n", READ_ONCE(region->size));
	seq_printf(m, "vmshm-max-size:\t%llu\n", region->max_size);
	seq_printf(m, "vmshm-flags:\t0x%x\n", region->flags);
	seq_printf(m, "vmshm-seals:\t0x%x\n", READ_ONCE(region->seals));
	seq_printf(m, "vmshm-readonly:\t%d\n",
		   vmshm_inode_is_view(file_inode(file)));
	seq_printf(m, "vmshm-opens:\t%u\n", READ_ONCE(region->nr_handles));
	seq_printf(m, "vmshm-maps:\t%u\n", READ_ONCE(region->nr_maps));
	seq_printf(m, "vmshm-peers:\t%u\n", READ_ONCE(region->nr_peers));
}

const struct file_operations vmshm_file_ops = {
	.owner		= THIS_MODULE,
	.open		= vmshm_file_open,
	.release	= vmshm_file_release,
	.llseek		= vmshm_llseek,
	.read_iter	= vmshm_read_iter,
	.write_iter	= vmshm_write_iter,
	.splice_read	= vmshm_splice_read,
	.splice_write	= iter_file_splice_write,
	.fallocate	= vmshm_fallocate,
	.fsync		= noop_fsync,
	.mmap		= vmshm_mmap,
	.get_unmapped_area = thp_get_unmapped_area,
	.unlocked_ioctl	= vmshm_region_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.setlease	= simple_nosetlease,
	.show_fdinfo	= vmshm_show_fdinfo,
};
