/* SPDX-License-Identifier: GPL-2.0 */
/*
 * libvmshm: regions in guest-physical address space.
 *
 * An address space is a tree of nodes: memory, containers, aliases and holes.
 * Where two overlap, the one with the higher priority is seen and hides what is
 * below; when it goes, what was below is seen again, exactly as before. What is
 * visible is handed to a sink as slots, such as KVM's memory slots.
 *
 * Changes are made one by one, or several in a transaction, which the sink sees
 * as one set of changes, the smallest there is: slots that stay the same are not
 * touched, and removals come before additions. Where the sink refuses,
 * everything is as it was before the transaction.
 *
 * A slot is the whole of what can be seen of a piece of memory in a row. Mapping
 * something over the middle of it takes it away and gives back its two ends, and
 * KVM has no way of doing that at once: a vCPU that touches memory whose slot
 * changes finds nothing there for a moment. Whoever changes slots of memory that
 * is in use stops the vCPUs while doing so. Memory whose slot stays is always
 * there.
 *
 * None of this concerns a region's dirty logs. They belong to the region, go on
 * while it is unmapped, moved or mapped again, and lose nothing by it.
 *
 * Addresses and lengths are in bytes and multiples of the page size. They go up
 * to the whole of 2^64 bytes, for which VMSHM_SPACE_WHOLE stands.
 *
 * Thread safety: an address space and its nodes are used by one thread at a
 * time; different ones are independent. vCPUs may run meanwhile, see above.
 *
 * Errors and options are as in <vmshm/vmshm.h>.
 */
#ifndef _VMSHM_SPACE_H
#define _VMSHM_SPACE_H

#include <vmshm/vmshm.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

struct vmshm_space;
struct vmshm_space_node;
struct vmshm_kvm_log;

/** VMSHM_SPACE_WHOLE - as a length: 2^64 bytes */
#define VMSHM_SPACE_WHOLE	(~0ULL)

/** VMSHM_SPACE_NAME_MAX - longest name of a node in bytes, without NUL */
#define VMSHM_SPACE_NAME_MAX	255

/**
 * enum vmshm_space_flags - flags of nodes
 * @VMSHM_SPACE_READONLY: the guest cannot write
 * @VMSHM_SPACE_LOG: the sink is to log what the guest writes, as KVM can
 * @VMSHM_SPACE_DISABLED: as if the node was not there
 *
 * The first two apply to all that is seen through a node, and are flags of slots
 * as well.
 */
enum vmshm_space_flags {
	VMSHM_SPACE_READONLY = 1,
	VMSHM_SPACE_LOG = 2,
	VMSHM_SPACE_DISABLED = 4,
};

/**
 * enum vmshm_space_kind - what a node is
 * @VMSHM_SPACE_CONTAINER: a place for others; where it has none, what is below
 *	it is seen
 * @VMSHM_SPACE_MEMORY: a region, a part of one, or other memory
 * @VMSHM_SPACE_ALIAS: shows a part of another node
 * @VMSHM_SPACE_HOLE: nothing, and hides what is below: accesses of the guest
 *	there are for the VMM, as those to a device
 */
enum vmshm_space_kind {
	VMSHM_SPACE_CONTAINER,
	VMSHM_SPACE_MEMORY,
	VMSHM_SPACE_ALIAS,
	VMSHM_SPACE_HOLE,
};

/* Slots, and those who take them */

/**
 * struct vmshm_slot - memory that is visible in one piece
 * @address: guest-physical address of the first byte
 * @length: number of bytes
 * @memory: where the memory is in this process
 * @region: the region it belongs to; NULL if it belongs to none
 * @offset: of the first byte in the region; 0 without one
 * @flags: VMSHM_SPACE_READONLY and VMSHM_SPACE_LOG
 * @number: for the sink to use, 0 at first
 */
struct vmshm_slot {
	__u64 address;
	__u64 length;
	void *memory;
	const struct vmshm_region *region;
	__u64 offset;
	__u32 flags;
	__u32 number;
};

/**
 * struct vmshm_slot_ops - a sink
 * @size: sizeof(struct vmshm_slot_ops)
 * @add: a slot appears; it overlaps none that is there. The sink may keep a
 *	number in it
 * @remove: a slot that was added goes
 * @set_flags: VMSHM_SPACE_LOG of a slot is switched: @flags are what @slot has
 *	afterwards. NULL if that takes removing and adding it
 *
 * Each is called with the sink's pointer and returns 0 or a negative errno
 * value, and has done nothing then. A slot is valid during the call.
 */
struct vmshm_slot_ops {
	size_t size;
	int (*add)(void *sink, struct vmshm_slot *slot);
	int (*remove)(void *sink, struct vmshm_slot *slot);
	int (*set_flags)(void *sink, struct vmshm_slot *slot, __u32 flags);
};

/* Address spaces */

/**
 * struct vmshm_space_options - what an address space is for
 * @size: sizeof(struct vmshm_space_options)
 * @ops: the sink's functions; they are copied
 * @sink: what they are called with
 * @max_slots: how many slots the sink can take; 0 means any number
 */
struct vmshm_space_options {
	size_t size;
	const struct vmshm_slot_ops *ops;
	void *sink;
	__u64 max_slots;
};

/**
 * struct vmshm_space_kvm_options - which slots of a VM to use
 * @size: sizeof(struct vmshm_space_kvm_options)
 * @log: where slots with VMSHM_SPACE_LOG are added, see <vmshm/kvm_log.h>; NULL
 *	if they are only to have KVM's own log. It must be of the same VM, and be
 *	closed after the address space
 * @first_slot: number of the first slot
 * @nr_slots: how many; 0 means all from @first_slot on
 */
struct vmshm_space_kvm_options {
	size_t size;
	struct vmshm_kvm_log *log;
	__u32 first_slot;
	__u32 nr_slots;
};

/**
 * struct vmshm_space_stat - figures of an address space
 * @slots: slots there are
 * @added: how often one was added
 * @removed: how often one was removed
 * @switched: how often the flags of one were switched
 */
struct vmshm_space_stat {
	__u64 slots;
	__u64 added;
	__u64 removed;
	__u64 switched;
};

/**
 * vmshm_space_open() - make an address space with nothing in it
 * @options: its sink
 * @space: where it is stored
 *
 * Context: Any thread.
 * Return: 0; -EINVAL: no sink, or an option; -E2BIG: an option that this
 * library does not know; -ENOMEM.
 */
int vmshm_space_open(const struct vmshm_space_options *options,
		     struct vmshm_space **space);

/**
 * vmshm_space_open_kvm() - make the address space of a KVM VM
 * @vm_fd: the VM; it must stay open as long as the address space
 * @options: which slots to use; NULL for all
 * @space: where it is stored
 *
 * The slots are set by KVM_SET_USER_MEMORY_REGION: only the process that made
 * the VM can use the address space. The slots it may use belong to it alone.
 *
 * Context: Any thread.
 * Return: 0; -ENOTTY: @vm_fd is not a VM; -EBADF; -EINVAL: KVM does not have
 * these slots; -E2BIG: an option that this library does not know; -ENOMEM.
 */
int vmshm_space_open_kvm(int vm_fd,
			 const struct vmshm_space_kvm_options *options,
			 struct vmshm_space **space);

/**
 * vmshm_space_close() - remove all slots and free an address space
 * @space: an address space, or NULL
 *
 * With it go its nodes, and what VMSHM_SPACE_OWN gave to them. No function may
 * be called with them any more.
 *
 * Context: One thread at a time.
 */
void vmshm_space_close(struct vmshm_space *space);

/**
 * vmshm_space_begin() - begin a transaction
 * @space: an address space
 *
 * From here on changes are checked and made, but the sink does not see them
 * until the transaction is committed. Transactions may be begun within others;
 * it is the outermost one that is shown to the sink, and the inner ones can be
 * aborted by themselves. Outside of any, each change is a transaction.
 *
 * Context: One thread at a time.
 * Return: 0; -ENOMEM.
 */
int vmshm_space_begin(struct vmshm_space *space);

/**
 * vmshm_space_commit() - end a transaction, with the sink
 * @space: an address space
 *
 * If the sink fails, the transaction is undone: all nodes are where they were
 * and the slots that were there before are there again. Should the sink refuse
 * even that, vmshm_space_is_complete() says so, vmshm_space_slot() which slots
 * there are, and the next transaction, which may be an empty one, tries to
 * bring about what is missing.
 *
 * Context: One thread at a time.
 * Return: 0; -ENOSPC: it would take more slots than the sink has, which has not
 * been called; -E2BIG: nodes are nested too deep, or aliases multiply too
 * much; -ENOMEM; what the sink returned; -EINVAL: no transaction has begun.
 */
int vmshm_space_commit(struct vmshm_space *space);

/**
 * vmshm_space_abort() - undo a transaction
 * @space: an address space
 *
 * Nodes that were added in it stay; they are not placed anywhere.
 *
 * Context: One thread at a time.
 * Return: 0; -EINVAL: no transaction has begun.
 */
int vmshm_space_abort(struct vmshm_space *space);

/**
 * vmshm_space_is_complete() - are all slots there?
 * @space: an address space
 *
 * Context: One thread at a time.
 * Return: false if a transaction has failed, undoing it as well, and no later one
 * has succeeded.
 */
bool vmshm_space_is_complete(const struct vmshm_space *space);

/**
 * vmshm_space_slot() - a slot that the sink has
 * @space: an address space
 * @index: which, from 0; they are in the order of their addresses
 *
 * Context: One thread at a time.
 * Return: the slot, valid until the next transaction ends; NULL if there are not
 * so many.
 */
const struct vmshm_slot *vmshm_space_slot(const struct vmshm_space *space,
					  size_t index);

/**
 * vmshm_space_lookup() - the slot that has a guest-physical address
 * @space: an address space
 * @address: the address; any byte
 *
 * Context: One thread at a time.
 * Return: the slot, valid until the next transaction ends; NULL if there is none.
 */
const struct vmshm_slot *vmshm_space_lookup(const struct vmshm_space *space,
					    __u64 address);

/**
 * vmshm_space_stat() - figures of an address space
 * @space: an address space
 * @stat: where they are stored
 * @stat_size: sizeof(struct vmshm_space_stat)
 *
 * Context: One thread at a time.
 * Return: 0; -EINVAL: @stat_size is too small.
 */
int vmshm_space_stat(const struct vmshm_space *space,
		     struct vmshm_space_stat *stat, size_t stat_size);

/* Nodes */

/**
 * enum vmshm_space_memory_flags - further flags of vmshm_space_add_memory()
 * @VMSHM_SPACE_OWN: when the node is destroyed, its region is closed and its
 *	memory unmapped
 */
enum vmshm_space_memory_flags {
	VMSHM_SPACE_OWN = 1 << 16,
};

/**
 * struct vmshm_space_memory - memory to be used by an address space
 * @size: sizeof(struct vmshm_space_memory)
 * @region: the region; NULL for memory that is not of a region
 * @memory: where the first byte is mapped in this process
 * @offset: of the first byte in @region; 0 without one
 * @length: number of bytes
 * @flags: of enum vmshm_space_flags, and VMSHM_SPACE_OWN
 * @__reserved: must be 0
 *
 * Region and mapping must stay as long as the node. @length may go beyond the
 * region's size, up to what it may grow to.
 */
struct vmshm_space_memory {
	size_t size;
	struct vmshm_region *region;
	void *memory;
	__u64 offset;
	__u64 length;
	__u32 flags;
	__u32 __reserved;
};

/**
 * struct vmshm_space_node_info - what there is to know about a node
 * @kind: a value of enum vmshm_space_kind
 * @flags: of enum vmshm_space_flags, and VMSHM_SPACE_OWN
 * @name: its name; valid as long as the node
 * @length: number of bytes, or VMSHM_SPACE_WHOLE
 * @is_placed: 1 if it is placed somewhere
 * @priority: if it is placed, its priority
 * @parent: if it is placed, in which container; NULL is the address space itself
 * @address: if it is placed, of its first byte in @parent
 * @target: of an alias, what it shows
 * @offset: of an alias, of the first byte in @target; of memory, in @region
 * @region: of memory, its region or NULL
 * @memory: of memory, where it is in this process
 */
struct vmshm_space_node_info {
	__u32 kind;
	__u32 flags;
	const char *name;
	__u64 length;
	__u32 is_placed;
	__s32 priority;
	struct vmshm_space_node *parent;
	__u64 address;
	struct vmshm_space_node *target;
	__u64 offset;
	const struct vmshm_region *region;
	void *memory;
};

/**
 * vmshm_space_add_container() - add a container
 * @space: an address space
 * @name: name of the node, which no other node of @space has: 1 to 255 printable
 *	characters of ASCII, no spaces
 * @length: number of bytes; what of its children is beyond is not seen
 * @node: where the node is stored
 *
 * A new node is placed nowhere.
 *
 * Context: One thread at a time.
 * Return: 0; -EEXIST: there is a node of that name; -EINVAL: @name or @length;
 * -ENOMEM.
 */
int vmshm_space_add_container(struct vmshm_space *space, const char *name,
			      __u64 length, struct vmshm_space_node **node);

/**
 * vmshm_space_add_memory() - add memory
 * @space: an address space
 * @name: name of the node
 * @memory: which
 * @node: where the node is stored
 *
 * Context: One thread at a time.
 * Return: as vmshm_space_add_container(); -EACCES: the region is open read-only
 * and VMSHM_SPACE_READONLY is not given; -EOVERFLOW: there is no such offset and
 * length; -E2BIG: an option that this library does not know.
 */
int vmshm_space_add_memory(struct vmshm_space *space, const char *name,
			   const struct vmshm_space_memory *memory,
			   struct vmshm_space_node **node);

/**
 * vmshm_space_add_alias() - add an alias
 * @space: an address space
 * @name: name of the node
 * @target: a node of @space, which it shows
 * @offset: first byte of @target that it shows
 * @length: number of bytes; what is beyond the end of @target is not seen
 * @node: where the node is stored
 *
 * It shows the target as it is at any time, whether that is placed or not.
 *
 * Context: One thread at a time.
 * Return: as vmshm_space_add_container().
 */
int vmshm_space_add_alias(struct vmshm_space *space, const char *name,
			  struct vmshm_space_node *target, __u64 offset,
			  __u64 length, struct vmshm_space_node **node);

/**
 * vmshm_space_add_hole() - add a hole
 * @space: an address space
 * @name: name of the node
 * @length: number of bytes
 * @node: where the node is stored
 *
 * Context: One thread at a time.
 * Return: as vmshm_space_add_container().
 */
int vmshm_space_add_hole(struct vmshm_space *space, const char *name,
			 __u64 length, struct vmshm_space_node **node);

/**
 * vmshm_space_node_destroy() - free a node
 * @node: a node, or NULL
 *
 * Context: One thread at a time.
 * Return: 0; -EBUSY: it is placed, has children, is the target of an alias, or a
 * transaction has begun; or it is memory, and vmshm_space_is_complete() says no.
 */
int vmshm_space_node_destroy(struct vmshm_space_node *node);

/**
 * vmshm_space_node_place() - make a node visible
 * @node: a node that is not placed
 * @parent: a container of the same address space; NULL for the address space
 * @address: of the first byte in @parent
 * @priority: the higher one hides the other; among equal ones, the one that was
 *	placed later
 *
 * Context: One thread at a time.
 * Return: 0; -EBUSY: it is placed already; -ELOOP: it would contain itself;
 * -EINVAL: @parent is no container of the same address space, or @address is not
 * a multiple of the page size; outside of a transaction, errors of
 * vmshm_space_commit().
 */
int vmshm_space_node_place(struct vmshm_space_node *node,
			   struct vmshm_space_node *parent, __u64 address,
			   __s32 priority);

/**
 * vmshm_space_node_unplace() - undo vmshm_space_node_place()
 * @node: a node
 *
 * Context: One thread at a time.
 * Return: 0; -EINVAL: it is not placed; outside of a transaction, errors of
 * vmshm_space_commit().
 */
int vmshm_space_node_unplace(struct vmshm_space_node *node);

/**
 * vmshm_space_node_move() - place a node somewhere else in the same container
 * @node: a node that is placed
 * @address: of the first byte in its container
 *
 * What it hides, and is hidden by, stays.
 *
 * Context: One thread at a time.
 * Return: 0; -EINVAL: it is not placed, or @address; outside of a transaction,
 * errors of vmshm_space_commit().
 */
int vmshm_space_node_move(struct vmshm_space_node *node, __u64 address);

/**
 * vmshm_space_node_set_priority() - change what a node hides
 * @node: a node that is placed
 * @priority: its new priority; it goes above others of the same
 *
 * Context: One thread at a time.
 * Return: 0; -EINVAL: it is not placed; outside of a transaction, errors of
 * vmshm_space_commit().
 */
int vmshm_space_node_set_priority(struct vmshm_space_node *node,
				  __s32 priority);

/**
 * vmshm_space_node_set_flags() - switch flags of a node
 * @node: a node
 * @mask: the flags to switch, of enum vmshm_space_flags
 * @flags: those of them that are to be set; the others are cleared
 *
 * Context: One thread at a time.
 * Return: 0; -EINVAL: an unknown flag; -EACCES: its region is open read-only;
 * outside of a transaction, errors of vmshm_space_commit().
 */
int vmshm_space_node_set_flags(struct vmshm_space_node *node, __u32 mask,
			       __u32 flags);

/**
 * vmshm_space_node_info() - what there is to know about a node
 * @node: a node
 * @info: where it is stored
 * @info_size: sizeof(struct vmshm_space_node_info)
 *
 * Context: One thread at a time.
 * Return: 0; -EINVAL: @info_size is too small.
 */
int vmshm_space_node_info(const struct vmshm_space_node *node,
			  struct vmshm_space_node_info *info,
			  size_t info_size);

/**
 * vmshm_space_node_next() - the nodes of an address space, one by one
 * @space: an address space
 * @node: the last one; NULL to begin with
 *
 * Context: One thread at a time.
 * Return: the node that was added next; NULL after the last one.
 */
struct vmshm_space_node *
vmshm_space_node_next(const struct vmshm_space *space,
		      const struct vmshm_space_node *node);

/**
 * vmshm_space_node_find() - a node by its name
 * @space: an address space
 * @name: the name
 *
 * Context: One thread at a time.
 * Return: the node, or NULL.
 */
struct vmshm_space_node *
vmshm_space_node_find(const struct vmshm_space *space, const char *name);

/* Saving and restoring */

/**
 * struct vmshm_space_saved - memory that was saved with an address space
 * @node: name of the node
 * @region: name of its region; NULL if it had none
 * @generation: number of the region; 0 if it had none
 * @offset: of the first byte in the region
 * @length: number of bytes
 * @flags: of enum vmshm_space_flags
 */
struct vmshm_space_saved {
	const char *node;
	const char *region;
	__u64 generation;
	__u64 offset;
	__u64 length;
	__u32 flags;
};

/**
 * struct vmshm_space_finder - how vmshm_space_find_region() finds regions
 * @size: sizeof(struct vmshm_space_finder)
 * @context: the registry they are in
 * @same_generation: not 0: a region must be the very one that was saved, as
 *	when a VMM is started again on the same host
 * @owner_policy: a value of enum vmshm_owner_policy
 * @owner: the user that @owner_policy speaks of; 0 if it speaks of none
 * @__reserved: must be 0
 */
struct vmshm_space_finder {
	size_t size;
	const struct vmshm_context *context;
	__u32 same_generation;
	__u32 owner_policy;
	__u32 owner;
	__u32 __reserved;
};

/**
 * vmshm_space_save() - what is placed where, as text
 * @space: an address space
 * @text: where the text is stored; it ends with NUL and is freed by free(3)
 *
 * Contents of memory are not in it. A line is a node or where it is placed; the
 * format is described in libvmshm(3).
 *
 * Context: One thread at a time.
 * Return: 0; -EBUSY: a transaction has begun; -ENOMEM; errors of
 * vmshm_region_stat().
 */
int vmshm_space_save(const struct vmshm_space *space, char **text);

/**
 * vmshm_space_restore() - put everything where it was
 * @space: an address space without nodes
 * @text: what vmshm_space_save() made
 * @find: finds memory; vmshm_space_find_region(), or a function of the caller's
 *	that returns 0 and stores @region, or NULL, and where @saved->length
 *	bytes of it, from @saved->offset on, are mapped; or a negative errno value
 * @finder: what it is called with
 *
 * Each node is the owner of its region and mapping, see VMSHM_SPACE_OWN. The
 * slots are added in one transaction. On failure @space is empty again, what was
 * found is closed and unmapped.
 *
 * Context: One thread at a time.
 * Return: 0; -EBUSY: @space has nodes, or a transaction has begun; -EPROTO:
 * @text is not such a text, or not all of it; what @find returned; errors of
 * vmshm_space_add_memory() and the like, where @text asks for what cannot be;
 * those of vmshm_space_commit().
 */
int vmshm_space_restore(struct vmshm_space *space, const char *text,
			int (*find)(void *finder,
				    const struct vmshm_space_saved *saved,
				    struct vmshm_region **region,
				    void **memory),
			void *finder);

/**
 * vmshm_space_find_region() - find a region by its name and map it
 * @finder: a struct vmshm_space_finder
 * @saved: what was saved
 * @region: where the region is stored
 * @memory: where the address of the mapping is stored
 *
 * Memory that was saved with VMSHM_SPACE_READONLY is opened and mapped read-only.
 *
 * Context: Any thread.
 * Return: 0; -ENOENT: there is no such region, or the memory was of none; -ESTALE:
 * its owner or generation differs; -EFBIG: it cannot become as large as it has to
 * be; errors of vmshm_region_open() and vmshm_region_map().
 */
int vmshm_space_find_region(void *finder,
			    const struct vmshm_space_saved *saved,
			    struct vmshm_region **region, void **memory);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif /* _VMSHM_SPACE_H */
