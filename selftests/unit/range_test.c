// SPDX-License-Identifier: GPL-2.0
/*
 * Arithmetic of sizes: all combinations of numbers near the edges, against the
 * same in 128 bits.
 */
#include <errno.h>

#include "lib/harness.h"

#include "range.h"

#define u128		unsigned __int128
#define U64_MAX		(~0ULL)
#define PAGE_SIZE	(1ULL << PAGE_SHIFT)

static const u64 numbers[] = {
	0, 1, 2, 3, 7, 8, 9, 511, 512, 513, PAGE_SIZE - 1, PAGE_SIZE,
	PAGE_SIZE + 1, 2 * PAGE_SIZE, (1ULL << 32) - 1, 1ULL << 32,
	(1ULL << 52) - 1, 1ULL << 52, (1ULL << 63) - PAGE_SIZE,
	(1ULL << 63) - 1, 1ULL << 63, (1ULL << 63) + 1, U64_MAX - PAGE_SIZE,
	U64_MAX - PAGE_SIZE + 1, U64_MAX - PAGE_SIZE + 2, U64_MAX - 1, U64_MAX,
};

#define COUNT		ARRAY_SIZE(numbers)

TEST(range_check_examples)
{
	EXPECT_EQ(0, vmshm_range_check(0, 0, 0));
	EXPECT_EQ(0, vmshm_range_check(0, 10, 10));
	EXPECT_EQ(0, vmshm_range_check(10, 0, 10));
	EXPECT_EQ(-EINVAL, vmshm_range_check(10, 1, 10));
	EXPECT_EQ(-EINVAL, vmshm_range_check(11, 0, 10));
	EXPECT_EQ(0, vmshm_range_check(1, U64_MAX - 1, U64_MAX));
	EXPECT_EQ(-EINVAL, vmshm_range_check(1, U64_MAX, U64_MAX));
	EXPECT_EQ(-EINVAL, vmshm_range_check(U64_MAX, 1, 0));
}

TEST(range_check_edges)
{
	size_t i;

	for (i = 0; i < COUNT * COUNT * COUNT; i++) {
		u64 offset = numbers[i % COUNT];
		u64 length = numbers[i / COUNT % COUNT];
		u64 size = numbers[i / COUNT / COUNT];
		u128 end = (u128)offset + length;
		int want = 0;

		if (end > size)
			want = -EINVAL;
		ASSERT_EQ(want, vmshm_range_check(offset, length, size)) {
			TH_LOG("%llu + %llu in %llu", offset, length, size);
		}
	}
}

TEST(pages)
{
	size_t i;

	EXPECT_EQ(0, vmshm_pages(0));
	EXPECT_EQ(1, vmshm_pages(1));
	EXPECT_EQ(1, vmshm_pages(PAGE_SIZE));
	EXPECT_EQ(2, vmshm_pages(PAGE_SIZE + 1));
	EXPECT_EQ(1ULL << (64 - PAGE_SHIFT), vmshm_pages(U64_MAX));
	for (i = 0; i < COUNT; i++) {
		u128 want = ((u128)numbers[i] + PAGE_SIZE - 1) / PAGE_SIZE;

		ASSERT_EQ((u64)want, vmshm_pages(numbers[i])) {
			TH_LOG("%llu bytes", numbers[i]);
		}
	}
}

TEST(pages_touched)
{
	size_t i;

	EXPECT_EQ(0, vmshm_pages_touched(5, 0));
	EXPECT_EQ(1, vmshm_pages_touched(0, PAGE_SIZE));
	EXPECT_EQ(2, vmshm_pages_touched(1, PAGE_SIZE));
	EXPECT_EQ(2, vmshm_pages_touched(PAGE_SIZE - 1, 2));
	EXPECT_EQ(1, vmshm_pages_touched(PAGE_SIZE, 1));
	for (i = 0; i < COUNT * COUNT; i++) {
		u64 offset = numbers[i % COUNT];
		u64 length = numbers[i / COUNT];
		u128 end = (u128)offset + length;
		u128 want = 0;

		if (end > U64_MAX)
			continue;
		if (length)
			want = (end + PAGE_SIZE - 1) / PAGE_SIZE -
			       offset / PAGE_SIZE;
		ASSERT_EQ((u64)want, vmshm_pages_touched(offset, length)) {
			TH_LOG("%llu + %llu", offset, length);
		}
	}
}

static u64 charge_target(u128 allocated, u128 want, u128 size, u128 step)
{
	u128 pages = (allocated + want + step - 1) / step * step;

	if (pages > size)
		pages = size;
	return pages < allocated ? allocated : pages;
}

TEST(charge_target_examples)
{
	/* Rounded up to a step, cut at the size. */
	EXPECT_EQ(512, vmshm_charge_target(0, 1, 1000, 512));
	EXPECT_EQ(512, vmshm_charge_target(511, 1, 1000, 512));
	EXPECT_EQ(1000, vmshm_charge_target(512, 1, 1000, 512));
	EXPECT_EQ(1000, vmshm_charge_target(1000, 1, 1000, 512));
	EXPECT_EQ(0, vmshm_charge_target(0, 0, 1000, 512));
	EXPECT_EQ(7, vmshm_charge_target(5, 2, 1000, 1));
	/* More than the size: left from before a shrink, or read meanwhile. */
	EXPECT_EQ(1200, vmshm_charge_target(1200, 1, 1000, 512));
}

TEST(charge_target_edges)
{
	size_t i;

	for (i = 0; i < COUNT * COUNT * COUNT * COUNT; i++) {
		u64 allocated = numbers[i % COUNT];
		u64 want = numbers[i / COUNT % COUNT];
		u64 size = numbers[i / COUNT / COUNT % COUNT];
		u64 step = numbers[i / COUNT / COUNT / COUNT];

		if (!step)
			continue;
		ASSERT_EQ(charge_target(allocated, want, size, step),
			  vmshm_charge_target(allocated, want, size, step)) {
			TH_LOG("%llu + %llu of %llu by %llu", allocated, want,
			       size, step);
		}
	}
}

TEST_HARNESS_MAIN
