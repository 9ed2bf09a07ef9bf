// SPDX-License-Identifier: GPL-2.0
/* vmshm ls */

#include <errno.h>
#include <stdlib.h>

#include "cmd.h"

enum {
	OPTION_NAMES = OPTION_FIRST_OF_VERB,
};

static const struct option options[] = {
	{ "long", no_argument, NULL, 'l' },
	{ "all-registries", no_argument, NULL, 'a' },
	{ "bytes", no_argument, NULL, 'b' },
	{ "names", no_argument, NULL, OPTION_NAMES },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static const struct column short_columns[] = {
	{ "NAME", false },
	{ "SIZE", true },
	{ "MAX", true },
	{ "RESIDENT", true },
	{ "OPENS", true },
	{ "MAPS", true },
	{ "MODE", false },
	{ "OWNER", false },
	{ "GENERATION", true },
};

static const struct column long_columns[] = {
	{ "NAME", false },
	{ "SIZE", true },
	{ "MAX", true },
	{ "RESIDENT", true },
	{ "OPENS", true },
	{ "MAPS", true },
	{ "MODE", false },
	{ "OWNER", false },
	{ "GENERATION", true },
	{ "GROUP", false },
	{ "ALLOCATED", true },
	{ "CHARGED", true },
	{ "HUGE", false },
	{ "FLAGS", false },
	{ "SEALS", false },
	{ "REGISTRY", true },
	{ "CREATED", false },
};

/**
 * struct ls - what to list, and what came of it
 * @options: for the library
 * @is_long: with all columns
 * @bytes: sizes in bytes
 * @names: nothing but names
 * @json: print JSON
 * @table: rows to be printed
 * @stream: JSON that is being printed
 */
struct ls {
	struct vmshm_region_list_options options;
	bool is_long;
	bool bytes;
	bool names;
	bool json;
	struct table table;
	struct json_stream stream;
};

static void add_size(struct ls *ls, __u64 bytes)
{
	char text[SIZE_TEXT];

	table_add(&ls->table, ls->bytes ? format("%llu", bytes) :
					  format("%s", size_text(bytes, text)));
}

static void add_row(struct ls *ls, const struct vmshm_stat *stat)
{
	struct table *table = &ls->table;

	table_add(table, format("%s", stat->out_name));
	add_size(ls, stat->out_region_size);
	add_size(ls, stat->out_max_size);
	add_size(ls, stat->out_resident);
	table_add(table, format("%u", stat->out_opens));
	/* Mappings of pinnable regions are not counted. */
	table_add(table, stat->out_flags & VMSHM_PINNABLE ?
		  format("-") : format("%u", stat->out_maps));
	table_add(table, format("%04o", stat->out_mode));
	table_add(table, user_text(stat->out_uid));
	table_add(table, format("%llu", stat->out_generation));
	if (!ls->is_long)
		return;

	table_add(table, group_text(stat->out_gid));
	add_size(ls, stat->out_allocated);
	add_size(ls, stat->out_charged);
	table_add(table, format("%s",
				name_of_value(huge_names, stat->out_huge)));
	table_add(table, names_of_bits(flag_names, stat->out_flags));
	table_add(table, names_of_bits(seal_names, stat->out_seals));
	table_add(table, format("%u", stat->out_registry));
	table_add(table, time_text(stat->out_ctime_ns));
}

static void ls_add(struct ls *ls, const struct vmshm_stat *stat)
{
	if (ls->json)
		json_stream_add(&ls->stream, json_of_stat(stat));
	else if (ls->names)
		puts((const char *)stat->out_name);
	else
		add_row(ls, stat);
}

static void ls_end(struct ls *ls)
{
	if (ls->json)
		json_stream_end(&ls->stream);
	else if (!ls->names && ls->table.count)
		table_print(&ls->table);
}

static const char *ls_reason(int error)
{
	switch (error) {
	case -EINVAL:
		return "no name can begin like this";
	case -EPERM:
		return "only root may see all registries";
	default:
		return NULL;
	}
}

static int ls(struct ls *ls, const struct vmshm_context *context)
{
	const struct vmshm_stat *stat;
	struct vmshm_region_list *list;
	int rc;

	rc = vmshm_region_list_open(context, &ls->options, &list);
	if (rc)
		return fail(rc, ls_reason(rc), "list regions");

	while ((rc = vmshm_region_list_next(list, &stat)) > 0)
		ls_add(ls, stat);

	vmshm_region_list_close(list);
	/* Not half an array. */
	if (!rc || ls->stream.started)
		ls_end(ls);

	return rc ? fail(rc, ls_reason(rc), "list regions") : STATUS_OK;
}

static int run(int argc, char **argv)
{
	struct ls args = {
		.options = { .size = sizeof(args.options) },
		.table = {
			.columns = short_columns,
			.width = ARRAY_SIZE(short_columns),
		},
	};
	struct vmshm_context *context;
	int option, status;

	while ((option = getopt_long(argc, argv, "lab1h", options,
				     NULL)) != -1) {
		switch (option) {
		case 'l':
			args.is_long = true;
			args.table.columns = long_columns;
			args.table.width = ARRAY_SIZE(long_columns);
			break;
		case 'a':
			args.options.flags = VMSHM_LIST_ALL;
			break;
		case 'b':
			args.bytes = true;
			break;
		case '1':
		case OPTION_NAMES:
			args.names = true;
			break;
		case OPTION_JSON:
			args.json = true;
			break;
		default:
			return verb_option(&verb_ls, option);
		}
	}
	if (argc - optind > 1)
		return usage(&verb_ls, "there is more than one prefix");
	args.options.prefix = argv[optind];

	status = open_context(&context);
	if (status)
		return status;

	status = ls(&args, context);
	vmshm_context_close(context);
	table_free(&args.table);
	return status;
}

const struct verb verb_ls = {
	.name = "ls",
	.synopsis = "[OPTION]... [PREFIX]",
	.summary = "list regions",
	.help =
	"Lists the regions that you may open, or those whose names begin with PREFIX.\n"
	"RESIDENT is what is in memory, OPENS and MAPS are the numbers of open files\n"
	"and of mappings, GENERATION is the number of the region.\n\n"
	"  -l, --long            show everything\n"
	"  -a, --all-registries  also the regions of other user namespaces (root)\n"
	"  -b, --bytes           show sizes in bytes\n"
	"  -1, --names           show nothing but names\n"
	HELP_JSON HELP_COMMON,
	.run = run,
};
