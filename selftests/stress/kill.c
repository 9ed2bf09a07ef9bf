// SPDX-License-Identifier: GPL-2.0
/*
 * Holders of every kind, killed at any moment. In the end nothing is left but
 * the names.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <signal.h>
#include <stdlib.h>

#include "lib/minivm.h"
#include "lib/vmshm_bind.h"
#include "lib/vmshm_env.h"
#include "lib/vmshm_peer.h"
#include "stress/stress.h"

/* At least one of each kind. */
#define HOLDERS		16

struct holder {
	struct vt_child child;
	unsigned int what;
};

static void start(struct holder *holder, unsigned int what,
		  struct st_count *counts)
{
	int dev, fd;

	what %= st_nr_holders;
	holder->what = what;
	if (vt_fork(&holder->child))
		return;
	srand(getpid());
	dev = vt_device();
	fd = vt_open(dev, ST_SHARED, 0);
	if (fd < 0)
		st_die("open of the shared region: %d", fd);
	for (;;)
		st_holders[what].hold(dev, fd, &counts[what]);
}

static void stop(struct holder *holder)
{
	if (vt_kill(&holder->child) != 128 + SIGKILL)
		st_die("a holder of a %s has ended by itself",
		       st_holders[holder->what].name);
	close(holder->child.sock);
}

/* A kind that has not held anything until now, or -1. */
static int missing(const struct st_count *counts)
{
	unsigned int i;

	for (i = 0; i < st_nr_holders; i++)
		if (!counts[i].done)
			return i;
	return -1;
}

/* Until the time is over, and longer for a kind that has not come to anything. */
static unsigned int storm(struct holder *holders, struct st_count *counts)
{
	struct st_clock clock, patience;
	unsigned int killed = 0;

	st_clock_start(&clock, st_options.seconds);
	st_clock_start(&patience, st_options.seconds +
		       VT_PATIENCE * vt_timeout_scale());
	while (!st_clock_over(&patience)) {
		struct holder *holder = &holders[rand() % HOLDERS];
		int late = -1;

		if (st_clock_over(&clock)) {
			late = missing(counts);
			if (late < 0)
				break;
		}
		usleep(rand() % 20000);
		if (late >= 0 && holder->what == (unsigned int)late)
			continue;
		stop(holder);
		killed++;
		start(holder, late >= 0 ? late : rand(), counts);
	}
	return killed;
}

/* What ends with the last of a process that is dead takes a moment. */
static void nothing_left(int fd)
{
	int members = 0, peers = 0, bindings = 0, i;
	struct vmshm_member member[8];

	for (i = 0; i < VT_PATIENCE * 100; i++) {
		members = vt_members(fd, member, 8);
		peers = vt_peers(fd, NULL, 0);
		bindings = vt_bindings(fd, NULL, 0);
		if (members == 1 && !peers && !bindings)
			return;
		usleep(10000);
	}
	st_die("kill: left over: %d members but for one, %d peers, %d bindings",
	       members, peers, bindings);
}

void st_kill(void)
{
	struct st_count *counts = st_counts_new(st_nr_holders);
	struct holder holders[HOLDERS];
	unsigned int i, killed;
	struct vmshm_info before;
	struct vt_guest guest;
	int dev, fd, pinned;

	for (i = 0; i < st_nr_holders; i++)
		counts[i].name = st_holders[i].name;
	st_baseline(&before);
	dev = vt_device();
	if (vt_have_kvm(dev) != 1)
		st_die("vmshm_kvm is not loaded");
	/*
	 * So that none of theirs is the first or the last vCPU of the system:
	 * the kernel patches its text then, which emulation with several
	 * threads does not survive every time.
	 */
	if (vt_guest_init(&guest, 1))
		st_die("no virtual machine: %m");
	fd = vt_create(dev, ST_SHARED, ST_SIZE, ST_SIZE, VMSHM_SHRINKABLE,
		       0600);
	pinned = vt_create(dev, ST_PINNED, ST_SIZE, ST_SIZE, VMSHM_PINNABLE,
			   0600);
	if (fd < 0 || pinned < 0)
		st_die("create: %d and %d", fd, pinned);
	for (i = 0; i < HOLDERS; i++)
		start(&holders[i], i, counts);
	killed = storm(holders, counts);
	for (i = 0; i < HOLDERS; i++)
		stop(&holders[i]);
	st_counts_print(counts, st_nr_holders);
	if (missing(counts) >= 0)
		st_die("nobody had a %s", st_holders[missing(counts)].name);
	nothing_left(fd);
	close(fd);
	close(pinned);
	vt_guest_exit(&guest);
	vt_unlink_all(dev, "stress/");
	close(dev);
	st_clean(&before, "kill");
	printf("# %u holders were killed\n", killed + HOLDERS);
}
