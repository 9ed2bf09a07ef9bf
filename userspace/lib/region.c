// SPDX-License-Identifier: GPL-2.0
/* Regions: what is done with an open one. */

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "internal.h"

int vmshm__region_alloc(struct vmshm_region **region)
{
	*region = calloc(1, sizeof(**region));
	if (!*region)
		return -ENOMEM;

	(*region)->fd = -1;
	return 0;
}

int vmshm_region_from_fd(int fd, struct vmshm_region **region)
{
	struct vmshm_region *new;
	struct vmshm_stat stat;
	struct statfs fs;
	int flags, rc;

	/*
	 * Who knows what the file is: its file system is asked before a command
	 * is sent to it that another driver could take for one of its own.
	 */
	if (fstatfs(fd, &fs))
		return -errno;
	if ((__u32)fs.f_type != VMSHM_SUPER_MAGIC)
		return -ENOTTY;

	flags = fcntl(fd, F_GETFL);
	if (flags < 0)
		return -errno;

	rc = vmshm__stat(fd, VMSHM_IOC_STAT, &stat, sizeof(stat),
			 STAT_SIZE_VER0);
	if (rc)
		return rc;

	rc = vmshm__region_alloc(&new);
	if (rc)
		return rc;

	new->fd = fd;
	new->generation = stat.out_generation;
	new->is_readonly = (flags & O_ACCMODE) == O_RDONLY;
	*region = new;
	return 0;
}

void vmshm_region_close(struct vmshm_region *region)
{
	if (!region)
		return;

	close(region->fd);
	free(region);
}

int vmshm_region_detach(struct vmshm_region *region)
{
	int fd = region->fd;

	free(region);
	return fd;
}

int vmshm_region_fd(const struct vmshm_region *region)
{
	return region->fd;
}

__u64 vmshm_region_generation(const struct vmshm_region *region)
{
	return region->generation;
}

bool vmshm_region_is_new(const struct vmshm_region *region)
{
	return region->is_new;
}

bool vmshm_region_is_readonly(const struct vmshm_region *region)
{
	return region->is_readonly;
}

int vmshm_region_map(const struct vmshm_region *region, void *hint,
		     size_t length, int prot, int flags, __u64 offset,
		     void **addr)
{
	void *mapped;

	if (offset > INT64_MAX || length > INT64_MAX - offset)
		return -EOVERFLOW;

	mapped = mmap(hint, length, prot, flags, region->fd, (off_t)offset);
	if (mapped == MAP_FAILED)
		return -errno;

	*addr = mapped;
	return 0;
}

int vmshm_region_unmap(void *addr, size_t length)
{
	return munmap(addr, length) ? -errno : 0;
}

int vmshm_region_resize(const struct vmshm_region *region, __u64 region_size)
{
	struct vmshm_resize arg = {
		.size = sizeof(arg),
		.region_size = region_size,
	};

	return vmshm__ioctl(region->fd, VMSHM_IOC_RESIZE, &arg);
}

static int seal_ioctl(const struct vmshm_region *region, __u32 add,
		      __u32 *seals)
{
	struct vmshm_seal arg = {
		.size = sizeof(arg),
		.add = add,
	};
	int rc;

	rc = vmshm__ioctl(region->fd, VMSHM_IOC_SEAL, &arg);
	if (rc)
		return rc;

	*seals = arg.out_seals;
	return 0;
}

int vmshm_region_add_seals(const struct vmshm_region *region, __u32 seals)
{
	__u32 in_force;

	/* To the kernel this would be a question. */
	if (!seals)
		return -EINVAL;

	return seal_ioctl(region, seals, &in_force);
}

int vmshm_region_get_seals(const struct vmshm_region *region, __u32 *seals)
{
	return seal_ioctl(region, 0, seals);
}

int vmshm_region_stat(const struct vmshm_region *region,
		      struct vmshm_stat *stat, size_t stat_size)
{
	return vmshm__stat(region->fd, VMSHM_IOC_STAT, stat, stat_size,
			   STAT_SIZE_VER0);
}

int vmshm_region_readonly(const struct vmshm_region *region,
			  struct vmshm_region **readonly)
{
	struct vmshm_readonly arg = {
		.size = sizeof(arg),
	};
	struct vmshm_region *new;
	int rc;

	rc = vmshm__region_alloc(&new);
	if (rc)
		return rc;

	rc = vmshm__ioctl(region->fd, VMSHM_IOC_READONLY, &arg);
	if (rc) {
		free(new);
		return rc;
	}

	new->fd = arg.out_fd;
	new->generation = region->generation;
	new->is_readonly = true;
	*readonly = new;
	return 0;
}
