// SPDX-License-Identifier: GPL-2.0
/*
 * Prediction: what a unit learns from rounds of writing, and what it expects.
 */
#include <kunit/test.h>

#include "../predict.c"

/* Some pages, and another word to see that nothing else changes. */
#define WORD		2
#define BASE		(WORD * BITS_PER_LONG)
#define PAGES		0x8001000000000f10UL

struct predict {
	struct vmshm_unit unit;
	struct vmshm_take take;
	struct vmshm_expected expected;
	DECLARE_BITMAP(outside, VMSHM_UNIT_PAGES);
};

static int predict_init(struct kunit *test)
{
	test->priv = kunit_kzalloc(test, sizeof(struct predict), GFP_KERNEL);
	return test->priv ? 0 : -ENOMEM;
}

/* A round in which these pages of the word are found dirty. */
static void round_of(struct predict *p, unsigned long dirty)
{
	memset(&p->take, 0, sizeof(p->take));
	p->take.to = VMSHM_UNIT_PAGES;
	p->take.end = VMSHM_UNIT_PAGES;
	p->take.bits[WORD] = dirty;
	vmshm_unit_learn(&p->unit, &p->take, VMSHM_UNIT_PAGES);
}

/* Which pages of the word may be opened. */
static unsigned long predicted(struct predict *p)
{
	memset(&p->expected, 0xff, sizeof(p->expected));
	vmshm_unit_predict(&p->unit, p->outside, &p->expected);
	return p->expected.may[WORD];
}

/* One round says nothing, two in a row do. */
static void predict_twice(struct kunit *test)
{
	struct predict *p = test->priv;

	KUNIT_EXPECT_TRUE(test, vmshm_unit_idle(&p->unit));
	round_of(p, PAGES);
	KUNIT_EXPECT_FALSE(test, vmshm_unit_idle(&p->unit));
	KUNIT_EXPECT_EQ(test, p->unit.hot[WORD], 0UL);
	KUNIT_EXPECT_EQ(test, predicted(p), 0UL);
	round_of(p, PAGES);
	KUNIT_EXPECT_EQ(test, p->unit.hot[WORD], PAGES);
	KUNIT_EXPECT_EQ(test, p->unit.once[WORD], 0UL);
	/* Some are left to fault. */
	KUNIT_EXPECT_EQ(test, predicted(p) & ~PAGES, 0UL);
	KUNIT_EXPECT_NE(test, predicted(p), PAGES);
	KUNIT_EXPECT_EQ(test, p->take.hits, 0U);
	KUNIT_EXPECT_EQ(test, p->take.misses, 0U);
	/* Nothing of all that in the words beside it. */
	KUNIT_EXPECT_EQ(test, p->unit.hot[WORD - 1], 0UL);
	KUNIT_EXPECT_EQ(test, p->unit.hot[WORD + 1], 0UL);
}

/* With a round in between that did not write it, a page begins anew. */
static void predict_forget(struct kunit *test)
{
	struct predict *p = test->priv;

	round_of(p, PAGES);
	round_of(p, 0);
	KUNIT_EXPECT_TRUE(test, vmshm_unit_idle(&p->unit));
	round_of(p, PAGES);
	KUNIT_EXPECT_EQ(test, p->unit.hot[WORD], 0UL);
}

/* All of a word at once are expected at once, and few are left to fault. */
static void predict_dense(struct kunit *test)
{
	struct predict *p = test->priv;

	round_of(p, ~0UL);
	KUNIT_EXPECT_EQ(test, p->unit.hot[WORD], ~0UL);
	KUNIT_EXPECT_EQ(test, p->unit.level[WORD], VMSHM_LEVEL_DENSE);
	KUNIT_EXPECT_EQ(test, hweight_long(~predicted(p)),
			(unsigned long)BITS_PER_LONG >>
			(VMSHM_LEVEL_DENSE + 1));
}

/*
 * Pages that are opened are no evidence; those left closed are, each in its
 * turn, and the better it goes, the fewer they are.
 */
static void predict_levels(struct kunit *test)
{
	struct predict *p = test->priv;
	unsigned long opened, closed = 0;
	unsigned int level, i;

	round_of(p, ~0UL);
	p->unit.level[WORD] = 0;
	for (level = 0; level < VMSHM_LEVEL_MAX; level++) {
		KUNIT_EXPECT_EQ(test, p->unit.level[WORD], level);
		opened = predicted(p);
		KUNIT_EXPECT_EQ(test, hweight_long(~opened),
				(unsigned long)BITS_PER_LONG >> (level + 1));
		p->unit.around[WORD] = opened;
		round_of(p, ~0UL);
		KUNIT_EXPECT_EQ(test, p->take.hits, hweight_long(~opened));
		KUNIT_EXPECT_EQ(test, p->take.misses, 0U);
		KUNIT_EXPECT_EQ(test, p->unit.around[WORD], 0UL);
	}
	/* One of the word, at last; each has its turn. */
	for (i = 0; i < BITS_PER_LONG; i++) {
		opened = predicted(p);
		KUNIT_EXPECT_EQ(test, hweight_long(~opened), 1UL);
		closed |= ~opened;
		p->unit.around[WORD] = opened;
		round_of(p, ~0UL);
		KUNIT_EXPECT_EQ(test, p->unit.level[WORD], VMSHM_LEVEL_MAX);
	}
	KUNIT_EXPECT_EQ(test, closed, ~0UL);
}

/* A page that was left closed and not written is expected no longer. */
static void predict_miss(struct kunit *test)
{
	struct predict *p = test->priv;
	unsigned long opened, closed, missed;

	round_of(p, ~0UL);
	opened = predicted(p);
	closed = ~opened;
	missed = closed & -closed;
	p->unit.around[WORD] = opened;
	round_of(p, ~missed);
	KUNIT_EXPECT_EQ(test, p->take.misses, 1U);
	KUNIT_EXPECT_EQ(test, p->take.hits, hweight_long(closed) - 1);
	KUNIT_EXPECT_EQ(test, p->unit.hot[WORD], ~missed);
	KUNIT_EXPECT_EQ(test, p->unit.level[WORD], VMSHM_LEVEL_DENSE - 1);
}

/* If most were not, none is: what was opened says nothing. */
static void predict_stop(struct kunit *test)
{
	struct predict *p = test->priv;
	unsigned long opened;

	round_of(p, ~0UL);
	opened = predicted(p);
	p->unit.around[WORD] = opened;
	round_of(p, opened);
	KUNIT_EXPECT_EQ(test, p->take.hits, 0U);
	KUNIT_EXPECT_EQ(test, p->take.misses, hweight_long(~opened));
	KUNIT_EXPECT_TRUE(test, vmshm_unit_idle(&p->unit));
	KUNIT_EXPECT_EQ(test, p->unit.level[WORD], 0);
	KUNIT_EXPECT_EQ(test, predicted(p), 0UL);
}

/* A fetch that stopped within a word says nothing of the rest. */
static void predict_part(struct kunit *test)
{
	struct predict *p = test->priv;
	u8 probe;

	round_of(p, PAGES);
	round_of(p, PAGES);
	probe = p->unit.probe[WORD];
	memset(&p->take, 0, sizeof(p->take));
	p->take.from = BASE;
	p->take.to = VMSHM_UNIT_PAGES;
	p->take.end = BASE + 5;
	vmshm_unit_learn(&p->unit, &p->take, VMSHM_UNIT_PAGES);
	/* Of pages 0 to 4 only 4 was expected, and was not written. */
	KUNIT_EXPECT_EQ(test, p->take.misses, 1U);
	KUNIT_EXPECT_EQ(test, p->unit.hot[WORD], PAGES & ~0x1fUL);
	KUNIT_EXPECT_EQ(test, p->unit.probe[WORD], probe);
	/* The end of the log is the end of its last word. */
	vmshm_unit_learn(&p->unit, &p->take, BASE + 5);
	KUNIT_EXPECT_EQ(test, p->unit.probe[WORD], (u8)(probe + 1));
}

static void predict_outside(struct kunit *test)
{
	struct predict *p = test->priv;

	p->outside[WORD] = 0xf0;
	KUNIT_EXPECT_EQ(test, predicted(p), 0xf0UL);
	KUNIT_EXPECT_EQ(test, p->expected.outside[WORD], 0xf0UL);
	KUNIT_EXPECT_EQ(test, p->expected.marked[WORD], 0xf0UL);
	p->unit.dirty[WORD] = 0x1;
	KUNIT_EXPECT_EQ(test, predicted(p), 0xf1UL);
	KUNIT_EXPECT_EQ(test, p->expected.outside[WORD], 0xf0UL);
	/* Without a unit nothing is known. */
	memset(&p->expected, 0xff, sizeof(p->expected));
	vmshm_unit_predict(NULL, p->outside, &p->expected);
	KUNIT_EXPECT_EQ(test, p->expected.may[WORD], 0xf0UL);
	KUNIT_EXPECT_EQ(test, p->expected.may[WORD + 1], 0UL);
}

static void predict_mark_around(struct kunit *test)
{
	struct predict *p = test->priv;
	DECLARE_BITMAP(pages, VMSHM_UNIT_PAGES) = { [WORD] = 0xff };

	p->unit.dirty[WORD] = 0x0f;
	KUNIT_EXPECT_EQ(test, vmshm_unit_mark_around(&p->unit, pages), 4U);
	KUNIT_EXPECT_EQ(test, p->unit.dirty[WORD], 0xffUL);
	/* Who has written the others is known. */
	KUNIT_EXPECT_EQ(test, p->unit.around[WORD], 0xf0UL);
	KUNIT_EXPECT_EQ(test, vmshm_unit_mark_around(&p->unit, pages), 0U);
	KUNIT_EXPECT_EQ(test, p->unit.around[WORD], 0xf0UL);
}

static struct kunit_case predict_tests[] = {
	KUNIT_CASE(predict_twice),
	KUNIT_CASE(predict_forget),
	KUNIT_CASE(predict_dense),
	KUNIT_CASE(predict_levels),
	KUNIT_CASE(predict_miss),
	KUNIT_CASE(predict_stop),
	KUNIT_CASE(predict_part),
	KUNIT_CASE(predict_outside),
	KUNIT_CASE(predict_mark_around),
	{}
};

static struct kunit_suite predict_suite = {
	.name = "vmshm_predict",
	.init = predict_init,
	.test_cases = predict_tests,
};

kunit_test_suite(predict_suite);
