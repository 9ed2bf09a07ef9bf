// SPDX-License-Identifier: GPL-2.0
/* Address spaces: from what is visible to changes of slots, and back. */

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "space.h"

/*
 * While slots change, space->slots are those from before the transaction and
 * space->spare those from afterwards. A slot that stays is in both, as a twin;
 * the one from before is the one that the sink is called with.
 */

static void fill_slot(const struct vmshm_space *space,
		      const struct view_range *range, struct space_slot *slot)
{
	const struct backing *backing = range->backing;
	__u64 offset = range->backing_page << space->page_shift;

	*slot = (struct space_slot){
		.slot.address = range->first << space->page_shift,
		.slot.length = range->pages << space->page_shift,
		.slot.memory = (void *)(backing->base + (uintptr_t)offset),
		.slot.region = backing->region,
		.slot.offset = backing->region ? offset : 0,
		.slot.flags = range->flags,
	};
}

static int add_slot(struct vmshm_space *space, struct space_slot *slot)
{
	int rc;

	slot->slot.number = 0;
	rc = space->ops.add(space->sink, &slot->slot);
	if (!rc) {
		slot->there = true;
		space->stat.added++;
	}
	return rc;
}

static int remove_slot(struct vmshm_space *space, struct space_slot *slot)
{
	int rc = space->ops.remove(space->sink, &slot->slot);

	if (!rc) {
		slot->there = false;
		space->stat.removed++;
	}
	return rc;
}

static int switch_slot(struct vmshm_space *space, struct space_slot *slot,
		       __u32 flags)
{
	int rc;

	if (slot->slot.flags == flags)
		return 0;
	rc = space->ops.set_flags(space->sink, &slot->slot, flags);
	if (!rc) {
		slot->slot.flags = flags;
		space->stat.switched++;
	}
	return rc;
}

/* Which node shows it is of no interest: the guest cannot tell. */
static bool is_same(const struct vmshm_slot *a, const struct vmshm_slot *b,
		    __u32 may_differ)
{
	return a->address == b->address && a->length == b->length &&
	       a->memory == b->memory && a->region == b->region &&
	       a->offset == b->offset &&
	       !((a->flags ^ b->flags) & ~may_differ);
}

static void find_twins(struct vmshm_space *space, size_t nr_spare)
{
	__u32 may_differ = space->ops.set_flags ? VMSHM_SPACE_LOG : 0;
	size_t i, j = 0;

	for (i = 0; i < space->nr_slots; i++) {
		struct space_slot *old = &space->slots[i], *new;

		old->twin = NULL;
		old->flags = old->slot.flags;
		while (j < nr_spare &&
		       space->spare[j].slot.address < old->slot.address)
			j++;
		if (j == nr_spare)
			continue;
		new = &space->spare[j];
		if (is_same(&old->slot, &new->slot, may_differ)) {
			old->twin = new;
			new->twin = old;
		}
	}
}

static int change(struct vmshm_space *space, size_t nr_spare)
{
	size_t i;
	int rc;

	/* What is added may have to go where something else was. */
	for (i = 0; i < space->nr_slots; i++) {
		if (space->slots[i].twin)
			continue;
		rc = remove_slot(space, &space->slots[i]);
		if (rc)
			return rc;
	}
	for (i = 0; i < nr_spare; i++) {
		struct space_slot *new = &space->spare[i];

		if (new->twin)
			rc = switch_slot(space, new->twin, new->slot.flags);
		else
			rc = add_slot(space, new);
		if (rc)
			return rc;
	}
	return 0;
}

static __u64 last_byte(const struct vmshm_slot *slot)
{
	return slot->address + (slot->length - 1);
}

static bool overlap(const struct vmshm_slot *a, const struct vmshm_slot *b)
{
	return a->address <= last_byte(b) && b->address <= last_byte(a);
}

/* Returns whether there is a way: no slot that would not go is in it. */
static bool is_free(const struct vmshm_space *space, size_t nr_spare,
		    const struct space_slot *slot)
{
	size_t i;

	for (i = 0; i < nr_spare; i++)
		if (space->spare[i].there && overlap(&space->spare[i].slot, &slot->slot))
			return false;
	return true;
}

/* Undoes what change() did; returns whether everything is as it was. */
static bool change_back(struct vmshm_space *space, size_t nr_spare)
{
	bool complete = true;
	size_t i;

	for (i = 0; i < nr_spare; i++) {
		struct space_slot *new = &space->spare[i];

		if (new->there && remove_slot(space, new))
			complete = false;
	}
	for (i = 0; i < space->nr_slots; i++) {
		struct space_slot *old = &space->slots[i];

		if (old->there) {
			if (switch_slot(space, old, old->flags))
				complete = false;
		} else if (!is_free(space, nr_spare, old) ||
			   add_slot(space, old)) {
			complete = false;
		}
	}
	return complete;
}

static int by_address(const void *a, const void *b)
{
	const struct space_slot *one = a, *other = b;

	if (one->slot.address == other->slot.address)
		return 0;
	return one->slot.address < other->slot.address ? -1 : 1;
}

/* Whatever the sink has now is what there is. */
static void take_stock(struct vmshm_space *space, size_t nr_spare)
{
	size_t i, to = 0;

	for (i = 0; i < space->nr_slots; i++)
		if (space->slots[i].there)
			space->slots[to++] = space->slots[i];
	for (i = 0; i < nr_spare; i++)
		if (space->spare[i].there)
			space->slots[to++] = space->spare[i];
	space->nr_slots = to;
	qsort(space->slots, to, sizeof(*space->slots), by_address);
}

static void take_over(struct vmshm_space *space, size_t nr_spare)
{
	struct space_slot *slots = space->slots;
	size_t room = space->slots_room, i;

	for (i = 0; i < nr_spare; i++)
		if (space->spare[i].twin)
			space->spare[i] = *space->spare[i].twin;
	space->slots = space->spare;
	space->slots_room = space->spare_room;
	space->nr_slots = nr_spare;
	space->spare = slots;
	space->spare_room = room;
}

int vmshm__space_apply(struct vmshm_space *space)
{
	size_t i, count;
	int rc;

	rc = vmshm__view_render(&space->root, &space->view);
	if (rc)
		return rc;
	count = space->view.count;
	if (count > space->max_slots)
		return -ENOSPC;
	rc = vmshm__space_room((void **)&space->spare, &space->spare_room,
			       count, sizeof(*space->spare));
	if (rc)
		return rc;
	/* For take_stock(), after which there is no way back. */
	rc = vmshm__space_room((void **)&space->slots, &space->slots_room,
			       space->nr_slots + count, sizeof(*space->slots));
	if (rc)
		return rc;

	for (i = 0; i < count; i++)
		fill_slot(space, &space->view.ranges[i], &space->spare[i]);
	find_twins(space, count);
	rc = change(space, count);
	if (!rc) {
		take_over(space, count);
		space->incomplete = false;
	} else if (!change_back(space, count)) {
		take_stock(space, count);
		space->incomplete = true;
	}
	return rc;
}

void vmshm__space_remove_all(struct vmshm_space *space)
{
	size_t i;

	for (i = 0; i < space->nr_slots; i++)
		remove_slot(space, &space->slots[i]);
	space->nr_slots = 0;
	space->incomplete = false;
}
