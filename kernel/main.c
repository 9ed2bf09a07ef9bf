// SPDX-License-Identifier: GPL-2.0
/*
 * vmshm: named, sized, resizable regions of shared memory.
 *
 * The device and the life of the module.
 */
#include <linux/cred.h>
#include <linux/debugfs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>

#include "device.h"

struct workqueue_struct *vmshm_wq;

static struct dentry *vmshm_debugfs;

static int vmshm_device_open(struct inode *inode, struct file *file)
{
	struct vmshm_registry *registry;

	/* Names are those of the opener's user namespace. */
	registry = vmshm_registry_get(file->f_cred->user_ns);
	if (IS_ERR(registry))
		return PTR_ERR(registry);
	file->private_data = registry;
	return 0;
}

static int vmshm_device_release(struct inode *inode, struct file *file)
{
	vmshm_registry_put(file->private_data);
	return 0;
}

static const struct file_operations vmshm_device_fops = {
	.owner		= THIS_MODULE,
	.open		= vmshm_device_open,
	.release	= vmshm_device_release,
	.unlocked_ioctl	= vmshm_device_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.llseek		= noop_llseek,
};

static struct miscdevice vmshm_device = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= "vmshm",
	.fops	= &vmshm_device_fops,
};

static int vmshm_summary_show(struct seq_file *m, void *unused)
{
	vmshm_registry_summary(m);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(vmshm_summary);

static int __init vmshm_init(void)
{
	int err;

	vmshm_wq = alloc_workqueue("vmshm", WQ_UNBOUND, 0);
	if (!vmshm_wq)
		return -ENOMEM;
	err = vmshm_registry_init();
	if (err)
		goto destroy_wq;
	err = vmshm_dirty_init();
	if (err)
		goto registry_exit;
	err = vmshm_backing_init();
	if (err)
		goto dirty_exit;
	err = vmshm_fs_device_init();
	if (err)
		goto backing_exit;
	err = vmshm_ivshmem_init();
	if (err)
		goto fs_device_exit;

	vmshm_debugfs = debugfs_create_dir("vmshm", NULL);
	debugfs_create_file("summary", 0400, vmshm_debugfs, NULL,
			    &vmshm_summary_fops);

	/*
	 * Users can come from here on, and would stay if anything failed: last is
	 * what only does if there is a file system of this name.
	 */
	err = misc_register(&vmshm_device);
	if (err)
		goto remove_debugfs;
	err = vmshm_fs_init();
	if (err)
		goto deregister_device;
	return 0;

deregister_device:
	misc_deregister(&vmshm_device);
remove_debugfs:
	debugfs_remove(vmshm_debugfs);
	vmshm_ivshmem_exit();
fs_device_exit:
	vmshm_fs_device_exit();
backing_exit:
	vmshm_backing_exit();
dirty_exit:
	vmshm_dirty_exit();
registry_exit:
	vmshm_registry_exit();
destroy_wq:
	destroy_workqueue(vmshm_wq);
	return err;
}
module_init(vmshm_init);

static void __exit vmshm_exit(void)
{
	vmshm_fs_exit();
	misc_deregister(&vmshm_device);
	debugfs_remove(vmshm_debugfs);
	vmshm_ivshmem_exit();
	vmshm_fs_device_exit();
	/* The work that let go of the last mount may still be returning. */
	destroy_workqueue(vmshm_wq);
	vmshm_backing_exit();
	vmshm_dirty_exit();
	vmshm_registry_exit();
}
module_exit(vmshm_exit);

MODULE_DESCRIPTION("Named, sized, resizable regions of shared memory");
MODULE_LICENSE("GPL");
