// SPDX-License-Identifier: GPL-2.0
/* Booting Linux by its 64-bit protocol, Documentation/x86/boot.rst. */

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <asm/bootparam.h>

#include "vmm.h"

/* Where things are put in the first 640 KiB. */
#define GDT		0x1000ULL
#define BOOT_PARAMS	0x7000ULL
#define PAGE_TABLES	0x9000ULL
#define COMMAND_LINE	0x20000ULL
#define LOW_END		0x9fc00ULL
#define HIGH_START	0x100000ULL

#define PAGE		4096ULL
#define BOOT_CS		0x10
#define BOOT_DS		0x18
#define MIN_PROTOCOL	0x020c
#define ENTRY_64	0x200
#define LOADER_OTHER	0xff
#define E820_RAM	1

/* Bits of registers and page tables. */
#define CR0_PE		(1ULL << 0)
#define CR0_PG		(1ULL << 31)
#define CR4_PAE		(1ULL << 5)
#define EFER_LME	(1ULL << 8)
#define EFER_LMA	(1ULL << 10)
#define PTE_PRESENT	1ULL
#define PTE_WRITE	2ULL
#define PTE_HUGE	0x80ULL

struct image {
	const uint8_t *data;
	size_t size;
};

static int open_image(const char *path, struct image *image)
{
	struct stat st;
	void *data;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st)) {
		close(fd);
		return -errno;
	}
	data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (data == MAP_FAILED)
		return -errno;
	image->data = data;
	image->size = (size_t)st.st_size;
	return 0;
}

static int put(const struct vm *vm, uint64_t address, const void *data,
	       size_t size)
{
	void *memory = vm_memory(vm, address, size);

	if (!memory)
		return -ENOSPC;
	memcpy(memory, data, size);
	return 0;
}

static uint64_t low_ram(const struct vm *vm)
{
	return vm->ram_size < RAM_LOW_END ? vm->ram_size : RAM_LOW_END;
}

/* The header of the image becomes part of what the kernel is told. */
static int read_header(const struct image *kernel, struct setup_header *header)
{
	const size_t at = offsetof(struct boot_params, hdr);
	size_t size;

	if (kernel->size < at + sizeof(*header))
		return -ENOEXEC;
	/* Its end is where the jump at its second byte goes. */
	size = 0x202 + (size_t)kernel->data[0x201] - at;
	if (size > sizeof(*header))
		size = sizeof(*header);
	memset(header, 0, sizeof(*header));
	memcpy(header, kernel->data + at, size);
	if (header->boot_flag != 0xaa55 ||
	    memcmp(&header->header, "HdrS", 4) ||
	    header->version < MIN_PROTOCOL ||
	    !(header->xloadflags & XLF_KERNEL_64))
		return -ENOEXEC;
	return 0;
}

static int load_kernel(const struct vm *vm, const struct image *kernel,
		       const struct setup_header *header)
{
	size_t sectors = header->setup_sects ? header->setup_sects : 4;
	size_t setup = (sectors + 1) * 512;

	if (setup > kernel->size)
		return -ENOEXEC;
	/* It unpacks itself there. */
	if (!vm_memory(vm, header->pref_address, header->init_size))
		return -ENOSPC;
	return put(vm, header->pref_address, kernel->data + setup,
		   kernel->size - setup);
}

/* As high as it may be, out of the kernel's way. */
static int load_initrd(const struct vm *vm, const struct image *initrd,
		       struct setup_header *header)
{
	uint64_t end = low_ram(vm), start;

	if (end > header->initrd_addr_max)
		end = header->initrd_addr_max;
	if (initrd->size > end)
		return -ENOSPC;
	start = (end - initrd->size) & ~(PAGE - 1);
	if (start < header->pref_address + header->init_size)
		return -ENOSPC;
	header->ramdisk_image = (uint32_t)start;
	header->ramdisk_size = (uint32_t)initrd->size;
	return put(vm, start, initrd->data, initrd->size);
}

static void add_ram(struct boot_params *params, uint64_t from, uint64_t to)
{
	struct boot_e820_entry *entry;

	if (from >= to)
		return;
	entry = &params->e820_table[params->e820_entries++];
	entry->addr = from;
	entry->size = to - from;
	entry->type = E820_RAM;
}

static int load(const struct vm *vm, const struct image *kernel,
		const struct image *initrd, const char *command_line,
		uint64_t *entry)
{
	struct boot_params params = { 0 };
	struct setup_header *header = &params.hdr;
	int rc;

	rc = read_header(kernel, header);
	if (rc)
		return rc;
	rc = load_kernel(vm, kernel, header);
	if (rc)
		return rc;
	if (initrd) {
		rc = load_initrd(vm, initrd, header);
		if (rc)
			return rc;
	}
	if (strlen(command_line) > header->cmdline_size)
		return -E2BIG;
	rc = put(vm, COMMAND_LINE, command_line, strlen(command_line) + 1);
	if (rc)
		return rc;

	header->type_of_loader = LOADER_OTHER;
	header->cmd_line_ptr = COMMAND_LINE;
	add_ram(&params, 0, LOW_END);
	add_ram(&params, HIGH_START, low_ram(vm));
	add_ram(&params, RAM_HIGH, RAM_HIGH + vm->ram_size - low_ram(vm));
	*entry = header->pref_address + ENTRY_64;
	return put(vm, BOOT_PARAMS, &params, sizeof(params));
}

/* The first 4 GiB where they are, in pages of 2 MiB. */
static int make_page_tables(const struct vm *vm)
{
	uint64_t *pml4 = vm_memory(vm, PAGE_TABLES, 6 * PAGE);
	uint64_t *pdpt, *pd, i;

	if (!pml4)
		return -ENOSPC;
	pdpt = pml4 + 512;
	pd = pdpt + 512;
	memset(pml4, 0, 6 * PAGE);
	pml4[0] = (PAGE_TABLES + PAGE) | PTE_PRESENT | PTE_WRITE;
	for (i = 0; i < 4; i++)
		pdpt[i] = (PAGE_TABLES + (2 + i) * PAGE) | PTE_PRESENT |
			  PTE_WRITE;
	for (i = 0; i < 4 * 512; i++)
		pd[i] = i << 21 | PTE_PRESENT | PTE_WRITE | PTE_HUGE;
	return 0;
}

static int set_registers(const struct vm *vm, uint64_t entry)
{
	static const uint64_t gdt[] = {
		0, 0, 0x00af9b000000ffff, 0x00cf93000000ffff,
	};
	struct kvm_segment code = {
		.limit = 0xffffffff,
		.selector = BOOT_CS,
		.type = 0xb,
		.present = 1,
		.s = 1,
		.l = 1,
		.g = 1,
	};
	struct kvm_segment data = code;
	struct kvm_regs regs = {
		.rip = entry,
		.rsi = BOOT_PARAMS,
		.rflags = 2,
	};
	struct kvm_sregs sregs;
	int rc;

	rc = put(vm, GDT, gdt, sizeof(gdt));
	if (rc)
		return rc;
	if (ioctl(vm->vcpu, KVM_GET_SREGS, &sregs))
		return -errno;

	data.selector = BOOT_DS;
	data.type = 3;
	data.l = 0;
	data.db = 1;
	sregs.cs = code;
	sregs.ds = data;
	sregs.es = data;
	sregs.ss = data;
	sregs.gdt.base = GDT;
	sregs.gdt.limit = sizeof(gdt) - 1;
	sregs.cr3 = PAGE_TABLES;
	sregs.cr4 |= CR4_PAE;
	sregs.cr0 |= CR0_PE | CR0_PG;
	sregs.efer |= EFER_LME | EFER_LMA;
	if (ioctl(vm->vcpu, KVM_SET_SREGS, &sregs) ||
	    ioctl(vm->vcpu, KVM_SET_REGS, &regs))
		return -errno;
	return 0;
}

int boot_linux(struct vm *vm, const char *kernel, const char *initrd,
	       const char *command_line)
{
	struct image kernel_image, initrd_image = { 0 };
	uint64_t entry;
	int rc;

	rc = open_image(kernel, &kernel_image);
	if (rc)
		return rc;
	if (initrd)
		rc = open_image(initrd, &initrd_image);
	if (!rc)
		rc = load(vm, &kernel_image, initrd ? &initrd_image : NULL,
			  command_line, &entry);
	if (!rc)
		rc = make_page_tables(vm);
	if (!rc)
		rc = set_registers(vm, entry);
	munmap((void *)kernel_image.data, kernel_image.size);
	if (initrd_image.data)
		munmap((void *)initrd_image.data, initrd_image.size);
	return rc;
}
