// SPDX-License-Identifier: GPL-2.0
/*
 * Operations on bindings, of which the caller sets the slots: no VM is needed.
 */
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"

static struct fz_bind *fz_bind_of(uint32_t arg)
{
	unsigned int i;

	for (i = 0; i < FZ_BINDS; i++) {
		struct fz_bind *bind = &fz.bind[(arg + i) % FZ_BINDS];

		if (bind->region)
			return bind;
	}
	return NULL;
}

static uint64_t fz_bound(const struct fz_bind *bind)
{
	uint64_t bound = 0;
	unsigned int i;

	for (i = 0; i < bind->used; i++)
		bound += bind->slot[i];
	return bound;
}

/* How much is to be bound with a size. */
static uint64_t fz_wanted(const struct fz_bind *bind, uint64_t size)
{
	uint64_t end = fz_pages(size) * FZ_PAGE;

	if (end <= bind->offset)
		return 0;
	return end - bind->offset < bind->length ? end - bind->offset :
		bind->length;
}

/* How many more slots up to there; sets them. */
static unsigned int fz_extend(struct fz_bind *bind, uint64_t wanted, bool set)
{
	uint64_t bound = fz_bound(bind), end;
	unsigned int n = 0;

	while (bound < wanted) {
		end = wanted;
		if (bind->granule && bound / bind->granule * bind->granule +
		    bind->granule < end)
			end = (bound / bind->granule + 1) * bind->granule;
		if (set)
			bind->slot[bind->used + n] = end - bound;
		n++;
		bound = end;
	}
	if (set) {
		bind->used += n;
		bind->changes += !!n;
	}
	return n;
}

static int fz_bind_expect(struct fz_bind *bind, uint64_t size)
{
	uint64_t wanted = fz_wanted(bind, size), bound = fz_bound(bind);
	unsigned int i;

	if (!(bind->flags & VMSHM_BIND_FOLLOW))
		return size < bind->region->size && wanted < bind->length ?
			-EBUSY : 0;
	if (wanted > bound)
		return fz_extend(bind, wanted, false) >
			bind->nr_slots - bind->used ? -ENOSPC : 0;
	for (i = bind->used; i > 0 && wanted < bound; i--)
		bound -= bind->slot[i - 1];
	return bound < wanted ? -EBUSY : 0;
}

/* What the bindings of a region say to a size: the oldest speaks first. */
int fz_binds_expect(struct fz_region *region, uint64_t size)
{
	const struct fz_bind *first = NULL;
	unsigned int i;
	int err = 0;

	for (i = 0; i < FZ_BINDS; i++) {
		struct fz_bind *bind = &fz.bind[i];
		int ret;

		if (bind->region != region || (first && first->since < bind->since))
			continue;
		ret = fz_bind_expect(bind, size);
		if (ret) {
			err = ret;
			first = bind;
		}
	}
	return err;
}

void fz_binds_resized(struct fz_region *region, uint64_t size)
{
	unsigned int i;

	for (i = 0; i < FZ_BINDS; i++) {
		struct fz_bind *bind = &fz.bind[i];
		unsigned int used = bind->used;

		if (bind->region != region ||
		    !(bind->flags & VMSHM_BIND_FOLLOW))
			continue;
		fz_extend(bind, fz_wanted(bind, size), true);
		while (bind->used && fz_bound(bind) > fz_wanted(bind, size))
			bind->used--;
		if (bind->used < used)
			bind->changes++;
	}
}

void fz_bind_close(struct fz_bind *bind)
{
	struct fz_region *region = bind->region;

	if (!region)
		return;
	FZ_EXPECT(close(bind->fd), 0, "close");
	fz_raise(region, VMSHM_EVENT_UNBOUND, bind->guest_addr, 0);
	FZ_EXPECT(munmap(bind->addr, bind->length), 0, "munmap");
	bind->region = NULL;
	if (bind->handle)
		fz_handle_put(bind->handle);
	else
		fz_region_check(region);
}

/* 0 descriptor, 1 which, 2 offset and length, 3 granule and slots, 4 flags */
void fz_op_bind(const uint32_t *arg)
{
	struct vmshm_bind ask = {
		.size = sizeof(ask),
		.flags = VMSHM_BIND_USER | (arg[4] & 7),
		.vm_fd = -1,
		.first_slot = arg[3] >> 16 & 7,
		.nr_slots = (arg[3] >> 20) % (FZ_BIND_SLOTS + 1),
		.guest_addr = arg[4] / 256 % 256 * FZ_PAGE,
		.offset = arg[2] & 3 ? 0 : (arg[2] >> 2) % 20 * FZ_PAGE,
		.length = arg[2] & 12 ? 0 : (arg[2] >> 7) % 40 * FZ_PAGE,
		.granule = arg[3] % 10 * FZ_PAGE,
	};
	struct fz_bind *bind = &fz.bind[arg[1] % FZ_BINDS];
	bool faulty = !(arg[4] >> 16 & 15);
	struct fz_region *region;
	struct fz_fd *fd;
	uint64_t max;
	int want = 0;
	bool write;

	fz_bind_close(bind);
	fd = fz_fd_of(arg[0]);
	if (!fd)
		return;
	region = fd->handle->region;
	memset(bind, 0, sizeof(*bind));
	max = fz_pages(region->max_size) * FZ_PAGE;
	write = !(ask.flags & VMSHM_BIND_READONLY);
	bind->flags = ask.flags;
	bind->offset = ask.offset;
	bind->length = ask.length ?: max - ask.offset;
	bind->granule = ask.granule;
	bind->nr_slots = ask.nr_slots;
	bind->first_slot = ask.first_slot;
	bind->guest_addr = ask.guest_addr;

	if (ask.offset > max || ask.length > max - ask.offset ||
	    !bind->length || !ask.nr_slots)
		want = -EINVAL;
	else if (!fd->handle->read || (write && !fd->handle->write))
		want = -EACCES;
	else if (write && (region->seals & (VMSHM_SEAL_WRITE |
					    VMSHM_SEAL_FUTURE_WRITE)))
		want = -EPERM;
	if (!want) {
		/* Mapped it was, whatever comes of it. */
		region->was_mapped = true;
		if (!(ask.flags & VMSHM_BIND_FOLLOW) &&
		    fz_wanted(bind, region->size) < bind->length)
			want = -EINVAL;
		else if (fz_extend(bind, fz_wanted(bind, region->size), false) >
			 bind->nr_slots)
			want = -ENOSPC;
		else if (faulty)
			want = -EFAULT;
	}
	FZ_EXPECT(fz_ioctl(fd->fd, VMSHM_IOC_BIND, &ask, sizeof(ask), faulty),
		  want, "BIND of %llu at %llu",
		  (unsigned long long)bind->length,
		  (unsigned long long)bind->offset);
	if (want)
		return;
	fz_extend(bind, fz_wanted(bind, region->size), true);
	bind->fd = ask.out_fd;
	bind->addr = (unsigned char *)(uintptr_t)ask.out_user_addr;
	bind->follows = ask.flags & VMSHM_BIND_FOLLOW;
	bind->may_write = fd->handle->write &&
		!(region->seals & (VMSHM_SEAL_WRITE | VMSHM_SEAL_FUTURE_WRITE));
	bind->since = ++fz.nr_binds;
	bind->region = region;
	bind->handle = region->flags & VMSHM_PINNABLE ? NULL :
		fz_handle_get(fd->handle);
	fz_raise(region, VMSHM_EVENT_BOUND, bind->guest_addr, 0);
}

/* 0 which */
void fz_op_bind_close(const uint32_t *arg)
{
	fz_bind_close(&fz.bind[arg[0] % FZ_BINDS]);
}

/* 0 which, 1 flags, 2 address */
void fz_op_bind_update(const uint32_t *arg)
{
	struct fz_bind *bind = fz_bind_of(arg[0]);
	struct vmshm_bind_update update = { .size = sizeof(update) };
	int want = 0;

	if (!bind)
		return;
	update.flags = bind->flags ^ (arg[1] & (arg[1] >> 8) & 7);
	update.guest_addr = arg[2] & 1 ? bind->guest_addr :
		(arg[2] >> 1) % 256 * (arg[2] & 0x100000 ? 1 : FZ_PAGE);
	if (((update.flags ^ bind->flags) & VMSHM_BIND_READONLY) ||
	    update.guest_addr % FZ_PAGE)
		want = -EINVAL;
	else if (!(update.flags & VMSHM_BIND_FOLLOW) &&
		 (fz_wanted(bind, bind->region->size) < bind->length ||
		  fz_bound(bind) < bind->length))
		want = -EBUSY;
	FZ_EXPECT(fz_ioctl(bind->fd, VMSHM_IOC_BIND_UPDATE, &update,
			   sizeof(update), arg[1] >> 16 & 1), want,
		  "BIND_UPDATE from 0x%x to 0x%x", bind->flags, update.flags);
	if (want)
		return;
	bind->flags = update.flags;
	if (bind->flags & VMSHM_BIND_FOLLOW)
		bind->follows = true;
	bind->changes++;
	if (update.guest_addr != bind->guest_addr) {
		bind->guest_addr = update.guest_addr;
		fz_raise(bind->region, VMSHM_EVENT_BOUND, bind->guest_addr, 0);
	}
}

/* What a binding says of itself: 0 which, 1 room */
void fz_op_bind_check(const uint32_t *arg)
{
	struct vmshm_bind_slot slot[FZ_BIND_SLOTS];
	struct vmshm_bind_slots slots = {
		.size = sizeof(slots),
		.entries = (uintptr_t)slot,
		.entry_size = sizeof(slot[0]),
		.count = arg[1] & 3 ? FZ_BIND_SLOTS : 0,
	};
	struct vmshm_bind_stat stat = { .size = sizeof(stat) };
	struct fz_bind *bind = fz_bind_of(arg[0]);
	uint64_t at = 0;
	unsigned int i;

	if (!bind)
		return;
	FZ_EXPECT(fz_ioctl(bind->fd, VMSHM_IOC_BIND_STAT, &stat, sizeof(stat),
			   false), 0, "BIND_STAT");
	FZ_EXPECT(stat.out_flags, bind->flags, "BIND_STAT: out_flags");
	FZ_EXPECT(stat.out_bound, fz_bound(bind), "BIND_STAT: out_bound");
	FZ_EXPECT(stat.out_used_slots, bind->used, "BIND_STAT: out_used_slots");
	FZ_EXPECT(stat.out_changes, bind->changes, "BIND_STAT: out_changes");
	FZ_EXPECT(stat.out_length, bind->length, "BIND_STAT: out_length");
	FZ_EXPECT(stat.out_guest_addr, bind->guest_addr,
		  "BIND_STAT: out_guest_addr");
	FZ_EXPECT(fz_poll(bind->fd), bind->changes != bind->seen ? POLLIN : 0,
		  "poll of a binding");
	FZ_EXPECT(fz_ioctl(bind->fd, VMSHM_IOC_BIND_SLOTS, &slots,
			   sizeof(slots), false),
		  slots.count < bind->used ? -EMSGSIZE : 0, "BIND_SLOTS");
	FZ_EXPECT(slots.out_count, bind->used, "BIND_SLOTS: out_count");
	if (slots.count < bind->used)
		return;
	bind->seen = bind->changes;
	for (i = 0; i < bind->used; i++) {
		FZ_EXPECT(slot[i].slot, bind->first_slot + i, "slot: number");
		FZ_EXPECT(slot[i].offset, bind->offset + at, "slot: offset");
		FZ_EXPECT(slot[i].guest_addr, bind->guest_addr + at,
			  "slot: guest_addr");
		FZ_EXPECT(slot[i].length, bind->slot[i], "slot: length");
		at += bind->slot[i];
	}
}
