// SPDX-License-Identifier: GPL-2.0
/*
 * Dispatch of ioctls: one table for each kind of file.
 *
 * A handler gets a copy of its argument, of the size this kernel knows, and
 * never touches the caller's. What it returns takes effect after it has been
 * copied back: files are installed last.
 */
#include <linux/file.h>
#include <linux/nospec.h>
#include <linux/uaccess.h>

#include "peer.h"

union vmshm_arg {
	struct vmshm_info info;
	struct vmshm_create create;
	struct vmshm_open open;
	struct vmshm_unlink unlink;
	struct vmshm_list list;
	struct vmshm_watch watch;
	struct vmshm_domain domain;
	struct vmshm_stat stat;
	struct vmshm_resize resize;
	struct vmshm_seal seal;
	struct vmshm_members members;
	struct vmshm_readonly readonly;
	struct vmshm_watch_eventfd watch_eventfd;
	struct vmshm_log_open log_open;
	struct vmshm_log_fetch log_fetch;
	struct vmshm_log_rearm log_rearm;
	struct vmshm_log_watermark log_watermark;
	struct vmshm_log_stat log_stat;
	struct vmshm_mark mark;
	struct vmshm_merge merge;
	struct vmshm_join join;
	struct vmshm_peers peers;
	struct vmshm_peer_stat peer_stat;
	struct vmshm_peer_set_vector peer_set_vector;
	struct vmshm_peer_get_vector peer_get_vector;
	struct vmshm_peer_pending peer_pending;
	struct vmshm_bind bind;
	struct vmshm_bindings bindings;
	struct vmshm_bind_stat bind_stat;
	struct vmshm_bind_update bind_update;
	struct vmshm_bind_slots bind_slots;
};

struct vmshm_ioctl {
	unsigned int cmd;
	u32 size;
	u32 min_size;
	bool returns;
	int (*fn)(struct vmshm_ucmd *ucmd);
};

/* @_last is the last member of the struct's first version. */
#define __VMSHM_IOCTL(_base, _ioc, _struct, _last, _fn, _returns)	\
	[_IOC_NR(_ioc) - (_base)] = {					\
		.cmd = (_ioc),						\
		.size = sizeof(struct _struct) +			\
			BUILD_BUG_ON_ZERO(sizeof(struct _struct) >	\
					  sizeof(union vmshm_arg)) +	\
			BUILD_BUG_ON_ZERO(sizeof(struct _struct) % 8),	\
		.min_size = offsetofend(struct _struct, _last),		\
		.returns = (_returns),					\
		.fn = (_fn),						\
	}

/* With members that are written back, or without: those may be read-only. */
#define VMSHM_IOWR(_base, _ioc, _struct, _last, _fn) \
	__VMSHM_IOCTL(_base, _ioc, _struct, _last, _fn, true)
#define VMSHM_IOW(_base, _ioc, _struct, _last, _fn) \
	__VMSHM_IOCTL(_base, _ioc, _struct, _last, _fn, false)

/**
 * vmshm_ucmd_return_file() - have an ioctl return a file
 * @ucmd: the ioctl
 * @out_fd: the member of its argument that tells the descriptor
 * @file: the file; taken over, also on error
 *
 * Return: 0, -EMFILE or -ENOMEM.
 */
int vmshm_ucmd_return_file(struct vmshm_ucmd *ucmd, s32 *out_fd,
			   struct file *file)
{
	int fd;

	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0) {
		fput(file);
		return fd;
	}
	ucmd->fd = fd;
	ucmd->new_file = file;
	*out_fd = fd;
	return 0;
}

static int vmshm_ucmd_finish(struct vmshm_ucmd *ucmd, void __user *uarg,
			     size_t len)
{
	if (copy_to_user(uarg, ucmd->arg, len)) {
		if (ucmd->abort)
			ucmd->abort(ucmd);
		return -EFAULT;
	}
	return ucmd->commit ? ucmd->commit(ucmd) : 0;
}

static int vmshm_ucmd_run(const struct vmshm_ioctl *op, struct vmshm_ucmd *ucmd,
			  void __user *uarg, u32 size)
{
	int err;

	err = op->fn(ucmd);
	if (op->returns && (!err || err == -EMSGSIZE)) {
		int ret = vmshm_ucmd_finish(ucmd, uarg, min(size, op->size));

		if (ret)
			err = ret;
	}
	if (!ucmd->new_file)
		return err;
	if (err) {
		put_unused_fd(ucmd->fd);
		fput(ucmd->new_file);
		return err;
	}
	fd_install(ucmd->fd, ucmd->new_file);
	return 0;
}

/*
 * Copies the caller's argument to @arg, zero-extended to @known bytes. The size
 * is the one that was checked, whatever is there by now.
 */
static int vmshm_get_arg(void *arg, u32 known, u32 min_size,
			 const void __user *uarg)
{
	u32 size;
	int err;

	if (get_user(size, (const u32 __user *)uarg))
		return -EFAULT;
	if (size < min_size)
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;

	err = copy_struct_from_user(arg, known, uarg, size);
	if (err)
		return err;
	*(u32 *)arg = size;
	return 0;
}

static long vmshm_ioctl(const struct vmshm_ioctl *ops, unsigned int base,
			unsigned int nr_ops, struct file *file,
			unsigned int cmd, void __user *uarg)
{
	unsigned int nr = _IOC_NR(cmd) - base;
	const struct vmshm_ioctl *op;
	union vmshm_arg arg;
	int err;

	if (nr >= nr_ops)
		return -ENOTTY;
	op = &ops[array_index_nospec(nr, nr_ops)];
	if (!op->fn || op->cmd != cmd)
		return -ENOTTY;

	err = vmshm_get_arg(&arg, op->size, op->min_size, uarg);
	if (err)
		return err;

	for (;;) {
		struct vmshm_ucmd ucmd = { .file = file, .arg = &arg };

		err = vmshm_ucmd_run(op, &ucmd, uarg, *(u32 *)&arg);
		/*
		 * Somebody else created it first: it can be opened now, unless
		 * it is gone again.
		 */
		if (err != -EEXIST || !ucmd.retry)
			return err;
		if (signal_pending(current))
			return -EINTR;
		cond_resched();
	}
}

static int vmshm_ioctl_get_info(struct vmshm_ucmd *ucmd)
{
	struct vmshm_registry *registry = vmshm_device_registry(ucmd->file);
	struct vmshm_info *arg = ucmd->arg;
	struct vmshm_user *user;

	if (arg->flags)
		return -EOPNOTSUPP;
	if (memchr_inv(&arg->out_abi_version, 0, sizeof(*arg) -
		       offsetof(struct vmshm_info, out_abi_version)))
		return -EINVAL;

	user = vmshm_user_get(registry->user_ns);
	if (IS_ERR(user))
		return PTR_ERR(user);
	arg->out_abi_version = VMSHM_ABI_VERSION;
	arg->out_page_size = PAGE_SIZE;
	arg->out_huge_policies = vmshm_backing_policies();
	arg->out_features = VMSHM_FEATURE_RESERVE | VMSHM_FEATURE_PINNABLE |
			    VMSHM_FEATURE_SEALS | VMSHM_FEATURE_MEMBERS |
			    VMSHM_FEATURE_WATCH | VMSHM_FEATURE_LOG |
			    VMSHM_FEATURE_PEERS;
	if (arg->out_huge_policies & ~BIT(VMSHM_HUGE_NEVER))
		arg->out_features |= VMSHM_FEATURE_HUGE;
	if (vmshm_kvm_present())
		arg->out_features |= VMSHM_FEATURE_KVM;
	arg->out_name_max = VMSHM_NAME_MAX;
	arg->out_registry = registry->id;
	vmshm_limits_info(user, arg);
	vmshm_user_put(user);
	return 0;
}

static const struct vmshm_ioctl vmshm_device_ioctls[] = {
	VMSHM_IOWR(0, VMSHM_IOC_GET_INFO, vmshm_info, __reserved,
		   vmshm_ioctl_get_info),
	VMSHM_IOWR(0, VMSHM_IOC_CREATE, vmshm_create, name,
		   vmshm_ioctl_create),
	VMSHM_IOWR(0, VMSHM_IOC_OPEN, vmshm_open, name, vmshm_ioctl_open),
	VMSHM_IOW(0, VMSHM_IOC_UNLINK, vmshm_unlink, name,
		  vmshm_ioctl_unlink),
	VMSHM_IOWR(0, VMSHM_IOC_LIST, vmshm_list, after, vmshm_ioctl_list),
	VMSHM_IOWR(0, VMSHM_IOC_WATCH, vmshm_watch, prefix,
		   vmshm_ioctl_watch_device),
	VMSHM_IOW(0, VMSHM_IOC_DOMAIN, vmshm_domain, name,
		  vmshm_ioctl_domain),
};

#define VMSHM_REGION_BASE	VMSHM_CMD_WATCH

static const struct vmshm_ioctl vmshm_region_ioctls[] = {
	VMSHM_IOWR(VMSHM_REGION_BASE, VMSHM_IOC_WATCH, vmshm_watch, prefix,
		   vmshm_ioctl_watch_region),
	VMSHM_IOWR(VMSHM_REGION_BASE, VMSHM_IOC_STAT, vmshm_stat, __reserved,
		   vmshm_ioctl_stat),
	VMSHM_IOW(VMSHM_REGION_BASE, VMSHM_IOC_RESIZE, vmshm_resize,
		  region_size, vmshm_ioctl_resize),
	VMSHM_IOWR(VMSHM_REGION_BASE, VMSHM_IOC_SEAL, vmshm_seal, out_seals,
		   vmshm_ioctl_seal),
	VMSHM_IOWR(VMSHM_REGION_BASE, VMSHM_IOC_MEMBERS, vmshm_members,
		   __reserved, vmshm_ioctl_members),
	VMSHM_IOWR(VMSHM_REGION_BASE, VMSHM_IOC_READONLY, vmshm_readonly,
		   __reserved, vmshm_ioctl_readonly),
	VMSHM_IOWR(VMSHM_REGION_BASE, VMSHM_IOC_LOG_OPEN, vmshm_log_open,
		   __reserved, vmshm_ioctl_log_open),
	VMSHM_IOW(VMSHM_REGION_BASE, VMSHM_IOC_MARK, vmshm_mark, __reserved,
		  vmshm_ioctl_mark),
	VMSHM_IOW(VMSHM_REGION_BASE, VMSHM_IOC_MERGE, vmshm_merge, bitmap,
		  vmshm_ioctl_merge),
	VMSHM_IOWR(VMSHM_REGION_BASE, VMSHM_IOC_JOIN, vmshm_join, name,
		   vmshm_ioctl_join),
	VMSHM_IOWR(VMSHM_REGION_BASE, VMSHM_IOC_PEERS, vmshm_peers, __reserved,
		   vmshm_ioctl_peers),
	VMSHM_IOWR(VMSHM_REGION_BASE, VMSHM_IOC_BIND, vmshm_bind,
		   out_user_addr, vmshm_ioctl_bind),
	VMSHM_IOWR(VMSHM_REGION_BASE, VMSHM_IOC_BINDINGS, vmshm_bindings,
		   __reserved, vmshm_ioctl_bindings),
};

static const struct vmshm_ioctl vmshm_log_ioctls[] = {
	VMSHM_IOWR(VMSHM_CMD_LOG_FETCH, VMSHM_IOC_LOG_FETCH, vmshm_log_fetch,
		   __reserved, vmshm_ioctl_log_fetch),
	VMSHM_IOW(VMSHM_CMD_LOG_FETCH, VMSHM_IOC_LOG_REARM, vmshm_log_rearm,
		  __reserved, vmshm_ioctl_log_rearm),
	VMSHM_IOW(VMSHM_CMD_LOG_FETCH, VMSHM_IOC_LOG_WATERMARK,
		  vmshm_log_watermark, watermark, vmshm_ioctl_log_watermark),
	VMSHM_IOWR(VMSHM_CMD_LOG_FETCH, VMSHM_IOC_LOG_STAT, vmshm_log_stat,
		   out_misses, vmshm_ioctl_log_stat),
};

static long vmshm_ioctl_ring(struct file *file, void __user *uarg)
{
	struct vmshm_peer_ring arg;
	int err;

	err = vmshm_get_arg(&arg, sizeof(arg),
			    offsetofend(struct vmshm_peer_ring, vector), uarg);
	return err ?: vmshm_peer_ring(file->private_data, &arg);
}

/* But for VMSHM_IOC_PEER_RING. */
static const struct vmshm_ioctl vmshm_peer_ioctls[] = {
	VMSHM_IOWR(VMSHM_CMD_PEER_STAT, VMSHM_IOC_PEER_STAT, vmshm_peer_stat,
		   out_name, vmshm_ioctl_peer_stat),
	VMSHM_IOW(VMSHM_CMD_PEER_STAT, VMSHM_IOC_PEER_SET_VECTOR,
		  vmshm_peer_set_vector, fd, vmshm_ioctl_peer_set_vector),
	VMSHM_IOWR(VMSHM_CMD_PEER_STAT, VMSHM_IOC_PEER_GET_VECTOR,
		   vmshm_peer_get_vector, __reserved,
		   vmshm_ioctl_peer_get_vector),
	VMSHM_IOWR(VMSHM_CMD_PEER_STAT, VMSHM_IOC_PEER_PENDING,
		   vmshm_peer_pending, out_pending, vmshm_ioctl_peer_pending),
};

static const struct vmshm_ioctl vmshm_binding_ioctls[] = {
	VMSHM_IOWR(VMSHM_CMD_BIND_STAT, VMSHM_IOC_BIND_STAT, vmshm_bind_stat,
		   out_generation, vmshm_ioctl_bind_stat),
	VMSHM_IOW(VMSHM_CMD_BIND_STAT, VMSHM_IOC_BIND_UPDATE,
		  vmshm_bind_update, guest_addr, vmshm_ioctl_bind_update),
	VMSHM_IOWR(VMSHM_CMD_BIND_STAT, VMSHM_IOC_BIND_SLOTS,
		   vmshm_bind_slots, __reserved, vmshm_ioctl_bind_slots),
};

static const struct vmshm_ioctl vmshm_watch_ioctls[] = {
	VMSHM_IOW(VMSHM_CMD_WATCH_EVENTFD, VMSHM_IOC_WATCH_EVENTFD,
		  vmshm_watch_eventfd, __reserved,
		  vmshm_ioctl_watch_eventfd),
};

/**
 * vmshm_device_ioctl() - ->unlocked_ioctl of /dev/vmshm
 * @file: the file
 * @cmd: VMSHM_IOC_*
 * @arg: pointer to the argument
 */
long vmshm_device_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	return vmshm_ioctl(vmshm_device_ioctls, 0,
			   ARRAY_SIZE(vmshm_device_ioctls), file, cmd,
			   (void __user *)arg);
}

/**
 * vmshm_region_ioctl() - ->unlocked_ioctl of a region
 * @file: the file
 * @cmd: VMSHM_IOC_*
 * @arg: pointer to the argument
 */
long vmshm_region_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	return vmshm_ioctl(vmshm_region_ioctls, VMSHM_REGION_BASE,
			   ARRAY_SIZE(vmshm_region_ioctls), file, cmd,
			   (void __user *)arg);
}

/**
 * vmshm_watch_ioctl() - ->unlocked_ioctl of a watch
 * @file: the file
 * @cmd: VMSHM_IOC_*
 * @arg: pointer to the argument
 */
long vmshm_watch_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	return vmshm_ioctl(vmshm_watch_ioctls, VMSHM_CMD_WATCH_EVENTFD,
			   ARRAY_SIZE(vmshm_watch_ioctls), file, cmd,
			   (void __user *)arg);
}

/**
 * vmshm_log_ioctl() - ->unlocked_ioctl of a dirty log
 * @file: the file
 * @cmd: VMSHM_IOC_*
 * @arg: pointer to the argument
 */
long vmshm_log_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	return vmshm_ioctl(vmshm_log_ioctls, VMSHM_CMD_LOG_FETCH,
			   ARRAY_SIZE(vmshm_log_ioctls), file, cmd,
			   (void __user *)arg);
}

/**
 * vmshm_peer_ioctl() - ->unlocked_ioctl of a peer
 * @file: the file
 * @cmd: VMSHM_IOC_*
 * @arg: pointer to the argument
 */
long vmshm_peer_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	/*
	 * It is to cost as much as a write to an eventfd: without the table, and
	 * without room for the largest argument, which the compiler clears.
	 */
	if (cmd == VMSHM_IOC_PEER_RING)
		return vmshm_ioctl_ring(file, (void __user *)arg);
	return vmshm_ioctl(vmshm_peer_ioctls, VMSHM_CMD_PEER_STAT,
			   ARRAY_SIZE(vmshm_peer_ioctls), file, cmd,
			   (void __user *)arg);
}

/**
 * vmshm_binding_ioctl() - ->unlocked_ioctl of a binding
 * @file: the file
 * @cmd: VMSHM_IOC_*
 * @arg: pointer to the argument
 */
long vmshm_binding_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	return vmshm_ioctl(vmshm_binding_ioctls, VMSHM_CMD_BIND_STAT,
			   ARRAY_SIZE(vmshm_binding_ioctls), file, cmd,
			   (void __user *)arg);
}
