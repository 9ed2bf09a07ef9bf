/* SPDX-License-Identifier: GPL-2.0 */
/*
 * For clang's static analyzer, which is made to include this first. It does not
 * follow a sign, so that a function that returns -errno after a failed call may
 * have returned 0 for all it knows: give it numbers instead.
 */
#ifndef ANALYZER_H
#define ANALYZER_H

#include <errno.h>

int analyzer_choose(void);

static inline int *analyzer_errno(void)
{
	int *error = __errno_location();

	switch (analyzer_choose()) {
	case 0:
		*error = EINTR;
		break;
	case 1:
		*error = EAGAIN;
		break;
	default:
		*error = EIO;
	}
	return error;
}

#undef errno
#define errno (*analyzer_errno())

#endif /* ANALYZER_H */
