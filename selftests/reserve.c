// SPDX-License-Identifier: GPL-2.0
/*
 * VMSHM_RESERVE: the memory is there when the call returns, or the call fails
 * and nothing has changed; nobody is killed for it, then or later.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "lib/harness.h"
#include "lib/vmshm_mem.h"

#define RW		(PROT_READ | PROT_WRITE)
#define SIZE		(4 * VT_MIB)
/* What a process with little memory may have, and what it asks for. */
#define LITTLE		(16 * VT_MIB)
#define MUCH		(64 * VT_MIB)
#define CGROUP		"/sys/fs/cgroup/vmshm-reserve"

FIXTURE(reserve) {
	int dev;
	__u64 used;
};

static __u64 bytes_used(int dev)
{
	struct vmshm_info info;

	return vt_info(dev, &info) ? ~0ULL : (__u64)info.out_bytes_used;
}

FIXTURE_SETUP(reserve)
{
	self->dev = vt_device();
	ASSERT_LE(0, self->dev);
	self->used = bytes_used(self->dev);
}

FIXTURE_TEARDOWN(reserve)
{
	/* All that a test reserved is given back with its regions. */
	EXPECT_EQ(self->used, bytes_used(self->dev));
	close(self->dev);
}

static bool has(int fd, __u64 size, __u64 allocated, __u64 charged)
{
	struct vmshm_stat st;

	if (vt_stat(fd, &st))
		return false;
	if (st.out_region_size == size && st.out_allocated == allocated &&
	    st.out_charged == charged)
		return true;
	printf("# size %llu, allocated %llu, charged %llu\n", st.out_region_size,
	       st.out_allocated, st.out_charged);
	return false;
}

TEST_F(reserve, when_created)
{
	struct vmshm_stat st;
	char *map;
	int fd;

	fd = vt_region(self->dev, "reserve", SIZE + 1, 2 * SIZE, VMSHM_RESERVE);
	ASSERT_LE(0, fd);
	EXPECT_TRUE(has(fd, SIZE + 1, SIZE + VT_PAGE, SIZE + VT_PAGE));
	ASSERT_EQ(0, vt_stat(fd, &st));
	EXPECT_EQ(SIZE + VT_PAGE, st.out_resident);
	EXPECT_EQ(self->used + SIZE + VT_PAGE, bytes_used(self->dev));
	/* It is memory like any other. */
	map = vt_map(fd, SIZE + 1, RW, 0);
	ASSERT_NE(NULL, map);
	EXPECT_TRUE(vt_filled(map, 0, SIZE + VT_PAGE));
	memset(map, 'r', SIZE + 1);
	EXPECT_TRUE(has(fd, SIZE + 1, SIZE + VT_PAGE, SIZE + VT_PAGE));
	munmap(map, SIZE + 1);
	close(fd);

	/* An ordinary one has nothing until it is touched. */
	fd = vt_region(self->dev, "lazy", SIZE, 0, 0);
	ASSERT_LE(0, fd);
	EXPECT_TRUE(has(fd, SIZE, 0, 0));
	close(fd);

	fd = vt_region_huge(self->dev, "huge", SIZE, 0, VMSHM_RESERVE,
			    VMSHM_HUGE_ALWAYS);
	ASSERT_LE(0, fd);
	EXPECT_TRUE(has(fd, SIZE, SIZE, SIZE));
	map = vt_map(fd, SIZE, RW, 0);
	ASSERT_NE(NULL, map);
	EXPECT_EQ(0, vt_poke(map, 1));
	EXPECT_EQ(VT_HUGE, (size_t)vt_smaps(map, "ShmemPmdMapped"));
	munmap(map, SIZE);
	close(fd);
}

TEST_F(reserve, when_resized)
{
	char c;
	int fd;

	fd = vt_region(self->dev, "reserve", 100, 2 * SIZE, VMSHM_RESERVE);
	ASSERT_LE(0, fd);
	EXPECT_TRUE(has(fd, 100, VT_PAGE, VT_PAGE));
	ASSERT_EQ(5, pwrite(fd, "hello", 5, 0));
	ASSERT_EQ(0, vt_resize(fd, SIZE));
	EXPECT_TRUE(has(fd, SIZE, SIZE, SIZE));
	ASSERT_EQ(0, ftruncate(fd, 2 * SIZE));
	EXPECT_TRUE(has(fd, 2 * SIZE, 2 * SIZE, 2 * SIZE));
	EXPECT_TRUE(vt_file_filled(fd, 5, 0, 2 * SIZE - 5));
	EXPECT_EQ(1, pread(fd, &c, 1, 0));
	EXPECT_EQ('h', c);
	ASSERT_EQ(0, vt_resize(fd, SIZE));
	EXPECT_TRUE(has(fd, SIZE, SIZE, SIZE));
	ASSERT_EQ(0, vt_resize(fd, 0));
	EXPECT_TRUE(has(fd, 0, 0, 0));
	close(fd);
}

/* A hole is the user's doing; what was reserved for it still counts. */
TEST_F(reserve, hole)
{
	int fd;

	fd = vt_region(self->dev, "reserve", SIZE, 0, VMSHM_RESERVE);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			       0, VT_MIB));
	EXPECT_TRUE(has(fd, SIZE, SIZE - VT_MIB, SIZE));
	ASSERT_EQ(0, fallocate(fd, 0, 0, SIZE));
	EXPECT_TRUE(has(fd, SIZE, SIZE, SIZE));
	close(fd);
}

/* A limit says so before any memory is taken. */
TEST_F(reserve, limit)
{
	struct vmshm_info info;
	int fd;

	ASSERT_EQ(0, vt_info(self->dev, &info));
	EXPECT_EQ(-EDQUOT, vt_region(self->dev, "limit",
				     info.out_bytes_user + VT_PAGE, 0,
				     VMSHM_RESERVE));
	fd = vt_region(self->dev, "limit", SIZE, info.out_bytes_user + SIZE,
		       VMSHM_RESERVE);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EDQUOT, vt_resize(fd, info.out_bytes_user + VT_PAGE));
	EXPECT_EQ(-1, ftruncate(fd, info.out_bytes_user + VT_PAGE));
	EXPECT_EQ(EDQUOT, errno);
	EXPECT_TRUE(has(fd, SIZE, SIZE, SIZE));
	close(fd);
}

static int cgroup_write(const char *file, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), CGROUP "/%s", file);
	return vt_write_file(path, text);
}

static bool make_cgroup(void)
{
	char limit[32];

	rmdir(CGROUP);
	snprintf(limit, sizeof(limit), "%lu", LITTLE);
	return !mkdir(CGROUP, 0755) && !cgroup_write("memory.max", limit) &&
	       (!cgroup_write("memory.swap.max", "0") || errno == ENOENT);
}

/* Events of the group, of a line "KEY N" of memory.events. */
static long cgroup_event(const char *key)
{
	char buf[512], *line;

	if (vt_read_file(CGROUP "/memory.events", buf, sizeof(buf)) < 0)
		return -1;
	line = strstr(buf, key);
	return line ? atol(line + strlen(key)) : -1;
}

/*
 * As a process that may not have as much memory: there is ENOMEM, and neither
 * it nor anybody else is killed to make room.
 */
TEST_F(reserve, no_memory)
{
	struct vt_child child;
	int fd;

	ASSERT_TRUE(make_cgroup());
	fd = vt_region(self->dev, "grows", SIZE, MUCH, VMSHM_RESERVE);
	ASSERT_LE(0, fd);
	ASSERT_EQ(5, pwrite(fd, "hello", 5, SIZE - 5));

	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		static const __u32 huge[] = {
			VMSHM_HUGE_NEVER, VMSHM_HUGE_ALWAYS,
		};
		__u64 used = bytes_used(self->dev);
		int i, mine;

		VT_CHECK(cgroup_write("cgroup.procs", "0") == 0);
		for (i = 0; i < 2; i++) {
			VT_CHECK(vt_region_huge(self->dev, "much", MUCH, 0,
						VMSHM_RESERVE, huge[i]) ==
				 -ENOMEM);
			VT_CHECK(bytes_used(self->dev) == used);
		}
		VT_CHECK(vt_resize(fd, MUCH) == -ENOMEM);
		VT_CHECK(has(fd, SIZE, SIZE, SIZE));
		VT_CHECK(ftruncate(fd, MUCH) == -1 && errno == ENOMEM);
		VT_CHECK(has(fd, SIZE, SIZE, SIZE));
		VT_CHECK(vt_size(fd) == (long long)SIZE);
		VT_CHECK(bytes_used(self->dev) == used);

		/* The name is free, and there is memory for what is less. */
		mine = vt_region(self->dev, "much", SIZE, MUCH, VMSHM_RESERVE);
		VT_CHECK(mine >= 0);
		VT_CHECK(vt_resize(mine, 2 * SIZE) == 0);
		VT_CHECK(vt_resize(mine, MUCH) == -ENOMEM);
		VT_CHECK(has(mine, 2 * SIZE, 2 * SIZE, 2 * SIZE));
		VT_CHECK(vt_file_filled(mine, 0, 0, 2 * SIZE));
		_exit(0);
	}
	EXPECT_EQ(0, vt_wait(&child));
	EXPECT_EQ(0, cgroup_event("oom_kill "));
	/* It was the limit that made it fail. */
	EXPECT_LT(0, cgroup_event("max "));

	/* For the others nothing is the worse. */
	EXPECT_TRUE(vt_file_filled(fd, 0, 0, SIZE - 5));
	EXPECT_TRUE(vt_file_filled(fd, SIZE - 5, 'h', 1));
	EXPECT_EQ(0, vt_resize(fd, MUCH));
	EXPECT_TRUE(has(fd, MUCH, MUCH, MUCH));
	EXPECT_TRUE(vt_file_filled(fd, SIZE, 0, MUCH - SIZE));
	close(fd);
	EXPECT_EQ(0, rmdir(CGROUP));
}

/* Whoever is killed meanwhile leaves nothing half done. */
TEST_F(reserve, killed)
{
	const __u64 size = 128 * VT_MIB;
	struct vt_child child;
	int fd, i, undone = 0;

	fd = vt_region(self->dev, "grows", SIZE, size, VMSHM_RESERVE);
	ASSERT_LE(0, fd);
	for (i = 0; i < 40 && undone < 3; i++) {
		ASSERT_LE(0, vt_fork(&child));
		if (!child.pid) {
			VT_CHECK(vt_tell(child.sock) == 0);
			VT_CHECK(vt_resize(fd, size) == 0);
			_exit(0);
		}
		ASSERT_EQ(0, vt_hear(child.sock));
		usleep(i % 10 * 2000);
		vt_kill(&child);
		/* Too soon, it has not begun; too late, it is done. */
		if (vt_size(fd) == (long long)size) {
			EXPECT_TRUE(has(fd, size, size, size));
			ASSERT_EQ(0, vt_resize(fd, SIZE));
		} else {
			undone++;
		}
		EXPECT_TRUE(has(fd, SIZE, SIZE, SIZE));
	}
	EXPECT_LT(0, undone);
	EXPECT_TRUE(vt_file_filled(fd, 0, 0, SIZE));
	close(fd);
}

TEST_HARNESS_MAIN
