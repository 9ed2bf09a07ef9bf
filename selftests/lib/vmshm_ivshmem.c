// SPDX-License-Identifier: GPL-2.0
/* See vmshm_ivshmem.h. */
#include <fcntl.h>
#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#include "lib/vmshm_ivshmem.h"

#define PROGRAM		"vmshm-ivshmem-server"

/* How long "nothing comes" is; a test that is wrong about it does not fail. */
#define QUIET_MS	300

static int address_of(struct sockaddr_un *address, const char *path)
{
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(address->sun_path))
		return -ENAMETOOLONG;
	strcpy(address->sun_path, path);
	return 0;
}

static int bound_socket(const char *path, int type)
{
	struct sockaddr_un address;
	int fd, rc;

	rc = address_of(&address, path);
	if (rc)
		return rc;
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&address, sizeof(address))) {
		rc = -errno;
		close(fd);
		return rc;
	}
	return fd;
}

int vi_listen(const char *path)
{
	int fd = bound_socket(path, SOCK_STREAM);

	if (fd >= 0 && listen(fd, 16)) {
		close(fd);
		return -errno;
	}
	return fd;
}

/* In the child. Does not return. */
static void run(const struct vi_server *server, const char *const *args,
		uid_t uid, const int *fds, int nr_fds, const char *fd_names)
{
	char *argv[32] = { PROGRAM }, text[64];
	int copies[8], i;

	for (i = 0; args[i]; i++)
		argv[i + 1] = (char *)args[i];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* Out of the way, then in their places. */
	for (i = 0; i < nr_fds; i++)
		copies[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 50);
	dup2(server->log, STDERR_FILENO);
	for (i = 0; i < nr_fds; i++)
		dup2(copies[i], 3 + i);

	snprintf(text, sizeof(text), "%s/notify", server->dir);
	setenv("NOTIFY_SOCKET", text, 1);
	if (nr_fds) {
		snprintf(text, sizeof(text), "%d", getpid());
		setenv("LISTEN_PID", text, 1);
		snprintf(text, sizeof(text), "%d", nr_fds);
		setenv("LISTEN_FDS", text, 1);
		setenv("LISTEN_FDNAMES", fd_names, 1);
	}
	if (uid && vt_become(uid))
		_exit(126);
	execvp(argv[0], argv);
	_exit(127);
}

int vi_spawn(struct vi_server *server, const char *const *args, uid_t uid,
	     const int *fds, int nr_fds, const char *fd_names)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/notify", server->dir);
	unlink(path);
	server->notify = bound_socket(path, SOCK_DGRAM);
	if (server->notify < 0)
		return server->notify;
	if (chmod(path, 0777))
		return -errno;
	server->log = memfd_create("log", MFD_CLOEXEC);
	if (server->log < 0)
		return -errno;

	server->pid = fork();
	if (server->pid < 0)
		return -errno;
	if (!server->pid)
		run(server, args, uid, fds, nr_fds, fd_names);
	return 0;
}

static bool has_ended(const struct vi_server *server)
{
	siginfo_t info = {};

	return waitid(P_PID, server->pid, &info, WEXITED | WNOHANG | WNOWAIT) ||
	       info.si_pid;
}

int vi_ready(struct vi_server *server)
{
	struct pollfd pollfd = { .fd = server->notify, .events = POLLIN };
	char text[512];
	ssize_t len;
	int i;

	for (i = 0; i < VT_PATIENCE * 10; i++) {
		if (poll(&pollfd, 1, 100) == 1) {
			len = recv(server->notify, text, sizeof(text) - 1, 0);
			if (len < 0)
				return -errno;
			text[len] = 0;
			return strncmp(text, "READY=1\n", 8) ? -EBADMSG : 0;
		}
		if (has_ended(server))
			return -ENODATA;
	}
	return -ETIMEDOUT;
}

int vi_start(struct vi_server *server, const char *const *names, int count,
	     const char *const *options)
{
	const char *args[32];
	int i, n = 0, rc;

	if (!server->dir[0]) {
		strcpy(server->dir, "/tmp/ivshmem.XXXXXX");
		if (!mkdtemp(server->dir) || chmod(server->dir, 0755))
			return -errno;
	}
	for (i = 0; i < count; i++) {
		snprintf(server->path[i], sizeof(server->path[i]),
			 "%s/socket%d", server->dir, i);
		args[n++] = names[i];
		args[n++] = "--socket";
		args[n++] = server->path[i];
	}
	while (options && *options)
		args[n++] = *options++;
	args[n] = NULL;

	rc = vi_spawn(server, args, 0, NULL, 0, NULL);
	return rc ?: vi_ready(server);
}

int vi_wait(struct vi_server *server)
{
	struct vt_child child = { .pid = server->pid, .sock = -1 };

	server->pid = 0;
	close(server->notify);
	return vt_wait(&child);
}

int vi_stop(struct vi_server *server, int signal)
{
	if (kill(server->pid, signal))
		return -errno;
	return vi_wait(server);
}

void vi_remove(struct vi_server *server)
{
	char command[64];

	if (server->pid)
		vi_stop(server, SIGKILL);
	if (!server->dir[0])
		return;
	snprintf(command, sizeof(command), "rm -r %s", server->dir);
	if (system(command))
		perror(command);
	server->dir[0] = 0;
}

int vi_nr_fds(const struct vi_server *server)
{
	struct dirent *entry;
	char path[64];
	int count = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", server->pid);
	dir = opendir(path);
	if (!dir)
		return -errno;
	while ((entry = readdir(dir)))
		count += entry->d_name[0] != '.';
	closedir(dir);
	return count;
}

const char *vi_log(const struct vi_server *server)
{
	static char text[65536];
	ssize_t len = pread(server->log, text, sizeof(text) - 1, 0);

	text[len < 0 ? 0 : len] = 0;
	return text;
}

int vi_message(int sock, int64_t *value, int *fd)
{
	unsigned char bytes[16];
	union {
		struct cmsghdr header;
		/* For more than there may be. */
		unsigned char space[CMSG_SPACE(4 * sizeof(int))];
	} control;
	/* One message, and no part of the next. */
	struct iovec iov = { .iov_base = bytes, .iov_len = 8 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct pollfd pollfd = { .fd = sock, .events = POLLIN };
	struct cmsghdr *header;
	ssize_t len;
	int i;

	*fd = -1;
	if (poll(&pollfd, 1, VT_PATIENCE * 1000) != 1)
		return -ETIMEDOUT;
	len = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	if (len < 0)
		return errno == ECONNRESET ? -ENODATA : -errno;
	if (!len)
		return -ENODATA;
	if (len != 8 || msg.msg_flags & (MSG_CTRUNC | MSG_TRUNC))
		return -EBADMSG;

	/* Little-endian, whatever this machine is. */
	*value = 0;
	for (i = 7; i >= 0; i--)
		*value = (int64_t)((uint64_t)*value << 8 | bytes[i]);

	header = CMSG_FIRSTHDR(&msg);
	if (!header)
		return 0;
	if (header->cmsg_level != SOL_SOCKET ||
	    header->cmsg_type != SCM_RIGHTS ||
	    header->cmsg_len != CMSG_LEN(sizeof(int)) ||
	    CMSG_NXTHDR(&msg, header))
		return -EBADMSG;
	memcpy(fd, CMSG_DATA(header), sizeof(int));
	return 0;
}

int vi_connect(const char *path)
{
	struct sockaddr_un address;
	int fd, rc;

	rc = address_of(&address, path);
	if (rc)
		return rc;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address))) {
		rc = -errno;
		close(fd);
		return rc;
	}
	return fd;
}

static int check_memory(int memory, int region)
{
	struct stat a, b;
	void *map;

	if (fstat(memory, &a) || fstat(region, &b))
		return -errno;
	if (a.st_ino != b.st_ino || a.st_dev != b.st_dev || a.st_size < 4096 ||
	    a.st_size & (a.st_size - 1))
		return -EBADMSG;
	map = mmap(NULL, a.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, memory,
		   0);
	if (map == MAP_FAILED)
		return -errno;
	munmap(map, a.st_size);
	return 0;
}

int vi_greeting(struct vi_client *client, int region)
{
	int64_t value;
	int fd, rc;

	rc = vi_message(client->sock, &value, &fd);
	if (rc)
		return rc;
	if (value || fd >= 0)
		return -EBADMSG;

	rc = vi_message(client->sock, &value, &fd);
	if (rc)
		return rc;
	if (value < 0 || value > 65535 || fd >= 0)
		return -EBADMSG;
	client->id = value;

	rc = vi_message(client->sock, &value, &fd);
	if (rc)
		return rc;
	if (value != -1 || fd < 0)
		return -EBADMSG;
	client->memory = fd;
	return check_memory(fd, region);
}

/* As QEMU and KVM need it: a real eventfd that does not block. */
static bool is_eventfd(int fd)
{
	return vt_fdinfo(fd, "eventfd-count") >= 0 &&
	       fcntl(fd, F_GETFL) & O_NONBLOCK;
}

int vi_expect(const struct vi_client *client, int id, int *fds, int count)
{
	int64_t value;
	int i, rc;

	for (i = 0; i < count; i++) {
		rc = vi_message(client->sock, &value, &fds[i]);
		if (rc)
			return rc;
		if (value != id || fds[i] < 0 || !is_eventfd(fds[i]))
			return -EBADMSG;
	}
	return 0;
}

int vi_expect_gone(const struct vi_client *client, int id)
{
	int64_t value;
	int fd, rc;

	rc = vi_message(client->sock, &value, &fd);
	if (rc)
		return rc;
	return value == id && fd < 0 ? 0 : -EBADMSG;
}

int vi_own(struct vi_client *client, int count)
{
	client->nr_own = count;
	return vi_expect(client, client->id, client->own, count);
}

int vi_open(struct vi_client *client, const char *path, int region, int count)
{
	int rc;

	*client = (struct vi_client){ .memory = -1 };
	client->sock = vi_connect(path);
	if (client->sock < 0)
		return client->sock;
	rc = vi_greeting(client, region);
	return rc ?: vi_own(client, count);
}

void vi_close(struct vi_client *client)
{
	int i;

	close(client->sock);
	close(client->memory);
	for (i = 0; i < client->nr_own; i++)
		close(client->own[i]);
}

bool vi_quiet(const struct vi_client *client)
{
	struct pollfd pollfd = { .fd = client->sock, .events = POLLIN };

	return poll(&pollfd, 1, QUIET_MS) == 0;
}

bool vi_hung_up(int sock)
{
	int64_t value;
	int fd, rc;

	while (!(rc = vi_message(sock, &value, &fd)))
		if (fd >= 0)
			close(fd);
	return rc == -ENODATA;
}

int vi_ring(int fd)
{
	return eventfd_write(fd, 1) ? -errno : 0;
}

bool vi_rung(int fd)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };
	eventfd_t count;

	/* What rings is done when it returns. */
	return poll(&pollfd, 1, 0) == 1 && !eventfd_read(fd, &count);
}

int vi_join(int region, int number, __u32 vectors, __u32 *out_number)
{
	struct vmshm_join arg = {
		.size = sizeof(arg),
		.flags = number < 0 ? 0 : VMSHM_JOIN_NUMBER,
		.number = number < 0 ? 0 : number,
		.vectors = vectors,
		.name = "native",
	};
	int rc = vt_ioctl(region, VMSHM_IOC_JOIN, &arg);

	if (rc < 0)
		return rc;
	if (out_number)
		*out_number = arg.out_number;
	return arg.out_fd;
}

int vi_set_vector(int peer, __u32 vector)
{
	struct vmshm_peer_set_vector arg = {
		.size = sizeof(arg),
		.vector = vector,
		.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
	};
	int rc;

	if (arg.fd < 0)
		return -errno;
	rc = vt_ioctl(peer, VMSHM_IOC_PEER_SET_VECTOR, &arg);
	if (rc < 0) {
		close(arg.fd);
		return rc;
	}
	return arg.fd;
}

int vi_peers(int region, struct vmshm_peer_info *infos, __u32 count)
{
	struct vmshm_peers arg = {
		.size = sizeof(arg),
		.entries = (uintptr_t)infos,
		.entry_size = sizeof(*infos),
		.count = count,
	};
	int rc = vt_ioctl(region, VMSHM_IOC_PEERS, &arg);

	return rc < 0 && rc != -EMSGSIZE ? rc : (int)arg.out_count;
}

int vi_wait_peers(int region, int count)
{
	const struct timespec pause = { .tv_nsec = 10000000 };
	int i;

	for (i = 0; i < VT_PATIENCE * 100; i++) {
		if (vi_peers(region, NULL, 0) == count)
			return 0;
		nanosleep(&pause, NULL);
	}
	return -ETIMEDOUT;
}
