// SPDX-License-Identifier: GPL-2.0
/*
 * How regions come and go by name, and every ioctl of a region, with every
 * allocation and every user copy made to fail in turn: the call says so, changes
 * nothing, leaks nothing, and works when it is made again.
 *
 * Needs a kernel with fault injection; best with KASAN and panic_on_warn.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>

#include "lib/vmshm_env.h"
#include "lib/vmshm_log.h"
#include "lib/vmshm_sweep.h"

/* Names */

static int create(struct vt_ctx *ctx, const char *name, __u32 flags)
{
	return vt_sweep_keep(ctx, 0, vt_create(ctx->dev, name, VT_SWEEP_SIZE,
					       VT_SWEEP_MAX, flags, 0600));
}

static int op_create(struct vt_ctx *ctx)
{
	return create(ctx, ctx->other, 0);
}

/* Nobody has the domain yet. */
static int op_create_first(struct vt_ctx *ctx)
{
	char name[VMSHM_NAME_MAX + 1];

	snprintf(name, sizeof(name), "first-%d/region", getpid());
	return create(ctx, name, 0);
}

static int undo_create_first(struct vt_ctx *ctx)
{
	int ret = vt_act_as_root();
	char name[VMSHM_NAME_MAX + 1];

	snprintf(name, sizeof(name), "first-%d/region", getpid());
	return ret ? ret : vt_unlink(ctx->dev, name);
}

static int op_create_ephemeral(struct vt_ctx *ctx)
{
	return create(ctx, ctx->other, VMSHM_EPHEMERAL);
}

static int op_create_reserve(struct vt_ctx *ctx)
{
	return create(ctx, ctx->other, VMSHM_RESERVE);
}

static int op_create_pinnable(struct vt_ctx *ctx)
{
	return create(ctx, ctx->other, VMSHM_PINNABLE);
}

static int op_create_huge(struct vt_ctx *ctx)
{
	return vt_sweep_keep(ctx, 0,
			     vt_region_huge(ctx->dev, "other", 2 * VT_HUGE, 0,
					    VMSHM_RESERVE, VMSHM_HUGE_ALWAYS));
}

static int op_open_or_create_new(struct vt_ctx *ctx)
{
	return create(ctx, ctx->other, VMSHM_OPEN_EXISTING);
}

static int op_open_or_create_old(struct vt_ctx *ctx)
{
	return create(ctx, ctx->name, VMSHM_OPEN_EXISTING);
}

static int verify_created(struct vt_ctx *ctx)
{
	struct vmshm_event event;
	struct vmshm_stat stat;

	if (vt_stat(ctx->out[0], &stat) || !stat.out_linked ||
	    stat.out_opens != 1 || vt_size(ctx->out[0]) <= 0)
		return -1;
	return vt_next_event(ctx->watch, &event) ||
	       event.type != VMSHM_EVENT_CREATED ||
	       event.generation != stat.out_generation;
}

static int verify_reserved(struct vt_ctx *ctx)
{
	struct vmshm_stat stat;

	if (verify_created(ctx))
		return -1;
	return vt_stat(ctx->out[0], &stat) ||
	       stat.out_allocated < stat.out_region_size;
}

static int op_open(struct vt_ctx *ctx)
{
	return vt_sweep_keep(ctx, 0, vt_open(ctx->dev, ctx->name, 0));
}

static int op_open_rdonly(struct vt_ctx *ctx)
{
	return vt_sweep_keep(ctx, 0, vt_open(ctx->dev, ctx->name,
					     VMSHM_OPEN_RDONLY));
}

static int verify_opened(struct vt_ctx *ctx)
{
	struct vmshm_event event;
	struct vmshm_stat stat;

	if (vt_stat(ctx->out[0], &stat) || stat.out_opens != 2)
		return -1;
	return vt_next_event(ctx->watch, &event) ||
	       event.type != VMSHM_EVENT_OPENED;
}

static int op_unlink(struct vt_ctx *ctx)
{
	return vt_unlink(ctx->dev, ctx->name);
}

static int verify_unlinked(struct vt_ctx *ctx)
{
	struct vmshm_event event;
	struct vmshm_stat stat;

	if (vt_stat(ctx->fd, &stat) || stat.out_linked)
		return -1;
	return vt_next_event(ctx->watch, &event) ||
	       event.type != VMSHM_EVENT_UNLINKED;
}

/* Its last file is closed: the region goes with the name. */
static int prepare_unlink_closed(struct vt_ctx *ctx)
{
	close(ctx->fd);
	ctx->fd = -1;
	return 0;
}

static int op_unlink_closed(struct vt_ctx *ctx)
{
	return vt_unlink(ctx->dev, ctx->name);
}

/* A region */

static int op_stat(struct vt_ctx *ctx)
{
	struct vmshm_stat stat;

	return vt_stat(ctx->fd, &stat);
}

static int op_grow(struct vt_ctx *ctx)
{
	return vt_resize(ctx->fd, 3 * VT_SWEEP_SIZE);
}

static int verify_grown(struct vt_ctx *ctx)
{
	struct vmshm_event event;

	if (vt_size(ctx->fd) != 3 * VT_SWEEP_SIZE ||
	    !vt_file_filled(ctx->fd, VT_SWEEP_SIZE, 0, 2 * VT_SWEEP_SIZE))
		return -1;
	return vt_next_event(ctx->watch, &event) ||
	       event.type != VMSHM_EVENT_RESIZED ||
	       event.value != 3 * VT_SWEEP_SIZE;
}

static int verify_grown_reserved(struct vt_ctx *ctx)
{
	struct vmshm_stat stat;

	if (verify_grown(ctx))
		return -1;
	return vt_stat(ctx->fd, &stat) ||
	       stat.out_allocated < 3 * VT_SWEEP_SIZE;
}

static int op_shrink(struct vt_ctx *ctx)
{
	return vt_resize(ctx->fd, VT_SWEEP_SIZE / 2 + 100);
}

static int prepare_map(struct vt_ctx *ctx)
{
	int ret = vt_sweep_map(ctx);

	if (ret)
		return ret;
	memset(ctx->map + VT_SWEEP_SIZE / 2, 1, VT_SWEEP_SIZE / 2);
	return 0;
}

static int verify_shrunk(struct vt_ctx *ctx)
{
	struct vmshm_event event;

	if (vt_size(ctx->fd) != VT_SWEEP_SIZE / 2 + 100)
		return -1;
	return vt_next_event(ctx->watch, &event) ||
	       event.type != VMSHM_EVENT_RESIZED;
}

static int verify_shrunk_map(struct vt_ctx *ctx)
{
	if (vt_peek(ctx->map + VT_SWEEP_SIZE - 1) != -SIGBUS)
		return -1;
	return verify_shrunk(ctx);
}

static int op_seal_write(struct vt_ctx *ctx)
{
	return vt_seal(ctx->fd, VMSHM_SEAL_WRITE | VMSHM_SEAL_GROW);
}

static int verify_sealed(struct vt_ctx *ctx)
{
	struct vmshm_event event;

	if (pwrite(ctx->fd, "x", 1, 0) != -1 || errno != EPERM)
		return -1;
	return vt_next_event(ctx->watch, &event) ||
	       event.type != VMSHM_EVENT_SEALED;
}

static int op_members(struct vt_ctx *ctx)
{
	struct vmshm_member members[4];
	int ret = vt_members(ctx->fd, members, 4);

	if (ret < 0)
		return ret;
	return ret == 2 ? 0 : -ENOENT;
}

static int op_members_count(struct vt_ctx *ctx)
{
	int ret = vt_members(ctx->fd, NULL, 0);

	return ret == -EMSGSIZE ? 0 : ret;
}

static int op_readonly(struct vt_ctx *ctx)
{
	return vt_sweep_keep(ctx, 0, vt_readonly(ctx->fd));
}

static int verify_readonly(struct vt_ctx *ctx)
{
	if (pwrite(ctx->out[0], "x", 1, 0) != -1)
		return -1;
	return verify_opened(ctx);
}

/* Another one exists already, and its inode. */
static int prepare_readonly_second(struct vt_ctx *ctx)
{
	return vt_sweep_keep(ctx, 1, vt_readonly(ctx->fd));
}

static int op_watch_region(struct vt_ctx *ctx)
{
	__u64 seq;

	return vt_sweep_keep(ctx, 0, vt_watch(ctx->fd, "", 0, &seq));
}

/* A queue of less than a page, which is not looked for elsewhere if it fails. */
static long long queue_before;

static int prepare_short_queue(struct vt_ctx *ctx)
{
	queue_before = vt_param_get("event_queue_len");
	return queue_before < 0 ? queue_before :
	       vt_param_set("event_queue_len", 8);
}

static int undo_short_queue(struct vt_ctx *ctx)
{
	return vt_param_set("event_queue_len", queue_before);
}

static int verify_watch(struct vt_ctx *ctx)
{
	struct vmshm_event event;

	if (vt_resize(ctx->fd, 2 * VT_SWEEP_SIZE))
		return -1;
	return vt_next_event(ctx->out[0], &event) ||
	       event.type != VMSHM_EVENT_RESIZED;
}

static int op_log_open(struct vt_ctx *ctx)
{
	ctx->log = vt_log_open(ctx->fd, 0, 0, 0);
	return ctx->log < 0 ? ctx->log : 0;
}

static int op_log_open_dirty(struct vt_ctx *ctx)
{
	ctx->log = vt_log_open(ctx->fd, VMSHM_LOG_ALL_DIRTY, 0, 0);
	return ctx->log < 0 ? ctx->log : 0;
}

static int verify_log(struct vt_ctx *ctx)
{
	ctx->map[VT_PAGE] = 'x';
	return !vt_log_exactly(ctx->log, 1, 1);
}

static int verify_log_dirty(struct vt_ctx *ctx)
{
	/* Without memory for single pages, all that are near. */
	return !vt_log_reports(ctx->log, 0, VT_SWEEP_SIZE / VT_PAGE);
}

static int prepare_log(struct vt_ctx *ctx)
{
	return op_log_open(ctx);
}

static int op_mark(struct vt_ctx *ctx)
{
	return vt_mark(ctx->fd, 3, 700);
}

static int verify_marked(struct vt_ctx *ctx)
{
	return !vt_log_reports(ctx->log, 3, 700);
}

static int op_merge(struct vt_ctx *ctx)
{
	static const __u64 bitmap[10] = { [9] = 1 };

	return vt_merge(ctx->fd, 1, sizeof(bitmap) * 8, bitmap);
}

static int verify_merged(struct vt_ctx *ctx)
{
	return !vt_log_reports(ctx->log, 1 + 9 * 64, 1);
}

static const struct vt_sweep sweeps[] = {
	{
		.name = "create",
		.op = op_create,
		.verify = verify_created,
	},
	{
		.name = "create_first",
		.op = op_create_first,
		.undo = undo_create_first,
	},
	{
		.name = "create_first_user",
		.prepare = vt_sweep_first_user,
		.op = op_create_first,
		.undo = undo_create_first,
	},
	{
		.name = "create_ephemeral",
		.op = op_create_ephemeral,
		.verify = verify_created,
	},
	{
		.name = "create_reserve",
		.op = op_create_reserve,
		.verify = verify_reserved,
	},
	{
		.name = "create_pinnable",
		.op = op_create_pinnable,
		.verify = verify_created,
	},
	{
		.name = "create_huge",
		.op = op_create_huge,
		.verify = verify_reserved,
	},
	{
		.name = "open_or_create_new",
		.op = op_open_or_create_new,
		.verify = verify_created,
	},
	{
		.name = "open_or_create_old",
		.op = op_open_or_create_old,
		.verify = verify_opened,
		.flags = VT_SWEEP_OPENS,
	},
	{
		.name = "open",
		.op = op_open,
		.verify = verify_opened,
		.flags = VT_SWEEP_OPENS,
	},
	{
		.name = "open_rdonly",
		.op = op_open_rdonly,
		.verify = verify_opened,
		.flags = VT_SWEEP_OPENS,
	},
	{
		.name = "unlink",
		.op = op_unlink,
		.verify = verify_unlinked,
	},
	{
		.name = "unlink_closed",
		.prepare = prepare_unlink_closed,
		.op = op_unlink_closed,
	},
	{
		.name = "stat",
		.op = op_stat,
	},
	{
		.name = "grow",
		.op = op_grow,
		.verify = verify_grown,
	},
	{
		.name = "grow_reserve",
		.op = op_grow,
		.verify = verify_grown_reserved,
		.region_flags = VMSHM_RESERVE,
	},
	{
		.name = "shrink",
		.op = op_shrink,
		.verify = verify_shrunk,
	},
	{
		.name = "shrink_mapped",
		.prepare = prepare_map,
		.op = op_shrink,
		.verify = verify_shrunk_map,
		.undo = vt_sweep_unmap,
		.region_flags = VMSHM_SHRINKABLE,
	},
	{
		.name = "seal",
		.op = op_seal_write,
		.verify = verify_sealed,
	},
	{
		.name = "members",
		.prepare = prepare_map,
		.op = op_members,
		.undo = vt_sweep_unmap,
	},
	{
		.name = "members_count",
		.op = op_members_count,
	},
	{
		.name = "readonly",
		.op = op_readonly,
		.verify = verify_readonly,
		.flags = VT_SWEEP_OPENS,
	},
	{
		.name = "readonly_second",
		.prepare = prepare_readonly_second,
		.op = op_readonly,
		.flags = VT_SWEEP_OPENS,
	},
	{
		.name = "readonly_first_user",
		.prepare = vt_sweep_first_user,
		.op = op_readonly,
		.undo = vt_sweep_undo_user,
		.flags = VT_SWEEP_OPENS,
	},
	{
		.name = "watch_region",
		.op = op_watch_region,
		.verify = verify_watch,
	},
	{
		.name = "watch_region_short_queue",
		.prepare = prepare_short_queue,
		.op = op_watch_region,
		.verify = verify_watch,
		.undo = undo_short_queue,
	},
	{
		.name = "watch_region_first_user",
		.prepare = vt_sweep_first_user,
		.op = op_watch_region,
		.undo = vt_sweep_undo_user,
	},
	{
		.name = "log_open",
		.prepare = prepare_map,
		.op = op_log_open,
		.verify = verify_log,
		.undo = vt_sweep_unmap,
	},
	{
		.name = "log_open_first_user",
		.prepare = vt_sweep_first_user,
		.op = op_log_open,
		.undo = vt_sweep_undo_user,
	},
	{
		.name = "log_open_dirty",
		.op = op_log_open_dirty,
		.verify = verify_log_dirty,
	},
	{
		.name = "mark",
		.prepare = prepare_log,
		.op = op_mark,
		.verify = verify_marked,
	},
	{
		.name = "merge",
		.prepare = prepare_log,
		.op = op_merge,
		.verify = verify_merged,
	},
	{}
};

int main(int argc, char **argv)
{
	return vt_sweeps(sweeps, argc, argv);
}
