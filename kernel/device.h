/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vmshm: regions whose memory is that of a device.
 */
#ifndef _VMSHM_DEVICE_H
#define _VMSHM_DEVICE_H

#include <linux/rwsem.h>

#include "vmshm.h"

struct dentry;
struct iov_iter;
struct super_operations;
struct vfsmount;

/* The domain that device drivers make regions in. */
#define VMSHM_DEVICE_DOMAIN	"ivshmem"

/**
 * struct vmshm_device - device memory behind a region
 * @lock: held for reading while the memory is accessed or put into a page
 *	table, never while anything is copied from or to a user
 * @addr: where the kernel has it mapped, NULL when the device is gone; changes
 *	under @lock held for writing
 * @start: its physical address
 * @doorbell: register that rings other machines, or NULL; used while @addr is
 *	not NULL
 * @number: of this machine as a peer
 * @nr_vectors: number of vectors that this machine can be rung by
 */
struct vmshm_device {
	struct rw_semaphore lock;
	void *addr;
	phys_addr_t start;
	void __iomem *doorbell;
	u32 number;
	u32 nr_vectors;
};

/* device.c */
struct vmshm_region *vmshm_device_add(const char *name, u64 size,
				      const struct vmshm_device *like);
void vmshm_device_del(struct vmshm_region *region);
void vmshm_device_attach(struct vmshm_region *region,
			 struct vmshm_device *device);
ssize_t vmshm_device_read(struct vmshm_region *region, loff_t *pos,
			  struct iov_iter *to);
ssize_t vmshm_device_write(struct vmshm_region *region, loff_t *pos,
			   struct iov_iter *from);
int vmshm_device_mmap(struct file *file, struct vm_area_struct *vma);
u64 vmshm_device_resident(struct vmshm_region *region);
int vmshm_device_join(struct vmshm_region *region,
		      const struct vmshm_join *arg);
int vmshm_device_ring(struct vmshm_region *region, u32 number, u32 vector);

/* fs.c */
extern const struct super_operations vmshm_super_ops;
char *vmshm_dname(struct dentry *dentry, char *buffer, int buflen);

/* fs_device.c */
extern struct vfsmount *vmshm_fs_device_mnt;
int vmshm_fs_device_init(void);
void vmshm_fs_device_exit(void);

/* region.c */
struct inode *vmshm_region_new(struct vmshm_registry *registry,
			       const struct vmshm_create *arg,
			       struct vmshm_device *device);

/* registry.c */
void vmshm_registry_withdraw(struct vmshm_region *region);

/* ivshmem.c */
#ifdef CONFIG_PCI
int vmshm_ivshmem_init(void);
void vmshm_ivshmem_exit(void);
#else
static inline int vmshm_ivshmem_init(void)
{
	return 0;
}

static inline void vmshm_ivshmem_exit(void)
{
}
#endif

/**
 * vmshm_region_mapping() - the mapping that a region's VMAs are in
 * @region: the region, its outer inode alive
 *
 * Return: the inner file's, or with device memory the outer inode's.
 */
static inline struct address_space *
vmshm_region_mapping(struct vmshm_region *region)
{
	return region->device ? region->inode->i_mapping :
				region->inner->f_mapping;
}

#endif /* _VMSHM_DEVICE_H */
