// SPDX-License-Identifier: GPL-2.0
/*
 * vmshm-vmm - run a Linux kernel with its RAM in a region
 *
 *	vmshm-vmm --ram NAME [--size SIZE] --kernel BZIMAGE [--initrd FILE]
 *		  [--append COMMAND-LINE]
 *
 * The console is the guest's serial port, console=ttyS0; Ctrl-A x ends it. If
 * there is a region of that name it is taken as it is, else one is created, and
 * stays.
 */

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <termios.h>
#include <unistd.h>

#include "vmm.h"

#define DEFAULT_SIZE	(256ULL << 20)
#define DEFAULT_APPEND	"console=ttyS0 reboot=k panic=-1"

/* Pages that KVM on Intel CPUs needs, where nothing else is. */
#define KVM_TSS		0xfffbd000UL
#define KVM_IDENTITY	0xfffbc000ULL

/* CPUID: a leaf, and what userspace adds to what KVM says of it. */
#define MAX_CPUID		256
#define CPUID_FEATURES		1
#define CPUID_ECX_TSC_DEADLINE	(1U << 24)
#define CPUID_ECX_HYPERVISOR	(1U << 31)

/* The keyboard controller, by which a PC is reset. */
#define PORT_RESET	0x64
#define RESET		0xfe

#define CTRL_A		1

static struct termios terminal;

static void die(const char *what, int error)
{
	fprintf(stderr, "vmshm-vmm: %s: %s\n", what, strerror(-error));
	exit(1);
}

/* Of the library's functions: it knows what errors mean for regions. */
static void check(const char *what, int rc)
{
	if (!rc)
		return;
	fprintf(stderr, "vmshm-vmm: %s: %s\n", what, vmshm_error_message(rc));
	exit(1);
}

static int kvm(int fd, const char *what, unsigned long cmd, void *arg)
{
	int rc = ioctl(fd, cmd, arg);

	if (rc < 0)
		die(what, -errno);
	return rc;
}

/* RAM */

static struct vmshm_region *open_ram(const char *name, uint64_t size)
{
	struct vmshm_region_create_options how = {
		.size = sizeof(how),
		.region_size = size,
		.flags = VMSHM_OPEN_EXISTING,
	};
	struct vmshm_context *context;
	struct vmshm_region *ram;

	check(VMSHM_DEVICE, vmshm_context_open(NULL, &context));
	check(name, vmshm_region_create(context, name, &how, &ram));
	vmshm_context_close(context);
	return ram;
}

/* A part of RAM at a guest-physical address. */
static void place(struct vm *vm, const char *name, struct vmshm_space_node *ram,
		  uint64_t offset, uint64_t length, uint64_t address)
{
	struct vmshm_space_node *part;

	check(name, vmshm_space_add_alias(vm->space, name, ram, offset, length,
					  &part));
	check(name, vmshm_space_node_place(part, NULL, address, 0));
}

static void set_up_ram(struct vm *vm, struct vmshm_region *region)
{
	struct vmshm_space_memory memory = {
		.size = sizeof(memory),
		.region = region,
	};
	struct vmshm_space_node *ram;
	struct vmshm_stat stat;

	check("RAM", vmshm_region_stat(region, &stat, sizeof(stat)));
	vm->ram_size = stat.out_region_size;
	memory.length = vm->ram_size;
	check("RAM", vmshm_region_map(region, NULL, memory.length,
				      PROT_READ | PROT_WRITE, MAP_SHARED, 0,
				      &memory.memory));
	check("slots", vmshm_space_open_kvm(vm->fd, NULL, &vm->space));
	check("RAM", vmshm_space_add_memory(vm->space, "ram", &memory, &ram));

	check("slots", vmshm_space_begin(vm->space));
	place(vm, "ram-low", ram, 0, vm->ram_size < RAM_LOW_END ?
				     vm->ram_size : RAM_LOW_END, 0);
	if (vm->ram_size > RAM_LOW_END)
		place(vm, "ram-high", ram, RAM_LOW_END,
		      vm->ram_size - RAM_LOW_END, RAM_HIGH);
	check("slots", vmshm_space_commit(vm->space));
}

void *vm_memory(const struct vm *vm, uint64_t address, uint64_t length)
{
	const struct vmshm_slot *slot = vmshm_space_lookup(vm->space, address);

	if (!slot || length > slot->length - (address - slot->address))
		return NULL;
	return (char *)slot->memory + (address - slot->address);
}

/* VM and vCPU */

/*
 * All that KVM can do, and two things that it leaves to us. A guest that is not
 * told that there is a hypervisor does not look for KVM's clock: it would find
 * out the speed of its own by counting against the timer chip, which fails where
 * the vCPU does not get all of a CPU. Nor has the timer of the APIC to be
 * calibrated if it is the time stamp counter.
 */
static void set_up_cpuid(const struct vm *vm, int dev)
{
	struct kvm_cpuid2 *cpuid;
	uint32_t added = CPUID_ECX_HYPERVISOR, i;

	cpuid = calloc(1, sizeof(*cpuid) +
			  MAX_CPUID * sizeof(cpuid->entries[0]));
	if (!cpuid)
		die("CPUID", -ENOMEM);
	cpuid->nent = MAX_CPUID;
	kvm(dev, "KVM_GET_SUPPORTED_CPUID", KVM_GET_SUPPORTED_CPUID, cpuid);
	if (kvm(vm->fd, "KVM_CHECK_EXTENSION", KVM_CHECK_EXTENSION,
		(void *)KVM_CAP_TSC_DEADLINE_TIMER))
		added |= CPUID_ECX_TSC_DEADLINE;
	for (i = 0; i < cpuid->nent; i++)
		if (cpuid->entries[i].function == CPUID_FEATURES)
			cpuid->entries[i].ecx |= added;
	kvm(vm->vcpu, "KVM_SET_CPUID2", KVM_SET_CPUID2, cpuid);
	free(cpuid);
}

static void create(struct vm *vm)
{
	struct kvm_pit_config pit = { .flags = KVM_PIT_SPEAKER_DUMMY };
	uint64_t identity = KVM_IDENTITY;
	int dev, size;

	dev = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (dev < 0)
		die("/dev/kvm", -errno);
	vm->fd = kvm(dev, "KVM_CREATE_VM", KVM_CREATE_VM, NULL);
	kvm(vm->fd, "KVM_SET_IDENTITY_MAP_ADDR", KVM_SET_IDENTITY_MAP_ADDR,
	    &identity);
	kvm(vm->fd, "KVM_SET_TSS_ADDR", KVM_SET_TSS_ADDR, (void *)KVM_TSS);
	kvm(vm->fd, "KVM_CREATE_IRQCHIP", KVM_CREATE_IRQCHIP, NULL);
	kvm(vm->fd, "KVM_CREATE_PIT2", KVM_CREATE_PIT2, &pit);
	vm->vcpu = kvm(vm->fd, "KVM_CREATE_VCPU", KVM_CREATE_VCPU, NULL);
	size = kvm(dev, "KVM_GET_VCPU_MMAP_SIZE", KVM_GET_VCPU_MMAP_SIZE, NULL);
	vm->run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED,
		       vm->vcpu, 0);
	if (vm->run == MAP_FAILED)
		die("vCPU", -errno);
	set_up_cpuid(vm, dev);
	serial_init(&vm->serial, vm->fd);
	close(dev);
}

/* Returns whether the guest wants to go on. */
static bool do_io(struct vm *vm)
{
	const struct kvm_run *run = vm->run;
	uint8_t *data = (uint8_t *)run + run->io.data_offset;
	unsigned int reg = run->io.port - SERIAL_PORT;
	uint32_t i;

	for (i = 0; i < run->io.count; i++, data += run->io.size) {
		if (run->io.direction == KVM_EXIT_IO_OUT) {
			if (run->io.port == PORT_RESET && *data == RESET)
				return false;
			if (reg < 8)
				serial_write(&vm->serial, reg, *data);
			continue;
		}
		/* Where there is no device all lines are high. */
		memset(data, 0xff, run->io.size);
		if (reg < 8)
			*data = serial_read(&vm->serial, reg);
		else if (run->io.port == PORT_RESET)
			*data = 0;
	}
	return true;
}

static int run(struct vm *vm)
{
	for (;;) {
		if (ioctl(vm->vcpu, KVM_RUN, NULL) && errno != EINTR)
			return -errno;
		switch (vm->run->exit_reason) {
		case KVM_EXIT_IO:
			if (!do_io(vm))
				return 0;
			break;
		case KVM_EXIT_MMIO:
			if (!vm->run->mmio.is_write)
				memset(vm->run->mmio.data, 0xff,
				       sizeof(vm->run->mmio.data));
			break;
		case KVM_EXIT_INTR:
			break;
		case KVM_EXIT_SHUTDOWN:
			/* A triple fault, which is a way to reset as well. */
			return 0;
		default:
			fprintf(stderr, "vmshm-vmm: exit reason %u\n",
				vm->run->exit_reason);
			return -EIO;
		}
	}
}

/* Console */

static void restore_terminal(void)
{
	tcsetattr(STDIN_FILENO, TCSANOW, &terminal);
}

static void *read_console(void *data)
{
	/* Who types must get through to here; a file or a pipe can wait. */
	bool wait = !isatty(STDIN_FILENO);
	struct vm *vm = data;
	bool escaped = false;
	uint8_t byte;

	/* What the VM has goes with the process, as ever. */
	while (read(STDIN_FILENO, &byte, 1) == 1) {
		if (escaped && byte == 'x')
			exit(0);
		escaped = byte == CTRL_A && !escaped;
		if (!escaped)
			serial_receive(&vm->serial, byte, wait);
	}
	return NULL;
}

static void open_console(struct vm *vm)
{
	struct termios raw;
	pthread_t thread;
	int rc;

	if (!tcgetattr(STDIN_FILENO, &terminal)) {
		raw = terminal;
		raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG);
		raw.c_iflag &= ~(tcflag_t)ICRNL;
		tcsetattr(STDIN_FILENO, TCSANOW, &raw);
		atexit(restore_terminal);
	}
	rc = pthread_create(&thread, NULL, read_console, vm);
	if (rc)
		die("console", -rc);
	pthread_detach(thread);
}

static uint64_t parse_size(const char *text)
{
	uint64_t size;
	char *end;

	size = strtoull(text, &end, 0);
	if (*end == 'M') {
		size <<= 20;
		end++;
	} else if (*end == 'G') {
		size <<= 30;
		end++;
	}
	if (!size || *end)
		die(text, -EINVAL);
	return size;
}

static void usage(void)
{
	fputs("usage: vmshm-vmm --ram NAME [--size SIZE] --kernel BZIMAGE\n"
	      "                 [--initrd FILE] [--append COMMAND-LINE]\n",
	      stderr);
	exit(2);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "ram", required_argument, NULL, 'r' },
		{ "size", required_argument, NULL, 's' },
		{ "kernel", required_argument, NULL, 'k' },
		{ "initrd", required_argument, NULL, 'i' },
		{ "append", required_argument, NULL, 'a' },
		{ NULL, 0, NULL, 0 },
	};
	const char *name = NULL, *kernel = NULL, *initrd = NULL;
	const char *append = DEFAULT_APPEND;
	uint64_t size = DEFAULT_SIZE;
	struct vmshm_region *ram;
	struct vm vm = { 0 };
	int option, rc;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'r':
			name = optarg;
			break;
		case 's':
			size = parse_size(optarg);
			break;
		case 'k':
			kernel = optarg;
			break;
		case 'i':
			initrd = optarg;
			break;
		case 'a':
			append = optarg;
			break;
		default:
			usage();
		}
	}
	if (!name || !kernel || optind != argc)
		usage();

	ram = open_ram(name, size);
	create(&vm);
	set_up_ram(&vm, ram);
	rc = boot_linux(&vm, kernel, initrd, append);
	if (rc)
		die("cannot boot", rc);
	open_console(&vm);
	rc = run(&vm);
	if (rc)
		die("vCPU", rc);

	vmshm_space_close(vm.space);
	vmshm_region_close(ram);
	return 0;
}
