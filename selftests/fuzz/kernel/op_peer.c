// SPDX-License-Identifier: GPL-2.0
/*
 * Operations on peers: numbers, vectors, what is pending, eventfds.
 */
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "fuzz.h"

static struct fz_peer *fz_peer_of(uint32_t arg)
{
	unsigned int i;

	for (i = 0; i < FZ_PEERS; i++) {
		struct fz_peer *peer = &fz.peer[(arg + i) % FZ_PEERS];

		if (peer->handle)
			return peer;
	}
	return NULL;
}

static struct fz_peer *fz_peer_find(const struct fz_region *region,
				    uint32_t number)
{
	unsigned int i;

	for (i = 0; i < FZ_PEERS; i++)
		if (fz.peer[i].handle &&
		    fz.peer[i].handle->region == region &&
		    fz.peer[i].number == number)
			return &fz.peer[i];
	return NULL;
}

static unsigned int fz_peers_count(const struct fz_region *region)
{
	unsigned int i, n = 0;

	for (i = 0; i < FZ_PEERS; i++)
		n += fz.peer[i].handle && fz.peer[i].handle->region == region;
	return n;
}

void fz_peer_close(struct fz_peer *peer)
{
	struct fz_handle *handle = peer->handle;

	if (!handle)
		return;
	peer->handle = NULL;
	FZ_EXPECT(close(peer->fd), 0, "close");
	fz_raise(handle->region, VMSHM_EVENT_LEFT, peer->number,
		 peer->generation);
	fz_handle_put(handle);
}

/* 0 descriptor, 1 which peer, 2 number, 3 vectors, 4 faulty */
void fz_op_join(const uint32_t *arg)
{
	struct vmshm_join join = {
		.size = sizeof(join),
		.vectors = arg[3] & 7 ? (arg[3] >> 3) % 5 :
			(arg[3] >> 3) % (VMSHM_PEER_VECTORS_MAX + 2),
		.name = "fuzz",
	};
	static const uint32_t numbers[] = { 0, 1, 2, 63, 64, 65535, 65536 };
	struct fz_peer *peer = &fz.peer[arg[1] % FZ_PEERS];
	bool faulty = !(arg[4] & 15);
	struct fz_region *region;
	uint32_t number = 0;
	struct fz_fd *fd;
	int want = 0;

	fz_peer_close(peer);
	fd = fz_fd_of(arg[0]);
	if (!fd)
		return;
	region = fd->handle->region;
	if (arg[2] & 3) {
		while (fz_peer_find(region, number))
			number++;
	} else {
		join.flags = VMSHM_JOIN_NUMBER;
		number = numbers[(arg[2] >> 2) % 7];
		join.number = number;
		if (fz_peer_find(region, number))
			want = -EBUSY;
	}
	if (number > VMSHM_PEER_NUMBER_MAX ||
	    join.vectors > VMSHM_PEER_VECTORS_MAX)
		want = -EINVAL;
	if (!want && faulty)
		want = -EFAULT;
	FZ_EXPECT(fz_ioctl(fd->fd, VMSHM_IOC_JOIN, &join, sizeof(join), faulty),
		  want, "JOIN as %u", number);
	if (want)
		return;
	FZ_EXPECT(join.out_number, number, "JOIN: out_number");
	memset(peer, 0, sizeof(*peer));
	memset(peer->bell, 0xff, sizeof(peer->bell));
	peer->fd = join.out_fd;
	peer->number = number;
	peer->vectors = join.vectors;
	peer->generation = join.out_generation;
	peer->rights = (fd->handle->read ? VMSHM_PEER_READ : 0) |
		       (fd->handle->write ? VMSHM_PEER_WRITE : 0);
	if (fd->handle->write || (region->flags & VMSHM_RING_READERS))
		peer->rights |= VMSHM_PEER_MAY_RING;
	peer->handle = fz_handle_get(fd->handle);
	fz_raise(region, VMSHM_EVENT_JOINED, number, peer->generation);
}

/* 0 which peer */
void fz_op_leave(const uint32_t *arg)
{
	fz_peer_close(&fz.peer[arg[0] % FZ_PEERS]);
}

static void fz_rung(struct fz_peer *peer, uint32_t vector)
{
	peer->pending |= 1ULL << vector;
	peer->rings++;
	if (peer->bell[vector] >= 0)
		fz.eventfd_count[peer->bell[vector]]++;
}

/* 0 who rings, 1 whom, 2 vector */
void fz_op_ring(const uint32_t *arg)
{
	struct fz_peer *peer = fz_peer_of(arg[0]), *other = fz_peer_of(arg[1]);
	struct vmshm_peer_ring ring = { .size = sizeof(ring) };
	struct fz_region *region;
	unsigned int i;
	int want = 0;

	if (!peer)
		return;
	region = peer->handle->region;
	ring.number = other->number;
	if (!(arg[1] >> 8 & 7))
		ring.number = arg[1] >> 16;
	if (!(arg[1] >> 11 & 7))
		ring.number = VMSHM_PEER_ALL;
	ring.vector = arg[2] & 7 ? (arg[2] >> 3) % 4 : (arg[2] >> 3) % 66;
	other = fz_peer_find(region, ring.number);
	if (ring.vector >= VMSHM_PEER_VECTORS_MAX)
		want = -EINVAL;
	else if (!(peer->rights & VMSHM_PEER_MAY_RING))
		want = -EACCES;
	else if (ring.number == VMSHM_PEER_ALL)
		want = 0;
	else if (!other)
		want = -ENOENT;
	else if (ring.vector >= other->vectors)
		want = -EINVAL;
	FZ_EXPECT(fz_ioctl(peer->fd, VMSHM_IOC_PEER_RING, &ring, sizeof(ring),
			   arg[2] >> 16 & 1), want, "RING of %u, vector %u",
		  ring.number, ring.vector);
	if (want)
		return;
	if (ring.number != VMSHM_PEER_ALL) {
		fz_rung(other, ring.vector);
		return;
	}
	for (i = 0; i < FZ_PEERS; i++)
		if (fz.peer[i].handle && &fz.peer[i] != peer &&
		    fz.peer[i].handle->region == region &&
		    ring.vector < fz.peer[i].vectors)
			fz_rung(&fz.peer[i], ring.vector);
}

/* 0 which peer, 1 mask, 2 faulty */
void fz_op_pending(const uint32_t *arg)
{
	struct vmshm_peer_pending pending = {
		.size = sizeof(pending),
		.mask = arg[1] & 3 ? 0 : arg[1] >> 2,
	};
	struct fz_peer *peer = fz_peer_of(arg[0]);
	bool faulty = !(arg[2] & 7);

	if (!peer)
		return;
	FZ_EXPECT(fz_poll(peer->fd), peer->pending ? POLLIN : 0,
		  "poll of a peer");
	FZ_EXPECT(fz_ioctl(peer->fd, VMSHM_IOC_PEER_PENDING, &pending,
			   sizeof(pending), faulty), faulty ? -EFAULT : 0,
		  "PENDING");
	if (faulty)
		return;
	FZ_EXPECT(pending.out_pending,
		  peer->pending & (pending.mask ?: UINT64_MAX), "out_pending");
	peer->pending &= ~pending.out_pending;
}

/* 0 which peer, 1 vector, 2 eventfd */
void fz_op_set_vector(const uint32_t *arg)
{
	struct fz_peer *peer = fz_peer_of(arg[0]);
	struct vmshm_peer_set_vector set = {
		.size = sizeof(set),
		.vector = arg[1] & 7 ? (arg[1] >> 3) % 4 : (arg[1] >> 3) % 66,
	};
	int bell = (int)(arg[2] % (FZ_EVENTFDS + 2)) - 1, want = 0;

	if (!peer)
		return;
	set.fd = bell < 0 ? -1 : fz.dev;
	if (bell >= 0 && bell < FZ_EVENTFDS)
		set.fd = fz.eventfd[bell];
	if (set.vector >= peer->vectors || bell == FZ_EVENTFDS)
		want = -EINVAL;
	FZ_EXPECT(fz_ioctl(peer->fd, VMSHM_IOC_PEER_SET_VECTOR, &set,
			   sizeof(set), arg[2] >> 16 & 1), want, "SET_VECTOR");
	if (want)
		return;
	if (bell >= 0 || peer->bell[set.vector] >= 0)
		fz_raise(peer->handle->region, VMSHM_EVENT_VECTOR, peer->number,
			 peer->generation);
	peer->bell[set.vector] = bell;
}

static void fz_eventfd_check(int index, int fd)
{
	uint64_t value = 0;

	if (read(fd, &value, sizeof(value)) < 0 && errno != EAGAIN)
		fz_fail("read of an eventfd: %m");
	FZ_EXPECT(value, fz.eventfd_count[index], "an eventfd");
	fz.eventfd_count[index] = 0;
}

/* 0 which */
void fz_op_eventfd(const uint32_t *arg)
{
	unsigned int index = arg[0] % FZ_EVENTFDS;

	fz_eventfd_check(index, fz.eventfd[index]);
}

/* 0 who asks, 1 whose, 2 vector, 3 generation and more */
void fz_op_get_vector(const uint32_t *arg)
{
	struct fz_peer *peer = fz_peer_of(arg[0]), *other = fz_peer_of(arg[1]);
	struct vmshm_peer_get_vector get = {
		.size = sizeof(get),
		.vector = (arg[2] >> 3) % (arg[2] & 7 ? 4 : 66),
	};
	bool faulty = !(arg[3] >> 8 & 15);
	int want = faulty ? -EFAULT : 0;

	if (!peer)
		return;
	get.number = other->number;
	other = fz_peer_find(peer->handle->region, get.number);
	if (!(arg[3] & 3))
		get.generation = other ? other->generation + (arg[3] >> 2 & 1) :
			1;
	if (!(peer->rights & VMSHM_PEER_MAY_RING))
		want = -EACCES;
	else if (!other)
		want = -ENOENT;
	else if (get.generation && get.generation != other->generation)
		want = -ESTALE;
	else if (get.vector >= other->vectors)
		want = -EINVAL;
	else if (other->bell[get.vector] < 0)
		want = -ENOENT;
	FZ_EXPECT(fz_ioctl(peer->fd, VMSHM_IOC_PEER_GET_VECTOR, &get,
			   sizeof(get), faulty), want, "GET_VECTOR");
	if (want)
		return;
	fz_eventfd_check(other->bell[get.vector], get.out_fd);
	close(get.out_fd);
}

static uint64_t fz_bells(const struct fz_peer *peer)
{
	uint64_t bells = 0;
	unsigned int i;

	for (i = 0; i < peer->vectors; i++)
		if (peer->bell[i] >= 0)
			bells |= 1ULL << i;
	return bells;
}

/* 0 which peer */
void fz_op_peer_stat(const uint32_t *arg)
{
	struct vmshm_peer_stat stat = { .size = sizeof(stat) };
	struct fz_peer *peer = fz_peer_of(arg[0]);

	if (!peer)
		return;
	FZ_EXPECT(fz_ioctl(peer->fd, VMSHM_IOC_PEER_STAT, &stat, sizeof(stat),
			   false), 0, "PEER_STAT");
	FZ_EXPECT(stat.out_number, peer->number, "PEER_STAT: out_number");
	FZ_EXPECT(stat.out_flags, peer->rights, "PEER_STAT: out_flags");
	FZ_EXPECT(stat.out_vectors, peer->vectors, "PEER_STAT: out_vectors");
	FZ_EXPECT(stat.out_peers, fz_peers_count(peer->handle->region),
		  "PEER_STAT: out_peers");
	FZ_EXPECT(stat.out_generation, peer->generation,
		  "PEER_STAT: out_generation");
	FZ_EXPECT(stat.out_region, peer->handle->region->generation,
		  "PEER_STAT: out_region");
	FZ_EXPECT(stat.out_eventfds, fz_bells(peer), "PEER_STAT: out_eventfds");
	FZ_EXPECT(stat.out_pending, peer->pending, "PEER_STAT: out_pending");
	FZ_EXPECT(stat.out_rings, peer->rings, "PEER_STAT: out_rings");
}

/* 0 descriptor, 1 room */
void fz_op_peers(const uint32_t *arg)
{
	struct vmshm_peer_info info[FZ_PEERS];
	struct vmshm_peers list = {
		.size = sizeof(list),
		.entries = (uintptr_t)info,
		.entry_size = sizeof(info[0]),
		.count = arg[1] & 3 ? FZ_PEERS : (arg[1] >> 2) % FZ_PEERS,
	};
	struct fz_fd *fd = fz_fd_of(arg[0]);
	unsigned int nr, i;
	long long last = -1;

	if (!fd)
		return;
	nr = fz_peers_count(fd->handle->region);
	FZ_EXPECT(fz_ioctl(fd->fd, VMSHM_IOC_PEERS, &list, sizeof(list), false),
		  list.count < nr ? -EMSGSIZE : 0, "PEERS");
	FZ_EXPECT(list.out_count, nr, "PEERS: out_count");
	for (i = 0; i < nr && list.count >= nr; i++) {
		const struct fz_peer *peer = fz_peer_find(fd->handle->region,
							  info[i].number);

		if (!peer || (long long)info[i].number <= last)
			fz_fail("PEERS: number %u", info[i].number);
		last = info[i].number;
		FZ_EXPECT(info[i].flags, peer->rights, "PEERS: flags");
		FZ_EXPECT(info[i].vectors, peer->vectors, "PEERS: vectors");
		FZ_EXPECT(info[i].generation, peer->generation,
			  "PEERS: generation");
		FZ_EXPECT(info[i].pending, peer->pending, "PEERS: pending");
		FZ_EXPECT(info[i].eventfds, fz_bells(peer), "PEERS: eventfds");
	}
}
