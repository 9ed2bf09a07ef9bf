// SPDX-License-Identifier: GPL-2.0
/*
 * The file system of the regions' outer inodes.
 *
 * An outer inode is a regular file without pages of its own: its memory is the
 * inner shmem file's. A read-only handle has a view inode, which refuses
 * whatever writes and delegates the rest to the region's outer inode.
 *
 * The module has it mounted while there is a region, so that its superblock,
 * which pins the module, goes soon after the last one. Files opened by ioctl are in
 * this mount, by dentries without a parent. Users can mount it as well and see
 * a registry as a tree, see tree.c: of the same superblock, so that the files in
 * the tree are the outer inodes themselves.
 *
 * Regions of device memory have a mount of their own, see fs_device.c.
 */
#include <linux/blk_types.h>
#include <linux/cred.h>
#include <linux/fs_context.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/namei.h>

#include "device.h"
#include "tree.h"

static struct vfsmount *vmshm_mnt;
static int vmshm_mnt_count;

/*
 * A mount cannot be let go in ->evict_inode: if it is the last reference, the
 * superblock would be destroyed under the inode being evicted. A work item lets
 * it go, and whoever drops the inode holds the mount meanwhile: by a file, or
 * see vmshm_fs_put_inode().
 */
static atomic_t vmshm_unpins = ATOMIC_INIT(0);

static void vmshm_unpin_work(struct work_struct *work)
{
	int n = atomic_xchg(&vmshm_unpins, 0);

	while (n--)
		simple_release_fs(&vmshm_mnt, &vmshm_mnt_count);
}

static DECLARE_WORK(vmshm_unpin, vmshm_unpin_work);

static struct vfsmount *vmshm_fs_mnt(const struct vmshm_region *region)
{
	return region->device ? vmshm_fs_device_mnt : vmshm_mnt;
}

/**
 * vmshm_fs_put_inode() - drop a reference to an outer inode
 * @inode: the inode
 *
 * For whoever has the inode but no file of it, whose reference to the mount
 * would outlast the inode's eviction: the superblock must, and what
 * vmshm_evict_inode() queues may run before it returns.
 *
 * Context: may sleep.
 */
void vmshm_fs_put_inode(struct inode *inode)
{
	/* Does not change while there is an inode. */
	struct vfsmount *mnt = mntget(vmshm_fs_mnt(inode->i_private));

	iput(inode);
	mntput(mnt);
}

static int vmshm_setattr(vmshm_idmap *idmap, struct dentry *dentry,
			 struct iattr *attr)
{
	struct inode *inode = d_inode(dentry);
	struct vmshm_region *region = inode->i_private;
	umode_t old_mode = inode->i_mode;
	int err;

	err = setattr_prepare(idmap, dentry, attr);
	if (err)
		return err;

	/* Not executable, not set-id, not sticky: nothing could use it. */
	if ((attr->ia_valid & ATTR_MODE) &&
	    (attr->ia_mode & S_IALLUGO & ~0666))
		return -EPERM;

	if (attr->ia_valid & ATTR_SIZE) {
		err = vmshm_region_resize(region, attr->ia_size);
		if (err)
			return err;
	}

	setattr_copy(idmap, inode, attr);
	if (attr->ia_valid & (ATTR_UID | ATTR_GID | ATTR_MODE))
		vmshm_event(region, VMSHM_EVENT_ATTR, inode->i_mode & 0777,
			    old_mode & 0777);
	return 0;
}

static int vmshm_getattr(vmshm_idmap *idmap, const struct path *path,
			 struct kstat *stat, u32 request_mask,
			 unsigned int query_flags)
{
	struct vmshm_region *region = d_inode(path->dentry)->i_private;

	vmshm_fillattr(request_mask, region->inode, stat);
	/* What faults go by; i_size follows when a shrink is complete. */
	stat->size = READ_ONCE(region->size);
	/*
	 * Not the huge page size: clients round lengths up to st_blksize, and
	 * would map beyond the end.
	 */
	stat->blksize = PAGE_SIZE;
	stat->blocks = vmshm_backing_allocated(region) >> SECTOR_SHIFT;
	return 0;
}

static const struct inode_operations vmshm_inode_ops = {
	.setattr	= vmshm_setattr,
	.getattr	= vmshm_getattr,
};

static int vmshm_view_setattr(vmshm_idmap *idmap, struct dentry *dentry,
			      struct iattr *attr)
{
	return -EPERM;
}

static int vmshm_view_permission(vmshm_idmap *idmap, struct inode *inode,
				 int mask)
{
	struct vmshm_region *region = inode->i_private;

	if (mask & MAY_WRITE)
		return -EACCES;
	return inode_permission(idmap, region->inode, mask);
}

static const struct inode_operations vmshm_view_ops = {
	.setattr	= vmshm_view_setattr,
	.getattr	= vmshm_getattr,
	.permission	= vmshm_view_permission,
};

/**
 * vmshm_inode_is_view() - is this the inode of a read-only handle
 * @inode: an inode of this file system
 */
bool vmshm_inode_is_view(const struct inode *inode)
{
	return inode->i_op == &vmshm_view_ops;
}

static void vmshm_evict_inode(struct inode *inode)
{
	struct vmshm_region *region = inode->i_private;
	bool pinned;

	truncate_inode_pages_final(&inode->i_data);
	clear_inode(inode);
	if (!inode->i_private)
		return;		/* the root, or never set up */

	if (S_ISDIR(inode->i_mode)) {
		vmshm_tree_evict(inode);
		return;
	}
	if (vmshm_inode_is_view(inode)) {
		iput(region->inode);
		return;
	}
	pinned = !region->device;
	vmshm_region_retire(region);
	vmshm_region_put(region);
	if (!pinned)
		return;
	atomic_inc(&vmshm_unpins);
	queue_work(vmshm_wq, &vmshm_unpin);
}

const struct super_operations vmshm_super_ops = {
	.statfs		= simple_statfs,
	.evict_inode	= vmshm_evict_inode,
};

/**
 * vmshm_dname() - ->d_dname of the dentry of an open file
 * @dentry: of an outer inode or a view inode
 * @buffer: where the name goes to, at the end
 * @buflen: its size in bytes
 *
 * Return: where the name begins, or ERR_PTR(-ENAMETOOLONG).
 */
char *vmshm_dname(struct dentry *dentry, char *buffer, int buflen)
{
	const struct vmshm_region *region = d_inode(dentry)->i_private;
	int len = strlen(VMSHM_DNAME) + region->name_len + 1;

	/* dynamic_dname() has room for 64 bytes only. */
	if (len > buflen)
		return ERR_PTR(-ENAMETOOLONG);
	buffer += buflen - len;
	snprintf(buffer, len, VMSHM_DNAME "%s", region->name);
	return buffer;
}

/* The dentry of an open file is its own: no look-up may use it. */
static int vmshm_handle_revalidate(struct dentry *dentry, unsigned int flags)
{
	return flags & LOOKUP_RCU ? -ECHILD : 0;
}

const struct dentry_operations vmshm_handle_dentry_ops = {
	.d_revalidate	= vmshm_handle_revalidate,
	.d_delete	= always_delete_dentry,
	.d_dname	= vmshm_dname,
};

static int vmshm_fill_super(struct super_block *sb)
{
	struct inode *inode;

	/* A superblock for everybody: that the module made it means nothing. */
	sb->s_flags &= ~SB_KERNMOUNT;
	sb->s_iflags |= SB_I_NOEXEC | SB_I_NODEV;
	sb->s_maxbytes = MAX_LFS_FILESIZE;
	sb->s_blocksize = PAGE_SIZE;
	sb->s_blocksize_bits = PAGE_SHIFT;
	sb->s_magic = VMSHM_SUPER_MAGIC;
	sb->s_op = &vmshm_super_ops;
	sb->s_time_gran = 1;
	/* Neither the layers of overlayfs nor those of ecryptfs. */
	sb->s_stack_depth = FILESYSTEM_MAX_STACK_DEPTH;

	/* Of the module's own mount, where nobody can walk. */
	inode = new_inode(sb);
	if (!inode)
		return -ENOMEM;
	inode->i_ino = 1;
	inode->i_mode = S_IFDIR;
	vmshm_inode_init_times(inode);
	sb->s_root = d_make_root(inode);
	if (!sb->s_root)
		return -ENOMEM;
	sb->s_flags |= SB_ACTIVE;
	return 0;
}

static int vmshm_any_super(struct super_block *sb, struct fs_context *fc)
{
	return 1;
}

/*
 * There is one superblock. Mounts made by users have the directory of their
 * registry as root.
 */
static int vmshm_get_tree(struct fs_context *fc)
{
	struct super_block *sb;
	struct dentry *root;
	int err = 0;

	/* What is the superblock's is not for one mount to say. */
	fc->sb_flags &= SB_KERNMOUNT;
	sb = sget_fc(fc, vmshm_any_super, set_anon_super_fc);
	if (IS_ERR(sb))
		return PTR_ERR(sb);
	if (!sb->s_root)
		err = vmshm_fill_super(sb);
	if (err)
		goto deactivate;

	root = fc->sb_flags & SB_KERNMOUNT ? dget(sb->s_root) :
		vmshm_tree_root(sb, fc->user_ns);
	if (IS_ERR(root)) {
		err = PTR_ERR(root);
		goto deactivate;
	}
	fc->root = root;
	return 0;

deactivate:
	deactivate_locked_super(sb);
	return err;
}

static int vmshm_reconfigure(struct fs_context *fc)
{
	/* It would stop every writer of every region. */
	if (fc->sb_flags & fc->sb_flags_mask & SB_RDONLY)
		return invalf(fc, "vmshm: a mount is made read-only by remount,bind,ro");
	fc->sb_flags_mask = 0;
	return 0;
}

static const struct fs_context_operations vmshm_context_ops = {
	.get_tree	= vmshm_get_tree,
	.reconfigure	= vmshm_reconfigure,
};

static int vmshm_init_fs_context(struct fs_context *fc)
{
	fc->ops = &vmshm_context_ops;
	/* Owners are those of the regions, whoever mounts. */
	fc->global = true;
	return 0;
}

/*
 * FS_USERNS_MOUNT: what is seen in a mount is the registry of the user namespace
 * that it was made in, by whoever may open the regions, and nothing can be
 * created there. The superblock stays that of the initial user namespace.
 */
static struct file_system_type vmshm_fs_type = {
	.owner		= THIS_MODULE,
	.name		= "vmshm",
	.fs_flags	= FS_USERNS_MOUNT,
	.init_fs_context = vmshm_init_fs_context,
	.kill_sb	= kill_anon_super,
};
MODULE_ALIAS_FS("vmshm");

/**
 * vmshm_fs_init() - let the tree be mounted
 *
 * Return: 0 or -EBUSY: there is a file system of this name.
 */
int __init vmshm_fs_init(void)
{
	return register_filesystem(&vmshm_fs_type);
}

/**
 * vmshm_fs_exit() - undo vmshm_fs_init()
 *
 * Context: nothing is mounted.
 */
void vmshm_fs_exit(void)
{
	unregister_filesystem(&vmshm_fs_type);
}

static int vmshm_fs_pin(const struct vmshm_region *region)
{
	if (region->device)
		return 0;
	return simple_pin_fs(&vmshm_fs_type, &vmshm_mnt, &vmshm_mnt_count);
}

static void vmshm_fs_unpin(const struct vmshm_region *region)
{
	if (!region->device)
		simple_release_fs(&vmshm_mnt, &vmshm_mnt_count);
}

/**
 * vmshm_fs_new_inode() - give a new region its outer inode
 * @region: the region, with its backing
 * @mode: permission bits
 *
 * The inode belongs to the current task's fsuid and fsgid. It holds a
 * reference to the region and retires it when evicted.
 *
 * Return: 0 with one reference to region->inode for the caller, or -ENOMEM and
 * what mounting can fail with.
 */
int vmshm_fs_new_inode(struct vmshm_region *region, umode_t mode)
{
	struct inode *inode;
	int err;

	err = vmshm_fs_pin(region);
	if (err)
		return err;

	inode = new_inode(vmshm_fs_mnt(region)->mnt_sb);
	if (!inode) {
		vmshm_fs_unpin(region);
		return -ENOMEM;
	}
	inode->i_ino = region->generation;
	inode->i_mode = S_IFREG | mode;
	inode->i_uid = current_fsuid();
	inode->i_gid = current_fsgid();
	inode->i_size = region->size;
	inode->i_flags |= S_NOATIME | S_NOCMTIME;
	vmshm_inode_init_times(inode);
	inode->i_op = &vmshm_inode_ops;
	inode->i_fop = &vmshm_file_ops;
	inode->i_private = vmshm_region_hold(region);
	region->inode = inode;
	return 0;
}

/* Takes over nothing; returns an inode that holds the region's outer inode. */
static struct inode *vmshm_fs_new_view(struct vmshm_region *region)
{
	struct inode *inode;

	inode = new_inode(region->inode->i_sb);
	if (!inode)
		return NULL;
	/* VMAs of device memory are all to be found in one place. */
	inode->i_mapping = region->inode->i_mapping;
	inode->i_ino = region->generation;
	inode->i_mode = S_IFREG | 0444;
	inode->i_uid = region->inode->i_uid;
	inode->i_gid = region->inode->i_gid;
	inode->i_flags |= S_NOATIME | S_NOCMTIME;
	vmshm_inode_init_times(inode);
	inode->i_op = &vmshm_view_ops;
	inode->i_fop = &vmshm_file_ops;
	ihold(region->inode);
	inode->i_private = region;
	return inode;
}

/**
 * vmshm_fs_handle_inode() - the inode that a new file of a region is to have
 * @region: the region; the caller has a reference to its outer inode
 * @readonly: make a handle that stays read-only
 *
 * Return: a reference to the outer inode or to a view inode, or NULL: no memory.
 */
struct inode *vmshm_fs_handle_inode(struct vmshm_region *region, bool readonly)
{
	if (readonly)
		return vmshm_fs_new_view(region);
	ihold(region->inode);
	return region->inode;
}

/**
 * vmshm_fs_open() - open a region
 * @region: the region; the caller has a reference to its outer inode
 * @readonly: make a handle that stays read-only
 *
 * Permission is the caller's business, security modules are asked here.
 *
 * Return: a file, or an ERR_PTR: -ENOMEM, -ENFILE, -EDQUOT.
 */
struct file *vmshm_fs_open(struct vmshm_region *region, bool readonly)
{
	struct inode *inode;
	struct file *file;
	struct path path;

	inode = vmshm_fs_handle_inode(region, readonly);
	if (!inode)
		return ERR_PTR(-ENOMEM);

	/* Not any alias of the inode: that may be one in a mounted view. */
	path.mnt = vmshm_fs_mnt(region);
	path.dentry = d_alloc_anon(inode->i_sb);
	if (!path.dentry) {
		iput(inode);
		return ERR_PTR(-ENOMEM);
	}
	/* Those of devices have theirs from the beginning. */
	if (!region->device)
		d_set_d_op(path.dentry, &vmshm_handle_dentry_ops);
	d_instantiate(path.dentry, inode);

	file = dentry_open(&path, (readonly ? O_RDONLY : O_RDWR) | O_LARGEFILE,
			   current_cred());
	dput(path.dentry);
	return file;
}
