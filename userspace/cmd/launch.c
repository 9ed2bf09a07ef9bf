// SPDX-License-Identifier: GPL-2.0
/* Handing regions to a program: descriptors, and paths in its arguments. */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"

/**
 * split_command() - find the program behind "--"
 * @argc: number of arguments; becomes that of those before "--"
 * @argv: the arguments; ended where "--" was
 *
 * Return: the program and its arguments; NULL if there is no "--".
 */
char **split_command(int *argc, char **argv)
{
	int i;

	for (i = 1; i < *argc; i++)
		if (!strcmp(argv[i], "--")) {
			argv[i] = NULL;
			*argc = i;
			return argv + i + 1;
		}

	return NULL;
}

/**
 * launch_find() - look a region up
 * @launch: the regions
 * @name: what it is called
 *
 * Return: index of the first of that name, or -1.
 */
int launch_find(const struct launch *launch, const char *name)
{
	size_t i;

	for (i = 0; i < launch->count; i++)
		if (!strcmp(launch->names[i], name))
			return (int)i;

	return -1;
}

/**
 * launch_add() - add a region
 * @launch: the regions
 * @name: what it is called
 * @fd: the number its descriptor is to have, or -1 for any
 * @region: the region; belongs to @launch from now on
 */
void launch_add(struct launch *launch, const char *name, int fd,
		struct vmshm_region *region)
{
	size_t count = launch->count + 1;

	launch->regions = must(reallocarray(launch->regions, count,
					    sizeof(*launch->regions)));
	launch->names = must(reallocarray(launch->names, count,
					  sizeof(*launch->names)));
	launch->fds = must(reallocarray(launch->fds, count,
					sizeof(*launch->fds)));
	launch->regions[count - 1] = region;
	launch->names[count - 1] = format("%s", name);
	launch->fds[count - 1] = fd;
	launch->count = count;
}

/**
 * launch_free() - close all regions
 * @launch: the regions
 */
void launch_free(struct launch *launch)
{
	size_t i;

	for (i = 0; i < launch->count; i++) {
		vmshm_region_close(launch->regions[i]);
		free(launch->names[i]);
	}
	free(launch->regions);
	free(launch->names);
	free(launch->fds);
	memset(launch, 0, sizeof(*launch));
}

/**
 * placeholder() - find the first "@" in an argument, and what it means
 * @text: the argument, or the rest of it; *@text is '@'
 * @skip: set to the number of characters that it takes
 * @literal: set to whether it stands for "@"
 *
 * "@@" is a literal "@"; "@name@" stands for a region. An "@" that begins
 * neither is literal as well.
 *
 * Return: name of the region, to be freed; NULL if *@literal.
 */
char *placeholder(const char *text, size_t *skip, bool *literal)
{
	size_t len = 1;

	*literal = true;
	if (text[1] == '@') {
		*skip = 2;
		return NULL;
	}

	/* What can be in a name: the rest of the rules is the kernel's. */
	while (text[len] > ' ' && text[len] <= '~' && text[len] != '@')
		len++;
	if (text[len] != '@') {
		*skip = 1;
		return NULL;
	}

	*literal = false;
	*skip = len + 1;
	return must(strndup(text + 1, len - 1));
}

/* Puts paths in place of the names that are in @launch. */
static char *substitute(const struct launch *launch, const char *text)
{
	char *result = must(strdup(""));
	char *name, *longer;
	size_t skip;
	bool literal;
	int found;

	while (*text) {
		size_t plain = strcspn(text, "@");

		if (plain) {
			longer = format("%s%.*s", result, (int)plain, text);
			skip = plain;
		} else {
			name = placeholder(text, &skip, &literal);
			found = literal ? -1 : launch_find(launch, name);
			if (found >= 0)
				longer = format("%s/proc/self/fd/%d", result,
						launch->fds[found]);
			else
				longer = format("%s%.*s", result,
						literal ? 1 : (int)skip, text);
			free(name);
		}
		free(result);
		result = longer;
		text += skip;
	}

	return result;
}

/* Moves descriptors away from the numbers that were asked for. */
static int make_room(struct launch *launch, int **at)
{
	int highest = STDERR_FILENO;
	size_t i;
	int *now;

	for (i = 0; i < launch->count; i++)
		if (launch->fds[i] > highest)
			highest = launch->fds[i];

	/* No limit allows that, but there is a number behind the others. */
	if (highest == INT_MAX)
		return -EBADF;

	now = must(calloc(launch->count, sizeof(*now)));
	*at = now;
	for (i = 0; i < launch->count; i++) {
		now[i] = fcntl(vmshm_region_fd(launch->regions[i]),
			       F_DUPFD_CLOEXEC, highest + 1);
		if (now[i] < 0)
			return -errno;
	}

	return 0;
}

static int place(struct launch *launch, const int *at)
{
	size_t i;

	for (i = 0; i < launch->count; i++) {
		if (launch->fds[i] < 0) {
			launch->fds[i] = at[i];
			if (fcntl(at[i], F_SETFD, 0))
				return -errno;
		} else if (dup2(at[i], launch->fds[i]) < 0) {
			return -errno;
		}
	}

	return 0;
}

/**
 * launch_exec() - run a program in place of this one
 * @launch: its regions
 * @argv: the program and its arguments
 *
 * Return: an exit status, after saying what is wrong; otherwise never.
 */
int launch_exec(struct launch *launch, char **argv)
{
	size_t count = 0, i;
	int *at = NULL;
	char **args;
	int rc;

	rc = make_room(launch, &at);
	if (!rc)
		rc = place(launch, at);
	free(at);
	if (rc)
		return fail(rc, strerror(-rc),
			    "pass regions to '%s'", argv[0]);

	while (argv[count])
		count++;
	args = must(calloc(count + 1, sizeof(*args)));
	for (i = 0; i < count; i++)
		args[i] = substitute(launch, argv[i]);

	fflush(NULL);
	execvp(args[0], args);
	rc = errno;
	complain("cannot run '%s': %s", args[0], strerror(rc));
	for (i = 0; i < count; i++)
		free(args[i]);
	free(args);
	return rc == ENOENT ? STATUS_NOT_FOUND : STATUS_CANNOT_RUN;
}
