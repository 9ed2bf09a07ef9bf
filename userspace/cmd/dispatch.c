// SPDX-License-Identifier: GPL-2.0
/* From the command line to a verb. */

#include <ctype.h>
#include <string.h>

#include "cmd.h"

static const struct verb *const verbs[] = {
	&verb_create,
	&verb_ls,
	&verb_info,
	&verb_who,
	&verb_watch,
	&verb_peers,
	&verb_ring,
	&verb_wait,
	&verb_log,
	&verb_top,
	&verb_exec,
	&verb_cat,
	&verb_write,
	&verb_resize,
	&verb_seal,
	&verb_chmod,
	&verb_chown,
	&verb_rm,
	&verb_gc,
	&verb_domain,
	&verb_limits,
};

static const struct verb *find_verb(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(verbs); i++)
		if (!strcmp(verbs[i]->name, name))
			return verbs[i];

	return NULL;
}

static void print_help(FILE *file)
{
	size_t i;

	fputs("Usage: vmshm VERB [OPTION]... [ARGUMENT]...\n"
	      "Manage named, sized, resizable regions of shared memory.\n\n",
	      file);
	for (i = 0; i < ARRAY_SIZE(verbs); i++)
		fprintf(file, "  %-8s %s\n", verbs[i]->name,
			verbs[i]->summary);
	fputs("\n'vmshm VERB --help' tells more about each, and vmshm(1) all.\n",
	      file);
}

static void print_verb_help(const struct verb *verb)
{
	printf("Usage: vmshm %s %s\n%c%s.\n\n%s", verb->name, verb->synopsis,
	       toupper((unsigned char)verb->summary[0]), verb->summary + 1,
	       verb->help);
}

/**
 * verb_option() - handle what the verb itself does not
 * @verb: the verb
 * @option: what getopt_long() returned: 'h', or '?' after it said what is wrong
 *
 * Return: an exit status.
 */
int verb_option(const struct verb *verb, int option)
{
	if (option == 'h') {
		print_verb_help(verb);
		return STATUS_OK;
	}

	fprintf(stderr, "Try 'vmshm %s --help' for more information.\n",
		verb->name);
	return STATUS_USAGE;
}

/**
 * run_on_one() - run a verb that has no options of its own and wants a name
 * @verb: the verb
 * @argc: number of arguments
 * @argv: the arguments
 * @fn: does it; returns an exit status
 *
 * Return: an exit status.
 */
int run_on_one(const struct verb *verb, int argc, char **argv,
	       int (*fn)(const char *name, bool json))
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, OPTION_JSON },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	bool json = false;
	int option;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (option != OPTION_JSON)
			return verb_option(verb, option);
		json = true;
	}
	if (argc - optind != 1)
		return usage(verb, "one name is needed");

	return fn(argv[optind], json);
}

static int run_verb(const struct verb *verb, int argc, char **argv)
{
	/* What getopt_long() says begins with it. */
	char self[] = "vmshm";
	int status, flushed;

	argv[0] = self;
	optind = 0;
	status = verb->run(argc, argv);
	flushed = flush_stdout();
	return status ? status : flushed;
}

static int no_verb(const char *name)
{
	complain("there is no verb '%s'", name);
	fputs("Try 'vmshm --help' for more information.\n", stderr);
	return STATUS_USAGE;
}

static int help(int argc, char **argv)
{
	const struct verb *verb;

	if (argc < 3) {
		print_help(stdout);
		return flush_stdout();
	}

	verb = find_verb(argv[2]);
	if (!verb)
		return no_verb(argv[2]);

	print_verb_help(verb);
	return flush_stdout();
}

/**
 * cmd_main() - the command
 * @argc: number of arguments
 * @argv: the arguments, as main() gets them
 *
 * Return: an exit status.
 */
int cmd_main(int argc, char **argv)
{
	const struct verb *verb;

	if (argc < 2) {
		print_help(stderr);
		return STATUS_USAGE;
	}

	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		printf("vmshm %s\n", vmshm_library_version());
		return flush_stdout();
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") ||
	    !strcmp(argv[1], "help"))
		return help(argc, argv);

	verb = find_verb(argv[1]);
	if (!verb)
		return no_verb(argv[1]);

	return run_verb(verb, argc - 1, argv + 1);
}
