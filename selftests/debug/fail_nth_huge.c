// SPDX-License-Identifier: GPL-2.0
/*
 * Regions of huge pages, with every allocation and every user copy made to fail in
 * turn; see fail_nth.c. Where there is no huge page, or no memory to split one, small
 * ones do, or zeroes: what is in the region is always the same.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>

#include "lib/vmshm_log.h"
#include "lib/vmshm_sweep.h"

/* Two huge pages. Of the first something is allocated, of the second nothing yet. */
#define SIZE		VT_SWEEP_MAX
#define EMPTY		VT_HUGE

_Static_assert(SIZE == 2 * VT_HUGE, "two huge pages");

/* Within the second one, and not aligned. */
#define CUT		(EMPTY + 7 * VT_PAGE + 100)
#define CUT_LEN		(5 * VT_PAGE)

#define THP_ENABLED	"/sys/kernel/mm/transparent_hugepage/enabled"

static int prepare(struct vt_ctx *ctx)
{
	int ret = vt_resize(ctx->fd, SIZE);

	if (ret)
		return ret;
	ctx->map = vt_map(ctx->fd, SIZE, PROT_READ | PROT_WRITE, 0);
	return ctx->map ? 0 : -errno;
}

static int undo(struct vt_ctx *ctx)
{
	return vt_or_errno(munmap(ctx->map, SIZE));
}

static int op_log_open(struct vt_ctx *ctx)
{
	ctx->log = vt_log_open(ctx->fd, 0, 0, 0);
	return ctx->log < 0 ? ctx->log : 0;
}

static int prepare_log(struct vt_ctx *ctx)
{
	int ret = prepare(ctx);

	return ret ? ret : op_log_open(ctx);
}

/* The second one is full, and mapped, huge if there was one. */
static int prepare_full(struct vt_ctx *ctx)
{
	int ret = prepare(ctx);

	if (!ret)
		memset(ctx->map + EMPTY, 'h', VT_HUGE);
	return ret;
}

/* Of the second one, all but a hole, which has zeroes. */
static bool full_but(struct vt_ctx *ctx, off_t hole, size_t len)
{
	const off_t end = hole + len;

	return vt_file_filled(ctx->fd, EMPTY, 'h', hole - EMPTY) &&
	       vt_file_filled(ctx->fd, hole, 0, len) &&
	       vt_file_filled(ctx->fd, end, 'h', SIZE - end);
}

static bool is_full(struct vt_ctx *ctx)
{
	return vt_file_filled(ctx->fd, EMPTY, 'h', VT_HUGE);
}

/* Faults: without memory they are taken again */

static int op_fault_read(struct vt_ctx *ctx)
{
	return vt_peek(ctx->map + CUT) ? -EIO : 0;
}

static int verify_empty(struct vt_ctx *ctx)
{
	return !vt_filled(ctx->map + EMPTY, 0, VT_HUGE);
}

static int op_fault_write(struct vt_ctx *ctx)
{
	return vt_poke(ctx->map + CUT, 'h') ? -EIO : 0;
}

static int verify_written(struct vt_ctx *ctx)
{
	return !vt_file_filled(ctx->fd, EMPTY, 0, CUT - EMPTY) ||
	       !vt_file_filled(ctx->fd, CUT, 'h', 1) ||
	       !vt_file_filled(ctx->fd, CUT + 1, 0, SIZE - CUT - 1);
}

static int verify_write_logged(struct vt_ctx *ctx)
{
	return !vt_log_reports(ctx->log, CUT / VT_PAGE, 1) ||
	       verify_written(ctx);
}

/* It is there already, and is mapped: that takes a page table. */
static int prepare_written(struct vt_ctx *ctx)
{
	int ret = prepare(ctx);

	if (!ret && pwrite(ctx->fd, "h", 1, CUT) != 1)
		ret = -EIO;
	return ret;
}

static int op_fault_old(struct vt_ctx *ctx)
{
	return vt_peek(ctx->map + CUT) == 'h' ? 0 : -EIO;
}

/* Memory */

static int op_populate(struct vt_ctx *ctx)
{
	return vt_or_errno(madvise(ctx->map + EMPTY, VT_HUGE,
				   MADV_POPULATE_WRITE));
}

static int verify_populated(struct vt_ctx *ctx)
{
	return vt_smaps(ctx->map, "Rss") != VT_HUGE || verify_empty(ctx);
}

static int op_write(struct vt_ctx *ctx)
{
	return vt_or_errno(pwrite(ctx->fd, "h", 1, CUT));
}

static int op_allocate(struct vt_ctx *ctx)
{
	return vt_or_errno(fallocate(ctx->fd, 0, EMPTY, VT_HUGE));
}

static int verify_allocated(struct vt_ctx *ctx)
{
	struct vmshm_stat stat;

	return vt_stat(ctx->fd, &stat) || stat.out_allocated < VT_HUGE ||
	       stat.out_charged < stat.out_allocated || verify_empty(ctx);
}

/* What takes a part of one */

static int op_punch(struct vt_ctx *ctx)
{
	return vt_or_errno(fallocate(ctx->fd,
				     FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				     CUT, CUT_LEN));
}

static int verify_punched(struct vt_ctx *ctx)
{
	return !full_but(ctx, CUT, CUT_LEN);
}

static int op_shrink(struct vt_ctx *ctx)
{
	return vt_resize(ctx->fd, CUT);
}

/* What was beyond does not come back. */
static int verify_shrunk(struct vt_ctx *ctx)
{
	return vt_size(ctx->fd) != CUT ||
	       vt_peek(ctx->map + SIZE - 1) != -SIGBUS ||
	       vt_resize(ctx->fd, SIZE) || !full_but(ctx, CUT, SIZE - CUT);
}

static int op_protect(struct vt_ctx *ctx)
{
	return vt_or_errno(mprotect(ctx->map + EMPTY + VT_PAGE, VT_PAGE,
				    PROT_READ));
}

static int verify_protected(struct vt_ctx *ctx)
{
	unsigned char *at = ctx->map + EMPTY + VT_PAGE;

	return vt_poke(at, 'x') != -SIGSEGV || vt_poke(at - 1, 'h') ||
	       vt_poke(at + VT_PAGE, 'h') || !is_full(ctx);
}

static int op_unmap(struct vt_ctx *ctx)
{
	return vt_or_errno(munmap(ctx->map + EMPTY + VT_PAGE, VT_PAGE));
}

static int verify_unmapped(struct vt_ctx *ctx)
{
	unsigned char *at = ctx->map + EMPTY + VT_PAGE;

	return vt_peek(at) != -SIGSEGV || vt_peek(at - 1) != 'h' ||
	       vt_peek(at + VT_PAGE) != 'h' || !is_full(ctx);
}

/* Logs */

static int prepare_full_log(struct vt_ctx *ctx)
{
	int ret = prepare_log(ctx);

	if (!ret)
		memset(ctx->map + EMPTY, 'h', VT_HUGE);
	return ret;
}

/* No write goes by unseen, whatever had been written before. */
static int verify_log(struct vt_ctx *ctx)
{
	return vt_poke(ctx->map + CUT, 'h') ||
	       !vt_log_reports(ctx->log, CUT / VT_PAGE, 1) || !is_full(ctx);
}

static int op_fetch(struct vt_ctx *ctx)
{
	long long pages = vt_log_count(ctx->log, 0);

	if (pages < 0)
		return pages;
	/* All, if a fetch could not tell what it had found. */
	return pages == VT_HUGE / VT_PAGE || pages == SIZE / VT_PAGE ?
		0 : -ENODATA;
}

/* Small pages become a huge one, or stay as they are */

static int prepare_collapse(struct vt_ctx *ctx)
{
	int ret = prepare(ctx);

	if (!ret)
		ret = vt_or_errno(madvise(ctx->map + EMPTY, VT_HUGE,
					  MADV_NOHUGEPAGE));
	if (ret)
		return ret;
	memset(ctx->map + EMPTY, 'h', VT_HUGE);
	return vt_or_errno(madvise(ctx->map + EMPTY, VT_HUGE, MADV_HUGEPAGE));
}

static int op_collapse(struct vt_ctx *ctx)
{
	return vt_or_errno(madvise(ctx->map + EMPTY, VT_HUGE, MADV_COLLAPSE));
}

static int verify_collapsed(struct vt_ctx *ctx)
{
	return vt_smaps(ctx->map + EMPTY, "ShmemPmdMapped") != VT_HUGE ||
	       !is_full(ctx);
}

static const struct vt_sweep sweeps[] = {
	{
		.name = "fault_read",
		.prepare = prepare,
		.op = op_fault_read,
		.verify = verify_empty,
		.undo = undo,
		.huge = VMSHM_HUGE_ALWAYS,
	},
	{
		.name = "fault_write",
		.prepare = prepare,
		.op = op_fault_write,
		.verify = verify_written,
		.undo = undo,
		.huge = VMSHM_HUGE_ALWAYS,
	},
	{
		.name = "fault_write_logged",
		.prepare = prepare_log,
		.op = op_fault_write,
		.verify = verify_write_logged,
		.undo = undo,
		.huge = VMSHM_HUGE_ALWAYS,
	},
	{
		.name = "fault_old",
		.prepare = prepare_written,
		.op = op_fault_old,
		.verify = verify_written,
		.undo = undo,
		.huge = VMSHM_HUGE_ALWAYS,
	},
	{
		.name = "populate",
		.prepare = prepare,
		.op = op_populate,
		.verify = verify_populated,
		.undo = undo,
		.flags = VT_SWEEP_KEEPS_MEMORY,
		.huge = VMSHM_HUGE_ALWAYS,
	},
	{
		.name = "write",
		.prepare = prepare,
		.op = op_write,
		.verify = verify_written,
		.undo = undo,
		.flags = VT_SWEEP_KEEPS_MEMORY,
		.huge = VMSHM_HUGE_ALWAYS,
	},
	{
		.name = "allocate",
		.prepare = prepare,
		.op = op_allocate,
		.verify = verify_allocated,
		.undo = undo,
		.huge = VMSHM_HUGE_ALWAYS,
	},
	{
		.name = "punch",
		.prepare = prepare_full,
		.op = op_punch,
		.verify = verify_punched,
		.undo = undo,
		.huge = VMSHM_HUGE_ALWAYS,
	},
	{
		.name = "shrink",
		.prepare = prepare_full,
		.op = op_shrink,
		.verify = verify_shrunk,
		.undo = undo,
		.region_flags = VMSHM_SHRINKABLE,
		.huge = VMSHM_HUGE_ALWAYS,
	},
	{
		.name = "protect",
		.prepare = prepare_full,
		.op = op_protect,
		.verify = verify_protected,
		.undo = undo,
		.flags = VT_SWEEP_SPLITS,
		.huge = VMSHM_HUGE_ALWAYS,
	},
	{
		.name = "unmap",
		.prepare = prepare_full,
		.op = op_unmap,
		.verify = verify_unmapped,
		.undo = undo,
		.flags = VT_SWEEP_SPLITS,
		.huge = VMSHM_HUGE_ALWAYS,
	},
	{
		.name = "log_open",
		.prepare = prepare_full,
		.op = op_log_open,
		.verify = verify_log,
		.undo = undo,
		.huge = VMSHM_HUGE_ALWAYS,
	},
	{
		.name = "fetch",
		.prepare = prepare_full_log,
		.op = op_fetch,
		.verify = verify_log,
		.undo = undo,
		.huge = VMSHM_HUGE_ALWAYS,
	},
	{
		.name = "collapse",
		.prepare = prepare_collapse,
		.op = op_collapse,
		.verify = verify_collapsed,
		.undo = undo,
		/* As the kernel says that it has not, whatever the reason. */
		.errors = { EINVAL, EAGAIN, EBUSY },
		.huge = VMSHM_HUGE_ALWAYS,
	},
	{}
};

/*
 * khugepaged would make pages huge, too, and unmaps them for that, at any time. It
 * does nothing where processes have none, which is no matter to files.
 */
int main(int argc, char **argv)
{
	char before[16];
	int ret;

	if (vt_read_choice(THP_ENABLED, before, sizeof(before)) ||
	    vt_write_file(THP_ENABLED, "never"))
		return 1;
	ret = vt_sweeps(sweeps, argc, argv);
	return vt_write_file(THP_ENABLED, before) ? 1 : ret;
}
