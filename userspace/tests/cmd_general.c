// SPDX-License-Identifier: GPL-2.0
/* What all verbs have: help, usage, the device, errors and exit statuses. */

#include <errno.h>

#include "cmd.h"
#include "run.h"

static const char *const verbs[] = {
	"create", "ls", "info", "who", "watch", "exec", "cat", "write",
	"resize", "seal", "chmod", "chown", "rm", "gc", "domain", "limits",
	"log", "top",
};

static void help_of_every_verb(void **state)
{
	const struct run *result;
	char usage[64];
	size_t i;

	(void)state;
	result = run_alone("--help");
	assert_int_equal(result->status, 0);
	for (i = 0; i < ARRAY_SIZE(verbs); i++) {
		snprintf(usage, sizeof(usage), "\n  %-8s ", verbs[i]);
		assert_non_null(strstr(result->out, usage));
	}

	for (i = 0; i < ARRAY_SIZE(verbs); i++) {
		snprintf(usage, sizeof(usage), "Usage: vmshm %s ", verbs[i]);
		result = run_alone(verbs[i], "--help");
		assert_int_equal(result->status, 0);
		assert_string_equal(result->err, "");
		assert_int_equal(strncmp(result->out, usage, strlen(usage)), 0);
		assert_non_null(strstr(result->out, "--help"));
		result = run_alone("help", verbs[i]);
		assert_int_equal(result->status, 0);
		assert_int_equal(strncmp(result->out, usage, strlen(usage)), 0);
	}
}

static void help_of_watch_has_every_event(void **state)
{
	const char *help = run_alone("watch", "--help")->out;
	const struct name_of *event;

	(void)state;
	for (event = event_names; event->name; event++)
		if (event->value != VMSHM_EVENT_OVERFLOW &&
		    !strstr(help, event->name))
			fail_msg("'%s' is not there", event->name);
	assert_non_null(strstr(help, " bound,"));
}

static void says_its_version(void **state)
{
	char text[64];

	(void)state;
	snprintf(text, sizeof(text), "vmshm %s\n", vmshm_library_version());
	assert_run(run_alone("--version"), 0, text, "");
}

static void assert_usage(const struct run *result, const char *message)
{
	assert_int_equal(result->status, 2);
	assert_string_equal(result->out, "");
	if (strncmp(result->err, "vmshm: ", 7) || !strstr(result->err, message))
		fail_msg("'%s' is not about '%s'", result->err, message);
	assert_non_null(strstr(result->err, "\nTry 'vmshm "));
}

static void usage_of_every_verb(void **state)
{
	size_t i;

	(void)state;
	assert_int_equal(run_alone(NULL)->status, 2);
	assert_usage(run_alone("frobnicate"), "no verb 'frobnicate'");
	for (i = 0; i < ARRAY_SIZE(verbs); i++)
		assert_usage(run_alone(verbs[i], "--frobnicate"),
			     "'--frobnicate'");

	assert_usage(run_alone("create"), "one name");
	assert_usage(run_alone("create", "a"), "--size");
	assert_usage(run_alone("create", "a", "b", "--size=1"), "one name");
	assert_usage(run_alone("create", "a", "--size=1.5G"),
		     "'1.5G' is not a size");
	assert_usage(run_alone("create", "a", "--size=2M", "--max=1M"),
		     "--max is less");
	assert_usage(run_alone("create", "a", "-s1", "--mode=700"), "'700'");
	assert_usage(run_alone("create", "a", "-s1", "--mode=0"), "'0'");
	assert_usage(run_alone("create", "a", "-s1", "--huge=maybe"),
		     "never,always,within-size,advise");
	assert_usage(run_alone("create", "a", "-s1", "--ephemeral"), "-- CMD");
	assert_usage(run_alone("create", "a", "-s1", "--"), "no command");
	assert_usage(run_alone("create", "a", "-s1", "--any-owner"),
		     "--open-existing");
	assert_usage(run_alone("ls", "a", "b"), "more than one");
	assert_usage(run_alone("info"), "one name");
	assert_usage(run_alone("who", "a", "b"), "one name");
	assert_usage(run_alone("watch", "a", "b"), "more than one");
	assert_usage(run_alone("watch", "--count=0"), "'0'");
	assert_usage(run_alone("watch", "--events=opened,sold"), "event");
	assert_usage(run_alone("watch", "--events="), "event");
	assert_usage(run_alone("watch", "--timeout=soon"), "'soon'");
	assert_usage(run_alone("exec", "a"), "-- PROG");
	assert_usage(run_alone("exec", "a", "--"), "-- PROG");
	assert_usage(run_alone("exec", "a", "b", "--generation=1", "--", "c"),
		     "--generation");
	assert_usage(run_alone("cat"), "one name");
	assert_usage(run_alone("cat", "a", "--offset=-1"), "'-1'");
	assert_usage(run_alone("cat", "a", "--length=x"), "'x'");
	assert_usage(run_alone("cat", "a", "--owner=no such user"),
		     "'no such user'");
	assert_usage(run_alone("cat", "a", "--generation=0"), "'0'");
	assert_usage(run_alone("write", "a", "--offset=8E"), "'8E'");
	assert_usage(run_alone("resize", "a"), "a size");
	assert_usage(run_alone("resize", "a", "big"), "'big'");
	assert_usage(run_alone("seal"), "a name");
	assert_usage(run_alone("seal", "a", "wax"), "'wax'");
	assert_usage(run_alone("chmod", "600"), "a name");
	assert_usage(run_alone("chmod", "777", "a"), "'777'");
	assert_usage(run_alone("chown", "root:no such group", "a"),
		     "'no such group'");
	assert_usage(run_alone("chown", "root:", "a"), "group ''");
	assert_usage(run_alone("chown", "no such user", "a"), "user");
	assert_usage(run_alone("rm"), "a name");
	assert_usage(run_alone("rm", "a", "b", "--generation=1"),
		     "--generation");
	assert_usage(run_alone("rm", "a", "--registry=4294967296"),
		     "registry");
	assert_usage(run_alone("gc", "a"), "--prefix");
	assert_usage(run_alone("gc", "--older-than=ever"), "'ever'");
	assert_usage(run_alone("domain", "reserve", "a"), "DOMAIN");
	assert_usage(run_alone("domain", "sell", "a"), "DOMAIN");
	assert_usage(run_alone("domain", "reserve", "a", "no such user"),
		     "user");
	assert_usage(run_alone("limits", "a"), "no argument");
}

static void no_device(void **state)
{
	struct mock_call calls[] = { MOCK_INFO };

	(void)state;
	mock_device_error = ENOENT;
	assert_run(run_alone("ls"), 9, "",
		   "vmshm: cannot open /dev/vmshm: the module vmshm is not loaded (No such file or directory)\n");
	mock_device_error = EACCES;
	assert_run(run_alone("ls"), 4, "",
		   "vmshm: cannot open /dev/vmshm: you are not in the group that may (Permission denied)\n");
	mock_device_error = EMFILE;
	assert_run(run_alone("ls"), 6, "",
		   "vmshm: cannot open /dev/vmshm: Too many open files\n");
	mock_device_error = 0;
	calls[0].error = ENOTTY;
	assert_int_equal(run_with(calls, "ls")->status, 9);
}

static const struct {
	int error;
	int status;
} statuses[] = {
	{ EINVAL, 2 },
	{ ENOENT, 3 },
	{ EACCES, 4 },
	{ EPERM, 4 },
	{ EEXIST, 5 },
	{ EDQUOT, 6 },
	{ ENOSPC, 6 },
	{ ENOMEM, 6 },
	{ EFBIG, 6 },
	{ EMFILE, 6 },
	{ ENFILE, 6 },
	{ EBUSY, 7 },
	{ ESTALE, 8 },
	{ EOPNOTSUPP, 1 },
	{ E2BIG, 1 },
	{ EINTR, 1 },
};

static void status_of_every_error(void **state)
{
	const struct vmshm_unlink in = { .size = sizeof(in), .name = "vm/1" };
	struct mock_call calls[] = {
		MOCK_INFO,
		{ VMSHM_IOC_UNLINK, &in, .size = sizeof(in) },
	};
	const struct run *result;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(statuses); i++) {
		calls[1].error = statuses[i].error;
		result = run_with(calls, "rm", "vm/1");
		assert_int_equal(result->status, statuses[i].status);
		/* Name, reason, and what the errno is called. */
		assert_int_equal(strncmp(result->err,
					 "vmshm: cannot remove 'vm/1': ", 29),
				 0);
		assert_non_null(strstr(result->err,
				       strerror(statuses[i].error)));
	}
}

static void output_that_cannot_be_written(void **state)
{
	const struct mock_call calls[] = { MOCK_INFO, MOCK_INFO };

	(void)state;
	run_output = "/dev/full";
	assert_run(run_with(calls, "limits"), 1, "",
		   "vmshm: cannot write to the standard output: No space left on device\n");
	assert_run(run_alone("--help"), 1, "",
		   "vmshm: cannot write to the standard output: No space left on device\n");
	run_output = NULL;
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, mock_setup, mock_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(help_of_every_verb),
		TEST(help_of_watch_has_every_event),
		TEST(says_its_version),
		TEST(usage_of_every_verb),
		TEST(no_device),
		TEST(status_of_every_error),
		TEST(output_that_cannot_be_written),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
