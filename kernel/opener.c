// SPDX-License-Identifier: GPL-2.0
/*
 * Openers: the process that opened a file, joined a group or bound a region, and
 * has it ended?
 *
 * The process is the thread group of the task that made the call, known by its
 * struct pid, which no later process gets. Its end is learned from the wait
 * queue that pidfds are woken by; the wake-up is under tasklist_lock, so that
 * telling it is left to a work item.
 */
#include <linux/cred.h>
#include <linux/pid.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/string.h>
#include <linux/timekeeping.h>

#include "vmshm.h"

/* Bit 0 of opener->exited. */
#define VMSHM_OPENER_EXITED	0

/**
 * vmshm_opener_ended() - has the process ended?
 * @opener: the opener
 *
 * A process whose first thread has ended, but not all others, has not; nor has
 * one of which another thread calls execve(), which keeps the struct pid.
 *
 * Context: any.
 * Return: true if all its threads are zombies or gone.
 */
bool vmshm_opener_ended(const struct vmshm_opener *opener)
{
	struct task_struct *task;
	bool ended;

	rcu_read_lock();
	task = pid_task(opener->pid, PIDTYPE_PID);
	ended = !task || (READ_ONCE(task->exit_state) &&
			  thread_group_empty(task));
	rcu_read_unlock();
	return ended;
}

/* As vmshm_opener_ended(), or on the way there with no way back. */
static bool vmshm_opener_ending(const struct vmshm_opener *opener)
{
	struct task_struct *task;
	bool ending;

	rcu_read_lock();
	task = pid_task(opener->pid, PIDTYPE_PID);
	ending = !task ||
		 (READ_ONCE(task->signal->flags) & SIGNAL_GROUP_EXIT) ||
		 (READ_ONCE(task->exit_state) && thread_group_empty(task));
	rcu_read_unlock();
	return ending;
}

static void vmshm_opener_tell(struct vmshm_opener *opener)
{
	if (!test_and_set_bit(VMSHM_OPENER_EXITED, &opener->exited))
		opener->exit(opener);
}

static void vmshm_opener_exit_work(struct work_struct *work)
{
	vmshm_opener_tell(container_of(work, struct vmshm_opener, exit_work));
}

/*
 * Called under the wait queue's lock, mostly under tasklist_lock too. There are
 * wake-ups for other reasons: a traced thread has ended, or the first one while
 * others go on.
 */
static int vmshm_opener_exit_wake(wait_queue_entry_t *wait, unsigned int mode,
				  int sync, void *key)
{
	struct vmshm_opener *opener = container_of(wait, struct vmshm_opener,
						   exit_wait);

	if (vmshm_opener_ended(opener))
		queue_work(vmshm_wq, &opener->exit_work);
	return 0;
}

/**
 * vmshm_task_comm() - name of the process that a task is of
 * @comm: filled in
 * @task: the task; it stays, by RCU or otherwise
 *
 * Context: under RCU.
 */
void vmshm_task_comm(char comm[TASK_COMM_LEN], struct task_struct *task)
{
	char buf[TASK_COMM_LEN];

	get_task_comm(buf, READ_ONCE(task->group_leader));
	memcpy(comm, buf, sizeof(buf));
}

/**
 * vmshm_opener_init() - note who the current process is
 * @opener: where
 * @exit: what to call when the process has ended, once at most; in process
 *	context, may sleep; NULL if it is never started or closed
 *
 * Context: process context of whoever opens.
 */
void vmshm_opener_init(struct vmshm_opener *opener,
		       void (*exit)(struct vmshm_opener *opener))
{
	opener->pid = get_pid(task_tgid(current));
	opener->uid = current_fsuid();
	opener->since_ns = ktime_get_real_ns();
	rcu_read_lock();
	vmshm_task_comm(opener->comm, current);
	rcu_read_unlock();
	opener->exit = exit;
	opener->exited = 0;
	INIT_WORK(&opener->exit_work, vmshm_opener_exit_work);
	init_waitqueue_func_entry(&opener->exit_wait, vmshm_opener_exit_wake);
}

/**
 * vmshm_opener_start() - begin to wait for the end of the process
 * @opener: the opener, of the current process
 *
 * The process has not ended before this since one of its threads, which a
 * worker of io_uring is too, is here.
 *
 * Context: process context of whoever opens.
 */
void vmshm_opener_start(struct vmshm_opener *opener)
{
	add_wait_queue(&opener->pid->wait_pidfd, &opener->exit_wait);
}

/**
 * vmshm_opener_stop() - undo vmshm_opener_start()
 * @opener: the opener
 *
 * Context: may sleep; waits for the call of @exit that may be under way: not
 * under a lock that is taken there.
 */
void vmshm_opener_stop(struct vmshm_opener *opener)
{
	remove_wait_queue(&opener->pid->wait_pidfd, &opener->exit_wait);
	cancel_work_sync(&opener->exit_work);
}

/**
 * vmshm_opener_close() - call @exit if the process is what closes the file
 * @opener: the opener, stopped
 *
 * When a process is killed, or just ends, its files are closed before anybody
 * is told that it has ended: the wake-up comes too late for the file that
 * nobody else holds. Being closed on the way to the end counts as having ended,
 * so that watchers can tell a process that died from one that closed its file.
 *
 * Context: may sleep.
 */
void vmshm_opener_close(struct vmshm_opener *opener)
{
	if (vmshm_opener_ending(opener))
		vmshm_opener_tell(opener);
}

/**
 * vmshm_opener_release() - let go of the process
 * @opener: the opener, stopped or never started
 */
void vmshm_opener_release(struct vmshm_opener *opener)
{
	put_pid(opener->pid);
}

/**
 * vmshm_opener_comm() - name of the process
 * @opener: the opener
 * @comm: filled in: its name now, or when it called if it has ended since
 *
 * Context: any.
 * Return: false if the process has ended.
 */
bool vmshm_opener_comm(const struct vmshm_opener *opener,
		       char comm[TASK_COMM_LEN])
{
	struct task_struct *task;

	memcpy(comm, opener->comm, TASK_COMM_LEN);
	if (vmshm_opener_ended(opener))
		return false;

	rcu_read_lock();
	task = pid_task(opener->pid, PIDTYPE_PID);
	if (task)
		vmshm_task_comm(comm, task);
	rcu_read_unlock();
	return true;
}
