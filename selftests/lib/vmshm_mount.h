/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Regions by path. Conventions as in vmshm_test.h.
 */
#ifndef _VMSHM_MOUNT_H
#define _VMSHM_MOUNT_H

#include <limits.h>

#include "lib/vmshm_test.h"

/* Where vt_mount() mounts: a directory that every system has. */
#define VT_MOUNT	"/mnt"

/*
 * Mounts the tree of this process's user namespace on VT_MOUNT, in a mount
 * namespace that is this process's and its children's: it goes with them.
 * @flags: MS_RDONLY and the like.
 */
int vt_mount(unsigned long flags);

/*
 * Mounts it once more, on top. There is a tmpfs in between: no file system is
 * mounted on itself.
 */
int vt_mount_again(unsigned long flags);

/* Takes the topmost away. */
int vt_umount(int flags);

/* Fills @path with that of a region, "VT_MOUNT/NAME". Returns @path. */
const char *vt_path(char path[PATH_MAX], const char *name);

/* open() of a region by path, with O_CLOEXEC. */
int vt_open_path(const char *name, int flags);

#endif /* _VMSHM_MOUNT_H */
