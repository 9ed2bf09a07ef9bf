// SPDX-License-Identifier: GPL-2.0
/*
 * Mounting the tree, by mount() and by fsopen(), and every operation in it, with
 * every allocation and every user copy made to fail in turn; see fail_nth.c.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>

#include "lib/vmshm_module.h"
#include "lib/vmshm_mount.h"
#include "lib/vmshm_sweep.h"

/* Mounted once, for what is done in the tree. */
static int start_mounted(void)
{
	return vt_mount(0);
}

/* A place to mount on. */
static int start_unmounted(void)
{
	int ret = vt_mount(0);

	return ret ? ret : vt_umount(0);
}

/* The path of the region. */
static const char *path(const struct vt_ctx *ctx)
{
	static char buf[PATH_MAX];

	return vt_path(buf, ctx->name);
}

/* That of its directory. */
static const char *dir_path(const struct vt_ctx *ctx)
{
	static char buf[PATH_MAX];

	vt_path(buf, ctx->name);
	*strrchr(buf, '/') = '\0';
	return buf;
}

/* Mounting */

static int op_mount(struct vt_ctx *ctx)
{
	return vt_or_errno(mount("none", VT_MOUNT, "vmshm", 0, NULL));
}

/*
 * No region is left, and so no superblock: its end is not waited for by who
 * closes the last one.
 */
static int prepare_first(struct vt_ctx *ctx)
{
	int users = vt_module_users("vmshm"), tries;

	if (vt_unlink(ctx->dev, ctx->name))
		return -EIO;
	close(ctx->fd);
	ctx->fd = -1;
	for (tries = 0; tries < VT_PATIENCE * 100; tries++) {
		/* The file and the superblock. */
		if (vt_module_users("vmshm") <= users - 2)
			return 0;
		usleep(10000);
	}
	return -ETIMEDOUT;
}

static int verify_mounted(struct vt_ctx *ctx)
{
	struct stat st;

	return stat(path(ctx), &st) || st.st_size != VT_SWEEP_SIZE;
}

static int verify_mounted_first(struct vt_ctx *ctx)
{
	struct statfs st;

	return statfs(VT_MOUNT, &st) || st.f_type != VMSHM_SUPER_MAGIC;
}

static int undo_mount(struct vt_ctx *ctx)
{
	return vt_umount(0);
}

/* A mount that is nowhere: a context that failed is not to be used again. */
static int op_fsmount(struct vt_ctx *ctx)
{
	int fs = fsopen("vmshm", FSOPEN_CLOEXEC), mnt, ret;

	if (fs < 0)
		return -errno;
	ret = vt_or_errno(fsconfig(fs, FSCONFIG_SET_STRING, "source", "none",
				   0));
	if (!ret)
		ret = vt_or_errno(fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL,
					   0));
	if (!ret) {
		mnt = fsmount(fs, FSMOUNT_CLOEXEC, 0);
		ret = vt_sweep_keep(ctx, 0, mnt < 0 ? -errno : mnt);
	}
	close(fs);
	return ret;
}

static int verify_fsmount(struct vt_ctx *ctx)
{
	struct stat st;

	return fstatat(ctx->out[0], ctx->name, &st, 0) ||
	       st.st_size != VT_SWEEP_SIZE;
}

static int op_reconfigure(struct vt_ctx *ctx)
{
	int fs = fspick(AT_FDCWD, VT_MOUNT, FSPICK_CLOEXEC), ret;

	if (fs < 0)
		return -errno;
	ret = vt_or_errno(fsconfig(fs, FSCONFIG_CMD_RECONFIGURE, NULL, NULL,
				   0));
	close(fs);
	return ret;
}

static int op_umount(struct vt_ctx *ctx)
{
	return vt_umount(0);
}

static int verify_unmounted(struct vt_ctx *ctx)
{
	struct statfs st;

	return statfs(VT_MOUNT, &st) || st.f_type == VMSHM_SUPER_MAGIC;
}

/* In the tree */

static int open_flags(struct vt_ctx *ctx, const char *name, int flags)
{
	int fd = open(name, flags | O_CLOEXEC, 0600);

	return vt_sweep_keep(ctx, 0, fd < 0 ? -errno : fd);
}

static int op_open(struct vt_ctx *ctx)
{
	return open_flags(ctx, path(ctx), O_RDWR);
}

static int op_open_readonly(struct vt_ctx *ctx)
{
	return open_flags(ctx, path(ctx), O_RDONLY);
}

static int op_open_create(struct vt_ctx *ctx)
{
	return open_flags(ctx, path(ctx), O_RDWR | O_CREAT);
}

static int op_open_truncate(struct vt_ctx *ctx)
{
	return open_flags(ctx, path(ctx), O_RDWR | O_TRUNC);
}

static int op_open_path(struct vt_ctx *ctx)
{
	return open_flags(ctx, path(ctx), O_PATH);
}

static int verify_opened(struct vt_ctx *ctx)
{
	struct vmshm_stat stat;
	struct vmshm_event event;

	return vt_stat(ctx->out[0], &stat) || stat.out_opens != 2 ||
	       vt_next_event(ctx->watch, &event) ||
	       event.type != VMSHM_EVENT_OPENED;
}

static int verify_readonly(struct vt_ctx *ctx)
{
	if (vt_reopen(ctx->out[0], O_RDWR) != -EACCES)
		return -1;
	return verify_opened(ctx);
}

static int verify_truncated(struct vt_ctx *ctx)
{
	return vt_size(ctx->fd);
}

static int verify_reached(struct vt_ctx *ctx)
{
	struct stat st;

	return fstat(ctx->out[0], &st) || st.st_size != VT_SWEEP_SIZE;
}

/* Reached without a name: opened as it is. */
static int op_reopen(struct vt_ctx *ctx)
{
	int fd = vt_reopen(ctx->out[0], O_RDWR);

	return vt_sweep_keep(ctx, 1, fd);
}

static int op_stat(struct vt_ctx *ctx)
{
	struct stat st;

	return vt_or_errno(stat(path(ctx), &st));
}

static int op_stat_dir(struct vt_ctx *ctx)
{
	struct stat st;

	return vt_or_errno(stat(dir_path(ctx), &st));
}

static int op_statfs(struct vt_ctx *ctx)
{
	struct statfs st;

	return vt_or_errno(statfs(path(ctx), &st));
}

static int op_access(struct vt_ctx *ctx)
{
	return vt_or_errno(faccessat(AT_FDCWD, path(ctx), R_OK | W_OK,
				     AT_EACCESS));
}

static int op_chmod(struct vt_ctx *ctx)
{
	return vt_or_errno(chmod(path(ctx), 0640));
}

static int verify_chmod(struct vt_ctx *ctx)
{
	struct vmshm_event event;
	struct vmshm_stat stat;

	return vt_stat(ctx->fd, &stat) || stat.out_mode != 0640 ||
	       vt_next_event(ctx->watch, &event) ||
	       event.type != VMSHM_EVENT_ATTR;
}

static int op_truncate(struct vt_ctx *ctx)
{
	return vt_or_errno(truncate(path(ctx), 2 * VT_SWEEP_SIZE));
}

static int verify_grown(struct vt_ctx *ctx)
{
	return vt_size(ctx->fd) != 2 * VT_SWEEP_SIZE;
}

static int op_unlink(struct vt_ctx *ctx)
{
	return vt_or_errno(unlink(path(ctx)));
}

static int verify_unlinked(struct vt_ctx *ctx)
{
	struct vmshm_event event;
	struct vmshm_stat stat;

	return vt_stat(ctx->fd, &stat) || stat.out_linked ||
	       vt_next_event(ctx->watch, &event) ||
	       event.type != VMSHM_EVENT_UNLINKED;
}

static int op_open_dir(struct vt_ctx *ctx)
{
	return open_flags(ctx, dir_path(ctx), O_RDONLY | O_DIRECTORY);
}

static int open_root(struct vt_ctx *ctx)
{
	return open_flags(ctx, VT_MOUNT, O_RDONLY | O_DIRECTORY);
}

/* ".", ".." and one name, as getdents64(2) has them. */
static int op_read_dir(struct vt_ctx *ctx)
{
	char buf[1024] = "";
	long len = syscall(SYS_getdents64, ctx->out[0], buf, sizeof(buf));
	const char *want = strrchr(ctx->name, '/') + 1;

	if (len < 0)
		return -errno;
	return memmem(buf, len, want, strlen(want) + 1) ? 0 : -ENODATA;
}

static int op_read_root(struct vt_ctx *ctx)
{
	char want[VMSHM_NAME_MAX + 1], buf[4096] = "";
	long len = syscall(SYS_getdents64, ctx->out[0], buf, sizeof(buf));

	if (len < 0)
		return -errno;
	strcpy(want, ctx->name);
	*strchr(want, '/') = '\0';
	return memmem(buf, len, want, strlen(want) + 1) ? 0 : -ENODATA;
}

/* All was read: there is no more. */
static int verify_read(struct vt_ctx *ctx)
{
	char buf[1024];

	return syscall(SYS_getdents64, ctx->out[0], buf, sizeof(buf));
}

/* In the middle of what there is to read. */
static int prepare_close_dir(struct vt_ctx *ctx)
{
	int ret = op_open_dir(ctx);
	char buf[32];

	if (!ret)
		ret = vt_or_errno(syscall(SYS_getdents64, ctx->out[0], buf,
					  sizeof(buf)));
	return ret;
}

/* There is no such directory any more. */
static int prepare_close_gone(struct vt_ctx *ctx)
{
	int ret = op_open_dir(ctx);

	return ret ? ret : op_unlink(ctx);
}

static int op_close_dir(struct vt_ctx *ctx)
{
	return vt_sweep_close(&ctx->out[0]);
}

/* The tree is busy for as long as anything in it is open. */
static int verify_closed_dir(struct vt_ctx *ctx)
{
	int ret = vt_umount(0);

	return ret ? ret : op_mount(ctx);
}

static const struct vt_sweep sweeps[] = {
	{
		.name = "mount",
		.start = start_unmounted,
		.op = op_mount,
		.verify = verify_mounted,
		.undo = undo_mount,
	},
	{
		.name = "mount_first",
		.start = start_unmounted,
		.prepare = prepare_first,
		.op = op_mount,
		.verify = verify_mounted_first,
		.undo = undo_mount,
	},
	{
		.name = "fsmount",
		.start = start_unmounted,
		.op = op_fsmount,
		.verify = verify_fsmount,
	},
	{
		.name = "reconfigure",
		.start = start_mounted,
		.op = op_reconfigure,
		.verify = verify_mounted,
	},
	{
		.name = "umount",
		.start = start_unmounted,
		.prepare = op_mount,
		.op = op_umount,
		.verify = verify_unmounted,
	},
	{
		.name = "open_path_rdwr",
		.start = start_mounted,
		.op = op_open,
		.verify = verify_opened,
		.flags = VT_SWEEP_OPENS,
	},
	{
		.name = "open_path_readonly",
		.start = start_mounted,
		.op = op_open_readonly,
		.verify = verify_readonly,
		.flags = VT_SWEEP_OPENS,
	},
	{
		.name = "open_path_create",
		.start = start_mounted,
		.op = op_open_create,
		.verify = verify_opened,
		.flags = VT_SWEEP_OPENS,
	},
	{
		.name = "open_path_truncate",
		.start = start_mounted,
		.op = op_open_truncate,
		.verify = verify_truncated,
		.flags = VT_SWEEP_OPENS | VT_SWEEP_EMPTIES,
	},
	{
		.name = "open_o_path",
		.start = start_mounted,
		.op = op_open_path,
		.verify = verify_reached,
	},
	{
		.name = "reopen_o_path",
		.start = start_mounted,
		.prepare = op_open_path,
		.op = op_reopen,
		.flags = VT_SWEEP_OPENS,
	},
	{
		.name = "stat_path",
		.start = start_mounted,
		.op = op_stat,
	},
	{
		.name = "stat_dir",
		.start = start_mounted,
		.op = op_stat_dir,
	},
	{
		.name = "statfs_path",
		.start = start_mounted,
		.op = op_statfs,
	},
	{
		.name = "access",
		.start = start_mounted,
		.op = op_access,
	},
	{
		.name = "chmod_path",
		.start = start_mounted,
		.op = op_chmod,
		.verify = verify_chmod,
	},
	{
		.name = "truncate_path",
		.start = start_mounted,
		.op = op_truncate,
		.verify = verify_grown,
	},
	{
		.name = "unlink_path",
		.start = start_mounted,
		.op = op_unlink,
		.verify = verify_unlinked,
	},
	{
		.name = "open_dir",
		.start = start_mounted,
		.op = op_open_dir,
	},
	{
		.name = "read_dir",
		.start = start_mounted,
		.prepare = op_open_dir,
		.op = op_read_dir,
		.verify = verify_read,
	},
	{
		.name = "read_root",
		.start = start_mounted,
		.prepare = open_root,
		.op = op_read_root,
		.verify = verify_read,
	},
	{
		.name = "close_dir",
		.start = start_mounted,
		.prepare = prepare_close_dir,
		.op = op_close_dir,
		.verify = verify_closed_dir,
		.flags = VT_SWEEP_CANNOT_FAIL,
	},
	{
		.name = "close_dir_gone",
		.start = start_mounted,
		.prepare = prepare_close_gone,
		.op = op_close_dir,
		.verify = verify_closed_dir,
		.flags = VT_SWEEP_CANNOT_FAIL,
	},
	{}
};

int main(int argc, char **argv)
{
	return vt_sweeps(sweeps, argc, argv);
}
