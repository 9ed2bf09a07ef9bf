// SPDX-License-Identifier: GPL-2.0
/*
 * Events: what happens to a region, numbered, told to whoever watches.
 */
#include <linux/cred.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/timekeeping.h>

#include "bind.h"
#include "peer.h"
#include "watch.h"

/*
 * Whether the creator of @watch may open @region now. Asked at each event, not
 * once: mode and owner change, and the names of what one may not open are not
 * to be learned.
 */
static bool vmshm_watch_may_see(const struct vmshm_watch_ctx *watch,
				const struct vmshm_region *region)
{
	const struct cred *old = override_creds(watch->cred);
	bool may;

	may = vmshm_region_may_see(region);
	revert_creds(old);
	return may;
}

/* Fills in what all events have, and delivers it. */
static void vmshm_event_raise(struct vmshm_region *region,
			      struct vmshm_record *record)
{
	struct vmshm_registry *registry = region->registry;
	struct vmshm_watch_ctx *watch;

	if (!region->published)
		return;

	record->generation = region->generation;
	strscpy(record->name, region->name, sizeof(record->name));

	mutex_lock(&region->event_mutex);
	record->seq = region->seq + 1;
	record->time_ns = ktime_get_ns();
	WRITE_ONCE(region->seq, record->seq);

	list_for_each_entry(watch, &region->watches, node)
		vmshm_watch_push(watch, record);

	down_read(&registry->watch_lock);
	list_for_each_entry(watch, &registry->watches, node) {
		if ((watch->mask & (1U << record->type)) &&
		    vmshm_name_has_prefix(region->name, watch->prefix) &&
		    vmshm_watch_may_see(watch, region))
			vmshm_watch_push(watch, record);
	}
	up_read(&registry->watch_lock);
	mutex_unlock(&region->event_mutex);
}

/**
 * vmshm_event() - something was done to a region, by the current process
 * @region: the region; the caller keeps its inode
 * @type: VMSHM_EVENT_*
 * @value: as in struct vmshm_event
 * @old_value: as in struct vmshm_event
 *
 * To be called after the change, in the order of the changes: under the lock
 * that orders them. Events of a region that was never published are not raised.
 *
 * Context: may sleep; takes region->event_mutex and registry->watch_lock. Never
 * waits for a reader and never fails.
 */
void vmshm_event(struct vmshm_region *region, u32 type, u64 value,
		 u64 old_value)
{
	struct vmshm_record record = {
		.type = type,
		.value = value,
		.old_value = old_value,
		/* The last reference may go in a kernel thread: nobody's act. */
		.pid = current->flags & PF_KTHREAD ? NULL : task_tgid(current),
		.uid = current_fsuid(),
	};

	vmshm_event_raise(region, &record);
}

/**
 * vmshm_event_handle() - a file was opened or closed, or its opener has ended
 * @handle: the open file
 * @type: VMSHM_EVENT_OPENED, VMSHM_EVENT_CLOSED or VMSHM_EVENT_EXIT
 *
 * The event names the process that opened the file, whoever closes it.
 *
 * Context: as vmshm_event().
 */
void vmshm_event_handle(struct vmshm_handle *handle, u32 type)
{
	struct vmshm_record record = {
		.type = type,
		.flags = vmshm_file_rights(handle->file),
		.pid = handle->opener.pid,
		.uid = handle->opener.uid,
	};

	vmshm_event_raise(handle->region, &record);
}

/**
 * vmshm_event_peer() - something happened to a peer
 * @peer: the peer
 * @type: VMSHM_EVENT_JOINED, _LEFT, _PEER_EXIT or _VECTOR
 * @vector: for VECTOR, which
 * @eventfd: for VECTOR, has it an eventfd now
 *
 * The event names the process that joined, whoever has the file now.
 *
 * Context: as vmshm_event(); under region->peers_mutex but for PEER_EXIT.
 */
void vmshm_event_peer(struct vmshm_peer *peer, u32 type, u32 vector,
		      bool eventfd)
{
	struct vmshm_record record = {
		.type = type,
		.flags = peer->rights | (eventfd ? VMSHM_PEER_EVENTFD : 0),
		.value = peer->number,
		.old_value = peer->generation,
		.vector = vector,
		.pid = peer->opener.pid,
		.uid = peer->opener.uid,
	};

	vmshm_event_raise(peer->region, &record);
}

/**
 * vmshm_event_binding() - a region was bound to a VM, moved there, or let go
 * @binding: the binding; the caller keeps its inode
 * @type: VMSHM_EVENT_BOUND or VMSHM_EVENT_UNBOUND
 *
 * The event names the process that bound it, whoever closes the binding.
 *
 * Context: as vmshm_event(); binding->flags and guest_addr do not change.
 */
void vmshm_event_binding(const struct vmshm_binding_ctx *binding, u32 type)
{
	struct vmshm_record record = {
		.type = type,
		.flags = binding->flags & ~VMSHM_BIND_ENDED,
		.value = binding->guest_addr,
		.old_value = binding->vm_id,
		.pid = binding->opener.pid,
		.uid = binding->opener.uid,
	};

	vmshm_event_raise(binding->region, &record);
}

/**
 * vmshm_event_gone() - a region's memory goes: its watches hang up
 * @region: the region
 *
 * Context: may sleep; takes region->event_mutex. There are no events of
 * @region after this.
 */
void vmshm_event_gone(struct vmshm_region *region)
{
	struct vmshm_watch_ctx *watch;

	mutex_lock(&region->event_mutex);
	list_for_each_entry(watch, &region->watches, node)
		vmshm_watch_hang_up(watch);
	mutex_unlock(&region->event_mutex);
}
