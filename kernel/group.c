// SPDX-License-Identifier: GPL-2.0
/*
 * Groups: who shares a region.
 */
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/xarray.h>

#include "entries.h"
#include "peer.h"

static void vmshm_peer_describe(struct vmshm_peer_info *info,
				struct vmshm_peer *peer,
				const struct vmshm_entries *list)
{
	BUILD_BUG_ON(sizeof(info->comm) != TASK_COMM_LEN);
	BUILD_BUG_ON(sizeof(info->name) != sizeof(peer->name));
	info->number = peer->number;
	info->flags = peer->rights;
	info->vectors = peer->nr_vectors;
	info->pid = pid_nr_ns(peer->opener.pid, list->pid_ns);
	info->uid = from_kuid_munged(list->user_ns, peer->opener.uid);
	info->generation = peer->generation;
	info->since_ns = peer->opener.since_ns;
	memcpy(info->name, peer->name, sizeof(peer->name));
	if (!vmshm_opener_comm(&peer->opener, (char *)info->comm))
		info->flags |= VMSHM_PEER_EXITED;
	spin_lock(&peer->lock);
	info->eventfds = peer->eventfds;
	info->pending = peer->pending;
	spin_unlock(&peer->lock);
}

/* Counts, and fills in all of @list if there is room for that. */
static void vmshm_peers_collect(void *object, struct vmshm_entries *list)
{
	struct vmshm_peer_info *info = list->entries;
	struct vmshm_region *region = object;
	struct vmshm_peer *peer;
	unsigned long number;

	mutex_lock(&region->peers_mutex);
	list->count = region->nr_peers;
	if (list->count <= list->room) {
		xa_for_each(&region->peers, number, peer) {
			vmshm_peer_describe(info++, peer, list);
			cond_resched();
		}
	}
	mutex_unlock(&region->peers_mutex);
}

/**
 * vmshm_ioctl_peers() - VMSHM_IOC_PEERS
 * @ucmd: with a struct vmshm_peers
 *
 * Context: process context; takes region->peers_mutex.
 * Return: as vmshm_return_entries().
 */
int vmshm_ioctl_peers(struct vmshm_ucmd *ucmd)
{
	struct vmshm_entries list = {};

	return vmshm_return_entries(ucmd, &list, sizeof(struct vmshm_peer_info),
				    vmshm_peers_collect,
				    vmshm_file_handle(ucmd->file)->region);
}
