// SPDX-License-Identifier: GPL-2.0
/*
 * Rings of the library, with another side that writes what it likes where it
 * likes, also while a function runs: after each word that is read from the
 * shared memory, the word may change.
 *
 * Whatever it does, nothing outside of the ring may be read or written, which
 * the address sanitizer and the bytes around the ring watch over; what is given
 * out lies within the ring; and a ring that was found damaged stays so. As long
 * as it has done nothing, messages come as they were sent.
 *
 * Input: capacity and whether there is another side at all; then operations,
 * each a byte and what it takes.
 */
#include <sanitizer/asan_interface.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(_cond)							\
	do {								\
		if (!(_cond)) {						\
			fprintf(stderr, "%s:%d: not true: %s\n",	\
				__FILE__, __LINE__, #_cond);		\
			abort();					\
		}							\
	} while (0)

static uint32_t read_word(const uint32_t *word);

/* The library reads shared memory by this, and by nothing else. */
#define __atomic_load_n(word, order)	read_word(word)
#include "../../userspace/lib/ring.c"
#undef __atomic_load_n

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

#define MARGIN		4096
#define MAX_CAPACITY	1024
#define MAX_SIZE	(sizeof(struct vmshm_ring_layout) + MAX_CAPACITY)
#define CANARY		0xa5
#define QUEUE		64

static _Alignas(VMSHM_RING_ALIGN) unsigned char
area[MARGIN + MAX_SIZE + MARGIN];
static unsigned char * const memory = area + MARGIN;
static size_t memory_size;

static const uint8_t *input;
static size_t input_left;

/* The other side is at work, and has been. */
static bool is_hostile, has_meddled;

static uint8_t take(void)
{
	if (!input_left)
		return 0;
	input_left--;
	return *input++;
}

static uint32_t take_word(void)
{
	uint32_t word = 0;
	int i;

	for (i = 0; i < 4; i++)
		word = word << 8 | take();
	return word;
}

/* Words that are nearly right are the interesting ones. */
static uint32_t take_value(uint32_t now)
{
	uint8_t how = take();

	switch (how % 6) {
	case 0: return take_word();
	case 1: return now + (uint32_t)(int8_t)take();
	case 2: return now + 8 * (uint32_t)(int8_t)take();
	case 3: return VMSHM_RING_PAD;
	case 4: return take();
	default: return now ^ 1U << take() % 32;
	}
}

static uint32_t read_word(const uint32_t *word)
{
	uint32_t *shared = (uint32_t *)(uintptr_t)word;
	uint32_t value;

	CHECK((unsigned char *)shared >= memory);
	CHECK((unsigned char *)(shared + 1) <= memory + memory_size);
	value = *shared;
	if (is_hostile && input_left && take() < 64) {
		*shared = take_value(value);
		has_meddled = true;
	}
	return value;
}

static void meddle(void)
{
	/* Most often in what is not a message. */
	static const uint16_t words[] = {
		offsetof(struct vmshm_ring_layout, head) / 4,
		offsetof(struct vmshm_ring_layout, tail) / 4,
		offsetof(struct vmshm_ring_layout, head_wanted) / 4,
		offsetof(struct vmshm_ring_layout, tail_wanted) / 4,
		offsetof(struct vmshm_ring_layout, magic) / 4,
		offsetof(struct vmshm_ring_layout, capacity) / 4,
	};
	uint8_t which = take();
	uint32_t *word = (uint32_t *)memory;

	if (which < ARRAY_SIZE(words))
		word += words[which];
	else if (which < 128)
		word += sizeof(struct vmshm_ring_layout) / 4 +
			which % 128 * 2 % ((memory_size -
			sizeof(struct vmshm_ring_layout)) / 4);
	else
		word += (which << 8 | take()) % (memory_size / 4);
	*word = take_value(*word);
	has_meddled = true;
}

/* What was sent and has not been received: sizes, and a byte of contents. */
static struct {
	size_t size;
	uint8_t seed;
} queue[QUEUE];
static unsigned int queue_first, queue_count;

static void queue_put(size_t size, uint8_t seed)
{
	unsigned int at = (queue_first + queue_count) % QUEUE;

	queue[at].size = size;
	queue[at].seed = seed;
	queue_count++;
}

static void queue_get(const unsigned char *message, size_t size)
{
	size_t i;

	CHECK(queue_count);
	CHECK(size == queue[queue_first].size);
	for (i = 0; i < size; i++)
		CHECK(message[i] ==
		      (uint8_t)(queue[queue_first].seed + i * 7));
	queue_first = (queue_first + 1) % QUEUE;
	queue_count--;
}

static void check_within(const struct vmshm_ring *ring, const void *message,
			 size_t size)
{
	const unsigned char *start = message;

	CHECK(size <= vmshm_ring_max_message(ring));
	CHECK(start >= memory + sizeof(struct vmshm_ring_layout) + 8);
	CHECK(start + size <= memory + memory_size);
	CHECK((uintptr_t)start % 8 == 0);
}

/* An error is allowed if there is somebody to blame for it. */
static void check_error(struct vmshm_ring *ring, int rc)
{
	const void *looked;
	size_t size;
	void *room;

	if (rc != -EBADMSG)
		return;
	CHECK(has_meddled);
	CHECK(vmshm_ring_arm(ring, 0) == -EBADMSG);
	if (ring->role == VMSHM_RING_PRODUCER)
		CHECK(vmshm_ring_reserve(ring, 0, &room) == -EBADMSG);
	else
		CHECK(vmshm_ring_peek(ring, &looked, &size) == -EBADMSG);
}

static void send_one(struct vmshm_ring *ring)
{
	size_t size = (take() << 8 | take()) %
		      (vmshm_ring_max_message(ring) + 2);
	size_t less = take() % 4 ? 0 : take();
	uint8_t seed = take();
	unsigned char *bytes;
	void *room;
	size_t i;
	int rc;

	rc = vmshm_ring_reserve(ring, size, &room);
	check_error(ring, rc);
	if (size > vmshm_ring_max_message(ring))
		CHECK(rc == -EMSGSIZE || rc == -EBADMSG);
	if (rc)
		return;

	check_within(ring, room, size);
	bytes = room;
	for (i = 0; i < size; i++)
		bytes[i] = (uint8_t)(seed + i * 7);
	if (!has_meddled && queue_count == QUEUE)
		return;
	size = less > size ? 0 : size - less;
	CHECK(vmshm_ring_commit(ring, size) == 0);
	if (!has_meddled)
		queue_put(size, seed);
}

static void recv_one(struct vmshm_ring *ring)
{
	static unsigned char buffer[MAX_CAPACITY];
	size_t limit = take() % 4 ? sizeof(buffer) : take();
	size_t size = 0;
	int rc;

	rc = vmshm_ring_recv(ring, buffer, limit, &size);
	check_error(ring, rc);
	if (rc == -EMSGSIZE)
		CHECK(size > limit);
	if (!has_meddled && rc == -EAGAIN)
		CHECK(!queue_count);
	if (rc)
		return;

	CHECK(size <= limit && size <= vmshm_ring_max_message(ring));
	if (!has_meddled)
		queue_get(buffer, size);
}

static void peek_one(struct vmshm_ring *ring)
{
	const void *message, *again;
	size_t size, same;
	int rc;

	rc = vmshm_ring_peek(ring, &message, &size);
	check_error(ring, rc);
	if (rc)
		return;

	check_within(ring, message, size);
	CHECK(vmshm_ring_peek(ring, &again, &same) == 0);
	CHECK(again == message && same == size);
}

/* A restart of a side. What is there may be refused, not more. */
static void attach_again(struct vmshm_ring **ring, enum vmshm_ring_role role)
{
	struct vmshm_ring *new;
	int rc;

	rc = vmshm_ring_attach(memory, memory_size, role, &new);
	if (rc) {
		CHECK(has_meddled && (rc == -EBADMSG || rc == -EAGAIN));
		return;
	}
	CHECK(vmshm_ring_size(vmshm_ring_capacity(new)) <= memory_size);
	vmshm_ring_free(*ring);
	*ring = new;
}

static void one_step(struct vmshm_ring **producer, struct vmshm_ring **consumer)
{
	switch (take() % 9) {
	case 0:
	case 1:
		send_one(*producer);
		break;
	case 2:
	case 3:
		recv_one(*consumer);
		break;
	case 4:
		peek_one(*consumer);
		break;
	case 5:
		check_error(*producer, vmshm_ring_arm(*producer, take()));
		check_error(*consumer, vmshm_ring_arm(*consumer, take()));
		break;
	case 6:
		vmshm_ring_need_wake(*producer);
		vmshm_ring_need_wake(*consumer);
		break;
	case 7:
		if (take() % 2)
			attach_again(producer, VMSHM_RING_PRODUCER);
		else
			attach_again(consumer, VMSHM_RING_CONSUMER);
		break;
	default:
		if (is_hostile)
			meddle();
	}
}

/* What a side believes is possible, whatever it was told. */
static void check_beliefs(const struct vmshm_ring *producer,
			  const struct vmshm_ring *consumer)
{
	CHECK(producer->own - producer->other <= producer->capacity);
	CHECK(consumer->other - consumer->own <= consumer->capacity);
	CHECK(!((producer->own | producer->other) & 7));
	CHECK(!((consumer->own | consumer->other) & 7));
}

static void check_margins(void)
{
	size_t i;

	__asan_unpoison_memory_region(area, sizeof(area));
	for (i = 0; i < MARGIN; i++) {
		CHECK(area[i] == CANARY);
		CHECK(memory[memory_size + i] == CANARY);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vmshm_ring *producer, *consumer;
	size_t capacity;
	uint8_t first;

	input = data;
	input_left = size;
	first = take();
	capacity = VMSHM_RING_MIN << first % 5;
	has_meddled = false;
	is_hostile = false;
	queue_first = 0;
	queue_count = 0;

	memory_size = vmshm_ring_size(capacity);
	CHECK(memory_size && memory_size <= MAX_SIZE);
	memset(area, CANARY, sizeof(area));
	__asan_poison_memory_region(area, MARGIN);
	__asan_poison_memory_region(memory + memory_size,
				    sizeof(area) - MARGIN - memory_size);

	CHECK(vmshm_ring_create(memory, capacity, VMSHM_RING_PRODUCER,
				&producer) == 0);
	CHECK(vmshm_ring_attach(memory, memory_size, VMSHM_RING_CONSUMER,
				&consumer) == 0);
	is_hostile = first & 0x80;
	while (input_left) {
		one_step(&producer, &consumer);
		check_beliefs(producer, consumer);
	}
	vmshm_ring_free(producer);
	vmshm_ring_free(consumer);
	check_margins();
	return 0;
}
