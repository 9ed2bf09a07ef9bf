// SPDX-License-Identifier: GPL-2.0
/* How far long work has come, for whoever is watching a terminal. */

#include <time.h>
#include <unistd.h>

#include "cmd.h"

/**
 * monotonic_ns() - the time
 *
 * Return: CLOCK_MONOTONIC, in nanoseconds.
 */
__u64 monotonic_ns(void)
{
	struct timespec now;

	/* Cannot fail: the clock exists and the pointer is good. */
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (__u64)now.tv_sec * NS_PER_SECOND + (__u64)now.tv_nsec;
}

/**
 * progress_begin() - begin to show progress
 * @progress: state
 * @what: what is being done
 * @total: number of bytes; 0 if it is not known
 *
 * Nothing is shown unless the standard error is a terminal, and the standard
 * output is not, where both would be mixed.
 */
void progress_begin(struct progress *progress, const char *what, __u64 total)
{
	progress->what = NULL;
	if (!isatty(STDERR_FILENO) || isatty(STDOUT_FILENO))
		return;

	progress->what = what;
	progress->total = total;
	progress->begin_ns = monotonic_ns();
	progress->shown_ns = 0;
}

/**
 * progress_show() - show how far it is, if the time has come
 * @progress: state
 * @done: number of bytes
 *
 * Work of less than a second shows nothing; then five times a second.
 */
void progress_show(struct progress *progress, __u64 done)
{
	char text[SIZE_TEXT], of[SIZE_TEXT];
	__u64 now;

	if (!progress->what)
		return;

	now = monotonic_ns();
	if (now - progress->begin_ns < NS_PER_SECOND ||
	    now - progress->shown_ns < NS_PER_SECOND / 5)
		return;

	progress->shown_ns = now;
	if (progress->total)
		fprintf(stderr, "\r%s: %s of %s\033[K", progress->what,
			size_text(done, text), size_text(progress->total, of));
	else
		fprintf(stderr, "\r%s: %s\033[K", progress->what,
			size_text(done, text));
}

/**
 * progress_end() - take away what was shown
 * @progress: state
 */
void progress_end(struct progress *progress)
{
	if (progress->what && progress->shown_ns)
		fputs("\r\033[K", stderr);
}
