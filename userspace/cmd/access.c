// SPDX-License-Identifier: GPL-2.0
/* Opening the device and regions, with messages that say what to do. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"

/**
 * access_option() - handle an option of ACCESS_OPTIONS
 * @verb: the verb
 * @access: what the options have said so far
 * @option: what getopt_long() returned, with optarg
 *
 * Return: STATUS_OK, or STATUS_USAGE after saying what is wrong.
 */
int access_option(const struct verb *verb, struct access *access, int option)
{
	struct vmshm_region_open_options *opt = &access->options;

	switch (option) {
	case OPTION_OWNER:
		if (parse_user(optarg, &opt->owner))
			return usage(verb, "there is no user '%s'", optarg);
		opt->owner_policy = VMSHM_OWNER_ONLY;
		access->given = true;
		break;
	case OPTION_ANY_OWNER:
		opt->owner = 0;
		opt->owner_policy = VMSHM_OWNER_ANY;
		access->given = true;
		break;
	default:
		if (parse_number(optarg, &opt->generation) || !opt->generation)
			return usage(verb, "'%s' is not the number of a region",
				     optarg);
		break;
	}

	return STATUS_OK;
}

/**
 * open_context() - open the device
 * @context: where the context is stored
 *
 * Return: STATUS_OK, or another exit status after saying what is wrong.
 */
int open_context(struct vmshm_context **context)
{
	int rc = vmshm_context_open(NULL, context);

	switch (rc) {
	case 0:
		return STATUS_OK;
	case -ENOENT:
	case -ENXIO:
	case -ENODEV:
		fail(rc, "the module vmshm is not loaded",
		     "open " VMSHM_DEVICE);
		return STATUS_NO_DEVICE;
	case -ENOTTY:
		fail(rc, "it is something else", "use " VMSHM_DEVICE);
		return STATUS_NO_DEVICE;
	case -EACCES:
		return fail(rc, "you are not in the group that may",
			    "open " VMSHM_DEVICE);
	default:
		return fail(rc, NULL, "open " VMSHM_DEVICE);
	}
}

/* Whose region it is instead; NULL if that cannot be found out. */
static char *stale_reason(const struct vmshm_context *context,
			  const char *name,
			  const struct vmshm_region_open_options *opt)
{
	struct vmshm_stat stat;
	char *user, *reason;

	if (vmshm_region_find(context, name, &stat, sizeof(stat)))
		return NULL;

	if (opt->generation && stat.out_generation != opt->generation)
		return format("it is number %llu now", stat.out_generation);

	user = user_text(stat.out_uid);
	reason = format("it belongs to %s: use --owner=%s if that is right",
			user, user);
	free(user);
	return reason;
}

/**
 * open_region() - open a region
 * @context: a context
 * @name: name of the region
 * @access: which region it may be
 * @what: what it is opened for: goes on after "cannot"
 * @region: where the region is stored
 *
 * Return: STATUS_OK, or another exit status after saying what is wrong.
 */
int open_region(const struct vmshm_context *context, const char *name,
		const struct access *access, const char *what,
		struct vmshm_region **region)
{
	char *reason = NULL;
	int rc, status;

	rc = vmshm_region_open(context, name, &access->options, region);
	if (!rc)
		return STATUS_OK;

	if (rc == -EINVAL)
		reason = format("the name is malformed");
	else if (rc == -ESTALE)
		reason = stale_reason(context, name, &access->options);

	status = fail(rc, reason, "%s '%s'", what, name);
	free(reason);
	return status;
}

/**
 * open_any() - open a region whoever it belongs to
 * @name: name of the region
 * @flags: VMSHM_OPEN_RDONLY or 0
 * @what: what it is opened for: goes on after "cannot"
 * @region: where the region is stored
 *
 * For verbs that neither believe what is in a region nor put anything into it.
 * With VMSHM_OPEN_RDONLY a region that can only be written is opened as well.
 *
 * Return: STATUS_OK, or another exit status after saying what is wrong.
 */
int open_any(const char *name, __u32 flags, const char *what,
	     struct vmshm_region **region)
{
	struct access access = ACCESS_INIT;
	struct vmshm_context *context;
	int status;

	status = open_context(&context);
	if (status)
		return status;

	access.options.owner_policy = VMSHM_OWNER_ANY;
	access.options.flags = flags;
	/* Whatever else is wrong is said the next time. */
	if (flags && !vmshm_region_open(context, name, &access.options, region))
		goto out;
	access.options.flags = 0;
	status = open_region(context, name, &access, what, region);
out:
	vmshm_context_close(context);
	return status;
}
