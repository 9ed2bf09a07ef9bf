/* SPDX-License-Identifier: GPL-2.0 */
/*
 * libvmshm: KVM's own dirty log, given to all logs of the regions.
 *
 * A region's log sees what guests write, with KVM's log or without it. Where
 * KVM's log is on for a slot all the same, because the VMM or a device of the
 * VM's needs it or because it holds what page tables do not show, it has one
 * reader: reading it clears it. Here the library is that reader. It adds up what
 * KVM says and makes the pages dirty in every log of the region, at the place
 * that the slot shows, so that nobody takes a page away from anybody.
 *
 * Nobody else may call KVM_GET_DIRTY_LOG or KVM_CLEAR_DIRTY_LOG for such a slot,
 * or use KVM's dirty ring with the VM.
 *
 * Nothing is lost: what KVM has reported is kept until the region's logs have
 * it, also across calls that fail. A page may be reported twice, once from the
 * page table and once from KVM.
 *
 * Thread safety: any number of threads may use a KVM log at the same time, as
 * long as none of them closes it.
 */
#ifndef _VMSHM_KVM_LOG_H
#define _VMSHM_KVM_LOG_H

#include <vmshm/vmshm.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

struct vmshm_kvm_log;

/**
 * VMSHM_KVM_LOG_AUTO_CLEAR - do without KVM_CLEAR_DIRTY_LOG
 *
 * By default KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2 is switched on for the VM if
 * there is such a thing, so that guests' memory is protected again in small
 * pieces, and only where it was written.
 */
#define VMSHM_KVM_LOG_AUTO_CLEAR	1U

/**
 * vmshm_kvm_log_open() - become the reader of a VM's dirty log
 * @vm_fd: the VM; it must stay open as long as the log
 * @flags: VMSHM_KVM_LOG_AUTO_CLEAR or 0
 * @log: where the log is stored
 *
 * Context: Any thread.
 * Return: 0; -ENOTTY: @vm_fd is not a VM; -EINVAL: an unknown flag; -EBADF,
 * -ENOMEM.
 */
int vmshm_kvm_log_open(int vm_fd, __u32 flags, struct vmshm_kvm_log **log);

/**
 * vmshm_kvm_log_add() - begin to read the log of a slot
 * @log: a log
 * @slot: number of a slot that has KVM_MEM_LOG_DIRTY_PAGES
 * @region: the region it maps; must stay open until the slot is removed
 * @first_page: first page of the region that it maps
 * @nr_pages: how many: exactly the size of the slot, as KVM writes a bit for
 *	each of its pages
 *
 * Context: Any thread.
 * Return: 0; -EEXIST: it is read already; -EACCES: @region is open read-only;
 * -EINVAL: the region has no such pages; -ENOENT: KVM has no such slot, or does
 * not log it; -ENOMEM.
 */
int vmshm_kvm_log_add(struct vmshm_kvm_log *log, __u32 slot,
		      const struct vmshm_region *region, __u64 first_page,
		      __u64 nr_pages);

/**
 * vmshm_kvm_log_remove() - read the log of a slot once more, and not again
 * @log: a log
 * @slot: number of the slot
 *
 * To be called before the slot or its log goes. What the guest writes between
 * the two KVM forgets; the region's own logs have it from the page tables. If
 * the slot has gone before, there is nothing to be read, and it is removed.
 *
 * Context: Any thread.
 * Return: 0; -ENOENT: it was not added. Other errors are those of
 * vmshm_kvm_log_sync(), and the slot was not removed.
 */
int vmshm_kvm_log_remove(struct vmshm_kvm_log *log, __u32 slot);

/**
 * vmshm_kvm_log_sync() - read the logs of all slots into those of the regions
 * @log: a log
 * @pages: where it is stored how many pages KVM has reported, each as often as
 *	there are slots with it; or NULL
 *
 * What guests had written when the call began is in every log of the regions
 * when it returns.
 *
 * Context: Any thread.
 * Return: 0, or the first error there was: of KVM_GET_DIRTY_LOG,
 * KVM_CLEAR_DIRTY_LOG or vmshm_region_merge(). The other slots were read, @pages
 * was stored, and the next call makes up for what is missing.
 */
int vmshm_kvm_log_sync(struct vmshm_kvm_log *log, __u64 *pages);

/**
 * vmshm_kvm_log_close() - free a log
 * @log: a log, or NULL
 *
 * What was not read by then stays with KVM.
 *
 * Context: No other thread may use the log any more.
 */
void vmshm_kvm_log_close(struct vmshm_kvm_log *log);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif /* _VMSHM_KVM_LOG_H */
