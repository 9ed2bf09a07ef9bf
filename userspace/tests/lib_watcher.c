// SPDX-License-Identifier: GPL-2.0
/* Watchers. The events come through a pipe instead of from the kernel. */

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "mock.h"

static struct vmshm_context *context;
static int pipes[2];

static int setup(void **state)
{
	mock_setup(state);
	context = mock_context();
	assert_return_code(pipe2(pipes, O_CLOEXEC), errno);
	/* New descriptors are copies of it. */
	assert_return_code(dup2(pipes[0], mock_file), errno);
	close(pipes[0]);
	return 0;
}

static int teardown(void **state)
{
	if (pipes[1] >= 0)
		close(pipes[1]);
	vmshm_context_close(context);
	return mock_teardown(state);
}

static const struct vmshm_watch watch_all = {
	.size = sizeof(watch_all),
};

static struct mock_call watch_call(const struct vmshm_watch *in,
				   const struct vmshm_watch *out)
{
	struct mock_call call = {
		.cmd = VMSHM_IOC_WATCH,
		.in = in,
		.out = out,
		.size = sizeof(*in),
		.new_fd = offsetof(struct vmshm_watch, out_fd),
	};

	return call;
}

static struct vmshm_watcher *open_watcher(__u32 flags)
{
	const struct vmshm_watcher_options opt = {
		.size = sizeof(opt),
		.flags = flags,
	};
	struct mock_call call = watch_call(&watch_all, NULL);
	struct vmshm_watcher *watcher = NULL;

	mock_expect(&call, 1);
	assert_int_equal(vmshm_watcher_open(context, &opt, &watcher), 0);
	mock_done();
	return watcher;
}

static void tell(const void *bytes, size_t size)
{
	assert_int_equal(write(pipes[1], bytes, size), size);
}

static void open_with_everything(void **state)
{
	const struct vmshm_watcher_options opt = {
		.size = sizeof(opt),
		.prefix = "vm1/",
		.events = 1U << VMSHM_EVENT_RESIZED,
	};
	const struct vmshm_watch in = {
		.size = sizeof(in),
		.events = 1U << VMSHM_EVENT_RESIZED,
		.prefix = "vm1/",
	};
	struct vmshm_watcher_options bad = opt;
	struct mock_call call = watch_call(&in, NULL);
	struct vmshm_watcher *watcher;
	size_t fds = mock_open_fds();

	(void)state;
	mock_expect(&call, 1);
	assert_int_equal(vmshm_watcher_open(context, &opt, &watcher), 0);
	assert_int_equal(vmshm_watcher_start(watcher), 0);
	assert_int_equal(fcntl(vmshm_watcher_fd(watcher), F_GETFL) & O_NONBLOCK,
			 0);
	vmshm_watcher_close(watcher);

	call.error = EDQUOT;
	call.new_fd = 0;
	mock_expect(&call, 1);
	assert_int_equal(vmshm_watcher_open(context, &opt, &watcher), -EDQUOT);
	mock_done();

	bad.flags = VMSHM_WATCHER_NONBLOCK << 1;
	assert_int_equal(vmshm_watcher_open(context, &bad, &watcher), -EINVAL);
	assert_int_equal(mock_open_fds(), fds);
	vmshm_watcher_close(NULL);
}

static void open_on_a_region(void **state)
{
	const struct vmshm_watcher_options opt = {
		.size = sizeof(opt),
		.prefix = "",
	};
	struct vmshm_watch out = watch_all;
	struct mock_call call = watch_call(&watch_all, &out);
	struct vmshm_watcher *watcher;
	struct vmshm_region *region;
	int fd;

	(void)state;
	/* The pipe will do for a region, if it is told so. */
	mock_is_region = false;
	fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	assert_int_equal(vmshm_region_from_fd(fd, &region), -ENOTTY);
	close(fd);

	mock_teardown(state);
	mock_setup(state);
	region = mock_region(1);
	out.out_seq = 77;
	mock_expect(&call, 1);
	assert_int_equal(vmshm_watcher_open_region(region, NULL, &watcher), 0);
	mock_done();
	vmshm_region_close(region);
	assert_int_equal(vmshm_watcher_start(watcher), 77);
	vmshm_watcher_close(watcher);

	region = mock_region(1);
	assert_int_equal(vmshm_watcher_open_region(region, &opt, &watcher),
			 -EINVAL);
	vmshm_region_close(region);
}

static void events_in_order(void **state)
{
	struct vmshm_watcher *watcher = open_watcher(VMSHM_WATCHER_NONBLOCK);
	const struct vmshm_event *event;
	struct vmshm_event events[3];
	int i;

	(void)state;
	assert_int_equal(vmshm_watcher_next(watcher, &event), -EAGAIN);
	memset(events, 0, sizeof(events));
	for (i = 0; i < 3; i++) {
		events[i].size = sizeof(events[i]);
		events[i].seq = (__u64)i + 1;
		memcpy(events[i].name, "vm1/ram", 8);
	}
	tell(events, 2 * sizeof(events[0]));
	tell(&events[2], sizeof(events[2]));
	for (i = 0; i < 3; i++) {
		assert_int_equal(vmshm_watcher_next(watcher, &event), 1);
		assert_memory_equal(event, &events[i], sizeof(*event));
	}
	assert_int_equal(vmshm_watcher_next(watcher, &event), -EAGAIN);
	close(pipes[1]);
	pipes[1] = -1;
	assert_int_equal(vmshm_watcher_next(watcher, &event), 0);
	vmshm_watcher_close(watcher);
}

/* A kernel that knows more says how far the next event is. */
static void longer_events(void **state)
{
	struct vmshm_watcher *watcher = open_watcher(VMSHM_WATCHER_NONBLOCK);
	const struct vmshm_event *event;
	struct {
		struct vmshm_event event;
		__u64 later;
	} events[2];
	int i;

	(void)state;
	memset(events, 0, sizeof(events));
	for (i = 0; i < 2; i++) {
		events[i].event.size = sizeof(events[i]);
		events[i].event.seq = (__u64)i + 1;
		events[i].later = ~0ULL;
	}
	tell(events, sizeof(events));
	for (i = 0; i < 2; i++) {
		assert_int_equal(vmshm_watcher_next(watcher, &event), 1);
		assert_int_equal(event->seq, i + 1);
	}
	assert_int_equal(vmshm_watcher_next(watcher, &event), -EAGAIN);
	vmshm_watcher_close(watcher);
}

static void nonsense_is_no_event(void **state)
{
	struct vmshm_watcher *watcher = open_watcher(VMSHM_WATCHER_NONBLOCK);
	struct vmshm_event bad = { .size = sizeof(bad) };
	const struct vmshm_event *event;

	(void)state;
	tell(&bad, 3);
	assert_int_equal(vmshm_watcher_next(watcher, &event), -EPROTO);
	tell(&bad, sizeof(bad) - 1);
	assert_int_equal(vmshm_watcher_next(watcher, &event), -EPROTO);
	bad.size = sizeof(bad) + 1;
	tell(&bad, sizeof(bad));
	assert_int_equal(vmshm_watcher_next(watcher, &event), -EPROTO);
	bad.size = 0;
	tell(&bad, sizeof(bad));
	assert_int_equal(vmshm_watcher_next(watcher, &event), -EPROTO);
	bad.size = sizeof(bad);
	memset(bad.name, 'a', sizeof(bad.name));
	tell(&bad, sizeof(bad));
	assert_int_equal(vmshm_watcher_next(watcher, &event), -EPROTO);

	/* And then it goes on. */
	bad.name[sizeof(bad.name) - 1] = 0;
	tell(&bad, sizeof(bad));
	assert_int_equal(vmshm_watcher_next(watcher, &event), 1);
	vmshm_watcher_close(watcher);
}

static void eventfd_calls(void **state)
{
	const struct vmshm_watch_eventfd set = { .size = sizeof(set), .fd = 9 };
	const struct vmshm_watch_eventfd unset = {
		.size = sizeof(unset),
		.fd = -1,
	};
	struct vmshm_watcher *watcher = open_watcher(0);
	const struct mock_call calls[] = {
		{ VMSHM_IOC_WATCH_EVENTFD, &set, .size = sizeof(set) },
		{ VMSHM_IOC_WATCH_EVENTFD, &unset, .size = sizeof(unset) },
		{ VMSHM_IOC_WATCH_EVENTFD, &set, .size = sizeof(set),
		  .error = EINVAL },
	};

	(void)state;
	mock_expect(calls, ARRAY_SIZE(calls));
	assert_int_equal(vmshm_watcher_set_eventfd(watcher, 9), 0);
	assert_int_equal(vmshm_watcher_set_eventfd(watcher, -1), 0);
	assert_int_equal(vmshm_watcher_set_eventfd(watcher, 9), -EINVAL);
	mock_done();
	vmshm_watcher_close(watcher);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(open_with_everything),
		TEST(open_on_a_region),
		TEST(events_in_order),
		TEST(longer_events),
		TEST(nonsense_is_no_event),
		TEST(eventfd_calls),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
