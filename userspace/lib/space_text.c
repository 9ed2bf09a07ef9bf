// SPDX-License-Identifier: GPL-2.0
/* Address spaces as text: what is placed where. */

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "space.h"

/*
 * Lines of words with a space between. Nodes come before those that refer to
 * them, and what is hidden is placed before what hides it. Numbers are
 * hexadecimal, but priorities are decimal.
 */
#define TEXT_BEGIN	"vmshm-space 1\n"
#define TEXT_END	"end\n"

#define MAX_WORDS	7

struct text {
	char *text;
	size_t length;
	size_t room;
};

static int __attribute__((format(printf, 2, 3)))
append(struct text *text, const char *format, ...)
{
	va_list args;
	int len, rc;

	va_start(args, format);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (len < 0)
		return -ENOMEM;

	rc = vmshm__space_room((void **)&text->text, &text->room,
			       text->length + (size_t)len + 1, 1);
	if (rc)
		return rc;

	va_start(args, format);
	vsnprintf(text->text + text->length, (size_t)len + 1, format, args);
	va_end(args);
	text->length += (size_t)len;
	return 0;
}

static int append_memory(struct text *text,
			 const struct vmshm_space_node_info *info)
{
	struct vmshm_stat stat;
	int rc;

	if (!info->region)
		return append(text, "memory %s %llx %x\n", info->name,
			      info->length, info->flags);

	rc = vmshm_region_stat(info->region, &stat, sizeof(stat));
	if (rc)
		return rc;
	return append(text, "region %s %llx %x %llx %llx %s\n", info->name,
		      info->length, info->flags, info->offset,
		      stat.out_generation, (const char *)stat.out_name);
}

static int append_node(struct text *text, const struct vmshm_space_node *node)
{
	struct vmshm_space_node_info info;
	int rc;

	rc = vmshm_space_node_info(node, &info, sizeof(info));
	if (rc)
		return rc;

	/* Who owns it is the business of whoever restores it. */
	info.flags &= SPACE_NODE_FLAGS;
	switch (info.kind) {
	case VMSHM_SPACE_CONTAINER:
		return append(text, "container %s %llx %x\n", info.name,
			      info.length, info.flags);
	case VMSHM_SPACE_HOLE:
		return append(text, "hole %s %llx %x\n", info.name,
			      info.length, info.flags);
	case VMSHM_SPACE_ALIAS:
		return append(text, "alias %s %llx %x %llx %s\n", info.name,
			      info.length, info.flags, info.offset,
			      ((struct vmshm_space_node *)info.target)->name);
	default:
		return append_memory(text, &info);
	}
}

static int append_place(struct text *text, const struct vmshm_space_node *node)
{
	struct vmshm_space_node_info info;
	int rc;

	rc = vmshm_space_node_info(node, &info, sizeof(info));
	if (rc)
		return rc;
	if (info.parent)
		return append(text, "place %s %llx %d %s\n", info.name,
			      info.address, info.priority, info.parent->name);
	return append(text, "place %s %llx %d\n", info.name, info.address,
		      info.priority);
}

/* The node that was placed next after a given time. */
static const struct vmshm_space_node *placed_after(const struct vmshm_space *space,
						   __u64 order)
{
	const struct vmshm_space_node *node, *next = NULL;

	for (node = space->nodes; node; node = node->next)
		if (node->view.parent && node->view.order > order &&
		    (!next || node->view.order < next->view.order))
			next = node;
	return next;
}

static int append_space(struct text *text, const struct vmshm_space *space)
{
	const struct vmshm_space_node *node;
	int rc;

	rc = append(text, TEXT_BEGIN);
	for (node = space->nodes; node && !rc; node = node->next)
		rc = append_node(text, node);
	for (node = placed_after(space, 0); node && !rc;
	     node = placed_after(space, node->view.order))
		rc = append_place(text, node);
	if (!rc)
		rc = append(text, TEXT_END);
	return rc;
}

int vmshm_space_save(const struct vmshm_space *space, char **text)
{
	struct text new = { 0 };
	int rc;

	if (space->depth)
		return -EBUSY;
	rc = append_space(&new, space);
	if (rc) {
		free(new.text);
		return rc;
	}

	*text = new.text;
	return 0;
}

/* Restoring */

/**
 * struct reader - a text that is being read
 * @space: where it goes
 * @find: finds memory
 * @finder: what it is called with
 * @words: of the line
 * @count: how many
 */
struct reader {
	struct vmshm_space *space;
	int (*find)(void *finder, const struct vmshm_space_saved *saved,
		    struct vmshm_region **region, void **memory);
	void *finder;
	char *words[MAX_WORDS];
	size_t count;
};

static int number(const char *word, __u64 *value)
{
	__u64 sum = 0;
	size_t i;

	for (i = 0; word[i]; i++) {
		static const char digits[] = "0123456789abcdef";
		const char *digit = strchr(digits, word[i]);

		if (!digit || i == 16)
			return -EPROTO;
		sum = sum << 4 | (__u64)(digit - digits);
	}
	*value = sum;
	return i ? 0 : -EPROTO;
}

static int signed_number(const char *word, __s32 *value)
{
	char again[16];
	char *end;
	long n;

	n = strtol(word, &end, 10);
	if (*end || n < INT32_MIN || n > INT32_MAX)
		return -EPROTO;
	/* As it was written: without a plus, blanks or zeros in front. */
	snprintf(again, sizeof(again), "%ld", n);
	*value = (__s32)n;
	return strcmp(again, word) ? -EPROTO : 0;
}

static int read_memory(struct reader *reader, __u64 length, __u32 flags)
{
	struct vmshm_space_saved saved = {
		.node = reader->words[1],
		.length = length,
		.flags = flags,
	};
	struct vmshm_space_memory memory = {
		.size = sizeof(memory),
		.length = length,
		.flags = flags | VMSHM_SPACE_OWN,
	};
	struct vmshm_space_node *node;
	int rc;

	if (reader->count == 7) {
		if (number(reader->words[4], &saved.offset) ||
		    number(reader->words[5], &saved.generation))
			return -EPROTO;
		saved.region = reader->words[6];
	}
	rc = reader->find(reader->finder, &saved, &memory.region,
			  &memory.memory);
	if (rc)
		return rc;

	memory.offset = memory.region ? saved.offset : 0;
	rc = vmshm_space_add_memory(reader->space, saved.node, &memory, &node);
	if (rc) {
		munmap(memory.memory, (size_t)length);
		vmshm_region_close(memory.region);
	}
	return rc;
}

static int read_alias(struct reader *reader, __u64 length,
		      struct vmshm_space_node **node)
{
	struct vmshm_space_node *target;
	__u64 offset;

	target = vmshm_space_node_find(reader->space, reader->words[5]);
	if (!target || number(reader->words[4], &offset))
		return -EPROTO;
	return vmshm_space_add_alias(reader->space, reader->words[1], target,
				     offset, length, node);
}

static int read_node(struct reader *reader)
{
	struct vmshm_space *space = reader->space;
	const char *kind = reader->words[0];
	const char *name = reader->words[1];
	struct vmshm_space_node *node;
	__u64 length, flags;
	int rc;

	if (reader->count < 4 || number(reader->words[2], &length) ||
	    number(reader->words[3], &flags) || flags > SPACE_NODE_FLAGS)
		return -EPROTO;

	if ((!strcmp(kind, "region") && reader->count == 7) ||
	    (!strcmp(kind, "memory") && reader->count == 4))
		return read_memory(reader, length, (__u32)flags);
	if (!strcmp(kind, "alias") && reader->count == 6)
		rc = read_alias(reader, length, &node);
	else if (!strcmp(kind, "container") && reader->count == 4)
		rc = vmshm_space_add_container(space, name, length, &node);
	else if (!strcmp(kind, "hole") && reader->count == 4)
		rc = vmshm_space_add_hole(space, name, length, &node);
	else
		return -EPROTO;
	if (rc)
		return rc;
	return vmshm_space_node_set_flags(node, SPACE_NODE_FLAGS, (__u32)flags);
}

static int read_place(struct reader *reader)
{
	struct vmshm_space_node *node, *parent = NULL;
	__s32 priority;
	__u64 address;

	if (reader->count != 4 && reader->count != 5)
		return -EPROTO;
	node = vmshm_space_node_find(reader->space, reader->words[1]);
	if (!node || number(reader->words[2], &address) ||
	    signed_number(reader->words[3], &priority))
		return -EPROTO;
	if (reader->count == 5) {
		parent = vmshm_space_node_find(reader->space,
					       reader->words[4]);
		if (!parent)
			return -EPROTO;
	}
	return vmshm_space_node_place(node, parent, address, priority);
}

static int read_line(struct reader *reader, char *line)
{
	char *word, *rest = NULL;

	reader->count = 0;
	for (word = strtok_r(line, " ", &rest); word;
	     word = strtok_r(NULL, " ", &rest)) {
		if (reader->count == MAX_WORDS)
			return -EPROTO;
		reader->words[reader->count++] = word;
	}
	if (!reader->count)
		return -EPROTO;
	if (!strcmp(reader->words[0], "place"))
		return read_place(reader);
	return read_node(reader);
}

/* @text is taken to pieces. */
static int read_lines(struct reader *reader, char *text)
{
	char *line, *end;
	int rc = 0;

	for (line = text; strcmp(line, TEXT_END) && !rc; line = end + 1) {
		end = strchr(line, '\n');
		if (!end)
			return -EPROTO;
		*end = 0;
		rc = read_line(reader, line);
	}
	return rc;
}

int vmshm_space_restore(struct vmshm_space *space, const char *text,
			int (*find)(void *finder,
				    const struct vmshm_space_saved *saved,
				    struct vmshm_region **region,
				    void **memory),
			void *finder)
{
	struct reader reader = {
		.space = space,
		.find = find,
		.finder = finder,
	};
	char *copy;
	int rc;

	if (space->depth || space->nodes)
		return -EBUSY;
	if (strncmp(text, TEXT_BEGIN, strlen(TEXT_BEGIN)))
		return -EPROTO;
	copy = strdup(text + strlen(TEXT_BEGIN));
	if (!copy)
		return -ENOMEM;
	rc = vmshm_space_begin(space);
	if (rc)
		goto free;

	rc = read_lines(&reader, copy);
	if (rc)
		vmshm_space_abort(space);
	else
		rc = vmshm_space_commit(space);
	if (rc) {
		vmshm__space_remove_all(space);
		while (space->nodes)
			vmshm__space_node_free(space->nodes);
	}
free:
	free(copy);
	return rc;
}

int vmshm_space_find_region(void *finder,
			    const struct vmshm_space_saved *saved,
			    struct vmshm_region **region, void **memory)
{
	struct vmshm_region_open_options options = { .size = sizeof(options) };
	bool readonly = saved->flags & VMSHM_SPACE_READONLY;
	struct vmshm_space_finder how;
	struct vmshm_region *new;
	struct vmshm_stat stat;
	int rc;

	rc = vmshm__options_copy(&how, sizeof(how), SPACE_FINDER_SIZE_VER0,
				 finder);
	if (rc)
		return rc;
	if (how.__reserved || !how.context)
		return -EINVAL;
	if (!saved->region)
		return -ENOENT;

	options.generation = how.same_generation ? saved->generation : 0;
	options.flags = readonly ? VMSHM_OPEN_RDONLY : 0;
	options.owner_policy = how.owner_policy;
	options.owner = how.owner;
	rc = vmshm_region_open(how.context, saved->region, &options, &new);
	if (rc)
		return rc;

	rc = vmshm_region_stat(new, &stat, sizeof(stat));
	if (!rc && (saved->offset > stat.out_max_size ||
		    saved->length > stat.out_max_size - saved->offset))
		rc = -EFBIG;
	if (!rc)
		rc = vmshm_region_map(new, NULL, (size_t)saved->length,
				      readonly ? PROT_READ :
						 PROT_READ | PROT_WRITE,
				      MAP_SHARED, saved->offset, memory);
	if (rc) {
		vmshm_region_close(new);
		return rc;
	}

	*region = new;
	return 0;
}
