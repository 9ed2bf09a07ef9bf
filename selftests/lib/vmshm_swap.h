/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory pressure: a swap device in RAM, a cgroup to reclaim from. For root.
 * Conventions as in vmshm_test.h.
 */
#ifndef _VMSHM_SWAP_H
#define _VMSHM_SWAP_H

#include "lib/vmshm_test.h"

/* Block devices in memory, a module's: the one to swap to, and another one. */
#define VT_SWAP_DEVICE	"/dev/ram0"
#define VT_DISK_DEVICE	"/dev/ram1"

/* Makes the two devices there. */
int vt_disks(void);

/* Swaps to VT_SWAP_DEVICE; vt_disks() is not needed before. */
int vt_swap_on(void);
int vt_swap_off(void);

/*
 * Moves this process to a new cgroup, so that what it touches for the first
 * time is charged there, or back to the root and removes it.
 */
int vt_cgroup_enter(void);
int vt_cgroup_leave(void);

/* Reclaims so much from that cgroup, or less. Returns 0 or -EAGAIN. */
int vt_cgroup_reclaim(unsigned long bytes);

#endif /* _VMSHM_SWAP_H */
