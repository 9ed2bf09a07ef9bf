// SPDX-License-Identifier: GPL-2.0
/* Very many regions; very many members of one. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "lib/vmshm_env.h"
#include "lib/vmshm_mem.h"
#include "stress/stress.h"

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
