// SPDX-License-Identifier: GPL-2.0
/* What is done with an open region. */

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mock.h"

static struct vmshm_region *region;
static size_t fds;

static int setup(void **state)
{
	mock_setup(state);
	region = mock_region(5);
	fds = mock_open_fds();
	return 0;
}

static int teardown(void **state)
{
	assert_int_equal(mock_open_fds(), fds);
	vmshm_region_close(region);
	return mock_teardown(state);
}

static void from_fd(void **state)
{
	const struct vmshm_stat in = { .size = sizeof(in) };
	const struct mock_call call = {
		VMSHM_IOC_STAT, &in, .size = sizeof(in), .error = ENOTTY,
	};
	struct vmshm_region *other = (void *)-1;
	int pipes[2], fd;

	(void)state;
	assert_int_equal(vmshm_region_generation(region), 5);
	assert_false(vmshm_region_is_readonly(region));
	assert_false(vmshm_region_is_new(region));

	/* No ioctl for other file systems' files. */
	assert_return_code(pipe(pipes), errno);
	assert_int_equal(vmshm_region_from_fd(pipes[0], &other), -ENOTTY);
	close(pipes[0]);
	close(pipes[1]);
	assert_int_equal(vmshm_region_from_fd(pipes[0], &other), -EBADF);

	fd = fcntl(mock_file, F_DUPFD_CLOEXEC, 0);
	mock_expect(&call, 1);
	assert_int_equal(vmshm_region_from_fd(fd, &other), -ENOTTY);
	mock_done();
	assert_ptr_equal(other, (void *)-1);
	assert_return_code(close(fd), errno);
}

static void from_readonly_fd(void **state)
{
	const struct vmshm_stat in = { .size = sizeof(in) };
	const struct vmshm_stat out = { .size = sizeof(in),
					.out_generation = 8 };
	const struct mock_call call = {
		VMSHM_IOC_STAT, &in, &out, .size = sizeof(in),
	};
	struct vmshm_region *other;
	char path[64];
	int fd;

	(void)state;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", mock_file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_return_code(fd, errno);
	mock_expect(&call, 1);
	assert_int_equal(vmshm_region_from_fd(fd, &other), 0);
	assert_true(vmshm_region_is_readonly(other));
	assert_int_equal(vmshm_region_detach(other), fd);
	assert_return_code(close(fd), errno);
}

static void resize(void **state)
{
	const struct vmshm_resize in = {
		.size = sizeof(in),
		.region_size = 0x123456789abc,
	};
	struct mock_call call = {
		VMSHM_IOC_RESIZE, &in, .size = sizeof(in),
	};

	(void)state;
	mock_expect(&call, 1);
	assert_int_equal(vmshm_region_resize(region, 0x123456789abc), 0);
	call.error = EBUSY;
	mock_expect(&call, 1);
	assert_int_equal(vmshm_region_resize(region, 0x123456789abc), -EBUSY);
	mock_done();
}

static void seals(void **state)
{
	const struct vmshm_seal get = { .size = sizeof(get) };
	const struct vmshm_seal got = { .size = sizeof(get), .out_seals = 5 };
	const struct vmshm_seal add = {
		.size = sizeof(add),
		.add = VMSHM_SEAL_GROW | VMSHM_SEAL_WRITE,
	};
	const struct mock_call calls[] = {
		{ VMSHM_IOC_SEAL, &get, &got, .size = sizeof(get) },
		{ VMSHM_IOC_SEAL, &add, .size = sizeof(add) },
		{ VMSHM_IOC_SEAL, &add, .size = sizeof(add), .error = EPERM },
		{ VMSHM_IOC_SEAL, &get, .size = sizeof(get), .error = EBADF },
	};
	__u32 in_force = 0;

	(void)state;
	mock_expect(calls, ARRAY_SIZE(calls));
	assert_int_equal(vmshm_region_get_seals(region, &in_force), 0);
	assert_int_equal(in_force, 5);
	assert_int_equal(vmshm_region_add_seals(region, add.add), 0);
	assert_int_equal(vmshm_region_add_seals(region, add.add), -EPERM);
	assert_int_equal(vmshm_region_get_seals(region, &in_force), -EBADF);
	assert_int_equal(in_force, 5);
	assert_int_equal(vmshm_region_add_seals(region, 0), -EINVAL);
	mock_done();
}

static void stat_of_every_size(void **state)
{
	struct {
		struct vmshm_stat stat;
		__u64 later;
	} in = {}, out = {}, got;
	struct mock_call call = { VMSHM_IOC_STAT, &in, &out, .size = sizeof(in) };

	(void)state;
	in.stat.size = sizeof(in);
	out.stat.size = sizeof(out);
	out.stat.out_region_size = 4096;
	out.later = 1;
	memset(&got, 0xff, sizeof(got));
	mock_expect(&call, 1);
	assert_int_equal(vmshm_region_stat(region, &got.stat, sizeof(got)), 0);
	assert_memory_equal(&got, &out, sizeof(got));

	in.stat.size = sizeof(in.stat);
	call.size = sizeof(in.stat);
	mock_expect(&call, 1);
	assert_int_equal(vmshm_region_stat(region, &got.stat,
					   sizeof(got.stat)), 0);
	assert_int_equal(vmshm_region_stat(region, &got.stat,
					   sizeof(got.stat) - 1), -EINVAL);
	assert_int_equal(vmshm_region_stat(region, &got.stat, 4097), -E2BIG);
	mock_done();

	/* What was there before stays if there is nothing new. */
	call.error = EIO;
	call.out = NULL;
	memset(&got, 0xff, sizeof(got));
	memset(&out, 0xff, sizeof(out));
	mock_expect(&call, 1);
	assert_int_equal(vmshm_region_stat(region, &got.stat,
					   sizeof(got.stat)), -EIO);
	assert_memory_equal(&got, &out, sizeof(got));
	mock_done();
}

static void readonly(void **state)
{
	const struct vmshm_readonly in = { .size = sizeof(in) };
	struct mock_call call = {
		.cmd = VMSHM_IOC_READONLY,
		.in = &in,
		.size = sizeof(in),
		.new_fd = offsetof(struct vmshm_readonly, out_fd),
	};
	struct vmshm_region *other = NULL;

	(void)state;
	mock_expect(&call, 1);
	assert_int_equal(vmshm_region_readonly(region, &other), 0);
	assert_true(vmshm_region_is_readonly(other));
	assert_int_equal(vmshm_region_generation(other), 5);
	assert_int_not_equal(vmshm_region_fd(other), vmshm_region_fd(region));
	vmshm_region_close(other);

	call.error = EMFILE;
	call.new_fd = 0;
	mock_expect(&call, 1);
	assert_int_equal(vmshm_region_readonly(region, &other), -EMFILE);
	mock_done();
	vmshm_region_close(NULL);
}

static void map(void **state)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *addr = NULL;

	(void)state;
	assert_return_code(ftruncate(mock_file, (off_t)(4 * page)), errno);
	assert_int_equal(pwrite(mock_file, "x", 1, (off_t)page), 1);
	assert_int_equal(vmshm_region_map(region, NULL, 2 * page,
					  PROT_READ | PROT_WRITE, MAP_SHARED,
					  page, &addr), 0);
	assert_int_equal(*(char *)addr, 'x');
	assert_int_equal(vmshm_region_unmap(addr, 2 * page), 0);

	assert_int_equal(vmshm_region_map(region, NULL, 0, PROT_READ,
					  MAP_SHARED, 0, &addr), -EINVAL);
	assert_int_equal(vmshm_region_map(region, NULL, page, PROT_READ,
					  MAP_SHARED, 1, &addr), -EINVAL);
	assert_int_equal(vmshm_region_map(region, NULL, page, PROT_READ,
					  MAP_SHARED, 1ULL << 63, &addr),
			 -EOVERFLOW);
	assert_int_equal(vmshm_region_map(region, NULL, 2 * page, PROT_READ,
					  MAP_SHARED, INT64_MAX - page, &addr),
			 -EOVERFLOW);
	assert_int_equal(vmshm_region_unmap((void *)1, page), -EINVAL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(from_fd),
		TEST(from_readonly_fd),
		TEST(resize),
		TEST(seals),
		TEST(stat_of_every_size),
		TEST(readonly),
		TEST(map),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
