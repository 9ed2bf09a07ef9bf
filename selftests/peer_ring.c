// SPDX-License-Identifier: GPL-2.0
/*
 * Doorbells of peers: VMSHM_IOC_PEER_SET_VECTOR, _PEER_GET_VECTOR, _PEER_RING
 * and _PEER_PENDING, poll(2), and who may use them.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "lib/harness.h"
#include "lib/vmshm_env.h"
#include "lib/vmshm_peer.h"

#define VECTORS	4

FIXTURE(ring) {
	int dev;
	int fd;
	int a;		/* peer 0 */
	int b;		/* peer 1 */
	char name[VMSHM_NAME_MAX + 1];
};

FIXTURE_SETUP(ring)
{
	self->dev = vt_device();
	ASSERT_LE(0, self->dev);
	self->fd = vt_create(self->dev, vt_name(self->name, "ring"), 4096, 0,
			     VMSHM_EPHEMERAL, 0666);
	ASSERT_LE(0, self->fd);
	self->a = vt_join(self->fd, 0, VECTORS, "a");
	ASSERT_LE(0, self->a);
	self->b = vt_join(self->fd, 1, VECTORS, "b");
	ASSERT_LE(0, self->b);
}

FIXTURE_TEARDOWN(ring)
{
	close(self->a);
	close(self->b);
	close(self->fd);
	close(self->dev);
}

#define READABLE	(POLLIN | POLLRDNORM)

TEST_F(ring, eventfd_and_pending)
{
	struct vmshm_peer_stat stat;
	int bells[VECTORS], i;

	for (i = 0; i < VECTORS; i++) {
		bells[i] = vt_doorbell(self->b, i);
		ASSERT_LE(0, bells[i]);
	}
	EXPECT_EQ(0, vt_poll(self->b));
	EXPECT_EQ(0, vt_pending(self->b, 0));

	ASSERT_EQ(0, vt_ring(self->a, 1, 2));
	EXPECT_EQ(READABLE, vt_poll(self->b));
	EXPECT_EQ(0, vt_poll(self->a));
	EXPECT_EQ(1, vt_count(bells[2]));
	EXPECT_EQ(0, vt_count(bells[2]));
	/* Reading the eventfd is not asking. */
	EXPECT_EQ(READABLE, vt_poll(self->b));
	EXPECT_EQ(1 << 2, vt_pending(self->b, 0));
	EXPECT_EQ(0, vt_poll(self->b));
	EXPECT_EQ(0, vt_pending(self->b, 0));

	/* Each ring counts, in its vector alone; pending it is once. */
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, vt_ring(self->a, 1, 3));
	ASSERT_EQ(0, vt_ring(self->a, 1, 0));
	EXPECT_EQ(1, vt_count(bells[0]));
	EXPECT_EQ(0, vt_count(bells[1]));
	EXPECT_EQ(0, vt_count(bells[2]));
	EXPECT_EQ(3, vt_count(bells[3]));
	ASSERT_EQ(0, vt_peer_stat(self->b, &stat));
	EXPECT_EQ(5, stat.out_rings);
	EXPECT_EQ(0xf, stat.out_eventfds);
	EXPECT_EQ(1 << 3 | 1, stat.out_pending);
	ASSERT_EQ(0, vt_peer_stat(self->a, &stat));
	EXPECT_EQ(0, stat.out_rings);

	/* Some of them, and then the others. */
	EXPECT_EQ(0, vt_pending(self->b, 1 << 2));
	EXPECT_EQ(1 << 3, vt_pending(self->b, 1ULL << 63 | 1 << 3));
	EXPECT_EQ(READABLE, vt_poll(self->b));
	EXPECT_EQ(1, vt_pending(self->b, 0));
	EXPECT_EQ(0, vt_poll(self->b));
}

TEST_F(ring, without_eventfd)
{
	int bell;

	ASSERT_EQ(0, vt_ring(self->a, 1, 1));
	EXPECT_EQ(READABLE, vt_poll(self->b));
	/* One that comes later is not signalled for what was. */
	bell = vt_doorbell(self->b, 1);
	ASSERT_LE(0, bell);
	EXPECT_EQ(0, vt_count(bell));
	EXPECT_EQ(1 << 1, vt_pending(self->b, 0));
	ASSERT_EQ(0, vt_ring(self->a, 1, 1));
	EXPECT_EQ(1, vt_count(bell));
}

TEST_F(ring, self)
{
	int bell = vt_doorbell(self->a, 0);

	ASSERT_LE(0, bell);
	ASSERT_EQ(0, vt_ring(self->a, 0, 0));
	EXPECT_EQ(1, vt_count(bell));
	EXPECT_EQ(1, vt_pending(self->a, 0));
	EXPECT_EQ(0, vt_pending(self->b, 0));
}

/* All others that have the vector. */
TEST_F(ring, all)
{
	int none, few, last, bell;

	none = vt_join(self->fd, VT_ANY, 0, NULL);
	ASSERT_LE(0, none);
	few = vt_join(self->fd, 1000, 2, NULL);
	ASSERT_LE(0, few);
	last = vt_join(self->fd, VMSHM_PEER_NUMBER_MAX, 64, NULL);
	ASSERT_LE(0, last);
	bell = vt_doorbell(last, 2);
	ASSERT_LE(0, bell);

	ASSERT_EQ(0, vt_ring(self->b, VMSHM_PEER_ALL, 2));
	EXPECT_EQ(1 << 2, vt_pending(self->a, 0));
	EXPECT_EQ(0, vt_pending(self->b, 0));
	EXPECT_EQ(0, vt_pending(none, 0));
	EXPECT_EQ(0, vt_pending(few, 0));
	EXPECT_EQ(1 << 2, vt_pending(last, 0));
	EXPECT_EQ(1, vt_count(bell));

	ASSERT_EQ(0, vt_ring(self->b, VMSHM_PEER_ALL, 63));
	EXPECT_EQ(0, vt_pending(self->a, 0));
	EXPECT_EQ(1ULL << 63, vt_pending(last, 0));

	/* Nobody has it but who rings; nobody is there any more. */
	ASSERT_EQ(0, vt_ring(last, VMSHM_PEER_ALL, 63));
	EXPECT_EQ(0, vt_pending(last, 0));
	ASSERT_EQ(0, vt_ring(last, VMSHM_PEER_ALL, 0));
	EXPECT_EQ(1, vt_pending(few, 0));
	close(self->a);
	close(self->b);
	close(none);
	close(few);
	ASSERT_EQ(0, vt_ring(last, VMSHM_PEER_ALL, 0));
	EXPECT_EQ(0, vt_pending(last, 0));
}

TEST_F(ring, refused)
{
	static const __u32 nobody[] = {
		2, 63, 64, VMSHM_PEER_NUMBER_MAX, VMSHM_PEER_NUMBER_MAX + 1,
		0x10000, 0x10001, 0x80000000, 0xfffffffe,
	};
	static const __u32 vectors[] = { VECTORS, 63, 64, 65, 0xffffffff };
	size_t i;
	int none;

	for (i = 0; i < ARRAY_SIZE(nobody); i++)
		EXPECT_EQ(-ENOENT, vt_ring(self->a, nobody[i], 0));
	for (i = 0; i < ARRAY_SIZE(vectors); i++)
		EXPECT_EQ(-EINVAL, vt_ring(self->a, 1, vectors[i]));
	for (i = 2; i < ARRAY_SIZE(vectors); i++)
		EXPECT_EQ(-EINVAL, vt_ring(self->a, VMSHM_PEER_ALL,
					   vectors[i]));
	none = vt_join(self->fd, 2, 0, NULL);
	ASSERT_LE(0, none);
	EXPECT_EQ(-EINVAL, vt_ring(self->a, 2, 0));
	/* Who has no vectors can ring others. */
	EXPECT_EQ(0, vt_ring(none, 0, 0));
	EXPECT_EQ(1, vt_pending(self->a, 0));
	close(none);
	EXPECT_EQ(-ENOENT, vt_ring(self->a, 2, 0));
	EXPECT_EQ(0, vt_pending(self->b, 0));
}

TEST_F(ring, set_vector)
{
	static const __u32 vectors[] = { VECTORS, 64, 0xffffffff };
	int first, second, pipes[2], socks[2], i;
	struct vmshm_peer_stat stat;

	first = vt_doorbell(self->b, 0);
	ASSERT_LE(0, first);
	ASSERT_EQ(0, pipe2(pipes, O_CLOEXEC));
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, socks));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(-EINVAL, vt_set_vector(self->b, vectors[i], first));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(-EINVAL, vt_set_vector(self->b, vectors[i], -1));
	EXPECT_EQ(-EBADF, vt_set_vector(self->b, 0, -2));
	EXPECT_EQ(-EBADF, vt_set_vector(self->b, 0, 12345));
	/* What could hold a peer in turn cannot be held by one. */
	EXPECT_EQ(-EINVAL, vt_set_vector(self->b, 0, pipes[1]));
	EXPECT_EQ(-EINVAL, vt_set_vector(self->b, 0, socks[1]));
	EXPECT_EQ(-EINVAL, vt_set_vector(self->b, 0, self->b));
	EXPECT_EQ(-EINVAL, vt_set_vector(self->b, 0, self->a));
	EXPECT_EQ(-EINVAL, vt_set_vector(self->b, 0, self->fd));
	EXPECT_EQ(-EINVAL, vt_set_vector(self->b, 0, self->dev));
	ASSERT_EQ(0, vt_ring(self->a, 1, 0));
	EXPECT_EQ(1, vt_count(first));

	/* Another one in its place, the same for two vectors, none. */
	second = vt_doorbell(self->b, 0);
	ASSERT_LE(0, second);
	ASSERT_EQ(0, vt_set_vector(self->b, 3, second));
	ASSERT_EQ(0, vt_ring(self->a, 1, 0));
	ASSERT_EQ(0, vt_ring(self->a, 1, 3));
	EXPECT_EQ(0, vt_count(first));
	EXPECT_EQ(2, vt_count(second));
	ASSERT_EQ(0, vt_set_vector(self->b, 0, -1));
	ASSERT_EQ(0, vt_set_vector(self->b, 1, -1));
	ASSERT_EQ(0, vt_peer_stat(self->b, &stat));
	EXPECT_EQ(1 << 3, stat.out_eventfds);
	ASSERT_EQ(0, vt_ring(self->a, 1, 0));
	EXPECT_EQ(0, vt_count(second));
	EXPECT_EQ(1 << 3 | 1, vt_pending(self->b, 0));
}

static bool same_file(int a, int b)
{
	return syscall(SYS_kcmp, getpid(), getpid(), 0 /* KCMP_FILE */, a,
		       b) == 0;
}

TEST_F(ring, get_vector)
{
	__u64 generation = vt_peer_generation(self->b), one = 1;
	int bell, got;

	bell = vt_doorbell(self->b, 2);
	ASSERT_LE(0, bell);
	got = vt_get_vector(self->a, 1, 0, 2);
	ASSERT_LE(0, got);
	EXPECT_EQ(FD_CLOEXEC, fcntl(got, F_GETFD));
	EXPECT_TRUE(same_file(bell, got));
	/* It rings, past the peer. */
	ASSERT_EQ(sizeof(one), write(got, &one, sizeof(one)));
	EXPECT_EQ(1, vt_count(bell));
	EXPECT_EQ(0, vt_pending(self->b, 0));
	close(got);

	got = vt_get_vector(self->a, 1, generation, 2);
	ASSERT_LE(0, got);
	close(got);
	/* One's own, too. */
	got = vt_get_vector(self->b, 1, generation, 2);
	ASSERT_LE(0, got);
	EXPECT_TRUE(same_file(bell, got));
	close(got);

	/* Not any longer its owner's, but still the peer's. */
	close(bell);
	got = vt_get_vector(self->a, 1, 0, 2);
	ASSERT_LE(0, got);
	ASSERT_EQ(0, vt_ring(self->a, 1, 2));
	EXPECT_EQ(1, vt_count(got));
	/* Whoever has it keeps it. */
	ASSERT_EQ(0, vt_set_vector(self->b, 2, -1));
	ASSERT_EQ(sizeof(one), write(got, &one, sizeof(one)));
	EXPECT_EQ(1, vt_count(got));
}

TEST_F(ring, get_vector_refused)
{
	__u64 generation = vt_peer_generation(self->b);
	int nr, i;

	ASSERT_LE(0, vt_doorbell(self->b, 2));
	nr = vt_nr_fds();
	EXPECT_EQ(-ENOENT, vt_get_vector(self->a, 2, 0, 2));
	EXPECT_EQ(-ENOENT, vt_get_vector(self->a, 0x10001, 0, 2));
	EXPECT_EQ(-ENOENT, vt_get_vector(self->a, VMSHM_PEER_ALL, 0, 2));
	EXPECT_EQ(-ENOENT, vt_get_vector(self->a, 1, 0, 1));
	EXPECT_EQ(-ENOENT, vt_get_vector(self->a, 1, generation, 1));
	EXPECT_EQ(-ENOENT, vt_get_vector(self->a, 0, 0, 2));
	EXPECT_EQ(-ESTALE, vt_get_vector(self->a, 1, generation + 1, 2));
	EXPECT_EQ(-ESTALE, vt_get_vector(self->a, 0, generation, 2));
	EXPECT_EQ(-EINVAL, vt_get_vector(self->a, 1, 0, VECTORS));
	EXPECT_EQ(-EINVAL, vt_get_vector(self->a, 1, 0, 64));
	EXPECT_EQ(-EINVAL, vt_get_vector(self->a, 1, 0, 0xffffffff));
	/* It has left, another one came under its number. */
	close(self->b);
	EXPECT_EQ(-ENOENT, vt_get_vector(self->a, 1, 0, 2));
	EXPECT_EQ(-ENOENT, vt_get_vector(self->a, 1, generation, 2));
	self->b = vt_join(self->fd, 1, VECTORS, NULL);
	ASSERT_LE(0, self->b);
	EXPECT_EQ(-ENOENT, vt_get_vector(self->a, 1, 0, 2));
	i = vt_doorbell(self->b, 2);
	ASSERT_LE(0, i);
	EXPECT_EQ(-ESTALE, vt_get_vector(self->a, 1, generation, 2));
	EXPECT_EQ(nr + 1, vt_nr_fds());
}

/* Whatever is done with an eventfd, RING does not wait and is not forgotten. */
TEST_F(ring, full_eventfd)
{
	const __u64 most = 0xfffffffffffffffeULL;
	int bell, got, i;

	bell = vt_doorbell(self->b, 0);
	ASSERT_LE(0, bell);
	got = vt_get_vector(self->a, 1, 0, 0);
	ASSERT_LE(0, got);
	/* O_NONBLOCK is common to all who have it. */
	ASSERT_EQ(0, fcntl(got, F_SETFL, 0));
	EXPECT_EQ(0, fcntl(bell, F_GETFL) & O_NONBLOCK);
	ASSERT_EQ(sizeof(most), write(got, &most, sizeof(most)));
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, vt_ring(self->a, 1, 0));
	EXPECT_EQ(1, vt_pending(self->b, 0));
	EXPECT_NE(0, vt_poll(bell) & POLLIN);
}

/* Another one drains it: the ring is seen as pending. */
TEST_F(ring, drained_eventfd)
{
	int bell, got;

	bell = vt_doorbell(self->b, 0);
	ASSERT_LE(0, bell);
	got = vt_get_vector(self->a, 1, 0, 0);
	ASSERT_LE(0, got);
	ASSERT_EQ(0, vt_ring(self->a, 1, 0));
	EXPECT_EQ(1, vt_count(got));
	EXPECT_EQ(0, vt_count(bell));
	EXPECT_EQ(READABLE, vt_poll(self->b));
	EXPECT_EQ(1, vt_pending(self->b, 0));
}

/* A handle that cannot write: may be rung, may not ring. */
TEST_F(ring, read_only)
{
	int readonly, peer, bell, other;
	struct vmshm_peer_stat stat;
	char path[64];
	int i;

	bell = vt_doorbell(self->b, 0);
	ASSERT_LE(0, bell);
	for (i = 0; i < 2; i++) {
		if (i) {
			snprintf(path, sizeof(path), "/proc/self/fd/%d",
				 self->fd);
			readonly = open(path, O_RDONLY | O_CLOEXEC);
		} else {
			readonly = vt_readonly(self->fd);
		}
		ASSERT_LE(0, readonly);
		peer = vt_join(readonly, 2, VECTORS, NULL);
		ASSERT_LE(0, peer);
		ASSERT_EQ(0, vt_peer_stat(peer, &stat));
		EXPECT_EQ(VMSHM_PEER_READ, stat.out_flags);
		EXPECT_EQ(-EACCES, vt_ring(peer, 1, 0));
		EXPECT_EQ(-EACCES, vt_ring(peer, 2, 0));
		EXPECT_EQ(-EACCES, vt_ring(peer, VMSHM_PEER_ALL, 0));
		EXPECT_EQ(-EINVAL, vt_ring(peer, 1, VMSHM_PEER_VECTORS_MAX));
		EXPECT_EQ(-EACCES, vt_get_vector(peer, 1, 0, 0));
		EXPECT_EQ(-EACCES, vt_get_vector(peer, 2, 0, 0));
		EXPECT_EQ(0, vt_count(bell));
		EXPECT_EQ(0, vt_pending(self->b, 0));

		other = vt_doorbell(peer, 0);
		ASSERT_LE(0, other);
		ASSERT_EQ(0, vt_ring(self->a, 2, 0));
		EXPECT_EQ(1, vt_count(other));
		EXPECT_EQ(1, vt_pending(peer, 0));
		close(other);
		other = vt_get_vector(self->a, 2, 0, 0);
		EXPECT_LE(0, other);
		close(other);
		close(peer);
		close(readonly);
	}
	/* A handle that cannot read. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", self->fd);
	i = open(path, O_WRONLY | O_CLOEXEC);
	ASSERT_LE(0, i);
	peer = vt_join(i, 2, 0, NULL);
	ASSERT_LE(0, peer);
	ASSERT_EQ(0, vt_peer_stat(peer, &stat));
	EXPECT_EQ(VMSHM_PEER_WRITE | VMSHM_PEER_MAY_RING, stat.out_flags);
	EXPECT_EQ(0, vt_ring(peer, 1, 0));
}

TEST_F(ring, readers_that_may)
{
	char name[VMSHM_NAME_MAX + 1];
	struct vmshm_peer_stat stat;
	int fd, readonly, a, b, got;

	fd = vt_create(self->dev, vt_name(name, "readers"), 4096, 0,
		       VMSHM_EPHEMERAL | VMSHM_RING_READERS, 0666);
	ASSERT_LE(0, fd);
	readonly = vt_readonly(fd);
	ASSERT_LE(0, readonly);
	a = vt_join(readonly, 0, 1, NULL);
	ASSERT_LE(0, a);
	b = vt_join(fd, 1, 1, NULL);
	ASSERT_LE(0, b);
	ASSERT_LE(0, vt_doorbell(b, 0));
	ASSERT_EQ(0, vt_peer_stat(a, &stat));
	EXPECT_EQ(VMSHM_PEER_READ | VMSHM_PEER_MAY_RING, stat.out_flags);
	EXPECT_EQ(0, vt_ring(a, 1, 0));
	EXPECT_EQ(1, vt_pending(b, 0));
	EXPECT_EQ(0, vt_ring(a, VMSHM_PEER_ALL, 0));
	EXPECT_EQ(1, vt_pending(b, 0));
	got = vt_get_vector(a, 1, 0, 0);
	EXPECT_LE(0, got);
}

/* It is not the caller who may, but the peer. */
TEST_F(ring, rights_are_the_peers)
{
	struct vt_child child;
	int readonly, peer;

	readonly = vt_readonly(self->fd);
	ASSERT_LE(0, readonly);
	peer = vt_join(readonly, 2, 1, NULL);
	ASSERT_LE(0, peer);
	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		VT_CHECK(!vt_become(VT_ALICE));
		VT_CHECK(vt_ring(self->a, 1, 0) == 0);
		VT_CHECK(vt_ring(peer, 1, 0) == -EACCES);
		_exit(0);
	}
	EXPECT_EQ(0, vt_wait(&child));
	EXPECT_EQ(1, vt_pending(self->b, 0));
	/* Nor is he who closed the handle. */
	close(self->fd);
	self->fd = -1;
	EXPECT_EQ(0, vt_ring(self->a, 1, 1));
}

/* Sleeps until it is rung, in each way there is. */
TEST_F(ring, wakes)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	struct vt_child child;
	struct pollfd pfd;
	int bell, ep, way;

	bell = vt_doorbell(self->b, 1);
	ASSERT_LE(0, bell);
	ASSERT_EQ(0, fcntl(bell, F_SETFL, 0));
	for (way = 0; way < 3; way++) {
		ASSERT_LE(0, vt_fork(&child));
		if (!child.pid) {
			pfd.fd = self->b;
			pfd.events = POLLIN;
			ep = epoll_create1(EPOLL_CLOEXEC);
			VT_CHECK(!epoll_ctl(ep, EPOLL_CTL_ADD, self->b,
					    &event));
			VT_CHECK(!vt_tell(child.sock));
			switch (way) {
			case 0:
				VT_CHECK(poll(&pfd, 1, -1) == 1);
				VT_CHECK(pfd.revents == POLLIN);
				break;
			case 1:
				VT_CHECK(epoll_wait(ep, &event, 1, -1) == 1);
				VT_CHECK(epoll_wait(ep, &event, 1, 0) == 0);
				/* Edge: each ring is one. */
				VT_CHECK(!vt_tell(child.sock));
				VT_CHECK(epoll_wait(ep, &event, 1, -1) == 1);
				break;
			default:
				VT_CHECK(vt_count(bell) == 1);
				break;
			}
			_exit(0);
		}
		ASSERT_EQ(0, vt_hear(child.sock));
		/* No harm if it does not sleep yet, but it should. */
		usleep(20000);
		ASSERT_EQ(0, vt_ring(self->a, 1, 1));
		if (way == 1) {
			ASSERT_EQ(0, vt_hear(child.sock));
			ASSERT_EQ(0, vt_ring(self->a, 1, 1));
		}
		EXPECT_EQ(0, vt_wait(&child));
		if (way < 2)
			EXPECT_EQ((__u64)1 + way, vt_count(bell));
		EXPECT_EQ(1 << 1, vt_pending(self->b, 0));
	}
}

/* What could not be told is pending still. */
TEST_F(ring, pending_not_told)
{
	struct vmshm_peer_pending *arg;
	long page = sysconf(_SC_PAGESIZE);
	struct vmshm_peer_pending good = { .size = sizeof(good) };

	arg = mmap(NULL, page, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, arg);
	*arg = good;
	ASSERT_EQ(0, mprotect(arg, page, PROT_READ));
	ASSERT_EQ(0, vt_ring(self->a, 1, 1));
	ASSERT_EQ(0, vt_ring(self->a, 1, 3));
	EXPECT_EQ(-EFAULT, vt_ioctl(self->b, VMSHM_IOC_PEER_PENDING, arg));
	EXPECT_EQ(READABLE, vt_poll(self->b));
	EXPECT_EQ(0xa, vt_pending(self->b, 0));
}

/* A peer that holds an eventfd that holds nothing: all goes with the files. */
TEST_F(ring, in_flight)
{
	struct vmshm_info before, after;
	int socks[2], peer, bell;

	ASSERT_EQ(0, vt_info(self->dev, &before));
	peer = vt_join(self->fd, 7, 1, NULL);
	ASSERT_LE(0, peer);
	bell = vt_doorbell(peer, 0);
	ASSERT_LE(0, bell);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, socks));
	ASSERT_EQ(0, vt_send_fd(socks[0], peer));
	close(peer);
	close(bell);
	EXPECT_EQ(0, vt_ring(self->a, 7, 0));
	/* Never received. */
	close(socks[0]);
	close(socks[1]);
	EXPECT_EQ(-ENOENT, vt_ring(self->a, 7, 0));
	ASSERT_EQ(0, vt_info(self->dev, &after));
	EXPECT_EQ(before.out_meta_used, after.out_meta_used);
	EXPECT_EQ(before.out_peers_used, after.out_peers_used);
}

TEST_HARNESS_MAIN
