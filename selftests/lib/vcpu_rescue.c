// SPDX-License-Identifier: GPL-2.0
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/vcpu_rescue.h"
#include "lib/vmshm_test.h"

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id	_sigev_un._tid
#endif

static void kicked(int sig)
{
}

int vt_kick_start(timer_t *timer)
{
	const struct itimerspec second = {
		.it_value.tv_sec = 1,
		.it_interval.tv_sec = 1,
	};
	/* Without SA_RESTART. */
	const struct sigaction action = { .sa_handler = kicked };
	struct sigevent event = {
		.sigev_notify = SIGEV_THREAD_ID,
		.sigev_signo = SIGRTMIN,
	};

	event.sigev_notify_thread_id = gettid();
	if (sigaction(SIGRTMIN, &action, NULL) ||
	    timer_create(CLOCK_MONOTONIC, &event, timer))
		return -errno;
	if (timer_settime(*timer, 0, &second, NULL)) {
		timer_delete(*timer);
		return -errno;
	}
	return 0;
}

int vt_vcpu_rescue(int vcpu, struct kvm_sregs *sregs)
{
	struct kvm_vcpu_events events = { 0 };
	struct kvm_sregs now;
	struct kvm_regs regs;
	int ret;

	ret = vt_ioctl(vcpu, KVM_GET_SREGS, &now);
	if (ret || now.cr3 == sregs->cr3)
		return ret;
	ret = vt_ioctl(vcpu, KVM_GET_REGS, &regs);
	if (ret)
		return ret;
	printf("# the emulation gave the guest foreign state: cr3 %llx, not %llx;",
	       now.cr3, sregs->cr3);
	printf(" cr0 %llx, rip %llx\n", now.cr0, regs.rip);
	ret = vt_ioctl(vcpu, KVM_SET_VCPU_EVENTS, &events);
	if (!ret)
		ret = vt_ioctl(vcpu, KVM_SET_SREGS, sregs);
	return ret ? ret : 1;
}
