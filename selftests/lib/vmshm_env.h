/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a test changes around it: users, user namespaces, module parameters.
 * Conventions as in vmshm_test.h.
 */
#ifndef _VMSHM_ENV_H
#define _VMSHM_ENV_H

#include <linux/vmshm.h>

#include "lib/vmshm_test.h"

/*
 * From here on this process, which must have started as root, acts as another
 * user: effective ids and capabilities are theirs, supplementary groups are
 * none. Unlike after vt_become() there is a way back.
 */
int vt_act_as(uid_t uid, gid_t gid);
int vt_act_as_root(void);

/* Takes a capability away from the effective set, or gives it back. */
int vt_set_cap(unsigned int cap, bool on);

/*
 * Forks a process that is root of a new user namespace, the creator of which is
 * the user @creator. Its ids from 0 to @count - 1 are those from @outside on of
 * the caller's namespace. It may open the device if it has its group.
 */
pid_t vt_fork_userns(struct vt_child *child, uid_t creator, uid_t outside,
		     unsigned int count);

/* Number of this process's user namespace, as out_registry tells it. */
__u32 vt_userns_id(void);

/* A parameter of the module. */
int vt_param_set(const char *name, unsigned long long value);
long long vt_param_get(const char *name);

/* Number of open descriptors of this process. */
int vt_nr_fds(void);

/*
 * Lists the regions whose names begin with @prefix; @flags as in struct
 * vmshm_list. Returns their number, of which at most @max are in @stats.
 */
int vt_list(int dev, const char *prefix, __u32 flags, struct vmshm_stat *stats,
	    unsigned int max);

/* Unlinks the regions whose names begin with @prefix. Returns their number. */
int vt_unlink_all(int dev, const char *prefix);

/* Reserves a domain for a user, or gives it up. */
int vt_domain_reserve(int dev, const char *domain, uid_t uid);
int vt_domain_release(int dev, const char *domain);

#endif /* _VMSHM_ENV_H */
