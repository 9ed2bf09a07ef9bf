// SPDX-License-Identifier: GPL-2.0
/*
 * Whoever binds memory so that it follows the size of its region agrees to its
 * going: for what is bound, where it is bound, and as long as it is. All else
 * that is mapped keeps the region from shrinking. Needs no KVM.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <sys/mman.h>
#include <sys/resource.h>

#include "lib/harness.h"
#include "lib/vmshm_bind.h"
#include "lib/vmshm_env.h"
#include "lib/vmshm_mem.h"

#define NR		8
#define SIZE		(NR * VT_PAGE)
#define HALF		(SIZE / 2)
#define GPA		0x10000000ULL
#define RW		(PROT_READ | PROT_WRITE)

FIXTURE(bind_follow) {
	int dev;
	int fd;
	char *map;
	struct vmshm_bind how;
};

FIXTURE_SETUP(bind_follow)
{
	self->dev = vt_device();
	ASSERT_LE(0, self->dev);
	self->fd = vt_region(self->dev, "follow", SIZE, SIZE, 0);
	ASSERT_LE(0, self->fd);
	self->map = vt_map(self->fd, SIZE, RW, 0);
	ASSERT_NE(NULL, self->map);
	self->how = (struct vmshm_bind){
		.flags = VMSHM_BIND_USER | VMSHM_BIND_FOLLOW,
		.vm_fd = -1,
		.nr_slots = NR,
		.guest_addr = GPA,
		.length = SIZE,
		.granule = VT_PAGE,
		.user_addr = (uintptr_t)self->map,
	};
}

FIXTURE_TEARDOWN(bind_follow)
{
	munmap(self->map, SIZE);
	close(self->fd);
	close(self->dev);
}

TEST_F(bind_follow, while_it_lasts)
{
	int binding = vt_bind(self->fd, &self->how, NULL);

	ASSERT_LE(0, binding);
	EXPECT_EQ(0, vt_resize(self->fd, HALF));
	EXPECT_EQ(0, vt_resize(self->fd, SIZE));
	close(binding);
	EXPECT_EQ(-EBUSY, vt_resize(self->fd, HALF));
	ASSERT_EQ(0, vt_poke(self->map + HALF, 1));
	/* Of what is not mapped there never was a question. */
	ASSERT_EQ(0, munmap(self->map + HALF, HALF));
	EXPECT_EQ(0, vt_resize(self->fd, HALF));
}

/* A call that failed has not agreed to anything. */
TEST_F(bind_follow, not_if_it_failed)
{
	struct rlimit limit, none;
	int ret;

	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &limit));
	none = limit;
	none.rlim_cur = 0;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &none));
	ret = vt_bind(self->fd, &self->how, NULL);
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	EXPECT_EQ(-EMFILE, ret);
	EXPECT_EQ(-EBUSY, vt_resize(self->fd, 0));
	EXPECT_EQ(0, vt_poke(self->map, 1));
}

TEST_F(bind_follow, switched)
{
	int binding;

	self->how.flags &= ~VMSHM_BIND_FOLLOW;
	binding = vt_bind(self->fd, &self->how, NULL);
	ASSERT_LE(0, binding);
	EXPECT_EQ(-EBUSY, vt_resize(self->fd, HALF));
	ASSERT_EQ(0, vt_bind_update(binding, VMSHM_BIND_USER |
				    VMSHM_BIND_FOLLOW, GPA));
	EXPECT_EQ(0, vt_resize(self->fd, HALF));
	EXPECT_EQ(0, vt_resize(self->fd, SIZE));
	ASSERT_EQ(0, vt_bind_update(binding, VMSHM_BIND_USER, GPA));
	EXPECT_EQ(-EBUSY, vt_resize(self->fd, HALF));
	/* Nor does an attempt to switch it on that fails. */
	EXPECT_EQ(-EOVERFLOW,
		  vt_bind_update(binding, VMSHM_BIND_USER | VMSHM_BIND_FOLLOW,
				 -(__u64)VT_PAGE));
	EXPECT_EQ(-EBUSY, vt_resize(self->fd, HALF));
	close(binding);
}

/* The mapping is of eight pages, the binding of less. */
TEST_F(bind_follow, as_far_as_it_is_bound)
{
	int first, second;

	self->how.length = HALF;
	first = vt_bind(self->fd, &self->how, NULL);
	ASSERT_LE(0, first);
	EXPECT_EQ(-EBUSY, vt_resize(self->fd, HALF));
	EXPECT_EQ(-EBUSY, vt_resize(self->fd, 0));
	/* Two bindings side by side are as good as one, in any order. */
	self->how.offset = HALF;
	self->how.user_addr += HALF;
	self->how.guest_addr += HALF;
	second = vt_bind(self->fd, &self->how, NULL);
	ASSERT_LE(0, second);
	EXPECT_EQ(0, vt_resize(self->fd, VT_PAGE));
	EXPECT_EQ(0, vt_resize(self->fd, SIZE));
	close(first);
	EXPECT_EQ(0, vt_resize(self->fd, HALF));
	EXPECT_EQ(-EBUSY, vt_resize(self->fd, VT_PAGE));
	close(second);
}

/* Another mapping of the same, or the same somewhere else. */
TEST_F(bind_follow, where_it_is_bound)
{
	int binding = vt_bind(self->fd, &self->how, NULL);
	char *other = vt_map(self->fd, SIZE, PROT_READ, 0);

	ASSERT_LE(0, binding);
	ASSERT_NE(NULL, other);
	EXPECT_EQ(-EBUSY, vt_resize(self->fd, HALF));
	ASSERT_EQ(0, munmap(other, SIZE));
	EXPECT_EQ(0, vt_resize(self->fd, HALF));
	EXPECT_EQ(0, vt_resize(self->fd, SIZE));

	other = mmap(NULL, SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, other);
	ASSERT_EQ(other, mremap(self->map, SIZE, SIZE,
				MREMAP_MAYMOVE | MREMAP_FIXED, other));
	self->map = other;
	EXPECT_EQ(-EBUSY, vt_resize(self->fd, HALF));
	close(binding);
}

/* What a forked process has is its own, at the same address though. */
TEST_F(bind_follow, forked)
{
	int binding = vt_bind(self->fd, &self->how, NULL);
	struct vt_child child;

	ASSERT_LE(0, binding);
	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		VT_CHECK(!vt_tell(child.sock));
		vt_hear(child.sock);
		VT_CHECK(!vt_poke(self->map + HALF, 1));
		_exit(0);
	}
	ASSERT_EQ(0, vt_hear(child.sock));
	EXPECT_EQ(-EBUSY, vt_resize(self->fd, HALF));
	EXPECT_EQ(0, vt_wait(&child));
	EXPECT_EQ(0, vt_resize(self->fd, HALF));
	close(binding);
}

TEST_HARNESS_MAIN
