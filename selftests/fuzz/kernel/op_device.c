// SPDX-License-Identifier: GPL-2.0
/*
 * Operations on the device: names, lists, domains; and calls that must fail.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"
#include "lib/vmshm_mount.h"
#include "lib/vmshm_test.h"

#define FZ_FLAGS	(VMSHM_EPHEMERAL | VMSHM_SHRINKABLE | VMSHM_RESERVE | \
			 VMSHM_PINNABLE | VMSHM_NO_PUNCH | \
			 VMSHM_LOG_READERS | VMSHM_RING_READERS)

static void fz_expect_no_fd(int fd, const char *what)
{
	if (fd > 0 && fcntl(fd, F_GETFD) >= 0)
		fz_fail("%s failed, but its descriptor is open", what);
}

/* Flags: each about one time in four, so that most regions have few. */
static uint32_t fz_flags(uint32_t arg)
{
	return arg & (arg >> 8) & FZ_FLAGS;
}

/* Those that this kernel has: a bit each. */
static uint32_t fz_policies(void)
{
	static uint32_t policies;
	struct vmshm_info info;

	if (!policies) {
		FZ_EXPECT(vt_info(fz.dev, &info), 0, "GET_INFO");
		policies = info.out_huge_policies;
	}
	return policies;
}

static int fz_create_expect(const struct vmshm_create *create,
			    struct fz_region *there, bool faulty)
{
	uint64_t max = create->max_size ?: create->region_size;

	if (create->flags & ~(FZ_FLAGS | VMSHM_OPEN_EXISTING))
		return -EOPNOTSUPP;
	if (!(fz_policies() & 1U << create->huge))
		return -EOPNOTSUPP;
	if (create->mode & ~0666U)
		return -EINVAL;
	if (create->region_size > max)
		return -EFBIG;
	if (there && !(create->flags & VMSHM_OPEN_EXISTING))
		return -EEXIST;
	return faulty ? -EFAULT : 0;
}

/* 0 name, 1 flags, 2 size, 3 max_size, 4 descriptor and more, 5 huge pages */
void fz_op_create(const uint32_t *arg)
{
	static uint64_t newest;
	struct vmshm_create create = {
		.size = sizeof(create),
		.flags = fz_flags(arg[1]),
		.region_size = fz_size(arg[2]),
		.mode = 0640,
		.huge = arg[5] & 3 ? VMSHM_HUGE_NEVER : (arg[5] >> 2) % 6,
	};
	bool faulty = !(arg[4] >> 8 & 15);
	struct fz_fd *fd = fz_fd_free(arg[4]);
	struct fz_region *region, *there;
	int ret, want;

	/* Closing may have taken the name. */
	there = fz_find(arg[0]);
	switch (arg[3] >> 16 & 15) {
	case 0:
		break;
	case 1:
		create.max_size = 1ULL << 40;
		if (create.flags & (VMSHM_PINNABLE | VMSHM_RESERVE))
			create.max_size = FZ_CAP * FZ_PAGE;
		break;
	default:
		create.max_size = fz_size(arg[3]);
		if (create.max_size < create.region_size && arg[3] >> 20 & 7)
			create.max_size = FZ_CAP * FZ_PAGE;
	}
	if (!(arg[1] >> 24 & 3))
		create.flags |= VMSHM_OPEN_EXISTING;
	if (!(arg[1] >> 26 & 31))
		create.flags |= VMSHM_DEVICE_MEMORY;
	if (!(arg[4] >> 16 & 31))
		create.mode |= 0111;
	fz_name(arg[0], (char *)create.name);
	want = fz_create_expect(&create, there, faulty);

	ret = fz_ioctl(fz.dev, VMSHM_IOC_CREATE, &create, sizeof(create),
		       faulty);
	if (fz_lies("errno") && ret == -EEXIST)
		ret = -EBUSY;
	FZ_EXPECT(ret, want, "CREATE %s", create.name);
	/* The file was open, and was closed again. */
	if (ret == -EFAULT && there) {
		fz_raise(there, VMSHM_EVENT_OPENED, 0, 0);
		fz_raise(there, VMSHM_EVENT_CLOSED, 0, 0);
	}
	if (ret) {
		if (!faulty)
			fz_expect_no_fd(create.out_fd, "CREATE");
		return;
	}
	FZ_EXPECT(create.out_created, !there, "CREATE: out_created");
	region = there;
	if (!there) {
		if (create.out_generation <= newest)
			fz_fail("CREATE: generation %llu after %llu",
				(unsigned long long)create.out_generation,
				(unsigned long long)newest);
		newest = create.out_generation;
		region = fz_region_new(arg[0]);
		region->generation = create.out_generation;
		region->flags = create.flags & FZ_FLAGS;
		region->mode = create.mode;
		region->huge = create.huge;
		region->size = create.region_size;
		region->max_size = create.max_size ?: create.region_size;
		fz_raise(region, VMSHM_EVENT_CREATED, 0, 0);
	}
	FZ_EXPECT(create.out_generation, region->generation,
		  "CREATE: generation");
	fd->fd = create.out_fd;
	fd->handle = fz_handle_new(region, true, true, false);
}

/* 0 name, 1 flags, 2 descriptor and more */
void fz_op_open(const uint32_t *arg)
{
	struct vmshm_open open = { .size = sizeof(open) };
	bool faulty = !(arg[2] >> 8 & 15);
	struct fz_fd *fd = fz_fd_free(arg[2]);
	struct fz_region *region = fz_find(arg[0]);
	int ret, want = faulty ? -EFAULT : 0;

	if (!(arg[1] & 3))
		open.flags |= VMSHM_OPEN_RDONLY;
	if (!(arg[1] >> 2 & 7)) {
		open.flags |= VMSHM_OPEN_GENERATION;
		open.generation = region ? region->generation : 1;
		if (!(arg[1] >> 5 & 3))
			open.generation++;
		if (region && open.generation != region->generation)
			want = -ESTALE;
	}
	if (!(arg[1] >> 7 & 7)) {
		open.flags |= VMSHM_OPEN_OWNER;
		open.owner = arg[1] >> 10 & 3 ? 0 : 4242;
		if (open.owner)
			want = -ESTALE;
	}
	if (!region)
		want = -ENOENT;
	fz_name(arg[0], (char *)open.name);
	ret = fz_ioctl(fz.dev, VMSHM_IOC_OPEN, &open, sizeof(open), faulty);
	FZ_EXPECT(ret, want, "OPEN %s flags 0x%x", open.name, open.flags);
	/* The file was open, and was closed again. */
	if (ret == -EFAULT) {
		fz_raise(region, VMSHM_EVENT_OPENED, 0, 0);
		fz_raise(region, VMSHM_EVENT_CLOSED, 0, 0);
	}
	if (ret)
		return;
	FZ_EXPECT(open.out_generation, region->generation, "OPEN: generation");
	fd->fd = open.out_fd;
	fd->handle = fz_handle_new(region, true,
				   !(open.flags & VMSHM_OPEN_RDONLY),
				   open.flags & VMSHM_OPEN_RDONLY);
}

/* 0 name, 1 flags */
void fz_op_unlink(const uint32_t *arg)
{
	struct vmshm_unlink unlink = { .size = sizeof(unlink) };
	struct fz_region *region = fz_find(arg[0]);
	int want = region ? 0 : -ENOENT;

	if (!(arg[1] & 3)) {
		unlink.flags |= VMSHM_UNLINK_GENERATION;
		unlink.generation = region ? region->generation : 1;
		if (!(arg[1] >> 2 & 3)) {
			unlink.generation++;
			want = region ? -ESTALE : -ENOENT;
		}
	}
	fz_name(arg[0], (char *)unlink.name);
	FZ_EXPECT(fz_ioctl(fz.dev, VMSHM_IOC_UNLINK, &unlink, sizeof(unlink),
			   arg[1] >> 8 & 1), want, "UNLINK %s", unlink.name);
	if (!want)
		fz_unlinked(region);
}

/* 0 number of elements, 1 size of an element */
void fz_op_list(const uint32_t *arg)
{
	struct vmshm_stat stats[FZ_NAMES + 2];
	struct vmshm_list list = {
		.size = sizeof(list),
		.entries = (uintptr_t)stats,
		.entry_size = sizeof(stats[0]),
		.count = 1 + arg[0] % FZ_NAMES,
	};
	char name[VMSHM_NAME_MAX + 1];
	unsigned int i, n = 0;
	struct fz_region *region;
	bool more;
	int ret;

	snprintf((char *)list.prefix, sizeof(list.prefix), "%s/", fz.prefix);
	i = 0;
	do {
		ret = fz_ioctl(fz.dev, VMSHM_IOC_LIST, &list, sizeof(list),
			       false);
		FZ_EXPECT(ret, 0, "LIST");
		for (n = 0; n < list.out_count; i++) {
			if (i == FZ_NAMES)
				fz_fail("LIST: too many: %s", stats[n].out_name);
			region = fz_find(i);
			if (!region)
				continue;
			if (strcmp(fz_name(i, name), (char *)stats[n].out_name))
				fz_fail("LIST: %s, expected %s",
					stats[n].out_name, name);
			FZ_EXPECT(stats[n].out_region_size, region->size,
				  "LIST: size of %s", name);
			FZ_EXPECT(stats[n].out_generation, region->generation,
				  "LIST: generation of %s", name);
			memcpy(list.after, stats[n].out_name,
			       sizeof(list.after));
			n++;
		}
		more = list.out_more;
		list.out_count = 0;
		list.out_more = 0;
	} while (more);
	for (; i < FZ_NAMES; i++)
		if (fz_find(i))
			fz_fail("LIST: %s is missing", fz_name(i, name));
}

/* 0 what */
void fz_op_domain(const uint32_t *arg)
{
	struct vmshm_domain domain = {
		.size = sizeof(domain),
		.op = arg[0] & 1 ? VMSHM_DOMAIN_RESERVE : VMSHM_DOMAIN_RELEASE,
	};
	int want = 0;

	snprintf((char *)domain.name, sizeof(domain.name), "%s", fz.prefix);
	if (domain.op == VMSHM_DOMAIN_RELEASE && !fz.domain_reserved)
		want = -ENOENT;
	FZ_EXPECT(fz_ioctl(fz.dev, VMSHM_IOC_DOMAIN, &domain, sizeof(domain),
			   arg[0] >> 1 & 1), want, "DOMAIN %d", domain.op);
	if (!want)
		fz.domain_reserved = domain.op == VMSHM_DOMAIN_RESERVE;
}

static void fz_path_open(const uint32_t *arg, const char *path,
			 struct fz_region *region)
{
	static const int modes[] = { O_RDONLY, O_WRONLY, O_RDWR };
	int flags = modes[arg[2] % 3], ret, want = region ? 0 : -ENOENT;
	bool write = flags != O_RDONLY;
	struct fz_fd *fd;

	ret = open(path, flags | O_CLOEXEC);
	ret = ret < 0 ? -errno : ret;
	FZ_EXPECT(ret < 0 ? ret : 0, want, "open(%s)", path);
	if (ret < 0)
		return;
	/* Now, for what was there may have been the last that had it open. */
	fd = &fz.fd[arg[3] % FZ_FDS];
	if (fd->handle) {
		struct fz_handle *handle = fz_handle_new(region, flags != O_WRONLY,
							 write, !write);

		fz_fd_close(fd);
		fd->handle = handle;
	} else {
		fd->handle = fz_handle_new(region, flags != O_WRONLY, write,
					   !write);
	}
	fd->fd = ret;
}

/* By path in a mounted tree: 0 name, 1 what, 2 flags or size, 3 descriptor */
void fz_op_path(const uint32_t *arg)
{
	struct fz_region *region = fz_find(arg[0]);
	char name[VMSHM_NAME_MAX + 1], path[PATH_MAX];
	int want = region ? 0 : -ENOENT;
	struct stat st;

	vt_path(path, fz_name(arg[0], name));
	/* Below a region's name there is a directory by another name. */
	if (arg[0] % FZ_NAMES == 2 && fz_find(1))
		return;
	/* And where there is no region there may be a directory. */
	if (arg[0] % FZ_NAMES == 1 && !region && fz_find(2))
		return;
	switch (arg[1] % 4) {
	case 0:
	case 1:
		fz_path_open(arg, path, region);
		break;
	case 2:
		FZ_EXPECT(stat(path, &st) ? -errno : 0, want, "stat(%s)", path);
		if (!want)
			FZ_EXPECT(st.st_size, region->size, "stat(%s)", path);
		break;
	case 3:
		FZ_EXPECT(unlink(path) ? -errno : 0, want, "unlink(%s)", path);
		if (!want)
			fz_unlinked(region);
		break;
	}
}
