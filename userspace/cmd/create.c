// SPDX-License-Identifier: GPL-2.0
/* vmshm create */

#include <errno.h>
#include <stdlib.h>

#include "cmd.h"

enum {
	OPTION_EPHEMERAL = OPTION_FIRST_OF_VERB,
	OPTION_SHRINKABLE,
	OPTION_RESERVE,
	OPTION_PINNABLE,
	OPTION_NO_PUNCH,
	OPTION_LOG_READERS,
	OPTION_RING_READERS,
	OPTION_HUGE,
	OPTION_OPEN_EXISTING,
};

static const struct option options[] = {
	{ "size", required_argument, NULL, 's' },
	{ "max", required_argument, NULL, 'm' },
	{ "mode", required_argument, NULL, 'M' },
	{ "ephemeral", no_argument, NULL, OPTION_EPHEMERAL },
	{ "shrinkable", no_argument, NULL, OPTION_SHRINKABLE },
	{ "reserve", no_argument, NULL, OPTION_RESERVE },
	{ "pinnable", no_argument, NULL, OPTION_PINNABLE },
	{ "no-punch", no_argument, NULL, OPTION_NO_PUNCH },
	{ "log-readers", no_argument, NULL, OPTION_LOG_READERS },
	{ "ring-readers", no_argument, NULL, OPTION_RING_READERS },
	{ "huge", required_argument, NULL, OPTION_HUGE },
	{ "open-existing", no_argument, NULL, OPTION_OPEN_EXISTING },
	{ "owner", required_argument, NULL, OPTION_OWNER },
	{ "any-owner", no_argument, NULL, OPTION_ANY_OWNER },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/**
 * struct create_args - what the command line says
 * @options: for the library
 * @access: whose an existing region may be
 * @has_size: a size was given
 * @json: print JSON
 */
struct create_args {
	struct vmshm_region_create_options options;
	struct access access;
	bool has_size;
	bool json;
};

static __u32 flag_of_option(int option)
{
	switch (option) {
	case OPTION_EPHEMERAL:
		return VMSHM_EPHEMERAL;
	case OPTION_SHRINKABLE:
		return VMSHM_SHRINKABLE;
	case OPTION_RESERVE:
		return VMSHM_RESERVE;
	case OPTION_PINNABLE:
		return VMSHM_PINNABLE;
	case OPTION_NO_PUNCH:
		return VMSHM_NO_PUNCH;
	case OPTION_LOG_READERS:
		return VMSHM_LOG_READERS;
	case OPTION_RING_READERS:
		return VMSHM_RING_READERS;
	case OPTION_OPEN_EXISTING:
		return VMSHM_OPEN_EXISTING;
	default:
		return 0;
	}
}

static int create_option(struct create_args *args, int option)
{
	struct vmshm_region_create_options *opt = &args->options;
	char *names;

	switch (option) {
	case 's':
		if (parse_size(optarg, &opt->region_size))
			return usage(&verb_create, "'%s' is not a size",
				     optarg);
		args->has_size = true;
		return STATUS_OK;
	case 'm':
		if (parse_size(optarg, &opt->max_size))
			return usage(&verb_create, "'%s' is not a size",
				     optarg);
		return STATUS_OK;
	case 'M':
		if (parse_mode(optarg, &opt->mode) || !opt->mode)
			return usage(&verb_create,
				     "'%s' is not a mode from 1 to 0666",
				     optarg);
		return STATUS_OK;
	case OPTION_HUGE:
		if (!value_of_name(huge_names, optarg, &opt->huge))
			return STATUS_OK;
		names = list_of_names(huge_names);
		usage(&verb_create,
		      "'%s' is not a policy for huge pages, which are %s",
		      optarg, names);
		free(names);
		return STATUS_USAGE;
	case OPTION_OWNER:
	case OPTION_ANY_OWNER:
		return access_option(&verb_create, &args->access, option);
	case OPTION_JSON:
		args->json = true;
		return STATUS_OK;
	default:
		opt->flags |= flag_of_option(option);
		return STATUS_OK;
	}
}

/* What the errno alone leaves open; NULL if nothing. */
static const char *create_reason(int error,
				 const struct vmshm_context *context,
				 const struct vmshm_region_create_options *opt)
{
	struct vmshm_info info;

	switch (error) {
	case -EINVAL:
		if (!vmshm_context_info(context, &info, sizeof(info)) &&
		    (opt->max_size > info.out_max_size ||
		     opt->region_size > info.out_max_size))
			return "no region can be as large as that";
		return "the name is malformed";
	case -EACCES:
		if (opt->flags & VMSHM_OPEN_EXISTING)
			return "its domain is another user's, or it exists and you may not open it";
		return "its domain is another user's";
	case -ESTALE:
		return "it exists and belongs to another user, see --owner";
	case -EDQUOT:
		return "you have reached a limit, see 'vmshm limits'";
	case -ENOSPC:
		return "the system has reached a limit, see 'vmshm limits'";
	default:
		return NULL;
	}
}

static int create_region(const char *name, const struct create_args *args,
			 struct vmshm_region **region)
{
	const struct vmshm_region_create_options *opt = &args->options;
	struct vmshm_context *context;
	int rc, status;

	status = open_context(&context);
	if (status)
		return status;

	rc = vmshm_region_create(context, name, opt, region);
	if (rc)
		status = fail(rc, create_reason(rc, context, opt),
			      "create '%s'", name);
	vmshm_context_close(context);
	return status;
}

static int print_region(const char *name, const struct vmshm_region *region)
{
	struct vmshm_stat stat;
	json_t *json;
	int rc;

	rc = vmshm_region_stat(region, &stat, sizeof(stat));
	if (rc)
		return fail(rc, NULL, "look at '%s'", name);

	json = json_of_stat(&stat);
	json_add_bool(json, "created", vmshm_region_is_new(region));
	return json_print(json);
}

static int create(const char *name, const struct create_args *args,
		  char **command)
{
	struct vmshm_region *region;
	struct launch launch = {};
	int status;

	status = create_region(name, args, &region);
	if (status)
		return status;

	if (args->json)
		status = print_region(name, region);
	if (status || !command) {
		vmshm_region_close(region);
		return status;
	}

	launch_add(&launch, name, -1, region);
	status = launch_exec(&launch, command);
	launch_free(&launch);
	return status;
}

static int check_args(const struct create_args *args, char **command)
{
	const struct vmshm_region_create_options *opt = &args->options;

	if (!args->has_size)
		return usage(&verb_create, "no --size is given");
	if (opt->max_size && opt->max_size < opt->region_size)
		return usage(&verb_create, "--max is less than --size");
	if (command && !*command)
		return usage(&verb_create, "no command follows '--'");
	if (args->access.given && !(opt->flags & VMSHM_OPEN_EXISTING))
		return usage(&verb_create,
			     "--owner and --any-owner take --open-existing");
	if ((opt->flags & VMSHM_EPHEMERAL) && !command)
		return usage(&verb_create,
			     "an ephemeral region is gone as soon as nobody has it open: say '-- CMD' to run a command that holds it");

	return STATUS_OK;
}

static int run(int argc, char **argv)
{
	struct create_args args = {
		.options = { .size = sizeof(args.options) },
		.access = ACCESS_INIT,
	};
	char **command = split_command(&argc, argv);
	int option, status;

	while ((option = getopt_long(argc, argv, "s:m:h", options,
				     NULL)) != -1) {
		if (option == 'h' || option == '?')
			return verb_option(&verb_create, option);
		status = create_option(&args, option);
		if (status)
			return status;
	}
	if (argc - optind != 1)
		return usage(&verb_create, "one name is needed");

	status = check_args(&args, command);
	if (status)
		return status;

	args.options.owner_policy = args.access.options.owner_policy;
	args.options.owner = args.access.options.owner;
	return create(argv[optind], &args, command);
}

const struct verb verb_create = {
	.name = "create",
	.synopsis = "NAME --size=SIZE [OPTION]... [-- CMD [ARG]...]",
	.summary = "create a region",
	.help =
	"A SIZE is a number of bytes, or of K, M, G, T, P or E, the powers of 1024.\n"
	"The region stays until 'vmshm rm', unless it is ephemeral. With CMD, the\n"
	"command is run with the region open, and /proc/self/fd/N is put in place of\n"
	"@NAME@ in its arguments, as by 'vmshm exec'.\n\n"
	"  -s, --size=SIZE      size of the region\n"
	"  -m, --max=SIZE       what it may grow to; by default, the size\n"
	"      --mode=MODE      permission bits in octal; by default, 0600\n"
	"      --ephemeral      the name goes with the last user; takes CMD\n"
	"      --shrinkable     may be shrunk while it is mapped: users get SIGBUS\n"
	"      --reserve        allocate all memory now, and when it grows\n"
	"      --pinnable       for userfaultfd and long-term pins (RDMA, VFIO)\n"
	"      --no-punch       nobody can punch holes\n"
	"      --log-readers    who may only read can open dirty logs\n"
	"      --ring-readers   who may only read can ring others\n"
	"      --huge=POLICY    never, always, within-size or advise\n"
	"      --open-existing  it is no error if the region exists\n"
	"      --owner=USER     an existing region must belong to USER\n"
	"      --any-owner      an existing region may be anybody's; by default it\n"
	"                       must be yours or root's\n"
	HELP_JSON HELP_COMMON,
	.run = run,
};
