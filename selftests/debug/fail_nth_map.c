// SPDX-License-Identifier: GPL-2.0
/*
 * Every operation on mappings of a region, with every allocation and every user
 * copy made to fail in turn; see fail_nth.c.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "lib/vmshm_log.h"
#include "lib/vmshm_sweep.h"

/* The half that has no contents yet. */
#define HOLE		(VT_SWEEP_SIZE / 2)

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

/* Are there so many mappings, and has that many been counted? */
static bool maps_are(struct vt_ctx *ctx, __u32 maps)
{
	struct vmshm_stat stat;

	return !vt_stat(ctx->fd, &stat) && stat.out_maps == maps;
}

/* Memory of shmem's, which is not ours to count and to see faults of. */
static int verify_pinnable(struct vt_ctx *ctx)
{
	struct vmshm_stat stat;
	char c;

	return vt_peek(ctx->map) != ctx->name[0] ||
	       vt_poke(ctx->map + HOLE, 42) ||
	       pread(ctx->fd, &c, 1, HOLE) != 1 || c != 42 ||
	       vt_stat(ctx->fd, &stat) || stat.out_maps || stat.out_faults;
}

/* Every page is there without a fault. */
static int verify_populated(struct vt_ctx *ctx)
{
	if (vt_smaps(ctx->map, "Rss") != VT_SWEEP_SIZE)
		return -1;
	return verify_mapped(ctx);
}

/* It begins with what the region begins with, and is not to be written. */
static int verify_fixed(struct vt_ctx *ctx)
{
	return vt_peek(ctx->map + VT_PAGE) != ctx->name[0] ||
	       vt_poke(ctx->map + VT_PAGE, 1) != -SIGSEGV ||
	       vt_poke(ctx->map + 2 * VT_PAGE, 1) || !maps_are(ctx, 3);
}

static int op_unmap_middle(struct vt_ctx *ctx)
{
	return vt_or_errno(munmap(ctx->map + 2 * VT_PAGE, VT_PAGE));
}

static int verify_two_maps(struct vt_ctx *ctx)
{
	return vt_peek(ctx->map + 2 * VT_PAGE) != -SIGSEGV ||
	       !maps_are(ctx, 2);
}

static int op_protect_middle(struct vt_ctx *ctx)
{
	return vt_or_errno(mprotect(ctx->map + 2 * VT_PAGE, VT_PAGE, PROT_READ));
}

static int verify_protected(struct vt_ctx *ctx)
{
	return vt_poke(ctx->map + 2 * VT_PAGE, 1) != -SIGSEGV ||
	       vt_poke(ctx->map + VT_PAGE, 1) ||
	       vt_poke(ctx->map + 3 * VT_PAGE, 1) || !maps_are(ctx, 3);
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

static int verify_private(struct vt_ctx *ctx)
{
	char c;

	return vt_peek(ctx->map + HOLE) != 42 ||
	       pread(ctx->fd, &c, 1, HOLE) != 1 || c;
}

static int prepare_map_log(struct vt_ctx *ctx)
{
	int ret = op_map(ctx);

	if (ret)
		return ret;
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

static int prepare_remove(struct vt_ctx *ctx)
{
	int ret = op_map(ctx);

	if (!ret)
		memset(ctx->map + HOLE, 'r', HOLE);
	return ret;
}

/* The memory is looked at first: who reads it has it allocated. */
static int verify_removed(struct vt_ctx *ctx)
{
	struct vmshm_stat stat;

	return vt_stat(ctx->fd, &stat) ||
	       stat.out_allocated != VT_SWEEP_SIZE - VT_PAGE ||
	       !vt_filled(ctx->map + HOLE, 0, VT_PAGE) ||
	       !vt_filled(ctx->map + HOLE + VT_PAGE, 'r', HOLE - VT_PAGE);
}

static int op_mlock(struct vt_ctx *ctx)
{
	return vt_or_errno(mlock(ctx->map, VT_SWEEP_SIZE));
}

static long long locked(void)
{
	char buf[4096];
	const char *line;

	if (vt_read_file("/proc/self/status", buf, sizeof(buf)) < 0)
		return -1;
	line = strstr(buf, "\nVmLck:");
	return line ? 1024 * atoll(line + strlen("\nVmLck:")) : -1;
}

static int verify_mlocked(struct vt_ctx *ctx)
{
	if (locked() != VT_SWEEP_SIZE)
		return -1;
	return verify_populated(ctx);
}

/* What has kept an ephemeral region: its file is closed. */
static int prepare_last(struct vt_ctx *ctx)
{
	int ret = op_map(ctx);

	close(ctx->fd);
	ctx->fd = -1;
	return ret;
}

static int verify_unmapped(struct vt_ctx *ctx)
{
	struct vmshm_event event;

	return vt_next_event(ctx->watch, &event) ||
	       event.type != VMSHM_EVENT_UNLINKED ||
	       vt_open(ctx->dev, ctx->name, 0) != -ENOENT;
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
		.verify = verify_pinnable,
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
		.verify = verify_fixed,
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
		.verify = verify_protected,
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
		.verify = verify_private,
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
		.verify = verify_populated,
		.undo = vt_sweep_unmap,
		.flags = VT_SWEEP_KEEPS_MEMORY,
	},
	{
		.name = "remove",
		.prepare = prepare_remove,
		.op = op_remove,
		.verify = verify_removed,
		.undo = vt_sweep_unmap,
		/* Only what checks the kernel needs memory for it. */
		.flags = VT_SWEEP_CANNOT_FAIL,
	},
	{
		.name = "mlock",
		.prepare = op_map,
		.op = op_mlock,
		.verify = verify_mlocked,
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
	{
		.name = "unmap_last",
		.prepare = prepare_last,
		.op = vt_sweep_unmap,
		.verify = verify_unmapped,
		.region_flags = VMSHM_EPHEMERAL,
	},
	{}
};

int main(int argc, char **argv)
{
	return vt_sweeps(sweeps, argc, argv);
}
