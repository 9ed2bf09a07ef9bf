// SPDX-License-Identifier: GPL-2.0
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/vcpu_rescue.h"
#include "lib/vmshm_test.h"

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id	_sigev_un._tid
#endif

#define KICK	SIGRTMIN

/* What the kernel takes for a set of signals. */
#define SIGSET_LEN	8

/*
 * The signal is blocked but in KVM_RUN: no other system call is interrupted, and
 * it is never delivered.
 */
static int unblock_in_guest(int vcpu)
{
	struct kvm_signal_mask *none;
	int ret;

	none = calloc(1, sizeof(*none) + SIGSET_LEN);
	if (!none)
		return -ENOMEM;
	none->len = SIGSET_LEN;
	ret = vt_ioctl(vcpu, KVM_SET_SIGNAL_MASK, none);
	free(none);
	return ret;
}

static void block(sigset_t *kick)
{
	sigemptyset(kick);
	sigaddset(kick, KICK);
	pthread_sigmask(SIG_BLOCK, kick, NULL);
}

static void stop(struct vt_rescue *rescue)
{
	/* Timers do not come with a fork. */
	if (rescue->process == getpid())
		timer_delete(rescue->timer);
	rescue->process = 0;
	rescue->thread = 0;
}

/* Has the timer interrupt the calling thread. */
static int start(struct vt_rescue *rescue)
{
	const struct itimerspec second = {
		.it_value.tv_sec = 1,
		.it_interval.tv_sec = 1,
	};
	struct sigevent event = {
		.sigev_notify = SIGEV_THREAD_ID,
		.sigev_signo = KICK,
	};
	pid_t thread = gettid();
	sigset_t kick;

	if (rescue->thread == thread)
		return 0;
	stop(rescue);
	block(&kick);
	event.sigev_notify_thread_id = thread;
	if (timer_create(CLOCK_MONOTONIC, &event, &rescue->timer))
		return -errno;
	rescue->process = getpid();
	rescue->thread = thread;
	if (timer_settime(rescue->timer, 0, &second, NULL)) {
		stop(rescue);
		return -errno;
	}
	return 0;
}

static void forget_signal(void)
{
	const struct timespec now = { 0 };
	sigset_t kick;

	block(&kick);
	while (sigtimedwait(&kick, NULL, &now) > 0)
		;
}

int vt_rescue_init(struct vt_rescue *rescue, int vcpu, struct kvm_run *run)
{
	int ret;

	*rescue = (struct vt_rescue){ .vcpu = vcpu, .run = run };
	ret = vt_ioctl(vcpu, KVM_GET_SREGS, &rescue->sregs);
	if (ret)
		return ret;
	/* With each exit. */
	run->kvm_valid_regs = KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS;
	run->s.regs.sregs = rescue->sregs;
	return unblock_in_guest(vcpu);
}

void vt_rescue_exit(struct vt_rescue *rescue)
{
	stop(rescue);
}

/* A vCPU that was reset has 0. */
static bool is_foreign(const struct vt_rescue *rescue)
{
	__u64 cr3 = rescue->run->s.regs.sregs.cr3;

	return cr3 && cr3 != rescue->sregs.cr3;
}

/* An access is over only when KVM_RUN is called again. */
static int finish_access(struct vt_rescue *rescue)
{
	int ret, tries = 0;

	rescue->run->immediate_exit = 1;
	do
		ret = vt_ioctl(rescue->vcpu, KVM_RUN, NULL);
	while (!ret && ++tries < 16);
	rescue->run->immediate_exit = 0;
	return ret == -EINTR ? 0 : -EIO;
}

static int restore(struct vt_rescue *rescue)
{
	const struct kvm_sync_regs *now = &rescue->run->s.regs;
	struct kvm_vcpu_events events = { 0 };
	int ret;

	printf("# the emulation gave the guest foreign state: cr3 %llx, not %llx;",
	       now->sregs.cr3, rescue->sregs.cr3);
	printf(" cr0 %llx, rip %llx, exit reason %u\n", now->sregs.cr0,
	       now->regs.rip, rescue->run->exit_reason);
	fflush(stdout);
	if (++rescue->nr > VT_RESCUES_MAX)
		return -EIO;
	ret = finish_access(rescue);
	if (!ret)
		ret = vt_ioctl(rescue->vcpu, KVM_SET_VCPU_EVENTS, &events);
	if (!ret)
		ret = vt_ioctl(rescue->vcpu, KVM_SET_SREGS, &rescue->sregs);
	return ret ? ret : -ERESTART;
}

int vt_rescue_run(struct vt_rescue *rescue)
{
	int ret;

	ret = start(rescue);
	if (ret)
		return ret;
	for (;;) {
		ret = vt_ioctl(rescue->vcpu, KVM_RUN, NULL);
		if (is_foreign(rescue))
			return restore(rescue);
		if (ret == -EINTR)
			forget_signal();
		else if (ret != -EAGAIN)
			return ret;
	}
}
