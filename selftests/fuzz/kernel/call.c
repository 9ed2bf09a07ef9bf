// SPDX-License-Identifier: GPL-2.0
/*
 * System calls: memory that must not be written, accesses that may fault, and
 * how a program says that something is not as it has to be.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"

/* A page that can be written by one of its addresses only. */
static unsigned char *fz_writable;
static unsigned char *fz_faulty;

static __thread sigjmp_buf fz_jump;
static __thread volatile sig_atomic_t fz_may_fault;

static void fz_fault(int signal)
{
	if (fz_may_fault) {
		fz_may_fault = 0;
		siglongjmp(fz_jump, signal == SIGBUS ? FZ_SIGBUS : FZ_SIGSEGV);
	}
	_exit(128 + signal);
}

/* What a program of one process has beside the model. */
void fz_call_init(void)
{
	struct sigaction action = {
		.sa_handler = fz_fault,
		.sa_flags = SA_NODEFER,
	};
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	sigaction(SIGBUS, &action, NULL);
	sigaction(SIGSEGV, &action, NULL);
	if (fd < 0 || ftruncate(fd, FZ_PAGE))
		fz_fail("memfd: %m");
	fz_writable = mmap(NULL, FZ_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED,
			   fd, 0);
	fz_faulty = mmap(NULL, FZ_PAGE, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (fz_writable == MAP_FAILED || fz_faulty == MAP_FAILED)
		fz_fail("mmap: %m");
}

void fz_fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(fz.shared->message, sizeof(fz.shared->message), format, args);
	va_end(args);
	fz.shared->status = FZ_MISMATCH;
	_exit(1);
}

/*
 * An ioctl. With @faulty the argument can be read but not written: whatever
 * would be returned cannot be, and the call must not have done anything.
 */
int fz_ioctl(int fd, unsigned int cmd, void *arg, size_t size, bool faulty)
{
	int ret;

	if (faulty) {
		memcpy(fz_writable, arg, size);
		ret = ioctl(fd, cmd, fz_faulty);
	} else {
		ret = ioctl(fd, cmd, arg);
	}
	return ret < 0 ? -errno : ret;
}

/* Either may fault. */
static int copy(volatile unsigned char *to, const volatile unsigned char *from,
		size_t len)
{
	int ret = sigsetjmp(fz_jump, 0);
	size_t i;

	if (ret)
		return ret;
	fz_may_fault = 1;
	for (i = 0; i < len; i++)
		to[i] = from[i];
	fz_may_fault = 0;
	return FZ_OK;
}

int fz_load(const volatile unsigned char *from, unsigned char *to, size_t len)
{
	return copy(to, from, len);
}

int fz_store(volatile unsigned char *to, const unsigned char *from, size_t len)
{
	return copy(to, from, len);
}

/*
 * Is the program to see something that the kernel did not do? That is how the
 * fuzzer itself is tested: it has to find it.
 */
bool fz_lies(const char *what)
{
	return fz_options.lie && !strcmp(fz_options.lie, what);
}

/* poll() without waiting: POLLIN and POLLHUP. */
int fz_poll(int fd)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };

	if (poll(&pollfd, 1, 0) < 0)
		fz_fail("poll: %m");
	return pollfd.revents & (POLLIN | POLLHUP);
}
