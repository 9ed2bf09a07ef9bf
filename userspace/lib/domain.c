// SPDX-License-Identifier: GPL-2.0
/* Domains: who may create names that begin with a given component. */

#include "internal.h"

static int domain_ioctl(const struct vmshm_context *context,
			const char *domain, __u32 op, __u32 uid)
{
	struct vmshm_domain arg = {
		.size = sizeof(arg),
		.op = op,
		.uid = uid,
	};
	int rc;

	rc = vmshm__name_copy(arg.name, domain);
	if (rc)
		return rc;

	return vmshm__ioctl(context->fd, VMSHM_IOC_DOMAIN, &arg);
}

int vmshm_domain_reserve(const struct vmshm_context *context,
			 const char *domain, __u32 uid)
{
	return domain_ioctl(context, domain, VMSHM_DOMAIN_RESERVE, uid);
}

int vmshm_domain_release(const struct vmshm_context *context,
			 const char *domain)
{
	return domain_ioctl(context, domain, VMSHM_DOMAIN_RELEASE, 0);
}
