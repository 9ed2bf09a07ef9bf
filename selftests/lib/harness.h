/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel's harness, with the patience that an emulated machine on a busy host
 * wants: a test is to fail by what it finds, not by how long it took.
 */
#ifndef _VMSHM_HARNESS_H
#define _VMSHM_HARNESS_H

#include "kselftest_harness.h"

/* Seconds for a test that does not say how long it may take. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	200

#endif /* _VMSHM_HARNESS_H */
