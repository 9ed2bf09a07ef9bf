// SPDX-License-Identifier: GPL-2.0
/*
 * Ways to get at a region that do not ask the device: opening /proc/self/fd/N,
 * O_PATH descriptors, descriptors that are inherited, duplicated and passed on.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <linux/kcmp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "lib/harness.h"
#include "lib/vmshm_mem.h"

#define SIZE		(4 * VT_PAGE)
#define MAX_SIZE	(8 * VT_PAGE)
#define GROUP		4711

FIXTURE(reopen) {
	int dev;
	int fd;
	char name[VMSHM_NAME_MAX + 1];
};

FIXTURE_SETUP(reopen)
{
	self->dev = vt_device();
	ASSERT_LE(0, self->dev);
	self->fd = vt_create(self->dev, vt_name(self->name, "reopen"), SIZE,
			     MAX_SIZE, VMSHM_EPHEMERAL, 0600);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(5, pwrite(self->fd, "hello", 5, 0));
}

FIXTURE_TEARDOWN(reopen)
{
	close(self->fd);
	close(self->dev);
}

static unsigned int opens(int fd)
{
	struct vmshm_stat st;

	return vt_stat(fd, &st) ? ~0U : st.out_opens;
}

static unsigned int linked(int fd)
{
	struct vmshm_stat st;

	return vt_stat(fd, &st) ? ~0U : st.out_linked;
}

static bool says_hello(int fd)
{
	char buf[5];

	return pread(fd, buf, 5, 0) == 5 && !memcmp(buf, "hello", 5);
}

/* Both are the same open file. */
static bool same_file(int a, int b)
{
	return !syscall(SYS_kcmp, getpid(), getpid(), KCMP_FILE, a, b);
}

TEST_F(reopen, as_root)
{
	int fd;

	fd = vt_reopen(self->fd, O_RDWR);
	ASSERT_LE(0, fd);
	EXPECT_FALSE(same_file(self->fd, fd));
	EXPECT_EQ(2, opens(fd));
	EXPECT_TRUE(says_hello(fd));
	EXPECT_EQ(1, pwrite(fd, "J", 1, 0));
	EXPECT_EQ(1, pwrite(self->fd, "h", 1, 0));
	EXPECT_EQ(0, vt_resize(fd, MAX_SIZE));
	EXPECT_EQ(MAX_SIZE, (__u64)vt_size(self->fd));
	EXPECT_EQ(0, vt_seal(fd, VMSHM_SEAL_GROW));
	close(fd);
	EXPECT_EQ(1, opens(self->fd));

	fd = vt_reopen(self->fd, O_RDWR | O_SYNC | O_NONBLOCK | O_CLOEXEC);
	EXPECT_LE(0, fd);
	close(fd);
	/* What a program says that creates what is not there. */
	fd = vt_reopen(self->fd, O_RDWR | O_CREAT);
	EXPECT_LE(0, fd);
	close(fd);
	EXPECT_EQ(-EEXIST, vt_reopen(self->fd, O_RDWR | O_CREAT | O_EXCL));
	EXPECT_EQ(-ELOOP, vt_reopen(self->fd, O_RDWR | O_NOFOLLOW));
	EXPECT_EQ(-ENOTDIR, vt_reopen(self->fd, O_RDONLY | O_DIRECTORY));
	EXPECT_EQ(1, opens(self->fd));
}

TEST_F(reopen, to_read)
{
	int fd = vt_reopen(self->fd, O_RDONLY);

	ASSERT_LE(0, fd);
	EXPECT_TRUE(says_hello(fd));
	EXPECT_EQ(-1, pwrite(fd, "x", 1, 0));
	EXPECT_EQ(EBADF, errno);
	EXPECT_EQ(-EACCES, vt_resize(fd, VT_PAGE));
	EXPECT_EQ(-EACCES, vt_seal(fd, VMSHM_SEAL_GROW));
	EXPECT_EQ(0, vt_seal(fd, 0));
	EXPECT_EQ(-1, ftruncate(fd, VT_PAGE));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_NE(NULL, vt_map(fd, SIZE, PROT_READ, 0));
	EXPECT_EQ(NULL, vt_map(fd, SIZE, PROT_READ | PROT_WRITE, 0));
	EXPECT_EQ(EACCES, errno);
	/* Unlike a handle that was asked to stay read-only. */
	fd = vt_reopen(fd, O_RDWR);
	EXPECT_LE(0, fd);
}

TEST_F(reopen, to_write)
{
	int fd = vt_reopen(self->fd, O_WRONLY);
	char c;

	ASSERT_LE(0, fd);
	EXPECT_EQ(1, pwrite(fd, "J", 1, 0));
	EXPECT_EQ(-1, pread(fd, &c, 1, 0));
	EXPECT_EQ(EBADF, errno);
	EXPECT_EQ(NULL, vt_map(fd, SIZE, PROT_WRITE, 0));
	EXPECT_EQ(EACCES, errno);
	EXPECT_EQ(0, vt_resize(fd, MAX_SIZE));
	/* It must not become a way to read. */
	EXPECT_EQ(-EACCES, vt_readonly(fd));
}

/* Tries every way as another user; the answers are those of the VFS. */
static void check_as(int fd, uid_t uid, int rdwr, int rdonly, int wronly)
{
	int new;

	VT_CHECK(vt_become(uid) == 0);
	new = vt_reopen(fd, O_RDWR);
	VT_CHECK(rdwr ? new == rdwr : new >= 0 && says_hello(new));
	new = vt_reopen(fd, O_RDONLY);
	VT_CHECK(rdonly ? new == rdonly : new >= 0 && says_hello(new));
	new = vt_reopen(fd, O_WRONLY);
	VT_CHECK(wronly ? new == wronly :
		 new >= 0 && pwrite(new, "h", 1, 0) == 1);
	new = vt_reopen(fd, O_RDONLY | O_TRUNC);
	VT_CHECK(wronly || rdonly ? new == -EACCES : new >= 0);
	if (new >= 0) {
		VT_CHECK(vt_resize(fd, SIZE) == 0);
		VT_CHECK(pwrite(fd, "hello", 5, 0) == 5);
	}
	/* Whoever was given the descriptor needs no permission to use it. */
	VT_CHECK(says_hello(fd));
	VT_CHECK(vt_map(fd, SIZE, PROT_READ | PROT_WRITE, 0));
	_exit(0);
}

TEST_F(reopen, as_other_users)
{
	static const struct {
		mode_t mode;
		uid_t owner;
		int rdwr, rdonly, wronly;
	} cases[] = {
		{ 0600, 0, -EACCES, -EACCES, -EACCES },
		{ 0666, 0, 0, 0, 0 },
		{ 0644, 0, -EACCES, 0, -EACCES },
		{ 0622, 0, -EACCES, -EACCES, 0 },
		{ 0600, VT_ALICE, 0, 0, 0 },
		{ 0400, VT_ALICE, -EACCES, 0, -EACCES },
		/* The owner is not among the others. */
		{ 0066, VT_ALICE, -EACCES, -EACCES, -EACCES },
	};
	struct vt_child child;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		ASSERT_EQ(0, fchown(self->fd, cases[i].owner, 0));
		ASSERT_EQ(0, fchmod(self->fd, cases[i].mode));
		ASSERT_LE(0, vt_fork(&child));
		if (!child.pid)
			check_as(self->fd, VT_ALICE, cases[i].rdwr,
				 cases[i].rdonly, cases[i].wronly);
		EXPECT_EQ(0, vt_wait(&child)) {
			TH_LOG("case %u", i);
		}
		ASSERT_TRUE(says_hello(self->fd));
	}
}

TEST_F(reopen, as_a_member_of_its_group)
{
	struct vt_child child;
	struct stat st;

	/* The group that vt_become() leaves to the process. */
	ASSERT_EQ(0, stat(VT_DEVICE, &st));
	ASSERT_NE(0, st.st_gid);
	ASSERT_EQ(0, fchown(self->fd, 0, st.st_gid));
	ASSERT_EQ(0, fchmod(self->fd, 0640));
	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid)
		check_as(self->fd, VT_BOB, -EACCES, 0, -EACCES);
	EXPECT_EQ(0, vt_wait(&child));
	ASSERT_EQ(0, fchown(self->fd, 0, GROUP));
	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid)
		check_as(self->fd, VT_BOB, -EACCES, -EACCES, -EACCES);
	EXPECT_EQ(0, vt_wait(&child));
}

/* Root of a container is not root over what is not of the container. */
TEST_F(reopen, as_root_of_a_user_namespace)
{
	struct vt_child child;

	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		VT_CHECK(vt_become(VT_ALICE) == 0);
		VT_CHECK(vt_unshare_user(0) == 0);
		VT_CHECK(getuid() == 0);
		VT_CHECK(vt_reopen(self->fd, O_RDWR) == -EACCES);
		VT_CHECK(vt_reopen(self->fd, O_RDONLY) == -EACCES);
		VT_CHECK(fchmod(self->fd, 0666) == -1 && errno == EPERM);
		VT_CHECK(fchown(self->fd, 0, 0) == -1);
		_exit(0);
	}
	EXPECT_EQ(0, vt_wait(&child));
	ASSERT_EQ(0, fchmod(self->fd, 0666));
	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		VT_CHECK(vt_become(VT_ALICE) == 0);
		VT_CHECK(vt_unshare_user(0) == 0);
		VT_CHECK(says_hello(vt_reopen(self->fd, O_RDWR)));
		_exit(0);
	}
	EXPECT_EQ(0, vt_wait(&child));
}

TEST_F(reopen, o_path)
{
	struct vmshm_stat vs;
	struct stat st;
	int path, fd;
	char c;

	path = vt_reopen(self->fd, O_PATH);
	ASSERT_LE(0, path);
	EXPECT_EQ(1, opens(self->fd));
	ASSERT_EQ(0, fstat(path, &st));
	EXPECT_EQ(SIZE, (__u64)st.st_size);
	EXPECT_EQ(-1, pread(path, &c, 1, 0));
	EXPECT_EQ(EBADF, errno);
	EXPECT_EQ(-1, ftruncate(path, 0));
	EXPECT_EQ(EBADF, errno);
	EXPECT_EQ(-EBADF, vt_stat(path, &vs));
	EXPECT_EQ(-EBADF, vt_readonly(path));
	EXPECT_EQ(NULL, vt_map(path, SIZE, PROT_READ, 0));
	EXPECT_EQ(EBADF, errno);
	EXPECT_EQ(-1, fchmod(path, 0666));
	EXPECT_EQ(EBADF, errno);

	fd = vt_reopen(path, O_RDWR);
	ASSERT_LE(0, fd);
	EXPECT_TRUE(says_hello(fd));
	EXPECT_EQ(2, opens(fd));
}

/* It counts as nothing, and yet what it stands for has to be there. */
TEST_F(reopen, o_path_when_all_others_are_closed)
{
	int path, fd;
	char *map;

	path = vt_reopen(self->fd, O_PATH);
	ASSERT_LE(0, path);
	close(self->fd);
	/* Ephemeral: gone with the last open file. */
	EXPECT_EQ(-ENOENT, vt_open(self->dev, self->name, 0));

	fd = vt_reopen(path, O_RDWR);
	ASSERT_LE(0, fd);
	EXPECT_TRUE(says_hello(fd));
	EXPECT_EQ(1, opens(fd));
	EXPECT_EQ(0, linked(fd));
	EXPECT_EQ(0, vt_resize(fd, MAX_SIZE));
	map = vt_map(fd, MAX_SIZE, PROT_READ | PROT_WRITE, 0);
	ASSERT_NE(NULL, map);
	EXPECT_EQ(0, memcmp(map, "hello", 5));
	EXPECT_EQ(0, vt_poke(map + MAX_SIZE - 1, 'x'));

	/* Another time, with a mapping left. */
	close(fd);
	fd = vt_reopen(path, O_RDWR);
	ASSERT_LE(0, fd);
	EXPECT_TRUE(vt_file_filled(fd, MAX_SIZE - 1, 'x', 1));
	EXPECT_EQ(-EBUSY, vt_resize(fd, 0));
	close(fd);
	ASSERT_EQ(0, munmap(map, MAX_SIZE));
	fd = vt_reopen(path, O_RDWR);
	ASSERT_LE(0, fd);
	EXPECT_TRUE(says_hello(fd));
	close(path);
	EXPECT_TRUE(says_hello(fd));
	EXPECT_EQ(0, vt_resize(fd, 0));
	self->fd = fd;
}

TEST_F(reopen, o_path_of_a_persistent_region)
{
	char name[VMSHM_NAME_MAX + 1];
	int path, fd;

	fd = vt_create(self->dev, vt_name(name, "persistent"), SIZE, 0, 0, 0600);
	ASSERT_LE(0, fd);
	ASSERT_EQ(5, pwrite(fd, "hello", 5, 0));
	path = vt_reopen(fd, O_PATH);
	ASSERT_LE(0, path);
	close(fd);
	EXPECT_EQ(0, vt_unlink(self->dev, name));
	fd = vt_reopen(path, O_RDONLY);
	ASSERT_LE(0, fd);
	EXPECT_TRUE(says_hello(fd));
	EXPECT_EQ(0, linked(fd));
	/* The name is free for another one, which this is not. */
	close(fd);
	fd = vt_create(self->dev, name, SIZE, 0, VMSHM_EPHEMERAL, 0600);
	ASSERT_LE(0, fd);
	EXPECT_TRUE(vt_file_filled(fd, 0, 0, SIZE));
	close(fd);
	fd = vt_reopen(path, O_RDONLY);
	EXPECT_TRUE(says_hello(fd));
}

TEST_F(reopen, passed_by_socket)
{
	struct vt_child child;
	char *map;

	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		int fd;

		close(self->fd);
		VT_CHECK(vt_become(VT_BOB) == 0);
		fd = vt_recv_fd(child.sock);
		VT_CHECK(fd >= 0);
		/* It is not his, but he was given it. */
		VT_CHECK(vt_reopen(fd, O_RDONLY) == -EACCES);
		VT_CHECK(says_hello(fd));
		map = vt_map(fd, SIZE, PROT_READ | PROT_WRITE, 0);
		VT_CHECK(map);
		VT_CHECK(vt_poke(map + VT_PAGE, 'b') == 0);
		VT_CHECK(vt_resize(fd, MAX_SIZE) == 0);
		_exit(0);
	}
	ASSERT_EQ(0, vt_send_fd(child.sock, self->fd));
	ASSERT_EQ(0, vt_wait(&child));
	EXPECT_TRUE(vt_file_filled(self->fd, VT_PAGE, 'b', 1));
	EXPECT_EQ(MAX_SIZE, (__u64)vt_size(self->fd));
	EXPECT_EQ(1, opens(self->fd));
}

/* While it is nobody's, on its way. */
TEST_F(reopen, in_flight)
{
	int sv[2], fd;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, sv));
	ASSERT_EQ(0, vt_send_fd(sv[0], self->fd));
	close(self->fd);
	fd = vt_open(self->dev, self->name, 0);
	ASSERT_LE(0, fd);
	EXPECT_EQ(2, opens(fd));
	close(fd);
	self->fd = vt_recv_fd(sv[1]);
	ASSERT_LE(0, self->fd);
	EXPECT_TRUE(says_hello(self->fd));
	EXPECT_EQ(1, linked(self->fd));

	/* Never received: gone with the socket. */
	ASSERT_EQ(0, vt_send_fd(sv[0], self->fd));
	close(self->fd);
	close(sv[1]);
	close(sv[0]);
	self->fd = vt_open(self->dev, self->name, 0);
	EXPECT_EQ(-ENOENT, self->fd);
}

TEST_F(reopen, fork)
{
	struct vt_child child;
	char *map;

	map = vt_map(self->fd, SIZE, PROT_READ | PROT_WRITE, 0);
	ASSERT_NE(NULL, map);
	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		VT_CHECK(opens(self->fd) == 1);
		VT_CHECK(!memcmp(map, "hello", 5));
		VT_CHECK(vt_poke(map + VT_PAGE, 'c') == 0);
		VT_CHECK(vt_tell(child.sock) == 0);
		VT_CHECK(vt_hear(child.sock) == 0);
		VT_CHECK(vt_peek(map + 2 * VT_PAGE) == 'p');
		/* All that is left of the region is here. */
		VT_CHECK(says_hello(self->fd));
		VT_CHECK(linked(self->fd) == 1);
		close(self->fd);
		VT_CHECK(vt_peek(map + VT_PAGE) == 'c');
		VT_CHECK(vt_tell(child.sock) == 0);
		VT_CHECK(vt_hear(child.sock) == 0);
		_exit(0);
	}
	EXPECT_EQ(0, vt_hear(child.sock));
	EXPECT_EQ('c', vt_peek(map + VT_PAGE));
	EXPECT_EQ(0, vt_poke(map + 2 * VT_PAGE, 'p'));
	ASSERT_EQ(0, munmap(map, SIZE));
	close(self->fd);
	EXPECT_EQ(0, vt_tell(child.sock));
	EXPECT_EQ(0, vt_hear(child.sock));
	self->fd = vt_open(self->dev, self->name, 0);
	EXPECT_LE(0, self->fd);
	EXPECT_EQ(0, vt_tell(child.sock));
	EXPECT_EQ(0, vt_wait(&child));
	EXPECT_TRUE(vt_file_filled(self->fd, VT_PAGE, 'c', 1));
}

/* Closed on exec unless told otherwise. */
TEST_F(reopen, exec)
{
	struct vt_child child;
	char script[256];
	int kept;

	kept = fcntl(self->fd, F_DUPFD, 0);
	ASSERT_LE(0, kept);
	snprintf(script, sizeof(script),
		 "test ! -e /proc/self/fd/%d && "
		 "test \"$(head -c 5 <&%d)\" = hello && "
		 "test \"$(head -c 5 /proc/self/fd/%d)\" = hello && "
		 "printf J >&%d",
		 self->fd, kept, kept, kept);
	ASSERT_EQ(0, lseek(kept, 0, SEEK_SET));
	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		execl("/bin/bash", "bash", "-c", script, NULL);
		_exit(127);
	}
	EXPECT_EQ(0, vt_wait(&child));
	EXPECT_TRUE(says_hello(self->fd));
	EXPECT_TRUE(vt_file_filled(self->fd, 5, 'J', 1));
}

TEST_F(reopen, dup)
{
	int fd[4], other, pidfd;
	unsigned int i;

	fd[0] = dup(self->fd);
	fd[1] = dup2(self->fd, 100);
	fd[2] = dup3(self->fd, 101, O_CLOEXEC);
	fd[3] = fcntl(self->fd, F_DUPFD_CLOEXEC, 200);
	for (i = 0; i < 4; i++) {
		ASSERT_LE(0, fd[i]);
		EXPECT_TRUE(same_file(self->fd, fd[i]));
		EXPECT_TRUE(says_hello(fd[i]));
	}
	EXPECT_EQ(1, opens(self->fd));
	other = self->fd;
	self->fd = fd[2];
	close(other);
	close(fd[0]);
	close(fd[1]);
	close(fd[3]);
	EXPECT_TRUE(says_hello(self->fd));

	pidfd = syscall(SYS_pidfd_open, getpid(), 0);
	ASSERT_LE(0, pidfd);
	other = syscall(SYS_pidfd_getfd, pidfd, self->fd, 0);
	ASSERT_LE(0, other);
	EXPECT_TRUE(same_file(self->fd, other));
	EXPECT_EQ(1, opens(self->fd));
}

TEST_F(reopen, truncating)
{
	int fd;

	/* Also without asking to write, if one might. */
	fd = vt_reopen(self->fd, O_RDONLY | O_TRUNC);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, vt_size(self->fd));
	close(fd);
	ASSERT_EQ(0, vt_resize(self->fd, SIZE));
	EXPECT_TRUE(vt_file_filled(self->fd, 0, 0, SIZE));
	ASSERT_EQ(1, pwrite(self->fd, "x", 1, 0));
	fd = vt_reopen(self->fd, O_RDWR | O_TRUNC | O_CREAT);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, vt_size(self->fd));
	/* It may be made what it was again, as programs do. */
	EXPECT_EQ(0, ftruncate(fd, SIZE));
	EXPECT_TRUE(vt_file_filled(fd, 0, 0, SIZE));
	EXPECT_EQ(2, opens(fd));
}

TEST_F(reopen, truncating_what_is_mapped)
{
	char *map = vt_map(self->fd, SIZE, PROT_READ, 0);
	int fd;

	ASSERT_NE(NULL, map);
	EXPECT_EQ(-EBUSY, vt_reopen(self->fd, O_RDWR | O_TRUNC));
	EXPECT_EQ(-EBUSY, vt_reopen(self->fd, O_RDONLY | O_TRUNC));
	EXPECT_EQ(SIZE, (__u64)vt_size(self->fd));
	EXPECT_EQ('h', vt_peek(map));
	EXPECT_EQ(1, opens(self->fd));

	ASSERT_EQ(0, munmap(map, SIZE));
	ASSERT_EQ(0, vt_seal(self->fd, VMSHM_SEAL_SHRINK));
	EXPECT_EQ(-EPERM, vt_reopen(self->fd, O_RDWR | O_TRUNC));
	EXPECT_TRUE(says_hello(self->fd));
	EXPECT_EQ(1, opens(self->fd));

	fd = vt_region(self->dev, "shrinkable", SIZE, 0, VMSHM_SHRINKABLE);
	ASSERT_LE(0, fd);
	map = vt_map(fd, SIZE, PROT_READ, 0);
	ASSERT_NE(NULL, map);
	EXPECT_EQ(0, vt_peek(map));
	EXPECT_LE(0, vt_reopen(fd, O_RDWR | O_TRUNC));
	EXPECT_EQ(0, vt_size(fd));
	EXPECT_EQ(-SIGBUS, vt_peek(map));
}

TEST_HARNESS_MAIN
