// SPDX-License-Identifier: GPL-2.0
/*
 * Rings: messages from one producer to one consumer through shared memory.
 *
 * Everything in there may be changed by the other side at any time. So a word
 * is read once, by load() or load_acquire(), and what comes of it is used only
 * after it was compared with what is known here: where the ring is, how large
 * it is, and which indices have been seen. A side's own index is never read
 * back.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <vmshm/ring.h>

/* In front of each message: its size, and 32 bits of 0. */
#define RECORD_HEADER	8U

#define LAYOUT_SIZE	((__u32)sizeof(struct vmshm_ring_layout))

_Static_assert(sizeof(struct vmshm_ring_layout) == 640, "size");
_Static_assert(offsetof(struct vmshm_ring_layout, head) == 128, "head");
_Static_assert(offsetof(struct vmshm_ring_layout, tail) == 256, "tail");
_Static_assert(offsetof(struct vmshm_ring_layout, head_wanted) == 384,
	       "head_wanted");
_Static_assert(offsetof(struct vmshm_ring_layout, tail_wanted) == 512,
	       "tail_wanted");

/*
 * @own_index and @own_wanted are the words that this side writes, its index and
 * what it waits for; @other_index and @other_wanted are those that it reads.
 *
 * @own and @other are the indices of the two sides: @own as it is, @other as it
 * was read last and found good. @asked is @own when vmshm_ring_need_wake() was
 * called last, if @is_asked; @is_asked also becomes false when that is too long
 * ago to be compared with what the other side waits for.
 *
 * A record is reserved, or looked at, if @step is not 0: @record is where it
 * is, of at most @size bytes, and @step is how far the index goes with it.
 */
struct vmshm_ring {
	struct vmshm_ring_layout *shared;
	unsigned char *data;
	__u32 *own_index;
	__u32 *other_index;
	__u32 *own_wanted;
	__u32 *other_wanted;
	__u32 capacity;
	enum vmshm_ring_role role;
	bool is_damaged;
	bool is_asked;
	__u32 own;
	__u32 other;
	__u32 asked;
	__u32 step;
	__u32 record;
	__u32 size;
	int eventfd;
	int (*doorbell)(void *arg);
	void *arg;
};

static __u32 load(const __u32 *word)
{
	return __atomic_load_n(word, __ATOMIC_RELAXED);
}

static __u32 load_acquire(const __u32 *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static void store(__u32 *word, __u32 value)
{
	__atomic_store_n(word, value, __ATOMIC_RELAXED);
}

static void store_release(__u32 *word, __u32 value)
{
	__atomic_store_n(word, value, __ATOMIC_RELEASE);
}

static __u32 max_message(__u32 capacity)
{
	return capacity / 2 - RECORD_HEADER;
}

/* Of a message that is no larger than the largest. */
static __u32 record_size(__u32 size)
{
	return (RECORD_HEADER + size + 7) & ~7U;
}

static bool is_capacity(size_t capacity)
{
	return capacity >= VMSHM_RING_MIN && capacity <= VMSHM_RING_MAX &&
	       !(capacity & (capacity - 1));
}

static int damaged(struct vmshm_ring *ring)
{
	ring->is_damaged = true;
	return -EBADMSG;
}

/*
 * How far the other side can go from where it was seen last: the consumer as
 * far as there are messages, the producer as far as there is room.
 */
static __u32 other_limit(const struct vmshm_ring *ring)
{
	if (ring->role == VMSHM_RING_PRODUCER)
		return ring->own - ring->other;
	return ring->capacity - (ring->other - ring->own);
}

/* See what the other side has done. */
static int look(struct vmshm_ring *ring)
{
	__u32 index = load_acquire(ring->other_index);

	if (index - ring->other > other_limit(ring) || index & 7)
		return damaged(ring);

	ring->other = index;
	return 0;
}

/* What a consumer can take, what a producer can fill; in bytes. */
static __u32 available(const struct vmshm_ring *ring)
{
	if (ring->role == VMSHM_RING_PRODUCER)
		return ring->capacity - (ring->own - ring->other);
	return ring->other - ring->own;
}

/* From a side's own index to the end of the ring. */
static __u32 room_to_end(const struct vmshm_ring *ring)
{
	return ring->capacity - (ring->own & (ring->capacity - 1));
}

static __u32 *header(const struct vmshm_ring *ring, __u32 offset)
{
	return (__u32 *)(void *)(ring->data + offset);
}

size_t vmshm_ring_size(size_t capacity)
{
	return is_capacity(capacity) ? LAYOUT_SIZE + capacity : 0;
}

static int ring_alloc(void *memory, enum vmshm_ring_role role,
		      struct vmshm_ring **ring)
{
	struct vmshm_ring *new;

	if (!memory || (uintptr_t)memory % VMSHM_RING_ALIGN)
		return -EINVAL;
	if (role != VMSHM_RING_PRODUCER && role != VMSHM_RING_CONSUMER)
		return -EINVAL;

	new = calloc(1, sizeof(*new));
	if (!new)
		return -ENOMEM;

	new->shared = memory;
	new->data = (unsigned char *)memory + LAYOUT_SIZE;
	new->role = role;
	if (role == VMSHM_RING_PRODUCER) {
		new->own_index = &new->shared->head;
		new->own_wanted = &new->shared->tail_wanted;
		new->other_index = &new->shared->tail;
		new->other_wanted = &new->shared->head_wanted;
	} else {
		new->own_index = &new->shared->tail;
		new->own_wanted = &new->shared->head_wanted;
		new->other_index = &new->shared->head;
		new->other_wanted = &new->shared->tail_wanted;
	}
	new->eventfd = -1;
	*ring = new;
	return 0;
}

int vmshm_ring_create(void *memory, size_t capacity, enum vmshm_ring_role role,
		      struct vmshm_ring **ring)
{
	struct vmshm_ring *new;
	int rc;

	if (!is_capacity(capacity))
		return -EINVAL;

	rc = ring_alloc(memory, role, &new);
	if (rc)
		return rc;

	/* Nobody attaches to it while it changes. */
	store(&new->shared->magic, 0);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	memset((unsigned char *)memory + sizeof(__u32), 0,
	       LAYOUT_SIZE - sizeof(__u32));
	new->capacity = (__u32)capacity;
	store(&new->shared->capacity, new->capacity);
	store_release(&new->shared->magic, VMSHM_RING_MAGIC);
	*ring = new;
	return 0;
}

/* Take over the indices. */
static int resume(struct vmshm_ring *ring)
{
	__u32 used;

	ring->own = load_acquire(ring->own_index);
	ring->other = load_acquire(ring->other_index);
	used = ring->role == VMSHM_RING_PRODUCER ? ring->own - ring->other :
						   ring->other - ring->own;
	if (used > ring->capacity || (ring->own | ring->other) & 7)
		return -EBADMSG;
	return 0;
}

int vmshm_ring_attach(void *memory, size_t size, enum vmshm_ring_role role,
		      struct vmshm_ring **ring)
{
	struct vmshm_ring *new;
	__u32 magic;
	int rc;

	if (size < LAYOUT_SIZE + VMSHM_RING_MIN)
		return -EINVAL;

	rc = ring_alloc(memory, role, &new);
	if (rc)
		return rc;

	magic = load_acquire(&new->shared->magic);
	new->capacity = load(&new->shared->capacity);
	if (!magic)
		rc = -EAGAIN;
	else if (magic != VMSHM_RING_MAGIC || !is_capacity(new->capacity) ||
		 new->capacity > size - LAYOUT_SIZE)
		rc = -EBADMSG;
	else
		rc = resume(new);
	if (rc) {
		free(new);
		return rc;
	}

	*ring = new;
	return 0;
}

void vmshm_ring_free(struct vmshm_ring *ring)
{
	free(ring);
}

size_t vmshm_ring_capacity(const struct vmshm_ring *ring)
{
	return ring->capacity;
}

size_t vmshm_ring_max_message(const struct vmshm_ring *ring)
{
	return max_message(ring->capacity);
}

int vmshm_ring_set_eventfd(struct vmshm_ring *ring, int fd)
{
	int flags;

	if (fd >= 0) {
		flags = fcntl(fd, F_GETFL);
		if (flags < 0)
			return -errno;
		if (!(flags & O_NONBLOCK))
			return -EINVAL;
	}

	ring->eventfd = fd < 0 ? -1 : fd;
	ring->doorbell = NULL;
	return 0;
}

void vmshm_ring_set_doorbell(struct vmshm_ring *ring,
			     int (*doorbell)(void *arg), void *arg)
{
	ring->eventfd = -1;
	ring->doorbell = doorbell;
	ring->arg = arg;
}

/* How much of the ring a message takes from here, with what is left unused. */
static __u32 message_step(const struct vmshm_ring *ring, __u32 size)
{
	__u32 room = room_to_end(ring);
	__u32 need = record_size(size);

	return need > room ? room + need : need;
}

int vmshm_ring_arm(struct vmshm_ring *ring, size_t size)
{
	__u32 need;
	int rc;

	if (ring->is_damaged)
		return -EBADMSG;

	if (ring->role == VMSHM_RING_PRODUCER) {
		if (size > max_message(ring->capacity))
			return -EMSGSIZE;
		need = message_step(ring, (__u32)size);
	} else {
		if (size > ring->capacity / 2)
			return -EMSGSIZE;
		need = size ? (__u32)size : 1;
	}
	if (available(ring) >= need)
		return 1;

	/*
	 * Either the other side sees what is wanted here, or this side sees
	 * what the other one has done: pairs with vmshm_ring_need_wake().
	 */
	store(ring->own_wanted, ring->other + (need - available(ring)));
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	rc = look(ring);
	if (rc)
		return rc;
	return available(ring) >= need;
}

bool vmshm_ring_need_wake(struct vmshm_ring *ring)
{
	__u32 asked = ring->asked;
	bool was_asked = ring->is_asked;
	__u32 wanted;

	ring->asked = ring->own;
	ring->is_asked = true;
	if (!was_asked)
		return true;
	if (asked == ring->own)
		return false;

	/* The index is to be seen before it is read what is waited for. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	wanted = load(ring->other_wanted);
	/* Did it come into reach since: asked < wanted <= own? */
	return ring->own - wanted < ring->own - asked;
}

static int ring_eventfd(int fd)
{
	if (eventfd_write(fd, 1) == 0)
		return 0;
	/* As full as it can be: whoever waits for it is woken up. */
	return errno == EAGAIN ? 0 : -errno;
}

int vmshm_ring_notify(struct vmshm_ring *ring)
{
	int rc;

	if (ring->is_damaged)
		return -EBADMSG;
	if (!ring->doorbell && ring->eventfd < 0)
		return 0;
	if (!vmshm_ring_need_wake(ring))
		return 0;

	rc = ring->doorbell ? ring->doorbell(ring->arg) :
			      ring_eventfd(ring->eventfd);
	if (rc < 0) {
		ring->is_asked = false;
		return rc;
	}
	return 1;
}

/* Go on by ->step, and let the other side see it. */
static void advance(struct vmshm_ring *ring)
{
	ring->own += ring->step;
	ring->step = 0;
	/* What is waited for is no farther away than the ring is large. */
	if (ring->own - ring->asked > ring->capacity)
		ring->is_asked = false;
	store_release(ring->own_index, ring->own);
}

int vmshm_ring_reserve(struct vmshm_ring *ring, size_t size, void **message)
{
	__u32 step, room;
	int rc;

	ring->step = 0;
	if (ring->role != VMSHM_RING_PRODUCER)
		return -EINVAL;
	if (ring->is_damaged)
		return -EBADMSG;
	if (size > max_message(ring->capacity))
		return -EMSGSIZE;

	step = message_step(ring, (__u32)size);
	if (available(ring) < step) {
		rc = look(ring);
		if (rc)
			return rc;
		if (available(ring) < step)
			return -EAGAIN;
	}

	room = room_to_end(ring);
	ring->record = step > room ? 0 : ring->capacity - room;
	ring->size = (__u32)size;
	ring->step = step;
	*message = ring->data + ring->record + RECORD_HEADER;
	return 0;
}

int vmshm_ring_commit(struct vmshm_ring *ring, size_t size)
{
	__u32 skipped;

	if (ring->role != VMSHM_RING_PRODUCER)
		return -EINVAL;
	if (ring->is_damaged)
		return -EBADMSG;
	if (!ring->step || size > ring->size)
		return -EINVAL;

	/* What is skipped depends on what was reserved, not on what came. */
	skipped = ring->step - record_size(ring->size);
	if (skipped) {
		__u32 *pad = header(ring, ring->capacity - skipped);

		store(&pad[0], VMSHM_RING_PAD);
		store(&pad[1], 0);
	}
	store(header(ring, ring->record), (__u32)size);
	store(header(ring, ring->record) + 1, 0);
	ring->step = skipped + record_size((__u32)size);
	advance(ring);
	return 0;
}

int vmshm_ring_send(struct vmshm_ring *ring, const void *message, size_t size)
{
	void *room;
	int rc;

	rc = vmshm_ring_reserve(ring, size, &room);
	if (rc)
		return rc;

	if (size)
		memcpy(room, message, size);
	rc = vmshm_ring_commit(ring, size);
	if (rc)
		return rc;

	vmshm_ring_notify(ring);
	return 0;
}

/* Find the next record, which is to be there: something is available. */
static int find_record(struct vmshm_ring *ring)
{
	__u32 room = room_to_end(ring);
	__u32 record = ring->capacity - room;
	__u32 skipped = 0;
	__u32 size, left;

	size = load(header(ring, record));
	if (size == VMSHM_RING_PAD) {
		/* Then there is a message behind it. */
		if (room >= available(ring))
			return damaged(ring);
		skipped = room;
		record = 0;
		size = load(header(ring, record));
	}

	if (size > max_message(ring->capacity))
		return damaged(ring);
	left = available(ring) - skipped;
	if (record_size(size) > left ||
	    record_size(size) > ring->capacity - record)
		return damaged(ring);

	ring->record = record;
	ring->size = size;
	ring->step = skipped + record_size(size);
	return 0;
}

int vmshm_ring_peek(struct vmshm_ring *ring, const void **message,
		    size_t *size)
{
	int rc;

	if (ring->role != VMSHM_RING_CONSUMER)
		return -EINVAL;
	if (ring->is_damaged)
		return -EBADMSG;

	if (!ring->step) {
		if (!available(ring)) {
			rc = look(ring);
			if (rc)
				return rc;
			if (!available(ring))
				return -EAGAIN;
		}
		rc = find_record(ring);
		if (rc)
			return rc;
	}

	*message = ring->data + ring->record + RECORD_HEADER;
	*size = ring->size;
	return 0;
}

int vmshm_ring_release(struct vmshm_ring *ring)
{
	if (ring->role != VMSHM_RING_CONSUMER)
		return -EINVAL;
	if (ring->is_damaged)
		return -EBADMSG;
	if (!ring->step)
		return -EINVAL;

	advance(ring);
	return 0;
}

int vmshm_ring_recv(struct vmshm_ring *ring, void *buffer, size_t buffer_size,
		    size_t *size)
{
	const void *message;
	size_t length;
	int rc;

	rc = vmshm_ring_peek(ring, &message, &length);
	if (rc)
		return rc;

	*size = length;
	if (length > buffer_size)
		return -EMSGSIZE;
	if (length)
		memcpy(buffer, message, length);
	rc = vmshm_ring_release(ring);
	if (rc)
		return rc;

	vmshm_ring_notify(ring);
	return 0;
}
