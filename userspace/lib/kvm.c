// SPDX-License-Identifier: GPL-2.0
/*
 * Bindings: regions as guest memory.
 *
 * Which slots there are to be, the kernel says in any case. If it cannot set
 * them itself, a binding remembers what it has set by the VM's own ioctl, and
 * makes that what the kernel says.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/kvm.h>

#include <vmshm/kvm.h>

#include "internal.h"

#define BIND_OPTIONS_SIZE_VER0 \
	SIZE_UP_TO(vmshm_kvm_bind_options, __reserved)
#define BIND_STAT_SIZE_VER0 \
	SIZE_UP_TO(vmshm_bind_stat, out_generation)
#define BIND_FLAGS \
	(VMSHM_BIND_READONLY | VMSHM_BIND_LOG | VMSHM_BIND_FOLLOW | \
	 VMSHM_BIND_USER)

/**
 * struct vmshm_kvm_binding - a binding
 * @fd: its file
 * @vm_fd: the VM, if its slots are set here, else -1
 * @addr: where the range is mapped
 * @mapped: bytes to unmap at the end; 0 if the mapping is the caller's
 * @nr_slots: how many slots there can be
 * @slots: those that are set here
 * @count: how many
 * @wanted: room for as many more
 * @offset: first byte of the region
 */
struct vmshm_kvm_binding {
	int fd;
	int vm_fd;
	unsigned char *addr;
	size_t mapped;
	__u32 nr_slots;
	struct vmshm_bind_slot *slots;
	__u32 count;
	struct vmshm_bind_slot *wanted;
	__u64 offset;
};

/* Returns how many slots there are to be, which are then in @slots. */
static int binding_read_slots(const struct vmshm_kvm_binding *binding,
			      struct vmshm_bind_slot *slots)
{
	struct vmshm_bind_slots arg = {
		.size = sizeof(arg),
		.entries = (uintptr_t)slots,
		.entry_size = sizeof(*slots),
		.count = binding->nr_slots,
	};
	int rc;

	rc = vmshm__ioctl(binding->fd, VMSHM_IOC_BIND_SLOTS, &arg);
	if (rc)
		return rc;
	return arg.out_count > binding->nr_slots ? -EPROTO :
						   (int)arg.out_count;
}

static int slot_set(const struct vmshm_kvm_binding *binding,
		    const struct vmshm_bind_slot *slot, __u64 length)
{
	struct kvm_userspace_memory_region arg = {
		.slot = slot->slot,
		.guest_phys_addr = slot->guest_addr,
		.memory_size = length,
		.userspace_addr = (uintptr_t)(binding->addr +
					      (slot->offset - binding->offset)),
	};
	int rc;

	if (slot->flags & VMSHM_BIND_READONLY)
		arg.flags |= KVM_MEM_READONLY;
	if (slot->flags & VMSHM_BIND_LOG)
		arg.flags |= KVM_MEM_LOG_DIRTY_PAGES;
	rc = vmshm__ioctl(binding->vm_fd, KVM_SET_USER_MEMORY_REGION, &arg);
	/* All else was checked: the slot is there, and another one. */
	return rc == -EINVAL ? -EEXIST : rc;
}

static bool slot_same_memory(const struct vmshm_bind_slot *a,
			     const struct vmshm_bind_slot *b)
{
	return a->slot == b->slot && a->offset == b->offset &&
	       a->length == b->length;
}

/*
 * Moves the first @count slots to where they are wanted, those first that are
 * in the others' way.
 */
static int slots_move(struct vmshm_kvm_binding *binding, __u32 count)
{
	const struct vmshm_bind_slot *wanted;
	struct vmshm_bind_slot *slot;
	__u32 i, at;
	int rc;

	for (i = 0; i < count; i++) {
		at = binding->wanted[0].guest_addr >
		     binding->slots[0].guest_addr ? count - 1 - i : i;
		slot = &binding->slots[at];
		wanted = &binding->wanted[at];
		if (slot->guest_addr == wanted->guest_addr &&
		    slot->flags == wanted->flags)
			continue;
		rc = slot_set(binding, wanted, wanted->length);
		if (rc)
			return rc;
		*slot = *wanted;
	}
	return 0;
}

/* Makes the slots what the kernel says they are to be. */
static int slots_sync(struct vmshm_kvm_binding *binding)
{
	__u32 keep = 0, count;
	int rc;

	rc = binding_read_slots(binding, binding->wanted);
	if (rc < 0)
		return rc;
	count = (__u32)rc;

	while (keep < count && keep < binding->count &&
	       slot_same_memory(&binding->slots[keep], &binding->wanted[keep]))
		keep++;
	while (binding->count > keep) {
		/* One that the VMM has taken away itself is gone as well. */
		rc = slot_set(binding, &binding->slots[binding->count - 1], 0);
		if (rc && rc != -EEXIST)
			return rc;
		binding->count--;
	}
	rc = slots_move(binding, keep);
	while (!rc && binding->count < count) {
		const struct vmshm_bind_slot *slot =
			&binding->wanted[binding->count];

		rc = slot_set(binding, slot, slot->length);
		if (!rc)
			binding->slots[binding->count++] = *slot;
	}
	return rc;
}

/* Is this a VM, and does it have such slots? */
static int vm_check(int vm_fd, const struct vmshm_bind *arg)
{
	static const char vm[] = "anon_inode:kvm-vm";
	char path[64], target[sizeof(vm)];
	ssize_t len;
	int slots;

	if (fcntl(vm_fd, F_GETFD) < 0)
		return -errno;
	/* Who knows what its ioctls mean, if it is not. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", vm_fd);
	len = readlink(path, target, sizeof(target));
	if (len < 0)
		return -errno;
	if (len != sizeof(vm) - 1 || memcmp(target, vm, sizeof(vm) - 1))
		return -EINVAL;
	slots = ioctl(vm_fd, KVM_CHECK_EXTENSION, KVM_CAP_NR_MEMSLOTS);
	/* Other processes may not ask at all. */
	if (slots < 0)
		return errno == EIO ? -EPERM : -errno;
	if (arg->first_slot >= (__u32)slots ||
	    arg->nr_slots > (__u32)slots - arg->first_slot)
		return -EINVAL;
	return 0;
}

static int binding_open_user(const struct vmshm_region *region, int vm_fd,
			     struct vmshm_bind *arg,
			     struct vmshm_kvm_binding *binding)
{
	int rc;

	rc = vm_check(vm_fd, arg);
	if (rc)
		return rc;
	binding->slots = calloc(arg->nr_slots, sizeof(*binding->slots));
	binding->wanted = calloc(arg->nr_slots, sizeof(*binding->wanted));
	if (!binding->slots || !binding->wanted)
		return -ENOMEM;
	binding->vm_fd = fcntl(vm_fd, F_DUPFD_CLOEXEC, 0);
	if (binding->vm_fd < 0)
		return -errno;

	arg->vm_fd = -1;
	arg->flags |= VMSHM_BIND_USER;
	return vmshm__ioctl(region->fd, VMSHM_IOC_BIND, arg);
}

static int binding_open(const struct vmshm_region *region, int vm_fd,
			const struct vmshm_kvm_bind_options *opt,
			struct vmshm_kvm_binding *binding)
{
	struct vmshm_bind arg = {
		.size = sizeof(arg),
		.flags = opt->flags,
		.vm_fd = vm_fd,
		.first_slot = opt->first_slot,
		.nr_slots = opt->nr_slots,
		.guest_addr = opt->guest_addr,
		.offset = opt->offset,
		.length = opt->length,
		.granule = opt->granule,
		.user_addr = (uintptr_t)opt->addr,
	};
	struct vmshm_bind_stat stat;
	int rc;

	if (!opt->nr_slots || opt->nr_slots > VMSHM_BIND_SLOTS_MAX)
		return -EINVAL;
	rc = -EOPNOTSUPP;
	if (!(opt->flags & VMSHM_BIND_USER))
		rc = vmshm__ioctl(region->fd, VMSHM_IOC_BIND, &arg);
	if (rc == -EOPNOTSUPP)
		rc = binding_open_user(region, vm_fd, &arg, binding);
	if (rc)
		return rc;

	binding->fd = arg.out_fd;
	binding->addr = (unsigned char *)(uintptr_t)arg.out_user_addr;
	binding->nr_slots = opt->nr_slots;
	binding->offset = opt->offset;
	rc = vmshm__stat(binding->fd, VMSHM_IOC_BIND_STAT, &stat, sizeof(stat),
			 BIND_STAT_SIZE_VER0);
	if (rc)
		return rc;
	if (!opt->addr)
		binding->mapped = (size_t)stat.out_length;
	if (binding->vm_fd < 0)
		return 0;
	rc = slots_sync(binding);
	return rc == -EIO ? -EPERM : rc;
}

int vmshm_kvm_bind(const struct vmshm_region *region, int vm_fd,
		   const struct vmshm_kvm_bind_options *options,
		   struct vmshm_kvm_binding **binding)
{
	struct vmshm_kvm_bind_options opt;
	struct vmshm_kvm_binding *new;
	int rc;

	rc = vmshm__options_copy(&opt, sizeof(opt), BIND_OPTIONS_SIZE_VER0,
				 options);
	if (rc)
		return rc;
	if ((opt.flags & ~BIND_FLAGS) || opt.__reserved)
		return -EINVAL;
	new = calloc(1, sizeof(*new));
	if (!new)
		return -ENOMEM;
	new->fd = -1;
	new->vm_fd = -1;
	rc = binding_open(region, vm_fd, &opt, new);
	if (rc) {
		vmshm_kvm_binding_close(new);
		return rc;
	}
	*binding = new;
	return 0;
}

int vmshm_kvm_binding_fd(const struct vmshm_kvm_binding *binding)
{
	return binding->fd;
}

void *vmshm_kvm_binding_addr(const struct vmshm_kvm_binding *binding)
{
	return binding->addr;
}

int vmshm_kvm_binding_dispatch(struct vmshm_kvm_binding *binding)
{
	struct vmshm_bind_slots arg = {
		.size = sizeof(arg),
		.entry_size = sizeof(*binding->slots),
		.count = binding->nr_slots,
	};
	struct vmshm_bind_slot *slots;
	int rc;

	if (binding->vm_fd >= 0)
		return slots_sync(binding);

	/* All that is to be done is to have seen them. */
	slots = calloc(binding->nr_slots, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	arg.entries = (uintptr_t)slots;
	rc = vmshm__ioctl(binding->fd, VMSHM_IOC_BIND_SLOTS, &arg);
	free(slots);
	return rc;
}

int vmshm_kvm_binding_update(struct vmshm_kvm_binding *binding,
			     __u64 guest_addr, __u32 flags)
{
	struct vmshm_bind_update arg = {
		.size = sizeof(arg),
		.guest_addr = guest_addr,
	};
	const __u32 may_change = VMSHM_BIND_LOG | VMSHM_BIND_FOLLOW;
	struct vmshm_bind_stat stat;
	int rc;

	if (flags & ~may_change)
		return -EINVAL;
	rc = vmshm__stat(binding->fd, VMSHM_IOC_BIND_STAT, &stat, sizeof(stat),
			 BIND_STAT_SIZE_VER0);
	if (rc)
		return rc;
	if (stat.out_flags & VMSHM_BIND_ENDED)
		return -ESRCH;
	arg.flags = (stat.out_flags & ~may_change) | flags;
	rc = vmshm__ioctl(binding->fd, VMSHM_IOC_BIND_UPDATE, &arg);
	if (rc || binding->vm_fd < 0)
		return rc;

	rc = slots_sync(binding);
	if (!rc)
		return 0;
	/* The VM does not take them there: all back. */
	arg.flags = stat.out_flags;
	arg.guest_addr = stat.out_guest_addr;
	if (!vmshm__ioctl(binding->fd, VMSHM_IOC_BIND_UPDATE, &arg))
		slots_sync(binding);
	return rc;
}

int vmshm_kvm_binding_stat(const struct vmshm_kvm_binding *binding,
			   struct vmshm_bind_stat *stat, size_t stat_size)
{
	return vmshm__stat(binding->fd, VMSHM_IOC_BIND_STAT, stat, stat_size,
			   BIND_STAT_SIZE_VER0);
}

int vmshm_kvm_binding_slots(struct vmshm_kvm_binding *binding,
			    struct vmshm_bind_slot *slots, size_t count)
{
	struct vmshm_bind_slot *all = binding->slots;
	int rc = (int)binding->count;

	if (binding->vm_fd < 0) {
		all = calloc(binding->nr_slots, sizeof(*all));
		if (!all)
			return -ENOMEM;
		rc = binding_read_slots(binding, all);
	}
	if (rc > 0 && count)
		memcpy(slots, all, sizeof(*all) *
		       (count < (size_t)rc ? count : (size_t)rc));
	if (binding->vm_fd < 0)
		free(all);
	return rc;
}

void vmshm_kvm_binding_close(struct vmshm_kvm_binding *binding)
{
	if (!binding)
		return;

	while (binding->count) {
		slot_set(binding, &binding->slots[binding->count - 1], 0);
		binding->count--;
	}
	if (binding->fd >= 0)
		close(binding->fd);
	if (binding->vm_fd >= 0)
		close(binding->vm_fd);
	/* After the slots that use it. */
	if (binding->mapped)
		munmap(binding->addr, binding->mapped);
	free(binding->slots);
	free(binding->wanted);
	free(binding);
}
