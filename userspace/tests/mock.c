// SPDX-License-Identifier: GPL-2.0
/* The kernel, as the tests need it. The linker puts it in place (--wrap). */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/kvm.h>

#include "mock.h"

int mock_device = -1;
int mock_file = -1;
int mock_device_error;
bool mock_is_region;

static const struct mock_call *calls;
static size_t calls_left;
static int last_eventfd;
static struct stat file_stat;

const struct vmshm_info mock_info_in = {
	.size = sizeof(mock_info_in),
};

struct vmshm_info mock_info_out;

static void dump(const char *what, const void *bytes, size_t size)
{
	const unsigned char *at = bytes;
	size_t i;

	print_error("%s:", what);
	for (i = 0; i < size; i++)
		print_error("%s%02x", i % 32 ? (i % 4 ? "" : " ") : "\n  ",
			    at[i]);
	print_error("\n");
}

static void compare(const struct mock_call *call, const void *arg)
{
	unsigned char got[4096], want[4096];
	const __u64 any = ANY_POINTER;

	assert_true(call->size <= sizeof(got));
	memcpy(got, arg, call->size);
	memcpy(want, call->in, call->size);
	if (call->pointer && !memcmp(want + call->pointer, &any, sizeof(any)))
		memcpy(got + call->pointer, &any, sizeof(any));
	if (call->eventfd) {
		memcpy(&last_eventfd, got + call->eventfd, sizeof(last_eventfd));
		memcpy(got + call->eventfd, want + call->eventfd,
		       sizeof(last_eventfd));
	}

	if (!memcmp(got, want, call->size))
		return;

	print_error("ioctl 0x%lx has a wrong argument\n", call->cmd);
	dump("got", got, call->size);
	dump("expected", want, call->size);
	fail();
}

static void reply(const struct mock_call *call, void *arg)
{
	__u64 pointer = 0;
	int fd;

	/* Before the pointer is overwritten by a copy of ANY_POINTER. */
	if (call->pointer) {
		memcpy(&pointer, (char *)arg + call->pointer, sizeof(pointer));
		if (call->data)
			memcpy((void *)(uintptr_t)pointer, call->data,
			       call->data_size);
	}
	if (call->out)
		memcpy(arg, call->out, call->size);
	if (call->pointer)
		memcpy((char *)arg + call->pointer, &pointer, sizeof(pointer));
	if (call->new_fd) {
		fd = fcntl(mock_file, F_DUPFD_CLOEXEC, 0);
		assert_true(fd >= 0);
		memcpy((char *)arg + call->new_fd, &fd, sizeof(fd));
	}
}

int __wrap_ioctl(int fd, unsigned long cmd, ...)
{
	const struct mock_call *call;
	va_list args;
	void *arg;

	va_start(args, cmd);
	arg = va_arg(args, void *);
	va_end(args);

	if (_IOC_TYPE(cmd) != VMSHM_IOC_TYPE && _IOC_TYPE(cmd) != KVMIO)
		return __real_ioctl(fd, cmd, arg);
	/* The real kernel would say this as well. */
	if (fcntl(fd, F_GETFD) < 0)
		return -1;

	if (!calls_left) {
		print_error("ioctl 0x%lx was not expected\n", cmd);
		fail();
	}
	call = calls++;
	calls_left--;
	if (cmd != call->cmd) {
		print_error("ioctl 0x%lx instead of 0x%lx\n", cmd, call->cmd);
		fail();
	}

	if (call->size) {
		compare(call, arg);
		reply(call, arg);
	}
	if (call->rung)
		assert_return_code(eventfd_write(last_eventfd, 1), errno);
	errno = call->error;
	return call->error ? -1 : call->result;
}

/* The tests do not depend on who runs them. */
unsigned int __wrap_geteuid(void)
{
	return MOCK_EUID;
}

static bool is_mock_file(int fd)
{
	struct stat stat;

	return !fstat(fd, &stat) && stat.st_dev == file_stat.st_dev &&
	       stat.st_ino == file_stat.st_ino;
}

int __wrap_fstatfs64(int fd, struct statfs *fs)
{
	int rc = __real_fstatfs64(fd, fs);

	if (!rc && mock_is_region && is_mock_file(fd))
		fs->f_type = VMSHM_SUPER_MAGIC;
	return rc;
}

int __wrap_open64(const char *path, int flags, ...)
{
	unsigned int mode;
	va_list args;

	va_start(args, flags);
	mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, unsigned int) : 0;
	va_end(args);

	if (strcmp(path, VMSHM_DEVICE))
		return __real_open64(path, flags, mode);
	if (mock_device_error) {
		errno = mock_device_error;
		return -1;
	}
	return fcntl(mock_device, F_DUPFD_CLOEXEC, 0);
}

/**
 * mock_expect() - say which ioctls are to come
 * @new_calls: the ioctls, in order
 * @count: how many
 */
void mock_expect(const struct mock_call *new_calls, size_t count)
{
	mock_done();
	calls = new_calls;
	calls_left = count;
}

/**
 * mock_is_done() - have all expected ioctls come?
 *
 * Return: true if they have.
 */
bool mock_is_done(void)
{
	return !calls_left;
}

/**
 * mock_done() - fail unless all expected ioctls have come
 */
void mock_done(void)
{
	if (calls_left)
		print_error("ioctl 0x%lx did not come\n", calls->cmd);
	assert_int_equal(calls_left, 0);
}

/**
 * mock_open_fds() - how many descriptors are open
 *
 * Return: their number, less the one that was needed to find out.
 */
size_t mock_open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t count = 0;

	assert_non_null(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	/* ".", ".." and the directory itself */
	return count - 3;
}

/**
 * mock_setup() - begin a test
 * @state: not used
 *
 * Return: 0.
 */
int mock_setup(void **state)
{
	(void)state;
	mock_device = memfd_create("device", MFD_CLOEXEC);
	mock_file = memfd_create("region", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert_true(mock_device >= 0 && mock_file >= 0);
	assert_return_code(fstat(mock_file, &file_stat), errno);
	mock_device_error = 0;
	mock_is_region = true;

	memset(&mock_info_out, 0, sizeof(mock_info_out));
	mock_info_out.size = sizeof(mock_info_out);
	mock_info_out.out_abi_version = VMSHM_ABI_VERSION;
	mock_info_out.out_page_size = 4096;
	mock_info_out.out_max_size = 1ULL << 40;
	calls = NULL;
	calls_left = 0;
	return 0;
}

/**
 * mock_teardown() - end a test
 * @state: not used
 *
 * Return: 0.
 */
int mock_teardown(void **state)
{
	(void)state;
	calls_left = 0;
	close(mock_device);
	close(mock_file);
	return 0;
}

struct vmshm_context *mock_context(void)
{
	static const struct mock_call open_calls[] = { MOCK_INFO };
	struct vmshm_context *context = NULL;

	mock_expect(open_calls, ARRAY_SIZE(open_calls));
	assert_int_equal(vmshm_context_open(NULL, &context), 0);
	mock_done();
	return context;
}

struct vmshm_region *mock_region(__u64 generation)
{
	static const struct vmshm_stat in = { .size = sizeof(in) };
	struct vmshm_stat out = {
		.size = sizeof(out),
		.out_generation = generation,
	};
	const struct mock_call stat_calls[] = {
		{ VMSHM_IOC_STAT, .in = &in, .out = &out, .size = sizeof(in) },
	};
	struct vmshm_region *region = NULL;
	int fd = fcntl(mock_file, F_DUPFD_CLOEXEC, 0);

	mock_expect(stat_calls, ARRAY_SIZE(stat_calls));
	assert_int_equal(vmshm_region_from_fd(fd, &region), 0);
	mock_done();
	return region;
}
