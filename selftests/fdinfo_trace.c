// SPDX-License-Identifier: GPL-2.0
/*
 * What an administrator sees: fdinfo of every kind of file, the summary in
 * debugfs, tracepoints.
 *
 * Runs in a machine with one CPU, see smp1.list: enabling a tracepoint patches
 * the kernel.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "lib/harness.h"
#include "lib/vmshm_env.h"
#include "lib/vmshm_mem.h"
#include "lib/vmshm_peer.h"

#define SUMMARY	"/sys/kernel/debug/vmshm/summary"
#define HEADING	"# registry name size max_size charged opens maps peers\n"
#define TRACING	"/sys/kernel/tracing"

FIXTURE(fdinfo) {
	int dev;
	int fd;
	char prefix[VMSHM_NAME_MAX + 1];
	char name[VMSHM_NAME_MAX + 1];
	struct vmshm_stat stat;
	char text[4096];
	size_t page;
};

FIXTURE_SETUP(fdinfo)
{
	self->page = sysconf(_SC_PAGESIZE);
	self->dev = vt_device();
	ASSERT_LE(0, self->dev);
	vt_name(self->prefix, "");
	self->fd = vt_create(self->dev, vt_name(self->name, "region"),
			     3 * self->page, 7 * self->page, VMSHM_NO_PUNCH,
			     0600);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, vt_stat(self->fd, &self->stat));
}

FIXTURE_TEARDOWN(fdinfo)
{
	EXPECT_EQ(0, vt_act_as_root());
	EXPECT_LE(0, vt_unlink_all(self->dev, self->prefix));
	close(self->fd);
	close(self->dev);
}

/* Whether the number behind "KEY:" in the fdinfo of @fd is that. */
static bool counts(int fd, const char *key, __u64 value)
{
	return vt_fdinfo(fd, key) == (long long)value;
}

/* Whether the line "KEY:\tVALUE" is in the fdinfo of @fd. */
static bool says(int fd, const char *key, const char *value)
{
	char path[64], text[4096], line[VMSHM_NAME_MAX + 64];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	if (vt_read_file(path, text, sizeof(text)) < 0)
		return false;
	snprintf(line, sizeof(line), "\n%s:\t%s\n", key, value);
	return strstr(text, line);
}

TEST_F(fdinfo, region)
{
	int readonly, other;
	char *map;

	EXPECT_TRUE(says(self->fd, "vmshm-name", self->name));
	EXPECT_TRUE(counts(self->fd, "vmshm-generation", self->stat.out_generation));
	EXPECT_TRUE(counts(self->fd, "vmshm-size", 3 * self->page));
	EXPECT_TRUE(counts(self->fd, "vmshm-max-size", 7 * self->page));
	EXPECT_TRUE(counts(self->fd, "vmshm-flags", VMSHM_NO_PUNCH));
	EXPECT_TRUE(counts(self->fd, "vmshm-seals", 0));
	EXPECT_TRUE(counts(self->fd, "vmshm-readonly", 0));
	EXPECT_TRUE(counts(self->fd, "vmshm-opens", 1));
	EXPECT_TRUE(counts(self->fd, "vmshm-maps", 0));
	/* What every file has. */
	EXPECT_TRUE(counts(self->fd, "ino", self->stat.out_ino));

	readonly = vt_readonly(self->fd);
	ASSERT_LE(0, readonly);
	other = vt_open(self->dev, self->name, 0);
	ASSERT_LE(0, other);
	map = mmap(NULL, self->page, PROT_READ, MAP_SHARED, other, 0);
	ASSERT_NE(MAP_FAILED, map);
	ASSERT_EQ(0, vt_resize(other, 2 * self->page));
	ASSERT_EQ(0, vt_seal(other, VMSHM_SEAL_GROW));
	EXPECT_TRUE(says(readonly, "vmshm-name", self->name));
	EXPECT_TRUE(counts(readonly, "vmshm-readonly", 1));
	EXPECT_TRUE(counts(readonly, "vmshm-size", 2 * self->page));
	EXPECT_TRUE(counts(readonly, "vmshm-seals", VMSHM_SEAL_GROW));
	EXPECT_TRUE(counts(readonly, "vmshm-opens", 3));
	EXPECT_TRUE(counts(readonly, "vmshm-maps", 1));
	munmap(map, self->page);
	close(other);
	EXPECT_TRUE(counts(readonly, "vmshm-opens", 2));
	EXPECT_TRUE(counts(readonly, "vmshm-maps", 0));
	close(readonly);
}

TEST_F(fdinfo, longest_name)
{
	char name[VMSHM_NAME_MAX + 1], path[64], link[VMSHM_NAME_MAX + 64];
	ssize_t len;
	int fd;

	memset(name, 'x', VMSHM_NAME_MAX);
	name[VMSHM_NAME_MAX] = '\0';
	memcpy(name, self->prefix, strlen(self->prefix));
	fd = vt_create(self->dev, name, 0, 0, VMSHM_EPHEMERAL, 0600);
	ASSERT_LE(0, fd);
	EXPECT_TRUE(says(fd, "vmshm-name", name));
	/* In /proc/self/fd, too. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	len = readlink(path, link, sizeof(link) - 1);
	ASSERT_LT(0, len);
	link[len] = '\0';
	EXPECT_EQ(0, strncmp(link, "vmshm:", 6));
	EXPECT_STREQ(name, link + 6);
	close(fd);
}

TEST_F(fdinfo, watch_device)
{
	char text[32];
	int watch, efd;

	watch = vt_watch(self->dev, self->prefix,
			 1 << VMSHM_EVENT_RESIZED | 1 << VMSHM_EVENT_SEALED,
			 NULL);
	ASSERT_LE(0, watch);
	EXPECT_TRUE(says(watch, "vmshm-prefix", self->prefix));
	EXPECT_TRUE(counts(watch, "vmshm-registry", vt_userns_id()));
	EXPECT_TRUE(counts(watch, "vmshm-mask", 1 << VMSHM_EVENT_RESIZED |
			   1 << VMSHM_EVENT_SEALED));
	EXPECT_TRUE(counts(watch, "vmshm-name", -ENOENT));
	EXPECT_TRUE(counts(watch, "vmshm-lost", 0));
	EXPECT_TRUE(counts(watch, "vmshm-eventfd", 0));
	snprintf(text, sizeof(text), "0/%lld", vt_param_get("event_queue_len"));
	EXPECT_TRUE(says(watch, "vmshm-queued", text));
	ASSERT_EQ(0, vt_resize(self->fd, self->page));
	ASSERT_EQ(0, vt_seal(self->fd, VMSHM_SEAL_GROW));
	snprintf(text, sizeof(text), "2/%lld", vt_param_get("event_queue_len"));
	EXPECT_TRUE(says(watch, "vmshm-queued", text));
	efd = eventfd(0, EFD_CLOEXEC);
	ASSERT_LE(0, efd);
	ASSERT_EQ(0, vt_watch_eventfd(watch, efd));
	EXPECT_TRUE(counts(watch, "vmshm-eventfd", 1));
	close(efd);
	close(watch);
}

TEST_F(fdinfo, watch_region)
{
	long long queue = vt_param_get("event_queue_len");
	int watch, i;

	ASSERT_EQ(0, vt_param_set("event_queue_len", 8));
	watch = vt_watch(self->fd, "", 0, NULL);
	EXPECT_EQ(0, vt_param_set("event_queue_len", queue));
	ASSERT_LE(0, watch);
	EXPECT_TRUE(says(watch, "vmshm-name", self->name));
	EXPECT_TRUE(counts(watch, "vmshm-generation", self->stat.out_generation));
	EXPECT_TRUE(counts(watch, "vmshm-prefix", -ENOENT));
	/* All events there are, since none was named. */
	EXPECT_TRUE(counts(watch, "vmshm-mask", (2 << VMSHM_EVENT_UNBOUND) - 1));
	EXPECT_TRUE(counts(watch, "vmshm-gone", 0));
	EXPECT_TRUE(says(watch, "vmshm-queued", "0/8"));
	for (i = 1; i <= 11; i++)
		ASSERT_EQ(0, vt_resize(self->fd, i));
	EXPECT_TRUE(says(watch, "vmshm-queued", "8/8"));
	EXPECT_TRUE(counts(watch, "vmshm-lost", 3));
	ASSERT_EQ(0, vt_unlink(self->dev, self->name));
	close(self->fd);
	self->fd = -1;
	EXPECT_TRUE(counts(watch, "vmshm-gone", 1));
	EXPECT_TRUE(says(watch, "vmshm-name", self->name));
	close(watch);
}

TEST_F(fdinfo, log)
{
	struct vmshm_log_open open = {
		.size = sizeof(open),
		.first_page = 1,
		.nr_pages = 4,
		.watermark = 3,
	};

	ASSERT_EQ(0, vt_ioctl(self->fd, VMSHM_IOC_LOG_OPEN, &open));
	ASSERT_EQ(1, pwrite(self->fd, "x", 1, 2 * self->page));
	EXPECT_TRUE(says(open.out_fd, "vmshm-name", self->name));
	EXPECT_TRUE(counts(open.out_fd, "vmshm-generation", self->stat.out_generation));
	EXPECT_TRUE(says(open.out_fd, "vmshm-log-pages", "1+4"));
	EXPECT_TRUE(counts(open.out_fd, "vmshm-log-dirty", 1));
	EXPECT_TRUE(counts(open.out_fd, "vmshm-log-watermark", 3));
	EXPECT_TRUE(counts(open.out_fd, "vmshm-log-fetches", 0));
	EXPECT_LT(0, vt_fdinfo(open.out_fd, "vmshm-log-memory"));
	EXPECT_TRUE(counts(open.out_fd, "vmshm-log-hits", 0));
	EXPECT_TRUE(counts(open.out_fd, "vmshm-log-misses", 0));
	close(open.out_fd);
}

TEST_F(fdinfo, peer)
{
	struct vmshm_peer_stat stat;
	int peer, bell;

	EXPECT_TRUE(counts(self->fd, "vmshm-peers", 0));
	peer = vt_join(self->fd, 9, 5, "me");
	ASSERT_LE(0, peer);
	ASSERT_LE(0, vt_join(self->fd, 10, 0, NULL));
	bell = vt_doorbell(peer, 4);
	ASSERT_LE(0, bell);
	ASSERT_EQ(0, vt_ring(peer, 9, 0));
	ASSERT_EQ(0, vt_ring(peer, 9, 4));
	ASSERT_EQ(0, vt_ring(peer, 9, 4));
	ASSERT_EQ(0, vt_peer_stat(peer, &stat));
	EXPECT_TRUE(says(peer, "vmshm-name", self->name));
	EXPECT_TRUE(counts(peer, "vmshm-generation", self->stat.out_generation));
	EXPECT_TRUE(says(peer, "vmshm-peer-name", "me"));
	EXPECT_TRUE(counts(peer, "vmshm-peer-number", 9));
	EXPECT_TRUE(counts(peer, "vmshm-peer-generation", stat.out_generation));
	EXPECT_TRUE(says(peer, "vmshm-peer-flags", "0x7"));
	EXPECT_TRUE(counts(peer, "vmshm-peer-vectors", 5));
	EXPECT_TRUE(says(peer, "vmshm-peer-eventfds", "0x10"));
	EXPECT_TRUE(says(peer, "vmshm-peer-pending", "0x11"));
	EXPECT_TRUE(counts(peer, "vmshm-peer-rings", 3));
	EXPECT_TRUE(counts(peer, "vmshm-peers", 2));
	EXPECT_TRUE(counts(self->fd, "vmshm-peers", 2));
	close(peer);
	EXPECT_TRUE(counts(self->fd, "vmshm-peers", 1));
	close(bell);
}

TEST_F(fdinfo, summary)
{
	char line[VMSHM_NAME_MAX + 128];
	struct stat st;
	int peers[2];
	char *map;

	map = mmap(NULL, self->page, PROT_READ | PROT_WRITE, MAP_SHARED,
		   self->fd, 0);
	ASSERT_NE(MAP_FAILED, map);
	ASSERT_EQ(0, vt_poke(map, 1));
	peers[0] = vt_join(self->fd, VT_ANY, 0, NULL);
	ASSERT_LE(0, peers[0]);
	peers[1] = vt_join(self->fd, VT_ANY, 0, NULL);
	ASSERT_LE(0, peers[1]);
	ASSERT_EQ(0, vt_stat(self->fd, &self->stat));
	ASSERT_LT(0, vt_read_file(SUMMARY, self->text, sizeof(self->text)));
	EXPECT_EQ(0, strncmp(self->text, HEADING, strlen(HEADING)));
	snprintf(line, sizeof(line), "\n%u %s %llu %llu %llu 1 1 2\n",
		 vt_userns_id(), self->name,
		 (unsigned long long)self->stat.out_region_size,
		 (unsigned long long)self->stat.out_max_size,
		 (unsigned long long)self->stat.out_charged);
	EXPECT_NE(NULL, strstr(self->text, line)) {
		TH_LOG("%s", self->text);
	}
	munmap(map, self->page);
	close(peers[0]);
	close(peers[1]);

	/* It has everybody's names. */
	ASSERT_EQ(0, stat(SUMMARY, &st));
	EXPECT_EQ(S_IFREG | 0400, st.st_mode);
	EXPECT_EQ(0, st.st_uid);
	ASSERT_EQ(0, vt_act_as(VT_ALICE, VT_ALICE));
	EXPECT_EQ(-EACCES, vt_read_file(SUMMARY, self->text,
					sizeof(self->text)));
	ASSERT_EQ(0, vt_act_as_root());
	ASSERT_EQ(0, vt_unlink(self->dev, self->name));
	ASSERT_LT(0, vt_read_file(SUMMARY, self->text, sizeof(self->text)));
	EXPECT_EQ(NULL, strstr(self->text, self->name));
}

/* More than fits in one read, and regions of a namespace. */
TEST_F(fdinfo, summary_long)
{
	char name[VMSHM_NAME_MAX + 1], text[16], line[VMSHM_NAME_MAX + 64];
	struct vt_child child;
	size_t size = 1 << 20;
	char *buf, *p;
	int i, n = 0;

	for (i = 0; i < 300; i++) {
		int fd;

		snprintf(text, sizeof(text), "%d", i);
		fd = vt_create(self->dev, vt_name(name, text), 0, 0, 0, 0600);
		ASSERT_LE(0, fd);
		close(fd);
	}
	if (vt_fork_userns(&child, VT_ALICE, 100000, 10) == 0) {
		__u32 id = vt_userns_id();

		VT_CHECK(vt_create(vt_device(), "inside", 0, 0,
				   VMSHM_EPHEMERAL, 0600) >= 0);
		VT_CHECK(write(child.sock, &id, sizeof(id)) == sizeof(id));
		VT_CHECK(vt_hear(child.sock) == 0);
		_exit(0);
	} else {
		__u32 id;

		ASSERT_EQ(sizeof(id), read(child.sock, &id, sizeof(id)));
		buf = malloc(size);
		ASSERT_NE(NULL, buf);
		ASSERT_LT(0, vt_read_file(SUMMARY, buf, size));
		EXPECT_EQ(0, vt_tell(child.sock));
		EXPECT_EQ(0, vt_wait(&child));
		snprintf(line, sizeof(line), "\n%u inside 0 0 0 1 0 0\n", id);
		EXPECT_NE(NULL, strstr(buf, line));
	}
	for (p = buf; (p = strstr(p, self->prefix)); p++)
		n++;
	EXPECT_EQ(301, n);
	free(buf);
}

/* Tracepoints, in an instance of our own. */

FIXTURE(trace) {
	int dev;
	char prefix[VMSHM_NAME_MAX + 1];
	char name[VMSHM_NAME_MAX + 1];
	char dir[128];
	size_t page;
};

/* What take() has read last. */
static char traced[1 << 20];

static int set(const char *dir, const char *file, const char *value)
{
	char path[256];
	ssize_t ret;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = write(fd, value, strlen(value));
	ret = ret < 0 ? -errno : 0;
	close(fd);
	return ret;
}

FIXTURE_SETUP(trace)
{
	self->page = sysconf(_SC_PAGESIZE);
	self->dev = vt_device();
	ASSERT_LE(0, self->dev);
	vt_name(self->prefix, "");
	vt_name(self->name, "traced");
	snprintf(self->dir, sizeof(self->dir), TRACING "/instances/vmshm-%d",
		 getpid());
	ASSERT_EQ(0, mkdir(self->dir, 0700));
	ASSERT_EQ(0, set(self->dir, "events/vmshm/enable", "1"));
}

FIXTURE_TEARDOWN(trace)
{
	EXPECT_LE(0, vt_unlink_all(self->dev, self->prefix));
	set(self->dir, "events/vmshm/enable", "0");
	EXPECT_EQ(0, rmdir(self->dir));
	close(self->dev);
}

/* Reads what was traced, and forgets it. */
static const char *take(const char *dir)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/trace", dir);
	if (vt_read_file(path, traced, sizeof(traced)) < 0)
		traced[0] = '\0';
	set(dir, "trace", "");
	return traced;
}

/* How often @event was traced, and with exactly @fields. */
static int count(const char *text, const char *event, const char *fields)
{
	char line[VMSHM_NAME_MAX + 256];
	int n = 0;

	snprintf(line, sizeof(line), " %s: %s\n", event, fields);
	for (; (text = strstr(text, line)); text++)
		n++;
	return n;
}

/* How often, with whatever fields. */
static int count_all(const char *text, const char *event)
{
	char start[64];
	int n = 0;

	snprintf(start, sizeof(start), " %s: ", event);
	for (; (text = strstr(text, start)); text++)
		n++;
	return n;
}

static __u64 generation(int fd)
{
	struct vmshm_stat stat;

	return vt_stat(fd, &stat) ? 0 : stat.out_generation;
}

TEST_F(trace, create_and_unlink)
{
	char fields[VMSHM_NAME_MAX + 128];
	int fd;

	fd = vt_create(self->dev, self->name, self->page, 4 * self->page,
		       VMSHM_SHRINKABLE, 0600);
	ASSERT_LE(0, fd);
	snprintf(fields, sizeof(fields),
		 "name=%s generation=%llu size=%zu max_size=%zu flags=0x%x",
		 self->name, (unsigned long long)generation(fd), self->page,
		 4 * self->page, VMSHM_SHRINKABLE);
	EXPECT_EQ(1, count(take(self->dir), "vmshm_create", fields));
	EXPECT_EQ(0, count_all(traced, "vmshm_unlink"));
	/* What fails is not traced. */
	EXPECT_EQ(-EEXIST, vt_create(self->dev, self->name, 0, 0, 0, 0600));
	EXPECT_EQ(-ENOENT, vt_unlink(self->dev, "no-such-name"));
	EXPECT_EQ(0, count_all(take(self->dir), "vmshm_create"));
	EXPECT_EQ(0, count_all(traced, "vmshm_unlink"));
	ASSERT_EQ(0, vt_unlink(self->dev, self->name));
	EXPECT_EQ(1, count(take(self->dir), "vmshm_unlink", fields));
	EXPECT_EQ(0, count_all(traced, "vmshm_create"));
	close(fd);
	EXPECT_EQ(0, count_all(take(self->dir), "vmshm_unlink"));

	/* The name of an ephemeral region goes without being asked. */
	fd = vt_create(self->dev, self->name, 0, 0, VMSHM_EPHEMERAL, 0600);
	ASSERT_LE(0, fd);
	close(fd);
	EXPECT_EQ(1, count_all(take(self->dir), "vmshm_create"));
	EXPECT_EQ(1, count_all(traced, "vmshm_unlink"));
}

TEST_F(trace, open)
{
	char fields[VMSHM_NAME_MAX + 128], path[64];
	int fd, other;
	__u64 gen;

	fd = vt_create(self->dev, self->name, self->page, 0, 0, 0600);
	ASSERT_LE(0, fd);
	gen = generation(fd);
	take(self->dir);
	other = vt_open(self->dev, self->name, 0);
	ASSERT_LE(0, other);
	close(other);
	snprintf(fields, sizeof(fields), "name=%s generation=%llu rights=rw",
		 self->name, (unsigned long long)gen);
	EXPECT_EQ(1, count(take(self->dir), "vmshm_open", fields));
	EXPECT_EQ(1, count_all(traced, "vmshm_open"));

	other = vt_open(self->dev, self->name, VMSHM_OPEN_RDONLY);
	ASSERT_LE(0, other);
	close(other);
	snprintf(fields, sizeof(fields), "name=%s generation=%llu rights=r",
		 self->name, (unsigned long long)gen);
	EXPECT_EQ(1, count(take(self->dir), "vmshm_open", fields));

	/* Not by name. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	other = open(path, O_WRONLY | O_CLOEXEC);
	ASSERT_LE(0, other);
	close(other);
	snprintf(fields, sizeof(fields), "name=%s generation=%llu rights=w",
		 self->name, (unsigned long long)gen);
	EXPECT_EQ(1, count(take(self->dir), "vmshm_open", fields));
	close(fd);
}

TEST_F(trace, peers)
{
	unsigned long long region, first, second;
	int fd, a, b, readonly, reader;
	char fields[128];

	fd = vt_create(self->dev, self->name, self->page, 0, 0, 0600);
	ASSERT_LE(0, fd);
	region = generation(fd);
	readonly = vt_readonly(fd);
	ASSERT_LE(0, readonly);
	take(self->dir);
	a = vt_join(fd, 4, 2, NULL);
	ASSERT_LE(0, a);
	first = vt_peer_generation(a);
	snprintf(fields, sizeof(fields),
		 "generation=%llu number=4 join=%llu vectors=2", region, first);
	EXPECT_EQ(1, count(take(self->dir), "vmshm_join", fields));
	/* What fails is not traced. */
	EXPECT_EQ(-EBUSY, vt_join(fd, 4, 2, NULL));
	EXPECT_EQ(0, count_all(take(self->dir), "vmshm_join"));
	EXPECT_EQ(0, count_all(traced, "vmshm_leave"));
	b = vt_join(fd, VT_ANY, 0, NULL);
	ASSERT_LE(0, b);
	second = vt_peer_generation(b);
	reader = vt_join(readonly, VT_ANY, 0, NULL);
	ASSERT_LE(0, reader);

	take(self->dir);
	ASSERT_EQ(0, vt_ring(b, 4, 1));
	snprintf(fields, sizeof(fields),
		 "generation=%llu from=0 number=4 vector=1", region);
	EXPECT_EQ(1, count(take(self->dir), "vmshm_ring", fields));
	ASSERT_EQ(0, vt_ring(a, VMSHM_PEER_ALL, 0));
	snprintf(fields, sizeof(fields),
		 "generation=%llu from=4 number=-1 vector=0", region);
	EXPECT_EQ(1, count(take(self->dir), "vmshm_ring", fields));
	EXPECT_EQ(-ENOENT, vt_ring(a, 99, 0));
	EXPECT_EQ(-EINVAL, vt_ring(a, 4, 2));
	EXPECT_EQ(-EACCES, vt_ring(reader, 4, 0));
	EXPECT_EQ(0, count_all(take(self->dir), "vmshm_ring"));

	close(b);
	snprintf(fields, sizeof(fields), "generation=%llu number=0 join=%llu",
		 region, second);
	EXPECT_EQ(1, count(take(self->dir), "vmshm_leave", fields));
	close(a);
	close(reader);
	close(readonly);
	close(fd);
}

TEST_F(trace, resize)
{
	char fields[VMSHM_NAME_MAX + 128];
	int fd;

	fd = vt_create(self->dev, self->name, self->page, 4 * self->page, 0,
		       0600);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, count_all(take(self->dir), "vmshm_resize"));
	ASSERT_EQ(0, vt_resize(fd, 4 * self->page));
	snprintf(fields, sizeof(fields),
		 "name=%s generation=%llu old=%zu size=%zu", self->name,
		 (unsigned long long)generation(fd), self->page,
		 4 * self->page);
	EXPECT_EQ(1, count(take(self->dir), "vmshm_resize", fields));
	ASSERT_EQ(0, ftruncate(fd, 1));
	snprintf(fields, sizeof(fields),
		 "name=%s generation=%llu old=%zu size=1", self->name,
		 (unsigned long long)generation(fd), 4 * self->page);
	EXPECT_EQ(1, count(take(self->dir), "vmshm_resize", fields));
	/* Nothing changes. */
	ASSERT_EQ(0, vt_resize(fd, 1));
	EXPECT_EQ(-EFBIG, vt_resize(fd, 5 * self->page));
	EXPECT_EQ(0, count_all(take(self->dir), "vmshm_resize"));
	close(fd);
}

TEST_F(trace, fault)
{
	char fields[VMSHM_NAME_MAX + 128];
	char *map;
	int fd;

	fd = vt_create(self->dev, self->name, 4 * self->page, 0, 0, 0600);
	ASSERT_LE(0, fd);
	map = mmap(NULL, 3 * self->page, PROT_READ | PROT_WRITE, MAP_SHARED,
		   fd, self->page);
	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(0, count_all(take(self->dir), "vmshm_fault"));
	EXPECT_EQ(0, vt_poke(map + 2 * self->page, 1));
	snprintf(fields, sizeof(fields),
		 "generation=%llu pgoff=3 address=0x%lx write",
		 (unsigned long long)generation(fd),
		 (unsigned long)(map + 2 * self->page));
	EXPECT_EQ(1, count(take(self->dir), "vmshm_fault", fields)) {
		TH_LOG("%s not in %s", fields, traced);
	}
	/* It is there now. */
	EXPECT_EQ(0, vt_poke(map + 2 * self->page, 2));
	EXPECT_EQ(0, count_all(take(self->dir), "vmshm_fault"));
	EXPECT_EQ(0, vt_peek(map));
	snprintf(fields, sizeof(fields),
		 "generation=%llu pgoff=1 address=0x%lx read",
		 (unsigned long long)generation(fd), (unsigned long)map);
	EXPECT_EQ(1, count(take(self->dir), "vmshm_fault", fields));
	EXPECT_EQ(1, count_all(traced, "vmshm_fault"));
	munmap(map, 3 * self->page);
	close(fd);
}

TEST_F(trace, logs)
{
	char fields[VMSHM_NAME_MAX + 128];
	struct vmshm_log_open open = {
		.size = sizeof(open),
		.first_page = 1,
		.nr_pages = 3,
	};
	struct vmshm_log_fetch fetch = {
		.size = sizeof(fetch),
		.format = VMSHM_LOG_COUNT,
		.first_page = 1,
	};
	char *map;
	int fd;

	fd = vt_create(self->dev, self->name, 4 * self->page, 0, 0, 0600);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, vt_ioctl(fd, VMSHM_IOC_LOG_OPEN, &open));
	snprintf(fields, sizeof(fields),
		 "generation=%llu first_page=1 nr_pages=3",
		 (unsigned long long)generation(fd));
	EXPECT_EQ(1, count(take(self->dir), "vmshm_log_open", fields));
	map = mmap(NULL, 4 * self->page, PROT_READ | PROT_WRITE, MAP_SHARED,
		   fd, 0);
	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(0, vt_poke(map + 2 * self->page, 1));
	snprintf(fields, sizeof(fields),
		 "generation=%llu pgoff=2 first_page=2 nr_pages=1",
		 (unsigned long long)generation(fd));
	EXPECT_EQ(1, count(take(self->dir), "vmshm_mkwrite", fields));
	ASSERT_EQ(0, vt_ioctl(open.out_fd, VMSHM_IOC_LOG_FETCH, &fetch));
	EXPECT_EQ(1, fetch.out_pages);
	snprintf(fields, sizeof(fields),
		 " vmshm_log_fetch: generation=%llu pages=1 pinned=0 ns=",
		 (unsigned long long)generation(fd));
	EXPECT_NE(NULL, strstr(take(self->dir), fields));
	munmap(map, 4 * self->page);
	close(open.out_fd);
	close(fd);
}

/* Names come from users: nothing in them is taken for a format. */
TEST_F(trace, odd_name)
{
	char name[VMSHM_NAME_MAX + 1], start[VMSHM_NAME_MAX + 64];
	int fd;

	fd = vt_create(self->dev, vt_name(name, "%s%n%p\\x41"), 0, 0,
		       VMSHM_EPHEMERAL, 0600);
	ASSERT_LE(0, fd);
	snprintf(start, sizeof(start), " vmshm_create: name=%s generation=",
		 name);
	EXPECT_NE(NULL, strstr(take(self->dir), start));
	EXPECT_TRUE(says(fd, "vmshm-name", name));
	close(fd);
}

TEST_HARNESS_MAIN
