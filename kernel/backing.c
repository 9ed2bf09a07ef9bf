// SPDX-License-Identifier: GPL-2.0
/*
 * The memory of a region: an unlinked file on a tmpfs mounted by the module,
 * one mount for each huge page policy.
 *
 * What a region is charged follows what its file has allocated, in steps, so
 * that a sparse region costs what it uses. PINNABLE regions, whose faults we do
 * not see, and RESERVE ones are charged in full.
 */
#include <linux/blk_types.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/falloc.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/shmem_fs.h>
#include <linux/slab.h>

#include "device.h"
#include "range.h"

/* Pages charged at a time when a region allocates. */
#define VMSHM_CHARGE_STEP	64
static struct vfsmount *vmshm_tmpfs[VMSHM_NR_HUGE];

static const struct file_operations *vmshm_shmem_fops;
/* shmem's, with an owner and our fallocate and release. */
static struct file_operations vmshm_inner_fops;

/* Pages that one allocation may take. */
static u64 vmshm_alloc_unit(const struct vmshm_region *region)
{
	/* Without huge pages there is no HPAGE_PMD_NR. */
	if (!IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE) ||
	    region->huge == VMSHM_HUGE_NEVER)
		return 1;
	return HPAGE_PMD_NR;
}

/* What a region of so many bytes can allocate: the last page may be huge. */
static u64 vmshm_capacity(const struct vmshm_region *region, u64 size)
{
	return round_up(vmshm_pages(size), vmshm_alloc_unit(region));
}

static bool vmshm_charged_in_full(const struct vmshm_region *region)
{
	return region->flags & (VMSHM_PINNABLE | VMSHM_RESERVE);
}

static u64 vmshm_allocated_pages(const struct vmshm_region *region)
{
	return READ_ONCE(file_inode(region->inner)->i_blocks) >>
		(PAGE_SHIFT - SECTOR_SHIFT);
}

/* Also what madvise(MADV_REMOVE) calls: a VMA's file is the inner one. */
static long vmshm_inner_fallocate(struct file *inner, int mode, loff_t offset,
				  loff_t len)
{
	struct vmshm_region *region = inner->private_data;
	bool punch = mode & FALLOC_FL_PUNCH_HOLE;
	long ret;

	if (punch && (region->flags & VMSHM_NO_PUNCH))
		return -EPERM;

	ret = vmshm_shmem_fops->fallocate(inner, mode, offset, len);
	if (punch) {
		/* Part of it may be done, on error too. */
		vmshm_dirty_mark_range(region, offset >> PAGE_SHIFT,
				       vmshm_pages_touched(offset, len), false);
		/*
		 * A hole changes nothing in what is charged in full, and that
		 * may be growing: its size is not what it is charged for then.
		 */
		if (!vmshm_charged_in_full(region))
			vmshm_backing_settle(region);
	}
	return ret;
}

/*
 * The inner file is mapped only through the outer one; remap_file_pages(), which
 * maps a VMA's file anew, would go past all that vmshm_mmap() does.
 */
static int vmshm_inner_mmap(struct file *inner, struct vm_area_struct *vma)
{
	return -EINVAL;
}

/**
 * vmshm_backing_mmap() - have shmem set up a VMA for the inner file
 * @region: the region
 * @vma: the VMA; its vm_ops become shmem's, vm_file is left alone
 *
 * Context: mmap_lock held for writing.
 * Return: 0 or -EPERM.
 */
int vmshm_backing_mmap(struct vmshm_region *region, struct vm_area_struct *vma)
{
	return vmshm_shmem_fops->mmap(region->inner, vma);
}

static int vmshm_inner_release(struct inode *inode, struct file *inner)
{
	vmshm_region_put(inner->private_data);
	return 0;
}

/*
 * Not vfs_truncate(), which asks for permission: who may open the region says
 * the outer inode.
 */
static int vmshm_inner_truncate(struct file *inner, u64 size)
{
	struct iattr attr = { .ia_valid = ATTR_SIZE, .ia_size = size };
	struct inode *inode = file_inode(inner);
	int err;

	inode_lock(inode);
	err = notify_change(VMSHM_NOP_IDMAP, inner->f_path.dentry, &attr, NULL);
	inode_unlock(inode);
	return err;
}

/**
 * vmshm_backing_new() - give a new region its memory
 * @region: the region, without an inner file
 *
 * Return: 0; -EDQUOT, -ENOSPC: a limit; -ENOMEM, -EINTR: with VMSHM_RESERVE, the
 * memory could not be had; -EOPNOTSUPP: no such huge page policy here.
 */
int vmshm_backing_new(struct vmshm_region *region)
{
	struct vfsmount *mnt = vmshm_tmpfs[region->huge];
	u64 size = region->size;
	struct file *inner;
	char *name;
	int err;

	if (!mnt)
		return -EOPNOTSUPP;

	name = kasprintf(GFP_KERNEL_ACCOUNT, VMSHM_DNAME "%s", region->name);
	if (!name)
		return -ENOMEM;
	inner = shmem_file_setup_with_mnt(mnt, name, 0, VM_NORESERVE);
	kfree(name);
	/* 6.1 says so of an inode; the mount has no limit of its own. */
	if (inner == ERR_PTR(-ENOSPC))
		return -ENOMEM;
	if (IS_ERR(inner))
		return PTR_ERR(inner);

	/* As memfd_create() does: otherwise write() ends at 2 GiB. */
	inner->f_flags |= O_LARGEFILE;
	/* Security modules are asked about the outer file, never this one. */
	file_inode(inner)->i_flags |= S_PRIVATE;
	/* mincore(2) asks it what to tell: nothing, through read-only handles. */
	file_inode(inner)->i_mode = S_IFREG | 0600;
	inner->private_data = vmshm_region_hold(region);
	/* Dropped by core code when the file goes. */
	__module_get(THIS_MODULE);
	replace_fops(inner, &vmshm_inner_fops);
	region->inner = inner;

	region->size = 0;
	err = vmshm_backing_grow(region, size);
	if (err)
		return err;	/* the inner file goes with the region */
	region->size = size;
	region->reach = size;
	return 0;
}

/**
 * vmshm_backing_drop() - let go of a region's memory
 * @region: the region; no file, name or record of a mapping leads to it
 *
 * The memory is freed with the inner file's last reference. Until then
 * madvise(MADV_REMOVE) may still be at work on that file: it holds nothing else
 * while it is, nor does a mapping of a PINNABLE region.
 */
void vmshm_backing_drop(struct vmshm_region *region)
{
	struct file *inner;

	spin_lock(&region->charge_lock);
	inner = region->inner;
	region->inner = NULL;
	vmshm_uncharge_pages(region->user, region->charged);
	region->charged = 0;
	spin_unlock(&region->charge_lock);
	if (inner)
		fput(inner);
}

static int vmshm_charge_to(struct vmshm_region *region, u64 pages)
{
	int err = 0;

	spin_lock(&region->charge_lock);
	if (region->inner && pages > region->charged) {
		err = vmshm_charge_pages(region->user, pages - region->charged);
		if (!err)
			WRITE_ONCE(region->charged, pages);
	}
	spin_unlock(&region->charge_lock);
	return err;
}

/* Makes sure that @pages more can be allocated. */
static int vmshm_charge_more(struct vmshm_region *region, u64 pages)
{
	u64 size = vmshm_capacity(region, READ_ONCE(region->size));
	u64 allocated = vmshm_allocated_pages(region);
	u64 least = vmshm_charge_target(allocated, pages, size, 1);

	if (likely(READ_ONCE(region->charged) >= least))
		return 0;
	if (!vmshm_charge_to(region, vmshm_charge_target(allocated, pages, size,
							 VMSHM_CHARGE_STEP)))
		return 0;
	return vmshm_charge_to(region, least);
}

/* How many pages of a range are neither in memory nor in swap? */
static u64 vmshm_missing_pages(struct vmshm_region *region, pgoff_t first,
			       u64 nr)
{
	struct address_space *mapping = region->inner->f_mapping;
	XA_STATE(xas, &mapping->i_pages, first);
	pgoff_t page = first, end = first + nr;
	u64 missing = 0;
	void *entry;

	rcu_read_lock();
	xas_for_each(&xas, entry, end - 1) {
		if (xas_retry(&xas, entry))
			continue;
		if (xas.xa_index > page)
			missing += xas.xa_index - page;
		/* A large folio, or its swap entry, is one entry. */
		page = round_down(xas.xa_index, BIT(xas_get_order(&xas))) +
			BIT(xas_get_order(&xas));
		if (need_resched()) {
			xas_pause(&xas);
			rcu_read_unlock();
			cond_resched();
			rcu_read_lock();
		}
	}
	rcu_read_unlock();
	return page < end ? missing + end - page : missing;
}

/**
 * vmshm_backing_charge() - make sure that pages can be allocated
 * @region: the region
 * @first: first page
 * @nr: number of pages
 *
 * What turns out not to be needed is given back by vmshm_backing_settle(). With
 * a huge page policy, any page may become a huge one. Allocations that run at
 * the same time may exceed the limit by what each of them allocates; the next
 * one makes up for it.
 *
 * Context: may sleep; called in page faults.
 * Return: 0, -EDQUOT or -ENOSPC.
 */
int vmshm_backing_charge(struct vmshm_region *region, pgoff_t first, u64 nr)
{
	u64 unit = vmshm_alloc_unit(region);
	u64 missing;
	int err;

	err = vmshm_charge_more(region, round_up(nr, unit));
	if (likely(!err))
		return 0;
	/* At the limit: what is there already needs no more. */
	missing = vmshm_missing_pages(region, first, nr);
	if (!missing)
		return 0;
	return vmshm_charge_more(region, round_up(missing, unit));
}

/**
 * vmshm_backing_settle() - have what is charged follow what is allocated
 * @region: the region, after its memory or its size changed; its memory may be
 *	gone, see vmshm_backing_drop()
 */
void vmshm_backing_settle(struct vmshm_region *region)
{
	u64 size = vmshm_capacity(region, READ_ONCE(region->size));
	u64 target = size;

	spin_lock(&region->charge_lock);
	if (!region->inner) {
		spin_unlock(&region->charge_lock);
		return;
	}
	if (!vmshm_charged_in_full(region))
		target = vmshm_charge_target(vmshm_allocated_pages(region), 0,
					     size, VMSHM_CHARGE_STEP);
	if (target < region->charged) {
		vmshm_uncharge_pages(region->user, region->charged - target);
		WRITE_ONCE(region->charged, target);
	}
	spin_unlock(&region->charge_lock);
	/* Collapsing into huge pages asks nobody; it is found out here. */
	if (target > READ_ONCE(region->charged))
		vmshm_charge_to(region, target);
}

/*
 * The last byte that there can be memory for if the end of the file is @size.
 * Whatever the policy, other than vmshm_capacity(): MADV_COLLAPSE knows none.
 */
static loff_t vmshm_last_byte(u64 size)
{
	u64 unit = PAGE_SIZE;

	if (IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE))
		unit = HPAGE_PMD_SIZE;
	return (loff_t)round_up(size, unit) - 1;
}

/*
 * Fails rather than have the OOM killer make room: the caller is there to be
 * told.
 */
static int vmshm_backing_reserve(struct file *inner, loff_t offset, loff_t len)
{
	struct address_space *mapping = inner->f_mapping;
	gfp_t gfp = mapping_gfp_mask(mapping);
	int err;

	mapping_set_gfp_mask(mapping,
			     gfp | __GFP_RETRY_MAYFAIL | __GFP_NOWARN);
	err = vfs_fallocate(inner, FALLOC_FL_KEEP_SIZE, offset, len);
	mapping_set_gfp_mask(mapping, gfp);
	/* tmpfs has no limit of its own here: no memory, that is. */
	return err == -ENOSPC ? -ENOMEM : err;
}

/**
 * vmshm_backing_grow() - raise the size of the inner file
 * @region: the region; region->size is still the old size
 * @size: the new size, in bytes, greater than the old
 *
 * The new bytes are zero.
 *
 * Context: the outer inode is locked, or the region is not published.
 *
 * Return: as vmshm_backing_new(); on error nothing has changed.
 */
int vmshm_backing_grow(struct vmshm_region *region, u64 size)
{
	struct file *inner = region->inner;
	u64 old = region->size;
	loff_t last;
	int err;

	if (vmshm_charged_in_full(region)) {
		err = vmshm_charge_to(region, vmshm_capacity(region, size));
		if (err)
			return err;
	}
	/*
	 * A mapping can write beyond the end: to the rest of the last page, or
	 * of the huge page that it is part of. No further, unless growing could
	 * not be undone once: to the end of all files shmem would go on for as
	 * long as somebody pins such a page.
	 */
	last = vmshm_last_byte(i_size_read(file_inode(inner)));
	if (last > (loff_t)old)
		shmem_truncate_range(file_inode(inner), old, last);
	if ((region->flags & VMSHM_RESERVE) && size > old) {
		err = vmshm_backing_reserve(inner, old, size - old);
		if (err)
			goto settle;
	}
	err = vmshm_inner_truncate(inner, size);
	if (err)
		goto release_pages;
	return 0;

release_pages:
	shmem_truncate_range(file_inode(inner), PAGE_ALIGN(old),
			     vmshm_last_byte(size));
settle:
	vmshm_backing_settle(region);
	return err;
}

/**
 * vmshm_backing_shrink() - lower the size of the inner file
 * @region: the region; region->size is the new size already
 * @size: the new size, in bytes
 *
 * Context: the outer inode is locked.
 * Return: 0, or -ENOMEM; on error nothing has changed.
 */
int vmshm_backing_shrink(struct vmshm_region *region, u64 size)
{
	int err;

	err = vmshm_inner_truncate(region->inner, size);
	if (!err)
		vmshm_backing_settle(region);
	return err;
}

/**
 * vmshm_backing_undo_grow() - take back what vmshm_backing_grow() did
 * @region: the region; region->size is still the old size
 *
 * A seal against shrinking is no obstacle: nobody was told of the new size.
 *
 * Context: the outer inode is locked.
 */
void vmshm_backing_undo_grow(struct vmshm_region *region)
{
	struct inode *inode = file_inode(region->inner);
	unsigned int seals = SHMEM_I(inode)->seals;

	SHMEM_I(inode)->seals = seals & ~F_SEAL_SHRINK;
	/* If that fails, there is memory that cannot be reached. */
	vmshm_inner_truncate(region->inner, region->size);
	SHMEM_I(inode)->seals = seals;
	vmshm_backing_settle(region);
}

/**
 * vmshm_backing_resident() - bytes of a region that are in memory
 * @region: the region, its outer inode alive
 */
u64 vmshm_backing_resident(struct vmshm_region *region)
{
	if (region->device)
		return vmshm_device_resident(region);
	return (u64)READ_ONCE(region->inner->f_mapping->nrpages) << PAGE_SHIFT;
}

/**
 * vmshm_backing_allocated() - bytes of a region in memory or in swap
 * @region: the region, its outer inode alive
 */
u64 vmshm_backing_allocated(struct vmshm_region *region)
{
	if (region->device)
		return vmshm_device_resident(region);
	return vmshm_allocated_pages(region) << PAGE_SHIFT;
}

/**
 * vmshm_backing_policies() - the huge page policies there are
 *
 * Return: bit n set for policy n of enum vmshm_huge.
 */
u32 vmshm_backing_policies(void)
{
	u32 policies = 0;
	int i;

	for (i = 0; i < VMSHM_NR_HUGE; i++)
		if (vmshm_tmpfs[i])
			policies |= BIT(i);
	return policies;
}

/* Our file operations are a copy of shmem's, which have no exported name. */
static int vmshm_inner_fops_init(void)
{
	struct file *file;

	file = shmem_file_setup_with_mnt(vmshm_tmpfs[VMSHM_HUGE_NEVER],
					 "vmshm", 0, VM_NORESERVE);
	if (IS_ERR(file))
		return PTR_ERR(file);
	vmshm_shmem_fops = file->f_op;
	vmshm_inner_fops = *file->f_op;
	vmshm_inner_fops.owner = THIS_MODULE;
	vmshm_inner_fops.fallocate = vmshm_inner_fallocate;
	vmshm_inner_fops.release = vmshm_inner_release;
	vmshm_inner_fops.mmap = vmshm_inner_mmap;
	/* mremap() asks the VMA's file; shmem's insists on shmem's own ops. */
	vmshm_inner_fops.get_unmapped_area = thp_get_unmapped_area;
	fput(file);

	/* Neither kernel's shmem has one; ours would have to call it. */
	if (WARN_ON(vmshm_shmem_fops->release))
		return -EOPNOTSUPP;
	return 0;
}

/**
 * vmshm_backing_exit() - unmount what vmshm_backing_init() mounted
 */
void vmshm_backing_exit(void)
{
	int i;

	for (i = 0; i < VMSHM_NR_HUGE; i++)
		if (vmshm_tmpfs[i])
			kern_unmount(vmshm_tmpfs[i]);
}

/**
 * vmshm_backing_init() - mount a tmpfs for each huge page policy
 *
 * A kernel without transparent huge pages has only VMSHM_HUGE_NEVER.
 *
 * Return: 0 or a negative errno.
 */
int vmshm_backing_init(void)
{
	static const char * const options[VMSHM_NR_HUGE] = {
		[VMSHM_HUGE_NEVER]	 = "huge=never",
		[VMSHM_HUGE_ALWAYS]	 = "huge=always",
		[VMSHM_HUGE_WITHIN_SIZE] = "huge=within_size",
		[VMSHM_HUGE_ADVISE]	 = "huge=advise",
	};
	struct file_system_type *type;
	int i, err = 0;

	type = get_fs_type("tmpfs");
	if (!type)
		return -ENODEV;

	for (i = 0; i < VMSHM_NR_HUGE; i++) {
		struct vfsmount *mnt;
		char opt[24];

		strscpy(opt, options[i], sizeof(opt));
		mnt = vfs_kern_mount(type, SB_KERNMOUNT, type->name,
				     IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE) ?
				     opt : NULL);
		if (!IS_ERR(mnt)) {
			vmshm_tmpfs[i] = mnt;
		} else if (i == VMSHM_HUGE_NEVER) {
			err = PTR_ERR(mnt);
			break;
		}
		if (!IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE))
			break;
	}
	module_put(type->owner);

	if (!err)
		err = vmshm_inner_fops_init();
	if (err)
		vmshm_backing_exit();
	return err;
}
