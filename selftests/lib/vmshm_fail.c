// SPDX-License-Identifier: GPL-2.0
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>

#include "lib/vmshm_fail.h"
#include "lib/vmshm_mem.h"

#define DEBUGFS		"/sys/kernel/debug"

/* Of the other task, if there is one. */
static int other = -1;

static int fail_nth_file(void)
{
	static __thread int fd = -1;
	char path[64];

	if (other >= 0)
		return other;
	if (fd < 0) {
		snprintf(path, sizeof(path), "/proc/self/task/%ld/fail-nth",
			 syscall(SYS_gettid));
		fd = open(path, O_RDWR | O_CLOEXEC);
	}
	return fd;
}

static int set(const char *dir, const char *knob, const char *value)
{
	char path[300];

	snprintf(path, sizeof(path), DEBUGFS "/%s/%s", dir, knob);
	return vt_write_file(path, value);
}

int vt_fail_init(void)
{
	struct dirent *entry;
	DIR *debugfs;

	if (fail_nth_file() < 0)
		return -EOPNOTSUPP;
	debugfs = opendir(DEBUGFS);
	if (!debugfs)
		return -EOPNOTSUPP;
	/* Those that may sleep, too; and those of single pages. */
	if (set("failslab", "ignore-gfp-wait", "N") ||
	    set("fail_page_alloc", "ignore-gfp-wait", "N") ||
	    set("fail_page_alloc", "ignore-gfp-highmem", "N") ||
	    set("fail_page_alloc", "min-order", "0")) {
		closedir(debugfs);
		return -EOPNOTSUPP;
	}
	/* Who looks for splats does not want to hear of the failures. */
	while ((entry = readdir(debugfs))) {
		if (!strncmp(entry->d_name, "fail", 4))
			set(entry->d_name, "verbose", "0");
	}
	closedir(debugfs);
	return 0;
}

int vt_fail_other(pid_t pid)
{
	char path[64];

	if (other >= 0)
		close(other);
	other = -1;
	if (!pid)
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/fail-nth", pid);
	other = open(path, O_RDWR | O_CLOEXEC);
	return other < 0 ? -errno : 0;
}

int vt_fail_arm(unsigned int n)
{
	char buf[16];
	int len = snprintf(buf, sizeof(buf), "%u", n);

	return pwrite(fail_nth_file(), buf, len, 0) == len ? 0 : -errno;
}

static int disarm(void)
{
	int fd = fail_nth_file();
	char buf[16] = "";
	int injected;

	/* Reading and writing may be what fails: then nothing has before. */
	if (pread(fd, buf, sizeof(buf) - 1, 0) < 0)
		injected = 0;
	else
		injected = !atoi(buf);
	if (pwrite(fd, "0", 1, 0) != 1) {
		injected = 0;
		if (pwrite(fd, "0", 1, 0) != 1)
			return -errno;
	}
	return injected;
}

int vt_fail_judge(unsigned int n, int ret)
{
	int injected = disarm();

	if (ret && !injected) {
		printf("# point %u: failed of itself: %s\n", n, strerror(-ret));
		return ret;
	}
	return injected;
}

int vt_fail_count(void)
{
	char buf[16] = "";

	if (pread(fail_nth_file(), buf, sizeof(buf) - 1, 0) < 0)
		return -errno;
	if (pwrite(fail_nth_file(), "0", 1, 0) != 1)
		return -errno;
	return VT_FAIL_NEVER - atoi(buf);
}

static int make_it_fail(pid_t pid, const char *value)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/make-it-fail", pid);
	return vt_write_file(path, value);
}

int vt_fail_starve(pid_t pid, unsigned int room)
{
	char space[16];
	int ret;

	snprintf(space, sizeof(space), "%u", room);
	ret = make_it_fail(pid, "1");
	if (!ret)
		ret = set("failslab", "task-filter", "Y");
	if (!ret)
		ret = set("failslab", "times", "-1");
	if (!ret)
		ret = set("failslab", "space", space);
	return ret ? ret : set("failslab", "probability", "100");
}

int vt_fail_feed(pid_t pid)
{
	int ret = set("failslab", "probability", "0");

	if (!ret)
		ret = set("failslab", "task-filter", "N");
	return ret ? ret : make_it_fail(pid, "0");
}
