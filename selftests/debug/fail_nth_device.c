// SPDX-License-Identifier: GPL-2.0
/*
 * The device, its ioctls but for those that make or take a region, and the list in
 * debugfs, with every allocation and every user copy made to fail in turn; see
 * fail_nth.c.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <linux/capability.h>

#include "lib/vmshm_env.h"
#include "lib/vmshm_module.h"
#include "lib/vmshm_sweep.h"

#define SUMMARY		"/sys/kernel/debug/vmshm/summary"

static int op_open_device(struct vt_ctx *ctx)
{
	return vt_sweep_keep(ctx, 0, vt_device());
}

static int verify_opened_device(struct vt_ctx *ctx)
{
	struct vmshm_info info;

	return vt_info(ctx->out[0], &info);
}

/* Each open file keeps the module. */
static int users;

static int prepare_close_device(struct vt_ctx *ctx)
{
	users = vt_module_users("vmshm");
	return users < 0 ? users : op_open_device(ctx);
}

static int op_close_device(struct vt_ctx *ctx)
{
	return vt_sweep_close(&ctx->out[0]);
}

static int verify_closed_device(struct vt_ctx *ctx)
{
	return vt_module_users("vmshm") != users;
}

static int op_info(struct vt_ctx *ctx)
{
	struct vmshm_info info;

	return vt_info(ctx->dev, &info);
}

static int op_list(struct vt_ctx *ctx)
{
	struct vmshm_stat stats[4];
	int ret;

	memset(stats, 0, sizeof(stats));
	ret = vt_list(ctx->dev, ctx->name, 0, stats, 4);
	if (ret < 0)
		return ret;
	/* Found it, or says why not. */
	return ret == 1 ? 0 : -ENOENT;
}

static int op_list_all(struct vt_ctx *ctx)
{
	struct vmshm_stat stats[4];
	int ret;

	ret = vt_list(ctx->dev, ctx->name, VMSHM_LIST_ALL, stats, 4);
	if (ret < 0)
		return ret;
	return ret == 1 ? 0 : -ENOENT;
}

static int op_watch_device(struct vt_ctx *ctx)
{
	return vt_sweep_keep(ctx, 0, vt_watch(ctx->dev, "test-", 0, NULL));
}

static int op_domain_reserve(struct vt_ctx *ctx)
{
	char name[VMSHM_NAME_MAX + 1];

	snprintf(name, sizeof(name), "domain-%d", getpid());
	return vt_domain_reserve(ctx->dev, name, VT_ALICE);
}

static int undo_domain_reserve(struct vt_ctx *ctx)
{
	char name[VMSHM_NAME_MAX + 1];

	snprintf(name, sizeof(name), "domain-%d", getpid());
	return vt_domain_release(ctx->dev, name);
}

/* Whose domain it is makes no difference: the charge is the caller's. */
static int prepare_domain_first_user(struct vt_ctx *ctx)
{
	int ret = vt_sweep_first_user(ctx);

	return ret ? ret : vt_set_cap(CAP_SYS_ADMIN, true);
}

static int undo_domain_first_user(struct vt_ctx *ctx)
{
	int ret = vt_sweep_undo_user(ctx);

	return ret ? ret : undo_domain_reserve(ctx);
}

/* Changes its owner. */
static int op_domain_again(struct vt_ctx *ctx)
{
	char name[VMSHM_NAME_MAX + 1];

	snprintf(name, sizeof(name), "domain-%d", getpid());
	return vt_domain_reserve(ctx->dev, name, VT_BOB);
}

static int op_domain_release(struct vt_ctx *ctx)
{
	return undo_domain_reserve(ctx);
}

/* One line is that of the region. */
static int op_summary(struct vt_ctx *ctx)
{
	char want[VMSHM_NAME_MAX + 32], buf[4096];
	ssize_t len = vt_read_file(SUMMARY, buf, sizeof(buf));

	if (len < 0)
		return len;
	snprintf(want, sizeof(want), " %s %lu %lu ", ctx->name, VT_SWEEP_SIZE,
		 VT_SWEEP_MAX);
	return strstr(buf, want) ? 0 : -ENODATA;
}

static const struct vt_sweep sweeps[] = {
	{
		.name = "open_device",
		.op = op_open_device,
		.verify = verify_opened_device,
	},
	{
		.name = "close_device",
		.prepare = prepare_close_device,
		.op = op_close_device,
		.verify = verify_closed_device,
		.flags = VT_SWEEP_CANNOT_FAIL,
	},
	{
		.name = "get_info",
		.op = op_info,
	},
	{
		.name = "get_info_first_user",
		.prepare = vt_sweep_first_user,
		.op = op_info,
		.undo = vt_sweep_undo_user,
	},
	{
		.name = "list",
		.op = op_list,
	},
	{
		.name = "list_all",
		.op = op_list_all,
	},
	{
		.name = "watch_device",
		.op = op_watch_device,
	},
	{
		.name = "watch_device_first_user",
		.prepare = vt_sweep_first_user,
		.op = op_watch_device,
		.undo = vt_sweep_undo_user,
	},
	{
		.name = "domain_reserve",
		.op = op_domain_reserve,
		.undo = undo_domain_reserve,
	},
	{
		.name = "domain_reserve_first_user",
		.prepare = prepare_domain_first_user,
		.op = op_domain_reserve,
		.undo = undo_domain_first_user,
	},
	{
		.name = "domain_reserve_again",
		.prepare = op_domain_reserve,
		.op = op_domain_again,
		.undo = undo_domain_reserve,
	},
	{
		.name = "domain_release",
		.prepare = op_domain_reserve,
		.op = op_domain_release,
	},
	{
		.name = "summary",
		.op = op_summary,
	},
	{}
};

int main(int argc, char **argv)
{
	return vt_sweeps(sweeps, argc, argv);
}
