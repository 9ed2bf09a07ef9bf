// SPDX-License-Identifier: GPL-2.0
/*
 * Operations on what is in a region, by its file.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <linux/falloc.h>
#include <string.h>
#include <unistd.h>

#include "fuzz.h"

#define FZ_DATA		(3 * FZ_PAGE)

static unsigned char fz_data[FZ_DATA], fz_back[FZ_DATA];

/* Compares a range, which lies in the size, with what it has to be. */
static void fz_compare(struct fz_fd *fd, uint64_t offset, size_t len)
{
	struct fz_region *region = fd->handle->region;
	ssize_t ret = pread(fd->fd, fz_back, len, offset);
	size_t i;

	FZ_EXPECT(ret < 0 ? -errno : ret, len, "read of %zu at %llu", len,
		  (unsigned long long)offset);
	if (!memcmp(fz_back, region->shadow + offset, len))
		return;
	for (i = 0; i < len; i++)
		if (fz_back[i] != region->shadow[offset + i])
			fz_fail("byte %llu is 0x%02x, expected 0x%02x, size %llu",
				(unsigned long long)(offset + i), fz_back[i],
				region->shadow[offset + i],
				(unsigned long long)region->size);
}

static uint64_t fz_offset(const struct fz_region *region, uint32_t arg)
{
	if (arg & 1)
		return (arg >> 1) % (region->size + 1);
	return fz_size(arg >> 1);
}

/* 0 descriptor, 1 offset, 2 length, 3 what */
void fz_op_write(const uint32_t *arg)
{
	struct fz_fd *fd = fz_fd_of(arg[0]);
	struct fz_region *region;
	long long want;
	uint64_t pos;
	size_t len;
	ssize_t ret;

	if (!fd)
		return;
	region = fd->handle->region;
	pos = fz_offset(region, arg[1]);
	len = arg[2] & 1 ? 1 + arg[2] / 2 % 64 : arg[2] / 2 % (FZ_DATA + 1);
	fz_fill(fz_data, len, arg[3]);
	want = len;
	if (!fd->handle->write)
		want = -EBADF;
	else if (!len)
		want = 0;
	else if (region->seals & (VMSHM_SEAL_WRITE | VMSHM_SEAL_FUTURE_WRITE))
		want = -EPERM;
	else if (pos >= region->size)
		want = -EFBIG;
	else if (len > region->size - pos)
		want = region->size - pos;
	ret = pwrite(fd->fd, fz_data, len, pos);
	FZ_EXPECT(ret < 0 ? -errno : ret, want, "write of %zu at %llu", len,
		  (unsigned long long)pos);
	if (want <= 0)
		return;
	memcpy(region->shadow + pos, fz_data, want);
	fz_wrote(region, pos, want);
}

/* 0 descriptor, 1 offset, 2 length */
void fz_op_read(const uint32_t *arg)
{
	struct fz_fd *fd = fz_fd_of(arg[0]);
	struct fz_region *region;
	uint64_t pos;
	size_t len;

	if (!fd)
		return;
	region = fd->handle->region;
	pos = fz_offset(region, arg[1]);
	len = arg[2] % (FZ_DATA + 1);
	if (!fd->handle->read) {
		FZ_EXPECT(pread(fd->fd, fz_back, 1, pos) < 0 ? -errno : 0,
			  -EBADF, "read without the right");
		return;
	}
	if (pos >= region->size)
		FZ_EXPECT(pread(fd->fd, fz_back, len, pos), 0,
			  "read behind the end");
	else
		fz_compare(fd, pos, len < region->size - pos ?
			   len : region->size - pos);
}

/* 0 descriptor, 1 offset, 2 length, 3 mode */
void fz_op_fallocate(const uint32_t *arg)
{
	static const int modes[] = {
		0, FALLOC_FL_KEEP_SIZE,
		FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE,
	};
	struct fz_fd *fd = fz_fd_of(arg[0]);
	int mode = modes[arg[3] % 5], want = 0;
	struct fz_region *region;
	uint64_t pos, len;
	bool punch;

	if (!fd)
		return;
	region = fd->handle->region;
	pos = fz_offset(region, arg[1]);
	len = fz_size(arg[2]);
	punch = mode & FALLOC_FL_PUNCH_HOLE;
	if (!len)
		want = -EINVAL;
	else if (mode & FALLOC_FL_ZERO_RANGE)
		want = fd->handle->write ? -EOPNOTSUPP : -EBADF;
	else if (!fd->handle->write)
		want = -EBADF;
	else if (punch && (region->flags & VMSHM_NO_PUNCH))
		want = -EPERM;
	else if (punch && (region->seals & (VMSHM_SEAL_WRITE |
					    VMSHM_SEAL_FUTURE_WRITE)))
		want = -EPERM;
	else if (!punch && pos + len > region->size)
		want = -EFBIG;
	FZ_EXPECT(fallocate(fd->fd, mode, pos, len) ? -errno : 0, want,
		  "fallocate %d at %llu of %llu", mode, (unsigned long long)pos,
		  (unsigned long long)len);
	if (want || !punch)
		return;
	fz_zero(region, pos, pos + len);
	if (pos < region->size)
		fz_wrote(region, pos, pos + len < region->size ? len :
			 region->size - pos);
}

/* All of a region: 0 descriptor */
void fz_op_check(const uint32_t *arg)
{
	struct fz_fd *fd = fz_fd_of(arg[0]);
	uint64_t pos, len;

	if (!fd || !fd->handle->read)
		return;
	for (pos = 0; pos < fd->handle->region->size; pos += len) {
		len = fd->handle->region->size - pos;
		if (len > FZ_DATA)
			len = FZ_DATA;
		fz_compare(fd, pos, len);
	}
}
