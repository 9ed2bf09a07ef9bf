// SPDX-License-Identifier: GPL-2.0
/*
 * vmshm: rules for names.
 *
 * A name is components of printable ASCII without spaces, separated by '/'.
 * None of them is empty, "." or "..", so that a name can be appended to a path
 * and means what it says there.  The first component is the domain.
 */
#ifdef __KERNEL__
#include <linux/errno.h>
#include <linux/string.h>
#else
#include <errno.h>
#include <string.h>
#endif

#include <linux/vmshm.h>

#include "name.h"

static bool is_name_char(u8 c)
{
	return c > ' ' && c < 0x7f;
}

static bool is_component(const u8 *start, size_t len)
{
	if (!len)
		return false;
	if (start[0] != '.')
		return true;
	return !(len == 1 || (len == 2 && start[1] == '.'));
}

/*
 * Checks all components but the last, which begins at *last. Returns the length
 * of the string, at most VMSHM_NAME_MAX, or -EINVAL.
 */
static int check_components(const u8 *string, size_t size, size_t *last)
{
	size_t i;

	*last = 0;
	for (i = 0; i < size && i <= VMSHM_NAME_MAX; i++) {
		if (!string[i])
			return i;
		if (!is_name_char(string[i]))
			return -EINVAL;
		if (string[i] != '/')
			continue;
		if (!is_component(string + *last, i - *last))
			return -EINVAL;
		*last = i + 1;
	}
	return -EINVAL;
}

/**
 * vmshm_name_check() - is this the name of a region?
 * @name: array that holds it
 * @size: size of the array in bytes; a NUL must be in it
 *
 * Return: length in bytes without NUL, or -EINVAL.
 */
int vmshm_name_check(const u8 *name, size_t size)
{
	size_t last;
	int len = check_components(name, size, &last);

	if (len >= 0 && !is_component(name + last, len - last))
		return -EINVAL;
	return len;
}

/**
 * vmshm_prefix_check() - can a name begin with this?
 * @prefix: array that holds it; may be the empty string
 * @size: size of the array in bytes; a NUL must be in it
 *
 * The last component may be the beginning of one: nothing or "." for example.
 *
 * Return: length in bytes without NUL, or -EINVAL.
 */
int vmshm_prefix_check(const u8 *prefix, size_t size)
{
	size_t last;

	return check_components(prefix, size, &last);
}

/**
 * vmshm_domain_check() - is this the name of a domain, a single component?
 * @name: array that holds it
 * @size: size of the array in bytes; a NUL must be in it
 *
 * Return: length in bytes without NUL, or -EINVAL.
 */
int vmshm_domain_check(const u8 *name, size_t size)
{
	int len = vmshm_name_check(name, size);

	if (len >= 0 && memchr(name, '/', len))
		return -EINVAL;
	return len;
}

/**
 * vmshm_name_domain_len() - length of the domain in a name
 * @name: a valid name
 *
 * Return: length of its first component in bytes.
 */
size_t vmshm_name_domain_len(const char *name)
{
	return strcspn(name, "/");
}

/**
 * vmshm_name_has_prefix() - does a name begin with a prefix?
 * @name: NUL-terminated
 * @prefix: NUL-terminated, may be empty; need not end at a '/'
 *
 * Return: true if so.
 */
bool vmshm_name_has_prefix(const char *name, const char *prefix)
{
	return !strncmp(name, prefix, strlen(prefix));
}

/**
 * vmshm_domain_cmp() - compare the beginning of a name with a domain
 * @name: a name
 * @len: how much of it to compare, at most its length
 * @domain: NUL-terminated
 *
 * Return: as strcmp(), of the first @len bytes of @name and @domain.
 */
int vmshm_domain_cmp(const char *name, size_t len, const char *domain)
{
	int diff = strncmp(name, domain, len);

	if (diff)
		return diff;
	/* The first len bytes are equal and none of them is NUL. */
	return domain[len] ? -1 : 0;
}
