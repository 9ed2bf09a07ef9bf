// SPDX-License-Identifier: GPL-2.0
/*
 * VMSHM_IOC_LIST: pages of any size, prefixes, and what goes on meanwhile.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>

#include "lib/harness.h"
#include "lib/vmshm_env.h"

/* More than what the kernel looks at, and copies, in one go. */
#define NAMES		100
#define HIDDEN		700

FIXTURE(list) {
	int dev;
	char prefix[VMSHM_NAME_MAX + 1];
	struct vmshm_stat *stats;
	unsigned int room;
};

FIXTURE_SETUP(list)
{
	self->dev = vt_device();
	ASSERT_LE(0, self->dev);
	vt_name(self->prefix, "");
	self->room = NAMES + 10;
	self->stats = calloc(self->room, sizeof(self->stats[0]));
	ASSERT_NE(NULL, self->stats);
}

FIXTURE_TEARDOWN(list)
{
	EXPECT_EQ(0, vt_act_as_root());
	EXPECT_LE(0, vt_unlink_all(self->dev, self->prefix));
	close(self->dev);
	free(self->stats);
}

static int create(int dev, const char *suffix, __u32 mode)
{
	char name[VMSHM_NAME_MAX + 1];
	int fd;

	fd = vt_create(dev, vt_name(name, suffix), 0, 0, 0, mode);
	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

static void set_name(__u8 to[VMSHM_NAME_MAX + 1], const char *name)
{
	memset(to, 0, VMSHM_NAME_MAX + 1);
	memcpy(to, name, strnlen(name, VMSHM_NAME_MAX));
}

static int list(int dev, struct vmshm_stat *stats, const char *prefix,
		const char *after, unsigned int count, struct vmshm_list *arg)
{
	memset(arg, 0, sizeof(*arg));
	arg->size = sizeof(*arg);
	arg->entries = (uintptr_t)stats;
	arg->entry_size = sizeof(stats[0]);
	arg->count = count;
	set_name(arg->prefix, prefix);
	set_name(arg->after, after);
	return vt_ioctl(dev, VMSHM_IOC_LIST, arg);
}

/* The name without its domain, which is the test's own. */
static const char *suffix(const struct vmshm_stat *stat)
{
	return strchr((const char *)stat->out_name, '/') + 1;
}

TEST_F(list, pages)
{
	unsigned int i, count, n;
	struct vmshm_list arg;
	char text[16], after[VMSHM_NAME_MAX + 1];

	/* Not in the order of their names. */
	for (i = 0; i < NAMES; i++) {
		snprintf(text, sizeof(text), "%03u", i * 37 % NAMES);
		ASSERT_EQ(0, create(self->dev, text, 0600));
	}
	for (count = 1; count <= NAMES + 2; count++) {
		after[0] = '\0';
		n = 0;
		do {
			memset(self->stats, 0xff,
			       self->room * sizeof(self->stats[0]));
			ASSERT_EQ(0, list(self->dev, self->stats, self->prefix,
					  after, count, &arg));
			ASSERT_LE(arg.out_count, count);
			/* A full page may be the last, any other is. */
			EXPECT_EQ(arg.out_count == count, arg.out_more);
			for (i = 0; i < arg.out_count; i++, n++) {
				snprintf(text, sizeof(text), "%03u", n);
				ASSERT_STREQ(text, suffix(&self->stats[i]));
				EXPECT_EQ(sizeof(self->stats[0]),
					  self->stats[i].size);
				EXPECT_EQ(0, self->stats[i].flags);
				EXPECT_EQ(1, self->stats[i].out_linked);
			}
			/* Behind the last one, nothing was written. */
			EXPECT_EQ(0xffffffff, self->stats[i].size);
			if (i)
				strcpy(after, (char *)
				       self->stats[i - 1].out_name);
			/* The arguments are as they were. */
			EXPECT_EQ(count, arg.count);
			EXPECT_STREQ(self->prefix, (char *)arg.prefix);
		} while (arg.out_more);
		EXPECT_EQ(NAMES, n) {
			TH_LOG("%u at a time", count);
		}
	}
}

/* An element says what STAT says. */
TEST_F(list, elements)
{
	char name[VMSHM_NAME_MAX + 1];
	struct vmshm_stat stat;
	struct vmshm_list arg;
	int fd;

	fd = vt_create(self->dev, vt_name(name, "a"), 8192, 16384,
		       VMSHM_SHRINKABLE | VMSHM_RESERVE, 0640);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, vt_seal(fd, VMSHM_SEAL_SHRINK));
	ASSERT_EQ(0, list(self->dev, self->stats, self->prefix, "", 5, &arg));
	ASSERT_EQ(1, arg.out_count);
	ASSERT_EQ(0, vt_stat(fd, &stat));
	EXPECT_EQ(0, memcmp(&stat, &self->stats[0], sizeof(stat)));
	EXPECT_EQ(1, stat.out_opens);
	close(fd);
	ASSERT_EQ(0, list(self->dev, self->stats, self->prefix, "", 5, &arg));
	EXPECT_EQ(0, self->stats[0].out_opens);
}

TEST_F(list, prefixes)
{
	static const char *const names[] = {
		/* In byte order: '-' < '.' < '/' < '0' < 'A' < 'a' < '~'. */
		"a", "a-", "a-/b", "a.", "a/", "a/.b", "a/b", "a/b/c", "a/bc",
		"a0", "aA", "aa", "a~", "b", "~",
	};
	/* The number of those that begin with it. */
	static const struct {
		const char *prefix;
		unsigned int count;
	} prefixes[] = {
		{ "", 14 }, { "a", 12 }, { "a-", 2 }, { "a-/", 1 }, { "a.", 1 },
		{ "a/", 4 }, { "a/.", 1 }, { "a/b", 3 }, { "a/b/", 1 },
		{ "a/b/c", 1 }, { "a/b/cd", 0 }, { "a/bb", 0 }, { "a/bc", 1 },
		{ "a0", 1 }, { "a1", 0 }, { "aa", 1 }, { "aaa", 0 }, { "A", 0 },
		{ "a~", 1 }, { "b", 1 }, { "b/", 0 }, { "ba", 0 }, { "c", 0 },
		{ "~", 1 }, { "~~", 0 }, { "!", 0 }, { ".", 0 }, { "..", 0 },
	};
	char text[VMSHM_NAME_MAX + 1];
	struct vmshm_list arg;
	unsigned int i, j;
	const char *last;

	for (i = ARRAY_SIZE(names); i--; ) {
		if (strcmp(names[i], "a/"))
			ASSERT_EQ(0, create(self->dev, names[i], 0600));
	}
	for (i = 0; i < ARRAY_SIZE(prefixes); i++) {
		vt_name(text, prefixes[i].prefix);
		ASSERT_EQ(0, list(self->dev, self->stats, text, "", 20, &arg));
		EXPECT_EQ(prefixes[i].count, arg.out_count) {
			TH_LOG("prefix '%s'", prefixes[i].prefix);
		}
		last = "";
		for (j = 0; j < arg.out_count; j++) {
			EXPECT_EQ(0, strncmp(suffix(&self->stats[j]),
					     prefixes[i].prefix,
					     strlen(prefixes[i].prefix)));
			EXPECT_GT(0, strcmp(last, suffix(&self->stats[j])));
			last = suffix(&self->stats[j]);
		}
	}
	/* One that is as long as can be, and is no name's. */
	vt_name(text, "a");
	for (i = strlen(text); i < VMSHM_NAME_MAX; i++)
		text[i] = 'a';
	text[i] = '\0';
	ASSERT_EQ(0, list(self->dev, self->stats, text, "", 20, &arg));
	EXPECT_EQ(0, arg.out_count);
	EXPECT_EQ(0, arg.out_more);
	/* A domain's, without what comes behind the '/'. */
	vt_name(text, "");
	text[strlen(text) - 1] = '\0';
	ASSERT_EQ(0, list(self->dev, self->stats, text, "", 20, &arg));
	EXPECT_EQ(14, arg.out_count);
}

/* Where to go on need not be a name there is, nor have the prefix. */
TEST_F(list, after)
{
	static const char *const names[] = { "b/1", "b/2", "d" };
	static const struct {
		const char *prefix;
		const char *after;
		const char *first;
		unsigned int count;
	} cases[] = {
		{ "", "a", "b/1", 3 }, { "", "b", "b/1", 3 },
		{ "", "b/1", "b/2", 2 }, { "", "b/11", "b/2", 2 },
		{ "", "b/2", "d", 1 }, { "", "c", "d", 1 },
		{ "", "d", NULL, 0 }, { "", "z", NULL, 0 },
		{ "b", "a", "b/1", 2 }, { "b", "b", "b/1", 2 },
		{ "b/", "b/1", "b/2", 1 }, { "b/", "b/2", NULL, 0 },
		{ "b", "c", NULL, 0 }, { "b", "d", NULL, 0 },
		{ "d", "b/1", "d", 1 }, { "d", "d", NULL, 0 },
		{ "c", "b", NULL, 0 },
		/* A name that is its own prefix is not before itself. */
		{ "b/1", "b", "b/1", 1 }, { "b/1", "b/1", NULL, 0 },
	};
	char prefix[VMSHM_NAME_MAX + 1], after[VMSHM_NAME_MAX + 1];
	struct vmshm_list arg;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		ASSERT_EQ(0, create(self->dev, names[i], 0600));
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		vt_name(prefix, cases[i].prefix);
		vt_name(after, cases[i].after);
		ASSERT_EQ(0, list(self->dev, self->stats, prefix, after, 9,
				  &arg));
		EXPECT_EQ(cases[i].count, arg.out_count) {
			TH_LOG("prefix '%s' after '%s'", cases[i].prefix,
			       cases[i].after);
		}
		if (cases[i].first && arg.out_count)
			EXPECT_STREQ(cases[i].first, suffix(&self->stats[0]));
	}
	/* As the last element said, registry and all. */
	arg.after_registry = self->stats[0].out_registry;
	set_name(arg.prefix, self->prefix);
	set_name(arg.after, vt_name(after, "b/1"));
	arg.out_count = 0;
	arg.out_more = 0;
	arg.after_registry = vt_userns_id();
	ASSERT_EQ(0, vt_ioctl(self->dev, VMSHM_IOC_LIST, &arg));
	EXPECT_EQ(2, arg.out_count);
}

TEST_F(list, all_names)
{
	struct vmshm_list arg;
	unsigned int i, found = 0;

	ASSERT_EQ(0, create(self->dev, "a", 0600));
	ASSERT_EQ(0, list(self->dev, self->stats, "", "", self->room, &arg));
	for (i = 0; i < arg.out_count; i++)
		found += !strncmp((char *)self->stats[i].out_name, self->prefix,
				  strlen(self->prefix));
	EXPECT_EQ(1, found);
}

/* A program that knows a longer struct, and one that knows no more. */
TEST_F(list, entry_size)
{
	struct vmshm_list arg;
	unsigned char *buf;
	__u32 size, i;

	ASSERT_EQ(0, create(self->dev, "a", 0600));
	ASSERT_EQ(0, create(self->dev, "b", 0600));
	buf = malloc(3 * 4096);
	ASSERT_NE(NULL, buf);
	for (size = sizeof(struct vmshm_stat); size <= 4096;
	     size += size < 420 ? 1 : 919) {
		struct vmshm_stat stat;

		memset(buf, 0xff, 3 * 4096);
		memset(&arg, 0, sizeof(arg));
		arg.size = sizeof(arg);
		arg.entries = (uintptr_t)buf;
		arg.entry_size = size;
		arg.count = 3;
		set_name(arg.prefix, self->prefix);
		ASSERT_EQ(0, vt_ioctl(self->dev, VMSHM_IOC_LIST, &arg));
		ASSERT_EQ(2, arg.out_count);
		memcpy(&stat, buf, sizeof(stat));
		EXPECT_EQ(0, strcmp("a", (char *)stat.out_name +
				    strlen(self->prefix)));
		EXPECT_EQ(sizeof(stat), stat.size);
		memcpy(&stat, buf + size, sizeof(stat));
		EXPECT_EQ(0, strcmp("b", (char *)stat.out_name +
				    strlen(self->prefix)));
		for (i = sizeof(stat); i < size; i++) {
			ASSERT_EQ(0, buf[i]);
			ASSERT_EQ(0, buf[size + i]);
		}
		EXPECT_EQ(0xff, buf[2 * size]);
	}
	for (size = 0; size < sizeof(struct vmshm_stat); size++) {
		arg.entry_size = size;
		arg.out_count = 0;
		arg.out_more = 0;
		EXPECT_EQ(-EINVAL, vt_ioctl(self->dev, VMSHM_IOC_LIST, &arg)) {
			TH_LOG("entry_size %u", size);
		}
	}
	free(buf);
}

/* What one may not see takes no room, and does not end the list. */
TEST_F(list, hidden)
{
	struct vmshm_list arg;
	char text[16];
	int i;

	for (i = 0; i < HIDDEN; i++) {
		snprintf(text, sizeof(text), "%04d", i);
		/* The last one, and some in between. */
		ASSERT_EQ(0, create(self->dev, text, i % 300 == 99 ||
				    i == HIDDEN - 1 ? 0604 : 0600));
	}
	ASSERT_EQ(0, vt_act_as(VT_ALICE, VT_ALICE));
	ASSERT_EQ(0, list(self->dev, self->stats, self->prefix, "", 10, &arg));
	EXPECT_EQ(0, arg.out_more);
	ASSERT_EQ(3, arg.out_count);
	EXPECT_STREQ("0099", suffix(&self->stats[0]));
	EXPECT_STREQ("0399", suffix(&self->stats[1]));
	EXPECT_STREQ("0699", suffix(&self->stats[2]));
	ASSERT_EQ(0, list(self->dev, self->stats, self->prefix,
			  (char *)self->stats[0].out_name, 1, &arg));
	ASSERT_EQ(1, arg.out_count);
	EXPECT_STREQ("0399", suffix(&self->stats[0]));
	/* Whether there are more is not told before it is known to be seen. */
	EXPECT_EQ(1, arg.out_more);
	ASSERT_EQ(0, vt_act_as_root());
	EXPECT_EQ(HIDDEN, vt_list(self->dev, self->prefix, 0, NULL, 0));
}

/*
 * Others create and unlink all the time. What exists throughout is listed
 * exactly once, in order.
 */
TEST_F(list, stable)
{
	char text[16], after[VMSHM_NAME_MAX + 1], name[VMSHM_NAME_MAX + 1];
	unsigned int i, pass, n, churned = 0;
	struct vmshm_list arg;
	struct vt_child child;

	for (i = 0; i < NAMES; i += 2) {
		snprintf(text, sizeof(text), "%03u", i);
		ASSERT_EQ(0, create(self->dev, text, 0600));
	}
	vt_name(name, "");
	if (vt_fork(&child) == 0) {
		size_t len = strlen(name);
		unsigned int seed = 1;
		bool told = false;

		for (;;) {
			unsigned int r = rand_r(&seed) % NAMES | 1;
			int fd;

			snprintf(name + len, 16, "%03u", r);
			fd = vt_create(self->dev, name, 0, 0, 0, 0600);
			VT_CHECK(fd >= 0 || fd == -EEXIST);
			if (fd >= 0) {
				close(fd);
				continue;
			}
			VT_CHECK(vt_unlink(self->dev, name) == 0);
			if (!told)
				VT_CHECK(vt_tell(child.sock) == 0);
			told = true;
		}
	}
	ASSERT_EQ(0, vt_hear(child.sock));
	for (pass = 0; pass < 60; pass++) {
		unsigned int expected = 0;
		int number, last = -1;

		after[0] = '\0';
		n = 0;
		do {
			ASSERT_EQ(0, list(self->dev, self->stats, self->prefix,
					  after, pass % 7 + 1, &arg));
			for (i = 0; i < arg.out_count; i++) {
				number = atoi(suffix(&self->stats[i]));
				ASSERT_LT(last, number);
				last = number;
				n++;
				if (number & 1) {
					churned++;
					continue;
				}
				ASSERT_EQ((int)expected, number);
				expected += 2;
			}
			if (i)
				strcpy(after, (char *)
				       self->stats[i - 1].out_name);
		} while (arg.out_more);
		ASSERT_EQ(NAMES, expected);
	}
	/* It was worth it. */
	EXPECT_LT(60, churned);
	EXPECT_EQ(128 + SIGKILL, vt_kill(&child));
}

TEST_HARNESS_MAIN
