// SPDX-License-Identifier: GPL-2.0
/*
 * Every operation on the file of a region, with every allocation and every user
 * copy made to fail in turn; see fail_nth.c.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/uio.h>

#include "lib/vmshm_log.h"
#include "lib/vmshm_sweep.h"

/* The half that has no contents yet. */
#define HOLE		(VT_SWEEP_SIZE / 2)
#define HOLE_LEN	(VT_SWEEP_SIZE / 2)

static bool told(struct vt_ctx *ctx, __u32 type)
{
	struct vmshm_event event;

	return !vt_next_event(ctx->watch, &event) && event.type == type;
}

static int op_reopen(struct vt_ctx *ctx)
{
	return vt_sweep_keep(ctx, 0, vt_reopen(ctx->fd, O_RDWR));
}

static int verify_reopened(struct vt_ctx *ctx)
{
	struct vmshm_stat stat;

	return vt_stat(ctx->out[0], &stat) || stat.out_opens != 2 ||
	       !told(ctx, VMSHM_EVENT_OPENED);
}

static int op_fstat(struct vt_ctx *ctx)
{
	struct stat st;

	return vt_or_errno(fstat(ctx->fd, &st));
}

static int op_fstatfs(struct vt_ctx *ctx)
{
	struct statfs st;

	return vt_or_errno(fstatfs(ctx->fd, &st));
}

static int op_fdinfo(struct vt_ctx *ctx)
{
	char path[64], buf[4096];
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", ctx->fd);
	len = vt_read_file(path, buf, sizeof(buf));
	return len < 0 ? (int)len : 0;
}

static int op_readlink(struct vt_ctx *ctx)
{
	char path[64], buf[512];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", ctx->fd);
	return vt_or_errno(readlink(path, buf, sizeof(buf)));
}

static int op_read(struct vt_ctx *ctx)
{
	static char buf[VT_SWEEP_SIZE];
	ssize_t len = pread(ctx->fd, buf, sizeof(buf), 0);

	if (len >= 0 && len != sizeof(buf))
		return -EFAULT;	/* short: what a fault in the middle is */
	return vt_or_errno(len);
}

static int op_write(struct vt_ctx *ctx)
{
	static char buf[HOLE_LEN];
	ssize_t len;

	memset(buf, 'w', sizeof(buf));
	len = pwrite(ctx->fd, buf, sizeof(buf), HOLE);
	if (len >= 0 && len != sizeof(buf))
		return -EFAULT;
	return vt_or_errno(len);
}

static int verify_written(struct vt_ctx *ctx)
{
	return !vt_file_filled(ctx->fd, HOLE, 'w', HOLE_LEN);
}

static int verify_write_logged(struct vt_ctx *ctx)
{
	if (verify_written(ctx))
		return -1;
	return !vt_log_reports(ctx->log, HOLE / VT_PAGE, HOLE_LEN / VT_PAGE);
}

static int prepare_log(struct vt_ctx *ctx)
{
	ctx->log = vt_log_open(ctx->fd, 0, 0, 0);
	return ctx->log < 0 ? ctx->log : 0;
}

static int op_sendfile(struct vt_ctx *ctx)
{
	off_t offset = 0;
	ssize_t len;

	len = sendfile(ctx->out[0], ctx->fd, &offset, HOLE);
	if (len >= 0 && len != HOLE)
		return -EFAULT;
	return vt_or_errno(len);
}

/* Of what a call that failed had sent, it may be more. */
static int verify_sent(struct vt_ctx *ctx)
{
	char want[HOLE], buf[HOLE];
	off_t end = lseek(ctx->out[0], 0, SEEK_END);

	return pread(ctx->fd, want, HOLE, 0) != HOLE ||
	       pread(ctx->out[0], buf, HOLE, end - HOLE) != HOLE ||
	       memcmp(buf, want, HOLE);
}

static int prepare_sendfile(struct vt_ctx *ctx)
{
	return vt_sweep_keep(ctx, 0, vt_memfd(0));
}

static int op_splice_in(struct vt_ctx *ctx)
{
	off_t offset = HOLE;
	ssize_t len;

	len = splice(ctx->out[0], NULL, ctx->fd, &offset, 64, 0);
	if (len >= 0 && len != 64)
		return -EFAULT;
	return vt_or_errno(len);
}

static int prepare_splice(struct vt_ctx *ctx)
{
	char buf[4096];

	memset(buf, 'p', sizeof(buf));
	if (pipe2(ctx->out, O_CLOEXEC))
		return -errno;
	/* Enough for the second try, whatever the first one ate. */
	if (write(ctx->out[1], buf, sizeof(buf)) != sizeof(buf))
		return -EIO;
	return 0;
}

static int verify_spliced(struct vt_ctx *ctx)
{
	return !vt_file_filled(ctx->fd, HOLE, 'p', 64);
}

static int undo_splice(struct vt_ctx *ctx)
{
	int tmp = ctx->out[0];

	ctx->out[0] = ctx->out[1];
	ctx->out[1] = tmp;
	return 0;
}

static int seek(struct vt_ctx *ctx, off_t from, int whence, off_t want)
{
	off_t pos = lseek(ctx->fd, from, whence);

	if (pos < 0)
		return -errno;
	return pos == want ? 0 : -ENODATA;
}

static int op_seek_hole(struct vt_ctx *ctx)
{
	return seek(ctx, 0, SEEK_HOLE, HOLE);
}

/* What is empty is not filled by it. */
static int op_seek_data(struct vt_ctx *ctx)
{
	int ret = seek(ctx, 1, SEEK_DATA, 1);

	if (ret)
		return ret;
	return seek(ctx, HOLE, SEEK_DATA, 0) == -ENXIO ? 0 : -ENODATA;
}

static int op_allocate(struct vt_ctx *ctx)
{
	return vt_or_errno(fallocate(ctx->fd, 0, HOLE, HOLE_LEN));
}

static int verify_allocated(struct vt_ctx *ctx)
{
	struct vmshm_stat stat;

	return vt_stat(ctx->fd, &stat) || stat.out_allocated != VT_SWEEP_SIZE ||
	       stat.out_charged < VT_SWEEP_SIZE;
}

static int op_punch(struct vt_ctx *ctx)
{
	return vt_or_errno(fallocate(ctx->fd,
				  FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				  HOLE + 100, 2 * VT_PAGE));
}

/* Of a page that is whole the memory goes, of others what was in them. */
static int verify_punched(struct vt_ctx *ctx)
{
	const off_t end = HOLE + 100 + 2 * VT_PAGE;
	struct vmshm_stat stat;

	return vt_stat(ctx->fd, &stat) ||
	       stat.out_allocated != VT_SWEEP_SIZE - VT_PAGE ||
	       !vt_file_filled(ctx->fd, HOLE, 'w', 100) ||
	       !vt_file_filled(ctx->fd, HOLE + 100, 0, 2 * VT_PAGE) ||
	       !vt_file_filled(ctx->fd, end, 'w', VT_SWEEP_SIZE - end);
}

static int op_truncate(struct vt_ctx *ctx)
{
	return vt_or_errno(ftruncate(ctx->fd, 5 * VT_SWEEP_SIZE));
}

static int verify_truncated(struct vt_ctx *ctx)
{
	struct vmshm_event event;

	return vt_size(ctx->fd) != 5 * VT_SWEEP_SIZE ||
	       !vt_file_filled(ctx->fd, VT_SWEEP_SIZE, 0, 4 * VT_SWEEP_SIZE) ||
	       vt_next_event(ctx->watch, &event) ||
	       event.type != VMSHM_EVENT_RESIZED ||
	       event.value != 5 * VT_SWEEP_SIZE;
}

static int op_chmod(struct vt_ctx *ctx)
{
	return vt_or_errno(fchmod(ctx->fd, 0640));
}

/* What others see is what the file says. */
static int verify_chmod(struct vt_ctx *ctx)
{
	struct vmshm_stat stat;
	struct stat st;

	return fstat(ctx->fd, &st) || (st.st_mode & 07777) != 0640 ||
	       vt_stat(ctx->fd, &stat) || stat.out_mode != 0640 ||
	       !told(ctx, VMSHM_EVENT_ATTR);
}

static int op_chown(struct vt_ctx *ctx)
{
	return vt_or_errno(fchown(ctx->fd, VT_ALICE, VT_ALICE));
}

static int verify_chown(struct vt_ctx *ctx)
{
	struct vmshm_stat stat;
	struct stat st;

	return fstat(ctx->fd, &st) || st.st_uid != VT_ALICE ||
	       st.st_gid != VT_ALICE || vt_stat(ctx->fd, &stat) ||
	       stat.out_uid != VT_ALICE || stat.out_gid != VT_ALICE ||
	       !told(ctx, VMSHM_EVENT_ATTR);
}

static int op_utimes(struct vt_ctx *ctx)
{
	const struct timespec times[] = { { 1000, 10 }, { 2000, 20 } };

	return vt_or_errno(futimens(ctx->fd, times));
}

static int verify_utimes(struct vt_ctx *ctx)
{
	struct stat st;

	return fstat(ctx->fd, &st) || st.st_atim.tv_sec != 1000 ||
	       st.st_atim.tv_nsec != 10 || st.st_mtim.tv_sec != 2000 ||
	       st.st_mtim.tv_nsec != 20;
}

static int op_fsync(struct vt_ctx *ctx)
{
	return vt_or_errno(fsync(ctx->fd));
}

static int op_send(struct vt_ctx *ctx)
{
	return vt_send_fd(ctx->out[0], ctx->fd);
}

static int verify_send(struct vt_ctx *ctx)
{
	struct stat mine, theirs;

	return vt_sweep_keep(ctx, 2, vt_recv_fd(ctx->out[1])) ||
	       fstat(ctx->fd, &mine) || fstat(ctx->out[2], &theirs) ||
	       mine.st_ino != theirs.st_ino || mine.st_dev != theirs.st_dev;
}

static int prepare_send(struct vt_ctx *ctx)
{
	return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ctx->out) ?
		-errno : 0;
}

static int op_lock(struct vt_ctx *ctx)
{
	struct flock lock = { .l_type = F_WRLCK };

	return vt_or_errno(fcntl(ctx->fd, F_OFD_SETLK, &lock));
}

static int verify_locked(struct vt_ctx *ctx)
{
	struct flock lock = { .l_type = F_RDLCK };

	return op_reopen(ctx) || fcntl(ctx->out[0], F_OFD_GETLK, &lock) ||
	       lock.l_type != F_WRLCK;
}

/* Closing: nobody hears of what fails then, so nothing may. */

static int op_close_other(struct vt_ctx *ctx)
{
	return vt_sweep_close(&ctx->out[0]);
}

static int verify_closed_other(struct vt_ctx *ctx)
{
	struct vmshm_stat stat;

	return vt_stat(ctx->fd, &stat) || stat.out_opens != 1 ||
	       !told(ctx, VMSHM_EVENT_CLOSED);
}

static int op_close(struct vt_ctx *ctx)
{
	return vt_sweep_close(&ctx->fd);
}

/* The name keeps the region, and what is in it. */
static int verify_closed(struct vt_ctx *ctx)
{
	struct vmshm_stat stat;
	char c;

	return !told(ctx, VMSHM_EVENT_CLOSED) ||
	       vt_sweep_keep(ctx, 0, vt_open(ctx->dev, ctx->name, 0)) ||
	       vt_stat(ctx->out[0], &stat) || stat.out_opens != 1 ||
	       pread(ctx->out[0], &c, 1, 0) != 1 || c != ctx->name[0];
}

/* What it has used is given back, too: that is seen after each point. */
static int verify_closed_ephemeral(struct vt_ctx *ctx)
{
	return !told(ctx, VMSHM_EVENT_UNLINKED) ||
	       !told(ctx, VMSHM_EVENT_CLOSED) ||
	       vt_open(ctx->dev, ctx->name, 0) != -ENOENT;
}

static int prepare_unlinked(struct vt_ctx *ctx)
{
	return vt_unlink(ctx->dev, ctx->name);
}

static int verify_closed_unlinked(struct vt_ctx *ctx)
{
	return !told(ctx, VMSHM_EVENT_CLOSED);
}

static const struct vt_sweep sweeps[] = {
	{
		.name = "reopen",
		.op = op_reopen,
		.verify = verify_reopened,
		.flags = VT_SWEEP_OPENS,
	},
	{
		.name = "fstat",
		.op = op_fstat,
	},
	{
		.name = "fstatfs",
		.op = op_fstatfs,
	},
	{
		.name = "fdinfo",
		.op = op_fdinfo,
	},
	{
		.name = "readlink",
		.op = op_readlink,
	},
	{
		.name = "read",
		.op = op_read,
	},
	{
		.name = "write",
		.op = op_write,
		.verify = verify_written,
		.flags = VT_SWEEP_KEEPS_MEMORY,
	},
	{
		.name = "write_logged",
		.prepare = prepare_log,
		.op = op_write,
		.verify = verify_write_logged,
		.flags = VT_SWEEP_KEEPS_MEMORY,
	},
	{
		.name = "sendfile",
		.prepare = prepare_sendfile,
		.op = op_sendfile,
		.verify = verify_sent,
	},
	{
		.name = "splice",
		.prepare = prepare_splice,
		.op = op_splice_in,
		.verify = verify_spliced,
		.undo = undo_splice,
		.flags = VT_SWEEP_KEEPS_MEMORY,
	},
	{
		.name = "seek_hole",
		.op = op_seek_hole,
		.flags = VT_SWEEP_CANNOT_FAIL,
	},
	{
		.name = "seek_data",
		.op = op_seek_data,
		.flags = VT_SWEEP_CANNOT_FAIL,
	},
	{
		.name = "allocate",
		.op = op_allocate,
		.verify = verify_allocated,
	},
	{
		.name = "punch",
		.prepare = op_write,
		.op = op_punch,
		.verify = verify_punched,
		.flags = VT_SWEEP_CANNOT_FAIL,
	},
	{
		.name = "truncate",
		.op = op_truncate,
		.verify = verify_truncated,
		.flags = VT_SWEEP_CANNOT_FAIL,
	},
	{
		.name = "chmod",
		.op = op_chmod,
		.verify = verify_chmod,
		.flags = VT_SWEEP_CANNOT_FAIL,
	},
	{
		.name = "chown",
		.op = op_chown,
		.verify = verify_chown,
		.flags = VT_SWEEP_CANNOT_FAIL,
	},
	{
		.name = "utimes",
		.op = op_utimes,
		.verify = verify_utimes,
	},
	{
		.name = "fsync",
		.op = op_fsync,
		.flags = VT_SWEEP_CANNOT_FAIL,
	},
	{
		.name = "send",
		.prepare = prepare_send,
		.op = op_send,
		.verify = verify_send,
		.errors = { ENOBUFS },
	},
	{
		.name = "lock",
		.op = op_lock,
		.verify = verify_locked,
		.errors = { ENOLCK },
	},
	{
		.name = "close_other",
		.prepare = op_reopen,
		.op = op_close_other,
		.verify = verify_closed_other,
		.flags = VT_SWEEP_CANNOT_FAIL,
	},
	{
		.name = "close",
		.op = op_close,
		.verify = verify_closed,
		.flags = VT_SWEEP_CANNOT_FAIL,
	},
	{
		.name = "close_ephemeral",
		.op = op_close,
		.verify = verify_closed_ephemeral,
		.flags = VT_SWEEP_CANNOT_FAIL,
		.region_flags = VMSHM_EPHEMERAL,
	},
	{
		.name = "close_unlinked",
		.prepare = prepare_unlinked,
		.op = op_close,
		.verify = verify_closed_unlinked,
		.flags = VT_SWEEP_CANNOT_FAIL,
	},
	{}
};

int main(int argc, char **argv)
{
	return vt_sweeps(sweeps, argc, argv);
}
