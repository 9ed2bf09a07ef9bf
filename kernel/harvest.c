// SPDX-License-Identifier: GPL-2.0
/*
 * Protection: after a mark was cleared, the page must fault again.
 *
 * folio_mkclean() on a locked folio write-protects and cleans every shared
 * mapping of it and tells KVM. The lock keeps page_mkwrite and migration out.
 * What a page table entry knew of writes goes into the folio's dirty flag, or
 * reclaim would drop them.
 *
 * Whoever holds a page by a reference of his own (direct I/O, a long-term pin,
 * a nested KVM mapping) can write without a fault. Such a page is marked again,
 * and so reported by each fetch while it is held. References are looked at
 * after protecting: one taken later comes through a fault. The per-CPU caches
 * of the LRU hold references too, so that pages which look held are looked at
 * again after these have been drained.
 */
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pagemap.h>
#include <linux/pagevec.h>
#include <linux/rmap.h>
#include <linux/sched/signal.h>

#include "dirty.h"

/* Longest pause between checks of suspects that find them all held. */
#define VMSHM_DRAIN_BACKOFF_MAX	64

/* How often to go after folios that go away meanwhile. */
#define VMSHM_PASS_TRIES	8

/*
 * Consecutive small folios, so many at least, are protected together: one walk,
 * one TLB flush and one call of KVM for each mapping of the run. What is faster
 * from where on is measured by the benchmark.
 */
static unsigned int log_batch_min = 6;
module_param(log_batch_min, uint, 0644);
MODULE_PARM_DESC(log_batch_min,
		 "Consecutive pages that are write-protected together, at least (default: 6; 0: never)");

/* A pass over a range, and what it found. */
struct vmshm_pass {
	struct vmshm_region *region;
	struct address_space *mapping;
	struct folio **folios;	/* room for VMSHM_RUN_MAX */
	unsigned long *held;	/* bitmap of VMSHM_UNIT_PAGES from @base on */
	pgoff_t base;
	u64 protected;
	bool moved;
};

static void vmshm_pass_init(struct vmshm_pass *pass, struct vmshm_log *log,
			    unsigned long *held, pgoff_t base)
{
	*pass = (struct vmshm_pass){
		.region = log->region,
		.mapping = log->region->inner->f_mapping,
		.folios = log->folios,
		.held = held,
		.base = base,
	};
}

static void vmshm_pass_hold(struct vmshm_pass *pass, struct folio *folio)
{
	pgoff_t first = max(folio->index, pass->base);
	pgoff_t end = min(folio->index + folio_nr_pages(folio),
			  pass->base + VMSHM_UNIT_PAGES);

	if (first < end)
		bitmap_set(pass->held, first - pass->base, end - first);
}

/* What the page tables knew of writes, reclaim has to know. */
static void vmshm_folio_dirty(struct folio *folio)
{
	if (!folio_test_dirty(folio))
		folio_mark_dirty(folio);
}

/*
 * Protects a run of locked small folios by walks over the page tables. A walk
 * stops at a mapping that is private or of a read-only file, so that there must
 * be none. Fails, having done part of it, if there may have been.
 *
 * Between the two walks an entry is read-only but dirty, and mprotect() and NUMA
 * hinting, which do not care for the folio's lock, make such an entry writable
 * without a fault. So both are made twice: what is found read-only at one time,
 * and clean at a later one, has been both in between, as nobody but the holder
 * of the lock cleans an entry, and it stays so until there is a fault.
 */
static bool vmshm_protect_together(struct vmshm_pass *pass,
				   struct folio **run, unsigned int nr)
{
	struct vmshm_region *region = pass->region;
	unsigned int seq = vmshm_maps_all_shared_begin(region);
	DECLARE_BITMAP(dirty, VMSHM_RUN_MAX);
	pgoff_t first = run[0]->index;
	pgoff_t start = 0, end = 0;
	unsigned long changed;
	unsigned int i;

	if (!seq)
		return false;
	bitmap_zero(dirty, VMSHM_RUN_MAX);
	for (i = 0; i < 2; i++) {
		changed = wp_shared_mapping_range(pass->mapping, first, nr);
		changed += clean_record_shared_mapping_range(pass->mapping,
							     first, nr, first,
							     dirty, &start,
							     &end);
	}
	for (i = 0; i < nr; i++)
		if (test_bit(i, dirty))
			vmshm_folio_dirty(run[i]);
	return !changed && vmshm_maps_all_shared_end(region, seq);
}

/* Protects a run of locked folios, and unlocks them. */
static void vmshm_protect_run(struct vmshm_pass *pass, struct folio **run,
			      unsigned int nr)
{
	unsigned int batch_min = READ_ONCE(log_batch_min);
	bool together = batch_min && nr > 1 && nr >= batch_min;
	unsigned int i;

	if (together)
		together = vmshm_protect_together(pass, run, nr);
	for (i = 0; i < nr; i++) {
		struct folio *folio = run[i];

		if (!together && folio_mkclean(folio))
			vmshm_folio_dirty(folio);
		if (vmshm_folio_held(folio))
			vmshm_pass_hold(pass, folio);
		folio_unlock(folio);
	}
	pass->protected += nr;
}

/*
 * Locks what begins @all and can be protected together; only the first folio is
 * waited for. Returns how many folios of @all it looked at; in @nr how many of
 * these are locked.
 */
static unsigned int vmshm_lock_run(struct vmshm_pass *pass, struct folio **all,
				   unsigned int nr_all, unsigned int *nr)
{
	unsigned int i;

	for (i = 0; i < nr_all; i++) {
		struct folio *folio = all[i];

		*nr = i;
		if (i && (folio_test_large(folio) ||
			  folio->index != all[i - 1]->index + 1 ||
			  !folio_trylock(folio)))
			return i;
		if (!i)
			folio_lock(folio);
		if (folio->mapping != pass->mapping) {
			/* Migrated: another is there now; or truncated. */
			folio_unlock(folio);
			pass->moved = true;
			return i + 1;
		}
		*nr = i + 1;
		if (folio_test_large(folio))
			return i + 1;
	}
	return i;
}

/* Collects resident folios of [*@index, @end), each with a reference. */
static unsigned int vmshm_get_folios(struct vmshm_pass *pass, pgoff_t *index,
				     pgoff_t end)
{
	struct folio_batch batch;
	unsigned int nr = 0, i, n;

	if (end - *index == 1) {
		pass->folios[0] = vmshm_get_folio(pass->mapping, *index);
		*index = end;
		return !!pass->folios[0];
	}
	folio_batch_init(&batch);
	while (*index < end && nr + PAGEVEC_SIZE <= VMSHM_RUN_MAX) {
		n = filemap_get_folios(pass->mapping, index, end - 1, &batch);
		if (!n)
			break;
		for (i = 0; i < n; i++)
			pass->folios[nr++] = batch.folios[i];
		/* The references are ours now. */
		folio_batch_init(&batch);
	}
	return nr;
}

/* Protects the resident folios of [@first, @end). */
static void vmshm_pass_run(struct vmshm_pass *pass, pgoff_t first, pgoff_t end)
{
	unsigned int nr, locked, i, n, tries = 0;
	pgoff_t index;

	do {
		/* Whoever makes them go may do so for ever: as if held, then. */
		if (tries++ == VMSHM_PASS_TRIES) {
			bitmap_set(pass->held, first - pass->base, end - first);
			break;
		}
		pass->moved = false;
		index = first;
		while (index < end &&
		       (nr = vmshm_get_folios(pass, &index, end))) {
			for (i = 0; i < nr; i += n) {
				n = vmshm_lock_run(pass, pass->folios + i,
						   nr - i, &locked);
				if (locked)
					vmshm_protect_run(pass,
							  pass->folios + i,
							  locked);
			}
			for (i = 0; i < nr; i++)
				folio_put(pass->folios[i]);
			cond_resched();
		}
	} while (pass->moved);
}

/* Marks the pages of a unit that are held; returns their number. */
static unsigned int vmshm_mark_held(struct vmshm_log *log,
				    const unsigned long *held, pgoff_t base)
{
	unsigned int from, to, n = 0;

	for_each_set_bitrange(from, to, held, VMSHM_UNIT_PAGES) {
		vmshm_log_mark(log, base + from, to - from);
		n += to - from;
	}
	return n;
}

/* Which of the pages in @held are held still? */
static void vmshm_recheck_held(struct vmshm_log *log, unsigned long *held,
			       pgoff_t base)
{
	DECLARE_BITMAP(suspects, VMSHM_UNIT_PAGES);
	struct vmshm_pass pass;
	unsigned int from, to;

	vmshm_pass_init(&pass, log, held, base);
	bitmap_copy(suspects, held, VMSHM_UNIT_PAGES);
	bitmap_zero(held, VMSHM_UNIT_PAGES);
	for_each_set_bitrange(from, to, suspects, VMSHM_UNIT_PAGES)
		vmshm_pass_run(&pass, base + from, base + to);
	/* Of a large folio, more than was asked for is looked at. */
	bitmap_and(held, held, suspects, VMSHM_UNIT_PAGES);
}

/*
 * Draining costs an interruption of each CPU. It is done once in a fetch, and
 * less and less often where it turns out that the pages really are held.
 */
static void vmshm_drain_held(struct vmshm_log *log, unsigned long *held,
			     pgoff_t base)
{
	unsigned int suspects = bitmap_weight(held, VMSHM_UNIT_PAGES);

	if (log->drain_skip) {
		log->drain_skip--;
		return;
	}
	if (vmshm_drain_lru_all())
		return;
	vmshm_recheck_held(log, held, base);
	if (bitmap_weight(held, VMSHM_UNIT_PAGES) < suspects)
		log->drain_backoff = 0;
	else
		log->drain_backoff = clamp(2 * log->drain_backoff, 1U,
					   (u32)VMSHM_DRAIN_BACKOFF_MAX);
	log->drain_skip = log->drain_backoff;
}

/**
 * vmshm_harvest_protect() - protect the pages of a unit that were cleared
 * @log: the log
 * @take: what vmshm_log_take() took
 * @drained: whether the LRU caches were drained in this fetch, or not to be
 *
 * Context: log->mutex held; takes folio locks.
 * Return: number of pages that somebody holds and that were marked again.
 */
u64 vmshm_harvest_protect(struct vmshm_log *log, struct vmshm_take *take,
			  bool *drained)
{
	DECLARE_BITMAP(held, VMSHM_UNIT_PAGES);
	struct vmshm_pass pass;
	unsigned int from, to, n;

	lockdep_assert_held(&log->mutex);
	vmshm_pass_init(&pass, log, held, vmshm_unit_page(take->unit));
	bitmap_zero(held, VMSHM_UNIT_PAGES);
	for_each_set_bitrange(from, to, take->bits, VMSHM_UNIT_PAGES)
		vmshm_pass_run(&pass, pass.base + from, pass.base + to);
	bitmap_and(held, held, take->bits, VMSHM_UNIT_PAGES);
	log->protected += pass.protected;

	/* A fault that waited for the folio lock is enough to look like it. */
	if (!bitmap_empty(held, VMSHM_UNIT_PAGES))
		vmshm_recheck_held(log, held, pass.base);
	if (!bitmap_empty(held, VMSHM_UNIT_PAGES) && !*drained) {
		*drained = true;
		vmshm_drain_held(log, held, pass.base);
	}
	n = vmshm_mark_held(log, held, pass.base);
	log->pinned += n;
	return n;
}

/**
 * vmshm_harvest_open() - protect all that is resident, for a log that opens
 * @log: the log, which is in the list already
 *
 * Pages that somebody holds are marked.
 *
 * Context: takes folio locks.
 * Return: 0 or -EINTR.
 */
int vmshm_harvest_open(struct vmshm_log *log)
{
	DECLARE_BITMAP(held, VMSHM_UNIT_PAGES);
	pgoff_t page = log->first;
	struct vmshm_pass pass;
	struct folio_batch batch;
	int err;

	err = vmshm_drain_lru_all();
	if (err)
		return err;

	vmshm_pass_init(&pass, log, held, 0);
	folio_batch_init(&batch);
	/* From one unit that has a folio to the next. */
	while (page < log->end) {
		pgoff_t index = page, end;

		if (!filemap_get_folios(pass.mapping, &index, log->end - 1,
					&batch))
			break;
		page = max(page, batch.folios[0]->index);
		folio_batch_release(&batch);

		pass.base = round_down(page, VMSHM_UNIT_PAGES);
		end = min(pass.base + VMSHM_UNIT_PAGES, log->end);
		bitmap_zero(held, VMSHM_UNIT_PAGES);
		vmshm_pass_run(&pass, page, end);
		vmshm_mark_held(log, held, pass.base);
		page = end;
		if (signal_pending(current))
			return -EINTR;
	}
	return 0;
}
