// SPDX-License-Identifier: GPL-2.0
/*
 * Driver of the ivshmem device that virtual machine monitors offer: its BAR 2
 * is memory that is shared with the host and with other machines, and becomes
 * a region of this machine. See QEMU's docs/specs/ivshmem-spec.rst.
 */
#include <linux/io.h>
#include <linux/module.h>
#include <linux/pci.h>

#include "device.h"

#define IVSHMEM_DEVICE_ID	0x1110
#define IVSHMEM_BAR_MEMORY	2

/**
 * struct vmshm_ivshmem - an ivshmem device
 * @region: its memory as a region
 * @addr: its memory
 */
struct vmshm_ivshmem {
	struct vmshm_region *region;
	void *addr;
};

static int vmshm_ivshmem_check(struct pci_dev *pdev)
{
	resource_size_t start = pci_resource_start(pdev, IVSHMEM_BAR_MEMORY);
	resource_size_t size = pci_resource_len(pdev, IVSHMEM_BAR_MEMORY);

	/* In revision 0, memory may come later, and unannounced. */
	if (!pdev->revision) {
		dev_err(&pdev->dev, "revision 0 is not supported\n");
		return -ENODEV;
	}
	if (!(pci_resource_flags(pdev, IVSHMEM_BAR_MEMORY) & IORESOURCE_MEM) ||
	    !size || !PAGE_ALIGNED(start) || !PAGE_ALIGNED(size)) {
		dev_err(&pdev->dev, "no memory in whole pages: %pR\n",
			&pdev->resource[IVSHMEM_BAR_MEMORY]);
		return -ENODEV;
	}
	return 0;
}

static struct vmshm_region *vmshm_ivshmem_region(struct pci_dev *pdev,
						 void *addr)
{
	char name[64];

	snprintf(name, sizeof(name), VMSHM_DEVICE_DOMAIN "/%s", pci_name(pdev));
	return vmshm_device_add(name,
				pci_resource_start(pdev, IVSHMEM_BAR_MEMORY),
				pci_resource_len(pdev, IVSHMEM_BAR_MEMORY),
				addr);
}

static int vmshm_ivshmem_probe(struct pci_dev *pdev,
			       const struct pci_device_id *id)
{
	struct vmshm_ivshmem *ivshmem;
	int err;

	err = vmshm_ivshmem_check(pdev);
	if (err)
		return err;
	ivshmem = kzalloc(sizeof(*ivshmem), GFP_KERNEL);
	if (!ivshmem)
		return -ENOMEM;
	err = pci_enable_device_mem(pdev);
	if (err)
		goto free;
	err = pci_request_region(pdev, IVSHMEM_BAR_MEMORY, KBUILD_MODNAME);
	if (err)
		goto disable;

	/* It is the host's RAM: cached like any. */
	ivshmem->addr = memremap(pci_resource_start(pdev, IVSHMEM_BAR_MEMORY),
				 pci_resource_len(pdev, IVSHMEM_BAR_MEMORY),
				 MEMREMAP_WB);
	if (!ivshmem->addr) {
		err = -ENOMEM;
		goto release;
	}
	ivshmem->region = vmshm_ivshmem_region(pdev, ivshmem->addr);
	if (IS_ERR(ivshmem->region)) {
		err = dev_err_probe(&pdev->dev, PTR_ERR(ivshmem->region),
				    "cannot make a region\n");
		goto unmap;
	}
	pci_set_drvdata(pdev, ivshmem);
	return 0;

unmap:
	memunmap(ivshmem->addr);
release:
	pci_release_region(pdev, IVSHMEM_BAR_MEMORY);
disable:
	pci_disable_device(pdev);
free:
	kfree(ivshmem);
	return err;
}

static void vmshm_ivshmem_remove(struct pci_dev *pdev)
{
	struct vmshm_ivshmem *ivshmem = pci_get_drvdata(pdev);

	vmshm_device_del(ivshmem->region);
	memunmap(ivshmem->addr);
	pci_release_region(pdev, IVSHMEM_BAR_MEMORY);
	pci_disable_device(pdev);
	kfree(ivshmem);
}

static const struct pci_device_id vmshm_ivshmem_ids[] = {
	{ PCI_DEVICE(PCI_VENDOR_ID_REDHAT_QUMRANET, IVSHMEM_DEVICE_ID) },
	{ }
};
MODULE_DEVICE_TABLE(pci, vmshm_ivshmem_ids);

static struct pci_driver vmshm_ivshmem_driver = {
	.name		= KBUILD_MODNAME,
	.id_table	= vmshm_ivshmem_ids,
	.probe		= vmshm_ivshmem_probe,
	.remove		= vmshm_ivshmem_remove,
};

/**
 * vmshm_ivshmem_init() - find the ivshmem devices
 *
 * Return: 0 or a negative errno; 0 if there are none.
 */
int __init vmshm_ivshmem_init(void)
{
	return pci_register_driver(&vmshm_ivshmem_driver);
}

/**
 * vmshm_ivshmem_exit() - let go of the ivshmem devices
 */
void vmshm_ivshmem_exit(void)
{
	pci_unregister_driver(&vmshm_ivshmem_driver);
}
