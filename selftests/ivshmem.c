// SPDX-License-Identifier: GPL-2.0
/*
 * The memory of an ivshmem device as a region: what can be done with it, and
 * what cannot. Two devices have the same memory, as two machines would have.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dirent.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "lib/harness.h"
#include "lib/vmshm_env.h"
#include "lib/vmshm_ivdev.h"
#include "lib/vmshm_mem.h"
#include "lib/vmshm_mount.h"

#define RW	(PROT_READ | PROT_WRITE)
#define SIZE	VT_IVSHMEM_SIZE

FIXTURE(ivshmem) {
	int dev;
	int a;
	int b;
};

FIXTURE_SETUP(ivshmem)
{
	self->dev = vt_device();
	ASSERT_LE(0, self->dev);
	self->a = vt_ivshmem_open(self->dev, VT_IVSHMEM_A, 0);
	ASSERT_LE(0, self->a);
	self->b = vt_ivshmem_open(self->dev, VT_IVSHMEM_B, 0);
	ASSERT_LE(0, self->b);
}

FIXTURE_TEARDOWN(ivshmem)
{
	fchmod(self->a, 0660);
	close(self->a);
	close(self->b);
	close(self->dev);
}

/* Size of BAR 2, as the PCI core has it. */
static unsigned long long bar_size(const char *pci)
{
	unsigned long long start = 0, end = 0;
	char path[64], line[128];
	FILE *file;
	int i;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource", pci);
	file = fopen(path, "r");
	for (i = 0; file && i < 3 && fgets(line, sizeof(line), file); i++)
		if (sscanf(line, "%llx %llx", &start, &end) != 2)
			break;
	if (file)
		fclose(file);
	return start ? end - start + 1 : 0;
}

TEST_F(ivshmem, description)
{
	struct vmshm_info before, after;
	struct vmshm_stat st, list[VT_NR_IVSHMEM];
	struct stat stat;

	EXPECT_EQ(SIZE, bar_size(VT_IVSHMEM_A));
	ASSERT_EQ(0, vt_stat(self->a, &st));
	EXPECT_STREQ(VT_IVSHMEM VT_IVSHMEM_A, (char *)st.out_name);
	EXPECT_EQ(SIZE, st.out_region_size);
	EXPECT_EQ(SIZE, st.out_max_size);
	EXPECT_EQ(SIZE, st.out_resident);
	EXPECT_EQ(SIZE, st.out_allocated);
	EXPECT_EQ(0, st.out_charged);
	EXPECT_EQ(VMSHM_DEVICE_MEMORY, st.out_flags);
	EXPECT_EQ(VMSHM_HUGE_NEVER, st.out_huge);
	EXPECT_EQ(VMSHM_SEAL_SEAL | VMSHM_SEAL_SHRINK | VMSHM_SEAL_GROW,
		  st.out_seals);
	EXPECT_EQ(0660, st.out_mode);
	EXPECT_EQ(0, st.out_uid);
	EXPECT_EQ(0, st.out_gid);
	EXPECT_EQ(0, st.out_domain_uid);
	EXPECT_EQ(1, st.out_linked);
	EXPECT_EQ(1, st.out_opens);
	EXPECT_EQ(0, st.out_logs);

	ASSERT_EQ(0, fstat(self->a, &stat));
	EXPECT_TRUE(S_ISREG(stat.st_mode));
	EXPECT_EQ(SIZE, stat.st_size);
	EXPECT_EQ(SIZE / 512, stat.st_blocks);
	EXPECT_EQ(VT_PAGE, stat.st_blksize);
	EXPECT_EQ(st.out_ino, stat.st_ino);
	EXPECT_EQ(SIZE, vt_fdinfo(self->a, "vmshm-size"));

	ASSERT_EQ(VT_NR_IVSHMEM, vt_list(self->dev, VT_IVSHMEM, 0, list,
					 VT_NR_IVSHMEM));
	EXPECT_EQ(st.out_generation, list[0].out_generation);
	EXPECT_EQ(VMSHM_DEVICE_MEMORY, list[1].out_flags);
	EXPECT_NE(st.out_generation, list[1].out_generation);

	/* It is nobody's share of this machine's memory. */
	ASSERT_EQ(0, vt_info(self->dev, &before));
	ASSERT_NE(NULL, memset(vt_map(self->a, SIZE, RW, 0), 1, SIZE));
	ASSERT_EQ(0, vt_info(self->dev, &after));
	EXPECT_EQ(before.out_bytes_used, after.out_bytes_used);
	EXPECT_EQ(before.out_regions_used, after.out_regions_used);
}

TEST_F(ivshmem, shared)
{
	unsigned char *a, *b, *part;
	unsigned long i;

	a = vt_map(self->a, SIZE, RW, 0);
	b = vt_map(self->b, SIZE, RW, 0);
	part = vt_map(self->a, VT_PAGE, RW, SIZE - VT_PAGE);
	ASSERT_NE(NULL, a);
	ASSERT_NE(NULL, b);
	ASSERT_NE(NULL, part);

	for (i = 0; i < SIZE / 8; i++)
		((__u64 *)a)[i] = i * 0x9e3779b97f4a7c15;
	for (i = 0; i < SIZE / 8; i++)
		if (((__u64 *)b)[i] != i * 0x9e3779b97f4a7c15)
			break;
	EXPECT_EQ(SIZE / 8, i);
	b[SIZE - 1] = 77;
	EXPECT_EQ(77, part[VT_PAGE - 1]);
	EXPECT_EQ(77, a[SIZE - 1]);

	/* The one by system calls, the other by its mapping. */
	memset(a, 1, SIZE);
	EXPECT_TRUE(vt_file_filled(self->b, 0, 1, SIZE));
	memset(a, 2, 5 * VT_PAGE);
	ASSERT_EQ(3 * VT_PAGE + 18,
		  pwrite(self->b, b + 6 * VT_PAGE, 3 * VT_PAGE + 18, 33));
	EXPECT_TRUE(vt_filled(a, 2, 33));
	EXPECT_TRUE(vt_filled(a + 33, 1, 3 * VT_PAGE + 18));
	EXPECT_EQ(2, a[33 + 3 * VT_PAGE + 18]);
}

/* Faults are counted; one is enough to write. */
TEST_F(ivshmem, faults)
{
	struct vmshm_stat before, after;
	unsigned char *a;

	ASSERT_EQ(0, vt_stat(self->a, &before));
	a = vt_map(self->a, 2 * VT_PAGE, RW, VT_PAGE);
	ASSERT_NE(NULL, a);
	EXPECT_LE(0, vt_peek(a));
	EXPECT_EQ(0, vt_poke(a, 1));
	EXPECT_EQ(0, vt_poke(a + VT_PAGE, 1));
	ASSERT_EQ(0, vt_stat(self->a, &after));
	EXPECT_EQ(before.out_faults + 2, after.out_faults);
	EXPECT_EQ(before.out_write_faults + 2, after.out_write_faults);
	EXPECT_EQ(before.out_maps + 1, after.out_maps);
}

TEST_F(ivshmem, file)
{
	char buf[64] = "", *map;
	struct iovec iov[2] = { { buf, 3 }, { buf + 8, 5 } };
	int pipefd[2], append;
	loff_t pos;

	ASSERT_EQ(5, pwrite(self->a, "hello", 5, SIZE - 5));
	EXPECT_EQ(5, pread(self->a, buf, sizeof(buf), SIZE - 5));
	EXPECT_STREQ("hello", buf);
	EXPECT_EQ(0, pread(self->a, buf, sizeof(buf), SIZE));
	EXPECT_EQ(0, pread(self->a, buf, sizeof(buf), SIZE + 1));
	EXPECT_EQ(0, pread(self->a, buf, 0, 0));
	EXPECT_EQ(2, pwrite(self->a, "ab", 3, SIZE - 2));
	EXPECT_EQ(-1, pwrite(self->a, "ab", 1, SIZE));
	EXPECT_EQ(EFBIG, errno);
	EXPECT_EQ(8, preadv(self->a, iov, 2, SIZE - 8));
	append = vt_reopen(self->a, O_RDWR | O_APPEND);
	ASSERT_LE(0, append);
	EXPECT_EQ(-1, write(append, "x", 1));
	EXPECT_EQ(EFBIG, errno);

	EXPECT_EQ(SIZE, lseek(self->a, 0, SEEK_END));
	EXPECT_EQ(4097, lseek(self->a, 4097, SEEK_DATA));
	EXPECT_EQ(SIZE, lseek(self->a, 4097, SEEK_HOLE));
	EXPECT_EQ(-1, lseek(self->a, SIZE, SEEK_DATA));
	EXPECT_EQ(ENXIO, errno);
	EXPECT_EQ(0, fsync(self->a));

	/* Memory of the caller that is not there: what was done is told. */
	map = mmap(NULL, 2 * VT_PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, map);
	ASSERT_EQ(0, munmap(map + VT_PAGE, VT_PAGE));
	EXPECT_EQ(VT_PAGE, pread(self->a, map, 2 * VT_PAGE, 0));
	EXPECT_EQ(VT_PAGE, pwrite(self->a, map, 2 * VT_PAGE, 0));
	EXPECT_EQ(-1, pread(self->a, map + VT_PAGE, 1, 0));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, pwrite(self->a, map + VT_PAGE, 1, 0));
	EXPECT_EQ(EFAULT, errno);

	/* The caller's memory may be the region's own. */
	map = vt_map(self->a, 4 * VT_PAGE, RW, 0);
	ASSERT_NE(NULL, map);
	memset(map, 'm', VT_PAGE);
	EXPECT_EQ(VT_PAGE, pread(self->a, map + VT_PAGE, VT_PAGE, 0));
	EXPECT_EQ(VT_PAGE, pwrite(self->a, map + VT_PAGE, VT_PAGE, 3 * VT_PAGE));
	EXPECT_TRUE(vt_filled(map + 3 * VT_PAGE, 'm', VT_PAGE));

	ASSERT_EQ(0, pipe(pipefd));
	pos = 0;
	EXPECT_EQ(8, splice(self->a, &pos, pipefd[1], NULL, 8, 0));
	EXPECT_EQ(8, pos);
	pos = SIZE - 8;
	EXPECT_EQ(8, splice(pipefd[0], NULL, self->b, &pos, 8, 0));
	EXPECT_EQ(8, pread(self->a, buf, 8, SIZE - 8));
	EXPECT_EQ(0, memcmp(buf, "mmmmmmmm", 8));
}

TEST_F(ivshmem, beyond_the_end)
{
	char *map = vt_map(self->a, 2 * VT_PAGE, RW, SIZE - VT_PAGE);

	ASSERT_NE(NULL, map);
	EXPECT_LE(0, vt_peek(map));
	EXPECT_EQ(-SIGBUS, vt_peek(map + VT_PAGE));
	EXPECT_EQ(-SIGBUS, vt_poke(map + VT_PAGE, 1));
	map = vt_map(self->a, VT_PAGE, RW, 1L << 60);
	ASSERT_NE(NULL, map);
	EXPECT_EQ(-SIGBUS, vt_peek(map));
}

/* Says the error of a call that returns -1. */
#define REFUSED(err, call)						\
	do {								\
		errno = 0;						\
		EXPECT_EQ(-1, (long)(call));				\
		EXPECT_EQ(err, errno) {					\
			TH_LOG("%s", #call);				\
		}							\
	} while (0)

TEST_F(ivshmem, refused)
{
	struct vmshm_bind bind = {
		.size = sizeof(bind),
		.flags = VMSHM_BIND_USER,
		.vm_fd = -1,
		.nr_slots = 1,
	};
	struct vmshm_log_open log = { .size = sizeof(log) };
	struct vmshm_stat before, after;
	char *map;
	int bit;

	ASSERT_EQ(0, vt_stat(self->a, &before));
	map = vt_map(self->a, 2 * VT_PAGE, RW, 0);
	ASSERT_NE(NULL, map);

	REFUSED(EINVAL, mmap(NULL, VT_PAGE, RW, MAP_PRIVATE, self->a, 0));
	REFUSED(EINVAL, mmap(NULL, VT_PAGE, PROT_READ, MAP_PRIVATE, self->a, 0));
	REFUSED(EACCES, mmap(NULL, VT_PAGE, RW, MAP_SHARED,
			     vt_readonly(self->a), 0));
	REFUSED(EPERM, mmap(NULL, VT_PAGE, PROT_EXEC, MAP_SHARED, self->a, 0));
	REFUSED(EFAULT, mremap(map, 2 * VT_PAGE, 3 * VT_PAGE, MREMAP_MAYMOVE));
	REFUSED(EINVAL, madvise(map, VT_PAGE, MADV_DONTNEED));
	REFUSED(EOPNOTSUPP, madvise(map, VT_PAGE, MADV_REMOVE));

	EXPECT_EQ(0, vt_resize(self->a, SIZE));
	EXPECT_EQ(-EPERM, vt_resize(self->a, SIZE - VT_PAGE));
	EXPECT_EQ(-EPERM, vt_resize(self->a, 0));
	EXPECT_EQ(-EFBIG, vt_resize(self->a, SIZE + 1));
	REFUSED(EPERM, ftruncate(self->a, SIZE - 1));
	REFUSED(EFBIG, ftruncate(self->a, SIZE + 1));
	REFUSED(EOPNOTSUPP, fallocate(self->a, 0, 0, VT_PAGE));
	REFUSED(EOPNOTSUPP, fallocate(self->a, FALLOC_FL_KEEP_SIZE, 0, VT_PAGE));
	REFUSED(EOPNOTSUPP, fallocate(self->a, FALLOC_FL_KEEP_SIZE |
				      FALLOC_FL_PUNCH_HOLE, 0, VT_PAGE));
	REFUSED(EOPNOTSUPP, fallocate(self->a, FALLOC_FL_ZERO_RANGE, 0,
				      VT_PAGE));

	EXPECT_EQ(-EOPNOTSUPP, vt_ioctl(self->a, VMSHM_IOC_LOG_OPEN, &log));
	EXPECT_EQ(-EOPNOTSUPP, vt_ioctl(self->a, VMSHM_IOC_BIND, &bind));
	for (bit = 0; bit < 5; bit++)
		EXPECT_EQ(-EPERM, vt_seal(self->a, 1U << bit));
	EXPECT_EQ(0, vt_seal(self->a, 0));
	REFUSED(EINVAL, fcntl(self->a, F_ADD_SEALS, F_SEAL_WRITE));
	REFUSED(EINVAL, fcntl(self->a, F_GET_SEALS));

	EXPECT_EQ(-EPERM, vt_unlink(self->dev, VT_IVSHMEM VT_IVSHMEM_A));
	EXPECT_EQ(-EEXIST, vt_create(self->dev, VT_IVSHMEM VT_IVSHMEM_A, SIZE,
				     0, 0, 0600));
	EXPECT_EQ(-EOPNOTSUPP, vt_create(self->dev, "test/device", SIZE, 0,
					 VMSHM_DEVICE_MEMORY, 0600));
	EXPECT_EQ(-ENOENT, vt_open(self->dev, "test/device", 0));

	ASSERT_EQ(0, munmap(map, 2 * VT_PAGE));
	ASSERT_EQ(0, vt_stat(self->a, &after));
	EXPECT_EQ(before.out_region_size, after.out_region_size);
	EXPECT_EQ(before.out_seals, after.out_seals);
	EXPECT_EQ(before.out_maps, after.out_maps);
	EXPECT_EQ(1, after.out_linked);
}

TEST_F(ivshmem, readonly)
{
	int fd = vt_readonly(self->a);
	char *map, *rw;

	ASSERT_LE(0, fd);
	map = vt_map(fd, VT_PAGE, PROT_READ, 0);
	rw = vt_map(self->b, VT_PAGE, RW, 0);
	ASSERT_NE(NULL, map);
	ASSERT_NE(NULL, rw);
	EXPECT_EQ(0, vt_poke(rw, 'r'));
	EXPECT_EQ('r', vt_peek(map));
	EXPECT_EQ(-SIGSEGV, vt_poke(map, 'w'));
	REFUSED(EACCES, mprotect(map, VT_PAGE, RW));
	REFUSED(EBADF, pwrite(fd, "w", 1, 0));
	EXPECT_EQ(-EACCES, vt_reopen(fd, O_RDWR));
	EXPECT_EQ(-EACCES, vt_resize(fd, SIZE));
	EXPECT_EQ('r', vt_peek(map));
}

/* There are no pages that anybody could take. */
TEST_F(ivshmem, no_pages)
{
	char *map = vt_map(self->a, VT_PAGE, RW, 0), buf[8];
	struct iovec local = { buf, 8 }, remote = { map, 8 };
	struct vt_ring ring;

	ASSERT_NE(NULL, map);
	EXPECT_EQ(0, vt_poke(map, 0));
	REFUSED(EFAULT, syscall(SYS_futex, map, FUTEX_WAKE, 1, NULL, NULL, 0));
	REFUSED(EFAULT, process_vm_readv(getpid(), &local, 1, &remote, 1, 0));
	ASSERT_EQ(0, vt_ring_init(&ring));
	EXPECT_EQ(-EFAULT, vt_ring_register(&ring, map, VT_PAGE));
	vt_ring_exit(&ring);
}

/* What a debugger does, which cannot take pages. */
TEST_F(ivshmem, debugger)
{
	char *ro = vt_map(vt_readonly(self->a), VT_PAGE, PROT_READ, 0);
	char buf[16] = "", *map;
	int mem;

	ASSERT_NE(NULL, ro);
	/* With nothing behind it. */
	map = mmap(NULL, 2 * VT_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
		   -1, 0);
	ASSERT_NE(MAP_FAILED, map);
	ASSERT_EQ(map, mmap(map, VT_PAGE, RW, MAP_SHARED | MAP_FIXED, self->a,
			    SIZE - VT_PAGE));
	ASSERT_EQ(0, munmap(map + VT_PAGE, VT_PAGE));
	mem = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, mem);
	ASSERT_EQ(5, pwrite(self->b, "hello", 5, SIZE - VT_PAGE + 9));
	EXPECT_EQ(5, pread(mem, buf, 5, (long)map + 9));
	EXPECT_STREQ("hello", buf);
	EXPECT_EQ(3, pwrite(mem, "J--", 3, (long)map + 9));
	EXPECT_EQ(5, pread(self->b, buf, 5, SIZE - VT_PAGE + 9));
	EXPECT_STREQ("J--lo", buf);
	/* Up to the end of the mapping. */
	EXPECT_EQ(4, pread(mem, buf, 16, (long)map + VT_PAGE - 4));
	REFUSED(EIO, pwrite(mem, "x", 1, (long)ro));
	close(mem);
}

TEST_F(ivshmem, permission)
{
	struct vmshm_stat list[4];
	int fd;

	ASSERT_EQ(0, vt_act_as(VT_ALICE, VT_ALICE));
	EXPECT_EQ(-EACCES, vt_ivshmem_open(self->dev, VT_IVSHMEM_A, 0));
	EXPECT_EQ(-EACCES, vt_ivshmem_open(self->dev, VT_IVSHMEM_A,
					   VMSHM_OPEN_RDONLY));
	EXPECT_EQ(0, vt_list(self->dev, VT_IVSHMEM, 0, list, 4));
	EXPECT_EQ(-EPERM, vt_unlink(self->dev, VT_IVSHMEM VT_IVSHMEM_A));
	EXPECT_EQ(-EACCES, vt_create(self->dev, VT_IVSHMEM "mine", 4096, 0, 0,
				     0600));
	ASSERT_EQ(0, vt_act_as_root());

	ASSERT_EQ(0, fchmod(self->a, 0644));
	ASSERT_EQ(0, vt_act_as(VT_ALICE, VT_ALICE));
	EXPECT_EQ(1, vt_list(self->dev, VT_IVSHMEM, 0, list, 4));
	EXPECT_EQ(-EACCES, vt_ivshmem_open(self->dev, VT_IVSHMEM_A, 0));
	fd = vt_ivshmem_open(self->dev, VT_IVSHMEM_A, VMSHM_OPEN_RDONLY);
	EXPECT_LE(0, fd);
	EXPECT_NE(NULL, vt_map(fd, VT_PAGE, PROT_READ, 0));
	ASSERT_EQ(0, vt_act_as_root());
	EXPECT_EQ(-EOPNOTSUPP, vt_create(self->dev, "test/x", 4096, 0,
					 VMSHM_DEVICE_MEMORY, 0600));
}

TEST_F(ivshmem, members)
{
	struct vmshm_member list[8];
	const struct vmshm_member *m;
	struct vt_child child;
	struct vmshm_stat st;
	char *map, *ro;
	int fd;

	fd = vt_ivshmem_open(self->dev, VT_IVSHMEM_A, VMSHM_OPEN_RDONLY);
	ASSERT_LE(0, fd);
	map = vt_map(self->a, 3 * VT_PAGE, RW, VT_PAGE);
	ro = vt_map(fd, VT_PAGE, PROT_READ, 0);
	ASSERT_NE(NULL, map);
	ASSERT_NE(NULL, ro);
	close(fd);

	ASSERT_EQ(4, vt_members(self->a, list, 8));
	EXPECT_EQ(VMSHM_MEMBER_READ | VMSHM_MEMBER_WRITE, list[0].flags);
	EXPECT_EQ(VMSHM_MEMBER_READ | VMSHM_MEMBER_NO_FD, list[1].flags);
	EXPECT_EQ(VMSHM_MEMBER_MAP, list[2].type);
	EXPECT_EQ(VMSHM_MEMBER_READ, list[2].flags);
	EXPECT_EQ(0, list[2].offset);
	EXPECT_EQ(VMSHM_MEMBER_MAP, list[3].type);
	EXPECT_EQ(VMSHM_MEMBER_READ | VMSHM_MEMBER_WRITE, list[3].flags);
	EXPECT_EQ(VT_PAGE, list[3].offset);
	EXPECT_EQ(3 * VT_PAGE, list[3].length);
	EXPECT_EQ(getpid(), list[3].pid);

	/* Copied, cut, gone: each is counted. */
	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		VT_CHECK(vt_poke(map, 'c') == 0);
		VT_CHECK(!vt_tell(child.sock));
		vt_hear(child.sock);
		_exit(0);
	}
	ASSERT_EQ(0, vt_hear(child.sock));
	EXPECT_EQ('c', vt_peek(map));
	ASSERT_EQ(0, vt_stat(self->a, &st));
	EXPECT_EQ(4, st.out_maps);
	ASSERT_EQ(6, vt_members(self->a, list, 8));
	m = vt_find_member(list, 6, VMSHM_MEMBER_MAP, child.pid);
	EXPECT_NE(NULL, m);
	EXPECT_EQ(128 + SIGKILL, vt_kill(&child));

	ASSERT_EQ(0, munmap(map + VT_PAGE, VT_PAGE));
	ASSERT_EQ(0, vt_stat(self->a, &st));
	EXPECT_EQ(3, st.out_maps);
	EXPECT_EQ('c', vt_peek(map));
	EXPECT_LE(0, vt_peek(map + 2 * VT_PAGE));
	ASSERT_EQ(0, munmap(map, 3 * VT_PAGE));
	ASSERT_EQ(0, munmap(ro, VT_PAGE));
	ASSERT_EQ(0, vt_stat(self->a, &st));
	EXPECT_EQ(0, st.out_maps);
	EXPECT_EQ(1, st.out_opens);
}

/* A mapping that moves is the same memory still. */
TEST_F(ivshmem, moved)
{
	char *map = vt_map(self->a, 2 * VT_PAGE, RW, 0), *moved;

	ASSERT_NE(NULL, map);
	EXPECT_EQ(0, vt_poke(map, 'x'));
	moved = mmap(NULL, 2 * VT_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
		     -1, 0);
	ASSERT_NE(MAP_FAILED, moved);
	ASSERT_EQ(moved, mremap(map, 2 * VT_PAGE, 2 * VT_PAGE,
				MREMAP_MAYMOVE | MREMAP_FIXED, moved));
	EXPECT_EQ('x', vt_peek(moved));
	EXPECT_EQ(0, vt_poke(moved + VT_PAGE, 'y'));
	EXPECT_EQ(-SIGSEGV, vt_peek(map));
	EXPECT_TRUE(vt_file_filled(self->b, VT_PAGE, 'y', 1));
}

TEST_F(ivshmem, events)
{
	struct vmshm_event event;
	struct vmshm_stat st;
	int watch, fd;

	ASSERT_EQ(0, vt_stat(self->a, &st));
	watch = vt_watch(self->dev, VT_IVSHMEM, 0, NULL);
	ASSERT_LE(0, watch);
	fd = vt_ivshmem_open(self->dev, VT_IVSHMEM_A, VMSHM_OPEN_RDONLY);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, vt_next_event(watch, &event));
	EXPECT_EQ(VMSHM_EVENT_OPENED, event.type);
	EXPECT_EQ(st.out_generation, event.generation);
	EXPECT_EQ(getpid(), event.pid);
	EXPECT_EQ(VMSHM_MEMBER_READ, event.flags);
	close(fd);
	ASSERT_EQ(0, vt_next_event(watch, &event));
	EXPECT_EQ(VMSHM_EVENT_CLOSED, event.type);
	ASSERT_EQ(0, fchmod(self->a, 0600));
	ASSERT_EQ(0, vt_next_event(watch, &event));
	EXPECT_EQ(VMSHM_EVENT_ATTR, event.type);
	EXPECT_EQ(0600, event.value);
	EXPECT_TRUE(vt_no_event(watch));
}

/* Number of entries of a directory of the mounted tree that have this name. */
static int entries(const char *dir, const char *name)
{
	char path[PATH_MAX];
	DIR *stream = opendir(vt_path(path, dir));
	struct dirent *entry;
	int n = 0;

	if (!stream)
		return -errno;
	while ((entry = readdir(stream)))
		n += !strcmp(entry->d_name, name);
	closedir(stream);
	return n;
}

/* The inode is of another file system than the mounted tree. */
TEST_F(ivshmem, not_in_tree)
{
	char path[PATH_MAX];
	int fd;

	ASSERT_EQ(0, vt_mount(0));
	EXPECT_EQ(0, entries("", "ivshmem"));
	EXPECT_EQ(-ENOENT, entries("ivshmem", VT_IVSHMEM_A));
	EXPECT_EQ(-ENOENT, vt_open_path(VT_NAME_A, O_RDWR));

	/* A device beside what is there, and a name below that of a device. */
	fd = vt_create(self->dev, VT_NAME_A "/x", VT_PAGE, VT_PAGE,
		       VMSHM_EPHEMERAL, 0600);
	ASSERT_LE(0, fd);
	EXPECT_EQ(1, entries("", "ivshmem"));
	EXPECT_EQ(1, entries("ivshmem", VT_IVSHMEM_A));
	EXPECT_EQ(0, entries("ivshmem", VT_IVSHMEM_A " "));
	EXPECT_EQ(0, entries("ivshmem", VT_IVSHMEM_B));
	EXPECT_EQ(1, entries(VT_NAME_A, "x"));
	EXPECT_EQ(-1, access(vt_path(path, VT_IVSHMEM VT_IVSHMEM_B), F_OK));
	EXPECT_EQ(ENOENT, errno);
	EXPECT_EQ(-ENOENT, vt_open_path(VT_IVSHMEM VT_IVSHMEM_B, O_RDWR));
	close(fd);
}

TEST_HARNESS_MAIN
