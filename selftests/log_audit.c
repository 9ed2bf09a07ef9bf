// SPDX-License-Identifier: GPL-2.0
/*
 * Dirty logs audited by the data: while writers of all kinds change a region,
 * two readers fetch a log each and copy what it reports. Whenever the writers
 * pause, each copy must be the region, byte for byte. Meanwhile pages migrate,
 * are swapped, unmapped, protected, and mapped in ways that change how they are
 * write-protected.
 *
 * VMSHM_AUDIT_SECONDS: how long, for each variant.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "lib/harness.h"
#include "lib/vmshm_log.h"
#include "lib/vmshm_mem.h"
#include "lib/vmshm_swap.h"

#define NR		1024UL
#define SIZE		(NR * VT_PAGE)
#define SECONDS		15
#define NR_READERS	2
/* Pages that a writer prefers for a while. */
#define WINDOW		64

/*
 * A page: a counter for each writer, and in its second half what is read from
 * a disk.
 */
#define SLOTS		64
#define DISK_OFFSET	2048
#define SECTOR		512

/* What all processes share. */
struct control {
	atomic_int paused;	/* writers are to park */
	atomic_int parked;	/* writers that do */
	atomic_int end;		/* everybody is to end */
	atomic_long writes;
};

struct audit {
	struct control *control;
	int dev;
	int fd;
	bool huge;
	int nr_writers;
	struct vt_child children[16];
	int nr_children;
	atomic_int last;	/* readers are to fetch once more and compare */
	pthread_barrier_t barrier;
	atomic_int failures;
	atomic_int rounds;
};

/* One writer or disturber, in its own process or thread. */
struct worker {
	struct audit *audit;
	unsigned int id;
	unsigned int seed;
	unsigned long window;
	unsigned char *mem;
	long writes;
};

static unsigned long pick_page(struct worker *w)
{
	if (rand_r(&w->seed) % 8 == 0)
		return (unsigned long)rand_r(&w->seed) % NR;
	return (w->window + (unsigned long)rand_r(&w->seed) % WINDOW) % NR;
}

static atomic_ulong *slot(struct worker *w, unsigned long page)
{
	return (atomic_ulong *)(w->mem + page * VT_PAGE) + w->id;
}

static void bump(struct worker *w, unsigned long page)
{
	atomic_fetch_add_explicit(slot(w, page), 1, memory_order_relaxed);
	w->writes++;
}

/* Returns false when it is time to end. A new window after each pause. */
static bool may_write(struct worker *w)
{
	struct control *control = w->audit->control;

	if (atomic_load(&control->paused)) {
		atomic_fetch_add(&control->writes, w->writes);
		w->writes = 0;
		atomic_fetch_add(&control->parked, 1);
		while (atomic_load(&control->paused) &&
		       !atomic_load(&control->end))
			usleep(1000);
		atomic_fetch_sub(&control->parked, 1);
		w->window = (unsigned long)rand_r(&w->seed) % NR;
	}
	return !atomic_load(&control->end);
}

static unsigned char *map_all(struct worker *w)
{
	unsigned char *mem = vt_map(w->audit->fd, SIZE,
				    PROT_READ | PROT_WRITE, 0);

	VT_CHECK(mem);
	return mem;
}

static void *store_thread(void *arg)
{
	struct worker *w = arg;
	int i;

	while (may_write(w)) {
		for (i = 0; i < 200; i++)
			bump(w, pick_page(w));
		usleep(200);
	}
	return NULL;
}

/* Threads of one process; the second one reads before it writes. */
static void *read_store_thread(void *arg)
{
	volatile unsigned long sum = 0;
	struct worker *w = arg;

	(void)sum;
	while (may_write(w)) {
		unsigned long page = pick_page(w);

		sum += atomic_load(slot(w, page));
		bump(w, page);
		usleep(50);
	}
	return NULL;
}

static void storing_threads(struct worker *w)
{
	struct worker second = *w;
	pthread_t thread;

	w->mem = map_all(w);
	second.mem = w->mem;
	second.id++;
	second.seed++;
	VT_CHECK(!pthread_create(&thread, NULL, read_store_thread, &second));
	store_thread(w);
	pthread_join(thread, NULL);
}

static void forker(struct worker *w)
{
	int i, status;
	pid_t pid;

	w->mem = map_all(w);
	while (may_write(w)) {
		bump(w, pick_page(w));
		pid = fork();
		VT_CHECK(pid >= 0);
		for (i = 0; i < 8; i++)
			bump(w, pick_page(w));
		if (!pid)
			_exit(0);
		VT_CHECK(waitpid(pid, &status, 0) == pid && !status);
		usleep(2000);
	}
}

static void pwriter(struct worker *w)
{
	unsigned long count = 0;

	while (may_write(w)) {
		off_t at = pick_page(w) * VT_PAGE + w->id * sizeof(count);

		count++;
		VT_CHECK(pwrite(w->audit->fd, &count, sizeof(count), at) ==
			 sizeof(count));
		w->writes++;
		usleep(100);
	}
}

static void protecter(struct worker *w)
{
	w->mem = map_all(w);
	while (may_write(w)) {
		unsigned long page = pick_page(w) & ~15UL;
		void *addr = w->mem + page * VT_PAGE;

		bump(w, page);
		VT_CHECK(!mprotect(addr, 16 * VT_PAGE, PROT_READ));
		usleep(200);
		VT_CHECK(!mprotect(addr, 16 * VT_PAGE, PROT_READ | PROT_WRITE));
		bump(w, page + (unsigned long)rand_r(&w->seed) % 16);
	}
}

static void mapper(struct worker *w)
{
	const size_t len = 32 * VT_PAGE;

	while (may_write(w)) {
		unsigned long page = pick_page(w) % (NR - 32), i;
		unsigned char *part = vt_map(w->audit->fd, len,
					     PROT_READ | PROT_WRITE,
					     page * VT_PAGE);

		VT_CHECK(part);
		w->mem = part - page * VT_PAGE;
		for (i = 0; i < 8; i++)
			bump(w, page + (unsigned long)rand_r(&w->seed) % 32);
		if (rand_r(&w->seed) % 2) {
			part = mremap(part, len, 2 * len, MREMAP_MAYMOVE);
			VT_CHECK(part != MAP_FAILED);
			w->mem = part - page * VT_PAGE;
			bump(w, page + 16);
			VT_CHECK(!munmap(part, 2 * len));
		} else {
			VT_CHECK(!munmap(part, len));
		}
		usleep(300);
	}
}

/* Direct I/O: from a disk into the region, and back. */
static void disk_reader(struct worker *w)
{
	unsigned long *buf, count = 0;
	int disk;

	disk = open(VT_DISK_DEVICE, O_RDWR | O_DIRECT | O_CLOEXEC);
	VT_CHECK(disk >= 0);
	VT_CHECK(!posix_memalign((void **)&buf, VT_PAGE, SECTOR));
	w->mem = map_all(w);
	while (may_write(w)) {
		unsigned long page = pick_page(w);

		count++;
		buf[count % (SECTOR / sizeof(*buf))] = count;
		VT_CHECK(pwrite(disk, buf, SECTOR, 0) == SECTOR);
		VT_CHECK(pread(disk, w->mem + page * VT_PAGE + DISK_OFFSET,
			       SECTOR, 0) == SECTOR);
		w->writes++;
		usleep(300);
	}
}

static void puncher(struct worker *w)
{
	w->mem = map_all(w);
	while (may_write(w)) {
		unsigned long page = pick_page(w);

		bump(w, page);
		if (rand_r(&w->seed) % 2)
			VT_CHECK(!fallocate(w->audit->fd, FALLOC_FL_PUNCH_HOLE |
					    FALLOC_FL_KEEP_SIZE,
					    page * VT_PAGE + 64, VT_PAGE));
		else
			VT_CHECK(!madvise(w->mem + page * VT_PAGE, VT_PAGE,
					  MADV_REMOVE));
		usleep(500);
	}
}

/* Disturbers: they change nothing in the region, and do not park. */

static bool go_on(struct worker *w, useconds_t pause)
{
	usleep(pause);
	return !atomic_load(&w->audit->control->end);
}

/* Each of these maps decides how a batch of pages is write-protected. */
static void odd_mapper(struct worker *w)
{
	int ro = vt_readonly(w->audit->fd);
	unsigned char *priv, *mapped;
	volatile int sum = 0;

	(void)sum;
	VT_CHECK(ro >= 0);
	while (go_on(w, 3000)) {
		unsigned long page = pick_page(w);

		priv = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE,
			    w->audit->fd, 0);
		VT_CHECK(priv != MAP_FAILED);
		sum += priv[page * VT_PAGE];
		priv[page * VT_PAGE] = 1;
		mapped = vt_map(ro, SIZE, PROT_READ, 0);
		VT_CHECK(mapped);
		sum += mapped[page * VT_PAGE];
		usleep(2000);
		VT_CHECK(!munmap(priv, SIZE));
		sum += mapped[pick_page(w) * VT_PAGE];
		VT_CHECK(!munmap(mapped, SIZE));
	}
}

/* Migrates single pages, and whatever compaction likes to. */
static void migrater(struct worker *w)
{
	int i = 0;

	w->mem = map_all(w);
	while (go_on(w, 30000)) {
		volatile unsigned char *p = w->mem + pick_page(w) * VT_PAGE;

		(void)*p;
		/* Each costs a page of memory for ever. */
		if (!w->audit->huge && i < 500)
			i += !madvise((void *)p, VT_PAGE, MADV_SOFT_OFFLINE);
		if (rand_r(&w->seed) % 64 == 0)
			vt_write_file("/proc/sys/vm/compact_memory", "1");
	}
}

static void reclaimer(struct worker *w)
{
	while (go_on(w, 100000))
		vt_cgroup_reclaim(SIZE / 2);
}

/* A log that comes and goes. */
static void logger(struct worker *w)
{
	while (go_on(w, 40000)) {
		int log = vt_log_open(w->audit->fd, 0, 0, 0);

		VT_CHECK(log >= 0);
		usleep(5000);
		VT_CHECK(vt_log_count(log, 0) >= 0);
		close(log);
	}
}

static void collapser(struct worker *w)
{
	w->mem = map_all(w);
	while (go_on(w, 50000))
		madvise(w->mem, SIZE, MADV_COLLAPSE);
}

static void start(struct audit *audit, void (*fn)(struct worker *w),
		  int writers)
{
	struct vt_child *child = &audit->children[audit->nr_children];
	struct worker w = {
		.audit = audit,
		.id = audit->nr_writers,
		.seed = 1 + 100 * audit->nr_children,
	};
	pid_t pid;

	pid = vt_fork(child);
	VT_CHECK(pid >= 0);
	if (!pid) {
		/* The readers go first. */
		VT_CHECK(nice(5) == 5);
		fn(&w);
		_exit(0);
	}
	audit->nr_children++;
	audit->nr_writers += writers;
}

struct reader {
	struct audit *audit;
	pthread_t thread;
	int id;
	int log;
	unsigned char *mem;
	unsigned char *copy;
	long fetches;
	long pages;
};

/* One full fetch, copying. */
static bool fetch_and_copy(struct reader *r)
{
	struct vmshm_log_range ranges[64] = { 0 };
	struct vmshm_log_fetch arg = {
		.count = r->id ? 7 : 64,
		.buffer = (uintptr_t)ranges,
	};
	__u32 i;

	for (; arg.first_page < NR; arg.first_page = arg.out_next) {
		if (vt_log_fetch(r->log, &arg))
			return false;
		for (i = 0; i < arg.out_count; i++)
			memcpy(r->copy + ranges[i].first_page * VT_PAGE,
			       r->mem + ranges[i].first_page * VT_PAGE,
			       ranges[i].nr_pages * VT_PAGE);
		r->pages += arg.out_pages;
	}
	r->fetches++;
	return true;
}

/* A new log, while writers write: what is copied afterwards is the begin. */
static bool reopen_log(struct reader *r)
{
	close(r->log);
	r->log = vt_log_open(r->audit->fd, 0, 0, NR);
	if (r->log < 0)
		return false;
	memcpy(r->copy, r->mem, SIZE);
	return true;
}

static int compare(struct reader *r)
{
	unsigned long page, i;
	int different = 0;

	for (page = 0; page < NR; page++) {
		unsigned char *a = r->mem + page * VT_PAGE;
		unsigned char *b = r->copy + page * VT_PAGE;

		if (!memcmp(a, b, VT_PAGE))
			continue;
		for (i = 0; a[i] == b[i]; i++)
			;
		if (different++ < 4)
			printf("# reader %d, round %d: page %lu differs at %lu (writer %lu)\n",
			       r->id, r->audit->rounds, page, i, i / 8);
	}
	return different;
}

static void *reader_thread(void *arg)
{
	struct reader *r = arg;
	struct audit *audit = r->audit;
	bool ok = true;

	while (!atomic_load(&audit->control->end)) {
		bool last = atomic_load(&audit->last);

		ok = ok && fetch_and_copy(r);
		if (!last) {
			usleep(r->id ? 7000 : 500);
			continue;
		}
		if (!ok || compare(r))
			audit->failures++;
		pthread_barrier_wait(&audit->barrier);
		/* The main thread lets the writers go on. */
		pthread_barrier_wait(&audit->barrier);
		if (r->id && audit->rounds % 4 == 0)
			ok = ok && reopen_log(r);
	}
	return NULL;
}

/* Parks all writers, has the readers compare, and lets them go on. */
static bool checkpoint(struct audit *audit)
{
	struct control *control = audit->control;
	int tries;

	atomic_store(&control->paused, 1);
	for (tries = 0; atomic_load(&control->parked) < audit->nr_writers;
	     tries++) {
		if (tries == VT_PATIENCE * 1000)
			return false;
		usleep(1000);
	}
	atomic_store(&audit->last, 1);
	pthread_barrier_wait(&audit->barrier);
	atomic_store(&audit->last, 0);
	audit->rounds++;
	atomic_store(&control->paused, 0);
	while (atomic_load(&control->parked))
		usleep(1000);
	pthread_barrier_wait(&audit->barrier);
	return true;
}

FIXTURE(log_audit) {
	struct audit audit;
	struct reader readers[NR_READERS];
};

FIXTURE_VARIANT(log_audit) {
	__u32 huge;
};

FIXTURE_VARIANT_ADD(log_audit, small) {
	.huge = VMSHM_HUGE_NEVER,
};

FIXTURE_VARIANT_ADD(log_audit, huge) {
	.huge = VMSHM_HUGE_ALWAYS,
};

FIXTURE_SETUP(log_audit)
{
	struct audit *audit = &self->audit;
	struct reader *r;
	int i;

	memset(self, 0, sizeof(*self));
	ASSERT_EQ(0, vt_swap_on());
	ASSERT_EQ(0, vt_cgroup_enter());
	audit->huge = variant->huge != VMSHM_HUGE_NEVER;
	audit->control = mmap(NULL, VT_PAGE, PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, audit->control);
	audit->dev = vt_device();
	ASSERT_LE(0, audit->dev);
	audit->fd = vt_region_huge(audit->dev, "audit", SIZE, 0, 0,
				   variant->huge);
	ASSERT_LE(0, audit->fd);
	ASSERT_EQ(0, pthread_barrier_init(&audit->barrier, NULL,
					  NR_READERS + 1));
	for (i = 0; i < NR_READERS; i++) {
		r = &self->readers[i];
		r->audit = audit;
		r->id = i;
		r->mem = vt_map(audit->fd, SIZE, PROT_READ, 0);
		ASSERT_NE(NULL, r->mem);
		r->copy = calloc(1, SIZE);
		ASSERT_NE(NULL, r->copy);
		r->log = vt_log_open(audit->fd, VMSHM_LOG_ALL_DIRTY, 0, NR);
		ASSERT_LE(0, r->log);
	}
}

FIXTURE_TEARDOWN(log_audit)
{
	int i;

	for (i = 0; i < NR_READERS; i++) {
		close(self->readers[i].log);
		munmap(self->readers[i].mem, SIZE);
		free(self->readers[i].copy);
	}
	close(self->audit.fd);
	close(self->audit.dev);
	EXPECT_EQ(0, vt_cgroup_leave());
	EXPECT_EQ(0, vt_swap_off());
}

static time_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

TEST_F_TIMEOUT(log_audit, copies_are_identical, 1000000)
{
	const char *env = getenv("VMSHM_AUDIT_SECONDS");
	struct audit *audit = &self->audit;
	time_t end, late;
	int i;

	/* Swapped pages have been seen if the region was not all resident. */
	struct vmshm_stat stat;
	int not_resident = 0;

	start(audit, storing_threads, 2);
	start(audit, forker, 1);
	start(audit, pwriter, 1);
	start(audit, protecter, 1);
	start(audit, mapper, 1);
	start(audit, disk_reader, 1);
	start(audit, puncher, 1);
	start(audit, odd_mapper, 0);
	start(audit, migrater, 0);
	start(audit, reclaimer, 0);
	start(audit, logger, 0);
	if (audit->huge)
		start(audit, collapser, 0);

	for (i = 0; i < NR_READERS; i++)
		ASSERT_EQ(0, pthread_create(&self->readers[i].thread, NULL,
					    reader_thread, &self->readers[i]));
	end = now() + (env ? strtol(env, NULL, 0) : SECONDS);
	/* A busy machine may need longer until something is swapped. */
	late = end + 4 * SECONDS * vt_timeout_scale();
	do {
		usleep(50000 + 1000 * (audit->rounds % 100));
		vt_cgroup_reclaim(SIZE);
		ASSERT_EQ(0, vt_stat(audit->fd, &stat));
		not_resident += stat.out_resident < stat.out_allocated;
		ASSERT_TRUE(checkpoint(audit));
	} while ((now() < end || (!not_resident && now() < late)) &&
		 !audit->failures);

	atomic_store(&audit->control->end, 1);
	for (i = 0; i < NR_READERS; i++)
		pthread_join(self->readers[i].thread, NULL);
	for (i = 0; i < audit->nr_children; i++)
		EXPECT_EQ(0, vt_wait(&audit->children[i]));
	EXPECT_EQ(0, atomic_load(&audit->failures));
	EXPECT_LT(0, atomic_load(&audit->rounds));
	EXPECT_LT(0, not_resident);
	TH_LOG("%d rounds, %ld writes, %d times swapped; fetches %ld, %ld, pages %ld, %ld",
	       audit->rounds, audit->control->writes, not_resident,
	       self->readers[0].fetches, self->readers[1].fetches,
	       self->readers[0].pages, self->readers[1].pages);
}

TEST_HARNESS_MAIN
