// SPDX-License-Identifier: GPL-2.0
/*
 * Every operation on bindings, of a VM and of the caller's own slots, and what
 * the size of a bound region takes, with every allocation and every user copy
 * made to fail in turn; see fail_nth.c. KVM's and the mm's failures are among
 * them: KVM's are those of the VM's thread. Above all: a VM never has half of a
 * range, nor half of it elsewhere.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dirent.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "lib/minivm.h"
#include "lib/vmshm_bind.h"
#include "lib/vmshm_sweep.h"

#define GPA		0x10000000ULL
#define ELSEWHERE	0x20000000ULL
/* It overlaps with where the range is. */
#define BESIDE		(GPA + GRANULE)
/* Two slots: one that is there already when the other fails. */
#define GRANULE		(VT_SWEEP_SIZE / 2)
/* Slots that the region has at first, and at most here. */
#define NR		(VT_SWEEP_SIZE / GRANULE)
#define NR_MAX		(4 * NR)
/* 0 is the guest's own. */
#define FIRST		3

/* The VM, for all points of a sweep. */
static struct vt_guest guest;
/* Where the range is mapped by the call that binds; that of the last one. */
static void *bound_at;

static int start(void)
{
	return vt_guest_init(&guest, 1);
}

static struct vmshm_bind how(__u32 flags)
{
	return (struct vmshm_bind){
		.flags = flags,
		.vm_fd = flags & VMSHM_BIND_USER ? -1 : guest.fd,
		.first_slot = FIRST,
		.nr_slots = NR_MAX,
		.guest_addr = GPA,
		.length = flags & VMSHM_BIND_FOLLOW ? VT_SWEEP_MAX :
						      VT_SWEEP_SIZE,
		.granule = GRANULE,
	};
}

static int bind_as(struct vt_ctx *ctx, const struct vmshm_bind *bind)
{
	return vt_sweep_keep(ctx, 0, vt_bind(ctx->fd, bind, &bound_at));
}

static int bind_with(struct vt_ctx *ctx, __u32 flags)
{
	struct vmshm_bind bind = how(flags);

	return bind_as(ctx, &bind);
}

/* What the call mapped is the caller's. */
static int undo_bind(struct vt_ctx *ctx)
{
	return vt_or_errno(munmap(bound_at, VT_SWEEP_SIZE));
}

static int undo_bind_follow(struct vt_ctx *ctx)
{
	return vt_or_errno(munmap(bound_at, VT_SWEEP_MAX));
}

/* The thread that changes the slots of the VM. */
static int vm_thread(struct vt_ctx *ctx)
{
	char path[300], comm[32], want[32];
	struct dirent *entry;
	int ret = -ESRCH;
	DIR *proc;

	snprintf(want, sizeof(want), "vmshm-vm/%lld\n",
		 vt_fdinfo(ctx->out[0], "vmshm-bind-vm"));
	proc = opendir("/proc");
	while (proc && ret < 0 && (entry = readdir(proc))) {
		snprintf(path, sizeof(path), "/proc/%s/comm", entry->d_name);
		if (vt_read_file(path, comm, sizeof(comm)) >= 0 &&
		    !strcmp(comm, want))
			ret = atoi(entry->d_name);
	}
	if (proc)
		closedir(proc);
	return ret;
}

/* Is there what the guest ought to see, from @gpa on and no further? */
static bool guest_has(struct vt_ctx *ctx, __u64 gpa, __u64 len)
{
	struct vt_vcpu *vcpu = &guest.vcpus[0];
	__u32 value, want;
	__u64 at;

	for (at = 0; at < len; at += GRANULE) {
		if (pread(ctx->fd, &want, sizeof(want), at) != sizeof(want) ||
		    vt_vcpu_load(vcpu, gpa + at, &value) || value != want)
			return false;
	}
	return vt_vcpu_load(vcpu, gpa + len, &value) == VT_GUEST_MMIO;
}

/* The slots of a binding are all there, in order. */
static bool has_slots(int binding, __u64 gpa, __u64 len)
{
	struct vmshm_bind_slot slots[NR_MAX] = { 0 };
	int nr = vt_bind_slots(binding, slots, NR_MAX), i;

	if (nr != (int)(len / GRANULE))
		return false;
	for (i = 0; i < nr; i++) {
		if (slots[i].slot != (__u32)(FIRST + i) ||
		    slots[i].guest_addr != gpa + i * GRANULE ||
		    slots[i].offset != i * GRANULE ||
		    slots[i].length != GRANULE)
			return false;
	}
	return true;
}

static int state_binding(struct vt_ctx *ctx, unsigned long long *value)
{
	struct vmshm_bind_stat stat;
	int ret;

	if (ctx->out[0] < 0)
		return 0;
	ret = vt_bind_stat(ctx->out[0], &stat);
	if (ret)
		return ret;
	value[0] = stat.out_flags;
	value[1] = stat.out_used_slots;
	value[2] = stat.out_guest_addr;
	value[3] = stat.out_bound;
	value[4] = vt_poll(ctx->out[0]);
	return 0;
}

/* As state_binding(), and the guest sees it so. */
static int state_guest(struct vt_ctx *ctx, unsigned long long *value)
{
	int ret = state_binding(ctx, value);

	value[5] = guest_has(ctx, GPA, VT_SWEEP_SIZE);
	return ret;
}

static bool told_bound(struct vt_ctx *ctx, __u64 gpa)
{
	struct vmshm_event event;

	return !vt_next_event(ctx->watch, &event) &&
	       event.type == VMSHM_EVENT_BOUND && event.value == gpa;
}

/* Binding */

static int op_bind(struct vt_ctx *ctx)
{
	return bind_with(ctx, 0);
}

/* What the guest reads to see whether it is there is not to be new memory. */
static int fill(struct vt_ctx *ctx)
{
	char rest[VT_SWEEP_SIZE / 2];

	memset(rest, 'x', sizeof(rest));
	return pwrite(ctx->fd, rest, sizeof(rest), sizeof(rest)) ==
		sizeof(rest) ? 0 : -EIO;
}

static int prepare_bind(struct vt_ctx *ctx)
{
	int ret = fill(ctx);

	return ret ? ret : op_bind(ctx);
}

static int op_bind_follow(struct vt_ctx *ctx)
{
	return bind_with(ctx, VMSHM_BIND_FOLLOW);
}

static int prepare_follow(struct vt_ctx *ctx)
{
	int ret = fill(ctx);

	return ret ? ret : op_bind_follow(ctx);
}

static int op_bind_log(struct vt_ctx *ctx)
{
	return bind_with(ctx, VMSHM_BIND_LOG);
}

static int verify_bound(struct vt_ctx *ctx)
{
	return !told_bound(ctx, GPA) || !guest_has(ctx, GPA, VT_SWEEP_SIZE) ||
	       !has_slots(ctx->out[0], GPA, VT_SWEEP_SIZE);
}

static int op_bind_user(struct vt_ctx *ctx)
{
	return bind_with(ctx, VMSHM_BIND_USER);
}

static int verify_bound_user(struct vt_ctx *ctx)
{
	return !told_bound(ctx, GPA) ||
	       !has_slots(ctx->out[0], GPA, VT_SWEEP_SIZE);
}

static int op_bind_mapped(struct vt_ctx *ctx)
{
	struct vmshm_bind bind = how(0);

	bind.user_addr = (uintptr_t)ctx->map;
	return bind_as(ctx, &bind);
}

/* A second one, of the same VM, where the first is mapped. */
static int op_bind_second(struct vt_ctx *ctx)
{
	struct vmshm_bind bind = how(0);

	bind.first_slot += NR_MAX;
	bind.guest_addr = ELSEWHERE;
	bind.user_addr = (uintptr_t)bound_at;
	return vt_sweep_keep(ctx, 1, vt_bind(ctx->fd, &bind, NULL));
}

static int verify_bound_second(struct vt_ctx *ctx)
{
	return !told_bound(ctx, ELSEWHERE) ||
	       !guest_has(ctx, GPA, VT_SWEEP_SIZE) ||
	       !guest_has(ctx, ELSEWHERE, VT_SWEEP_SIZE);
}

/* Looking */

static int op_bind_stat(struct vt_ctx *ctx)
{
	struct vmshm_bind_stat stat;
	int ret = vt_bind_stat(ctx->out[0], &stat);

	if (ret)
		return ret;
	return stat.out_bound == VT_SWEEP_SIZE ? 0 : -ENODATA;
}

static int op_slots(struct vt_ctx *ctx)
{
	struct vmshm_bind_slot slots[NR_MAX] = { 0 };
	struct vmshm_bind_slots arg = {
		.size = sizeof(arg),
		.entries = (uintptr_t)slots,
		.entry_size = sizeof(slots[0]),
		.count = NR_MAX,
	};
	int ret = vt_ioctl(ctx->out[0], VMSHM_IOC_BIND_SLOTS, &arg);

	if (ret)
		return ret;
	return arg.out_count == NR && slots[NR - 1].length == GRANULE ?
		0 : -ENODATA;
}

/* Only if the list came is it known. */
static int verify_slots_seen(struct vt_ctx *ctx)
{
	return vt_poll(ctx->out[0]) & POLLIN;
}

static int op_slots_count(struct vt_ctx *ctx)
{
	struct vmshm_bind_slots arg = {
		.size = sizeof(arg),
		.entry_size = sizeof(struct vmshm_bind_slot),
	};
	int ret = vt_ioctl(ctx->out[0], VMSHM_IOC_BIND_SLOTS, &arg);

	if (ret != -EMSGSIZE)
		return ret ? ret : -ENODATA;
	return arg.out_count == NR ? 0 : -ENODATA;
}

static int op_bindings(struct vt_ctx *ctx)
{
	struct vmshm_binding bindings[2] = { 0 };
	struct vmshm_bindings arg = {
		.size = sizeof(arg),
		.entries = (uintptr_t)bindings,
		.entry_size = sizeof(bindings[0]),
		.count = 2,
	};
	int ret = vt_ioctl(ctx->fd, VMSHM_IOC_BINDINGS, &arg);

	if (ret)
		return ret;
	return arg.out_count == 1 && bindings[0].guest_addr == GPA ?
		0 : -ENODATA;
}

static int op_fdinfo(struct vt_ctx *ctx)
{
	long long ret = vt_fdinfo(ctx->out[0], "vmshm-bind-bound");

	if (ret < 0)
		return ret;
	return ret == VT_SWEEP_SIZE ? 0 : -ENODATA;
}

static int op_poll(struct vt_ctx *ctx)
{
	int ret = vt_poll(ctx->out[0]);

	if (ret < 0)
		return ret;
	return ret & POLLIN ? 0 : -ENODATA;
}

/* Changing */

static int op_move(struct vt_ctx *ctx)
{
	return vt_bind_update(ctx->out[0], 0, ELSEWHERE);
}

static int verify_moved(struct vt_ctx *ctx)
{
	return !told_bound(ctx, ELSEWHERE) ||
	       !guest_has(ctx, ELSEWHERE, VT_SWEEP_SIZE) ||
	       guest_has(ctx, GPA, VT_SWEEP_SIZE);
}

static int op_move_beside(struct vt_ctx *ctx)
{
	return vt_bind_update(ctx->out[0], 0, BESIDE);
}

static int verify_moved_beside(struct vt_ctx *ctx)
{
	return !told_bound(ctx, BESIDE) ||
	       !guest_has(ctx, BESIDE, VT_SWEEP_SIZE);
}

static int op_update_log(struct vt_ctx *ctx)
{
	return vt_bind_update(ctx->out[0], VMSHM_BIND_LOG, GPA);
}

static int op_update_follow(struct vt_ctx *ctx)
{
	return vt_bind_update(ctx->out[0], VMSHM_BIND_FOLLOW, GPA);
}

static int verify_still_there(struct vt_ctx *ctx)
{
	return !guest_has(ctx, GPA, VT_SWEEP_SIZE);
}

static int op_grow(struct vt_ctx *ctx)
{
	return vt_resize(ctx->fd, 2 * VT_SWEEP_SIZE);
}

static int verify_grown(struct vt_ctx *ctx)
{
	return !guest_has(ctx, GPA, 2 * VT_SWEEP_SIZE) ||
	       !has_slots(ctx->out[0], GPA, 2 * VT_SWEEP_SIZE);
}

static int op_shrink(struct vt_ctx *ctx)
{
	return vt_resize(ctx->fd, VT_SWEEP_SIZE / 2);
}

static int verify_shrunk(struct vt_ctx *ctx)
{
	return !guest_has(ctx, GPA, VT_SWEEP_SIZE / 2) ||
	       !has_slots(ctx->out[0], GPA, VT_SWEEP_SIZE / 2);
}

/* A second one has to go back when the first, which is later, cannot follow. */
static int prepare_two(struct vt_ctx *ctx)
{
	struct vmshm_bind bind = how(VMSHM_BIND_FOLLOW);
	void *addr;
	int ret;

	bind.first_slot += NR_MAX;
	bind.guest_addr = ELSEWHERE;
	ret = vt_sweep_keep(ctx, 1, vt_bind(ctx->fd, &bind, &addr));
	if (!ret)
		ret = vt_or_errno(munmap(addr, VT_SWEEP_MAX));
	return ret ? ret : prepare_follow(ctx);
}

static int op_close(struct vt_ctx *ctx)
{
	int ret = close(ctx->out[0]);

	ctx->out[0] = -1;
	return vt_or_errno(ret);
}

static int verify_closed(struct vt_ctx *ctx)
{
	__u32 value;

	return vt_vcpu_load(&guest.vcpus[0], GPA, &value) != VT_GUEST_MMIO ||
	       vt_bindings(ctx->fd, NULL, 0);
}

static const struct vt_sweep sweeps[] = {
	{
		.name = "bind",
		.start = start,
		.op = op_bind,
		.verify = verify_bound,
		.undo = undo_bind,
	},
	{
		.name = "bind_follow",
		.start = start,
		.op = op_bind_follow,
		.verify = verify_bound,
		.undo = undo_bind_follow,
	},
	{
		.name = "bind_log",
		.start = start,
		.op = op_bind_log,
		.verify = verify_bound,
		.undo = undo_bind,
	},
	{
		.name = "bind_user",
		.op = op_bind_user,
		.verify = verify_bound_user,
		.undo = undo_bind,
	},
	{
		.name = "bind_mapped",
		.start = start,
		.prepare = vt_sweep_map,
		.op = op_bind_mapped,
		.verify = verify_bound,
		.undo = vt_sweep_unmap,
	},
	{
		.name = "bind_second",
		.start = start,
		.prepare = prepare_bind,
		.op = op_bind_second,
		.verify = verify_bound_second,
		.state = state_guest,
		.undo = undo_bind,
	},
	{
		.name = "bind_stat",
		.start = start,
		.prepare = prepare_bind,
		.op = op_bind_stat,
		.state = state_binding,
		.undo = undo_bind,
	},
	{
		.name = "slots",
		.prepare = op_bind_user,
		.op = op_slots,
		.verify = verify_slots_seen,
		.state = state_binding,
		.undo = undo_bind,
	},
	{
		.name = "slots_count",
		.prepare = op_bind_user,
		.op = op_slots_count,
		.state = state_binding,
		.undo = undo_bind,
	},
	{
		.name = "bindings",
		.start = start,
		.prepare = prepare_bind,
		.op = op_bindings,
		.state = state_binding,
		.undo = undo_bind,
	},
	{
		.name = "bind_fdinfo",
		.start = start,
		.prepare = prepare_bind,
		.op = op_fdinfo,
		.state = state_binding,
		.undo = undo_bind,
	},
	{
		.name = "bind_poll",
		.prepare = op_bind_user,
		.op = op_poll,
		.state = state_binding,
		.undo = undo_bind,
	},
	{
		.name = "move",
		.start = start,
		.prepare = prepare_bind,
		.op = op_move,
		.verify = verify_moved,
		.state = state_guest,
		.undo = undo_bind,
	},
	{
		.name = "move_beside",
		.start = start,
		.prepare = prepare_bind,
		.op = op_move_beside,
		.verify = verify_moved_beside,
		.state = state_guest,
		.undo = undo_bind,
	},
	{
		.name = "update_log",
		.start = start,
		.prepare = prepare_bind,
		.op = op_update_log,
		.verify = verify_still_there,
		.state = state_guest,
		.undo = undo_bind,
	},
	{
		.name = "update_follow",
		.start = start,
		.prepare = prepare_bind,
		.op = op_update_follow,
		.verify = verify_still_there,
		.state = state_guest,
		.undo = undo_bind,
	},
	{
		.name = "grow",
		.start = start,
		.prepare = prepare_follow,
		.op = op_grow,
		.verify = verify_grown,
		.state = state_guest,
		.undo = undo_bind_follow,
	},
	{
		.name = "grow_two",
		.start = start,
		.prepare = prepare_two,
		.op = op_grow,
		.verify = verify_grown,
		.state = state_guest,
		.undo = undo_bind_follow,
	},
	{
		.name = "shrink",
		.start = start,
		.prepare = prepare_follow,
		.op = op_shrink,
		.verify = verify_shrunk,
		.state = state_guest,
		.undo = undo_bind_follow,
	},
	{
		.name = "close",
		.start = start,
		.prepare = prepare_bind,
		.op = op_close,
		.verify = verify_closed,
		.undo = undo_bind,
		.flags = VT_SWEEP_CANNOT_FAIL,
	},
	{
		.name = "move_in_kvm",
		.start = start,
		.prepare = prepare_bind,
		.task = vm_thread,
		.op = op_move,
		.verify = verify_moved,
		.state = state_guest,
		.undo = undo_bind,
	},
	{
		.name = "move_beside_in_kvm",
		.start = start,
		.prepare = prepare_bind,
		.task = vm_thread,
		.op = op_move_beside,
		.verify = verify_moved_beside,
		.state = state_guest,
		.undo = undo_bind,
	},
	{
		.name = "update_log_in_kvm",
		.start = start,
		.prepare = prepare_bind,
		.task = vm_thread,
		.op = op_update_log,
		.verify = verify_still_there,
		.state = state_guest,
		.undo = undo_bind,
	},
	{
		.name = "grow_in_kvm",
		.start = start,
		.prepare = prepare_follow,
		.task = vm_thread,
		.op = op_grow,
		.verify = verify_grown,
		.state = state_guest,
		.undo = undo_bind_follow,
	},
	{
		.name = "grow_two_in_kvm",
		.start = start,
		.prepare = prepare_two,
		.task = vm_thread,
		.op = op_grow,
		.verify = verify_grown,
		.state = state_guest,
		.undo = undo_bind_follow,
	},
	{
		.name = "shrink_in_kvm",
		.start = start,
		.prepare = prepare_follow,
		.task = vm_thread,
		.op = op_shrink,
		.verify = verify_shrunk,
		.state = state_guest,
		.undo = undo_bind_follow,
	},
	{}
};

int main(int argc, char **argv)
{
	return vt_sweeps(sweeps, argc, argv);
}
