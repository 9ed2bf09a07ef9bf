// SPDX-License-Identifier: GPL-2.0
/*
 * names - what creating, opening and unlinking cost among many names
 *
 * There are 10, 1,000 and 100,000 names, all of one domain; then CALLS more are
 * created, opened and closed, and unlinked again, in no order. Values are
 * medians. The peer is a directory of a tmpfs with as many files; a second line
 * compares with the same among 10 names.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <sys/stat.h>

#include "bench/bench.h"
#include "lib/vmshm_env.h"
#include "lib/vmshm_test.h"

#define CALLS	101
#define SIZE	4096
#define DIR	"/dev/shm/bench"

static const unsigned int counts[] = { 10, 1000, 100000 };

static int dev;

struct ops {
	int (*create)(const char *name);
	int (*open)(const char *name);
	int (*unlink)(const char *name);
};

static int region_create(const char *name)
{
	return vt_create(dev, name, SIZE, 0, 0, 0600);
}

static int region_open(const char *name)
{
	return vt_open(dev, name, 0);
}

static int region_unlink(const char *name)
{
	return vt_unlink(dev, name);
}

/* Names of regions are paths below /dev/shm as well. */
static const char *path(const char *name)
{
	static char buf[VMSHM_NAME_MAX + 16];

	snprintf(buf, sizeof(buf), "/dev/shm/%s", name);
	return buf;
}

static int tmpfs_create(const char *name)
{
	int fd = open(path(name), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd >= 0)
		NEED(ftruncate(fd, SIZE) == 0);
	return fd;
}

static int tmpfs_open(const char *name)
{
	return open(path(name), O_RDWR | O_CLOEXEC);
}

static int tmpfs_unlink(const char *name)
{
	return unlink(path(name));
}

enum { REGION, TMPFS, KINDS };

static const struct ops ops[KINDS] = {
	[REGION] = { region_create, region_open, region_unlink },
	[TMPFS]	 = { tmpfs_create, tmpfs_open, tmpfs_unlink },
};

enum { CREATE, OPEN, UNLINK, STEPS };

static const char * const steps[STEPS] = { "create", "open", "unlink" };

/* Different for all i below 2^32, and in no order. */
static const char *nth_name(char name[VMSHM_NAME_MAX + 1], unsigned int i)
{
	snprintf(name, VMSHM_NAME_MAX + 1, "bench/%08x", i * 2654435761u);
	return name;
}

static void fill(const struct ops *o, unsigned int from, unsigned int to)
{
	char name[VMSHM_NAME_MAX + 1];
	int fd;

	for (; from < to; from++) {
		fd = o->create(nth_name(name, from));
		NEED(fd >= 0);
		close(fd);
	}
}

static void empty(const struct ops *o, unsigned int to)
{
	char name[VMSHM_NAME_MAX + 1];

	while (to--)
		NEED(o->unlink(nth_name(name, to)) == 0);
}

static void measure(const struct ops *o, unsigned int count,
		    double medians[STEPS])
{
	double times[STEPS][CALLS], start;
	char name[VMSHM_NAME_MAX + 1];
	unsigned int i, step;
	int fd;

	for (i = 0; i < CALLS; i++) {
		nth_name(name, count + i);
		start = bench_now();
		fd = o->create(name);
		times[CREATE][i] = bench_now() - start;
		NEED(fd >= 0);
		close(fd);
	}
	for (i = 0; i < CALLS; i++) {
		nth_name(name, count + i);
		start = bench_now();
		fd = o->open(name);
		times[OPEN][i] = bench_now() - start;
		NEED(fd >= 0);
		close(fd);
	}
	for (i = 0; i < CALLS; i++) {
		nth_name(name, count + i);
		start = bench_now();
		NEED(o->unlink(name) == 0);
		times[UNLINK][i] = bench_now() - start;
	}
	for (step = 0; step < STEPS; step++)
		medians[step] = bench_median(times[step], CALLS);
}

int main(void)
{
	double medians[ARRAY_SIZE(counts)][KINDS][STEPS];
	unsigned int i, kind, step, have = 0;
	long long regions, meta;
	char name[80];

	dev = vt_device();
	NEED(dev >= 0);
	regions = vt_param_get("regions_user");
	meta = vt_param_get("meta_user_kb");
	NEED(regions > 0 && meta > 0);
	NEED(vt_param_set("regions_user", 1000000) == 0);
	NEED(vt_param_set("meta_user_kb", 10000000) == 0);
	NEED(mkdir(DIR, 0700) == 0);

	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		for (kind = 0; kind < KINDS; kind++) {
			fill(&ops[kind], have, counts[i]);
			measure(&ops[kind], counts[i], medians[i][kind]);
		}
		have = counts[i];
		for (step = 0; step < STEPS; step++) {
			double value = medians[i][REGION][step];

			snprintf(name, sizeof(name), "%s_among_%u", steps[step],
				 counts[i]);
			bench_print(name, value, "ns/call",
				    medians[i][TMPFS][step], "tmpfs");
			if (i)
				bench_print(name, value, "ns/call",
					    medians[0][REGION][step],
					    "among_10");
		}
	}

	for (kind = 0; kind < KINDS; kind++)
		empty(&ops[kind], have);
	NEED(rmdir(DIR) == 0);
	NEED(vt_param_set("regions_user", regions) == 0);
	NEED(vt_param_set("meta_user_kb", meta) == 0);
	return 0;
}
