// SPDX-License-Identifier: GPL-2.0
/*
 * libvmshm on a real kernel: that what it asks for is what the kernel
 * understands, whose regions it opens, and its iterators.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <vmshm/vmshm.h>

#include "lib/harness.h"
#include "lib/vmshm_test.h"

#define THREADS		4
#define NAME_SIZE	(VMSHM_NAME_MAX + 1)

FIXTURE(library) {
	struct vmshm_context *context;
	struct vmshm_region *region;
	size_t page;
	char name[NAME_SIZE];
};

static int create(const struct vmshm_context *context, const char *name,
		  __u64 size, __u64 max_size, __u32 flags, __u32 mode,
		  struct vmshm_region **region)
{
	const struct vmshm_region_create_options opt = {
		.size = sizeof(opt),
		.region_size = size,
		.max_size = max_size,
		.flags = flags,
		.mode = mode,
	};

	return vmshm_region_create(context, name, &opt, region);
}

FIXTURE_SETUP(library)
{
	self->page = sysconf(_SC_PAGESIZE);
	ASSERT_EQ(0, vmshm_context_open(NULL, &self->context));
	vt_name(self->name, "library");
	/* Gone with the test, however that ends. */
	ASSERT_EQ(0, create(self->context, self->name, 4 * self->page,
			    16 * self->page, VMSHM_EPHEMERAL, 0,
			    &self->region));
}

FIXTURE_TEARDOWN(library)
{
	vmshm_region_close(self->region);
	vmshm_context_close(self->context);
}

TEST_F(library, info)
{
	struct vmshm_info info;

	ASSERT_EQ(0, vmshm_context_info(self->context, &info, sizeof(info)));
	EXPECT_EQ(VMSHM_ABI_VERSION, info.out_abi_version);
	EXPECT_EQ(self->page, info.out_page_size);
	EXPECT_EQ(VMSHM_NAME_MAX, info.out_name_max);
	EXPECT_LE(1, info.out_regions_used);
}

TEST_F(library, other_devices)
{
	struct vmshm_context *context;
	struct vmshm_region *region;
	int fd;

	EXPECT_EQ(-ENOTTY, vmshm_context_open("/dev/null", &context));
	EXPECT_EQ(-ENOENT, vmshm_context_open("/dev/vmshm-none", &context));

	fd = memfd_create("memfd", MFD_CLOEXEC);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-ENOTTY, vmshm_region_from_fd(fd, &region));
	EXPECT_EQ(-ENOTTY, vmshm_context_from_fd(fd, &context));
	EXPECT_EQ(0, close(fd));

	/* A region is no device, and the device no region. */
	EXPECT_EQ(-ENOTTY,
		  vmshm_context_from_fd(vmshm_region_fd(self->region),
					&context));
	EXPECT_EQ(-ENOTTY,
		  vmshm_region_from_fd(vmshm_context_fd(self->context),
				       &region));
}

TEST_F(library, create)
{
	struct vmshm_region *again;
	struct vmshm_stat stat;

	EXPECT_TRUE(vmshm_region_is_new(self->region));
	ASSERT_EQ(0, vmshm_region_stat(self->region, &stat, sizeof(stat)));
	EXPECT_EQ(vmshm_region_generation(self->region), stat.out_generation);
	EXPECT_EQ(4 * self->page, stat.out_region_size);
	EXPECT_EQ(16 * self->page, stat.out_max_size);
	EXPECT_EQ(VMSHM_EPHEMERAL, stat.out_flags);
	EXPECT_EQ(0600, stat.out_mode);
	EXPECT_STREQ(self->name, (const char *)stat.out_name);
	EXPECT_EQ(1, stat.out_opens);

	EXPECT_EQ(-EEXIST, create(self->context, self->name, 0, 0, 0, 0,
				  &again));
	ASSERT_EQ(0, create(self->context, self->name, self->page, 0,
			    VMSHM_OPEN_EXISTING, 0, &again));
	EXPECT_FALSE(vmshm_region_is_new(again));
	EXPECT_EQ(vmshm_region_generation(self->region),
		  vmshm_region_generation(again));
	vmshm_region_close(again);

	EXPECT_EQ(-EINVAL, create(self->context, "a//b", 0, 0, 0, 0, &again));
	EXPECT_EQ(-EFBIG, create(self->context, "a/b", 2, 1, 0, 0, &again));
	EXPECT_EQ(-EOPNOTSUPP, create(self->context, "a/b", 1, 0, 1U << 31, 0,
				      &again));
}

TEST_F(library, find)
{
	struct vmshm_stat by_name, by_fd;

	ASSERT_EQ(0, vmshm_region_stat(self->region, &by_fd, sizeof(by_fd)));
	ASSERT_EQ(0, vmshm_region_find(self->context, self->name, &by_name,
				       sizeof(by_name)));
	EXPECT_EQ(0, memcmp(&by_fd, &by_name, sizeof(by_fd)));
	/* A name of which it is a prefix is another one. */
	self->name[strlen(self->name) - 1] = 0;
	EXPECT_EQ(-ENOENT, vmshm_region_find(self->context, self->name,
					     &by_name, sizeof(by_name)));
}

/* Opens @name as this process; returns what the library says. */
static int try_open(const char *name, __u32 policy, __u32 owner,
		    __u64 generation)
{
	const struct vmshm_region_open_options opt = {
		.size = sizeof(opt),
		.owner_policy = policy,
		.owner = owner,
		.generation = generation,
	};
	struct vmshm_context *context;
	struct vmshm_region *region;
	int rc;

	rc = vmshm_context_open(NULL, &context);
	if (rc)
		return rc;

	rc = vmshm_region_open(context, name, &opt, &region);
	if (!rc)
		vmshm_region_close(region);
	vmshm_context_close(context);
	return rc;
}

static int try_create(const char *name, __u32 policy, __u32 owner)
{
	const struct vmshm_region_create_options opt = {
		.size = sizeof(opt),
		.flags = VMSHM_OPEN_EXISTING,
		.owner_policy = policy,
		.owner = owner,
	};
	struct vmshm_context *context;
	struct vmshm_region *region;
	int rc;

	rc = vmshm_context_open(NULL, &context);
	if (rc)
		return rc;

	rc = vmshm_region_create(context, name, &opt, &region);
	if (!rc)
		vmshm_region_close(region);
	vmshm_context_close(context);
	return rc;
}

/* Alice's region, which everybody may open, as she, Bob and root see it. */
TEST_F(library, owner)
{
	int fd = vmshm_region_fd(self->region);
	__u64 generation = vmshm_region_generation(self->region);
	const char *name = self->name;
	struct vt_child bob;

	ASSERT_EQ(0, fchown(fd, VT_ALICE, VT_ALICE));
	ASSERT_EQ(0, fchmod(fd, 0666));

	/* Root trusts itself only, unless told otherwise. */
	EXPECT_EQ(-ESTALE, try_open(name, VMSHM_OWNER_TRUSTED, 0, 0));
	EXPECT_EQ(-ESTALE, try_open(name, VMSHM_OWNER_ALSO, VT_BOB, 0));
	EXPECT_EQ(-ESTALE, try_open(name, VMSHM_OWNER_ONLY, VT_BOB, 0));
	EXPECT_EQ(0, try_open(name, VMSHM_OWNER_ALSO, VT_ALICE, 0));
	EXPECT_EQ(0, try_open(name, VMSHM_OWNER_ONLY, VT_ALICE, 0));
	EXPECT_EQ(0, try_open(name, VMSHM_OWNER_ANY, 0, 0));
	EXPECT_EQ(0, try_open(name, VMSHM_OWNER_ANY, 0, generation));
	EXPECT_EQ(-ESTALE, try_open(name, VMSHM_OWNER_ANY, 0, generation + 1));
	EXPECT_EQ(-ESTALE, try_create(name, VMSHM_OWNER_TRUSTED, 0));
	EXPECT_EQ(0, try_create(name, VMSHM_OWNER_ONLY, VT_ALICE));

	ASSERT_LE(0, vt_fork(&bob));
	if (!bob.pid) {
		VT_CHECK(vt_become(VT_BOB) == 0);
		VT_CHECK(try_open(name, VMSHM_OWNER_TRUSTED, 0, 0) == -ESTALE);
		VT_CHECK(try_open(name, VMSHM_OWNER_ONLY, VT_ALICE, 0) == 0);
		VT_CHECK(vt_tell(bob.sock) == 0);
		VT_CHECK(vt_hear(bob.sock) == 0);
		/* Now it is root's. */
		VT_CHECK(try_open(name, VMSHM_OWNER_TRUSTED, 0, 0) == 0);
		VT_CHECK(try_open(name, VMSHM_OWNER_ONLY, VT_ALICE, 0) ==
			 -ESTALE);
		VT_CHECK(vt_tell(bob.sock) == 0);
		VT_CHECK(vt_hear(bob.sock) == 0);
		/* And now he may not open it at all. */
		VT_CHECK(try_open(name, VMSHM_OWNER_TRUSTED, 0, 0) == -EACCES);
		_exit(0);
	}
	EXPECT_EQ(0, vt_hear(bob.sock));
	ASSERT_EQ(0, fchown(fd, 0, 0));
	EXPECT_EQ(0, vt_tell(bob.sock));
	EXPECT_EQ(0, vt_hear(bob.sock));
	ASSERT_EQ(0, fchmod(fd, 0600));
	EXPECT_EQ(0, vt_tell(bob.sock));
	EXPECT_EQ(0, vt_wait(&bob));
}

/* In a user namespace where neither the caller nor root has a number. */
TEST_F(library, owner_without_number)
{
	struct vt_child child;

	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		struct vmshm_context *context;
		struct vmshm_region *region;

		VT_CHECK(vt_unshare_user(VT_ALICE) == 0);
		VT_CHECK(vmshm_context_open(NULL, &context) == 0);
		VT_CHECK(create(context, "a/b", 1, 0, VMSHM_EPHEMERAL, 0,
				&region) == 0);
		/* Its own is trusted; user 0, who does not exist, no matter. */
		VT_CHECK(try_open("a/b", VMSHM_OWNER_TRUSTED, 0, 0) == 0);
		VT_CHECK(try_open("a/c", VMSHM_OWNER_TRUSTED, 0, 0) == -ENOENT);
		VT_CHECK(try_open("a/b", VMSHM_OWNER_ONLY, VT_BOB, 0) ==
			 -EINVAL);
		_exit(0);
	}
	EXPECT_EQ(0, vt_wait(&child));
}

TEST_F(library, map_and_resize)
{
	struct vmshm_region *other;
	char *a, *b;
	void *addr;

	ASSERT_EQ(0, vmshm_region_open(self->context, self->name, NULL,
				       &other));
	ASSERT_EQ(0, vmshm_region_map(self->region, NULL, 16 * self->page,
				      PROT_READ | PROT_WRITE, MAP_SHARED, 0,
				      &addr));
	a = addr;
	ASSERT_EQ(0, vmshm_region_map(other, NULL, self->page, PROT_READ,
				      MAP_SHARED, self->page, &addr));
	b = addr;
	strcpy(a + self->page, "hello");
	EXPECT_STREQ("hello", b);

	/* Mapped beyond the size already: room to grow. */
	EXPECT_EQ(0, vmshm_region_resize(other, 16 * self->page));
	a[16 * self->page - 1] = 1;
	EXPECT_EQ(-EFBIG, vmshm_region_resize(other, 16 * self->page + 1));
	EXPECT_EQ(-EBUSY, vmshm_region_resize(other, self->page));
	EXPECT_EQ(0, vmshm_region_unmap(a, 16 * self->page));
	EXPECT_EQ(-EBUSY, vmshm_region_resize(other, self->page));
	EXPECT_EQ(0, vmshm_region_unmap(b, self->page));
	EXPECT_EQ(0, vmshm_region_resize(other, self->page));
	vmshm_region_close(other);
}

TEST_F(library, seals)
{
	__u32 seals = ~0U;

	ASSERT_EQ(0, vmshm_region_get_seals(self->region, &seals));
	EXPECT_EQ(0, seals);
	ASSERT_EQ(0, vmshm_region_add_seals(self->region, VMSHM_SEAL_GROW));
	ASSERT_EQ(0, vmshm_region_get_seals(self->region, &seals));
	EXPECT_EQ(VMSHM_SEAL_GROW, seals);
	EXPECT_EQ(-EPERM, vmshm_region_resize(self->region, 5 * self->page));
	EXPECT_EQ(0, vmshm_region_resize(self->region, self->page));
	EXPECT_EQ(-EINVAL, vmshm_region_add_seals(self->region, 0));
	EXPECT_EQ(-EOPNOTSUPP, vmshm_region_add_seals(self->region, 1U << 31));
}

TEST_F(library, readonly)
{
	struct vmshm_region *readonly;
	void *addr;

	ASSERT_EQ(0, vmshm_region_readonly(self->region, &readonly));
	EXPECT_TRUE(vmshm_region_is_readonly(readonly));
	EXPECT_FALSE(vmshm_region_is_readonly(self->region));
	EXPECT_EQ(-EACCES, vmshm_region_resize(readonly, 0));
	EXPECT_EQ(-EACCES, vmshm_region_add_seals(readonly, VMSHM_SEAL_SEAL));
	EXPECT_EQ(-EACCES, vmshm_region_map(readonly, NULL, self->page,
					    PROT_READ | PROT_WRITE, MAP_SHARED,
					    0, &addr));
	ASSERT_EQ(0, vmshm_region_map(readonly, NULL, self->page, PROT_READ,
				      MAP_SHARED, 0, &addr));
	EXPECT_EQ(0, vmshm_region_unmap(addr, self->page));
	vmshm_region_close(readonly);
}

/* A region that came over a socket, read-only and not. */
TEST_F(library, passed_on)
{
	struct vmshm_region *readonly, *got;
	struct vt_child child;
	int fd;

	ASSERT_EQ(0, vmshm_region_readonly(self->region, &readonly));
	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		fd = vt_recv_fd(child.sock);
		VT_CHECK(vmshm_region_from_fd(fd, &got) == 0);
		VT_CHECK(!vmshm_region_is_readonly(got));
		VT_CHECK(vmshm_region_generation(got) ==
			 vmshm_region_generation(self->region));
		VT_CHECK(vmshm_region_resize(got, 0) == 0);
		VT_CHECK(vmshm_region_detach(got) == fd);
		VT_CHECK(close(fd) == 0);

		fd = vt_recv_fd(child.sock);
		VT_CHECK(vmshm_region_from_fd(fd, &got) == 0);
		VT_CHECK(vmshm_region_is_readonly(got));
		vmshm_region_close(got);
		VT_CHECK(close(fd) == -1);
		_exit(0);
	}
	EXPECT_EQ(0, vt_send_fd(child.sock, vmshm_region_fd(self->region)));
	EXPECT_EQ(0, vt_send_fd(child.sock, vmshm_region_fd(readonly)));
	EXPECT_EQ(0, vt_wait(&child));
	vmshm_region_close(readonly);
}

TEST_F(library, unlink)
{
	struct vmshm_region_unlink_options opt = { .size = sizeof(opt) };
	__u64 generation = vmshm_region_generation(self->region);
	struct vmshm_stat stat;

	opt.generation = generation + 1;
	EXPECT_EQ(-ESTALE, vmshm_region_unlink(self->context, self->name,
					       &opt));
	ASSERT_EQ(0, vmshm_region_stat(self->region, &stat, sizeof(stat)));
	opt.registry = stat.out_registry + 1;
	opt.generation = generation;
	EXPECT_EQ(-ENOENT, vmshm_region_unlink(self->context, self->name,
					       &opt));
	opt.registry = stat.out_registry;
	EXPECT_EQ(0, vmshm_region_unlink(self->context, self->name, &opt));
	EXPECT_EQ(-ENOENT, vmshm_region_unlink(self->context, self->name,
					       NULL));
	ASSERT_EQ(0, vmshm_region_stat(self->region, &stat, sizeof(stat)));
	EXPECT_EQ(0, stat.out_linked);
}

/* More regions than fit into one call, of which some go meanwhile. */
TEST_F(library, list)
{
	enum { COUNT = 300 };
	struct vmshm_region_list_options opt = { .size = sizeof(opt) };
	char prefix[NAME_SIZE + 8], name[NAME_SIZE + 16];
	static struct vmshm_region *regions[COUNT];
	struct vmshm_region_list *list;
	const struct vmshm_stat *stat;
	int i, seen = 0;

	snprintf(prefix, sizeof(prefix), "%s-list/", self->name);
	for (i = 0; i < COUNT; i++) {
		snprintf(name, sizeof(name), "%s%03d", prefix, i);
		ASSERT_EQ(0, create(self->context, name, 1, 0, VMSHM_EPHEMERAL,
				    0, &regions[i]));
	}

	opt.prefix = prefix;
	ASSERT_EQ(0, vmshm_region_list_open(self->context, &opt, &list));
	while (vmshm_region_list_next(list, &stat) == 1) {
		snprintf(name, sizeof(name), "%s%03d", prefix, seen);
		ASSERT_STREQ(name, (const char *)stat->out_name);
		ASSERT_EQ(vmshm_region_generation(regions[seen]),
			  stat->out_generation);
		/* Where the list stands, the region goes. */
		vmshm_region_close(regions[seen]);
		seen++;
	}
	EXPECT_EQ(COUNT, seen);
	EXPECT_EQ(0, vmshm_region_list_next(list, &stat));
	vmshm_region_list_close(list);

	ASSERT_EQ(0, vmshm_region_list_open(self->context, &opt, &list));
	EXPECT_EQ(0, vmshm_region_list_next(list, &stat));
	vmshm_region_list_close(list);

	opt.prefix = "//";
	ASSERT_EQ(0, vmshm_region_list_open(self->context, &opt, &list));
	EXPECT_EQ(-EINVAL, vmshm_region_list_next(list, &stat));
	vmshm_region_list_close(list);
}

/* More members than the library first asks for. */
TEST_F(library, members)
{
	enum { COUNT = 100 };
	struct vmshm_region *regions[COUNT];
	struct vmshm_member_list *members;
	const struct vmshm_member *member;
	int i, opens = 0, maps = 0;
	void *addr;

	for (i = 0; i < COUNT; i++)
		ASSERT_EQ(0, vmshm_region_open(self->context, self->name, NULL,
					       &regions[i]));
	ASSERT_EQ(0, vmshm_region_map(self->region, NULL, self->page, PROT_READ,
				      MAP_PRIVATE, self->page, &addr));

	ASSERT_EQ(0, vmshm_member_list_open(self->region, &members));
	EXPECT_EQ(COUNT + 2, vmshm_member_list_count(members));
	while (vmshm_member_list_next(members, &member) == 1) {
		EXPECT_EQ(getpid(), member->pid);
		if (member->type == VMSHM_MEMBER_OPEN) {
			EXPECT_EQ(0, maps);
			opens++;
		} else {
			EXPECT_EQ(VMSHM_MEMBER_READ | VMSHM_MEMBER_PRIVATE,
				  member->flags);
			EXPECT_EQ(self->page, member->offset);
			maps++;
		}
	}
	EXPECT_EQ(COUNT + 1, opens);
	EXPECT_EQ(1, maps);
	vmshm_member_list_close(members);

	vmshm_region_unmap(addr, self->page);
	for (i = 0; i < COUNT; i++)
		vmshm_region_close(regions[i]);
}

TEST_F(library, watcher)
{
	struct vmshm_watcher_options opt = {
		.size = sizeof(opt),
		.events = 1U << VMSHM_EVENT_RESIZED |
			  1U << VMSHM_EVENT_UNLINKED,
		.flags = VMSHM_WATCHER_NONBLOCK,
	};
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	const struct vmshm_event *event;
	struct vmshm_watcher *watcher;
	struct vmshm_stat stat;
	eventfd_t count;
	int i;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, vmshm_region_stat(self->region, &stat, sizeof(stat)));
	ASSERT_EQ(0, vmshm_watcher_open_region(self->region, &opt, &watcher));
	EXPECT_EQ(stat.out_seq, vmshm_watcher_start(watcher));
	EXPECT_EQ(-EBADF, vmshm_watcher_set_eventfd(watcher, 0x7fffffff));
	EXPECT_EQ(-EINVAL,
		  vmshm_watcher_set_eventfd(watcher,
					    vmshm_region_fd(self->region)));
	ASSERT_EQ(0, vmshm_watcher_set_eventfd(watcher, fd));
	EXPECT_EQ(-EAGAIN, vmshm_watcher_next(watcher, &event));

	/* More than are read at once. */
	for (i = 1; i <= 150; i++)
		ASSERT_EQ(0, vmshm_region_resize(self->region, i));
	ASSERT_EQ(0, eventfd_read(fd, &count));
	EXPECT_EQ(150, count);
	ASSERT_EQ(0, vmshm_watcher_set_eventfd(watcher, -1));
	for (i = 1; i <= 150; i++) {
		ASSERT_EQ(1, vmshm_watcher_next(watcher, &event));
		ASSERT_EQ(VMSHM_EVENT_RESIZED, event->type);
		ASSERT_EQ((__u64)i, event->value);
		ASSERT_EQ(stat.out_seq + i, event->seq);
		ASSERT_EQ(getpid(), event->pid);
		ASSERT_STREQ(self->name, (const char *)event->name);
	}
	EXPECT_EQ(-EAGAIN, vmshm_watcher_next(watcher, &event));
	EXPECT_EQ(-1, eventfd_read(fd, &count));

	/* The name goes with the last file, and then all is over. */
	vmshm_region_close(self->region);
	self->region = NULL;
	ASSERT_EQ(1, vmshm_watcher_next(watcher, &event));
	EXPECT_EQ(VMSHM_EVENT_UNLINKED, event->type);
	EXPECT_EQ(0, vmshm_watcher_next(watcher, &event));
	vmshm_watcher_close(watcher);
	close(fd);
}

TEST_F(library, watcher_of_a_prefix)
{
	struct vmshm_watcher_options opt = { .size = sizeof(opt) };
	char prefix[NAME_SIZE + 8], name[NAME_SIZE + 16];
	const struct vmshm_event *event;
	struct vmshm_watcher *watcher;
	struct vmshm_region *region;

	snprintf(prefix, sizeof(prefix), "%s-watch/", self->name);
	snprintf(name, sizeof(name), "%sx", prefix);
	opt.prefix = prefix;
	EXPECT_EQ(-EINVAL, vmshm_watcher_open_region(self->region, &opt,
						     &watcher));
	ASSERT_EQ(0, vmshm_watcher_open(self->context, &opt, &watcher));
	ASSERT_EQ(0, create(self->context, name, 1, 0, VMSHM_EPHEMERAL, 0,
			    &region));
	ASSERT_EQ(0, vmshm_region_resize(self->region, 1));
	/* It waits; the other region's event is none of it. */
	ASSERT_EQ(1, vmshm_watcher_next(watcher, &event));
	EXPECT_EQ(VMSHM_EVENT_CREATED, event->type);
	EXPECT_EQ(vmshm_region_generation(region), event->generation);
	vmshm_region_close(region);
	vmshm_watcher_close(watcher);
}

TEST_F(library, domain)
{
	char domain[32];

	snprintf(domain, sizeof(domain), "domain-%d", getpid());
	EXPECT_EQ(-ENOENT, vmshm_domain_release(self->context, domain));
	ASSERT_EQ(0, vmshm_domain_reserve(self->context, domain, VT_ALICE));
	EXPECT_EQ(0, vmshm_domain_release(self->context, domain));
	EXPECT_EQ(-EINVAL, vmshm_domain_reserve(self->context, "a/b", 0));
}

struct thread {
	pthread_t thread;
	const struct vmshm_context *context;
	const struct vmshm_region *region;
	const char *name;
	int rc;
};

static int use_all(const struct thread *thread)
{
	struct vmshm_member_list *members;
	struct vmshm_region *other;
	struct vmshm_stat stat;
	void *addr;
	int rc;

	rc = vmshm_region_stat(thread->region, &stat, sizeof(stat));
	if (!rc)
		rc = vmshm_region_resize(thread->region, 4096);
	if (!rc)
		rc = vmshm_region_map(thread->region, NULL, 4096, PROT_READ,
				      MAP_SHARED, 0, &addr);
	if (!rc)
		rc = vmshm_region_unmap(addr, 4096);
	if (!rc)
		rc = vmshm_member_list_open(thread->region, &members);
	if (!rc) {
		vmshm_member_list_close(members);
		rc = vmshm_region_open(thread->context, thread->name, NULL,
				       &other);
	}
	if (!rc)
		vmshm_region_close(other);
	return rc;
}

static void *use(void *arg)
{
	struct thread *thread = arg;
	int i;

	for (i = 0; i < 100 && !thread->rc; i++)
		thread->rc = use_all(thread);
	return NULL;
}

/* One context and one region may be used by any number of threads. */
TEST_F(library, threads)
{
	struct thread threads[THREADS];
	int i;

	for (i = 0; i < THREADS; i++) {
		threads[i].context = self->context;
		threads[i].region = self->region;
		threads[i].name = self->name;
		threads[i].rc = 0;
		ASSERT_EQ(0, pthread_create(&threads[i].thread, NULL, use,
					    &threads[i]));
	}
	for (i = 0; i < THREADS; i++) {
		ASSERT_EQ(0, pthread_join(threads[i].thread, NULL));
		EXPECT_EQ(0, threads[i].rc);
	}
}

/* What the library opens does not survive exec. */
TEST_F(library, descriptors)
{
	struct vmshm_watcher *watcher;
	struct vmshm_region *readonly;
	int fds[4], i;

	ASSERT_EQ(0, vmshm_region_readonly(self->region, &readonly));
	ASSERT_EQ(0, vmshm_watcher_open(self->context, NULL, &watcher));
	fds[0] = vmshm_context_fd(self->context);
	fds[1] = vmshm_region_fd(self->region);
	fds[2] = vmshm_region_fd(readonly);
	fds[3] = vmshm_watcher_fd(watcher);
	for (i = 0; i < 4; i++)
		EXPECT_EQ(FD_CLOEXEC, fcntl(fds[i], F_GETFD));
	vmshm_watcher_close(watcher);
	vmshm_region_close(readonly);
	for (i = 2; i < 4; i++)
		EXPECT_EQ(-1, fcntl(fds[i], F_GETFD));
}

TEST_HARNESS_MAIN
