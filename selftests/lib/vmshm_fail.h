/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Fault injection. Takes a kernel with CONFIG_FAULT_INJECTION. Conventions as
 * in vmshm_test.h.
 */
#ifndef _VMSHM_FAIL_H
#define _VMSHM_FAIL_H

#include <sys/types.h>

#include "lib/vmshm_test.h"

/*
 * Allows every allocation to fail, and opens what this thread needs for the
 * rest. -EOPNOTSUPP if the kernel knows no failures.
 */
int vt_fail_init(void);

/*
 * From now on all below is about another task, by its number, and no thread of this
 * process; 0 is the calling thread again.
 */
int vt_fail_other(pid_t pid);

/* Makes the @n'th chance to fail, from now on and in this thread, a failure. */
int vt_fail_arm(unsigned int n);

/*
 * Disarms. Returns 1 if there was a failure since vt_fail_arm(@n), else 0; @ret,
 * what the call returned, if that is an error which was not made, and says so.
 */
int vt_fail_judge(unsigned int n, int ret);

/*
 * From now on another task gets no memory from slabs but @room bytes; until
 * vt_fail_feed().
 */
int vt_fail_starve(pid_t pid, unsigned int room);
int vt_fail_feed(pid_t pid);

/* More chances than any call has, for vt_fail_arm(). */
#define VT_FAIL_NEVER	1000000

/*
 * How many chances to fail there were since vt_fail_arm(VT_FAIL_NEVER), or
 * a negative errno. Disarms, too.
 */
int vt_fail_count(void);

#endif /* _VMSHM_FAIL_H */
