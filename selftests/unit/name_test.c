// SPDX-License-Identifier: GPL-2.0
/*
 * The rules for names: tables of edges, and all short strings against regular
 * expressions that say the same.
 */
#include <errno.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "lib/harness.h"

#include "name.c"

/* A character, one that is neither '.' nor '/', and a component. */
#define X	"[!-.0-~]"
#define N	"[!--0-~]"
#define C	"(" N "|\\." N "|\\.\\." X ")" X "*"

static const char name_regex[] = "^" C "(/" C ")*$";
static const char prefix_regex[] = "^(" C "/)*" X "*$";
static const char domain_regex[] = "^" C "$";

typedef int (*check_fn)(const u8 *name, size_t size);

/* Checks a string in a heap copy of just its size: ASan sees every overrun. */
static int check(check_fn fn, const char *string)
{
	size_t size = strlen(string) + 1;
	u8 *copy = malloc(size);
	int ret;

	memcpy(copy, string, size);
	ret = fn(copy, size);
	free(copy);
	return ret;
}

TEST(valid_names)
{
	static const char * const names[] = {
		"a", "vm1/ram", "vm1/ram/0", "a/b/c/d/e/f", "...", ".a", "..a", "a.",
		"a..", "a/...", "a/.b", "a/..b", "-", "~", "!", "vm:1/\\\"'$`*?",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		const char *name = names[i];

		EXPECT_EQ((int)strlen(name), check(vmshm_name_check, name)) {
			TH_LOG("name '%s'", name);
		}
		EXPECT_EQ((int)strlen(name), check(vmshm_prefix_check, name)) {
			TH_LOG("name '%s'", name);
		}
	}
}

TEST(invalid_names)
{
	static const char * const names[] = {
		"", "/", "/a", "a/", "a//b", "//", ".", "..", "./a", "../a", "a/.",
		"a/..", "a/./b", "a/../b", " ", "a b", "a\t", "a\n", "a\x7f", "a\x80",
		"\xff", "\x01", "a/\xc3\xa4",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		const char *name = names[i];

		EXPECT_EQ(-EINVAL, check(vmshm_name_check, name)) {
			TH_LOG("name '%s'", name);
		}
		EXPECT_EQ(-EINVAL, check(vmshm_domain_check, name)) {
			TH_LOG("name '%s'", name);
		}
	}
}

TEST(prefixes)
{
	static const char * const valid[] = {
		"", "a", "a/", "a/b", "a/b/", ".", "..", "a/.", "a/..", "a/...",
	};
	static const char * const invalid[] = {
		"/", "/a", "a//", "a//b", "./", "../", "a/./", "a/../", "./a",
		" ", "a/ ", "a\x7f", "\x80",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(valid); i++) {
		const char *prefix = valid[i];

		EXPECT_EQ((int)strlen(prefix),
			  check(vmshm_prefix_check, prefix)) {
			TH_LOG("prefix '%s'", prefix);
		}
	}
	for (i = 0; i < ARRAY_SIZE(invalid); i++) {
		const char *prefix = invalid[i];

		EXPECT_EQ(-EINVAL, check(vmshm_prefix_check, prefix)) {
			TH_LOG("prefix '%s'", prefix);
		}
	}
}

TEST(domains)
{
	EXPECT_EQ(3, check(vmshm_domain_check, "vm1"));
	EXPECT_EQ(4, check(vmshm_domain_check, "..vm"));
	EXPECT_EQ(-EINVAL, check(vmshm_domain_check, "vm1/"));
	EXPECT_EQ(-EINVAL, check(vmshm_domain_check, "vm1/ram"));
	EXPECT_EQ(-EINVAL, check(vmshm_domain_check, "/vm1"));
	EXPECT_EQ(-EINVAL, check(vmshm_domain_check, ".."));
}

/* What is behind the NUL does not matter, but a NUL there must be. */
TEST(array_sizes)
{
	static const check_fn fns[] = {
		vmshm_name_check, vmshm_prefix_check, vmshm_domain_check,
	};
	static const u8 rest[] = { 'a', 'b', '\0', '/', '/', 0xff };
	u8 *array;
	size_t i;

	array = malloc(VMSHM_NAME_MAX + 10);
	ASSERT_NE(NULL, array);
	for (i = 0; i < ARRAY_SIZE(fns); i++) {
		EXPECT_EQ(2, fns[i](rest, sizeof(rest)));
		EXPECT_EQ(2, fns[i](rest, 3));
		EXPECT_EQ(-EINVAL, fns[i](rest, 2));
		EXPECT_EQ(-EINVAL, fns[i](rest, 0));

		memset(array, 'a', VMSHM_NAME_MAX + 10);
		array[VMSHM_NAME_MAX] = '\0';
		EXPECT_EQ(VMSHM_NAME_MAX, fns[i](array, VMSHM_NAME_MAX + 1));
		array[VMSHM_NAME_MAX] = 'a';
		EXPECT_EQ(-EINVAL, fns[i](array, VMSHM_NAME_MAX + 1));
		array[VMSHM_NAME_MAX + 1] = '\0';
		EXPECT_EQ(-EINVAL, fns[i](array, VMSHM_NAME_MAX + 10));
	}
	free(array);
}

/* Every byte, at the begin, in the middle and at the end of a component. */
TEST(characters)
{
	int c;

	for (c = 1; c < 256; c++) {
		bool allowed = c > 0x20 && c < 0x7f && c != '/';
		char first[] = { (char)c, 'x', '\0' };
		char middle[] = { 'x', (char)c, 'x', '\0' };
		char last[] = { 'x', (char)c, '\0' };

		EXPECT_EQ(allowed ? 2 : -EINVAL,
			  check(vmshm_name_check, first));
		EXPECT_EQ(allowed || c == '/' ? 3 : -EINVAL,
			  check(vmshm_name_check, middle));
		EXPECT_EQ(allowed ? 2 : -EINVAL, check(vmshm_name_check, last));
		EXPECT_EQ(allowed ? 3 : -EINVAL,
			  check(vmshm_domain_check, middle));
	}
}

FIXTURE(regex) {
	regex_t name;
	regex_t prefix;
	regex_t domain;
};

FIXTURE_SETUP(regex)
{
	int flags = REG_EXTENDED | REG_NOSUB;

	ASSERT_EQ(0, regcomp(&self->name, name_regex, flags));
	ASSERT_EQ(0, regcomp(&self->prefix, prefix_regex, flags));
	ASSERT_EQ(0, regcomp(&self->domain, domain_regex, flags));
}

FIXTURE_TEARDOWN(regex)
{
	regfree(&self->name);
	regfree(&self->prefix);
	regfree(&self->domain);
}

static bool agree(const regex_t *regex, check_fn fn, const char *string)
{
	int want = regexec(regex, string, 0, NULL, 0) ? -EINVAL :
							(int)strlen(string);

	return check(fn, string) == want;
}

/* All strings of up to 7 characters that matter: some 100,000. */
TEST_F(regex, short_strings)
{
	static const char alphabet[] = { 'a', '.', '/', '~', ' ' };
	const unsigned int base = ARRAY_SIZE(alphabet);
	char string[8];
	unsigned int len, i, n, count;

	for (len = 0, count = 1; len < sizeof(string); len++, count *= base) {
		for (n = 0; n < count; n++) {
			unsigned int digits = n;

			for (i = 0; i < len; i++, digits /= base)
				string[i] = alphabet[digits % base];
			string[len] = '\0';
			ASSERT_TRUE(agree(&self->name, vmshm_name_check,
					  string)) {
				TH_LOG("name '%s'", string);
			}
			ASSERT_TRUE(agree(&self->prefix, vmshm_prefix_check,
					  string)) {
				TH_LOG("prefix '%s'", string);
			}
			ASSERT_TRUE(agree(&self->domain, vmshm_domain_check,
					  string)) {
				TH_LOG("domain '%s'", string);
			}
		}
	}
}

TEST(name_domain_len)
{
	EXPECT_EQ(3, vmshm_name_domain_len("vm1"));
	EXPECT_EQ(3, vmshm_name_domain_len("vm1/ram"));
	EXPECT_EQ(1, vmshm_name_domain_len("a/b/c"));
}

TEST(name_has_prefix)
{
	EXPECT_TRUE(vmshm_name_has_prefix("vm1/ram", ""));
	EXPECT_TRUE(vmshm_name_has_prefix("vm1/ram", "v"));
	EXPECT_TRUE(vmshm_name_has_prefix("vm1/ram", "vm1/"));
	EXPECT_TRUE(vmshm_name_has_prefix("vm1/ram", "vm1/ram"));
	EXPECT_FALSE(vmshm_name_has_prefix("vm1/ram", "vm1/ram0"));
	EXPECT_FALSE(vmshm_name_has_prefix("vm1/ram", "vm2"));
	EXPECT_FALSE(vmshm_name_has_prefix("vm1/ram", "m1"));
}

static int sign(int n)
{
	return (n > 0) - (n < 0);
}

/* The order has to be strcmp()'s, or the tree of domains breaks. */
TEST(domain_cmp)
{
	static const char * const names[] = {
		"a", "ab", "abc", "b", "B", "a.", "a!", "vm1", "vm10", "vm2",
	};
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		char name[16];
		size_t len = strlen(names[i]);

		snprintf(name, sizeof(name), "%s/x", names[i]);
		for (j = 0; j < ARRAY_SIZE(names); j++) {
			int want = sign(strcmp(names[i], names[j]));
			int got;

			got = vmshm_domain_cmp(name, len, names[j]);
			EXPECT_EQ(want, sign(got)) {
				TH_LOG("'%s' and '%s'", names[i], names[j]);
			}
		}
	}
}

TEST_HARNESS_MAIN
