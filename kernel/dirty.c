// SPDX-License-Identifier: GPL-2.0
/*
 * Marks: which pages are dirty, in each log.
 *
 * A log has for each unit of 512 pages either nothing, or a bitmap, or one bit
 * of a summary that says "all of it". The summary is allocated when the log is
 * opened; bitmaps are allocated where pages are marked and go when two fetches
 * in a row found nothing. Marking never fails and never waits: if a bitmap
 * cannot be had, the summary takes the mark.
 */
#include <linux/memcontrol.h>
#include <linux/poll.h>
#include <linux/rculist.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "dirty.h"

/* Mark of all that is in log->units. */
#define VMSHM_UNIT_PRESENT	XA_MARK_0

static struct kmem_cache *vmshm_unit_cache;

static spinlock_t *vmshm_log_lock(struct vmshm_log *log, unsigned long unit)
{
	return &log->locks[unit % VMSHM_LOG_LOCKS];
}

/* The part of a unit that the log is of. */
static void vmshm_log_clip(const struct vmshm_log *log, unsigned long unit,
			   unsigned int *from, unsigned int *to)
{
	pgoff_t page = vmshm_unit_page(unit);

	*from = log->first > page ? log->first - page : 0;
	*to = min_t(u64, log->end - page, VMSHM_UNIT_PAGES);
}

static unsigned int vmshm_log_unit_pages(const struct vmshm_log *log,
					 unsigned long unit)
{
	unsigned int from, to;

	vmshm_log_clip(log, unit, &from, &to);
	return to - from;
}

static size_t vmshm_unit_bytes(void)
{
	/* With its share of the tree's nodes. */
	return sizeof(struct vmshm_unit) + 64;
}

/**
 * vmshm_log_coarse_bytes() - size of a log's summary
 * @log: the log, with its range
 */
size_t vmshm_log_coarse_bytes(const struct vmshm_log *log)
{
	return BITS_TO_LONGS(vmshm_page_unit(log->end - 1) - log->base + 1) *
		sizeof(long);
}

/**
 * vmshm_log_memory() - kernel memory of a log, in bytes
 * @log: the log
 */
size_t vmshm_log_memory(const struct vmshm_log *log)
{
	return sizeof(*log) + vmshm_log_coarse_bytes(log) +
		atomic_read(&log->nr_units) * vmshm_unit_bytes();
}

/* Adds a unit; returns NULL if there is no memory, or none for this user. */
static struct vmshm_unit *vmshm_log_add_unit(struct vmshm_log *log,
					     unsigned long unit, gfp_t gfp)
{
	struct mem_cgroup *old;
	struct vmshm_unit *u;

	if (vmshm_charge_meta(log->user, vmshm_unit_bytes()))
		return NULL;
	/* The reader pays, whoever writes, and the writer does not wait. */
	old = set_active_memcg(log->memcg);
	u = kmem_cache_zalloc(vmshm_unit_cache, gfp);
	if (u && xa_is_err(xa_store(&log->units, unit, u, gfp))) {
		kmem_cache_free(vmshm_unit_cache, u);
		u = NULL;
	}
	/* What is marked is found without a look at each slot on the way. */
	if (u)
		xa_set_mark(&log->units, unit, VMSHM_UNIT_PRESENT);
	set_active_memcg(old);
	if (!u) {
		vmshm_uncharge_meta(log->user, vmshm_unit_bytes());
		return NULL;
	}
	atomic_inc(&log->nr_units);
	return u;
}

static void vmshm_log_del_unit(struct vmshm_log *log, unsigned long unit,
			       struct vmshm_unit *u)
{
	xa_erase(&log->units, unit);
	kmem_cache_free(vmshm_unit_cache, u);
	vmshm_uncharge_meta(log->user, vmshm_unit_bytes());
	atomic_dec(&log->nr_units);
}

/* Marks the whole unit. Returns how many pages were not marked before. */
static unsigned int vmshm_mark_coarse(struct vmshm_log *log, unsigned long unit,
				      struct vmshm_unit *u)
{
	unsigned int marked = 0;

	/* In this order: who finds a bit in the summary was told to look. */
	atomic_inc(&log->nr_coarse);
	set_bit(unit - log->base, log->coarse);
	if (u) {
		marked = bitmap_weight(u->dirty, VMSHM_UNIT_PAGES);
		bitmap_zero(u->dirty, VMSHM_UNIT_PAGES);
		bitmap_zero(u->around, VMSHM_UNIT_PAGES);
	}
	return vmshm_log_unit_pages(log, unit) - marked;
}

static unsigned int vmshm_mark_fine(struct vmshm_unit *u, unsigned int from,
				    unsigned int to)
{
	unsigned int before, after;

	if (to == from + 1) {
		__clear_bit(from, u->around);
		return !__test_and_set_bit(from, u->dirty);
	}
	bitmap_clear(u->around, from, to - from);
	before = bitmap_weight(u->dirty, VMSHM_UNIT_PAGES);
	bitmap_set(u->dirty, from, to - from);
	after = bitmap_weight(u->dirty, VMSHM_UNIT_PAGES);
	return after - before;
}

static unsigned int vmshm_mark_unit(struct vmshm_log *log, unsigned long unit,
				    unsigned int from, unsigned int to)
{
	spinlock_t *lock = vmshm_log_lock(log, unit);
	unsigned int added = 0;
	struct vmshm_unit *u;

	spin_lock(lock);
	if (test_bit(unit - log->base, log->coarse))
		goto unlock;
	u = xa_load(&log->units, unit);
	if (to - from == vmshm_log_unit_pages(log, unit)) {
		added = vmshm_mark_coarse(log, unit, u);
		goto unlock;
	}
	if (!u)
		u = vmshm_log_add_unit(log, unit,
				       GFP_NOWAIT | __GFP_NOWARN |
				       __GFP_ACCOUNT);
	if (u) {
		added = vmshm_mark_fine(u, from, to);
	} else {
		added = vmshm_mark_coarse(log, unit, NULL);
		atomic64_inc(&log->coarse_marks);
	}
unlock:
	spin_unlock(lock);
	return added;
}

static void vmshm_log_add_dirty(struct vmshm_log *log, s64 added)
{
	s64 watermark = READ_ONCE(log->watermark);
	s64 dirty;

	if (!added)
		return;
	dirty = atomic64_add_return(added, &log->nr_dirty);
	if (dirty >= watermark && dirty - added < watermark)
		wake_up_interruptible_poll(&log->wait, EPOLLIN | EPOLLRDNORM);
}

/**
 * vmshm_log_mark() - mark pages in one log
 * @log: the log
 * @first: first page; may lie outside of the log
 * @nr: number of pages
 *
 * Takes time for each unit of the range; see vmshm_log_mark_range().
 *
 * Context: any that may not sleep as well; called under folio and page table
 * locks.
 */
void vmshm_log_mark(struct vmshm_log *log, pgoff_t first, u64 nr)
{
	pgoff_t page = max_t(u64, first, log->first);
	pgoff_t end = nr < log->end && first < log->end - nr ? first + nr :
		log->end;
	s64 added = 0;

	while (page < end) {
		unsigned int from = vmshm_page_in_unit(page);
		unsigned int to = min_t(u64, end - page + from,
					VMSHM_UNIT_PAGES);

		added += vmshm_mark_unit(log, vmshm_page_unit(page), from, to);
		page += to - from;
	}
	vmshm_log_add_dirty(log, added);
}

/* Is there any page of this unit in the log? */
static bool vmshm_log_has_unit(const struct vmshm_log *log, unsigned long unit)
{
	return unit >= log->base && unit <= vmshm_page_unit(log->end - 1);
}

/**
 * vmshm_log_mark_around() - mark pages of a unit that write-around opens
 * @log: the log
 * @unit: number of the unit
 * @pages: bitmap of the unit's pages, some of which may lie outside of the log
 *
 * Context: called under a page table lock.
 */
void vmshm_log_mark_around(struct vmshm_log *log, unsigned long unit,
			   const unsigned long *pages)
{
	spinlock_t *lock = vmshm_log_lock(log, unit);
	DECLARE_BITMAP(clipped, VMSHM_UNIT_PAGES);
	unsigned int from, to, added = 0;
	struct vmshm_unit *u;

	if (!vmshm_log_has_unit(log, unit))
		return;
	vmshm_log_clip(log, unit, &from, &to);
	if (to - from < VMSHM_UNIT_PAGES) {
		bitmap_zero(clipped, VMSHM_UNIT_PAGES);
		bitmap_set(clipped, from, to - from);
		if (!bitmap_and(clipped, clipped, pages, VMSHM_UNIT_PAGES))
			return;
		pages = clipped;
	}

	spin_lock(lock);
	if (test_bit(unit - log->base, log->coarse))
		goto unlock;
	u = xa_load(&log->units, unit);
	if (!u)
		u = vmshm_log_add_unit(log, unit,
				       GFP_NOWAIT | __GFP_NOWARN |
				       __GFP_ACCOUNT);
	if (u) {
		added = vmshm_unit_mark_around(u, pages);
	} else {
		added = vmshm_mark_coarse(log, unit, NULL);
		atomic64_inc(&log->coarse_marks);
	}
unlock:
	spin_unlock(lock);
	vmshm_log_add_dirty(log, added);
}

/**
 * vmshm_dirty_mark() - mark pages in all logs of a region
 * @region: the region
 * @first: first page
 * @nr: number of pages
 *
 * For a change that is not a write through a page table: to be called after
 * the data changed and before anybody is told that it did.
 *
 * Context: any that may not sleep as well.
 */
void vmshm_dirty_mark(struct vmshm_region *region, pgoff_t first, u64 nr)
{
	struct vmshm_log *log;

	rcu_read_lock();
	list_for_each_entry_rcu(log, &region->logs, node)
		vmshm_log_mark(log, first, nr);
	rcu_read_unlock();
}

/*
 * Where to stop so as to report at most @max_runs runs of pages: at the begin
 * of the next one.
 */
static unsigned int vmshm_runs_end(const unsigned long *dirty,
				   unsigned int from, unsigned int to,
				   unsigned int max_runs)
{
	unsigned int pos = find_next_bit(dirty, to, from);

	while (pos < to && max_runs--) {
		pos = find_next_zero_bit(dirty, to, pos);
		pos = find_next_bit(dirty, to, pos);
	}
	return pos;
}

/* Of a unit that is marked as a whole, one part is taken: mark the rest. */
static bool vmshm_take_split(struct vmshm_log *log, struct vmshm_take *take,
			     struct vmshm_unit *u)
{
	unsigned int from, to;

	if (!u)
		u = vmshm_log_add_unit(log, take->unit,
				       GFP_NOWAIT | __GFP_NOWARN |
				       __GFP_ACCOUNT);
	if (!u)
		return false;
	vmshm_log_clip(log, take->unit, &from, &to);
	bitmap_set(u->dirty, from, to - from);
	bitmap_clear(u->dirty, take->from, take->to - take->from);
	return true;
}

static unsigned int vmshm_take_coarse(struct vmshm_log *log,
				      struct vmshm_take *take,
				      struct vmshm_unit *u)
{
	unsigned int n = take->to - take->from;

	take->end = take->to;
	bitmap_set(take->bits, take->from, n);
	if (take->peek)
		return 0;
	/* Without memory to tell the parts apart, all stays marked. */
	if (n != vmshm_log_unit_pages(log, take->unit) &&
	    !vmshm_take_split(log, take, u))
		return 0;
	clear_bit(take->unit - log->base, log->coarse);
	atomic_dec(&log->nr_coarse);
	return n;
}

static unsigned int vmshm_take_fine(struct vmshm_log *log,
				    struct vmshm_take *take,
				    struct vmshm_unit *u)
{
	unsigned int first, end, n;

	take->end = vmshm_runs_end(u->dirty, take->from, take->to,
				   take->max_runs);
	bitmap_set(take->bits, take->from, take->end - take->from);
	bitmap_and(take->bits, take->bits, u->dirty, VMSHM_UNIT_PAGES);
	if (take->peek)
		return 0;

	n = bitmap_weight(take->bits, VMSHM_UNIT_PAGES);
	bitmap_andnot(u->dirty, u->dirty, take->bits, VMSHM_UNIT_PAGES);
	vmshm_log_clip(log, take->unit, &first, &end);
	vmshm_unit_learn(u, take, end);
	atomic64_add(take->hits, &log->hits);
	atomic64_add(take->misses, &log->misses);
	if (bitmap_empty(u->dirty, VMSHM_UNIT_PAGES) && vmshm_unit_idle(u))
		vmshm_log_del_unit(log, take->unit, u);
	return n;
}

/**
 * vmshm_log_take() - get and clear the marks of a unit
 * @log: the log
 * @take: which unit and pages, within the log
 *
 * The pages are not protected yet.
 */
void vmshm_log_take(struct vmshm_log *log, struct vmshm_take *take)
{
	spinlock_t *lock = vmshm_log_lock(log, take->unit);
	struct vmshm_unit *u;
	unsigned int n = 0;

	bitmap_zero(take->bits, VMSHM_UNIT_PAGES);
	take->end = take->to;

	spin_lock(lock);
	u = xa_load(&log->units, take->unit);
	if (test_bit(take->unit - log->base, log->coarse))
		n = vmshm_take_coarse(log, take, u);
	else if (u)
		n = vmshm_take_fine(log, take, u);
	spin_unlock(lock);
	atomic64_sub(n, &log->nr_dirty);
}

/**
 * vmshm_log_next_unit() - find a unit that may have marks
 * @log: the log
 * @unit: where to begin
 *
 * Return: its number, or one beyond the last of the log.
 */
unsigned long vmshm_log_next_unit(struct vmshm_log *log, unsigned long unit)
{
	unsigned long last = vmshm_page_unit(log->end - 1);
	unsigned long coarse = last + 1, fine = unit;

	/* It has a word for 128 MiB: not to be searched in vain. */
	if (atomic_read(&log->nr_coarse))
		coarse = find_next_bit(log->coarse, last - log->base + 1,
				       unit - log->base) + log->base;
	if (!xa_find(&log->units, &fine, last, VMSHM_UNIT_PRESENT))
		fine = last + 1;
	return min(coarse, fine);
}

/**
 * vmshm_log_predict() - which pages of a unit will be written?
 * @log: the log
 * @unit: number of the unit
 * @more: pages that are marked are of interest, too
 * @expected: of each bitmap the bits are cleared that do not hold for this log
 *
 * Return: false if there is nothing of interest, and @expected as it was: where
 * writes are scattered, faults have to be cheap.
 */
bool vmshm_log_predict(struct vmshm_log *log, unsigned long unit, bool more,
		       struct vmshm_expected *expected)
{
	spinlock_t *lock = vmshm_log_lock(log, unit);
	DECLARE_BITMAP(outside, VMSHM_UNIT_PAGES);
	unsigned int from, to;
	struct vmshm_unit *u;
	bool some = true;

	if (!vmshm_log_has_unit(log, unit))
		return true;
	vmshm_log_clip(log, unit, &from, &to);

	spin_lock(lock);
	if (test_bit(unit - log->base, log->coarse))
		goto unlock;
	u = xa_load(&log->units, unit);
	if (!more && to - from == VMSHM_UNIT_PAGES &&
	    (!u || bitmap_empty(u->hot, VMSHM_UNIT_PAGES))) {
		some = false;
		goto unlock;
	}
	bitmap_fill(outside, VMSHM_UNIT_PAGES);
	bitmap_clear(outside, from, to - from);
	vmshm_unit_predict(u, outside, expected);
unlock:
	spin_unlock(lock);
	return some;
}

/**
 * vmshm_log_free_units() - free all bitmaps of a log
 * @log: the log, which nobody can mark any more
 */
void vmshm_log_free_units(struct vmshm_log *log)
{
	struct vmshm_unit *u;
	unsigned long unit;

	xa_for_each(&log->units, unit, u) {
		vmshm_log_del_unit(log, unit, u);
		cond_resched();
	}
	xa_destroy(&log->units);
}

/**
 * vmshm_dirty_init() - what all logs need
 *
 * Return: 0 or -ENOMEM.
 */
int vmshm_dirty_init(void)
{
	vmshm_unit_cache = kmem_cache_create("vmshm_unit",
					     sizeof(struct vmshm_unit), 0, 0,
					     NULL);
	return vmshm_unit_cache ? 0 : -ENOMEM;
}

/**
 * vmshm_dirty_exit() - undo vmshm_dirty_init()
 */
void vmshm_dirty_exit(void)
{
	kmem_cache_destroy(vmshm_unit_cache);
}
