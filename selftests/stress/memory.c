// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that is short, and CPUs and the module that go while there is traffic.
 * What was written stays as it was.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "lib/vmshm_env.h"
#include "lib/vmshm_mem.h"
#include "lib/vmshm_module.h"
#include "lib/vmshm_swap.h"
#include "stress/stress.h"

#define CGROUP		"/sys/fs/cgroup/vmshm-stress"
#define LIMIT		"16777216"
#define BIG		(64UL << 20)
#define SWAPPED		(4UL << 20)
#define CPU		"/sys/devices/system/cpu/cpu1/online"

/* Fills a region in a cgroup that has less memory, and so is killed. */
static void overfill(const char *name)
{
	unsigned char *map;
	size_t i;
	int dev, fd;

	if (vt_write_file(CGROUP "/cgroup.procs", "0"))
		st_die("cannot enter the cgroup: %m");
	dev = vt_device();
	fd = vt_create(dev, name, BIG, BIG, 0, 0600);
	map = vt_map(fd, BIG, PROT_READ | PROT_WRITE, 0);
	for (i = 0; i < BIG; i += VT_PAGE)
		if (vt_poke(map + i, 1))
			_exit(1);
	_exit(0);
}

/* Returns how many bytes were swapped out; fewer than asked for is no error. */
static unsigned long swap_round(int fd, unsigned char value)
{
	unsigned char *map = vt_map(fd, SWAPPED, PROT_READ | PROT_WRITE, 0);
	struct vmshm_stat stat;
	int ret;

	if (!map)
		st_die("no mapping: %m");
	memset(map, value, SWAPPED);
	ret = vt_cgroup_reclaim(SWAPPED);
	if (ret && ret != -EAGAIN)
		st_die("cannot reclaim: %d", ret);
	if (vt_stat(fd, &stat) || stat.out_allocated != SWAPPED ||
	    stat.out_resident > SWAPPED)
		st_die("%llu bytes are allocated, %llu resident",
		       stat.out_allocated, stat.out_resident);
	if (!vt_filled(map, value, SWAPPED))
		st_die("what was swapped out is not what comes back");
	munmap(map, SWAPPED);
	return SWAPPED - stat.out_resident;
}

static void swap(int dev)
{
	unsigned long long sum = 0;
	unsigned int n, swapped = 0;
	struct st_clock clock;
	unsigned long bytes;
	int fd;

	if (vt_swap_on() || vt_cgroup_enter())
		st_die("no swap: %m");
	fd = vt_create(dev, "stress/swap", SWAPPED, SWAPPED, 0, 0600);
	if (fd < 0)
		st_die("create: %d", fd);
	st_clock_start(&clock, st_options.seconds);
	for (n = 0; !n || !st_clock_over(&clock); n++) {
		bytes = swap_round(fd, n + 1);
		sum += bytes;
		swapped += !!bytes;
	}
	close(fd);
	vt_unlink_all(dev, "stress/");
	if (vt_cgroup_leave() || vt_swap_off())
		st_die("swap is in use: %m");
	printf("# swapped out and in %u times of %u, %llu KiB each\n", swapped,
	       n, swapped ? sum / swapped / 1024 : 0);
	/* Now and then there is nothing that can go at once. */
	if (2 * swapped < n || !swapped)
		st_die("it is not swapped out");
}

/* Without swap there is only one way out. */
static void oom(int dev)
{
	struct vt_child child;
	int fd, ret;

	if (!vt_fork(&child))
		overfill("stress/oom");
	ret = vt_wait(&child);
	if (ret != 128 + SIGKILL)
		st_die("more than the cgroup has was written: %d", ret);
	close(child.sock);
	/* Its region is still there, and as good as any. */
	fd = vt_open(dev, "stress/oom", 0);
	if (fd < 0 || vt_resize(fd, VT_PAGE) ||
	    vt_unlink_all(dev, "stress/") != 1)
		st_die("what the killed left cannot be used: %d", fd);
	close(fd);
}

void st_memory(void)
{
	struct vmshm_info before;
	unsigned int n;
	int dev;

	st_baseline(&before);
	if ((mkdir(CGROUP, 0755) && errno != EEXIST) ||
	    vt_write_file(CGROUP "/memory.max", LIMIT))
		st_die("no cgroup: %m");
	dev = vt_device();
	swap(dev);
	for (n = 0; n < 4; n++)
		oom(dev);
	for (n = 0; rmdir(CGROUP); n++) {
		if (n == VT_PATIENCE * 100)
			st_die("the cgroup is in use: %m");
		usleep(10000);
	}
	close(dev);
	st_clean(&before, "memory");
}

/* Writes, and looks whether it is there, for ever. */
static void traffic(unsigned int number)
{
	char name[VMSHM_NAME_MAX + 1];
	unsigned char *map;
	unsigned int i;
	int dev, fd;

	for (i = 0;; i++) {
		snprintf(name, sizeof(name), "stress/%u", number);
		dev = vt_device();
		fd = vt_create(dev, name, 1 << 18, 1 << 20, VMSHM_EPHEMERAL,
			       0600);
		if (dev < 0 || fd < 0)
			st_die("traffic: %d", fd);
		map = vt_map(fd, 1 << 18, PROT_READ | PROT_WRITE, 0);
		memset(map, i, 1 << 18);
		if (!vt_file_filled(fd, 0, i, 1 << 18))
			st_die("traffic: what was written is not there");
		munmap(map, 1 << 18);
		close(fd);
		close(dev);
	}
}

static void traffic_start(struct vt_child *child, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (!vt_fork(&child[i]))
			traffic(i);
}

static void traffic_stop(struct vt_child *child, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		if (vt_kill(&child[i]) != 128 + SIGKILL)
			st_die("traffic has ended by itself");
		close(child[i].sock);
	}
}

void st_hotplug(void)
{
	struct vmshm_info before;
	struct vt_child child[3];
	struct st_clock clock;
	unsigned int n = 0;

	if (access(CPU, W_OK))
		st_skip("there is no CPU to take away");
	st_baseline(&before);
	traffic_start(child, 3);
	st_clock_start(&clock, st_options.seconds);
	for (; !st_clock_over(&clock); n++) {
		if (vt_write_file(CPU, "0") || vt_write_file(CPU, "1"))
			st_die("a CPU cannot go or come: %m");
		usleep(50000);
	}
	traffic_stop(child, 3);
	st_clean(&before, "hotplug");
	printf("# a CPU went and came %u times\n", n);
}

/* While there is traffic it cannot go; without it, it can, at once. */
void st_reload(void)
{
	struct vt_child child[3];
	struct st_clock clock;
	struct stat device;
	unsigned int n = 0;
	int fd, i, ret;

	/* Makes vmshm_kvm go, which uses it; run-tests loads that again. */
	ret = vt_module_init(&device);
	if (ret)
		st_die("the module cannot be unloaded or found: %d", ret);
	st_clock_start(&clock, st_options.seconds);
	for (; !n || !st_clock_over(&clock); n++) {
		fd = vt_device();
		traffic_start(child, 3);
		for (i = 0; i < 5; i++) {
			ret = vt_module_unload();
			if (ret != -EAGAIN)
				st_die("unloading, with the device open: %d",
				       ret);
			usleep(5000);
		}
		traffic_stop(child, 3);
		close(fd);
		ret = vt_module_unload_at_last();
		if (ret)
			st_die("it cannot be unloaded: %d", ret);
		ret = vt_module_load(&device);
		if (ret)
			st_die("it cannot be loaded: %d", ret);
	}
	printf("# unloaded and loaded %u times\n", n);
}
