// SPDX-License-Identifier: GPL-2.0
/*
 * The tests of abi.c in a 32-bit program: the same arguments, the same results,
 * through ->compat_ioctl. The Makefile has this built with -m32.
 */
#define _GNU_SOURCE
#include "lib/harness.h"

TEST(is_32_bit)
{
	/* Otherwise the rest says nothing that abi has not said. */
	ASSERT_EQ(4, sizeof(void *));
}

#include "abi.c"
