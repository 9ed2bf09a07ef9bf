// SPDX-License-Identifier: GPL-2.0
/*
 * Seals mean what memfd_create(2) says: every combination of them is put on a
 * region and on a memfd, and the same is tried with both. What seals cannot be
 * put on because somebody may still write is in the second half.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <linux/falloc.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/uio.h>

#include "lib/harness.h"
#include "lib/vmshm_mem.h"

#define SIZE		(4 * VT_PAGE)
#define MAX_SIZE	(8 * VT_PAGE)
#define RW		(PROT_READ | PROT_WRITE)
#define ALL_SEALS	0x1f

/* The two kinds of file that are compared. */
struct peer {
	const char *name;
	int fd;
	int (*add)(int fd, unsigned int seals);
	int (*get)(int fd);
	char *map;	/* made before the seals, or NULL */
};

static int region_add(int fd, unsigned int seals)
{
	return vt_seal(fd, seals);
}

static int region_get(int fd)
{
	struct vmshm_stat st;
	int ret = vt_stat(fd, &st);

	return ret ? ret : (int)st.out_seals;
}

static int memfd_add(int fd, unsigned int seals)
{
	return fcntl(fd, F_ADD_SEALS, seals) ? -errno : 0;
}

static int memfd_get(int fd)
{
	int ret = fcntl(fd, F_GET_SEALS);

	return ret < 0 ? -errno : ret;
}

FIXTURE(seal) {
	int dev;
	struct peer peer[2];
};

static int open_peers(struct peer *peer, int dev)
{
	int i;

	peer[0] = (struct peer){ "region", .add = region_add, .get = region_get };
	peer[0].fd = vt_region(dev, "seal", SIZE, MAX_SIZE, 0);
	peer[1] = (struct peer){ "memfd", .add = memfd_add, .get = memfd_get };
	peer[1].fd = vt_memfd(SIZE);
	for (i = 0; i < 2; i++)
		if (peer[i].fd < 0 || pwrite(peer[i].fd, "hello", 5, 0) != 5)
			return -1;
	return 0;
}

static void close_peers(struct peer *peer)
{
	int i;

	for (i = 0; i < 2; i++) {
		if (peer[i].map)
			munmap(peer[i].map, SIZE);
		close(peer[i].fd);
	}
}

FIXTURE_SETUP(seal)
{
	self->dev = vt_device();
	ASSERT_LE(0, self->dev);
}

FIXTURE_TEARDOWN(seal)
{
	close(self->dev);
}

static int result(long ret)
{
	return ret < 0 ? -errno : (int)ret;
}

static int try_write(struct peer *p)
{
	return result(pwrite(p->fd, "h", 1, 0));
}

static int try_fallocate(struct peer *p)
{
	return result(fallocate(p->fd, 0, VT_PAGE, VT_PAGE));
}

static int try_punch(struct peer *p)
{
	return result(fallocate(p->fd,
				FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				2 * VT_PAGE, VT_PAGE));
}

/* New mappings: 0 if there can be one, 1 if it can be made writable as well. */
static int try_map(struct peer *p, int prot, int flags)
{
	char *map = mmap(NULL, SIZE, prot, flags, p->fd, 0);
	int ret = 0;

	if (map == MAP_FAILED)
		return -errno;
	if (vt_peek(map) < 0)
		ret = -EFAULT;
	else if (prot & PROT_WRITE)
		ret = vt_poke(map, 'h') ? -EFAULT : 1;
	else if (!mprotect(map, SIZE, RW))
		ret = vt_poke(map, 'h') ? -EFAULT : 1;
	munmap(map, SIZE);
	return ret;
}

static int try_map_shared_rw(struct peer *p)
{
	return try_map(p, RW, MAP_SHARED);
}

static int try_map_shared_read(struct peer *p)
{
	return try_map(p, PROT_READ, MAP_SHARED);
}

static int try_map_private_rw(struct peer *p)
{
	return try_map(p, RW, MAP_PRIVATE);
}

static int try_map_private_read(struct peer *p)
{
	return try_map(p, PROT_READ, MAP_PRIVATE);
}

static int try_old_mapping(struct peer *p)
{
	if (!p->map)
		return 0;
	if (mprotect(p->map, SIZE, RW))
		return -errno;
	return vt_poke(p->map, 'h');
}

static int try_old_mapping_remove(struct peer *p)
{
	if (!p->map)
		return 0;
	return result(madvise(p->map + 3 * VT_PAGE, VT_PAGE, MADV_REMOVE));
}

/* A region does not shrink while it is mapped: that is no seal's business. */
static int try_unmap(struct peer *p)
{
	if (p->map)
		munmap(p->map, SIZE);
	p->map = NULL;
	return 0;
}

static int try_grow(struct peer *p)
{
	return result(ftruncate(p->fd, SIZE + 1));
}

static int try_shrink(struct peer *p)
{
	return result(ftruncate(p->fd, SIZE - 1));
}

static int try_same_size(struct peer *p)
{
	return result(ftruncate(p->fd, vt_size(p->fd)));
}

static int try_seal_grow(struct peer *p)
{
	return p->add(p->fd, F_SEAL_GROW);
}

static int try_seal_write(struct peer *p)
{
	return p->add(p->fd, F_SEAL_WRITE);
}

static int try_seal_seal(struct peer *p)
{
	return p->add(p->fd, F_SEAL_SEAL);
}

static int try_get(struct peer *p)
{
	return p->get(p->fd);
}

static const struct {
	const char *name;
	int (*fn)(struct peer *p);
} tries[] = {
	{ "get", try_get },
	{ "write", try_write },
	{ "fallocate", try_fallocate },
	{ "punch a hole", try_punch },
	{ "map shared, writable", try_map_shared_rw },
	{ "map shared, to read", try_map_shared_read },
	{ "map private, writable", try_map_private_rw },
	{ "map private, to read", try_map_private_read },
	{ "write to an old mapping", try_old_mapping },
	{ "punch a hole through an old mapping", try_old_mapping_remove },
	{ "unmap", try_unmap },
	{ "grow", try_grow },
	{ "shrink", try_shrink },
	{ "same size", try_same_size },
	{ "add SEAL_GROW", try_seal_grow },
	{ "add SEAL_WRITE", try_seal_write },
	{ "write again", try_write },
	{ "add SEAL_SEAL", try_seal_seal },
	{ "add SEAL_SEAL again", try_seal_seal },
	{ "get again", try_get },
};

#define NR_TRIES	(ARRAY_SIZE(tries))

/* With @prot and @flags of a mapping that is there already. */
static void compare_all(struct __test_metadata *_metadata, int dev, int prot,
			int flags)
{
	unsigned int seals, n;
	struct peer peer[2];
	int i, ret[2];

	for (seals = 0; seals <= ALL_SEALS; seals++) {
		ASSERT_EQ(0, open_peers(peer, dev));
		for (i = 0; i < 2; i++) {
			if (flags) {
				peer[i].map = mmap(NULL, SIZE, prot, flags,
						   peer[i].fd, 0);
				ASSERT_NE(MAP_FAILED, peer[i].map);
				ASSERT_EQ('h', vt_peek(peer[i].map));
			}
			/* memfd says EINVAL to none at all. */
			ret[i] = seals ? peer[i].add(peer[i].fd, seals) : 0;
		}
		EXPECT_EQ(ret[1], ret[0]) {
			TH_LOG("adding seals %#x", seals);
		}
		for (n = 0; n < NR_TRIES; n++) {
			for (i = 0; i < 2; i++)
				ret[i] = tries[n].fn(&peer[i]);
			EXPECT_EQ(ret[1], ret[0]) {
				TH_LOG("seals %#x: %s", seals, tries[n].name);
			}
		}
		for (i = 0; i < 2; i++) {
			char buf[6] = "";

			EXPECT_EQ(5, pread(peer[i].fd, buf, 5, 0));
			EXPECT_STREQ("hello", buf);
		}
		close_peers(peer);
	}
}

TEST_F(seal, as_memfd)
{
	compare_all(_metadata, self->dev, 0, 0);
}

TEST_F(seal, as_memfd_mapped_writable)
{
	compare_all(_metadata, self->dev, RW, MAP_SHARED);
}

TEST_F(seal, as_memfd_mapped_to_read)
{
	compare_all(_metadata, self->dev, PROT_READ, MAP_SHARED);
}

TEST_F(seal, as_memfd_mapped_private)
{
	compare_all(_metadata, self->dev, RW, MAP_PRIVATE);
}

/* The tries would prove nothing if none of them were ever refused. */
TEST_F(seal, refuses)
{
	int fd = vt_region(self->dev, "refuses", SIZE, MAX_SIZE, 0);

	ASSERT_LE(0, fd);
	EXPECT_EQ(0, vt_seal(fd, VMSHM_SEAL_GROW));
	EXPECT_EQ(-EPERM, vt_resize(fd, SIZE + 1));
	EXPECT_EQ(0, vt_resize(fd, SIZE - 1));
	EXPECT_EQ(-EPERM, vt_resize(fd, SIZE));
	EXPECT_EQ(0, vt_seal(fd, VMSHM_SEAL_SHRINK));
	EXPECT_EQ(-EPERM, vt_resize(fd, SIZE - 2));
	EXPECT_EQ(1, pwrite(fd, "x", 1, 0));
	EXPECT_EQ(0, vt_seal(fd, VMSHM_SEAL_WRITE));
	EXPECT_EQ(-1, pwrite(fd, "x", 1, 0));
	EXPECT_EQ(EPERM, errno);
	EXPECT_EQ(VMSHM_SEAL_GROW | VMSHM_SEAL_SHRINK | VMSHM_SEAL_WRITE,
		  region_get(fd));
	EXPECT_EQ(0, vt_seal(fd, VMSHM_SEAL_SEAL));
	EXPECT_EQ(-EPERM, vt_seal(fd, VMSHM_SEAL_FUTURE_WRITE));
	EXPECT_EQ(-EPERM, vt_seal(fd, VMSHM_SEAL_WRITE));
	EXPECT_EQ(0, vt_seal(fd, 0));
	EXPECT_EQ(-EOPNOTSUPP, vt_seal(fd, ALL_SEALS + 1));
}

/* Also those that write in other ways, and other handles. */
TEST_F(seal, holds_for_all)
{
	int fd = vt_region(self->dev, "all", SIZE, MAX_SIZE, 0);
	struct io_uring_sqe sqe;
	struct vt_ring ring;
	loff_t off = 0;
	int other, p[2];

	ASSERT_LE(0, fd);
	other = vt_reopen(fd, O_RDWR);
	ASSERT_LE(0, other);
	ASSERT_EQ(0, vt_seal(fd, VMSHM_SEAL_WRITE | VMSHM_SEAL_SHRINK));
	EXPECT_EQ(-1, pwrite(other, "x", 1, 0));
	EXPECT_EQ(EPERM, errno);
	EXPECT_EQ(NULL, vt_map(other, SIZE, RW, 0));
	EXPECT_EQ(EPERM, errno);
	EXPECT_EQ(-EPERM, vt_reopen(fd, O_RDWR | O_TRUNC));
	other = vt_reopen(fd, O_RDWR);
	ASSERT_LE(0, other);
	EXPECT_EQ(-1, pwrite(other, "x", 1, 0));
	EXPECT_EQ(EPERM, errno);

	ASSERT_EQ(0, pipe(p));
	ASSERT_EQ(1, write(p[1], "x", 1));
	EXPECT_EQ(-1, splice(p[0], NULL, fd, &off, 1, 0));
	EXPECT_EQ(EPERM, errno);
	ASSERT_EQ(0, vt_ring_init(&ring));
	sqe = (struct io_uring_sqe) {
		.opcode = IORING_OP_WRITE,
		.fd = fd,
		.addr = (uintptr_t)"x",
		.len = 1,
	};
	EXPECT_EQ(-EPERM, vt_ring_do(&ring, &sqe));
	sqe.flags = IOSQE_ASYNC;
	EXPECT_EQ(-EPERM, vt_ring_do(&ring, &sqe));
	vt_ring_exit(&ring);
	EXPECT_TRUE(vt_file_filled(fd, 0, 0, SIZE));
	EXPECT_EQ(VMSHM_SEAL_WRITE | VMSHM_SEAL_SHRINK, region_get(other));
}

TEST_F(seal, future_write)
{
	int fd = vt_region(self->dev, "future", SIZE, 0, 0);
	struct vt_child child;
	char *rw, *ro, *moved;

	ASSERT_LE(0, fd);
	rw = vt_map(fd, SIZE, RW, 0);
	ro = vt_map(fd, SIZE, PROT_READ, 0);
	ASSERT_NE(NULL, rw);
	ASSERT_NE(NULL, ro);
	ASSERT_EQ(0, vt_seal(fd, VMSHM_SEAL_FUTURE_WRITE));
	EXPECT_EQ(0, vt_poke(rw, 'a'));
	EXPECT_EQ('a', vt_peek(ro));
	EXPECT_EQ(NULL, vt_map(fd, SIZE, RW, 0));
	EXPECT_EQ(EPERM, errno);
	EXPECT_EQ(-1, pwrite(fd, "x", 1, 0));
	EXPECT_EQ(EPERM, errno);
	/* The writer's mapping is the writer's, also moved and inherited. */
	moved = mremap(rw, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);
	ASSERT_NE(MAP_FAILED, moved);
	EXPECT_EQ(0, vt_poke(moved + VT_PAGE, 'b'));
	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		VT_CHECK(vt_poke(moved + 2 * VT_PAGE, 'c') == 0);
		_exit(0);
	}
	EXPECT_EQ(0, vt_wait(&child));
	EXPECT_EQ('c', vt_peek(ro + 2 * VT_PAGE));
	/* All of that has to go before WRITE. */
	EXPECT_EQ(-EBUSY, vt_seal(fd, VMSHM_SEAL_WRITE));
	munmap(rw, SIZE);
	EXPECT_EQ(-EBUSY, vt_seal(fd, VMSHM_SEAL_WRITE));
	munmap(moved, SIZE);
	EXPECT_EQ(-EBUSY, vt_seal(fd, VMSHM_SEAL_WRITE));
	munmap(ro, SIZE);
	EXPECT_EQ(0, vt_seal(fd, VMSHM_SEAL_WRITE));
}

TEST_F(seal, busy)
{
	int fd = vt_region(self->dev, "busy", SIZE, 0, 0);
	int readonly = vt_readonly(fd);
	struct vt_child child;
	char *map;

	ASSERT_LE(0, fd);
	map = vt_map(fd, VT_PAGE, RW, VT_PAGE);
	ASSERT_NE(NULL, map);
	EXPECT_EQ(-EBUSY, vt_seal(fd, VMSHM_SEAL_WRITE));
	/* All of them or none. */
	EXPECT_EQ(-EBUSY, vt_seal(fd, VMSHM_SEAL_WRITE | VMSHM_SEAL_GROW));
	EXPECT_EQ(0, region_get(fd));
	/* Whatever its protection is at the moment. */
	ASSERT_EQ(0, mprotect(map, VT_PAGE, PROT_NONE));
	EXPECT_EQ(-EBUSY, vt_seal(fd, VMSHM_SEAL_WRITE));
	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		vt_hear(child.sock);
		_exit(0);
	}
	ASSERT_EQ(0, munmap(map, VT_PAGE));
	EXPECT_EQ(-EBUSY, vt_seal(fd, VMSHM_SEAL_WRITE));
	EXPECT_EQ(0, vt_wait(&child));

	/* These cannot write, and may stay. */
	ASSERT_NE(NULL, vt_map(readonly, SIZE, PROT_READ, 0));
	map = mmap(NULL, SIZE, RW, MAP_PRIVATE, fd, 0);
	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(0, vt_poke(map, 'p'));
	EXPECT_EQ(0, vt_seal(fd, VMSHM_SEAL_WRITE));
	EXPECT_EQ(0, vt_poke(map + VT_PAGE, 'p'));
	EXPECT_TRUE(vt_file_filled(fd, 0, 0, SIZE));
}

/*
 * Waits until a seal can be added: what holds the pages is let go of by other
 * threads of the kernel, some time after the call that asked for it.
 */
static int seal_at_last(int fd)
{
	int ret, i;

	for (i = 0; i < VT_PATIENCE * 10; i++) {
		ret = vt_seal(fd, VMSHM_SEAL_WRITE);
		if (ret != -EBUSY)
			break;
		usleep(100000);
	}
	return ret;
}

/* References that outlive the mapping. */
TEST_F(seal, spliced_pages)
{
	struct peer peer[2];
	struct iovec iov;
	int i, p[2];
	char buf[8];

	ASSERT_EQ(0, open_peers(peer, self->dev));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, pipe(p));
		iov.iov_base = mmap(NULL, SIZE, RW, MAP_SHARED, peer[i].fd, 0);
		iov.iov_len = 8;
		ASSERT_NE(MAP_FAILED, iov.iov_base);
		ASSERT_EQ(8, vmsplice(p[1], &iov, 1, 0));
		ASSERT_EQ(0, munmap(iov.iov_base, SIZE));
		EXPECT_EQ(-EBUSY, peer[i].add(peer[i].fd, F_SEAL_WRITE)) {
			TH_LOG("%s", peer[i].name);
		}
		EXPECT_EQ(0, peer[i].get(peer[i].fd));
		/* Refused, it can be mapped and written as before. */
		EXPECT_EQ(1, try_map_shared_rw(&peer[i]));
		EXPECT_EQ(8, read(p[0], buf, sizeof(buf)));
		EXPECT_EQ(0, peer[i].add(peer[i].fd, F_SEAL_WRITE));
		close(p[0]);
		close(p[1]);
	}
	close_peers(peer);
}

TEST_F(seal, fixed_buffers)
{
	struct vt_ring ring;
	char *map;
	int fd;

	fd = vt_region(self->dev, "fixed", SIZE, 0, VMSHM_PINNABLE);
	ASSERT_LE(0, fd);
	map = vt_map(fd, SIZE, RW, 0);
	ASSERT_NE(NULL, map);
	EXPECT_EQ(-EBUSY, vt_seal(fd, VMSHM_SEAL_WRITE));
	ASSERT_EQ(0, vt_ring_init(&ring));
	ASSERT_EQ(0, vt_ring_register(&ring, map, 2 * VT_PAGE));
	ASSERT_EQ(0, munmap(map, SIZE));
	EXPECT_EQ(-EBUSY, vt_seal(fd, VMSHM_SEAL_WRITE));
	EXPECT_EQ(0, vt_seal(fd, VMSHM_SEAL_GROW | VMSHM_SEAL_FUTURE_WRITE));
	EXPECT_EQ(-EBUSY, vt_seal(fd, VMSHM_SEAL_WRITE));
	ASSERT_EQ(0, vt_ring_unregister(&ring));
	EXPECT_EQ(0, seal_at_last(fd));
	vt_ring_exit(&ring);
}

#define NULL_BLK	"/dev/nullb0"

/* A disk that takes half a second for everything, and reads nothing. */
static bool slow_disk(void)
{
	if (system("modprobe null_blk nr_devices=1 queue_mode=2 irqmode=2 "
		   "completion_nsec=500000000 submit_queues=1"))
		return false;
	return !access(NULL_BLK, F_OK);
}

static bool ring_is_done(const struct vt_ring *ring)
{
	const __u32 *tail = ring->rings + ring->params.cq_off.tail;
	const __u32 *head = ring->rings + ring->params.cq_off.head;

	return __atomic_load_n(tail, __ATOMIC_ACQUIRE) != *head;
}

/* A disk that is still going to write there. */
TEST_F(seal, direct_io)
{
	struct io_uring_sqe sqe = {
		.opcode = IORING_OP_READ,
		.len = 2 * VT_PAGE,
	};
	struct vt_ring ring;
	bool in_flight = false;
	int fd, disk, ret, i;
	char *map;

	ASSERT_TRUE(slow_disk());
	disk = open(NULL_BLK, O_RDONLY | O_DIRECT | O_CLOEXEC);
	ASSERT_LE(0, disk);
	ASSERT_EQ(0, vt_ring_init(&ring));
	sqe.fd = disk;
	for (i = 0; i < 20 && !in_flight; i++) {
		fd = vt_region(self->dev, "direct", SIZE, 0, 0);
		ASSERT_LE(0, fd);
		map = vt_map(fd, SIZE, RW, 0);
		ASSERT_NE(NULL, map);
		sqe.addr = (uintptr_t)map;
		ASSERT_EQ(0, vt_ring_start(&ring, &sqe));
		ASSERT_EQ(0, munmap(map, SIZE));
		ret = vt_seal(fd, VMSHM_SEAL_WRITE);
		/* On a busy machine the disk may have been faster. */
		in_flight = !ring_is_done(&ring);
		if (in_flight) {
			EXPECT_EQ(-EBUSY, ret);
		}
		EXPECT_EQ((int)sqe.len, vt_ring_wait(&ring));
		EXPECT_EQ(0, seal_at_last(fd));
		close(fd);
	}
	EXPECT_TRUE(in_flight);
	vt_ring_exit(&ring);
	close(disk);
	EXPECT_EQ(0, system("modprobe -r null_blk"));
}

TEST_F(seal, read_only_handles)
{
	int fd = vt_region(self->dev, "handles", SIZE, 0, 0);
	int readonly = vt_readonly(fd);
	int reading = vt_reopen(fd, O_RDONLY);
	int writing = vt_reopen(fd, O_WRONLY);
	struct vmshm_seal arg = { .size = sizeof(arg) };

	EXPECT_EQ(-EACCES, vt_seal(readonly, VMSHM_SEAL_GROW));
	EXPECT_EQ(-EACCES, vt_seal(reading, VMSHM_SEAL_GROW));
	EXPECT_EQ(0, region_get(fd));
	EXPECT_EQ(0, vt_seal(writing, VMSHM_SEAL_GROW));
	EXPECT_EQ(0, vt_ioctl(readonly, VMSHM_IOC_SEAL, &arg));
	EXPECT_EQ(VMSHM_SEAL_GROW, arg.out_seals);
	arg = (struct vmshm_seal) {
		.size = sizeof(arg), .add = VMSHM_SEAL_SHRINK,
	};
	EXPECT_EQ(0, vt_ioctl(fd, VMSHM_IOC_SEAL, &arg));
	EXPECT_EQ(VMSHM_SEAL_GROW | VMSHM_SEAL_SHRINK, arg.out_seals);
}

/*
 * While somebody writes in one of the ways there are, as fast as possible, the
 * seal is put on. After that nothing may change.
 */
struct writer {
	int fd;
	int stop;
	unsigned long written;
	int (*fn)(struct writer *w, unsigned char n);
};

static int write_by_map(struct writer *w, unsigned char n)
{
	char *map = vt_map(w->fd, SIZE, RW, 0);
	int ret;

	if (!map)
		return -errno;
	ret = vt_poke(map, n);
	sched_yield();
	ret |= vt_poke(map, n + 1);
	munmap(map, SIZE);
	return ret;
}

static int write_by_mprotect(struct writer *w, unsigned char n)
{
	char *map = vt_map(w->fd, SIZE, PROT_READ, 0);
	int ret;

	if (!map)
		return -errno;
	sched_yield();
	ret = mprotect(map, SIZE, RW) ? -EPERM : vt_poke(map, n);
	munmap(map, SIZE);
	return ret;
}

static int write_by_mremap(struct writer *w, unsigned char n)
{
	char *map = vt_map(w->fd, VT_PAGE, RW, 0);
	char *second;
	int ret;

	if (!map)
		return -errno;
	second = mremap(map, 0, SIZE, MREMAP_MAYMOVE);
	munmap(map, VT_PAGE);
	sched_yield();
	ret = vt_poke(second, n);
	munmap(second, SIZE);
	return ret;
}

static int write_by_call(struct writer *w, unsigned char n)
{
	return pwrite(w->fd, &n, 1, 0) < 0 ? -errno : 0;
}

/* What the buffer is in is unmapped before the pipe is read into it. */
static int write_by_splice(struct writer *w, unsigned char n)
{
	struct iovec iov = { .iov_len = 1 };
	int p[2], ret = 0;
	char *map, c;

	map = vt_map(w->fd, VT_PAGE, RW, 0);
	if (!map)
		return -errno;
	vt_poke(map, n);
	if (pipe(p)) {
		munmap(map, VT_PAGE);
		return 0;
	}
	iov.iov_base = map;
	if (vmsplice(p[1], &iov, 1, 0) != 1)
		ret = -EIO;
	munmap(map, VT_PAGE);
	sched_yield();
	if (read(p[0], &c, 1) != 1)
		ret = -EIO;
	close(p[0]);
	close(p[1]);
	return ret;
}

static void *writer(void *arg)
{
	struct writer *w = arg;
	unsigned char n = 0;

	while (!__atomic_load_n(&w->stop, __ATOMIC_ACQUIRE)) {
		if (!w->fn(w, ++n))
			__atomic_add_fetch(&w->written, 1, __ATOMIC_RELAXED);
		if (n % 4 == 0)
			usleep(100);
	}
	return NULL;
}

FIXTURE(seal_race) {
	int dev;
};

FIXTURE_VARIANT(seal_race) {
	int (*fn)(struct writer *w, unsigned char n);
	__u32 flags;
};

FIXTURE_VARIANT_ADD(seal_race, map) {
	.fn = write_by_map,
};

FIXTURE_VARIANT_ADD(seal_race, map_pinnable) {
	.fn = write_by_map,
	.flags = VMSHM_PINNABLE,
};

FIXTURE_VARIANT_ADD(seal_race, mprotect) {
	.fn = write_by_mprotect,
};

FIXTURE_VARIANT_ADD(seal_race, mremap) {
	.fn = write_by_mremap,
};

FIXTURE_VARIANT_ADD(seal_race, call) {
	.fn = write_by_call,
};

FIXTURE_VARIANT_ADD(seal_race, splice) {
	.fn = write_by_splice,
};

FIXTURE_SETUP(seal_race)
{
	self->dev = vt_device();
	ASSERT_LE(0, self->dev);
}

FIXTURE_TEARDOWN(seal_race)
{
	close(self->dev);
}

#define RACES	15

TEST_F(seal_race, sealed_is_sealed)
{
	unsigned long busy = 0, written = 0;
	bool by_call = variant->fn == write_by_call;
	int i, ret;

	/* A system call is waited for, a mapping is not. */
	for (i = 0; i < RACES || (!busy && !by_call && i < 20 * RACES); i++) {
		struct writer w = { .fn = variant->fn };
		pthread_t thread;
		unsigned char c;

		w.fd = vt_region(self->dev, "race", SIZE, 0, variant->flags);
		ASSERT_LE(0, w.fd);
		ASSERT_EQ(0, pthread_create(&thread, NULL, writer, &w));
		while (__atomic_load_n(&w.written, __ATOMIC_RELAXED) < 5)
			usleep(500);
		do {
			ret = vt_seal(w.fd, VMSHM_SEAL_WRITE);
			if (ret) {
				ASSERT_EQ(-EBUSY, ret);
				busy++;
				usleep(busy % 7 * 50);
			}
		} while (ret);
		ASSERT_EQ(1, pread(w.fd, &c, 1, 0));
		written += __atomic_load_n(&w.written, __ATOMIC_RELAXED);
		/* Some more attempts. */
		usleep(3000);
		__atomic_store_n(&w.stop, 1, __ATOMIC_RELEASE);
		ASSERT_EQ(0, pthread_join(thread, NULL));
		EXPECT_TRUE(vt_file_filled(w.fd, 0, c, 1));
		close(w.fd);
	}
	TH_LOG("refused %lu times, %lu writes before the seal", busy, written);
	if (by_call) {
		EXPECT_EQ(0, busy);
	} else {
		EXPECT_LT(0, busy);
	}
}

TEST_HARNESS_MAIN
