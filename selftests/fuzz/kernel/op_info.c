// SPDX-License-Identifier: GPL-2.0
/*
 * Operations that ask: what the module can do, and which bindings a region has.
 */
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "fuzz.h"

#define FZ_FEATURES	(VMSHM_FEATURE_RESERVE | VMSHM_FEATURE_PINNABLE | \
			 VMSHM_FEATURE_SEALS | VMSHM_FEATURE_MEMBERS | \
			 VMSHM_FEATURE_WATCH | VMSHM_FEATURE_LOG | \
			 VMSHM_FEATURE_PEERS)

/* Names and peers that there are: others, which nothing names, count as well. */
static void fz_info_check_used(const struct vmshm_info *info)
{
	unsigned int i, regions = 0, peers = 0;

	for (i = 0; i < FZ_REGIONS; i++)
		regions += fz.region[i].used && fz.region[i].linked;
	for (i = 0; i < FZ_PEERS; i++)
		peers += !!fz.peer[i].handle;
	if (info->out_regions_used < regions ||
	    info->out_regions_used > info->out_regions_user)
		fz_fail("GET_INFO: out_regions_used %llu, expected %u",
			(unsigned long long)info->out_regions_used, regions);
	if (info->out_peers_used < peers ||
	    info->out_peers_used > info->out_peers_user)
		fz_fail("GET_INFO: out_peers_used %llu, expected %u",
			(unsigned long long)info->out_peers_used, peers);
}

/* 0 what is wrong */
void fz_op_info(const uint32_t *arg)
{
	struct vmshm_info info = { .size = sizeof(info) };
	bool faulty = !(arg[0] & 7), dirty = !(arg[0] >> 3 & 7);
	int want = faulty ? -EFAULT : 0;

	if (dirty) {
		info.out_events = 1;
		want = -EINVAL;
	}
	FZ_EXPECT(fz_ioctl(fz.dev, VMSHM_IOC_GET_INFO, &info, sizeof(info),
			   faulty), want, "GET_INFO");
	if (want)
		return;
	FZ_EXPECT(info.out_abi_version, VMSHM_ABI_VERSION,
		  "GET_INFO: out_abi_version");
	FZ_EXPECT(info.out_page_size, FZ_PAGE, "GET_INFO: out_page_size");
	FZ_EXPECT(info.out_name_max, VMSHM_NAME_MAX, "GET_INFO: out_name_max");
	FZ_EXPECT(info.out_huge_policies & 1, 1, "GET_INFO: no huge pages");
	FZ_EXPECT(info.out_features & ~VMSHM_FEATURE_KVM,
		  FZ_FEATURES | (info.out_huge_policies & ~1U ?
				 VMSHM_FEATURE_HUGE : 0),
		  "GET_INFO: out_features");
	fz_info_check_used(&info);
}

static void fz_binding_check(const struct vmshm_binding *entry,
			     const struct fz_bind *bind)
{
	char comm[sizeof(entry->comm)] = "";

	prctl(PR_GET_NAME, comm);
	FZ_EXPECT(entry->flags, bind->flags, "BINDINGS: flags");
	FZ_EXPECT(entry->pid, getpid(), "BINDINGS: pid");
	FZ_EXPECT(entry->uid, getuid(), "BINDINGS: uid");
	FZ_EXPECT(entry->first_slot, bind->first_slot, "BINDINGS: first_slot");
	FZ_EXPECT(entry->nr_slots, bind->nr_slots, "BINDINGS: nr_slots");
	FZ_EXPECT(entry->used_slots, bind->used, "BINDINGS: used_slots");
	FZ_EXPECT(entry->vm, bind->vm_number, "BINDINGS: vm");
	FZ_EXPECT(entry->guest_addr, bind->guest_addr, "BINDINGS: guest_addr");
	FZ_EXPECT(entry->offset, bind->offset, "BINDINGS: offset");
	FZ_EXPECT(entry->length, bind->length, "BINDINGS: length");
	FZ_EXPECT(entry->bound, fz_bound(bind), "BINDINGS: bound");
	FZ_EXPECT(entry->granule, bind->granule, "BINDINGS: granule");
	if (memcmp(entry->comm, comm, sizeof(comm)))
		fz_fail("BINDINGS: comm %.16s, expected %s", entry->comm, comm);
}

/* 0 descriptor, 1 room */
void fz_op_bindings(const uint32_t *arg)
{
	struct vmshm_binding entries[FZ_BINDS] = { 0 };
	struct vmshm_bindings list = {
		.size = sizeof(list),
		.entries = (uintptr_t)entries,
		.entry_size = sizeof(entries[0]),
		.count = arg[1] & 3 ? FZ_BINDS : (arg[1] >> 2) % FZ_BINDS,
	};
	struct fz_bind *binds[FZ_BINDS], *bind = NULL;
	struct fz_fd *fd = fz_fd_of(arg[0]);
	unsigned int i, n = 0;

	if (!fd)
		return;
	while ((bind = fz_bind_next(fd->handle->region, bind)))
		binds[n++] = bind;
	FZ_EXPECT(fz_ioctl(fd->fd, VMSHM_IOC_BINDINGS, &list, sizeof(list),
			   false), list.count < n ? -EMSGSIZE : 0, "BINDINGS");
	FZ_EXPECT(list.out_count, n, "BINDINGS: out_count");
	if (list.count < n) {
		FZ_EXPECT(entries[0].nr_slots, 0, "BINDINGS: too little room");
		return;
	}
	for (i = 0; i < n; i++)
		fz_binding_check(&entries[i], binds[i]);
}
