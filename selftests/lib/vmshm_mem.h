/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory of regions: faults that are expected, page tables as /proc shows them,
 * descriptors that are opened again, io_uring without a library. Conventions as
 * in vmshm_test.h.
 */
#ifndef _VMSHM_MEM_H
#define _VMSHM_MEM_H

#include <linux/io_uring.h>
#include <linux/vmshm.h>
#include <signal.h>
#include <sys/mman.h>

#include "lib/vmshm_test.h"

#define VT_PAGE		4096UL
#define VT_MIB		(1UL << 20)
#define VT_HUGE		(2 * VT_MIB)

/* What a Debian 12 header or C library may not know yet. */
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ	22
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE	23
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE		25
#endif
#ifndef MADV_SOFT_OFFLINE
#define MADV_SOFT_OFFLINE	101
#endif
#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP	4
#endif

/*
 * A new ephemeral region "test-PID/SUFFIX", mode 0600. @max_size may be 0, as
 * for VMSHM_IOC_CREATE. Returns the descriptor.
 */
int vt_region(int dev, const char *suffix, __u64 size, __u64 max_size,
	      __u32 flags);
int vt_region_huge(int dev, const char *suffix, __u64 size, __u64 max_size,
		   __u32 flags, __u32 huge);

/* What fstat() says; -errno as a negative number. */
long long vt_size(int fd);

/* mmap() of a region, MAP_SHARED. NULL on failure, with errno set. */
void *vt_map(int fd, size_t len, int prot, off_t offset);

/*
 * Access one byte. A read returns the byte, a write 0; either returns minus the
 * number of the signal (SIGBUS, SIGSEGV) that the access raised. A write of
 * what is there already would not do for copy-on-write, so it writes @value.
 */
int vt_peek(const void *addr);
int vt_poke(void *addr, unsigned char value);

/* Whether all of @len bytes are @value; if not, where the first other one is. */
bool vt_filled(const void *addr, unsigned char value, size_t len);

/* The same, for bytes of a file from @offset on. */
bool vt_file_filled(int fd, off_t offset, unsigned char value, size_t len);

/* Bytes in the line "KEY: N kB" of /proc/self/smaps, of the VMA at @addr. */
long long vt_smaps(const void *addr, const char *key);

/* Bytes in the line "KEY: N kB" of /proc/meminfo. */
long long vt_meminfo(const char *key);

/* Opens /proc/self/fd/@fd. */
int vt_reopen(int fd, int flags);

/* A memfd of that size that can be sealed. */
int vt_memfd(size_t size);

/* Writes a string to a file. */
int vt_write_file(const char *path, const char *text);

/* An io_uring, one request at a time. */
struct vt_ring {
	int fd;
	void *rings;
	size_t rings_len;
	struct io_uring_sqe *sqes;
	size_t sqes_len;
	struct io_uring_params params;
};

int vt_ring_init(struct vt_ring *ring);
void vt_ring_exit(struct vt_ring *ring);

/* Starts a request without waiting for it. */
int vt_ring_start(struct vt_ring *ring, const struct io_uring_sqe *sqe);

/* Waits for the end of a request. Returns its result. */
int vt_ring_wait(struct vt_ring *ring);

/* Both. */
int vt_ring_do(struct vt_ring *ring, const struct io_uring_sqe *sqe);

/* Fixed buffers: pins the memory until vt_ring_exit() or the next call. */
int vt_ring_register(struct vt_ring *ring, void *addr, size_t len);
int vt_ring_unregister(struct vt_ring *ring);

/* Closes @fd; if it is the last one of its file a kernel thread closes that. */
int vt_close_in_kernel(int fd);

#endif /* _VMSHM_MEM_H */
