// SPDX-License-Identifier: GPL-2.0
/*
 * A user takes all that he can get: descriptors, regions, names, events. What
 * another user does meanwhile succeeds, and how long it takes at most is told.
 * And: very many regions; very many members of one.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "lib/vmshm_env.h"
#include "lib/vmshm_mem.h"
#include "lib/vmshm_peer.h"
#include "stress/stress.h"

#define ABUSERS		4

static void abuse(unsigned int number)
{
	char name[VMSHM_NAME_MAX + 1];
	unsigned int i;
	int dev, fd;

	if (vt_become(VT_ALICE))
		st_die("cannot become another user");
	dev = vt_device();
	for (i = 0;; i++) {
		/* Until a limit is reached, and on and on. */
		snprintf(name, sizeof(name), "alice-%u/%u", number, i);
		fd = vt_create(dev, name, VT_PAGE, 1 << 20, 0, 0666);
		vt_watch(dev, "", 0, NULL);
		vt_join(fd, -1, 64, "");
		vt_readonly(fd);
		vt_resize(fd, rand() % (1 << 20));
		/* Names of the other, and events for whoever looks at them. */
		snprintf(name, sizeof(name), "bob/%u", i % 4);
		vt_create(dev, name, VT_PAGE, VT_PAGE, 0, 0666);
		if (i % 64 == 63)
			close_range(dev + 1, ~0U, 0);
	}
}

struct latency {
	unsigned long long most;
	unsigned long long sum;
	unsigned int nr;
};

/* Returns what failed, or NULL. */
static const char *victim_round(int dev, int peer, unsigned char *map)
{
	char name[] = "bob/own";
	int fd = vt_create(dev, name, VT_PAGE, 1 << 20, 0, 0600);

	if (fd < 0)
		return "create";
	if (vt_resize(fd, 1 << 18))
		return "resize";
	close(fd);
	if (vt_unlink(dev, name))
		return "unlink";
	if (vt_poke(map, 1))
		return "write";
	if (vt_ring(peer, vt_peer_number(peer), 0))
		return "ring";
	return NULL;
}

static void victim(int sock)
{
	struct latency latency = { 0 };
	struct st_clock clock;
	unsigned char *map;
	const char *failed;
	int dev, fd, peer;

	if (vt_become(VT_BOB))
		st_die("cannot become another user");
	dev = vt_device();
	fd = vt_create(dev, "bob/kept", VT_PAGE, VT_PAGE, 0, 0600);
	peer = vt_join(fd, -1, 1, "");
	map = vt_map(fd, VT_PAGE, PROT_READ | PROT_WRITE, 0);
	if (fd < 0 || peer < 0 || !map)
		st_die("the victim has nothing to begin with");
	vt_tell(sock);
	vt_hear(sock);
	st_clock_start(&clock, st_options.seconds);
	while (!st_clock_over(&clock)) {
		unsigned long long start = st_ns(), ns;

		failed = victim_round(dev, peer, map);
		if (failed)
			st_die("the victim failed to %s", failed);
		ns = st_ns() - start;
		latency.sum += ns;
		latency.nr++;
		if (ns > latency.most)
			latency.most = ns;
		usleep(2000);
	}
	printf("# victim: %u rounds of 6 calls, on average %llu us, at most %llu us\n",
	       latency.nr, latency.sum / latency.nr / 1000,
	       latency.most / 1000);
	fflush(stdout);
	_exit(0);
}

void st_abuse(void)
{
	struct vt_child bob, alice[ABUSERS];
	struct vmshm_info before;
	unsigned int i;
	int dev;

	st_baseline(&before);
	if (!vt_fork(&bob))
		victim(bob.sock);
	/* His domain is his before anybody squats. */
	if (vt_hear(bob.sock))
		st_die("no victim");
	for (i = 0; i < ABUSERS; i++)
		if (!vt_fork(&alice[i]))
			abuse(i);
	vt_tell(bob.sock);
	if (vt_wait(&bob))
		st_die("the victim was disturbed");
	for (i = 0; i < ABUSERS; i++)
		if (vt_kill(&alice[i]) != 128 + SIGKILL)
			st_die("an abuser has ended by itself");
	dev = vt_device();
	vt_unlink_all(dev, "alice-");
	vt_unlink_all(dev, "bob/");
	close(dev);
	st_clean(&before, "abuse");
}

void st_many(void)
{
	long long regions = vt_param_get("regions_user");
	long long meta = vt_param_get("meta_user_kb");
	struct vmshm_info before, now;
	char name[VMSHM_NAME_MAX + 1];
	unsigned long long start;
	unsigned int i;
	int dev, fd, n;

	st_baseline(&before);
	if (vt_param_set("regions_user", st_options.regions + 10) ||
	    vt_param_set("meta_user_kb", 64ULL * st_options.regions))
		st_die("cannot raise the limits");
	dev = vt_device();
	start = st_ns();
	for (i = 0; i < st_options.regions; i++) {
		snprintf(name, sizeof(name), "many/%u", i);
		fd = vt_create(dev, name, VT_PAGE, VT_PAGE, 0, 0600);
		if (fd < 0)
			st_die("region %u: error %d", i, fd);
		close(fd);
	}
	printf("# %u regions, %llu us each\n", i,
	       (st_ns() - start) / 1000 / i);
	vt_info(dev, &now);
	if (now.out_regions_used != before.out_regions_used + i)
		st_die("%llu regions are counted", now.out_regions_used);
	n = vt_list(dev, "many/", 0, NULL, 0);
	if (n != (int)i)
		st_die("%d regions are listed", n);
	start = st_ns();
	n = vt_unlink_all(dev, "many/");
	if (n != (int)i)
		st_die("%d regions were unlinked", n);
	printf("# unlinked, %llu us each\n", (st_ns() - start) / 1000 / i);
	close(dev);
	vt_param_set("regions_user", regions);
	vt_param_set("meta_user_kb", meta);
	st_clean(&before, "many");
}

void st_members(void)
{
	struct vmshm_member *members;
	struct vt_child *child;
	struct vmshm_info before;
	unsigned int i, n = st_options.members;
	unsigned long long start;
	int dev, fd, ret;

	st_baseline(&before);
	child = calloc(n, sizeof(*child));
	members = calloc(2 * n + 2, sizeof(*members));
	dev = vt_device();
	fd = vt_create(dev, "members/one", VT_PAGE, VT_PAGE, 0, 0600);
	if (!child || !members || fd < 0)
		st_die("no region: %d", fd);
	for (i = 0; i < n; i++) {
		if (vt_fork(&child[i]) < 0)
			st_die("fork %u: %m", i);
		if (child[i].pid)
			continue;
		fd = vt_open(dev, "members/one", 0);
		if (fd < 0 || vt_poke(vt_map(fd, VT_PAGE,
					     PROT_READ | PROT_WRITE, 0), 1))
			_exit(1);
		vt_tell(child[i].sock);
		pause();
		_exit(1);
	}
	for (i = 0; i < n; i++)
		if (vt_hear(child[i].sock))
			st_die("member %u has not come", i);
	start = st_ns();
	ret = vt_members(fd, members, 2 * n + 2);
	if (ret != (int)(2 * n + 1))
		st_die("%d members, expected %u", ret, 2 * n + 1);
	printf("# %d members, listed in %llu us\n", ret,
	       (st_ns() - start) / 1000);
	for (i = 0; i < n; i++)
		kill(child[i].pid, SIGKILL);
	for (i = 0; i < n; i++)
		vt_wait(&child[i]);
	if (vt_members(fd, members, 2) != 1)
		st_die("there are members left");
	close(fd);
	vt_unlink_all(dev, "members/");
	close(dev);
	st_clean(&before, "members");
}
