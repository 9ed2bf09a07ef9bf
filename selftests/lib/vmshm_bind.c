// SPDX-License-Identifier: GPL-2.0
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dirent.h>
#include <stdlib.h>

#include "lib/vmshm_bind.h"
#include "lib/vmshm_test.h"

int vt_bind(int fd, const struct vmshm_bind *how, void **addr)
{
	struct vmshm_bind arg = *how;
	int ret;

	arg.size = sizeof(arg);
	ret = vt_ioctl(fd, VMSHM_IOC_BIND, &arg);
	if (ret)
		return ret;
	if (addr)
		*addr = (void *)(uintptr_t)arg.out_user_addr;
	return arg.out_fd;
}

int vt_bind_stat(int binding, struct vmshm_bind_stat *stat)
{
	memset(stat, 0, sizeof(*stat));
	stat->size = sizeof(*stat);
	return vt_ioctl(binding, VMSHM_IOC_BIND_STAT, stat);
}

int vt_bind_update(int binding, __u32 flags, __u64 guest_addr)
{
	struct vmshm_bind_update arg = {
		.size = sizeof(arg),
		.flags = flags,
		.guest_addr = guest_addr,
	};

	return vt_ioctl(binding, VMSHM_IOC_BIND_UPDATE, &arg);
}

int vt_bind_slots(int binding, struct vmshm_bind_slot *slots, __u32 count)
{
	struct vmshm_bind_slots arg = {
		.size = sizeof(arg),
		.entries = (uintptr_t)slots,
		.entry_size = sizeof(*slots),
		.count = count,
	};
	int ret = vt_ioctl(binding, VMSHM_IOC_BIND_SLOTS, &arg);

	return ret && ret != -EMSGSIZE ? ret : (int)arg.out_count;
}

int vt_bindings(int fd, struct vmshm_binding *bindings, __u32 count)
{
	struct vmshm_bindings arg = {
		.size = sizeof(arg),
		.entries = (uintptr_t)bindings,
		.entry_size = sizeof(*bindings),
		.count = count,
	};
	int ret = vt_ioctl(fd, VMSHM_IOC_BINDINGS, &arg);

	return ret && ret != -EMSGSIZE ? ret : (int)arg.out_count;
}

int vt_bind_thread(int binding)
{
	char path[300], comm[32], want[32];
	struct dirent *entry;
	int ret = -ESRCH;
	DIR *proc;

	snprintf(want, sizeof(want), "vmshm-vm/%lld\n",
		 vt_fdinfo(binding, "vmshm-bind-vm"));
	proc = opendir("/proc");
	while (proc && ret < 0 && (entry = readdir(proc))) {
		snprintf(path, sizeof(path), "/proc/%s/comm", entry->d_name);
		if (vt_read_file(path, comm, sizeof(comm)) >= 0 &&
		    !strcmp(comm, want))
			ret = atoi(entry->d_name);
	}
	if (proc)
		closedir(proc);
	return ret;
}

int vt_have_kvm(int dev)
{
	struct vmshm_info info;
	int ret = vt_info(dev, &info);

	return ret ? ret : !!(info.out_features & VMSHM_FEATURE_KVM);
}
