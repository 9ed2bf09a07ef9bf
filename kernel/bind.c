// SPDX-License-Identifier: GPL-2.0
/*
 * Bindings as files: how they are made, and how they end.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/mman.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "bind.h"
#include "range.h"

static void vmshm_binding_detach(struct vmshm_binding_ctx *binding)
{
	struct module *owner;

	if (!binding->vm)
		return;
	owner = binding->ops->owner;
	binding->ops->detach(binding->vm);
	binding->vm = NULL;
	module_put(owner);
}

/*
 * Nobody waits for VMs in a kernel thread, where others' files are closed, too, or when
 * he exits: he may have many bindings, of VMs that are kept busy.
 */
static bool vmshm_binding_in_hurry(void)
{
	return current->flags & (PF_KTHREAD | PF_EXITING);
}

/*
 * Whoever is to unmap the memory of slots waits until they are gone; others for a
 * limited time, and not if they are being killed.
 */
static enum vmshm_wait
vmshm_binding_wait(const struct vmshm_binding_ctx *binding)
{
	if (vmshm_binding_in_hurry())
		return VMSHM_WAIT_NOT;
	return current->mm == binding->mm ? VMSHM_WAIT_OWN : VMSHM_WAIT_KILLABLE;
}

/*
 * Removes the slots of a binding that nobody looks at any more, without locks: others
 * who use the region do not wait for its VM.
 */
static void vmshm_binding_remove_all(struct vmshm_binding_ctx *binding, u32 used)
{
	struct vmshm_memslot *slots = NULL;

	if (!used || !binding->vm)
		return;
	swap(slots, binding->slots);
	binding->ops->remove_all(binding->vm, slots, used,
				 vmshm_binding_wait(binding));
}

/* The rest of vmshm_binding_end(), with region->bind_mutex, which it unlocks. */
static void vmshm_binding_end_unlock(struct vmshm_binding_ctx *binding)
{
	struct vmshm_region *region = binding->region;
	u32 used = 0;
	bool ended;

	lockdep_assert_held(&region->bind_mutex);
	ended = binding->flags & VMSHM_BIND_ENDED;
	if (!ended) {
		swap(used, binding->used);
		list_del_init(&binding->node);
		WRITE_ONCE(region->nr_bindings, region->nr_bindings - 1);
	}
	binding->flags |= VMSHM_BIND_ENDED;
	mutex_unlock(&region->bind_mutex);
	if (ended)
		return;

	vmshm_binding_remove_all(binding, used);
	if (binding->announced)
		vmshm_event_binding(binding, VMSHM_EVENT_UNBOUND);
	vmshm_binding_detach(binding);
	wake_up_interruptible_poll(&binding->wait, EPOLLHUP);
}

/*
 * Called for the file and for the address space, whichever goes first. Whoever
 * comes second does not wait for the first.
 */
static void vmshm_binding_end(struct vmshm_binding_ctx *binding)
{
	mutex_lock(&binding->region->bind_mutex);
	vmshm_binding_end_unlock(binding);
}

static void vmshm_binding_end_work(struct work_struct *work)
{
	vmshm_binding_end(container_of(work, struct vmshm_binding_ctx,
				       end_work));
}

static void vmshm_binding_mm_release(struct mmu_notifier *mn,
				     struct mm_struct *mm)
{
	struct vmshm_binding_ctx *binding =
		container_of(mn, struct vmshm_binding_ctx, mn);

	queue_work(vmshm_wq, &binding->end_work);
}

static const struct mmu_notifier_ops vmshm_binding_mn_ops = {
	.release = vmshm_binding_mm_release,
};

/* Frees a binding that has ended or never was in the list. */
static void vmshm_binding_free(struct vmshm_binding_ctx *binding)
{
	/* One that was never in the list is not to be taken out of it. */
	binding->flags |= VMSHM_BIND_ENDED;
	/* This calls ->release if the address space is still there. */
	mmu_notifier_unregister(&binding->mn, binding->mm);
	cancel_work_sync(&binding->end_work);
	vmshm_binding_detach(binding);
	vmshm_opener_release(&binding->opener);
	kvfree(binding->slots);
	vmshm_uncharge_meta(binding->user, binding->charged);
	vmshm_user_put(binding->user);
	vmshm_fs_put_inode(binding->inode);
	kfree(binding);
}

static void vmshm_binding_release_work(struct work_struct *work)
{
	struct vmshm_binding_ctx *binding =
		container_of(work, struct vmshm_binding_ctx, release_work);

	vmshm_binding_end(binding);
	vmshm_binding_free(binding);
	/* vmshm_exit() waits for what is left of this. */
	module_put(THIS_MODULE);
}

static int vmshm_binding_release(struct inode *inode, struct file *file)
{
	struct vmshm_binding_ctx *binding = file->private_data;

	/* Who resizes has the lock while he waits for VMs. */
	if (!vmshm_binding_in_hurry()) {
		mutex_lock(&binding->region->bind_mutex);
	} else if (!mutex_trylock(&binding->region->bind_mutex)) {
		__module_get(THIS_MODULE);
		queue_work(vmshm_wq, &binding->release_work);
		return 0;
	}
	vmshm_binding_end_unlock(binding);
	vmshm_binding_free(binding);
	return 0;
}

static __poll_t vmshm_binding_poll(struct file *file, poll_table *wait)
{
	struct vmshm_binding_ctx *binding = file->private_data;
	__poll_t mask = 0;

	poll_wait(file, &binding->wait, wait);
	if (READ_ONCE(binding->changes) != READ_ONCE(binding->seen))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (READ_ONCE(binding->flags) & VMSHM_BIND_ENDED)
		mask |= EPOLLHUP;
	return mask;
}

static void vmshm_binding_show_fdinfo(struct seq_file *m, struct file *file)
{
	struct vmshm_binding_ctx *binding = file->private_data;
	struct vmshm_region *region = binding->region;

	/* The reader has the file meanwhile, which delays the end of the binding. */
	if (mutex_lock_killable(&region->bind_mutex))
		return;
	seq_printf(m, "vmshm-name:\t%s\n", region->name);
	seq_printf(m, "vmshm-generation:\t%llu\n", region->generation);
	seq_printf(m, "vmshm-bind-flags:\t0x%x\n", binding->flags);
	seq_printf(m, "vmshm-bind-vm:\t%llu\n", binding->vm_id);
	seq_printf(m, "vmshm-bind-address:\t0x%llx\n", binding->guest_addr);
	seq_printf(m, "vmshm-bind-range:\t%llu+%llu\n", binding->offset,
		   binding->length);
	seq_printf(m, "vmshm-bind-bound:\t%llu\n",
		   vmshm_binding_bound(binding));
	seq_printf(m, "vmshm-bind-slots:\t%u+%u/%u\n", binding->first_slot,
		   binding->used, binding->nr_slots);
	mutex_unlock(&region->bind_mutex);
}

static const struct file_operations vmshm_binding_fops = {
	.owner		= THIS_MODULE,
	.release	= vmshm_binding_release,
	.llseek		= noop_llseek,
	.poll		= vmshm_binding_poll,
	.unlocked_ioctl	= vmshm_binding_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.show_fdinfo	= vmshm_binding_show_fdinfo,
};

/* Finds the VM. */
static int vmshm_binding_attach(struct vmshm_binding_ctx *binding, int vm_fd)
{
	const struct vmshm_kvm_ops *ops;
	struct vmshm_vm *vm;
	int err;

	ops = vmshm_kvm_get(vm_fd);
	if (IS_ERR(ops))
		return PTR_ERR(ops);
	err = -EINVAL;
	if (binding->first_slot + binding->nr_slots > ops->max_slots)
		goto put_ops;
	vm = ops->attach(vm_fd);
	if (IS_ERR(vm)) {
		err = PTR_ERR(vm);
		goto put_ops;
	}
	binding->ops = ops;
	binding->vm = vm;
	binding->vm_id = ops->id(vm);
	return 0;

put_ops:
	module_put(ops->owner);
	return err;
}

/* A binding that is in no list and has no slots yet. */
static struct vmshm_binding_ctx *
vmshm_binding_new(struct vmshm_region *region, const struct vmshm_bind *arg,
		  u64 length)
{
	struct vmshm_binding_ctx *binding;
	int err;

	binding = kzalloc(sizeof(*binding), GFP_KERNEL_ACCOUNT);
	if (!binding)
		return ERR_PTR(-ENOMEM);
	binding->user = vmshm_user_get(region->registry->user_ns);
	if (IS_ERR(binding->user)) {
		err = PTR_ERR(binding->user);
		goto free_binding;
	}
	binding->charged = sizeof(*binding) +
		arg->nr_slots * sizeof(*binding->slots);
	/* For the thread of the VM, whose first binding it may be. */
	if (!(arg->flags & VMSHM_BIND_USER))
		binding->charged += THREAD_SIZE;
	err = vmshm_charge_meta(binding->user, binding->charged);
	if (err)
		goto put_user;
	err = -ENOMEM;
	binding->slots = kvcalloc(arg->nr_slots, sizeof(*binding->slots),
				  GFP_KERNEL_ACCOUNT);
	if (!binding->slots)
		goto uncharge;

	INIT_LIST_HEAD(&binding->node);
	binding->region = region;
	binding->first_slot = arg->first_slot;
	binding->nr_slots = arg->nr_slots;
	binding->offset = arg->offset;
	binding->length = length;
	binding->granule = arg->granule;
	binding->flags = arg->flags;
	binding->guest_addr = arg->guest_addr;
	init_waitqueue_head(&binding->wait);
	INIT_WORK(&binding->end_work, vmshm_binding_end_work);
	INIT_WORK(&binding->release_work, vmshm_binding_release_work);
	if (!(arg->flags & VMSHM_BIND_USER)) {
		err = vmshm_binding_attach(binding, arg->vm_fd);
		if (err)
			goto free_slots;
	}
	binding->mm = current->mm;
	binding->mn.ops = &vmshm_binding_mn_ops;
	err = mmu_notifier_register(&binding->mn, binding->mm);
	if (err)
		goto detach;
	vmshm_opener_init(&binding->opener, NULL);
	binding->inode = region->inode;
	ihold(binding->inode);
	return binding;

detach:
	vmshm_binding_detach(binding);
free_slots:
	kvfree(binding->slots);
uncharge:
	vmshm_uncharge_meta(binding->user, binding->charged);
put_user:
	vmshm_user_put(binding->user);
free_binding:
	kfree(binding);
	return ERR_PTR(err);
}

/* Lists a binding that has the slots for a size: -EAGAIN: it needs others now. */
static int vmshm_binding_list(struct vmshm_binding_ctx *binding, u64 size)
{
	struct vmshm_region *region = binding->region;
	int err = 0;

	if (mutex_lock_killable(&region->bind_mutex))
		return -EINTR;
	if (region->nr_bindings >= READ_ONCE(vmshm_bindings_region)) {
		err = -EDQUOT;
	} else if (vmshm_binding_wanted(binding, region->size) !=
		   vmshm_binding_wanted(binding, size)) {
		err = -EAGAIN;
	} else {
		list_add_tail(&binding->node, &region->bindings);
		WRITE_ONCE(region->nr_bindings, region->nr_bindings + 1);
	}
	mutex_unlock(&region->bind_mutex);
	return err;
}

/*
 * Sets the first slots. On error the binding has none, and is only good to be freed.
 *
 * Without locks: mmap_lock may be held for long, and the VM be busy, by whoever has
 * the caller wait, and nobody else is to wait with him. If the mapping is replaced
 * meanwhile, that is as if it happened later. If the size changes, the slots do, too.
 */
static int vmshm_binding_link(struct vmshm_binding_ctx *binding)
{
	struct vmshm_region *region = binding->region;
	u32 used = 0;
	u64 size;
	int err;

	err = vmshm_maps_check(region, binding->user_addr, binding->offset,
			       binding->length,
			       !(binding->flags & VMSHM_BIND_READONLY));
	if (err)
		return err;
	/* Not for sure: vmshm_binding_list() tells. But before slots are set. */
	if (READ_ONCE(region->nr_bindings) >= READ_ONCE(vmshm_bindings_region))
		return -EDQUOT;
	do {
		size = READ_ONCE(region->size);
		if (!(binding->flags & VMSHM_BIND_FOLLOW) &&
		    vmshm_binding_wanted(binding, size) < binding->length)
			err = -EINVAL;
		else
			err = vmshm_binding_extend(binding, size, size,
						   VMSHM_WAIT_OWN);
		/* The first slots are no news to whoever asked for them. */
		if (binding->vm)
			binding->seen = binding->changes;
		if (!err)
			err = vmshm_binding_list(binding, size);
	} while (err == -EAGAIN && !signal_pending(current));
	if (err == -EAGAIN)
		err = -EINTR;
	if (err) {
		swap(used, binding->used);
		vmshm_binding_remove_all(binding, used);
	}
	return err;
}

/* Checks the argument and makes out what a length of 0 means. */
static int vmshm_bind_check(const struct vmshm_region *region, fmode_t mode,
			    const struct vmshm_bind *arg, u64 *length)
{
	u64 max = vmshm_pages(region->max_size) << PAGE_SHIFT;
	int err;

	if (arg->flags & ~(VMSHM_BIND_READONLY | VMSHM_BIND_LOG |
			   VMSHM_BIND_FOLLOW | VMSHM_BIND_USER))
		return -EOPNOTSUPP;
	/* Mappings of it are not of the kind that a binding looks for. */
	if (region->device)
		return -EOPNOTSUPP;
	if (arg->out_fd || arg->out_user_addr)
		return -EINVAL;
	if ((arg->flags & VMSHM_BIND_USER) && arg->vm_fd != -1)
		return -EINVAL;
	if (!PAGE_ALIGNED(arg->guest_addr | arg->offset | arg->length |
			  arg->granule | arg->user_addr))
		return -EINVAL;
	err = vmshm_range_check(arg->offset, arg->length, max);
	if (err)
		return err;
	*length = arg->length ?: max - arg->offset;
	if (!*length)
		return -EINVAL;
	if (*length > ~arg->guest_addr || *length > ~arg->user_addr)
		return -EOVERFLOW;
	if (!arg->nr_slots || arg->first_slot > VMSHM_BIND_SLOTS_MAX ||
	    arg->nr_slots > VMSHM_BIND_SLOTS_MAX + 1 - arg->first_slot)
		return -EINVAL;
	if (!(mode & FMODE_READ))
		return -EACCES;
	if (!(mode & FMODE_WRITE) && !(arg->flags & VMSHM_BIND_READONLY))
		return -EACCES;
	return 0;
}

/* Maps the range as the caller could, or looks where he did. */
static int vmshm_bind_map(struct vmshm_binding_ctx *binding, struct file *file,
			  const struct vmshm_bind *arg)
{
	unsigned long prot = PROT_READ;
	unsigned long addr;

	if (arg->user_addr) {
		binding->user_addr = arg->user_addr;
		return 0;
	}
	if (!(binding->flags & VMSHM_BIND_READONLY))
		prot |= PROT_WRITE;
	addr = vm_mmap(file, 0, binding->length, prot,
		       MAP_SHARED | MAP_NORESERVE, binding->offset);
	if (IS_ERR_VALUE(addr))
		return (long)addr;
	binding->user_addr = addr;
	return 0;
}

/*
 * Unmaps what vmshm_bind_map() mapped. No slot may be there any more: who is being
 * killed has not waited, and leaves it to the end of the address space.
 */
static void vmshm_bind_unmap(const struct vmshm_binding_ctx *binding,
			     const struct vmshm_bind *arg)
{
	if (!arg->user_addr && !fatal_signal_pending(current))
		vm_munmap(binding->user_addr, binding->length);
}

/* The results cannot be given to the caller. */
static void vmshm_bind_abort(struct vmshm_ucmd *ucmd)
{
	struct vmshm_binding_ctx *binding = ucmd->new_file->private_data;

	vmshm_binding_end(binding);
	vmshm_bind_unmap(binding, ucmd->arg);
}

/* The results are with the caller. */
static int vmshm_bind_commit(struct vmshm_ucmd *ucmd)
{
	struct vmshm_binding_ctx *binding = ucmd->new_file->private_data;
	struct vmshm_region *region = binding->region;

	mutex_lock(&region->bind_mutex);
	if (!(binding->flags & VMSHM_BIND_ENDED)) {
		binding->announced = true;
		vmshm_event_binding(binding, VMSHM_EVENT_BOUND);
	}
	mutex_unlock(&region->bind_mutex);
	return 0;
}

/**
 * vmshm_ioctl_bind() - VMSHM_IOC_BIND
 * @ucmd: the ioctl, on a region
 *
 * Return: 0 or an errno of struct vmshm_bind.
 */
int vmshm_ioctl_bind(struct vmshm_ucmd *ucmd)
{
	struct vmshm_region *region = vmshm_file_handle(ucmd->file)->region;
	struct vmshm_binding_ctx *binding;
	struct vmshm_bind *arg = ucmd->arg;
	struct file *file;
	u64 length;
	int err;

	err = vmshm_bind_check(region, ucmd->file->f_mode, arg, &length);
	if (err)
		return err;
	binding = vmshm_binding_new(region, arg, length);
	if (IS_ERR(binding))
		return PTR_ERR(binding);
	err = vmshm_bind_map(binding, ucmd->file, arg);
	if (err)
		goto free_binding;
	err = vmshm_binding_link(binding);
	if (err)
		goto unmap;
	/* From here on the release of the file undoes it all but the mapping. */
	file = anon_inode_getfile("[vmshm-binding]", &vmshm_binding_fops,
				  binding, O_RDWR | O_CLOEXEC);
	if (IS_ERR(file)) {
		err = PTR_ERR(file);
		goto end_binding;
	}
	get_file(file);
	err = vmshm_ucmd_return_file(ucmd, &arg->out_fd, file);
	if (err) {
		vmshm_binding_end(binding);
		vmshm_bind_unmap(binding, arg);
	}
	fput(file);
	if (err)
		return err;
	arg->out_user_addr = binding->user_addr;
	ucmd->commit = vmshm_bind_commit;
	ucmd->abort = vmshm_bind_abort;
	return 0;

end_binding:
	vmshm_binding_end(binding);
unmap:
	vmshm_bind_unmap(binding, arg);
free_binding:
	vmshm_binding_free(binding);
	return err;
}
