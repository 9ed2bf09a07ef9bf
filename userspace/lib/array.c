// SPDX-License-Identifier: GPL-2.0
/* Arrays that the kernel fills in, of which nobody knows how long they are. */

#include <errno.h>
#include <stdlib.h>

#include "internal.h"

#define FIRST_COUNT	16
/* How often the elements may have become more than there was room for. */
#define MAX_TRIES	16

int vmshm__array_read(int fd, vmshm__array_fn fn, size_t entry_size,
		      void **entries, __u32 *count)
{
	void *array = NULL, *grown;
	__u32 room = FIRST_COUNT;
	__u32 there;
	int tries, rc;

	for (tries = 0; tries < MAX_TRIES; tries++) {
		grown = reallocarray(array, room, entry_size);
		if (!grown) {
			rc = -ENOMEM;
			goto free;
		}
		array = grown;

		rc = fn(fd, array, room, &there);
		if (!rc && there > room)
			rc = -EPROTO;
		if (!rc) {
			*entries = array;
			*count = there;
			return 0;
		}
		if (rc != -EMSGSIZE)
			goto free;

		/* Some more than there are now, because they may be more then. */
		if (__builtin_add_overflow(there, there / 8 + FIRST_COUNT,
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
