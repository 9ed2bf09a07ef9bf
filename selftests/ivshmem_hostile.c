// SPDX-License-Identifier: GPL-2.0
/*
 * vmshm-ivshmem-server and clients that are killed, slow or up to no good, and
 * a server that is killed: everybody else goes on.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "lib/harness.h"
#include "lib/vmshm_ivshmem.h"

#define SIZE	65536

FIXTURE(hostile) {
	struct vi_server server;
	struct vi_client good;
	int dev;
	int region;
	char name[VMSHM_NAME_MAX + 1];
	const char *path;
};

static int start(FIXTURE_DATA(hostile) *self)
{
	const char *const names[] = { self->name };
	const char *const options[] = { "--vectors=2", "--max-clients=20",
					NULL };

	self->path = self->server.path[0];
	return vi_start(&self->server, names, 1, options);
}

FIXTURE_SETUP(hostile)
{
	self->dev = vt_device();
	ASSERT_LE(0, self->dev);
	self->region = vt_create(self->dev, vt_name(self->name, "hostile"),
				 SIZE, SIZE, VMSHM_EPHEMERAL, 0600);
	ASSERT_LE(0, self->region);
	ASSERT_EQ(0, start(self)) {
		TH_LOG("%s", vi_log(&self->server));
	}
	ASSERT_EQ(0, vi_open(&self->good, self->path, self->region, 2));
}

FIXTURE_TEARDOWN(hostile)
{
	if (self->server.pid && !_metadata->passed)
		TH_LOG("%s", vi_log(&self->server));
	vi_close(&self->good);
	vi_remove(&self->server);
	close(self->region);
	close(self->dev);
}

/* Takes what comes at the beginning if there is one good client beside. */
static int open_beside(FIXTURE_DATA(hostile) *self, struct vi_client *client)
{
	int told[2], rc;

	*client = (struct vi_client){ .memory = -1 };
	client->sock = vi_connect(self->path);
	if (client->sock < 0)
		return client->sock;
	rc = vi_greeting(client, self->region);
	rc = rc ?: vi_expect(client, self->good.id, told, 2);
	rc = rc ?: vi_own(client, 2);
	/* And so does the good one. */
	return rc ?: vi_expect(&self->good, client->id, told, 2);
}

/* The good client still hears of others that come and go. */
static void check_good(struct __test_metadata *_metadata,
		       FIXTURE_DATA(hostile) *self)
{
	int peer, told[2];

	peer = vi_join(self->region, 5000, 2, NULL);
	ASSERT_LE(0, peer);
	ASSERT_LE(0, vi_set_vector(peer, 0));
	ASSERT_EQ(0, vi_expect(&self->good, 5000, told, 1));
	close(peer);
	ASSERT_EQ(0, vi_expect_gone(&self->good, 5000));
	EXPECT_TRUE(vi_quiet(&self->good));
}

TEST_F(hostile, killed_client)
{
	struct vi_client client = {};
	struct vt_child child;
	int64_t id = -1;
	int fd;

	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		/* The good client's messages are its parent's business. */
		client.sock = vi_connect(self->path);
		VT_CHECK(client.sock >= 0);
		VT_CHECK(vi_greeting(&client, self->region) == 0);
		VT_CHECK(vt_tell(child.sock) == 0);
		pause();
		_exit(0);
	}
	ASSERT_EQ(0, vt_hear(child.sock));
	ASSERT_EQ(0, vi_message(self->good.sock, &id, &fd));
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, vi_message(self->good.sock, &id, &fd));
	ASSERT_EQ(2, vi_peers(self->region, NULL, 0));
	EXPECT_EQ(128 + SIGKILL, vt_kill(&child));
	EXPECT_EQ(0, vi_expect_gone(&self->good, id));
	EXPECT_EQ(0, vi_wait_peers(self->region, 1));
	check_good(_metadata, self);
}

/* Clients keep memory and doorbells; a new server has peers of its own. */
TEST_F(hostile, killed_server)
{
	struct vi_client other = {}, again[2] = {};
	int peer, told[2], own, i;
	void *a, *b;

	ASSERT_EQ(0, open_beside(self, &other));
	peer = vi_join(self->region, 500, 1, NULL);
	ASSERT_LE(0, peer);
	own = vi_set_vector(peer, 0);
	ASSERT_LE(0, own);
	ASSERT_EQ(0, vi_expect(&self->good, 500, told, 1));

	EXPECT_EQ(128 + SIGKILL, vi_stop(&self->server, SIGKILL));
	EXPECT_TRUE(vi_hung_up(self->good.sock));
	EXPECT_TRUE(vi_hung_up(other.sock));
	/* Its peers are gone with it, as anybody can see. */
	EXPECT_EQ(0, vi_wait_peers(self->region, 1));
	ASSERT_EQ(0, vi_ring(told[0]));
	EXPECT_TRUE(vi_rung(own));
	a = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
		 self->good.memory, 0);
	b = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, other.memory,
		 0);
	ASSERT_NE(MAP_FAILED, a);
	ASSERT_NE(MAP_FAILED, b);
	strcpy(a, "hello");
	EXPECT_STREQ("hello", b);

	/* At the same path, where the old socket still is. */
	ASSERT_EQ(0, start(self)) {
		TH_LOG("%s", vi_log(&self->server));
	}
	for (i = 0; i < 2; i++) {
		again[i].sock = vi_connect(self->path);
		ASSERT_LE(0, again[i].sock);
		ASSERT_EQ(0, vi_greeting(&again[i], self->region));
		EXPECT_EQ(i, again[i].id);
		if (i)
			ASSERT_EQ(0, vi_expect(&again[i], 0, told, 2));
		ASSERT_EQ(0, vi_expect(&again[i], 500, told, 1));
		ASSERT_EQ(0, vi_ring(told[0]));
		EXPECT_TRUE(vi_rung(own));
		ASSERT_EQ(0, vi_own(&again[i], 2));
	}
	ASSERT_EQ(0, vi_expect(&again[0], 1, told, 2));
	EXPECT_TRUE(vi_quiet(&again[0]));
	EXPECT_EQ(3, vi_peers(self->region, NULL, 0));
	vi_close(&again[0]);
	vi_close(&again[1]);
}

/* Ends when it is told to, and takes its sockets with it. */
TEST_F(hostile, terminated_server)
{
	EXPECT_EQ(0, access(self->path, F_OK));
	EXPECT_EQ(0, vi_stop(&self->server, SIGTERM));
	EXPECT_TRUE(vi_hung_up(self->good.sock));
	EXPECT_EQ(-1, access(self->path, F_OK));
	EXPECT_EQ(0, vi_wait_peers(self->region, 0));
}

/* It has one more while it passes an eventfd on. */
static bool has_no_more_fds(struct vi_server *server, int fds)
{
	int tries;

	for (tries = 0; tries < VT_PATIENCE * 100; tries++) {
		if (vi_nr_fds(server) <= fds)
			return true;
		usleep(10000);
	}
	return false;
}

/* One that does not read is behind, and costs nothing. */
TEST_F(hostile, slow_client)
{
	enum { ROUNDS = 150, STAY = 40, FIRST = 1000,
	       MAX_NUMBER = FIRST + ROUNDS };
	int peers[STAY], told[1], fds, i, k, fd;
	int nr_told[MAX_NUMBER] = {};
	struct vi_client slow = {};
	bool missing = true;
	int64_t value;

	slow.sock = vi_connect(self->path);
	ASSERT_LE(0, slow.sock);
	ASSERT_EQ(0, vi_wait_peers(self->region, 2));
	ASSERT_EQ(0, vi_message(self->good.sock, &value, &fd));
	ASSERT_EQ(0, vi_message(self->good.sock, &value, &fd));
	slow.id = value;

	fds = vi_nr_fds(&self->server);
	for (i = 0; i < ROUNDS; i++) {
		int peer = vi_join(self->region, FIRST + i, 1, NULL);

		ASSERT_LE(0, peer);
		fd = vi_set_vector(peer, 0);
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, vi_expect(&self->good, FIRST + i, told, 1));
		close(told[0]);
		close(fd);
		close(peer);
		ASSERT_EQ(0, vi_expect_gone(&self->good, FIRST + i));
	}
	EXPECT_TRUE(has_no_more_fds(&self->server, fds));
	for (i = 0; i < STAY; i++) {
		peers[i] = vi_join(self->region, 200 + i, 1, NULL);
		ASSERT_LE(0, peers[i]);
		ASSERT_LE(0, vi_set_vector(peers[i], 0));
		ASSERT_EQ(0, vi_expect(&self->good, 200 + i, told, 1));
		close(told[0]);
	}
	EXPECT_TRUE(has_no_more_fds(&self->server, fds));

	/*
	 * At last. What comes is in order, but not all there was: a few
	 * messages that were on their way, and then what is the case now.
	 */
	ASSERT_EQ(0, vi_greeting(&slow, self->region));
	for (i = 0; missing; i++) {
		ASSERT_GT(STAY + 4 + 50, i);
		ASSERT_EQ(0, vi_message(slow.sock, &value, &fd));
		ASSERT_LE(0, value);
		ASSERT_GT(MAX_NUMBER, value);
		if (fd < 0) {
			ASSERT_LE(FIRST, value);
			ASSERT_LT(0, nr_told[value]);
			nr_told[value] = 0;
		} else {
			close(fd);
			nr_told[value]++;
		}
		missing = nr_told[slow.id] != 2 ||
			  nr_told[self->good.id] != 2;
		for (k = 0; k < STAY; k++)
			missing |= nr_told[200 + k] != 1;
		for (k = 0; k < ROUNDS; k++)
			missing |= nr_told[FIRST + k] != 0;
	}
	EXPECT_TRUE(vi_quiet(&slow));
	vi_close(&slow);
	ASSERT_EQ(0, vi_expect_gone(&self->good, slow.id));
	check_good(_metadata, self);
}

TEST_F(hostile, client_that_speaks)
{
	struct vi_client client = {};
	char bytes[4096] = {};
	int i;

	for (i = 0; i < 5; i++) {
		ASSERT_EQ(0, open_beside(self, &client));
		ASSERT_LT(0, send(client.sock, bytes, i ? sizeof(bytes) : 1,
				  MSG_NOSIGNAL));
		EXPECT_TRUE(vi_hung_up(client.sock));
		EXPECT_EQ(0, vi_expect_gone(&self->good, client.id));
		vi_close(&client);
	}
	check_good(_metadata, self);
}

TEST_F(hostile, client_that_sends_descriptors)
{
	struct vi_client client = {};
	int before, i;

	before = vi_nr_fds(&self->server);
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, open_beside(self, &client));
		ASSERT_EQ(0, vt_send_fd(client.sock, self->region));
		EXPECT_TRUE(vi_hung_up(client.sock));
		EXPECT_EQ(0, vi_expect_gone(&self->good, client.id));
		vi_close(&client);
	}
	EXPECT_TRUE(has_no_more_fds(&self->server, before));
	check_good(_metadata, self);
}

TEST_F(hostile, client_that_shuts_down)
{
	struct vi_client client = {};

	ASSERT_EQ(0, open_beside(self, &client));
	ASSERT_EQ(0, shutdown(client.sock, SHUT_WR));
	EXPECT_TRUE(vi_hung_up(client.sock));
	EXPECT_EQ(0, vi_expect_gone(&self->good, client.id));
	vi_close(&client);

	/* It cannot be told anything, and its end is the same. */
	ASSERT_EQ(0, open_beside(self, &client));
	ASSERT_EQ(0, shutdown(client.sock, SHUT_RD));
	vi_close(&client);
	EXPECT_EQ(0, vi_expect_gone(&self->good, client.id));
	check_good(_metadata, self);
}

/* What can be done to a memory that others have, too. */
TEST_F(hostile, client_that_plays_with_the_memory)
{
	struct vi_client client = {}, next = {};

	ASSERT_EQ(0, open_beside(self, &client));
	lseek(client.memory, 4711, SEEK_SET);
	fcntl(client.memory, F_SETFL, O_NONBLOCK | O_APPEND);
	vi_close(&client);
	EXPECT_EQ(0, vi_expect_gone(&self->good, client.id));
	ASSERT_EQ(0, open_beside(self, &next));
	EXPECT_EQ(SIZE, lseek(next.memory, 0, SEEK_END));
	vi_close(&next);
	EXPECT_EQ(0, vi_expect_gone(&self->good, next.id));
}

TEST_F(hostile, too_many_clients)
{
	struct vi_client clients[19] = {};
	int i, sock;

	for (i = 0; i < 19; i++) {
		clients[i].sock = vi_connect(self->path);
		ASSERT_LE(0, clients[i].sock);
		ASSERT_EQ(0, vi_greeting(&clients[i], self->region));
	}
	sock = vi_connect(self->path);
	ASSERT_LE(0, sock);
	EXPECT_TRUE(vi_hung_up(sock));
	close(sock);
	EXPECT_EQ(20, vi_peers(self->region, NULL, 0));
	close(clients[3].sock);
	ASSERT_EQ(0, vi_wait_peers(self->region, 19));
	clients[3].sock = vi_connect(self->path);
	ASSERT_LE(0, clients[3].sock);
	ASSERT_EQ(0, vi_greeting(&clients[3], self->region));
	EXPECT_EQ(20, vi_peers(self->region, NULL, 0));
}

/* Connections of every length, and nothing of them stays. */
TEST_F(hostile, thousand_clients)
{
	enum { CLIENTS = 1000 };
	int fds, i, j, fd, sock;
	int64_t value;

	vi_close(&self->good);
	ASSERT_EQ(0, vi_wait_peers(self->region, 0));
	fds = vi_nr_fds(&self->server);
	for (i = 0; i < CLIENTS; i++) {
		sock = vi_connect(self->path);
		ASSERT_LE(0, sock);
		/* Ends in the middle of what it is told, or before. */
		for (j = 0; j < i % 6; j++) {
			ASSERT_EQ(0, vi_message(sock, &value, &fd));
			if (fd >= 0)
				close(fd);
		}
		close(sock);
	}
	ASSERT_EQ(0, vi_open(&self->good, self->path, self->region, 2));
	vi_close(&self->good);
	EXPECT_EQ(0, vi_wait_peers(self->region, 0));
	/* Closed, but for the last one's, before its peer was. */
	EXPECT_TRUE(has_no_more_fds(&self->server, fds));
	ASSERT_EQ(0, vi_open(&self->good, self->path, self->region, 2));
}

TEST_HARNESS_MAIN
