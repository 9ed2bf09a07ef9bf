/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vmshm: a member of a region's sharing group, with its doorbells.
 */
#ifndef _VMSHM_PEER_H
#define _VMSHM_PEER_H

#include <linux/eventfd.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include "vmshm.h"

/**
 * struct vmshm_doorbell - the eventfd of a vector
 * @file: the eventfd as it was given, to be handed out to others; a counted
 *	reference, or NULL
 * @ctx: what to signal; a counted reference, or NULL
 */
struct vmshm_doorbell {
	struct file *file;
	struct eventfd_ctx *ctx;
};

/**
 * struct vmshm_peer - a peer; file->private_data
 * @rcu: frees the struct: whoever rings finds it under RCU
 * @region: the region; alive as long as @file
 * @file: the outer file that it joined by; a counted reference. An eventfd
 *	holds nothing that could hold a peer, and the outer file holds none, so
 *	there is no circle
 * @user: whom the struct is charged to; a counted reference
 * @charged: kernel memory charged, in bytes
 * @opener: who joined
 * @number: in the group
 * @nr_vectors: number of @doorbells
 * @rights: VMSHM_PEER_READ, _WRITE, _MAY_RING
 * @generation: number of the join
 * @joined: in region->peers rather than only a number reserved there; written
 *	before the file can be used
 * @wait: who polls
 * @lock: protects all below; innermost but for the eventfds' own, held for a few
 *	instructions and while an eventfd is signalled
 * @eventfds: bit n: doorbell n has an eventfd. It changes under
 *	region->peers_mutex too, so that events come in the order of changes
 * @pending: bit n: vector n was rung
 * @rings: how often it was rung
 * @name: NUL-terminated, may be empty; set once
 * @doorbells: of the vectors
 */
struct vmshm_peer {
	struct rcu_head rcu;
	struct vmshm_region *region;
	struct file *file;
	struct vmshm_user *user;
	size_t charged;
	struct vmshm_opener opener;
	u32 number;
	u32 nr_vectors;
	u32 rights;
	u64 generation;
	bool joined;
	wait_queue_head_t wait;

	spinlock_t lock;		/* protects what follows */
	u64 eventfds;
	u64 pending;
	u64 rings;
	char name[VMSHM_PEER_NAME_MAX + 1];
	struct vmshm_doorbell doorbells[];
};

/* event.c */
void vmshm_event_peer(struct vmshm_peer *peer, u32 type, u32 vector,
		      bool eventfd);

/* peer.c */
void vmshm_peer_wake(struct vmshm_peer *peer);
int vmshm_ioctl_join(struct vmshm_ucmd *ucmd);
int vmshm_ioctl_peer_stat(struct vmshm_ucmd *ucmd);

/* doorbell.c */
int vmshm_peer_ring(struct vmshm_peer *peer, const struct vmshm_peer_ring *arg);
void vmshm_doorbells_drop(struct vmshm_peer *peer);
int vmshm_ring_one(struct vmshm_region *region, u32 number, u32 vector);
int vmshm_ioctl_peer_set_vector(struct vmshm_ucmd *ucmd);
int vmshm_ioctl_peer_get_vector(struct vmshm_ucmd *ucmd);
int vmshm_ioctl_peer_pending(struct vmshm_ucmd *ucmd);

/* group.c */
int vmshm_ioctl_peers(struct vmshm_ucmd *ucmd);

#endif /* _VMSHM_PEER_H */
