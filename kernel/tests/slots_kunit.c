// SPDX-License-Identifier: GPL-2.0
/*
 * Bindings that follow the size of a region, with VMs that refuse what they are
 * told to.
 */
#include <kunit/test.h>

#include "../slots.c"

#define FIRST		10
#define NR		8
#define GRANULE		(4 * PAGE_SIZE)
#define BINDINGS	3

/**
 * struct vmshm_vm - a VM that keeps count
 * @slots: how many it has
 * @added: how many it has ever had
 * @add_error: what adding returns
 * @stuck: how many of those that are to be removed stay
 */
struct vmshm_vm {
	unsigned int slots;
	unsigned int added;
	int add_error;
	unsigned int stuck;
};

struct slots {
	struct vmshm_region *region;
	struct vmshm_vm vms[BINDINGS];
	struct vmshm_binding_ctx bindings[BINDINGS];
	struct vmshm_memslot memslots[BINDINGS][NR];
};

static int fake_add(struct vmshm_vm *vm, const struct vmshm_memslot *slots,
		    unsigned int nr, enum vmshm_wait wait)
{
	if (vm->add_error)
		return vm->add_error;
	vm->slots += nr;
	vm->added += nr;
	return 0;
}

static unsigned int fake_remove(struct vmshm_vm *vm,
				const struct vmshm_memslot *slots,
				unsigned int nr, enum vmshm_wait wait)
{
	nr -= min(nr, vm->stuck);
	vm->slots -= nr;
	return nr;
}

static const struct vmshm_kvm_ops fake_ops = {
	.add = fake_add,
	.remove = fake_remove,
};

static int slots_init(struct kunit *test)
{
	struct slots *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);
	unsigned int i;

	if (!s)
		return -ENOMEM;
	s->region = kunit_kzalloc(test, sizeof(*s->region), GFP_KERNEL);
	if (!s->region)
		return -ENOMEM;
	mutex_init(&s->region->bind_mutex);
	INIT_LIST_HEAD(&s->region->bindings);
	for (i = 0; i < BINDINGS; i++) {
		struct vmshm_binding_ctx *b = &s->bindings[i];

		b->region = s->region;
		b->ops = &fake_ops;
		b->vm = &s->vms[i];
		b->first_slot = FIRST;
		b->nr_slots = NR;
		b->length = 16 * GRANULE;
		b->granule = GRANULE;
		b->user_addr = 0x700000000000;
		b->guest_addr = 0x40000000;
		b->flags = VMSHM_BIND_FOLLOW;
		b->slots = s->memslots[i];
		init_waitqueue_head(&b->wait);
		list_add_tail(&b->node, &s->region->bindings);
	}
	test->priv = s;
	return 0;
}

/* As a resize does, when it is allowed. */
static int grow(struct slots *s, u64 size)
{
	int err;

	mutex_lock(&s->region->bind_mutex);
	err = vmshm_bindings_check(s->region, size);
	if (!err)
		err = vmshm_bindings_grow(s->region, size);
	if (!err)
		s->region->size = size;
	mutex_unlock(&s->region->bind_mutex);
	return err;
}

static int shrink(struct slots *s, u64 size)
{
	int err;

	mutex_lock(&s->region->bind_mutex);
	err = vmshm_bindings_check(s->region, size);
	if (!err) {
		vmshm_bindings_shrink(s->region, size);
		s->region->size = size;
	}
	mutex_unlock(&s->region->bind_mutex);
	return err;
}

static void slots_wanted(struct kunit *test)
{
	struct slots *s = test->priv;
	struct vmshm_binding_ctx *b = &s->bindings[0];

	b->offset = GRANULE;
	KUNIT_EXPECT_EQ(test, vmshm_binding_wanted(b, 0), 0ULL);
	KUNIT_EXPECT_EQ(test, vmshm_binding_wanted(b, GRANULE), 0ULL);
	KUNIT_EXPECT_EQ(test, vmshm_binding_wanted(b, GRANULE + 1),
			(u64)PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, vmshm_binding_wanted(b, GRANULE + b->length),
			b->length);
	KUNIT_EXPECT_EQ(test, vmshm_binding_wanted(b, VMSHM_MAX_SIZE),
			b->length);
}

/* Slots end at granules; what was there stays as it is. */
static void slots_plan(struct kunit *test)
{
	struct slots *s = test->priv;
	struct vmshm_binding_ctx *b = &s->bindings[0];
	unsigned int i;
	u64 end = 0;

	b->flags |= VMSHM_BIND_LOG;
	KUNIT_ASSERT_EQ(test, grow(s, GRANULE + PAGE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, b->used, 2U);
	KUNIT_ASSERT_EQ(test, grow(s, 3 * GRANULE), 0);
	KUNIT_EXPECT_EQ(test, b->used, 4U);
	KUNIT_EXPECT_EQ(test, b->extended, 2U);
	KUNIT_EXPECT_EQ(test, s->vms[0].slots, 4U);
	KUNIT_EXPECT_EQ(test, vmshm_binding_bound(b), (u64)(3 * GRANULE));
	KUNIT_EXPECT_EQ(test, b->slots[1].length, (u64)PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, b->slots[2].length, GRANULE - (u64)PAGE_SIZE);
	for (i = 0; i < b->used; i++) {
		KUNIT_EXPECT_EQ(test, b->slots[i].id, FIRST + i);
		KUNIT_EXPECT_EQ(test, b->slots[i].flags,
				(u32)VMSHM_BIND_LOG);
		KUNIT_EXPECT_EQ(test, b->slots[i].user_addr,
				b->user_addr + end);
		KUNIT_EXPECT_EQ(test, b->slots[i].guest_addr,
				b->guest_addr + end);
		end += b->slots[i].length;
	}
	/* Growing within a page is no change of the guest's. */
	b->changes = 0;
	KUNIT_EXPECT_EQ(test, grow(s, 3 * GRANULE), 0);
	KUNIT_EXPECT_EQ(test, b->changes, 0ULL);
}

static void slots_no_granule(struct kunit *test)
{
	struct slots *s = test->priv;
	struct vmshm_binding_ctx *b = &s->bindings[0];

	b->granule = 0;
	KUNIT_ASSERT_EQ(test, grow(s, 5 * GRANULE), 0);
	KUNIT_EXPECT_EQ(test, b->used, 1U);
	KUNIT_EXPECT_EQ(test, b->slots[0].length, (u64)(5 * GRANULE));
	/* And no part of it can go. */
	KUNIT_EXPECT_EQ(test, shrink(s, GRANULE), -EBUSY);
	KUNIT_EXPECT_EQ(test, shrink(s, 0), 0);
	KUNIT_EXPECT_EQ(test, b->used, 0U);
}

static void slots_too_few(struct kunit *test)
{
	struct slots *s = test->priv;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, grow(s, NR * GRANULE), 0);
	KUNIT_EXPECT_EQ(test, grow(s, NR * GRANULE + 1), -ENOSPC);
	/* One alone is enough to refuse it, and before any has changed. */
	s->bindings[0].granule = 0;
	s->bindings[1].granule = 0;
	s->bindings[0].changes = 0;
	KUNIT_EXPECT_EQ(test, grow(s, NR * GRANULE + 1), -ENOSPC);
	KUNIT_EXPECT_EQ(test, s->bindings[0].changes, 0ULL);
	for (i = 0; i < BINDINGS; i++)
		KUNIT_EXPECT_EQ(test, s->vms[i].slots, (unsigned int)NR);
}

/* If one cannot follow, none does. */
static void slots_refused(struct kunit *test)
{
	static const int errors[][2] = {
		{ -ENOMEM, -ENOMEM }, { -EEXIST, -EBUSY }, { -EINVAL, -EBUSY },
		{ -EBUSY, -EBUSY }, { -EINTR, -EINTR },
	};
	struct slots *s = test->priv;
	unsigned int i, k;

	/* This one has nothing to take back. */
	s->bindings[1].flags = 0;
	s->bindings[1].length = 0;
	KUNIT_ASSERT_EQ(test, grow(s, GRANULE), 0);
	for (i = 0; i < ARRAY_SIZE(errors); i++) {
		s->vms[2].add_error = errors[i][0];
		KUNIT_EXPECT_EQ(test, grow(s, 3 * GRANULE), errors[i][1]);
		for (k = 0; k < BINDINGS; k += 2) {
			KUNIT_EXPECT_EQ(test, s->bindings[k].used, 1U);
			KUNIT_EXPECT_EQ(test, s->vms[k].slots, 1U);
		}
		KUNIT_EXPECT_EQ(test, s->vms[1].slots, 0U);
	}
	s->vms[2].add_error = 0;
	KUNIT_EXPECT_EQ(test, grow(s, 3 * GRANULE), 0);
	KUNIT_EXPECT_EQ(test, s->vms[0].slots, 3U);
	KUNIT_EXPECT_EQ(test, s->vms[2].slots, 3U);
}

static void slots_shrink(struct kunit *test)
{
	struct slots *s = test->priv;
	struct vmshm_binding_ctx *b = &s->bindings[0];

	KUNIT_ASSERT_EQ(test, grow(s, 5 * GRANULE), 0);
	/* Within a slot. */
	KUNIT_EXPECT_EQ(test, shrink(s, 2 * GRANULE + PAGE_SIZE), -EBUSY);
	KUNIT_EXPECT_EQ(test, b->used, 5U);
	KUNIT_EXPECT_EQ(test, shrink(s, 2 * GRANULE), 0);
	KUNIT_EXPECT_EQ(test, b->used, 2U);
	KUNIT_EXPECT_EQ(test, s->vms[0].slots, 2U);
	KUNIT_EXPECT_EQ(test, vmshm_binding_bound(b), (u64)(2 * GRANULE));
	/* A part of a page is all of it. */
	KUNIT_EXPECT_EQ(test, shrink(s, 2 * GRANULE - 1), 0);
	KUNIT_EXPECT_EQ(test, b->used, 2U);
}

static void slots_fixed(struct kunit *test)
{
	struct slots *s = test->priv;
	struct vmshm_binding_ctx *b = &s->bindings[1];

	KUNIT_ASSERT_EQ(test, grow(s, 4 * GRANULE), 0);
	b->flags = 0;
	b->length = 4 * GRANULE;
	KUNIT_EXPECT_EQ(test, grow(s, 5 * GRANULE), 0);
	KUNIT_EXPECT_EQ(test, b->used, 4U);
	KUNIT_EXPECT_EQ(test, s->bindings[0].used, 5U);
	KUNIT_EXPECT_EQ(test, shrink(s, 3 * GRANULE), -EBUSY);
	/* Also the others stay. */
	KUNIT_EXPECT_EQ(test, s->bindings[0].used, 5U);
	KUNIT_EXPECT_EQ(test, shrink(s, 4 * GRANULE), 0);
	KUNIT_EXPECT_EQ(test, s->bindings[0].used, 4U);
}

/* What stays is still known to be there, but not used again. */
static void slots_stuck(struct kunit *test)
{
	struct slots *s = test->priv;
	struct vmshm_binding_ctx *b = &s->bindings[0];

	KUNIT_ASSERT_EQ(test, grow(s, 3 * GRANULE), 0);
	s->vms[0].stuck = 1;
	KUNIT_EXPECT_EQ(test, shrink(s, GRANULE), 0);
	KUNIT_EXPECT_EQ(test, b->used, 2U);
	KUNIT_EXPECT_EQ(test, s->vms[0].slots, 2U);
	KUNIT_EXPECT_EQ(test, s->bindings[1].used, 1U);
	/* As long as it cannot go nothing grows. */
	KUNIT_EXPECT_EQ(test, grow(s, 2 * GRANULE), -EBUSY);
	KUNIT_EXPECT_EQ(test, s->vms[0].slots, 2U);
	KUNIT_EXPECT_EQ(test, s->vms[1].slots, 1U);
	/* Then it goes, and what there is now comes. */
	s->vms[0].stuck = 0;
	KUNIT_EXPECT_EQ(test, grow(s, GRANULE + PAGE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, s->vms[0].slots, 2U);
	KUNIT_EXPECT_EQ(test, s->vms[0].added, 4U);
	KUNIT_EXPECT_EQ(test, b->slots[1].length, (u64)PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, s->vms[1].slots, 2U);
}

/* And has no part in what there is room for. */
static void slots_stuck_room(struct kunit *test)
{
	struct slots *s = test->priv;

	KUNIT_ASSERT_EQ(test, grow(s, NR * GRANULE), 0);
	s->vms[0].stuck = NR - 1;
	KUNIT_EXPECT_EQ(test, shrink(s, GRANULE), 0);
	KUNIT_EXPECT_EQ(test, s->vms[0].slots, (unsigned int)NR);
	s->vms[0].stuck = 0;
	KUNIT_EXPECT_EQ(test, grow(s, NR * GRANULE - PAGE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, s->vms[0].slots, (unsigned int)NR);
	KUNIT_EXPECT_EQ(test, grow(s, NR * GRANULE), -ENOSPC);
}

/* Ranges that bindings cover together, in whatever order they were made. */
static void slots_cover(struct kunit *test)
{
	struct slots *s = test->priv;
	/* Nothing but compared. */
	struct mm_struct *mm = (struct mm_struct *)s;
	u64 addr = s->bindings[0].user_addr;
	unsigned int order, i;

	mutex_lock(&s->region->bind_mutex);
	for (order = 0; order < 2; order++) {
		for (i = 0; i < BINDINGS; i++) {
			struct vmshm_binding_ctx *b = &s->bindings[i];

			b->mm = mm;
			b->length = GRANULE;
			b->offset = (order ? BINDINGS - 1 - i : i) * GRANULE;
			b->user_addr = addr + b->offset;
		}
		KUNIT_EXPECT_TRUE(test, vmshm_bindings_cover(s->region, mm, addr,
							     0, 3 * GRANULE));
		KUNIT_EXPECT_TRUE(test,
				  vmshm_bindings_cover(s->region, mm,
						       addr + PAGE_SIZE,
						       PAGE_SIZE, GRANULE));
		KUNIT_EXPECT_FALSE(test,
				   vmshm_bindings_cover(s->region, mm, addr, 0,
							3 * GRANULE + 1));
		/* Mapped elsewhere, or in another address space. */
		KUNIT_EXPECT_FALSE(test,
				   vmshm_bindings_cover(s->region, mm, addr,
							PAGE_SIZE, PAGE_SIZE));
		KUNIT_EXPECT_FALSE(test,
				   vmshm_bindings_cover(s->region, NULL, addr,
							0, PAGE_SIZE));
		/* One that does not follow has agreed to nothing. */
		s->bindings[1].flags = 0;
		KUNIT_EXPECT_FALSE(test,
				   vmshm_bindings_cover(s->region, mm, addr, 0,
							3 * GRANULE));
		KUNIT_EXPECT_TRUE(test, vmshm_bindings_cover(s->region, mm, addr,
							     0, GRANULE));
		s->bindings[1].flags = VMSHM_BIND_FOLLOW;
	}
	mutex_unlock(&s->region->bind_mutex);
}

/* Slots that the VMM sets: as the others, but without a VM. */
static void slots_user(struct kunit *test)
{
	struct slots *s = test->priv;
	struct vmshm_binding_ctx *b = &s->bindings[0];

	b->vm = NULL;
	b->ops = NULL;
	KUNIT_EXPECT_EQ(test, grow(s, 2 * GRANULE), 0);
	KUNIT_EXPECT_EQ(test, b->used, 2U);
	KUNIT_EXPECT_EQ(test, shrink(s, 0), 0);
	KUNIT_EXPECT_EQ(test, b->used, 0U);
	KUNIT_EXPECT_EQ(test, b->changes, 2ULL);
}

static struct kunit_case slots_tests[] = {
	KUNIT_CASE(slots_wanted),
	KUNIT_CASE(slots_plan),
	KUNIT_CASE(slots_no_granule),
	KUNIT_CASE(slots_too_few),
	KUNIT_CASE(slots_refused),
	KUNIT_CASE(slots_shrink),
	KUNIT_CASE(slots_fixed),
	KUNIT_CASE(slots_stuck),
	KUNIT_CASE(slots_stuck_room),
	KUNIT_CASE(slots_cover),
	KUNIT_CASE(slots_user),
	{}
};

static struct kunit_suite slots_suite = {
	.name = "vmshm_slots",
	.init = slots_init,
	.test_cases = slots_tests,
};

kunit_test_suite(slots_suite);
