// SPDX-License-Identifier: GPL-2.0
/*
 * The rules for names, as the kernel's own string functions have them: what the
 * unit tests in userspace cannot see.
 */
#include <kunit/test.h>

#include "../name.c"

struct name_case {
	const char *name;
	bool is_name;
	bool is_prefix;
	bool is_domain;
};

static const struct name_case name_cases[] = {
	{ "a", true, true, true },
	{ "vm1", true, true, true },
	{ "vm1/ram", true, true, false },
	{ "vm1/ram/0", true, true, false },
	{ "...", true, true, true },
	{ ".a", true, true, true },
	{ "a/.b", true, true, false },
	{ "!~", true, true, true },
	{ "", false, true, false },
	{ ".", false, true, false },
	{ "..", false, true, false },
	{ "a/", false, true, false },
	{ "a/.", false, true, false },
	{ "a/..", false, true, false },
	{ "/", false, false, false },
	{ "/a", false, false, false },
	{ "a//b", false, false, false },
	{ "./a", false, false, false },
	{ "a/../b", false, false, false },
	{ "a b", false, false, false },
	{ "a\n", false, false, false },
	{ "a\x7f", false, false, false },
	{ "a\x80", false, false, false },
	{ "\xff", false, false, false },
};

static void name_case_desc(const struct name_case *c, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%*pE", (int)strlen(c->name),
		 c->name);
}

KUNIT_ARRAY_PARAM(name, name_cases, name_case_desc);

/* In memory of just its size, for KASAN to see what is read beyond. */
static void name_rules(struct kunit *test)
{
	const struct name_case *c = test->param_value;
	size_t size = strlen(c->name) + 1;
	int len = size - 1;
	u8 *copy = kunit_kmalloc(test, size, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, copy);
	memcpy(copy, c->name, size);
	KUNIT_EXPECT_EQ(test, vmshm_name_check(copy, size),
			c->is_name ? len : -EINVAL);
	KUNIT_EXPECT_EQ(test, vmshm_prefix_check(copy, size),
			c->is_prefix ? len : -EINVAL);
	KUNIT_EXPECT_EQ(test, vmshm_domain_check(copy, size),
			c->is_domain ? len : -EINVAL);
	/* Without its end it is not even a string. */
	KUNIT_EXPECT_EQ(test, vmshm_name_check(copy, size - 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, vmshm_prefix_check(copy, size - 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, vmshm_domain_check(copy, size - 1), -EINVAL);
}

static void name_length(struct kunit *test)
{
	u8 *name = kunit_kzalloc(test, VMSHM_NAME_MAX + 2, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, name);
	memset(name, 'x', VMSHM_NAME_MAX);
	KUNIT_EXPECT_EQ(test, vmshm_name_check(name, VMSHM_NAME_MAX + 1),
			VMSHM_NAME_MAX);
	name[VMSHM_NAME_MAX] = 'x';
	KUNIT_EXPECT_EQ(test, vmshm_name_check(name, VMSHM_NAME_MAX + 1),
			-EINVAL);
	/* Whatever room there is. */
	KUNIT_EXPECT_EQ(test, vmshm_name_check(name, VMSHM_NAME_MAX + 2),
			-EINVAL);
}

static void name_parts(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, vmshm_name_domain_len("vm1/ram/0"), (size_t)3);
	KUNIT_EXPECT_EQ(test, vmshm_name_domain_len("vm1"), (size_t)3);
	KUNIT_EXPECT_TRUE(test, vmshm_name_has_prefix("vm1/ram", ""));
	KUNIT_EXPECT_TRUE(test, vmshm_name_has_prefix("vm1/ram", "vm1/r"));
	KUNIT_EXPECT_TRUE(test, vmshm_name_has_prefix("vm1", "vm1"));
	KUNIT_EXPECT_FALSE(test, vmshm_name_has_prefix("vm1", "vm1/"));
	KUNIT_EXPECT_FALSE(test, vmshm_name_has_prefix("vm1/ram", "vm2"));
	KUNIT_EXPECT_EQ(test, vmshm_domain_cmp("vm1/ram", 3, "vm1"), 0);
	KUNIT_EXPECT_LT(test, vmshm_domain_cmp("vm1/ram", 3, "vm10"), 0);
	KUNIT_EXPECT_GT(test, vmshm_domain_cmp("vm10/ram", 4, "vm1"), 0);
	KUNIT_EXPECT_LT(test, vmshm_domain_cmp("vm1/ram", 3, "vm2"), 0);
}

static struct kunit_case name_tests[] = {
	KUNIT_CASE_PARAM(name_rules, name_gen_params),
	KUNIT_CASE(name_length),
	KUNIT_CASE(name_parts),
	{}
};

static struct kunit_suite name_suite = {
	.name = "vmshm_name",
	.test_cases = name_tests,
};

kunit_test_suite(name_suite);
