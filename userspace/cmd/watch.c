// SPDX-License-Identifier: GPL-2.0
/* vmshm watch */

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cmd.h"

static const struct option options[] = {
	{ "count", required_argument, NULL, 'n' },
	{ "events", required_argument, NULL, 'e' },
	{ "timeout", required_argument, NULL, 't' },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/**
 * struct watch - what to watch, and for how long
 * @target: name of a region, or a prefix; NULL means everything
 * @one_region: @target is the name of a region
 * @events: mask of 1 << VMSHM_EVENT_*; 0 means all
 * @count: end after so many events; 0 means never
 * @timed: end at @end_ns, which is CLOCK_MONOTONIC
 * @end_ns: see @timed
 * @json: print JSON
 * @watcher: tells the events
 * @realtime_ns: what has to be added to CLOCK_MONOTONIC for CLOCK_REALTIME
 */
struct watch {
	const char *target;
	bool one_region;
	__u32 events;
	__u64 count;
	bool timed;
	__u64 end_ns;
	bool json;
	struct vmshm_watcher *watcher;
	__u64 realtime_ns;
};

static int parse_events(char *text, __u32 *events)
{
	char *name, *rest = NULL;
	__u32 type;

	*events = 0;
	for (name = strtok_r(text, ",", &rest); name;
	     name = strtok_r(NULL, ",", &rest)) {
		if (value_of_name(event_names, name, &type))
			return -EINVAL;
		*events |= 1U << type;
	}
	if (!*events)
		return -EINVAL;

	/* Whoever waits for something wants to know that it may be lost. */
	*events |= 1U << VMSHM_EVENT_OVERFLOW;
	return 0;
}

static const char *rights_text(__u32 flags)
{
	switch (flags & (VMSHM_MEMBER_READ | VMSHM_MEMBER_WRITE)) {
	case VMSHM_MEMBER_READ:
		return "for reading";
	case VMSHM_MEMBER_WRITE:
		return "for writing";
	default:
		return "for reading and writing";
	}
}

/* What is to be said about an event beyond its type; to be freed. */
static char *details(const struct vmshm_event *event)
{
	char from[SIZE_TEXT], to[SIZE_TEXT];
	char *seals, *text;

	switch (event->type) {
	case VMSHM_EVENT_OVERFLOW:
		return format(": %llu events were lost", event->seq);
	case VMSHM_EVENT_OPENED:
	case VMSHM_EVENT_CLOSED:
	case VMSHM_EVENT_EXIT:
		return format(" %s", rights_text(event->flags));
	case VMSHM_EVENT_RESIZED:
		return format(" from %s to %s",
			      size_text(event->old_value, from),
			      size_text(event->value, to));
	case VMSHM_EVENT_SEALED:
		seals = names_of_bits(seal_names, (__u32)event->value);
		text = format(" with %s", seals);
		free(seals);
		return text;
	case VMSHM_EVENT_BOUND:
	case VMSHM_EVENT_UNBOUND:
		return event->old_value ?
		       format(" %s VM %llu at 0x%llx",
			      event->type == VMSHM_EVENT_BOUND ? "to" : "from",
			      event->old_value, event->value) :
		       format(" at 0x%llx", event->value);
	case VMSHM_EVENT_ATTR:
		return format(" from mode %04llo to %04llo",
			      event->old_value & 07777, event->value & 07777);
	case VMSHM_EVENT_JOINED:
	case VMSHM_EVENT_LEFT:
	case VMSHM_EVENT_PEER_EXIT:
		return format(" as peer %llu", event->value);
	case VMSHM_EVENT_VECTOR:
		return format(" %u of peer %llu %s an eventfd", event->vector,
			      event->value,
			      event->flags & VMSHM_PEER_EVENTFD ?
			      "has" : "has no more");
	default:
		return format("%s", "");
	}
}

static void print_line(const struct watch *watch,
		       const struct vmshm_event *event)
{
	const char *bold = use_colour() ? "\033[1m" : "";
	const char *plain = *bold ? "\033[0m" : "";
	__u64 ns = event->time_ns + watch->realtime_ns;
	char *when = time_text(ns);
	char *what = details(event);
	char *user;

	printf("%s.%06llu %s%s%s%s%s%s", when, ns % NS_PER_SECOND / 1000,
	       event->name, event->name[0] ? " " : "", bold,
	       name_of_value(event_names, event->type), plain, what);
	if (event->pid) {
		user = user_text(event->uid);
		printf(" by process %d of %s", event->pid, user);
		free(user);
	}
	putchar('\n');
	free(what);
	free(when);
}

static void print_json(const struct vmshm_event *event)
{
	bool is_open = event->type == VMSHM_EVENT_OPENED ||
		       event->type == VMSHM_EVENT_CLOSED ||
		       event->type == VMSHM_EVENT_EXIT;
	bool is_peer = event->type == VMSHM_EVENT_JOINED ||
		       event->type == VMSHM_EVENT_LEFT ||
		       event->type == VMSHM_EVENT_PEER_EXIT ||
		       event->type == VMSHM_EVENT_VECTOR;
	json_t *json = json_new();
	char *text;

	json_add_text(json, "name", event->name);
	json_add_text(json, "event", name_of_value(event_names, event->type));
	json_add_u64(json, "generation", event->generation);
	json_add_u64(json, "seq", event->seq);
	json_add_u64(json, "time_ns", event->time_ns);
	json_add_u64(json, "value", event->value);
	json_add_u64(json, "old_value", event->old_value);
	json_add(json, "pid", event->pid ? json_integer(event->pid) :
					   json_null());
	json_add_u64(json, "uid", event->uid);
	if (is_open) {
		json_add_bool(json, "read", event->flags & VMSHM_MEMBER_READ);
		json_add_bool(json, "write", event->flags & VMSHM_MEMBER_WRITE);
	}
	if (is_peer)
		json_add_bool(json, "may_ring",
			      event->flags & VMSHM_PEER_MAY_RING);
	if (event->type == VMSHM_EVENT_VECTOR) {
		json_add_u64(json, "vector", event->vector);
		json_add_bool(json, "eventfd",
			      event->flags & VMSHM_PEER_EVENTFD);
	}

	text = must(json_dumps(json, JSON_ENSURE_ASCII | JSON_COMPACT));
	puts(text);
	free(text);
	json_decref(json);
}

/* To begin, the region was opened; it is closed when the watch has begun. */
static bool is_own(const struct watch *watch, const struct vmshm_event *event)
{
	return watch->one_region && event->pid == getpid();
}

static int wait_for_event(const struct watch *watch)
{
	struct pollfd poll_fd = {
		.fd = vmshm_watcher_fd(watch->watcher),
		.events = POLLIN,
	};
	int timeout = -1;
	__u64 now, left;

	if (watch->timed) {
		now = monotonic_ns();
		if (now >= watch->end_ns)
			return -ETIME;
		left = (watch->end_ns - now + NS_PER_MS - 1) / NS_PER_MS;
		timeout = left > INT_MAX ? INT_MAX : (int)left;
	}

	if (poll(&poll_fd, 1, timeout) < 0 && errno != EINTR)
		return -errno;

	return 0;
}

static int follow(struct watch *watch)
{
	const struct vmshm_event *event;
	__u64 seen = 0;
	int rc;

	for (;;) {
		rc = vmshm_watcher_next(watch->watcher, &event);
		if (rc == -EAGAIN || rc == -EINTR) {
			rc = wait_for_event(watch);
			if (rc)
				return rc;
			continue;
		}
		if (rc <= 0)
			return rc;
		if (is_own(watch, event))
			continue;

		if (watch->json)
			print_json(event);
		else
			print_line(watch, event);
		if (fflush(stdout))
			return -EPIPE;
		if (++seen == watch->count)
			return 0;
	}
}

static int open_watcher(struct watch *watch)
{
	struct vmshm_watcher_options opt = {
		.size = sizeof(opt),
		.events = watch->events,
		.flags = VMSHM_WATCHER_NONBLOCK,
	};
	struct vmshm_context *context;
	struct vmshm_region *region;
	int rc, status;

	if (watch->one_region) {
		status = open_any(watch->target, VMSHM_OPEN_RDONLY, "watch",
				  &region);
		if (status)
			return status;
		rc = vmshm_watcher_open_region(region, &opt, &watch->watcher);
		vmshm_region_close(region);
	} else {
		status = open_context(&context);
		if (status)
			return status;
		opt.prefix = watch->target;
		rc = vmshm_watcher_open(context, &opt, &watch->watcher);
		vmshm_context_close(context);
	}

	return rc ? fail(rc, rc == -EINVAL ? "no name can begin like this" :
			 NULL, "watch '%s'",
			 watch->target ? watch->target : "") : STATUS_OK;
}

static int watch(struct watch *watch)
{
	struct timespec now;
	int rc, status;

	/* Cannot fail, see monotonic_ns(). */
	clock_gettime(CLOCK_REALTIME, &now);
	watch->realtime_ns = (__u64)now.tv_sec * NS_PER_SECOND +
			     (__u64)now.tv_nsec - monotonic_ns();

	status = open_watcher(watch);
	if (status)
		return status;

	rc = follow(watch);
	vmshm_watcher_close(watch->watcher);
	/* Without a number of events, all that came in that time was meant. */
	if (rc == -ETIME)
		return watch->count ? STATUS_TIMEOUT : STATUS_OK;
	/* What is wrong with the output is said at the end. */
	if (rc && rc != -EPIPE)
		return fail(rc, NULL, "go on watching '%s'",
			    watch->target ? watch->target : "");

	return STATUS_OK;
}

static int watch_option(struct watch *watch, int option)
{
	__u64 ns;

	switch (option) {
	case 'n':
		if (parse_number(optarg, &watch->count) || !watch->count)
			return usage(&verb_watch, "'%s' is not a number of events",
				     optarg);
		return STATUS_OK;
	case 'e':
		if (parse_events(optarg, &watch->events))
			return usage(&verb_watch, "'%s' is not an event, see --help",
				     optarg);
		return STATUS_OK;
	case 't':
		if (parse_seconds(optarg, &ns) ||
		    __builtin_add_overflow(monotonic_ns(), ns, &watch->end_ns))
			return usage(&verb_watch, "'%s' is not a time in seconds",
				     optarg);
		watch->timed = true;
		return STATUS_OK;
	default:
		watch->json = true;
		return STATUS_OK;
	}
}

static int run(int argc, char **argv)
{
	struct watch args = {};
	int option, status;
	size_t len;

	while ((option = getopt_long(argc, argv, "n:e:t:h", options,
				     NULL)) != -1) {
		if (option == 'h' || option == '?')
			return verb_option(&verb_watch, option);
		status = watch_option(&args, option);
		if (status)
			return status;
	}
	if (argc - optind > 1)
		return usage(&verb_watch, "there is more than one name");

	args.target = argv[optind];
	if (args.target) {
		len = strlen(args.target);
		args.one_region = len && args.target[len - 1] != '/';
	}

	return watch(&args);
}

const struct verb verb_watch = {
	.name = "watch",
	.synopsis = "[OPTION]... [NAME | PREFIX/]",
	.summary = "follow what happens to regions",
	.help =
	"Follows one region until it is gone, or all regions whose names begin with\n"
	"PREFIX/, or all there are. Prints a line for each event, as it happens.\n\n"
	"  -e, --events=LIST    only these: created, opened, closed, exit, resized,\n"
	"                       sealed, attr, unlinked, joined, left, peer-exit,\n"
	"                       vector, bound, unbound\n"
	"  -n, --count=N        end after N events\n"
	"  -t, --timeout=SECS   end after so many seconds; with --count, the exit status\n"
	"                       is then 10\n"
	HELP_JSON HELP_COMMON,
	.run = run,
};
