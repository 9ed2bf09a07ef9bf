// SPDX-License-Identifier: GPL-2.0
/* Unloading and loading the module under test. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vmshm_module.h"
#include "vmshm_test.h"

/* Also if the last use of it has just ended, or is about to. */
static int unload_at_last(const char *name)
{
	int i, ret;

	for (i = 0; i < VT_PATIENCE * 100; i++) {
		ret = syscall(SYS_delete_module, name, O_NONBLOCK) ? -errno : 0;
		if (ret != -EAGAIN)
			break;
		usleep(10000);
	}
	return ret;
}

int vt_module_unload_kvm(void)
{
	int ret = unload_at_last("vmshm_kvm");

	return ret == -ENOENT ? 0 : ret;
}

int vt_module_init(struct stat *device)
{
	const char *module = getenv("VMSHM_MODULE");

	if (!module)
		return -ENOENT;
	if (access(module, R_OK) || stat(VT_DEVICE, device))
		return -errno;
	return vt_module_unload_kvm();
}

int vt_module_unload(void)
{
	return syscall(SYS_delete_module, "vmshm", O_NONBLOCK) ? -errno : 0;
}

int vt_module_unload_at_last(void)
{
	return unload_at_last("vmshm");
}

int vt_module_load(const struct stat *device)
{
	const char *module = getenv("VMSHM_MODULE");
	int fd, ret, i;

	if (!module)
		return -ENOENT;
	fd = open(module, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = syscall(SYS_finit_module, fd, "", 0) ? -errno : 0;
	close(fd);
	if (ret)
		return ret;
	for (i = 0; i < VT_PATIENCE * 100 && access(VT_DEVICE, F_OK); i++)
		usleep(10000);
	if (chown(VT_DEVICE, device->st_uid, device->st_gid) ||
	    chmod(VT_DEVICE, device->st_mode & 07777))
		return -errno;
	return 0;
}

int vt_module_loaded(void)
{
	return !access("/sys/module/vmshm", F_OK);
}

int vt_module_users(const char *name)
{
	char path[64], buf[32], *end;
	ssize_t len;
	int users;

	snprintf(path, sizeof(path), "/sys/module/%s/refcnt", name);
	len = vt_read_file(path, buf, sizeof(buf));
	if (len < 0)
		return len;
	users = strtol(buf, &end, 10);
	return end == buf ? -EIO : users;
}
