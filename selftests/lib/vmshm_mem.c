// SPDX-License-Identifier: GPL-2.0
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <setjmp.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "lib/vmshm_mem.h"

int vt_region_huge(int dev, const char *suffix, __u64 size, __u64 max_size,
		   __u32 flags, __u32 huge)
{
	struct vmshm_create arg = {
		.size = sizeof(arg),
		.flags = flags | VMSHM_EPHEMERAL,
		.region_size = size,
		.max_size = max_size,
		.mode = 0600,
		.huge = huge,
	};
	char name[VMSHM_NAME_MAX + 1];
	int ret;

	strcpy((char *)arg.name, vt_name(name, suffix));
	ret = vt_ioctl(dev, VMSHM_IOC_CREATE, &arg);
	return ret < 0 ? ret : arg.out_fd;
}

int vt_region(int dev, const char *suffix, __u64 size, __u64 max_size,
	      __u32 flags)
{
	return vt_region_huge(dev, suffix, size, max_size, flags,
			      VMSHM_HUGE_NEVER);
}

long long vt_size(int fd)
{
	struct stat st;

	return fstat(fd, &st) ? -errno : (long long)st.st_size;
}

void *vt_map(int fd, size_t len, int prot, off_t offset)
{
	void *addr = mmap(NULL, len, prot, MAP_SHARED, fd, offset);

	return addr == MAP_FAILED ? NULL : addr;
}

static __thread sigjmp_buf fault_env;
static __thread volatile sig_atomic_t fault_expected;

static void fault_handler(int sig)
{
	if (fault_expected)
		siglongjmp(fault_env, sig);
	/* Not one of ours: end as if there were no handler. */
	signal(sig, SIG_DFL);
	raise(sig);
}

/* Once for all threads; doing it again does no harm. */
static void catch_faults(void)
{
	static bool done;
	struct sigaction action = { .sa_handler = fault_handler };

	if (__atomic_load_n(&done, __ATOMIC_ACQUIRE))
		return;
	sigaction(SIGBUS, &action, NULL);
	sigaction(SIGSEGV, &action, NULL);
	__atomic_store_n(&done, true, __ATOMIC_RELEASE);
}

int vt_peek(const void *addr)
{
	volatile int ret;
	int sig;

	catch_faults();
	/* With the signal mask: the handler runs with its signal blocked. */
	sig = sigsetjmp(fault_env, 1);
	if (!sig) {
		fault_expected = 1;
		ret = *(const volatile unsigned char *)addr;
	} else {
		ret = -sig;
	}
	fault_expected = 0;
	return ret;
}

int vt_poke(void *addr, unsigned char value)
{
	int sig;

	catch_faults();
	sig = sigsetjmp(fault_env, 1);
	if (!sig) {
		fault_expected = 1;
		*(volatile unsigned char *)addr = value;
	}
	fault_expected = 0;
	return -sig;
}

bool vt_filled(const void *addr, unsigned char value, size_t len)
{
	const unsigned char *p = addr;
	size_t i;

	/* Each byte is the one before: fast, also where CPUs are emulated. */
	if (!len || (*p == value && !memcmp(p, p + 1, len - 1)))
		return true;
	for (i = 0; i < len; i++) {
		if (p[i] != value) {
			printf("# byte %zu of %zu is %#x, not %#x\n", i, len,
			       p[i], value);
			return false;
		}
	}
	return true;
}

bool vt_file_filled(int fd, off_t offset, unsigned char value, size_t len)
{
	unsigned char buf[16 * VT_PAGE];

	while (len) {
		size_t want = len < sizeof(buf) ? len : sizeof(buf);
		ssize_t got = pread(fd, buf, want, offset);

		if (got <= 0) {
			printf("# cannot read at %lld: %zd\n",
			       (long long)offset, got);
			return false;
		}
		if (!vt_filled(buf, value, got)) {
			printf("# at offset %lld\n", (long long)offset);
			return false;
		}
		offset += got;
		len -= got;
	}
	return true;
}

/* The number behind "KEY:" at the beginning of a line, in bytes. */
static bool kilobytes(const char *line, const char *key, long long *bytes)
{
	size_t len = strlen(key);

	if (strncmp(line, key, len) || line[len] != ':')
		return false;
	*bytes = strtoll(line + len + 1, NULL, 10) * 1024;
	return true;
}

long long vt_smaps(const void *addr, const char *key)
{
	unsigned long start, end;
	long long bytes = -ENOENT;
	bool inside = false;
	char line[1024];
	FILE *f;

	f = fopen("/proc/self/smaps", "re");
	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			inside = start <= (uintptr_t)addr &&
				 (uintptr_t)addr < end;
		else if (inside && kilobytes(line, key, &bytes))
			break;
	}
	fclose(f);
	return bytes;
}

long long vt_meminfo(const char *key)
{
	long long bytes = -ENOENT;
	char line[256];
	FILE *f;

	f = fopen("/proc/meminfo", "re");
	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f))
		if (kilobytes(line, key, &bytes))
			break;
	fclose(f);
	return bytes;
}

int vt_reopen(int fd, int flags)
{
	char path[64];
	int ret;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ret = open(path, flags);
	return ret < 0 ? -errno : ret;
}

int vt_memfd(size_t size)
{
	int fd = memfd_create("peer", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, size)) {
		int err = errno;

		close(fd);
		return -err;
	}
	return fd;
}

int vt_write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t len;
	int err = 0;

	if (fd < 0)
		return -errno;
	len = write(fd, text, strlen(text));
	if (len < 0)
		err = -errno;
	close(fd);
	return err;
}

int vt_ring_init(struct vt_ring *ring)
{
	struct io_uring_params *p = &ring->params;
	size_t sq_len, cq_len;
	int err;

	memset(ring, 0, sizeof(*ring));
	ring->fd = syscall(SYS_io_uring_setup, 4, p);
	if (ring->fd < 0)
		return -errno;

	sq_len = p->sq_off.array + p->sq_entries * sizeof(__u32);
	cq_len = p->cq_off.cqes + p->cq_entries * sizeof(struct io_uring_cqe);
	ring->rings_len = sq_len > cq_len ? sq_len : cq_len;
	/* One mapping for both since 5.4: IORING_FEAT_SINGLE_MMAP */
	ring->rings = mmap(NULL, ring->rings_len, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_POPULATE, ring->fd,
			   IORING_OFF_SQ_RING);
	if (ring->rings == MAP_FAILED)
		goto close_fd;
	ring->sqes_len = p->sq_entries * sizeof(*ring->sqes);
	ring->sqes = mmap(NULL, ring->sqes_len, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_POPULATE, ring->fd, IORING_OFF_SQES);
	if (ring->sqes == MAP_FAILED)
		goto unmap_rings;
	return 0;

unmap_rings:
	err = errno;
	munmap(ring->rings, ring->rings_len);
	errno = err;
close_fd:
	err = errno;
	close(ring->fd);
	return -err;
}

void vt_ring_exit(struct vt_ring *ring)
{
	munmap(ring->sqes, ring->sqes_len);
	munmap(ring->rings, ring->rings_len);
	close(ring->fd);
}

static __u32 *ring_word(struct vt_ring *ring, __u32 offset)
{
	return (__u32 *)((char *)ring->rings + offset);
}

int vt_ring_start(struct vt_ring *ring, const struct io_uring_sqe *sqe)
{
	const struct io_sqring_offsets *sq = &ring->params.sq_off;
	__u32 *tail = ring_word(ring, sq->tail);
	__u32 index = *tail & *ring_word(ring, sq->ring_mask);
	int ret;

	ring->sqes[index] = *sqe;
	ring_word(ring, sq->array)[index] = index;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	ret = syscall(SYS_io_uring_enter, ring->fd, 1, 0, 0, NULL, 0);
	if (ret < 0)
		return -errno;
	return ret == 1 ? 0 : -EIO;
}

int vt_ring_wait(struct vt_ring *ring)
{
	const struct io_cqring_offsets *cq = &ring->params.cq_off;
	__u32 *head = ring_word(ring, cq->head);
	__u32 *tail = ring_word(ring, cq->tail);
	struct io_uring_cqe *cqes;
	int res;

	while (__atomic_load_n(tail, __ATOMIC_ACQUIRE) == *head) {
		if (syscall(SYS_io_uring_enter, ring->fd, 0, 1,
			    IORING_ENTER_GETEVENTS, NULL, 0) < 0 &&
		    errno != EINTR)
			return -errno;
	}
	cqes = (void *)ring_word(ring, cq->cqes);
	res = cqes[*head & *ring_word(ring, cq->ring_mask)].res;
	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	return res;
}

int vt_ring_do(struct vt_ring *ring, const struct io_uring_sqe *sqe)
{
	int ret = vt_ring_start(ring, sqe);

	return ret ? ret : vt_ring_wait(ring);
}

int vt_ring_register(struct vt_ring *ring, void *addr, size_t len)
{
	struct iovec iov = { .iov_base = addr, .iov_len = len };

	return syscall(SYS_io_uring_register, ring->fd, IORING_REGISTER_BUFFERS,
		       &iov, 1) < 0 ? -errno : 0;
}

int vt_ring_unregister(struct vt_ring *ring)
{
	return syscall(SYS_io_uring_register, ring->fd,
		       IORING_UNREGISTER_BUFFERS, NULL, 0) < 0 ? -errno : 0;
}

int vt_close_in_kernel(int fd)
{
	struct vt_ring ring;
	int ret = vt_ring_init(&ring);

	if (ret)
		return ret;
	/* What is left of a ring goes in a work item of the kernel. */
	if (syscall(SYS_io_uring_register, ring.fd, IORING_REGISTER_FILES, &fd,
		    1) < 0)
		ret = -errno;
	close(fd);
	vt_ring_exit(&ring);
	return ret;
}
