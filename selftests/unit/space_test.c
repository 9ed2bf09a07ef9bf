// SPDX-License-Identifier: GPL-2.0
/*
 * Random operations on an address space, against one that is looked up page by
 * page; half of them with pages of 4 KiB, half with the whole of 2^64 bytes.
 *
 *	space_test [OPERATIONS [SEED]]
 */
#include <stdio.h>
#include <stdlib.h>

static long operation;
static unsigned long long seed = 1;

#define CHECK(cond)							\
	do {								\
		if (!(cond)) {						\
			printf("# %s:%d: operation %ld, seed %llu: not true: %s\n", \
			       __FILE__, __LINE__, operation, seed, #cond); \
			printf("not ok 1 model\n");			\
			exit(1);					\
		}							\
	} while (0)

#include "unit/space_model.h"

#define OPERATIONS	1000000
/* After so many, everything begins again. */
#define ROUND		5000

static unsigned long long state;

static unsigned int m_random(unsigned int below)
{
	/* xorshift64* */
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (unsigned int)((state * 0x2545f4914f6cdd1dULL) >> 33) % below;
}

int main(int argc, char **argv)
{
	long operations = OPERATIONS, commits = 0, changes = 0, failures = 0;
	long slots = 0;

	if (argc > 1)
		operations = strtol(argv[1], NULL, 0);
	if (argc > 2)
		seed = strtoull(argv[2], NULL, 0);
	setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
	puts("TAP version 13\n1..1");

	state = seed * 0x9e3779b97f4a7c15ULL + 1;
	while (operation < operations) {
		long round = operation / ROUND;

		m_begin(round & 1, round & 2);
		do
			m_step();
		while (++operation % ROUND && operation < operations);
		commits += model.commits;
		changes += model.changes;
		slots += model.slots;
		failures += model.failures;
		m_end();
	}
	printf("# %ld operations: %ld transactions, %ld of them failed\n",
	       operation, commits, failures);
	printf("# %ld changes of slots, %.1f slots at a time\n", changes,
	       commits ? (double)slots / (double)commits : 0);
	puts("ok 1 model");
	return 0;
}
