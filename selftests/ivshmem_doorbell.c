// SPDX-License-Identifier: GPL-2.0
/*
 * Doorbells of ivshmem devices: two devices are two peers, as in two machines,
 * and ring each other by way of QEMU.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>

#include "lib/harness.h"
#include "lib/vmshm_env.h"
#include "lib/vmshm_ivdev.h"
#include "lib/vmshm_mem.h"
#include "lib/vmshm_peer.h"

/* As in vm-run. */
#define VECTORS	4

FIXTURE(ivshmem_doorbell) {
	int dev;
	int c;
	int d;
};

FIXTURE_SETUP(ivshmem_doorbell)
{
	self->dev = vt_device();
	ASSERT_LE(0, self->dev);
	self->c = vt_ivshmem_open(self->dev, VT_IVSHMEM_C, 0);
	ASSERT_LE(0, self->c);
	self->d = vt_ivshmem_open(self->dev, VT_IVSHMEM_D, 0);
	ASSERT_LE(0, self->d);
}

FIXTURE_TEARDOWN(ivshmem_doorbell)
{
	if (!vt_pci_bound(VT_IVSHMEM_D)) {
		EXPECT_EQ(0, vt_pci_bind(VT_IVSHMEM_D));
	}
	close(self->c);
	close(self->d);
	close(self->dev);
}

static bool readable(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	return poll(&poll_fd, 1, VT_PATIENCE * 1000) == 1 &&
	       poll_fd.revents == POLLIN;
}

TEST_F(ivshmem_doorbell, ring)
{
	struct vmshm_peer_info infos[4];
	struct vmshm_peer_stat stat;
	int c, d, vector, bell[VECTORS];

	c = vt_join(self->c, VT_ANY, VECTORS, "c");
	ASSERT_LE(0, c);
	d = vt_join(self->d, VT_ANY, VECTORS, "d");
	ASSERT_LE(0, d);
	/* The numbers are the devices', as the server gave them. */
	EXPECT_EQ(1, vt_peer_number(c) + vt_peer_number(d));
	EXPECT_NE(vt_peer_number(c), vt_peer_number(d));
	/* The others are not known. */
	ASSERT_EQ(1, vt_peers(self->c, infos, 4));
	EXPECT_EQ((__u32)vt_peer_number(c), infos[0].number);

	for (vector = 0; vector < VECTORS; vector++) {
		bell[vector] = vt_doorbell(d, vector);
		ASSERT_LE(0, bell[vector]);
	}
	for (vector = 0; vector < VECTORS; vector++) {
		ASSERT_EQ(0, vt_ring(c, vt_peer_number(d), vector));
		ASSERT_TRUE(readable(bell[vector]));
		EXPECT_EQ(1, vt_count(bell[vector]));
		EXPECT_TRUE(readable(d));
		EXPECT_EQ(1U << vector, vt_pending(d, 0));
	}
	ASSERT_EQ(0, vt_peer_stat(d, &stat));
	EXPECT_EQ(VECTORS, stat.out_rings);
	EXPECT_EQ(0, vt_pending(c, 0));
	ASSERT_EQ(0, vt_peer_stat(c, &stat));
	EXPECT_EQ(0, stat.out_rings);

	/* And back, and oneself. */
	ASSERT_EQ(0, vt_ring(d, vt_peer_number(c), 1));
	ASSERT_TRUE(readable(c));
	EXPECT_EQ(2, vt_pending(c, 0));
	ASSERT_EQ(0, vt_ring(d, vt_peer_number(d), 3));
	ASSERT_TRUE(readable(bell[3]));
	EXPECT_EQ(8, vt_pending(d, 0));
}

/* A message, and a ring after it: who is rung finds the message. */
TEST_F(ivshmem_doorbell, message)
{
	int c = vt_join(self->c, VT_ANY, 1, NULL);
	int d = vt_join(self->d, VT_ANY, 1, NULL), bell, i;
	volatile __u32 *out, *in;

	ASSERT_LE(0, c);
	ASSERT_LE(0, d);
	bell = vt_doorbell(d, 0);
	out = vt_map(self->c, VT_PAGE, PROT_READ | PROT_WRITE, 0);
	in = vt_map(self->d, VT_PAGE, PROT_READ, 0);
	ASSERT_NE(NULL, (void *)out);
	ASSERT_NE(NULL, (void *)in);
	for (i = 1; i <= 50; i++) {
		*out = i;
		ASSERT_EQ(0, vt_ring(c, vt_peer_number(d), 0));
		ASSERT_TRUE(readable(bell));
		EXPECT_EQ(1, vt_count(bell));
		EXPECT_EQ((__u32)i, *in);
	}
}

TEST_F(ivshmem_doorbell, refused)
{
	int plain, c, d, number, readonly, fd;

	plain = vt_ivshmem_open(self->dev, VT_IVSHMEM_A, 0);
	ASSERT_LE(0, plain);
	EXPECT_EQ(-EOPNOTSUPP, vt_join(plain, VT_ANY, 0, NULL));
	close(plain);
	EXPECT_EQ(-EINVAL, vt_join(self->c, VT_ANY, VECTORS + 1, NULL));
	EXPECT_EQ(-EINVAL, vt_join(self->c, 77, 1, NULL));

	c = vt_join(self->c, VT_ANY, 1, NULL);
	ASSERT_LE(0, c);
	number = vt_peer_number(c);
	EXPECT_EQ(-EBUSY, vt_join(self->c, VT_ANY, 1, NULL));
	EXPECT_EQ(-EBUSY, vt_join(self->c, number, 1, NULL));
	EXPECT_EQ(-EOPNOTSUPP, vt_ring(c, VMSHM_PEER_ALL, 0));
	EXPECT_EQ(-ENOENT, vt_ring(c, VMSHM_PEER_NUMBER_MAX + 1, 0));
	EXPECT_EQ(-EINVAL, vt_ring(c, 0, VMSHM_PEER_VECTORS_MAX));
	/* Nobody there: nobody can tell. */
	EXPECT_EQ(0, vt_ring(c, 99, 0));
	EXPECT_EQ(0, vt_ring(c, !number, 63));
	EXPECT_EQ(-EOPNOTSUPP, vt_get_vector(c, !number, 0, 0));
	fd = vt_doorbell(c, 0);
	ASSERT_LE(0, fd);
	EXPECT_LE(0, vt_get_vector(c, number, 0, 0));
	close(c);
	c = vt_join(self->c, number, 1, NULL);
	EXPECT_LE(0, c);

	readonly = vt_readonly(self->d);
	ASSERT_LE(0, readonly);
	d = vt_join(readonly, VT_ANY, 1, NULL);
	ASSERT_LE(0, d);
	EXPECT_EQ(-EACCES, vt_ring(d, number, 0));
	ASSERT_EQ(0, vt_ring(c, vt_peer_number(d), 0));
	ASSERT_TRUE(readable(d));
}

/* The device goes; it comes back with the number it had. */
TEST_F(ivshmem_doorbell, remove)
{
	int c = vt_join(self->c, VT_ANY, 1, NULL);
	int d = vt_join(self->d, VT_ANY, 1, NULL), again, number;

	ASSERT_LE(0, c);
	ASSERT_LE(0, d);
	number = vt_peer_number(d);
	ASSERT_EQ(0, vt_pci_unbind(VT_IVSHMEM_D));
	EXPECT_EQ(-ENODEV, vt_ring(d, vt_peer_number(c), 0));
	EXPECT_EQ(0, vt_ring(c, number, 0));
	EXPECT_EQ(0, vt_pending(d, 0));
	ASSERT_EQ(0, vt_pci_bind(VT_IVSHMEM_D));
	again = vt_join(vt_ivshmem_open(self->dev, VT_IVSHMEM_D, 0), VT_ANY, 1,
			NULL);
	ASSERT_LE(0, again);
	EXPECT_EQ(number, vt_peer_number(again));
	vt_pending(again, 0);
	ASSERT_EQ(0, vt_ring(c, number, 0));
	ASSERT_TRUE(readable(again));
	EXPECT_EQ(0, vt_pending(d, 0));
}

TEST_HARNESS_MAIN
