// SPDX-License-Identifier: GPL-2.0
/* Lists of regions, read from the kernel page by page. */

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/* Elements that are asked for at once: some 50 KiB. */
#define LIST_PAGE	128

struct vmshm_region_list {
	const struct vmshm_context *context;
	/* The argument of the next ioctl, except for its out_* members. */
	struct vmshm_list arg;
	__u32 pos;
	__u32 count;
	bool more;
	struct vmshm_stat entries[LIST_PAGE];
};

int vmshm_region_list_open(const struct vmshm_context *context,
			   const struct vmshm_region_list_options *options,
			   struct vmshm_region_list **list)
{
	struct vmshm_region_list_options opt;
	struct vmshm_region_list *new;
	int rc;

	rc = vmshm__options_copy(&opt, sizeof(opt),
				 LIST_OPTIONS_SIZE_VER0, options);
	if (rc)
		return rc;
	if (opt.__reserved)
		return -EINVAL;

	new = calloc(1, sizeof(*new));
	if (!new)
		return -ENOMEM;

	new->context = context;
	new->more = true;
	new->arg.size = sizeof(new->arg);
	new->arg.flags = opt.flags;
	new->arg.entries = (uintptr_t)new->entries;
	new->arg.entry_size = sizeof(new->entries[0]);
	new->arg.count = LIST_PAGE;
	if (opt.prefix) {
		rc = vmshm__name_copy(new->arg.prefix, opt.prefix);
		if (rc) {
			free(new);
			return rc;
		}
	}

	*list = new;
	return 0;
}

static int list_read(struct vmshm_region_list *list)
{
	struct vmshm_list arg = list->arg;
	const struct vmshm_stat *last;
	int rc;

	rc = vmshm__ioctl(list->context->fd, VMSHM_IOC_LIST, &arg);
	if (rc)
		return rc;
	if (arg.out_count > LIST_PAGE)
		return -EPROTO;

	list->pos = 0;
	list->count = arg.out_count;
	/* Without an element there is no place to go on from. */
	list->more = arg.out_more && arg.out_count;
	if (!list->count)
		return 0;

	last = &list->entries[list->count - 1];
	memcpy(list->arg.after, last->out_name, sizeof(list->arg.after));
	if (list->arg.flags & VMSHM_LIST_ALL)
		list->arg.after_registry = last->out_registry;

	return 0;
}

int vmshm_region_list_next(struct vmshm_region_list *list,
			   const struct vmshm_stat **stat)
{
	int rc;

	if (list->pos == list->count) {
		if (!list->more)
			return 0;
		rc = list_read(list);
		if (rc)
			return rc;
		if (!list->count)
			return 0;
	}

	*stat = &list->entries[list->pos++];
	return 1;
}

void vmshm_region_list_close(struct vmshm_region_list *list)
{
	free(list);
}

int vmshm_region_find(const struct vmshm_context *context, const char *name,
		      struct vmshm_stat *stat, size_t stat_size)
{
	union {
		struct vmshm_stat stat;
		unsigned char bytes[STAT_SIZE_MAX];
	} entry;
	struct vmshm_list arg = {
		.size = sizeof(arg),
		.entries = (uintptr_t)&entry,
		.entry_size = (__u32)stat_size,
		/* In byte order a name comes before all it is a prefix of. */
		.count = 1,
	};
	int rc;

	if (stat_size < STAT_SIZE_VER0)
		return -EINVAL;
	if (stat_size > sizeof(entry))
		return -E2BIG;

	rc = vmshm__name_copy(arg.prefix, name);
	if (rc)
		return rc;
	if (!*name)
		return -EINVAL;

	memset(&entry, 0, stat_size);
	rc = vmshm__ioctl(context->fd, VMSHM_IOC_LIST, &arg);
	if (rc)
		return rc;
	if (!arg.out_count ||
	    memcmp(entry.stat.out_name, arg.prefix, sizeof(arg.prefix)))
		return -ENOENT;

	memcpy(stat, &entry, stat_size);
	return 0;
}
