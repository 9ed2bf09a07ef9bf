// SPDX-License-Identifier: GPL-2.0
/*
 * Groups: who shares a region.
 */
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/xarray.h>

#include "peer.h"

/* As struct vmshm_member_list, of peers. */
struct vmshm_peer_list {
	struct vmshm_peer_info *entries;
	u32 room;
	u32 count;
	struct pid_namespace *pid_ns;
	struct user_namespace *user_ns;
};

static void vmshm_peer_describe(struct vmshm_peer_info *info,
				struct vmshm_peer *peer,
				const struct vmshm_peer_list *list)
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
static void vmshm_peers_collect(struct vmshm_region *region,
				struct vmshm_peer_list *list)
{
	struct vmshm_peer_info *info = list->entries;
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
 * Return: 0; -EMSGSIZE: no room, out_count is set; -EINVAL, -E2BIG: entry_size;
 * -EFAULT; -ENOMEM; -EINTR.
 */
int vmshm_ioctl_peers(struct vmshm_ucmd *ucmd)
{
	struct vmshm_region *region = vmshm_file_handle(ucmd->file)->region;
	struct vmshm_peers *arg = ucmd->arg;
	struct vmshm_peer_list list = {
		.pid_ns = task_active_pid_ns(current),
		.user_ns = current_user_ns(),
	};
	int ret;

	if (arg->flags)
		return -EOPNOTSUPP;
	if (arg->out_count || arg->__reserved)
		return -EINVAL;
	if (arg->entry_size < sizeof(struct vmshm_peer_info))
		return -EINVAL;
	if (arg->entry_size > PAGE_SIZE)
		return -E2BIG;

	/* Allocate without locks, and again if there are more by then. */
	for (;;) {
		vmshm_peers_collect(region, &list);
		arg->out_count = list.count;
		ret = -EMSGSIZE;
		if (list.count > arg->count)
			break;
		if (list.count <= list.room) {
			ret = vmshm_copy_entries(u64_to_user_ptr(arg->entries),
						 arg->entry_size, list.entries,
						 sizeof(*list.entries),
						 list.count);
			break;
		}
		ret = -EINTR;
		if (fatal_signal_pending(current))
			break;

		kvfree(list.entries);
		list.room = list.count + list.count / 8 + 8;
		ret = -ENOMEM;
		list.entries = kvcalloc(list.room, sizeof(*list.entries),
					GFP_KERNEL_ACCOUNT);
		if (!list.entries)
			break;
	}
	kvfree(list.entries);
	return ret;
}
