// SPDX-License-Identifier: GPL-2.0
/* Lists of regions and of members, which come in parts. */

#include <errno.h>

#include "mock.h"

#define PAGE	128

static struct vmshm_context *context;

static int setup(void **state)
{
	mock_setup(state);
	context = mock_context();
	return 0;
}

static int teardown(void **state)
{
	vmshm_context_close(context);
	return mock_teardown(state);
}

static void fill(struct vmshm_stat *stats, size_t count, size_t first,
		 __u32 registry)
{
	size_t i;

	memset(stats, 0, count * sizeof(*stats));
	for (i = 0; i < count; i++) {
		stats[i].size = sizeof(*stats);
		stats[i].out_generation = first + i;
		stats[i].out_registry = registry;
		snprintf((char *)stats[i].out_name, sizeof(stats[i].out_name),
			 "vm/%05zu", first + i);
	}
}

static struct vmshm_list list_in(__u32 flags, const char *prefix,
				 const char *after, __u32 after_registry)
{
	struct vmshm_list in = {
		.size = sizeof(in),
		.flags = flags,
		.entries = ANY_POINTER,
		.entry_size = sizeof(struct vmshm_stat),
		.count = PAGE,
		.after_registry = after_registry,
	};

	memcpy(in.prefix, prefix, strlen(prefix));
	memcpy(in.after, after, strlen(after));
	return in;
}

static struct mock_call list_call(const struct vmshm_list *in,
				  struct vmshm_list *out, __u32 count,
				  __u32 more, const struct vmshm_stat *stats)
{
	struct mock_call call = {
		.cmd = VMSHM_IOC_LIST,
		.in = in,
		.out = out,
		.size = sizeof(*in),
		.pointer = offsetof(struct vmshm_list, entries),
		.data = stats,
		.data_size = count * sizeof(*stats),
	};

	*out = *in;
	out->out_count = count;
	out->out_more = more;
	return call;
}

/* Two full pages and an empty one, over two registries. */
static void list_in_pages(void **state)
{
	const struct vmshm_region_list_options opt = {
		.size = sizeof(opt),
		.prefix = "vm/",
		.flags = VMSHM_LIST_ALL,
	};
	struct vmshm_stat first[PAGE], second[PAGE];
	struct vmshm_list in[3], out[3];
	struct vmshm_region_list *list;
	const struct vmshm_stat *stat;
	struct mock_call calls[3];
	size_t i;

	(void)state;
	fill(first, PAGE, 0, 17);
	fill(second, PAGE, PAGE, 18);
	in[0] = list_in(VMSHM_LIST_ALL, "vm/", "", 0);
	in[1] = list_in(VMSHM_LIST_ALL, "vm/", "vm/00127", 17);
	in[2] = list_in(VMSHM_LIST_ALL, "vm/", "vm/00255", 18);
	calls[0] = list_call(&in[0], &out[0], PAGE, 1, first);
	calls[1] = list_call(&in[1], &out[1], PAGE, 1, second);
	calls[2] = list_call(&in[2], &out[2], 0, 0, NULL);

	assert_int_equal(vmshm_region_list_open(context, &opt, &list), 0);
	mock_expect(calls, ARRAY_SIZE(calls));
	for (i = 0; i < 2 * PAGE; i++) {
		assert_int_equal(vmshm_region_list_next(list, &stat), 1);
		assert_int_equal(stat->out_generation, i);
	}
	assert_int_equal(vmshm_region_list_next(list, &stat), 0);
	assert_int_equal(vmshm_region_list_next(list, &stat), 0);
	mock_done();
	vmshm_region_list_close(list);
	vmshm_region_list_close(NULL);
}

static void list_of_one_registry(void **state)
{
	struct vmshm_list in[2], out[2];
	struct vmshm_region_list *list;
	const struct vmshm_stat *stat;
	struct mock_call calls[2];
	struct vmshm_stat one;

	(void)state;
	fill(&one, 1, 3, 17);
	in[0] = list_in(0, "", "", 0);
	/* The registry goes without saying, and must not be said. */
	in[1] = list_in(0, "", "vm/00003", 0);
	calls[0] = list_call(&in[0], &out[0], 1, 1, &one);
	calls[1] = list_call(&in[1], &out[1], 0, 1, NULL);

	assert_int_equal(vmshm_region_list_open(context, NULL, &list), 0);
	mock_expect(calls, ARRAY_SIZE(calls));
	assert_int_equal(vmshm_region_list_next(list, &stat), 1);
	assert_string_equal((const char *)stat->out_name, "vm/00003");
	/* Nothing, but more: that would go on for ever. */
	assert_int_equal(vmshm_region_list_next(list, &stat), 0);
	assert_int_equal(vmshm_region_list_next(list, &stat), 0);
	mock_done();
	vmshm_region_list_close(list);
}

static void list_can_go_on_after_errors(void **state)
{
	struct vmshm_list in = list_in(0, "", "", 0), out;
	struct vmshm_region_list *list;
	const struct vmshm_stat *stat;
	struct mock_call calls[3];
	struct vmshm_stat one;

	(void)state;
	fill(&one, 1, 3, 17);
	calls[0] = list_call(&in, &out, 1, 0, NULL);
	calls[0].error = EINTR;
	calls[1] = list_call(&in, &out, 1, 0, &one);

	assert_int_equal(vmshm_region_list_open(context, NULL, &list), 0);
	mock_expect(calls, 2);
	assert_int_equal(vmshm_region_list_next(list, &stat), -EINTR);
	assert_int_equal(vmshm_region_list_next(list, &stat), 1);
	assert_int_equal(vmshm_region_list_next(list, &stat), 0);
	mock_done();
	vmshm_region_list_close(list);
}

static void list_refuses_nonsense(void **state)
{
	struct vmshm_region_list_options opt = { .size = sizeof(opt) };
	struct vmshm_list in = list_in(0, "", "", 0), out;
	struct vmshm_region_list *list;
	const struct vmshm_stat *stat;
	char prefix[VMSHM_NAME_MAX + 2] = {};
	struct mock_call call;

	(void)state;
	memset(prefix, 'a', VMSHM_NAME_MAX + 1);
	opt.prefix = prefix;
	assert_int_equal(vmshm_region_list_open(context, &opt, &list), -EINVAL);
	opt.prefix = NULL;
	opt.__reserved = 1;
	assert_int_equal(vmshm_region_list_open(context, &opt, &list), -EINVAL);

	call = list_call(&in, &out, PAGE + 1, 0, NULL);
	assert_int_equal(vmshm_region_list_open(context, NULL, &list), 0);
	mock_expect(&call, 1);
	assert_int_equal(vmshm_region_list_next(list, &stat), -EPROTO);
	mock_done();
	vmshm_region_list_close(list);
}

static int find(const char *name, const struct vmshm_stat *found, __u32 count)
{
	struct vmshm_list in = list_in(0, name, "", 0), out;
	struct mock_call call;
	struct vmshm_stat stat, untouched;
	int rc;

	memset(&stat, 0x5a, sizeof(stat));
	memset(&untouched, 0x5a, sizeof(untouched));
	in.count = 1;
	call = list_call(&in, &out, count, 1, found);
	mock_expect(&call, 1);
	rc = vmshm_region_find(context, name, &stat, sizeof(stat));
	mock_done();
	/* Least of all is another region there. */
	assert_memory_equal(&stat, rc ? &untouched : found, sizeof(stat));
	return rc;
}

static void find_by_name(void **state)
{
	struct vmshm_stat found;

	(void)state;
	fill(&found, 1, 3, 17);
	assert_int_equal(find("vm/00003", &found, 1), 0);
	assert_int_equal(find("vm/0000", &found, 1), -ENOENT);
	assert_int_equal(find("vm/00003", NULL, 0), -ENOENT);
	assert_int_equal(vmshm_region_find(context, "", &found, sizeof(found)),
			 -EINVAL);
	assert_int_equal(vmshm_region_find(context, "a", &found,
					   sizeof(found) - 1), -EINVAL);
	assert_int_equal(vmshm_region_find(context, NULL, &found,
					   sizeof(found)), -EINVAL);
}

static struct vmshm_members members_in(__u32 count)
{
	struct vmshm_members in = {
		.size = sizeof(in),
		.entries = ANY_POINTER,
		.entry_size = sizeof(struct vmshm_member),
		.count = count,
	};

	return in;
}

static struct mock_call members_call(const struct vmshm_members *in,
				     struct vmshm_members *out, __u32 count,
				     int error,
				     const struct vmshm_member *members)
{
	struct mock_call call = {
		.cmd = VMSHM_IOC_MEMBERS,
		.in = in,
		.out = out,
		.size = sizeof(*in),
		.error = error,
		.pointer = offsetof(struct vmshm_members, entries),
		.data = members,
		.data_size = count * sizeof(*members),
	};

	*out = *in;
	out->out_count = count;
	return call;
}

static void members_that_become_more(void **state)
{
	struct vmshm_members in[3], out[3];
	struct vmshm_region *region = mock_region(1);
	struct vmshm_member found[100] = {};
	const struct vmshm_member *member;
	struct vmshm_member_list *list;
	struct mock_call calls[3];
	int i;

	(void)state;
	for (i = 0; i < 100; i++)
		found[i].pid = i + 1;
	in[0] = members_in(16);
	in[1] = members_in(17 + 17 / 8 + 16);
	in[2] = members_in(80 + 80 / 8 + 16);
	calls[0] = members_call(&in[0], &out[0], 17, EMSGSIZE, NULL);
	calls[1] = members_call(&in[1], &out[1], 80, EMSGSIZE, NULL);
	calls[2] = members_call(&in[2], &out[2], 100, 0, found);

	mock_expect(calls, ARRAY_SIZE(calls));
	assert_int_equal(vmshm_member_list_open(region, &list), 0);
	mock_done();
	assert_int_equal(vmshm_member_list_count(list), 100);
	for (i = 0; i < 100; i++) {
		assert_int_equal(vmshm_member_list_next(list, &member), 1);
		assert_int_equal(member->pid, i + 1);
	}
	assert_int_equal(vmshm_member_list_next(list, &member), 0);
	vmshm_member_list_close(list);
	vmshm_member_list_close(NULL);
	vmshm_region_close(region);
}

static void members_errors(void **state)
{
	struct vmshm_members in = members_in(16), out;
	struct vmshm_region *region = mock_region(1);
	struct vmshm_member_list *list;
	struct mock_call call;

	(void)state;
	call = members_call(&in, &out, 0, ENOMEM, NULL);
	mock_expect(&call, 1);
	assert_int_equal(vmshm_member_list_open(region, &list), -ENOMEM);
	/* More than there was room for, and no error. */
	call = members_call(&in, &out, 17, 0, NULL);
	call.data = NULL;
	mock_expect(&call, 1);
	assert_int_equal(vmshm_member_list_open(region, &list), -EPROTO);
	/* More than can be asked for. */
	call = members_call(&in, &out, UINT32_MAX, EMSGSIZE, NULL);
	mock_expect(&call, 1);
	assert_int_equal(vmshm_member_list_open(region, &list), -ENOMEM);
	mock_done();
	vmshm_region_close(region);
}

static void members_without_end(void **state)
{
	struct vmshm_members in[16], out[16];
	struct vmshm_region *region = mock_region(1);
	struct vmshm_member_list *list;
	struct mock_call calls[16];
	__u32 room = 16;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		in[i] = members_in(room);
		calls[i] = members_call(&in[i], &out[i], room + 1, EMSGSIZE,
					NULL);
		room = room + 1 + (room + 1) / 8 + 16;
	}
	mock_expect(calls, ARRAY_SIZE(calls));
	assert_int_equal(vmshm_member_list_open(region, &list), -EMSGSIZE);
	mock_done();
	vmshm_region_close(region);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(list_in_pages),
		TEST(list_of_one_registry),
		TEST(list_can_go_on_after_errors),
		TEST(list_refuses_nonsense),
		TEST(find_by_name),
		TEST(members_that_become_more),
		TEST(members_errors),
		TEST(members_without_end),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
