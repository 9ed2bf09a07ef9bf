// SPDX-License-Identifier: GPL-2.0
/*
 * A VMM of the demonstration: one vCPU, a serial port that can only be written
 * to, a register that tells the size of RAM. RAM is a region, bound to the VM,
 * so that it grows when the region does.
 *
 *	vmm REGION
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/kvm.h>

#include <vmshm/kvm.h>

#include "lib/kvm_x86.h"

#define PAGE	4096

/* Where things are in the guest. */
#define CODE	0x1000
#define SERIAL	0x3f8
#define SIZE	0x400
#define STR(x)	#x
#define XSTR(x)	STR(x)

/*
 * The guest: prints the text at 0x2000, and whenever it gets more RAM, leaves a
 * text in its last page and says so. Reading the register waits for more.
 */
extern const char guest[];
extern const uint32_t guest_size;
asm("	.pushsection .rodata\n"
	"	.code32\n"
	"guest:\n"
	"	movl	$0x2000, %esi\n"
	"	call	print\n"
	"1:	movl	$" XSTR(SIZE) ", %edx\n"
	"	inl	(%dx), %eax\n"
	"	leal	-" XSTR(PAGE) "(%eax), %edi\n"
	"	movl	$(" XSTR(CODE) " + text - guest), %esi\n"
	"	movl	$(text_end - text), %ecx\n"
	"	rep movsb\n"
	"	movl	$(" XSTR(CODE) " + more - guest), %esi\n"
	"	call	print\n"
	"	jmp	1b\n"
	"print:\n"
	"	movl	$" XSTR(SERIAL) ", %edx\n"
	"2:	lodsb\n"
	"	testb	%al, %al\n"
	"	jz	3f\n"
	"	outb	%al, (%dx)\n"
	"	jmp	2b\n"
	"3:	ret\n"
	"text:	.ascii	\"hello from the small guest\"\n"
	"text_end:\n"
	"more:	.asciz	\"I have more RAM, and have written its last page\\n\"\n"
	".Lend:\n"
	"	.code64\n"
	"	.balign	4\n"
	"guest_size:\n"
	"	.long	.Lend - guest\n"
	"	.popsection\n");

static void die(const char *what, int error)
{
	fprintf(stderr, "vmm: cannot %s: %s\n", what,
		vmshm_error_message(error));
	exit(1);
}

static int check(int rc, const char *what)
{
	if (rc < 0)
		die(what, rc);
	return rc;
}

/* Of what tells by errno. */
static int checked(int rc, const char *what)
{
	if (rc < 0)
		die(what, -errno);
	return rc;
}

/* 32 bits, all addresses are physical ones. */
static void set_up_registers(int vcpu)
{
	struct kvm_regs regs = { .rip = CODE, .rsp = CODE, .rflags = 2 };
	struct kvm_sregs sregs;

	checked(ioctl(vcpu, KVM_GET_SREGS, &sregs), "get registers");
	vt_flat_segments(&sregs);
	checked(ioctl(vcpu, KVM_SET_SREGS, &sregs), "set registers");
	checked(ioctl(vcpu, KVM_SET_REGS, &regs), "set registers");
}

/* Waits until the region has grown; returns its size then. */
static uint32_t next_size(struct vmshm_watcher *watcher,
			  struct vmshm_kvm_binding *binding)
{
	const struct vmshm_event *event;

	if (!check(vmshm_watcher_next(watcher, &event), "go on watching"))
		exit(0);
	/* For where the kernel does not set the VM's slots itself. */
	check(vmshm_kvm_binding_dispatch(binding), "have the RAM follow");
	return (uint32_t)event->value;
}

int main(int argc, char **argv)
{
	struct vmshm_watcher_options watch = {
		.size = sizeof(watch),
		.events = 1U << VMSHM_EVENT_RESIZED,
	};
	struct vmshm_kvm_bind_options ram = {
		.size = sizeof(ram),
		.guest_addr = 0,
		.flags = VMSHM_BIND_FOLLOW,
		.nr_slots = 8,
	};
	struct vmshm_kvm_binding *binding;
	struct vmshm_watcher *watcher;
	struct vmshm_context *context;
	struct vmshm_region *region;
	int kvm, vm, vcpu, len;
	struct kvm_run *run;
	uint32_t size;

	if (argc != 2)
		return 2;
	check(vmshm_context_open(NULL, &context), "open the device");
	check(vmshm_region_open(context, argv[1], NULL, &region), "open RAM");
	check(vmshm_watcher_open_region(region, &watch, &watcher), "watch");

	kvm = checked(open("/dev/kvm", O_RDWR | O_CLOEXEC), "open /dev/kvm");
	vm = checked(ioctl(kvm, KVM_CREATE_VM, 0UL), "create a VM");
	vcpu = checked(ioctl(vm, KVM_CREATE_VCPU, 0UL), "create a vCPU");
	len = checked(ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0UL), "ask KVM");
	run = mmap(NULL, (size_t)len, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu,
		   0);
	if (run == MAP_FAILED)
		die("map the vCPU", -errno);

	check(vmshm_kvm_bind(region, vm, &ram, &binding), "bind RAM");
	memcpy((char *)vmshm_kvm_binding_addr(binding) + CODE, guest,
	       guest_size);
	set_up_registers(vcpu);

	for (;;) {
		if (ioctl(vcpu, KVM_RUN, 0UL) && errno != EINTR)
			die("run the vCPU", -errno);
		if (run->exit_reason != KVM_EXIT_IO) {
			fprintf(stderr, "vmm: exit reason %u\n",
				run->exit_reason);
			return 1;
		}
		if (run->io.port == SERIAL) {
			putchar(*((char *)run + run->io.data_offset));
			continue;
		}
		fflush(stdout);
		size = next_size(watcher, binding);
		memcpy((char *)run + run->io.data_offset, &size, sizeof(size));
	}
}
