// SPDX-License-Identifier: GPL-2.0
/* SIGINT and SIGTERM for verbs that go on until then, and end with figures. */

#include <errno.h>
#include <poll.h>
#include <signal.h>

#include "cmd.h"

static volatile sig_atomic_t caught;

static void handle(int signal)
{
	(void)signal;
	caught = 1;
}

/**
 * interrupts_catch() - from now on they do not end the process
 */
void interrupts_catch(void)
{
	struct sigaction action = { .sa_handler = handle };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

/**
 * interrupted() - was there one?
 */
bool interrupted(void)
{
	return caught;
}

/**
 * interrupts_wait() - wait until a file can be read, or for some time
 * @fd: the file, or -1 for none
 * @ns: nanoseconds; NULL is for ever
 *
 * Also ends with an interrupt, and at once if there was one before.
 *
 * Return: 0 whatever it ended with; or a negative errno.
 */
int interrupts_wait(int fd, const __u64 *ns)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	struct timespec time = {};
	sigset_t blocked, old;
	int rc = 0;

	if (ns) {
		time.tv_sec = (time_t)(*ns / NS_PER_SECOND);
		time.tv_nsec = (long)(*ns % NS_PER_SECOND);
	}
	/* Between the look and the wait none must come. */
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGINT);
	sigaddset(&blocked, SIGTERM);
	sigprocmask(SIG_BLOCK, &blocked, &old);
	if (!caught && ppoll(&poll_fd, 1, ns ? &time : NULL, &old) < 0 &&
	    errno != EINTR)
		rc = -errno;
	sigprocmask(SIG_SETMASK, &old, NULL);
	return rc;
}
