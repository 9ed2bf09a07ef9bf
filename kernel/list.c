// SPDX-License-Identifier: GPL-2.0
/*
 * VMSHM_IOC_LIST: the regions the caller may open, by name; and the summary of
 * all for debugfs.
 *
 * The registry's lock is held for a bounded number of names at a time. In
 * between the place is kept by name, since the region there may go.
 */
#include <linux/capability.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "entries.h"

/* Names looked at, and entries made, in one go. */
#define LIST_NAMES	256
#define LIST_ENTRIES	64

/* The first version of struct vmshm_stat: what every caller must know. */
#define STAT_SIZE_MIN	offsetofend(struct vmshm_stat, __reserved)

/**
 * struct vmshm_list_walk - a listing in progress
 * @prefix: only names that begin with this
 * @user: where the next element goes
 * @entry_size: size of an element there, in bytes
 * @room: elements there is room for
 * @count: elements written
 * @after: the last name that was looked at; may be one the caller must not see
 * @entries: elements to be written
 */
struct vmshm_list_walk {
	const char *prefix;
	void __user *user;
	u32 entry_size;
	u32 room;
	u32 count;
	char after[VMSHM_NAME_MAX + 1];
	struct vmshm_stat entries[LIST_ENTRIES];
};

/* The first region behind walk->after whose name may have the prefix. */
static struct rb_node *vmshm_list_first(struct vmshm_registry *registry,
					const struct vmshm_list_walk *walk)
{
	struct vmshm_region *region;

	if (strcmp(walk->after, walk->prefix) < 0)
		region = vmshm_registry_first(registry, walk->prefix, false);
	else
		region = vmshm_registry_first(registry, walk->after, true);
	return region ? &region->name_node : NULL;
}

/*
 * Fills walk->entries. Returns how many there are; *end says that there is
 * nothing more in this registry.
 */
static unsigned int vmshm_list_collect(struct vmshm_registry *registry,
				       struct vmshm_list_walk *walk, bool *end)
{
	unsigned int room = min_t(u32, walk->room - walk->count, LIST_ENTRIES);
	unsigned int names, n = 0;
	struct rb_node *rb;

	*end = false;
	down_read(&registry->lock);
	rb = vmshm_list_first(registry, walk);
	for (names = 0; names < LIST_NAMES && n < room; names++) {
		struct vmshm_region *region;

		if (!rb) {
			*end = true;
			break;
		}
		region = rb_entry(rb, struct vmshm_region, name_node);
		if (!vmshm_name_has_prefix(region->name, walk->prefix)) {
			*end = true;
			break;
		}
		memcpy(walk->after, region->name, region->name_len + 1);
		if (vmshm_region_may_see(region))
			vmshm_region_stat(region, region->domain->owner,
					  &walk->entries[n++]);
		rb = rb_next(rb);
	}
	up_read(&registry->lock);
	return n;
}

static int vmshm_list_copy_out(struct vmshm_list_walk *walk, unsigned int n)
{
	int err;

	err = vmshm_copy_entries(walk->user, walk->entry_size, walk->entries,
				 sizeof(*walk->entries), n);
	if (err)
		return err;
	walk->user += (size_t)n * walk->entry_size;
	walk->count += n;
	return 0;
}

static int vmshm_list_registry(struct vmshm_registry *registry,
			       struct vmshm_list_walk *walk)
{
	bool end = false;

	while (!end && walk->count < walk->room) {
		unsigned int n = vmshm_list_collect(registry, walk, &end);
		int err = vmshm_list_copy_out(walk, n);

		if (err)
			return err;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

static int vmshm_list_all(struct vmshm_list_walk *walk, u64 id)
{
	struct vmshm_registry *registry;
	int err;

	while (walk->count < walk->room) {
		registry = vmshm_registry_next(id);
		if (!registry)
			break;
		/* walk->after is in the registry the caller said, if at all. */
		if (registry->id != id)
			walk->after[0] = '\0';
		err = vmshm_list_registry(registry, walk);
		id = (u64)registry->id + 1;
		walk->after[0] = '\0';
		vmshm_registry_put(registry);
		if (err)
			return err;
	}
	return 0;
}

/**
 * vmshm_ioctl_list() - VMSHM_IOC_LIST
 * @ucmd: on a file of the device, with struct vmshm_list
 *
 * Context: process.
 * Return: 0 or a negative error, see the uapi header.
 */
int vmshm_ioctl_list(struct vmshm_ucmd *ucmd)
{
	struct vmshm_registry *registry = vmshm_device_registry(ucmd->file);
	struct vmshm_list *arg = ucmd->arg;
	struct vmshm_list_walk *walk;
	int err;

	if (arg->flags & ~VMSHM_LIST_ALL)
		return -EOPNOTSUPP;
	if (arg->__reserved || arg->out_count || arg->out_more || !arg->count ||
	    arg->entry_size < STAT_SIZE_MIN)
		return -EINVAL;
	if (arg->entry_size > PAGE_SIZE)
		return -E2BIG;
	/* The caller goes on with what the last element said, in any case. */
	if (arg->after_registry && arg->after_registry != registry->id &&
	    !(arg->flags & VMSHM_LIST_ALL))
		return -EINVAL;
	err = vmshm_prefix_check(arg->prefix, sizeof(arg->prefix));
	if (err < 0)
		return err;
	if (arg->after[0]) {
		err = vmshm_name_check(arg->after, sizeof(arg->after));
		if (err < 0)
			return err;
	}
	if ((arg->flags & VMSHM_LIST_ALL) && !capable(CAP_SYS_ADMIN))
		return -EPERM;

	walk = kvzalloc(sizeof(*walk), GFP_KERNEL_ACCOUNT);
	if (!walk)
		return -ENOMEM;
	walk->prefix = arg->prefix;
	walk->user = u64_to_user_ptr(arg->entries);
	walk->entry_size = arg->entry_size;
	walk->room = arg->count;
	strscpy(walk->after, arg->after, sizeof(walk->after));

	if (arg->flags & VMSHM_LIST_ALL)
		err = vmshm_list_all(walk, arg->after_registry);
	else
		err = vmshm_list_registry(registry, walk);
	if (!err) {
		arg->out_count = walk->count;
		/* Looking for more would tell of names not to be seen. */
		arg->out_more = walk->count == walk->room;
	}
	kvfree(walk);
	return err;
}

static void vmshm_registry_do_summary(struct vmshm_registry *registry,
				      struct seq_file *m)
{
	struct rb_node *rb;

	down_read(&registry->lock);
	for (rb = rb_first(&registry->regions); rb; rb = rb_next(rb)) {
		const struct vmshm_region *region = rb_entry(rb, struct vmshm_region,
							 name_node);

		seq_printf(m, "%u %s %llu %llu %llu %u %u %u\n", registry->id,
			   region->name, READ_ONCE(region->size),
			   region->max_size,
			   READ_ONCE(region->charged) << PAGE_SHIFT,
			   READ_ONCE(region->nr_handles),
			   READ_ONCE(region->nr_maps),
			   READ_ONCE(region->nr_peers));
		cond_resched();
		if (seq_has_overflowed(m))
			break;
	}
	up_read(&registry->lock);
}

/**
 * vmshm_registry_summary() - list all regions that have a name, for debugfs
 * @m: where to
 *
 * One line for each: registry, name, size, max_size and charged memory in
 * bytes, number of open files, number of mappings, number of peers.
 *
 * Context: process; takes the lock of each registry in turn.
 */
void vmshm_registry_summary(struct seq_file *m)
{
	struct vmshm_registry *registry;
	u64 id = 0;

	seq_puts(m, "# registry name size max_size charged opens maps peers\n");
	while (!seq_has_overflowed(m)) {
		registry = vmshm_registry_next(id);
		if (!registry)
			break;
		vmshm_registry_do_summary(registry, m);
		id = (u64)registry->id + 1;
		vmshm_registry_put(registry);
	}
}
