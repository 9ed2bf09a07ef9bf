/* SPDX-License-Identifier: GPL-2.0 */
/*
 * All commands, what a valid argument of each is, and a world in which it does
 * something. For abi.c and compat32.c.
 */
#ifndef _ABI_H
#define _ABI_H

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "lib/harness.h"
#include "lib/vmshm_env.h"
#include "lib/vmshm_peer.h"

#define REGION_SIZE	(3 * 4096)
#define MAX_SIZE	(9 * 4096)
#define NEW_SIZE	(5 * 4096)

/* What a 64-bit and a 32-bit program both must see, and for ever. */
#define LAYOUT(type, bytes, last, last_offset)				\
	_Static_assert(sizeof(struct type) == (bytes) &&		\
		       offsetof(struct type, last) == (last_offset), #type)

LAYOUT(vmshm_info, 136, __reserved, 116);
LAYOUT(vmshm_create, 304, name, 48);
LAYOUT(vmshm_open, 288, name, 32);
LAYOUT(vmshm_unlink, 280, name, 24);
LAYOUT(vmshm_stat, 416, out_name, 136);
LAYOUT(vmshm_list, 552, after, 296);
LAYOUT(vmshm_domain, 272, name, 16);
LAYOUT(vmshm_resize, 16, region_size, 8);
LAYOUT(vmshm_seal, 16, out_seals, 12);
LAYOUT(vmshm_member, 56, comm, 40);
LAYOUT(vmshm_members, 32, __reserved, 28);
LAYOUT(vmshm_readonly, 16, __reserved, 12);
LAYOUT(vmshm_event, 320, name, 64);
LAYOUT(vmshm_watch, 280, prefix, 24);
LAYOUT(vmshm_watch_eventfd, 16, __reserved, 12);
LAYOUT(vmshm_log_open, 40, __reserved, 36);
LAYOUT(vmshm_log_range, 16, nr_pages, 8);
LAYOUT(vmshm_log_fetch, 72, __reserved, 68);
LAYOUT(vmshm_log_rearm, 24, __reserved, 20);
LAYOUT(vmshm_log_watermark, 16, watermark, 8);
LAYOUT(vmshm_log_stat, 112, out_misses, 104);
LAYOUT(vmshm_mark, 24, __reserved, 20);
LAYOUT(vmshm_merge, 32, bitmap, 24);
LAYOUT(vmshm_join, 96, name, 32);
LAYOUT(vmshm_peer_info, 136, comm, 120);
LAYOUT(vmshm_peers, 32, __reserved, 28);
LAYOUT(vmshm_peer_stat, 128, out_name, 64);
LAYOUT(vmshm_peer_set_vector, 16, fd, 12);
LAYOUT(vmshm_peer_get_vector, 32, out_fd, 24);
LAYOUT(vmshm_peer_ring, 16, vector, 12);
LAYOUT(vmshm_peer_pending, 24, out_pending, 16);

_Static_assert(VMSHM_IOC_GET_INFO == 0xbd00, "GET_INFO");
_Static_assert(VMSHM_IOC_CREATE == 0xbd01, "CREATE");
_Static_assert(VMSHM_IOC_OPEN == 0xbd02, "OPEN");
_Static_assert(VMSHM_IOC_UNLINK == 0xbd03, "UNLINK");
_Static_assert(VMSHM_IOC_LIST == 0xbd04, "LIST");
_Static_assert(VMSHM_IOC_WATCH == 0xbd05, "WATCH");
_Static_assert(VMSHM_IOC_DOMAIN == 0xbd06, "DOMAIN");
_Static_assert(VMSHM_IOC_STAT == 0xbd10, "STAT");
_Static_assert(VMSHM_IOC_RESIZE == 0xbd11, "RESIZE");
_Static_assert(VMSHM_IOC_SEAL == 0xbd12, "SEAL");
_Static_assert(VMSHM_IOC_MEMBERS == 0xbd13, "MEMBERS");
_Static_assert(VMSHM_IOC_READONLY == 0xbd14, "READONLY");
_Static_assert(VMSHM_IOC_LOG_OPEN == 0xbd15, "LOG_OPEN");
_Static_assert(VMSHM_IOC_MARK == 0xbd16, "MARK");
_Static_assert(VMSHM_IOC_MERGE == 0xbd17, "MERGE");
_Static_assert(VMSHM_IOC_WATCH_EVENTFD == 0xbd20, "WATCH_EVENTFD");
_Static_assert(VMSHM_IOC_LOG_FETCH == 0xbd30, "LOG_FETCH");
_Static_assert(VMSHM_IOC_LOG_REARM == 0xbd31, "LOG_REARM");
_Static_assert(VMSHM_IOC_LOG_WATERMARK == 0xbd32, "LOG_WATERMARK");
_Static_assert(VMSHM_IOC_LOG_STAT == 0xbd33, "LOG_STAT");
_Static_assert(VMSHM_IOC_JOIN == 0xbd18, "JOIN");
_Static_assert(VMSHM_IOC_PEERS == 0xbd19, "PEERS");
_Static_assert(VMSHM_IOC_PEER_STAT == 0xbd40, "PEER_STAT");
_Static_assert(VMSHM_IOC_PEER_SET_VECTOR == 0xbd41, "PEER_SET_VECTOR");
_Static_assert(VMSHM_IOC_PEER_GET_VECTOR == 0xbd42, "PEER_GET_VECTOR");
_Static_assert(VMSHM_IOC_PEER_RING == 0xbd43, "PEER_RING");
_Static_assert(VMSHM_IOC_PEER_PENDING == 0xbd44, "PEER_PENDING");

enum kind { DEVICE, REGION, WATCH, LOG, PEER, BINDING, NR_KINDS };

/* From the first byte to the one behind the last. */
struct range {
	size_t start;
	size_t end;
};

/* Members from @first on, up to @next or to the last. */
#define UPTO(type, first, next)						\
	{ offsetof(struct type, first), offsetof(struct type, next) }
#define TO_END(type, first)						\
	{ offsetof(struct type, first), sizeof(struct type) }

struct command;

struct world {
	const struct command *c;	/* what is tested */
	int files[NR_KINDS];
	int eventfd;
	char domain[VMSHM_NAME_MAX + 1];
	char prefix[VMSHM_NAME_MAX + 1];
	char region[VMSHM_NAME_MAX + 1];
	char victim[VMSHM_NAME_MAX + 1];
	char new[VMSHM_NAME_MAX + 1];
	struct vmshm_stat stats[8];
	struct vmshm_member members[8];
	struct vmshm_peer_info peers[8];
	struct vmshm_log_range ranges[4];
	struct vmshm_binding bindings[2];
	struct vmshm_bind_slot slots[3];
	__u64 bitmap;
};

/**
 * struct command - an ioctl of one kind of file
 * @cmd: its number
 * @kind: of the file
 * @size: of its argument
 * @first_size: that of its first version, if that was another
 * @flags: those it knows
 * @out: members that are written
 * @out_fd: offset of the one that is a descriptor, or 0
 * @reserved: members that must be zero
 * @needs_log: its world has a log
 * @needs_binding: its world has a binding
 * @changes: something is different after it, see struct state
 * @marks_again: when it fails, more pages than before may be dirty
 * @fill: makes a valid argument, but for its size
 * @good: checks the results
 */
struct command {
	unsigned int cmd;
	enum kind kind;
	size_t size;
	size_t first_size;
	__u32 flags;
	struct range out[3];
	size_t out_fd;
	struct range reserved[1];
	bool needs_log;
	bool needs_binding;
	bool changes;
	bool marks_again;
	void (*fill)(struct world *w, void *arg);
	bool (*good)(struct world *w, const void *arg);
};

static void set_name(__u8 to[VMSHM_NAME_MAX + 1], const char *name)
{
	memcpy(to, name, strnlen(name, VMSHM_NAME_MAX));
}

/* GET_INFO */

static void info_fill(struct world *w, void *arg)
{
}

static bool info_good(struct world *w, const void *arg)
{
	const struct vmshm_info *info = arg;

	return info->out_abi_version == 1 &&
	       info->out_page_size == (__u32)sysconf(_SC_PAGESIZE) &&
	       /* Whether vmshm_kvm is loaded is another question. */
	       (info->out_features & ~VMSHM_FEATURE_KVM) ==
		(VMSHM_FEATURE_RESERVE | VMSHM_FEATURE_PINNABLE |
		 VMSHM_FEATURE_HUGE | VMSHM_FEATURE_SEALS |
		 VMSHM_FEATURE_MEMBERS | VMSHM_FEATURE_WATCH |
		 VMSHM_FEATURE_LOG | VMSHM_FEATURE_PEERS) &&
	       info->out_huge_policies == 0xf && info->out_name_max == 255 &&
	       info->out_max_size > 1ULL << 60 && info->out_bytes_total &&
	       info->out_bytes_user && info->out_regions_user &&
	       info->out_meta_user && info->out_watches_user &&
	       info->out_events && info->out_regions_used >= 2 &&
	       info->out_meta_used && info->out_registry == vt_userns_id() &&
	       !info->__reserved &&
	       (info->size < sizeof(*info) ||
		(info->out_peers_user && info->out_peers_used));
}

static const struct command get_info = {
	.cmd = VMSHM_IOC_GET_INFO,
	.kind = DEVICE,
	.size = sizeof(struct vmshm_info),
	.first_size = offsetof(struct vmshm_info, out_peers_user),
	.out = { TO_END(vmshm_info, out_abi_version) },
	.fill = info_fill,
	.good = info_good,
};

/* CREATE */

static void create_fill(struct world *w, void *arg)
{
	struct vmshm_create *create = arg;

	create->region_size = REGION_SIZE;
	/* Not max_size: 0 stays 0. */
	create->mode = 0640;
	set_name(create->name, w->new);
}

static bool create_good(struct world *w, const void *arg)
{
	const struct vmshm_create *create = arg;
	struct vmshm_stat stat;

	return !vt_stat(create->out_fd, &stat) && create->out_created == 1 &&
	       create->out_generation == stat.out_generation &&
	       stat.out_region_size == REGION_SIZE &&
	       stat.out_max_size == REGION_SIZE && stat.out_mode == 0640 &&
	       stat.out_linked && !strcmp((char *)stat.out_name, w->new);
}

static const struct command create = {
	.cmd = VMSHM_IOC_CREATE,
	.kind = DEVICE,
	.size = sizeof(struct vmshm_create),
	.flags = VMSHM_EPHEMERAL | VMSHM_SHRINKABLE | VMSHM_RESERVE |
		 VMSHM_PINNABLE | VMSHM_NO_PUNCH | VMSHM_LOG_READERS |
		 VMSHM_RING_READERS | VMSHM_OPEN_EXISTING,
	.out = { UPTO(vmshm_create, out_fd, name) },
	.out_fd = offsetof(struct vmshm_create, out_fd),
	.changes = true,
	.fill = create_fill,
	.good = create_good,
};

/* OPEN */

static void open_fill(struct world *w, void *arg)
{
	struct vmshm_open *open = arg;

	set_name(open->name, w->region);
}

static bool open_good(struct world *w, const void *arg)
{
	const struct vmshm_open *open = arg;
	struct vmshm_stat stat, same;

	return !vt_stat(open->out_fd, &stat) &&
	       !vt_stat(w->files[REGION], &same) &&
	       open->out_generation == stat.out_generation &&
	       same.out_generation == stat.out_generation;
}

static const struct command open_cmd = {
	.cmd = VMSHM_IOC_OPEN,
	.kind = DEVICE,
	.size = sizeof(struct vmshm_open),
	.flags = VMSHM_OPEN_RDONLY | VMSHM_OPEN_OWNER | VMSHM_OPEN_GENERATION,
	.out = { UPTO(vmshm_open, out_fd, generation),
		 UPTO(vmshm_open, out_generation, name) },
	.out_fd = offsetof(struct vmshm_open, out_fd),
	.changes = true,
	.fill = open_fill,
	.good = open_good,
};

/* UNLINK */

static void unlink_fill(struct world *w, void *arg)
{
	struct vmshm_unlink *unlink = arg;

	set_name(unlink->name, w->victim);
}

static bool unlink_good(struct world *w, const void *arg)
{
	return vt_open(w->files[DEVICE], w->victim, 0) == -ENOENT;
}

static const struct command unlink_cmd = {
	.cmd = VMSHM_IOC_UNLINK,
	.kind = DEVICE,
	.size = sizeof(struct vmshm_unlink),
	.flags = VMSHM_UNLINK_GENERATION | VMSHM_UNLINK_REGISTRY,
	.reserved = { UPTO(vmshm_unlink, __reserved, name) },
	.changes = true,
	.fill = unlink_fill,
	.good = unlink_good,
};

/* LIST */

static void list_fill(struct world *w, void *arg)
{
	struct vmshm_list *list = arg;

	memset(w->stats, 0xff, sizeof(w->stats));
	list->entries = (uintptr_t)w->stats;
	list->entry_size = sizeof(w->stats[0]);
	list->count = ARRAY_SIZE(w->stats);
	set_name(list->prefix, w->prefix);
}

static bool list_good(struct world *w, const void *arg)
{
	const struct vmshm_list *list = arg;

	return list->out_count == 2 && !list->out_more &&
	       w->stats[0].size == sizeof(w->stats[0]) &&
	       !strcmp((char *)w->stats[0].out_name, w->region) &&
	       !strcmp((char *)w->stats[1].out_name, w->victim) &&
	       w->stats[2].size == 0xffffffff;
}

static const struct command list = {
	.cmd = VMSHM_IOC_LIST,
	.kind = DEVICE,
	.size = sizeof(struct vmshm_list),
	.flags = VMSHM_LIST_ALL,
	.out = { UPTO(vmshm_list, out_count, after_registry) },
	.reserved = { UPTO(vmshm_list, __reserved, prefix) },
	.fill = list_fill,
	.good = list_good,
};

/* WATCH */

static void watch_device_fill(struct world *w, void *arg)
{
	struct vmshm_watch *watch = arg;

	watch->events = 1 << VMSHM_EVENT_RESIZED;
	set_name(watch->prefix, w->domain);
}

static void watch_region_fill(struct world *w, void *arg)
{
	struct vmshm_watch *watch = arg;

	watch->events = 1 << VMSHM_EVENT_RESIZED;
}

static bool watch_good(struct world *w, const void *arg)
{
	const struct vmshm_watch *watch = arg;
	struct vmshm_event event;

	return !vt_resize(w->files[REGION], NEW_SIZE) &&
	       !vt_next_event(watch->out_fd, &event) &&
	       event.type == VMSHM_EVENT_RESIZED && event.value == NEW_SIZE &&
	       !vt_resize(w->files[REGION], REGION_SIZE);
}

static bool watch_region_good(struct world *w, const void *arg)
{
	const struct vmshm_watch *watch = arg;
	struct vmshm_stat stat;

	/* CREATED and OPENED at least. */
	return !vt_stat(w->files[REGION], &stat) &&
	       watch->out_seq == stat.out_seq && stat.out_seq >= 2 &&
	       watch_good(w, arg);
}

static const struct command watch_device = {
	.cmd = VMSHM_IOC_WATCH,
	.kind = DEVICE,
	.size = sizeof(struct vmshm_watch),
	.out = { UPTO(vmshm_watch, out_fd, prefix) },
	.out_fd = offsetof(struct vmshm_watch, out_fd),
	.changes = true,
	.fill = watch_device_fill,
	.good = watch_good,
};

static const struct command watch_region = {
	.cmd = VMSHM_IOC_WATCH,
	.kind = REGION,
	.size = sizeof(struct vmshm_watch),
	.out = { UPTO(vmshm_watch, out_fd, prefix) },
	.out_fd = offsetof(struct vmshm_watch, out_fd),
	.changes = true,
	.fill = watch_region_fill,
	.good = watch_region_good,
};

/* DOMAIN */

static void domain_fill(struct world *w, void *arg)
{
	struct vmshm_domain *domain = arg;

	domain->op = VMSHM_DOMAIN_RESERVE;
	domain->uid = VT_ALICE;
	set_name(domain->name, w->domain);
}

static bool domain_good(struct world *w, const void *arg)
{
	struct vmshm_stat stat;

	return !vt_stat(w->files[REGION], &stat) &&
	       stat.out_domain_uid == VT_ALICE;
}

static const struct command domain = {
	.cmd = VMSHM_IOC_DOMAIN,
	.kind = DEVICE,
	.size = sizeof(struct vmshm_domain),
	.changes = true,
	.fill = domain_fill,
	.good = domain_good,
};

/* STAT */

static void stat_fill(struct world *w, void *arg)
{
}

static bool stat_good(struct world *w, const void *arg)
{
	const struct vmshm_stat *stat = arg;
	struct stat st;

	return !fstat(w->files[REGION], &st) && stat->out_ino == st.st_ino &&
	       stat->out_generation && stat->out_region_size == REGION_SIZE &&
	       stat->out_max_size == MAX_SIZE && stat->out_resident == 4096 &&
	       stat->out_allocated == 4096 && stat->out_charged >= 4096 &&
	       stat->out_ctime_ns && stat->out_seq >= 2 && !stat->out_faults &&
	       stat->out_flags == VMSHM_SHRINKABLE && !stat->out_huge &&
	       !stat->out_seals && stat->out_mode == 0600 && !stat->out_uid &&
	       !stat->out_gid && !stat->out_domain_uid &&
	       stat->out_opens == 1 && !stat->out_maps && stat->out_linked &&
	       stat->out_registry == vt_userns_id() && !stat->out_logs &&
	       !strcmp((char *)stat->out_name, w->region);
}

static const struct command stat_cmd = {
	.cmd = VMSHM_IOC_STAT,
	.kind = REGION,
	.size = sizeof(struct vmshm_stat),
	.out = { TO_END(vmshm_stat, out_generation) },
	.fill = stat_fill,
	.good = stat_good,
};

/* RESIZE */

static void resize_fill(struct world *w, void *arg)
{
	struct vmshm_resize *resize = arg;

	resize->region_size = NEW_SIZE;
}

static bool resize_good(struct world *w, const void *arg)
{
	struct stat st;

	return !fstat(w->files[REGION], &st) && st.st_size == NEW_SIZE;
}

static const struct command resize = {
	.cmd = VMSHM_IOC_RESIZE,
	.kind = REGION,
	.size = sizeof(struct vmshm_resize),
	.changes = true,
	.fill = resize_fill,
	.good = resize_good,
};

/* SEAL */

static void seal_fill(struct world *w, void *arg)
{
	struct vmshm_seal *seal = arg;

	seal->add = VMSHM_SEAL_GROW;
}

static bool seal_good(struct world *w, const void *arg)
{
	const struct vmshm_seal *seal = arg;

	return seal->out_seals == VMSHM_SEAL_GROW &&
	       vt_resize(w->files[REGION], NEW_SIZE) == -EPERM;
}

static const struct command seal = {
	.cmd = VMSHM_IOC_SEAL,
	.kind = REGION,
	.size = sizeof(struct vmshm_seal),
	.out = { TO_END(vmshm_seal, out_seals) },
	.changes = true,
	.fill = seal_fill,
	.good = seal_good,
};

/* MEMBERS */

static void members_fill(struct world *w, void *arg)
{
	struct vmshm_members *members = arg;

	memset(w->members, 0xff, sizeof(w->members));
	members->entries = (uintptr_t)w->members;
	members->entry_size = sizeof(w->members[0]);
	members->count = ARRAY_SIZE(w->members);
}

static bool members_good(struct world *w, const void *arg)
{
	const struct vmshm_members *members = arg;

	return members->out_count == 1 &&
	       w->members[0].type == VMSHM_MEMBER_OPEN &&
	       w->members[0].pid == getpid() &&
	       w->members[1].type == 0xffffffff;
}

static const struct command members = {
	.cmd = VMSHM_IOC_MEMBERS,
	.kind = REGION,
	.size = sizeof(struct vmshm_members),
	.out = { UPTO(vmshm_members, out_count, __reserved) },
	.reserved = { TO_END(vmshm_members, __reserved) },
	.fill = members_fill,
	.good = members_good,
};

/* READONLY */

static bool readonly_good(struct world *w, const void *arg)
{
	const struct vmshm_readonly *readonly = arg;
	char c;

	return pread(readonly->out_fd, &c, 1, 0) == 1 && c == 'x' &&
	       pwrite(readonly->out_fd, &c, 1, 0) == -1 && errno == EBADF;
}

static const struct command readonly = {
	.cmd = VMSHM_IOC_READONLY,
	.kind = REGION,
	.size = sizeof(struct vmshm_readonly),
	.out = { UPTO(vmshm_readonly, out_fd, __reserved) },
	.out_fd = offsetof(struct vmshm_readonly, out_fd),
	.reserved = { TO_END(vmshm_readonly, __reserved) },
	.changes = true,
	.fill = stat_fill,
	.good = readonly_good,
};

/* WATCH_EVENTFD */

static void watch_eventfd_fill(struct world *w, void *arg)
{
	struct vmshm_watch_eventfd *eventfd = arg;

	eventfd->fd = w->eventfd;
}

static bool watch_eventfd_good(struct world *w, const void *arg)
{
	__u64 n;

	return !vt_resize(w->files[REGION], NEW_SIZE) &&
	       read(w->eventfd, &n, sizeof(n)) == sizeof(n) && n == 1 &&
	       !vt_resize(w->files[REGION], REGION_SIZE);
}

static const struct command watch_eventfd = {
	.cmd = VMSHM_IOC_WATCH_EVENTFD,
	.kind = WATCH,
	.size = sizeof(struct vmshm_watch_eventfd),
	.reserved = { TO_END(vmshm_watch_eventfd, __reserved) },
	.changes = true,
	.fill = watch_eventfd_fill,
	.good = watch_eventfd_good,
};

/* LOG_OPEN */

static void log_open_fill(struct world *w, void *arg)
{
	struct vmshm_log_open *open = arg;

	open->first_page = 1;
	open->nr_pages = 2;
	open->watermark = 2;
}

static bool log_stat_is(int log, __u64 first, __u64 nr, __u64 dirty,
			__u64 watermark)
{
	struct vmshm_log_stat stat = { .size = sizeof(stat) };

	return !vt_ioctl(log, VMSHM_IOC_LOG_STAT, &stat) &&
	       stat.out_first_page == first && stat.out_nr_pages == nr &&
	       stat.out_dirty == dirty && stat.out_watermark == watermark;
}

static bool log_open_good(struct world *w, const void *arg)
{
	const struct vmshm_log_open *open = arg;

	return log_stat_is(open->out_fd, 1, 2, 0, 2);
}

static const struct command log_open = {
	.cmd = VMSHM_IOC_LOG_OPEN,
	.kind = REGION,
	.size = sizeof(struct vmshm_log_open),
	.flags = VMSHM_LOG_ALL_DIRTY,
	.out = { UPTO(vmshm_log_open, out_fd, __reserved) },
	.out_fd = offsetof(struct vmshm_log_open, out_fd),
	.reserved = { TO_END(vmshm_log_open, __reserved) },
	.changes = true,
	.fill = log_open_fill,
	.good = log_open_good,
};

/* MARK, MERGE */

static void mark_fill(struct world *w, void *arg)
{
	struct vmshm_mark *mark = arg;

	w->ranges[0] = (struct vmshm_log_range){ 2, 1 };
	mark->ranges = (uintptr_t)w->ranges;
	mark->count = 1;
}

static bool mark_good(struct world *w, const void *arg)
{
	return log_stat_is(w->files[LOG], 0, MAX_SIZE / 4096, 2, 1);
}

static const struct command mark = {
	.cmd = VMSHM_IOC_MARK,
	.kind = REGION,
	.size = sizeof(struct vmshm_mark),
	.reserved = { TO_END(vmshm_mark, __reserved) },
	.needs_log = true,
	.changes = true,
	.fill = mark_fill,
	.good = mark_good,
};

static void merge_fill(struct world *w, void *arg)
{
	struct vmshm_merge *merge = arg;

	w->bitmap = 2;
	merge->first_page = 1;
	merge->nr_pages = 2;
	merge->bitmap = (uintptr_t)&w->bitmap;
}

static const struct command merge = {
	.cmd = VMSHM_IOC_MERGE,
	.kind = REGION,
	.size = sizeof(struct vmshm_merge),
	.needs_log = true,
	.changes = true,
	.fill = merge_fill,
	.good = mark_good,
};

/* LOG_FETCH */

static void log_fetch_fill(struct world *w, void *arg)
{
	struct vmshm_log_fetch *fetch = arg;

	memset(w->ranges, 0xff, sizeof(w->ranges));
	fetch->format = VMSHM_LOG_RANGES;
	fetch->count = ARRAY_SIZE(w->ranges);
	fetch->buffer = (uintptr_t)w->ranges;
}

static bool log_fetch_good(struct world *w, const void *arg)
{
	const struct vmshm_log_fetch *fetch = arg;

	return fetch->out_count == 1 && fetch->out_pages == 1 &&
	       fetch->out_next == MAX_SIZE / 4096 && !fetch->out_pinned &&
	       w->ranges[0].first_page == 1 && w->ranges[0].nr_pages == 1 &&
	       w->ranges[1].first_page == ~0ULL;
}

static const struct command log_fetch = {
	.cmd = VMSHM_IOC_LOG_FETCH,
	.kind = LOG,
	.size = sizeof(struct vmshm_log_fetch),
	.flags = VMSHM_LOG_PEEK,
	.out = { UPTO(vmshm_log_fetch, out_next, __reserved) },
	.reserved = { TO_END(vmshm_log_fetch, __reserved) },
	.needs_log = true,
	.changes = true,
	.marks_again = true,
	.fill = log_fetch_fill,
	.good = log_fetch_good,
};

/* LOG_REARM */

static void log_rearm_fill(struct world *w, void *arg)
{
	struct vmshm_log_rearm *rearm = arg;

	w->ranges[0] = (struct vmshm_log_range){ 1, 1 };
	rearm->ranges = (uintptr_t)w->ranges;
	rearm->count = 1;
}

static bool log_rearm_good(struct world *w, const void *arg)
{
	return log_stat_is(w->files[LOG], 0, MAX_SIZE / 4096, 0, 1);
}

static const struct command log_rearm = {
	.cmd = VMSHM_IOC_LOG_REARM,
	.kind = LOG,
	.size = sizeof(struct vmshm_log_rearm),
	.reserved = { TO_END(vmshm_log_rearm, __reserved) },
	.needs_log = true,
	.changes = true,
	.fill = log_rearm_fill,
	.good = log_rearm_good,
};

/* LOG_WATERMARK */

static void log_watermark_fill(struct world *w, void *arg)
{
	struct vmshm_log_watermark *watermark = arg;

	watermark->watermark = 5;
}

static bool log_watermark_good(struct world *w, const void *arg)
{
	return log_stat_is(w->files[LOG], 0, MAX_SIZE / 4096, 1, 5);
}

static const struct command log_watermark = {
	.cmd = VMSHM_IOC_LOG_WATERMARK,
	.kind = LOG,
	.size = sizeof(struct vmshm_log_watermark),
	.needs_log = true,
	.changes = true,
	.fill = log_watermark_fill,
	.good = log_watermark_good,
};

/* LOG_STAT */

static bool log_stat_good(struct world *w, const void *arg)
{
	const struct vmshm_log_stat *stat = arg;

	return !stat->out_first_page && stat->out_nr_pages == MAX_SIZE / 4096 &&
	       stat->out_dirty == 1 && stat->out_watermark == 1 &&
	       !stat->out_fetches && !stat->out_fetched &&
	       !stat->out_protected && !stat->out_pinned &&
	       !stat->out_fetch_ns && !stat->out_coarse && stat->out_memory &&
	       !stat->out_hits && !stat->out_misses;
}

static const struct command log_stat = {
	.cmd = VMSHM_IOC_LOG_STAT,
	.kind = LOG,
	.size = sizeof(struct vmshm_log_stat),
	.out = { TO_END(vmshm_log_stat, out_first_page) },
	.needs_log = true,
	.fill = stat_fill,
	.good = log_stat_good,
};

/* JOIN */

static void join_fill(struct world *w, void *arg)
{
	struct vmshm_join *join = arg;

	join->vectors = 3;
	strcpy((char *)join->name, "joiner");
}

static bool join_good(struct world *w, const void *arg)
{
	const struct vmshm_join *join = arg;
	struct vmshm_peer_stat stat;

	/* The world's peer is number 0. */
	return !vt_peer_stat(join->out_fd, &stat) && join->out_number == 1 &&
	       stat.out_number == 1 && stat.out_vectors == 3 &&
	       join->out_generation == stat.out_generation &&
	       !strcmp((char *)stat.out_name, "joiner");
}

static const struct command join = {
	.cmd = VMSHM_IOC_JOIN,
	.kind = REGION,
	.size = sizeof(struct vmshm_join),
	.flags = VMSHM_JOIN_NUMBER,
	.out = { UPTO(vmshm_join, out_fd, name) },
	.out_fd = offsetof(struct vmshm_join, out_fd),
	.changes = true,
	.fill = join_fill,
	.good = join_good,
};

/* PEERS */

static void peers_fill(struct world *w, void *arg)
{
	struct vmshm_peers *peers = arg;

	memset(w->peers, 0xff, sizeof(w->peers));
	peers->entries = (uintptr_t)w->peers;
	peers->entry_size = sizeof(w->peers[0]);
	peers->count = ARRAY_SIZE(w->peers);
}

static bool peers_good(struct world *w, const void *arg)
{
	const struct vmshm_peers *peers = arg;

	return peers->out_count == 1 && !w->peers[0].number &&
	       w->peers[0].pid == getpid() && w->peers[0].pending == 2 &&
	       w->peers[1].number == 0xffffffff;
}

static const struct command peers = {
	.cmd = VMSHM_IOC_PEERS,
	.kind = REGION,
	.size = sizeof(struct vmshm_peers),
	.out = { UPTO(vmshm_peers, out_count, __reserved) },
	.reserved = { TO_END(vmshm_peers, __reserved) },
	.fill = peers_fill,
	.good = peers_good,
};

/* PEER_STAT */

static bool peer_stat_good(struct world *w, const void *arg)
{
	const struct vmshm_peer_stat *stat = arg;
	struct vmshm_stat region;

	return !vt_stat(w->files[REGION], &region) && !stat->out_number &&
	       stat->out_flags == VT_PEER_RW && stat->out_vectors == 4 &&
	       stat->out_peers == 1 && stat->out_generation &&
	       stat->out_region == region.out_generation &&
	       stat->out_eventfds == 4 && stat->out_pending == 2 &&
	       stat->out_rings == 1 && !strcmp((char *)stat->out_name, "abi");
}

static const struct command peer_stat = {
	.cmd = VMSHM_IOC_PEER_STAT,
	.kind = PEER,
	.size = sizeof(struct vmshm_peer_stat),
	.out = { TO_END(vmshm_peer_stat, out_number) },
	.fill = stat_fill,
	.good = peer_stat_good,
};

/* PEER_SET_VECTOR */

static void peer_set_vector_fill(struct world *w, void *arg)
{
	struct vmshm_peer_set_vector *set = arg;

	set->vector = 3;
	set->fd = w->eventfd;
}

static bool peer_set_vector_good(struct world *w, const void *arg)
{
	__u64 n;

	return !vt_ring(w->files[PEER], 0, 3) &&
	       read(w->eventfd, &n, sizeof(n)) == sizeof(n) && n == 1;
}

static const struct command peer_set_vector = {
	.cmd = VMSHM_IOC_PEER_SET_VECTOR,
	.kind = PEER,
	.size = sizeof(struct vmshm_peer_set_vector),
	.changes = true,
	.fill = peer_set_vector_fill,
	.good = peer_set_vector_good,
};

/* PEER_GET_VECTOR */

static void peer_get_vector_fill(struct world *w, void *arg)
{
	struct vmshm_peer_get_vector *get = arg;

	get->vector = 2;
}

static bool peer_get_vector_good(struct world *w, const void *arg)
{
	const struct vmshm_peer_get_vector *get = arg;
	__u64 n;

	return !vt_ring(w->files[PEER], 0, 2) &&
	       read(get->out_fd, &n, sizeof(n)) == sizeof(n) && n == 1;
}

static const struct command peer_get_vector = {
	.cmd = VMSHM_IOC_PEER_GET_VECTOR,
	.kind = PEER,
	.size = sizeof(struct vmshm_peer_get_vector),
	.out = { UPTO(vmshm_peer_get_vector, out_fd, __reserved) },
	.out_fd = offsetof(struct vmshm_peer_get_vector, out_fd),
	.reserved = { TO_END(vmshm_peer_get_vector, __reserved) },
	.changes = true,
	.fill = peer_get_vector_fill,
	.good = peer_get_vector_good,
};

/* PEER_RING */

static void peer_ring_fill(struct world *w, void *arg)
{
	struct vmshm_peer_ring *ring = arg;

	ring->vector = 3;
}

static bool peer_ring_good(struct world *w, const void *arg)
{
	return vt_pending(w->files[PEER], 1 << 3) == 1 << 3;
}

static const struct command peer_ring = {
	.cmd = VMSHM_IOC_PEER_RING,
	.kind = PEER,
	.size = sizeof(struct vmshm_peer_ring),
	.changes = true,
	.fill = peer_ring_fill,
	.good = peer_ring_good,
};

/* PEER_PENDING */

static bool peer_pending_good(struct world *w, const void *arg)
{
	const struct vmshm_peer_pending *pending = arg;

	return pending->out_pending == 2 && !vt_pending(w->files[PEER], 0);
}

static const struct command peer_pending = {
	.cmd = VMSHM_IOC_PEER_PENDING,
	.kind = PEER,
	.size = sizeof(struct vmshm_peer_pending),
	.out = { TO_END(vmshm_peer_pending, out_pending) },
	.changes = true,
	.fill = stat_fill,
	.good = peer_pending_good,
};

#include "abi_bind.h"

static const struct command *const commands[] = {
	&get_info, &create, &open_cmd, &unlink_cmd, &list, &watch_device,
	&watch_region, &domain, &stat_cmd, &resize, &seal, &members, &readonly,
	&watch_eventfd, &log_open, &mark, &merge, &log_fetch, &log_rearm,
	&log_watermark, &log_stat, &join, &peers, &peer_stat, &peer_set_vector,
	&peer_get_vector, &peer_ring, &peer_pending, &bind_cmd, &bindings_cmd,
	&bind_stat, &bind_update, &bind_slots,
};

/* All that the commands can change, but for what only they themselves do. */
struct state {
	__u64 region_size;
	__u64 bytes_used;
	__u64 regions_used;
	__u64 meta_used;
	__s64 nr_fds;
	__s64 nr_names;
	__s64 eventfd;
	__u64 dirty;
	__u64 watermark;
	__u64 peers;
	__u64 eventfds;
	__u64 pending;
	__u64 rings;
	__u64 guest_addr;
	__u32 seals;
	__u32 opens;
	__u32 domain_uid;
	__u32 mode;
};

static void get_state(struct __test_metadata *_metadata, struct world *w,
		      struct state *state)
{
	struct vmshm_bind_stat binding = { .size = sizeof(binding) };
	struct vmshm_log_stat log = { .size = sizeof(log) };
	struct vmshm_peer_stat peer;
	struct vmshm_info info;
	struct vmshm_stat stat;

	if (w->files[BINDING] >= 0)
		ASSERT_EQ(0, vt_ioctl(w->files[BINDING], VMSHM_IOC_BIND_STAT,
				      &binding));
	if (w->files[LOG] >= 0)
		ASSERT_EQ(0, vt_ioctl(w->files[LOG], VMSHM_IOC_LOG_STAT, &log));
	ASSERT_EQ(0, vt_stat(w->files[REGION], &stat));
	ASSERT_EQ(0, vt_info(w->files[DEVICE], &info));
	ASSERT_EQ(0, vt_peer_stat(w->files[PEER], &peer));
	memset(state, 0, sizeof(*state));
	state->region_size = stat.out_region_size;
	state->bytes_used = info.out_bytes_used;
	state->regions_used = info.out_regions_used;
	state->meta_used = info.out_meta_used;
	state->nr_fds = vt_nr_fds();
	state->nr_names = vt_list(w->files[DEVICE], w->prefix, 0, NULL, 0);
	state->eventfd = vt_fdinfo(w->files[WATCH], "vmshm-eventfd");
	state->dirty = log.out_dirty;
	state->watermark = log.out_watermark;
	state->peers = peer.out_peers;
	state->eventfds = peer.out_eventfds;
	state->pending = peer.out_pending;
	state->rings = peer.out_rings;
	state->guest_addr = binding.out_guest_addr;
	state->seals = stat.out_seals;
	state->opens = stat.out_opens;
	state->domain_uid = stat.out_domain_uid;
	state->mode = stat.out_mode;
	ASSERT_LE(0, state->nr_fds);
	ASSERT_LE(0, state->nr_names);
	ASSERT_LE(0, state->eventfd);
}

/* Not in every world: it takes some time. */
static void add_log(struct __test_metadata *_metadata, struct world *w)
{
	struct vmshm_log_open log = { .size = sizeof(log) };
	struct vmshm_log_range range = { 1, 1 };
	struct vmshm_mark mark = {
		.size = sizeof(mark),
		.ranges = (uintptr_t)&range,
		.count = 1,
	};
	int fd = w->files[REGION];

	ASSERT_EQ(0, vt_ioctl(fd, VMSHM_IOC_LOG_OPEN, &log));
	w->files[LOG] = log.out_fd;
	ASSERT_EQ(0, vt_ioctl(fd, VMSHM_IOC_MARK, &mark));
}

static void make_world(struct __test_metadata *_metadata, struct world *w)
{
	int dev, fd, bell;

	dev = vt_device();
	ASSERT_LE(0, dev);
	w->files[DEVICE] = dev;
	snprintf(w->domain, sizeof(w->domain), "test-%d", getpid());
	vt_name(w->prefix, "");
	vt_name(w->region, "region");
	vt_name(w->victim, "victim");
	vt_name(w->new, "new");
	fd = vt_create(dev, w->victim, 0, 0, 0, 0600);
	ASSERT_LE(0, fd);
	close(fd);
	fd = vt_create(dev, w->region, REGION_SIZE, MAX_SIZE, VMSHM_SHRINKABLE,
		       0600);
	ASSERT_LE(0, fd);
	w->files[REGION] = fd;
	ASSERT_EQ(1, pwrite(fd, "x", 1, 0));
	w->files[WATCH] = vt_watch(fd, "", 1 << VMSHM_EVENT_RESIZED, NULL);
	ASSERT_LE(0, w->files[WATCH]);
	w->files[PEER] = vt_join(fd, VT_ANY, 4, "abi");
	ASSERT_LE(0, w->files[PEER]);
	bell = vt_doorbell(w->files[PEER], 2);
	ASSERT_LE(0, bell);
	close(bell);
	ASSERT_EQ(0, vt_ring(w->files[PEER], 0, 1));
	w->files[LOG] = -1;
	if (w->c && w->c->needs_log)
		add_log(_metadata, w);
	w->files[BINDING] = -1;
	if (w->c && w->c->needs_binding)
		add_binding(_metadata, w);
	w->eventfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ASSERT_LE(0, w->eventfd);
}

static void end_world(struct __test_metadata *_metadata, struct world *w)
{
	int i;

	vt_domain_release(w->files[DEVICE], w->domain);
	EXPECT_LE(0, vt_unlink_all(w->files[DEVICE], w->prefix));
	for (i = 0; i < NR_KINDS; i++)
		if (w->files[i] >= 0)
			close(w->files[i]);
	close(w->eventfd);
}

#endif /* _ABI_H */
