// SPDX-License-Identifier: GPL-2.0
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <linux/capability.h>

#include "lib/vmshm_env.h"

/* Elements of a list to ask for at a time. */
#define PAGE_ENTRIES	16

int vt_act_as_root(void)
{
	if (seteuid(0) || setegid(0) || setgroups(0, NULL))
		return -errno;
	/* Changing the user undid it. */
	prctl(PR_SET_DUMPABLE, 1);
	return 0;
}

int vt_act_as(uid_t uid, gid_t gid)
{
	int ret = vt_act_as_root();

	if (ret)
		return ret;
	if (setegid(gid) || seteuid(uid))
		return -errno;
	prctl(PR_SET_DUMPABLE, 1);
	return 0;
}

int vt_set_cap(unsigned int cap, bool on)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &head, data))
		return -errno;
	if (on)
		data[cap / 32].effective |= 1U << (cap % 32);
	else
		data[cap / 32].effective &= ~(1U << (cap % 32));
	return syscall(SYS_capset, &head, data) ? -errno : 0;
}

static int write_file(const char *path, const char *text)
{
	ssize_t len = strlen(text), ret;
	int fd;

	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = write(fd, text, len);
	ret = ret < 0 ? -errno : ret == len ? 0 : -EIO;
	close(fd);
	return ret;
}

static int map_ids(pid_t pid, uid_t outside, unsigned int count)
{
	char path[64], map[64];
	int ret;

	snprintf(map, sizeof(map), "0 %u %u", outside, count);
	snprintf(path, sizeof(path), "/proc/%d/uid_map", pid);
	ret = write_file(path, map);
	if (ret)
		return ret;
	snprintf(path, sizeof(path), "/proc/%d/gid_map", pid);
	return write_file(path, map);
}

pid_t vt_fork_userns(struct vt_child *child, uid_t creator, uid_t outside,
		     unsigned int count)
{
	pid_t pid = vt_fork(child);

	if (pid < 0)
		return pid;
	if (!pid) {
		VT_CHECK(vt_become(creator) == 0);
		VT_CHECK(unshare(CLONE_NEWUSER) == 0);
		VT_CHECK(vt_tell(child->sock) == 0);
		VT_CHECK(vt_hear(child->sock) == 0);
		VT_CHECK(setresgid(0, 0, 0) == 0);
		VT_CHECK(setresuid(0, 0, 0) == 0);
		prctl(PR_SET_DUMPABLE, 1);
		return 0;
	}
	if (vt_hear(child->sock) || map_ids(pid, outside, count) ||
	    vt_tell(child->sock)) {
		vt_kill(child);
		return -1;
	}
	return pid;
}

__u32 vt_userns_id(void)
{
	struct stat st;

	return stat("/proc/self/ns/user", &st) ? 0 : st.st_ino;
}

static void param_path(char path[128], const char *name)
{
	snprintf(path, 128, "/sys/module/vmshm/parameters/%s", name);
}

int vt_param_set(const char *name, unsigned long long value)
{
	char path[128], text[32];

	param_path(path, name);
	snprintf(text, sizeof(text), "%llu", value);
	return write_file(path, text);
}

long long vt_param_get(const char *name)
{
	char path[128], text[32];
	ssize_t len;

	param_path(path, name);
	len = vt_read_file(path, text, sizeof(text));
	return len < 0 ? len : strtoll(text, NULL, 10);
}

int vt_nr_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	if (!dir)
		return -errno;
	while (readdir(dir))
		n++;
	closedir(dir);
	/* ".", ".." and that of the directory itself. */
	return n - 3;
}

int vt_list(int dev, const char *prefix, __u32 flags, struct vmshm_stat *stats,
	    unsigned int max)
{
	struct vmshm_stat page[PAGE_ENTRIES];
	struct vmshm_list arg;
	unsigned int i, n = 0;
	int ret;

	memset(&arg, 0, sizeof(arg));
	memcpy(arg.prefix, prefix, strnlen(prefix, VMSHM_NAME_MAX));
	do {
		arg.size = sizeof(arg);
		arg.flags = flags;
		arg.entries = (uintptr_t)page;
		arg.entry_size = sizeof(page[0]);
		arg.count = PAGE_ENTRIES;
		arg.out_count = 0;
		arg.out_more = 0;
		ret = vt_ioctl(dev, VMSHM_IOC_LIST, &arg);
		if (ret)
			return ret;
		for (i = 0; i < arg.out_count; i++, n++)
			if (n < max)
				stats[n] = page[i];
		if (arg.out_count) {
			memcpy(arg.after, page[i - 1].out_name,
			       sizeof(arg.after));
			arg.after_registry = page[i - 1].out_registry;
		}
	} while (arg.out_more);
	return n;
}

int vt_unlink_all(int dev, const char *prefix)
{
	struct vmshm_stat page[PAGE_ENTRIES];
	struct vmshm_list arg;
	unsigned int i;
	int ret, n = 0;

	do {
		memset(&arg, 0, sizeof(arg));
		arg.size = sizeof(arg);
		arg.entries = (uintptr_t)page;
		arg.entry_size = sizeof(page[0]);
		arg.count = PAGE_ENTRIES;
		memcpy(arg.prefix, prefix, strnlen(prefix, VMSHM_NAME_MAX));
		ret = vt_ioctl(dev, VMSHM_IOC_LIST, &arg);
		if (ret)
			return ret;
		for (i = 0; i < arg.out_count; i++, n++) {
			ret = vt_unlink(dev, (const char *)page[i].out_name);
			/* An ephemeral one may be gone by now. */
			if (ret && ret != -ENOENT)
				return ret;
		}
	} while (arg.out_count);
	return n;
}

static int domain_op(int dev, const char *domain, __u32 op, uid_t uid)
{
	struct vmshm_domain arg = {
		.size = sizeof(arg),
		.op = op,
		.uid = uid,
	};

	memcpy(arg.name, domain, strnlen(domain, VMSHM_NAME_MAX));
	return vt_ioctl(dev, VMSHM_IOC_DOMAIN, &arg);
}

int vt_domain_reserve(int dev, const char *domain, uid_t uid)
{
	return domain_op(dev, domain, VMSHM_DOMAIN_RESERVE, uid);
}

int vt_domain_release(int dev, const char *domain)
{
	return domain_op(dev, domain, VMSHM_DOMAIN_RELEASE, 0);
}
