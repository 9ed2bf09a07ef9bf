// SPDX-License-Identifier: GPL-2.0
/*
 * Write-around: one write fault opens neighbours of its page that are expected
 * to be written. What it costs and what it wrongly reports, in faults and pages.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "lib/harness.h"
#include "lib/pagemap_scan.h"
#include "lib/vmshm_log.h"
#include "lib/vmshm_mem.h"

/* Two page tables' worth. */
#define NR	1024U
#define TABLE	512U
#define SIZE	(NR * VT_PAGE)

/* Rounds in which things settle. */
#define ROUNDS	16

FIXTURE(log_around) {
	int dev;
	int fd;
	unsigned char *mem;
	unsigned char pages[NR];
};

FIXTURE_SETUP(log_around)
{
	self->dev = vt_device();
	ASSERT_LE(0, self->dev);
	self->fd = vt_region(self->dev, "around", SIZE, 0, 0);
	ASSERT_LE(0, self->fd);
	self->mem = vt_map(self->fd, SIZE, PROT_READ | PROT_WRITE, 0);
	ASSERT_NE(NULL, self->mem);
	/* Then a page table is filled by pages of one unit. */
	ASSERT_EQ(0, (uintptr_t)self->mem % VT_HUGE);
	memset(self->mem, 1, SIZE);
}

FIXTURE_TEARDOWN(log_around)
{
	munmap(self->mem, SIZE);
	close(self->fd);
	close(self->dev);
}

static void write_pages(unsigned char *mem, unsigned int first,
			unsigned int nr, unsigned int step)
{
	unsigned int i;

	for (i = first; i < first + nr; i += step)
		((volatile unsigned char *)mem)[i * VT_PAGE]++;
}

static void read_pages(unsigned char *mem)
{
	unsigned int i;

	for (i = 0; i < NR; i++)
		(void)((volatile unsigned char *)mem)[i * VT_PAGE];
}

static __u64 faults(int fd)
{
	struct vmshm_stat stat;

	return vt_stat(fd, &stat) ? 0 : stat.out_write_faults;
}

static __u64 around(int fd)
{
	struct vmshm_stat stat;

	return vt_stat(fd, &stat) ? 0 : stat.out_around;
}

/* Fetches into self->pages. */
static long long fetch(FIXTURE_DATA(log_around) *self, int log)
{
	memset(self->pages, 0, sizeof(self->pages));
	return vt_log_read(log, 0, 512, self->pages);
}

TEST_F(log_around, without_log)
{
	unsigned char *mem = vt_map(self->fd, SIZE, PROT_READ | PROT_WRITE, 0);
	__u64 f, a;

	ASSERT_NE(NULL, mem);
	ASSERT_EQ(0, (uintptr_t)mem % VT_HUGE);
	read_pages(mem);
	f = faults(self->fd);
	a = around(self->fd);
	write_pages(mem, 0, NR, 1);
	EXPECT_EQ(f + NR / TABLE, faults(self->fd));
	EXPECT_EQ(a + NR - NR / TABLE, around(self->fd));

	/* Not beyond the mapping. */
	munmap(mem + SIZE / 2, SIZE / 2);
	ASSERT_EQ(0, madvise(mem, SIZE / 2, MADV_DONTNEED));
	ASSERT_EQ(0, mprotect(mem, SIZE / 8, PROT_READ));
	read_pages(self->mem);
	write_pages(mem, TABLE / 4, TABLE * 3 / 4, 1);
	EXPECT_EQ(-SIGSEGV, vt_poke(mem, 1));
}

/* What one fault opened when there was no log is seen by one that opens. */
TEST_F(log_around, then_log)
{
	int log;

	ASSERT_EQ(0, madvise(self->mem, SIZE, MADV_DONTNEED));
	read_pages(self->mem);
	write_pages(self->mem, 0, 1, 1);
	log = vt_log_open(self->fd, 0, 0, 0);
	ASSERT_LE(0, log);
	EXPECT_EQ(0, vt_log_count(log, 0));
	write_pages(self->mem, 100, 1, 1);
	write_pages(self->mem, 300, 1, 1);
	EXPECT_EQ(2, fetch(self, log));
	EXPECT_EQ(1, self->pages[100]);
	EXPECT_EQ(1, self->pages[300]);
}

TEST_F(log_around, dense_writer)
{
	int log = vt_log_open(self->fd, 0, 0, 0), round;
	struct vmshm_log_stat stat;
	__u64 f, a;

	ASSERT_LE(0, log);
	for (round = 0; round < 2 * ROUNDS; round++) {
		f = faults(self->fd);
		a = around(self->fd);
		write_pages(self->mem, 0, NR, 1);
		f = faults(self->fd) - f;
		a = around(self->fd) - a;
		EXPECT_EQ(NR, f + a);
		/* The longer that goes on, the fewer are left to fault. */
		EXPECT_GE(round > 8 ? NR / 32 : round ? NR / 8 : NR, f);
		EXPECT_TRUE(vt_log_exactly(log, 0, NR));
	}
	/* Those that were left to fault did. */
	ASSERT_EQ(0, vt_log_stat(log, &stat));
	EXPECT_LT(0, stat.out_hits);
	EXPECT_EQ(0, stat.out_misses);
}

/*
 * The same sparse pages each time: nothing else is ever reported, and few fault
 * in the end.
 */
TEST_F(log_around, sparse_writer)
{
	int log = vt_log_open(self->fd, 0, 0, 0), round;
	const unsigned int n = (NR - 3 + 36) / 37;
	unsigned int i;
	__u64 f;

	ASSERT_LE(0, log);
	for (round = 0; round < 2 * ROUNDS; round++) {
		f = faults(self->fd);
		write_pages(self->mem, 3, NR - 3, 37);
		EXPECT_GE(round > ROUNDS ? n / 2 : n, faults(self->fd) - f);
		EXPECT_EQ(n, fetch(self, log));
		for (i = 3; i < NR; i += 37)
			EXPECT_EQ(1, self->pages[i]);
	}
}

/*
 * Other pages each time: what is wrongly reported has been dirty the time
 * before, and a page that nobody has written yet is not reported.
 */
TEST_F(log_around, wandering_writer)
{
	int log = vt_log_open(self->fd, 0, 0, 0), round;
	unsigned char before[NR] = { 0 };
	unsigned int i, seed = 1;

	ASSERT_LE(0, log);
	for (round = 0; round < 40; round++) {
		unsigned char written[NR] = { 0 };
		long long reported;

		for (i = 0; i < 20; i++) {
			unsigned int page = (unsigned int)rand_r(&seed) % NR;

			written[page] = 1;
			write_pages(self->mem, page, 1, 1);
		}
		reported = fetch(self, log);
		ASSERT_LE(0, reported);
		for (i = 0; i < NR; i++) {
			EXPECT_LE(written[i], self->pages[i]);
			EXPECT_GE(written[i] | before[i], self->pages[i])
				TH_LOG("round %d, page %u", round, i);
		}
		/* Written in any of the last rounds, no more. */
		EXPECT_GE(20 * ROUNDS, reported);
		memcpy(before, self->pages, sizeof(before));
	}
}

/* One in ten pages, others each time: little is reported beside them. */
TEST_F(log_around, random_writer)
{
	int log = vt_log_open(self->fd, 0, 0, 0), round;
	unsigned int i, seed = 1, written = 0;
	long long reported = 0, n;

	ASSERT_LE(0, log);
	for (round = 0; round < 40; round++) {
		for (i = 0; i < NR; i++) {
			if (rand_r(&seed) % 10)
				continue;
			write_pages(self->mem, i, 1, 1);
			written++;
		}
		n = fetch(self, log);
		ASSERT_LE(0, n);
		reported += n;
	}
	EXPECT_LE(written, reported);
	EXPECT_GE(written * 5 / 4, reported);
}

/* A dense round is forgotten after some. */
TEST_F(log_around, decay)
{
	int log = vt_log_open(self->fd, 0, 0, 0), round;
	long long last = TABLE + 1, reported;
	struct vmshm_log_stat stat;

	ASSERT_LE(0, log);
	write_pages(self->mem, 0, TABLE, 1);
	EXPECT_TRUE(vt_log_exactly(log, 0, TABLE));
	ASSERT_EQ(0, vt_log_stat(log, &stat));
	EXPECT_EQ(0, stat.out_misses);
	for (round = 0; round < ROUNDS; round++) {
		write_pages(self->mem, 7, 1, 1);
		reported = fetch(self, log);
		EXPECT_EQ(1, self->pages[7]);
		EXPECT_GT(last, reported);
		last = reported > 1 ? reported : 2;
	}
	for (round = 0; round < ROUNDS + 1; round++) {
		write_pages(self->mem, 7, 1, 1);
		EXPECT_TRUE(vt_log_exactly(log, 7, 1));
	}
	/* Not written, not reported. */
	EXPECT_EQ(0, vt_log_count(log, 0));
	/* It was expected in vain. */
	ASSERT_EQ(0, vt_log_stat(log, &stat));
	EXPECT_LT(0, stat.out_misses);
}

/* For another mapping, what is marked already may be opened: that is free. */
TEST_F(log_around, second_mapping)
{
	unsigned char *mem = vt_map(self->fd, SIZE, PROT_READ | PROT_WRITE, 0);
	int log = vt_log_open(self->fd, 0, 0, 0);
	__u64 f;

	ASSERT_NE(NULL, mem);
	ASSERT_LE(0, log);
	read_pages(mem);
	write_pages(self->mem, 0, TABLE, 1);
	f = faults(self->fd);
	write_pages(mem, 0, TABLE, 1);
	EXPECT_GE(TABLE / 4, faults(self->fd) - f);
	EXPECT_TRUE(vt_log_exactly(log, 0, TABLE));
	/* All mappings are protected again. */
	write_pages(mem, 9, 1, 1);
	EXPECT_TRUE(vt_log_reports(log, 9, 1));
	write_pages(self->mem, 11, 1, 1);
	EXPECT_TRUE(vt_log_reports(log, 11, 1));
}

/* What one log expects and the other does not stays closed. */
TEST_F(log_around, two_logs)
{
	int old = vt_log_open(self->fd, 0, 0, 0), new;

	ASSERT_LE(0, old);
	write_pages(self->mem, 0, TABLE, 1);
	EXPECT_TRUE(vt_log_exactly(old, 0, TABLE));
	new = vt_log_open(self->fd, 0, 0, 0);
	ASSERT_LE(0, new);
	write_pages(self->mem, 20, 1, 1);
	EXPECT_TRUE(vt_log_exactly(new, 20, 1));
	EXPECT_TRUE(vt_log_exactly(old, 20, 1));

	/* A log of other pages does not mind. */
	close(new);
	new = vt_log_open(self->fd, 0, TABLE, 0);
	ASSERT_LE(0, new);
	write_pages(self->mem, 0, TABLE, 1);
	EXPECT_TRUE(vt_log_exactly(old, 0, TABLE));
	write_pages(self->mem, 20, 1, 1);
	EXPECT_LT(TABLE / 2, fetch(self, old));
	EXPECT_EQ(0, vt_log_count(new, 0));
}

/* Mapped so that its page tables hold parts of two units. */
TEST_F(log_around, shifted_mapping)
{
	const unsigned int shift = 200;
	unsigned char *area, *mem;
	int log, round;
	__u64 f;

	area = mmap(NULL, 2 * SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		    0);
	ASSERT_NE(MAP_FAILED, area);
	area = (void *)(((uintptr_t)area + VT_HUGE - 1) & ~(VT_HUGE - 1));
	mem = mmap(area, SIZE - shift * VT_PAGE, PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_FIXED, self->fd, shift * VT_PAGE);
	ASSERT_EQ(area, mem);
	log = vt_log_open(self->fd, 0, 0, 0);
	ASSERT_LE(0, log);
	for (round = 0; round < ROUNDS; round++) {
		f = faults(self->fd);
		write_pages(mem, 0, NR - shift, 1);
		if (round)
			EXPECT_GE(NR / 4, faults(self->fd) - f);
		EXPECT_TRUE(vt_log_exactly(log, shift, NR - shift));
	}
	for (round = 0; round < 2 * ROUNDS; round++) {
		write_pages(mem, TABLE - shift, 1, 1);
		fetch(self, log);
	}
	EXPECT_EQ(1, self->pages[TABLE]);
}

/*
 * Another tracker of writes, in the same page tables: of Linux 6.7 and newer.
 */

/* Whether PAGEMAP_SCAN says that a page was written. */
static bool scan_says(int pagemap, const unsigned char *addr)
{
	struct page_region region;
	struct pm_scan_arg arg = {
		.size = sizeof(arg),
		.start = (uintptr_t)addr,
		.end = (uintptr_t)addr + VT_PAGE,
		.vec = (uintptr_t)&region,
		.vec_len = 1,
		.category_mask = PAGE_IS_WRITTEN,
		.return_mask = PAGE_IS_WRITTEN,
	};

	return ioctl(pagemap, PAGEMAP_SCAN, &arg) == 1;
}

TEST_F(log_around, userfaultfd)
{
	struct uffdio_api api = {
		.api = UFFD_API,
		.features = UFFD_FEATURE_WP_ASYNC,
	};
	struct uffdio_register reg = {
		.range = { .start = (uintptr_t)self->mem, .len = SIZE },
		.mode = UFFDIO_REGISTER_MODE_WP,
	};
	struct uffdio_writeprotect wp = {
		.range = reg.range,
		.mode = UFFDIO_WRITEPROTECT_MODE_WP,
	};
	int uffd = syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
	int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

	ASSERT_LE(0, uffd);
	ASSERT_LE(0, pagemap);
	if (ioctl(uffd, UFFDIO_API, &api)) {
		/* An old kernel knows no way to track this mapping. */
		close(uffd);
		uffd = syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
		ASSERT_LE(0, uffd);
		api = (struct uffdio_api){ .api = UFFD_API };
		ASSERT_EQ(0, ioctl(uffd, UFFDIO_API, &api));
		EXPECT_EQ(-EINVAL, vt_ioctl(uffd, UFFDIO_REGISTER, &reg));
		return;
	}
	ASSERT_EQ(0, ioctl(uffd, UFFDIO_REGISTER, &reg));
	ASSERT_EQ(0, ioctl(uffd, UFFDIO_WRITEPROTECT, &wp));
	EXPECT_FALSE(scan_says(pagemap, self->mem));
	/* A fault that could open the whole page table. */
	write_pages(self->mem, 0, 1, 1);
	EXPECT_TRUE(scan_says(pagemap, self->mem));
	EXPECT_FALSE(scan_says(pagemap, self->mem + 5 * VT_PAGE));
	write_pages(self->mem, 5, 1, 1);
	EXPECT_TRUE(scan_says(pagemap, self->mem + 5 * VT_PAGE));
}

TEST_HARNESS_MAIN
