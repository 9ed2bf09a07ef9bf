// SPDX-License-Identifier: GPL-2.0
/* Running the command in a process of its own. */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd.h"
#include "run.h"

#define MAX_ARGS	32
/* What a failed check of the mock ends the command with. */
#define STATUS_MOCK	99

const char *run_input;
size_t run_input_size;
const char *run_output;
int run_output_flags = O_WRONLY;
unsigned long run_file_limit;

static int new_file(void)
{
	int fd = memfd_create("output", MFD_CLOEXEC);

	assert_return_code(fd, errno);
	return fd;
}

static void read_back(int fd, char *text, size_t size)
{
	ssize_t len = pread(fd, text, size - 1, 0);

	assert_return_code(len, errno);
	text[len] = 0;
	close(fd);
}

static void child(const struct mock_call *calls, size_t count, int argc,
		  char **argv, int in, int out, int err)
{
	const struct rlimit limit = { run_file_limit, run_file_limit };
	int status;

	dup2(in, STDIN_FILENO);
	if (run_output)
		out = open(run_output, run_output_flags | O_CLOEXEC);
	dup2(out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	if (run_file_limit) {
		/* EFBIG, as a region says. */
		signal(SIGXFSZ, SIG_IGN);
		setrlimit(RLIMIT_FSIZE, &limit);
	}
	/* The tests have a message of cmocka's in it. */
	setvbuf(stdout, NULL, _IOFBF, BUFSIZ);
	mock_expect(calls, count);
	status = cmd_main(argc, argv);
	if (!mock_is_done()) {
		fputs("not all ioctls came\n", stderr);
		status = STATUS_MOCK;
	}
	/* Here the leak sanitizer has a look. */
	exit(status);
}

/**
 * run() - run the command
 * @calls: the ioctls that are to come
 * @count: how many
 * @args: arguments behind the command's name; ends with NULL
 *
 * Return: what came of it, valid until the next call.
 */
const struct run *run(const struct mock_call *calls, size_t count,
		      const char *const *args)
{
	static struct run result;
	int in = new_file(), out = new_file(), err = new_file();
	/* The command may change the array; it still leaks nothing. */
	static char *strings[MAX_ARGS];
	char *argv[MAX_ARGS] = {};
	int argc = 1, status, i;
	pid_t pid;

	strings[0] = strdup("vmshm");
	for (; *args; args++) {
		assert_true(argc < MAX_ARGS - 1);
		strings[argc++] = strdup(*args);
	}
	memcpy(argv, strings, sizeof(argv));

	if (run_input) {
		assert_int_equal(write(in, run_input, run_input_size),
				 run_input_size);
		lseek(in, 0, SEEK_SET);
	}

	fflush(NULL);
	pid = fork();
	assert_return_code(pid, errno);
	if (!pid)
		child(calls, count, argc, argv, in, out, err);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	result.status = WIFEXITED(status) ? WEXITSTATUS(status) :
					    128 + WTERMSIG(status);

	for (i = 0; i < argc; i++)
		free(strings[i]);
	memset(strings, 0, sizeof(strings));
	close(in);
	read_back(out, result.out, sizeof(result.out));
	read_back(err, result.err, sizeof(result.err));
	return &result;
}
