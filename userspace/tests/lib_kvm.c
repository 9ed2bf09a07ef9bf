// SPDX-License-Identifier: GPL-2.0
/*
 * Bindings to VMs: what the kernel is asked. Setting slots without its help
 * takes a VM: see selftests/kvm_resize.c.
 */

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vmshm/kvm.h>

#include "mock.h"

#define LENGTH		0x10000
#define ADDR		0x100000000ULL
#define VM_FD		1234

static struct vmshm_region *region;
static struct vmshm_kvm_binding *binding;
static size_t fds;
static void *mapping;

static struct vmshm_kvm_bind_options options = {
	.size = sizeof(options),
	.guest_addr = ADDR,
	.offset = 0x4000,
	.length = LENGTH,
	.granule = 0x2000,
	.flags = VMSHM_BIND_FOLLOW,
	.first_slot = 7,
	.nr_slots = 3,
};

static const struct vmshm_bind bind_in = {
	.size = sizeof(bind_in),
	.flags = VMSHM_BIND_FOLLOW,
	.vm_fd = VM_FD,
	.first_slot = 7,
	.nr_slots = 3,
	.guest_addr = ADDR,
	.offset = 0x4000,
	.length = LENGTH,
	.granule = 0x2000,
};

static struct vmshm_bind bind_out;

static const struct vmshm_bind_stat stat_in = {
	.size = sizeof(stat_in),
};

static struct vmshm_bind_stat stat_out = {
	.size = sizeof(stat_out),
	.out_flags = VMSHM_BIND_FOLLOW | VMSHM_BIND_READONLY,
	.out_guest_addr = ADDR,
	.out_length = LENGTH,
};

static const struct vmshm_bind_slots slots_in = {
	.size = sizeof(slots_in),
	.entries = ANY_POINTER,
	.entry_size = sizeof(struct vmshm_bind_slot),
	.count = 3,
};

static const struct vmshm_bind_slot found[2] = {
	{ .slot = 7, .guest_addr = ADDR, .offset = 0x4000, .length = 0x2000 },
	{ .slot = 8, .guest_addr = ADDR + 0x2000, .offset = 0x6000,
	  .length = 0x1000 },
};

#define BIND { \
	.cmd = VMSHM_IOC_BIND, \
	.in = &bind_in, \
	.out = &bind_out, \
	.size = sizeof(bind_in), \
	.new_fd = offsetof(struct vmshm_bind, out_fd), \
}

#define BIND_STAT { VMSHM_IOC_BIND_STAT, &stat_in, &stat_out, \
		    .size = sizeof(stat_in) }

static int setup(void **state)
{
	const struct mock_call calls[] = { BIND, BIND_STAT };

	mock_setup(state);
	fds = mock_open_fds();
	region = mock_region(1);
	mapping = mmap(NULL, LENGTH, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		       0);
	assert_ptr_not_equal(mapping, MAP_FAILED);
	bind_out = bind_in;
	bind_out.out_user_addr = (uintptr_t)mapping;
	mock_expect(calls, ARRAY_SIZE(calls));
	assert_int_equal(vmshm_kvm_bind(region, VM_FD, &options, &binding), 0);
	mock_done();
	return 0;
}

static int teardown(void **state)
{
	unsigned char vec[LENGTH / 4096];

	vmshm_kvm_binding_close(binding);
	vmshm_kvm_binding_close(NULL);
	/* What the kernel has mapped, the library unmaps. */
	assert_int_equal(mincore(mapping, LENGTH, vec), -1);
	vmshm_region_close(region);
	assert_int_equal(mock_open_fds(), fds);
	return mock_teardown(state);
}

static void bind_errors(void **state)
{
	const struct mock_call calls[] = {
		{ VMSHM_IOC_BIND, &bind_in, .size = sizeof(bind_in),
		  .error = EEXIST },
		/* The kernel cannot; the library finds that it is no VM. */
		{ VMSHM_IOC_BIND, &bind_in, .size = sizeof(bind_in),
		  .error = EOPNOTSUPP },
	};
	struct vmshm_kvm_bind_options bad = options;
	struct vmshm_kvm_binding *other = NULL;

	(void)state;
	mock_expect(calls, ARRAY_SIZE(calls));
	assert_int_equal(vmshm_kvm_bind(region, VM_FD, &bad, &other), -EEXIST);
	assert_int_equal(vmshm_kvm_bind(region, VM_FD, &bad, &other), -EBADF);
	mock_done();
	bad.flags = VMSHM_BIND_USER;
	assert_int_equal(vmshm_kvm_bind(region, vmshm_region_fd(region), &bad,
					&other), -EINVAL);
	bad = options;
	bad.flags |= VMSHM_BIND_ENDED;
	assert_int_equal(vmshm_kvm_bind(region, VM_FD, &bad, &other), -EINVAL);
	bad = options;
	bad.__reserved = 1;
	assert_int_equal(vmshm_kvm_bind(region, VM_FD, &bad, &other), -EINVAL);
	bad = options;
	bad.nr_slots = 0;
	assert_int_equal(vmshm_kvm_bind(region, VM_FD, &bad, &other), -EINVAL);
	bad.nr_slots = 1U << 30;
	assert_int_equal(vmshm_kvm_bind(region, VM_FD, &bad, &other), -EINVAL);
	bad = options;
	bad.size -= sizeof(__u64);
	assert_int_equal(vmshm_kvm_bind(region, VM_FD, &bad, &other), -EINVAL);
	assert_null(other);
}

/* A mapping of the caller's is left to the caller. */
static void own_mapping(void **state)
{
	struct vmshm_kvm_bind_options own = options;
	struct vmshm_bind in = bind_in, out;
	const struct mock_call calls[] = {
		{ VMSHM_IOC_BIND, &in, &out, .size = sizeof(in),
		  .new_fd = offsetof(struct vmshm_bind, out_fd) },
		BIND_STAT,
	};
	struct vmshm_kvm_binding *other;
	unsigned char vec[LENGTH / 4096];

	(void)state;
	own.addr = mapping;
	in.user_addr = (uintptr_t)mapping;
	out = in;
	out.out_user_addr = in.user_addr;
	mock_expect(calls, ARRAY_SIZE(calls));
	assert_int_equal(vmshm_kvm_bind(region, VM_FD, &own, &other), 0);
	mock_done();
	assert_ptr_equal(vmshm_kvm_binding_addr(other), mapping);
	vmshm_kvm_binding_close(other);
	assert_int_equal(mincore(mapping, LENGTH, vec), 0);
}

static void updates(void **state)
{
	/* What cannot change is kept. */
	const struct vmshm_bind_update update = {
		.size = sizeof(update),
		.flags = VMSHM_BIND_READONLY | VMSHM_BIND_LOG,
		.guest_addr = 2 * ADDR,
	};
	struct vmshm_bind_stat ended = stat_out, copy;
	const struct mock_call calls[] = {
		BIND_STAT,
		{ VMSHM_IOC_BIND_UPDATE, &update, .size = sizeof(update) },
		BIND_STAT,
		{ VMSHM_IOC_BIND_UPDATE, &update, .size = sizeof(update),
		  .error = EEXIST },
		{ VMSHM_IOC_BIND_STAT, &stat_in, &ended,
		  .size = sizeof(stat_in) },
		BIND_STAT,
	};

	(void)state;
	ended.out_flags |= VMSHM_BIND_ENDED;
	mock_expect(calls, ARRAY_SIZE(calls));
	assert_int_equal(vmshm_kvm_binding_update(binding, 2 * ADDR,
						  VMSHM_BIND_LOG), 0);
	assert_int_equal(vmshm_kvm_binding_update(binding, 2 * ADDR,
						  VMSHM_BIND_LOG), -EEXIST);
	assert_int_equal(vmshm_kvm_binding_update(binding, 2 * ADDR,
						  VMSHM_BIND_LOG), -ESRCH);
	assert_int_equal(vmshm_kvm_binding_update(binding, ADDR,
						  VMSHM_BIND_READONLY),
			 -EINVAL);
	assert_int_equal(vmshm_kvm_binding_stat(binding, &copy, sizeof(copy)),
			 0);
	assert_int_equal(copy.out_guest_addr, ADDR);
	assert_int_equal(vmshm_kvm_binding_stat(binding, &copy, 8), -EINVAL);
	mock_done();
}

static void slots(void **state)
{
	struct vmshm_bind_slots out = slots_in, many = slots_in;
	const struct mock_call calls[] = {
		{ VMSHM_IOC_BIND_SLOTS, &slots_in, &out,
		  .size = sizeof(slots_in),
		  .pointer = offsetof(struct vmshm_bind_slots, entries),
		  .data = found, .data_size = sizeof(found) },
		{ VMSHM_IOC_BIND_SLOTS, &slots_in, &many,
		  .size = sizeof(slots_in),
		  .pointer = offsetof(struct vmshm_bind_slots, entries) },
		{ VMSHM_IOC_BIND_SLOTS, &slots_in, &out,
		  .size = sizeof(slots_in),
		  .pointer = offsetof(struct vmshm_bind_slots, entries) },
		{ VMSHM_IOC_BIND_SLOTS, &slots_in, .size = sizeof(slots_in),
		  .pointer = offsetof(struct vmshm_bind_slots, entries),
		  .error = ENOMEM },
	};
	struct vmshm_bind_slot got[2] = {};

	(void)state;
	out.out_count = 2;
	many.out_count = 4;
	mock_expect(calls, ARRAY_SIZE(calls));
	/* One fits, and there are two. */
	assert_int_equal(vmshm_kvm_binding_slots(binding, got, 1), 2);
	assert_memory_equal(&got[0], &found[0], sizeof(got[0]));
	assert_int_equal(got[1].slot, 0);
	assert_int_equal(vmshm_kvm_binding_slots(binding, NULL, 0), -EPROTO);
	assert_int_equal(vmshm_kvm_binding_dispatch(binding), 0);
	assert_int_equal(vmshm_kvm_binding_dispatch(binding), -ENOMEM);
	mock_done();
}

static struct vmshm_bindings list_in(__u32 count)
{
	return (struct vmshm_bindings){
		.size = sizeof(struct vmshm_bindings),
		.entries = ANY_POINTER,
		.entry_size = sizeof(struct vmshm_binding),
		.count = count,
	};
}

static void lists(void **state)
{
	const struct vmshm_bindings in = list_in(16), in_more = list_in(35);
	struct vmshm_bindings out = in, out_more = in_more, nonsense = in;
	const struct vmshm_binding entries[20] = {
		{ .pid = 1 }, { .pid = 2 },
	};
	const struct mock_call calls[] = {
		{ VMSHM_IOC_BINDINGS, &in, &out, .size = sizeof(in),
		  .error = EMSGSIZE,
		  .pointer = offsetof(struct vmshm_bindings, entries) },
		{ VMSHM_IOC_BINDINGS, &in_more, &out_more, .size = sizeof(in),
		  .pointer = offsetof(struct vmshm_bindings, entries),
		  .data = entries, .data_size = sizeof(entries) },
		{ VMSHM_IOC_BINDINGS, &in, .size = sizeof(in),
		  .pointer = offsetof(struct vmshm_bindings, entries),
		  .error = ENOMEM },
		{ VMSHM_IOC_BINDINGS, &in, &nonsense, .size = sizeof(in),
		  .pointer = offsetof(struct vmshm_bindings, entries) },
	};
	struct vmshm_kvm_binding_list *list;
	const struct vmshm_binding *entry;
	int i;

	(void)state;
	out.out_count = 17;
	out_more.out_count = 20;
	nonsense.out_count = 17;
	mock_expect(calls, ARRAY_SIZE(calls));
	assert_int_equal(vmshm_kvm_binding_list_open(region, &list), 0);
	assert_int_equal(vmshm_kvm_binding_list_count(list), 20);
	for (i = 0; i < 20; i++) {
		assert_int_equal(vmshm_kvm_binding_list_next(list, &entry), 1);
		assert_int_equal(entry->pid, entries[i].pid);
	}
	assert_int_equal(vmshm_kvm_binding_list_next(list, &entry), 0);
	vmshm_kvm_binding_list_close(list);
	vmshm_kvm_binding_list_close(NULL);
	assert_int_equal(vmshm_kvm_binding_list_open(region, &list), -ENOMEM);
	assert_int_equal(vmshm_kvm_binding_list_open(region, &list), -EPROTO);
	mock_done();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(bind_errors),
		TEST(own_mapping),
		TEST(updates),
		TEST(slots),
		TEST(lists),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
