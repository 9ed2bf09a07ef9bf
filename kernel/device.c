// SPDX-License-Identifier: GPL-2.0
/*
 * Regions whose memory is that of a device: RAM behind a PCI BAR, for one, that
 * a virtual machine shares with its host and with other machines.
 *
 * There are no pages to it. A VMA has the outer file and page frame numbers, so
 * all VMAs are in the outer inode's i_mmap, where they can be found when the
 * device goes. That can be at any time and waits for nobody who has the region
 * open: who comes afterwards gets ENODEV, or SIGBUS.
 *
 * What is written to this memory elsewhere is not seen here, so that neither a
 * dirty log nor a seal against writing can be had. Its size is fixed by seals.
 */
#include <linux/cred.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/uio.h>

#include "device.h"
#include "range.h"
#include "trace.h"

#define VMSHM_DEVICE_MODE	0660
#define VMSHM_DEVICE_SEALS	(VMSHM_SEAL_SEAL | VMSHM_SEAL_SHRINK | \
				 VMSHM_SEAL_GROW)

/**
 * vmshm_device_attach() - give a new region its memory
 * @region: the region
 * @device: the memory; freed with the region from here on
 */
void vmshm_device_attach(struct vmshm_region *region,
			 struct vmshm_device *device)
{
	region->device = device;
	region->seals = VMSHM_DEVICE_SEALS;
}

/**
 * vmshm_device_resident() - bytes of a region of device memory
 * @region: the region
 *
 * Return: all there are, or 0 when the device is gone.
 */
u64 vmshm_device_resident(struct vmshm_region *region)
{
	return READ_ONCE(region->device->addr) ? region->size : 0;
}

/* The range lies in the region. */
static int vmshm_device_copy(struct vmshm_region *region, u64 offset, void *buf,
			     size_t len, bool write)
{
	struct vmshm_device *device = region->device;
	int err = -ENODEV;

	down_read(&device->lock);
	if (device->addr) {
		if (write)
			memcpy(device->addr + offset, buf, len);
		else
			memcpy(buf, device->addr + offset, len);
		err = 0;
	}
	up_read(&device->lock);
	return err;
}

/* Up to the next page boundary, so that what is aligned is copied aligned. */
static size_t vmshm_device_step(struct vmshm_region *region, u64 pos,
				size_t count)
{
	if (pos >= region->size)
		return 0;
	count = min_t(u64, count, region->size - pos);
	return min_t(size_t, count, PAGE_SIZE - offset_in_page(pos));
}

/*
 * The user's memory may be slow to come, or be this very region's: it is never
 * touched under the lock that the end of the device waits for. So data goes
 * through a page in between.
 */
static ssize_t vmshm_device_iter(struct vmshm_region *region, loff_t *pos,
				 struct iov_iter *iter, bool write)
{
	ssize_t ret = 0, done = 0;
	size_t step, moved;
	void *buf;

	buf = (void *)__get_free_page(GFP_KERNEL);
	if (!buf)
		return -ENOMEM;

	while ((step = vmshm_device_step(region, *pos, iov_iter_count(iter)))) {
		moved = write ? copy_from_iter(buf, step, iter) : step;
		ret = vmshm_device_copy(region, *pos, buf, moved, write);
		if (!write)
			moved = ret ? 0 : copy_to_iter(buf, step, iter);
		else if (ret)
			iov_iter_revert(iter, moved);
		if (ret)
			break;
		*pos += moved;
		done += moved;
		if (moved < step) {
			ret = -EFAULT;
			break;
		}
		if (fatal_signal_pending(current)) {
			ret = -EINTR;
			break;
		}
		cond_resched();
	}
	free_page((unsigned long)buf);
	return done ?: ret;
}

/**
 * vmshm_device_read() - read device memory
 * @region: the region
 * @pos: where; moved
 * @to: where to
 *
 * Context: may sleep, takes device->lock.
 * Return: number of bytes, 0 beyond the end; -ENODEV: the device is gone;
 * -EFAULT, -ENOMEM, -EINTR.
 */
ssize_t vmshm_device_read(struct vmshm_region *region, loff_t *pos,
			  struct iov_iter *to)
{
	return vmshm_device_iter(region, pos, to, false);
}

/**
 * vmshm_device_write() - write device memory
 * @region: the region
 * @pos: where; moved
 * @from: what
 *
 * Context: may sleep, takes device->lock.
 * Return: as vmshm_device_read().
 */
ssize_t vmshm_device_write(struct vmshm_region *region, loff_t *pos,
			   struct iov_iter *from)
{
	return vmshm_device_iter(region, pos, from, true);
}

/**
 * vmshm_device_join() - can there be such a peer?
 * @region: the region, of device memory
 * @arg: what is asked for, checked
 *
 * The device has one number, so there is one peer at a time.
 *
 * Return: the number that the peer has; -EOPNOTSUPP: the device has no doorbell;
 * -EINVAL: other number, or more vectors than there are.
 */
int vmshm_device_join(struct vmshm_region *region, const struct vmshm_join *arg)
{
	const struct vmshm_device *device = region->device;

	if (!device->doorbell)
		return -EOPNOTSUPP;
	if (arg->vectors > device->nr_vectors)
		return -EINVAL;
	if ((arg->flags & VMSHM_JOIN_NUMBER) && arg->number != device->number)
		return -EINVAL;
	return device->number;
}

/**
 * vmshm_device_ring() - ring another machine, or this one
 * @region: the region, of device memory, with a peer
 * @number: whom
 * @vector: which of its vectors
 *
 * Context: may sleep, takes device->lock.
 * Return: 0, also if nobody has that number or vector; -ENODEV: the device is
 * gone; -EOPNOTSUPP: it cannot ring all; -ENOENT: no such number.
 */
int vmshm_device_ring(struct vmshm_region *region, u32 number, u32 vector)
{
	struct vmshm_device *device = region->device;
	int err = -ENODEV;

	if (number == VMSHM_PEER_ALL)
		return -EOPNOTSUPP;
	if (number > VMSHM_PEER_NUMBER_MAX)
		return -ENOENT;
	down_read(&device->lock);
	if (device->addr) {
		/* What was written to the memory before is there first. */
		writel(number << 16 | vector, device->doorbell);
		err = 0;
	}
	up_read(&device->lock);
	return err;
}

static struct vmshm_region *vmshm_device_vma_region(struct vm_area_struct *vma)
{
	return vmshm_file_handle(vma->vm_file)->region;
}

/* The VMA's own reference to the file is what keeps the region. */
static void vmshm_device_count_map(struct vm_area_struct *vma, int n)
{
	struct vmshm_handle *handle = vmshm_file_handle(vma->vm_file);
	struct vmshm_region *region = handle->region;

	spin_lock(&region->maps_lock);
	region->nr_maps += n;
	handle->nr_maps += n;
	spin_unlock(&region->maps_lock);
}

static void vmshm_device_vma_open(struct vm_area_struct *vma)
{
	vmshm_device_count_map(vma, 1);
}

static void vmshm_device_vma_close(struct vm_area_struct *vma)
{
	vmshm_device_count_map(vma, -1);
}

static vm_fault_t vmshm_device_vma_fault(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	struct vmshm_region *region = vmshm_device_vma_region(vma);
	struct vmshm_device *device = region->device;
	vm_fault_t ret = VM_FAULT_SIGBUS;

	this_cpu_inc(region->counters->faults);
	trace_vmshm_fault(region, vmf);
	if (vmf->pgoff >= vmshm_pages(region->size))
		return VM_FAULT_SIGBUS;

	/* What is put in before the device goes is taken out by its end. */
	down_read(&device->lock);
	if (device->addr)
		ret = vmf_insert_pfn(vma, vmf->address,
				     PHYS_PFN(device->start) + vmf->pgoff);
	up_read(&device->lock);
	if (ret == VM_FAULT_NOPAGE && (vma->vm_flags & VM_WRITE))
		this_cpu_inc(region->counters->write_faults);
	return ret;
}

/* For debuggers, which cannot take pages where there are none. */
static int vmshm_device_vma_access(struct vm_area_struct *vma,
				   unsigned long addr, void *buf, int len,
				   int write)
{
	struct vmshm_region *region = vmshm_device_vma_region(vma);
	u64 offset = ((u64)vma->vm_pgoff << PAGE_SHIFT) + addr - vma->vm_start;
	int err;

	if (write && !(vma->vm_flags & VM_WRITE))
		return -EACCES;
	if (offset >= region->size)
		return -EFAULT;
	len = min_t(u64, len, region->size - offset);
	len = min_t(unsigned long, len, vma->vm_end - addr);
	err = vmshm_device_copy(region, offset, buf, len, write);
	return err ?: len;
}

static const struct vm_operations_struct vmshm_device_vm_ops = {
	.open	= vmshm_device_vma_open,
	.close	= vmshm_device_vma_close,
	.fault	= vmshm_device_vma_fault,
	.access	= vmshm_device_vma_access,
};

/**
 * vmshm_device_mmap() - ->mmap of a region of device memory
 * @file: the outer file
 * @vma: the new VMA
 *
 * The memory is RAM and is mapped like RAM, cached, by vm_page_prot as it is.
 * Where all mappings of a page frame must agree (x86 with PAT),
 * vmf_insert_pfn() takes over how the driver has mapped it.
 *
 * Context: mmap_lock held for writing.
 * Return: 0; -EINVAL: a private mapping, whose copies would need pages;
 * -ENODEV: the device is gone.
 */
int vmshm_device_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct vmshm_region *region = vmshm_file_handle(file)->region;

	if (is_cow_mapping(vma->vm_flags))
		return -EINVAL;
	if (!READ_ONCE(region->device->addr))
		return -ENODEV;

	vmshm_vma_set_flags(vma, VM_IO | VM_PFNMAP | VM_DONTEXPAND |
				 VM_DONTDUMP);
	vma->vm_ops = &vmshm_device_vm_ops;
	vmshm_device_count_map(vma, 1);
	return 0;
}

static struct vmshm_region *vmshm_device_publish(const struct vmshm_create *arg,
						 struct vmshm_device *device)
{
	struct vmshm_registry *registry;
	struct vmshm_region *region;
	struct inode *inode;
	int err;

	registry = vmshm_registry_get(&init_user_ns);
	if (IS_ERR(registry)) {
		kfree(device);
		return ERR_CAST(registry);
	}
	inode = vmshm_region_new(registry, arg, device);
	vmshm_registry_put(registry);
	if (IS_ERR(inode))
		return ERR_CAST(inode);

	region = inode->i_private;
	err = vmshm_registry_publish(region);
	if (err) {
		iput(inode);
		return ERR_PTR(err);
	}
	trace_vmshm_create(region);
	return region;
}

/**
 * vmshm_device_add() - make a region of a device's memory
 * @name: of the region
 * @size: size of the memory in bytes, in whole pages
 * @like: the memory, which begins at a page, and the doorbell; copied, but for
 *	the lock
 *
 * The region is root's, in the registry of the initial user namespace, whoever
 * the caller runs for.
 *
 * Context: may sleep.
 * Return: the region, kept until vmshm_device_del(), or an ERR_PTR: -EEXIST:
 * there is a region of that name; -EINVAL: it is not a name; -EDQUOT, -ENOMEM.
 */
struct vmshm_region *vmshm_device_add(const char *name, u64 size,
				      const struct vmshm_device *like)
{
	struct vmshm_create arg = {
		.flags = VMSHM_DEVICE_MEMORY,
		.region_size = size,
		.mode = VMSHM_DEVICE_MODE,
	};
	struct vmshm_device *device;
	struct vmshm_region *region;
	const struct cred *old;
	struct cred *cred;

	if (strscpy(arg.name, name, sizeof(arg.name)) < 0 ||
	    vmshm_name_check(arg.name, sizeof(arg.name)) < 0)
		return ERR_PTR(-EINVAL);

	device = kzalloc(sizeof(*device), GFP_KERNEL);
	if (!device)
		return ERR_PTR(-ENOMEM);
	init_rwsem(&device->lock);
	device->addr = like->addr;
	device->start = like->start;
	device->doorbell = like->doorbell;
	device->number = like->number;
	device->nr_vectors = like->nr_vectors;

	cred = prepare_kernel_cred(&init_task);
	if (!cred) {
		kfree(device);
		return ERR_PTR(-ENOMEM);
	}
	old = override_creds(cred);
	region = vmshm_device_publish(&arg, device);
	revert_creds(old);
	put_cred(cred);
	return region;
}

/**
 * vmshm_device_del() - undo vmshm_device_add()
 * @region: the region; not to be used any more
 *
 * When it returns, nobody has access to the memory or will get it. What is open
 * stays open.
 *
 * Context: may sleep; takes device->lock, registry->lock and the i_mmap_rwsem
 * of the outer inode.
 */
void vmshm_device_del(struct vmshm_region *region)
{
	struct vmshm_device *device = region->device;
	struct inode *inode = region->inode;

	down_write(&device->lock);
	WRITE_ONCE(device->addr, NULL);
	up_write(&device->lock);
	unmap_mapping_range(inode->i_mapping, 0, 0, 1);

	/* After that, so that the event tells that it is so. */
	vmshm_registry_withdraw(region);
	iput(inode);
}
