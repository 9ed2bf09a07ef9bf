/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sweeps of fault injection: one call, made to fail at its first allocation or
 * user copy, then at its second, and so on until it has run through without a
 * failure. Takes a kernel with CONFIG_FAULT_INJECTION. Conventions as in
 * vmshm_test.h, but what is wrong is printed.
 */
#ifndef _VMSHM_SWEEP_H
#define _VMSHM_SWEEP_H

#include <linux/vmshm.h>

#include "lib/vmshm_fail.h"
#include "lib/vmshm_mem.h"
#include "lib/vmshm_test.h"

/* Of the region that every sweep has, unless it is told otherwise. */
#define VT_SWEEP_SIZE	(8 * VT_PAGE)
#define VT_SWEEP_MAX	(1024 * VT_PAGE)

/* Descriptors, and values of its own, that a sweep can have. */
#define VT_SWEEP_FDS	4
#define VT_SWEEP_VALUES	8

/**
 * struct vt_ctx - what a sweep works on; all new for every point
 * @dev: the device
 * @fd: a region "test-PID/swept"; its first half is filled with its name
 * @watch: of the device, for all events of the domain "test-PID"
 * @name: its name
 * @other: another name in the same domain
 * @map: for the sweep
 * @epoll: of nothing yet
 * @log: for the sweep; closed after it, if not -1
 * @out: descriptors for the sweep; closed after it, if not -1, the last first
 */
struct vt_ctx {
	int dev;
	int fd;
	int watch;
	char name[VMSHM_NAME_MAX + 1];
	char other[VMSHM_NAME_MAX + 1];
	unsigned char *map;
	int epoll;
	int log;
	int out[VT_SWEEP_FDS];
};

/* struct vt_sweep::flags */

/* A call that fails may leave memory allocated, as a short write does. */
#define VT_SWEEP_KEEPS_MEMORY	1
/* It has no point of failure of its own. */
#define VT_SWEEP_CANNOT_FAIL	2
/* It may leave one mapping as two, which the kernel does not undo. */
#define VT_SWEEP_SPLITS		4
/* What it opens may be told to watches, if they are told that it is closed. */
#define VT_SWEEP_OPENS		8
/* What is in the first half of the region goes. */
#define VT_SWEEP_EMPTIES	16

/**
 * struct vt_sweep - a call and what is known of it
 * @name: of the test
 * @start: once, before all points, for what the process is to keep; may be NULL
 * @prepare: before it, without failures; may be NULL
 * @task: another task that works for the call, when all is prepared: its number, or
 *	a negative errno. There is a second sweep then, NAME_in_task, of its failures
 *	instead of the caller's. May be NULL.
 * @op: the call: 0, or -errno if it failed. It may be called again after it
 *	failed.
 * @verify: after it succeeded, also in spite of a failure that was injected:
 *	0 if it has done what it is to do; may be NULL
 * @state: what else a call that fails must not change, up to VT_SWEEP_VALUES
 *	values; may be NULL
 * @undo: takes back what prepare() and op() have done; may be NULL
 * @flags: VT_SWEEP_*
 * @region_flags: VMSHM_EPHEMERAL and so on, of the region
 * @huge: enum vmshm_huge of the region
 * @errors: other errors than ENOMEM and EFAULT that are right; ends with 0
 *
 * start(), prepare(), state() and undo() return 0 or a negative errno.
 */
struct vt_sweep {
	const char *name;
	int (*start)(void);
	int (*prepare)(struct vt_ctx *ctx);
	int (*task)(struct vt_ctx *ctx);
	int (*op)(struct vt_ctx *ctx);
	int (*verify)(struct vt_ctx *ctx);
	int (*state)(struct vt_ctx *ctx, unsigned long long *value);
	int (*undo)(struct vt_ctx *ctx);
	unsigned int flags;
	__u32 region_flags;
	__u32 huge;
	int errors[4];
};

/*
 * Runs the sweeps of a table, or those of them that the arguments name, each in
 * a process of its own. The last entry has no name. After each failure the state
 * must be as before the call, and the call, made again, must succeed. Returns an
 * exit status.
 */
int vt_sweeps(const struct vt_sweep *sweeps, int argc, char **argv);

/*
 * What many sweeps have to do. They map all of the region to @map, for reading
 * and writing, and unmap it.
 */
int vt_sweep_map(struct vt_ctx *ctx);
int vt_sweep_unmap(struct vt_ctx *ctx);

/*
 * The rest is done by a user who has nothing yet, which is another thing to allocate;
 * until it is undone.
 */
int vt_sweep_first_user(struct vt_ctx *ctx);
int vt_sweep_undo_user(struct vt_ctx *ctx);

/* Keeps a new descriptor, or a negative errno, in ctx->out[@i]: 0 or the errno. */
int vt_sweep_keep(struct vt_ctx *ctx, unsigned int i, int fd);

/* Closes one of them, or another of @ctx: 0 or a negative errno. */
int vt_sweep_close(int *fd);

/* As struct vt_sweep::state: @value[0] to [4], of the binding ctx->out[0] if any. */
int vt_sweep_binding(struct vt_ctx *ctx, unsigned long long *value);

/* Whether @fd says that there is something to read: 0, -ENODATA or what failed. */
int vt_sweep_poll(int fd);

/*
 * Has @fd watched by ctx->epoll; and whether that tells of it, now or after a while:
 * 0, -ENODATA or what failed.
 */
int vt_sweep_epoll(struct vt_ctx *ctx, int fd);
int vt_sweep_epolled(struct vt_ctx *ctx);

/* Whether its fdinfo has the line "KEY: @want", likewise. */
int vt_sweep_fdinfo(int fd, const char *key, long long want);

/* What a system call returned, as 0 or a negative errno. */
int vt_or_errno(long ret);

#endif /* _VMSHM_SWEEP_H */
