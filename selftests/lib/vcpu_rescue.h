/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Rescue of a nested guest from a fault of QEMU's emulation of SVM.
 *
 * Now and then, once in some ten million exits of a nested guest, QEMU 7.2 saves
 * the state of the emulated machine itself as that of the guest. The guest's
 * next instruction is then one of the machine's kernel, its CR3 is the
 * machine's, and whatever it touches is no memory of its own: KVM emulates and
 * injects exceptions for ever, inside KVM_RUN. The sign is a CR3 that the guest
 * never had. Nothing else makes one, so nothing else is taken for it.
 *
 * KVM_RUN must return now and then to look at it: vt_kick_start().
 */
#ifndef _VMSHM_VCPU_RESCUE_H
#define _VMSHM_VCPU_RESCUE_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <time.h>

/*
 * Interrupts the system calls of the calling thread once a second, until the
 * timer is deleted by timer_delete(3). Returns 0 or a negative errno.
 */
int vt_kick_start(timer_t *timer);

/*
 * Has the vCPU lost the state it was given, @sregs? If so it is given that
 * again, no event pending; the caller sets the registers. Says so on stdout.
 * Returns 1, 0 or a negative errno.
 */
int vt_vcpu_rescue(int vcpu, struct kvm_sregs *sregs);

#endif /* _VMSHM_VCPU_RESCUE_H */
