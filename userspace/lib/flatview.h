/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The flat view of an address space: what is visible where in a tree of memory.
 * Pure logic: no system call, no lock, no state but the arguments.
 *
 * All numbers are pages, so that the whole of 2^64 bytes is a number like any
 * other: with pages of 4 KiB there are 2^52, and sums of a few of them are far
 * from where 64 bits end.
 */
#ifndef VMSHM_LIB_FLATVIEW_H
#define VMSHM_LIB_FLATVIEW_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/types.h>

/* Containers and aliases within each other, at most: bounds the recursion. */
#define VIEW_DEPTH	64
/* Nodes visited for one view, at most: aliases of aliases can multiply. */
#define VIEW_VISITS	(1U << 20)

/**
 * enum view_kind - what a node is
 * @VIEW_CONTAINER: shows its children, and what is below where it has none
 * @VIEW_BACKED: memory
 * @VIEW_ALIAS: shows a part of another node
 * @VIEW_HOLE: hides what is below, and is nothing itself
 */
enum view_kind {
	VIEW_CONTAINER,
	VIEW_BACKED,
	VIEW_ALIAS,
	VIEW_HOLE,
};

/**
 * struct view_node - a node of the tree
 * @kind: what it is
 * @disabled: as if it was not there
 * @flags: of all that is seen through it
 * @priority: the higher one of two siblings hides the other
 * @order: when it was placed; among equal priorities, the later one hides
 * @pages: how many
 * @address: its first page in @parent
 * @parent: the container it is placed in, or NULL
 * @top: of a container, the topmost child
 * @below: the next sibling further down
 * @target: of an alias, what it shows
 * @target_page: of an alias, the first page of @target that it shows
 * @backing: of memory, what it is; never NULL
 * @backing_page: of memory, its first page in @backing
 * @stamp: of the last walk that came here
 */
struct view_node {
	enum view_kind kind;
	bool disabled;
	__u32 flags;
	__s32 priority;
	__u64 order;
	__u64 pages;
	__u64 address;
	struct view_node *parent;
	struct view_node *top;
	struct view_node *below;
	struct view_node *target;
	__u64 target_page;
	const void *backing;
	__u64 backing_page;
	__u64 stamp;
};

/**
 * struct view_range - pages of the view in a row
 * @first: the first page
 * @pages: how many
 * @backing: the memory that is seen there
 * @backing_page: the first page of @backing that is seen
 * @flags: those of all nodes it is seen through
 */
struct view_range {
	__u64 first;
	__u64 pages;
	const void *backing;
	__u64 backing_page;
	__u32 flags;
};

/**
 * struct view - what is visible, lowest page first; zero it to begin with
 * @ranges: not overlapping, as few as there can be
 * @count: how many
 * @room: for how many there is memory
 */
struct view {
	struct view_range *ranges;
	size_t count;
	size_t room;
};

/**
 * vmshm__view_attach() - place a node in a container
 * @parent: the container
 * @node: a node that is not placed; its address, priority and order are set
 */
void vmshm__view_attach(struct view_node *parent, struct view_node *node);

/**
 * vmshm__view_detach() - undo vmshm__view_attach()
 * @node: a node that is placed
 */
void vmshm__view_detach(struct view_node *node);

/**
 * vmshm__view_reaches() - can one node be seen through another?
 * @from: where to look
 * @to: what to look for
 * @stamp: a number that no earlier call has used, and not 0
 *
 * Return: 1 if it can, or if they are the same; 0 if not; -E2BIG: it goes too
 * deep to tell.
 */
int vmshm__view_reaches(struct view_node *from, const struct view_node *to,
			__u64 stamp);

/**
 * vmshm__view_render() - what is visible of a tree
 * @root: the tree, which begins at page 0; there is no cycle in it
 * @view: where it is stored; what was there is replaced
 *
 * Return: 0; -ENOMEM; -E2BIG: too deep, or too many nodes to visit. On failure
 * @view is not a view, but can be used for another call.
 */
int vmshm__view_render(const struct view_node *root, struct view *view);

/**
 * vmshm__view_free() - free a view
 * @view: a view; it is zero afterwards
 */
void vmshm__view_free(struct view *view);

#endif /* VMSHM_LIB_FLATVIEW_H */
