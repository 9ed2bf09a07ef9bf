// SPDX-License-Identifier: GPL-2.0
/*
 * Reading directories of the mounted tree.
 *
 * The registry's lock is held for a bounded number of names at a time. In
 * between the place is kept by name, so that a name is listed once if it is
 * there all the time, and at most once in any case. File positions are numbers
 * of entries: only those 0 and "where the last read ended" are found without
 * going through the directory again.
 */
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "tree.h"

/* Names looked at in one go, and bytes for the entries that are found. */
#define TREE_NAMES	256
#define TREE_BYTES	SZ_4K

/**
 * struct vmshm_tree_place - between which names
 * @from: a name, or the beginning of one
 * @after: what comes next is after @from, and not @from itself
 */
struct vmshm_tree_place {
	char from[VMSHM_NAME_MAX + 1];
	bool after;
};

/**
 * struct vmshm_tree_cursor - how far a directory was read; file->private_data
 * @lock: protects the rest
 * @pos: the file position where @place is
 * @place: what was listed is before it
 */
struct vmshm_tree_cursor {
	struct mutex lock;	/* of all the other members */
	loff_t pos;
	struct vmshm_tree_place place;
};

/**
 * struct vmshm_tree_entry - an entry found
 * @ino: inode number
 * @type: DT_REG or DT_DIR
 * @aside: a directory beside a region of this name
 * @len: length of @name in bytes; one more if @aside
 * @name: without NUL
 */
struct vmshm_tree_entry {
	u64 ino;
	u8 type;
	bool aside;
	u16 len;
	char name[];
};

/**
 * struct vmshm_tree_batch - entries found in one go
 * @bytes: used in @entries
 * @end: there is nothing more
 * @place: how far the search went
 * @entries: struct vmshm_tree_entry, each aligned
 */
struct vmshm_tree_batch {
	unsigned int bytes;
	bool end;
	struct vmshm_tree_place place;
	u8 entries[TREE_BYTES] __aligned(8);
};

static size_t vmshm_tree_entry_bytes(unsigned int len)
{
	/* There is room for what is put behind the name of a directory. */
	return ALIGN(offsetof(struct vmshm_tree_entry, name) + len + 1, 8);
}

static void vmshm_tree_reset(struct vmshm_tree_cursor *cursor,
			     const struct vmshm_dir *dir)
{
	cursor->pos = 2;
	memcpy(cursor->place.from, dir->prefix, dir->len + 1);
	cursor->place.after = false;
}

/* Behind a region, or behind all those in a directory. */
static void vmshm_tree_pass(struct vmshm_tree_place *place,
			    const struct vmshm_dir *dir, const char *name,
			    unsigned int len, u8 type)
{
	memcpy(place->from, dir->prefix, dir->len);
	memcpy(place->from + dir->len, name, len);
	len += dir->len;
	if (type == DT_DIR)
		place->from[len++] = '/' + 1;
	place->from[len] = '\0';
	place->after = type != DT_DIR;
}

/* Returns false if there is no more room. */
static bool vmshm_tree_add(struct vmshm_tree_batch *batch,
			   const struct vmshm_dir *dir,
			   const struct vmshm_region *region)
{
	struct vmshm_tree_entry *entry = (void *)batch->entries + batch->bytes;
	const char *name = region->name + dir->len;
	unsigned int len = strcspn(name, "/");
	size_t bytes = vmshm_tree_entry_bytes(len);

	if (bytes > sizeof(batch->entries) - batch->bytes)
		return false;
	batch->bytes += bytes;

	memcpy(entry->name, name, len);
	entry->len = len;
	entry->type = name[len] ? DT_DIR : DT_REG;
	entry->ino = region->generation;
	entry->aside = false;
	vmshm_tree_pass(&batch->place, dir, name, len, entry->type);
	if (entry->type == DT_DIR) {
		char prefix[VMSHM_NAME_MAX + 1];

		memcpy(prefix, region->name, dir->len + len + 1);
		entry->ino = vmshm_tree_dir_ino(dir->registry, prefix,
						dir->len + len + 1);
		prefix[dir->len + len] = '\0';
		entry->aside = vmshm_tree_find_region(dir->registry, prefix);
		entry->name[len] = VMSHM_DIR_ASIDE;
	}
	return true;
}

/* Fills the batch with what comes behind batch->place. */
static void vmshm_tree_collect(struct vmshm_tree_batch *batch,
			       const struct vmshm_dir *dir)
{
	struct vmshm_registry *registry = dir->registry;
	struct vmshm_tree_place *place = &batch->place;
	struct vmshm_region *region;
	unsigned int names;

	batch->bytes = 0;
	batch->end = false;
	down_read(&registry->lock);
	for (names = 0; names < TREE_NAMES; names++) {
		region = vmshm_registry_first(registry, place->from,
					      place->after);
		if (!region ||
		    !vmshm_name_has_prefix(region->name, dir->prefix)) {
			batch->end = true;
			break;
		}
		if (region->device || !vmshm_region_may_see(region)) {
			memcpy(place->from, region->name, region->name_len + 1);
			place->after = true;
		} else if (!vmshm_tree_add(batch, dir, region)) {
			break;
		}
	}
	up_read(&registry->lock);
}

/* Returns false if the caller's buffer is full. */
static bool vmshm_tree_emit(struct vmshm_tree_cursor *cursor,
			    const struct vmshm_dir *dir,
			    const struct vmshm_tree_batch *batch,
			    struct dir_context *ctx)
{
	const struct vmshm_tree_entry *entry;
	unsigned int at;

	for (at = 0; at < batch->bytes;
	     at += vmshm_tree_entry_bytes(entry->len)) {
		entry = (const void *)batch->entries + at;
		/* Up to where somebody seeked. */
		if (cursor->pos >= ctx->pos) {
			if (!dir_emit(ctx, entry->name,
				      entry->len + entry->aside, entry->ino,
				      entry->type))
				return false;
			ctx->pos++;
		}
		cursor->pos++;
		vmshm_tree_pass(&cursor->place, dir, entry->name, entry->len,
				entry->type);
	}
	cursor->place = batch->place;
	return true;
}

static int vmshm_tree_iterate(struct file *file, struct dir_context *ctx)
{
	const struct vmshm_dir *dir = file_inode(file)->i_private;
	struct vmshm_tree_cursor *cursor = file->private_data;
	struct vmshm_tree_batch *batch;
	int err = 0;

	batch = kmalloc(sizeof(*batch), GFP_KERNEL_ACCOUNT);
	if (!batch)
		return -ENOMEM;

	mutex_lock(&cursor->lock);
	if (ctx->pos < 2 || ctx->pos < cursor->pos)
		vmshm_tree_reset(cursor, dir);
	if (!dir_emit_dots(file, ctx))
		goto unlock;
	do {
		batch->place = cursor->place;
		vmshm_tree_collect(batch, dir);
		if (!vmshm_tree_emit(cursor, dir, batch, ctx))
			break;
		if (fatal_signal_pending(current))
			err = -EINTR;
		cond_resched();
	} while (!batch->end && !err);
unlock:
	mutex_unlock(&cursor->lock);
	kfree(batch);
	return err;
}

static int vmshm_tree_dir_open(struct inode *inode, struct file *file)
{
	struct vmshm_tree_cursor *cursor;

	cursor = kmalloc(sizeof(*cursor), GFP_KERNEL_ACCOUNT);
	if (!cursor)
		return -ENOMEM;
	mutex_init(&cursor->lock);
	vmshm_tree_reset(cursor, inode->i_private);
	file->private_data = cursor;
	return 0;
}

static int vmshm_tree_dir_release(struct inode *inode, struct file *file)
{
	struct vmshm_tree_cursor *cursor = file->private_data;

	mutex_destroy(&cursor->lock);
	kfree(cursor);
	return 0;
}

const struct file_operations vmshm_tree_dir_fops = {
	.owner		= THIS_MODULE,
	.open		= vmshm_tree_dir_open,
	.release	= vmshm_tree_dir_release,
	.llseek		= generic_file_llseek,
	.read		= generic_read_dir,
	.iterate_shared	= vmshm_tree_iterate,
	.setlease	= simple_nosetlease,
};
