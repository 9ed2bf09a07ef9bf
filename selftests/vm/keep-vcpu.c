// SPDX-License-Identifier: GPL-2.0
/*
 * keep-vcpu - hold the static keys of KVM in one position
 *
 * Under multi-threaded TCG the kernel's text patching is not safe: a CPU can
 * run into the breakpoint of a patch that another CPU has already finished.
 * KVM flips static keys when the first vCPU of some kind appears and when the
 * last one goes.  This program creates one of each kind and keeps them until
 * the machine stops, so that no test can be the first or the last:
 *
 *  - any vCPU at all (preempt_notifier_key),
 *  - a vCPU without a local APIC in the kernel (kvm_has_noapic_vcpu),
 *  - a local APIC that is disabled by software, and one disabled by its base
 *    MSR (apic_sw_disabled, apic_hw_disabled).
 *
 * It is linked statically and runs in the initramfs before anything else.
 * The parent exits when the vCPUs exist.
 */
#include <err.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <linux/kvm.h>

#define APIC_BASE_ENABLE	(1ULL << 11)

static int create_vcpu(int kvm, int irqchip)
{
	int vm, vcpu;

	vm = ioctl(kvm, KVM_CREATE_VM, 0);
	if (vm < 0)
		err(1, "KVM_CREATE_VM");
	if (irqchip && ioctl(vm, KVM_CREATE_IRQCHIP, 0))
		err(1, "KVM_CREATE_IRQCHIP");
	vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	if (vcpu < 0)
		err(1, "KVM_CREATE_VCPU");
	return vcpu;
}

int main(void)
{
	struct kvm_sregs sregs;
	int kvm, vcpu;

	kvm = open("/dev/kvm", O_RDWR);
	if (kvm < 0)
		err(1, "/dev/kvm");

	/* Reset leaves the local APIC enabled in the MSR, not by software. */
	create_vcpu(kvm, 1);
	create_vcpu(kvm, 0);

	vcpu = create_vcpu(kvm, 1);
	if (ioctl(vcpu, KVM_GET_SREGS, &sregs))
		err(1, "KVM_GET_SREGS");
	sregs.apic_base &= ~APIC_BASE_ENABLE;
	if (ioctl(vcpu, KVM_SET_SREGS, &sregs))
		err(1, "KVM_SET_SREGS");

	/* A vCPU pins its VM: both live as long as these descriptors. */
	if (daemon(0, 0))
		err(1, "daemon");
	for (;;)
		pause();
}
