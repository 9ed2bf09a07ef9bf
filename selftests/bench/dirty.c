// SPDX-License-Identifier: GPL-2.0
/*
 * dirty - what a round of dirty tracking costs, beside other trackers
 *
 * usage: dirty [SECTION...]
 *
 * Sections: trackers, single, sparse, guest, batch, mappers; by default all of
 * these. And 'size=MIB', which is trackers with regions of that size; large ones
 * take long, and so much memory.
 *
 * A round: the writer stores to the pages of a pattern, then the reader gets
 * the list of dirty pages and makes the tracker ready for the next round. The
 * two parts are timed apart; each value is the median of ROUNDS rounds, after
 * others that are not timed, so many that what a tracker learns has settled, or
 * nearly with large regions. All trackers run in the same process, the others on
 * a memfd of the same size. Counts are those of one more round that is not timed.
 *
 * BENCH <name> <value> <unit> <ratio> <peer>: a line for each peer, and '-'
 * where there is none.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>

#include <linux/perf_event.h>

#include "lib/minivm.h"
#include "lib/pagemap_scan.h"
#include "lib/vmshm_env.h"
#include "lib/vmshm_log.h"
#include "lib/vmshm_test.h"

#define PAGE		4096UL
#define MIB		(1UL << 20)
/* Rounds before it counts: of vmshm, which learns, and of the others. */
#define WARM_LEARN	40
#define WARM_LARGE	8
#define WARM		2
#define ROUNDS		3
#define RANGES		4096
/* In MiB: from here on the rounds of WARM_LARGE have to do. */
#define LARGE		64
/* And from here on trackers that stop the writer for each page take too long. */
#define HUGE		4096
#define SOFT_DIRTY	(1ULL << 55)

struct area {
	int fd;			/* region or memfd */
	char *map;
	size_t pages;
	int log;
	int uffd;
	int pagemap;
	int clear_refs;
	pthread_t handler;
	unsigned long *dirty;	/* by the trackers that are told of pages */
	unsigned long events;	/* how often they were told */
};

struct tracker {
	const char *name;
	bool region;		/* runs on one of ours */
	int (*start)(struct area *area);
	/* Number of pages that are dirty; ready for the next round. */
	long (*collect)(struct area *area);
	void (*stop)(struct area *area);
};

struct result {
	double write;
	double read;
	double faults;
	double flushes;
	double notified;
	double kvm_faults;
	double reported;
	double written;
	double protected;
	double around;
};

static struct area *trapped;	/* for the signal handler */

#define CHECK(cond)							\
	do {								\
		if (!(cond)) {						\
			fprintf(stderr, "dirty: line %d: %s: %s\n",	\
				__LINE__, #cond, strerror(errno));	\
			exit(1);					\
		}							\
	} while (0)

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e9 + ts.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values, int n)
{
	qsort(values, n, sizeof(*values), compare);
	return values[n / 2];
}

static void set_dirty(struct area *area, size_t page)
{
	area->dirty[page / 64] |= 1UL << (page % 64);
	area->events++;
}

/* Calls @fn for each run of set bits, and clears them. */
static long take_runs(struct area *area,
		      void (*fn)(struct area *area, size_t from, size_t to))
{
	size_t from, to, i, words = (area->pages + 63) / 64;
	long n = 0;

	for (i = 0; i < area->pages; ) {
		if (!area->dirty[i / 64]) {
			i = (i / 64 + 1) * 64;
			continue;
		}
		if (!(area->dirty[i / 64] >> (i % 64) & 1)) {
			i++;
			continue;
		}
		from = i;
		for (to = i; to < area->pages &&
		     area->dirty[to / 64] >> (to % 64) & 1; to++)
			;
		if (fn)
			fn(area, from, to);
		n += to - from;
		i = to;
	}
	memset(area->dirty, 0, words * 8);
	return n;
}

/* No tracker. */

static int none_start(struct area *area)
{
	return 0;
}

static long none_collect(struct area *area)
{
	return 0;
}

static void none_stop(struct area *area)
{
}

/* vmshm */

static int log_start(struct area *area)
{
	area->log = vt_log_open(area->fd, 0, 0, 0);
	return area->log < 0 ? area->log : 0;
}

static long log_collect(struct area *area)
{
	static struct vmshm_log_range ranges[RANGES];
	struct vmshm_log_fetch arg = {
		.count = RANGES,
		.buffer = (uintptr_t)ranges,
	};
	long n = 0;

	do {
		CHECK(!vt_log_fetch(area->log, &arg));
		n += arg.out_pages;
		arg.first_page = arg.out_next;
	} while (arg.first_page < area->pages);
	return n;
}

static void log_stop(struct area *area)
{
	close(area->log);
	area->log = -1;
}

/* soft-dirty: /proc/PID/pagemap and /proc/PID/clear_refs */

static long scan_pagemap(int fd, const struct area *area)
{
	static __u64 entries[8192];
	size_t page = 0, i, n;
	long dirty = 0;

	while (page < area->pages) {
		n = area->pages - page;
		if (n > 8192)
			n = 8192;
		CHECK(pread(fd, entries, n * 8,
			    ((uintptr_t)area->map / PAGE + page) * 8) ==
		      (ssize_t)n * 8);
		for (i = 0; i < n; i++)
			dirty += !!(entries[i] & SOFT_DIRTY);
		page += n;
	}
	return dirty;
}

static long soft_collect(struct area *area)
{
	long n = scan_pagemap(area->pagemap, area);

	CHECK(pwrite(area->clear_refs, "4", 1, 0) == 1);
	return n;
}

static int soft_start(struct area *area)
{
	area->pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	area->clear_refs = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
	if (area->pagemap < 0 || area->clear_refs < 0)
		return -errno;
	soft_collect(area);
	/* A kernel without soft-dirty accepts all this and says "clean". */
	*(volatile char *)area->map = 1;
	return soft_collect(area) == 1 ? 0 : -EOPNOTSUPP;
}

static void soft_stop(struct area *area)
{
	close(area->pagemap);
	close(area->clear_refs);
}

/* userfaultfd */

static void uffd_protect(struct area *area, size_t from, size_t to, bool on)
{
	struct uffdio_writeprotect wp = {
		.range.start = (uintptr_t)area->map + from * PAGE,
		.range.len = (to - from) * PAGE,
		.mode = on ? UFFDIO_WRITEPROTECT_MODE_WP : 0,
	};

	CHECK(!ioctl(area->uffd, UFFDIO_WRITEPROTECT, &wp));
}

static int uffd_open(struct area *area, __u64 features)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };
	struct uffdio_register reg = {
		.range.start = (uintptr_t)area->map,
		.range.len = area->pages * PAGE,
		.mode = UFFDIO_REGISTER_MODE_WP,
	};

	area->uffd = syscall(__NR_userfaultfd, O_CLOEXEC);
	if (area->uffd < 0)
		return -errno;
	if (ioctl(area->uffd, UFFDIO_API, &api) ||
	    ioctl(area->uffd, UFFDIO_REGISTER, &reg)) {
		int err = errno;

		close(area->uffd);
		return -err;
	}
	uffd_protect(area, 0, area->pages, true);
	return 0;
}

static void *uffd_handle(void *data)
{
	struct area *area = data;
	struct uffd_msg msg;
	size_t page;

	/* Until pthread_cancel(). */
	while (read(area->uffd, &msg, sizeof(msg)) == sizeof(msg)) {
		page = (msg.arg.pagefault.address - (uintptr_t)area->map) /
			PAGE;
		set_dirty(area, page);
		uffd_protect(area, page, page + 1, false);
	}
	return NULL;
}

static int uffd_start(struct area *area)
{
	int ret = uffd_open(area, UFFD_FEATURE_WP_HUGETLBFS_SHMEM);

	if (ret)
		return ret;
	return -pthread_create(&area->handler, NULL, uffd_handle, area);
}

static void uffd_run(struct area *area, size_t from, size_t to)
{
	uffd_protect(area, from, to, true);
}

static long uffd_collect(struct area *area)
{
	return take_runs(area, uffd_run);
}

static void uffd_stop(struct area *area)
{
	pthread_cancel(area->handler);
	pthread_join(area->handler, NULL);
	close(area->uffd);
}

static int async_start(struct area *area)
{
	area->pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	return uffd_open(area, UFFD_FEATURE_WP_HUGETLBFS_SHMEM |
			 UFFD_FEATURE_WP_UNPOPULATED | UFFD_FEATURE_WP_ASYNC);
}

static long async_collect(struct area *area)
{
	static struct page_region regions[RANGES];
	struct pm_scan_arg arg = {
		.size = sizeof(arg),
		.flags = PM_SCAN_WP_MATCHING | PM_SCAN_CHECK_WPASYNC,
		.start = (uintptr_t)area->map,
		.end = (uintptr_t)area->map + area->pages * PAGE,
		.vec = (uintptr_t)regions,
		.vec_len = RANGES,
		.category_mask = PAGE_IS_WRITTEN,
		.return_mask = PAGE_IS_WRITTEN,
	};
	long i, n, dirty = 0;

	do {
		n = ioctl(area->pagemap, PAGEMAP_SCAN, &arg);
		CHECK(n >= 0);
		for (i = 0; i < n; i++)
			dirty += (regions[i].end - regions[i].start) / PAGE;
		arg.start = arg.walk_end;
	} while (arg.start < arg.end);
	return dirty;
}

static void async_stop(struct area *area)
{
	close(area->uffd);
	close(area->pagemap);
}

/* mprotect and a signal handler */

static void on_segv(int sig, siginfo_t *info, void *context)
{
	uintptr_t at = (uintptr_t)info->si_addr & ~(PAGE - 1);
	struct area *area = trapped;

	if (!area || at < (uintptr_t)area->map ||
	    at >= (uintptr_t)area->map + area->pages * PAGE)
		_exit(139);
	set_dirty(area, (at - (uintptr_t)area->map) / PAGE);
	if (mprotect((void *)at, PAGE, PROT_READ | PROT_WRITE))
		_exit(140);
}

static int trap_start(struct area *area)
{
	struct sigaction action = {
		.sa_sigaction = on_segv,
		.sa_flags = SA_SIGINFO,
	};

	trapped = area;
	if (sigaction(SIGSEGV, &action, NULL))
		return -errno;
	return mprotect(area->map, area->pages * PAGE, PROT_READ) ? -errno : 0;
}

static long trap_collect(struct area *area)
{
	long n = take_runs(area, NULL);

	CHECK(!mprotect(area->map, area->pages * PAGE, PROT_READ));
	return n;
}

static void trap_stop(struct area *area)
{
	mprotect(area->map, area->pages * PAGE, PROT_READ | PROT_WRITE);
	signal(SIGSEGV, SIG_DFL);
	trapped = NULL;
}

enum { VMSHM, MEMFD, VMSHM_IDLE, SOFT, UFFD, ASYNC, TRAP, NR_TRACKERS };

static const struct tracker trackers[] = {
	[VMSHM] = { "vmshm", true, log_start, log_collect, log_stop },
	[MEMFD] = { "memfd-untracked", false, none_start, none_collect,
		    none_stop },
	[VMSHM_IDLE] = { "vmshm-no-log", true, none_start, none_collect,
			 none_stop },
	[SOFT] = { "soft-dirty", false, soft_start, soft_collect, soft_stop },
	[UFFD] = { "uffd-wp", false, uffd_start, uffd_collect, uffd_stop },
	[ASYNC] = { "pagemap-scan", false, async_start, async_collect,
		    async_stop },
	[TRAP] = { "mprotect", false, trap_start, trap_collect, trap_stop },
};

/* Counts */

/* Events that are counted, by their tracepoints. */
enum { TLB_FLUSHES, NOTIFIER_CALLS, KVM_FAULTS, NR_EVENTS };

static const char * const event_names[NR_EVENTS] = {
	[TLB_FLUSHES]	 = "tlb/tlb_flush",
	[NOTIFIER_CALLS] = "kvm/kvm_unmap_hva_range",
	[KVM_FAULTS]	 = "kvm/kvm_page_fault",
};

static int event_fds[NR_EVENTS];

static void events_open(void)
{
	char path[96], id[32];
	int i;

	for (i = 0; i < NR_EVENTS; i++) {
		struct perf_event_attr attr = {
			.type = PERF_TYPE_TRACEPOINT,
			.size = sizeof(attr),
			.disabled = 1,
		};

		event_fds[i] = -1;
		/* Switching it patches text, which is for one CPU only. */
		if (sysconf(_SC_NPROCESSORS_ONLN) != 1)
			continue;
		snprintf(path, sizeof(path),
			 "/sys/kernel/tracing/events/%s/id", event_names[i]);
		if (vt_read_file(path, id, sizeof(id)) < 0)
			continue;
		attr.config = atoi(id);
		event_fds[i] = syscall(__NR_perf_event_open, &attr, -1, 0, -1,
				       PERF_FLAG_FD_CLOEXEC);
	}
}

static void events_begin(void)
{
	int i;

	for (i = 0; i < NR_EVENTS; i++) {
		if (event_fds[i] < 0)
			continue;
		ioctl(event_fds[i], PERF_EVENT_IOC_RESET, 0);
		ioctl(event_fds[i], PERF_EVENT_IOC_ENABLE, 0);
	}
}

/* Fills in -1 for what cannot be counted. */
static void events_end(double counts[NR_EVENTS])
{
	__u64 count;
	int i;

	for (i = 0; i < NR_EVENTS; i++) {
		counts[i] = -1;
		if (event_fds[i] < 0)
			continue;
		ioctl(event_fds[i], PERF_EVENT_IOC_DISABLE, 0);
		if (read(event_fds[i], &count, 8) == 8)
			counts[i] = count;
	}
}

static long minor_faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_minflt;
}

/* Areas */

static int new_file(bool region, size_t bytes)
{
	char name[VMSHM_NAME_MAX + 1];
	int dev, fd;

	if (!region) {
		fd = memfd_create("dirty", MFD_CLOEXEC);
		CHECK(fd >= 0 && !ftruncate(fd, bytes));
		return fd;
	}
	dev = vt_device();
	CHECK(dev >= 0);
	fd = vt_create(dev, vt_name(name, "dirty"), bytes, bytes, 0, 0600);
	CHECK(fd >= 0);
	CHECK(!vt_unlink(dev, name));
	close(dev);
	return fd;
}

/* Maps @fd; @step is the distance of the pages that shall exist. */
static void area_map(struct area *area, int fd, size_t pages, size_t step)
{
	size_t i;

	*area = (struct area){ .fd = fd, .pages = pages, .log = -1 };
	area->map = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE,
			 MAP_SHARED, fd, 0);
	CHECK(area->map != MAP_FAILED);
	for (i = 0; i < pages; i += step)
		*(volatile char *)(area->map + i * PAGE) = 1;
	area->dirty = calloc((pages + 63) / 64, 8);
	CHECK(area->dirty);
}

static void area_unmap(struct area *area)
{
	munmap(area->map, area->pages * PAGE);
	free(area->dirty);
}

/* Patterns: the numbers of the pages that are written in a round. */

struct pattern {
	const char *name;
	unsigned int permille;	/* 0: one page */
	bool same;		/* in each round the same pages */
};

static const struct pattern patterns[] = {
	{ "dense", 1000, true },
	{ "10%", 100, false },
	{ "10%-same", 100, true },
	{ "1%", 10, false },
	{ "1%-same", 10, true },
	{ "single", 0, true },
};

static unsigned int seed;

static unsigned int rnd(void)
{
	seed = seed * 1664525 + 1013904223;
	return seed >> 8;
}

/* In ascending order. */
static size_t pick(const struct pattern *pattern, int round, size_t pages,
		   __u32 *list)
{
	size_t i, n = 0;

	if (!pattern->permille) {
		list[0] = pages / 2;
		return 1;
	}
	seed = pattern->same ? 1 : round + 1;
	for (i = 0; i < pages; i++)
		if (rnd() % 1000 < pattern->permille)
			list[n++] = i;
	return n;
}

static void write_pages(struct area *area, const __u32 *list, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		(*(volatile char *)(area->map + list[i] * PAGE))++;
}

static int warm_rounds(size_t pages)
{
	return pages >= LARGE * MIB / PAGE ? WARM_LARGE : WARM_LEARN;
}

static void run(const struct tracker *tracker, struct area *area,
		const struct pattern *pattern, struct result *result)
{
	double write[ROUNDS], read[ROUNDS], t0, t1, t2;
	struct vmshm_log_stat before, after;
	struct vmshm_stat stat, stat_after;
	double counts[NR_EVENTS];
	int warm = tracker->start == log_start ? warm_rounds(area->pages) :
						 WARM;
	__u32 *list = calloc(area->pages, sizeof(*list));
	unsigned long events;
	long n, faults;
	size_t written;
	int i;

	CHECK(list);
	*result = (struct result){ };
	for (i = 0; i < warm + ROUNDS; i++) {
		written = pick(pattern, i, area->pages, list);
		t0 = now();
		write_pages(area, list, written);
		t1 = now();
		n = tracker->collect(area);
		t2 = now();
		/* A tracker that loses pages is not to be compared with. */
		CHECK(tracker->start == none_start || n >= (long)written);
		if (i < warm)
			continue;
		write[i - warm] = t1 - t0;
		read[i - warm] = t2 - t1;
		result->reported += n;
		result->written += written;
	}
	result->write = median(write, ROUNDS);
	result->read = median(read, ROUNDS);

	/* Once more, for the counts. */
	written = pick(pattern, i, area->pages, list);
	if (area->log >= 0) {
		CHECK(!vt_log_stat(area->log, &before));
		CHECK(!vt_stat(area->fd, &stat));
	}
	events = area->events;
	faults = minor_faults();
	events_begin();
	write_pages(area, list, written);
	tracker->collect(area);
	events_end(counts);
	result->flushes = counts[TLB_FLUSHES];
	/* What ends in a signal or a message may not be a minor fault. */
	faults = minor_faults() - faults;
	events = area->events - events;
	result->faults = faults > (long)events ? faults : (long)events;
	if (area->log >= 0) {
		CHECK(!vt_log_stat(area->log, &after));
		CHECK(!vt_stat(area->fd, &stat_after));
		result->protected = after.out_protected - before.out_protected;
		result->around = stat_after.out_around - stat.out_around;
	}
	free(list);
}

/* Output */

static void bench(const char *name, const char *what, double value,
		  const char *unit, const char *peer, double peer_value)
{
	if (peer)
		printf("BENCH %s-%s %.0f %s %.3f %s\n", name, what, value, unit,
		       peer_value > 0 ? value / peer_value : 0, peer);
	else
		printf("BENCH %s-%s %.0f %s - -\n", name, what, value, unit);
}

static void report(const char *pattern, const char *size,
		   const struct result *results, const bool *done)
{
	const struct result *r, *ours = &results[VMSHM];
	char name[128];
	int i;

	printf("\n# %s, %s, ns per round\n", pattern, size);
	printf("# %-16s %12s %12s %12s %8s %8s %9s %8s %8s\n", "tracker",
	       "write", "read", "round", "vmshm is", "faults", "TLB flush",
	       "reported", "written");
	for (i = 0; i < NR_TRACKERS; i++) {
		if (!done[i])
			continue;
		r = &results[i];
		printf("# %-16s %12.0f %12.0f %12.0f %7.2fx %8.0f %9.0f %8.0f %8.0f\n",
		       trackers[i].name, r->write, r->read, r->write + r->read,
		       (ours->write + ours->read) / (r->write + r->read),
		       r->faults, r->flushes, r->reported / ROUNDS,
		       r->written / ROUNDS);
	}
	printf("# vmshm: %.0f protected, %.0f opened around\n",
	       ours->protected, ours->around);

	for (i = 0; i < NR_TRACKERS; i++) {
		if (!done[i])
			continue;
		r = &results[i];
		snprintf(name, sizeof(name), "dirty-%s-%s-%s", pattern, size,
			 trackers[i].name);
		bench(name, "write", r->write, "ns", trackers[MEMFD].name,
		      results[MEMFD].write);
		bench(name, "read", r->read, "ns", NULL, 0);
		bench(name, "round", r->write + r->read, "ns",
		      trackers[MEMFD].name, results[MEMFD].write);
		bench(name, "faults", r->faults, "count", NULL, 0);
		if (r->flushes >= 0)
			bench(name, "flushes", r->flushes, "count", NULL, 0);
		if (i <= VMSHM_IDLE)
			continue;
		snprintf(name, sizeof(name), "dirty-%s-%s-vmshm", pattern,
			 size);
		bench(name, "round", ours->write + ours->read, "ns",
		      trackers[i].name, r->write + r->read);
	}
	snprintf(name, sizeof(name), "dirty-%s-%s-vmshm", pattern, size);
	bench(name, "protected", ours->protected, "pages", NULL, 0);
	bench(name, "around", ours->around, "pages", NULL, 0);
	bench(name, "reported", ours->reported, "pages", "written",
	      ours->written);
	fflush(stdout);
}

/* Sections */

static bool too_slow(int tracker, size_t mib, bool single)
{
	return !single && mib >= HUGE && (tracker == UFFD || tracker == TRAP);
}

/* Those that run on a region, or those that run on a memfd. */
static void run_trackers(bool region, size_t mib, size_t step, bool single,
			 struct result results[][NR_TRACKERS], bool *done)
{
	int fd = new_file(region, mib * MIB);
	struct area area;
	int i, p, ret;

	for (i = 0; i < NR_TRACKERS; i++) {
		if (trackers[i].region != region || too_slow(i, mib, single))
			continue;
		area_map(&area, fd, mib * MIB / PAGE, step);
		for (p = single ? 5 : 0; p < 6; p++) {
			/* Nothing is remembered of the pattern before. */
			ret = trackers[i].start(&area);
			if (ret) {
				printf("# %s: not in this kernel (%s)\n",
				       trackers[i].name, strerror(-ret));
				break;
			}
			run(&trackers[i], &area, &patterns[p], &results[p][i]);
			trackers[i].stop(&area);
			done[i] = true;
		}
		area_unmap(&area);
	}
	close(fd);
}

static void compare_trackers(size_t mib, size_t step, bool single)
{
	static struct result results[6][NR_TRACKERS];
	bool done[NR_TRACKERS] = { };
	char size[32];
	int p;

	snprintf(size, sizeof(size), "%zuM", mib);
	/* One after the other: there need not be memory for both. */
	run_trackers(false, mib, step, single, results, done);
	run_trackers(true, mib, step, single, results, done);
	for (p = single ? 5 : 0; p < 6; p++)
		report(patterns[p].name, size, results[p], done);
}

static void section_trackers(void)
{
	compare_trackers(16, 1, false);
}

/* All page tables exist, with one page in each. */
static void section_single(void)
{
	compare_trackers(256, 512, true);
	compare_trackers(1024, 512, true);
	compare_trackers(8192, 512, true);
}

/* 100 pages in a region of which nothing else is in memory. */
static void section_sparse(void)
{
	static const size_t gibs[] = { 1, 32, 1024 };
	const size_t nr = 100;
	double time[ROUNDS], first = 0, start;
	struct area area;
	char name[64];
	size_t s, i;
	int round;

	printf("\n# ns to fetch %zu pages spread over a region, by its size\n", nr);
	for (s = 0; s < sizeof(gibs) / sizeof(*gibs); s++) {
		size_t pages = gibs[s] * 1024 * MIB / PAGE;
		int fd = new_file(true, pages * PAGE);

		area_map(&area, fd, pages, pages / nr);
		CHECK(!log_start(&area));
		for (round = 0; round < WARM + ROUNDS; round++) {
			for (i = 0; i < nr; i++)
				area.map[i * (pages / nr) * PAGE]++;
			start = now();
			CHECK(log_collect(&area) >= (long)nr);
			if (round >= WARM)
				time[round - WARM] = now() - start;
		}
		log_stop(&area);
		area_unmap(&area);
		close(fd);
		time[0] = median(time, ROUNDS);
		if (!s)
			first = time[0];
		printf("# %6zu GiB %10.0f\n", gibs[s], time[0]);
		snprintf(name, sizeof(name), "dirty-sparse-%zuG", gibs[s]);
		bench(name, "read", time[0], "ns", "1G", first);
	}
	fflush(stdout);
}

/* Guest writes, beside KVM's own log. */

/* That of the memory in lib/minivm.c. */
#define GUEST_SLOT	1

enum { GUEST_VMSHM, GUEST_NONE, GUEST_GET, GUEST_CLEAR, GUEST_RING, NR_GUEST };

/* Entries of the dirty ring: it is never full. */
#define RING		16384

static const char *const guest_names[] = {
	[GUEST_VMSHM] = "vmshm",
	[GUEST_NONE] = "memfd-untracked",
	[GUEST_GET] = "kvm-get-dirty-log",
	[GUEST_CLEAR] = "kvm-clear-dirty-log",
	[GUEST_RING] = "kvm-dirty-ring",
};

static const struct {
	const char *name;
	unsigned int stride;	/* in pages; 0: one page */
} guest_patterns[] = {
	{ "dense", 1 },
	{ "10%", 10 },
	{ "1%", 100 },
	{ "single", 0 },
};

static int guest_start(struct vt_vm *vm, struct area *area, int how)
{
	struct kvm_userspace_memory_region slot = {
		.slot = GUEST_SLOT,
		.flags = KVM_MEM_LOG_DIRTY_PAGES,
		.guest_phys_addr = VT_VM_MEMORY,
		.memory_size = area->pages * PAGE,
		.userspace_addr = (uintptr_t)area->map,
	};
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2,
		.args[0] = KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE,
	};
	int ret = vt_vm_init_ring(vm, area->map, area->pages * PAGE,
				  how == GUEST_RING ? RING : 0);

	if (ret)
		return ret;
	/* The nested page tables exist when the tracker begins. */
	CHECK(!vt_vm_write(vm, 0, PAGE, area->pages));
	if (how == GUEST_VMSHM)
		return log_start(area);
	if (how == GUEST_CLEAR)
		CHECK(!ioctl(vm->fd, KVM_ENABLE_CAP, &cap));
	if (how != GUEST_NONE)
		CHECK(!ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &slot));
	return 0;
}

/* What is told of code, in the other slot, does not count. */
static long guest_collect_ring(struct vt_vm *vm)
{
	struct kvm_dirty_gfn *entry = &vm->ring[vm->ring_next];
	long n = 0;

	while (__atomic_load_n(&entry->flags, __ATOMIC_ACQUIRE) &
	       KVM_DIRTY_GFN_F_DIRTY) {
		n += entry->slot == GUEST_SLOT;
		__atomic_store_n(&entry->flags, KVM_DIRTY_GFN_F_RESET,
				 __ATOMIC_RELEASE);
		vm->ring_next = (vm->ring_next + 1) % RING;
		entry = &vm->ring[vm->ring_next];
	}
	CHECK(ioctl(vm->fd, KVM_RESET_DIRTY_RINGS, 0) >= n);
	return n;
}

static long guest_collect(struct vt_vm *vm, struct area *area, int how)
{
	struct kvm_dirty_log get = {
		.slot = GUEST_SLOT,
		.dirty_bitmap = area->dirty,
	};
	struct kvm_clear_dirty_log clear = {
		.slot = GUEST_SLOT,
		.num_pages = area->pages,
		.dirty_bitmap = area->dirty,
	};

	if (how == GUEST_VMSHM)
		return log_collect(area);
	if (how == GUEST_NONE)
		return 0;
	if (how == GUEST_RING)
		return guest_collect_ring(vm);
	CHECK(!ioctl(vm->fd, KVM_GET_DIRTY_LOG, &get));
	if (how == GUEST_CLEAR)
		CHECK(!ioctl(vm->fd, KVM_CLEAR_DIRTY_LOG, &clear));
	return take_runs(area, NULL);
}

static void guest_run(int how, unsigned int p, struct result *result)
{
	double write[ROUNDS], read[ROUNDS], t0, t1, t2;
	unsigned int stride = guest_patterns[p].stride;
	const size_t pages = 4096;
	int fd = new_file(how == GUEST_VMSHM, pages * PAGE);
	size_t written = stride ? (pages + stride - 1) / stride : 1;
	int warm = how == GUEST_VMSHM ? WARM_LEARN : WARM;
	double counts[NR_EVENTS];
	struct area area;
	struct vt_vm vm;
	long n, faults;
	int i, ret;

	area_map(&area, fd, pages, 1);
	*result = (struct result){ .written = ROUNDS * written };
	ret = guest_start(&vm, &area, how);
	if (ret) {
		fprintf(stderr, "dirty: no KVM: %s\n", strerror(-ret));
		exit(1);
	}
	for (i = 0; i < warm + ROUNDS; i++) {
		t0 = now();
		CHECK(!vt_vm_write(&vm, 0, PAGE * stride, written));
		t1 = now();
		n = guest_collect(&vm, &area, how);
		t2 = now();
		CHECK(how == GUEST_NONE || n >= (long)written);
		if (i < warm)
			continue;
		write[i - warm] = t1 - t0;
		read[i - warm] = t2 - t1;
		result->reported += n;
	}
	/* Once more, for the counts. */
	faults = minor_faults();
	events_begin();
	CHECK(!vt_vm_write(&vm, 0, PAGE * stride, written));
	guest_collect(&vm, &area, how);
	events_end(counts);
	result->faults = minor_faults() - faults;
	result->flushes = counts[TLB_FLUSHES];
	result->notified = counts[NOTIFIER_CALLS];
	result->kvm_faults = counts[KVM_FAULTS];
	result->write = median(write, ROUNDS);
	result->read = median(read, ROUNDS);
	vt_vm_exit(&vm);
	if (area.log >= 0)
		log_stop(&area);
	area_unmap(&area);
	close(fd);
}

static void section_guest(void)
{
	struct result results[NR_GUEST], *ours = &results[GUEST_VMSHM];
	char name[128];
	unsigned int p;
	int i;

	for (p = 0; p < sizeof(guest_patterns) / sizeof(*guest_patterns); p++) {
		printf("\n# guest, %s, 16M, ns per round\n",
		       guest_patterns[p].name);
		printf("# %-20s %12s %12s %10s %10s %9s %9s %8s %8s\n", "tracker",
		       "write", "read", "KVM faults", "VMM faults", "notifier", "TLB flush",
		       "reported", "written");
		for (i = 0; i < NR_GUEST; i++) {
			guest_run(i, p, &results[i]);
			printf("# %-20s %12.0f %12.0f %10.0f %10.0f %9.0f %9.0f %8.0f %8.0f\n",
			       guest_names[i], results[i].write,
			       results[i].read, results[i].kvm_faults,
			       results[i].faults, results[i].notified,
			       results[i].flushes, results[i].reported / ROUNDS,
			       results[i].written / ROUNDS);
		}
		for (i = 0; i < NR_GUEST; i++) {
			snprintf(name, sizeof(name), "guest-%s-16M-%s",
				 guest_patterns[p].name, guest_names[i]);
			bench(name, "write", results[i].write, "ns",
			      guest_names[GUEST_NONE],
			      results[GUEST_NONE].write);
			bench(name, "read", results[i].read, "ns", NULL, 0);
			bench(name, "kvm-faults", results[i].kvm_faults,
			      "count", NULL, 0);
			bench(name, "notifier-calls", results[i].notified,
			      "count", NULL, 0);
			if (i <= GUEST_NONE)
				continue;
			snprintf(name, sizeof(name), "guest-%s-16M-vmshm",
				 guest_patterns[p].name);
			bench(name, "write", ours->write, "ns", guest_names[i],
			      results[i].write);
			bench(name, "round", ours->write + ours->read, "ns",
			      guest_names[i],
			      results[i].write + results[i].read);
		}
	}
	fflush(stdout);
}

/* From which number of consecutive pages on is one walk cheaper? */
static void section_batch(void)
{
	static const int mins[] = { 0, 2, 4, 8, 16, 64 };
	static const int lengths[] = { 1, 2, 3, 4, 5, 6, 8, 16, 32, 64 };
	const size_t pages = 4096, runs = 32;
	long long saved = vt_param_get("log_batch_min");
	int fd = new_file(true, pages * PAGE);
	double values[sizeof(lengths) / sizeof(*lengths)]
		     [sizeof(mins) / sizeof(*mins)];
	double time[ROUNDS], value;
	unsigned int m, l, i;
	struct area area;
	char name[64];
	size_t r, k;

	CHECK(saved >= 0);
	area_map(&area, fd, pages, 1);
	CHECK(!log_start(&area));
	printf("\n# ns per page to fetch %zu runs of so many pages, by log_batch_min\n# %8s",
	       runs, "run");
	for (m = 0; m < sizeof(mins) / sizeof(*mins); m++)
		printf(" %8d", mins[m]);
	printf("\n");
	for (l = 0; l < sizeof(lengths) / sizeof(*lengths); l++) {
		for (m = 0; m < sizeof(mins) / sizeof(*mins); m++) {
			CHECK(!vt_param_set("log_batch_min", mins[m]));
			for (i = 0; i < WARM + ROUNDS; i++) {
				for (r = 0; r < runs; r++)
					for (k = 0; k < (size_t)lengths[l]; k++)
						area.map[(r * 128 + k) * PAGE]++;
				value = now();
				CHECK(log_collect(&area) >=
				      (long)runs * lengths[l]);
				if (i >= WARM)
					time[i - WARM] = now() - value;
			}
			values[l][m] = median(time, ROUNDS) / runs / lengths[l];
			/* What the last rounds predict is not for the next. */
			log_collect(&area);
		}
		printf("# %8d", lengths[l]);
		for (m = 0; m < sizeof(mins) / sizeof(*mins); m++)
			printf(" %8.0f", values[l][m]);
		printf("\n");
	}
	for (l = 0; l < sizeof(lengths) / sizeof(*lengths); l++) {
		for (m = 0; m < sizeof(mins) / sizeof(*mins); m++) {
			snprintf(name, sizeof(name), "dirty-batch-%d-min-%d",
				 lengths[l], mins[m]);
			bench(name, "page", values[l][m], "ns", "min-0",
			      values[l][0]);
		}
	}
	CHECK(!vt_param_set("log_batch_min", saved));
	log_stop(&area);
	area_unmap(&area);
	close(fd);
	fflush(stdout);
}

/* A process that has all pages mapped, and waits. */
static void mapper(struct vt_child *child, int fd, size_t pages)
{
	size_t i;
	char *map;

	map = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		   0);
	VT_CHECK(map != MAP_FAILED);
	for (i = 0; i < pages; i++)
		(void)*(volatile char *)(map + i * PAGE);
	VT_CHECK(!vt_tell(child->sock));
	vt_hear(child->sock);
	_exit(0);
}

static void section_mappers(void)
{
	static const int counts[] = { 1, 10, 100, 1000 };
	const size_t pages = 256;
	double time[ROUNDS], values[2], start;
	static struct vt_child children[1000];
	int fd = new_file(true, pages * PAGE);
	struct area area;
	unsigned int c, batch;
	char name[64];
	int i, n = 0;
	size_t k;

	area_map(&area, fd, pages, 1);
	CHECK(!log_start(&area));
	printf("\n# ns per page to fetch %zu pages, by mapping processes\n# %8s %10s %10s\n",
	       pages, "mappers", "together", "one by one");
	for (c = 0; c < sizeof(counts) / sizeof(*counts); c++) {
		/* This process is one of them. */
		for (; n < counts[c] - 1; n++) {
			pid_t pid = vt_fork(&children[n]);

			CHECK(pid >= 0);
			if (!pid)
				mapper(&children[n], fd, pages);
			CHECK(!vt_hear(children[n].sock));
		}
		for (batch = 0; batch < 2; batch++) {
			long long saved = vt_param_get("log_batch_min");

			if (batch)
				CHECK(!vt_param_set("log_batch_min", 0));
			for (i = 0; i < WARM + ROUNDS; i++) {
				for (k = 0; k < pages; k++)
					area.map[k * PAGE]++;
				start = now();
				CHECK(log_collect(&area) >= (long)pages);
				if (i >= WARM)
					time[i - WARM] = now() - start;
			}
			values[batch] = median(time, ROUNDS) / pages;
			CHECK(!vt_param_set("log_batch_min", saved));
		}
		printf("# %8d %10.0f %10.0f\n", counts[c], values[0], values[1]);
		snprintf(name, sizeof(name), "dirty-mappers-%d", counts[c]);
		bench(name, "page", values[0], "ns", "one-by-one", values[1]);
	}
	for (i = 0; i < n; i++)
		vt_kill(&children[i]);
	log_stop(&area);
	area_unmap(&area);
	close(fd);
	fflush(stdout);
}

static const struct {
	const char *name;
	void (*run)(void);
} sections[] = {
	{ "trackers", section_trackers },
	{ "single", section_single },
	{ "sparse", section_sparse },
	{ "guest", section_guest },
	{ "batch", section_batch },
	{ "mappers", section_mappers },
};

static void allow(const char *path, const char *limit)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	CHECK(fd >= 0);
	CHECK(write(fd, limit, strlen(limit)) == (ssize_t)strlen(limit));
	close(fd);
}

int main(int argc, char **argv)
{
	unsigned int s;
	int i;

	/* mprotect() of scattered pages takes a VMA for each. */
	allow("/proc/sys/vm/max_map_count", "1000000");
	/* Half of RAM is not enough for the largest. */
	allow("/sys/module/vmshm/parameters/bytes_user_mb", "1000000");
	allow("/sys/module/vmshm/parameters/bytes_total_mb", "1000000");
	events_open();
	for (s = 0; s < sizeof(sections) / sizeof(*sections); s++) {
		bool wanted = argc == 1;

		for (i = 1; i < argc; i++)
			wanted |= !strcmp(argv[i], sections[s].name);
		if (wanted)
			sections[s].run();
	}
	for (i = 1; i < argc; i++)
		if (!strncmp(argv[i], "size=", 5))
			compare_trackers(strtoul(argv[i] + 5, NULL, 0), 1,
					 false);
	return 0;
}
