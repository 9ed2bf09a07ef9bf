// SPDX-License-Identifier: GPL-2.0
/* Dirty logs: which pages of a region were written, by anybody. */

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "internal.h"

/* Runs of pages that are fetched at once: 64 KiB of them. */
#define LOG_RANGES	4096

/**
 * struct vmshm_log - a dirty log, and a round of it that is being read
 * @fd: the log
 * @first_page: first page that is logged
 * @end_page: last page + 1
 * @next_page: where the round goes on; @end_page if all of it was fetched
 * @flags: VMSHM_LOG_PEEK if the round only looks
 * @pages: pages of the round up to now
 * @pinned: those of them that stay dirty
 * @count: runs that were fetched and not given out, with those that were
 * @pos: those that were given out
 * @ranges: the runs
 */
struct vmshm_log {
	int fd;
	__u64 first_page;
	__u64 end_page;
	__u64 next_page;
	__u32 flags;
	__u64 pages;
	__u64 pinned;
	__u32 count;
	__u32 pos;
	struct vmshm_log_range ranges[LOG_RANGES];
};

int vmshm_log_open(const struct vmshm_region *region,
		   const struct vmshm_log_options *options,
		   struct vmshm_log **log)
{
	struct vmshm_log_open arg = { .size = sizeof(arg) };
	struct vmshm_log_stat stat = { .size = sizeof(stat) };
	struct vmshm_log_options opt;
	struct vmshm_log *new;
	int rc;

	rc = vmshm__options_copy(&opt, sizeof(opt), LOG_OPTIONS_SIZE_VER0,
				 options);
	if (rc)
		return rc;
	if (opt.__reserved)
		return -EINVAL;

	new = malloc(sizeof(*new));
	if (!new)
		return -ENOMEM;

	arg.flags = opt.flags;
	arg.first_page = opt.first_page;
	arg.nr_pages = opt.nr_pages;
	arg.watermark = opt.watermark;
	rc = vmshm__ioctl(region->fd, VMSHM_IOC_LOG_OPEN, &arg);
	if (rc)
		goto free;
	new->fd = arg.out_fd;

	/* How far it goes was for the kernel to say. */
	rc = vmshm__ioctl(new->fd, VMSHM_IOC_LOG_STAT, &stat);
	if (rc)
		goto close;
	new->first_page = stat.out_first_page;
	new->end_page = stat.out_first_page + stat.out_nr_pages;
	new->next_page = new->end_page;
	new->count = 0;
	new->pos = 0;
	*log = new;
	return 0;

close:
	close(new->fd);
free:
	free(new);
	return rc;
}

int vmshm_log_fd(const struct vmshm_log *log)
{
	return log->fd;
}

int vmshm_log_begin(struct vmshm_log *log, __u32 flags)
{
	if (flags & ~VMSHM_LOG_PEEK)
		return -EINVAL;
	/* What was cleared and not given out would be lost. */
	if (log->pos < log->count && !(log->flags & VMSHM_LOG_PEEK))
		return -EBUSY;

	log->flags = flags;
	log->next_page = log->first_page;
	log->pages = 0;
	log->pinned = 0;
	log->count = 0;
	log->pos = 0;
	return 0;
}

static int log_fill(struct vmshm_log *log)
{
	struct vmshm_log_fetch arg = {
		.size = sizeof(arg),
		.flags = log->flags,
		.format = VMSHM_LOG_RANGES,
		.count = LOG_RANGES,
		.first_page = log->next_page,
		.buffer = (uintptr_t)log->ranges,
	};
	int rc;

	rc = vmshm__ioctl(log->fd, VMSHM_IOC_LOG_FETCH, &arg);
	if (rc)
		return rc;
	if (arg.out_count > LOG_RANGES || arg.out_next <= log->next_page ||
	    arg.out_next > log->end_page)
		return -EPROTO;

	log->next_page = arg.out_next;
	log->pages += arg.out_pages;
	log->pinned += arg.out_pinned;
	log->count = arg.out_count;
	log->pos = 0;
	return 0;
}

int vmshm_log_next(struct vmshm_log *log, const struct vmshm_log_range **range)
{
	int rc;

	while (log->pos == log->count) {
		if (log->next_page == log->end_page)
			return 0;
		rc = log_fill(log);
		if (rc)
			return rc;
	}

	*range = &log->ranges[log->pos++];
	return 1;
}

__u64 vmshm_log_pages(const struct vmshm_log *log)
{
	return log->pages;
}

__u64 vmshm_log_pinned(const struct vmshm_log *log)
{
	return log->pinned;
}

int vmshm_log_count(const struct vmshm_log *log, __u32 flags, __u64 *pages)
{
	struct vmshm_log_fetch arg = {
		.size = sizeof(arg),
		.flags = flags,
		.format = VMSHM_LOG_COUNT,
		.first_page = log->first_page,
	};
	__u64 total = 0;
	int rc;

	do {
		rc = vmshm__ioctl(log->fd, VMSHM_IOC_LOG_FETCH, &arg);
		if (rc)
			return rc;
		if (arg.out_next <= arg.first_page ||
		    arg.out_next > log->end_page)
			return -EPROTO;
		total += arg.out_pages;
		arg.first_page = arg.out_next;
		arg.out_next = 0;
		arg.out_pages = 0;
		arg.out_pinned = 0;
	} while (arg.first_page < log->end_page);

	*pages = total;
	return 0;
}

int vmshm_log_rearm(const struct vmshm_log *log,
		    const struct vmshm_log_range *ranges, size_t count)
{
	struct vmshm_log_rearm arg = {
		.size = sizeof(arg),
		.ranges = (uintptr_t)ranges,
		.count = (__u32)count,
	};

	if (count > UINT32_MAX)
		return -EINVAL;
	return vmshm__ioctl(log->fd, VMSHM_IOC_LOG_REARM, &arg);
}

int vmshm_log_set_watermark(const struct vmshm_log *log, __u64 pages)
{
	struct vmshm_log_watermark arg = {
		.size = sizeof(arg),
		.watermark = pages,
	};

	return vmshm__ioctl(log->fd, VMSHM_IOC_LOG_WATERMARK, &arg);
}

int vmshm_log_stat(const struct vmshm_log *log, struct vmshm_log_stat *stat,
		   size_t stat_size)
{
	return vmshm__stat(log->fd, VMSHM_IOC_LOG_STAT, stat, stat_size,
			   LOG_STAT_SIZE_VER0);
}

void vmshm_log_close(struct vmshm_log *log)
{
	if (!log)
		return;

	close(log->fd);
	free(log);
}

int vmshm_region_mark(const struct vmshm_region *region,
		      const struct vmshm_log_range *ranges, size_t count)
{
	struct vmshm_mark arg = {
		.size = sizeof(arg),
		.ranges = (uintptr_t)ranges,
		.count = (__u32)count,
	};

	if (count > UINT32_MAX)
		return -EINVAL;
	return vmshm__ioctl(region->fd, VMSHM_IOC_MARK, &arg);
}

int vmshm_region_merge(const struct vmshm_region *region, __u64 first_page,
		       const __u64 *bitmap, __u64 nr_pages)
{
	struct vmshm_merge arg = {
		.size = sizeof(arg),
		.first_page = first_page,
		.nr_pages = nr_pages,
		.bitmap = (uintptr_t)bitmap,
	};

	return vmshm__ioctl(region->fd, VMSHM_IOC_MERGE, &arg);
}
