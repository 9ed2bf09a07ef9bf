// SPDX-License-Identifier: GPL-2.0
/* vmshm top */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"

#define STRIP_WIDTH	32

static const struct option options[] = {
	{ "rounds", required_argument, NULL, 'n' },
	{ "interval", required_argument, NULL, 'i' },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static const struct column columns[] = {
	{ "NAME", false },
	{ "SIZE", true },
	{ "RESIDENT", true },
	{ "OPENS", true },
	{ "MAPS", true },
	{ "DIRTY/s", true },
	{ "WRITES", false },
};

/**
 * struct watched - a region that is looked at round by round
 * @next: another one
 * @generation: number of the region
 * @log: its log, or NULL
 * @no_log: it cannot have one, or may not
 * @stat: what it is now
 * @begun_ns: when the round began
 * @interval_ns: how long it took
 * @pages: dirty pages of this round
 * @heat: dirty pages in each part of the region
 */
struct watched {
	struct watched *next;
	__u64 generation;
	struct vmshm_log *log;
	bool no_log;
	struct vmshm_stat stat;
	__u64 begun_ns;
	__u64 interval_ns;
	__u64 pages;
	__u64 heat[STRIP_WIDTH];
};

/**
 * struct top - what to show, and what is known
 * @prefix: names begin with this, or NULL
 * @rounds: end after so many; 0 means never
 * @interval_ns: length of a round
 * @json: print JSON
 * @page_size: bytes
 * @context: the device
 * @first: regions that are looked at, by name
 * @stream: JSON that is being printed
 */
struct top {
	const char *prefix;
	__u64 rounds;
	__u64 interval_ns;
	bool json;
	__u64 page_size;
	struct vmshm_context *context;
	struct watched *first;
	struct json_stream stream;
};

static void forget(struct watched *watched)
{
	vmshm_log_close(watched->log);
	free(watched);
}

/*
 * The region is not kept open: that would be counted, and an ephemeral one would
 * keep its name. What there is too little of now may be there in the next round.
 */
static void open_log(const struct top *top, struct watched *watched)
{
	struct vmshm_region_open_options opt = {
		.size = sizeof(opt),
		.owner_policy = VMSHM_OWNER_ANY,
		.generation = watched->generation,
	};
	const char *name = (const char *)watched->stat.out_name;
	struct vmshm_region *region;
	int rc;

	rc = vmshm_region_open(top->context, name, &opt, &region);
	if (rc == -EACCES && watched->stat.out_flags & VMSHM_LOG_READERS) {
		opt.flags = VMSHM_OPEN_RDONLY;
		rc = vmshm_region_open(top->context, name, &opt, &region);
	}
	if (!rc) {
		rc = vmshm_log_open(region, NULL, &watched->log);
		vmshm_region_close(region);
	}
	if (!rc)
		watched->begun_ns = monotonic_ns();
	watched->no_log = rc == -EACCES || rc == -EPERM || rc == -EOPNOTSUPP;
}

/* The list comes in the order of names, and so is ours. */
static int update(struct top *top)
{
	struct vmshm_region_list_options opt = {
		.size = sizeof(opt),
		.prefix = top->prefix,
	};
	struct watched **at = &top->first, *watched;
	const struct vmshm_stat *stat;
	struct vmshm_region_list *list;
	int rc;

	rc = vmshm_region_list_open(top->context, &opt, &list);
	if (rc)
		return rc;
	while ((rc = vmshm_region_list_next(list, &stat)) > 0) {
		while (*at && strcmp((char *)(*at)->stat.out_name,
				     (const char *)stat->out_name) < 0) {
			watched = *at;
			*at = watched->next;
			forget(watched);
		}
		if (!*at || (*at)->generation != stat->out_generation) {
			watched = must(calloc(1, sizeof(*watched)));
			watched->generation = stat->out_generation;
			watched->begun_ns = monotonic_ns();
			watched->next = *at;
			*at = watched;
		}
		watched = *at;
		watched->stat = *stat;
		if (!watched->log && !watched->no_log)
			open_log(top, watched);
		at = &watched->next;
	}
	vmshm_region_list_close(list);
	while (!rc && *at) {
		watched = *at;
		*at = watched->next;
		forget(watched);
	}
	return rc;
}

static void heat_add(struct watched *watched, __u64 page_size,
		     const struct vmshm_log_range *range)
{
	__u64 pages = (watched->stat.out_region_size + page_size - 1) /
		page_size;
	__u64 page, at;

	for (page = range->first_page;
	     page < range->first_page + range->nr_pages && page < pages;
	     page++) {
		/* No overflow: a region has less than 2^63 bytes. */
		at = page * STRIP_WIDTH / pages;
		watched->heat[at]++;
	}
}

static int read_log(const struct top *top, struct watched *watched)
{
	const struct vmshm_log_range *range;
	__u64 now;
	int rc;

	now = monotonic_ns();
	watched->interval_ns = now - watched->begun_ns;
	watched->begun_ns = now;
	memset(watched->heat, 0, sizeof(watched->heat));
	watched->pages = 0;
	if (!watched->log)
		return 0;
	rc = vmshm_log_begin(watched->log, 0);
	while (!rc && (rc = vmshm_log_next(watched->log, &range)) > 0) {
		heat_add(watched, top->page_size, range);
		rc = 0;
	}
	watched->pages = vmshm_log_pages(watched->log);
	return rc;
}

/* Shades from nothing to all pages of the part; to be freed. */
static char *strip(const struct watched *watched, __u64 page_size)
{
	static const char shades[] = " .:-=+*#%@";
	__u64 pages = (watched->stat.out_region_size + page_size - 1) /
		page_size;
	__u64 part = pages / STRIP_WIDTH + !!(pages % STRIP_WIDTH);
	char text[STRIP_WIDTH + 1];
	size_t i;

	if (!watched->log)
		return format("(no log)");
	for (i = 0; i < STRIP_WIDTH; i++) {
		__u64 shade = part ? (watched->heat[i] * 9 + part - 1) / part :
			0;

		text[i] = shades[shade > 9 ? 9 : shade];
	}
	text[i] = 0;
	return format("[%s]", text);
}

static void add_row(const struct top *top, struct table *table,
		    const struct watched *watched)
{
	const struct vmshm_stat *stat = &watched->stat;
	double seconds = (double)watched->interval_ns / (double)NS_PER_SECOND;
	double bytes = (double)(watched->pages * top->page_size);
	double rate = seconds > 0 ? bytes / seconds : 0;
	char text[SIZE_TEXT];

	table_add(table, format("%s", stat->out_name));
	table_add(table, format("%s", size_text(stat->out_region_size, text)));
	table_add(table, format("%s", size_text(stat->out_resident, text)));
	table_add(table, format("%u", stat->out_opens));
	table_add(table, stat->out_flags & VMSHM_PINNABLE ? format("-") :
		  format("%u", stat->out_maps));
	table_add(table, watched->log ?
		  format("%s", size_text((__u64)rate, text)) : format("-"));
	table_add(table, strip(watched, top->page_size));
}

static json_t *json_of_watched(const struct watched *watched)
{
	json_t *json = must(json_of_stat(&watched->stat));
	json_t *heat = must(json_array());
	size_t i;

	for (i = 0; i < STRIP_WIDTH; i++)
		json_array_append_new(heat, json_u64(watched->heat[i]));
	json_object_set_new(json, "logged", json_boolean(watched->log));
	json_object_set_new(json, "dirty_pages", json_u64(watched->pages));
	json_object_set_new(json, "interval_ns",
			    json_u64(watched->interval_ns));
	json_object_set_new(json, "heat", heat);
	return json;
}

static void show(struct top *top)
{
	struct table table = {
		.columns = columns,
		.width = ARRAY_SIZE(columns),
	};
	const struct watched *watched;
	json_t *json = top->json ? must(json_array()) : NULL;

	for (watched = top->first; watched; watched = watched->next) {
		if (json)
			json_array_append_new(json, json_of_watched(watched));
		else
			add_row(top, &table, watched);
	}
	if (json) {
		json_stream_add(&top->stream, json);
		return;
	}
	/* On a terminal each round takes the place of the one before. */
	if (isatty(STDOUT_FILENO))
		fputs("\033[H\033[J", stdout);
	if (table.count)
		table_print(&table);
	else
		puts("no regions");
	table_free(&table);
}

static int one_round(struct top *top)
{
	struct watched *watched;
	int rc;

	rc = interrupts_wait(-1, &top->interval_ns);
	if (!rc)
		rc = update(top);
	if (rc)
		return rc;
	for (watched = top->first; watched; watched = watched->next) {
		rc = read_log(top, watched);
		if (rc && rc != -EINTR)
			return rc;
	}
	show(top);
	return fflush(stdout) ? -EPIPE : 0;
}

static int run_rounds(struct top *top)
{
	struct vmshm_info info;
	__u64 round = 0;
	int rc;

	rc = vmshm_context_info(top->context, &info, sizeof(info));
	if (rc)
		return rc;
	top->page_size = info.out_page_size;
	interrupts_catch();
	rc = update(top);
	if (rc)
		return rc;
	while (!interrupted() && (!top->rounds || round++ < top->rounds)) {
		rc = one_round(top);
		if (rc)
			return rc;
	}
	return 0;
}

static int run(int argc, char **argv)
{
	struct top top = { .interval_ns = NS_PER_SECOND };
	struct watched *watched;
	int option, rc, status;

	while ((option = getopt_long(argc, argv, "n:i:h", options,
				     NULL)) != -1) {
		switch (option) {
		case 'n':
			if (parse_number(optarg, &top.rounds) || !top.rounds)
				return usage(&verb_top,
					     "'%s' is not a number of rounds",
					     optarg);
			break;
		case 'i':
			if (parse_seconds(optarg, &top.interval_ns) ||
			    !top.interval_ns)
				return usage(&verb_top,
					     "'%s' is not a time in seconds",
					     optarg);
			break;
		case OPTION_JSON:
			top.json = true;
			break;
		default:
			return verb_option(&verb_top, option);
		}
	}
	if (argc - optind > 1)
		return usage(&verb_top, "there is more than one prefix");
	top.prefix = argv[optind];

	status = open_context(&top.context);
	if (status)
		return status;
	rc = run_rounds(&top);
	while (top.first) {
		watched = top.first;
		top.first = watched->next;
		forget(watched);
	}
	vmshm_context_close(top.context);
	if (top.json)
		json_stream_end(&top.stream);
	if (rc && rc != -EPIPE && !(rc == -EINTR && interrupted()))
		return fail(rc, NULL, "show regions");
	return STATUS_OK;
}

const struct verb verb_top = {
	.name = "top",
	.synopsis = "[OPTION]... [PREFIX]",
	.summary = "show what is written where, live",
	.help =
	"Shows the regions whose names begin with PREFIX, or all, and for each how much\n"
	"of it is written: a rate, and a strip of 32 parts from its begin to its end,\n"
	"the darker the more pages of the part were written. It opens a dirty log of\n"
	"each region that you may write, which makes their writers fault.\n\n"
	"  -n, --rounds=N       end after N rounds; otherwise when interrupted\n"
	"  -i, --interval=SECS  length of a round; 1 by default\n"
	HELP_JSON HELP_COMMON,
	.run = run,
};
