// SPDX-License-Identifier: GPL-2.0
/*
 * User namespaces: each has names of its own, sees its own ids, and has its own
 * root, who is nobody outside.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "lib/harness.h"
#include "lib/vmshm_env.h"

/* The ids of a namespace. */
#define OUTSIDE		100000
#define COUNT		10
/* What an id without a mapping is shown as. */
#define NOBODY		65534

FIXTURE(userns) {
	int dev;
	__u32 id;
	struct vt_child child;
	char prefix[VMSHM_NAME_MAX + 1];
	char name[VMSHM_NAME_MAX + 1];
	char other[VMSHM_NAME_MAX + 1];
};

FIXTURE_SETUP(userns)
{
	self->dev = vt_device();
	ASSERT_LE(0, self->dev);
	self->id = vt_userns_id();
	ASSERT_NE(0, self->id);
	vt_name(self->prefix, "");
	vt_name(self->name, "region");
	vt_name(self->other, "other");
}

FIXTURE_TEARDOWN(userns)
{
	EXPECT_EQ(0, vt_act_as_root());
	EXPECT_LE(0, vt_unlink_all(self->dev, self->prefix));
	close(self->dev);
}

/* Acts as another user of this process's namespace, and as its root again. */
static void become(uid_t uid)
{
	VT_CHECK(seteuid(0) == 0);
	VT_CHECK(setegid(uid) == 0);
	VT_CHECK(seteuid(uid) == 0);
}

static int try(int dev, const char *name, __u32 flags)
{
	int fd = vt_open(dev, name, flags);

	if (fd >= 0)
		close(fd);
	return fd < 0 ? fd : 0;
}

static int unlink_there(int dev, const char *name, __u32 registry)
{
	struct vmshm_unlink arg = {
		.size = sizeof(arg),
		.flags = VMSHM_UNLINK_REGISTRY,
		.registry = registry,
	};

	memcpy(arg.name, name, strlen(name));
	return vt_ioctl(dev, VMSHM_IOC_UNLINK, &arg);
}

TEST_F(userns, same_name_twice)
{
	struct vmshm_stat stat;
	char c;
	int fd;

	fd = vt_create(self->dev, self->name, 4096, 0, 0, 0666);
	ASSERT_LE(0, fd);
	ASSERT_EQ(1, pwrite(fd, "o", 1, 0));
	if (vt_fork_userns(&self->child, VT_ALICE, OUTSIDE, COUNT) == 0) {
		int dev = vt_device();

		VT_CHECK(dev >= 0);
		VT_CHECK(vt_userns_id() != self->id);
		VT_CHECK(try(dev, self->name, 0) == -ENOENT);
		VT_CHECK(vt_unlink(dev, self->name) == -ENOENT);
		VT_CHECK(vt_list(dev, "", 0, NULL, 0) == 0);
		/* Nor is the domain anybody's. */
		fd = vt_create(dev, self->name, 8192, 0, VMSHM_EPHEMERAL, 0666);
		VT_CHECK(fd >= 0);
		VT_CHECK(pwrite(fd, "i", 1, 0) == 1);
		VT_CHECK(vt_stat(fd, &stat) == 0);
		VT_CHECK(stat.out_registry == vt_userns_id());
		VT_CHECK(vt_create(dev, self->other, 0, 0, VMSHM_EPHEMERAL,
				   0666) >= 0);
		VT_CHECK(vt_list(dev, "", 0, NULL, 0) == 2);
		VT_CHECK(vt_tell(self->child.sock) == 0);
		VT_CHECK(vt_hear(self->child.sock) == 0);
		VT_CHECK(pread(fd, &c, 1, 0) == 1 && c == 'i');
		VT_CHECK(vt_unlink(dev, self->name) == 0);
		_exit(0);
	}
	ASSERT_EQ(0, vt_hear(self->child.sock));
	EXPECT_EQ(-ENOENT, try(self->dev, self->other, 0));
	EXPECT_EQ(-ENOENT, vt_unlink(self->dev, self->other));
	EXPECT_EQ(1, vt_list(self->dev, self->prefix, 0, &stat, 1));
	EXPECT_EQ(self->id, stat.out_registry);
	EXPECT_EQ(4096, stat.out_region_size);
	EXPECT_EQ(1, pread(fd, &c, 1, 0));
	EXPECT_EQ('o', c);
	EXPECT_EQ(0, vt_tell(self->child.sock));
	EXPECT_EQ(0, vt_wait(&self->child));
	EXPECT_EQ(0, try(self->dev, self->name, 0));
	close(fd);
}

/* Namespaces of the same user are apart as well. */
TEST_F(userns, siblings)
{
	struct vt_child second;

	if (vt_fork_userns(&self->child, VT_ALICE, OUTSIDE, COUNT) == 0) {
		int dev = vt_device();

		VT_CHECK(vt_create(dev, self->name, 0, 0, VMSHM_EPHEMERAL,
				   0666) >= 0);
		VT_CHECK(vt_tell(self->child.sock) == 0);
		VT_CHECK(vt_hear(self->child.sock) == 0);
		VT_CHECK(vt_list(dev, "", 0, NULL, 0) == 1);
		_exit(0);
	}
	ASSERT_EQ(0, vt_hear(self->child.sock));
	if (vt_fork_userns(&second, VT_ALICE, OUTSIDE, COUNT) == 0) {
		int dev = vt_device();

		VT_CHECK(try(dev, self->name, 0) == -ENOENT);
		VT_CHECK(vt_create(dev, self->name, 0, 0, VMSHM_EPHEMERAL,
				   0666) >= 0);
		VT_CHECK(vt_list(dev, "", 0, NULL, 0) == 1);
		_exit(0);
	}
	EXPECT_EQ(0, vt_wait(&second));
	EXPECT_EQ(0, vt_tell(self->child.sock));
	EXPECT_EQ(0, vt_wait(&self->child));
}

/* What STAT, LIST, MEMBERS and events say of the same thing, to whom. */
static void check_ids(int fd, int watch, uid_t uid)
{
	struct vmshm_member members[8];
	struct vmshm_event event;
	struct vmshm_stat stat;
	int n, i;

	VT_CHECK(vt_stat(fd, &stat) == 0);
	VT_CHECK(stat.out_uid == uid);
	VT_CHECK(stat.out_gid == uid);
	VT_CHECK(stat.out_domain_uid == uid);
	n = vt_members(fd, members, 8);
	VT_CHECK(n >= 1);
	for (i = 0; i < n; i++)
		VT_CHECK(members[i].uid == uid);
	VT_CHECK(vt_next_event(watch, &event) == 0);
	VT_CHECK(event.type == VMSHM_EVENT_RESIZED);
	VT_CHECK(event.uid == uid);
}

TEST_F(userns, ids_of_inside)
{
	struct vmshm_stat stats[2];
	int fd, watch;

	if (vt_fork_userns(&self->child, VT_ALICE, OUTSIDE, COUNT) == 0) {
		int dev = vt_device();

		become(5);
		fd = vt_create(dev, self->name, 4096, 8192, VMSHM_EPHEMERAL,
			       0640);
		VT_CHECK(fd >= 0);
		VT_CHECK(vt_list(dev, "", 0, stats, 1) == 1);
		VT_CHECK(stats[0].out_uid == 5);
		VT_CHECK(stats[0].out_gid == 5);
		VT_CHECK(stats[0].out_domain_uid == 5);
		watch = vt_watch(dev, self->name, 1 << VMSHM_EVENT_RESIZED,
				 NULL);
		VT_CHECK(watch >= 0);
		VT_CHECK(vt_resize(fd, 8192) == 0);
		check_ids(fd, watch, 5);
		VT_CHECK(vt_resize(fd, 4096) == 0);
		VT_CHECK(vt_send_fd(self->child.sock, fd) == 0);
		VT_CHECK(vt_send_fd(self->child.sock, watch) == 0);
		VT_CHECK(vt_hear(self->child.sock) == 0);
		_exit(0);
	}
	fd = vt_recv_fd(self->child.sock);
	ASSERT_LE(0, fd);
	watch = vt_recv_fd(self->child.sock);
	ASSERT_LE(0, watch);
	check_ids(fd, watch, OUTSIDE + 5);
	ASSERT_EQ(1, vt_list(self->dev, self->name, VMSHM_LIST_ALL, stats, 2));
	EXPECT_EQ(OUTSIDE + 5, stats[0].out_uid);
	EXPECT_EQ(OUTSIDE + 5, stats[0].out_gid);
	EXPECT_EQ(OUTSIDE + 5, stats[0].out_domain_uid);
	EXPECT_EQ(0, vt_tell(self->child.sock));
	EXPECT_EQ(0, vt_wait(&self->child));
	close(fd);
	close(watch);
}

TEST_F(userns, ids_of_outside)
{
	struct vmshm_stat stat;
	int fd, watch;

	ASSERT_EQ(0, vt_act_as(VT_BOB, VT_BOB));
	fd = vt_create(self->dev, self->name, 4096, 8192, 0, 0666);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, vt_act_as_root());
	watch = vt_watch(fd, "", 1 << VMSHM_EVENT_RESIZED, NULL);
	ASSERT_LE(0, watch);
	ASSERT_EQ(0, vt_resize(fd, 8192));
	if (vt_fork_userns(&self->child, VT_ALICE, OUTSIDE, COUNT) == 0) {
		check_ids(fd, watch, NOBODY);
		/* Not as one that it could ask for. */
		VT_CHECK(vt_list(self->dev, self->name, 0, &stat, 1) == 1);
		VT_CHECK(stat.out_uid == NOBODY);
		_exit(0);
	}
	EXPECT_EQ(0, vt_wait(&self->child));
	close(watch);
	close(fd);
}

/* Ids that are asked for are those of the asker. */
TEST_F(userns, ids_asked_for)
{
	if (vt_fork_userns(&self->child, VT_ALICE, OUTSIDE, COUNT) == 0) {
		struct vmshm_open arg = {
			.size = sizeof(arg),
			.flags = VMSHM_OPEN_OWNER,
		};
		char domain[VMSHM_NAME_MAX + 1];
		struct vmshm_stat stat;
		int dev = vt_device(), fd;

		strcpy(domain, self->name);
		*strchr(domain, '/') = '\0';
		VT_CHECK(vt_domain_reserve(dev, domain, COUNT) == -EINVAL);
		VT_CHECK(vt_domain_reserve(dev, domain, OUTSIDE) == -EINVAL);
		VT_CHECK(vt_domain_reserve(dev, domain, 5) == 0);
		become(6);
		VT_CHECK(vt_create(dev, self->name, 0, 0, 0, 0) == -EACCES);
		become(5);
		fd = vt_create(dev, self->name, 0, 0, VMSHM_EPHEMERAL, 0666);
		VT_CHECK(fd >= 0);
		VT_CHECK(vt_stat(fd, &stat) == 0);
		VT_CHECK(stat.out_domain_uid == 5);

		memcpy(arg.name, self->name, sizeof(arg.name));
		arg.owner = OUTSIDE + 5;
		VT_CHECK(vt_ioctl(dev, VMSHM_IOC_OPEN, &arg) == -EINVAL);
		arg.owner = 0;
		VT_CHECK(vt_ioctl(dev, VMSHM_IOC_OPEN, &arg) == -ESTALE);
		arg.owner = 5;
		VT_CHECK(vt_ioctl(dev, VMSHM_IOC_OPEN, &arg) == 0);
		_exit(0);
	}
	EXPECT_EQ(0, vt_wait(&self->child));
}

TEST_F(userns, root_is_not_root_outside)
{
	char domain[VMSHM_NAME_MAX + 1];
	struct vmshm_stat stat;
	int fd;

	snprintf(domain, sizeof(domain), "test-%d", getpid());
	fd = vt_create(self->dev, self->name, 4096, 0, 0, 0600);
	ASSERT_LE(0, fd);
	if (vt_fork_userns(&self->child, VT_ALICE, OUTSIDE, COUNT) == 0) {
		int dev = vt_device(), mine;

		/* With the device as it was opened outside. */
		VT_CHECK(try(self->dev, self->name, 0) == -EACCES);
		VT_CHECK(try(self->dev, self->name,
			     VMSHM_OPEN_RDONLY) == -EACCES);
		VT_CHECK(vt_unlink(self->dev, self->name) == -EPERM);
		VT_CHECK(vt_list(self->dev, self->prefix, 0, NULL, 0) == 0);
		VT_CHECK(vt_create(self->dev, self->other, 0, 0, 0,
				   0666) == -EACCES);
		VT_CHECK(vt_domain_reserve(self->dev, domain, 0) == -EPERM);
		VT_CHECK(vt_domain_release(self->dev, domain) == -EPERM);
		/* With either. */
		VT_CHECK(vt_list(self->dev, "", VMSHM_LIST_ALL, NULL,
				 0) == -EPERM);
		VT_CHECK(vt_list(dev, "", VMSHM_LIST_ALL, NULL, 0) == -EPERM);
		VT_CHECK(unlink_there(self->dev, self->name,
				      self->id) == -EPERM);
		VT_CHECK(unlink_there(dev, self->name, self->id) == -EPERM);
		/* Not even its own, by that way. */
		mine = vt_create(dev, self->name, 0, 0, VMSHM_EPHEMERAL, 0600);
		VT_CHECK(mine >= 0);
		VT_CHECK(unlink_there(dev, self->name,
				      vt_userns_id()) == -EPERM);
		_exit(0);
	}
	EXPECT_EQ(0, vt_wait(&self->child));
	ASSERT_EQ(0, vt_stat(fd, &stat));
	EXPECT_EQ(1, stat.out_linked);
	EXPECT_EQ(0, stat.out_domain_uid);
	close(fd);
}

/* The device is of the namespace it was opened in, whoever uses it. */
TEST_F(userns, registry_is_of_the_opener)
{
	struct vmshm_stat stat;

	if (vt_fork_userns(&self->child, VT_ALICE, OUTSIDE, COUNT) == 0) {
		int fd;

		fd = vt_create(self->dev, self->name, 0, 0, 0, 0600);
		VT_CHECK(fd >= 0);
		VT_CHECK(vt_stat(fd, &stat) == 0);
		VT_CHECK(stat.out_registry == self->id);
		_exit(0);
	}
	EXPECT_EQ(0, vt_wait(&self->child));
	ASSERT_EQ(1, vt_list(self->dev, self->name, 0, &stat, 1));
	EXPECT_EQ(OUTSIDE, stat.out_uid);
	EXPECT_EQ(OUTSIDE, stat.out_domain_uid);
}

TEST_F(userns, root_is_root_inside)
{
	if (vt_fork_userns(&self->child, VT_ALICE, OUTSIDE, COUNT) == 0) {
		int dev = vt_device(), fd;
		char domain[VMSHM_NAME_MAX + 1];

		strcpy(domain, self->name);
		*strchr(domain, '/') = '\0';
		become(5);
		fd = vt_create(dev, self->name, 0, 0, VMSHM_EPHEMERAL, 0600);
		VT_CHECK(fd >= 0);
		become(6);
		VT_CHECK(try(dev, self->name, 0) == -EACCES);
		VT_CHECK(vt_unlink(dev, self->name) == -EPERM);
		VT_CHECK(vt_create(dev, self->other, 0, 0, 0, 0) == -EACCES);
		VT_CHECK(vt_domain_reserve(dev, domain, 6) == -EPERM);
		VT_CHECK(vt_list(dev, "", 0, NULL, 0) == 0);
		become(0);
		VT_CHECK(try(dev, self->name, 0) == 0);
		VT_CHECK(vt_list(dev, "", 0, NULL, 0) == 1);
		VT_CHECK(vt_create(dev, self->other, 0, 0, VMSHM_EPHEMERAL,
				   0600) >= 0);
		VT_CHECK(vt_domain_reserve(dev, domain, 6) == 0);
		VT_CHECK(vt_domain_release(dev, domain) == 0);
		VT_CHECK(vt_unlink(dev, self->name) == 0);
		_exit(0);
	}
	EXPECT_EQ(0, vt_wait(&self->child));
}

/*
 * A region in the namespace's registry whose owner has no id there: nobody's
 * to open, but its administrator's to clear away.
 */
TEST_F(userns, owner_without_id)
{
	int dev, fd;

	if (vt_fork_userns(&self->child, VT_ALICE, OUTSIDE, COUNT) == 0) {
		dev = vt_device();
		VT_CHECK(vt_send_fd(self->child.sock, dev) == 0);
		VT_CHECK(vt_hear(self->child.sock) == 0);
		VT_CHECK(try(dev, self->name, 0) == -EACCES);
		VT_CHECK(try(dev, self->name, VMSHM_OPEN_RDONLY) == -EACCES);
		VT_CHECK(vt_list(dev, "", 0, NULL, 0) == 0);
		become(5);
		VT_CHECK(vt_unlink(dev, self->name) == -EPERM);
		become(0);
		VT_CHECK(vt_unlink(dev, self->name) == 0);
		_exit(0);
	}
	dev = vt_recv_fd(self->child.sock);
	ASSERT_LE(0, dev);
	fd = vt_create(dev, self->name, 0, 0, 0, 0600);
	ASSERT_LE(0, fd);
	/* It went there, and not here. */
	EXPECT_EQ(-ENOENT, try(self->dev, self->name, 0));
	EXPECT_EQ(0, vt_tell(self->child.sock));
	EXPECT_EQ(0, vt_wait(&self->child));
	close(fd);
	close(dev);
}

/* Forks a process in a namespace inside of that of the caller, its root. */
static pid_t fork_nested(struct vt_child *child)
{
	pid_t pid = vt_fork(child);

	if (pid == 0) {
		VT_CHECK(vt_unshare_user(0) == 0);
		VT_CHECK(setresuid(0, 0, 0) == 0);
	}
	return pid;
}

TEST_F(userns, nested)
{
	struct vmshm_info before, info;

	ASSERT_EQ(0, vt_act_as(VT_ALICE, VT_ALICE));
	ASSERT_EQ(0, vt_info(self->dev, &before));
	ASSERT_EQ(0, vt_act_as_root());
	if (vt_fork_userns(&self->child, VT_ALICE, OUTSIDE, COUNT) == 0) {
		int dev = vt_device(), inner_dev, fd;
		__u32 id = vt_userns_id();
		struct vt_child inner;

		if (fork_nested(&inner) == 0) {
			struct vmshm_stat stat;

			VT_CHECK(vt_userns_id() != id);
			inner_dev = vt_device();
			VT_CHECK(inner_dev >= 0);
			fd = vt_create(inner_dev, self->name, 0, 0, 0, 0600);
			VT_CHECK(fd >= 0);
			VT_CHECK(vt_stat(fd, &stat) == 0);
			VT_CHECK(stat.out_registry == vt_userns_id());
			VT_CHECK(stat.out_uid == 0);
			VT_CHECK(try(dev, self->name, 0) == -ENOENT);
			/* Its root has no power over what is outside. */
			VT_CHECK(vt_domain_reserve(dev, "d", 0) == -EPERM);
			VT_CHECK(vt_domain_reserve(inner_dev, "d", 0) == 0);
			VT_CHECK(vt_send_fd(inner.sock, inner_dev) == 0);
			VT_CHECK(vt_hear(inner.sock) == 0);
			_exit(0);
		}
		inner_dev = vt_recv_fd(inner.sock);
		VT_CHECK(inner_dev >= 0);
		VT_CHECK(vt_list(dev, "", 0, NULL, 0) == 0);
		VT_CHECK(try(dev, self->name, 0) == -ENOENT);
		/* But its own root has power over what is inside. */
		VT_CHECK(try(inner_dev, self->name, 0) == 0);
		VT_CHECK(vt_domain_release(inner_dev, "d") == 0);

		/* All of it counts as that of who made the outer one. */
		VT_CHECK(vt_info(dev, &info) == 0);
		VT_CHECK(info.out_regions_used == before.out_regions_used + 1);
		VT_CHECK(info.out_registry == id);
		VT_CHECK(vt_info(inner_dev, &info) == 0);
		VT_CHECK(info.out_regions_used == before.out_regions_used + 1);
		VT_CHECK(info.out_registry != id);
		VT_CHECK(vt_tell(self->child.sock) == 0);
		VT_CHECK(vt_hear(self->child.sock) == 0);
		VT_CHECK(vt_unlink(inner_dev, self->name) == 0);
		VT_CHECK(vt_tell(inner.sock) == 0);
		VT_CHECK(vt_wait(&inner) == 0);
		_exit(0);
	}
	ASSERT_EQ(0, vt_hear(self->child.sock));
	ASSERT_EQ(0, vt_act_as(VT_ALICE, VT_ALICE));
	ASSERT_EQ(0, vt_info(self->dev, &info));
	EXPECT_EQ(before.out_regions_used + 1, info.out_regions_used);
	ASSERT_EQ(0, vt_act_as_root());
	EXPECT_EQ(0, vt_tell(self->child.sock));
	EXPECT_EQ(0, vt_wait(&self->child));
}

static int list_one(int dev, const char *prefix, struct vmshm_stat *stat)
{
	struct vmshm_list arg = {
		.size = sizeof(arg),
		.flags = VMSHM_LIST_ALL,
		.entries = (uintptr_t)stat,
		.entry_size = sizeof(*stat),
		.count = 1,
		.after_registry = stat->out_registry,
	};
	int ret;

	memcpy(arg.prefix, prefix, strlen(prefix));
	memcpy(arg.after, stat->out_name, sizeof(arg.after));
	ret = vt_ioctl(dev, VMSHM_IOC_LIST, &arg);
	return ret ? ret : (int)arg.out_count;
}

/* The host's administrator sees everything, and can clear it away. */
TEST_F(userns, list_all)
{
	struct vmshm_stat stats[16], stat, last;
	struct vt_child children[2];
	__u32 ids[3] = { self->id };
	int fd, i, n;

	fd = vt_create(self->dev, self->name, 0, 0, VMSHM_EPHEMERAL, 0);
	ASSERT_LE(0, fd);
	for (i = 0; i < 2; i++) {
		if (vt_fork_userns(&children[i], VT_ALICE, OUTSIDE,
				   COUNT) == 0) {
			int dev = vt_device(), r;
			__u32 id = vt_userns_id();

			r = vt_create(dev, self->name, 0, 0, VMSHM_EPHEMERAL,
				      0);
			VT_CHECK(r >= 0);
			VT_CHECK(vt_create(dev, self->other, 0, 0,
					   VMSHM_EPHEMERAL, 0) >= 0);
			VT_CHECK(write(children[i].sock, &id,
				       sizeof(id)) == sizeof(id));
			VT_CHECK(vt_hear(children[i].sock) == 0);
			VT_CHECK(try(dev, self->name, 0) ==
				 (i ? -ENOENT : 0));
			VT_CHECK(vt_stat(r, &stat) == 0);
			VT_CHECK(stat.out_linked == !i);
			VT_CHECK(vt_unlink_all(dev, "") == (i ? 1 : 2));
			_exit(0);
		}
		ASSERT_EQ(sizeof(ids[0]), read(children[i].sock, &ids[i + 1],
					       sizeof(ids[0])));
	}

	/* In the order of registry and name, by any number at a time. */
	n = vt_list(self->dev, self->prefix, VMSHM_LIST_ALL, stats, 16);
	ASSERT_EQ(5, n);
	memset(&stat, 0, sizeof(stat));
	for (i = 0; i < n; i++) {
		last = stat;
		ASSERT_EQ(1, list_one(self->dev, self->prefix, &stat));
		EXPECT_EQ(stat.out_registry, stats[i].out_registry);
		EXPECT_STREQ((char *)stat.out_name, (char *)stats[i].out_name);
		EXPECT_TRUE(last.out_registry < stat.out_registry ||
			    (last.out_registry == stat.out_registry &&
			     strcmp((char *)last.out_name,
				    (char *)stat.out_name) < 0));
		EXPECT_TRUE(stat.out_registry == ids[0] ||
			    stat.out_registry == ids[1] ||
			    stat.out_registry == ids[2]);
	}
	EXPECT_EQ(0, list_one(self->dev, self->prefix, &stat));
	/* Without the flag, there are only one's own. */
	EXPECT_EQ(1, vt_list(self->dev, self->prefix, 0, NULL, 0));

	ASSERT_EQ(0, vt_act_as(VT_ALICE, VT_ALICE));
	EXPECT_EQ(-EPERM, vt_list(self->dev, self->prefix, VMSHM_LIST_ALL,
				  NULL, 0));
	EXPECT_EQ(-EPERM, unlink_there(self->dev, self->name, ids[2]));
	ASSERT_EQ(0, vt_act_as_root());
	EXPECT_EQ(-ENOENT, unlink_there(self->dev, self->other, ids[0]));
	EXPECT_EQ(0, unlink_there(self->dev, self->name, ids[2]));
	EXPECT_EQ(-ENOENT, unlink_there(self->dev, self->name, ids[2]));
	EXPECT_EQ(4, vt_list(self->dev, self->prefix, VMSHM_LIST_ALL, NULL, 0));
	EXPECT_EQ(0, try(self->dev, self->name, 0));
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(0, vt_tell(children[i].sock));
		EXPECT_EQ(0, vt_wait(&children[i]));
	}
	/* With its last region and process, a registry has gone. */
	EXPECT_EQ(-ENOENT, unlink_there(self->dev, self->other, ids[1]));
	EXPECT_EQ(1, vt_list(self->dev, self->prefix, VMSHM_LIST_ALL, NULL, 0));
	close(fd);
}

/* A namespace has ended, and left something. */
TEST_F(userns, left_behind)
{
	struct vmshm_info before, info;
	struct vmshm_stat stat;

	ASSERT_EQ(0, vt_act_as(VT_ALICE, VT_ALICE));
	ASSERT_EQ(0, vt_info(self->dev, &before));
	ASSERT_EQ(0, vt_act_as_root());
	if (vt_fork_userns(&self->child, VT_ALICE, OUTSIDE, COUNT) == 0) {
		int dev = vt_device(), fd;

		fd = vt_create(dev, self->name, 4096, 0, 0, 0600);
		VT_CHECK(fd >= 0);
		VT_CHECK(pwrite(fd, "x", 1, 0) == 1);
		VT_CHECK(vt_domain_reserve(dev, "reserved", 5) == 0);
		_exit(0);
	}
	ASSERT_EQ(0, vt_wait(&self->child));
	ASSERT_EQ(1, vt_list(self->dev, self->name, VMSHM_LIST_ALL, &stat, 1));
	EXPECT_NE(self->id, stat.out_registry);
	EXPECT_EQ(OUTSIDE, stat.out_uid);
	EXPECT_EQ(0, stat.out_opens);
	EXPECT_EQ(4096, stat.out_resident);
	ASSERT_EQ(0, vt_act_as(VT_ALICE, VT_ALICE));
	ASSERT_EQ(0, vt_info(self->dev, &info));
	EXPECT_EQ(before.out_regions_used + 1, info.out_regions_used);
	EXPECT_LT(before.out_bytes_used, info.out_bytes_used);
	ASSERT_EQ(0, vt_act_as_root());
	EXPECT_EQ(0, unlink_there(self->dev, self->name, stat.out_registry));
	EXPECT_EQ(0, vt_list(self->dev, self->name, VMSHM_LIST_ALL, NULL, 0));
	ASSERT_EQ(0, vt_act_as(VT_ALICE, VT_ALICE));
	ASSERT_EQ(0, vt_info(self->dev, &info));
	EXPECT_EQ(before.out_regions_used, info.out_regions_used);
	EXPECT_EQ(before.out_bytes_used, info.out_bytes_used);
	/* The reservation went with the registry. */
	EXPECT_EQ(before.out_meta_used, info.out_meta_used);
}

/* More namespaces, and more users in them, do not get more. */
TEST_F(userns, charged_to_creator)
{
	long long limit = vt_param_get("regions_user");
	struct vt_child children[2];
	struct vmshm_info info;
	int i, fd;

	ASSERT_LT(0, limit);
	ASSERT_EQ(0, vt_act_as(VT_ALICE, VT_ALICE));
	ASSERT_EQ(0, vt_info(self->dev, &info));
	ASSERT_EQ(0, vt_act_as_root());
	ASSERT_EQ(0, vt_param_set("regions_user", info.out_regions_used + 2));
	for (i = 0; i < 2; i++) {
		if (vt_fork_userns(&children[i], VT_ALICE, OUTSIDE + i * 100,
				   COUNT) == 0) {
			int dev = vt_device();

			become(3 + i);
			VT_CHECK(vt_create(dev, self->name, 0, 0,
					   VMSHM_EPHEMERAL, 0600) >= 0);
			VT_CHECK(vt_tell(children[i].sock) == 0);
			VT_CHECK(vt_hear(children[i].sock) == 0);
			VT_CHECK(vt_create(dev, self->other, 0, 0, 0,
					   0600) == -EDQUOT);
			become(7);
			VT_CHECK(vt_create(dev, "seven", 0, 0, 0,
					   0600) == -EDQUOT);
			become(0);
			VT_CHECK(vt_create(dev, "root", 0, 0, 0,
					   0600) == -EDQUOT);
			VT_CHECK(vt_tell(children[i].sock) == 0);
			VT_CHECK(vt_hear(children[i].sock) == 0);
			_exit(0);
		}
		EXPECT_EQ(0, vt_hear(children[i].sock));
	}
	EXPECT_EQ(0, vt_act_as(VT_ALICE, VT_ALICE));
	EXPECT_EQ(-EDQUOT, vt_create(self->dev, self->name, 0, 0, 0, 0600));
	/* Who is not concerned is not hindered. */
	EXPECT_EQ(0, vt_act_as(VT_BOB, VT_BOB));
	fd = vt_create(self->dev, self->name, 0, 0, 0, 0600);
	EXPECT_LE(0, fd);
	close(fd);
	EXPECT_EQ(0, vt_act_as_root());
	/* Each has its region until the other has tried, too. */
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(0, vt_tell(children[i].sock));
		EXPECT_EQ(0, vt_hear(children[i].sock));
	}
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(0, vt_tell(children[i].sock));
		EXPECT_EQ(0, vt_wait(&children[i]));
	}
	EXPECT_EQ(0, vt_param_set("regions_user", limit));
}

/* Nor do they with a device that was opened outside. */
TEST_F(userns, charged_to_creator_outside)
{
	long long limit = vt_param_get("regions_user");
	struct vmshm_info info;

	ASSERT_LT(0, limit);
	ASSERT_EQ(0, vt_act_as(VT_ALICE, VT_ALICE));
	ASSERT_EQ(0, vt_info(self->dev, &info));
	ASSERT_EQ(0, vt_act_as_root());
	ASSERT_EQ(0, vt_param_set("regions_user", info.out_regions_used + 1));
	if (vt_fork_userns(&self->child, VT_ALICE, OUTSIDE, COUNT) == 0) {
		become(3);
		VT_CHECK(vt_create(self->dev, self->name, 0, 0, VMSHM_EPHEMERAL,
				   0600) >= 0);
		become(7);
		VT_CHECK(vt_create(self->dev, "seven/outside", 0, 0,
				   VMSHM_EPHEMERAL, 0600) == -EDQUOT);
		_exit(0);
	}
	EXPECT_EQ(0, vt_wait(&self->child));
	EXPECT_EQ(0, vt_param_set("regions_user", limit));
}

TEST_HARNESS_MAIN
