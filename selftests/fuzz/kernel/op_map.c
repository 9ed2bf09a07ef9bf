// SPDX-License-Identifier: GPL-2.0
/*
 * Operations on mappings. Each has addresses of its own, with room behind it,
 * so that no two of them touch.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"

static bool fz_is_mapped(const struct fz_map *map, unsigned int page)
{
	return map->region && page < map->pages &&
	       (map->state[page] & FZ_MAPPED);
}

static struct fz_map *fz_map_of(uint32_t arg)
{
	unsigned int i;

	for (i = 0; i < FZ_MAPS; i++) {
		struct fz_map *map = &fz.map[(arg + i) % FZ_MAPS];

		if (map->region)
			return map;
	}
	return NULL;
}

static unsigned char *fz_map_addr(unsigned int index)
{
	return fz.arena + index * FZ_MAP_GAP;
}

/* Is anything mapped at or behind a size? */
bool fz_maps_beyond(const struct fz_region *region, uint64_t size)
{
	uint64_t end = fz_pages(size);
	unsigned int i, page;

	for (i = 0; i < FZ_MAPS; i++) {
		const struct fz_map *map = &fz.map[i];

		if (map->region != region)
			continue;
		for (page = 0; page < map->pages; page++)
			if (fz_is_mapped(map, page) && map->pgoff + page >= end)
				return true;
	}
	for (i = 0; i < FZ_REMOTES; i++)
		if (fz.remote[i].handle &&
		    fz.remote[i].handle->region == region &&
		    fz.remote[i].pages > end)
			return true;
	for (i = 0; i < FZ_BINDS; i++) {
		const struct fz_bind *bind = &fz.bind[i];

		if (bind->region == region && !bind->follows &&
		    (bind->offset + bind->length) / FZ_PAGE > end)
			return true;
	}
	return false;
}

/* Is anything mapped shared, of a file that can write? */
bool fz_maps_writable(const struct fz_region *region)
{
	unsigned int i;

	for (i = 0; i < FZ_MAPS; i++)
		if (fz.map[i].region == region && fz.map[i].shared &&
		    fz.map[i].may_write)
			return true;
	for (i = 0; i < FZ_REMOTES; i++)
		if (fz.remote[i].pages && fz.remote[i].handle->region == region)
			return true;
	for (i = 0; i < FZ_BINDS; i++)
		if (fz.bind[i].region == region && fz.bind[i].may_write)
			return true;
	return false;
}

/*
 * VMAs of a region. How many there are of a mapping that was divided is the
 * core's affair, and is looked up.
 */
unsigned int fz_maps_count(const struct fz_region *region)
{
	unsigned int i, n = 0;
	char line[512];
	FILE *maps;

	for (i = 0; i < FZ_REMOTES; i++)
		n += fz.remote[i].pages &&
		     fz.remote[i].handle->region == region;
	for (i = 0; i < FZ_BINDS; i++)
		n += fz.bind[i].region == region;
	maps = fopen("/proc/self/maps", "re");
	if (!maps)
		fz_fail("/proc/self/maps: %m");
	while (fgets(line, sizeof(line), maps)) {
		unsigned long start;

		if (sscanf(line, "%lx-", &start) != 1 ||
		    start < (unsigned long)fz.arena ||
		    start >= (unsigned long)fz_map_addr(FZ_MAPS))
			continue;
		i = (start - (unsigned long)fz.arena) / FZ_MAP_GAP;
		n += fz.map[i].region == region;
	}
	fclose(maps);
	return n;
}

/* Pages that were copied lie behind the end now. */
void fz_maps_shrunk(struct fz_region *region)
{
	uint64_t end = fz_pages(region->size);
	unsigned int i, page;

	for (i = 0; i < FZ_MAPS; i++) {
		struct fz_map *map = &fz.map[i];

		if (map->region != region)
			continue;
		for (page = 0; page < map->pages; page++)
			if (map->pgoff + page >= end)
				map->state[page] &= ~FZ_COWED;
	}
}

/* Lets go of the rest, if nothing is mapped any more. */
static void fz_map_settle(struct fz_map *map)
{
	struct fz_region *region = map->region;
	unsigned int page;

	for (page = 0; page < map->pages; page++)
		if (fz_is_mapped(map, page))
			return;
	map->region = NULL;
	if (map->handle)
		fz_handle_put(map->handle);
	else
		fz_region_check(region);
}

void fz_map_close(struct fz_map *map)
{
	if (!map->region)
		return;
	FZ_EXPECT(munmap(map->addr, FZ_MAP_GAP), 0, "munmap");
	memset(map->state, 0, sizeof(map->state));
	fz_map_settle(map);
}

static int fz_mmap_expect(const struct fz_handle *handle, int prot, bool shared)
{
	const struct fz_region *region = handle->region;

	if (!handle->read)
		return -EACCES;
	if (!shared)
		return 0;
	if ((prot & PROT_WRITE) && !handle->write)
		return -EACCES;
	if ((prot & PROT_WRITE) && (region->seals & (VMSHM_SEAL_WRITE |
						     VMSHM_SEAL_FUTURE_WRITE)))
		return -EPERM;
	return 0;
}

/* 0 descriptor, 1 which mapping, 2 pages, 3 first page, 4 protection and how */
void fz_op_mmap(const uint32_t *arg)
{
	static const int prots[] = {
		PROT_READ | PROT_WRITE, PROT_READ, PROT_READ | PROT_WRITE,
		PROT_NONE,
	};
	struct fz_map *map = &fz.map[arg[1] % FZ_MAPS];
	int prot = prots[arg[4] & 3], want;
	struct fz_region *region;
	struct fz_fd *fd;
	unsigned int i;
	void *addr;

	fz_map_close(map);
	fd = fz_fd_of(arg[0]);
	if (!fd)
		return;
	region = fd->handle->region;
	map->addr = fz_map_addr(arg[1] % FZ_MAPS);
	map->shared = arg[4] >> 2 & 3;
	map->pgoff = arg[3] & 3 ? 0 : (arg[3] >> 2) % 70;
	map->pages = 1 + arg[2] % (arg[2] & 0x10000 ? 4 : FZ_MAP_PAGES);
	want = fz_mmap_expect(fd->handle, prot, map->shared);
	addr = mmap(map->addr, map->pages * FZ_PAGE, prot,
		    MAP_FIXED_NOREPLACE |
		    (map->shared ? MAP_SHARED : MAP_PRIVATE),
		    fd->fd, map->pgoff * FZ_PAGE);
	FZ_EXPECT(addr == MAP_FAILED ? -errno : 0, want, "mmap, protection %d, shared %d",
		  prot, map->shared);
	if (want)
		return;
	map->may_write = !map->shared || (fd->handle->write &&
		!(region->seals & (VMSHM_SEAL_WRITE | VMSHM_SEAL_FUTURE_WRITE)));
	map->region = region;
	map->handle = region->flags & VMSHM_PINNABLE ? NULL :
		fz_handle_get(fd->handle);
	map->whole = true;
	for (i = 0; i < map->pages; i++) {
		map->prot[i] = prot;
		map->state[i] = FZ_MAPPED;
	}
	region->was_mapped = true;
}

/* 0 which mapping, 1 first page, 2 pages */
void fz_op_munmap(const uint32_t *arg)
{
	struct fz_map *map = fz_map_of(arg[0]);
	unsigned int first, nr, i;

	if (!map)
		return;
	if (!(arg[2] & 0x300)) {
		fz_map_close(map);
		return;
	}
	first = arg[1] % map->pages;
	nr = 1 + arg[2] % 16;
	if (nr > map->pages - first)
		nr = map->pages - first;
	FZ_EXPECT(munmap(map->addr + first * FZ_PAGE, nr * FZ_PAGE), 0,
		  "munmap");
	for (i = first; i < first + nr; i++)
		map->state[i] = 0;
	map->whole = false;
	fz_map_settle(map);
}

/* 0 which mapping, 1 first page, 2 pages, 3 protection */
void fz_op_mprotect(const uint32_t *arg)
{
	static const int prots[] = {
		PROT_READ | PROT_WRITE, PROT_READ, PROT_NONE,
	};
	struct fz_map *map = fz_map_of(arg[0]);
	int prot = prots[arg[3] % 3], want = 0;
	unsigned int first, nr, i;

	if (!map)
		return;
	first = arg[1] % map->pages;
	nr = 1 + arg[2] % map->pages;
	if (nr > map->pages - first)
		nr = map->pages - first;
	for (i = first; i < first + nr; i++)
		if (!fz_is_mapped(map, i))
			return;
	if ((prot & PROT_WRITE) && !map->may_write)
		want = -EACCES;
	FZ_EXPECT(mprotect(map->addr + first * FZ_PAGE, nr * FZ_PAGE, prot) ?
		  -errno : 0, want, "mprotect to %d", prot);
	if (want)
		return;
	for (i = first; i < first + nr; i++)
		map->prot[i] = prot;
	if (nr < map->pages)
		map->whole = false;
}

/* 0 which mapping, 1 where to, 2 pages */
void fz_op_mremap(const uint32_t *arg)
{
	struct fz_map *map = fz_map_of(arg[0]), *to = &fz.map[arg[1] % FZ_MAPS];
	unsigned int pages = 1 + arg[2] % FZ_MAP_PAGES, i;
	unsigned char *where;
	void *addr;

	if (!map || !map->whole)
		return;
	if (to == map || to->region) {
		addr = mremap(map->addr, map->pages * FZ_PAGE, pages * FZ_PAGE,
			      0);
		where = map->addr;
		to = map;
	} else {
		where = fz_map_addr(arg[1] % FZ_MAPS);
		addr = mremap(map->addr, map->pages * FZ_PAGE, pages * FZ_PAGE,
			      MREMAP_MAYMOVE | MREMAP_FIXED, where);
	}
	FZ_EXPECT(addr == where ? 0 : -errno, 0, "mremap from %u to %u",
		  map->pages, pages);
	for (i = map->pages; i < pages; i++) {
		map->prot[i] = map->prot[0];
		map->state[i] = FZ_MAPPED;
	}
	for (i = pages; i < map->pages; i++)
		map->state[i] = 0;
	map->pages = pages;
	map->addr = where;
	if (to != map) {
		*to = *map;
		map->region = NULL;
	}
}

static void fz_madvise_remove(struct fz_map *map, unsigned int first,
			      unsigned int nr)
{
	struct fz_region *region = map->region;
	uint64_t from = (map->pgoff + first) * FZ_PAGE;
	uint64_t to = from + nr * FZ_PAGE;
	unsigned int i;
	int want = 0;

	if (!map->shared)
		return;
	for (i = first; i < first + nr; i++)
		if (!(map->prot[i] & PROT_WRITE))
			return;
	if ((region->flags & VMSHM_NO_PUNCH) ||
	    (region->seals & (VMSHM_SEAL_WRITE | VMSHM_SEAL_FUTURE_WRITE)))
		want = -EPERM;
	FZ_EXPECT(madvise(map->addr + first * FZ_PAGE, nr * FZ_PAGE,
			  MADV_REMOVE) ? -errno : 0, want, "MADV_REMOVE");
	if (want)
		return;
	fz_zero(region, from, to);
	if (from < region->size)
		fz_wrote(region, from, (to < region->size ? to : region->size) -
			 from);
}

/* 0 which mapping, 1 first page, 2 pages, 3 which advice */
void fz_op_madvise(const uint32_t *arg)
{
	static const int advices[] = {
		MADV_REMOVE, MADV_DONTNEED, MADV_PAGEOUT, MADV_COLD,
		MADV_WILLNEED, MADV_REMOVE, MADV_HUGEPAGE, MADV_SEQUENTIAL,
	};
	int advice = advices[arg[3] & 7], ret;
	struct fz_map *map = fz_map_of(arg[0]);
	unsigned int first, nr, i;

	if (!map)
		return;
	first = arg[1] % map->pages;
	nr = 1 + arg[2] % 8;
	if (nr > map->pages - first)
		nr = map->pages - first;
	for (i = first; i < first + nr; i++)
		if (!fz_is_mapped(map, i))
			return;
	if (advice == MADV_REMOVE) {
		fz_madvise_remove(map, first, nr);
		return;
	}
	ret = madvise(map->addr + first * FZ_PAGE, nr * FZ_PAGE, advice);
	/* Not all kernels have huge pages. */
	if (ret && advice != MADV_HUGEPAGE)
		fz_fail("madvise %d: %m", advice);
	if (advice == MADV_DONTNEED && !map->shared)
		for (i = first; i < first + nr; i++)
			map->state[i] &= ~FZ_COWED;
	/* The flag divides the mapping. */
	if (advice == MADV_HUGEPAGE || advice == MADV_SEQUENTIAL)
		map->whole = false;
}

/* What an access to a page has to do. */
static int fz_access(const struct fz_map *map, unsigned int page, bool write)
{
	if (!fz_is_mapped(map, page) ||
	    !(map->prot[page] & (write ? PROT_WRITE : PROT_READ)))
		return FZ_SIGSEGV;
	if (map->state[page] & FZ_COWED)
		return FZ_OK;
	return map->pgoff + page >= fz_pages(map->region->size) ?
		FZ_SIGBUS : FZ_OK;
}

/* A range in a page of a mapping. */
struct fz_place {
	struct fz_map *map;
	unsigned int page;
	unsigned int in_page;
	unsigned int len;
	unsigned char *addr;
	uint64_t offset;	/* in the region */
};

static bool fz_place(struct fz_place *place, const uint32_t *arg)
{
	struct fz_map *map = fz_map_of(arg[0]);

	if (!map)
		return false;
	place->map = map;
	place->page = arg[1] % (map->pages + 1);
	/* Often where the region ends. */
	if (map->region->size && !(arg[3] >> 28 & 3) &&
	    fz_pages(map->region->size) > map->pgoff)
		place->page = fz_pages(map->region->size) - 1 - map->pgoff;
	if (place->page >= FZ_MAP_PAGES)
		place->page = FZ_MAP_PAGES - 1;
	place->in_page = arg[2] % FZ_PAGE;
	place->len = 1 + arg[2] / FZ_PAGE % 64;
	if (place->len > FZ_PAGE - place->in_page)
		place->len = FZ_PAGE - place->in_page;
	place->addr = map->addr + place->page * FZ_PAGE + place->in_page;
	place->offset = (map->pgoff + place->page) * FZ_PAGE + place->in_page;
	return true;
}

static void fz_stored(struct fz_place *place, const unsigned char *data)
{
	if (place->map->shared) {
		memcpy(place->map->region->shadow + place->offset, data,
		       place->len);
		fz_wrote(place->map->region, place->offset, place->len);
	} else {
		place->map->state[place->page] |= FZ_COWED;
	}
}

/* 0 which mapping, 1 page, 2 where in it and how much, 3 what */
void fz_op_store(const uint32_t *arg)
{
	unsigned char data[64];
	struct fz_place place;
	int want;

	if (!fz_place(&place, arg))
		return;
	want = fz_access(place.map, place.page, true);
	fz_fill(data, place.len, arg[3]);
	FZ_EXPECT(fz_store(place.addr, data, place.len), want,
		  "store to page %llu, size %llu",
		  (unsigned long long)place.offset / FZ_PAGE,
		  (unsigned long long)place.map->region->size);
	if (want == FZ_OK)
		fz_stored(&place, data);
}

/* 0 which mapping, 1 page, 2 where in it and how much */
void fz_op_load(const uint32_t *arg)
{
	unsigned char data[64];
	struct fz_place place;
	int want;

	if (!fz_place(&place, arg))
		return;
	want = fz_access(place.map, place.page, false);
	FZ_EXPECT(fz_load(place.addr, data, place.len), want,
		  "load from page %llu, size %llu",
		  (unsigned long long)place.offset / FZ_PAGE,
		  (unsigned long long)place.map->region->size);
	if (want == FZ_OK && !(place.map->state[place.page] & FZ_COWED) &&
	    memcmp(data, place.map->region->shadow + place.offset, place.len))
		fz_fail("what is mapped at %llu is not what was written",
			(unsigned long long)place.offset);
}

/* read() of one region into another: 0-2 as a store, 3 descriptor, 4 offset */
void fz_op_copy(const uint32_t *arg)
{
	struct fz_fd *fd = fz_fd_of(arg[3]);
	unsigned char data[64];
	struct fz_place place;
	uint64_t from;
	ssize_t ret;

	if (!fd || !fd->handle->read || !fz_place(&place, arg))
		return;
	from = fd->handle->region->size;
	if (from < place.len)
		return;
	from = arg[4] % (from - place.len + 1);
	memcpy(data, fd->handle->region->shadow + from, place.len);
	/* Where one is the other, what is read is not the same all the time. */
	if (fd->handle->region == place.map->region)
		return;
	ret = pread(fd->fd, place.addr, place.len, from);
	if (fz_access(place.map, place.page, true) != FZ_OK) {
		FZ_EXPECT(ret < 0 ? -errno : ret, -EFAULT,
			  "read to where nothing can be written");
		return;
	}
	FZ_EXPECT(ret < 0 ? -errno : ret, place.len, "read to a mapping");
	fz_stored(&place, data);
}
