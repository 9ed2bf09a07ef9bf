// SPDX-License-Identifier: GPL-2.0
/*
 * Loading the module, with every allocation and every user copy made to fail in
 * turn: it is loaded and works, or it is not and has left nothing that keeps it
 * from being loaded.
 *
 * The first points are the module loader's own, and some are of tracing, which
 * warns when it gets no memory. They are left out: up to where it looks at the
 * parameters, which is to be seen from outside, as they can be wrong.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>

#include "lib/vmshm_fail.h"
#include "lib/vmshm_mem.h"
#include "lib/vmshm_module.h"

/* More than there are. */
#define MAX_POINTS	5000

/* The module's file. */
static void *module;
static size_t module_size;

static int read_module(void)
{
	int fd = open(getenv("VMSHM_MODULE"), O_RDONLY | O_CLOEXEC);
	struct stat st;
	int ret = 0;

	if (fd < 0 || fstat(fd, &st))
		return -errno;
	module_size = st.st_size;
	module = mmap(NULL, module_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE,
		      fd, 0);
	if (module == MAP_FAILED)
		ret = -errno;
	close(fd);
	return ret;
}

static int load(const char *params)
{
	return syscall(SYS_init_module, module, module_size, params) ?
		-errno : 0;
}

/* Number of points before the loader has come to the parameters. */
static int points_before(void)
{
	int ret = vt_fail_arm(VT_FAIL_NEVER), points;

	if (ret)
		return ret;
	ret = load("event_queue_len=wrong");
	points = vt_fail_count();
	return ret == -EINVAL ? points : -EPROTO;
}

static bool is_listed(const char *path, const char *word)
{
	char buf[8192];

	return vt_read_file(path, buf, sizeof(buf)) > 0 && strstr(buf, word);
}

/* What others can see of a module that is not there. */
static bool is_gone(void)
{
	return !vt_module_loaded() && access(VT_DEVICE, F_OK) &&
	       access("/sys/kernel/debug/vmshm", F_OK) &&
	       access("/sys/bus/pci/drivers/vmshm", F_OK) &&
	       !is_listed("/proc/filesystems", "vmshm") &&
	       !is_listed("/proc/misc", "vmshm");
}

/* A region of each policy for huge pages that the module says it has. */
static int works(void)
{
	struct vmshm_info info;
	int dev = vt_device(), fd, ret, huge;

	if (dev < 0)
		return dev;
	ret = vt_info(dev, &info);
	for (huge = 0; !ret && huge <= VMSHM_HUGE_ADVISE; huge++) {
		fd = vt_region_huge(dev, "loaded", VT_PAGE, 0, 0, huge);
		if (fd < 0 && fd != -EOPNOTSUPP)
			ret = fd;
		if (fd == -EOPNOTSUPP && huge == VMSHM_HUGE_NEVER)
			ret = fd;
		if (fd >= 0 && pwrite(fd, "x", 1, 0) != 1)
			ret = -errno;
		if (fd >= 0)
			close(fd);
	}
	close(dev);
	return ret;
}

/* Returns 1 if something was made to fail, 0 if not. */
static int one_point(unsigned int n)
{
	int ret, injected;

	ret = vt_fail_arm(n);
	if (ret)
		return ret;
	ret = load("");
	injected = vt_fail_judge(n, ret);
	if (injected < 0)
		return injected;
	if (ret)
		return is_gone() ? 1 : -EEXIST;
	ret = works();
	if (ret) {
		printf("# point %u: loaded, but does not work: %s\n", n,
		       strerror(-ret));
		return ret;
	}
	ret = vt_module_unload_at_last();
	return ret ? ret : injected;
}

int main(void)
{
	struct stat device;
	int first = 0, n = 0, ret;

	printf("TAP version 13\n1..1\n");
	ret = vt_fail_init();
	if (!ret)
		ret = vt_module_init(&device);
	if (!ret)
		ret = vt_module_unload_at_last();
	if (!ret)
		ret = read_module();
	if (!ret) {
		first = points_before();
		ret = first < 0 ? first : 1;
	}
	for (n = first; ret > 0 && n <= MAX_POINTS; n++)
		ret = one_point(n);
	if (ret < 0)
		printf("# point %d: %s\n", n - 1, strerror(-ret));
	printf("# %d points, after %d of the loader\n", n - first, first);
	if (!ret && n - first <= 1)
		ret = -ERANGE;
	if (!vt_module_loaded() && vt_module_load(&device))
		ret = -ENODEV;
	printf("%s 1 load\n", ret ? "not ok" : "ok");
	return ret ? 1 : 0;
}
