// SPDX-License-Identifier: GPL-2.0
/*
 * Operations on watches: each event is told, once, in order.
 */
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "fuzz.h"

/* Is this event one for a watch? Names are in the order of prefixes. */
static bool fz_watch_wants(const struct fz_watch *watch,
			   const struct fz_event *event)
{
	char name[VMSHM_NAME_MAX + 1], prefix[VMSHM_NAME_MAX + 1];

	if (!(watch->mask & 1U << event->type))
		return false;
	if (watch->generation)
		return watch->generation == event->generation;
	if (watch->name < 0)
		return true;
	fz_name(watch->name, prefix);
	fz_name(event->name, name);
	return !strncmp(name, prefix, strlen(prefix));
}

/* The next event that a watch has to tell, or NULL. */
static const struct fz_event *fz_watch_next(struct fz_watch *watch)
{
	while (watch->next < fz.nr_events) {
		if (fz_watch_wants(watch, &fz.event[watch->next]))
			return &fz.event[watch->next];
		watch->next++;
	}
	return NULL;
}

void fz_watch_close(struct fz_watch *watch)
{
	if (!watch->used)
		return;
	watch->used = false;
	FZ_EXPECT(close(watch->fd), 0, "close");
}

void fz_watches_gone(struct fz_region *region)
{
	unsigned int i;

	for (i = 0; i < FZ_WATCHES; i++)
		if (fz.watch[i].used &&
		    fz.watch[i].generation == region->generation)
			fz.watch[i].gone = true;
}

void fz_watches_raised(const struct fz_event *event)
{
	unsigned int i;

	for (i = 0; i < FZ_WATCHES; i++) {
		const struct fz_watch *watch = &fz.watch[i];

		if (watch->used && watch->bell >= 0 &&
		    fz_watch_wants(watch, event))
			fz.eventfd_count[watch->bell]++;
	}
}

/* 0 which watch, 1 eventfd, 2 what is wrong */
void fz_op_watch_eventfd(const uint32_t *arg)
{
	struct fz_watch *watch = &fz.watch[arg[0] % FZ_WATCHES];
	int bell = (int)(arg[1] % (FZ_EVENTFDS + 1)) - 1, want = 0;
	struct vmshm_watch_eventfd set = {
		.size = sizeof(set),
		.fd = bell < 0 ? -1 : fz.eventfd[bell],
	};

	if (!watch->used)
		return;
	switch (arg[2] & 15) {
	case 0:
		set.fd = fz.dev;
		want = -EINVAL;
		break;
	case 1:
		set.fd = INT_MAX;
		want = -EBADF;
		break;
	case 2:
		set.__reserved = 1;
		want = -EINVAL;
		break;
	}
	/* Nothing is returned. */
	FZ_EXPECT(fz_ioctl(watch->fd, VMSHM_IOC_WATCH_EVENTFD, &set,
			   sizeof(set), arg[2] & 16), want, "WATCH_EVENTFD");
	if (!want)
		watch->bell = bell;
}

/* 0 descriptor, 1 which watch, 2 of what, 3 mask, 4 faulty */
void fz_op_watch(const uint32_t *arg)
{
	struct vmshm_watch ask = {
		.size = sizeof(ask),
		.events = arg[3] & 1 ? 0 : arg[3] >> 1 & 0x7fff,
	};
	struct fz_watch *watch = &fz.watch[arg[1] % FZ_WATCHES];
	struct fz_fd *fd = fz_fd_of(arg[0]);
	bool faulty = !(arg[4] & 15);
	int on = fz.dev;

	fz_watch_close(watch);
	memset(watch, 0, sizeof(*watch));
	watch->name = -1;
	watch->bell = -1;
	if (fd && (arg[2] & 1)) {
		watch->generation = fd->handle->region->generation;
		on = fd->fd;
	} else if (arg[2] & 2) {
		watch->name = (arg[2] >> 2) % FZ_NAMES;
		fz_name(watch->name, (char *)ask.prefix);
	} else {
		strcpy((char *)ask.prefix, fz.prefix);
	}
	FZ_EXPECT(fz_ioctl(on, VMSHM_IOC_WATCH, &ask, sizeof(ask), faulty),
		  faulty ? -EFAULT : 0, "WATCH");
	if (faulty)
		return;
	if (watch->generation)
		FZ_EXPECT(ask.out_seq, fd->handle->region->events,
			  "WATCH: out_seq");
	watch->fd = ask.out_fd;
	watch->used = true;
	watch->mask = ask.events ?: UINT32_MAX;
	watch->next = fz.nr_events;
	fcntl(watch->fd, F_SETFL, O_NONBLOCK);
}

/* 0 which watch */
void fz_op_watch_close(const uint32_t *arg)
{
	fz_watch_close(&fz.watch[arg[0] % FZ_WATCHES]);
}

/* 0 which watch, 1 how many events */
void fz_op_watch_read(const uint32_t *arg)
{
	static struct vmshm_event events[8];
	char name[VMSHM_NAME_MAX + 1];
	struct fz_watch *watch = &fz.watch[arg[0] % FZ_WATCHES];
	unsigned int room = 1 + arg[1] % 8, i;
	const struct fz_event *event;
	ssize_t ret;

	if (!watch->used)
		return;
	event = fz_watch_next(watch);
	FZ_EXPECT(fz_poll(watch->fd), (event ? POLLIN : 0) |
		  (watch->gone ? POLLHUP : 0), "poll of a watch");
	if (!(arg[1] >> 8 & 15))
		FZ_EXPECT(read(watch->fd, events, sizeof(events[0]) - 1) < 0 ?
			  -errno : 0, -EINVAL, "read of less than an event");
	ret = read(watch->fd, events, room * sizeof(events[0]));
	ret = ret < 0 ? -errno : ret;
	if (!event) {
		FZ_EXPECT(ret, watch->gone ? 0 : -EAGAIN, "read of no event");
		return;
	}
	if (ret <= 0 || ret % sizeof(events[0]))
		fz_fail("read of a watch: %zd", ret);
	room -= ret / sizeof(events[0]);
	for (i = 0; i < ret / sizeof(events[0]); i++) {
		event = fz_watch_next(watch);
		if (!event)
			fz_fail("event %u, expected none", events[i].type);
		FZ_EXPECT(events[i].type, event->type, "event: type, number %llu",
			  (unsigned long long)event->seq);
		FZ_EXPECT(events[i].generation, event->generation,
			  "event %u: generation", event->type);
		FZ_EXPECT(events[i].seq, event->seq, "event %u: seq",
			  event->type);
		FZ_EXPECT(events[i].value, event->value, "event %u: value",
			  event->type);
		FZ_EXPECT(events[i].old_value, event->old_value,
			  "event %u: old_value", event->type);
		/* To the last byte: what is behind it is 0. */
		fz_name(event->name, name);
		if (memcmp(events[i].name, name, sizeof(name)))
			fz_fail("event %u: name", event->type);
		watch->next++;
	}
	if (room && fz_watch_next(watch))
		fz_fail("event %u is missing", fz_watch_next(watch)->type);
}
