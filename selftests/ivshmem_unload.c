// SPDX-License-Identifier: GPL-2.0
/*
 * The module and the devices that it drives: what is not used does not keep it,
 * whatever refers to a region does.
 *
 * Unloads and loads the module, so that nothing else may use it meanwhile.
 * VMSHM_MODULE is its file.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "lib/harness.h"
#include "lib/vmshm_env.h"
#include "lib/vmshm_ivdev.h"
#include "lib/vmshm_mem.h"
#include "lib/vmshm_module.h"

#define RW	(PROT_READ | PROT_WRITE)
#define DRIVER	"/sys/bus/pci/drivers/vmshm"

/* Module loads in a row. */
#define CYCLES	10

/* Whether /proc/iomem says that a driver has memory of the device. */
static bool memory_is_claimed(void)
{
	char line[256];
	bool claimed = false;
	FILE *file = fopen("/proc/iomem", "r");

	while (file && fgets(line, sizeof(line), file))
		claimed |= !!strstr(line, " : vmshm");
	if (file)
		fclose(file);
	return claimed;
}

FIXTURE(ivshmem_unload) {
	struct stat device;
};

FIXTURE_SETUP(ivshmem_unload)
{
	ASSERT_EQ(0, vt_module_init(&self->device));
	ASSERT_TRUE(vt_pci_bound(VT_IVSHMEM_A));
	ASSERT_TRUE(vt_pci_bound(VT_IVSHMEM_B));
}

FIXTURE_TEARDOWN(ivshmem_unload)
{
	if (!vt_module_loaded()) {
		EXPECT_EQ(0, vt_module_load(&self->device));
	}
}

/* Devices that nobody uses are let go. */
TEST_F(ivshmem_unload, bound)
{
	struct vmshm_stat list[4];
	int dev, i;

	for (i = 0; i < CYCLES; i++) {
		ASSERT_EQ(0, vt_module_unload_at_last());
		EXPECT_FALSE(vt_pci_bound(VT_IVSHMEM_A));
		EXPECT_EQ(-1, access(DRIVER, F_OK));
		EXPECT_FALSE(memory_is_claimed());
		ASSERT_EQ(0, vt_module_load(&self->device));
		EXPECT_TRUE(vt_pci_bound(VT_IVSHMEM_A));
		EXPECT_TRUE(memory_is_claimed());
		dev = vt_device();
		ASSERT_LE(0, dev);
		EXPECT_EQ(VT_NR_IVSHMEM, vt_list(dev, VT_IVSHMEM, 0, list, 4));
		close(dev);
	}
}

/* Each of these alone keeps a region, and so the module. */
static int hold_file(int fd)
{
	return dup(fd);
}

static int hold_path(int fd)
{
	return vt_reopen(fd, O_PATH);
}

static int hold_view_path(int fd)
{
	int view = vt_readonly(fd), path = vt_reopen(view, O_PATH);

	close(view);
	return path;
}

static int hold_watch(int fd)
{
	return vt_watch(fd, "", 0, NULL);
}

TEST_F(ivshmem_unload, used)
{
	int (*const hold[])(int fd) = {
		hold_file, vt_readonly, hold_path, hold_view_path, hold_watch,
	};
	int dev, fd, held;
	unsigned int i;
	char *map;

	for (i = 0; i < ARRAY_SIZE(hold); i++) {
		dev = vt_device();
		ASSERT_LE(0, dev);
		fd = vt_ivshmem_open(dev, VT_IVSHMEM_A, 0);
		ASSERT_LE(0, fd);
		held = hold[i](fd);
		ASSERT_LE(0, held);
		close(fd);
		close(dev);
		usleep(50000);
		EXPECT_EQ(-EAGAIN, vt_module_unload()) {
			TH_LOG("held by %u", i);
		}
		close(held);
		ASSERT_EQ(0, vt_module_unload_at_last());
		ASSERT_EQ(0, vt_module_load(&self->device));
	}

	dev = vt_device();
	fd = vt_ivshmem_open(dev, VT_IVSHMEM_A, 0);
	map = vt_map(fd, VT_PAGE, RW, 0);
	ASSERT_NE(NULL, map);
	close(fd);
	close(dev);
	usleep(50000);
	EXPECT_EQ(-EAGAIN, vt_module_unload());
	EXPECT_EQ(0, vt_poke(map, 1));
	ASSERT_EQ(0, munmap(map, VT_PAGE));
	ASSERT_EQ(0, vt_module_unload_at_last());
}

/* The device is gone, what was open is not. */
TEST_F(ivshmem_unload, removed)
{
	int dev = vt_device(), fd = vt_ivshmem_open(dev, VT_IVSHMEM_A, 0);
	char *map = vt_map(fd, VT_PAGE, RW, 0);

	ASSERT_NE(NULL, map);
	EXPECT_EQ(0, vt_poke(map, 1));
	close(fd);
	close(dev);
	ASSERT_EQ(0, vt_pci_remove(VT_IVSHMEM_A));
	usleep(50000);
	EXPECT_EQ(-EAGAIN, vt_module_unload());
	EXPECT_EQ(-SIGBUS, vt_peek(map));
	ASSERT_EQ(0, munmap(map, VT_PAGE));
	ASSERT_EQ(0, vt_module_unload_at_last());
	ASSERT_EQ(0, vt_module_load(&self->device));
	ASSERT_EQ(0, vt_pci_rescan());
	EXPECT_TRUE(vt_pci_bound(VT_IVSHMEM_A));
}

/* Looking at an inode does not keep it. */
TEST_F(ivshmem_unload, inotify)
{
	int dev = vt_device(), fd = vt_ivshmem_open(dev, VT_IVSHMEM_A, 0);
	int notify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	char path[32], buf[512];

	ASSERT_LE(0, fd);
	ASSERT_LE(0, notify);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ASSERT_LE(0, inotify_add_watch(notify, path, IN_ALL_EVENTS));
	close(fd);
	close(dev);
	ASSERT_EQ(0, vt_module_unload_at_last());
	EXPECT_LT(0, read(notify, buf, sizeof(buf)));
	close(notify);
}

TEST_HARNESS_MAIN
