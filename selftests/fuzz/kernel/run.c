// SPDX-License-Identifier: GPL-2.0
/*
 * One program, in a process of its own. When that is gone, nothing that it made
 * may be left.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"
#include "lib/vmshm_env.h"
#include "lib/vmshm_mount.h"

/* Addresses that nothing else is given. */
#define FZ_ARENA	((unsigned char *)0x200000000000)

/* Seconds that a program can take, and what it made to go. */
#define FZ_PATIENCE	60
#define FZ_SETTLE	10

static struct fz_shared *fz_shared;
static struct vmshm_info fz_before;
static int fz_dev;
static int fz_kmsg;

const char *fz_status_name(enum fz_status status)
{
	static const char * const names[] = {
		"running", "passed", "mismatch", "crash", "hang", "leak",
		"kernel",
	};

	return names[status];
}

/* Returns 0 or a negative errno. */
int fz_run_init(void)
{
	int ret;

	fz_shared = mmap(NULL, sizeof(*fz_shared), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (fz_shared == MAP_FAILED)
		return -errno;
	fz.shared = fz_shared;
	fz_kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fz_kmsg < 0 || lseek(fz_kmsg, 0, SEEK_END) < 0)
		return -errno;
	fz_dev = vt_device();
	if (fz_dev < 0)
		return fz_dev;
	ret = vt_mount(0);
	if (ret)
		return ret;
	/* No program has more events than this: none may be lost. */
	ret = vt_param_set("event_queue_len", FZ_EVENTS / 4);
	if (ret)
		return ret;
	fz_vm_init(fz_dev);
	return vt_info(fz_dev, &fz_before);
}

static bool fz_uses_remote(const struct fz_prog *prog)
{
	unsigned int i;

	for (i = 0; i < prog->nr; i++)
		if (!strncmp(fz_kinds[prog->op[i].kind].name, "remote", 6))
			return true;
	return false;
}

static void fz_run_ops(const struct fz_prog *prog)
{
	unsigned int i;

	if (fz_uses_remote(prog) && fz_remote_start())
		fz_fail("no second process");
	for (i = 0; i < FZ_EVENTFDS; i++) {
		fz.eventfd[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		if (fz.eventfd[i] < 0)
			fz_fail("eventfd: %m");
	}
	fz_kcov_start();
	for (i = 0; i < prog->nr; i++) {
		const struct fz_op *op = &prog->op[i];

		fz.shared->at = i;
		fz_kcov_begin();
		fz_kinds[op->kind].fn(op->arg);
		fz_kcov_end(i);
		fz.shared->ops++;
	}
	fz_close_all();
}

static void fz_child(const struct fz_prog *prog)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	fz.dev = vt_device();
	if (fz.dev < 0)
		fz_fail("the device: error %d", fz.dev);
	fz.arena = FZ_ARENA;
	snprintf(fz.prefix, sizeof(fz.prefix), "fuzz");
	fz_call_init();
	if (prog->threads)
		fz_threads_run(prog);
	else
		fz_run_ops(prog);
	fz.shared->status = FZ_PASSED;
	_exit(0);
}

/* What the kernel counts for this user; polled, for some goes a little later. */
static bool fz_is_clean(struct vmshm_info *info)
{
	if (vt_info(fz_dev, info))
		return false;
	return info->out_bytes_used == fz_before.out_bytes_used &&
	       info->out_regions_used == fz_before.out_regions_used &&
	       info->out_meta_used == fz_before.out_meta_used &&
	       info->out_peers_used == fz_before.out_peers_used;
}

static void fz_check_leaks(void)
{
	struct timespec ms = { .tv_nsec = 1000000 };
	static int settle = FZ_SETTLE;
	time_t end = time(NULL) + settle * vt_timeout_scale();
	struct vmshm_info info;

	vt_unlink_all(fz_dev, "fuzz");
	/* Not there as a rule. */
	vt_domain_release(fz_dev, "fuzz");
	while (!fz_is_clean(&info)) {
		if (time(NULL) > end) {
			fz_shared->status = FZ_LEAK;
			snprintf(fz_shared->message, sizeof(fz_shared->message),
				 "left: %lld regions, %lld bytes, %lld bytes of the kernel's, %lld peers",
				 (long long)(info.out_regions_used -
					     fz_before.out_regions_used),
				 (long long)(info.out_bytes_used -
					     fz_before.out_bytes_used),
				 (long long)(info.out_meta_used -
					     fz_before.out_meta_used),
				 (long long)(info.out_peers_used -
					     fz_before.out_peers_used));
			/*
			 * What is left now is no news to the next; and when it
			 * is made shorter, there are many of these.
			 */
			fz_before = info;
			settle = 1;
			return;
		}
		nanosleep(&ms, NULL);
	}
}

/*
 * Has the kernel complained since it was asked last? The first line of that goes
 * to @line. What lockdep says does not stop any machine, and is said once: the
 * program that brought it about would be lost. Data races are no complaint, for
 * most are not the module's.
 */
static bool fz_complaint(char *line, size_t size)
{
	bool found = false;
	char record[8192], *text;
	ssize_t len;

	for (;;) {
		len = read(fz_kmsg, record, sizeof(record) - 1);
		/* Some were overwritten before they were read. */
		if (len < 0 && errno == EPIPE)
			continue;
		if (len <= 0)
			return found;
		record[len] = '\0';
		text = strchr(record, ';');
		if (found || !text || strstr(text, "BUG: KCSAN: "))
			continue;
		text[strcspn(text, "\n")] = '\0';
		found = strstr(text, "WARNING: ") || strstr(text, "BUG: ") ||
			strstr(text, "UBSAN: ");
		if (found)
			snprintf(line, size, "%s", text + 1);
	}
}

static void fz_wait(pid_t pid)
{
	struct timespec patience = { .tv_sec = FZ_PATIENCE * vt_timeout_scale() };
	sigset_t set;
	int status;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	while (!waitpid(pid, &status, WNOHANG)) {
		if (sigtimedwait(&set, NULL, &patience) >= 0 || errno == EINTR)
			continue;
		/* Where it hangs is in the kernel's log. */
		if (waitpid(pid, &status, WNOHANG) == pid)
			break;
		if (system("echo w >/proc/sysrq-trigger"))
			perror("sysrq");
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		fz_shared->status = FZ_HANG;
		snprintf(fz_shared->message, sizeof(fz_shared->message),
			 "no end after %u seconds", FZ_PATIENCE * vt_timeout_scale());
		return;
	}
	if (fz_shared->status != FZ_RUNNING)
		return;
	fz_shared->status = FZ_CRASH;
	snprintf(fz_shared->message, sizeof(fz_shared->message),
		 WIFSIGNALED(status) ? "killed by signal %d" : "exit status %d",
		 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

enum fz_status fz_run(const struct fz_prog *prog)
{
	char line[sizeof(fz_shared->message)];
	sigset_t set, old;
	pid_t pid;

	fz_shared->status = FZ_RUNNING;
	fz_shared->message[0] = '\0';
	fz_shared->at = 0;
	fz_shared->new_edges = 0;
	fz_shared->last_new = 0;
	/* Blocked before the process can end, for sigtimedwait(). */
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, &old);
	fflush(NULL);
	pid = fork();
	if (!pid) {
		sigprocmask(SIG_SETMASK, &old, NULL);
		fz_child(prog);
	}
	if (pid < 0) {
		fz_shared->status = FZ_CRASH;
		snprintf(fz_shared->message, sizeof(fz_shared->message),
			 "fork: %m");
	} else {
		fz_wait(pid);
	}
	sigprocmask(SIG_SETMASK, &old, NULL);
	if (fz_shared->status == FZ_PASSED)
		fz_check_leaks();
	else
		vt_unlink_all(fz_dev, "fuzz");
	if (fz_complaint(line, sizeof(line)) &&
	    fz_shared->status == FZ_PASSED) {
		fz_shared->status = FZ_KERNEL;
		memcpy(fz_shared->message, line, sizeof(line));
	}
	return fz_shared->status;
}
