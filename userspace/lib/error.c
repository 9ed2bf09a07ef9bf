// SPDX-License-Identifier: GPL-2.0
/* What errors mean, and which version this is. */

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "internal.h"

const char *vmshm_library_version(void)
{
	return VMSHM_LIBRARY_VERSION;
}

static const struct {
	int error;
	const char *message;
} messages[] = {
	{ ENOTTY, "not a vmshm device, region, watch or peer" },
	{ EINVAL, "a malformed name or a value that is not allowed" },
	{ E2BIG, "an option that is too new for the kernel or the library" },
	{ EOPNOTSUPP, "not supported by this kernel" },
	{ EOVERFLOW, "offset and length are too large together" },
	{ ENOENT, "no region of that name" },
	{ EEXIST, "a region of that name exists" },
	{ EACCES, "no permission for the region, its domain or the device" },
	{ EPERM, "the owner, a privilege or a seal is in the way" },
	{ ESTALE, "the region has another owner or generation than asked for" },
	{ EBUSY, "the region is mapped in a way that forbids it, or a number is taken" },
	{ EFBIG, "beyond the maximum size of the region" },
	{ EDQUOT, "a limit of the user is reached" },
	{ ENOSPC, "a limit of the system is reached" },
	{ EMSGSIZE, "too many members" },
	{ ELOOP, "a node of an address space would contain itself" },
	{ EPROTO, "the kernel gave an answer that makes no sense" },
};

const char *vmshm_error_message(int error)
{
	const char *message;
	size_t i;

	/* INT_MIN has no positive counterpart. */
	if (error < 0)
		error = error == INT_MIN ? INT_MAX : -error;

	for (i = 0; i < ARRAY_SIZE(messages); i++)
		if (messages[i].error == error)
			return messages[i].message;

	message = strerrordesc_np(error);
	return message ? message : "unknown error";
}
