// SPDX-License-Identifier: GPL-2.0
/* Values from the command line, and how values look. */

#include <errno.h>

#include "cmd.h"
#include "mock.h"

static void sizes(void **state)
{
	static const struct {
		const char *text;
		int rc;
		__u64 size;
	} table[] = {
		{ "0", 0, 0 },
		{ "4096", 0, 4096 },
		{ "1K", 0, 1024 },
		{ "64M", 0, 64 << 20 },
		{ "3g", 0, 3ULL << 30 },
		{ "2T", 0, 2ULL << 40 },
		{ "5P", 0, 5ULL << 50 },
		{ "15E", 0, 15ULL << 60 },
		{ "18446744073709551615", 0, UINT64_MAX },
		{ "18446744073709551616", -ERANGE, 0 },
		{ "99999999999999999999", -ERANGE, 0 },
		{ "16E", -ERANGE, 0 },
		{ "18014398509481984K", -ERANGE, 0 },
		{ "18014398509481983K", 0, 18014398509481983ULL << 10 },
		{ "0016", 0, 16 },
		{ "", -EINVAL, 0 },
		{ "M", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 },
		{ "+1", -EINVAL, 0 },
		{ " 1", -EINVAL, 0 },
		{ "1 ", -EINVAL, 0 },
		{ "1.5G", -EINVAL, 0 },
		{ "0x10", -EINVAL, 0 },
		{ "1MB", -EINVAL, 0 },
		{ "1KK", -EINVAL, 0 },
		{ "1Z", -EINVAL, 0 },
		{ "1e3", -EINVAL, 0 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(table); i++) {
		__u64 size = 42;

		if (parse_size(table[i].text, &size) != table[i].rc)
			fail_msg("'%s'", table[i].text);
		assert_int_equal(size, table[i].rc ? 42 : table[i].size);
	}
}

static void numbers(void **state)
{
	__u64 value = 42;

	(void)state;
	assert_int_equal(parse_number("18446744073709551615", &value), 0);
	assert_int_equal(value, UINT64_MAX);
	assert_int_equal(parse_number("18446744073709551616", &value), -ERANGE);
	assert_int_equal(parse_number("1K", &value), -EINVAL);
	assert_int_equal(parse_number("", &value), -EINVAL);
}

static void durations(void **state)
{
	__u64 ns;

	(void)state;
	assert_int_equal(parse_seconds("10", &ns), 0);
	assert_int_equal(ns, 10000000000ULL);
	assert_int_equal(parse_seconds("0.25", &ns), 0);
	assert_int_equal(ns, 250000000);
	assert_int_equal(parse_seconds("0.0000000019", &ns), 0);
	assert_int_equal(ns, 1);
	assert_int_equal(parse_seconds("18446744074", &ns), -ERANGE);
	assert_int_equal(parse_seconds("1.", &ns), -EINVAL);
	assert_int_equal(parse_seconds(".5", &ns), -EINVAL);
	assert_int_equal(parse_seconds("1s", &ns), -EINVAL);
	assert_int_equal(parse_seconds("-1", &ns), -EINVAL);

	assert_int_equal(parse_age("90s", &ns), 0);
	assert_int_equal(ns, 90000000000ULL);
	assert_int_equal(parse_age("1.5m", &ns), 0);
	assert_int_equal(ns, 90000000000ULL);
	assert_int_equal(parse_age("2h", &ns), 0);
	assert_int_equal(ns, 7200000000000ULL);
	assert_int_equal(parse_age("1d", &ns), 0);
	assert_int_equal(ns, 86400000000000ULL);
	assert_int_equal(parse_age("7", &ns), 0);
	assert_int_equal(ns, 7000000000ULL);
	assert_int_equal(parse_age("", &ns), -EINVAL);
	assert_int_equal(parse_age("d", &ns), -EINVAL);
	assert_int_equal(parse_age("1dd", &ns), -EINVAL);
	assert_int_equal(parse_age("1 d", &ns), -EINVAL);
	assert_int_equal(parse_age("99999999999d", &ns), -ERANGE);
}

static void modes(void **state)
{
	__u32 mode;

	(void)state;
	assert_int_equal(parse_mode("0664", &mode), 0);
	assert_int_equal(mode, 0664);
	assert_int_equal(parse_mode("600", &mode), 0);
	assert_int_equal(mode, 0600);
	assert_int_equal(parse_mode("0", &mode), 0);
	assert_int_equal(parse_mode("700", &mode), -EINVAL);
	assert_int_equal(parse_mode("1600", &mode), -EINVAL);
	assert_int_equal(parse_mode("608", &mode), -EINVAL);
	assert_int_equal(parse_mode("u+r", &mode), -EINVAL);
	assert_int_equal(parse_mode("", &mode), -EINVAL);
}

static void users(void **state)
{
	__u32 id = 42;

	(void)state;
	assert_int_equal(parse_user("root", &id), 0);
	assert_int_equal(id, 0);
	assert_int_equal(parse_user("4294967294", &id), 0);
	assert_int_equal(id, 4294967294U);
	/* That is "no user". */
	assert_int_equal(parse_user("4294967295", &id), -EINVAL);
	assert_int_equal(parse_user("4294967296", &id), -EINVAL);
	assert_int_equal(parse_user("nobody at all", &id), -EINVAL);
	assert_int_equal(parse_user("", &id), -EINVAL);
	assert_int_equal(parse_group("root", &id), 0);
	assert_int_equal(id, 0);
	assert_int_equal(parse_group("-1", &id), -EINVAL);
}

static void sizes_look_well(void **state)
{
	static const struct {
		__u64 size;
		const char *text;
	} table[] = {
		{ 0, "0" },
		{ 1023, "1023" },
		{ 1024, "1K" },
		{ 1025, "1.0K" },
		{ 1536, "1.5K" },
		{ 64 << 20, "64M" },
		{ (64 << 20) - 1, "63.9M" },
		{ 1ULL << 40, "1T" },
		{ UINT64_MAX, "15.9E" },
	};
	char text[SIZE_TEXT];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(table); i++)
		assert_string_equal(size_text(table[i].size, text),
				    table[i].text);
}

static void assert_plain(const char *bytes, size_t max, const char *text)
{
	char *plain = plain_text(bytes, max);

	assert_string_equal(plain, text);
	free(plain);
}

static void terminals_are_safe(void **state)
{
	(void)state;
	assert_plain("abc", 16, "abc");
	assert_plain("abc", 2, "ab");
	assert_plain("\033[31m\n", 16, "\\x1b[31m\\x0a");
	assert_plain("\377\\", 2, "\\xff\\x5c");
}

static void assert_bits(__u32 bits, const char *text)
{
	char *names = names_of_bits(seal_names, bits);

	assert_string_equal(names, text);
	free(names);
}

static void bits_have_names(void **state)
{
	(void)state;
	assert_bits(0, "-");
	assert_bits(VMSHM_SEAL_SEAL | VMSHM_SEAL_FUTURE_WRITE,
		    "seal,future-write");
	assert_bits(VMSHM_SEAL_GROW | 0xf00, "grow,0xf00");
	assert_string_equal(name_of_value(huge_names, 77), "unknown");
}

static void assert_placeholder(const char *text, const char *name, size_t skip)
{
	bool literal;
	size_t got;
	char *found = placeholder(text, &got, &literal);

	assert_int_equal(literal, !name);
	assert_int_equal(got, skip);
	if (name)
		assert_string_equal(found, name);
	free(found);
}

static void placeholders(void **state)
{
	(void)state;
	assert_placeholder("@vm1/ram@,x", "vm1/ram", 9);
	assert_placeholder("@@", NULL, 2);
	assert_placeholder("@", NULL, 1);
	assert_placeholder("@host", NULL, 1);
	assert_placeholder("@a b@", NULL, 1);
	assert_placeholder("@a\201@", NULL, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes),
		cmocka_unit_test(numbers),
		cmocka_unit_test(durations),
		cmocka_unit_test(modes),
		cmocka_unit_test(users),
		cmocka_unit_test(sizes_look_well),
		cmocka_unit_test(terminals_are_safe),
		cmocka_unit_test(bits_have_names),
		cmocka_unit_test(placeholders),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
