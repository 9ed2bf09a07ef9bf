// SPDX-License-Identifier: GPL-2.0
/*
 * A read-only handle stays read-only, for its owner and for root, whatever is
 * tried. Both ways to get one have to hold: VMSHM_IOC_READONLY, and
 * VMSHM_IOC_OPEN with VMSHM_OPEN_RDONLY.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/xattr.h>

#include "lib/harness.h"
#include "lib/vmshm_mem.h"

#define SIZE	(4 * VT_PAGE)
#define MAX	(8 * VT_PAGE)

FIXTURE(readonly) {
	int dev;
	int rw;
	int fd;
	char path[64];
};

FIXTURE_VARIANT(readonly) {
	bool open;
	__u32 flags;
};

FIXTURE_VARIANT_ADD(readonly, made) {
};

FIXTURE_VARIANT_ADD(readonly, opened) {
	.open = true,
};

FIXTURE_VARIANT_ADD(readonly, pinnable) {
	.flags = VMSHM_PINNABLE,
};

FIXTURE_SETUP(readonly)
{
	char name[VMSHM_NAME_MAX + 1];

	self->dev = vt_device();
	ASSERT_LE(0, self->dev);
	self->rw = vt_create(self->dev, vt_name(name, "readonly"), SIZE, MAX,
			     VMSHM_EPHEMERAL | variant->flags, 0666);
	ASSERT_LE(0, self->rw);
	ASSERT_EQ(5, pwrite(self->rw, "hello", 5, 0));
	self->fd = variant->open ?
		vt_open(self->dev, name, VMSHM_OPEN_RDONLY) :
		vt_readonly(self->rw);
	ASSERT_LE(0, self->fd);
	snprintf(self->path, sizeof(self->path), "/proc/self/fd/%d", self->fd);
}

/* Whatever was tried in the test. */
FIXTURE_TEARDOWN(readonly)
{
	struct vmshm_stat st;
	char buf[6] = "";

	EXPECT_EQ(5, pread(self->rw, buf, 5, 0));
	EXPECT_STREQ("hello", buf);
	EXPECT_TRUE(vt_file_filled(self->rw, 5, 0, SIZE - 5));
	EXPECT_EQ(SIZE, (__u64)vt_size(self->rw));
	ASSERT_EQ(0, vt_stat(self->rw, &st));
	EXPECT_EQ(VT_PAGE, st.out_allocated);
	EXPECT_EQ(0666, st.out_mode);
	EXPECT_EQ(0, st.out_uid);
	EXPECT_EQ(0, st.out_seals);
	close(self->fd);
	close(self->rw);
	close(self->dev);
}

TEST_F(readonly, reads)
{
	struct vmshm_stat st;
	char buf[6] = "";
	char *map;

	EXPECT_EQ(O_RDONLY, fcntl(self->fd, F_GETFL) & O_ACCMODE);
	EXPECT_EQ(SIZE, (__u64)vt_size(self->fd));
	EXPECT_EQ(SIZE, (__u64)lseek(self->fd, 0, SEEK_END));
	EXPECT_EQ(0, lseek(self->fd, 0, SEEK_DATA));
	EXPECT_EQ(5, pread(self->fd, buf, 5, 0));
	EXPECT_STREQ("hello", buf);
	EXPECT_EQ(0, vt_stat(self->fd, &st));
	EXPECT_EQ(SIZE, st.out_region_size);
	EXPECT_EQ(2, st.out_opens);
	EXPECT_EQ(0, vt_seal(self->fd, 0));

	/* It shows what is written elsewhere, and grows along. */
	map = vt_map(self->fd, MAX, PROT_READ, 0);
	ASSERT_NE(NULL, map);
	EXPECT_EQ('h', vt_peek(map));
	ASSERT_EQ(1, pwrite(self->rw, "J", 1, 0));
	EXPECT_EQ('J', vt_peek(map));
	ASSERT_EQ(1, pwrite(self->rw, "h", 1, 0));
	EXPECT_EQ(-SIGBUS, vt_peek(map + SIZE));
	ASSERT_EQ(0, munmap(map, MAX));
}

TEST_F(readonly, outlives_the_other)
{
	char buf[6] = "";
	int fd, path;

	fd = vt_readonly(self->fd);
	ASSERT_LE(0, fd);
	path = vt_reopen(fd, O_PATH);
	ASSERT_LE(0, path);
	close(self->rw);
	close(self->fd);
	close(fd);
	self->fd = vt_reopen(path, O_RDONLY);
	ASSERT_LE(0, self->fd);
	EXPECT_EQ(5, pread(self->fd, buf, 5, 0));
	EXPECT_STREQ("hello", buf);
	EXPECT_EQ(SIZE, (__u64)vt_size(self->fd));
	/* For the teardown; there is no way back to writing. */
	EXPECT_EQ(-EACCES, vt_reopen(path, O_RDWR));
	self->rw = vt_reopen(path, O_RDONLY);
}

TEST_F(readonly, write)
{
	struct iovec iov = { "x", 1 };
	struct io_uring_sqe sqe = {
		.opcode = IORING_OP_WRITE,
		.fd = self->fd,
		.addr = (uintptr_t)"x",
		.len = 1,
	};
	struct vt_ring ring;
	off_t off = 0;
	int p[2];

	EXPECT_EQ(-1, write(self->fd, "x", 1));
	EXPECT_EQ(EBADF, errno);
	EXPECT_EQ(-1, pwrite(self->fd, "x", 1, 0));
	EXPECT_EQ(EBADF, errno);
	EXPECT_EQ(-1, pwritev(self->fd, &iov, 1, 0));
	EXPECT_EQ(EBADF, errno);
	EXPECT_EQ(-1, fallocate(self->fd, 0, 0, SIZE));
	EXPECT_EQ(EBADF, errno);
	EXPECT_EQ(-1, fallocate(self->fd,
				FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
				SIZE));
	EXPECT_EQ(EBADF, errno);
	ASSERT_EQ(0, pipe(p));
	ASSERT_EQ(1, write(p[1], "x", 1));
	EXPECT_EQ(-1, splice(p[0], NULL, self->fd, &off, 1, 0));
	EXPECT_EQ(EBADF, errno);
	EXPECT_EQ(-1, copy_file_range(self->rw, &off, self->fd, &off, 1, 0));

	ASSERT_EQ(0, vt_ring_init(&ring));
	EXPECT_EQ(-EBADF, vt_ring_do(&ring, &sqe));
	sqe = (struct io_uring_sqe) {
		.opcode = IORING_OP_FALLOCATE,
		.fd = self->fd,
		.addr = SIZE,
		.len = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
	};
	EXPECT_EQ(-EBADF, vt_ring_do(&ring, &sqe));
	vt_ring_exit(&ring);
	/* Its way of being opened is not up for change. */
	EXPECT_EQ(0, fcntl(self->fd, F_SETFL, O_RDWR));
	EXPECT_EQ(-1, pwrite(self->fd, "x", 1, 0));
}

TEST_F(readonly, ioctls)
{
	int fd;

	EXPECT_EQ(-EACCES, vt_resize(self->fd, VT_PAGE));
	EXPECT_EQ(-EACCES, vt_resize(self->fd, MAX));
	EXPECT_EQ(-EACCES, vt_resize(self->fd, SIZE));
	EXPECT_EQ(-EACCES, vt_seal(self->fd, VMSHM_SEAL_WRITE));
	EXPECT_EQ(-EACCES, vt_seal(self->fd, VMSHM_SEAL_SEAL));
	/* One made of it is no better. */
	fd = vt_readonly(self->fd);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EACCES, vt_resize(fd, VT_PAGE));
	EXPECT_EQ(-EACCES, vt_reopen(fd, O_RDWR));
}

TEST_F(readonly, truncate)
{
	EXPECT_EQ(-1, ftruncate(self->fd, 0));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, ftruncate(self->fd, MAX));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, truncate(self->path, 0));
	EXPECT_EQ(EACCES, errno);
	EXPECT_EQ(-1, truncate(self->path, MAX));
	EXPECT_EQ(EACCES, errno);
}

TEST_F(readonly, attributes)
{
	struct timespec times[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };

	EXPECT_EQ(-1, fchmod(self->fd, 0600));
	EXPECT_EQ(EPERM, errno);
	EXPECT_EQ(-1, chmod(self->path, 0600));
	EXPECT_EQ(EPERM, errno);
	EXPECT_EQ(-1, fchown(self->fd, VT_ALICE, 0));
	EXPECT_EQ(EPERM, errno);
	EXPECT_EQ(-1, chown(self->path, VT_ALICE, 0));
	EXPECT_EQ(EPERM, errno);
	EXPECT_EQ(-1, futimens(self->fd, times));
	EXPECT_EQ(EPERM, errno);
	EXPECT_EQ(-1, futimens(self->fd, NULL));
	EXPECT_GE(EPERM, errno);
	EXPECT_EQ(-1, utimensat(AT_FDCWD, self->path, times, 0));
	EXPECT_EQ(EPERM, errno);
	EXPECT_EQ(-1, fsetxattr(self->fd, "user.x", "1", 1, 0));
}

static void try_reopen(int fd)
{
	static const int refused[] = {
		O_RDWR, O_WRONLY, O_RDWR | O_SYNC | O_CREAT, O_ACCMODE,
		O_RDONLY | O_TRUNC, O_RDWR | O_TRUNC, O_RDWR | O_APPEND,
	};
	int new, path, again;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(refused); i++)
		VT_CHECK(vt_reopen(fd, refused[i]) == -EACCES);
	new = vt_reopen(fd, O_RDONLY);
	VT_CHECK(new >= 0);
	VT_CHECK(vt_file_filled(new, 0, 'h', 1));
	path = vt_reopen(fd, O_PATH);
	VT_CHECK(path >= 0);
	/* Neither of these is a step towards more. */
	for (i = 0; i < ARRAY_SIZE(refused); i++) {
		VT_CHECK(vt_reopen(new, refused[i]) == -EACCES);
		VT_CHECK(vt_reopen(path, refused[i]) == -EACCES);
	}
	again = vt_reopen(path, O_RDONLY);
	VT_CHECK(again >= 0);
	VT_CHECK(pwrite(again, "x", 1, 0) == -1 && errno == EBADF);
	VT_CHECK(!vt_map(again, SIZE, PROT_READ | PROT_WRITE, 0));
	_exit(0);
}

/* By root, who is the owner; by an owner; by one whom the mode allows. */
TEST_F(readonly, reopen)
{
	static const struct {
		uid_t owner, user;
	} cases[] = {
		{ 0, 0 },
		{ VT_ALICE, 0 },
		{ VT_ALICE, VT_ALICE },
		{ 0, VT_ALICE },
	};
	struct vt_child child;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		ASSERT_EQ(0, fchown(self->rw, cases[i].owner, 0));
		ASSERT_LE(0, vt_fork(&child));
		if (!child.pid) {
			if (cases[i].user)
				VT_CHECK(vt_become(cases[i].user) == 0);
			try_reopen(self->fd);
		}
		EXPECT_EQ(0, vt_wait(&child)) {
			TH_LOG("case %u", i);
		}
	}
	ASSERT_EQ(0, fchown(self->rw, 0, 0));
}

/* The mode is the region's, also for reading. */
TEST_F(readonly, reopen_denied)
{
	struct vt_child child;

	ASSERT_EQ(0, fchmod(self->rw, 0600));
	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		VT_CHECK(vt_become(VT_ALICE) == 0);
		VT_CHECK(vt_reopen(self->fd, O_RDONLY) == -EACCES);
		VT_CHECK(vt_reopen(self->fd, O_RDWR) == -EACCES);
		_exit(0);
	}
	EXPECT_EQ(0, vt_wait(&child));
	ASSERT_EQ(0, fchmod(self->rw, 0666));
}

TEST_F(readonly, passed_on)
{
	struct vt_child child;
	int i;

	/* To another user, and to root. */
	for (i = 0; i < 2; i++) {
		ASSERT_LE(0, vt_fork(&child));
		if (!child.pid) {
			int fd;

			close(self->rw);
			close(self->fd);
			if (i)
				VT_CHECK(vt_become(VT_BOB) == 0);
			fd = vt_recv_fd(child.sock);
			VT_CHECK(fd >= 0);
			VT_CHECK(!vt_map(fd, SIZE, PROT_WRITE, 0));
			VT_CHECK(vt_resize(fd, 0) == -EACCES);
			VT_CHECK(ftruncate(fd, 0) == -1);
			VT_CHECK(pwrite(fd, "x", 1, 0) == -1);
			try_reopen(fd);
		}
		ASSERT_EQ(0, vt_send_fd(child.sock, self->fd));
		EXPECT_EQ(0, vt_wait(&child));
	}
}

TEST_F(readonly, shared_mapping)
{
	struct iovec local, remote;
	char *map, *moved;
	char c = 'x';
	int mem;

	EXPECT_EQ(NULL, vt_map(self->fd, SIZE, PROT_READ | PROT_WRITE, 0));
	EXPECT_EQ(EACCES, errno);
	EXPECT_EQ(NULL, vt_map(self->fd, SIZE, PROT_WRITE, 0));
	EXPECT_EQ(EACCES, errno);

	map = vt_map(self->fd, SIZE, PROT_READ, 0);
	ASSERT_NE(NULL, map);
	EXPECT_EQ('h', vt_peek(map));
	EXPECT_EQ(-SIGSEGV, vt_poke(map, 'x'));
	EXPECT_EQ(-1, mprotect(map, SIZE, PROT_READ | PROT_WRITE));
	EXPECT_EQ(EACCES, errno);
	EXPECT_EQ(-1, mprotect(map, VT_PAGE, PROT_WRITE));
	EXPECT_EQ(EACCES, errno);
	EXPECT_EQ(-1, madvise(map, SIZE, MADV_REMOVE));
	EXPECT_EQ(EACCES, errno);
	EXPECT_NE(0, madvise(map, SIZE, MADV_POPULATE_WRITE));
	/* Giving up what is mapped here takes nothing away. */
	EXPECT_EQ(0, madvise(map, SIZE, MADV_DONTNEED));
	EXPECT_EQ('h', vt_peek(map));

	/* As a debugger would write, who may write to what is private. */
	mem = open("/proc/self/mem", O_RDWR);
	ASSERT_LE(0, mem);
	EXPECT_EQ(-1, pwrite(mem, &c, 1, (uintptr_t)map));
	EXPECT_EQ(1, pread(mem, &c, 1, (uintptr_t)map));
	EXPECT_EQ('h', c);
	local = (struct iovec){ &c, 1 };
	remote = (struct iovec){ map, 1 };
	EXPECT_EQ(-1, process_vm_writev(getpid(), &local, 1, &remote, 1, 0));

	/* Neither a moved nor a remapped mapping can do more. */
	moved = mremap(map, SIZE, 2 * SIZE, MREMAP_MAYMOVE);
	ASSERT_NE(MAP_FAILED, moved);
	EXPECT_EQ(-1, mprotect(moved, SIZE, PROT_READ | PROT_WRITE));
	EXPECT_EQ(EACCES, errno);
	syscall(SYS_remap_file_pages, moved, SIZE, 0, 0, 0);
	EXPECT_EQ(-1, mprotect(moved, SIZE, PROT_READ | PROT_WRITE));
	EXPECT_EQ(-SIGSEGV, vt_poke(moved, 'x'));
	munmap(moved, 2 * SIZE);
}

/* Nor can a process write that inherits it, or its guest. */
TEST_F(readonly, shared_mapping_of_a_child)
{
	char *map = vt_map(self->fd, SIZE, PROT_READ, 0);
	struct vt_child child;

	ASSERT_NE(NULL, map);
	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		VT_CHECK(vt_peek(map) == 'h');
		VT_CHECK(mprotect(map, SIZE, PROT_READ | PROT_WRITE) == -1);
		VT_CHECK(vt_poke(map, 'x') == -SIGSEGV);
		_exit(0);
	}
	EXPECT_EQ(0, vt_wait(&child));
	munmap(map, SIZE);
}

/* A buffer that the kernel is to write to. */
TEST_F(readonly, as_a_buffer)
{
	char *map = vt_map(self->fd, SIZE, PROT_READ, 0);
	struct vt_ring ring;
	int zero;

	ASSERT_NE(NULL, map);
	zero = open("/dev/zero", O_RDONLY);
	ASSERT_LE(0, zero);
	EXPECT_EQ(-1, read(zero, map, 16));
	EXPECT_EQ(EFAULT, errno);
	ASSERT_EQ(0, vt_ring_init(&ring));
	EXPECT_NE(0, vt_ring_register(&ring, map, VT_PAGE));
	vt_ring_exit(&ring);
	munmap(map, SIZE);
}

/* What is written there is the process's own. */
TEST_F(readonly, private_mapping)
{
	char *map;

	map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, self->fd, 0);
	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ('h', vt_peek(map));
	EXPECT_EQ(0, vt_poke(map, 'x'));
	EXPECT_EQ('x', vt_peek(map));
	EXPECT_EQ(-1, madvise(map, SIZE, MADV_REMOVE));
	EXPECT_EQ(0, madvise(map, SIZE, MADV_DONTNEED));
	EXPECT_EQ('h', vt_peek(map));
	EXPECT_EQ(0, mprotect(map, SIZE, PROT_READ));
	EXPECT_EQ(0, mprotect(map, SIZE, PROT_READ | PROT_WRITE));
	EXPECT_EQ(0, vt_poke(map, 'y'));
	munmap(map, SIZE);
}

/* Which pages are in memory tells what others read and write. */
TEST_F(readonly, mincore)
{
	unsigned char in_memory[3] = { 0 };
	struct vt_child child;
	char name[VMSHM_NAME_MAX + 1];
	void *map;
	int fd, ro;

	fd = vt_create(self->dev, vt_name(name, "mincore"), 3 * VT_PAGE, 0,
		       VMSHM_EPHEMERAL, 0600);
	ASSERT_LE(0, fd);
	ASSERT_EQ(1, pwrite(fd, "x", 1, VT_PAGE));
	ro = vt_readonly(fd);
	ASSERT_LE(0, ro);
	if (!vt_fork(&child)) {
		VT_CHECK(!vt_become(VT_BOB));
		map = mmap(NULL, 3 * VT_PAGE, PROT_READ, MAP_SHARED, ro, 0);
		VT_CHECK(map != MAP_FAILED);
		VT_CHECK(!mincore(map, 3 * VT_PAGE, in_memory));
		VT_CHECK(in_memory[0] == in_memory[1]);
		_exit(0);
	}
	EXPECT_EQ(0, vt_wait(&child));
	/* A size can be changed by who has a handle that writes, whoever it is. */
	if (!vt_fork(&child)) {
		VT_CHECK(!vt_become(VT_BOB));
		VT_CHECK(!vt_resize(fd, VT_PAGE));
		_exit(0);
	}
	EXPECT_EQ(0, vt_wait(&child));
	close(ro);
	close(fd);
}

TEST_HARNESS_MAIN
