// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include "lib/vmshm_ivdev.h"
#include "lib/vmshm_mem.h"

#define PCI	"/sys/bus/pci/"

int vt_ivshmem_open(int dev, const char *pci, __u32 flags)
{
	char name[VMSHM_NAME_MAX + 1];

	snprintf(name, sizeof(name), VT_IVSHMEM "%s", pci);
	return vt_open(dev, name, flags);
}

int vt_pci_remove(const char *pci)
{
	char path[64];

	snprintf(path, sizeof(path), PCI "devices/%s/remove", pci);
	return vt_write_file(path, "1");
}

int vt_pci_rescan(void)
{
	return vt_write_file(PCI "rescan", "1");
}

int vt_pci_unbind(const char *pci)
{
	return vt_write_file(PCI "drivers/vmshm/unbind", pci);
}

int vt_pci_bind(const char *pci)
{
	return vt_write_file(PCI "drivers/vmshm/bind", pci);
}

bool vt_pci_bound(const char *pci)
{
	char path[64];

	snprintf(path, sizeof(path), PCI "devices/%s/driver", pci);
	return !access(path, F_OK);
}
