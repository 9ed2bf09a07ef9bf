// SPDX-License-Identifier: GPL-2.0
/*
 * The verbs that use what is in a region, and those that look on: cat, write,
 * exec, watch, who. The region is an ordinary file.
 */

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "run.h"

static const struct vmshm_open open_mine = {
	.size = sizeof(open_mine),
	.flags = VMSHM_OPEN_OWNER,
	.owner = MOCK_EUID,
	.name = "vm1/ram",
};

static const struct vmshm_open open_mine_readonly = {
	.size = sizeof(open_mine_readonly),
	.flags = VMSHM_OPEN_OWNER | VMSHM_OPEN_RDONLY,
	.owner = MOCK_EUID,
	.name = "vm1/ram",
};

#define OPEN(in_) { \
	.cmd = VMSHM_IOC_OPEN, \
	.in = &(in_), \
	.size = sizeof(struct vmshm_open), \
	.new_fd = offsetof(struct vmshm_open, out_fd), \
}

static void fill_region(size_t size, size_t offset, const char *text)
{
	assert_return_code(ftruncate(mock_file, (off_t)size), errno);
	assert_int_equal(pwrite(mock_file, text, strlen(text), (off_t)offset),
			 strlen(text));
}

static void cat_parts(void **state)
{
	const struct mock_call calls[] = {
		MOCK_INFO,
		OPEN(open_mine_readonly),
	};

	(void)state;
	fill_region(16384, 8190, "0123456789");
	assert_run(run_with(calls, "cat", "vm1/ram", "--offset=8191", "-n4"), 0,
		   "1234", "");
	/* Beyond the end is nothing. */
	assert_run(run_with(calls, "cat", "vm1/ram", "-o16K"), 0, "", "");
	assert_run(run_with(calls, "cat", "vm1/ram", "-o15E"), 0, "", "");
}

/* All of it, through holes, to a file, a pipe's like and an appended file. */
static void cat_holes(void **state)
{
	const size_t size = 3 << 20, text = (2 << 20) + 5;
	const struct mock_call calls[] = {
		MOCK_INFO,
		OPEN(open_mine_readonly),
	};
	char *expected = calloc(1, size), *got = malloc(size + 1);
	int flags[] = { O_WRONLY, O_WRONLY | O_APPEND };
	char path[] = "/tmp/vmshm-test.XXXXXX";
	size_t i;
	int fd;

	(void)state;
	fd = mkstemp(path);
	assert_return_code(fd, errno);
	fill_region(size, text, "text");
	memcpy(expected + text, "text", 4);
	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		assert_return_code(ftruncate(fd, 0), errno);
		run_output = path;
		run_output_flags = flags[i];
		assert_run(run_with(calls, "cat", "vm1/ram"), 0, "", "");
		run_output = NULL;
		assert_int_equal(pread(fd, got, size + 1, 0), size);
		assert_memory_equal(got, expected, size);
	}
	close(fd);
	unlink(path);
	free(expected);
	free(got);
}

static void write_parts(void **state)
{
	const struct mock_call calls[] = { MOCK_INFO, OPEN(open_mine) };
	char got[6];

	(void)state;
	fill_region(8192, 0, "..........");
	run_input = "abc";
	run_input_size = 3;
	assert_run(run_with(calls, "write", "vm1/ram", "--offset=2"), 0, "",
		   "");
	assert_int_equal(pread(mock_file, got, 6, 0), 6);
	assert_memory_equal(got, "..abc.", 6);
}

static void write_what_is_sealed(void **state)
{
	const struct mock_call calls[] = { MOCK_INFO, OPEN(open_mine) };

	(void)state;
	fill_region(8192, 0, "..........");
	assert_return_code(fcntl(mock_file, F_ADD_SEALS, F_SEAL_WRITE), errno);
	run_input = "abc";
	run_input_size = 3;
	assert_run(run_with(calls, "write", "vm1/ram"), 4, "",
		   "vmshm: cannot write 'vm1/ram': it is sealed against writing (Operation not permitted)\n");
}

/* An ordinary file would grow; a region is full. */
static void write_what_does_not_fit(void **state)
{
	const struct mock_call calls[] = { MOCK_INFO, OPEN(open_mine) };

	(void)state;
	fill_region(8192, 0, "");
	run_input = "abc";
	run_input_size = 3;
	run_file_limit = 8192;
	assert_run(run_with(calls, "write", "vm1/ram", "-o8190", "--json"), 6,
		   "{\n  \"name\": \"vm1/ram\",\n  \"offset\": 8190,\n  \"written\": 2,\n  \"complete\": false\n}\n",
		   "vmshm: 'vm1/ram' is full: the first 2 bytes of the input fitted, to its end at 8K\n");
}

static void strangers_are_refused(void **state)
{
	static const struct vmshm_open open_root = {
		.size = sizeof(open_root),
		.flags = VMSHM_OPEN_OWNER | VMSHM_OPEN_RDONLY,
		.name = "vm1/ram",
	};
	const struct vmshm_list list_in = {
		.size = sizeof(list_in),
		.entries = ANY_POINTER,
		.entry_size = sizeof(struct vmshm_stat),
		.count = 1,
		.prefix = "vm1/ram",
	};
	struct vmshm_list list_out = list_in;
	struct vmshm_stat stat = {
		.size = sizeof(stat),
		.out_uid = 4000000001U,
		.out_generation = 8,
		.out_name = "vm1/ram",
	};
	struct mock_call calls[] = {
		MOCK_INFO,
		OPEN(open_mine_readonly),
		OPEN(open_root),
		{ VMSHM_IOC_LIST, &list_in, &list_out, .size = sizeof(list_in),
		  .pointer = offsetof(struct vmshm_list, entries),
		  .data = &stat, .data_size = sizeof(stat) },
	};

	(void)state;
	calls[1].error = ESTALE;
	calls[1].new_fd = 0;
	calls[2].error = ESTALE;
	calls[2].new_fd = 0;
	list_out.out_count = 1;
	assert_run(run_with(calls, "cat", "vm1/ram"), 8, "",
		   "vmshm: cannot read 'vm1/ram': it belongs to 4000000001: use --owner=4000000001 if that is right (Stale file handle)\n");
}

static void owner_and_generation(void **state)
{
	static const struct vmshm_open open_owner = {
		.size = sizeof(open_owner),
		.flags = VMSHM_OPEN_OWNER | VMSHM_OPEN_GENERATION |
			 VMSHM_OPEN_RDONLY,
		.owner = 4000000001U,
		.generation = 8,
		.name = "vm1/ram",
	};
	static const struct vmshm_open open_any = {
		.size = sizeof(open_any),
		.flags = VMSHM_OPEN_RDONLY,
		.name = "vm1/ram",
	};
	const struct mock_call calls[] = { MOCK_INFO, OPEN(open_owner) };
	const struct mock_call any[] = { MOCK_INFO, OPEN(open_any) };

	(void)state;
	fill_region(2, 0, "ok");
	assert_run(run_with(calls, "cat", "vm1/ram", "--owner=4000000001",
			    "--generation=8"), 0, "ok", "");
	assert_run(run_with(any, "cat", "vm1/ram", "--any-owner"), 0, "ok", "");
}

static void exec_puts_paths_in_place(void **state)
{
	static const struct vmshm_open open_other = {
		.size = sizeof(open_other),
		.flags = VMSHM_OPEN_OWNER,
		.owner = MOCK_EUID,
		.name = "b=c",
	};
	const struct mock_call calls[] = {
		MOCK_INFO,
		OPEN(open_other),
		OPEN(open_mine),
	};

	(void)state;
	fill_region(2, 0, "ok");
	/* One by a number, which is no part of the name; one by its mention. */
	assert_run(run_with(calls, "exec", "b=c=42", "--", "sh", "-c",
			    "echo \"$0\"; cat /proc/self/fd/42",
			    "@b=c@:x@@y:@vm1/ram@:z@"), 0,
		   "/proc/self/fd/42:x@y:/proc/self/fd/44:z@\nok", "");
}

static void exec_readonly(void **state)
{
	const struct mock_call calls[] = {
		MOCK_INFO,
		OPEN(open_mine_readonly),
	};
	const struct mock_call both[] = {
		MOCK_INFO,
		OPEN(open_mine_readonly),
		OPEN(open_mine_readonly),
	};

	(void)state;
	assert_run(run_with(calls, "exec", "--readonly", "--", "true",
			    "@vm1/ram@"), 0, "", "");
	assert_run(run_with(calls, "exec", "--readonly=vm1/ram", "vm1/ram",
			    "--", "true"), 0, "", "");
	assert_run(run_with(both, "exec", "--readonly", "vm1/ram=7",
			    "vm1/ram=8", "--", "true"), 0, "", "");
	assert_int_equal(run_with(calls, "exec", "--readonly", "vm1/ram=7",
				  "vm1/ram=7", "--", "true")->status, 2);
}

/* Not run with a region that can be written, though that was to be avoided. */
static void exec_readonly_of_nothing(void **state)
{
	const struct mock_call calls[] = {
		MOCK_INFO,
		OPEN(open_mine),
	};

	(void)state;
	assert_run(run_with(calls, "exec", "--readonly=vm1/rom", "vm1/ram=7",
			    "--", "echo", "run"), 2, "",
		   "vmshm: --readonly=vm1/rom is none of the regions\n"
		   "Try 'vmshm exec --help' for more information.\n");
	assert_int_equal(run_first(calls, 1, "exec", "--readonly=vm1/ram=7",
				   "--", "true")->status, 2);
}

/* A descriptor may be asked for that was in use for another region. */
static void exec_swaps_descriptors(void **state)
{
	const struct mock_call calls[] = {
		MOCK_INFO,
		OPEN(open_mine),
		OPEN(open_mine),
		OPEN(open_mine),
	};

	(void)state;
	fill_region(2, 0, "ok");
	assert_run(run_with(calls, "exec", "vm1/ram=5", "vm1/ram=4",
			    "vm1/ram=3", "--", "cat", "/proc/self/fd/3",
			    "/proc/self/fd/4", "/proc/self/fd/5"), 0, "okokok",
		   "");
}

static void exec_of_no_program(void **state)
{
	const struct mock_call calls[] = { MOCK_INFO };
	struct mock_call failing[] = { MOCK_INFO, OPEN(open_mine) };

	(void)state;
	assert_run(run_with(calls, "exec", "--", "/nonexistent/program"), 127,
		   "",
		   "vmshm: cannot run '/nonexistent/program': No such file or directory\n");
	assert_run(run_with(calls, "exec", "--", "/etc/passwd"), 126, "",
		   "vmshm: cannot run '/etc/passwd': Permission denied\n");
	assert_int_equal(run_with(calls, "exec", "--", "sh", "-c",
				  "exit 77")->status, 77);
	failing[1].error = ENOENT;
	failing[1].new_fd = 0;
	assert_run(run_with(failing, "exec", "--", "true", "x=@vm1/ram@"), 3,
		   "",
		   "vmshm: cannot open 'vm1/ram': no region of that name (No such file or directory)\n"
		   "Write @@ where @ does not begin the name of a region.\n");
}

static void create_runs_a_command(void **state)
{
	const struct vmshm_create in = {
		.size = sizeof(in),
		.flags = VMSHM_EPHEMERAL,
		.region_size = 4096,
		.mode = 0600,
		.name = "vm1/ram",
	};
	struct vmshm_create out = in;
	const struct mock_call calls[] = {
		MOCK_INFO,
		{ VMSHM_IOC_CREATE, &in, &out, .size = sizeof(in),
		  .new_fd = offsetof(struct vmshm_create, out_fd) },
	};

	(void)state;
	out.out_created = 1;
	fill_region(2, 0, "ok");
	assert_run(run_with(calls, "create", "vm1/ram", "--ephemeral",
			    "--size=4K", "--", "cat", "@vm1/ram@"), 0, "ok",
		   "");
}

/* Events: three of a region, and one that the command itself caused. */
static void watch_lines(void **state)
{
	const struct vmshm_watch in = {
		.size = sizeof(in),
		.events = 1U << VMSHM_EVENT_RESIZED | 1U << VMSHM_EVENT_ATTR |
			  1U << VMSHM_EVENT_OVERFLOW,
		.prefix = "vm1/",
	};
	const struct mock_call calls[] = {
		MOCK_INFO,
		{ VMSHM_IOC_WATCH, &in, .size = sizeof(in),
		  .new_fd = offsetof(struct vmshm_watch, out_fd) },
	};
	struct vmshm_event events[] = {
		{ .size = sizeof(events[0]), .type = VMSHM_EVENT_RESIZED,
		  .generation = 3, .seq = 9, .time_ns = 5, .pid = 12,
		  .uid = 4000000001U, .value = 2 << 20, .old_value = 1 << 20,
		  .name = "vm1/ram" },
		{ .size = sizeof(events[0]), .type = VMSHM_EVENT_OVERFLOW,
		  .seq = 44 },
		{ .size = sizeof(events[0]), .type = VMSHM_EVENT_ATTR,
		  .value = 0660, .old_value = 0600, .name = "vm1/ram" },
	};
	const struct run *result;

	(void)state;
	assert_int_equal(pwrite(mock_file, events, sizeof(events), 0),
			 sizeof(events));
	lseek(mock_file, 0, SEEK_SET);
	result = run_with(calls, "watch", "--events=resized,attr", "vm1/");
	assert_int_equal(result->status, 0);
	assert_non_null(strstr(result->out,
			       " vm1/ram resized from 1M to 2M by process 12 of 4000000001\n"));
	assert_non_null(strstr(result->out,
			       " overflow: 44 events were lost\n"));
	assert_non_null(strstr(result->out,
			       " vm1/ram attr from mode 0600 to 0660\n"));

	lseek(mock_file, 0, SEEK_SET);
	assert_run(run_with(calls, "watch", "--events=attr,resized", "vm1/",
			    "--json", "--count=1"), 0,
		   "{\"name\":\"vm1/ram\",\"event\":\"resized\",\"generation\":3,\"seq\":9,\"time_ns\":5,\"value\":2097152,\"old_value\":1048576,\"pid\":12,\"uid\":4000000001}\n",
		   "");
}

static void watch_until_a_time(void **state)
{
	const struct vmshm_watch in = { .size = sizeof(in) };
	struct mock_call calls[] = {
		MOCK_INFO,
		{ VMSHM_IOC_WATCH, &in, .size = sizeof(in),
		  .new_fd = offsetof(struct vmshm_watch, out_fd) },
	};
	int pipes[2];

	(void)state;
	assert_return_code(pipe2(pipes, O_CLOEXEC), errno);
	assert_return_code(dup2(pipes[0], mock_file), errno);
	assert_run(run_with(calls, "watch", "--timeout=0.01"), 0, "", "");
	assert_run(run_with(calls, "watch", "--timeout=0.01", "-n1"), 10, "",
		   "");
	calls[1].error = EDQUOT;
	calls[1].new_fd = 0;
	assert_run(run_with(calls, "watch"), 6, "",
		   "vmshm: cannot watch '': a limit of the user is reached (Disk quota exceeded)\n");
	close(pipes[0]);
	close(pipes[1]);
}

static void who_is_there(void **state)
{
	static const struct vmshm_open open_any = {
		.size = sizeof(open_any),
		.flags = VMSHM_OPEN_RDONLY,
		.name = "vm1/ram",
	};
	const struct vmshm_members in = {
		.size = sizeof(in),
		.entries = ANY_POINTER,
		.entry_size = sizeof(struct vmshm_member),
		.count = 16,
	};
	struct vmshm_members out = in;
	const struct vmshm_member members[] = {
		{ .type = VMSHM_MEMBER_OPEN, .uid = 4000000001U,
		  .flags = VMSHM_MEMBER_READ | VMSHM_MEMBER_EXITED,
		  .comm = "gone\033[m" },
		{ .type = VMSHM_MEMBER_MAP, .pid = 0x7ffffff0,
		  .uid = 4000000001U, .offset = 4096, .length = 8192,
		  .flags = VMSHM_MEMBER_READ | VMSHM_MEMBER_WRITE |
			   VMSHM_MEMBER_PRIVATE,
		  .comm = "sixteen-bytes-ok" },
	};
	const struct vmshm_bindings bindings_in = {
		.size = sizeof(bindings_in),
		.entries = ANY_POINTER,
		.entry_size = sizeof(struct vmshm_binding),
		.count = 16,
	};
	struct vmshm_bindings bindings_out = bindings_in;
	const struct vmshm_binding bindings[] = {
		{ .pid = 0x7ffffff1, .uid = 4000000001U, .first_slot = 5,
		  .nr_slots = 9, .used_slots = 2, .vm = 3,
		  .guest_addr = 1ULL << 32, .offset = 4096, .bound = 8192,
		  .flags = VMSHM_BIND_FOLLOW, .comm = "vmm" },
		{ .flags = VMSHM_BIND_READONLY | VMSHM_BIND_USER |
			   VMSHM_BIND_LOG },
	};
	const struct mock_call calls[] = {
		MOCK_INFO,
		OPEN(open_any),
		{ VMSHM_IOC_MEMBERS, &in, &out, .size = sizeof(in),
		  .pointer = offsetof(struct vmshm_members, entries),
		  .data = members, .data_size = sizeof(members) },
		{ VMSHM_IOC_BINDINGS, &bindings_in, &bindings_out,
		  .size = sizeof(bindings_in),
		  .pointer = offsetof(struct vmshm_bindings, entries),
		  .data = bindings, .data_size = sizeof(bindings) },
	};
	const struct run *result;
	char passed[64];

	(void)state;
	out.out_count = 2;
	bindings_out.out_count = 2;
	result = run_with(calls, "who", "vm1/ram");
	assert_int_equal(result->status, 0);
	assert_non_null(strstr(result->out,
			       "-  4000000001  gone\\x1b[m        r       "));
	assert_non_null(strstr(result->out,
			       "  opened it, has ended, passed it on\n"));
	assert_non_null(strstr(result->out,
			       "2147483632  4000000001  sixteen-bytes-ok  rw "));
	assert_non_null(strstr(result->out, " maps 8K at 4K, private\n"));
	assert_non_null(strstr(result->out,
			       "2147483633  4000000001  vmm               rw "));
	assert_non_null(strstr(result->out,
			       " bound to VM 3 at 0x100000000, 8K at 4K, slots 5+2"));
	assert_non_null(strstr(result->out, " of 9, follows\n"));
	assert_non_null(strstr(result->out,
			       " bound to a VM at 0x0, 0 at 0, slots 0+0 of 0, logged\n"));
	/* This very process has the file of the mock. */
	snprintf(passed, sizeof(passed), "was passed it, fd %d\n", mock_file);
	assert_non_null(strstr(result->out, passed));
	/* It has other files as well. */
	snprintf(passed, sizeof(passed), "fd %d\n", mock_device);
	assert_null(strstr(result->out, passed));
}

static int setup(void **state)
{
	run_input = NULL;
	run_input_size = 0;
	run_output = NULL;
	run_output_flags = O_WRONLY;
	run_file_limit = 0;
	return mock_setup(state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, mock_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(cat_parts),
		TEST(cat_holes),
		TEST(write_parts),
		TEST(write_what_is_sealed),
		TEST(write_what_does_not_fit),
		TEST(strangers_are_refused),
		TEST(owner_and_generation),
		TEST(exec_puts_paths_in_place),
		TEST(exec_readonly),
		TEST(exec_readonly_of_nothing),
		TEST(exec_swaps_descriptors),
		TEST(exec_of_no_program),
		TEST(create_runs_a_command),
		TEST(watch_lines),
		TEST(watch_until_a_time),
		TEST(who_is_there),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
