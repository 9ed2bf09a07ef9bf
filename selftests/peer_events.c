// SPDX-License-Identifier: GPL-2.0
/*
 * Events of peers: who joined, who left, whose process has ended, and whose
 * vectors have an eventfd.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "lib/harness.h"
#include "lib/vmshm_env.h"
#include "lib/vmshm_peer.h"

#define PEER_EVENTS	(1U << VMSHM_EVENT_JOINED | 1U << VMSHM_EVENT_LEFT | \
			 1U << VMSHM_EVENT_PEER_EXIT | 1U << VMSHM_EVENT_VECTOR)

FIXTURE(events) {
	int dev;
	int fd;
	int watch;
	long page;
	char name[VMSHM_NAME_MAX + 1];
	struct vmshm_event event;
};

FIXTURE_SETUP(events)
{
	self->page = sysconf(_SC_PAGESIZE);
	self->dev = vt_device();
	ASSERT_LE(0, self->dev);
	self->fd = vt_create(self->dev, vt_name(self->name, "events"), 4096, 0,
			     VMSHM_EPHEMERAL, 0666);
	ASSERT_LE(0, self->fd);
	self->watch = vt_watch(self->fd, "", PEER_EVENTS, NULL);
	ASSERT_LE(0, self->watch);
}

FIXTURE_TEARDOWN(events)
{
	close(self->watch);
	close(self->fd);
	close(self->dev);
}

/* The next event, which is to be of this type, process and peer. */
#define ASSERT_EVENT(_type, _pid, _number, _generation)			\
	do {								\
		ASSERT_EQ(0, vt_next_event(self->watch, &self->event));	\
		ASSERT_EQ(VMSHM_EVENT_##_type, self->event.type);	\
		EXPECT_EQ(_pid, self->event.pid);			\
		EXPECT_EQ(_number, self->event.value);			\
		EXPECT_EQ(_generation, self->event.old_value);		\
	} while (0)

TEST_F(events, join_and_leave)
{
	struct vmshm_stat stat;
	__u64 generation;
	int peer, i;

	ASSERT_EQ(0, vt_stat(self->fd, &stat));
	for (i = 0; i < 2; i++) {
		peer = vt_join(self->fd, 17, 3, "x");
		ASSERT_LE(0, peer);
		generation = vt_peer_generation(peer);
		ASSERT_EVENT(JOINED, getpid(), 17, generation);
		EXPECT_EQ(VT_PEER_RW, self->event.flags);
		EXPECT_EQ(getuid(), self->event.uid);
		EXPECT_EQ(0, self->event.vector);
		EXPECT_STREQ(self->name, (char *)self->event.name);
		EXPECT_EQ(stat.out_generation, self->event.generation);
		EXPECT_EQ(stat.out_seq + 2 * i + 1, self->event.seq);
		close(peer);
		ASSERT_EVENT(LEFT, getpid(), 17, generation);
		EXPECT_EQ(VT_PEER_RW, self->event.flags);
		EXPECT_EQ(0, self->event.vector);
		EXPECT_EQ(stat.out_seq + 2 * i + 2, self->event.seq);
		EXPECT_TRUE(vt_no_event(self->watch));
	}
}

TEST_F(events, of_reader)
{
	int readonly, peer;
	__u64 generation;

	readonly = vt_readonly(self->fd);
	ASSERT_LE(0, readonly);
	peer = vt_join(readonly, VT_ANY, 1, NULL);
	ASSERT_LE(0, peer);
	generation = vt_peer_generation(peer);
	ASSERT_EVENT(JOINED, getpid(), 0, generation);
	EXPECT_EQ(VMSHM_PEER_READ, self->event.flags);
	ASSERT_LE(0, vt_doorbell(peer, 0));
	ASSERT_EVENT(VECTOR, getpid(), 0, generation);
	EXPECT_EQ(VMSHM_PEER_READ | VMSHM_PEER_EVENTFD, self->event.flags);
	close(peer);
	ASSERT_EVENT(LEFT, getpid(), 0, generation);
	EXPECT_EQ(VMSHM_PEER_READ, self->event.flags);
}

TEST_F(events, vector)
{
	int peer, bell;
	__u64 generation;

	peer = vt_join(self->fd, 5, 64, NULL);
	ASSERT_LE(0, peer);
	generation = vt_peer_generation(peer);
	ASSERT_EVENT(JOINED, getpid(), 5, generation);

	bell = vt_doorbell(peer, 63);
	ASSERT_LE(0, bell);
	ASSERT_EVENT(VECTOR, getpid(), 5, generation);
	EXPECT_EQ(63, self->event.vector);
	EXPECT_EQ(VT_PEER_RW | VMSHM_PEER_EVENTFD, self->event.flags);
	/* Another one in its place. */
	ASSERT_LE(0, vt_doorbell(peer, 63));
	ASSERT_EVENT(VECTOR, getpid(), 5, generation);
	EXPECT_EQ(63, self->event.vector);
	EXPECT_EQ(VT_PEER_RW | VMSHM_PEER_EVENTFD, self->event.flags);
	ASSERT_EQ(0, vt_set_vector(peer, 63, -1));
	ASSERT_EVENT(VECTOR, getpid(), 5, generation);
	EXPECT_EQ(63, self->event.vector);
	EXPECT_EQ(VT_PEER_RW, self->event.flags);
	/* There was none, and there is none. */
	ASSERT_EQ(0, vt_set_vector(peer, 63, -1));
	EXPECT_TRUE(vt_no_event(self->watch));
	/* What is refused, and ringing, is no event. */
	EXPECT_EQ(-EINVAL, vt_set_vector(peer, 64, bell));
	EXPECT_EQ(-EINVAL, vt_set_vector(peer, 0, self->fd));
	EXPECT_EQ(0, vt_ring(peer, 5, 63));
	EXPECT_EQ(-EBUSY, vt_join(self->fd, 5, 0, NULL));
	EXPECT_TRUE(vt_no_event(self->watch));

	/* Leaving takes the eventfds along without a word. */
	ASSERT_EQ(0, vt_set_vector(peer, 0, bell));
	ASSERT_EVENT(VECTOR, getpid(), 5, generation);
	EXPECT_EQ(0, self->event.vector);
	close(peer);
	ASSERT_EVENT(LEFT, getpid(), 5, generation);
	EXPECT_TRUE(vt_no_event(self->watch));
}

/* Nobody hears of a peer that did not come to be. */
TEST_F(events, failed_join)
{
	struct vmshm_join *arg;

	arg = mmap(NULL, self->page, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, arg);
	arg->size = sizeof(*arg);
	ASSERT_EQ(0, mprotect(arg, self->page, PROT_READ));
	EXPECT_EQ(-EFAULT, vt_ioctl(self->fd, VMSHM_IOC_JOIN, arg));
	EXPECT_TRUE(vt_no_event(self->watch));
}

TEST_F(events, kill)
{
	struct vt_child child;
	__u64 generation;
	int peer;

	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		peer = vt_join(self->fd, 3, 1, NULL);
		VT_CHECK(peer >= 0);
		VT_CHECK(!vt_tell(child.sock));
		pause();
		_exit(0);
	}
	ASSERT_EQ(0, vt_hear(child.sock));
	ASSERT_EQ(0, vt_next_event(self->watch, &self->event));
	generation = self->event.old_value;
	EXPECT_EQ(128 + SIGKILL, vt_kill(&child));
	/* All has been told when the process can be waited for. */
	EXPECT_EQ(POLLIN | POLLRDNORM, vt_poll(self->watch));
	ASSERT_EVENT(PEER_EXIT, child.pid, 3, generation);
	EXPECT_EQ(VT_PEER_RW, self->event.flags);
	EXPECT_EQ(getuid(), self->event.uid);
	EXPECT_EQ(POLLIN | POLLRDNORM, vt_poll(self->watch));
	ASSERT_EVENT(LEFT, child.pid, 3, generation);
	EXPECT_TRUE(vt_no_event(self->watch));
}

/* It closes the peer, and ends later: that is a plain leave. */
TEST_F(events, close_then_end)
{
	struct vt_child child;
	int peer;

	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		peer = vt_join(self->fd, 3, 1, NULL);
		VT_CHECK(peer >= 0);
		VT_CHECK(!close(peer));
		_exit(0);
	}
	EXPECT_EQ(0, vt_wait(&child));
	ASSERT_EQ(0, vt_next_event(self->watch, &self->event));
	EXPECT_EQ(VMSHM_EVENT_JOINED, self->event.type);
	ASSERT_EQ(0, vt_next_event(self->watch, &self->event));
	EXPECT_EQ(VMSHM_EVENT_LEFT, self->event.type);
	EXPECT_TRUE(vt_no_event(self->watch));
}

/* Its file was passed on: it has ended, and later the peer leaves. */
TEST_F(events, passed)
{
	struct vt_child child;
	__u64 generation;
	int peer;

	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		peer = vt_join(self->fd, 3, 1, NULL);
		VT_CHECK(peer >= 0);
		VT_CHECK(!vt_send_fd(child.sock, peer));
		VT_CHECK(!vt_hear(child.sock));
		_exit(7);
	}
	peer = vt_recv_fd(child.sock);
	ASSERT_LE(0, peer);
	generation = vt_peer_generation(peer);
	ASSERT_EVENT(JOINED, child.pid, 3, generation);
	EXPECT_TRUE(vt_no_event(self->watch));
	ASSERT_EQ(0, vt_tell(child.sock));
	/* Before anybody has waited for it. */
	ASSERT_EVENT(PEER_EXIT, child.pid, 3, generation);
	EXPECT_EQ(7, vt_wait(&child));
	/* Who uses the file now is not named. */
	ASSERT_LE(0, vt_doorbell(peer, 0));
	ASSERT_EVENT(VECTOR, child.pid, 3, generation);
	close(peer);
	ASSERT_EVENT(LEFT, child.pid, 3, generation);
	EXPECT_TRUE(vt_no_event(self->watch));
}

/* With the handle it joined by: everything in a sensible order. */
TEST_F(events, with_handle)
{
	static const __u32 types[] = {
		VMSHM_EVENT_OPENED, VMSHM_EVENT_JOINED, VMSHM_EVENT_PEER_EXIT,
		VMSHM_EVENT_LEFT, VMSHM_EVENT_EXIT, VMSHM_EVENT_CLOSED,
	};
	struct vt_child child;
	unsigned int i;
	int watch, fd;

	watch = vt_watch(self->fd, "", 0, NULL);
	ASSERT_LE(0, watch);
	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		fd = vt_open(self->dev, self->name, 0);
		VT_CHECK(fd >= 0);
		VT_CHECK(vt_join(fd, 3, 1, NULL) >= 0);
		_exit(0);
	}
	EXPECT_EQ(0, vt_wait(&child));
	for (i = 0; i < ARRAY_SIZE(types); i++) {
		ASSERT_EQ(0, vt_next_event(watch, &self->event));
		EXPECT_EQ(types[i], self->event.type);
		EXPECT_EQ(child.pid, self->event.pid);
	}
	EXPECT_TRUE(vt_no_event(watch));
}

/* A watch of all regions, of whoever may open this one. */
TEST_F(events, device_watch)
{
	int watch, peer, alice;
	__u64 generation;

	ASSERT_EQ(0, fchmod(self->fd, 0600));
	ASSERT_EQ(0, vt_act_as(VT_ALICE, VT_ALICE));
	alice = vt_watch(self->dev, self->name, PEER_EVENTS, NULL);
	ASSERT_LE(0, alice);
	ASSERT_EQ(0, vt_act_as_root());
	watch = vt_watch(self->dev, self->name, PEER_EVENTS, NULL);
	ASSERT_LE(0, watch);
	peer = vt_join(self->fd, VT_ANY, 1, NULL);
	ASSERT_LE(0, peer);
	generation = vt_peer_generation(peer);
	close(peer);
	close(self->watch);
	self->watch = watch;
	ASSERT_EVENT(JOINED, getpid(), 0, generation);
	EXPECT_STREQ(self->name, (char *)self->event.name);
	ASSERT_EVENT(LEFT, getpid(), 0, generation);
	EXPECT_TRUE(vt_no_event(alice));
	close(alice);
}

/* Only what was asked for. */
TEST_F(events, mask)
{
	int watch, peer;

	watch = vt_watch(self->fd, "", 1U << VMSHM_EVENT_VECTOR, NULL);
	ASSERT_LE(0, watch);
	peer = vt_join(self->fd, VT_ANY, 1, NULL);
	ASSERT_LE(0, peer);
	EXPECT_TRUE(vt_no_event(watch));
	ASSERT_LE(0, vt_doorbell(peer, 0));
	ASSERT_EQ(0, vt_next_event(watch, &self->event));
	EXPECT_EQ(VMSHM_EVENT_VECTOR, self->event.type);
	close(peer);
	EXPECT_TRUE(vt_no_event(watch));
}

/* The watch was there first: list and events together miss nobody. */
TEST_F(events, list_and_watch)
{
	struct vmshm_peer_info infos[4];
	struct vmshm_stat stat;
	__u64 seq;
	int watch, peer;

	ASSERT_LE(0, vt_join(self->fd, VT_ANY, 0, NULL));
	watch = vt_watch(self->fd, "", PEER_EVENTS, &seq);
	ASSERT_LE(0, watch);
	ASSERT_EQ(0, vt_stat(self->fd, &stat));
	EXPECT_EQ(stat.out_seq, seq);
	ASSERT_EQ(1, vt_peers(self->fd, infos, 4));
	EXPECT_TRUE(vt_no_event(watch));
	peer = vt_join(self->fd, VT_ANY, 0, NULL);
	ASSERT_LE(0, peer);
	ASSERT_EQ(0, vt_next_event(watch, &self->event));
	EXPECT_EQ(1, self->event.value);
	EXPECT_EQ(seq + 1, self->event.seq);
}

TEST_HARNESS_MAIN
