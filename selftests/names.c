// SPDX-License-Identifier: GPL-2.0
/*
 * Names: what a name may be, one name is one region, and who creates it first
 * when many do. Whoever finds a region finds it complete.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "lib/harness.h"
#include "lib/vmshm_env.h"

FIXTURE(names) {
	int dev;
	char prefix[VMSHM_NAME_MAX + 1];
	char name[VMSHM_NAME_MAX + 1];
};

FIXTURE_SETUP(names)
{
	self->dev = vt_device();
	ASSERT_LE(0, self->dev);
	vt_name(self->prefix, "");
	vt_name(self->name, "region");
}

FIXTURE_TEARDOWN(names)
{
	EXPECT_LE(0, vt_unlink_all(self->dev, self->prefix));
	close(self->dev);
}

static int create_array(int dev, const __u8 name[VMSHM_NAME_MAX + 1])
{
	struct vmshm_create arg = { .size = sizeof(arg), .mode = 0600 };
	int ret;

	memcpy(arg.name, name, sizeof(arg.name));
	ret = vt_ioctl(dev, VMSHM_IOC_CREATE, &arg);
	if (ret)
		return ret;
	close(arg.out_fd);
	return 0;
}

/* Every command that takes a name says the same of it. */
static int try_array(int dev, const __u8 name[VMSHM_NAME_MAX + 1])
{
	struct vmshm_open open = { .size = sizeof(open) };
	struct vmshm_unlink unlink = { .size = sizeof(unlink) };
	struct vmshm_list list = {
		.size = sizeof(list),
		.entry_size = sizeof(struct vmshm_stat),
		.count = 1,
	};
	struct vmshm_stat stat;
	int create_err, open_err, unlink_err, list_err;

	memcpy(open.name, name, sizeof(open.name));
	memcpy(unlink.name, name, sizeof(unlink.name));
	memcpy(list.after, name, sizeof(list.after));
	list.entries = (uintptr_t)&stat;
	create_err = create_array(dev, name);
	open_err = vt_ioctl(dev, VMSHM_IOC_OPEN, &open);
	if (!open_err)
		close(open.out_fd);
	unlink_err = vt_ioctl(dev, VMSHM_IOC_UNLINK, &unlink);
	list_err = vt_ioctl(dev, VMSHM_IOC_LIST, &list);
	if (open_err != create_err || unlink_err != create_err ||
	    /* An empty one means that there is none. */
	    (list_err != create_err && (name[0] || list_err)))
		return -EPROTO;
	return create_err;
}

static int try(int dev, const char *name)
{
	__u8 array[VMSHM_NAME_MAX + 1] = { 0 };

	memcpy(array, name, strnlen(name, sizeof(array)));
	return try_array(dev, array);
}

TEST_F(names, characters)
{
	char name[VMSHM_NAME_MAX + 1];
	size_t len, at;
	int c;

	len = strlen(vt_name(name, "abc"));
	for (c = 1; c < 256; c++) {
		bool good = c > 0x20 && c < 0x7f;

		for (at = len - 3; at < len; at++) {
			vt_name(name, "abc");
			name[at] = c;
			if (c == '/')
				good = at == len - 2;
			EXPECT_EQ(good ? 0 : -EINVAL, try(self->dev, name)) {
				TH_LOG("0x%x at %zu", c, at - (len - 3));
			}
		}
	}
}

TEST_F(names, components)
{
	/* Behind the domain. */
	static const struct {
		const char *name;
		bool good;
	} names[] = {
		{ "a", true }, { "a/b", true }, { "a/b/c/d/e/f/g/h", true },
		{ "...", true }, { "..a", true }, { ".a", true },
		{ "a.", true }, { "a..", true }, { ".../...", true },
		{ "-", true }, { "a/.b", true }, { "a/..b", true },
		{ "~!@#$%^&*()_+|`{}[]:;\"'<>?,\\", true },
		{ "", false }, { "/", false }, { "/a", false }, { "a/", false },
		{ "a//b", false }, { ".", false }, { "..", false },
		{ "./a", false }, { "../a", false }, { "a/.", false },
		{ "a/..", false }, { "a/./b", false }, { "a/../b", false },
		{ "a/../../b", false }, { " ", false }, { "a ", false },
	};
	char name[VMSHM_NAME_MAX + 1];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		EXPECT_EQ(names[i].good ? 0 : -EINVAL,
			  try(self->dev, vt_name(name, names[i].name))) {
			TH_LOG("'%s'", names[i].name);
		}
	}
	/* A domain alone is a name, too. */
	snprintf(name, sizeof(name), "test-%d", getpid());
	EXPECT_EQ(0, try(self->dev, name));
	EXPECT_EQ(-EINVAL, try(self->dev, ""));
	EXPECT_EQ(-EINVAL, try(self->dev, "."));
	EXPECT_EQ(-EINVAL, try(self->dev, ".."));
	EXPECT_EQ(-EINVAL, try(self->dev, "/"));
	snprintf(name, sizeof(name), "/test-%d", getpid());
	EXPECT_EQ(-EINVAL, try(self->dev, name));
	snprintf(name, sizeof(name), "./test-%d", getpid());
	EXPECT_EQ(-EINVAL, try(self->dev, name));
}

TEST_F(names, lengths)
{
	size_t start = strlen(self->prefix), len;
	char name[VMSHM_NAME_MAX + 2];
	struct vmshm_stat stat;
	int fd;

	for (len = start + 1; len <= VMSHM_NAME_MAX; len++) {
		memcpy(name, self->prefix, start);
		memset(name + start, 'a' + len % 26, len - start);
		name[len] = '\0';
		fd = vt_create(self->dev, name, 0, 0, 0, 0600);
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, vt_stat(fd, &stat));
		EXPECT_STREQ(name, (char *)stat.out_name);
		close(fd);
		fd = vt_open(self->dev, name, 0);
		EXPECT_LE(0, fd);
		close(fd);
	}
	EXPECT_EQ(VMSHM_NAME_MAX - (int)start,
		  vt_list(self->dev, self->prefix, 0, NULL, 0));
	/* There is no room for the NUL. */
	memset(name + start, 'a', sizeof(name) - start);
	EXPECT_EQ(-EINVAL, try(self->dev, name));
	memset(name, 'a', sizeof(name));
	EXPECT_EQ(-EINVAL, try(self->dev, name));

	/* The shortest. */
	fd = vt_create(self->dev, "z", 0, 0, VMSHM_EPHEMERAL, 0600);
	ASSERT_LE(0, fd);
	close(fd);
	/* A component of 255 bytes. */
	memset(name, 'n', VMSHM_NAME_MAX);
	name[VMSHM_NAME_MAX] = '\0';
	fd = vt_create(self->dev, name, 0, 0, VMSHM_EPHEMERAL, 0600);
	ASSERT_LE(0, fd);
	close(fd);
	/* As many components as there can be. */
	for (len = 1; len < VMSHM_NAME_MAX; len += 2)
		name[len] = '/';
	fd = vt_create(self->dev, name, 0, 0, VMSHM_EPHEMERAL, 0600);
	ASSERT_LE(0, fd);
	close(fd);
}

/* What is behind the NUL does not matter. */
TEST_F(names, garbage_behind_nul)
{
	__u8 array[VMSHM_NAME_MAX + 1];
	size_t len = strlen(self->name);
	int fd;

	memset(array, 0xff, sizeof(array));
	memcpy(array, self->name, len + 1);
	EXPECT_EQ(0, create_array(self->dev, array));
	memset(array + len + 1, '/', sizeof(array) - len - 1);
	EXPECT_EQ(-EEXIST, create_array(self->dev, array));
	fd = vt_open(self->dev, self->name, 0);
	EXPECT_LE(0, fd);
	close(fd);
}

TEST_F(names, case_and_prefix_matter)
{
	char name[VMSHM_NAME_MAX + 1];

	EXPECT_EQ(0, create_array(self->dev, (__u8 *)self->name));
	EXPECT_EQ(-ENOENT, vt_open(self->dev, vt_name(name, "Region"), 0));
	EXPECT_EQ(-ENOENT, vt_open(self->dev, vt_name(name, "regio"), 0));
	EXPECT_EQ(-ENOENT, vt_open(self->dev, vt_name(name, "regions"), 0));
	EXPECT_EQ(-ENOENT, vt_open(self->dev, vt_name(name, "region/a"), 0));
	/* Names are no directories: one can be below another. */
	EXPECT_EQ(0, try(self->dev, vt_name(name, "region/a")));
}

TEST_F(names, one_region)
{
	struct vmshm_stat first, second;
	int fd, other;

	EXPECT_EQ(-ENOENT, vt_open(self->dev, self->name, 0));
	EXPECT_EQ(-ENOENT, vt_unlink(self->dev, self->name));
	fd = vt_create(self->dev, self->name, 4096, 0, 0, 0600);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EEXIST, vt_create(self->dev, self->name, 4096, 0, 0, 0600));
	EXPECT_EQ(-EEXIST, vt_create(self->dev, self->name, 0, 0,
				     VMSHM_EPHEMERAL, 0666));
	ASSERT_EQ(1, pwrite(fd, "1", 1, 0));
	EXPECT_EQ(0, vt_unlink(self->dev, self->name));
	EXPECT_EQ(-ENOENT, vt_unlink(self->dev, self->name));
	EXPECT_EQ(-ENOENT, vt_open(self->dev, self->name, 0));

	/* The same name, another memory. */
	other = vt_create(self->dev, self->name, 4096, 0, 0, 0600);
	ASSERT_LE(0, other);
	ASSERT_EQ(1, pwrite(other, "2", 1, 0));
	ASSERT_EQ(0, vt_stat(fd, &first));
	ASSERT_EQ(0, vt_stat(other, &second));
	EXPECT_EQ(0, first.out_linked);
	EXPECT_EQ(1, second.out_linked);
	EXPECT_STREQ(self->name, (char *)first.out_name);
	EXPECT_LT(first.out_generation, second.out_generation);
	EXPECT_NE(first.out_ino, second.out_ino);
	close(fd);
	/* The end of the first is nothing to the second. */
	fd = vt_open(self->dev, self->name, 0);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, vt_stat(fd, &first));
	EXPECT_EQ(second.out_generation, first.out_generation);
	close(fd);
	close(other);
}

static int open_or_create(int dev, const char *name, __u64 size, __u64 max_size,
			  __u32 mode, struct vmshm_create *arg)
{
	*arg = (struct vmshm_create){
		.size = sizeof(*arg),
		.flags = VMSHM_OPEN_EXISTING,
		.region_size = size,
		.max_size = max_size,
		.mode = mode,
	};
	memcpy(arg->name, name, strlen(name));
	return vt_ioctl(dev, VMSHM_IOC_CREATE, arg);
}

/* It is opened as it is, not made what this caller would have made. */
TEST_F(names, open_existing_changes_nothing)
{
	static const __u64 sizes[] = { 0, 1, 4096, 8192, 16384, 1 << 20 };
	struct vmshm_stat before, after;
	struct vmshm_create arg;
	size_t i;
	char c;
	int fd;

	fd = vt_create(self->dev, self->name, 8192, 16384,
		       VMSHM_SHRINKABLE | VMSHM_NO_PUNCH, 0640);
	ASSERT_LE(0, fd);
	ASSERT_EQ(1, pwrite(fd, "x", 1, 8191));
	ASSERT_EQ(0, vt_stat(fd, &before));
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		ASSERT_EQ(0, open_or_create(self->dev, self->name, sizes[i],
					    1 << 20, 0606, &arg));
		EXPECT_EQ(0, arg.out_created);
		EXPECT_EQ(before.out_generation, arg.out_generation);
		ASSERT_EQ(0, vt_stat(arg.out_fd, &after));
		EXPECT_EQ(before.out_generation, after.out_generation);
		EXPECT_EQ(8192, after.out_region_size);
		EXPECT_EQ(16384, after.out_max_size);
		EXPECT_EQ(0640, after.out_mode);
		EXPECT_EQ(VMSHM_SHRINKABLE | VMSHM_NO_PUNCH, after.out_flags);
		EXPECT_EQ(1, pread(arg.out_fd, &c, 1, 8191));
		EXPECT_EQ('x', c);
		/* For writing, too. */
		EXPECT_EQ(1, pwrite(arg.out_fd, "x", 1, 0));
		close(arg.out_fd);
	}
	ASSERT_EQ(0, vt_unlink(self->dev, self->name));
	ASSERT_EQ(0, open_or_create(self->dev, self->name, 4096, 0, 0606,
				    &arg));
	EXPECT_EQ(1, arg.out_created);
	EXPECT_LT(before.out_generation, arg.out_generation);
	close(arg.out_fd);
	close(fd);
}

TEST_F(names, ephemeral)
{
	int fd, other;
	char *map;

	fd = vt_create(self->dev, self->name, 4096, 0, VMSHM_EPHEMERAL, 0600);
	ASSERT_LE(0, fd);
	other = vt_open(self->dev, self->name, 0);
	ASSERT_LE(0, other);
	close(fd);
	fd = vt_open(self->dev, self->name, VMSHM_OPEN_RDONLY);
	ASSERT_LE(0, fd);
	close(other);
	/* A mapping keeps it as well. */
	map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	ASSERT_NE(MAP_FAILED, map);
	close(fd);
	EXPECT_EQ(-EEXIST, vt_create(self->dev, self->name, 0, 0, 0, 0600));
	munmap(map, 4096);
	EXPECT_EQ(-ENOENT, vt_open(self->dev, self->name, 0));

	/* Nor is it in the way of a new one that was unlinked before. */
	fd = vt_create(self->dev, self->name, 0, 0, VMSHM_EPHEMERAL, 0600);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, vt_unlink(self->dev, self->name));
	other = vt_create(self->dev, self->name, 0, 0, 0, 0600);
	ASSERT_LE(0, other);
	close(fd);
	close(other);
	EXPECT_EQ(0, vt_unlink(self->dev, self->name));
}

TEST_F(names, generations_increase)
{
	struct vmshm_stat stat;
	__u64 last = 0;
	int i, fd;

	for (i = 0; i < 100; i++) {
		fd = vt_create(self->dev, self->name, 0, 0,
			       i & 1 ? VMSHM_EPHEMERAL : 0, 0600);
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, vt_stat(fd, &stat));
		EXPECT_LT(last, stat.out_generation);
		last = stat.out_generation;
		close(fd);
		vt_unlink(self->dev, self->name);
	}
}

/* Races. */

#define RACERS		4
#define ROUNDS		200
#define STORM		400
#define RACE_SIZE	(3 * 4096)
#define RACE_MAX	(5 * 4096)
#define RACE_MODE	0620

struct race {
	pthread_barrier_t barrier;
	int winners[ROUNDS];
	__u64 generations[ROUNDS][RACERS];
	__u64 created[RACERS * STORM];
	int nr_created;
	char name[VMSHM_NAME_MAX + 1];
};

static struct race *race_new(const char *name)
{
	pthread_barrierattr_t attr;
	struct race *race;

	race = mmap(NULL, sizeof(*race), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (race == MAP_FAILED)
		return NULL;
	pthread_barrierattr_init(&attr);
	pthread_barrierattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	if (pthread_barrier_init(&race->barrier, &attr, RACERS))
		return NULL;
	strcpy(race->name, name);
	return race;
}

/* Whoever has the region finds all of it. */
static void check_complete(int fd)
{
	struct vmshm_stat stat;
	struct stat st;
	char c;

	VT_CHECK(vt_stat(fd, &stat) == 0);
	VT_CHECK(stat.out_generation != 0);
	VT_CHECK(stat.out_region_size == RACE_SIZE);
	VT_CHECK(stat.out_max_size == RACE_MAX);
	VT_CHECK(stat.out_mode == RACE_MODE);
	VT_CHECK(stat.out_seq != 0 || !stat.out_linked);
	VT_CHECK(fstat(fd, &st) == 0);
	VT_CHECK(st.st_size == RACE_SIZE);
	VT_CHECK(st.st_ino == stat.out_ino);
	VT_CHECK(pread(fd, &c, 1, RACE_SIZE - 1) == 1 && c == 0);
}

/* Runs @racer RACERS times at once. Returns whether all were content. */
static bool race_run(struct race *race,
		     void (*racer)(struct race *race, int dev, int me))
{
	struct vt_child children[RACERS];
	bool good = true;
	int i;

	for (i = 0; i < RACERS; i++) {
		if (vt_fork(&children[i]) == 0) {
			int dev = vt_device();

			VT_CHECK(dev >= 0);
			racer(race, dev, i);
			_exit(0);
		}
	}
	for (i = 0; i < RACERS; i++) {
		/* The others would wait for one that gave up. */
		if (vt_wait(&children[i])) {
			good = false;
			for (i = i + 1; i < RACERS; i++)
				vt_kill(&children[i]);
		}
	}
	return good;
}

static void racer_create(struct race *race, int dev, int me)
{
	struct vmshm_stat stat;
	int round, fd;

	for (round = 0; round < ROUNDS; round++) {
		pthread_barrier_wait(&race->barrier);
		fd = vt_create(dev, race->name, RACE_SIZE, RACE_MAX,
			       round & 1 ? VMSHM_EPHEMERAL : 0, RACE_MODE);
		VT_CHECK(fd >= 0 || fd == -EEXIST);
		if (fd >= 0)
			__atomic_add_fetch(&race->winners[round], 1,
					   __ATOMIC_RELAXED);
		pthread_barrier_wait(&race->barrier);
		/* It is there for all, and the same. */
		if (fd < 0)
			fd = vt_open(dev, race->name, 0);
		VT_CHECK(fd >= 0);
		check_complete(fd);
		VT_CHECK(vt_stat(fd, &stat) == 0);
		race->generations[round][me] = stat.out_generation;
		pthread_barrier_wait(&race->barrier);
		close(fd);
		/* All unlink it, and one does. */
		fd = vt_unlink(dev, race->name);
		VT_CHECK(fd == 0 || fd == -ENOENT);
		pthread_barrier_wait(&race->barrier);
		VT_CHECK(vt_open(dev, race->name, 0) == -ENOENT);
	}
}

static void racer_open_or_create(struct race *race, int dev, int me)
{
	struct vmshm_create arg;
	int round, ret;

	for (round = 0; round < ROUNDS; round++) {
		pthread_barrier_wait(&race->barrier);
		ret = open_or_create(dev, race->name, RACE_SIZE, RACE_MAX,
				     RACE_MODE, &arg);
		errno = -ret;
		VT_CHECK(ret == 0);
		check_complete(arg.out_fd);
		if (arg.out_created)
			__atomic_add_fetch(&race->winners[round], 1,
					   __ATOMIC_RELAXED);
		race->generations[round][me] = arg.out_generation;
		pthread_barrier_wait(&race->barrier);
		close(arg.out_fd);
		if (me == round % RACERS)
			VT_CHECK(vt_unlink(dev, race->name) == 0);
	}
}

static void check_race(struct __test_metadata *_metadata,
		       const struct race *race)
{
	__u64 last = 0;
	int round, i;

	for (round = 0; round < ROUNDS; round++) {
		ASSERT_EQ(1, race->winners[round]);
		for (i = 1; i < RACERS; i++)
			ASSERT_EQ(race->generations[round][0],
				  race->generations[round][i]);
		ASSERT_LT(last, race->generations[round][0]);
		last = race->generations[round][0];
	}
}

TEST_F(names, race_create)
{
	struct race *race = race_new(self->name);

	ASSERT_NE(NULL, race);
	ASSERT_TRUE(race_run(race, racer_create));
	check_race(_metadata, race);
}

TEST_F(names, race_open_or_create)
{
	struct race *race = race_new(self->name);

	ASSERT_NE(NULL, race);
	ASSERT_TRUE(race_run(race, racer_open_or_create));
	check_race(_metadata, race);
}

/* Without waiting for each other: all that can meet does. */
static void racer_storm(struct race *race, int dev, int me)
{
	unsigned int seed = me + 1;
	struct vmshm_create arg;
	__u64 last = 0;
	int i, ret;

	pthread_barrier_wait(&race->barrier);
	for (i = 0; i < STORM; i++) {
		arg = (struct vmshm_create){
			.size = sizeof(arg),
			.region_size = RACE_SIZE,
			.max_size = RACE_MAX,
			.mode = RACE_MODE,
			.out_fd = 0,
		};
		memcpy(arg.name, race->name, sizeof(arg.name));
		if (rand_r(&seed) & 1)
			arg.flags |= VMSHM_EPHEMERAL;
		switch (rand_r(&seed) % 5) {
		case 0:
			ret = vt_ioctl(dev, VMSHM_IOC_CREATE, &arg);
			errno = -ret;
			VT_CHECK(ret == 0 || ret == -EEXIST);
			VT_CHECK(ret || arg.out_created == 1);
			break;
		case 1:
		case 2:
			arg.flags |= VMSHM_OPEN_EXISTING;
			ret = vt_ioctl(dev, VMSHM_IOC_CREATE, &arg);
			errno = -ret;
			VT_CHECK(ret == 0);
			break;
		case 3:
			ret = vt_open(dev, race->name, 0);
			errno = -ret;
			VT_CHECK(ret >= 0 || ret == -ENOENT);
			if (ret >= 0) {
				check_complete(ret);
				close(ret);
			}
			continue;
		default:
			ret = vt_unlink(dev, race->name);
			errno = -ret;
			VT_CHECK(ret == 0 || ret == -ENOENT);
			continue;
		}
		if (ret)
			continue;
		check_complete(arg.out_fd);
		close(arg.out_fd);
		if (!arg.out_created)
			continue;
		VT_CHECK(arg.out_generation > last);
		last = arg.out_generation;
		ret = __atomic_fetch_add(&race->nr_created, 1,
					 __ATOMIC_RELAXED);
		race->created[ret] = arg.out_generation;
	}
}

static int compare(const void *a, const void *b)
{
	__u64 x = *(const __u64 *)a, y = *(const __u64 *)b;

	return x < y ? -1 : x > y;
}

TEST_F(names, race_storm)
{
	struct race *race = race_new(self->name);
	struct vmshm_info before, after;
	int i;

	ASSERT_NE(NULL, race);
	ASSERT_EQ(0, vt_info(self->dev, &before));
	ASSERT_TRUE(race_run(race, racer_storm));
	/* It was worth it. */
	EXPECT_LT(RACERS * 10, race->nr_created);
	qsort(race->created, race->nr_created, sizeof(race->created[0]),
	      compare);
	for (i = 1; i < race->nr_created; i++)
		ASSERT_NE(race->created[i - 1], race->created[i]);
	vt_unlink(self->dev, self->name);
	ASSERT_EQ(0, vt_info(self->dev, &after));
	EXPECT_EQ(before.out_regions_used, after.out_regions_used);
	EXPECT_EQ(before.out_meta_used, after.out_meta_used);
}

TEST_HARNESS_MAIN
