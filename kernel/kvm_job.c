// SPDX-License-Identifier: GPL-2.0
/*
 * The threads of VMs, and who waits for them.
 */
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/kvm_host.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "kvm.h"

/* How long to wait for the slots of a VM, in jiffies. */
#define VMSHM_JOB_TIME		(5 * HZ)

/* How long to wait, in ms, until what there was no memory for is tried again. */
#define VMSHM_AGAIN_WAIT	100

/**
 * vmshm_job_new() - a job with room for slots
 * @nr: how many, or 0: the caller has them
 * @gfp: for the allocations
 *
 * Return: the job, of which @run, @undo and the slots are to be filled in; or NULL.
 */
struct vmshm_job *vmshm_job_new(unsigned int nr, gfp_t gfp)
{
	struct vmshm_job *job = kzalloc(sizeof(*job), gfp);

	if (!job)
		return NULL;
	init_completion(&job->done);
	if (!nr)
		return job;
	job->slots = kvmalloc_array(nr, sizeof(*job->slots), gfp);
	if (!job->slots) {
		kfree(job);
		return NULL;
	}
	return job;
}

/**
 * vmshm_job_free() - free a job that nobody has
 * @job: the job
 */
void vmshm_job_free(struct vmshm_job *job)
{
	kvfree(job->slots);
	kfree(job);
}

/**
 * vmshm_job_do() - have the thread of a VM do a job
 * @vm: the VM
 * @job: the job, which is the thread's to free, or has been freed, afterwards
 * @wait: how long to wait; the limit is VMSHM_JOB_TIME
 * @nr_done: where to store how many slots have been removed, or NULL
 *
 * Context: process context.
 * Return: what job->run() returned; -EBUSY: the VM was kept busy, or nobody was to
 * wait; -EINTR: the caller is being killed. The job has not been done then, or is
 * being undone, except for the slots that are in @nr_done; but it will be, if it is
 * for later.
 */
int vmshm_job_do(struct vmshm_vm *vm, struct vmshm_job *job,
		 enum vmshm_wait wait, unsigned int *nr_done)
{
	long limit = VMSHM_JOB_TIME;
	bool ours;
	long left;
	int err;

	if (wait == VMSHM_WAIT_OWN)
		limit = MAX_SCHEDULE_TIMEOUT;
	spin_lock(&vm->lock);
	list_add_tail(&job->node, &vm->jobs);
	spin_unlock(&vm->lock);
	wake_up(&vm->wait);

	if (wait == VMSHM_WAIT_NOT)
		left = 0;
	else if (wait == VMSHM_WAIT)
		left = wait_for_completion_timeout(&job->done, limit);
	else
		left = wait_for_completion_killable_timeout(&job->done, limit);

	spin_lock(&vm->lock);
	ours = job->finished;
	if (ours)
		err = job->err;
	else
		err = left < 0 ? -EINTR : -EBUSY;
	if (nr_done)
		*nr_done = job->nr_done;
	/* What has not been begun need not be, and must not pile up. */
	if (!ours && !job->later && !list_empty(&job->node)) {
		list_del(&job->node);
		ours = true;
	}
	/* Unless it is ours this is the last that we see of it. */
	WRITE_ONCE(job->given_up, !ours);
	spin_unlock(&vm->lock);
	if (ours)
		vmshm_job_free(job);
	return err;
}

/**
 * vmshm_job_is_unwanted() - is there nobody any more who wants it done?
 * @job: the job, under way
 *
 * Return: true if it was given up, and is not for later.
 */
bool vmshm_job_is_unwanted(const struct vmshm_job *job)
{
	return READ_ONCE(job->given_up) && !job->later;
}

/**
 * vmshm_job_count() - slots have been removed
 * @vm: the VM
 * @job: the job, under way
 * @nr: how many
 *
 * Return: whether that counts. If not, the job has been given up before, and the
 * slots are to be there.
 */
bool vmshm_job_count(struct vmshm_vm *vm, struct vmshm_job *job, unsigned int nr)
{
	bool counts;

	spin_lock(&vm->lock);
	counts = !vmshm_job_is_unwanted(job);
	if (counts)
		job->nr_done += nr;
	spin_unlock(&vm->lock);
	return counts;
}

/* Returns if somebody waits, who frees it. */
static bool vmshm_job_finish(struct vmshm_vm *vm, struct vmshm_job *job, int err)
{
	bool wanted;

	spin_lock(&vm->lock);
	wanted = !job->given_up;
	if (wanted) {
		job->err = job->failed ?: err;
		job->finished = true;
		complete(&job->done);
	}
	spin_unlock(&vm->lock);
	return wanted;
}

/* KVM goes by the current address space in places. Returns if it is still there. */
static bool vmshm_vm_enter_mm(struct mm_struct *mm)
{
	if (!mmget_not_zero(mm))
		return false;
	kthread_use_mm(mm);
	return true;
}

static void vmshm_vm_leave_mm(struct mm_struct *mm)
{
	kthread_unuse_mm(mm);
	mmput(mm);
}

/* Puts a job back, to be done before all others. */
static void vmshm_job_requeue(struct vmshm_vm *vm, struct vmshm_job *job)
{
	spin_lock(&vm->lock);
	list_add(&job->node, &vm->jobs);
	spin_unlock(&vm->lock);
}

/*
 * Without the address space no vCPU can run any more, and on some machines KVM has
 * taken its page tables down: slots go with the VM then, and there is nothing to do.
 */
static int vmshm_job_run(struct vmshm_vm *vm, struct vmshm_job *job)
{
	struct mm_struct *mm = vm->kvm->mm;
	int err;

	if (!vmshm_vm_enter_mm(mm)) {
		vmshm_job_count(vm, job, job->nr);
		return 0;
	}
	err = job->run(vm, job);
	vmshm_vm_leave_mm(mm);
	return err;
}

static void vmshm_vm_run(struct vmshm_vm *vm, struct vmshm_job *job)
{
	int err = vmshm_job_run(vm, job);

	if (err == -ENOMEM && job->later) {
		vmshm_job_requeue(vm, job);
		/* Without the address space: what there is no memory for it may hold. */
		msleep(VMSHM_AGAIN_WAIT);
		return;
	}
	if (vmshm_job_finish(vm, job, err))
		return;
	if (err || !job->undo) {
		vmshm_job_free(job);
		return;
	}
	job->run = job->undo;
	job->undo = NULL;
	vmshm_job_requeue(vm, job);
}

/* May be the end of the VM, which waits for a lot, and unmaps what KVM has mapped. */
static void vmshm_vm_put_kvm(struct kvm *kvm)
{
	struct mm_struct *mm = kvm->mm;
	bool alive = vmshm_vm_enter_mm(mm);

	kvm_put_kvm(kvm);
	if (alive)
		vmshm_vm_leave_mm(mm);
}

/* Returns the next job, NULL if there is none. */
static struct vmshm_job *vmshm_vm_next(struct vmshm_vm *vm)
{
	struct vmshm_job *job;

	spin_lock(&vm->lock);
	job = list_first_entry_or_null(&vm->jobs, struct vmshm_job, node);
	if (job)
		list_del_init(&job->node);
	spin_unlock(&vm->lock);
	return job;
}

static bool vmshm_vm_is_awaited(struct vmshm_vm *vm)
{
	bool awaited;

	spin_lock(&vm->lock);
	awaited = !READ_ONCE(vm->users) || !list_empty(&vm->jobs);
	spin_unlock(&vm->lock);
	return awaited;
}

static int vmshm_vm_thread(void *data)
{
	struct vmshm_vm *vm = data;
	struct vmshm_job *job;
	struct module *owner;

	for (;;) {
		wait_event_idle(vm->wait, vmshm_vm_is_awaited(vm));
		job = vmshm_vm_next(vm);
		if (job)
			vmshm_vm_run(vm, job);
		else if (vmshm_vm_forget(vm))
			break;
	}
	owner = vm->owner;
	vmshm_vm_put_kvm(vm->kvm);
	module_put(owner);
	kfree(vm);
	module_put_and_kthread_exit(0);
}

/**
 * vmshm_vm_start() - start the thread of a VM
 * @vm: the VM, all filled in but what this does; its reference to the VM becomes
 *	the thread's
 *
 * Return: 0; -ENOMEM; -EINTR: the caller is being killed.
 */
int vmshm_vm_start(struct vmshm_vm *vm)
{
	struct task_struct *thread;

	spin_lock_init(&vm->lock);
	init_waitqueue_head(&vm->wait);
	INIT_LIST_HEAD(&vm->jobs);
	/* Whoever attaches has the module; the thread may be there longer. */
	__module_get(THIS_MODULE);
	thread = kthread_run(vmshm_vm_thread, vm, "vmshm-vm/%llu", vm->id);
	if (IS_ERR(thread)) {
		module_put(THIS_MODULE);
		/* EAGAIN is too many threads: there is no room for another. */
		return PTR_ERR(thread) == -EINTR ? -EINTR : -ENOMEM;
	}
	return 0;
}
