// SPDX-License-Identifier: GPL-2.0
/*
 * Coverage of the module by the calls of one task, see dev-tools/kcov.rst. Only
 * our kernels that check themselves have it, and only the module's code is
 * instrumented there.
 *
 * What counts is which place was reached from which, as a hash.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/kcov.h>

#include "fuzz.h"

#define FZ_KCOV		"/sys/kernel/debug/kcov"
/* Places that one operation can reach. */
#define FZ_KCOV_SIZE	(32 << 10)

static __thread uint64_t *fz_cover;

bool fz_kcov_present(void)
{
	return !fz_options.no_kcov && !access(FZ_KCOV, R_OK | W_OK);
}

void fz_kcov_start(void)
{
	int fd;

	fz_cover = NULL;
	if (!fz_kcov_present())
		return;
	fd = open(FZ_KCOV, O_RDWR | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, KCOV_INIT_TRACE, FZ_KCOV_SIZE))
		fz_fail("kcov: %m");
	fz_cover = mmap(NULL, FZ_KCOV_SIZE * sizeof(*fz_cover),
			PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (fz_cover == MAP_FAILED)
		fz_fail("kcov: %m");
	/* The file stays open: coverage ends with it. */
	if (ioctl(fd, KCOV_ENABLE, KCOV_TRACE_PC))
		fz_fail("kcov: %m");
}

void fz_kcov_begin(void)
{
	if (fz_cover)
		__atomic_store_n(&fz_cover[0], 0, __ATOMIC_RELAXED);
}

void fz_kcov_end(unsigned int at)
{
	struct fz_shared *shared = fz.shared;
	uint64_t prev = 0, n, i;

	if (!fz_cover)
		return;
	n = __atomic_load_n(&fz_cover[0], __ATOMIC_RELAXED);
	if (n >= FZ_KCOV_SIZE)
		n = FZ_KCOV_SIZE - 1;
	for (i = 1; i <= n; i++) {
		uint64_t place = fz_cover[i] * 0x9e3779b97f4a7c15ULL >> 32;
		uint32_t edge = (place ^ prev) % FZ_EDGES;
		uint64_t bit = 1ULL << edge % 64;

		prev = place >> 1;
		if (__atomic_fetch_or(&shared->edges[edge / 64], bit,
				      __ATOMIC_RELAXED) & bit)
			continue;
		shared->new_edges++;
		shared->last_new = at;
	}
}

unsigned int fz_kcov_edges(const struct fz_shared *shared)
{
	unsigned int i, n = 0;

	for (i = 0; i < FZ_EDGES / 64; i++)
		n += __builtin_popcountll(shared->edges[i]);
	return n;
}
