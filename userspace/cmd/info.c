// SPDX-License-Identifier: GPL-2.0
/* vmshm info */

#include <errno.h>
#include <stdlib.h>

#include "cmd.h"

static void line(const char *what, char *value)
{
	printf("%-11s %s\n", what, value);
	free(value);
}

static void line_size(const char *what, __u64 bytes)
{
	char text[SIZE_TEXT];

	size_text(bytes, text);
	if (bytes < 1024)
		line(what, format("%s", text));
	else
		line(what, format("%s (%llu bytes)", text, bytes));
}

static void line_user(const char *what, __u32 uid)
{
	char *user = user_text(uid);

	line(what, format("%s (%u)", user, uid));
	free(user);
}

static void print_stat(const struct vmshm_stat *stat)
{
	char *group = group_text(stat->out_gid);

	line("name", format("%s", stat->out_name));
	line("generation", format("%llu", stat->out_generation));
	line_size("size", stat->out_region_size);
	line_size("maximum", stat->out_max_size);
	line_size("resident", stat->out_resident);
	line_size("allocated", stat->out_allocated);
	line_size("charged", stat->out_charged);
	line("opens", format("%u", stat->out_opens));
	line("maps", stat->out_flags & VMSHM_PINNABLE ?
	     format("not counted") : format("%u", stat->out_maps));
	line("logs", format("%u", stat->out_logs));
	line("bindings", format("%u", stat->out_bindings));
	line("faults", format("%llu", stat->out_faults));
	line("mode", format("%04o", stat->out_mode));
	line_user("owner", stat->out_uid);
	line("group", format("%s (%u)", group, stat->out_gid));
	line_user("domain", stat->out_domain_uid);
	line("flags", names_of_bits(flag_names, stat->out_flags));
	line("huge pages", format("%s",
				  name_of_value(huge_names, stat->out_huge)));
	line("seals", names_of_bits(seal_names, stat->out_seals));
	line("created", time_text(stat->out_ctime_ns));
	line("last event", format("%llu", stat->out_seq));
	line("inode", format("%llu", stat->out_ino));
	line("registry", format("%u", stat->out_registry));
	free(group);
}

/* Not being listed can also mean that the caller may not open it. */
static int not_found(const struct vmshm_context *context, const char *name)
{
	struct access access = ACCESS_INIT;
	struct vmshm_region *region;
	int status;

	access.options.owner_policy = VMSHM_OWNER_ANY;
	status = open_region(context, name, &access, "look at", &region);
	if (status)
		return status;

	/* It has come meanwhile, and may be gone again. */
	vmshm_region_close(region);
	return fail(-ENOENT, NULL, "look at '%s'", name);
}

static int info(const char *name, bool json)
{
	struct vmshm_context *context;
	struct vmshm_stat stat;
	int rc, status;

	status = open_context(&context);
	if (status)
		return status;

	rc = vmshm_region_find(context, name, &stat, sizeof(stat));
	if (rc == -ENOENT)
		status = not_found(context, name);
	else if (rc)
		status = fail(rc, rc == -EINVAL ? "the name is malformed" : NULL,
			      "look at '%s'", name);
	else if (json)
		status = json_print(json_of_stat(&stat));
	else
		print_stat(&stat);

	vmshm_context_close(context);
	return status;
}

static int run(int argc, char **argv)
{
	return run_on_one(&verb_info, argc, argv, info);
}

const struct verb verb_info = {
	.name = "info",
	.synopsis = "[OPTION]... NAME",
	.summary = "show everything about a region",
	.help =
	"The region is not opened for that.\n\n"
	HELP_JSON HELP_COMMON,
	.run = run,
};
