// SPDX-License-Identifier: GPL-2.0
/*
 * Ways in which a dirty log could lose a write: one deterministic test each.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>

#include "lib/harness.h"
#include "lib/vmshm_log.h"
#include "lib/vmshm_mem.h"
#include "lib/vmshm_swap.h"

/* Enough for pages to be protected in batches, and one alone. */
#define NR	48UL
#define SIZE	(NR * VT_PAGE)
#define ALONE	(NR - 1)

FIXTURE(log_paths) {
	int dev;
	int fd;
	unsigned char *mem;
	int log;
};

static void write_all(unsigned char *mem)
{
	unsigned long i;

	for (i = 0; i < NR; i++)
		mem[i * VT_PAGE]++;
}

FIXTURE_SETUP(log_paths)
{
	self->dev = vt_device();
	ASSERT_LE(0, self->dev);
	self->fd = vt_region(self->dev, "paths", SIZE, 0, VMSHM_SHRINKABLE);
	ASSERT_LE(0, self->fd);
	self->mem = vt_map(self->fd, SIZE, PROT_READ | PROT_WRITE, 0);
	ASSERT_NE(NULL, self->mem);
	write_all(self->mem);
	self->log = vt_log_open(self->fd, 0, 0, 0);
	ASSERT_LE(0, self->log);
}

FIXTURE_TEARDOWN(log_paths)
{
	close(self->log);
	munmap(self->mem, SIZE);
	close(self->fd);
	close(self->dev);
}

/*
 * Writes all pages through @mem, so that each can be written; fetches, so that
 * none can; and does it again. Each write must be reported. One page alone is
 * protected in another way than a batch.
 */
static bool rounds(int log, unsigned char *mem)
{
	int round;

	for (round = 0; round < 3; round++) {
		write_all(mem);
		if (!vt_log_reports(log, 0, NR))
			return false;
		mem[ALONE * VT_PAGE]++;
		if (!vt_log_reports(log, ALONE, 1))
			return false;
	}
	return true;
}

/*
 * Kinds of mappings, in all orders: a walk over the mappings must not end at
 * one that cannot be protected.
 */
enum kind { SHARED, PRIVATE, COWED, READONLY, NR_KINDS };

static unsigned char *map_kind(int fd, int ro, enum kind kind)
{
	volatile unsigned char *mem;

	switch (kind) {
	case SHARED:
		return vt_map(fd, SIZE, PROT_READ | PROT_WRITE, 0);
	case READONLY:
		mem = vt_map(ro, SIZE, PROT_READ, 0);
		break;
	default:
		mem = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd,
			   0);
		if (mem == MAP_FAILED)
			return NULL;
	}
	if (mem)
		(void)mem[0];
	if (kind == COWED)
		mem[5 * VT_PAGE] = 0xee;
	return (unsigned char *)mem;
}

TEST_F(log_paths, odd_mappings)
{
	int ro = vt_readonly(self->fd), order, i;

	ASSERT_LE(0, ro);
	/* The fixture's mapping is not to be the first. */
	munmap(self->mem, SIZE);
	for (order = 0; order < NR_KINDS * NR_KINDS * NR_KINDS; order++) {
		enum kind kinds[3] = {
			order % NR_KINDS, order / NR_KINDS % NR_KINDS,
			order / NR_KINDS / NR_KINDS
		};
		unsigned char *mems[3];

		for (i = 0; i < 3; i++) {
			mems[i] = map_kind(self->fd, ro, kinds[i]);
			ASSERT_NE(NULL, mems[i]);
		}
		for (i = 0; i < 3; i++) {
			if (kinds[i] == SHARED)
				EXPECT_TRUE(rounds(self->log, mems[i]))
					TH_LOG("order %d, mapping %d", order, i);
			if (kinds[i] == COWED)
				EXPECT_EQ(0xee, mems[i][5 * VT_PAGE]);
		}
		for (i = 0; i < 3; i++)
			munmap(mems[i], SIZE);
	}
	self->mem = vt_map(self->fd, SIZE, PROT_READ | PROT_WRITE, 0);
}

/* Several writers: a fetch must protect every mapping of a page. */
TEST_F(log_paths, many_mappings)
{
	unsigned char *mems[8];
	int i, j;

	for (i = 0; i < 8; i++) {
		mems[i] = vt_map(self->fd, SIZE, PROT_READ | PROT_WRITE, 0);
		ASSERT_NE(NULL, mems[i]);
	}
	for (j = 0; j < 3; j++) {
		for (i = 0; i < 8; i++)
			write_all(mems[i]);
		EXPECT_TRUE(vt_log_reports(self->log, 0, NR));
		for (i = 0; i < 8; i++)
			EXPECT_TRUE(rounds(self->log, mems[i]));
	}
}

TEST_F(log_paths, protect_back_and_forth)
{
	int i;

	for (i = 0; i < 3; i++) {
		write_all(self->mem);
		EXPECT_TRUE(vt_log_reports(self->log, 0, NR));
		/* What is dirty below must not become writable by itself. */
		ASSERT_EQ(0, mprotect(self->mem, SIZE, PROT_READ));
		ASSERT_EQ(0, mprotect(self->mem, SIZE, PROT_READ | PROT_WRITE));
		write_all(self->mem);
		EXPECT_TRUE(vt_log_reports(self->log, 0, NR));
		self->mem[ALONE * VT_PAGE]++;
		EXPECT_TRUE(vt_log_reports(self->log, ALONE, 1));
		ASSERT_EQ(0, mprotect(self->mem, SIZE, PROT_NONE));
		ASSERT_EQ(0, mprotect(self->mem, SIZE, PROT_READ | PROT_WRITE));
		self->mem[ALONE * VT_PAGE]++;
		EXPECT_TRUE(vt_log_reports(self->log, ALONE, 1));
		write_all(self->mem);
		ASSERT_EQ(0, mprotect(self->mem, SIZE, PROT_READ));
		EXPECT_TRUE(vt_log_reports(self->log, 0, NR));
		ASSERT_EQ(0, mprotect(self->mem, SIZE, PROT_READ | PROT_WRITE));
		write_all(self->mem);
		EXPECT_TRUE(vt_log_reports(self->log, 0, NR));
	}
}

TEST_F(log_paths, mremap)
{
	unsigned char *to;
	int i;

	for (i = 0; i < 4; i++) {
		write_all(self->mem);
		if (i % 2)
			EXPECT_TRUE(vt_log_reports(self->log, 0, NR));
		to = mmap(NULL, SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);
		ASSERT_NE(MAP_FAILED, to);
		to = mremap(self->mem, SIZE, SIZE, MREMAP_MAYMOVE |
			    MREMAP_FIXED, to);
		ASSERT_NE(MAP_FAILED, to);
		self->mem = to;
		if (!(i % 2))
			EXPECT_TRUE(vt_log_reports(self->log, 0, NR));
		EXPECT_TRUE(rounds(self->log, to));
	}
	/* Twice in the page tables: the old one is empty but mapped. */
	to = mremap(self->mem, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP,
		    NULL);
	if (to != MAP_FAILED) {
		EXPECT_TRUE(rounds(self->log, to));
		EXPECT_TRUE(rounds(self->log, self->mem));
	}
}

TEST_F(log_paths, fork)
{
	struct vt_child child;
	int i;

	/* Writable when it is forked, and protected. */
	write_all(self->mem);
	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		for (i = 0; i < 4; i++) {
			VT_CHECK(!vt_hear(child.sock));
			write_all(self->mem);
			VT_CHECK(!vt_tell(child.sock));
		}
		_exit(0);
	}
	EXPECT_TRUE(vt_log_reports(self->log, 0, NR));
	for (i = 0; i < 4; i++) {
		if (i % 2)
			EXPECT_TRUE(rounds(self->log, self->mem));
		EXPECT_EQ(0, vt_tell(child.sock));
		EXPECT_EQ(0, vt_hear(child.sock));
		EXPECT_TRUE(vt_log_reports(self->log, 0, NR));
	}
	EXPECT_EQ(0, vt_wait(&child));
}

/* Each migrated page comes back with the rights that it had. */
TEST_F(log_paths, migration)
{
	unsigned char *other = vt_map(self->fd, SIZE, PROT_READ | PROT_WRITE,
				      0);
	unsigned long i, moved = 0;

	ASSERT_NE(NULL, other);
	write_all(other);
	EXPECT_TRUE(rounds(self->log, self->mem));

	/* Protected when it moves. */
	for (i = 0; i < 4; i++)
		moved += !madvise(self->mem + i * VT_PAGE, VT_PAGE,
				  MADV_SOFT_OFFLINE);
	for (i = 0; i < 4; i++) {
		self->mem[i * VT_PAGE]++;
		EXPECT_TRUE(vt_log_reports(self->log, i, 1));
		other[i * VT_PAGE]++;
		EXPECT_TRUE(vt_log_reports(self->log, i, 1));
	}
	/* Writable when it moves. */
	write_all(self->mem);
	write_all(other);
	for (i = 4; i < 8; i++)
		moved += !madvise(self->mem + i * VT_PAGE, VT_PAGE,
				  MADV_SOFT_OFFLINE);
	EXPECT_TRUE(vt_log_reports(self->log, 0, NR));
	EXPECT_TRUE(rounds(self->log, self->mem));
	EXPECT_TRUE(rounds(self->log, other));
	EXPECT_LT(0, moved);
}

/* With swap, for one process. */
static bool page_out(FIXTURE_DATA(log_paths) *self)
{
	struct vmshm_stat stat;
	int tries;

	for (tries = 0; tries < 50; tries++) {
		if (madvise(self->mem, SIZE, MADV_PAGEOUT) ||
		    vt_stat(self->fd, &stat))
			return false;
		if (!stat.out_resident)
			return true;
		usleep(10000);
	}
	printf("# %llu bytes cannot be swapped\n", stat.out_resident);
	return false;
}

TEST_F(log_paths, swap)
{
	volatile unsigned char *mem = self->mem;
	unsigned long i;

	ASSERT_EQ(0, vt_swap_on());
	/* Swapped while dirty. */
	write_all(self->mem);
	ASSERT_TRUE(page_out(self));
	EXPECT_TRUE(vt_log_reports(self->log, 0, NR));
	/* Clean: written on the way in, or read first. */
	EXPECT_TRUE(rounds(self->log, self->mem));
	ASSERT_TRUE(page_out(self));
	EXPECT_EQ(0, vt_log_count(self->log, 0));
	for (i = 0; i < NR; i++)
		(void)mem[i * VT_PAGE];
	EXPECT_TRUE(rounds(self->log, self->mem));
	EXPECT_EQ(0, vt_swap_off());
}

/*
 * Protecting takes the dirty bit out of the page tables. Pages that were opened
 * beside another one have no other trace of having been written.
 */
TEST_F(log_paths, dirty_data_survives_reclaim)
{
	volatile unsigned char *mem = self->mem;
	unsigned long i;
	int log, run;

	ASSERT_EQ(0, vt_swap_on());
	close(self->log);
	/* In batches, and each page by itself. */
	for (run = 1; run <= 2; run++) {
		ASSERT_EQ(0, madvise(self->mem, SIZE, MADV_REMOVE));
		for (i = 0; i < NR; i += run)
			ASSERT_EQ(0, mem[i * VT_PAGE]);
		for (i = 0; i < NR; i += run)
			mem[i * VT_PAGE] = i + 1;
		log = vt_log_open(self->fd, 0, 0, 0);
		ASSERT_LE(0, log);
		ASSERT_TRUE(page_out(self));
		for (i = 0; i < NR; i += run)
			EXPECT_EQ(i + 1, mem[i * VT_PAGE]);
		close(log);
	}
	self->log = vt_log_open(self->fd, 0, 0, 0);
	EXPECT_EQ(0, vt_swap_off());
}

TEST_F(log_paths, hole)
{
	write_all(self->mem);
	EXPECT_TRUE(vt_log_reports(self->log, 0, NR));
	ASSERT_EQ(0, fallocate(self->fd, FALLOC_FL_PUNCH_HOLE |
			       FALLOC_FL_KEEP_SIZE, 0, SIZE / 2));
	EXPECT_TRUE(vt_log_exactly(self->log, 0, NR / 2));
	EXPECT_TRUE(rounds(self->log, self->mem));
	/* Read-mapped as a hole, then written. */
	ASSERT_EQ(0, madvise(self->mem, SIZE, MADV_REMOVE));
	EXPECT_TRUE(vt_log_exactly(self->log, 0, NR));
	EXPECT_TRUE(vt_filled(self->mem, 0, SIZE));
	EXPECT_EQ(0, vt_log_count(self->log, 0));
	EXPECT_TRUE(rounds(self->log, self->mem));
}

TEST_F(log_paths, shrink_and_grow)
{
	int i;

	for (i = 0; i < 3; i++) {
		write_all(self->mem);
		EXPECT_EQ(0, vt_resize(self->fd, SIZE / 2 + 100 * i));
		EXPECT_TRUE(vt_log_reports(self->log, 0, NR / 2));
		EXPECT_EQ(0, vt_resize(self->fd, SIZE));
		EXPECT_TRUE(vt_log_reports(self->log, NR / 2, NR / 2));
		EXPECT_EQ(0, vt_log_count(self->log, 0));
		EXPECT_TRUE(rounds(self->log, self->mem));
	}
}

/* Writes on behalf of another process. */

TEST_F(log_paths, process_vm_writev)
{
	unsigned char byte = 0x77;
	struct iovec local = { .iov_base = &byte, .iov_len = 1 };
	struct iovec remote = { .iov_len = 1 };
	struct vt_child child;
	int i;

	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		write_all(self->mem);
		VT_CHECK(!vt_tell(child.sock));
		vt_hear(child.sock);
		_exit(0);
	}
	EXPECT_EQ(0, vt_hear(child.sock));
	EXPECT_TRUE(vt_log_reports(self->log, 0, NR));
	for (i = 0; i < 4; i++) {
		remote.iov_base = self->mem + i * VT_PAGE;
		EXPECT_EQ(1, process_vm_writev(child.pid, &local, 1, &remote, 1,
					       0));
		EXPECT_EQ(0x77, self->mem[i * VT_PAGE]);
		EXPECT_TRUE(vt_log_reports(self->log, i, 1));
	}
	EXPECT_EQ(0, vt_kill(&child) - 128 - SIGKILL);
}

TEST_F(log_paths, ptrace)
{
	struct vt_child child;
	int i, status;

	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		write_all(self->mem);
		vt_hear(child.sock);
		_exit(0);
	}
	ASSERT_EQ(0, ptrace(PTRACE_SEIZE, child.pid, NULL, NULL));
	ASSERT_EQ(0, ptrace(PTRACE_INTERRUPT, child.pid, NULL, NULL));
	ASSERT_EQ(child.pid, waitpid(child.pid, &status, 0));
	EXPECT_LE(0, vt_log_count(self->log, 0));
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, ptrace(PTRACE_POKEDATA, child.pid,
				    self->mem + i * VT_PAGE, 0x1234));
		EXPECT_EQ(0x34, self->mem[i * VT_PAGE]);
		EXPECT_TRUE(vt_log_reports(self->log, i, 1));
	}
	vt_kill(&child);
}

/* Writers that run: what changed between two looks must be reported. */

struct writers {
	unsigned char *mem;
	atomic_int end;
};

static atomic_uint *counter(unsigned char *mem, unsigned long page)
{
	return (atomic_uint *)(mem + page * VT_PAGE);
}

static void *writer_thread(void *arg)
{
	struct writers *writers = arg;
	unsigned int seed = 1;

	while (!atomic_load(&writers->end)) {
		unsigned long page = (unsigned long)rand_r(&seed) % NR;

		atomic_fetch_add(counter(writers->mem, page), 1);
		/* Now and then pages rest. */
		if (!(rand_r(&seed) % 64))
			usleep(100);
	}
	return NULL;
}

static void look(unsigned char *mem, unsigned int *seen)
{
	unsigned long i;

	for (i = 0; i < NR; i++)
		seen[i] = atomic_load(counter(mem, i));
}

static bool changes_reported(int log, unsigned char *mem,
			     const unsigned int *seen)
{
	unsigned char pages[NR] = { 0 };
	unsigned int again[NR];
	unsigned long i;

	look(mem, again);
	if (vt_log_read(log, 0, 1000, pages) < 0)
		return false;
	for (i = 0; i < NR; i++) {
		if (seen[i] == again[i] || pages[i])
			continue;
		printf("# page %lu: %u, then %u, not reported\n", i, seen[i],
		       again[i]);
		return false;
	}
	return true;
}

TEST_F(log_paths, open_while_written)
{
	struct writers writers = { .mem = self->mem };
	unsigned char *mine = vt_map(self->fd, SIZE, PROT_READ, 0);
	unsigned int seen[NR];
	pthread_t thread;
	bool ok = true;
	int i, log;

	ASSERT_NE(NULL, mine);
	close(self->log);
	ASSERT_EQ(0, pthread_create(&thread, NULL, writer_thread, &writers));
	for (i = 0; i < 40 && ok; i++) {
		log = vt_log_open(self->fd, 0, 0, 0);
		look(mine, seen);
		usleep(1000);
		ok = log >= 0 && changes_reported(log, mine, seen);
		close(log);
		/* Without any log a fault opens all pages. */
		usleep(500);
	}
	writers.end = 1;
	pthread_join(thread, NULL);
	EXPECT_TRUE(ok);
	self->log = vt_log_open(self->fd, 0, 0, 0);
}

TEST_F(log_paths, fetch_while_written)
{
	struct writers writers = { .mem = self->mem };
	unsigned char *mine = vt_map(self->fd, SIZE, PROT_READ, 0);
	unsigned int seen[NR];
	pthread_t thread;
	bool ok = true;
	int i;

	ASSERT_NE(NULL, mine);
	ASSERT_EQ(0, pthread_create(&thread, NULL, writer_thread, &writers));
	for (i = 0; i < 500 && ok; i++) {
		look(mine, seen);
		if (i % 4 == 0)
			usleep(300);
		ok = changes_reported(self->log, mine, seen);
	}
	writers.end = 1;
	pthread_join(thread, NULL);
	EXPECT_TRUE(ok);
}

/* Pages that somebody holds: reported until he lets go. */

static bool reported_while_held(int log, unsigned long page)
{
	int i;

	for (i = 0; i < 4; i++)
		if (!vt_log_reports(log, page, 1))
			return false;
	return true;
}

/* A fetch or two after it was let go there is nothing to report. */
static bool reported_no_more(int log)
{
	int i;

	for (i = 0; i < 100; i++)
		if (!vt_log_count(log, 0))
			return true;
	return false;
}

TEST_F(log_paths, held_by_pipe)
{
	struct iovec iov = { .iov_base = self->mem + 7 * VT_PAGE,
			     .iov_len = VT_PAGE };
	struct vmshm_log_stat stat;
	int pipes[2], other;
	char buf[VT_PAGE];

	ASSERT_EQ(0, pipe(pipes));
	EXPECT_EQ(0, vt_log_count(self->log, 0));
	ASSERT_EQ(VT_PAGE, vmsplice(pipes[1], &iov, 1, 0));
	write_all(self->mem);
	EXPECT_TRUE(reported_while_held(self->log, 7));
	ASSERT_EQ(0, vt_log_stat(self->log, &stat));
	EXPECT_LE(4, stat.out_pinned);
	EXPECT_EQ(1, stat.out_dirty);

	/* A log that opens knows it, too. */
	other = vt_log_open(self->fd, 0, 0, 0);
	ASSERT_LE(0, other);
	EXPECT_TRUE(reported_while_held(other, 7));
	/* So does REARM. */
	EXPECT_EQ(0, vt_log_rearm(other, 0, NR));
	EXPECT_TRUE(reported_while_held(other, 7));

	ASSERT_EQ(VT_PAGE, read(pipes[0], buf, VT_PAGE));
	EXPECT_TRUE(reported_no_more(self->log));
	EXPECT_TRUE(reported_no_more(other));
}

/*
 * mprotect() makes what is dirty writable without a fault, and asks nobody: the
 * time between protecting an entry and cleaning it is enough for it. A page that
 * was once made writable so is not reported, until it is made read-only while it
 * is clean: so there is one mprotect() to a fetch, at any time of it.
 */
#define PROTECT_SECONDS	15

struct protector {
	unsigned char *mem;
	atomic_uint go;		/* number of the round; 0: end */
	atomic_uint done;
	uint64_t when;		/* ns */
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static void *mprotect_thread(void *arg)
{
	struct protector *p = arg;
	unsigned int go;

	for (;;) {
		while ((go = atomic_load(&p->go)) == atomic_load(&p->done))
			sched_yield();
		if (!go)
			return NULL;
		while (now_ns() < p->when)
			;
		mprotect(p->mem, SIZE, PROT_READ);
		mprotect(p->mem, SIZE, PROT_READ | PROT_WRITE);
		atomic_store(&p->done, go);
	}
}

TEST_F(log_paths, mprotect_while_fetched)
{
	struct protector p = { .mem = self->mem, .go = 1, .done = 1 };
	unsigned int round, max = 1500;
	uint64_t start, took = 0, end;
	pthread_t thread;
	bool ok = true;

	ASSERT_EQ(0, pthread_create(&thread, NULL, mprotect_thread, &p));
	/* On a busy machine each round can take a time slice. */
	end = now_ns() + PROTECT_SECONDS * 1000000000ULL;
	for (round = 2; round < max && ok && now_ns() < end; round++) {
		write_all(self->mem);
		start = now_ns();
		p.when = start + rand() % (took + 1);
		atomic_store(&p.go, round);
		ok = vt_log_count(self->log, 0) >= 0;
		if (now_ns() - start < 1000000)
			took = now_ns() - start;
		while (atomic_load(&p.done) != round)
			sched_yield();
		write_all(self->mem);
		ok = ok && vt_log_reports(self->log, 0, NR);
	}
	atomic_store(&p.go, 0);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_TRUE(ok)
		TH_LOG("round %u", round);
}

/*
 * References are counted while others map and unmap the page: none of that may
 * hide the one that is held.
 */
static void *unmap_thread(void *arg)
{
	struct writers *writers = arg;
	int fd = *(int *)writers->mem;
	volatile unsigned char *mem;

	while (!atomic_load(&writers->end)) {
		mem = vt_map(fd, VT_PAGE, PROT_READ, 7 * VT_PAGE);
		(void)mem[0];
		munmap((void *)mem, VT_PAGE);
	}
	return NULL;
}

TEST_F(log_paths, held_while_unmapped)
{
	struct iovec iov = { .iov_base = self->mem + 7 * VT_PAGE,
			     .iov_len = VT_PAGE };
	struct writers writers = { .mem = (unsigned char *)&self->fd };
	pthread_t thread;
	bool ok = true;
	int pipes[2], i;

	ASSERT_EQ(0, pipe(pipes));
	ASSERT_EQ(VT_PAGE, vmsplice(pipes[1], &iov, 1, 0));
	self->mem[7 * VT_PAGE]++;
	ASSERT_EQ(0, pthread_create(&thread, NULL, unmap_thread, &writers));
	for (i = 0; i < 1500 && ok; i++)
		ok = vt_log_count(self->log, 0) >= 1;
	writers.end = 1;
	pthread_join(thread, NULL);
	EXPECT_TRUE(ok)
		TH_LOG("round %d", i);
}

TEST_F(log_paths, held_by_io_uring)
{
	struct vt_ring ring;
	int ret;

	ASSERT_EQ(0, vt_ring_init(&ring));
	ret = vt_ring_register(&ring, self->mem + 7 * VT_PAGE, VT_PAGE);
	/*
	 * 6.1 takes no file's memory but shmem's, which it knows by the vm_ops;
	 * newer kernels refuse long-term pins of what they think is written
	 * back. A kernel that does pin the pages must not lose them.
	 */
	if (ret) {
		EXPECT_TRUE(ret == -EFAULT || ret == -EOPNOTSUPP)
			TH_LOG("%s", strerror(-ret));
	} else {
		EXPECT_TRUE(reported_while_held(self->log, 7));
		write_all(self->mem);
		EXPECT_TRUE(reported_while_held(self->log, 7));
		EXPECT_EQ(0, vt_ring_unregister(&ring));
	}
	vt_ring_exit(&ring);
	EXPECT_TRUE(reported_no_more(self->log));
}

/* A disk that does not answer while it is suspended. */
#define SLOW	"vmshm-slow"

static int run(const char *command)
{
	int status = system(command);

	return status < 0 ? -errno : WEXITSTATUS(status);
}

TEST_F(log_paths, held_by_direct_io)
{
	struct vmshm_log_stat stat;
	struct vt_child child;
	char *sector = NULL;
	int disk;

	ASSERT_EQ(0, vt_disks());
	ASSERT_EQ(0, run("modprobe dm_mod; DM_DISABLE_UDEV=1 dmsetup create "
			 SLOW " --table '0 64 linear " VT_DISK_DEVICE
			 " 0' >/dev/null"));
	disk = open("/dev/mapper/" SLOW, O_RDWR | O_DIRECT | O_CLOEXEC);
	ASSERT_LE(0, disk);
	ASSERT_EQ(0, posix_memalign((void **)&sector, VT_PAGE, VT_PAGE));
	memset(sector, 0x5a, VT_PAGE);
	ASSERT_EQ(VT_PAGE, pwrite(disk, sector, VT_PAGE, 0));
	ASSERT_EQ(0, run("DM_DISABLE_UDEV=1 dmsetup suspend --nolockfs " SLOW));

	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		VT_CHECK(!vt_tell(child.sock));
		VT_CHECK(pread(disk, self->mem + 7 * VT_PAGE, VT_PAGE, 0) ==
			 VT_PAGE);
		_exit(0);
	}
	EXPECT_EQ(0, vt_hear(child.sock));
	/* To be written from the fault on, and held a little later. */
	do {
		usleep(1000);
		ASSERT_LE(0, vt_log_count(self->log, 0));
		ASSERT_EQ(0, vt_log_stat(self->log, &stat));
	} while (!stat.out_pinned);
	EXPECT_TRUE(reported_while_held(self->log, 7));
	EXPECT_NE(0x5a, self->mem[7 * VT_PAGE]);
	EXPECT_TRUE(reported_while_held(self->log, 7));

	EXPECT_EQ(0, run("DM_DISABLE_UDEV=1 dmsetup resume " SLOW));
	EXPECT_EQ(0, vt_wait(&child));
	EXPECT_TRUE(vt_filled(self->mem + 7 * VT_PAGE, 0x5a, VT_PAGE));
	EXPECT_TRUE(vt_log_reports(self->log, 7, 1));
	EXPECT_TRUE(reported_no_more(self->log));
	close(disk);
	EXPECT_EQ(0, run("DM_DISABLE_UDEV=1 dmsetup remove " SLOW));
}

/* Huge pages: the unit is what the page is part of when it is written. */

#define NR_HUGE		4UL
#define HUGE_PAGES	(VT_HUGE / VT_PAGE)
#define HUGE_SIZE	(NR_HUGE * VT_HUGE)

FIXTURE(log_huge) {
	int dev;
	int fd;
	unsigned char *mem;
	int log;
};

FIXTURE_SETUP(log_huge)
{
	self->dev = vt_device();
	ASSERT_LE(0, self->dev);
	self->fd = vt_region_huge(self->dev, "huge", HUGE_SIZE, 0, 0,
				  VMSHM_HUGE_ADVISE);
	ASSERT_LE(0, self->fd);
	self->mem = vt_map(self->fd, HUGE_SIZE, PROT_READ | PROT_WRITE, 0);
	ASSERT_NE(NULL, self->mem);
	self->log = -1;
}

FIXTURE_TEARDOWN(log_huge)
{
	close(self->log);
	munmap(self->mem, HUGE_SIZE);
	close(self->fd);
	close(self->dev);
}

static void make_huge(struct __test_metadata *_metadata,
		      FIXTURE_DATA(log_huge) *self)
{
	ASSERT_EQ(0, madvise(self->mem, HUGE_SIZE, MADV_HUGEPAGE));
	memset(self->mem, 1, HUGE_SIZE);
	ASSERT_EQ(HUGE_SIZE, vt_smaps(self->mem, "ShmemPmdMapped"));
	self->log = vt_log_open(self->fd, 0, 0, 0);
	ASSERT_LE(0, self->log);
	ASSERT_EQ(0, vt_log_count(self->log, 0));
}

TEST_F(log_huge, stays_mapped_huge)
{
	unsigned char *other = vt_map(self->fd, HUGE_SIZE,
				      PROT_READ | PROT_WRITE, 0);
	struct vmshm_log_stat stat;
	int i;

	ASSERT_NE(NULL, other);
	make_huge(_metadata, self);
	memset(other, 2, HUGE_SIZE);
	EXPECT_TRUE(vt_log_exactly(self->log, 0, NR_HUGE * HUGE_PAGES));
	for (i = 0; i < 6; i++) {
		/* Any page of it makes all of it dirty. */
		self->mem[VT_HUGE + 100 * i * VT_PAGE]++;
		EXPECT_TRUE(vt_log_exactly(self->log, HUGE_PAGES, HUGE_PAGES));
		other[VT_HUGE + 100 * i * VT_PAGE]++;
		EXPECT_TRUE(vt_log_exactly(self->log, HUGE_PAGES, HUGE_PAGES));
		EXPECT_EQ(0, vt_log_count(self->log, 0));
		memset(self->mem, i, HUGE_SIZE);
		EXPECT_TRUE(vt_log_exactly(self->log, 0, NR_HUGE * HUGE_PAGES));
		EXPECT_EQ(HUGE_SIZE, vt_smaps(self->mem, "ShmemPmdMapped"));
	}
	ASSERT_EQ(0, vt_log_stat(self->log, &stat));
	/* Each as one folio. */
	EXPECT_EQ(NR_HUGE + 6 * (2 + NR_HUGE), stat.out_protected);
}

/* A log of a part of a huge page reports that part. */
TEST_F(log_huge, part)
{
	int log;

	make_huge(_metadata, self);
	log = vt_log_open(self->fd, 0, HUGE_PAGES + 10, 20);
	ASSERT_LE(0, log);
	self->mem[VT_HUGE]++;
	EXPECT_TRUE(vt_log_exactly(log, HUGE_PAGES + 10, 20));
	self->mem[VT_HUGE + 15 * VT_PAGE]++;
	EXPECT_TRUE(vt_log_exactly(log, HUGE_PAGES + 10, 20));
	EXPECT_TRUE(vt_log_exactly(self->log, HUGE_PAGES, HUGE_PAGES));
	/* Taking a part protects all of it, and what is left is dirty. */
	self->mem[VT_HUGE]++;
	EXPECT_EQ(0, vt_log_rearm(self->log, HUGE_PAGES + 100, 100));
	self->mem[VT_HUGE + 150 * VT_PAGE]++;
	EXPECT_TRUE(vt_log_exactly(self->log, HUGE_PAGES, HUGE_PAGES));
}

TEST_F(log_huge, collapse)
{
	unsigned long page;

	/* Small pages first, some dirty, some clean. */
	memset(self->mem, 1, HUGE_SIZE);
	EXPECT_EQ(0, vt_smaps(self->mem, "ShmemPmdMapped"));
	self->log = vt_log_open(self->fd, 0, 0, 0);
	ASSERT_LE(0, self->log);
	self->mem[5 * VT_PAGE]++;
	ASSERT_EQ(0, madvise(self->mem, HUGE_SIZE, MADV_HUGEPAGE));
	ASSERT_EQ(0, madvise(self->mem, VT_HUGE, MADV_COLLAPSE));
	self->mem[7 * VT_PAGE]++;
	EXPECT_EQ(VT_HUGE, vt_smaps(self->mem, "ShmemPmdMapped"));
	EXPECT_TRUE(vt_log_reports(self->log, 5, 3));
	for (page = 0; page < HUGE_PAGES; page += 37) {
		self->mem[page * VT_PAGE]++;
		EXPECT_TRUE(vt_log_exactly(self->log, 0, HUGE_PAGES));
	}
	/* All that is dirty. */
	memset(self->mem + VT_HUGE, 3, VT_HUGE);
	ASSERT_EQ(0, madvise(self->mem + VT_HUGE, VT_HUGE, MADV_COLLAPSE));
	EXPECT_TRUE(vt_log_reports(self->log, HUGE_PAGES, HUGE_PAGES));
	self->mem[VT_HUGE + 9 * VT_PAGE]++;
	EXPECT_TRUE(vt_log_exactly(self->log, HUGE_PAGES, HUGE_PAGES));
}

static bool all_pages_reported(FIXTURE_DATA(log_huge) *self,
			       unsigned char *mem)
{
	unsigned long page;

	for (page = 0; page < HUGE_PAGES; page += 41) {
		mem[page * VT_PAGE]++;
		if (!vt_log_reports(self->log, page, 1))
			return false;
	}
	return true;
}

/* The folio is split: by a hole, while dirty and while clean. */
TEST_F(log_huge, split_folio)
{
	make_huge(_metadata, self);
	self->mem[0]++;
	ASSERT_EQ(0, madvise(self->mem + 100 * VT_PAGE, VT_PAGE, MADV_REMOVE));
	EXPECT_TRUE(vt_log_exactly(self->log, 0, HUGE_PAGES));
	EXPECT_TRUE(all_pages_reported(self, self->mem));
	ASSERT_EQ(0, madvise(self->mem + VT_HUGE + 10 * VT_PAGE, VT_PAGE,
			     MADV_REMOVE));
	EXPECT_TRUE(vt_log_exactly(self->log, HUGE_PAGES + 10, 1));
	EXPECT_TRUE(all_pages_reported(self, self->mem));
	EXPECT_EQ(HUGE_SIZE - 2 * VT_HUGE,
		  vt_smaps(self->mem, "ShmemPmdMapped"));
}

/* Only the mapping is split: the folio is huge, the entries are small. */
TEST_F(log_huge, split_mapping)
{
	unsigned char *other;

	make_huge(_metadata, self);
	self->mem[0]++;
	ASSERT_EQ(0, mprotect(self->mem + 100 * VT_PAGE, VT_PAGE, PROT_READ));
	EXPECT_TRUE(vt_log_exactly(self->log, 0, HUGE_PAGES));
	EXPECT_TRUE(vt_log_reports(self->log, 0, 0));
	self->mem[0]++;
	EXPECT_TRUE(vt_log_exactly(self->log, 0, HUGE_PAGES));
	self->mem[200 * VT_PAGE]++;
	EXPECT_TRUE(vt_log_exactly(self->log, 0, HUGE_PAGES));

	/* At an address that no huge entry can be at. */
	other = vt_map(self->fd, VT_HUGE / 2, PROT_READ | PROT_WRITE,
		       VT_HUGE + VT_HUGE / 4);
	ASSERT_NE(NULL, other);
	other[0]++;
	EXPECT_TRUE(vt_log_exactly(self->log, HUGE_PAGES, HUGE_PAGES));
	other[VT_PAGE]++;
	EXPECT_TRUE(vt_log_exactly(self->log, HUGE_PAGES, HUGE_PAGES));
	self->mem[VT_HUGE]++;
	EXPECT_TRUE(vt_log_exactly(self->log, HUGE_PAGES, HUGE_PAGES));
}

TEST_F(log_huge, odd_mappings)
{
	unsigned char *priv, *ro;
	int fd = vt_readonly(self->fd);

	ASSERT_LE(0, fd);
	make_huge(_metadata, self);
	priv = mmap(NULL, HUGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE,
		    self->fd, 0);
	ASSERT_NE(MAP_FAILED, priv);
	priv[3 * VT_PAGE] = 9;
	ro = vt_map(fd, HUGE_SIZE, PROT_READ, 0);
	ASSERT_NE(NULL, ro);
	EXPECT_EQ(1, vt_peek(ro));
	EXPECT_TRUE(all_pages_reported(self, self->mem));
	EXPECT_EQ(9, priv[3 * VT_PAGE]);
}

TEST_F(log_huge, held_by_pipe)
{
	struct iovec iov = { .iov_base = self->mem + 7 * VT_PAGE,
			     .iov_len = VT_PAGE };
	char buf[VT_PAGE];
	int pipes[2];

	make_huge(_metadata, self);
	ASSERT_EQ(0, pipe(pipes));
	ASSERT_EQ(VT_PAGE, vmsplice(pipes[1], &iov, 1, 0));
	self->mem[0]++;
	EXPECT_TRUE(reported_while_held(self->log, 7));
	ASSERT_EQ(VT_PAGE, read(pipes[0], buf, VT_PAGE));
	EXPECT_TRUE(reported_no_more(self->log));
}

TEST_HARNESS_MAIN
