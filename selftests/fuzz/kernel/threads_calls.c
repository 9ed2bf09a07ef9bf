// SPDX-License-Identifier: GPL-2.0
/*
 * What threads do to regions and files that all of them have, and that any of them
 * may be about to close: whatever they are told is right.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <linux/falloc.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzz.h"
#include "lib/vmshm_bind.h"
#include "lib/vmshm_test.h"

#define FZ_TABLE	12	/* files that all workers have */
#define FZ_IN_FLIGHT	6	/* files that are on their way at most */
#define FZ_AREA_PAGES	32
#define FZ_AREA		(FZ_AREA_PAGES * FZ_PAGE)

static int fz_table[FZ_TABLE];
static int fz_socket[2];
static unsigned int fz_in_flight;
static pthread_mutex_t fz_socket_mutex = PTHREAD_MUTEX_INITIALIZER;

void fz_threads_calls_prepare(void)
{
	unsigned int i;

	for (i = 0; i < FZ_TABLE; i++)
		fz_table[i] = -1;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fz_socket))
		fz_fail("no socket: %m");
}

static void fz_table_put(struct fz_random *random, int fd)
{
	int *slot = &fz_table[fz_below(random, FZ_TABLE)];

	if (fd < 0)
		return;
	fd = __atomic_exchange_n(slot, fd, __ATOMIC_SEQ_CST);
	if (fd >= 0)
		close(fd);
}

/* A file that anybody may be about to close. */
static int fz_table_get(struct fz_random *random)
{
	return __atomic_load_n(&fz_table[fz_below(random, FZ_TABLE)],
			       __ATOMIC_SEQ_CST);
}

static const char *fz_other_name(struct fz_random *random, char *name)
{
	/* One of four is the subject's. */
	snprintf(name, VMSHM_NAME_MAX + 1, "fuzz/%u", fz_below(random, 4));
	return name;
}

void fz_threads_make(struct fz_random *random)
{
	static const uint32_t flags[] = {
		0, VMSHM_EPHEMERAL, VMSHM_SHRINKABLE,
		VMSHM_SHRINKABLE | VMSHM_EPHEMERAL, VMSHM_PINNABLE,
		VMSHM_RESERVE, VMSHM_SHRINKABLE | VMSHM_LOG_READERS,
		VMSHM_RING_READERS,
	};
	char name[VMSHM_NAME_MAX + 1];

	fz_other_name(random, name);
	switch (fz_below(random, 4)) {
	case 0:
		fz_table_put(random, vt_open(fz.dev, name, 0));
		break;
	case 1:
		fz_table_put(random, vt_open(fz.dev, name, VMSHM_OPEN_RDONLY));
		break;
	default:
		fz_table_put(random,
			     vt_create(fz.dev, name,
				       fz_below(random, 20 * FZ_PAGE),
				       32 * FZ_PAGE, flags[fz_below(random, 8)] |
				       VMSHM_OPEN_EXISTING, 0600));
	}
}

void fz_threads_files(struct fz_random *random)
{
	struct vmshm_log_open log = { .size = sizeof(log) };
	struct vmshm_join join = { .size = sizeof(join), .vectors = 3 };
	struct vmshm_bind bind = {
		.size = sizeof(bind),
		.flags = VMSHM_BIND_USER | VMSHM_BIND_FOLLOW,
		.vm_fd = -1,
		.nr_slots = 8,
	};
	struct vmshm_bind_stat stat;
	int fd = fz_table_get(random);

	switch (fz_below(random, 8)) {
	case 0:
	case 1:
		if (!vt_ioctl(fd, VMSHM_IOC_LOG_OPEN, &log))
			fz_table_put(random, log.out_fd);
		break;
	case 2:
		if (!vt_ioctl(fd, VMSHM_IOC_JOIN, &join))
			fz_table_put(random, join.out_fd);
		break;
	case 3:
		fz_table_put(random, vt_watch(fz_below(random, 2) ? fd : fz.dev,
					      "", 0, NULL));
		break;
	case 4:
		fz_table_put(random, vt_readonly(fd));
		break;
	case 5:
		if (vt_ioctl(fd, VMSHM_IOC_BIND, &bind))
			break;
		if (!vt_bind_stat(bind.out_fd, &stat))
			munmap((void *)(uintptr_t)bind.out_user_addr,
			       stat.out_length);
		fz_table_put(random, bind.out_fd);
		break;
	case 6:
	case 7:
		fz_table_put(random, fz_threads_vm_bind(random, fd));
		break;
	}
}

void fz_threads_calls(struct fz_random *random)
{
	static const char zeroes[64];
	uint64_t words[32];
	struct vmshm_log_fetch fetch = {
		.size = sizeof(fetch),
		.format = fz_below(random, 2),
		.count = 8,
		.buffer = (uintptr_t)words,
	};
	struct vmshm_peer_ring ring = {
		.size = sizeof(ring),
		.number = fz_below(random, 3),
		.vector = fz_below(random, 3),
	};
	struct vmshm_peer_pending pending = { .size = sizeof(pending) };
	struct vmshm_event event;
	struct vmshm_stat stat;
	struct vmshm_member members[8];
	char name[VMSHM_NAME_MAX + 1];
	int fd = fz_table_get(random);

	switch (fz_below(random, 17)) {
	case 0 ... 3:
		vt_resize(fd, fz_below(random, 33 * FZ_PAGE));
		break;
	case 4:
		fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			  fz_below(random, 20 * FZ_PAGE),
			  1 + fz_below(random, 9 * FZ_PAGE));
		break;
	case 5 ... 6:
		if (pwrite(fd, zeroes, sizeof(zeroes),
			   fz_below(random, 32) * FZ_PAGE + FZ_ELSE) < 0)
			break;
		break;
	case 7 ... 8:
		vt_ioctl(fd, VMSHM_IOC_LOG_FETCH, &fetch);
		break;
	case 9:
		vt_ioctl(fd, VMSHM_IOC_PEER_RING, &ring);
		vt_ioctl(fd, VMSHM_IOC_PEER_PENDING, &pending);
		break;
	case 10:
		if (fz_poll(fd) & POLLIN) {
			fcntl(fd, F_SETFL, O_NONBLOCK);
			if (read(fd, &event, sizeof(event)) < 0)
				break;
		}
		break;
	case 11:
		vt_stat(fd, &stat);
		vt_members(fd, members, 8);
		break;
	case 12:
		if (fz_below(random, 3))
			break;
		vt_seal(fd, 1 << (1 + fz_below(random, 3)));
		break;
	case 13:
		vt_unlink(fz.dev, fz_other_name(random, name));
		break;
	case 14:
		fz_table_put(random, fcntl(fd, F_DUPFD_CLOEXEC, 0));
		break;
	case 15:
		fz_threads_vm_move(random, fd);
		break;
	default:
		fd = __atomic_exchange_n(&fz_table[fz_below(random, FZ_TABLE)],
					 -1, __ATOMIC_SEQ_CST);
		if (fd >= 0)
			close(fd);
	}
}

/* To anywhere in the same area, with more pages or with less, or as a copy. */
static void fz_threads_move(struct fz_random *random, unsigned char *area,
			    unsigned int page, unsigned int pages)
{
	unsigned int to = fz_below(random, FZ_AREA_PAGES);
	unsigned int to_pages = 1 + fz_below(random, FZ_AREA_PAGES - to);
	int flags = MREMAP_MAYMOVE | MREMAP_FIXED;

	if (!fz_below(random, 4)) {
		flags |= MREMAP_DONTUNMAP;
		to_pages = pages;
		if (to + pages > FZ_AREA_PAGES)
			to = FZ_AREA_PAGES - pages;
	}
	mremap(area + page * FZ_PAGE, pages * FZ_PAGE, to_pages * FZ_PAGE, flags,
	       area + to * FZ_PAGE);
}

/* Each worker maps in an area of its own, and touches everybody's. */
void fz_threads_map(struct fz_random *random, unsigned int worker,
		    unsigned int nr_workers)
{
	unsigned char *area = fz.arena + worker * FZ_AREA;
	unsigned int page = fz_below(random, FZ_AREA_PAGES);
	unsigned int pages = 1 + fz_below(random, FZ_AREA_PAGES - page);
	unsigned char data[8] = { fz_below(random, 256) };
	int fd = fz_table_get(random);
	void *addr;

	switch (fz_below(random, 11)) {
	case 0 ... 1:
		addr = mmap(area + page * FZ_PAGE, pages * FZ_PAGE,
			    PROT_READ | PROT_WRITE, MAP_FIXED |
			    (fz_below(random, 5) ? MAP_SHARED : MAP_PRIVATE),
			    fd, fz_below(random, 8) * FZ_PAGE);
		if (addr == MAP_FAILED)
			break;
		break;
	case 2:
		munmap(area + page * FZ_PAGE, pages * FZ_PAGE);
		break;
	case 3:
		mprotect(area + page * FZ_PAGE, pages * FZ_PAGE,
			 fz_below(random, 2) ? PROT_READ :
			 PROT_READ | PROT_WRITE);
		break;
	case 4:
		madvise(area + page * FZ_PAGE, pages * FZ_PAGE,
			fz_below(random, 4) ? MADV_DONTNEED : MADV_REMOVE);
		break;
	case 5:
		fz_threads_move(random, area, page, pages);
		break;
	default:
		area = fz.arena + fz_below(random, nr_workers) * FZ_AREA;
		area += page * FZ_PAGE + FZ_ELSE;
		if (fz_below(random, 3))
			fz_store(area, data, sizeof(data));
		else
			fz_load(area, data, sizeof(data));
	}
}

/* What is on its way has no descriptor, and lives nevertheless. */
void fz_threads_pass(struct fz_random *random)
{
	int fd = fz_table_get(random), ret = -1;

	pthread_mutex_lock(&fz_socket_mutex);
	if (fz_in_flight < FZ_IN_FLIGHT && fz_below(random, 2)) {
		if (!vt_send_fd(fz_socket[0], fd))
			fz_in_flight++;
	} else if (fz_in_flight) {
		ret = vt_recv_fd(fz_socket[1]);
		if (ret < 0)
			fz_fail("a descriptor that was passed: %d", ret);
		fz_in_flight--;
	}
	pthread_mutex_unlock(&fz_socket_mutex);
	fz_table_put(random, ret);
}

/* A process that has all there is, uses that, and ends. */
void fz_threads_fork(struct fz_random *random, unsigned int worker,
		     unsigned int nr_workers)
{
	struct fz_random mine = { fz_next(random) };
	unsigned int i;
	int status;
	pid_t pid = fork();

	if (!pid) {
		for (i = 0; i < 8; i++) {
			fz_threads_calls(&mine);
			fz_threads_map(&mine, worker, nr_workers);
		}
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		fz_fail("a child that has all there is: %m");
}
