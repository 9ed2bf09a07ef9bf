// SPDX-License-Identifier: GPL-2.0
/* Address spaces: what the sink is told, and what comes back as it was. */

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vmshm/space.h>

#include "mock.h"

#define PAGE		4096ULL
/* Where mock memory seems to be: nobody touches it. */
#define MEMORY_A	0x100000000000ULL
#define MEMORY_B	0x200000000000ULL

/* What the sink was told, and when it is to fail. */
static char told[4096];
static int calls, fail_first, fail_last;

static struct vmshm_space *space;
static struct vmshm_region *region_a, *region_b;
static struct vmshm_space_node *a, *b;

static int tell(char what, const struct vmshm_slot *slot)
{
	size_t len = strlen(told);

	calls++;
	if (calls >= fail_first && calls <= fail_last) {
		snprintf(told + len, sizeof(told) - len, "! ");
		return -EIO;
	}
	snprintf(told + len, sizeof(told) - len, "%c%llx+%llx=%c%llx%s%s ",
		 what, slot->address / PAGE, slot->length / PAGE,
		 slot->region == region_a ? 'A' :
		 slot->region == region_b ? 'B' : '?',
		 slot->offset / PAGE,
		 slot->flags & VMSHM_SPACE_READONLY ? "r" : "",
		 slot->flags & VMSHM_SPACE_LOG ? "l" : "");
	return 0;
}

static int sink_add(void *sink, struct vmshm_slot *slot)
{
	assert_ptr_equal(sink, told);
	assert_int_equal(slot->number, 0);
	slot->number = 77;
	return tell('+', slot);
}

static int sink_remove(void *sink, struct vmshm_slot *slot)
{
	(void)sink;
	assert_int_equal(slot->number, 77);
	return tell('-', slot);
}

static int sink_set_flags(void *sink, struct vmshm_slot *slot, __u32 flags)
{
	struct vmshm_slot then = *slot;

	(void)sink;
	assert_int_equal(slot->number, 77);
	then.flags = flags;
	return tell('~', &then);
}

#define assert_told(text) do { \
	assert_string_equal(told, text); \
	told[0] = 0; \
	calls = 0; \
} while (0)

static struct vmshm_space *open_space(__u64 max_slots)
{
	const struct vmshm_slot_ops ops = {
		.size = sizeof(ops),
		.add = sink_add,
		.remove = sink_remove,
		.set_flags = sink_set_flags,
	};
	const struct vmshm_space_options options = {
		.size = sizeof(options),
		.ops = &ops,
		.sink = told,
		.max_slots = max_slots,
	};
	struct vmshm_space *new;

	assert_int_equal(vmshm_space_open(&options, &new), 0);
	return new;
}

static struct vmshm_space_node *add_part(const char *name,
					 struct vmshm_region *region,
					 __u64 memory, __u64 page, __u64 pages)
{
	const struct vmshm_space_memory part = {
		.size = sizeof(part),
		.region = region,
		.memory = (void *)(uintptr_t)(memory + page * PAGE),
		.offset = page * PAGE,
		.length = pages * PAGE,
	};
	struct vmshm_space_node *node;

	assert_int_equal(vmshm_space_add_memory(space, name, &part, &node), 0);
	return node;
}

/* Region A of 16 pages at page 0; B of 4 is not placed. */
static int setup(void **state)
{
	mock_setup(state);
	region_a = mock_region(1);
	region_b = mock_region(2);
	fail_last = 0;
	space = open_space(0);
	told[0] = 0;
	a = add_part("a", region_a, MEMORY_A, 0, 16);
	b = add_part("b", region_b, MEMORY_B, 0, 4);
	assert_int_equal(vmshm_space_node_place(a, NULL, 0, 0), 0);
	assert_told("+0+10=A0 ");
	return 0;
}

static int teardown(void **state)
{
	fail_last = 0;
	vmshm_space_close(space);
	vmshm_space_close(NULL);
	vmshm_region_close(region_a);
	vmshm_region_close(region_b);
	return mock_teardown(state);
}

static void status_quo_ante(void **state)
{
	(void)state;
	assert_int_equal(vmshm_space_node_place(b, NULL, 4 * PAGE, 1), 0);
	assert_told("-0+10=A0 +0+4=A0 +4+4=B0 +8+8=A8 ");
	assert_int_equal(vmshm_space_node_unplace(b), 0);
	assert_told("-0+4=A0 -4+4=B0 -8+8=A8 +0+10=A0 ");

	/* Below, and so not to be seen. */
	assert_int_equal(vmshm_space_node_place(b, NULL, 4 * PAGE, -1), 0);
	assert_told("");
	/* What sticks out is. */
	assert_int_equal(vmshm_space_node_move(b, 14 * PAGE), 0);
	assert_told("+10+2=B2 ");
	assert_int_equal(vmshm_space_node_set_priority(b, 0), 0);
	assert_told("-0+10=A0 -10+2=B2 +0+e=A0 +e+4=B0 ");
	assert_int_equal(vmshm_space_node_set_flags(b, VMSHM_SPACE_DISABLED,
						    VMSHM_SPACE_DISABLED), 0);
	assert_told("-0+e=A0 -e+4=B0 +0+10=A0 ");
}

/* Slots that stay are left alone, parts in a row are one. */
static void as_few_as_can_be(void **state)
{
	struct vmshm_space_node *parts[2], *other;
	struct vmshm_space_stat stat;

	(void)state;
	parts[0] = add_part("0", region_b, MEMORY_B, 4, 4);
	parts[1] = add_part("1", region_b, MEMORY_B, 8, 4);
	other = add_part("2", region_b, MEMORY_B + PAGE, 12, 4);
	assert_int_equal(vmshm_space_node_place(parts[0], NULL, 32 * PAGE, 0),
			 0);
	assert_told("+20+4=B4 ");
	/* Another mapping of the same is another slot. */
	assert_int_equal(vmshm_space_node_place(other, NULL, 40 * PAGE, 0), 0);
	assert_told("+28+4=Bc ");
	assert_int_equal(vmshm_space_node_place(parts[1], NULL, 36 * PAGE, 0),
			 0);
	assert_told("-20+4=B4 +20+8=B4 ");

	/* Three changes, one of which undoes another. */
	assert_int_equal(vmshm_space_begin(space), 0);
	assert_int_equal(vmshm_space_node_move(a, 100 * PAGE), 0);
	assert_int_equal(vmshm_space_node_unplace(parts[1]), 0);
	assert_int_equal(vmshm_space_node_move(a, 0), 0);
	assert_told("");
	assert_int_equal(vmshm_space_commit(space), 0);
	assert_told("-20+8=B4 +20+4=B4 ");

	assert_int_equal(vmshm_space_stat(space, &stat, sizeof(stat)), 0);
	assert_int_equal(stat.slots, 3);
	assert_int_equal(stat.added, 5);
	assert_int_equal(stat.removed, 2);
	assert_int_equal(stat.switched, 0);
	assert_int_equal(vmshm_space_stat(space, &stat, sizeof(stat) - 1),
			 -EINVAL);
}

/* A node that takes the place of another with the same memory. */
static void who_shows_it(void **state)
{
	struct vmshm_space_node *again;

	(void)state;
	again = add_part("again", region_a, MEMORY_A, 0, 16);
	assert_int_equal(vmshm_space_begin(space), 0);
	assert_int_equal(vmshm_space_node_unplace(a), 0);
	assert_int_equal(vmshm_space_node_place(again, NULL, 0, 0), 0);
	assert_int_equal(vmshm_space_commit(space), 0);
	assert_told("");
	assert_int_equal(vmshm_space_node_destroy(a), 0);
	assert_ptr_equal(vmshm_space_slot(space, 0)->memory,
			 (void *)MEMORY_A);
}

/* The same memory, of another part of the region: mapped anew, for example. */
static void what_is_shown(void **state)
{
	struct vmshm_space_node *other;

	(void)state;
	other = add_part("other", region_a, MEMORY_A - PAGE, 1, 16);
	assert_int_equal(vmshm_space_begin(space), 0);
	assert_int_equal(vmshm_space_node_unplace(a), 0);
	assert_int_equal(vmshm_space_node_place(other, NULL, 0, 0), 0);
	assert_int_equal(vmshm_space_commit(space), 0);
	assert_told("-0+10=A0 +0+10=A1 ");
	assert_int_equal(vmshm_space_slot(space, 0)->offset, PAGE);
}

static void transactions(void **state)
{
	(void)state;
	assert_int_equal(vmshm_space_commit(space), -EINVAL);
	assert_int_equal(vmshm_space_abort(space), -EINVAL);

	assert_int_equal(vmshm_space_begin(space), 0);
	assert_int_equal(vmshm_space_node_move(a, 32 * PAGE), 0);
	assert_int_equal(vmshm_space_begin(space), 0);
	assert_int_equal(vmshm_space_node_place(b, NULL, 0, 0), 0);
	assert_int_equal(vmshm_space_node_unplace(a), 0);
	assert_int_equal(vmshm_space_abort(space), 0);
	assert_int_equal(vmshm_space_node_destroy(b), -EBUSY);
	assert_int_equal(vmshm_space_begin(space), 0);
	assert_int_equal(vmshm_space_node_place(b, NULL, 33 * PAGE, 1), 0);
	assert_int_equal(vmshm_space_commit(space), 0);
	assert_told("");
	assert_int_equal(vmshm_space_commit(space), 0);
	assert_told("-0+10=A0 +20+1=A0 +21+4=B0 +25+b=A5 ");

	assert_int_equal(vmshm_space_begin(space), 0);
	assert_int_equal(vmshm_space_node_unplace(a), 0);
	assert_int_equal(vmshm_space_node_unplace(b), 0);
	assert_int_equal(vmshm_space_abort(space), 0);
	assert_told("");
	assert_int_equal(vmshm_space_node_destroy(b), -EBUSY);
	assert_int_equal(vmshm_space_node_unplace(b), 0);
	assert_told("-20+1=A0 -21+4=B0 -25+b=A5 +20+10=A0 ");
	assert_int_equal(vmshm_space_node_destroy(b), 0);
}

static void flags(void **state)
{
	struct vmshm_space_node *box;

	(void)state;
	assert_int_equal(vmshm_space_node_set_flags(a, VMSHM_SPACE_LOG,
						    VMSHM_SPACE_LOG), 0);
	assert_told("~0+10=A0l ");
	assert_int_equal(vmshm_space_slot(space, 0)->flags, VMSHM_SPACE_LOG);
	assert_int_equal(vmshm_space_node_set_flags(a, VMSHM_SPACE_READONLY,
						    VMSHM_SPACE_READONLY), 0);
	assert_told("-0+10=A0l +0+10=A0rl ");
	assert_int_equal(vmshm_space_node_set_flags(a, 7, 0), 0);
	assert_told("-0+10=A0rl +0+10=A0 ");

	/* A container's are those of all that is in it. */
	assert_int_equal(vmshm_space_add_container(space, "box",
						   VMSHM_SPACE_WHOLE, &box),
			 0);
	assert_int_equal(vmshm_space_node_place(b, box, 64 * PAGE, 0), 0);
	assert_int_equal(vmshm_space_node_place(box, NULL, 0, 0), 0);
	assert_told("+40+4=B0 ");
	assert_int_equal(vmshm_space_node_set_flags(box, VMSHM_SPACE_LOG,
						    VMSHM_SPACE_LOG), 0);
	assert_told("~40+4=B0l ");
	assert_int_equal(vmshm_space_node_set_flags(box, 8, 8), -EINVAL);
	assert_int_equal(vmshm_space_node_set_flags(box, 1, 2), -EINVAL);
}

static void aliases_and_holes(void **state)
{
	struct vmshm_space_node *box, *alias, *hole, *twice;

	(void)state;
	assert_int_equal(vmshm_space_add_container(space, "box", 8 * PAGE,
						   &box), 0);
	/* The alias shows what is not placed anywhere else. */
	assert_int_equal(vmshm_space_add_alias(space, "alias", b, PAGE,
					       2 * PAGE, &alias), 0);
	assert_int_equal(vmshm_space_node_place(alias, box, 7 * PAGE, 0), 0);
	assert_int_equal(vmshm_space_node_place(box, NULL, 4 * PAGE, 1), 0);
	/* Cut at the end of the box. */
	assert_told("-0+10=A0 +0+b=A0 +b+1=B1 +c+4=Ac ");
	assert_int_equal(vmshm_space_add_hole(space, "hole", 2 * PAGE, &hole),
			 0);
	assert_int_equal(vmshm_space_node_place(hole, NULL, 12 * PAGE, 1), 0);
	assert_told("-c+4=Ac +e+2=Ae ");
	assert_null(vmshm_space_lookup(space, 12 * PAGE));
	assert_int_equal(vmshm_space_lookup(space, 14 * PAGE)->offset,
			 14 * PAGE);

	assert_int_equal(vmshm_space_add_alias(space, "twice", box, 0,
					       VMSHM_SPACE_WHOLE, &twice), 0);
	assert_int_equal(vmshm_space_node_place(twice, box, 0, 0), -ELOOP);
	assert_int_equal(vmshm_space_node_place(box, box, 0, 0), -EBUSY);
	assert_int_equal(vmshm_space_node_unplace(box), 0);
	assert_int_equal(vmshm_space_node_place(box, box, 0, 0), -ELOOP);
	assert_int_equal(vmshm_space_node_destroy(box), -EBUSY);
	assert_int_equal(vmshm_space_node_destroy(b), -EBUSY);
	assert_int_equal(vmshm_space_node_destroy(twice), 0);
	assert_int_equal(vmshm_space_node_unplace(alias), 0);
	assert_int_equal(vmshm_space_node_destroy(alias), 0);
	assert_int_equal(vmshm_space_node_destroy(box), 0);
	assert_int_equal(vmshm_space_node_destroy(b), 0);
	assert_int_equal(vmshm_space_node_destroy(NULL), 0);
}

/* The last pages there are. */
static void whole(void **state)
{
	struct vmshm_space_node *box, *alias;
	struct vmshm_space_node_info info;

	(void)state;
	assert_int_equal(vmshm_space_add_container(space, "box",
						   VMSHM_SPACE_WHOLE, &box),
			 0);
	assert_int_equal(vmshm_space_node_info(box, &info, sizeof(info)), 0);
	assert_int_equal(info.length, VMSHM_SPACE_WHOLE);
	assert_int_equal(vmshm_space_node_unplace(a), 0);
	assert_int_equal(vmshm_space_node_place(box, NULL, 0, 0), 0);
	assert_int_equal(vmshm_space_node_place(a, box, 0ULL - 8 * PAGE, 0),
			 0);
	assert_told("-0+10=A0 +ffffffffffff8+8=A0 ");
	assert_int_equal(vmshm_space_lookup(space, ~0ULL)->offset, 0);
	assert_int_equal(vmshm_space_slot(space, 0)->length, 8 * PAGE);
	assert_null(vmshm_space_lookup(space, 0));

	/* All of it, seen from 2^63 on. */
	assert_int_equal(vmshm_space_add_alias(space, "alias", box, 1ULL << 63,
					       VMSHM_SPACE_WHOLE, &alias), 0);
	assert_int_equal(vmshm_space_node_place(alias, NULL, 0, 1), 0);
	assert_told("+7fffffffffff8+8=A0 ");
	assert_int_equal(vmshm_space_node_move(alias, 1ULL << 63), 0);
	assert_told("-7fffffffffff8+8=A0 ");
	assert_int_equal(vmshm_space_node_place(alias, NULL, 0, 1), -EBUSY);
}

/* Deeper than a view goes, or wider: refused, and as it was. */
static void limits(void **state)
{
	struct vmshm_space_node *outer = NULL, *inner;
	char name[16];
	int i, rc = 0;

	(void)state;
	for (i = 0; i < 100 && !rc; i++) {
		snprintf(name, sizeof(name), "box%d", i);
		assert_int_equal(vmshm_space_add_container(space, name,
							   16 * PAGE, &inner),
				 0);
		rc = vmshm_space_node_place(inner, outer, 0, i);
		outer = inner;
	}
	assert_int_equal(rc, -E2BIG);
	assert_in_range(i, 60, 65);
	assert_told("");

	vmshm_space_close(space);
	told[0] = 0;
	space = open_space(2);
	a = add_part("a", region_a, MEMORY_A, 0, 16);
	b = add_part("b", region_b, MEMORY_B, 0, 4);
	assert_int_equal(vmshm_space_node_place(a, NULL, 0, 0), 0);
	assert_told("+0+10=A0 ");
	assert_int_equal(vmshm_space_node_place(b, NULL, PAGE, 1), -ENOSPC);
	assert_told("");
	assert_int_equal(vmshm_space_node_unplace(b), -EINVAL);
	assert_int_equal(vmshm_space_node_place(b, NULL, 0, 1), 0);
	assert_told("-0+10=A0 +0+4=B0 +4+c=A4 ");
}

/* The sink fails at any point: all is as it was. */
static void failures(void **state)
{
	int at;

	(void)state;
	for (at = 1; at <= 4; at++) {
		calls = 0;
		fail_first = at;
		fail_last = at;
		assert_int_equal(vmshm_space_node_place(b, NULL, 4 * PAGE, 1),
				 -EIO);
		assert_true(vmshm_space_is_complete(space));
		assert_int_equal(vmshm_space_slot(space, 0)->length,
				 16 * PAGE);
		assert_null(vmshm_space_slot(space, 1));
		assert_int_equal(vmshm_space_node_unplace(b), -EINVAL);
	}
	assert_told("! "
		    "-0+10=A0 ! +0+10=A0 "
		    "-0+10=A0 +0+4=A0 ! -0+4=A0 +0+10=A0 "
		    "-0+10=A0 +0+4=A0 +4+4=B0 ! -0+4=A0 -4+4=B0 +0+10=A0 ");
}

/* It fails for good: the slots there are can be told, and made good later. */
static void failures_to_undo(void **state)
{
	(void)state;
	fail_first = 4;
	fail_last = 5;
	assert_int_equal(vmshm_space_node_place(b, NULL, 4 * PAGE, 1), -EIO);
	/* One slot would not go, so the old one cannot come. */
	assert_told("-0+10=A0 +0+4=A0 +4+4=B0 ! ! -4+4=B0 ");
	assert_false(vmshm_space_is_complete(space));
	assert_int_equal(vmshm_space_slot(space, 0)->length, 4 * PAGE);
	assert_null(vmshm_space_slot(space, 1));
	assert_int_equal(vmshm_space_node_destroy(b), -EBUSY);

	assert_int_equal(vmshm_space_begin(space), 0);
	assert_int_equal(vmshm_space_commit(space), 0);
	assert_told("-0+4=A0 +0+10=A0 ");
	assert_true(vmshm_space_is_complete(space));

	assert_int_equal(vmshm_space_begin(space), 0);
	assert_int_equal(vmshm_space_node_set_flags(a, VMSHM_SPACE_LOG,
						    VMSHM_SPACE_LOG), 0);
	assert_int_equal(vmshm_space_node_place(b, NULL, 32 * PAGE, 0), 0);
	fail_first = 2;
	fail_last = 3;
	assert_int_equal(vmshm_space_commit(space), -EIO);
	assert_told("~0+10=A0l ! ! ");
	assert_false(vmshm_space_is_complete(space));
	assert_int_equal(vmshm_space_slot(space, 0)->flags, VMSHM_SPACE_LOG);
	/* Any change does. */
	fail_last = 0;
	assert_int_equal(vmshm_space_node_place(b, NULL, 32 * PAGE, 0), 0);
	assert_told("~0+10=A0 +20+4=B0 ");
	assert_true(vmshm_space_is_complete(space));
}

static void refused(void **state)
{
	struct vmshm_space_memory part = {
		.size = sizeof(part),
		.region = region_a,
		.memory = (void *)MEMORY_A,
		.length = PAGE,
	};
	static const char *const names[] = { "", " ", "a b", "\x7f", "\xc3" };
	struct vmshm_space_options options = { .size = sizeof(options) };
	struct vmshm_space_node *node = NULL;
	struct vmshm_space *other;
	char name[258];
	size_t i;

	(void)state;
	assert_int_equal(vmshm_space_open(NULL, &other), -EINVAL);
	assert_int_equal(vmshm_space_open(&options, &other), -EINVAL);

	for (i = 0; i < ARRAY_SIZE(names); i++)
		assert_int_equal(vmshm_space_add_hole(space, names[i], PAGE,
						      &node), -EINVAL);
	memset(name, 'x', sizeof(name));
	name[256] = 0;
	assert_int_equal(vmshm_space_add_hole(space, name, PAGE, &node),
			 -EINVAL);
	assert_int_equal(vmshm_space_add_hole(space, NULL, PAGE, &node),
			 -EINVAL);
	assert_int_equal(vmshm_space_add_hole(space, "a", PAGE, &node),
			 -EEXIST);
	assert_int_equal(vmshm_space_add_hole(space, "x", 0, &node), -EINVAL);
	assert_int_equal(vmshm_space_add_hole(space, "x", PAGE + 1, &node),
			 -EINVAL);
	assert_int_equal(vmshm_space_add_alias(space, "x", a, 1, PAGE, &node),
			 -EINVAL);
	assert_int_equal(vmshm_space_add_alias(space, "x", NULL, 0, PAGE,
					       &node), -EINVAL);
	assert_null(node);
	name[255] = 0;
	assert_int_equal(vmshm_space_add_hole(space, name, PAGE, &node), 0);
	assert_ptr_equal(vmshm_space_node_find(space, name), node);

	part.offset = 1;
	assert_int_equal(vmshm_space_add_memory(space, "x", &part, &node),
			 -EINVAL);
	part.offset = 1ULL << 63;
	assert_int_equal(vmshm_space_add_memory(space, "x", &part, &node),
			 -EOVERFLOW);
	part.offset = 0;
	part.length = VMSHM_SPACE_WHOLE;
	assert_int_equal(vmshm_space_add_memory(space, "x", &part, &node),
			 -EINVAL);
	part.length = 1ULL << 63;
	assert_int_equal(vmshm_space_add_memory(space, "x", &part, &node),
			 -EOVERFLOW);
	part.length = PAGE;
	part.flags = 8;
	assert_int_equal(vmshm_space_add_memory(space, "x", &part, &node),
			 -EINVAL);
	part.flags = 0;
	part.region = NULL;
	part.offset = PAGE;
	assert_int_equal(vmshm_space_add_memory(space, "x", &part, &node),
			 -EINVAL);

	assert_int_equal(vmshm_space_node_place(b, NULL, 1, 0), -EINVAL);
	assert_int_equal(vmshm_space_node_place(b, a, 0, 0), -EINVAL);
	assert_int_equal(vmshm_space_node_move(b, 0), -EINVAL);
	assert_int_equal(vmshm_space_node_move(a, 1), -EINVAL);
	assert_int_equal(vmshm_space_node_set_priority(b, 0), -EINVAL);
	assert_int_equal(vmshm_space_node_unplace(b), -EINVAL);
	assert_told("");
}

/* A handle that cannot write makes memory that cannot be written. */
static void readonly(void **state)
{
	const struct vmshm_readonly in = { .size = sizeof(in) };
	const struct mock_call call = {
		.cmd = VMSHM_IOC_READONLY,
		.in = &in,
		.size = sizeof(in),
		.new_fd = offsetof(struct vmshm_readonly, out_fd),
	};
	struct vmshm_space_memory part = {
		.size = sizeof(part),
		.memory = (void *)MEMORY_A,
		.length = PAGE,
	};
	struct vmshm_space_node *node;

	(void)state;
	mock_expect(&call, 1);
	assert_int_equal(vmshm_region_readonly(region_a, &part.region), 0);
	mock_done();
	assert_int_equal(vmshm_space_add_memory(space, "x", &part, &node),
			 -EACCES);
	part.flags = VMSHM_SPACE_READONLY;
	assert_int_equal(vmshm_space_add_memory(space, "x", &part, &node), 0);
	assert_int_equal(vmshm_space_node_set_flags(node, VMSHM_SPACE_READONLY,
						    0), -EACCES);
	assert_int_equal(vmshm_space_node_destroy(node), 0);
	vmshm_region_close(part.region);
}

/* Saving and restoring */

static const struct vmshm_stat stat_in = { .size = sizeof(stat_in) };
static struct vmshm_stat stat_out[2];

/* The two ioctls that tell names and numbers of regions. */
static void expect_stats(struct mock_call expected[2])
{
	int i;

	for (i = 0; i < 2; i++) {
		stat_out[i] = stat_in;
		stat_out[i].out_generation = 0xa0 + (__u64)i;
		stat_out[i].out_max_size = 16 * PAGE;
		snprintf((char *)stat_out[i].out_name, VMSHM_NAME_MAX, "vm/%c",
			 'a' + i);
		expected[i] = (struct mock_call){
			.cmd = VMSHM_IOC_STAT,
			.in = &stat_in,
			.out = &stat_out[i],
			.size = sizeof(stat_in),
		};
	}
	mock_expect(expected, 2);
}

static const char saved_text[] =
	"vmshm-space 1\n"
	"region a 10000 2 0 a0 vm/a\n"
	"region b 4000 0 0 a1 vm/b\n"
	"container box ffffffffffffffff 0\n"
	"alias again 1000 0 1000 b\n"
	"hole hole 1000 4\n"
	"place a 0 0\n"
	"place again ffffffffff000 -5 box\n"
	"place box 0 2\n"
	"place hole 3000 1\n"
	"end\n";

static void make_all(void)
{
	struct vmshm_space_node *box, *alias, *hole;

	assert_int_equal(vmshm_space_add_container(space, "box",
						   VMSHM_SPACE_WHOLE, &box),
			 0);
	assert_int_equal(vmshm_space_add_alias(space, "again", b, PAGE, PAGE,
					       &alias), 0);
	assert_int_equal(vmshm_space_add_hole(space, "hole", PAGE, &hole), 0);
	assert_int_equal(vmshm_space_node_set_flags(a, 2, 2), 0);
	assert_int_equal(vmshm_space_node_set_flags(hole, 4, 4), 0);
	assert_int_equal(vmshm_space_node_place(alias, box, 0xffffffffff000,
						-5), 0);
	assert_int_equal(vmshm_space_node_place(box, NULL, 0, 2), 0);
	assert_int_equal(vmshm_space_node_place(hole, NULL, 3 * PAGE, 1), 0);
	told[0] = 0;
}

static void save(void **state)
{
	struct mock_call stats[2];
	char *text;

	(void)state;
	make_all();
	expect_stats(stats);
	assert_int_equal(vmshm_space_save(space, &text), 0);
	mock_done();
	assert_string_equal(text, saved_text);
	free(text);

	assert_int_equal(vmshm_space_begin(space), 0);
	assert_int_equal(vmshm_space_save(space, &text), -EBUSY);
	assert_int_equal(vmshm_space_abort(space), 0);
	expect_stats(stats);
	stats[1].error = EINTR;
	assert_int_equal(vmshm_space_save(space, &text), -EINTR);
	mock_done();
}

/* Finds vm/a and vm/b, each a copy of the mock's file. */
static int find(void *finder, const struct vmshm_space_saved *saved,
		struct vmshm_region **region, void **memory)
{
	bool is_b = !strcmp(saved->region, "vm/b");

	assert_ptr_equal(finder, &space);
	assert_string_equal(saved->node, is_b ? "b" : "a");
	assert_int_equal(saved->generation, is_b ? 0xa1 : 0xa0);
	assert_int_equal(saved->length, is_b ? 4 * PAGE : 16 * PAGE);
	assert_int_equal(saved->flags, is_b ? 0 : 2);
	*region = mock_region(1);
	*memory = mmap(NULL, saved->length, PROT_READ, MAP_SHARED,
		       vmshm_region_fd(*region), 0);
	assert_ptr_not_equal(*memory, MAP_FAILED);
	return 0;
}

static void restore(void **state)
{
	struct vmshm_space_node_info info;
	struct vmshm_space_node *node;
	size_t fds = mock_open_fds();

	(void)state;
	assert_int_equal(vmshm_space_restore(space, saved_text, find, &space),
			 -EBUSY);
	vmshm_space_close(space);
	space = open_space(0);
	told[0] = 0;
	assert_int_equal(vmshm_space_restore(space, saved_text, find, &space),
			 0);
	assert_told("+0+10=?0l +ffffffffff+1=?1 ");
	node = vmshm_space_node_find(space, "again");
	assert_int_equal(vmshm_space_node_info(node, &info, sizeof(info)), 0);
	assert_int_equal(info.kind, VMSHM_SPACE_ALIAS);
	assert_int_equal(info.is_placed, 1);
	assert_int_equal(info.priority, -5);
	assert_int_equal(info.address, 0xffffffffff000);
	assert_int_equal(info.offset, PAGE);
	assert_ptr_equal(info.parent, vmshm_space_node_find(space, "box"));
	assert_ptr_equal(info.target, vmshm_space_node_find(space, "b"));
	assert_int_equal(vmshm_space_node_info(info.target, &info,
					       sizeof(info)), 0);
	assert_int_equal(info.flags, VMSHM_SPACE_OWN);
	vmshm_space_close(space);
	assert_int_equal(mock_open_fds(), fds);

	/* The sink fails: nothing is left. */
	space = open_space(0);
	told[0] = 0;
	calls = 0;
	fail_first = 2;
	fail_last = 2;
	assert_int_equal(vmshm_space_restore(space, saved_text, find, &space),
			 -EIO);
	assert_told("+0+10=?0l ! -0+10=?0l ");
	assert_null(vmshm_space_node_next(space, NULL));
	assert_int_equal(mock_open_fds(), fds);
}

static void restore_nonsense(void **state)
{
	static const struct {
		const char *text;
		int error;
	} cases[] = {
		{ "", -EPROTO },
		{ "vmshm-space 2\nend\n", -EPROTO },
		{ "vmshm-space 1\n", -EPROTO },
		{ "vmshm-space 1\nend", -EPROTO },
		{ "vmshm-space 1\nend\n\n", -EPROTO },
		{ "vmshm-space 1\nend\nend\n", -EPROTO },
		{ "vmshm-space 1\n\nend\n", -EPROTO },
		{ "vmshm-space 1\nhole x\nend\n", -EPROTO },
		{ "vmshm-space 1\nhole x 1000\nend\n", -EPROTO },
		{ "vmshm-space 1\nhole x 0x1000 0\nend\n", -EPROTO },
		{ "vmshm-space 1\nhole x 1000 8\nend\n", -EPROTO },
		{ "vmshm-space 1\nhole x 1000 0 0\nend\n", -EPROTO },
		{ "vmshm-space 1\nhole x 10000000000000000 0\nend\n", -EPROTO },
		{ "vmshm-space 1\nhole x 1 0\nend\n", -EINVAL },
		{ "vmshm-space 1\nhole x 1000 0\nhole x 1000 0\nend\n",
		  -EEXIST },
		{ "vmshm-space 1\nhome x 1000 0\nend\n", -EPROTO },
		{ "vmshm-space 1\nalias x 1000 0 0 x\nend\n", -EPROTO },
		{ "vmshm-space 1\nregion x 1000 0 0 0\nend\n", -EPROTO },
		{ "vmshm-space 1\nplace x 0 0\nend\n", -EPROTO },
		{ "vmshm-space 1\nhole x 1000 0\nplace x 0 +1\nend\n",
		  -EPROTO },
		{ "vmshm-space 1\nhole x 1000 0\nplace x 0 2147483648\nend\n",
		  -EPROTO },
		{ "vmshm-space 1\nhole x 1000 0\nplace x 0 0 y\nend\n",
		  -EPROTO },
		{ "vmshm-space 1\nhole x 1000 0\nplace x 0 0 x\nend\n",
		  -EINVAL },
		{ "vmshm-space 1\ncontainer x 1000 0\nplace x 0 0 x\nend\n",
		  -ELOOP },
		{ "vmshm-space 1\n1 2 3 4 5 6 7 8\nend\n", -EPROTO },
	};
	size_t i;

	(void)state;
	vmshm_space_close(space);
	space = open_space(0);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(vmshm_space_restore(space, cases[i].text,
						     find, &space),
				 cases[i].error);
		assert_null(vmshm_space_node_next(space, NULL));
	}
	assert_int_equal(vmshm_space_restore(space, "vmshm-space 1\nend\n",
					     find, &space), 0);
}

static void find_region(void **state)
{
	struct vmshm_space_saved saved = {
		.node = "b",
		.generation = 0xa0,
		.offset = 4 * PAGE,
		.length = 4 * PAGE,
		.flags = VMSHM_SPACE_READONLY,
	};
	struct vmshm_open in = {
		.size = sizeof(in),
		.flags = VMSHM_OPEN_OWNER | VMSHM_OPEN_GENERATION |
			 VMSHM_OPEN_RDONLY,
		.owner = 7,
		.generation = 0xa0,
		.name = "vm/a",
	}, out = in;
	struct vmshm_stat stat = { .size = sizeof(stat) };
	struct mock_call calls_to_come[] = {
		{ VMSHM_IOC_OPEN, &in, &out, .size = sizeof(in),
		  .new_fd = offsetof(struct vmshm_open, out_fd) },
		{ VMSHM_IOC_STAT, &stat_in, &stat, .size = sizeof(stat) },
	};
	struct vmshm_space_finder finder = { .size = sizeof(finder) };
	struct vmshm_context *context;
	struct vmshm_region *region;
	size_t fds;
	void *memory;

	(void)state;
	assert_int_equal(vmshm_space_find_region(&finder, &saved, &region,
						 &memory), -EINVAL);
	context = mock_context();
	fds = mock_open_fds();
	finder.context = context;
	finder.same_generation = 1;
	finder.owner_policy = VMSHM_OWNER_ONLY;
	finder.owner = 7;
	assert_int_equal(vmshm_space_find_region(&finder, &saved, &region,
						 &memory), -ENOENT);

	saved.region = "vm/a";
	stat.out_max_size = 8 * PAGE - 1;
	mock_expect(calls_to_come, 2);
	assert_int_equal(vmshm_space_find_region(&finder, &saved, &region,
						 &memory), -EFBIG);
	mock_done();
	assert_int_equal(mock_open_fds(), fds);

	stat.out_max_size = 8 * PAGE;
	assert_return_code(ftruncate(mock_file, 8 * PAGE), errno);
	assert_int_equal(pwrite(mock_file, "x", 1, 4 * PAGE), 1);
	mock_expect(calls_to_come, 2);
	assert_int_equal(vmshm_space_find_region(&finder, &saved, &region,
						 &memory), 0);
	mock_done();
	assert_int_equal(*(char *)memory, 'x');
	assert_true(vmshm_region_is_readonly(region));
	vmshm_region_unmap(memory, 4 * PAGE);
	vmshm_region_close(region);

	/* Another one of that name will do. */
	finder.same_generation = 0;
	saved.flags = 0;
	in.flags = VMSHM_OPEN_OWNER;
	in.generation = 0;
	calls_to_come[0].error = EACCES;
	mock_expect(calls_to_come, 1);
	assert_int_equal(vmshm_space_find_region(&finder, &saved, &region,
						 &memory), -EACCES);
	mock_done();
	vmshm_context_close(context);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(status_quo_ante),
		TEST(as_few_as_can_be),
		TEST(who_shows_it),
		TEST(what_is_shown),
		TEST(transactions),
		TEST(flags),
		TEST(aliases_and_holes),
		TEST(whole),
		TEST(limits),
		TEST(failures),
		TEST(failures_to_undo),
		TEST(refused),
		TEST(readonly),
		TEST(save),
		TEST(restore),
		TEST(restore_nonsense),
		TEST(find_region),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
