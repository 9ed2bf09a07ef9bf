// SPDX-License-Identifier: GPL-2.0
/* Binding lists: which VMs have a region, at one moment. */

#include <errno.h>
#include <stdlib.h>

#include <vmshm/kvm.h>

#include "internal.h"

struct vmshm_kvm_binding_list {
	struct vmshm__array array;
};

int vmshm_kvm_binding_list_open(const struct vmshm_region *region,
				struct vmshm_kvm_binding_list **list)
{
	struct vmshm_kvm_binding_list *new;
	int rc;

	new = malloc(sizeof(*new));
	if (!new)
		return -ENOMEM;

	rc = vmshm__array_open(&new->array, region->fd, VMSHM_IOC_BINDINGS,
			       sizeof(struct vmshm_binding));
	if (rc) {
		free(new);
		return rc;
	}

	*list = new;
	return 0;
}

size_t vmshm_kvm_binding_list_count(const struct vmshm_kvm_binding_list *list)
{
	return list->array.count;
}

int vmshm_kvm_binding_list_next(struct vmshm_kvm_binding_list *list,
				const struct vmshm_binding **binding)
{
	const struct vmshm_binding *entry = vmshm__array_next(&list->array);

	if (!entry)
		return 0;

	*binding = entry;
	return 1;
}

void vmshm_kvm_binding_list_close(struct vmshm_kvm_binding_list *list)
{
	if (!list)
		return;

	vmshm__array_close(&list->array);
	free(list);
}
