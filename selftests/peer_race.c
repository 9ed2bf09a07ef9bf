// SPDX-License-Identifier: GPL-2.0
/*
 * Peers that come, go and ring at the same time: no ring is lost or reaches
 * somebody else, no wake-up is missed, no eventfd is that of another join.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>

#include "lib/harness.h"
#include "lib/vmshm_env.h"
#include "lib/vmshm_peer.h"

#define THREADS		4
#define ROUNDS		3000
#define NUMBERS		4

FIXTURE(race) {
	int dev;
	int fd;
	char name[VMSHM_NAME_MAX + 1];
	struct vmshm_info before;
	int nr_fds;
};

/* What the threads share; harness and threads are of one process. */
static struct {
	int fd;
	atomic_bool stop;
	atomic_ulong bad;		/* what must not be, happened */
	atomic_ulong rung;
	atomic_ulong done;
	int target;			/* a peer that stays, number 0 */
	__u64 first;			/* generation before the test */
	atomic_int ids[1 << 16];	/* eventfd-id of join @first + index */
} shared;

FIXTURE_SETUP(race)
{
	self->dev = vt_device();
	ASSERT_LE(0, self->dev);
	self->fd = vt_create(self->dev, vt_name(self->name, "race"), 4096, 0,
			     VMSHM_EPHEMERAL, 0600);
	ASSERT_LE(0, self->fd);
	memset(&shared, 0, sizeof(shared));
	shared.fd = self->fd;
	ASSERT_EQ(0, vt_info(self->dev, &self->before));
	self->nr_fds = vt_nr_fds();
}

/* All that was made is gone. */
FIXTURE_TEARDOWN(race)
{
	struct vmshm_info after;

	EXPECT_EQ(0, atomic_load(&shared.bad));
	EXPECT_EQ(self->nr_fds, vt_nr_fds());
	EXPECT_EQ(0, vt_peers(self->fd, NULL, 0));
	EXPECT_EQ(0, vt_info(self->dev, &after));
	EXPECT_EQ(self->before.out_peers_used, after.out_peers_used);
	EXPECT_EQ(self->before.out_meta_used, after.out_meta_used);
	close(self->fd);
	close(self->dev);
}

static void bad(const char *what, long long value)
{
	printf("# %s: %lld\n", what, value);
	shared.bad++;
}

static void start(struct __test_metadata *_metadata, pthread_t *threads, int n,
		  void *(*fn)(void *arg))
{
	long i;

	for (i = 0; i < n; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, fn, (void *)i));
}

static void join(struct __test_metadata *_metadata, pthread_t *threads, int n)
{
	int i;

	for (i = 0; i < n; i++)
		ASSERT_EQ(0, pthread_join(threads[i], NULL));
}

/* Every ring is counted, in the right vector, also while others read. */

static void *ring_target(void *arg)
{
	int peer = vt_join(shared.fd, VT_ANY, 0, NULL), i;

	for (i = 0; i < ROUNDS; i++)
		if (vt_ring(peer, 0, (long)arg))
			bad("ring", i);
	close(peer);
	return NULL;
}

TEST_F(race, no_ring_is_lost)
{
	__u64 counts[THREADS] = { 0 }, pending = 0;
	struct vmshm_peer_stat stat;
	pthread_t threads[THREADS];
	int bells[THREADS], i;

	shared.target = vt_join(self->fd, 0, THREADS, NULL);
	ASSERT_LE(0, shared.target);
	for (i = 0; i < THREADS; i++) {
		bells[i] = vt_doorbell(shared.target, i);
		ASSERT_LE(0, bells[i]);
	}
	start(_metadata, threads, THREADS, ring_target);
	do {
		pending |= vt_pending(shared.target, 0);
		for (i = 0; i < THREADS; i++)
			counts[i] += vt_count(bells[i]);
		ASSERT_EQ(0, vt_peer_stat(shared.target, &stat));
	} while (stat.out_rings < THREADS * ROUNDS);
	join(_metadata, threads, THREADS);
	pending |= vt_pending(shared.target, 0);
	EXPECT_EQ((1 << THREADS) - 1, pending);
	for (i = 0; i < THREADS; i++) {
		counts[i] += vt_count(bells[i]);
		EXPECT_EQ(ROUNDS, counts[i]);
		close(bells[i]);
	}
	EXPECT_EQ(0, vt_pending(shared.target, 0));
	close(shared.target);
}

/*
 * A ping-pong by poll(2) and PENDING alone: a wake-up that is missed, or a ring
 * that is cleared unseen, stops it.
 */
static void *pong(void *arg)
{
	int peer = vt_join(shared.fd, 1, 1, NULL);
	struct pollfd pfd = { .fd = peer, .events = POLLIN };
	int i;

	shared.done = 1;
	for (i = 0; i < ROUNDS; i++) {
		if (poll(&pfd, 1, VT_PATIENCE * 1000) != 1 ||
		    vt_pending(peer, 0) != 1) {
			bad("ping", i);
			break;
		}
		if (vt_ring(peer, 0, 0))
			bad("ring", i);
	}
	close(peer);
	return NULL;
}

TEST_F(race, no_wake_up_is_missed)
{
	struct pollfd pfd = { .events = POLLIN };
	pthread_t thread;
	int i;

	shared.target = vt_join(self->fd, 0, 1, NULL);
	ASSERT_LE(0, shared.target);
	pfd.fd = shared.target;
	start(_metadata, &thread, 1, pong);
	while (!shared.done)
		usleep(1000);
	for (i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(0, vt_ring(shared.target, 1, 0));
		ASSERT_EQ(1, poll(&pfd, 1, VT_PATIENCE * 1000)) {
			TH_LOG("round %d", i);
		}
		ASSERT_EQ(1, vt_pending(shared.target, 0));
	}
	join(_metadata, &thread, 1);
	close(shared.target);
}

/* What an eventfd is known by, in all processes, as long as it lives. */
static int eventfd_id(int fd)
{
	char path[64], text[512];
	const char *at;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	if (vt_read_file(path, text, sizeof(text)) < 0)
		return -1;
	at = strstr(text, "eventfd-id:");
	return at ? atoi(at + strlen("eventfd-id:")) : -1;
}

/* Generation of the last join of all; 0 if that cannot be found out. */
static __u64 last_join(int fd)
{
	int peer = vt_join(fd, VT_ANY, 0, NULL);
	__u64 generation = vt_peer_generation(peer);

	close(peer);
	return generation;
}

static unsigned int next(unsigned int *seed)
{
	return rand_r(seed) >> 4;
}

/* Joins under one of a few numbers, gives eventfds, changes them, leaves. */
static void *come_and_go(void *arg)
{
	unsigned int seed = (long)arg + 1;
	int number, peer, bell, i;
	__u64 index;

	for (i = 0; i < ROUNDS / 3; i++) {
		number = 1 + next(&seed) % NUMBERS;
		peer = vt_join(shared.fd, next(&seed) % 3 ? number : VT_ANY, 2,
			       "race");
		if (peer == -EBUSY)
			continue;
		index = vt_peer_generation(peer) - shared.first;
		if (peer < 0 || index >= ARRAY_SIZE(shared.ids)) {
			bad("join", peer);
			break;
		}
		bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		shared.ids[index] = eventfd_id(bell);
		if (vt_set_vector(peer, 1, bell))
			bad("set_vector", i);
		if (next(&seed) % 2)
			sched_yield();
		if (next(&seed) % 2 && vt_set_vector(peer, 1, -1))
			bad("set_vector", i);
		vt_pending(peer, 0);
		if (next(&seed) % 2) {
			close(peer);
			close(bell);
		} else {
			close(bell);
			close(peer);
		}
		shared.done++;
	}
	return NULL;
}

static void *ring_anybody(void *arg)
{
	int peer = vt_join(shared.fd, 100 + (long)arg, 1, NULL);
	unsigned int seed = 1000 + (long)arg;
	int ret;

	while (!shared.stop) {
		ret = vt_ring(peer, next(&seed) % 8 ? 1 + next(&seed) % NUMBERS :
			      VMSHM_PEER_ALL, 1);
		if (ret && ret != -ENOENT)
			bad("ring", ret);
		shared.rung += !ret;
	}
	close(peer);
	return NULL;
}

/* What it gets is of the join that it asked for. */
static void *get_anybody(void *arg)
{
	int peer = vt_join(shared.fd, 200 + (long)arg, 1, NULL), got, n, i;
	struct vmshm_peer_info infos[64];

	while (!shared.stop) {
		n = vt_peers(shared.fd, infos, 64);
		if (n < 0)
			bad("peers", n);
		for (i = 0; i < n; i++) {
			if (i && infos[i].number <= infos[i - 1].number)
				bad("order", infos[i].number);
			if (infos[i].number >= 100)
				continue;
			got = vt_get_vector(peer, infos[i].number,
					    infos[i].generation, 1);
			if (got == -ENOENT || got == -ESTALE)
				continue;
			if (got < 0)
				bad("get_vector", got);
			else if (eventfd_id(got) !=
				 shared.ids[infos[i].generation - shared.first])
				bad("eventfd of another join", got);
			else
				shared.rung++;
			close(got);
		}
	}
	close(peer);
	return NULL;
}

/*
 * The threads that come and go share the table of descriptors with those that
 * get eventfds: they are processes' threads as usual.
 */
TEST_F(race, come_and_go)
{
	pthread_t goers[THREADS], ringers[2], getters[2];

	shared.first = last_join(self->fd);
	ASSERT_NE(0, shared.first);
	start(_metadata, ringers, 2, ring_anybody);
	start(_metadata, getters, 2, get_anybody);
	start(_metadata, goers, THREADS, come_and_go);
	join(_metadata, goers, THREADS);
	shared.stop = true;
	join(_metadata, ringers, 2);
	join(_metadata, getters, 2);
	/* It was a race. */
	EXPECT_LT(ROUNDS / 3, atomic_load(&shared.done));
	EXPECT_LT(0, atomic_load(&shared.rung));
}

/*
 * Events tell exactly what happened, in an order that makes sense: each number
 * is joined, then left, whoever does it.
 */
TEST_F(race, events)
{
	static __u64 there[VMSHM_PEER_NUMBER_MAX + 1];
	unsigned long joined = 0, left = 0;
	pthread_t goers[THREADS];
	struct vmshm_event event;
	long long queue;
	int watch;

	shared.first = last_join(self->fd);
	ASSERT_NE(0, shared.first);
	queue = vt_param_get("event_queue_len");
	ASSERT_EQ(0, vt_param_set("event_queue_len", 65536));
	watch = vt_watch(self->fd, "", 0, NULL);
	ASSERT_EQ(0, vt_param_set("event_queue_len", queue));
	ASSERT_LE(0, watch);
	start(_metadata, goers, THREADS, come_and_go);
	join(_metadata, goers, THREADS);
	while (!vt_no_event(watch)) {
		ASSERT_EQ(0, vt_next_event(watch, &event));
		ASSERT_NE(VMSHM_EVENT_OVERFLOW, event.type);
		switch (event.type) {
		case VMSHM_EVENT_JOINED:
			EXPECT_EQ(0, there[event.value]);
			there[event.value] = event.old_value;
			joined++;
			break;
		case VMSHM_EVENT_LEFT:
			EXPECT_EQ(event.old_value, there[event.value]);
			there[event.value] = 0;
			left++;
			break;
		case VMSHM_EVENT_VECTOR:
			EXPECT_EQ(event.old_value, there[event.value]);
			break;
		}
	}
	EXPECT_EQ(atomic_load(&shared.done), left);
	EXPECT_EQ(atomic_load(&shared.done), joined);
	close(watch);
}

/* Processes that are killed while they join, ring and leave. */
TEST_F(race, killed)
{
	struct vmshm_peer_info infos[64];
	struct vt_child child;
	int peer, target, bell, i;

	target = vt_join(self->fd, 0, 1, NULL);
	ASSERT_LE(0, target);
	for (i = 0; i < 40; i++) {
		ASSERT_LE(0, vt_fork(&child));
		if (!child.pid) {
			VT_CHECK(!vt_tell(child.sock));
			for (;;) {
				peer = vt_join(self->fd, VT_ANY, 1, NULL);
				VT_CHECK(peer >= 0);
				bell = vt_doorbell(peer, 0);
				VT_CHECK(bell >= 0);
				VT_CHECK(!vt_ring(peer, VMSHM_PEER_ALL, 0));
				close(peer);
				close(bell);
			}
		}
		ASSERT_EQ(0, vt_hear(child.sock));
		usleep(i * 300);
		EXPECT_EQ(128 + SIGKILL, vt_kill(&child));
		ASSERT_EQ(1, vt_peers(self->fd, infos, 64));
		EXPECT_EQ(0, infos[0].number);
	}
	close(target);
}

TEST_HARNESS_MAIN
