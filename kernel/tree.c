// SPDX-License-Identifier: GPL-2.0
/*
 * The mounted tree: a registry as directories and files, for programs that only
 * take a path.
 *
 * A file of the tree is the outer inode of a region, so that whatever is done
 * with it is done to the region. Directories are made when they are looked up,
 * and there is nothing in them but the registry and the beginning of a name:
 * the registry is asked each time.
 *
 * No dentry stays in the dcache without being in use (->d_delete), so that the
 * dcache keeps neither a region's memory nor a name that is gone; one that is in
 * use is checked before it is used again (->d_revalidate).
 *
 * Opening a region by name always goes by ->atomic_open, which gives each file
 * a dentry of its own: of the outer inode, or of a view inode if it is opened
 * for reading only, since what can be done by re-opening depends on the inode.
 * The dentry is in the tree while security modules look at its path. Only what
 * is reached without a name (O_PATH descriptors, a file that is mounted
 * elsewhere) is opened as it is, as when a region's descriptor is re-opened.
 *
 * Regions of device memory are not in the tree: their inodes are of another
 * superblock, see fs_device.c.
 */
#include <linux/mount.h>
#include <linux/namei.h>
#include <linux/random.h>
#include <linux/siphash.h>
#include <linux/slab.h>

#include "tree.h"

static siphash_aligned_key_t vmshm_ino_key;

/**
 * vmshm_tree_dir_ino() - the inode number of a directory
 * @registry: the registry
 * @prefix: see struct vmshm_dir
 * @len: its length in bytes
 *
 * The same each time, since directories come and go while somebody walks the
 * tree. Those of regions, which are generations, do not get that large.
 */
u64 vmshm_tree_dir_ino(const struct vmshm_registry *registry,
		       const char *prefix, unsigned int len)
{
	u64 hash;

	get_random_once(&vmshm_ino_key, sizeof(vmshm_ino_key));
	hash = siphash(prefix, len, (const siphash_key_t *)&vmshm_ino_key);
	hash = siphash_2u64(hash, registry->id,
			    (const siphash_key_t *)&vmshm_ino_key);
	return (hash >> 2) | BIT_ULL(62);
}

static const struct inode_operations vmshm_tree_dir_ops;

/* Returns an inode with a reference to the registry, or an ERR_PTR. */
static struct inode *vmshm_tree_new_dir(struct super_block *sb,
					struct vmshm_registry *registry,
					const char *prefix, unsigned int len)
{
	struct vmshm_dir *dir;
	struct inode *inode;

	dir = kmalloc(struct_size(dir, prefix, len + 1), GFP_KERNEL_ACCOUNT);
	if (!dir)
		return ERR_PTR(-ENOMEM);
	inode = new_inode(sb);
	if (!inode) {
		kfree(dir);
		return ERR_PTR(-ENOMEM);
	}
	dir->registry = vmshm_registry_hold(registry);
	dir->len = len;
	memcpy(dir->prefix, prefix, len);
	dir->prefix[len] = '\0';

	inode->i_ino = vmshm_tree_dir_ino(registry, prefix, len);
	/*
	 * For all, since ->unlink decides. Not S_ISVTX, though it is shown: the
	 * VFS would ask for CAP_FOWNER where our rule says CAP_SYS_ADMIN.
	 */
	inode->i_mode = S_IFDIR | 0777;
	inode->i_flags |= S_NOATIME | S_NOCMTIME;
	vmshm_inode_init_times(inode);
	inode->i_op = &vmshm_tree_dir_ops;
	inode->i_fop = &vmshm_tree_dir_fops;
	inode->i_private = dir;
	lockdep_annotate_inode_mutex_key(inode);
	return inode;
}

/**
 * vmshm_tree_evict() - a directory goes
 * @inode: its inode, cleared
 */
void vmshm_tree_evict(struct inode *inode)
{
	struct vmshm_dir *dir = inode->i_private;

	vmshm_registry_put(dir->registry);
	kfree(dir);
}

/**
 * vmshm_tree_find_region() - the region of a name, if it is in the tree
 * @registry: where
 * @name: NUL-terminated
 *
 * Context: registry->lock held, for reading at least.
 * Return: the region, without a reference, or NULL.
 */
struct vmshm_region *vmshm_tree_find_region(struct vmshm_registry *registry,
					    const char *name)
{
	struct vmshm_region *region = vmshm_registry_find(registry, name);

	return region && !region->device ? region : NULL;
}

static bool vmshm_tree_has_below(struct vmshm_registry *registry,
				 const char *prefix)
{
	struct vmshm_region *region;

	region = vmshm_registry_first(registry, prefix, true);
	while (region && region->device)
		region = vmshm_registry_first(registry, region->name, true);
	return region && vmshm_name_has_prefix(region->name, prefix);
}

/*
 * What there is by a name in a directory: returns a region, or NULL and in @len
 * how much of @name is the prefix of a directory, 0 if there is nothing.
 *
 * A directory exists for everybody, as a region does: only then does opening
 * what must not be opened fail by EACCES, as VMSHM_IOC_OPEN does.
 */
static struct vmshm_region *vmshm_tree_resolve(const struct vmshm_dir *dir,
					       const struct qstr *name,
					       char full[VMSHM_NAME_MAX + 1],
					       unsigned int *len)
{
	bool aside = name->name[name->len - 1] == VMSHM_DIR_ASIDE;
	unsigned int end = dir->len + name->len - aside;
	struct vmshm_region *region;

	lockdep_assert_held(&dir->registry->lock);
	*len = 0;
	if (end > VMSHM_NAME_MAX)
		return NULL;
	memcpy(full, dir->prefix, dir->len);
	memcpy(full + dir->len, name->name, name->len - aside);
	full[end] = '\0';

	region = vmshm_tree_find_region(dir->registry, full);
	if (region && !aside)
		return region;
	if (!region == aside || end == VMSHM_NAME_MAX)
		return NULL;

	full[end++] = '/';
	full[end] = '\0';
	if (vmshm_tree_has_below(dir->registry, full))
		*len = end;
	return NULL;
}

/* O_PATH descriptors keep memory, so they are not for everybody. */
static bool vmshm_tree_may_reach(const struct vmshm_region *region)
{
	return vmshm_region_may_see(region) ||
	       vmshm_registry_may_unlink(region);
}

/*
 * Returns a reference to the inode that there is by a name, NULL if there is
 * none, or an ERR_PTR. A region counts in region->opens with @open, else the
 * caller must be allowed to reach it.
 */
static struct inode *vmshm_tree_find(struct inode *inode,
				     const struct qstr *name, bool open)
{
	const struct vmshm_dir *dir = inode->i_private;
	struct super_block *sb = inode->i_sb;
	char full[VMSHM_NAME_MAX + 1];
	struct vmshm_region *region;
	unsigned int len;

	if (name->len > NAME_MAX)
		return ERR_PTR(-ENAMETOOLONG);

	down_read(&dir->registry->lock);
	region = vmshm_tree_resolve(dir, name, full, &len);
	if (!region) {
		inode = NULL;
	} else if (!open && !vmshm_tree_may_reach(region)) {
		inode = ERR_PTR(-EACCES);
	} else {
		inode = region->inode;
		ihold(inode);
		if (open)
			atomic_inc(&region->opens);
	}
	up_read(&dir->registry->lock);

	return len ? vmshm_tree_new_dir(sb, dir->registry, full, len) : inode;
}

static int vmshm_tree_revalidate_region(struct dentry *dentry,
					unsigned int flags)
{
	struct vmshm_region *region = d_inode(dentry)->i_private;
	int ret;

	/* On to ->atomic_open. What is mounted on it is what is opened. */
	if ((flags & LOOKUP_OPEN) && !d_mountpoint(dentry))
		return 0;

	/* A region never gets another name, nor its name back. */
	down_read(&region->registry->lock);
	if (!region->linked)
		ret = 0;
	else
		ret = vmshm_tree_may_reach(region) ? 1 : -EACCES;
	up_read(&region->registry->lock);
	return ret;
}

static int vmshm_tree_revalidate_dir(struct dentry *dentry)
{
	/* A directory never gets another parent. */
	const struct vmshm_dir *parent = d_inode(dentry->d_parent)->i_private;
	const struct vmshm_dir *dir = d_inode(dentry)->i_private;
	char full[VMSHM_NAME_MAX + 1];
	struct vmshm_region *region;
	unsigned int len;

	down_read(&dir->registry->lock);
	region = vmshm_tree_resolve(parent, &dentry->d_name, full, &len);
	up_read(&dir->registry->lock);
	return !region && len;
}

static int vmshm_tree_revalidate(struct dentry *dentry, unsigned int flags)
{
	if (flags & LOOKUP_RCU)
		return -ECHILD;
	if (d_really_is_negative(dentry))
		return 0;
	if (!d_is_dir(dentry))
		return vmshm_tree_revalidate_region(dentry, flags);
	return IS_ROOT(dentry) || vmshm_tree_revalidate_dir(dentry);
}

static const struct dentry_operations vmshm_tree_dentry_ops = {
	.d_revalidate	= vmshm_tree_revalidate,
	.d_delete	= always_delete_dentry,
};

static struct dentry *vmshm_tree_lookup(struct inode *dir,
					struct dentry *dentry,
					unsigned int flags)
{
	struct inode *inode;

	inode = vmshm_tree_find(dir, &dentry->d_name, false);
	if (IS_ERR(inode))
		return ERR_CAST(inode);
	d_set_d_op(dentry, &vmshm_tree_dentry_ops);
	d_add(dentry, inode);
	return NULL;
}

/* The caller counts in region->opens and has a reference to the outer inode. */
static int vmshm_tree_open_region(struct vmshm_region *region,
				  struct dentry *dentry, struct file *file,
				  unsigned int flags)
{
	/* Not from f_mode: who opens for ioctls alone, with 3, has no mode there. */
	unsigned int access = flags & O_ACCMODE;
	bool readonly = access == O_RDONLY;
	struct inode *inode;
	int mask = 0;
	int err;

	if (flags & O_DIRECTORY)
		return -ENOTDIR;
	if ((flags & O_CREAT) && (flags & O_EXCL))
		return -EEXIST;
	if ((flags & O_TRUNC) && readonly)
		return -EACCES;

	/* The VFS asks as well, but when it is open and has been announced. */
	if (access != O_WRONLY)
		mask |= MAY_READ;
	if (access != O_RDONLY)
		mask |= MAY_WRITE;
	err = vmshm_inode_permission(region->inode, mask);
	if (err)
		return err;

	inode = vmshm_fs_handle_inode(region, readonly);
	if (!inode)
		return -ENOMEM;
	d_set_d_op(dentry, &vmshm_handle_dentry_ops);
	d_add(dentry, inode);
	err = finish_open(file, dentry, NULL);
	d_drop(dentry);
	return err;
}

static int vmshm_tree_open(struct inode *dir, struct dentry *dentry,
			   struct file *file, unsigned int flags, umode_t mode)
{
	struct vmshm_region *region;
	struct inode *inode;
	int err;

	inode = vmshm_tree_find(dir, &dentry->d_name, true);
	if (IS_ERR(inode))
		return PTR_ERR(inode);
	/* As a file system says it that has no files of this kind. */
	if (!inode)
		return flags & O_CREAT ? -EPERM : -ENOENT;
	if (S_ISDIR(inode->i_mode)) {
		d_set_d_op(dentry, &vmshm_tree_dentry_ops);
		d_add(dentry, inode);
		return finish_no_open(file, NULL);
	}

	region = inode->i_private;
	err = vmshm_tree_open_region(region, dentry, file, flags);
	vmshm_registry_drop_open(region);
	iput(inode);
	return err;
}

static int vmshm_tree_unlink(struct inode *dir, struct dentry *dentry)
{
	return vmshm_registry_unlink(d_inode(dentry)->i_private);
}

static kuid_t vmshm_tree_owner(const struct vmshm_dir *dir)
{
	struct vmshm_registry *registry = dir->registry;
	kuid_t owner = INVALID_UID;

	if (dir->len) {
		down_read(&registry->lock);
		owner = vmshm_domain_owner(registry, dir->prefix);
		up_read(&registry->lock);
	}
	/* The whole, and what is gone, is the administrator's. */
	if (!uid_valid(owner))
		owner = make_kuid(registry->user_ns, 0);
	return uid_valid(owner) ? owner : GLOBAL_ROOT_UID;
}

static int vmshm_tree_getattr(vmshm_idmap *idmap, const struct path *path,
			      struct kstat *stat, u32 request_mask,
			      unsigned int query_flags)
{
	struct inode *inode = d_inode(path->dentry);
	const struct vmshm_dir *dir = inode->i_private;
	kgid_t gid = make_kgid(dir->registry->user_ns, 0);

	vmshm_fillattr(request_mask, inode, stat);
	/* One may delete what is one's own, or in one's own domain. */
	stat->mode |= S_ISVTX;
	stat->uid = vmshm_tree_owner(dir);
	if (gid_valid(gid))
		stat->gid = gid;
	return 0;
}

static int vmshm_tree_setattr(vmshm_idmap *idmap, struct dentry *dentry,
			      struct iattr *attr)
{
	return -EPERM;
}

static const struct inode_operations vmshm_tree_dir_ops = {
	.lookup		= vmshm_tree_lookup,
	.atomic_open	= vmshm_tree_open,
	.unlink		= vmshm_tree_unlink,
	.getattr	= vmshm_tree_getattr,
	.setattr	= vmshm_tree_setattr,
};

/**
 * vmshm_tree_root() - the root of a new mount
 * @sb: our superblock
 * @ns: the user namespace whose names are to be seen
 *
 * It holds the namespace's registry.
 *
 * Context: process; may sleep.
 * Return: a dentry, or ERR_PTR(-ENOMEM).
 */
struct dentry *vmshm_tree_root(struct super_block *sb,
			       struct user_namespace *ns)
{
	struct vmshm_registry *registry;
	struct dentry *root;
	struct inode *inode;

	registry = vmshm_registry_get(ns);
	if (IS_ERR(registry))
		return ERR_CAST(registry);
	inode = vmshm_tree_new_dir(sb, registry, "", 0);
	vmshm_registry_put(registry);
	if (IS_ERR(inode))
		return ERR_CAST(inode);

	root = d_obtain_root(inode);
	if (!IS_ERR(root))
		d_set_d_op(root, &vmshm_tree_dentry_ops);
	return root;
}
