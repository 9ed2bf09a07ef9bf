// SPDX-License-Identifier: GPL-2.0
/*
 * Driver of the ivshmem device that virtual machine monitors offer: its BAR 2
 * is memory that is shared with the host and with other machines, and becomes
 * a region of this machine. See QEMU's docs/specs/ivshmem-spec.rst.
 */
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/module.h>
#include <linux/pci.h>

#include "device.h"
#include "peer.h"

#define IVSHMEM_DEVICE_ID	0x1110
#define IVSHMEM_BAR_REGISTERS	0
#define IVSHMEM_BAR_MEMORY	2
#define IVSHMEM_BARS		(BIT(IVSHMEM_BAR_REGISTERS) | \
				 BIT(IVSHMEM_BAR_MEMORY))

/* Registers, of 32 bits. */
#define IVSHMEM_IV_POSITION	8
#define IVSHMEM_DOORBELL	12

struct vmshm_ivshmem;

/**
 * struct vmshm_ivshmem_vector - an interrupt of a device
 * @ivshmem: the device
 * @vector: its number
 */
struct vmshm_ivshmem_vector {
	struct vmshm_ivshmem *ivshmem;
	u32 vector;
};

/**
 * struct vmshm_ivshmem - an ivshmem device
 * @region: its memory as a region; NULL until there is one
 * @device: its memory and doorbell
 * @regs: its registers
 * @vectors: its interrupts
 */
struct vmshm_ivshmem {
	struct vmshm_region *region;
	struct vmshm_device device;
	void __iomem *regs;
	struct vmshm_ivshmem_vector vectors[VMSHM_PEER_VECTORS_MAX];
};

/*
 * In a thread: what is done when a peer rings a peer is done in process context.
 * If nobody has joined, or with fewer vectors, nobody is told.
 */
static irqreturn_t vmshm_ivshmem_interrupt(int irq, void *data)
{
	struct vmshm_ivshmem_vector *vector = data;
	struct vmshm_ivshmem *ivshmem = vector->ivshmem;
	/* Pairs with smp_store_release() when there is one. */
	struct vmshm_region *region = smp_load_acquire(&ivshmem->region);

	if (region)
		vmshm_ring_one(region, ivshmem->device.number, vector->vector);
	return IRQ_HANDLED;
}

static void vmshm_ivshmem_free_irqs(struct pci_dev *pdev, u32 nr)
{
	struct vmshm_ivshmem *ivshmem = pci_get_drvdata(pdev);

	while (nr--)
		free_irq(pci_irq_vector(pdev, nr), &ivshmem->vectors[nr]);
	pci_free_irq_vectors(pdev);
}

/* A device without MSI-X can only be looked at. */
static int vmshm_ivshmem_request_irqs(struct pci_dev *pdev)
{
	struct vmshm_ivshmem *ivshmem = pci_get_drvdata(pdev);
	int nr, i, err;
	u32 number;

	if (!pdev->msix_cap)
		return 0;
	number = readl(ivshmem->regs + IVSHMEM_IV_POSITION);
	if (number > VMSHM_PEER_NUMBER_MAX) {
		dev_warn(&pdev->dev, "no doorbell, for it is peer %u\n", number);
		return 0;
	}
	nr = pci_alloc_irq_vectors(pdev, 1, VMSHM_PEER_VECTORS_MAX,
				   PCI_IRQ_MSIX);
	if (nr < 0)
		return nr;
	for (i = 0; i < nr; i++) {
		ivshmem->vectors[i].ivshmem = ivshmem;
		ivshmem->vectors[i].vector = i;
		err = request_threaded_irq(pci_irq_vector(pdev, i), NULL,
					   vmshm_ivshmem_interrupt,
					   IRQF_ONESHOT, pci_name(pdev),
					   &ivshmem->vectors[i]);
		if (err) {
			vmshm_ivshmem_free_irqs(pdev, i);
			return err;
		}
	}
	/* Interrupts are writes of the device's. */
	pci_set_master(pdev);
	ivshmem->device.number = number;
	ivshmem->device.doorbell = ivshmem->regs + IVSHMEM_DOORBELL;
	ivshmem->device.nr_vectors = nr;
	return 0;
}

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

static int vmshm_ivshmem_map(struct pci_dev *pdev)
{
	struct vmshm_ivshmem *ivshmem = pci_get_drvdata(pdev);
	struct vmshm_device *device = &ivshmem->device;

	ivshmem->regs = pci_iomap(pdev, IVSHMEM_BAR_REGISTERS, 0);
	if (!ivshmem->regs)
		return -ENOMEM;
	/* It is the host's RAM: cached like any. */
	device->start = pci_resource_start(pdev, IVSHMEM_BAR_MEMORY);
	device->addr = memremap(device->start,
				pci_resource_len(pdev, IVSHMEM_BAR_MEMORY),
				MEMREMAP_WB);
	if (!device->addr) {
		pci_iounmap(pdev, ivshmem->regs);
		return -ENOMEM;
	}
	return 0;
}

static void vmshm_ivshmem_unmap(struct pci_dev *pdev)
{
	struct vmshm_ivshmem *ivshmem = pci_get_drvdata(pdev);

	memunmap(ivshmem->device.addr);
	pci_iounmap(pdev, ivshmem->regs);
}

static int vmshm_ivshmem_add(struct pci_dev *pdev)
{
	struct vmshm_ivshmem *ivshmem = pci_get_drvdata(pdev);
	struct vmshm_region *region;
	char name[64];

	snprintf(name, sizeof(name), VMSHM_DEVICE_DOMAIN "/%s", pci_name(pdev));
	region = vmshm_device_add(name,
				  pci_resource_len(pdev, IVSHMEM_BAR_MEMORY),
				  &ivshmem->device);
	if (IS_ERR(region))
		return dev_err_probe(&pdev->dev, PTR_ERR(region),
				     "cannot make a region\n");
	/* Interrupts are on already. */
	smp_store_release(&ivshmem->region, region);
	return 0;
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
	pci_set_drvdata(pdev, ivshmem);
	err = pci_enable_device_mem(pdev);
	if (err)
		goto free;
	err = pci_request_selected_regions(pdev, IVSHMEM_BARS, KBUILD_MODNAME);
	if (err)
		goto disable;
	err = vmshm_ivshmem_map(pdev);
	if (err)
		goto release;
	err = vmshm_ivshmem_request_irqs(pdev);
	if (err)
		goto unmap;
	err = vmshm_ivshmem_add(pdev);
	if (err)
		goto free_irqs;
	return 0;

free_irqs:
	vmshm_ivshmem_free_irqs(pdev, ivshmem->device.nr_vectors);
unmap:
	vmshm_ivshmem_unmap(pdev);
release:
	pci_release_selected_regions(pdev, IVSHMEM_BARS);
disable:
	pci_disable_device(pdev);
free:
	kfree(ivshmem);
	return err;
}

static void vmshm_ivshmem_remove(struct pci_dev *pdev)
{
	struct vmshm_ivshmem *ivshmem = pci_get_drvdata(pdev);

	/* The region is there until the last interrupt has been dealt with. */
	vmshm_ivshmem_free_irqs(pdev, ivshmem->device.nr_vectors);
	vmshm_device_del(ivshmem->region);
	vmshm_ivshmem_unmap(pdev);
	pci_release_selected_regions(pdev, IVSHMEM_BARS);
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
