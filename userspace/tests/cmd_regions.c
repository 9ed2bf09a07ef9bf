// SPDX-License-Identifier: GPL-2.0
/* The verbs that create, list, change and remove regions. */

#include <errno.h>
#include <jansson.h>

#include "run.h"

/* A region as the kernel describes it. */
static struct vmshm_stat stat_of(const char *name, __u64 generation)
{
	struct vmshm_stat stat = {
		.size = sizeof(stat),
		.out_generation = generation,
		.out_region_size = 64 << 20,
		.out_max_size = 1 << 30,
		.out_resident = 12288,
		.out_allocated = 16384,
		.out_charged = 1 << 20,
		.out_ctime_ns = 1700000000123456789,
		.out_seq = 17,
		.out_ino = 18,
		.out_faults = 19,
		.out_flags = VMSHM_SHRINKABLE | VMSHM_NO_PUNCH,
		.out_huge = VMSHM_HUGE_ADVISE,
		.out_seals = VMSHM_SEAL_GROW,
		.out_mode = 0640,
		.out_uid = 4000000001U,
		.out_gid = 4000000002U,
		.out_domain_uid = 4000000003U,
		.out_opens = 2,
		.out_maps = 3,
		.out_linked = 1,
		.out_registry = 4026531837U,
	};

	memcpy(stat.out_name, name, strlen(name));
	return stat;
}

static struct vmshm_list list_in(__u32 flags, const char *prefix, __u32 count)
{
	struct vmshm_list in = {
		.size = sizeof(in),
		.flags = flags,
		.entries = ANY_POINTER,
		.entry_size = sizeof(struct vmshm_stat),
		.count = count,
	};

	memcpy(in.prefix, prefix, strlen(prefix));
	return in;
}

static struct mock_call list_call(const struct vmshm_list *in,
				  struct vmshm_list *out,
				  const struct vmshm_stat *stats, __u32 count)
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
	return call;
}

static void create_with_options(void **state)
{
	const struct vmshm_create in = {
		.size = sizeof(in),
		.flags = VMSHM_SHRINKABLE | VMSHM_RESERVE | VMSHM_PINNABLE |
			 VMSHM_NO_PUNCH | VMSHM_LOG_READERS |
			 VMSHM_OPEN_EXISTING,
		.region_size = 64 << 20,
		.max_size = 1 << 30,
		.mode = 0660,
		.huge = VMSHM_HUGE_WITHIN_SIZE,
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
	assert_run(run_with(calls, "create", "--size", "64M", "vm1/ram",
			    "--max=1G", "--mode=660", "--shrinkable",
			    "--reserve", "--pinnable", "--no-punch",
			    "--log-readers", "--huge=within-size",
			    "--open-existing"), 0, "", "");
}

static void create_errors(void **state)
{
	static const struct {
		int error;
		__u64 size;
		const char *message;
	} table[] = {
		{ EEXIST, 4096, "a region of that name exists (File exists)" },
		{ EACCES, 4096, "its domain is another user's (Permission denied)" },
		{ EINVAL, 4096, "the name is malformed (Invalid argument)" },
		{ EINVAL, 2ULL << 40, "no region can be as large as that (Invalid argument)" },
		{ ENOSPC, 4096,
		  "the system has reached a limit, see 'vmshm limits' (No space left on device)" },
	};
	char size[32], message[256];
	const struct run *result;
	size_t count, i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(table); i++) {
		const struct vmshm_create in = {
			.size = sizeof(in),
			.region_size = table[i].size,
			.mode = 0600,
			.name = "vm1/ram",
		};
		const struct mock_call calls[] = {
			MOCK_INFO,
			{ VMSHM_IOC_CREATE, &in, .size = sizeof(in),
			  .error = table[i].error },
			MOCK_INFO,
		};

		snprintf(size, sizeof(size), "%llu", table[i].size);
		snprintf(message, sizeof(message),
			 "vmshm: cannot create 'vm1/ram': %s\n",
			 table[i].message);
		count = table[i].error == EINVAL ? 3 : 2;
		result = run_first(calls, count, "create", "vm1/ram", "-s",
				   size);
		assert_string_equal(result->err, message);
	}
}

static void ls_table(void **state)
{
	struct vmshm_stat stats[] = {
		stat_of("vm1/ram", 7),
		stat_of("vm1/a-longer-name", 123456),
	};
	struct vmshm_list in = list_in(0, "vm1/", 128), out;
	const struct mock_call calls[] = {
		MOCK_INFO,
		list_call(&in, &out, stats, 2),
	};

	(void)state;
	stats[0].out_uid = 0;
	stats[1].out_flags |= VMSHM_PINNABLE;
	stats[1].out_region_size = 1536;
	assert_run(run_with(calls, "ls", "vm1/"), 0,
		   "NAME               SIZE  MAX  RESIDENT  OPENS  MAPS  MODE  OWNER       GENERATION\n"
		   "vm1/ram             64M   1G       12K      2     3  0640  root                 7\n"
		   "vm1/a-longer-name  1.5K   1G       12K      2     -  0640  4000000001      123456\n",
		   "");
	assert_run(run_with(calls, "ls", "-b", "vm1/"), 0,
		   "NAME                   SIZE         MAX  RESIDENT  OPENS  MAPS  MODE  OWNER       GENERATION\n"
		   "vm1/ram            67108864  1073741824     12288      2     3  0640  root                 7\n"
		   "vm1/a-longer-name      1536  1073741824     12288      2     -  0640  4000000001      123456\n",
		   "");
	assert_run(run_with(calls, "ls", "--names", "vm1/"), 0,
		   "vm1/ram\nvm1/a-longer-name\n", "");
}

static void ls_of_nothing(void **state)
{
	struct vmshm_list in = list_in(VMSHM_LIST_ALL, "", 128), out;
	struct mock_call calls[] = {
		MOCK_INFO,
		list_call(&in, &out, NULL, 0),
	};

	(void)state;
	assert_run(run_with(calls, "ls", "-a"), 0, "", "");
	assert_run(run_with(calls, "ls", "-a", "--json"), 0, "[]\n", "");
	calls[1].error = EPERM;
	assert_run(run_with(calls, "ls", "-a", "--json"), 4, "",
		   "vmshm: cannot list regions: only root may see all registries (Operation not permitted)\n");
}

static json_t *parse(const char *text)
{
	json_error_t error;
	json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, &error);

	if (!json)
		fail_msg("%s in '%s'", error.text, text);
	return json;
}

/* What stat_of("vm1/ram", 7) looks like. */
static json_t *expected_json(void)
{
	json_t *json = json_load_file(TEST_DATA "/region.json", 0, NULL);

	assert_non_null(json);
	return json;
}

static void ls_json(void **state)
{
	const struct vmshm_stat stats[] = {
		stat_of("vm1/ram", 7),
		stat_of("vm1/ram", 7),
	};
	json_t *expected = expected_json(), *got;
	struct vmshm_list in = list_in(0, "", 128), out;
	const struct mock_call calls[] = {
		MOCK_INFO,
		list_call(&in, &out, stats, 2),
	};
	const struct run *result;

	(void)state;
	result = run_with(calls, "ls", "--json");
	assert_int_equal(result->status, 0);
	got = parse(result->out);
	assert_int_equal(json_array_size(got), 2);
	assert_true(json_equal(json_array_get(got, 0), expected));
	assert_true(json_equal(json_array_get(got, 1), expected));
	json_decref(got);
	json_decref(expected);
}

/* Names have any printable ASCII, and are what they are. */
static void names_in_json(void **state)
{
	static const char name[] = "a\\b\"c/\\x5c<>&'$(id)`";
	const struct vmshm_stat stat = stat_of(name, 7);
	struct vmshm_list in = list_in(0, "", 128), out;
	const struct mock_call calls[] = {
		MOCK_INFO,
		list_call(&in, &out, &stat, 1),
	};
	json_t *got, *member;

	(void)state;
	got = parse(run_with(calls, "ls", "--json")->out);
	member = json_object_get(json_array_get(got, 0), "name");
	assert_string_equal(json_string_value(member), name);
	json_decref(got);
}

static void info_without_opening(void **state)
{
	const struct vmshm_stat stat = stat_of("vm1/ram", 7);
	json_t *expected = expected_json(), *got;
	struct vmshm_list in = list_in(0, "vm1/ram", 1), out;
	const struct mock_call calls[] = {
		MOCK_INFO,
		list_call(&in, &out, &stat, 1),
	};
	const struct run *result;

	(void)state;
	result = run_with(calls, "info", "vm1/ram", "--json");
	assert_int_equal(result->status, 0);
	got = parse(result->out);
	assert_true(json_equal(got, expected));
	json_decref(got);
	json_decref(expected);

	result = run_with(calls, "info", "vm1/ram");
	assert_int_equal(result->status, 0);
	assert_non_null(strstr(result->out,
			       "size        64M (67108864 bytes)\n"));
	assert_non_null(strstr(result->out,
			       "flags       shrinkable,no-punch\n"));
}

/* Not being listed is ENOENT or EACCES: opening says which. */
static void info_of_what_may_not_be_seen(void **state)
{
	const struct vmshm_open open_in = {
		.size = sizeof(open_in),
		.name = "vm1/ram",
	};
	struct vmshm_list in = list_in(0, "vm1/ram", 1), out;
	struct mock_call calls[] = {
		MOCK_INFO,
		list_call(&in, &out, NULL, 0),
		{ VMSHM_IOC_OPEN, &open_in, .size = sizeof(open_in),
		  .error = EACCES },
	};

	(void)state;
	assert_int_equal(run_with(calls, "info", "vm1/ram")->status, 4);
	calls[2].error = ENOENT;
	assert_run(run_with(calls, "info", "vm1/ram"), 3, "",
		   "vmshm: cannot look at 'vm1/ram': no region of that name (No such file or directory)\n");
}

/* Regions are opened whoever they belong to, where that does no harm. */
static const struct vmshm_open open_any = {
	.size = sizeof(open_any),
	.name = "vm1/ram",
};

static const struct vmshm_open open_any_readonly = {
	.size = sizeof(open_any_readonly),
	.flags = VMSHM_OPEN_RDONLY,
	.name = "vm1/ram",
};

#define OPEN_ANY(in_) { \
	.cmd = VMSHM_IOC_OPEN, \
	.in = &(in_), \
	.size = sizeof(struct vmshm_open), \
	.new_fd = offsetof(struct vmshm_open, out_fd), \
}

static void resize_errors_have_reasons(void **state)
{
	static const struct vmshm_stat stat_in = { .size = sizeof(stat_in) };
	struct vmshm_stat stat = stat_of("vm1/ram", 7);
	const struct vmshm_resize in = {
		.size = sizeof(in),
		.region_size = 128 << 20,
	};
	struct mock_call calls[] = {
		MOCK_INFO,
		OPEN_ANY(open_any),
		{ VMSHM_IOC_STAT, &stat_in, &stat, .size = sizeof(stat) },
		{ VMSHM_IOC_RESIZE, &in, .size = sizeof(in) },
	};
	json_t *got;

	(void)state;
	assert_run(run_with(calls, "resize", "vm1/ram", "128M"), 0, "", "");
	got = parse(run_with(calls, "resize", "vm1/ram", "128M", "--json")->out);
	assert_int_equal(json_integer_value(json_object_get(got, "size")),
			 128 << 20);
	assert_int_equal(json_integer_value(json_object_get(got, "old_size")),
			 64 << 20);
	json_decref(got);

	calls[3].error = EFBIG;
	assert_run(run_with(calls, "resize", "vm1/ram", "128M"), 6, "",
		   "vmshm: cannot resize 'vm1/ram' to 128M: it may grow to 1G at most (File too large)\n");
	calls[3].error = EPERM;
	assert_run(run_with(calls, "resize", "vm1/ram", "128M"), 4, "",
		   "vmshm: cannot resize 'vm1/ram' to 128M: a seal forbids it to grow (Operation not permitted)\n");
}

/* To 32M is less, to 128M is more than there is. */
static void resize_says_who_is_in_the_way(void **state)
{
	static const struct vmshm_stat stat_in = { .size = sizeof(stat_in) };
	static const struct {
		int error;
		__u32 mib;
		__u32 flags;
		__u32 bindings;
		const char *reason;
	} table[] = {
		{ EBUSY, 32, 0, 0, "it is mapped beyond the new size" },
		{ EBUSY, 32, VMSHM_PINNABLE, 0,
		  "it is pinnable and has been mapped" },
		{ EBUSY, 32, 0, 1,
		  "it is in use beyond the new size, see 'vmshm who'" },
		{ EBUSY, 128, 0, 1,
		  "a VM has something else there, or is kept busy" },
		{ EBUSY, 128, VMSHM_PINNABLE, 1,
		  "a VM has something else there, or is kept busy" },
		{ ENOSPC, 128, 0, 1,
		  "a binding is out of slots, or the system at a limit" },
		{ ENOSPC, 128, 0, 0, "a limit of the system is reached" },
	};
	char size[16], message[256];
	const struct run *result;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(table); i++) {
		struct vmshm_stat stat = stat_of("vm1/ram", 7);
		const struct vmshm_resize in = {
			.size = sizeof(in),
			.region_size = (__u64)table[i].mib << 20,
		};
		const struct mock_call calls[] = {
			MOCK_INFO,
			OPEN_ANY(open_any),
			{ VMSHM_IOC_STAT, &stat_in, &stat,
			  .size = sizeof(stat) },
			{ VMSHM_IOC_RESIZE, &in, .size = sizeof(in),
			  .error = table[i].error },
		};

		stat.out_flags |= table[i].flags;
		stat.out_bindings = table[i].bindings;
		snprintf(size, sizeof(size), "%uM", table[i].mib);
		snprintf(message, sizeof(message),
			 "vmshm: cannot resize 'vm1/ram' to %s: %s (", size,
			 table[i].reason);
		result = run_with(calls, "resize", "vm1/ram", size);
		if (strncmp(result->err, message, strlen(message)))
			fail_msg("'%s' instead of '%s'", result->err, message);
	}
}

static void seals_by_name(void **state)
{
	static const struct vmshm_seal add = {
		.size = sizeof(add),
		.add = VMSHM_SEAL_GROW | VMSHM_SEAL_FUTURE_WRITE,
	};
	static const struct vmshm_seal get = { .size = sizeof(get) };
	static const struct vmshm_seal got = {
		.size = sizeof(got),
		.out_seals = VMSHM_SEAL_GROW | VMSHM_SEAL_FUTURE_WRITE,
	};
	const struct mock_call show[] = {
		MOCK_INFO,
		OPEN_ANY(open_any_readonly),
		{ VMSHM_IOC_SEAL, &get, &got, .size = sizeof(get) },
	};
	struct mock_call change[] = {
		MOCK_INFO,
		OPEN_ANY(open_any),
		{ VMSHM_IOC_SEAL, &add, .size = sizeof(add) },
		{ VMSHM_IOC_SEAL, &get, &got, .size = sizeof(get) },
	};

	(void)state;
	assert_run(run_with(show, "seal", "vm1/ram"), 0, "grow,future-write\n",
		   "");
	assert_run(run_with(change, "seal", "vm1/ram", "grow", "future-write"),
		   0, "", "");
	change[2].error = EPERM;
	assert_run(run_first(change, 3, "seal", "vm1/ram", "grow",
			     "future-write"), 4, "",
		   "vmshm: cannot seal 'vm1/ram' with grow,future-write: it is sealed against seals (Operation not permitted)\n");
}

static void rm_goes_on(void **state)
{
	static const struct vmshm_unlink in[] = {
		{ .size = sizeof(in[0]), .name = "a" },
		{ .size = sizeof(in[0]), .name = "b" },
		{ .size = sizeof(in[0]), .name = "c" },
	};
	const struct mock_call calls[] = {
		MOCK_INFO,
		{ VMSHM_IOC_UNLINK, &in[0], .size = sizeof(in[0]) },
		{ VMSHM_IOC_UNLINK, &in[1], .size = sizeof(in[0]),
		  .error = ENOENT },
		{ VMSHM_IOC_UNLINK, &in[2], .size = sizeof(in[0]) },
	};

	(void)state;
	assert_run(run_with(calls, "rm", "a", "b", "c"), 3, "",
		   "vmshm: cannot remove 'b': no region of that name (No such file or directory)\n");
	assert_run(run_with(calls, "rm", "-f", "a", "b", "c"), 0, "", "");
	assert_run(run_with(calls, "rm", "-f", "--json", "a", "b", "c"), 0,
		   "[\n\"a\",\n\"c\"\n]\n", "");
}

static void rm_of_one_generation(void **state)
{
	static const struct vmshm_unlink in = {
		.size = sizeof(in),
		.flags = VMSHM_UNLINK_GENERATION | VMSHM_UNLINK_REGISTRY,
		.generation = 99,
		.registry = 4026532000U,
		.name = "a",
	};
	const struct mock_call calls[] = {
		MOCK_INFO,
		{ VMSHM_IOC_UNLINK, &in, .size = sizeof(in), .error = ESTALE },
	};

	(void)state;
	assert_run(run_with(calls, "rm", "a", "--generation=99",
			    "--registry=4026532000"), 8, "",
		   "vmshm: cannot remove 'a': it is another region than the one of that number (Stale file handle)\n");
}

/* Of what is there, only what is unused, persistent and the caller's. */
static void gc_is_careful(void **state)
{
	struct vmshm_stat stats[] = {
		stat_of("a/opened", 1),
		stat_of("b/mapped", 2),
		stat_of("c/ephemeral", 3),
		stat_of("d/not-mine", 4),
		stat_of("e/idle", 5),
		stat_of("f/in-my-domain", 6),
		stat_of("g/taken-since", 7),
	};
	struct vmshm_stat taken;
	struct vmshm_list in[4], out[4];
	const struct vmshm_unlink unlink[] = {
		{ .size = sizeof(unlink[0]), .flags = VMSHM_UNLINK_GENERATION,
		  .generation = 5, .name = "e/idle" },
		{ .size = sizeof(unlink[0]), .flags = VMSHM_UNLINK_GENERATION,
		  .generation = 6, .name = "f/in-my-domain" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(stats); i++) {
		stats[i].out_opens = 0;
		stats[i].out_maps = 0;
		stats[i].out_uid = MOCK_EUID;
	}
	stats[0].out_opens = 1;
	stats[1].out_maps = 1;
	stats[2].out_flags = VMSHM_EPHEMERAL;
	stats[3].out_uid = 0;
	stats[5].out_uid = 0;
	stats[5].out_domain_uid = MOCK_EUID;
	taken = stats[6];
	taken.out_opens = 1;

	in[0] = list_in(0, "", 128);
	in[1] = list_in(0, "e/idle", 1);
	in[2] = list_in(0, "f/in-my-domain", 1);
	in[3] = list_in(0, "g/taken-since", 1);

	const struct mock_call calls[] = {
		MOCK_INFO,
		list_call(&in[0], &out[0], stats, ARRAY_SIZE(stats)),
		list_call(&in[1], &out[1], &stats[4], 1),
		{ VMSHM_IOC_UNLINK, &unlink[0], .size = sizeof(unlink[0]) },
		list_call(&in[2], &out[2], &stats[5], 1),
		{ VMSHM_IOC_UNLINK, &unlink[1], .size = sizeof(unlink[1]) },
		list_call(&in[3], &out[3], &taken, 1),
	};
	const struct mock_call dry_run[] = {
		MOCK_INFO, calls[1], calls[2], calls[4], calls[6],
	};
	const struct mock_call too_young[] = { MOCK_INFO, calls[1] };

	assert_run(run_with(calls, "gc"), 0,
		   "removed e/idle (1M)\nremoved f/in-my-domain (1M)\n2 regions, 2M\n",
		   "");
	assert_run(run_with(dry_run, "gc", "--dry-run"), 0,
		   "would remove e/idle (1M)\nwould remove f/in-my-domain (1M)\n2 regions, 2M\n",
		   "");
	assert_run(run_with(too_young, "gc", "--older-than=99999d"), 0, "",
		   "");
}

/* That nobody maps a pinnable region is not in the counters. */
static void gc_of_pinnable_regions(void **state)
{
	struct vmshm_stat stat = stat_of("vm1/ram", 5);
	struct vmshm_list in[2], out[2];
	const struct vmshm_open open_in = {
		.size = sizeof(open_in),
		.flags = VMSHM_OPEN_GENERATION,
		.generation = 5,
		.name = "vm1/ram",
	};
	const struct vmshm_members members_in = {
		.size = sizeof(members_in),
		.entries = ANY_POINTER,
		.entry_size = sizeof(struct vmshm_member),
		.count = 16,
	};
	struct vmshm_members members_out = members_in;
	const struct vmshm_member members[] = {
		{ .type = VMSHM_MEMBER_OPEN },
		{ .type = VMSHM_MEMBER_MAP },
	};

	(void)state;
	stat.out_flags = VMSHM_PINNABLE;
	stat.out_opens = 0;
	stat.out_uid = MOCK_EUID;
	members_out.out_count = 2;
	in[0] = list_in(0, "", 128);

	const struct mock_call calls[] = {
		MOCK_INFO,
		list_call(&in[0], &out[0], &stat, 1),
		{ VMSHM_IOC_OPEN, &open_in, .size = sizeof(open_in),
		  .new_fd = offsetof(struct vmshm_open, out_fd) },
		{ VMSHM_IOC_MEMBERS, &members_in, &members_out,
		  .size = sizeof(members_in),
		  .pointer = offsetof(struct vmshm_members, entries),
		  .data = members, .data_size = sizeof(members) },
	};

	assert_run(run_with(calls, "gc"), 0, "", "");
}

static void gc_in_all_registries(void **state)
{
	struct vmshm_stat stat = stat_of("vm1/ram", 5);
	struct vmshm_list in = list_in(VMSHM_LIST_ALL, "vm", 128), out;
	const struct vmshm_unlink unlink = {
		.size = sizeof(unlink),
		.flags = VMSHM_UNLINK_GENERATION | VMSHM_UNLINK_REGISTRY,
		.generation = 5,
		.registry = 4026531837U,
		.name = "vm1/ram",
	};

	(void)state;
	stat.out_opens = 0;
	stat.out_maps = 0;
	stat.out_uid = MOCK_EUID;

	struct mock_call calls[] = {
		MOCK_INFO,
		list_call(&in, &out, &stat, 1),
		{ VMSHM_IOC_UNLINK, &unlink, .size = sizeof(unlink) },
	};

	assert_run(run_with(calls, "gc", "-a", "--prefix=vm"), 0,
		   "removed vm1/ram (1M)\n", "");
	/* Gone before us. */
	calls[2].error = ESTALE;
	assert_run(run_with(calls, "gc", "-a", "--prefix=vm"), 0, "", "");
	calls[2].error = EPERM;
	assert_int_equal(run_with(calls, "gc", "-a", "--prefix=vm")->status, 4);
}

static void domains_by_name(void **state)
{
	const struct vmshm_domain reserve = {
		.size = sizeof(reserve),
		.op = VMSHM_DOMAIN_RESERVE,
		.uid = 1234567,
		.name = "vm1",
	};
	const struct vmshm_domain release = {
		.size = sizeof(release),
		.op = VMSHM_DOMAIN_RELEASE,
		.name = "vm1",
	};
	const struct mock_call calls[] = {
		MOCK_INFO,
		{ VMSHM_IOC_DOMAIN, &reserve, .size = sizeof(reserve) },
	};
	const struct mock_call failing[] = {
		MOCK_INFO,
		{ VMSHM_IOC_DOMAIN, &release, .size = sizeof(release),
		  .error = ENOENT },
	};

	(void)state;
	assert_run(run_with(calls, "domain", "reserve", "vm1", "1234567"), 0,
		   "", "");
	assert_run(run_with(failing, "domain", "release", "vm1"), 3, "",
		   "vmshm: cannot release the domain 'vm1': it is not reserved (No such file or directory)\n");
}

static void limits_that_are_none(void **state)
{
	const struct mock_call calls[] = { MOCK_INFO, MOCK_INFO };
	const struct run *result;
	json_t *got, *features;

	(void)state;
	mock_info_out.out_bytes_total = UINT64_MAX;
	mock_info_out.out_bytes_user = 1 << 30;
	mock_info_out.out_bytes_used = 3 << 20;
	mock_info_out.out_features = VMSHM_FEATURE_HUGE | VMSHM_FEATURE_KVM |
				     1ULL << 40 | 1ULL << 63;
	mock_info_out.out_huge_policies = 1 << VMSHM_HUGE_NEVER |
					  1 << VMSHM_HUGE_ADVISE;
	result = run_with(calls, "limits");
	assert_non_null(strstr(result->out, "memory, all users    none     -\n"));
	assert_non_null(strstr(result->out, "memory, you            1G    3M\n"));

	got = parse(run_with(calls, "limits", "--json")->out);
	assert_true(json_is_null(json_object_get(got, "bytes_total")));
	features = json_pack("[sss]", "huge", "kvm", "0x8000010000000000");
	assert_true(json_equal(json_object_get(got, "features"), features));
	json_decref(features);
	assert_int_equal(json_array_size(json_object_get(got,
							 "huge_policies")), 2);
	json_decref(got);
}

/* The second region cannot be opened in the first round, the third never. */
static void top_in_json(void **state)
{
	struct vmshm_stat stats[] = {
		stat_of("a", 1), stat_of("b", 2), stat_of("c", 3),
	};
	const struct vmshm_open open[] = {
		{ .size = sizeof(open[0]), .flags = VMSHM_OPEN_GENERATION,
		  .generation = 1, .name = "a" },
		{ .size = sizeof(open[0]), .flags = VMSHM_OPEN_GENERATION,
		  .generation = 2, .name = "b" },
		{ .size = sizeof(open[0]), .flags = VMSHM_OPEN_GENERATION,
		  .generation = 3, .name = "c" },
	};
	const struct vmshm_log_open log_in = { .size = sizeof(log_in) };
	const struct vmshm_log_stat stat_in = { .size = sizeof(stat_in) };
	const struct vmshm_log_stat stat_out = {
		.size = sizeof(stat_out),
		.out_nr_pages = 16384,
	};
	const struct vmshm_log_range range = {
		.first_page = 512,
		.nr_pages = 3,
	};
	const struct vmshm_log_fetch fetch_in = {
		.size = sizeof(fetch_in),
		.format = VMSHM_LOG_RANGES,
		.count = 4096,
		.buffer = ANY_POINTER,
	};
	struct vmshm_log_fetch fetch_out = fetch_in;
	struct vmshm_list in = list_in(0, "", 128), out;
	const struct mock_call list =
		list_call(&in, &out, stats, ARRAY_SIZE(stats));
	const struct mock_call log_open = {
		VMSHM_IOC_LOG_OPEN, &log_in, .size = sizeof(log_in),
		.new_fd = offsetof(struct vmshm_log_open, out_fd),
	};
	const struct mock_call log_stat = {
		VMSHM_IOC_LOG_STAT, &stat_in, &stat_out,
		.size = sizeof(stat_in),
	};
	const struct mock_call fetch = {
		VMSHM_IOC_LOG_FETCH, &fetch_in, &fetch_out,
		.size = sizeof(fetch_in),
		.pointer = offsetof(struct vmshm_log_fetch, buffer),
		.data = &range, .data_size = sizeof(range),
	};
	const struct mock_call calls[] = {
		MOCK_INFO, MOCK_INFO,
		list, OPEN_ANY(open[0]), log_open, log_stat,
		{ VMSHM_IOC_OPEN, &open[1], .size = sizeof(open[1]),
		  .error = EMFILE },
		{ VMSHM_IOC_OPEN, &open[2], .size = sizeof(open[2]),
		  .error = EACCES },
		list,
		{ VMSHM_IOC_OPEN, &open[1], .size = sizeof(open[1]),
		  .error = EMFILE },
		fetch,
		list, OPEN_ANY(open[1]), log_open, log_stat,
		fetch, fetch,
	};
	json_t *got, *region, *value;
	size_t i, k;

	(void)state;
	fetch_out.out_next = 16384;
	fetch_out.out_count = 1;
	fetch_out.out_pages = 3;
	got = parse(run_with(calls, "top", "--json", "--rounds=2",
			     "--interval=0.001")->out);
	assert_int_equal(json_array_size(got), 2);
	for (i = 0; i < 2; i++) {
		assert_int_equal(json_array_size(json_array_get(got, i)), 3);
		for (k = 0; k < 3; k++) {
			bool logged = !k || (i == 1 && k == 1);

			region = json_array_get(json_array_get(got, i), k);
			value = json_object_get(region, "opens");
			assert_int_equal(json_integer_value(value), 2);
			value = json_object_get(region, "logged");
			assert_int_equal(json_is_true(value), logged);
			value = json_object_get(region, "dirty_pages");
			assert_int_equal(json_integer_value(value),
					 logged ? 3 : 0);
			value = json_object_get(region, "heat");
			value = json_array_get(value, 1);
			assert_int_equal(json_integer_value(value),
					 logged ? 3 : 0);
			/* As it was, not as was asked for. */
			value = json_object_get(region, "interval_ns");
			assert_true(k == 1 ||
				    json_integer_value(value) > 1000000);
		}
	}
	json_decref(got);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, mock_setup, mock_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(create_with_options),
		TEST(create_errors),
		TEST(ls_table),
		TEST(ls_of_nothing),
		TEST(ls_json),
		TEST(names_in_json),
		TEST(info_without_opening),
		TEST(info_of_what_may_not_be_seen),
		TEST(resize_errors_have_reasons),
		TEST(resize_says_who_is_in_the_way),
		TEST(seals_by_name),
		TEST(rm_goes_on),
		TEST(rm_of_one_generation),
		TEST(gc_is_careful),
		TEST(gc_of_pinnable_regions),
		TEST(gc_in_all_registries),
		TEST(domains_by_name),
		TEST(limits_that_are_none),
		TEST(top_in_json),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
