// SPDX-License-Identifier: GPL-2.0
/* Peers: who shares a region and rings the others. */

#include <errno.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "internal.h"

struct vmshm_peer {
	int fd;
	__u32 number;
	__u64 generation;
};

struct vmshm_peer_list {
	struct vmshm__array array;
};

int vmshm_region_join(const struct vmshm_region *region,
		      const struct vmshm_join_options *options,
		      struct vmshm_peer **peer)
{
	struct vmshm_join arg = { .size = sizeof(arg) };
	struct vmshm_join_options opt;
	struct vmshm_peer *new;
	size_t len;
	int rc;

	rc = vmshm__options_copy(&opt, sizeof(opt), JOIN_OPTIONS_SIZE_VER0,
				 options);
	if (rc)
		return rc;
	if (opt.__reserved)
		return -EINVAL;
	if (opt.name) {
		len = strnlen(opt.name, sizeof(arg.name));
		if (len == sizeof(arg.name))
			return -EINVAL;
		memcpy(arg.name, opt.name, len);
	}

	new = calloc(1, sizeof(*new));
	if (!new)
		return -ENOMEM;

	arg.flags = opt.flags;
	arg.number = opt.number;
	arg.vectors = opt.vectors;
	rc = vmshm__ioctl(region->fd, VMSHM_IOC_JOIN, &arg);
	if (rc) {
		free(new);
		return rc;
	}

	new->fd = arg.out_fd;
	new->number = arg.out_number;
	new->generation = arg.out_generation;
	*peer = new;
	return 0;
}

int vmshm_peer_from_fd(int fd, struct vmshm_peer **peer)
{
	struct vmshm_peer_stat stat;
	struct vmshm_peer *new;
	struct statfs fs;
	int rc;

	/*
	 * Not to send a command to a device that could take it for one of its
	 * own.
	 */
	if (fstatfs(fd, &fs))
		return -errno;
	if ((__u32)fs.f_type != ANON_INODE_FS_MAGIC)
		return -ENOTTY;

	rc = vmshm__stat(fd, VMSHM_IOC_PEER_STAT, &stat, sizeof(stat),
			 PEER_STAT_SIZE_VER0);
	if (rc)
		return rc;

	new = calloc(1, sizeof(*new));
	if (!new)
		return -ENOMEM;

	new->fd = fd;
	new->number = stat.out_number;
	new->generation = stat.out_generation;
	*peer = new;
	return 0;
}

void vmshm_peer_close(struct vmshm_peer *peer)
{
	if (!peer)
		return;

	close(peer->fd);
	free(peer);
}

int vmshm_peer_fd(const struct vmshm_peer *peer)
{
	return peer->fd;
}

__u32 vmshm_peer_number(const struct vmshm_peer *peer)
{
	return peer->number;
}

__u64 vmshm_peer_generation(const struct vmshm_peer *peer)
{
	return peer->generation;
}

int vmshm_peer_stat(const struct vmshm_peer *peer,
		    struct vmshm_peer_stat *stat, size_t stat_size)
{
	return vmshm__stat(peer->fd, VMSHM_IOC_PEER_STAT, stat, stat_size,
			   PEER_STAT_SIZE_VER0);
}

int vmshm_peer_set_vector(const struct vmshm_peer *peer, __u32 vector, int fd)
{
	struct vmshm_peer_set_vector arg = {
		.size = sizeof(arg),
		.vector = vector,
		.fd = fd,
	};

	return vmshm__ioctl(peer->fd, VMSHM_IOC_PEER_SET_VECTOR, &arg);
}

int vmshm_peer_get_vector(const struct vmshm_peer *peer, __u32 number,
			  __u64 generation, __u32 vector, int *fd)
{
	struct vmshm_peer_get_vector arg = {
		.size = sizeof(arg),
		.number = number,
		.vector = vector,
		.generation = generation,
	};
	int rc;

	rc = vmshm__ioctl(peer->fd, VMSHM_IOC_PEER_GET_VECTOR, &arg);
	if (rc)
		return rc;

	*fd = arg.out_fd;
	return 0;
}

int vmshm_peer_ring(const struct vmshm_peer *peer, __u32 number, __u32 vector)
{
	struct vmshm_peer_ring arg = {
		.size = sizeof(arg),
		.number = number,
		.vector = vector,
	};

	return vmshm__ioctl(peer->fd, VMSHM_IOC_PEER_RING, &arg);
}

int vmshm_peer_pending(const struct vmshm_peer *peer, __u64 mask,
		       __u64 *pending)
{
	struct vmshm_peer_pending arg = {
		.size = sizeof(arg),
		.mask = mask,
	};
	int rc;

	rc = vmshm__ioctl(peer->fd, VMSHM_IOC_PEER_PENDING, &arg);
	if (rc)
		return rc;

	*pending = arg.out_pending;
	return 0;
}

int vmshm_peer_list_open(const struct vmshm_region *region,
			 struct vmshm_peer_list **peers)
{
	struct vmshm_peer_list *new;
	int rc;

	new = malloc(sizeof(*new));
	if (!new)
		return -ENOMEM;

	rc = vmshm__array_open(&new->array, region->fd, VMSHM_IOC_PEERS,
			       sizeof(struct vmshm_peer_info));
	if (rc) {
		free(new);
		return rc;
	}

	*peers = new;
	return 0;
}

size_t vmshm_peer_list_count(const struct vmshm_peer_list *peers)
{
	return peers->array.count;
}

int vmshm_peer_list_next(struct vmshm_peer_list *peers,
			 const struct vmshm_peer_info **info)
{
	const struct vmshm_peer_info *entry = vmshm__array_next(&peers->array);

	if (!entry)
		return 0;

	*info = entry;
	return 1;
}

void vmshm_peer_list_close(struct vmshm_peer_list *peers)
{
	if (!peers)
		return;

	vmshm__array_close(&peers->array);
	free(peers);
}
