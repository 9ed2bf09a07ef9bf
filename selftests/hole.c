// SPDX-License-Identifier: GPL-2.0
/*
 * Giving memory back: what a balloon, virtio-mem and free page reporting do. A
 * hole reads as zero for everybody, and costs nothing.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <linux/falloc.h>
#include <pthread.h>

#include "lib/harness.h"
#include "lib/vmshm_mem.h"

#define SIZE	(4 * VT_MIB)
#define RW	(PROT_READ | PROT_WRITE)
#define PUNCH	(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE)

FIXTURE(hole) {
	int dev;
	int fd;
	char *map;
};

FIXTURE_VARIANT(hole) {
	__u32 flags;
	__u32 huge;
};

FIXTURE_VARIANT_ADD(hole, base) {
	.huge = VMSHM_HUGE_NEVER,
};

FIXTURE_VARIANT_ADD(hole, huge) {
	.huge = VMSHM_HUGE_ALWAYS,
};

FIXTURE_VARIANT_ADD(hole, pinnable) {
	.flags = VMSHM_PINNABLE,
	.huge = VMSHM_HUGE_NEVER,
};

FIXTURE_SETUP(hole)
{
	self->dev = vt_device();
	ASSERT_LE(0, self->dev);
	self->fd = vt_region_huge(self->dev, "hole", SIZE, 0, variant->flags,
				  variant->huge);
	ASSERT_LE(0, self->fd);
	self->map = vt_map(self->fd, SIZE, RW, 0);
	ASSERT_NE(NULL, self->map);
	memset(self->map, 'A', SIZE);
}

FIXTURE_TEARDOWN(hole)
{
	munmap(self->map, SIZE);
	close(self->fd);
	close(self->dev);
}

static __u64 allocated(int fd)
{
	struct vmshm_stat st;

	return vt_stat(fd, &st) ? ~0ULL : (__u64)st.out_allocated;
}

static __u64 charged(int fd)
{
	struct vmshm_stat st;

	return vt_stat(fd, &st) ? ~0ULL : (__u64)st.out_charged;
}

/* Zero from @from to @to, 'A' elsewhere, for a mapping and for read(). */
static bool has_hole(int fd, const char *map, size_t from, size_t to)
{
	return vt_filled(map, 'A', from) &&
	       vt_filled(map + from, 0, to - from) &&
	       vt_filled(map + to, 'A', SIZE - to) &&
	       vt_file_filled(fd, from, 0, to - from) &&
	       vt_file_filled(fd, to, 'A', SIZE - to);
}

TEST_F(hole, fallocate)
{
	const size_t from = VT_MIB, to = 2 * VT_MIB;

	EXPECT_EQ(SIZE, allocated(self->fd));
	ASSERT_EQ(0, fallocate(self->fd, PUNCH, from, to - from));
	EXPECT_EQ(SIZE - (to - from), allocated(self->fd));
	EXPECT_TRUE(has_hole(self->fd, self->map, from, to));
	EXPECT_EQ(SIZE, (__u64)vt_size(self->fd));
	/* It can be filled again. */
	memset(self->map, 'A', SIZE);
	EXPECT_EQ(SIZE, allocated(self->fd));
	EXPECT_TRUE(has_hole(self->fd, self->map, 0, 0));
}

TEST_F(hole, madv_remove)
{
	const size_t from = VT_MIB + VT_PAGE, to = 3 * VT_MIB;
	struct io_uring_sqe sqe;
	struct vt_ring ring;
	char *window;

	/* Through a mapping that begins elsewhere. */
	window = vt_map(self->fd, SIZE - VT_MIB, RW, VT_MIB);
	ASSERT_NE(NULL, window);
	ASSERT_EQ(0, madvise(window + VT_PAGE, to - from, MADV_REMOVE));
	EXPECT_TRUE(has_hole(self->fd, self->map, from, to));

	memset(self->map, 'A', SIZE);
	ASSERT_EQ(0, vt_ring_init(&ring));
	sqe = (struct io_uring_sqe) {
		.opcode = IORING_OP_MADVISE,
		.fd = -1,
		.addr = (uintptr_t)window + VT_PAGE,
		.len = to - from,
		.fadvise_advice = MADV_REMOVE,
	};
	EXPECT_EQ(0, vt_ring_do(&ring, &sqe));
	EXPECT_TRUE(has_hole(self->fd, self->map, from, to));
	memset(self->map, 'A', SIZE);
	sqe = (struct io_uring_sqe) {
		.opcode = IORING_OP_FALLOCATE,
		.fd = self->fd,
		.off = from,
		.addr = to - from,
		.len = PUNCH,
	};
	EXPECT_EQ(0, vt_ring_do(&ring, &sqe));
	EXPECT_TRUE(has_hole(self->fd, self->map, from, to));
	vt_ring_exit(&ring);
}

/* Only whole pages are given back, but all bytes are zero. */
TEST_F(hole, parts_of_pages)
{
	static const struct {
		size_t from, to;
		int pages;
	} holes[] = {
		{ 100, 200, 0 },
		{ VT_PAGE - 1, VT_PAGE + 1, 0 },
		{ VT_PAGE + 5, 3 * VT_PAGE + 5, 1 },
		{ VT_HUGE - VT_PAGE - 1, VT_HUGE + VT_PAGE + 1, 2 },
		{ 10 * VT_PAGE, 12 * VT_PAGE, 2 },
		{ SIZE - 1, SIZE, 0 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(holes); i++) {
		memset(self->map, 'A', SIZE);
		ASSERT_EQ(0, fallocate(self->fd, PUNCH, holes[i].from,
				       holes[i].to - holes[i].from));
		/* A part of a huge page may have to stay. */
		if (variant->huge == VMSHM_HUGE_NEVER) {
			EXPECT_EQ(SIZE - holes[i].pages * VT_PAGE,
				  allocated(self->fd));
		}
		EXPECT_TRUE(has_hole(self->fd, self->map, holes[i].from,
				     holes[i].to)) {
			TH_LOG("from %zu to %zu", holes[i].from, holes[i].to);
		}
	}
}

TEST_F(hole, beyond_the_end)
{
	EXPECT_EQ(0, fallocate(self->fd, PUNCH, SIZE, SIZE));
	EXPECT_EQ(0, fallocate(self->fd, PUNCH, 100 * SIZE, 1));
	EXPECT_TRUE(has_hole(self->fd, self->map, 0, 0));
	EXPECT_EQ(0, fallocate(self->fd, PUNCH, SIZE - VT_MIB, 10 * SIZE));
	EXPECT_TRUE(has_hole(self->fd, self->map, SIZE - VT_MIB, SIZE));
	EXPECT_EQ(SIZE, (__u64)vt_size(self->fd));
	EXPECT_EQ(-1, fallocate(self->fd, FALLOC_FL_PUNCH_HOLE, 0, VT_PAGE));
	EXPECT_EQ(EOPNOTSUPP, errno);
	EXPECT_EQ(-1, fallocate(self->fd, PUNCH, -1, VT_PAGE));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, fallocate(self->fd, PUNCH, INT64_MAX, VT_PAGE));
	EXPECT_EQ(EFBIG, errno);
	EXPECT_TRUE(has_hole(self->fd, self->map, SIZE - VT_MIB, SIZE));
}

/* Everybody's pages are gone, whoever had them mapped, but private copies. */
TEST_F(hole, all_mappings)
{
	const size_t from = VT_MIB, to = 3 * VT_MIB;
	int readonly = vt_readonly(self->fd);
	struct vt_child child;
	char *second, *shown, *copy;

	second = vt_map(self->fd, SIZE, RW, 0);
	shown = vt_map(readonly, SIZE, PROT_READ, 0);
	copy = mmap(NULL, SIZE, RW, MAP_PRIVATE, self->fd, 0);
	ASSERT_NE(NULL, second);
	ASSERT_NE(NULL, shown);
	ASSERT_NE(MAP_FAILED, copy);
	EXPECT_TRUE(vt_filled(second, 'A', SIZE));
	EXPECT_TRUE(vt_filled(shown, 'A', SIZE));
	EXPECT_TRUE(vt_filled(copy, 'A', SIZE));
	EXPECT_EQ(0, vt_poke(copy + from, 'P'));
	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		VT_CHECK(vt_filled(second, 'A', SIZE));
		VT_CHECK(vt_tell(child.sock) == 0);
		VT_CHECK(vt_hear(child.sock) == 0);
		VT_CHECK(has_hole(self->fd, self->map, from, to));
		VT_CHECK(has_hole(self->fd, second, from, to));
		VT_CHECK(vt_poke(second + from, 'B') == 0);
		_exit(0);
	}
	ASSERT_EQ(0, vt_hear(child.sock));
	ASSERT_EQ(0, fallocate(self->fd, PUNCH, from, to - from));
	EXPECT_TRUE(has_hole(self->fd, self->map, from, to));
	EXPECT_TRUE(has_hole(self->fd, second, from, to));
	EXPECT_TRUE(has_hole(self->fd, shown, from, to));
	EXPECT_EQ('P', vt_peek(copy + from));
	EXPECT_EQ(0, vt_peek(copy + from + VT_PAGE));
	EXPECT_EQ(0, vt_tell(child.sock));
	ASSERT_EQ(0, vt_wait(&child));
	EXPECT_EQ('B', vt_peek(self->map + from));
	EXPECT_EQ('B', vt_peek(shown + from));
}

TEST_F(hole, charge)
{
	struct vmshm_info before, after;
	__u64 full = charged(self->fd);

	EXPECT_EQ(SIZE, full);
	ASSERT_EQ(0, vt_info(self->dev, &before));
	ASSERT_EQ(0, fallocate(self->fd, PUNCH, 0, SIZE / 2));
	EXPECT_EQ(SIZE / 2, allocated(self->fd));
	/* What could be allocated without asking counts as if it were. */
	if (variant->flags & VMSHM_PINNABLE) {
		EXPECT_EQ(SIZE, charged(self->fd));
		return;
	}
	EXPECT_EQ(SIZE / 2, charged(self->fd));
	ASSERT_EQ(0, vt_info(self->dev, &after));
	EXPECT_EQ(before.out_bytes_used - SIZE / 2, after.out_bytes_used);
	ASSERT_EQ(0, madvise(self->map, SIZE, MADV_REMOVE));
	EXPECT_EQ(0, allocated(self->fd));
	EXPECT_EQ(0, charged(self->fd));
	memset(self->map, 'A', SIZE);
	EXPECT_EQ(SIZE, charged(self->fd));
}

/* Where its creator said so, no user of a region takes it from the others. */
TEST_F(hole, no_punch)
{
	char *map;
	int fd;

	fd = vt_region_huge(self->dev, "no_punch", SIZE, 0,
			    variant->flags | VMSHM_NO_PUNCH, variant->huge);
	ASSERT_LE(0, fd);
	map = vt_map(fd, SIZE, RW, 0);
	ASSERT_NE(NULL, map);
	memset(map, 'A', SIZE);
	EXPECT_EQ(-1, fallocate(fd, PUNCH, 0, SIZE));
	EXPECT_EQ(EPERM, errno);
	EXPECT_EQ(-1, fallocate(fd, PUNCH, 1, 1));
	EXPECT_EQ(EPERM, errno);
	EXPECT_EQ(-1, madvise(map, SIZE, MADV_REMOVE));
	EXPECT_EQ(EPERM, errno);
	/* That is no more than to let go of one's own page tables. */
	EXPECT_EQ(0, madvise(map, SIZE, MADV_DONTNEED));
	EXPECT_EQ(0, fallocate(fd, 0, 0, SIZE));
	EXPECT_TRUE(has_hole(fd, map, 0, 0));
	EXPECT_EQ(SIZE, allocated(fd));
	munmap(map, SIZE);
	/* Sizes are another matter. */
	if (!(variant->flags & VMSHM_PINNABLE)) {
		EXPECT_EQ(0, vt_resize(fd, 0));
		EXPECT_EQ(0, vt_resize(fd, SIZE));
	}
}

struct toucher {
	char *map;
	int stop;
	unsigned long odd;
	unsigned long zeroes;
	unsigned long n;
};

/* Writes, and finds what it wrote or zero, and never a signal. */
static void *touch(void *arg)
{
	struct toucher *t = arg;
	unsigned long n = 0;

	while (!__atomic_load_n(&t->stop, __ATOMIC_ACQUIRE)) {
		size_t at = n++ * 37 % (SIZE / VT_PAGE) * VT_PAGE;
		int ret;

		if (vt_poke(t->map + at, 'A'))
			t->odd++;
		ret = vt_peek(t->map + at);
		if (!ret)
			t->zeroes++;
		else if (ret != 'A')
			t->odd++;
		__atomic_store_n(&t->n, n, __ATOMIC_RELAXED);
	}
	return NULL;
}

static unsigned long touched(struct toucher *t)
{
	return __atomic_load_n(&t->n, __ATOMIC_RELAXED);
}

TEST_F(hole, race_with_faults)
{
	struct toucher t = { .map = self->map };
	pthread_t thread;
	unsigned long n;
	int i;

	ASSERT_EQ(0, pthread_create(&thread, NULL, touch, &t));
	for (i = 0; touched(&t) < 5000; i++) {
		/* Who does nothing but holes leaves the other no time. */
		if (i % 16 == 0) {
			for (n = touched(&t); touched(&t) < n + 50;)
				usleep(100);
		}
		if (i & 1) {
			ASSERT_EQ(0, fallocate(self->fd, PUNCH, 0, SIZE));
		} else {
			ASSERT_EQ(0, madvise(self->map, SIZE / 2, MADV_REMOVE));
		}
	}
	__atomic_store_n(&t.stop, 1, __ATOMIC_RELEASE);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, t.odd);
	TH_LOG("%d holes, %lu writes, %lu of them gone", i, t.n, t.zeroes);
	ASSERT_EQ(0, fallocate(self->fd, PUNCH, 0, SIZE));
	EXPECT_TRUE(vt_filled(self->map, 0, SIZE));
}

/*
 * MADV_REMOVE holds on to the inner file alone: the region may go meanwhile,
 * with the last mapping.
 */
#define LARGE	(64 * VT_MIB)

struct remover {
	char *map;
	int started;
	int ret;
};

static void *remove_all(void *arg)
{
	struct remover *r = arg;

	__atomic_store_n(&r->started, 1, __ATOMIC_RELEASE);
	r->ret = madvise(r->map, LARGE, MADV_REMOVE) ? -errno : 0;
	return NULL;
}

TEST_F(hole, remove_while_unmapped)
{
	struct vmshm_info before, after;
	int i, fd;

	ASSERT_EQ(0, vt_info(self->dev, &before));
	for (i = 0; i < 10; i++) {
		struct remover r = { 0 };
		pthread_t thread;

		fd = vt_region_huge(self->dev, "gone", LARGE, 0,
				    variant->flags, variant->huge);
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, fallocate(fd, 0, 0, LARGE));
		r.map = vt_map(fd, LARGE, RW, 0);
		ASSERT_NE(NULL, r.map);
		close(fd);
		ASSERT_EQ(0, pthread_create(&thread, NULL, remove_all, &r));
		while (!__atomic_load_n(&r.started, __ATOMIC_ACQUIRE))
			sched_yield();
		usleep(1000 * i);
		ASSERT_EQ(0, munmap(r.map, LARGE));
		ASSERT_EQ(0, pthread_join(thread, NULL));
		EXPECT_TRUE(!r.ret || r.ret == -ENOMEM)
			TH_LOG("%d", r.ret);
	}
	/* The last is closed a little later. */
	for (i = 0; i < VT_PATIENCE * 10; i++) {
		ASSERT_EQ(0, vt_info(self->dev, &after));
		if (after.out_regions_used == before.out_regions_used)
			break;
		usleep(100000);
	}
	EXPECT_EQ(before.out_regions_used, after.out_regions_used);
	EXPECT_EQ(before.out_bytes_used, after.out_bytes_used);
}

TEST_HARNESS_MAIN
