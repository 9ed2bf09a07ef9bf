// SPDX-License-Identifier: GPL-2.0
/*
 * A second process: regions are passed to it, it maps and writes them, and it is
 * killed. And processes that are forked with all there is.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzz.h"
#include "lib/vmshm_test.h"

enum fz_remote_what {
	FZ_REMOTE_TAKE,
	FZ_REMOTE_DROP,
	FZ_REMOTE_MAP,
	FZ_REMOTE_UNMAP,
	FZ_REMOTE_STORE,
	FZ_REMOTE_WRITE,
};

struct fz_remote_call {
	enum fz_remote_what what;
	unsigned int index;
	uint64_t offset;
	unsigned int len;
	unsigned char data[64];
};

static struct vt_child fz_child;

/* What the second process has. */
static int fz_remote_fd[FZ_REMOTES];
static unsigned char *fz_remote_map[FZ_REMOTES];
static unsigned int fz_remote_pages[FZ_REMOTES];

static int fz_remote_do(const struct fz_remote_call *call)
{
	unsigned int i = call->index;
	void *addr;

	switch (call->what) {
	case FZ_REMOTE_TAKE:
		fz_remote_fd[i] = vt_recv_fd(fz_child.sock);
		return fz_remote_fd[i] < 0 ? fz_remote_fd[i] : 0;
	case FZ_REMOTE_DROP:
		if (fz_remote_pages[i])
			munmap(fz_remote_map[i], fz_remote_pages[i] * FZ_PAGE);
		fz_remote_pages[i] = 0;
		return close(fz_remote_fd[i]) ? -errno : 0;
	case FZ_REMOTE_MAP:
		addr = mmap(NULL, call->len * FZ_PAGE, PROT_READ | PROT_WRITE,
			    MAP_SHARED, fz_remote_fd[i], 0);
		if (addr == MAP_FAILED)
			return -errno;
		fz_remote_map[i] = addr;
		fz_remote_pages[i] = call->len;
		return 0;
	case FZ_REMOTE_UNMAP:
		munmap(fz_remote_map[i], fz_remote_pages[i] * FZ_PAGE);
		fz_remote_pages[i] = 0;
		return 0;
	case FZ_REMOTE_STORE:
		return fz_store(fz_remote_map[i] + call->offset, call->data,
				call->len);
	case FZ_REMOTE_WRITE:
		return pwrite(fz_remote_fd[i], call->data, call->len,
			      call->offset) < 0 ? -errno : 0;
	}
	return -EINVAL;
}

static void fz_remote_loop(void)
{
	struct fz_remote_call call;
	int ret;

	while (recv(fz_child.sock, &call, sizeof(call), 0) == sizeof(call)) {
		ret = fz_remote_do(&call);
		if (send(fz_child.sock, &ret, sizeof(ret), 0) != sizeof(ret))
			break;
	}
	_exit(0);
}

/* Before the program has anything that would be inherited. */
int fz_remote_start(void)
{
	pid_t pid = vt_fork(&fz_child);

	if (!pid)
		fz_remote_loop();
	return pid < 0 ? pid : 0;
}

static int fz_remote_call(const struct fz_remote_call *call, int fd)
{
	int ret;

	if (send(fz_child.sock, call, sizeof(*call), MSG_NOSIGNAL) !=
	    sizeof(*call))
		fz_fail("the second process: %m");
	if (call->what == FZ_REMOTE_TAKE && vt_send_fd(fz_child.sock, fd))
		fz_fail("the second process: %m");
	if (recv(fz_child.sock, &ret, sizeof(ret), 0) != sizeof(ret))
		fz_fail("the second process has died");
	return ret;
}

/* It is gone, and so is what it had. */
static void fz_remote_forget(void)
{
	unsigned int i;

	for (i = 0; i < FZ_REMOTES; i++) {
		struct fz_remote *remote = &fz.remote[i];
		struct fz_handle *handle = remote->handle;
		bool mapped = remote->pages;

		if (!handle)
			continue;
		remote->handle = NULL;
		remote->pages = 0;
		if (mapped && !(handle->region->flags & VMSHM_PINNABLE))
			fz_handle_put(handle);
		fz_handle_put(handle);
	}
}

void fz_remote_stop(void)
{
	if (!fz_child.pid)
		return;
	vt_kill(&fz_child);
	fz_child.pid = 0;
	fz_remote_forget();
}

static struct fz_remote *fz_remote_of(uint32_t arg)
{
	unsigned int i;

	for (i = 0; i < FZ_REMOTES; i++) {
		struct fz_remote *remote = &fz.remote[(arg + i) % FZ_REMOTES];

		if (remote->handle)
			return remote;
	}
	return NULL;
}

static void fz_remote_drop(struct fz_remote *remote)
{
	struct fz_remote_call call = {
		.what = FZ_REMOTE_DROP,
		.index = remote - fz.remote,
	};
	struct fz_handle *handle = remote->handle;
	bool mapped = remote->pages;

	if (!handle)
		return;
	FZ_EXPECT(fz_remote_call(&call, -1), 0, "close elsewhere");
	remote->handle = NULL;
	remote->pages = 0;
	if (mapped && !(handle->region->flags & VMSHM_PINNABLE))
		fz_handle_put(handle);
	fz_handle_put(handle);
}

/* 0 descriptor, 1 which there */
void fz_op_remote_send(const uint32_t *arg)
{
	struct fz_remote *remote = &fz.remote[arg[1] % FZ_REMOTES];
	struct fz_remote_call call = {
		.what = FZ_REMOTE_TAKE,
		.index = arg[1] % FZ_REMOTES,
	};
	struct fz_fd *fd;

	if (!fz_child.pid)
		return;
	fz_remote_drop(remote);
	fd = fz_fd_of(arg[0]);
	if (!fd)
		return;
	FZ_EXPECT(fz_remote_call(&call, fd->fd), 0, "pass a descriptor");
	remote->handle = fz_handle_get(fd->handle);
}

/* 0 which there */
void fz_op_remote_drop(const uint32_t *arg)
{
	if (fz_child.pid)
		fz_remote_drop(&fz.remote[arg[0] % FZ_REMOTES]);
}

/* Maps or unmaps: 0 which there, 1 pages */
void fz_op_remote_map(const uint32_t *arg)
{
	struct fz_remote *remote = fz_remote_of(arg[0]);
	struct fz_remote_call call = { .what = FZ_REMOTE_MAP };
	struct fz_region *region;
	int want = 0;

	if (!remote)
		return;
	region = remote->handle->region;
	call.index = remote - fz.remote;
	if (remote->pages) {
		call.what = FZ_REMOTE_UNMAP;
		FZ_EXPECT(fz_remote_call(&call, -1), 0, "unmap elsewhere");
		remote->pages = 0;
		if (!(region->flags & VMSHM_PINNABLE))
			fz_handle_put(remote->handle);
		return;
	}
	call.len = 1 + arg[1] % FZ_MAP_PAGES;
	if (!remote->handle->read || !remote->handle->write)
		want = -EACCES;
	else if (region->seals & (VMSHM_SEAL_WRITE | VMSHM_SEAL_FUTURE_WRITE))
		want = -EPERM;
	FZ_EXPECT(fz_remote_call(&call, -1), want, "mmap elsewhere");
	if (want)
		return;
	region->was_mapped = true;
	remote->pages = call.len;
	if (!(region->flags & VMSHM_PINNABLE))
		fz_handle_get(remote->handle);
}

/* Writes, by the mapping if there is one: 0 which there, 1 offset, 2 length */
void fz_op_remote_write(const uint32_t *arg)
{
	struct fz_remote *remote = fz_remote_of(arg[0]);
	struct fz_remote_call call = { .len = 1 + arg[2] % 64 };
	struct fz_region *region;
	int want = 0;

	if (!remote)
		return;
	region = remote->handle->region;
	call.index = remote - fz.remote;
	fz_fill(call.data, call.len, arg[3]);
	if (remote->pages) {
		call.what = FZ_REMOTE_STORE;
		call.offset = arg[1] % (remote->pages * FZ_PAGE - call.len);
		if (call.offset % FZ_PAGE + call.len > FZ_PAGE)
			call.len = FZ_PAGE - call.offset % FZ_PAGE;
		if (call.offset / FZ_PAGE >= fz_pages(region->size))
			want = FZ_SIGBUS;
	} else {
		call.what = FZ_REMOTE_WRITE;
		if (region->size < call.len)
			return;
		call.offset = arg[1] % (region->size - call.len + 1);
		if (!remote->handle->write)
			want = -EBADF;
		else if (region->seals & (VMSHM_SEAL_WRITE |
					  VMSHM_SEAL_FUTURE_WRITE))
			want = -EPERM;
	}
	FZ_EXPECT(fz_remote_call(&call, -1), want, "a write elsewhere");
	if (want)
		return;
	memcpy(region->shadow + call.offset, call.data, call.len);
	fz_wrote(region, call.offset, call.len);
}

/* Its end is what closes what it has: 0 which */
void fz_op_remote_kill(const uint32_t *arg)
{
	unsigned int i;

	if (!fz_child.pid)
		return;
	/* In which order it would close more than one, nobody says. */
	for (i = 0; i < FZ_REMOTES; i++)
		if (i != arg[0] % FZ_REMOTES)
			fz_remote_drop(&fz.remote[i]);
	fz_remote_stop();
}

static void fz_forked(unsigned int map, const uint32_t *arg, unsigned int page,
		      const unsigned char *data)
{
	unsigned char *to = fz.map[map].addr + page * FZ_PAGE + arg[2] % 4000;

	/* Nothing of what is inherited is given up before the end. */
	_exit(fz_store(to, data, 32));
}

/* A child writes what is mapped, and ends: 0 which, 1 page, 2 where, 3 what */
void fz_op_fork(const uint32_t *arg)
{
	unsigned int map = arg[0] % FZ_MAPS, page;
	unsigned char data[32];
	struct fz_map *m = &fz.map[map];
	int status, want = FZ_OK;
	uint64_t offset;
	pid_t pid;

	if (!m->region)
		return;
	page = arg[1] % m->pages;
	offset = (m->pgoff + page) * FZ_PAGE + arg[2] % 4000;
	fz_fill(data, sizeof(data), arg[3]);
	if (!(m->state[page] & FZ_MAPPED) || !(m->prot[page] & PROT_WRITE))
		want = FZ_SIGSEGV;
	else if (!(m->state[page] & FZ_COWED) &&
		 m->pgoff + page >= fz_pages(m->region->size))
		want = FZ_SIGBUS;
	pid = fork();
	if (pid < 0)
		fz_fail("fork: %m");
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		fz_forked(map, arg, page, data);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	FZ_EXPECT(WIFEXITED(status) ? WEXITSTATUS(status) : -1, want,
		  "a store by a child");
	if (want == FZ_OK && m->shared) {
		memcpy(m->region->shadow + offset, data, sizeof(data));
		fz_wrote(m->region, offset, sizeof(data));
	}
}
