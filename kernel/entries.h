/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vmshm: arrays that commands return.
 */
#ifndef _VMSHM_ENTRIES_H
#define _VMSHM_ENTRIES_H

#include "vmshm.h"

/**
 * struct vmshm_entries - a list to be returned to a caller
 * @entries: array of elements, zeroed
 * @room: how many it has room for
 * @count: how many were found; those that fit, if any, are in @entries
 * @pid_ns: namespace of the caller
 * @user_ns: likewise
 */
struct vmshm_entries {
	void *entries;
	u32 room;
	u32 count;
	struct pid_namespace *pid_ns;
	struct user_namespace *user_ns;
};

int vmshm_copy_entries(void __user *to, u32 entry_size, const void *entries,
		       size_t size, u32 count);
int vmshm_return_entries(struct vmshm_ucmd *ucmd, struct vmshm_entries *list,
			 size_t size,
			 void (*collect)(void *object,
					 struct vmshm_entries *list),
			 void *object);

#endif /* _VMSHM_ENTRIES_H */
