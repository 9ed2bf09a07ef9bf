// SPDX-License-Identifier: GPL-2.0
/*
 * An ivshmem device that goes away under those who use its memory, and comes
 * back.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "lib/harness.h"
#include "lib/vmshm_env.h"
#include "lib/vmshm_ivdev.h"
#include "lib/vmshm_mem.h"

#define RW	(PROT_READ | PROT_WRITE)
#define SIZE	VT_IVSHMEM_SIZE

/* How often the device goes and comes under load. */
#define ROUNDS	5

FIXTURE(ivshmem_remove) {
	int dev;
	int fd;
	int watch;
	struct vmshm_stat stat;
};

FIXTURE_VARIANT(ivshmem_remove) {
	int (*remove)(const char *pci);
	int (*add)(const char *pci);
};

static int rescan(const char *pci)
{
	return vt_pci_rescan();
}

/* The device, or just its driver. */
FIXTURE_VARIANT_ADD(ivshmem_remove, device) {
	.remove = vt_pci_remove,
	.add = rescan,
};

FIXTURE_VARIANT_ADD(ivshmem_remove, driver) {
	.remove = vt_pci_unbind,
	.add = vt_pci_bind,
};

FIXTURE_SETUP(ivshmem_remove)
{
	self->dev = vt_device();
	ASSERT_LE(0, self->dev);
	self->fd = vt_ivshmem_open(self->dev, VT_IVSHMEM_A, 0);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, vt_stat(self->fd, &self->stat));
	self->watch = vt_watch(self->dev, VT_NAME_A, 1U << VMSHM_EVENT_CREATED |
			       1U << VMSHM_EVENT_UNLINKED, NULL);
	ASSERT_LE(0, self->watch);
}

FIXTURE_TEARDOWN(ivshmem_remove)
{
	if (!vt_pci_bound(VT_IVSHMEM_A)) {
		vt_unlink(self->dev, VT_NAME_A);
		variant->add(VT_IVSHMEM_A);
	}
	EXPECT_TRUE(vt_pci_bound(VT_IVSHMEM_A));
	close(self->fd);
	close(self->watch);
	close(self->dev);
}

/* Through the file: everything says that the device is gone. */
static bool file_is_dead(int fd)
{
	char c = 0;

	return pread(fd, &c, 1, 0) == -1 && errno == ENODEV &&
	       pwrite(fd, &c, 1, 0) == -1 && errno == ENODEV &&
	       !vt_map(fd, VT_PAGE, PROT_READ, 0) && errno == ENODEV;
}

TEST_F(ivshmem_remove, used)
{
	char *map, *untouched, *ro, *b;
	struct vmshm_member members[8];
	struct vmshm_event event;
	struct vt_child child;
	struct vmshm_stat st;
	int readonly, again, mem;
	char c;

	map = vt_map(self->fd, SIZE, RW, 0);
	untouched = vt_map(self->fd, SIZE, RW, 0);
	readonly = vt_readonly(self->fd);
	ro = vt_map(readonly, VT_PAGE, PROT_READ, 0);
	b = vt_map(vt_ivshmem_open(self->dev, VT_IVSHMEM_B, 0), SIZE, RW, 0);
	mem = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	ASSERT_NE(NULL, map);
	ASSERT_NE(NULL, untouched);
	ASSERT_NE(NULL, ro);
	ASSERT_NE(NULL, b);
	ASSERT_LE(0, mem);
	memset(map, 'a', SIZE);
	EXPECT_EQ('a', vt_peek(ro));
	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		VT_CHECK(vt_peek(map) == 'a');
		VT_CHECK(!vt_tell(child.sock));
		VT_CHECK(!vt_hear(child.sock));
		VT_CHECK(vt_peek(map) == -SIGBUS);
		VT_CHECK(vt_poke(map + SIZE - 1, 'c') == -SIGBUS);
		VT_CHECK(file_is_dead(self->fd));
		_exit(0);
	}
	ASSERT_EQ(0, vt_hear(child.sock));

	ASSERT_EQ(0, variant->remove(VT_IVSHMEM_A));
	/* Nobody is waited for, nothing is left. */
	EXPECT_EQ(-SIGBUS, vt_peek(map));
	EXPECT_EQ(-SIGBUS, vt_poke(map + SIZE - 1, 'x'));
	EXPECT_EQ(-SIGBUS, vt_peek(untouched));
	EXPECT_EQ(-SIGBUS, vt_peek(ro));
	EXPECT_EQ(-1, pread(mem, &c, 1, (long)map));
	EXPECT_TRUE(file_is_dead(self->fd));
	EXPECT_EQ(-1, pread(readonly, &c, 1, 0));
	EXPECT_EQ(ENODEV, errno);
	ASSERT_EQ(0, vt_tell(child.sock));
	EXPECT_EQ(0, vt_wait(&child));

	EXPECT_EQ(-ENOENT, vt_open(self->dev, VT_NAME_A, 0));
	ASSERT_EQ(0, vt_next_event(self->watch, &event));
	EXPECT_EQ(VMSHM_EVENT_UNLINKED, event.type);
	EXPECT_EQ(self->stat.out_generation, event.generation);
	ASSERT_EQ(0, vt_stat(self->fd, &st));
	EXPECT_EQ(0, st.out_linked);
	EXPECT_EQ(0, st.out_resident);
	EXPECT_EQ(0, st.out_allocated);
	EXPECT_EQ(SIZE, st.out_region_size);
	EXPECT_EQ(3, st.out_maps);
	EXPECT_LE(5, vt_members(self->fd, members, 8));
	again = vt_reopen(self->fd, O_RDWR);
	EXPECT_LE(0, again);
	EXPECT_TRUE(file_is_dead(again));
	close(again);

	/* The other device is another one. */
	EXPECT_EQ('a', vt_peek(b));
	EXPECT_EQ('a', vt_peek(b + SIZE - 1));

	ASSERT_EQ(0, variant->add(VT_IVSHMEM_A));
	again = vt_ivshmem_open(self->dev, VT_IVSHMEM_A, 0);
	ASSERT_LE(0, again);
	ASSERT_EQ(0, vt_stat(again, &st));
	EXPECT_LT(self->stat.out_generation, st.out_generation);
	ASSERT_EQ(0, vt_next_event(self->watch, &event));
	EXPECT_EQ(VMSHM_EVENT_CREATED, event.type);
	EXPECT_EQ(st.out_generation, event.generation);
	EXPECT_TRUE(vt_file_filled(again, 0, 'a', SIZE));

	/* What was open does not come back to life. */
	EXPECT_TRUE(file_is_dead(self->fd));
	EXPECT_EQ(-SIGBUS, vt_peek(map));
	EXPECT_EQ(-SIGBUS, vt_peek(untouched));
	close(again);
	close(readonly);
	close(mem);
	munmap(b, SIZE);
}

/* A watch of the region ends when the last one has let go of it. */
TEST_F(ivshmem_remove, watched)
{
	int watch = vt_watch(self->fd, "", 1U << VMSHM_EVENT_UNLINKED, NULL);
	struct vmshm_event event;

	ASSERT_LE(0, watch);
	ASSERT_EQ(0, variant->remove(VT_IVSHMEM_A));
	ASSERT_EQ(0, vt_next_event(watch, &event));
	EXPECT_EQ(VMSHM_EVENT_UNLINKED, event.type);
	EXPECT_TRUE(vt_no_event(watch));
	EXPECT_EQ(0, vt_poll(watch));
	close(self->fd);
	EXPECT_EQ(-ENODATA, vt_next_event(watch, &event));
}

static void use(int dev)
{
	char buf[3 * VT_PAGE], *map;
	int fd, i;

	fd = vt_ivshmem_open(dev, VT_IVSHMEM_A, 0);
	if (fd < 0) {
		VT_CHECK(fd == -ENOENT);
		return;
	}
	map = vt_map(fd, SIZE, RW, 0);
	for (i = 0; map && i < 64; i++) {
		vt_poke(map + i * VT_PAGE, i);
		vt_peek(map + SIZE - 1 - i * VT_PAGE);
		if (pwrite(fd, buf, sizeof(buf), i) < 0 ||
		    pread(fd, buf, sizeof(buf), SIZE - sizeof(buf)) < 0) {
			VT_CHECK(errno == ENODEV);
			break;
		}
	}
	if (map)
		munmap(map, SIZE);
	else
		VT_CHECK(errno == ENODEV);
	close(fd);
}

/* All the time, by several: who comes too late is told so, and no more. */
TEST_F(ivshmem_remove, under_load)
{
	struct vt_child child[2];
	struct vmshm_event event;
	int i;

	for (i = 0; i < 2; i++) {
		ASSERT_LE(0, vt_fork(&child[i]));
		if (!child[i].pid) {
			close(self->fd);
			VT_CHECK(!vt_tell(child[i].sock));
			for (;;)
				use(self->dev);
		}
		ASSERT_EQ(0, vt_hear(child[i].sock));
	}
	for (i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(0, variant->remove(VT_IVSHMEM_A));
		EXPECT_EQ(-ENOENT, vt_open(self->dev, VT_NAME_A, 0));
		ASSERT_EQ(0, vt_next_event(self->watch, &event));
		EXPECT_EQ(VMSHM_EVENT_UNLINKED, event.type);
		ASSERT_EQ(0, variant->add(VT_IVSHMEM_A));
		ASSERT_EQ(0, vt_next_event(self->watch, &event));
		EXPECT_EQ(VMSHM_EVENT_CREATED, event.type);
	}
	/* Neither has found anything to complain about. */
	for (i = 0; i < 2; i++)
		EXPECT_EQ(128 + SIGKILL, vt_kill(&child[i]));
}

/* The name is the device's also while there is none, but for root. */
TEST_F(ivshmem_remove, name_taken)
{
	int fd;

	ASSERT_EQ(0, variant->remove(VT_IVSHMEM_A));
	ASSERT_EQ(0, vt_pci_remove(VT_IVSHMEM_B));
	ASSERT_EQ(0, vt_pci_remove(VT_IVSHMEM_C));
	ASSERT_EQ(0, vt_pci_remove(VT_IVSHMEM_D));
	/* Nobody has a name in the domain now. */
	ASSERT_EQ(0, vt_act_as(VT_ALICE, VT_ALICE));
	EXPECT_EQ(-EACCES, vt_create(self->dev, VT_NAME_A, VT_PAGE, 0, 0, 0600));
	ASSERT_EQ(0, vt_act_as_root());
	ASSERT_EQ(0, vt_pci_rescan());

	fd = vt_ivshmem_open(self->dev, VT_IVSHMEM_A, 0);
	if (fd >= 0) {
		close(fd);
		ASSERT_EQ(0, variant->remove(VT_IVSHMEM_A));
	}
	fd = vt_create(self->dev, VT_NAME_A, VT_PAGE, 0, 0, 0600);
	ASSERT_LE(0, fd);
	close(fd);
	variant->add(VT_IVSHMEM_A);
	EXPECT_FALSE(vt_pci_bound(VT_IVSHMEM_A));
	ASSERT_EQ(0, vt_unlink(self->dev, VT_NAME_A));
	ASSERT_EQ(0, vt_pci_bind(VT_IVSHMEM_A));
	EXPECT_TRUE(vt_pci_bound(VT_IVSHMEM_A));
}

TEST_HARNESS_MAIN
