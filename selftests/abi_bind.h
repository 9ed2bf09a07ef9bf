/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The commands of bindings, for the table of abi.h, which includes this. No VM
 * is needed: the slots are those that a VMM would set itself.
 */
#ifndef _ABI_BIND_H
#define _ABI_BIND_H

LAYOUT(vmshm_bind, 72, out_user_addr, 64);
LAYOUT(vmshm_binding, 96, comm, 80);
LAYOUT(vmshm_bindings, 32, __reserved, 28);
LAYOUT(vmshm_bind_stat, 104, out_generation, 96);
LAYOUT(vmshm_bind_update, 16, guest_addr, 8);
LAYOUT(vmshm_bind_slot, 32, length, 24);
LAYOUT(vmshm_bind_slots, 32, __reserved, 28);

_Static_assert(VMSHM_IOC_BIND == 0xbd1a, "BIND");
_Static_assert(VMSHM_IOC_BINDINGS == 0xbd1b, "BINDINGS");
_Static_assert(VMSHM_IOC_BIND_STAT == 0xbd50, "BIND_STAT");
_Static_assert(VMSHM_IOC_BIND_UPDATE == 0xbd51, "BIND_UPDATE");
_Static_assert(VMSHM_IOC_BIND_SLOTS == 0xbd52, "BIND_SLOTS");

#define BIND_ADDR	0x100000000ULL
#define NEW_ADDR	0x200000000ULL

static void bind_fill(struct world *w, void *arg)
{
	struct vmshm_bind *bind = arg;

	bind->flags = VMSHM_BIND_USER | VMSHM_BIND_FOLLOW;
	bind->vm_fd = -1;
	bind->first_slot = 3;
	bind->nr_slots = 4;
	bind->guest_addr = BIND_ADDR;
	bind->granule = 2 * 4096;
}

static bool binding_is(int binding, __u64 guest_addr, __u32 flags)
{
	struct vmshm_bind_stat stat = { .size = sizeof(stat) };

	return !vt_ioctl(binding, VMSHM_IOC_BIND_STAT, &stat) &&
	       stat.out_flags == flags && stat.out_guest_addr == guest_addr &&
	       stat.out_bound == REGION_SIZE && stat.out_length == MAX_SIZE &&
	       stat.out_pid == getpid() && stat.out_first_slot == 3 &&
	       stat.out_nr_slots == 4 && stat.out_used_slots == 2 &&
	       stat.out_granule == 2 * 4096 && stat.out_user_addr &&
	       stat.out_generation && !stat.out_vm && !stat.out_offset;
}

static bool bind_good(struct world *w, const void *arg)
{
	const struct vmshm_bind *bind = arg;

	/* What was in the region is mapped there. */
	return binding_is(bind->out_fd, BIND_ADDR, bind->flags) &&
	       *(char *)(uintptr_t)bind->out_user_addr == 'x';
}

static const struct command bind_cmd = {
	.cmd = VMSHM_IOC_BIND,
	.kind = REGION,
	.size = sizeof(struct vmshm_bind),
	.flags = VMSHM_BIND_READONLY | VMSHM_BIND_LOG | VMSHM_BIND_FOLLOW |
		 VMSHM_BIND_USER,
	.out = { UPTO(vmshm_bind, out_fd, first_slot),
		 TO_END(vmshm_bind, out_user_addr) },
	.out_fd = offsetof(struct vmshm_bind, out_fd),
	.changes = true,
	.fill = bind_fill,
	.good = bind_good,
};

static void bindings_fill(struct world *w, void *arg)
{
	struct vmshm_bindings *bindings = arg;

	memset(w->bindings, 0xff, sizeof(w->bindings));
	bindings->entries = (uintptr_t)w->bindings;
	bindings->entry_size = sizeof(w->bindings[0]);
	bindings->count = ARRAY_SIZE(w->bindings);
}

static bool bindings_good(struct world *w, const void *arg)
{
	const struct vmshm_bindings *bindings = arg;
	const struct vmshm_binding *b = &w->bindings[0];

	return bindings->out_count == 1 && b->pid == getpid() &&
	       b->uid == getuid() && b->guest_addr == BIND_ADDR &&
	       b->bound == REGION_SIZE && b->length == MAX_SIZE &&
	       b->first_slot == 3 && b->nr_slots == 4 && b->used_slots == 2 &&
	       b->granule == 2 * 4096 && b->since_ns && b->comm[0] &&
	       w->bindings[1].pid == -1;
}

static const struct command bindings_cmd = {
	.cmd = VMSHM_IOC_BINDINGS,
	.kind = REGION,
	.size = sizeof(struct vmshm_bindings),
	.out = { UPTO(vmshm_bindings, out_count, __reserved) },
	.reserved = { TO_END(vmshm_bindings, __reserved) },
	.needs_binding = true,
	.fill = bindings_fill,
	.good = bindings_good,
};

static void bind_stat_fill(struct world *w, void *arg)
{
}

static bool bind_stat_good(struct world *w, const void *arg)
{
	const struct vmshm_bind_stat *stat = arg;

	return stat->out_guest_addr == BIND_ADDR &&
	       stat->out_bound == REGION_SIZE && !stat->__reserved;
}

static const struct command bind_stat = {
	.cmd = VMSHM_IOC_BIND_STAT,
	.kind = BINDING,
	.size = sizeof(struct vmshm_bind_stat),
	.out = { TO_END(vmshm_bind_stat, out_flags) },
	.needs_binding = true,
	.fill = bind_stat_fill,
	.good = bind_stat_good,
};

static void bind_update_fill(struct world *w, void *arg)
{
	struct vmshm_bind_update *update = arg;

	update->flags = VMSHM_BIND_USER | VMSHM_BIND_FOLLOW | VMSHM_BIND_LOG;
	update->guest_addr = NEW_ADDR;
}

static bool bind_update_good(struct world *w, const void *arg)
{
	const struct vmshm_bind_update *update = arg;

	return binding_is(w->files[BINDING], NEW_ADDR, update->flags);
}

static const struct command bind_update = {
	.cmd = VMSHM_IOC_BIND_UPDATE,
	.kind = BINDING,
	.size = sizeof(struct vmshm_bind_update),
	.flags = VMSHM_BIND_READONLY | VMSHM_BIND_LOG | VMSHM_BIND_FOLLOW |
		 VMSHM_BIND_USER,
	.needs_binding = true,
	.changes = true,
	.fill = bind_update_fill,
	.good = bind_update_good,
};

static void bind_slots_fill(struct world *w, void *arg)
{
	struct vmshm_bind_slots *slots = arg;

	memset(w->slots, 0xff, sizeof(w->slots));
	slots->entries = (uintptr_t)w->slots;
	slots->entry_size = sizeof(w->slots[0]);
	slots->count = ARRAY_SIZE(w->slots);
}

static bool bind_slots_good(struct world *w, const void *arg)
{
	const struct vmshm_bind_slots *slots = arg;
	const struct vmshm_bind_slot *s = w->slots;

	return slots->out_count == 2 && s[0].slot == 3 && s[1].slot == 4 &&
	       !s[0].flags && s[0].guest_addr == BIND_ADDR && !s[0].offset &&
	       s[0].length == 2 * 4096 && s[1].offset == 2 * 4096 &&
	       s[1].guest_addr == BIND_ADDR + 2 * 4096 &&
	       s[1].length == 4096 && s[2].slot == ~0U;
}

static const struct command bind_slots = {
	.cmd = VMSHM_IOC_BIND_SLOTS,
	.kind = BINDING,
	.size = sizeof(struct vmshm_bind_slots),
	.out = { UPTO(vmshm_bind_slots, out_count, __reserved) },
	.reserved = { TO_END(vmshm_bind_slots, __reserved) },
	.needs_binding = true,
	.fill = bind_slots_fill,
	.good = bind_slots_good,
};

static void add_binding(struct __test_metadata *_metadata, struct world *w)
{
	struct vmshm_bind bind = { .size = sizeof(bind) };

	bind_fill(w, &bind);
	ASSERT_EQ(0, vt_ioctl(w->files[REGION], VMSHM_IOC_BIND, &bind));
	w->files[BINDING] = bind.out_fd;
}

#endif /* _ABI_BIND_H */
