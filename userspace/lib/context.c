// SPDX-License-Identifier: GPL-2.0
/* The context: the device, and through it the registry. */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "internal.h"

int vmshm_context_from_fd(int fd, struct vmshm_context **context)
{
	struct vmshm_context *new;
	struct vmshm_info info;
	int rc;

	/* Another driver would answer otherwise, or not at all. */
	rc = vmshm__stat(fd, VMSHM_IOC_GET_INFO, &info, sizeof(info),
			 INFO_SIZE_VER0);
	if (rc)
		return rc;
	if (!info.out_abi_version)
		return -ENOTTY;

	new = malloc(sizeof(*new));
	if (!new)
		return -ENOMEM;

	new->fd = fd;
	*context = new;
	return 0;
}

int vmshm_context_open(const char *device, struct vmshm_context **context)
{
	int fd, rc;

	fd = open(device ? device : VMSHM_DEVICE, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;

	rc = vmshm_context_from_fd(fd, context);
	if (rc)
		close(fd);

	return rc;
}

void vmshm_context_close(struct vmshm_context *context)
{
	if (!context)
		return;

	close(context->fd);
	free(context);
}

int vmshm_context_fd(const struct vmshm_context *context)
{
	return context->fd;
}

int vmshm_context_info(const struct vmshm_context *context,
		       struct vmshm_info *info, size_t info_size)
{
	return vmshm__stat(context->fd, VMSHM_IOC_GET_INFO, info, info_size,
			   INFO_SIZE_VER0);
}
