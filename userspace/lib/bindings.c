// SPDX-License-Identifier: GPL-2.0
/* Binding lists: which VMs have a region, at one moment. */

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include <vmshm/kvm.h>

#include "internal.h"

#define FIRST_COUNT	16
/* How often the bindings may have become more than there was room for. */
#define MAX_TRIES	16

struct vmshm_kvm_binding_list {
	size_t pos;
	size_t count;
	struct vmshm_binding *entries;
};

static int bindings_read(int fd, struct vmshm_kvm_binding_list *list)
{
	struct vmshm_binding *grown;
	__u32 room = FIRST_COUNT;
	int tries, rc = -EMSGSIZE;

	for (tries = 0; tries < MAX_TRIES; tries++) {
		struct vmshm_bindings arg = {
			.size = sizeof(arg),
			.entry_size = sizeof(*grown),
			.count = room,
		};

		grown = reallocarray(list->entries, room, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		list->entries = grown;
		arg.entries = (uintptr_t)grown;

		rc = vmshm__ioctl(fd, VMSHM_IOC_BINDINGS, &arg);
		if (!rc && arg.out_count > room)
			return -EPROTO;
		list->count = arg.out_count;
		if (rc != -EMSGSIZE)
			return rc;

		/* Some more than there are now, because they may be more then. */
		if (__builtin_add_overflow(arg.out_count, FIRST_COUNT, &room))
			return -ENOMEM;
	}
	return rc;
}

int vmshm_kvm_binding_list_open(const struct vmshm_region *region,
				struct vmshm_kvm_binding_list **list)
{
	struct vmshm_kvm_binding_list *new;
	int rc;

	new = calloc(1, sizeof(*new));
	if (!new)
		return -ENOMEM;

	rc = bindings_read(region->fd, new);
	if (rc) {
		vmshm_kvm_binding_list_close(new);
		return rc;
	}
	*list = new;
	return 0;
}

size_t vmshm_kvm_binding_list_count(const struct vmshm_kvm_binding_list *list)
{
	return list->count;
}

int vmshm_kvm_binding_list_next(struct vmshm_kvm_binding_list *list,
				const struct vmshm_binding **binding)
{
	if (list->pos == list->count)
		return 0;

	*binding = &list->entries[list->pos++];
	return 1;
}

void vmshm_kvm_binding_list_close(struct vmshm_kvm_binding_list *list)
{
	if (!list)
		return;

	free(list->entries);
	free(list);
}
