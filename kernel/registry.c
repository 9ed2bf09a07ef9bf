// SPDX-License-Identifier: GPL-2.0
/*
 * Registries: the names of a user namespace and the regions behind them.
 *
 * The registry of the initial user namespace exists as long as the module is
 * loaded. Others go when no device file, region or watch uses them any more,
 * and the reservations of their domains go with them.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/slab.h>

#include "trace.h"
#include "device.h"

#define to_region(rb)	rb_entry(rb, struct vmshm_region, name_node)

/* In the order of id. The lock is a leaf and nothing is allocated under it. */
static LIST_HEAD(vmshm_registries);
static DEFINE_MUTEX(vmshm_registries_lock);

static struct vmshm_registry *vmshm_init_registry;

/**
 * vmshm_registry_init() - make the registry of the initial user namespace
 *
 * Return: 0 or -ENOMEM.
 */
int __init vmshm_registry_init(void)
{
	struct vmshm_registry *registry = vmshm_registry_get(&init_user_ns);

	if (IS_ERR(registry))
		return PTR_ERR(registry);
	vmshm_init_registry = registry;
	return 0;
}

/**
 * vmshm_registry_exit() - undo vmshm_registry_init()
 *
 * Context: nothing uses a registry any more.
 */
void vmshm_registry_exit(void)
{
	vmshm_registry_put(vmshm_init_registry);
	WARN_ON_ONCE(!list_empty(&vmshm_registries));
}

/**
 * vmshm_registry_next() - walk all vmshm_registries
 * @id: where to go on
 *
 * Context: process; may sleep.
 * Return: a reference to the first registry whose id is at least @id, or NULL.
 */
struct vmshm_registry *vmshm_registry_next(u64 id)
{
	struct vmshm_registry *registry;

	mutex_lock(&vmshm_registries_lock);
	list_for_each_entry(registry, &vmshm_registries, node) {
		if (registry->id >= id) {
			refcount_inc(&registry->ref);
			goto unlock;
		}
	}
	registry = NULL;
unlock:
	mutex_unlock(&vmshm_registries_lock);
	return registry;
}

/**
 * vmshm_registry_get() - the registry of a user namespace
 * @ns: the namespace
 *
 * Context: process; may sleep.
 * Return: a reference, or ERR_PTR(-ENOMEM).
 */
struct vmshm_registry *vmshm_registry_get(struct user_namespace *ns)
{
	struct vmshm_registry *registry, *new;

	new = kzalloc(sizeof(*new), GFP_KERNEL_ACCOUNT);
	if (!new)
		return ERR_PTR(-ENOMEM);

	mutex_lock(&vmshm_registries_lock);
	list_for_each_entry(registry, &vmshm_registries, node) {
		if (registry->user_ns == ns) {
			refcount_inc(&registry->ref);
			goto unlock;
		}
		if (registry->id > ns->ns.inum)
			break;
	}

	refcount_set(&new->ref, 1);
	new->user_ns = get_user_ns(ns);
	new->id = ns->ns.inum;
	init_rwsem(&new->lock);
	new->regions = RB_ROOT;
	new->domains = RB_ROOT;
	init_rwsem(&new->watch_lock);
	INIT_LIST_HEAD(&new->watches);
	/* Before the one that comes next, or at the end. */
	list_add_tail(&new->node, &registry->node);
	registry = new;
	new = NULL;
unlock:
	mutex_unlock(&vmshm_registries_lock);
	kfree(new);
	return registry;
}

/**
 * vmshm_registry_hold() - take another reference to a registry
 * @registry: the registry
 *
 * Context: any.
 * Return: @registry.
 */
struct vmshm_registry *vmshm_registry_hold(struct vmshm_registry *registry)
{
	refcount_inc(&registry->ref);
	return registry;
}

/**
 * vmshm_registry_put() - drop a reference to a registry
 * @registry: the registry
 *
 * Context: process; may sleep.
 */
void vmshm_registry_put(struct vmshm_registry *registry)
{
	if (!refcount_dec_and_mutex_lock(&registry->ref,
					 &vmshm_registries_lock))
		return;
	list_del(&registry->node);
	mutex_unlock(&vmshm_registries_lock);

	WARN_ON_ONCE(!RB_EMPTY_ROOT(&registry->regions) ||
		     !list_empty(&registry->watches));
	vmshm_domains_free(registry);
	put_user_ns(registry->user_ns);
	kfree(registry);
}

static int vmshm_region_cmp(const void *name, const struct rb_node *rb)
{
	return strcmp(name, to_region(rb)->name);
}

static int vmshm_region_node_cmp(struct rb_node *new, const struct rb_node *rb)
{
	return strcmp(to_region(new)->name, to_region(rb)->name);
}

/**
 * vmshm_registry_find() - the region of a name
 * @registry: where
 * @name: NUL-terminated; need not be valid
 *
 * Context: registry->lock held, for reading at least.
 * Return: the region, without a reference, or NULL.
 */
struct vmshm_region *vmshm_registry_find(struct vmshm_registry *registry,
					 const char *name)
{
	struct rb_node *rb;

	lockdep_assert_held(&registry->lock);
	rb = rb_find(name, &registry->regions, vmshm_region_cmp);
	return rb ? to_region(rb) : NULL;
}

/**
 * vmshm_registry_first() - the first region from a name on, in strcmp() order
 * @registry: where
 * @from: NUL-terminated; need not be the name of a region, or valid
 * @after: not @from itself, only what comes after it
 *
 * Those that follow are found by rb_next() of name_node.
 *
 * Context: registry->lock held, for reading at least.
 * Return: the region, without a reference, or NULL.
 */
struct vmshm_region *vmshm_registry_first(struct vmshm_registry *registry,
					  const char *from, bool after)
{
	struct rb_node *rb = registry->regions.rb_node;
	struct vmshm_region *first = NULL;

	lockdep_assert_held(&registry->lock);
	while (rb) {
		struct vmshm_region *region = to_region(rb);
		int diff = strcmp(region->name, from);

		if (diff > 0 || (diff == 0 && !after)) {
			first = region;
			rb = rb->rb_left;
		} else {
			rb = rb->rb_right;
		}
	}
	return first;
}

/**
 * vmshm_registry_may_create() - may the current task create this name now?
 * @registry: where
 * @name: a valid name
 *
 * For refusing early; vmshm_registry_publish() says it for certain.
 *
 * Context: process; takes registry->lock.
 * Return: 0, -EEXIST if the name is taken, or -EACCES if its domain belongs to
 * somebody else.
 */
int vmshm_registry_may_create(struct vmshm_registry *registry,
			      const char *name)
{
	int err;

	down_read(&registry->lock);
	if (vmshm_registry_find(registry, name))
		err = -EEXIST;
	else
		err = vmshm_domain_may_create(registry, name);
	up_read(&registry->lock);
	return err;
}

/**
 * vmshm_registry_publish() - give a new region its name
 * @region: the region, complete; the caller counts in @region->opens and has a
 *	reference to @region->inode
 *
 * From here on others can find, open and unlink the region.
 *
 * Context: process; takes region->registry->lock.
 * Return: 0, -EEXIST if the name is taken, -EACCES if its domain belongs to
 * somebody else, or -ENOMEM.
 */
int vmshm_registry_publish(struct vmshm_region *region)
{
	struct vmshm_registry *registry = region->registry;
	struct vmshm_domain_entry *domain;
	int err = 0;

	down_write(&registry->lock);
	if (rb_find_add(&region->name_node, &registry->regions,
			vmshm_region_node_cmp)) {
		err = -EEXIST;
		goto unlock;
	}
	domain = vmshm_domain_join(registry, region->name);
	if (IS_ERR(domain)) {
		rb_erase(&region->name_node, &registry->regions);
		err = PTR_ERR(domain);
		goto unlock;
	}
	region->domain = domain;
	region->linked = true;
	region->published = true;
	/* An ephemeral region's name is kept by its open files instead. */
	if (!(region->flags & VMSHM_EPHEMERAL))
		ihold(region->inode);
	/* Before anybody can look it up, so that no other event comes first. */
	vmshm_event(region, VMSHM_EVENT_CREATED, 0, 0);
unlock:
	up_write(&registry->lock);
	return err;
}

/**
 * vmshm_registry_lookup() - find a region that is about to be opened
 * @registry: where
 * @name: a valid name
 *
 * The caller counts in region->opens, so that the name of an ephemeral region
 * does not go before it was opened, and calls vmshm_registry_drop_open() when
 * done.
 *
 * Context: process; takes @registry->lock.
 * Return: the region with a reference to region->inode, or ERR_PTR(-ENOENT).
 */
struct vmshm_region *vmshm_registry_lookup(struct vmshm_registry *registry,
					   const char *name)
{
	struct vmshm_region *region;

	down_read(&registry->lock);
	region = vmshm_registry_find(registry, name);
	if (region) {
		/*
		 * Neither can be going away: the name has a reference, or who
		 * counts in opens has one.
		 */
		ihold(region->inode);
		atomic_inc(&region->opens);
	} else {
		region = ERR_PTR(-ENOENT);
	}
	up_read(&registry->lock);
	return region;
}

/*
 * Takes a region's name away. The caller has to call vmshm_unlink_finish()
 * after unlocking.
 */
static void vmshm_unlink_locked(struct vmshm_registry *registry,
				struct vmshm_region *region)
{
	lockdep_assert_held_write(&registry->lock);
	rb_erase(&region->name_node, &registry->regions);
	vmshm_domain_leave(registry, region->domain);
	region->domain = NULL;
	region->linked = false;
	/* vmshm_unlink_finish() needs a reference: here, or the name's. */
	if (region->flags & VMSHM_EPHEMERAL)
		ihold(region->inode);
	/* Nobody else changes the link count, so i_rwsem is not needed. */
	clear_nlink(region->inode);
	/* Before there can be another region of this name. */
	vmshm_event(region, VMSHM_EVENT_UNLINKED, 0, 0);
}

static void vmshm_unlink_finish(struct vmshm_region *region)
{
	trace_vmshm_unlink(region);
	vmshm_fs_put_inode(region->inode);
}

/**
 * vmshm_registry_withdraw() - take the name of a device's region away
 * @region: the region; the caller has a reference to its outer inode
 *
 * Context: process; takes registry->lock.
 */
void vmshm_registry_withdraw(struct vmshm_region *region)
{
	struct vmshm_registry *registry = region->registry;

	down_write(&registry->lock);
	vmshm_unlink_locked(registry, region);
	up_write(&registry->lock);
	vmshm_unlink_finish(region);
}

/**
 * vmshm_registry_drop_open() - stop to count in region->opens
 * @region: the region; the caller has a reference to its outer inode
 *
 * The last one takes the name of an ephemeral region along.
 *
 * Context: process, not holding the inode's i_rwsem; takes registry->lock.
 */
void vmshm_registry_drop_open(struct vmshm_region *region)
{
	struct vmshm_registry *registry = region->registry;
	bool unlink;

	if (!(region->flags & VMSHM_EPHEMERAL)) {
		atomic_dec(&region->opens);
		return;
	}
	/* Zero is reached under the lock, where no look-up can intervene. */
	if (atomic_add_unless(&region->opens, -1, 1))
		return;
	down_write(&registry->lock);
	unlink = atomic_dec_and_test(&region->opens) && region->linked;
	if (unlink)
		vmshm_unlink_locked(registry, region);
	up_write(&registry->lock);
	if (unlink)
		vmshm_unlink_finish(region);
}

/**
 * vmshm_registry_domain_owner() - whose domain is this region in?
 * @region: the region
 *
 * Context: process; takes registry->lock.
 * Return: the owner, or INVALID_UID if the region has no name any more.
 */
kuid_t vmshm_registry_domain_owner(struct vmshm_region *region)
{
	struct vmshm_registry *registry = region->registry;
	kuid_t owner;

	down_read(&registry->lock);
	owner = region->linked ? region->domain->owner : INVALID_UID;
	up_read(&registry->lock);
	return owner;
}

/**
 * vmshm_registry_may_unlink() - may the current task take this name away?
 * @region: a linked region
 *
 * Nobody may if a device has its memory: the name goes with the device.
 *
 * Context: registry->lock held, for reading at least.
 */
bool vmshm_registry_may_unlink(const struct vmshm_region *region)
{
	lockdep_assert_held(&region->registry->lock);
	if (region->device)
		return false;
	return uid_eq(region->inode->i_uid, current_fsuid()) ||
	       uid_eq(region->domain->owner, current_fsuid()) ||
	       ns_capable(region->registry->user_ns, CAP_SYS_ADMIN);
}

/**
 * vmshm_registry_unlink() - take a region's name away
 * @region: the region; the caller has a reference to its outer inode
 *
 * Context: process; takes registry->lock.
 * Return: 0, -ENOENT if it has none, or -EPERM.
 */
int vmshm_registry_unlink(struct vmshm_region *region)
{
	struct vmshm_registry *registry = region->registry;
	int err = 0;

	down_write(&registry->lock);
	if (!region->linked)
		err = -ENOENT;
	else if (!vmshm_registry_may_unlink(region))
		err = -EPERM;
	else
		vmshm_unlink_locked(registry, region);
	up_write(&registry->lock);

	if (!err)
		vmshm_unlink_finish(region);
	return err;
}

static int vmshm_registry_do_unlink(struct vmshm_registry *registry,
				    const struct vmshm_unlink *arg)
{
	struct vmshm_region *region;
	int err = 0;

	down_write(&registry->lock);
	region = vmshm_registry_find(registry, arg->name);
	if (!region)
		err = -ENOENT;
	else if ((arg->flags & VMSHM_UNLINK_GENERATION) &&
		 arg->generation != region->generation)
		err = -ESTALE;
	else if (!vmshm_registry_may_unlink(region))
		err = -EPERM;
	else
		vmshm_unlink_locked(registry, region);
	up_write(&registry->lock);

	if (!err)
		vmshm_unlink_finish(region);
	return err;
}

/**
 * vmshm_ioctl_unlink() - VMSHM_IOC_UNLINK
 * @ucmd: on a file of the device, with struct vmshm_unlink
 *
 * Context: process.
 * Return: 0 or a negative error, see the uapi header.
 */
int vmshm_ioctl_unlink(struct vmshm_ucmd *ucmd)
{
	const struct vmshm_unlink *arg = ucmd->arg;
	struct vmshm_registry *registry;
	int err;

	if (arg->flags & ~(VMSHM_UNLINK_GENERATION | VMSHM_UNLINK_REGISTRY))
		return -EOPNOTSUPP;
	if (arg->__reserved)
		return -EINVAL;
	if (arg->generation && !(arg->flags & VMSHM_UNLINK_GENERATION))
		return -EINVAL;
	if (arg->registry && !(arg->flags & VMSHM_UNLINK_REGISTRY))
		return -EINVAL;
	err = vmshm_name_check(arg->name, sizeof(arg->name));
	if (err < 0)
		return err;

	registry = vmshm_device_registry(ucmd->file);
	if (!(arg->flags & VMSHM_UNLINK_REGISTRY))
		return vmshm_registry_do_unlink(registry, arg);

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	registry = vmshm_registry_next(arg->registry);
	if (!registry)
		return -ENOENT;
	err = -ENOENT;
	if (registry->id == arg->registry)
		err = vmshm_registry_do_unlink(registry, arg);
	vmshm_registry_put(registry);
	return err;
}
