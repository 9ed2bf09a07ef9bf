// SPDX-License-Identifier: GPL-2.0
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/wait.h>

#include "lib/vmshm_mem.h"
#include "lib/vmshm_swap.h"

#define CGROUP		"/sys/fs/cgroup/vmshm-test"

/* What mkswap(8) writes: see union swap_header of the kernel. */
#define SWAP_VERSION	1024
#define SWAP_MAGIC	"SWAPSPACE2"

int vt_disks(void)
{
	static char * const argv[] = {
		"modprobe", "brd", "rd_nr=2", "rd_size=65536", NULL
	};
	int status;
	pid_t pid;

	if (!access(VT_SWAP_DEVICE, F_OK) && !access(VT_DISK_DEVICE, F_OK))
		return 0;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (!pid) {
		execvp(argv[0], argv);
		_exit(127);
	}
	if (waitpid(pid, &status, 0) < 0)
		return -errno;
	return access(VT_DISK_DEVICE, F_OK) ? -errno : 0;
}

int vt_swap_on(void)
{
	__u64 bytes, pages;
	char page[VT_PAGE];
	int fd, ret;

	ret = vt_disks();
	if (ret)
		return ret;
	fd = open(VT_SWAP_DEVICE, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (ioctl(fd, BLKGETSIZE64, &bytes)) {
		ret = -errno;
		goto close_fd;
	}
	pages = bytes / VT_PAGE;
	memset(page, 0, sizeof(page));
	memcpy(page + SWAP_VERSION, &(__u32){ 1 }, 4);
	memcpy(page + SWAP_VERSION + 4, &(__u32){ pages - 1 }, 4);
	memcpy(page + VT_PAGE - strlen(SWAP_MAGIC), SWAP_MAGIC,
	       strlen(SWAP_MAGIC));
	if (pwrite(fd, page, sizeof(page), 0) != sizeof(page) || fsync(fd)) {
		ret = -EIO;
		goto close_fd;
	}
	ret = swapon(VT_SWAP_DEVICE, 0) ? -errno : 0;
close_fd:
	close(fd);
	return ret;
}

int vt_swap_off(void)
{
	return swapoff(VT_SWAP_DEVICE) ? -errno : 0;
}

int vt_cgroup_enter(void)
{
	int ret;

	/* The controller may be on already. */
	vt_write_file("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
	if (mkdir(CGROUP, 0755) && errno != EEXIST)
		return -errno;
	ret = vt_write_file(CGROUP "/cgroup.procs", "0");
	return ret ? ret : access(CGROUP "/memory.reclaim", W_OK) ? -errno : 0;
}

int vt_cgroup_leave(void)
{
	int tries, ret;

	ret = vt_write_file("/sys/fs/cgroup/cgroup.procs", "0");
	if (ret)
		return ret;
	/* A process that has just ended may be counted still. */
	for (tries = 0; tries < 100; tries++) {
		if (!rmdir(CGROUP))
			return 0;
		usleep(10000);
	}
	return -errno;
}

int vt_cgroup_reclaim(unsigned long bytes)
{
	char text[32];

	snprintf(text, sizeof(text), "%lu", bytes);
	return vt_write_file(CGROUP "/memory.reclaim", text);
}
