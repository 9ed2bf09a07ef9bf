// SPDX-License-Identifier: GPL-2.0
/* The flat view of an address space. Pure logic, see flatview.h. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "flatview.h"

/**
 * struct window - the part of the view that a node is looked at through
 * @first: first page
 * @end: last page + 1
 */
struct window {
	__s64 first;
	__s64 end;
};

static bool is_above(const struct view_node *a, const struct view_node *b)
{
	if (a->priority != b->priority)
		return a->priority > b->priority;
	return a->order > b->order;
}

void vmshm__view_attach(struct view_node *parent, struct view_node *node)
{
	struct view_node **link = &parent->top;

	while (*link && is_above(*link, node))
		link = &(*link)->below;
	node->below = *link;
	node->parent = parent;
	*link = node;
}

void vmshm__view_detach(struct view_node *node)
{
	struct view_node **link = &node->parent->top;

	while (*link != node)
		link = &(*link)->below;
	*link = node->below;
	node->below = NULL;
	node->parent = NULL;
}

static int reaches(struct view_node *from, const struct view_node *to,
		   __u64 stamp, unsigned int depth)
{
	struct view_node *child;
	int rc;

	if (from == to)
		return 1;
	if (depth == VIEW_DEPTH)
		return -E2BIG;
	/* Several aliases may lead to the same node. */
	if (from->stamp == stamp)
		return 0;
	from->stamp = stamp;

	if (from->kind == VIEW_ALIAS)
		return reaches(from->target, to, stamp, depth + 1);
	for (child = from->top; child; child = child->below) {
		rc = reaches(child, to, stamp, depth + 1);
		if (rc)
			return rc;
	}
	return 0;
}

int vmshm__view_reaches(struct view_node *from, const struct view_node *to,
			__u64 stamp)
{
	return reaches(from, to, stamp, 0);
}

/* The first range that ends behind a page. */
static size_t find(const struct view *view, __u64 page)
{
	size_t low = 0, high = view->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct view_range *r = &view->ranges[middle];

		if (r->first + r->pages <= page)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int insert(struct view *view, size_t at, const struct view_range *range)
{
	struct view_range *ranges = view->ranges;

	if (view->count == view->room) {
		size_t room = view->room ? 2 * view->room : 16;

		ranges = reallocarray(ranges, room, sizeof(*ranges));
		if (!ranges)
			return -ENOMEM;
		view->ranges = ranges;
		view->room = room;
	}

	memmove(&ranges[at + 1], &ranges[at],
		(view->count - at) * sizeof(*ranges));
	ranges[at] = *range;
	view->count++;
	return 0;
}

/* What is in the view already hides what comes later. */
static int show(struct view *view, const struct view_range *range)
{
	__u64 page = range->first, end = range->first + range->pages;
	size_t i = find(view, page);
	int rc;

	while (page < end) {
		__u64 until = end;

		if (i < view->count && view->ranges[i].first < end)
			until = view->ranges[i].first;
		if (page < until) {
			struct view_range piece = *range;

			piece.first = page;
			piece.pages = until - page;
			piece.backing_page += page - range->first;
			rc = insert(view, i++, &piece);
			if (rc)
				return rc;
		}
		if (until == end)
			break;
		page = view->ranges[i].first + view->ranges[i].pages;
		i++;
	}
	return 0;
}

/* @base: page of the view where the node begins, which may be before page 0. */
static int render(struct view *view, const struct view_node *node, __s64 base,
		  struct window window, __u32 flags, unsigned int depth,
		  unsigned int *visits)
{
	const struct view_node *child;
	struct view_range range;
	int rc;

	if (depth == VIEW_DEPTH || !*visits)
		return -E2BIG;
	--*visits;

	if (window.first < base)
		window.first = base;
	if (window.end > base + (__s64)node->pages)
		window.end = base + (__s64)node->pages;
	if (node->disabled || window.first >= window.end)
		return 0;
	flags |= node->flags;

	switch (node->kind) {
	case VIEW_CONTAINER:
		for (child = node->top; child; child = child->below) {
			rc = render(view, child, base + (__s64)child->address,
				    window, flags, depth + 1, visits);
			if (rc)
				return rc;
		}
		return 0;
	case VIEW_ALIAS:
		return render(view, node->target,
			      base - (__s64)node->target_page, window, flags,
			      depth + 1, visits);
	case VIEW_BACKED:
	case VIEW_HOLE:
		break;
	}

	range.first = (__u64)window.first;
	range.pages = (__u64)(window.end - window.first);
	range.backing = node->backing;
	range.backing_page = node->backing_page +
			     (__u64)(window.first - base);
	range.flags = flags;
	return show(view, &range);
}

static bool continues(const struct view_range *a, const struct view_range *b)
{
	return a->first + a->pages == b->first && a->backing == b->backing &&
	       a->backing_page + a->pages == b->backing_page &&
	       a->flags == b->flags;
}

/* Takes the holes out, and puts together what was seen piece by piece. */
static void simplify(struct view *view)
{
	size_t from, to = 0;

	for (from = 0; from < view->count; from++) {
		struct view_range *range = &view->ranges[from];

		if (!range->backing)
			continue;
		if (to && continues(&view->ranges[to - 1], range))
			view->ranges[to - 1].pages += range->pages;
		else
			view->ranges[to++] = *range;
	}
	view->count = to;
}

int vmshm__view_render(const struct view_node *root, struct view *view)
{
	const struct window all = { 0, (__s64)root->pages };
	unsigned int visits = VIEW_VISITS;
	int rc;

	view->count = 0;
	rc = render(view, root, 0, all, 0, 0, &visits);
	if (rc)
		return rc;

	simplify(view);
	return 0;
}

void vmshm__view_free(struct view *view)
{
	free(view->ranges);
	memset(view, 0, sizeof(*view));
}
