/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vmshm: dirty logs.
 *
 * The invariant: a page table entry of a region page is writable (or dirty)
 * only if the page is marked in every open log. Who may break and restore it:
 *
 *  - page_mkwrite marks the folio in every log, and the core makes the entry
 *    writable, both under the folio's lock;
 *  - write-around marks a neighbour and makes its entry writable in one section
 *    of the page table lock, reading the list of logs in there;
 *  - a fetch clears the mark, then locks the folio and calls folio_mkclean(),
 *    which takes each page table lock. What was marked after the clearing stays
 *    marked; what was made writable on the strength of the mark that was
 *    cleared is protected, since both locks were released by then;
 *  - a log that opens is put in the list first, then every resident folio is
 *    protected in the same way: who did not see the log is protected, who comes
 *    later sees it.
 *
 * Lock order: log->mutex; then, each for itself, folio lock -> page table lock
 * -> a lock of log->locks -> log->units.xa_lock. Marking is done in page faults
 * and takes only the last two.
 */
#ifndef _VMSHM_DIRTY_H
#define _VMSHM_DIRTY_H

#include <linux/bitmap.h>
#include <linux/xarray.h>

#include "vmshm.h"

/* Pages are kept by units of a huge page's size: 2 MiB where pages are 4 KiB */
#define VMSHM_UNIT_SHIFT	9
#define VMSHM_UNIT_PAGES	BIT(VMSHM_UNIT_SHIFT)

/* The summary of this many pages takes 1 MiB. */
#define VMSHM_LOG_PAGES_MAX	BIT_ULL(32)

#define VMSHM_LOG_LOCKS		16

/* Folios that are locked at a time, at the most. */
#define VMSHM_RUN_MAX		64

#define VMSHM_UNIT_WORDS	BITS_TO_LONGS(VMSHM_UNIT_PAGES)

/**
 * struct vmshm_unit - the dirty pages of one unit of a log
 * @dirty: marked pages
 * @around: those of @dirty that nobody but write-around has marked: whether they
 *	were written is not known
 * @once: pages that are known to have been written in the last round, and are
 *	not in @hot
 * @hot: pages that are expected to be written in each round
 * @level: for each word of @hot how well that went; see predict.c
 * @probe: for each word of @hot, which pages are next to be left closed
 *
 * Protected by the lock of log->locks that vmshm_log_lock() takes.
 */
struct vmshm_unit {
	DECLARE_BITMAP(dirty, VMSHM_UNIT_PAGES);
	DECLARE_BITMAP(around, VMSHM_UNIT_PAGES);
	DECLARE_BITMAP(once, VMSHM_UNIT_PAGES);
	DECLARE_BITMAP(hot, VMSHM_UNIT_PAGES);
	u8 level[VMSHM_UNIT_WORDS];
	u8 probe[VMSHM_UNIT_WORDS];
};

/**
 * struct vmshm_log - one reader of a region's dirty pages
 * @node: in region->logs; RCU
 * @region: the region
 * @inode: its outer inode; a counted reference, so that its memory stays
 * @user: whom it is charged to; a counted reference
 * @memcg: the reader's memory cgroup; a counted reference
 * @first: first page
 * @end: last page + 1
 * @base: unit of the first page: bit 0 of @coarse
 * @mutex: serialises FETCH and REARM; never held while copying to the caller
 * @units: struct vmshm_unit by number of the unit
 * @coarse: units of which all pages are marked; such a unit has no dirty bits.
 *	Protected as its struct vmshm_unit is. Allocated when the log is opened:
 *	a mark can always be made here.
 * @nr_coarse: number of bits set in @coarse, or more while one is being set
 * @folios: those that are being protected; under @mutex
 * @locks: protect the units, see vmshm_log_lock()
 * @nr_dirty: number of marked pages
 * @watermark: pages that must be marked for poll() to say POLLIN
 * @wait: pollers
 * @nr_units: number of struct vmshm_unit
 * @drain_skip: the LRU caches are not drained in so many of the next fetches
 *	that would; under @mutex
 * @drain_backoff: what to set it to next time; under @mutex
 * @fetches: see struct vmshm_log_stat; like those that follow, under @mutex
 * @fetched: pages reported
 * @protected: folios write-protected
 * @pinned: pages left marked
 * @fetch_ns: time spent
 * @coarse_marks: times that a mark took a whole unit for want of memory
 * @hits: expected pages that were left to fault, and were written
 * @misses: expected pages that were left to fault, and were not
 */
struct vmshm_log {
	struct list_head node;
	struct vmshm_region *region;
	struct inode *inode;
	struct vmshm_user *user;
	struct mem_cgroup *memcg;
	pgoff_t first;
	pgoff_t end;
	unsigned long base;
	struct mutex mutex;
	struct xarray units;
	unsigned long *coarse;
	atomic_t nr_coarse;
	struct folio *folios[VMSHM_RUN_MAX];
	spinlock_t locks[VMSHM_LOG_LOCKS];
	atomic64_t nr_dirty;
	u64 watermark;
	wait_queue_head_t wait;
	atomic_t nr_units;
	unsigned int drain_skip;
	unsigned int drain_backoff;
	u64 fetches;
	u64 fetched;
	u64 protected;
	u64 pinned;
	u64 fetch_ns;
	atomic64_t coarse_marks;
	atomic64_t hits;
	atomic64_t misses;
};

/**
 * struct vmshm_take - which pages of a unit to report, and which there were
 * @unit: number of the unit
 * @from: first page in the unit
 * @to: last page + 1 in the unit
 * @max_runs: stop before more runs of pages than this; at least 1
 * @peek: do not clear
 * @end: out: where it stopped, in the unit; @to unless @max_runs were reached
 * @hits: out: how many of these were expected, by what was left to fault
 * @misses: out: how many were expected in the same way, and are not marked
 * @bits: out: the marked pages from @from up to @end
 */
struct vmshm_take {
	unsigned long unit;
	unsigned int from;
	unsigned int to;
	unsigned int max_runs;
	bool peek;
	unsigned int end;
	unsigned int hits;
	unsigned int misses;
	DECLARE_BITMAP(bits, VMSHM_UNIT_PAGES);
};

/**
 * struct vmshm_expected - what logs expect of the pages of a unit
 * @may: dirty or expected to be, or outside of the log
 * @marked: dirty, or outside of the log
 * @outside: outside of the log
 */
struct vmshm_expected {
	DECLARE_BITMAP(may, VMSHM_UNIT_PAGES);
	DECLARE_BITMAP(marked, VMSHM_UNIT_PAGES);
	DECLARE_BITMAP(outside, VMSHM_UNIT_PAGES);
};

/* dirty.c */
size_t vmshm_log_coarse_bytes(const struct vmshm_log *log);
size_t vmshm_log_memory(const struct vmshm_log *log);
void vmshm_log_mark(struct vmshm_log *log, pgoff_t first, u64 nr);
void vmshm_log_take(struct vmshm_log *log, struct vmshm_take *take);
unsigned long vmshm_log_next_unit(struct vmshm_log *log, unsigned long unit);
bool vmshm_log_predict(struct vmshm_log *log, unsigned long unit, bool more,
		       struct vmshm_expected *expected);
void vmshm_log_mark_around(struct vmshm_log *log, unsigned long unit,
			   const unsigned long *pages);
void vmshm_log_free_units(struct vmshm_log *log);

/* predict.c */
void vmshm_unit_learn(struct vmshm_unit *u, struct vmshm_take *take,
		      unsigned int end);
bool vmshm_unit_idle(const struct vmshm_unit *u);
void vmshm_unit_predict(const struct vmshm_unit *u,
			const unsigned long *outside,
			struct vmshm_expected *expected);
unsigned int vmshm_unit_mark_around(struct vmshm_unit *u,
				    const unsigned long *pages);

/* mark.c */
void vmshm_log_mark_range(struct vmshm_log *log, pgoff_t first, u64 nr);

/* harvest.c */
int vmshm_harvest_open(struct vmshm_log *log);
u64 vmshm_harvest_protect(struct vmshm_log *log, struct vmshm_take *take,
			  bool *drained);

static inline unsigned int vmshm_page_in_unit(pgoff_t page)
{
	return page & (VMSHM_UNIT_PAGES - 1);
}

static inline unsigned long vmshm_page_unit(pgoff_t page)
{
	return page >> VMSHM_UNIT_SHIFT;
}

static inline pgoff_t vmshm_unit_page(unsigned long unit)
{
	return (pgoff_t)unit << VMSHM_UNIT_SHIFT;
}

#endif /* _VMSHM_DIRTY_H */
