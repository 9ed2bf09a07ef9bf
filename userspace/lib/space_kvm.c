// SPDX-License-Identifier: GPL-2.0
/* Address spaces: KVM's memory slots as a sink. */

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include <linux/kvm.h>

#include <vmshm/kvm_log.h>

#include "space.h"

#define WORD_BITS	(CHAR_BIT * sizeof(unsigned long))

/**
 * struct kvm_sink - the slots of a VM that belong to an address space
 * @vm_fd: the VM
 * @first: number of the first slot
 * @count: how many
 * @log: where slots that are logged are added, or NULL
 * @page_shift: of the address space
 * @used: a bit for each slot
 */
struct kvm_sink {
	int vm_fd;
	__u32 first;
	__u32 count;
	struct vmshm_kvm_log *log;
	unsigned int page_shift;
	unsigned long used[];
};

static int set_slot(const struct kvm_sink *sink, const struct vmshm_slot *slot,
		    __u64 length, __u32 flags)
{
	struct kvm_userspace_memory_region arg = {
		.slot = slot->number,
		.guest_phys_addr = slot->address,
		.memory_size = length,
		.userspace_addr = (uintptr_t)slot->memory,
	};

	if (flags & VMSHM_SPACE_READONLY)
		arg.flags |= KVM_MEM_READONLY;
	if (flags & VMSHM_SPACE_LOG)
		arg.flags |= KVM_MEM_LOG_DIRTY_PAGES;
	return vmshm__ioctl(sink->vm_fd, KVM_SET_USER_MEMORY_REGION, &arg);
}

/* Only what can be written, and is a region's, has anything to tell. */
static bool is_read(const struct kvm_sink *sink, const struct vmshm_slot *slot,
		    __u32 flags)
{
	return sink->log && slot->region && flags & VMSHM_SPACE_LOG &&
	       !(flags & VMSHM_SPACE_READONLY);
}

static int begin_read(const struct kvm_sink *sink,
		      const struct vmshm_slot *slot)
{
	return vmshm_kvm_log_add(sink->log, slot->number, slot->region,
				 slot->offset >> sink->page_shift,
				 slot->length >> sink->page_shift);
}

/* A slot that could not be added again when something failed is not read. */
static int end_read(const struct kvm_sink *sink, const struct vmshm_slot *slot)
{
	int rc = vmshm_kvm_log_remove(sink->log, slot->number);

	return rc == -ENOENT ? 0 : rc;
}

static int find_number(const struct kvm_sink *sink, __u32 *number)
{
	__u32 i;

	for (i = 0; i < sink->count; i++) {
		if (!(sink->used[i / WORD_BITS] >> i % WORD_BITS & 1)) {
			*number = sink->first + i;
			return 0;
		}
	}
	return -ENOSPC;
}

static void switch_number(struct kvm_sink *sink, __u32 number)
{
	__u32 i = number - sink->first;

	sink->used[i / WORD_BITS] ^= 1UL << i % WORD_BITS;
}

static int kvm_add(void *data, struct vmshm_slot *slot)
{
	struct kvm_sink *sink = data;
	int rc;

	rc = find_number(sink, &slot->number);
	if (rc)
		return rc;
	rc = set_slot(sink, slot, slot->length, slot->flags);
	if (rc)
		return rc;
	if (is_read(sink, slot, slot->flags)) {
		rc = begin_read(sink, slot);
		if (rc) {
			set_slot(sink, slot, 0, 0);
			return rc;
		}
	}
	switch_number(sink, slot->number);
	return 0;
}

static int kvm_remove(void *data, struct vmshm_slot *slot)
{
	struct kvm_sink *sink = data;
	int rc;

	if (is_read(sink, slot, slot->flags)) {
		rc = end_read(sink, slot);
		if (rc)
			return rc;
	}
	rc = set_slot(sink, slot, 0, 0);
	if (rc) {
		if (is_read(sink, slot, slot->flags))
			begin_read(sink, slot);
		return rc;
	}
	switch_number(sink, slot->number);
	return 0;
}

static int kvm_set_flags(void *data, struct vmshm_slot *slot, __u32 flags)
{
	struct kvm_sink *sink = data;
	int rc;

	if (is_read(sink, slot, slot->flags)) {
		rc = end_read(sink, slot);
		if (rc)
			return rc;
	}
	rc = set_slot(sink, slot, slot->length, flags);
	if (!rc && is_read(sink, slot, flags)) {
		rc = begin_read(sink, slot);
		if (rc)
			set_slot(sink, slot, slot->length, slot->flags);
	}
	if (rc && is_read(sink, slot, slot->flags))
		begin_read(sink, slot);
	return rc;
}

static const struct vmshm_slot_ops kvm_ops = {
	.size = sizeof(kvm_ops),
	.add = kvm_add,
	.remove = kvm_remove,
	.set_flags = kvm_set_flags,
};

static int make_sink(int vm_fd, const struct vmshm_space_kvm_options *opt,
		     struct kvm_sink **sink)
{
	struct kvm_sink *new;
	__u32 all;
	int rc;

	/* Extensions can be asked of a VM since Linux 3.17. */
	rc = ioctl(vm_fd, KVM_CHECK_EXTENSION, KVM_CAP_NR_MEMSLOTS);
	if (rc < 0)
		return -errno;
	all = (__u32)rc;
	if (opt->first_slot >= all || opt->nr_slots > all - opt->first_slot)
		return -EINVAL;
	if (opt->nr_slots)
		all = opt->nr_slots;
	else
		all -= opt->first_slot;

	new = calloc(1, sizeof(*new) + (all / WORD_BITS + 1) *
					       sizeof(new->used[0]));
	if (!new)
		return -ENOMEM;

	new->vm_fd = vm_fd;
	new->first = opt->first_slot;
	new->count = all;
	new->log = opt->log;
	*sink = new;
	return 0;
}

int vmshm_space_open_kvm(int vm_fd,
			 const struct vmshm_space_kvm_options *options,
			 struct vmshm_space **space)
{
	struct vmshm_space_options space_options = {
		.size = sizeof(space_options),
		.ops = &kvm_ops,
	};
	struct vmshm_space_kvm_options opt;
	struct kvm_sink *sink = NULL;
	int rc;

	rc = vmshm__options_copy(&opt, sizeof(opt), SPACE_KVM_OPTIONS_SIZE_VER0,
				 options);
	if (rc)
		return rc;
	rc = make_sink(vm_fd, &opt, &sink);
	if (rc)
		return rc;

	space_options.sink = sink;
	space_options.max_slots = sink->count;
	rc = vmshm_space_open(&space_options, space);
	if (rc) {
		free(sink);
		return rc;
	}

	sink->page_shift = (*space)->page_shift;
	(*space)->free_sink = free;
	return 0;
}
