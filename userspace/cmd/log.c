// SPDX-License-Identifier: GPL-2.0
/* vmshm log */

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "cmd.h"

#define DEFAULT_NS	NS_PER_SECOND

enum {
	OPTION_ALL_DIRTY = OPTION_FIRST_OF_VERB,
	OPTION_RANGES,
};

static const struct option options[] = {
	{ "rounds", required_argument, NULL, 'n' },
	{ "interval", required_argument, NULL, 'i' },
	{ "watermark", required_argument, NULL, 'w' },
	{ "all-dirty", no_argument, NULL, OPTION_ALL_DIRTY },
	{ "ranges", no_argument, NULL, OPTION_RANGES },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "owner", required_argument, NULL, OPTION_OWNER },
	{ "any-owner", no_argument, NULL, OPTION_ANY_OWNER },
	{ "generation", required_argument, NULL, OPTION_GENERATION },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/**
 * struct follow - how to read a log, and where that got
 * @name: of the region
 * @access: which region of that name
 * @options: for the library
 * @rounds: end after so many; 0 means never
 * @interval_ns: from the end of a round to the begin of the next
 * @ranges: print the runs of pages
 * @json: print JSON
 * @page_size: bytes
 * @log: the log
 * @stream: JSON that is being printed
 * @begun_ns: when the round before the present one began
 */
struct follow {
	const char *name;
	struct access access;
	struct vmshm_log_options options;
	__u64 rounds;
	__u64 interval_ns;
	bool ranges;
	bool json;
	__u64 page_size;
	struct vmshm_log *log;
	struct json_stream stream;
	__u64 begun_ns;
};

/**
 * struct round - one round of a log
 * @number: from 1 on
 * @ns: time since the round before it began
 * @fetch_ns: time that reading it took
 * @runs: number of runs of pages
 * @ranges: the runs, if they are to be printed as JSON
 */
struct round {
	__u64 number;
	__u64 ns;
	__u64 fetch_ns;
	__u64 runs;
	json_t *ranges;
};

static int add_range(const struct follow *follow, struct round *round,
		     const struct vmshm_log_range *range)
{
	round->runs++;
	if (!follow->ranges)
		return 0;
	if (!follow->json) {
		printf("%llu+%llu\n", range->first_page, range->nr_pages);
		return 0;
	}
	return json_array_append_new(round->ranges,
		json_pack("[o,o]", json_u64(range->first_page),
			  json_u64(range->nr_pages)));
}

static int read_round(struct follow *follow, struct round *round)
{
	const struct vmshm_log_range *range;
	__u64 begin = monotonic_ns();
	int rc;

	rc = vmshm_log_begin(follow->log, 0);
	if (rc)
		return rc;
	while ((rc = vmshm_log_next(follow->log, &range)) != 0) {
		if (rc == -EINTR && !interrupted())
			continue;
		if (rc < 0)
			return rc;
		must(add_range(follow, round, range) ? NULL : follow);
	}

	round->ns = begin - follow->begun_ns;
	round->fetch_ns = monotonic_ns() - begin;
	follow->begun_ns = begin;
	return 0;
}

static void print_heading(const struct follow *follow)
{
	if (!follow->json && !follow->ranges)
		printf("%8s %12s %10s %10s %12s %10s\n", "ROUND", "PAGES",
		       "SIZE", "RUNS", "RATE/s", "FETCH-ms");
}

static void print_round(struct follow *follow, struct round *round)
{
	__u64 pages = vmshm_log_pages(follow->log);
	char size[SIZE_TEXT], rate[SIZE_TEXT];
	__u64 bytes = pages * follow->page_size;
	double seconds = (double)round->ns / (double)NS_PER_SECOND;
	double per_second = seconds > 0 ? (double)bytes / seconds : 0;
	json_t *json;

	if (follow->json) {
		json = json_new();
		json_add_u64(json, "round", round->number);
		json_add_u64(json, "pages", pages);
		json_add_u64(json, "pinned", vmshm_log_pinned(follow->log));
		json_add_u64(json, "bytes", bytes);
		json_add_u64(json, "runs", round->runs);
		json_add_u64(json, "interval_ns", round->ns);
		json_add_u64(json, "fetch_ns", round->fetch_ns);
		if (follow->ranges)
			json_object_set(json, "ranges", round->ranges);
		json_stream_add(&follow->stream, json);
	} else if (!follow->ranges) {
		printf("%8llu %12llu %10s %10llu %12s %10.2f\n", round->number,
		       pages, size_text(bytes, size), round->runs,
		       size_text((__u64)per_second, rate),
		       (double)round->fetch_ns / 1e6);
	}
}

/* Until the next round: as much time, or as many pages, as was asked for. */
static int wait_for_round(const struct follow *follow)
{
	if (follow->options.watermark)
		return interrupts_wait(vmshm_log_fd(follow->log), NULL);
	return interrupts_wait(-1, &follow->interval_ns);
}

static int follow_log(struct follow *follow)
{
	struct round round = {};
	int rc;

	follow->begun_ns = monotonic_ns();
	print_heading(follow);
	while (!interrupted()) {
		rc = wait_for_round(follow);
		if (rc || interrupted())
			return rc;

		round.number++;
		round.runs = 0;
		round.ranges = follow->json ? must(json_array()) : NULL;
		rc = read_round(follow, &round);
		if (!rc)
			print_round(follow, &round);
		json_decref(round.ranges);
		if (rc == -EINTR)
			return 0;
		if (rc)
			return rc;
		if (fflush(stdout))
			return -EPIPE;
		if (round.number == follow->rounds)
			break;
	}
	return 0;
}

static const char *open_reason(int error)
{
	switch (error) {
	case -EOPNOTSUPP:
		return "it is pinnable, or the memory of a device: such a region has no dirty log";
	case -EDQUOT:
		return "it has too many logs, or you have reached a limit";
	default:
		return NULL;
	}
}

static int open_log(struct follow *follow)
{
	struct vmshm_context *context;
	struct vmshm_region *region;
	struct vmshm_info info;
	int rc, status;

	status = open_context(&context);
	if (status)
		return status;
	rc = vmshm_context_info(context, &info, sizeof(info));
	if (rc) {
		status = fail(rc, NULL, "read the limits");
		goto close_context;
	}
	follow->page_size = info.out_page_size;

	status = open_region(context, follow->name, &follow->access, "log",
			     &region);
	if (status)
		goto close_context;
	rc = vmshm_log_open(region, &follow->options, &follow->log);
	if (rc)
		status = fail(rc, open_reason(rc), "log '%s'", follow->name);
	vmshm_region_close(region);
close_context:
	vmshm_context_close(context);
	return status;
}

static int log_option(struct follow *follow, int option)
{
	switch (option) {
	case 'n':
		if (parse_number(optarg, &follow->rounds) || !follow->rounds)
			return usage(&verb_log, "'%s' is not a number of rounds",
				     optarg);
		return STATUS_OK;
	case 'i':
		if (parse_seconds(optarg, &follow->interval_ns))
			return usage(&verb_log, "'%s' is not a time in seconds",
				     optarg);
		return STATUS_OK;
	case 'w':
		if (parse_number(optarg, &follow->options.watermark) ||
		    !follow->options.watermark)
			return usage(&verb_log, "'%s' is not a number of pages",
				     optarg);
		return STATUS_OK;
	case OPTION_ALL_DIRTY:
		follow->options.flags |= VMSHM_LOG_ALL_DIRTY;
		return STATUS_OK;
	case OPTION_RANGES:
		follow->ranges = true;
		return STATUS_OK;
	case OPTION_JSON:
		follow->json = true;
		return STATUS_OK;
	default:
		return access_option(&verb_log, &follow->access, option);
	}
}

static int run(int argc, char **argv)
{
	struct follow follow = {
		.access = ACCESS_INIT,
		.options = { .size = sizeof(follow.options) },
		.interval_ns = DEFAULT_NS,
	};
	int option, rc, status;

	while ((option = getopt_long(argc, argv, "n:i:w:h", options,
				     NULL)) != -1) {
		if (option == 'h' || option == '?')
			return verb_option(&verb_log, option);
		status = log_option(&follow, option);
		if (status)
			return status;
	}
	if (argc - optind != 1)
		return usage(&verb_log, "one name is needed");
	follow.name = argv[optind];

	status = open_log(&follow);
	if (status)
		return status;
	/* So that a log that is interrupted ends with its figures. */
	interrupts_catch();
	rc = follow_log(&follow);
	vmshm_log_close(follow.log);
	if (follow.json)
		json_stream_end(&follow.stream);
	if (rc && rc != -EPIPE)
		return fail(rc, NULL, "go on logging '%s'", follow.name);
	return STATUS_OK;
}

const struct verb verb_log = {
	.name = "log",
	.synopsis = "[OPTION]... NAME",
	.summary = "follow which pages of a region are written",
	.help =
	"Opens a dirty log of the region and reads it in rounds. Each round tells how\n"
	"many pages anybody has written, process or guest, since the one before.\n"
	"Writers take a page fault for a page that they write again after a round.\n\n"
	"  -n, --rounds=N       end after N rounds; otherwise when interrupted\n"
	"  -i, --interval=SECS  time between rounds; 1 by default\n"
	"  -w, --watermark=N    a round when N pages are dirty, instead of by time\n"
	"      --all-dirty      begin with every page dirty\n"
	"      --ranges         print the pages, as FIRST+NUMBER\n"
	HELP_ACCESS HELP_JSON HELP_COMMON,
	.run = run,
};
