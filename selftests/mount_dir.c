// SPDX-License-Identifier: GPL-2.0
/*
 * Directories of the mounted tree: what is listed, by whom it is seen, and what
 * happens while names come and go.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "lib/harness.h"
#include "lib/vmshm_env.h"
#include "lib/vmshm_mount.h"

#define MANY	10000
#define STABLE	120
#define ROUNDS	40

/* The domain of the test; also in the processes that it starts. */
static char domain[64];

FIXTURE(mount_dir) {
	int dev;
	long long regions_user;
	long long meta_user_kb;
};

FIXTURE_SETUP(mount_dir)
{
	self->dev = vt_device();
	ASSERT_LE(0, self->dev);
	ASSERT_EQ(0, vt_mount(0));
	self->regions_user = vt_param_get("regions_user");
	self->meta_user_kb = vt_param_get("meta_user_kb");
	ASSERT_EQ(0, vt_param_set("regions_user", 2 * MANY));
	ASSERT_EQ(0, vt_param_set("meta_user_kb", 2 * MANY * 8));
	snprintf(domain, sizeof(domain), "test-%d", getpid());
}

FIXTURE_TEARDOWN(mount_dir)
{
	char prefix[VMSHM_NAME_MAX + 1];

	vt_act_as_root();
	EXPECT_LE(0, vt_unlink_all(self->dev, vt_name(prefix, "")));
	EXPECT_EQ(0, vt_param_set("regions_user", self->regions_user));
	EXPECT_EQ(0, vt_param_set("meta_user_kb", self->meta_user_kb));
	close(self->dev);
}

static const char *full(const char *suffix)
{
	static char name[VMSHM_NAME_MAX + 1];

	snprintf(name, sizeof(name), "%s/%s", domain, suffix);
	return name;
}

/* Creates a region that stays, or returns an error. */
static int make(int dev, const char *suffix, __u32 mode)
{
	int fd = vt_create(dev, full(suffix), 0, 0, 0, mode);

	return fd < 0 ? fd : close(fd);
}

static int drop(int dev, const char *suffix)
{
	return vt_unlink(dev, full(suffix));
}

/* Is this suffix there? 'f': a file, 'd': a directory, else an error. */
static int what(const char *suffix)
{
	char path[PATH_MAX];
	struct stat st;

	if (stat(vt_path(path, full(suffix)), &st))
		return -errno;
	return S_ISREG(st.st_mode) ? 'f' : S_ISDIR(st.st_mode) ? 'd' : 0;
}

/*
 * Lists a directory as "NAME NAME/ ...", sorted, '/' behind directories. What
 * is listed must be what stat() finds, with the same number.
 */
static const char *list(const char *path)
{
	static char text[8192];
	struct dirent **entries;
	size_t len = 0;
	int n, i;

	n = scandir(path, &entries, NULL, alphasort);
	if (n < 0)
		return strerror(errno);
	text[0] = '\0';
	for (i = 0; i < n; i++) {
		char entry[PATH_MAX];
		struct stat st;
		bool dir = entries[i]->d_type == DT_DIR;

		/* Neither "." nor "..", which at a root is another's. */
		if (entries[i]->d_name[0] == '.')
			continue;
		snprintf(entry, sizeof(entry), "%s/%s", path,
			 entries[i]->d_name);
		if (lstat(entry, &st) || st.st_ino != entries[i]->d_ino ||
		    S_ISDIR(st.st_mode) != dir)
			return "what is listed is not what is there";
		len += snprintf(text + len, sizeof(text) - len, "%s%s%s",
				len ? " " : "", entries[i]->d_name,
				dir ? "/" : "");
		free(entries[i]);
	}
	free(entries);
	return text;
}

static const char *list_in(const char *suffix)
{
	char path[PATH_MAX];

	return list(vt_path(path, full(suffix)));
}

TEST_F(mount_dir, list)
{
	/* The order of names is not that of what is before a '/'. */
	static const char *const names[] = {
		"b", "a/1", "a/2/x", "a-b", "a.c/1", "a0/1", "a0/2", "z/y/x/w",
	};
	size_t i;

	EXPECT_STREQ(strerror(ENOENT), list_in(""));
	for (i = 0; i < ARRAY_SIZE(names); i++)
		ASSERT_EQ(0, make(self->dev, names[i], 0600));
	EXPECT_STREQ("a/ a-b a.c/ a0/ b z/", list_in(""));
	EXPECT_STREQ("1 2/", list_in("a"));
	EXPECT_STREQ("x/", list_in("z/y"));
	EXPECT_NE(NULL, strstr(list(VT_MOUNT), domain));
	ASSERT_EQ(0, drop(self->dev, "a/1"));
	ASSERT_EQ(0, drop(self->dev, "a0/1"));
	ASSERT_EQ(0, drop(self->dev, "a0/2"));
	EXPECT_STREQ("a/ a-b a.c/ b z/", list_in(""));
}

/* A directory is seen if there is something in it that is. */
TEST_F(mount_dir, what_may_be_seen)
{
	char suffix[64];
	int i;

	ASSERT_EQ(0, make(self->dev, "mine/secret", 0600));
	ASSERT_EQ(0, make(self->dev, "mine/deep/secret", 0600));
	ASSERT_EQ(0, make(self->dev, "readable", 0604));
	ASSERT_EQ(0, make(self->dev, "writable", 0602));
	/* More that are not to be seen than are looked at in one go. */
	for (i = 0; i < 700; i++) {
		snprintf(suffix, sizeof(suffix), "mixed/%03d", i);
		ASSERT_EQ(0, make(self->dev, suffix, i == 650 ? 0604 : 0600));
	}
	EXPECT_STREQ("mine/ mixed/ readable writable", list_in(""));

	ASSERT_EQ(0, vt_act_as(VT_ALICE, VT_ALICE));
	EXPECT_STREQ("mixed/ readable writable", list_in(""));
	EXPECT_STREQ("650", list_in("mixed"));
	EXPECT_STREQ("", list_in("mine"));
	/* The way to what must not be opened is the way to EACCES. */
	EXPECT_EQ(-EACCES, what("mine/deep/secret"));
	EXPECT_EQ(-ENOENT, what("mine/deep/none"));
	EXPECT_EQ(-ENOENT, what("none/deep"));

	ASSERT_EQ(0, vt_act_as_root());
	ASSERT_EQ(0, drop(self->dev, "readable"));
	ASSERT_EQ(0, drop(self->dev, "writable"));
	ASSERT_EQ(0, drop(self->dev, "mixed/650"));
	ASSERT_EQ(0, vt_act_as(VT_ALICE, VT_ALICE));
	EXPECT_STREQ("", list_in(""));
	EXPECT_EQ(NULL, strstr(list(VT_MOUNT), domain));
}

/* A region and the beginning of others: both are to be had. */
TEST_F(mount_dir, region_and_directory)
{
	char path[PATH_MAX];
	int fd;

	ASSERT_EQ(0, make(self->dev, "both/x", 0604));
	EXPECT_EQ('d', what("both"));
	EXPECT_EQ('f', what("both/x"));
	EXPECT_EQ(-ENOENT, what("both "));
	/* In use, so that what is known of it has to change. */
	vt_path(path, full("both"));
	fd = open(path, O_PATH);
	ASSERT_LE(0, fd);

	ASSERT_EQ(0, make(self->dev, "both", 0600));
	EXPECT_EQ('f', what("both"));
	EXPECT_EQ(-ENOTDIR, what("both/x"));
	EXPECT_EQ('d', what("both "));
	EXPECT_EQ('f', what("both /x"));
	EXPECT_EQ(-ENOENT, what("both  "));
	EXPECT_EQ(-ENOENT, what("both /x "));
	EXPECT_STREQ("both both /", list_in(""));
	/* For all alike, whatever they see of it. */
	ASSERT_EQ(0, vt_act_as(VT_ALICE, VT_ALICE));
	EXPECT_STREQ("both /", list_in(""));
	EXPECT_EQ(-EACCES, what("both"));
	EXPECT_EQ('f', what("both /x"));
	ASSERT_EQ(0, vt_act_as_root());
	close(fd);
	vt_path(path, full("both "));
	fd = open(path, O_PATH);
	ASSERT_LE(0, fd);

	vt_path(path, full("both"));
	ASSERT_EQ(0, unlink(path));
	EXPECT_EQ('d', what("both"));
	EXPECT_EQ('f', what("both/x"));
	EXPECT_EQ(-ENOENT, what("both "));
	EXPECT_STREQ("both/", list_in(""));
	close(fd);

	ASSERT_EQ(0, make(self->dev, "both", 0600));
	ASSERT_EQ(0, drop(self->dev, "both/x"));
	EXPECT_EQ(-ENOENT, what("both "));
	EXPECT_STREQ("both", list_in(""));
}

/* A working directory that was left by all, and comes back. */
TEST_F(mount_dir, working_directory)
{
	char path[PATH_MAX];

	ASSERT_EQ(0, make(self->dev, "dir/x", 0600));
	vt_path(path, full("dir"));
	ASSERT_EQ(0, chdir(path));
	ASSERT_NE(NULL, getcwd(path, sizeof(path)));
	EXPECT_EQ(0, access("x", F_OK));
	ASSERT_EQ(0, drop(self->dev, "dir/x"));
	EXPECT_EQ(-1, access("x", F_OK));
	EXPECT_EQ(-ENOENT, what("dir"));
	EXPECT_STREQ("", list("."));
	ASSERT_EQ(0, make(self->dev, "dir/y", 0600));
	EXPECT_EQ('d', what("dir"));
	EXPECT_STREQ("y", list("."));
	EXPECT_EQ(0, access("y", F_OK));
	ASSERT_EQ(0, chdir("/"));
}

/* Calls @fn for each name; the buffer has room for few of them. */
static int walk(const char *path, void (*fn)(const char *name, void *arg),
		void *arg)
{
	struct entry {
		__u64 ino;
		__s64 off;
		unsigned short len;
		unsigned char type;
		char name[];
	} *e;
	char buf[512] __attribute__((aligned(8)));
	long n, at;
	int fd;

	fd = open(path, O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return -errno;
	while ((n = syscall(SYS_getdents64, fd, buf, sizeof(buf))) > 0) {
		for (at = 0; at < n; at += e->len) {
			e = (void *)(buf + at);
			fn(e->name, arg);
		}
	}
	close(fd);
	return n < 0 ? -errno : 0;
}

struct seen {
	unsigned int stable[STABLE];
	unsigned int doubled;
	char last[NAME_MAX + 1];
};

static void note(const char *name, void *arg)
{
	struct seen *seen = arg;
	unsigned int i;

	if (!strcmp(name, seen->last))
		seen->doubled++;
	snprintf(seen->last, sizeof(seen->last), "%s", name);
	if (strlen(name) == 4 && sscanf(name, "s%u", &i) == 1 && i < STABLE)
		seen->stable[i]++;
}

/* Creates and unlinks names all over until it is told to end. */
static void churn(int sock)
{
	int dev = vt_device(), i = 0;
	char suffix[64], byte;

	do {
		/* Before, between and in the directories that stay. */
		i = (i + 37) % STABLE;
		snprintf(suffix, sizeof(suffix), "c%03d", i);
		VT_CHECK(make(dev, suffix, 0600) == 0);
		VT_CHECK(drop(dev, suffix) == 0);
		snprintf(suffix, sizeof(suffix), "s%03d-", i);
		VT_CHECK(make(dev, suffix, 0600) == 0);
		VT_CHECK(drop(dev, suffix) == 0);
		snprintf(suffix, sizeof(suffix), "s%03d/0", i | 1);
		VT_CHECK(make(dev, suffix, 0600) == 0);
		VT_CHECK(drop(dev, suffix) == 0);
	} while (recv(sock, &byte, 1, MSG_DONTWAIT) != 1);
	_exit(0);
}

/* What is there all the time is listed once. */
TEST_F(mount_dir, changes_while_listing)
{
	struct vt_child child;
	struct seen seen;
	char path[PATH_MAX], suffix[64];
	int i, round;

	for (i = 0; i < STABLE; i++) {
		snprintf(suffix, sizeof(suffix), i & 1 ? "s%03d/1" : "s%03d", i);
		ASSERT_EQ(0, make(self->dev, suffix, 0600));
	}
	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid)
		churn(child.sock);
	for (round = 0; round < ROUNDS; round++) {
		memset(&seen, 0, sizeof(seen));
		ASSERT_EQ(0, walk(vt_path(path, domain), note, &seen));
		EXPECT_EQ(0, seen.doubled);
		for (i = 0; i < STABLE; i++)
			ASSERT_EQ(1, seen.stable[i]);
	}
	EXPECT_EQ(0, vt_tell(child.sock));
	EXPECT_EQ(0, vt_wait(&child));
}

/* telldir() and seekdir() */
TEST_F(mount_dir, positions)
{
	struct dirent *entry;
	char path[PATH_MAX], suffix[64], name[NAME_MAX + 1];
	long positions[50];
	DIR *dir;
	int i;

	for (i = 0; i < 48; i++) {
		snprintf(suffix, sizeof(suffix), "%02d%s", i, i % 3 ? "" : "/x");
		ASSERT_EQ(0, make(self->dev, suffix, 0600));
	}
	dir = opendir(vt_path(path, domain));
	ASSERT_NE(NULL, dir);
	for (i = 0; i < 50; i++) {
		positions[i] = telldir(dir);
		entry = readdir(dir);
		ASSERT_NE(NULL, entry);
		if (i >= 2)
			EXPECT_EQ(i - 2, atoi(entry->d_name));
	}
	EXPECT_EQ(NULL, readdir(dir));
	for (i = 49; i >= 2; i -= 5) {
		seekdir(dir, positions[i]);
		entry = readdir(dir);
		ASSERT_NE(NULL, entry);
		EXPECT_EQ(i - 2, atoi(entry->d_name));
	}
	for (i = 2; i < 50; i += 7) {
		seekdir(dir, positions[i]);
		entry = readdir(dir);
		ASSERT_NE(NULL, entry);
		EXPECT_EQ(i - 2, atoi(entry->d_name));
	}
	/* A rewound directory shows what is there now. */
	ASSERT_EQ(0, make(self->dev, "!", 0600));
	rewinddir(dir);
	readdir(dir);
	readdir(dir);
	entry = readdir(dir);
	ASSERT_NE(NULL, entry);
	snprintf(name, sizeof(name), "%s", entry->d_name);
	EXPECT_STREQ("!", name);
	closedir(dir);
}

static void count(const char *name, void *arg)
{
	unsigned int *counted = arg;

	(*counted)++;
}

TEST_F(mount_dir, many)
{
	unsigned int counted = 0;
	char path[PATH_MAX], suffix[64];
	int i;

	for (i = 0; i < MANY; i++) {
		snprintf(suffix, sizeof(suffix), i & 1 ? "d%05d/x" : "f%05d",
			 i);
		ASSERT_EQ(0, make(self->dev, suffix, 0600));
	}
	ASSERT_EQ(0, walk(vt_path(path, domain), count, &counted));
	EXPECT_EQ(MANY + 2, counted);
	counted = 0;
	ASSERT_EQ(0, vt_act_as(VT_ALICE, VT_ALICE));
	ASSERT_EQ(0, walk(vt_path(path, domain), count, &counted));
	EXPECT_EQ(2, counted);
	ASSERT_EQ(0, vt_act_as_root());
	EXPECT_EQ('f', what("f05000"));
	EXPECT_EQ('d', what("d05001"));
}

/* Opens, looks at and takes away what another one creates. */
static void race(const char *name, int flags)
{
	char path[PATH_MAX];
	struct stat st, opened;
	int fd, i;

	vt_path(path, name);
	for (i = 0; i < 400; i++) {
		fd = open(path, flags);
		if (fd >= 0) {
			struct vmshm_stat region;

			/* Never half of one and half of the other. */
			VT_CHECK(vt_stat(fd, &region) == 0);
			VT_CHECK(fstat(fd, &opened) == 0);
			VT_CHECK(region.out_generation == opened.st_ino);
			VT_CHECK(!strcmp((char *)region.out_name, name));
			VT_CHECK(vt_fdinfo(fd, "vmshm-readonly") ==
				 (flags == O_RDONLY));
			close(fd);
		} else {
			VT_CHECK(errno == ENOENT);
		}
		if (stat(path, &st) == 0)
			VT_CHECK(S_ISREG(st.st_mode) && st.st_size == 4096);
		else
			VT_CHECK(errno == ENOENT);
		if (i % 4 == 0)
			VT_CHECK(unlink(path) == 0 || errno == ENOENT);
	}
	_exit(0);
}

TEST_F(mount_dir, races)
{
	struct vt_child children[3];
	const char *name = full("race");
	int i, fd;

	for (i = 0; i < 3; i++) {
		ASSERT_LE(0, vt_fork(&children[i]));
		if (!children[i].pid)
			race(name, i & 1 ? O_RDONLY : O_RDWR);
	}
	for (i = 0; i < 800; i++) {
		fd = vt_create(self->dev, name, 4096, 0,
			       i & 1 ? VMSHM_EPHEMERAL : 0, 0600);
		if (fd >= 0)
			close(fd);
		else
			ASSERT_EQ(-EEXIST, fd);
	}
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, vt_wait(&children[i]));
	/* All of it gone, nothing is left. */
	drop(self->dev, "race");
	EXPECT_EQ(-ENOENT, what("race"));
	EXPECT_EQ(-ENOENT, what(""));
}

TEST_HARNESS_MAIN
