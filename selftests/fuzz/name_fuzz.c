// SPDX-License-Identifier: GPL-2.0
/*
 * The rules for names, against an implementation that takes the string apart.
 *
 * Input: the size of the array, then its contents; then a second string to
 * compare with.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "name.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(_cond)							\
	do {								\
		if (!(_cond)) {						\
			fprintf(stderr, "%s:%d: not true: %s\n",	\
				__FILE__, __LINE__, #_cond);		\
			abort();					\
		}							\
	} while (0)

static bool good_component(const char *c)
{
	const char *p;

	for (p = c; *p; p++) {
		if (*p < '!' || *p > '~')
			return false;
	}
	return strcmp(c, "") && strcmp(c, ".") && strcmp(c, "..");
}

/*
 * Is it valid?  A prefix is if a name comes of it by appending a character.
 */
static bool oracle(const u8 *array, size_t size, bool domain, bool prefix)
{
	char copy[VMSHM_NAME_MAX + 2], *rest = copy, *component;
	size_t len = strnlen((const char *)array, size);

	if (len == size || len > VMSHM_NAME_MAX)
		return false;
	memcpy(copy, array, len);
	copy[len] = '\0';
	if (domain && strchr(copy, '/'))
		return false;
	if (prefix)
		strcpy(copy + len, "x");
	while ((component = strsep(&rest, "/"))) {
		if (!good_component(component))
			return false;
	}
	return true;
}

static void check(const u8 *array, size_t size)
{
	int len = strnlen((const char *)array, size);

	CHECK(vmshm_name_check(array, size) ==
	      (oracle(array, size, false, false) ? len : -EINVAL));
	CHECK(vmshm_domain_check(array, size) ==
	      (oracle(array, size, true, false) ? len : -EINVAL));
	CHECK(vmshm_prefix_check(array, size) ==
	      (oracle(array, size, false, true) ? len : -EINVAL));
}

static int sign(int n)
{
	return (n > 0) - (n < 0);
}

/* Two valid names. */
static void compare(const char *name, const char *other)
{
	size_t len = vmshm_name_domain_len(name);
	char *domain;
	char *end;

	end = strchr(name, '/');
	CHECK(len == (end ? (size_t)(end - name) : strlen(name)));
	CHECK(len > 0);

	CHECK(vmshm_name_has_prefix(name, other) ==
	      (strstr(name, other) == name));
	CHECK(vmshm_name_has_prefix(name, ""));

	domain = strndup(name, len);
	CHECK(domain);
	CHECK(vmshm_name_has_prefix(name, domain));
	CHECK(vmshm_domain_check((u8 *)domain, len + 1) == (int)len);
	CHECK(sign(vmshm_domain_cmp(name, len, other)) ==
	      sign(strcmp(domain, other)));
	free(domain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t n, m;
	u8 *a, *b;

	if (size < 1)
		return 0;
	n = data[0] < size - 1 ? data[0] : size - 1;
	data++;
	size--;
	if (n == 255)
		n = size;	/* also arrays longer than a name may be */
	m = size - n;

	/* Of just that size, for ASan. */
	a = malloc(n ? n : 1);
	b = malloc(m ? m : 1);
	CHECK(a && b);
	memcpy(a, data, n);
	memcpy(b, data + n, m);
	check(a, n);
	check(b, m);
	if (vmshm_name_check(a, n) > 0 && vmshm_name_check(b, m) > 0) {
		compare((char *)a, (char *)b);
		compare((char *)b, (char *)a);
	}
	free(a);
	free(b);
	return 0;
}
