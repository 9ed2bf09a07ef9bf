// SPDX-License-Identifier: GPL-2.0
/*
 * Holders of every kind, killed at any moment. In the end nothing is left but
 * the names.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

#include "lib/vmshm_env.h"
#include "lib/vmshm_log.h"
#include "lib/vmshm_mem.h"
#include "lib/vmshm_peer.h"
#include "stress/stress.h"

#define HOLDERS		12
#define SIZE		(64 * VT_PAGE)

static const char *shared = "stress/shared";

static void hold_map(int dev, int fd)
{
	unsigned char *map = vt_map(fd, SIZE, PROT_READ | PROT_WRITE, 0);

	for (;;)
		vt_poke(map + rand() % SIZE, rand());
}

static void hold_log(int dev, int fd)
{
	unsigned char pages[SIZE / VT_PAGE];
	int log;

	for (;;) {
		log = vt_log_open(fd, rand() % 2 ? VMSHM_LOG_ALL_DIRTY : 0, 0,
				  0);
		vt_log_read(log, 0, 8, pages);
		vt_log_read(log, VMSHM_LOG_PEEK, 8, pages);
		close(log);
	}
}

static void hold_peer(int dev, int fd)
{
	int peer;

	for (;;) {
		peer = vt_join(fd, -1, 4, "stress");
		vt_set_vector(peer, 0, eventfd(0, EFD_NONBLOCK));
		vt_ring(peer, rand() % HOLDERS, rand() % 4);
		vt_ring(peer, VMSHM_PEER_ALL, 0);
		if (rand() % 8)
			close(peer);
		if (vt_nr_fds() > 64)
			return;
	}
}

static void hold_watch(int dev, int fd)
{
	struct vmshm_event event;
	int watch = vt_watch(rand() % 2 ? fd : dev, "", 0, NULL);

	while (read(watch, &event, sizeof(event)) > 0)
		;
}

static void hold_size(int dev, int fd)
{
	for (;;) {
		vt_resize(fd, rand() % SIZE);
		vt_resize(fd, SIZE);
	}
}

static void hold_name(int dev, int fd)
{
	char name[VMSHM_NAME_MAX + 1];
	int own;

	for (;;) {
		snprintf(name, sizeof(name), "stress/%d", rand() % 8);
		own = vt_create(dev, name, SIZE, SIZE, VMSHM_OPEN_EXISTING |
				(rand() % 2 ? VMSHM_EPHEMERAL : 0), 0600);
		vt_file_filled(own, 0, 0, SIZE);
		if (rand() % 2)
			vt_unlink(dev, name);
		close(own);
	}
}

static void hold_binding(int dev, int fd)
{
	for (;;) {
		struct vmshm_bind bind = {
			.size = sizeof(bind),
			.flags = VMSHM_BIND_USER | VMSHM_BIND_FOLLOW,
			.vm_fd = -1,
			.nr_slots = 64,
		};

		if (vt_ioctl(fd, VMSHM_IOC_BIND, &bind))
			return;
		munmap((void *)(uintptr_t)bind.out_user_addr, bind.length);
		close(bind.out_fd);
	}
}

static void hold_fork(int dev, int fd)
{
	unsigned char *map = vt_map(fd, SIZE, PROT_READ | PROT_WRITE, 0);
	struct vt_child child;

	for (;;) {
		if (!vt_fork(&child))
			hold_map(dev, fd);
		vt_poke(map, 1);
		vt_kill(&child);
		close(child.sock);
	}
}

static void (*const holders[])(int dev, int fd) = {
	hold_map, hold_log, hold_peer, hold_watch, hold_size, hold_name,
	hold_binding, hold_fork,
};

#define NR_HOLDERS	(sizeof(holders) / sizeof(*holders))

static void start(struct vt_child *child, unsigned int what)
{
	int dev, fd;

	if (vt_fork(child))
		return;
	srand(getpid());
	dev = vt_device();
	fd = vt_open(dev, shared, 0);
	if (fd < 0)
		st_die("open of the shared region: %d", fd);
	for (;;)
		holders[what % NR_HOLDERS](dev, fd);
}

void st_kill(void)
{
	struct vt_child child[HOLDERS];
	unsigned int i, killed = 0;
	struct vmshm_info before;
	struct st_clock clock;
	int dev, fd;

	st_baseline(&before);
	dev = vt_device();
	fd = vt_create(dev, shared, SIZE, SIZE, VMSHM_SHRINKABLE, 0600);
	if (fd < 0)
		st_die("create: %d", fd);
	for (i = 0; i < HOLDERS; i++)
		start(&child[i], i);
	st_clock_start(&clock, st_options.seconds);
	while (!st_clock_over(&clock)) {
		usleep(rand() % 20000);
		i = rand() % HOLDERS;
		if (vt_kill(&child[i]) != 128 + SIGKILL)
			st_die("a holder has ended by itself");
		close(child[i].sock);
		killed++;
		start(&child[i], rand());
	}
	for (i = 0; i < HOLDERS; i++)
		vt_kill(&child[i]);
	close(fd);
	vt_unlink_all(dev, "stress/");
	close(dev);
	st_clean(&before, "kill");
	printf("# %u holders were killed\n", killed + HOLDERS);
}
