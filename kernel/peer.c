// SPDX-License-Identifier: GPL-2.0
/*
 * Peers: members of a region's sharing group, as files.
 *
 * A number is reserved in region->peers when JOIN begins and stands for the peer
 * only when its result is with the caller, so nobody finds a peer that does not
 * come to be. Whatever joins and leaves does so under region->peers_mutex,
 * events included; whoever rings takes RCU and the lock of the one he rings.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/xarray.h>

#include "device.h"
#include "peer.h"
#include "trace.h"

#define VMSHM_PEER_LIMIT	XA_LIMIT(0, VMSHM_PEER_NUMBER_MAX)

static atomic64_t vmshm_joins = ATOMIC64_INIT(0);

/*
 * Kernel memory of a peer, roughly: the struct, its file, nodes of the array of
 * numbers that it may be the only one in, and eventfds that nobody else holds.
 */
static size_t vmshm_peer_bytes(u32 nr_vectors)
{
	return sizeof(struct vmshm_peer) + sizeof(struct file) +
	       2 * sizeof(struct xa_node) + sizeof(struct pid) +
	       nr_vectors * (sizeof(struct vmshm_doorbell) +
			     sizeof(struct file) + 64);
}

static void vmshm_peer_free(struct vmshm_peer *peer)
{
	struct vmshm_handle *handle = vmshm_file_handle(peer->file);

	vmshm_doorbells_drop(peer);
	vmshm_opener_release(&peer->opener);
	atomic_dec(&handle->nr_peers);
	fput(peer->file);
	vmshm_uncharge_meta(peer->user, peer->charged);
	vmshm_uncharge_one(peer->user, VMSHM_OBJECT_PEER);
	vmshm_user_put(peer->user);
	kfree_rcu(peer, rcu);
}

static void vmshm_peer_exit(struct vmshm_opener *opener)
{
	vmshm_event_peer(container_of(opener, struct vmshm_peer, opener),
			 VMSHM_EVENT_PEER_EXIT, 0, false);
}

static void vmshm_peer_leave(struct vmshm_peer *peer)
{
	struct vmshm_region *region = peer->region;

	vmshm_opener_stop(&peer->opener);

	mutex_lock(&region->peers_mutex);
	xa_erase(&region->peers, peer->number);
	WRITE_ONCE(region->nr_peers, region->nr_peers - 1);
	vmshm_opener_close(&peer->opener);
	vmshm_event_peer(peer, VMSHM_EVENT_LEFT, 0, false);
	mutex_unlock(&region->peers_mutex);
	trace_vmshm_leave(region, peer->number, peer->generation);
}

static int vmshm_peer_release(struct inode *inode, struct file *file)
{
	struct vmshm_peer *peer = file->private_data;

	if (peer->joined)
		vmshm_peer_leave(peer);
	else
		xa_erase(&peer->region->peers, peer->number);
	vmshm_peer_free(peer);
	return 0;
}

static __poll_t vmshm_peer_poll(struct file *file, poll_table *wait)
{
	struct vmshm_peer *peer = file->private_data;
	u64 pending;

	poll_wait(file, &peer->wait, wait);

	/* Not without the lock: it orders this with vmshm_peer_wake(). */
	spin_lock(&peer->lock);
	pending = peer->pending;
	spin_unlock(&peer->lock);
	return pending ? EPOLLIN | EPOLLRDNORM : 0;
}

/**
 * vmshm_peer_wake() - tell who polls that a vector is pending
 * @peer: the peer, after peer->lock was held to make it pending
 *
 * Context: process context, does not sleep; the caller keeps @peer.
 */
void vmshm_peer_wake(struct vmshm_peer *peer)
{
	/*
	 * Whoever polls enters the queue before he looks under that lock: if
	 * he did not see what is pending, he was in the queue before it was.
	 */
	if (waitqueue_active(&peer->wait))
		wake_up_interruptible_poll(&peer->wait, EPOLLIN | EPOLLRDNORM);
}

static void vmshm_peer_read_stat(struct vmshm_peer *peer,
				 struct vmshm_peer_stat *stat)
{
	stat->out_number = peer->number;
	stat->out_flags = peer->rights;
	if (vmshm_opener_ended(&peer->opener))
		stat->out_flags |= VMSHM_PEER_EXITED;
	stat->out_vectors = peer->nr_vectors;
	stat->out_peers = READ_ONCE(peer->region->nr_peers);
	stat->out_generation = peer->generation;
	stat->out_region = peer->region->generation;
	spin_lock(&peer->lock);
	stat->out_eventfds = peer->eventfds;
	stat->out_pending = peer->pending;
	stat->out_rings = peer->rings;
	spin_unlock(&peer->lock);
	memcpy(stat->out_name, peer->name, sizeof(peer->name));
}

static void vmshm_peer_show_fdinfo(struct seq_file *m, struct file *file)
{
	struct vmshm_peer *peer = file->private_data;
	struct vmshm_peer_stat stat = {};

	vmshm_peer_read_stat(peer, &stat);
	seq_printf(m, "vmshm-name:\t%s\n", peer->region->name);
	seq_printf(m, "vmshm-generation:\t%llu\n", stat.out_region);
	seq_printf(m, "vmshm-peer-name:\t%s\n", stat.out_name);
	seq_printf(m, "vmshm-peer-number:\t%u\n", stat.out_number);
	seq_printf(m, "vmshm-peer-generation:\t%llu\n", stat.out_generation);
	seq_printf(m, "vmshm-peer-flags:\t0x%x\n", stat.out_flags);
	seq_printf(m, "vmshm-peer-vectors:\t%u\n", stat.out_vectors);
	seq_printf(m, "vmshm-peer-eventfds:\t0x%llx\n", stat.out_eventfds);
	seq_printf(m, "vmshm-peer-pending:\t0x%llx\n", stat.out_pending);
	seq_printf(m, "vmshm-peer-rings:\t%llu\n", stat.out_rings);
	seq_printf(m, "vmshm-peers:\t%u\n", stat.out_peers);
}

static const struct file_operations vmshm_peer_fops = {
	.owner		= THIS_MODULE,
	.release	= vmshm_peer_release,
	.llseek		= noop_llseek,
	.poll		= vmshm_peer_poll,
	.unlocked_ioctl	= vmshm_peer_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.show_fdinfo	= vmshm_peer_show_fdinfo,
};

/* A peer without a number, of the current process. Takes over nothing. */
static struct vmshm_peer *vmshm_peer_new(struct file *outer,
					 const struct vmshm_join *arg)
{
	struct vmshm_handle *handle = vmshm_file_handle(outer);
	struct vmshm_region *region = handle->region;
	struct vmshm_user *user;
	struct vmshm_peer *peer;
	size_t bytes;
	int err;

	user = vmshm_user_get(region->registry->user_ns);
	if (IS_ERR(user))
		return ERR_CAST(user);
	err = vmshm_charge_one(user, VMSHM_OBJECT_PEER);
	if (err)
		goto put_user;
	bytes = vmshm_peer_bytes(arg->vectors);
	err = vmshm_charge_meta(user, bytes);
	if (err)
		goto uncharge_peer;

	peer = kzalloc(struct_size(peer, doorbells, arg->vectors),
		       GFP_KERNEL_ACCOUNT);
	if (!peer) {
		err = -ENOMEM;
		goto uncharge_meta;
	}
	peer->region = region;
	peer->file = get_file(outer);
	atomic_inc(&handle->nr_peers);
	peer->user = user;
	peer->charged = bytes;
	vmshm_opener_init(&peer->opener, vmshm_peer_exit);
	peer->nr_vectors = arg->vectors;
	peer->rights = vmshm_file_rights(outer);
	if ((peer->rights & VMSHM_PEER_WRITE) ||
	    (region->flags & VMSHM_RING_READERS))
		peer->rights |= VMSHM_PEER_MAY_RING;
	peer->generation = atomic64_inc_return(&vmshm_joins);
	init_waitqueue_head(&peer->wait);
	spin_lock_init(&peer->lock);
	strscpy_pad(peer->name, (const char *)arg->name, sizeof(peer->name));
	return peer;

uncharge_meta:
	vmshm_uncharge_meta(user, bytes);
uncharge_peer:
	vmshm_uncharge_one(user, VMSHM_OBJECT_PEER);
put_user:
	vmshm_user_put(user);
	return ERR_PTR(err);
}

/* Takes a number out of circulation, where nobody finds a peer yet. */
static int vmshm_peer_reserve(struct vmshm_peer *peer,
			      const struct vmshm_join *arg)
{
	struct vmshm_region *region = peer->region;
	int err;

	if (region->device) {
		err = vmshm_device_join(region, arg);
		if (err < 0)
			return err;
		peer->number = err;
		return xa_insert(&region->peers, err, NULL, GFP_KERNEL);
	}
	if (arg->flags & VMSHM_JOIN_NUMBER) {
		peer->number = arg->number;
		return xa_insert(&region->peers, arg->number, NULL,
				 GFP_KERNEL);
	}
	err = xa_alloc(&region->peers, &peer->number, NULL, VMSHM_PEER_LIMIT,
		       GFP_KERNEL);
	return err == -EBUSY ? -ENOSPC : err;
}

/* The results are with the caller: be a peer. */
static int vmshm_join_commit(struct vmshm_ucmd *ucmd)
{
	struct vmshm_peer *peer = ucmd->new_file->private_data;
	struct vmshm_region *region = peer->region;
	int err;

	mutex_lock(&region->peers_mutex);
	/* There is room where the number is reserved. */
	err = xa_err(xa_store(&region->peers, peer->number, peer, GFP_KERNEL));
	if (!err) {
		peer->joined = true;
		WRITE_ONCE(region->nr_peers, region->nr_peers + 1);
		vmshm_event_peer(peer, VMSHM_EVENT_JOINED, 0, false);
	}
	mutex_unlock(&region->peers_mutex);
	if (err)
		return err;

	/* PEER_EXIT comes after JOINED. */
	vmshm_opener_start(&peer->opener);
	trace_vmshm_join(region, peer->number, peer->generation,
			 peer->nr_vectors);
	return 0;
}

static int vmshm_join_check(const struct vmshm_join *arg)
{
	int len;

	if (arg->flags & ~VMSHM_JOIN_NUMBER)
		return -EOPNOTSUPP;
	if (arg->out_fd || arg->out_number || arg->out_generation)
		return -EINVAL;
	if (arg->number > ((arg->flags & VMSHM_JOIN_NUMBER) ?
			   VMSHM_PEER_NUMBER_MAX : 0))
		return -EINVAL;
	if (arg->vectors > VMSHM_PEER_VECTORS_MAX)
		return -EINVAL;
	if (!arg->name[0])
		return 0;
	len = vmshm_domain_check(arg->name, sizeof(arg->name));
	return len < 0 ? len : 0;
}

/**
 * vmshm_ioctl_join() - VMSHM_IOC_JOIN
 * @ucmd: the ioctl, on a region
 *
 * Context: process context; takes region->peers_mutex.
 * Return: 0 or an errno of struct vmshm_join.
 */
int vmshm_ioctl_join(struct vmshm_ucmd *ucmd)
{
	struct vmshm_join *arg = ucmd->arg;
	struct vmshm_peer *peer;
	struct file *file;
	int err;

	err = vmshm_join_check(arg);
	if (err)
		return err;

	peer = vmshm_peer_new(ucmd->file, arg);
	if (IS_ERR(peer))
		return PTR_ERR(peer);
	err = vmshm_peer_reserve(peer, arg);
	if (err)
		goto free_peer;
	/* From here on the release of the file undoes it all. */
	file = anon_inode_getfile("[vmshm-peer]", &vmshm_peer_fops, peer,
				  O_RDWR | O_CLOEXEC);
	if (IS_ERR(file)) {
		err = PTR_ERR(file);
		goto free_number;
	}
	arg->out_number = peer->number;
	arg->out_generation = peer->generation;
	ucmd->commit = vmshm_join_commit;
	return vmshm_ucmd_return_file(ucmd, &arg->out_fd, file);

free_number:
	xa_erase(&peer->region->peers, peer->number);
free_peer:
	vmshm_peer_free(peer);
	return err;
}

/**
 * vmshm_ioctl_peer_stat() - VMSHM_IOC_PEER_STAT
 * @ucmd: the ioctl, on a peer
 *
 * Return: 0, -EOPNOTSUPP or -EINVAL.
 */
int vmshm_ioctl_peer_stat(struct vmshm_ucmd *ucmd)
{
	struct vmshm_peer_stat *arg = ucmd->arg;

	if (arg->flags)
		return -EOPNOTSUPP;
	if (memchr_inv(&arg->out_number, 0, sizeof(*arg) -
		       offsetof(struct vmshm_peer_stat, out_number)))
		return -EINVAL;
	vmshm_peer_read_stat(ucmd->file->private_data, arg);
	return 0;
}
