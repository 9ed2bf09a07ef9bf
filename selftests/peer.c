// SPDX-License-Identifier: GPL-2.0
/*
 * VMSHM_IOC_JOIN, _PEERS and _PEER_STAT: who is in a region's sharing group,
 * under which number, for how long and with which rights. Doorbells are in
 * peer_ring.c, events in peer_events.c.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "lib/harness.h"
#include "lib/vmshm_env.h"
#include "lib/vmshm_peer.h"

#define ROOM	16

FIXTURE(peer) {
	int dev;
	int fd;
	size_t page;
	long long peers_user;
	long long meta_user_kb;
	char prefix[VMSHM_NAME_MAX + 1];
	char name[VMSHM_NAME_MAX + 1];
	struct vmshm_peer_info infos[ROOM];
};

FIXTURE_SETUP(peer)
{
	self->page = sysconf(_SC_PAGESIZE);
	self->dev = vt_device();
	ASSERT_LE(0, self->dev);
	self->peers_user = vt_param_get("peers_user");
	ASSERT_LT(0, self->peers_user);
	self->meta_user_kb = vt_param_get("meta_user_kb");
	ASSERT_LT(0, self->meta_user_kb);
	vt_name(self->prefix, "");
	self->fd = vt_create(self->dev, vt_name(self->name, "peer"),
			     16 * self->page, 0, VMSHM_EPHEMERAL, 0666);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(peer)
{
	EXPECT_EQ(0, vt_act_as_root());
	EXPECT_EQ(0, vt_param_set("peers_user", self->peers_user));
	EXPECT_EQ(0, vt_param_set("meta_user_kb", self->meta_user_kb));
	close(self->fd);
	EXPECT_LE(0, vt_unlink_all(self->dev, self->prefix));
	close(self->dev);
}

static __u64 now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static bool exists(int dev, const char *name)
{
	int fd = vt_open(dev, name, 0);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

TEST_F(peer, lowest_number)
{
	int peers[4], i;

	for (i = 0; i < 4; i++) {
		peers[i] = vt_join(self->fd, VT_ANY, 1, NULL);
		ASSERT_LE(0, peers[i]);
		EXPECT_EQ(i, vt_peer_number(peers[i]));
		EXPECT_EQ(FD_CLOEXEC, fcntl(peers[i], F_GETFD));
		if (i)
			EXPECT_LT(vt_peer_generation(peers[i - 1]),
				  vt_peer_generation(peers[i]));
	}
	close(peers[2]);
	close(peers[1]);
	peers[1] = vt_join(self->fd, VT_ANY, 1, NULL);
	ASSERT_LE(0, peers[1]);
	EXPECT_EQ(1, vt_peer_number(peers[1]));
	peers[2] = vt_join(self->fd, VT_ANY, 1, NULL);
	ASSERT_LE(0, peers[2]);
	EXPECT_EQ(2, vt_peer_number(peers[2]));
	/* Another one, though the number is the same. */
	EXPECT_LT(vt_peer_generation(peers[3]), vt_peer_generation(peers[1]));
	EXPECT_EQ(4, vt_peers(self->fd, self->infos, ROOM));
}

TEST_F(peer, asked_for_number)
{
	static const int numbers[] = { 7, 0, VMSHM_PEER_NUMBER_MAX, 64, 1 };
	int peers[ARRAY_SIZE(numbers)];
	__u64 generation;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		peers[i] = vt_join(self->fd, numbers[i], 0, NULL);
		ASSERT_LE(0, peers[i]);
		EXPECT_EQ(numbers[i], vt_peer_number(peers[i]));
	}
	for (i = 0; i < ARRAY_SIZE(numbers); i++)
		EXPECT_EQ(-EBUSY, vt_join(self->fd, numbers[i], 0, NULL));
	/* The lowest is that behind 0 and 1. */
	i = vt_join(self->fd, VT_ANY, 0, NULL);
	EXPECT_EQ(2, vt_peer_number(i));
	EXPECT_EQ(-EBUSY, vt_join(self->fd, 2, 0, NULL));

	generation = vt_peer_generation(peers[2]);
	close(peers[2]);
	peers[2] = vt_join(self->fd, VMSHM_PEER_NUMBER_MAX, 0, NULL);
	ASSERT_LE(0, peers[2]);
	EXPECT_LT(generation, vt_peer_generation(peers[2]));
}

/* Groups are of regions: the number is free in another one. */
TEST_F(peer, other_region)
{
	char name[VMSHM_NAME_MAX + 1];
	int other, peer, same;

	other = vt_create(self->dev, vt_name(name, "other"), 0, 0,
			  VMSHM_EPHEMERAL, 0600);
	ASSERT_LE(0, other);
	peer = vt_join(self->fd, 3, 0, NULL);
	ASSERT_LE(0, peer);
	same = vt_join(other, 3, 0, NULL);
	ASSERT_LE(0, same);
	EXPECT_NE(vt_peer_generation(peer), vt_peer_generation(same));
	EXPECT_EQ(1, vt_peers(self->fd, self->infos, ROOM));
	EXPECT_EQ(1, vt_peers(other, self->infos, ROOM));
	EXPECT_EQ(vt_peer_generation(same), self->infos[0].generation);
}

TEST_F(peer, refused_values)
{
	struct vmshm_join arg = { .size = sizeof(arg) };
	static const char *const bad[] = {
		".", "..", "a/b", "/", "a/", "a b", " ", "\t", "\x7f", "\xe4",
	};
	static const char *const good[] = { "a", "...", "a.b", ".a", "~!" };
	size_t i;
	int fd;

	arg.number = 1;
	EXPECT_EQ(-EINVAL, vt_ioctl(self->fd, VMSHM_IOC_JOIN, &arg));
	arg.flags = VMSHM_JOIN_NUMBER;
	arg.number = VMSHM_PEER_NUMBER_MAX + 1;
	EXPECT_EQ(-EINVAL, vt_ioctl(self->fd, VMSHM_IOC_JOIN, &arg));
	arg.number = 0xffffffff;
	EXPECT_EQ(-EINVAL, vt_ioctl(self->fd, VMSHM_IOC_JOIN, &arg));
	EXPECT_EQ(-EINVAL, vt_join(self->fd, VT_ANY,
				   VMSHM_PEER_VECTORS_MAX + 1, NULL));
	EXPECT_EQ(-EINVAL, vt_join(self->fd, VT_ANY, 0xffffffff, NULL));
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-EINVAL, vt_join(self->fd, VT_ANY, 0, bad[i])) {
			TH_LOG("'%s'", bad[i]);
		}
	}
	memset(&arg, 0, sizeof(arg));
	arg.size = sizeof(arg);
	memset(arg.name, 'n', sizeof(arg.name));
	EXPECT_EQ(-EINVAL, vt_ioctl(self->fd, VMSHM_IOC_JOIN, &arg));
	EXPECT_EQ(0, vt_peers(self->fd, self->infos, ROOM));

	arg.name[VMSHM_PEER_NAME_MAX] = 0;
	ASSERT_EQ(0, vt_ioctl(self->fd, VMSHM_IOC_JOIN, &arg));
	ASSERT_EQ(1, vt_peers(self->fd, self->infos, ROOM));
	EXPECT_EQ(0, memcmp(arg.name, self->infos[0].name, sizeof(arg.name)));
	close(arg.out_fd);
	for (i = 0; i < ARRAY_SIZE(good); i++) {
		fd = vt_join(self->fd, VT_ANY, VMSHM_PEER_VECTORS_MAX, good[i]);
		ASSERT_LE(0, fd);
		ASSERT_EQ(1, vt_peers(self->fd, self->infos, ROOM));
		EXPECT_STREQ(good[i], (char *)self->infos[0].name);
		close(fd);
	}
}

/* What is behind the NUL is not shown to others. */
TEST_F(peer, behind_name)
{
	struct vmshm_join arg = { .size = sizeof(arg), .name = "a\0secret" };
	const char name[sizeof(arg.name)] = "a";

	ASSERT_EQ(0, vt_ioctl(self->fd, VMSHM_IOC_JOIN, &arg));
	ASSERT_EQ(1, vt_peers(self->fd, self->infos, ROOM));
	EXPECT_EQ(0, memcmp(name, self->infos[0].name, sizeof(name)));
}

/* The number of a peer whose making fails at the last moment is free again. */
TEST_F(peer, failed_join)
{
	struct vmshm_join *arg;
	int peer;

	arg = mmap(NULL, self->page, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, arg);
	arg->size = sizeof(*arg);
	ASSERT_EQ(0, mprotect(arg, self->page, PROT_READ));
	EXPECT_EQ(-EFAULT, vt_ioctl(self->fd, VMSHM_IOC_JOIN, arg));
	EXPECT_EQ(0, vt_peers(self->fd, self->infos, ROOM));
	peer = vt_join(self->fd, VT_ANY, 0, NULL);
	EXPECT_EQ(0, vt_peer_number(peer));
}

TEST_F(peer, table)
{
	const struct vmshm_peer_info *p = self->infos;
	int first, second, readonly, i;
	__u64 before, after;
	char comm[16] = "";

	prctl(PR_GET_NAME, comm);
	EXPECT_EQ(0, vt_peers(self->fd, self->infos, ROOM));
	before = now();
	second = vt_join(self->fd, 9, 3, "second");
	after = now();
	ASSERT_LE(0, second);
	first = vt_join(self->fd, 4, VMSHM_PEER_VECTORS_MAX, NULL);
	ASSERT_LE(0, first);
	readonly = vt_readonly(self->fd);
	ASSERT_LE(0, readonly);
	ASSERT_LE(0, vt_join(readonly, 10, 0, "reader"));
	ASSERT_LE(0, vt_doorbell(second, 1));
	ASSERT_LE(0, vt_doorbell(first, VMSHM_PEER_VECTORS_MAX - 1));
	ASSERT_EQ(0, vt_ring(second, 4, 63));
	ASSERT_EQ(0, vt_ring(second, 4, 0));

	/* In the order of numbers, whoever asks. */
	memset(self->infos, 0xff, sizeof(self->infos));
	ASSERT_EQ(3, vt_peers(readonly, self->infos, ROOM));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(getpid(), p[i].pid);
		EXPECT_EQ(getuid(), p[i].uid);
		EXPECT_EQ(0, p[i].__reserved);
		EXPECT_EQ(0, memcmp(comm, p[i].comm, sizeof(comm)));
	}
	EXPECT_EQ(0xffffffff, p[3].number);

	EXPECT_EQ(4, p[0].number);
	EXPECT_EQ(VT_PEER_RW, p[0].flags);
	EXPECT_EQ(64, p[0].vectors);
	EXPECT_EQ(1ULL << 63, p[0].eventfds);
	EXPECT_EQ(1ULL << 63 | 1, p[0].pending);
	EXPECT_EQ(vt_peer_generation(first), p[0].generation);
	EXPECT_STREQ("", (char *)p[0].name);
	EXPECT_LE(after, p[0].since_ns);

	EXPECT_EQ(9, p[1].number);
	EXPECT_EQ(VT_PEER_RW, p[1].flags);
	EXPECT_EQ(3, p[1].vectors);
	EXPECT_EQ(2, p[1].eventfds);
	EXPECT_EQ(0, p[1].pending);
	EXPECT_EQ(vt_peer_generation(second), p[1].generation);
	EXPECT_STREQ("second", (char *)p[1].name);
	EXPECT_LE(before, p[1].since_ns);
	EXPECT_GE(after, p[1].since_ns);

	EXPECT_EQ(10, p[2].number);
	EXPECT_EQ(VMSHM_PEER_READ, p[2].flags);
	EXPECT_EQ(0, p[2].vectors);
	EXPECT_EQ(0, p[2].eventfds);
	EXPECT_STREQ("reader", (char *)p[2].name);
}

TEST_F(peer, table_sizes)
{
	struct {
		struct vmshm_peer_info info;
		__u64 more;
	} longer[4];
	struct vmshm_peers arg = {
		.size = sizeof(arg),
		.entries = (uintptr_t)longer,
		.entry_size = sizeof(longer[0]),
		.count = 2,
	};
	char *end;
	int i;

	for (i = 0; i < 3; i++)
		ASSERT_LE(0, vt_join(self->fd, VT_ANY, 0, NULL));

	/* Too small, none at all: the number, and nothing else. */
	memset(longer, 0xff, sizeof(longer));
	EXPECT_EQ(-EMSGSIZE, vt_ioctl(self->fd, VMSHM_IOC_PEERS, &arg));
	EXPECT_EQ(3, arg.out_count);
	EXPECT_EQ(0xffffffff, longer[0].info.number);
	arg.out_count = 0;
	arg.count = 0;
	arg.entries = 0;
	EXPECT_EQ(-EMSGSIZE, vt_ioctl(self->fd, VMSHM_IOC_PEERS, &arg));
	EXPECT_EQ(3, arg.out_count);

	/* What this kernel does not know is zero. */
	arg.out_count = 0;
	arg.count = 4;
	arg.entries = (uintptr_t)longer;
	ASSERT_EQ(0, vt_ioctl(self->fd, VMSHM_IOC_PEERS, &arg));
	EXPECT_EQ(3, arg.out_count);
	for (i = 0; i < 3; i++) {
		EXPECT_EQ((__u32)i, longer[i].info.number);
		EXPECT_EQ(0, longer[i].more);
	}
	EXPECT_EQ(0xffffffff, longer[3].info.number);
	EXPECT_EQ(~0ULL, longer[3].more);

	arg.out_count = 0;
	arg.entry_size = sizeof(struct vmshm_peer_info) - 1;
	EXPECT_EQ(-EINVAL, vt_ioctl(self->fd, VMSHM_IOC_PEERS, &arg));
	arg.entry_size = 0;
	EXPECT_EQ(-EINVAL, vt_ioctl(self->fd, VMSHM_IOC_PEERS, &arg));
	arg.entry_size = self->page + 1;
	EXPECT_EQ(-E2BIG, vt_ioctl(self->fd, VMSHM_IOC_PEERS, &arg));

	/* The last element does not fit into memory. */
	end = mmap(NULL, 2 * self->page, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, end);
	end += self->page;
	ASSERT_EQ(0, munmap(end, self->page));
	arg.entry_size = sizeof(struct vmshm_peer_info);
	arg.entries = (uintptr_t)end - 3 * arg.entry_size + 1;
	EXPECT_EQ(-EFAULT, vt_ioctl(self->fd, VMSHM_IOC_PEERS, &arg));
	arg.entries--;
	EXPECT_EQ(0, vt_ioctl(self->fd, VMSHM_IOC_PEERS, &arg));
	arg.out_count = 0;
	arg.entry_size = self->page;
	EXPECT_EQ(-EFAULT, vt_ioctl(self->fd, VMSHM_IOC_PEERS, &arg));
}

TEST_F(peer, stat)
{
	struct vmshm_peer_stat stat;
	struct vmshm_stat region;
	int peer;

	ASSERT_LE(0, vt_join(self->fd, 1, 0, NULL));
	peer = vt_join(self->fd, 2, 5, "me");
	ASSERT_LE(0, peer);
	ASSERT_LE(0, vt_doorbell(peer, 4));
	ASSERT_EQ(0, vt_ring(peer, 2, 0));
	ASSERT_EQ(0, vt_ring(peer, 2, 0));
	ASSERT_EQ(0, vt_stat(self->fd, &region));
	ASSERT_EQ(0, vt_peer_stat(peer, &stat));
	EXPECT_EQ(2, stat.out_number);
	EXPECT_EQ(VT_PEER_RW, stat.out_flags);
	EXPECT_EQ(5, stat.out_vectors);
	EXPECT_EQ(2, stat.out_peers);
	EXPECT_NE(0, stat.out_generation);
	EXPECT_EQ(region.out_generation, stat.out_region);
	EXPECT_EQ(1 << 4, stat.out_eventfds);
	EXPECT_EQ(1, stat.out_pending);
	EXPECT_EQ(2, stat.out_rings);
	EXPECT_STREQ("me", (char *)stat.out_name);
	/* Looking clears nothing. */
	EXPECT_EQ(1, vt_pending(peer, 0));

	/* There is nothing to read or to write. */
	EXPECT_EQ(-1, read(peer, &stat, sizeof(stat)));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, write(peer, &stat, sizeof(stat)));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, self->page, PROT_READ, MAP_SHARED,
				   peer, 0));
}

/* Until the last descriptor is closed, whoever has it. */
TEST_F(peer, dup_and_fork)
{
	struct vt_child child;
	int peer, other;

	peer = vt_join(self->fd, 0, 1, NULL);
	ASSERT_LE(0, peer);
	other = dup(peer);
	ASSERT_LE(0, other);
	close(peer);
	EXPECT_EQ(-EBUSY, vt_join(self->fd, 0, 1, NULL));

	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		VT_CHECK(vt_peer_number(other) == 0);
		VT_CHECK(!vt_hear(child.sock));
		_exit(0);
	}
	close(other);
	ASSERT_EQ(1, vt_peers(self->fd, self->infos, ROOM));
	EXPECT_EQ(getpid(), self->infos[0].pid);
	EXPECT_EQ(VT_PEER_RW, self->infos[0].flags);
	EXPECT_EQ(0, vt_tell(child.sock));
	EXPECT_EQ(0, vt_wait(&child));
	EXPECT_EQ(0, vt_peers(self->fd, self->infos, ROOM));
}

TEST_F(peer, exec)
{
	int peer = vt_join(self->fd, 0, 1, NULL);
	struct vt_child child;

	ASSERT_LE(0, peer);
	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		close(peer);
		VT_CHECK(vt_join(self->fd, 1, 1, NULL) >= 0);
		VT_CHECK(!vt_tell(child.sock));
		VT_CHECK(!vt_hear(child.sock));
		execl("/bin/sleep", "sleep", "1000", NULL);
		_exit(1);
	}
	ASSERT_EQ(0, vt_hear(child.sock));
	EXPECT_EQ(2, vt_peers(self->fd, self->infos, ROOM));
	EXPECT_EQ(0, vt_tell(child.sock));
	while (vt_peers(self->fd, self->infos, ROOM) == 2)
		usleep(1000);
	EXPECT_EQ(1, vt_peers(self->fd, self->infos, ROOM));
	EXPECT_EQ(0, self->infos[0].number);
	EXPECT_EQ(128 + SIGKILL, vt_kill(&child));
}

/* What a process held is gone when the process is gone. */
TEST_F(peer, kill)
{
	struct vt_child child;
	int peer, i;

	for (i = 0; i < 3; i++) {
		ASSERT_LE(0, vt_fork(&child));
		if (!child.pid) {
			peer = vt_join(self->fd, 5, 2, "child");
			VT_CHECK(peer >= 0);
			VT_CHECK(vt_doorbell(peer, 0) >= 0);
			VT_CHECK(!vt_tell(child.sock));
			pause();
			_exit(0);
		}
		ASSERT_EQ(0, vt_hear(child.sock));
		ASSERT_EQ(1, vt_peers(self->fd, self->infos, ROOM));
		EXPECT_EQ(child.pid, self->infos[0].pid);
		EXPECT_EQ(-EBUSY, vt_join(self->fd, 5, 0, NULL));
		EXPECT_EQ(128 + SIGKILL, vt_kill(&child));
		EXPECT_EQ(0, vt_peers(self->fd, self->infos, ROOM));
	}
	EXPECT_LE(0, vt_join(self->fd, 5, 0, NULL));
}

/* The file is passed on, and the process that joined ends. */
TEST_F(peer, passed)
{
	struct vmshm_peer_stat stat;
	struct vt_child child;
	int peer, mine;

	mine = vt_join(self->fd, VT_ANY, 1, NULL);
	ASSERT_LE(0, mine);
	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		prctl(PR_SET_NAME, "joiner");
		peer = vt_join(self->fd, VT_ANY, 1, "passed");
		VT_CHECK(peer >= 0);
		VT_CHECK(!vt_send_fd(child.sock, peer));
		VT_CHECK(!vt_hear(child.sock));
		_exit(0);
	}
	peer = vt_recv_fd(child.sock);
	ASSERT_LE(0, peer);
	ASSERT_EQ(2, vt_peers(self->fd, self->infos, ROOM));
	EXPECT_EQ(VT_PEER_RW, self->infos[1].flags);
	EXPECT_EQ(child.pid, self->infos[1].pid);
	EXPECT_EQ(0, vt_tell(child.sock));
	EXPECT_EQ(0, vt_wait(&child));

	ASSERT_EQ(2, vt_peers(self->fd, self->infos, ROOM));
	EXPECT_EQ(VT_PEER_RW | VMSHM_PEER_EXITED, self->infos[1].flags);
	EXPECT_STREQ("joiner", (char *)self->infos[1].comm);
	ASSERT_EQ(0, vt_peer_stat(peer, &stat));
	EXPECT_EQ(VT_PEER_RW | VMSHM_PEER_EXITED, stat.out_flags);
	/* It is all there. */
	EXPECT_EQ(0, vt_ring(mine, stat.out_number, 0));
	EXPECT_EQ(1, vt_pending(peer, 0));
	EXPECT_EQ(0, vt_ring(peer, 0, 0));
	EXPECT_EQ(1, vt_pending(mine, 0));
	close(peer);
	EXPECT_EQ(1, vt_peers(self->fd, self->infos, ROOM));
}

/* A peer keeps its handle open, and with that memory and name. */
TEST_F(peer, holds_region)
{
	struct vmshm_member members[4];
	struct vmshm_stat stat;
	int peer, fd;
	char c = 0;

	ASSERT_EQ(1, pwrite(self->fd, "x", 1, 0));
	peer = vt_join(self->fd, VT_ANY, 0, NULL);
	ASSERT_LE(0, peer);
	ASSERT_EQ(1, vt_members(self->fd, members, 4));
	EXPECT_EQ(0, members[0].flags & VMSHM_MEMBER_NO_FD);
	close(self->fd);
	self->fd = -1;
	EXPECT_TRUE(exists(self->dev, self->name));

	fd = vt_open(self->dev, self->name, 0);
	ASSERT_LE(0, fd);
	EXPECT_EQ(1, pread(fd, &c, 1, 0));
	EXPECT_EQ('x', c);
	ASSERT_EQ(0, vt_stat(fd, &stat));
	EXPECT_EQ(2, stat.out_opens);
	ASSERT_EQ(2, vt_members(fd, members, 4));
	EXPECT_EQ(VMSHM_MEMBER_READ | VMSHM_MEMBER_WRITE | VMSHM_MEMBER_NO_FD,
		  members[0].flags);
	EXPECT_EQ(VMSHM_MEMBER_READ | VMSHM_MEMBER_WRITE, members[1].flags);
	close(fd);

	close(peer);
	EXPECT_FALSE(exists(self->dev, self->name));
}

/* With a mapping and a peer of the same handle. */
TEST_F(peer, holds_with_mapping)
{
	struct vmshm_member members[4];
	int peer, fd;
	void *map;

	fd = vt_open(self->dev, self->name, 0);
	ASSERT_LE(0, fd);
	map = mmap(NULL, self->page, PROT_READ, MAP_SHARED, fd, 0);
	ASSERT_NE(MAP_FAILED, map);
	peer = vt_join(fd, VT_ANY, 0, NULL);
	ASSERT_LE(0, peer);
	ASSERT_EQ(3, vt_members(self->fd, members, 4));
	EXPECT_EQ(0, members[1].flags & VMSHM_MEMBER_NO_FD);
	close(fd);
	ASSERT_EQ(3, vt_members(self->fd, members, 4));
	EXPECT_NE(0, members[1].flags & VMSHM_MEMBER_NO_FD);
	ASSERT_EQ(0, munmap(map, self->page));
	ASSERT_EQ(2, vt_members(self->fd, members, 4));
	EXPECT_NE(0, members[1].flags & VMSHM_MEMBER_NO_FD);
	close(peer);
	EXPECT_EQ(1, vt_members(self->fd, members, 4));
}

/* The group is the region's, not the name's. */
TEST_F(peer, unlinked)
{
	int peer, other;

	peer = vt_join(self->fd, 1, 1, NULL);
	ASSERT_LE(0, peer);
	ASSERT_EQ(0, vt_unlink(self->dev, self->name));
	EXPECT_LE(0, vt_join(self->fd, 2, 1, NULL));
	other = vt_create(self->dev, self->name, 0, 0, VMSHM_EPHEMERAL, 0600);
	ASSERT_LE(0, other);
	EXPECT_EQ(0, vt_peers(other, self->infos, ROOM));
	EXPECT_LE(0, vt_join(other, 1, 1, NULL));
	EXPECT_EQ(2, vt_peers(self->fd, self->infos, ROOM));
	EXPECT_EQ(0, vt_ring(peer, 2, 0));
}

TEST_F(peer, pid_namespace)
{
	struct vt_child child;

	ASSERT_LE(0, vt_join(self->fd, VT_ANY, 0, NULL));
	ASSERT_EQ(0, unshare(CLONE_NEWPID));
	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		VT_CHECK(vt_join(self->fd, VT_ANY, 0, NULL) >= 0);
		VT_CHECK(vt_peers(self->fd, self->infos, ROOM) == 2);
		VT_CHECK(self->infos[0].pid == 0);
		VT_CHECK(self->infos[1].pid == 1);
		VT_CHECK(!vt_tell(child.sock));
		vt_hear(child.sock);
		_exit(0);
	}
	ASSERT_EQ(0, vt_hear(child.sock));
	ASSERT_EQ(2, vt_peers(self->fd, self->infos, ROOM));
	EXPECT_EQ(getpid(), self->infos[0].pid);
	EXPECT_EQ(child.pid, self->infos[1].pid);
	EXPECT_EQ(0, vt_tell(child.sock));
	EXPECT_EQ(0, vt_wait(&child));
}

#define OUTSIDE	200000

TEST_F(peer, user_namespace)
{
	struct vt_child child;

	ASSERT_LE(0, vt_join(self->fd, VT_ANY, 0, NULL));
	if (vt_fork_userns(&child, VT_ALICE, OUTSIDE, 100) == 0) {
		/* The descriptor was inherited. */
		VT_CHECK(vt_join(self->fd, VT_ANY, 0, NULL) >= 0);
		VT_CHECK(vt_peers(self->fd, self->infos, ROOM) == 2);
		VT_CHECK(self->infos[0].uid == 65534);
		VT_CHECK(self->infos[1].uid == 0);
		VT_CHECK(!vt_tell(child.sock));
		vt_hear(child.sock);
		_exit(0);
	}
	ASSERT_EQ(0, vt_hear(child.sock));
	ASSERT_EQ(2, vt_peers(self->fd, self->infos, ROOM));
	EXPECT_EQ(0, self->infos[0].uid);
	EXPECT_EQ(OUTSIDE, self->infos[1].uid);
	EXPECT_EQ(0, vt_tell(child.sock));
	EXPECT_EQ(0, vt_wait(&child));
}

/* What a user may have, what counts, and that it is given back. */
TEST_F(peer, limits)
{
	struct vmshm_info info, before;
	int fd, peers[3], i;

	ASSERT_EQ(0, vt_param_set("peers_user", 3));
	ASSERT_EQ(0, vt_act_as(VT_ALICE, VT_ALICE));
	fd = vt_open(self->dev, self->name, 0);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, vt_info(self->dev, &before));
	EXPECT_EQ(3, before.out_peers_user);
	EXPECT_EQ(0, before.out_peers_used);
	for (i = 0; i < 3; i++) {
		peers[i] = vt_join(fd, VT_ANY, i * 32, NULL);
		ASSERT_LE(0, peers[i]);
		ASSERT_EQ(0, vt_info(self->dev, &info));
		EXPECT_EQ((__u64)i + 1, info.out_peers_used);
		EXPECT_LT(before.out_meta_used, info.out_meta_used);
	}
	/* Each vector counts for the eventfd that it may keep alive. */
	EXPECT_LT(before.out_meta_used + 96 * 256, info.out_meta_used);
	EXPECT_EQ(-EDQUOT, vt_join(fd, VT_ANY, 0, NULL));
	EXPECT_EQ(-EDQUOT, vt_join(fd, 9, 0, NULL));
	/* Others are not concerned, nor do they give room. */
	ASSERT_EQ(0, vt_act_as_root());
	i = vt_join(self->fd, VT_ANY, 0, NULL);
	ASSERT_LE(0, i);
	EXPECT_EQ(3, vt_peer_number(i));
	close(i);
	ASSERT_EQ(0, vt_act_as(VT_ALICE, VT_ALICE));
	EXPECT_EQ(-EDQUOT, vt_join(fd, VT_ANY, 0, NULL));
	close(peers[1]);
	peers[1] = vt_join(fd, VT_ANY, 32, NULL);
	ASSERT_LE(0, peers[1]);
	EXPECT_EQ(1, vt_peer_number(peers[1]));
	for (i = 0; i < 3; i++)
		close(peers[i]);
	ASSERT_EQ(0, vt_info(self->dev, &info));
	EXPECT_EQ(0, info.out_peers_used);
	EXPECT_EQ(before.out_meta_used, info.out_meta_used);

	/* Kernel memory is what limits vectors. */
	ASSERT_EQ(0, vt_act_as_root());
	ASSERT_EQ(0, vt_param_set("peers_user", 1000));
	ASSERT_EQ(0, vt_param_set("meta_user_kb", before.out_meta_used / 1024 +
				  16));
	ASSERT_EQ(0, vt_act_as(VT_ALICE, VT_ALICE));
	EXPECT_EQ(-EDQUOT, vt_join(fd, VT_ANY, 64, NULL));
	peers[0] = vt_join(fd, VT_ANY, 1, NULL);
	EXPECT_LE(0, peers[0]);
	close(peers[0]);
	ASSERT_EQ(0, vt_info(self->dev, &info));
	EXPECT_EQ(0, info.out_peers_used);
	EXPECT_EQ(before.out_meta_used, info.out_meta_used);
	close(fd);
}

/* Who has left for good, has left nothing. */
TEST_F(peer, many_times)
{
	struct vmshm_info before, after;
	int peer, fds, i, bell;

	bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ASSERT_LE(0, bell);
	fds = vt_nr_fds();
	ASSERT_EQ(0, vt_info(self->dev, &before));
	for (i = 0; i < 1000; i++) {
		peer = vt_join(self->fd, i % 3 ? VT_ANY : i, 2, "again");
		ASSERT_LE(0, peer);
		ASSERT_EQ(0, vt_set_vector(peer, i % 2, bell));
		ASSERT_EQ(0, vt_ring(peer, vt_peer_number(peer), i % 2));
		close(peer);
	}
	EXPECT_EQ(1000, vt_count(bell));
	EXPECT_EQ(0, vt_peers(self->fd, self->infos, ROOM));
	EXPECT_EQ(0, vt_fdinfo(self->fd, "vmshm-peers"));
	EXPECT_EQ(fds, vt_nr_fds());
	ASSERT_EQ(0, vt_info(self->dev, &after));
	EXPECT_EQ(before.out_peers_used, after.out_peers_used);
	EXPECT_EQ(before.out_meta_used, after.out_meta_used);
	peer = vt_join(self->fd, VT_ANY, 2, NULL);
	EXPECT_EQ(0, vt_peer_number(peer));
}

/* All numbers there are. */
TEST_F(peer, full)
{
	struct rlimit rlim = { 70000, 70000 };
	struct vmshm_peer_info *infos;
	int first = 0, peer, i;

	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &rlim));
	ASSERT_EQ(0, vt_param_set("peers_user", 100000));
	ASSERT_EQ(0, vt_param_set("meta_user_kb", 1 << 20));
	for (i = 0; i <= VMSHM_PEER_NUMBER_MAX; i++) {
		peer = vt_join(self->fd, VT_ANY, 0, NULL);
		ASSERT_LE(0, peer) {
			TH_LOG("%d peers", i);
		}
		if (!i)
			first = peer;
	}
	EXPECT_EQ(VMSHM_PEER_NUMBER_MAX, vt_peer_number(peer));
	EXPECT_EQ(-ENOSPC, vt_join(self->fd, VT_ANY, 0, NULL));
	EXPECT_EQ(-EBUSY, vt_join(self->fd, 77, 0, NULL));
	EXPECT_EQ(0, vt_ring(peer, VMSHM_PEER_ALL, 0));

	infos = calloc(VMSHM_PEER_NUMBER_MAX + 1, sizeof(*infos));
	ASSERT_NE(NULL, infos);
	ASSERT_EQ(VMSHM_PEER_NUMBER_MAX + 1,
		  vt_peers(self->fd, infos, VMSHM_PEER_NUMBER_MAX + 1));
	for (i = 0; i <= VMSHM_PEER_NUMBER_MAX; i++)
		ASSERT_EQ((__u32)i, infos[i].number);
	free(infos);

	/* One leaves, and that number is given out. */
	close(first + 500);
	peer = vt_join(self->fd, VT_ANY, 0, NULL);
	ASSERT_LE(0, peer);
	EXPECT_EQ(500, vt_peer_number(peer));
	EXPECT_EQ(-ENOSPC, vt_join(self->fd, VT_ANY, 0, NULL));
}

TEST_HARNESS_MAIN
