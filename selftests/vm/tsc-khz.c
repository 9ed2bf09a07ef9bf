// SPDX-License-Identifier: GPL-2.0
/*
 * tsc-khz - print the frequency of the time stamp counter in kHz
 *
 * An emulated machine has the counter of its host, and cannot find out how fast
 * it is: while it counts against a timer chip, the host runs something else.
 */
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <x86intrin.h>

struct moment {
	uint64_t ns;
	uint64_t ticks;
};

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

/* The one of many attempts that was least disturbed. */
static struct moment look(void)
{
	struct moment best = { 0 };
	uint64_t least = UINT64_MAX, before, after, ticks;
	int i;

	for (i = 0; i < 1000; i++) {
		before = now();
		ticks = __rdtsc();
		after = now();
		if (after - before >= least)
			continue;
		least = after - before;
		best.ns = before + least / 2;
		best.ticks = ticks;
	}
	return best;
}

int main(void)
{
	const struct timespec while_it_counts = { .tv_nsec = 100000000 };
	struct moment begin = look(), end;

	nanosleep(&while_it_counts, NULL);
	end = look();
	printf("%.0f\n", (end.ticks - begin.ticks) * 1e6 / (end.ns - begin.ns));
	return 0;
}
