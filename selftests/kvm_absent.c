// SPDX-License-Identifier: GPL-2.0
/*
 * Bindings with VMs where vmshm_kvm is not loaded: it is asked for, but only on
 * behalf of who has a VM.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>

#include "kselftest_harness.h"
#include "lib/vmshm_bind.h"
#include "lib/vmshm_mem.h"
#include "lib/vmshm_module.h"

#define GPA	0x10000000ULL

FIXTURE(kvm_absent) {
	int dev;
	int fd;
	int kvm;
	struct vmshm_bind how;
};

/* Whoever runs the tests loads it again. */
FIXTURE_SETUP(kvm_absent)
{
	ASSERT_EQ(0, vt_module_unload_kvm());
	self->dev = vt_device();
	ASSERT_LE(0, self->dev);
	ASSERT_EQ(0, vt_have_kvm(self->dev));
	self->fd = vt_region(self->dev, "absent", VT_PAGE, 0, 0);
	ASSERT_LE(0, self->fd);
	self->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->kvm);
	self->how = (struct vmshm_bind){
		.nr_slots = 1,
		.guest_addr = GPA,
		.length = VT_PAGE,
	};
}

FIXTURE_TEARDOWN(kvm_absent)
{
	close(self->kvm);
	close(self->fd);
	close(self->dev);
}

/* Nothing is loaded for these. */
TEST_F(kvm_absent, no_vm)
{
	self->how.vm_fd = 1000;
	EXPECT_EQ(-EBADF, vt_bind(self->fd, &self->how, NULL));
	self->how.vm_fd = self->fd;
	EXPECT_EQ(-EINVAL, vt_bind(self->fd, &self->how, NULL));
	EXPECT_EQ(0, vt_have_kvm(self->dev));
}

/* The module is asked for, but is not where modprobe looks. */
TEST_F(kvm_absent, vm)
{
	self->how.vm_fd = ioctl(self->kvm, KVM_CREATE_VM, 0);
	ASSERT_LE(0, self->how.vm_fd);
	EXPECT_EQ(-EOPNOTSUPP, vt_bind(self->fd, &self->how, NULL));
	/* Without a VM there are bindings all the same. */
	close(self->how.vm_fd);
	self->how.vm_fd = -1;
	self->how.flags = VMSHM_BIND_USER;
	self->how.vm_fd = vt_bind(self->fd, &self->how, NULL);
	EXPECT_LE(0, self->how.vm_fd);
	close(self->how.vm_fd);
}

TEST_HARNESS_MAIN
