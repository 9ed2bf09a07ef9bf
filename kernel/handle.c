// SPDX-License-Identifier: GPL-2.0
/*
 * Open files of a region: who opened it, and has that process ended?
 *
 * The process is the thread group of the task that called open, known by its
 * struct pid, which no later process gets. Its end is learned from the wait
 * queue that pidfds are woken by; the wake-up is under tasklist_lock, so that
 * the event is left to a work item.
 */
#include <linux/cred.h>
#include <linux/pid.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>

#include "trace.h"
#include "vmshm.h"

/* Bit 0 of handle->exited. */
#define VMSHM_HANDLE_EXITED	0

/**
 * vmshm_file_rights() - what a file may do to a region
 * @file: the file
 *
 * Return: VMSHM_MEMBER_READ and VMSHM_MEMBER_WRITE bits.
 */
u32 vmshm_file_rights(const struct file *file)
{
	u32 rights = 0;

	if (file->f_mode & FMODE_READ)
		rights |= VMSHM_MEMBER_READ;
	if (file->f_mode & FMODE_WRITE)
		rights |= VMSHM_MEMBER_WRITE;
	return rights;
}

/**
 * vmshm_handle_ended() - has the process that opened a file ended?
 * @handle: the open file
 *
 * A process whose first thread has ended, but not all others, has not; nor has
 * one of which another thread calls execve(), which keeps the struct pid.
 *
 * Context: any.
 * Return: true if all its threads are zombies or gone.
 */
bool vmshm_handle_ended(const struct vmshm_handle *handle)
{
	struct task_struct *task;
	bool ended;

	rcu_read_lock();
	task = pid_task(handle->pid, PIDTYPE_PID);
	ended = !task || (READ_ONCE(task->exit_state) &&
			  thread_group_empty(task));
	rcu_read_unlock();
	return ended;
}

/* As vmshm_handle_ended(), or on the way there with no way back. */
static bool vmshm_handle_ending(const struct vmshm_handle *handle)
{
	struct task_struct *task;
	bool ending;

	rcu_read_lock();
	task = pid_task(handle->pid, PIDTYPE_PID);
	ending = !task ||
		 (READ_ONCE(task->signal->flags) & SIGNAL_GROUP_EXIT) ||
		 (READ_ONCE(task->exit_state) && thread_group_empty(task));
	rcu_read_unlock();
	return ending;
}

static void vmshm_handle_raise_exit(struct vmshm_handle *handle)
{
	if (!test_and_set_bit(VMSHM_HANDLE_EXITED, &handle->exited))
		vmshm_event_handle(handle, VMSHM_EVENT_EXIT);
}

static void vmshm_handle_exit_work(struct work_struct *work)
{
	vmshm_handle_raise_exit(container_of(work, struct vmshm_handle,
					     exit_work));
}

/*
 * Called under the wait queue's lock, mostly under tasklist_lock too. There are
 * wake-ups for other reasons: a traced thread has ended, or the first one while
 * others go on.
 */
static int vmshm_handle_exit_wake(wait_queue_entry_t *wait, unsigned int mode,
				  int sync, void *key)
{
	struct vmshm_handle *handle = container_of(wait, struct vmshm_handle,
						   exit_wait);

	if (vmshm_handle_ended(handle))
		queue_work(vmshm_wq, &handle->exit_work);
	return 0;
}

/**
 * vmshm_handle_open() - note that a region is open
 * @region: the region
 * @file: the file; f_mode is set; gets the handle as private_data
 *
 * Counts in @region->opens. Raises VMSHM_EVENT_OPENED if the region is
 * published; else vmshm_handle_announce() is left to be called when it is.
 *
 * Context: process context of whoever opens; may sleep.
 * Return: 0; -EDQUOT: too much kernel memory for the user; -ENOMEM.
 */
int vmshm_handle_open(struct vmshm_region *region, struct file *file)
{
	struct vmshm_handle *handle;
	struct vmshm_user *user;
	int ret;

	user = vmshm_user_get(region->registry->user_ns);
	if (IS_ERR(user))
		return PTR_ERR(user);

	ret = vmshm_charge_meta(user, sizeof(*handle));
	if (ret)
		goto put_user;

	ret = -ENOMEM;
	handle = kzalloc(sizeof(*handle), GFP_KERNEL_ACCOUNT);
	if (!handle)
		goto uncharge;

	handle->region = region;
	handle->file = file;
	handle->user = user;
	handle->pid = get_pid(task_tgid(current));
	handle->uid = current_fsuid();
	handle->since_ns = ktime_get_real_ns();
	rcu_read_lock();
	get_task_comm(handle->comm, READ_ONCE(current->group_leader));
	rcu_read_unlock();

	file->private_data = handle;
	atomic_inc(&region->opens);
	mutex_lock(&region->handles_lock);
	list_add_tail(&handle->node, &region->handles);
	WRITE_ONCE(region->nr_handles, region->nr_handles + 1);
	mutex_unlock(&region->handles_lock);

	/*
	 * Last: EXIT comes after OPENED. The process has not ended before this
	 * since one of its threads, which a worker of io_uring is too, is here.
	 */
	trace_vmshm_open(region, vmshm_file_rights(file));
	vmshm_handle_announce(handle);
	INIT_WORK(&handle->exit_work, vmshm_handle_exit_work);
	init_waitqueue_func_entry(&handle->exit_wait, vmshm_handle_exit_wake);
	add_wait_queue(&handle->pid->wait_pidfd, &handle->exit_wait);
	return 0;

uncharge:
	vmshm_uncharge_meta(user, sizeof(*handle));
put_user:
	vmshm_user_put(user);
	return ret;
}

/**
 * vmshm_handle_announce() - raise VMSHM_EVENT_OPENED of a published region
 * @handle: the open file
 *
 * Does nothing if the region is not published.
 *
 * Context: may sleep; takes region->event_mutex.
 */
void vmshm_handle_announce(struct vmshm_handle *handle)
{
	vmshm_event_handle(handle, VMSHM_EVENT_OPENED);
}

/**
 * vmshm_handle_release() - a region's file is closed for good
 * @handle: its handle; freed
 *
 * When a process is killed, or just ends, its files are closed before anybody
 * is told that it has ended: the wake-up comes too late for the file that
 * nobody else holds. Being closed on the way to the end counts as having ended,
 * so that watchers can tell a process that died from one that closed its file.
 *
 * By the time of VMSHM_EVENT_CLOSED the file is neither counted nor listed any
 * more. An ephemeral region may lose its name here.
 *
 * Context: process context; may sleep; the caller holds the inode, and none of
 * our locks.
 */
void vmshm_handle_release(struct vmshm_handle *handle)
{
	struct vmshm_region *region = handle->region;

	remove_wait_queue(&handle->pid->wait_pidfd, &handle->exit_wait);
	cancel_work_sync(&handle->exit_work);

	mutex_lock(&region->handles_lock);
	list_del(&handle->node);
	WRITE_ONCE(region->nr_handles, region->nr_handles - 1);
	mutex_unlock(&region->handles_lock);

	if (vmshm_handle_ending(handle))
		vmshm_handle_raise_exit(handle);
	vmshm_registry_drop_open(region);
	vmshm_event_handle(handle, VMSHM_EVENT_CLOSED);

	put_pid(handle->pid);
	vmshm_uncharge_meta(handle->user, sizeof(*handle));
	vmshm_user_put(handle->user);
	kfree(handle);
}
