// SPDX-License-Identifier: GPL-2.0
/*
 * Operations on bindings, of which the caller sets the slots or the kernel: the
 * former need no VM. What a VM has is the memory of its bindings, one range each,
 * and its own.
 */
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"

struct fz_bind *fz_bind_of(uint32_t arg)
{
	unsigned int i;

	for (i = 0; i < FZ_BINDS; i++) {
		struct fz_bind *bind = &fz.bind[(arg + i) % FZ_BINDS];

		if (bind->region)
			return bind;
	}
	return NULL;
}

uint64_t fz_bound(const struct fz_bind *bind)
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

/* Would it get in the way of what the VM has, with so many slots up to there? */
static bool fz_in_way(const struct fz_bind *bind, unsigned int used,
		      uint64_t bound)
{
	unsigned int i, first = bind->first_slot;
	uint64_t from = bind->guest_addr;

	if (!bind->vm || !used)
		return false;
	/* The VM's own memory is slot 0. */
	if (!first || from < FZ_VM_LOW)
		return true;
	for (i = 0; i < FZ_BINDS; i++) {
		const struct fz_bind *other = &fz.bind[i];

		if (other == bind || !other->region || other->vm != bind->vm ||
		    !other->used)
			continue;
		if ((first < other->first_slot + other->used &&
		     other->first_slot < first + used) ||
		    (from < other->guest_addr + fz_bound(other) &&
		     other->guest_addr < from + bound))
			return true;
	}
	return false;
}

/* The next younger binding of a region, or NULL; after NULL, the oldest. */
struct fz_bind *fz_bind_next(const struct fz_region *region,
			     const struct fz_bind *after)
{
	unsigned int since = after ? after->since : 0, i;
	struct fz_bind *next = NULL;

	for (i = 0; i < FZ_BINDS; i++) {
		struct fz_bind *bind = &fz.bind[i];

		if (bind->region == region && bind->since > since &&
		    (!next || bind->since < next->since))
			next = bind;
	}
	return next;
}

/*
 * Has a VM something else where a region is to grow to? One binding follows after
 * the other; those that have are put back then, of which both is a change.
 */
int fz_binds_grow(struct fz_region *region, uint64_t size, bool changed)
{
	struct fz_bind saved[FZ_BINDS], *bind = NULL;
	unsigned int i;
	int err = 0;

	memcpy(saved, fz.bind, sizeof(saved));
	while (!err && (bind = fz_bind_next(region, bind))) {
		uint64_t wanted = fz_wanted(bind, size);
		unsigned int more;

		if (!(bind->flags & VMSHM_BIND_FOLLOW))
			continue;
		more = fz_extend(bind, wanted, false);
		if (more && fz_in_way(bind, bind->used + more, wanted))
			err = -EBUSY;
		else
			fz_extend(bind, wanted, true);
	}
	for (i = 0; i < FZ_BINDS; i++) {
		if (changed && err && fz.bind[i].used > saved[i].used)
			saved[i].changes += 2;
	}
	memcpy(fz.bind, saved, sizeof(saved));
	return err;
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
	fz_raise(region, VMSHM_EVENT_UNBOUND, bind->guest_addr,
		 bind->vm_number);
	FZ_EXPECT(munmap(bind->addr, bind->length), 0, "munmap");
	bind->region = NULL;
	if (bind->handle)
		fz_handle_put(bind->handle);
	else
		fz_region_check(region);
}

/* Some ranges do not touch, some do, and the first begins in a VM's own memory. */
static uint64_t fz_guest_addr(uint32_t arg)
{
	return ((arg & 3) * 2 * FZ_CAP + (arg >> 2) % 64) * FZ_PAGE;
}

/* Without the VM, if it is to have one. */
static void fz_bind_ask(struct vmshm_bind *ask, const uint32_t *arg)
{
	*ask = (struct vmshm_bind){
		.size = sizeof(*ask),
		.flags = arg[4] & 7,
		.vm_fd = -1,
		.first_slot = (arg[3] >> 16 & 7) * 6,
		.nr_slots = (arg[3] >> 20) % (FZ_BIND_SLOTS + 1),
		.guest_addr = fz_guest_addr(arg[4] >> 8),
		.offset = arg[2] & 3 ? 0 : (arg[2] >> 2) % 20 * FZ_PAGE,
		.length = arg[2] & 12 ? 0 : (arg[2] >> 7) % 40 * FZ_PAGE,
		.granule = arg[3] % 10 * FZ_PAGE,
	};
}

/* What comes of it before anything is mapped; @err: of its VM. */
static int fz_bind_allowed(const struct fz_handle *handle,
			   const struct fz_bind *bind,
			   const struct vmshm_bind *ask, int err)
{
	const struct fz_region *region = handle->region;
	uint64_t max = fz_pages(region->max_size) * FZ_PAGE;
	bool write = !(ask->flags & VMSHM_BIND_READONLY);

	if (ask->offset > max || ask->length > max - ask->offset ||
	    !bind->length || !ask->nr_slots)
		return -EINVAL;
	if (!handle->read || (write && !handle->write))
		return -EACCES;
	if (err)
		return err;
	if (write && (region->seals & (VMSHM_SEAL_WRITE |
				       VMSHM_SEAL_FUTURE_WRITE)))
		return -EPERM;
	return 0;
}

/* And then. */
static int fz_bind_possible(struct fz_bind *bind, uint64_t size)
{
	uint64_t wanted = fz_wanted(bind, size);
	unsigned int nr = fz_extend(bind, wanted, false);

	if (!(bind->flags & VMSHM_BIND_FOLLOW) && wanted < bind->length)
		return -EINVAL;
	if (nr > bind->nr_slots)
		return -ENOSPC;
	return fz_in_way(bind, nr, wanted) ? -EEXIST : 0;
}

/* Bindings of one VM have one number, those of others have others. */
static uint64_t fz_vm_number(const struct fz_bind *bind)
{
	struct vmshm_bind_stat stat = { .size = sizeof(stat) };
	unsigned int i;

	FZ_EXPECT(fz_ioctl(bind->fd, VMSHM_IOC_BIND_STAT, &stat, sizeof(stat),
			   false), 0, "BIND_STAT");
	FZ_EXPECT(!!stat.out_vm, !!bind->vm, "BIND_STAT: out_vm");
	for (i = 0; i < FZ_BINDS; i++) {
		const struct fz_bind *other = &fz.bind[i];

		if (other->region && other != bind)
			FZ_EXPECT(stat.out_vm == other->vm_number,
				  bind->vm == other->vm,
				  "BIND_STAT: the same VM");
	}
	return stat.out_vm;
}

/* Binds what @arg says to VM @vm, which is none if 0; @err: as above. */
static void fz_bind(const uint32_t *arg, struct fz_fd *fd,
		    struct vmshm_bind *ask, unsigned int vm, int err)
{
	struct fz_bind *bind = &fz.bind[arg[1] % FZ_BINDS];
	struct fz_region *region = fd->handle->region;
	bool faulty = !(arg[4] >> 16 & 15);
	int want;

	memset(bind, 0, sizeof(*bind));
	bind->vm = vm;
	bind->flags = ask->flags;
	bind->offset = ask->offset;
	bind->length = ask->length ?:
		fz_pages(region->max_size) * FZ_PAGE - ask->offset;
	bind->granule = ask->granule;
	bind->nr_slots = ask->nr_slots;
	bind->first_slot = ask->first_slot;
	bind->guest_addr = ask->guest_addr;

	want = fz_bind_allowed(fd->handle, bind, ask, err);
	if (!want) {
		/* Mapped it was, whatever comes of it. */
		region->was_mapped = true;
		want = fz_bind_possible(bind, region->size);
		if (!want && faulty)
			want = -EFAULT;
	}
	FZ_EXPECT(fz_ioctl(fd->fd, VMSHM_IOC_BIND, ask, sizeof(*ask), faulty),
		  want, "BIND of %llu at %llu",
		  (unsigned long long)bind->length,
		  (unsigned long long)bind->offset);
	if (want)
		return;
	fz_extend(bind, fz_wanted(bind, region->size), true);
	/* The first slots of a VM are no news. */
	bind->seen = vm ? bind->changes : 0;
	bind->fd = ask->out_fd;
	bind->addr = (unsigned char *)(uintptr_t)ask->out_user_addr;
	bind->follows = ask->flags & VMSHM_BIND_FOLLOW;
	bind->may_write = fd->handle->write &&
		!(region->seals & (VMSHM_SEAL_WRITE | VMSHM_SEAL_FUTURE_WRITE));
	bind->since = ++fz.nr_binds;
	bind->region = region;
	bind->handle = region->flags & VMSHM_PINNABLE ? NULL :
		fz_handle_get(fd->handle);
	bind->vm_number = fz_vm_number(bind);
	fz_raise(region, VMSHM_EVENT_BOUND, bind->guest_addr, bind->vm_number);
}

/* 0 descriptor, 1 which, 2 offset and length, 3 granule and slots, 4 flags */
void fz_op_bind(const uint32_t *arg)
{
	struct vmshm_bind ask;
	struct fz_fd *fd;

	fz_bind_close(&fz.bind[arg[1] % FZ_BINDS]);
	fd = fz_fd_of(arg[0]);
	if (!fd)
		return;
	fz_bind_ask(&ask, arg);
	ask.flags |= VMSHM_BIND_USER;
	fz_bind(arg, fd, &ask, 0, 0);
}

/* To the VM: 0-4 as above, 5 what is wrong */
void fz_op_vm_bind(const uint32_t *arg)
{
	struct vmshm_bind ask;
	struct fz_fd *fd;
	int err = 0;

	fz_bind_close(&fz.bind[arg[1] % FZ_BINDS]);
	fd = fz_fd_of(arg[0]);
	if (!fd || !fz_vm_get())
		return;
	fz_bind_ask(&ask, arg);
	ask.vm_fd = fz_vm_fd();
	if (ask.vm_fd < 0)
		err = -EBADF;
	if (!(arg[5] & 31)) {
		/* Not a VM. */
		ask.vm_fd = fd->fd;
		err = -EINVAL;
	}
	if (!(arg[5] >> 5 & 31) && ask.nr_slots) {
		/* One more than there are. */
		ask.first_slot = fz_vm_slots() - ask.nr_slots + 1;
		err = -EINVAL;
	}
	fz_bind(arg, fd, &ask, fz.vm, err);
}

/* 0 which */
void fz_op_bind_close(const uint32_t *arg)
{
	fz_bind_close(&fz.bind[arg[0] % FZ_BINDS]);
}

/* Moves within its own memory are fine: only what others have is in the way. */
static bool fz_in_way_at(struct fz_bind *bind, uint64_t guest_addr)
{
	uint64_t from = bind->guest_addr;
	bool ret;

	bind->guest_addr = guest_addr;
	ret = fz_in_way(bind, bind->used, fz_bound(bind));
	bind->guest_addr = from;
	return ret;
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
		fz_guest_addr(arg[2] >> 1) + (arg[2] & 0x700000 ? 0 : 1);
	if (((update.flags ^ bind->flags) & VMSHM_BIND_READONLY) ||
	    update.guest_addr % FZ_PAGE)
		want = -EINVAL;
	else if (!(update.flags & VMSHM_BIND_FOLLOW) &&
		 (fz_wanted(bind, bind->region->size) < bind->length ||
		  fz_bound(bind) < bind->length))
		want = -EBUSY;
	else if (fz_in_way_at(bind, update.guest_addr))
		want = -EEXIST;
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
		fz_raise(bind->region, VMSHM_EVENT_BOUND, bind->guest_addr,
			 bind->vm_number);
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
	FZ_EXPECT(stat.out_vm, bind->vm_number, "BIND_STAT: out_vm");
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
