// SPDX-License-Identifier: GPL-2.0
/*
 * doorbell - what it costs to wake another process and to be woken by it
 *
 * Two processes ring each other in turn and sleep in between. A value is the
 * median of RUNS runs, the runs of all ways taking turns, of one round trip:
 * two rings, two sleeps, two changes of process.
 *
 *   eventfd      two eventfds, inherited: write(2), and read(2) sleeps
 *   pipe         two pipes, one byte each way
 *   socket       a pair of UNIX sockets, one byte each way
 *   ring         VMSHM_IOC_PEER_RING, and read(2) of one's own eventfd sleeps
 *   vector       write(2) to the eventfd that GET_VECTOR gave, read(2) sleeps
 *   pending      VMSHM_IOC_PEER_RING, poll(2) sleeps, VMSHM_IOC_PEER_PENDING
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "bench/bench.h"
#include "lib/vmshm_peer.h"

#define TRIPS	2000
#define RUNS	11

/* One of the two sides, 0 and 1. */
struct side {
	int wake;	/* the other one, by writing to it */
	int wait;	/* for it, by reading */
	int peer;
	__u32 other;	/* its number */
};

struct way {
	const char *name;
	void (*wake)(const struct side *side);
	void (*wait)(const struct side *side);
	struct side sides[2];
	double times[RUNS];
};

static void wake_eventfd(const struct side *side)
{
	const __u64 one = 1;

	NEED(write(side->wake, &one, sizeof(one)) == sizeof(one));
}

static void wait_eventfd(const struct side *side)
{
	__u64 n;

	NEED(read(side->wait, &n, sizeof(n)) == sizeof(n));
}

static void wake_byte(const struct side *side)
{
	NEED(write(side->wake, "x", 1) == 1);
}

static void wait_byte(const struct side *side)
{
	char c;

	NEED(read(side->wait, &c, 1) == 1);
}

static void wake_ring(const struct side *side)
{
	NEED(vt_ring(side->peer, side->other, 0) == 0);
}

static void wait_pending(const struct side *side)
{
	struct pollfd pfd = { .fd = side->peer, .events = POLLIN };

	NEED(poll(&pfd, 1, -1) == 1);
	NEED(vt_pending(side->peer, 0) == 1);
}

enum { EVENTFD, PIPE, SOCKET, RING, VECTOR, PENDING, WAYS };

static struct way ways[WAYS] = {
	[EVENTFD] = { "eventfd", wake_eventfd, wait_eventfd },
	[PIPE] = { "pipe", wake_byte, wait_byte },
	[SOCKET] = { "socket", wake_byte, wait_byte },
	[RING] = { "ring", wake_ring, wait_eventfd },
	[VECTOR] = { "vector", wake_eventfd, wait_eventfd },
	[PENDING] = { "pending", wake_ring, wait_pending },
};

static void pair_eventfds(struct way *way)
{
	int i;

	for (i = 0; i < 2; i++) {
		way->sides[i].wait = eventfd(0, EFD_CLOEXEC);
		NEED(way->sides[i].wait >= 0);
		way->sides[!i].wake = way->sides[i].wait;
	}
}

static void pair_pipes(struct way *way)
{
	int pipes[2], i;

	for (i = 0; i < 2; i++) {
		NEED(pipe(pipes) == 0);
		way->sides[i].wait = pipes[0];
		way->sides[!i].wake = pipes[1];
	}
}

static void pair_sockets(struct way *way)
{
	int socks[2], i;

	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, socks) == 0);
	for (i = 0; i < 2; i++) {
		way->sides[i].wait = socks[i];
		way->sides[i].wake = socks[i];
	}
}

static void pair_peers(struct way *way, int fd)
{
	struct side *side;
	int i;

	for (i = 0; i < 2; i++) {
		side = &way->sides[i];
		side->peer = vt_join(fd, VT_ANY, 1, NULL);
		NEED(side->peer >= 0);
		way->sides[!i].other = vt_peer_number(side->peer);
		if (way == &ways[PENDING])
			continue;
		side->wait = eventfd(0, EFD_CLOEXEC);
		NEED(side->wait >= 0);
		NEED(vt_set_vector(side->peer, 0, side->wait) == 0);
	}
	for (i = 0; i < 2 && way == &ways[VECTOR]; i++) {
		side = &way->sides[i];
		side->wake = vt_get_vector(side->peer, side->other, 0, 0);
		NEED(side->wake >= 0);
	}
}

/* The other process, which answers until it is killed. */
static pid_t answer(const struct way *way)
{
	pid_t pid = fork();

	NEED(pid >= 0);
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		way->wait(&way->sides[1]);
		way->wake(&way->sides[1]);
	}
}

static double round_trip(const struct way *way)
{
	double start = bench_now();
	int i;

	for (i = 0; i < TRIPS; i++) {
		way->wake(&way->sides[0]);
		way->wait(&way->sides[0]);
	}
	return (bench_now() - start) / TRIPS;
}

int main(void)
{
	char name[VMSHM_NAME_MAX + 1], text[64];
	int dev, fd, run, i;
	pid_t pids[WAYS];
	double bare, ns;

	dev = vt_device();
	NEED(dev >= 0);
	fd = vt_create(dev, vt_name(name, "doorbell"), 4096, 0, VMSHM_EPHEMERAL,
		       0600);
	NEED(fd >= 0);
	pair_eventfds(&ways[EVENTFD]);
	pair_pipes(&ways[PIPE]);
	pair_sockets(&ways[SOCKET]);
	for (i = RING; i < WAYS; i++)
		pair_peers(&ways[i], fd);
	for (i = 0; i < WAYS; i++)
		pids[i] = answer(&ways[i]);

	for (i = 0; i < WAYS; i++)
		round_trip(&ways[i]);
	for (run = 0; run < RUNS; run++)
		for (i = 0; i < WAYS; i++)
			ways[i].times[run] = round_trip(&ways[i]);
	for (i = 0; i < WAYS; i++) {
		NEED(kill(pids[i], SIGKILL) == 0);
		NEED(waitpid(pids[i], NULL, 0) == pids[i]);
	}

	bare = bench_median(ways[EVENTFD].times, RUNS);
	for (i = 1; i < WAYS; i++) {
		ns = bench_median(ways[i].times, RUNS);
		snprintf(text, sizeof(text), "doorbell-%s", ways[i].name);
		bench_print(text, ns, "ns/trip", bare, "eventfd");
	}
	return 0;
}
