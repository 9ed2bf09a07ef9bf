/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vmshm: private declarations.
 *
 * Objects and who holds whom ("->" is a counted reference):
 *
 *   file of /dev/vmshm -> registry
 *   directory of a mounted tree -> registry
 *   name of a persistent region -> outer inode
 *   outer file -> dentry -> outer inode -> region -> registry, user
 *   view inode (read-only handles) -> outer inode
 *   dentry in a mounted tree -> outer inode     (only while it is in use)
 *   inner (shmem) file -> region           (the struct, not the outer inode)
 *   region -> inner file                   (dropped when the outer inode goes,
 *                                           and with it the charge; the file
 *                                           may stay, see vmshm_backing_drop())
 *   device driver -> outer inode           (of a region of device memory, which
 *                                           has no inner file; see device.c)
 *   VMA of a region -> inner file, and by its map record -> outer file
 *   watch -> registry, and region          (the struct, not the outer inode)
 *   peer -> outer file, and eventfds
 *   log -> outer inode, user
 *   binding -> outer inode, and VM         (the VM until the binding has ended)
 *
 * So the memory of a region lives as long as its outer inode, and struct
 * vmshm_region a little longer than that.
 *
 * Lock order, outermost first:
 *
 *   i_rwsem of a directory of a mounted tree
 *     outer inode's i_rwsem
 *       registry->lock
 *         region->event_mutex
 *           registry->watch_lock
 *             watch->lock
 *   region->peers_mutex
 *     region->event_mutex and so on, as above
 *     the lock of region->peers
 *     peer->lock
 *   outer inode's i_rwsem, or region->bind_update_mutex
 *     region->bind_mutex
 *       region->event_mutex
 *       kvm->slots_lock, by a thread that is waited for
 *         mmap_lock
 *   outer inode's i_rwsem
 *     region->logs_mutex
 *       a lock of log->locks, see dirty.h
 *     region->bind_mutex
 *       inner inode's i_rwsem
 *         mmap_lock
 *           inner mapping's invalidate_lock, folio lock
 *             inner mapping's i_mmap_rwsem
 *               region->maps_lock
 *   log->mutex
 *     folio lock, and as above
 *   mmap_lock
 *     device->lock
 *   region->handles_lock, region->charge_lock, the locks of the lists of
 *   registries and of users: leaves
 *
 * watch->lock and peer->lock are held while an eventfd is signalled.
 *
 * Domains are under registry->lock. mmap_lock is held in ->mmap, ->open and
 * ->close of a VMA and in faults: none of these takes any of the first group,
 * nor region->bind_mutex, nor kvm->slots_lock. KVM waits for MMU notifiers that
 * are under way when it changes slots: never have it do so with a folio lock or
 * i_mmap_rwsem held.
 */
#ifndef _VMSHM_H
#define _VMSHM_H

#include <linux/atomic.h>
#include <linux/fs.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/rbtree.h>
#include <linux/refcount.h>
#include <linux/rwsem.h>
#include <linux/seq_file.h>
#include <linux/spinlock.h>
#include <linux/uidgid.h>
#include <linux/user_namespace.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include <linux/vmshm.h>

#include "compat.h"
#include "name.h"
#include "opener.h"

/* What VMSHM_IOC_CREATE may set and a region keeps. */
#define VMSHM_REGION_FLAGS	(VMSHM_EPHEMERAL | VMSHM_SHRINKABLE | \
				 VMSHM_RESERVE | VMSHM_PINNABLE | \
				 VMSHM_NO_PUNCH | VMSHM_LOG_READERS | \
				 VMSHM_RING_READERS)
#define VMSHM_SEALS		(VMSHM_SEAL_SEAL | VMSHM_SEAL_SHRINK | \
				 VMSHM_SEAL_GROW | VMSHM_SEAL_WRITE | \
				 VMSHM_SEAL_FUTURE_WRITE)
/* What a file offset can address, in whole pages. */
#define VMSHM_MAX_SIZE		((u64)round_down(MAX_LFS_FILESIZE, PAGE_SIZE))

/* How a region is named in /proc/PID/fd and, by its inner file, in maps. */
#define VMSHM_DNAME		"vmshm:"

#define VMSHM_NR_HUGE		(VMSHM_HUGE_ADVISE + 1)

/* What a user may have so many of. */
enum vmshm_object {
	VMSHM_OBJECT_REGION,
	VMSHM_OBJECT_WATCH,
	VMSHM_OBJECT_PEER,
	VMSHM_NR_OBJECTS,
};

/**
 * struct vmshm_user - what one user has, for the limits
 * @node: in the hash of users; protected by its lock
 * @ref: references; the struct is freed under that lock at zero
 * @uid: the user, see vmshm_user_get()
 * @bytes: memory charged, in bytes
 * @meta: kernel memory charged, in bytes
 * @objects: numbers of objects
 */
struct vmshm_user {
	struct hlist_node node;
	refcount_t ref;
	kuid_t uid;
	atomic64_t bytes;
	atomic64_t meta;
	atomic64_t objects[VMSHM_NR_OBJECTS];
};

/**
 * struct vmshm_registry - the names of one user namespace
 * @node: in the list of registries, in the order of @id; protected by its lock
 * @ref: references
 * @user_ns: the namespace; a counted reference
 * @id: its inode number
 * @lock: protects @regions, @domains and, of each linked region, name_node,
 *	linked and domain; also makes "last open file of an ephemeral region"
 *	and "its name goes" one step
 * @regions: the regions that have a name, by name
 * @domains: the domains, by name
 * @watch_lock: protects @watches
 * @watches: the watches by prefix
 */
struct vmshm_registry {
	struct list_head node;
	refcount_t ref;
	struct user_namespace *user_ns;
	unsigned int id;
	struct rw_semaphore lock;
	struct rb_root regions;
	struct rb_root domains;
	struct rw_semaphore watch_lock;
	struct list_head watches;
};

/**
 * struct vmshm_domain_entry - a first component of names and its owner
 * @node: in registry->domains
 * @owner: who may create in it
 * @regions: number of linked regions in it
 * @user: if it is reserved, so that it stays though it has no region: whom it
 *	is charged to, a counted reference; else NULL
 * @name: NUL-terminated
 *
 * All protected by registry->lock.
 */
struct vmshm_domain_entry {
	struct rb_node node;
	kuid_t owner;
	unsigned int regions;
	struct vmshm_user *user;
	char name[];
};

/**
 * struct vmshm_counters - what is counted in page faults, for each CPU
 * @faults: page faults
 * @write_faults: those that made a page writable
 * @around: pages that were made writable beside the faulting one
 */
struct vmshm_counters {
	u64 faults;
	u64 write_faults;
	u64 around;
};

/**
 * struct vmshm_region - a region
 * @ref: references to the struct
 * @registry: where its name is, or was; a counted reference
 * @user: whom it is charged to; a counted reference
 * @domain: its domain while @linked; protected by registry->lock
 * @name_node: in registry->regions while @linked; protected by registry->lock
 * @linked: has a name; protected by registry->lock
 * @published: had a name once, so there may be events; set once, before anybody
 *	else can reach the region
 * @generation: unique since boot
 * @flags: VMSHM_REGION_FLAGS
 * @huge: enum vmshm_huge
 * @max_size: bytes
 * @size: bytes; written under the i_rwsem of @inode, and lowered only under
 *	@maps_lock as well, see vmshm_maps_shrink(); read with READ_ONCE()
 * @reach: what page faults go by: @size, or more while a resize is under way, so
 *	that a guest has memory wherever it has a slot; written under the i_rwsem
 *	of @inode
 * @seals: VMSHM_SEAL_*; written under the i_rwsem of @inode and @maps_lock
 * @inode: the outer inode; not a reference: whoever reaches the region through
 *	a file, a view inode or, under registry->lock, a name has one
 * @inner: the shmem file; NULL once @inode has been evicted, or with @device
 * @device: the device that has its memory, or NULL
 * @ctime_ns: when it was created, CLOCK_REALTIME
 * @opens: open files, and look-ups that are about to open one
 * @handles_lock: protects @handles and @nr_handles
 * @handles: struct vmshm_handle, oldest first
 * @nr_handles: their number
 * @maps_lock: protects @maps, @nr_maps, @was_mapped
 * @maps: struct vmshm_map of each VMA with our vm_ops
 * @nr_maps: their number
 * @nr_odd_maps: number of those that are private or of a read-only file
 * @odd_seq: counts how often one of these was added; never 0
 * @was_mapped: there was a mapping at some time
 * @charge_lock: protects writes of @charged, and @inner being dropped
 * @charged: pages charged to @user
 * @event_mutex: makes an event's number and its delivery one step; protects
 *	@seq and @watches
 * @seq: number of the last event
 * @watches: watches of this region alone
 * @logs_mutex: protects writes of @logs, and @nr_logs
 * @logs: open dirty logs; read under RCU
 * @nr_logs: their number
 * @peers_mutex: makes joining, leaving and changing a doorbell one step with its
 *	event; protects @nr_peers
 * @peers: struct vmshm_peer by number, and reserved numbers; peers are put in
 *	and taken out under @peers_mutex and read under it or RCU
 * @nr_peers: number of peers in @peers
 * @bind_update_mutex: has those who change bindings wait for each other, so that of
 *	them no more than one is before a resize
 * @bind_mutex: protects @bindings, @nr_bindings and what struct
 *	vmshm_binding_ctx says; held throughout a resize
 * @bindings: bindings that have not ended, oldest first
 * @nr_bindings: their number
 * @counters: what is counted in page faults
 * @name_len: strlen(@name)
 * @name: NUL-terminated; stays after the region was unlinked
 */
struct vmshm_region {
	refcount_t ref;
	struct vmshm_registry *registry;
	struct vmshm_user *user;
	struct vmshm_domain_entry *domain;
	struct rb_node name_node;
	bool linked;
	bool published;
	u64 generation;
	u32 flags;
	u32 huge;
	u64 max_size;
	u64 size;
	u64 reach;
	u32 seals;
	struct inode *inode;
	struct file *inner;
	struct vmshm_device *device;
	u64 ctime_ns;
	atomic_t opens;

	struct mutex handles_lock;
	struct list_head handles;
	unsigned int nr_handles;

	spinlock_t maps_lock;
	struct list_head maps;
	unsigned int nr_maps;
	unsigned int nr_odd_maps;
	unsigned int odd_seq;
	bool was_mapped;

	spinlock_t charge_lock;
	u64 charged;

	struct mutex event_mutex;
	u64 seq;
	struct list_head watches;

	struct mutex logs_mutex;
	struct list_head logs;
	unsigned int nr_logs;

	struct mutex peers_mutex;
	struct xarray peers;
	unsigned int nr_peers;
	struct mutex bind_update_mutex;
	struct mutex bind_mutex;
	struct list_head bindings;
	unsigned int nr_bindings;

	struct vmshm_counters __percpu *counters;
	unsigned int name_len;
	char name[];
};

/**
 * struct vmshm_handle - an open file of a region; file->private_data
 * @node: in region->handles
 * @region: the region; alive as long as the file
 * @file: the file; not a reference
 * @nr_maps: VMAs that hold @file; under region->maps_lock
 * @nr_peers: peers that hold @file
 * @user: whom the struct is charged to; a counted reference
 * @opener: who opened it
 */
struct vmshm_handle {
	struct list_head node;
	struct vmshm_region *region;
	struct file *file;
	unsigned int nr_maps;
	atomic_t nr_peers;
	struct vmshm_user *user;
	struct vmshm_opener opener;
};

/**
 * struct vmshm_map - a VMA of a region; vma->vm_private_data
 * @node: in region->maps
 * @region: the region
 * @file: the outer file; a counted reference
 * @odd: private, or of a read-only file: the core's walks for write protection
 *	stop at such a VMA
 * @seen: set while a walk of the inner mapping's i_mmap found the VMA; see
 *	vmshm_maps_walk()
 *
 * A VMA counts from ->mmap or ->open until ->close, which is longer than it is
 * in i_mmap: a record that a walk does not find belongs to a mapping that is
 * being made or taken down. Between being copied (fork, split) and its ->open,
 * a VMA shares the record of its original.
 */
struct vmshm_map {
	struct list_head node;
	struct vmshm_region *region;
	struct file *file;
	bool odd;
	bool seen;
};

/**
 * struct vmshm_ucmd - an ioctl in progress
 * @file: the file it was called on
 * @arg: the argument: a copy, zero-extended to the size this kernel knows; the
 *	handler's changes are copied back to the caller if it returns 0 or
 *	-EMSGSIZE
 * @fd: with @new_file, the descriptor it is to be installed at
 * @new_file: a file to return; installed last, after the copy, or released if
 *	anything fails
 * @commit: what makes the command take effect, if it must not before the
 *	results are copied out; called after that, may fail
 * @abort: called if the results could not be copied out
 * @value: what the handler has for these
 * @retry: start again if @commit says -EEXIST
 */
struct vmshm_ucmd {
	struct file *file;
	void *arg;
	int fd;
	struct file *new_file;
	int (*commit)(struct vmshm_ucmd *ucmd);
	void (*abort)(struct vmshm_ucmd *ucmd);
	u64 value;
	bool retry;
};

/* main.c: the module's own work queue */
extern struct workqueue_struct *vmshm_wq;

/* limit.c */
extern unsigned int vmshm_event_queue_len;
extern unsigned int vmshm_logs_region;
extern unsigned int vmshm_bindings_region;
struct vmshm_user *vmshm_user_get(struct user_namespace *ns);
void vmshm_user_put(struct vmshm_user *user);
int vmshm_charge_one(struct vmshm_user *user, enum vmshm_object object);
void vmshm_uncharge_one(struct vmshm_user *user, enum vmshm_object object);
int vmshm_charge_meta(struct vmshm_user *user, size_t bytes);
void vmshm_uncharge_meta(struct vmshm_user *user, size_t bytes);
int vmshm_charge_pages(struct vmshm_user *user, u64 pages);
void vmshm_uncharge_pages(struct vmshm_user *user, u64 pages);
void vmshm_limits_info(struct vmshm_user *user, struct vmshm_info *info);

/* registry.c */
int vmshm_registry_init(void);
void vmshm_registry_exit(void);
struct vmshm_registry *vmshm_registry_get(struct user_namespace *ns);
struct vmshm_registry *vmshm_registry_hold(struct vmshm_registry *registry);
void vmshm_registry_put(struct vmshm_registry *registry);
struct vmshm_registry *vmshm_registry_next(u64 id);
int vmshm_registry_may_create(struct vmshm_registry *registry,
			      const char *name);
int vmshm_registry_publish(struct vmshm_region *region);
struct vmshm_region *vmshm_registry_find(struct vmshm_registry *registry,
					 const char *name);
struct vmshm_region *vmshm_registry_first(struct vmshm_registry *registry,
					  const char *from, bool after);
struct vmshm_region *vmshm_registry_lookup(struct vmshm_registry *registry,
					   const char *name);
void vmshm_registry_drop_open(struct vmshm_region *region);
kuid_t vmshm_registry_domain_owner(struct vmshm_region *region);
bool vmshm_registry_may_unlink(const struct vmshm_region *region);
int vmshm_registry_unlink(struct vmshm_region *region);
int vmshm_ioctl_unlink(struct vmshm_ucmd *ucmd);

/* domain.c */
struct vmshm_domain_entry *vmshm_domain_join(struct vmshm_registry *registry,
					     const char *name);
void vmshm_domain_leave(struct vmshm_registry *registry,
			struct vmshm_domain_entry *domain);
kuid_t vmshm_domain_owner(struct vmshm_registry *registry, const char *name);
int vmshm_domain_may_create(struct vmshm_registry *registry, const char *name);
void vmshm_domains_free(struct vmshm_registry *registry);
int vmshm_ioctl_domain(struct vmshm_ucmd *ucmd);

/* list.c */
int vmshm_ioctl_list(struct vmshm_ucmd *ucmd);
void vmshm_registry_summary(struct seq_file *m);

/* region.c */
struct vmshm_region *vmshm_region_hold(struct vmshm_region *region);
void vmshm_region_put(struct vmshm_region *region);
void vmshm_region_retire(struct vmshm_region *region);
void vmshm_region_stat(struct vmshm_region *region, kuid_t domain_owner,
		       struct vmshm_stat *stat);
bool vmshm_region_may_see(const struct vmshm_region *region);
int vmshm_ioctl_create(struct vmshm_ucmd *ucmd);
int vmshm_ioctl_open(struct vmshm_ucmd *ucmd);
int vmshm_ioctl_stat(struct vmshm_ucmd *ucmd);
int vmshm_ioctl_readonly(struct vmshm_ucmd *ucmd);

/* fs.c */
int vmshm_fs_init(void);
void vmshm_fs_exit(void);
int vmshm_fs_new_inode(struct vmshm_region *region, umode_t mode);
struct inode *vmshm_fs_handle_inode(struct vmshm_region *region, bool readonly);
struct file *vmshm_fs_open(struct vmshm_region *region, bool readonly);
void vmshm_fs_put_inode(struct inode *inode);
bool vmshm_inode_is_view(const struct inode *inode);

/* file.c */
extern const struct file_operations vmshm_file_ops;
struct vmshm_handle *vmshm_file_handle(struct file *file);

/* backing.c */
int vmshm_backing_init(void);
void vmshm_backing_exit(void);
u32 vmshm_backing_policies(void);
int vmshm_backing_new(struct vmshm_region *region);
int vmshm_backing_mmap(struct vmshm_region *region, struct vm_area_struct *vma);
void vmshm_backing_drop(struct vmshm_region *region);
int vmshm_backing_grow(struct vmshm_region *region, u64 size);
int vmshm_backing_shrink(struct vmshm_region *region, u64 size);
void vmshm_backing_undo_grow(struct vmshm_region *region);
int vmshm_backing_charge(struct vmshm_region *region, pgoff_t first, u64 nr);
void vmshm_backing_settle(struct vmshm_region *region);
u64 vmshm_backing_resident(struct vmshm_region *region);
u64 vmshm_backing_allocated(struct vmshm_region *region);

/* pin.c */
int vmshm_drain_lru_all(void);
bool vmshm_folio_held(struct folio *folio);
int vmshm_region_wait_pins(struct vmshm_region *region);

/* map.c */
int vmshm_mmap(struct file *file, struct vm_area_struct *vma);
int vmshm_maps_check(struct vmshm_region *region, u64 addr, u64 offset,
		     u64 length, bool write);
int vmshm_maps_shrink(struct vmshm_region *region, u64 size);
int vmshm_maps_seal(struct vmshm_region *region, u32 seals, bool no_writers);
bool vmshm_map_is(const struct vm_area_struct *vma);
unsigned int vmshm_maps_all_shared_begin(struct vmshm_region *region);
bool vmshm_maps_all_shared_end(struct vmshm_region *region, unsigned int seq);

/* mkwrite.c */
vm_fault_t vmshm_page_mkwrite(struct vmshm_region *region,
			      struct vm_fault *vmf);

/* dirty.c */
int vmshm_dirty_init(void);
void vmshm_dirty_exit(void);
void vmshm_dirty_mark(struct vmshm_region *region, pgoff_t first, u64 nr);

/* log.c */
void vmshm_dirty_forget(struct vmshm_region *region, pgoff_t first);
int vmshm_ioctl_log_open(struct vmshm_ucmd *ucmd);
int vmshm_ioctl_log_watermark(struct vmshm_ucmd *ucmd);
int vmshm_ioctl_log_stat(struct vmshm_ucmd *ucmd);
long vmshm_log_ioctl(struct file *file, unsigned int cmd, unsigned long arg);

/* fetch.c */
int vmshm_ioctl_log_fetch(struct vmshm_ucmd *ucmd);
int vmshm_ioctl_log_rearm(struct vmshm_ucmd *ucmd);

/* mark.c */
void vmshm_dirty_mark_range(struct vmshm_region *region, pgoff_t first, u64 nr,
			    bool killable);
int vmshm_ioctl_mark(struct vmshm_ucmd *ucmd);
int vmshm_ioctl_merge(struct vmshm_ucmd *ucmd);

/* bind.c */
int vmshm_ioctl_bind(struct vmshm_ucmd *ucmd);

/* bind_kvm.c */
bool vmshm_kvm_present(void);

/* bind_update.c */
int vmshm_ioctl_bind_update(struct vmshm_ucmd *ucmd);

/* bindings.c */
int vmshm_ioctl_bindings(struct vmshm_ucmd *ucmd);
int vmshm_ioctl_bind_stat(struct vmshm_ucmd *ucmd);
int vmshm_ioctl_bind_slots(struct vmshm_ucmd *ucmd);

/* slots.c */
bool vmshm_bindings_cover(struct vmshm_region *region,
			  const struct mm_struct *mm, u64 addr, u64 offset,
			  u64 length);
int vmshm_bindings_check(struct vmshm_region *region, u64 size);
int vmshm_bindings_grow(struct vmshm_region *region, u64 size);
void vmshm_bindings_shrink(struct vmshm_region *region, u64 size);

/* resize.c */
int vmshm_region_resize(struct vmshm_region *region, u64 size);
int vmshm_ioctl_resize(struct vmshm_ucmd *ucmd);

/* seal.c */
int vmshm_ioctl_seal(struct vmshm_ucmd *ucmd);

/* handle.c */
int vmshm_handle_open(struct vmshm_region *region, struct file *file);
void vmshm_handle_release(struct vmshm_handle *handle);
void vmshm_handle_announce(struct vmshm_handle *handle);
u32 vmshm_file_rights(const struct file *file);

/* member.c */
int vmshm_ioctl_members(struct vmshm_ucmd *ucmd);

/* event.c */
void vmshm_event(struct vmshm_region *region, u32 type, u64 value,
		 u64 old_value);
void vmshm_event_handle(struct vmshm_handle *handle, u32 type);
struct vmshm_binding_ctx;
void vmshm_event_binding(const struct vmshm_binding_ctx *binding, u32 type);
void vmshm_event_gone(struct vmshm_region *region);

/* watch.c */
struct vmshm_watch_ctx;
int vmshm_ioctl_watch_device(struct vmshm_ucmd *ucmd);
int vmshm_ioctl_watch_region(struct vmshm_ucmd *ucmd);
int vmshm_ioctl_watch_eventfd(struct vmshm_ucmd *ucmd);

/* ioctl.c */
long vmshm_device_ioctl(struct file *file, unsigned int cmd, unsigned long arg);
long vmshm_region_ioctl(struct file *file, unsigned int cmd, unsigned long arg);
long vmshm_peer_ioctl(struct file *file, unsigned int cmd, unsigned long arg);
long vmshm_watch_ioctl(struct file *file, unsigned int cmd, unsigned long arg);
long vmshm_binding_ioctl(struct file *file, unsigned int cmd,
			 unsigned long arg);
int vmshm_ucmd_return_file(struct vmshm_ucmd *ucmd, s32 *out_fd,
			   struct file *file);

/**
 * vmshm_device_registry() - the registry that a file of /dev/vmshm is of
 * @file: an open file of the device
 *
 * Return: the registry, alive as long as the file.
 */
static inline struct vmshm_registry *vmshm_device_registry(struct file *file)
{
	return file->private_data;
}

#endif /* _VMSHM_H */
