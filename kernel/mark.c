// SPDX-License-Identifier: GPL-2.0
/*
 * Marks of any number of pages; MARK and MERGE, for pages written by somebody
 * the kernel cannot see, told to all logs of a region.
 */
#include <linux/rculist.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>

#include "dirty.h"
#include "range.h"

/* Words of a bitmap that are copied at a time. */
#define VMSHM_MERGE_CHUNK	32

/* Pages that are marked before others get the CPU, by those who may sleep. */
#define VMSHM_MARK_CHUNK	(1024 * VMSHM_UNIT_PAGES)

/**
 * vmshm_log_mark_range() - mark any number of pages in one log
 * @log: the log
 * @first: first page; may lie outside of the log
 * @nr: number of pages
 *
 * Context: may sleep.
 */
void vmshm_log_mark_range(struct vmshm_log *log, pgoff_t first, u64 nr)
{
	pgoff_t page = max(first, log->first);
	pgoff_t end = nr < log->end && first < log->end - nr ? first + nr :
		log->end;

	while (page < end) {
		u64 n = min_t(u64, end - page, VMSHM_MARK_CHUNK);

		vmshm_log_mark(log, page, n);
		page += n;
		cond_resched();
	}
}

/* The first page from @page on that a log is of, or ULONG_MAX. */
static pgoff_t vmshm_dirty_next(struct vmshm_region *region, pgoff_t page)
{
	pgoff_t next = ULONG_MAX;
	struct vmshm_log *log;

	rcu_read_lock();
	list_for_each_entry_rcu(log, &region->logs, node)
		if (page < log->end)
			next = min(next, max(page, log->first));
	rcu_read_unlock();
	return next;
}

/**
 * vmshm_dirty_mark_range() - mark any number of pages in all logs of a region
 * @region: the region
 * @first: first page
 * @nr: number of pages
 * @killable: stop at a fatal signal
 *
 * As vmshm_dirty_mark(), after what has been written: a log that is not seen yet
 * finds the pages, or the size, by itself.
 *
 * Context: may sleep.
 */
void vmshm_dirty_mark_range(struct vmshm_region *region, pgoff_t first, u64 nr,
			    bool killable)
{
	u64 max = vmshm_pages(region->max_size);
	pgoff_t page = first;
	pgoff_t end = nr < max && first < max - nr ? first + nr : max;

	/* Pairs with vmshm_log_link(). */
	smp_mb();
	while ((page = vmshm_dirty_next(region, page)) < end) {
		u64 n = min_t(u64, end - page, VMSHM_MARK_CHUNK);

		vmshm_dirty_mark(region, page, n);
		page += n;
		if (killable && fatal_signal_pending(current))
			break;
		cond_resched();
	}
}

static bool vmshm_in_region(const struct vmshm_region *region, u64 first,
			    u64 nr)
{
	u64 pages = vmshm_pages(region->max_size);

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
		vmshm_dirty_mark_range(region, range.first_page,
				       range.nr_pages, true);
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
	if (!vmshm_in_region(region, arg->first_page, arg->nr_pages))
		return -EINVAL;
	if (!(ucmd->file->f_mode & FMODE_WRITE))
		return -EACCES;

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
