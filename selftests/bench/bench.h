/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the benchmarks share. Times are in nanoseconds; under instruction
 * counting one nanosecond is one instruction, kernel and user together.
 */
#ifndef _VMSHM_BENCH_H
#define _VMSHM_BENCH_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

/* A benchmark that cannot do what it measures has no result at all. */
#define NEED(cond)							\
	do {								\
		if (!(cond)) {						\
			fprintf(stderr, "%s:%d: %s: %s\n", __FILE__,	\
				__LINE__, #cond, strerror(errno));	\
			exit(1);					\
		}							\
	} while (0)

static inline double bench_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_RAW, &ts);
	return ts.tv_sec * 1e9 + ts.tv_nsec;
}

static inline int bench_compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static inline double bench_median(double *values, size_t n)
{
	qsort(values, n, sizeof(*values), bench_compare);
	return values[n / 2];
}

/* The line that everything is about; see run-bench. */
static inline void bench_print(const char *name, double value, const char *unit,
			       double peer_value, const char *peer)
{
	printf("BENCH %s %.2f %s %.3f %s\n", name, value, unit,
	       value / peer_value, peer);
	fflush(stdout);
}

#endif /* _VMSHM_BENCH_H */
