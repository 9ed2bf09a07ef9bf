// SPDX-License-Identifier: GPL-2.0
/* Members: who has a region open or mapped, at one moment. */

#include <errno.h>
#include <stdlib.h>

#include "internal.h"

struct vmshm_member_list {
	struct vmshm__array array;
};

int vmshm_member_list_open(const struct vmshm_region *region,
			   struct vmshm_member_list **members)
{
	struct vmshm_member_list *new;
	int rc;

	new = malloc(sizeof(*new));
	if (!new)
		return -ENOMEM;

	rc = vmshm__array_open(&new->array, region->fd, VMSHM_IOC_MEMBERS,
			       sizeof(struct vmshm_member));
	if (rc) {
		free(new);
		return rc;
	}

	*members = new;
	return 0;
}

size_t vmshm_member_list_count(const struct vmshm_member_list *members)
{
	return members->array.count;
}

int vmshm_member_list_next(struct vmshm_member_list *members,
			   const struct vmshm_member **member)
{
	const struct vmshm_member *entry = vmshm__array_next(&members->array);

	if (!entry)
		return 0;

	*member = entry;
	return 1;
}

void vmshm_member_list_close(struct vmshm_member_list *members)
{
	if (!members)
		return;

	vmshm__array_close(&members->array);
	free(members);
}
