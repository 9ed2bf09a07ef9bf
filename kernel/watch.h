/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vmshm: the queue between those who raise events and those who read them.
 */
#ifndef _VMSHM_WATCH_H
#define _VMSHM_WATCH_H

#include <linux/cred.h>
#include <linux/eventfd.h>
#include <linux/mutex.h>
#include <linux/pid.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include "vmshm.h"

/**
 * struct vmshm_record - an event in a queue
 * @type: VMSHM_EVENT_*
 * @flags: as in struct vmshm_event
 * @generation: number of the region
 * @seq: number of the event
 * @time_ns: CLOCK_MONOTONIC
 * @value: as in struct vmshm_event
 * @old_value: the same
 * @vector: the same
 * @lost: number of events that are missing right before this one
 * @lost_ns: when the first of them was raised
 * @pid: the process, or NULL; in a queue a counted reference. Translated when
 *	it is read, for the reader's pid namespace.
 * @uid: its user
 * @name: of the region, a copy: a reference to the region would let whoever
 *	does not read his events keep somebody else's memory charged
 */
struct vmshm_record {
	u32 type;
	u32 flags;
	u64 generation;
	u64 seq;
	u64 time_ns;
	u64 value;
	u64 old_value;
	u32 vector;
	u64 lost;
	u64 lost_ns;
	struct pid *pid;
	kuid_t uid;
	char name[VMSHM_NAME_MAX + 1];
};

/**
 * struct vmshm_watch_ctx - a watch; file->private_data
 * @node: in region->watches (under region->event_mutex) or in
 *	registry->watches (under registry->watch_lock)
 * @registry: whose regions it watches; a counted reference
 * @region: the region it watches, or NULL; a counted reference to the struct
 * @user: whom it is charged to; a counted reference
 * @cred: its creator; events of regions that he may not open are not for it
 * @mask: 1 << VMSHM_EVENT_* of the events it wants
 * @capacity: of @records
 * @charged: kernel memory charged, in bytes
 * @read_mutex: serialises readers, so that a record is consumed only after it
 *	was copied out; never held by who raises events
 * @wait: readers
 * @lock: protects all below; innermost, held for a few instructions and while
 *	@eventfd is signalled
 * @records: ring of events
 * @head: index of the oldest record
 * @count: number of records
 * @lost: number of events lost after the newest record
 * @lost_ns: when the first of them was raised
 * @eventfd: signalled for each event, or NULL; a counted reference
 * @gone: @region is gone: there will be no more events
 * @prefix: of the names it watches
 */
struct vmshm_watch_ctx {
	struct list_head node;
	struct vmshm_registry *registry;
	struct vmshm_region *region;
	struct vmshm_user *user;
	const struct cred *cred;
	u32 mask;
	unsigned int capacity;
	size_t charged;
	struct mutex read_mutex;	/* one reader at a time */
	wait_queue_head_t wait;

	spinlock_t lock;		/* protects what follows */
	struct vmshm_record *records;
	unsigned int head;
	unsigned int count;
	u64 lost;
	u64 lost_ns;
	struct eventfd_ctx *eventfd;
	bool gone;
	char prefix[VMSHM_NAME_MAX + 1];
};

void vmshm_watch_push(struct vmshm_watch_ctx *watch,
		      const struct vmshm_record *record);
void vmshm_watch_hang_up(struct vmshm_watch_ctx *watch);

#endif /* _VMSHM_WATCH_H */
