// SPDX-License-Identifier: GPL-2.0
/*
 * Arithmetic of sizes, with this kernel's page size, and at the ends of what a
 * u64 can hold.
 */
#include <kunit/test.h>
#include <linux/module.h>

#include "range.h"

static void range_check(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, vmshm_range_check(0, 0, 0), 0);
	KUNIT_EXPECT_EQ(test, vmshm_range_check(10, 0, 10), 0);
	KUNIT_EXPECT_EQ(test, vmshm_range_check(3, 7, 10), 0);
	KUNIT_EXPECT_EQ(test, vmshm_range_check(0, U64_MAX, U64_MAX), 0);
	KUNIT_EXPECT_EQ(test, vmshm_range_check(0, 1, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, vmshm_range_check(11, 0, 10), -EINVAL);
	KUNIT_EXPECT_EQ(test, vmshm_range_check(3, 8, 10), -EINVAL);
	/* What would wrap. */
	KUNIT_EXPECT_EQ(test, vmshm_range_check(1, U64_MAX, 10), -EINVAL);
	KUNIT_EXPECT_EQ(test, vmshm_range_check(U64_MAX, 2, U64_MAX), -EINVAL);
}

static void range_pages(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, vmshm_pages(0), 0ULL);
	KUNIT_EXPECT_EQ(test, vmshm_pages(1), 1ULL);
	KUNIT_EXPECT_EQ(test, vmshm_pages(PAGE_SIZE), 1ULL);
	KUNIT_EXPECT_EQ(test, vmshm_pages(PAGE_SIZE + 1), 2ULL);
	KUNIT_EXPECT_EQ(test, vmshm_pages(U64_MAX), 1ULL << (64 - PAGE_SHIFT));
	KUNIT_EXPECT_EQ(test, vmshm_pages_touched(5, 0), 0ULL);
	KUNIT_EXPECT_EQ(test, vmshm_pages_touched(PAGE_SIZE - 1, 1), 1ULL);
	KUNIT_EXPECT_EQ(test, vmshm_pages_touched(PAGE_SIZE - 1, 2), 2ULL);
	KUNIT_EXPECT_EQ(test, vmshm_pages_touched(0, U64_MAX),
			1ULL << (64 - PAGE_SHIFT));
}

static void charge_target(struct kunit *test, u64 allocated, u64 size, u64 want,
			  u64 step)
{
	u64 target = vmshm_charge_target(allocated, want, size, step);

	if (allocated >= size) {
		KUNIT_EXPECT_EQ(test, target, allocated);
		return;
	}
	KUNIT_EXPECT_GE(test, target, allocated);
	KUNIT_EXPECT_LE(test, target, size);
	if (target == size)
		return;
	KUNIT_EXPECT_EQ(test, target % step, 0ULL);
	KUNIT_EXPECT_GE(test, target - allocated, want);
	KUNIT_EXPECT_LT(test, target - allocated, want + step);
}

/* What it promises, for all small numbers, and close to the largest. */
static void range_charge_target(struct kunit *test)
{
	static const u64 bases[] = { 0, U64_MAX - 6 };
	unsigned int base, i;

	for (base = 0; base < ARRAY_SIZE(bases); base++) {
		/* All of four numbers, as digits. */
		for (i = 0; i < 7 * 7 * 7 * 5; i++)
			charge_target(test, bases[base] + i % 7,
				      bases[base] + i / 7 % 7,
				      i / (7 * 7) % 7,
				      i / (7 * 7 * 7) + 1);
	}
}

static void range_granule_end(struct kunit *test)
{
	static const struct {
		u64 begin, end, granule, want;
	} cases[] = {
		{ 3, 100, 0, 100 },
		{ 0, 100, 8, 8 },
		{ 7, 100, 8, 8 },
		{ 8, 100, 8, 16 },
		{ 96, 100, 8, 100 },
		{ 0, 100, U64_MAX, 100 },
		{ U64_MAX - 1, U64_MAX, 8, U64_MAX },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		KUNIT_EXPECT_EQ(test,
				vmshm_granule_end(cases[i].begin, cases[i].end,
						  cases[i].granule),
				cases[i].want);
}

static struct kunit_case range_tests[] = {
	KUNIT_CASE(range_check),
	KUNIT_CASE(range_pages),
	KUNIT_CASE(range_charge_target),
	KUNIT_CASE(range_granule_end),
	{}
};

static struct kunit_suite range_suite = {
	.name = "vmshm_range",
	.test_cases = range_tests,
};

kunit_test_suite(range_suite);

MODULE_DESCRIPTION("KUnit tests of vmshm");
MODULE_LICENSE("GPL");
