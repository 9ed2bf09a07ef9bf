// SPDX-License-Identifier: GPL-2.0
/*
 * Watches: files from which events are read.
 *
 * A watch has a ring of fixed size, allocated and charged when it is made.
 * Whoever raises an event puts it in, or counts it as lost if the ring is full:
 * he never waits for a reader and never allocates.
 *
 * Events are lost one after the other while the ring is full, so they are
 * missing between two records that are next to each other. Their number is
 * kept with the later of these, or with the watch as long as there is none, and
 * takes no room in the ring.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/module.h>
#include <linux/pid_namespace.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "watch.h"

#define VMSHM_WATCH_EVENTS	((1U << (VMSHM_EVENT_UNBOUND + 1)) - 1)

static const struct file_operations vmshm_watch_fops;

static struct vmshm_record *vmshm_watch_slot(struct vmshm_watch_ctx *watch,
					     unsigned int i)
{
	/* Neither operand exceeds the capacity. */
	i += watch->head;
	if (i >= watch->capacity)
		i -= watch->capacity;
	return &watch->records[i];
}

/**
 * vmshm_watch_push() - put an event into a queue
 * @watch: the watch
 * @record: the event; copied, with a reference to its pid
 *
 * Ignores what the watch's mask does not ask for.
 *
 * Context: process context, does not sleep; takes watch->lock. The caller keeps
 * @watch by the lock of the list it is in.
 */
void vmshm_watch_push(struct vmshm_watch_ctx *watch,
		      const struct vmshm_record *record)
{
	if (!(watch->mask & (1U << record->type)))
		return;

	spin_lock(&watch->lock);
	if (watch->count < watch->capacity) {
		struct vmshm_record *slot;

		slot = vmshm_watch_slot(watch, watch->count);
		*slot = *record;
		get_pid(slot->pid);
		slot->lost = watch->lost;
		slot->lost_ns = watch->lost_ns;
		watch->lost = 0;
		watch->count++;
	} else {
		if (!watch->lost)
			watch->lost_ns = record->time_ns;
		watch->lost++;
	}
	if (watch->eventfd)
		vmshm_eventfd_signal(watch->eventfd);
	spin_unlock(&watch->lock);
	wake_up_interruptible_poll(&watch->wait, EPOLLIN | EPOLLRDNORM);
}

/**
 * vmshm_watch_hang_up() - tell readers that there will be no more events
 * @watch: the watch
 *
 * Context: process context, does not sleep; takes watch->lock.
 */
void vmshm_watch_hang_up(struct vmshm_watch_ctx *watch)
{
	spin_lock(&watch->lock);
	watch->gone = true;
	spin_unlock(&watch->lock);
	wake_up_interruptible_poll(&watch->wait, EPOLLHUP);
}

/*
 * Describes the next thing to read and leaves it where it is. Returns false if
 * there is none; *gone says if there will be none.
 */
static bool vmshm_watch_peek(struct vmshm_watch_ctx *watch,
			     struct vmshm_event *event, bool *gone)
{
	const struct vmshm_record *record = NULL;
	u64 lost, lost_ns;
	bool any;

	memset(event, 0, sizeof(*event));
	event->size = sizeof(*event);

	spin_lock(&watch->lock);
	if (watch->count) {
		record = vmshm_watch_slot(watch, 0);
		lost = record->lost;
		lost_ns = record->lost_ns;
	} else {
		lost = watch->lost;
		lost_ns = watch->lost_ns;
	}
	if (lost) {
		event->type = VMSHM_EVENT_OVERFLOW;
		event->seq = lost;
		event->time_ns = lost_ns;
	} else if (record) {
		event->type = record->type;
		event->generation = record->generation;
		event->seq = record->seq;
		event->time_ns = record->time_ns;
		event->value = record->value;
		event->old_value = record->old_value;
		event->pid = pid_nr_ns(record->pid,
				       task_active_pid_ns(current));
		event->uid = from_kuid_munged(current_user_ns(), record->uid);
		event->flags = record->flags;
		event->vector = record->vector;
		strscpy(event->name, record->name, sizeof(event->name));
	}
	any = lost || record;
	*gone = watch->gone;
	spin_unlock(&watch->lock);
	return any;
}

/*
 * Takes away what vmshm_watch_peek() described. If that was the number of lost
 * events of an empty ring, it is with a record that has come in since; it did
 * not grow, for an empty ring loses nothing.
 */
static void vmshm_watch_consume(struct vmshm_watch_ctx *watch,
				const struct vmshm_event *event)
{
	struct vmshm_record *record = NULL;
	struct pid *pid = NULL;

	spin_lock(&watch->lock);
	if (watch->count)
		record = vmshm_watch_slot(watch, 0);
	if (event->type != VMSHM_EVENT_OVERFLOW) {
		pid = record->pid;
		watch->head = watch->head + 1 < watch->capacity ?
			      watch->head + 1 : 0;
		watch->count--;
	} else if (record) {
		record->lost = 0;
	} else {
		watch->lost = 0;
	}
	spin_unlock(&watch->lock);
	/* Outside of the lock: it may be the last reference. */
	put_pid(pid);
}

static bool vmshm_watch_readable(struct vmshm_watch_ctx *watch)
{
	bool readable;

	spin_lock(&watch->lock);
	readable = watch->count || watch->lost || watch->gone;
	spin_unlock(&watch->lock);
	return readable;
}

static ssize_t vmshm_watch_read(struct file *file, char __user *buf,
				size_t count, loff_t *ppos)
{
	struct vmshm_watch_ctx *watch = file->private_data;
	bool nonblock = file->f_flags & O_NONBLOCK;
	struct vmshm_event event;
	size_t done = 0;
	bool gone;
	int ret;

	if (count < sizeof(event))
		return -EINVAL;

	for (;;) {
		/*
		 * Who holds this may be waiting for his buffer to be paged in;
		 * he who must not block does not wait for that.
		 */
		if (nonblock) {
			if (!mutex_trylock(&watch->read_mutex))
				return -EAGAIN;
		} else if (mutex_lock_interruptible(&watch->read_mutex)) {
			return -ERESTARTSYS;
		}

		ret = 0;
		while (count - done >= sizeof(event) &&
		       vmshm_watch_peek(watch, &event, &gone)) {
			if (copy_to_user(buf + done, &event, sizeof(event))) {
				ret = -EFAULT;
				break;
			}
			vmshm_watch_consume(watch, &event);
			done += sizeof(event);
		}
		mutex_unlock(&watch->read_mutex);

		if (done)
			return done;
		if (ret || gone)
			return ret;
		if (nonblock)
			return -EAGAIN;
		if (wait_event_interruptible(watch->wait,
					     vmshm_watch_readable(watch)))
			return -ERESTARTSYS;
	}
}

static __poll_t vmshm_watch_poll(struct file *file, poll_table *wait)
{
	struct vmshm_watch_ctx *watch = file->private_data;
	__poll_t mask = 0;

	poll_wait(file, &watch->wait, wait);

	spin_lock(&watch->lock);
	if (watch->count || watch->lost)
		mask |= EPOLLIN | EPOLLRDNORM;
	if (watch->gone)
		mask |= EPOLLHUP;
	spin_unlock(&watch->lock);
	return mask;
}

static void vmshm_watch_show_fdinfo(struct seq_file *m, struct file *file)
{
	struct vmshm_watch_ctx *watch = file->private_data;
	unsigned int count;
	bool eventfd, gone;
	u64 lost;

	spin_lock(&watch->lock);
	count = watch->count;
	lost = watch->lost;
	eventfd = !!watch->eventfd;
	gone = watch->gone;
	spin_unlock(&watch->lock);

	if (watch->region) {
		seq_printf(m, "vmshm-name:\t%s\n", watch->region->name);
		seq_printf(m, "vmshm-generation:\t%llu\n",
			   watch->region->generation);
		seq_printf(m, "vmshm-gone:\t%d\n", gone);
	} else {
		seq_printf(m, "vmshm-prefix:\t%s\n", watch->prefix);
	}
	seq_printf(m, "vmshm-registry:\t%u\n", watch->registry->id);
	seq_printf(m, "vmshm-mask:\t0x%x\n", watch->mask);
	seq_printf(m, "vmshm-queued:\t%u/%u\n", count, watch->capacity);
	seq_printf(m, "vmshm-lost:\t%llu\n", lost);
	seq_printf(m, "vmshm-eventfd:\t%d\n", eventfd);
}

static void vmshm_watch_free(struct vmshm_watch_ctx *watch)
{
	unsigned int i;

	if (watch->eventfd)
		eventfd_ctx_put(watch->eventfd);
	for (i = 0; i < watch->count; i++)
		put_pid(vmshm_watch_slot(watch, i)->pid);
	kvfree(watch->records);
	put_cred(watch->cred);
	if (watch->region)
		vmshm_region_put(watch->region);
	vmshm_registry_put(watch->registry);
	vmshm_uncharge_meta(watch->user, watch->charged);
	vmshm_uncharge_one(watch->user, VMSHM_OBJECT_WATCH);
	vmshm_user_put(watch->user);
	kfree(watch);
}

static int vmshm_watch_release(struct inode *inode, struct file *file)
{
	struct vmshm_watch_ctx *watch = file->private_data;

	if (watch->region) {
		mutex_lock(&watch->region->event_mutex);
		list_del(&watch->node);
		mutex_unlock(&watch->region->event_mutex);
	} else {
		down_write(&watch->registry->watch_lock);
		list_del(&watch->node);
		up_write(&watch->registry->watch_lock);
	}
	vmshm_watch_free(watch);
	return 0;
}

static const struct file_operations vmshm_watch_fops = {
	.owner		= THIS_MODULE,
	.release	= vmshm_watch_release,
	.llseek		= noop_llseek,
	.read		= vmshm_watch_read,
	.poll		= vmshm_watch_poll,
	.unlocked_ioctl	= vmshm_watch_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.show_fdinfo	= vmshm_watch_show_fdinfo,
};

/* Returns a watch that is in no list yet, or an error pointer. */
static struct vmshm_watch_ctx *
vmshm_watch_new(struct vmshm_registry *registry, struct vmshm_region *region,
		u32 mask)
{
	unsigned int capacity = READ_ONCE(vmshm_event_queue_len);
	struct vmshm_watch_ctx *watch;
	struct vmshm_user *user;
	size_t bytes;
	int ret;

	user = vmshm_user_get(registry->user_ns);
	if (IS_ERR(user))
		return ERR_CAST(user);

	ret = vmshm_charge_one(user, VMSHM_OBJECT_WATCH);
	if (ret)
		goto put_user;

	/* A struct pid may have nothing but our reference to keep it. */
	bytes = sizeof(*watch) +
		capacity * (sizeof(*watch->records) + sizeof(struct pid));
	ret = vmshm_charge_meta(user, bytes);
	if (ret)
		goto uncharge_watch;

	ret = -ENOMEM;
	watch = kzalloc(sizeof(*watch), GFP_KERNEL_ACCOUNT);
	if (!watch)
		goto uncharge_meta;
	watch->records = kvcalloc(capacity, sizeof(*watch->records),
				  GFP_KERNEL_ACCOUNT);
	if (!watch->records)
		goto free_watch;

	watch->registry = vmshm_registry_hold(registry);
	watch->region = region ? vmshm_region_hold(region) : NULL;
	watch->user = user;
	watch->cred = get_current_cred();
	watch->mask = mask ?: VMSHM_WATCH_EVENTS;
	watch->capacity = capacity;
	watch->charged = bytes;
	mutex_init(&watch->read_mutex);
	init_waitqueue_head(&watch->wait);
	spin_lock_init(&watch->lock);
	return watch;

free_watch:
	kfree(watch);
uncharge_meta:
	vmshm_uncharge_meta(user, bytes);
uncharge_watch:
	vmshm_uncharge_one(user, VMSHM_OBJECT_WATCH);
put_user:
	vmshm_user_put(user);
	return ERR_PTR(ret);
}

/*
 * Makes a watch that is in no list yet and, in @file, a file of it, which may
 * be released only after the watch has been put into its list.
 */
static struct vmshm_watch_ctx *
vmshm_watch_open(struct vmshm_registry *registry, struct vmshm_region *region,
		 u32 mask, struct file **file)
{
	struct vmshm_watch_ctx *watch = vmshm_watch_new(registry, region, mask);

	if (IS_ERR(watch))
		return watch;
	*file = anon_inode_getfile("[vmshm-watch]", &vmshm_watch_fops, watch,
				   O_RDONLY | O_CLOEXEC);
	if (IS_ERR(*file)) {
		vmshm_watch_free(watch);
		return ERR_CAST(*file);
	}
	return watch;
}

static int vmshm_watch_check(const struct vmshm_watch *arg)
{
	if (arg->flags || (arg->events & ~VMSHM_WATCH_EVENTS))
		return -EOPNOTSUPP;
	if (arg->out_fd || arg->out_seq)
		return -EINVAL;
	return 0;
}

/**
 * vmshm_ioctl_watch_device() - VMSHM_IOC_WATCH on the device
 * @ucmd: with a struct vmshm_watch
 *
 * Context: process context; takes registry->watch_lock.
 * Return: 0 or a negative errno, see struct vmshm_watch.
 */
int vmshm_ioctl_watch_device(struct vmshm_ucmd *ucmd)
{
	struct vmshm_registry *registry = vmshm_device_registry(ucmd->file);
	struct vmshm_watch *arg = ucmd->arg;
	struct vmshm_watch_ctx *watch;
	struct file *file;
	int ret;

	ret = vmshm_watch_check(arg);
	if (ret)
		return ret;
	ret = vmshm_prefix_check(arg->prefix, sizeof(arg->prefix));
	if (ret < 0)
		return ret;

	watch = vmshm_watch_open(registry, NULL, arg->events, &file);
	if (IS_ERR(watch))
		return PTR_ERR(watch);
	strscpy(watch->prefix, arg->prefix, sizeof(watch->prefix));
	down_write(&registry->watch_lock);
	list_add_tail(&watch->node, &registry->watches);
	up_write(&registry->watch_lock);
	return vmshm_ucmd_return_file(ucmd, &arg->out_fd, file);
}

/**
 * vmshm_ioctl_watch_region() - VMSHM_IOC_WATCH on a region
 * @ucmd: with a struct vmshm_watch
 *
 * Context: process context; takes region->event_mutex.
 * Return: 0 or a negative errno, see struct vmshm_watch.
 */
int vmshm_ioctl_watch_region(struct vmshm_ucmd *ucmd)
{
	struct vmshm_region *region = vmshm_file_handle(ucmd->file)->region;
	struct vmshm_watch *arg = ucmd->arg;
	struct vmshm_watch_ctx *watch;
	struct file *file;
	int ret;

	ret = vmshm_watch_check(arg);
	if (ret)
		return ret;
	if (memchr_inv(arg->prefix, 0, sizeof(arg->prefix)))
		return -EINVAL;

	watch = vmshm_watch_open(region->registry, region, arg->events, &file);
	if (IS_ERR(watch))
		return PTR_ERR(watch);
	/* No event between the number that is returned and the first one. */
	mutex_lock(&region->event_mutex);
	list_add_tail(&watch->node, &region->watches);
	arg->out_seq = region->seq;
	mutex_unlock(&region->event_mutex);
	return vmshm_ucmd_return_file(ucmd, &arg->out_fd, file);
}

/**
 * vmshm_ioctl_watch_eventfd() - VMSHM_IOC_WATCH_EVENTFD
 * @ucmd: with a struct vmshm_watch_eventfd
 *
 * Context: process context; takes watch->lock.
 * Return: 0 or a negative errno, see struct vmshm_watch_eventfd.
 */
int vmshm_ioctl_watch_eventfd(struct vmshm_ucmd *ucmd)
{
	struct vmshm_watch_ctx *watch = ucmd->file->private_data;
	struct vmshm_watch_eventfd *arg = ucmd->arg;
	struct eventfd_ctx *eventfd = NULL;

	if (arg->flags)
		return -EOPNOTSUPP;
	if (arg->__reserved)
		return -EINVAL;
	if (arg->fd != -1) {
		eventfd = eventfd_ctx_fdget(arg->fd);
		if (IS_ERR(eventfd))
			return PTR_ERR(eventfd);
	}

	spin_lock(&watch->lock);
	swap(watch->eventfd, eventfd);
	spin_unlock(&watch->lock);
	if (eventfd)
		eventfd_ctx_put(eventfd);
	return 0;
}
