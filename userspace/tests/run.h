/* SPDX-License-Identifier: GPL-2.0 */
/* Running the command, with the kernel that mock.h makes. */
#ifndef VMSHM_TESTS_RUN_H
#define VMSHM_TESTS_RUN_H

#include "mock.h"

/**
 * struct run - what came of it
 * @status: exit status; 128 + N if a signal N ended it
 * @out: standard output
 * @err: standard error
 */
struct run {
	int status;
	char out[65536];
	char err[4096];
};

/* Standard input of the next run; NULL for an empty one. */
extern const char *run_input;
extern size_t run_input_size;

/* Standard output of the next runs; NULL for a file that is read back. */
extern const char *run_output;
/* How it is opened. */
extern int run_output_flags;
/* How long files may become in the next runs; 0 for any length. */
extern unsigned long run_file_limit;

const struct run *run(const struct mock_call *calls, size_t count,
		      const char *const *args);

/* With the first of @calls, all of them, or without any ioctl. */
#define run_first(calls, count, ...) \
	run(calls, count, (const char *const []){ __VA_ARGS__, NULL })

#define run_with(calls, ...) \
	run_first(calls, sizeof(calls) / sizeof(struct mock_call), __VA_ARGS__)

#define run_alone(...)	run_first(NULL, 0, __VA_ARGS__)

#define assert_run(result, status_, out_, err_) do { \
	const struct run *run_ = (result); \
	\
	assert_string_equal(run_->err, err_); \
	assert_string_equal(run_->out, out_); \
	assert_int_equal(run_->status, status_); \
} while (0)

#endif /* VMSHM_TESTS_RUN_H */
