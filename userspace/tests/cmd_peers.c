// SPDX-License-Identifier: GPL-2.0
/* The verbs about sharing groups. */

#include <errno.h>
#include <jansson.h>

#include "run.h"

static const struct vmshm_open open_readonly = {
	.size = sizeof(open_readonly),
	.flags = VMSHM_OPEN_RDONLY,
	.name = "vm1/ram",
};

static const struct vmshm_open open_both = {
	.size = sizeof(open_both),
	.name = "vm1/ram",
};

#define OPEN(in_) { \
	.cmd = VMSHM_IOC_OPEN, \
	.in = &(in_), \
	.size = sizeof(struct vmshm_open), \
	.new_fd = offsetof(struct vmshm_open, out_fd), \
}

static const struct vmshm_peers peers_in = {
	.size = sizeof(peers_in),
	.entries = ANY_POINTER,
	.entry_size = sizeof(struct vmshm_peer_info),
	.count = 16,
};

static const struct vmshm_peers peers_out = {
	.size = sizeof(peers_out),
	.entries = ANY_POINTER,
	.entry_size = sizeof(struct vmshm_peer_info),
	.count = 16,
	.out_count = 3,
};

static const struct vmshm_peer_info infos[3] = {
	{
		.flags = VMSHM_PEER_READ | VMSHM_PEER_WRITE |
			 VMSHM_PEER_MAY_RING,
		.vectors = 64,
		.pid = 12,
		.uid = 4000000001U,
		.generation = 5,
		.since_ns = 1700000000123456789,
		.eventfds = 1ULL << 63 | 0x1d,
		.pending = 2,
		.name = "host",
		.comm = "qemu",
	}, {
		.number = 3,
		.flags = VMSHM_PEER_READ | VMSHM_PEER_EXITED,
		.uid = 4000000001U,
		.generation = 6,
		.name = "twin",
		.comm = "old\033",
	}, {
		.number = 65535,
		.vectors = 1,
		.pid = 14,
		.uid = 4000000001U,
		.generation = 7,
		.name = "twin",
		.comm = "new",
	},
};

#define PEERS { \
	.cmd = VMSHM_IOC_PEERS, \
	.in = &peers_in, \
	.out = &peers_out, \
	.size = sizeof(peers_in), \
	.pointer = offsetof(struct vmshm_peers, entries), \
	.data = infos, \
	.data_size = sizeof(infos), \
}

static void peers_table(void **state)
{
	const struct mock_call calls[] = { MOCK_INFO, OPEN(open_readonly),
					   PEERS };
	const struct run *result;
	json_t *got, *peer, *first;

	(void)state;
	result = run_with(calls, "peers", "vm1/ram");
	assert_int_equal(result->status, 0);
	assert_non_null(strstr(result->out,
			       "     0  host   12  4000000001  qemu          64  "
			       "0,2-4,63  1        yes    "));
	assert_non_null(strstr(result->out, "  runs\n     3  twin    -  "));
	assert_non_null(strstr(result->out, "  has ended\n 65535  twin   14  "));
	assert_null(strchr(result->out, '\033'));

	result = run_with(calls, "peers", "--json", "vm1/ram");
	got = json_loads(result->out, 0, NULL);
	assert_non_null(got);
	assert_int_equal(json_array_size(json_object_get(got, "peers")), 3);
	peer = json_array_get(json_object_get(got, "peers"), 0);
	assert_int_equal(json_array_size(json_object_get(peer, "eventfds")), 5);
	first = json_array_get(json_object_get(peer, "pending"), 0);
	assert_int_equal(json_integer_value(first), 1);
	assert_true(json_is_true(json_object_get(peer, "may_ring")));
	assert_true(json_is_false(json_object_get(peer, "exited")));
	assert_int_equal(json_integer_value(json_object_get(peer, "generation")),
			 5);
	peer = json_array_get(json_object_get(got, "peers"), 1);
	assert_true(json_is_null(json_object_get(peer, "pid")));
	assert_true(json_is_true(json_object_get(peer, "exited")));
	json_decref(got);

	assert_int_equal(run_alone("peers")->status, 2);
	assert_int_equal(run_alone("peers", "a", "b")->status, 2);
}

/* Out of the way. */
static const struct vmshm_join join_to_ring = {
	.size = sizeof(join_to_ring),
	.flags = VMSHM_JOIN_NUMBER,
	.number = VMSHM_PEER_NUMBER_MAX,
};

#define JOIN(in_, out_) { \
	.cmd = VMSHM_IOC_JOIN, \
	.in = &(in_), \
	.out = out_, \
	.size = sizeof(struct vmshm_join), \
	.new_fd = offsetof(struct vmshm_join, out_fd), \
}

static void ring(void **state)
{
	struct vmshm_peer_ring in = {
		.size = sizeof(in),
		.number = 3,
		.vector = 2,
	};
	struct mock_call calls[] = {
		MOCK_INFO, OPEN(open_both), JOIN(join_to_ring, NULL),
		{ VMSHM_IOC_PEER_RING, &in, .size = sizeof(in) },
	};

	(void)state;
	assert_run(run_with(calls, "ring", "vm1/ram", "3", "2"), 0, "", "");
	in.vector = 0;
	assert_run(run_with(calls, "ring", "vm1/ram", "3"), 0, "", "");
	in.number = VMSHM_PEER_ALL;
	assert_run(run_with(calls, "ring", "vm1/ram", "all"), 0, "", "");

	in.number = 9;
	calls[3].error = ENOENT;
	assert_run(run_with(calls, "ring", "vm1/ram", "9"), 3, "",
		   "vmshm: cannot ring vector 0 of peer 9 of 'vm1/ram': there is no such peer (No such file or directory)\n");
	calls[3].error = EINVAL;
	assert_run(run_with(calls, "ring", "vm1/ram", "9"), 2, "",
		   "vmshm: cannot ring vector 0 of peer 9 of 'vm1/ram': the peer has no such vector (Invalid argument)\n");
	assert_int_equal(run_alone("ring", "vm1/ram")->status, 2);
	assert_int_equal(run_alone("ring", "vm1/ram", "1", "64")->status, 2);
	assert_int_equal(run_alone("ring", "vm1/ram", "1", "x")->status, 2);
	assert_int_equal(run_alone("ring", "a", "1", "2", "3")->status, 2);
}

/* The number that is to be rung, and those that are taken, are not one's own. */
static void ring_from_another_number(void **state)
{
	const struct vmshm_join taken = {
		.size = sizeof(taken),
		.flags = VMSHM_JOIN_NUMBER,
		.number = VMSHM_PEER_NUMBER_MAX - 1,
	};
	const struct vmshm_join next = {
		.size = sizeof(next),
		.flags = VMSHM_JOIN_NUMBER,
		.number = VMSHM_PEER_NUMBER_MAX - 2,
	};
	const struct vmshm_peer_ring in = {
		.size = sizeof(in),
		.number = VMSHM_PEER_NUMBER_MAX,
	};
	const struct mock_call calls[] = {
		MOCK_INFO, OPEN(open_both),
		{ VMSHM_IOC_JOIN, &taken, .size = sizeof(taken),
		  .error = EBUSY },
		JOIN(next, NULL),
		{ VMSHM_IOC_PEER_RING, &in, .size = sizeof(in) },
	};

	(void)state;
	assert_run(run_with(calls, "ring", "vm1/ram", "65535"), 0, "", "");
}

/* In a guest a peer has the number of its device, whoever it is. */
static void ring_from_a_guest(void **state)
{
	const struct vmshm_join any = { .size = sizeof(any) };
	const struct vmshm_peer_ring in = { .size = sizeof(in), .number = 3 };
	struct mock_call calls[] = {
		MOCK_INFO, OPEN(open_both),
		{ VMSHM_IOC_JOIN, &join_to_ring, .size = sizeof(join_to_ring),
		  .error = EINVAL },
		JOIN(any, NULL),
		{ VMSHM_IOC_PEER_RING, &in, .size = sizeof(in) },
	};

	(void)state;
	assert_run(run_with(calls, "ring", "vm1/ram", "3"), 0, "", "");
	calls[3].error = EBUSY;
	calls[3].new_fd = 0;
	assert_run(run_first(calls, 4, "ring", "vm1/ram", "3"), 7, "",
		   "vmshm: cannot join 'vm1/ram': another process is this machine's peer (Device or resource busy)\n");
}

/* Who may only read may be allowed to ring, and is told if not. */
static void ring_of_a_reader(void **state)
{
	const struct vmshm_peer_ring in = { .size = sizeof(in), .number = 1 };
	struct mock_call calls[] = {
		MOCK_INFO,
		{ VMSHM_IOC_OPEN, &open_both, .size = sizeof(open_both),
		  .error = EACCES },
		OPEN(open_readonly), JOIN(join_to_ring, NULL),
		{ VMSHM_IOC_PEER_RING, &in, .size = sizeof(in) },
	};

	(void)state;
	assert_run(run_with(calls, "ring", "vm1/ram", "1"), 0, "", "");
	calls[4].error = EACCES;
	assert_run(run_with(calls, "ring", "vm1/ram", "1"), 4, "",
		   "vmshm: cannot ring vector 0 of peer 1 of 'vm1/ram': who may only read the region may not ring (Permission denied)\n");
}

static void ring_by_name(void **state)
{
	const struct vmshm_peer_ring in = { .size = sizeof(in), .number = 0 };
	const struct mock_call calls[] = {
		MOCK_INFO, OPEN(open_both), PEERS, JOIN(join_to_ring, NULL),
		{ VMSHM_IOC_PEER_RING, &in, .size = sizeof(in) },
	};

	(void)state;
	assert_run(run_with(calls, "ring", "vm1/ram", "host"), 0, "", "");
	assert_run(run_first(calls, 3, "ring", "vm1/ram", "nobody"), 3, "",
		   "vmshm: cannot ring 'nobody' of 'vm1/ram': there is no such peer (No such file or directory)\n");
	assert_run(run_first(calls, 3, "ring", "vm1/ram", "twin"), 1, "",
		   "vmshm: cannot ring 'twin' of 'vm1/ram': several peers are called so: say a number (Name not unique on network)\n");
}

#define SET_VECTOR(in_) { \
	.cmd = VMSHM_IOC_PEER_SET_VECTOR, \
	.in = &(in_), \
	.size = sizeof(struct vmshm_peer_set_vector), \
	.eventfd = offsetof(struct vmshm_peer_set_vector, fd), \
}

static const struct vmshm_peer_set_vector set_vector[] = {
	{ .size = sizeof(set_vector[0]), .vector = 0 },
	{ .size = sizeof(set_vector[0]), .vector = 1 },
	{ .size = sizeof(set_vector[0]), .vector = 2 },
};

static void wait_until_rung(void **state)
{
	const struct vmshm_join join = {
		.size = sizeof(join),
		.flags = VMSHM_JOIN_NUMBER,
		.number = 7,
		.vectors = 3,
		.name = "me",
	};
	const struct vmshm_join joined = {
		.size = sizeof(joined),
		.out_number = 7,
		.out_generation = 8,
	};
	const struct vmshm_peer_pending none = { .size = sizeof(none) };
	const struct vmshm_peer_pending rung[] = {
		{ .size = sizeof(none), .out_pending = 5 },
		{ .size = sizeof(none), .out_pending = 2 },
	};
	struct mock_call calls[] = {
		MOCK_INFO, OPEN(open_readonly), JOIN(join, &joined),
		SET_VECTOR(set_vector[0]), SET_VECTOR(set_vector[1]),
		SET_VECTOR(set_vector[2]),
		/* Before there were eventfds; then by them, and by nothing else. */
		{ VMSHM_IOC_PEER_PENDING, &none, &rung[0],
		  .size = sizeof(none) },
		{ VMSHM_IOC_PEER_PENDING, &none, &rung[1],
		  .size = sizeof(none), .rung = true },
		{ VMSHM_IOC_PEER_PENDING, &none, .size = sizeof(none),
		  .rung = true },
	};

	(void)state;
	assert_run(run_with(calls, "wait", "vm1/ram", "--as=me", "--number=7",
			    "--vectors=3", "-n3"), 0,
		   "peer 7\nvector 0\nvector 2\nvector 2\nvector 2\n", "");
	assert_run(run_first(calls, 7, "wait", "vm1/ram", "--as=me",
			     "--number=7", "--vectors=3", "--json"), 0,
		   "{\"number\":7,\"generation\":8}\n{\"vectors\":[0,2]}\n", "");
	calls[4].error = EBADF;
	assert_run(run_first(calls, 5, "wait", "vm1/ram", "--as=me",
			     "--number=7", "--vectors=3"), 1, "",
		   "vmshm: cannot go on waiting on 'vm1/ram': Bad file descriptor\n");
	calls[2].error = EBUSY;
	calls[2].new_fd = 0;
	assert_run(run_first(calls, 3, "wait", "vm1/ram", "--as=me",
			     "--number=7", "--vectors=3"), 7, "",
		   "vmshm: cannot join 'vm1/ram': the number is taken (Device or resource busy)\n");
}

static void wait_until_a_time(void **state)
{
	const struct vmshm_join join = { .size = sizeof(join), .vectors = 1 };
	const struct vmshm_peer_pending none = { .size = sizeof(none) };
	const struct mock_call calls[] = {
		MOCK_INFO, OPEN(open_readonly), JOIN(join, NULL),
		SET_VECTOR(set_vector[0]),
		{ VMSHM_IOC_PEER_PENDING, &none, .size = sizeof(none) },
	};

	(void)state;
	assert_run(run_with(calls, "wait", "vm1/ram", "--timeout=0"), 10,
		   "peer 0\n", "");
	assert_int_equal(run_alone("wait")->status, 2);
	assert_int_equal(run_alone("wait", "a", "--vectors=0")->status, 2);
	assert_int_equal(run_alone("wait", "a", "--vectors=65")->status, 2);
	assert_int_equal(run_alone("wait", "a", "--number=65536")->status, 2);
	assert_int_equal(run_alone("wait", "a", "--count=0")->status, 2);
	assert_int_equal(run_alone("wait", "a", "--timeout=x")->status, 2);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, mock_setup, mock_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(peers_table),
		TEST(ring),
		TEST(ring_from_another_number),
		TEST(ring_from_a_guest),
		TEST(ring_of_a_reader),
		TEST(ring_by_name),
		TEST(wait_until_rung),
		TEST(wait_until_a_time),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
