// SPDX-License-Identifier: GPL-2.0
/*
 * FETCH and REARM: reading a dirty log.
 *
 * Units are taken one after the other into a buffer of our own, under the log's
 * mutex, and the buffer is copied to the caller without it: his memory may be
 * in the region. What could not be copied is marked again.
 */
#include <linux/pagemap.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>

#include "dirty.h"
#include "trace.h"

/*
 * Elements of the buffer. The first is on the stack: most fetches find little,
 * and memory is cleared when it is allocated. Each that follows is larger, up to
 * 64 KiB of ranges.
 */
#define VMSHM_FETCH_FIRST	32U
#define VMSHM_FETCH_GROWTH	4U
#define VMSHM_FETCH_CHUNK	4096U

/* Ranges of one REARM, see struct vmshm_log_rearm. */
#define VMSHM_REARM_MAX		65536

/* A fetch in progress. */
struct vmshm_fetch {
	struct vmshm_log *log;
	u32 format;
	bool peek;
	pgoff_t page;		/* where it is */
	pgoff_t end;		/* where it is to end */
	pgoff_t origin;		/* page of the chunk's begin */
	void *chunk;
	u32 size;		/* elements of the chunk */
	u32 room;		/* of them, to be used */
	u32 count;		/* of them, in use */
	u64 pages;
	u64 pinned;
	bool drained;		/* the LRU caches, once */
};

static size_t vmshm_fetch_element(u32 format)
{
	return format == VMSHM_LOG_RANGES ? sizeof(struct vmshm_log_range) :
		sizeof(u64);
}

static void vmshm_fetch_put_ranges(struct vmshm_fetch *fetch,
				   const struct vmshm_take *take)
{
	struct vmshm_log_range *ranges = fetch->chunk;
	u64 base = vmshm_unit_page(take->unit);
	unsigned int from, to;

	for_each_set_bitrange(from, to, take->bits, VMSHM_UNIT_PAGES) {
		struct vmshm_log_range *last = ranges + fetch->count;

		if (fetch->count && last[-1].first_page + last[-1].nr_pages ==
		    base + from) {
			last[-1].nr_pages += to - from;
			continue;
		}
		last->first_page = base + from;
		last->nr_pages = to - from;
		fetch->count++;
	}
}

static void vmshm_fetch_put_bitmap(struct vmshm_fetch *fetch,
				   const struct vmshm_take *take)
{
	u64 base = vmshm_unit_page(take->unit);
	u64 *words = fetch->chunk;
	unsigned int bit;

	for_each_set_bit(bit, take->bits, VMSHM_UNIT_PAGES) {
		u64 pos = base + bit - fetch->origin;

		words[pos / 64] |= BIT_ULL(pos % 64);
	}
}

/* Takes from one unit; returns false if the chunk is full. */
static bool vmshm_fetch_unit(struct vmshm_fetch *fetch, unsigned long unit)
{
	pgoff_t base = vmshm_unit_page(unit);
	struct vmshm_take take = {
		.unit = unit,
		.from = fetch->page - base,
		.to = min_t(u64, fetch->end - base, VMSHM_UNIT_PAGES),
		.max_runs = UINT_MAX,
		.peek = fetch->peek,
	};

	if (fetch->format == VMSHM_LOG_RANGES)
		take.max_runs = fetch->room - fetch->count;
	vmshm_log_take(fetch->log, &take);
	if (!fetch->peek)
		fetch->pinned += vmshm_harvest_protect(fetch->log, &take,
						       &fetch->drained);
	fetch->pages += bitmap_weight(take.bits, VMSHM_UNIT_PAGES);
	fetch->page = base + take.end;

	if (fetch->format == VMSHM_LOG_RANGES)
		vmshm_fetch_put_ranges(fetch, &take);
	else if (fetch->format == VMSHM_LOG_BITMAP)
		vmshm_fetch_put_bitmap(fetch, &take);
	return fetch->format != VMSHM_LOG_RANGES || fetch->count < fetch->room;
}

/* Fills the chunk; returns what ended it: 0 or -EINTR. */
static int vmshm_fetch_chunk(struct vmshm_fetch *fetch)
{
	struct vmshm_log *log = fetch->log;
	pgoff_t end = fetch->end;
	int err = 0;

	fetch->count = 0;
	fetch->origin = fetch->page;
	if (fetch->format == VMSHM_LOG_BITMAP) {
		memset(fetch->chunk, 0, fetch->room * sizeof(u64));
		/* No more than the chunk has bits for. */
		fetch->end = min(end, fetch->page + fetch->room * 64UL);
	}

	while (fetch->page < fetch->end) {
		unsigned long unit;

		unit = vmshm_log_next_unit(log, vmshm_page_unit(fetch->page));
		if (vmshm_unit_page(unit) >= fetch->end) {
			fetch->page = fetch->end;
			break;
		}
		fetch->page = max(fetch->page, vmshm_unit_page(unit));
		if (!vmshm_fetch_unit(fetch, unit))
			break;
		if (signal_pending(current)) {
			err = -EINTR;
			break;
		}
		cond_resched();
	}
	if (fetch->format == VMSHM_LOG_BITMAP)
		fetch->count = DIV_ROUND_UP(fetch->page - fetch->origin, 64);
	fetch->end = end;
	return err;
}

/* Takes a larger chunk, or goes on with the one there is. */
static void vmshm_fetch_grow(struct vmshm_fetch *fetch, void *first, u32 count)
{
	u32 size = min3(fetch->size * VMSHM_FETCH_GROWTH, VMSHM_FETCH_CHUNK,
			count);
	void *chunk;

	if (size <= fetch->size)
		return;
	chunk = kvmalloc_array(size, vmshm_fetch_element(fetch->format),
			       GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!chunk)
		return;
	if (fetch->chunk != first)
		kvfree(fetch->chunk);
	fetch->chunk = chunk;
	fetch->size = size;
}

/*
 * Without an error of the caller's memory, what is left unread stays marked and
 * out_next tells where; -EINTR is for a call that got nowhere.
 */
static int vmshm_fetch_run(struct vmshm_fetch *fetch, u64 uaddr, u32 count,
			   u32 *out_count)
{
	struct vmshm_log_range first[VMSHM_FETCH_FIRST];
	size_t element = vmshm_fetch_element(fetch->format);
	pgoff_t begin = fetch->page;
	int err = 0;

	fetch->chunk = first;
	fetch->size = sizeof(first) / element;
	for (;;) {
		u64 pages = fetch->pages, pinned = fetch->pinned;

		fetch->room = min(count - *out_count, fetch->size);
		mutex_lock(&fetch->log->mutex);
		err = vmshm_fetch_chunk(fetch);
		mutex_unlock(&fetch->log->mutex);

		if (copy_to_user(u64_to_user_ptr(uaddr + *out_count * element),
				 fetch->chunk, fetch->count * element)) {
			if (!fetch->peek)
				vmshm_log_mark_range(fetch->log, fetch->origin,
						     fetch->page -
						     fetch->origin);
			fetch->page = fetch->origin;
			fetch->pages = pages;
			fetch->pinned = pinned;
			err = -EFAULT;
			break;
		}
		*out_count += fetch->count;
		if (err || fetch->page == fetch->end || *out_count == count)
			break;
		vmshm_fetch_grow(fetch, first, count - *out_count);
	}
	if (fetch->chunk != first)
		kvfree(fetch->chunk);
	return fetch->page > begin ? 0 : err;
}

/* Counts need no buffer, so one chunk is all. */
static int vmshm_fetch_count(struct vmshm_fetch *fetch)
{
	pgoff_t begin = fetch->page;
	int err;

	mutex_lock(&fetch->log->mutex);
	err = vmshm_fetch_chunk(fetch);
	mutex_unlock(&fetch->log->mutex);
	return fetch->page > begin ? 0 : err;
}

static int vmshm_fetch_check(const struct vmshm_log *log,
			     const struct vmshm_log_fetch *arg)
{
	u64 end = arg->end_page ?: log->end;

	if ((arg->flags & ~VMSHM_LOG_PEEK) || arg->format > VMSHM_LOG_COUNT)
		return -EOPNOTSUPP;
	if (arg->out_next || arg->out_pages || arg->out_pinned ||
	    arg->out_count || arg->__reserved)
		return -EINVAL;
	if (arg->first_page < log->first || end > log->end ||
	    arg->first_page >= end)
		return -EINVAL;
	if (arg->format == VMSHM_LOG_COUNT)
		return arg->count || arg->buffer ? -EINVAL : 0;
	return arg->count ? 0 : -EINVAL;
}

static void vmshm_fetch_abort(struct vmshm_ucmd *ucmd)
{
	const struct vmshm_log_fetch *arg = ucmd->arg;

	vmshm_log_mark_range(ucmd->file->private_data, arg->first_page,
			     arg->out_next - arg->first_page);
}

static void vmshm_fetch_account(struct vmshm_fetch *fetch, u64 start_ns)
{
	struct vmshm_log *log = fetch->log;
	u64 ns = ktime_get_ns() - start_ns;

	mutex_lock(&log->mutex);
	log->fetches++;
	log->fetched += fetch->pages;
	log->fetch_ns += ns;
	mutex_unlock(&log->mutex);
	trace_vmshm_log_fetch(log->region, fetch->pages, fetch->pinned, ns);
}

/**
 * vmshm_ioctl_log_fetch() - VMSHM_IOC_LOG_FETCH
 * @ucmd: the ioctl, on a log
 *
 * Return: 0 or an errno of struct vmshm_log_fetch.
 */
int vmshm_ioctl_log_fetch(struct vmshm_ucmd *ucmd)
{
	struct vmshm_log *log = ucmd->file->private_data;
	struct vmshm_log_fetch *arg = ucmd->arg;
	struct vmshm_fetch fetch = { .log = log };
	u64 start_ns = ktime_get_ns();
	int err;

	err = vmshm_fetch_check(log, arg);
	if (err)
		return err;
	fetch.format = arg->format;
	fetch.peek = arg->flags & VMSHM_LOG_PEEK;
	fetch.page = arg->first_page;
	fetch.end = arg->end_page ?: log->end;

	if (arg->format == VMSHM_LOG_COUNT)
		err = vmshm_fetch_count(&fetch);
	else
		err = vmshm_fetch_run(&fetch, arg->buffer, arg->count,
				      &arg->out_count);
	if (err)
		return err;

	arg->out_next = fetch.page;
	arg->out_pages = fetch.pages;
	arg->out_pinned = fetch.pinned;
	if (!fetch.peek) {
		ucmd->abort = vmshm_fetch_abort;
		vmshm_fetch_account(&fetch, start_ns);
	}
	return 0;
}

/* Takes and protects a range, for which there is no output. */
static void vmshm_rearm_range(struct vmshm_fetch *fetch,
			      const struct vmshm_log_range *range)
{
	fetch->page = range->first_page;
	fetch->end = range->first_page + range->nr_pages;
	mutex_lock(&fetch->log->mutex);
	/* To its end, unless to die: half a range could not be told. */
	while (fetch->page < fetch->end && !fatal_signal_pending(current))
		vmshm_fetch_chunk(fetch);
	mutex_unlock(&fetch->log->mutex);
}

static bool vmshm_in_log(const struct vmshm_log *log,
			 const struct vmshm_log_range *range)
{
	return range->first_page >= log->first &&
	       range->first_page <= log->end &&
	       range->nr_pages <= log->end - range->first_page;
}

static int vmshm_rearm(struct vmshm_fetch *fetch,
		       const struct vmshm_log_range *ranges, u32 count)
{
	struct vmshm_log *log = fetch->log;
	u32 i;

	for (i = 0; i < count; i++)
		if (!vmshm_in_log(log, &ranges[i]))
			return -EINVAL;
	for (i = 0; i < count; i++) {
		vmshm_rearm_range(fetch, &ranges[i]);
		if (fatal_signal_pending(current))
			goto mark_again;
	}
	return 0;

mark_again:
	/* The caller will not copy the pages, but others may use the log. */
	do
		vmshm_log_mark_range(log, ranges[i].first_page,
				     ranges[i].nr_pages);
	while (i--);
	return -EINTR;
}

/**
 * vmshm_ioctl_log_rearm() - VMSHM_IOC_LOG_REARM
 * @ucmd: the ioctl, on a log
 *
 * Return: 0 or an errno of struct vmshm_log_rearm.
 */
int vmshm_ioctl_log_rearm(struct vmshm_ucmd *ucmd)
{
	struct vmshm_log *log = ucmd->file->private_data;
	const struct vmshm_log_rearm *arg = ucmd->arg;
	struct vmshm_fetch fetch = { .log = log, .format = VMSHM_LOG_COUNT };
	u64 start_ns = ktime_get_ns();
	struct vmshm_log_range *ranges;
	int err;

	if (arg->flags)
		return -EOPNOTSUPP;
	if (arg->__reserved || arg->count > VMSHM_REARM_MAX)
		return -EINVAL;

	ranges = kvmalloc_array(arg->count, sizeof(*ranges),
				GFP_KERNEL_ACCOUNT);
	if (!ranges)
		return -ENOMEM;
	err = -EFAULT;
	if (!copy_from_user(ranges, u64_to_user_ptr(arg->ranges),
			    arg->count * sizeof(*ranges)))
		err = vmshm_rearm(&fetch, ranges, arg->count);
	kvfree(ranges);
	if (!err)
		vmshm_fetch_account(&fetch, start_ns);
	return err;
}
