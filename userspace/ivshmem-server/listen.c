// SPDX-License-Identifier: GPL-2.0
/* Sockets that clients connect to. */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "server.h"

/* Connections taken in one go. */
#define BATCH		16

/* Without room for more, try again after this. */
#define PAUSE_US	500000

static int new_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* A socket that nobody listens on: left behind by a server that was killed. */
static bool is_stale(const struct sockaddr_un *address)
{
	struct stat stat;
	bool is_refused;
	int fd;

	if (lstat(address->sun_path, &stat) || !S_ISSOCK(stat.st_mode))
		return false;
	fd = new_socket();
	if (fd < 0)
		return false;
	is_refused = connect(fd, (const struct sockaddr *)address,
			     sizeof(*address)) && errno == ECONNREFUSED;
	close(fd);
	return is_refused;
}

static int bind_mode(int fd, const struct sockaddr_un *address, mode_t mode)
{
	mode_t mask = umask(0777 & ~mode);
	int rc;

	rc = bind(fd, (const struct sockaddr *)address, sizeof(*address)) ?
		-errno : 0;
	umask(mask);
	return rc;
}

/**
 * listen_path() - listen on a new socket
 * @path: its path
 * @mode: its permission bits
 *
 * Return: the socket; -EADDRINUSE: there is another server, or a file that is
 * no socket; or another negative errno value.
 */
int listen_path(const char *path, mode_t mode)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t len = strlen(path);
	int fd, rc;

	if (!len || len >= sizeof(address.sun_path))
		return len ? -ENAMETOOLONG : -EINVAL;
	memcpy(address.sun_path, path, len);

	fd = new_socket();
	if (fd < 0)
		return -errno;

	rc = bind_mode(fd, &address, mode);
	if (rc == -EADDRINUSE && is_stale(&address) && !unlink(path))
		rc = bind_mode(fd, &address, mode);
	if (!rc && listen(fd, SOMAXCONN)) {
		rc = -errno;
		unlink(path);
	}
	if (rc) {
		close(fd);
		return rc;
	}
	return fd;
}

/**
 * listen_passed() - prepare a socket that was passed on
 * @fd: the socket
 *
 * Return: 0; -EINVAL: it is not a listening one of the right kind; or another
 * negative errno value.
 */
int listen_passed(int fd)
{
	int flags, rc;

	rc = sd_is_socket_unix(fd, SOCK_STREAM, 1, NULL, 0);
	if (rc <= 0)
		return rc < 0 ? rc : -EINVAL;

	/* Who connected may have gone when it is to be taken. */
	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	return 0;
}

static int on_pause(sd_event_source *source, uint64_t usec, void *arg)
{
	struct group *group = arg;
	int rc;

	(void)source;
	(void)usec;
	rc = sd_event_source_set_enabled(group->listener, SD_EVENT_ON);
	return rc < 0 ? rc : 0;
}

static int pause_listening(struct group *group)
{
	int rc;

	rc = sd_event_source_set_enabled(group->listener, SD_EVENT_OFF);
	if (rc >= 0)
		rc = sd_event_source_set_time_relative(group->pause, PAUSE_US);
	if (rc >= 0)
		rc = sd_event_source_set_enabled(group->pause,
						 SD_EVENT_ONESHOT);
	return rc < 0 ? rc : 0;
}

static void take(struct group *group, int fd)
{
	int rc;

	if (group->nr_clients >= group->limits.clients) {
		say(LEVEL_WARNING, "'%s': a client too many", group->name);
		close(fd);
		return;
	}
	if (group_check_size(group)) {
		close(fd);
		return;
	}
	rc = client_new(group, fd);
	if (rc) {
		fail(rc, "take a client of '%s'", group->name);
		close(fd);
	}
}

static int on_connection(sd_event_source *source, int fd, uint32_t revents,
			 void *arg)
{
	struct group *group = arg;
	int i, client;

	(void)source;
	(void)revents;
	for (i = 0; i < BATCH; i++) {
		client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (client >= 0) {
			take(group, client);
			continue;
		}
		switch (errno) {
		case EMFILE:
		case ENFILE:
		case ENOMEM:
		case ENOBUFS:
			fail_system(-errno, "take a client of '%s'", group->name);
			return pause_listening(group);
		default:
			/* None any more, or one that has gone. */
			return 0;
		}
	}
	return 0;
}

/**
 * listen_start() - take clients
 * @group: their region
 * @fd: a listening socket, which is the group's on success
 *
 * Return: 0; or a negative errno value.
 */
int listen_start(struct group *group, int fd)
{
	int rc;

	rc = sd_event_add_time_relative(group->event, &group->pause,
					CLOCK_MONOTONIC, PAUSE_US, 0, on_pause,
					group);
	if (rc >= 0)
		rc = sd_event_source_set_enabled(group->pause, SD_EVENT_OFF);
	if (rc >= 0)
		rc = sd_event_add_io(group->event, &group->listener, fd,
				     EPOLLIN, on_connection, group);
	if (rc >= 0)
		rc = sd_event_source_set_io_fd_own(group->listener, true);
	return rc < 0 ? rc : 0;
}
