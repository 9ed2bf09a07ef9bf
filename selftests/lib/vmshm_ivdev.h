/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ivshmem devices of the machine the tests run in, see ivshmem.list, and the
 * regions that they are. Conventions as in vmshm_test.h.
 */
#ifndef _VMSHM_IVDEV_H
#define _VMSHM_IVDEV_H

#include <linux/vmshm.h>

#include "lib/vmshm_test.h"

#define VT_IVSHMEM	"ivshmem/"

/* Devices that share one memory: see vm-run. */
#define VT_IVSHMEM_A	"0000:00:10.0"
#define VT_IVSHMEM_B	"0000:00:11.0"
/* These have doorbells. */
#define VT_IVSHMEM_C	"0000:00:12.0"
#define VT_IVSHMEM_D	"0000:00:13.0"
#define VT_NR_IVSHMEM	4
/* Name of the first one's region. */
#define VT_NAME_A	"ivshmem/0000:00:10.0"
#define VT_IVSHMEM_SIZE	(4UL << 20)

/* Opens the region of a device, such as VT_IVSHMEM_A. */
int vt_ivshmem_open(int dev, const char *pci, __u32 flags);

/* What goes before and comes after the device itself. */
int vt_pci_remove(const char *pci);
int vt_pci_rescan(void);

/* The same for its driver alone. */
int vt_pci_unbind(const char *pci);
int vt_pci_bind(const char *pci);

/* Whether a driver has the device. */
bool vt_pci_bound(const char *pci);

#endif /* _VMSHM_IVDEV_H */
