// SPDX-License-Identifier: GPL-2.0
/*
 * Operations on dirty logs: what was written is told, once at least.
 */
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "fuzz.h"

#define FZ_RANGES	48

void fz_logs_wrote(struct fz_region *region, uint64_t first, uint64_t nr)
{
	uint64_t page;
	unsigned int i;

	for (i = 0; i < FZ_LOGS; i++) {
		struct fz_log *log = &fz.log[i];

		if (log->region != region)
			continue;
		for (page = first; page < first + nr && page < FZ_CAP; page++)
			if (page >= log->first && page < log->end)
				log->must[page] = true;
	}
}

void fz_logs_shrunk(struct fz_region *region)
{
	uint64_t page;
	unsigned int i;

	for (i = 0; i < FZ_LOGS; i++)
		if (fz.log[i].region == region)
			for (page = fz_pages(region->size); page < FZ_CAP;
			     page++)
				fz.log[i].must[page] = false;
}

void fz_log_close(struct fz_log *log)
{
	struct fz_region *region = log->region;

	if (!region)
		return;
	log->region = NULL;
	FZ_EXPECT(close(log->fd), 0, "close");
	fz_region_check(region);
}

static struct fz_log *fz_log_of(uint32_t arg)
{
	unsigned int i;

	for (i = 0; i < FZ_LOGS; i++) {
		struct fz_log *log = &fz.log[(arg + i) % FZ_LOGS];

		if (log->region)
			return log;
	}
	return NULL;
}

static int fz_log_open_expect(const struct fz_handle *handle,
			      const struct vmshm_log_open *open, bool faulty)
{
	const struct fz_region *region = handle->region;
	uint64_t pages = fz_pages(region->max_size);

	if (region->flags & VMSHM_PINNABLE)
		return -EOPNOTSUPP;
	if (!handle->write && !(region->flags & VMSHM_LOG_READERS))
		return -EACCES;
	if (open->first_page >= pages ||
	    open->nr_pages > pages - open->first_page)
		return -EINVAL;
	return faulty ? -EFAULT : 0;
}

/* 0 descriptor, 1 which log, 2 first page, 3 pages, 4 flags and more */
void fz_op_log_open(const uint32_t *arg)
{
	struct vmshm_log_open open = {
		.size = sizeof(open),
		.flags = arg[4] & 3 ? 0 : VMSHM_LOG_ALL_DIRTY,
		.first_page = arg[2] & 3 ? 0 : (arg[2] >> 2) % 140,
		.nr_pages = arg[3] & 3 ? 0 : (arg[3] >> 2) % 140,
		.watermark = arg[4] >> 8 & 7,
	};
	struct fz_log *log = &fz.log[arg[1] % FZ_LOGS];
	bool faulty = !(arg[4] >> 2 & 15);
	struct fz_region *region;
	struct fz_fd *fd;
	int want;

	fz_log_close(log);
	fd = fz_fd_of(arg[0]);
	if (!fd)
		return;
	region = fd->handle->region;
	want = fz_log_open_expect(fd->handle, &open, faulty);
	FZ_EXPECT(fz_ioctl(fd->fd, VMSHM_IOC_LOG_OPEN, &open, sizeof(open),
			   faulty), want, "LOG_OPEN");
	if (want)
		return;
	memset(log, 0, sizeof(*log));
	log->fd = open.out_fd;
	log->first = open.first_page;
	log->end = open.nr_pages ? open.first_page + open.nr_pages :
		fz_pages(region->max_size);
	log->watermark = open.watermark ?: 1;
	log->region = region;
	if (open.flags & VMSHM_LOG_ALL_DIRTY) {
		uint64_t page;

		for (page = log->first; page < log->end && page < FZ_CAP &&
		     page < fz_pages(region->size); page++)
			log->must[page] = true;
	}
}

/* 0 which log */
void fz_op_log_close(const uint32_t *arg)
{
	fz_log_close(&fz.log[arg[0] % FZ_LOGS]);
}

/* What a fetch reported, page by page. */
static void fz_log_report(const struct vmshm_log_fetch *fetch,
			  const struct fz_log *log, const void *buffer,
			  bool told[FZ_CAP])
{
	const struct vmshm_log_range *range = buffer;
	const uint64_t *word = buffer;
	uint64_t pages = 0, page, last = fetch->first_page;
	unsigned int i;

	if (fetch->format == VMSHM_LOG_RANGES) {
		for (i = 0; i < fetch->out_count; i++, range++) {
			uint64_t end = range->first_page + range->nr_pages;

			if (!range->nr_pages || range->first_page < last ||
			    end > fetch->out_next)
				fz_fail("FETCH: range %llu+%llu, after %llu",
					(unsigned long long)range->first_page,
					(unsigned long long)range->nr_pages,
					(unsigned long long)last);
			for (page = range->first_page;
			     page < end && page < FZ_CAP; page++)
				told[page] = true;
			pages += range->nr_pages;
			last = end;
		}
	} else {
		for (i = 0; i < fetch->out_count * 64; i++) {
			if (!(word[i / 64] >> i % 64 & 1))
				continue;
			page = fetch->first_page + i;
			if (page >= fetch->out_next)
				fz_fail("FETCH: page %llu, out_next %llu",
					(unsigned long long)page,
					(unsigned long long)fetch->out_next);
			if (page < FZ_CAP)
				told[page] = true;
			pages++;
		}
	}
	FZ_EXPECT(fetch->out_pages, pages, "FETCH: out_pages");
}

static void fz_log_compare(struct fz_log *log,
			   const struct vmshm_log_fetch *fetch,
			   const bool told[FZ_CAP])
{
	uint64_t page;

	for (page = fetch->first_page; page < fetch->out_next && page < FZ_CAP;
	     page++) {
		if (log->must[page] && !told[page])
			fz_fail("page %llu was written, and the log lost it",
				(unsigned long long)page);
		if (!(fetch->flags & VMSHM_LOG_PEEK))
			log->must[page] = false;
	}
}

/* How many pages of a range are dirty. */
static uint64_t fz_log_count(const struct fz_log *log, uint64_t first,
			     uint64_t end)
{
	struct vmshm_log_fetch fetch = {
		.size = sizeof(fetch),
		.flags = VMSHM_LOG_PEEK,
		.format = VMSHM_LOG_COUNT,
		.first_page = first,
		.end_page = end,
	};

	FZ_EXPECT(fz_ioctl(log->fd, VMSHM_IOC_LOG_FETCH, &fetch, sizeof(fetch),
			   false), 0, "FETCH of a count");
	FZ_EXPECT(fetch.out_next, end, "FETCH of a count: out_next");
	FZ_EXPECT(fetch.out_count, 0, "FETCH of a count: out_count");
	return fetch.out_pages;
}

static int fz_fetch_expect(const struct fz_log *log,
			   const struct vmshm_log_fetch *fetch, bool faulty)
{
	uint64_t end = fetch->end_page ?: log->end;

	if (fetch->first_page < log->first || end > log->end ||
	    fetch->first_page >= end || !fetch->count)
		return -EINVAL;
	return faulty ? -EFAULT : 0;
}

/* 0 which log, 1 format and flags, 2 first page, 3 pages, 4 room */
void fz_op_log_fetch(const uint32_t *arg)
{
	static uint64_t buffer[2 * FZ_RANGES];
	struct fz_log *log = fz_log_of(arg[0]);
	struct vmshm_log_fetch fetch = {
		.size = sizeof(fetch),
		.flags = arg[1] >> 1 & 3 ? 0 : VMSHM_LOG_PEEK,
		.format = arg[1] & 1,
		.count = arg[4] & 3 ? FZ_RANGES : (arg[4] >> 2) % 6,
		.buffer = (uintptr_t)buffer,
	};
	bool told[FZ_CAP] = { false };
	bool faulty = !(arg[1] >> 3 & 15);
	uint64_t end;
	int want;

	if (!log)
		return;
	fetch.first_page = log->first;
	if (!(arg[2] & 3))
		fetch.first_page += (arg[2] >> 2) % 70;
	if (!(arg[3] & 3))
		fetch.end_page = fetch.first_page + (arg[3] >> 2) % 140;
	end = fetch.end_page ?: log->end;
	want = fz_fetch_expect(log, &fetch, faulty);
	FZ_EXPECT(fz_ioctl(log->fd, VMSHM_IOC_LOG_FETCH, &fetch, sizeof(fetch),
			   faulty), want, "FETCH");
	if (want)
		return;

	if (fz_lies("mark") && fetch.format && fetch.out_pages == 1) {
		memset(buffer, 0, sizeof(buffer));
		fetch.out_pages = 0;
	}
	if (fetch.out_next > end || fetch.out_next <= fetch.first_page ||
	    fetch.out_count > fetch.count)
		fz_fail("FETCH: out_next %llu, out_count %u",
			(unsigned long long)fetch.out_next, fetch.out_count);
	if (fetch.format == VMSHM_LOG_RANGES && fetch.out_count < fetch.count)
		FZ_EXPECT(fetch.out_next, end, "FETCH: not full, out_next");
	if (fetch.format == VMSHM_LOG_BITMAP)
		FZ_EXPECT(fetch.out_next, end - fetch.first_page <
			  fetch.count * 64 ? end :
			  fetch.first_page + fetch.count * 64,
			  "FETCH of a bitmap: out_next");
	fz_log_report(&fetch, log, buffer, told);
	fz_log_compare(log, &fetch, told);
	/* Nobody writes meanwhile: what is dirty still is what is held. */
	if (!(fetch.flags & VMSHM_LOG_PEEK))
		FZ_EXPECT(fz_log_count(log, fetch.first_page, fetch.out_next),
			  fetch.out_pinned, "FETCH: what is left");
}

/* 0 which log, 1 first page, 2 pages, 3 another, 4 how many */
void fz_op_log_rearm(const uint32_t *arg)
{
	struct fz_log *log = fz_log_of(arg[0]);
	struct vmshm_log_range range[2] = {
		{ arg[1] % 140, arg[2] % 70 }, { arg[3] % 140, arg[3] / 140 % 4 },
	};
	struct vmshm_log_rearm rearm = {
		.size = sizeof(rearm),
		.ranges = (uintptr_t)range,
		.count = arg[4] % 3,
	};
	uint64_t page;
	unsigned int i;
	int want = 0;

	if (!log)
		return;
	for (i = 0; i < rearm.count; i++)
		if (range[i].first_page < log->first ||
		    range[i].first_page + range[i].nr_pages > log->end)
			want = -EINVAL;
	if (!(arg[4] >> 8 & 15)) {
		rearm.count = 65537;
		want = -EINVAL;
	}
	FZ_EXPECT(fz_ioctl(log->fd, VMSHM_IOC_LOG_REARM, &rearm, sizeof(rearm),
			   arg[4] & 0x1000), want, "REARM");
	for (i = 0; i < rearm.count && !want; i++)
		for (page = range[i].first_page; page < range[i].first_page +
		     range[i].nr_pages && page < FZ_CAP; page++)
			log->must[page] = false;
}

/* 0 which log */
void fz_op_log_stat(const uint32_t *arg)
{
	struct vmshm_log_stat stat = { .size = sizeof(stat) };
	struct fz_log *log = fz_log_of(arg[0]);
	uint64_t page, must = 0;

	if (!log)
		return;
	for (page = 0; page < FZ_CAP; page++)
		must += log->must[page];
	FZ_EXPECT(fz_ioctl(log->fd, VMSHM_IOC_LOG_STAT, &stat, sizeof(stat),
			   false), 0, "LOG_STAT");
	FZ_EXPECT(stat.out_first_page, log->first, "LOG_STAT: out_first_page");
	FZ_EXPECT(stat.out_nr_pages, log->end - log->first,
		  "LOG_STAT: out_nr_pages");
	FZ_EXPECT(stat.out_watermark, log->watermark,
		  "LOG_STAT: out_watermark");
	if (stat.out_dirty < must)
		fz_fail("LOG_STAT: %llu pages are dirty, expected %llu",
			(unsigned long long)stat.out_dirty,
			(unsigned long long)must);
	FZ_EXPECT(fz_log_count(log, log->first, log->end), stat.out_dirty,
		  "LOG_STAT: out_dirty");
	FZ_EXPECT(fz_poll(log->fd), stat.out_dirty >= log->watermark ?
		  POLLIN : 0, "poll of a log with %llu dirty, watermark %llu",
		  (unsigned long long)stat.out_dirty,
		  (unsigned long long)log->watermark);
}

/* 0 which log, 1 how many */
void fz_op_log_watermark(const uint32_t *arg)
{
	struct fz_log *log = fz_log_of(arg[0]);
	struct vmshm_log_watermark mark = {
		.size = sizeof(mark),
		.watermark = arg[1] % 16,
	};

	if (!log)
		return;
	FZ_EXPECT(fz_ioctl(log->fd, VMSHM_IOC_LOG_WATERMARK, &mark,
			   sizeof(mark), false), 0, "LOG_WATERMARK");
	log->watermark = mark.watermark ?: 1;
}

static bool fz_in_region(const struct fz_region *region, uint64_t first,
			 uint64_t nr)
{
	return first + nr <= fz_pages(region->max_size);
}

/* 0 descriptor, 1 and 2 a range, 3 another, 4 how many */
void fz_op_mark(const uint32_t *arg)
{
	struct vmshm_log_range range[2] = {
		{ arg[1] % 140, arg[2] % 70 }, { arg[3] % 520, arg[3] / 520 % 4 },
	};
	struct vmshm_mark mark = {
		.size = sizeof(mark),
		.ranges = (uintptr_t)range,
		.count = arg[4] % 3,
	};
	struct fz_fd *fd = fz_fd_of(arg[0]);
	unsigned int i;
	int want = 0;

	if (!fd)
		return;
	for (i = 0; i < mark.count && !want; i++)
		if (!fz_in_region(fd->handle->region, range[i].first_page,
				  range[i].nr_pages))
			want = -EINVAL;
	if (!fd->handle->write)
		want = -EACCES;
	FZ_EXPECT(fz_ioctl(fd->fd, VMSHM_IOC_MARK, &mark, sizeof(mark),
			   arg[4] & 0x1000), want, "MARK");
	/* Those before one that is wrong have been marked. */
	for (i = 0; i < mark.count && want != -EACCES; i++) {
		if (!fz_in_region(fd->handle->region, range[i].first_page,
				  range[i].nr_pages))
			break;
		fz_logs_wrote(fd->handle->region, range[i].first_page,
			      range[i].nr_pages);
	}
}

/* 0 descriptor, 1 first page, 2 pages, 3 which */
void fz_op_merge(const uint32_t *arg)
{
	uint64_t bitmap[3] = {
		arg[3], (uint64_t)arg[4] << 32 | arg[3], arg[4],
	};
	struct vmshm_merge merge = {
		.size = sizeof(merge),
		.first_page = arg[1] % 140,
		.nr_pages = arg[2] % 193,
		.bitmap = (uintptr_t)bitmap,
	};
	struct fz_fd *fd = fz_fd_of(arg[0]);
	unsigned int i;
	int want = 0;

	if (!fd)
		return;
	if (!fz_in_region(fd->handle->region, merge.first_page,
			  merge.nr_pages))
		want = -EINVAL;
	else if (!fd->handle->write)
		want = -EACCES;
	FZ_EXPECT(fz_ioctl(fd->fd, VMSHM_IOC_MERGE, &merge, sizeof(merge),
			   arg[1] & 0x80000000), want, "MERGE");
	for (i = 0; i < merge.nr_pages && !want; i++)
		if (bitmap[i / 64] >> i % 64 & 1)
			fz_logs_wrote(fd->handle->region, merge.first_page + i,
				      1);
}
