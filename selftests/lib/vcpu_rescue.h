/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Rescue of a nested guest from a fault of QEMU's emulation of SVM.
 *
 * Now and then, once in some ten million exits of a nested guest, QEMU 7.2 saves
 * the state of the emulated machine itself as that of the guest. The guest's
 * next instruction is then one of the machine's kernel, its CR3 is the
 * machine's, and whatever it touches is no memory of its own: KVM emulates and
 * injects exceptions for ever, inside KVM_RUN, or comes to an exit that makes no
 * sense. Such a guest is given its state back, and begins anew.
 *
 * The sign, and the only one, is a CR3 that the guest never had. No fault of
 * vmshm makes one: the guests of minivm.h have no instruction that loads it,
 * their page tables are in a slot of their own, and KVM itself changes it only
 * when it resets a vCPU, to 0, which does not count. What vmshm can do to a guest
 * is to give it the wrong memory or none. That ends in a wrong word, in an exit
 * or in a guest that hangs, with the CR3 that it was given, and stays a failure
 * of the test. A guest that begins anew checks all that it was to check.
 */
#ifndef _VMSHM_VCPU_RESCUE_H
#define _VMSHM_VCPU_RESCUE_H

#include <linux/kvm.h>
#include <sys/types.h>
#include <time.h>

/* More often than that is no bad luck: an error. */
#define VT_RESCUES_MAX	100

struct vt_rescue {
	int vcpu;
	struct kvm_run *run;
	struct kvm_sregs sregs;		/* what the vCPU was given */
	unsigned int nr;		/* how often it was given that again */
	/* Interrupts KVM_RUN once a second, in the thread that calls it. */
	timer_t timer;
	pid_t process;			/* whose timer it is; 0 is nobody's */
	pid_t thread;
};

/*
 * To be called when the vCPU has its special registers, and before it runs.
 * Both return 0 or a negative errno.
 */
int vt_rescue_init(struct vt_rescue *rescue, int vcpu, struct kvm_run *run);
void vt_rescue_exit(struct vt_rescue *rescue);

/*
 * KVM_RUN until there is an exit. Returns 0 or a negative errno, -ERESTART if
 * the vCPU was rescued: the caller sets its registers, and calls again. That is
 * said on stdout.
 */
int vt_rescue_run(struct vt_rescue *rescue);

#endif /* _VMSHM_VCPU_RESCUE_H */
