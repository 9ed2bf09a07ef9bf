// SPDX-License-Identifier: GPL-2.0
/*
 * The VM of a program of threads: they bind to it what they have, move that, and
 * send its vCPU there, which may find memory or not. What it writes is where all
 * write anything, and logs of the subject have to tell it.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <pthread.h>
#include <sys/mman.h>

#include "fuzz.h"
#include "lib/minivm.h"
#include "lib/vmshm_bind.h"

#define FZ_GUEST_ADDR	0x1000000UL
/* Of where bindings begin; what they have is as long again. */
#define FZ_GUEST_PAGES	64
#define FZ_GUEST_SLOTS	60

static struct vt_guest fz_guest;
static bool fz_guest_there;
/* A vCPU runs in one thread at a time. */
static pthread_mutex_t fz_guest_mutex = PTHREAD_MUTEX_INITIALIZER;

void fz_threads_vm_make(void)
{
	int ret;

	if (!fz_vm_possible)
		return;
	ret = vt_guest_init(&fz_guest, 1);
	if (ret)
		fz_fail("no VM: error %d", ret);
	fz_guest_there = true;
}

static uint64_t fz_guest_addr(struct fz_random *random)
{
	return FZ_GUEST_ADDR + fz_below(random, FZ_GUEST_PAGES) * FZ_PAGE;
}

int fz_threads_vm_bind(struct fz_random *random, int fd)
{
	struct vmshm_bind bind = {
		.size = sizeof(bind),
		.flags = VMSHM_BIND_FOLLOW |
			(fz_below(random, 4) ? 0 : VMSHM_BIND_READONLY) |
			(fz_below(random, 4) ? 0 : VMSHM_BIND_LOG),
		.vm_fd = fz_guest.fd,
		.first_slot = 1 + fz_below(random, FZ_GUEST_SLOTS),
		.nr_slots = 8,
		.guest_addr = fz_guest_addr(random),
		.granule = fz_below(random, 3) * 4 * FZ_PAGE,
	};
	struct vmshm_bind_stat stat;
	void *addr;

	if (!fz_guest_there || vt_ioctl(fd, VMSHM_IOC_BIND, &bind))
		return -1;
	if (vt_bind_stat(bind.out_fd, &stat))
		fz_fail("stat of a binding: %m");
	/*
	 * As a rule it stays mapped. If not, its place must not become that of
	 * other memory, which the guest would write.
	 */
	addr = (void *)(uintptr_t)bind.out_user_addr;
	if (!fz_below(random, 4) &&
	    mmap(addr, stat.out_length, PROT_NONE, MAP_FIXED | MAP_PRIVATE |
		 MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) != addr)
		fz_fail("mmap in place of a binding: %m");
	return bind.out_fd;
}

/* @fd may be of any kind. */
void fz_threads_vm_move(struct fz_random *random, int fd)
{
	vt_bind_update(fd, VMSHM_BIND_FOLLOW |
		       (fz_below(random, 2) ? 0 : VMSHM_BIND_LOG),
		       fz_guest_addr(random));
}

/* @in_page: what the guest must not write is before that, in each page */
void fz_threads_vm_run(struct fz_random *random, unsigned int in_page)
{
	uint64_t guest_addr = fz_guest_addr(random);
	struct vt_vcpu *vcpu = &fz_guest.vcpus[0];
	uint32_t value = fz_next(random);
	int ret;

	guest_addr += fz_below(random, FZ_GUEST_PAGES / 2) * FZ_PAGE;
	guest_addr += in_page + fz_below(random, (FZ_PAGE - in_page) / 4) * 4;
	if (!fz_guest_there || pthread_mutex_trylock(&fz_guest_mutex))
		return;
	if (fz_below(random, 3))
		ret = vt_vcpu_store(vcpu, guest_addr, value);
	else
		ret = vt_vcpu_load(vcpu, guest_addr, &value);
	pthread_mutex_unlock(&fz_guest_mutex);
	/* There may be no slot, or nothing behind it. */
	if (ret && ret != VT_GUEST_MMIO && ret != -EFAULT)
		fz_fail("the vCPU: %d", ret);
}
