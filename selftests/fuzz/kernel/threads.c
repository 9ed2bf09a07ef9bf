// SPDX-License-Identifier: GPL-2.0
/*
 * Programs of threads: what holds whatever happens at the same time.
 *
 * One region is the subject: it never shrinks and nobody makes holes in it. Each
 * worker counts in places of its own in its pages, and what it counted has to be
 * there in the end. Two readers keep copies of it by a dirty log each, and the
 * copies have to be equal to it in the end. A peer of it is rung, and has to
 * have been rung as often as was said. All the while the workers make, change
 * and destroy whatever there can be, each other's files included; see
 * threads_calls.c.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzz.h"
#include "lib/vmshm_test.h"

#define FZ_WORKERS	8
#define FZ_READERS	2
#define FZ_FIRST	24UL	/* pages that are counted in */
#define FZ_MOST		64UL	/* pages it grows to */
#define FZ_ROUNDS	150

static int fz_subject;
static unsigned char *fz_subject_map;
static uint64_t fz_counted[FZ_WORKERS][FZ_FIRST];
static unsigned int fz_nr_workers;
static int fz_victim, fz_victim_eventfd, fz_ringer;
static uint32_t fz_victim_number;
static uint64_t fz_rings;
static int fz_done;

struct fz_worker {
	pthread_t thread;
	unsigned int number;
	struct fz_random random;
};

struct fz_reader {
	pthread_t thread;
	struct fz_random random;
	int log;
	unsigned char *copy;
};

static struct fz_worker fz_worker[FZ_WORKERS];
static struct fz_reader fz_reader[FZ_READERS];

static void fz_count(struct fz_worker *worker)
{
	unsigned int page = fz_below(&worker->random, FZ_FIRST);
	uint64_t value = ++fz_counted[worker->number][page];
	size_t offset = page * FZ_PAGE + worker->number * sizeof(value);
	int status;
	pid_t pid;

	switch (fz_below(&worker->random, 40)) {
	case 0:
		/* Not its own memory: the region's. */
		pid = fork();
		if (!pid) {
			memcpy(fz_subject_map + offset, &value, sizeof(value));
			_exit(0);
		}
		if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
			fz_fail("a child that counts: %m");
		break;
	case 1 ... 10:
		if (pwrite(fz_subject, &value, sizeof(value), offset) !=
		    sizeof(value))
			fz_fail("write to the subject: %m");
		break;
	default:
		memcpy(fz_subject_map + offset, &value, sizeof(value));
		break;
	}
}

static void fz_ring(struct fz_worker *worker)
{
	struct vmshm_peer_ring ring = {
		.size = sizeof(ring),
		.number = fz_below(&worker->random, 4) ? fz_victim_number :
			VMSHM_PEER_ALL,
		.vector = fz_below(&worker->random, 4),
	};

	FZ_EXPECT(vt_ioctl(fz_ringer, VMSHM_IOC_PEER_RING, &ring), 0, "RING");
	__atomic_add_fetch(&fz_rings, 1, __ATOMIC_SEQ_CST);
}

static void *fz_work(void *arg)
{
	struct fz_worker *worker = arg;
	struct fz_random *random = &worker->random;
	unsigned int i;
	int ret;

	fz_kcov_start();
	for (i = 0; i < FZ_ROUNDS; i++) {
		fz_kcov_begin();
		switch (fz_below(random, 16)) {
		case 0 ... 2:
			fz_count(worker);
			break;
		case 3:
			fz_ring(worker);
			break;
		case 4:
			fz_threads_make(random);
			break;
		case 5:
			fz_threads_files(random);
			break;
		case 6 ... 8:
			fz_threads_calls(random);
			break;
		case 9 ... 10:
			fz_threads_map(random, worker->number, fz_nr_workers);
			break;
		case 11 ... 12:
			fz_threads_vm_run(random, FZ_ELSE);
			break;
		case 13:
			fz_threads_pass(random);
			break;
		case 14:
			if (!fz_below(random, 4))
				fz_threads_fork(random, worker->number,
						fz_nr_workers);
			break;
		default:
			ret = fz_below(random, FZ_MOST) + 1;
			ret = vt_resize(fz_subject, ret * FZ_PAGE);
			/* A binding may be in the way of what others want. */
			if (ret && ret != -EPERM && ret != -EBUSY &&
			    ret != -ENOSPC)
				fz_fail("resize of the subject: %d", ret);
		}
		fz_kcov_end(0);
		__atomic_add_fetch(&fz.shared->ops, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void fz_copy_page(struct fz_reader *reader, uint64_t page)
{
	unsigned char *to = reader->copy + page * FZ_PAGE;
	ssize_t ret;

	if (page >= FZ_MOST)
		fz_fail("a log of %lu pages told of page %llu", FZ_MOST,
			(unsigned long long)page);
	/* It may end in this page, or before. */
	ret = pread(fz_subject, to, FZ_PAGE, page * FZ_PAGE);
	if (ret < 0)
		fz_fail("read of page %llu: %m", (unsigned long long)page);
	memset(to + ret, 0, FZ_PAGE - ret);
}

/* Fetches once and copies what was told; returns how many pages. */
static unsigned int fz_fetch(struct fz_reader *reader)
{
	struct vmshm_log_range range[16];
	struct vmshm_log_fetch fetch = {
		.size = sizeof(fetch),
		.flags = fz_below(&reader->random, 3) ? 0 : VMSHM_LOG_PEEK,
		.count = 16,
		.buffer = (uintptr_t)range,
	};
	struct vmshm_log_rearm rearm = {
		.size = sizeof(rearm),
		.ranges = (uintptr_t)range,
	};
	unsigned int i, n = 0;
	uint64_t page;

	FZ_EXPECT(vt_ioctl(reader->log, VMSHM_IOC_LOG_FETCH, &fetch), 0,
		  "FETCH");
	rearm.count = fetch.out_count;
	if (fetch.flags & VMSHM_LOG_PEEK)
		FZ_EXPECT(vt_ioctl(reader->log, VMSHM_IOC_LOG_REARM, &rearm), 0,
			  "REARM");
	for (i = 0; i < fetch.out_count; i++) {
		for (page = range[i].first_page;
		     page < range[i].first_page + range[i].nr_pages; page++) {
			fz_copy_page(reader, page);
			n++;
		}
	}
	return n;
}

static void *fz_read(void *arg)
{
	struct fz_reader *reader = arg;
	unsigned int tries;

	fz_kcov_start();
	while (!__atomic_load_n(&fz_done, __ATOMIC_SEQ_CST)) {
		fz_kcov_begin();
		fz_fetch(reader);
		fz_kcov_end(0);
		usleep(fz_below(&reader->random, 3000));
	}
	/* Pages that are held are told again and again. */
	for (tries = 0; tries < 20 && fz_fetch(reader); tries++)
		;
	return NULL;
}

static int fz_join(uint32_t vectors, uint32_t *number)
{
	struct vmshm_join join = { .size = sizeof(join), .vectors = vectors };

	FZ_EXPECT(vt_ioctl(fz_subject, VMSHM_IOC_JOIN, &join), 0, "JOIN");
	*number = join.out_number;
	return join.out_fd;
}

static void fz_prepare(const struct fz_prog *prog)
{
	struct fz_random random = { prog->seed };
	struct vmshm_log_open log = {
		.size = sizeof(log),
		.flags = VMSHM_LOG_ALL_DIRTY,
	};
	struct vmshm_peer_set_vector set = { .size = sizeof(set) };
	uint32_t number;
	unsigned int i;

	fz_subject = vt_create(fz.dev, "fuzz/0", FZ_FIRST * FZ_PAGE,
			       FZ_MOST * FZ_PAGE, VMSHM_NO_PUNCH, 0600);
	if (fz_subject < 0 || vt_seal(fz_subject, VMSHM_SEAL_SHRINK))
		fz_fail("no subject: %d", fz_subject);
	fz_subject_map = mmap(NULL, FZ_FIRST * FZ_PAGE, PROT_READ | PROT_WRITE,
			      MAP_SHARED, fz_subject, 0);
	if (fz_subject_map == MAP_FAILED)
		fz_fail("mmap of the subject: %m");
	fz_victim = fz_join(4, &fz_victim_number);
	fz_ringer = fz_join(0, &number);
	fz_victim_eventfd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	for (i = 0; i < 4; i++) {
		set.vector = i;
		set.fd = fz_victim_eventfd;
		FZ_EXPECT(vt_ioctl(fz_victim, VMSHM_IOC_PEER_SET_VECTOR, &set),
			  0, "SET_VECTOR");
	}
	fz_threads_calls_prepare();
	for (i = 0; i < FZ_READERS; i++) {
		fz_reader[i].random.state = fz_next(&random);
		log.out_fd = 0;
		FZ_EXPECT(vt_ioctl(fz_subject, VMSHM_IOC_LOG_OPEN, &log), 0,
			  "LOG_OPEN");
		fz_reader[i].log = log.out_fd;
		fz_reader[i].copy = calloc(FZ_MOST, FZ_PAGE);
	}
	fz_nr_workers = prog->threads < FZ_WORKERS ? prog->threads : FZ_WORKERS;
	for (i = 0; i < fz_nr_workers; i++) {
		fz_worker[i].number = i;
		fz_worker[i].random.state = fz_next(&random);
	}
	fz_threads_vm_make();
}

static void fz_check_counts(void)
{
	unsigned int i, page;
	uint64_t value;

	for (i = 0; i < fz_nr_workers; i++) {
		for (page = 0; page < FZ_FIRST; page++) {
			memcpy(&value, fz_subject_map + page * FZ_PAGE +
			       i * sizeof(value), sizeof(value));
			FZ_EXPECT(value, fz_counted[i][page],
				  "count of worker %u in page %u", i, page);
		}
	}
}

static void fz_check_copies(void)
{
	static unsigned char data[FZ_PAGE];
	unsigned int i, page;
	ssize_t ret;

	for (page = 0; page < FZ_MOST; page++) {
		ret = pread(fz_subject, data, FZ_PAGE, page * FZ_PAGE);
		if (ret < 0)
			fz_fail("read of the subject: %m");
		memset(data + ret, 0, FZ_PAGE - ret);
		for (i = 0; i < FZ_READERS; i++)
			if (memcmp(data, fz_reader[i].copy + page * FZ_PAGE,
				   FZ_PAGE))
				fz_fail("copy %u of page %u is not as the page is",
					i, page);
	}
}

static void fz_check_rings(void)
{
	struct vmshm_peer_stat stat = { .size = sizeof(stat) };
	uint64_t value = 0;

	FZ_EXPECT(vt_ioctl(fz_victim, VMSHM_IOC_PEER_STAT, &stat), 0,
		  "PEER_STAT");
	/* Others may have joined the subject, and have rung it, too. */
	if (stat.out_rings < fz_rings)
		fz_fail("rung %llu times, expected %llu",
			(unsigned long long)stat.out_rings,
			(unsigned long long)fz_rings);
	if (read(fz_victim_eventfd, &value, sizeof(value)) < 0 &&
	    errno != EAGAIN)
		fz_fail("read of an eventfd: %m");
	FZ_EXPECT(value, stat.out_rings, "the eventfd of a peer");
}

void fz_threads_run(const struct fz_prog *prog)
{
	unsigned int i;

	fz_prepare(prog);
	for (i = 0; i < FZ_READERS; i++)
		if (pthread_create(&fz_reader[i].thread, NULL, fz_read,
				   &fz_reader[i]))
			fz_fail("no thread");
	for (i = 0; i < fz_nr_workers; i++)
		if (pthread_create(&fz_worker[i].thread, NULL, fz_work,
				   &fz_worker[i]))
			fz_fail("no thread");
	for (i = 0; i < fz_nr_workers; i++)
		pthread_join(fz_worker[i].thread, NULL);
	/* Files that can still write to the subject are idle now. */
	__atomic_store_n(&fz_done, 1, __ATOMIC_SEQ_CST);
	for (i = 0; i < FZ_READERS; i++)
		pthread_join(fz_reader[i].thread, NULL);
	fz_check_counts();
	fz_check_copies();
	fz_check_rings();
}
