// SPDX-License-Identifier: GPL-2.0
/*
 * Mappings of a region.
 *
 * A VMA maps the inner shmem file, with shmem's vm_ops and ours over them, and
 * has a record (struct vmshm_map) that holds the outer file. PINNABLE regions
 * keep shmem's vm_ops as they are, because userfaultfd knows shmem by them.
 *
 * Shrinking and write-sealing depend on which mappings there are. i_mmap alone
 * cannot tell: a VMA enters it only after ->mmap returned. The records alone
 * cannot tell either: mremap() can enlarge a VMA without a word to us. So both
 * are compared, with i_mmap locked against change: a record without a VMA is a
 * mapping that is being made or taken down, and is waited for.
 */
#include <linux/delay.h>
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "device.h"
#include "range.h"
#include "trace.h"

/* How often, and how long in ms, to wait for a mapping in flight. */
#define VMSHM_FLIGHT_TRIES	100
#define VMSHM_FLIGHT_WAIT	2

/* shmem's, learned at the first mapping: they have no exported name. */
static const struct vm_operations_struct *vmshm_shmem_vm_ops;
static struct vm_operations_struct vmshm_vm_ops;
static DEFINE_MUTEX(vmshm_vm_ops_mutex);

/**
 * vmshm_map_is() - is this a mapping that has a record
 * @vma: a VMA of an inner file
 */
bool vmshm_map_is(const struct vm_area_struct *vma)
{
	return vma->vm_ops == &vmshm_vm_ops;
}

static void vmshm_map_add(struct vmshm_region *region, struct vmshm_map *map)
{
	struct vmshm_handle *handle = map->file->private_data;

	lockdep_assert_held(&region->maps_lock);
	list_add_tail(&map->node, &region->maps);
	region->nr_maps++;
	handle->nr_maps++;
	if (map->odd) {
		region->nr_odd_maps++;
		if (!++region->odd_seq)
			region->odd_seq = 1;
	}
}

static void vmshm_map_del(struct vmshm_region *region, struct vmshm_map *map)
{
	struct vmshm_handle *handle = map->file->private_data;

	lockdep_assert_held(&region->maps_lock);
	list_del(&map->node);
	region->nr_maps--;
	handle->nr_maps--;
	region->nr_odd_maps -= map->odd;
}

static bool vmshm_is_odd(unsigned long vm_flags)
{
	return (vm_flags & (VM_SHARED | VM_MAYWRITE)) !=
		(VM_SHARED | VM_MAYWRITE);
}

/**
 * vmshm_maps_all_shared_begin() - are all mappings shared and of writable files?
 * @region: the region, not PINNABLE
 *
 * A mapping counts from before it is in i_mmap until after it is not.
 *
 * Context: takes region->maps_lock.
 * Return: a number for vmshm_maps_all_shared_end(), or 0 if some are not.
 */
unsigned int vmshm_maps_all_shared_begin(struct vmshm_region *region)
{
	unsigned int seq;

	spin_lock(&region->maps_lock);
	seq = region->nr_odd_maps ? 0 : region->odd_seq;
	spin_unlock(&region->maps_lock);
	return seq;
}

/**
 * vmshm_maps_all_shared_end() - have they been so all the time?
 * @region: the region
 * @seq: what vmshm_maps_all_shared_begin() returned
 *
 * Context: takes region->maps_lock.
 */
bool vmshm_maps_all_shared_end(struct vmshm_region *region, unsigned int seq)
{
	bool same;

	spin_lock(&region->maps_lock);
	same = region->odd_seq == seq;
	spin_unlock(&region->maps_lock);
	return same;
}

/* Fork, split and move: the new VMA has a copy of the old one's pointer. */
static void vmshm_vma_open(struct vm_area_struct *vma)
{
	const struct vmshm_map *old = vma->vm_private_data;
	struct vmshm_region *region = old->region;
	struct vmshm_map *map;

	/* There is no way to fail here, and the caller is charged. */
	map = kzalloc(sizeof(*map), GFP_KERNEL_ACCOUNT | __GFP_NOFAIL);
	map->region = region;
	map->file = get_file(old->file);
	map->odd = vmshm_is_odd(vma->vm_flags);
	spin_lock(&region->maps_lock);
	vmshm_map_add(region, map);
	spin_unlock(&region->maps_lock);
	WRITE_ONCE(vma->vm_private_data, map);
}

static void vmshm_vma_close(struct vm_area_struct *vma)
{
	struct vmshm_map *map = vma->vm_private_data;
	struct vmshm_region *region = map->region;

	spin_lock(&region->maps_lock);
	vmshm_map_del(region, map);
	spin_unlock(&region->maps_lock);
	/*
	 * The last reference to the module may be this one. It goes after we
	 * have returned: fput() leaves the rest to task work.
	 */
	fput(map->file);
	kfree(map);
}

/*
 * A mapping that tracks writes gets what was read mapped read-only, and a fault
 * more when it is written. With no log open there is nothing to track: have the
 * core map it as for a write. The folio is locked until that is done, and a log
 * that opens now locks each folio to protect it.
 */
static void vmshm_fault_open(struct vmshm_region *region, struct vm_fault *vmf)
{
	/* A log that is not seen finds the folio: see vmshm_log_link(). */
	smp_mb();
	if ((vmf->vma->vm_flags & (VM_SHARED | VM_WRITE)) ==
	    (VM_SHARED | VM_WRITE) && list_empty(&region->logs))
		vmf->flags |= FAULT_FLAG_WRITE;
}

static vm_fault_t vmshm_vma_fault(struct vm_fault *vmf)
{
	const struct vmshm_map *map = vmf->vma->vm_private_data;
	struct vmshm_region *region = map->region;
	vm_fault_t ret;

	this_cpu_inc(region->counters->faults);
	trace_vmshm_fault(region, vmf);
	/* The inner file is truncated a little later than this is lowered. */
	if (vmf->pgoff >= vmshm_pages(READ_ONCE(region->reach)))
		return VM_FAULT_SIGBUS;
	if (vmshm_backing_charge(region, vmf->pgoff, 1))
		return VM_FAULT_SIGBUS;
	ret = vmshm_shmem_vm_ops->fault(vmf);
	if ((ret & VM_FAULT_LOCKED) && !(vmf->flags & FAULT_FLAG_WRITE))
		vmshm_fault_open(region, vmf);
	return ret;
}

static vm_fault_t vmshm_vma_page_mkwrite(struct vm_fault *vmf)
{
	const struct vmshm_map *map = vmf->vma->vm_private_data;

	return vmshm_page_mkwrite(map->region, vmf);
}

static vm_fault_t vmshm_vma_map_pages(struct vm_fault *vmf, pgoff_t start,
				      pgoff_t end)
{
	const struct vmshm_map *map = vmf->vma->vm_private_data;
	u64 pages = vmshm_pages(READ_ONCE(map->region->reach));

	if (start >= pages)
		return 0;
	return vmshm_shmem_vm_ops->map_pages(vmf, start,
					     min_t(u64, end, pages - 1));
}

static void vmshm_vm_ops_learn(const struct vm_operations_struct *ops)
{
	/* Pairs with smp_store_release() below. */
	if (smp_load_acquire(&vmshm_shmem_vm_ops))
		return;

	mutex_lock(&vmshm_vm_ops_mutex);
	if (!vmshm_shmem_vm_ops) {
		vmshm_vm_ops = *ops;
		vmshm_vm_ops.open = vmshm_vma_open;
		vmshm_vm_ops.close = vmshm_vma_close;
		vmshm_vm_ops.fault = vmshm_vma_fault;
		vmshm_vm_ops.map_pages = vmshm_vma_map_pages;
		vmshm_vm_ops.page_mkwrite = vmshm_vma_page_mkwrite;
		/* Whoever sees the pointer sees the copy complete. */
		smp_store_release(&vmshm_shmem_vm_ops, ops);
	}
	mutex_unlock(&vmshm_vm_ops_mutex);
}

/*
 * What shmem would do, were the outer file its own; called under maps_lock. What
 * @vm_flags lose the caller takes from the VMA afterwards: that may sleep.
 */
static int vmshm_mmap_seals(const struct vmshm_region *region,
			    unsigned long *vm_flags)
{
	lockdep_assert_held(&region->maps_lock);
	if (!(region->seals & (VMSHM_SEAL_WRITE | VMSHM_SEAL_FUTURE_WRITE)) ||
	    !(*vm_flags & VM_SHARED))
		return 0;
	if (*vm_flags & VM_WRITE)
		return -EPERM;
	*vm_flags &= ~VM_MAYWRITE;
	return 0;
}

/**
 * vmshm_mmap() - ->mmap of a region
 * @file: the outer file
 * @vma: the new VMA
 *
 * Any page offset and length are allowed, as for any file: what lies beyond
 * the end faults with SIGBUS.
 *
 * Context: mmap_lock held for writing.
 * Return: 0; -EPERM: a write seal; -ENOMEM; of device memory as
 * vmshm_device_mmap().
 */
int vmshm_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct vmshm_handle *handle = file->private_data;
	struct vmshm_region *region = handle->region;
	struct vmshm_map *map = NULL;
	unsigned long vm_flags;
	int err;

	if (region->device)
		return vmshm_device_mmap(file, vma);

	if (!(region->flags & VMSHM_PINNABLE)) {
		map = kzalloc(sizeof(*map), GFP_KERNEL_ACCOUNT);
		if (!map)
			return -ENOMEM;
		map->region = region;
		map->file = get_file(file);
	}

	err = vmshm_backing_mmap(region, vma);
	if (err)
		goto free_map;

	vm_flags = vma->vm_flags;
	spin_lock(&region->maps_lock);
	err = vmshm_mmap_seals(region, &vm_flags);
	if (!err) {
		region->was_mapped = true;
		if (map) {
			map->odd = vmshm_is_odd(vm_flags);
			vmshm_map_add(region, map);
		}
	}
	spin_unlock(&region->maps_lock);
	if (err)
		goto free_map;
	/* Nobody finds the VMA yet. */
	vmshm_vma_clear_flags(vma, vma->vm_flags & ~vm_flags);

	vma_set_file(vma, region->inner);
	if (map) {
		vmshm_vm_ops_learn(vma->vm_ops);
		vma->vm_private_data = map;
		vma->vm_ops = &vmshm_vm_ops;
	}
	return 0;

free_map:
	if (map) {
		fput(map->file);
		kfree(map);
	}
	return err;
}

/* Is this page of a VMA that page of a region, and may it be used so? */
static int vmshm_vma_check(const struct vmshm_region *region,
			   const struct vm_area_struct *vma, u64 addr,
			   u64 page, bool write)
{
	/* find_vma() gives the next one where there is none. */
	if (!vma || vma->vm_start > addr || vma->vm_file != region->inner)
		return -EINVAL;
	if (!(vma->vm_flags & VM_MAYSHARE) ||
	    vma->vm_pgoff + ((addr - vma->vm_start) >> PAGE_SHIFT) != page)
		return -EINVAL;
	if (!(vma->vm_flags & VM_READ) ||
	    (write && !(vma->vm_flags & VM_WRITE)))
		return -EACCES;
	return 0;
}

/**
 * vmshm_maps_check() - has the current process mapped this range there?
 * @region: the region
 * @addr: where; page aligned
 * @offset: first byte of the region; page aligned
 * @length: number of bytes; page aligned
 * @write: the mapping must be writable
 *
 * Context: process context; takes mmap_lock.
 * Return: 0; -EINVAL: no; -EACCES: not with that access; -EINTR.
 */
int vmshm_maps_check(struct vmshm_region *region, u64 addr, u64 offset,
		     u64 length, bool write)
{
	struct mm_struct *mm = current->mm;
	struct vm_area_struct *vma;
	u64 pos, next;
	int err = 0;

	if (mmap_read_lock_killable(mm))
		return -EINTR;
	for (pos = 0; pos < length && !err; pos = next) {
		vma = find_vma(mm, addr + pos);
		err = vmshm_vma_check(region, vma, addr + pos,
				      (offset + pos) >> PAGE_SHIFT, write);
		if (err)
			break;
		next = vma->vm_end - addr;
	}
	mmap_read_unlock(mm);
	return err;
}

static u64 vmshm_vma_end(struct vm_area_struct *vma)
{
	return (u64)vma->vm_pgoff + vma_pages(vma);
}

/*
 * Are there only mappings that a change can live with? Marks the records whose
 * VMA it finds. Concurrent walks are excluded by the outer inode's lock.
 */
static bool vmshm_maps_walk(struct vmshm_region *region,
			    bool (*ok)(struct vmshm_region *region,
				       struct vm_area_struct *vma, u64 arg),
			    u64 arg)
{
	struct address_space *mapping = region->inner->f_mapping;
	struct vmshm_map *map;
	struct rb_node *node;

	i_mmap_assert_locked(mapping);
	spin_lock(&region->maps_lock);
	list_for_each_entry(map, &region->maps, node)
		map->seen = false;
	spin_unlock(&region->maps_lock);

	for (node = rb_first_cached(&mapping->i_mmap); node;
	     node = rb_next(node)) {
		struct vm_area_struct *vma =
			rb_entry(node, struct vm_area_struct, shared.rb);

		if (vmshm_map_is(vma)) {
			/* ->open may be about to replace it: either will do */
			map = READ_ONCE(vma->vm_private_data);
			map->seen = true;
		}
		if (!ok(region, vma, arg))
			return false;
		cond_resched();
	}
	return true;
}

/* Has every record been seen? */
static bool vmshm_maps_settled(struct vmshm_region *region)
{
	struct vmshm_map *map;

	lockdep_assert_held(&region->maps_lock);
	list_for_each_entry(map, &region->maps, node)
		if (!map->seen)
			return false;
	return true;
}

/*
 * Runs @commit if all mappings are @ok, and none can come in between that is
 * not. Returns 0, -EBUSY or -EINTR.
 */
static int vmshm_maps_commit(struct vmshm_region *region,
			     bool (*ok)(struct vmshm_region *region,
					struct vm_area_struct *vma, u64 arg),
			     void (*commit)(struct vmshm_region *region,
					    u64 arg), u64 arg)
{
	struct address_space *mapping = region->inner->f_mapping;
	int tries;

	lockdep_assert_held_write(&region->inode->i_rwsem);
	for (tries = 0; tries < VMSHM_FLIGHT_TRIES; tries++) {
		bool settled = false, fine;

		i_mmap_lock_read(mapping);
		fine = vmshm_maps_walk(region, ok, arg);
		if (fine) {
			spin_lock(&region->maps_lock);
			settled = vmshm_maps_settled(region);
			if (settled)
				commit(region, arg);
			spin_unlock(&region->maps_lock);
		}
		i_mmap_unlock_read(mapping);

		if (!fine)
			return -EBUSY;
		if (settled)
			return 0;
		if (msleep_interruptible(VMSHM_FLIGHT_WAIT))
			return -EINTR;
	}
	return -EBUSY;
}

/* What lies beyond @size may be mapped for bindings that follow. */
static bool vmshm_vma_can_lose(struct vmshm_region *region,
			       struct vm_area_struct *vma, u64 size)
{
	u64 page = max_t(u64, vma->vm_pgoff, vmshm_pages(size));
	u64 end = vmshm_vma_end(vma);

	if (end <= page)
		return true;
	return vmshm_bindings_cover(region, vma->vm_mm,
				    vma->vm_start +
				    ((page - vma->vm_pgoff) << PAGE_SHIFT),
				    page << PAGE_SHIFT,
				    (end - page) << PAGE_SHIFT);
}

static void vmshm_set_size(struct vmshm_region *region, u64 size)
{
	WRITE_ONCE(region->size, size);
}

/**
 * vmshm_maps_shrink() - lower region->size if no mapping forbids it
 * @region: the region
 * @size: the new size, in bytes
 *
 * The caller goes on to lower region->reach and to truncate the inner file. A
 * mapping made or enlarged later does not keep what is beyond the new size.
 *
 * Context: the outer inode is locked, and region->bind_mutex held.
 * Return: 0; -EBUSY: something beyond @size is mapped; -EINTR.
 */
int vmshm_maps_shrink(struct vmshm_region *region, u64 size)
{
	int err = 0;

	if (!(region->flags & (VMSHM_SHRINKABLE | VMSHM_PINNABLE)))
		return vmshm_maps_commit(region, vmshm_vma_can_lose,
					 vmshm_set_size, size);

	spin_lock(&region->maps_lock);
	if ((region->flags & VMSHM_SHRINKABLE) || !region->was_mapped)
		vmshm_set_size(region, size);
	else
		err = -EBUSY;
	spin_unlock(&region->maps_lock);
	return err;
}

static bool vmshm_vma_cannot_write(struct vmshm_region *region,
				   struct vm_area_struct *vma, u64 unused)
{
	return vmshm_is_odd(vma->vm_flags);
}

static void vmshm_add_seals(struct vmshm_region *region, u64 seals)
{
	WRITE_ONCE(region->seals, region->seals | seals);
}

/**
 * vmshm_maps_seal() - add seals
 * @region: the region
 * @seals: VMSHM_SEAL_*; may be 0
 * @no_writers: fail if anything is mapped shared and writable
 *
 * Context: the outer inode is locked. Mappings of a PINNABLE region have no
 * records: with @no_writers the caller keeps new ones out by
 * mapping_deny_writable() of the outer mapping.
 *
 * Return: 0; with @no_writers -EBUSY or -EINTR.
 */
int vmshm_maps_seal(struct vmshm_region *region, u32 seals, bool no_writers)
{
	if (no_writers)
		return vmshm_maps_commit(region, vmshm_vma_cannot_write,
					 vmshm_add_seals, seals);

	spin_lock(&region->maps_lock);
	vmshm_add_seals(region, seals);
	spin_unlock(&region->maps_lock);
	return 0;
}
