// SPDX-License-Identifier: GPL-2.0
/* vmshm-ivshmem-server: the command line, and the loop. */

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "server.h"

#define DEFAULT_VECTORS		1
#define DEFAULT_CLIENTS		256

enum {
	OPTION_OWNER = 256,
	OPTION_ANY_OWNER,
	OPTION_GENERATION,
	OPTION_REUSE_NUMBERS,
};

/**
 * struct options - the command line
 * @names: names of regions
 * @nr_names: how many
 * @paths: paths of their sockets
 * @nr_paths: as many, or none if sockets are passed on
 * @limits: what clients get
 * @mode: permission bits of sockets
 * @open: whose regions
 */
struct options {
	char **names;
	size_t nr_names;
	char **paths;
	size_t nr_paths;
	struct limits limits;
	mode_t mode;
	struct vmshm_region_open_options open;
};

static const char help[] =
"Usage: " PROGRAM " [OPTION]... NAME... --socket=PATH...\n"
"Let QEMU's ivshmem-doorbell devices share the regions NAME.\n"
"\n"
"  -s, --socket=PATH    listen on PATH: the first is for the first NAME, and so\n"
"                       on; by default systemd passes sockets on\n"
"  -m, --mode=MODE      permission bits of new sockets, octal (default 600)\n"
"  -n, --vectors=N      vectors of a client, 0 to 64 (default 1)\n"
"  -c, --max-clients=N  of each region at the same time (default 256)\n"
"      --reuse-numbers  tell clients also of peers whose number they have seen go;\n"
"                       not for QEMU\n"
"      --owner=USER     only if the region belongs to USER\n"
"      --any-owner      whoever the region belongs to; by default it must be\n"
"                       you or root\n"
"      --generation=N   only if it is the region of this number\n"
"  -v, --verbose        tell of every client that comes and goes\n"
"  -h, --help           print this\n"
"  -V, --version        print the version\n"
"\n"
"QEMU: -chardev socket,id=c,path=PATH -device ivshmem-doorbell,chardev=c,vectors=N\n";

static const struct option long_options[] = {
	{ "socket", required_argument, NULL, 's' },
	{ "mode", required_argument, NULL, 'm' },
	{ "vectors", required_argument, NULL, 'n' },
	{ "max-clients", required_argument, NULL, 'c' },
	{ "reuse-numbers", no_argument, NULL, OPTION_REUSE_NUMBERS },
	{ "owner", required_argument, NULL, OPTION_OWNER },
	{ "any-owner", no_argument, NULL, OPTION_ANY_OWNER },
	{ "generation", required_argument, NULL, OPTION_GENERATION },
	{ "verbose", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{}
};

static int try_help(void)
{
	fputs("Try '" PROGRAM " --help' for more information.\n", stderr);
	return STATUS_USAGE;
}

__attribute__((format(printf, 1, 2)))
static int usage(const char *fmt, ...)
{
	va_list args;

	fputs(PROGRAM ": ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	return try_help();
}

/* Return: 0; -EINVAL: not a number, or too large. */
static int parse_number(const char *text, int base, unsigned long long max,
			unsigned long long *number)
{
	char *end;

	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	errno = 0;
	*number = strtoull(text, &end, base);
	if (errno || *end || *number > max)
		return -EINVAL;
	return 0;
}

static int parse_owner(const char *text, struct vmshm_region_open_options *open)
{
	unsigned long long number;
	struct passwd *user;

	open->owner_policy = VMSHM_OWNER_ONLY;
	if (!parse_number(text, 10, 0xfffffffe, &number)) {
		open->owner = (__u32)number;
		return 0;
	}
	user = getpwnam(text);
	if (!user)
		return -EINVAL;
	open->owner = user->pw_uid;
	return 0;
}

/* Return: an exit status, or -1 to go on. */
static int parse_option(struct options *options, int option)
{
	unsigned long long number;

	switch (option) {
	case 's':
		options->paths[options->nr_paths++] = optarg;
		return -1;
	case 'm':
		if (parse_number(optarg, 8, 0777, &number))
			return usage("'%s' is not a mode", optarg);
		options->mode = (mode_t)number;
		return -1;
	case 'n':
		if (parse_number(optarg, 10, VMSHM_PEER_VECTORS_MAX, &number))
			return usage("'%s' is not a number of vectors", optarg);
		options->limits.vectors = (uint32_t)number;
		return -1;
	case 'c':
		if (parse_number(optarg, 10, VMSHM_PEER_NUMBER_MAX + 1,
				 &number) || !number)
			return usage("'%s' is not a number of clients", optarg);
		options->limits.clients = (size_t)number;
		return -1;
	case OPTION_REUSE_NUMBERS:
		options->limits.reuse_numbers = true;
		return -1;
	case OPTION_OWNER:
		if (parse_owner(optarg, &options->open))
			return usage("there is no user '%s'", optarg);
		return -1;
	case OPTION_ANY_OWNER:
		options->open.owner_policy = VMSHM_OWNER_ANY;
		return -1;
	case OPTION_GENERATION:
		/* To the library, 0 is any. */
		if (parse_number(optarg, 10, ~0ULL, &number) || !number)
			return usage("'%s' is not a generation", optarg);
		options->open.generation = number;
		return -1;
	case 'v':
		is_verbose = true;
		return -1;
	case 'h':
		fputs(help, stdout);
		break;
	case 'V':
		printf(PROGRAM " %s\n", vmshm_library_version());
		break;
	default:
		return try_help();
	}

	if (fflush(stdout) || ferror(stdout))
		return fail_system(-errno, "write to the standard output");
	return STATUS_OK;
}

/* Return: an exit status, or -1 to go on. */
static int parse(struct options *options, int argc, char **argv)
{
	int option, status;

	while ((option = getopt_long(argc, argv, "s:m:n:c:vhV", long_options,
				     NULL)) != -1) {
		status = parse_option(options, option);
		if (status >= 0)
			return status;
	}
	options->names = argv + optind;
	options->nr_names = (size_t)(argc - optind);
	if (!options->nr_names)
		return usage("no region is given");
	if (options->nr_paths && options->nr_paths != options->nr_names)
		return usage("there must be a socket for each region");
	if (options->open.generation && options->nr_names > 1)
		return usage("a generation is that of one region");
	return -1;
}

/*
 * The socket that systemd has for a region: the only one, or that of the
 * region's name.
 */
static int passed_socket(const struct options *options, const char *name,
			 char **fd_names, int count)
{
	int i;

	if (options->nr_names == 1 && count == 1)
		return SD_LISTEN_FDS_START;
	for (i = 0; i < count; i++)
		if (!strcmp(fd_names[i], name))
			return SD_LISTEN_FDS_START + i;
	return -ENOENT;
}

static int open_socket(const struct options *options, size_t i,
		       struct group *group, char **fd_names, int count)
{
	int fd, rc;

	if (!options->nr_paths) {
		fd = passed_socket(options, group->name, fd_names, count);
		if (fd < 0) {
			say(LEVEL_ERROR,
			    "there is no socket for region '%s': give --socket=PATH, or a socket unit with FileDescriptorName=%s",
			    group->name, group->name);
			return STATUS_USAGE;
		}
		rc = listen_passed(fd);
		if (rc)
			return fail_system(rc, "listen on descriptor %d", fd);
	} else {
		fd = listen_path(options->paths[i], options->mode);
		if (fd < 0)
			return fail_system(fd, "listen on '%s'", options->paths[i]);
		group->path = strdup(options->paths[i]);
		if (!group->path) {
			unlink(options->paths[i]);
			close(fd);
			return fail_system(-ENOMEM, "listen on '%s'",
				    options->paths[i]);
		}
	}

	rc = listen_start(group, fd);
	if (rc) {
		close(fd);
		return fail_system(rc, "take clients of '%s'", group->name);
	}
	return STATUS_OK;
}

static int open_group(const struct options *options, size_t i,
		      sd_event *event, const struct vmshm_context *context,
		      struct group **groups, char **fd_names, int count)
{
	struct group *group;
	int status;

	group = calloc(1, sizeof(*group));
	if (!group)
		return fail_system(-ENOMEM, "serve region '%s'", options->names[i]);

	group->next = *groups;
	*groups = group;
	group->event = event;
	group->name = options->names[i];
	group->limits = options->limits;
	status = group_new(group, context, &options->open);
	if (status)
		return status;
	return open_socket(options, i, group, fd_names, count);
}

static int open_groups(const struct options *options, sd_event *event,
		       const struct vmshm_context *context,
		       struct group **groups)
{
	char **fd_names = NULL;
	int count, status = STATUS_OK;
	size_t i;

	count = sd_listen_fds_with_names(1, &fd_names);
	if (count < 0)
		return fail_system(count, "find out which sockets were passed on");

	for (i = 0; i < options->nr_names && !status; i++)
		status = open_group(options, i, event, context, groups,
				    fd_names, count);
	for (i = 0; i < (size_t)count; i++)
		free(fd_names[i]);
	free(fd_names);
	return status;
}

/* Clients have a descriptor each, and so has each of their peers. */
static void raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	/* If not, clients that are too many are told so. */
	setrlimit(RLIMIT_NOFILE, &limit);
}

static int prepare(sd_event *event)
{
	int rc;

	rc = sd_event_add_signal(event, NULL, SIGTERM | SD_EVENT_SIGNAL_PROCMASK,
				 NULL, NULL);
	if (rc >= 0)
		rc = sd_event_add_signal(event, NULL,
					 SIGINT | SD_EVENT_SIGNAL_PROCMASK,
					 NULL, NULL);
	if (rc >= 0)
		rc = sd_event_set_watchdog(event, true);
	return rc;
}

static int serve(const struct options *options, sd_event *event)
{
	struct vmshm_context *context = NULL;
	struct group *groups = NULL, *group;
	int rc, status;

	rc = prepare(event);
	if (rc < 0)
		return fail_system(rc, "begin");
	rc = vmshm_context_open(NULL, &context);
	if (rc == -ENOENT)
		say(LEVEL_ERROR, "there is no " VMSHM_DEVICE
		    ": the module is not loaded");
	else if (rc)
		fail(rc, "open " VMSHM_DEVICE);
	if (rc)
		return rc == -EACCES ? STATUS_PERMISSION : STATUS_FAILED;

	status = open_groups(options, event, context, &groups);
	if (!status) {
		sd_notifyf(0, "READY=1\nSTATUS=%zu region(s)",
			   options->nr_names);
		/* What sd_event_exit() was told, 0 by signals. */
		rc = sd_event_loop(event);
		status = rc < 0 ? fail_system(rc, "go on") : rc;
		sd_notify(0, "STOPPING=1");
	}

	while (groups) {
		group = groups;
		groups = group->next;
		group_free(group);
	}
	vmshm_context_close(context);
	return status;
}

int main(int argc, char **argv)
{
	struct options options = {
		.limits = { DEFAULT_VECTORS, DEFAULT_CLIENTS, false },
		.mode = 0600,
		.open = { .size = sizeof(options.open) },
	};
	sd_event *event = NULL;
	int rc, status;

	options.paths = calloc((size_t)argc, sizeof(*options.paths));
	if (!options.paths)
		return fail_system(-ENOMEM, "begin");

	status = parse(&options, argc, argv);
	if (status < 0) {
		raise_limit();
		rc = sd_event_new(&event);
		status = rc < 0 ? fail_system(rc, "begin") : serve(&options, event);
		sd_event_unref(event);
	}
	free(options.paths);
	return status;
}
