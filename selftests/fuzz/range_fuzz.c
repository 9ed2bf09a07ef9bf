// SPDX-License-Identifier: GPL-2.0
/*
 * Arithmetic of sizes, against the same in 128 bits.
 *
 * Input: four numbers of 8 bytes.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "range.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define u128	unsigned __int128

#define CHECK(_cond)							\
	do {								\
		if (!(_cond)) {						\
			fprintf(stderr, "%s:%d: not true: %s\n",	\
				__FILE__, __LINE__, #_cond);		\
			abort();					\
		}							\
	} while (0)

static u128 round_up_to(u128 n, u128 step)
{
	return (n + step - 1) / step * step;
}

static u64 charge_target(u128 allocated, u128 want, u128 size, u128 step)
{
	u128 pages = round_up_to(allocated + want, step);

	if (pages > size)
		pages = size;
	return pages < allocated ? allocated : pages;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const u128 page = 1 << PAGE_SHIFT;
	u64 n[4], shift;
	int want = 0;
	u128 end;

	if (size < sizeof(n))
		return 0;
	memcpy(n, data, sizeof(n));

	end = (u128)n[0] + n[1];
	if (end > n[2])
		want = -EINVAL;
	CHECK(vmshm_range_check(n[0], n[1], n[2]) == want);

	CHECK(vmshm_pages(n[0]) == (u64)(round_up_to(n[0], page) / page));

	if (!(end >> 64)) {
		u128 pages = 0;

		if (n[1])
			pages = round_up_to(end, page) / page - n[0] / page;
		CHECK(vmshm_pages_touched(n[0], n[1]) == (u64)pages);
	}

	/* As they are, and as numbers of pages are: of 52 bits at most. */
	for (shift = 0; shift <= 12; shift += 12) {
		u64 allocated = n[0] >> shift;
		u64 more = n[1] >> shift;
		u64 most = n[2] >> shift;
		u64 step = (n[3] >> shift) + 1;

		if (!step)
			continue;
		CHECK(vmshm_charge_target(allocated, more, most, step) ==
		      charge_target(allocated, more, most, step));
		step = (n[3] & 1023) + 1;
		CHECK(vmshm_charge_target(allocated, more, most, step) ==
		      charge_target(allocated, more, most, step));
	}
	return 0;
}
