// SPDX-License-Identifier: GPL-2.0
/* Dirty logs: what the kernel is asked, and rounds that come in parts. */

#include <errno.h>

#include "mock.h"

#define FIRST	10
#define PAGES	1000
#define ROOM	4096

static struct vmshm_region *region;
static struct vmshm_log *log_under_test;
static size_t fds;

static const struct vmshm_log_options options = {
	.size = sizeof(options),
	.first_page = FIRST,
	.nr_pages = PAGES,
	.watermark = 7,
	.flags = VMSHM_LOG_ALL_DIRTY,
};

static const struct vmshm_log_open open_in = {
	.size = sizeof(open_in),
	.flags = VMSHM_LOG_ALL_DIRTY,
	.first_page = FIRST,
	.nr_pages = PAGES,
	.watermark = 7,
};

static const struct vmshm_log_stat stat_in = {
	.size = sizeof(stat_in),
};

static const struct vmshm_log_stat stat_out = {
	.size = sizeof(stat_out),
	.out_first_page = FIRST,
	.out_nr_pages = PAGES,
};

static int setup(void **state)
{
	const struct mock_call calls[] = {
		{ VMSHM_IOC_LOG_OPEN, &open_in, .size = sizeof(open_in),
		  .new_fd = offsetof(struct vmshm_log_open, out_fd) },
		{ VMSHM_IOC_LOG_STAT, &stat_in, &stat_out,
		  .size = sizeof(stat_in) },
	};

	mock_setup(state);
	fds = mock_open_fds();
	region = mock_region(1);
	mock_expect(calls, ARRAY_SIZE(calls));
	assert_int_equal(vmshm_log_open(region, &options, &log_under_test), 0);
	mock_done();
	return 0;
}

static int teardown(void **state)
{
	vmshm_log_close(log_under_test);
	vmshm_log_close(NULL);
	vmshm_region_close(region);
	assert_int_equal(mock_open_fds(), fds);
	return mock_teardown(state);
}

static void open_errors(void **state)
{
	const struct mock_call calls[] = {
		{ VMSHM_IOC_LOG_OPEN, &open_in, .size = sizeof(open_in),
		  .error = EDQUOT },
		{ VMSHM_IOC_LOG_OPEN, &open_in, .size = sizeof(open_in),
		  .new_fd = offsetof(struct vmshm_log_open, out_fd) },
		{ VMSHM_IOC_LOG_STAT, &stat_in, .size = sizeof(stat_in),
		  .error = EINTR },
	};
	struct vmshm_log_options bad = options;
	struct vmshm_log *other;

	(void)state;
	mock_expect(calls, ARRAY_SIZE(calls));
	assert_int_equal(vmshm_log_open(region, &options, &other), -EDQUOT);
	assert_int_equal(vmshm_log_open(region, &options, &other), -EINTR);
	mock_done();
	bad.__reserved = 1;
	assert_int_equal(vmshm_log_open(region, &bad, &other), -EINVAL);
}

static struct vmshm_log_fetch fetch_in(__u32 flags, __u32 format,
				       __u64 first_page)
{
	struct vmshm_log_fetch in = {
		.size = sizeof(in),
		.flags = flags,
		.format = format,
		.first_page = first_page,
	};

	if (format == VMSHM_LOG_RANGES) {
		in.count = ROOM;
		in.buffer = ANY_POINTER;
	}
	return in;
}

static struct mock_call fetch_call(const struct vmshm_log_fetch *in,
				   struct vmshm_log_fetch *out, __u64 next,
				   __u64 pages,
				   const struct vmshm_log_range *ranges,
				   __u32 count)
{
	struct mock_call call = {
		.cmd = VMSHM_IOC_LOG_FETCH,
		.in = in,
		.out = out,
		.size = sizeof(*in),
		.pointer = in->buffer ?
			   offsetof(struct vmshm_log_fetch, buffer) : 0,
		.data = ranges,
		.data_size = count * sizeof(*ranges),
	};

	*out = *in;
	out->out_next = next;
	out->out_pages = pages;
	out->out_pinned = 1;
	out->out_count = count;
	return call;
}

static void round_in_parts(void **state)
{
	const struct vmshm_log_range first[] = { { 10, 3 }, { 20, 1 } };
	const struct vmshm_log_range second[] = { { 900, 50 } };
	struct vmshm_log_fetch in[3], out[3];
	const struct vmshm_log_range *range;
	struct mock_call calls[3];

	(void)state;
	in[0] = fetch_in(VMSHM_LOG_PEEK, VMSHM_LOG_RANGES, FIRST);
	in[1] = fetch_in(VMSHM_LOG_PEEK, VMSHM_LOG_RANGES, 500);
	in[2] = fetch_in(VMSHM_LOG_PEEK, VMSHM_LOG_RANGES, 600);
	calls[0] = fetch_call(&in[0], &out[0], 500, 4, first, 2);
	calls[1] = fetch_call(&in[1], &out[1], 600, 0, NULL, 0);
	calls[2] = fetch_call(&in[2], &out[2], FIRST + PAGES, 50, second, 1);

	/* No round has begun. */
	assert_int_equal(vmshm_log_next(log_under_test, &range), 0);

	assert_int_equal(vmshm_log_begin(log_under_test, VMSHM_LOG_PEEK), 0);
	mock_expect(calls, ARRAY_SIZE(calls));
	assert_int_equal(vmshm_log_next(log_under_test, &range), 1);
	assert_memory_equal(range, &first[0], sizeof(*range));
	assert_int_equal(vmshm_log_next(log_under_test, &range), 1);
	assert_memory_equal(range, &first[1], sizeof(*range));
	assert_int_equal(vmshm_log_pages(log_under_test), 4);
	assert_int_equal(vmshm_log_next(log_under_test, &range), 1);
	assert_memory_equal(range, &second[0], sizeof(*range));
	assert_int_equal(vmshm_log_next(log_under_test, &range), 0);
	assert_int_equal(vmshm_log_next(log_under_test, &range), 0);
	mock_done();
	assert_int_equal(vmshm_log_pages(log_under_test), 54);
	assert_int_equal(vmshm_log_pinned(log_under_test), 3);
}

/* What was cleared has to be given out before anything else. */
static void nothing_is_dropped(void **state)
{
	const struct vmshm_log_range found[] = { { 10, 3 }, { 20, 1 } };
	struct vmshm_log_fetch in, out;
	const struct vmshm_log_range *range;
	struct mock_call call;

	(void)state;
	in = fetch_in(0, VMSHM_LOG_RANGES, FIRST);
	call = fetch_call(&in, &out, FIRST + PAGES, 4, found, 2);
	assert_int_equal(vmshm_log_begin(log_under_test, 0), 0);

	call.error = EINTR;
	mock_expect(&call, 1);
	assert_int_equal(vmshm_log_next(log_under_test, &range), -EINTR);
	call.error = 0;
	mock_expect(&call, 1);
	assert_int_equal(vmshm_log_next(log_under_test, &range), 1);
	assert_int_equal(vmshm_log_begin(log_under_test, 0), -EBUSY);
	assert_int_equal(vmshm_log_next(log_under_test, &range), 1);
	assert_int_equal(vmshm_log_begin(log_under_test, 0), 0);
	assert_int_equal(vmshm_log_begin(log_under_test, VMSHM_LOG_PEEK << 1),
			 -EINVAL);
	mock_done();
}

static void rounds_get_on(void **state)
{
	struct vmshm_log_fetch in, out;
	const struct vmshm_log_range *range;
	struct mock_call call;
	__u64 pages;

	(void)state;
	in = fetch_in(0, VMSHM_LOG_RANGES, FIRST);
	call = fetch_call(&in, &out, FIRST, 0, NULL, 0);
	assert_int_equal(vmshm_log_begin(log_under_test, 0), 0);
	mock_expect(&call, 1);
	assert_int_equal(vmshm_log_next(log_under_test, &range), -EPROTO);

	out.out_next = FIRST + PAGES + 1;
	mock_expect(&call, 1);
	assert_int_equal(vmshm_log_next(log_under_test, &range), -EPROTO);

	in = fetch_in(0, VMSHM_LOG_COUNT, FIRST);
	call = fetch_call(&in, &out, FIRST, 0, NULL, 0);
	mock_expect(&call, 1);
	assert_int_equal(vmshm_log_count(log_under_test, 0, &pages), -EPROTO);
	mock_done();
}

static void count_in_parts(void **state)
{
	struct vmshm_log_fetch in[2], out[2];
	struct mock_call calls[2];
	__u64 pages = 0;

	(void)state;
	in[0] = fetch_in(VMSHM_LOG_PEEK, VMSHM_LOG_COUNT, FIRST);
	in[1] = fetch_in(VMSHM_LOG_PEEK, VMSHM_LOG_COUNT, 77);
	calls[0] = fetch_call(&in[0], &out[0], 77, 5, NULL, 0);
	calls[1] = fetch_call(&in[1], &out[1], FIRST + PAGES, 6, NULL, 0);
	mock_expect(calls, ARRAY_SIZE(calls));
	assert_int_equal(vmshm_log_count(log_under_test, VMSHM_LOG_PEEK,
					 &pages), 0);
	mock_done();
	assert_int_equal(pages, 11);
}

static void other_calls(void **state)
{
	const struct vmshm_log_range ranges[2] = { { 1, 2 }, { 5, 6 } };
	const __u64 bitmap[2] = { 1, 2 };
	const struct vmshm_log_rearm rearm = {
		.size = sizeof(rearm),
		.ranges = (uintptr_t)ranges,
		.count = 2,
	};
	const struct vmshm_log_watermark watermark = {
		.size = sizeof(watermark),
		.watermark = 1ULL << 40,
	};
	const struct vmshm_mark mark = {
		.size = sizeof(mark),
		.ranges = (uintptr_t)ranges,
		.count = 2,
	};
	const struct vmshm_merge merge = {
		.size = sizeof(merge),
		.first_page = 3,
		.nr_pages = 100,
		.bitmap = (uintptr_t)bitmap,
	};
	const struct mock_call calls[] = {
		{ VMSHM_IOC_LOG_REARM, &rearm, .size = sizeof(rearm) },
		{ VMSHM_IOC_LOG_WATERMARK, &watermark,
		  .size = sizeof(watermark) },
		{ VMSHM_IOC_MARK, &mark, .size = sizeof(mark) },
		{ VMSHM_IOC_MERGE, &merge, .size = sizeof(merge),
		  .error = EACCES },
		{ VMSHM_IOC_LOG_STAT, &stat_in, &stat_out,
		  .size = sizeof(stat_in) },
	};
	struct vmshm_log_stat stat;

	(void)state;
	mock_expect(calls, ARRAY_SIZE(calls));
	assert_int_equal(vmshm_log_rearm(log_under_test, ranges, 2), 0);
	assert_int_equal(vmshm_log_set_watermark(log_under_test, 1ULL << 40),
			 0);
	assert_int_equal(vmshm_region_mark(region, ranges, 2), 0);
	assert_int_equal(vmshm_region_merge(region, 3, bitmap, 100), -EACCES);
	assert_int_equal(vmshm_log_stat(log_under_test, &stat, sizeof(stat)),
			 0);
	mock_done();
	assert_memory_equal(&stat, &stat_out, sizeof(stat));
	assert_int_equal(vmshm_log_stat(log_under_test, &stat,
					sizeof(stat) - 1), -EINVAL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(open_errors),
		TEST(round_in_parts),
		TEST(nothing_is_dropped),
		TEST(rounds_get_on),
		TEST(count_in_parts),
		TEST(other_calls),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
