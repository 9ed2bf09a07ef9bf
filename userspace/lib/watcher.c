// SPDX-License-Identifier: GPL-2.0
/* Watchers: events of one region, or of all whose names begin alike. */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

/* Bytes that are read at once: some 100 events. */
#define WATCHER_BUFFER	32768

struct vmshm_watcher {
	int fd;
	__u64 start;
	size_t pos;
	size_t len;
	struct vmshm_event event;
	unsigned char buffer[WATCHER_BUFFER];
};

static int watcher_open(int fd, const struct vmshm_watcher_options *options,
			bool may_have_prefix, struct vmshm_watcher **watcher)
{
	struct vmshm_watcher_options opt;
	struct vmshm_watch arg = {
		.size = sizeof(arg),
	};
	struct vmshm_watcher *new;
	int flags, rc;

	rc = vmshm__options_copy(&opt, sizeof(opt),
				 WATCHER_OPTIONS_SIZE_VER0, options);
	if (rc)
		return rc;
	if (opt.flags & ~VMSHM_WATCHER_NONBLOCK)
		return -EINVAL;

	arg.events = opt.events;
	if (opt.prefix) {
		if (!may_have_prefix)
			return -EINVAL;
		rc = vmshm__name_copy(arg.prefix, opt.prefix);
		if (rc)
			return rc;
	}

	new = malloc(sizeof(*new));
	if (!new)
		return -ENOMEM;

	rc = vmshm__ioctl(fd, VMSHM_IOC_WATCH, &arg);
	if (rc)
		goto free;

	new->fd = arg.out_fd;
	new->start = arg.out_seq;
	new->pos = 0;
	new->len = 0;
	if (opt.flags & VMSHM_WATCHER_NONBLOCK) {
		flags = fcntl(new->fd, F_GETFL);
		if (flags < 0 ||
		    fcntl(new->fd, F_SETFL, flags | O_NONBLOCK) < 0) {
			rc = -errno;
			goto close;
		}
	}

	*watcher = new;
	return 0;

close:
	close(new->fd);
free:
	free(new);
	return rc;
}

int vmshm_watcher_open(const struct vmshm_context *context,
		       const struct vmshm_watcher_options *options,
		       struct vmshm_watcher **watcher)
{
	return watcher_open(context->fd, options, true, watcher);
}

int vmshm_watcher_open_region(const struct vmshm_region *region,
			      const struct vmshm_watcher_options *options,
			      struct vmshm_watcher **watcher)
{
	return watcher_open(region->fd, options, false, watcher);
}

__u64 vmshm_watcher_start(const struct vmshm_watcher *watcher)
{
	return watcher->start;
}

int vmshm_watcher_fd(const struct vmshm_watcher *watcher)
{
	return watcher->fd;
}

/* The kernel says how far the next event is: its struct may be another one. */
static int watcher_take(struct vmshm_watcher *watcher)
{
	const unsigned char *at = watcher->buffer + watcher->pos;
	size_t left = watcher->len - watcher->pos;
	__u32 size;

	if (left < EVENT_SIZE_VER0)
		return -EPROTO;
	memcpy(&size, at, sizeof(size));
	if (size < EVENT_SIZE_VER0 || size > left)
		return -EPROTO;

	memset(&watcher->event, 0, sizeof(watcher->event));
	memcpy(&watcher->event, at,
	       size < sizeof(watcher->event) ? size : sizeof(watcher->event));
	if (!memchr(watcher->event.name, 0, sizeof(watcher->event.name)))
		return -EPROTO;

	watcher->pos += size;
	return 0;
}

int vmshm_watcher_next(struct vmshm_watcher *watcher,
		       const struct vmshm_event **event)
{
	ssize_t len;
	int rc;

	if (watcher->pos == watcher->len) {
		len = read(watcher->fd, watcher->buffer,
			   sizeof(watcher->buffer));
		if (len < 0)
			return -errno;
		if (!len)
			return 0;
		watcher->pos = 0;
		watcher->len = (size_t)len;
	}

	rc = watcher_take(watcher);
	if (rc) {
		watcher->pos = watcher->len;
		return rc;
	}

	*event = &watcher->event;
	return 1;
}

int vmshm_watcher_set_eventfd(const struct vmshm_watcher *watcher, int fd)
{
	struct vmshm_watch_eventfd arg = {
		.size = sizeof(arg),
		.fd = fd,
	};

	return vmshm__ioctl(watcher->fd, VMSHM_IOC_WATCH_EVENTFD, &arg);
}

void vmshm_watcher_close(struct vmshm_watcher *watcher)
{
	if (!watcher)
		return;

	close(watcher->fd);
	free(watcher);
}
