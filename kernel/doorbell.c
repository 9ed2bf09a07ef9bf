// SPDX-License-Identifier: GPL-2.0
/*
 * Doorbells: the vectors of peers, their eventfds, and ringing them.
 *
 * Ringing takes no lock but that of the peer that is rung, and nothing is done
 * under it that could wait: whoever rings is never delayed by whoever is rung.
 */
#include <linux/bits.h>
#include <linux/file.h>
#include <linux/nospec.h>
#include <linux/sched.h>
#include <linux/xarray.h>

#include "device.h"
#include "peer.h"
#include "trace.h"

/* Puts @new there instead, and returns what was there. */
static struct vmshm_doorbell vmshm_doorbell_swap(struct vmshm_peer *peer,
						 u32 vector,
						 struct vmshm_doorbell new)
{
	spin_lock(&peer->lock);
	swap(peer->doorbells[vector], new);
	if (peer->doorbells[vector].file)
		peer->eventfds |= BIT_ULL(vector);
	else
		peer->eventfds &= ~BIT_ULL(vector);
	spin_unlock(&peer->lock);
	return new;
}

static void vmshm_doorbell_put(struct vmshm_doorbell bell)
{
	if (!bell.file)
		return;
	eventfd_ctx_put(bell.ctx);
	fput(bell.file);
}

/**
 * vmshm_doorbells_drop() - let go of all eventfds of a peer that goes
 * @peer: the peer, which nobody finds any more, but somebody may be ringing
 *
 * Context: may sleep.
 */
void vmshm_doorbells_drop(struct vmshm_peer *peer)
{
	struct vmshm_doorbell none = {};
	u32 i;

	for (i = 0; i < peer->nr_vectors; i++)
		vmshm_doorbell_put(vmshm_doorbell_swap(peer, i, none));
}

/**
 * vmshm_ioctl_peer_set_vector() - VMSHM_IOC_PEER_SET_VECTOR
 * @ucmd: the ioctl, on a peer
 *
 * Context: process context; takes region->peers_mutex.
 * Return: 0 or an errno of struct vmshm_peer_set_vector.
 */
int vmshm_ioctl_peer_set_vector(struct vmshm_ucmd *ucmd)
{
	const struct vmshm_peer_set_vector *arg = ucmd->arg;
	struct vmshm_peer *peer = ucmd->file->private_data;
	struct vmshm_region *region = peer->region;
	struct vmshm_doorbell bell = {};
	bool given = arg->fd != -1;
	u32 vector;

	if (arg->flags)
		return -EOPNOTSUPP;
	if (arg->vector >= peer->nr_vectors)
		return -EINVAL;
	vector = array_index_nospec(arg->vector, peer->nr_vectors);
	if (given) {
		/* Only eventfds: no other file may be held by a peer. */
		bell.file = eventfd_fget(arg->fd);
		if (IS_ERR(bell.file))
			return PTR_ERR(bell.file);
		bell.ctx = eventfd_ctx_fileget(bell.file);
		if (IS_ERR(bell.ctx)) {
			fput(bell.file);
			return PTR_ERR(bell.ctx);
		}
	}

	mutex_lock(&region->peers_mutex);
	bell = vmshm_doorbell_swap(peer, vector, bell);
	if (given || bell.file)
		vmshm_event_peer(peer, VMSHM_EVENT_VECTOR, vector, given);
	mutex_unlock(&region->peers_mutex);
	vmshm_doorbell_put(bell);
	return 0;
}

/* Returns a reference to the eventfd, or an ERR_PTR. */
static struct file *vmshm_doorbell_get(struct vmshm_region *region,
				       const struct vmshm_peer_get_vector *arg)
{
	struct vmshm_peer *peer;
	struct file *file;
	u32 vector;

	if (arg->number > VMSHM_PEER_NUMBER_MAX)
		return ERR_PTR(-ENOENT);

	rcu_read_lock();
	file = ERR_PTR(-ENOENT);
	peer = xa_load(&region->peers, arg->number);
	if (!peer)
		goto unlock;
	file = ERR_PTR(-ESTALE);
	if (arg->generation && arg->generation != peer->generation)
		goto unlock;
	file = ERR_PTR(-EINVAL);
	if (arg->vector >= peer->nr_vectors)
		goto unlock;
	vector = array_index_nospec(arg->vector, peer->nr_vectors);

	spin_lock(&peer->lock);
	file = peer->doorbells[vector].file;
	if (file)
		get_file(file);
	else
		file = ERR_PTR(-ENOENT);
	spin_unlock(&peer->lock);
unlock:
	rcu_read_unlock();
	return file;
}

/**
 * vmshm_ioctl_peer_get_vector() - VMSHM_IOC_PEER_GET_VECTOR
 * @ucmd: the ioctl, on a peer
 *
 * Context: process context.
 * Return: 0 or an errno of struct vmshm_peer_get_vector.
 */
int vmshm_ioctl_peer_get_vector(struct vmshm_ucmd *ucmd)
{
	struct vmshm_peer_get_vector *arg = ucmd->arg;
	struct vmshm_peer *peer = ucmd->file->private_data;
	struct file *file;

	if (arg->flags)
		return -EOPNOTSUPP;
	if (arg->out_fd || arg->__reserved)
		return -EINVAL;
	if (!(peer->rights & VMSHM_PEER_MAY_RING))
		return -EACCES;
	/* Other machines keep theirs to themselves. */
	if (peer->region->device && arg->number != peer->number)
		return -EOPNOTSUPP;

	file = vmshm_doorbell_get(peer->region, arg);
	if (IS_ERR(file))
		return PTR_ERR(file);
	return vmshm_ucmd_return_file(ucmd, &arg->out_fd, file);
}

/* Under RCU. Pending first: whoever the eventfd wakes finds it so. */
static void vmshm_doorbell_ring(struct vmshm_peer *peer, u32 vector)
{
	struct vmshm_doorbell *bell;

	bell = &peer->doorbells[array_index_nospec(vector, peer->nr_vectors)];
	spin_lock(&peer->lock);
	peer->pending |= BIT_ULL(vector);
	peer->rings++;
	if (bell->ctx)
		vmshm_eventfd_signal(bell->ctx);
	spin_unlock(&peer->lock);
	vmshm_peer_wake(peer);
}

/**
 * vmshm_ring_one() - ring a peer of this machine
 * @region: the region
 * @number: the peer
 * @vector: one of its vectors
 *
 * Context: process context, does not sleep.
 * Return: 0; -ENOENT: no such peer; -EINVAL: it has no such vector.
 */
int vmshm_ring_one(struct vmshm_region *region, u32 number, u32 vector)
{
	struct vmshm_peer *peer;
	int err = 0;

	if (number > VMSHM_PEER_NUMBER_MAX)
		return -ENOENT;

	rcu_read_lock();
	peer = xa_load(&region->peers, number);
	if (!peer)
		err = -ENOENT;
	else if (vector >= peer->nr_vectors)
		err = -EINVAL;
	else
		vmshm_doorbell_ring(peer, vector);
	rcu_read_unlock();
	return err;
}

static void vmshm_ring_others(struct vmshm_peer *self, u32 vector)
{
	struct vmshm_peer *peer;
	unsigned long number;

	for (number = 0;; number++) {
		rcu_read_lock();
		peer = xa_find(&self->region->peers, &number,
			       VMSHM_PEER_NUMBER_MAX, XA_PRESENT);
		if (peer && peer != self && vector < peer->nr_vectors)
			vmshm_doorbell_ring(peer, vector);
		rcu_read_unlock();
		if (!peer)
			break;
		cond_resched();
	}
}

/**
 * vmshm_peer_ring() - VMSHM_IOC_PEER_RING
 * @peer: the peer that rings
 * @arg: a copy of the argument
 *
 * Context: process context.
 * Return: 0 or an errno of struct vmshm_peer_ring.
 */
int vmshm_peer_ring(struct vmshm_peer *peer, const struct vmshm_peer_ring *arg)
{
	int err = 0;

	if (arg->flags)
		return -EOPNOTSUPP;
	if (arg->vector >= VMSHM_PEER_VECTORS_MAX)
		return -EINVAL;
	if (!(peer->rights & VMSHM_PEER_MAY_RING))
		return -EACCES;

	if (peer->region->device)
		err = vmshm_device_ring(peer->region, arg->number, arg->vector);
	else if (arg->number == VMSHM_PEER_ALL)
		vmshm_ring_others(peer, arg->vector);
	else
		err = vmshm_ring_one(peer->region, arg->number, arg->vector);
	if (!err)
		trace_vmshm_ring(peer->region, peer->number, arg->number,
				 arg->vector);
	return err;
}

/* The caller was not told: it is pending again. */
static void vmshm_peer_pending_abort(struct vmshm_ucmd *ucmd)
{
	const struct vmshm_peer_pending *arg = ucmd->arg;
	struct vmshm_peer *peer = ucmd->file->private_data;

	spin_lock(&peer->lock);
	peer->pending |= arg->out_pending;
	spin_unlock(&peer->lock);
	vmshm_peer_wake(peer);
}

/**
 * vmshm_ioctl_peer_pending() - VMSHM_IOC_PEER_PENDING
 * @ucmd: the ioctl, on a peer
 *
 * Context: process context.
 * Return: 0, -EOPNOTSUPP or -EINVAL.
 */
int vmshm_ioctl_peer_pending(struct vmshm_ucmd *ucmd)
{
	struct vmshm_peer_pending *arg = ucmd->arg;
	struct vmshm_peer *peer = ucmd->file->private_data;

	if (arg->flags)
		return -EOPNOTSUPP;
	if (arg->out_pending)
		return -EINVAL;

	spin_lock(&peer->lock);
	arg->out_pending = peer->pending & (arg->mask ?: U64_MAX);
	peer->pending &= ~arg->out_pending;
	spin_unlock(&peer->lock);
	ucmd->abort = vmshm_peer_pending_abort;
	return 0;
}
