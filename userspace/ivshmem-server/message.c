// SPDX-License-Identifier: GPL-2.0
/* Messages: to the journal, or to whoever started the server. */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server.h"

/** is_verbose - tell of every client that comes and goes */
bool is_verbose;

/* The journal takes the level from the beginning of the line. */
static void begin(enum level level)
{
	if (getenv("JOURNAL_STREAM"))
		fprintf(stderr, "<%d>", level);
	else
		fputs(PROGRAM ": ", stderr);
}

/**
 * say() - say something
 * @level: how important it is; LEVEL_INFO is for the verbose
 * @fmt: what; no newline
 */
void say(enum level level, const char *fmt, ...)
{
	va_list args;

	if (level >= LEVEL_INFO && !is_verbose)
		return;

	begin(level);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
}

static enum status status_of_error(int error)
{
	switch (-error) {
	case EINVAL:
		return STATUS_USAGE;
	case ENOENT:
		return STATUS_NO_REGION;
	case EACCES:
	case EPERM:
		return STATUS_PERMISSION;
	case EDQUOT:
	case ENOSPC:
	case ENOMEM:
	case EMFILE:
	case ENFILE:
		return STATUS_LIMIT;
	case ESTALE:
		return STATUS_STALE;
	default:
		return STATUS_FAILED;
	}
}

__attribute__((format(printf, 1, 0)))
static void cannot(const char *fmt, va_list args)
{
	begin(LEVEL_ERROR);
	fputs("cannot ", stderr);
	vfprintf(stderr, fmt, args);
}

/**
 * fail() - say what could not be done to a region, and why
 * @error: a negative errno value
 * @fmt: what: goes on after "cannot"
 *
 * Return: an exit status.
 */
int fail(int error, const char *fmt, ...)
{
	const char *reason = vmshm_error_message(error);
	const char *name = strerror(-error);
	va_list args;

	va_start(args, fmt);
	cannot(fmt, args);
	va_end(args);
	if (strcmp(reason, name))
		fprintf(stderr, ": %s (%s)\n", reason, name);
	else
		fprintf(stderr, ": %s\n", reason);

	return (int)status_of_error(error);
}

/**
 * fail_system() - the same of anything else
 * @error: a negative errno value
 * @fmt: what: goes on after "cannot"
 *
 * Return: an exit status.
 */
int fail_system(int error, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	cannot(fmt, args);
	va_end(args);
	fprintf(stderr, ": %s\n", strerror(-error));

	return error == -EADDRINUSE ? STATUS_BUSY : STATUS_FAILED;
}
