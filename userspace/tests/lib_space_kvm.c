// SPDX-License-Identifier: GPL-2.0
/* Address spaces of KVM VMs, and KVM's dirty log: what KVM is asked. */

#include <errno.h>

#include <linux/kvm.h>

#include <vmshm/kvm_log.h>
#include <vmshm/space.h>

#include "mock.h"

#define PAGE		4096ULL
#define MEMORY		0x100000000000ULL

/* Any descriptor: ioctls do not reach it. */
#define VM		0

static struct vmshm_region *region;

static int setup(void **state)
{
	mock_setup(state);
	region = mock_region(1);
	return 0;
}

static int teardown(void **state)
{
	mock_done();
	vmshm_region_close(region);
	return mock_teardown(state);
}

#define CHECK_EXTENSION(number) \
	{ .cmd = KVM_CHECK_EXTENSION, .result = number }

static struct mock_call call(unsigned long cmd, const void *in, size_t size)
{
	return (struct mock_call){ .cmd = cmd, .in = in, .size = size };
}

static struct mock_call slot_call(const struct kvm_userspace_memory_region *in)
{
	return call(KVM_SET_USER_MEMORY_REGION, in, sizeof(*in));
}

static struct kvm_userspace_memory_region slot(__u32 number, __u64 page,
					       __u64 pages, __u64 memory,
					       __u32 flags)
{
	return (struct kvm_userspace_memory_region){
		.slot = number,
		.flags = flags,
		.guest_phys_addr = page * PAGE,
		.memory_size = pages * PAGE,
		.userspace_addr = MEMORY + memory * PAGE,
	};
}

static struct vmshm_space *open_space(struct vmshm_kvm_log *log, __u32 first,
				      __u32 count)
{
	const struct mock_call check = CHECK_EXTENSION(100);
	const struct vmshm_space_kvm_options options = {
		.size = sizeof(options),
		.log = log,
		.first_slot = first,
		.nr_slots = count,
	};
	struct vmshm_space *space;

	mock_expect(&check, 1);
	assert_int_equal(vmshm_space_open_kvm(VM, &options, &space), 0);
	mock_done();
	return space;
}

static struct vmshm_space_node *add_ram(struct vmshm_space *space,
					const char *name, __u64 page,
					__u64 pages)
{
	const struct vmshm_space_memory ram = {
		.size = sizeof(ram),
		.region = region,
		.memory = (void *)(uintptr_t)(MEMORY + page * PAGE),
		.offset = page * PAGE,
		.length = pages * PAGE,
	};
	struct vmshm_space_node *node;

	assert_int_equal(vmshm_space_add_memory(space, name, &ram, &node), 0);
	return node;
}

static void open_errors(void **state)
{
	struct vmshm_space_kvm_options options = { .size = sizeof(options) };
	const struct mock_call check = CHECK_EXTENSION(100);
	struct mock_call none = CHECK_EXTENSION(0);
	struct vmshm_space *space;

	(void)state;
	none.error = ENOTTY;
	mock_expect(&none, 1);
	assert_int_equal(vmshm_space_open_kvm(VM, NULL, &space), -ENOTTY);
	options.first_slot = 100;
	mock_expect(&check, 1);
	assert_int_equal(vmshm_space_open_kvm(VM, &options, &space), -EINVAL);
	options.first_slot = 98;
	options.nr_slots = 3;
	mock_expect(&check, 1);
	assert_int_equal(vmshm_space_open_kvm(VM, &options, &space), -EINVAL);
}

/* Numbers are used again, the lowest first; flags are switched in place. */
static void slots(void **state)
{
	struct kvm_userspace_memory_region args[7];
	struct vmshm_space *space = open_space(NULL, 98, 0);
	struct mock_call calls[7];
	struct vmshm_space_node *ram, *more, *third;
	int i;

	(void)state;
	ram = add_ram(space, "ram", 0, 8);
	more = add_ram(space, "more", 16, 8);
	third = add_ram(space, "third", 32, 8);
	args[0] = slot(98, 0, 8, 0, 0);
	args[1] = slot(99, 0x100, 8, 16, 0);
	args[2] = slot(98, 0, 8, 0, KVM_MEM_LOG_DIRTY_PAGES);
	args[3] = slot(98, 0, 0, 0, 0);
	args[4] = slot(98, 0x200, 8, 0, KVM_MEM_LOG_DIRTY_PAGES |
					KVM_MEM_READONLY);
	args[5] = slot(98, 0x200, 0, 0, 0);
	args[6] = slot(99, 0x100, 0, 16, 0);
	for (i = 0; i < 7; i++)
		calls[i] = slot_call(&args[i]);
	mock_expect(calls, 7);
	assert_int_equal(vmshm_space_node_place(ram, NULL, 0, 0), 0);
	assert_int_equal(vmshm_space_node_place(more, NULL, 0x100 * PAGE, 0),
			 0);
	assert_int_equal(vmshm_space_node_set_flags(ram, VMSHM_SPACE_LOG,
						    VMSHM_SPACE_LOG), 0);
	/* There are two, and KVM is not asked for a third. */
	assert_int_equal(vmshm_space_node_place(third, NULL, 0x300 * PAGE, 0),
			 -ENOSPC);
	assert_int_equal(vmshm_space_begin(space), 0);
	assert_int_equal(vmshm_space_node_move(ram, 0x200 * PAGE), 0);
	assert_int_equal(vmshm_space_node_set_flags(ram, VMSHM_SPACE_READONLY,
						    VMSHM_SPACE_READONLY), 0);
	assert_int_equal(vmshm_space_commit(space), 0);
	assert_int_equal(vmshm_space_node_unplace(ram), 0);
	vmshm_space_close(space);
}

/* KVM's log */

static const struct kvm_enable_cap enable = {
	.cap = KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2,
	.args = { KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE },
};

static const struct kvm_enable_cap disable = {
	.cap = KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2,
};

static struct vmshm_kvm_log *open_log(__u32 flags)
{
	const struct mock_call calls[] = {
		CHECK_EXTENSION(3),
		call(KVM_ENABLE_CAP, flags ? &disable : &enable,
		     sizeof(enable)),
	};
	struct vmshm_kvm_log *log;

	mock_expect(calls, ARRAY_SIZE(calls));
	assert_int_equal(vmshm_kvm_log_open(VM, flags, &log), 0);
	mock_done();
	return log;
}

static void log_open(void **state)
{
	struct mock_call calls[] = {
		CHECK_EXTENSION(0),
		CHECK_EXTENSION(1),
		call(KVM_ENABLE_CAP, &enable, sizeof(enable)),
	};
	struct vmshm_kvm_log *log;

	(void)state;
	assert_int_equal(vmshm_kvm_log_open(VM, 2, &log), -EINVAL);
	calls[0].error = ENOTTY;
	mock_expect(calls, 1);
	assert_int_equal(vmshm_kvm_log_open(VM, 0, &log), -ENOTTY);
	/* A KVM that clears by itself, or does not at all. */
	calls[0].error = 0;
	mock_expect(calls, 1);
	assert_int_equal(vmshm_kvm_log_open(VM, 0, &log), 0);
	mock_done();
	vmshm_kvm_log_close(log);
	vmshm_kvm_log_close(NULL);
	calls[2].error = EINVAL;
	mock_expect(calls + 1, 2);
	assert_int_equal(vmshm_kvm_log_open(VM, 0, &log), -EINVAL);
	vmshm_kvm_log_close(open_log(VMSHM_KVM_LOG_AUTO_CLEAR));
}

#define FIRST	5
#define PAGES	70

/* Slot 3 shows pages FIRST to FIRST + PAGES - 1. */
static const struct kvm_dirty_log get = {
	.slot = 3,
	.padding2 = ANY_POINTER,
};

static const struct kvm_clear_dirty_log clear = {
	.slot = 3,
	.num_pages = PAGES,
	.padding2 = ANY_POINTER,
};

static const struct vmshm_merge merge = {
	.size = sizeof(merge),
	.first_page = FIRST,
	.nr_pages = PAGES,
	.bitmap = ANY_POINTER,
};

static const __u64 some[2] = { 5, 1 };
static const __u64 none[2];

static struct mock_call get_call(const __u64 *bits)
{
	struct mock_call this = call(KVM_GET_DIRTY_LOG, &get, sizeof(get));

	this.pointer = offsetof(struct kvm_dirty_log, padding2);
	this.data = bits;
	this.data_size = sizeof(some);
	return this;
}

static struct mock_call clear_call(void)
{
	struct mock_call this = call(KVM_CLEAR_DIRTY_LOG, &clear,
				     sizeof(clear));

	this.pointer = offsetof(struct kvm_clear_dirty_log, padding2);
	return this;
}

static struct mock_call merge_call(int error)
{
	struct mock_call this = call(VMSHM_IOC_MERGE, &merge, sizeof(merge));

	this.pointer = offsetof(struct vmshm_merge, bitmap);
	this.error = error;
	return this;
}

static int add(struct vmshm_kvm_log *log)
{
	return vmshm_kvm_log_add(log, 3, region, FIRST, PAGES);
}

static void log_sync(void **state)
{
	struct mock_call calls[] = {
		get_call(none), merge_call(0),
		get_call(some), clear_call(), merge_call(EINTR),
		get_call(none), merge_call(0),
		get_call(some), clear_call(), merge_call(0),
		get_call(none), merge_call(0),
	};
	struct vmshm_kvm_log *log = open_log(0);
	__u64 pages;

	(void)state;
	mock_expect(calls, ARRAY_SIZE(calls));
	assert_int_equal(add(log), 0);
	assert_int_equal(add(log), -EEXIST);
	/* KVM has forgotten them; they are kept. */
	assert_int_equal(vmshm_kvm_log_sync(log, &pages), -EINTR);
	assert_int_equal(pages, 3);
	assert_int_equal(vmshm_kvm_log_sync(log, &pages), 0);
	assert_int_equal(pages, 0);
	assert_int_equal(vmshm_kvm_log_sync(log, NULL), 0);
	assert_int_equal(vmshm_kvm_log_remove(log, 4), -ENOENT);
	assert_int_equal(vmshm_kvm_log_remove(log, 3), 0);
	assert_int_equal(vmshm_kvm_log_remove(log, 3), -ENOENT);
	mock_done();
	vmshm_kvm_log_close(log);
}

/* KVM fails; what it gave before is passed on. */
static void log_errors(void **state)
{
	struct mock_call calls[] = {
		get_call(none), merge_call(0),
		get_call(some), clear_call(), merge_call(0),
		get_call(none), merge_call(0),
		get_call(none), merge_call(0),
	};
	struct vmshm_kvm_log *log = open_log(0);
	__u64 pages = 0;

	(void)state;
	assert_int_equal(vmshm_kvm_log_add(log, 3, region, 0, 0), -EINVAL);
	assert_int_equal(vmshm_kvm_log_add(log, 3, region, 0, 1ULL << 31),
			 -EINVAL);
	calls[0].error = ENOENT;
	mock_expect(calls, 2);
	assert_int_equal(add(log), -ENOENT);
	mock_done();
	calls[0].error = 0;
	calls[1].error = EINVAL;
	mock_expect(calls, 2);
	assert_int_equal(add(log), -EINVAL);
	mock_done();

	calls[1].error = 0;
	calls[3].error = ENOMEM;
	calls[5].error = EIO;
	mock_expect(calls, ARRAY_SIZE(calls));
	assert_int_equal(add(log), 0);
	assert_int_equal(vmshm_kvm_log_sync(log, &pages), -ENOMEM);
	assert_int_equal(pages, 3);
	assert_int_equal(vmshm_kvm_log_remove(log, 3), -EIO);
	assert_int_equal(vmshm_kvm_log_sync(log, &pages), 0);
	mock_done();
	vmshm_kvm_log_close(log);
}

/* A slot that has gone from KVM must not be read again, nor its region. */
static void log_of_what_is_gone(void **state)
{
	struct mock_call calls[] = {
		get_call(none), merge_call(0),
		get_call(none), merge_call(0),
		get_call(none), merge_call(0),
		get_call(none), merge_call(0),
	};
	struct vmshm_kvm_log *log = open_log(0);
	__u64 pages;

	(void)state;
	calls[2].error = ENOENT;
	calls[4].error = ENOENT;
	calls[5].error = EIO;
	calls[6].error = ENOENT;
	mock_expect(calls, 4);
	assert_int_equal(add(log), 0);
	assert_int_equal(vmshm_kvm_log_remove(log, 3), 0);
	mock_done();
	assert_int_equal(vmshm_kvm_log_sync(log, &pages), 0);
	assert_int_equal(vmshm_kvm_log_remove(log, 3), -ENOENT);

	/* It stays as long as the region has not been told. */
	calls[2].error = 0;
	mock_expect(calls + 2, 6);
	assert_int_equal(add(log), 0);
	assert_int_equal(vmshm_kvm_log_remove(log, 3), -EIO);
	assert_int_equal(vmshm_kvm_log_remove(log, 3), 0);
	mock_done();
	vmshm_kvm_log_close(log);
}

/* Without KVM_CLEAR_DIRTY_LOG: reading clears. */
static void log_auto_clear(void **state)
{
	struct mock_call calls[] = {
		get_call(none), merge_call(0),
		get_call(some), merge_call(0),
	};
	struct vmshm_kvm_log *log = open_log(VMSHM_KVM_LOG_AUTO_CLEAR);

	(void)state;
	mock_expect(calls, ARRAY_SIZE(calls));
	assert_int_equal(add(log), 0);
	assert_int_equal(vmshm_kvm_log_sync(log, NULL), 0);
	mock_done();
	vmshm_kvm_log_close(log);
}

/* An address space adds its slots to the log, and reads them before they go. */
static void logged_space(void **state)
{
	struct vmshm_kvm_log *log = open_log(0);
	struct vmshm_space *space = open_space(log, 3, 1);
	struct kvm_userspace_memory_region args[] = {
		slot(3, 0, PAGES, FIRST, 0),
		slot(3, 0, PAGES, FIRST, KVM_MEM_LOG_DIRTY_PAGES),
		slot(3, 0, 0, FIRST, 0),
		slot(3, 1, PAGES, FIRST, KVM_MEM_LOG_DIRTY_PAGES),
		slot(3, 1, 0, FIRST, 0),
		slot(3, 1, PAGES, FIRST, 0),
	};
	struct mock_call calls[] = {
		slot_call(&args[0]),
		/* LOG on */
		slot_call(&args[1]), get_call(none), merge_call(0),
		/* moved */
		get_call(some), clear_call(), merge_call(0),
		slot_call(&args[2]),
		slot_call(&args[3]), get_call(none), merge_call(0),
		/* KVM does not let go: it is read again */
		get_call(none), merge_call(0), slot_call(&args[4]),
		get_call(none), merge_call(0),
		/* off */
		get_call(some), clear_call(), merge_call(0),
		slot_call(&args[5]),
		/* closed */
		slot_call(&args[4]),
	};
	struct vmshm_space_node *ram = add_ram(space, "ram", FIRST, PAGES);

	(void)state;
	calls[13].error = ENOMEM;
	mock_expect(calls, ARRAY_SIZE(calls));
	assert_int_equal(vmshm_space_node_place(ram, NULL, 0, 0), 0);
	assert_int_equal(vmshm_space_node_set_flags(ram, VMSHM_SPACE_LOG,
						    VMSHM_SPACE_LOG), 0);
	assert_int_equal(vmshm_space_node_move(ram, PAGE), 0);
	assert_int_equal(vmshm_space_node_unplace(ram), -ENOMEM);
	assert_int_equal(vmshm_space_node_set_flags(ram, VMSHM_SPACE_LOG, 0),
			 0);
	vmshm_space_close(space);
	mock_done();
	vmshm_kvm_log_close(log);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(open_errors),
		TEST(slots),
		TEST(log_open),
		TEST(log_sync),
		TEST(log_errors),
		TEST(log_of_what_is_gone),
		TEST(log_auto_clear),
		TEST(logged_space),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
