// SPDX-License-Identifier: GPL-2.0
/*
 * How bindings are made, changed and closed, of a VM and of the caller's own
 * slots, and what the size of a bound region takes, with every allocation and
 * every user copy made to fail in turn; see fail_nth.c. KVM's and the mm's
 * failures are among them: KVM's are those of the VM's thread. Above all: a VM
 * never has half of a range, nor half of it elsewhere.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdlib.h>
#include <sys/ioctl.h>
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
	return vt_bind_thread(ctx->out[ctx->out[0] < 0]);
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

/* As vt_sweep_binding(), and the guest sees it so. */
static int state_guest(struct vt_ctx *ctx, unsigned long long *value)
{
	int ret = vt_sweep_binding(ctx, value);

	value[5] = guest_has(ctx, GPA, VT_SWEEP_SIZE);
	return ret;
}

/* Which of the slots at @gpa are there, as bits; no more than reads of them. */
static unsigned int slots_at(__u64 gpa)
{
	unsigned int i, there = 0;
	__u32 value;

	for (i = 0; i < NR; i++) {
		if (vt_vcpu_load(&guest.vcpus[0], gpa + i * GRANULE, &value) !=
		    VT_GUEST_MMIO)
			there |= 1 << i;
	}
	return there;
}

/* Where a binding is to be there is nothing yet. */
static int state_none(struct vt_ctx *ctx, unsigned long long *value)
{
	value[0] = slots_at(GPA);
	return 0;
}

/* As state_guest(), and where the second is to be there is nothing. */
static int state_second(struct vt_ctx *ctx, unsigned long long *value)
{
	int ret = state_guest(ctx, value);

	value[6] = slots_at(ELSEWHERE);
	return ret;
}

/* Does KVM log what the guest writes to a slot? */
static bool kvm_logs(__u32 slot)
{
	unsigned char bitmap[GRANULE / VT_PAGE / 8 + 8];
	struct kvm_dirty_log log = { .slot = slot, .dirty_bitmap = bitmap };

	return !ioctl(guest.fd, KVM_GET_DIRTY_LOG, &log);
}

static bool told(struct vt_ctx *ctx, __u32 type, __u64 gpa)
{
	struct vmshm_event event;

	return !vt_next_event(ctx->watch, &event) && event.type == type &&
	       event.value == gpa;
}

static bool told_bound(struct vt_ctx *ctx, __u64 gpa)
{
	return told(ctx, VMSHM_EVENT_BOUND, gpa);
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

/*
 * Elsewhere, for there to be the thread before the call; the first binding of a VM
 * is what starts it. Its mapping is not needed.
 */
static int keep_thread(struct vt_ctx *ctx, __u32 flags)
{
	struct vmshm_bind bind = how(flags);
	void *addr;
	int ret;

	bind.first_slot += NR_MAX;
	bind.guest_addr = ELSEWHERE;
	ret = vt_sweep_keep(ctx, 1, vt_bind(ctx->fd, &bind, &addr));
	return ret ? ret : vt_or_errno(munmap(addr, bind.length));
}

static int prepare_thread(struct vt_ctx *ctx)
{
	return keep_thread(ctx, 0);
}

static int prepare_thread_map(struct vt_ctx *ctx)
{
	int ret = prepare_thread(ctx);

	return ret ? ret : vt_sweep_map(ctx);
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

static int verify_bound_log(struct vt_ctx *ctx)
{
	if (verify_bound(ctx))
		return -1;
	return !kvm_logs(FIRST) || !kvm_logs(FIRST + NR - 1);
}

static int op_bind_user(struct vt_ctx *ctx)
{
	return bind_with(ctx, VMSHM_BIND_USER);
}

static int undo_bind_first_user(struct vt_ctx *ctx)
{
	int ret = vt_sweep_undo_user(ctx);

	return ret ? ret : undo_bind(ctx);
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

static int verify_logs(struct vt_ctx *ctx)
{
	if (verify_still_there(ctx))
		return -1;
	return !kvm_logs(FIRST) || !kvm_logs(FIRST + NR - 1);
}

static int verify_follows(struct vt_ctx *ctx)
{
	struct vmshm_bind_stat stat;

	return verify_still_there(ctx) || vt_bind_stat(ctx->out[0], &stat) ||
	       !(stat.out_flags & VMSHM_BIND_FOLLOW);
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
	int ret = keep_thread(ctx, VMSHM_BIND_FOLLOW);

	return ret ? ret : prepare_follow(ctx);
}

static int op_close(struct vt_ctx *ctx)
{
	return vt_sweep_close(&ctx->out[0]);
}

/* Who closes waits for that, but not for ever: then it comes later. */
static bool slots_gone(__u64 gpa)
{
	int tries;

	for (tries = 0; slots_at(gpa) && tries < VT_PATIENCE * 100; tries++)
		usleep(10000);
	return !slots_at(gpa);
}

static int verify_closed(struct vt_ctx *ctx)
{
	return !told(ctx, VMSHM_EVENT_UNBOUND, GPA) || !slots_gone(GPA) ||
	       vt_bindings(ctx->fd, NULL, 0);
}

/* The second is bound where the first is mapped, and stays. */
static int prepare_close_second(struct vt_ctx *ctx)
{
	int ret = prepare_bind(ctx);

	return ret ? ret : op_bind_second(ctx);
}

static int verify_closed_second(struct vt_ctx *ctx)
{
	struct vmshm_binding bindings[2] = { 0 };

	return !told(ctx, VMSHM_EVENT_UNBOUND, GPA) || !slots_gone(GPA) ||
	       !guest_has(ctx, ELSEWHERE, VT_SWEEP_SIZE) ||
	       vt_bindings(ctx->fd, bindings, 2) != 1 ||
	       bindings[0].guest_addr != ELSEWHERE;
}

static const struct vt_sweep sweeps[] = {
	/* The first one of the VM, which starts its thread. */
	{
		.name = "bind",
		.start = start,
		.op = op_bind,
		.verify = verify_bound,
		.state = state_none,
		.undo = undo_bind,
	},
	{
		.name = "bind_follow",
		.start = start,
		.prepare = prepare_thread,
		.task = vm_thread,
		.op = op_bind_follow,
		.verify = verify_bound,
		.state = state_none,
		.undo = undo_bind_follow,
	},
	{
		.name = "bind_log",
		.start = start,
		.prepare = prepare_thread,
		.task = vm_thread,
		.op = op_bind_log,
		.verify = verify_bound_log,
		.state = state_none,
		.undo = undo_bind,
	},
	{
		.name = "bind_user",
		.op = op_bind_user,
		.verify = verify_bound_user,
		.undo = undo_bind,
	},
	{
		.name = "bind_first_user",
		.prepare = vt_sweep_first_user,
		.op = op_bind_user,
		.verify = verify_bound_user,
		.undo = undo_bind_first_user,
	},
	{
		.name = "bind_mapped",
		.start = start,
		.prepare = prepare_thread_map,
		.task = vm_thread,
		.op = op_bind_mapped,
		.verify = verify_bound,
		.state = state_none,
		.undo = vt_sweep_unmap,
	},
	{
		.name = "bind_second",
		.start = start,
		.prepare = prepare_bind,
		.task = vm_thread,
		.op = op_bind_second,
		.verify = verify_bound_second,
		.state = state_second,
		.undo = undo_bind,
	},
	{
		.name = "move",
		.start = start,
		.prepare = prepare_bind,
		.task = vm_thread,
		.op = op_move,
		.verify = verify_moved,
		.state = state_guest,
		.undo = undo_bind,
	},
	{
		.name = "move_beside",
		.start = start,
		.prepare = prepare_bind,
		.task = vm_thread,
		.op = op_move_beside,
		.verify = verify_moved_beside,
		.state = state_guest,
		.undo = undo_bind,
	},
	{
		.name = "update_log",
		.start = start,
		.prepare = prepare_bind,
		.task = vm_thread,
		.op = op_update_log,
		.verify = verify_logs,
		.state = state_guest,
		.undo = undo_bind,
	},
	/* The thread has nothing to allocate for slots that stay as they are. */
	{
		.name = "update_follow",
		.start = start,
		.prepare = prepare_bind,
		.op = op_update_follow,
		.verify = verify_follows,
		.state = state_guest,
		.undo = undo_bind,
	},
	{
		.name = "grow",
		.start = start,
		.prepare = prepare_follow,
		.task = vm_thread,
		.op = op_grow,
		.verify = verify_grown,
		.state = state_guest,
		.undo = undo_bind_follow,
	},
	{
		.name = "grow_two",
		.start = start,
		.prepare = prepare_two,
		.task = vm_thread,
		.op = op_grow,
		.verify = verify_grown,
		.state = state_guest,
		.undo = undo_bind_follow,
	},
	{
		.name = "shrink",
		.start = start,
		.prepare = prepare_follow,
		.task = vm_thread,
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
		.name = "close_second",
		.start = start,
		.prepare = prepare_close_second,
		.task = vm_thread,
		.op = op_close,
		.verify = verify_closed_second,
		.undo = undo_bind,
		.flags = VT_SWEEP_CANNOT_FAIL,
	},
	{}
};

int main(int argc, char **argv)
{
	return vt_sweeps(sweeps, argc, argv);
}
