// SPDX-License-Identifier: GPL-2.0
/* Contexts, domains, errors and options of every age. */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include "mock.h"

static void open_and_close(void **state)
{
	size_t fds = mock_open_fds();
	struct vmshm_context *context = mock_context();

	(void)state;
	assert_int_equal(fcntl(vmshm_context_fd(context), F_GETFD), FD_CLOEXEC);
	vmshm_context_close(context);
	assert_int_equal(mock_open_fds(), fds);
	vmshm_context_close(NULL);
}

static void open_says_what_open_says(void **state)
{
	struct vmshm_context *context = (void *)-1;

	(void)state;
	mock_device_error = EACCES;
	assert_int_equal(vmshm_context_open(NULL, &context), -EACCES);
	assert_int_equal(vmshm_context_open("/nonexistent/vmshm", &context),
			 -ENOENT);
	assert_ptr_equal(context, (void *)-1);
}

static void open_refuses_other_devices(void **state)
{
	struct mock_call calls[] = { MOCK_INFO };
	struct vmshm_context *context = (void *)-1;
	size_t fds = mock_open_fds();

	(void)state;
	calls[0].error = ENOTTY;
	mock_expect(calls, 1);
	assert_int_equal(vmshm_context_open(NULL, &context), -ENOTTY);

	/* Success that did not change anything is not our device's. */
	calls[0].error = 0;
	calls[0].out = NULL;
	mock_expect(calls, 1);
	assert_int_equal(vmshm_context_open(NULL, &context), -ENOTTY);
	assert_ptr_equal(context, (void *)-1);
	assert_int_equal(mock_open_fds(), fds);
}

static void from_fd_leaves_it_to_the_caller_on_failure(void **state)
{
	struct mock_call calls[] = { MOCK_INFO };
	int fd = fcntl(mock_device, F_DUPFD_CLOEXEC, 0);
	struct vmshm_context *context;

	(void)state;
	calls[0].error = ENOTTY;
	mock_expect(calls, 1);
	assert_int_equal(vmshm_context_from_fd(fd, &context), -ENOTTY);

	calls[0].error = 0;
	mock_expect(calls, 1);
	assert_int_equal(vmshm_context_from_fd(fd, &context), 0);
	assert_int_equal(vmshm_context_fd(context), fd);
	vmshm_context_close(context);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	assert_int_equal(vmshm_context_from_fd(fd, &context), -EBADF);
}

static void info_of_every_size(void **state)
{
	struct vmshm_context *context = mock_context();
	struct mock_call calls[] = { MOCK_INFO };
	struct {
		struct vmshm_info info;
		__u64 later;
	} in = {}, out = {}, got;

	(void)state;
	mock_info_out.out_bytes_user = 4711;
	mock_expect(calls, 1);
	assert_int_equal(vmshm_context_info(context, &got.info,
					    sizeof(got.info)), 0);
	assert_memory_equal(&got.info, &mock_info_out, sizeof(got.info));

	/* A program that knows more than the library. */
	in.info.size = sizeof(in);
	out.info = mock_info_out;
	out.info.size = sizeof(out);
	out.later = 42;
	calls[0].in = &in;
	calls[0].out = &out;
	calls[0].size = sizeof(in);
	memset(&got, 0xff, sizeof(got));
	mock_expect(calls, 1);
	assert_int_equal(vmshm_context_info(context, &got.info, sizeof(got)),
			 0);
	assert_memory_equal(&got, &out, sizeof(got));

	/* One that was compiled with the first version of the struct. */
	memset(&in, 0, sizeof(in));
	in.info.size = offsetof(struct vmshm_info, out_peers_user);
	calls[0].size = in.info.size;
	mock_expect(calls, 1);
	assert_int_equal(vmshm_context_info(context, &got.info, in.info.size),
			 0);
	assert_int_equal(vmshm_context_info(context, &got.info,
					    in.info.size - 1), -EINVAL);
	vmshm_context_close(context);
}

static void domain_calls(void **state)
{
	struct vmshm_context *context = mock_context();
	const struct vmshm_domain reserve = {
		.size = sizeof(reserve),
		.op = VMSHM_DOMAIN_RESERVE,
		.uid = 1000,
		.name = "vm1",
	};
	const struct vmshm_domain release = {
		.size = sizeof(release),
		.op = VMSHM_DOMAIN_RELEASE,
		.name = "vm1",
	};
	const struct mock_call calls[] = {
		{ VMSHM_IOC_DOMAIN, &reserve, .size = sizeof(reserve) },
		{ VMSHM_IOC_DOMAIN, &release, .size = sizeof(release) },
		{ VMSHM_IOC_DOMAIN, &release, .size = sizeof(release),
		  .error = ENOENT },
	};

	(void)state;
	mock_expect(calls, ARRAY_SIZE(calls));
	assert_int_equal(vmshm_domain_reserve(context, "vm1", 1000), 0);
	assert_int_equal(vmshm_domain_release(context, "vm1"), 0);
	assert_int_equal(vmshm_domain_release(context, "vm1"), -ENOENT);
	assert_int_equal(vmshm_domain_release(context, NULL), -EINVAL);
	mock_done();
	vmshm_context_close(context);
}

static void messages_for_all_errors(void **state)
{
	int error;

	(void)state;
	assert_string_equal(vmshm_error_message(-ESTALE),
			    vmshm_error_message(ESTALE));
	assert_non_null(strstr(vmshm_error_message(-ESTALE), "owner"));
	/* What is nothing special is said as usual. */
	assert_string_equal(vmshm_error_message(-EINTR), strerror(EINTR));
	assert_string_equal(vmshm_error_message(INT_MIN), "unknown error");
	assert_string_equal(vmshm_error_message(INT_MAX), "unknown error");
	for (error = -200; error < 200; error++)
		assert_non_null(vmshm_error_message(error));
	assert_int_equal(strcspn(vmshm_library_version(), "."), 1);
}

/* Programs that were compiled with another version of a struct. */
static void options_of_every_size(void **state)
{
	struct vmshm_context *context = mock_context();
	struct vmshm_unlink arg = { .size = sizeof(arg), .name = "a/b" };
	const struct mock_call calls[] = {
		{ VMSHM_IOC_UNLINK, &arg, .size = sizeof(arg) },
	};
	struct {
		struct vmshm_region_unlink_options options;
		unsigned char later;
	} opt = {};

	(void)state;
	opt.options.size = sizeof(opt);
	mock_expect(calls, 1);
	assert_int_equal(vmshm_region_unlink(context, "a/b", &opt.options), 0);
	opt.later = 1;
	assert_int_equal(vmshm_region_unlink(context, "a/b", &opt.options),
			 -E2BIG);
	opt.options.size = sizeof(opt.options);
	mock_expect(calls, 1);
	assert_int_equal(vmshm_region_unlink(context, "a/b", &opt.options), 0);
	opt.options.size--;
	assert_int_equal(vmshm_region_unlink(context, "a/b", &opt.options),
			 -EINVAL);
	opt.options.size = 0;
	assert_int_equal(vmshm_region_unlink(context, "a/b", &opt.options),
			 -EINVAL);
	mock_done();
	vmshm_context_close(context);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, mock_setup, mock_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(open_and_close),
		TEST(open_says_what_open_says),
		TEST(open_refuses_other_devices),
		TEST(from_fd_leaves_it_to_the_caller_on_failure),
		TEST(info_of_every_size),
		TEST(domain_calls),
		TEST(messages_for_all_errors),
		TEST(options_of_every_size),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
