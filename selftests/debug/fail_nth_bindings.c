// SPDX-License-Identifier: GPL-2.0
/*
 * All that tells of bindings, with every allocation and every user copy made to fail
 * in turn; see fail_nth.c. Above all: who was not told of slots is told later.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <poll.h>
#include <sys/mman.h>

#include "lib/minivm.h"
#include "lib/vmshm_bind.h"
#include "lib/vmshm_sweep.h"

#define GPA		0x10000000ULL
#define GRANULE		(VT_SWEEP_SIZE / 2)
#define NR		(VT_SWEEP_SIZE / GRANULE)
#define NR_MAX		(4 * NR)

/* The VM, for all points of a sweep; and where the region is mapped for it. */
static struct vt_guest guest;
static void *bound_at;

static int start(void)
{
	return vt_guest_init(&guest, 1);
}

static int bind_to(struct vt_ctx *ctx, int vm, __u32 flags)
{
	struct vmshm_bind bind = {
		.flags = flags,
		.vm_fd = vm,
		.first_slot = 1,
		.nr_slots = NR_MAX,
		.guest_addr = GPA,
		.length = VT_SWEEP_SIZE,
		.granule = GRANULE,
	};

	return vt_sweep_keep(ctx, 0, vt_bind(ctx->fd, &bind, &bound_at));
}

static int prepare_bind(struct vt_ctx *ctx)
{
	return bind_to(ctx, guest.fd, 0);
}

static int prepare_bind_user(struct vt_ctx *ctx)
{
	return bind_to(ctx, -1, VMSHM_BIND_USER);
}

/* What the call mapped is the caller's. */
static int undo_bind(struct vt_ctx *ctx)
{
	return vt_or_errno(munmap(bound_at, VT_SWEEP_SIZE));
}

static int op_bind_stat(struct vt_ctx *ctx)
{
	struct vmshm_bind_stat stat;
	int ret = vt_bind_stat(ctx->out[0], &stat);

	if (ret)
		return ret;
	return stat.out_bound == VT_SWEEP_SIZE ? 0 : -ENODATA;
}

static int op_slots(struct vt_ctx *ctx)
{
	struct vmshm_bind_slot slots[NR_MAX] = { 0 };
	struct vmshm_bind_slots arg = {
		.size = sizeof(arg),
		.entries = (uintptr_t)slots,
		.entry_size = sizeof(slots[0]),
		.count = NR_MAX,
	};
	int ret = vt_ioctl(ctx->out[0], VMSHM_IOC_BIND_SLOTS, &arg);

	if (ret)
		return ret;
	return arg.out_count == NR && slots[NR - 1].length == GRANULE ?
		0 : -ENODATA;
}

/* Only if the list came is it known. */
static int verify_slots_seen(struct vt_ctx *ctx)
{
	return vt_poll(ctx->out[0]) & POLLIN;
}

static int op_slots_count(struct vt_ctx *ctx)
{
	struct vmshm_bind_slots arg = {
		.size = sizeof(arg),
		.entry_size = sizeof(struct vmshm_bind_slot),
	};
	int ret = vt_ioctl(ctx->out[0], VMSHM_IOC_BIND_SLOTS, &arg);

	if (ret != -EMSGSIZE)
		return ret ? ret : -ENODATA;
	return arg.out_count == NR ? 0 : -ENODATA;
}

static int op_bindings(struct vt_ctx *ctx)
{
	struct vmshm_binding bindings[2] = { 0 };
	struct vmshm_bindings arg = {
		.size = sizeof(arg),
		.entries = (uintptr_t)bindings,
		.entry_size = sizeof(bindings[0]),
		.count = 2,
	};
	int ret = vt_ioctl(ctx->fd, VMSHM_IOC_BINDINGS, &arg);

	if (ret)
		return ret;
	return arg.out_count == 1 && bindings[0].guest_addr == GPA ?
		0 : -ENODATA;
}

static int op_fdinfo(struct vt_ctx *ctx)
{
	return vt_sweep_fdinfo(ctx->out[0], "vmshm-bind-bound",
			       VT_SWEEP_SIZE);
}

static int op_poll(struct vt_ctx *ctx)
{
	return vt_sweep_poll(ctx->out[0]);
}

static int op_epoll(struct vt_ctx *ctx)
{
	return vt_sweep_epoll(ctx, ctx->out[0]);
}

static const struct vt_sweep sweeps[] = {
	{
		.name = "bind_stat",
		.start = start,
		.prepare = prepare_bind,
		.op = op_bind_stat,
		.state = vt_sweep_binding,
		.undo = undo_bind,
	},
	{
		.name = "slots",
		.prepare = prepare_bind_user,
		.op = op_slots,
		.verify = verify_slots_seen,
		.state = vt_sweep_binding,
		.undo = undo_bind,
	},
	{
		.name = "slots_count",
		.prepare = prepare_bind_user,
		.op = op_slots_count,
		.state = vt_sweep_binding,
		.undo = undo_bind,
	},
	{
		.name = "bindings",
		.start = start,
		.prepare = prepare_bind,
		.op = op_bindings,
		.state = vt_sweep_binding,
		.undo = undo_bind,
	},
	{
		.name = "bind_fdinfo",
		.start = start,
		.prepare = prepare_bind,
		.op = op_fdinfo,
		.state = vt_sweep_binding,
		.undo = undo_bind,
	},
	{
		.name = "bind_poll",
		.prepare = prepare_bind_user,
		.op = op_poll,
		.state = vt_sweep_binding,
		.undo = undo_bind,
	},
	{
		.name = "bind_epoll",
		.prepare = prepare_bind_user,
		.op = op_epoll,
		.verify = vt_sweep_epolled,
		.state = vt_sweep_binding,
		.undo = undo_bind,
	},
	{}
};

int main(int argc, char **argv)
{
	return vt_sweeps(sweeps, argc, argv);
}
