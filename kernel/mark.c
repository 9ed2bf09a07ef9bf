// SPDX-License-Identifier: GPL-2.0
/*
 * MARK and MERGE: pages written by somebody the kernel cannot see, told to all
 * logs of a region.
 */
#include <linux/sched/signal.h>
#include <linux/uaccess.h>

#include "dirty.h"

/* Words of a bitmap that are copied at a time. */
#define VMSHM_MERGE_CHUNK	32

static u64 vmshm_max_pages(const struct vmshm_region *region)
{
	return (region->max_size >> PAGE_SHIFT) +
		!PAGE_ALIGNED(region->max_size);
}

static bool vmshm_in_region(const struct vmshm_region *region, u64 first,
			    u64 nr)
{
	u64 pages = vmshm_max_pages(region);

	return first <= pages && nr <= pages - first;
}

/**
 * vmshm_ioctl_mark() - VMSHM_IOC_MARK
 * @ucmd: the ioctl, on a region
 *
 * Return: 0 or an errno of struct vmshm_mark.
 */
int vmshm_ioctl_mark(struct vmshm_ucmd *ucmd)
{
	struct vmshm_region *region = vmshm_file_handle(ucmd->file)->region;
	const struct vmshm_mark *arg = ucmd->arg;
	const struct vmshm_log_range __user *from =
		u64_to_user_ptr(arg->ranges);
	u32 i;

	if (arg->flags)
		return -EOPNOTSUPP;
	if (arg->__reserved)
		return -EINVAL;
	if (!(ucmd->file->f_mode & FMODE_WRITE))
		return -EACCES;

	for (i = 0; i < arg->count; i++) {
		struct vmshm_log_range range;

		if (copy_from_user(&range, &from[i], sizeof(range)))
			return -EFAULT;
		if (!vmshm_in_region(region, range.first_page, range.nr_pages))
			return -EINVAL;
		vmshm_dirty_mark(region, range.first_page, range.nr_pages);
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

static void vmshm_merge_words(struct vmshm_region *region, pgoff_t base,
			      const u64 *words, unsigned int bits)
{
	DECLARE_BITMAP(map, VMSHM_MERGE_CHUNK * 64);
	unsigned int from, to;

	bitmap_from_arr64(map, words, bits);
	for_each_set_bitrange(from, to, map, bits)
		vmshm_dirty_mark(region, base + from, to - from);
}

/**
 * vmshm_ioctl_merge() - VMSHM_IOC_MERGE
 * @ucmd: the ioctl, on a region
 *
 * Return: 0 or an errno of struct vmshm_merge.
 */
int vmshm_ioctl_merge(struct vmshm_ucmd *ucmd)
{
	struct vmshm_region *region = vmshm_file_handle(ucmd->file)->region;
	const struct vmshm_merge *arg = ucmd->arg;
	u64 done, from = arg->bitmap;

	if (arg->flags)
		return -EOPNOTSUPP;
	if (!(ucmd->file->f_mode & FMODE_WRITE))
		return -EACCES;
	if (!vmshm_in_region(region, arg->first_page, arg->nr_pages))
		return -EINVAL;

	for (done = 0; done < arg->nr_pages; ) {
		unsigned int bits = min_t(u64, arg->nr_pages - done,
					  VMSHM_MERGE_CHUNK * 64);
		u64 words[VMSHM_MERGE_CHUNK];
		size_t bytes = DIV_ROUND_UP(bits, 64) * sizeof(u64);

		if (copy_from_user(words, u64_to_user_ptr(from), bytes))
			return -EFAULT;
		vmshm_merge_words(region, arg->first_page + done, words, bits);
		done += bits;
		from += bytes;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}
