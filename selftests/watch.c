// SPDX-License-Identifier: GPL-2.0
/*
 * Watches as files: read, poll, eventfd, overflow, limits. What events say is
 * in watch_events.c.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "lib/harness.h"
#include "lib/vmshm_test.h"

FIXTURE(watch) {
	int dev;
	int fd;
	int watch;
	size_t page;
	/* Capacity of a queue. */
	unsigned int events;
	/* Number of the last event. */
	__u64 seq;
	struct vmshm_stat stat;
	char name[VMSHM_NAME_MAX + 1];
};

FIXTURE_SETUP(watch)
{
	struct vmshm_info info;

	self->page = sysconf(_SC_PAGESIZE);
	self->dev = vt_device();
	ASSERT_LE(0, self->dev);
	ASSERT_EQ(0, vt_info(self->dev, &info));
	self->events = info.out_events;
	self->fd = vt_create(self->dev, vt_name(self->name, "watch"), 0,
			     1ULL << 30, VMSHM_EPHEMERAL, 0600);
	ASSERT_LE(0, self->fd);
	self->watch = vt_watch(self->fd, "", 0, &self->seq);
	ASSERT_LE(0, self->watch);
	ASSERT_EQ(0, vt_stat(self->fd, &self->stat));
}

FIXTURE_TEARDOWN(watch)
{
	close(self->watch);
	close(self->fd);
	close(self->dev);
}

/* Raises @n events: the region grows by one page each. */
static int raise_events(int fd, unsigned int n)
{
	struct vmshm_stat stat;
	int ret;

	ret = vt_stat(fd, &stat);
	while (!ret && n--) {
		stat.out_region_size += sysconf(_SC_PAGESIZE);
		ret = vt_resize(fd, stat.out_region_size);
	}
	return ret;
}

static int set_nonblock(int fd)
{
	return fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

TEST_F(watch, number_of_last_event)
{
	__u64 seq = 0;
	int watch;

	EXPECT_EQ(self->stat.out_seq, self->seq);
	ASSERT_EQ(0, raise_events(self->fd, 3));
	watch = vt_watch(self->fd, "", 0, &seq);
	ASSERT_LE(0, watch);
	EXPECT_EQ(self->seq + 3, seq);
	EXPECT_TRUE(vt_no_event(watch));
}

/* Nothing falls between the number a new watch is told and its first event. */
TEST_F(watch, begins_without_a_gap)
{
	struct vmshm_event event;
	struct vt_child child;
	int i, watch;
	__u64 seq;

	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		for (;;) {
			VT_CHECK(!vt_resize(self->fd, self->page));
			VT_CHECK(!vt_resize(self->fd, 0));
		}
	}
	for (i = 0; i < 100; i++) {
		watch = vt_watch(self->fd, "", 0, &seq);
		ASSERT_LE(0, watch);
		ASSERT_EQ(0, vt_next_event(watch, &event));
		ASSERT_EQ(seq + 1, event.seq);
		close(watch);
	}
	EXPECT_EQ(128 + SIGKILL, vt_kill(&child));
}

TEST_F(watch, read_whole_events)
{
	struct vmshm_event event[4];
	const size_t one = sizeof(event[0]);
	unsigned int i;

	ASSERT_EQ(0, raise_events(self->fd, 6));
	/* No room for one: nothing is lost by asking. */
	EXPECT_EQ(-1, read(self->watch, event, one - 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, read(self->watch, event, 0));
	EXPECT_EQ(EINVAL, errno);

	EXPECT_EQ(one, read(self->watch, event, 2 * one - 1));
	EXPECT_EQ(self->seq + 1, event[0].seq);
	EXPECT_EQ(one, event[0].size);

	ASSERT_EQ(4 * one, read(self->watch, event, sizeof(event)));
	for (i = 0; i < 4; i++) {
		EXPECT_EQ(self->seq + 2 + i, event[i].seq);
		EXPECT_EQ(one, event[i].size);
		EXPECT_EQ(0, event[i].vector);
	}
	/* Does not wait for a full buffer. */
	EXPECT_EQ(one, read(self->watch, event, sizeof(event)));
	EXPECT_EQ(self->seq + 6, event[0].seq);
}

TEST_F(watch, read_nonblocking)
{
	struct vmshm_event event;

	ASSERT_EQ(0, set_nonblock(self->watch));
	EXPECT_EQ(-1, read(self->watch, &event, sizeof(event)));
	EXPECT_EQ(EAGAIN, errno);
	ASSERT_EQ(0, raise_events(self->fd, 1));
	EXPECT_EQ(sizeof(event), read(self->watch, &event, sizeof(event)));
	EXPECT_EQ(-1, read(self->watch, &event, sizeof(event)));
	EXPECT_EQ(EAGAIN, errno);
}

/* Where a process sleeps: the number of the system call, or -1 if it runs. */
static long syscall_of(pid_t pid)
{
	char path[64], text[256];

	snprintf(path, sizeof(path), "/proc/%d/syscall", pid);
	if (vt_read_file(path, text, sizeof(text)) <= 0 || text[0] == 'r')
		return -1;
	return strtol(text, NULL, 0);
}

static int wait_in_read(pid_t pid)
{
	int tries;

	for (tries = 0; tries < VT_PATIENCE * 100; tries++) {
		if (syscall_of(pid) == SYS_read)
			return 0;
		usleep(10000);
	}
	return -ETIMEDOUT;
}

TEST_F(watch, read_blocks)
{
	struct vmshm_event event;
	struct vt_child child;

	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		VT_CHECK(read(self->watch, &event, sizeof(event)) ==
			 sizeof(event));
		VT_CHECK(event.seq == self->seq + 1);
		_exit(0);
	}
	ASSERT_EQ(0, wait_in_read(child.pid));
	ASSERT_EQ(0, raise_events(self->fd, 1));
	EXPECT_EQ(0, vt_wait(&child));
}

static void on_signal(int sig)
{
}

TEST_F(watch, read_interrupted)
{
	struct sigaction act = { .sa_handler = on_signal };
	struct vmshm_event event;
	struct vt_child child;

	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		VT_CHECK(!sigaction(SIGUSR1, &act, NULL));
		VT_CHECK(read(self->watch, &event, sizeof(event)) == -1);
		VT_CHECK(errno == EINTR);
		/* With SA_RESTART, until there is something. */
		act.sa_flags = SA_RESTART;
		VT_CHECK(!sigaction(SIGUSR1, &act, NULL));
		VT_CHECK(!vt_tell(child.sock));
		VT_CHECK(read(self->watch, &event, sizeof(event)) ==
			 sizeof(event));
		_exit(0);
	}
	ASSERT_EQ(0, wait_in_read(child.pid));
	ASSERT_EQ(0, kill(child.pid, SIGUSR1));
	ASSERT_EQ(0, vt_hear(child.sock));
	ASSERT_EQ(0, wait_in_read(child.pid));
	ASSERT_EQ(0, kill(child.pid, SIGUSR1));
	ASSERT_EQ(0, wait_in_read(child.pid));
	ASSERT_EQ(0, raise_events(self->fd, 1));
	EXPECT_EQ(0, vt_wait(&child));
}

/* What could not be copied out is still there. */
TEST_F(watch, read_fault)
{
	struct vmshm_event *event, again;
	char *p;

	ASSERT_EQ(0, raise_events(self->fd, 3));
	EXPECT_EQ(-1, syscall(SYS_read, self->watch, 8, 4096));
	EXPECT_EQ(EFAULT, errno);

	/* Room for two whole events in front of a hole. */
	p = mmap(NULL, 2 * self->page, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, p);
	ASSERT_EQ(0, munmap(p + self->page, self->page));
	event = (void *)(p + self->page - 2 * sizeof(*event) - 8);
	EXPECT_EQ(2 * sizeof(*event),
		  read(self->watch, event, 4 * sizeof(*event)));
	EXPECT_EQ(self->seq + 1, event[0].seq);
	EXPECT_EQ(self->seq + 2, event[1].seq);
	ASSERT_EQ(0, vt_next_event(self->watch, &again));
	EXPECT_EQ(self->seq + 3, again.seq);
}

TEST_F(watch, poll)
{
	struct vmshm_event event;

	EXPECT_EQ(0, vt_poll(self->watch));
	ASSERT_EQ(0, raise_events(self->fd, 2));
	EXPECT_EQ(POLLIN | POLLRDNORM, vt_poll(self->watch));
	ASSERT_EQ(0, vt_next_event(self->watch, &event));
	EXPECT_EQ(POLLIN | POLLRDNORM, vt_poll(self->watch));
	ASSERT_EQ(0, vt_next_event(self->watch, &event));
	EXPECT_EQ(0, vt_poll(self->watch));
}

TEST_F(watch, poll_wakes)
{
	struct pollfd pfd = { .fd = self->watch, .events = POLLIN };
	struct vt_child child;

	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		VT_CHECK(poll(&pfd, 1, VT_PATIENCE * 1000) == 1);
		VT_CHECK(pfd.revents == POLLIN);
		_exit(0);
	}
	while (syscall_of(child.pid) != SYS_poll)
		usleep(10000);
	ASSERT_EQ(0, raise_events(self->fd, 1));
	EXPECT_EQ(0, vt_wait(&child));
}

/* A watch does not keep the region: it ends with its last file. */
TEST_F(watch, end_of_region)
{
	struct vmshm_event event;

	ASSERT_EQ(0, raise_events(self->fd, 1));
	EXPECT_EQ(-ENOENT, vt_fdinfo(self->watch, "no-such-key"));
	EXPECT_EQ(0, vt_fdinfo(self->watch, "vmshm-gone"));
	close(self->fd);
	EXPECT_EQ(POLLIN | POLLRDNORM | POLLHUP, vt_poll(self->watch));
	EXPECT_EQ(1, vt_fdinfo(self->watch, "vmshm-gone"));

	/* What happened before is told first. */
	ASSERT_EQ(0, vt_next_event(self->watch, &event));
	EXPECT_EQ(VMSHM_EVENT_RESIZED, event.type);
	do {
		ASSERT_EQ(0, vt_next_event(self->watch, &event));
	} while (vt_poll(self->watch) & POLLIN);
	EXPECT_EQ(POLLHUP, vt_poll(self->watch));
	EXPECT_EQ(0, read(self->watch, &event, sizeof(event)));
	ASSERT_EQ(0, set_nonblock(self->watch));
	EXPECT_EQ(0, read(self->watch, &event, sizeof(event)));
	EXPECT_EQ(-ENOENT, vt_open(self->dev, self->name, 0));
}

TEST_F(watch, end_of_region_wakes_reader)
{
	struct vmshm_event event;
	struct vt_child child;

	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		close(self->fd);
		while (read(self->watch, &event, sizeof(event)) ==
		       sizeof(event))
			;
		VT_CHECK(read(self->watch, &event, sizeof(event)) == 0);
		_exit(0);
	}
	ASSERT_EQ(0, wait_in_read(child.pid));
	close(self->fd);
	EXPECT_EQ(0, vt_wait(&child));
}

/* A mapping keeps a region as well as a file does. */
TEST_F(watch, mapping_keeps_region)
{
	void *p;

	ASSERT_EQ(0, vt_resize(self->fd, self->page));
	p = mmap(NULL, self->page, PROT_READ, MAP_SHARED, self->fd, 0);
	ASSERT_NE(MAP_FAILED, p);
	close(self->fd);
	EXPECT_EQ(POLLIN | POLLRDNORM, vt_poll(self->watch));
	ASSERT_EQ(0, munmap(p, self->page));
	EXPECT_EQ(POLLIN | POLLRDNORM | POLLHUP, vt_poll(self->watch));
}

TEST_F(watch, overflow)
{
	struct vmshm_event event;
	unsigned int i;

	ASSERT_EQ(0, raise_events(self->fd, self->events + 7));
	EXPECT_EQ(self->events, vt_fdinfo(self->watch, "vmshm-queued"));
	EXPECT_EQ(7, vt_fdinfo(self->watch, "vmshm-lost"));

	for (i = 1; i <= self->events; i++) {
		ASSERT_EQ(0, vt_next_event(self->watch, &event));
		ASSERT_EQ(VMSHM_EVENT_RESIZED, event.type);
		ASSERT_EQ(self->seq + i, event.seq);
	}
	EXPECT_EQ(POLLIN | POLLRDNORM, vt_poll(self->watch));
	ASSERT_EQ(0, vt_next_event(self->watch, &event));
	EXPECT_EQ(VMSHM_EVENT_OVERFLOW, event.type);
	EXPECT_EQ(sizeof(event), event.size);
	EXPECT_EQ(7, event.seq);
	EXPECT_EQ(0, event.generation);
	EXPECT_EQ(0, event.value);
	EXPECT_EQ(0, event.pid);
	EXPECT_STREQ("", (char *)event.name);
	EXPECT_TRUE(vt_no_event(self->watch));

	/* And on it goes. */
	ASSERT_EQ(0, raise_events(self->fd, 1));
	ASSERT_EQ(0, vt_next_event(self->watch, &event));
	EXPECT_EQ(self->seq + self->events + 8, event.seq);
	EXPECT_TRUE(vt_no_event(self->watch));
}

/* The record is where the events are missing, also if others follow. */
TEST_F(watch, overflow_in_the_middle)
{
	struct vmshm_event event;
	unsigned int i;

	ASSERT_EQ(0, raise_events(self->fd, self->events + 3));
	for (i = 1; i <= 5; i++) {
		ASSERT_EQ(0, vt_next_event(self->watch, &event));
		ASSERT_EQ(self->seq + i, event.seq);
	}
	/* Five fit, and two more are lost. */
	ASSERT_EQ(0, raise_events(self->fd, 7));

	for (i = 6; i <= self->events; i++) {
		ASSERT_EQ(0, vt_next_event(self->watch, &event));
		ASSERT_EQ(self->seq + i, event.seq);
	}
	ASSERT_EQ(0, vt_next_event(self->watch, &event));
	EXPECT_EQ(VMSHM_EVENT_OVERFLOW, event.type);
	EXPECT_EQ(3, event.seq);
	for (i = 4; i <= 8; i++) {
		ASSERT_EQ(0, vt_next_event(self->watch, &event));
		EXPECT_EQ(VMSHM_EVENT_RESIZED, event.type);
		EXPECT_EQ(self->seq + self->events + i, event.seq);
	}
	ASSERT_EQ(0, vt_next_event(self->watch, &event));
	EXPECT_EQ(VMSHM_EVENT_OVERFLOW, event.type);
	EXPECT_EQ(2, event.seq);
	EXPECT_TRUE(vt_no_event(self->watch));
}

/* What a watch does not want does not push out what it wants. */
TEST_F(watch, unwanted_events_take_no_room)
{
	struct vmshm_event event;
	int watch;

	watch = vt_watch(self->fd, "", 1U << VMSHM_EVENT_SEALED, NULL);
	ASSERT_LE(0, watch);
	ASSERT_EQ(0, raise_events(self->fd, self->events + 1));
	ASSERT_EQ(0, vt_seal(self->fd, VMSHM_SEAL_SHRINK));
	ASSERT_EQ(0, vt_next_event(watch, &event));
	EXPECT_EQ(VMSHM_EVENT_SEALED, event.type);
	EXPECT_TRUE(vt_no_event(watch));
}

/*
 * A reader stuck in the middle of its read, waiting for its buffer, delays
 * nobody but other readers.
 */
TEST_F(watch, stuck_reader)
{
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffdio_zeropage zero = { 0 };
	struct uffdio_api api = { .api = UFFD_API };
	struct vmshm_event event;
	struct vt_child child;
	struct uffd_msg msg;
	char *p;
	int uffd;

	p = mmap(NULL, self->page, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, p);
	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
		VT_CHECK(uffd >= 0);
		VT_CHECK(!ioctl(uffd, UFFDIO_API, &api));
		reg.range.start = (uintptr_t)p;
		reg.range.len = self->page;
		VT_CHECK(!ioctl(uffd, UFFDIO_REGISTER, &reg));
		VT_CHECK(!vt_send_fd(child.sock, uffd));
		VT_CHECK(read(self->watch, p, sizeof(event)) == sizeof(event));
		VT_CHECK(((struct vmshm_event *)p)->seq == self->seq + 1);
		_exit(0);
	}
	uffd = vt_recv_fd(child.sock);
	ASSERT_LE(0, uffd);
	ASSERT_EQ(0, raise_events(self->fd, 1));
	/* The child's page fault. */
	ASSERT_EQ(sizeof(msg), read(uffd, &msg, sizeof(msg)));
	ASSERT_EQ(UFFD_EVENT_PAGEFAULT, msg.event);

	ASSERT_EQ(0, raise_events(self->fd, self->events + 1));
	EXPECT_EQ(POLLIN | POLLRDNORM, vt_poll(self->watch));
	EXPECT_LE(1, vt_fdinfo(self->watch, "vmshm-lost"));
	ASSERT_EQ(0, set_nonblock(self->watch));
	EXPECT_EQ(-1, read(self->watch, &event, sizeof(event)));
	EXPECT_EQ(EAGAIN, errno);

	zero.range.start = (uintptr_t)p;
	zero.range.len = self->page;
	ASSERT_EQ(0, ioctl(uffd, UFFDIO_ZEROPAGE, &zero));
	EXPECT_EQ(0, vt_wait(&child));
	ASSERT_EQ(0, vt_next_event(self->watch, &event));
	EXPECT_EQ(self->seq + 2, event.seq);
}

#define READERS	3

struct reader {
	int watch;
	unsigned int wanted;
	char *seen;
	unsigned int *total;
	__u64 first;
	bool in_order;
};

static void *reader(void *arg)
{
	struct vmshm_event event[2];
	struct reader *r = arg;
	__u64 last = 0;
	ssize_t len;
	int i;

	while (__atomic_load_n(r->total, __ATOMIC_SEQ_CST) < r->wanted) {
		len = read(r->watch, event, sizeof(event));
		if (len < 0) {
			usleep(100);
			continue;
		}
		for (i = 0; i < len / (ssize_t)sizeof(event[0]); i++) {
			r->in_order &= event[i].seq > last;
			last = event[i].seq;
			if (last - r->first < r->wanted)
				__atomic_add_fetch(&r->seen[last - r->first], 1,
						   __ATOMIC_SEQ_CST);
			__atomic_add_fetch(r->total, 1, __ATOMIC_SEQ_CST);
		}
	}
	return NULL;
}

/* Several readers of one watch: each event goes to one of them. */
TEST_F(watch, readers_share)
{
	unsigned int n = self->events, total = 0, i;
	pthread_t thread[READERS];
	struct reader r[READERS];
	char *seen;

	seen = calloc(n, 1);
	ASSERT_NE(NULL, seen);
	ASSERT_EQ(0, set_nonblock(self->watch));
	for (i = 0; i < READERS; i++) {
		r[i] = (struct reader) {
			.watch = self->watch,
			.wanted = n,
			.seen = seen,
			.total = &total,
			.first = self->seq + 1,
			.in_order = true,
		};
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, reader, &r[i]));
	}
	ASSERT_EQ(0, raise_events(self->fd, n));
	for (i = 0; i < READERS; i++) {
		ASSERT_EQ(0, pthread_join(thread[i], NULL));
		EXPECT_TRUE(r[i].in_order);
	}
	EXPECT_EQ(n, total);
	for (i = 0; i < n; i++)
		ASSERT_EQ(1, seen[i]);
	free(seen);
}

TEST_F(watch, eventfd)
{
	int efd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int other = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	eventfd_t value;

	ASSERT_LE(0, efd);
	ASSERT_LE(0, other);
	EXPECT_EQ(0, vt_fdinfo(self->watch, "vmshm-eventfd"));
	ASSERT_EQ(0, vt_watch_eventfd(self->watch, efd));
	EXPECT_EQ(1, vt_fdinfo(self->watch, "vmshm-eventfd"));
	ASSERT_EQ(0, raise_events(self->fd, 3));
	ASSERT_EQ(0, eventfd_read(efd, &value));
	EXPECT_EQ(3, value);

	/* For those that are lost, too. */
	ASSERT_EQ(0, raise_events(self->fd, self->events));
	ASSERT_EQ(0, eventfd_read(efd, &value));
	EXPECT_EQ(self->events, value);
	EXPECT_EQ(3, vt_fdinfo(self->watch, "vmshm-lost"));

	/* Another takes its place. */
	ASSERT_EQ(0, vt_watch_eventfd(self->watch, other));
	ASSERT_EQ(0, raise_events(self->fd, 1));
	EXPECT_EQ(-1, eventfd_read(efd, &value));
	ASSERT_EQ(0, eventfd_read(other, &value));
	EXPECT_EQ(1, value);

	ASSERT_EQ(0, vt_watch_eventfd(self->watch, -1));
	ASSERT_EQ(0, raise_events(self->fd, 1));
	EXPECT_EQ(-1, eventfd_read(other, &value));
	EXPECT_EQ(0, vt_fdinfo(self->watch, "vmshm-eventfd"));
	/* It is gone already. */
	EXPECT_EQ(0, vt_watch_eventfd(self->watch, -1));
}

/* The descriptor is not needed any more, the eventfd lives. */
TEST_F(watch, eventfd_outlives_descriptor)
{
	int efd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int copy = dup(efd);
	eventfd_t value;

	ASSERT_EQ(0, vt_watch_eventfd(self->watch, efd));
	close(efd);
	ASSERT_EQ(0, raise_events(self->fd, 1));
	ASSERT_EQ(0, eventfd_read(copy, &value));
	EXPECT_EQ(1, value);
	close(copy);
	ASSERT_EQ(0, raise_events(self->fd, 1));
}

TEST_F(watch, eventfd_bad_arguments)
{
	struct vmshm_watch_eventfd arg = { .size = sizeof(arg), .fd = -1 };
	int efd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	eventfd_t value;

	ASSERT_EQ(0, vt_watch_eventfd(self->watch, efd));
	arg.flags = 1;
	EXPECT_EQ(-EOPNOTSUPP,
		  vt_ioctl(self->watch, VMSHM_IOC_WATCH_EVENTFD, &arg));
	arg.flags = 0;
	arg.__reserved = 1;
	EXPECT_EQ(-EINVAL,
		  vt_ioctl(self->watch, VMSHM_IOC_WATCH_EVENTFD, &arg));
	EXPECT_EQ(-EINVAL, vt_watch_eventfd(self->watch, self->fd));
	EXPECT_EQ(-EINVAL, vt_watch_eventfd(self->watch, self->watch));
	EXPECT_EQ(-EBADF, vt_watch_eventfd(self->watch, 9999));
	EXPECT_EQ(-EBADF, vt_watch_eventfd(self->watch, -2));
	/* Only watches have one. */
	EXPECT_EQ(-ENOTTY, vt_watch_eventfd(self->fd, efd));
	EXPECT_EQ(-ENOTTY, vt_watch_eventfd(self->dev, efd));

	/* What was refused has changed nothing. */
	ASSERT_EQ(0, raise_events(self->fd, 1));
	ASSERT_EQ(0, eventfd_read(efd, &value));
	EXPECT_EQ(1, value);
}

TEST_F(watch, bad_arguments)
{
	const struct vmshm_watch good = { .size = sizeof(good) };
	static const char * const prefixes[] = {
		"/", "/a", "a//", "a//b", "./a", "a/./b", "a/../b", "a b",
		"a\n", "a\177", "\303\244",
	};
	const int on[] = { self->dev, self->fd };
	struct vmshm_watch arg;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(on); i++) {
		arg = good;
		arg.flags = 1;
		EXPECT_EQ(-EOPNOTSUPP, vt_ioctl(on[i], VMSHM_IOC_WATCH, &arg));
		arg = good;
		arg.events = 1U << (VMSHM_EVENT_UNBOUND + 1);
		EXPECT_EQ(-EOPNOTSUPP, vt_ioctl(on[i], VMSHM_IOC_WATCH, &arg));
		arg = good;
		arg.out_fd = 1;
		EXPECT_EQ(-EINVAL, vt_ioctl(on[i], VMSHM_IOC_WATCH, &arg));
		arg = good;
		arg.out_seq = 1;
		EXPECT_EQ(-EINVAL, vt_ioctl(on[i], VMSHM_IOC_WATCH, &arg));
		arg = good;
		memset(arg.prefix, 'a', sizeof(arg.prefix));
		EXPECT_EQ(-EINVAL, vt_ioctl(on[i], VMSHM_IOC_WATCH, &arg));
	}
	for (i = 0; i < ARRAY_SIZE(prefixes); i++) {
		EXPECT_EQ(-EINVAL, vt_watch(self->dev, prefixes[i], 0, NULL)) {
			TH_LOG("prefix '%s'", prefixes[i]);
		}
	}

	/* A region has one name. */
	EXPECT_EQ(-EINVAL, vt_watch(self->fd, "a", 0, NULL));
	arg = good;
	arg.prefix[VMSHM_NAME_MAX] = 'a';
	EXPECT_EQ(-EINVAL, vt_ioctl(self->fd, VMSHM_IOC_WATCH, &arg));
	/* Watches are not watched. */
	EXPECT_EQ(-ENOTTY, vt_watch(self->watch, "", 0, NULL));
}

TEST_F(watch, file)
{
	struct stat st;

	EXPECT_EQ(FD_CLOEXEC, fcntl(self->watch, F_GETFD));
	EXPECT_EQ(-1, write(self->watch, "x", 1));
	EXPECT_EQ(EBADF, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, self->page, PROT_READ, MAP_SHARED,
				   self->watch, 0));
	EXPECT_EQ(ENODEV, errno);
	EXPECT_EQ(0, fstat(self->watch, &st));
	EXPECT_EQ(0, st.st_size);
}

TEST_F(watch, fdinfo)
{
	struct vmshm_stat *stat = &self->stat;
	struct vmshm_info info;
	int watch;

	ASSERT_EQ(0, vt_info(self->dev, &info));
	EXPECT_EQ((long long)stat->out_generation,
		  vt_fdinfo(self->watch, "vmshm-generation"));
	EXPECT_EQ(0, vt_fdinfo(self->watch, "vmshm-queued"));
	EXPECT_EQ(info.out_registry, vt_fdinfo(self->watch, "vmshm-registry"));
	EXPECT_EQ(-ENOENT, vt_fdinfo(self->watch, "vmshm-prefix"));

	watch = vt_watch(self->dev, "123/", 1U << VMSHM_EVENT_SEALED, NULL);
	ASSERT_LE(0, watch);
	EXPECT_EQ(123, vt_fdinfo(watch, "vmshm-prefix"));
	EXPECT_EQ(1U << VMSHM_EVENT_SEALED, vt_fdinfo(watch, "vmshm-mask"));
	EXPECT_EQ(-ENOENT, vt_fdinfo(watch, "vmshm-generation"));
}

/* An unprivileged user has a limited number of them, of both kinds together. */
TEST_F(watch, limit)
{
	struct vmshm_info info, after;
	struct vt_child child;
	int fd = -1, first = -1;
	unsigned int i;
	__u64 queues;

	ASSERT_EQ(0, fchmod(self->fd, 0666));
	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		VT_CHECK(!vt_become(VT_BOB));
		VT_CHECK(!vt_info(self->dev, &info));
		for (i = 0; i < info.out_watches_user; i++) {
			fd = vt_watch(i % 2 ? self->dev : self->fd, "", 0,
				      NULL);
			VT_CHECK(fd >= 0);
			if (first < 0)
				first = fd;
		}
		VT_CHECK(vt_watch(self->dev, "", 0, NULL) == -EDQUOT);
		VT_CHECK(vt_watch(self->fd, "", 0, NULL) == -EDQUOT);
		/* The memory for the queues counts, all of it. */
		VT_CHECK(!vt_info(self->dev, &after));
		queues = (__u64)i * info.out_events * sizeof(struct vmshm_event);
		VT_CHECK(after.out_meta_used - info.out_meta_used > queues);
		close(first);
		first = vt_watch(self->dev, "", 0, NULL);
		VT_CHECK(first >= 0);
		VT_CHECK(vt_watch(self->dev, "", 0, NULL) == -EDQUOT);
		while (fd >= first)
			close(fd--);
		VT_CHECK(!vt_info(self->dev, &after));
		VT_CHECK(after.out_meta_used == info.out_meta_used);
		_exit(0);
	}
	EXPECT_EQ(0, vt_wait(&child));
	/* Others are not concerned. */
	EXPECT_LE(0, vt_watch(self->dev, "", 0, NULL));
}

TEST_HARNESS_MAIN
