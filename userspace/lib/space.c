// SPDX-License-Identifier: GPL-2.0
/* Address spaces: transactions. The nodes are in space_node.c. */

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "space.h"

int vmshm__space_room(void **array, size_t *room, size_t count, size_t size)
{
	size_t new_room = *room ? *room : 8;
	void *new;

	if (count <= *room)
		return 0;
	while (new_room < count)
		new_room *= 2;

	new = reallocarray(*array, new_room, size);
	if (!new)
		return -ENOMEM;

	*array = new;
	*room = new_room;
	return 0;
}

int vmshm_space_open(const struct vmshm_space_options *options,
		     struct vmshm_space **space)
{
	struct vmshm_space_options opt;
	long page_size = sysconf(_SC_PAGESIZE);
	struct vmshm_slot_ops ops;
	struct vmshm_space *new;
	int rc;

	rc = vmshm__options_copy(&opt, sizeof(opt), SPACE_OPTIONS_SIZE_VER0,
				 options);
	if (rc)
		return rc;
	rc = vmshm__options_copy(&ops, sizeof(ops), SLOT_OPS_SIZE_VER0,
				 opt.ops);
	if (rc)
		return rc;
	if (!ops.add || !ops.remove)
		return -EINVAL;

	new = calloc(1, sizeof(*new));
	if (!new)
		return -ENOMEM;

	new->ops = ops;
	new->sink = opt.sink;
	new->max_slots = opt.max_slots ? opt.max_slots : UINT64_MAX;
	new->page_shift = (unsigned int)__builtin_ctzl((unsigned long)page_size);
	new->root.kind = VIEW_CONTAINER;
	new->root.pages = 1ULL << (64 - new->page_shift);
	new->last = &new->nodes;
	*space = new;
	return 0;
}

void vmshm_space_close(struct vmshm_space *space)
{
	if (!space)
		return;

	vmshm__space_remove_all(space);
	while (space->nodes)
		vmshm__space_node_free(space->nodes);
	if (space->free_sink)
		space->free_sink(space->sink);
	vmshm__view_free(&space->view);
	free(space->changes);
	free(space->begins);
	free(space->slots);
	free(space->spare);
	free(space);
}

/* Transactions */

int vmshm__space_touch(struct vmshm_space_node *node)
{
	struct vmshm_space *space = node->space;
	struct view_node *view = &node->view;
	int rc;

	rc = vmshm__space_room((void **)&space->changes, &space->changes_room,
			       space->nr_changes + 1, sizeof(*space->changes));
	if (rc)
		return rc;

	space->changes[space->nr_changes++] = (struct space_change){
		.node = view,
		.parent = view->parent,
		.address = view->address,
		.order = view->order,
		.priority = view->priority,
		.flags = view->flags,
		.disabled = view->disabled,
	};
	return 0;
}

/* Makes all nodes what they were when there were @count changes. */
static void undo(struct vmshm_space *space, size_t count)
{
	while (space->nr_changes > count) {
		const struct space_change *change =
			&space->changes[--space->nr_changes];
		struct view_node *view = change->node;

		if (view->parent)
			vmshm__view_detach(view);
		view->address = change->address;
		view->order = change->order;
		view->priority = change->priority;
		view->flags = change->flags;
		view->disabled = change->disabled;
		if (change->parent)
			vmshm__view_attach(change->parent, view);
	}
}

static int finish(struct vmshm_space *space)
{
	int rc = vmshm__space_apply(space);

	if (rc)
		undo(space, 0);
	space->nr_changes = 0;
	return rc;
}

int vmshm__space_changed(struct vmshm_space *space)
{
	return space->depth ? 0 : finish(space);
}

int vmshm_space_begin(struct vmshm_space *space)
{
	int rc;

	rc = vmshm__space_room((void **)&space->begins, &space->begins_room,
			       space->depth + 1, sizeof(*space->begins));
	if (rc)
		return rc;

	space->begins[space->depth++] = space->nr_changes;
	return 0;
}

int vmshm_space_commit(struct vmshm_space *space)
{
	if (!space->depth)
		return -EINVAL;

	return --space->depth ? 0 : finish(space);
}

int vmshm_space_abort(struct vmshm_space *space)
{
	if (!space->depth)
		return -EINVAL;

	undo(space, space->begins[--space->depth]);
	return 0;
}

/* What there is */

bool vmshm_space_is_complete(const struct vmshm_space *space)
{
	return !space->incomplete;
}

const struct vmshm_slot *vmshm_space_slot(const struct vmshm_space *space,
					  size_t index)
{
	return index < space->nr_slots ? &space->slots[index].slot : NULL;
}

const struct vmshm_slot *vmshm_space_lookup(const struct vmshm_space *space,
					    __u64 address)
{
	size_t low = 0, high = space->nr_slots;

	/* The last one that does not begin behind the address. */
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (space->slots[middle].slot.address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low)
		return NULL;
	low--;
	if (address - space->slots[low].slot.address >=
	    space->slots[low].slot.length)
		return NULL;
	return &space->slots[low].slot;
}

int vmshm_space_stat(const struct vmshm_space *space,
		     struct vmshm_space_stat *stat, size_t stat_size)
{
	struct vmshm_space_stat now = space->stat;

	if (stat_size < SPACE_STAT_SIZE_VER0)
		return -EINVAL;

	now.slots = space->nr_slots;
	memset(stat, 0, stat_size);
	memcpy(stat, &now, stat_size < sizeof(now) ? stat_size : sizeof(now));
	return 0;
}
