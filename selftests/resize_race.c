// SPDX-License-Identifier: GPL-2.0
/*
 * Shrinking while others map. Whoever has mapped a region, and sees afterwards
 * that it is large enough, may access all of the mapping for as long as it
 * exists, whatever others do: there is no SIGBUS for an innocent mapper. One
 * process resizes all the time, the others map in one of the ways there are.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>

#include "lib/harness.h"
#include "lib/vmshm_mem.h"

#define SMALL		(2 * VT_PAGE)
#define BIG		(256 * VT_PAGE)
#define RW		(PROT_READ | PROT_WRITE)
#define NR_WORKERS	2

/* How often both outcomes have to be seen, and how often to try at the most. */
#define ENOUGH		60
#define ROUNDS		20000

/* In memory that all of them share. */
struct shared {
	int stop;
	unsigned long mapped;	/* mappings found large enough, and accessed */
	unsigned long too_late;	/* found too small */
	unsigned long sigbus;
	unsigned long failed;
};

/* Each way to ask for the size has to be right. */
static bool is_big(int fd, unsigned int how)
{
	struct vmshm_stat st;

	switch (how % 3) {
	case 0:
		return vt_size(fd) >= (long long)BIG;
	case 1:
		return !vt_stat(fd, &st) && st.out_region_size >= BIG;
	default:
		return lseek(fd, 0, SEEK_END) >= (off_t)BIG;
	}
}

static void count(unsigned long *counter)
{
	__atomic_add_fetch(counter, 1, __ATOMIC_RELAXED);
}

/* Does what a mapper may do who knows that this is all there. */
static void access_all(struct shared *shared, char *map, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < 4; i++) {
		if (vt_peek(map + BIG - 1) < 0 || vt_poke(map + BIG - 1, n) ||
		    vt_peek(map + BIG / 2 + (n + i) % 64 * VT_PAGE) < 0 ||
		    vt_poke(map + SMALL, i) || vt_poke(map, i))
			count(&shared->sigbus);
		sched_yield();
	}
	count(&shared->mapped);
}

static void do_map(struct shared *shared, int fd, unsigned int n)
{
	char *map = vt_map(fd, BIG, RW, 0);

	if (!map) {
		count(&shared->failed);
		return;
	}
	if (is_big(fd, n))
		access_all(shared, map, n);
	else
		count(&shared->too_late);
	munmap(map, BIG);
}

/* The part that was mapped first goes, the end stays. */
static void do_split(struct shared *shared, int fd, unsigned int n)
{
	char *map = vt_map(fd, BIG, RW, 0);

	if (!map) {
		count(&shared->failed);
		return;
	}
	if (is_big(fd, n)) {
		munmap(map + 8 * VT_PAGE, VT_PAGE);
		mprotect(map + 16 * VT_PAGE, VT_PAGE, PROT_READ);
		access_all(shared, map, n);
	} else {
		count(&shared->too_late);
	}
	munmap(map, BIG);
}

static void do_mremap(struct shared *shared, int fd, unsigned int n)
{
	char *map = vt_map(fd, SMALL, RW, 0);
	char *big;

	if (!map) {
		count(&shared->failed);
		return;
	}
	big = mremap(map, SMALL, BIG, MREMAP_MAYMOVE);
	if (big == MAP_FAILED) {
		count(&shared->failed);
		munmap(map, SMALL);
		return;
	}
	if (is_big(fd, n)) {
		access_all(shared, big, n);
		if (mremap(big, BIG, SMALL, 0) != big)
			count(&shared->failed);
		if (vt_poke(big + SMALL - 1, n))
			count(&shared->sigbus);
		munmap(big, SMALL);
	} else {
		count(&shared->too_late);
		munmap(big, BIG);
	}
}

/* The parent's mapping goes as soon as the child has one. */
static void do_fork(struct shared *shared, int fd, unsigned int n)
{
	char *map = vt_map(fd, BIG, RW, 0);
	bool big;
	pid_t pid;

	if (!map) {
		count(&shared->failed);
		return;
	}
	big = is_big(fd, n);
	if (!big)
		count(&shared->too_late);
	pid = big ? fork() : 0;
	if (big && !pid) {
		access_all(shared, map, n);
		_exit(0);
	}
	munmap(map, BIG);
	if (pid < 0)
		count(&shared->failed);
	else if (pid)
		waitpid(pid, NULL, 0);
}

struct way {
	struct shared *shared;
	int fd;
	void (*fn)(struct shared *shared, int fd, unsigned int n);
};

static void *work(void *arg)
{
	struct way *way = arg;
	unsigned int n = 0;

	while (!__atomic_load_n(&way->shared->stop, __ATOMIC_ACQUIRE)) {
		way->fn(way->shared, way->fd, n++);
		/* So that at times nobody maps anything. */
		usleep(500 + n % 7 * 300);
	}
	return NULL;
}

FIXTURE(race) {
	int dev;
	int fd;
	struct shared *shared;
};

FIXTURE_VARIANT(race) {
	void (*fn)(struct shared *shared, int fd, unsigned int n);
	bool threads;
};

FIXTURE_VARIANT_ADD(race, map) {
	.fn = do_map,
};

FIXTURE_VARIANT_ADD(race, map_in_threads) {
	.fn = do_map,
	.threads = true,
};

FIXTURE_VARIANT_ADD(race, split) {
	.fn = do_split,
};

FIXTURE_VARIANT_ADD(race, mremap) {
	.fn = do_mremap,
};

FIXTURE_VARIANT_ADD(race, fork) {
	.fn = do_fork,
};

FIXTURE_SETUP(race)
{
	self->dev = vt_device();
	ASSERT_LE(0, self->dev);
	self->fd = vt_region(self->dev, "race", BIG, 0, 0);
	ASSERT_LE(0, self->fd);
	self->shared = mmap(NULL, sizeof(*self->shared), RW,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->shared);
}

FIXTURE_TEARDOWN(race)
{
	close(self->fd);
	close(self->dev);
}

static bool enough(const struct shared *shared, unsigned long shrunk,
		   unsigned long busy)
{
	return shrunk >= ENOUGH && busy >= ENOUGH &&
	       __atomic_load_n(&shared->mapped, __ATOMIC_RELAXED) >= ENOUGH;
}

TEST_F(race, shrink)
{
	struct way way = {
		.shared = self->shared,
		.fd = self->fd,
		.fn = variant->fn,
	};
	unsigned long shrunk = 0, busy = 0, i;
	struct vt_child child[NR_WORKERS];
	pthread_t thread[NR_WORKERS];
	int ret;

	for (i = 0; i < NR_WORKERS; i++) {
		if (variant->threads) {
			ASSERT_EQ(0, pthread_create(&thread[i], NULL, work,
						    &way));
			continue;
		}
		ASSERT_LE(0, vt_fork(&child[i]));
		if (!child[i].pid) {
			/* Its own, or they would move it for each other. */
			way.fd = vt_reopen(self->fd, O_RDWR);
			VT_CHECK(way.fd >= 0);
			work(&way);
			_exit(0);
		}
	}

	for (i = 0; i < ROUNDS && !enough(self->shared, shrunk, busy); i++) {
		/* Something to truncate, which takes time. */
		ASSERT_EQ(0, fallocate(self->fd, 0, 0, BIG));
		do {
			ret = vt_resize(self->fd, SMALL);
			if (!ret)
				break;
			ASSERT_EQ(-EBUSY, ret);
			busy++;
			usleep(20 + busy % 8 * 20);
		} while (i++ < ROUNDS);
		if (ret)
			break;
		shrunk++;
		if (shrunk % 4 == 0)
			sched_yield();
		ASSERT_EQ(0, vt_resize(self->fd, BIG));
		usleep(shrunk % 5 * 300);
	}

	__atomic_store_n(&self->shared->stop, 1, __ATOMIC_RELEASE);
	for (i = 0; i < NR_WORKERS; i++) {
		if (variant->threads) {
			ASSERT_EQ(0, pthread_join(thread[i], NULL));
		} else {
			EXPECT_EQ(0, vt_wait(&child[i]));
		}
	}
	TH_LOG("shrunk %lu times, refused %lu times; %lu mappings, %lu too late",
	       shrunk, busy, self->shared->mapped, self->shared->too_late);
	EXPECT_EQ(0, self->shared->sigbus);
	EXPECT_EQ(0, self->shared->failed);
	EXPECT_LT(0, shrunk);
	EXPECT_LT(0, busy);
	EXPECT_LT(0, self->shared->mapped);
	/* All of it is over: nobody is left to object. */
	EXPECT_EQ(0, vt_resize(self->fd, 0));
}

/* A region whose users cope: always granted, and never anything but SIGBUS. */
TEST(shrinkable)
{
	struct vt_child child[NR_WORKERS];
	struct way way = { .fn = do_map };
	struct shared *shared;
	unsigned long i;
	int dev, fd;

	dev = vt_device();
	ASSERT_LE(0, dev);
	shared = mmap(NULL, sizeof(*shared), RW, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	ASSERT_NE(MAP_FAILED, shared);
	way.shared = shared;
	fd = vt_region(dev, "shrinkable", BIG, 0, VMSHM_SHRINKABLE);
	ASSERT_LE(0, fd);
	for (i = 0; i < NR_WORKERS; i++) {
		ASSERT_LE(0, vt_fork(&child[i]));
		if (!child[i].pid) {
			way.fd = vt_reopen(fd, O_RDWR);
			work(&way);
			_exit(0);
		}
	}
	for (i = 0; i < ROUNDS && (i < 200 || !shared->sigbus ||
				   !shared->mapped); i++) {
		ASSERT_EQ(0, fallocate(fd, 0, 0, BIG));
		usleep(i % 3 * 200);
		ASSERT_EQ(0, vt_resize(fd, SMALL));
		ASSERT_EQ(0, vt_resize(fd, BIG));
	}
	__atomic_store_n(&shared->stop, 1, __ATOMIC_RELEASE);
	for (i = 0; i < NR_WORKERS; i++)
		EXPECT_EQ(0, vt_wait(&child[i]));
	EXPECT_LT(0, shared->sigbus);
	EXPECT_LT(0, shared->mapped);
	close(fd);
}

TEST_HARNESS_MAIN
