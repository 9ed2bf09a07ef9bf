// SPDX-License-Identifier: GPL-2.0
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
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

/* Where in the vCPU's statistics a counter is; or a negative errno. */
static off_t find_stat(int stats, const char *wanted)
{
	struct kvm_stats_header header;
	struct kvm_stats_desc *desc;
	off_t at, found = -ENOENT;
	size_t len;
	__u32 i;

	if (pread(stats, &header, sizeof(header), 0) != sizeof(header))
		return -EIO;
	len = sizeof(*desc) + header.name_size;
	desc = calloc(1, len + 1);
	if (!desc)
		return -ENOMEM;
	at = header.desc_offset;
	for (i = 0; i < header.num_desc && found < 0; i++, at += len) {
		if (pread(stats, desc, len, at) != (ssize_t)len)
			break;
		if (!strcmp(desc->name, wanted))
			found = header.data_offset + desc->offset;
	}
	free(desc);
	return found;
}

/* How many instructions KVM has emulated for the vCPU. */
static int get_emulated(const struct vt_rescue *rescue, __u64 *emulated)
{
	ssize_t ret = pread(rescue->stats, emulated, sizeof(*emulated),
			    rescue->stats_emulated);

	return ret == sizeof(*emulated) ? 0 : -EIO;
}

int vt_rescue_init(struct vt_rescue *rescue, int vcpu, struct kvm_run *run,
		   const void *mem, size_t mem_len, __u64 code_end)
{
	int ret;

	*rescue = (struct vt_rescue){
		.vcpu = vcpu,
		.run = run,
		.mem = mem,
		.mem_len = mem_len,
		.code_end = code_end,
		.stats = -1,
	};
	ret = vt_ioctl(vcpu, KVM_GET_SREGS, &rescue->sregs);
	if (ret)
		return ret;
	rescue->mem_copy = malloc(mem_len);
	if (!rescue->mem_copy)
		return -ENOMEM;
	memcpy(rescue->mem_copy, mem, mem_len);
	ret = vt_ioctl(vcpu, KVM_GET_STATS_FD, NULL);
	if (ret < 0)
		return ret;
	rescue->stats = ret;
	rescue->stats_emulated = find_stat(rescue->stats, "insn_emulation");
	if (rescue->stats_emulated < 0)
		return rescue->stats_emulated;
	/* With each exit. */
	run->kvm_valid_regs = KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS;
	run->s.regs.sregs = rescue->sregs;
	return unblock_in_guest(vcpu);
}

void vt_rescue_exit(struct vt_rescue *rescue)
{
	if (!rescue->run)
		return;
	stop(rescue);
	if (rescue->stats >= 0)
		close(rescue->stats);
	free(rescue->mem_copy);
	rescue->run = NULL;
}

/* A vCPU that was reset has 0. */
static bool is_foreign(const struct vt_rescue *rescue)
{
	__u64 cr3 = rescue->run->s.regs.sregs.cr3;

	return cr3 && cr3 != rescue->sregs.cr3;
}

/* Has it all that it needs, and was not lost too often? */
static bool may_be_lost(const struct vt_rescue *rescue)
{
	return rescue->lost < VT_LOST_MAX &&
	       !memcmp(rescue->mem, rescue->mem_copy, rescue->mem_len);
}

/* See the other file for what each of these excludes. */
static bool is_shut_down(const struct vt_rescue *rescue)
{
	__u64 emulated;

	return rescue->run->exit_reason == KVM_EXIT_SHUTDOWN &&
	       !rescue->run->s.regs.sregs.cr3 && may_be_lost(rescue) &&
	       !get_emulated(rescue, &emulated) &&
	       emulated == rescue->emulated;
}

static bool is_elsewhere(const struct vt_rescue *rescue)
{
	const struct kvm_run *run = rescue->run;

	return run->exit_reason == KVM_EXIT_MMIO && run->mmio.len == 1 &&
	       run->mmio.phys_addr >= rescue->mem_len &&
	       run->s.regs.regs.rip > rescue->code_end && may_be_lost(rescue);
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

/* As it began. */
static int restore(struct vt_rescue *rescue)
{
	struct kvm_vcpu_events events = { 0 };
	int ret;

	if (++rescue->nr > VT_RESCUES_MAX)
		return -EIO;
	ret = finish_access(rescue);
	if (!ret)
		ret = vt_ioctl(rescue->vcpu, KVM_SET_VCPU_EVENTS, &events);
	if (!ret)
		ret = vt_ioctl(rescue->vcpu, KVM_SET_SREGS, &rescue->sregs);
	return ret ? ret : -ERESTART;
}

/* Where it is, and what it wanted there. */
static void print_exit(const struct vt_rescue *rescue)
{
	const struct kvm_run *run = rescue->run;
	const struct kvm_sync_regs *now = &run->s.regs;

	printf("exit reason %u, rip %llx, cs %llx, cr0 %llx, cr3 %llx, rax %llx",
	       run->exit_reason, now->regs.rip, now->sregs.cs.base,
	       now->sregs.cr0, now->sregs.cr3, now->regs.rax);
	if (run->exit_reason == KVM_EXIT_MMIO)
		printf(", %u bytes at %llx", run->mmio.len,
		       run->mmio.phys_addr);
	printf("\n");
	/* A child ends with _exit(), which does not. */
	fflush(stdout);
}

int vt_rescue_unexpected(const struct vt_rescue *rescue)
{
	printf("# ");
	print_exit(rescue);
	return -EIO;
}

static int rescue_from(struct vt_rescue *rescue, const char *what)
{
	printf("# the emulation %s: ", what);
	print_exit(rescue);
	return restore(rescue);
}

int vt_rescue_run(struct vt_rescue *rescue)
{
	int ret;

	ret = start(rescue);
	if (!ret)
		ret = get_emulated(rescue, &rescue->emulated);
	if (ret)
		return ret;
	for (;;) {
		ret = vt_ioctl(rescue->vcpu, KVM_RUN, NULL);
		/* Else it would interrupt the next one, too. */
		if (ret == -EINTR)
			forget_signal();
		if (is_foreign(rescue))
			return rescue_from(rescue, "gave the guest foreign state");
		if (!ret && is_shut_down(rescue)) {
			rescue->lost++;
			return rescue_from(rescue, "shut down a guest that has all");
		}
		if (!ret && is_elsewhere(rescue)) {
			rescue->lost++;
			return rescue_from(rescue, "took a guest elsewhere");
		}
		if (ret == -EINTR) {
			if (rescue->interrupted)
				rescue->interrupted(rescue);
		} else if (ret != -EAGAIN) {
			rescue->lost = 0;
			return ret;
		}
	}
}
