// SPDX-License-Identifier: GPL-2.0
/*
 * The size of a region: who may change it, what new bytes are, and that nobody
 * loses memory that is mapped, unless the region was made for that. What shrinks
 * while others map is in resize_race.c.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <sys/stat.h>

#include "lib/harness.h"
#include "lib/vmshm_mem.h"

#define PAGES		8
#define SIZE		(PAGES * VT_PAGE)
#define MAX_SIZE	(16 * VT_PAGE)
#define RW		(PROT_READ | PROT_WRITE)

FIXTURE(resize) {
	int dev;
	int fd;
};

FIXTURE_SETUP(resize)
{
	unsigned char buf[SIZE];

	self->dev = vt_device();
	ASSERT_LE(0, self->dev);
	self->fd = vt_region(self->dev, "resize", SIZE, MAX_SIZE, 0);
	ASSERT_LE(0, self->fd);
	memset(buf, 'A', sizeof(buf));
	ASSERT_EQ(SIZE, (size_t)pwrite(self->fd, buf, SIZE, 0));
}

FIXTURE_TEARDOWN(resize)
{
	close(self->fd);
	close(self->dev);
}

static bool size_is(int fd, __u64 size)
{
	struct vmshm_stat vs;
	struct stat st;
	char c;

	if (vt_stat(fd, &vs) || fstat(fd, &st))
		return false;
	return vs.out_region_size == size && (__u64)st.st_size == size &&
	       (__u64)lseek(fd, 0, SEEK_END) == size &&
	       (__u64)vt_fdinfo(fd, "vmshm-size") == size &&
	       pread(fd, &c, 1, size) == 0 &&
	       (!size || pread(fd, &c, 1, size - 1) == 1);
}

/* A region of @size bytes, all of them 'A'. */
static int filled_region(int dev, __u64 size, __u32 flags)
{
	unsigned char buf[MAX_SIZE];
	int fd = vt_region(dev, "filled", size, MAX_SIZE, flags);

	if (fd < 0)
		return fd;
	memset(buf, 'A', size);
	if ((__u64)pwrite(fd, buf, size, 0) != size) {
		close(fd);
		return -EIO;
	}
	return fd;
}

TEST_F(resize, by_ioctl)
{
	static const __u64 sizes[] = {
		SIZE + 1, MAX_SIZE, MAX_SIZE - 1, VT_PAGE, 1, 0, 0, 5, SIZE,
	};
	int readonly = vt_readonly(self->fd);
	unsigned int i;

	ASSERT_LE(0, readonly);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		EXPECT_EQ(0, vt_resize(self->fd, sizes[i]));
		EXPECT_TRUE(size_is(self->fd, sizes[i])) {
			TH_LOG("size %llu", sizes[i]);
		}
		EXPECT_TRUE(size_is(readonly, sizes[i]));
	}
}

TEST_F(resize, by_truncation)
{
	static const __u64 sizes[] = { SIZE + 1, MAX_SIZE, VT_PAGE, 1, 0, 7 };
	unsigned int i;
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", self->fd);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		EXPECT_EQ(0, ftruncate(self->fd, sizes[i]));
		EXPECT_TRUE(size_is(self->fd, sizes[i]));
		EXPECT_EQ(0, truncate(path, SIZE));
		EXPECT_TRUE(size_is(self->fd, SIZE));
	}
	EXPECT_EQ(-1, ftruncate(self->fd, -1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_TRUE(size_is(self->fd, SIZE));
}

TEST_F(resize, max_size)
{
	struct vmshm_stat st;
	int fd;

	EXPECT_EQ(-EFBIG, vt_resize(self->fd, MAX_SIZE + 1));
	EXPECT_EQ(-EFBIG, vt_resize(self->fd, 1ULL << 40));
	EXPECT_EQ(-EFBIG, vt_resize(self->fd, INT64_MAX));
	EXPECT_EQ(-EFBIG, vt_resize(self->fd, UINT64_MAX));
	EXPECT_EQ(-1, ftruncate(self->fd, MAX_SIZE + 1));
	EXPECT_EQ(EFBIG, errno);
	EXPECT_EQ(-1, ftruncate(self->fd, INT64_MAX));
	EXPECT_EQ(EFBIG, errno);
	EXPECT_TRUE(size_is(self->fd, SIZE));
	EXPECT_TRUE(vt_file_filled(self->fd, 0, 'A', SIZE));

	/* Said nothing, it cannot grow, but get back what it was. */
	fd = vt_region(self->dev, "fixed", SIZE + 5, 0, 0);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, vt_stat(fd, &st));
	EXPECT_EQ(SIZE + 5, st.out_max_size);
	EXPECT_EQ(-EFBIG, vt_resize(fd, SIZE + 6));
	EXPECT_EQ(0, vt_resize(fd, 0));
	EXPECT_EQ(0, vt_resize(fd, SIZE + 5));
}

/* Sparse, so that it costs nothing. */
TEST_F(resize, large)
{
	const __u64 size = (1ULL << 42) + 3;
	struct vmshm_stat st;
	int fd;

	fd = vt_region(self->dev, "large", 0, size, 0);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, vt_resize(fd, size));
	EXPECT_EQ(1, pwrite(fd, "z", 2, size - 1)) {
		TH_LOG("%s", strerror(errno));
	}
	EXPECT_EQ(2, pwrite(fd, "xy", 2, INT32_MAX));
	EXPECT_TRUE(size_is(fd, size));
	EXPECT_TRUE(vt_file_filled(fd, size - 1, 'z', 1));
	EXPECT_TRUE(vt_file_filled(fd, 1UL << 31, 'y', 1));
	ASSERT_EQ(0, vt_stat(fd, &st));
	EXPECT_EQ(3 * VT_PAGE, st.out_allocated);
	ASSERT_EQ(0, vt_resize(fd, size - 1));
	ASSERT_EQ(0, vt_resize(fd, size));
	EXPECT_TRUE(vt_file_filled(fd, size - 1, 0, 1));
}

/* What was given up does not come back. */
TEST_F(resize, new_bytes_are_zero)
{
	static const __u64 sizes[] = {
		0, 1, VT_PAGE - 1, VT_PAGE, VT_PAGE + 1, 2 * VT_PAGE + 100,
		SIZE - 1,
	};
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		int fd = filled_region(self->dev, SIZE, 0);
		__u64 end = sizes[i];

		ASSERT_LE(0, fd);
		ASSERT_EQ(0, vt_resize(fd, end));
		/* Within the page, over its end, far. */
		for (j = 1; j <= 3; j++) {
			ASSERT_EQ(0, vt_resize(fd, end + j * 1000));
			EXPECT_TRUE(vt_file_filled(fd, 0, 'A', end));
			EXPECT_TRUE(vt_file_filled(fd, end, 0, j * 1000)) {
				TH_LOG("from %llu", end);
			}
		}
		ASSERT_EQ(0, vt_resize(fd, MAX_SIZE));
		EXPECT_TRUE(vt_file_filled(fd, 0, 'A', end));
		EXPECT_TRUE(vt_file_filled(fd, end, 0, MAX_SIZE - end));
		close(fd);
	}
}

/* A mapping reaches to the end of the page; what it leaves there is not kept. */
TEST_F(resize, bytes_beyond_the_end)
{
	const __u64 end = 2 * VT_PAGE + 100;
	char *map;

	ASSERT_EQ(0, vt_resize(self->fd, end));
	map = vt_map(self->fd, 3 * VT_PAGE, RW, 0);
	ASSERT_NE(NULL, map);
	EXPECT_TRUE(vt_filled(map + end, 0, VT_PAGE - 100));

	memset(map + end, 'X', VT_PAGE - 100);
	EXPECT_EQ(0, vt_poke(map + end - 1, 'B'));
	EXPECT_TRUE(size_is(self->fd, end));
	ASSERT_EQ(0, vt_resize(self->fd, end + 50));
	EXPECT_EQ('B', vt_peek(map + end - 1));
	EXPECT_TRUE(vt_filled(map + end, 0, 50));

	memset(map + end + 50, 'X', VT_PAGE - 150);
	ASSERT_EQ(0, vt_resize(self->fd, MAX_SIZE));
	EXPECT_TRUE(vt_file_filled(self->fd, 0, 'A', end - 1));
	EXPECT_TRUE(vt_file_filled(self->fd, end - 1, 'B', 1));
	EXPECT_TRUE(vt_file_filled(self->fd, end, 0, MAX_SIZE - end));
	EXPECT_TRUE(vt_filled(map + end, 0, VT_PAGE - 100));

	/* Shrinking within the page, under the mapping. */
	memset(map, 'C', 3 * VT_PAGE);
	ASSERT_EQ(0, vt_resize(self->fd, end));
	EXPECT_TRUE(vt_filled(map, 'C', end));
	EXPECT_TRUE(vt_filled(map + end, 0, VT_PAGE - 100));
	memset(map + end, 'X', VT_PAGE - 100);
	ASSERT_EQ(0, vt_resize(self->fd, end - 10));
	ASSERT_EQ(0, vt_resize(self->fd, end));
	EXPECT_TRUE(vt_filled(map + end - 10, 0, 10));
	ASSERT_EQ(0, vt_resize(self->fd, 3 * VT_PAGE));
	EXPECT_TRUE(vt_filled(map + end - 10, 0, VT_PAGE - 90));
}

/*
 * Kinds of mappings. All map pages 2 to 5 of the region, also where they do so
 * in a roundabout way; returns the address.
 */
#define FIRST	2
#define COUNT	4
#define LEN	(COUNT * VT_PAGE)
#define OFFSET	(FIRST * VT_PAGE)

static void *map_shared(int fd)
{
	return mmap(NULL, LEN, RW, MAP_SHARED, fd, OFFSET);
}

static void *map_read(int fd)
{
	return mmap(NULL, LEN, PROT_READ, MAP_SHARED, fd, OFFSET);
}

static void *map_none(int fd)
{
	return mmap(NULL, LEN, PROT_NONE, MAP_SHARED, fd, OFFSET);
}

static void *map_private(int fd)
{
	return mmap(NULL, LEN, RW, MAP_PRIVATE, fd, OFFSET);
}

static void *map_private_copied(int fd)
{
	char *map = map_private(fd);

	if (map != MAP_FAILED)
		memset(map, 1, LEN);
	return map;
}

static void *map_populated(int fd)
{
	return mmap(NULL, LEN, RW, MAP_SHARED | MAP_POPULATE, fd, OFFSET);
}

static void *map_locked(int fd)
{
	return mmap(NULL, LEN, RW, MAP_SHARED | MAP_LOCKED, fd, OFFSET);
}

static void *map_closed(int fd)
{
	int other = vt_reopen(fd, O_RDWR);
	void *map = map_shared(other);

	close(other);
	return map;
}

static void *map_readonly(int fd)
{
	int other = vt_readonly(fd);
	void *map = map_read(other);

	close(other);
	return map;
}

static void *map_opened_to_read(int fd)
{
	int other = vt_reopen(fd, O_RDONLY);
	void *map = map_read(other);

	close(other);
	return map;
}

static void *map_expanded(int fd)
{
	char *map = mmap(NULL, LEN, RW, MAP_SHARED, fd, OFFSET);

	/* With room behind it. */
	munmap(map + VT_PAGE, LEN - VT_PAGE);
	return mremap(map, VT_PAGE, LEN, 0);
}

static void *map_expanded_elsewhere(int fd)
{
	char *map = mmap(NULL, LEN, RW, MAP_SHARED, fd, OFFSET);
	void *new;

	/* Without. */
	mprotect(map + VT_PAGE, LEN - VT_PAGE, PROT_NONE);
	new = mremap(map, VT_PAGE, LEN, MREMAP_MAYMOVE);
	munmap(map + VT_PAGE, LEN - VT_PAGE);
	return new;
}

static void *map_moved_twice(int fd)
{
	void *map = map_shared(fd), *a, *b;

	a = mremap(map, LEN, LEN, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);
	munmap(map, LEN);
	b = mremap(a, LEN, LEN, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);
	munmap(a, LEN);
	return b;
}

static void *map_left_behind(int fd)
{
	void *map = map_shared(fd);

	munmap(mremap(map, LEN, LEN, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL),
	       LEN);
	return map;
}

static void *map_again(int fd)
{
	void *map = map_shared(fd);
	void *other = mremap(map, 0, LEN, MREMAP_MAYMOVE);

	munmap(map, LEN);
	return other;
}

static void *map_protected_in_pieces(int fd)
{
	char *map = map_shared(fd);

	mprotect(map + VT_PAGE, VT_PAGE, PROT_NONE);
	mprotect(map + 2 * VT_PAGE, VT_PAGE, PROT_READ);
	munmap(map, VT_PAGE);
	return map;
}

static void *map_not_forked(int fd)
{
	void *map = map_shared(fd);

	madvise(map, LEN, MADV_DONTFORK);
	return map;
}

struct kind {
	const char *name;
	void *(*map)(int fd);
};

static const struct kind kinds[] = {
	{ "shared", map_shared },
	{ "only to read", map_read },
	{ "inaccessible", map_none },
	{ "private", map_private },
	{ "private, copied", map_private_copied },
	{ "populated", map_populated },
	{ "locked", map_locked },
	{ "its file closed", map_closed },
	{ "of a read-only handle", map_readonly },
	{ "of a file opened to read", map_opened_to_read },
	{ "expanded", map_expanded },
	{ "expanded elsewhere", map_expanded_elsewhere },
	{ "moved", map_moved_twice },
	{ "left behind", map_left_behind },
	{ "duplicated", map_again },
	{ "in pieces", map_protected_in_pieces },
	{ "not forked", map_not_forked },
};

#define NR_KINDS	(ARRAY_SIZE(kinds))

/* Shrinking that is refused has changed nothing. */
static int still_full(int fd)
{
	struct vmshm_stat st;

	return !vt_stat(fd, &st) && st.out_allocated == SIZE &&
	       size_is(fd, SIZE) && vt_file_filled(fd, 0, 'A', SIZE);
}

TEST_F(resize, mapped_in_every_way)
{
	unsigned int i;

	for (i = 0; i < NR_KINDS; i++) {
		int fd = filled_region(self->dev, SIZE, 0);
		void *map;

		ASSERT_LE(0, fd);
		map = kinds[i].map(fd);
		ASSERT_NE(MAP_FAILED, map) {
			TH_LOG("%s", kinds[i].name);
		}
		EXPECT_EQ(-EBUSY, vt_resize(fd, 0));
		EXPECT_EQ(-EBUSY, vt_resize(fd, OFFSET));
		EXPECT_EQ(-EBUSY, vt_resize(fd, OFFSET + LEN - VT_PAGE)) {
			TH_LOG("%s", kinds[i].name);
		}
		EXPECT_EQ(-1, ftruncate(fd, 0));
		EXPECT_EQ(EBUSY, errno);
		EXPECT_TRUE(still_full(fd));
		/* The rest of its last page is nobody's loss. */
		EXPECT_EQ(0, vt_resize(fd, OFFSET + LEN - VT_PAGE + 1));
		EXPECT_EQ(0, vt_resize(fd, SIZE));
		EXPECT_EQ(0, vt_resize(fd, OFFSET + LEN));
		/* Growing is always possible. */
		EXPECT_EQ(0, vt_resize(fd, MAX_SIZE));
		ASSERT_EQ(0, munmap(map, LEN));
		EXPECT_EQ(0, vt_resize(fd, 0)) {
			TH_LOG("%s", kinds[i].name);
		}
		close(fd);
	}
}

/* By somebody else, who inherited it. */
TEST_F(resize, mapped_by_a_child)
{
	struct vt_child child;
	unsigned int i;

	for (i = 0; i < NR_KINDS; i++) {
		int fd = filled_region(self->dev, SIZE, 0);
		void *map;

		ASSERT_LE(0, fd);
		map = kinds[i].map(fd);
		ASSERT_NE(MAP_FAILED, map);
		ASSERT_LE(0, vt_fork(&child));
		if (!child.pid) {
			close(fd);
			VT_CHECK(vt_tell(child.sock) == 0);
			VT_CHECK(vt_hear(child.sock) == 0);
			_exit(0);
		}
		ASSERT_EQ(0, munmap(map, LEN));
		ASSERT_EQ(0, vt_hear(child.sock));
		if (kinds[i].map == map_not_forked) {
			EXPECT_EQ(0, vt_resize(fd, OFFSET));
			EXPECT_EQ(0, vt_kill(&child) - 128 - SIGKILL);
		} else {
			EXPECT_EQ(-EBUSY, vt_resize(fd, OFFSET)) {
				TH_LOG("%s", kinds[i].name);
			}
			EXPECT_TRUE(still_full(fd));
			/* However it ends. */
			EXPECT_EQ(128 + SIGKILL, vt_kill(&child));
			EXPECT_EQ(0, vt_resize(fd, OFFSET));
		}
		close(fd);
	}
}

TEST_F(resize, unmapped_in_part)
{
	char *map = vt_map(self->fd, SIZE, RW, 0);
	int i;

	ASSERT_NE(NULL, map);
	for (i = PAGES - 1; i >= 0; i--) {
		EXPECT_EQ(-EBUSY, vt_resize(self->fd, i * VT_PAGE));
		ASSERT_EQ(0, munmap(map + i * VT_PAGE, VT_PAGE));
		EXPECT_EQ(0, vt_resize(self->fd, i * VT_PAGE));
		EXPECT_TRUE(size_is(self->fd, i * VT_PAGE));
		if (i) {
			EXPECT_EQ('A', vt_peek(map + i * VT_PAGE - 1));
		}
	}
	/* From the other end nothing is won. */
	ASSERT_EQ(0, vt_resize(self->fd, SIZE));
	map = vt_map(self->fd, SIZE, RW, 0);
	ASSERT_NE(NULL, map);
	ASSERT_EQ(0, munmap(map, SIZE - VT_PAGE));
	EXPECT_EQ(-EBUSY, vt_resize(self->fd, SIZE - VT_PAGE));
	/* Nor from a hole. */
	map = vt_map(self->fd, SIZE, RW, 0);
	ASSERT_NE(NULL, map);
	ASSERT_EQ(0, munmap(map + VT_PAGE, VT_PAGE));
	EXPECT_EQ(-EBUSY, vt_resize(self->fd, VT_PAGE));
}

TEST_F(resize, mapped_below_the_new_size)
{
	char *map = vt_map(self->fd, 2 * VT_PAGE, RW, 0);
	char *second = vt_map(self->fd, VT_PAGE, RW, VT_PAGE);

	ASSERT_NE(NULL, map);
	ASSERT_NE(NULL, second);
	EXPECT_EQ(0, vt_resize(self->fd, 2 * VT_PAGE));
	EXPECT_TRUE(vt_filled(map, 'A', 2 * VT_PAGE));
	EXPECT_EQ(0, vt_poke(map + 2 * VT_PAGE - 1, 'B'));
	EXPECT_EQ(-EBUSY, vt_resize(self->fd, VT_PAGE));
	EXPECT_EQ(0, vt_resize(self->fd, MAX_SIZE));
	EXPECT_EQ('B', vt_peek(second + VT_PAGE - 1));
	EXPECT_EQ(0, vt_resize(self->fd, 2 * VT_PAGE));
	ASSERT_EQ(0, munmap(second, VT_PAGE));
	EXPECT_EQ(-EBUSY, vt_resize(self->fd, VT_PAGE));
	ASSERT_EQ(0, munmap(map + VT_PAGE, VT_PAGE));
	EXPECT_EQ(0, vt_resize(self->fd, VT_PAGE));
	EXPECT_EQ('A', vt_peek(map));
}

/* Nothing is there yet that could be lost, but it may come. */
TEST_F(resize, mapped_beyond_the_end)
{
	char *map = vt_map(self->fd, VT_PAGE, RW, SIZE + VT_PAGE);

	ASSERT_NE(NULL, map);
	EXPECT_EQ(-EBUSY, vt_resize(self->fd, VT_PAGE));
	EXPECT_EQ(0, vt_resize(self->fd, MAX_SIZE));
	EXPECT_EQ(0, vt_poke(map, 'B'));
	EXPECT_EQ(-EBUSY, vt_resize(self->fd, SIZE));
	ASSERT_EQ(0, munmap(map, VT_PAGE));
	EXPECT_EQ(0, vt_resize(self->fd, VT_PAGE));
}

/* With the flag there is no refusal, and SIGBUS where the memory was. */
TEST_F(resize, shrinkable)
{
	unsigned int i;

	for (i = 0; i < NR_KINDS; i++) {
		int fd = filled_region(self->dev, SIZE, VMSHM_SHRINKABLE);
		bool readable = kinds[i].map != map_none;
		char *map, *page;

		ASSERT_LE(0, fd);
		map = kinds[i].map(fd);
		ASSERT_NE(MAP_FAILED, map);
		/* The last page of all of these can be accessed, and has been. */
		page = map + LEN - VT_PAGE;
		if (readable) {
			EXPECT_LT(0, vt_peek(page));
		}
		ASSERT_EQ(0, vt_resize(fd, OFFSET + LEN - VT_PAGE));
		if (readable) {
			EXPECT_EQ(-SIGBUS, vt_peek(page)) {
				TH_LOG("%s", kinds[i].name);
			}
		}
		ASSERT_EQ(0, vt_resize(fd, SIZE));
		if (readable) {
			EXPECT_EQ(0, vt_peek(page));
		}
		EXPECT_TRUE(vt_file_filled(fd, 0, 'A', OFFSET));
		EXPECT_TRUE(vt_file_filled(fd, OFFSET + LEN - VT_PAGE, 0,
					   SIZE - OFFSET - LEN + VT_PAGE));
		close(fd);
		munmap(map, LEN);
	}
}

TEST_F(resize, shrinkable_while_mapped)
{
	int fd = filled_region(self->dev, SIZE, VMSHM_SHRINKABLE);
	char *map, *copy;

	ASSERT_LE(0, fd);
	map = vt_map(fd, SIZE, RW, 0);
	ASSERT_NE(NULL, map);
	copy = mmap(NULL, SIZE, RW, MAP_PRIVATE, fd, 0);
	ASSERT_NE(MAP_FAILED, copy);
	memset(copy, 'P', SIZE);
	ASSERT_EQ('A', vt_peek(map + SIZE - 1));

	ASSERT_EQ(0, ftruncate(fd, VT_PAGE + 10));
	EXPECT_TRUE(vt_filled(map, 'A', VT_PAGE + 10));
	EXPECT_TRUE(vt_filled(map + VT_PAGE + 10, 0, VT_PAGE - 10));
	EXPECT_EQ(-SIGBUS, vt_peek(map + 2 * VT_PAGE));
	EXPECT_EQ(-SIGBUS, vt_poke(map + SIZE - 1, 1));
	/* A private copy is no refuge: as with any file. */
	EXPECT_EQ('P', vt_peek(copy));
	EXPECT_EQ(-SIGBUS, vt_peek(copy + 2 * VT_PAGE));
	/* What is there goes on working. */
	EXPECT_EQ(0, vt_poke(map, 'B'));
	ASSERT_EQ(0, ftruncate(fd, 0));
	EXPECT_EQ(-SIGBUS, vt_peek(map));
	ASSERT_EQ(0, ftruncate(fd, SIZE));
	EXPECT_TRUE(vt_filled(map, 0, SIZE));
	EXPECT_EQ(0, vt_poke(map + SIZE - 1, 'C'));
	EXPECT_TRUE(vt_file_filled(fd, SIZE - 1, 'C', 1));
}

/* Its mappings cannot be counted: one was enough. */
TEST_F(resize, pinnable)
{
	int fd = filled_region(self->dev, SIZE, VMSHM_PINNABLE);
	char *map;

	ASSERT_LE(0, fd);
	EXPECT_EQ(0, vt_resize(fd, 3 * VT_PAGE));
	EXPECT_EQ(0, vt_resize(fd, SIZE));
	map = vt_map(fd, VT_PAGE, PROT_READ, 0);
	ASSERT_NE(NULL, map);
	EXPECT_EQ(-EBUSY, vt_resize(fd, SIZE - VT_PAGE));
	EXPECT_EQ(0, vt_resize(fd, MAX_SIZE));
	EXPECT_EQ(-EBUSY, vt_resize(fd, SIZE));
	ASSERT_EQ(0, munmap(map, VT_PAGE));
	EXPECT_EQ(-EBUSY, vt_resize(fd, SIZE));
	EXPECT_EQ(-1, ftruncate(fd, MAX_SIZE - 1));
	EXPECT_EQ(EBUSY, errno);
	EXPECT_TRUE(size_is(fd, MAX_SIZE));
	close(fd);

	fd = filled_region(self->dev, SIZE, VMSHM_PINNABLE | VMSHM_SHRINKABLE);
	ASSERT_LE(0, fd);
	map = vt_map(fd, SIZE, PROT_READ, 0);
	ASSERT_NE(NULL, map);
	EXPECT_EQ('A', vt_peek(map + VT_PAGE));
	EXPECT_EQ(0, vt_resize(fd, VT_PAGE));
	EXPECT_EQ('A', vt_peek(map));
	EXPECT_EQ(-SIGBUS, vt_peek(map + VT_PAGE));
}

/* Memory that is given back is given back. */
TEST_F(resize, accounting)
{
	const __u64 size = 4 * VT_MIB;
	struct vmshm_info before, after;
	struct vmshm_stat st;
	int fd;

	ASSERT_EQ(0, vt_info(self->dev, &before));
	fd = vt_region(self->dev, "accounting", size, 0, 0);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, fallocate(fd, 0, 0, size));
	ASSERT_EQ(0, vt_stat(fd, &st));
	EXPECT_EQ(size, st.out_allocated);
	EXPECT_EQ(size, st.out_resident);
	EXPECT_EQ(size, st.out_charged);
	ASSERT_EQ(0, vt_info(self->dev, &after));
	EXPECT_EQ(before.out_bytes_used + size, after.out_bytes_used);
	ASSERT_EQ(0, vt_resize(fd, size / 2));
	ASSERT_EQ(0, vt_stat(fd, &st));
	EXPECT_EQ(size / 2, st.out_allocated);
	EXPECT_EQ(size / 2, st.out_resident);
	EXPECT_EQ(size / 2, st.out_charged);
	ASSERT_EQ(0, vt_resize(fd, size));
	ASSERT_EQ(0, vt_stat(fd, &st));
	EXPECT_EQ(size / 2, st.out_allocated);
	ASSERT_EQ(0, vt_resize(fd, 0));
	ASSERT_EQ(0, vt_stat(fd, &st));
	EXPECT_EQ(0, st.out_allocated);
	EXPECT_EQ(0, st.out_charged);
	ASSERT_EQ(0, vt_info(self->dev, &after));
	EXPECT_EQ(before.out_bytes_used, after.out_bytes_used);
}

TEST_HARNESS_MAIN
