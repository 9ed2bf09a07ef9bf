// SPDX-License-Identifier: GPL-2.0
/*
 * How long a region lives, and the module: as long as anybody can get at
 * memory of it, and not a moment longer.
 *
 * Unloads and loads the module, so that nothing else may use it meanwhile.
 * VMSHM_MODULE is its file; VMSHM_CYCLES, if set, is how often it is loaded and
 * unloaded with traffic in between.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "lib/harness.h"
#include "lib/vmshm_env.h"
#include "lib/vmshm_mem.h"
#include "lib/vmshm_module.h"
#include "lib/vmshm_peer.h"

#define RW		(PROT_READ | PROT_WRITE)
#define SIZE		(4 * VT_PAGE)
#define MAX_SIZE	(8 * VT_PAGE)

#define CYCLES		20
/* Those at the beginning fill caches and the like. */
#define WARM_UP		4
/* Regions in each. */
#define REGIONS		40

FIXTURE(lifetime) {
	int dev;
	char name[VMSHM_NAME_MAX + 1];
};

FIXTURE_SETUP(lifetime)
{
	self->dev = vt_device();
	ASSERT_LE(0, self->dev);
	vt_name(self->name, "lifetime");
}

FIXTURE_TEARDOWN(lifetime)
{
	vt_unlink(self->dev, self->name);
	close(self->dev);
}

static __u64 generation(int fd)
{
	struct vmshm_stat st;

	return vt_stat(fd, &st) ? 0 : st.out_generation;
}

static bool says_hello(int fd)
{
	char buf[5];

	return pread(fd, buf, 5, 0) == 5 && !memcmp(buf, "hello", 5);
}

/* A region that says hello. */
static int hello(int dev, const char *name, __u32 flags)
{
	int fd = vt_create(dev, name, SIZE, MAX_SIZE, flags, 0600);

	if (fd >= 0 && pwrite(fd, "hello", 5, 0) != 5) {
		close(fd);
		return -EIO;
	}
	return fd;
}

static bool exists(int dev, const char *name)
{
	int fd = vt_open(dev, name, 0);

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

/* What is freed is freed some time after the call: waits until it is so much. */
static bool used_becomes(int dev, const struct vmshm_info *want)
{
	struct vmshm_info info;
	int i;

	for (i = 0; i < VT_PATIENCE * 100; i++) {
		if (!vt_info(dev, &info) &&
		    info.out_bytes_used == want->out_bytes_used &&
		    info.out_regions_used == want->out_regions_used &&
		    info.out_meta_used == want->out_meta_used)
			return true;
		usleep(10000);
	}
	printf("# used: %llu bytes, %llu regions, %llu bytes of metadata\n",
	       info.out_bytes_used - want->out_bytes_used,
	       info.out_regions_used - want->out_regions_used,
	       info.out_meta_used - want->out_meta_used);
	return false;
}

/* Without a process that has anything to do with it. */
TEST_F(lifetime, persistent)
{
	struct vt_child child;
	__u64 first;
	int fd;

	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		fd = hello(self->dev, self->name, 0);
		VT_CHECK(fd >= 0);
		VT_CHECK(vt_map(fd, SIZE, RW, 0));
		_exit(0);
	}
	ASSERT_EQ(0, vt_wait(&child));
	fd = vt_open(self->dev, self->name, 0);
	ASSERT_LE(0, fd);
	EXPECT_TRUE(says_hello(fd));
	first = generation(fd);
	close(fd);
	fd = vt_open(self->dev, self->name, VMSHM_OPEN_RDONLY);
	ASSERT_LE(0, fd);
	EXPECT_TRUE(says_hello(fd));
	EXPECT_EQ(first, generation(fd));
	close(fd);
	EXPECT_EQ(0, vt_unlink(self->dev, self->name));
	EXPECT_FALSE(exists(self->dev, self->name));
}

TEST_F(lifetime, ephemeral)
{
	struct vmshm_info before;
	int fd, other, third;

	ASSERT_EQ(0, vt_info(self->dev, &before));
	fd = hello(self->dev, self->name, VMSHM_EPHEMERAL);
	ASSERT_LE(0, fd);
	other = vt_open(self->dev, self->name, 0);
	ASSERT_LE(0, other);
	close(fd);
	EXPECT_TRUE(exists(self->dev, self->name));
	/* A handle of any kind. */
	third = vt_readonly(other);
	ASSERT_LE(0, third);
	close(other);
	EXPECT_TRUE(exists(self->dev, self->name));
	EXPECT_TRUE(says_hello(third));
	close(third);
	EXPECT_FALSE(exists(self->dev, self->name));
	EXPECT_TRUE(used_becomes(self->dev, &before));
}

TEST_F(lifetime, ephemeral_that_is_mapped)
{
	struct vmshm_info before;
	struct vt_child child;
	char *map, *moved;
	int fd;

	ASSERT_EQ(0, vt_info(self->dev, &before));
	fd = hello(self->dev, self->name, VMSHM_EPHEMERAL);
	ASSERT_LE(0, fd);
	map = mmap(NULL, SIZE, PROT_READ, MAP_PRIVATE, fd, 0);
	ASSERT_NE(MAP_FAILED, map);
	close(fd);
	EXPECT_TRUE(exists(self->dev, self->name));
	moved = mremap(map, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);
	ASSERT_NE(MAP_FAILED, moved);
	ASSERT_EQ(0, munmap(map, SIZE));
	ASSERT_EQ(0, munmap(moved, SIZE - VT_PAGE));
	EXPECT_TRUE(exists(self->dev, self->name));
	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		vt_hear(child.sock);
		_exit(0);
	}
	ASSERT_EQ(0, munmap(moved + SIZE - VT_PAGE, VT_PAGE));
	EXPECT_TRUE(exists(self->dev, self->name));
	EXPECT_EQ(128 + SIGKILL, vt_kill(&child));
	EXPECT_FALSE(exists(self->dev, self->name));
	EXPECT_TRUE(used_becomes(self->dev, &before));
}

/* Its process is killed. */
TEST_F(lifetime, ephemeral_of_a_victim)
{
	struct vmshm_info before;
	struct vt_child child;

	ASSERT_EQ(0, vt_info(self->dev, &before));
	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		int fd = hello(self->dev, self->name, VMSHM_EPHEMERAL);

		VT_CHECK(fd >= 0);
		VT_CHECK(vt_map(fd, SIZE, RW, 0));
		VT_CHECK(vt_tell(child.sock) == 0);
		pause();
		_exit(0);
	}
	ASSERT_EQ(0, vt_hear(child.sock));
	EXPECT_TRUE(exists(self->dev, self->name));
	EXPECT_EQ(128 + SIGKILL, vt_kill(&child));
	EXPECT_FALSE(exists(self->dev, self->name));
	EXPECT_TRUE(used_becomes(self->dev, &before));
}

/* The name goes, the memory stays with those who have it. */
TEST_F(lifetime, unlink)
{
	struct vmshm_info before;
	struct vmshm_stat st;
	char *map;
	int fd, other;

	ASSERT_EQ(0, vt_info(self->dev, &before));
	fd = hello(self->dev, self->name, 0);
	ASSERT_LE(0, fd);
	map = vt_map(fd, SIZE, RW, 0);
	ASSERT_NE(NULL, map);
	ASSERT_EQ(0, vt_unlink(self->dev, self->name));
	EXPECT_FALSE(exists(self->dev, self->name));
	EXPECT_EQ(-ENOENT, vt_unlink(self->dev, self->name));
	EXPECT_TRUE(says_hello(fd));
	EXPECT_EQ(0, vt_poke(map + SIZE - 1, 'x'));
	EXPECT_EQ(0, vt_resize(fd, MAX_SIZE));
	ASSERT_EQ(0, vt_stat(fd, &st));
	EXPECT_EQ(0, st.out_linked);
	EXPECT_STREQ(self->name, (char *)st.out_name);

	/* Another one of that name has nothing to do with it. */
	other = vt_create(self->dev, self->name, SIZE, 0, VMSHM_EPHEMERAL, 0600);
	ASSERT_LE(0, other);
	EXPECT_TRUE(vt_file_filled(other, 0, 0, SIZE));
	EXPECT_NE(generation(fd), generation(other));
	ASSERT_EQ(1, pwrite(other, "z", 1, 0));
	EXPECT_TRUE(says_hello(fd));
	close(other);
	close(fd);
	EXPECT_EQ('h', vt_peek(map));
	EXPECT_EQ('x', vt_peek(map + SIZE - 1));
	ASSERT_EQ(0, munmap(map, SIZE));
	EXPECT_TRUE(used_becomes(self->dev, &before));
}

TEST_F(lifetime, generation)
{
	struct vmshm_open arg = {
		.size = sizeof(arg),
		.flags = VMSHM_OPEN_GENERATION,
	};
	__u64 last = 0;
	int i, fd;

	strcpy((char *)arg.name, self->name);
	for (i = 0; i < 5; i++) {
		fd = hello(self->dev, self->name, VMSHM_EPHEMERAL);
		ASSERT_LE(0, fd);
		EXPECT_LT(last, generation(fd));
		if (last) {
			arg.generation = last;
			arg.out_generation = 0;
			EXPECT_EQ(-ESTALE, vt_ioctl(self->dev, VMSHM_IOC_OPEN,
						    &arg));
		}
		last = generation(fd);
		arg.generation = last;
		EXPECT_EQ(0, vt_ioctl(self->dev, VMSHM_IOC_OPEN, &arg));
		EXPECT_EQ(last, arg.out_generation);
		close(arg.out_fd);
		arg.out_fd = 0;
		arg.out_generation = 0;
		close(fd);
	}
}

/* A descriptor that opens nothing keeps the memory, and counts for it. */
TEST_F(lifetime, o_path)
{
	struct vmshm_info before, held;
	int fd, path;

	ASSERT_EQ(0, vt_info(self->dev, &before));
	fd = hello(self->dev, self->name, VMSHM_EPHEMERAL);
	ASSERT_LE(0, fd);
	path = vt_reopen(fd, O_PATH);
	ASSERT_LE(0, path);
	close(fd);
	ASSERT_EQ(0, vt_info(self->dev, &held));
	EXPECT_EQ(before.out_regions_used + 1, held.out_regions_used);
	EXPECT_LT(before.out_bytes_used, held.out_bytes_used);
	close(path);
	EXPECT_TRUE(used_becomes(self->dev, &before));
}

/*
 * The module.
 */
FIXTURE(module) {
	struct stat device;
	char name[VMSHM_NAME_MAX + 1];
};

FIXTURE_SETUP(module)
{
	struct vmshm_stat stats[8];
	int dev, n, i;

	vt_name(self->name, "module");
	ASSERT_EQ(0, vt_module_init(&self->device));
	/* It is not this test's business what others have left behind. */
	dev = vt_device();
	ASSERT_LE(0, dev);
	n = vt_list(dev, "", VMSHM_LIST_ALL, stats, 8);
	for (i = 0; i < n && i < 8; i++) {
		TH_LOG("left over: %s", stats[i].out_name);
	}
	vt_unlink_all(dev, "");
	close(dev);
	for (i = 0; i < VT_PATIENCE * 10 && vt_module_users("vmshm"); i++)
		usleep(100000);
	ASSERT_EQ(0, vt_module_users("vmshm"));
}

FIXTURE_TEARDOWN(module)
{
	if (access("/sys/module/vmshm", F_OK)) {
		EXPECT_EQ(0, vt_module_load(&self->device));
	}
}

/* Ways to hold on to a region, or to the module, by one thing alone. */
struct holder {
	int fd;
	void *map;
	pid_t pid;
	struct vt_ring ring;
};

static bool hold_name(struct holder *h, int dev, const char *name)
{
	int fd = hello(dev, name, 0);

	close(fd);
	return fd >= 0;
}

static void drop_name(struct holder *h, const char *name)
{
	int dev = vt_device();

	vt_unlink(dev, name);
	close(dev);
}

static bool hold_device(struct holder *h, int dev, const char *name)
{
	h->fd = dup(dev);
	return h->fd >= 0;
}

static bool hold_fd(struct holder *h, int dev, const char *name)
{
	h->fd = hello(dev, name, VMSHM_EPHEMERAL);
	return h->fd >= 0;
}

static bool hold_unlinked(struct holder *h, int dev, const char *name)
{
	h->fd = hello(dev, name, 0);
	return h->fd >= 0 && !vt_unlink(dev, name);
}

static bool hold_readonly(struct holder *h, int dev, const char *name)
{
	int fd = hello(dev, name, VMSHM_EPHEMERAL);

	h->fd = vt_readonly(fd);
	close(fd);
	return h->fd >= 0;
}

static bool hold_o_path(struct holder *h, int dev, const char *name)
{
	int fd = hello(dev, name, VMSHM_EPHEMERAL);

	h->fd = vt_reopen(fd, O_PATH);
	close(fd);
	return h->fd >= 0;
}

static bool hold_o_path_readonly(struct holder *h, int dev, const char *name)
{
	int fd = hello(dev, name, VMSHM_EPHEMERAL);
	int readonly = vt_readonly(fd);

	h->fd = vt_reopen(readonly, O_PATH);
	close(readonly);
	close(fd);
	return h->fd >= 0;
}

static bool hold_map(struct holder *h, int dev, const char *name, __u32 flags)
{
	int fd = hello(dev, name, VMSHM_EPHEMERAL | flags);

	h->map = vt_map(fd, SIZE, RW, 0);
	close(fd);
	return h->map && vt_peek(h->map) == 'h';
}

static bool hold_mapping(struct holder *h, int dev, const char *name)
{
	return hold_map(h, dev, name, 0);
}

static bool hold_pinnable_mapping(struct holder *h, int dev, const char *name)
{
	return hold_map(h, dev, name, VMSHM_PINNABLE);
}

static bool hold_private_mapping(struct holder *h, int dev, const char *name)
{
	int fd = hello(dev, name, VMSHM_EPHEMERAL);

	h->map = mmap(NULL, SIZE, RW, MAP_PRIVATE, fd, 0);
	close(fd);
	return h->map != MAP_FAILED && !vt_poke(h->map, 'p');
}

static void drop_mapping(struct holder *h, const char *name)
{
	munmap(h->map, SIZE);
}

static bool hold_child(struct holder *h, int dev, const char *name)
{
	if (!hold_map(h, dev, name, 0))
		return false;
	h->pid = fork();
	if (!h->pid) {
		pause();
		_exit(0);
	}
	munmap(h->map, SIZE);
	/* It has the device open as well, which is not what this is about. */
	return h->pid > 0;
}

static void drop_child(struct holder *h, const char *name)
{
	kill(h->pid, SIGKILL);
	waitpid(h->pid, NULL, 0);
}

static bool hold_watch(struct holder *h, int dev, const char *name)
{
	h->fd = vt_watch(dev, "", 0, NULL);
	return h->fd >= 0;
}

static bool hold_region_watch(struct holder *h, int dev, const char *name)
{
	int fd = hello(dev, name, VMSHM_EPHEMERAL);

	h->fd = vt_watch(fd, "", 0, NULL);
	close(fd);
	return h->fd >= 0;
}

static bool hold_log(struct holder *h, int dev, const char *name)
{
	struct vmshm_log_open arg = { .size = sizeof(arg) };
	int fd = hello(dev, name, VMSHM_EPHEMERAL);
	int ret = vt_ioctl(fd, VMSHM_IOC_LOG_OPEN, &arg);

	h->fd = arg.out_fd;
	close(fd);
	return !ret;
}

static bool hold_peer(struct holder *h, int dev, const char *name)
{
	int fd = hello(dev, name, VMSHM_EPHEMERAL);
	int bell;

	h->fd = vt_join(fd, VT_ANY, 1, NULL);
	close(fd);
	bell = vt_doorbell(h->fd, 0);
	close(bell);
	return bell >= 0;
}

/* In a socket, where nobody has it. */
static bool hold_in_flight(struct holder *h, int dev, const char *name)
{
	int fd = hello(dev, name, VMSHM_EPHEMERAL);
	int sv[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv))
		return false;
	if (vt_send_fd(sv[0], fd))
		return false;
	close(sv[0]);
	close(fd);
	h->fd = sv[1];
	return true;
}

static void drop_fd(struct holder *h, const char *name)
{
	close(h->fd);
}

static const struct {
	const char *what;
	bool (*hold)(struct holder *h, int dev, const char *name);
	void (*drop)(struct holder *h, const char *name);
} holders[] = {
	{ "a name", hold_name, drop_name },
	{ "the device", hold_device, drop_fd },
	{ "an open file", hold_fd, drop_fd },
	{ "an open file without a name", hold_unlinked, drop_fd },
	{ "a read-only handle", hold_readonly, drop_fd },
	{ "an O_PATH descriptor", hold_o_path, drop_fd },
	{ "an O_PATH read-only handle", hold_o_path_readonly, drop_fd },
	{ "a mapping", hold_mapping, drop_mapping },
	{ "a mapping of a PINNABLE region", hold_pinnable_mapping, drop_mapping },
	{ "a private mapping", hold_private_mapping, drop_mapping },
	{ "a watch", hold_watch, drop_fd },
	{ "a watch of a region that is gone", hold_region_watch, drop_fd },
	{ "a log", hold_log, drop_fd },
	{ "a peer", hold_peer, drop_fd },
	{ "a file on its way", hold_in_flight, drop_fd },
	{ "a child's mapping", hold_child, drop_child },
};

TEST_F(module, held)
{
	struct holder h;
	unsigned int i;
	int dev;

	for (i = 0; i < ARRAY_SIZE(holders); i++) {
		memset(&h, 0, sizeof(h));
		dev = vt_device();
		ASSERT_LE(0, dev);
		/* No thing else than what it is about. */
		ASSERT_TRUE(holders[i].hold(&h, dev, self->name)) {
			TH_LOG("%s", holders[i].what);
		}
		close(dev);
		/* What was closed before is gone for good after some time. */
		usleep(50000);
		ASSERT_EQ(-EAGAIN, vt_module_unload()) {
			TH_LOG("unloaded despite of %s", holders[i].what);
		}
		if (h.map && !h.pid) {
			EXPECT_LT(0, vt_peek(h.map));
		}
		holders[i].drop(&h, self->name);
		ASSERT_EQ(0, vt_module_unload_at_last()) {
			TH_LOG("%s was dropped, but not all of it",
			       holders[i].what);
		}
		EXPECT_NE(0, access("/sys/module/vmshm", F_OK));
		EXPECT_NE(0, access(VT_DEVICE, F_OK));
		ASSERT_EQ(0, vt_module_load(&self->device));
	}
}

/* Pages alone are the kernel's: they outlive the region, and the module. */
TEST_F(module, pinned_pages)
{
	struct io_uring_sqe sqe;
	struct vt_ring ring;
	int dev, fd, file;
	char c = 0;
	char *map;

	dev = vt_device();
	fd = hello(dev, self->name, VMSHM_EPHEMERAL | VMSHM_PINNABLE);
	ASSERT_LE(0, fd);
	map = vt_map(fd, SIZE, RW, 0);
	ASSERT_NE(NULL, map);
	ASSERT_EQ(0, vt_ring_init(&ring));
	ASSERT_EQ(0, vt_ring_register(&ring, map, SIZE));
	munmap(map, SIZE);
	close(fd);
	close(dev);
	ASSERT_EQ(0, vt_module_unload_at_last());
	file = vt_memfd(16);
	ASSERT_LE(0, file);
	sqe = (struct io_uring_sqe) {
		.opcode = IORING_OP_WRITE_FIXED,
		.fd = file,
		.addr = (uintptr_t)map,
		.len = 5,
	};
	EXPECT_EQ(5, vt_ring_do(&ring, &sqe));
	EXPECT_EQ(1, pread(file, &c, 1, 1));
	EXPECT_EQ('e', c);
	vt_ring_exit(&ring);
	ASSERT_EQ(0, vt_module_load(&self->device));
}

/* A little of everything. Returns the line that failed, or 0. */
#define DO(cond) do { if (!(cond)) return __LINE__; } while (0)

static int traffic_of_one(int dev, int watch, int i)
{
	struct vmshm_log_open log = { .size = sizeof(log) };
	static const __u32 flags[] = {
		0, VMSHM_EPHEMERAL, VMSHM_SHRINKABLE, VMSHM_RESERVE,
		VMSHM_PINNABLE,
	};
	__u32 flag = flags[i % 5];
	char name[VMSHM_NAME_MAX + 1], suffix[32];
	struct vmshm_event event;
	struct vmshm_stat st;
	int fd, other, own;
	char *map;

	snprintf(suffix, sizeof(suffix), "traffic/%d", i);
	vt_name(name, suffix);
	fd = vt_create(dev, name, 16 * VT_PAGE, VT_HUGE, flag, 0600);
	DO(fd >= 0);
	DO(!vt_next_event(watch, &event));
	own = vt_watch(fd, "", 0, NULL);
	DO(own >= 0);
	map = vt_map(fd, 16 * VT_PAGE, RW, 0);
	DO(map);
	memset(map, i, 16 * VT_PAGE);
	if (!(flag & VMSHM_PINNABLE))
		DO(!vt_ioctl(fd, VMSHM_IOC_LOG_OPEN, &log));
	DO(!vt_poke(map, i + 1));
	DO(vt_resize(fd, 32 * VT_PAGE) == 0);
	other = vt_open(dev, name, 0);
	DO(other >= 0);
	close(other);
	other = vt_readonly(fd);
	DO(other >= 0);
	DO(!vt_stat(other, &st));
	DO(!vt_seal(fd, VMSHM_SEAL_GROW));
	DO(vt_create(dev, name, 0, 0, 0, 0600) == -EEXIST);
	DO(vt_members(fd, NULL, 0) == -EMSGSIZE);
	if (i % 3 == 0)
		DO(!munmap(map, 16 * VT_PAGE));
	if (log.out_fd && i % 2)
		close(log.out_fd);
	close(other);
	close(fd);
	if (i % 4)
		close(own);
	return 0;
}

/* In a process of its own, whose end takes what is left. */
static int traffic(int dev)
{
	int watch, i, ret;

	/* Large, so that one that is lost is missed. */
	DO(vt_region(dev, "large", 8 * VT_MIB, 0, VMSHM_RESERVE) >= 0);
	DO(vt_region_huge(dev, "huge", 8 * VT_MIB, 0, VMSHM_RESERVE,
			  VMSHM_HUGE_ALWAYS) >= 0);
	watch = vt_watch(dev, "", 0, NULL);
	DO(watch >= 0);
	for (i = 0; i < REGIONS; i++) {
		ret = traffic_of_one(dev, watch, i);
		if (ret)
			return ret;
	}
	return 0;
}

/* What the kernel has allocated, of which nothing may stay behind. */
struct usage {
	long long shmem;
	long long percpu;
	long long unreclaimable;
	long inodes;
	long shmem_inodes;
	long accounted;
};

static void read_slabs(struct usage *u)
{
	unsigned long active;
	char line[512], name[64];
	FILE *f;

	u->inodes = 0;
	u->shmem_inodes = 0;
	u->accounted = 0;
	f = fopen("/proc/slabinfo", "re");
	if (!f)
		return;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%63s %lu", name, &active) != 2)
			continue;
		if (!strcmp(name, "inode_cache"))
			u->inodes = active;
		else if (!strcmp(name, "shmem_inode_cache"))
			u->shmem_inodes = active;
		else if (!strncmp(name, "kmalloc-cg-", 11))
			u->accounted += active;
	}
	fclose(f);
}

static void shrink_slab(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/kernel/slab/%s/shrink", name);
	/* Which are there depends on how the kernel was built. */
	vt_write_file(path, "1");
}

static void read_usage(struct usage *u)
{
	static const char * const slabs[] = {
		"inode_cache", "shmem_inode_cache", "kmalloc-cg-8",
		"kmalloc-cg-16", "kmalloc-cg-32", "kmalloc-cg-64",
		"kmalloc-cg-96", "kmalloc-cg-128", "kmalloc-cg-192",
		"kmalloc-cg-256", "kmalloc-cg-512", "kmalloc-cg-1k",
		"kmalloc-cg-2k", "kmalloc-cg-4k",
	};
	unsigned int i;

	/* Otherwise what is free counts as used for a CPU's sake. */
	for (i = 0; i < ARRAY_SIZE(slabs); i++)
		shrink_slab(slabs[i]);
	u->shmem = vt_meminfo("Shmem");
	u->percpu = vt_meminfo("Percpu");
	u->unreclaimable = vt_meminfo("SUnreclaim");
	read_slabs(u);
}

static bool grown(const struct usage *before, const struct usage *after,
		  int cycles)
{
	/* One thing in every cycle, or half of those of all regions. */
	return after->shmem - before->shmem > cycles * (long long)VT_MIB ||
	       after->inodes - before->inodes > cycles / 2 ||
	       after->shmem_inodes - before->shmem_inodes > cycles / 2 ||
	       after->accounted - before->accounted > cycles * REGIONS / 4 ||
	       after->percpu - before->percpu >
			cycles * (long long)VT_PAGE ||
	       after->unreclaimable - before->unreclaimable >
			cycles * REGIONS * 512LL;
}

TEST_F_TIMEOUT(module, cycles, 1000)
{
	const char *env = getenv("VMSHM_CYCLES");
	int cycles = env ? atoi(env) : CYCLES;
	struct usage before = { 0 }, after = { 0 };
	int i, dev;

	ASSERT_LT(0, cycles);
	for (i = 0; i < WARM_UP + cycles; i++) {
		struct vt_child child;

		ASSERT_EQ(0, vt_module_unload_at_last());
		if (i == WARM_UP)
			read_usage(&before);
		ASSERT_EQ(0, vt_module_load(&self->device));
		dev = vt_device();
		ASSERT_LE(0, dev);
		ASSERT_LE(0, vt_fork(&child));
		if (!child.pid) {
			int line = traffic(dev);

			if (line)
				fprintf(stderr, "# line %d: %s\n", line,
					strerror(errno));
			_exit(!!line);
		}
		ASSERT_EQ(0, vt_wait(&child));
		if (i & 1) {
			/* Names keep the module, and have to go first. */
			EXPECT_EQ(-EAGAIN, vt_module_unload());
		}
		EXPECT_LT(0, vt_unlink_all(dev, ""));
		close(dev);
	}
	ASSERT_EQ(0, vt_module_unload_at_last());
	/* What is freed after a grace period. */
	for (i = 0; i < VT_PATIENCE; i++) {
		read_usage(&after);
		if (!grown(&before, &after, cycles))
			break;
		sleep(1);
	}
	TH_LOG("%d cycles: shmem %+lld, slab %+lld, percpu %+lld bytes; inodes %+ld, shmem inodes %+ld, accounted objects %+ld",
	       cycles, after.shmem - before.shmem,
	       after.unreclaimable - before.unreclaimable,
	       after.percpu - before.percpu, after.inodes - before.inodes,
	       after.shmem_inodes - before.shmem_inodes,
	       after.accounted - before.accounted);
	EXPECT_FALSE(grown(&before, &after, cycles));
	ASSERT_EQ(0, vt_module_load(&self->device));
}

TEST_HARNESS_MAIN
