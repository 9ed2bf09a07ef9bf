// SPDX-License-Identifier: GPL-2.0
/*
 * Write faults: mark, then let the core make the page writable.
 *
 * One fault can open more than its page. With no log open it opens all that the
 * page table maps, as nothing has to be marked. With logs open it opens and
 * marks the neighbours that are expected to be written anyway, see
 * vmshm_log_predict().
 */
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/rculist.h>

#include "dirty.h"
#include "trace.h"

/*
 * Pages, of those around the faulting one, that are opened for another mapping
 * of the region: they are marked already, so nothing more is reported for it.
 */
#define VMSHM_AROUND_MARKED	16

/* A walk over the page table of a fault. */
struct vmshm_around {
	struct vm_area_struct *vma;
	struct vmshm_region *region;
	unsigned long address;	/* the faulting page's, which the core opens */
	pgoff_t base;		/* of bit 0 of @may */
	unsigned long *may;	/* pages to open; NULL: all, if no log is open */
	unsigned int opened;
};

/*
 * Called under the page table lock: a log that is not in the list yet will find
 * the entry when it opens, as it takes that lock, and one that is in it gets
 * the mark.
 */
static int vmshm_around_pte(pte_t *ptep, unsigned long addr, void *data)
{
	struct vmshm_around *around = data;
	struct vm_area_struct *vma = around->vma;
	pgoff_t page = linear_page_index(vma, addr);
	pte_t pte = ptep_get(ptep);

	if (addr == around->address || !pte_present(pte) ||
	    pte_protnone(pte) || pte_write(pte) || pte_uffd_wp(pte))
		return 0;
	if (around->may) {
		if (!test_bit(page - around->base, around->may))
			return 0;
		vmshm_dirty_mark(around->region, page, 1);
	} else if (!list_empty(&around->region->logs)) {
		return 0;
	}
	set_pte_at(vma->vm_mm, addr, ptep, pte_mkdirty(vmshm_pte_mkwrite(pte)));
	around->opened++;
	return 0;
}

/* Opens what @around says between two pages of one page table. */
static void vmshm_around_walk(struct vmshm_around *around, pgoff_t first,
			      pgoff_t end)
{
	struct vm_area_struct *vma = around->vma;
	unsigned long addr = vma->vm_start +
		((first - vma->vm_pgoff) << PAGE_SHIFT);

	/*
	 * The walk warns about huge page entries, but there can be none: one
	 * would need a huge folio, and the folio we hold locked, small and in
	 * the page cache, is in its place.
	 */
	apply_to_existing_page_range(vma->vm_mm, addr,
				     (end - first) << PAGE_SHIFT,
				     vmshm_around_pte, around);
	this_cpu_add(around->region->counters->around, around->opened);
}

/*
 * Fills in which of the VMSHM_UNIT_PAGES pages from @base on, of which the two
 * units @base lies in and next to have their say, all logs expect to be written
 * (@may), and which are marked in all of them (@marked).
 */
static void vmshm_around_predict(struct vmshm_region *region, pgoff_t base,
				 unsigned long *may, unsigned long *marked)
{
	unsigned int shift = vmshm_page_in_unit(base);
	unsigned long unit = vmshm_page_unit(base);
	DECLARE_BITMAP(m, 2 * VMSHM_UNIT_PAGES);
	DECLARE_BITMAP(d, 2 * VMSHM_UNIT_PAGES);
	const size_t half = BITS_TO_LONGS(VMSHM_UNIT_PAGES);
	struct vmshm_log *log;

	bitmap_fill(may, VMSHM_UNIT_PAGES);
	bitmap_fill(marked, VMSHM_UNIT_PAGES);
	rcu_read_lock();
	list_for_each_entry_rcu(log, &region->logs, node) {
		vmshm_log_predict(log, unit, m, d);
		if (shift) {
			vmshm_log_predict(log, unit + 1, m + half, d + half);
			bitmap_shift_right(m, m, shift, 2 * VMSHM_UNIT_PAGES);
			bitmap_shift_right(d, d, shift, 2 * VMSHM_UNIT_PAGES);
		}
		bitmap_and(may, may, m, VMSHM_UNIT_PAGES);
		bitmap_and(marked, marked, d, VMSHM_UNIT_PAGES);
	}
	rcu_read_unlock();
}

static void vmshm_around_logged(struct vmshm_around *around, pgoff_t page,
				pgoff_t first, pgoff_t end)
{
	DECLARE_BITMAP(may, VMSHM_UNIT_PAGES);
	DECLARE_BITMAP(marked, VMSHM_UNIT_PAGES);
	unsigned int from = 0, to = end - first;

	vmshm_around_predict(around->region, first, may, marked);
	bitmap_clear(may, to, VMSHM_UNIT_PAGES - to);
	around->may = may;
	around->base = first;

	if (bitmap_subset(may, marked, VMSHM_UNIT_PAGES)) {
		from = round_down(page - first, VMSHM_AROUND_MARKED);
		to = min(from + VMSHM_AROUND_MARKED, to);
	}
	from = find_next_bit(may, to, from);
	if (from < to)
		vmshm_around_walk(around, first + from, first + to);
}

static void vmshm_around_fault(struct vmshm_region *region,
			       struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	unsigned long start = max(vmf->address & PMD_MASK, vma->vm_start);
	unsigned long end = min((vmf->address & PMD_MASK) + PMD_SIZE,
				vma->vm_end);
	struct vmshm_around around = {
		.vma = vma,
		.region = region,
		.address = vmf->address & PAGE_MASK,
	};
	pgoff_t first = linear_page_index(vma, start);
	pgoff_t last = first + ((end - start) >> PAGE_SHIFT);

	if (list_empty(&region->logs))
		vmshm_around_walk(&around, first, last);
	else
		vmshm_around_logged(&around, vmf->pgoff, first, last);
}

/**
 * vmshm_page_mkwrite() - a page is about to become writable
 * @region: the region
 * @vmf: the fault
 *
 * May be called for another task's fault, and without mmap_lock.
 *
 * Context: process context, the mapping held.
 * Return: VM_FAULT_LOCKED with the folio locked and marked in all logs, or
 * VM_FAULT_NOPAGE if it is not the region's any more.
 */
vm_fault_t vmshm_page_mkwrite(struct vmshm_region *region,
			      struct vm_fault *vmf)
{
	struct address_space *mapping = vmf->vma->vm_file->f_mapping;
	struct folio *folio = page_folio(vmf->page);

	folio_lock(folio);
	/* A folio that was split meanwhile is not the page's any more. */
	if (folio->mapping != mapping || folio != page_folio(vmf->page)) {
		folio_unlock(folio);
		return VM_FAULT_NOPAGE;
	}
	this_cpu_inc(region->counters->write_faults);
	trace_vmshm_mkwrite(region, vmf, folio);
	vmshm_dirty_mark(region, folio->index, folio_nr_pages(folio));
	/*
	 * An entry that was there, read-only, has neighbours that are. In
	 * a large folio all is marked, and the core opens what it maps.
	 */
	if (pte_present(vmf->orig_pte) && !folio_test_large(folio))
		vmshm_around_fault(region, vmf);
	return VM_FAULT_LOCKED;
}
