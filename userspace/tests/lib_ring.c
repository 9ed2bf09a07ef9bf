// SPDX-License-Identifier: GPL-2.0
/*
 * Rings: messages of every size at every place, what the other side can do to
 * them, and two threads or processes that check all that comes.
 */

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vmshm/ring.h>

#include "mock.h"

/* Seconds after which a wake-up counts as lost. */
#define PATIENCE	120

static unsigned char *memory;
static struct vmshm_ring_layout *layout;
static struct vmshm_ring *producer, *consumer;

/* A ring that others can share, with nothing accessible behind it. */
static void *new_memory(size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t pages = (size + page - 1) / page;
	unsigned char *map;

	map = mmap(NULL, (pages + 1) * page, PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(map, MAP_FAILED);
	assert_return_code(mprotect(map + pages * page, page, PROT_NONE),
			   errno);
	return map + (pages * page - size) / VMSHM_RING_ALIGN *
		     VMSHM_RING_ALIGN;
}

static void new_ring(size_t capacity)
{
	size_t size = vmshm_ring_size(capacity);

	memory = new_memory(size);
	layout = (void *)memory;
	assert_int_equal(vmshm_ring_create(memory, capacity,
					   VMSHM_RING_PRODUCER, &producer), 0);
	assert_int_equal(vmshm_ring_attach(memory, size, VMSHM_RING_CONSUMER,
					   &consumer), 0);
}

static int teardown(void **state)
{
	(void)state;
	vmshm_ring_free(producer);
	vmshm_ring_free(consumer);
	producer = NULL;
	consumer = NULL;
	return 0;
}

static void send_size(size_t size, unsigned char seed)
{
	unsigned char message[4096];
	size_t i;

	for (i = 0; i < size; i++)
		message[i] = (unsigned char)(seed + i);
	assert_int_equal(vmshm_ring_send(producer, message, size), 0);
}

static void recv_size(size_t size, unsigned char seed)
{
	unsigned char message[4096];
	size_t got = ~(size_t)0, i;

	assert_int_equal(vmshm_ring_recv(consumer, message, sizeof(message),
					 &got), 0);
	assert_int_equal(got, size);
	for (i = 0; i < size; i++)
		assert_int_equal(message[i], (unsigned char)(seed + i));
}

static void sizes(void **state)
{
	(void)state;
	assert_int_equal(vmshm_ring_size(VMSHM_RING_MIN),
			 sizeof(struct vmshm_ring_layout) + VMSHM_RING_MIN);
	assert_int_equal(vmshm_ring_size(VMSHM_RING_MAX),
			 sizeof(struct vmshm_ring_layout) + VMSHM_RING_MAX);
	assert_int_equal(vmshm_ring_size(0), 0);
	assert_int_equal(vmshm_ring_size(VMSHM_RING_MIN / 2), 0);
	assert_int_equal(vmshm_ring_size(VMSHM_RING_MIN + 1), 0);
	assert_int_equal(vmshm_ring_size(96), 0);
	assert_int_equal(vmshm_ring_size(2UL * VMSHM_RING_MAX), 0);
	assert_int_equal(vmshm_ring_size(~(size_t)0), 0);
}

static void create_refuses(void **state)
{
	struct vmshm_ring *ring = (void *)-1;

	(void)state;
	memory = new_memory(vmshm_ring_size(128));
	assert_int_equal(vmshm_ring_create(NULL, 128, VMSHM_RING_PRODUCER,
					   &ring), -EINVAL);
	assert_int_equal(vmshm_ring_create(memory + 64, 64, VMSHM_RING_PRODUCER,
					   &ring), -EINVAL);
	assert_int_equal(vmshm_ring_create(memory, 127, VMSHM_RING_PRODUCER,
					   &ring), -EINVAL);
	assert_int_equal(vmshm_ring_create(memory, 128,
					   (enum vmshm_ring_role)2, &ring),
			 -EINVAL);
	assert_ptr_equal(ring, (void *)-1);
}

static int attach(size_t size)
{
	struct vmshm_ring *ring;
	int rc;

	rc = vmshm_ring_attach(memory, size, VMSHM_RING_CONSUMER, &ring);
	if (!rc)
		vmshm_ring_free(ring);
	return rc;
}

static void attach_refuses(void **state)
{
	const size_t size = vmshm_ring_size(4096);

	(void)state;
	new_ring(4096);
	assert_int_equal(attach(size), 0);
	assert_int_equal(attach(size + 12345), 0);
	assert_int_equal(attach(size - 1), -EBADMSG);
	assert_int_equal(attach(vmshm_ring_size(VMSHM_RING_MIN) - 1), -EINVAL);

	layout->magic = 0;
	assert_int_equal(attach(size), -EAGAIN);
	layout->magic = __builtin_bswap32(VMSHM_RING_MAGIC);
	assert_int_equal(attach(size), -EBADMSG);
	layout->magic = VMSHM_RING_MAGIC;

	layout->capacity = 8192;
	assert_int_equal(attach(size), -EBADMSG);
	layout->capacity = 4095;
	assert_int_equal(attach(size), -EBADMSG);
	layout->capacity = 32;
	assert_int_equal(attach(size), -EBADMSG);
	layout->capacity = 4096;

	layout->head = 4104;
	assert_int_equal(attach(size), -EBADMSG);
	layout->head = 4096;
	assert_int_equal(attach(size), 0);
	layout->tail = 4104;
	assert_int_equal(attach(size), -EBADMSG);
	layout->tail = 4;
	assert_int_equal(attach(size), -EBADMSG);
}

static void roles(void **state)
{
	const void *looked;
	void *room;
	size_t size;

	(void)state;
	new_ring(64);
	assert_int_equal(vmshm_ring_reserve(consumer, 1, &room), -EINVAL);
	assert_int_equal(vmshm_ring_send(consumer, "x", 1), -EINVAL);
	assert_int_equal(vmshm_ring_commit(consumer, 0), -EINVAL);
	assert_int_equal(vmshm_ring_peek(producer, &looked, &size), -EINVAL);
	assert_int_equal(vmshm_ring_release(producer), -EINVAL);
	/* Nothing is reserved or looked at. */
	assert_int_equal(vmshm_ring_commit(producer, 0), -EINVAL);
	assert_int_equal(vmshm_ring_release(consumer), -EINVAL);
	/* Not what the other one does, either. */
	assert_int_equal(vmshm_ring_reserve(producer, 1, &room), 0);
	assert_int_equal(vmshm_ring_release(producer), -EINVAL);
	assert_int_equal(vmshm_ring_commit(producer, 2), -EINVAL);
	assert_int_equal(vmshm_ring_commit(producer, 1), 0);
	assert_int_equal(vmshm_ring_peek(consumer, &looked, &size), 0);
	assert_int_equal(vmshm_ring_commit(consumer, 0), -EINVAL);
	assert_int_equal(vmshm_ring_release(consumer), 0);
}

/* Every size fits at every place; full and empty are told. */
static void every_size_at_every_place(void **state)
{
	enum { CAPACITY = 256 };
	unsigned char byte = 0;
	size_t size, got, max;
	unsigned int n;
	char buffer[1];

	(void)state;
	new_ring(CAPACITY);
	max = vmshm_ring_max_message(producer);
	assert_int_equal(max, CAPACITY / 2 - 8);
	assert_int_equal(vmshm_ring_capacity(producer), CAPACITY);
	for (size = 0; size <= max; size++) {
		for (n = 0; n < 2 * CAPACITY / 8; n++) {
			assert_int_equal(vmshm_ring_recv(consumer, buffer, 1,
							 &got), -EAGAIN);
			send_size(size, byte);
			recv_size(size, byte++);
			/* One further. */
			send_size(0, 0);
			recv_size(0, 0);
		}
	}
	assert_int_equal(vmshm_ring_send(producer, memory, max + 1),
			 -EMSGSIZE);
}

static void full(void **state)
{
	unsigned int n;

	(void)state;
	new_ring(256);
	for (n = 0; n < 16; n++)
		send_size(8, (unsigned char)n);
	assert_int_equal(vmshm_ring_send(producer, "", 0), -EAGAIN);
	recv_size(8, 0);
	send_size(8, 16);
	assert_int_equal(vmshm_ring_send(producer, "", 0), -EAGAIN);
	for (n = 1; n < 17; n++)
		recv_size(8, (unsigned char)n);
}

/* A buffer that is too small costs nothing. */
static void too_large_for_the_buffer(void **state)
{
	unsigned char buffer[9];
	size_t size = 0;

	(void)state;
	new_ring(64);
	send_size(10, 3);
	assert_int_equal(vmshm_ring_recv(consumer, buffer, sizeof(buffer),
					 &size), -EMSGSIZE);
	assert_int_equal(size, 10);
	recv_size(10, 3);
}

/* Made in place, shorter than asked for, and more than one at a time. */
static void in_place(void **state)
{
	const void *looked, *again;
	void *room, *other;
	size_t size;

	(void)state;
	new_ring(256);
	assert_int_equal(vmshm_ring_reserve(producer, 100, &room), 0);
	memset(room, 0xff, 100);
	/* Forgotten. */
	assert_int_equal(vmshm_ring_reserve(producer, 50, &other), 0);
	assert_ptr_equal(other, room);
	memcpy(other, "hello", 5);
	assert_int_equal(vmshm_ring_peek(consumer, &looked, &size), -EAGAIN);
	assert_int_equal(vmshm_ring_commit(producer, 5), 0);
	assert_int_equal(layout->head, 16);

	assert_int_equal(vmshm_ring_peek(consumer, &looked, &size), 0);
	assert_ptr_equal(looked, room);
	assert_int_equal(size, 5);
	assert_memory_equal(looked, "hello", 5);
	assert_int_equal(vmshm_ring_peek(consumer, &again, &size), 0);
	assert_ptr_equal(again, looked);
	assert_int_equal(layout->tail, 0);
	assert_int_equal(vmshm_ring_release(consumer), 0);
	assert_int_equal(layout->tail, 16);
	assert_int_equal(vmshm_ring_release(consumer), -EINVAL);

	/* Reserved beyond the end, so it begins at 0, however short it is. */
	send_size(100, 0);
	recv_size(100, 0);
	assert_int_equal(layout->head, 128);
	send_size(72, 0);
	recv_size(72, 0);
	assert_int_equal(layout->head, 208);
	assert_int_equal(vmshm_ring_reserve(producer, 41, &room), 0);
	assert_ptr_equal(room, memory + sizeof(*layout) + 8);
	memcpy(room, "x", 1);
	assert_int_equal(vmshm_ring_commit(producer, 1), 0);
	assert_int_equal(layout->head, 256 + 16);
	recv_size(1, 'x');
}

/* The layout is the interface of those who do without the library. */
static void layout_in_memory(void **state)
{
	__u32 *words;

	(void)state;
	new_ring(64);
	words = (__u32 *)(void *)(memory + sizeof(*layout));
	assert_int_equal(memory[0], 'V');
	assert_int_equal(layout->magic, VMSHM_RING_MAGIC);
	assert_int_equal(layout->capacity, 64);
	send_size(24, 0);
	send_size(1, 7);
	assert_int_equal(words[0], 24);
	assert_int_equal(words[1], 0);
	assert_int_equal(words[8], 1);
	assert_int_equal(memory[sizeof(*layout) + 40], 7);
	assert_int_equal(layout->head, 48);
	recv_size(24, 0);
	send_size(16, 0);
	/* 16 bytes are left to the end, so all is at the beginning again. */
	assert_int_equal(words[12], VMSHM_RING_PAD);
	assert_int_equal(words[0], 16);
	assert_int_equal(layout->head, 64 + 24);
	assert_int_equal(layout->tail, 32);
	recv_size(1, 7);
	assert_int_equal(layout->tail, 48);
	recv_size(16, 0);
	assert_int_equal(layout->tail, 64 + 24);
}

/* Indices go beyond 2^32. */
static void indices_wrap(void **state)
{
	unsigned int n;

	(void)state;
	new_ring(64);
	layout->head = 0xffffffc8;
	layout->tail = 0xffffffc8;
	teardown(NULL);
	assert_int_equal(vmshm_ring_attach(memory, vmshm_ring_size(64),
					   VMSHM_RING_PRODUCER, &producer), 0);
	assert_int_equal(vmshm_ring_attach(memory, vmshm_ring_size(64),
					   VMSHM_RING_CONSUMER, &consumer), 0);
	for (n = 0; n < 20; n++) {
		send_size(8, 1);
		send_size(8, 2);
		recv_size(8, 1);
		send_size(8, 3);
		recv_size(8, 2);
		recv_size(8, 3);
	}
	assert_true(layout->head < 0x10000);
}

/* Both sides are replaced by others that go on. */
static void restarted(void **state)
{
	const size_t size = vmshm_ring_size(256);
	const void *looked;
	size_t length;
	void *room;

	(void)state;
	new_ring(256);
	send_size(10, 1);
	send_size(11, 2);
	recv_size(10, 1);
	assert_int_equal(vmshm_ring_reserve(producer, 12, &room), 0);
	assert_int_equal(vmshm_ring_peek(consumer, &looked, &length), 0);
	teardown(NULL);

	assert_int_equal(vmshm_ring_attach(memory, size, VMSHM_RING_PRODUCER,
					   &producer), 0);
	assert_int_equal(vmshm_ring_attach(memory, size, VMSHM_RING_CONSUMER,
					   &consumer), 0);
	assert_true(vmshm_ring_need_wake(producer));
	assert_true(vmshm_ring_need_wake(consumer));
	recv_size(11, 2);
	assert_int_equal(vmshm_ring_peek(consumer, &looked, &length), -EAGAIN);
	send_size(13, 4);
	recv_size(13, 4);
}

/* A consumer sees @head with the words at its @at being @size. */
static int consume(__u32 head, __u32 at, __u32 size)
{
	const void *looked;
	size_t length;
	__u32 *words;
	int rc;

	new_ring(64);
	words = (__u32 *)(void *)(memory + sizeof(*layout));
	send_size(8, 0);
	recv_size(8, 0);
	words[at / 4] = size;
	layout->head = head;
	rc = vmshm_ring_peek(consumer, &looked, &length);
	if (rc == -EBADMSG) {
		/* Repair does not help. */
		layout->head = 16;
		assert_int_equal(vmshm_ring_peek(consumer, &looked, &length),
				 -EBADMSG);
		assert_int_equal(vmshm_ring_arm(consumer, 0), -EBADMSG);
	}
	teardown(NULL);
	return rc;
}

static void hostile_producer(void **state)
{
	(void)state;
	assert_int_equal(consume(16, 16, 0), -EAGAIN);
	/* Indices: back, not aligned, farther than the ring is large. */
	assert_int_equal(consume(8, 16, 0), -EBADMSG);
	assert_int_equal(consume(17, 16, 0), -EBADMSG);
	assert_int_equal(consume(20, 16, 0), -EBADMSG);
	assert_int_equal(consume(16 + 72, 16, 0), -EBADMSG);
	assert_int_equal(consume(0x80000000, 16, 0), -EBADMSG);
	assert_int_equal(consume(0xfffffff8, 16, 0), -EBADMSG);
	/* Sizes: more than there is, more than there can be. */
	assert_int_equal(consume(24, 16, 0), 0);
	assert_int_equal(consume(24, 16, 1), -EBADMSG);
	assert_int_equal(consume(16 + 64, 16, 24), 0);
	assert_int_equal(consume(16 + 64, 16, 25), -EBADMSG);
	assert_int_equal(consume(16 + 64, 16, 0x7fffffff), -EBADMSG);
	assert_int_equal(consume(16 + 64, 16, 0xfffffff8), -EBADMSG);
	assert_int_equal(consume(16 + 64, 16, 0xfffffffe), -EBADMSG);
	/* Padding: with nothing behind it, or other padding. */
	assert_int_equal(consume(64, 16, VMSHM_RING_PAD), -EBADMSG);
	assert_int_equal(consume(56, 16, VMSHM_RING_PAD), -EBADMSG);
	/* There is a message of 8 bytes at the beginning. */
	assert_int_equal(consume(64 + 16, 16, VMSHM_RING_PAD), 0);
	assert_int_equal(consume(64 + 8, 16, VMSHM_RING_PAD), -EBADMSG);
}

static void hostile_padding(void **state)
{
	const void *looked;
	size_t length;
	__u32 *words;

	(void)state;
	new_ring(64);
	words = (__u32 *)(void *)(memory + sizeof(*layout));
	words[0] = VMSHM_RING_PAD;
	layout->head = 64;
	assert_int_equal(vmshm_ring_peek(consumer, &looked, &length), -EBADMSG);
	teardown(NULL);

	new_ring(64);
	words = (__u32 *)(void *)(memory + sizeof(*layout));
	send_size(16, 0);
	recv_size(16, 0);
	words[0] = VMSHM_RING_PAD;
	words[6] = VMSHM_RING_PAD;
	layout->head = 24 + 64;
	assert_int_equal(vmshm_ring_peek(consumer, &looked, &length), -EBADMSG);
	teardown(NULL);

	/* A message up to the end, but not beyond it. */
	new_ring(64);
	words = (__u32 *)(void *)(memory + sizeof(*layout));
	send_size(24, 0);
	send_size(0, 0);
	recv_size(24, 0);
	recv_size(0, 0);
	words[10] = 16;
	layout->head = 40 + 64;
	assert_int_equal(vmshm_ring_peek(consumer, &looked, &length), 0);
	teardown(NULL);

	new_ring(64);
	words = (__u32 *)(void *)(memory + sizeof(*layout));
	send_size(24, 0);
	send_size(0, 0);
	recv_size(24, 0);
	recv_size(0, 0);
	words[10] = 17;
	layout->head = 40 + 64;
	assert_int_equal(vmshm_ring_peek(consumer, &looked, &length), -EBADMSG);
}

static int produce(__u32 tail)
{
	void *room;
	int rc;

	new_ring(64);
	send_size(24, 0);
	send_size(24, 0);
	layout->tail = tail;
	rc = vmshm_ring_reserve(producer, 1, &room);
	if (rc == -EBADMSG) {
		layout->tail = 32;
		assert_int_equal(vmshm_ring_reserve(producer, 1, &room),
				 -EBADMSG);
		assert_int_equal(vmshm_ring_arm(producer, 1), -EBADMSG);
	}
	teardown(NULL);
	return rc;
}

static void hostile_consumer(void **state)
{
	(void)state;
	assert_int_equal(produce(0), -EAGAIN);
	assert_int_equal(produce(8), -EAGAIN);
	assert_int_equal(produce(32), 0);
	assert_int_equal(produce(64), 0);
	assert_int_equal(produce(72), -EBADMSG);
	assert_int_equal(produce(33), -EBADMSG);
	assert_int_equal(produce(4), -EBADMSG);
	assert_int_equal(produce(0xfffffff8), -EBADMSG);
	assert_int_equal(produce(0x80000000), -EBADMSG);
}

/* What was looked at does not become another one. */
static void changed_behind_the_back(void **state)
{
	const void *looked;
	size_t length;
	__u32 *words;

	(void)state;
	new_ring(64);
	words = (__u32 *)(void *)(memory + sizeof(*layout));
	send_size(8, 0);
	send_size(8, 1);
	assert_int_equal(vmshm_ring_peek(consumer, &looked, &length), 0);
	words[0] = 0x1000;
	layout->tail = 0x1000;
	layout->head = 0x1000;
	layout->capacity = 0x1000;
	layout->magic = 0;
	assert_int_equal(vmshm_ring_peek(consumer, &looked, &length), 0);
	assert_int_equal(length, 8);
	assert_int_equal(vmshm_ring_release(consumer), 0);
	/* Own index, not what was put in its place. */
	assert_int_equal(layout->tail, 16);
	/* Not in the ring when it was looked at last: not seen before. */
	assert_int_equal(vmshm_ring_peek(consumer, &looked, &length), 0);
	assert_int_equal(vmshm_ring_release(consumer), 0);
	assert_int_equal(vmshm_ring_peek(consumer, &looked, &length), -EBADMSG);
}

/* Nothing more comes of a damaged ring, nor of what had been begun. */
static void damaged_meanwhile(void **state)
{
	const void *looked;
	size_t length;
	void *room;

	(void)state;
	new_ring(64);
	send_size(24, 0);
	send_size(0, 0);
	assert_int_equal(vmshm_ring_reserve(producer, 8, &room), 0);
	layout->tail = 4;
	assert_int_equal(vmshm_ring_arm(producer, 24), -EBADMSG);
	layout->tail = 0;
	assert_int_equal(vmshm_ring_commit(producer, 8), -EBADMSG);
	assert_int_equal(vmshm_ring_notify(producer), -EBADMSG);
	assert_int_equal(layout->head, 40);
	teardown(NULL);

	new_ring(64);
	send_size(0, 0);
	assert_int_equal(vmshm_ring_peek(consumer, &looked, &length), 0);
	layout->head = 12;
	assert_int_equal(vmshm_ring_arm(consumer, 9), -EBADMSG);
	layout->head = 8;
	assert_int_equal(vmshm_ring_release(consumer), -EBADMSG);
	assert_int_equal(vmshm_ring_notify(consumer), -EBADMSG);
	assert_int_equal(layout->tail, 0);
}

/* What was reserved is not there any more when a larger one does not fit. */
static void reserve_forgets(void **state)
{
	void *room;

	(void)state;
	new_ring(64);
	assert_int_equal(vmshm_ring_reserve(producer, 8, &room), 0);
	assert_int_equal(vmshm_ring_reserve(producer, 25, &room), -EMSGSIZE);
	assert_int_equal(vmshm_ring_commit(producer, 8), -EINVAL);
	assert_int_equal(layout->head, 0);
}

static int rung;
static int ring_error;

static int ring_it(void *arg)
{
	assert_ptr_equal(arg, &rung);
	if (ring_error)
		return ring_error;
	rung++;
	return 0;
}

static int times_rung(void)
{
	int times = rung;

	rung = 0;
	return times;
}

static void suppressed(void **state)
{
	unsigned int n;

	(void)state;
	new_ring(256);
	times_rung();
	vmshm_ring_set_doorbell(producer, ring_it, &rung);
	/* Nobody knows what was before. */
	send_size(1, 0);
	assert_int_equal(times_rung(), 1);
	send_size(1, 0);
	assert_int_equal(times_rung(), 0);

	/* There is something to be had: no wait, no doorbell. */
	assert_int_equal(vmshm_ring_arm(consumer, 0), 1);
	send_size(1, 0);
	recv_size(1, 0);
	recv_size(1, 0);
	recv_size(1, 0);
	assert_int_equal(vmshm_ring_arm(consumer, 0), 0);
	send_size(1, 0);
	assert_int_equal(times_rung(), 1);
	send_size(1, 0);
	assert_int_equal(times_rung(), 0);
	recv_size(1, 0);
	recv_size(1, 0);

	/* Only when there are so many. */
	assert_int_equal(vmshm_ring_arm(consumer, 48), 0);
	for (n = 0; n < 6; n++) {
		send_size(1, 0);
		assert_int_equal(times_rung(), n == 2);
	}
	for (n = 0; n < 6; n++)
		recv_size(1, 0);
	assert_int_equal(vmshm_ring_arm(consumer, 129), -EMSGSIZE);

	/* Asked about several at once. */
	assert_int_equal(vmshm_ring_arm(consumer, 0), 0);
	vmshm_ring_set_doorbell(producer, NULL, NULL);
	send_size(1, 0);
	send_size(1, 0);
	vmshm_ring_set_doorbell(producer, ring_it, &rung);
	assert_int_equal(vmshm_ring_notify(producer), 1);
	assert_int_equal(vmshm_ring_notify(producer), 0);
	assert_int_equal(times_rung(), 1);

	/* A doorbell that fails is rung later. */
	recv_size(1, 0);
	recv_size(1, 0);
	assert_int_equal(vmshm_ring_arm(consumer, 0), 0);
	ring_error = -EIO;
	send_size(1, 0);
	assert_int_equal(vmshm_ring_notify(producer), -EIO);
	ring_error = 0;
	assert_int_equal(times_rung(), 0);
	assert_int_equal(vmshm_ring_notify(producer), 1);
	assert_int_equal(times_rung(), 1);
}

/* The other direction: a producer that waits for room. */
static void suppressed_for_room(void **state)
{
	unsigned int n;

	(void)state;
	new_ring(256);
	times_rung();
	vmshm_ring_set_doorbell(consumer, ring_it, &rung);
	assert_int_equal(vmshm_ring_arm(producer, 120), 1);
	assert_int_equal(vmshm_ring_arm(producer, 121), -EMSGSIZE);
	for (n = 0; n < 16; n++)
		send_size(8, 0);
	recv_size(8, 0);
	assert_int_equal(times_rung(), 1);
	/* 16 bytes are there, 48 are wanted. */
	assert_int_equal(vmshm_ring_arm(producer, 40), 0);
	recv_size(8, 0);
	assert_int_equal(times_rung(), 0);
	assert_int_equal(vmshm_ring_send(producer, memory, 40), -EAGAIN);
	recv_size(8, 0);
	assert_int_equal(times_rung(), 1);
	send_size(40, 0);
	recv_size(8, 0);
	assert_int_equal(times_rung(), 0);
	assert_int_equal(vmshm_ring_arm(producer, 8), 1);
}

/* A side that did not ask for long must not miss what came meanwhile. */
static void asked_long_ago(void **state)
{
	unsigned int n;

	(void)state;
	new_ring(64);
	assert_true(vmshm_ring_need_wake(producer));
	assert_int_equal(vmshm_ring_arm(consumer, 0), 0);
	for (n = 0; n < 100; n++) {
		send_size(8, 0);
		recv_size(8, 0);
	}
	assert_true(vmshm_ring_need_wake(producer));
	assert_false(vmshm_ring_need_wake(producer));
}

static void eventfds(void **state)
{
	int blocking = eventfd(0, EFD_CLOEXEC);
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	eventfd_t count;

	(void)state;
	new_ring(64);
	assert_int_equal(vmshm_ring_set_eventfd(producer, 0x7fffffff), -EBADF);
	assert_int_equal(vmshm_ring_set_eventfd(producer, blocking), -EINVAL);
	assert_int_equal(vmshm_ring_set_eventfd(producer, fd), 0);
	send_size(1, 0);
	assert_return_code(eventfd_read(fd, &count), errno);
	assert_int_equal(count, 1);

	/* Full: somebody else was busy, who waits is awake. */
	recv_size(1, 0);
	assert_return_code(eventfd_write(fd, 0xfffffffffffffffe), errno);
	assert_int_equal(vmshm_ring_arm(consumer, 0), 0);
	assert_int_equal(vmshm_ring_send(producer, "x", 1), 0);
	recv_size(1, 'x');
	assert_int_equal(vmshm_ring_arm(consumer, 0), 0);
	vmshm_ring_set_doorbell(producer, ring_it, &rung);
	times_rung();
	send_size(1, 0);
	assert_int_equal(times_rung(), 1);
	recv_size(1, 0);

	assert_int_equal(vmshm_ring_set_eventfd(producer, -1), 0);
	assert_int_equal(vmshm_ring_arm(consumer, 0), 0);
	send_size(1, 0);
	assert_int_equal(times_rung(), 0);
	/* Not asked: the question was not put. */
	assert_true(vmshm_ring_need_wake(producer));
	close(fd);
	close(blocking);
}

/*
 * Two sides at the same time. Each message has the number in it from which its
 * size and its contents follow. A side that finds nothing to do sleeps, with
 * nothing but the doorbell to wake it up.
 */

struct side {
	enum vmshm_ring_role role;
	size_t capacity;
	unsigned int messages;
	int own;
	int other;
};

static unsigned int mix(unsigned int n)
{
	n = (n ^ (n >> 16)) * 0x45d9f3b;
	n = (n ^ (n >> 16)) * 0x45d9f3b;
	return n ^ (n >> 16);
}

static size_t size_of(const struct vmshm_ring *ring, unsigned int n)
{
	return mix(n) % (vmshm_ring_max_message(ring) + 1);
}

static void fill(unsigned char *to, size_t size, unsigned int n)
{
	size_t i;

	for (i = 0; i < size; i++)
		to[i] = (unsigned char)(mix(n) >> (i % 4 * 8)) ^
			(unsigned char)i;
}

static int wait_for(int fd)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };
	eventfd_t count;

	/* A lost wake-up waits for the alarm. */
	if (poll(&pollfd, 1, -1) != 1)
		return -1;
	return eventfd_read(fd, &count);
}

static int produce_one(struct vmshm_ring *ring, const struct side *side,
		       unsigned int n)
{
	size_t size = size_of(ring, n);
	void *room;
	int rc;

	while ((rc = vmshm_ring_reserve(ring, size, &room)) == -EAGAIN) {
		/* Before a wait, or both would. */
		vmshm_ring_notify(ring);
		rc = vmshm_ring_arm(ring, size);
		if (rc < 0)
			return rc;
		if (!rc && wait_for(side->own))
			return -EIO;
	}
	if (rc)
		return rc;

	fill(room, size, n);
	rc = vmshm_ring_commit(ring, size);
	/* Now and then several at once. */
	if (!rc && mix(n + 1) % 4)
		vmshm_ring_notify(ring);
	return rc;
}

static int consume_one(struct vmshm_ring *ring, const struct side *side,
		       unsigned int n, unsigned char *buffer,
		       unsigned char *expected)
{
	size_t size;
	int rc;

	while ((rc = vmshm_ring_recv(ring, buffer, side->capacity, &size)) ==
	       -EAGAIN) {
		rc = vmshm_ring_arm(ring, 0);
		if (rc < 0)
			return rc;
		if (!rc && wait_for(side->own))
			return -EIO;
	}
	if (rc)
		return rc;

	if (size != size_of(ring, n))
		return -EILSEQ;
	fill(expected, size, n);
	return memcmp(buffer, expected, size) ? -EILSEQ : 0;
}

/* In a thread or a process of its own, without assertions therefore. */
static void *run_side(void *arg)
{
	const struct side *side = arg;
	unsigned char *buffer = malloc(2 * side->capacity);
	struct vmshm_ring *ring;
	unsigned int n;
	int rc;

	rc = vmshm_ring_attach(memory, vmshm_ring_size(side->capacity),
			       side->role, &ring);
	if (rc)
		goto out;

	rc = vmshm_ring_set_eventfd(ring, side->other);
	for (n = 0; !rc && n < side->messages; n++) {
		if (side->role == VMSHM_RING_PRODUCER)
			rc = produce_one(ring, side, n);
		else
			rc = consume_one(ring, side, n, buffer,
					 buffer + side->capacity);
	}
	vmshm_ring_notify(ring);
	vmshm_ring_free(ring);
out:
	free(buffer);
	return (void *)(intptr_t)rc;
}

static void make_sides(struct side sides[2], size_t capacity,
		       unsigned int messages)
{
	int a = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int b = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	assert_true(a >= 0 && b >= 0);
	new_ring(capacity);
	sides[0] = (struct side){ VMSHM_RING_PRODUCER, capacity, messages,
				  a, b };
	sides[1] = (struct side){ VMSHM_RING_CONSUMER, capacity, messages,
				  b, a };
	alarm(PATIENCE);
}

static void close_sides(struct side sides[2])
{
	alarm(0);
	close(sides[0].own);
	close(sides[1].own);
}

static void two_threads(void **state)
{
	static const size_t capacities[] = { 64, 256, 4096, 65536 };
	struct side sides[2];
	pthread_t thread;
	void *result;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(capacities); i++) {
		make_sides(sides, capacities[i], 20000);
		assert_int_equal(pthread_create(&thread, NULL, run_side,
						&sides[0]), 0);
		assert_ptr_equal(run_side(&sides[1]), NULL);
		assert_int_equal(pthread_join(thread, &result), 0);
		assert_ptr_equal(result, NULL);
		close_sides(sides);
		teardown(NULL);
	}
}

static void two_processes(void **state)
{
	static const size_t capacities[] = { 64, 4096 };
	struct side sides[2];
	int status;
	size_t i;
	pid_t pid;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(capacities); i++) {
		make_sides(sides, capacities[i], 20000);
		fflush(NULL);
		pid = fork();
		assert_return_code(pid, errno);
		if (!pid) {
			alarm(PATIENCE);
			_exit(run_side(&sides[0]) ? 1 : 0);
		}
		assert_ptr_equal(run_side(&sides[1]), NULL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
		close_sides(sides);
		teardown(NULL);
	}
}

#define TEST(name)	cmocka_unit_test_teardown(name, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(sizes),
		TEST(create_refuses),
		TEST(attach_refuses),
		TEST(roles),
		TEST(every_size_at_every_place),
		TEST(full),
		TEST(too_large_for_the_buffer),
		TEST(in_place),
		TEST(layout_in_memory),
		TEST(indices_wrap),
		TEST(restarted),
		TEST(hostile_producer),
		TEST(hostile_padding),
		TEST(hostile_consumer),
		TEST(changed_behind_the_back),
		TEST(damaged_meanwhile),
		TEST(reserve_forgets),
		TEST(suppressed),
		TEST(suppressed_for_room),
		TEST(asked_long_ago),
		TEST(eventfds),
		TEST(two_threads),
		TEST(two_processes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
