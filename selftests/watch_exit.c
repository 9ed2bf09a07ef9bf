// SPDX-License-Identifier: GPL-2.0
/*
 * VMSHM_EVENT_EXIT: the process that opened a region has ended, as against
 * having closed its file.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "lib/harness.h"
#include "lib/vmshm_test.h"

#define RIGHTS_RW	(VMSHM_MEMBER_READ | VMSHM_MEMBER_WRITE)

/* The next event, which is to be of this type and of this opener. */
#define ASSERT_EVENT(_type, _pid)					\
	do {								\
		ASSERT_EQ(0, vt_next_event(self->watch, &self->event));	\
		ASSERT_EQ(VMSHM_EVENT_##_type, self->event.type);	\
		ASSERT_EQ(_pid, self->event.pid);			\
	} while (0)

FIXTURE(exit) {
	int dev;
	int fd;
	int watch;
	size_t page;
	char name[VMSHM_NAME_MAX + 1];
	struct vmshm_event event;
};

FIXTURE_SETUP(exit)
{
	self->page = sysconf(_SC_PAGESIZE);
	self->dev = vt_device();
	ASSERT_LE(0, self->dev);
	self->fd = vt_create(self->dev, vt_name(self->name, "exit"),
			     self->page, 1ULL << 30, VMSHM_EPHEMERAL, 0666);
	ASSERT_LE(0, self->fd);
	self->watch = vt_watch(self->fd, "", 0, NULL);
	ASSERT_LE(0, self->watch);
}

FIXTURE_TEARDOWN(exit)
{
	close(self->watch);
	close(self->fd);
	close(self->dev);
}

/* Raises one event, so that what is not there before it never was. */
static int mark(int fd)
{
	struct vmshm_stat stat;
	int ret;

	ret = vt_stat(fd, &stat);
	return ret ? ret : vt_resize(fd, stat.out_region_size + 1);
}

#define ASSERT_NO_EVENT()						\
	do {								\
		ASSERT_EQ(0, mark(self->fd));				\
		ASSERT_EVENT(RESIZED, getpid());			\
	} while (0)

/* In a child: open the region and say so. */
static int open_and_tell(int dev, const char *name, int sock)
{
	int fd = vt_open(dev, name, 0);

	VT_CHECK(fd >= 0);
	VT_CHECK(!vt_tell(sock));
	return fd;
}

TEST_F(exit, close)
{
	struct vt_child child;
	int fd;

	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		fd = open_and_tell(self->dev, self->name, child.sock);
		vt_hear(child.sock);
		VT_CHECK(!close(fd));
		VT_CHECK(!vt_tell(child.sock));
		vt_hear(child.sock);
		_exit(0);
	}
	ASSERT_EVENT(OPENED, child.pid);
	ASSERT_EQ(0, vt_hear(child.sock));
	ASSERT_EQ(0, vt_tell(child.sock));
	ASSERT_EQ(0, vt_hear(child.sock));
	ASSERT_EVENT(CLOSED, child.pid);
	/* That it ends later is not its business any more. */
	EXPECT_EQ(0, vt_wait(&child));
	ASSERT_NO_EVENT();
}

/* All has been told when the process can be waited for. */
TEST_F(exit, kill)
{
	struct vt_child child;

	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		open_and_tell(self->dev, self->name, child.sock);
		vt_hear(child.sock);
		_exit(0);
	}
	ASSERT_EQ(0, vt_hear(child.sock));
	ASSERT_EVENT(OPENED, child.pid);
	EXPECT_EQ(128 + SIGKILL, vt_kill(&child));
	EXPECT_EQ(POLLIN | POLLRDNORM, vt_poll(self->watch));
	ASSERT_EVENT(EXIT, child.pid);
	EXPECT_EQ(RIGHTS_RW, self->event.flags);
	EXPECT_EQ(getuid(), self->event.uid);
	EXPECT_EQ(POLLIN | POLLRDNORM, vt_poll(self->watch));
	ASSERT_EVENT(CLOSED, child.pid);
	EXPECT_TRUE(vt_no_event(self->watch));
	ASSERT_NO_EVENT();
}

/* The file is held by a mapping alone; the memory goes before the files do. */
TEST_F(exit, kill_with_mapping)
{
	struct vt_child child;
	int fd;

	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		fd = vt_open(self->dev, self->name, 0);
		VT_CHECK(fd >= 0);
		VT_CHECK(mmap(NULL, self->page, PROT_READ | PROT_WRITE,
			      MAP_SHARED, fd, 0) != MAP_FAILED);
		close(fd);
		VT_CHECK(!vt_tell(child.sock));
		vt_hear(child.sock);
		_exit(0);
	}
	ASSERT_EQ(0, vt_hear(child.sock));
	ASSERT_EVENT(OPENED, child.pid);
	ASSERT_NO_EVENT();
	EXPECT_EQ(128 + SIGKILL, vt_kill(&child));
	ASSERT_EVENT(EXIT, child.pid);
	ASSERT_EVENT(CLOSED, child.pid);
	ASSERT_NO_EVENT();
}

TEST_F(exit, unmap_is_close)
{
	struct vt_child child;
	void *p;
	int fd;

	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		fd = vt_open(self->dev, self->name, 0);
		VT_CHECK(fd >= 0);
		p = mmap(NULL, self->page, PROT_READ, MAP_SHARED, fd, 0);
		VT_CHECK(p != MAP_FAILED);
		close(fd);
		VT_CHECK(!munmap(p, self->page));
		_exit(0);
	}
	EXPECT_EQ(0, vt_wait(&child));
	ASSERT_EVENT(OPENED, child.pid);
	ASSERT_EVENT(CLOSED, child.pid);
	ASSERT_NO_EVENT();
}

static void end_exit_group(void)
{
	_exit(3);
}

static void end_exit_thread(void)
{
	syscall(SYS_exit, 3);
}

static void end_signal(void)
{
	raise(SIGTERM);
}

static void end_core(void)
{
	raise(SIGABRT);
}

static void (* const ends[])(void) = {
	end_exit_group, end_exit_thread, end_signal, end_core,
};

/* However it ends, without closing anything itself. */
TEST_F(exit, ways_to_end)
{
	struct vt_child child;
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(ends); i++) {
		ASSERT_LE(0, vt_fork(&child));
		if (!child.pid) {
			/* Told once for each file. */
			VT_CHECK(vt_open(self->dev, self->name, 0) >= 0);
			VT_CHECK(vt_open(self->dev, self->name, 0) >= 0);
			ends[i]();
		}
		ASSERT_LE(3, vt_wait(&child));
		ASSERT_EVENT(OPENED, child.pid);
		ASSERT_EVENT(OPENED, child.pid);
		for (k = 0; k < 2; k++) {
			ASSERT_EVENT(EXIT, child.pid);
			ASSERT_EVENT(CLOSED, child.pid);
		}
		ASSERT_NO_EVENT();
	}
}

/* The file was passed on: its opener ends, and later it is closed. */
TEST_F(exit, passed_file)
{
	struct vt_child child;
	unsigned int i;
	int fd;

	for (i = 0; i < ARRAY_SIZE(ends); i++) {
		ASSERT_LE(0, vt_fork(&child));
		if (!child.pid) {
			fd = vt_open(self->dev, self->name, VMSHM_OPEN_RDONLY);
			VT_CHECK(fd >= 0);
			VT_CHECK(!vt_send_fd(child.sock, fd));
			VT_CHECK(!vt_hear(child.sock));
			ends[i]();
		}
		fd = vt_recv_fd(child.sock);
		ASSERT_LE(0, fd);
		ASSERT_EVENT(OPENED, child.pid);
		ASSERT_NO_EVENT();

		ASSERT_EQ(0, vt_tell(child.sock));
		/* Before anybody has waited for it. */
		ASSERT_EVENT(EXIT, child.pid);
		EXPECT_EQ(VMSHM_MEMBER_READ, self->event.flags);
		ASSERT_LE(3, vt_wait(&child));
		ASSERT_NO_EVENT();

		/* Once only, and with the opener's pid. */
		close(fd);
		ASSERT_EVENT(CLOSED, child.pid);
		EXPECT_EQ(VMSHM_MEMBER_READ, self->event.flags);
		ASSERT_NO_EVENT();
	}
}

/* Closed by another process while the opener lives. */
TEST_F(exit, closed_by_another)
{
	struct vt_child child;
	int fd;

	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		fd = vt_open(self->dev, self->name, 0);
		VT_CHECK(fd >= 0);
		VT_CHECK(!vt_send_fd(child.sock, fd));
		close(fd);
		VT_CHECK(!vt_tell(child.sock));
		vt_hear(child.sock);
		_exit(0);
	}
	fd = vt_recv_fd(child.sock);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, vt_hear(child.sock));
	ASSERT_EVENT(OPENED, child.pid);
	close(fd);
	ASSERT_EVENT(CLOSED, child.pid);
	EXPECT_EQ(0, vt_wait(&child));
	ASSERT_NO_EVENT();
}

/* A process that nobody waits for, since its parent ignores SIGCHLD. */
TEST_F(exit, not_waited_for)
{
	struct vt_child child;
	int fd;

	ASSERT_TRUE(signal(SIGCHLD, SIG_IGN) != SIG_ERR);
	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		fd = vt_open(self->dev, self->name, 0);
		VT_CHECK(fd >= 0);
		VT_CHECK(!vt_send_fd(child.sock, fd));
		vt_hear(child.sock);
		_exit(0);
	}
	fd = vt_recv_fd(child.sock);
	ASSERT_LE(0, fd);
	ASSERT_EVENT(OPENED, child.pid);
	ASSERT_EQ(0, kill(child.pid, SIGKILL));
	ASSERT_EVENT(EXIT, child.pid);
	close(fd);
	ASSERT_EVENT(CLOSED, child.pid);
	ASSERT_NO_EVENT();
}

/* A child has inherited the file: the opener's end is told all the same. */
TEST_F(exit, inherited_file)
{
	struct vt_child child, grandchild;

	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		VT_CHECK(vt_open(self->dev, self->name, 0) >= 0);
		VT_CHECK(vt_fork(&grandchild) >= 0);
		if (!grandchild.pid) {
			prctl(PR_SET_PDEATHSIG, 0);
			VT_CHECK(!vt_tell(grandchild.sock));
			vt_hear(child.sock);
			_exit(0);
		}
		VT_CHECK(!vt_hear(grandchild.sock));
		_exit(0);
	}
	ASSERT_EQ(0, vt_wait_zombie(child.pid));
	ASSERT_EVENT(OPENED, child.pid);
	ASSERT_EVENT(EXIT, child.pid);
	ASSERT_NO_EVENT();
	/* The grandchild ends, who is not the opener. */
	ASSERT_EQ(0, vt_tell(child.sock));
	ASSERT_EVENT(CLOSED, child.pid);
	ASSERT_NO_EVENT();
	EXPECT_EQ(0, vt_wait(&child));
}

/* A child's end is not its parent's. */
TEST_F(exit, end_of_child)
{
	struct vt_child child;

	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid)
		_exit(0);
	EXPECT_EQ(0, vt_wait(&child));
	ASSERT_NO_EVENT();
}

struct thread_arg {
	struct vt_child *child;
	void (*then)(void);
};

/* Waits until the first thread has ended, and says so. */
static void *stay(void *p)
{
	struct thread_arg *arg = p;

	VT_CHECK(!vt_wait_dead_thread(getpid(), getpid()));
	VT_CHECK(!vt_tell(arg->child->sock));
	vt_hear(arg->child->sock);
	arg->then();
	return NULL;
}

/* The first thread has ended: the process goes on until the last one does. */
TEST_F(exit, first_thread_ends)
{
	struct thread_arg arg;
	struct vt_child child;
	pthread_t thread;
	int fd;

	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		arg = (struct thread_arg) { &child, end_exit_thread };
		fd = vt_open(self->dev, self->name, 0);
		VT_CHECK(fd >= 0);
		VT_CHECK(!vt_send_fd(child.sock, fd));
		VT_CHECK(!pthread_create(&thread, NULL, stay, &arg));
		syscall(SYS_exit, 0);
	}
	fd = vt_recv_fd(child.sock);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, vt_hear(child.sock));
	ASSERT_EVENT(OPENED, child.pid);
	ASSERT_NO_EVENT();
	ASSERT_EQ(0, vt_tell(child.sock));
	ASSERT_EVENT(EXIT, child.pid);
	EXPECT_LE(0, vt_wait(&child));
	ASSERT_NO_EVENT();
	close(fd);
	ASSERT_EVENT(CLOSED, child.pid);
}

struct opener {
	int dev;
	const char *name;
};

static void *open_in_thread(void *p)
{
	struct opener *arg = p;

	return (void *)(intptr_t)vt_open(arg->dev, arg->name, 0);
}

/* A thread that opens and ends is not the process. */
TEST_F(exit, thread_that_opened_ends)
{
	struct opener arg = { self->dev, self->name };
	struct vt_child child;
	pthread_t thread;
	void *fd;

	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		VT_CHECK(!pthread_create(&thread, NULL, open_in_thread, &arg));
		VT_CHECK(!pthread_join(thread, &fd));
		VT_CHECK((intptr_t)fd >= 0);
		VT_CHECK(!vt_tell(child.sock));
		vt_hear(child.sock);
		VT_CHECK(!close((intptr_t)fd));
		_exit(0);
	}
	ASSERT_EQ(0, vt_hear(child.sock));
	ASSERT_EVENT(OPENED, child.pid);
	ASSERT_NO_EVENT();
	EXPECT_EQ(0, vt_wait(&child));
	ASSERT_EVENT(CLOSED, child.pid);
	ASSERT_NO_EVENT();
}

/* What the child does from here on: end when the socket is closed. */
static void exec_cat(void)
{
	execl("/bin/cat", "cat", NULL);
	VT_CHECK(!"execl");
}

static void *exec_when_told(void *p)
{
	struct thread_arg *arg = p;

	VT_CHECK(!vt_tell(arg->child->sock));
	vt_hear(arg->child->sock);
	exec_cat();
	return NULL;
}

static int wait_exec(pid_t pid)
{
	char path[64], comm[64];
	int tries;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	for (tries = 0; tries < VT_PATIENCE * 100; tries++) {
		if (vt_read_file(path, comm, sizeof(comm)) > 0 &&
		    !strcmp(comm, "cat\n"))
			return 0;
		usleep(10000);
	}
	return -ETIMEDOUT;
}

/* A process that executes another program is the same process. */
TEST_F(exit, exec)
{
	struct vt_child child;
	int fd;

	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		fd = vt_open(self->dev, self->name, 0);
		VT_CHECK(fd >= 0);
		VT_CHECK(!fcntl(fd, F_SETFD, 0));
		/* Another one is closed by it. */
		VT_CHECK(vt_open(self->dev, self->name, 0) >= 0);
		VT_CHECK(dup2(child.sock, 0) == 0);
		exec_cat();
	}
	ASSERT_EQ(0, wait_exec(child.pid));
	ASSERT_EVENT(OPENED, child.pid);
	ASSERT_EVENT(OPENED, child.pid);
	ASSERT_EVENT(CLOSED, child.pid);
	ASSERT_NO_EVENT();
	EXPECT_EQ(128 + SIGKILL, vt_kill(&child));
	ASSERT_EVENT(EXIT, child.pid);
	ASSERT_EVENT(CLOSED, child.pid);
	ASSERT_NO_EVENT();
}

/*
 * So is one of which another thread does so. That thread takes over the number
 * of the first one, which has ended before, or is made to end by this.
 */
TEST_F(exit, exec_by_thread)
{
	struct thread_arg arg;
	struct vt_child child;
	int fd, ended_before;
	pthread_t thread;

	for (ended_before = 0; ended_before < 2; ended_before++) {
		ASSERT_LE(0, vt_fork(&child));
		if (!child.pid) {
			arg = (struct thread_arg) { &child, exec_cat };
			fd = vt_open(self->dev, self->name, 0);
			VT_CHECK(fd >= 0);
			VT_CHECK(!fcntl(fd, F_SETFD, 0));
			VT_CHECK(dup2(child.sock, 0) == 0);
			VT_CHECK(!pthread_create(&thread, NULL, ended_before ?
						 stay : exec_when_told, &arg));
			if (ended_before)
				syscall(SYS_exit, 0);
			for (;;)
				pause();
		}
		ASSERT_EQ(0, vt_hear(child.sock));
		ASSERT_EVENT(OPENED, child.pid);
		ASSERT_EQ(0, vt_tell(child.sock));
		ASSERT_EQ(0, wait_exec(child.pid));
		ASSERT_NO_EVENT();
		EXPECT_EQ(128 + SIGKILL, vt_kill(&child));
		ASSERT_EVENT(EXIT, child.pid);
		ASSERT_EVENT(CLOSED, child.pid);
		ASSERT_NO_EVENT();
	}
}

/* Many at once, each told once; the fork of the test itself holds nothing. */
TEST_F(exit, many)
{
	unsigned int i, exits = 0, closes = 0, opens = 0;
	struct vt_child child[16];

	for (i = 0; i < ARRAY_SIZE(child); i++) {
		ASSERT_LE(0, vt_fork(&child[i]));
		if (!child[i].pid) {
			open_and_tell(self->dev, self->name, child[i].sock);
			for (;;)
				pause();
		}
	}
	for (i = 0; i < ARRAY_SIZE(child); i++)
		ASSERT_EQ(0, vt_hear(child[i].sock));
	for (i = 0; i < ARRAY_SIZE(child); i++)
		ASSERT_EQ(0, kill(child[i].pid, SIGKILL));
	for (i = 0; i < ARRAY_SIZE(child); i++)
		EXPECT_EQ(128 + SIGKILL, vt_wait(&child[i]));
	while (!vt_no_event(self->watch)) {
		ASSERT_EQ(0, vt_next_event(self->watch, &self->event));
		opens += self->event.type == VMSHM_EVENT_OPENED;
		exits += self->event.type == VMSHM_EVENT_EXIT;
		closes += self->event.type == VMSHM_EVENT_CLOSED;
	}
	EXPECT_EQ(ARRAY_SIZE(child), opens);
	EXPECT_EQ(ARRAY_SIZE(child), exits);
	EXPECT_EQ(ARRAY_SIZE(child), closes);
}

/*
 * The opener ends at the very moment at which somebody else closes the file:
 * EXIT is told before CLOSED, at most once.
 */
TEST_F(exit, race_with_close)
{
	unsigned int round, exits;
	struct vt_child child;
	int fd;

	for (round = 0; round < 50; round++) {
		ASSERT_LE(0, vt_fork(&child));
		if (!child.pid) {
			fd = vt_open(self->dev, self->name, 0);
			VT_CHECK(fd >= 0);
			VT_CHECK(!vt_send_fd(child.sock, fd));
			_exit(0);
		}
		fd = vt_recv_fd(child.sock);
		ASSERT_LE(0, fd);
		close(fd);
		EXPECT_EQ(0, vt_wait(&child));

		ASSERT_EVENT(OPENED, child.pid);
		exits = 0;
		do {
			ASSERT_EQ(0, vt_next_event(self->watch, &self->event));
			ASSERT_EQ(child.pid, self->event.pid);
			exits += self->event.type == VMSHM_EVENT_EXIT;
		} while (self->event.type == VMSHM_EVENT_EXIT);
		ASSERT_EQ(VMSHM_EVENT_CLOSED, self->event.type);
		ASSERT_GE(1, exits);
		ASSERT_NO_EVENT();
	}
}

TEST_HARNESS_MAIN
