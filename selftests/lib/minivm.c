// SPDX-License-Identifier: GPL-2.0
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "lib/kvm_x86.h"
#include "lib/minivm.h"
#include "lib/vcpu_rescue.h"
#include "lib/vmshm_mem.h"

/*
 * The guest's programs: arguments in registers, the end is an OUT. They have nothing
 * between them, where vcpu_rescue.h would not see that a guest has left them.
 */

#define PORT		0x10

static const unsigned char code_write[] = {
	0xff, 0x06,				/* 1: incl (%esi) */
	0x01, 0xd6,				/*    addl %edx, %esi */
	0x49,					/*    decl %ecx */
	0x75, 0xf9,				/*    jnz 1b */
	0xe6, PORT,				/*    outb %al, $PORT */
};

static const unsigned char code_read[] = {
	0x8b, 0x06,				/* 1: movl (%esi), %eax */
	0x01, 0xd6,				/*    addl %edx, %esi */
	0x49,					/*    decl %ecx */
	0x75, 0xf9,				/*    jnz 1b */
	0xe6, PORT,				/*    outb %al, $PORT */
};

static const unsigned char code_random[] = {
	0x69, 0xdb, 0x0d, 0x66, 0x19, 0x00,	/* 1: imul $1664525, %ebx */
	0x81, 0xc3, 0x5f, 0xf3, 0x6e, 0x3c,	/*    addl $1013904223, %ebx */
	0x89, 0xdf,				/*    movl %ebx, %edi */
	0xc1, 0xef, 0x10,			/*    shrl $16, %edi */
	0x21, 0xd7,				/*    andl %edx, %edi */
	0xc1, 0xe7, 0x0c,			/*    shll $12, %edi */
	0xff, 0x04, 0x3e,			/*    incl (%esi, %edi) */
	0x49,					/*    decl %ecx */
	0x75, 0xe4,				/*    jnz 1b */
	0xe6, PORT,				/*    outb %al, $PORT */
};

#define CODE_WRITE	0
#define CODE_READ	(CODE_WRITE + sizeof(code_write))
#define CODE_RANDOM	(CODE_READ + sizeof(code_read))
#define CODE_END	(CODE_RANDOM + sizeof(code_random))

static int add_slot(struct vt_vm *vm, __u32 slot, __u64 gpa, void *mem,
		    size_t len)
{
	struct kvm_userspace_memory_region arg =
		vt_plain_slot(slot, gpa, mem, len);

	return vt_ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &arg);
}

static int set_protected_mode(struct vt_vm *vm)
{
	struct kvm_sregs sregs;
	int ret;

	ret = vt_ioctl(vm->vcpu, KVM_GET_SREGS, &sregs);
	if (ret)
		return ret;
	vt_flat_segments(&sregs);
	return vt_ioctl(vm->vcpu, KVM_SET_SREGS, &sregs);
}

static int enable_ring(struct vt_vm *vm, __u32 entries)
{
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_DIRTY_LOG_RING,
		.args[0] = entries * sizeof(struct kvm_dirty_gfn),
	};

	return vt_ioctl(vm->fd, KVM_ENABLE_CAP, &cap);
}

static int map_ring(struct vt_vm *vm, __u32 entries)
{
	vm->ring_len = entries * sizeof(struct kvm_dirty_gfn);
	vm->ring = mmap(NULL, vm->ring_len, PROT_READ | PROT_WRITE, MAP_SHARED,
			vm->vcpu, KVM_DIRTY_LOG_PAGE_OFFSET * VT_PAGE);
	return vm->ring == MAP_FAILED ? -errno : 0;
}

static int open_vm(struct vt_vm *vm, __u32 ring)
{
	int ret;

	vm->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (vm->kvm < 0)
		return -errno;
	vm->fd = vt_ioctl(vm->kvm, KVM_CREATE_VM, NULL);
	if (vm->fd < 0)
		return vm->fd;
	/* That is for the vCPUs to come. */
	ret = ring ? enable_ring(vm, ring) : 0;
	if (ret)
		return ret;
	vm->vcpu = vt_ioctl(vm->fd, KVM_CREATE_VCPU, NULL);
	if (vm->vcpu < 0)
		return vm->vcpu;
	ret = ring ? map_ring(vm, ring) : 0;
	if (ret)
		return ret;
	vm->run_len = vt_ioctl(vm->kvm, KVM_GET_VCPU_MMAP_SIZE, NULL);
	vm->run = mmap(NULL, vm->run_len, PROT_READ | PROT_WRITE, MAP_SHARED,
		       vm->vcpu, 0);
	if (vm->run == MAP_FAILED)
		return -errno;
	vm->code = mmap(NULL, VT_PAGE, PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return vm->code == MAP_FAILED ? -errno : 0;
}

int vt_vm_init(struct vt_vm *vm, void *mem, size_t len)
{
	return vt_vm_init_ring(vm, mem, len, 0);
}

int vt_vm_init_ring(struct vt_vm *vm, void *mem, size_t len, __u32 entries)
{
	int ret;

	*vm = (struct vt_vm){
		.kvm = -1,
		.fd = -1,
		.vcpu = -1,
		.run = MAP_FAILED,
		.code = MAP_FAILED,
		.ring = MAP_FAILED,
	};
	ret = open_vm(vm, entries);
	if (ret)
		goto exit_vm;
	memcpy(vm->code + CODE_WRITE, code_write, sizeof(code_write));
	memcpy(vm->code + CODE_READ, code_read, sizeof(code_read));
	memcpy(vm->code + CODE_RANDOM, code_random, sizeof(code_random));
	ret = add_slot(vm, 0, 0, vm->code, VT_PAGE);
	if (!ret)
		ret = add_slot(vm, 1, VT_VM_MEMORY, mem, len);
	if (!ret)
		ret = set_protected_mode(vm);
	if (!ret)
		ret = vt_rescue_init(&vm->rescue, vm->vcpu, vm->run, vm->code,
				     VT_PAGE, CODE_END);
	if (!ret)
		return 0;
exit_vm:
	vt_vm_exit(vm);
	return ret;
}

void vt_vm_exit(struct vt_vm *vm)
{
	vt_rescue_exit(&vm->rescue);
	if (vm->run != MAP_FAILED)
		munmap(vm->run, vm->run_len);
	if (vm->code != MAP_FAILED)
		munmap(vm->code, VT_PAGE);
	if (vm->ring != MAP_FAILED)
		munmap(vm->ring, vm->ring_len);
	if (vm->vcpu >= 0)
		close(vm->vcpu);
	if (vm->fd >= 0)
		close(vm->fd);
	if (vm->kvm >= 0)
		close(vm->kvm);
}

static int run(struct vt_vm *vm, struct kvm_regs *regs)
{
	int ret;

	regs->rflags = 2;
	do {
		ret = vt_ioctl(vm->vcpu, KVM_SET_REGS, regs);
		if (!ret)
			ret = vt_rescue_run(&vm->rescue);
	} while (ret == -ERESTART);
	if (ret)
		return ret;
	if (vm->run->exit_reason == KVM_EXIT_IO && vm->run->io.port == PORT)
		return vt_ioctl(vm->vcpu, KVM_GET_REGS, regs);
	return vt_rescue_unexpected(&vm->rescue);
}

int vt_vm_write(struct vt_vm *vm, __u32 offset, __u32 stride, __u32 count)
{
	struct kvm_regs regs = {
		.rip = CODE_WRITE,
		.rsi = VT_VM_MEMORY + offset,
		.rdx = stride,
		.rcx = count,
	};

	return run(vm, &regs);
}

int vt_vm_read(struct vt_vm *vm, __u32 offset, __u32 stride, __u32 count)
{
	struct kvm_regs regs = {
		.rip = CODE_READ,
		.rsi = VT_VM_MEMORY + offset,
		.rdx = stride,
		.rcx = count,
	};

	return run(vm, &regs);
}

int vt_vm_write_random(struct vt_vm *vm, __u32 offset, __u32 pages,
		       __u32 count, __u32 *seed)
{
	struct kvm_regs regs = {
		.rip = CODE_RANDOM,
		.rsi = VT_VM_MEMORY + offset,
		.rdx = pages - 1,
		.rcx = count,
		.rbx = *seed,
	};
	int ret = run(vm, &regs);

	*seed = regs.rbx;
	return ret;
}
