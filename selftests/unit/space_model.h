/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An address space of the library against one that is looked up page by page:
 * random operations on both, and after each what the library returned and what
 * it did to the slots must be what the other one says. For the model test and
 * the fuzzer; who includes it defines CHECK(cond), which does not return if
 * @cond is false.
 *
 * The library's files are compiled in, with functions for regions that are none.
 */
#ifndef _SPACE_MODEL_H
#define _SPACE_MODEL_H

#include "internal.c"
#include "flatview.c"
#include "space.c"
#include "space_node.c"
#include "space_slots.c"
#include "space_text.c"

/* Pages of the model; one of them is 4 KiB, or a 64th of 2^64 bytes. */
#define M_PAGES		64
#define M_NODES		24
#define M_REGIONS	4
#define M_REGION_PAGES	8
#define M_DEPTH		3
#define M_SLOTS		16
#define M_ROOT		-1

#define NARROW_SHIFT	12
#define WIDE_SHIFT	58

/* struct m_node - a node, the way one would think of it */
struct m_node {
	struct vmshm_space_node *node;
	enum vmshm_space_kind kind;
	__u32 flags;
	int pages;
	int region;	/* memory; -1 for none */
	int offset;	/* memory and alias */
	int target;	/* alias */
	bool placed;
	int parent;
	int address;
	int priority;
	long order;
};

/* struct m_state - what a transaction can undo */
struct m_state {
	struct m_node nodes[M_NODES];
	long order;
};

/* struct m_sink - who takes the slots */
struct m_sink {
	struct vmshm_slot slots[M_PAGES];	/* by first page */
	bool there[M_PAGES];
	bool taken[M_PAGES];
	__u32 number;
	int calls;
	int fail_at;		/* the call that fails, from 1; 0 for none */
	int fail_next;		/* how many calls after that fail, too */
	bool failed;
	bool gave;		/* something was added or switched */
	bool unordered;		/* and then something removed */
	unsigned int shift;
};

struct model {
	struct m_state now;
	struct m_state saved[M_DEPTH];
	int depth;
	struct m_sink sink;
	struct vmshm_space *space;
	struct vmshm_space_node *top;	/* all M_PAGES; NULL: the space is */
	bool complete;
	bool may_switch;
	unsigned int shift;
	struct vmshm_region regions[M_REGIONS];
	long commits;
	long changes;
	long slots;
	long failures;
};

static struct model model;

/* Where operations come from: a number below @below, or 0 if there is no more. */
static unsigned int m_random(unsigned int below);

/* Regions that are none. */

int vmshm_region_stat(const struct vmshm_region *region,
		      struct vmshm_stat *stat, size_t stat_size)
{
	memset(stat, 0, stat_size);
	stat->out_generation = region->generation;
	stat->out_name[0] = (__u8)('a' + (region - model.regions));
	return 0;
}

void vmshm_region_close(struct vmshm_region *region)
{
	CHECK(!region || (region >= model.regions &&
			  region < model.regions + M_REGIONS));
}

int vmshm_region_open(const struct vmshm_context *context, const char *name,
		      const struct vmshm_region_open_options *options,
		      struct vmshm_region **region)
{
	return -ENOENT;
}

int vmshm_region_map(const struct vmshm_region *region, void *hint,
		     size_t length, int prot, int flags, __u64 offset,
		     void **addr)
{
	return -ENOMEM;
}

/* Addresses that no process has, so that unmapping them does nothing. */
static void *m_memory(int region, int offset)
{
	__u64 base = 1ULL << 63;

	if (model.shift == WIDE_SHIFT)
		base = (__u64)region << 62;
	else
		base += (__u64)region << 40;
	return (void *)(uintptr_t)(base + ((__u64)offset << model.shift));
}

static __u64 m_length(int pages)
{
	if (model.shift == WIDE_SHIFT && pages == M_PAGES)
		return VMSHM_SPACE_WHOLE;
	return (__u64)pages << model.shift;
}

/* The sink */

static int m_fails(struct m_sink *sink)
{
	sink->calls++;
	if (!sink->fail_at || sink->calls < sink->fail_at ||
	    sink->calls > sink->fail_at + sink->fail_next)
		return 0;
	sink->failed = true;
	return -EIO;
}

static int m_first(const struct m_sink *sink, const struct vmshm_slot *slot)
{
	int first = (int)(slot->address >> sink->shift);
	int pages = (int)(slot->length >> sink->shift);

	CHECK((__u64)first << sink->shift == slot->address);
	CHECK((__u64)pages << sink->shift == slot->length);
	CHECK(pages > 0 && first + pages <= M_PAGES);
	return first;
}

static void m_take(struct m_sink *sink, const struct vmshm_slot *slot, bool on)
{
	int first = m_first(sink, slot), i;

	for (i = 0; i < (int)(slot->length >> sink->shift); i++) {
		CHECK(sink->taken[first + i] != on);
		sink->taken[first + i] = on;
	}
}

static int m_add(void *data, struct vmshm_slot *slot)
{
	struct m_sink *sink = data;
	int first = m_first(sink, slot);

	if (m_fails(sink))
		return -EIO;
	m_take(sink, slot, true);
	slot->number = ++sink->number;
	sink->slots[first] = *slot;
	sink->there[first] = true;
	sink->gave = true;
	return 0;
}

static bool m_same(const struct vmshm_slot *a, const struct vmshm_slot *b)
{
	return a->address == b->address && a->length == b->length &&
	       a->memory == b->memory && a->region == b->region &&
	       a->offset == b->offset && a->flags == b->flags;
}

static void m_known(struct m_sink *sink, const struct vmshm_slot *slot)
{
	int first = m_first(sink, slot);

	CHECK(sink->there[first]);
	CHECK(m_same(&sink->slots[first], slot));
	CHECK(sink->slots[first].number == slot->number);
}

static int m_remove(void *data, struct vmshm_slot *slot)
{
	struct m_sink *sink = data;

	m_known(sink, slot);
	if (sink->gave && !sink->failed)
		sink->unordered = true;
	if (m_fails(sink))
		return -EIO;
	m_take(sink, slot, false);
	sink->there[m_first(sink, slot)] = false;
	return 0;
}

static int m_set_flags(void *data, struct vmshm_slot *slot, __u32 flags)
{
	struct m_sink *sink = data;

	m_known(sink, slot);
	CHECK((slot->flags ^ flags) == VMSHM_SPACE_LOG);
	if (m_fails(sink))
		return -EIO;
	sink->slots[m_first(sink, slot)].flags = flags;
	sink->gave = true;
	return 0;
}

/* Which slots there should be, page by page */

/* struct m_seen - what is seen at a page; no backing if there is nothing */
struct m_seen {
	int backing;
	int page;
	__u32 flags;
};

/* Nodes from the topmost down. */
static void m_sort(int sorted[M_NODES])
{
	int i, j;

	for (i = 0; i < M_NODES; i++) {
		const struct m_node *node = &model.now.nodes[i];

		for (j = i; j > 0; j--) {
			const struct m_node *other =
				&model.now.nodes[sorted[j - 1]];

			if (other->priority > node->priority ||
			    (other->priority == node->priority &&
			     other->order > node->order))
				break;
			sorted[j] = sorted[j - 1];
		}
		sorted[j] = i;
	}
}

static bool m_look(const int sorted[M_NODES], int at, int page, __u32 flags,
		   struct m_seen *seen);

static bool m_look_in(const int sorted[M_NODES], int parent, int page,
		      __u32 flags, struct m_seen *seen)
{
	int i;

	for (i = 0; i < M_NODES; i++) {
		const struct m_node *node = &model.now.nodes[sorted[i]];

		if (node->node && node->placed && node->parent == parent &&
		    m_look(sorted, sorted[i], page - node->address, flags,
			   seen))
			return true;
	}
	return false;
}

static bool m_look(const int sorted[M_NODES], int at, int page, __u32 flags,
		   struct m_seen *seen)
{
	const struct m_node *node = &model.now.nodes[at];

	if (node->flags & VMSHM_SPACE_DISABLED || page < 0 ||
	    page >= node->pages)
		return false;
	flags |= node->flags;
	switch (node->kind) {
	case VMSHM_SPACE_CONTAINER:
		return m_look_in(sorted, at, page, flags, seen);
	case VMSHM_SPACE_ALIAS:
		return m_look(sorted, node->target, page + node->offset, flags,
			      seen);
	case VMSHM_SPACE_MEMORY:
		seen->backing = node->region >= 0 ? node->region + 1 : 100 + at;
		seen->page = node->offset + page;
		seen->flags = flags;
		return true;
	case VMSHM_SPACE_HOLE:
		return true;
	}
	return false;
}

static void m_slot_of(struct vmshm_slot *slot, int first,
		      const struct m_seen *seen)
{
	int region = seen->backing < 100 ? seen->backing - 1 : -1;

	slot->address = (__u64)first << model.shift;
	slot->length = 1ULL << model.shift;
	slot->memory = m_memory(region >= 0 ? region : 0, seen->page);
	slot->region = region >= 0 ? &model.regions[region] : NULL;
	slot->offset = region >= 0 ? (__u64)seen->page << model.shift : 0;
	slot->flags = seen->flags;
}

/* Fills in the slots there should be, by first page; returns how many. */
static int m_expect(struct vmshm_slot want[M_PAGES], bool there[M_PAGES])
{
	struct m_seen last = { 0 };
	int sorted[M_NODES];
	int page, first = 0, count = 0;

	m_sort(sorted);
	memset(there, 0, M_PAGES * sizeof(*there));
	for (page = 0; page < M_PAGES; page++) {
		struct m_seen seen = { 0 };

		m_look_in(sorted, M_ROOT, page, 0, &seen);
		if (!seen.backing) {
			last = seen;
			continue;
		}
		if (last.backing == seen.backing &&
		    last.page + 1 == seen.page && last.flags == seen.flags) {
			want[first].length += 1ULL << model.shift;
		} else {
			first = page;
			there[page] = true;
			m_slot_of(&want[page], page, &seen);
			count++;
		}
		last = seen;
	}
	return count;
}

/* What one has to do, at least, to get from one set of slots to another. */
static int m_steps(const struct m_sink *old, const struct vmshm_slot *want,
		   const bool *there)
{
	int page, steps = 0;

	for (page = 0; page < M_PAGES; page++) {
		struct vmshm_slot slot;

		if (!old->there[page] || !there[page]) {
			steps += old->there[page] + there[page];
			continue;
		}
		slot = want[page];
		if (m_same(&old->slots[page], &slot))
			continue;
		slot.flags ^= VMSHM_SPACE_LOG;
		if (model.may_switch && m_same(&old->slots[page], &slot))
			steps += 1;
		else
			steps += 2;
	}
	return steps;
}

static void m_same_slots(const struct vmshm_slot *a, const bool *a_there,
			 const struct vmshm_slot *b, const bool *b_there)
{
	int page;

	for (page = 0; page < M_PAGES; page++) {
		CHECK(a_there[page] == b_there[page]);
		if (a_there[page])
			CHECK(m_same(&a[page], &b[page]));
	}
}

/* What the address space says of the slots is what the sink has. */
static void m_check_slots(void)
{
	const struct m_sink *sink = &model.sink;
	const struct vmshm_slot *slot;
	size_t count = 0;
	__u64 address;
	int page;

	for (page = 0; page < M_PAGES; page++) {
		if (!sink->there[page])
			continue;
		slot = vmshm_space_slot(model.space, count++);
		CHECK(slot && m_same(slot, &sink->slots[page]));
	}
	CHECK(!vmshm_space_slot(model.space, count));
	CHECK(vmshm_space_is_complete(model.space) == model.complete);

	page = (int)m_random(M_PAGES);
	address = ((__u64)page << model.shift) + m_random(2) *
		  ((1ULL << model.shift) - 1);
	slot = vmshm_space_lookup(model.space, address);
	CHECK(!!slot == sink->taken[page]);
	if (slot)
		CHECK(address - slot->address < slot->length);
}

/* The sink was shown a transaction, @rc came out; @old is how it was before. */
static void m_committed(int rc, const struct m_sink *old,
			const struct m_state *before)
{
	struct m_sink *sink = &model.sink;
	struct vmshm_slot want[M_PAGES];
	bool there[M_PAGES];
	int count = m_expect(want, there), page;

	model.commits++;
	model.slots += count;
	if (count > M_SLOTS) {
		CHECK(rc == -ENOSPC);
		CHECK(sink->calls == 0);
	} else if (sink->failed) {
		CHECK(rc == -EIO);
		model.failures++;
	} else {
		CHECK(rc == 0);
	}
	if (!rc) {
		m_same_slots(sink->slots, sink->there, want, there);
		CHECK(sink->calls == m_steps(old, want, there));
		CHECK(!sink->unordered);
		model.changes += sink->calls;
		model.complete = true;
	} else {
		model.now = *before;
		for (page = 0; page < M_PAGES; page++)
			if (sink->there[page] != old->there[page] ||
			    (sink->there[page] &&
			     !m_same(&sink->slots[page], &old->slots[page])))
				model.complete = false;
		/* One failure alone can be undone. */
		if (!sink->fail_next)
			m_same_slots(sink->slots, sink->there, old->slots,
				     old->there);
	}
	sink->fail_at = 0;
	m_check_slots();
}

/* Operations */

static bool m_reaches(int from, int to)
{
	int i;

	if (from == to)
		return true;
	if (model.now.nodes[from].kind == VMSHM_SPACE_ALIAS)
		return m_reaches(model.now.nodes[from].target, to);
	for (i = 0; i < M_NODES; i++)
		if (model.now.nodes[i].node && model.now.nodes[i].placed &&
		    model.now.nodes[i].parent == from && m_reaches(i, to))
			return true;
	return false;
}

static bool m_is_referred_to(int at)
{
	int i;

	for (i = 0; i < M_NODES; i++) {
		const struct m_node *node = &model.now.nodes[i];

		if (node->node &&
		    ((node->placed && node->parent == at) ||
		     (node->kind == VMSHM_SPACE_ALIAS && node->target == at)))
			return true;
	}
	return false;
}

static int m_add_memory(const char *name, struct m_node *node)
{
	struct vmshm_space_memory memory = { .size = sizeof(memory) };

	node->region = (int)m_random(M_REGIONS + 1) - 1;
	node->pages = 1 + (int)m_random(M_REGION_PAGES);
	if (node->region >= 0) {
		node->offset = (int)m_random(M_REGION_PAGES + 1 -
					     (unsigned int)node->pages);
		memory.region = &model.regions[node->region];
	}
	/* The last region cannot be written. */
	if (node->region == M_REGIONS - 1)
		node->flags = VMSHM_SPACE_READONLY;
	memory.memory = m_memory(node->region >= 0 ? node->region : 0,
				 node->offset);
	memory.offset = (__u64)node->offset << model.shift;
	memory.length = m_length(node->pages);
	memory.flags = node->flags;
	return vmshm_space_add_memory(model.space, name, &memory, &node->node);
}

static int m_add_alias(const char *name, struct m_node *node)
{
	node->target = (int)m_random(M_NODES);
	node->offset = (int)m_random(M_PAGES);
	if (!model.now.nodes[node->target].node)
		return -EINVAL;
	return vmshm_space_add_alias(model.space, name,
				     model.now.nodes[node->target].node,
				     (__u64)node->offset << model.shift,
				     m_length(node->pages), &node->node);
}

static void m_new_node(void)
{
	static const enum vmshm_space_kind kinds[] = {
		VMSHM_SPACE_MEMORY, VMSHM_SPACE_CONTAINER, VMSHM_SPACE_ALIAS,
		VMSHM_SPACE_HOLE, VMSHM_SPACE_MEMORY, VMSHM_SPACE_ALIAS,
		VMSHM_SPACE_MEMORY,
	};
	struct m_node new = {
		.kind = kinds[m_random(ARRAY_SIZE(kinds))],
		.pages = 1 + (int)m_random(M_PAGES),
	};
	char name[8];
	int at, rc = 0;

	for (at = 0; at < M_NODES && model.now.nodes[at].node; at++)
		;
	if (at == M_NODES)
		return;
	snprintf(name, sizeof(name), "n%d", at);
	switch (new.kind) {
	case VMSHM_SPACE_CONTAINER:
		rc = vmshm_space_add_container(model.space, name,
					       m_length(new.pages), &new.node);
		break;
	case VMSHM_SPACE_MEMORY:
		rc = m_add_memory(name, &new);
		break;
	case VMSHM_SPACE_ALIAS:
		rc = m_add_alias(name, &new);
		if (rc == -EINVAL)
			return;
		break;
	case VMSHM_SPACE_HOLE:
		new.pages = 1 + new.pages / 8;
		rc = vmshm_space_add_hole(model.space, name,
					  m_length(new.pages), &new.node);
		break;
	}
	CHECK(rc == 0);
	/* It stays, also if the transaction is aborted. */
	model.now.nodes[at] = new;
	for (rc = 0; rc < model.depth; rc++)
		model.saved[rc].nodes[at] = new;
}

static void m_destroy(int at)
{
	struct m_node *node = &model.now.nodes[at];
	bool busy = model.depth || node->placed || m_is_referred_to(at) ||
		    (node->kind == VMSHM_SPACE_MEMORY && !model.complete);

	CHECK(vmshm_space_node_destroy(node->node) == (busy ? -EBUSY : 0));
	if (!busy)
		memset(node, 0, sizeof(*node));
}

/* Changes a node in the model; returns what the library is to return. */
static int m_place(struct m_node *node, int at, int *rc)
{
	int parent = (int)m_random(2 * M_NODES) - M_NODES, want = 0;
	int address = (int)m_random(M_PAGES), priority = (int)m_random(4) - 1;

	if (parent < 0)
		parent = M_ROOT;
	if (parent != M_ROOT && !model.now.nodes[parent].node) {
		/* There is nothing to place it in. */
		*rc = -EINVAL;
		return *rc;
	}
	if (parent != M_ROOT &&
	    model.now.nodes[parent].kind != VMSHM_SPACE_CONTAINER)
		want = -EINVAL;
	else if (node->placed)
		want = -EBUSY;
	else if (parent != M_ROOT && m_reaches(at, parent))
		want = -ELOOP;
	*rc = vmshm_space_node_place(node->node, parent == M_ROOT ? model.top :
				     model.now.nodes[parent].node,
				     (__u64)address << model.shift, priority);
	if (!want) {
		node->placed = true;
		node->parent = parent;
		node->address = address;
		node->priority = priority;
		node->order = ++model.now.order;
	}
	return want;
}

static int m_move(struct m_node *node, int *rc)
{
	int address = (int)m_random(M_PAGES);

	*rc = vmshm_space_node_move(node->node, (__u64)address << model.shift);
	if (!node->placed)
		return -EINVAL;
	node->address = address;
	return 0;
}

static int m_set_priority(struct m_node *node, int *rc)
{
	int priority = (int)m_random(4) - 1;

	*rc = vmshm_space_node_set_priority(node->node, priority);
	if (!node->placed)
		return -EINVAL;
	node->priority = priority;
	node->order = ++model.now.order;
	return 0;
}

static int m_flags(struct m_node *node, int *rc)
{
	__u32 mask = m_random(8), flags = m_random(8) & mask, then;

	/* What is hidden teaches nothing. */
	if (m_random(4))
		flags &= ~(__u32)VMSHM_SPACE_DISABLED;
	then = (node->flags & ~mask) | flags;

	*rc = vmshm_space_node_set_flags(node->node, mask, flags);
	if (node->kind == VMSHM_SPACE_MEMORY && node->region == M_REGIONS - 1 &&
	    !(then & VMSHM_SPACE_READONLY))
		return -EACCES;
	node->flags = then;
	return 0;
}

static void m_change(int at, unsigned int op)
{
	struct m_node *node = &model.now.nodes[at];
	struct m_sink old = model.sink;
	struct m_state before = model.now;
	int want = 0, rc = 0;

	switch (op) {
	case 0:
	case 1:
		want = m_place(node, at, &rc);
		break;
	case 2:
		rc = vmshm_space_node_unplace(node->node);
		want = node->placed ? 0 : -EINVAL;
		node->placed = false;
		break;
	case 3:
		want = m_move(node, &rc);
		break;
	case 4:
		want = m_set_priority(node, &rc);
		break;
	case 5:
		want = m_flags(node, &rc);
		break;
	}
	if (want || model.depth)
		CHECK(rc == want);
	else
		m_committed(rc, &old, &before);
}

static void m_transaction(unsigned int op)
{
	struct m_sink old = model.sink;
	int rc;

	switch (op) {
	case 0:
		if (model.depth == M_DEPTH)
			return;
		CHECK(!vmshm_space_begin(model.space));
		model.saved[model.depth++] = model.now;
		break;
	case 1:
		rc = vmshm_space_commit(model.space);
		if (!model.depth)
			CHECK(rc == -EINVAL);
		else if (--model.depth)
			CHECK(rc == 0);
		else
			m_committed(rc, &old, &model.saved[0]);
		break;
	case 2:
		rc = vmshm_space_abort(model.space);
		CHECK(rc == (model.depth ? 0 : -EINVAL));
		if (model.depth)
			model.now = model.saved[--model.depth];
		break;
	}
}

/* What is saved is the same when it is restored. */

static int m_find(void *finder, const struct vmshm_space_saved *saved,
		  struct vmshm_region **region, void **memory)
{
	int number = 0;

	CHECK(finder == &model);
	*region = NULL;
	if (saved->region) {
		number = saved->region[0] - 'a';
		CHECK(number >= 0 && number < M_REGIONS);
		*region = &model.regions[number];
		CHECK(saved->generation == (*region)->generation);
	}
	*memory = m_memory(number, (int)(saved->offset >> model.shift));
	return 0;
}

static void m_restore(void)
{
	static struct m_sink sink;
	const struct vmshm_slot_ops ops = {
		.size = sizeof(ops),
		.add = m_add,
		.remove = m_remove,
	};
	struct vmshm_space_options options = {
		.size = sizeof(options),
		.ops = &ops,
		.sink = &sink,
	};
	struct vmshm_space *space;
	char *text = NULL, *again = NULL;
	int rc, page;

	rc = vmshm_space_save(model.space, &text);
	CHECK(rc == (model.depth ? -EBUSY : 0));
	if (rc)
		return;
	memset(&sink, 0, sizeof(sink));
	sink.shift = model.shift;
	CHECK(!vmshm_space_open(&options, &space));
	CHECK(!vmshm_space_restore(space, text, m_find, &model));
	if (model.complete)
		m_same_slots(sink.slots, sink.there, model.sink.slots,
			     model.sink.there);
	CHECK(!vmshm_space_save(space, &again));
	CHECK(!strcmp(text, again));
	vmshm_space_close(space);
	for (page = 0; page < M_PAGES; page++)
		CHECK(!sink.taken[page]);
	free(text);
	free(again);
}

static void m_begin(bool wide, bool may_switch)
{
	const struct vmshm_slot_ops ops = {
		.size = sizeof(ops),
		.add = m_add,
		.remove = m_remove,
		.set_flags = may_switch ? m_set_flags : NULL,
	};
	struct vmshm_space_options options = {
		.size = sizeof(options),
		.ops = &ops,
		.sink = &model.sink,
		.max_slots = M_SLOTS,
	};
	int i;

	memset(&model, 0, sizeof(model));
	model.shift = wide ? WIDE_SHIFT : NARROW_SHIFT;
	model.sink.shift = model.shift;
	model.may_switch = may_switch;
	model.complete = true;
	for (i = 0; i < M_REGIONS; i++) {
		model.regions[i].fd = -1;
		model.regions[i].generation = (__u64)i + 1;
	}
	model.regions[M_REGIONS - 1].is_readonly = true;
	CHECK(!vmshm_space_open(&options, &model.space));
	if (wide)
		return;
	CHECK(!vmshm_space_add_container(model.space, "top", m_length(M_PAGES),
					 &model.top));
	CHECK(!vmshm_space_node_place(model.top, NULL, 0, 0));
}

static void m_end(void)
{
	int page;

	model.sink.fail_at = 0;
	vmshm_space_close(model.space);
	for (page = 0; page < M_PAGES; page++)
		CHECK(!model.sink.taken[page]);
}

/* One operation. */
static void m_step(void)
{
	unsigned int op = m_random(64);
	int at = (int)m_random(M_NODES);

	model.sink.calls = 0;
	model.sink.failed = false;
	model.sink.gave = false;
	model.sink.unordered = false;
	if (op < 6) {
		m_new_node();
	} else if (op < 11) {
		/* Ended more often than begun. */
		m_transaction(op < 9 ? 1 : op - 9 ? 2 : 0);
	} else if (op < 16) {
		model.sink.fail_at = 1 + (int)m_random(4);
		model.sink.fail_next = m_random(2) ? (int)m_random(4) : 0;
	} else if (op == 16) {
		m_restore();
	} else {
		/* One of those there are, if there is any. */
		while (at && !model.now.nodes[at].node)
			at--;
		if (!model.now.nodes[at].node)
			return;
		if (op == 17 || op == 11)
			m_destroy(at);
		else
			m_change(at, op % 6);
	}
}

#endif /* _SPACE_MODEL_H */
