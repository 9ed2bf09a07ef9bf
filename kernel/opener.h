/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vmshm: the process behind an open file, a peer or a binding.
 */
#ifndef _VMSHM_OPENER_H
#define _VMSHM_OPENER_H

#include <linux/sched.h>
#include <linux/uidgid.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

/**
 * struct vmshm_opener - the process that opened a file, joined a group or bound
 *	a region to a VM
 * @pid: the process (thread group); a counted reference
 * @uid: its user then
 * @comm: its name then
 * @since_ns: when, CLOCK_REALTIME
 * @exit: called once when the process has ended
 * @exit_wait: entry in @pid's wait queue, queues @exit_work
 * @exit_work: calls @exit
 * @exited: bit 0: @exit was called
 */
struct vmshm_opener {
	struct pid *pid;
	kuid_t uid;
	char comm[TASK_COMM_LEN];
	u64 since_ns;
	void (*exit)(struct vmshm_opener *opener);
	wait_queue_entry_t exit_wait;
	struct work_struct exit_work;
	unsigned long exited;
};

void vmshm_opener_init(struct vmshm_opener *opener,
		       void (*exit)(struct vmshm_opener *opener));
void vmshm_opener_start(struct vmshm_opener *opener);
void vmshm_opener_stop(struct vmshm_opener *opener);
void vmshm_opener_close(struct vmshm_opener *opener);
void vmshm_opener_release(struct vmshm_opener *opener);
bool vmshm_opener_ended(const struct vmshm_opener *opener);
bool vmshm_opener_comm(const struct vmshm_opener *opener,
		       char comm[TASK_COMM_LEN]);
void vmshm_task_comm(char comm[TASK_COMM_LEN], struct task_struct *task);

#endif /* _VMSHM_OPENER_H */
