// SPDX-License-Identifier: GPL-2.0
/*
 * Every operation on the file of a region and on its mappings, with every
 * allocation and every user copy made to fail in turn; see fail_nth.c.
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
#include <sys/wait.h>

#include "lib/vmshm_log.h"
#include "lib/vmshm_sweep.h"

/* The half that has no contents yet. */
#define HOLE		(VT_SWEEP_SIZE / 2)
#define HOLE_LEN	(VT_SWEEP_SIZE / 2)

/* Files */

static int op_reopen(struct vt_ctx *ctx)
{
	return vt_sweep_keep(ctx, 0, vt_reopen(ctx->fd, O_RDWR));
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
	ssize_t len = pwrite(ctx->fd, buf, sizeof(buf), HOLE);

	if (len >= 0 && len != sizeof(buf))
		return -EFAULT;
	return vt_or_errno(len);
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
	char buf[4096] = "";

	if (pipe2(ctx->out, O_CLOEXEC))
		return -errno;
	/* Enough for the second try, whatever the first one ate. */
	if (write(ctx->out[1], buf, sizeof(buf)) != sizeof(buf))
		return -EIO;
	return 0;
}

static int undo_splice(struct vt_ctx *ctx)
{
	int tmp = ctx->out[0];

	ctx->out[0] = ctx->out[1];
	ctx->out[1] = tmp;
	return 0;
}

static int op_seek_data(struct vt_ctx *ctx)
{
	return vt_or_errno(lseek(ctx->fd, 0, SEEK_HOLE));
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

static int op_truncate(struct vt_ctx *ctx)
{
	return vt_or_errno(ftruncate(ctx->fd, 5 * VT_SWEEP_SIZE));
}

static int op_chmod(struct vt_ctx *ctx)
{
	return vt_or_errno(fchmod(ctx->fd, 0640));
}

static int op_chown(struct vt_ctx *ctx)
{
	return vt_or_errno(fchown(ctx->fd, VT_ALICE, VT_ALICE));
}

static int op_utimes(struct vt_ctx *ctx)
{
	return vt_or_errno(futimens(ctx->fd, NULL));
}

static int op_fsync(struct vt_ctx *ctx)
{
	return vt_or_errno(fsync(ctx->fd));
}

static int op_send(struct vt_ctx *ctx)
{
	return vt_send_fd(ctx->out[0], ctx->fd);
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

/* Mappings */

static int map_with(struct vt_ctx *ctx, int fd, int prot, int flags)
{
	void *map = mmap(NULL, VT_SWEEP_SIZE, prot, flags, fd, 0);

	if (map == MAP_FAILED)
		return -errno;
	ctx->map = map;
	return 0;
}

static int op_map(struct vt_ctx *ctx)
{
	return map_with(ctx, ctx->fd, PROT_READ | PROT_WRITE, MAP_SHARED);
}

static int op_map_private(struct vt_ctx *ctx)
{
	return map_with(ctx, ctx->fd, PROT_READ | PROT_WRITE, MAP_PRIVATE);
}

static int op_map_readonly(struct vt_ctx *ctx)
{
	return map_with(ctx, ctx->out[0], PROT_READ, MAP_SHARED);
}

static int prepare_readonly(struct vt_ctx *ctx)
{
	return vt_sweep_keep(ctx, 0, vt_readonly(ctx->fd));
}

static int op_map_populate(struct vt_ctx *ctx)
{
	return map_with(ctx, ctx->fd, PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_POPULATE);
}

/* Over another mapping of the region, which goes only if the new one comes. */
static int op_map_fixed(struct vt_ctx *ctx)
{
	void *map = mmap(ctx->map + VT_PAGE, VT_PAGE, PROT_READ,
			 MAP_SHARED | MAP_FIXED, ctx->fd, 0);

	return map == MAP_FAILED ? -errno : 0;
}

static int verify_mapped(struct vt_ctx *ctx)
{
	struct vmshm_stat stat;

	if (vt_peek(ctx->map) != ctx->name[0])
		return -1;
	return vt_stat(ctx->fd, &stat) || stat.out_maps != 1;
}

static int op_unmap_middle(struct vt_ctx *ctx)
{
	return vt_or_errno(munmap(ctx->map + 2 * VT_PAGE, VT_PAGE));
}

static int verify_two_maps(struct vt_ctx *ctx)
{
	struct vmshm_stat stat;

	return vt_stat(ctx->fd, &stat) || stat.out_maps != 2;
}

static int op_protect_middle(struct vt_ctx *ctx)
{
	return vt_or_errno(mprotect(ctx->map + 2 * VT_PAGE, VT_PAGE, PROT_READ));
}

static int op_move(struct vt_ctx *ctx)
{
	void *map = mremap(ctx->map, VT_SWEEP_SIZE, VT_SWEEP_SIZE,
			   MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);

	if (map == MAP_FAILED)
		return -errno;
	/* That may fail instead, but not twice. */
	if (munmap(ctx->map, VT_SWEEP_SIZE))
		munmap(ctx->map, VT_SWEEP_SIZE);
	ctx->map = map;
	return 0;
}

static unsigned char *grown_from;

static int op_remap_grow(struct vt_ctx *ctx)
{
	void *map = mremap(ctx->map, VT_SWEEP_SIZE, 4 * VT_SWEEP_SIZE,
			   MREMAP_MAYMOVE);

	if (map == MAP_FAILED)
		return -errno;
	grown_from = ctx->map;
	ctx->map = map;
	return 0;
}

/* Without memory to unmap it, the kernel leaves the old mapping where it was. */
static int verify_grown(struct vt_ctx *ctx)
{
	unsigned char vec[VT_SWEEP_SIZE / VT_PAGE];

	if (grown_from != ctx->map && !mincore(grown_from, VT_SWEEP_SIZE, vec) &&
	    munmap(grown_from, VT_SWEEP_SIZE))
		return -1;
	return verify_mapped(ctx);
}

static int undo_remap_grow(struct vt_ctx *ctx)
{
	return vt_or_errno(munmap(ctx->map, 4 * VT_SWEEP_SIZE));
}

/* Also when the call has been without memory: the fault is taken again. */
static int op_fault_read(struct vt_ctx *ctx)
{
	int ret = vt_peek(ctx->map);

	return ret == ctx->name[0] ? 0 : -EIO;
}

static int op_fault_write(struct vt_ctx *ctx)
{
	return vt_poke(ctx->map + HOLE, 42) ? -EIO : 0;
}

static int verify_fault_write(struct vt_ctx *ctx)
{
	char c;

	if (pread(ctx->fd, &c, 1, HOLE) != 1 || c != 42)
		return -1;
	return ctx->log >= 0 && !vt_log_reports(ctx->log, HOLE / VT_PAGE, 1);
}

static int prepare_map_log(struct vt_ctx *ctx)
{
	int ret = op_map(ctx);

	if (ret)
		return ret;
	ctx->log = vt_log_open(ctx->fd, 0, 0, 0);
	return ctx->log < 0 ? ctx->log : 0;
}

static int op_write_logged(struct vt_ctx *ctx)
{
	return op_write(ctx);
}

static int verify_write_logged(struct vt_ctx *ctx)
{
	return !vt_log_reports(ctx->log, HOLE / VT_PAGE, HOLE_LEN / VT_PAGE);
}

static int prepare_log(struct vt_ctx *ctx)
{
	ctx->log = vt_log_open(ctx->fd, 0, 0, 0);
	return ctx->log < 0 ? ctx->log : 0;
}

static int op_populate(struct vt_ctx *ctx)
{
	return vt_or_errno(madvise(ctx->map, VT_SWEEP_SIZE,
				   MADV_POPULATE_WRITE));
}

static int op_remove(struct vt_ctx *ctx)
{
	return vt_or_errno(madvise(ctx->map + HOLE, VT_PAGE, MADV_REMOVE));
}

static int op_mlock(struct vt_ctx *ctx)
{
	return vt_or_errno(mlock(ctx->map, VT_SWEEP_SIZE));
}

static int op_fork(struct vt_ctx *ctx)
{
	int status;
	pid_t pid;

	pid = fork();
	if (!pid)
		_exit(vt_peek(ctx->map) != ctx->name[0]);
	if (pid < 0)
		return -errno;
	if (waitpid(pid, &status, 0) != pid)
		return -errno;
	return status ? -EIO : 0;
}

static const struct vt_sweep sweeps[] = {
	{
		.name = "reopen",
		.op = op_reopen,
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
		.flags = VT_SWEEP_KEEPS_MEMORY,
	},
	{
		.name = "write_logged",
		.prepare = prepare_log,
		.op = op_write_logged,
		.verify = verify_write_logged,
		.flags = VT_SWEEP_KEEPS_MEMORY,
	},
	{
		.name = "sendfile",
		.prepare = prepare_sendfile,
		.op = op_sendfile,
	},
	{
		.name = "splice",
		.prepare = prepare_splice,
		.op = op_splice_in,
		.undo = undo_splice,
		.flags = VT_SWEEP_KEEPS_MEMORY,
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
		.prepare = op_allocate,
		.op = op_punch,
		.flags = VT_SWEEP_CANNOT_FAIL,
	},
	{
		.name = "truncate",
		.op = op_truncate,
		.flags = VT_SWEEP_CANNOT_FAIL,
	},
	{
		.name = "chmod",
		.op = op_chmod,
		.flags = VT_SWEEP_CANNOT_FAIL,
	},
	{
		.name = "chown",
		.op = op_chown,
		.flags = VT_SWEEP_CANNOT_FAIL,
	},
	{
		.name = "utimes",
		.op = op_utimes,
		.flags = VT_SWEEP_CANNOT_FAIL,
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
		.errors = { ENOBUFS },
	},
	{
		.name = "lock",
		.op = op_lock,
		.errors = { ENOLCK },
	},
	{
		.name = "map",
		.op = op_map,
		.verify = verify_mapped,
		.undo = vt_sweep_unmap,
	},
	{
		.name = "map_private",
		.op = op_map_private,
		.verify = verify_mapped,
		.undo = vt_sweep_unmap,
	},
	{
		.name = "map_readonly",
		.prepare = prepare_readonly,
		.op = op_map_readonly,
		.verify = verify_mapped,
		.undo = vt_sweep_unmap,
	},
	{
		.name = "map_pinnable",
		.op = op_map,
		.undo = vt_sweep_unmap,
		.region_flags = VMSHM_PINNABLE,
	},
	{
		.name = "map_huge",
		.op = op_map,
		.verify = verify_mapped,
		.undo = vt_sweep_unmap,
		.huge = VMSHM_HUGE_ALWAYS,
	},
	{
		.name = "map_populate",
		.op = op_map_populate,
		.verify = verify_mapped,
		.undo = vt_sweep_unmap,
		.flags = VT_SWEEP_KEEPS_MEMORY,
	},
	{
		.name = "map_fixed",
		.prepare = op_map,
		.op = op_map_fixed,
		.undo = vt_sweep_unmap,
		.flags = VT_SWEEP_SPLITS,
	},
	{
		.name = "unmap_middle",
		.prepare = op_map,
		.op = op_unmap_middle,
		.verify = verify_two_maps,
		.undo = vt_sweep_unmap,
		.flags = VT_SWEEP_SPLITS,
	},
	{
		.name = "protect_middle",
		.prepare = op_map,
		.op = op_protect_middle,
		.undo = vt_sweep_unmap,
		.flags = VT_SWEEP_SPLITS,
	},
	{
		.name = "move",
		.prepare = op_map,
		.op = op_move,
		.verify = verify_mapped,
		.undo = vt_sweep_unmap,
	},
	{
		.name = "remap_grow",
		.prepare = op_map,
		.op = op_remap_grow,
		.verify = verify_grown,
		.undo = undo_remap_grow,
	},
	{
		.name = "fault_read",
		.prepare = op_map,
		.op = op_fault_read,
		.undo = vt_sweep_unmap,
	},
	{
		.name = "fault_write",
		.prepare = op_map,
		.op = op_fault_write,
		.verify = verify_fault_write,
		.undo = vt_sweep_unmap,
	},
	{
		.name = "fault_write_private",
		.prepare = op_map_private,
		.op = op_fault_write,
		.undo = vt_sweep_unmap,
	},
	{
		.name = "fault_write_logged",
		.prepare = prepare_map_log,
		.op = op_fault_write,
		.verify = verify_fault_write,
		.undo = vt_sweep_unmap,
	},
	{
		.name = "populate",
		.prepare = op_map,
		.op = op_populate,
		.undo = vt_sweep_unmap,
		.flags = VT_SWEEP_KEEPS_MEMORY,
	},
	{
		.name = "remove",
		.prepare = op_map,
		.op = op_remove,
		.undo = vt_sweep_unmap,
		/* Only what checks the kernel needs memory for it. */
		.flags = VT_SWEEP_CANNOT_FAIL,
	},
	{
		.name = "mlock",
		.prepare = op_map,
		.op = op_mlock,
		.undo = vt_sweep_unmap,
		.flags = VT_SWEEP_KEEPS_MEMORY,
	},
	{
		.name = "fork",
		.prepare = op_map,
		.op = op_fork,
		.undo = vt_sweep_unmap,
		.errors = { EAGAIN },
	},
	{}
};

int main(int argc, char **argv)
{
	return vt_sweeps(sweeps, argc, argv);
}
