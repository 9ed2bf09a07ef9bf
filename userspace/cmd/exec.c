// SPDX-License-Identifier: GPL-2.0
/* vmshm exec */

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"

enum {
	OPTION_READONLY = OPTION_FIRST_OF_VERB,
};

static const struct option options[] = {
	{ "readonly", optional_argument, NULL, OPTION_READONLY },
	{ "owner", required_argument, NULL, OPTION_OWNER },
	{ "any-owner", no_argument, NULL, OPTION_ANY_OWNER },
	{ "generation", required_argument, NULL, OPTION_GENERATION },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/**
 * struct exec_args - what the command line says
 * @access: whose regions they may be
 * @readonly: open all for reading only
 * @readonly_names: names of those to be opened for reading only
 * @count: how many
 * @launch: the regions
 * @context: a context
 */
struct exec_args {
	struct access access;
	bool readonly;
	const char **readonly_names;
	size_t count;
	struct launch launch;
	struct vmshm_context *context;
};

static bool is_readonly(const struct exec_args *args, const char *name)
{
	size_t i;

	for (i = 0; i < args->count; i++)
		if (!strcmp(args->readonly_names[i], name))
			return true;

	return args->readonly;
}

static int add_region(struct exec_args *args, const char *name, int fd)
{
	struct access access = args->access;
	struct vmshm_region *region;
	int status;

	if (is_readonly(args, name))
		access.options.flags = VMSHM_OPEN_RDONLY;
	status = open_region(args->context, name, &access, "open", &region);
	if (!status)
		launch_add(&args->launch, name, fd, region);

	return status;
}

/* NAME or NAME=FD, where a name may contain "=" as well */
static int add_spec(struct exec_args *args, const char *spec)
{
	const char *equals = strrchr(spec, '=');
	int fd = -1, status;
	__u64 number;
	char *name;
	size_t i;

	if (equals && isdigit((unsigned char)equals[1]) &&
	    !parse_number(equals + 1, &number)) {
		if (number > INT_MAX)
			return usage(&verb_exec, "'%s' is not a descriptor",
				     equals + 1);
		fd = (int)number;
	}
	for (i = 0; i < args->launch.count; i++)
		if (fd >= 0 && args->launch.fds[i] == fd)
			return usage(&verb_exec,
				     "there are two regions for descriptor %d",
				     fd);

	name = must(fd < 0 ? strdup(spec) :
			     strndup(spec, (size_t)(equals - spec)));
	status = add_region(args, name, fd);
	free(name);
	return status;
}

/* Opens the regions that an argument speaks of. */
static int add_placeholders(struct exec_args *args, const char *text)
{
	int status = STATUS_OK;
	bool literal;
	size_t skip;
	char *name;

	while (!status && (text = strchr(text, '@'))) {
		name = placeholder(text, &skip, &literal);
		if (!literal && launch_find(&args->launch, name) < 0)
			status = add_region(args, name, -1);
		free(name);
		text += skip;
	}
	if (status == STATUS_NO_REGION || status == STATUS_USAGE)
		fputs("Write @@ where @ does not begin the name of a region.\n",
		      stderr);

	return status;
}

/* A name that is mistyped must not leave its region writable. */
static int check_readonly_names(const struct exec_args *args)
{
	size_t i;

	for (i = 0; i < args->count; i++)
		if (launch_find(&args->launch, args->readonly_names[i]) < 0)
			return usage(&verb_exec,
				     "--readonly=%s is none of the regions",
				     args->readonly_names[i]);

	return STATUS_OK;
}

static int exec(struct exec_args *args, char **specs, char **command)
{
	char **argument;
	int status;

	status = open_context(&args->context);
	for (; !status && *specs; specs++)
		status = add_spec(args, *specs);
	for (argument = command; !status && *argument; argument++)
		status = add_placeholders(args, *argument);
	vmshm_context_close(args->context);

	if (!status)
		status = check_readonly_names(args);
	if (!status)
		status = launch_exec(&args->launch, command);
	launch_free(&args->launch);
	return status;
}

static int exec_option(struct exec_args *args, int option)
{
	if (option != OPTION_READONLY)
		return access_option(&verb_exec, &args->access, option);

	if (!optarg) {
		args->readonly = true;
		return STATUS_OK;
	}

	args->readonly_names = must(reallocarray(args->readonly_names,
						 args->count + 1,
						 sizeof(const char *)));
	args->readonly_names[args->count++] = optarg;
	return STATUS_OK;
}

static int run_args(struct exec_args *args, int argc, char **argv)
{
	char **command = split_command(&argc, argv);
	int option, status;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (option == 'h' || option == '?')
			return verb_option(&verb_exec, option);
		status = exec_option(args, option);
		if (status)
			return status;
	}
	if (!command || !*command)
		return usage(&verb_exec, "'-- PROG [ARG]...' is needed");
	if (args->access.options.generation && argc - optind != 1)
		return usage(&verb_exec, "--generation takes one NAME");

	return exec(args, argv + optind, command);
}

static int run(int argc, char **argv)
{
	struct exec_args args = { .access = ACCESS_INIT };
	int status = run_args(&args, argc, argv);

	free(args.readonly_names);
	return status;
}

const struct verb verb_exec = {
	.name = "exec",
	.synopsis = "[OPTION]... [NAME[=FD]]... -- PROG [ARG]...",
	.summary = "run a program that takes regions for files",
	.help =
	"Opens regions and runs PROG, which inherits them: each NAME, as descriptor FD\n"
	"if one is given, and each name that stands between two @ in an ARG. Such\n"
	"a @name@ becomes /proc/self/fd/N, a path that programs can open; @@ is\n"
	"a literal @. For example:\n\n"
	"  vmshm exec -- qemu-system-x86_64 -object \\\n"
	"    memory-backend-file,id=m,size=64M,share=on,mem-path=@vm1/ram@\n\n"
	"      --readonly[=NAME]\n"
	"                       open the regions, or just NAME, for reading only\n"
	HELP_ACCESS HELP_COMMON,
	.run = run,
};
