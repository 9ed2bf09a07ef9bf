// SPDX-License-Identifier: GPL-2.0
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "lib/vmshm_log.h"

#define ROOM	512

int vt_log_open(int fd, __u32 flags, __u64 first, __u64 nr)
{
	struct vmshm_log_open arg = {
		.size = sizeof(arg),
		.flags = flags,
		.first_page = first,
		.nr_pages = nr,
	};
	int ret = vt_ioctl(fd, VMSHM_IOC_LOG_OPEN, &arg);

	return ret < 0 ? ret : arg.out_fd;
}

int vt_log_fetch(int log, struct vmshm_log_fetch *arg)
{
	arg->size = sizeof(*arg);
	arg->out_next = 0;
	arg->out_pages = 0;
	arg->out_pinned = 0;
	arg->out_count = 0;
	return vt_ioctl(log, VMSHM_IOC_LOG_FETCH, arg);
}

long long vt_log_count(int log, __u32 flags)
{
	struct vmshm_log_fetch arg = {
		.flags = flags,
		.format = VMSHM_LOG_COUNT,
	};
	struct vmshm_log_stat stat;
	long long pages = 0;
	__u64 end;
	int ret;

	ret = vt_log_stat(log, &stat);
	if (ret)
		return ret;
	end = stat.out_first_page + stat.out_nr_pages;
	for (arg.first_page = stat.out_first_page; arg.first_page < end;
	     arg.first_page = arg.out_next) {
		ret = vt_log_fetch(log, &arg);
		if (ret)
			return ret;
		pages += arg.out_pages;
	}
	return pages;
}

/*
 * Calls @fn for each range of the whole log. Returns the number of pages, or
 * -EPROTO if the ranges make no sense.
 */
static long long walk_ranges(int log, __u32 flags, __u32 room,
			     void (*fn)(const struct vmshm_log_range *range,
					void *data), void *data)
{
	struct vmshm_log_range ranges[ROOM];
	struct vmshm_log_fetch arg = {
		.flags = flags,
		.count = room < ROOM ? room : ROOM,
		.buffer = (uintptr_t)ranges,
	};
	struct vmshm_log_stat stat;
	long long pages = 0;
	__u64 end, pos;
	__u32 i;
	int ret;

	ret = vt_log_stat(log, &stat);
	if (ret)
		return ret;
	end = stat.out_first_page + stat.out_nr_pages;
	for (arg.first_page = stat.out_first_page; arg.first_page < end;
	     arg.first_page = arg.out_next) {
		__u64 sum = 0;

		ret = vt_log_fetch(log, &arg);
		if (ret)
			return ret;
		if (arg.out_next <= arg.first_page || arg.out_next > end ||
		    arg.out_count > arg.count)
			return -EPROTO;
		/* In order, not empty, disjoint. */
		pos = arg.first_page;
		for (i = 0; i < arg.out_count; i++) {
			if (ranges[i].first_page < pos || !ranges[i].nr_pages)
				return -EPROTO;
			pos = ranges[i].first_page + ranges[i].nr_pages;
			if (pos > arg.out_next)
				return -EPROTO;
			sum += ranges[i].nr_pages;
			if (fn)
				fn(&ranges[i], data);
		}
		if (sum != arg.out_pages)
			return -EPROTO;
		pages += sum;
	}
	return pages;
}

static void add_pages(const struct vmshm_log_range *range, void *data)
{
	unsigned char *pages = data;
	__u64 i;

	for (i = 0; i < range->nr_pages; i++)
		pages[range->first_page + i]++;
}

long long vt_log_read(int log, __u32 flags, __u32 room, unsigned char *pages)
{
	return walk_ranges(log, flags, room, pages ? add_pages : NULL,
			      pages);
}

struct wanted {
	__u64 first;
	__u64 end;
	__u64 found;
};

static void count_wanted(const struct vmshm_log_range *range, void *data)
{
	__u64 end = range->first_page + range->nr_pages;
	struct wanted *wanted = data;
	__u64 first = range->first_page;

	if (first < wanted->first)
		first = wanted->first;
	if (end > wanted->end)
		end = wanted->end;
	if (first < end)
		wanted->found += end - first;
}

static void print_range(const struct vmshm_log_range *range, void *data)
{
	int *n = data;

	if ((*n)++ < 16)
		printf("# page %llu+%llu\n", range->first_page,
		       range->nr_pages);
}

static bool reports(int log, __u64 first, __u64 nr, bool exactly)
{
	struct wanted wanted = { .first = first, .end = first + nr };
	long long peeked, pages;
	int n = 0;

	peeked = walk_ranges(log, VMSHM_LOG_PEEK, ROOM, count_wanted, &wanted);
	if (peeked >= 0 && wanted.found == nr &&
	    (!exactly || peeked == (long long)nr)) {
		/* Now for what counts: the same pages are got and cleared. */
		wanted.found = 0;
		pages = walk_ranges(log, 0, ROOM, count_wanted, &wanted);
		if (pages >= 0 && wanted.found == nr &&
		    (!exactly || pages == (long long)nr))
			return true;
		printf("# fetch: %lld pages, %llu of %llu+%llu\n", pages,
		       wanted.found, first, nr);
		return false;
	}
	printf("# reported are %lld pages, %llu of %llu+%llu:\n", peeked,
	       wanted.found, first, nr);
	walk_ranges(log, 0, ROOM, print_range, &n);
	return false;
}

bool vt_log_exactly(int log, __u64 first, __u64 nr)
{
	return reports(log, first, nr, true);
}

bool vt_log_reports(int log, __u64 first, __u64 nr)
{
	return reports(log, first, nr, false);
}

int vt_log_rearm(int log, __u64 first, __u64 nr)
{
	struct vmshm_log_range range = { .first_page = first, .nr_pages = nr };
	struct vmshm_log_rearm arg = {
		.size = sizeof(arg),
		.ranges = (uintptr_t)&range,
		.count = 1,
	};

	return vt_ioctl(log, VMSHM_IOC_LOG_REARM, &arg);
}

int vt_log_watermark(int log, __u64 watermark)
{
	struct vmshm_log_watermark arg = {
		.size = sizeof(arg),
		.watermark = watermark,
	};

	return vt_ioctl(log, VMSHM_IOC_LOG_WATERMARK, &arg);
}

int vt_log_stat(int log, struct vmshm_log_stat *stat)
{
	*stat = (struct vmshm_log_stat){ .size = sizeof(*stat) };
	return vt_ioctl(log, VMSHM_IOC_LOG_STAT, stat);
}

int vt_mark(int fd, __u64 first, __u64 nr)
{
	struct vmshm_log_range range = { .first_page = first, .nr_pages = nr };
	struct vmshm_mark arg = {
		.size = sizeof(arg),
		.ranges = (uintptr_t)&range,
		.count = 1,
	};

	return vt_ioctl(fd, VMSHM_IOC_MARK, &arg);
}

int vt_merge(int fd, __u64 first, __u64 nr, const __u64 *bitmap)
{
	struct vmshm_merge arg = {
		.size = sizeof(arg),
		.first_page = first,
		.nr_pages = nr,
		.bitmap = (uintptr_t)bitmap,
	};

	return vt_ioctl(fd, VMSHM_IOC_MERGE, &arg);
}
