// SPDX-License-Identifier: GPL-2.0
/*
 * Operations on regions as files: handles, size, seals, members.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fuzz.h"

/* 0 descriptor */
void fz_op_close(const uint32_t *arg)
{
	fz_fd_close(&fz.fd[arg[0] % FZ_FDS]);
}

/* 0 descriptor, 1 where the other goes */
void fz_op_dup(const uint32_t *arg)
{
	struct fz_fd *fd = fz_fd_of(arg[0]), *to = &fz.fd[arg[1] % FZ_FDS];
	struct fz_handle *handle;
	int ret;

	if (!fd || fd == to)
		return;
	ret = fcntl(fd->fd, F_DUPFD_CLOEXEC, 0);
	if (ret < 0)
		fz_fail("dup: %m");
	handle = fz_handle_get(fd->handle);
	fz_fd_close(to);
	to->fd = ret;
	to->handle = handle;
}

/* By /proc/self/fd: 0 descriptor, 1 where, 2 how */
void fz_op_reopen(const uint32_t *arg)
{
	static const int modes[] = { O_RDONLY, O_WRONLY, O_RDWR };
	struct fz_fd *fd = fz_fd_of(arg[0]), *to = &fz.fd[arg[1] % FZ_FDS];
	int mode = modes[arg[2] % 3], ret, want = 0;
	struct fz_handle *handle;
	char path[64];

	if (!fd)
		return;
	if (fd->handle->view && mode != O_RDONLY)
		want = -EACCES;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd->fd);
	ret = open(path, mode | O_CLOEXEC);
	ret = ret < 0 ? -errno : ret;
	FZ_EXPECT(ret < 0 ? ret : 0, want, "reopen for %d", mode);
	if (want)
		return;
	handle = fz_handle_new(fd->handle->region, mode != O_WRONLY,
			       mode != O_RDONLY, fd->handle->view);
	fz_fd_close(to);
	to->fd = ret;
	to->handle = handle;
}

/* 0 descriptor, 1 where the other goes, 2 faulty */
void fz_op_readonly(const uint32_t *arg)
{
	struct vmshm_readonly readonly = { .size = sizeof(readonly) };
	struct fz_fd *fd = fz_fd_of(arg[0]), *to = &fz.fd[arg[1] % FZ_FDS];
	bool faulty = !(arg[2] & 7);
	struct fz_region *region;
	struct fz_handle *handle;
	int want = faulty ? -EFAULT : 0;

	if (!fd)
		return;
	region = fd->handle->region;
	if (!fd->handle->read)
		want = -EACCES;
	FZ_EXPECT(fz_ioctl(fd->fd, VMSHM_IOC_READONLY, &readonly,
			   sizeof(readonly), faulty), want, "READONLY");
	if (want == -EFAULT) {
		fz_raise(region, VMSHM_EVENT_OPENED, 0, 0);
		fz_raise(region, VMSHM_EVENT_CLOSED, 0, 0);
	}
	if (want)
		return;
	handle = fz_handle_new(region, true, false, true);
	fz_fd_close(to);
	to->fd = readonly.out_fd;
	to->handle = handle;
}

static unsigned int fz_count_logs(const struct fz_region *region)
{
	unsigned int i, n = 0;

	for (i = 0; i < FZ_LOGS; i++)
		n += fz.log[i].region == region;
	return n;
}

static unsigned int fz_count_binds(const struct fz_region *region)
{
	unsigned int i, n = 0;

	for (i = 0; i < FZ_BINDS; i++)
		n += fz.bind[i].region == region;
	return n;
}

/* 0 descriptor, 1 faulty */
void fz_op_stat(const uint32_t *arg)
{
	struct vmshm_stat stat = { .size = sizeof(stat) };
	struct fz_fd *fd = fz_fd_of(arg[0]);
	bool faulty = !(arg[1] & 15);
	struct fz_region *region;
	char name[VMSHM_NAME_MAX + 1];

	if (!fd)
		return;
	region = fd->handle->region;
	FZ_EXPECT(fz_ioctl(fd->fd, VMSHM_IOC_STAT, &stat, sizeof(stat), faulty),
		  faulty ? -EFAULT : 0, "STAT");
	if (faulty)
		return;
	FZ_EXPECT(stat.out_generation, region->generation, "out_generation");
	FZ_EXPECT(stat.out_region_size, region->size, "out_region_size");
	FZ_EXPECT(stat.out_max_size, region->max_size, "out_max_size");
	FZ_EXPECT(stat.out_seq, region->events, "out_seq");
	FZ_EXPECT(stat.out_flags, region->flags, "out_flags");
	FZ_EXPECT(stat.out_huge, region->huge, "out_huge");
	FZ_EXPECT(stat.out_seals, region->seals, "out_seals");
	FZ_EXPECT(stat.out_mode, region->mode, "out_mode");
	FZ_EXPECT(stat.out_uid, 0, "out_uid");
	FZ_EXPECT(stat.out_linked, region->linked, "out_linked");
	FZ_EXPECT(stat.out_domain_uid, region->linked ? 0 : (uint32_t)-1,
		  "out_domain_uid");
	FZ_EXPECT(stat.out_opens, fz_opens(region), "out_opens");
	FZ_EXPECT(stat.out_logs, fz_count_logs(region), "out_logs");
	FZ_EXPECT(stat.out_bindings, fz_count_binds(region), "out_bindings");
	FZ_EXPECT(stat.out_maps, region->flags & VMSHM_PINNABLE ? 0 :
		  fz_maps_count(region), "out_maps");
	if (strcmp((char *)stat.out_name, fz_name(region->name, name)))
		fz_fail("out_name: %s, expected %s", stat.out_name, name);
	if (stat.out_resident > stat.out_allocated)
		fz_fail("out_resident %llu > out_allocated %llu",
			(unsigned long long)stat.out_resident,
			(unsigned long long)stat.out_allocated);
	if (stat.out_charged < stat.out_allocated)
		fz_fail("out_charged %llu < out_allocated %llu",
			(unsigned long long)stat.out_charged,
			(unsigned long long)stat.out_allocated);
}

/* Any size, or where a slot of a binding ends: there it can follow. */
static uint64_t fz_resize_to(const struct fz_region *region,
			     const uint32_t *arg)
{
	const struct fz_bind *bind = fz_bind_next(region, NULL);
	unsigned int i, slots;
	uint64_t size;

	if (!bind || !bind->used || !(arg[3] & 3))
		return fz_size(arg[1]);
	size = bind->offset;
	slots = arg[1] % (bind->used + 1);
	for (i = 0; i < slots; i++)
		size += bind->slot[i];
	return size;
}

/* 0 descriptor, 1 size, 2 by ftruncate() or not, 3 what size */
void fz_op_resize(const uint32_t *arg)
{
	struct vmshm_resize resize = { .size = sizeof(resize) };
	struct fz_fd *fd = fz_fd_of(arg[0]);
	struct fz_region *region;
	uint64_t old;
	int ret, want;

	if (!fd)
		return;
	region = fd->handle->region;
	old = region->size;
	resize.region_size = fz_resize_to(region, arg);
	want = fz_resize_expect(region, resize.region_size);
	if (arg[2] & 1) {
		if (!fd->handle->write)
			want = -EINVAL;
		ret = ftruncate(fd->fd, resize.region_size) ? -errno : 0;
	} else {
		if (!fd->handle->write)
			want = -EACCES;
		ret = fz_ioctl(fd->fd, VMSHM_IOC_RESIZE, &resize,
			       sizeof(resize), arg[2] & 2);
	}
	FZ_EXPECT(ret, want, "resize from %llu to %llu",
		  (unsigned long long)old,
		  (unsigned long long)resize.region_size);
	/* It had grown, but for the VM, which has something else there. */
	if (want == -EBUSY && resize.region_size > old) {
		fz_binds_grow(region, resize.region_size, true);
		fz_zero(region, old, FZ_CAP * FZ_PAGE);
	}
	if (want)
		return;
	if (fz_lies("zero") && resize.region_size > old &&
	    !(region->seals & (VMSHM_SEAL_WRITE | VMSHM_SEAL_FUTURE_WRITE)))
		FZ_EXPECT(pwrite(fd->fd, "x", 1, old), 1, "lie");
	fz_resized(region, resize.region_size);
}

static int fz_seal_expect(const struct fz_handle *handle, uint32_t add,
			  bool faulty)
{
	const struct fz_region *region = handle->region;

	if (!add)
		return faulty ? -EFAULT : 0;
	if (!handle->write)
		return -EACCES;
	if (faulty)
		return -EFAULT;
	if (region->seals & VMSHM_SEAL_SEAL)
		return -EPERM;
	if ((add & ~region->seals & VMSHM_SEAL_WRITE) &&
	    fz_maps_writable(region))
		return -EBUSY;
	return 0;
}

/* 0 descriptor, 1 which, 2 faulty */
void fz_op_seal(const uint32_t *arg)
{
	static const uint32_t seals[] = {
		0, VMSHM_SEAL_SHRINK, VMSHM_SEAL_GROW, VMSHM_SEAL_WRITE,
		VMSHM_SEAL_FUTURE_WRITE, VMSHM_SEAL_SEAL,
		VMSHM_SEAL_SHRINK | VMSHM_SEAL_GROW,
		VMSHM_SEAL_WRITE | VMSHM_SEAL_SHRINK,
	};
	struct vmshm_seal seal = {
		.size = sizeof(seal),
		.add = seals[arg[1] % 8],
	};
	struct fz_fd *fd = fz_fd_of(arg[0]);
	bool faulty = !(arg[2] & 7);
	struct fz_region *region;
	int ret, want, tries = 0;

	if (!fd)
		return;
	region = fd->handle->region;
	want = fz_seal_expect(fd->handle, seal.add, faulty);
	do {
		seal.out_seals = 0;
		ret = fz_ioctl(fd->fd, VMSHM_IOC_SEAL, &seal, sizeof(seal),
			       faulty);
		/* Others may hold a page for a moment, for migration say. */
	} while (ret == -EBUSY && !want && ++tries < 5);
	FZ_EXPECT(ret, want, "SEAL 0x%x to 0x%x", seal.add, region->seals);
	if (ret)
		return;
	FZ_EXPECT(seal.out_seals, region->seals | seal.add, "out_seals");
	if (seal.add & ~region->seals) {
		uint32_t old = region->seals;

		region->seals |= seal.add;
		fz_raise(region, VMSHM_EVENT_SEALED, region->seals, old);
	}
}

/* 0 descriptor, 1 room */
void fz_op_members(const uint32_t *arg)
{
	struct vmshm_member members[64];
	struct vmshm_members list = {
		.size = sizeof(list),
		.entries = (uintptr_t)members,
		.entry_size = sizeof(members[0]),
		.count = arg[1] & 1 ? 64 : arg[1] >> 1 & 7,
	};
	struct fz_fd *fd = fz_fd_of(arg[0]);
	unsigned int opens, maps, i, nr_opens = 0;
	struct fz_region *region;

	if (!fd)
		return;
	region = fd->handle->region;
	opens = fz_opens(region);
	maps = fz_maps_count(region);
	FZ_EXPECT(fz_ioctl(fd->fd, VMSHM_IOC_MEMBERS, &list, sizeof(list),
			   false),
		  list.count < opens + maps ? -EMSGSIZE : 0, "MEMBERS");
	FZ_EXPECT(list.out_count, opens + maps, "MEMBERS: out_count");
	if (list.count < opens + maps)
		return;
	for (i = 0; i < list.out_count; i++)
		nr_opens += members[i].type == VMSHM_MEMBER_OPEN;
	FZ_EXPECT(nr_opens, opens, "MEMBERS: open files");
}
