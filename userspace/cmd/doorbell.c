// SPDX-License-Identifier: GPL-2.0
/* vmshm ring, vmshm wait */

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "cmd.h"

/* ring */

static const struct option ring_options[] = {
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/*
 * Finds the number of a peer that is called so. Returns 0; -ENOENT; -ENOTUNIQ:
 * several are; or what listing them says.
 */
static int find_peer(const struct vmshm_region *region, const char *name,
		     __u32 *number)
{
	const struct vmshm_peer_info *info;
	struct vmshm_peer_list *peers;
	int rc, found = -ENOENT;

	rc = vmshm_peer_list_open(region, &peers);
	if (rc)
		return rc;
	while (vmshm_peer_list_next(peers, &info) > 0) {
		if (strcmp((const char *)info->name, name))
			continue;
		*number = info->number;
		found = found == -ENOENT ? 0 : -ENOTUNIQ;
	}
	vmshm_peer_list_close(peers);
	return found;
}

static int parse_peer(const struct vmshm_region *region, const char *text,
		      __u32 *number)
{
	__u64 value;

	if (!strcmp(text, "all")) {
		*number = VMSHM_PEER_ALL;
		return 0;
	}
	if (!parse_number(text, &value) && value <= VMSHM_PEER_NUMBER_MAX) {
		*number = (__u32)value;
		return 0;
	}
	return find_peer(region, text, number);
}

static const char *ring_reason(int error)
{
	switch (error) {
	case -ENOENT:
		return "there is no such peer";
	case -ENOTUNIQ:
		return "several peers are called so: say a number";
	case -EINVAL:
		return "the peer has no such vector";
	case -EACCES:
		return "who may only read the region may not ring";
	default:
		return NULL;
	}
}

/* Who may only read may be allowed to ring all the same. */
static int open_to_ring(const char *name, struct vmshm_region **region)
{
	struct access access = ACCESS_INIT;
	struct vmshm_context *context;
	int rc, status;

	status = open_context(&context);
	if (status)
		return status;
	access.options.owner_policy = VMSHM_OWNER_ANY;
	rc = vmshm_region_open(context, name, &access.options, region);
	if (rc == -EACCES)
		access.options.flags = VMSHM_OPEN_RDONLY;
	if (rc)
		status = open_region(context, name, &access, "ring in", region);
	vmshm_context_close(context);
	return status;
}

/*
 * Joins for a moment, under a number from the far end: not under that of whom
 * to ring, who would be oneself then, nor under a low one, which somebody may
 * want who comes back. In a guest, it is the device that has a number.
 */
static int join_to_ring(const struct vmshm_region *region, __u32 whom,
			struct vmshm_peer **peer)
{
	struct vmshm_join_options opt = {
		.size = sizeof(opt),
		.flags = VMSHM_JOIN_NUMBER,
	};
	__u32 left;
	int rc = -EBUSY;

	for (left = VMSHM_PEER_NUMBER_MAX + 1; left && rc == -EBUSY; left--) {
		opt.number = left - 1;
		if (opt.number != whom)
			rc = vmshm_region_join(region, &opt, peer);
	}
	if (rc == -EINVAL) {
		opt.flags = 0;
		opt.number = 0;
		return vmshm_region_join(region, &opt, peer);
	}
	return rc == -EBUSY ? -ENOSPC : rc;
}

static int ring(const char *name, const char *whom, __u32 vector)
{
	struct vmshm_region *region;
	struct vmshm_peer *peer;
	int rc, status;
	__u32 number;

	status = open_to_ring(name, &region);
	if (status)
		return status;

	rc = parse_peer(region, whom, &number);
	if (rc) {
		status = fail(rc, ring_reason(rc), "ring '%s' of '%s'", whom,
			      name);
		goto close;
	}
	rc = join_to_ring(region, number, &peer);
	if (rc) {
		status = fail(rc, rc == -EBUSY ?
			      "another process is this machine's peer" : NULL,
			      "join '%s'", name);
		goto close;
	}
	rc = vmshm_peer_ring(peer, number, vector);
	if (rc)
		status = fail(rc, ring_reason(rc),
			      "ring vector %u of peer %s of '%s'", vector, whom,
			      name);
	vmshm_peer_close(peer);
close:
	vmshm_region_close(region);
	return status;
}

static int run_ring(int argc, char **argv)
{
	__u64 vector = 0;
	int option;

	while ((option = getopt_long(argc, argv, "h", ring_options,
				     NULL)) != -1)
		return verb_option(&verb_ring, option);
	if (argc - optind != 2 && argc - optind != 3)
		return usage(&verb_ring, "a name and a peer are needed");
	if (argc - optind == 3 &&
	    (parse_number(argv[optind + 2], &vector) ||
	     vector >= VMSHM_PEER_VECTORS_MAX))
		return usage(&verb_ring, "'%s' is not a vector",
			     argv[optind + 2]);

	return ring(argv[optind], argv[optind + 1], (__u32)vector);
}

const struct verb verb_ring = {
	.name = "ring",
	.synopsis = "[OPTION]... NAME PEER [VECTOR]",
	.summary = "ring a peer of a region",
	.help =
	"PEER is a number, the name of a peer, or 'all'. VECTOR is 0 if it is not given.\n"
	"Ringing takes being a peer, too: one without vectors, for a moment.\n\n"
	HELP_COMMON,
	.run = run_ring,
};

/* wait */

enum {
	OPTION_NUMBER = OPTION_FIRST_OF_VERB,
	OPTION_VECTORS,
};

static const struct option wait_options[] = {
	{ "as", required_argument, NULL, 'a' },
	{ "number", required_argument, NULL, OPTION_NUMBER },
	{ "vectors", required_argument, NULL, OPTION_VECTORS },
	{ "count", required_argument, NULL, 'n' },
	{ "timeout", required_argument, NULL, 't' },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/**
 * struct waiter - to be rung
 * @join: how to join
 * @count: end after so many times
 * @timed: end at @end_ns, which is CLOCK_MONOTONIC
 * @end_ns: see @timed
 * @json: print JSON
 * @peer: what waits
 * @bells: for each vector its eventfd, to be polled
 * @nr_bells: how many there are
 */
struct waiter {
	struct vmshm_join_options join;
	__u64 count;
	bool timed;
	__u64 end_ns;
	bool json;
	struct vmshm_peer *peer;
	struct pollfd bells[VMSHM_PEER_VECTORS_MAX];
	__u32 nr_bells;
};

/* Guests, and whoever else was handed it, ring by the eventfd alone. */
static int open_bells(struct waiter *waiter)
{
	__u32 i;
	int fd, rc;

	for (i = 0; i < waiter->join.vectors; i++) {
		fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (fd < 0)
			return -errno;
		waiter->bells[i].fd = fd;
		waiter->bells[i].events = POLLIN;
		waiter->nr_bells++;
		rc = vmshm_peer_set_vector(waiter->peer, i, fd);
		if (rc)
			return rc;
	}
	return 0;
}

static void close_bells(const struct waiter *waiter)
{
	__u32 i;

	for (i = 0; i < waiter->nr_bells; i++)
		close(waiter->bells[i].fd);
}

/*
 * Which vectors were rung. Every ring signals the eventfd, but for those that
 * were before there was one: they are found pending at @first. What is pending
 * is taken before the eventfds are read, so that no ring is told twice.
 */
static int look(const struct waiter *waiter, bool first, __u64 *rung)
{
	eventfd_t count;
	__u64 pending;
	__u32 i;
	int rc;

	rc = vmshm_peer_pending(waiter->peer, 0, &pending);
	if (rc)
		return rc;
	*rung = first ? pending : 0;
	for (i = 0; i < waiter->nr_bells; i++)
		if (!eventfd_read(waiter->bells[i].fd, &count))
			*rung |= 1ULL << i;
	return 0;
}

static int wait_for_ring(struct waiter *waiter)
{
	int timeout = -1;
	__u64 now, left;

	if (waiter->timed) {
		now = monotonic_ns();
		if (now >= waiter->end_ns)
			return -ETIME;
		left = (waiter->end_ns - now + NS_PER_MS - 1) / NS_PER_MS;
		timeout = left > INT_MAX ? INT_MAX : (int)left;
	}
	if (poll(waiter->bells, waiter->nr_bells, timeout) < 0 &&
	    errno != EINTR)
		return -errno;
	return 0;
}

static void print_rung(const struct waiter *waiter, __u64 rung)
{
	unsigned int i;
	json_t *json;
	char *text;

	if (!waiter->json) {
		for (i = 0; i < VMSHM_PEER_VECTORS_MAX; i++)
			if (rung >> i & 1)
				printf("vector %u\n", i);
		return;
	}

	json = json_new();
	json_add(json, "vectors", json_of_vectors(rung));
	text = must(json_dumps(json, JSON_COMPACT));
	puts(text);
	free(text);
	json_decref(json);
}

/* Whoever is to ring has to know which number. */
static void print_joined(const struct waiter *waiter)
{
	__u32 number = vmshm_peer_number(waiter->peer);
	json_t *json;
	char *text;

	if (!waiter->json) {
		printf("peer %u\n", number);
		return;
	}

	json = json_new();
	json_add_u64(json, "number", number);
	json_add_u64(json, "generation", vmshm_peer_generation(waiter->peer));
	text = must(json_dumps(json, JSON_COMPACT));
	puts(text);
	free(text);
	json_decref(json);
}

static int follow(struct waiter *waiter)
{
	__u64 rung, seen = 0;
	bool first = true;
	int rc;

	print_joined(waiter);
	for (;;) {
		if (fflush(stdout))
			return -EPIPE;
		if (seen == waiter->count)
			return 0;
		rc = look(waiter, first, &rung);
		if (!rc && !rung)
			rc = wait_for_ring(waiter);
		if (rc)
			return rc;
		first = false;
		if (!rung)
			continue;
		print_rung(waiter, rung);
		seen++;
	}
}

static int wait_on(const char *name, struct waiter *waiter)
{
	struct vmshm_region *region;
	int rc, status;

	status = open_any(name, VMSHM_OPEN_RDONLY, "wait on", &region);
	if (status)
		return status;

	rc = vmshm_region_join(region, &waiter->join, &waiter->peer);
	vmshm_region_close(region);
	if (rc)
		return fail(rc, rc == -EBUSY ? "the number is taken" :
			    rc == -EINVAL ? "the name of the peer is malformed" :
			    NULL, "join '%s'", name);

	rc = open_bells(waiter);
	if (!rc)
		rc = follow(waiter);
	vmshm_peer_close(waiter->peer);
	close_bells(waiter);
	if (rc == -ETIME)
		return STATUS_TIMEOUT;
	/* What is wrong with the output is said at the end. */
	if (rc && rc != -EPIPE)
		return fail(rc, NULL, "go on waiting on '%s'", name);
	return STATUS_OK;
}

static int wait_option(struct waiter *waiter, int option)
{
	__u64 number;

	switch (option) {
	case 'a':
		waiter->join.name = optarg;
		return STATUS_OK;
	case OPTION_NUMBER:
		if (parse_number(optarg, &number) ||
		    number > VMSHM_PEER_NUMBER_MAX)
			return usage(&verb_wait, "'%s' is not a number of a peer",
				     optarg);
		waiter->join.number = (__u32)number;
		waiter->join.flags = VMSHM_JOIN_NUMBER;
		return STATUS_OK;
	case OPTION_VECTORS:
		if (parse_number(optarg, &number) || !number ||
		    number > VMSHM_PEER_VECTORS_MAX)
			return usage(&verb_wait, "'%s' is not a number of vectors",
				     optarg);
		waiter->join.vectors = (__u32)number;
		return STATUS_OK;
	case 'n':
		if (parse_number(optarg, &waiter->count) || !waiter->count)
			return usage(&verb_wait, "'%s' is not a number of times",
				     optarg);
		return STATUS_OK;
	case 't':
		if (parse_seconds(optarg, &number) ||
		    __builtin_add_overflow(monotonic_ns(), number,
					   &waiter->end_ns))
			return usage(&verb_wait, "'%s' is not a time in seconds",
				     optarg);
		waiter->timed = true;
		return STATUS_OK;
	default:
		waiter->json = true;
		return STATUS_OK;
	}
}

static int run_wait(int argc, char **argv)
{
	struct waiter waiter = {
		.join = { .size = sizeof(waiter.join), .vectors = 1 },
		.count = 1,
	};
	int option, status;

	while ((option = getopt_long(argc, argv, "a:n:t:h", wait_options,
				     NULL)) != -1) {
		if (option == 'h' || option == '?')
			return verb_option(&verb_wait, option);
		status = wait_option(&waiter, option);
		if (status)
			return status;
	}
	if (argc - optind != 1)
		return usage(&verb_wait, "one name is needed");

	return wait_on(argv[optind], &waiter);
}

const struct verb verb_wait = {
	.name = "wait",
	.synopsis = "[OPTION]... NAME",
	.summary = "join a region and wait until somebody rings",
	.help =
	"Prints the number of the peer, then each vector that is rung. Rings of one\n"
	"vector that come before it is looked at are one.\n\n"
	"  -a, --as=NAME        what the peer is to be called\n"
	"      --number=N       which number the peer is to have; by default, the lowest\n"
	"                       that is free\n"
	"      --vectors=N      how many vectors it is to have; by default, 1\n"
	"  -n, --count=N        end after being rung N times; by default, 1\n"
	"  -t, --timeout=SECS   end after so many seconds; the exit status is then 10\n"
	HELP_JSON HELP_COMMON,
	.run = run_wait,
};
