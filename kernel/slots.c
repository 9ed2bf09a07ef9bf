// SPDX-License-Identifier: GPL-2.0
/*
 * The memory slots of bindings, and how they follow the size of a region.
 *
 * KVM cannot change the size of a slot without making its memory vanish for a
 * moment. So what is new becomes further slots, and only whole slots go.
 *
 * A resize asks all bindings first and changes them then, all or none, under
 * region->bind_mutex from the one to the other. A binding that is being made is in no
 * list yet and takes no lock. Memory is there, though not yet told, when slots are set,
 * and until slots are gone: see region->reach.
 */
#include <linux/mm.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>

#include "bind.h"
#include "range.h"

/* Is it listed, and locked, or not known to anybody else? */
static void vmshm_binding_assert_held(const struct vmshm_binding_ctx *binding)
{
	lockdep_assert(list_empty(&binding->node) ||
		       lockdep_is_held(&binding->region->bind_mutex));
}

/**
 * vmshm_binding_bound() - how much is guest memory now
 * @binding: the binding
 *
 * Context: region->bind_mutex held, or the binding in no list.
 * Return: bytes.
 */
u64 vmshm_binding_bound(const struct vmshm_binding_ctx *binding)
{
	const struct vmshm_memslot *last;

	if (!binding->used)
		return 0;
	last = &binding->slots[binding->used - 1];
	return last->user_addr + last->length - binding->user_addr;
}

/**
 * vmshm_binding_wanted() - how much ought to be
 * @binding: the binding
 * @size: size of the region, in bytes
 *
 * Return: bytes, a multiple of the page size.
 */
u64 vmshm_binding_wanted(const struct vmshm_binding_ctx *binding, u64 size)
{
	u64 end = vmshm_pages(size) << PAGE_SHIFT;

	if (end <= binding->offset)
		return 0;
	return min(end - binding->offset, binding->length);
}

/*
 * Fills in the slots from @bound on, if @slots is not NULL. Returns how many it
 * takes, or @room + 1 if that is more than @room.
 */
static u32 vmshm_binding_plan(const struct vmshm_binding_ctx *binding,
			      struct vmshm_memslot *slots, u32 room,
			      u64 bound, u64 wanted)
{
	u32 id = binding->first_slot + binding->used;
	u32 nr = 0;

	while (bound < wanted) {
		u64 end = vmshm_granule_end(bound, wanted, binding->granule);

		if (nr == room)
			return room + 1;
		if (slots)
			slots[nr] = (struct vmshm_memslot){
				.id = id + nr,
				.flags = binding->flags & (VMSHM_BIND_READONLY |
							   VMSHM_BIND_LOG),
				.guest_addr = binding->guest_addr + bound,
				.user_addr = binding->user_addr + bound,
				.length = end - bound,
			};
		nr++;
		bound = end;
	}
	return nr;
}

/*
 * How many slots lie in a size, and how much that is. Others are left of when it was
 * greater: they could not be removed. What their VM does to them later, which was told
 * to keep them, nobody knows: they must go before anything of there is used again.
 */
static u32 vmshm_binding_fitting(const struct vmshm_binding_ctx *binding,
				 u64 size, u64 *bound)
{
	u64 wanted = vmshm_binding_wanted(binding, size);
	u32 used = binding->used;

	*bound = vmshm_binding_bound(binding);
	while (used && *bound > wanted)
		*bound -= binding->slots[--used].length;
	return used;
}

/*
 * Can a binding live with a size? Returns 0; -EBUSY: it does not follow and lies
 * beyond, or @size is within a slot; -ENOSPC: more slots are needed than there
 * are.
 */
static int vmshm_binding_check(const struct vmshm_binding_ctx *binding,
			       u64 size)
{
	u64 wanted = vmshm_binding_wanted(binding, size);
	u64 bound;
	u32 used, room;

	lockdep_assert_held(&binding->region->bind_mutex);
	if (!(binding->flags & VMSHM_BIND_FOLLOW))
		return wanted < binding->length ? -EBUSY : 0;
	if (size < binding->region->size) {
		used = vmshm_binding_fitting(binding, size, &bound);
		return used < binding->used && bound < wanted ? -EBUSY : 0;
	}
	used = vmshm_binding_fitting(binding, binding->region->size, &bound);
	room = binding->nr_slots - used;
	return vmshm_binding_plan(binding, NULL, room, bound, wanted) > room ?
		-ENOSPC : 0;
}

/**
 * vmshm_binding_changed() - tell userspace that the slots have changed
 * @binding: the binding
 *
 * Context: region->bind_mutex held, or the binding in no list.
 */
void vmshm_binding_changed(struct vmshm_binding_ctx *binding)
{
	vmshm_binding_assert_held(binding);
	WRITE_ONCE(binding->changes, binding->changes + 1);
	wake_up_interruptible_poll(&binding->wait, EPOLLIN | EPOLLRDNORM);
}

/**
 * vmshm_binding_extend() - make what is new guest memory
 * @binding: the binding, with VMSHM_BIND_FOLLOW or new
 * @old: what is beyond this size is not used by anybody, in bytes
 * @size: size of the region, in bytes
 * @wait: how long to wait for its VM
 *
 * Slots beyond @old are removed first.
 *
 * Context: region->bind_mutex held, or the binding in no list.
 * Return: 0; -ENOSPC: there are not so many slots; -EBUSY: the VM is kept busy; -ENOMEM;
 * -EINTR: the caller is being killed; or as ops->add; on error nothing has changed in
 * what is used.
 */
int vmshm_binding_extend(struct vmshm_binding_ctx *binding, u64 old, u64 size,
			 enum vmshm_wait wait)
{
	u64 wanted = vmshm_binding_wanted(binding, size);
	struct vmshm_memslot *slots;
	u32 used, room, nr;
	u64 bound;
	int err;

	vmshm_binding_assert_held(binding);
	binding->extended = 0;
	used = vmshm_binding_fitting(binding, old, &bound);
	vmshm_binding_cut(binding, used, wait);
	if (binding->used > used) {
		if (fatal_signal_pending(current))
			return -EINTR;
		/* Whoever waits until the VM is not busy has too little memory. */
		return wait == VMSHM_WAIT_OWN ? -ENOMEM : -EBUSY;
	}
	slots = &binding->slots[used];
	room = binding->nr_slots - used;
	nr = vmshm_binding_plan(binding, slots, room, bound, wanted);
	if (nr > room)
		return -ENOSPC;
	if (!nr)
		return 0;
	if (binding->vm) {
		err = binding->ops->add(binding->vm, slots, nr, wait);
		if (err)
			return err;
	}
	binding->used += nr;
	binding->extended = nr;
	vmshm_binding_changed(binding);
	return 0;
}

/**
 * vmshm_binding_cut() - remove slots at the end
 * @binding: the binding
 * @used: how many are to stay
 * @wait: how long to wait for its VM
 *
 * A slot cannot be removed if there is no memory for it, or its VM is kept busy. One
 * that stays does no harm: the guest gets EFAULT from what is not there any more. It
 * goes before the region grows again.
 *
 * Context: region->bind_mutex held, or the binding in no list.
 */
void vmshm_binding_cut(struct vmshm_binding_ctx *binding, u32 used,
		       enum vmshm_wait wait)
{
	u32 nr = binding->used - used;

	vmshm_binding_assert_held(binding);
	if (!nr)
		return;
	if (binding->vm)
		nr = binding->ops->remove(binding->vm, &binding->slots[used],
					  nr, wait);
	binding->used -= nr;
	if (nr)
		vmshm_binding_changed(binding);
}

/**
 * vmshm_bindings_cover() - is a range mapped for bindings that follow?
 * @region: the region
 * @mm: an address space
 * @addr: where the range is mapped there
 * @offset: first byte of the range
 * @length: bytes
 *
 * Whoever bound it so has agreed to its going, for the mapping he named, as
 * long as the binding lasts; not for what processes forked since have of it.
 *
 * Context: region->bind_mutex held.
 * Return: true if each byte is.
 */
bool vmshm_bindings_cover(struct vmshm_region *region,
			  const struct mm_struct *mm, u64 addr, u64 offset,
			  u64 length)
{
	const struct vmshm_binding_ctx *binding;
	u64 pos = offset;
	u64 from;

	lockdep_assert_held(&region->bind_mutex);
	do {
		from = pos;
		list_for_each_entry(binding, &region->bindings, node) {
			if (binding->mm == mm &&
			    (binding->flags & VMSHM_BIND_FOLLOW) &&
			    binding->user_addr - binding->offset ==
			    addr - offset &&
			    pos >= binding->offset &&
			    pos - binding->offset < binding->length)
				pos = binding->offset + binding->length;
		}
	} while (pos > from && pos - offset < length);
	return pos - offset >= length;
}

/**
 * vmshm_bindings_check() - can all bindings live with a size?
 * @region: the region
 * @size: the new size, in bytes
 *
 * Context: region->bind_mutex held, and until the size has changed.
 * Return: 0; -EBUSY: one does not follow and lies beyond, or @size is within
 * a slot; -ENOSPC: one needs more slots than it has.
 */
int vmshm_bindings_check(struct vmshm_region *region, u64 size)
{
	struct vmshm_binding_ctx *binding;
	int err;

	lockdep_assert_held(&region->bind_mutex);
	list_for_each_entry(binding, &region->bindings, node) {
		err = vmshm_binding_check(binding, size);
		if (err)
			return err;
	}
	return 0;
}

/**
 * vmshm_bindings_grow() - have all bindings that follow grow
 * @region: the region, with memory up to @size that can be reached
 * @size: the new size, in bytes; vmshm_bindings_check() allowed it
 *
 * Context: region->bind_mutex held; waits for VMs for a limited time.
 * Return: 0; -EBUSY: a VM has something else there, or is kept busy; -ENOMEM;
 * -EINTR: the caller is being killed; on error nothing has changed.
 */
int vmshm_bindings_grow(struct vmshm_region *region, u64 size)
{
	struct vmshm_binding_ctx *binding;
	int err;

	lockdep_assert_held(&region->bind_mutex);
	list_for_each_entry(binding, &region->bindings, node) {
		if (!(binding->flags & VMSHM_BIND_FOLLOW))
			continue;
		err = vmshm_binding_extend(binding, region->size, size,
					   VMSHM_WAIT_KILLABLE);
		if (err)
			goto cut;
	}
	return 0;

cut:
	list_for_each_entry_continue_reverse(binding, &region->bindings, node)
		if (binding->flags & VMSHM_BIND_FOLLOW)
			vmshm_binding_cut(binding,
					  binding->used - binding->extended,
					  VMSHM_WAIT);
	return err == -ENOMEM || err == -EINTR ? err : -EBUSY;
}

/**
 * vmshm_bindings_shrink() - have all bindings that follow shrink
 * @region: the region; its memory is still there
 * @size: the new size, in bytes; vmshm_bindings_check() allowed it
 *
 * Leaves slots where they are if the caller is being killed: they may be many, and
 * see vmshm_binding_cut().
 *
 * Context: region->bind_mutex held; waits for VMs for a limited time.
 */
void vmshm_bindings_shrink(struct vmshm_region *region, u64 size)
{
	struct vmshm_binding_ctx *binding;

	lockdep_assert_held(&region->bind_mutex);
	list_for_each_entry(binding, &region->bindings, node) {
		u32 used;
		u64 bound;

		if (!(binding->flags & VMSHM_BIND_FOLLOW))
			continue;
		used = vmshm_binding_fitting(binding, size, &bound);
		vmshm_binding_cut(binding, used, VMSHM_WAIT_KILLABLE);
	}
}
