// SPDX-License-Identifier: GPL-2.0
/*
 * ring - what passing a message costs by a ring of the library
 *
 * copy: one process sends a batch of messages and then receives it; nobody
 * sleeps, so this is what the code itself takes, both sides together.
 * stream: a producer and a consumer, two processes; who has nothing to do
 * sleeps until its doorbell, an eventfd, is rung.
 * round_trip: a message there and one back, between two processes that sleep.
 *
 * Peers: a UNIX socket (SOCK_SEQPACKET) and a pipe, each of which copies twice
 * and calls the kernel for each message; and a bare ring in shared memory, which
 * checks nothing of what the other side says and never sleeps: what cannot be
 * beaten. Values are medians of RUNS.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vmshm/ring.h>
#include <vmshm/vmshm.h>

#include "bench/bench.h"
#include "lib/vmshm_test.h"

#define RUNS		5
#define CAPACITY	65536
#define BATCH		8
#define MAX_SIZE	4096

static const unsigned int sizes[] = { 16, 256, 4096 };

enum { COPY_BATCHES = 400, STREAM = 5000, TRIPS = 500 };

static unsigned char message[MAX_SIZE];
static unsigned char buffer[MAX_SIZE];

/* One direction. */
struct channel {
	void *memory;
	int bell;	/* rung by the producer */
	int back;	/* rung by the consumer, when there is room again */
	int fds[2];	/* reading, writing */
	struct vmshm_ring *ring;
	unsigned int index;
	unsigned int size;	/* of each message */
};

struct kind {
	const char *name;
	void (*open)(struct channel *c);
	void (*close)(struct channel *c);
	/* Of the side that this process is, in a process of its own or not. */
	void (*attach)(struct channel *c, enum vmshm_ring_role role);
	void (*send)(struct channel *c, unsigned int size);
	void (*recv)(struct channel *c);
};

static int new_eventfd(void)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	NEED(fd >= 0);
	return fd;
}

static void wait_for(int fd)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };
	eventfd_t count;

	NEED(poll(&pollfd, 1, -1) == 1);
	NEED(!eventfd_read(fd, &count));
}

/* Memory of a region: what two guests have. */
static void open_memory(struct channel *c)
{
	static struct vmshm_context *context;
	static int number;
	const size_t size = vmshm_ring_size(CAPACITY);
	struct vmshm_region_create_options options = {
		.size = sizeof(options),
		.region_size = size,
		.flags = VMSHM_EPHEMERAL,
	};
	struct vmshm_region *region;
	char name[64];

	if (!context)
		NEED(!vmshm_context_open(NULL, &context));
	snprintf(name, sizeof(name), "bench/ring%d", number++);
	NEED(!vmshm_region_create(context, name, &options, &region));
	NEED(!vmshm_region_map(region, NULL, size, PROT_READ | PROT_WRITE,
			       MAP_SHARED, 0, &c->memory));
	vmshm_region_close(region);
	memset(c->memory, 0, size);
	c->bell = new_eventfd();
	c->back = new_eventfd();
}

static void close_memory(struct channel *c)
{
	vmshm_region_unmap(c->memory, vmshm_ring_size(CAPACITY));
	close(c->bell);
	close(c->back);
}

/* The library's */

static void ring_open(struct channel *c)
{
	open_memory(c);
	NEED(!vmshm_ring_create(c->memory, CAPACITY, VMSHM_RING_PRODUCER,
				&c->ring));
	vmshm_ring_free(c->ring);
	c->ring = NULL;
}

static void ring_attach(struct channel *c, enum vmshm_ring_role role)
{
	NEED(!vmshm_ring_attach(c->memory, vmshm_ring_size(CAPACITY), role,
				&c->ring));
	NEED(!vmshm_ring_set_eventfd(c->ring, role == VMSHM_RING_PRODUCER ?
					      c->bell : c->back));
}

static void ring_send(struct channel *c, unsigned int size)
{
	int rc;

	while ((rc = vmshm_ring_send(c->ring, message, size)) == -EAGAIN) {
		if (vmshm_ring_arm(c->ring, size) == 0)
			wait_for(c->back);
	}
	NEED(!rc);
}

static void ring_recv(struct channel *c)
{
	size_t size;
	int rc;

	while ((rc = vmshm_ring_recv(c->ring, buffer, sizeof(buffer), &size)) ==
	       -EAGAIN) {
		if (vmshm_ring_arm(c->ring, 0) == 0)
			wait_for(c->bell);
	}
	NEED(!rc);
}

/*
 * The bare one: slots of one size, indices of both sides, everything taken at
 * its word. Nobody is woken up: who has nothing to do lets others run.
 */

struct bare {
	unsigned int head;
	unsigned char pad0[124];
	unsigned int tail;
	unsigned char pad1[124];
	unsigned char data[];
};

static unsigned int slots(const struct channel *c)
{
	return CAPACITY / c->size;
}

static unsigned char *slot(struct channel *c)
{
	struct bare *bare = c->memory;

	return bare->data + (size_t)(c->index % slots(c)) * c->size;
}

static void bare_attach(struct channel *c, enum vmshm_ring_role role)
{
	c->index = 0;
}

static void bare_send(struct channel *c, unsigned int size)
{
	struct bare *bare = c->memory;

	while (c->index - __atomic_load_n(&bare->tail, __ATOMIC_ACQUIRE) ==
	       slots(c))
		sched_yield();
	memcpy(slot(c), message, size);
	__atomic_store_n(&bare->head, ++c->index, __ATOMIC_RELEASE);
}

static void bare_recv(struct channel *c)
{
	struct bare *bare = c->memory;

	while (__atomic_load_n(&bare->head, __ATOMIC_ACQUIRE) == c->index)
		sched_yield();
	memcpy(buffer, slot(c), c->size);
	__atomic_store_n(&bare->tail, ++c->index, __ATOMIC_RELEASE);
}

/* Sockets and pipes */

static void socket_open(struct channel *c)
{
	NEED(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, c->fds));
}

static void pipe_open(struct channel *c)
{
	NEED(!pipe2(c->fds, O_CLOEXEC));
	/* As much room as the others have. */
	NEED(fcntl(c->fds[1], F_SETPIPE_SZ, 16 * CAPACITY) >= CAPACITY);
}

static void fds_close(struct channel *c)
{
	close(c->fds[0]);
	close(c->fds[1]);
}

static void fds_attach(struct channel *c, enum vmshm_ring_role role)
{
}

static void fds_send(struct channel *c, unsigned int size)
{
	NEED(write(c->fds[1], message, size) == size);
}

static void fds_recv(struct channel *c)
{
	NEED(read(c->fds[0], buffer, c->size) == c->size);
}

enum { RING, SOCKET, PIPE, BARE, KINDS };

static const struct kind kinds[KINDS] = {
	[RING]	 = { "ring", ring_open, close_memory, ring_attach, ring_send,
		     ring_recv },
	[SOCKET] = { "unix_socket", socket_open, fds_close, fds_attach,
		     fds_send, fds_recv },
	[PIPE]	 = { "pipe", pipe_open, fds_close, fds_attach, fds_send,
		     fds_recv },
	[BARE]	 = { "bare_ring", open_memory, close_memory, bare_attach,
		     bare_send, bare_recv },
};

/* Both sides in one process, which have an object of their own each. */
static double copy(const struct kind *kind, unsigned int size)
{
	struct channel producer = { .size = size }, consumer;
	double start, end;
	int i, k;

	kind->open(&producer);
	consumer = producer;
	kind->attach(&producer, VMSHM_RING_PRODUCER);
	kind->attach(&consumer, VMSHM_RING_CONSUMER);
	start = bench_now();
	for (i = 0; i < COPY_BATCHES; i++) {
		for (k = 0; k < BATCH; k++)
			kind->send(&producer, size);
		for (k = 0; k < BATCH; k++)
			kind->recv(&consumer);
	}
	end = bench_now();
	vmshm_ring_free(producer.ring);
	vmshm_ring_free(consumer.ring);
	kind->close(&producer);
	return (end - start) / (COPY_BATCHES * BATCH);
}

/* Waits for a process, which must not have failed. */
static void join(pid_t pid)
{
	int status;

	NEED(waitpid(pid, &status, 0) == pid);
	NEED(status == 0);
}

static double stream(const struct kind *kind, unsigned int size)
{
	struct channel c = { .size = size };
	double start, end;
	pid_t pid;
	int i;

	kind->open(&c);
	pid = fork();
	NEED(pid >= 0);
	if (!pid) {
		kind->attach(&c, VMSHM_RING_PRODUCER);
		for (i = 0; i < STREAM; i++)
			kind->send(&c, size);
		_exit(0);
	}
	kind->attach(&c, VMSHM_RING_CONSUMER);
	/* From the first message on: a process takes its time to start. */
	kind->recv(&c);
	start = bench_now();
	for (i = 1; i < STREAM; i++)
		kind->recv(&c);
	end = bench_now();
	join(pid);
	vmshm_ring_free(c.ring);
	kind->close(&c);
	return (end - start) / (STREAM - 1);
}

static double round_trip(const struct kind *kind, unsigned int size)
{
	struct channel there = { .size = size }, back = { .size = size };
	double start = 0, end;
	pid_t pid;
	int i;

	kind->open(&there);
	kind->open(&back);
	pid = fork();
	NEED(pid >= 0);
	if (!pid) {
		kind->attach(&there, VMSHM_RING_CONSUMER);
		kind->attach(&back, VMSHM_RING_PRODUCER);
		for (i = 0; i <= TRIPS; i++) {
			kind->recv(&there);
			kind->send(&back, size);
		}
		_exit(0);
	}
	kind->attach(&there, VMSHM_RING_PRODUCER);
	kind->attach(&back, VMSHM_RING_CONSUMER);
	for (i = 0; i <= TRIPS; i++) {
		if (i == 1)
			start = bench_now();
		kind->send(&there, size);
		kind->recv(&back);
	}
	end = bench_now();
	join(pid);
	vmshm_ring_free(there.ring);
	vmshm_ring_free(back.ring);
	kind->close(&there);
	kind->close(&back);
	return (end - start) / TRIPS;
}

static void measure(const char *what, const char *unit,
		    double (*run)(const struct kind *kind, unsigned int size),
		    unsigned int size)
{
	double values[KINDS][RUNS], medians[KINDS];
	char name[64];
	int i, kind;

	/* In turns, so that other load hits all of them. */
	for (i = 0; i < RUNS; i++)
		for (kind = 0; kind < KINDS; kind++)
			values[kind][i] = run(&kinds[kind], size);
	for (kind = 0; kind < KINDS; kind++)
		medians[kind] = bench_median(values[kind], RUNS);
	snprintf(name, sizeof(name), "ring_%s_%u", what, size);
	for (kind = RING + 1; kind < KINDS; kind++)
		bench_print(name, medians[RING], unit, medians[kind],
			    kinds[kind].name);
}

int main(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		measure("copy", "ns/message", copy, sizes[i]);
		measure("stream", "ns/message", stream, sizes[i]);
	}
	for (i = 0; i < ARRAY_SIZE(sizes) - 1; i++)
		measure("round_trip", "ns", round_trip, sizes[i]);
	return 0;
}
