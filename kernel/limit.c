// SPDX-License-Identifier: GPL-2.0
/*
 * Limits: what one user, and all together, may have.
 *
 * Regions outlive processes, so that neither a process's limits nor the OOM
 * killer bound them. Everything is charged to the user who made it, before it
 * is made. The counters are atomic and no lock is taken: memory is charged in
 * page faults.
 */
#include <linux/cred.h>
#include <linux/hashtable.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/slab.h>

#include "vmshm.h"

#define EVENT_QUEUE_MIN		8
#define EVENT_QUEUE_MAX		65536

static unsigned long bytes_total_mb;
module_param(bytes_total_mb, ulong, 0644);
MODULE_PARM_DESC(bytes_total_mb,
		 "Memory of all regions, in MiB (0, the default: half of RAM)");

static unsigned long bytes_user_mb;
module_param(bytes_user_mb, ulong, 0644);
MODULE_PARM_DESC(bytes_user_mb,
		 "Memory of one user's regions, in MiB (0, the default: half of RAM)");

static unsigned int regions_user = 4096;
module_param(regions_user, uint, 0644);
MODULE_PARM_DESC(regions_user, "Number of one user's regions (default: 4096)");

static unsigned long meta_user_kb = 65536;
module_param(meta_user_kb, ulong, 0644);
MODULE_PARM_DESC(meta_user_kb,
		 "Kernel memory for one user's objects, in KiB (default: 65536)");

static unsigned int watches_user = 64;
module_param(watches_user, uint, 0644);
MODULE_PARM_DESC(watches_user, "Number of one user's watches (default: 64)");

static unsigned int peers_user = 1024;
module_param(peers_user, uint, 0644);
MODULE_PARM_DESC(peers_user, "Number of one user's peers (default: 1024)");

/* Open dirty logs that a region can have. */
unsigned int vmshm_logs_region = 16;
module_param_named(logs_region, vmshm_logs_region, uint, 0644);
MODULE_PARM_DESC(logs_region, "Dirty logs of one region (default: 16)");

unsigned int vmshm_bindings_region = 64;
module_param_named(bindings_region, vmshm_bindings_region, uint, 0644);
MODULE_PARM_DESC(bindings_region, "Bindings of one region (default: 64)");

/* Events that the queue of a new watch holds. */
unsigned int vmshm_event_queue_len = 256;

static int vmshm_event_queue_len_set(const char *val,
				     const struct kernel_param *kp)
{
	return param_set_uint_minmax(val, kp, EVENT_QUEUE_MIN, EVENT_QUEUE_MAX);
}

static const struct kernel_param_ops vmshm_event_queue_len_ops = {
	.set = vmshm_event_queue_len_set,
	.get = param_get_uint,
};

module_param_cb(event_queue_len, &vmshm_event_queue_len_ops,
		&vmshm_event_queue_len, 0644);
MODULE_PARM_DESC(event_queue_len,
		 "Events that the queue of a new watch holds, 8 to 65536 (default: 256)");

static DEFINE_HASHTABLE(vmshm_users, 6);
static DEFINE_SPINLOCK(vmshm_users_lock);

/* Memory of all regions that is charged, in bytes. */
static atomic64_t vmshm_total_bytes = ATOMIC64_INIT(0);

/* The value of a parameter in units of 1 << @shift bytes, in bytes. */
static u64 vmshm_limit_bytes(unsigned long value, unsigned int shift)
{
	return min_t(u64, value, S64_MAX >> shift) << shift;
}

static u64 vmshm_limit_memory(unsigned long mb)
{
	if (!mb)
		return (u64)(totalram_pages() / 2) << PAGE_SHIFT;
	return vmshm_limit_bytes(mb, 20);
}

/*
 * A request that is refused must not show up in the counter even for a moment:
 * others, who are within the limit, would be refused for it.
 */
static bool vmshm_charge(atomic64_t *counter, u64 n, u64 limit)
{
	s64 old = atomic64_read(counter);

	do {
		if (n > limit || old > (s64)(limit - n))
			return false;
	} while (!atomic64_try_cmpxchg(counter, &old, old + n));
	return true;
}

static void vmshm_uncharge(atomic64_t *counter, u64 n)
{
	WARN_ON_ONCE(atomic64_sub_return(n, counter) < 0);
}

static struct vmshm_user *vmshm_user_find(kuid_t uid)
{
	struct vmshm_user *user;

	lockdep_assert_held(&vmshm_users_lock);
	hash_for_each_possible(vmshm_users, user, node, __kuid_val(uid)) {
		if (uid_eq(user->uid, uid))
			return user;
	}
	return NULL;
}

/*
 * All the users of a container count as one, the one who made it: who can make
 * containers can have as many users as they like. That goes for the container of the
 * registry, and if that is of none for the one that its user is in.
 */
static kuid_t vmshm_charged_uid(struct user_namespace *ns)
{
	if (ns == &init_user_ns)
		ns = current_user_ns();
	if (ns == &init_user_ns)
		return current_fsuid();
	while (ns->parent != &init_user_ns)
		ns = ns->parent;
	return ns->owner;
}

/**
 * vmshm_user_get() - find whom to charge for what the current task makes
 * @ns: the user namespace of the registry it is made in
 *
 * Context: process; may sleep.
 * Return: a reference, or ERR_PTR(-ENOMEM).
 */
struct vmshm_user *vmshm_user_get(struct user_namespace *ns)
{
	kuid_t uid = vmshm_charged_uid(ns);
	struct vmshm_user *user, *new;

	spin_lock(&vmshm_users_lock);
	user = vmshm_user_find(uid);
	if (user)
		refcount_inc(&user->ref);
	spin_unlock(&vmshm_users_lock);
	if (user)
		return user;

	new = kzalloc(sizeof(*new), GFP_KERNEL_ACCOUNT);
	if (!new)
		return ERR_PTR(-ENOMEM);
	refcount_set(&new->ref, 1);
	new->uid = uid;

	spin_lock(&vmshm_users_lock);
	user = vmshm_user_find(uid);
	if (user) {
		refcount_inc(&user->ref);
	} else {
		hash_add(vmshm_users, &new->node, __kuid_val(uid));
		swap(user, new);
	}
	spin_unlock(&vmshm_users_lock);
	kfree(new);
	return user;
}

/**
 * vmshm_user_put() - drop a reference to a user
 * @user: the user
 *
 * What the reference was taken for has been uncharged before.
 *
 * Context: process; does not sleep.
 */
void vmshm_user_put(struct vmshm_user *user)
{
	bool last;

	/* Zero is reached under the lock, so that nobody finds a dead user. */
	if (refcount_dec_not_one(&user->ref))
		return;
	spin_lock(&vmshm_users_lock);
	last = refcount_dec_and_test(&user->ref);
	if (last)
		hash_del(&user->node);
	spin_unlock(&vmshm_users_lock);
	if (!last)
		return;

	WARN_ON_ONCE(atomic64_read(&user->bytes) ||
		     atomic64_read(&user->meta) ||
		     atomic64_read(&user->objects[VMSHM_OBJECT_REGION]) ||
		     atomic64_read(&user->objects[VMSHM_OBJECT_WATCH]) ||
		     atomic64_read(&user->objects[VMSHM_OBJECT_PEER]));
	kfree(user);
}

/**
 * vmshm_charge_one() - charge a user for an object
 * @user: the user
 * @object: what of
 *
 * Context: any.
 * Return: 0, or -EDQUOT if the user has as many as allowed.
 */
int vmshm_charge_one(struct vmshm_user *user, enum vmshm_object object)
{
	const u64 limits[] = {
		[VMSHM_OBJECT_REGION] = READ_ONCE(regions_user),
		[VMSHM_OBJECT_WATCH] = READ_ONCE(watches_user),
		[VMSHM_OBJECT_PEER] = READ_ONCE(peers_user),
	};

	return vmshm_charge(&user->objects[object], 1, limits[object]) ?
		0 : -EDQUOT;
}

/**
 * vmshm_uncharge_one() - undo vmshm_charge_one()
 * @user: the user
 * @object: what of
 *
 * Context: any.
 */
void vmshm_uncharge_one(struct vmshm_user *user, enum vmshm_object object)
{
	vmshm_uncharge(&user->objects[object], 1);
}

/**
 * vmshm_charge_meta() - charge a user for kernel memory
 * @user: the user
 * @bytes: how much
 *
 * Context: any.
 * Return: 0, or -EDQUOT if the user would have more than allowed.
 */
int vmshm_charge_meta(struct vmshm_user *user, size_t bytes)
{
	u64 limit = vmshm_limit_bytes(READ_ONCE(meta_user_kb), 10);

	if (!vmshm_charge(&user->meta, bytes, limit))
		return -EDQUOT;
	return 0;
}

/**
 * vmshm_uncharge_meta() - undo vmshm_charge_meta()
 * @user: the user
 * @bytes: how much
 *
 * Context: any.
 */
void vmshm_uncharge_meta(struct vmshm_user *user, size_t bytes)
{
	vmshm_uncharge(&user->meta, bytes);
}

/**
 * vmshm_charge_pages() - charge a user for memory of a region
 * @user: the user
 * @pages: how many pages, at most VMSHM_MAX_SIZE's; 0 is always granted
 *
 * Context: any.
 * Return: 0, -EDQUOT if the user would have more than allowed, or -ENOSPC if
 * all together would.
 */
int vmshm_charge_pages(struct vmshm_user *user, u64 pages)
{
	u64 bytes = pages << PAGE_SHIFT;

	if (!bytes)
		return 0;
	if (!vmshm_charge(&user->bytes, bytes,
			  vmshm_limit_memory(READ_ONCE(bytes_user_mb))))
		return -EDQUOT;
	if (!vmshm_charge(&vmshm_total_bytes, bytes,
			  vmshm_limit_memory(READ_ONCE(bytes_total_mb)))) {
		vmshm_uncharge(&user->bytes, bytes);
		return -ENOSPC;
	}
	return 0;
}

/**
 * vmshm_uncharge_pages() - undo vmshm_charge_pages(), also in part
 * @user: the user
 * @pages: how many pages
 *
 * Context: any.
 */
void vmshm_uncharge_pages(struct vmshm_user *user, u64 pages)
{
	u64 bytes = pages << PAGE_SHIFT;

	vmshm_uncharge(&vmshm_total_bytes, bytes);
	vmshm_uncharge(&user->bytes, bytes);
}

/**
 * vmshm_limits_info() - tell the limits and what is used of them
 * @user: whose use to tell
 * @info: where the limits and the use go
 *
 * Context: any.
 */
void vmshm_limits_info(struct vmshm_user *user, struct vmshm_info *info)
{
	info->out_max_size = VMSHM_MAX_SIZE;
	info->out_bytes_total = vmshm_limit_memory(READ_ONCE(bytes_total_mb));
	info->out_bytes_user = vmshm_limit_memory(READ_ONCE(bytes_user_mb));
	info->out_regions_user = READ_ONCE(regions_user);
	info->out_meta_user = vmshm_limit_bytes(READ_ONCE(meta_user_kb), 10);
	info->out_watches_user = READ_ONCE(watches_user);
	info->out_events = READ_ONCE(vmshm_event_queue_len);
	info->out_bytes_used = atomic64_read(&user->bytes);
	info->out_regions_used =
		atomic64_read(&user->objects[VMSHM_OBJECT_REGION]);
	info->out_meta_used = atomic64_read(&user->meta);
	info->out_peers_user = READ_ONCE(peers_user);
	info->out_peers_used =
		atomic64_read(&user->objects[VMSHM_OBJECT_PEER]);
}
