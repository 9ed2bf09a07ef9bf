// SPDX-License-Identifier: GPL-2.0
/*
 * Operations of a VM with one vCPU, which loads from what is bound and stores to
 * it. Whatever has no memory, and what may not be written, ends with an exit.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "fuzz.h"
#include "lib/minivm.h"
#include "lib/vmshm_bind.h"

static struct vt_guest fz_guest;
static bool fz_guest_there;

static_assert(FZ_VM_LOW == VT_GUEST_LOW, "a VM's own memory");

/* Can regions be bound to VMs here? If not, the operations do nothing. */
bool fz_vm_possible;

void fz_vm_init(int dev)
{
	fz_vm_possible = !access("/dev/kvm", R_OK | W_OK) &&
			 vt_have_kvm(dev) > 0;
	if (!fz_vm_possible)
		puts("fuzz: no KVM here: nothing is bound to a VM, and no vCPU runs");
}

/* Makes the VM, if there is none. */
bool fz_vm_get(void)
{
	int ret;

	if (fz_guest_there)
		return true;
	if (!fz_vm_possible)
		return false;
	ret = vt_guest_init(&fz_guest, 1);
	if (ret)
		fz_fail("no VM: error %d", ret);
	fz_guest_there = true;
	fz.vm++;
	return true;
}

/* Its descriptor, or -1 if that was closed. */
int fz_vm_fd(void)
{
	return fz_guest.fd;
}

/* How many slots a VM can have. */
unsigned int fz_vm_slots(void)
{
	return ioctl(fz_guest.kvm, KVM_CHECK_EXTENSION, KVM_CAP_NR_MEMSLOTS);
}

void fz_vm_close(void)
{
	if (fz_guest_there)
		vt_guest_exit(&fz_guest);
	fz_guest_there = false;
}

/* A word of guest memory. */
struct fz_word {
	struct fz_bind *bind;		/* NULL: there is no memory */
	uint64_t guest_addr;
	unsigned char *shadow;		/* what it has to be */
	uint64_t offset;		/* in the region */
};

/* The binding with the VM that has memory there, or NULL. */
static struct fz_bind *fz_vm_bind_at(uint64_t guest_addr)
{
	unsigned int i;

	for (i = 0; i < FZ_BINDS; i++) {
		struct fz_bind *bind = &fz.bind[i];

		if (bind->region && bind->vm == fz.vm &&
		    guest_addr >= bind->guest_addr &&
		    guest_addr - bind->guest_addr < fz_bound(bind))
			return bind;
	}
	return NULL;
}

/* Returns if there is one that a vCPU can be sent to. */
static bool fz_word(struct fz_word *word, const uint32_t *arg)
{
	struct fz_bind *near = fz_bind_of(arg[0]);
	uint64_t page;

	if (!fz_guest_there || !near)
		return false;
	/* Often where the memory ends, and behind it. */
	page = fz_bound(near) / FZ_PAGE;
	if (arg[1] & 1)
		page = (arg[1] >> 3) % (page + 2);
	else if (page && (arg[1] & 2))
		page--;
	word->guest_addr = near->guest_addr + page * FZ_PAGE +
		arg[2] % (FZ_PAGE / 4) * 4;
	/* What is there is the guest's own code, and no business of ours. */
	if (word->guest_addr < FZ_VM_LOW)
		return false;
	word->bind = fz_vm_bind_at(word->guest_addr);
	if (!word->bind)
		return true;
	word->offset = word->bind->offset + word->guest_addr -
		word->bind->guest_addr;
	word->shadow = word->bind->region->shadow + word->offset;
	return true;
}

/* 0 which binding, 1 page, 2 where in it */
void fz_op_vm_load(const uint32_t *arg)
{
	uint32_t value, expected;
	struct fz_word word;

	if (!fz_word(&word, arg))
		return;
	FZ_EXPECT(vt_vcpu_load(&fz_guest.vcpus[0], word.guest_addr, &value),
		  word.bind ? 0 : VT_GUEST_MMIO, "load by a vCPU from 0x%llx",
		  (unsigned long long)word.guest_addr);
	if (!word.bind)
		return;
	if (fz_lies("guest"))
		value ^= 1;
	memcpy(&expected, word.shadow, sizeof(expected));
	FZ_EXPECT(value, expected, "what a vCPU finds at byte %llu",
		  (unsigned long long)word.offset);
}

/* 0 which binding, 1 page, 2 where in it, 3 what */
void fz_op_vm_store(const uint32_t *arg)
{
	struct fz_word word;
	uint32_t value;
	bool done;

	if (!fz_word(&word, arg))
		return;
	done = word.bind && !(word.bind->flags & VMSHM_BIND_READONLY);
	fz_fill((unsigned char *)&value, sizeof(value), arg[3]);
	FZ_EXPECT(vt_vcpu_store(&fz_guest.vcpus[0], word.guest_addr, value),
		  done ? 0 : VT_GUEST_MMIO, "store by a vCPU to 0x%llx",
		  (unsigned long long)word.guest_addr);
	if (!done)
		return;
	memcpy(word.shadow, &value, sizeof(value));
	fz_wrote(word.bind->region, word.offset, sizeof(value));
}

/*
 * Bindings keep the VM, and another is made when there is need of one. Or the
 * vCPU stays, and nothing further can be bound: 0 which
 */
void fz_op_vm_close(const uint32_t *arg)
{
	if (!fz_guest_there)
		return;
	if (arg[0] & 1) {
		fz_vm_close();
	} else if (fz_guest.fd >= 0) {
		FZ_EXPECT(close(fz_guest.fd), 0, "close of a VM");
		fz_guest.fd = -1;
	}
}
