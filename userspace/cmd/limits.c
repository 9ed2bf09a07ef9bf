// SPDX-License-Identifier: GPL-2.0
/* vmshm limits */

#include <stdint.h>
#include <stdlib.h>

#include "cmd.h"

static const struct option options[] = {
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static const struct name_of feature_names[] = {
	{ VMSHM_FEATURE_RESERVE, "reserve" },
	{ VMSHM_FEATURE_PINNABLE, "pinnable" },
	{ VMSHM_FEATURE_HUGE, "huge" },
	{ VMSHM_FEATURE_SEALS, "seals" },
	{ VMSHM_FEATURE_MEMBERS, "members" },
	{ VMSHM_FEATURE_WATCH, "watch" },
	{ VMSHM_FEATURE_LOG, "log" },
	{ VMSHM_FEATURE_PEERS, "peers" },
	{ VMSHM_FEATURE_KVM, "kvm" },
	{ 0, NULL },
};

/* Policies are numbers, and bits by their number. */
static json_t *json_of_policies(__u32 policies)
{
	const struct name_of *policy;
	json_t *array = must(json_array());

	for (policy = huge_names; policy->name; policy++)
		if (policies >> policy->value & 1)
			json_array_append_new(array,
					      json_string(policy->name));

	return array;
}

static int print_json(const struct vmshm_info *info)
{
	json_t *json = json_new();

	json_add_u64(json, "abi_version", info->out_abi_version);
	json_add_u64(json, "page_size", info->out_page_size);
	json_add(json, "features",
		 json_of_bits(feature_names, info->out_features));
	json_add(json, "huge_policies",
		 json_of_policies(info->out_huge_policies));
	json_add_u64(json, "name_max", info->out_name_max);
	json_add_u64(json, "max_size", info->out_max_size);
	json_add_u64(json, "bytes_total", info->out_bytes_total);
	json_add_u64(json, "bytes_user", info->out_bytes_user);
	json_add_u64(json, "bytes_used", info->out_bytes_used);
	json_add_u64(json, "regions_user", info->out_regions_user);
	json_add_u64(json, "regions_used", info->out_regions_used);
	json_add_u64(json, "meta_user", info->out_meta_user);
	json_add_u64(json, "meta_used", info->out_meta_used);
	json_add_u64(json, "watches_user", info->out_watches_user);
	json_add_u64(json, "peers_user", info->out_peers_user);
	json_add_u64(json, "peers_used", info->out_peers_used);
	json_add_u64(json, "events", info->out_events);
	json_add_u64(json, "registry", info->out_registry);
	return json_print(json);
}

static char *size_or_none(__u64 bytes)
{
	char text[SIZE_TEXT];

	return bytes > INT64_MAX ? format("none") :
				   format("%s", size_text(bytes, text));
}

static char *number_or_none(__u64 number)
{
	return number > INT64_MAX ? format("none") : format("%llu", number);
}

static void row(struct table *table, const char *what, char *limit, char *used)
{
	table_add(table, format("%s", what));
	table_add(table, limit);
	table_add(table, used);
}

static int print_table(const struct vmshm_info *info)
{
	static const struct column columns[] = {
		{ "WHAT", false },
		{ "LIMIT", true },
		{ "USED", true },
	};
	struct table table = {
		.columns = columns,
		.width = ARRAY_SIZE(columns),
	};

	row(&table, "memory, all users", size_or_none(info->out_bytes_total),
	    format("-"));
	row(&table, "memory, you", size_or_none(info->out_bytes_user),
	    size_or_none(info->out_bytes_used));
	row(&table, "regions, you", number_or_none(info->out_regions_user),
	    number_or_none(info->out_regions_used));
	row(&table, "kernel memory, you", size_or_none(info->out_meta_user),
	    size_or_none(info->out_meta_used));
	row(&table, "watches, you", number_or_none(info->out_watches_user),
	    format("-"));
	row(&table, "peers, you", number_or_none(info->out_peers_user),
	    number_or_none(info->out_peers_used));
	row(&table, "events in a watch", number_or_none(info->out_events),
	    format("-"));
	row(&table, "size of a region", size_or_none(info->out_max_size),
	    format("-"));
	row(&table, "length of a name", format("%u", info->out_name_max),
	    format("-"));
	table_print(&table);
	table_free(&table);
	return STATUS_OK;
}

static int show_limits(bool json)
{
	struct vmshm_context *context;
	struct vmshm_info info;
	int rc, status;

	status = open_context(&context);
	if (status)
		return status;

	rc = vmshm_context_info(context, &info, sizeof(info));
	if (rc)
		status = fail(rc, NULL, "ask for limits");
	else
		status = json ? print_json(&info) : print_table(&info);

	vmshm_context_close(context);
	return status;
}

static int run(int argc, char **argv)
{
	bool json = false;
	int option;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (option != OPTION_JSON)
			return verb_option(&verb_limits, option);
		json = true;
	}
	if (optind != argc)
		return usage(&verb_limits, "no argument is needed");

	return show_limits(json);
}

const struct verb verb_limits = {
	.name = "limits",
	.synopsis = "[OPTION]...",
	.summary = "show limits, and what you have used of them",
	.help =
	"Root sets the limits by parameters of the module.\n\n"
	HELP_JSON HELP_COMMON,
	.run = run,
};
