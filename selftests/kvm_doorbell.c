// SPDX-License-Identifier: GPL-2.0
/*
 * Doorbells from guest to guest with no process in between: the eventfd that
 * VMSHM_IOC_PEER_GET_VECTOR hands out is the ioeventfd of one VM and the irqfd
 * of another one.
 *
 * A third process introduces the two VMMs, as vmshm-ivshmem-server does: it joins
 * for both, and passes the eventfds on. It is stopped, and later killed. The
 * guests play ping-pong in a shared region, each halted until it is interrupted.
 * All the while each VMM is in KVM_RUN, which would return an exit if the guest's
 * write to its doorbell were not dealt with in the kernel: so no process but the
 * vCPUs themselves runs. A lost ring leaves both guests halted, one too many is
 * counted.
 *
 * Neither guest can begin anew when the other does not: if one has to, for what
 * vcpu_rescue.h tells of, there are two new ones.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <linux/kvm.h>

#include "lib/harness.h"
#include "lib/kvm_x86.h"
#include "lib/vcpu_rescue.h"
#include "lib/vmshm_mem.h"
#include "lib/vmshm_peer.h"

#define ROUNDS		300

/* Two guests need not be rescued that often. */
#define ATTEMPTS	5
/* How a VMM ends whose guest was */
#define RESCUED		10

/* The guest's physical addresses: what it needs itself, */
#define LOW_SIZE	0x4000
#define GDT		0x100
#define IDT		0x200
#define CODE		0x1000
#define CODE_END	0x2000
#define STACK		0x3000
/* how often it was interrupted, */
#define COUNT		0x3000
/* the region, and a device that has nothing but a doorbell. */
#define SHARED		0x100000
#define DOORBELL	0x200000

#define PORT_DONE	0x10
#define PORT_WRONG	0x11
#define VECTOR		0x40
/* The local APIC */
#define APIC_EOI	0xfee000b0
#define APIC_SVR	0xf0
#define APIC_ENABLED	0x1ff

#define STR(x)	#x
#define XSTR(x)	STR(x)

/*
 * %esi: the word that this guest writes, %edi: the one that it reads, %ecx:
 * rounds, %ebx: 0 for the guest that begins.
 */
extern const unsigned char guest_code[];
extern const __u32 guest_code_size, guest_interrupt_offset;
asm("	.pushsection .rodata\n"
	"	.code32\n"
	"guest_code:\n"
	"	xorl	%eax, %eax\n"
	"	testl	%ebx, %ebx\n"
	"	jnz	2f\n"
	"1:	incl	%eax\n"
	"	movl	%eax, (%esi)\n"
	"	movl	%eax, " XSTR(DOORBELL) "\n"
	"	call	.Lwait\n"
	"	cmpl	%ecx, %eax\n"
	"	jne	1b\n"
	"	outb	%al, $" XSTR(PORT_DONE) "\n"
	"2:	incl	%eax\n"
	"	call	.Lwait\n"
	"	movl	%eax, (%esi)\n"
	"	movl	%eax, " XSTR(DOORBELL) "\n"
	"	cmpl	%ecx, %eax\n"
	"	jne	2b\n"
	"	outb	%al, $" XSTR(PORT_DONE) "\n"
	/* Until it has been interrupted %eax times; finds %eax then. */
	".Lwait:\n"
	"	cli\n"
	"	cmpl	%eax, " XSTR(COUNT) "\n"
	"	jae	3f\n"
	"	sti\n"
	".Lhalt:	hlt\n"
	"	jmp	.Lwait\n"
	"3:	sti\n"
	"	cmpl	%eax, (%edi)\n"
	"	jne	4f\n"
	"	ret\n"
	"4:	outb	%al, $" XSTR(PORT_WRONG) "\n"
	/*
	 * An interrupt between sti and hlt, where there is none, would be slept
	 * through. QEMU 7.2 has one when the guest was left there for another
	 * reason: it does not resume with what sti leaves behind.
	 */
	".Linterrupt:\n"
	"	cmpl	$" XSTR(CODE) " + .Lhalt - guest_code, (%esp)\n"
	"	jne	5f\n"
	"	incl	(%esp)\n"
	"5:	incl	" XSTR(COUNT) "\n"
	"	movl	$0, " XSTR(APIC_EOI) "\n"
	"	iret\n"
	".Lend:\n"
	"	.code64\n"
	"	.balign	4\n"
	"guest_code_size:\n"
	"	.long	.Lend - guest_code\n"
	"guest_interrupt_offset:\n"
	"	.long	.Linterrupt - guest_code\n"
	"	.popsection\n");

struct vm {
	int fd;
	int vcpu;
	struct kvm_run *run;
	unsigned char *low;
	struct vt_rescue rescue;
};

static void add_slot(struct vm *vm, __u32 slot, __u64 gpa, void *mem,
		     size_t len)
{
	struct kvm_userspace_memory_region arg =
		vt_plain_slot(slot, gpa, mem, len);

	VT_CHECK(!vt_ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &arg));
}

/* Before the other guest can ring: nothing is kept for an APIC that is off. */
static void enable_apic(struct vm *vm)
{
	const __u32 enabled = APIC_ENABLED;
	struct kvm_lapic_state apic;

	VT_CHECK(!vt_ioctl(vm->vcpu, KVM_GET_LAPIC, &apic));
	memcpy(apic.regs + APIC_SVR, &enabled, sizeof(enabled));
	VT_CHECK(!vt_ioctl(vm->vcpu, KVM_SET_LAPIC, &apic));
}

/* 32 bits, no paging. */
static void set_up_cpu(struct vm *vm)
{
	__u64 *gdt = (void *)(vm->low + GDT), *idt = (void *)(vm->low + IDT);
	__u64 handler = CODE + guest_interrupt_offset;
	struct kvm_sregs sregs;

	gdt[1] = 0x00cf9b000000ffff;
	gdt[2] = 0x00cf93000000ffff;
	/* A 32-bit interrupt gate */
	idt[VECTOR] = handler | 8ULL << 16 | 0x8e00ULL << 32;
	memcpy(vm->low + CODE, guest_code, guest_code_size);

	VT_CHECK(!vt_ioctl(vm->vcpu, KVM_GET_SREGS, &sregs));
	vt_flat_segments(&sregs);
	sregs.gdt.base = GDT;
	sregs.gdt.limit = 3 * 8 - 1;
	sregs.idt.base = IDT;
	sregs.idt.limit = (VECTOR + 1) * 8 - 1;
	VT_CHECK(!vt_ioctl(vm->vcpu, KVM_SET_SREGS, &sregs));
}

/* An MSI when @irq is signalled; @bell is signalled by the guest. */
static void wire(struct vm *vm, int irq, int bell)
{
	struct kvm_irq_routing_entry entry = {
		.gsi = 0,
		.type = KVM_IRQ_ROUTING_MSI,
		.u.msi.address_lo = 0xfee00000,
		.u.msi.data = VECTOR,
	};
	struct kvm_irq_routing *routing;
	struct kvm_irqfd irqfd = { .fd = irq, .gsi = 0 };
	struct kvm_ioeventfd ioeventfd = {
		.addr = DOORBELL,
		.len = 4,
		.fd = bell,
	};

	routing = calloc(1, sizeof(*routing) + sizeof(entry));
	VT_CHECK(routing);
	routing->nr = 1;
	routing->entries[0] = entry;
	VT_CHECK(!vt_ioctl(vm->fd, KVM_SET_GSI_ROUTING, routing));
	free(routing);
	VT_CHECK(!vt_ioctl(vm->fd, KVM_IRQFD, &irqfd));
	VT_CHECK(!vt_ioctl(vm->fd, KVM_IOEVENTFD, &ioeventfd));
}

static void create(struct vm *vm, void *shared)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	size_t len;

	VT_CHECK(kvm >= 0);
	vm->fd = vt_ioctl(kvm, KVM_CREATE_VM, NULL);
	VT_CHECK(vm->fd >= 0);
	VT_CHECK(!vt_ioctl(vm->fd, KVM_CREATE_IRQCHIP, NULL));
	vm->vcpu = vt_ioctl(vm->fd, KVM_CREATE_VCPU, NULL);
	VT_CHECK(vm->vcpu >= 0);
	len = vt_ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, NULL);
	vm->run = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, vm->vcpu,
		       0);
	VT_CHECK(vm->run != MAP_FAILED);
	vm->low = mmap(NULL, LOW_SIZE, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	VT_CHECK(vm->low != MAP_FAILED);
	add_slot(vm, 0, 0, vm->low, LOW_SIZE);
	add_slot(vm, 1, SHARED, shared, VT_PAGE);
	set_up_cpu(vm);
	enable_apic(vm);
	VT_CHECK(!vt_rescue_init(&vm->rescue, vm->vcpu, vm->run, vm->low,
				 CODE_END, CODE + guest_code_size));
	close(kvm);
}

/* One exit for all rounds. */
static void play(struct vm *vm, int id)
{
	struct kvm_regs regs = {
		.rip = CODE,
		.rsp = STACK,
		.rflags = 2,
		.rbx = id,
		.rcx = ROUNDS,
		.rsi = SHARED + 4 * id,
		.rdi = SHARED + 4 * !id,
	};
	__u32 *count = (void *)(vm->low + COUNT);
	int ret;

	*count = 0;
	VT_CHECK(!vt_ioctl(vm->vcpu, KVM_SET_REGS, &regs));
	ret = vt_rescue_run(&vm->rescue);
	if (ret == -ERESTART)
		_exit(RESCUED);
	VT_CHECK(!ret);
	if (vm->run->exit_reason != KVM_EXIT_IO ||
	    vm->run->io.port != PORT_DONE)
		fprintf(stderr, "# guest %d: exit reason %u, %u interrupts\n",
			id, vm->run->exit_reason, *count);
	VT_CHECK(vm->run->exit_reason == KVM_EXIT_IO);
	VT_CHECK(vm->run->io.port == PORT_DONE);
	VT_CHECK(*count == ROUNDS);
}

/* A VMM: is given eventfds, and plays as often as it is told. */
static void vmm(int fd, int id, int sock)
{
	__u32 *shared = vt_map(fd, VT_PAGE, PROT_READ | PROT_WRITE, 0);
	struct vm vm;
	int irq, bell;

	VT_CHECK(shared);
	create(&vm, shared);
	irq = vt_recv_fd(sock);
	bell = vt_recv_fd(sock);
	VT_CHECK(irq >= 0 && bell >= 0);
	/* They stay open: KVM lets go of an irqfd that nobody has open. */
	wire(&vm, irq, bell);
	VT_CHECK(!vt_tell(sock));
	while (!vt_hear(sock)) {
		play(&vm, id);
		VT_CHECK(!vt_tell(sock));
	}
	_exit(0);
}

/* Who introduces the VMMs to each other */
static void introduce(int fd, const struct vt_child *vmms, int sock)
{
	int peers[2], i, bell;

	for (i = 0; i < 2; i++) {
		peers[i] = vt_join(fd, i, 1, NULL);
		VT_CHECK(peers[i] >= 0);
		bell = vt_doorbell(peers[i], 0);
		VT_CHECK(bell >= 0);
		VT_CHECK(!vt_send_fd(vmms[i].sock, bell));
		close(bell);
	}
	for (i = 0; i < 2; i++) {
		bell = vt_get_vector(peers[i], !i, 0, 0);
		VT_CHECK(bell >= 0);
		VT_CHECK(!vt_send_fd(vmms[i].sock, bell));
		close(bell);
	}
	VT_CHECK(!vt_tell(sock));
	for (;;)
		pause();
}

FIXTURE(kvm_doorbell) {
	int dev;
	int fd;
	struct vt_child vmms[2];
	struct vt_child server;
};

/* Both VMMs, wired. */
static int begin(FIXTURE_DATA(kvm_doorbell) *self)
{
	int i, ret;

	for (i = 0; i < 2; i++) {
		if (vt_fork(&self->vmms[i]) < 0)
			return -errno;
		if (!self->vmms[i].pid)
			vmm(self->fd, i, self->vmms[i].sock);
	}
	if (vt_fork(&self->server) < 0)
		return -errno;
	if (!self->server.pid)
		introduce(self->fd, self->vmms, self->server.sock);
	ret = vt_hear(self->server.sock);
	for (i = 0; i < 2 && !ret; i++)
		ret = vt_hear(self->vmms[i].sock);
	return ret;
}

/* Returns whether a guest had to be rescued. */
static bool end(FIXTURE_DATA(kvm_doorbell) *self)
{
	bool rescued = false;
	int i;

	for (i = 0; i < 2; i++) {
		if (self->vmms[i].pid && vt_kill(&self->vmms[i]) == RESCUED)
			rescued = true;
		self->vmms[i].pid = 0;
	}
	if (self->server.pid)
		vt_kill(&self->server);
	self->server.pid = 0;
	return rescued;
}

FIXTURE_SETUP(kvm_doorbell)
{
	char name[VMSHM_NAME_MAX + 1];

	self->dev = vt_device();
	ASSERT_LE(0, self->dev);
	self->fd = vt_create(self->dev, vt_name(name, "doorbell"), VT_PAGE, 0,
			     0, 0600);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, vt_unlink(self->dev, name));
	ASSERT_EQ(0, begin(self));
}

FIXTURE_TEARDOWN(kvm_doorbell)
{
	end(self);
	close(self->fd);
	close(self->dev);
}

static int play_once(struct vt_child *vmms)
{
	int i, ret = 0;

	/* Whoever begins waits for the other one, whenever that begins. */
	for (i = 0; i < 2 && !ret; i++)
		ret = vt_tell(vmms[i].sock);
	for (i = 0; i < 2 && !ret; i++)
		ret = vt_hear(vmms[i].sock);
	return ret;
}

static int stop(pid_t pid)
{
	int status;

	if (kill(pid, SIGSTOP) || waitpid(pid, &status, WUNTRACED) != pid)
		return -errno;
	return WIFSTOPPED(status) ? 0 : -ECHILD;
}

/*
 * Nobody but the VMMs runs; the second time there is nobody else. Returns 0,
 * -ERESTART if a guest had to be rescued, or another negative errno.
 */
static int play_twice(FIXTURE_DATA(kvm_doorbell) *self)
{
	struct vmshm_peer_info infos[3];
	int ret;

	ret = stop(self->server.pid);
	if (!ret && vt_peers(self->fd, infos, 3) != 2)
		ret = -ENOLINK;
	if (!ret)
		ret = play_once(self->vmms);
	if (!ret) {
		/* It goes, and the group with it. What it introduced stays. */
		if (vt_kill(&self->server) != 128 + SIGKILL)
			ret = -ECHILD;
		self->server.pid = 0;
	}
	if (!ret && vt_peers(self->fd, infos, 3))
		ret = -ENOTEMPTY;
	if (!ret)
		ret = play_once(self->vmms);
	return end(self) && ret ? -ERESTART : ret;
}

TEST_F(kvm_doorbell, nobody_in_between)
{
	int i, ret = play_twice(self);

	for (i = 1; ret == -ERESTART && i < ATTEMPTS; i++) {
		ASSERT_EQ(0, begin(self));
		ret = play_twice(self);
	}
	EXPECT_EQ(0, ret);
}

TEST_HARNESS_MAIN
