// SPDX-License-Identifier: GPL-2.0
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <sys/eventfd.h>

#include "lib/vmshm_peer.h"

int vt_join(int fd, long long number, __u32 vectors, const char *name)
{
	struct vmshm_join arg = { .size = sizeof(arg), .vectors = vectors };
	int ret;

	if (number != VT_ANY) {
		arg.flags = VMSHM_JOIN_NUMBER;
		arg.number = number;
	}
	if (name)
		memcpy(arg.name, name, strnlen(name, sizeof(arg.name)));
	ret = vt_ioctl(fd, VMSHM_IOC_JOIN, &arg);
	return ret < 0 ? ret : arg.out_fd;
}

int vt_peer_stat(int peer, struct vmshm_peer_stat *stat)
{
	*stat = (struct vmshm_peer_stat){ .size = sizeof(*stat) };
	return vt_ioctl(peer, VMSHM_IOC_PEER_STAT, stat);
}

int vt_set_vector(int peer, __u32 vector, int eventfd)
{
	struct vmshm_peer_set_vector arg = {
		.size = sizeof(arg),
		.vector = vector,
		.fd = eventfd,
	};

	return vt_ioctl(peer, VMSHM_IOC_PEER_SET_VECTOR, &arg);
}

int vt_ring(int peer, __u32 number, __u32 vector)
{
	struct vmshm_peer_ring arg = {
		.size = sizeof(arg),
		.number = number,
		.vector = vector,
	};

	return vt_ioctl(peer, VMSHM_IOC_PEER_RING, &arg);
}

int vt_get_vector(int peer, __u32 number, __u64 generation, __u32 vector)
{
	struct vmshm_peer_get_vector arg = {
		.size = sizeof(arg),
		.number = number,
		.vector = vector,
		.generation = generation,
	};
	int ret;

	ret = vt_ioctl(peer, VMSHM_IOC_PEER_GET_VECTOR, &arg);
	return ret < 0 ? ret : arg.out_fd;
}

__u64 vt_pending(int peer, __u64 mask)
{
	struct vmshm_peer_pending arg = { .size = sizeof(arg), .mask = mask };

	if (vt_ioctl(peer, VMSHM_IOC_PEER_PENDING, &arg))
		return ~0ULL;
	return arg.out_pending;
}

int vt_peer_number(int peer)
{
	struct vmshm_peer_stat stat;
	int ret = vt_peer_stat(peer, &stat);

	return ret < 0 ? ret : (int)stat.out_number;
}

__u64 vt_peer_generation(int peer)
{
	struct vmshm_peer_stat stat;

	return vt_peer_stat(peer, &stat) ? 0 : stat.out_generation;
}

int vt_peers(int fd, struct vmshm_peer_info *infos, __u32 count)
{
	struct vmshm_peers arg = {
		.size = sizeof(arg),
		.entries = (uintptr_t)infos,
		.entry_size = sizeof(*infos),
		.count = count,
	};
	int ret;

	ret = vt_ioctl(fd, VMSHM_IOC_PEERS, &arg);
	return ret < 0 ? ret : (int)arg.out_count;
}

int vt_doorbell(int peer, __u32 vector)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), ret;

	if (fd < 0)
		return -errno;
	ret = vt_set_vector(peer, vector, fd);
	if (ret) {
		close(fd);
		return ret;
	}
	return fd;
}

__u64 vt_count(int eventfd)
{
	__u64 n;

	return read(eventfd, &n, sizeof(n)) == sizeof(n) ? n : 0;
}
