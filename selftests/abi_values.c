// SPDX-License-Identifier: GPL-2.0
/*
 * Values that commands refuse, each with an argument that is valid otherwise,
 * and arrays of the caller that cannot be written. (What all commands have in
 * common is in abi.c; names in names.c; logs have tests of their own.)
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

#include "lib/harness.h"
#include "lib/vmshm_env.h"

#define REGION_SIZE	(3 * 4096)
#define MAX_SIZE	(9 * 4096)
#define MODE		0640

FIXTURE(values) {
	int dev;
	int fd;
	int readonly;
	int watch;
	long page;
	__u64 generation;
	struct vmshm_info info;		/* before */
	struct vmshm_stat stat;
	int nr_fds;
	bool changed;
	char prefix[VMSHM_NAME_MAX + 1];
	char name[VMSHM_NAME_MAX + 1];
	char new[VMSHM_NAME_MAX + 1];
};

FIXTURE_SETUP(values)
{
	self->page = sysconf(_SC_PAGESIZE);
	self->dev = vt_device();
	ASSERT_LE(0, self->dev);
	vt_name(self->prefix, "");
	vt_name(self->name, "region");
	vt_name(self->new, "new");
	self->fd = vt_create(self->dev, self->name, REGION_SIZE, MAX_SIZE, 0,
			     MODE);
	ASSERT_LE(0, self->fd);
	self->readonly = vt_readonly(self->fd);
	ASSERT_LE(0, self->readonly);
	self->watch = vt_watch(self->fd, "", 0, NULL);
	ASSERT_LE(0, self->watch);
	ASSERT_EQ(0, vt_info(self->dev, &self->info));
	ASSERT_EQ(0, vt_stat(self->fd, &self->stat));
	self->nr_fds = vt_nr_fds();
	self->generation = self->stat.out_generation;
}

/* What was refused has changed nothing. */
FIXTURE_TEARDOWN(values)
{
	struct vmshm_info info;
	struct vmshm_stat stat;

	if (!self->changed) {
		EXPECT_EQ(0, vt_info(self->dev, &info));
		EXPECT_EQ(self->info.out_regions_used, info.out_regions_used);
		EXPECT_EQ(self->info.out_meta_used, info.out_meta_used);
		EXPECT_EQ(self->info.out_bytes_used, info.out_bytes_used);
		EXPECT_EQ(0, vt_stat(self->fd, &stat));
		EXPECT_EQ(self->stat.out_region_size, stat.out_region_size);
		EXPECT_EQ(self->stat.out_opens, stat.out_opens);
		EXPECT_EQ(self->stat.out_seals, stat.out_seals);
		EXPECT_EQ(1, stat.out_linked);
		EXPECT_EQ(self->nr_fds, vt_nr_fds());
		EXPECT_EQ(-ENOENT, vt_open(self->dev, self->new, 0));
	}
	close(self->fd);
	close(self->readonly);
	close(self->watch);
	EXPECT_LE(0, vt_unlink_all(self->dev, self->prefix));
	close(self->dev);
}

static void set_name(__u8 to[VMSHM_NAME_MAX + 1], const char *name)
{
	memset(to, 0, VMSHM_NAME_MAX + 1);
	memcpy(to, name, strnlen(name, VMSHM_NAME_MAX));
}

/* Calls with @arg, a struct of which some members are set just for that. */
#define REFUSES(err, fd, cmd, arg, ...)					\
	do {								\
		__typeof__(arg) *_arg = &(arg), _good = *_arg;		\
									\
		__VA_ARGS__;						\
		EXPECT_EQ(-(err), vt_ioctl(fd, cmd, _arg)) {		\
			TH_LOG("%s", #__VA_ARGS__);			\
		}							\
		*_arg = _good;						\
	} while (0)

TEST_F(values, create)
{
	struct vmshm_create arg = {
		.size = sizeof(arg),
		.region_size = REGION_SIZE,
		.mode = MODE,
	};
	__u64 max = self->info.out_max_size;
	unsigned int bit;

	set_name(arg.name, self->new);
#define CREATE(err, ...)						\
	REFUSES(err, self->dev, VMSHM_IOC_CREATE, arg, __VA_ARGS__)
	CREATE(EOPNOTSUPP, arg.huge = VMSHM_HUGE_ADVISE + 1);
	CREATE(EOPNOTSUPP, arg.huge = 31);
	CREATE(EOPNOTSUPP, arg.huge = 32);
	CREATE(EOPNOTSUPP, arg.huge = 0x80000000);
	CREATE(EOPNOTSUPP, arg.huge = 0xffffffff);
	for (bit = 0; bit < 32; bit++)
		if (~0666U & 1U << bit)
			CREATE(EINVAL, arg.mode |= 1U << bit);
	CREATE(EINVAL, arg.max_size = max + 1);
	CREATE(EINVAL, arg.max_size = 1ULL << 63);
	CREATE(EINVAL, arg.max_size = ~0ULL);
	CREATE(EINVAL, arg.region_size = max + 1);
	CREATE(EINVAL, arg.region_size = ~0ULL);
	CREATE(EOPNOTSUPP, arg.flags = VMSHM_DEVICE_MEMORY);
	CREATE(EFBIG, arg.max_size = REGION_SIZE - 1);
	CREATE(EFBIG, arg.max_size = 1);
	CREATE(EFBIG, arg.max_size = MAX_SIZE, arg.region_size = MAX_SIZE + 1);
	CREATE(EFBIG, arg.max_size = MAX_SIZE, arg.region_size = ~0ULL);
	CREATE(EEXIST, set_name(arg.name, self->name));
	CREATE(EEXIST, set_name(arg.name, self->name), arg.region_size = 0);
	/* Nor are they overlooked when the region exists. */
	CREATE(EOPNOTSUPP, set_name(arg.name, self->name),
	       arg.flags = VMSHM_OPEN_EXISTING, arg.huge = 4);
	CREATE(EINVAL, set_name(arg.name, self->name),
	       arg.flags = VMSHM_OPEN_EXISTING, arg.mode = 01000);
	CREATE(EFBIG, set_name(arg.name, self->name),
	       arg.flags = VMSHM_OPEN_EXISTING, arg.max_size = 1);
#undef CREATE
}

/* The largest and the smallest that are allowed. */
TEST_F(values, create_limits)
{
	struct vmshm_create arg = { .size = sizeof(arg) };
	struct vmshm_stat stat;
	unsigned int mode;
	__u32 huge;

	self->changed = true;
	set_name(arg.name, self->new);
	ASSERT_EQ(0, vt_ioctl(self->dev, VMSHM_IOC_CREATE, &arg));
	ASSERT_EQ(0, vt_stat(arg.out_fd, &stat));
	EXPECT_EQ(0, stat.out_region_size);
	EXPECT_EQ(0, stat.out_max_size);
	EXPECT_EQ(0, stat.out_mode);
	close(arg.out_fd);
	ASSERT_EQ(0, vt_unlink(self->dev, self->new));

	for (huge = 0; huge <= VMSHM_HUGE_ADVISE; huge++) {
		memset(&arg, 0, sizeof(arg));
		arg.size = sizeof(arg);
		arg.region_size = self->info.out_max_size;
		arg.huge = huge;
		/* Not the umask: that is for the caller to apply. */
		arg.mode = 0666;
		set_name(arg.name, self->new);
		ASSERT_EQ(0, vt_ioctl(self->dev, VMSHM_IOC_CREATE, &arg));
		ASSERT_EQ(0, vt_stat(arg.out_fd, &stat));
		EXPECT_EQ(self->info.out_max_size, stat.out_region_size);
		EXPECT_EQ(self->info.out_max_size, stat.out_max_size);
		EXPECT_EQ(0666, stat.out_mode);
		EXPECT_EQ(huge, stat.out_huge);
		close(arg.out_fd);
		ASSERT_EQ(0, vt_unlink(self->dev, self->new));
	}

	for (mode = 0; mode <= 0666; mode++) {
		if (mode & ~0666)
			continue;
		arg.size = sizeof(arg);
		arg.region_size = 0;
		arg.mode = mode;
		arg.out_fd = 0;
		arg.out_created = 0;
		arg.out_generation = 0;
		ASSERT_EQ(0, vt_ioctl(self->dev, VMSHM_IOC_CREATE, &arg));
		ASSERT_EQ(0, vt_stat(arg.out_fd, &stat));
		EXPECT_EQ(mode, stat.out_mode);
		close(arg.out_fd);
		ASSERT_EQ(0, vt_unlink(self->dev, self->new));
	}
}

/* Each flag is kept, and told by STAT. */
TEST_F(values, create_flags)
{
	const __u32 flags[] = {
		VMSHM_EPHEMERAL, VMSHM_SHRINKABLE, VMSHM_RESERVE,
		VMSHM_PINNABLE, VMSHM_NO_PUNCH, VMSHM_LOG_READERS,
		VMSHM_RING_READERS,
		VMSHM_EPHEMERAL | VMSHM_SHRINKABLE | VMSHM_RESERVE |
		VMSHM_PINNABLE | VMSHM_NO_PUNCH,
	};
	struct vmshm_stat stat;
	size_t i;
	int fd;

	self->changed = true;
	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		fd = vt_create(self->dev, self->new, 4096, 0, flags[i], MODE);
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, vt_stat(fd, &stat));
		EXPECT_EQ(flags[i], stat.out_flags);
		close(fd);
		EXPECT_EQ(flags[i] & VMSHM_EPHEMERAL ? -ENOENT : 0,
			  vt_unlink(self->dev, self->new));
	}
	fd = vt_create(self->dev, self->new, 0, 0, VMSHM_OPEN_EXISTING, MODE);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, vt_stat(fd, &stat));
	EXPECT_EQ(0, stat.out_flags);
	close(fd);
}

TEST_F(values, open)
{
	struct vmshm_open arg = { .size = sizeof(arg) };

	set_name(arg.name, self->name);
#define OPEN(err, ...)							\
	REFUSES(err, self->dev, VMSHM_IOC_OPEN, arg, __VA_ARGS__)
	OPEN(ENOENT, set_name(arg.name, self->new));
	OPEN(EINVAL, arg.owner = 1);
	OPEN(EINVAL, arg.owner = VT_ALICE, arg.flags = VMSHM_OPEN_RDONLY);
	OPEN(EINVAL, arg.generation = self->generation);
	OPEN(EINVAL, arg.generation = self->generation,
	     arg.flags = VMSHM_OPEN_OWNER);
	OPEN(EINVAL, arg.owner = -1, arg.flags = VMSHM_OPEN_OWNER);
	OPEN(ESTALE, arg.owner = 1, arg.flags = VMSHM_OPEN_OWNER);
	OPEN(ESTALE, arg.owner = 1, arg.generation = self->generation,
	     arg.flags = VMSHM_OPEN_OWNER | VMSHM_OPEN_GENERATION);
	OPEN(ESTALE, arg.flags = VMSHM_OPEN_GENERATION);
	OPEN(ESTALE, arg.generation = self->generation + 1,
	     arg.flags = VMSHM_OPEN_GENERATION);
	OPEN(ESTALE, arg.generation = self->generation | 1ULL << 32,
	     arg.flags = VMSHM_OPEN_GENERATION);
	OPEN(ENOENT, set_name(arg.name, self->new), arg.owner = 1,
	     arg.flags = VMSHM_OPEN_OWNER);
#undef OPEN
}

TEST_F(values, open_that_region)
{
	struct vmshm_open arg = {
		.size = sizeof(arg),
		.flags = VMSHM_OPEN_OWNER | VMSHM_OPEN_GENERATION |
			 VMSHM_OPEN_RDONLY,
		.generation = self->generation,
	};

	set_name(arg.name, self->name);
	ASSERT_EQ(0, vt_ioctl(self->dev, VMSHM_IOC_OPEN, &arg));
	EXPECT_EQ(self->generation, arg.out_generation);
	EXPECT_EQ(-1, pwrite(arg.out_fd, "", 1, 0));
	EXPECT_EQ(EBADF, errno);
	close(arg.out_fd);
}

TEST_F(values, unlink)
{
	struct vmshm_unlink arg = { .size = sizeof(arg) };

	set_name(arg.name, self->name);
#define UNLINK(err, ...)						\
	REFUSES(err, self->dev, VMSHM_IOC_UNLINK, arg, __VA_ARGS__)
	UNLINK(ENOENT, set_name(arg.name, self->new));
	UNLINK(EINVAL, arg.generation = self->generation);
	UNLINK(EINVAL, arg.registry = self->info.out_registry);
	UNLINK(ESTALE, arg.flags = VMSHM_UNLINK_GENERATION);
	UNLINK(ESTALE, arg.flags = VMSHM_UNLINK_GENERATION,
	       arg.generation = self->generation - 1);
	UNLINK(ENOENT, arg.flags = VMSHM_UNLINK_REGISTRY);
	UNLINK(ENOENT, arg.flags = VMSHM_UNLINK_REGISTRY,
	       arg.registry = self->info.out_registry - 1);
	UNLINK(ENOENT, arg.flags = VMSHM_UNLINK_REGISTRY,
	       arg.registry = self->info.out_registry + 1);
	UNLINK(ENOENT, arg.flags = VMSHM_UNLINK_REGISTRY,
	       arg.registry = 0xffffffff);
	UNLINK(ESTALE,
	       arg.flags = VMSHM_UNLINK_REGISTRY | VMSHM_UNLINK_GENERATION,
	       arg.registry = self->info.out_registry);
#undef UNLINK
}

TEST_F(values, unlink_that_region)
{
	struct vmshm_unlink arg = {
		.size = sizeof(arg),
		.flags = VMSHM_UNLINK_GENERATION | VMSHM_UNLINK_REGISTRY,
		.generation = self->generation,
		.registry = self->info.out_registry,
	};
	struct vmshm_stat stat;

	self->changed = true;
	set_name(arg.name, self->name);
	ASSERT_EQ(0, vt_ioctl(self->dev, VMSHM_IOC_UNLINK, &arg));
	EXPECT_EQ(-ENOENT, vt_open(self->dev, self->name, 0));
	EXPECT_EQ(0, vt_stat(self->fd, &stat));
	EXPECT_EQ(0, stat.out_linked);
	EXPECT_EQ(~0U, stat.out_domain_uid);
	EXPECT_STREQ(self->name, (char *)stat.out_name);
}

TEST_F(values, list)
{
	struct vmshm_stat stats[2];
	struct vmshm_list arg = {
		.size = sizeof(arg),
		.entries = (uintptr_t)stats,
		.entry_size = sizeof(stats[0]),
		.count = 2,
	};

#define LIST(err, ...)							\
	REFUSES(err, self->dev, VMSHM_IOC_LIST, arg, __VA_ARGS__)
	memset(stats, 0xff, sizeof(stats));
	LIST(EINVAL, arg.count = 0);
	LIST(EINVAL, arg.entry_size = 0);
	LIST(EINVAL, arg.entry_size = offsetof(struct vmshm_stat, out_name));
	LIST(EINVAL, arg.entry_size = sizeof(stats[0]) - 1);
	LIST(E2BIG, arg.entry_size = self->page + 1);
	LIST(E2BIG, arg.entry_size = 0xffffffff);
	LIST(EINVAL, arg.after_registry = self->info.out_registry + 1);
	LIST(EINVAL, set_name(arg.prefix, "/"));
	LIST(EINVAL, set_name(arg.prefix, "a//"));
	LIST(EINVAL, set_name(arg.prefix, "a b"));
	LIST(EINVAL, set_name(arg.prefix, "../a"));
	LIST(EINVAL, set_name(arg.prefix, "a/./"));
	LIST(EINVAL, memset(arg.prefix, 'a', sizeof(arg.prefix)));
	LIST(EINVAL, set_name(arg.after, "/"));
	LIST(EINVAL, set_name(arg.after, "a/"));
	LIST(EINVAL, set_name(arg.after, "."));
	LIST(EINVAL, memset(arg.after, 'a', sizeof(arg.after)));
	/* Nothing was written to. */
	EXPECT_EQ(0xffffffff, stats[0].size);
	set_name(arg.prefix, self->prefix);
	LIST(EFAULT, arg.entries = 0);
	LIST(EFAULT, arg.entries = 1);
	LIST(EFAULT, arg.entries = 0xffff888000000000ULL);
	LIST(EFAULT, arg.entries |= 1ULL << 63);
	EXPECT_EQ(0, arg.out_count);
#undef LIST
}

TEST_F(values, watch)
{
	struct vmshm_watch arg = { .size = sizeof(arg) };
	unsigned int bit;

#define WATCH(err, fd, ...)						\
	REFUSES(err, fd, VMSHM_IOC_WATCH, arg, __VA_ARGS__)
	for (bit = VMSHM_EVENT_UNBOUND + 1; bit < 32; bit++) {
		WATCH(EOPNOTSUPP, self->dev, arg.events = 1U << bit);
		WATCH(EOPNOTSUPP, self->fd, arg.events = 1U << bit | 2);
	}
	WATCH(EINVAL, self->dev, set_name(arg.prefix, "/"));
	WATCH(EINVAL, self->dev, set_name(arg.prefix, "a//b"));
	WATCH(EINVAL, self->dev, set_name(arg.prefix, "a\tb"));
	WATCH(EINVAL, self->dev, memset(arg.prefix, 'a', sizeof(arg.prefix)));
	WATCH(EINVAL, self->fd, set_name(arg.prefix, "a"));
	WATCH(EINVAL, self->fd, set_name(arg.prefix, self->name));
	/* Not even behind the NUL: it may mean something one day. */
	WATCH(EINVAL, self->fd, arg.prefix[VMSHM_NAME_MAX] = 'a');
#undef WATCH
}

TEST_F(values, domain)
{
	struct vmshm_domain arg = {
		.size = sizeof(arg),
		.op = VMSHM_DOMAIN_RESERVE,
		.uid = VT_ALICE,
	};

#define DOMAIN(err, ...)						\
	REFUSES(err, self->dev, VMSHM_IOC_DOMAIN, arg, __VA_ARGS__)
	set_name(arg.name, "values");
	DOMAIN(EOPNOTSUPP, arg.op = 0);
	DOMAIN(EOPNOTSUPP, arg.op = 3);
	DOMAIN(EOPNOTSUPP, arg.op = 0xffffffff);
	DOMAIN(EINVAL, arg.uid = -1);
	DOMAIN(EINVAL, set_name(arg.name, ""));
	DOMAIN(EINVAL, set_name(arg.name, "a/b"));
	DOMAIN(EINVAL, set_name(arg.name, "a/"));
	DOMAIN(EINVAL, set_name(arg.name, "/a"));
	DOMAIN(EINVAL, set_name(arg.name, ".."));
	DOMAIN(EINVAL, set_name(arg.name, "a b"));
	DOMAIN(EINVAL, memset(arg.name, 'a', sizeof(arg.name)));
	arg.op = VMSHM_DOMAIN_RELEASE;
	DOMAIN(EINVAL, arg.uid = 1);
	arg.uid = 0;
	DOMAIN(ENOENT, arg.uid = 0);
	/* Exists, but is not reserved. */
	DOMAIN(ENOENT, set_name(arg.name, self->prefix),
	       arg.name[strlen(self->prefix) - 1] = '\0');
	DOMAIN(EINVAL, set_name(arg.name, "a/b"));
#undef DOMAIN
}

TEST_F(values, resize)
{
	struct vmshm_resize arg = {
		.size = sizeof(arg),
		.region_size = REGION_SIZE + 4096,
	};

#define RESIZE(err, fd, ...)						\
	REFUSES(err, fd, VMSHM_IOC_RESIZE, arg, __VA_ARGS__)
	RESIZE(EFBIG, self->fd, arg.region_size = MAX_SIZE + 1);
	RESIZE(EFBIG, self->fd, arg.region_size = 1ULL << 63);
	RESIZE(EFBIG, self->fd, arg.region_size = ~0ULL);
	RESIZE(EACCES, self->readonly, arg.region_size = 4096);
	/* Also what would change nothing. */
	RESIZE(EACCES, self->readonly, arg.region_size = REGION_SIZE);
#undef RESIZE
}

TEST_F(values, seal)
{
	struct vmshm_seal arg = { .size = sizeof(arg) };
	unsigned int bit;

#define SEAL(err, fd, ...)						\
	REFUSES(err, fd, VMSHM_IOC_SEAL, arg, __VA_ARGS__)
	for (bit = 5; bit < 32; bit++) {
		SEAL(EOPNOTSUPP, self->fd, arg.add = 1U << bit);
		SEAL(EOPNOTSUPP, self->fd,
		     arg.add = 1U << bit | VMSHM_SEAL_GROW);
	}
	SEAL(EACCES, self->readonly, arg.add = VMSHM_SEAL_GROW);
#undef SEAL
	EXPECT_EQ(0, vt_ioctl(self->readonly, VMSHM_IOC_SEAL, &arg));
	EXPECT_EQ(0, arg.out_seals);
}

TEST_F(values, members)
{
	struct vmshm_member entries[4];
	struct vmshm_members arg = {
		.size = sizeof(arg),
		.entries = (uintptr_t)entries,
		.entry_size = sizeof(entries[0]),
		.count = 4,
	};

#define MEMBERS(err, ...)						\
	REFUSES(err, self->fd, VMSHM_IOC_MEMBERS, arg, __VA_ARGS__)
	memset(entries, 0xff, sizeof(entries));
	MEMBERS(EINVAL, arg.entry_size = 0);
	MEMBERS(EINVAL, arg.entry_size = sizeof(entries[0]) - 1);
	MEMBERS(E2BIG, arg.entry_size = self->page + 1);
	MEMBERS(EFAULT, arg.entries = 0);
	MEMBERS(EFAULT, arg.entries = 0xffff888000000000ULL);
	/* The count is told, and nothing else. */
	REFUSES(EMSGSIZE, self->fd, VMSHM_IOC_MEMBERS, arg, arg.count = 0);
	arg.count = 1;
	EXPECT_EQ(-EMSGSIZE, vt_ioctl(self->fd, VMSHM_IOC_MEMBERS, &arg));
	EXPECT_EQ(2, arg.out_count);
	EXPECT_EQ(1, arg.count);
	EXPECT_EQ(0xffffffff, entries[0].type);
#undef MEMBERS
}

/* Lists of bindings, and of their slots. */
TEST_F(values, bindings)
{
	struct vmshm_bind_slot slots[4];
	struct vmshm_binding entries[4];
	struct vmshm_bindings arg = {
		.size = sizeof(arg),
		.entries = (uintptr_t)entries,
		.entry_size = sizeof(entries[0]),
		.count = 4,
	};
	struct vmshm_bind_slots slots_arg = {
		.size = sizeof(slots_arg),
		.entries = (uintptr_t)slots,
		.entry_size = sizeof(slots[0]),
		.count = 4,
	};
	struct vmshm_bind bind = {
		.size = sizeof(bind),
		.flags = VMSHM_BIND_USER,
		.vm_fd = -1,
		.nr_slots = 2,
		.length = 2 * self->page,
		.granule = self->page,
	};

	self->changed = true;
	ASSERT_EQ(0, vt_ioctl(self->fd, VMSHM_IOC_BIND, &bind));
#define BINDINGS(err, ...)						\
	REFUSES(err, self->fd, VMSHM_IOC_BINDINGS, arg, __VA_ARGS__)
	memset(entries, 0xff, sizeof(entries));
	BINDINGS(EINVAL, arg.entry_size = 0);
	BINDINGS(EINVAL, arg.entry_size = sizeof(entries[0]) - 1);
	BINDINGS(E2BIG, arg.entry_size = self->page + 1);
	BINDINGS(EFAULT, arg.entries = 0);
	BINDINGS(EFAULT, arg.entries = 0xffff888000000000ULL);
	BINDINGS(EMSGSIZE, arg.count = 0);
	EXPECT_EQ(-1, entries[0].pid);
#undef BINDINGS
#define SLOTS(err, ...)							\
	REFUSES(err, bind.out_fd, VMSHM_IOC_BIND_SLOTS, slots_arg, __VA_ARGS__)
	memset(slots, 0xff, sizeof(slots));
	SLOTS(EINVAL, slots_arg.entry_size = 0);
	SLOTS(EINVAL, slots_arg.entry_size = sizeof(slots[0]) - 1);
	SLOTS(E2BIG, slots_arg.entry_size = self->page + 1);
	SLOTS(EFAULT, slots_arg.entries = 0);
	SLOTS(EFAULT, slots_arg.entries = 0xffff888000000000ULL);
	SLOTS(EMSGSIZE, slots_arg.count = 1);
	EXPECT_EQ(~0U, slots[0].slot);
	/* What was not seen has not been seen. */
	EXPECT_EQ(POLLIN, vt_poll(bind.out_fd) & POLLIN);
	EXPECT_EQ(0, vt_ioctl(bind.out_fd, VMSHM_IOC_BIND_SLOTS, &slots_arg));
	EXPECT_EQ(2, slots_arg.out_count);
	EXPECT_EQ(0, vt_poll(bind.out_fd));
#undef SLOTS
	close(bind.out_fd);
}

TEST_F(values, readonly)
{
	struct vmshm_readonly arg = { .size = sizeof(arg) };
	char path[64];
	int fd;

	/* Who can only write does not learn to read. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", self->fd);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EACCES, vt_ioctl(fd, VMSHM_IOC_READONLY, &arg));
	close(fd);
	ASSERT_EQ(0, vt_ioctl(self->readonly, VMSHM_IOC_READONLY, &arg));
	close(arg.out_fd);
}

TEST_F(values, watch_eventfd)
{
	struct vmshm_watch_eventfd arg = { .size = sizeof(arg) };
	int pipes[2];

#define EVENTFD(err, ...)						\
	REFUSES(err, self->watch, VMSHM_IOC_WATCH_EVENTFD, arg, __VA_ARGS__)
	ASSERT_EQ(0, pipe2(pipes, O_CLOEXEC));
	EVENTFD(EINVAL, arg.fd = pipes[0]);
	EVENTFD(EINVAL, arg.fd = self->watch);
	EVENTFD(EINVAL, arg.fd = self->fd);
	close(pipes[0]);
	close(pipes[1]);
	EVENTFD(EBADF, arg.fd = pipes[0]);
	EVENTFD(EBADF, arg.fd = -2);
	EVENTFD(EBADF, arg.fd = 0x7fffffff);
#undef EVENTFD
	/* There is none to be taken away. */
	arg.fd = -1;
	EXPECT_EQ(0, vt_ioctl(self->watch, VMSHM_IOC_WATCH_EVENTFD, &arg));
	EXPECT_EQ(0, vt_fdinfo(self->watch, "vmshm-eventfd"));
}

/* An O_PATH descriptor is no open file. */
TEST_F(values, o_path)
{
	struct vmshm_stat stat;
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", self->fd);
	fd = open(path, O_PATH | O_CLOEXEC);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EBADF, vt_stat(fd, &stat));
	EXPECT_EQ(-EBADF, vt_resize(fd, 0));
	close(fd);
}

/* Arrays of results that end at the edge of what is mapped, or beyond it. */
TEST_F(values, arrays_at_edge)
{
	struct vmshm_members members = {
		.size = sizeof(members),
		.entry_size = sizeof(struct vmshm_member),
		.count = 8,
	};
	struct vmshm_list list = {
		.size = sizeof(list),
		.entry_size = sizeof(struct vmshm_stat),
		.count = 8,
	};
	size_t n;
	char *end;
	int fd;

	self->changed = true;
	fd = vt_create(self->dev, self->new, 0, 0, 0, MODE);
	ASSERT_LE(0, fd);
	set_name(list.prefix, self->prefix);
	end = mmap(NULL, 2 * self->page, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, end);
	end += self->page;
	ASSERT_EQ(0, munmap(end, self->page));

	/* Two of each, whatever @count promises. */
	n = 2 * sizeof(struct vmshm_stat);
	list.entries = (uintptr_t)end - n;
	EXPECT_EQ(0, vt_ioctl(self->dev, VMSHM_IOC_LIST, &list));
	EXPECT_EQ(2, list.out_count);
	list.out_count = 0;
	list.out_more = 0;
	n = 2 * sizeof(struct vmshm_member);
	members.entries = (uintptr_t)end - n;
	EXPECT_EQ(0, vt_ioctl(self->fd, VMSHM_IOC_MEMBERS, &members));
	EXPECT_EQ(2, members.out_count);
	members.out_count = 0;

	for (n = 0; n < 2 * sizeof(struct vmshm_stat); n += 7) {
		list.entries = (uintptr_t)end - n;
		EXPECT_EQ(-EFAULT, vt_ioctl(self->dev, VMSHM_IOC_LIST, &list)) {
			TH_LOG("%zu bytes", n);
		}
		EXPECT_EQ(0, list.out_count);
	}
	for (n = 0; n < 2 * sizeof(struct vmshm_member); n += 7) {
		members.entries = (uintptr_t)end - n;
		EXPECT_EQ(-EFAULT,
			  vt_ioctl(self->fd, VMSHM_IOC_MEMBERS, &members)) {
			TH_LOG("%zu bytes", n);
		}
		EXPECT_EQ(0, members.out_count);
	}

	/* Elements larger than what is known: zeroed, so there must be room. */
	members.entry_size = sizeof(struct vmshm_member) + 8;
	members.entries = (uintptr_t)end - 2 * members.entry_size + 4;
	EXPECT_EQ(-EFAULT, vt_ioctl(self->fd, VMSHM_IOC_MEMBERS, &members));
	members.entries -= 4;
	memset(end - 2 * members.entry_size, 0xff, 2 * members.entry_size);
	EXPECT_EQ(0, vt_ioctl(self->fd, VMSHM_IOC_MEMBERS, &members));
	for (n = 1; n <= 8; n++) {
		EXPECT_EQ(0, end[-(int)n]);
		EXPECT_EQ(0, end[-(int)n - (int)members.entry_size]);
	}
	close(fd);
}

TEST_HARNESS_MAIN
