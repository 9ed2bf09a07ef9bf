// SPDX-License-Identifier: GPL-2.0
/*
 * PINNABLE regions: their mappings are shmem's own, so that what wants to know
 * its memory for a long time (userfaultfd, fixed buffers of io_uring, and as
 * these VFIO and RDMA) works. In exchange they cannot be counted, and shrink only
 * if their users cope.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "lib/harness.h"
#include "lib/vmshm_env.h"
#include "lib/vmshm_mem.h"

#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY	1
#endif
#ifndef UFFD_FEATURE_WP_HUGETLBFS_SHMEM
#define UFFD_FEATURE_WP_HUGETLBFS_SHMEM	(1 << 12)
#endif

#define RW		(PROT_READ | PROT_WRITE)
#define SIZE		(4 * VT_PAGE)
#define MAX_SIZE	(8 * VT_PAGE)

FIXTURE(pinnable) {
	int dev;
	int fd;
	char *map;
};

FIXTURE_SETUP(pinnable)
{
	self->dev = vt_device();
	ASSERT_LE(0, self->dev);
	self->fd = vt_region(self->dev, "pinnable", SIZE, MAX_SIZE,
			     VMSHM_PINNABLE);
	ASSERT_LE(0, self->fd);
	self->map = vt_map(self->fd, SIZE, RW, 0);
	ASSERT_NE(NULL, self->map);
}

FIXTURE_TEARDOWN(pinnable)
{
	close(self->fd);
	close(self->dev);
}

static int uffd_open(__u64 features)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };
	int uffd;

	uffd = syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
	if (uffd < 0)
		return -errno;
	if (ioctl(uffd, UFFDIO_API, &api)) {
		int err = errno;

		close(uffd);
		return -err;
	}
	return uffd;
}

static int uffd_register(int uffd, void *addr, size_t len, __u64 mode)
{
	struct uffdio_register reg = {
		.range = { .start = (uintptr_t)addr, .len = len },
		.mode = mode,
	};

	return ioctl(uffd, UFFDIO_REGISTER, &reg) ? -errno : 0;
}

/* Waits for a fault. Returns the address, or NULL. */
static char *uffd_fault(int uffd, __u64 *flags)
{
	struct pollfd pfd = { .fd = uffd, .events = POLLIN };
	struct uffd_msg msg;

	if (poll(&pfd, 1, VT_PATIENCE * 1000) != 1 ||
	    read(uffd, &msg, sizeof(msg)) != sizeof(msg) ||
	    msg.event != UFFD_EVENT_PAGEFAULT)
		return NULL;
	*flags = msg.arg.pagefault.flags;
	return (char *)(uintptr_t)(msg.arg.pagefault.address & ~(VT_PAGE - 1));
}

struct access {
	char *at;
	bool write;
	int ret;
};

static void *do_access(void *arg)
{
	struct access *a = arg;

	a->ret = a->write ? vt_poke(a->at, 'W') : vt_peek(a->at);
	return NULL;
}

TEST_F(pinnable, userfaultfd_missing)
{
	static char page[VT_PAGE];
	struct access a = { .at = self->map + VT_PAGE + 8 };
	struct uffdio_copy copy = { .src = (uintptr_t)page, .len = VT_PAGE };
	struct uffdio_zeropage zero = { .range.len = VT_PAGE };
	pthread_t thread;
	__u64 flags;
	int uffd;

	memset(page, 'U', sizeof(page));
	uffd = uffd_open(UFFD_FEATURE_MISSING_SHMEM);
	ASSERT_LE(0, uffd);
	ASSERT_EQ(0, uffd_register(uffd, self->map, SIZE,
				   UFFDIO_REGISTER_MODE_MISSING));
	ASSERT_EQ(0, pthread_create(&thread, NULL, do_access, &a));
	ASSERT_EQ(self->map + VT_PAGE, uffd_fault(uffd, &flags));
	copy.dst = (uintptr_t)self->map + VT_PAGE;
	EXPECT_EQ(0, ioctl(uffd, UFFDIO_COPY, &copy));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ('U', a.ret);
	/* It is the region's now. */
	EXPECT_TRUE(vt_file_filled(self->fd, VT_PAGE, 'U', VT_PAGE));

	a = (struct access){ .at = self->map, .write = true };
	ASSERT_EQ(0, pthread_create(&thread, NULL, do_access, &a));
	ASSERT_EQ(self->map, uffd_fault(uffd, &flags));
	EXPECT_NE(0, flags & UFFD_PAGEFAULT_FLAG_WRITE);
	zero.range.start = (uintptr_t)self->map;
	EXPECT_EQ(0, ioctl(uffd, UFFDIO_ZEROPAGE, &zero));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, a.ret);
	EXPECT_TRUE(vt_file_filled(self->fd, 0, 'W', 1));

	/* Once it is there, nobody is asked. */
	EXPECT_EQ(1, pwrite(self->fd, "x", 1, 2 * VT_PAGE));
	EXPECT_EQ('x', vt_peek(self->map + 2 * VT_PAGE));
	close(uffd);
}

TEST_F(pinnable, userfaultfd_minor)
{
	struct access a = { .at = self->map + VT_PAGE };
	struct uffdio_continue cont = { .range.len = VT_PAGE };
	pthread_t thread;
	__u64 flags;
	int uffd;

	ASSERT_EQ(1, pwrite(self->fd, "m", 1, VT_PAGE));
	uffd = uffd_open(UFFD_FEATURE_MINOR_SHMEM);
	ASSERT_LE(0, uffd);
	ASSERT_EQ(0, uffd_register(uffd, self->map, SIZE,
				   UFFDIO_REGISTER_MODE_MINOR));
	ASSERT_EQ(0, pthread_create(&thread, NULL, do_access, &a));
	ASSERT_EQ(self->map + VT_PAGE, uffd_fault(uffd, &flags));
	EXPECT_NE(0, flags & UFFD_PAGEFAULT_FLAG_MINOR);
	cont.range.start = (uintptr_t)self->map + VT_PAGE;
	EXPECT_EQ(0, ioctl(uffd, UFFDIO_CONTINUE, &cont));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ('m', a.ret);
	close(uffd);
}

/* As QEMU's background snapshots do. */
TEST_F(pinnable, userfaultfd_write_protect)
{
	struct access a = { .at = self->map, .write = true };
	struct uffdio_writeprotect wp = {
		.range = { .start = (uintptr_t)self->map, .len = SIZE },
		.mode = UFFDIO_WRITEPROTECT_MODE_WP,
	};
	pthread_t thread;
	__u64 flags;
	int uffd;

	memset(self->map, 'p', SIZE);
	uffd = uffd_open(UFFD_FEATURE_WP_HUGETLBFS_SHMEM);
	ASSERT_LE(0, uffd);
	ASSERT_EQ(0, uffd_register(uffd, self->map, SIZE,
				   UFFDIO_REGISTER_MODE_WP));
	ASSERT_EQ(0, ioctl(uffd, UFFDIO_WRITEPROTECT, &wp));
	EXPECT_EQ('p', vt_peek(self->map));
	ASSERT_EQ(0, pthread_create(&thread, NULL, do_access, &a));
	ASSERT_EQ(self->map, uffd_fault(uffd, &flags));
	EXPECT_NE(0, flags & UFFD_PAGEFAULT_FLAG_WP);
	EXPECT_TRUE(vt_file_filled(self->fd, 0, 'p', 1));
	wp.mode = 0;
	EXPECT_EQ(0, ioctl(uffd, UFFDIO_WRITEPROTECT, &wp));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, a.ret);
	EXPECT_TRUE(vt_file_filled(self->fd, 0, 'W', 1));
	close(uffd);
}

/* Ordinary regions have faults of their own, which userfaultfd knows nothing of. */
TEST_F(pinnable, userfaultfd_of_others)
{
	int fd = vt_region(self->dev, "ordinary", SIZE, 0, 0);
	char *map;
	int uffd;

	ASSERT_LE(0, fd);
	map = vt_map(fd, SIZE, RW, 0);
	ASSERT_NE(NULL, map);
	uffd = uffd_open(UFFD_FEATURE_MISSING_SHMEM | UFFD_FEATURE_MINOR_SHMEM);
	ASSERT_LE(0, uffd);
	EXPECT_EQ(-EINVAL, uffd_register(uffd, map, SIZE,
					 UFFDIO_REGISTER_MODE_MISSING));
	EXPECT_EQ(-EINVAL, uffd_register(uffd, map, SIZE,
					 UFFDIO_REGISTER_MODE_MINOR));
	EXPECT_EQ(0, vt_peek(map));
	close(uffd);
	close(fd);
}

/* Pinned for as long as it is registered, whatever becomes of the mapping. */
TEST_F(pinnable, fixed_buffers)
{
	struct io_uring_sqe sqe;
	struct vt_ring ring;
	int file;

	file = vt_memfd(SIZE);
	ASSERT_LE(0, file);
	ASSERT_EQ(5, pwrite(file, "hello", 5, 0));
	ASSERT_EQ(0, vt_ring_init(&ring));
	ASSERT_EQ(0, vt_ring_register(&ring, self->map, SIZE));
	sqe = (struct io_uring_sqe) {
		.opcode = IORING_OP_READ_FIXED,
		.fd = file,
		.addr = (uintptr_t)self->map + VT_PAGE,
		.len = 5,
	};
	EXPECT_EQ(5, vt_ring_do(&ring, &sqe));
	EXPECT_EQ(0, memcmp(self->map + VT_PAGE, "hello", 5));
	EXPECT_TRUE(vt_file_filled(self->fd, VT_PAGE, 'h', 1));

	/* It grows meanwhile, and what was mapped goes. */
	ASSERT_EQ(0, vt_resize(self->fd, MAX_SIZE));
	ASSERT_EQ(0, munmap(self->map, SIZE));
	sqe.addr += VT_PAGE;
	EXPECT_EQ(5, vt_ring_do(&ring, &sqe));
	EXPECT_TRUE(vt_file_filled(self->fd, 2 * VT_PAGE, 'h', 1));
	sqe.opcode = IORING_OP_WRITE_FIXED;
	sqe.off = 100;
	EXPECT_EQ(5, vt_ring_do(&ring, &sqe));
	EXPECT_TRUE(vt_file_filled(file, 100, 'h', 1));
	EXPECT_EQ(0, vt_ring_unregister(&ring));
	vt_ring_exit(&ring);
}

TEST_F(pinnable, huge)
{
	struct vt_ring ring;
	char *map;
	int fd;

	fd = vt_region_huge(self->dev, "huge", VT_HUGE, 0, VMSHM_PINNABLE,
			    VMSHM_HUGE_ALWAYS);
	ASSERT_LE(0, fd);
	map = vt_map(fd, VT_HUGE, RW, 0);
	ASSERT_NE(NULL, map);
	EXPECT_EQ(0, vt_poke(map, 'h'));
	EXPECT_EQ(VT_HUGE, (size_t)vt_smaps(map, "ShmemPmdMapped"));
	ASSERT_EQ(0, vt_ring_init(&ring));
	EXPECT_EQ(0, vt_ring_register(&ring, map, VT_HUGE));
	vt_ring_exit(&ring);
	munmap(map, VT_HUGE);
	close(fd);
}

/* What is not seen is not counted, and so charged in full. */
TEST_F(pinnable, stat)
{
	struct vmshm_member member[4];
	struct vmshm_stat st;

	EXPECT_EQ(0, vt_poke(self->map, 'x'));
	ASSERT_EQ(0, vt_stat(self->fd, &st));
	EXPECT_EQ(VMSHM_PINNABLE | VMSHM_EPHEMERAL, st.out_flags);
	EXPECT_EQ(0, st.out_maps);
	EXPECT_EQ(0, st.out_faults);
	EXPECT_EQ(VT_PAGE, st.out_allocated);
	EXPECT_EQ(SIZE, st.out_charged);
	ASSERT_EQ(0, vt_resize(self->fd, MAX_SIZE));
	ASSERT_EQ(0, vt_stat(self->fd, &st));
	EXPECT_EQ(MAX_SIZE, st.out_charged);
	/* But who maps it is known. */
	ASSERT_EQ(2, vt_members(self->fd, member, 4));
	EXPECT_EQ(VMSHM_MEMBER_OPEN, member[0].type);
	EXPECT_EQ(VMSHM_MEMBER_MAP, member[1].type);
	EXPECT_EQ(getpid(), member[1].pid);
	EXPECT_EQ(SIZE, member[1].length);
}

/* A mapping keeps the memory, though neither name nor file. */
TEST_F(pinnable, mapping_outlives_the_name)
{
	char name[VMSHM_NAME_MAX + 1];
	struct vmshm_info before, after;

	ASSERT_EQ(0, vt_info(self->dev, &before));
	EXPECT_EQ(0, vt_poke(self->map, 'x'));
	close(self->fd);
	EXPECT_EQ(-ENOENT, vt_open(self->dev, vt_name(name, "pinnable"), 0));
	EXPECT_EQ('x', vt_peek(self->map));
	EXPECT_EQ(0, vt_poke(self->map + SIZE - 1, 'y'));
	EXPECT_EQ(-SIGBUS, vt_peek(mremap(self->map, SIZE, MAX_SIZE,
					  MREMAP_MAYMOVE) + SIZE));
	ASSERT_EQ(0, vt_info(self->dev, &after));
	EXPECT_EQ(before.out_regions_used - 1, after.out_regions_used);

	self->fd = vt_create(self->dev, name, SIZE, 0, VMSHM_EPHEMERAL, 0600);
	ASSERT_LE(0, self->fd);
	EXPECT_TRUE(vt_file_filled(self->fd, 0, 0, SIZE));
}

/* Nobody is charged for memory that a mapping alone keeps, whatever it does. */
TEST_F(pinnable, remove_after_close)
{
	struct vmshm_info before, after;

	memset(self->map, 'x', SIZE);
	close(self->fd);
	ASSERT_EQ(0, vt_info(self->dev, &before));
	ASSERT_EQ(0, madvise(self->map, SIZE / 2, MADV_REMOVE));
	ASSERT_EQ(0, vt_info(self->dev, &after));
	EXPECT_EQ(before.out_bytes_used, after.out_bytes_used);
	EXPECT_EQ(0, vt_peek(self->map));
	EXPECT_EQ('x', vt_peek(self->map + SIZE - 1));

	self->fd = vt_region(self->dev, "another", SIZE, 0, VMSHM_PINNABLE);
	ASSERT_LE(0, self->fd);
}

/* It is charged in full, so that growing meets the limit. */
TEST_F(pinnable, grow_limit)
{
	long long saved = vt_param_get("bytes_user_mb");
	struct vmshm_stat st;
	int fd, ret;

	ASSERT_LE(0, saved);
	fd = vt_region(self->dev, "grows", SIZE, 64 * VT_MIB, VMSHM_PINNABLE);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, vt_param_set("bytes_user_mb", 16));
	ret = vt_resize(fd, 64 * VT_MIB);
	ASSERT_EQ(0, vt_param_set("bytes_user_mb", saved));
	EXPECT_EQ(-EDQUOT, ret);
	ASSERT_EQ(0, vt_stat(fd, &st));
	EXPECT_EQ(SIZE, st.out_region_size);
	EXPECT_EQ(SIZE, st.out_charged);
	EXPECT_EQ(0, vt_resize(fd, 64 * VT_MIB));
	close(fd);
}

TEST_HARNESS_MAIN
