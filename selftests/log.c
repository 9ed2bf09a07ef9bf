// SPDX-License-Identifier: GPL-2.0
/*
 * Dirty logs: opening, FETCH and REARM in all forms, MARK and MERGE, what else
 * marks, limits. That no write of anybody is lost is for log_paths.c,
 * log_audit.c and log_kvm.c to show.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/sendfile.h>

#include "lib/harness.h"
#include "lib/vmshm_env.h"
#include "lib/vmshm_log.h"
#include "lib/vmshm_mem.h"

/* Not a multiple of 64 nor of the 512 pages that a unit has. */
#define NR	1500
#define UNIT	512

FIXTURE(log) {
	int dev;
	int fd;
	unsigned char *mem;
};

FIXTURE_SETUP(log)
{
	self->dev = vt_device();
	ASSERT_LE(0, self->dev);
	self->fd = vt_region(self->dev, "log", NR * VT_PAGE, 2 * NR * VT_PAGE,
			     VMSHM_SHRINKABLE);
	ASSERT_LE(0, self->fd);
	self->mem = vt_map(self->fd, NR * VT_PAGE, PROT_READ | PROT_WRITE, 0);
	ASSERT_NE(NULL, self->mem);
}

FIXTURE_TEARDOWN(log)
{
	munmap(self->mem, NR * VT_PAGE);
	close(self->fd);
	close(self->dev);
}

static void poke(FIXTURE_DATA(log) *self, unsigned int page)
{
	self->mem[page * VT_PAGE]++;
}

TEST_F(log, open_rights)
{
	int ro, readers, log;

	log = vt_log_open(self->fd, 0, 0, 0);
	ASSERT_LE(0, log);
	EXPECT_EQ(FD_CLOEXEC, fcntl(log, F_GETFD));

	ro = vt_readonly(self->fd);
	ASSERT_LE(0, ro);
	EXPECT_EQ(-EACCES, vt_log_open(ro, 0, 0, 0));
	EXPECT_EQ(-EACCES, vt_mark(ro, 0, 1));
	EXPECT_EQ(-EACCES, vt_merge(ro, 0, 1, (__u64[]){ 1 }));
	/* Values come before rights. */
	EXPECT_EQ(-EINVAL, vt_merge(ro, -1ULL, 1, (__u64[]){ 1 }));
	close(ro);
	ro = vt_reopen(self->fd, O_RDONLY);
	ASSERT_LE(0, ro);
	EXPECT_EQ(-EACCES, vt_log_open(ro, 0, 0, 0));
	EXPECT_EQ(0, vt_log_count(log, 0));

	readers = vt_region(self->dev, "readers", VT_PAGE, 0,
			    VMSHM_LOG_READERS);
	ASSERT_LE(0, readers);
	ro = vt_readonly(readers);
	ASSERT_LE(0, ro);
	log = vt_log_open(ro, 0, 0, 0);
	ASSERT_LE(0, log);
	EXPECT_EQ(-EACCES, vt_mark(ro, 0, 1));
	EXPECT_EQ(1, pwrite(readers, "x", 1, 0));
	EXPECT_TRUE(vt_log_exactly(log, 0, 1));
}

TEST_F(log, open_errors)
{
	struct vmshm_log_open arg = { .size = sizeof(arg), .flags = 2 };
	int pinnable, empty;

	EXPECT_EQ(-EOPNOTSUPP, vt_ioctl(self->fd, VMSHM_IOC_LOG_OPEN, &arg));
	arg.flags = 0;
	arg.out_fd = 1;
	EXPECT_EQ(-EINVAL, vt_ioctl(self->fd, VMSHM_IOC_LOG_OPEN, &arg));
	arg.out_fd = 0;
	arg.watermark = 1ULL << 63;
	EXPECT_EQ(-EINVAL, vt_ioctl(self->fd, VMSHM_IOC_LOG_OPEN, &arg));

	EXPECT_EQ(-EINVAL, vt_log_open(self->fd, 0, 2 * NR, 0));
	EXPECT_EQ(-EINVAL, vt_log_open(self->fd, 0, 2 * NR, 1));
	EXPECT_EQ(-EINVAL, vt_log_open(self->fd, 0, 0, 2 * NR + 1));
	EXPECT_EQ(-EINVAL, vt_log_open(self->fd, 0, 1, 2 * NR));
	EXPECT_EQ(-EINVAL, vt_log_open(self->fd, 0, 1, ~0ULL));
	EXPECT_EQ(-EINVAL, vt_log_open(self->fd, 0, ~0ULL, 1));
	EXPECT_LE(0, vt_log_open(self->fd, 0, 2 * NR - 1, 1));

	pinnable = vt_region(self->dev, "pin", VT_PAGE, 0, VMSHM_PINNABLE);
	ASSERT_LE(0, pinnable);
	EXPECT_EQ(-EOPNOTSUPP, vt_log_open(pinnable, 0, 0, 0));
	empty = vt_region(self->dev, "empty", 0, 0, 0);
	ASSERT_LE(0, empty);
	EXPECT_EQ(-EINVAL, vt_log_open(empty, 0, 0, 0));

	EXPECT_EQ(-EINVAL, vt_mark(self->fd, 2 * NR, 1));
	EXPECT_EQ(-EINVAL, vt_mark(self->fd, 1, ~0ULL));
	EXPECT_EQ(0, vt_mark(self->fd, 2 * NR - 1, 1));
	EXPECT_EQ(0, vt_mark(self->fd, 2 * NR, 0));
	EXPECT_EQ(-EINVAL, vt_merge(self->fd, NR, NR + 1, (__u64[64]){ 0 }));
	EXPECT_EQ(-EFAULT, vt_merge(self->fd, 0, NR, NULL));
}

/* The largest range: 16 TiB. */
TEST_F(log, open_huge)
{
	const __u64 pages = 1ULL << 32;
	struct vmshm_info info;
	int fd, log;

	ASSERT_EQ(0, vt_info(self->dev, &info));
	if (info.out_max_size <= pages * VT_PAGE)
		SKIP(return, "no region exceeds 16 TiB");
	fd = vt_region(self->dev, "huge", 0, pages * VT_PAGE + VT_PAGE, 0);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EINVAL, vt_log_open(fd, 0, 0, 0));
	EXPECT_EQ(-EINVAL, vt_log_open(fd, 0, 0, pages + 1));
	log = vt_log_open(fd, 0, 1, pages);
	ASSERT_LE(0, log);
	EXPECT_EQ(0, vt_mark(fd, 0, 1));
	EXPECT_EQ(0, vt_log_count(log, 0));
	EXPECT_EQ(0, vt_mark(fd, pages, 1));
	EXPECT_TRUE(vt_log_exactly(log, pages, 1));
}

TEST_F(log, limit_per_region)
{
	long long limit = vt_param_get("logs_region");
	struct vmshm_stat stat;
	int logs[3], i;

	ASSERT_EQ(0, vt_param_set("logs_region", 3));
	for (i = 0; i < 3; i++) {
		logs[i] = vt_log_open(self->fd, 0, 0, 0);
		EXPECT_LE(0, logs[i]);
	}
	EXPECT_EQ(-EDQUOT, vt_log_open(self->fd, 0, 0, 0));
	EXPECT_EQ(0, vt_stat(self->fd, &stat));
	EXPECT_EQ(3, stat.out_logs);
	close(logs[1]);
	logs[1] = vt_log_open(self->fd, 0, 0, 0);
	EXPECT_LE(0, logs[1]);
	EXPECT_EQ(0, vt_param_set("logs_region", limit));
	for (i = 0; i < 3; i++)
		close(logs[i]);
	EXPECT_EQ(0, vt_stat(self->fd, &stat));
	EXPECT_EQ(0, stat.out_logs);
}

TEST_F(log, fetch_errors)
{
	struct vmshm_log_range range;
	struct vmshm_log_fetch arg = {
		.count = 1,
		.buffer = (uintptr_t)&range,
	};
	int log = vt_log_open(self->fd, 0, 64, 100);

	ASSERT_LE(0, log);
	EXPECT_EQ(-EINVAL, vt_log_fetch(log, &arg));	/* first_page */
	arg.first_page = 164;
	EXPECT_EQ(-EINVAL, vt_log_fetch(log, &arg));
	arg.first_page = 64;
	arg.end_page = 165;
	EXPECT_EQ(-EINVAL, vt_log_fetch(log, &arg));
	arg.end_page = 64;
	EXPECT_EQ(-EINVAL, vt_log_fetch(log, &arg));
	arg.end_page = 164;
	EXPECT_EQ(0, vt_log_fetch(log, &arg));
	EXPECT_EQ(164, arg.out_next);
	EXPECT_EQ(0, arg.out_count);

	arg.flags = 2;
	EXPECT_EQ(-EOPNOTSUPP, vt_log_fetch(log, &arg));
	arg.flags = 0;
	arg.format = 3;
	EXPECT_EQ(-EOPNOTSUPP, vt_log_fetch(log, &arg));
	arg.format = VMSHM_LOG_COUNT;
	EXPECT_EQ(-EINVAL, vt_log_fetch(log, &arg));
	arg.count = 0;
	EXPECT_EQ(-EINVAL, vt_log_fetch(log, &arg));
	arg.buffer = 0;
	EXPECT_EQ(0, vt_log_fetch(log, &arg));
	arg.format = VMSHM_LOG_RANGES;
	EXPECT_EQ(-EINVAL, vt_log_fetch(log, &arg));
	arg.format = VMSHM_LOG_BITMAP;
	arg.count = 1;
	arg.buffer = (uintptr_t)&range;
	EXPECT_EQ(0, vt_log_fetch(log, &arg));

	EXPECT_EQ(-EINVAL, vt_log_rearm(log, 63, 1));
	EXPECT_EQ(-EINVAL, vt_log_rearm(log, 164, 1));
	EXPECT_EQ(-EINVAL, vt_log_rearm(log, 65, ~0ULL));
	EXPECT_EQ(0, vt_log_rearm(log, 64, 100));
	EXPECT_EQ(-EINVAL, vt_log_watermark(log, 1ULL << 63));
	EXPECT_EQ(-ENOTTY, vt_ioctl(log, VMSHM_IOC_STAT, &arg));
	EXPECT_EQ(-ENOTTY, vt_ioctl(self->fd, VMSHM_IOC_LOG_FETCH, &arg));
}

/* Marks a few runs: one page, within a unit, over its edge, all of one. */
static const struct vmshm_log_range runs[] = {
	{ 0, 1 }, { 5, 2 }, { 63, 2 }, { 300, 1 }, { 510, 4 },
	{ 2 * UNIT, 7 }, { NR - 1, 1 },
};

#define NR_RUNS	(ARRAY_SIZE(runs))

static unsigned int mark_runs(int fd)
{
	struct vmshm_mark arg = {
		.size = sizeof(arg),
		.ranges = (uintptr_t)runs,
		.count = NR_RUNS,
	};
	unsigned int i, n = 0;

	if (vt_ioctl(fd, VMSHM_IOC_MARK, &arg))
		return 0;
	for (i = 0; i < NR_RUNS; i++)
		n += runs[i].nr_pages;
	return n;
}

TEST_F(log, formats)
{
	struct vmshm_log_range ranges[NR_RUNS + 1];
	__u64 bits[(2 * NR + 63) / 64 + 1];
	struct vmshm_log_fetch arg = { 0 };
	unsigned int n, i, page;
	int logs[3];

	for (i = 0; i < 3; i++) {
		logs[i] = vt_log_open(self->fd, 0, 0, 0);
		ASSERT_LE(0, logs[i]);
	}
	n = mark_runs(self->fd);
	ASSERT_NE(0, n);

	arg.format = VMSHM_LOG_RANGES;
	arg.count = NR_RUNS + 1;
	arg.buffer = (uintptr_t)ranges;
	ASSERT_EQ(0, vt_log_fetch(logs[0], &arg));
	EXPECT_EQ(2 * NR, arg.out_next);
	EXPECT_EQ(n, arg.out_pages);
	EXPECT_EQ(0, arg.out_pinned);
	ASSERT_EQ(NR_RUNS, arg.out_count);
	EXPECT_EQ(0, memcmp(runs, ranges, sizeof(runs)));

	memset(bits, 0xa5, sizeof(bits));
	arg.format = VMSHM_LOG_BITMAP;
	arg.count = sizeof(bits) / 8;
	arg.buffer = (uintptr_t)bits;
	ASSERT_EQ(0, vt_log_fetch(logs[1], &arg));
	EXPECT_EQ(2 * NR, arg.out_next);
	EXPECT_EQ(n, arg.out_pages);
	EXPECT_EQ((2 * NR + 63) / 64, arg.out_count);
	for (i = 0, page = 0; page < arg.out_count * 64; page++) {
		bool set = bits[page / 64] >> page % 64 & 1;

		while (i < NR_RUNS &&
		       page >= runs[i].first_page + runs[i].nr_pages)
			i++;
		EXPECT_EQ(i < NR_RUNS && page >= runs[i].first_page, set)
			TH_LOG("page %u", page);
	}
	EXPECT_EQ(0xa5a5a5a5a5a5a5a5, bits[arg.out_count]);

	EXPECT_EQ(n, vt_log_count(logs[2], 0));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, vt_log_count(logs[i], 0));
}

/* With room for any number of ranges, all are got, each once. */
TEST_F(log, cursor)
{
	unsigned char pages[2 * NR];
	unsigned int room, n, i, j;
	int log;

	log = vt_log_open(self->fd, 0, 0, 0);
	ASSERT_LE(0, log);
	for (room = 1; room < NR_RUNS + 2; room++) {
		n = mark_runs(self->fd);
		memset(pages, 0, sizeof(pages));
		EXPECT_EQ(n, vt_log_read(log, 0, room, pages));
		for (i = 0; i < NR_RUNS; i++) {
			for (j = 0; j < runs[i].nr_pages; j++)
				EXPECT_EQ(1, pages[runs[i].first_page + j]);
		}
		EXPECT_EQ(0, vt_log_count(log, 0));
	}
}

/* The same for bitmaps, whose words past the cursor stay as they were. */
TEST_F(log, cursor_bitmap)
{
	unsigned int words, n, found;
	int log;

	log = vt_log_open(self->fd, 0, 0, 0);
	ASSERT_LE(0, log);
	for (words = 1; words < 24; words++) {
		__u64 bits[25];
		struct vmshm_log_fetch arg = {
			.format = VMSHM_LOG_BITMAP,
			.count = words,
			.buffer = (uintptr_t)bits,
		};

		n = mark_runs(self->fd);
		found = 0;
		for (; arg.first_page < 2 * NR; arg.first_page = arg.out_next) {
			unsigned int w, set = 0;

			memset(bits, 0xff, sizeof(bits));
			ASSERT_EQ(0, vt_log_fetch(log, &arg));
			ASSERT_LT(arg.first_page, arg.out_next);
			EXPECT_GE(words, arg.out_count);
			EXPECT_EQ((arg.out_next - arg.first_page + 63) / 64,
				  arg.out_count);
			for (w = 0; w < arg.out_count; w++)
				set += __builtin_popcountll(bits[w]);
			for (; w < 25; w++)
				EXPECT_EQ(~0ULL, bits[w]);
			EXPECT_EQ(arg.out_pages, set);
			found += set;
		}
		EXPECT_EQ(n, found);
	}
}

/* A log may begin anywhere, and so may a bitmap. */
TEST_F(log, bitmap_unaligned)
{
	__u64 words[2];
	struct vmshm_log_fetch arg = {
		.format = VMSHM_LOG_BITMAP,
		.first_page = 10,
		.buffer = (__u64)(uintptr_t)words,
		.count = 1,
	};
	int log = vt_log_open(self->fd, 0, 10, 100);

	ASSERT_LE(0, log);
	self->mem[12 * VT_PAGE]++;
	self->mem[73 * VT_PAGE]++;
	self->mem[74 * VT_PAGE]++;
	self->mem[75 * VT_PAGE]++;
	ASSERT_EQ(0, vt_log_fetch(log, &arg));
	EXPECT_EQ(74, arg.out_next);
	EXPECT_EQ(1, arg.out_count);
	EXPECT_EQ(1ULL << 2 | 1ULL << 63, words[0]);

	arg.first_page = arg.out_next;
	arg.count = 2;
	ASSERT_EQ(0, vt_log_fetch(log, &arg));
	EXPECT_EQ(110, arg.out_next);
	EXPECT_EQ(1, arg.out_count);
	EXPECT_EQ(3, words[0]);
	close(log);
}

TEST_F(log, peek_and_rearm)
{
	struct vmshm_log_range two[2] = { { 10, 5 }, { 600, 900 } };
	struct vmshm_log_rearm arg = {
		.size = sizeof(arg),
		.ranges = (uintptr_t)two,
		.count = 2,
	};
	struct vmshm_log_stat stat;
	int log, other;

	log = vt_log_open(self->fd, 0, 0, 0);
	ASSERT_LE(0, log);
	other = vt_log_open(self->fd, 0, 0, 0);
	ASSERT_LE(0, other);

	poke(self, 12);
	poke(self, 700);
	poke(self, 1499);
	EXPECT_EQ(3, vt_log_count(log, VMSHM_LOG_PEEK));
	EXPECT_EQ(3, vt_log_read(log, VMSHM_LOG_PEEK, 1, NULL));
	ASSERT_EQ(0, vt_log_stat(log, &stat));
	EXPECT_EQ(3, stat.out_dirty);
	EXPECT_EQ(0, stat.out_fetches);

	/* A range that is wrong spoils all of them. */
	two[1].nr_pages = 2 * NR;
	EXPECT_EQ(-EINVAL, vt_ioctl(log, VMSHM_IOC_LOG_REARM, &arg));
	EXPECT_EQ(3, vt_log_count(log, VMSHM_LOG_PEEK));

	two[1].nr_pages = 100 + 1;
	EXPECT_EQ(0, vt_ioctl(log, VMSHM_IOC_LOG_REARM, &arg));
	EXPECT_TRUE(vt_log_exactly(log, 1499, 1));

	/* A page that was rearmed is protected. */
	poke(self, 700);
	EXPECT_TRUE(vt_log_exactly(log, 700, 1));

	EXPECT_EQ(3, vt_log_count(other, 0));
	arg.count = 65537;
	EXPECT_EQ(-EINVAL, vt_ioctl(log, VMSHM_IOC_LOG_REARM, &arg));
	arg.count = 1;
	arg.ranges = 0;
	EXPECT_EQ(-EFAULT, vt_ioctl(log, VMSHM_IOC_LOG_REARM, &arg));
	arg.count = 0;
	EXPECT_EQ(0, vt_ioctl(log, VMSHM_IOC_LOG_REARM, &arg));
	arg.flags = 1;
	EXPECT_EQ(-EOPNOTSUPP, vt_ioctl(log, VMSHM_IOC_LOG_REARM, &arg));
}

static void *poke_later(void *arg)
{
	volatile unsigned char *mem = arg;
	int i;

	usleep(20000);
	for (i = 0; i < 3; i++)
		mem[i * VT_PAGE]++;
	return NULL;
}

TEST_F(log, watermark)
{
	struct pollfd pfd = { .events = POLLIN };
	pthread_t thread;
	int log;

	log = vt_log_open(self->fd, 0, 0, 0);
	ASSERT_LE(0, log);
	EXPECT_EQ(0, vt_poll(log));
	poke(self, 0);
	EXPECT_EQ(POLLIN | POLLRDNORM, vt_poll(log));
	EXPECT_EQ(0, vt_log_watermark(log, 3));
	EXPECT_EQ(0, vt_poll(log));
	poke(self, 1);
	EXPECT_EQ(0, vt_poll(log));
	poke(self, 2);
	EXPECT_EQ(POLLIN | POLLRDNORM, vt_poll(log));
	EXPECT_EQ(3, vt_log_count(log, VMSHM_LOG_PEEK));
	EXPECT_EQ(POLLIN | POLLRDNORM, vt_poll(log));
	EXPECT_EQ(3, vt_log_count(log, 0));
	EXPECT_EQ(0, vt_poll(log));

	/* A poller that waits is woken, by writers and by MARK. */
	pfd.fd = log;
	ASSERT_EQ(0, pthread_create(&thread, NULL, poke_later, self->mem));
	EXPECT_EQ(1, poll(&pfd, 1, VT_PATIENCE * 1000));
	pthread_join(thread, NULL);
	EXPECT_LE(3, vt_log_count(log, 0));
	EXPECT_EQ(0, vt_mark(self->fd, 100, 2));
	EXPECT_EQ(0, vt_poll(log));
	EXPECT_EQ(0, vt_mark(self->fd, 100, 3));
	EXPECT_EQ(POLLIN | POLLRDNORM, vt_poll(log));

	/* 0 means 1. */
	EXPECT_EQ(3, vt_log_count(log, 0));
	EXPECT_EQ(0, vt_log_watermark(log, 0));
	EXPECT_EQ(0, vt_poll(log));
	poke(self, 40);
	EXPECT_EQ(POLLIN | POLLRDNORM, vt_poll(log));
}

/* Random operations on three logs, each checked against an array of flags. */
#define NR_LOGS	3

struct model {
	int fd;
	__u64 first;
	__u64 end;
	unsigned char dirty[2 * NR];
};

static unsigned int pick(unsigned int *seed, unsigned int below)
{
	return (unsigned int)rand_r(seed) % below;
}

static __u64 pick_range(unsigned int *seed, __u64 first, __u64 end, __u64 *nr)
{
	__u64 from = first + pick(seed, end - first);

	*nr = 1 + pick(seed, pick(seed, 4) ? 9 : end - from);
	if (*nr > end - from)
		*nr = end - from;
	/* Now and then up to the edge of a unit, or just that. */
	if (!pick(seed, 4)) {
		from -= from % UNIT;
		if (from < first)
			from = first;
		*nr = from + UNIT < end ? UNIT : end - from;
	}
	return from;
}

static void model_mark(struct model *models, __u64 first, __u64 nr)
{
	__u64 page;
	int i;

	for (i = 0; i < NR_LOGS; i++)
		for (page = first; page < first + nr; page++)
			models[i].dirty[page] = page >= models[i].first &&
						page < models[i].end;
}

/* Checks what a call reported, and forgets it if it was no PEEK. */
static bool model_check(struct model *model,
			const struct vmshm_log_fetch *arg)
{
	const struct vmshm_log_range *ranges = (void *)(uintptr_t)arg->buffer;
	const __u64 *bits = (const __u64 *)(uintptr_t)arg->buffer;
	__u64 page, first = arg->first_page, end = arg->out_next;
	unsigned char got[2 * NR] = { 0 };
	unsigned int i, j, n = 0;

	for (i = 0; arg->format == VMSHM_LOG_RANGES && i < arg->out_count; i++)
		for (j = 0; j < ranges[i].nr_pages; j++)
			got[ranges[i].first_page + j] = 1;
	for (page = first; page < end; page++) {
		if (arg->format == VMSHM_LOG_BITMAP)
			got[page] = bits[(page - first) / 64] >>
				    (page - first) % 64 & 1;
		if (arg->format == VMSHM_LOG_COUNT)
			got[page] = model->dirty[page];
		if (got[page] != model->dirty[page]) {
			printf("# page %llu is %d, should be %d\n", page,
			       got[page], model->dirty[page]);
			return false;
		}
		n += got[page];
		if (!(arg->flags & VMSHM_LOG_PEEK))
			model->dirty[page] = 0;
	}
	if (n != arg->out_pages)
		printf("# %u pages, %llu said\n", n, arg->out_pages);
	return n == arg->out_pages;
}

static bool model_fetch(struct model *model, unsigned int *seed)
{
	struct vmshm_log_range buffer[64];
	struct vmshm_log_fetch arg = {
		.flags = pick(seed, 4) ? 0 : VMSHM_LOG_PEEK,
		.format = pick(seed, 3),
		.count = 1 + pick(seed, pick(seed, 2) ? 3 : 64),
		.buffer = (uintptr_t)buffer,
	};
	__u64 nr;

	arg.first_page = pick_range(seed, model->first, model->end, &nr);
	arg.end_page = arg.first_page + nr;
	if (arg.format == VMSHM_LOG_COUNT) {
		arg.count = 0;
		arg.buffer = 0;
	} else if (arg.format == VMSHM_LOG_BITMAP) {
		arg.first_page -= arg.first_page % 64;
		if (arg.first_page < model->first)
			return true;
	}
	if (vt_log_fetch(model->fd, &arg)) {
		printf("# fetch failed at %llu to %llu\n", arg.first_page,
		       arg.end_page);
		return false;
	}
	return model_check(model, &arg);
}

static bool model_step(int fd, struct model *models, unsigned int *seed)
{
	struct model *model = &models[pick(seed, NR_LOGS)];
	__u64 first, nr, i, bits[(2 * NR + 63) / 64];

	switch (pick(seed, 8)) {
	case 0:
	case 1:
		first = pick_range(seed, 0, 2 * NR, &nr);
		if (vt_mark(fd, first, nr))
			return false;
		model_mark(models, first, nr);
		return true;
	case 2:
		first = pick_range(seed, 0, 2 * NR, &nr);
		for (i = 0; i < sizeof(bits) / 8; i++)
			bits[i] = (__u64)rand_r(seed) * rand_r(seed);
		if (vt_merge(fd, first, nr, bits))
			return false;
		for (i = 0; i < nr; i++)
			if (bits[i / 64] >> i % 64 & 1)
				model_mark(models, first + i, 1);
		return true;
	case 3:
		first = pick_range(seed, model->first, model->end, &nr);
		if (vt_log_rearm(model->fd, first, nr))
			return false;
		memset(model->dirty + first, 0, nr);
		return true;
	default:
		return model_fetch(model, seed);
	}
}

TEST_F(log, model)
{
	static struct model models[NR_LOGS] = {
		{ .first = 0, .end = 2 * NR },
		{ .first = 100, .end = 1100 },
		{ .first = UNIT + 64, .end = 2 * UNIT - 64 },
	};
	const char *env = getenv("VMSHM_SEED");
	unsigned int seed = env ? strtoul(env, NULL, 0) : 20240501;
	unsigned int start = seed;
	struct vmshm_log_stat stat;
	int i, step, dirty, page;

	for (i = 0; i < NR_LOGS; i++) {
		models[i].fd = vt_log_open(self->fd, 0, models[i].first,
					   models[i].end - models[i].first);
		ASSERT_LE(0, models[i].fd);
	}
	for (step = 0; step < 6000; step++) {
		ASSERT_TRUE(model_step(self->fd, models, &seed))
			TH_LOG("seed %u, step %d", start, step);
		if (step % 16)
			continue;
		for (i = 0; i < NR_LOGS; i++) {
			for (dirty = 0, page = 0; page < 2 * NR; page++)
				dirty += models[i].dirty[page];
			ASSERT_EQ(0, vt_log_stat(models[i].fd, &stat));
			ASSERT_EQ((__u64)dirty, stat.out_dirty)
				TH_LOG("seed %u, step %d", start, step);
		}
	}
}

/* What one log reads, another one has still. */
TEST_F(log, independent)
{
	int logs[4], i;

	for (i = 0; i < 4; i++) {
		logs[i] = vt_log_open(self->fd, 0, 0, 0);
		ASSERT_LE(0, logs[i]);
		poke(self, 600 * (i % 2) + i);
	}
	/* Each has what was written since it was opened. */
	for (i = 3; i >= 0; i--)
		EXPECT_EQ(4 - i, vt_log_count(logs[i], 0));
	for (i = 0; i < 4; i++)
		EXPECT_EQ(0, vt_log_count(logs[i], 0));
	close(logs[0]);
	poke(self, 1200);
	for (i = 1; i < 4; i++)
		EXPECT_TRUE(vt_log_exactly(logs[i], 1200, 1));
}

TEST_F(log, all_dirty)
{
	int log, part;

	log = vt_log_open(self->fd, VMSHM_LOG_ALL_DIRTY, 0, 0);
	ASSERT_LE(0, log);
	part = vt_log_open(self->fd, VMSHM_LOG_ALL_DIRTY, NR - 3, NR);
	ASSERT_LE(0, part);
	EXPECT_NE(0, vt_poll(log));
	/* All there is, not what there may be one day. */
	EXPECT_TRUE(vt_log_exactly(log, 0, NR));
	EXPECT_TRUE(vt_log_exactly(part, NR - 3, 3));
	poke(self, 3);
	EXPECT_TRUE(vt_log_exactly(log, 3, 1));

	part = vt_log_open(self->fd, VMSHM_LOG_ALL_DIRTY, NR + 10, 20);
	ASSERT_LE(0, part);
	EXPECT_EQ(0, vt_log_count(part, 0));
}

TEST_F(log, part_of_region)
{
	int log;

	memset(self->mem, 1, NR * VT_PAGE);
	log = vt_log_open(self->fd, 0, 500, 30);
	ASSERT_LE(0, log);
	EXPECT_EQ(0, vt_log_count(log, 0));
	memset(self->mem, 2, NR * VT_PAGE);
	EXPECT_TRUE(vt_log_exactly(log, 500, 30));
	poke(self, 499);
	poke(self, 530);
	EXPECT_EQ(0, vt_log_count(log, 0));
	poke(self, 500);
	poke(self, 529);
	EXPECT_TRUE(vt_log_reports(log, 500, 1));
	EXPECT_EQ(0, vt_mark(self->fd, 0, 2 * NR));
	EXPECT_TRUE(vt_log_exactly(log, 500, 30));
}

/* Growth counts as dirty, with the page that the old end was in. */
TEST_F(log, growth)
{
	int log = vt_log_open(self->fd, 0, 0, 0);

	ASSERT_LE(0, log);
	EXPECT_EQ(0, vt_resize(self->fd, (NR + 100) * VT_PAGE));
	EXPECT_TRUE(vt_log_exactly(log, NR, 100));
	EXPECT_EQ(0, vt_resize(self->fd, (NR + 100) * VT_PAGE + 1));
	EXPECT_TRUE(vt_log_exactly(log, NR + 100, 1));
	EXPECT_EQ(0, ftruncate(self->fd, (NR + 102) * VT_PAGE + 7));
	EXPECT_TRUE(vt_log_exactly(log, NR + 100, 3));
}

TEST_F(log, shrink_forgets)
{
	struct vmshm_log_stat stat;
	int log, part;

	log = vt_log_open(self->fd, VMSHM_LOG_ALL_DIRTY, 0, 0);
	ASSERT_LE(0, log);
	part = vt_log_open(self->fd, VMSHM_LOG_ALL_DIRTY, 1000, 100);
	ASSERT_LE(0, part);
	poke(self, 1400);
	EXPECT_EQ(0, vt_resize(self->fd, 700 * VT_PAGE));
	ASSERT_EQ(0, vt_log_stat(log, &stat));
	EXPECT_EQ(700, stat.out_dirty);
	EXPECT_TRUE(vt_log_exactly(log, 0, 700));
	EXPECT_EQ(0, vt_log_count(part, 0));
	EXPECT_EQ(0, vt_poll(part));

	/* What comes back is zero, and somebody must be told. */
	EXPECT_EQ(0, vt_resize(self->fd, NR * VT_PAGE));
	EXPECT_EQ(0, self->mem[1400 * VT_PAGE]);
	EXPECT_TRUE(vt_log_exactly(log, 700, NR - 700));
	EXPECT_TRUE(vt_log_exactly(part, 1000, 100));
	poke(self, 1400);
	EXPECT_TRUE(vt_log_exactly(log, 1400, 1));
}

/* Changes that are no writes through a page table. */

TEST_F(log, write)
{
	static char buf[5 * VT_PAGE];
	int log;

	log = vt_log_open(self->fd, 0, 0, 0);
	ASSERT_LE(0, log);
	EXPECT_EQ(1, pwrite(self->fd, buf, 1, 10 * VT_PAGE));
	EXPECT_TRUE(vt_log_exactly(log, 10, 1));
	EXPECT_EQ(2, pwrite(self->fd, buf, 2, 11 * VT_PAGE - 1));
	EXPECT_TRUE(vt_log_exactly(log, 10, 2));
	EXPECT_EQ(VT_PAGE, pwrite(self->fd, buf, VT_PAGE, 10 * VT_PAGE));
	EXPECT_TRUE(vt_log_exactly(log, 10, 1));
	EXPECT_EQ(5 * VT_PAGE, pwrite(self->fd, buf, 5 * VT_PAGE,
				      510 * VT_PAGE));
	EXPECT_TRUE(vt_log_exactly(log, 510, 5));
	/* The part that fits, and nothing at all. */
	EXPECT_EQ(VT_PAGE, pwrite(self->fd, buf, 2 * VT_PAGE,
				  (NR - 1) * VT_PAGE));
	EXPECT_TRUE(vt_log_exactly(log, NR - 1, 1));
	EXPECT_EQ(-1, pwrite(self->fd, buf, 1, NR * VT_PAGE));
	EXPECT_EQ(0, vt_log_count(log, 0));
	EXPECT_EQ(3, lseek(self->fd, 3, SEEK_SET));
	EXPECT_EQ(1, write(self->fd, buf, 1));
	EXPECT_TRUE(vt_log_exactly(log, 0, 1));
}

/* Of a write that fails in between, something may have been written. */
TEST_F(log, write_faults)
{
	unsigned char *src = mmap(NULL, 2 * VT_PAGE, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int log;

	ASSERT_NE(MAP_FAILED, src);
	memset(src, 1, VT_PAGE);
	ASSERT_EQ(0, munmap(src + VT_PAGE, VT_PAGE));
	log = vt_log_open(self->fd, 0, 0, 0);
	ASSERT_LE(0, log);
	EXPECT_LE(0, pwrite(self->fd, src, 2 * VT_PAGE, 20 * VT_PAGE));
	EXPECT_EQ(1, self->mem[20 * VT_PAGE]);
	EXPECT_TRUE(vt_log_reports(log, 20, 1));
}

TEST_F(log, splice)
{
	int log, pipes[2], src = vt_memfd(VT_PAGE * 4);
	loff_t in = 0, out = 30 * VT_PAGE + 5;

	ASSERT_LE(0, src);
	ASSERT_EQ(0, pipe(pipes));
	log = vt_log_open(self->fd, 0, 0, 0);
	ASSERT_LE(0, log);
	ASSERT_EQ(10, write(pipes[1], "0123456789", 10));
	EXPECT_EQ(10, splice(pipes[0], NULL, self->fd, &out, 10, 0));
	EXPECT_EQ('9', self->mem[30 * VT_PAGE + 14]);
	EXPECT_TRUE(vt_log_exactly(log, 30, 1));

	out = 600 * VT_PAGE;
	EXPECT_EQ(2 * VT_PAGE, sendfile(self->fd, src, &in, 2 * VT_PAGE) < 0 ?
		  -errno : lseek(self->fd, 0, SEEK_CUR));
	EXPECT_TRUE(vt_log_exactly(log, 0, 2));
}

/* Between regions: the file systems must be the same for some kernels. */
TEST_F(log, copy_file_range)
{
	int src = vt_region(self->dev, "src", 4 * VT_PAGE, 0, 0);
	loff_t in = VT_PAGE, out = 40 * VT_PAGE;
	int log;

	ASSERT_LE(0, src);
	ASSERT_EQ(1, pwrite(src, "c", 1, VT_PAGE));
	log = vt_log_open(self->fd, 0, 0, 0);
	ASSERT_LE(0, log);
	ASSERT_EQ(2 * VT_PAGE, copy_file_range(src, &in, self->fd, &out,
					       2 * VT_PAGE, 0));
	EXPECT_EQ('c', self->mem[40 * VT_PAGE]);
	EXPECT_TRUE(vt_log_exactly(log, 40, 2));
}

TEST_F(log, punch)
{
	const int mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
	int log;

	memset(self->mem, 1, NR * VT_PAGE);
	log = vt_log_open(self->fd, 0, 0, 0);
	ASSERT_LE(0, log);
	EXPECT_EQ(0, fallocate(self->fd, mode, 50 * VT_PAGE, 3 * VT_PAGE));
	EXPECT_TRUE(vt_log_exactly(log, 50, 3));
	/* Parts of pages are zeroed. */
	EXPECT_EQ(0, fallocate(self->fd, mode, 60 * VT_PAGE + 1,
			       2 * VT_PAGE - 2));
	EXPECT_EQ(0, self->mem[62 * VT_PAGE - 2]);
	EXPECT_TRUE(vt_log_exactly(log, 60, 2));
	EXPECT_EQ(0, madvise(self->mem + 70 * VT_PAGE, 2 * VT_PAGE,
			     MADV_REMOVE));
	EXPECT_EQ(0, self->mem[71 * VT_PAGE]);
	EXPECT_TRUE(vt_log_exactly(log, 70, 2));
	/* Allocating changes nothing. */
	EXPECT_EQ(0, fallocate(self->fd, 0, 50 * VT_PAGE, 3 * VT_PAGE));
	EXPECT_EQ(0, vt_log_count(log, 0));
}

/* Reading and mapping is no writing. */
TEST_F(log, readers)
{
	unsigned int i, sum = 0;
	char buf[16];
	int log;

	memset(self->mem, 1, (NR / 2) * VT_PAGE);
	log = vt_log_open(self->fd, 0, 0, 0);
	ASSERT_LE(0, log);
	for (i = 0; i < NR; i++)
		sum += self->mem[i * VT_PAGE];
	EXPECT_EQ(NR / 2, sum);
	EXPECT_EQ(16, pread(self->fd, buf, 16, 8 * VT_PAGE));
	EXPECT_EQ(0, msync(self->mem, NR * VT_PAGE, MS_SYNC));
	EXPECT_NE(NULL, vt_map(self->fd, VT_PAGE, PROT_READ | PROT_WRITE, 0));
	EXPECT_EQ(0, vt_log_count(log, 0));
}

/* A call that fails with EFAULT has lost nothing. */

TEST_F(log, fault_in_buffer)
{
	struct vmshm_log_fetch arg = { .count = 4096 };
	unsigned char *buf = mmap(NULL, 2 * VT_PAGE, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	__u32 format;
	int log;

	ASSERT_NE(MAP_FAILED, buf);
	ASSERT_EQ(0, munmap(buf + VT_PAGE, VT_PAGE));
	log = vt_log_open(self->fd, 0, 0, 0);
	ASSERT_LE(0, log);
	for (format = VMSHM_LOG_RANGES; format <= VMSHM_LOG_BITMAP; format++) {
		mark_runs(self->fd);
		arg.format = format;
		arg.buffer = (uintptr_t)(buf + VT_PAGE - 8);
		EXPECT_EQ(-EFAULT, vt_log_fetch(log, &arg));
		EXPECT_EQ(0, arg.out_next);
		arg.flags = VMSHM_LOG_PEEK;
		EXPECT_EQ(-EFAULT, vt_log_fetch(log, &arg));
		arg.flags = 0;
		EXPECT_TRUE(vt_log_reports(log, 0, 1));
		mark_runs(self->fd);
		EXPECT_EQ(-EFAULT, vt_log_fetch(log, &arg));
		EXPECT_TRUE(vt_log_reports(log, NR - 1, 1));
	}
}

/* Of a call that fails late, the first part counts. */
TEST_F(log, fault_in_second_chunk)
{
	const size_t chunk = 4096 * sizeof(struct vmshm_log_range);
	unsigned char *buf = mmap(NULL, chunk + VT_PAGE, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct vmshm_log_fetch arg = { .count = 8192 };
	int fd, log;
	__u64 i;

	ASSERT_NE(MAP_FAILED, buf);
	ASSERT_EQ(0, munmap(buf + chunk, VT_PAGE));
	fd = vt_region(self->dev, "many", 0, 16384 * VT_PAGE, 0);
	ASSERT_LE(0, fd);
	log = vt_log_open(fd, 0, 0, 0);
	ASSERT_LE(0, log);
	for (i = 0; i < 8192; i++)
		ASSERT_EQ(0, vt_mark(fd, 2 * i, 1));
	arg.buffer = (uintptr_t)buf;
	EXPECT_EQ(0, vt_log_fetch(log, &arg));
	/* How much that is, is nobody's business. */
	EXPECT_LT(0, arg.out_count);
	EXPECT_GE(4096, arg.out_count);
	EXPECT_EQ(arg.out_count, arg.out_pages);
	EXPECT_EQ(2 * arg.out_count, arg.out_next);
	EXPECT_LE(8192 - arg.out_count, vt_log_count(log, VMSHM_LOG_PEEK));
	EXPECT_TRUE(vt_log_reports(log, 16382, 1));
}

TEST_F(log, fault_in_argument)
{
	struct vmshm_log_range ranges[16];
	struct vmshm_log_fetch *arg =
		mmap(NULL, VT_PAGE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int log;

	ASSERT_NE(MAP_FAILED, arg);
	log = vt_log_open(self->fd, 0, 0, 0);
	ASSERT_LE(0, log);
	poke(self, 5);
	poke(self, 777);
	arg->size = sizeof(*arg);
	arg->count = 16;
	arg->buffer = (uintptr_t)ranges;
	ASSERT_EQ(0, mprotect(arg, VT_PAGE, PROT_READ));
	EXPECT_EQ(-EFAULT, vt_ioctl(log, VMSHM_IOC_LOG_FETCH, arg));
	EXPECT_LE(2, vt_log_count(log, VMSHM_LOG_PEEK));
	ASSERT_EQ(0, mprotect(arg, VT_PAGE, PROT_READ | PROT_WRITE));
	arg->count = 0;
	arg->buffer = 0;
	arg->format = VMSHM_LOG_COUNT;
	ASSERT_EQ(0, mprotect(arg, VT_PAGE, PROT_READ));
	EXPECT_EQ(-EFAULT, vt_ioctl(log, VMSHM_IOC_LOG_FETCH, arg));
	EXPECT_TRUE(vt_log_reports(log, 777, 1));
}

/* The buffer may be in the region: writing it is a write like any other. */
TEST_F(log, buffer_in_region)
{
	struct vmshm_log_fetch arg = {
		.count = VT_PAGE / sizeof(struct vmshm_log_range),
		.buffer = (uintptr_t)(self->mem + 800 * VT_PAGE),
	};
	const struct vmshm_log_range *range = (void *)(uintptr_t)arg.buffer;
	int log, round;

	log = vt_log_open(self->fd, 0, 0, 0);
	ASSERT_LE(0, log);
	poke(self, 9);
	ASSERT_EQ(0, vt_log_fetch(log, &arg));
	ASSERT_EQ(1, arg.out_count);
	EXPECT_EQ(9, range->first_page);
	for (round = 0; round < 4; round++) {
		ASSERT_EQ(0, vt_log_fetch(log, &arg));
		ASSERT_EQ(1, arg.out_count);
		EXPECT_EQ(800, range->first_page);
		EXPECT_EQ(1, range->nr_pages);
	}
}

TEST_F(log, stat)
{
	struct vmshm_log_stat stat, after;
	int log;

	memset(self->mem, 1, 64 * VT_PAGE);
	log = vt_log_open(self->fd, 0, 7, 1000);
	ASSERT_LE(0, log);
	ASSERT_EQ(0, vt_log_stat(log, &stat));
	EXPECT_EQ(7, stat.out_first_page);
	EXPECT_EQ(1000, stat.out_nr_pages);
	EXPECT_EQ(0, stat.out_dirty);
	EXPECT_EQ(1, stat.out_watermark);
	EXPECT_EQ(0, stat.out_fetches);
	EXPECT_EQ(0, stat.out_fetch_ns);
	EXPECT_NE(0, stat.out_memory);

	EXPECT_EQ(0, vt_log_watermark(log, 12));
	poke(self, 6);
	poke(self, 7);
	poke(self, 20);
	ASSERT_EQ(0, vt_log_stat(log, &after));
	EXPECT_EQ(2, after.out_dirty);
	EXPECT_EQ(12, after.out_watermark);
	EXPECT_LT(stat.out_memory, after.out_memory);
	EXPECT_EQ(2, vt_fdinfo(log, "vmshm-log-dirty"));
	EXPECT_EQ(7, vt_fdinfo(log, "vmshm-log-pages"));
	EXPECT_EQ(12, vt_fdinfo(log, "vmshm-log-watermark"));
	EXPECT_EQ((long long)after.out_memory,
		  vt_fdinfo(log, "vmshm-log-memory"));

	EXPECT_EQ(2, vt_log_count(log, 0));
	ASSERT_EQ(0, vt_log_stat(log, &stat));
	EXPECT_EQ(0, stat.out_dirty);
	EXPECT_EQ(1, stat.out_fetches);
	EXPECT_EQ(2, stat.out_fetched);
	EXPECT_EQ(2, stat.out_protected);
	EXPECT_EQ(0, stat.out_pinned);
	EXPECT_EQ(0, stat.out_coarse);
	EXPECT_NE(0, stat.out_fetch_ns);
	EXPECT_EQ(1, vt_fdinfo(log, "vmshm-log-fetches"));
	EXPECT_EQ(2, vt_fdinfo(log, "vmshm-log-fetched"));

	/* Bitmaps go when nothing was found twice. */
	EXPECT_EQ(0, vt_log_count(log, 0));
	EXPECT_EQ(0, vt_log_count(log, 0));
	ASSERT_EQ(0, vt_log_stat(log, &stat));
	EXPECT_GT(after.out_memory, stat.out_memory);
	stat.out_dirty = 1;
	EXPECT_EQ(-EINVAL, vt_ioctl(log, VMSHM_IOC_LOG_STAT, &stat));
}

/* A log keeps the memory, not the name. */
TEST_F(log, keeps_region)
{
	char name[VMSHM_NAME_MAX + 1];
	struct vmshm_info before, held, after;
	int fd, log;

	ASSERT_EQ(0, vt_info(self->dev, &before));
	fd = vt_region(self->dev, "kept", VT_MIB, 0, 0);
	ASSERT_LE(0, fd);
	ASSERT_EQ(1, pwrite(fd, "x", 1, 0));
	log = vt_log_open(fd, VMSHM_LOG_ALL_DIRTY, 0, 0);
	ASSERT_LE(0, log);
	close(fd);
	EXPECT_EQ(-ENOENT, vt_open(self->dev, vt_name(name, "kept"), 0));
	ASSERT_EQ(0, vt_info(self->dev, &held));
	EXPECT_EQ(before.out_regions_used + 1, held.out_regions_used);
	EXPECT_LT(before.out_bytes_used, held.out_bytes_used);
	EXPECT_TRUE(vt_log_exactly(log, 0, VT_MIB / VT_PAGE));
	close(log);
	ASSERT_EQ(0, vt_info(self->dev, &after));
	EXPECT_EQ(before.out_regions_used, after.out_regions_used);
	EXPECT_EQ(before.out_bytes_used, after.out_bytes_used);
	EXPECT_EQ(before.out_meta_used, after.out_meta_used);
}

static __u64 meta_used(int dev)
{
	struct vmshm_info info;

	return vt_info(dev, &info) ? 0 : info.out_meta_used;
}

TEST_F(log, memory_is_accounted)
{
	__u64 before = meta_used(self->dev), open, dirty;
	struct vmshm_log_stat stat;
	int log, i;

	log = vt_log_open(self->fd, 0, 0, 0);
	ASSERT_LE(0, log);
	open = meta_used(self->dev);
	ASSERT_EQ(0, vt_log_stat(log, &stat));
	EXPECT_EQ(stat.out_memory, open - before);
	for (i = 0; i < NR; i += 100)
		poke(self, i);
	dirty = meta_used(self->dev);
	EXPECT_LT(open, dirty);
	ASSERT_EQ(0, vt_log_stat(log, &stat));
	EXPECT_EQ(stat.out_memory, dirty - before);
	for (i = 0; i < 3; i++)
		vt_log_count(log, 0);
	EXPECT_EQ(open, meta_used(self->dev));

	/* Also of what is dirty when the log is closed. */
	for (i = 0; i < NR; i += 100)
		poke(self, i);
	close(log);
	EXPECT_EQ(before, meta_used(self->dev));

	/* And of opening that fails. */
	EXPECT_EQ(-EINVAL, vt_log_open(self->fd, 0, 0, 2 * NR + 1));
	EXPECT_EQ(before, meta_used(self->dev));
}

/* Without memory for bitmaps more is reported, never less. */
TEST_F(log, coarse)
{
	long long limit = vt_param_get("meta_user_kb");
	struct vmshm_log_stat stat;
	__u64 open;
	int log, i;

	log = vt_log_open(self->fd, 0, 0, 0);
	ASSERT_LE(0, log);
	open = meta_used(self->dev);
	ASSERT_EQ(0, vt_param_set("meta_user_kb", 1));
	EXPECT_EQ(-EDQUOT, vt_log_open(self->fd, 0, 0, 0));
	for (i = 0; i < 3; i++) {
		poke(self, 3);
		poke(self, UNIT + 5);
		EXPECT_EQ(0, vt_mark(self->fd, 2 * UNIT + 7, 2));
		ASSERT_EQ(0, vt_log_stat(log, &stat));
		EXPECT_EQ((__u64)3 * (i + 1), stat.out_coarse);
		EXPECT_EQ(3 * UNIT, stat.out_dirty);
		EXPECT_TRUE(vt_log_exactly(log, 0, 3 * UNIT));
		EXPECT_EQ(0, vt_log_count(log, 0));
	}
	EXPECT_EQ(open, meta_used(self->dev));

	/* Part of a unit cannot be cleared, all of it can. */
	poke(self, 3);
	EXPECT_EQ(0, vt_log_rearm(log, 0, 100));
	ASSERT_EQ(0, vt_log_stat(log, &stat));
	EXPECT_EQ(UNIT, stat.out_dirty);
	EXPECT_EQ(0, vt_log_rearm(log, 0, UNIT));
	ASSERT_EQ(0, vt_log_stat(log, &stat));
	EXPECT_EQ(0, stat.out_dirty);

	/* With memory, the rest of the unit stays. */
	poke(self, 3);
	EXPECT_EQ(0, vt_param_set("meta_user_kb", limit));
	EXPECT_EQ(0, vt_log_rearm(log, 0, 100));
	EXPECT_TRUE(vt_log_exactly(log, 100, UNIT - 100));
}

TEST_F(log, large_offset)
{
	const off_t offset = 5ULL << 30;
	int fd, log;

	fd = vt_region(self->dev, "large", 6ULL << 30, 0, 0);
	ASSERT_LE(0, fd);
	log = vt_log_open(fd, 0, 0, 0);
	ASSERT_LE(0, log);
	EXPECT_EQ(1, pwrite(fd, "x", 1, offset))
		TH_LOG("%s", strerror(errno));
	EXPECT_TRUE(vt_log_exactly(log, offset / VT_PAGE, 1));
}

/* The cost follows what is dirty: counted are folios, bytes and calls. */
TEST_F(log, sparse)
{
	const __u64 size = 1ULL << 40, pages = size / VT_PAGE;
	const __u64 step = pages / 100;
	struct vmshm_log_range ranges[128];
	struct vmshm_log_fetch arg = {
		.count = 128,
		.buffer = (uintptr_t)ranges,
	};
	struct vmshm_log_stat stat;
	struct vmshm_info info;
	int fd, log, i, round;
	unsigned char *mem;

	ASSERT_EQ(0, vt_info(self->dev, &info));
	ASSERT_LE(size, info.out_max_size);
	fd = vt_region(self->dev, "sparse", size, 0, 0);
	ASSERT_LE(0, fd);
	mem = vt_map(fd, size, PROT_READ | PROT_WRITE, 0);
	ASSERT_NE(NULL, mem);
	for (i = 0; i < 100; i++)
		mem[i * step * VT_PAGE] = 1;
	log = vt_log_open(fd, 0, 0, 0);
	ASSERT_LE(0, log);
	for (round = 1; round <= 2; round++) {
		for (i = 0; i < 100; i++)
			mem[i * step * VT_PAGE]++;
		ASSERT_EQ(0, vt_log_fetch(log, &arg));
		EXPECT_EQ(pages, arg.out_next);
		EXPECT_EQ(100, arg.out_pages);
		ASSERT_EQ(100, arg.out_count);
		for (i = 0; i < 100; i++) {
			EXPECT_EQ(i * step, ranges[i].first_page);
			EXPECT_EQ(1, ranges[i].nr_pages);
		}
		ASSERT_EQ(0, vt_log_stat(log, &stat));
		EXPECT_EQ(0, stat.out_dirty);
		EXPECT_EQ((__u64)100 * round, stat.out_protected);
	}
	/* One bit per 2 MiB, and a bitmap for each of 100 units. */
	EXPECT_GT(64 * 1024 + 100 * 1024, stat.out_memory);
	ASSERT_EQ(0, vt_log_fetch(log, &arg));
	EXPECT_EQ(0, arg.out_pages);
}

TEST_HARNESS_MAIN
