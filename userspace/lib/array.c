// SPDX-License-Identifier: GPL-2.0
/* Arrays that the kernel fills in, of which nobody knows how long they are. */

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "internal.h"

#define FIRST_COUNT	16
/* How often the elements may have become more than there was room for. */
#define MAX_TRIES	16

int vmshm__array_open(struct vmshm__array *array, int fd, unsigned long cmd,
		      size_t entry_size)
{
	struct vmshm_members arg = { 0 };
	void *entries = NULL, *grown;
	__u32 room = FIRST_COUNT;
	int tries, rc;

	for (tries = 0; tries < MAX_TRIES; tries++) {
		grown = reallocarray(entries, room, entry_size);
		if (!grown) {
			rc = -ENOMEM;
			goto free;
		}
		entries = grown;

		arg = (struct vmshm_members) {
			.size = sizeof(arg),
			.entries = (uintptr_t)entries,
			.entry_size = (__u32)entry_size,
			.count = room,
		};
		rc = vmshm__ioctl(fd, cmd, &arg);
		if (!rc && arg.out_count > room)
			rc = -EPROTO;
		if (!rc) {
			array->pos = 0;
			array->count = arg.out_count;
			array->entry_size = entry_size;
			array->entries = entries;
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
	free(entries);
	return rc;
}

const void *vmshm__array_next(struct vmshm__array *array)
{
	if (array->pos == array->count)
		return NULL;

	return array->entries + array->entry_size * array->pos++;
}

void vmshm__array_close(struct vmshm__array *array)
{
	free(array->entries);
}
