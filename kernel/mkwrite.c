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

/*
 * With no log open: how many entries in a row that cannot be opened end the
 * search. As many as a read fault maps.
 */
#define VMSHM_AROUND_FUTILE	16

/*
 * What to open in the page table of a fault. Pages are counted from the begin of
 * the faulting page's unit, of which only is spoken.
 */
struct vmshm_around {
	struct vm_area_struct *vma;
	struct vmshm_region *region;
	unsigned long unit;
	unsigned int page;	/* the faulting page, which the core opens */
	unsigned int first;	/* of the unit, what is in the page table */
	unsigned int end;
	unsigned int opened;
	DECLARE_BITMAP(may, VMSHM_UNIT_PAGES);
};

static bool vmshm_around_can_open(pte_t pte)
{
	return pte_present(pte) && !pte_protnone(pte) && !pte_write(pte) &&
	       !pte_uffd_wp(pte);
}

static void vmshm_around_open(struct vmshm_around *around, pte_t *ptep,
			      unsigned long addr, pte_t pte)
{
	set_pte_at(around->vma->vm_mm, addr, ptep,
		   pte_mkdirty(vmshm_pte_mkwrite(pte)));
	around->opened++;
}

/* Opens what can be opened from one entry on, in one direction. */
static void vmshm_around_all(struct vmshm_around *around, pte_t *ptep,
			     unsigned long addr, unsigned int nr, int step)
{
	unsigned int futile = 0;

	while (nr-- && futile < VMSHM_AROUND_FUTILE) {
		pte_t pte;

		ptep += step;
		addr += step * (long)PAGE_SIZE;
		pte = ptep_get(ptep);
		if (vmshm_around_can_open(pte)) {
			vmshm_around_open(around, ptep, addr, pte);
			futile = 0;
		} else {
			futile++;
		}
	}
}

static void vmshm_around_some(struct vmshm_around *around, pte_t *ptep,
			      unsigned long addr)
{
	pte_t *table = ptep - around->page;
	DECLARE_BITMAP(open, VMSHM_UNIT_PAGES);
	unsigned int word, i, n = 0;
	struct vmshm_log *log;
	unsigned long bits;

	addr -= around->page * PAGE_SIZE;
	for (word = 0; word < VMSHM_UNIT_WORDS; word++) {
		bits = around->may[word];
		open[word] = bits;
		for (; bits; bits &= bits - 1) {
			i = word * BITS_PER_LONG + __ffs(bits);
			if (vmshm_around_can_open(ptep_get(table + i)))
				n++;
			else
				open[word] &= ~BIT_MASK(i);
		}
	}
	if (!n)
		return;

	rcu_read_lock();
	list_for_each_entry_rcu(log, &around->region->logs, node)
		vmshm_log_mark_around(log, around->unit, open);
	rcu_read_unlock();
	for (word = 0; word < VMSHM_UNIT_WORDS; word++) {
		for (bits = open[word]; bits; bits &= bits - 1) {
			i = word * BITS_PER_LONG + __ffs(bits);
			vmshm_around_open(around, table + i,
					  addr + i * PAGE_SIZE,
					  ptep_get(table + i));
		}
	}
}

/*
 * Called for the faulting page's entry, under the lock of its page table, in
 * which the others are: a log that is not in the list yet will find them when it
 * opens, as it takes that lock, and one that is in it gets the marks.
 */
static int vmshm_around_pte(pte_t *ptep, unsigned long addr, void *data)
{
	struct vmshm_around *around = data;

	if (!bitmap_empty(around->may, VMSHM_UNIT_PAGES)) {
		vmshm_around_some(around, ptep, addr);
	} else if (list_empty(&around->region->logs)) {
		vmshm_around_all(around, ptep, addr,
				 around->end - around->page - 1, 1);
		vmshm_around_all(around, ptep, addr,
				 around->page - around->first, -1);
	}
	return 0;
}

/*
 * Finds the pages that all logs expect to be written. Returns false if there are
 * none.
 */
static bool vmshm_around_predict(struct vmshm_around *around)
{
	struct vmshm_region *region = around->region;
	/* In the mapping that they were marked for, pages are open. */
	bool more = READ_ONCE(region->nr_maps) > 1;
	struct vmshm_expected expected;
	struct vmshm_log *log;
	bool some = true;
	unsigned int word;

	bitmap_fill(expected.may, VMSHM_UNIT_PAGES);
	bitmap_fill(expected.marked, VMSHM_UNIT_PAGES);
	bitmap_fill(expected.outside, VMSHM_UNIT_PAGES);
	rcu_read_lock();
	list_for_each_entry_rcu(log, &region->logs, node) {
		some = vmshm_log_predict(log, around->unit, more, &expected);
		if (!some)
			break;
	}
	rcu_read_unlock();
	if (!some)
		return false;

	if (more)
		bitmap_clear(expected.marked,
			     round_down(around->page, VMSHM_AROUND_MARKED),
			     VMSHM_AROUND_MARKED);
	for (word = 0; word < VMSHM_UNIT_WORDS; word++)
		around->may[word] = expected.may[word] &
			(~expected.marked[word] | expected.outside[word]);
	if (around->first)
		bitmap_clear(around->may, 0, around->first);
	if (around->end < VMSHM_UNIT_PAGES)
		bitmap_clear(around->may, around->end,
			     VMSHM_UNIT_PAGES - around->end);
	__clear_bit(around->page, around->may);
	return !bitmap_empty(around->may, VMSHM_UNIT_PAGES);
}

static void vmshm_around_fault(struct vmshm_region *region,
			       struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	unsigned long address = vmf->address & PAGE_MASK;
	unsigned long start = max(address & PMD_MASK, vma->vm_start);
	unsigned long end = min((address & PMD_MASK) + PMD_SIZE, vma->vm_end);
	unsigned long before = (address - start) >> PAGE_SHIFT;
	unsigned long after = (end - address) >> PAGE_SHIFT;
	struct vmshm_around around;

	around.vma = vma;
	around.region = region;
	around.unit = vmshm_page_unit(vmf->pgoff);
	around.page = vmshm_page_in_unit(vmf->pgoff);
	around.first = around.page > before ? around.page - before : 0;
	around.end = min_t(unsigned long, around.page + after,
			   VMSHM_UNIT_PAGES);
	around.opened = 0;
	if (list_empty(&region->logs))
		bitmap_zero(around.may, VMSHM_UNIT_PAGES);
	else if (!vmshm_around_predict(&around))
		return;
	/*
	 * The walk warns about huge page entries, but there can be none: one
	 * would need a huge folio, and the folio we hold locked, small and in
	 * the page cache, is in its place.
	 */
	apply_to_existing_page_range(vma->vm_mm, address, PAGE_SIZE,
				     vmshm_around_pte, &around);
	this_cpu_add(region->counters->around, around.opened);
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
	/* A log that is not seen finds the folio: see vmshm_log_link(). */
	smp_mb();
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
