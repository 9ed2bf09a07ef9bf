// SPDX-License-Identifier: GPL-2.0
/* vmshm gc */

#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "cmd.h"

enum {
	OPTION_PREFIX = OPTION_FIRST_OF_VERB,
	OPTION_OLDER_THAN,
};

static const struct option options[] = {
	{ "dry-run", no_argument, NULL, 'n' },
	{ "all-registries", no_argument, NULL, 'a' },
	{ "prefix", required_argument, NULL, OPTION_PREFIX },
	{ "older-than", required_argument, NULL, OPTION_OLDER_THAN },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/**
 * struct gc - what to remove, and what came of it
 * @options: which regions to look at
 * @before_ns: only those created before, CLOCK_REALTIME
 * @dry_run: remove nothing
 * @json: print JSON
 * @context: a context
 * @bytes: memory that the removed ones had
 * @count: number of them
 * @stream: JSON that is being printed
 * @status: exit status so far
 */
struct gc {
	struct vmshm_region_list_options options;
	__u64 before_ns;
	bool dry_run;
	bool json;
	struct vmshm_context *context;
	__u64 bytes;
	__u64 count;
	struct json_stream stream;
	int status;
};

/* Mappings of pinnable regions are not counted, but they are listed. */
static bool is_mapped(const struct gc *gc, const struct vmshm_stat *stat)
{
	const struct vmshm_region_open_options opt = {
		.size = sizeof(opt),
		.generation = stat->out_generation,
		.owner_policy = VMSHM_OWNER_ANY,
	};
	const char *name = (const char *)stat->out_name;
	const struct vmshm_member *member;
	struct vmshm_member_list *list;
	struct vmshm_region *region;
	bool mapped = false;

	if (!(stat->out_flags & VMSHM_PINNABLE))
		return stat->out_maps;

	/* What cannot be looked at may be in use. */
	if (gc->options.flags & VMSHM_LIST_ALL ||
	    vmshm_region_open(gc->context, name, &opt, &region))
		return true;
	if (vmshm_member_list_open(region, &list)) {
		mapped = true;
	} else {
		while (vmshm_member_list_next(list, &member))
			if (member->type == VMSHM_MEMBER_MAP)
				mapped = true;
		vmshm_member_list_close(list);
	}
	vmshm_region_close(region);
	return mapped;
}

static bool is_mine(const struct vmshm_stat *stat)
{
	return !geteuid() || stat->out_uid == geteuid() ||
	       stat->out_domain_uid == geteuid();
}

static bool is_garbage(const struct gc *gc, const struct vmshm_stat *stat)
{
	/* The former go by themselves, the latter with their device. */
	const __u32 not_ours = VMSHM_EPHEMERAL | VMSHM_DEVICE_MEMORY;

	return !(stat->out_flags & not_ours) && !stat->out_opens &&
	       !stat->out_bindings && stat->out_ctime_ns < gc->before_ns && is_mine(stat) &&
	       !is_mapped(gc, stat);
}

/* Somebody may have opened it since it was listed. */
static bool is_garbage_still(const struct gc *gc, const struct vmshm_stat *stat)
{
	const char *name = (const char *)stat->out_name;
	struct vmshm_stat now;

	if (gc->options.flags & VMSHM_LIST_ALL)
		return true;

	return !vmshm_region_find(gc->context, name, &now, sizeof(now)) &&
	       now.out_generation == stat->out_generation &&
	       is_garbage(gc, &now);
}

static int remove_region(const struct gc *gc, const struct vmshm_stat *stat)
{
	const struct vmshm_region_unlink_options opt = {
		.size = sizeof(opt),
		.generation = stat->out_generation,
		.registry = gc->options.flags & VMSHM_LIST_ALL ?
			    stat->out_registry : 0,
	};

	if (gc->dry_run)
		return 0;

	return vmshm_region_unlink(gc->context, (const char *)stat->out_name,
				   &opt);
}

static void collect(struct gc *gc, const struct vmshm_stat *stat)
{
	char text[SIZE_TEXT];
	int rc;

	if (!is_garbage(gc, stat) || !is_garbage_still(gc, stat))
		return;

	rc = remove_region(gc, stat);
	/* Gone by now, or another one: as good. */
	if (rc == -ENOENT || rc == -ESTALE)
		return;
	if (rc) {
		gc->status = fail(rc, NULL, "remove '%s'", stat->out_name);
		return;
	}

	gc->count++;
	gc->bytes += stat->out_charged;
	if (gc->json)
		json_stream_add(&gc->stream, json_of_stat(stat));
	else
		printf("%s %s (%s)\n",
		       gc->dry_run ? "would remove" : "removed",
		       stat->out_name, size_text(stat->out_charged, text));
}

static void finish(struct gc *gc)
{
	char text[SIZE_TEXT];

	if (gc->json)
		json_stream_end(&gc->stream);
	else if (gc->count > 1)
		printf("%llu regions, %s\n", gc->count,
		       size_text(gc->bytes, text));
}

static int gc(struct gc *gc)
{
	const struct vmshm_stat *stat;
	struct vmshm_region_list *list;
	int rc;

	rc = vmshm_region_list_open(gc->context, &gc->options, &list);
	if (!rc) {
		while ((rc = vmshm_region_list_next(list, &stat)) > 0)
			collect(gc, stat);
		vmshm_region_list_close(list);
		finish(gc);
	}
	if (rc)
		return fail(rc, rc == -EPERM ?
			    "only root may see all registries" : NULL,
			    "list regions");

	return gc->status;
}

static int gc_option(struct gc *gc, int option)
{
	__u64 age;

	switch (option) {
	case 'n':
		gc->dry_run = true;
		return STATUS_OK;
	case 'a':
		gc->options.flags = VMSHM_LIST_ALL;
		return STATUS_OK;
	case OPTION_PREFIX:
		gc->options.prefix = optarg;
		return STATUS_OK;
	case OPTION_OLDER_THAN:
		if (parse_age(optarg, &age))
			return usage(&verb_gc, "'%s' is not an age, such as 90s, 10m, 2h or 1d",
				     optarg);
		gc->before_ns = age < gc->before_ns ? gc->before_ns - age : 0;
		return STATUS_OK;
	default:
		gc->json = true;
		return STATUS_OK;
	}
}

static int run(int argc, char **argv)
{
	struct gc args = { .options = { .size = sizeof(args.options) } };
	struct timespec now;
	int option, status;

	/* Cannot fail, see monotonic_ns(). */
	clock_gettime(CLOCK_REALTIME, &now);
	args.before_ns = (__u64)now.tv_sec * NS_PER_SECOND +
			 (__u64)now.tv_nsec;

	while ((option = getopt_long(argc, argv, "nah", options, NULL)) != -1) {
		if (option == 'h' || option == '?')
			return verb_option(&verb_gc, option);
		status = gc_option(&args, option);
		if (status)
			return status;
	}
	if (optind != argc)
		return usage(&verb_gc, "no argument is needed, see --prefix");

	status = open_context(&args.context);
	if (status)
		return status;

	status = gc(&args);
	vmshm_context_close(args.context);
	return status;
}

const struct verb verb_gc = {
	.name = "gc",
	.synopsis = "[OPTION]...",
	.summary = "remove regions that nobody uses",
	.help =
	"Removes the persistent regions, of those you may remove, which nobody has open\n"
	"or mapped. What is in them is lost: try --dry-run first.\n\n"
	"  -n, --dry-run         remove nothing, only show what would be removed\n"
	"  -a, --all-registries  also in other user namespaces (root)\n"
	"      --prefix=PREFIX   only those whose names begin with PREFIX\n"
	"      --older-than=AGE  only those created before: 90s, 10m, 2h, 1d\n"
	HELP_JSON HELP_COMMON,
	.run = run,
};
