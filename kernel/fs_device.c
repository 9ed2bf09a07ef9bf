// SPDX-License-Identifier: GPL-2.0
/*
 * The mount of the regions of device memory.
 *
 * They are there as long as their device, whether anybody uses them or not, and
 * must not pin the module for that, as the superblock of all other regions does.
 * So they are in a mount of their own, made once, where the module is pinned by
 * each dentry: there is one for each open file. Being of another superblock,
 * they are not in the mounted tree.
 */
#include <linux/anon_inodes.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs_context.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/pseudo_fs.h>

#include "device.h"

struct vfsmount *vmshm_fs_device_mnt;

/* What pins the module for a dentry: core code drops the module with it. */
static const struct file_operations vmshm_pin_fops = {
	.owner		= THIS_MODULE,
	.llseek		= noop_llseek,
};

static int vmshm_device_d_init(struct dentry *dentry)
{
	struct file *pin;

	pin = anon_inode_getfile("[vmshm-pin]", &vmshm_pin_fops, NULL,
				 O_RDONLY);
	if (IS_ERR(pin))
		return PTR_ERR(pin);
	dentry->d_fsdata = pin;
	return 0;
}

static void vmshm_device_d_release(struct dentry *dentry)
{
	fput(dentry->d_fsdata);
}

static const struct dentry_operations vmshm_device_dentry_ops = {
	.d_delete	= always_delete_dentry,
	.d_dname	= vmshm_dname,
	.d_init		= vmshm_device_d_init,
	.d_release	= vmshm_device_d_release,
};

static int vmshm_device_init_fs_context(struct fs_context *fc)
{
	struct pseudo_fs_context *ctx;

	ctx = init_pseudo(fc, VMSHM_SUPER_MAGIC);
	if (!ctx)
		return -ENOMEM;
	fc->s_iflags |= SB_I_NOEXEC | SB_I_NODEV;
	ctx->ops = &vmshm_super_ops;
	ctx->dops = &vmshm_device_dentry_ops;
	return 0;
}

/* Without an owner: its superblock does not pin the module. */
static struct file_system_type vmshm_device_fs_type = {
	.name		= "vmshmfs",
	.init_fs_context = vmshm_device_init_fs_context,
	.kill_sb	= kill_anon_super,
};

/**
 * vmshm_fs_device_init() - mount what regions of device memory are in
 *
 * Return: 0 or a negative errno.
 */
int __init vmshm_fs_device_init(void)
{
	vmshm_fs_device_mnt = kern_mount(&vmshm_device_fs_type);
	return PTR_ERR_OR_ZERO(vmshm_fs_device_mnt);
}

/**
 * vmshm_fs_device_exit() - undo vmshm_fs_device_init()
 *
 * Context: there are no regions of device memory.
 */
void vmshm_fs_device_exit(void)
{
	kern_unmount(vmshm_fs_device_mnt);
}
