// SPDX-License-Identifier: GPL-2.0
/*
 * What VMMs and device back-ends that are not in Debian do with the memory file
 * they are given, call by call: cloud-hypervisor, Firecracker, crosvm, vhost-user
 * back-ends (libvhost-user, rust-vmm, DPDK), libvfio-user and the ivshmem
 * client. QEMU itself is run by qemu.sh.
 *
 * Every sequence runs on a region of base pages, on one of huge pages and on a
 * PINNABLE one. Regions are reached as these programs reach them: by a path
 * below /proc/self/fd or in a mounted tree, or by a descriptor that came over a
 * socket.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/kcmp.h>
#include <linux/mempolicy.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#include "lib/harness.h"
#include "lib/vmshm_mount.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE	23
#endif
#ifndef HUGETLBFS_MAGIC
#define HUGETLBFS_MAGIC		0x958458f6
#endif
#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY	1
#endif

#define PAGE	4096UL
#define MIB	(1UL << 20)
/* Not a multiple of a huge page: rounding up to one would go beyond the end. */
#define SIZE	(17 * MIB)

/* As a boot loader, a guest or another process would leave something there. */
#define PATTERN(offset)	(0x5a17c0de00000000ULL + (offset))

FIXTURE(clients) {
	int dev;
	int fd;
	char name[VMSHM_NAME_MAX + 1];
	char path[PATH_MAX];
};

FIXTURE_VARIANT(clients) {
	__u32 flags;
	__u32 huge;
	bool mounted;
};

FIXTURE_VARIANT_ADD(clients, base) {
	.huge = VMSHM_HUGE_NEVER,
};

FIXTURE_VARIANT_ADD(clients, huge) {
	.huge = VMSHM_HUGE_ALWAYS,
};

FIXTURE_VARIANT_ADD(clients, pinnable) {
	.flags = VMSHM_PINNABLE,
	.huge = VMSHM_HUGE_NEVER,
};

FIXTURE_VARIANT_ADD(clients, mounted) {
	.huge = VMSHM_HUGE_NEVER,
	.mounted = true,
};

static int create(int dev, const char *name, __u64 size, __u32 flags,
		  __u32 huge)
{
	struct vmshm_create arg = {
		.size = sizeof(arg),
		.flags = flags | VMSHM_EPHEMERAL,
		.region_size = size,
		.max_size = 2 * SIZE,
		.mode = 0600,
		.huge = huge,
	};
	int ret;

	strcpy((char *)arg.name, name);
	ret = vt_ioctl(dev, VMSHM_IOC_CREATE, &arg);
	return ret < 0 ? ret : arg.out_fd;
}

FIXTURE_SETUP(clients)
{
	self->dev = vt_device();
	ASSERT_LE(0, self->dev);
	self->fd = create(self->dev, vt_name(self->name, "memory"), SIZE,
			  variant->flags, variant->huge);
	ASSERT_LE(0, self->fd);
	snprintf(self->path, sizeof(self->path), "/proc/self/fd/%d", self->fd);
	if (variant->mounted) {
		int created = self->fd;

		ASSERT_EQ(0, vt_mount(0));
		vt_path(self->path, self->name);
		self->fd = open(self->path, O_RDWR | O_CLOEXEC);
		ASSERT_LE(0, self->fd);
		close(created);
	}
}

FIXTURE_TEARDOWN(clients)
{
	close(self->fd);
	close(self->dev);
}

static bool put(int fd, __u64 offset)
{
	__u64 value = PATTERN(offset);

	return pwrite(fd, &value, sizeof(value), offset) == sizeof(value);
}

static __u64 get(int fd, __u64 offset)
{
	__u64 value = 0;

	return pread(fd, &value, sizeof(value), offset) == sizeof(value) ?
		value : ~0ULL;
}

/* Another process may write there, and does. */
static __u64 load(void *map, __u64 offset)
{
	return __atomic_load_n((__u64 *)(map + offset), __ATOMIC_SEQ_CST);
}

static void store(void *map, __u64 offset, __u64 value)
{
	__atomic_store_n((__u64 *)(map + offset), value, __ATOMIC_SEQ_CST);
}

static __u64 allocated(int fd)
{
	struct vmshm_stat stat;

	return vt_stat(fd, &stat) ? ~0ULL : (__u64)stat.out_allocated;
}

/* A reservation to put mappings into, as VMMs make one for all guest memory. */
static void *reserve(size_t size)
{
	return mmap(NULL, size, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

static long bind_to_node(void *addr, size_t len, unsigned int node)
{
	unsigned long mask = 1UL << node;

	return syscall(SYS_mbind, addr, len, MPOL_BIND, &mask,
		       8 * sizeof(mask), MPOL_MF_STRICT | MPOL_MF_MOVE);
}

static int userfault(void *addr, size_t len, bool missing_in_it)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = {
		.range = { .start = (uintptr_t)addr, .len = len },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	int uffd;

	uffd = syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
	if (uffd < 0)
		return -errno;
	if (ioctl(uffd, UFFDIO_API, &api) ||
	    (missing_in_it && !(api.features & UFFD_FEATURE_MISSING_SHMEM)) ||
	    ioctl(uffd, UFFDIO_REGISTER, &reg)) {
		int err = errno;

		close(uffd);
		return -err;
	}
	return uffd;
}

/* --memory size=0 --memory-zone id=0,size=..,file=PATH,shared=on,prefault=on */
TEST_F(clients, cloud_hypervisor_zone)
{
	/* Below and above the hole for 32-bit devices. */
	const __u64 low = 5 * MIB;
	struct statfs fs;
	struct stat st;
	void *map[2];
	int fd;

	ASSERT_TRUE(put(self->fd, 0));
	ASSERT_TRUE(put(self->fd, low));

	ASSERT_EQ(0, statfs(self->path, &fs));
	/* Zones are aligned to the larger of this and the page size. */
	EXPECT_EQ(PAGE, fs.f_bsize);
	EXPECT_NE(HUGETLBFS_MAGIC, fs.f_type);
	ASSERT_EQ(0, stat(self->path, &st));
	EXPECT_TRUE(S_ISREG(st.st_mode));

	fd = open(self->path, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, fd);
	map[0] = mmap(NULL, low, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_NORESERVE, fd, 0);
	ASSERT_NE(MAP_FAILED, map[0]);
	map[1] = mmap(NULL, SIZE - low, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_NORESERVE, fd, low);
	ASSERT_NE(MAP_FAILED, map[1]);

	EXPECT_EQ(0, bind_to_node(map[0], low, 0));
	EXPECT_EQ(0, bind_to_node(map[1], SIZE - low, 0));
	EXPECT_EQ(0, madvise(map[0], low, MADV_HUGEPAGE));
	EXPECT_EQ(0, madvise(map[0], low, MADV_MERGEABLE));
	EXPECT_EQ(0, madvise(map[0], low, MADV_DONTDUMP));
	/* There is no fall-back: an error ends the VMM. */
	ASSERT_EQ(0, madvise(map[0], low, MADV_POPULATE_WRITE));
	ASSERT_EQ(0, madvise(map[1], SIZE - low, MADV_POPULATE_WRITE));
	EXPECT_LE(SIZE, allocated(self->fd));

	EXPECT_EQ(PATTERN(0), load(map[0], 0));
	EXPECT_EQ(PATTERN(low), load(map[1], 0));
	store(map[1], 3 * MIB, PATTERN(3));
	EXPECT_EQ(PATTERN(3), get(self->fd, low + 3 * MIB));
}

/* Its balloon and its virtio-mem give memory back. */
TEST_F(clients, cloud_hypervisor_balloon)
{
	const __u64 hole = 4 * MIB, len = 2 * MIB;
	struct vt_child child;
	__u64 full;
	void *map;
	int fd;

	fd = open(self->path, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, fd);
	map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_NORESERVE, fd, 0);
	ASSERT_NE(MAP_FAILED, map);
	ASSERT_EQ(0, madvise(map, SIZE, MADV_POPULATE_WRITE));
	full = allocated(self->fd);
	ASSERT_LE(SIZE, full);
	store(map, hole - PAGE, PATTERN(1));
	store(map, hole, PATTERN(2));
	store(map, hole + len, PATTERN(3));

	/* A back-end in another process has the same memory. */
	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		VT_CHECK(load(map, hole) == PATTERN(2));
		VT_CHECK(vt_tell(child.sock) == 0);
		VT_CHECK(vt_hear(child.sock) == 0);
		VT_CHECK(load(map, hole - PAGE) == PATTERN(1));
		VT_CHECK(load(map, hole) == 0);
		VT_CHECK(load(map, hole + len) == PATTERN(3));
		_exit(0);
	}
	EXPECT_EQ(0, vt_hear(child.sock));
	ASSERT_EQ(0, fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			       hole, len));
	ASSERT_EQ(0, madvise(map + hole, len, MADV_DONTNEED));
	EXPECT_EQ(full - len, allocated(self->fd));
	EXPECT_EQ(PATTERN(1), load(map, hole - PAGE));
	EXPECT_EQ(0, load(map, hole));
	EXPECT_EQ(PATTERN(3), load(map, hole + len));
	EXPECT_EQ(0, vt_tell(child.sock));
	EXPECT_EQ(0, vt_wait(&child));
}

/* --memory-zone id=0,size=..,file=PATH,shared=off */
TEST_F(clients, cloud_hypervisor_private_zone)
{
	void *map;
	int fd;

	ASSERT_TRUE(put(self->fd, MIB));
	fd = open(self->path, O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_NORESERVE, fd, 0);
	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(PATTERN(MIB), load(map, MIB));
	store(map, MIB, PATTERN(1));
	EXPECT_EQ(PATTERN(1), load(map, MIB));
	EXPECT_EQ(PATTERN(MIB), get(self->fd, MIB));
}

/* --ivshmem path=..,size=..: a part of the region, a power of two */
TEST_F(clients, cloud_hypervisor_ivshmem)
{
	const __u64 size = 16 * MIB;
	struct stat st;
	void *map;
	int fd;

	ASSERT_EQ(0, stat(self->path, &st));
	ASSERT_LE(size, (__u64)st.st_size);
	fd = open(self->path, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, fd);
	map = mmap(NULL, size, PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_NORESERVE, fd, 0);
	ASSERT_NE(MAP_FAILED, map);
	store(map, size - sizeof(__u64), PATTERN(7));
	EXPECT_EQ(PATTERN(7), get(self->fd, size - sizeof(__u64)));
}

/* Local migration hands the zones over by descriptor, to another process. */
TEST_F(clients, cloud_hypervisor_local_migration)
{
	struct vt_child child;
	void *map;
	int fd;

	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		fd = vt_recv_fd(child.sock);
		VT_CHECK(fd >= 0);
		map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		VT_CHECK(map != MAP_FAILED);
		VT_CHECK(load(map, MIB) == PATTERN(1));
		store(map, MIB, PATTERN(2));
		_exit(0);
	}

	fd = open(self->path, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, fd);
	map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_NORESERVE, fd, 0);
	ASSERT_NE(MAP_FAILED, map);
	store(map, MIB, PATTERN(1));
	ASSERT_EQ(0, vt_send_fd(child.sock, fd));
	EXPECT_EQ(0, vt_wait(&child));
	EXPECT_EQ(PATTERN(2), load(map, MIB));
}

/* A snapshot's memory file, mapped piece by piece into one reservation. */
static void firecracker_restore(struct __test_metadata *_metadata,
				const char *path, void **guest)
{
	const __u64 part[] = { 3 * MIB, SIZE - 3 * MIB };
	struct stat st;
	__u64 offset = 0;
	size_t i;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, fstat(fd, &st));
	ASSERT_LE(SIZE, (__u64)st.st_size);
	*guest = reserve(SIZE);
	ASSERT_NE(MAP_FAILED, *guest);
	for (i = 0; i < 2; i++) {
		void *at = *guest + offset;

		ASSERT_EQ(at, mmap(at, part[i], PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_NORESERVE | MAP_FIXED,
				   fd, offset));
		offset += part[i];
	}
	close(fd);
}

/* Several microVMs start from one template. */
TEST_F(clients, firecracker_template)
{
	const __u64 at = 3 * MIB + PAGE;
	char path[64];
	void *guest[2];
	int readonly, i;

	ASSERT_TRUE(put(self->fd, at));
	readonly = vt_readonly(self->fd);
	ASSERT_LE(0, readonly);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", readonly);
	firecracker_restore(_metadata, self->path, &guest[0]);
	firecracker_restore(_metadata, path, &guest[1]);
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(PATTERN(at), load(guest[i], at));
		store(guest[i], at, PATTERN(i));
		store(guest[i], 0, PATTERN(10 + i));
	}
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(PATTERN(i), load(guest[i], at));
		EXPECT_EQ(PATTERN(10 + i), load(guest[i], 0));
	}
	EXPECT_EQ(PATTERN(at), get(self->fd, at));
	EXPECT_EQ(0, get(self->fd, 0));
}

/* Writes a snapshot's memory file; the region is there already. */
TEST_F(clients, firecracker_snapshot)
{
	char *buf;
	int fd;

	buf = malloc(MIB);
	ASSERT_NE(NULL, buf);
	memset(buf, 0x7e, MIB);
	fd = open(self->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ftruncate(fd, SIZE));
	ASSERT_EQ(2 * MIB, (__u64)lseek(fd, 2 * MIB, SEEK_SET));
	ASSERT_EQ(MIB, (__u64)write(fd, buf, MIB));
	EXPECT_EQ(3 * MIB, (__u64)lseek(fd, 0, SEEK_CUR));
	EXPECT_EQ(0, fsync(fd));
	EXPECT_EQ(0x7e7e7e7e7e7e7e7eULL, get(self->fd, 3 * MIB - 8));
	EXPECT_EQ(0, get(self->fd, 3 * MIB));
	free(buf);
}

struct uffd_handler {
	int uffd;
	int region;
	int error;
};

/* The handler maps the snapshot and fills the guest's memory from it. */
static void *uffd_handler(void *arg)
{
	struct uffd_handler *h = arg;
	struct uffdio_copy copy = { 0 };
	struct uffd_msg msg;
	void *map;

	h->error = 1;
	map = mmap(NULL, SIZE, PROT_READ, MAP_PRIVATE, h->region, 0);
	if (map == MAP_FAILED ||
	    read(h->uffd, &msg, sizeof(msg)) != sizeof(msg) ||
	    msg.event != UFFD_EVENT_PAGEFAULT)
		return NULL;
	copy.dst = msg.arg.pagefault.address & ~(PAGE - 1);
	copy.src = (uintptr_t)map + MIB;
	copy.len = PAGE;
	if (ioctl(h->uffd, UFFDIO_COPY, &copy) || copy.copy != PAGE)
		return NULL;
	h->error = 0;
	return NULL;
}

TEST_F(clients, firecracker_uffd)
{
	struct uffd_handler handler = { .region = self->fd };
	pthread_t thread;
	void *guest;

	ASSERT_TRUE(put(self->fd, MIB));
	guest = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, guest);
	handler.uffd = userfault(guest, PAGE, false);
	ASSERT_LE(0, handler.uffd);
	ASSERT_EQ(0, pthread_create(&thread, NULL, uffd_handler, &handler));
	EXPECT_EQ(PATTERN(MIB), load(guest, 0));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, handler.error);
}

/* --file-backed-mapping addr=..,size=..,path=/proc/self/fd/N,offset=..,rw,sync */
TEST_F(clients, crosvm_file_backed_mapping)
{
	const __u64 offset = 2 * MIB, size = 8 * MIB;
	struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	void *guest, *map;
	int ret, fd;

	ASSERT_TRUE(put(self->fd, offset));
	fd = open(self->path, O_RDWR | O_SYNC | O_CLOEXEC);
	ASSERT_LE(0, fd);
	/* Only a seal against writing would change anything. */
	ret = fcntl(self->fd, F_GET_SEALS);
	EXPECT_TRUE(ret == -1 || !(ret & F_SEAL_WRITE));

	guest = reserve(2 * size);
	ASSERT_NE(MAP_FAILED, guest);
	map = mmap(guest + MIB, size, PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_FIXED, fd, offset);
	ASSERT_EQ(guest + MIB, map);
	EXPECT_EQ(0, madvise(map, size, MADV_DONTDUMP));
	EXPECT_EQ(0, madvise(map, size, MADV_MERGEABLE));
	EXPECT_EQ(0, madvise(map, size, MADV_DONTFORK));
	EXPECT_EQ(PATTERN(offset), load(map, 0));
	store(map, size - sizeof(__u64), PATTERN(9));
	EXPECT_EQ(PATTERN(9), get(self->fd, offset + size - sizeof(__u64)));
	EXPECT_EQ(0, msync(map, size, MS_SYNC));

	ASSERT_EQ(0, setrlimit(RLIMIT_MEMLOCK, &unlimited));
	EXPECT_EQ(0, mlock(map, size));
	EXPECT_EQ(0, munlock(map, size));

	/* SharedMemory::from_file() */
	EXPECT_EQ(SIZE, (__u64)lseek(self->fd, 0, SEEK_END));
}

TEST_F(clients, crosvm_balloon)
{
	__u64 full;
	void *map;

	map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, self->fd, 0);
	ASSERT_NE(MAP_FAILED, map);
	ASSERT_EQ(0, madvise(map, SIZE, MADV_POPULATE_WRITE));
	full = allocated(self->fd);
	ASSERT_LE(SIZE, full);
	store(map, 4 * MIB, PATTERN(1));
	store(map, 8 * MIB, PATTERN(2));

	ASSERT_EQ(0, madvise(map + 4 * MIB, 2 * MIB, MADV_REMOVE));
	EXPECT_EQ(full - 2 * MIB, allocated(self->fd));
	ASSERT_EQ(0, fallocate(self->fd,
			       FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			       8 * MIB, 2 * MIB));
	EXPECT_EQ(full - 4 * MIB, allocated(self->fd));
	EXPECT_EQ(0, load(map, 4 * MIB));
	EXPECT_EQ(0, get(self->fd, 8 * MIB));
	EXPECT_EQ(SIZE, (__u64)lseek(self->fd, 0, SEEK_END));
}

/* Snapshots save what there is and leave the holes out. */
TEST_F(clients, crosvm_sparse_snapshot)
{
	const bool huge = variant->huge == VMSHM_HUGE_ALWAYS;
	const __u64 at = 6 * MIB, unit = huge ? 2 * MIB : PAGE;
	off_t data, hole;

	ASSERT_TRUE(put(self->fd, at));
	data = lseek(self->fd, 0, SEEK_DATA);
	ASSERT_EQ(at, (__u64)data);
	hole = lseek(self->fd, data, SEEK_HOLE);
	ASSERT_EQ(at + unit, (__u64)hole);
	ASSERT_EQ(-1, lseek(self->fd, hole, SEEK_DATA));
	EXPECT_EQ(ENXIO, errno);
	EXPECT_EQ(hole, lseek(self->fd, hole, SEEK_HOLE));
}

/*
 * Back-ends get the descriptor over a socket. They run as another user, who may
 * not open the region.
 */
static int backend(int sock)
{
	char path[64];
	int fd;

	VT_CHECK(vt_become(VT_ALICE) == 0);
	fd = vt_recv_fd(sock);
	VT_CHECK(fd >= 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	VT_CHECK(open(path, O_RDWR) == -1 && errno == EACCES);
	return fd;
}

/* SET_MEM_TABLE and ADD_MEM_REG in qemu-storage-daemon, virtiofsd and others */
TEST_F(clients, libvhost_user)
{
	const __u64 mmap_offset = 4 * MIB, size = 8 * MIB;
	struct vt_child child;
	void *map;
	int fd;

	ASSERT_TRUE(put(self->fd, mmap_offset));
	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		fd = backend(child.sock);
		map = mmap(NULL, size + mmap_offset, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_NORESERVE, fd, 0);
		VT_CHECK(map != MAP_FAILED);
		close(fd);
		VT_CHECK(load(map, mmap_offset) == PATTERN(mmap_offset));
		store(map, mmap_offset + size - sizeof(__u64), PATTERN(1));
		VT_CHECK(munmap(map, size + mmap_offset) == 0);
		_exit(0);
	}
	ASSERT_EQ(0, vt_send_fd(child.sock, self->fd));
	EXPECT_EQ(0, vt_wait(&child));
	EXPECT_EQ(PATTERN(1), get(self->fd, mmap_offset + size - sizeof(__u64)));
}

/* The same in the crates vhost-user-backend and vm-memory, old and new */
TEST_F(clients, rust_vmm)
{
	const __u64 mmap_offset = 4 * MIB, size = 8 * MIB;
	struct vt_child child;
	void *map;
	int fd;

	ASSERT_TRUE(put(self->fd, mmap_offset));
	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		fd = backend(child.sock);
		/* Up to 0.16 it wanted to see that the mapping is in the file */
		VT_CHECK(lseek(fd, 0, SEEK_END) >= (off_t)(mmap_offset + size));
		VT_CHECK(lseek(fd, 0, SEEK_SET) == 0);
		map = mmap(NULL, size, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_NORESERVE, fd, mmap_offset);
		VT_CHECK(map != MAP_FAILED);
		VT_CHECK(load(map, 0) == PATTERN(mmap_offset));
		store(map, PAGE, PATTERN(2));
		_exit(0);
	}
	ASSERT_EQ(0, vt_send_fd(child.sock, self->fd));
	EXPECT_EQ(0, vt_wait(&child));
	EXPECT_EQ(PATTERN(2), get(self->fd, mmap_offset + PAGE));
}

/* lib/vhost rounds the length up to st_blksize and maps that much. */
TEST_F(clients, dpdk_vhost)
{
	const __u64 mmap_offset = MIB, size = SIZE - mmap_offset;
	struct vt_child child;
	__u64 mmap_size;
	struct stat st;
	void *map;
	int fd;

	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		fd = backend(child.sock);
		VT_CHECK(fstat(fd, &st) == 0);
		VT_CHECK(st.st_blksize > 0 &&
			 !(st.st_blksize & (st.st_blksize - 1)));
		mmap_size = (size + mmap_offset + st.st_blksize - 1) &
			-(__u64)st.st_blksize;
		VT_CHECK(mmap_size <= (__u64)st.st_size);
		map = mmap(NULL, mmap_size, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_POPULATE, fd, 0);
		VT_CHECK(map != MAP_FAILED);
		VT_CHECK(madvise(map, mmap_size, MADV_DONTDUMP) == 0);
		store(map, SIZE - sizeof(__u64), PATTERN(3));
		_exit(0);
	}
	ASSERT_EQ(0, vt_send_fd(child.sock, self->fd));
	EXPECT_EQ(0, vt_wait(&child));
	EXPECT_EQ(PATTERN(3), get(self->fd, SIZE - sizeof(__u64)));
	/* MAP_POPULATE */
	EXPECT_LE(SIZE, allocated(self->fd));
}

/* Postcopy in a back-end: missing pages of the region are to be reported. */
TEST_F(clients, vhost_user_postcopy)
{
	struct uffd_handler handler;
	struct vt_child child;
	pthread_t thread;
	void *map;
	int fd;

	ASSERT_TRUE(put(self->fd, MIB));
	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		fd = backend(child.sock);
		map = mmap(NULL, SIZE, PROT_NONE, MAP_SHARED | MAP_NORESERVE,
			   fd, 0);
		VT_CHECK(map != MAP_FAILED);
		VT_CHECK(madvise(map, SIZE, MADV_DONTNEED) == 0);
		VT_CHECK(madvise(map, SIZE, MADV_NOHUGEPAGE) == 0);
		handler.region = fd;
		handler.uffd = userfault(map, SIZE, true);
		if (!(variant->flags & VMSHM_PINNABLE)) {
			/* Only PINNABLE regions promise it. */
			VT_CHECK(handler.uffd == -EINVAL);
			_exit(0);
		}
		VT_CHECK(handler.uffd >= 0);
		VT_CHECK(mprotect(map, SIZE, PROT_READ | PROT_WRITE) == 0);
		VT_CHECK(pthread_create(&thread, NULL, uffd_handler,
					&handler) == 0);
		/* What is there is not missing, what is not is filled in. */
		VT_CHECK(load(map, MIB) == PATTERN(MIB));
		VT_CHECK(load(map, 5 * MIB) == PATTERN(MIB));
		VT_CHECK(pthread_join(thread, NULL) == 0);
		VT_CHECK(handler.error == 0);
		_exit(0);
	}
	ASSERT_EQ(0, vt_send_fd(child.sock, self->fd));
	EXPECT_EQ(0, vt_wait(&child));
	if (variant->flags & VMSHM_PINNABLE)
		EXPECT_EQ(PATTERN(MIB), get(self->fd, 5 * MIB));
}

struct dma_region {
	dev_t dev;
	ino_t ino;
	int flags;
};

static int dma_region(int fd, struct dma_region *r)
{
	struct stat st;

	r->flags = fcntl(fd, F_GETFL);
	if (r->flags < 0 || fstat(fd, &st))
		return -errno;
	r->dev = st.st_dev;
	r->ino = st.st_ino;
	return 0;
}

static bool same_dma_region(const struct dma_region *a,
			    const struct dma_region *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->flags == b->flags;
}

/*
 * VFIO_USER_DMA_MAP: descriptors of one file are mapped once, by kcmp() or by
 * what fstat() says where that is not to be had. Two regions taken for one
 * would have the device write into the wrong memory.
 */
TEST_F(clients, libvfio_user_identity)
{
	struct dma_region first, again, other;
	char name[VMSHM_NAME_MAX + 1];
	int fd2, copy, reopened;

	fd2 = create(self->dev, vt_name(name, "other"), SIZE, variant->flags,
		     variant->huge);
	ASSERT_LE(0, fd2);
	copy = dup(self->fd);
	ASSERT_LE(0, copy);
	reopened = open(self->path, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, reopened);

	EXPECT_EQ(0, syscall(SYS_kcmp, getpid(), getpid(), KCMP_FILE, self->fd,
			     copy));
	EXPECT_LT(0, syscall(SYS_kcmp, getpid(), getpid(), KCMP_FILE, self->fd,
			     fd2));
	ASSERT_EQ(0, dma_region(self->fd, &first));
	ASSERT_EQ(0, dma_region(copy, &again));
	EXPECT_TRUE(same_dma_region(&first, &again));
	ASSERT_EQ(0, dma_region(reopened, &again));
	EXPECT_TRUE(same_dma_region(&first, &again));
	ASSERT_EQ(0, dma_region(fd2, &other));
	EXPECT_FALSE(same_dma_region(&first, &other));
	EXPECT_NE(first.ino, other.ino);
	EXPECT_EQ(O_RDWR, first.flags & O_ACCMODE);
}

TEST_F(clients, libvfio_user_dma)
{
	const __u64 offset = 3 * MIB + 5 * PAGE, len = 4 * MIB;
	struct vt_child child;
	__u64 page, start;
	struct stat st;
	__u64 value;
	void *map;
	int fd;

	ASSERT_TRUE(put(self->fd, offset));
	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		fd = backend(child.sock);
		VT_CHECK(fstat(fd, &st) == 0);
		page = st.st_blksize > (blksize_t)PAGE ? (__u64)st.st_blksize :
			PAGE;
		start = offset & -page;
		map = mmap(NULL, len + offset - start, PROT_READ | PROT_WRITE,
			   MAP_SHARED, fd, start);
		VT_CHECK(map != MAP_FAILED);
		VT_CHECK(madvise(map, len, MADV_DONTDUMP) == 0);
		VT_CHECK(load(map, offset - start) == PATTERN(offset));
		store(map, offset - start, PATTERN(4));

		/* A client that forbids mapping is served by file I/O. */
		VT_CHECK(pread(fd, &value, sizeof(value), offset) ==
			 sizeof(value) && value == PATTERN(4));
		value = PATTERN(5);
		VT_CHECK(pwrite(fd, &value, sizeof(value), offset + PAGE) ==
			 sizeof(value));
		VT_CHECK(load(map, offset - start + PAGE) == PATTERN(5));
		_exit(0);
	}
	ASSERT_EQ(0, vt_send_fd(child.sock, self->fd));
	EXPECT_EQ(0, vt_wait(&child));
	EXPECT_EQ(PATTERN(4), get(self->fd, offset));
	EXPECT_EQ(PATTERN(5), get(self->fd, offset + PAGE));
}

/* The memory that an ivshmem server sends; its size becomes that of the BAR. */
TEST_F(clients, ivshmem_doorbell)
{
	struct vt_child child;
	void *guest, *map;
	struct statfs fs;
	struct stat st;
	int fd, flags;

	ASSERT_EQ(0, vt_resize(self->fd, 16 * MIB));
	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		fd = backend(child.sock);
		flags = fcntl(fd, F_GETFL);
		VT_CHECK(flags >= 0);
		VT_CHECK(fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) == 0);
		VT_CHECK(fstat(fd, &st) == 0);
		VT_CHECK(st.st_size == 16 * MIB);
		VT_CHECK(lseek(fd, 0, SEEK_END) == st.st_size);
		VT_CHECK(fstatfs(fd, &fs) == 0);
		VT_CHECK(fs.f_type != HUGETLBFS_MAGIC);
		guest = reserve(st.st_size + PAGE);
		VT_CHECK(guest != MAP_FAILED);
		map = mmap(guest, st.st_size, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_FIXED, fd, 0);
		VT_CHECK(map == guest);
		madvise(map, st.st_size, MADV_HUGEPAGE);
		VT_CHECK(madvise(map, st.st_size, MADV_DONTFORK) == 0);
		store(map, 0, PATTERN(6));
		_exit(0);
	}
	ASSERT_EQ(0, vt_send_fd(child.sock, self->fd));
	EXPECT_EQ(0, vt_wait(&child));
	EXPECT_EQ(PATTERN(6), get(self->fd, 0));
}

TEST_HARNESS_MAIN
