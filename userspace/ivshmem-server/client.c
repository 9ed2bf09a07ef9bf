// SPDX-License-Identifier: GPL-2.0
/*
 * Clients: what each is told, and when.
 *
 * The protocol, see docs/specs/ivshmem-spec.rst of QEMU: messages are numbers of
 * 64 bits, in little-endian order, some with a descriptor. The first is the
 * version, the second the client's id, the third -1 with the memory. Then comes
 * the id of a peer, with the eventfd of one of its vectors, for all vectors in
 * order; likewise the client's own. An id without a descriptor says that the
 * peer has gone. Clients say nothing.
 *
 * QEMU, 7.2 for example, frees the eventfds of a peer that has gone, and takes them
 * for allocated when another one comes, and goes, under that id. So an id is
 * used once for each client: clients' own are given in turn, as the server in
 * QEMU's contrib does, and of others that come back nothing is told.
 */

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server.h"

#define PROTOCOL_VERSION	0

/* Messages in one go, so that a client in a large group stops no other. */
#define BATCH			64

/*
 * Descriptors on their way count against a limit of the user. The smallest
 * buffer, which holds a few messages: what is not in there is in no queue.
 */
#define SEND_BUFFER		4608

enum { GREETING_VERSION, GREETING_ID, GREETING_MEMORY, GREETING_DONE };

/* What there is to be said next. */
enum next { NEXT_NOTHING, NEXT_MESSAGE, NEXT_LATER, NEXT_ERROR };

static int want_output(struct client *client, bool want)
{
	uint32_t events = EPOLLIN | EPOLLRDHUP;

	if (want)
		events |= EPOLLOUT;
	return sd_event_source_set_io_events(client->socket, events);
}

/**
 * client_changed() - there may be news for a client
 * @client: the client
 * @number: about this peer
 */
void client_changed(struct client *client, uint32_t number)
{
	int rc;

	if (number < client->from)
		client->from = number;
	rc = want_output(client, true);
	if (rc < 0)
		fail_system(rc, "wait for a client of '%s'", client->group->name);
}

/* First entry of what a client knows that is not below a number. */
static size_t told_find(const struct client *client, uint32_t number)
{
	size_t low = 0, high = client->nr_told, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (client->told[mid].number < number)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static int told_insert(struct client *client, size_t at,
		       const struct peer *peer)
{
	struct told *more;
	size_t max;

	if (client->nr_told == client->max_told) {
		max = client->max_told ? 2 * client->max_told : 8;
		more = reallocarray(client->told, max, sizeof(*more));
		if (!more)
			return -ENOMEM;
		client->told = more;
		client->max_told = max;
	}

	memmove(&client->told[at + 1], &client->told[at],
		(client->nr_told - at) * sizeof(*client->told));
	client->nr_told++;
	client->told[at] = (struct told){
		.number = peer->number,
		.generation = peer->generation,
		.epoch = peer->epoch,
	};
	return 0;
}

static void told_remove(struct client *client, size_t at)
{
	client->nr_told--;
	memmove(&client->told[at], &client->told[at + 1],
		(client->nr_told - at) * sizeof(*client->told));
}

static bool is_same(const struct told *told, const struct peer *peer)
{
	return told->generation == peer->generation &&
	       told->epoch == peer->epoch && told->vectors <= peer->vectors;
}

/* An eventfd of a peer. One that is not there any more is no error. */
static enum next get_vector(struct client *client, struct peer *peer,
			    uint32_t vector, struct message *message)
{
	int rc;

	rc = group_get_vector(client->group, client, peer, vector,
			      &message->fd);
	message->value = peer->number;
	switch (rc) {
	case 0:
		return NEXT_MESSAGE;
	case -ENOENT:
	case -ESTALE:
	case -EINVAL:
		return NEXT_NOTHING;
	case -EMFILE:
	case -ENFILE:
	case -ENOMEM:
		return NEXT_LATER;
	default:
		fail(rc, "get an eventfd of peer %u of '%s'", peer->number,
		     client->group->name);
		return NEXT_ERROR;
	}
}

/*
 * The first thing that the client does not know: from the beginning of the list
 * on, so that what follows can begin where this ended.
 */
static enum next next_of_peers(struct client *client, struct message *message)
{
	struct group *group = client->group;
	uint32_t own = vmshm_peer_number(client->peer);
	size_t at = told_find(client, client->from);
	size_t i = group_find(group, client->from);

	while (i < group->nr_peers || at < client->nr_told) {
		struct peer *peer = i < group->nr_peers ? &group->peers[i] :
							  NULL;
		struct told *told = at < client->nr_told ? &client->told[at] :
							   NULL;
		uint32_t known;
		enum next next;

		/* Of the lower number only, or of both if it is the same. */
		if (peer && told && peer->number != told->number) {
			if (peer->number < told->number)
				told = NULL;
			else
				peer = NULL;
		}
		i += !!peer;
		at += !!told;

		if (told && told->is_gone)
			continue;
		if (told && (!peer || !is_same(told, peer))) {
			client->from = told->number;
			message->value = told->number;
			return NEXT_MESSAGE;
		}
		if (!peer)
			continue;
		known = told ? told->vectors : 0;
		if (peer->number == own || peer->vectors == known)
			continue;
		client->from = peer->number;
		next = get_vector(client, peer, known, message);
		/* If it is gone, the kernel tells soon. */
		if (next != NEXT_NOTHING)
			return next;
	}

	client->from = VMSHM_PEER_NUMBER_MAX + 1;
	return NEXT_NOTHING;
}

static enum next next_own(struct client *client, struct message *message)
{
	struct group *group = client->group;
	uint32_t own = vmshm_peer_number(client->peer);
	size_t at = group_find(group, own);

	if (client->own_vectors == group->limits.vectors)
		return NEXT_NOTHING;
	if (at == group->nr_peers || group->peers[at].client != client)
		return NEXT_NOTHING;
	return get_vector(client, &group->peers[at], client->own_vectors,
			  message);
}

static enum next next_message(struct client *client, struct message *message)
{
	enum next next;

	message->fd = -1;
	switch (client->greeting) {
	case GREETING_VERSION:
		message->value = PROTOCOL_VERSION;
		return NEXT_MESSAGE;
	case GREETING_ID:
		message->value = vmshm_peer_number(client->peer);
		return NEXT_MESSAGE;
	case GREETING_MEMORY:
		message->value = -1;
		message->fd = dup(vmshm_region_fd(client->group->region));
		return message->fd < 0 ? NEXT_LATER : NEXT_MESSAGE;
	default:
		break;
	}

	next = next_of_peers(client, message);
	return next == NEXT_NOTHING ? next_own(client, message) : next;
}

/* The message is on its way: remember what the client now knows. */
static int was_sent(struct client *client, const struct message *message)
{
	uint32_t number = (uint32_t)message->value;
	struct group *group = client->group;
	const struct peer *peer;
	size_t at;
	int rc;

	if (client->greeting < GREETING_DONE) {
		client->greeting++;
		return 0;
	}

	at = told_find(client, number);
	if (message->fd < 0) {
		if (group->limits.reuse_numbers)
			told_remove(client, at);
		else
			client->told[at].is_gone = true;
		return 0;
	}
	if (number == vmshm_peer_number(client->peer)) {
		client->own_vectors++;
		return 0;
	}

	peer = &group->peers[group_find(group, number)];
	if (at == client->nr_told || client->told[at].number != number) {
		rc = told_insert(client, at, peer);
		if (rc)
			return rc;
	}
	client->told[at].vectors++;
	return 0;
}

static ssize_t send_message(int fd, const struct message *message)
{
	int64_t value = (int64_t)htole64((uint64_t)message->value);
	struct iovec iov = { .iov_base = &value, .iov_len = sizeof(value) };
	union {
		struct cmsghdr header;
		unsigned char space[CMSG_SPACE(sizeof(int))];
	} control = {};
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (message->fd >= 0) {
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.header), &message->fd, sizeof(int));
	}
	return sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static int on_retry(sd_event_source *source, uint64_t usec, void *arg)
{
	struct client *client = arg;
	int rc;

	(void)source;
	(void)usec;
	rc = want_output(client, true);
	return rc < 0 ? rc : 0;
}

/* Not before some time has passed, whatever the socket says. */
static int later(struct client *client)
{
	int rc;

	rc = want_output(client, false);
	if (rc >= 0)
		rc = sd_event_source_set_time_relative(client->retry, RETRY_US);
	if (rc >= 0)
		rc = sd_event_source_set_enabled(client->retry,
						 SD_EVENT_ONESHOT);
	return rc < 0 ? rc : 0;
}

/* What a send has failed with: 0 if the client is to stay. */
static int not_sent(struct client *client, int error)
{
	switch (error) {
	case EAGAIN:
	case EINTR:
		return 0;
	case ETOOMANYREFS:
	case ENOMEM:
	case ENOBUFS:
		return later(client);
	default:
		return -error;
	}
}

static int send_partial(struct client *client, int fd)
{
	const unsigned char *rest = client->partial + sizeof(client->partial) -
				    client->nr_partial;
	ssize_t len;

	len = send(fd, rest, client->nr_partial, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (len < 0)
		return not_sent(client, errno);

	client->nr_partial -= (size_t)len;
	return 0;
}

/* Return: 1: go on; 0: enough for now; or a negative errno value. */
static int send_next(struct client *client, int fd)
{
	struct message message = { .fd = -1 };
	ssize_t len;
	int rc;

	switch (next_message(client, &message)) {
	case NEXT_NOTHING:
		rc = want_output(client, false);
		return rc < 0 ? rc : 0;
	case NEXT_LATER:
		return later(client);
	case NEXT_ERROR:
		return -EIO;
	case NEXT_MESSAGE:
		break;
	}

	len = send_message(fd, &message);
	if (len < 0) {
		rc = not_sent(client, errno);
	} else {
		message.value = (int64_t)htole64((uint64_t)message.value);
		memcpy(client->partial, &message.value, sizeof(message.value));
		client->nr_partial = sizeof(message.value) - (size_t)len;
		message.value = (int64_t)le64toh((uint64_t)message.value);
		rc = was_sent(client, &message);
		if (!rc)
			rc = 1;
	}
	if (message.fd >= 0)
		close(message.fd);
	return rc;
}

static int on_output(struct client *client, int fd)
{
	int i, rc = 1;

	if (client->nr_partial) {
		rc = send_partial(client, fd);
		if (rc || client->nr_partial)
			return rc;
		rc = 1;
	}
	for (i = 0; i < BATCH && rc > 0; i++) {
		rc = send_next(client, fd);
		if (client->nr_partial)
			break;
	}
	return rc < 0 ? rc : 0;
}

/* A client has nothing to say: whatever comes, it goes. */
static const char *on_input(int fd)
{
	char byte;
	ssize_t len;

	/* Descriptors that come along are closed by the kernel. */
	len = recv(fd, &byte, 1, MSG_DONTWAIT);
	if (len > 0)
		return "it sent something";
	if (!len)
		return "it hung up";
	if (errno == EAGAIN || errno == EINTR)
		return NULL;
	return strerror(errno);
}

static int on_socket(sd_event_source *source, int fd, uint32_t events,
		     void *arg)
{
	struct client *client = arg;
	const char *why = NULL;
	int rc;

	(void)source;
	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		why = on_input(fd);
	if (!why && events & (EPOLLHUP | EPOLLERR))
		why = "the connection broke";
	if (!why && events & EPOLLOUT) {
		rc = on_output(client, fd);
		if (rc)
			why = strerror(-rc);
	}
	if (why) {
		say(LEVEL_INFO, "'%s': client %u (process %d) is gone: %s",
		    client->group->name, vmshm_peer_number(client->peer),
		    client->pid, why);
		/* The kernel tells the others. */
		client_free(client);
	}
	return 0;
}

static int join(struct client *client)
{
	struct group *group = client->group;
	char name[VMSHM_PEER_NAME_MAX + 1];
	struct vmshm_join_options options = {
		.size = sizeof(options),
		.name = name,
		.vectors = group->limits.vectors,
		.flags = VMSHM_JOIN_NUMBER,
	};
	uint32_t vector, tries;
	int fd, rc = -EBUSY;

	/* Who it is, as the process that joins is the server. */
	snprintf(name, sizeof(name), "ivshmem-%d", client->pid);
	for (tries = 0; rc == -EBUSY && tries <= VMSHM_PEER_NUMBER_MAX;
	     tries++) {
		options.number = group->next_number++;
		if (group->next_number > VMSHM_PEER_NUMBER_MAX)
			group->next_number = 0;
		rc = vmshm_region_join(group->region, &options, &client->peer);
	}
	for (vector = 0; !rc && vector < group->limits.vectors; vector++) {
		fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (fd < 0)
			return -errno;
		rc = vmshm_peer_set_vector(client->peer, vector, fd);
		close(fd);
	}
	return rc;
}

static int add_sources(struct client *client, int fd)
{
	struct group *group = client->group;
	int rc;

	rc = sd_event_add_time_relative(group->event, &client->retry,
					CLOCK_MONOTONIC, RETRY_US, 0, on_retry,
					client);
	if (rc >= 0)
		rc = sd_event_source_set_enabled(client->retry, SD_EVENT_OFF);
	if (rc >= 0)
		rc = sd_event_add_io(group->event, &client->socket, fd,
				     EPOLLIN | EPOLLRDHUP, on_socket, client);
	if (rc >= 0)
		rc = sd_event_source_set_io_fd_own(client->socket, true);
	return rc < 0 ? rc : 0;
}

/**
 * client_new() - take a client
 * @group: its region
 * @fd: the connection, non-blocking; it is the client's on success
 *
 * Return: 0; or a negative errno value.
 */
int client_new(struct group *group, int fd)
{
	const int buffer = SEND_BUFFER;
	struct ucred cred = {};
	socklen_t len = sizeof(cred);
	struct client *client;
	int rc;

	client = calloc(1, sizeof(*client));
	if (!client)
		return -ENOMEM;

	client->group = group;
	if (!getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len))
		client->pid = cred.pid;
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer))) {
		rc = -errno;
		goto free;
	}

	rc = join(client);
	if (rc)
		goto leave;
	rc = add_sources(client, fd);
	if (rc)
		goto leave;

	client->next = group->clients;
	client->prev = &group->clients;
	if (client->next)
		client->next->prev = &client->next;
	group->clients = client;
	group->nr_clients++;
	say(LEVEL_INFO, "'%s': process %d is client %u", group->name,
	    client->pid, vmshm_peer_number(client->peer));

	/* So that the client is in the list of peers before it is told. */
	group_update(group);
	client_changed(client, 0);
	return 0;

leave:
	vmshm_peer_close(client->peer);
	sd_event_source_disable_unref(client->retry);
	/* The descriptor stays the caller's. */
	if (client->socket)
		sd_event_source_set_io_fd_own(client->socket, false);
	sd_event_source_disable_unref(client->socket);
free:
	free(client);
	return rc;
}

/**
 * client_free() - let a client go, and its peer
 * @client: the client
 */
void client_free(struct client *client)
{
	struct group *group = client->group;
	size_t i;

	for (i = 0; i < group->nr_peers; i++)
		if (group->peers[i].client == client)
			group->peers[i].client = NULL;

	*client->prev = client->next;
	if (client->next)
		client->next->prev = client->prev;
	group->nr_clients--;
	vmshm_peer_close(client->peer);
	sd_event_source_disable_unref(client->retry);
	sd_event_source_disable_unref(client->socket);
	free(client->told);
	free(client);
}
