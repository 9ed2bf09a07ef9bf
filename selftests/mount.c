// SPDX-License-Identifier: GPL-2.0
/*
 * The mounted tree: a region opened by its path is what VMSHM_IOC_OPEN gives,
 * under the same rules, and nothing else can be done there.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/xattr.h>

#include "lib/harness.h"
#include "lib/vmshm_env.h"
#include "lib/vmshm_log.h"
#include "lib/vmshm_mem.h"
#include "lib/vmshm_module.h"
#include "lib/vmshm_mount.h"

#define SIZE	(4 * VT_PAGE)
#define MAX	(8 * VT_PAGE)

FIXTURE(mount) {
	int dev;
	char domain[VMSHM_NAME_MAX + 1];
	char name[VMSHM_NAME_MAX + 1];
	char other[VMSHM_NAME_MAX + 1];
	char path[PATH_MAX];
	char link[64];
};

FIXTURE_SETUP(mount)
{
	self->dev = vt_device();
	ASSERT_LE(0, self->dev);
	ASSERT_EQ(0, vt_mount(0));
	vt_name(self->name, "dir/region");
	vt_name(self->other, "other");
	strcpy(self->domain, self->name);
	*strchr(self->domain, '/') = '\0';
	vt_path(self->path, self->name);
}

FIXTURE_TEARDOWN(mount)
{
	char prefix[VMSHM_NAME_MAX + 1];

	vt_act_as_root();
	EXPECT_LE(0, vt_unlink_all(self->dev, vt_name(prefix, "")));
	close(self->dev);
}

static int do_stat(const char *name, struct stat *st)
{
	char path[PATH_MAX];

	return stat(vt_path(path, name), st) ? -errno : 0;
}

static int do_unlink(const char *name)
{
	char path[PATH_MAX];

	return unlink(vt_path(path, name)) ? -errno : 0;
}

/* What open() says, of what need not stay open. */
static int try(const char *name, int flags)
{
	int fd = vt_open_path(name, flags);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

static bool same_stat(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	       a->st_mode == b->st_mode && a->st_uid == b->st_uid &&
	       a->st_gid == b->st_gid && a->st_size == b->st_size &&
	       a->st_blocks == b->st_blocks && a->st_nlink == b->st_nlink &&
	       a->st_blksize == b->st_blksize;
}

TEST_F(mount, stat)
{
	struct stat path, fd, opened;
	struct vmshm_stat region;
	struct statfs fs;
	int ioctl_fd, path_fd;

	ASSERT_EQ(0, vt_act_as(VT_ALICE, VT_BOB));
	ioctl_fd = vt_create(self->dev, self->name, SIZE, MAX, 0, 0640);
	ASSERT_LE(0, ioctl_fd);
	ASSERT_EQ(0, vt_act_as_root());
	ASSERT_EQ(1, pwrite(ioctl_fd, "x", 1, 0));
	ASSERT_EQ(0, vt_stat(ioctl_fd, &region));

	ASSERT_EQ(0, do_stat(self->name, &path));
	EXPECT_EQ(S_IFREG | 0640, path.st_mode);
	EXPECT_EQ(SIZE, (__u64)path.st_size);
	EXPECT_EQ(region.out_generation, path.st_ino);
	EXPECT_EQ(region.out_ino, path.st_ino);
	EXPECT_EQ(VT_ALICE, path.st_uid);
	EXPECT_EQ(VT_BOB, path.st_gid);
	EXPECT_EQ(1, path.st_nlink);
	EXPECT_EQ(VT_PAGE / 512, (__u64)path.st_blocks);
	path_fd = vt_open_path(self->name, O_RDWR);
	ASSERT_LE(0, path_fd);
	ASSERT_EQ(0, fstat(ioctl_fd, &fd));
	ASSERT_EQ(0, fstat(path_fd, &opened));
	EXPECT_TRUE(same_stat(&path, &fd));
	EXPECT_TRUE(same_stat(&path, &opened));
	close(path_fd);
	path_fd = vt_open_path(self->name, O_RDONLY);
	ASSERT_EQ(0, fstat(path_fd, &opened));
	EXPECT_TRUE(same_stat(&path, &opened));

	ASSERT_EQ(0, vt_resize(ioctl_fd, MAX));
	ASSERT_EQ(0, do_stat(self->name, &path));
	EXPECT_EQ(MAX, (__u64)path.st_size);

	ASSERT_EQ(0, statfs(self->path, &fs));
	EXPECT_EQ(VMSHM_SUPER_MAGIC, fs.f_type);
	EXPECT_EQ(VT_PAGE, (__u64)fs.f_bsize);
	EXPECT_EQ(NAME_MAX, fs.f_namelen);
}

TEST_F(mount, directories)
{
	struct stat root, domain, dir, again;
	char name[VMSHM_NAME_MAX + 1];

	ASSERT_EQ(-ENOENT, do_stat(self->domain, &domain));
	ASSERT_EQ(0, vt_act_as(VT_ALICE, VT_ALICE));
	ASSERT_LE(0, vt_create(self->dev, self->name, 0, 0, 0, 0600));
	ASSERT_EQ(0, vt_act_as_root());

	ASSERT_EQ(0, do_stat("", &root));
	EXPECT_EQ(S_IFDIR | 01777, root.st_mode);
	EXPECT_EQ(0, root.st_uid);
	/* Who owns the domain may delete in it. */
	ASSERT_EQ(0, do_stat(self->domain, &domain));
	EXPECT_EQ(S_IFDIR | 01777, domain.st_mode);
	EXPECT_EQ(VT_ALICE, domain.st_uid);
	ASSERT_EQ(0, do_stat(vt_name(name, "dir"), &dir));
	EXPECT_EQ(VT_ALICE, dir.st_uid);
	EXPECT_NE(dir.st_ino, domain.st_ino);
	EXPECT_NE(root.st_ino, domain.st_ino);
	/* Programs that walk a tree compare. */
	ASSERT_EQ(0, do_stat(self->domain, &again));
	EXPECT_EQ(domain.st_ino, again.st_ino);
	ASSERT_EQ(0, do_stat(vt_name(name, "dir/.."), &again));
	EXPECT_EQ(domain.st_ino, again.st_ino);

	EXPECT_EQ(-ENOENT, do_stat(vt_name(name, "di"), &dir));
	EXPECT_EQ(-ENOENT, do_stat(vt_name(name, "dir/regio"), &dir));
	EXPECT_EQ(-ENOTDIR, do_stat(vt_name(name, "dir/region/x"), &dir));
	EXPECT_EQ(-ENOTDIR, do_stat(vt_name(name, "dir/region/"), &dir));

	/* They are there as long as there is something in them. */
	EXPECT_EQ(0, vt_unlink(self->dev, self->name));
	EXPECT_EQ(-ENOENT, do_stat(vt_name(name, "dir"), &dir));
	EXPECT_EQ(-ENOENT, do_stat(self->domain, &domain));
}

/* All that a handle can do. */
TEST_F(mount, open_for_writing)
{
	struct vmshm_member members[4];
	char path[PATH_MAX] = "";
	int fd, mine, again, log;
	char expected[PATH_MAX];
	struct vmshm_stat st;
	char *map;

	fd = vt_create(self->dev, self->name, SIZE, MAX, 0, 0600);
	ASSERT_LE(0, fd);
	mine = vt_open_path(self->name, O_RDWR);
	ASSERT_LE(0, mine);
	EXPECT_EQ(0, vt_fdinfo(mine, "vmshm-readonly"));
	ASSERT_EQ(0, vt_stat(mine, &st));
	EXPECT_STREQ(self->name, (char *)st.out_name);
	EXPECT_EQ(2, st.out_opens);
	EXPECT_EQ(1, st.out_linked);
	EXPECT_EQ(2, vt_members(mine, members, 4));

	log = vt_log_open(mine, 0, 0, SIZE / VT_PAGE);
	ASSERT_LE(0, log);
	map = vt_map(mine, SIZE, PROT_READ | PROT_WRITE, 0);
	ASSERT_NE(NULL, map);
	ASSERT_EQ(0, vt_poke(map + VT_PAGE, 'x'));
	EXPECT_TRUE(vt_log_exactly(log, 1, 1));
	EXPECT_TRUE(vt_file_filled(fd, VT_PAGE, 'x', 1));
	ASSERT_EQ(3, pwrite(mine, "abc", 3, 0));
	EXPECT_EQ('a', vt_peek(map));

	ASSERT_EQ(0, ftruncate(mine, MAX));
	EXPECT_EQ(MAX, (__u64)vt_size(fd));
	ASSERT_EQ(0, vt_resize(mine, SIZE));
	EXPECT_EQ(SIZE, (__u64)vt_size(fd));

	/* It is the same file for what the VFS keeps by file. */
	ASSERT_EQ(0, flock(fd, LOCK_EX | LOCK_NB));
	EXPECT_EQ(-1, flock(mine, LOCK_EX | LOCK_NB));
	EXPECT_EQ(EWOULDBLOCK, errno);

	again = vt_reopen(mine, O_RDWR);
	ASSERT_LE(0, again);
	EXPECT_EQ(3, pwrite(again, "ABC", 3, 0));
	EXPECT_EQ('A', vt_peek(map));
	snprintf(self->link, sizeof(self->link), "/proc/self/fd/%d", mine);
	ASSERT_LT(0, readlink(self->link, path, sizeof(path) - 1));
	snprintf(expected, sizeof(expected), "vmshm:%s", self->name);
	EXPECT_STREQ(expected, path);

	ASSERT_EQ(0, vt_seal(mine, VMSHM_SEAL_GROW));
	EXPECT_EQ(-EPERM, vt_resize(fd, MAX));
}

TEST_F(mount, open_only_for_writing)
{
	int fd;

	ASSERT_LE(0, vt_create(self->dev, self->name, SIZE, 0, 0, 0200));
	ASSERT_EQ(0, vt_act_as(VT_ALICE, VT_ALICE));
	EXPECT_EQ(-EACCES, try(self->name, O_WRONLY));
	ASSERT_EQ(0, vt_act_as_root());
	ASSERT_EQ(0, chmod(self->path, 0222));
	ASSERT_EQ(0, vt_act_as(VT_ALICE, VT_ALICE));
	EXPECT_EQ(-EACCES, try(self->name, O_RDONLY));
	EXPECT_EQ(-EACCES, try(self->name, O_RDWR));
	fd = vt_open_path(self->name, O_WRONLY);
	ASSERT_LE(0, fd);
	EXPECT_EQ(1, pwrite(fd, "x", 1, 0));
	EXPECT_EQ(-EACCES, vt_readonly(fd));
	EXPECT_EQ(-EACCES, vt_reopen(fd, O_RDONLY));
	EXPECT_EQ(0, close(vt_reopen(fd, O_WRONLY)));
}

static void check_readonly(struct __test_metadata *_metadata, int fd)
{
	char *map;

	EXPECT_EQ(1, vt_fdinfo(fd, "vmshm-readonly"));
	EXPECT_EQ(-EACCES, vt_reopen(fd, O_RDWR));
	EXPECT_EQ(-EACCES, vt_reopen(fd, O_WRONLY));
	EXPECT_EQ(-EACCES, vt_resize(fd, MAX));
	EXPECT_EQ(-1, fchmod(fd, 0666));
	EXPECT_EQ(EPERM, errno);
	EXPECT_EQ(-EACCES, vt_seal(fd, VMSHM_SEAL_GROW));
	map = vt_map(fd, SIZE, PROT_READ, 0);
	ASSERT_NE(NULL, map);
	EXPECT_EQ('x', vt_peek(map));
	EXPECT_EQ(-1, mprotect(map, SIZE, PROT_READ | PROT_WRITE));
	EXPECT_EQ(0, munmap(map, SIZE));
	EXPECT_EQ(NULL, vt_map(fd, SIZE, PROT_READ | PROT_WRITE, 0));
}

/* Read-only it stays, for root and whatever else keeps the name in use. */
TEST_F(mount, open_for_reading)
{
	int fd, mine, path, again;
	struct stat st, mine_st;

	fd = vt_create(self->dev, self->name, SIZE, MAX, 0, 0600);
	ASSERT_LE(0, fd);
	ASSERT_EQ(1, pwrite(fd, "x", 1, 0));
	mine = vt_open_path(self->name, O_RDONLY);
	ASSERT_LE(0, mine);
	check_readonly(_metadata, mine);
	again = vt_reopen(mine, O_RDONLY);
	ASSERT_LE(0, again);
	check_readonly(_metadata, again);
	close(again);

	path = vt_open_path(self->name, O_PATH);
	ASSERT_LE(0, path);
	again = vt_open_path(self->name, O_RDONLY);
	ASSERT_LE(0, again);
	check_readonly(_metadata, again);
	close(again);
	again = vt_open_path(self->name, O_RDWR);
	ASSERT_LE(0, again);
	EXPECT_EQ(0, close(vt_open_path(self->name, O_RDONLY)));
	/* That there are read-only ones does not matter to the others. */
	EXPECT_EQ(0, close(vt_reopen(again, O_RDWR)));
	EXPECT_EQ(0, close(vt_reopen(path, O_RDWR)));
	EXPECT_EQ(-EACCES, vt_reopen(mine, O_RDWR));
	/* They are the same region. */
	ASSERT_EQ(0, fstat(mine, &mine_st));
	ASSERT_EQ(0, do_stat(self->name, &st));
	EXPECT_TRUE(same_stat(&st, &mine_st));

	EXPECT_EQ(-EACCES, try(self->name, O_RDONLY | O_TRUNC));
	EXPECT_EQ(SIZE, (__u64)vt_size(fd));
}

/* The file's own attributes, and those of its directories. */
TEST_F(mount, attributes)
{
	struct vmshm_event event;
	struct vmshm_stat st;
	int fd, watch, dir;

	fd = vt_create(self->dev, self->name, SIZE, MAX, 0, 0600);
	ASSERT_LE(0, fd);
	watch = vt_watch(fd, "", 1 << VMSHM_EVENT_ATTR, NULL);
	ASSERT_LE(0, watch);
	ASSERT_EQ(0, chmod(self->path, 0640));
	ASSERT_EQ(0, vt_next_event(watch, &event));
	EXPECT_EQ(0640, event.value);
	ASSERT_EQ(0, chown(self->path, VT_ALICE, VT_BOB));
	ASSERT_EQ(0, truncate(self->path, MAX));
	ASSERT_EQ(0, vt_stat(fd, &st));
	EXPECT_EQ(0640, st.out_mode);
	EXPECT_EQ(VT_ALICE, st.out_uid);
	EXPECT_EQ(VT_BOB, st.out_gid);
	EXPECT_EQ(MAX, st.out_region_size);
	EXPECT_EQ(-1, chmod(self->path, 0755));
	EXPECT_EQ(EPERM, errno);
	EXPECT_EQ(-1, truncate(self->path, MAX + 1));
	EXPECT_EQ(EFBIG, errno);

	/* O_TRUNC is a truncation. */
	ASSERT_EQ(0, try(self->name, O_WRONLY | O_TRUNC));
	EXPECT_EQ(0, vt_size(fd));

	ASSERT_EQ(0, vt_act_as(VT_BOB, VT_ALICE));
	EXPECT_EQ(-1, chmod(self->path, 0666));
	EXPECT_EQ(-1, truncate(self->path, 0));
	ASSERT_EQ(0, vt_act_as_root());

	dir = vt_open_path(self->domain, O_RDONLY);
	ASSERT_LE(0, dir);
	EXPECT_EQ(-1, fchmod(dir, 0700));
	EXPECT_EQ(EPERM, errno);
	EXPECT_EQ(-1, fchown(dir, VT_ALICE, 0));
	EXPECT_EQ(-1, futimes(dir, NULL));
	EXPECT_EQ(-1, fsetxattr(dir, "user.x", "x", 1, 0));
}

/* EACCES, ENOENT and EPERM as the ioctls have it. */
TEST_F(mount, permission)
{
	struct stat st;
	int watch, fd;

	fd = vt_create(self->dev, self->name, SIZE, 0, 0, 0600);
	ASSERT_LE(0, fd);
	ASSERT_LE(0, vt_create(self->dev, self->other, SIZE, 0, 0, 0644));
	watch = vt_watch(fd, "", 1 << VMSHM_EVENT_OPENED |
			 1 << VMSHM_EVENT_CLOSED, NULL);
	ASSERT_LE(0, watch);

	ASSERT_EQ(0, vt_act_as(VT_ALICE, VT_ALICE));
	EXPECT_EQ(-EACCES, try(self->name, O_RDONLY));
	EXPECT_EQ(-EACCES, try(self->name, O_RDWR));
	EXPECT_EQ(-EACCES, try(self->name, O_RDWR | O_CREAT));
	EXPECT_EQ(-EACCES, do_stat(self->name, &st));
	/* That would keep the memory of somebody else's region. */
	EXPECT_EQ(-EACCES, try(self->name, O_PATH));
	EXPECT_EQ(-EACCES, do_unlink(self->name));
	EXPECT_EQ(0, try(self->other, O_RDONLY));
	EXPECT_EQ(-EACCES, try(self->other, O_RDWR));
	EXPECT_EQ(-EACCES, try(self->other, O_WRONLY | O_TRUNC));
	EXPECT_EQ(0, do_stat(self->other, &st));
	EXPECT_EQ(-EPERM, do_unlink(self->other));
	/* Also when somebody who may has it in use. */
	ASSERT_EQ(0, vt_act_as_root());
	ASSERT_LE(0, vt_open_path(self->name, O_PATH));
	ASSERT_EQ(0, vt_act_as(VT_ALICE, VT_ALICE));
	EXPECT_EQ(-EACCES, do_stat(self->name, &st));
	EXPECT_EQ(-EACCES, try(self->name, O_PATH));
	EXPECT_EQ(-EACCES, try(self->name, O_RDONLY));
	/* For ioctls alone, which takes both rights. */
	EXPECT_EQ(-EACCES, try(self->name, O_ACCMODE));
	/* Nobody opened it. */
	EXPECT_TRUE(vt_no_event(watch));

	ASSERT_EQ(0, vt_act_as_root());
	ASSERT_EQ(0, fchown(fd, 0, VT_ALICE));
	ASSERT_EQ(0, fchmod(fd, 0660));
	ASSERT_EQ(0, vt_act_as(VT_ALICE, VT_ALICE));
	EXPECT_EQ(0, try(self->name, O_RDWR));
	EXPECT_EQ(0, do_stat(self->name, &st));
	/* The owner, even if it must not open it. */
	ASSERT_EQ(0, vt_act_as_root());
	ASSERT_EQ(0, fchown(fd, VT_ALICE, 0));
	ASSERT_EQ(0, fchmod(fd, 0));
	ASSERT_EQ(0, vt_act_as(VT_ALICE, VT_ALICE));
	EXPECT_EQ(-EACCES, try(self->name, O_RDONLY));
	EXPECT_EQ(0, do_stat(self->name, &st));
	EXPECT_EQ(0, chmod(self->path, 0400));
	EXPECT_EQ(0, try(self->name, O_RDONLY));
}

/* The owner of the region, that of its domain, and the administrator. */
TEST_F(mount, unlink)
{
	struct vmshm_event event;
	struct stat st;
	int watch, i;
	int fd = -1;

	ASSERT_EQ(0, vt_domain_reserve(self->dev, self->domain, VT_ALICE));
	watch = vt_watch(self->dev, self->name, 1 << VMSHM_EVENT_UNLINKED,
			 NULL);
	ASSERT_LE(0, watch);
	for (i = 0; i < 4; i++) {
		close(fd);
		fd = vt_create(self->dev, self->name, SIZE, 0, 0, 0600);
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, fchown(fd, VT_BOB, VT_BOB));
		switch (i) {
		case 0:
			ASSERT_EQ(0, vt_act_as(VT_BOB, VT_BOB));
			break;
		case 1:
			/* She may not open it, and may not see it listed. */
			ASSERT_EQ(0, vt_act_as(VT_ALICE, VT_ALICE));
			EXPECT_EQ(-EACCES, try(self->name, O_RDONLY));
			break;
		case 2:
			ASSERT_EQ(0, vt_set_cap(CAP_FOWNER, false));
			break;
		case 3:
			ASSERT_EQ(0, vt_set_cap(CAP_SYS_ADMIN, false));
			EXPECT_EQ(-EPERM, do_unlink(self->name));
			EXPECT_EQ(-EPERM, vt_unlink(self->dev, self->name));
			ASSERT_EQ(0, vt_act_as(VT_ALICE + 100, VT_ALICE));
			EXPECT_EQ(-EACCES, do_unlink(self->name));
			ASSERT_EQ(0, vt_act_as_root());
			ASSERT_EQ(0, fchmod(fd, 0666));
			ASSERT_EQ(0, vt_act_as(VT_ALICE + 100, VT_ALICE));
			EXPECT_EQ(-EPERM, do_unlink(self->name));
			EXPECT_EQ(-EPERM, vt_unlink(self->dev, self->name));
			ASSERT_EQ(0, vt_act_as_root());
			ASSERT_EQ(0, vt_set_cap(CAP_SYS_ADMIN, true));
			break;
		}
		EXPECT_TRUE(vt_no_event(watch));
		EXPECT_EQ(0, do_unlink(self->name));
		ASSERT_EQ(0, vt_act_as_root());
		ASSERT_EQ(0, vt_set_cap(CAP_FOWNER, true));
		ASSERT_EQ(0, vt_next_event(watch, &event));
		EXPECT_EQ(-ENOENT, do_unlink(self->name));
		EXPECT_EQ(-ENOENT, do_stat(self->name, &st));
		EXPECT_EQ(-ENOENT, vt_open(self->dev, self->name, 0));
		/* Who has it open keeps it. */
		ASSERT_EQ(0, fstat(fd, &st));
		EXPECT_EQ(0, st.st_nlink);
		EXPECT_EQ(1, pwrite(fd, "x", 1, 0));
	}
	EXPECT_EQ(0, vt_domain_release(self->dev, self->domain));
}

/*
 * What creates. VMMs that find no file try to create it, with O_EXCL, and start
 * again if that says that there is one: neither must be said of a name that is
 * free.
 */
TEST_F(mount, no_creation)
{
	char path[PATH_MAX], new[PATH_MAX], name[VMSHM_NAME_MAX + 1];
	const char *const where[] = { "new", "dir/new" };
	size_t i;
	int fd;

	fd = vt_create(self->dev, self->name, SIZE, 0, 0, 0600);
	ASSERT_LE(0, fd);
	for (i = 0; i < 2; i++) {
		vt_name(name, where[i]);
		vt_path(new, name);
		EXPECT_EQ(-ENOENT, try(name, O_RDWR));
		EXPECT_EQ(-EPERM, try(name, O_RDWR | O_CREAT | O_EXCL));
		EXPECT_EQ(-EPERM, try(name, O_RDWR | O_CREAT));
		EXPECT_EQ(-EPERM, try(name, O_RDONLY | O_CREAT | O_TRUNC));
		EXPECT_EQ(-ENOENT, try(name, O_RDWR));
		EXPECT_EQ(-1, mkdir(new, 0777));
		EXPECT_EQ(EPERM, errno);
		EXPECT_EQ(-1, mknod(new, S_IFREG | 0666, 0));
		EXPECT_EQ(EACCES, errno);
		EXPECT_EQ(-1, mkfifo(new, 0666));
		EXPECT_EQ(EPERM, errno);
		EXPECT_EQ(-1, symlink("dir", new));
		EXPECT_EQ(EPERM, errno);
		EXPECT_EQ(-1, link(self->path, new));
		EXPECT_EQ(EPERM, errno);
		EXPECT_EQ(-1, rename(self->path, new));
		EXPECT_EQ(EPERM, errno);
		EXPECT_EQ(-1, syscall(SYS_renameat2, AT_FDCWD, self->path,
				      AT_FDCWD, new, 1 /* RENAME_NOREPLACE */));
		EXPECT_EQ(EPERM, errno);
	}
	/* A component that no name can have is not there. */
	EXPECT_EQ(-ENOENT, try("with space/x", O_RDWR | O_CREAT));
	EXPECT_EQ(-EPERM, try("with space", O_RDWR | O_CREAT));
	EXPECT_EQ(-ENOENT, try(" ", O_RDWR));
	memset(name, 'x', sizeof(name));
	name[VMSHM_NAME_MAX] = '\0';
	EXPECT_EQ(-ENOENT, try(name, O_RDWR));
	snprintf(path, sizeof(path), "%sx", name);
	EXPECT_EQ(-ENAMETOOLONG, try(path, O_RDWR));
	snprintf(path, sizeof(path), "%s/%s", self->domain, name);
	EXPECT_EQ(-ENOENT, try(path, O_RDWR));

	/* Of what is there. */
	EXPECT_EQ(0, try(self->name, O_RDWR | O_CREAT));
	EXPECT_EQ(-EEXIST, try(self->name, O_RDWR | O_CREAT | O_EXCL));
	EXPECT_EQ(-ENOTDIR, try(self->name, O_RDONLY | O_DIRECTORY));
	EXPECT_EQ(-EISDIR, try(self->domain, O_RDWR));
	EXPECT_EQ(-EISDIR, try(self->domain, O_RDWR | O_CREAT));
	EXPECT_EQ(-EOPNOTSUPP, try(self->domain, O_TMPFILE | O_RDWR));
	EXPECT_EQ(-1, rmdir(vt_path(path, self->domain)));
	EXPECT_EQ(EPERM, errno);
	EXPECT_EQ(-1, unlink(vt_path(path, self->domain)));
	EXPECT_EQ(EISDIR, errno);
	EXPECT_EQ(-1, mkdir(self->path, 0777));
	EXPECT_EQ(EEXIST, errno);
	ASSERT_EQ(0, chmod(self->path, 0666));
	EXPECT_EQ(-1, execl(self->path, self->path, NULL));
	EXPECT_EQ(EACCES, errno);
}

/* A name that is in use, gone, and used again. */
TEST_F(mount, other_generation)
{
	struct stat st, old;
	int fd, path, i;
	char byte;

	ASSERT_LE(0, vt_create(self->dev, self->name, SIZE, 0, 0, 0600));
	for (i = 0; i < 3; i++) {
		path = vt_open_path(self->name, O_PATH);
		ASSERT_LE(0, path);
		ASSERT_EQ(0, fstat(path, &old));
		ASSERT_EQ(0, vt_unlink(self->dev, self->name));
		ASSERT_EQ(-ENOENT, do_stat(self->name, &st));
		ASSERT_EQ(-ENOENT, try(self->name, O_RDWR));
		ASSERT_EQ(-ENOENT, do_unlink(self->name));

		fd = vt_create(self->dev, self->name, SIZE, 0, 0, 0600);
		ASSERT_LE(0, fd);
		ASSERT_EQ(1, pwrite(fd, "n", 1, 0));
		ASSERT_EQ(0, do_stat(self->name, &st));
		EXPECT_LT(old.st_ino, st.st_ino);
		close(fd);
		fd = vt_open_path(self->name, i ? O_RDWR : O_RDONLY);
		ASSERT_LE(0, fd);
		EXPECT_EQ(1, pread(fd, &byte, 1, 0));
		EXPECT_EQ('n', byte);
		close(fd);
		/* What was reached before is what it was. */
		fd = vt_reopen(path, O_RDWR);
		ASSERT_LE(0, fd);
		EXPECT_EQ(1, pread(fd, &byte, 1, 0));
		EXPECT_EQ(i ? 'n' : 0, byte);
		close(fd);
	}
	/* Of several ways in each is told. */
	ASSERT_EQ(0, do_unlink(self->name));
	EXPECT_EQ(-ENOENT, vt_open(self->dev, self->name, 0));
}

/* Looking at a region keeps neither its name nor its memory. */
TEST_F(mount, memory)
{
	struct vmshm_info before, info;
	struct stat st;
	char byte;
	int fd;

	ASSERT_EQ(0, vt_act_as(VT_ALICE, VT_ALICE));
	ASSERT_EQ(0, vt_info(self->dev, &before));
	fd = vt_create(self->dev, self->name, SIZE, 0, 0, 0600);
	ASSERT_LE(0, fd);
	ASSERT_EQ(1, pwrite(fd, "x", 1, 0));
	close(fd);
	ASSERT_EQ(0, do_stat(self->name, &st));
	ASSERT_EQ(0, try(self->name, O_RDONLY));
	ASSERT_EQ(0, try(self->name, O_RDWR));
	ASSERT_EQ(0, vt_info(self->dev, &info));
	EXPECT_LT(before.out_bytes_used, info.out_bytes_used);
	ASSERT_EQ(0, do_unlink(self->name));
	ASSERT_EQ(0, vt_info(self->dev, &info));
	EXPECT_EQ(before.out_bytes_used, info.out_bytes_used);
	EXPECT_EQ(before.out_regions_used, info.out_regions_used);
	EXPECT_EQ(before.out_meta_used, info.out_meta_used);

	/* A name that goes with its last file; which is this one's. */
	fd = vt_create(self->dev, self->name, SIZE, 0, VMSHM_EPHEMERAL, 0600);
	ASSERT_LE(0, fd);
	ASSERT_EQ(1, pwrite(fd, "x", 1, 0));
	ASSERT_EQ(0, do_stat(self->name, &st));
	close(fd);
	EXPECT_EQ(-ENOENT, do_stat(self->name, &st));
	ASSERT_EQ(0, vt_info(self->dev, &info));
	EXPECT_EQ(before.out_bytes_used, info.out_bytes_used);

	fd = vt_create(self->dev, self->name, SIZE, 0, VMSHM_EPHEMERAL, 0600);
	ASSERT_LE(0, fd);
	ASSERT_EQ(1, pwrite(fd, "x", 1, 0));
	ASSERT_EQ(0, dup2(vt_open_path(self->name, O_RDWR), fd) - fd);
	ASSERT_EQ(1, pread(fd, &byte, 1, 0));
	EXPECT_EQ('x', byte);
	EXPECT_EQ(0, do_stat(self->name, &st));
}

/* One file, mounted elsewhere as containers do; and something mounted on it. */
TEST_F(mount, file_mounts)
{
	char path[PATH_MAX], target[] = "/tmp/vmshm-mount.XXXXXX";
	int fd, mine;
	char byte;

	fd = vt_create(self->dev, self->name, SIZE, 0, 0, 0600);
	ASSERT_LE(0, fd);
	ASSERT_LE(0, vt_create(self->dev, self->other, SIZE, 0, 0, 0600));
	close(mkstemp(target));
	ASSERT_EQ(0, mount(self->path, target, NULL, MS_BIND, NULL));
	mine = open(target, O_RDWR);
	ASSERT_LE(0, mine);
	ASSERT_EQ(1, pwrite(mine, "x", 1, 0));
	EXPECT_TRUE(vt_file_filled(fd, 0, 'x', 1));
	close(mine);
	EXPECT_EQ(0, try(self->name, O_RDWR));
	/* It is this region also when the name is another's. */
	ASSERT_EQ(0, do_unlink(self->name));
	ASSERT_LE(0, vt_create(self->dev, self->name, SIZE, 0, 0, 0600));
	mine = open(target, O_RDONLY);
	ASSERT_LE(0, mine);
	ASSERT_EQ(1, pread(mine, &byte, 1, 0));
	EXPECT_EQ('x', byte);
	close(mine);
	EXPECT_EQ(0, umount(target));

	ASSERT_EQ(5, write(open(target, O_WRONLY), "below", 5));
	ASSERT_EQ(0, mount(target, vt_path(path, self->other), NULL, MS_BIND,
			   NULL));
	mine = vt_open_path(self->other, O_RDWR);
	ASSERT_LE(0, mine);
	EXPECT_EQ(5, vt_size(mine));
	close(mine);
	EXPECT_EQ(-EBUSY, do_unlink(self->other));
	EXPECT_EQ(0, umount(path));
	EXPECT_EQ(0, try(self->other, O_RDWR));
	EXPECT_EQ(0, unlink(target));
}

TEST_F(mount, read_only_mount)
{
	struct stat st;
	int fd;

	fd = vt_create(self->dev, self->name, SIZE, MAX, 0, 0666);
	ASSERT_LE(0, fd);
	/* Of the one superblock there is, only the mount is read-only. */
	EXPECT_EQ(-1, mount("none", VT_MOUNT, NULL, MS_REMOUNT | MS_RDONLY,
			    NULL));
	/* Not even while nobody has anything open for writing. */
	ASSERT_EQ(0, close(fd));
	EXPECT_EQ(-1, mount("none", VT_MOUNT, NULL, MS_REMOUNT | MS_RDONLY,
			    NULL));
	EXPECT_EQ(EINVAL, errno);
	fd = vt_open(self->dev, self->name, 0);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, vt_umount(0));
	ASSERT_EQ(0, mount("none", VT_MOUNT, "vmshm", MS_RDONLY, NULL));
	EXPECT_EQ(-EROFS, try(self->name, O_RDWR));
	EXPECT_EQ(-EROFS, try(self->name, O_RDWR | O_CREAT));
	EXPECT_EQ(-EROFS, try(self->other, O_RDWR | O_CREAT));
	EXPECT_EQ(-EROFS, do_unlink(self->name));
	EXPECT_EQ(-1, chmod(self->path, 0600));
	EXPECT_EQ(0, try(self->name, O_RDONLY));
	EXPECT_EQ(0, do_stat(self->name, &st));
	EXPECT_EQ(1, pwrite(fd, "x", 1, 0));
	EXPECT_EQ(0, close(vt_reopen(fd, O_RDWR)));
	EXPECT_EQ(0, vt_resize(fd, MAX));
	/* A second mount is another. */
	ASSERT_EQ(0, vt_mount_again(0));
	EXPECT_EQ(0, try(self->name, O_RDWR));
}

TEST_F(mount, unmount)
{
	char path[PATH_MAX];
	struct stat st;
	char *map;
	int fd;

	ASSERT_LE(0, vt_create(self->dev, self->name, SIZE, 0, 0, 0600));
	fd = vt_open_path(self->name, O_RDWR);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EBUSY, vt_umount(0));
	map = vt_map(fd, SIZE, PROT_READ | PROT_WRITE, 0);
	ASSERT_NE(NULL, map);
	close(fd);
	EXPECT_EQ(-EBUSY, vt_umount(0));
	ASSERT_EQ(0, munmap(map, SIZE));
	EXPECT_EQ(0, vt_umount(0));
	EXPECT_EQ(0, close(vt_open(self->dev, self->name, 0)));

	ASSERT_EQ(0, mount("none", VT_MOUNT, "vmshm", 0, NULL));
	fd = vt_open_path(self->name, O_RDWR);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, vt_umount(MNT_DETACH));
	EXPECT_EQ(-1, stat(vt_path(path, self->name), &st));
	EXPECT_EQ(1, pwrite(fd, "x", 1, 0));
	map = vt_map(fd, SIZE, PROT_READ | PROT_WRITE, 0);
	ASSERT_NE(NULL, map);
	EXPECT_EQ('x', vt_peek(map));
	EXPECT_EQ(0, vt_unlink(self->dev, self->name));
	close(fd);
	EXPECT_EQ(0, vt_poke(map, 'y'));
	EXPECT_EQ(0, munmap(map, SIZE));
}

/* Allows this process to open files below a path, and no others. */
static int restrict_to(const char *path)
{
	struct landlock_ruleset_attr attr = {
		.handled_access_fs = LANDLOCK_ACCESS_FS_READ_FILE |
				     LANDLOCK_ACCESS_FS_WRITE_FILE,
	};
	struct landlock_path_beneath_attr rule = {
		.allowed_access = attr.handled_access_fs,
		.parent_fd = open(path, O_PATH | O_CLOEXEC),
	};
	int set = syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);

	if (set < 0 || rule.parent_fd < 0 ||
	    syscall(SYS_landlock_add_rule, set, LANDLOCK_RULE_PATH_BENEATH,
		    &rule, 0) ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    syscall(SYS_landlock_restrict_self, set, 0))
		return -errno;
	close(set);
	close(rule.parent_fd);
	return 0;
}

/* Open files have a place in the tree, for those who decide by path. */
TEST_F(mount, landlock)
{
	const char *const rules[] = { VT_MOUNT, self->path, "/tmp" };
	struct vt_child child;
	int i;

	if (syscall(SYS_landlock_create_ruleset, NULL, 0,
		    LANDLOCK_CREATE_RULESET_VERSION) < 0)
		SKIP(return, "the kernel is built without Landlock");
	ASSERT_LE(0, vt_create(self->dev, self->name, SIZE, 0, 0, 0600));
	ASSERT_LE(0, vt_create(self->dev, self->other, SIZE, 0, 0, 0600));
	for (i = 0; i < 3; i++) {
		ASSERT_LE(0, vt_fork(&child));
		if (!child.pid) {
			VT_CHECK(restrict_to(rules[i]) == 0);
			VT_CHECK(try(self->name, O_RDWR) ==
				 (i == 2 ? -EACCES : 0));
			VT_CHECK(try(self->other, O_RDWR) ==
				 (i == 0 ? 0 : -EACCES));
			VT_CHECK(try(self->name, O_RDONLY) ==
				 (i == 0 ? 0 : -EACCES));
			_exit(0);
		}
		EXPECT_EQ(0, vt_wait(&child));
	}
}

/* A mount keeps the module, though there is nothing else. */
TEST_F(mount, module)
{
	int tries;

	close(self->dev);
	/* Loaded, it holds the module, too. */
	ASSERT_EQ(0, vt_module_unload_kvm());
	EXPECT_LT(0, vt_module_users("vmshm"));
	ASSERT_EQ(-EAGAIN, vt_module_unload());
	ASSERT_EQ(0, vt_umount(0));
	for (tries = 0; vt_module_users("vmshm") && tries < VT_PATIENCE * 10;
	     tries++)
		usleep(100000);
	EXPECT_EQ(0, vt_module_users("vmshm"));
	self->dev = vt_device();
	ASSERT_LE(0, self->dev);
}

TEST_F(mount, who_may_mount)
{
	ASSERT_EQ(0, vt_act_as(VT_ALICE, VT_ALICE));
	EXPECT_EQ(-1, mount("none", VT_MOUNT, "vmshm", 0, NULL));
	EXPECT_EQ(EPERM, errno);
	ASSERT_EQ(0, vt_act_as_root());
	EXPECT_EQ(-1, mount("none", VT_MOUNT, "vmshm", 0, "size=1"));
	EXPECT_EQ(EINVAL, errno);
}

/* A namespace sees its own names, and has no power over the rest. */
TEST_F(mount, user_namespace)
{
	struct vmshm_unlink arg = {
		.size = sizeof(arg),
		.flags = VMSHM_UNLINK_REGISTRY,
	};
	struct vmshm_stat left;
	struct vt_child child;
	struct stat st;
	int fd;

	fd = vt_create(self->dev, self->other, SIZE, 0, 0, 0666);
	ASSERT_LE(0, fd);
	ASSERT_LE(0, vt_fork_userns(&child, VT_ALICE, 50000, 10));
	if (!child.pid) {
		int dev = vt_device(), mine;

		/* What is mounted already stays what it is. */
		VT_CHECK(try(self->other, O_RDWR) == 0);
		VT_CHECK(vt_mount(0) == 0);
		VT_CHECK(try(self->other, O_RDWR) == -ENOENT);
		VT_CHECK(do_stat("", &st) == 0 && st.st_uid == 0);
		mine = vt_create(dev, self->name, SIZE, 0, 0, 0600);
		VT_CHECK(mine >= 0);
		VT_CHECK(try(self->name, O_RDWR) == 0);
		VT_CHECK(do_stat(self->name, &st) == 0 && st.st_uid == 0);
		VT_CHECK(do_stat(self->domain, &st) == 0 && st.st_uid == 0);
		/* The superblock is not its own. */
		VT_CHECK(mount("none", VT_MOUNT, NULL, MS_REMOUNT | MS_RDONLY,
			       NULL) == -1 && errno == EPERM);
		VT_CHECK(mount("none", VT_MOUNT, NULL, MS_REMOUNT,
			       NULL) == -1 && errno == EPERM);

		VT_CHECK(vt_tell(child.sock) == 0);
		VT_CHECK(vt_hear(child.sock) == 0);
		VT_CHECK(setresuid(5, 5, 5) == 0);
		VT_CHECK(try(self->name, O_RDWR) == -EACCES);
		VT_CHECK(do_unlink(self->name) == -EACCES);
		_exit(0);
	}
	ASSERT_EQ(0, vt_hear(child.sock));
	EXPECT_EQ(-ENOENT, do_stat(self->name, &st));
	EXPECT_EQ(0, try(self->other, O_RDWR));
	EXPECT_EQ(0, close(vt_reopen(fd, O_RDWR)));
	ASSERT_EQ(0, vt_tell(child.sock));
	EXPECT_EQ(0, vt_wait(&child));
	/* Its name is there, though nobody has it mounted any more. */
	ASSERT_EQ(1, vt_list(self->dev, self->name, VMSHM_LIST_ALL, &left, 1));
	arg.registry = left.out_registry;
	strcpy((char *)arg.name, self->name);
	EXPECT_EQ(0, vt_ioctl(self->dev, VMSHM_IOC_UNLINK, &arg));
}

TEST_HARNESS_MAIN
