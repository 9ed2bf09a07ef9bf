/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vmshm-ivshmem-server, and a client that takes no byte for granted. The
 * protocol is that of QEMU's docs/specs/ivshmem-spec.rst. Conventions as in
 * vmshm_test.h.
 */
#ifndef _VMSHM_IVSHMEM_H
#define _VMSHM_IVSHMEM_H

#include "lib/vmshm_test.h"

#define VI_REGIONS	3

/*
 * A server for regions "DOMAIN/0" and so on, with sockets in a directory of its
 * own. It is this process's child, and ends with it.
 */
struct vi_server {
	pid_t pid;
	char dir[32];
	char path[VI_REGIONS][48];
	int notify;	/* what sd_notify(3) says comes here */
	int log;	/* standard error */
};

/* A socket that is listened on, for passing it on. */
int vi_listen(const char *path);

/*
 * Runs the server with @args, which end with NULL. As @uid, if that is not 0;
 * with @nr_fds descriptors passed on as systemd does, called @fd_names.
 */
int vi_spawn(struct vi_server *server, const char *const *args, uid_t uid,
	     const int *fds, int nr_fds, const char *fd_names);
/* Waits until it says that it is ready. -ENODATA: it has ended. */
int vi_ready(struct vi_server *server);
/* Makes a directory and starts a server of @count regions @names; waits. */
int vi_start(struct vi_server *server, const char *const *names, int count,
	     const char *const *options);
/* The exit status, or 128 and the number of the signal. */
int vi_wait(struct vi_server *server);
int vi_stop(struct vi_server *server, int signal);
void vi_remove(struct vi_server *server);
/* Number of its descriptors; what it said up to now. */
int vi_nr_fds(const struct vi_server *server);
const char *vi_log(const struct vi_server *server);

#define VI_VECTORS	64

/* What a client has been told. */
struct vi_client {
	int sock;
	int id;
	int memory;
	int own[VI_VECTORS];
	int nr_own;
};

/*
 * The next message, exactly: @fd is -1 if none came with it. -EBADMSG: it is
 * not of the protocol; -ETIMEDOUT; -ENODATA: the server hung up.
 */
int vi_message(int sock, int64_t *value, int *fd);

int vi_connect(const char *path);
/* Takes the beginning, up to the memory, which is checked against @region. */
int vi_greeting(struct vi_client *client, int region);
/* Takes @count own eventfds, all that there are. */
int vi_own(struct vi_client *client, int count);
/* All of it, when there are no other peers. */
int vi_open(struct vi_client *client, const char *path, int region, int count);
void vi_close(struct vi_client *client);

/* Takes @count eventfds of peer @id. */
int vi_expect(const struct vi_client *client, int id, int *fds, int count);
/* Takes the end of peer @id. */
int vi_expect_gone(const struct vi_client *client, int id);
/* Whether nothing came for some time. */
bool vi_quiet(const struct vi_client *client);
/* Whether the server hangs up. */
bool vi_hung_up(int sock);

/* Eventfds: write 1; whether it can be read, and reading it. */
int vi_ring(int fd);
bool vi_rung(int fd);

/* Peers, by ioctl. Each returns the descriptor. */
int vi_join(int region, int number, __u32 vectors, __u32 *out_number);
int vi_set_vector(int peer, __u32 vector);
/* Number of peers; the names of the first @count into @infos. */
int vi_peers(int region, struct vmshm_peer_info *infos, __u32 count);
/* Waits until there are @count peers. */
int vi_wait_peers(int region, int count);

#endif /* _VMSHM_IVSHMEM_H */
