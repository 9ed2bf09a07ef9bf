// SPDX-License-Identifier: GPL-2.0
/* Names: creating, opening and unlinking regions by name. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

#define DEFAULT_MODE	0600

/* Every policy but VMSHM_OWNER_ANY is a list of users, the likeliest first. */
struct owners {
	__u32 uid[3];
	unsigned int count;
};

static void owners_add(struct owners *owners, __u32 uid)
{
	unsigned int i;

	for (i = 0; i < owners->count; i++)
		if (owners->uid[i] == uid)
			return;

	owners->uid[owners->count++] = uid;
}

static bool owners_have(const struct owners *owners, __u32 uid)
{
	unsigned int i;

	for (i = 0; i < owners->count; i++)
		if (owners->uid[i] == uid)
			return true;

	return false;
}

static int owners_of_policy(struct owners *owners, __u32 policy, __u32 owner)
{
	owners->count = 0;

	switch (policy) {
	case VMSHM_OWNER_ONLY:
		owners_add(owners, owner);
		return 0;
	case VMSHM_OWNER_ALSO:
		owners_add(owners, owner);
		break;
	case VMSHM_OWNER_TRUSTED:
	case VMSHM_OWNER_ANY:
		if (owner)
			return -EINVAL;
		break;
	default:
		return -EINVAL;
	}

	owners_add(owners, geteuid());
	owners_add(owners, 0);
	return 0;
}

static int check_existing(int fd, __u32 policy, const struct owners *owners)
{
	struct vmshm_stat stat;
	int rc;

	if (policy == VMSHM_OWNER_ANY)
		return 0;

	rc = vmshm__stat(fd, VMSHM_IOC_STAT, &stat, sizeof(stat),
			 STAT_SIZE_VER0);
	if (rc)
		return rc;

	return owners_have(owners, stat.out_uid) ? 0 : -ESTALE;
}

int vmshm_region_create(const struct vmshm_context *context, const char *name,
			const struct vmshm_region_create_options *options,
			struct vmshm_region **region)
{
	struct vmshm_region_create_options opt;
	struct vmshm_create arg = {
		.size = sizeof(arg),
	};
	struct vmshm_region *new;
	struct owners owners;
	int rc;

	rc = vmshm__options_copy(&opt, sizeof(opt),
				 CREATE_OPTIONS_SIZE_VER0, options);
	if (rc)
		return rc;
	if (opt.__reserved)
		return -EINVAL;

	rc = owners_of_policy(&owners, opt.owner_policy, opt.owner);
	if (rc)
		return rc;

	arg.flags = opt.flags;
	arg.region_size = opt.region_size;
	arg.max_size = opt.max_size;
	arg.mode = opt.mode ? opt.mode : DEFAULT_MODE;
	arg.huge = opt.huge;
	rc = vmshm__name_copy(arg.name, name);
	if (rc)
		return rc;

	rc = vmshm__region_alloc(&new);
	if (rc)
		return rc;

	rc = vmshm__ioctl(context->fd, VMSHM_IOC_CREATE, &arg);
	if (rc)
		goto free;

	new->fd = arg.out_fd;
	new->generation = arg.out_generation;
	new->is_new = arg.out_created;
	if (!new->is_new) {
		rc = check_existing(new->fd, opt.owner_policy, &owners);
		if (rc)
			goto close;
	}

	*region = new;
	return 0;

close:
	close(new->fd);
free:
	free(new);
	return rc;
}

static int open_ioctl(const struct vmshm_context *context, const char *name,
		      const struct vmshm_region_open_options *opt,
		      __u32 owner_flag, __u32 owner,
		      struct vmshm_region *region)
{
	struct vmshm_open arg = {
		.size = sizeof(arg),
		.flags = opt->flags | owner_flag,
		.owner = owner,
		.generation = opt->generation,
	};
	int rc;

	if (opt->generation)
		arg.flags |= VMSHM_OPEN_GENERATION;

	rc = vmshm__name_copy(arg.name, name);
	if (rc)
		return rc;

	rc = vmshm__ioctl(context->fd, VMSHM_IOC_OPEN, &arg);
	if (rc)
		return rc;

	region->fd = arg.out_fd;
	region->generation = arg.out_generation;
	region->is_readonly = opt->flags & VMSHM_OPEN_RDONLY;
	return 0;
}

/*
 * The kernel compares the owner with one user at a time and opens nothing that
 * belongs to another; asking repeatedly is better than opening first and
 * looking then, which would leave traces in a stranger's region.
 */
static int open_owned(const struct vmshm_context *context, const char *name,
		      const struct vmshm_region_open_options *opt,
		      const struct owners *owners, struct vmshm_region *region)
{
	int result = -EINVAL;
	unsigned int i;
	int rc;

	for (i = 0; i < owners->count; i++) {
		rc = open_ioctl(context, name, opt, VMSHM_OPEN_OWNER,
				owners->uid[i], region);
		/*
		 * EINVAL may mean that this user does not exist in the user
		 * namespace; what is wrong with the rest of the arguments is
		 * as wrong the next time.
		 */
		if (rc != -ESTALE && rc != -EINVAL)
			return rc;
		if (rc == -ESTALE)
			result = rc;
	}

	return result;
}

int vmshm_region_open(const struct vmshm_context *context, const char *name,
		      const struct vmshm_region_open_options *options,
		      struct vmshm_region **region)
{
	struct vmshm_region_open_options opt;
	struct vmshm_region *new;
	struct owners owners;
	int rc;

	rc = vmshm__options_copy(&opt, sizeof(opt),
				 OPEN_OPTIONS_SIZE_VER0, options);
	if (rc)
		return rc;
	if (opt.__reserved || (opt.flags & ~VMSHM_OPEN_RDONLY))
		return -EINVAL;

	rc = owners_of_policy(&owners, opt.owner_policy, opt.owner);
	if (rc)
		return rc;

	rc = vmshm__region_alloc(&new);
	if (rc)
		return rc;

	if (opt.owner_policy == VMSHM_OWNER_ANY)
		rc = open_ioctl(context, name, &opt, 0, 0, new);
	else
		rc = open_owned(context, name, &opt, &owners, new);
	if (rc) {
		free(new);
		return rc;
	}

	*region = new;
	return 0;
}

int vmshm_region_unlink(const struct vmshm_context *context, const char *name,
			const struct vmshm_region_unlink_options *options)
{
	struct vmshm_region_unlink_options opt;
	struct vmshm_unlink arg = {
		.size = sizeof(arg),
	};
	int rc;

	rc = vmshm__options_copy(&opt, sizeof(opt),
				 UNLINK_OPTIONS_SIZE_VER0, options);
	if (rc)
		return rc;
	if (opt.flags)
		return -EINVAL;

	if (opt.generation) {
		arg.flags |= VMSHM_UNLINK_GENERATION;
		arg.generation = opt.generation;
	}
	if (opt.registry) {
		arg.flags |= VMSHM_UNLINK_REGISTRY;
		arg.registry = opt.registry;
	}
	rc = vmshm__name_copy(arg.name, name);
	if (rc)
		return rc;

	return vmshm__ioctl(context->fd, VMSHM_IOC_UNLINK, &arg);
}
