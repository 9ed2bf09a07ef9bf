// SPDX-License-Identifier: GPL-2.0
/* Peers: what is asked of the kernel, and what is made of its answers. */

#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "mock.h"

static struct vmshm_region *region;

static int setup(void **state)
{
	mock_setup(state);
	region = mock_region(1);
	return 0;
}

static int teardown(void **state)
{
	vmshm_region_close(region);
	return mock_teardown(state);
}

static struct vmshm_peer *join(void)
{
	const struct vmshm_join in = { .size = sizeof(in) };
	const struct vmshm_join out = {
		.size = sizeof(out),
		.out_number = 7,
		.out_generation = 99,
	};
	const struct mock_call call = {
		.cmd = VMSHM_IOC_JOIN,
		.in = &in,
		.out = &out,
		.size = sizeof(in),
		.new_fd = offsetof(struct vmshm_join, out_fd),
	};
	struct vmshm_peer *peer = NULL;

	mock_expect(&call, 1);
	assert_int_equal(vmshm_region_join(region, NULL, &peer), 0);
	mock_done();
	assert_int_equal(vmshm_peer_number(peer), 7);
	assert_int_equal(vmshm_peer_generation(peer), 99);
	return peer;
}

static void join_with_everything(void **state)
{
	char longest[VMSHM_PEER_NAME_MAX + 2];
	struct vmshm_join_options opt = {
		.size = sizeof(opt),
		.name = "host",
		.number = 12,
		.vectors = 3,
		.flags = VMSHM_JOIN_NUMBER,
	};
	struct vmshm_join in = {
		.size = sizeof(in),
		.flags = VMSHM_JOIN_NUMBER,
		.number = 12,
		.vectors = 3,
		.name = "host",
	};
	struct mock_call call = {
		.cmd = VMSHM_IOC_JOIN,
		.in = &in,
		.size = sizeof(in),
		.new_fd = offsetof(struct vmshm_join, out_fd),
	};
	size_t fds = mock_open_fds();
	struct vmshm_peer *peer;

	(void)state;
	mock_expect(&call, 1);
	assert_int_equal(vmshm_region_join(region, &opt, &peer), 0);
	assert_int_equal(fcntl(vmshm_peer_fd(peer), F_GETFD), FD_CLOEXEC);
	vmshm_peer_close(peer);
	vmshm_peer_close(NULL);

	/* The longest name, and one that is longer. */
	memset(longest, 'n', sizeof(longest));
	longest[VMSHM_PEER_NAME_MAX] = '\0';
	memcpy(in.name, longest, sizeof(in.name));
	opt.name = longest;
	mock_expect(&call, 1);
	assert_int_equal(vmshm_region_join(region, &opt, &peer), 0);
	mock_done();
	vmshm_peer_close(peer);
	longest[VMSHM_PEER_NAME_MAX] = 'n';
	longest[VMSHM_PEER_NAME_MAX + 1] = '\0';
	assert_int_equal(vmshm_region_join(region, &opt, &peer), -EINVAL);

	opt.name = "host";
	memset(in.name, 0, sizeof(in.name));
	memcpy(in.name, "host", 4);
	call.error = EBUSY;
	call.new_fd = 0;
	mock_expect(&call, 1);
	assert_int_equal(vmshm_region_join(region, &opt, &peer), -EBUSY);
	mock_done();
	opt.__reserved = 1;
	assert_int_equal(vmshm_region_join(region, &opt, &peer), -EINVAL);
	opt.__reserved = 0;
	opt.size = 1;
	assert_int_equal(vmshm_region_join(region, &opt, &peer), -EINVAL);
	assert_int_equal(mock_open_fds(), fds);
}

static void from_fd(void **state)
{
	const struct vmshm_peer_stat in = { .size = sizeof(in) };
	const struct vmshm_peer_stat out = {
		.size = sizeof(out),
		.out_number = 5,
		.out_generation = 6,
	};
	struct mock_call call = {
		.cmd = VMSHM_IOC_PEER_STAT,
		.in = &in,
		.out = &out,
		.size = sizeof(in),
	};
	struct vmshm_peer *peer;
	int fd;

	(void)state;
	/* A regular file is not even asked. */
	assert_int_equal(vmshm_peer_from_fd(mock_file, &peer), -ENOTTY);
	assert_int_equal(vmshm_peer_from_fd(-1, &peer), -EBADF);

	fd = eventfd(0, EFD_CLOEXEC);
	assert_return_code(fd, errno);
	call.error = ENOTTY;
	mock_expect(&call, 1);
	assert_int_equal(vmshm_peer_from_fd(fd, &peer), -ENOTTY);
	/* It is still the caller's. */
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	call.error = 0;
	mock_expect(&call, 1);
	assert_int_equal(vmshm_peer_from_fd(fd, &peer), 0);
	mock_done();
	assert_int_equal(vmshm_peer_fd(peer), fd);
	assert_int_equal(vmshm_peer_number(peer), 5);
	assert_int_equal(vmshm_peer_generation(peer), 6);
	vmshm_peer_close(peer);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
}

static void stat_sizes(void **state)
{
	struct {
		struct vmshm_peer_stat stat;
		__u64 later;
	} in = {}, got;
	struct mock_call call = {
		.cmd = VMSHM_IOC_PEER_STAT,
		.in = &in,
		.size = sizeof(in.stat),
	};
	struct vmshm_peer *peer = join();

	(void)state;
	in.stat.size = sizeof(in.stat);
	mock_expect(&call, 1);
	assert_int_equal(vmshm_peer_stat(peer, &got.stat, sizeof(got.stat)), 0);
	in.stat.size = sizeof(in);
	call.size = sizeof(in);
	mock_expect(&call, 1);
	assert_int_equal(vmshm_peer_stat(peer, &got.stat, sizeof(got)), 0);
	mock_done();
	assert_int_equal(vmshm_peer_stat(peer, &got.stat,
					 sizeof(got.stat) - 1), -EINVAL);
	vmshm_peer_close(peer);
}

static void doorbells(void **state)
{
	const struct vmshm_peer_set_vector set = {
		.size = sizeof(set),
		.vector = 2,
		.fd = 17,
	};
	const struct vmshm_peer_get_vector get = {
		.size = sizeof(get),
		.number = 3,
		.vector = 4,
		.generation = 5,
	};
	const struct vmshm_peer_ring ring = {
		.size = sizeof(ring),
		.number = VMSHM_PEER_ALL,
		.vector = 6,
	};
	const struct vmshm_peer_pending ask = {
		.size = sizeof(ask),
		.mask = 0xff,
	};
	const struct vmshm_peer_pending told = {
		.size = sizeof(told),
		.mask = 0xff,
		.out_pending = 0x81,
	};
	struct mock_call calls[] = {
		{ VMSHM_IOC_PEER_SET_VECTOR, &set, .size = sizeof(set) },
		{ VMSHM_IOC_PEER_GET_VECTOR, &get, .size = sizeof(get),
		  .new_fd = offsetof(struct vmshm_peer_get_vector, out_fd) },
		{ VMSHM_IOC_PEER_RING, &ring, .size = sizeof(ring) },
		{ VMSHM_IOC_PEER_PENDING, &ask, &told, .size = sizeof(ask) },
	};
	struct vmshm_peer *peer = join();
	__u64 pending = 42;
	int fd = 42;
	size_t i;

	(void)state;
	mock_expect(calls, 4);
	assert_int_equal(vmshm_peer_set_vector(peer, 2, 17), 0);
	assert_int_equal(vmshm_peer_get_vector(peer, 3, 5, 4, &fd), 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	close(fd);
	assert_int_equal(vmshm_peer_ring(peer, VMSHM_PEER_ALL, 6), 0);
	assert_int_equal(vmshm_peer_pending(peer, 0xff, &pending), 0);
	assert_int_equal(pending, 0x81);
	mock_done();

	/* What fails changes nothing. */
	fd = 42;
	pending = 42;
	for (i = 0; i < 4; i++) {
		calls[i].error = EACCES;
		calls[i].new_fd = 0;
	}
	mock_expect(calls, 4);
	assert_int_equal(vmshm_peer_set_vector(peer, 2, 17), -EACCES);
	assert_int_equal(vmshm_peer_get_vector(peer, 3, 5, 4, &fd), -EACCES);
	assert_int_equal(vmshm_peer_ring(peer, VMSHM_PEER_ALL, 6), -EACCES);
	assert_int_equal(vmshm_peer_pending(peer, 0xff, &pending), -EACCES);
	mock_done();
	assert_int_equal(fd, 42);
	assert_int_equal(pending, 42);
	vmshm_peer_close(peer);
}

static struct mock_call peers_call(struct vmshm_peers *in,
				   struct vmshm_peers *out, __u32 room,
				   __u32 count, int error,
				   const struct vmshm_peer_info *infos)
{
	struct mock_call call = {
		.cmd = VMSHM_IOC_PEERS,
		.in = in,
		.out = out,
		.size = sizeof(*in),
		.error = error,
		.pointer = offsetof(struct vmshm_peers, entries),
		.data = infos,
		.data_size = count * sizeof(*infos),
	};

	*in = (struct vmshm_peers){
		.size = sizeof(*in),
		.entries = ANY_POINTER,
		.entry_size = sizeof(struct vmshm_peer_info),
		.count = room,
	};
	*out = *in;
	out->out_count = count;
	return call;
}

static void list_that_becomes_longer(void **state)
{
	struct vmshm_peer_info found[30] = {};
	const struct vmshm_peer_info *info;
	struct vmshm_peers in[2], out[2];
	struct vmshm_peer_list *list;
	struct mock_call calls[2];
	__u32 i;

	(void)state;
	for (i = 0; i < 30; i++)
		found[i].number = 2 * i;
	calls[0] = peers_call(&in[0], &out[0], 16, 20, EMSGSIZE, NULL);
	calls[1] = peers_call(&in[1], &out[1], 20 + 20 / 8 + 16, 30, 0, found);
	mock_expect(calls, 2);
	assert_int_equal(vmshm_peer_list_open(region, &list), 0);
	mock_done();
	assert_int_equal(vmshm_peer_list_count(list), 30);
	for (i = 0; i < 30; i++) {
		assert_int_equal(vmshm_peer_list_next(list, &info), 1);
		assert_int_equal(info->number, 2 * i);
	}
	assert_int_equal(vmshm_peer_list_next(list, &info), 0);
	vmshm_peer_list_close(list);
	vmshm_peer_list_close(NULL);

	calls[0] = peers_call(&in[0], &out[0], 16, 0, EINTR, NULL);
	mock_expect(calls, 1);
	assert_int_equal(vmshm_peer_list_open(region, &list), -EINTR);
	mock_done();
}

#define TEST(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(join_with_everything),
		TEST(from_fd),
		TEST(stat_sizes),
		TEST(doorbells),
		TEST(list_that_becomes_longer),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
