// SPDX-License-Identifier: GPL-2.0
/*
 * Mappings of a region: every kind, at every page, and what can be done with
 * the memory once it is mapped. Whatever a VMM relies on with memfd must hold
 * with a region; the variants are those that use other code in the kernel.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <linux/loop.h>
#include <linux/mempolicy.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "lib/harness.h"
#include "lib/vmshm_mem.h"

#define PAGES		12
#define SIZE		(PAGES * VT_PAGE)
#define MAX_SIZE	(2 * VT_HUGE)
#define RW		(PROT_READ | PROT_WRITE)

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE	0x100000
#endif

FIXTURE(mmap) {
	int dev;
	int fd;
};

FIXTURE_VARIANT(mmap) {
	__u32 flags;
	__u32 huge;
};

FIXTURE_VARIANT_ADD(mmap, base) {
	.huge = VMSHM_HUGE_NEVER,
};

FIXTURE_VARIANT_ADD(mmap, huge) {
	.huge = VMSHM_HUGE_ALWAYS,
};

FIXTURE_VARIANT_ADD(mmap, pinnable) {
	.flags = VMSHM_PINNABLE,
	.huge = VMSHM_HUGE_NEVER,
};

FIXTURE_SETUP(mmap)
{
	unsigned char page[VT_PAGE];
	int i;

	self->dev = vt_device();
	ASSERT_LE(0, self->dev);
	self->fd = vt_region_huge(self->dev, "mmap", SIZE, MAX_SIZE,
				  variant->flags, variant->huge);
	ASSERT_LE(0, self->fd);
	for (i = 0; i < PAGES; i++) {
		memset(page, i + 1, sizeof(page));
		ASSERT_EQ(VT_PAGE, (size_t)pwrite(self->fd, page, sizeof(page),
						  i * VT_PAGE));
	}
}

FIXTURE_TEARDOWN(mmap)
{
	close(self->fd);
	close(self->dev);
}

/* Mappings that the region knows of; PINNABLE ones are not counted. */
static int maps(int fd)
{
	struct vmshm_stat st;

	if (vt_stat(fd, &st))
		return -1;
	return st.out_flags & VMSHM_PINNABLE ? -2 : (int)st.out_maps;
}

#define EXPECT_MAPS(n)							\
	do {								\
		int _maps = maps(self->fd);				\
									\
		if (_maps != -2)					\
			EXPECT_EQ(n, _maps);				\
	} while (0)

/* Pages @first to @first + @n - 1 of the region as they were at first. */
static bool original(const char *map, int first, int n)
{
	int i;

	for (i = 0; i < n; i++)
		if (!vt_filled(map + i * VT_PAGE, first + i + 1, VT_PAGE))
			return false;
	return true;
}

TEST_F(mmap, shared)
{
	char *a, *b;
	char c;

	a = vt_map(self->fd, SIZE, RW, 0);
	ASSERT_NE(NULL, a);
	b = vt_map(self->fd, SIZE, PROT_READ, 0);
	ASSERT_NE(NULL, b);
	EXPECT_MAPS(2);
	EXPECT_TRUE(original(a, 0, PAGES));
	EXPECT_TRUE(original(b, 0, PAGES));
	EXPECT_EQ(0, vt_poke(a + VT_PAGE, 'a'));
	EXPECT_EQ('a', vt_peek(b + VT_PAGE));
	EXPECT_EQ(1, pread(self->fd, &c, 1, VT_PAGE));
	EXPECT_EQ('a', c);
	EXPECT_EQ(1, pwrite(self->fd, "b", 1, SIZE - 1));
	EXPECT_EQ('b', vt_peek(a + SIZE - 1));
	EXPECT_EQ('b', vt_peek(b + SIZE - 1));
	EXPECT_EQ(-SIGSEGV, vt_poke(b, 1));
	ASSERT_EQ(0, munmap(a, SIZE));
	EXPECT_MAPS(1);
	EXPECT_EQ('a', vt_peek(b + VT_PAGE));
	ASSERT_EQ(0, munmap(b, SIZE));
	EXPECT_MAPS(0);
}

TEST_F(mmap, private)
{
	char *a, *b;

	a = mmap(NULL, SIZE, RW, MAP_PRIVATE, self->fd, 0);
	ASSERT_NE(MAP_FAILED, a);
	b = vt_map(self->fd, SIZE, RW, 0);
	ASSERT_NE(NULL, b);
	EXPECT_EQ(0, vt_poke(a, 'p'));
	EXPECT_EQ(1, vt_peek(b));
	EXPECT_EQ(0, vt_poke(b, 's'));
	EXPECT_EQ('p', vt_peek(a));
	/* Pages not written yet are the region's. */
	EXPECT_EQ(0, vt_poke(b + VT_PAGE, 's'));
	EXPECT_EQ('s', vt_peek(a + VT_PAGE));
	EXPECT_TRUE(original(a + 2 * VT_PAGE, 2, PAGES - 2));
	EXPECT_MAPS(2);
}

TEST_F(mmap, any_offset_and_length)
{
	int first, n;

	for (first = 0; first < PAGES; first++) {
		for (n = 1; n <= PAGES - first; n++) {
			char *map = vt_map(self->fd, n * VT_PAGE, RW,
					   first * VT_PAGE);

			ASSERT_NE(NULL, map);
			ASSERT_TRUE(original(map, first, n)) {
				TH_LOG("%d pages from page %d", n, first);
			}
			ASSERT_EQ(0, munmap(map, n * VT_PAGE));
		}
	}
	EXPECT_MAPS(0);
	/* Whatever the length: the page counts. */
	EXPECT_NE(NULL, vt_map(self->fd, 1, PROT_READ, VT_PAGE));
	/* As for any file, a length of 0 or an offset within a page does not. */
	EXPECT_EQ(NULL, vt_map(self->fd, 0, PROT_READ, 0));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(NULL, vt_map(self->fd, VT_PAGE, PROT_READ, 1));
	EXPECT_EQ(EINVAL, errno);
}

/* All of guest memory is reserved first, and regions are put into it. */
TEST_F(mmap, fixed)
{
	char *all, *map;

	all = mmap(NULL, 3 * SIZE, PROT_NONE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ASSERT_NE(MAP_FAILED, all);
	map = mmap(all + SIZE, SIZE, RW, MAP_SHARED | MAP_FIXED | MAP_NORESERVE,
		   self->fd, 0);
	ASSERT_EQ(all + SIZE, map);
	EXPECT_TRUE(original(map, 0, PAGES));
	EXPECT_EQ(-SIGSEGV, vt_peek(map - 1));
	EXPECT_EQ(-SIGSEGV, vt_peek(map + SIZE));
	/* Over a part of itself, from elsewhere in the region. */
	ASSERT_EQ(map + 3 * VT_PAGE,
		  mmap(map + 3 * VT_PAGE, 2 * VT_PAGE, RW,
		       MAP_SHARED | MAP_FIXED, self->fd, 9 * VT_PAGE));
	EXPECT_MAPS(3);
	EXPECT_TRUE(original(map, 0, 3));
	EXPECT_TRUE(original(map + 3 * VT_PAGE, 9, 2));
	EXPECT_TRUE(original(map + 5 * VT_PAGE, 5, PAGES - 5));
	EXPECT_EQ(MAP_FAILED, mmap(map, VT_PAGE, RW,
				   MAP_SHARED | MAP_FIXED_NOREPLACE, self->fd, 0));
	EXPECT_EQ(EEXIST, errno);
	ASSERT_EQ(0, munmap(all, 3 * SIZE));
	EXPECT_MAPS(0);
}

TEST_F(mmap, populate)
{
	static const int flags[] = {
		MAP_SHARED | MAP_POPULATE,
		MAP_PRIVATE | MAP_POPULATE,
		MAP_SHARED | MAP_POPULATE | MAP_NONBLOCK,
		MAP_SHARED | MAP_LOCKED,
	};
	struct vmshm_stat st;
	unsigned int i;

	ASSERT_EQ(0, vt_resize(self->fd, 2 * SIZE));
	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		char *map = mmap(NULL, 2 * SIZE, RW, flags[i], self->fd, 0);

		ASSERT_NE(MAP_FAILED, map);
		EXPECT_TRUE(original(map, 0, PAGES));
		EXPECT_TRUE(vt_filled(map + SIZE, 0, SIZE));
		if (!(flags[i] & MAP_NONBLOCK)) {
			EXPECT_EQ(2 * SIZE, (size_t)vt_smaps(map, "Rss"));
		}
		ASSERT_EQ(0, munmap(map, 2 * SIZE));
	}
	ASSERT_EQ(0, vt_stat(self->fd, &st));
	EXPECT_LE(2 * SIZE, st.out_allocated);
}

/* Beyond the end there is SIGBUS, and nothing else, until the region grows. */
TEST_F(mmap, beyond_the_end)
{
	char *map, *far;

	ASSERT_EQ(0, vt_resize(self->fd, SIZE - 100));
	map = vt_map(self->fd, SIZE + 4 * VT_PAGE, RW, 0);
	ASSERT_NE(NULL, map);
	far = vt_map(self->fd, VT_PAGE, RW, 100 * VT_PAGE);
	ASSERT_NE(NULL, far);
	EXPECT_EQ(PAGES, vt_peek(map + SIZE - 101));
	/* The rest of the last page is there, and zero. */
	EXPECT_TRUE(vt_filled(map + SIZE - 100, 0, 100));
	EXPECT_EQ(-SIGBUS, vt_peek(map + SIZE));
	EXPECT_EQ(-SIGBUS, vt_poke(map + SIZE, 1));
	EXPECT_EQ(-SIGBUS, vt_poke(map + SIZE + 4 * VT_PAGE - 1, 1));
	EXPECT_EQ(-SIGBUS, vt_peek(far));
	EXPECT_EQ(-1, madvise(map, SIZE + VT_PAGE, MADV_POPULATE_WRITE));
	EXPECT_EQ(EFAULT, errno);
	/* A system call is told, not killed. */
	EXPECT_EQ(-1, pwrite(self->fd, map + SIZE, 1, 0));
	EXPECT_EQ(EFAULT, errno);

	ASSERT_EQ(0, vt_resize(self->fd, SIZE + 1));
	EXPECT_EQ(0, vt_poke(map + SIZE, 7));
	EXPECT_TRUE(vt_file_filled(self->fd, SIZE, 7, 1));
	EXPECT_EQ(-SIGBUS, vt_peek(map + SIZE + VT_PAGE));
	ASSERT_EQ(0, vt_resize(self->fd, 101 * VT_PAGE));
	EXPECT_EQ(0, vt_poke(map + SIZE + VT_PAGE, 8));
	EXPECT_EQ(0, vt_poke(far, 9));
	EXPECT_TRUE(vt_file_filled(self->fd, 100 * VT_PAGE, 9, 1));
}

TEST_F(mmap, empty_region)
{
	char *map;
	int fd;

	fd = vt_region_huge(self->dev, "empty", 0, MAX_SIZE, variant->flags,
			    variant->huge);
	ASSERT_LE(0, fd);
	map = vt_map(fd, SIZE, RW, 0);
	ASSERT_NE(NULL, map);
	EXPECT_EQ(-SIGBUS, vt_peek(map));
	EXPECT_EQ(0, ftruncate(fd, VT_PAGE));
	EXPECT_EQ(0, vt_poke(map, 1));
	EXPECT_EQ(-SIGBUS, vt_peek(map + VT_PAGE));
}

/* One mapping becomes many, and as many go. */
TEST_F(mmap, in_pieces)
{
	char *map = vt_map(self->fd, SIZE, RW, 0);
	int i;

	ASSERT_NE(NULL, map);
	ASSERT_EQ(0, munmap(map + 2 * VT_PAGE, VT_PAGE));
	EXPECT_MAPS(2);
	ASSERT_EQ(0, mprotect(map + 5 * VT_PAGE, VT_PAGE, PROT_READ));
	EXPECT_MAPS(4);
	ASSERT_EQ(0, mprotect(map + 8 * VT_PAGE, VT_PAGE, PROT_NONE));
	EXPECT_MAPS(6);
	EXPECT_TRUE(original(map, 0, 2));
	EXPECT_TRUE(original(map + 3 * VT_PAGE, 3, 5));
	EXPECT_TRUE(original(map + 9 * VT_PAGE, 9, 3));
	EXPECT_EQ(-SIGSEGV, vt_peek(map + 2 * VT_PAGE));
	EXPECT_EQ(-SIGSEGV, vt_poke(map + 5 * VT_PAGE, 1));
	EXPECT_EQ(-SIGSEGV, vt_peek(map + 8 * VT_PAGE));
	ASSERT_EQ(0, mprotect(map + 3 * VT_PAGE, SIZE - 3 * VT_PAGE, RW));
	EXPECT_EQ(0, vt_poke(map + 5 * VT_PAGE, 1));
	EXPECT_EQ(0, vt_poke(map + 8 * VT_PAGE, 1));
	for (i = 0; i < PAGES; i++)
		ASSERT_EQ(0, munmap(map + i * VT_PAGE, VT_PAGE));
	EXPECT_MAPS(0);
}

TEST_F(mmap, mremap)
{
	char *map, *moved, *old, *hole;

	hole = mmap(NULL, 4 * SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		    0);
	ASSERT_NE(MAP_FAILED, hole);
	ASSERT_EQ(hole, mmap(hole, 4 * VT_PAGE, RW, MAP_SHARED | MAP_FIXED,
			     self->fd, VT_PAGE));
	map = hole;
	/* Into what is free behind it. */
	ASSERT_EQ(0, munmap(hole + 4 * VT_PAGE, 4 * SIZE - 4 * VT_PAGE));
	ASSERT_EQ(map, mremap(map, 4 * VT_PAGE, 8 * VT_PAGE, 0));
	EXPECT_TRUE(original(map, 1, 8));
	EXPECT_MAPS(1);
	ASSERT_EQ(map, mremap(map, 8 * VT_PAGE, 2 * VT_PAGE, 0));
	EXPECT_TRUE(original(map, 1, 2));
	EXPECT_EQ(-SIGSEGV, vt_peek(map + 2 * VT_PAGE));
	EXPECT_MAPS(1);

	/* Elsewhere. */
	EXPECT_EQ(0, vt_poke(map, 'm'));
	moved = hole + 2 * SIZE;
	ASSERT_EQ(moved, mremap(map, 2 * VT_PAGE, 3 * VT_PAGE,
				MREMAP_MAYMOVE | MREMAP_FIXED, moved));
	EXPECT_EQ('m', vt_peek(moved));
	EXPECT_TRUE(original(moved + VT_PAGE, 2, 2));
	EXPECT_EQ(-SIGSEGV, vt_peek(map));
	EXPECT_MAPS(1);

	/* The old place keeps the mapping, too. */
	old = moved;
	moved = mremap(old, 3 * VT_PAGE, 3 * VT_PAGE,
		       MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);
	ASSERT_NE(MAP_FAILED, moved);
	ASSERT_NE(old, moved);
	EXPECT_MAPS(2);
	EXPECT_EQ('m', vt_peek(moved));
	EXPECT_EQ('m', vt_peek(old));
	EXPECT_EQ(0, vt_poke(old, 'n'));
	EXPECT_EQ('n', vt_peek(moved));

	/* Another mapping of the same, without the descriptor. */
	map = mremap(old, 0, 2 * VT_PAGE, MREMAP_MAYMOVE);
	ASSERT_NE(MAP_FAILED, map);
	EXPECT_MAPS(3);
	EXPECT_EQ('n', vt_peek(map));
	ASSERT_EQ(0, munmap(map, 2 * VT_PAGE));
	ASSERT_EQ(0, munmap(old, 3 * VT_PAGE));
	ASSERT_EQ(0, munmap(moved, 3 * VT_PAGE));
	EXPECT_MAPS(0);
}

/* Far enough that the kernel asks the file for a place, or aligns for it. */
TEST_F(mmap, mremap_of_huge_size)
{
	char *map, *moved;

	ASSERT_EQ(0, vt_resize(self->fd, MAX_SIZE));
	map = vt_map(self->fd, VT_HUGE, RW, 0);
	ASSERT_NE(NULL, map);
	EXPECT_EQ(0, vt_poke(map + VT_HUGE - 1, 'x'));
	/* So that it cannot grow where it is. */
	mmap(map + VT_HUGE, VT_PAGE, PROT_NONE,
	     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	moved = mremap(map, VT_HUGE, MAX_SIZE, MREMAP_MAYMOVE);
	ASSERT_NE(MAP_FAILED, moved);
	ASSERT_NE(map, moved);
	EXPECT_TRUE(original(moved, 0, PAGES));
	EXPECT_EQ('x', vt_peek(moved + VT_HUGE - 1));
	EXPECT_EQ(0, vt_poke(moved + MAX_SIZE - 1, 'y'));
	EXPECT_TRUE(vt_file_filled(self->fd, MAX_SIZE - 1, 'y', 1));
	EXPECT_MAPS(1);
}

/*
 * It would map the memory behind the region's back: not counted, not charged,
 * not protected against shrinking.
 */
TEST_F(mmap, remap_file_pages)
{
	char *map = vt_map(self->fd, SIZE, RW, 0);
	struct vmshm_stat st;
	int ret;

	ASSERT_NE(NULL, map);
	ret = syscall(SYS_remap_file_pages, map, 2 * VT_PAGE, 0, 4, 0);
	ASSERT_EQ(0, vt_stat(self->fd, &st));
	if (ret) {
		/* The kernel has unmapped it before it asked. */
		EXPECT_EQ(EINVAL, errno);
		EXPECT_EQ(-SIGSEGV, vt_peek(map));
		EXPECT_MAPS(1);
	} else {
		EXPECT_TRUE(original(map, 4, 2));
		EXPECT_MAPS(2);
	}
	EXPECT_TRUE(original(map + 2 * VT_PAGE, 2, PAGES - 2));
}

TEST_F(mmap, fork)
{
	char *map = vt_map(self->fd, SIZE, RW, 0);
	struct vt_child child;

	ASSERT_NE(NULL, map);
	ASSERT_NE(MAP_FAILED, mmap(NULL, SIZE, RW, MAP_PRIVATE, self->fd, 0));
	EXPECT_MAPS(2);
	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		VT_CHECK(original(map, 0, PAGES));
		VT_CHECK(vt_poke(map, 'c') == 0);
		VT_CHECK(vt_tell(child.sock) == 0);
		VT_CHECK(vt_hear(child.sock) == 0);
		VT_CHECK(vt_peek(map) == 'p');
		_exit(0);
	}
	EXPECT_EQ(0, vt_hear(child.sock));
	EXPECT_MAPS(4);
	EXPECT_EQ('c', vt_peek(map));
	EXPECT_EQ(0, vt_poke(map, 'p'));
	EXPECT_EQ(0, vt_tell(child.sock));
	EXPECT_EQ(0, vt_wait(&child));
	EXPECT_MAPS(2);

	ASSERT_EQ(0, madvise(map, SIZE, MADV_DONTFORK));
	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		VT_CHECK(vt_peek(map) == -SIGSEGV);
		VT_CHECK(vt_tell(child.sock) == 0);
		VT_CHECK(vt_hear(child.sock) == 0);
		_exit(0);
	}
	EXPECT_EQ(0, vt_hear(child.sock));
	EXPECT_MAPS(3);
	EXPECT_EQ(128 + SIGKILL, vt_kill(&child));
	EXPECT_MAPS(2);
}

/* All that VMMs and back-ends are known to ask for: granted, or harmless. */
TEST_F(mmap, madvise)
{
	static const struct {
		int advice;
		int error;
	} list[] = {
		{ MADV_NORMAL }, { MADV_RANDOM }, { MADV_SEQUENTIAL },
		{ MADV_WILLNEED }, { MADV_DONTFORK }, { MADV_DOFORK },
		{ MADV_DONTDUMP }, { MADV_DODUMP }, { MADV_MERGEABLE },
		{ MADV_UNMERGEABLE }, { MADV_HUGEPAGE }, { MADV_NOHUGEPAGE },
		{ MADV_COLD }, { MADV_PAGEOUT }, { MADV_POPULATE_READ },
		{ MADV_POPULATE_WRITE }, { MADV_DONTNEED },
		/* For anonymous memory only. */
		{ MADV_FREE, EINVAL }, { MADV_WIPEONFORK, EINVAL },
	};
	char *map = vt_map(self->fd, SIZE, RW, 0);
	char *private;
	unsigned int i;

	ASSERT_NE(NULL, map);
	for (i = 0; i < ARRAY_SIZE(list); i++) {
		EXPECT_EQ(list[i].error ? -1 : 0,
			  madvise(map, SIZE, list[i].advice)) {
			TH_LOG("advice %d", list[i].advice);
		}
		if (list[i].error) {
			EXPECT_EQ(list[i].error, errno);
		}
		/* Whatever it was, the memory is what it was. */
		ASSERT_TRUE(original(map, 0, PAGES)) {
			TH_LOG("advice %d", list[i].advice);
		}
	}
	EXPECT_MAPS(1);

	/* What is private can be given up. */
	private = mmap(NULL, SIZE, RW, MAP_PRIVATE, self->fd, 0);
	ASSERT_NE(MAP_FAILED, private);
	memset(private, 'p', SIZE);
	EXPECT_EQ(0, madvise(private, 2 * VT_PAGE, MADV_DONTNEED));
	EXPECT_TRUE(original(private, 0, 2));
	EXPECT_EQ('p', vt_peek(private + 2 * VT_PAGE));
}

TEST_F(mmap, populate_write)
{
	struct vmshm_stat st;
	char *map;

	ASSERT_EQ(0, vt_resize(self->fd, 2 * SIZE));
	map = vt_map(self->fd, 2 * SIZE, RW, 0);
	ASSERT_NE(NULL, map);
	ASSERT_EQ(0, madvise(map, 2 * SIZE, MADV_POPULATE_WRITE));
	EXPECT_EQ(2 * SIZE, (size_t)vt_smaps(map, "Rss"));
	ASSERT_EQ(0, vt_stat(self->fd, &st));
	EXPECT_LE(2 * SIZE, st.out_allocated);
	EXPECT_TRUE(original(map, 0, PAGES));
	ASSERT_EQ(0, madvise(map, 2 * SIZE, MADV_DONTNEED));
	EXPECT_EQ(0, vt_smaps(map, "Rss"));
	EXPECT_TRUE(original(map, 0, PAGES));
}

static long get_policy(void *addr)
{
	int mode = -1;

	if (syscall(SYS_get_mempolicy, &mode, NULL, 0, addr, MPOL_F_ADDR))
		return -errno;
	return mode;
}

static long set_policy(void *addr, size_t len, int mode)
{
	unsigned long node0 = 1;

	return syscall(SYS_mbind, addr, len, mode, mode ? &node0 : NULL,
		       mode ? 8 * sizeof(node0) : 0,
		       mode ? MPOL_MF_STRICT | MPOL_MF_MOVE : 0) ? -errno : 0;
}

/* The policy is the memory's, not the mapping's. */
TEST_F(mmap, mbind)
{
	char *map = vt_map(self->fd, SIZE, RW, 0);
	struct vt_child child;

	ASSERT_NE(NULL, map);
	EXPECT_EQ(MPOL_DEFAULT, get_policy(map));
	ASSERT_EQ(0, madvise(map, SIZE, MADV_POPULATE_WRITE));
	ASSERT_EQ(0, set_policy(map, 4 * VT_PAGE, MPOL_BIND));
	EXPECT_EQ(MPOL_BIND, get_policy(map));
	EXPECT_EQ(MPOL_BIND, get_policy(map + 3 * VT_PAGE));
	EXPECT_EQ(MPOL_DEFAULT, get_policy(map + 4 * VT_PAGE));

	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		char *other;

		munmap(map, SIZE);
		other = vt_map(self->fd, 6 * VT_PAGE, RW, 2 * VT_PAGE);
		VT_CHECK(other);
		VT_CHECK(get_policy(other) == MPOL_BIND);
		VT_CHECK(get_policy(other + 2 * VT_PAGE) == MPOL_DEFAULT);
		VT_CHECK(set_policy(other + 5 * VT_PAGE, VT_PAGE,
				    MPOL_INTERLEAVE) == 0);
		_exit(0);
	}
	EXPECT_EQ(0, vt_wait(&child));
	EXPECT_EQ(MPOL_INTERLEAVE, get_policy(map + 7 * VT_PAGE));
	EXPECT_EQ(0, set_policy(map, SIZE, MPOL_DEFAULT));
	EXPECT_EQ(MPOL_DEFAULT, get_policy(map));
	EXPECT_TRUE(original(map, 0, PAGES));
}

TEST_F(mmap, process_vm)
{
	char *map = vt_map(self->fd, SIZE, RW, 0);
	struct iovec local, remote = { map, SIZE };
	struct vt_child child;
	char buf[SIZE];

	ASSERT_NE(NULL, map);
	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		vt_hear(child.sock);
		_exit(0);
	}
	munmap(map, SIZE);
	local = (struct iovec){ buf, SIZE };
	EXPECT_EQ(SIZE, (size_t)process_vm_readv(child.pid, &local, 1, &remote,
						 1, 0));
	EXPECT_TRUE(original(buf, 0, PAGES));
	memset(buf, 'v', SIZE);
	EXPECT_EQ(SIZE, (size_t)process_vm_writev(child.pid, &local, 1, &remote,
						  1, 0));
	EXPECT_TRUE(vt_file_filled(self->fd, 0, 'v', SIZE));
	EXPECT_EQ(0, vt_wait(&child));
}

TEST_F(mmap, ptrace)
{
	char *map = vt_map(self->fd, SIZE, RW, 0);
	struct vt_child child;
	int status;
	long word;

	ASSERT_NE(NULL, map);
	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		VT_CHECK(vt_peek(map + VT_PAGE) == 0x5a);
		_exit(0);
	}
	munmap(map, SIZE);
	ASSERT_EQ(child.pid, waitpid(child.pid, &status, 0));
	ASSERT_TRUE(WIFSTOPPED(status));
	word = ptrace(PTRACE_PEEKDATA, child.pid, map + VT_PAGE, 0);
	EXPECT_EQ(0x0202020202020202L, word);
	EXPECT_EQ(0, ptrace(PTRACE_POKEDATA, child.pid, map + VT_PAGE, 0x5a));
	EXPECT_TRUE(vt_file_filled(self->fd, VT_PAGE, 0x5a, 1));
	EXPECT_EQ(0, ptrace(PTRACE_CONT, child.pid, 0, 0));
	EXPECT_EQ(0, vt_wait(&child));
}

TEST_F(mmap, not_executable)
{
	char *map;

	EXPECT_EQ(NULL, vt_map(self->fd, SIZE, PROT_READ | PROT_EXEC, 0));
	EXPECT_EQ(EPERM, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, SIZE, PROT_EXEC, MAP_PRIVATE, self->fd,
				   0));
	EXPECT_EQ(EPERM, errno);
	map = vt_map(self->fd, SIZE, RW, 0);
	ASSERT_NE(NULL, map);
	EXPECT_EQ(-1, mprotect(map, SIZE, PROT_READ | PROT_EXEC));
	EXPECT_EQ(EACCES, errno);
}

TEST_F(mmap, mlock)
{
	struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	char *map = vt_map(self->fd, SIZE, RW, 0);
	char *other;

	ASSERT_NE(NULL, map);
	ASSERT_EQ(0, setrlimit(RLIMIT_MEMLOCK, &unlimited));
	ASSERT_EQ(0, mlock(map, 4 * VT_PAGE));
	EXPECT_EQ(4 * VT_PAGE, (size_t)vt_smaps(map, "Locked"));
	EXPECT_EQ(-1, madvise(map, VT_PAGE, MADV_REMOVE));
	EXPECT_EQ(EINVAL, errno);
	ASSERT_EQ(0, munlock(map, SIZE));
	EXPECT_EQ(0, vt_smaps(map, "Locked"));
	ASSERT_EQ(0, mlock2(map, SIZE, MLOCK_ONFAULT));
	ASSERT_EQ(0, mlockall(MCL_CURRENT | MCL_FUTURE));
	other = vt_map(self->fd, SIZE, RW, 0);
	ASSERT_NE(NULL, other);
	EXPECT_EQ(SIZE, (size_t)vt_smaps(other, "Rss"));
	EXPECT_EQ(0, munlockall());
	EXPECT_TRUE(original(other, 0, PAGES));
}

/* A disk that is a file in memory. */
static int loop_device(int backing)
{
	int control, n, fd;
	struct loop_config config = { .fd = backing };
	char path[32];

	control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	if (control < 0)
		return -errno;
	n = ioctl(control, LOOP_CTL_GET_FREE);
	close(control);
	if (n < 0)
		return -errno;
	snprintf(path, sizeof(path), "/dev/loop%d", n);
	fd = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	config.info.lo_flags = LO_FLAGS_AUTOCLEAR;
	if (ioctl(fd, LOOP_CONFIGURE, &config)) {
		int err = errno;

		close(fd);
		return -err;
	}
	return fd;
}

/* The guest's memory is where its disks read to and write from. */
TEST_F(mmap, direct_io)
{
	char *map = vt_map(self->fd, SIZE, RW, 0);
	struct io_uring_sqe sqe;
	struct vt_ring ring;
	int backing, disk;

	ASSERT_NE(NULL, map);
	if (access("/dev/loop-control", F_OK))
		ASSERT_EQ(0, system("modprobe loop max_loop=1"));
	backing = vt_memfd(4 * SIZE);
	ASSERT_LE(0, backing);
	disk = loop_device(backing);
	ASSERT_LE(0, disk);

	ASSERT_EQ(SIZE, (size_t)pwrite(disk, map, SIZE, SIZE));
	EXPECT_TRUE(vt_file_filled(backing, SIZE + VT_PAGE, 2, VT_PAGE));
	EXPECT_TRUE(vt_file_filled(backing, 2 * SIZE - VT_PAGE, PAGES, VT_PAGE));
	memset(map, 0, SIZE);
	ASSERT_EQ(4 * VT_PAGE, (size_t)pread(disk, map, 4 * VT_PAGE, SIZE));
	EXPECT_TRUE(original(map, 0, 4));
	EXPECT_TRUE(vt_filled(map + 4 * VT_PAGE, 0, SIZE - 4 * VT_PAGE));
	EXPECT_TRUE(vt_file_filled(self->fd, VT_PAGE, 2, VT_PAGE));
	/* Beyond the end there is no page to read to. */
	munmap(map, SIZE);
	map = vt_map(self->fd, 2 * SIZE, RW, 0);
	ASSERT_NE(NULL, map);
	EXPECT_EQ(-1, pread(disk, map + SIZE, VT_PAGE, 0));
	EXPECT_EQ(EFAULT, errno);

	ASSERT_EQ(0, vt_ring_init(&ring));
	sqe = (struct io_uring_sqe) {
		.opcode = IORING_OP_READ,
		.fd = disk,
		.addr = (uintptr_t)map + 4 * VT_PAGE,
		.len = SIZE - 4 * VT_PAGE,
		.off = SIZE + 4 * VT_PAGE,
	};
	EXPECT_EQ(SIZE - 4 * VT_PAGE, (size_t)vt_ring_do(&ring, &sqe));
	EXPECT_TRUE(original(map, 0, PAGES));
	vt_ring_exit(&ring);
	close(disk);
}

TEST_HARNESS_MAIN
