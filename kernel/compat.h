/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The only place that knows kernel versions. Each wrapper has the newer
 * kernel's meaning.
 *
 * 6.1 and 6.12 are built and tested; where a wrapper changes in between is taken
 * from the kernel's history.
 */
#ifndef _VMSHM_COMPAT_H
#define _VMSHM_COMPAT_H

#include <linux/dcache.h>
#include <linux/eventfd.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#error "vmshm needs Linux 6.1 or newer"
#endif

/*
 * Permission checks and attribute changes took a user namespace before the
 * idmap of a mount had a type of its own.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
#define vmshm_idmap	struct user_namespace
#define VMSHM_NOP_IDMAP	(&init_user_ns)
#else
#define vmshm_idmap	struct mnt_idmap
#define VMSHM_NOP_IDMAP	(&nop_mnt_idmap)
#endif

/**
 * vmshm_inode_permission() - check the current task's access to an inode
 * @inode: the inode
 * @mask: MAY_READ, MAY_WRITE
 *
 * Context: may sleep.
 * Return: 0 or -EACCES, or what a security module says.
 */
static inline int vmshm_inode_permission(struct inode *inode, int mask)
{
	return inode_permission(VMSHM_NOP_IDMAP, inode, mask);
}

static inline void vmshm_fillattr(u32 request_mask, struct inode *inode,
				  struct kstat *stat)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
	generic_fillattr(VMSHM_NOP_IDMAP, inode, stat);
#else
	generic_fillattr(VMSHM_NOP_IDMAP, request_mask, inode, stat);
#endif
}

static inline void vmshm_inode_init_times(struct inode *inode)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
	inode->i_atime = current_time(inode);
	inode->i_mtime = inode->i_atime;
	inode->i_ctime = inode->i_atime;
#else
	simple_inode_init_ts(inode);
#endif
}

/* A read of a file without pages of its own goes through ->read_iter. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)
#define vmshm_splice_read	generic_file_splice_read
#else
#define vmshm_splice_read	copy_splice_read
#endif

static inline void vmshm_eventfd_signal(struct eventfd_ctx *ctx)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0)
	eventfd_signal(ctx, 1);
#else
	eventfd_signal(ctx);
#endif
}

static inline void vmshm_vma_set_flags(struct vm_area_struct *vma,
				       unsigned long flags)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
	vma->vm_flags |= flags;
#else
	vm_flags_set(vma, flags);
#endif
}

static inline void vmshm_vma_clear_flags(struct vm_area_struct *vma,
					 unsigned long flags)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
	vma->vm_flags &= ~flags;
#else
	vm_flags_clear(vma, flags);
#endif
}

/* Page table entries that map any page of the folio, each a reference to it. */
static inline int vmshm_folio_mapcount(struct folio *folio)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
	int entire, nr, i, count;

	/* folio_mapcount() is not exported; file folios only. */
	if (!folio_test_large(folio))
		return atomic_read(&folio->_mapcount) + 1;
	entire = folio_entire_mapcount(folio);
	nr = folio_nr_pages(folio);
	count = entire;
	for (i = 0; i < nr; i++)
		count += atomic_read(&folio_page(folio, i)->_mapcount) + 1;
	return count - entire * nr;
#else
	return folio_mapcount(folio);
#endif
}

/* The folio at an index, with a reference; NULL if none is in memory. */
static inline struct folio *vmshm_get_folio(struct address_space *mapping,
					    pgoff_t index)
{
	struct folio *folio = filemap_get_folio(mapping, index);

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
	return xa_is_value(folio) ? NULL : folio;
#else
	return IS_ERR(folio) ? NULL : folio;
#endif
}

/* The second argument went when the source of a string was recorded once. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 10, 0)
#define vmshm_assign_str(dst, src)	__assign_str(dst, src)
#else
#define vmshm_assign_str(dst, src)	__assign_str(dst)
#endif

/* For an entry whose VMA is no shadow stack. */
static inline pte_t vmshm_pte_mkwrite(pte_t pte)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
	return pte_mkwrite(pte);
#else
	return pte_mkwrite_novma(pte);
#endif
}

/* What __kvm_set_memory_region() takes. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0)
#define vmshm_kvm_memory_region	struct kvm_userspace_memory_region
#else
#define vmshm_kvm_memory_region	struct kvm_userspace_memory_region2
#endif

#endif /* _VMSHM_COMPAT_H */
