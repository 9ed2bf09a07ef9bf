// SPDX-License-Identifier: GPL-2.0
/*
 * Every operation on peers, with every allocation and every user copy made to
 * fail in turn; see fail_nth.c. Above all: nobody sees a peer that did not come
 * to be, and no ring is lost.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <sys/eventfd.h>

#include "lib/vmshm_peer.h"
#include "lib/vmshm_sweep.h"

/*
 * Two peers, MINE of number 0 and ITS of number 1, both with as many vectors;
 * and an eventfd of ITS, at vector GIVEN. Vector RUNG of MINE is pending.
 */
enum {
	MINE,
	ITS,
	BELL,
	NEW,
};

enum {
	GIVEN,
	RUNG,
	VECTORS,
};

static int prepare_peers(struct vt_ctx *ctx)
{
	int ret;

	ret = vt_sweep_keep(ctx, MINE, vt_join(ctx->fd, 0, VECTORS, "mine"));
	if (!ret)
		ret = vt_sweep_keep(ctx, ITS,
				    vt_join(ctx->fd, 1, VECTORS, "its"));
	if (!ret)
		ret = vt_sweep_keep(ctx, BELL,
				    vt_doorbell(ctx->out[ITS], GIVEN));
	return ret ? ret : vt_ring(ctx->out[ITS], 0, RUNG);
}

static int bell_count(int eventfd, unsigned long long *value)
{
	char path[64], buf[4096], *line;
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", eventfd);
	len = vt_read_file(path, buf, sizeof(buf));
	if (len < 0)
		return len;
	line = strstr(buf, "eventfd-count:");
	return line && sscanf(line, "eventfd-count: %llx", value) == 1 ?
		0 : -EPROTO;
}

/* Nothing of this is read by looking at it. */
static int state_peers(struct vt_ctx *ctx, unsigned long long *value)
{
	struct vmshm_peer_stat stat;
	int i, ret;

	for (i = MINE; i <= ITS; i++) {
		if (ctx->out[i] < 0)
			continue;
		ret = vt_peer_stat(ctx->out[i], &stat);
		if (ret)
			return ret;
		*value++ = stat.out_peers;
		*value++ = stat.out_pending;
		*value++ = stat.out_rings << 32 | stat.out_eventfds;
	}
	return ctx->out[BELL] < 0 ? 0 : bell_count(ctx->out[BELL], value);
}

static int state_group(struct vt_ctx *ctx, unsigned long long *value)
{
	int ret = vt_peers(ctx->fd, NULL, 0);

	/* None is no error, some do not fit. */
	*value = ret == -EMSGSIZE;
	return ret && ret != -EMSGSIZE ? ret : 0;
}

/* Joining and leaving */

static int op_join(struct vt_ctx *ctx)
{
	return vt_sweep_keep(ctx, NEW, vt_join(ctx->fd, VT_ANY, VECTORS, NULL));
}

static int op_join_number(struct vt_ctx *ctx)
{
	/* Far from the others: the array of numbers grows by some levels. */
	return vt_sweep_keep(ctx, NEW, vt_join(ctx->fd, VMSHM_PEER_NUMBER_MAX,
					       VMSHM_PEER_VECTORS_MAX, "far"));
}

static int op_join_readonly(struct vt_ctx *ctx)
{
	return vt_sweep_keep(ctx, NEW, vt_join(ctx->out[0], VT_ANY, 0, NULL));
}

static int prepare_readonly(struct vt_ctx *ctx)
{
	return vt_sweep_keep(ctx, 0, vt_readonly(ctx->fd));
}

static int verify_joined(struct vt_ctx *ctx)
{
	struct vmshm_peer_info infos[4] = { 0 };
	struct vmshm_event event;
	int nr = vt_peers(ctx->fd, infos, 4);

	if (nr < 1 || infos[nr - 1].generation !=
		      vt_peer_generation(ctx->out[NEW]))
		return -1;
	return vt_next_event(ctx->watch, &event) ||
	       event.type != VMSHM_EVENT_JOINED ||
	       event.old_value != infos[nr - 1].generation;
}

static int op_leave(struct vt_ctx *ctx)
{
	return vt_sweep_close(&ctx->out[ITS]);
}

/* Told, or told that something was not. */
static int verify_left(struct vt_ctx *ctx)
{
	struct vmshm_peer_info infos[4];
	struct vmshm_event event;

	if (vt_peers(ctx->fd, infos, 4) != 1 ||
	    vt_ring(ctx->out[MINE], 1, GIVEN) != -ENOENT)
		return -1;
	return vt_next_event(ctx->watch, &event) ||
	       (event.type != VMSHM_EVENT_LEFT &&
		event.type != VMSHM_EVENT_OVERFLOW);
}

/* Looking */

static int op_peers(struct vt_ctx *ctx)
{
	struct vmshm_peer_info infos[4] = { 0 };
	int ret = vt_peers(ctx->fd, infos, 4);

	if (ret < 0)
		return ret;
	return ret == 2 && infos[1].number == 1 &&
	       infos[1].eventfds == 1U << GIVEN ? 0 : -ENODATA;
}

static int op_peers_count(struct vt_ctx *ctx)
{
	struct vmshm_peers arg = {
		.size = sizeof(arg),
		.entry_size = sizeof(struct vmshm_peer_info),
	};
	int ret = vt_ioctl(ctx->fd, VMSHM_IOC_PEERS, &arg);

	if (ret != -EMSGSIZE)
		return ret ? ret : -ENODATA;
	return arg.out_count == 2 ? 0 : -ENODATA;
}

static int op_peer_stat(struct vt_ctx *ctx)
{
	struct vmshm_peer_stat stat;
	int ret = vt_peer_stat(ctx->out[MINE], &stat);

	if (ret)
		return ret;
	return stat.out_peers == 2 && !strcmp((char *)stat.out_name, "mine") ?
		0 : -ENODATA;
}

static int op_fdinfo(struct vt_ctx *ctx)
{
	return vt_sweep_fdinfo(ctx->out[ITS], "vmshm-peer-number", 1);
}

static int op_poll(struct vt_ctx *ctx)
{
	return vt_sweep_poll(ctx->out[MINE]);
}

/* No vector of ITS is pending. */
static int op_epoll(struct vt_ctx *ctx)
{
	return vt_sweep_epoll(ctx, ctx->out[ITS]);
}

static int verify_epoll(struct vt_ctx *ctx)
{
	int ret = vt_ring(ctx->out[MINE], 1, RUNG);

	return ret ? ret : vt_sweep_epolled(ctx);
}

/* Doorbells */

static int prepare_set_vector(struct vt_ctx *ctx)
{
	int ret = prepare_peers(ctx);

	return ret ? ret : vt_sweep_keep(ctx, NEW,
					 eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
}

static int op_set_vector(struct vt_ctx *ctx)
{
	return vt_set_vector(ctx->out[ITS], RUNG, ctx->out[NEW]);
}

static int op_replace_vector(struct vt_ctx *ctx)
{
	return vt_set_vector(ctx->out[ITS], GIVEN, ctx->out[NEW]);
}

static int op_unset_vector(struct vt_ctx *ctx)
{
	return vt_set_vector(ctx->out[ITS], GIVEN, -1);
}

static bool told_vector(struct vt_ctx *ctx, __u32 vector, __u32 flags)
{
	struct vmshm_event event;

	return !vt_next_event(ctx->watch, &event) &&
	       event.type == VMSHM_EVENT_VECTOR && event.vector == vector &&
	       (event.flags & VMSHM_PEER_EVENTFD) == flags;
}

static int verify_set_vector(struct vt_ctx *ctx)
{
	return !told_vector(ctx, RUNG, VMSHM_PEER_EVENTFD) ||
	       vt_ring(ctx->out[MINE], 1, RUNG) || vt_count(ctx->out[NEW]) != 1;
}

static int verify_replaced_vector(struct vt_ctx *ctx)
{
	return !told_vector(ctx, GIVEN, VMSHM_PEER_EVENTFD) ||
	       vt_ring(ctx->out[MINE], 1, GIVEN) ||
	       vt_count(ctx->out[NEW]) != 1 || vt_count(ctx->out[BELL]);
}

static int verify_unset_vector(struct vt_ctx *ctx)
{
	return !told_vector(ctx, GIVEN, 0) ||
	       vt_get_vector(ctx->out[MINE], 1, 0, GIVEN) != -ENOENT;
}

static int op_get_vector(struct vt_ctx *ctx)
{
	return vt_sweep_keep(ctx, NEW,
			     vt_get_vector(ctx->out[MINE], 1,
					   vt_peer_generation(ctx->out[ITS]),
					   GIVEN));
}

static int verify_get_vector(struct vt_ctx *ctx)
{
	return eventfd_write(ctx->out[NEW], 3) || vt_count(ctx->out[BELL]) != 3;
}

/* Rings */

static int op_ring(struct vt_ctx *ctx)
{
	return vt_ring(ctx->out[MINE], 1, GIVEN);
}

static int op_ring_all(struct vt_ctx *ctx)
{
	return vt_ring(ctx->out[MINE], VMSHM_PEER_ALL, GIVEN);
}

static int op_ring_plain(struct vt_ctx *ctx)
{
	return vt_ring(ctx->out[MINE], 1, RUNG);
}

static int verify_rung(struct vt_ctx *ctx)
{
	return vt_count(ctx->out[BELL]) != 1 ||
	       vt_pending(ctx->out[ITS], 0) != 1U << GIVEN ||
	       vt_pending(ctx->out[MINE], 0) != 1U << RUNG;
}

static int verify_rung_plain(struct vt_ctx *ctx)
{
	return vt_count(ctx->out[BELL]) ||
	       vt_pending(ctx->out[ITS], 0) != 1U << RUNG;
}

static int op_pending(struct vt_ctx *ctx)
{
	struct vmshm_peer_pending arg = { .size = sizeof(arg) };
	int ret = vt_ioctl(ctx->out[MINE], VMSHM_IOC_PEER_PENDING, &arg);

	if (ret)
		return ret;
	return arg.out_pending == 1U << RUNG ? 0 : -ENODATA;
}

static int verify_not_pending(struct vt_ctx *ctx)
{
	return vt_pending(ctx->out[MINE], 0) || vt_poll(ctx->out[MINE]);
}

/* A watch for peers alone. */
static int op_watch(struct vt_ctx *ctx)
{
	return vt_sweep_keep(ctx, NEW, vt_watch(ctx->fd, "",
						1U << VMSHM_EVENT_LEFT, NULL));
}

static int verify_watch(struct vt_ctx *ctx)
{
	struct vmshm_event event;

	return vt_set_vector(ctx->out[ITS], GIVEN, -1) || op_leave(ctx) ||
	       vt_next_event(ctx->out[NEW], &event) ||
	       event.type != VMSHM_EVENT_LEFT || !vt_no_event(ctx->out[NEW]);
}

static const struct vt_sweep sweeps[] = {
	{
		.name = "join",
		.op = op_join,
		.verify = verify_joined,
		.state = state_group,
	},
	{
		.name = "join_first_user",
		.prepare = vt_sweep_first_user,
		.op = op_join,
		.verify = verify_joined,
		.state = state_group,
		.undo = vt_sweep_undo_user,
	},
	{
		.name = "join_number",
		.prepare = prepare_peers,
		.op = op_join_number,
		.verify = verify_joined,
		.state = state_peers,
	},
	{
		.name = "join_readonly",
		.prepare = prepare_readonly,
		.op = op_join_readonly,
		.verify = verify_joined,
		.state = state_group,
	},
	{
		.name = "leave",
		.prepare = prepare_peers,
		.op = op_leave,
		.verify = verify_left,
		.flags = VT_SWEEP_CANNOT_FAIL,
	},
	{
		.name = "peers",
		.prepare = prepare_peers,
		.op = op_peers,
		.state = state_peers,
	},
	{
		.name = "peers_count",
		.prepare = prepare_peers,
		.op = op_peers_count,
		.state = state_peers,
	},
	{
		.name = "peer_stat",
		.prepare = prepare_peers,
		.op = op_peer_stat,
		.state = state_peers,
	},
	{
		.name = "peer_fdinfo",
		.prepare = prepare_peers,
		.op = op_fdinfo,
		.state = state_peers,
	},
	{
		.name = "peer_poll",
		.prepare = prepare_peers,
		.op = op_poll,
		.state = state_peers,
	},
	{
		.name = "peer_epoll",
		.prepare = prepare_peers,
		.op = op_epoll,
		.verify = verify_epoll,
		.state = state_peers,
	},
	{
		.name = "set_vector",
		.prepare = prepare_set_vector,
		.op = op_set_vector,
		.verify = verify_set_vector,
		.state = state_peers,
	},
	{
		.name = "replace_vector",
		.prepare = prepare_set_vector,
		.op = op_replace_vector,
		.verify = verify_replaced_vector,
		.state = state_peers,
	},
	{
		.name = "unset_vector",
		.prepare = prepare_peers,
		.op = op_unset_vector,
		.verify = verify_unset_vector,
		.state = state_peers,
	},
	{
		.name = "get_vector",
		.prepare = prepare_peers,
		.op = op_get_vector,
		.verify = verify_get_vector,
		.state = state_peers,
	},
	{
		.name = "ring",
		.prepare = prepare_peers,
		.op = op_ring,
		.verify = verify_rung,
		.state = state_peers,
	},
	{
		.name = "ring_all",
		.prepare = prepare_peers,
		.op = op_ring_all,
		.verify = verify_rung,
		.state = state_peers,
	},
	{
		.name = "ring_plain",
		.prepare = prepare_peers,
		.op = op_ring_plain,
		.verify = verify_rung_plain,
		.state = state_peers,
	},
	{
		.name = "pending",
		.prepare = prepare_peers,
		.op = op_pending,
		.verify = verify_not_pending,
		.state = state_peers,
	},
	{
		.name = "watch",
		.prepare = prepare_peers,
		.op = op_watch,
		.verify = verify_watch,
		.state = state_peers,
	},
	{}
};

int main(int argc, char **argv)
{
	return vt_sweeps(sweeps, argc, argv);
}
