/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vmshm: rules for names.  Pure logic, also compiled in userspace by the unit
 * tests and fuzzers.
 */
#ifndef _VMSHM_NAME_H
#define _VMSHM_NAME_H

#include <linux/types.h>
#ifndef __KERNEL__
#include <stdbool.h>
#include <stddef.h>
typedef __u8 u8;
#endif

int vmshm_name_check(const u8 *name, size_t size);
int vmshm_prefix_check(const u8 *prefix, size_t size);
int vmshm_domain_check(const u8 *name, size_t size);
size_t vmshm_name_domain_len(const char *name);
bool vmshm_name_has_prefix(const char *name, const char *prefix);
int vmshm_domain_cmp(const char *name, size_t len, const char *domain);

#endif /* _VMSHM_NAME_H */
