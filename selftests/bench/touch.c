// SPDX-License-Identifier: GPL-2.0
/*
 * touch - what it costs to make a region, to map it and to touch its pages,
 * beside memfd_create(2)
 *
 * Each sample makes a new file, maps all of it, touches every page in order and
 * takes everything down; samples of the peers take turns. Values are medians:
 * of the whole for 'create_close', 'map_unmap' and 'open_close', of mapping and
 * touching, per page of 4 KiB, for 'touch_...':
 *
 *   write            the first access to a page writes
 *   read             there are only reads
 *   read_write       each page is read and then written, one after the other
 *   read_then_write  all pages are read, then all are written
 *
 * of a file without memory, and of one whose memory has been written
 * ('resident_...'), as a second user of a region finds it. '..._faults' counts
 * the page faults of the same. PINNABLE regions have the kernel's own mappings:
 * the difference to them is what it costs to follow writes.
 *
 * 'huge_...' is the same with huge pages: regions of the policy 'always', and
 * memfds while shmem_enabled is set to that.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "bench/bench.h"
#include "lib/vmshm_mem.h"
#include "lib/vmshm_test.h"

#define PAGE		4096UL
#define PAGES		2048UL
#define SIZE		(PAGES * PAGE)
#define SAMPLES		3
#define CALLS		101
#define SHMEM_ENABLED	"/sys/kernel/mm/transparent_hugepage/shmem_enabled"

static int dev;

/* Kinds of file; the first is what the others are compared with. */
enum { MEMFD, REGION, PINNABLE, KINDS };

static const char * const kinds[KINDS] = { "memfd", "", "_pinnable" };

static int make(int kind, __u64 size, __u32 huge)
{
	struct vmshm_create arg = {
		.size = sizeof(arg),
		.flags = VMSHM_EPHEMERAL,
		.region_size = size,
		.mode = 0600,
		.huge = huge,
		.name = "bench/touch",
	};
	int fd;

	if (kind == MEMFD) {
		fd = memfd_create("touch", MFD_CLOEXEC);
		NEED(fd >= 0);
		NEED(ftruncate(fd, size) == 0);
		return fd;
	}
	if (kind == PINNABLE)
		arg.flags |= VMSHM_PINNABLE;
	NEED(vt_ioctl(dev, VMSHM_IOC_CREATE, &arg) == 0);
	return arg.out_fd;
}

static char *map(int fd, size_t size)
{
	char *addr = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	NEED(addr != MAP_FAILED);
	return addr;
}

enum { READ = 1, WRITE = 2 };

static void touch(char *addr, int access)
{
	size_t i;

	for (i = 0; i < PAGES; i++) {
		if (access & READ)
			(void)__atomic_load_n(addr + i * PAGE, __ATOMIC_SEQ_CST);
		if (access & WRITE)
			__atomic_store_n(addr + i * PAGE, 1, __ATOMIC_RELEASE);
	}
}

static double faults(void)
{
	struct rusage usage;

	NEED(getrusage(RUSAGE_SELF, &usage) == 0);
	return usage.ru_minflt;
}

/* First and second pass over the pages; a second one that is 0 is none. */
struct pattern {
	const char *name;
	int first;
	int second;
};

static const struct pattern patterns[] = {
	{ "write", WRITE, 0 },
	{ "read", READ, 0 },
	{ "read_write", READ | WRITE, 0 },
	{ "read_then_write", READ, WRITE },
};

struct sample {
	double time;
	double faults;
};

static struct sample touch_once(int kind, const struct pattern *pattern,
				bool resident, __u32 huge)
{
	int fd = make(kind, SIZE, huge);
	double start, before;
	struct sample sample;
	char *addr;

	if (resident) {
		addr = map(fd, SIZE);
		touch(addr, WRITE);
		NEED(munmap(addr, SIZE) == 0);
	}
	before = faults();
	start = bench_now();
	addr = map(fd, SIZE);
	touch(addr, pattern->first);
	if (pattern->second)
		touch(addr, pattern->second);
	sample.time = (bench_now() - start) / PAGES;
	sample.faults = (faults() - before) / PAGES;
	NEED(munmap(addr, SIZE) == 0);
	close(fd);
	return sample;
}

static void bench_touch(const struct pattern *pattern, bool resident,
			__u32 huge)
{
	double times[KINDS][SAMPLES], medians[KINDS], count[KINDS];
	struct sample sample;
	char name[80], full[100];
	int kind, i;

	/* The first round is for the allocators to settle. */
	for (i = -1; i < SAMPLES; i++) {
		for (kind = 0; kind < KINDS; kind++) {
			sample = touch_once(kind, pattern, resident, huge);
			if (i >= 0)
				times[kind][i] = sample.time;
			count[kind] = sample.faults;
		}
	}
	for (kind = 0; kind < KINDS; kind++)
		medians[kind] = bench_median(times[kind], SAMPLES);
	snprintf(name, sizeof(name), "%s%stouch_%s",
		 huge == VMSHM_HUGE_NEVER ? "" : "huge_",
		 resident ? "resident_" : "", pattern->name);
	for (kind = REGION; kind < KINDS; kind++) {
		snprintf(full, sizeof(full), "%s%s", name, kinds[kind]);
		bench_print(full, medians[kind], "ns/page", medians[MEMFD],
			    "memfd");
	}
	snprintf(full, sizeof(full), "%s_faults", name);
	bench_print(full, count[REGION], "faults/page", count[MEMFD], "memfd");
}

static void bench_patterns(__u32 huge)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(patterns); i++)
		bench_touch(&patterns[i], false, huge);
	for (i = 0; i < ARRAY_SIZE(patterns); i++)
		bench_touch(&patterns[i], true, huge);
}

static void create_close(int kind)
{
	close(make(kind, SIZE, VMSHM_HUGE_NEVER));
}

static int used;	/* what the following are about */

static void map_unmap(int kind)
{
	NEED(munmap(map(used, SIZE), SIZE) == 0);
}

static void open_close(int kind)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", used);
	fd = open(path, O_RDWR | O_CLOEXEC);
	NEED(fd >= 0);
	close(fd);
}

static char block[PAGE];

static void pwrite_page(int kind)
{
	NEED(pwrite(used, block, PAGE, 0) == PAGE);
}

static void pread_page(int kind)
{
	NEED(pread(used, block, PAGE, 0) == PAGE);
}

static void bench_call(const char *name, void (*call)(int kind))
{
	double times[KINDS][CALLS], medians[KINDS], start;
	int kind, i, fds[KINDS];
	char full[80];

	for (kind = 0; kind < KINDS; kind++) {
		fds[kind] = call == create_close ? -1 :
			make(kind, SIZE, VMSHM_HUGE_NEVER);
		used = fds[kind];
		for (i = -1; i < CALLS; i++) {
			start = bench_now();
			call(kind);
			if (i >= 0)
				times[kind][i] = bench_now() - start;
		}
		medians[kind] = bench_median(times[kind], CALLS);
		close(fds[kind]);
	}
	for (kind = REGION; kind < KINDS; kind++) {
		snprintf(full, sizeof(full), "%s%s", name, kinds[kind]);
		bench_print(full, medians[kind], "ns/call", medians[MEMFD],
			    "memfd");
	}
}

int main(void)
{
	char before[32];

	dev = vt_device();
	NEED(dev >= 0);
	/* The module's file system is mounted while there is a region. */
	NEED(vt_create(dev, "bench/other", PAGE, 0, VMSHM_EPHEMERAL, 0600) >= 0);

	bench_call("create_close", create_close);
	bench_call("open_close", open_close);
	bench_call("map_unmap", map_unmap);
	bench_call("pwrite_4k", pwrite_page);
	bench_call("pread_4k", pread_page);
	bench_patterns(VMSHM_HUGE_NEVER);

	NEED(!vt_read_choice(SHMEM_ENABLED, before, sizeof(before)));
	NEED(!vt_write_file(SHMEM_ENABLED, "always"));
	bench_patterns(VMSHM_HUGE_ALWAYS);
	NEED(!vt_write_file(SHMEM_ENABLED, before));
	return 0;
}
