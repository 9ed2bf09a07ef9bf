// SPDX-License-Identifier: GPL-2.0
/*
 * vmshm-ivshmem-server: what it says to clients, message by message, when
 * clients and other peers of a region come and go; how it is started.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "lib/harness.h"
#include "lib/vmshm_ivshmem.h"

#define SIZE	65536

FIXTURE(server) {
	struct vi_server server;
	int dev;
	int regions[VI_REGIONS];
	char names[VI_REGIONS][VMSHM_NAME_MAX + 1];
	const char *name[VI_REGIONS];
	const char *path;
};

FIXTURE_SETUP(server)
{
	char suffix[16];
	int i;

	self->dev = vt_device();
	ASSERT_LE(0, self->dev);
	for (i = 0; i < VI_REGIONS; i++) {
		snprintf(suffix, sizeof(suffix), "ivshmem%d", i);
		self->name[i] = vt_name(self->names[i], suffix);
		self->regions[i] = vt_create(self->dev, self->name[i], SIZE,
					     2 * SIZE, VMSHM_EPHEMERAL, 0600);
		ASSERT_LE(0, self->regions[i]);
	}
	self->path = self->server.path[0];
}

FIXTURE_TEARDOWN(server)
{
	int i;

	if (self->server.pid && !_metadata->passed)
		TH_LOG("%s", vi_log(&self->server));
	vi_remove(&self->server);
	for (i = 0; i < VI_REGIONS; i++)
		close(self->regions[i]);
	close(self->dev);
}

/* A server of the first region, with so many vectors. */
#define START(vectors, ...)						\
	do {								\
		const char *const options[] = { "--vectors=" vectors,	\
						##__VA_ARGS__, NULL };	\
									\
		ASSERT_EQ(0, vi_start(&self->server, self->name, 1,	\
				      options)) {			\
			TH_LOG("%s", vi_log(&self->server));		\
		}							\
	} while (0)

static void check_alone(struct __test_metadata *_metadata,
			FIXTURE_DATA(server) *self, int vectors)
{
	struct vmshm_peer_info info;
	struct vi_client client = {};
	char name[32];

	ASSERT_EQ(0, vi_open(&client, self->path, self->regions[0], vectors));
	EXPECT_TRUE(vi_quiet(&client));
	ASSERT_EQ(1, vi_peers(self->regions[0], &info, 1));
	EXPECT_EQ((__u32)client.id, info.number);
	EXPECT_EQ((__u32)vectors, info.vectors);
	EXPECT_EQ(vectors == 64 ? ~0ULL : (1ULL << vectors) - 1,
		  info.eventfds);
	EXPECT_EQ(self->server.pid, info.pid);
	snprintf(name, sizeof(name), "ivshmem-%d", getpid());
	EXPECT_STREQ(name, (char *)info.name);
	vi_close(&client);
	EXPECT_EQ(0, vi_wait_peers(self->regions[0], 0));
}

TEST_F(server, no_vectors)
{
	START("0");
	check_alone(_metadata, self, 0);
}

TEST_F(server, one_vector)
{
	START("1");
	check_alone(_metadata, self, 1);
}

TEST_F(server, many_vectors)
{
	START("64");
	check_alone(_metadata, self, 64);
}

TEST_F(server, two_clients)
{
	struct vi_client a = { 0 }, b = { 0 };
	int of_a[3], of_b[3], i, j;

	START("3");
	ASSERT_EQ(0, vi_open(&a, self->path, self->regions[0], 3));

	b.sock = vi_connect(self->path);
	ASSERT_LE(0, b.sock);
	ASSERT_EQ(0, vi_greeting(&b, self->regions[0]));
	EXPECT_NE(a.id, b.id);
	ASSERT_EQ(0, vi_expect(&b, a.id, of_a, 3));
	ASSERT_EQ(0, vi_own(&b, 3));
	ASSERT_EQ(0, vi_expect(&a, b.id, of_b, 3));
	EXPECT_TRUE(vi_quiet(&a));
	EXPECT_TRUE(vi_quiet(&b));

	/* The doorbells are those of the right vectors. */
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, vi_ring(of_b[i]));
		for (j = 0; j < 3; j++) {
			EXPECT_EQ(i == j, vi_rung(b.own[j]));
			EXPECT_FALSE(vi_rung(a.own[j]));
		}
		ASSERT_EQ(0, vi_ring(of_a[i]));
		for (j = 0; j < 3; j++)
			EXPECT_EQ(i == j, vi_rung(a.own[j]));
	}

	vi_close(&a);
	EXPECT_EQ(0, vi_expect_gone(&b, a.id));
	EXPECT_TRUE(vi_quiet(&b));
	/* The number is free, but was told to have gone. */
	i = a.id;
	a.sock = vi_connect(self->path);
	ASSERT_LE(0, a.sock);
	ASSERT_EQ(0, vi_greeting(&a, self->regions[0]));
	EXPECT_NE(i, a.id);
	EXPECT_NE(b.id, a.id);
	ASSERT_EQ(0, vi_expect(&a, b.id, of_b, 3));
	ASSERT_EQ(0, vi_own(&a, 3));
	ASSERT_EQ(0, vi_expect(&b, a.id, of_a, 3));
}

static int ring_peer(int peer, __u32 number, __u32 vector)
{
	struct vmshm_peer_ring arg = {
		.size = sizeof(arg),
		.number = number,
		.vector = vector,
	};

	return vt_ioctl(peer, VMSHM_IOC_PEER_RING, &arg);
}

/* A process that is a peer without QEMU's protocol. */
TEST_F(server, native_peer)
{
	int peer, own[2], told[2];
	struct vi_client client = {};
	__u32 number;

	START("2");
	ASSERT_EQ(0, vi_open(&client, self->path, self->regions[0], 2));
	peer = vi_join(self->regions[0], -1, 2, &number);
	ASSERT_LE(0, peer);
	EXPECT_NE((__u32)client.id, number);
	own[0] = vi_set_vector(peer, 0);
	ASSERT_LE(0, own[0]);
	own[1] = vi_set_vector(peer, 1);
	ASSERT_LE(0, own[1]);
	ASSERT_EQ(0, vi_expect(&client, number, told, 2));

	/* Each rings the other. */
	ASSERT_EQ(0, vi_ring(told[1]));
	EXPECT_FALSE(vi_rung(own[0]));
	EXPECT_TRUE(vi_rung(own[1]));
	ASSERT_EQ(0, ring_peer(peer, client.id, 1));
	EXPECT_FALSE(vi_rung(client.own[0]));
	EXPECT_TRUE(vi_rung(client.own[1]));
	ASSERT_EQ(0, ring_peer(peer, VMSHM_PEER_ALL, 0));
	EXPECT_TRUE(vi_rung(client.own[0]));

	EXPECT_TRUE(vi_quiet(&client));
	close(peer);
	EXPECT_EQ(0, vi_expect_gone(&client, number));
	EXPECT_TRUE(vi_quiet(&client));
}

/* Who comes later hears of all that are there, and of them only. */
TEST_F(server, native_peers_before)
{
	int peers[3], told[8], fd, i;
	struct vi_client client = {};

	/* With more vectors, fewer, and none that has an eventfd. */
	peers[0] = vi_join(self->regions[0], 7, 5, NULL);
	peers[1] = vi_join(self->regions[0], 65535, 1, NULL);
	peers[2] = vi_join(self->regions[0], 9, 3, NULL);
	for (i = 0; i < 3; i++)
		ASSERT_LE(0, peers[i]);
	for (i = 0; i < 5; i++)
		ASSERT_LE(0, vi_set_vector(peers[0], i));
	fd = vi_set_vector(peers[1], 0);
	ASSERT_LE(0, fd);

	START("2");
	client.sock = vi_connect(self->path);
	ASSERT_LE(0, client.sock);
	ASSERT_EQ(0, vi_greeting(&client, self->regions[0]));
	EXPECT_EQ(0, client.id);
	ASSERT_EQ(0, vi_expect(&client, 7, told, 2));
	ASSERT_EQ(0, vi_expect(&client, 65535, told, 1));
	ASSERT_EQ(0, vi_own(&client, 2));
	EXPECT_TRUE(vi_quiet(&client));
	ASSERT_EQ(0, vi_ring(told[0]));
	EXPECT_TRUE(vi_rung(fd));

	/* Of one that was never heard of there is no end, either. */
	close(peers[2]);
	close(peers[0]);
	EXPECT_EQ(0, vi_expect_gone(&client, 7));
	close(peers[1]);
	EXPECT_EQ(0, vi_expect_gone(&client, 65535));
	EXPECT_TRUE(vi_quiet(&client));
}

/* Vectors are told in order, as the protocol has no numbers for them. */
TEST_F(server, vectors_out_of_order)
{
	struct vi_client client = {};
	int peer, told[3], fd;
	__u32 number;

	START("3");
	ASSERT_EQ(0, vi_open(&client, self->path, self->regions[0], 3));
	peer = vi_join(self->regions[0], -1, 3, &number);
	ASSERT_LE(0, peer);
	ASSERT_LE(0, vi_set_vector(peer, 1));
	EXPECT_TRUE(vi_quiet(&client));
	ASSERT_LE(0, vi_set_vector(peer, 0));
	ASSERT_EQ(0, vi_expect(&client, number, told, 2));
	EXPECT_TRUE(vi_quiet(&client));
	fd = vi_set_vector(peer, 2);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, vi_expect(&client, number, told, 1));
	ASSERT_EQ(0, vi_ring(told[0]));
	EXPECT_TRUE(vi_rung(fd));
}

static int unset_vector(int peer, __u32 vector)
{
	struct vmshm_peer_set_vector arg = {
		.size = sizeof(arg),
		.vector = vector,
		.fd = -1,
	};

	return vt_ioctl(peer, VMSHM_IOC_PEER_SET_VECTOR, &arg);
}

/* An eventfd that is another one: the peer goes and comes. */
TEST_F(server, vector_replaced)
{
	struct vi_client client = {};
	int peer, told[2], fd;
	__u32 number;

	START("2", "--reuse-numbers");
	ASSERT_EQ(0, vi_open(&client, self->path, self->regions[0], 2));
	peer = vi_join(self->regions[0], -1, 2, &number);
	ASSERT_LE(0, peer);
	ASSERT_LE(0, vi_set_vector(peer, 0));
	ASSERT_LE(0, vi_set_vector(peer, 1));
	ASSERT_EQ(0, vi_expect(&client, number, told, 2));

	fd = vi_set_vector(peer, 1);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, vi_expect_gone(&client, number));
	ASSERT_EQ(0, vi_expect(&client, number, told, 2));
	ASSERT_EQ(0, vi_ring(told[1]));
	EXPECT_TRUE(vi_rung(fd));

	ASSERT_EQ(0, unset_vector(peer, 1));
	ASSERT_EQ(0, vi_expect_gone(&client, number));
	ASSERT_EQ(0, vi_expect(&client, number, told, 1));
	ASSERT_EQ(0, unset_vector(peer, 0));
	ASSERT_EQ(0, vi_expect_gone(&client, number));
	EXPECT_TRUE(vi_quiet(&client));
}

/* What comes and goes while nobody is told: only the outcome counts. */
TEST_F(server, changes_while_stopped)
{
	struct vi_client client = {};
	int peers[4], told[1], fd, i;

	START("1", "--reuse-numbers");
	ASSERT_EQ(0, vi_open(&client, self->path, self->regions[0], 1));
	for (i = 1; i < 3; i++) {
		peers[i] = vi_join(self->regions[0], i, 1, NULL);
		ASSERT_LE(0, peers[i]);
		ASSERT_LE(0, vi_set_vector(peers[i], 0));
		ASSERT_EQ(0, vi_expect(&client, i, told, 1));
	}

	ASSERT_EQ(0, kill(self->server.pid, SIGSTOP));
	/* 1 is restarted, 2 goes, 3 comes and goes, more than events hold. */
	close(peers[1]);
	peers[1] = vi_join(self->regions[0], 1, 1, NULL);
	ASSERT_LE(0, peers[1]);
	fd = vi_set_vector(peers[1], 0);
	ASSERT_LE(0, fd);
	for (i = 0; i < 300; i++) {
		peers[3] = vi_join(self->regions[0], 3, 1, NULL);
		ASSERT_LE(0, peers[3]);
		close(peers[3]);
	}
	close(peers[2]);
	ASSERT_EQ(0, kill(self->server.pid, SIGCONT));

	ASSERT_EQ(0, vi_expect_gone(&client, 1));
	ASSERT_EQ(0, vi_expect(&client, 1, told, 1));
	ASSERT_EQ(0, vi_ring(told[0]));
	EXPECT_TRUE(vi_rung(fd));
	EXPECT_EQ(0, vi_expect_gone(&client, 2));
	EXPECT_TRUE(vi_quiet(&client));
}

/*
 * QEMU must not hear again of a number that has gone: neither of another peer
 * nor of the same with another eventfd. Who has not heard of it does.
 */
TEST_F(server, numbers_go_once)
{
	struct vi_client client = {}, later = {};
	int peer, other, told[1];

	START("1");
	ASSERT_EQ(0, vi_open(&client, self->path, self->regions[0], 1));
	peer = vi_join(self->regions[0], 5, 1, NULL);
	other = vi_join(self->regions[0], 6, 1, NULL);
	ASSERT_LE(0, peer);
	ASSERT_LE(0, other);
	ASSERT_LE(0, vi_set_vector(peer, 0));
	ASSERT_EQ(0, vi_expect(&client, 5, told, 1));
	ASSERT_LE(0, vi_set_vector(other, 0));
	ASSERT_EQ(0, vi_expect(&client, 6, told, 1));

	close(peer);
	ASSERT_EQ(0, vi_expect_gone(&client, 5));
	peer = vi_join(self->regions[0], 5, 1, NULL);
	ASSERT_LE(0, peer);
	ASSERT_LE(0, vi_set_vector(peer, 0));
	EXPECT_TRUE(vi_quiet(&client));
	ASSERT_LE(0, vi_set_vector(other, 0));
	ASSERT_EQ(0, vi_expect_gone(&client, 6));
	EXPECT_TRUE(vi_quiet(&client));

	later.sock = vi_connect(self->path);
	ASSERT_LE(0, later.sock);
	ASSERT_EQ(0, vi_greeting(&later, self->regions[0]));
	ASSERT_EQ(0, vi_expect(&later, client.id, told, 1));
	ASSERT_EQ(0, vi_expect(&later, 5, told, 1));
	ASSERT_EQ(0, vi_expect(&later, 6, told, 1));
	ASSERT_EQ(0, vi_own(&later, 1));
	/* Behind what has gone there are others. */
	ASSERT_EQ(0, vi_expect(&client, later.id, told, 1));
	close(peer);
	close(other);
	ASSERT_EQ(0, vi_expect_gone(&later, 5));
	ASSERT_EQ(0, vi_expect_gone(&later, 6));
	peer = vi_join(self->regions[0], 7, 1, NULL);
	ASSERT_LE(0, peer);
	ASSERT_LE(0, vi_set_vector(peer, 0));
	ASSERT_EQ(0, vi_expect(&client, 7, told, 1));
	ASSERT_EQ(0, vi_expect(&later, 7, told, 1));
	EXPECT_TRUE(vi_quiet(&client));
}

TEST_F(server, regions_are_apart)
{
	const char *const options[] = { "--vectors=1", NULL };
	struct vi_client clients[VI_REGIONS] = {};
	int i;

	ASSERT_EQ(0, vi_start(&self->server, self->name, VI_REGIONS, options));
	for (i = 0; i < VI_REGIONS; i++) {
		ASSERT_EQ(0, vi_open(&clients[i], self->server.path[i],
				     self->regions[i], 1));
		EXPECT_EQ(0, clients[i].id);
		EXPECT_EQ(1, vi_peers(self->regions[i], NULL, 0));
	}
	for (i = 0; i < VI_REGIONS; i++)
		EXPECT_TRUE(vi_quiet(&clients[i]));
}

TEST_F(server, grown)
{
	struct vi_client a = { 0 }, b = { 0 };
	struct stat stat;
	int told[1];

	START("1");
	ASSERT_EQ(0, vi_open(&a, self->path, self->regions[0], 1));
	ASSERT_EQ(0, vt_resize(self->regions[0], 2 * SIZE));
	b.sock = vi_connect(self->path);
	ASSERT_LE(0, b.sock);
	ASSERT_EQ(0, vi_greeting(&b, self->regions[0]));
	ASSERT_EQ(0, fstat(b.memory, &stat));
	EXPECT_EQ(2 * SIZE, stat.st_size);
	ASSERT_EQ(0, vi_expect(&b, a.id, told, 1));
	close(b.sock);

	/* Not what a device can have: nobody comes, nobody goes. */
	ASSERT_EQ(0, vt_resize(self->regions[0], SIZE + 4096));
	b.sock = vi_connect(self->path);
	ASSERT_LE(0, b.sock);
	EXPECT_TRUE(vi_hung_up(b.sock));
	EXPECT_NE(NULL, strstr(vi_log(&self->server), "power of two"));
	ASSERT_EQ(0, vt_resize(self->regions[0], SIZE));
	ASSERT_EQ(0, vi_expect(&a, b.id, told, 1));
	ASSERT_EQ(0, vi_expect_gone(&a, b.id));
	EXPECT_TRUE(vi_quiet(&a));
}

/* Ends of its own accord with this status, and says this. */
static void check_refused(struct __test_metadata *_metadata,
			  FIXTURE_DATA(server) *self, int status,
			  const char *message, const char *const *args,
			  uid_t uid)
{
	strcpy(self->server.dir, "/tmp/ivshmem.XXXXXX");
	ASSERT_NE(NULL, mkdtemp(self->server.dir));
	ASSERT_EQ(0, vi_spawn(&self->server, args, uid, NULL, 0, NULL));
	EXPECT_EQ(-ENODATA, vi_ready(&self->server));
	EXPECT_EQ(status, vi_wait(&self->server));
	EXPECT_NE(NULL, strstr(vi_log(&self->server), message)) {
		TH_LOG("'%s' is not in: %s", message, vi_log(&self->server));
	}
	vi_remove(&self->server);
}

#define REFUSED(status, message, uid, ...)				\
	check_refused(_metadata, self, status, message,			\
		      (const char *const []){ __VA_ARGS__, NULL }, uid)

TEST_F(server, refused)
{
	const char *name = self->name[0];

	REFUSED(2, "no region is given", 0, "--vectors=1");
	REFUSED(2, "a socket for each region", 0, name, name, "--socket=/tmp/x");
	REFUSED(2, "there is no socket", 0, name);
	REFUSED(2, "'65' is not", 0, name, "--vectors=65");
	REFUSED(2, "'-1' is not", 0, name, "--vectors=-1");
	REFUSED(2, "'0' is not", 0, name, "--max-clients=0");
	REFUSED(2, "'0' is not a generation", 0, name, "--generation=0");
	REFUSED(2, "'8' is not a mode", 0, name, "--mode=8");
	REFUSED(2, "there is no user", 0, name, "--owner=no such user");
	REFUSED(2, "unrecognized option", 0, name, "--sockets");
	REFUSED(3, "cannot open region 'no/such'", 0, "no/such", "-s/tmp/x");
	REFUSED(1, "cannot listen on '/no/such/path'", 0, name,
		"-s/no/such/path");
	REFUSED(8, "cannot open region", 0, name, "-s/tmp/x",
		"--owner=12345");
	REFUSED(8, "cannot open region", 0, name, "-s/tmp/x",
		"--generation=1");
	/* Root's, and nobody else may open it. */
	REFUSED(4, "cannot open region", VT_ALICE, name, "-s/tmp/x");
	ASSERT_EQ(0, vt_resize(self->regions[0], SIZE - 4096));
	REFUSED(2, "has 61440 bytes: a device's memory must be a power of two",
		0, name, "-s/tmp/x");
	ASSERT_EQ(0, vt_resize(self->regions[0], 0));
	REFUSED(2, "power of two", 0, name, "-s/tmp/x");
	EXPECT_EQ(-1, access("/tmp/x", F_OK));
}

/* A path that is in use is left alone; one that nobody uses any more is not. */
TEST_F(server, path_in_use)
{
	struct vi_server first;
	struct vi_client client = {};
	char path[64], file[64];
	int fd;

	START("1");
	/* The other one has a directory of its own. */
	first = self->server;
	REFUSED(7, "cannot listen on", 0, self->name[1], "-s", first.path[0]);
	snprintf(path, sizeof(path), "%s/file", first.dir);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	ASSERT_LE(0, fd);
	REFUSED(7, "cannot listen on", 0, self->name[1], "-s", path);
	EXPECT_EQ(0, access(path, F_OK));
	close(fd);
	self->server = first;
	strcpy(file, first.path[0]);
	ASSERT_EQ(0, vi_open(&client, file, self->regions[0], 1));
	vi_close(&client);
}

/* As an ordinary user, without any privilege, from the beginning. */
TEST_F(server, unprivileged)
{
	char path[64], proc[64], status[2048], *caps;
	const char *const args[] = { self->name[0], "-s", path, "-m", "0666",
				     NULL };
	struct vi_client client = {};
	struct stat stat;

	strcpy(self->server.dir, "/tmp/ivshmem.XXXXXX");
	ASSERT_NE(NULL, mkdtemp(self->server.dir));
	ASSERT_EQ(0, chmod(self->server.dir, 0777));
	ASSERT_EQ(0, fchown(self->regions[0], VT_ALICE, VT_ALICE));
	snprintf(path, sizeof(path), "%s/socket", self->server.dir);
	ASSERT_EQ(0, vi_spawn(&self->server, args, VT_ALICE, NULL, 0, NULL));
	ASSERT_EQ(0, vi_ready(&self->server)) {
		TH_LOG("%s", vi_log(&self->server));
	}
	ASSERT_EQ(0, lstat(path, &stat));
	EXPECT_EQ(0666, stat.st_mode & 07777);
	EXPECT_EQ(VT_ALICE, stat.st_uid);
	ASSERT_EQ(0, vi_open(&client, path, self->regions[0], 1));

	snprintf(proc, sizeof(proc), "/proc/%d/status", self->server.pid);
	ASSERT_LT(0, vt_read_file(proc, status, sizeof(status)));
	caps = strstr(status, "CapEff:");
	ASSERT_NE(NULL, caps);
	EXPECT_EQ(0, strncmp(caps, "CapEff:\t0000000000000000", 24));
	vi_close(&client);
}

/* Sockets that somebody else listens on, as systemd does. */
TEST_F(server, passed_sockets)
{
	const char *const args[] = { self->name[0], self->name[1], NULL };
	char path[2][64], names[2 * VMSHM_NAME_MAX + 3];
	struct vi_client client = {};
	int fds[2], i;

	strcpy(self->server.dir, "/tmp/ivshmem.XXXXXX");
	ASSERT_NE(NULL, mkdtemp(self->server.dir));
	for (i = 0; i < 2; i++) {
		snprintf(path[i], sizeof(path[i]), "%s/passed%d",
			 self->server.dir, i);
		fds[i] = vi_listen(path[i]);
		ASSERT_LE(0, fds[i]);
	}
	/* By name, not in order. */
	snprintf(names, sizeof(names), "%s:%s", self->name[1], self->name[0]);
	ASSERT_EQ(0, vi_spawn(&self->server, args, 0, fds, 2, names));
	ASSERT_EQ(0, vi_ready(&self->server)) {
		TH_LOG("%s", vi_log(&self->server));
	}
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, vi_open(&client, path[i], self->regions[!i], 1));
		vi_close(&client);
	}
	/* Not its own: they stay, and who connects meanwhile waits. */
	EXPECT_EQ(0, vi_stop(&self->server, SIGTERM));
	EXPECT_EQ(0, access(path[0], F_OK));
	client.sock = vi_connect(path[0]);
	ASSERT_LE(0, client.sock);
	ASSERT_EQ(0, vi_spawn(&self->server, args, 0, fds, 2, names));
	ASSERT_EQ(0, vi_ready(&self->server));
	EXPECT_EQ(0, vi_greeting(&client, self->regions[1]));
}

TEST_HARNESS_MAIN
