// SPDX-License-Identifier: GPL-2.0
/* Nodes of an address space: memory, containers, aliases, holes. */

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "space.h"

static bool is_aligned(const struct vmshm_space *space, __u64 bytes)
{
	return !(bytes & ((1ULL << space->page_shift) - 1));
}

static int to_pages(const struct vmshm_space *space, __u64 length, __u64 *pages)
{
	if (length == VMSHM_SPACE_WHOLE) {
		*pages = space->root.pages;
		return 0;
	}
	if (!length || !is_aligned(space, length))
		return -EINVAL;

	*pages = length >> space->page_shift;
	return 0;
}

static bool name_is_valid(const char *name)
{
	size_t len = 0;

	if (!name)
		return false;
	for (; name[len]; len++)
		if (name[len] <= ' ' || name[len] > '~' ||
		    len == VMSHM_SPACE_NAME_MAX)
			return false;
	return len;
}

static struct backing *find_backing(struct vmshm_space *space,
				    struct vmshm_region *region,
				    uintptr_t base)
{
	struct backing *backing;

	/* What lies next to other memory by chance is not the same. */
	if (!region)
		return NULL;
	for (backing = space->backings; backing; backing = backing->next)
		if (backing->region == region && backing->base == base)
			return backing;
	return NULL;
}

static struct backing *get_backing(struct vmshm_space *space,
				   const struct vmshm_space_memory *memory)
{
	uintptr_t base = (uintptr_t)memory->memory - (uintptr_t)memory->offset;
	struct backing *backing = find_backing(space, memory->region, base);

	if (!backing) {
		backing = calloc(1, sizeof(*backing));
		if (!backing)
			return NULL;
		backing->region = memory->region;
		backing->base = base;
		backing->next = space->backings;
		space->backings = backing;
	}
	backing->users++;
	return backing;
}

static void put_backing(struct vmshm_space *space, struct backing *backing)
{
	struct backing **link = &space->backings;

	if (--backing->users)
		return;
	while (*link != backing)
		link = &(*link)->next;
	*link = backing->next;
	free(backing);
}

static struct backing *node_backing(const struct vmshm_space_node *node)
{
	return (struct backing *)node->view.backing;
}

static int add_node(struct vmshm_space *space, const char *name, __u64 length,
		    enum view_kind kind, struct vmshm_space_node **node)
{
	struct vmshm_space_node *new;
	__u64 pages;
	size_t len;
	int rc;

	rc = to_pages(space, length, &pages);
	if (rc)
		return rc;
	if (!name_is_valid(name))
		return -EINVAL;
	if (vmshm_space_node_find(space, name))
		return -EEXIST;

	len = strlen(name);
	new = calloc(1, sizeof(*new) + len + 1);
	if (!new)
		return -ENOMEM;

	memcpy(new->name, name, len);
	new->space = space;
	new->view.kind = kind;
	new->view.pages = pages;
	new->link = space->last;
	*space->last = new;
	space->last = &new->next;
	*node = new;
	return 0;
}

void vmshm__space_node_free(struct vmshm_space_node *node)
{
	struct vmshm_space *space = node->space;

	*node->link = node->next;
	if (node->next)
		node->next->link = node->link;
	else
		space->last = node->link;

	if (node->view.backing) {
		struct backing *backing = node_backing(node);
		struct vmshm_region *region = backing->region;

		put_backing(space, backing);
		if (node->own) {
			munmap(node->memory,
			       (size_t)(node->view.pages << space->page_shift));
			vmshm_region_close(region);
		}
	}
	free(node);
}

int vmshm_space_add_container(struct vmshm_space *space, const char *name,
			      __u64 length, struct vmshm_space_node **node)
{
	return add_node(space, name, length, VIEW_CONTAINER, node);
}

int vmshm_space_add_hole(struct vmshm_space *space, const char *name,
			 __u64 length, struct vmshm_space_node **node)
{
	return add_node(space, name, length, VIEW_HOLE, node);
}

static int check_memory(const struct vmshm_space *space,
			const struct vmshm_space_memory *memory)
{
	if (memory->__reserved ||
	    memory->flags & ~(SPACE_NODE_FLAGS | (__u32)VMSHM_SPACE_OWN))
		return -EINVAL;
	if (!memory->length || !is_aligned(space, memory->length) ||
	    !is_aligned(space, memory->offset) ||
	    !is_aligned(space, (uintptr_t)memory->memory) ||
	    (!memory->region && memory->offset))
		return -EINVAL;
	/* No file and no process has more. */
	if (memory->offset > INT64_MAX ||
	    memory->length > INT64_MAX - memory->offset ||
	    memory->length - 1 > UINTPTR_MAX - (uintptr_t)memory->memory)
		return -EOVERFLOW;
	if (memory->region && memory->region->is_readonly &&
	    !(memory->flags & VMSHM_SPACE_READONLY))
		return -EACCES;
	return 0;
}

int vmshm_space_add_memory(struct vmshm_space *space, const char *name,
			   const struct vmshm_space_memory *memory,
			   struct vmshm_space_node **node)
{
	struct vmshm_space_memory mem;
	struct vmshm_space_node *new;
	struct backing *backing;
	int rc;

	rc = vmshm__options_copy(&mem, sizeof(mem), SPACE_MEMORY_SIZE_VER0,
				 memory);
	if (rc)
		return rc;
	rc = check_memory(space, &mem);
	if (rc)
		return rc;
	rc = add_node(space, name, mem.length, VIEW_BACKED, &new);
	if (rc)
		return rc;

	backing = get_backing(space, &mem);
	if (!backing) {
		vmshm__space_node_free(new);
		return -ENOMEM;
	}
	new->memory = mem.memory;
	new->own = mem.flags & VMSHM_SPACE_OWN;
	new->view.backing = backing;
	new->view.backing_page = mem.offset >> space->page_shift;
	new->view.flags = mem.flags & SPACE_SLOT_FLAGS;
	new->view.disabled = mem.flags & VMSHM_SPACE_DISABLED;
	*node = new;
	return 0;
}

int vmshm_space_add_alias(struct vmshm_space *space, const char *name,
			  struct vmshm_space_node *target, __u64 offset,
			  __u64 length, struct vmshm_space_node **node)
{
	struct vmshm_space_node *new;
	int rc;

	if (!target || target->space != space || !is_aligned(space, offset))
		return -EINVAL;
	rc = add_node(space, name, length, VIEW_ALIAS, &new);
	if (rc)
		return rc;

	new->view.target = &target->view;
	new->view.target_page = offset >> space->page_shift;
	target->aliases++;
	*node = new;
	return 0;
}

/* The view is what a node begins with. */
static struct vmshm_space_node *to_node(const struct view_node *view)
{
	return (struct vmshm_space_node *)view;
}

int vmshm_space_node_destroy(struct vmshm_space_node *node)
{
	if (!node)
		return 0;
	if (node->space->depth || node->view.parent || node->view.top ||
	    node->aliases)
		return -EBUSY;
	/* The sink may still have it. */
	if (node->view.backing && node->space->incomplete)
		return -EBUSY;

	if (node->view.kind == VIEW_ALIAS)
		to_node(node->view.target)->aliases--;
	vmshm__space_node_free(node);
	return 0;
}

int vmshm_space_node_place(struct vmshm_space_node *node,
			   struct vmshm_space_node *parent, __u64 address,
			   __s32 priority)
{
	struct vmshm_space *space = node->space;
	struct view_node *to = parent ? &parent->view : &space->root;
	int rc;

	if ((parent && parent->space != space) || to->kind != VIEW_CONTAINER ||
	    !is_aligned(space, address))
		return -EINVAL;
	if (node->view.parent)
		return -EBUSY;
	rc = vmshm__view_reaches(&node->view, to, ++space->stamp);
	if (rc)
		return rc > 0 ? -ELOOP : rc;
	rc = vmshm__space_touch(node);
	if (rc)
		return rc;

	node->view.address = address >> space->page_shift;
	node->view.priority = priority;
	node->view.order = ++space->order;
	vmshm__view_attach(to, &node->view);
	return vmshm__space_changed(space);
}

int vmshm_space_node_unplace(struct vmshm_space_node *node)
{
	int rc;

	if (!node->view.parent)
		return -EINVAL;
	rc = vmshm__space_touch(node);
	if (rc)
		return rc;

	vmshm__view_detach(&node->view);
	return vmshm__space_changed(node->space);
}

int vmshm_space_node_move(struct vmshm_space_node *node, __u64 address)
{
	int rc;

	if (!node->view.parent || !is_aligned(node->space, address))
		return -EINVAL;
	rc = vmshm__space_touch(node);
	if (rc)
		return rc;

	node->view.address = address >> node->space->page_shift;
	return vmshm__space_changed(node->space);
}

int vmshm_space_node_set_priority(struct vmshm_space_node *node, __s32 priority)
{
	struct view_node *parent = node->view.parent;
	int rc;

	if (!parent)
		return -EINVAL;
	rc = vmshm__space_touch(node);
	if (rc)
		return rc;

	vmshm__view_detach(&node->view);
	node->view.priority = priority;
	node->view.order = ++node->space->order;
	vmshm__view_attach(parent, &node->view);
	return vmshm__space_changed(node->space);
}

static __u32 node_flags(const struct vmshm_space_node *node)
{
	__u32 flags = node->view.flags;

	if (node->view.disabled)
		flags |= VMSHM_SPACE_DISABLED;
	return flags;
}

int vmshm_space_node_set_flags(struct vmshm_space_node *node, __u32 mask,
			       __u32 flags)
{
	const struct backing *backing = node_backing(node);
	int rc;

	if (mask & ~SPACE_NODE_FLAGS || flags & ~mask)
		return -EINVAL;
	flags |= node_flags(node) & ~mask;
	if (backing && backing->region && backing->region->is_readonly &&
	    !(flags & VMSHM_SPACE_READONLY))
		return -EACCES;
	rc = vmshm__space_touch(node);
	if (rc)
		return rc;

	node->view.flags = flags & SPACE_SLOT_FLAGS;
	node->view.disabled = flags & VMSHM_SPACE_DISABLED;
	return vmshm__space_changed(node->space);
}

int vmshm_space_node_info(const struct vmshm_space_node *node,
			  struct vmshm_space_node_info *info, size_t info_size)
{
	static const __u32 kinds[] = {
		[VIEW_CONTAINER] = VMSHM_SPACE_CONTAINER,
		[VIEW_BACKED] = VMSHM_SPACE_MEMORY,
		[VIEW_ALIAS] = VMSHM_SPACE_ALIAS,
		[VIEW_HOLE] = VMSHM_SPACE_HOLE,
	};
	const struct vmshm_space *space = node->space;
	const struct view_node *view = &node->view;
	struct vmshm_space_node_info now = {
		.kind = kinds[view->kind],
		.flags = node_flags(node) | node->own,
		.name = node->name,
		.memory = node->memory,
	};

	if (info_size < SPACE_NODE_INFO_SIZE_VER0)
		return -EINVAL;

	if (view->pages == space->root.pages)
		now.length = VMSHM_SPACE_WHOLE;
	else
		now.length = view->pages << space->page_shift;
	if (view->parent) {
		now.is_placed = 1;
		now.priority = view->priority;
		now.address = view->address << space->page_shift;
		if (view->parent != &space->root)
			now.parent = to_node(view->parent);
	}
	if (view->kind == VIEW_ALIAS) {
		now.target = to_node(view->target);
		now.offset = view->target_page << space->page_shift;
	} else if (view->kind == VIEW_BACKED) {
		now.offset = view->backing_page << space->page_shift;
		now.region = node_backing(node)->region;
	}
	memset(info, 0, info_size);
	memcpy(info, &now, info_size < sizeof(now) ? info_size : sizeof(now));
	return 0;
}

struct vmshm_space_node *
vmshm_space_node_next(const struct vmshm_space *space,
		      const struct vmshm_space_node *node)
{
	return node ? node->next : space->nodes;
}

struct vmshm_space_node *
vmshm_space_node_find(const struct vmshm_space *space, const char *name)
{
	struct vmshm_space_node *node;

	for (node = space->nodes; node; node = node->next)
		if (!strcmp(node->name, name))
			return node;
	return NULL;
}
