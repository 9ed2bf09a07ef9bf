/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel, as the tests of the library and the command need it: a list of
 * the ioctls that are to come, compared byte by byte, and what they return.
 */
#ifndef VMSHM_TESTS_MOCK_H
#define VMSHM_TESTS_MOCK_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <sys/vfs.h>

#include <cmocka.h>
#include <vmshm/vmshm.h>

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))
#endif

/* The effective user id of every test. */
#define MOCK_EUID		1000

/* What is in the place of a pointer that is not known beforehand. */
#define ANY_POINTER		0x5a5a5a5a5a5a5a5aULL

/**
 * struct mock_call - an ioctl that is to come
 * @cmd: VMSHM_IOC_* or KVM_*
 * @in: its argument; not looked at if @size is 0
 * @out: the argument afterwards; NULL if it is not changed
 * @size: size of the argument
 * @error: errno to fail with; 0 means success
 * @pointer: offset in the argument of a pointer to a buffer; ANY_POINTER in @in
 *	at that place is not compared
 * @data: what is written to the buffer; NULL for nothing
 * @data_size: size of it
 * @new_fd: offset in the argument where a new descriptor goes, of a copy of
 *	mock_file; 0 means none
 * @eventfd: offset in the argument of an eventfd, which is not compared; 0 means
 *	none
 * @rung: signal the last such eventfd
 * @result: what is returned without an error
 */
struct mock_call {
	unsigned long cmd;
	const void *in;
	const void *out;
	size_t size;
	int error;
	size_t pointer;
	const void *data;
	size_t data_size;
	size_t new_fd;
	size_t eventfd;
	bool rung;
	int result;
};

/* The device and a region, without a kernel module. */
extern int mock_device;
extern int mock_file;
/* Errno of opening the device; 0 for success. */
extern int mock_device_error;
/* Whether mock_file says that it is on the file system of regions. */
extern bool mock_is_region;

void mock_expect(const struct mock_call *calls, size_t count);
bool mock_is_done(void);
void mock_done(void);
size_t mock_open_fds(void);
int mock_setup(void **state);
int mock_teardown(void **state);

/* The first ioctl on every device, see vmshm_context_from_fd(). */
extern const struct vmshm_info mock_info_in;
extern struct vmshm_info mock_info_out;
#define MOCK_INFO { \
	.cmd = VMSHM_IOC_GET_INFO, \
	.in = &mock_info_in, \
	.out = &mock_info_out, \
	.size = sizeof(struct vmshm_info), \
}

/**
 * mock_context() - a context of mock_device
 *
 * Return: the context.
 */
struct vmshm_context *mock_context(void);

/**
 * mock_region() - a region of mock_file
 * @generation: its number
 *
 * Return: the region.
 */
struct vmshm_region *mock_region(__u64 generation);

/* What the linker puts in place of ioctl() and so on, and the real ones. */
unsigned int __wrap_geteuid(void);
int __real_ioctl(int fd, unsigned long cmd, ...);
int __wrap_ioctl(int fd, unsigned long cmd, ...);
int __real_fstatfs64(int fd, struct statfs *fs);
int __wrap_fstatfs64(int fd, struct statfs *fs);
int __real_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...);

#endif /* VMSHM_TESTS_MOCK_H */
