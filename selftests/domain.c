// SPDX-License-Identifier: GPL-2.0
/*
 * Domains: who may create names and who may take them away, and how somebody
 * else's region of the same name is noticed.
 */
#define _GNU_SOURCE
#include <sys/stat.h>

#include <linux/capability.h>

#include "lib/harness.h"
#include "lib/vmshm_env.h"

FIXTURE(domain) {
	int dev;
	char domain[VMSHM_NAME_MAX + 1];
	char prefix[VMSHM_NAME_MAX + 1];
	char a[VMSHM_NAME_MAX + 1];
	char b[VMSHM_NAME_MAX + 1];
};

FIXTURE_SETUP(domain)
{
	self->dev = vt_device();
	ASSERT_LE(0, self->dev);
	snprintf(self->domain, sizeof(self->domain), "test-%d", getpid());
	vt_name(self->prefix, "");
	vt_name(self->a, "a");
	vt_name(self->b, "b");
}

FIXTURE_TEARDOWN(domain)
{
	EXPECT_EQ(0, vt_act_as_root());
	vt_domain_release(self->dev, self->domain);
	EXPECT_LE(0, vt_unlink_all(self->dev, self->prefix));
	close(self->dev);
}

/* Creates a region that lives by its name alone. */
static int create(int dev, const char *name, __u32 mode)
{
	int fd = vt_create(dev, name, 4096, 0, 0, mode);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

static int create_as(int dev, uid_t uid, const char *name)
{
	int ret = vt_act_as(uid, uid);

	return ret ? ret : create(dev, name, 0600);
}

static int unlink_as(int dev, uid_t uid, const char *name)
{
	int ret = vt_act_as(uid, uid);

	return ret ? ret : vt_unlink(dev, name);
}

/* Whose domain a region is in, or -errno. */
static int domain_uid(int dev, const char *name)
{
	struct vmshm_stat stat;
	int ret, fd;

	ret = vt_act_as_root();
	if (ret)
		return ret;
	fd = vt_open(dev, name, VMSHM_OPEN_RDONLY);
	if (fd < 0)
		return fd;
	ret = vt_stat(fd, &stat);
	close(fd);
	return ret ? ret : (int)stat.out_domain_uid;
}

TEST_F(domain, first_creator_owns)
{
	struct vmshm_create arg = {
		.size = sizeof(arg),
		.flags = VMSHM_OPEN_EXISTING,
	};

	ASSERT_EQ(0, create_as(self->dev, VT_ALICE, self->a));
	EXPECT_EQ(-EACCES, create_as(self->dev, VT_BOB, self->b));
	/* The name that is the domain is in it as well. */
	EXPECT_EQ(-EACCES, create_as(self->dev, VT_BOB, self->domain));
	memcpy(arg.name, self->b, sizeof(arg.name));
	EXPECT_EQ(-EACCES, vt_ioctl(self->dev, VMSHM_IOC_CREATE, &arg));
	/* What exists, exists, whoever asks. */
	EXPECT_EQ(-EEXIST, create_as(self->dev, VT_BOB, self->a));
	EXPECT_EQ(0, create_as(self->dev, VT_ALICE, self->b));
	EXPECT_EQ(0, create_as(self->dev, VT_ALICE, self->domain));
	EXPECT_EQ(VT_ALICE, domain_uid(self->dev, self->a));
	EXPECT_EQ(VT_ALICE, domain_uid(self->dev, self->domain));
	EXPECT_EQ(0, unlink_as(self->dev, VT_ALICE, self->domain));
	EXPECT_EQ(-EACCES, create_as(self->dev, VT_BOB, self->domain));
}

/* The group does not count, nor who opened the device. */
TEST_F(domain, user_counts)
{
	ASSERT_EQ(0, create_as(self->dev, VT_ALICE, self->a));
	ASSERT_EQ(0, vt_act_as(VT_BOB, VT_ALICE));
	EXPECT_EQ(-EACCES, create(self->dev, self->b, 0600));
	ASSERT_EQ(0, vt_act_as(VT_ALICE, VT_BOB));
	EXPECT_EQ(0, create(self->dev, self->b, 0600));
}

TEST_F(domain, administrator)
{
	ASSERT_EQ(0, create_as(self->dev, VT_ALICE, self->a));
	ASSERT_EQ(0, vt_act_as_root());
	ASSERT_EQ(0, vt_set_cap(CAP_SYS_ADMIN, false));
	EXPECT_EQ(-EACCES, create(self->dev, self->b, 0600));
	EXPECT_EQ(-EPERM, vt_unlink(self->dev, self->a));
	EXPECT_EQ(-EPERM, vt_domain_reserve(self->dev, self->domain, 0));
	EXPECT_EQ(-EPERM, vt_domain_release(self->dev, self->domain));
	ASSERT_EQ(0, vt_set_cap(CAP_SYS_ADMIN, true));
	EXPECT_EQ(0, create(self->dev, self->b, 0600));
	/* It remains Alice's. */
	EXPECT_EQ(VT_ALICE, domain_uid(self->dev, self->b));
	EXPECT_EQ(0, vt_unlink(self->dev, self->a));
	EXPECT_EQ(VT_ALICE, domain_uid(self->dev, self->b));
	EXPECT_EQ(-EACCES, create_as(self->dev, VT_BOB, self->a));
	EXPECT_EQ(0, create_as(self->dev, VT_ALICE, self->a));
}

TEST_F(domain, capability_suffices)
{
	/* A user of no importance, who has it. */
	ASSERT_EQ(0, create_as(self->dev, VT_ALICE, self->a));
	ASSERT_EQ(0, vt_act_as(VT_BOB, VT_BOB));
	ASSERT_EQ(0, vt_set_cap(CAP_SYS_ADMIN, true));
	EXPECT_EQ(0, create(self->dev, self->b, 0600));
	EXPECT_EQ(0, vt_unlink(self->dev, self->a));
	EXPECT_EQ(0, vt_domain_reserve(self->dev, self->domain, VT_BOB));
	EXPECT_EQ(0, vt_domain_release(self->dev, self->domain));
	/* Every other capability does not. */
	ASSERT_EQ(0, vt_set_cap(CAP_SYS_ADMIN, false));
	ASSERT_EQ(0, vt_set_cap(CAP_DAC_OVERRIDE, true));
	ASSERT_EQ(0, vt_set_cap(CAP_FOWNER, true));
	EXPECT_EQ(0, create_as(self->dev, VT_ALICE, "domain-test-2/a"));
	ASSERT_EQ(0, vt_act_as(VT_BOB, VT_BOB));
	ASSERT_EQ(0, vt_set_cap(CAP_DAC_OVERRIDE, true));
	ASSERT_EQ(0, vt_set_cap(CAP_FOWNER, true));
	EXPECT_EQ(-EACCES, create(self->dev, "domain-test-2/b", 0600));
	EXPECT_EQ(-EPERM, vt_unlink(self->dev, "domain-test-2/a"));
	EXPECT_EQ(0, unlink_as(self->dev, VT_ALICE, "domain-test-2/a"));
}

TEST_F(domain, goes_with_last_region)
{
	int fd;

	ASSERT_EQ(0, create_as(self->dev, VT_ALICE, self->a));
	ASSERT_EQ(0, create_as(self->dev, VT_ALICE, self->b));
	ASSERT_EQ(0, unlink_as(self->dev, VT_ALICE, self->a));
	EXPECT_EQ(-EACCES, create_as(self->dev, VT_BOB, self->a));
	ASSERT_EQ(0, unlink_as(self->dev, VT_ALICE, self->b));
	EXPECT_EQ(0, create_as(self->dev, VT_BOB, self->a));
	EXPECT_EQ(VT_BOB, domain_uid(self->dev, self->a));
	EXPECT_EQ(-EACCES, create_as(self->dev, VT_ALICE, self->b));
	ASSERT_EQ(0, unlink_as(self->dev, VT_BOB, self->a));

	/* Being open is not having a name. */
	ASSERT_EQ(0, vt_act_as(VT_ALICE, VT_ALICE));
	fd = vt_create(self->dev, self->a, 0, 0, 0, 0600);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, vt_unlink(self->dev, self->a));
	EXPECT_EQ(0, create_as(self->dev, VT_BOB, self->a));
	ASSERT_EQ(0, unlink_as(self->dev, VT_BOB, self->a));
	close(fd);

	/* The name of an ephemeral region goes by itself, and the domain. */
	ASSERT_EQ(0, vt_act_as(VT_ALICE, VT_ALICE));
	fd = vt_create(self->dev, self->a, 0, 0, VMSHM_EPHEMERAL, 0600);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EACCES, create_as(self->dev, VT_BOB, self->b));
	close(fd);
	EXPECT_EQ(0, create_as(self->dev, VT_BOB, self->b));
}

/* A creation that failed has left no domain. */
TEST_F(domain, none_for_nothing)
{
	ASSERT_EQ(0, vt_act_as(VT_ALICE, VT_ALICE));
	EXPECT_EQ(-EFBIG, vt_create(self->dev, self->a, 2, 1, 0, 0600));
	EXPECT_EQ(-EDQUOT, vt_create(self->dev, self->a, 1ULL << 50, 0,
				     VMSHM_RESERVE, 0600));
	EXPECT_EQ(0, create_as(self->dev, VT_BOB, self->a));
}

/* Names that begin alike. */
TEST_F(domain, names_are_compared_whole)
{
	static const char *const suffixes[] = { "", "-", "0", "00", "a", "~" };
	char name[VMSHM_NAME_MAX + 1];
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(suffixes); i++) {
		snprintf(name, sizeof(name), "dt%s/region", suffixes[i]);
		EXPECT_EQ(0, create_as(self->dev, VT_ALICE + i, name));
	}
	for (i = 0; i < ARRAY_SIZE(suffixes); i++) {
		snprintf(name, sizeof(name), "dt%s/other", suffixes[i]);
		for (j = 0; j < ARRAY_SIZE(suffixes); j++) {
			EXPECT_EQ(i == j ? 0 : -EACCES,
				  create_as(self->dev, VT_ALICE + j, name)) {
				TH_LOG("%s, user %u", name, j);
			}
			if (i == j)
				ASSERT_EQ(0, vt_unlink(self->dev, name));
		}
	}
	for (i = 0; i < ARRAY_SIZE(suffixes); i++) {
		snprintf(name, sizeof(name), "dt%s/region", suffixes[i]);
		EXPECT_EQ(0, unlink_as(self->dev, VT_ALICE + i, name));
	}
}

TEST_F(domain, reserve)
{
	struct vmshm_info before, after;

	ASSERT_EQ(0, vt_info(self->dev, &before));
	ASSERT_EQ(0, vt_domain_reserve(self->dev, self->domain, VT_ALICE));
	EXPECT_EQ(-EACCES, create_as(self->dev, VT_BOB, self->a));
	EXPECT_EQ(0, create_as(self->dev, VT_ALICE, self->a));
	EXPECT_EQ(VT_ALICE, domain_uid(self->dev, self->a));
	/* It outlives its regions. */
	EXPECT_EQ(0, unlink_as(self->dev, VT_ALICE, self->a));
	EXPECT_EQ(-EACCES, create_as(self->dev, VT_BOB, self->a));
	/* Who has it cannot give it up. */
	ASSERT_EQ(0, vt_act_as(VT_ALICE, VT_ALICE));
	EXPECT_EQ(-EPERM, vt_domain_release(self->dev, self->domain));
	EXPECT_EQ(-EPERM, vt_domain_reserve(self->dev, self->domain, VT_ALICE));
	ASSERT_EQ(0, vt_act_as_root());
	EXPECT_EQ(0, vt_domain_release(self->dev, self->domain));
	EXPECT_EQ(-ENOENT, vt_domain_release(self->dev, self->domain));
	ASSERT_EQ(0, vt_info(self->dev, &after));
	EXPECT_EQ(before.out_meta_used, after.out_meta_used);
	EXPECT_EQ(0, create_as(self->dev, VT_BOB, self->a));
}

TEST_F(domain, reserve_again)
{
	struct vmshm_info before, once, twice, after;

	ASSERT_EQ(0, vt_info(self->dev, &before));
	ASSERT_EQ(0, vt_domain_reserve(self->dev, self->domain, VT_ALICE));
	ASSERT_EQ(0, vt_info(self->dev, &once));
	EXPECT_LT(before.out_meta_used, once.out_meta_used);
	ASSERT_EQ(0, vt_domain_reserve(self->dev, self->domain, VT_BOB));
	ASSERT_EQ(0, vt_info(self->dev, &twice));
	EXPECT_EQ(once.out_meta_used, twice.out_meta_used);
	EXPECT_EQ(-EACCES, create_as(self->dev, VT_ALICE, self->a));
	EXPECT_EQ(0, create_as(self->dev, VT_BOB, self->a));
	EXPECT_EQ(0, unlink_as(self->dev, VT_BOB, self->a));
	ASSERT_EQ(0, vt_act_as_root());
	EXPECT_EQ(0, vt_domain_release(self->dev, self->domain));
	EXPECT_EQ(-ENOENT, vt_domain_release(self->dev, self->domain));
	ASSERT_EQ(0, vt_info(self->dev, &after));
	EXPECT_EQ(before.out_meta_used, after.out_meta_used);
}

/* A domain that exists changes hands; its regions stay whose they are. */
TEST_F(domain, reserve_existing)
{
	ASSERT_EQ(0, create_as(self->dev, VT_ALICE, self->a));
	ASSERT_EQ(0, vt_act_as_root());
	ASSERT_EQ(0, vt_domain_reserve(self->dev, self->domain, VT_BOB));
	EXPECT_EQ(VT_BOB, domain_uid(self->dev, self->a));
	EXPECT_EQ(-EACCES, create_as(self->dev, VT_ALICE, self->b));
	EXPECT_EQ(0, create_as(self->dev, VT_BOB, self->b));
	ASSERT_EQ(0, vt_act_as(VT_BOB, VT_BOB));
	EXPECT_EQ(-EACCES, vt_open(self->dev, self->a, VMSHM_OPEN_RDONLY));
	EXPECT_EQ(-EPERM, unlink_as(self->dev, VT_ALICE, self->b));
	EXPECT_EQ(0, unlink_as(self->dev, VT_ALICE, self->a));

	/* Released, it stays Bob's as long as there is a region. */
	ASSERT_EQ(0, vt_act_as_root());
	EXPECT_EQ(0, vt_domain_release(self->dev, self->domain));
	EXPECT_EQ(VT_BOB, domain_uid(self->dev, self->b));
	EXPECT_EQ(-EACCES, create_as(self->dev, VT_ALICE, self->a));
	EXPECT_EQ(0, unlink_as(self->dev, VT_BOB, self->b));
	EXPECT_EQ(0, create_as(self->dev, VT_ALICE, self->a));
}

TEST_F(domain, reserve_takes_privilege)
{
	ASSERT_EQ(0, vt_act_as(VT_ALICE, VT_ALICE));
	EXPECT_EQ(-EINVAL, vt_domain_reserve(self->dev, self->domain, -1));
	EXPECT_EQ(-EPERM, vt_domain_reserve(self->dev, self->domain, VT_ALICE));
	EXPECT_EQ(-EPERM, vt_domain_release(self->dev, self->domain));
	/* Its own domain makes no difference. */
	ASSERT_EQ(0, create_as(self->dev, VT_ALICE, self->a));
	EXPECT_EQ(-EPERM, vt_domain_reserve(self->dev, self->domain, VT_ALICE));
	EXPECT_EQ(-EPERM, vt_domain_release(self->dev, self->domain));
}

TEST_F(domain, who_may_unlink)
{
	int fd;

	/* Alice's domain, and Bob's region in it. */
	ASSERT_EQ(0, create_as(self->dev, VT_ALICE, self->a));
	ASSERT_EQ(0, vt_act_as_root());
	fd = vt_create(self->dev, self->b, 0, 0, 0, 0666);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, fchown(fd, VT_BOB, VT_BOB));

	/* Bits do not matter; what may be opened may not be unlinked. */
	EXPECT_EQ(-EPERM, unlink_as(self->dev, VT_BOB + 1, self->b));
	EXPECT_EQ(-EPERM, unlink_as(self->dev, VT_BOB + 1, self->a));
	EXPECT_EQ(-EPERM, unlink_as(self->dev, VT_BOB, self->a));
	ASSERT_EQ(0, vt_act_as(VT_BOB + 1, VT_ALICE));
	EXPECT_EQ(-EPERM, vt_unlink(self->dev, self->a));

	/* The region's owner, the domain's owner, the administrator. */
	EXPECT_EQ(0, unlink_as(self->dev, VT_BOB, self->b));
	ASSERT_EQ(0, vt_act_as_root());
	close(fd);
	fd = vt_create(self->dev, self->b, 0, 0, 0, 0);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, fchown(fd, VT_BOB, VT_BOB));
	close(fd);
	EXPECT_EQ(0, unlink_as(self->dev, VT_ALICE, self->b));
	ASSERT_EQ(0, vt_act_as_root());
	EXPECT_EQ(0, vt_unlink(self->dev, self->a));
}

/* A region that was given away is no longer the giver's to unlink. */
TEST_F(domain, unlink_follows_owner)
{
	int fd;

	fd = vt_create(self->dev, self->a, 0, 0, 0, 0600);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, vt_domain_reserve(self->dev, self->domain, VT_ALICE));
	ASSERT_EQ(0, fchown(fd, VT_BOB, -1));
	ASSERT_EQ(0, fchown(fd, VT_BOB + 1, -1));
	EXPECT_EQ(-EPERM, unlink_as(self->dev, VT_BOB, self->a));
	EXPECT_EQ(0, unlink_as(self->dev, VT_BOB + 1, self->a));
	close(fd);
}

/* Unlinking names a region, not whatever has its name by now. */
TEST_F(domain, unlink_generation)
{
	struct vmshm_unlink arg = {
		.size = sizeof(arg),
		.flags = VMSHM_UNLINK_GENERATION,
	};
	struct vmshm_stat stat;
	int fd;

	memcpy(arg.name, self->a, sizeof(arg.name));
	fd = vt_create(self->dev, self->a, 0, 0, 0, 0600);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, vt_stat(fd, &stat));
	close(fd);
	arg.generation = stat.out_generation;
	ASSERT_EQ(0, vt_unlink(self->dev, self->a));
	ASSERT_EQ(0, create(self->dev, self->a, 0600));
	EXPECT_EQ(-ESTALE, vt_ioctl(self->dev, VMSHM_IOC_UNLINK, &arg));
	fd = vt_open(self->dev, self->a, 0);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, vt_stat(fd, &stat));
	close(fd);
	arg.generation = stat.out_generation;
	EXPECT_EQ(0, vt_ioctl(self->dev, VMSHM_IOC_UNLINK, &arg));
	EXPECT_EQ(-ENOENT, vt_ioctl(self->dev, VMSHM_IOC_UNLINK, &arg));
}

static int open_that(int dev, const char *name, __u32 flags, __u32 owner,
		     __u64 generation)
{
	struct vmshm_open arg = {
		.size = sizeof(arg),
		.flags = flags,
		.owner = owner,
		.generation = generation,
	};
	int ret;

	memcpy(arg.name, name, strlen(name));
	ret = vt_ioctl(dev, VMSHM_IOC_OPEN, &arg);
	if (!ret)
		close(arg.out_fd);
	return ret;
}

/*
 * Alice's region went, and Bob puts one of his in its place, hoping that she
 * will use it.
 */
TEST_F(domain, hijack)
{
	struct vmshm_stat stat;
	int fd;

	ASSERT_EQ(0, vt_act_as(VT_ALICE, VT_ALICE));
	fd = vt_create(self->dev, self->a, 4096, 0, 0, 0600);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, vt_stat(fd, &stat));
	EXPECT_EQ(0, open_that(self->dev, self->a, VMSHM_OPEN_OWNER |
			       VMSHM_OPEN_GENERATION, VT_ALICE,
			       stat.out_generation));
	/* While it is there, Bob cannot. */
	ASSERT_EQ(0, vt_act_as(VT_BOB, VT_BOB));
	EXPECT_EQ(-EEXIST, create(self->dev, self->a, 0666));
	EXPECT_EQ(-EACCES, create(self->dev, self->b, 0666));
	EXPECT_EQ(-EPERM, vt_unlink(self->dev, self->a));
	EXPECT_EQ(0, unlink_as(self->dev, VT_ALICE, self->a));
	ASSERT_EQ(0, vt_act_as(VT_BOB, VT_BOB));
	ASSERT_EQ(0, create(self->dev, self->a, 0666));

	ASSERT_EQ(0, vt_act_as(VT_ALICE, VT_ALICE));
	EXPECT_EQ(-ESTALE, open_that(self->dev, self->a, VMSHM_OPEN_OWNER,
				     VT_ALICE, 0));
	EXPECT_EQ(-ESTALE, open_that(self->dev, self->a, VMSHM_OPEN_GENERATION,
				     0, stat.out_generation));
	EXPECT_EQ(-ESTALE, open_that(self->dev, self->a, VMSHM_OPEN_OWNER |
				     VMSHM_OPEN_GENERATION, VT_BOB,
				     stat.out_generation));
	/* Who does not ask gets what there is. */
	EXPECT_EQ(0, open_that(self->dev, self->a, 0, 0, 0));
	EXPECT_EQ(0, open_that(self->dev, self->a, VMSHM_OPEN_OWNER, VT_BOB,
			       0));

	/* Alice's own new region is another one, too. */
	EXPECT_EQ(0, unlink_as(self->dev, VT_BOB, self->a));
	EXPECT_EQ(0, create_as(self->dev, VT_ALICE, self->a));
	EXPECT_EQ(0, open_that(self->dev, self->a, VMSHM_OPEN_OWNER, VT_ALICE,
			       0));
	EXPECT_EQ(-ESTALE, open_that(self->dev, self->a, VMSHM_OPEN_GENERATION,
				     0, stat.out_generation));
	close(fd);
}

/* A reserved domain leaves Bob no chance at all. */
TEST_F(domain, no_hijack_of_reserved)
{
	ASSERT_EQ(0, vt_domain_reserve(self->dev, self->domain, VT_ALICE));
	ASSERT_EQ(0, create_as(self->dev, VT_ALICE, self->a));
	ASSERT_EQ(0, unlink_as(self->dev, VT_ALICE, self->a));
	EXPECT_EQ(-EACCES, create_as(self->dev, VT_BOB, self->a));
	EXPECT_EQ(-ENOENT, vt_open(self->dev, self->a, 0));
}

TEST_HARNESS_MAIN
