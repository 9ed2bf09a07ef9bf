// SPDX-License-Identifier: GPL-2.0
/* Members: who has a region open or mapped, at one moment. */

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "internal.h"

struct vmshm_member_list {
	size_t pos;
	size_t count;
	struct vmshm_member *entries;
};

static int members_read(int fd, void *entries, __u32 room, __u32 *count)
{
	struct vmshm_members arg = {
		.size = sizeof(arg),
		.entries = (uintptr_t)entries,
		.entry_size = sizeof(struct vmshm_member),
		.count = room,
	};
	int rc;

	rc = vmshm__ioctl(fd, VMSHM_IOC_MEMBERS, &arg);
	*count = arg.out_count;
	return rc;
}

int vmshm_member_list_open(const struct vmshm_region *region,
			   struct vmshm_member_list **members)
{
	struct vmshm_member_list *new;
	void *entries;
	__u32 count;
	int rc;

	new = calloc(1, sizeof(*new));
	if (!new)
		return -ENOMEM;

	rc = vmshm__array_read(region->fd, members_read,
			       sizeof(*new->entries), &entries, &count);
	if (rc) {
		free(new);
		return rc;
	}

	new->entries = entries;
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
