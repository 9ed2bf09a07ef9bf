// SPDX-License-Identifier: GPL-2.0
/* Messages, exit statuses, and memory that cannot be had. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"

/**
 * status_of_error() - the exit status that stands for an error
 * @error: a negative errno value
 *
 * Return: an exit status other than STATUS_OK.
 */
int status_of_error(int error)
{
	switch (-error) {
	case EINVAL:
	case EOVERFLOW:
		return STATUS_USAGE;
	case ENOENT:
		return STATUS_NO_REGION;
	case EACCES:
	case EPERM:
		return STATUS_PERMISSION;
	case EEXIST:
		return STATUS_EXISTS;
	case EDQUOT:
	case ENOSPC:
	case ENOMEM:
	case EFBIG:
	case EMFILE:
	case ENFILE:
		return STATUS_LIMIT;
	case EBUSY:
		return STATUS_BUSY;
	case ESTALE:
		return STATUS_STALE;
	default:
		return STATUS_FAILED;
	}
}

/**
 * fail() - say what could not be done, and why
 * @error: a negative errno value
 * @reason: why in this case; NULL for what @error means in general
 * @fmt: what: goes on after "cannot"
 *
 * Return: an exit status.
 */
int fail(int error, const char *reason, const char *fmt, ...)
{
	const char *name = strerror(-error);
	va_list args;

	if (!reason)
		reason = vmshm_error_message(error);

	fputs("vmshm: cannot ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	if (strcmp(reason, name))
		fprintf(stderr, ": %s (%s)\n", reason, name);
	else
		fprintf(stderr, ": %s\n", reason);

	return status_of_error(error);
}

/**
 * complain() - say something that is wrong
 * @fmt: what; no newline
 */
void complain(const char *fmt, ...)
{
	va_list args;

	fputs("vmshm: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
}

/**
 * usage() - say what is wrong with the command line
 * @verb: the verb
 * @fmt: what; no newline
 *
 * Return: STATUS_USAGE.
 */
int usage(const struct verb *verb, const char *fmt, ...)
{
	va_list args;

	fputs("vmshm: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	return verb_option(verb, '?');
}

/**
 * flush_stdout() - find out whether everything could be printed
 *
 * Return: STATUS_OK, or STATUS_FAILED after saying so.
 */
int flush_stdout(void)
{
	if (!fflush(stdout) && !ferror(stdout))
		return STATUS_OK;

	complain("cannot write to the standard output: %s", strerror(errno));
	return STATUS_FAILED;
}

/**
 * must() - give up if there is no memory
 * @allocated: what an allocation returned
 *
 * Return: @allocated, not NULL.
 */
void *must(void *allocated)
{
	if (allocated)
		return allocated;

	complain("out of memory");
	exit(STATUS_LIMIT);
}

/**
 * format() - print into a new string
 * @fmt: as printf(3)
 *
 * Return: a string to be freed.
 */
char *format(const char *fmt, ...)
{
	va_list args;
	char *text;
	int len;

	va_start(args, fmt);
	len = vasprintf(&text, fmt, args);
	va_end(args);

	return must(len < 0 ? NULL : text);
}
