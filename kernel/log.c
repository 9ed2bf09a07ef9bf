// SPDX-License-Identifier: GPL-2.0
/*
 * Dirty logs as files.
 */
#include <linux/anon_inodes.h>
#include <linux/cred.h>
#include <linux/file.h>
#include <linux/memcontrol.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/rculist.h>
#include <linux/slab.h>

#include "dirty.h"
#include "range.h"
#include "trace.h"

static size_t vmshm_log_fixed_bytes(const struct vmshm_log *log)
{
	return sizeof(*log) + vmshm_log_coarse_bytes(log);
}

static void vmshm_log_free(struct vmshm_log *log)
{
	vmshm_log_free_units(log);
	kvfree(log->coarse);
	mem_cgroup_put(log->memcg);
	vmshm_uncharge_meta(log->user, vmshm_log_fixed_bytes(log));
	vmshm_user_put(log->user);
	vmshm_fs_put_inode(log->inode);
	mutex_destroy(&log->mutex);
	kfree(log);
}

static void vmshm_log_unlink(struct vmshm_log *log)
{
	struct vmshm_region *region = log->region;

	mutex_lock(&region->logs_mutex);
	list_del_rcu(&log->node);
	region->nr_logs--;
	mutex_unlock(&region->logs_mutex);
	/* Faults mark under RCU. */
	synchronize_rcu();
}

static int vmshm_log_release(struct inode *inode, struct file *file)
{
	struct vmshm_log *log = file->private_data;

	vmshm_log_unlink(log);
	vmshm_log_free(log);
	return 0;
}

static __poll_t vmshm_log_poll(struct file *file, poll_table *wait)
{
	struct vmshm_log *log = file->private_data;

	poll_wait(file, &log->wait, wait);
	if (atomic64_read(&log->nr_dirty) >= (s64)READ_ONCE(log->watermark))
		return EPOLLIN | EPOLLRDNORM;
	return 0;
}

static void vmshm_log_read_stat(struct vmshm_log *log,
				struct vmshm_log_stat *stat)
{
	mutex_lock(&log->mutex);
	stat->out_first_page = log->first;
	stat->out_nr_pages = log->end - log->first;
	/* What is cleared may be subtracted before it has been added. */
	stat->out_dirty = max_t(s64, atomic64_read(&log->nr_dirty), 0);
	stat->out_watermark = READ_ONCE(log->watermark);
	stat->out_fetches = log->fetches;
	stat->out_fetched = log->fetched;
	stat->out_protected = log->protected;
	stat->out_pinned = log->pinned;
	stat->out_fetch_ns = log->fetch_ns;
	stat->out_coarse = atomic64_read(&log->coarse_marks);
	stat->out_memory = vmshm_log_memory(log);
	stat->out_hits = atomic64_read(&log->hits);
	stat->out_misses = atomic64_read(&log->misses);
	mutex_unlock(&log->mutex);
}

static void vmshm_log_show_fdinfo(struct seq_file *m, struct file *file)
{
	struct vmshm_log *log = file->private_data;
	struct vmshm_log_stat stat = {};

	vmshm_log_read_stat(log, &stat);
	seq_printf(m, "vmshm-name:\t%s\n", log->region->name);
	seq_printf(m, "vmshm-generation:\t%llu\n", log->region->generation);
	seq_printf(m, "vmshm-log-pages:\t%llu+%llu\n", stat.out_first_page,
		   stat.out_nr_pages);
	seq_printf(m, "vmshm-log-dirty:\t%llu\n", stat.out_dirty);
	seq_printf(m, "vmshm-log-watermark:\t%llu\n", stat.out_watermark);
	seq_printf(m, "vmshm-log-fetches:\t%llu\n", stat.out_fetches);
	seq_printf(m, "vmshm-log-fetched:\t%llu\n", stat.out_fetched);
	seq_printf(m, "vmshm-log-protected:\t%llu\n", stat.out_protected);
	seq_printf(m, "vmshm-log-pinned:\t%llu\n", stat.out_pinned);
	seq_printf(m, "vmshm-log-fetch-ns:\t%llu\n", stat.out_fetch_ns);
	seq_printf(m, "vmshm-log-coarse:\t%llu\n", stat.out_coarse);
	seq_printf(m, "vmshm-log-memory:\t%llu\n", stat.out_memory);
	seq_printf(m, "vmshm-log-hits:\t%llu\n", stat.out_hits);
	seq_printf(m, "vmshm-log-misses:\t%llu\n", stat.out_misses);
}

static const struct file_operations vmshm_log_fops = {
	.owner		= THIS_MODULE,
	.release	= vmshm_log_release,
	.llseek		= noop_llseek,
	.poll		= vmshm_log_poll,
	.unlocked_ioctl	= vmshm_log_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.show_fdinfo	= vmshm_log_show_fdinfo,
};

/* A log that is in no list yet, with nothing marked. */
static struct vmshm_log *vmshm_log_new(struct vmshm_region *region,
				       pgoff_t first, pgoff_t end)
{
	struct vmshm_log *log;
	int i, err;

	log = kzalloc(sizeof(*log), GFP_KERNEL_ACCOUNT);
	if (!log)
		return ERR_PTR(-ENOMEM);
	log->first = first;
	log->end = end;
	log->base = vmshm_page_unit(first);

	log->user = vmshm_user_get(region->registry->user_ns);
	if (IS_ERR(log->user)) {
		err = PTR_ERR(log->user);
		goto free_log;
	}
	err = vmshm_charge_meta(log->user, vmshm_log_fixed_bytes(log));
	if (err)
		goto put_user;
	err = -ENOMEM;
	log->coarse = kvzalloc(vmshm_log_coarse_bytes(log),
			       GFP_KERNEL_ACCOUNT);
	if (!log->coarse)
		goto uncharge;

	log->region = region;
	log->inode = region->inode;
	ihold(log->inode);
	log->memcg = get_mem_cgroup_from_mm(current->mm);
	mutex_init(&log->mutex);
	xa_init_flags(&log->units, XA_FLAGS_ACCOUNT);
	for (i = 0; i < VMSHM_LOG_LOCKS; i++)
		spin_lock_init(&log->locks[i]);
	init_waitqueue_head(&log->wait);
	return log;

uncharge:
	vmshm_uncharge_meta(log->user, vmshm_log_fixed_bytes(log));
put_user:
	vmshm_user_put(log->user);
free_log:
	kfree(log);
	return ERR_PTR(err);
}

static int vmshm_log_link(struct vmshm_region *region, struct vmshm_log *log)
{
	int err = 0;

	mutex_lock(&region->logs_mutex);
	if (region->nr_logs < READ_ONCE(vmshm_logs_region)) {
		region->nr_logs++;
		list_add_tail_rcu(&log->node, &region->logs);
	} else {
		err = -EDQUOT;
	}
	mutex_unlock(&region->logs_mutex);
	/*
	 * The log is in the list before its opener looks at what is resident,
	 * and at the size. Who does not see it has put the folio into the page
	 * cache, or raised the size, before: pairs with vmshm_page_mkwrite()
	 * and vmshm_dirty_mark_range().
	 */
	smp_mb();
	return err;
}

static int vmshm_log_check(const struct vmshm_region *region,
			   const struct vmshm_log_open *arg,
			   pgoff_t *first, pgoff_t *end)
{
	u64 pages = vmshm_pages(region->max_size);
	u64 nr;

	if (arg->first_page >= pages || arg->nr_pages > pages - arg->first_page)
		return -EINVAL;
	nr = arg->nr_pages ?: pages - arg->first_page;
	if (nr > VMSHM_LOG_PAGES_MAX)
		return -EINVAL;
	*first = arg->first_page;
	*end = arg->first_page + nr;
	return 0;
}

/**
 * vmshm_ioctl_log_open() - VMSHM_IOC_LOG_OPEN
 * @ucmd: the ioctl, on a region
 *
 * Return: 0 or an errno of struct vmshm_log_open.
 */
int vmshm_ioctl_log_open(struct vmshm_ucmd *ucmd)
{
	struct vmshm_region *region = vmshm_file_handle(ucmd->file)->region;
	struct vmshm_log_open *arg = ucmd->arg;
	struct vmshm_log *log;
	struct file *file;
	pgoff_t first, end;
	int err;

	if (arg->flags & ~VMSHM_LOG_ALL_DIRTY)
		return -EOPNOTSUPP;
	if (arg->out_fd || arg->__reserved || arg->watermark > S64_MAX)
		return -EINVAL;
	if (region->flags & (VMSHM_PINNABLE | VMSHM_DEVICE_MEMORY))
		return -EOPNOTSUPP;
	if (!(ucmd->file->f_mode & FMODE_WRITE) &&
	    !(region->flags & VMSHM_LOG_READERS))
		return -EACCES;
	err = vmshm_log_check(region, arg, &first, &end);
	if (err)
		return err;

	log = vmshm_log_new(region, first, end);
	if (IS_ERR(log))
		return PTR_ERR(log);
	log->watermark = arg->watermark ?: 1;
	err = vmshm_log_link(region, log);
	if (err)
		goto free_log;
	/* From here on the release of the file undoes it all. */
	file = anon_inode_getfile("[vmshm-log]", &vmshm_log_fops, log,
				  O_RDWR | O_CLOEXEC);
	if (IS_ERR(file)) {
		err = PTR_ERR(file);
		goto unlink_log;
	}
	if (arg->flags & VMSHM_LOG_ALL_DIRTY) {
		/* Growth that is not in the size read here marks by itself. */
		u64 pages = vmshm_pages(READ_ONCE(region->size));

		if (pages > first)
			vmshm_log_mark_range(log, first, pages - first);
	} else {
		err = vmshm_harvest_open(log);
		if (err) {
			fput(file);
			return err;
		}
	}
	trace_vmshm_log_open(region, first, end - first);
	return vmshm_ucmd_return_file(ucmd, &arg->out_fd, file);

unlink_log:
	vmshm_log_unlink(log);
free_log:
	vmshm_log_free(log);
	return err;
}

static void vmshm_log_forget(struct vmshm_log *log, pgoff_t first)
{
	pgoff_t page = max(first, log->first);

	while (page < log->end) {
		struct vmshm_take take = { .max_runs = UINT_MAX };
		pgoff_t base;

		take.unit = vmshm_log_next_unit(log, vmshm_page_unit(page));
		base = vmshm_unit_page(take.unit);
		if (base >= log->end)
			break;
		page = max(page, base);
		take.from = page - base;
		take.to = min_t(u64, log->end - base, VMSHM_UNIT_PAGES);
		vmshm_log_take(log, &take);
		page = base + take.to;
		cond_resched();
	}
}

/**
 * vmshm_dirty_forget() - a region was shrunk: its logs do without the rest
 * @region: the region, truncated
 * @first: first page that is gone
 *
 * Context: may sleep; takes region->logs_mutex.
 */
void vmshm_dirty_forget(struct vmshm_region *region, pgoff_t first)
{
	struct vmshm_log *log;

	mutex_lock(&region->logs_mutex);
	list_for_each_entry(log, &region->logs, node)
		vmshm_log_forget(log, first);
	mutex_unlock(&region->logs_mutex);
}

/**
 * vmshm_ioctl_log_watermark() - VMSHM_IOC_LOG_WATERMARK
 * @ucmd: the ioctl, on a log
 *
 * Return: 0, -EOPNOTSUPP or -EINVAL.
 */
int vmshm_ioctl_log_watermark(struct vmshm_ucmd *ucmd)
{
	struct vmshm_log *log = ucmd->file->private_data;
	const struct vmshm_log_watermark *arg = ucmd->arg;

	if (arg->flags)
		return -EOPNOTSUPP;
	if (arg->watermark > S64_MAX)
		return -EINVAL;
	WRITE_ONCE(log->watermark, arg->watermark ?: 1);
	/* Pollers look again: there may be enough now. */
	wake_up_interruptible_poll(&log->wait, EPOLLIN | EPOLLRDNORM);
	return 0;
}

/**
 * vmshm_ioctl_log_stat() - VMSHM_IOC_LOG_STAT
 * @ucmd: the ioctl, on a log
 *
 * Return: 0, -EOPNOTSUPP or -EINVAL.
 */
int vmshm_ioctl_log_stat(struct vmshm_ucmd *ucmd)
{
	struct vmshm_log_stat *arg = ucmd->arg;

	if (arg->flags)
		return -EOPNOTSUPP;
	if (memchr_inv(&arg->out_first_page, 0, sizeof(*arg) -
		       offsetof(struct vmshm_log_stat, out_first_page)))
		return -EINVAL;
	vmshm_log_read_stat(ucmd->file->private_data, arg);
	return 0;
}
