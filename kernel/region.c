// SPDX-License-Identifier: GPL-2.0
/*
 * Regions: how they come into being, are opened, described and go.
 *
 * A region is built without a name and gets it last, so whoever finds it by
 * name finds it complete. It goes when its outer inode is evicted; the struct
 * stays for those who still refer to it (the inner file, watches).
 */
#include <linux/percpu.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>

#define CREATE_TRACE_POINTS
#include "trace.h"

#include "device.h"

/* Of one region, roughly: the struct, its counters, two inodes, two files. */
static size_t vmshm_region_meta(void)
{
	return sizeof(struct vmshm_region) + 4096 +
		num_possible_cpus() * sizeof(struct vmshm_counters);
}

static atomic64_t vmshm_generation = ATOMIC64_INIT(0);

/**
 * vmshm_region_hold() - take a reference to the struct
 * @region: the region
 *
 * Return: @region.
 */
struct vmshm_region *vmshm_region_hold(struct vmshm_region *region)
{
	refcount_inc(&region->ref);
	return region;
}

/**
 * vmshm_region_put() - drop a reference to the struct
 * @region: the region
 *
 * Context: may sleep.
 */
void vmshm_region_put(struct vmshm_region *region)
{
	if (!refcount_dec_and_test(&region->ref))
		return;
	vmshm_user_put(region->user);
	vmshm_registry_put(region->registry);
	free_percpu(region->counters);
	xa_destroy(&region->peers);
	mutex_destroy(&region->peers_mutex);
	mutex_destroy(&region->bind_mutex);
	mutex_destroy(&region->bind_update_mutex);
	mutex_destroy(&region->logs_mutex);
	mutex_destroy(&region->event_mutex);
	mutex_destroy(&region->handles_lock);
	kfree(region->device);
	kfree(region);
}

/**
 * vmshm_region_retire() - let go of what a region holds and is charged
 * @region: the region, which nobody can reach by a file or a name any more
 */
void vmshm_region_retire(struct vmshm_region *region)
{
	vmshm_event_gone(region);
	region->inode = NULL;
	vmshm_backing_drop(region);
	vmshm_uncharge_meta(region->user, vmshm_region_meta());
	vmshm_uncharge_one(region->user, VMSHM_OBJECT_REGION);
}

static u64 vmshm_create_max_size(const struct vmshm_create *arg)
{
	return arg->max_size ?: arg->region_size;
}

static struct vmshm_region *vmshm_region_alloc(struct vmshm_registry *registry,
					       const struct vmshm_create *arg)
{
	unsigned int len = strlen((const char *)arg->name);
	struct vmshm_region *region;

	region = kzalloc(struct_size(region, name, len + 1),
			 GFP_KERNEL_ACCOUNT);
	if (!region)
		return NULL;
	region->counters = alloc_percpu_gfp(struct vmshm_counters,
					    GFP_KERNEL_ACCOUNT);
	if (!region->counters) {
		kfree(region);
		return NULL;
	}
	refcount_set(&region->ref, 1);
	region->registry = vmshm_registry_hold(registry);
	region->generation = atomic64_inc_return(&vmshm_generation);
	region->flags = arg->flags & (VMSHM_REGION_FLAGS | VMSHM_DEVICE_MEMORY);
	region->huge = arg->huge;
	region->max_size = vmshm_create_max_size(arg);
	region->size = arg->region_size;
	region->ctime_ns = ktime_get_real_ns();
	atomic_set(&region->opens, 0);
	mutex_init(&region->handles_lock);
	INIT_LIST_HEAD(&region->handles);
	spin_lock_init(&region->maps_lock);
	INIT_LIST_HEAD(&region->maps);
	region->odd_seq = 1;
	spin_lock_init(&region->charge_lock);
	mutex_init(&region->event_mutex);
	INIT_LIST_HEAD(&region->watches);
	mutex_init(&region->logs_mutex);
	INIT_LIST_HEAD(&region->logs);
	mutex_init(&region->peers_mutex);
	xa_init_flags(&region->peers, XA_FLAGS_ALLOC | XA_FLAGS_ACCOUNT);
	mutex_init(&region->bind_update_mutex);
	mutex_init(&region->bind_mutex);
	INIT_LIST_HEAD(&region->bindings);
	region->name_len = len;
	memcpy(region->name, arg->name, len + 1);
	return region;
}

/**
 * vmshm_region_new() - build a region that has no name yet
 * @registry: where its name will be
 * @arg: what it is to be like, checked
 * @device: the device that has its memory, or NULL; taken over, also on error
 *
 * It belongs to the current task's user.
 *
 * Return: a reference to its outer inode, or an ERR_PTR: -EDQUOT, -ENOSPC,
 * -ENOMEM and others of VMSHM_IOC_CREATE.
 */
struct inode *vmshm_region_new(struct vmshm_registry *registry,
			       const struct vmshm_create *arg,
			       struct vmshm_device *device)
{
	struct vmshm_region *region;
	struct vmshm_user *user;
	struct inode *inode;
	int err;

	user = vmshm_user_get(registry->user_ns);
	if (IS_ERR(user)) {
		err = PTR_ERR(user);
		goto free_device;
	}
	err = vmshm_charge_one(user, VMSHM_OBJECT_REGION);
	if (err)
		goto put_user;
	err = vmshm_charge_meta(user, vmshm_region_meta());
	if (err)
		goto uncharge_region;

	region = vmshm_region_alloc(registry, arg);
	if (!region) {
		err = -ENOMEM;
		goto uncharge_meta;
	}
	region->user = user;	/* the region has the reference now */

	if (device) {
		vmshm_device_attach(region, device);
		err = 0;
	} else {
		err = vmshm_backing_new(region);
	}
	if (!err)
		err = vmshm_fs_new_inode(region, arg->mode);
	if (err) {
		vmshm_region_retire(region);
		vmshm_region_put(region);
		return ERR_PTR(err);
	}
	inode = region->inode;
	vmshm_region_put(region);	/* the inode has one */
	return inode;

uncharge_meta:
	vmshm_uncharge_meta(user, vmshm_region_meta());
uncharge_region:
	vmshm_uncharge_one(user, VMSHM_OBJECT_REGION);
put_user:
	vmshm_user_put(user);
free_device:
	kfree(device);
	return ERR_PTR(err);
}

/* The results are with the caller: give the region its name. */
static int vmshm_create_commit(struct vmshm_ucmd *ucmd)
{
	struct vmshm_handle *handle = vmshm_file_handle(ucmd->new_file);
	struct vmshm_region *region = handle->region;
	struct vmshm_create *arg = ucmd->arg;
	int err;

	err = vmshm_registry_publish(region);
	if (err) {
		/* The argument is used again if another attempt is made. */
		arg->out_fd = 0;
		arg->out_created = 0;
		arg->out_generation = 0;
		return err;
	}
	trace_vmshm_create(region);
	vmshm_handle_announce(handle);
	return 0;
}

static int vmshm_create_new(struct vmshm_ucmd *ucmd,
			    struct vmshm_registry *registry)
{
	struct vmshm_create *arg = ucmd->arg;
	struct vmshm_region *region;
	struct inode *inode;
	struct file *file;

	inode = vmshm_region_new(registry, arg, NULL);
	if (IS_ERR(inode))
		return PTR_ERR(inode);
	region = inode->i_private;
	arg->out_created = 1;
	arg->out_generation = region->generation;

	file = vmshm_fs_open(region, false);
	vmshm_fs_put_inode(inode);
	if (IS_ERR(file))
		return PTR_ERR(file);

	ucmd->commit = vmshm_create_commit;
	ucmd->retry = arg->flags & VMSHM_OPEN_EXISTING;
	return vmshm_ucmd_return_file(ucmd, &arg->out_fd, file);
}

/*
 * Opens a region that was looked up, which gave a reference to its outer inode
 * and counted as one open; both are dropped here.
 */
static struct file *vmshm_region_open(struct vmshm_region *region,
				      bool readonly)
{
	struct inode *inode = region->inode;
	struct file *file;
	int err;

	err = vmshm_inode_permission(inode, readonly ? MAY_READ :
				     MAY_READ | MAY_WRITE);
	file = err ? ERR_PTR(err) : vmshm_fs_open(region, readonly);
	vmshm_registry_drop_open(region);
	vmshm_fs_put_inode(inode);
	return file;
}

static int vmshm_create_check(const struct vmshm_create *arg)
{
	int len;

	if (arg->flags & ~(VMSHM_REGION_FLAGS | VMSHM_OPEN_EXISTING))
		return -EOPNOTSUPP;
	if (arg->huge >= VMSHM_NR_HUGE ||
	    !(vmshm_backing_policies() & BIT(arg->huge)))
		return -EOPNOTSUPP;
	if (arg->out_fd || arg->out_created || arg->out_generation)
		return -EINVAL;
	if ((arg->mode & ~0666) || vmshm_create_max_size(arg) > VMSHM_MAX_SIZE)
		return -EINVAL;
	len = vmshm_name_check(arg->name, sizeof(arg->name));
	if (len < 0)
		return len;
	if (arg->region_size > vmshm_create_max_size(arg))
		return -EFBIG;
	return 0;
}

/**
 * vmshm_ioctl_create() - VMSHM_IOC_CREATE
 * @ucmd: the ioctl, on the device
 *
 * Return: 0 or an errno of the header's list.
 */
int vmshm_ioctl_create(struct vmshm_ucmd *ucmd)
{
	struct vmshm_registry *registry = vmshm_device_registry(ucmd->file);
	struct vmshm_create *arg = ucmd->arg;
	struct vmshm_region *region;
	struct file *file;
	int err;

	err = vmshm_create_check(arg);
	if (err)
		return err;

	if (arg->flags & VMSHM_OPEN_EXISTING) {
		region = vmshm_registry_lookup(registry, (const char *)arg->name);
		if (!IS_ERR(region)) {
			arg->out_generation = region->generation;
			file = vmshm_region_open(region, false);
			if (IS_ERR(file))
				return PTR_ERR(file);
			return vmshm_ucmd_return_file(ucmd, &arg->out_fd, file);
		}
		if (PTR_ERR(region) != -ENOENT)
			return PTR_ERR(region);
	}

	/* What can be said before memory is spent. */
	err = vmshm_registry_may_create(registry, (const char *)arg->name);
	if (err == -EEXIST && (arg->flags & VMSHM_OPEN_EXISTING))
		ucmd->retry = true;
	if (err)
		return err;
	return vmshm_create_new(ucmd, registry);
}

/**
 * vmshm_ioctl_open() - VMSHM_IOC_OPEN
 * @ucmd: the ioctl, on the device
 *
 * Return: 0 or an errno of the header's list.
 */
int vmshm_ioctl_open(struct vmshm_ucmd *ucmd)
{
	struct vmshm_registry *registry = vmshm_device_registry(ucmd->file);
	struct vmshm_open *arg = ucmd->arg;
	kuid_t owner = INVALID_UID;
	struct vmshm_region *region;
	struct inode *inode;
	struct file *file;
	int len;

	if (arg->flags & ~(VMSHM_OPEN_RDONLY | VMSHM_OPEN_OWNER |
			   VMSHM_OPEN_GENERATION))
		return -EOPNOTSUPP;
	if (arg->out_fd || arg->out_generation)
		return -EINVAL;
	if (arg->owner && !(arg->flags & VMSHM_OPEN_OWNER))
		return -EINVAL;
	if (arg->generation && !(arg->flags & VMSHM_OPEN_GENERATION))
		return -EINVAL;
	if (arg->flags & VMSHM_OPEN_OWNER) {
		owner = make_kuid(current_user_ns(), arg->owner);
		if (!uid_valid(owner))
			return -EINVAL;
	}
	len = vmshm_name_check(arg->name, sizeof(arg->name));
	if (len < 0)
		return len;

	region = vmshm_registry_lookup(registry, (const char *)arg->name);
	if (IS_ERR(region))
		return PTR_ERR(region);
	inode = region->inode;

	if (((arg->flags & VMSHM_OPEN_OWNER) &&
	     !uid_eq(inode->i_uid, owner)) ||
	    ((arg->flags & VMSHM_OPEN_GENERATION) &&
	     arg->generation != region->generation)) {
		vmshm_registry_drop_open(region);
		vmshm_fs_put_inode(inode);
		return -ESTALE;
	}
	arg->out_generation = region->generation;
	file = vmshm_region_open(region, arg->flags & VMSHM_OPEN_RDONLY);
	if (IS_ERR(file))
		return PTR_ERR(file);
	return vmshm_ucmd_return_file(ucmd, &arg->out_fd, file);
}

/**
 * vmshm_ioctl_readonly() - VMSHM_IOC_READONLY
 * @ucmd: the ioctl, on a region
 *
 * Return: 0 or an errno of the header's list.
 */
int vmshm_ioctl_readonly(struct vmshm_ucmd *ucmd)
{
	struct vmshm_handle *handle = vmshm_file_handle(ucmd->file);
	struct vmshm_readonly *arg = ucmd->arg;
	struct file *file;

	if (arg->flags)
		return -EOPNOTSUPP;
	if (arg->out_fd || arg->__reserved)
		return -EINVAL;
	/* Whoever can only write must not learn to read. */
	if (!(ucmd->file->f_mode & FMODE_READ))
		return -EACCES;

	file = vmshm_fs_open(handle->region, true);
	if (IS_ERR(file))
		return PTR_ERR(file);
	return vmshm_ucmd_return_file(ucmd, &arg->out_fd, file);
}

static void vmshm_region_count(const struct vmshm_region *region,
			       struct vmshm_stat *stat)
{
	const struct vmshm_counters *counters;
	int cpu;

	for_each_possible_cpu(cpu) {
		counters = per_cpu_ptr(region->counters, cpu);
		stat->out_faults += READ_ONCE(counters->faults);
		stat->out_write_faults += READ_ONCE(counters->write_faults);
		stat->out_around += READ_ONCE(counters->around);
	}
}

/**
 * vmshm_region_stat() - describe a region
 * @region: the region, its outer inode alive
 * @domain_owner: owner of its domain, or INVALID_UID
 * @stat: filled in, but for out_linked
 *
 * The figures are each right at some time during the call, not together.
 */
void vmshm_region_stat(struct vmshm_region *region, kuid_t domain_owner,
		       struct vmshm_stat *stat)
{
	struct user_namespace *ns = current_user_ns();
	struct inode *inode = region->inode;

	memset(stat, 0, sizeof(*stat));
	stat->size = sizeof(*stat);
	stat->out_generation = region->generation;
	stat->out_region_size = READ_ONCE(region->size);
	stat->out_max_size = region->max_size;
	stat->out_resident = vmshm_backing_resident(region);
	stat->out_allocated = vmshm_backing_allocated(region);
	stat->out_charged = READ_ONCE(region->charged) << PAGE_SHIFT;
	stat->out_ctime_ns = region->ctime_ns;
	stat->out_seq = READ_ONCE(region->seq);
	stat->out_ino = inode->i_ino;
	vmshm_region_count(region, stat);
	stat->out_flags = region->flags;
	stat->out_huge = region->huge;
	stat->out_seals = READ_ONCE(region->seals);
	stat->out_mode = inode->i_mode & 0777;
	stat->out_uid = from_kuid_munged(ns, inode->i_uid);
	stat->out_gid = from_kgid_munged(ns, inode->i_gid);
	stat->out_linked = uid_valid(domain_owner);
	stat->out_domain_uid = uid_valid(domain_owner) ?
		from_kuid_munged(ns, domain_owner) : (u32)-1;
	stat->out_opens = READ_ONCE(region->nr_handles);
	stat->out_maps = READ_ONCE(region->nr_maps);
	stat->out_registry = region->registry->id;
	stat->out_logs = READ_ONCE(region->nr_logs);
	stat->out_bindings = READ_ONCE(region->nr_bindings);
	memcpy(stat->out_name, region->name, region->name_len + 1);
}

/**
 * vmshm_region_may_see() - may the current task open a region in some way?
 * @region: the region, its outer inode alive
 *
 * Context: may sleep.
 */
bool vmshm_region_may_see(const struct vmshm_region *region)
{
	return !vmshm_inode_permission(region->inode, MAY_READ) ||
	       !vmshm_inode_permission(region->inode, MAY_WRITE);
}

/**
 * vmshm_ioctl_stat() - VMSHM_IOC_STAT
 * @ucmd: the ioctl, on a region
 *
 * Return: 0, -EOPNOTSUPP or -EINVAL.
 */
int vmshm_ioctl_stat(struct vmshm_ucmd *ucmd)
{
	struct vmshm_handle *handle = vmshm_file_handle(ucmd->file);
	struct vmshm_stat *arg = ucmd->arg;
	u32 size = arg->size;

	if (arg->flags)
		return -EOPNOTSUPP;
	if (memchr_inv(&arg->out_generation, 0, sizeof(*arg) -
		       offsetof(struct vmshm_stat, out_generation)))
		return -EINVAL;
	vmshm_region_stat(handle->region,
			  vmshm_registry_domain_owner(handle->region), arg);
	arg->size = size;
	return 0;
}
