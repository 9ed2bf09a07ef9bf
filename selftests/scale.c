// SPDX-License-Identifier: GPL-2.0
/*
 * Many names: what creating, opening, unlinking and listing cost must not
 * follow the number of names there are, and neither must what each name costs
 * in a listing of a directory. Costs are compared within one run; figures are
 * printed, not judged, but for a factor that only a search from one end to the
 * other exceeds.
 *
 * VMSHM_SCALE: number of names, 20000 by default. The long form is 100000:
 *
 *	selftests/vm/vm-run --module build/6.1/vmshm.ko --env VMSHM_SCALE=100000 \
 *		-- build/selftests/scale
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <stdlib.h>
#include <time.h>

#include "lib/harness.h"
#include "lib/vmshm_env.h"
#include "lib/vmshm_mount.h"

#define FEW		10
#define SAMPLES		200
#define FACTOR		8

enum { CREATE, OPEN, UNLINK, MISS, PAGE, NR_COSTS };

static const char *const cost_names[NR_COSTS] = {
	"create", "open", "unlink", "open (ENOENT)", "list a page",
};

struct cost {
	__u64 median[NR_COSTS];	/* ns */
	__u64 directory;	/* ns for each name */
};

FIXTURE(scale) {
	int dev;
	unsigned int many;
	long long regions_user;
	long long meta_user_kb;
	char prefix[VMSHM_NAME_MAX + 1];
};

FIXTURE_SETUP(scale)
{
	const char *env = getenv("VMSHM_SCALE");

	self->many = env ? atoi(env) : 20000;
	ASSERT_LT(1000, self->many);
	self->dev = vt_device();
	ASSERT_LE(0, self->dev);
	ASSERT_EQ(0, vt_mount(0));
	vt_name(self->prefix, "");
	self->regions_user = vt_param_get("regions_user");
	self->meta_user_kb = vt_param_get("meta_user_kb");
	ASSERT_EQ(0, vt_param_set("regions_user", self->many + 100));
	ASSERT_EQ(0, vt_param_set("meta_user_kb", self->many * 8ULL));
}

FIXTURE_TEARDOWN(scale)
{
	EXPECT_LE(0, vt_unlink_all(self->dev, self->prefix));
	EXPECT_EQ(0, vt_param_set("regions_user", self->regions_user));
	EXPECT_EQ(0, vt_param_set("meta_user_kb", self->meta_user_kb));
	close(self->dev);
}

static __u64 now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* Names that are alike at the beginning, as those of real devices are. */
static const char *number(char name[VMSHM_NAME_MAX + 1], unsigned int i)
{
	char text[64];

	snprintf(text, sizeof(text), "machine/device-%06u/memory", i);
	return vt_name(name, text);
}

static int create(int dev, const char *name)
{
	int fd = vt_create(dev, name, 4096, 0, 0, 0600);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

static int compare(const void *a, const void *b)
{
	__u64 x = *(const __u64 *)a, y = *(const __u64 *)b;

	return x < y ? -1 : x > y;
}

static __u64 median(__u64 samples[SAMPLES])
{
	qsort(samples, SAMPLES, sizeof(samples[0]), compare);
	return samples[SAMPLES / 2];
}

/* Measures with @n names there. */
static void measure(struct __test_metadata *_metadata,
		    int dev, const char *prefix, unsigned int n,
		    struct cost *cost)
{
	static __u64 samples[NR_COSTS][SAMPLES];
	static struct vmshm_stat stats[8];
	char name[VMSHM_NAME_MAX + 1];
	struct vmshm_list list;
	unsigned int i, seed = 1;
	__u64 start;
	int c, fd;

	for (i = 0; i < SAMPLES; i++) {
		unsigned int at = rand_r(&seed) % n;

		/* Somewhere between the others. */
		number(name, at);
		strcat(name, "-new");
		start = now();
		fd = vt_create(dev, name, 4096, 0, 0, 0600);
		samples[CREATE][i] = now() - start;
		ASSERT_LE(0, fd);
		close(fd);
		start = now();
		fd = vt_open(dev, name, 0);
		samples[OPEN][i] = now() - start;
		ASSERT_LE(0, fd);
		close(fd);
		start = now();
		ASSERT_EQ(0, vt_unlink(dev, name));
		samples[UNLINK][i] = now() - start;
		start = now();
		fd = vt_open(dev, name, 0);
		samples[MISS][i] = now() - start;
		ASSERT_EQ(-ENOENT, fd);

		memset(&list, 0, sizeof(list));
		list.size = sizeof(list);
		list.entries = (uintptr_t)stats;
		list.entry_size = sizeof(stats[0]);
		list.count = ARRAY_SIZE(stats);
		strcpy((char *)list.prefix, prefix);
		/* Not in the last page, which is shorter. */
		number(name, at % (n - FEW + 2));
		memcpy(list.after, name, sizeof(list.after));
		start = now();
		ASSERT_EQ(0, vt_ioctl(dev, VMSHM_IOC_LIST, &list));
		samples[PAGE][i] = now() - start;
	}
	for (c = 0; c < NR_COSTS; c++)
		cost->median[c] = median(samples[c]);
}

/*
 * Lists the directory that has a directory for each of the first @n names, each
 * of them once and in order. Returns what one costs, the shortest time of
 * several.
 */
static __u64 list_directory(struct __test_metadata *_metadata, unsigned int n)
{
	char name[VMSHM_NAME_MAX + 1], path[PATH_MAX];
	__u64 start, took, best = -1;
	struct dirent *entry;
	unsigned int i, k;
	DIR *dir;

	vt_path(path, vt_name(name, "machine"));
	for (k = 0; k < 3; k++) {
		start = now();
		dir = opendir(path);
		ASSERT_NE(NULL, dir);
		for (i = 0; (entry = readdir(dir)); ) {
			if (entry->d_name[0] == '.')
				continue;
			ASSERT_EQ(DT_DIR, entry->d_type);
			ASSERT_EQ(i, (unsigned int)atoi(entry->d_name +
							strlen("device-")));
			i++;
		}
		closedir(dir);
		took = now() - start;
		ASSERT_EQ(n, i);
		if (took < best)
			best = took;
	}
	return best / n;
}

TEST_F_TIMEOUT(scale, cost, 600)
{
	const unsigned int sizes[] = { FEW, 1000, self->many };
	char name[VMSHM_NAME_MAX + 1];
	struct vmshm_info before, info;
	struct cost costs[3] = { 0 };
	unsigned int i, s, n = 0;
	__u64 start, took;
	int c;

	ASSERT_EQ(0, vt_info(self->dev, &before));
	for (s = 0; s < ARRAY_SIZE(sizes); s++) {
		start = now();
		i = n;
		for (; n < sizes[s]; n++)
			ASSERT_EQ(0, create(self->dev, number(name, n))) {
				TH_LOG("%u names", n);
			}
		took = now() - start;
		TH_LOG("%u names: %llu us for each new one", n,
		       (unsigned long long)(took / (n - i) / 1000));
		measure(_metadata, self->dev, self->prefix, n,
			&costs[s]);
		costs[s].directory = list_directory(_metadata, n);
	}
	for (c = 0; c < NR_COSTS; c++)
		TH_LOG("%-14s %7.1f us with %u names, %7.1f with %u, %7.1f with %u",
		       cost_names[c], costs[0].median[c] / 1e3, sizes[0],
		       costs[1].median[c] / 1e3, sizes[1],
		       costs[2].median[c] / 1e3, sizes[2]);
	for (c = 0; c < NR_COSTS; c++) {
		EXPECT_LE(costs[1].median[c], FACTOR * costs[0].median[c]) {
			TH_LOG("%s", cost_names[c]);
		}
		EXPECT_LE(costs[2].median[c], FACTOR * costs[0].median[c]) {
			TH_LOG("%s", cost_names[c]);
		}
	}
	TH_LOG("each name of a directory: %llu ns of %u, %llu of %u",
	       (unsigned long long)costs[1].directory, sizes[1],
	       (unsigned long long)costs[2].directory, sizes[2]);
	EXPECT_LE(costs[2].directory, FACTOR * costs[1].directory);

	/* All there, and all gone in the end. */
	ASSERT_EQ(0, vt_info(self->dev, &info));
	EXPECT_EQ(before.out_regions_used + n, info.out_regions_used);
	start = now();
	EXPECT_EQ((int)n, vt_list(self->dev, self->prefix, 0, NULL, 0));
	TH_LOG("listing all: %llu ms",
	       (unsigned long long)((now() - start) / 1000000));
	start = now();
	EXPECT_EQ((int)n, vt_unlink_all(self->dev, self->prefix));
	TH_LOG("unlinking all: %llu ms",
	       (unsigned long long)((now() - start) / 1000000));
	ASSERT_EQ(0, vt_info(self->dev, &info));
	EXPECT_EQ(before.out_regions_used, info.out_regions_used);
	EXPECT_EQ(before.out_meta_used, info.out_meta_used);
}

/*
 * Many open files of one region, and one after the other closed: in the order
 * they were opened, and in the other one.
 */
TEST_F(scale, opens)
{
	static int fd[900];
	char name[VMSHM_NAME_MAX + 1];
	__u64 start, first, last;
	unsigned int i, half = ARRAY_SIZE(fd) / 2;

	ASSERT_EQ(0, create(self->dev, number(name, 0)));
	start = now();
	for (i = 0; i < half; i++) {
		fd[i] = vt_open(self->dev, name, 0);
		ASSERT_LE(0, fd[i]);
	}
	first = now() - start;
	start = now();
	for (; i < ARRAY_SIZE(fd); i++) {
		fd[i] = vt_open(self->dev, name, 0);
		ASSERT_LE(0, fd[i]);
	}
	last = now() - start;
	TH_LOG("the first %u opens: %llu us, the next: %llu us", half,
	       (unsigned long long)(first / 1000),
	       (unsigned long long)(last / 1000));
	EXPECT_LE(last, FACTOR * first);
	for (i = 0; i < half; i++)
		close(fd[i]);
	for (i = ARRAY_SIZE(fd); i-- > half; )
		close(fd[i]);
}

TEST_HARNESS_MAIN
