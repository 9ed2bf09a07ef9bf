/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vmshm-ivshmem-server: QEMU's ivshmem-doorbell devices as peers of a region.
 *
 * The kernel knows who is in a region's sharing group. The server adds a peer
 * for each client, and tells clients about everybody else. What it knows of
 * others it can ask for again at any time: nothing has to survive it.
 *
 * There is one thread, which never waits for a client.
 */
#ifndef VMSHM_IVSHMEM_SERVER_H
#define VMSHM_IVSHMEM_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

#include <vmshm/vmshm.h>

#define PROGRAM		"vmshm-ivshmem-server"

/* What the kernel has no room for now is tried again after this. */
#define RETRY_US	100000

/* Exit statuses: those of vmshm(1). */
enum status {
	STATUS_OK,
	STATUS_FAILED,
	STATUS_USAGE,
	STATUS_NO_REGION,
	STATUS_PERMISSION,
	STATUS_EXISTS,
	STATUS_LIMIT,
	STATUS_BUSY,
	STATUS_STALE,
};

/**
 * struct peer - a peer of the sharing group, as clients are to be told
 * @number: its number, which is its id in the protocol
 * @vectors: how many of its first vectors have eventfds
 * @generation: number of its join
 * @epoch: incremented when an eventfd that clients may have is replaced
 * @client: it is one of this server's
 * @is_suspect: an eventfd may have been replaced
 * @eventfds: what tells the eventfd of each vector from others; 0 if no client
 *	was given it
 */
struct peer {
	uint32_t number;
	uint32_t vectors;
	uint64_t generation;
	uint32_t epoch;
	struct client *client;
	bool is_suspect;
	uint32_t eventfds[VMSHM_PEER_VECTORS_MAX];
};

/**
 * struct told - what a client knows about another peer
 * @number: its number
 * @vectors: how many of its vectors
 * @generation: number of its join
 * @epoch: as it was in struct peer
 * @is_gone: it was told that the peer has gone, and hears no more of it
 */
struct told {
	uint32_t number;
	uint32_t vectors;
	uint64_t generation;
	uint32_t epoch;
	bool is_gone;
};

/**
 * struct limits - what clients get
 * @vectors: each of them
 * @clients: at most so many of a region, at the same time
 * @reuse_numbers: tell a client also of a peer whose number is that of one that
 *	has gone
 */
struct limits {
	uint32_t vectors;
	size_t clients;
	bool reuse_numbers;
};

/**
 * struct group - a region, and who shares it
 * @next: next region of the server
 * @event: event loop
 * @name: name of the region
 * @limits: what clients get
 * @region: the region
 * @watcher: tells of peers that come and go
 * @watch: event source of @watcher
 * @retry: event source that finds out again who is there
 * @is_behind: that has failed
 * @listener: event source of the socket
 * @pause: event source that switches @listener on again
 * @path: path of the socket, to be removed at the end; NULL if it is not ours
 * @peers: all peers, by number
 * @nr_peers: how many
 * @next_number: of the next client, if it is free
 * @clients: all clients
 * @nr_clients: how many
 */
struct group {
	struct group *next;
	sd_event *event;
	const char *name;
	struct limits limits;
	struct vmshm_region *region;
	struct vmshm_watcher *watcher;
	sd_event_source *watch;
	sd_event_source *retry;
	bool is_behind;
	sd_event_source *listener;
	sd_event_source *pause;
	char *path;
	struct peer *peers;
	size_t nr_peers;
	uint32_t next_number;
	struct client *clients;
	size_t nr_clients;
};

/**
 * struct message - of the protocol: a number, and a descriptor or not
 * @value: the number
 * @fd: the descriptor, or -1; owned
 */
struct message {
	int64_t value;
	int fd;
};

/**
 * struct client - a connection
 * @next: next client of the region
 * @prev: what points to it
 * @group: its region
 * @socket: event source of the socket, which it owns
 * @retry: event source that tries again what the kernel had no room for
 * @peer: its peer
 * @pid: process that connected; 0 if it is not visible here
 * @greeting: number of messages of the beginning that were sent
 * @own_vectors: number of own vectors that were sent
 * @told: other peers it knows, by number
 * @nr_told: how many
 * @max_told: room in @told
 * @from: what it knows about peers below this number is up to date
 * @partial: rest of a message that was sent in part
 * @nr_partial: how many bytes
 *
 * There is no queue: the next message is the first difference between @told and
 * the group's peers. A client that does not read is behind, at no cost, and is
 * not told what has become obsolete.
 */
struct client {
	struct client *next;
	struct client **prev;
	struct group *group;
	sd_event_source *socket;
	sd_event_source *retry;
	struct vmshm_peer *peer;
	int pid;
	unsigned int greeting;
	uint32_t own_vectors;
	struct told *told;
	size_t nr_told;
	size_t max_told;
	uint32_t from;
	unsigned char partial[sizeof(int64_t)];
	size_t nr_partial;
};

/* client.c */

int client_new(struct group *group, int fd);
void client_free(struct client *client);
void client_changed(struct client *client, uint32_t number);

/* group.c */

int group_new(struct group *group, const struct vmshm_context *context,
	      const struct vmshm_region_open_options *options);
void group_free(struct group *group);
void group_update(struct group *group);
size_t group_find(const struct group *group, uint32_t number);
int group_get_vector(struct group *group, const struct client *client,
		     struct peer *peer, uint32_t vector, int *fd);
int group_check_size(const struct group *group);

/* listen.c */

int listen_path(const char *path, mode_t mode);
int listen_passed(int fd);
int listen_start(struct group *group, int fd);

/* message.c */

extern bool is_verbose;

enum level {
	LEVEL_ERROR = 3,
	LEVEL_WARNING = 4,
	LEVEL_INFO = 6,
};

void say(enum level level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
int fail(int error, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
int fail_system(int error, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif /* VMSHM_IVSHMEM_SERVER_H */
