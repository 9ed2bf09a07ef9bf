// SPDX-License-Identifier: GPL-2.0
/*
 * Sharing groups: who is there, as the kernel says.
 *
 * Events only say that something has changed, and for whom: the list of peers
 * says what there is now. So none can be missed.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "server.h"

/* What the memory of QEMU's device is at least. */
#define MIN_SIZE	4096

/**
 * group_find() - find a peer
 * @group: the group
 * @number: its number
 *
 * Return: index of the first peer whose number is not below @number.
 */
size_t group_find(const struct group *group, uint32_t number)
{
	size_t low = 0, high = group->nr_peers, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (group->peers[mid].number < number)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static void tell_clients(struct group *group, uint32_t number)
{
	struct client *client;

	for (client = group->clients; client; client = client->next)
		client_changed(client, number);
}

/*
 * A number that an eventfd has, and no other as long as somebody has it; 0 if
 * the kernel does not say. -ENOMEM: it cannot be told now.
 */
static int eventfd_id(int fd, uint32_t *id)
{
	static const char key[] = "eventfd-id:";
	char path[64], text[512], *found;
	ssize_t len;
	int info;

	*id = 0;
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	info = open(path, O_RDONLY | O_CLOEXEC);
	if (info < 0)
		/* Without a /proc there is none later either. */
		return errno == ENOENT ? 0 : -ENOMEM;
	len = read(info, text, sizeof(text) - 1);
	close(info);
	if (len <= 0)
		return -ENOMEM;
	text[len] = 0;
	found = strstr(text, key);
	/* They begin at 0. */
	if (found)
		*id = 1 + (uint32_t)strtoul(found + sizeof(key) - 1, NULL, 10);
	return 0;
}

/*
 * Clients have eventfds that are not the peer's any more: they are told that it
 * has gone, and that it came.
 */
static void renew(struct group *group, struct peer *peer)
{
	memset(peer->eventfds, 0, sizeof(peer->eventfds));
	peer->epoch++;
	tell_clients(group, peer->number);
}

/**
 * group_get_vector() - get an eventfd of a peer, to be passed to a client
 * @group: the group
 * @client: for whom
 * @peer: the peer
 * @vector: one of its vectors
 * @fd: where the eventfd is stored
 *
 * Return: 0; -ENOENT, -ESTALE, -EINVAL: it is not there any more; -ENOMEM: not
 * now; or another negative errno value.
 */
int group_get_vector(struct group *group, const struct client *client,
		     struct peer *peer, uint32_t vector, int *fd)
{
	uint32_t id;
	int got, rc;

	rc = vmshm_peer_get_vector(client->peer, peer->number,
				   peer->generation, vector, &got);
	if (rc)
		return rc;

	/* Nobody but a client's peer itself, which is here, can replace it. */
	if (!peer->client) {
		rc = eventfd_id(got, &id);
		if (rc) {
			close(got);
			return rc;
		}
		if (peer->eventfds[vector] && peer->eventfds[vector] != id) {
			close(got);
			renew(group, peer);
			return -ENOMEM;
		}
		peer->eventfds[vector] = id;
	}
	*fd = got;
	return 0;
}

/* There is no going on without hearing of who comes and goes. */
static void give_up(struct group *group)
{
	sd_event_exit(group->event, STATUS_FAILED);
}

/* What cannot be found out now is tried again. */
static void update_later(struct group *group)
{
	int rc;

	rc = sd_event_source_set_time_relative(group->retry, RETRY_US);
	if (rc >= 0)
		rc = sd_event_source_set_enabled(group->retry,
						 SD_EVENT_ONESHOT);
	if (rc < 0) {
		fail_system(rc, "wait for peers of '%s'", group->name);
		give_up(group);
	}
}

/* Return: 0; -ENOENT, -ESTALE, -EINVAL: it is not there any more; or not now. */
static int get_id(const struct client *client, const struct peer *peer,
		  uint32_t vector, uint32_t *id)
{
	int fd, rc;

	rc = vmshm_peer_get_vector(client->peer, peer->number,
				   peer->generation, vector, &fd);
	if (rc)
		return rc;
	rc = eventfd_id(fd, id);
	close(fd);
	return rc;
}

/* Have eventfds been replaced that clients were given? */
static void check_suspect(struct group *group, struct peer *peer)
{
	const struct client *client = group->clients;
	uint32_t vector, id;
	int rc;

	peer->is_suspect = false;
	if (!client) {
		memset(peer->eventfds, 0, sizeof(peer->eventfds));
		return;
	}

	for (vector = 0; vector < peer->vectors; vector++) {
		if (!peer->eventfds[vector])
			continue;
		rc = get_id(client, peer, vector, &id);
		/* There will be news about that. */
		if (rc == -ENOENT || rc == -ESTALE || rc == -EINVAL)
			continue;
		if (rc) {
			peer->is_suspect = true;
			update_later(group);
			return;
		}
		if (id != peer->eventfds[vector]) {
			renew(group, peer);
			return;
		}
	}
}

static struct client *find_client(const struct group *group,
				  uint64_t generation)
{
	struct client *client;

	for (client = group->clients; client; client = client->next)
		if (vmshm_peer_generation(client->peer) == generation)
			return client;
	return NULL;
}

static void peer_init(const struct group *group, struct peer *peer,
		      const struct vmshm_peer_info *info)
{
	uint32_t vectors = 0;

	/* Clients take the first eventfd for that of vector 0, and so on. */
	while (vectors < group->limits.vectors &&
	       info->eventfds & 1ULL << vectors)
		vectors++;

	peer->number = info->number;
	peer->vectors = vectors;
	peer->generation = info->generation;
	peer->client = find_client(group, info->generation);
}

/* Replace the list of peers by another; tell clients about the differences. */
static void replace_peers(struct group *group, struct peer *peers, size_t count)
{
	struct peer *old = group->peers;
	size_t nr_old = group->nr_peers, i = 0, k = 0;

	group->peers = peers;
	group->nr_peers = count;
	while (i < nr_old || k < count) {
		if (k == count || (i < nr_old &&
				   old[i].number < peers[k].number)) {
			tell_clients(group, old[i++].number);
			continue;
		}
		if (i == nr_old || old[i].number > peers[k].number) {
			tell_clients(group, peers[k++].number);
			continue;
		}
		if (old[i].generation != peers[k].generation) {
			tell_clients(group, peers[k].number);
		} else {
			peers[k].epoch = old[i].epoch;
			memcpy(peers[k].eventfds, old[i].eventfds,
			       sizeof(peers[k].eventfds));
			if (old[i].vectors != peers[k].vectors ||
			    old[i].is_suspect)
				tell_clients(group, peers[k].number);
			if (old[i].is_suspect)
				check_suspect(group, &peers[k]);
		}
		i++;
		k++;
	}
	free(old);
}

/* Find out who is there. If that fails, what was known stays. */
static int refresh(struct group *group)
{
	const struct vmshm_peer_info *info;
	struct vmshm_peer_list *list;
	struct peer *peers;
	size_t count = 0;
	int rc;

	rc = vmshm_peer_list_open(group->region, &list);
	if (rc)
		return rc;

	peers = calloc(vmshm_peer_list_count(list) + 1, sizeof(*peers));
	if (!peers) {
		vmshm_peer_list_close(list);
		return -ENOMEM;
	}
	while (vmshm_peer_list_next(list, &info) > 0)
		peer_init(group, &peers[count++], info);
	vmshm_peer_list_close(list);

	replace_peers(group, peers, count);
	return 0;
}

/**
 * group_update() - find out who is there
 * @group: the group
 *
 * If that fails now, what was known stays until it does not.
 */
void group_update(struct group *group)
{
	int rc;

	rc = refresh(group);
	if (rc) {
		if (!group->is_behind)
			fail(rc, "list the peers of '%s'", group->name);
		update_later(group);
	}
	group->is_behind = rc;
}

static int on_retry(sd_event_source *source, uint64_t usec, void *arg)
{
	(void)source;
	(void)usec;
	group_update(arg);
	return 0;
}

static void on_event(struct group *group, const struct vmshm_event *event)
{
	struct peer *peer;
	size_t i;

	switch (event->type) {
	case VMSHM_EVENT_VECTOR:
		i = group_find(group, (uint32_t)event->value);
		if (i == group->nr_peers)
			break;
		peer = &group->peers[i];
		if (peer->generation == event->old_value && !peer->client)
			peer->is_suspect = true;
		break;
	case VMSHM_EVENT_OVERFLOW:
		for (i = 0; i < group->nr_peers; i++)
			group->peers[i].is_suspect = !group->peers[i].client;
		break;
	default:
		break;
	}
}

static int on_watch(sd_event_source *source, int fd, uint32_t revents,
		    void *arg)
{
	struct group *group = arg;
	const struct vmshm_event *event;
	int rc;

	(void)source;
	(void)fd;
	(void)revents;
	while ((rc = vmshm_watcher_next(group->watcher, &event)) > 0)
		on_event(group, event);
	if (rc != -EAGAIN && rc != -EINTR) {
		fail(rc ? rc : -EPIPE, "watch region '%s'", group->name);
		give_up(group);
		return 0;
	}

	group_update(group);
	return 0;
}

/**
 * group_check_size() - can the region be the memory of a device?
 * @group: the group
 *
 * Says so if not.
 *
 * Return: 0; -EINVAL; or another negative errno value.
 */
int group_check_size(const struct group *group)
{
	struct vmshm_stat stat;
	unsigned long long size;
	int rc;

	rc = vmshm_region_stat(group->region, &stat, sizeof(stat));
	if (rc) {
		fail(rc, "find out the size of region '%s'", group->name);
		return rc;
	}

	size = stat.out_region_size;
	if (size >= MIN_SIZE && !(size & (size - 1)))
		return 0;
	say(LEVEL_ERROR,
	    "region '%s' has %llu bytes: a device's memory must be a power of two and at least %d; see 'vmshm resize'",
	    group->name, size, MIN_SIZE);
	return -EINVAL;
}

/**
 * group_new() - open a region and watch it
 * @group: the group, with event loop, name and limits
 * @context: the device
 * @options: whose the region must be
 *
 * Says what goes wrong.
 *
 * Return: an exit status; group_free() in any case.
 */
int group_new(struct group *group, const struct vmshm_context *context,
	      const struct vmshm_region_open_options *options)
{
	const struct vmshm_watcher_options watch = {
		.size = sizeof(watch),
		.events = 1U << VMSHM_EVENT_JOINED | 1U << VMSHM_EVENT_LEFT |
			  1U << VMSHM_EVENT_VECTOR,
		.flags = VMSHM_WATCHER_NONBLOCK,
	};
	int rc;

	rc = vmshm_region_open(context, group->name, options, &group->region);
	if (rc)
		return fail(rc, "open region '%s'", group->name);
	if (group_check_size(group))
		return STATUS_USAGE;

	/* First, so that whoever comes after the list is in the events. */
	rc = vmshm_watcher_open_region(group->region, &watch, &group->watcher);
	if (rc)
		return fail(rc, "watch region '%s'", group->name);
	rc = sd_event_add_io(group->event, &group->watch,
			     vmshm_watcher_fd(group->watcher), EPOLLIN,
			     on_watch, group);
	if (rc < 0)
		return fail_system(rc, "wait for events of region '%s'", group->name);
	rc = sd_event_add_time_relative(group->event, &group->retry,
					CLOCK_MONOTONIC, RETRY_US, 0, on_retry,
					group);
	if (rc >= 0)
		rc = sd_event_source_set_enabled(group->retry, SD_EVENT_OFF);
	if (rc < 0)
		return fail_system(rc, "wait for peers of '%s'", group->name);
	/* Who comes next hears of everything before. */
	rc = sd_event_source_set_priority(group->watch,
					  SD_EVENT_PRIORITY_IMPORTANT);
	if (rc < 0)
		return fail_system(rc, "wait for events of region '%s'", group->name);
	rc = refresh(group);
	if (rc)
		return fail(rc, "list the peers of '%s'", group->name);
	return STATUS_OK;
}

/**
 * group_free() - let all clients of a region go, and the region
 * @group: the group
 */
void group_free(struct group *group)
{
	while (group->clients)
		client_free(group->clients);
	sd_event_source_disable_unref(group->listener);
	sd_event_source_disable_unref(group->pause);
	sd_event_source_disable_unref(group->retry);
	sd_event_source_disable_unref(group->watch);
	if (group->path)
		unlink(group->path);
	vmshm_watcher_close(group->watcher);
	vmshm_region_close(group->region);
	free(group->peers);
	free(group->path);
	free(group);
}
