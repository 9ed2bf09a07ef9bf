// SPDX-License-Identifier: GPL-2.0
/*
 * Every operation on a dirty log and on a watch, with every allocation and
 * every user copy made to fail in turn; see fail_nth.c. Above all: no dirty
 * page and no event is lost.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>

#include "lib/vmshm_log.h"
#include "lib/vmshm_sweep.h"

/* Whether a fetch has failed at this point. */
static bool fetch_failed;

/* Logs: pages 1 and 5 are dirty, and 700, which nobody has written. */

static int prepare_log(struct vt_ctx *ctx)
{
	volatile unsigned char *map;
	int ret = vt_sweep_map(ctx);

	fetch_failed = false;
	if (ret)
		return ret;
	ctx->log = vt_log_open(ctx->fd, 0, 0, 0);
	if (ctx->log < 0)
		return ctx->log;
	/* Both are writes, also to a compiler that knows the first to be idle. */
	map = ctx->map;
	map[1 * VT_PAGE] = map[1 * VT_PAGE];
	map[5 * VT_PAGE] = 1;
	return vt_mark(ctx->fd, 700, 1);
}

/*
 * If the fetch before could not tell what it had found, everything it had looked
 * at is dirty again.
 */
static bool everything(__u64 pages)
{
	return fetch_failed && pages == VT_SWEEP_MAX / VT_PAGE;
}

static int fetch(struct vt_ctx *ctx, struct vmshm_log_fetch *arg)
{
	int ret = vt_ioctl(ctx->log, VMSHM_IOC_LOG_FETCH, arg);

	fetch_failed |= ret < 0;
	return ret;
}

static int op_fetch_ranges(struct vt_ctx *ctx)
{
	struct vmshm_log_range ranges[4] = { 0 };
	struct vmshm_log_fetch arg = {
		.size = sizeof(arg),
		.format = VMSHM_LOG_RANGES,
		.count = 4,
		.buffer = (uintptr_t)ranges,
	};
	int ret = fetch(ctx, &arg);

	if (ret)
		return ret;
	if (everything(arg.out_pages) && arg.out_count == 1)
		return ranges[0].first_page ? -ENODATA : 0;
	if (arg.out_count != 3 || arg.out_pages != 3 ||
	    ranges[0].first_page != 1 || ranges[1].first_page != 5 ||
	    ranges[2].first_page != 700)
		return -ENODATA;
	return 0;
}

static int op_fetch_bitmap(struct vt_ctx *ctx)
{
	__u64 bitmap[VT_SWEEP_MAX / VT_PAGE / 64] = { 0 };
	struct vmshm_log_fetch arg = {
		.size = sizeof(arg),
		.format = VMSHM_LOG_BITMAP,
		.count = VT_SWEEP_MAX / VT_PAGE / 64,
		.buffer = (uintptr_t)bitmap,
	};
	int ret = fetch(ctx, &arg);

	if (ret || everything(arg.out_pages))
		return ret;
	if (arg.out_pages != 3 || bitmap[0] != ((1 << 1) | (1 << 5)) ||
	    bitmap[700 / 64] != 1ULL << (700 % 64))
		return -ENODATA;
	return 0;
}

static int op_fetch_count(struct vt_ctx *ctx)
{
	long long ret = vt_log_count(ctx->log, 0);

	fetch_failed |= ret < 0;
	if (ret < 0)
		return ret;
	return ret == 3 || everything(ret) ? 0 : -ENODATA;
}

static int verify_fetched(struct vt_ctx *ctx)
{
	struct vmshm_log_stat stat;

	/*
	 * A page that is new looks held, and is reported again, if there is no
	 * memory to drain the caches of the LRU with.
	 */
	if (vt_log_stat(ctx->log, &stat) || stat.out_dirty > !!stat.out_pinned ||
	    vt_log_count(ctx->log, 0) != (long long)stat.out_dirty ||
	    vt_log_count(ctx->log, 0) != 0)
		return -1;
	/*
	 * They are protected again. Others may be reported with it: those that
	 * a fetch has found twice, if one failed, are expected to be written.
	 */
	ctx->map[5 * VT_PAGE] = 2;
	return !vt_log_reports(ctx->log, 5, 1);
}

static int op_peek(struct vt_ctx *ctx)
{
	long long ret = vt_log_read(ctx->log, VMSHM_LOG_PEEK, 2, NULL);

	if (ret < 0)
		return ret;
	return ret == 3 ? 0 : -ENODATA;
}

static int verify_peeked(struct vt_ctx *ctx)
{
	return vt_log_count(ctx->log, VMSHM_LOG_PEEK) != 3;
}

static int op_rearm(struct vt_ctx *ctx)
{
	struct vmshm_log_range ranges[] = { { 1, 1 }, { 5, 1 }, { 700, 1 } };
	struct vmshm_log_rearm arg = {
		.size = sizeof(arg),
		.ranges = (uintptr_t)ranges,
		.count = 3,
	};
	struct vmshm_log_stat stat;
	int ret, err;

	ret = vt_ioctl(ctx->log, VMSHM_IOC_LOG_REARM, &arg);
	if (!ret)
		return 0;
	/* Not even some of them. */
	err = vt_log_stat(ctx->log, &stat);
	if (!err && stat.out_dirty != 3)
		return -ENODATA;
	return ret;
}

static int op_watermark(struct vt_ctx *ctx)
{
	return vt_log_watermark(ctx->log, 4);
}

static int verify_watermark(struct vt_ctx *ctx)
{
	return vt_poll(ctx->log) & POLLIN;
}

static int op_log_stat(struct vt_ctx *ctx)
{
	struct vmshm_log_stat stat;

	return vt_log_stat(ctx->log, &stat);
}

static int op_log_poll(struct vt_ctx *ctx)
{
	return vt_sweep_poll(ctx->log);
}

/* A fourth page wakes who waits. */
static int prepare_log_epoll(struct vt_ctx *ctx)
{
	int ret = prepare_log(ctx);

	return ret ? ret : op_watermark(ctx);
}

static int op_log_epoll(struct vt_ctx *ctx)
{
	return vt_sweep_epoll(ctx, ctx->log);
}

static int verify_log_epoll(struct vt_ctx *ctx)
{
	int ret = vt_mark(ctx->fd, 701, 1);

	return ret ? ret : vt_sweep_epolled(ctx);
}

static int op_log_fdinfo(struct vt_ctx *ctx)
{
	return vt_sweep_fdinfo(ctx->log, "vmshm-log-dirty", 3);
}

static int op_close_log(struct vt_ctx *ctx)
{
	return vt_sweep_close(&ctx->log);
}

static int verify_log_closed(struct vt_ctx *ctx)
{
	struct vmshm_stat stat;

	return vt_stat(ctx->fd, &stat) || stat.out_logs;
}

/* Watches */

/* Nothing is to be read from it yet. */
static int prepare_watch(struct vt_ctx *ctx)
{
	return vt_sweep_keep(ctx, 0, vt_watch(ctx->fd, "", 0, NULL));
}

/* One event is to be read. */
static int prepare_event(struct vt_ctx *ctx)
{
	int ret = prepare_watch(ctx);

	return ret ? ret : vt_resize(ctx->fd, 2 * VT_SWEEP_SIZE);
}

static int op_read_event(struct vt_ctx *ctx)
{
	struct vmshm_event event;
	ssize_t len = read(ctx->out[0], &event, sizeof(event));

	if (len < 0)
		return -errno;
	if (len != sizeof(event) || event.type != VMSHM_EVENT_RESIZED ||
	    event.value != 2 * VT_SWEEP_SIZE)
		return -ENODATA;
	return 0;
}

static int verify_no_event(struct vt_ctx *ctx)
{
	return !vt_no_event(ctx->out[0]);
}

static int op_watch_poll(struct vt_ctx *ctx)
{
	return vt_sweep_poll(ctx->out[0]);
}

static int op_watch_epoll(struct vt_ctx *ctx)
{
	return vt_sweep_epoll(ctx, ctx->out[0]);
}

static int verify_watch_epoll(struct vt_ctx *ctx)
{
	int ret = vt_resize(ctx->fd, 2 * VT_SWEEP_SIZE);

	return ret ? ret : vt_sweep_epolled(ctx);
}

static int op_watch_fdinfo(struct vt_ctx *ctx)
{
	return vt_sweep_fdinfo(ctx->out[0], "vmshm-queued", 1);
}

/* Of the device: it has a prefix instead of a region. */
static int prepare_prefix(struct vt_ctx *ctx)
{
	ctx->out[0] = vt_watch(ctx->dev, ctx->name, 0, NULL);
	if (ctx->out[0] < 0)
		return ctx->out[0];
	return vt_resize(ctx->fd, 2 * VT_SWEEP_SIZE);
}

static int op_close_watch(struct vt_ctx *ctx)
{
	return vt_sweep_close(&ctx->out[0]);
}

/* Nothing is given to it any more, and others have theirs. */
static int verify_watch_closed(struct vt_ctx *ctx)
{
	struct vmshm_event event;
	eventfd_t value;

	if (vt_resize(ctx->fd, 3 * VT_SWEEP_SIZE))
		return -1;
	/* With no eventfd it is -1, and there is nothing to be read either. */
	return !eventfd_read(ctx->out[1], &value) ||
	       vt_next_event(ctx->watch, &event) ||
	       event.type != VMSHM_EVENT_RESIZED ||
	       event.value != 3 * VT_SWEEP_SIZE;
}

static int prepare_eventfd(struct vt_ctx *ctx)
{
	ctx->out[0] = vt_watch(ctx->fd, "", 0, NULL);
	if (ctx->out[0] < 0)
		return ctx->out[0];
	ctx->out[1] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return ctx->out[1] < 0 ? -errno : 0;
}

static int op_set_eventfd(struct vt_ctx *ctx)
{
	return vt_watch_eventfd(ctx->out[0], ctx->out[1]);
}

static int verify_eventfd(struct vt_ctx *ctx)
{
	eventfd_t value;

	return vt_resize(ctx->fd, 2 * VT_SWEEP_SIZE) ||
	       eventfd_read(ctx->out[1], &value) || value != 1;
}

static int prepare_unset_eventfd(struct vt_ctx *ctx)
{
	int ret = prepare_eventfd(ctx);

	return ret ? ret : op_set_eventfd(ctx);
}

/* An event is to be read, and the eventfd has heard of none. */
static int prepare_event_eventfd(struct vt_ctx *ctx)
{
	int ret = prepare_unset_eventfd(ctx);
	eventfd_t value;

	if (!ret)
		ret = vt_resize(ctx->fd, 2 * VT_SWEEP_SIZE);
	return ret ? ret : vt_or_errno(eventfd_read(ctx->out[1], &value));
}

static int op_unset_eventfd(struct vt_ctx *ctx)
{
	return vt_watch_eventfd(ctx->out[0], -1);
}

static int verify_unset_eventfd(struct vt_ctx *ctx)
{
	eventfd_t value;

	return vt_resize(ctx->fd, 2 * VT_SWEEP_SIZE) ||
	       !eventfd_read(ctx->out[1], &value);
}

/*
 * The change is made though the watch has no memory for it, but not without a
 * word: the event, or that one is missing.
 */
static int op_event(struct vt_ctx *ctx)
{
	return fchmod(ctx->fd, 0640) ? -errno : 0;
}

static int verify_event(struct vt_ctx *ctx)
{
	struct vmshm_event event;

	return vt_next_event(ctx->watch, &event) ||
	       (event.type != VMSHM_EVENT_ATTR &&
		event.type != VMSHM_EVENT_OVERFLOW);
}

static const struct vt_sweep sweeps[] = {
	{
		.name = "fetch_ranges",
		.prepare = prepare_log,
		.op = op_fetch_ranges,
		.verify = verify_fetched,
		.undo = vt_sweep_unmap,
	},
	{
		.name = "fetch_bitmap",
		.prepare = prepare_log,
		.op = op_fetch_bitmap,
		.verify = verify_fetched,
		.undo = vt_sweep_unmap,
	},
	{
		.name = "fetch_count",
		.prepare = prepare_log,
		.op = op_fetch_count,
		.verify = verify_fetched,
		.undo = vt_sweep_unmap,
	},
	{
		.name = "peek",
		.prepare = prepare_log,
		.op = op_peek,
		.verify = verify_peeked,
		.undo = vt_sweep_unmap,
	},
	{
		.name = "rearm",
		.prepare = prepare_log,
		.op = op_rearm,
		.verify = verify_fetched,
		.undo = vt_sweep_unmap,
	},
	{
		.name = "watermark",
		.prepare = prepare_log,
		.op = op_watermark,
		.verify = verify_watermark,
		.undo = vt_sweep_unmap,
	},
	{
		.name = "log_stat",
		.prepare = prepare_log,
		.op = op_log_stat,
		.undo = vt_sweep_unmap,
	},
	{
		.name = "log_poll",
		.prepare = prepare_log,
		.op = op_log_poll,
		.undo = vt_sweep_unmap,
	},
	{
		.name = "log_epoll",
		.prepare = prepare_log_epoll,
		.op = op_log_epoll,
		.verify = verify_log_epoll,
		.undo = vt_sweep_unmap,
	},
	{
		.name = "log_fdinfo",
		.prepare = prepare_log,
		.op = op_log_fdinfo,
		.undo = vt_sweep_unmap,
	},
	{
		.name = "log_close",
		.prepare = prepare_log,
		.op = op_close_log,
		.verify = verify_log_closed,
		.undo = vt_sweep_unmap,
		.flags = VT_SWEEP_CANNOT_FAIL,
	},
	{
		.name = "read_event",
		.prepare = prepare_event,
		.op = op_read_event,
		.verify = verify_no_event,
	},
	{
		.name = "watch_poll",
		.prepare = prepare_event,
		.op = op_watch_poll,
	},
	{
		.name = "watch_epoll",
		.prepare = prepare_watch,
		.op = op_watch_epoll,
		.verify = verify_watch_epoll,
	},
	{
		.name = "watch_fdinfo",
		.prepare = prepare_event,
		.op = op_watch_fdinfo,
	},
	{
		.name = "watch_fdinfo_prefix",
		.prepare = prepare_prefix,
		.op = op_watch_fdinfo,
	},
	{
		.name = "watch_close",
		.prepare = prepare_event_eventfd,
		.op = op_close_watch,
		.verify = verify_watch_closed,
		.flags = VT_SWEEP_CANNOT_FAIL,
	},
	{
		.name = "watch_close_prefix",
		.prepare = prepare_prefix,
		.op = op_close_watch,
		.verify = verify_watch_closed,
		.flags = VT_SWEEP_CANNOT_FAIL,
	},
	{
		.name = "set_eventfd",
		.prepare = prepare_eventfd,
		.op = op_set_eventfd,
		.verify = verify_eventfd,
	},
	{
		.name = "unset_eventfd",
		.prepare = prepare_unset_eventfd,
		.op = op_unset_eventfd,
		.verify = verify_unset_eventfd,
	},
	{
		.name = "event",
		.op = op_event,
		.verify = verify_event,
		.flags = VT_SWEEP_CANNOT_FAIL,
	},
	{}
};

int main(int argc, char **argv)
{
	return vt_sweeps(sweeps, argc, argv);
}
