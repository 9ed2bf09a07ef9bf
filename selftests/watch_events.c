// SPDX-License-Identifier: GPL-2.0
/*
 * What the events of a watch say, in which order they come, and to whom.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#include "lib/harness.h"
#include "lib/vmshm_env.h"
#include "lib/vmshm_test.h"

#define RIGHTS_RW	(VMSHM_MEMBER_READ | VMSHM_MEMBER_WRITE)

/* The next event of a watch, which is to be of this type. */
#define ASSERT_EVENT(_type, _watch)					\
	do {								\
		ASSERT_EQ(0, vt_next_event(_watch, &self->event));	\
		ASSERT_EQ(VMSHM_EVENT_##_type, self->event.type);	\
	} while (0)

FIXTURE(events) {
	int dev;
	/* Of all regions of this test. */
	int watch;
	size_t page;
	char prefix[VMSHM_NAME_MAX + 1];
	char name[VMSHM_NAME_MAX + 1];
	struct vmshm_event event;
};

FIXTURE_SETUP(events)
{
	self->page = sysconf(_SC_PAGESIZE);
	self->dev = vt_device();
	ASSERT_LE(0, self->dev);
	self->watch = vt_watch(self->dev, vt_name(self->prefix, ""), 0, NULL);
	ASSERT_LE(0, self->watch);
	vt_name(self->name, "events");
}

FIXTURE_TEARDOWN(events)
{
	close(self->watch);
	close(self->dev);
}

static int create(int dev, const char *name, __u64 size, __u32 mode)
{
	return vt_create(dev, name, size, 1ULL << 20, VMSHM_EPHEMERAL, mode);
}

static __u64 monotonic(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* Reads away what is there. */
static int drain(int watch)
{
	struct vmshm_event event;

	while (!vt_no_event(watch)) {
		if (read(watch, &event, sizeof(event)) != sizeof(event))
			return -EIO;
	}
	return 0;
}

TEST_F(events, life_of_a_region)
{
	struct vmshm_event *event = &self->event;
	__u64 before = monotonic(), last = 0;
	struct vmshm_stat stat;
	unsigned int i;
	int fd;
	static const struct {
		__u32 type;
		__u64 value;
		__u64 old_value;
		__u32 flags;
	} expect[] = {
		{ VMSHM_EVENT_CREATED },
		{ VMSHM_EVENT_OPENED, 0, 0, RIGHTS_RW },
		{ VMSHM_EVENT_RESIZED, 0x10010, 0x1000 },
		{ VMSHM_EVENT_RESIZED, 0x2000, 0x10010 },
		{ VMSHM_EVENT_ATTR, 0640, 0600 },
		{ VMSHM_EVENT_SEALED, VMSHM_SEAL_SHRINK, 0 },
		{ VMSHM_EVENT_SEALED, VMSHM_SEAL_SHRINK | VMSHM_SEAL_GROW,
		  VMSHM_SEAL_SHRINK },
		{ VMSHM_EVENT_UNLINKED },
		{ VMSHM_EVENT_CLOSED, 0, 0, RIGHTS_RW },
	};

	fd = create(self->dev, self->name, 0x1000, 0600);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, vt_resize(fd, 0x10010));
	ASSERT_EQ(0, ftruncate(fd, 0x2000));
	ASSERT_EQ(0, fchmod(fd, 0640));
	ASSERT_EQ(0, vt_seal(fd, VMSHM_SEAL_SHRINK));
	ASSERT_EQ(0, vt_seal(fd, VMSHM_SEAL_GROW));
	ASSERT_EQ(0, vt_unlink(self->dev, self->name));
	ASSERT_EQ(0, vt_stat(fd, &stat));
	EXPECT_EQ(8, stat.out_seq);
	close(fd);

	for (i = 0; i < ARRAY_SIZE(expect); i++) {
		memset(event, 0xa5, sizeof(*event));
		ASSERT_EQ(0, vt_next_event(self->watch, event));
		EXPECT_EQ(sizeof(*event), event->size);
		EXPECT_EQ(expect[i].type, event->type);
		EXPECT_EQ(stat.out_generation, event->generation);
		EXPECT_EQ(i + 1, event->seq);
		EXPECT_LE(before, event->time_ns);
		EXPECT_LE(last, event->time_ns);
		last = event->time_ns;
		EXPECT_EQ(expect[i].value, event->value);
		EXPECT_EQ(expect[i].old_value, event->old_value);
		EXPECT_EQ(getpid(), event->pid);
		EXPECT_EQ(getuid(), event->uid);
		EXPECT_EQ(expect[i].flags, event->flags);
		EXPECT_EQ(0, event->vector);
		EXPECT_STREQ(self->name, (char *)event->name);
	}
	EXPECT_GE(monotonic(), last);
	EXPECT_TRUE(vt_no_event(self->watch));
}

/* What fails, or changes nothing, is no event. */
TEST_F(events, no_change)
{
	char name[VMSHM_NAME_MAX + 1];
	int fd, other;

	fd = create(self->dev, self->name, self->page, 0600);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, vt_seal(fd, VMSHM_SEAL_SHRINK));
	ASSERT_EQ(0, drain(self->watch));

	EXPECT_EQ(-EEXIST, create(self->dev, self->name, 0, 0600));
	EXPECT_EQ(-EPERM, vt_resize(fd, 0));
	EXPECT_EQ(-EFBIG, vt_resize(fd, 1ULL << 21));
	EXPECT_EQ(0, vt_resize(fd, self->page));
	EXPECT_EQ(0, vt_seal(fd, 0));
	EXPECT_EQ(0, vt_seal(fd, VMSHM_SEAL_SHRINK));
	EXPECT_EQ(-EOPNOTSUPP, vt_seal(fd, 1U << 31));
	EXPECT_EQ(-ENOENT, vt_unlink(self->dev, vt_name(name, "none")));
	EXPECT_TRUE(vt_no_event(self->watch));

	/* A descriptor more is no open file more. */
	other = dup(fd);
	EXPECT_EQ(0, close(other));
	EXPECT_TRUE(vt_no_event(self->watch));
	close(fd);
}

/* A region that never got its name is nobody's business. */
TEST_F(events, failed_create)
{
	struct vmshm_create *arg;
	char *p;

	p = mmap(NULL, 2 * self->page, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, p);
	/* The results cannot be written. */
	arg = (void *)p;
	arg->size = sizeof(*arg);
	arg->flags = VMSHM_EPHEMERAL;
	arg->mode = 0600;
	memcpy(arg->name, self->name, strlen(self->name));
	ASSERT_EQ(0, mprotect(p, self->page, PROT_READ));
	EXPECT_EQ(-EFAULT, vt_ioctl(self->dev, VMSHM_IOC_CREATE, arg));
	EXPECT_EQ(-ENOENT, vt_open(self->dev, self->name, 0));
	EXPECT_TRUE(vt_no_event(self->watch));
}

TEST_F(events, rights_of_files)
{
	struct vmshm_event *event = &self->event;
	char path[64];
	int fd, ro, wo;

	fd = create(self->dev, self->name, 0, 0600);
	ASSERT_LE(0, fd);
	ASSERT_EVENT(CREATED, self->watch);
	ASSERT_EVENT(OPENED, self->watch);
	EXPECT_EQ(RIGHTS_RW, event->flags);

	ro = vt_readonly(fd);
	ASSERT_LE(0, ro);
	ASSERT_EVENT(OPENED, self->watch);
	EXPECT_EQ(VMSHM_MEMBER_READ, event->flags);
	close(ro);
	ASSERT_EVENT(CLOSED, self->watch);
	EXPECT_EQ(VMSHM_MEMBER_READ, event->flags);

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	wo = open(path, O_WRONLY);
	ASSERT_LE(0, wo);
	ASSERT_EVENT(OPENED, self->watch);
	EXPECT_EQ(VMSHM_MEMBER_WRITE, event->flags);
	close(wo);
	ASSERT_EVENT(CLOSED, self->watch);
	EXPECT_EQ(VMSHM_MEMBER_WRITE, event->flags);
	close(fd);
}

/* By the time of an event, what it tells has happened. */
TEST_F(events, told_afterwards)
{
	struct vmshm_event *event = &self->event;
	struct vmshm_member list[4];
	struct vmshm_stat stat;
	struct vt_child child;
	int fd, other;

	fd = create(self->dev, self->name, 0, 0600);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, drain(self->watch));
	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		VT_CHECK(!vt_hear(child.sock));
		other = vt_open(self->dev, self->name, 0);
		VT_CHECK(other >= 0);
		VT_CHECK(!vt_hear(child.sock));
		VT_CHECK(!vt_resize(other, self->page));
		VT_CHECK(!vt_hear(child.sock));
		VT_CHECK(!close(other));
		VT_CHECK(!vt_hear(child.sock));
		VT_CHECK(!vt_unlink(self->dev, self->name));
		vt_hear(child.sock);
		_exit(0);
	}
	ASSERT_EQ(0, vt_tell(child.sock));
	ASSERT_EVENT(OPENED, self->watch);
	ASSERT_EQ(0, vt_stat(fd, &stat));
	EXPECT_EQ(event->seq, stat.out_seq);
	EXPECT_EQ(2, stat.out_opens);
	EXPECT_EQ(2, vt_members(fd, list, ARRAY_SIZE(list)));

	ASSERT_EQ(0, vt_tell(child.sock));
	ASSERT_EVENT(RESIZED, self->watch);
	ASSERT_EQ(0, vt_stat(fd, &stat));
	EXPECT_EQ(self->page, stat.out_region_size);

	ASSERT_EQ(0, vt_tell(child.sock));
	ASSERT_EVENT(CLOSED, self->watch);
	ASSERT_EQ(0, vt_stat(fd, &stat));
	EXPECT_EQ(1, stat.out_opens);
	EXPECT_EQ(1, vt_members(fd, list, ARRAY_SIZE(list)));

	ASSERT_EQ(0, vt_tell(child.sock));
	ASSERT_EVENT(UNLINKED, self->watch);
	EXPECT_EQ(child.pid, event->pid);
	EXPECT_EQ(-ENOENT, vt_open(self->dev, self->name, 0));
	ASSERT_EQ(0, vt_stat(fd, &stat));
	EXPECT_EQ(0, stat.out_linked);
	EXPECT_EQ(0, vt_wait(&child));
	close(fd);
}

/* The last file takes the name of an ephemeral region along, once. */
TEST_F(events, ephemeral)
{
	struct vmshm_event *event = &self->event;
	int fd, other;

	fd = create(self->dev, self->name, 0, 0600);
	other = vt_open(self->dev, self->name, 0);
	ASSERT_LE(0, other);
	ASSERT_EQ(0, drain(self->watch));
	close(other);
	ASSERT_EVENT(CLOSED, self->watch);
	EXPECT_TRUE(vt_no_event(self->watch));
	close(fd);
	ASSERT_EVENT(UNLINKED, self->watch);
	EXPECT_EQ(getpid(), event->pid);
	ASSERT_EVENT(CLOSED, self->watch);
	EXPECT_TRUE(vt_no_event(self->watch));
}

/*
 * Whoever opens a region as soon as there is one by that name: its events begin
 * with CREATED, and those of the last one of that name end with UNLINKED before.
 */
TEST_F(events, order_of_names)
{
	const __u32 mask = 1U << VMSHM_EVENT_CREATED |
			   1U << VMSHM_EVENT_OPENED |
			   1U << VMSHM_EVENT_UNLINKED;
	struct vmshm_event *event = &self->event;
	__u64 generation = 0;
	struct vt_child child;
	bool linked = false;
	int i, fd, watch;

	watch = vt_watch(self->dev, self->prefix, mask, NULL);
	ASSERT_LE(0, watch);
	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		for (;;) {
			fd = vt_open(self->dev, self->name, 0);
			VT_CHECK(fd >= 0 || fd == -ENOENT);
			if (fd >= 0 && vt_unlink(self->dev, self->name))
				VT_CHECK(errno == ENOENT);
			close(fd);
		}
	}
	for (i = 0; i < 200; i++) {
		fd = create(self->dev, self->name, 0, 0600);
		ASSERT_TRUE(fd >= 0 || fd == -EEXIST);
		close(fd);
		while (!vt_no_event(watch)) {
			ASSERT_EQ(0, vt_next_event(watch, event));
			switch (event->type) {
			case VMSHM_EVENT_CREATED:
				ASSERT_FALSE(linked);
				ASSERT_EQ(1, event->seq);
				ASSERT_LT(generation, event->generation);
				generation = event->generation;
				linked = true;
				break;
			case VMSHM_EVENT_OPENED:
				ASSERT_LE(event->generation, generation);
				break;
			default:
				ASSERT_EQ(VMSHM_EVENT_UNLINKED, event->type);
				ASSERT_EQ(generation, event->generation);
				ASSERT_TRUE(linked);
				linked = false;
			}
		}
	}
	EXPECT_EQ(128 + SIGKILL, vt_kill(&child));
}

/* The same name, another region: the generation tells. */
TEST_F(events, generations)
{
	struct vmshm_event *event = &self->event;
	struct vmshm_stat stat[2];
	int i, fd;

	for (i = 0; i < 2; i++) {
		fd = create(self->dev, self->name, 0, 0600);
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, vt_stat(fd, &stat[i]));
		close(fd);
	}
	EXPECT_LT(stat[0].out_generation, stat[1].out_generation);
	for (i = 0; i < 2; i++) {
		ASSERT_EVENT(CREATED, self->watch);
		EXPECT_EQ(stat[i].out_generation, event->generation);
		EXPECT_EQ(1, event->seq);
		ASSERT_EVENT(OPENED, self->watch);
		ASSERT_EVENT(UNLINKED, self->watch);
		ASSERT_EVENT(CLOSED, self->watch);
		EXPECT_EQ(stat[i].out_generation, event->generation);
		EXPECT_EQ(4, event->seq);
	}
}

TEST_F(events, mask)
{
	const __u32 mask = 1U << VMSHM_EVENT_SEALED | 1U << VMSHM_EVENT_CREATED;
	struct vmshm_event *event = &self->event;
	int watch, fd, region_watch;

	watch = vt_watch(self->dev, self->prefix, mask, NULL);
	ASSERT_LE(0, watch);
	fd = create(self->dev, self->name, 0, 0600);
	ASSERT_LE(0, fd);
	region_watch = vt_watch(fd, "", mask, NULL);
	ASSERT_LE(0, region_watch);
	ASSERT_EQ(0, vt_resize(fd, self->page));
	ASSERT_EQ(0, vt_seal(fd, VMSHM_SEAL_SHRINK));
	ASSERT_EQ(0, vt_unlink(self->dev, self->name));

	ASSERT_EVENT(CREATED, watch);
	EXPECT_EQ(1, event->seq);
	ASSERT_EVENT(SEALED, watch);
	EXPECT_EQ(4, event->seq);
	EXPECT_TRUE(vt_no_event(watch));
	ASSERT_EVENT(SEALED, region_watch);
	EXPECT_EQ(4, event->seq);
	EXPECT_TRUE(vt_no_event(region_watch));
	close(fd);
}

TEST_F(events, prefix)
{
	static const char * const prefixes[] = {
		"a", "a/", "a/b", "a/bc", "b",
	};
	static const char * const names[] = { "a", "a/b", "a/bc", "ab", "b" };
	/* Bit n: the prefix of that index. */
	static const unsigned int expect[] = { 0x01, 0x07, 0x0f, 0x01, 0x10 };
	struct vmshm_event *event = &self->event;
	char name[VMSHM_NAME_MAX + 1];
	int watch[ARRAY_SIZE(prefixes)];
	unsigned int i, k;
	int all, fd;

	all = vt_watch(self->dev, "", 1U << VMSHM_EVENT_CREATED, NULL);
	ASSERT_LE(0, all);
	for (i = 0; i < ARRAY_SIZE(prefixes); i++) {
		watch[i] = vt_watch(self->dev, vt_name(name, prefixes[i]),
				    1U << VMSHM_EVENT_CREATED, NULL);
		ASSERT_LE(0, watch[i]);
	}
	for (k = 0; k < ARRAY_SIZE(names); k++) {
		vt_name(name, names[k]);
		fd = vt_create(self->dev, name, 0, 0, VMSHM_EPHEMERAL, 0600);
		ASSERT_LE(0, fd);
		close(fd);
		ASSERT_EVENT(CREATED, all);
		EXPECT_STREQ(name, (char *)event->name);
		for (i = 0; i < ARRAY_SIZE(prefixes); i++) {
			if (!(expect[k] & (1U << i)))
				continue;
			ASSERT_EVENT(CREATED, watch[i]);
			EXPECT_STREQ(name, (char *)event->name);
		}
		for (i = 0; i < ARRAY_SIZE(prefixes); i++)
			EXPECT_TRUE(vt_no_event(watch[i]));
	}
}

/* A name of full length. */
TEST_F(events, long_name)
{
	struct vmshm_event *event = &self->event;
	size_t len = strlen(vt_name(self->name, ""));
	int fd;

	memset(self->name + len, 'n', VMSHM_NAME_MAX - len);
	self->name[VMSHM_NAME_MAX] = '\0';
	fd = create(self->dev, self->name, 0, 0600);
	ASSERT_LE(0, fd);
	close(fd);
	ASSERT_EVENT(CREATED, self->watch);
	EXPECT_STREQ(self->name, (char *)event->name);
	ASSERT_LE(0, vt_watch(self->dev, self->name, 0, NULL));
}

/* Each event reaches all of them. */
TEST_F(events, several_watches)
{
	struct vmshm_event *event = &self->event;
	int fd, watch[4], i;

	fd = create(self->dev, self->name, 0, 0600);
	ASSERT_LE(0, fd);
	for (i = 0; i < 4; i++) {
		watch[i] = i % 2 ? vt_watch(fd, "", 0, NULL) :
				   vt_watch(self->dev, self->prefix, 0, NULL);
		ASSERT_LE(0, watch[i]);
	}
	ASSERT_EQ(0, vt_resize(fd, self->page));
	/* One that goes is missed by nobody. */
	close(watch[0]);
	close(watch[1]);
	ASSERT_EQ(0, vt_resize(fd, 2 * self->page));
	for (i = 2; i < 4; i++) {
		ASSERT_EVENT(RESIZED, watch[i]);
		EXPECT_EQ(3, event->seq);
		ASSERT_EVENT(RESIZED, watch[i]);
		EXPECT_EQ(4, event->seq);
		EXPECT_TRUE(vt_no_event(watch[i]));
	}
	close(fd);
}

/*
 * Told only what the creator of the watch may open, for reading or for writing,
 * when it happens.
 */
TEST_F(events, visibility)
{
	struct vmshm_event *event = &self->event;
	struct vt_child child;
	int fd, watch, efd;

	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		VT_CHECK(!vt_become(VT_ALICE));
		watch = vt_watch(self->dev, self->prefix, 0, NULL);
		VT_CHECK(watch >= 0);
		/* It counts who made it, not who reads it. */
		VT_CHECK(!vt_send_fd(child.sock, watch));
		_exit(0);
	}
	watch = vt_recv_fd(child.sock);
	ASSERT_LE(0, watch);
	EXPECT_EQ(0, vt_wait(&child));

	fd = create(self->dev, self->name, 0, 0600);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, vt_resize(fd, 1));
	EXPECT_TRUE(vt_no_event(watch));

	ASSERT_EQ(0, fchmod(fd, 0604));
	ASSERT_EQ(0, vt_resize(fd, 2));
	ASSERT_EVENT(ATTR, watch);
	EXPECT_EQ(0604, event->value);
	ASSERT_EVENT(RESIZED, watch);
	EXPECT_EQ(5, event->seq);

	ASSERT_EQ(0, fchmod(fd, 0600));
	ASSERT_EQ(0, vt_resize(fd, 3));
	EXPECT_TRUE(vt_no_event(watch));

	ASSERT_EQ(0, fchmod(fd, 0602));
	ASSERT_EVENT(ATTR, watch);
	ASSERT_EQ(0, fchmod(fd, 0000));
	EXPECT_TRUE(vt_no_event(watch));

	/* Given to her, with no rights for anybody else. */
	ASSERT_EQ(0, fchmod(fd, 0600));
	ASSERT_EQ(0, fchown(fd, VT_ALICE, -1));
	ASSERT_EVENT(ATTR, watch);
	EXPECT_EQ(0600, event->value);
	EXPECT_EQ(0, event->uid);

	/* An eventfd tells no more than the watch. */
	ASSERT_EQ(0, fchown(fd, 0, -1));
	efd = eventfd(0, EFD_NONBLOCK);
	ASSERT_EQ(0, vt_watch_eventfd(watch, efd));
	ASSERT_EQ(0, vt_resize(fd, 4));
	EXPECT_EQ(0, vt_poll(efd) & POLLIN);
	close(fd);
	EXPECT_TRUE(vt_no_event(watch));
}

/* A handle is enough to watch its region, whatever became of the mode. */
TEST_F(events, region_watch_needs_no_permission)
{
	struct vmshm_event *event = &self->event;
	struct vt_child child;
	int fd, watch;

	fd = create(self->dev, self->name, 0, 0600);
	ASSERT_LE(0, fd);
	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		VT_CHECK(!vt_become(VT_ALICE));
		watch = vt_watch(fd, "", 0, NULL);
		VT_CHECK(watch >= 0);
		VT_CHECK(!vt_tell(child.sock));
		VT_CHECK(!vt_next_event(watch, event));
		VT_CHECK(event->type == VMSHM_EVENT_RESIZED);
		/* root's uid and pid are no secret. */
		VT_CHECK(event->uid == 0);
		VT_CHECK(event->pid == getppid());
		_exit(0);
	}
	ASSERT_EQ(0, vt_hear(child.sock));
	ASSERT_EQ(0, vt_resize(fd, 1));
	EXPECT_EQ(0, vt_wait(&child));
	close(fd);
}

/* Another user namespace has other names, and no events of these. */
TEST_F(events, registries)
{
	struct vt_child child;
	int fd, dev, watch, here;

	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		here = vt_watch(self->dev, "", 0, NULL);
		VT_CHECK(here >= 0);
		VT_CHECK(!vt_unshare_user(0));
		dev = vt_device();
		VT_CHECK(dev >= 0);
		watch = vt_watch(dev, "", 0, NULL);
		VT_CHECK(watch >= 0);
		VT_CHECK(!vt_tell(child.sock));
		VT_CHECK(!vt_hear(child.sock));
		VT_CHECK(vt_no_event(watch));
		VT_CHECK(!drain(here));

		fd = vt_create(dev, self->name, 0, 0, VMSHM_EPHEMERAL, 0666);
		VT_CHECK(fd >= 0);
		VT_CHECK(!vt_next_event(watch, &self->event));
		VT_CHECK(self->event.type == VMSHM_EVENT_CREATED);
		VT_CHECK(vt_no_event(here));
		VT_CHECK(vt_no_event(self->watch));
		_exit(0);
	}
	ASSERT_EQ(0, vt_hear(child.sock));
	fd = create(self->dev, self->name, 0, 0666);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, vt_resize(fd, 1));
	ASSERT_EQ(0, drain(self->watch));
	ASSERT_EQ(0, vt_tell(child.sock));
	EXPECT_EQ(0, vt_wait(&child));
	close(fd);
}

/* The user is told in the reader's user namespace. */
TEST_F(events, user_namespace)
{
	struct vmshm_event *event = &self->event;
	struct vt_child child;
	int fd;

	fd = create(self->dev, self->name, 0, 0666);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, drain(self->watch));
	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		VT_CHECK(!vt_become(VT_ALICE));
		VT_CHECK(!vt_resize(fd, 1));
		VT_CHECK(!vt_next_event(self->watch, event));
		VT_CHECK(event->type == VMSHM_EVENT_RESIZED);
		VT_CHECK(event->uid == VT_ALICE);

		VT_CHECK(!vt_unshare_user(77));
		VT_CHECK(!vt_resize(fd, 2));
		VT_CHECK(!vt_next_event(self->watch, event));
		VT_CHECK(event->uid == 77);
		VT_CHECK(!vt_tell(child.sock));
		VT_CHECK(!vt_next_event(self->watch, event));
		VT_CHECK(event->uid == 65534);
		_exit(0);
	}
	ASSERT_EQ(0, vt_hear(child.sock));
	ASSERT_EQ(0, vt_resize(fd, 3));
	EXPECT_EQ(0, vt_wait(&child));
	close(fd);
}

/* The process is told in the reader's pid namespace, if it is there. */
TEST_F(events, pid_namespace)
{
	struct vmshm_event *event = &self->event;
	struct vt_child child, init;
	int fd, watch;

	fd = create(self->dev, self->name, 0, 0666);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, drain(self->watch));
	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		VT_CHECK(!unshare(CLONE_NEWPID));
		VT_CHECK(vt_fork(&init) >= 0);
		if (init.pid) {
			VT_CHECK(!vt_hear(init.sock));
			VT_CHECK(!vt_tell(child.sock));
			VT_CHECK(!vt_hear(child.sock));
			VT_CHECK(!vt_tell(init.sock));
			_exit(vt_wait(&init));
		}
		watch = vt_watch(fd, "", 0, NULL);
		VT_CHECK(watch >= 0);
		VT_CHECK(!vt_resize(fd, 1));
		VT_CHECK(!vt_next_event(watch, event));
		VT_CHECK(event->type == VMSHM_EVENT_RESIZED);
		VT_CHECK(event->pid == 1);
		VT_CHECK(!vt_tell(init.sock));
		VT_CHECK(!vt_hear(init.sock));
		VT_CHECK(!vt_next_event(watch, event));
		VT_CHECK(event->type == VMSHM_EVENT_RESIZED);
		VT_CHECK(event->pid == 0);
		_exit(0);
	}
	ASSERT_EQ(0, vt_hear(child.sock));
	ASSERT_EVENT(RESIZED, self->watch);
	EXPECT_LT(1, event->pid);
	EXPECT_NE(child.pid, event->pid);
	EXPECT_NE(getpid(), event->pid);
	ASSERT_EQ(0, vt_resize(fd, 2));
	ASSERT_EQ(0, vt_tell(child.sock));
	EXPECT_EQ(0, vt_wait(&child));
	close(fd);
}

/* Numbers have no gap and are told in order, whoever raises events. */
TEST_F(events, concurrent)
{
	struct vmshm_event *event = &self->event;
	const unsigned int rounds = 1000;
	struct vt_child child[3];
	unsigned int i, k;
	__u64 seq = 0, n;
	long long len;
	int fd, watch;

	fd = create(self->dev, self->name, 0, 0600);
	ASSERT_LE(0, fd);
	/* Delivery to these makes for more time between number and queue. */
	for (i = 0; i < 40; i++)
		ASSERT_LE(0, vt_watch(fd, "", 0, NULL));
	len = vt_param_get("event_queue_len");
	ASSERT_LT(0, len);
	ASSERT_EQ(0, vt_param_set("event_queue_len",
				  2 * rounds * ARRAY_SIZE(child)));
	watch = vt_watch(fd, "", 0, &seq);
	ASSERT_EQ(0, vt_param_set("event_queue_len", len));
	ASSERT_LE(0, watch);

	for (k = 0; k < ARRAY_SIZE(child); k++) {
		ASSERT_LE(0, vt_fork(&child[k]));
		if (child[k].pid)
			continue;
		for (i = 0; i < rounds; i++)
			VT_CHECK(!close(vt_open(self->dev, self->name, 0)));
		_exit(0);
	}
	for (k = 0; k < ARRAY_SIZE(child); k++)
		EXPECT_EQ(0, vt_wait(&child[k]));
	for (n = 0; !vt_no_event(watch); n++) {
		ASSERT_EQ(0, vt_next_event(watch, event));
		ASSERT_NE(VMSHM_EVENT_OVERFLOW, event->type);
		ASSERT_EQ(seq + 1 + n, event->seq);
	}
	EXPECT_EQ(2 * rounds * ARRAY_SIZE(child), n);
	close(fd);
}

TEST_HARNESS_MAIN
