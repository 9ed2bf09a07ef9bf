// SPDX-License-Identifier: GPL-2.0
/* KVM's own dirty log, given to the logs of the regions. */

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include <linux/kvm.h>

#include <vmshm/kvm_log.h>

#include "internal.h"

/* KVM numbers the pages of a slot with 31 bits. */
#define MAX_PAGES	((1ULL << 31) - 1)

/**
 * struct log_slot - a slot whose log is read
 * @next: of the same VM
 * @slot: its number
 * @region: what it maps
 * @first_page: first page of @region that it maps
 * @nr_pages: how many
 * @fetched: what KVM has just said, a bit for each page
 * @pending: what the region's logs do not have yet
 *
 * KVM's log is cleared before the region's logs are told: what is written in
 * between is in the next round. Told first and cleared afterwards, it would be
 * in none. So KVM has forgotten what a failed call had fetched: @pending has not.
 */
struct log_slot {
	struct log_slot *next;
	__u32 slot;
	const struct vmshm_region *region;
	__u64 first_page;
	__u64 nr_pages;
	__u64 *fetched;
	__u64 *pending;
};

/**
 * struct vmshm_kvm_log - the reader of a VM's dirty log
 * @lock: protects @slots and what they hold
 * @vm_fd: the VM
 * @manual: KVM_GET_DIRTY_LOG clears nothing, KVM_CLEAR_DIRTY_LOG does
 * @slots: slots that are read
 */
struct vmshm_kvm_log {
	pthread_mutex_t lock;
	int vm_fd;
	bool manual;
	struct log_slot *slots;
};

int vmshm_kvm_log_open(int vm_fd, __u32 flags, struct vmshm_kvm_log **log)
{
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2,
		.args[0] = KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE,
	};
	struct vmshm_kvm_log *new;
	int offered, rc;

	if (flags & ~VMSHM_KVM_LOG_AUTO_CLEAR)
		return -EINVAL;
	offered = ioctl(vm_fd, KVM_CHECK_EXTENSION, cap.cap);
	if (offered < 0)
		return -errno;

	new = calloc(1, sizeof(*new));
	if (!new)
		return -ENOMEM;

	new->vm_fd = vm_fd;
	/* What is on stays on: it is said of the VM. Then it must be told. */
	if (flags & VMSHM_KVM_LOG_AUTO_CLEAR)
		cap.args[0] = 0;
	if (offered & KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE) {
		rc = vmshm__ioctl(vm_fd, KVM_ENABLE_CAP, &cap);
		if (rc) {
			free(new);
			return rc;
		}
		new->manual = cap.args[0];
	}
	pthread_mutex_init(&new->lock, NULL);
	*log = new;
	return 0;
}

static size_t words(const struct log_slot *slot)
{
	return (size_t)((slot->nr_pages + 63) / 64);
}

static int fetch(const struct vmshm_kvm_log *log, struct log_slot *slot,
		 __u64 *pages)
{
	struct kvm_dirty_log get = {
		.slot = slot->slot,
		.dirty_bitmap = slot->fetched,
	};
	struct kvm_clear_dirty_log clear = {
		.slot = slot->slot,
		.num_pages = (__u32)slot->nr_pages,
		.dirty_bitmap = slot->fetched,
	};
	__u64 found = 0;
	size_t i;
	int rc;

	rc = vmshm__ioctl(log->vm_fd, KVM_GET_DIRTY_LOG, &get);
	if (rc)
		return rc;
	for (i = 0; i < words(slot); i++) {
		slot->pending[i] |= slot->fetched[i];
		found += (__u64)__builtin_popcountll(slot->fetched[i]);
	}
	*pages += found;
	if (!log->manual || !found)
		return 0;
	return vmshm__ioctl(log->vm_fd, KVM_CLEAR_DIRTY_LOG, &clear);
}

static int merge(struct log_slot *slot)
{
	size_t i;
	int rc;

	rc = vmshm_region_merge(slot->region, slot->first_page, slot->pending,
				slot->nr_pages);
	if (rc)
		return rc;
	for (i = 0; i < words(slot); i++)
		slot->pending[i] = 0;
	return 0;
}

static int sync_slot(const struct vmshm_kvm_log *log, struct log_slot *slot,
		     __u64 *pages)
{
	int fetched, merged;

	/* What has been fetched before is to arrive in any case. */
	fetched = fetch(log, slot, pages);
	merged = merge(slot);
	return fetched ? fetched : merged;
}

static void free_slot(struct log_slot *slot)
{
	free(slot->fetched);
	free(slot->pending);
	free(slot);
}

static struct log_slot *new_slot(__u32 number,
				 const struct vmshm_region *region,
				 __u64 first_page, __u64 nr_pages)
{
	struct log_slot *slot = calloc(1, sizeof(*slot));

	if (!slot)
		return NULL;

	slot->slot = number;
	slot->region = region;
	slot->first_page = first_page;
	slot->nr_pages = nr_pages;
	slot->fetched = calloc(words(slot), sizeof(*slot->fetched));
	slot->pending = calloc(words(slot), sizeof(*slot->pending));
	if (!slot->fetched || !slot->pending) {
		free_slot(slot);
		return NULL;
	}
	return slot;
}

static struct log_slot **find_slot(struct vmshm_kvm_log *log, __u32 number)
{
	struct log_slot **link = &log->slots;

	while (*link && (*link)->slot != number)
		link = &(*link)->next;
	return link;
}

int vmshm_kvm_log_add(struct vmshm_kvm_log *log, __u32 slot,
		      const struct vmshm_region *region, __u64 first_page,
		      __u64 nr_pages)
{
	struct log_slot *new;
	__u64 pages = 0;
	int rc;

	if (!nr_pages || nr_pages > MAX_PAGES)
		return -EINVAL;
	if (region->is_readonly)
		return -EACCES;
	new = new_slot(slot, region, first_page, nr_pages);
	if (!new)
		return -ENOMEM;

	pthread_mutex_lock(&log->lock);
	if (*find_slot(log, slot)) {
		rc = -EEXIST;
		goto unlock;
	}
	/* Says whether there are such a slot and such pages. */
	rc = sync_slot(log, new, &pages);
	if (rc)
		goto unlock;
	new->next = log->slots;
	log->slots = new;
	pthread_mutex_unlock(&log->lock);
	return 0;

unlock:
	pthread_mutex_unlock(&log->lock);
	free_slot(new);
	return rc;
}

int vmshm_kvm_log_remove(struct vmshm_kvm_log *log, __u32 slot)
{
	struct log_slot **link, *old;
	__u64 pages = 0;
	int rc = -ENOENT, merged;

	pthread_mutex_lock(&log->lock);
	link = find_slot(log, slot);
	old = *link;
	if (old) {
		rc = fetch(log, old, &pages);
		merged = merge(old);
		/* KVM has no log of it any more: there is nothing to come. */
		if (!rc || rc == -ENOENT)
			rc = merged;
	}
	if (!rc)
		*link = old->next;
	pthread_mutex_unlock(&log->lock);
	if (!rc)
		free_slot(old);
	return rc;
}

int vmshm_kvm_log_sync(struct vmshm_kvm_log *log, __u64 *pages)
{
	struct log_slot *slot;
	__u64 found = 0;
	int rc = 0, this;

	pthread_mutex_lock(&log->lock);
	for (slot = log->slots; slot; slot = slot->next) {
		this = sync_slot(log, slot, &found);
		if (!rc)
			rc = this;
	}
	pthread_mutex_unlock(&log->lock);
	if (pages)
		*pages = found;
	return rc;
}

void vmshm_kvm_log_close(struct vmshm_kvm_log *log)
{
	if (!log)
		return;

	while (log->slots) {
		struct log_slot *slot = log->slots;

		log->slots = slot->next;
		free_slot(slot);
	}
	pthread_mutex_destroy(&log->lock);
	free(log);
}
