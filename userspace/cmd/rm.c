// SPDX-License-Identifier: GPL-2.0
/* vmshm rm */

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "cmd.h"

enum {
	OPTION_REGISTRY = OPTION_FIRST_OF_VERB,
};

static const struct option options[] = {
	{ "force", no_argument, NULL, 'f' },
	{ "generation", required_argument, NULL, OPTION_GENERATION },
	{ "registry", required_argument, NULL, OPTION_REGISTRY },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static const char *rm_reason(int error)
{
	switch (error) {
	case -EINVAL:
		return "the name is malformed";
	case -EPERM:
		return "neither it nor its domain is yours";
	case -ESTALE:
		return "it is another region than the one of that number";
	default:
		return NULL;
	}
}

static int rm(char *const *names,
	      const struct vmshm_region_unlink_options *opt, bool force,
	      bool json)
{
	struct json_stream stream = {};
	struct vmshm_context *context;
	int rc, status;

	status = open_context(&context);
	if (status)
		return status;

	/* One that cannot be removed does not save the others. */
	for (; *names; names++) {
		rc = vmshm_region_unlink(context, *names, opt);
		if (rc == -ENOENT && force)
			continue;
		if (rc)
			status = fail(rc, rm_reason(rc), "remove '%s'", *names);
		else if (json)
			json_stream_add(&stream, json_string(*names));
	}
	if (json)
		json_stream_end(&stream);

	vmshm_context_close(context);
	return status;
}

static int run(int argc, char **argv)
{
	struct vmshm_region_unlink_options opt = { .size = sizeof(opt) };
	bool json = false, force = false;
	int option;
	__u64 value;

	while ((option = getopt_long(argc, argv, "fh", options, NULL)) != -1) {
		switch (option) {
		case 'f':
			force = true;
			break;
		case OPTION_GENERATION:
			if (parse_number(optarg, &opt.generation) ||
			    !opt.generation)
				return usage(&verb_rm,
					     "'%s' is not the number of a region",
					     optarg);
			break;
		case OPTION_REGISTRY:
			if (parse_number(optarg, &value) || !value ||
			    value > UINT32_MAX)
				return usage(&verb_rm,
					     "'%s' is not the number of a registry",
					     optarg);
			opt.registry = (__u32)value;
			break;
		case OPTION_JSON:
			json = true;
			break;
		default:
			return verb_option(&verb_rm, option);
		}
	}
	if (optind == argc)
		return usage(&verb_rm, "a name is needed");
	if (opt.generation && argc - optind != 1)
		return usage(&verb_rm, "--generation takes one name only");

	return rm(argv + optind, &opt, force, json);
}

const struct verb verb_rm = {
	.name = "rm",
	.synopsis = "[OPTION]... NAME...",
	.summary = "take names of regions away",
	.help =
	"The memory lives as long as somebody has the region open or mapped. It takes\n"
	"being the owner of the region or of its domain.\n\n"
	"  -f, --force          it is no error if there is no such region\n"
	"      --generation=N   only if it is the region of this number\n"
	"      --registry=N     in the registry of this number (root), see\n"
	"                       'vmshm ls --long --all-registries'\n"
	HELP_JSON HELP_COMMON,
	.run = run,
};
