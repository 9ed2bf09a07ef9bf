/* SPDX-License-Identifier: GPL-2.0 */
/* What the parts of the address space share; nothing in here is exported. */
#ifndef VMSHM_LIB_SPACE_H
#define VMSHM_LIB_SPACE_H

#include <stdint.h>

#include <vmshm/space.h>

#include "flatview.h"
#include "internal.h"

/* Sizes of the first versions of structs. */
#define SLOT_OPS_SIZE_VER0 \
	(offsetof(struct vmshm_slot_ops, set_flags) + sizeof(void *))
#define SPACE_OPTIONS_SIZE_VER0 \
	(offsetof(struct vmshm_space_options, max_slots) + sizeof(__u64))
#define SPACE_KVM_OPTIONS_SIZE_VER0 \
	SIZE_UP_TO(vmshm_space_kvm_options, nr_slots)
#define SPACE_MEMORY_SIZE_VER0	SIZE_UP_TO(vmshm_space_memory, __reserved)
#define SPACE_FINDER_SIZE_VER0	SIZE_UP_TO(vmshm_space_finder, __reserved)
#define SPACE_STAT_SIZE_VER0 \
	(offsetof(struct vmshm_space_stat, switched) + sizeof(__u64))
#define SPACE_NODE_INFO_SIZE_VER0 \
	(offsetof(struct vmshm_space_node_info, memory) + sizeof(void *))

/* Flags that slots have, too. */
#define SPACE_SLOT_FLAGS \
	((__u32)VMSHM_SPACE_READONLY | (__u32)VMSHM_SPACE_LOG)
#define SPACE_NODE_FLAGS	(SPACE_SLOT_FLAGS | (__u32)VMSHM_SPACE_DISABLED)

/**
 * struct backing - memory in which pages in a row are memory in a row
 * @region: its region, or NULL
 * @base: address of page 0 of it, as a number: of a part that is mapped alone,
 *	it may be before what is mapped
 * @users: number of nodes
 * @next: of the same address space
 *
 * Nodes that show parts of the same mapping of the same region share it, so
 * that a slot can go on from one to the other.
 */
struct backing {
	struct vmshm_region *region;
	uintptr_t base;
	size_t users;
	struct backing *next;
};

/**
 * struct vmshm_space_node - a node of an address space
 * @view: the node as the view has it
 * @space: the address space
 * @next: the node that was added next
 * @link: what points to this one
 * @aliases: number of aliases that show it
 * @memory: where it is in this process, if it is memory
 * @own: VMSHM_SPACE_OWN or 0
 * @name: its name
 */
struct vmshm_space_node {
	struct view_node view;
	struct vmshm_space *space;
	struct vmshm_space_node *next;
	struct vmshm_space_node **link;
	size_t aliases;
	void *memory;
	__u32 own;
	char name[];
};

/**
 * struct space_change - how a node was before it was changed
 * @node: the node
 * @parent: where it was placed, or NULL
 * @address: its address, in pages
 * @order: when it was placed
 * @priority: its priority
 * @flags: its flags
 * @disabled: whether it was disabled
 */
struct space_change {
	struct view_node *node;
	struct view_node *parent;
	__u64 address;
	__u64 order;
	__s32 priority;
	__u32 flags;
	bool disabled;
};

/**
 * struct space_slot - a slot that the sink has, or is to have
 * @slot: the slot
 * @there: the sink has it
 * @flags: @slot.flags before the transaction
 * @twin: while slots change, the same slot among those before or afterwards
 */
struct space_slot {
	struct vmshm_slot slot;
	bool there;
	__u32 flags;
	struct space_slot *twin;
};

/**
 * struct vmshm_space - an address space
 * @ops: the sink's functions
 * @sink: what they are called with
 * @free_sink: frees the sink when the address space is closed, or NULL
 * @max_slots: how many slots it can take
 * @page_shift: binary logarithm of the page size
 * @root: the container that is the address space
 * @nodes: the first node
 * @last: where the next node goes
 * @backings: all memory
 * @order: of the node that was placed last
 * @stamp: of the last walk through the tree
 * @changes: what was changed in the transaction, oldest first
 * @nr_changes: how many
 * @changes_room: for how many there is memory
 * @begins: @nr_changes at the begin of each transaction that is open
 * @depth: how many are open
 * @begins_room: for how many there is memory
 * @view: what is to be visible; kept for its memory
 * @slots: slots that the sink has, by address
 * @nr_slots: how many
 * @slots_room: for how many there is memory
 * @spare: as @slots, used while slots change
 * @spare_room: for how many there is memory
 * @incomplete: @slots are not what the tree says
 * @stat: figures
 */
struct vmshm_space {
	struct vmshm_slot_ops ops;
	void *sink;
	void (*free_sink)(void *sink);
	__u64 max_slots;
	unsigned int page_shift;
	struct view_node root;
	struct vmshm_space_node *nodes;
	struct vmshm_space_node **last;
	struct backing *backings;
	__u64 order;
	__u64 stamp;
	struct space_change *changes;
	size_t nr_changes;
	size_t changes_room;
	size_t *begins;
	size_t depth;
	size_t begins_room;
	struct view view;
	struct space_slot *slots;
	size_t nr_slots;
	size_t slots_room;
	struct space_slot *spare;
	size_t spare_room;
	bool incomplete;
	struct vmshm_space_stat stat;
};

/**
 * vmshm__space_room() - memory for more elements
 * @array: pointer to the array
 * @room: for how many elements there is memory
 * @count: for how many there has to be
 * @size: size of an element
 *
 * Return: 0; -ENOMEM.
 */
int vmshm__space_room(void **array, size_t *room, size_t count, size_t size);

/**
 * vmshm__space_apply() - make the sink's slots what the tree says
 * @space: an address space
 *
 * Return: as vmshm_space_commit(); on failure the slots are those there were
 * before, unless @space->incomplete is set.
 */
int vmshm__space_apply(struct vmshm_space *space);

/**
 * vmshm__space_remove_all() - take all slots away
 * @space: an address space
 */
void vmshm__space_remove_all(struct vmshm_space *space);

/**
 * vmshm__space_touch() - remember how a node is before it is changed
 * @node: the node
 *
 * Return: 0; -ENOMEM.
 */
int vmshm__space_touch(struct vmshm_space_node *node);

/**
 * vmshm__space_changed() - a node was changed
 * @space: its address space
 *
 * Return: 0; outside of a transaction, as vmshm_space_commit().
 */
int vmshm__space_changed(struct vmshm_space *space);

/**
 * vmshm__space_node_free() - free a node, whoever may refer to it
 * @node: the node
 */
void vmshm__space_node_free(struct vmshm_space_node *node);

#endif /* VMSHM_LIB_SPACE_H */
