// SPDX-License-Identifier: GPL-2.0
/* vmshm peers */

#include <stdlib.h>
#include <string.h>

#include "cmd.h"

static const struct column columns[] = {
	{ "NUMBER", true },
	{ "NAME", false },
	{ "PID", true },
	{ "USER", false },
	{ "COMMAND", false },
	{ "VECTORS", true },
	{ "EVENTFDS", false },
	{ "PENDING", false },
	{ "RINGS", false },
	{ "SINCE", false },
	{ "STATE", false },
};

/* "0,2-4", the bits of a mask; "-" if there are none; to be freed. */
static char *vectors_text(__u64 bits)
{
	char *text = NULL, *longer;
	unsigned int first, last;

	for (first = 0; first < VMSHM_PEER_VECTORS_MAX; first = last + 1) {
		last = first;
		if (!(bits >> first & 1))
			continue;
		while (last + 1 < VMSHM_PEER_VECTORS_MAX &&
		       (bits >> (last + 1) & 1))
			last++;
		longer = last > first ?
			 format("%s%s%u-%u", text ? text : "", text ? "," : "",
				first, last) :
			 format("%s%s%u", text ? text : "", text ? "," : "",
				first);
		free(text);
		text = longer;
	}

	return text ? text : format("-");
}

/**
 * json_of_vectors() - vectors of a peer as a JSON array
 * @bits: a bit for each
 *
 * Return: an array of numbers.
 */
json_t *json_of_vectors(__u64 bits)
{
	json_t *array = must(json_array());
	unsigned int i;

	for (i = 0; i < VMSHM_PEER_VECTORS_MAX; i++)
		if (bits >> i & 1)
			json_array_append_new(array, json_integer(i));

	return array;
}

static void print_table(struct vmshm_peer_list *peers)
{
	struct table table = {
		.columns = columns,
		.width = ARRAY_SIZE(columns),
	};
	const struct vmshm_peer_info *info;

	while (vmshm_peer_list_next(peers, &info) > 0) {
		bool rings = info->flags & VMSHM_PEER_MAY_RING;
		bool exited = info->flags & VMSHM_PEER_EXITED;

		table_add(&table, format("%u", info->number));
		table_add(&table, info->name[0] ?
			  plain_text(info->name, sizeof(info->name)) :
			  format("-"));
		table_add(&table, info->pid ? format("%d", info->pid) :
					      format("-"));
		table_add(&table, user_text(info->uid));
		table_add(&table, plain_text(info->comm, sizeof(info->comm)));
		table_add(&table, format("%u", info->vectors));
		table_add(&table, vectors_text(info->eventfds));
		table_add(&table, vectors_text(info->pending));
		table_add(&table, format("%s", rings ? "yes" : "no"));
		table_add(&table, time_text(info->since_ns));
		table_add(&table, format("%s", exited ? "has ended" : "runs"));
	}

	if (table.count)
		table_print(&table);
	table_free(&table);
}

static json_t *json_of_peer(const struct vmshm_peer_info *info)
{
	char *comm = plain_text(info->comm, sizeof(info->comm));
	json_t *json = json_new();

	json_add_u64(json, "number", info->number);
	json_add_u64(json, "generation", info->generation);
	json_add(json, "name", info->name[0] ?
		 json_string((const char *)info->name) : json_null());
	json_add(json, "pid", info->pid ? json_integer(info->pid) :
					  json_null());
	json_add_u64(json, "uid", info->uid);
	json_add(json, "comm", json_string(comm));
	json_add_u64(json, "vectors", info->vectors);
	json_add(json, "eventfds", json_of_vectors(info->eventfds));
	json_add(json, "pending", json_of_vectors(info->pending));
	json_add_bool(json, "read", info->flags & VMSHM_PEER_READ);
	json_add_bool(json, "write", info->flags & VMSHM_PEER_WRITE);
	json_add_bool(json, "may_ring", info->flags & VMSHM_PEER_MAY_RING);
	json_add_bool(json, "exited", info->flags & VMSHM_PEER_EXITED);
	json_add_u64(json, "since_ns", info->since_ns);
	free(comm);
	return json;
}

static int print_json(const char *name, __u64 generation,
		      struct vmshm_peer_list *peers)
{
	const struct vmshm_peer_info *info;
	json_t *array = must(json_array());
	json_t *json = json_new();

	while (vmshm_peer_list_next(peers, &info) > 0)
		json_array_append_new(array, json_of_peer(info));
	json_add_text(json, "name", name);
	json_add_u64(json, "generation", generation);
	json_add(json, "peers", array);
	return json_print(json);
}

static int show_peers(const char *name, bool json)
{
	struct vmshm_peer_list *peers;
	struct vmshm_region *region;
	int rc, status;

	status = open_any(name, VMSHM_OPEN_RDONLY, "look at", &region);
	if (status)
		return status;

	rc = vmshm_peer_list_open(region, &peers);
	if (rc) {
		status = fail(rc, NULL, "look at the peers of '%s'", name);
		goto close;
	}

	if (json)
		status = print_json(name, vmshm_region_generation(region),
				    peers);
	else
		print_table(peers);
	vmshm_peer_list_close(peers);
close:
	vmshm_region_close(region);
	return status;
}

static int run(int argc, char **argv)
{
	return run_on_one(&verb_peers, argc, argv, show_peers);
}

const struct verb verb_peers = {
	.name = "peers",
	.synopsis = "[OPTION]... NAME",
	.summary = "show who shares a region and can be rung",
	.help =
	"The peers of the region's sharing group: those who joined it, not all who have\n"
	"it open (see 'vmshm who'). EVENTFDS and PENDING are vectors; RINGS says whether\n"
	"the peer may ring others. The name is what the peer calls itself.\n\n"
	HELP_JSON HELP_COMMON,
	.run = run,
};
