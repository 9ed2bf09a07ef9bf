// SPDX-License-Identifier: GPL-2.0
/*
 * Limits: each parameter of the module, what is refused because of it and with
 * which error, what is not, and that everything is given back.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>

#include <linux/capability.h>

#include "lib/harness.h"
#include "lib/vmshm_env.h"
#include "lib/vmshm_mem.h"

#define MIB		((long)VT_MIB)
#define LIMIT		(4 * MIB)

static const char *const params[] = {
	"bytes_total_mb", "bytes_user_mb", "regions_user", "meta_user_kb",
	"watches_user", "event_queue_len", "logs_region", "peers_user",
	"bindings_region",
};

#define NR_PARAMS	ARRAY_SIZE(params)

FIXTURE(limits) {
	int dev;
	long page;
	long long saved[NR_PARAMS];
	char prefix[VMSHM_NAME_MAX + 1];
	char name[VMSHM_NAME_MAX + 1];
	char other[VMSHM_NAME_MAX + 1];
};

/* What a user has, as that user is told. */
static struct vmshm_info info_of(int dev, uid_t uid)
{
	struct vmshm_info info = { 0 };
	uid_t me = geteuid();

	if (vt_act_as(uid, uid) || vt_info(dev, &info) || vt_act_as(me, me))
		info.out_bytes_used = ~0ULL;
	return info;
}

static void expect_nothing(struct __test_metadata *_metadata, int dev,
			   uid_t uid)
{
	struct vmshm_info info = info_of(dev, uid);

	EXPECT_EQ(0, info.out_bytes_used);
	EXPECT_EQ(0, info.out_regions_used);
	EXPECT_EQ(0, info.out_meta_used);
}

FIXTURE_SETUP(limits)
{
	size_t i;

	self->page = sysconf(_SC_PAGESIZE);
	self->dev = vt_device();
	ASSERT_LE(0, self->dev);
	for (i = 0; i < NR_PARAMS; i++) {
		self->saved[i] = vt_param_get(params[i]);
		ASSERT_LE(0, self->saved[i]);
	}
	vt_name(self->prefix, "");
	vt_name(self->name, "region");
	vt_name(self->other, "other");
	expect_nothing(_metadata, self->dev, VT_ALICE);
	expect_nothing(_metadata, self->dev, VT_BOB);
	ASSERT_EQ(0, vt_act_as(VT_ALICE, VT_ALICE));
}

/* Tests close and unmap what they use; everything is given back then. */
FIXTURE_TEARDOWN(limits)
{
	size_t i;

	EXPECT_EQ(0, vt_act_as_root());
	for (i = 0; i < NR_PARAMS; i++)
		EXPECT_EQ(0, vt_param_set(params[i], self->saved[i]));
	EXPECT_LE(0, vt_unlink_all(self->dev, self->prefix));
	expect_nothing(_metadata, self->dev, VT_ALICE);
	expect_nothing(_metadata, self->dev, VT_BOB);
	close(self->dev);
}

static int set_param(const char *name, unsigned long long value)
{
	uid_t me = geteuid();
	int ret = vt_act_as_root();

	if (!ret)
		ret = vt_param_set(name, value);
	if (me && vt_act_as(me, me))
		return -EPERM;
	return ret;
}

static __u64 bytes_used(int dev)
{
	struct vmshm_info info;

	return vt_info(dev, &info) ? ~0ULL : info.out_bytes_used;
}

static __u64 allocated(int fd)
{
	struct vmshm_stat stat;

	return vt_stat(fd, &stat) ? ~0ULL : stat.out_allocated;
}

/* Touches page after page, until that fails. Returns how many it could. */
static long touch_all(char *map, long length)
{
	long page = sysconf(_SC_PAGESIZE);
	long at;

	for (at = 0; at < length; at += page)
		if (vt_poke(map + at, 1))
			break;
	return at / page;
}

/* What GET_INFO says is what the parameters say. */
TEST_F(limits, told)
{
	struct vmshm_info info;
	struct sysinfo si;

	ASSERT_EQ(0, set_param("bytes_total_mb", 300));
	ASSERT_EQ(0, set_param("bytes_user_mb", 7));
	ASSERT_EQ(0, set_param("regions_user", 11));
	ASSERT_EQ(0, set_param("meta_user_kb", 13));
	ASSERT_EQ(0, set_param("watches_user", 17));
	ASSERT_EQ(0, set_param("event_queue_len", 19));
	ASSERT_EQ(0, set_param("peers_user", 23));
	ASSERT_EQ(0, vt_info(self->dev, &info));
	EXPECT_EQ(300 * MIB, info.out_bytes_total);
	EXPECT_EQ(7 * MIB, info.out_bytes_user);
	EXPECT_EQ(11, info.out_regions_user);
	EXPECT_EQ(13 * 1024, info.out_meta_user);
	EXPECT_EQ(17, info.out_watches_user);
	EXPECT_EQ(19, info.out_events);
	EXPECT_EQ(23, info.out_peers_user);

	/* 0 is half of the memory there is. */
	ASSERT_EQ(0, set_param("bytes_total_mb", 0));
	ASSERT_EQ(0, set_param("bytes_user_mb", 0));
	ASSERT_EQ(0, sysinfo(&si));
	ASSERT_EQ(0, vt_info(self->dev, &info));
	EXPECT_EQ(si.totalram / self->page / 2 * self->page,
		  info.out_bytes_total);
	EXPECT_EQ(info.out_bytes_total, info.out_bytes_user);

	/* As good as none: nothing overflows. */
	ASSERT_EQ(0, set_param("bytes_total_mb", ~0ULL));
	ASSERT_EQ(0, set_param("bytes_user_mb", 1ULL << 44));
	ASSERT_EQ(0, set_param("meta_user_kb", ~0ULL));
	ASSERT_EQ(0, vt_info(self->dev, &info));
	EXPECT_LT(1ULL << 62, info.out_bytes_total);
	EXPECT_LT(1ULL << 62, info.out_bytes_user);
	EXPECT_LT(1ULL << 62, info.out_meta_user);
}

TEST_F(limits, values)
{
	char path[128];
	size_t i;

	ASSERT_EQ(0, vt_act_as_root());
	EXPECT_EQ(-EINVAL, vt_param_set("event_queue_len", 7));
	EXPECT_EQ(-EINVAL, vt_param_set("event_queue_len", 65537));
	EXPECT_EQ(0, vt_param_set("event_queue_len", 8));
	EXPECT_EQ(0, vt_param_set("event_queue_len", 65536));
	/* Users read them. */
	ASSERT_EQ(0, vt_act_as(VT_ALICE, VT_ALICE));
	for (i = 0; i < NR_PARAMS; i++) {
		snprintf(path, sizeof(path), "/sys/module/vmshm/parameters/%s",
			 params[i]);
		EXPECT_LE(0, vt_param_get(params[i]));
		EXPECT_EQ(-1, open(path, O_WRONLY | O_CLOEXEC));
		EXPECT_EQ(EACCES, errno);
	}
}

TEST_F(limits, bytes_user_pwrite)
{
	char *buf = calloc(1, 2 * LIMIT);
	int fd;

	ASSERT_NE(NULL, buf);
	ASSERT_EQ(0, set_param("bytes_user_mb", LIMIT / MIB));
	fd = vt_region(self->dev, "region", 2 * LIMIT, 0, 0);
	ASSERT_LE(0, fd);
	/* As much as there may be, then nothing. */
	EXPECT_EQ(LIMIT, pwrite(fd, buf, 2 * LIMIT, 0));
	EXPECT_EQ(-1, pwrite(fd, buf, 1, LIMIT));
	EXPECT_EQ(EDQUOT, errno);
	EXPECT_EQ(-1, pwrite(fd, buf, self->page, 2 * LIMIT - self->page));
	EXPECT_EQ(EDQUOT, errno);
	EXPECT_EQ(LIMIT, bytes_used(self->dev));
	EXPECT_EQ(LIMIT, allocated(fd));

	/* Holes can be read, that takes no memory. */
	EXPECT_EQ(1, pread(fd, buf, 1, LIMIT));

	/* What is given back can be used again. */
	EXPECT_EQ(0, fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			       0, MIB));
	EXPECT_EQ(LIMIT - MIB, bytes_used(self->dev));
	EXPECT_EQ(MIB, pwrite(fd, buf, 2 * MIB, LIMIT));
	EXPECT_EQ(LIMIT, allocated(fd));
	close(fd);
	EXPECT_EQ(0, bytes_used(self->dev));
	free(buf);
}

/* Who has reached the limit goes on using what there is. */
TEST_F(limits, bytes_user_existing_pages)
{
	char *buf = calloc(1, LIMIT), *map;
	long at;
	int fd;

	ASSERT_NE(NULL, buf);
	ASSERT_EQ(0, set_param("bytes_user_mb", LIMIT / MIB));
	fd = vt_region(self->dev, "region", 2 * LIMIT, 0, 0);
	ASSERT_LE(0, fd);
	ASSERT_EQ(LIMIT, pwrite(fd, buf, LIMIT, 0));
	map = mmap(NULL, 2 * LIMIT, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ASSERT_NE(MAP_FAILED, map);
	for (at = 0; at < LIMIT; at += 61 * self->page) {
		ASSERT_EQ(0, vt_poke(map + at, 1)) {
			TH_LOG("a page that exists, at %ld", at);
		}
	}
	EXPECT_EQ(-SIGBUS, vt_poke(map + LIMIT, 1));
	ASSERT_EQ(1, pwrite(fd, "x", 1, 0));
	EXPECT_EQ(MIB, pwrite(fd, buf, MIB, MIB));
	EXPECT_EQ(0, fallocate(fd, 0, 0, LIMIT));
	EXPECT_EQ(LIMIT, allocated(fd));
	munmap(map, 2 * LIMIT);
	close(fd);
	free(buf);
}

TEST_F(limits, bytes_user_fallocate)
{
	int fd;

	ASSERT_EQ(0, set_param("bytes_user_mb", LIMIT / MIB));
	fd = vt_region(self->dev, "region", 2 * LIMIT, 0, 0);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-1, fallocate(fd, 0, 0, LIMIT + self->page));
	EXPECT_EQ(EDQUOT, errno);
	EXPECT_EQ(-1, fallocate(fd, 0, 0, 2 * LIMIT));
	EXPECT_EQ(EDQUOT, errno);
	/* All or nothing. */
	EXPECT_EQ(0, allocated(fd));
	EXPECT_EQ(0, bytes_used(self->dev));
	EXPECT_EQ(0, fallocate(fd, 0, LIMIT, LIMIT));
	EXPECT_EQ(LIMIT, allocated(fd));
	EXPECT_EQ(LIMIT, bytes_used(self->dev));
	EXPECT_EQ(-1, fallocate(fd, 0, 0, 1));
	EXPECT_EQ(EDQUOT, errno);
	close(fd);
}

TEST_F(limits, bytes_user_reserve)
{
	const __u32 flags[] = { VMSHM_RESERVE, VMSHM_PINNABLE };
	struct vmshm_info before, after;
	size_t i;
	int fd;

	ASSERT_EQ(0, set_param("bytes_user_mb", LIMIT / MIB));
	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		ASSERT_EQ(0, vt_info(self->dev, &before));
		EXPECT_EQ(-EDQUOT, vt_region(self->dev, "region", LIMIT + 1,
					     0, flags[i]));
		EXPECT_EQ(-EDQUOT, vt_region(self->dev, "region",
					     before.out_max_size, 0, flags[i]));
		EXPECT_EQ(-ENOENT, vt_open(self->dev, self->name, 0));
		ASSERT_EQ(0, vt_info(self->dev, &after));
		EXPECT_EQ(before.out_bytes_used, after.out_bytes_used);
		EXPECT_EQ(before.out_regions_used, after.out_regions_used);
		EXPECT_EQ(before.out_meta_used, after.out_meta_used);

		fd = vt_create(self->dev, self->name, MIB, 2 * LIMIT,
			       flags[i] | VMSHM_EPHEMERAL, 0600);
		ASSERT_LE(0, fd);
		EXPECT_EQ(MIB, bytes_used(self->dev));
		EXPECT_EQ(-EDQUOT, vt_resize(fd, LIMIT + 1));
		EXPECT_EQ(-1, ftruncate(fd, 2 * LIMIT));
		EXPECT_EQ(EDQUOT, errno);
		EXPECT_EQ(MIB, lseek(fd, 0, SEEK_END));
		EXPECT_EQ(MIB, bytes_used(self->dev));
		EXPECT_EQ(0, vt_resize(fd, LIMIT));
		EXPECT_EQ(LIMIT, bytes_used(self->dev));
		EXPECT_EQ(flags[i] == VMSHM_RESERVE ? LIMIT : 0,
			  allocated(fd));
		/* Shrinking gives it back. */
		EXPECT_EQ(0, vt_resize(fd, 2 * MIB));
		EXPECT_EQ(2 * MIB, bytes_used(self->dev));
		close(fd);
		EXPECT_EQ(0, bytes_used(self->dev));
	}
	/* Without the flag it is what is used that counts. */
	fd = vt_region(self->dev, "region", 100 * LIMIT, 0, 0);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, bytes_used(self->dev));
	close(fd);
}

/*
 * MADV_REMOVE asks for no lock of ours: it must not take away what a growth
 * that has not ended yet is charged.
 */
static atomic_bool punch_end;

static void *punch_thread(void *map)
{
	while (!atomic_load(&punch_end))
		madvise(map, sysconf(_SC_PAGESIZE), MADV_REMOVE);
	return NULL;
}

TEST_F(limits, bytes_user_reserve_punched)
{
	const __u64 size = 16 * MIB;
	struct vmshm_stat stat;
	pthread_t thread;
	int fd, round;
	void *map;

	for (round = 0; round < 30; round++) {
		fd = vt_create(self->dev, self->name, 2 * self->page, size,
			       VMSHM_RESERVE | VMSHM_EPHEMERAL, 0600);
		ASSERT_LE(0, fd);
		map = mmap(NULL, self->page, PROT_READ | PROT_WRITE, MAP_SHARED,
			   fd, 0);
		ASSERT_NE(MAP_FAILED, map);
		atomic_store(&punch_end, false);
		ASSERT_EQ(0, pthread_create(&thread, NULL, punch_thread, map));
		EXPECT_EQ(0, vt_resize(fd, size));
		atomic_store(&punch_end, true);
		pthread_join(thread, NULL);
		ASSERT_EQ(0, vt_stat(fd, &stat));
		EXPECT_EQ(size, stat.out_charged);
		munmap(map, self->page);
		close(fd);
	}
}

TEST_F(limits, bytes_user_fault)
{
	char *map, *private;
	int fd, zero;

	ASSERT_EQ(0, set_param("bytes_user_mb", LIMIT / MIB));
	fd = vt_region(self->dev, "region", 2 * LIMIT, 0, 0);
	ASSERT_LE(0, fd);
	map = mmap(NULL, 2 * LIMIT, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(LIMIT / self->page, touch_all(map, 2 * LIMIT));
	EXPECT_EQ(LIMIT, allocated(fd));
	EXPECT_EQ(LIMIT, bytes_used(self->dev));

	/* In a system call it is an error. */
	zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, zero);
	EXPECT_EQ(-1, read(zero, map + LIMIT, 1));
	EXPECT_EQ(EFAULT, errno);
	close(zero);
	EXPECT_EQ(-1, madvise(map + LIMIT, self->page, MADV_POPULATE_WRITE));
	EXPECT_EQ(EFAULT, errno);

	/* As is what a private mapping reads, not what it has of its own. */
	private = mmap(NULL, 2 * LIMIT, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd,
		       0);
	ASSERT_NE(MAP_FAILED, private);
	EXPECT_EQ(0, vt_poke(private, 1));
	munmap(private, 2 * LIMIT);

	/* A page more for each that goes. */
	EXPECT_EQ(0, madvise(map, self->page, MADV_REMOVE));
	EXPECT_EQ(0, vt_poke(map + LIMIT, 1));
	EXPECT_EQ(-SIGBUS, vt_poke(map, 1));
	munmap(map, 2 * LIMIT);
	close(fd);
	EXPECT_EQ(0, bytes_used(self->dev));
}

/* A huge page counts in full: one byte each in many regions is many of them. */
static void many_huge(struct __test_metadata *_metadata,
		      FIXTURE_DATA(limits) *self, __u64 region_size)
{
	struct vmshm_create arg;
	__u64 sum = 0;
	char *map;
	int i, fd[12], touched = 0;

	ASSERT_EQ(0, set_param("bytes_user_mb", LIMIT / MIB));
	for (i = 0; i < 12; i++) {
		memset(&arg, 0, sizeof(arg));
		arg.size = sizeof(arg);
		arg.flags = VMSHM_EPHEMERAL;
		arg.huge = VMSHM_HUGE_ALWAYS;
		arg.region_size = region_size;
		arg.max_size = 2 * MIB;
		snprintf((char *)arg.name, sizeof(arg.name), "%.200s-%d",
			 self->name, i);
		ASSERT_EQ(0, vt_ioctl(self->dev, VMSHM_IOC_CREATE, &arg));
		fd[i] = arg.out_fd;
		map = mmap(NULL, 2 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED,
			   fd[i], 0);
		ASSERT_NE(MAP_FAILED, map);
		touched += !vt_poke(map, 1);
		munmap(map, 2 * MIB);
	}
	for (i = 0; i < 12; i++)
		sum += allocated(fd[i]);
	EXPECT_LE(1, touched);
	EXPECT_LE(sum, LIMIT + 2 * MIB) {
		TH_LOG("%d touched, %llu MiB allocated", touched,
		       (unsigned long long)(sum / MIB));
	}
	EXPECT_LE(2 * MIB, sum);
	EXPECT_LE(sum, bytes_used(self->dev) + 2 * MIB);
	for (i = 0; i < 12; i++)
		close(fd[i]);
}

TEST_F(limits, bytes_user_huge)
{
	many_huge(_metadata, self, 2 * MIB);
}

/* Also if it reaches beyond the end of the region. */
TEST_F(limits, bytes_user_huge_small)
{
	many_huge(_metadata, self, self->page);
}

/* Pages that several processes of one user want at the same time. */
TEST_F(limits, bytes_user_race)
{
	struct vt_child children[4];
	__u64 sum = 0;
	int i, fd[4];

	ASSERT_EQ(0, set_param("bytes_user_mb", LIMIT / MIB));
	for (i = 0; i < 4; i++) {
		char name[VMSHM_NAME_MAX + 1];

		snprintf(name, sizeof(name), "%.200s-%d", self->name, i);
		fd[i] = vt_create(self->dev, name, LIMIT, 0, VMSHM_EPHEMERAL,
				  0600);
		ASSERT_LE(0, fd[i]);
	}
	for (i = 0; i < 4; i++) {
		if (vt_fork(&children[i]) == 0) {
			char *map = mmap(NULL, LIMIT, PROT_READ | PROT_WRITE,
					 MAP_SHARED, fd[i], 0);

			VT_CHECK(map != MAP_FAILED);
			touch_all(map, LIMIT);
			_exit(0);
		}
	}
	for (i = 0; i < 4; i++)
		EXPECT_EQ(0, vt_wait(&children[i]));
	for (i = 0; i < 4; i++)
		sum += allocated(fd[i]);
	EXPECT_LE(sum, LIMIT);
	EXPECT_LE(LIMIT / 2, sum);
	EXPECT_LE(bytes_used(self->dev), LIMIT);
	for (i = 0; i < 4; i++)
		close(fd[i]);
}

/* Memory of all regions, also of those that are not the caller's. */
static __u64 total_used(int dev)
{
	struct vmshm_stat stats[64];
	__u64 sum = 0;
	int n, i;

	n = vt_list(dev, "", VMSHM_LIST_ALL, stats, 64);
	if (n < 0 || n > 64)
		return ~0ULL;
	for (i = 0; i < n; i++)
		sum += stats[i].out_charged;
	return sum;
}

TEST_F(limits, bytes_total)
{
	char *buf = calloc(1, 2 * LIMIT), *map;
	long half = LIMIT / 2;
	int fd, bobs;

	ASSERT_NE(NULL, buf);
	ASSERT_EQ(0, vt_act_as_root());
	ASSERT_EQ(0, total_used(self->dev));
	ASSERT_EQ(0, vt_act_as(VT_ALICE, VT_ALICE));
	ASSERT_EQ(0, set_param("bytes_user_mb", 4 * LIMIT / MIB));
	ASSERT_EQ(0, set_param("bytes_total_mb", LIMIT / MIB));
	fd = vt_region(self->dev, "region", 2 * LIMIT, 0, 0);
	ASSERT_LE(0, fd);
	ASSERT_EQ(half, pwrite(fd, buf, half, 0));

	/* It is Bob's problem as well. */
	ASSERT_EQ(0, vt_act_as(VT_BOB, VT_BOB));
	EXPECT_EQ(-ENOSPC, vt_create(self->dev, "limits-bob", half + 1, 0,
				     VMSHM_RESERVE, 0600));
	EXPECT_EQ(-ENOSPC, vt_create(self->dev, "limits-bob", half + 1, 0,
				     VMSHM_PINNABLE, 0600));
	EXPECT_EQ(-ENOENT, vt_open(self->dev, "limits-bob", 0));
	bobs = vt_create(self->dev, "limits-bob", 2 * LIMIT, 0,
			 VMSHM_EPHEMERAL, 0600);
	ASSERT_LE(0, bobs);
	EXPECT_EQ(-1, fallocate(bobs, 0, 0, half + 1));
	EXPECT_EQ(ENOSPC, errno);
	EXPECT_EQ(0, bytes_used(self->dev));
	EXPECT_EQ(half, pwrite(bobs, buf, 2 * LIMIT, 0));
	EXPECT_EQ(-1, pwrite(bobs, buf, 1, LIMIT));
	EXPECT_EQ(ENOSPC, errno);
	map = mmap(NULL, 2 * LIMIT, PROT_READ | PROT_WRITE, MAP_SHARED, bobs,
		   0);
	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(-SIGBUS, vt_poke(map + LIMIT, 1));
	EXPECT_EQ((__u64)half, bytes_used(self->dev));

	/* And can be solved by Alice. */
	ASSERT_EQ(0, vt_act_as(VT_ALICE, VT_ALICE));
	EXPECT_EQ(-1, pwrite(fd, buf, 1, LIMIT));
	EXPECT_EQ(ENOSPC, errno);
	close(fd);
	ASSERT_EQ(0, vt_act_as(VT_BOB, VT_BOB));
	EXPECT_EQ(0, vt_poke(map + LIMIT, 1));
	EXPECT_EQ(0, fallocate(bobs, 0, half, half - self->page));
	EXPECT_EQ(-1, fallocate(bobs, 0, half, half));
	EXPECT_EQ(ENOSPC, errno);
	munmap(map, 2 * LIMIT);
	close(bobs);

	/* One's own limit comes first. */
	ASSERT_EQ(0, set_param("bytes_user_mb", 1));
	ASSERT_EQ(0, set_param("bytes_total_mb", 1));
	EXPECT_EQ(-EDQUOT, vt_region(self->dev, "region", 2 * MIB, 0,
				     VMSHM_RESERVE));
	free(buf);
}

/* A limit that is lowered below what is used takes nothing away. */
TEST_F(limits, bytes_lowered)
{
	char c;
	int fd;

	fd = vt_region(self->dev, "region", 2 * LIMIT, 0, 0);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, fallocate(fd, 0, 0, LIMIT));
	ASSERT_EQ(0, set_param("bytes_user_mb", 1));
	EXPECT_EQ(LIMIT, allocated(fd));
	EXPECT_EQ(1, pread(fd, &c, 1, LIMIT - 1));
	EXPECT_EQ(-1, pwrite(fd, "", 1, LIMIT));
	EXPECT_EQ(EDQUOT, errno);
	EXPECT_EQ(-EDQUOT, vt_create(self->dev, self->other, 1, 0,
				     VMSHM_RESERVE, 0600));
	close(fd);
	EXPECT_EQ(0, bytes_used(self->dev));
}

TEST_F(limits, regions)
{
	char name[VMSHM_NAME_MAX + 1];
	struct vmshm_info info;
	int fd[5], i, bobs;

	ASSERT_EQ(0, set_param("regions_user", 5));
	for (i = 0; i < 5; i++) {
		snprintf(name, sizeof(name), "%.200s-%d", self->name, i);
		fd[i] = vt_create(self->dev, name, 0, 0, VMSHM_EPHEMERAL,
				  0600);
		ASSERT_LE(0, fd[i]);
	}
	ASSERT_EQ(0, vt_info(self->dev, &info));
	EXPECT_EQ(5, info.out_regions_used);
	EXPECT_EQ(-EDQUOT, vt_create(self->dev, self->other, 0, 0, 0, 0600));
	EXPECT_EQ(-EDQUOT, vt_create(self->dev, self->other, 0, 0,
				     VMSHM_OPEN_EXISTING, 0600));
	EXPECT_EQ(-ENOENT, vt_open(self->dev, self->other, 0));
	/* What exists is the more precise answer, and can be opened. */
	EXPECT_EQ(-EEXIST, vt_create(self->dev, name, 0, 0, 0, 0600));
	i = vt_create(self->dev, name, 0, 0, VMSHM_OPEN_EXISTING, 0600);
	EXPECT_LE(0, i);
	close(i);

	ASSERT_EQ(0, vt_act_as(VT_BOB, VT_BOB));
	bobs = vt_create(self->dev, "limits-bob", 0, 0, VMSHM_EPHEMERAL, 0600);
	EXPECT_LE(0, bobs);
	close(bobs);
	ASSERT_EQ(0, vt_act_as(VT_ALICE, VT_ALICE));

	/* Without its name it still counts, as long as it is open. */
	ASSERT_EQ(0, vt_unlink(self->dev, name));
	EXPECT_EQ(-EDQUOT, vt_create(self->dev, self->other, 0, 0, 0, 0600));
	close(fd[4]);
	fd[4] = vt_create(self->dev, self->other, 0, 0, VMSHM_EPHEMERAL, 0600);
	EXPECT_LE(0, fd[4]);
	for (i = 0; i < 5; i++)
		close(fd[i]);
}

TEST_F(limits, regions_for_root)
{
	struct vmshm_info info = info_of(self->dev, 0);

	/* There is no exception, lest its programs be forgotten. */
	ASSERT_EQ(0, vt_act_as_root());
	ASSERT_EQ(0, set_param("regions_user", info.out_regions_used));
	EXPECT_EQ(-EDQUOT, vt_region(self->dev, "region", 0, 0, 0));
}

TEST_F(limits, meta_regions)
{
	char name[VMSHM_NAME_MAX + 1];
	struct vmshm_info info;
	int fd[64], n, err = 0, bobs;

	ASSERT_EQ(0, set_param("meta_user_kb", 64));
	for (n = 0; n < 64; n++) {
		snprintf(name, sizeof(name), "%.200s-%d", self->name, n);
		fd[n] = vt_create(self->dev, name, 0, 0, VMSHM_EPHEMERAL,
				  0600);
		err = fd[n];
		if (err < 0)
			break;
	}
	ASSERT_EQ(-EDQUOT, err);
	EXPECT_LT(4, n);
	EXPECT_EQ(-ENOENT, vt_open(self->dev, name, 0));
	ASSERT_EQ(0, vt_info(self->dev, &info));
	EXPECT_LE(info.out_meta_used, 64 * 1024);
	EXPECT_EQ((__u64)n, info.out_regions_used);
	ASSERT_EQ(0, vt_act_as(VT_BOB, VT_BOB));
	bobs = vt_create(self->dev, "limits-bob", 0, 0, VMSHM_EPHEMERAL, 0600);
	EXPECT_LE(0, bobs);
	close(bobs);
	while (n--)
		close(fd[n]);
}

/* Every open file of a region counts, however it was opened. */
TEST_F(limits, meta_opens)
{
	int fd[900], n, err = 0, other, readonly;
	struct vmshm_info info;
	char path[64];

	fd[0] = vt_create(self->dev, self->name, 4096, 0, VMSHM_EPHEMERAL,
			  0644);
	ASSERT_LE(0, fd[0]);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd[0]);
	ASSERT_EQ(0, vt_info(self->dev, &info));
	ASSERT_EQ(0, set_param("meta_user_kb",
			       info.out_meta_used / 1024 + 32));
	for (n = 1; n < 900; n++) {
		if (n % 3 == 0)
			fd[n] = vt_open(self->dev, self->name, 0);
		else if (n % 3 == 1)
			fd[n] = vt_readonly(fd[0]);
		else
			fd[n] = vt_reopen(fd[0], O_RDWR | O_CLOEXEC);
		err = fd[n];
		if (err < 0)
			break;
	}
	ASSERT_EQ(-EDQUOT, err);
	EXPECT_LT(16, n);
	EXPECT_EQ(-EDQUOT, vt_open(self->dev, self->name, VMSHM_OPEN_RDONLY));
	EXPECT_EQ(-EDQUOT, vt_readonly(fd[0]));
	EXPECT_EQ(-1, open(path, O_RDWR | O_CLOEXEC));
	EXPECT_EQ(EDQUOT, errno);
	/* Who opens pays, not who made it. */
	ASSERT_EQ(0, vt_act_as(VT_BOB, VT_BOB));
	readonly = vt_open(self->dev, self->name, VMSHM_OPEN_RDONLY);
	EXPECT_LE(0, readonly);
	EXPECT_LT(0, info_of(self->dev, VT_BOB).out_meta_used);
	close(readonly);
	EXPECT_EQ(0, info_of(self->dev, VT_BOB).out_meta_used);
	/* dup() makes no new one. */
	other = dup(fd[0]);
	EXPECT_LE(0, other);
	close(other);
	while (n--)
		close(fd[n]);
}

/* A queue is paid for when the watch is made. */
TEST_F(limits, meta_watches)
{
	struct vmshm_info info;
	int fd, watch;

	fd = vt_region(self->dev, "region", 0, 0, 0);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, set_param("event_queue_len", 65536));
	ASSERT_EQ(0, set_param("meta_user_kb", 1024));
	EXPECT_EQ(-EDQUOT, vt_watch(self->dev, self->prefix, 0, NULL));
	EXPECT_EQ(-EDQUOT, vt_watch(fd, "", 0, NULL));
	ASSERT_EQ(0, set_param("event_queue_len", 8));
	ASSERT_EQ(0, vt_info(self->dev, &info));
	watch = vt_watch(self->dev, self->prefix, 0, NULL);
	ASSERT_LE(0, watch);
	/* Eight names at least. */
	EXPECT_LT(info.out_meta_used + 8 * (VMSHM_NAME_MAX + 1),
		  info_of(self->dev, VT_ALICE).out_meta_used);
	close(watch);
	EXPECT_EQ(info.out_meta_used,
		  info_of(self->dev, VT_ALICE).out_meta_used);
	close(fd);
}

TEST_F(limits, meta_domains)
{
	char domain[VMSHM_NAME_MAX + 1];
	struct vmshm_info info;
	int i, n, ret = 0;

	ASSERT_EQ(0, set_param("meta_user_kb", 16));
	ASSERT_EQ(0, vt_set_cap(CAP_SYS_ADMIN, true));
	for (n = 0; n < 1000; n++) {
		snprintf(domain, sizeof(domain), "limits-domain-%d", n);
		ret = vt_domain_reserve(self->dev, domain, VT_BOB);
		if (ret)
			break;
	}
	EXPECT_EQ(-EDQUOT, ret);
	EXPECT_LT(10, n);
	/* Whose it is to be does not pay. */
	info = info_of(self->dev, VT_BOB);
	EXPECT_EQ(0, info.out_meta_used);
	ASSERT_EQ(0, vt_act_as_root());
	for (i = 0; i < n; i++) {
		snprintf(domain, sizeof(domain), "limits-domain-%d", i);
		EXPECT_EQ(0, vt_domain_release(self->dev, domain));
	}
}

TEST_F(limits, watches)
{
	int fd, watch[3], i;

	fd = vt_region(self->dev, "region", 0, 0, 0);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, set_param("watches_user", 3));
	watch[0] = vt_watch(self->dev, "", 0, NULL);
	watch[1] = vt_watch(fd, "", 0, NULL);
	watch[2] = vt_watch(self->dev, self->prefix, 0, NULL);
	for (i = 0; i < 3; i++)
		ASSERT_LE(0, watch[i]);
	EXPECT_EQ(-EDQUOT, vt_watch(self->dev, "", 0, NULL));
	EXPECT_EQ(-EDQUOT, vt_watch(fd, "", 0, NULL));
	ASSERT_EQ(0, vt_act_as(VT_BOB, VT_BOB));
	i = vt_watch(self->dev, "", 0, NULL);
	EXPECT_LE(0, i);
	close(i);
	ASSERT_EQ(0, vt_act_as(VT_ALICE, VT_ALICE));
	close(watch[1]);
	watch[1] = vt_watch(self->dev, "", 0, NULL);
	EXPECT_LE(0, watch[1]);
	EXPECT_EQ(-EDQUOT, vt_watch(fd, "", 0, NULL));
	for (i = 0; i < 3; i++)
		close(watch[i]);
	close(fd);
}

TEST_F(limits, logs)
{
	struct vmshm_log_open arg;
	int fd, other, log[2], i;

	fd = vt_region(self->dev, "region", 4096, 0, 0);
	ASSERT_LE(0, fd);
	other = vt_create(self->dev, self->other, 4096, 0, VMSHM_EPHEMERAL,
			  0600);
	ASSERT_LE(0, other);
	ASSERT_EQ(0, set_param("logs_region", 2));
	for (i = 0; i < 2; i++) {
		arg = (struct vmshm_log_open){ .size = sizeof(arg) };
		ASSERT_EQ(0, vt_ioctl(fd, VMSHM_IOC_LOG_OPEN, &arg));
		log[i] = arg.out_fd;
	}
	arg = (struct vmshm_log_open){ .size = sizeof(arg) };
	EXPECT_EQ(-EDQUOT, vt_ioctl(fd, VMSHM_IOC_LOG_OPEN, &arg));
	EXPECT_EQ(0, vt_ioctl(other, VMSHM_IOC_LOG_OPEN, &arg));
	close(arg.out_fd);
	close(log[0]);
	arg = (struct vmshm_log_open){ .size = sizeof(arg) };
	EXPECT_EQ(0, vt_ioctl(fd, VMSHM_IOC_LOG_OPEN, &arg));
	close(arg.out_fd);
	close(log[1]);

	/* One of a large region takes memory before anything is written. */
	close(fd);
	fd = vt_region(self->dev, "region", 1ULL << 40, 0, 0);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, set_param("meta_user_kb", 16));
	arg = (struct vmshm_log_open){ .size = sizeof(arg) };
	EXPECT_EQ(-EDQUOT, vt_ioctl(fd, VMSHM_IOC_LOG_OPEN, &arg));
	close(fd);
	close(other);
}

TEST_F(limits, event_queue_len)
{
	struct vmshm_event event;
	int fd, watch, i;

	fd = vt_create(self->dev, self->name, 0, 4096, VMSHM_EPHEMERAL, 0600);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, set_param("event_queue_len", 8));
	watch = vt_watch(fd, "", 1 << VMSHM_EVENT_RESIZED, NULL);
	ASSERT_LE(0, watch);
	/* It is what held when the watch was made. */
	ASSERT_EQ(0, set_param("event_queue_len", 100));
	for (i = 1; i <= 10; i++)
		ASSERT_EQ(0, vt_resize(fd, i));
	for (i = 1; i <= 8; i++) {
		ASSERT_EQ(0, vt_next_event(watch, &event));
		EXPECT_EQ(VMSHM_EVENT_RESIZED, event.type);
		EXPECT_EQ((__u64)i, event.value);
	}
	ASSERT_EQ(0, vt_next_event(watch, &event));
	EXPECT_EQ(VMSHM_EVENT_OVERFLOW, event.type);
	EXPECT_EQ(2, event.seq);
	EXPECT_TRUE(vt_no_event(watch));
	close(watch);
	close(fd);
}

/* Whatever a process had is given back when it is killed. */
TEST_F(limits, killed)
{
	struct vt_child child;
	struct vmshm_info info;

	if (vt_fork(&child) == 0) {
		char *map;
		int fd;

		fd = vt_create(self->dev, self->name, LIMIT, 0,
			       VMSHM_EPHEMERAL, 0600);
		VT_CHECK(fd >= 0);
		map = mmap(NULL, LIMIT, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			   0);
		VT_CHECK(map != MAP_FAILED);
		VT_CHECK(touch_all(map, LIMIT) == LIMIT / self->page);
		VT_CHECK(vt_watch(fd, "", 0, NULL) >= 0);
		VT_CHECK(vt_open(self->dev, self->name, 0) >= 0);
		close(fd);
		VT_CHECK(vt_tell(child.sock) == 0);
		for (;;)
			pause();
	}
	ASSERT_EQ(0, vt_hear(child.sock));
	ASSERT_EQ(0, vt_info(self->dev, &info));
	EXPECT_EQ(LIMIT, info.out_bytes_used);
	EXPECT_EQ(1, info.out_regions_used);
	EXPECT_EQ(128 + SIGKILL, vt_kill(&child));
	expect_nothing(_metadata, self->dev, VT_ALICE);
}

TEST_HARNESS_MAIN
