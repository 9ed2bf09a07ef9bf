// SPDX-License-Identifier: GPL-2.0
/*
 * VMSHM_IOC_MEMBERS: who has a region open and who maps it. What processes do
 * about it is in members_processes.c.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>

#include "lib/harness.h"
#include "lib/members.h"

static __u64 now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static int count(const struct vmshm_member *list, int n, __u32 type)
{
	int i, found = 0;

	for (i = 0; i < n; i++)
		found += list[i].type == type;
	return found;
}

TEST_F(members, open_file)
{
	const struct vmshm_member *m = self->list;
	__u64 before, after;
	char comm[16] = "";
	int fd;

	prctl(PR_GET_NAME, comm);
	before = now();
	fd = vt_open(self->dev, self->name, 0);
	after = now();
	ASSERT_LE(0, fd);

	/* The creator's file first, then the other one. */
	ASSERT_EQ(2, vt_members(fd, self->list, ROOM));
	EXPECT_EQ(VMSHM_MEMBER_OPEN, m[0].type);
	EXPECT_GT(before, m[0].since_ns);
	EXPECT_EQ(VMSHM_MEMBER_OPEN, m[1].type);
	EXPECT_EQ(VMSHM_MEMBER_READ | VMSHM_MEMBER_WRITE, m[1].flags);
	EXPECT_EQ(getpid(), m[1].pid);
	EXPECT_EQ(getuid(), m[1].uid);
	EXPECT_LE(before, m[1].since_ns);
	EXPECT_GE(after, m[1].since_ns);
	EXPECT_EQ(0, m[1].offset);
	EXPECT_EQ(0, m[1].length);
	EXPECT_EQ(0, memcmp(comm, m[1].comm, sizeof(comm)));

	close(fd);
	EXPECT_EQ(1, vt_members(self->fd, self->list, ROOM));
}

TEST_F(members, rights_of_files)
{
	const struct vmshm_member *m = self->list;
	char path[64];

	ASSERT_LE(0, vt_readonly(self->fd));
	ASSERT_LE(0, vt_open(self->dev, self->name, VMSHM_OPEN_RDONLY));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", self->fd);
	ASSERT_LE(0, open(path, O_RDONLY));
	ASSERT_LE(0, open(path, O_WRONLY));

	ASSERT_EQ(5, vt_members(self->fd, self->list, ROOM));
	EXPECT_EQ(VMSHM_MEMBER_READ | VMSHM_MEMBER_WRITE, m[0].flags);
	EXPECT_EQ(VMSHM_MEMBER_READ, m[1].flags);
	EXPECT_EQ(VMSHM_MEMBER_READ, m[2].flags);
	EXPECT_EQ(VMSHM_MEMBER_READ, m[3].flags);
	EXPECT_EQ(VMSHM_MEMBER_WRITE, m[4].flags);
}

/* O_PATH descriptors open nothing. */
TEST_F(members, path_descriptor)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", self->fd);
	ASSERT_LE(0, open(path, O_PATH));
	EXPECT_EQ(1, vt_members(self->fd, self->list, ROOM));
}

TEST_F(members, mappings)
{
	static const struct {
		int prot;
		int flags;
		__u32 expect;
	} cases[] = {
		{ PROT_READ | PROT_WRITE, MAP_SHARED,
		  VMSHM_MEMBER_READ | VMSHM_MEMBER_WRITE },
		{ PROT_READ, MAP_SHARED, VMSHM_MEMBER_READ },
		{ PROT_NONE, MAP_SHARED, 0 },
		{ PROT_READ | PROT_WRITE, MAP_PRIVATE, VMSHM_MEMBER_READ |
		  VMSHM_MEMBER_WRITE | VMSHM_MEMBER_PRIVATE },
	};
	const struct vmshm_member *m = &self->list[1];
	char comm[16] = "";
	unsigned int i;
	void *p;

	prctl(PR_GET_NAME, comm);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		p = mmap(NULL, 2 * self->page, cases[i].prot, cases[i].flags,
			 self->fd, (i + 3) * self->page);
		ASSERT_NE(MAP_FAILED, p);
		ASSERT_EQ(2, vt_members(self->fd, self->list, ROOM));
		EXPECT_EQ(VMSHM_MEMBER_OPEN, self->list[0].type);
		EXPECT_EQ(VMSHM_MEMBER_MAP, m->type);
		EXPECT_EQ(cases[i].expect, m->flags);
		EXPECT_EQ(getpid(), m->pid);
		EXPECT_EQ(getuid(), m->uid);
		EXPECT_EQ(0, m->since_ns);
		EXPECT_EQ((i + 3) * self->page, m->offset);
		EXPECT_EQ(2 * self->page, m->length);
		EXPECT_EQ(0, memcmp(comm, m->comm, sizeof(comm)));
		ASSERT_EQ(0, munmap(p, 2 * self->page));
		ASSERT_EQ(1, vt_members(self->fd, self->list, ROOM));
	}
}

/* The kernel drops VM_SHARED from what a read-only file is mapped by. */
TEST_F(members, shared_mapping_of_readonly_file)
{
	int ro = vt_readonly(self->fd);

	ASSERT_LE(0, ro);
	ASSERT_NE(MAP_FAILED, mmap(NULL, self->page, PROT_READ, MAP_SHARED, ro,
				   0));
	ASSERT_EQ(3, vt_members(self->fd, self->list, ROOM));
	EXPECT_EQ(VMSHM_MEMBER_MAP, self->list[2].type);
	EXPECT_EQ(VMSHM_MEMBER_READ, self->list[2].flags);
}

TEST_F(members, mapping_follows_split_protect_and_move)
{
	const struct vmshm_member *m = self->list;
	char *p, *q;

	p = mmap(NULL, 8 * self->page, PROT_READ | PROT_WRITE, MAP_SHARED,
		 self->fd, 0);
	ASSERT_NE(MAP_FAILED, p);

	/* A hole in the middle: two mappings, in the order of the offset. */
	ASSERT_EQ(0, munmap(p + 2 * self->page, self->page));
	ASSERT_EQ(3, vt_members(self->fd, self->list, ROOM));
	EXPECT_EQ(0, m[1].offset);
	EXPECT_EQ(2 * self->page, m[1].length);
	EXPECT_EQ(3 * self->page, m[2].offset);
	EXPECT_EQ(5 * self->page, m[2].length);

	ASSERT_EQ(0, mprotect(p, self->page, PROT_READ));
	ASSERT_EQ(4, vt_members(self->fd, self->list, ROOM));
	EXPECT_EQ(self->page, m[1].length);
	EXPECT_EQ(VMSHM_MEMBER_READ, m[1].flags);
	EXPECT_EQ(VMSHM_MEMBER_READ | VMSHM_MEMBER_WRITE, m[2].flags);

	/* A mapping that moves and shrinks is one before and after. */
	q = mremap(p + 3 * self->page, 5 * self->page, 4 * self->page,
		   MREMAP_MAYMOVE);
	ASSERT_NE(MAP_FAILED, q);
	ASSERT_EQ(4, vt_members(self->fd, self->list, ROOM));
	EXPECT_EQ(3 * self->page, m[3].offset);
	EXPECT_EQ(4 * self->page, m[3].length);

	ASSERT_EQ(0, munmap(p, 2 * self->page));
	ASSERT_EQ(0, munmap(q, 4 * self->page));
	EXPECT_EQ(1, vt_members(self->fd, self->list, ROOM));
}

TEST_F(members, mapping_of_pinnable_region)
{
	char name[VMSHM_NAME_MAX + 1];
	int fd;

	fd = vt_create(self->dev, vt_name(name, "pinnable"), 4 * self->page, 0,
		       VMSHM_EPHEMERAL | VMSHM_PINNABLE, 0600);
	ASSERT_LE(0, fd);
	ASSERT_NE(MAP_FAILED, mmap(NULL, 3 * self->page, PROT_READ, MAP_SHARED,
				   fd, self->page));
	ASSERT_EQ(2, vt_members(fd, self->list, ROOM));
	EXPECT_EQ(VMSHM_MEMBER_MAP, self->list[1].type);
	EXPECT_EQ(getpid(), self->list[1].pid);
	EXPECT_EQ(self->page, self->list[1].offset);
	EXPECT_EQ(3 * self->page, self->list[1].length);
}

TEST_F(members, unlinked_region)
{
	ASSERT_EQ(0, vt_unlink(self->dev, self->name));
	ASSERT_NE(MAP_FAILED, mmap(NULL, self->page, PROT_READ, MAP_SHARED,
				   self->fd, 0));
	EXPECT_EQ(2, vt_members(self->fd, self->list, ROOM));
}

TEST_F(members, buffer_too_small)
{
	struct vmshm_members arg = {
		.size = sizeof(arg),
		.entries = (uintptr_t)self->list,
		.entry_size = sizeof(self->list[0]),
	};
	size_t i;
	int n;

	for (n = 0; n < 4; n++)
		ASSERT_LE(0, vt_open(self->dev, self->name, 0));
	memset(self->list, 0xa5, sizeof(self->list));
	for (n = 0; n < 5; n++) {
		arg.count = n;
		arg.out_count = 0;
		ASSERT_EQ(-EMSGSIZE,
			  vt_ioctl(self->fd, VMSHM_IOC_MEMBERS, &arg));
		EXPECT_EQ(5, arg.out_count);
	}
	/* Nothing else was written. */
	for (i = 0; i < sizeof(self->list); i++)
		ASSERT_EQ(0xa5, ((unsigned char *)self->list)[i]);

	/* Asking for the number takes no buffer. */
	arg.entries = 0;
	arg.count = 0;
	arg.out_count = 0;
	ASSERT_EQ(-EMSGSIZE, vt_ioctl(self->fd, VMSHM_IOC_MEMBERS, &arg));
	EXPECT_EQ(5, arg.out_count);

	/* Exactly enough; nothing is written behind. */
	arg.entries = (uintptr_t)self->list;
	arg.count = 5;
	arg.out_count = 0;
	ASSERT_EQ(0, vt_ioctl(self->fd, VMSHM_IOC_MEMBERS, &arg));
	EXPECT_EQ(5, arg.out_count);
	EXPECT_EQ(VMSHM_MEMBER_OPEN, self->list[4].type);
	EXPECT_EQ(0xa5a5a5a5, self->list[5].type);
}

/* A program made with a header that knows more. */
TEST_F(members, larger_elements)
{
	struct {
		struct vmshm_member member;
		__u64 later;
	} list[3];
	struct vmshm_members arg = {
		.size = sizeof(arg),
		.entries = (uintptr_t)list,
		.entry_size = sizeof(list[0]),
		.count = ARRAY_SIZE(list),
	};

	ASSERT_LE(0, vt_open(self->dev, self->name, VMSHM_OPEN_RDONLY));
	memset(list, 0xa5, sizeof(list));
	ASSERT_EQ(0, vt_ioctl(self->fd, VMSHM_IOC_MEMBERS, &arg));
	ASSERT_EQ(2, arg.out_count);
	EXPECT_EQ(VMSHM_MEMBER_READ | VMSHM_MEMBER_WRITE, list[0].member.flags);
	EXPECT_EQ(0, list[0].later);
	EXPECT_EQ(VMSHM_MEMBER_READ, list[1].member.flags);
	EXPECT_EQ(0, list[1].later);
	EXPECT_EQ(0xa5a5a5a5, list[2].member.type);
}

TEST_F(members, bad_arguments)
{
	const struct vmshm_members good = {
		.size = sizeof(good),
		.entries = (uintptr_t)self->list,
		.entry_size = sizeof(self->list[0]),
		.count = ROOM,
	};
	struct vmshm_members arg;

	arg = good;
	arg.flags = 1;
	EXPECT_EQ(-EOPNOTSUPP, vt_ioctl(self->fd, VMSHM_IOC_MEMBERS, &arg));
	arg = good;
	arg.out_count = 1;
	EXPECT_EQ(-EINVAL, vt_ioctl(self->fd, VMSHM_IOC_MEMBERS, &arg));
	arg = good;
	arg.__reserved = 1;
	EXPECT_EQ(-EINVAL, vt_ioctl(self->fd, VMSHM_IOC_MEMBERS, &arg));
	arg = good;
	arg.entry_size = sizeof(self->list[0]) - 1;
	EXPECT_EQ(-EINVAL, vt_ioctl(self->fd, VMSHM_IOC_MEMBERS, &arg));
	arg = good;
	arg.entry_size = self->page + 1;
	EXPECT_EQ(-E2BIG, vt_ioctl(self->fd, VMSHM_IOC_MEMBERS, &arg));
	arg = good;
	arg.entries = 8;
	EXPECT_EQ(-EFAULT, vt_ioctl(self->fd, VMSHM_IOC_MEMBERS, &arg));
	arg = good;
	EXPECT_EQ(0, vt_ioctl(self->fd, VMSHM_IOC_MEMBERS, &arg));
}

#define MANY	300

/* More than any first guess of the kernel. */
TEST_F(members, many)
{
	struct vmshm_member *list;
	int i, n;

	list = calloc(2 * MANY + 1, sizeof(*list));
	ASSERT_NE(NULL, list);
	for (i = 0; i < MANY; i++) {
		ASSERT_LE(0, vt_open(self->dev, self->name, 0));
		/* Alternating rights, so that none of them merge. */
		ASSERT_NE(MAP_FAILED,
			  mmap(NULL, self->page, i % 2 ? PROT_READ :
			       PROT_READ | PROT_WRITE, MAP_SHARED, self->fd,
			       (i % 16) * self->page));
	}
	n = vt_members(self->fd, list, 2 * MANY + 1);
	ASSERT_EQ(2 * MANY + 1, n);
	EXPECT_EQ(MANY + 1, count(list, n, VMSHM_MEMBER_OPEN));
	EXPECT_EQ(MANY, count(list, n, VMSHM_MEMBER_MAP));
	for (i = 0; i < n; i++) {
		EXPECT_EQ(i > MANY ? VMSHM_MEMBER_MAP : VMSHM_MEMBER_OPEN,
			  list[i].type);
		EXPECT_EQ(getpid(), list[i].pid);
	}
	free(list);
}

/* Listing while others open, map, unmap and close. */
TEST_F(members, changing)
{
	struct vt_child child[2];
	int i, k, n, fd;
	pid_t pid;
	void *p;

	ASSERT_NE(MAP_FAILED, mmap(NULL, self->page, PROT_READ, MAP_SHARED,
				   self->fd, 0));
	for (k = 0; k < 2; k++) {
		ASSERT_LE(0, vt_fork(&child[k]));
		if (child[k].pid)
			continue;
		for (;;) {
			fd = vt_open(self->dev, self->name, 0);
			VT_CHECK(fd >= 0);
			p = mmap(NULL, 4 * self->page, PROT_READ, MAP_SHARED,
				 fd, 0);
			VT_CHECK(p != MAP_FAILED);
			VT_CHECK(!munmap(p + self->page, self->page));
			close(fd);
			VT_CHECK(!munmap(p, 4 * self->page));
		}
	}
	for (i = 0; i < 100; i++) {
		n = vt_members(self->fd, self->list, ROOM);
		ASSERT_LE(2, n);
		/*
		 * Not ours: a file, the inherited mapping, and one that is in
		 * three pieces while a hole is made in the middle.
		 */
		ASSERT_GE(2 + 2 * 5, n);
		ASSERT_NE(NULL,
			  vt_find_member(self->list, n, VMSHM_MEMBER_OPEN,
					 getpid()));
		ASSERT_NE(NULL,
			  vt_find_member(self->list, n, VMSHM_MEMBER_MAP,
					 getpid()));
		for (k = 0; k < n; k++) {
			pid = self->list[k].pid;
			/* 0: it is ending. */
			ASSERT_TRUE(pid == getpid() || pid == child[0].pid ||
				    pid == child[1].pid || pid == 0);
		}
	}
	for (k = 0; k < 2; k++)
		EXPECT_EQ(128 + SIGKILL, vt_kill(&child[k]));
	EXPECT_EQ(2, vt_members(self->fd, self->list, ROOM));
}

/* Who may not open the region does not learn of its members. */
TEST_F(members, takes_a_handle)
{
	struct vmshm_members arg = {
		.size = sizeof(arg),
		.entry_size = sizeof(struct vmshm_member),
	};
	struct vt_child child;
	char path[64];

	/* Not by the device, not by a descriptor that opens nothing. */
	EXPECT_EQ(-ENOTTY, vt_ioctl(self->dev, VMSHM_IOC_MEMBERS, &arg));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", self->fd);
	EXPECT_EQ(-EBADF, vt_ioctl(open(path, O_PATH), VMSHM_IOC_MEMBERS,
				   &arg));

	ASSERT_EQ(0, fchmod(self->fd, 0600));
	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		VT_CHECK(!vt_become(VT_ALICE));
		VT_CHECK(vt_open(self->dev, self->name, VMSHM_OPEN_RDONLY) ==
			 -EACCES);
		VT_CHECK(vt_open(self->dev, self->name, 0) == -EACCES);
		_exit(0);
	}
	EXPECT_EQ(0, vt_wait(&child));
}

TEST_HARNESS_MAIN
