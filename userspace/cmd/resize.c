// SPDX-License-Identifier: GPL-2.0
/* vmshm resize */

#include <errno.h>
#include <stdlib.h>

#include "cmd.h"

static const struct option options[] = {
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* Why the kernel said no, as far as the region tells; to be freed. */
static char *resize_reason(int error, const struct vmshm_stat *stat, __u64 size)
{
	char text[SIZE_TEXT];

	switch (error) {
	case -EFBIG:
		return format("it may grow to %s at most",
			      size_text(stat->out_max_size, text));
	case -EPERM:
		return format("a seal forbids it to %s",
			      size < stat->out_region_size ? "shrink" : "grow");
	case -EBUSY:
		/* Nothing but bindings can be in the way of what is new. */
		if (size > stat->out_region_size)
			return format("a VM has something else there, or is kept busy");
		if (stat->out_bindings)
			return format("it is in use beyond the new size, see 'vmshm who'");
		if (stat->out_flags & VMSHM_PINNABLE)
			return format("it is pinnable and has been mapped");
		return format("it is mapped beyond the new size");
	case -EDQUOT:
		return format("its owner has reached a limit, see 'vmshm limits'");
	case -ENOSPC:
		if (stat->out_bindings)
			return format("a binding is out of slots, or the system at a limit");
		return NULL;
	default:
		return NULL;
	}
}

static int print_json(const struct vmshm_stat *stat, __u64 size)
{
	json_t *json = json_new();

	json_add_text(json, "name", stat->out_name);
	json_add_u64(json, "generation", stat->out_generation);
	json_add_u64(json, "size", size);
	json_add_u64(json, "old_size", stat->out_region_size);
	return json_print(json);
}

static int resize_region(const char *name, __u64 size, bool json)
{
	struct vmshm_region *region;
	char text[SIZE_TEXT];
	struct vmshm_stat stat;
	char *reason;
	int rc, status;

	status = open_any(name, 0, "resize", &region);
	if (status)
		return status;

	rc = vmshm_region_stat(region, &stat, sizeof(stat));
	if (rc) {
		status = fail(rc, NULL, "look at '%s'", name);
		goto close;
	}

	rc = vmshm_region_resize(region, size);
	if (rc) {
		reason = resize_reason(rc, &stat, size);
		status = fail(rc, reason, "resize '%s' to %s", name,
			      size_text(size, text));
		free(reason);
		goto close;
	}

	if (json)
		status = print_json(&stat, size);
close:
	vmshm_region_close(region);
	return status;
}

static int run(int argc, char **argv)
{
	bool json = false;
	__u64 size;
	int option;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (option != OPTION_JSON)
			return verb_option(&verb_resize, option);
		json = true;
	}
	if (argc - optind != 2)
		return usage(&verb_resize, "a name and a size are needed");
	if (parse_size(argv[optind + 1], &size))
		return usage(&verb_resize, "'%s' is not a size",
			     argv[optind + 1]);

	return resize_region(argv[optind], size, json);
}

const struct verb verb_resize = {
	.name = "resize",
	.synopsis = "[OPTION]... NAME SIZE",
	.summary = "change the size of a region",
	.help =
	"A SIZE is a number of bytes, or of K, M, G, T, P or E, the powers of 1024.\n"
	"What is new is zero. A region does not shrink below what is mapped, unless\n"
	"it was created as shrinkable.\n\n"
	HELP_JSON HELP_COMMON,
	.run = run,
};
