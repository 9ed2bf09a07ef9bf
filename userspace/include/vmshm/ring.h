/* SPDX-License-Identifier: GPL-2.0 */
/*
 * libvmshm: rings, messages from one side to another through shared memory.
 *
 * A ring has one producer and one consumer: two threads, two processes, a
 * process and a guest, or two guests. It lies in a part of a mapping that both
 * have, of a region for example, and holds messages of any length, in order.
 * Two rings make a connection.
 *
 * The other side is not trusted. What it can change, that is, everything in the
 * shared memory, is read once and compared with what a ring object keeps to
 * itself: whatever the other side does, no function accesses memory outside of
 * the ring, returns a size that is not within it, loops or waits. A ring that
 * is found damaged is of no further use: from then on each function that sends,
 * receives, waits or notifies returns -EBADMSG, also for a message that was
 * reserved or looked at before. What the library cannot know is whether a
 * message is any good, and a message that is looked at in place, see
 * vmshm_ring_peek(), may change while it is read: vmshm_ring_recv() makes a
 * copy that does not.
 *
 * Waiting is the caller's business. Before a side waits it announces for what,
 * by vmshm_ring_arm(); the other side calls vmshm_ring_notify() after it has
 * put messages in or taken them out, which rings a doorbell if, and only if,
 * what was announced has come true since the last call. What the doorbell is
 * the caller says: an eventfd, or a function. No wake-up is lost as long as
 * each side notifies before it waits itself. A side that never arms, because
 * it polls, is never notified, except for the first time.
 *
 * Return values, and growth, are as <vmshm/vmshm.h> has them.
 *
 * Thread safety: a ring object is for one thread at a time; different ones,
 * also of one ring, are independent.
 */
#ifndef _VMSHM_RING_H
#define _VMSHM_RING_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

/** VMSHM_RING_ALIGN - alignment of a ring's memory, and of what is within */
#define VMSHM_RING_ALIGN	128
/** VMSHM_RING_MIN - the smallest capacity */
#define VMSHM_RING_MIN		64
/** VMSHM_RING_MAX - the largest capacity */
#define VMSHM_RING_MAX		(1U << 30)
/** VMSHM_RING_MAGIC - first word of a ring; of this layout and byte order */
#define VMSHM_RING_MAGIC	0x31524d56U
/** VMSHM_RING_PAD - in the place of a size: the next message is at offset 0 */
#define VMSHM_RING_PAD		0xffffffffU

/**
 * struct vmshm_ring_layout - what is in front of the messages
 * @magic: VMSHM_RING_MAGIC; written last
 * @capacity: bytes for messages, a power of two
 * @__reserved0: 0
 * @head: where the next message goes; the producer's
 * @__reserved1: 0
 * @tail: where the next message to take is; the consumer's
 * @__reserved2: 0
 * @head_wanted: the consumer waits until @head has come here
 * @__reserved3: 0
 * @tail_wanted: the producer waits until @tail has come here
 * @__reserved4: 0
 *
 * For those who do without the library, in a guest for example. All numbers
 * are in the byte order of the machine. Indices are multiples of 8 and count
 * bytes without ever going back, modulo 2^32: one modulo @capacity is an offset
 * in what follows this struct. A message is its size in 32 bits, 32 bits of 0,
 * and its bytes, rounded up to a multiple of 8 bytes. It never goes beyond the
 * end: if there is not enough room up to there, a size of VMSHM_RING_PAD is put
 * in its place and the message at offset 0, both at once. A message with the 8
 * bytes in front of it takes half of the capacity at most, so that an empty
 * ring has room for it wherever the indices are.
 *
 * Each side writes one index and one announcement. Those are on cache lines of
 * their own, so that a side's line moves to the other one only when the ring
 * looks empty or full to it.
 */
struct vmshm_ring_layout {
	__u32 magic;
	__u32 capacity;
	__u32 __reserved0[30];
	__u32 head;
	__u32 __reserved1[31];
	__u32 tail;
	__u32 __reserved2[31];
	__u32 head_wanted;
	__u32 __reserved3[31];
	__u32 tail_wanted;
	__u32 __reserved4[31];
};

/**
 * enum vmshm_ring_role - a side of a ring
 * @VMSHM_RING_PRODUCER: puts messages in
 * @VMSHM_RING_CONSUMER: takes messages out
 */
enum vmshm_ring_role {
	VMSHM_RING_PRODUCER,
	VMSHM_RING_CONSUMER,
};

struct vmshm_ring;

/**
 * vmshm_ring_size() - memory that a ring takes
 * @capacity: bytes for messages
 *
 * Context: Any thread.
 * Return: bytes; 0: @capacity is not a power of two, or less than
 * VMSHM_RING_MIN or more than VMSHM_RING_MAX.
 */
size_t vmshm_ring_size(size_t capacity);

/**
 * vmshm_ring_create() - make a ring, and be one side of it
 * @memory: where; vmshm_ring_size() bytes that can be read and written, and
 *	stay mapped until vmshm_ring_free()
 * @capacity: bytes for messages
 * @role: which side
 * @ring: where the ring object is stored
 *
 * Either side may be the one that makes it, but not both. What is in @memory is
 * overwritten.
 *
 * Context: Any thread.
 * Return: 0; -EINVAL: @capacity is not possible, see vmshm_ring_size(), @memory
 * is not aligned to VMSHM_RING_ALIGN, or an unknown @role; -ENOMEM.
 */
int vmshm_ring_create(void *memory, size_t capacity, enum vmshm_ring_role role,
		      struct vmshm_ring **ring);

/**
 * vmshm_ring_attach() - be a side of a ring that is there
 * @memory: where it is, mapped as for vmshm_ring_create()
 * @size: how many bytes there are; the ring may take fewer
 * @role: which side
 * @ring: where the ring object is stored
 *
 * That is the other side than that which made the ring, or the same side again,
 * after a restart: it goes on where the last one of its role left off. What
 * that one had not committed is gone, what it had not released is still there.
 * Call vmshm_ring_notify() then, as it may have ended before it did.
 *
 * Context: Any thread.
 * Return: 0; -EAGAIN: there is no ring yet, @memory begins with zero;
 * -EBADMSG: there is something else, or a ring that is damaged or larger than
 * @size; -EINVAL: @memory is not aligned to VMSHM_RING_ALIGN, @size is less
 * than the smallest ring, or an unknown @role; -ENOMEM.
 */
int vmshm_ring_attach(void *memory, size_t size, enum vmshm_ring_role role,
		      struct vmshm_ring **ring);

/**
 * vmshm_ring_free() - free a ring object
 * @ring: a ring, or NULL
 *
 * The ring in memory stays as it is; unmapping is the caller's business, and so
 * is an eventfd.
 *
 * Context: No other thread may use the ring object any more.
 */
void vmshm_ring_free(struct vmshm_ring *ring);

/**
 * vmshm_ring_capacity() - bytes for messages
 * @ring: a ring
 *
 * Context: Any thread.
 */
size_t vmshm_ring_capacity(const struct vmshm_ring *ring);

/**
 * vmshm_ring_max_message() - size of the largest message
 * @ring: a ring
 *
 * Context: Any thread.
 * Return: bytes, half of the capacity less 8.
 */
size_t vmshm_ring_max_message(const struct vmshm_ring *ring);

/* The doorbell */

/**
 * vmshm_ring_set_eventfd() - ring the doorbell by an eventfd
 * @ring: a ring
 * @fd: the eventfd; -1 means none; it still belongs to the caller
 *
 * Who else has the eventfd can fill it, and then a write waits: it must be
 * non-blocking, and the other holders must be trusted to leave it so. With
 * others, ring through the kernel, by vmshm_ring_set_doorbell().
 *
 * Replaces a function.
 *
 * Context: One thread at a time.
 * Return: 0; -EINVAL: @fd is not non-blocking; -EBADF.
 */
int vmshm_ring_set_eventfd(struct vmshm_ring *ring, int fd);

/**
 * vmshm_ring_set_doorbell() - ring the doorbell by a function
 * @ring: a ring
 * @doorbell: wakes the other side up; returns 0 or a negative errno value, and
 *	does not use @ring; NULL means none
 * @arg: its argument
 *
 * Replaces an eventfd.
 *
 * Context: One thread at a time.
 */
void vmshm_ring_set_doorbell(struct vmshm_ring *ring,
			     int (*doorbell)(void *arg), void *arg);

/**
 * vmshm_ring_arm() - announce for what this side is about to wait
 * @ring: a ring
 * @size: producer: until there is room for a message of so many bytes;
 *	consumer: until there are messages of so many bytes together, those in
 *	front of each included; 0 means until there is one
 *
 * A consumer that waits for several messages must leave room for the next one:
 * a producer that finds too little waits in its turn. That cannot happen if the
 * largest message, with its 8 bytes, takes a quarter of the capacity at most.
 *
 * To be called before each wait, which then is for the doorbell. The doorbell
 * may have been rung for something that was announced before: what a side waits
 * for is not certain when it is woken up.
 *
 * Context: One thread at a time.
 * Return: 0: announced, wait; 1: do not wait, it has come true; -EMSGSIZE:
 * @size can never be: more than vmshm_ring_max_message() for a producer or half
 * of the capacity for a consumer; -EBADMSG: the ring is damaged.
 */
int vmshm_ring_arm(struct vmshm_ring *ring, size_t size);

/**
 * vmshm_ring_need_wake() - does the other side wait for what was done?
 * @ring: a ring
 *
 * For those who ring the doorbell themselves; vmshm_ring_notify() is for the
 * others. It tells once: the question is about what has been done since it was
 * asked last.
 *
 * Context: One thread at a time.
 * Return: whether the other side is to be woken up; true the first time.
 */
bool vmshm_ring_need_wake(struct vmshm_ring *ring);

/**
 * vmshm_ring_notify() - ring the doorbell if the other side waits for it
 * @ring: a ring
 *
 * Without a doorbell nothing is done at all. One that could not be rung is
 * rung by the next call.
 *
 * Context: One thread at a time.
 * Return: 1: it was rung; 0: no need; -EBADMSG: the ring is damaged; otherwise
 * what the doorbell returned.
 */
int vmshm_ring_notify(struct vmshm_ring *ring);

/* The producer */

/**
 * vmshm_ring_reserve() - room for a message
 * @ring: a ring whose producer this is
 * @size: size of the message, which may turn out shorter
 * @message: where a pointer to the room is stored, aligned to 8 bytes
 *
 * The message is made in place. What was reserved before and not committed is
 * forgotten, also if this fails.
 *
 * Context: One thread at a time.
 * Return: 0; -EAGAIN: the ring is too full; -EMSGSIZE: more than
 * vmshm_ring_max_message(); -EBADMSG: the ring is damaged; -EINVAL: this is the
 * consumer.
 */
int vmshm_ring_reserve(struct vmshm_ring *ring, size_t size, void **message);

/**
 * vmshm_ring_commit() - hand over the message that was reserved
 * @ring: a ring whose producer this is
 * @size: size of the message, no more than was reserved
 *
 * The other side can see it; it is not notified.
 *
 * Context: One thread at a time.
 * Return: 0; -EBADMSG: the ring is damaged; -EINVAL: nothing, or less, is
 * reserved.
 */
int vmshm_ring_commit(struct vmshm_ring *ring, size_t size);

/**
 * vmshm_ring_send() - send a message
 * @ring: a ring whose producer this is
 * @message: the message
 * @size: size of it
 *
 * That is vmshm_ring_reserve(), a copy, vmshm_ring_commit() and
 * vmshm_ring_notify(). The message is in the ring even if the doorbell could
 * not be rung; see vmshm_ring_notify() then.
 *
 * Context: One thread at a time.
 * Return: 0, also if the doorbell failed; -EAGAIN, -EMSGSIZE, -EBADMSG,
 * -EINVAL: see vmshm_ring_reserve().
 */
int vmshm_ring_send(struct vmshm_ring *ring, const void *message, size_t size);

/* The consumer */

/**
 * vmshm_ring_peek() - look at the next message, in place
 * @ring: a ring whose consumer this is
 * @message: where a pointer to it is stored, aligned to 8 bytes; valid until
 *	vmshm_ring_release()
 * @size: where its size is stored
 *
 * The producer can change the bytes at any time, if it is not a good one: read
 * each once. The same message is given out until it is released.
 *
 * Context: One thread at a time.
 * Return: 0; -EAGAIN: the ring is empty; -EBADMSG: it is damaged; -EINVAL: this
 * is the producer.
 */
int vmshm_ring_peek(struct vmshm_ring *ring, const void **message,
		    size_t *size);

/**
 * vmshm_ring_release() - be done with the message that was looked at
 * @ring: a ring whose consumer this is
 *
 * The other side has its room; it is not notified.
 *
 * Context: One thread at a time.
 * Return: 0; -EBADMSG: the ring is damaged; -EINVAL: none was looked at.
 */
int vmshm_ring_release(struct vmshm_ring *ring);

/**
 * vmshm_ring_recv() - receive a message
 * @ring: a ring whose consumer this is
 * @buffer: where to
 * @buffer_size: size of it
 * @size: where the message's size is stored
 *
 * That is vmshm_ring_peek(), a copy, vmshm_ring_release() and
 * vmshm_ring_notify(), which is nothing for a producer that never waits.
 *
 * Context: One thread at a time.
 * Return: 0, also if the doorbell failed; -EMSGSIZE: it is larger than
 * @buffer_size and stays; @size says how large; -EAGAIN, -EBADMSG, -EINVAL: see
 * vmshm_ring_peek().
 */
int vmshm_ring_recv(struct vmshm_ring *ring, void *buffer, size_t buffer_size,
		    size_t *size);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif /* _VMSHM_RING_H */
