// SPDX-License-Identifier: GPL-2.0
/*
 * The members of a region through whatever processes do: fork, exec, end,
 * threads, files passed on, namespaces.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "lib/harness.h"
#include "lib/members.h"

TEST_F(members, fork)
{
	struct vt_child child;
	int n;

	ASSERT_NE(MAP_FAILED, mmap(NULL, 2 * self->page, PROT_READ, MAP_SHARED,
				   self->fd, self->page));
	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		VT_CHECK(!vt_tell(child.sock));
		vt_hear(child.sock);
		_exit(0);
	}
	ASSERT_EQ(0, vt_hear(child.sock));
	n = vt_members(self->fd, self->list, ROOM);

	/* One open file, of who opened it; two mappings. */
	ASSERT_EQ(3, n);
	EXPECT_NE(NULL,
		  vt_find_member(self->list, n, VMSHM_MEMBER_OPEN,
				 getpid()));
	EXPECT_NE(NULL,
		  vt_find_member(self->list, n, VMSHM_MEMBER_MAP,
				 getpid()));
	EXPECT_NE(NULL,
		  vt_find_member(self->list, n, VMSHM_MEMBER_MAP,
				 child.pid));

	EXPECT_EQ(0, vt_wait(&child));
	EXPECT_EQ(2, vt_members(self->fd, self->list, ROOM));
}

/* Two processes with one mm are one member. */
TEST_F(members, vfork)
{
	pid_t pid;

	ASSERT_NE(MAP_FAILED, mmap(NULL, self->page, PROT_READ, MAP_SHARED,
				   self->fd, 0));
	pid = vfork();
	ASSERT_LE(0, pid);
	if (!pid) {
		/* In its parent's memory. */
		vt_members(self->fd, self->list, ROOM);
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	EXPECT_EQ(VMSHM_MEMBER_OPEN, self->list[0].type);
	EXPECT_EQ(VMSHM_MEMBER_MAP, self->list[1].type);
	EXPECT_EQ(getpid(), self->list[1].pid);
	EXPECT_EQ(0, self->list[2].type);
}

/* What a killed process had is gone by the time it can be waited for. */
TEST_F(members, kill)
{
	struct vt_child child;
	int fd;

	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		fd = vt_open(self->dev, self->name, 0);
		VT_CHECK(fd >= 0);
		VT_CHECK(mmap(NULL, self->page, PROT_READ | PROT_WRITE,
			      MAP_SHARED, fd, 0) != MAP_FAILED);
		VT_CHECK(!vt_tell(child.sock));
		vt_hear(child.sock);
		_exit(0);
	}
	ASSERT_EQ(0, vt_hear(child.sock));
	ASSERT_EQ(3, vt_members(self->fd, self->list, ROOM));
	EXPECT_EQ(child.pid, self->list[1].pid);
	EXPECT_EQ(child.pid, self->list[2].pid);
	EXPECT_EQ(128 + SIGKILL, vt_kill(&child));
	EXPECT_EQ(1, vt_members(self->fd, self->list, ROOM));
}

TEST_F(members, passed_file)
{
	const struct vmshm_member *m;
	struct vt_child child;
	int fd, n;

	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		close(self->fd);
		prctl(PR_SET_NAME, "opener");
		fd = vt_open(self->dev, self->name, VMSHM_OPEN_RDONLY);
		VT_CHECK(fd >= 0);
		VT_CHECK(!vt_send_fd(child.sock, fd));
		VT_CHECK(!close(fd));
		VT_CHECK(!vt_tell(child.sock));
		vt_hear(child.sock);
		prctl(PR_SET_NAME, "renamed");
		VT_CHECK(!vt_tell(child.sock));
		vt_hear(child.sock);
		_exit(0);
	}

	/* In the socket, received, or mapped: opened by who opened it. */
	fd = vt_recv_fd(child.sock);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, vt_hear(child.sock));
	ASSERT_NE(MAP_FAILED, mmap(NULL, self->page, PROT_READ, MAP_SHARED, fd,
				   0));
	n = vt_members(self->fd, self->list, ROOM);
	ASSERT_EQ(3, n);
	m = vt_find_member(self->list, n, VMSHM_MEMBER_OPEN, child.pid);
	ASSERT_NE(NULL, m);
	EXPECT_EQ(VMSHM_MEMBER_READ, m->flags);
	EXPECT_STREQ("opener", (char *)m->comm);
	EXPECT_NE(NULL,
		  vt_find_member(self->list, n, VMSHM_MEMBER_MAP,
				 getpid()));

	/* While it lives, the name it has now. */
	ASSERT_EQ(0, vt_tell(child.sock));
	ASSERT_EQ(0, vt_hear(child.sock));
	n = vt_members(self->fd, self->list, ROOM);
	m = vt_find_member(self->list, n, VMSHM_MEMBER_OPEN, child.pid);
	ASSERT_NE(NULL, m);
	EXPECT_EQ(VMSHM_MEMBER_READ, m->flags);
	EXPECT_STREQ("renamed", (char *)m->comm);

	/* Ended, but not waited for; then as it was when it opened. */
	ASSERT_EQ(0, vt_tell(child.sock));
	ASSERT_EQ(0, vt_wait_zombie(child.pid));
	n = vt_members(self->fd, self->list, ROOM);
	m = vt_find_member(self->list, n, VMSHM_MEMBER_OPEN, child.pid);
	ASSERT_NE(NULL, m);
	EXPECT_EQ(VMSHM_MEMBER_READ | VMSHM_MEMBER_EXITED, m->flags);
	EXPECT_STREQ("opener", (char *)m->comm);

	EXPECT_EQ(0, vt_wait(&child));
	n = vt_members(self->fd, self->list, ROOM);
	ASSERT_EQ(3, n);
	m = &self->list[1];
	EXPECT_EQ(VMSHM_MEMBER_OPEN, m->type);
	EXPECT_EQ(VMSHM_MEMBER_READ | VMSHM_MEMBER_EXITED, m->flags);
	EXPECT_EQ(child.pid, m->pid);
	EXPECT_STREQ("opener", (char *)m->comm);
}

/* Sent and not received: held by the socket alone. */
TEST_F(members, file_in_flight)
{
	struct vt_child child;
	int fd;

	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		fd = vt_open(self->dev, self->name, 0);
		VT_CHECK(fd >= 0);
		VT_CHECK(mmap(NULL, self->page, PROT_READ, MAP_SHARED, fd, 0) !=
			 MAP_FAILED);
		VT_CHECK(!vt_send_fd(child.sock, fd));
		_exit(0);
	}
	ASSERT_EQ(0, vt_wait_zombie(child.pid));
	ASSERT_EQ(2, vt_members(self->fd, self->list, ROOM));
	EXPECT_EQ(VMSHM_MEMBER_READ | VMSHM_MEMBER_WRITE | VMSHM_MEMBER_EXITED,
		  self->list[1].flags);
	EXPECT_EQ(0, vt_wait(&child));
	/* The socket is closed, and the file with it. */
	EXPECT_EQ(1, vt_members(self->fd, self->list, ROOM));
}

TEST_F(members, mapping_without_descriptor)
{
	const __u32 rights = VMSHM_MEMBER_READ | VMSHM_MEMBER_WRITE;
	const struct vmshm_member *m = &self->list[1];
	struct vt_child child;
	char *p;
	int fd;

	fd = vt_open(self->dev, self->name, 0);
	ASSERT_LE(0, fd);
	p = mmap(NULL, 4 * self->page, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		 0);
	ASSERT_NE(MAP_FAILED, p);
	ASSERT_EQ(3, vt_members(self->fd, self->list, ROOM));
	EXPECT_EQ(rights, m->flags);

	close(fd);
	ASSERT_EQ(3, vt_members(self->fd, self->list, ROOM));
	EXPECT_EQ(VMSHM_MEMBER_OPEN, m->type);
	EXPECT_EQ(rights | VMSHM_MEMBER_NO_FD, m->flags);
	/* The other file has its descriptor. */
	EXPECT_EQ(rights, self->list[0].flags);

	/* Several mappings of the file, also in other processes. */
	ASSERT_EQ(0, mprotect(p, self->page, PROT_READ));
	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		VT_CHECK(!vt_tell(child.sock));
		vt_hear(child.sock);
		_exit(0);
	}
	ASSERT_EQ(0, vt_hear(child.sock));
	ASSERT_EQ(6, vt_members(self->fd, self->list, ROOM));
	EXPECT_EQ(rights | VMSHM_MEMBER_NO_FD, m->flags);
	EXPECT_EQ(0, vt_wait(&child));

	ASSERT_EQ(0, munmap(p, 4 * self->page));
	EXPECT_EQ(1, vt_members(self->fd, self->list, ROOM));
}

/* The process that opened it goes, a child keeps the mapping. */
TEST_F(members, inherited_mapping_of_ended_process)
{
	struct vt_child child, grandchild;
	pid_t keeper = -1;
	int fd, n;

	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		fd = vt_open(self->dev, self->name, 0);
		VT_CHECK(fd >= 0);
		VT_CHECK(mmap(NULL, self->page, PROT_READ, MAP_SHARED, fd, 0) !=
			 MAP_FAILED);
		close(fd);
		VT_CHECK(vt_fork(&grandchild) >= 0);
		if (!grandchild.pid) {
			/* Outlive the parent, until the test is done. */
			prctl(PR_SET_PDEATHSIG, 0);
			VT_CHECK(!vt_tell(grandchild.sock));
			vt_hear(child.sock);
			_exit(0);
		}
		VT_CHECK(!vt_hear(grandchild.sock));
		keeper = grandchild.pid;
		VT_CHECK(send(child.sock, &keeper, sizeof(keeper), 0) ==
			 sizeof(keeper));
		_exit(0);
	}
	ASSERT_EQ(sizeof(keeper), recv(child.sock, &keeper, sizeof(keeper),
				       MSG_WAITALL));
	ASSERT_EQ(0, vt_wait_zombie(child.pid));
	n = vt_members(self->fd, self->list, ROOM);
	ASSERT_EQ(3, n);
	EXPECT_EQ(child.pid, self->list[1].pid);
	EXPECT_EQ(VMSHM_MEMBER_READ | VMSHM_MEMBER_WRITE |
		  VMSHM_MEMBER_EXITED | VMSHM_MEMBER_NO_FD,
		  self->list[1].flags);
	EXPECT_EQ(VMSHM_MEMBER_MAP, self->list[2].type);
	EXPECT_EQ(keeper, self->list[2].pid);
	EXPECT_EQ(0, vt_wait(&child));
}

static void *thread_stays(void *arg)
{
	struct vt_child *child = arg;

	prctl(PR_SET_NAME, "a-thread");
	VT_CHECK(!vt_wait_dead_thread(getpid(), getpid()));
	VT_CHECK(!vt_tell(child->sock));
	vt_hear(child->sock);
	_exit(0);
}

/* A process whose first thread has ended goes on. */
TEST_F(members, first_thread_ends)
{
	struct vt_child child;
	pthread_t thread;
	int fd, n;

	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		fd = vt_open(self->dev, self->name, 0);
		VT_CHECK(fd >= 0);
		VT_CHECK(mmap(NULL, self->page, PROT_READ, MAP_SHARED, fd, 0) !=
			 MAP_FAILED);
		VT_CHECK(!pthread_create(&thread, NULL, thread_stays, &child));
		syscall(SYS_exit, 0);
	}
	ASSERT_EQ(0, vt_hear(child.sock));
	n = vt_members(self->fd, self->list, ROOM);
	ASSERT_EQ(3, n);
	EXPECT_EQ(child.pid, self->list[1].pid);
	EXPECT_EQ(VMSHM_MEMBER_READ | VMSHM_MEMBER_WRITE, self->list[1].flags);
	EXPECT_EQ(VMSHM_MEMBER_MAP, self->list[2].type);
	EXPECT_EQ(child.pid, self->list[2].pid);
	/* The process is called what its first thread was called. */
	EXPECT_STREQ((char *)self->list[0].comm, (char *)self->list[1].comm);
	EXPECT_STREQ((char *)self->list[0].comm, (char *)self->list[2].comm);
	EXPECT_EQ(0, vt_wait(&child));
}

struct opener {
	int dev;
	const char *name;
};

static void *open_in_thread(void *p)
{
	struct opener *arg = p;

	prctl(PR_SET_NAME, "a-thread");
	return (void *)(intptr_t)vt_open(arg->dev, arg->name, 0);
}

/* It is the process that is a member, not one of its threads. */
TEST_F(members, thread_opens)
{
	struct opener arg = { self->dev, self->name };
	char comm[16] = "";
	pthread_t thread;
	void *fd;

	prctl(PR_GET_NAME, comm);
	ASSERT_EQ(0, pthread_create(&thread, NULL, open_in_thread, &arg));
	ASSERT_EQ(0, pthread_join(thread, &fd));
	ASSERT_LE(0, (intptr_t)fd);
	ASSERT_EQ(2, vt_members(self->fd, self->list, ROOM));
	EXPECT_EQ(getpid(), self->list[1].pid);
	EXPECT_EQ(VMSHM_MEMBER_READ | VMSHM_MEMBER_WRITE, self->list[1].flags);
	EXPECT_EQ(0, memcmp(comm, self->list[1].comm, sizeof(comm)));
}

TEST_F(members, exec)
{
	const struct vmshm_member *m;
	struct vt_child child;
	int fd, n;

	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		fd = vt_open(self->dev, self->name, 0);
		VT_CHECK(fd >= 0);
		VT_CHECK(mmap(NULL, self->page, PROT_READ, MAP_SHARED, fd, 0) !=
			 MAP_FAILED);
		VT_CHECK(!fcntl(fd, F_SETFD, 0));
		VT_CHECK(!fcntl(child.sock, F_SETFD, 0));
		VT_CHECK(dup2(child.sock, 0) == 0);
		execl("/bin/cat", "cat", NULL);
		VT_CHECK(!"execl");
	}
	ASSERT_EQ(0, vt_wait_comm(child.pid, "cat"));

	/* The file is open, the mapping has gone. */
	n = vt_members(self->fd, self->list, ROOM);
	ASSERT_EQ(2, n);
	m = vt_find_member(self->list, n, VMSHM_MEMBER_OPEN, child.pid);
	ASSERT_NE(NULL, m);
	EXPECT_EQ(VMSHM_MEMBER_READ | VMSHM_MEMBER_WRITE, m->flags);
	EXPECT_STREQ("cat", (char *)m->comm);
	EXPECT_EQ(128 + SIGKILL, vt_kill(&child));
	EXPECT_EQ(1, vt_members(self->fd, self->list, ROOM));
}

static void *thread_execs(void *arg)
{
	VT_CHECK(!vt_wait_dead_thread(getpid(), getpid()));
	execl("/bin/cat", "cat", NULL);
	VT_CHECK(!"execl");
	return NULL;
}

/* execve() from another thread takes over the pid of a first one that ended. */
TEST_F(members, exec_by_thread)
{
	const struct vmshm_member *m;
	struct vt_child child;
	pthread_t thread;
	int fd, n;

	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		fd = vt_open(self->dev, self->name, 0);
		VT_CHECK(fd >= 0);
		VT_CHECK(!fcntl(fd, F_SETFD, 0));
		VT_CHECK(dup2(child.sock, 0) == 0);
		VT_CHECK(!pthread_create(&thread, NULL, thread_execs, NULL));
		syscall(SYS_exit, 0);
	}
	ASSERT_EQ(0, vt_wait_comm(child.pid, "cat"));
	n = vt_members(self->fd, self->list, ROOM);
	ASSERT_EQ(2, n);
	m = vt_find_member(self->list, n, VMSHM_MEMBER_OPEN, child.pid);
	ASSERT_NE(NULL, m);
	EXPECT_EQ(VMSHM_MEMBER_READ | VMSHM_MEMBER_WRITE, m->flags);
	EXPECT_STREQ("cat", (char *)m->comm);
	EXPECT_EQ(128 + SIGKILL, vt_kill(&child));
}

TEST_F(members, users)
{
	const struct vmshm_member *m;
	struct vt_child child;
	int fd, n;

	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		VT_CHECK(!vt_become(VT_ALICE));
		fd = vt_open(self->dev, self->name, 0);
		VT_CHECK(fd >= 0);
		VT_CHECK(mmap(NULL, self->page, PROT_READ, MAP_SHARED, fd, 0) !=
			 MAP_FAILED);
		VT_CHECK(!vt_tell(child.sock));
		vt_hear(child.sock);
		_exit(0);
	}
	ASSERT_EQ(0, vt_hear(child.sock));
	n = vt_members(self->fd, self->list, ROOM);
	ASSERT_EQ(3, n);
	m = vt_find_member(self->list, n, VMSHM_MEMBER_OPEN, child.pid);
	ASSERT_NE(NULL, m);
	EXPECT_EQ(VT_ALICE, m->uid);
	m = vt_find_member(self->list, n, VMSHM_MEMBER_MAP, child.pid);
	ASSERT_NE(NULL, m);
	EXPECT_EQ(VT_ALICE, m->uid);
	EXPECT_EQ(0, vt_wait(&child));
}

/* A user that the reader's user namespace does not have is the overflow uid. */
TEST_F(members, user_namespace)
{
	struct vt_child child;

	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		VT_CHECK(!vt_become(VT_ALICE));
		VT_CHECK(vt_open(self->dev, self->name, 0) >= 0);
		VT_CHECK(!vt_unshare_user(77));
		VT_CHECK(vt_members(self->fd, self->list, ROOM) == 2);
		VT_CHECK(self->list[0].uid == 65534);
		VT_CHECK(self->list[1].uid == 77);
		_exit(0);
	}
	EXPECT_EQ(0, vt_wait(&child));
}

/* Processes outside of the reader's pid namespace have no number. */
TEST_F(members, pid_namespace)
{
	struct vt_child child, init;
	int n, fd;

	ASSERT_NE(MAP_FAILED, mmap(NULL, self->page, PROT_READ, MAP_SHARED,
				   self->fd, 0));
	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		VT_CHECK(!unshare(CLONE_NEWPID));
		VT_CHECK(vt_fork(&init) >= 0);
		if (init.pid) {
			VT_CHECK(!vt_hear(init.sock));
			VT_CHECK(!vt_tell(child.sock));
			vt_hear(child.sock);
			_exit(vt_wait(&init));
		}
		VT_CHECK(getpid() == 1);
		fd = vt_open(self->dev, self->name, 0);
		VT_CHECK(fd >= 0);
		n = vt_members(self->fd, self->list, ROOM);
		VT_CHECK(n == 5);
		VT_CHECK(self->list[0].pid == 0);
		VT_CHECK(self->list[1].pid == 1);
		VT_CHECK(self->list[2].type == VMSHM_MEMBER_MAP);
		VT_CHECK(vt_find_member(self->list, n, VMSHM_MEMBER_MAP, 1));
		VT_CHECK(vt_find_member(self->list, n, VMSHM_MEMBER_MAP, 0));
		VT_CHECK(!vt_tell(init.sock));
		vt_hear(init.sock);
		_exit(0);
	}
	ASSERT_EQ(0, vt_hear(child.sock));
	n = vt_members(self->fd, self->list, ROOM);
	ASSERT_EQ(5, n);
	EXPECT_EQ(getpid(), self->list[0].pid);
	/* Seen from outside, it has a number of its own. */
	EXPECT_LT(1, self->list[1].pid);
	EXPECT_NE(getpid(), self->list[1].pid);
	EXPECT_NE(child.pid, self->list[1].pid);
	EXPECT_NE(NULL,
		  vt_find_member(self->list, n, VMSHM_MEMBER_MAP,
				 self->list[1].pid));
	EXPECT_NE(NULL,
		  vt_find_member(self->list, n, VMSHM_MEMBER_MAP,
				 child.pid));
	EXPECT_NE(NULL,
		  vt_find_member(self->list, n, VMSHM_MEMBER_MAP,
				 getpid()));
	EXPECT_EQ(0, vt_wait(&child));
}

TEST_HARNESS_MAIN
