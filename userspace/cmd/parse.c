// SPDX-License-Identifier: GPL-2.0
/* Values from the command line: taken whole or refused. */

#include <ctype.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"

/* Leaves *end at the first character that is no digit. */
static int parse_digits(const char *text, unsigned int base, __u64 *number,
			const char **end)
{
	__u64 value = 0;

	for (*end = text; isdigit((unsigned char)**end); (*end)++) {
		unsigned int digit = (unsigned int)(**end - '0');

		if (digit >= base)
			return -EINVAL;
		if (__builtin_mul_overflow(value, base, &value) ||
		    __builtin_add_overflow(value, digit, &value))
			return -ERANGE;
	}
	if (*end == text)
		return -EINVAL;

	*number = value;
	return 0;
}

/**
 * parse_number() - a decimal number
 * @text: nothing but digits
 * @number: where it is stored
 *
 * Return: 0; -EINVAL: not a number; -ERANGE: too large.
 */
int parse_number(const char *text, __u64 *number)
{
	const char *end;
	__u64 value;
	int rc;

	rc = parse_digits(text, 10, &value, &end);
	if (rc)
		return rc;
	if (*end)
		return -EINVAL;

	*number = value;
	return 0;
}

/**
 * parse_size() - a number of bytes
 * @text: digits, and one of K, M, G, T, P, E for powers of 1024
 * @size: where it is stored
 *
 * Return: 0; -EINVAL: not a size; -ERANGE: too large.
 */
int parse_size(const char *text, __u64 *size)
{
	static const char units[] = "KMGTPE";
	const char *unit, *end;
	unsigned int shift = 0;
	__u64 value;
	int rc;

	rc = parse_digits(text, 10, &value, &end);
	if (rc)
		return rc;

	if (*end) {
		unit = strchr(units, toupper((unsigned char)*end));
		if (!unit || end[1])
			return -EINVAL;
		shift = 10 * ((unsigned int)(unit - units) + 1);
	}
	if (value > UINT64_MAX >> shift)
		return -ERANGE;

	*size = value << shift;
	return 0;
}

/* Digits with a fraction; *end is left behind them. */
static int parse_fraction(const char *text, __u64 unit_ns, __u64 *ns,
			  const char **end)
{
	__u64 value, part = unit_ns;
	int rc;

	rc = parse_digits(text, 10, &value, end);
	if (rc)
		return rc;
	if (__builtin_mul_overflow(value, unit_ns, &value))
		return -ERANGE;

	if (**end == '.') {
		if (!isdigit((unsigned char)(*end)[1]))
			return -EINVAL;
		while (isdigit((unsigned char)*++*end)) {
			part /= 10;
			if (__builtin_add_overflow(value, part * (__u64)
						   (**end - '0'), &value))
				return -ERANGE;
		}
	}

	*ns = value;
	return 0;
}

/**
 * parse_seconds() - a duration in seconds, such as 10 or 0.5
 * @text: the duration
 * @ns: where it is stored, in nanoseconds
 *
 * Return: 0; -EINVAL: not a duration; -ERANGE: too long.
 */
int parse_seconds(const char *text, __u64 *ns)
{
	const char *end;
	__u64 value;
	int rc;

	rc = parse_fraction(text, NS_PER_SECOND, &value, &end);
	if (rc)
		return rc;
	if (*end)
		return -EINVAL;

	*ns = value;
	return 0;
}

/**
 * parse_age() - a duration with a unit: s, m, h or d; none is seconds
 * @text: the duration
 * @ns: where it is stored, in nanoseconds
 *
 * Return: 0; -EINVAL: not a duration; -ERANGE: too long.
 */
int parse_age(const char *text, __u64 *ns)
{
	size_t len = strlen(text);
	__u64 unit = NS_PER_SECOND;
	const char *end;
	__u64 value;
	int rc;

	switch (len ? text[len - 1] : 0) {
	case 's':
		break;
	case 'm':
		unit *= 60;
		break;
	case 'h':
		unit *= 60 * 60;
		break;
	case 'd':
		unit *= 24 * 60 * 60;
		break;
	default:
		return parse_seconds(text, ns);
	}

	rc = parse_fraction(text, unit, &value, &end);
	if (rc)
		return rc;
	if (end != text + len - 1)
		return -EINVAL;

	*ns = value;
	return 0;
}

/**
 * parse_mode() - permission bits in octal, such as 660 or 0660
 * @text: the bits
 * @mode: where they are stored
 *
 * Return: 0; -EINVAL: not permission bits, or execute or special bits.
 */
int parse_mode(const char *text, __u32 *mode)
{
	const char *end;
	__u64 value;

	if (parse_digits(text, 8, &value, &end) || *end || value & ~0666ULL)
		return -EINVAL;

	*mode = (__u32)value;
	return 0;
}

static int parse_id(const char *text, __u32 *id)
{
	__u64 value;

	/* The last one means "none" to the kernel. */
	if (parse_number(text, &value) || value >= UINT32_MAX)
		return -EINVAL;

	*id = (__u32)value;
	return 0;
}

/**
 * parse_user() - a user by name or number
 * @text: the user
 * @uid: where the number is stored
 *
 * Return: 0; -EINVAL: there is no such user.
 */
int parse_user(const char *text, __u32 *uid)
{
	const struct passwd *user = getpwnam(text);

	if (!user)
		return parse_id(text, uid);

	*uid = user->pw_uid;
	return 0;
}

/**
 * parse_group() - a group by name or number
 * @text: the group
 * @gid: where the number is stored
 *
 * Return: 0; -EINVAL: there is no such group.
 */
int parse_group(const char *text, __u32 *gid)
{
	const struct group *group = getgrnam(text);

	if (!group)
		return parse_id(text, gid);

	*gid = group->gr_gid;
	return 0;
}
