// SPDX-License-Identifier: GPL-2.0
/*
 * Descriptors of a region in other processes. The kernel module knows who
 * opened a file, not who has it now: it may have been inherited or passed on.
 * So all descriptors that /proc shows are compared with the region.
 */

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cmd.h"

static bool parse_id(const char *text, int *id)
{
	__u64 value;

	if (!isdigit((unsigned char)*text) || parse_number(text, &value) ||
	    value > 0x7fffffff)
		return false;

	*id = (int)value;
	return true;
}

/* Reads a small file of /proc; an empty string if that is not possible. */
static void read_file(int dir, const char *path, char *text, size_t size)
{
	ssize_t len = 0;
	int fd;

	fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		len = read(fd, text, size - 1);
		close(fd);
	}
	text[len > 0 ? len : 0] = 0;
}

/* What follows a key at the beginning of a line. */
static const char *find_line(const char *text, const char *key)
{
	const char *line = text;

	while (line && strncmp(line, key, strlen(key))) {
		line = strchr(line, '\n');
		if (line)
			line++;
	}

	return line ? line + strlen(key) : NULL;
}

static __u32 rights_of(int proc, const char *name)
{
	unsigned long flags;
	const char *line;
	char path[272];
	char text[512];

	snprintf(path, sizeof(path), "fdinfo/%s", name);
	read_file(proc, path, text, sizeof(text));
	line = find_line(text, "flags:");
	if (!line)
		return 0;

	flags = strtoul(line, NULL, 8);
	if (flags & O_PATH)
		return 0;

	switch (flags & O_ACCMODE) {
	case O_RDONLY:
		return VMSHM_MEMBER_READ;
	case O_WRONLY:
		return VMSHM_MEMBER_WRITE;
	default:
		return VMSHM_MEMBER_READ | VMSHM_MEMBER_WRITE;
	}
}

static __u32 uid_of(int proc)
{
	unsigned int uid;
	const char *line;
	char text[4096];

	read_file(proc, "status", text, sizeof(text));
	line = find_line(text, "Uid:");
	/* Real, then effective. */
	if (!line || sscanf(line, "%*u %u", &uid) != 1)
		return (__u32)-1;

	return uid;
}

static char *comm_of(int proc)
{
	char text[64];

	read_file(proc, "comm", text, sizeof(text));
	text[strcspn(text, "\n")] = 0;
	return plain_text(text, sizeof(text));
}

static bool known(const struct holders *holders, int pid, int fd)
{
	size_t i;

	/* Those of a process are next to each other. */
	for (i = holders->count; i && holders->items[i - 1].pid == pid; i--)
		if (holders->items[i - 1].fd == fd)
			return true;

	return false;
}

static void add(struct holders *holders, int proc, int pid, int tid,
		const char *name, int fd)
{
	struct holder *holder;

	holders->items = must(reallocarray(holders->items, holders->count + 1,
					   sizeof(*holders->items)));
	holder = &holders->items[holders->count++];
	holder->pid = pid;
	holder->tid = tid;
	holder->fd = fd;
	holder->uid = uid_of(proc);
	holder->flags = rights_of(proc, name);
	holder->comm = comm_of(proc);
}

/* The descriptors of one thread, or all threads that share its table. */
static int scan_table(struct holders *holders, int proc, int pid, int tid,
		      const struct statx *region)
{
	struct dirent *entry;
	struct statx file;
	DIR *dir;
	int fd;

	fd = openat(proc, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return -ENOMEM;
	}

	while ((entry = readdir(dir))) {
		/* What others have open may be on a server that is gone. */
		if (!parse_id(entry->d_name, &fd) ||
		    statx(dirfd(dir), entry->d_name, AT_STATX_DONT_SYNC,
			  STATX_INO, &file))
			continue;
		if (file.stx_ino == region->stx_ino &&
		    file.stx_dev_major == region->stx_dev_major &&
		    file.stx_dev_minor == region->stx_dev_minor &&
		    !known(holders, pid, fd))
			add(holders, proc, pid, tid, entry->d_name, fd);
	}

	closedir(dir);
	return 0;
}

/*
 * Threads can have a table of their own, and the first thread may have ended
 * before the others, and its table with it.
 */
static void scan_threads(struct holders *holders, int proc, int pid,
			 const struct statx *region)
{
	struct dirent *entry;
	int fd, tid;
	DIR *dir;

	fd = openat(proc, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return;
	}

	while ((entry = readdir(dir))) {
		if (!parse_id(entry->d_name, &tid) || tid == pid ||
		    !syscall(SYS_kcmp, pid, tid, KCMP_FILES, 0, 0))
			continue;
		fd = openat(dirfd(dir), entry->d_name,
			    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			continue;
		scan_table(holders, fd, pid, tid, region);
		close(fd);
	}

	closedir(dir);
}

static void scan_process(struct holders *holders, int root, const char *name,
			 int pid, const struct statx *region)
{
	int proc, rc;

	proc = openat(root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (proc < 0)
		return;

	rc = scan_table(holders, proc, pid, pid, region);
	if (rc == -EACCES || rc == -EPERM)
		holders->hidden++;
	else
		scan_threads(holders, proc, pid, region);
	close(proc);
}

/**
 * holders_find() - find the descriptors of a region in other processes
 * @holders: where they are stored; to be freed by holders_free()
 * @region_fd: the region
 *
 * Return: 0; a negative errno value: /proc cannot be read.
 */
int holders_find(struct holders *holders, int region_fd)
{
	struct dirent *entry;
	struct statx region;
	DIR *dir;
	int pid;

	memset(holders, 0, sizeof(*holders));
	if (statx(region_fd, "", AT_EMPTY_PATH, STATX_INO, &region))
		return -errno;
	dir = opendir("/proc");
	if (!dir)
		return -errno;

	while ((entry = readdir(dir)))
		if (parse_id(entry->d_name, &pid) && pid != getpid())
			scan_process(holders, dirfd(dir), entry->d_name, pid,
				     &region);

	closedir(dir);
	return 0;
}

/**
 * holders_free() - free what holders_find() found
 * @holders: the descriptors
 */
void holders_free(struct holders *holders)
{
	size_t i;

	for (i = 0; i < holders->count; i++)
		free(holders->items[i].comm);
	free(holders->items);
}
