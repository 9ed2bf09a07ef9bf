// SPDX-License-Identifier: GPL-2.0
/*
 * ivshmem devices, and the regions that they are, with every allocation and
 * every user copy made to fail in turn; see fail_nth.c. A device that could not
 * be taken is left as it was, and can be taken later.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "lib/vmshm_ivdev.h"
#include "lib/vmshm_peer.h"
#include "lib/vmshm_sweep.h"

/* The region of the device, a peer or another file, and both ends of a pipe. */
enum {
	REGION,
	NEW,
	PIPE,
	PIPE_END,
};

#define PANIC_ON_WARN	"/proc/sys/kernel/panic_on_warn"

/* More than a page, and not aligned. */
#define AT	100
#define LENGTH	(2 * VT_PAGE)
#define SPLICED	64

/* The driver */

/* The device that is bound or unbound: it has a doorbell and interrupts. */
static int prepare_bind(struct vt_ctx *ctx)
{
	return vt_pci_unbind(VT_IVSHMEM_C);
}

static int op_bind(struct vt_ctx *ctx)
{
	return vt_pci_bind(VT_IVSHMEM_C);
}

static int verify_bound(struct vt_ctx *ctx)
{
	struct vmshm_stat stat;
	int fd = vt_ivshmem_open(ctx->dev, VT_IVSHMEM_C, 0);
	int ret = fd < 0 ? fd : vt_stat(fd, &stat);

	if (!ret && (!stat.out_linked || stat.out_resident != VT_IVSHMEM_SIZE))
		ret = -1;
	close(fd);
	return ret;
}

/* A sweep that ends half way leaves the device to the tests after it. */
static int undo_bind(struct vt_ctx *ctx)
{
	return vt_pci_bound(VT_IVSHMEM_C) ? 0 : vt_pci_bind(VT_IVSHMEM_C);
}

static int op_unbind(struct vt_ctx *ctx)
{
	return vt_pci_unbind(VT_IVSHMEM_C);
}

static int verify_unbound(struct vt_ctx *ctx)
{
	return vt_pci_bound(VT_IVSHMEM_C) ||
	       vt_ivshmem_open(ctx->dev, VT_IVSHMEM_C, 0) != -ENOENT;
}

/* The region */

static int prepare_region(struct vt_ctx *ctx)
{
	return vt_sweep_keep(ctx, REGION,
			     vt_ivshmem_open(ctx->dev, VT_IVSHMEM_C, 0));
}

static int op_open(struct vt_ctx *ctx)
{
	return vt_sweep_keep(ctx, NEW,
			     vt_ivshmem_open(ctx->dev, VT_IVSHMEM_C, 0));
}

static int op_readonly(struct vt_ctx *ctx)
{
	return vt_sweep_keep(ctx, NEW, vt_readonly(ctx->out[REGION]));
}

static int op_reopen(struct vt_ctx *ctx)
{
	return vt_sweep_keep(ctx, NEW, vt_reopen(ctx->out[REGION], O_RDWR));
}

static int verify_opened(struct vt_ctx *ctx)
{
	struct vmshm_stat stat;

	return vt_stat(ctx->out[NEW], &stat) || stat.out_opens != 2;
}

/* What is read and written may be less than was asked for, but is right. */

static ssize_t written;

static int op_write(struct vt_ctx *ctx)
{
	char buf[LENGTH];

	memset(buf, 'w', sizeof(buf));
	written = pwrite(ctx->out[REGION], buf, sizeof(buf), AT);
	return vt_or_errno(written);
}

static int verify_written(struct vt_ctx *ctx)
{
	return !written ||
	       !vt_file_filled(ctx->out[REGION], AT, 'w', written);
}

static int prepare_read(struct vt_ctx *ctx)
{
	int ret = prepare_region(ctx);

	return ret ? ret : op_write(ctx);
}

static int op_read(struct vt_ctx *ctx)
{
	char buf[LENGTH] = { 0 };
	ssize_t ret = pread(ctx->out[REGION], buf, sizeof(buf), AT);

	if (ret < 0)
		return -errno;
	return ret && vt_filled(buf, 'w', ret) ? 0 : -EILSEQ;
}

/* Not all of the user's memory is there. */
static int op_read_hole(struct vt_ctx *ctx)
{
	struct iovec iov[2] = { { .iov_len = 10 }, { .iov_len = 10 } };
	char buf[10] = { 0 };
	ssize_t ret;

	iov[0].iov_base = buf;
	ret = preadv(ctx->out[REGION], iov, 2, AT);
	if (ret < 0)
		return -errno;
	return ret == 10 && vt_filled(buf, 'w', 10) ? 0 : -EILSEQ;
}

static int op_map(struct vt_ctx *ctx)
{
	ctx->map = vt_map(ctx->out[REGION], VT_SWEEP_SIZE,
			  PROT_READ | PROT_WRITE, 0);
	return ctx->map ? 0 : -errno;
}

/* From there, and to there: of a pipe that has more than that. */
static int prepare_splice(struct vt_ctx *ctx)
{
	char buf[4 * SPLICED];
	int ret = prepare_read(ctx), ends[2];

	if (ret)
		return ret;
	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	ctx->out[PIPE] = ends[0];
	ctx->out[PIPE_END] = ends[1];
	memset(buf, 'p', sizeof(buf));
	return write(ends[1], buf, sizeof(buf)) == sizeof(buf) ? 0 : -EIO;
}

static int op_splice_in(struct vt_ctx *ctx)
{
	off_t offset = AT;
	ssize_t ret = splice(ctx->out[PIPE], NULL, ctx->out[REGION], &offset,
			     SPLICED, 0);

	if (ret < 0)
		return -errno;
	return ret == SPLICED ? 0 : -EILSEQ;
}

static int verify_spliced(struct vt_ctx *ctx)
{
	return !vt_file_filled(ctx->out[REGION], AT, 'p', SPLICED) ||
	       !vt_file_filled(ctx->out[REGION], AT + SPLICED, 'w',
			       LENGTH - SPLICED);
}

static int prepare_sendfile(struct vt_ctx *ctx)
{
	int ret = prepare_read(ctx);

	return ret ? ret : vt_sweep_keep(ctx, NEW, vt_memfd(0));
}

static int op_sendfile(struct vt_ctx *ctx)
{
	off_t offset = AT;
	ssize_t ret = sendfile(ctx->out[NEW], ctx->out[REGION], &offset,
			       SPLICED);

	if (ret < 0)
		return -errno;
	return ret == SPLICED ? 0 : -EILSEQ;
}

/* What a call that failed had sent is there, too. */
static int verify_sent(struct vt_ctx *ctx)
{
	long long size = vt_size(ctx->out[NEW]);

	return size < SPLICED || !vt_file_filled(ctx->out[NEW], 0, 'w', size);
}

/* There is nothing to be allocated, and nothing that could be given back. */
static int op_allocate(struct vt_ctx *ctx)
{
	const int punch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;

	if (!fallocate(ctx->out[REGION], 0, 0, VT_PAGE) || errno != EOPNOTSUPP ||
	    !fallocate(ctx->out[REGION], punch, 0, VT_PAGE))
		return -EILSEQ;
	return errno == EOPNOTSUPP ? 0 : -errno;
}

static int verify_not_allocated(struct vt_ctx *ctx)
{
	return !vt_file_filled(ctx->out[REGION], AT, 'w', LENGTH);
}

static int prepare_map(struct vt_ctx *ctx)
{
	int ret = prepare_region(ctx);

	return ret ? ret : op_map(ctx);
}

static int op_fault(struct vt_ctx *ctx)
{
	/* A fault that gets no memory is made again. */
	return vt_poke(ctx->map, 'm') ? -EIO : 0;
}

static int verify_fault(struct vt_ctx *ctx)
{
	return !vt_file_filled(ctx->out[REGION], 0, 'm', 1);
}

/* What becomes of a mapping, and who else has access to it */

static bool maps_are(struct vt_ctx *ctx, __u32 maps)
{
	struct vmshm_stat stat;

	return !vt_stat(ctx->out[REGION], &stat) && stat.out_maps == maps;
}

static int state_maps(struct vt_ctx *ctx, unsigned long long *value)
{
	struct vmshm_stat stat;
	int ret = vt_stat(ctx->out[REGION], &stat);

	value[0] = stat.out_maps;
	value[1] = stat.out_opens;
	return ret;
}

static int prepare_faulted(struct vt_ctx *ctx)
{
	int ret = prepare_map(ctx);

	return ret ? ret : op_fault(ctx);
}

static int verify_mapped(struct vt_ctx *ctx)
{
	return vt_poke(ctx->map, 'n') ||
	       !vt_file_filled(ctx->out[REGION], 0, 'n', 1) ||
	       !maps_are(ctx, 1);
}

static int op_unmap(struct vt_ctx *ctx)
{
	return vt_sweep_unmap(ctx);
}

static int verify_unmapped(struct vt_ctx *ctx)
{
	return vt_peek(ctx->map) != -SIGSEGV || !maps_are(ctx, 0);
}

static int op_unmap_middle(struct vt_ctx *ctx)
{
	return vt_or_errno(munmap(ctx->map + 2 * VT_PAGE, VT_PAGE));
}

static int verify_two_maps(struct vt_ctx *ctx)
{
	return vt_peek(ctx->map + 2 * VT_PAGE) != -SIGSEGV ||
	       vt_peek(ctx->map) != 'm' || !maps_are(ctx, 2);
}

static int op_protect_middle(struct vt_ctx *ctx)
{
	return vt_or_errno(mprotect(ctx->map + 2 * VT_PAGE, VT_PAGE,
				    PROT_READ));
}

static int verify_protected(struct vt_ctx *ctx)
{
	return vt_poke(ctx->map + 2 * VT_PAGE, 1) != -SIGSEGV ||
	       vt_poke(ctx->map + 3 * VT_PAGE, 1) || !maps_are(ctx, 3);
}

/* The child has the mapping as it is, and counts for as long as it is there. */
static int op_fork(struct vt_ctx *ctx)
{
	int status;
	pid_t pid;

	pid = fork();
	if (!pid)
		_exit(vt_peek(ctx->map) != 'm' || !maps_are(ctx, 2));
	if (pid < 0)
		return -errno;
	if (waitpid(pid, &status, 0) != pid)
		return -errno;
	return status ? -EIO : 0;
}

static int prepare_access(struct vt_ctx *ctx)
{
	int fd, ret = prepare_faulted(ctx);

	if (ret)
		return ret;
	fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	return vt_sweep_keep(ctx, NEW, fd < 0 ? -errno : fd);
}

/* It is no memory to be copied from: the region has to do it. */
static int op_access_read(struct vt_ctx *ctx)
{
	char c = 0;
	ssize_t ret = pread(ctx->out[NEW], &c, 1, (uintptr_t)ctx->map);

	/* EIO is all that it says if it could read nothing. */
	if (ret < 0)
		return -errno;
	return ret == 1 && c == 'm' ? 0 : -EILSEQ;
}

static int op_access_write(struct vt_ctx *ctx)
{
	ssize_t ret = pwrite(ctx->out[NEW], "a", 1, (uintptr_t)ctx->map + 1);

	if (ret < 0)
		return -errno;
	return ret == 1 ? 0 : -EILSEQ;
}

static int verify_access_write(struct vt_ctx *ctx)
{
	return !vt_file_filled(ctx->out[REGION], 1, 'a', 1) ||
	       vt_peek(ctx->map + 1) != 'a';
}

/* Its peer */

static int op_join(struct vt_ctx *ctx)
{
	return vt_sweep_keep(ctx, NEW,
			     vt_join(ctx->out[REGION], VT_ANY, 2, "joined"));
}

static int verify_joined(struct vt_ctx *ctx)
{
	struct vmshm_peer_info infos[2];

	return vt_peers(ctx->out[REGION], infos, 2) != 1;
}

static int prepare_joined(struct vt_ctx *ctx)
{
	int ret = prepare_region(ctx);

	return ret ? ret : op_join(ctx);
}

static int op_ring(struct vt_ctx *ctx)
{
	return vt_ring(ctx->out[NEW], 0, 0);
}

static const struct vt_sweep sweeps[] = {
	{
		.name = "bind",
		.prepare = prepare_bind,
		.op = op_bind,
		.verify = verify_bound,
		.undo = undo_bind,
		/*
		 * The PCI core's words for no memory: for a range, and, since
		 * 6.2, for the domain of the interrupts.
		 */
		.errors = { ENOSPC, EBUSY, ENODEV },
	},
	{
		.name = "unbind",
		.op = op_unbind,
		.verify = verify_unbound,
		.undo = undo_bind,
	},
	{
		.name = "open",
		.prepare = prepare_region,
		.op = op_open,
		.verify = verify_opened,
	},
	{
		.name = "readonly",
		.prepare = prepare_region,
		.op = op_readonly,
		.verify = verify_opened,
	},
	{
		.name = "reopen",
		.prepare = prepare_region,
		.op = op_reopen,
		.verify = verify_opened,
	},
	{
		.name = "write",
		.prepare = prepare_region,
		.op = op_write,
		.verify = verify_written,
	},
	{
		.name = "read",
		.prepare = prepare_read,
		.op = op_read,
	},
	{
		.name = "read_hole",
		.prepare = prepare_read,
		.op = op_read_hole,
	},
	{
		.name = "splice",
		.prepare = prepare_splice,
		.op = op_splice_in,
		.verify = verify_spliced,
	},
	{
		.name = "sendfile",
		.prepare = prepare_sendfile,
		.op = op_sendfile,
		.verify = verify_sent,
		/* What splicing makes of EFAULT. */
		.errors = { EAGAIN },
	},
	{
		.name = "allocate",
		.prepare = prepare_read,
		.op = op_allocate,
		.verify = verify_not_allocated,
		.flags = VT_SWEEP_CANNOT_FAIL,
	},
	{
		.name = "map",
		.prepare = prepare_region,
		.op = op_map,
		.verify = verify_mapped,
		.state = state_maps,
		.undo = vt_sweep_unmap,
	},
	{
		.name = "fault",
		.prepare = prepare_map,
		.op = op_fault,
		.verify = verify_fault,
		.undo = vt_sweep_unmap,
	},
	{
		.name = "fork",
		.prepare = prepare_faulted,
		.op = op_fork,
		.verify = verify_mapped,
		.errors = { EAGAIN },
		.undo = vt_sweep_unmap,
		.state = state_maps,
	},
	{
		.name = "unmap",
		.prepare = prepare_faulted,
		.op = op_unmap,
		.verify = verify_unmapped,
		.state = state_maps,
	},
	{
		.name = "unmap_middle",
		.prepare = prepare_faulted,
		.op = op_unmap_middle,
		.verify = verify_two_maps,
		.flags = VT_SWEEP_SPLITS,
		.undo = vt_sweep_unmap,
	},
	{
		.name = "protect_middle",
		.prepare = prepare_faulted,
		.op = op_protect_middle,
		.verify = verify_protected,
		.flags = VT_SWEEP_SPLITS,
		.undo = vt_sweep_unmap,
	},
	{
		.name = "access_read",
		.prepare = prepare_access,
		.op = op_access_read,
		.errors = { EIO },
		.undo = vt_sweep_unmap,
		.state = state_maps,
	},
	{
		.name = "access_write",
		.prepare = prepare_access,
		.op = op_access_write,
		.verify = verify_access_write,
		.errors = { EIO },
		.undo = vt_sweep_unmap,
		.state = state_maps,
	},
	{
		.name = "join",
		.prepare = prepare_region,
		.op = op_join,
		.verify = verify_joined,
	},
	{
		.name = "ring",
		.prepare = prepare_joined,
		.op = op_ring,
	},
	{}
};

/*
 * The kernel warns when an interrupt goes that got no directory in /proc when it
 * came. Who looks at the log knows that; it is not to end the machine.
 */
int main(int argc, char **argv)
{
	char before[16];
	int ret;

	if (vt_read_file(PANIC_ON_WARN, before, sizeof(before)) < 0 ||
	    vt_write_file(PANIC_ON_WARN, "0"))
		return 1;
	ret = vt_sweeps(sweeps, argc, argv);
	return vt_write_file(PANIC_ON_WARN, before) ? 1 : ret;
}
