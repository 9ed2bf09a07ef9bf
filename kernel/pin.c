// SPDX-License-Identifier: GPL-2.0
/*
 * Pages that somebody holds for direct access: by a reference of his own, so
 * that he can write without a fault.
 */
#include <linux/delay.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/pagevec.h>
#include <linux/sched/isolation.h>
#include <linux/smp.h>
#include <linux/workqueue.h>

#include "vmshm.h"

/* How often, and how long in ms, to wait for others to let go of pages. */
#define VMSHM_PIN_TRIES		5
#define VMSHM_PIN_WAIT		20

/* Releasing a batch drains the LRU caches of the CPU it is done on. */
static long vmshm_drain_lru(void *unused)
{
	struct folio_batch batch;
	struct folio *folio = folio_alloc(GFP_KERNEL, 0);

	if (!folio)
		return -ENOMEM;
	folio_batch_init(&batch);
	folio_batch_add(&batch, folio);
	folio_batch_release(&batch);
	return 0;
}

/* One that is not is neither to be disturbed nor sure to ever run our work. */
static bool vmshm_cpu_runs_work(int cpu)
{
	return housekeeping_test_cpu(cpu, HK_TYPE_DOMAIN) &&
	       housekeeping_test_cpu(cpu, HK_TYPE_WQ);
}

/**
 * vmshm_drain_lru_all() - have the LRU caches of the CPUs let go of pages
 *
 * Pages just added are referenced by such a cache, maybe for a long time. What
 * the caches of isolated CPUs hold, but for the caller's, stays held.
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM.
 */
int vmshm_drain_lru_all(void)
{
	long err;
	int cpu;

	err = vmshm_drain_lru(NULL);
	if (err)
		return err;
	for_each_possible_cpu(cpu) {
		if (!vmshm_cpu_runs_work(cpu))
			continue;
		err = work_on_cpu_safe(cpu, vmshm_drain_lru, NULL);
		if (err && err != -ENODEV)	/* not online */
			return err;
	}
	return 0;
}

/**
 * vmshm_folio_held() - has somebody a reference of his own?
 * @folio: a folio of an inner file, to which the caller has one reference
 *
 * That is, beyond the page cache's and the page tables'. A mapping takes its
 * reference before it counts in the mapcount and drops it after, and neither
 * needs the folio's lock where the mapping is private or goes away: only
 * figures that stand still while they are read say that nobody holds it.
 */
bool vmshm_folio_held(struct folio *folio)
{
	int refs, maps;

	if (folio_maybe_dma_pinned(folio))
		return true;

	refs = folio_ref_count(folio);
	smp_rmb();	/* the references are read before the mapcount */
	maps = vmshm_folio_mapcount(folio);
	smp_rmb();	/* and after it */
	/* One is the caller's. */
	return refs != folio_nr_pages(folio) + maps + 1 ||
	       refs != folio_ref_count(folio) ||
	       maps != vmshm_folio_mapcount(folio);
}

static bool vmshm_region_pinned(struct vmshm_region *region)
{
	struct address_space *mapping = region->inner->f_mapping;
	struct folio_batch batch;
	bool pinned = false;
	pgoff_t index = 0;
	unsigned int i;

	folio_batch_init(&batch);
	while (!pinned &&
	       filemap_get_folios(mapping, &index, ULONG_MAX, &batch)) {
		for (i = 0; i < folio_batch_count(&batch) && !pinned; i++)
			pinned = vmshm_folio_held(batch.folios[i]);
		folio_batch_release(&batch);
		cond_resched();
	}
	return pinned;
}

/**
 * vmshm_region_wait_pins() - wait until nobody holds pages for direct access
 * @region: the region; no new writable mapping can be made
 *
 * Direct I/O in flight ends soon, long-term pins do not. A transient reference,
 * as of page migration, also counts; so does, where splice(2) takes pages and
 * does not copy them (6.1), a pipe that was filled from the region.
 *
 * Context: may sleep.
 * Return: 0, -EBUSY, -EINTR or -ENOMEM.
 */
int vmshm_region_wait_pins(struct vmshm_region *region)
{
	int tries, err;

	for (tries = 0; tries < VMSHM_PIN_TRIES; tries++) {
		err = vmshm_drain_lru_all();
		if (err)
			return err;
		if (!vmshm_region_pinned(region))
			return 0;
		if (msleep_interruptible(VMSHM_PIN_WAIT))
			return -EINTR;
	}
	return -EBUSY;
}
