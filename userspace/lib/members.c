// SPDX-License-Identifier: GPL-2.0
/* Members: who has a region open or mapped, at one moment. */

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "internal.h"

#define FIRST_COUNT	16
/* How often the members may have become more than there was room for. */
#define MAX_TRIES	16

struct vmshm_member_list {
	size_t pos;
	size_t count;
	struct vmshm_member *entries;
};

static int members_read(int fd, struct vmshm_member **entries, __u32 *count)
{
	struct vmshm_member *array = NULL, *grown;
	__u32 room = FIRST_COUNT;
	int tries, rc;

	for (tries = 0; tries < MAX_TRIES; tries++) {
		struct vmshm_members arg = {
			.size = sizeof(arg),
			.entry_size = sizeof(*array),
			.count = room,
		};

		grown = reallocarray(array, room, sizeof(*array));
		if (!grown) {
			rc = -ENOMEM;
			goto free;
		}
		array = grown;
		arg.entries = (uintptr_t)array;

		rc = vmshm__ioctl(fd, VMSHM_IOC_MEMBERS, &arg);
		if (!rc && arg.out_count > room)
			rc = -EPROTO;
		if (!rc) {
			*entries = array;
			*count = arg.out_count;
			return 0;
		}
		if (rc != -EMSGSIZE)
			goto free;

		/* Some more than there are now, because they may be more then. */
		if (__builtin_add_overflow(arg.out_count,
					   arg.out_count / 8 + FIRST_COUNT,
					   &room)) {
			rc = -ENOMEM;
			goto free;
		}
	}
	rc = -EMSGSIZE;

free:
	free(array);
	return rc;
}

int vmshm_member_list_open(const struct vmshm_region *region,
			   struct vmshm_member_list **members)
{
	struct vmshm_member_list *new;
	__u32 count;
	int rc;

	new = calloc(1, sizeof(*new));
	if (!new)
		return -ENOMEM;

	rc = members_read(region->fd, &new->entries, &count);
	if (rc) {
		free(new);
		return rc;
	}

	new->count = count;
	*members = new;
	return 0;
}

size_t vmshm_member_list_count(const struct vmshm_member_list *members)
{
	return members->count;
}

int vmshm_member_list_next(struct vmshm_member_list *members,
			   const struct vmshm_member **member)
{
	if (members->pos == members->count)
		return 0;

	*member = &members->entries[members->pos++];
	return 1;
}

void vmshm_member_list_close(struct vmshm_member_list *members)
{
	if (!members)
		return;

	free(members->entries);
	free(members);
}
