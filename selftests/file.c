// SPDX-License-Identifier: GPL-2.0
/*
 * A region is a regular file: what stat, lseek, read and write say and do, that
 * nothing but truncation moves the size, and what such a file refuses.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/xattr.h>

#include "lib/harness.h"
#include "lib/vmshm_mem.h"

#ifndef RWF_APPEND
#define RWF_APPEND	0x00000010
#endif
#ifndef AT_HANDLE_FID
#define AT_HANDLE_FID	AT_REMOVEDIR
#endif
/* Of Linux 6.9; EINVAL before. */
#define OP_FTRUNCATE	55

/* Known to the VFS, though only XFS has it in a header for programs. */
struct space_resv {
	__s16 l_type;
	__s16 l_whence;
	__s64 l_start;
	__s64 l_len;
	__s32 l_sysid;
	__u32 l_pid;
	__s32 l_pad[4];
};

#define FS_IOC_RESVSP64	_IOW('X', 42, struct space_resv)

#define SIZE		(16 * VT_PAGE)
#define MAX_SIZE	(32 * VT_PAGE)
#define UID		1111
#define GID		2222

FIXTURE(file) {
	int dev;
	int fd;
	char name[VMSHM_NAME_MAX + 1];
};

FIXTURE_SETUP(file)
{
	self->dev = vt_device();
	ASSERT_LE(0, self->dev);
	self->fd = vt_create(self->dev, vt_name(self->name, "file"), SIZE,
			     MAX_SIZE, VMSHM_EPHEMERAL, 0640);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(file)
{
	close(self->fd);
	close(self->dev);
}

TEST_F(file, stat)
{
	struct vmshm_stat vs;
	struct stat st;

	ASSERT_EQ(0, fstat(self->fd, &st));
	EXPECT_TRUE(S_ISREG(st.st_mode));
	EXPECT_EQ(0640, st.st_mode & 07777);
	EXPECT_EQ(getuid(), st.st_uid);
	EXPECT_EQ(getgid(), st.st_gid);
	EXPECT_EQ(SIZE, (__u64)st.st_size);
	EXPECT_EQ(VT_PAGE, (__u64)st.st_blksize);
	EXPECT_EQ(1, st.st_nlink);
	EXPECT_EQ(0, st.st_blocks);
	EXPECT_NE(0, st.st_ino);
	ASSERT_EQ(0, vt_stat(self->fd, &vs));
	EXPECT_EQ(vs.out_ino, st.st_ino);

	ASSERT_EQ(1, pwrite(self->fd, "x", 1, 0));
	ASSERT_EQ(1, pwrite(self->fd, "x", 1, SIZE - 1));
	ASSERT_EQ(0, vt_resize(self->fd, SIZE + 1));
	ASSERT_EQ(0, fchown(self->fd, UID, GID));
	ASSERT_EQ(0, fchmod(self->fd, 0604));
	ASSERT_EQ(0, vt_unlink(self->dev, self->name));
	ASSERT_EQ(0, fstat(self->fd, &st));
	EXPECT_EQ(2 * VT_PAGE / 512, (__u64)st.st_blocks);
	EXPECT_EQ(SIZE + 1, (__u64)st.st_size);
	EXPECT_EQ(VT_PAGE, (__u64)st.st_blksize);
	EXPECT_EQ(UID, st.st_uid);
	EXPECT_EQ(GID, st.st_gid);
	EXPECT_EQ(0604, st.st_mode & 07777);
	EXPECT_EQ(0, st.st_nlink);
	ASSERT_EQ(0, vt_stat(self->fd, &vs));
	EXPECT_EQ(2 * VT_PAGE, vs.out_allocated);
	EXPECT_EQ(2 * VT_PAGE, vs.out_resident);
	EXPECT_EQ(UID, vs.out_uid);
	EXPECT_EQ(GID, vs.out_gid);
	EXPECT_EQ(0604, vs.out_mode);
}

/* A huge page is no reason for another block size. */
TEST_F(file, blksize_of_huge)
{
	struct stat st;
	int fd;

	fd = vt_region_huge(self->dev, "huge", VT_HUGE, 0, 0, VMSHM_HUGE_ALWAYS);
	ASSERT_LE(0, fd);
	ASSERT_EQ(1, pwrite(fd, "x", 1, 0));
	ASSERT_EQ(0, fstat(fd, &st));
	EXPECT_EQ(VT_PAGE, (__u64)st.st_blksize);
	EXPECT_EQ(VT_HUGE / 512, (__u64)st.st_blocks);
}

/* Programs tell memory apart by device and inode. */
TEST_F(file, unique_inode)
{
	struct stat st, other;
	__u64 ino;
	int fd;

	ASSERT_EQ(0, fstat(self->fd, &st));
	ino = st.st_ino;
	fd = vt_open(self->dev, self->name, 0);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, fstat(fd, &other));
	EXPECT_EQ(ino, other.st_ino);
	EXPECT_EQ(st.st_dev, other.st_dev);
	close(fd);
	fd = vt_readonly(self->fd);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, fstat(fd, &other));
	EXPECT_EQ(ino, other.st_ino);
	EXPECT_EQ(st.st_dev, other.st_dev);
	EXPECT_EQ(SIZE, (__u64)other.st_size);
	EXPECT_EQ(st.st_mode, other.st_mode);
	close(fd);

	fd = vt_region(self->dev, "other", SIZE, 0, 0);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, fstat(fd, &other));
	EXPECT_NE(ino, other.st_ino);
	EXPECT_EQ(st.st_dev, other.st_dev);
	close(fd);

	ASSERT_EQ(0, vt_unlink(self->dev, self->name));
	fd = vt_create(self->dev, self->name, SIZE, 0, VMSHM_EPHEMERAL, 0600);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, fstat(fd, &other));
	EXPECT_NE(ino, other.st_ino);
	close(fd);
}

TEST_F(file, statfs)
{
	struct statfs fs;

	ASSERT_EQ(0, fstatfs(self->fd, &fs));
	EXPECT_EQ(VMSHM_SUPER_MAGIC, fs.f_type);
	EXPECT_EQ(VT_PAGE, (__u64)fs.f_bsize);
}

TEST_F(file, seek)
{
	int again, copy;

	EXPECT_EQ(SIZE, (__u64)lseek(self->fd, 0, SEEK_END));
	EXPECT_EQ(SIZE - 5, (__u64)lseek(self->fd, -5, SEEK_END));
	EXPECT_EQ(SIZE - 4, (__u64)lseek(self->fd, 1, SEEK_CUR));
	EXPECT_EQ(3, lseek(self->fd, 3, SEEK_SET));
	EXPECT_EQ(SIZE + 7, (__u64)lseek(self->fd, 7, SEEK_END));
	EXPECT_EQ(-1, lseek(self->fd, -1, SEEK_SET));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, lseek(self->fd, 0, 99));
	EXPECT_EQ(EINVAL, errno);

	/* The position belongs to the open file. */
	copy = dup(self->fd);
	ASSERT_LE(0, copy);
	again = vt_reopen(self->fd, O_RDWR);
	ASSERT_LE(0, again);
	EXPECT_EQ(100, lseek(copy, 100, SEEK_SET));
	EXPECT_EQ(100, lseek(self->fd, 0, SEEK_CUR));
	EXPECT_EQ(0, lseek(again, 0, SEEK_CUR));

	ASSERT_EQ(0, vt_resize(self->fd, 2 * VT_PAGE - 1));
	EXPECT_EQ(2 * VT_PAGE - 1, (__u64)lseek(again, 0, SEEK_END));
	EXPECT_EQ(2 * VT_PAGE - 1, (__u64)vt_size(self->fd));
}

TEST_F(file, seek_data_and_hole)
{
	int again;

	EXPECT_EQ(-1, lseek(self->fd, 0, SEEK_DATA));
	EXPECT_EQ(ENXIO, errno);
	EXPECT_EQ(0, lseek(self->fd, 0, SEEK_HOLE));

	ASSERT_EQ(1, pwrite(self->fd, "x", 1, 2 * VT_PAGE + 5));
	ASSERT_EQ(1, pwrite(self->fd, "x", 1, 3 * VT_PAGE));
	ASSERT_EQ(1, pwrite(self->fd, "x", 1, SIZE - 1));
	EXPECT_EQ(2 * VT_PAGE, (__u64)lseek(self->fd, 0, SEEK_DATA));
	/* That is where reading goes on. */
	EXPECT_EQ(2 * VT_PAGE, (__u64)lseek(self->fd, 0, SEEK_CUR));
	EXPECT_EQ(4 * VT_PAGE,
		  (__u64)lseek(self->fd, 2 * VT_PAGE + 9, SEEK_HOLE));
	EXPECT_EQ(SIZE - VT_PAGE,
		  (__u64)lseek(self->fd, 4 * VT_PAGE, SEEK_DATA));
	EXPECT_EQ(SIZE, (__u64)lseek(self->fd, SIZE - 1, SEEK_HOLE));
	EXPECT_EQ(-1, lseek(self->fd, SIZE, SEEK_DATA));
	EXPECT_EQ(ENXIO, errno);
	EXPECT_EQ(-1, lseek(self->fd, SIZE, SEEK_HOLE));
	EXPECT_EQ(ENXIO, errno);

	/* A failure moves nothing, and nobody else's position is moved. */
	EXPECT_EQ(SIZE, (__u64)lseek(self->fd, 0, SEEK_CUR));
	again = vt_reopen(self->fd, O_RDONLY);
	ASSERT_LE(0, again);
	EXPECT_EQ(0, lseek(again, 0, SEEK_CUR));

	ASSERT_EQ(0, fallocate(self->fd,
			       FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			       2 * VT_PAGE, VT_PAGE));
	EXPECT_EQ(3 * VT_PAGE, (__u64)lseek(self->fd, 0, SEEK_DATA));
	ASSERT_EQ(0, vt_resize(self->fd, 0));
	EXPECT_EQ(-1, lseek(self->fd, 0, SEEK_DATA));
	EXPECT_EQ(ENXIO, errno);
}

/* More than what is charged in one step, at odd offsets, in odd pieces. */
TEST_F(file, read_and_write)
{
	const size_t size = 3 * VT_MIB + 123, at = 777;
	unsigned char *out, *in;
	struct iovec iov[3];
	size_t i;
	int fd;

	out = malloc(size);
	in = malloc(size);
	ASSERT_NE(NULL, out);
	ASSERT_NE(NULL, in);
	for (i = 0; i < size; i++)
		out[i] = i * 31 + (i >> 12);
	fd = vt_region(self->dev, "big", size + at + 10, 0, 0);
	ASSERT_LE(0, fd);

	EXPECT_EQ(size, (size_t)pwrite(fd, out, size, at));
	EXPECT_EQ(size, (size_t)pread(fd, in, size, at));
	EXPECT_EQ(0, memcmp(out, in, size));
	EXPECT_TRUE(vt_file_filled(fd, 0, 0, at));
	EXPECT_TRUE(vt_file_filled(fd, at + size, 0, 10));

	iov[0] = (struct iovec){ out + 5, 1 };
	iov[1] = (struct iovec){ out, VT_MIB + 1 };
	iov[2] = (struct iovec){ out + 9, VT_MIB };
	EXPECT_EQ(2 * VT_MIB + 2, (size_t)pwritev(fd, iov, 3, 4095));
	memset(in, 0, size);
	iov[0].iov_base = in;
	iov[0].iov_len = 3;
	iov[1].iov_base = in + 3;
	iov[1].iov_len = 2 * VT_MIB - 1;
	EXPECT_EQ(2 * VT_MIB + 2, (size_t)preadv(fd, iov, 2, 4095));
	EXPECT_EQ(out[5], in[0]);
	EXPECT_EQ(0, memcmp(out, in + 1, VT_MIB + 1));
	EXPECT_EQ(0, memcmp(out + 9, in + VT_MIB + 2, VT_MIB));

	/* The same through a position. */
	EXPECT_EQ(11, lseek(fd, 11, SEEK_SET));
	EXPECT_EQ(5, write(fd, "hello", 5));
	EXPECT_EQ(16, lseek(fd, 0, SEEK_CUR));
	EXPECT_EQ(11, lseek(fd, 11, SEEK_SET));
	EXPECT_EQ(5, read(fd, in, 5));
	EXPECT_EQ(0, memcmp(in, "hello", 5));
	EXPECT_EQ(16, lseek(fd, 0, SEEK_CUR));
	free(in);
	free(out);
}

TEST_F(file, read_at_the_end)
{
	char buf[64];
	void *nowhere;

	nowhere = mmap(NULL, VT_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
		       -1, 0);
	ASSERT_NE(MAP_FAILED, nowhere);
	memset(buf, 1, sizeof(buf));
	EXPECT_EQ(10, pread(self->fd, buf, sizeof(buf), SIZE - 10));
	EXPECT_TRUE(vt_filled(buf, 0, 10));
	EXPECT_TRUE(vt_filled(buf + 10, 1, sizeof(buf) - 10));
	EXPECT_EQ(0, pread(self->fd, buf, sizeof(buf), SIZE));
	EXPECT_EQ(0, pread(self->fd, buf, sizeof(buf), MAX_SIZE + 1));
	EXPECT_EQ(-1, pread(self->fd, nowhere, 1, 0));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, pwrite(self->fd, nowhere, 1, 0));
	EXPECT_EQ(EFAULT, errno);
}

/* The size is where writing ends, however it is asked for. */
TEST_F(file, write_at_the_end)
{
	struct iovec iov = { "abcdef", 6 };
	char buf[8] = "";
	int fd;

	EXPECT_EQ(4, pwrite(self->fd, "abcdef", 6, SIZE - 4));
	EXPECT_EQ(4, pread(self->fd, buf, sizeof(buf), SIZE - 4));
	EXPECT_EQ(0, memcmp(buf, "abcd", 4));
	EXPECT_EQ(-1, pwrite(self->fd, "x", 1, SIZE));
	EXPECT_EQ(EFBIG, errno);
	EXPECT_EQ(-1, pwrite(self->fd, "x", 1, MAX_SIZE));
	EXPECT_EQ(EFBIG, errno);
	EXPECT_EQ(0, pwrite(self->fd, "x", 0, SIZE));

	EXPECT_EQ(SIZE - 2, (__u64)lseek(self->fd, -2, SEEK_END));
	EXPECT_EQ(2, write(self->fd, "xyz", 3));
	EXPECT_EQ(SIZE, (__u64)lseek(self->fd, 0, SEEK_CUR));
	EXPECT_EQ(-1, write(self->fd, "x", 1));
	EXPECT_EQ(EFBIG, errno);

	/* Appending means beyond the end. */
	fd = vt_reopen(self->fd, O_RDWR | O_APPEND);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-1, write(fd, "x", 1));
	EXPECT_EQ(EFBIG, errno);
	EXPECT_EQ(-1, pwrite(fd, "x", 1, 0));
	EXPECT_EQ(EFBIG, errno);
	EXPECT_EQ(-1, pwritev2(self->fd, &iov, 1, 0, RWF_APPEND));
	EXPECT_EQ(EFBIG, errno);
	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, O_APPEND));
	EXPECT_EQ(0, lseek(self->fd, 0, SEEK_SET));
	EXPECT_EQ(-1, write(self->fd, "x", 1));
	EXPECT_EQ(EFBIG, errno);
	EXPECT_EQ(SIZE, (__u64)vt_size(self->fd));
	EXPECT_EQ(1, pread(self->fd, buf, 1, 0));
	EXPECT_EQ(0, buf[0]);

	/* Nor does it help that the last page goes on. */
	ASSERT_EQ(0, vt_resize(self->fd, SIZE - 100));
	EXPECT_EQ(-1, pwrite(fd, "x", 1, 0));
	EXPECT_EQ(EFBIG, errno);
	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, 0));
	EXPECT_EQ(1, pwrite(self->fd, "xyz", 3, SIZE - 101));
	EXPECT_EQ(SIZE - 100, (__u64)vt_size(self->fd));
}

TEST_F(file, fallocate)
{
	static const int unknown[] = {
		FALLOC_FL_COLLAPSE_RANGE,
		FALLOC_FL_ZERO_RANGE,
		FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE,
		FALLOC_FL_INSERT_RANGE,
		FALLOC_FL_UNSHARE_RANGE,
	};
	struct space_resv resv = { .l_whence = SEEK_SET, .l_start = SIZE };
	struct vmshm_stat st;
	unsigned int i;

	ASSERT_EQ(3, pwrite(self->fd, "abc", 3, VT_PAGE));
	EXPECT_EQ(0, fallocate(self->fd, 0, 0, 2 * VT_PAGE));
	EXPECT_EQ(0, fallocate(self->fd, FALLOC_FL_KEEP_SIZE, SIZE - 1, 1));
	ASSERT_EQ(0, vt_stat(self->fd, &st));
	EXPECT_EQ(3 * VT_PAGE, st.out_allocated);
	EXPECT_TRUE(vt_file_filled(self->fd, VT_PAGE + 3, 0, VT_PAGE - 3));

	for (i = 0; i < 2; i++) {
		int mode = i ? FALLOC_FL_KEEP_SIZE : 0;

		EXPECT_EQ(-1, fallocate(self->fd, mode, 0, SIZE + 1));
		EXPECT_EQ(EFBIG, errno);
		EXPECT_EQ(-1, fallocate(self->fd, mode, SIZE, 1));
		EXPECT_EQ(EFBIG, errno);
		EXPECT_EQ(-1, fallocate(self->fd, mode, INT64_MAX - 1, 2));
		EXPECT_EQ(EFBIG, errno);
	}
	EXPECT_EQ(-1, fallocate(self->fd, 0, 0, 0));
	EXPECT_EQ(EINVAL, errno);
	for (i = 0; i < ARRAY_SIZE(unknown); i++) {
		EXPECT_EQ(-1, fallocate(self->fd, unknown[i], 0, VT_PAGE)) {
			TH_LOG("mode %#x", unknown[i]);
		}
		EXPECT_EQ(EOPNOTSUPP, errno);
	}
	/* The older way to say the same. */
	resv.l_len = 1;
	EXPECT_EQ(-EFBIG, vt_ioctl(self->fd, FS_IOC_RESVSP64, &resv));

	EXPECT_EQ(SIZE, (__u64)vt_size(self->fd));
	ASSERT_EQ(0, vt_stat(self->fd, &st));
	EXPECT_EQ(3 * VT_PAGE, st.out_allocated);
	EXPECT_TRUE(vt_file_filled(self->fd, 0, 0, VT_PAGE));
}

TEST_F(file, splice)
{
	char buf[16] = "";
	loff_t off;
	int p[2];

	ASSERT_EQ(0, pipe(p));
	ASSERT_EQ(8, write(p[1], "ABCDEFGH", 8));
	off = 100;
	EXPECT_EQ(4, splice(p[0], NULL, self->fd, &off, 4, 0));
	EXPECT_EQ(104, off);
	/* What does not fit stays in the pipe. */
	off = SIZE - 2;
	EXPECT_EQ(2, splice(p[0], NULL, self->fd, &off, 4, 0));
	EXPECT_EQ(SIZE, (__u64)off);
	EXPECT_EQ(-1, splice(p[0], NULL, self->fd, &off, 2, 0));
	EXPECT_EQ(EFBIG, errno);
	EXPECT_EQ(2, read(p[0], buf, sizeof(buf)));
	EXPECT_EQ(0, memcmp(buf, "GH", 2));
	EXPECT_EQ(SIZE, (__u64)vt_size(self->fd));
	EXPECT_EQ(4, pread(self->fd, buf, 4, 100));
	EXPECT_EQ(0, memcmp(buf, "ABCD", 4));
	EXPECT_EQ(2, pread(self->fd, buf, 4, SIZE - 2));
	EXPECT_EQ(0, memcmp(buf, "EF", 2));

	/* And out of it. */
	off = 101;
	EXPECT_EQ(3, splice(self->fd, &off, p[1], NULL, 3, 0));
	EXPECT_EQ(3, read(p[0], buf, sizeof(buf)));
	EXPECT_EQ(0, memcmp(buf, "BCD", 3));
	off = SIZE - 2;
	EXPECT_EQ(2, splice(self->fd, &off, p[1], NULL, VT_PAGE, 0));
	EXPECT_EQ(2, read(p[0], buf, sizeof(buf)));
	off = SIZE;
	EXPECT_EQ(0, splice(self->fd, &off, p[1], NULL, VT_PAGE, 0));
}

TEST_F(file, sendfile)
{
	char buf[16] = "";
	off_t off = 0;
	int fd;

	fd = vt_memfd(64);
	ASSERT_LE(0, fd);
	ASSERT_EQ(8, pwrite(fd, "ABCDEFGH", 8, 0));
	ASSERT_EQ(SIZE - 3, (__u64)lseek(self->fd, -3, SEEK_END));
	EXPECT_EQ(3, sendfile(self->fd, fd, &off, 8));
	EXPECT_EQ(-1, sendfile(self->fd, fd, &off, 8));
	EXPECT_EQ(EFBIG, errno);
	EXPECT_EQ(SIZE, (__u64)vt_size(self->fd));
	EXPECT_EQ(3, pread(self->fd, buf, sizeof(buf), SIZE - 3));
	EXPECT_EQ(0, memcmp(buf, "ABC", 3));

	off = SIZE - 2;
	EXPECT_EQ(0, lseek(fd, 0, SEEK_SET));
	EXPECT_EQ(2, sendfile(fd, self->fd, &off, 100));
	EXPECT_EQ(3, pread(fd, buf, 3, 0));
	EXPECT_EQ(0, memcmp(buf, "BCC", 3));
}

/* Whether it can be done at all depends on the kernel; the size does not. */
TEST_F(file, copy_file_range)
{
	off_t from, to;
	ssize_t ret;
	int other;

	other = vt_region(self->dev, "other", SIZE, MAX_SIZE, 0);
	ASSERT_LE(0, other);
	ASSERT_EQ(8, pwrite(other, "ABCDEFGH", 8, 0));

	from = 0;
	to = SIZE - 3;
	ret = copy_file_range(other, &from, self->fd, &to, 8, 0);
	if (ret >= 0) {
		char buf[8];

		EXPECT_EQ(3, ret);
		EXPECT_EQ(3, pread(self->fd, buf, sizeof(buf), SIZE - 3));
		EXPECT_EQ(0, memcmp(buf, "ABC", 3));
	} else {
		EXPECT_TRUE(errno == EXDEV || errno == EOPNOTSUPP ||
			    errno == EINVAL);
		EXPECT_TRUE(vt_file_filled(self->fd, SIZE - 3, 0, 3));
	}
	from = 0;
	to = SIZE;
	EXPECT_EQ(-1, copy_file_range(other, &from, self->fd, &to, 8, 0));
	EXPECT_EQ(SIZE, (__u64)vt_size(self->fd));
	EXPECT_EQ(SIZE, (__u64)vt_size(other));
	EXPECT_EQ(-1, ioctl(self->fd, FICLONE, other));
	EXPECT_EQ(SIZE, (__u64)vt_size(self->fd));
}

TEST_F(file, io_uring)
{
	char buf[16] = "";
	struct iovec iov = { .iov_base = "ABCDEFGH", .iov_len = 8 };
	struct vt_ring ring;
	struct io_uring_sqe sqe = {
		.opcode = IORING_OP_WRITE,
		.fd = self->fd,
		.addr = (uintptr_t)iov.iov_base,
		.len = 8,
		.off = SIZE - 4,
	};

	ASSERT_EQ(0, vt_ring_init(&ring));
	EXPECT_EQ(4, vt_ring_do(&ring, &sqe));
	sqe.off = SIZE;
	EXPECT_EQ(-EFBIG, vt_ring_do(&ring, &sqe));
	/* From the position on. */
	ASSERT_EQ(SIZE, (__u64)lseek(self->fd, 0, SEEK_END));
	sqe.off = -1;
	EXPECT_EQ(-EFBIG, vt_ring_do(&ring, &sqe));
	sqe.off = 0;
	sqe.rw_flags = RWF_APPEND;
	EXPECT_EQ(-EFBIG, vt_ring_do(&ring, &sqe));

	sqe.opcode = IORING_OP_WRITEV;
	sqe.addr = (uintptr_t)&iov;
	sqe.len = 1;
	EXPECT_EQ(-EFBIG, vt_ring_do(&ring, &sqe));
	sqe.rw_flags = 0;
	/* Not by the thread that submits it. */
	sqe.flags = IOSQE_ASYNC;
	sqe.off = SIZE - 6;
	EXPECT_EQ(6, vt_ring_do(&ring, &sqe));
	EXPECT_EQ(SIZE, (__u64)vt_size(self->fd));

	sqe = (struct io_uring_sqe) {
		.opcode = IORING_OP_READ,
		.fd = self->fd,
		.addr = (uintptr_t)buf,
		.len = sizeof(buf),
		.off = SIZE - 6,
	};
	EXPECT_EQ(6, vt_ring_do(&ring, &sqe));
	EXPECT_EQ(0, memcmp(buf, "ABCDEF", 6));

	sqe = (struct io_uring_sqe) {
		.opcode = IORING_OP_FALLOCATE,
		.fd = self->fd,
		.off = SIZE,
		.addr = VT_PAGE,	/* the length */
	};
	EXPECT_EQ(-EFBIG, vt_ring_do(&ring, &sqe));
	sqe.len = FALLOC_FL_KEEP_SIZE;	/* the mode */
	EXPECT_EQ(-EFBIG, vt_ring_do(&ring, &sqe));
	EXPECT_EQ(SIZE, (__u64)vt_size(self->fd));

	/* Truncation may, where there is such an operation, by its rules. */
	sqe = (struct io_uring_sqe) {
		.opcode = OP_FTRUNCATE,
		.fd = self->fd,
		.off = MAX_SIZE + 1,
	};
	if (vt_ring_do(&ring, &sqe) != -EINVAL) {
		EXPECT_EQ(-EFBIG, vt_ring_do(&ring, &sqe));
		EXPECT_EQ(SIZE, (__u64)vt_size(self->fd));
		sqe.off = MAX_SIZE;
		EXPECT_EQ(0, vt_ring_do(&ring, &sqe));
		EXPECT_EQ(MAX_SIZE, (__u64)vt_size(self->fd));
	}
	vt_ring_exit(&ring);
}

/* ivshmem clients take O_NONBLOCK away from whatever they get. */
TEST_F(file, setfl)
{
	int flags;

	flags = fcntl(self->fd, F_GETFL);
	EXPECT_EQ(O_RDWR, flags & O_ACCMODE);
	EXPECT_EQ(0, fcntl(self->fd, F_SETFL, flags | O_NONBLOCK));
	EXPECT_NE(0, fcntl(self->fd, F_GETFL) & O_NONBLOCK);
	EXPECT_EQ(0, fcntl(self->fd, F_SETFL, flags & ~O_NONBLOCK));
	EXPECT_EQ(flags, fcntl(self->fd, F_GETFL));
	EXPECT_EQ(FD_CLOEXEC, fcntl(self->fd, F_GETFD));
	EXPECT_EQ(-1, fcntl(self->fd, F_SETFL, flags | O_DIRECT));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-EINVAL, vt_reopen(self->fd, O_RDWR | O_DIRECT));
	/* The way it was opened cannot be changed like this. */
	EXPECT_EQ(0, fcntl(self->fd, F_SETFL, O_RDONLY));
	EXPECT_EQ(1, pwrite(self->fd, "x", 1, 0));
}

TEST_F(file, sync)
{
	void *map;

	ASSERT_EQ(1, pwrite(self->fd, "x", 1, 0));
	EXPECT_EQ(0, fsync(self->fd));
	EXPECT_EQ(0, fdatasync(self->fd));
	EXPECT_EQ(0, syncfs(self->fd));
	map = vt_map(self->fd, SIZE, PROT_READ | PROT_WRITE, 0);
	ASSERT_NE(NULL, map);
	EXPECT_EQ(0, vt_poke(map, 'y'));
	EXPECT_EQ(0, msync(map, SIZE, MS_SYNC));
	EXPECT_EQ(0, msync(map, SIZE, MS_ASYNC));
	EXPECT_EQ(0, msync(map, SIZE, MS_INVALIDATE));
	EXPECT_EQ('y', vt_peek(map));
}

/* It would promise that a store survives a power failure. */
TEST_F(file, map_sync)
{
	EXPECT_EQ(MAP_FAILED, mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
				   MAP_SHARED_VALIDATE | MAP_SYNC, self->fd, 0));
	EXPECT_EQ(EOPNOTSUPP, errno);
	EXPECT_NE(MAP_FAILED, mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
				   MAP_SHARED_VALIDATE, self->fd, 0));
}

/* No name but the registry's. */
TEST_F(file, linkat)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", self->fd);
	EXPECT_EQ(-1, linkat(self->fd, "", AT_FDCWD, "/tmp/vmshm-link",
			     AT_EMPTY_PATH));
	EXPECT_EQ(EXDEV, errno);
	EXPECT_EQ(-1, linkat(AT_FDCWD, path, AT_FDCWD, "/tmp/vmshm-link",
			     AT_SYMLINK_FOLLOW));
	EXPECT_EQ(EXDEV, errno);
	EXPECT_EQ(-1, linkat(AT_FDCWD, path, self->fd, "x", AT_SYMLINK_FOLLOW));
	EXPECT_EQ(ENOTDIR, errno);
	ASSERT_EQ(0, fstat(self->fd, &st));
	EXPECT_EQ(1, st.st_nlink);
}

/* A file handle would be a way around the registry's permissions. */
TEST_F(file, file_handle)
{
	struct {
		struct file_handle head;
		unsigned char bytes[MAX_HANDLE_SZ];
	} h = { .head.handle_bytes = MAX_HANDLE_SZ };
	int mount_id, ret;

	EXPECT_EQ(-1, name_to_handle_at(self->fd, "", &h.head, &mount_id,
					AT_EMPTY_PATH));
	EXPECT_EQ(EOPNOTSUPP, errno);
	/* Newer kernels give one that is good for comparing, not for opening. */
	ret = name_to_handle_at(self->fd, "", &h.head, &mount_id,
				AT_EMPTY_PATH | AT_HANDLE_FID);
	if (!ret) {
		EXPECT_GT(0, open_by_handle_at(self->fd, &h.head, O_RDWR));
	} else {
		EXPECT_TRUE(errno == EINVAL || errno == EOPNOTSUPP);
	}
}

TEST_F(file, leases)
{
	int fd = vt_reopen(self->fd, O_RDONLY);

	ASSERT_LE(0, fd);
	EXPECT_EQ(-1, fcntl(self->fd, F_SETLEASE, F_WRLCK));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, fcntl(fd, F_SETLEASE, F_RDLCK));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(F_UNLCK, fcntl(fd, F_GETLEASE));
}

TEST_F(file, ioctls_of_file_systems)
{
	static const unsigned long refused[] = {
		FS_IOC_GETFLAGS, FS_IOC_SETFLAGS, FS_IOC_FSGETXATTR,
		FS_IOC_FSSETXATTR, FS_IOC_GETVERSION, FS_IOC_SETVERSION,
		FS_IOC_GETFSLABEL, BLKGETSIZE64, FITRIM,
	};
	__u8 arg[256] = { 0 };
	unsigned int i;
	int n;

	for (i = 0; i < ARRAY_SIZE(refused); i++) {
		EXPECT_EQ(-ENOTTY, vt_ioctl(self->fd, refused[i], arg)) {
			TH_LOG("command %#lx", refused[i]);
		}
	}
	EXPECT_EQ(-EINVAL, vt_ioctl(self->fd, FIBMAP, arg));

	EXPECT_EQ(0, vt_ioctl(self->fd, FIGETBSZ, &n));
	EXPECT_EQ(VT_PAGE, (unsigned int)n);
	ASSERT_EQ(100, lseek(self->fd, 100, SEEK_SET));
	EXPECT_EQ(0, vt_ioctl(self->fd, FIONREAD, &n));
	EXPECT_EQ(SIZE - 100, (unsigned int)n);
}

TEST_F(file, xattrs)
{
	static const char * const names[] = {
		"user.x", "trusted.x", "system.x", "security.x",
	};
	/* user::rw-, group::r--, other::---: what the mode says as well */
	static const __u16 acl[] = {
		2, 0,
		0x01, 6, 0xffff, 0xffff,
		0x04, 4, 0xffff, 0xffff,
		0x20, 0, 0xffff, 0xffff,
	};
	char buf[64];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		EXPECT_EQ(-1, fsetxattr(self->fd, names[i], "1", 1, 0)) {
			TH_LOG("%s", names[i]);
		}
		EXPECT_EQ(EOPNOTSUPP, errno);
		EXPECT_EQ(-1, fgetxattr(self->fd, names[i], buf, sizeof(buf)));
		EXPECT_EQ(-1, fremovexattr(self->fd, names[i]));
	}
	EXPECT_EQ(-1, fsetxattr(self->fd, "system.posix_acl_access", acl,
				sizeof(acl), 0));
	EXPECT_EQ(EOPNOTSUPP, errno);
	EXPECT_EQ(0, flistxattr(self->fd, buf, sizeof(buf)));
}

TEST_F(file, locks)
{
	struct flock lock = { .l_type = F_WRLCK, .l_start = 0, .l_len = 10 };
	int other = vt_open(self->dev, self->name, 0);

	ASSERT_LE(0, other);
	EXPECT_EQ(0, flock(self->fd, LOCK_EX));
	EXPECT_EQ(-1, flock(other, LOCK_EX | LOCK_NB));
	EXPECT_EQ(EWOULDBLOCK, errno);
	EXPECT_EQ(0, flock(self->fd, LOCK_UN));
	EXPECT_EQ(0, flock(other, LOCK_EX | LOCK_NB));

	EXPECT_EQ(0, fcntl(self->fd, F_OFD_SETLK, &lock));
	EXPECT_EQ(-1, fcntl(other, F_OFD_SETLK, &lock));
	EXPECT_EQ(EAGAIN, errno);
	lock.l_start = 10;
	EXPECT_EQ(0, fcntl(other, F_OFD_SETLK, &lock));
	/* A lock says nothing about the memory. */
	EXPECT_EQ(1, pwrite(other, "x", 1, 0));
}

/* Sealing is an ioctl of ours; fcntl() would have to know the file system. */
TEST_F(file, fcntl_seals)
{
	EXPECT_EQ(-1, fcntl(self->fd, F_GET_SEALS));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, fcntl(self->fd, F_ADD_SEALS, F_SEAL_GROW));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(0, vt_resize(self->fd, MAX_SIZE));
}

TEST_F(file, chmod_and_utimens)
{
	struct timespec times[2] = { { .tv_sec = 1000 }, { .tv_sec = 2000 } };
	struct stat st;

	EXPECT_EQ(0, fchmod(self->fd, 0666));
	EXPECT_EQ(0, fchmod(self->fd, 0));
	EXPECT_EQ(0, fchmod(self->fd, 0600));
	/* Nothing that runs, no other user's rights. */
	EXPECT_EQ(-1, fchmod(self->fd, 0700));
	EXPECT_EQ(EPERM, errno);
	EXPECT_EQ(-1, fchmod(self->fd, 0601));
	EXPECT_EQ(EPERM, errno);
	EXPECT_EQ(-1, fchmod(self->fd, 04600));
	EXPECT_EQ(EPERM, errno);
	EXPECT_EQ(-1, fchmod(self->fd, 02660));
	EXPECT_EQ(EPERM, errno);
	EXPECT_EQ(0, futimens(self->fd, times));
	ASSERT_EQ(1, pwrite(self->fd, "x", 1, 0));
	ASSERT_EQ(0, fstat(self->fd, &st));
	EXPECT_EQ(0600, st.st_mode & 07777);
	EXPECT_EQ(1000, st.st_atim.tv_sec);
	EXPECT_EQ(2000, st.st_mtim.tv_sec);
}

TEST_F(file, exec)
{
	static const char script[] = "#!/bin/true\n";
	char * const argv[] = { "x", NULL };
	int fd;

	ASSERT_LT(0, pwrite(self->fd, script, sizeof(script), 0));
	EXPECT_EQ(-1, syscall(SYS_execveat, self->fd, "", argv, environ,
			      AT_EMPTY_PATH));
	EXPECT_EQ(EACCES, errno);
	fd = vt_reopen(self->fd, O_RDONLY);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-1, syscall(SYS_execveat, fd, "", argv, environ,
			      AT_EMPTY_PATH));
	EXPECT_EQ(EACCES, errno);
}

TEST_F(file, fdinfo)
{
	char path[64], buf[1024], line[VMSHM_NAME_MAX + 32];
	struct vmshm_stat st;
	int readonly;

	ASSERT_EQ(0, vt_stat(self->fd, &st));
	ASSERT_EQ(0, vt_seal(self->fd, VMSHM_SEAL_GROW));
	readonly = vt_readonly(self->fd);
	ASSERT_LE(0, readonly);
	ASSERT_NE(NULL, vt_map(self->fd, VT_PAGE, PROT_READ, 0));
	ASSERT_EQ(7, lseek(self->fd, 7, SEEK_SET));

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", self->fd);
	ASSERT_LT(0, vt_read_file(path, buf, sizeof(buf)));
	snprintf(line, sizeof(line), "\nvmshm-name:\t%s\n", self->name);
	EXPECT_NE(NULL, strstr(buf, line));
	EXPECT_EQ(7, vt_fdinfo(self->fd, "pos"));
	EXPECT_EQ(st.out_ino, (__u64)vt_fdinfo(self->fd, "ino"));
	EXPECT_EQ(st.out_generation,
		  (__u64)vt_fdinfo(self->fd, "vmshm-generation"));
	EXPECT_EQ(SIZE, (__u64)vt_fdinfo(self->fd, "vmshm-size"));
	EXPECT_EQ(MAX_SIZE, (__u64)vt_fdinfo(self->fd, "vmshm-max-size"));
	EXPECT_EQ(VMSHM_EPHEMERAL, vt_fdinfo(self->fd, "vmshm-flags"));
	EXPECT_EQ(VMSHM_SEAL_GROW, vt_fdinfo(self->fd, "vmshm-seals"));
	EXPECT_EQ(0, vt_fdinfo(self->fd, "vmshm-readonly"));
	EXPECT_EQ(1, vt_fdinfo(readonly, "vmshm-readonly"));
	EXPECT_EQ(2, vt_fdinfo(self->fd, "vmshm-opens"));
	EXPECT_EQ(1, vt_fdinfo(self->fd, "vmshm-maps"));
}

/* People look at /proc first. */
TEST_F(file, name_in_proc)
{
	char path[64], link[512], name[VMSHM_NAME_MAX + 1], want[512], line[1024];
	bool found = false;
	ssize_t len;
	void *map;
	FILE *f;
	int fd;

	/* As long as a name can be. */
	len = snprintf(name, sizeof(name), "test-%d/", getpid());
	memset(name + len, 'n', VMSHM_NAME_MAX - len);
	name[VMSHM_NAME_MAX] = '\0';
	fd = vt_create(self->dev, name, SIZE, 0, VMSHM_EPHEMERAL, 0600);
	ASSERT_LE(0, fd);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	len = readlink(path, link, sizeof(link) - 1);
	ASSERT_LT(0, len);
	link[len] = '\0';
	snprintf(want, sizeof(want), "vmshm:%s", name);
	EXPECT_STREQ(want, link);

	map = vt_map(fd, SIZE, PROT_READ, 0);
	ASSERT_NE(NULL, map);
	f = fopen("/proc/self/maps", "re");
	ASSERT_NE(NULL, f);
	while (fgets(line, sizeof(line), f))
		if (strstr(line, want))
			found = true;
	fclose(f);
	EXPECT_TRUE(found);
}

TEST_HARNESS_MAIN
