// SPDX-License-Identifier: GPL-2.0
/*
 * Permission: user, group and mode of a region, as of a file. Who may open it,
 * who sees it, who may change that.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <grp.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <linux/capability.h>

#include "lib/harness.h"
#include "lib/vmshm_env.h"

#define GROUP	22222

FIXTURE(perm) {
	int dev;
	int fd;		/* Alice's and GROUP's region */
	char prefix[VMSHM_NAME_MAX + 1];
	char name[VMSHM_NAME_MAX + 1];
};

FIXTURE_SETUP(perm)
{
	self->dev = vt_device();
	ASSERT_LE(0, self->dev);
	vt_name(self->prefix, "");
	vt_name(self->name, "region");
	ASSERT_EQ(0, vt_act_as(VT_ALICE, GROUP));
	self->fd = vt_create(self->dev, self->name, 4096, 0, 0, 0600);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, vt_act_as_root());
}

FIXTURE_TEARDOWN(perm)
{
	EXPECT_EQ(0, vt_act_as_root());
	EXPECT_LE(0, vt_unlink_all(self->dev, self->prefix));
	close(self->fd);
	close(self->dev);
}

/* Tries to open it; returns 0 or -errno. */
static int try(int dev, const char *name, __u32 flags)
{
	int fd = vt_open(dev, name, flags);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

static int try_existing(int dev, const char *name)
{
	int fd = vt_create(dev, name, 0, 0, VMSHM_OPEN_EXISTING, 0600);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

/*
 * Everything that asks for permission, for somebody who may open the region
 * with @rights: READ, WRITE; BOTH of them at once.
 */
#define READ	4
#define WRITE	2
#define BOTH	1

static void check(struct __test_metadata *_metadata, int dev, const char *name,
		  unsigned int rights, const char *who, unsigned int mode)
{
	int seen;

	EXPECT_EQ(rights & READ ? 0 : -EACCES,
		  try(dev, name, VMSHM_OPEN_RDONLY)) {
		TH_LOG("%s, mode 0%o, read-only", who, mode);
	}
	EXPECT_EQ(rights & BOTH ? 0 : -EACCES, try(dev, name, 0)) {
		TH_LOG("%s, mode 0%o", who, mode);
	}
	EXPECT_EQ(rights & BOTH ? 0 : -EACCES,
		  try_existing(dev, name)) {
		TH_LOG("%s, mode 0%o, OPEN_EXISTING", who, mode);
	}
	seen = vt_list(dev, name, 0, NULL, 0);
	EXPECT_EQ(rights ? 1 : 0, seen) {
		TH_LOG("%s, mode 0%o, LIST", who, mode);
	}
	/* Whether it exists is no secret. */
	EXPECT_EQ(-EEXIST, vt_create(dev, name, 0, 0, 0, 0600));
}

/* Three bits of a mode. */
static unsigned int bits(unsigned int mode)
{
	mode &= READ | WRITE;
	return mode == (READ | WRITE) ? mode | BOTH : mode;
}

/* Every mode. */
TEST_F(perm, matrix)
{
	const gid_t group = GROUP;
	const char *name = self->name;
	unsigned int mode;
	int dev = self->dev;

	for (mode = 0; mode <= 0666; mode++) {
		if (mode & ~0666)
			continue;
		ASSERT_EQ(0, vt_act_as_root());
		ASSERT_EQ(0, fchmod(self->fd, mode));

		/* Only the first that fits counts. */
		ASSERT_EQ(0, vt_act_as(VT_ALICE, VT_ALICE));
		check(_metadata, dev, name, bits(mode >> 6), "owner", mode);
		ASSERT_EQ(0, vt_act_as(VT_ALICE, GROUP));
		check(_metadata, dev, name, bits(mode >> 6),
		      "owner in the group", mode);
		ASSERT_EQ(0, vt_act_as(VT_BOB, GROUP));
		check(_metadata, dev, name, bits(mode >> 3), "group", mode);
		ASSERT_EQ(0, vt_act_as_root());
		ASSERT_EQ(0, setgroups(1, &group));
		ASSERT_EQ(0, setegid(VT_BOB));
		ASSERT_EQ(0, seteuid(VT_BOB));
		check(_metadata, dev, name, bits(mode >> 3), "other group",
		      mode);
		ASSERT_EQ(0, vt_act_as(VT_BOB, VT_BOB));
		check(_metadata, dev, name, bits(mode), "other", mode);

		ASSERT_EQ(0, vt_act_as_root());
		check(_metadata, dev, name, READ | WRITE | BOTH, "root", mode);
		ASSERT_EQ(0, vt_set_cap(CAP_DAC_OVERRIDE, false));
		/* It helps who only reads: as for any file. */
		check(_metadata, dev, name, bits(mode) | READ,
		      "CAP_DAC_READ_SEARCH", mode);
		ASSERT_EQ(0, vt_set_cap(CAP_DAC_READ_SEARCH, false));
		check(_metadata, dev, name, bits(mode),
		      "root without capabilities", mode);
		ASSERT_EQ(0, vt_set_cap(CAP_DAC_OVERRIDE, true));
		ASSERT_EQ(0, vt_set_cap(CAP_DAC_READ_SEARCH, true));
	}
}

/* It is who calls, not who opened the device, and it is a real process. */
TEST_F(perm, another_process)
{
	struct vt_child child;

	if (vt_fork(&child) == 0) {
		int dev;

		VT_CHECK(vt_become(VT_BOB) == 0);
		dev = vt_device();
		VT_CHECK(dev >= 0);
		VT_CHECK(try(dev, self->name, VMSHM_OPEN_RDONLY) == -EACCES);
		VT_CHECK(try(self->dev, self->name, 0) == -EACCES);
		/* A descriptor that it was given is its own. */
		VT_CHECK(pwrite(self->fd, "b", 1, 0) == 1);
		_exit(0);
	}
	EXPECT_EQ(0, vt_wait(&child));
	if (vt_fork(&child) == 0) {
		int dev;

		VT_CHECK(vt_become(VT_ALICE) == 0);
		dev = vt_device();
		VT_CHECK(dev >= 0);
		VT_CHECK(try(dev, self->name, 0) == 0);
		_exit(0);
	}
	EXPECT_EQ(0, vt_wait(&child));
}

TEST_F(perm, errors_not_confused)
{
	char missing[VMSHM_NAME_MAX + 1];

	vt_name(missing, "missing");
	ASSERT_EQ(0, vt_act_as(VT_BOB, VT_BOB));
	EXPECT_EQ(-ENOENT, try(self->dev, missing, 0));
	EXPECT_EQ(-ENOENT, try(self->dev, missing, VMSHM_OPEN_RDONLY));
	EXPECT_EQ(-EACCES, try(self->dev, self->name, 0));
	EXPECT_EQ(-EACCES, try(self->dev, self->name, VMSHM_OPEN_RDONLY));
	EXPECT_EQ(-ENOENT, vt_unlink(self->dev, missing));
	EXPECT_EQ(-EPERM, vt_unlink(self->dev, self->name));
	EXPECT_EQ(-EEXIST, vt_create(self->dev, self->name, 0, 0, 0, 0));
	EXPECT_EQ(-EACCES, vt_create(self->dev, missing, 0, 0, 0, 0));
	EXPECT_EQ(-EACCES, vt_create(self->dev, missing, 0, 0,
				     VMSHM_OPEN_EXISTING, 0));
	/* What is refused leaves no trace. */
	ASSERT_EQ(0, vt_act_as_root());
	EXPECT_EQ(-ENOENT, try(self->dev, missing, 0));
}

TEST_F(perm, new_region)
{
	struct stat st;

	ASSERT_EQ(0, fstat(self->fd, &st));
	EXPECT_EQ(VT_ALICE, st.st_uid);
	EXPECT_EQ(GROUP, st.st_gid);
	EXPECT_EQ(S_IFREG | 0600, st.st_mode);
}

/* A mode of nothing does not keep its creator from using what it made. */
TEST_F(perm, creator_has_it_open)
{
	char name[VMSHM_NAME_MAX + 1];
	int fd;

	ASSERT_EQ(0, vt_act_as(VT_ALICE, VT_ALICE));
	fd = vt_create(self->dev, vt_name(name, "closed"), 4096, 0, 0, 0);
	ASSERT_LE(0, fd);
	EXPECT_EQ(1, pwrite(fd, "a", 1, 0));
	EXPECT_EQ(-EACCES, try(self->dev, name, 0));
	close(fd);
}

TEST_F(perm, chmod)
{
	struct vmshm_stat stat;
	struct stat st;
	int bob;

	ASSERT_EQ(0, vt_act_as(VT_ALICE, VT_ALICE));
	ASSERT_EQ(0, fchmod(self->fd, 0606));
	ASSERT_EQ(0, fstat(self->fd, &st));
	EXPECT_EQ(S_IFREG | 0606, st.st_mode);
	ASSERT_EQ(0, vt_stat(self->fd, &stat));
	EXPECT_EQ(0606, stat.out_mode);

	ASSERT_EQ(0, vt_act_as(VT_BOB, VT_BOB));
	bob = vt_open(self->dev, self->name, 0);
	ASSERT_LE(0, bob);
	/* Writing is not owning. */
	EXPECT_EQ(-1, fchmod(bob, 0666));
	EXPECT_EQ(EPERM, errno);
	ASSERT_EQ(0, vt_act_as(VT_ALICE, VT_ALICE));
	ASSERT_EQ(0, fchmod(self->fd, 0600));
	/* What is open stays open; what is to be opened is not. */
	ASSERT_EQ(0, vt_act_as(VT_BOB, VT_BOB));
	EXPECT_EQ(1, pwrite(bob, "b", 1, 0));
	EXPECT_EQ(-EACCES, try(self->dev, self->name, 0));
	close(bob);
}

/* Bits that nothing could use are not set, by whatever way. */
TEST_F(perm, chmod_other_bits)
{
	static const unsigned int refused[] = {
		0100, 0010, 0001, 04000, 02000, 01000,
	};
	struct stat st;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(refused); i++) {
		EXPECT_EQ(-1, fchmod(self->fd, 0600 | refused[i])) {
			TH_LOG("mode 0%o", refused[i]);
		}
		EXPECT_EQ(EPERM, errno);
		EXPECT_EQ(-EINVAL, vt_create(self->dev, self->name, 0, 0, 0,
					     0600 | refused[i]));
	}
	ASSERT_EQ(0, fstat(self->fd, &st));
	EXPECT_EQ(S_IFREG | 0600, st.st_mode);
}

TEST_F(perm, chown)
{
	struct vmshm_stat stat;

	ASSERT_EQ(0, vt_act_as(VT_ALICE, VT_ALICE));
	EXPECT_EQ(-1, fchown(self->fd, VT_BOB, -1));
	EXPECT_EQ(EPERM, errno);
	/* A group that she is not in. */
	EXPECT_EQ(-1, fchown(self->fd, -1, VT_BOB));
	EXPECT_EQ(EPERM, errno);
	EXPECT_EQ(0, fchown(self->fd, -1, VT_ALICE));
	ASSERT_EQ(0, vt_stat(self->fd, &stat));
	EXPECT_EQ(VT_ALICE, stat.out_gid);

	ASSERT_EQ(0, vt_act_as_root());
	EXPECT_EQ(0, fchown(self->fd, VT_BOB, GROUP + 1));
	ASSERT_EQ(0, vt_stat(self->fd, &stat));
	EXPECT_EQ(VT_BOB, stat.out_uid);
	EXPECT_EQ(GROUP + 1, stat.out_gid);
	/* It is another's, but not her domain. */
	EXPECT_EQ(VT_ALICE, stat.out_domain_uid);
	ASSERT_EQ(0, vt_act_as(VT_ALICE, VT_ALICE));
	EXPECT_EQ(-EACCES, try(self->dev, self->name, 0));
	EXPECT_EQ(0, vt_list(self->dev, self->name, 0, NULL, 0));
	EXPECT_EQ(-1, fchmod(self->fd, 0666));
	ASSERT_EQ(0, vt_act_as(VT_BOB, VT_BOB));
	EXPECT_EQ(0, try(self->dev, self->name, 0));
	EXPECT_EQ(1, vt_list(self->dev, self->name, 0, NULL, 0));
	EXPECT_EQ(0, fchmod(self->fd, 0660));
	ASSERT_EQ(0, vt_act_as(VT_BOB + 1, GROUP + 1));
	EXPECT_EQ(0, try(self->dev, self->name, 0));
	ASSERT_EQ(0, vt_act_as(VT_BOB + 1, GROUP));
	EXPECT_EQ(-EACCES, try(self->dev, self->name, 0));
}

/* What it holds is charged to whom it was when it was made. */
TEST_F(perm, chown_moves_no_charge)
{
	struct vmshm_info alice, bob, now;

	ASSERT_EQ(0, vt_act_as(VT_BOB, VT_BOB));
	ASSERT_EQ(0, vt_info(self->dev, &bob));
	ASSERT_EQ(0, vt_act_as(VT_ALICE, VT_ALICE));
	ASSERT_EQ(0, vt_info(self->dev, &alice));
	EXPECT_LE(1, alice.out_regions_used);
	ASSERT_EQ(0, vt_act_as_root());
	ASSERT_EQ(0, fchown(self->fd, VT_BOB, -1));
	ASSERT_EQ(0, vt_act_as(VT_BOB, VT_BOB));
	ASSERT_EQ(0, vt_info(self->dev, &now));
	EXPECT_EQ(bob.out_regions_used, now.out_regions_used);
	ASSERT_EQ(0, vt_unlink(self->dev, self->name));
	close(self->fd);
	self->fd = -1;
	ASSERT_EQ(0, vt_info(self->dev, &now));
	EXPECT_EQ(bob.out_regions_used, now.out_regions_used);
	ASSERT_EQ(0, vt_act_as(VT_ALICE, VT_ALICE));
	ASSERT_EQ(0, vt_info(self->dev, &now));
	EXPECT_EQ(alice.out_regions_used - 1, now.out_regions_used);
}

/* Neither mode nor owner can be changed by way of a read-only handle. */
TEST_F(perm, readonly_handle)
{
	struct stat st;
	int fd;

	fd = vt_readonly(self->fd);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-1, fchmod(fd, 0666));
	EXPECT_EQ(EPERM, errno);
	EXPECT_EQ(-1, fchown(fd, VT_BOB, -1));
	EXPECT_EQ(EPERM, errno);
	/* It shows the region's. */
	ASSERT_EQ(0, fchmod(self->fd, 0640));
	ASSERT_EQ(0, fstat(fd, &st));
	EXPECT_EQ(S_IFREG | 0640, st.st_mode);
	EXPECT_EQ(VT_ALICE, st.st_uid);
	close(fd);
}

/* The other way to open a region asks the same. */
TEST_F(perm, proc_fd)
{
	static const int flags[] = { O_RDONLY, O_WRONLY, O_RDWR };
	static const unsigned int needs[] = { 4, 2, 6 };
	unsigned int mode, i;
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", self->fd);
	for (mode = 0; mode <= 6; mode += 2) {
		ASSERT_EQ(0, vt_act_as_root());
		ASSERT_EQ(0, fchmod(self->fd, 0660 | mode));
		ASSERT_EQ(0, vt_act_as(VT_BOB, VT_BOB));
		for (i = 0; i < ARRAY_SIZE(flags); i++) {
			fd = open(path, flags[i] | O_CLOEXEC);
			if ((mode & needs[i]) == needs[i]) {
				EXPECT_LE(0, fd);
			} else {
				EXPECT_EQ(-1, fd);
				EXPECT_EQ(EACCES, errno);
			}
			if (fd >= 0)
				close(fd);
		}
	}
}

/* Write permission alone lets nobody in by name: there is no such handle. */
TEST_F(perm, write_only)
{
	ASSERT_EQ(0, fchmod(self->fd, 0602));
	ASSERT_EQ(0, vt_act_as(VT_BOB, VT_BOB));
	EXPECT_EQ(-EACCES, try(self->dev, self->name, 0));
	EXPECT_EQ(-EACCES, try(self->dev, self->name, VMSHM_OPEN_RDONLY));
	/* But it is listed, as what may be opened for reading or writing. */
	EXPECT_EQ(1, vt_list(self->dev, self->name, 0, NULL, 0));
}

/* LIST tells of what it shows, and nothing of the rest. */
TEST_F(perm, list)
{
	static const struct {
		const char *name;
		unsigned int mode;
	} regions[] = {
		{ "a", 0600 }, { "b", 0604 }, { "c", 0640 }, { "d", 0602 },
		{ "e", 0000 }, { "f", 0666 }, { "g", 0660 },
	};
	char name[VMSHM_NAME_MAX + 1];
	struct vmshm_stat stats[8];
	size_t i;
	int fd;

	ASSERT_EQ(0, vt_act_as(VT_ALICE, GROUP));
	for (i = 0; i < ARRAY_SIZE(regions); i++) {
		fd = vt_create(self->dev, vt_name(name, regions[i].name), 0, 0,
			       0, regions[i].mode);
		ASSERT_LE(0, fd);
		close(fd);
	}
	ASSERT_EQ(7, vt_list(self->dev, self->prefix, 0, stats, 8));
	EXPECT_STREQ(vt_name(name, "d"), (char *)stats[3].out_name);
	ASSERT_EQ(0, vt_act_as(VT_BOB, VT_BOB));
	ASSERT_EQ(3, vt_list(self->dev, self->prefix, 0, stats, 8));
	EXPECT_STREQ(vt_name(name, "b"), (char *)stats[0].out_name);
	EXPECT_STREQ(vt_name(name, "d"), (char *)stats[1].out_name);
	EXPECT_STREQ(vt_name(name, "f"), (char *)stats[2].out_name);
	ASSERT_EQ(0, vt_act_as(VT_BOB, GROUP));
	ASSERT_EQ(3, vt_list(self->dev, self->prefix, 0, stats, 8));
	EXPECT_STREQ(vt_name(name, "c"), (char *)stats[0].out_name);
	EXPECT_STREQ(vt_name(name, "f"), (char *)stats[1].out_name);
	EXPECT_STREQ(vt_name(name, "g"), (char *)stats[2].out_name);
	ASSERT_EQ(0, vt_act_as_root());
	ASSERT_EQ(8, vt_list(self->dev, self->prefix, 0, stats, 8));
}

/* Watching does not tell, either. */
TEST_F(perm, watch)
{
	struct vmshm_event event;
	int watch, bobs;

	watch = vt_watch(self->dev, self->prefix, 1 << VMSHM_EVENT_OPENED,
			 NULL);
	ASSERT_LE(0, watch);
	ASSERT_EQ(0, vt_act_as(VT_BOB, VT_BOB));
	bobs = vt_watch(self->dev, self->prefix, 1 << VMSHM_EVENT_OPENED,
			NULL);
	ASSERT_LE(0, bobs);
	ASSERT_EQ(0, vt_act_as(VT_ALICE, VT_ALICE));
	EXPECT_EQ(0, try(self->dev, self->name, 0));
	EXPECT_TRUE(vt_no_event(bobs));
	EXPECT_EQ(0, vt_next_event(watch, &event));
	ASSERT_EQ(0, fchmod(self->fd, 0604));
	EXPECT_EQ(0, try(self->dev, self->name, 0));
	EXPECT_EQ(0, vt_next_event(bobs, &event));
	EXPECT_EQ(VMSHM_EVENT_OPENED, event.type);
	EXPECT_EQ(VT_ALICE, event.uid);
	EXPECT_TRUE(vt_no_event(bobs));
	close(bobs);
	close(watch);
}

TEST_HARNESS_MAIN
