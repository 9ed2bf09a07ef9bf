// SPDX-License-Identifier: GPL-2.0
/* What the processes of a part have done, see struct st_count. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <string.h>
#include <sys/mman.h>

#include "stress/stress.h"

struct st_count *st_counts_new(unsigned int nr)
{
	void *map = mmap(NULL, nr * sizeof(struct st_count),
			 PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			 -1, 0);

	if (map == MAP_FAILED)
		st_die("no memory to count in: %m");
	return map;
}

int st_note(struct st_count *count, int ret)
{
	unsigned int *what = &count->done;

	if (ret < 0)
		what = &count->error[-ret < ST_ERRNOS ? -ret : 0];
	__atomic_fetch_add(what, 1, __ATOMIC_RELAXED);
	return ret;
}

void st_counts_print(const struct st_count *counts, unsigned int nr)
{
	const struct st_count *count;
	int err;

	for (count = counts; count < counts + nr; count++) {
		printf("# %s: %u", count->name, count->done);
		for (err = 0; err < ST_ERRNOS; err++)
			if (count->error[err])
				printf(", %u %s", count->error[err],
				       strerrorname_np(err));
		putchar('\n');
	}
}
