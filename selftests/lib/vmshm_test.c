// SPDX-License-Identifier: GPL-2.0
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "lib/vmshm_test.h"

int vt_ioctl(int fd, unsigned long cmd, void *arg)
{
	int ret = ioctl(fd, cmd, arg);

	return ret < 0 ? -errno : ret;
}

int vt_device(void)
{
	int fd = open(VT_DEVICE, O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

const char *vt_name(char name[VMSHM_NAME_MAX + 1], const char *suffix)
{
	snprintf(name, VMSHM_NAME_MAX + 1, "test-%d/%s", getpid(), suffix);
	return name;
}

static void set_name(__u8 to[VMSHM_NAME_MAX + 1], const char *name)
{
	/* Also one that is too long, which is not for the caller to refuse. */
	memcpy(to, name, strnlen(name, VMSHM_NAME_MAX + 1));
}

int vt_info(int dev, struct vmshm_info *info)
{
	*info = (struct vmshm_info){ .size = sizeof(*info) };
	return vt_ioctl(dev, VMSHM_IOC_GET_INFO, info);
}

int vt_create(int dev, const char *name, __u64 size, __u64 max_size,
	      __u32 flags, __u32 mode)
{
	struct vmshm_create arg = {
		.size = sizeof(arg),
		.flags = flags,
		.region_size = size,
		.max_size = max_size,
		.mode = mode,
	};
	int ret;

	set_name(arg.name, name);
	ret = vt_ioctl(dev, VMSHM_IOC_CREATE, &arg);
	return ret < 0 ? ret : arg.out_fd;
}

int vt_open(int dev, const char *name, __u32 flags)
{
	struct vmshm_open arg = { .size = sizeof(arg), .flags = flags };
	int ret;

	set_name(arg.name, name);
	ret = vt_ioctl(dev, VMSHM_IOC_OPEN, &arg);
	return ret < 0 ? ret : arg.out_fd;
}

int vt_readonly(int fd)
{
	struct vmshm_readonly arg = { .size = sizeof(arg) };
	int ret = vt_ioctl(fd, VMSHM_IOC_READONLY, &arg);

	return ret < 0 ? ret : arg.out_fd;
}

int vt_watch(int fd, const char *prefix, __u32 events, __u64 *seq)
{
	struct vmshm_watch arg = { .size = sizeof(arg), .events = events };
	int ret;

	set_name(arg.prefix, prefix);
	ret = vt_ioctl(fd, VMSHM_IOC_WATCH, &arg);
	if (ret < 0)
		return ret;
	if (seq)
		*seq = arg.out_seq;
	return arg.out_fd;
}

int vt_unlink(int dev, const char *name)
{
	struct vmshm_unlink arg = { .size = sizeof(arg) };

	set_name(arg.name, name);
	return vt_ioctl(dev, VMSHM_IOC_UNLINK, &arg);
}

int vt_resize(int fd, __u64 size)
{
	struct vmshm_resize arg = { .size = sizeof(arg), .region_size = size };

	return vt_ioctl(fd, VMSHM_IOC_RESIZE, &arg);
}

int vt_seal(int fd, __u32 add)
{
	struct vmshm_seal arg = { .size = sizeof(arg), .add = add };

	return vt_ioctl(fd, VMSHM_IOC_SEAL, &arg);
}

int vt_stat(int fd, struct vmshm_stat *stat)
{
	*stat = (struct vmshm_stat){ .size = sizeof(*stat) };
	return vt_ioctl(fd, VMSHM_IOC_STAT, stat);
}

int vt_watch_eventfd(int watch, int eventfd)
{
	struct vmshm_watch_eventfd arg = { .size = sizeof(arg), .fd = eventfd };

	return vt_ioctl(watch, VMSHM_IOC_WATCH_EVENTFD, &arg);
}

int vt_members(int fd, struct vmshm_member *members, __u32 count)
{
	struct vmshm_members arg = {
		.size = sizeof(arg),
		.entries = (uintptr_t)members,
		.entry_size = sizeof(*members),
		.count = count,
	};
	int ret = vt_ioctl(fd, VMSHM_IOC_MEMBERS, &arg);

	return ret < 0 ? ret : (int)arg.out_count;
}

const struct vmshm_member *vt_find_member(const struct vmshm_member *members,
					  int count, __u32 type, pid_t pid)
{
	int i;

	for (i = 0; i < count; i++) {
		if (members[i].type == type && members[i].pid == pid)
			return &members[i];
	}
	return NULL;
}

/* Waits for @events, or POLLHUP. */
static int wait_for(int fd, short events)
{
	struct pollfd pfd = { .fd = fd, .events = events };
	int ret;

	do {
		ret = poll(&pfd, 1, VT_PATIENCE * 1000);
	} while (ret < 0 && errno == EINTR);
	if (ret < 0)
		return -errno;
	return ret ? 0 : -ETIMEDOUT;
}

int vt_next_event(int watch, struct vmshm_event *event)
{
	ssize_t len;
	int ret;

	ret = wait_for(watch, POLLIN);
	if (ret)
		return ret;
	len = read(watch, event, sizeof(*event));
	if (len < 0)
		return -errno;
	if (!len)
		return -ENODATA;
	return len == sizeof(*event) ? 0 : -EIO;
}

int vt_poll(int fd)
{
	struct pollfd pfd = {
		.fd = fd,
		.events = POLLIN | POLLPRI | POLLOUT | POLLRDHUP | POLLRDNORM |
			  POLLRDBAND | POLLWRNORM | POLLWRBAND,
	};

	return poll(&pfd, 1, 0) < 0 ? -errno : pfd.revents;
}

bool vt_no_event(int watch)
{
	return vt_poll(watch) == 0;
}

pid_t vt_fork(struct vt_child *child)
{
	pid_t parent = getpid();
	int sv[2];

	child->pid = -1;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv))
		return -1;
	child->pid = fork();
	if (child->pid < 0) {
		close(sv[0]);
		close(sv[1]);
		return -1;
	}
	child->sock = sv[!child->pid];
	close(sv[!!child->pid]);
	if (!child->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* In a new pid namespace the parent is not visible. */
		if (getppid() != parent && getppid() != 0)
			_exit(1);
	}
	return child->pid;
}

int vt_tell(int sock)
{
	return send(sock, "", 1, MSG_NOSIGNAL) == 1 ? 0 : -errno;
}

int vt_hear(int sock)
{
	ssize_t len;
	char c;
	int ret;

	ret = wait_for(sock, POLLIN);
	if (ret)
		return ret;
	len = recv(sock, &c, 1, 0);
	if (len < 0)
		return -errno;
	return len ? 0 : -EPIPE;
}

int vt_send_fd(int sock, int fd)
{
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(sizeof(int))];
	} control = {
		.head = {
			.cmsg_len = CMSG_LEN(sizeof(int)),
			.cmsg_level = SOL_SOCKET,
			.cmsg_type = SCM_RIGHTS,
		},
	};
	struct iovec iov = { .iov_base = "", .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.space,
		.msg_controllen = sizeof(control.space),
	};

	memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
	return sendmsg(sock, &msg, MSG_NOSIGNAL) == 1 ? 0 : -errno;
}

int vt_recv_fd(int sock)
{
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	char c;
	struct iovec iov = { .iov_base = &c, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.space,
		.msg_controllen = sizeof(control.space),
	};
	ssize_t len;
	int ret, fd;

	ret = wait_for(sock, POLLIN);
	if (ret)
		return ret;
	len = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	if (len < 0)
		return -errno;
	if (!len)
		return -EPIPE;
	if (control.head.cmsg_type != SCM_RIGHTS ||
	    control.head.cmsg_len != CMSG_LEN(sizeof(int)))
		return -EBADMSG;
	memcpy(&fd, CMSG_DATA(&control.head), sizeof(fd));
	return fd;
}

int vt_wait(struct vt_child *child)
{
	int status;
	pid_t pid;

	/* A child that waits to be told something ends by this. */
	close(child->sock);
	do {
		pid = waitpid(child->pid, &status, 0);
	} while (pid < 0 && errno == EINTR);
	if (pid < 0)
		return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int vt_kill(struct vt_child *child)
{
	/* These would be many. */
	if (child->pid <= 0)
		return -ESRCH;
	if (kill(child->pid, SIGKILL))
		return -errno;
	return vt_wait(child);
}

int vt_wait_zombie(pid_t pid)
{
	siginfo_t info;

	return waitid(P_PID, pid, &info, WEXITED | WNOWAIT) ? -errno : 0;
}

int vt_wait_dead_thread(pid_t pid, pid_t tid)
{
	char path[64], stat[512];
	const char *state;
	int tries;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", pid, tid);
	for (tries = 0; tries < VT_PATIENCE * 100; tries++) {
		if (vt_read_file(path, stat, sizeof(stat)) < 0)
			return 0;
		state = strrchr(stat, ')');
		if (state && (state[2] == 'Z' || state[2] == 'X'))
			return 0;
		usleep(10000);
	}
	return -ETIMEDOUT;
}

int vt_wait_comm(pid_t pid, const char *comm)
{
	char path[64], is[64];
	int tries;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	for (tries = 0; tries < VT_PATIENCE * 100; tries++) {
		if (vt_read_file(path, is, sizeof(is)) < 0)
			return -ESRCH;
		is[strcspn(is, "\n")] = '\0';
		if (!strcmp(is, comm))
			return 0;
		usleep(10000);
	}
	return -ETIMEDOUT;
}

int vt_become(uid_t uid)
{
	struct stat st;
	gid_t group;

	if (stat(VT_DEVICE, &st))
		return -errno;
	group = st.st_gid;
	if (setgroups(1, &group) || setresgid(uid, uid, uid) ||
	    setresuid(uid, uid, uid))
		return -errno;
	/* Changing the user undid both. */
	prctl(PR_SET_DUMPABLE, 1);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	return 0;
}

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t len;

	if (fd < 0)
		return -errno;
	len = write(fd, text, strlen(text));
	close(fd);
	return len == (ssize_t)strlen(text) ? 0 : -errno;
}

int vt_unshare_user(uid_t uid)
{
	char uid_map[64], gid_map[64];
	int ret;

	snprintf(uid_map, sizeof(uid_map), "%u %u 1", uid, geteuid());
	snprintf(gid_map, sizeof(gid_map), "%u %u 1", uid, getegid());
	if (unshare(CLONE_NEWUSER))
		return -errno;
	ret = write_file("/proc/self/setgroups", "deny");
	if (!ret)
		ret = write_file("/proc/self/uid_map", uid_map);
	if (!ret)
		ret = write_file("/proc/self/gid_map", gid_map);
	return ret;
}

ssize_t vt_read_file(const char *path, char *buf, size_t size)
{
	size_t done = 0;
	ssize_t len;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	do {
		len = read(fd, buf + done, size - 1 - done);
		if (len > 0)
			done += len;
	} while (len > 0 && done < size - 1);
	if (len < 0)
		len = -errno;
	close(fd);
	buf[done] = '\0';
	return len < 0 ? len : (ssize_t)done;
}

int vt_read_choice(const char *path, char *word, size_t size)
{
	char buf[256], *begin, *end;
	ssize_t len = vt_read_file(path, buf, sizeof(buf));

	if (len < 0)
		return len;
	begin = strchr(buf, '[');
	end = begin ? strchr(begin, ']') : NULL;
	if (!end)
		return -EPROTO;
	snprintf(word, size, "%.*s", (int)(end - begin - 1), begin + 1);
	return 0;
}

long long vt_fdinfo(int fd, const char *key)
{
	char path[64], buf[4096];
	size_t len = strlen(key);
	const char *line;
	ssize_t ret;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	ret = vt_read_file(path, buf, sizeof(buf));
	if (ret < 0)
		return ret;
	for (line = buf; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line, key, len) && line[len] == ':')
			return strtoll(line + len + 1, NULL, 0);
	}
	return -ENOENT;
}
