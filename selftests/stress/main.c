// SPDX-License-Identifier: GPL-2.0
/*
 * vmshm-stress: holders of every kind killed all the time, users who hoard,
 * many regions, many members, memory and CPUs that come and go. To be run as
 * root in a test machine. What each part promises is said where it is.
 */
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/vmshm_env.h"
#include "stress/stress.h"

struct st_options st_options = {
	.seconds = 10,
	.regions = 100000,
	.members = 1000,
};

static const struct st_part {
	const char *name;
	void (*run)(void);
	const char *what;
} parts[] = {
	{ "kill", st_kill, "holders of every kind are killed" },
	{ "abuse", st_abuse, "a user hoards, another is not disturbed" },
	{ "many", st_many, "many regions" },
	{ "members", st_members, "many members of one region" },
	{ "memory", st_memory, "little memory: swap, cgroups, the OOM killer" },
	{ "hotplug", st_hotplug, "CPUs go and come" },
	{ "reload", st_reload, "the module is unloaded between bursts" },
};

#define NR_PARTS	(sizeof(parts) / sizeof(*parts))

void st_die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	printf("# ");
	vprintf(format, args);
	putchar('\n');
	va_end(args);
	fflush(stdout);
	_exit(1);
}

void st_skip(const char *why)
{
	printf("# %s\n", why);
	fflush(stdout);
	_exit(ST_SKIP);
}

unsigned long long st_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

void st_clock_start(struct st_clock *clock, unsigned int seconds)
{
	clock_gettime(CLOCK_MONOTONIC, &clock->end);
	clock->end.tv_sec += seconds;
}

bool st_clock_over(const struct st_clock *clock)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec > clock->end.tv_sec ||
	       (now.tv_sec == clock->end.tv_sec &&
		now.tv_nsec >= clock->end.tv_nsec);
}

void st_baseline(struct vmshm_info *info)
{
	int dev = vt_device();

	if (dev < 0 || vt_info(dev, info))
		st_die("the device: %m");
	close(dev);
}

void st_clean(const struct vmshm_info *before, const char *what)
{
	struct vmshm_info now;
	int i;

	for (i = 0; i < VT_PATIENCE * 100; i++) {
		st_baseline(&now);
		if (now.out_regions_used == before->out_regions_used &&
		    now.out_bytes_used == before->out_bytes_used &&
		    now.out_meta_used == before->out_meta_used &&
		    now.out_peers_used == before->out_peers_used)
			return;
		usleep(10000);
	}
	st_die("%s: left over: %lld regions, %lld bytes, %lld bytes of the kernel's, %lld peers",
	       what,
	       (long long)(now.out_regions_used - before->out_regions_used),
	       (long long)(now.out_bytes_used - before->out_bytes_used),
	       (long long)(now.out_meta_used - before->out_meta_used),
	       (long long)(now.out_peers_used - before->out_peers_used));
}

static void usage(FILE *to)
{
	unsigned int i;

	fputs("usage: vmshm-stress [--seconds N] [--regions N] [--members N] [PART...]\n"
	      "\n"
	      "  --seconds N  for each part that has no end of its own (default 10)\n"
	      "  --regions N  how many are many (default 100000)\n"
	      "  --members N  processes that have one region (default 1000)\n"
	      "\n"
	      "Parts, all by default:\n", to);
	for (i = 0; i < NR_PARTS; i++)
		fprintf(to, "  %-10s %s\n", parts[i].name, parts[i].what);
}

/*
 * In a process of its own: what it leaves behind is gone with it, and its names are
 * removed if it failed, so that they are not missing in the end of the next one.
 */
static int run(const struct st_part *part, unsigned int number)
{
	unsigned long long start = st_ns();
	struct vt_child child;
	int dev, status;

	fflush(stdout);
	if (!vt_fork(&child)) {
		part->run();
		fflush(stdout);
		_exit(0);
	}
	status = vt_wait(&child);
	if (status && status != ST_SKIP) {
		dev = vt_device();
		vt_unlink_all(dev, "stress/");
		close(dev);
	}
	printf("%s %u %s: %s, %llu ms%s\n",
	       status && status != ST_SKIP ? "not ok" : "ok", number,
	       part->name, part->what, (st_ns() - start) / 1000000,
	       status == ST_SKIP ? " # SKIP" : "");
	return status == ST_SKIP ? 0 : status;
}

int main(int argc, char *argv[])
{
	static const struct option options[] = {
		{ "seconds", required_argument, NULL, 's' },
		{ "regions", required_argument, NULL, 'r' },
		{ "members", required_argument, NULL, 'm' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL },
	};
	unsigned int i, number = 0;
	int c, j, status = 0;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
		switch (c) {
		case 's':
			st_options.seconds = strtoul(optarg, NULL, 0);
			break;
		case 'r':
			st_options.regions = strtoul(optarg, NULL, 0);
			break;
		case 'm':
			st_options.members = strtoul(optarg, NULL, 0);
			break;
		case 'h':
			usage(stdout);
			return 0;
		default:
			usage(stderr);
			return 2;
		}
	}
	puts("TAP version 13");
	for (i = 0; i < NR_PARTS; i++) {
		bool wanted = optind == argc;

		for (j = optind; j < argc; j++)
			wanted |= !strcmp(argv[j], parts[i].name);
		if (wanted && run(&parts[i], ++number))
			status = 1;
	}
	printf("1..%u\n", number);
	return !number ? 2 : status;
}
