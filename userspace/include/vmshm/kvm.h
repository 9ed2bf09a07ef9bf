/* SPDX-License-Identifier: GPL-2.0 */
/*
 * libvmshm: regions as guest memory of KVM's virtual machines.
 *
 * A binding makes a range of a region guest memory of a VM of the calling
 * process, and keeps it right when anybody changes the size of the region. The
 * kernel does that if it can (vmshm_kvm is loaded). Where it cannot, the library
 * sets the VM's memory slots itself, in the calling process. To be right in both
 * cases, a VMM polls vmshm_kvm_binding_fd() and calls
 * vmshm_kvm_binding_dispatch() when it is readable.
 *
 * The conventions are those of vmshm.h. A binding must be used by one thread at
 * a time; vCPUs may run meanwhile.
 */
#ifndef _VMSHM_KVM_H
#define _VMSHM_KVM_H

#include <vmshm/vmshm.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

struct vmshm_kvm_binding;
struct vmshm_kvm_binding_list;

/**
 * struct vmshm_kvm_bind_options - what to bind, and where
 * @size: sizeof(struct vmshm_kvm_bind_options)
 * @guest_addr: guest-physical address
 * @offset: first byte of the region
 * @length: number of bytes; 0 means up to max_size
 * @granule: as in struct vmshm_bind
 * @addr: where the caller has mapped the range; NULL means that the binding
 *	maps it, and unmaps it when it is closed
 * @flags: VMSHM_BIND_READONLY, VMSHM_BIND_LOG, VMSHM_BIND_FOLLOW; with
 *	VMSHM_BIND_USER the library sets the slots even if the kernel could
 * @first_slot: first memory slot that is set aside for the binding
 * @nr_slots: how many are
 * @__reserved: must be 0
 *
 * All numbers of bytes are multiples of the page size.
 */
struct vmshm_kvm_bind_options {
	size_t size;
	__u64 guest_addr;
	__u64 offset;
	__u64 length;
	__u64 granule;
	void *addr;
	__u32 flags;
	__u32 first_slot;
	__u32 nr_slots;
	__u32 __reserved;
};

/**
 * vmshm_kvm_bind() - make a region guest memory
 * @region: a region
 * @vm_fd: a VM of the calling process; it may be closed afterwards
 * @options: what and where
 * @binding: where the binding is stored
 *
 * Context: Any thread.
 * Return: 0; -EBADF, -EINVAL, -EPERM, -EIO, -EACCES, -EOVERFLOW, -EEXIST,
 * -ENOSPC, -EDQUOT, -EINTR, -ENOMEM: see struct vmshm_bind; -E2BIG: an option that
 * this library does not know; -EMFILE, -ENFILE.
 */
int vmshm_kvm_bind(const struct vmshm_region *region, int vm_fd,
		   const struct vmshm_kvm_bind_options *options,
		   struct vmshm_kvm_binding **binding);

/**
 * vmshm_kvm_binding_fd() - the binding's file descriptor, for poll(2)
 * @binding: a binding
 *
 * It is readable when vmshm_kvm_binding_dispatch() is to be called.
 *
 * Context: Any thread.
 * Return: the descriptor; it still belongs to @binding. It has O_CLOEXEC set.
 */
int vmshm_kvm_binding_fd(const struct vmshm_kvm_binding *binding);

/**
 * vmshm_kvm_binding_dispatch() - learn of slots that have changed
 * @binding: a binding
 *
 * If the kernel sets the slots, they are set already. If not, they are set now:
 * until then a guest does not see memory by which the region has grown, and
 * KVM_RUN fails with EFAULT where it has shrunk.
 *
 * Context: One thread at a time; does not wait.
 * Return: 0; -EEXIST: the VM has other memory in the place, or uses the slot;
 * -ENOMEM; the next call tries again.
 */
int vmshm_kvm_binding_dispatch(struct vmshm_kvm_binding *binding);

/**
 * vmshm_kvm_binding_update() - move a binding, or change its flags
 * @binding: a binding
 * @guest_addr: guest-physical address it is to have
 * @flags: VMSHM_BIND_LOG and VMSHM_BIND_FOLLOW as they are to be
 *
 * Context: One thread at a time.
 * Return: 0; -ESRCH, -EEXIST, -EBUSY, -EINVAL, -EOVERFLOW, -EPERM, -EACCES, -EINTR,
 * -ENOMEM: see struct vmshm_bind_update.
 */
int vmshm_kvm_binding_update(struct vmshm_kvm_binding *binding,
			     __u64 guest_addr, __u32 flags);

/**
 * vmshm_kvm_binding_addr() - where the range is mapped
 * @binding: a binding
 *
 * What lies beyond the region's size cannot be touched.
 *
 * Context: Any thread.
 * Return: the address of its first byte.
 */
void *vmshm_kvm_binding_addr(const struct vmshm_kvm_binding *binding);

/**
 * vmshm_kvm_binding_stat() - all there is to know about a binding
 * @binding: a binding
 * @stat: where it is stored; with VMSHM_BIND_USER among its out_flags, the
 *	library sets the slots
 * @stat_size: sizeof(struct vmshm_bind_stat)
 *
 * Context: Any thread.
 * Return: 0; -EINVAL: @stat_size is too small.
 */
int vmshm_kvm_binding_stat(const struct vmshm_kvm_binding *binding,
			   struct vmshm_bind_stat *stat, size_t stat_size);

/**
 * vmshm_kvm_binding_slots() - the memory slots of a binding
 * @binding: a binding
 * @slots: where they are stored, by offset; may be NULL if @count is 0
 * @count: how many there is room for
 *
 * For KVM_GET_DIRTY_LOG, which wants to know the slot. If the kernel sets the
 * slots, this does what vmshm_kvm_binding_dispatch() does.
 *
 * Context: One thread at a time.
 * Return: how many there are, as vmshm_kvm_binding_dispatch() last found them,
 * or the kernel set them; -ENOMEM.
 */
int vmshm_kvm_binding_slots(struct vmshm_kvm_binding *binding,
			    struct vmshm_bind_slot *slots, size_t count);

/**
 * vmshm_kvm_binding_close() - the memory is no longer the guest's
 * @binding: a binding, or NULL
 *
 * Context: No other thread may use the binding any more.
 */
void vmshm_kvm_binding_close(struct vmshm_kvm_binding *binding);

/**
 * vmshm_kvm_binding_list_open() - find out which VMs have a region
 * @region: a region
 * @list: where the list is stored
 *
 * Context: Any thread.
 * Return: 0; -EMSGSIZE: bindings came faster than they could be listed;
 * -ENOMEM.
 */
int vmshm_kvm_binding_list_open(const struct vmshm_region *region,
				struct vmshm_kvm_binding_list **list);

/**
 * vmshm_kvm_binding_list_count() - how many bindings there are
 * @list: a list
 *
 * Context: Any thread.
 * Return: their number.
 */
size_t vmshm_kvm_binding_list_count(const struct vmshm_kvm_binding_list *list);

/**
 * vmshm_kvm_binding_list_next() - the next binding, oldest first
 * @list: a list
 * @binding: where a pointer to its description is stored; valid as long as
 *	@list
 *
 * Context: One thread at a time.
 * Return: 1; 0 at the end.
 */
int vmshm_kvm_binding_list_next(struct vmshm_kvm_binding_list *list,
				const struct vmshm_binding **binding);

/**
 * vmshm_kvm_binding_list_close() - free a list of bindings
 * @list: a list, or NULL
 *
 * Context: No other thread may use the list any more.
 */
void vmshm_kvm_binding_list_close(struct vmshm_kvm_binding_list *list);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif /* _VMSHM_KVM_H */
