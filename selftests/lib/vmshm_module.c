// SPDX-License-Identifier: GPL-2.0
/* Unloading and loading the module under test. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vmshm_module.h"
#include "vmshm_test.h"

int vt_module_unload_kvm(void)
{
	if (!syscall(SYS_delete_module, "vmshm_kvm", O_NONBLOCK) ||
	    errno == ENOENT)
		return 0;
	return -errno;
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
	int i, ret;

	for (i = 0; i < VT_PATIENCE * 100; i++) {
		ret = vt_module_unload();
		if (ret != -EAGAIN)
			break;
		usleep(10000);
	}
	return ret;
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
