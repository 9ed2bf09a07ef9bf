// SPDX-License-Identifier: GPL-2.0
/* Creating, opening and unlinking by name; whose regions are opened. */

#include <errno.h>

#include "mock.h"

#define STRANGER	4711

static struct vmshm_context *context;
static size_t fds;

static int setup(void **state)
{
	mock_setup(state);
	context = mock_context();
	fds = mock_open_fds();
	return 0;
}

static int teardown(void **state)
{
	assert_int_equal(mock_open_fds(), fds);
	vmshm_context_close(context);
	return mock_teardown(state);
}

static const struct vmshm_create create_default = {
	.size = sizeof(create_default),
	.mode = 0600,
	.name = "vm1/ram",
};

static struct mock_call create_call(const struct vmshm_create *in,
				    const struct vmshm_create *out)
{
	struct mock_call call = {
		.cmd = VMSHM_IOC_CREATE,
		.in = in,
		.out = out,
		.size = sizeof(*in),
		.new_fd = offsetof(struct vmshm_create, out_fd),
	};

	return call;
}

static void create_with_defaults(void **state)
{
	struct vmshm_create out = create_default;
	struct mock_call call = create_call(&create_default, &out);
	struct vmshm_region *region;

	(void)state;
	out.out_created = 1;
	out.out_generation = 7;
	mock_expect(&call, 1);
	assert_int_equal(vmshm_region_create(context, "vm1/ram", NULL, &region),
			 0);
	mock_done();
	assert_true(vmshm_region_is_new(region));
	assert_false(vmshm_region_is_readonly(region));
	assert_int_equal(vmshm_region_generation(region), 7);
	vmshm_region_close(region);
}

static void create_with_everything(void **state)
{
	const struct vmshm_region_create_options opt = {
		.size = sizeof(opt),
		.region_size = 0x123456789a,
		.max_size = 0xfedcba9876,
		.flags = VMSHM_EPHEMERAL | VMSHM_NO_PUNCH | 1U << 31,
		.mode = 0664,
		.huge = VMSHM_HUGE_ADVISE,
	};
	const struct vmshm_create in = {
		.size = sizeof(in),
		.flags = VMSHM_EPHEMERAL | VMSHM_NO_PUNCH | 1U << 31,
		.region_size = 0x123456789a,
		.max_size = 0xfedcba9876,
		.mode = 0664,
		.huge = VMSHM_HUGE_ADVISE,
		.name = "a",
	};
	struct mock_call call = create_call(&in, NULL);
	struct vmshm_region *region = (void *)-1;

	(void)state;
	call.error = EDQUOT;
	call.new_fd = 0;
	mock_expect(&call, 1);
	assert_int_equal(vmshm_region_create(context, "a", &opt, &region),
			 -EDQUOT);
	mock_done();
	assert_ptr_equal(region, (void *)-1);
}

/* A region that exists: whose may it be? */
static int create_existing(__u32 policy, __u32 owner, __u32 found)
{
	const struct vmshm_region_create_options opt = {
		.size = sizeof(opt),
		.flags = VMSHM_OPEN_EXISTING,
		.owner_policy = policy,
		.owner = owner,
	};
	struct vmshm_create in = create_default, out;
	struct vmshm_stat stat_in = { .size = sizeof(stat_in) };
	struct vmshm_stat stat_out = {
		.size = sizeof(stat_out),
		.out_uid = found,
	};
	struct mock_call calls[2] = {
		create_call(&in, &out),
		{ VMSHM_IOC_STAT, &stat_in, &stat_out,
		  .size = sizeof(stat_in) },
	};
	struct vmshm_region *region;
	int rc;

	in.flags = VMSHM_OPEN_EXISTING;
	out = in;
	mock_expect(calls, policy == VMSHM_OWNER_ANY ? 1 : 2);
	rc = vmshm_region_create(context, "vm1/ram", &opt, &region);
	mock_done();
	if (!rc) {
		assert_false(vmshm_region_is_new(region));
		vmshm_region_close(region);
	}
	return rc;
}

static void create_checks_the_owner_of_what_exists(void **state)
{
	(void)state;
	assert_int_equal(create_existing(VMSHM_OWNER_TRUSTED, 0, MOCK_EUID), 0);
	assert_int_equal(create_existing(VMSHM_OWNER_TRUSTED, 0, 0), 0);
	assert_int_equal(create_existing(VMSHM_OWNER_TRUSTED, 0, STRANGER),
			 -ESTALE);
	assert_int_equal(create_existing(VMSHM_OWNER_ALSO, STRANGER, STRANGER),
			 0);
	assert_int_equal(create_existing(VMSHM_OWNER_ALSO, STRANGER, 0), 0);
	assert_int_equal(create_existing(VMSHM_OWNER_ALSO, STRANGER, 1234),
			 -ESTALE);
	assert_int_equal(create_existing(VMSHM_OWNER_ONLY, STRANGER, STRANGER),
			 0);
	assert_int_equal(create_existing(VMSHM_OWNER_ONLY, STRANGER, 0),
			 -ESTALE);
	assert_int_equal(create_existing(VMSHM_OWNER_ANY, 0, STRANGER), 0);
}

static void create_refuses_bad_options(void **state)
{
	struct vmshm_region_create_options opt = { .size = sizeof(opt) };
	struct vmshm_region *region;
	char name[VMSHM_NAME_MAX + 2];

	(void)state;
	opt.__reserved = 1;
	assert_int_equal(vmshm_region_create(context, "a", &opt, &region),
			 -EINVAL);
	opt.__reserved = 0;
	opt.owner_policy = VMSHM_OWNER_ANY + 1;
	assert_int_equal(vmshm_region_create(context, "a", &opt, &region),
			 -EINVAL);
	opt.owner_policy = VMSHM_OWNER_TRUSTED;
	opt.owner = STRANGER;
	assert_int_equal(vmshm_region_create(context, "a", &opt, &region),
			 -EINVAL);

	memset(name, 'a', sizeof(name));
	name[sizeof(name) - 1] = 0;
	assert_int_equal(vmshm_region_create(context, name, NULL, &region),
			 -EINVAL);
	assert_int_equal(vmshm_region_create(context, NULL, NULL, &region),
			 -EINVAL);
}

static void longest_name(void **state)
{
	struct vmshm_unlink in = { .size = sizeof(in) };
	const struct mock_call call = {
		VMSHM_IOC_UNLINK, &in, .size = sizeof(in),
	};
	char name[VMSHM_NAME_MAX + 1] = {};

	(void)state;
	memset(name, 'a', VMSHM_NAME_MAX);
	memset(in.name, 'a', VMSHM_NAME_MAX);
	mock_expect(&call, 1);
	assert_int_equal(vmshm_region_unlink(context, name, NULL), 0);
	mock_done();
}

/**
 * struct attempt - what the kernel says to one user id
 * @owner: the user
 * @error: errno
 */
struct attempt {
	__u32 owner;
	int error;
};

static int open_by(const struct vmshm_region_open_options *opt,
		   const struct attempt *attempts, size_t count)
{
	struct vmshm_open in[3], out[3];
	struct mock_call calls[3];
	struct vmshm_region *region;
	size_t i;
	int rc;

	for (i = 0; i < count; i++) {
		memset(&in[i], 0, sizeof(in[i]));
		in[i].size = sizeof(in[i]);
		in[i].flags = VMSHM_OPEN_OWNER | (opt ? opt->flags : 0);
		in[i].owner = attempts[i].owner;
		if (opt && opt->generation) {
			in[i].flags |= VMSHM_OPEN_GENERATION;
			in[i].generation = opt->generation;
		}
		memcpy(in[i].name, "vm1/ram", 8);
		out[i] = in[i];
		out[i].out_generation = 99;
		memset(&calls[i], 0, sizeof(calls[i]));
		calls[i].cmd = VMSHM_IOC_OPEN;
		calls[i].in = &in[i];
		calls[i].out = &out[i];
		calls[i].size = sizeof(in[i]);
		calls[i].error = attempts[i].error;
		if (!attempts[i].error)
			calls[i].new_fd = offsetof(struct vmshm_open, out_fd);
	}

	mock_expect(calls, count);
	rc = vmshm_region_open(context, "vm1/ram", opt, &region);
	mock_done();
	if (!rc) {
		assert_int_equal(vmshm_region_generation(region), 99);
		assert_int_equal(vmshm_region_is_readonly(region),
				 opt && opt->flags & VMSHM_OPEN_RDONLY);
		assert_false(vmshm_region_is_new(region));
		vmshm_region_close(region);
	}
	return rc;
}

static void open_trusts_the_caller_and_root(void **state)
{
	struct attempt attempts[2] = { { MOCK_EUID, 0 }, { 0, ESTALE } };

	(void)state;
	assert_int_equal(open_by(NULL, attempts, 1), 0);
	attempts[0].error = ESTALE;
	assert_int_equal(open_by(NULL, attempts, 2), -ESTALE);
	attempts[1].error = 0;
	assert_int_equal(open_by(NULL, attempts, 2), 0);
	/* Other errors are final. */
	attempts[0].error = ENOENT;
	assert_int_equal(open_by(NULL, attempts, 1), -ENOENT);
	attempts[0].error = EACCES;
	assert_int_equal(open_by(NULL, attempts, 1), -EACCES);
}

static void open_asks_for_one_user_after_the_other(void **state)
{
	struct vmshm_region_open_options opt = {
		.size = sizeof(opt),
		.owner_policy = VMSHM_OWNER_ALSO,
		.owner = STRANGER,
		.flags = VMSHM_OPEN_RDONLY,
		.generation = 99,
	};
	struct attempt attempts[3] = {
		{ STRANGER, ESTALE },
		{ MOCK_EUID, ESTALE },
		{ 0, ESTALE },
	};

	(void)state;
	assert_int_equal(open_by(&opt, attempts, 3), -ESTALE);
	attempts[2].error = 0;
	assert_int_equal(open_by(&opt, attempts, 3), 0);

	/* A user who does not exist here owns nothing: EINVAL is not it. */
	attempts[0].error = EINVAL;
	assert_int_equal(open_by(&opt, attempts, 3), 0);
	attempts[2].error = ESTALE;
	assert_int_equal(open_by(&opt, attempts, 3), -ESTALE);
	attempts[0].error = ESTALE;
	attempts[2].error = EINVAL;
	assert_int_equal(open_by(&opt, attempts, 3), -ESTALE);

	/* But if it is all there is, the rest of the arguments is wrong. */
	attempts[0].error = EINVAL;
	attempts[1].error = EINVAL;
	assert_int_equal(open_by(&opt, attempts, 3), -EINVAL);
}

static void open_only(void **state)
{
	struct vmshm_region_open_options opt = {
		.size = sizeof(opt),
		.owner_policy = VMSHM_OWNER_ONLY,
		.owner = STRANGER,
	};
	struct attempt attempt = { STRANGER, 0 };

	(void)state;
	assert_int_equal(open_by(&opt, &attempt, 1), 0);
	attempt.error = ESTALE;
	assert_int_equal(open_by(&opt, &attempt, 1), -ESTALE);
}

static void open_any(void **state)
{
	const struct vmshm_region_open_options opt = {
		.size = sizeof(opt),
		.owner_policy = VMSHM_OWNER_ANY,
		.flags = VMSHM_OPEN_RDONLY,
	};
	const struct vmshm_open in = {
		.size = sizeof(in),
		.flags = VMSHM_OPEN_RDONLY,
		.name = "vm1/ram",
	};
	const struct mock_call call = {
		.cmd = VMSHM_IOC_OPEN,
		.in = &in,
		.size = sizeof(in),
		.new_fd = offsetof(struct vmshm_open, out_fd),
	};
	struct vmshm_region *region;

	(void)state;
	mock_expect(&call, 1);
	assert_int_equal(vmshm_region_open(context, "vm1/ram", &opt, &region),
			 0);
	mock_done();
	assert_true(vmshm_region_is_readonly(region));
	vmshm_region_close(region);
}

static void open_refuses_bad_options(void **state)
{
	struct vmshm_region_open_options opt = { .size = sizeof(opt) };
	struct vmshm_region *region;

	(void)state;
	opt.flags = VMSHM_OPEN_OWNER;
	assert_int_equal(vmshm_region_open(context, "a", &opt, &region),
			 -EINVAL);
	opt.flags = VMSHM_OPEN_GENERATION;
	assert_int_equal(vmshm_region_open(context, "a", &opt, &region),
			 -EINVAL);
	opt.flags = 0;
	opt.__reserved = 1;
	assert_int_equal(vmshm_region_open(context, "a", &opt, &region),
			 -EINVAL);
	opt.__reserved = 0;
	opt.owner_policy = VMSHM_OWNER_ANY;
	opt.owner = 1;
	assert_int_equal(vmshm_region_open(context, "a", &opt, &region),
			 -EINVAL);
	opt.owner = 0;
	assert_int_equal(vmshm_region_open(context, NULL, &opt, &region),
			 -EINVAL);
}

static void unlink_with_everything(void **state)
{
	const struct vmshm_region_unlink_options opt = {
		.size = sizeof(opt),
		.generation = 0x1122334455,
		.registry = 0xf0000001,
	};
	const struct vmshm_unlink in = {
		.size = sizeof(in),
		.flags = VMSHM_UNLINK_GENERATION | VMSHM_UNLINK_REGISTRY,
		.generation = 0x1122334455,
		.registry = 0xf0000001,
		.name = "vm1/ram",
	};
	const struct mock_call call = {
		VMSHM_IOC_UNLINK, &in, .size = sizeof(in), .error = EPERM,
	};
	struct vmshm_region_unlink_options bad = opt;

	(void)state;
	mock_expect(&call, 1);
	assert_int_equal(vmshm_region_unlink(context, "vm1/ram", &opt), -EPERM);
	mock_done();
	bad.flags = 1;
	assert_int_equal(vmshm_region_unlink(context, "vm1/ram", &bad),
			 -EINVAL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(create_with_defaults),
		TEST(create_with_everything),
		TEST(create_checks_the_owner_of_what_exists),
		TEST(create_refuses_bad_options),
		TEST(longest_name),
		TEST(open_trusts_the_caller_and_root),
		TEST(open_asks_for_one_user_after_the_other),
		TEST(open_only),
		TEST(open_any),
		TEST(open_refuses_bad_options),
		TEST(unlink_with_everything),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
