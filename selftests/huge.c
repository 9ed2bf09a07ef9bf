// SPDX-License-Identifier: GPL-2.0
/*
 * The huge page policies: what is asked for is what /proc shows, and pages of
 * two sizes behave as if there were one.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <linux/falloc.h>

#include "lib/harness.h"
#include "lib/vmshm_mem.h"

#define RW	(PROT_READ | PROT_WRITE)
#define SIZE	(3 * VT_HUGE)
#define PUNCH	(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE)

FIXTURE(huge) {
	int dev;
};

FIXTURE_SETUP(huge)
{
	self->dev = vt_device();
	ASSERT_LE(0, self->dev);
}

FIXTURE_TEARDOWN(huge)
{
	close(self->dev);
}

/* Bytes of a mapping that are mapped huge. */
static size_t mapped_huge(const void *map)
{
	return vt_smaps(map, "ShmemPmdMapped");
}

static __u64 allocated(int fd)
{
	struct vmshm_stat st;

	return vt_stat(fd, &st) ? ~0ULL : (__u64)st.out_allocated;
}

/* The kernel is free to have no huge page just now; most of the time it has. */
static int huge_region(int dev, __u64 size, __u64 max, __u32 huge, char **map,
		       size_t len)
{
	int fd = vt_region_huge(dev, "huge", size, max, 0, huge);

	if (fd < 0)
		return fd;
	*map = vt_map(fd, len, RW, 0);
	if (!*map)
		return -errno;
	return fd;
}

TEST_F(huge, policies)
{
	struct vmshm_info info;
	struct vmshm_stat st;
	__u32 huge;
	int fd;

	ASSERT_EQ(0, vt_info(self->dev, &info));
	EXPECT_EQ(0xf, info.out_huge_policies);
	EXPECT_EQ(VMSHM_FEATURE_HUGE, info.out_features & VMSHM_FEATURE_HUGE);
	for (huge = 0; huge < 4; huge++) {
		fd = vt_region_huge(self->dev, "policy", VT_PAGE, 0, 0, huge);
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, vt_stat(fd, &st));
		EXPECT_EQ(huge, st.out_huge);
		close(fd);
	}
	EXPECT_EQ(-EOPNOTSUPP, vt_region_huge(self->dev, "policy", VT_PAGE, 0,
					      0, 4));
}

TEST_F(huge, always)
{
	struct vt_child child;
	char *map, *other;
	int fd;

	fd = huge_region(self->dev, SIZE, 0, VMSHM_HUGE_ALWAYS, &map, SIZE);
	ASSERT_LE(0, fd);
	/* Or it could not be mapped so. */
	EXPECT_EQ(0, (uintptr_t)map % VT_HUGE);
	EXPECT_EQ(0, vt_poke(map + 5, 'a'));
	EXPECT_EQ(VT_HUGE, mapped_huge(map));
	EXPECT_EQ(VT_HUGE, allocated(fd));
	EXPECT_EQ(0, vt_peek(map + SIZE - 1));
	EXPECT_EQ(2 * VT_HUGE, allocated(fd));
	memset(map, 'a', SIZE);
	EXPECT_EQ(SIZE, mapped_huge(map));
	EXPECT_EQ(SIZE, allocated(fd));

	/* By anybody else, too. */
	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		other = vt_map(fd, SIZE, RW, 0);
		VT_CHECK(other);
		VT_CHECK(vt_filled(other, 'a', SIZE));
		VT_CHECK(mapped_huge(other) == SIZE);
		_exit(0);
	}
	EXPECT_EQ(0, vt_wait(&child));
	other = vt_map(fd, SIZE - VT_HUGE, RW, VT_HUGE);
	ASSERT_NE(NULL, other);
	EXPECT_EQ('a', vt_peek(other));
	EXPECT_EQ(VT_HUGE, mapped_huge(other));
	EXPECT_EQ(0, (uintptr_t)other % VT_HUGE);
}

/* Written by system calls, it is huge as well. */
TEST_F(huge, always_by_write)
{
	char *map;
	int fd;

	fd = huge_region(self->dev, SIZE, 0, VMSHM_HUGE_ALWAYS, &map, SIZE);
	ASSERT_LE(0, fd);
	EXPECT_EQ(1, pwrite(fd, "x", 1, VT_HUGE + 7));
	EXPECT_EQ(VT_HUGE, allocated(fd));
	EXPECT_EQ('x', vt_peek(map + VT_HUGE + 7));
	EXPECT_EQ(VT_HUGE, mapped_huge(map));
	ASSERT_EQ(0, fallocate(fd, 0, 2 * VT_HUGE, VT_HUGE));
	EXPECT_EQ(2 * VT_HUGE, allocated(fd));
	EXPECT_EQ(0, vt_poke(map + SIZE - 1, 'y'));
	EXPECT_EQ(2 * VT_HUGE, mapped_huge(map));
	EXPECT_TRUE(vt_filled(map, 0, VT_HUGE + 7));
	EXPECT_TRUE(vt_filled(map + VT_HUGE + 8, 0, 2 * VT_HUGE - 9));
}

TEST_F(huge, within_size)
{
	const size_t size = 2 * VT_HUGE + VT_MIB;
	char *map;
	int fd;

	fd = huge_region(self->dev, size, SIZE, VMSHM_HUGE_WITHIN_SIZE, &map,
			 SIZE);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, (uintptr_t)map % VT_HUGE);
	memset(map, 'w', size);
	EXPECT_EQ(2 * VT_HUGE, mapped_huge(map));
	EXPECT_EQ(size, allocated(fd));
	/* Exactly: there is nothing beyond the end. */
	EXPECT_EQ(-SIGBUS, vt_peek(map + size));
	ASSERT_EQ(0, vt_resize(fd, SIZE));
	EXPECT_TRUE(vt_filled(map, 'w', size));
	EXPECT_TRUE(vt_filled(map + size, 0, SIZE - size));

	/* A smaller one has no room for any. */
	close(fd);
	munmap(map, SIZE);
	fd = huge_region(self->dev, VT_MIB, SIZE, VMSHM_HUGE_WITHIN_SIZE, &map,
			 SIZE);
	ASSERT_LE(0, fd);
	memset(map, 'w', VT_MIB);
	EXPECT_EQ(0, mapped_huge(map));
	EXPECT_EQ(VT_MIB, allocated(fd));
	/* Until it has grown. */
	ASSERT_EQ(0, vt_resize(fd, SIZE));
	EXPECT_EQ(0, vt_poke(map + VT_HUGE, 'w'));
	EXPECT_EQ(VT_HUGE, mapped_huge(map));
}

TEST_F(huge, advise)
{
	char *map;
	int fd;

	fd = huge_region(self->dev, SIZE, 0, VMSHM_HUGE_ADVISE, &map, SIZE);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, (uintptr_t)map % VT_HUGE);
	EXPECT_EQ(0, vt_poke(map, 'a'));
	EXPECT_EQ(0, mapped_huge(map));
	EXPECT_EQ(VT_PAGE, allocated(fd));
	ASSERT_EQ(0, madvise(map + VT_HUGE, VT_HUGE, MADV_HUGEPAGE));
	EXPECT_EQ(0, vt_poke(map + VT_HUGE, 'a'));
	EXPECT_EQ(VT_HUGE, mapped_huge(map + VT_HUGE));
	EXPECT_EQ(VT_HUGE + VT_PAGE, allocated(fd));
	EXPECT_EQ(0, vt_poke(map + 2 * VT_HUGE, 'a'));
	EXPECT_EQ(0, mapped_huge(map + 2 * VT_HUGE));
	EXPECT_EQ(VT_HUGE + 2 * VT_PAGE, allocated(fd));
}

TEST_F(huge, never)
{
	char *map;
	int fd;

	fd = huge_region(self->dev, SIZE, 0, VMSHM_HUGE_NEVER, &map, SIZE);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, madvise(map, SIZE, MADV_HUGEPAGE));
	EXPECT_EQ(0, vt_poke(map + VT_HUGE, 'n'));
	EXPECT_EQ(VT_PAGE, allocated(fd));
	EXPECT_EQ(1, pwrite(fd, "x", 1, 2 * VT_HUGE));
	EXPECT_EQ(2 * VT_PAGE, allocated(fd));
	memset(map, 'n', SIZE);
	EXPECT_EQ(0, mapped_huge(map));
	EXPECT_EQ(SIZE, allocated(fd));
}

/* MADV_NOHUGEPAGE is the user's word, whatever the policy. */
TEST_F(huge, always_but_advised_not_to)
{
	char *map;
	int fd;

	fd = huge_region(self->dev, SIZE, 0, VMSHM_HUGE_ALWAYS, &map, SIZE);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, madvise(map, SIZE, MADV_NOHUGEPAGE));
	memset(map, 'a', SIZE);
	EXPECT_EQ(0, mapped_huge(map));
	EXPECT_TRUE(vt_file_filled(fd, 0, 'a', SIZE));
}

TEST_F(huge, collapse)
{
	char *map;
	int fd;

	fd = huge_region(self->dev, SIZE, 0, VMSHM_HUGE_ALWAYS, &map, SIZE);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, madvise(map, SIZE, MADV_NOHUGEPAGE));
	memset(map, 'a', SIZE);
	ASSERT_EQ(0, mapped_huge(map));
	ASSERT_EQ(0, madvise(map, SIZE, MADV_HUGEPAGE));
	ASSERT_EQ(0, madvise(map, SIZE, MADV_COLLAPSE)) {
		TH_LOG("%s", strerror(errno));
	}
	EXPECT_TRUE(vt_filled(map, 'a', SIZE));
	EXPECT_EQ(SIZE, mapped_huge(map));
	EXPECT_EQ(SIZE, allocated(fd));
}

/* Mapped at any page, though not huge then. */
TEST_F(huge, unaligned)
{
	char *map, *other;
	int fd;

	fd = huge_region(self->dev, SIZE, 0, VMSHM_HUGE_ALWAYS, &map, SIZE);
	ASSERT_LE(0, fd);
	memset(map, 'u', SIZE);
	ASSERT_EQ(SIZE, mapped_huge(map));
	other = mmap(NULL, SIZE + VT_HUGE, PROT_NONE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, other);
	other = mmap(other + VT_PAGE, SIZE - VT_PAGE, RW,
		     MAP_SHARED | MAP_FIXED, fd, VT_PAGE * 3);
	ASSERT_NE(MAP_FAILED, other);
	EXPECT_TRUE(vt_filled(other, 'u', SIZE - 3 * VT_PAGE));
	EXPECT_EQ(-SIGBUS, vt_peek(other + SIZE - 3 * VT_PAGE));
	EXPECT_EQ(0, vt_poke(other, 'v'));
	EXPECT_EQ('v', vt_peek(map + 3 * VT_PAGE));
}

/* A huge page that loses a part of itself is a page like any other. */
TEST_F(huge, split)
{
	char *map;
	int fd;

	fd = huge_region(self->dev, SIZE, 0, VMSHM_HUGE_ALWAYS, &map, SIZE);
	ASSERT_LE(0, fd);
	memset(map, 's', SIZE);
	ASSERT_EQ(0, mprotect(map + 5 * VT_PAGE, VT_PAGE, PROT_READ));
	EXPECT_EQ(-SIGSEGV, vt_poke(map + 5 * VT_PAGE, 'x'));
	EXPECT_EQ(0, vt_poke(map + 6 * VT_PAGE, 's'));
	ASSERT_EQ(0, munmap(map + VT_HUGE + VT_PAGE, VT_PAGE));
	ASSERT_EQ(0, madvise(map + 2 * VT_HUGE + 3 * VT_PAGE, VT_PAGE,
			     MADV_DONTNEED));
	EXPECT_TRUE(vt_filled(map, 's', VT_HUGE + VT_PAGE));
	EXPECT_TRUE(vt_filled(map + VT_HUGE + 2 * VT_PAGE, 's',
			      2 * VT_HUGE - 2 * VT_PAGE));
	ASSERT_EQ(0, fallocate(fd, PUNCH, 2 * VT_HUGE + 10, 5 * VT_PAGE));
	EXPECT_TRUE(vt_filled(map + 2 * VT_HUGE + 10, 0, 5 * VT_PAGE));
	EXPECT_TRUE(vt_filled(map + 2 * VT_HUGE + 10 + 5 * VT_PAGE, 's',
			      VT_HUGE - 10 - 5 * VT_PAGE));
	EXPECT_TRUE(vt_file_filled(fd, 0, 's', 2 * VT_HUGE + 10));
}

/*
 * The end within a huge page. A mapping that covers the huge page may reach
 * beyond the end; that is as with tmpfs. What it leaves there is not kept.
 */
TEST_F(huge, end_within)
{
	const size_t end = VT_HUGE + 5 * VT_PAGE + 100;
	size_t page;
	char *map;
	int fd;

	fd = huge_region(self->dev, end, SIZE, VMSHM_HUGE_ALWAYS, &map, SIZE);
	ASSERT_LE(0, fd);
	memset(map, 'e', end);
	EXPECT_TRUE(vt_filled(map + end, 0, VT_PAGE - 100));
	/* Where there is memory, it is zero; where there is none, SIGBUS. */
	for (page = end / VT_PAGE; page < 2 * VT_HUGE / VT_PAGE; page++) {
		char *p = map + page * VT_PAGE + 200;
		int ret = vt_peek(p);

		if (ret != -SIGBUS) {
			ASSERT_EQ(0, ret);
			ASSERT_EQ(0, vt_poke(p, 'X'));
		}
	}
	/* Another huge page is out of reach in any case. */
	EXPECT_EQ(-SIGBUS, vt_peek(map + 2 * VT_HUGE));

	ASSERT_EQ(0, vt_resize(fd, end + 200));
	EXPECT_TRUE(vt_filled(map, 'e', end));
	EXPECT_TRUE(vt_filled(map + end, 0, 200));
	ASSERT_EQ(0, vt_resize(fd, SIZE));
	EXPECT_TRUE(vt_file_filled(fd, 0, 'e', end));
	EXPECT_TRUE(vt_file_filled(fd, end, 0, SIZE - end));
	EXPECT_TRUE(vt_filled(map, 'e', end));
	EXPECT_TRUE(vt_filled(map + end, 0, SIZE - end));
}

TEST_F(huge, shrink_and_grow)
{
	static const size_t ends[] = {
		VT_HUGE, VT_HUGE + 1, VT_HUGE + VT_PAGE, 3 * VT_MIB + 100,
		2 * VT_HUGE - VT_PAGE, 10, 0,
	};
	unsigned int i;
	char *map;
	int fd;

	for (i = 0; i < ARRAY_SIZE(ends); i++) {
		fd = huge_region(self->dev, SIZE, 0, VMSHM_HUGE_ALWAYS, &map,
				 SIZE);
		ASSERT_LE(0, fd);
		memset(map, 'g', SIZE);
		EXPECT_EQ(-EBUSY, vt_resize(fd, ends[i]));
		ASSERT_EQ(0, munmap(map, SIZE));
		ASSERT_EQ(0, vt_resize(fd, ends[i]));
		ASSERT_EQ(0, vt_resize(fd, SIZE));
		EXPECT_TRUE(vt_file_filled(fd, 0, 'g', ends[i]));
		EXPECT_TRUE(vt_file_filled(fd, ends[i], 0, SIZE - ends[i])) {
			TH_LOG("shrunk to %zu", ends[i]);
		}
		close(fd);
	}
}

/* While it is mapped, and mapped huge. */
TEST_F(huge, shrinkable)
{
	const size_t end = VT_HUGE + 7 * VT_PAGE + 1;
	char *map;
	int fd;

	fd = vt_region_huge(self->dev, "shrinkable", SIZE, 0, VMSHM_SHRINKABLE,
			    VMSHM_HUGE_ALWAYS);
	ASSERT_LE(0, fd);
	map = vt_map(fd, SIZE, RW, 0);
	ASSERT_NE(NULL, map);
	memset(map, 'g', SIZE);
	ASSERT_EQ(SIZE, mapped_huge(map));
	ASSERT_EQ(0, vt_resize(fd, end));
	EXPECT_TRUE(vt_filled(map, 'g', end));
	EXPECT_TRUE(vt_filled(map + end, 0, VT_PAGE - 1));
	EXPECT_EQ(-SIGBUS, vt_peek(map + 2 * VT_HUGE));
	EXPECT_EQ(-SIGBUS, vt_peek(map + VT_HUGE + 8 * VT_PAGE));
	ASSERT_EQ(0, vt_resize(fd, SIZE));
	EXPECT_TRUE(vt_filled(map, 'g', end));
	EXPECT_TRUE(vt_filled(map + end, 0, SIZE - end));
}

TEST_F(huge, mremap)
{
	char *map, *place, *moved;
	int fd;

	fd = huge_region(self->dev, SIZE, 0, VMSHM_HUGE_ALWAYS, &map, SIZE);
	ASSERT_LE(0, fd);
	memset(map, 'm', SIZE);
	place = mmap(NULL, 2 * SIZE + 2 * VT_HUGE, PROT_NONE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, place);
	place = (char *)(((uintptr_t)place + VT_HUGE - 1) & ~(VT_HUGE - 1));
	moved = mremap(map, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, place);
	ASSERT_EQ(place, moved);
	EXPECT_TRUE(vt_filled(moved, 'm', SIZE));
	EXPECT_EQ(SIZE, mapped_huge(moved));
	/* By an odd number of pages: not huge any more, and the same. */
	place += SIZE + VT_PAGE;
	moved = mremap(moved, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, place);
	ASSERT_EQ(place, moved);
	EXPECT_TRUE(vt_filled(moved, 'm', SIZE));
}

TEST_HARNESS_MAIN
