// SPDX-License-Identifier: GPL-2.0
/*
 * Holders: processes that hold one kind of thing, for kill.c. What they do may
 * fail, as others resize the region meanwhile; what they hold is counted.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/mount.h>

#include "lib/minivm.h"
#include "lib/vmshm_bind.h"
#include "lib/vmshm_env.h"
#include "lib/vmshm_log.h"
#include "lib/vmshm_mem.h"
#include "lib/vmshm_mount.h"
#include "lib/vmshm_peer.h"
#include "stress/stress.h"

#define RW		(PROT_READ | PROT_WRITE)
#define PEERS		16
#define GPA		0x10000000ULL
#define GRANULE		(4 * VT_PAGE)

/* A shared region may be shorter now than what is mapped of it. */
static void hold_map(int dev, int fd, struct st_count *count)
{
	unsigned char *map = vt_map(fd, ST_SIZE, RW, 0);

	if (!map) {
		st_note(count, -errno);
		return;
	}
	for (;;)
		if (!vt_poke(map + rand() % ST_SIZE, rand()))
			st_note(count, 0);
}

static void hold_readonly(int dev, int fd, struct st_count *count)
{
	int handle = st_note(count, vt_readonly(fd));
	void *map;

	if (handle < 0)
		return;
	map = vt_map(handle, ST_SIZE, PROT_READ, 0);
	if (!map || vt_map(handle, ST_SIZE, RW, 0) ||
	    pwrite(handle, "x", 1, 0) >= 0)
		st_die("a read-only handle cannot be read, or be written");
	vt_peek(map + rand() % ST_SIZE);
	munmap(map, ST_SIZE);
	close(handle);
}

static void hold_log(int dev, int fd, struct st_count *count)
{
	unsigned char pages[ST_SIZE / VT_PAGE];
	int log;

	log = st_note(count, vt_log_open(fd, rand() % 2 ? VMSHM_LOG_ALL_DIRTY :
					 0, 0, 0));
	if (log < 0)
		return;
	vt_log_read(log, 0, 8, pages);
	vt_log_read(log, VMSHM_LOG_PEEK, 8, pages);
	close(log);
}

/* Some are kept, so that there is somebody to ring. */
static void hold_peer(int dev, int fd, struct st_count *count)
{
	int door = eventfd(0, EFD_NONBLOCK);
	int peer = vt_join(fd, -1, 4, "stress");

	if (peer < 0)
		st_note(count, peer);
	else if (!vt_set_vector(peer, 0, door) &&
		 !vt_ring(peer, vt_peer_number(peer), 0))
		st_note(count, 0);
	vt_ring(peer, rand() % PEERS, rand() % 4);
	vt_ring(peer, VMSHM_PEER_ALL, 0);
	close(door);
	if (rand() % 8)
		close(peer);
	if (vt_nr_fds() > 64)
		close_range(fd + 1, ~0U, 0);
}

static void hold_watch(int dev, int fd, struct st_count *count)
{
	struct vmshm_event event;
	int watch = vt_watch(rand() % 2 ? fd : dev, "", 0, NULL);

	if (watch < 0) {
		st_note(count, watch);
		return;
	}
	while (read(watch, &event, sizeof(event)) > 0)
		st_note(count, 0);
	st_die("there is nothing more to watch: %m");
}

/* Mappings and bindings may forbid to shrink it, nothing to grow it. */
static void hold_size(int dev, int fd, struct st_count *count)
{
	vt_resize(fd, rand() % ST_SIZE);
	st_note(count, vt_resize(fd, ST_SIZE));
}

static void hold_name(int dev, int fd, struct st_count *count)
{
	char name[VMSHM_NAME_MAX + 1];
	int own;

	snprintf(name, sizeof(name), "stress/%d", rand() % 8);
	own = st_note(count, vt_create(dev, name, ST_SIZE, ST_SIZE,
				       VMSHM_OPEN_EXISTING | (rand() % 2 ?
				       VMSHM_EPHEMERAL : 0), 0600));
	if (own < 0)
		return;
	if (!vt_file_filled(own, 0, 0, ST_SIZE))
		st_die("what nobody has written is not zero");
	if (rand() % 2)
		vt_unlink(dev, name);
	close(own);
}

static void hold_slots(int dev, int fd, struct st_count *count)
{
	const struct vmshm_bind how = {
		.flags = VMSHM_BIND_USER | VMSHM_BIND_FOLLOW,
		.vm_fd = -1,
		.nr_slots = 64,
	};
	void *addr;
	int binding = st_note(count, vt_bind(fd, &how, &addr));

	if (binding < 0)
		return;
	vt_bind_slots(binding, NULL, 0);
	munmap(addr, ST_SIZE);
	close(binding);
}

static void hold_vm(int dev, int fd, struct st_count *count)
{
	struct vmshm_bind how = {
		.flags = VMSHM_BIND_FOLLOW,
		.first_slot = 1,
		.nr_slots = 64,
		.guest_addr = GPA,
		.granule = GRANULE,
	};
	struct vt_guest guest;
	int binding;
	void *addr;

	if (vt_guest_init(&guest, 1))
		st_die("no virtual machine: %m");
	how.vm_fd = guest.fd;
	for (;;) {
		binding = st_note(count, vt_bind(fd, &how, &addr));
		if (binding < 0)
			continue;
		vt_vcpu_store(guest.vcpus, GPA + rand() % ST_SIZE / 4 * 4,
			      rand());
		vt_bind_update(binding, how.flags, 2 * GPA);
		close(binding);
		munmap(addr, ST_SIZE);
	}
}

/* As long-term pins are: by fixed buffers of io_uring. */
static void hold_pin(int dev, int fd, struct st_count *count)
{
	int pinned = vt_open(dev, ST_PINNED, 0);
	void *map = vt_map(pinned, ST_SIZE, RW, 0);
	struct vt_ring ring;

	if (!map || vt_ring_init(&ring))
		st_die("nothing to pin: %m");
	for (;;) {
		vt_poke(map + rand() % ST_SIZE, rand());
		if (!st_note(count, vt_ring_register(&ring, map, ST_SIZE)))
			vt_ring_unregister(&ring);
	}
}

static void hold_mount(int dev, int fd, struct st_count *count)
{
	int file;

	if (vt_mount(0))
		st_die("cannot mount: %m");
	for (;;) {
		file = st_note(count, vt_open_path(ST_SHARED, O_RDWR));
		/* The file outlives what it was found by. */
		if (vt_umount(MNT_DETACH) || vt_umount(0) || vt_mount_again(0))
			st_die("cannot mount again: %m");
		close(file);
	}
}

static void hold_directory(int dev, int fd, struct st_count *count)
{
	struct dirent *entry;
	int file = -ENOENT;
	DIR *dir;

	if (vt_mount(0))
		st_die("cannot mount: %m");
	dir = opendir(VT_MOUNT "/stress");
	if (!dir)
		st_die("no directory: %m");
	/* From here on by the directory alone. */
	if (vt_umount(MNT_DETACH))
		st_die("cannot unmount: %m");
	for (;;) {
		for (rewinddir(dir); (entry = readdir(dir));) {
			file = openat(dirfd(dir), entry->d_name,
				      O_RDONLY | O_CLOEXEC);
			if (!strcmp(entry->d_name, "shared"))
				st_note(count, file < 0 ? -errno : 0);
			if (file >= 0)
				close(file);
		}
	}
}

/* Its children are killed at any moment, half of them when they hold something. */
static void hold_fork(int dev, int fd, struct st_count *count)
{
	unsigned char *map = vt_map(fd, ST_SIZE, RW, 0);
	struct vt_child child;

	for (;;) {
		pid_t pid = vt_fork(&child);

		if (pid < 0)
			st_die("fork: %m");
		if (!pid) {
			if (!vt_poke(map, 2))
				st_note(count, 0);
			vt_tell(child.sock);
			hold_map(dev, fd, count);
			_exit(1);
		}
		vt_poke(map, 1);
		if (rand() % 2)
			vt_hear(child.sock);
		vt_kill(&child);
		close(child.sock);
	}
}

const struct st_holder st_holders[] = {
	{ "map", hold_map },
	{ "read-only handle", hold_readonly },
	{ "log", hold_log },
	{ "peer", hold_peer },
	{ "watch", hold_watch },
	{ "size", hold_size },
	{ "name", hold_name },
	{ "slots", hold_slots },
	{ "VM", hold_vm },
	{ "pin", hold_pin },
	{ "mount", hold_mount },
	{ "directory", hold_directory },
	{ "fork", hold_fork },
};

const unsigned int st_nr_holders = sizeof(st_holders) / sizeof(*st_holders);
