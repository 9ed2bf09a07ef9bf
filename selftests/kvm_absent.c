// SPDX-License-Identifier: GPL-2.0
/*
 * Bindings with VMs where vmshm_kvm is not loaded: it is asked for, but only on
 * behalf of who has a VM.
 *
 * modprobe does not know where the modules under test are: here it is a script.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "lib/harness.h"
#include "lib/vmshm_bind.h"
#include "lib/vmshm_mem.h"
#include "lib/vmshm_module.h"

#define GPA	0x10000000ULL
#define SYSCTL	"/proc/sys/kernel/modprobe"

FIXTURE(kvm_absent) {
	int dev;
	int fd;
	int kvm;
	struct vmshm_bind how;
	char module[4096];
	char old[256];
	char script[32];
};

/* What modprobe does from now on, when told "-q -- vmshm_kvm". */
static int set_modprobe(const char *script, const char *action, const char *arg)
{
	FILE *file;

	file = fopen(script, "we");
	if (!file)
		return -1;
	fprintf(file, "#!/bin/sh\n[ \"$3\" = vmshm_kvm ] || exit 1\n%s %s\n",
		action, arg);
	if (fclose(file) || chmod(script, 0700))
		return -1;
	return vt_write_file(SYSCTL, script);
}

/* Whoever runs the tests loads it again. */
FIXTURE_SETUP(kvm_absent)
{
	ASSERT_EQ(0, vt_module_unload_kvm());
	self->dev = vt_device();
	ASSERT_LE(0, self->dev);
	ASSERT_EQ(0, vt_have_kvm(self->dev));
	self->fd = vt_region(self->dev, "absent", VT_PAGE, 0, 0);
	ASSERT_LE(0, self->fd);
	ASSERT_NE(NULL, getenv("VMSHM_MODULE"));
	/* vmshm.ko is beside vmshm_kvm.ko. */
	snprintf(self->module, sizeof(self->module), "%.*s_kvm.ko",
		 (int)strlen(getenv("VMSHM_MODULE")) - 3, getenv("VMSHM_MODULE"));
	ASSERT_EQ(0, access(self->module, R_OK));
	ASSERT_LT(0, vt_read_file(SYSCTL, self->old, sizeof(self->old)));
	strcpy(self->script, "/tmp/modprobe.XXXXXX");
	self->kvm = mkstemp(self->script);
	ASSERT_LE(0, self->kvm);
	close(self->kvm);
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
	EXPECT_EQ(0, vt_write_file(SYSCTL, self->old));
	unlink(self->script);
	close(self->kvm);
	close(self->fd);
	close(self->dev);
}

/* Nothing is loaded for these. */
TEST_F(kvm_absent, no_vm)
{
	ASSERT_EQ(0, set_modprobe(self->script, "insmod", self->module));
	self->how.vm_fd = 1000;
	EXPECT_EQ(-EBADF, vt_bind(self->fd, &self->how, NULL));
	self->how.vm_fd = self->fd;
	EXPECT_EQ(-EINVAL, vt_bind(self->fd, &self->how, NULL));
	EXPECT_EQ(0, vt_have_kvm(self->dev));
}

/* Who has a VM need not have loaded it. */
TEST_F(kvm_absent, vm)
{
	int fd;

	ASSERT_EQ(0, set_modprobe(self->script, "insmod", self->module));
	self->how.vm_fd = ioctl(self->kvm, KVM_CREATE_VM, 0);
	ASSERT_LE(0, self->how.vm_fd);
	fd = vt_bind(self->fd, &self->how, NULL);
	EXPECT_LE(0, fd);
	EXPECT_EQ(1, vt_have_kvm(self->dev));
	close(fd);
	close(self->how.vm_fd);
}

/* It is asked for, but is not there. */
TEST_F(kvm_absent, none)
{
	int fd;

	ASSERT_EQ(0, set_modprobe(self->script, "exit", "1"));
	self->how.vm_fd = ioctl(self->kvm, KVM_CREATE_VM, 0);
	ASSERT_LE(0, self->how.vm_fd);
	EXPECT_EQ(-EOPNOTSUPP, vt_bind(self->fd, &self->how, NULL));
	/* Without a VM there are bindings all the same. */
	close(self->how.vm_fd);
	self->how.vm_fd = -1;
	self->how.flags = VMSHM_BIND_USER;
	fd = vt_bind(self->fd, &self->how, NULL);
	EXPECT_LE(0, fd);
	close(fd);
}

TEST_HARNESS_MAIN
