// SPDX-License-Identifier: GPL-2.0
/* vmshm seal */

#include <errno.h>
#include <stdlib.h>

#include "cmd.h"

static const struct option options[] = {
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static const char *seal_reason(int error)
{
	switch (error) {
	case -EPERM:
		return "it is sealed against seals";
	case -EBUSY:
		return "it can be written through a mapping, or is in use by a device";
	default:
		return NULL;
	}
}

static int print_json(const char *name, __u32 seals)
{
	json_t *json = json_new();

	json_add_text(json, "name", name);
	json_add(json, "seals", json_of_bits(seal_names, seals));
	return json_print(json);
}

static int seal_region(const char *name, __u32 add, bool json)
{
	struct vmshm_region *region;
	__u32 seals = 0;
	int rc, status;
	char *text;

	status = open_any(name, add ? 0 : VMSHM_OPEN_RDONLY, "seal", &region);
	if (status)
		return status;

	rc = add ? vmshm_region_add_seals(region, add) : 0;
	if (rc) {
		text = names_of_bits(seal_names, add);
		status = fail(rc, seal_reason(rc), "seal '%s' with %s", name,
			      text);
		free(text);
		goto close;
	}

	rc = vmshm_region_get_seals(region, &seals);
	if (rc) {
		status = fail(rc, NULL, "look at the seals of '%s'", name);
	} else if (json) {
		status = print_json(name, seals);
	} else if (!add) {
		text = names_of_bits(seal_names, seals);
		puts(text);
		free(text);
	}
close:
	vmshm_region_close(region);
	return status;
}

static int run(int argc, char **argv)
{
	bool json = false;
	__u32 add = 0, bit;
	int option, i;
	char *names;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (option != OPTION_JSON)
			return verb_option(&verb_seal, option);
		json = true;
	}
	if (optind == argc)
		return usage(&verb_seal, "a name is needed");

	for (i = optind + 1; i < argc; i++) {
		if (value_of_name(seal_names, argv[i], &bit)) {
			names = list_of_names(seal_names);
			usage(&verb_seal, "'%s' is not a seal, which are %s",
			      argv[i], names);
			free(names);
			return STATUS_USAGE;
		}
		add |= bit;
	}

	return seal_region(argv[optind], add, json);
}

const struct verb verb_seal = {
	.name = "seal",
	.synopsis = "[OPTION]... NAME [SEAL]...",
	.summary = "seal a region for ever, or show its seals",
	.help =
	"Without SEAL, shows the seals in force. A seal cannot be taken off:\n\n"
	"  seal          no further seals\n"
	"  shrink        the size cannot be lowered\n"
	"  grow          the size cannot be raised\n"
	"  write         contents cannot change\n"
	"  future-write  contents cannot change but through mappings that exist\n\n"
	HELP_JSON HELP_COMMON,
	.run = run,
};
