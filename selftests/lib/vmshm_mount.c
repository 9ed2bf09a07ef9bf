// SPDX-License-Identifier: GPL-2.0
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>

#include "lib/vmshm_mount.h"

int vt_mount_again(unsigned long flags)
{
	if (mount("none", VT_MOUNT, "tmpfs", 0, NULL) ||
	    mount("none", VT_MOUNT, "vmshm", flags, NULL))
		return -errno;
	return 0;
}

int vt_mount(unsigned long flags)
{
	if (unshare(CLONE_NEWNS) ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return -errno;
	return vt_mount_again(flags);
}

int vt_umount(int flags)
{
	return umount2(VT_MOUNT, flags) ? -errno : 0;
}

const char *vt_path(char path[PATH_MAX], const char *name)
{
	snprintf(path, PATH_MAX, "%s/%s", VT_MOUNT, name);
	return path;
}

int vt_open_path(const char *name, int flags)
{
	char path[PATH_MAX];
	int fd = open(vt_path(path, name), flags | O_CLOEXEC, 0600);

	return fd < 0 ? -errno : fd;
}
