// SPDX-License-Identifier: GPL-2.0
/*
 * The model: regions, open files of them, and events.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz.h"

struct fz_state fz;

/* In the order of strcmp(), which is that of a list. */
static const char * const fz_suffix[FZ_NAMES] = {
	"a", "b", "b/below", "c.d", "zz_0123456789",
};

const char *fz_name(unsigned int name, char full[VMSHM_NAME_MAX + 1])
{
	memset(full, 0, VMSHM_NAME_MAX + 1);
	snprintf(full, VMSHM_NAME_MAX + 1, "%s/%s", fz.prefix,
		 fz_suffix[name % FZ_NAMES]);
	return full;
}

/* Sizes, most of them next to something. */
uint64_t fz_size(uint32_t arg)
{
	static const uint64_t sizes[] = {
		0, 1, 4095, 4096, 4097, 8192, 3 * 4096, 5 * 4096 + 123,
		8 * 4096, 16 * 4096, 31 * 4096 + 1, 63 * 4096, 64 * 4096,
		65 * 4096, 130 * 4096, FZ_CAP * 4096 - 1, FZ_CAP * 4096,
	};

	if (arg & 0x80000000)
		return (arg >> 8) % (40 * 4096);
	return sizes[arg % (sizeof(sizes) / sizeof(*sizes))];
}

uint64_t fz_pages(uint64_t bytes)
{
	return bytes / FZ_PAGE + (bytes % FZ_PAGE != 0);
}

void fz_fill(unsigned char *data, size_t len, uint32_t seed)
{
	uint32_t x = seed * 2654435761U + 12345;
	size_t i;

	for (i = 0; i < len; i++) {
		x = x * 1664525 + 1013904223;
		data[i] = x >> 24 ? x >> 24 : 1;
	}
}

struct fz_region *fz_find(unsigned int name)
{
	unsigned int i;

	for (i = 0; i < FZ_REGIONS; i++)
		if (fz.region[i].used && fz.region[i].linked &&
		    fz.region[i].name == name % FZ_NAMES)
			return &fz.region[i];
	return NULL;
}

struct fz_region *fz_region_new(unsigned int name)
{
	struct fz_region *region = NULL;
	unsigned int i;

	for (i = 0; i < FZ_REGIONS && !region; i++)
		if (!fz.region[i].used)
			region = &fz.region[i];
	if (!region)
		fz_fail("the model has room for %d regions", FZ_REGIONS);
	memset(region, 0, sizeof(*region));
	region->shadow = calloc(FZ_CAP, FZ_PAGE);
	if (!region->shadow)
		fz_fail("the model has no memory");
	region->used = true;
	region->linked = true;
	region->name = name % FZ_NAMES;
	return region;
}

unsigned int fz_opens(const struct fz_region *region)
{
	unsigned int i, n = 0;

	for (i = 0; i < FZ_HANDLES; i++)
		n += fz.handle[i].region == region;
	return n;
}

/* A region goes when nothing leads to it any more. */
void fz_region_check(struct fz_region *region)
{
	unsigned int i;

	if (region->linked || fz_opens(region))
		return;
	for (i = 0; i < FZ_LOGS; i++)
		if (fz.log[i].region == region)
			return;
	for (i = 0; i < FZ_BINDS; i++)
		if (fz.bind[i].region == region)
			return;
	fz_watches_gone(region);
	/* The mapping of a PINNABLE region keeps its memory, not the region. */
	for (i = 0; i < FZ_MAPS; i++)
		if (fz.map[i].region == region)
			return;
	free(region->shadow);
	memset(region, 0, sizeof(*region));
}

void fz_raise(struct fz_region *region, uint32_t type, uint64_t value,
	      uint64_t old_value)
{
	struct fz_event *event;

	if (fz.nr_events == FZ_EVENTS)
		fz_fail("the model has room for %d events", FZ_EVENTS);
	event = &fz.event[fz.nr_events++];
	event->name = region->name;
	event->generation = region->generation;
	event->seq = ++region->events;
	event->type = type;
	event->value = value;
	event->old_value = old_value;
	fz_watches_raised(event);
}

struct fz_handle *fz_handle_new(struct fz_region *region, bool read,
				bool write, bool view)
{
	unsigned int i;

	for (i = 0; i < FZ_HANDLES; i++) {
		if (fz.handle[i].region)
			continue;
		fz.handle[i].region = region;
		fz.handle[i].read = read;
		fz.handle[i].write = write;
		fz.handle[i].view = view;
		fz.handle[i].refs = 1;
		fz_raise(region, VMSHM_EVENT_OPENED, 0, 0);
		return &fz.handle[i];
	}
	fz_fail("the model has room for %d open files", FZ_HANDLES);
}

struct fz_handle *fz_handle_get(struct fz_handle *handle)
{
	handle->refs++;
	return handle;
}

/* The name of an ephemeral region goes with its last open file. */
void fz_handle_put(struct fz_handle *handle)
{
	struct fz_region *region = handle->region;

	if (--handle->refs)
		return;
	handle->region = NULL;
	if ((region->flags & VMSHM_EPHEMERAL) && region->linked &&
	    !fz_opens(region)) {
		region->linked = false;
		fz_raise(region, VMSHM_EVENT_UNLINKED, 0, 0);
	}
	fz_raise(region, VMSHM_EVENT_CLOSED, 0, 0);
	fz_region_check(region);
}

void fz_unlinked(struct fz_region *region)
{
	region->linked = false;
	fz_raise(region, VMSHM_EVENT_UNLINKED, 0, 0);
	fz_region_check(region);
}

/* The shadow was changed: so the logs have to tell. */
void fz_wrote(struct fz_region *region, uint64_t offset, uint64_t len)
{
	if (!len)
		return;
	if (offset + len > region->top)
		region->top = offset + len;
	fz_logs_wrote(region, offset / FZ_PAGE,
		      (offset + len - 1) / FZ_PAGE - offset / FZ_PAGE + 1);
}

void fz_zero(struct fz_region *region, uint64_t from, uint64_t to)
{
	if (to > region->top)
		to = region->top;
	if (from < to)
		memset(region->shadow + from, 0, to - from);
}

/* What a resize has to return. */
int fz_resize_expect(struct fz_region *region, uint64_t size)
{
	int err;

	if (size > region->max_size)
		return -EFBIG;
	if (size == region->size)
		return 0;
	err = fz_binds_expect(region, size);
	if (err)
		return err;
	if (size > region->size)
		return region->seals & VMSHM_SEAL_GROW ? -EPERM :
			fz_binds_grow(region, size, false);
	if (region->seals & VMSHM_SEAL_SHRINK)
		return -EPERM;
	if (region->flags & VMSHM_SHRINKABLE)
		return 0;
	if (region->flags & VMSHM_PINNABLE)
		return region->was_mapped ? -EBUSY : 0;
	return fz_maps_beyond(region, size) ? -EBUSY : 0;
}

/* A resize was done. */
void fz_resized(struct fz_region *region, uint64_t size)
{
	uint64_t old = region->size;

	if (size == old)
		return;
	/* What a mapping wrote behind the end is not to be seen later. */
	fz_zero(region, size < old ? size : old, FZ_CAP * FZ_PAGE);
	region->size = size;
	fz_binds_resized(region, size);
	if (size < old) {
		fz_maps_shrunk(region);
		fz_logs_shrunk(region);
	} else {
		fz_logs_wrote(region, old / FZ_PAGE,
			      fz_pages(size) - old / FZ_PAGE);
	}
	fz_raise(region, VMSHM_EVENT_RESIZED, size, old);
}

/* A descriptor that is open, or NULL. */
struct fz_fd *fz_fd_of(uint32_t arg)
{
	unsigned int i;

	for (i = 0; i < FZ_FDS; i++) {
		struct fz_fd *fd = &fz.fd[(arg + i) % FZ_FDS];

		if (fd->handle)
			return fd;
	}
	return NULL;
}

/* Room for a descriptor: closes what is there. */
struct fz_fd *fz_fd_free(uint32_t arg)
{
	struct fz_fd *fd = &fz.fd[arg % FZ_FDS];

	fz_fd_close(fd);
	return fd;
}

void fz_fd_close(struct fz_fd *fd)
{
	struct fz_handle *handle = fd->handle;

	if (!handle)
		return;
	fd->handle = NULL;
	FZ_EXPECT(close(fd->fd), 0, "close");
	fd->fd = -1;
	fz_handle_put(handle);
}

/* What the program left. */
void fz_close_all(void)
{
	unsigned int i;

	for (i = 0; i < FZ_BINDS; i++)
		fz_bind_close(&fz.bind[i]);
	fz_vm_close();
	for (i = 0; i < FZ_MAPS; i++)
		fz_map_close(&fz.map[i]);
	for (i = 0; i < FZ_LOGS; i++)
		fz_log_close(&fz.log[i]);
	for (i = 0; i < FZ_PEERS; i++)
		fz_peer_close(&fz.peer[i]);
	fz_remote_stop();
	for (i = 0; i < FZ_FDS; i++)
		fz_fd_close(&fz.fd[i]);
}
