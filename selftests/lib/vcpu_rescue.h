/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Rescue of a nested guest from a fault of QEMU's emulation of SVM.
 *
 * Now and then, once in a million exits of a nested guest or in ten million, QEMU
 * 7.2 exits from it twice without having entered it in between. Its log (-d in_asm)
 * then has a second #VMEXIT with no VMRUN before it: a nested page fault, for the
 * machine's own next instruction, at an entry of the machine's own page table. It
 * saves the machine's state as the guest's. The guest goes on there, whatever it
 * touches is no memory of its own, and KVM emulates and injects exceptions for
 * ever, inside KVM_RUN, or comes to an exit that makes no sense.
 *
 * About as often a guest is shut down that has all it needs, and KVM resets the
 * vCPU for that. A guest with the machine's RIP but its own CR3 would end so:
 * nothing is mapped where it goes on, nor where its exceptions are handled.
 *
 * As rarely a guest goes on outside of its programs, in the zeros behind them, until
 * what it reads there as an instruction finds no memory.
 *
 * Such a guest is given its state back, and begins anew.
 *
 * There are three signs, which no fault of vmshm may have.
 *
 * - A CR3 that the guest never had. The guests of minivm.h have no instruction
 *   that loads it, their page tables are in a slot of their own, and KVM itself
 *   changes it only when it resets a vCPU, to 0, which does not count.
 *
 * - A shutdown by the processor, not by KVM, which would not have reset the vCPU,
 *   though the guest's code and page tables are what they were, and KVM has not
 *   emulated an instruction for it on the way. What these guests execute, with
 *   these page tables, raises no exception, and KVM injects one only if it cannot
 *   emulate. It has to emulate when there is no slot where there was one: even if
 *   that was so for an instant only, the shutdown that comes of it counts as the
 *   guest's own. So does one that comes again and again.
 *
 * - An access to one byte of what is no memory, outside of the guest's programs,
 *   though its code and page tables are what they were. The programs access words,
 *   have no jumps but into themselves, and end in an OUT after which one is begun
 *   anew; exceptions have no handlers. None of that memory is vmshm's. One that comes
 *   again and again counts as the guest's own, too.
 *
 * What vmshm can do to a guest is to give it the wrong memory or none. That ends
 * in a wrong word, in an exit for a word, in a shutdown of that kind or in a guest
 * that hangs, with the CR3 that it was given, and stays a failure of the test. A guest
 * that begins anew checks all that it was to check, against what was expected
 * before: it hides no word that was lost or is stale.
 */
#ifndef _VMSHM_VCPU_RESCUE_H
#define _VMSHM_VCPU_RESCUE_H

#include <linux/kvm.h>
#include <sys/types.h>
#include <time.h>

/* More often than that is no bad luck: an error. */
#define VT_RESCUES_MAX	100
/* Nor are so many shutdowns, or exits elsewhere, on the way to one exit. */
#define VT_LOST_MAX	3

struct vt_rescue {
	int vcpu;
	struct kvm_run *run;
	struct kvm_sregs sregs;		/* what the vCPU was given */
	const void *mem;		/* the guest's code and page tables */
	void *mem_copy;			/* what they are to be */
	size_t mem_len;
	__u64 code_end;			/* where its programs end, from 0 on */
	int stats;			/* KVM's statistics of the vCPU */
	off_t stats_emulated;		/* where instructions emulated are */
	__u64 emulated;			/* how many they were before KVM_RUN */
	unsigned int nr;		/* how often it was given that again */
	unsigned int lost;		/* not by its CR3, since the last exit */
	/* If not NULL, what is done whenever KVM_RUN was interrupted. */
	void (*interrupted)(struct vt_rescue *rescue);
	/* Interrupts KVM_RUN once a second, in the thread that calls it. */
	timer_t timer;
	pid_t process;			/* whose timer it is; 0 is nobody's */
	pid_t thread;
};

/*
 * To be called when the vCPU has its special registers, and before it runs. @mem
 * is memory that the guest needs for whatever it does, and does not change. Its
 * programs are below @code_end. Returns 0 or a negative errno, and wants
 * vt_rescue_exit() then, too: that of what is all 0 does nothing.
 */
int vt_rescue_init(struct vt_rescue *rescue, int vcpu, struct kvm_run *run,
		   const void *mem, size_t mem_len, __u64 code_end);
void vt_rescue_exit(struct vt_rescue *rescue);

/*
 * KVM_RUN until there is an exit. Returns 0 or a negative errno, -ERESTART if
 * the vCPU was rescued: the caller sets its registers, and calls again. That is
 * said on stdout.
 */
int vt_rescue_run(struct vt_rescue *rescue);

/* Says on stdout what the exit was that no one expected. Returns -EIO. */
int vt_rescue_unexpected(const struct vt_rescue *rescue);

#endif /* _VMSHM_VCPU_RESCUE_H */
