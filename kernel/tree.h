/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vmshm: declarations for the mounted tree.
 */
#ifndef _VMSHM_TREE_H
#define _VMSHM_TREE_H

#include <linux/dcache.h>
#include <linux/fs.h>

#include "vmshm.h"

/**
 * struct vmshm_dir - a directory of a mounted tree; inode->i_private
 * @registry: whose names are shown; a counted reference
 * @len: strlen(@prefix)
 * @prefix: what the names below the directory begin with: empty, or ending in
 *	'/'
 *
 * Never changes. What is in the directory is asked of the registry each time.
 */
struct vmshm_dir {
	struct vmshm_registry *registry;
	unsigned int len;
	char prefix[];
};

/*
 * A name may be a region and the beginning of others, "a" and "a/b". The region
 * has the name in the tree then, and the directory of the others has it with
 * this behind it, which no name can contain.
 */
#define VMSHM_DIR_ASIDE		' '

/* fs.c */
extern const struct dentry_operations vmshm_handle_dentry_ops;

/* tree.c */
struct dentry *vmshm_tree_root(struct super_block *sb,
			       struct user_namespace *ns);
void vmshm_tree_evict(struct inode *inode);
u64 vmshm_tree_dir_ino(const struct vmshm_registry *registry,
		       const char *prefix, unsigned int len);
struct vmshm_region *vmshm_tree_find_region(struct vmshm_registry *registry,
					    const char *name);

/* tree_dir.c */
extern const struct file_operations vmshm_tree_dir_fops;

#endif /* _VMSHM_TREE_H */
