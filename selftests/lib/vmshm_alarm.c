// SPDX-License-Identifier: GPL-2.0
/*
 * The harness ends a test that takes too long by alarm(). A kernel that checks
 * itself needs longer: VMSHM_TIMEOUT_SCALE in the environment is a factor on
 * every alarm of a test program, as it is on the time-outs of run-tests.
 */
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

#include "lib/vmshm_test.h"

unsigned int vt_timeout_scale(void)
{
	const char *scale = getenv("VMSHM_TIMEOUT_SCALE");

	return scale && atoi(scale) > 1 ? atoi(scale) : 1;
}

unsigned int alarm(unsigned int seconds)
{
	struct itimerval new = { 0 }, old = { 0 };

	new.it_value.tv_sec = (time_t)seconds * vt_timeout_scale();
	if (setitimer(ITIMER_REAL, &new, &old))
		return 0;
	/* Rounded up: 0 would be none. */
	return old.it_value.tv_sec + !!old.it_value.tv_usec;
}
