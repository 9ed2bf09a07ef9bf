/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Bindings of regions to VMs. Conventions as in vmshm_test.h.
 */
#ifndef _VMSHM_BIND_H
#define _VMSHM_BIND_H

#include <linux/vmshm.h>

/*
 * Binds @fd as @how says, but for its size. Returns the binding; @addr, if it
 * is not NULL, is where the range is mapped.
 */
int vt_bind(int fd, const struct vmshm_bind *how, void **addr);

int vt_bind_stat(int binding, struct vmshm_bind_stat *stat);
int vt_bind_update(int binding, __u32 flags, __u64 guest_addr);

/* Return the number of elements there are. */
int vt_bind_slots(int binding, struct vmshm_bind_slot *slots, __u32 count);
int vt_bindings(int fd, struct vmshm_binding *bindings, __u32 count);

/* The number of the thread that changes the slots of the binding's VM. */
int vt_bind_thread(int binding);

/* Whether bindings with VMs can be made: vmshm_kvm is loaded. */
int vt_have_kvm(int dev);

#endif /* _VMSHM_BIND_H */
