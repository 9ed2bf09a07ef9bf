// SPDX-License-Identifier: GPL-2.0
/*
 * A user takes all that she can get: descriptors, regions, names, events. What
 * another user does meanwhile succeeds, and how long it takes at most is told.
 *
 * She gets up to her limits and no further; nothing of what is his; and events
 * without end, which do not keep his own from him.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "lib/vmshm_env.h"
#include "lib/vmshm_mem.h"
#include "lib/vmshm_peer.h"
#include "stress/stress.h"

#define ABUSERS		4
/* Their limit, which is reached soon. */
#define REGIONS		512
/* So many descriptors are used up soon. */
#define DESCRIPTORS	256

#define KEPT		"bob/kept"
#define OWN		"bob/own"

enum {
	CREATE,
	WATCH,
	JOIN,
	READONLY,
	RESIZE,
	/* What is not hers. */
	SQUAT,
	OPEN_KEPT,
	UNLINK_KEPT,
	RESERVE,
	NR_COUNTS
};

/*
 * What each is refused with, as the header documents: @must has to come up,
 * @may need not. What is @hers is done as well, nothing else ever.
 */
static const struct rule {
	const char *name;
	bool hers;
	int must[2];
	int may[2];
} rules[NR_COUNTS] = {
	[CREATE] = { "create", true, { EDQUOT, EMFILE } },
	[WATCH] = { "watch", true, { EDQUOT }, { EMFILE } },
	[JOIN] = { "join", true, { 0 }, { EDQUOT, EMFILE } },
	[READONLY] = { "read-only handle", true, { 0 }, { EDQUOT, EMFILE } },
	[RESIZE] = { "resize", true },
	[SQUAT] = { "create in another's domain", false, { EACCES } },
	[OPEN_KEPT] = { "open of another's region", false, { EACCES } },
	[UNLINK_KEPT] = { "unlink of another's region", false, { EPERM } },
	[RESERVE] = { "reserving another's domain", false, { EPERM } },
};

/* Whether all that has to happen has happened; says what has not, if @loud. */
static bool enough(const struct st_count *counts, bool loud)
{
	const char *what = NULL;
	unsigned int i, n;

	for (i = 0; i < NR_COUNTS && !what; i++) {
		if (rules[i].hers && !counts[i].done)
			what = "done";
		for (n = 0; n < 2 && !what; n++)
			if (rules[i].must[n] &&
			    !counts[i].error[rules[i].must[n]])
				what = strerrorname_np(rules[i].must[n]);
	}
	if (what && loud)
		printf("# %s: never %s\n", rules[i - 1].name, what);
	return !what;
}

/* Whether what was refused was refused with these errnos only. */
static bool as_documented(const struct st_count *counts)
{
	unsigned int i;
	bool ok = true;
	int err;

	for (i = 0; i < NR_COUNTS; i++) {
		const struct rule *rule = &rules[i];

		if (!rule->hers && counts[i].done) {
			printf("# %s: was allowed\n", rule->name);
			ok = false;
		}
		for (err = 0; err < ST_ERRNOS; err++) {
			if (!counts[i].error[err] ||
			    (err && (err == rule->must[0] ||
				     err == rule->must[1] ||
				     err == rule->may[0] ||
				     err == rule->may[1])))
				continue;
			printf("# %s: unexpected %s\n", rule->name,
			       strerrorname_np(err));
			ok = false;
		}
	}
	return ok;
}

struct abuser {
	char domain[16];
	/* Its regions are @first up to @next. */
	unsigned int first;
	unsigned int next;
	int dev;
	struct st_count *counts;
};

static void give_back(struct abuser *me)
{
	char name[VMSHM_NAME_MAX + 1];

	for (; me->first < me->next; me->first++) {
		snprintf(name, sizeof(name), "%s/%u", me->domain, me->first);
		vt_unlink(me->dev, name);
	}
}

/* Until there are no descriptors left. Regions stay until their limit. */
static void hoard(struct abuser *me)
{
	struct st_count *counts = me->counts;
	char name[VMSHM_NAME_MAX + 1];
	int fd = 0, other = 0;

	while (fd != -EMFILE && other != -EMFILE) {
		snprintf(name, sizeof(name), "%s/%u", me->domain, me->next);
		/* Everybody may look at it, so everybody is told of it. */
		fd = st_note(&counts[CREATE],
			     vt_create(me->dev, name, VT_PAGE, 1 << 20, 0,
				       0666));
		if (fd == -EDQUOT)
			give_back(me);
		if (fd < 0)
			continue;
		me->next++;
		other = st_note(&counts[WATCH],
				vt_watch(me->dev, "", 0, NULL));
		st_note(&counts[RESIZE], vt_resize(fd, rand() % (1 << 20)));
		st_note(&counts[JOIN], vt_join(fd, -1, 64, ""));
		st_note(&counts[READONLY], vt_readonly(fd));
	}
}

/* Names of the other, and what has one. */
static void squat(struct abuser *me)
{
	struct st_count *counts = me->counts;
	char name[VMSHM_NAME_MAX + 1];

	snprintf(name, sizeof(name), "bob/%d", rand() % 4);
	st_note(&counts[SQUAT],
		vt_create(me->dev, name, VT_PAGE, VT_PAGE, 0, 0666));
	st_note(&counts[OPEN_KEPT],
		vt_open(me->dev, KEPT, rand() % 2 ? VMSHM_OPEN_RDONLY : 0));
	st_note(&counts[UNLINK_KEPT], vt_unlink(me->dev, KEPT));
	st_note(&counts[RESERVE],
		vt_domain_reserve(me->dev, "bob", VT_ALICE));
}

static void abuse(unsigned int number, struct st_count *counts)
{
	struct abuser me = { .counts = counts };
	struct rlimit files = { DESCRIPTORS, DESCRIPTORS };

	if (vt_become(VT_ALICE) || setrlimit(RLIMIT_NOFILE, &files))
		st_die("cannot become another user");
	srand(number);
	snprintf(me.domain, sizeof(me.domain), "alice-%u", number);
	me.dev = vt_device();
	if (me.dev < 0)
		st_die("an abuser cannot open the device: %d", me.dev);
	for (;;) {
		hoard(&me);
		/* Without descriptors, and with. */
		squat(&me);
		close_range(me.dev + 1, ~0U, 0);
		squat(&me);
	}
}

struct latency {
	unsigned long long most;
	unsigned long long sum;
	unsigned int nr;
};

struct victim {
	int dev;
	int peer;
	unsigned char *map;
	/* Of his own region; and of hers, which he does not look at in time. */
	int watch;
	int flooded;
	unsigned int queue;
};

/* He is told of what he does himself, all of it, and of nothing else. */
static const char *victim_events(const struct victim *me)
{
	static const __u32 types[] = {
		VMSHM_EVENT_CREATED, VMSHM_EVENT_RESIZED, VMSHM_EVENT_UNLINKED,
	};
	struct vmshm_event event;
	unsigned int i;

	for (i = 0; i < 3; i++)
		if (vt_next_event(me->watch, &event) ||
		    event.type != types[i] || event.pid != getpid() ||
		    strcmp((char *)event.name, OWN))
			return "see what it did";
	return vt_no_event(me->watch) ? NULL : "see nothing else";
}

/* Returns what failed, or NULL. */
static const char *victim_round(const struct victim *me)
{
	int fd = vt_create(me->dev, OWN, VT_PAGE, 1 << 20, 0, 0600);

	if (fd < 0)
		return "create";
	if (vt_resize(fd, 1 << 18))
		return "resize";
	close(fd);
	if (vt_unlink(me->dev, OWN))
		return "unlink";
	if (vt_poke(me->map, 1))
		return "write";
	if (vt_ring(me->peer, vt_peer_number(me->peer), 0))
		return "ring";
	return NULL;
}

/* Events of hers were lost, and he is told so, behind those that were not. */
static void victim_flood(const struct victim *me)
{
	struct vmshm_event event;
	unsigned int n = 0;

	for (;; n++) {
		if (vt_next_event(me->flooded, &event))
			st_die("no event says that some were lost, after %u",
			       n);
		if (event.type == VMSHM_EVENT_OVERFLOW)
			break;
		if (n == me->queue || event.uid != VT_ALICE ||
		    strncmp((char *)event.name, "alice-", 6))
			st_die("event %u is not of the flood", n);
	}
	printf("# flooded: %u events, then %llu lost\n", n, event.seq);
}

static void victim_init(struct victim *me)
{
	struct vmshm_info info;
	int fd;

	if (vt_become(VT_BOB))
		st_die("cannot become another user");
	me->dev = vt_device();
	fd = vt_create(me->dev, KEPT, VT_PAGE, VT_PAGE, 0, 0600);
	me->peer = vt_join(fd, -1, 1, "");
	me->map = vt_map(fd, VT_PAGE, PROT_READ | PROT_WRITE, 0);
	me->watch = vt_watch(me->dev, "bob/", 1U << VMSHM_EVENT_CREATED |
			     1U << VMSHM_EVENT_RESIZED |
			     1U << VMSHM_EVENT_UNLINKED |
			     1U << VMSHM_EVENT_OVERFLOW, NULL);
	me->flooded = vt_watch(me->dev, "alice-", 0, NULL);
	if (fd < 0 || me->peer < 0 || !me->map || me->watch < 0 ||
	    me->flooded < 0 || vt_info(me->dev, &info))
		st_die("the victim has nothing to begin with");
	me->queue = info.out_events;
}

/* Until the time is over and all that can be abused has been. */
static void victim(int sock, struct st_count *counts)
{
	struct latency latency = { 0 };
	struct st_clock clock, patience;
	struct victim me;
	const char *failed;

	victim_init(&me);
	vt_tell(sock);
	vt_hear(sock);
	st_clock_start(&clock, st_options.seconds);
	st_clock_start(&patience, st_options.seconds +
		       VT_PATIENCE * vt_timeout_scale());
	do {
		unsigned long long start = st_ns(), ns;

		failed = victim_round(&me);
		ns = st_ns() - start;
		if (!failed)
			failed = victim_events(&me);
		if (failed)
			st_die("the victim failed to %s", failed);
		latency.sum += ns;
		latency.nr++;
		if (ns > latency.most)
			latency.most = ns;
		usleep(2000);
	} while (!st_clock_over(&clock) ||
		 (!enough(counts, false) &&
		  !st_clock_over(&patience)));
	printf("# victim: %u rounds of 6 calls, on average %llu us, at most %llu us\n",
	       latency.nr, latency.sum / latency.nr / 1000,
	       latency.most / 1000);
	if (!enough(counts, true))
		st_die("not all that can be abused was");
	victim_flood(&me);
	fflush(stdout);
	_exit(0);
}

void st_abuse(void)
{
	struct st_count *counts = st_counts_new(NR_COUNTS);
	long long regions = vt_param_get("regions_user");
	struct vt_child bob, alice[ABUSERS];
	struct vmshm_info before;
	int dev, undisturbed;
	unsigned int i;

	for (i = 0; i < NR_COUNTS; i++)
		counts[i].name = rules[i].name;
	st_baseline(&before);
	if (!vt_fork(&bob))
		victim(bob.sock, counts);
	/* His domain is his before anybody squats. */
	if (vt_hear(bob.sock))
		st_die("no victim");
	if (vt_param_set("regions_user", REGIONS))
		st_die("cannot set the limit");
	for (i = 0; i < ABUSERS; i++)
		if (!vt_fork(&alice[i]))
			abuse(i, counts);
	vt_tell(bob.sock);
	undisturbed = !vt_wait(&bob);
	vt_param_set("regions_user", regions);
	for (i = 0; i < ABUSERS; i++)
		if (vt_kill(&alice[i]) != 128 + SIGKILL)
			st_die("an abuser has ended by itself");
	st_counts_print(counts, NR_COUNTS);
	dev = vt_device();
	vt_unlink_all(dev, "alice-");
	vt_unlink_all(dev, "bob/");
	close(dev);
	if (!undisturbed)
		st_die("the victim was disturbed");
	if (!as_documented(counts))
		st_die("not what is documented");
	st_clean(&before, "abuse");
}
