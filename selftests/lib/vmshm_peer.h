/* SPDX-License-Identifier: GPL-2.0 */
/* Sharing groups. Conventions as in vmshm_test.h. */
#ifndef _VMSHM_PEER_H
#define _VMSHM_PEER_H

#include "lib/vmshm_test.h"

#define VT_PEER_RW	(VMSHM_PEER_READ | VMSHM_PEER_WRITE | \
			 VMSHM_PEER_MAY_RING)

/* Any number that is free. */
#define VT_ANY		(-1)

/* Joins as @number or VT_ANY; @name may be NULL. Returns the new descriptor. */
int vt_join(int fd, long long number, __u32 vectors, const char *name);

int vt_peer_stat(int peer, struct vmshm_peer_stat *stat);
int vt_set_vector(int peer, __u32 vector, int eventfd);
int vt_ring(int peer, __u32 number, __u32 vector);

/* Returns the new descriptor. */
int vt_get_vector(int peer, __u32 number, __u64 generation, __u32 vector);

/* What is pending of @mask, 0 for all; ~0ULL if that failed. Clears it. */
__u64 vt_pending(int peer, __u64 mask);

/* Its number, or a negative errno. */
int vt_peer_number(int peer);

/* Number of the join, or 0. */
__u64 vt_peer_generation(int peer);

/* Returns the number of peers there are. */
int vt_peers(int fd, struct vmshm_peer_info *infos, __u32 count);

/* An eventfd that does not block, given as the doorbell of a vector. */
int vt_doorbell(int peer, __u32 vector);

/* Reads an eventfd that does not block; 0 if there is nothing. */
__u64 vt_count(int eventfd);

#endif /* _VMSHM_PEER_H */
