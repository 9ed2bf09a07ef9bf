// SPDX-License-Identifier: GPL-2.0
/* Arguments and options: what every part of the library needs. */

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "internal.h"

int vmshm__ioctl(int fd, unsigned long cmd, void *arg)
{
	if (ioctl(fd, cmd, arg) < 0)
		return -errno;

	return 0;
}

int vmshm__stat(int fd, unsigned long cmd, void *stat, size_t stat_size,
		size_t min_size)
{
	union {
		__u32 size;
		__u64 align;
		unsigned char bytes[STAT_SIZE_MAX];
	} arg;
	int rc;

	if (stat_size < min_size)
		return -EINVAL;
	if (stat_size > sizeof(arg))
		return -E2BIG;

	memset(&arg, 0, stat_size);
	arg.size = (__u32)stat_size;
	rc = vmshm__ioctl(fd, cmd, &arg);
	if (rc)
		return rc;

	memcpy(stat, &arg, stat_size);
	return 0;
}

int vmshm__name_copy(__u8 dst[VMSHM_NAME_MAX + 1], const char *name)
{
	size_t len;

	if (!name)
		return -EINVAL;

	len = strnlen(name, VMSHM_NAME_MAX + 1);
	if (len > VMSHM_NAME_MAX)
		return -EINVAL;

	memcpy(dst, name, len);
	return 0;
}

int vmshm__options_copy(void *dst, size_t dst_size, size_t min_size,
			const void *src)
{
	const unsigned char *bytes = src;
	size_t src_size, i;

	memset(dst, 0, dst_size);
	if (!src)
		return 0;

	memcpy(&src_size, src, sizeof(src_size));
	if (src_size < min_size)
		return -EINVAL;

	for (i = dst_size; i < src_size; i++)
		if (bytes[i])
			return -E2BIG;

	memcpy(dst, src, src_size < dst_size ? src_size : dst_size);
	return 0;
}
