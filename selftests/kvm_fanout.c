// SPDX-License-Identifier: GPL-2.0
/*
 * KVM's own dirty log, read by the library and given to all logs of a region.
 *
 * A region's logs see a guest's writes by themselves. So they are emptied
 * before KVM's log is read: what is in them then has come from there.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <vmshm/kvm_log.h>
#include <vmshm/space.h>

#include "lib/harness.h"
#include "lib/kvm_x86.h"
#include "lib/minivm.h"
#include "lib/vmshm_log.h"
#include "lib/vmshm_mem.h"

/* Pages of the region; the guest has those from SHOWN on. */
#define NR		256U
#define SHOWN		40U
#define NR_SHOWN	(NR - SHOWN)
#define BASE		0x1000000U
#define FIRST_SLOT	2
#define NR_LOGS		2

FIXTURE(kvm_fanout) {
	int dev;
	char name[VMSHM_NAME_MAX + 1];
	struct vmshm_region *region;
	unsigned char *mem;
	int logs[NR_LOGS];
	struct vt_vm vm;
	unsigned char *scratch;
	struct vmshm_kvm_log *log;
	struct vmshm_space *space;
	struct vmshm_space_node *node;
};

FIXTURE_VARIANT(kvm_fanout) {
	__u32 flags;
};

FIXTURE_VARIANT_ADD(kvm_fanout, manual) {
	.flags = 0,
};

FIXTURE_VARIANT_ADD(kvm_fanout, auto_clear) {
	.flags = VMSHM_KVM_LOG_AUTO_CLEAR,
};

static __u64 gpa(__u32 page)
{
	return VT_VM_MEMORY + BASE + (__u64)page * VT_PAGE;
}

FIXTURE_SETUP(kvm_fanout)
{
	struct vmshm_space_kvm_options options = {
		.size = sizeof(options),
		.first_slot = FIRST_SLOT,
	};
	struct vmshm_space_memory memory = {
		.size = sizeof(memory),
		.offset = SHOWN * VT_PAGE,
		.length = NR_SHOWN * VT_PAGE,
		.flags = VMSHM_SPACE_LOG,
	};
	void *mem;
	int i, fd;

	self->dev = vt_device();
	ASSERT_LE(0, self->dev);
	fd = vt_create(self->dev, vt_name(self->name, "fanout"), NR * VT_PAGE,
		       0, VMSHM_EPHEMERAL, 0600);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, vmshm_region_from_fd(fd, &self->region));
	ASSERT_EQ(0, vmshm_region_map(self->region, NULL, NR * VT_PAGE,
				      PROT_READ | PROT_WRITE, MAP_SHARED, 0,
				      &mem));
	self->mem = mem;
	memset(mem, 0, NR * VT_PAGE);
	self->scratch = mmap(NULL, VT_PAGE, PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->scratch);
	ASSERT_EQ(0, vt_vm_init(&self->vm, self->scratch, VT_PAGE));
	ASSERT_EQ(0, vmshm_kvm_log_open(self->vm.fd, variant->flags,
					&self->log));
	options.log = self->log;
	ASSERT_EQ(0, vmshm_space_open_kvm(self->vm.fd, &options, &self->space));
	memory.region = self->region;
	memory.memory = self->mem + SHOWN * VT_PAGE;
	ASSERT_EQ(0, vmshm_space_add_memory(self->space, "ram", &memory,
					    &self->node));
	ASSERT_EQ(0, vmshm_space_node_place(self->node, NULL, gpa(0), 0));
	for (i = 0; i < NR_LOGS; i++) {
		self->logs[i] = vt_log_open(fd, 0, 0, 0);
		ASSERT_LE(0, self->logs[i]);
	}
}

FIXTURE_TEARDOWN(kvm_fanout)
{
	int i;

	vmshm_space_close(self->space);
	vmshm_kvm_log_close(self->log);
	vt_vm_exit(&self->vm);
	munmap(self->scratch, VT_PAGE);
	for (i = 0; i < NR_LOGS; i++)
		close(self->logs[i]);
	munmap(self->mem, NR * VT_PAGE);
	vmshm_region_close(self->region);
	close(self->dev);
}

static int guest_writes(FIXTURE_DATA(kvm_fanout) *self, __u32 page, __u32 nr)
{
	return vt_vm_write(&self->vm, BASE + page * VT_PAGE, VT_PAGE, nr);
}

/* Whether each log has these pages of the region, and no others. */
static bool all_have(FIXTURE_DATA(kvm_fanout) *self, __u32 page, __u32 nr)
{
	bool same = true;
	int i;

	for (i = 0; i < NR_LOGS; i++)
		if (!vt_log_exactly(self->logs[i], page, nr))
			same = false;
	return same;
}

/*
 * Whether each log has these pages, or more: what was dirty before becomes
 * writable with its neighbours. KVM names no page that was not written.
 */
static bool all_report(FIXTURE_DATA(kvm_fanout) *self, __u32 page, __u32 nr)
{
	bool same = true;
	int i;

	for (i = 0; i < NR_LOGS; i++)
		if (!vt_log_reports(self->logs[i], page, nr))
			same = false;
	return same;
}

static long long sync_pages(FIXTURE_DATA(kvm_fanout) *self)
{
	__u64 pages = 0;
	int ret = vmshm_kvm_log_sync(self->log, &pages);

	return ret ? ret : (long long)pages;
}

/* What KVM has noted is in each log, at its place in the region, once. */
TEST_F(kvm_fanout, every_log)
{
	int round;

	for (round = 0; round < 3; round++) {
		ASSERT_EQ(0, guest_writes(self, 60 + round, 70));
		/* Seen without KVM's help... */
		EXPECT_TRUE(all_report(self, SHOWN + 60 + round, 70));
		/* ...and with it. */
		EXPECT_EQ(70, sync_pages(self));
		EXPECT_TRUE(all_have(self, SHOWN + 60 + round, 70));
		EXPECT_EQ(0, sync_pages(self));
		EXPECT_TRUE(all_have(self, 0, 0));
	}
	/* The last page there is. */
	ASSERT_EQ(0, guest_writes(self, NR_SHOWN - 1, 1));
	EXPECT_TRUE(all_report(self, NR - 1, 1));
	EXPECT_EQ(1, sync_pages(self));
	EXPECT_TRUE(all_have(self, NR - 1, 1));
}

/* A log that was not emptied has no less for it. */
TEST_F(kvm_fanout, nothing_is_taken)
{
	ASSERT_EQ(0, guest_writes(self, 10, 5));
	EXPECT_TRUE(vt_log_exactly(self->logs[0], SHOWN + 10, 5));
	ASSERT_EQ(0, guest_writes(self, 20, 5));
	EXPECT_EQ(10, sync_pages(self));
	EXPECT_EQ(10, vt_log_count(self->logs[0], 0));
	EXPECT_EQ(10, vt_log_count(self->logs[1], 0));
}

/* KVM's log of a slot ends with it: it is read before. */
TEST_F(kvm_fanout, slots_that_go)
{
	ASSERT_EQ(0, guest_writes(self, 10, 5));
	EXPECT_TRUE(all_have(self, SHOWN + 10, 5));
	ASSERT_EQ(0, vmshm_space_node_move(self->node, gpa(1000)));
	EXPECT_TRUE(all_have(self, SHOWN + 10, 5));

	ASSERT_EQ(0, guest_writes(self, 1000 + 3, 1));
	EXPECT_TRUE(all_report(self, SHOWN + 3, 1));
	ASSERT_EQ(0, vmshm_space_node_set_flags(self->node, VMSHM_SPACE_LOG,
						0));
	EXPECT_TRUE(all_have(self, SHOWN + 3, 1));
	ASSERT_EQ(0, guest_writes(self, 1000 + 4, 1));
	EXPECT_TRUE(all_report(self, SHOWN + 4, 1));
	EXPECT_EQ(0, sync_pages(self));
	EXPECT_TRUE(all_have(self, 0, 0));
	ASSERT_EQ(0, vmshm_space_node_set_flags(self->node, VMSHM_SPACE_LOG,
						VMSHM_SPACE_LOG));
	ASSERT_EQ(0, guest_writes(self, 1000 + 5, 1));
	EXPECT_TRUE(all_report(self, SHOWN + 5, 1));
	EXPECT_EQ(1, sync_pages(self));
	EXPECT_TRUE(all_have(self, SHOWN + 5, 1));

	ASSERT_EQ(0, vmshm_space_node_unplace(self->node));
	EXPECT_EQ(0, sync_pages(self));
}

/* The same pages at two places of the guest, by two slots. */
TEST_F(kvm_fanout, two_slots)
{
	struct vmshm_space_node *alias;

	ASSERT_EQ(0, vmshm_space_add_alias(self->space, "alias", self->node,
					   10 * VT_PAGE, 20 * VT_PAGE, &alias));
	ASSERT_EQ(0, vmshm_space_node_place(alias, NULL, gpa(1000), 0));
	ASSERT_EQ(0, guest_writes(self, 1000, 2));
	ASSERT_EQ(0, guest_writes(self, 12, 2));
	EXPECT_TRUE(all_have(self, SHOWN + 10, 4));
	EXPECT_EQ(4, sync_pages(self));
	EXPECT_TRUE(all_have(self, SHOWN + 10, 4));
}

TEST_F(kvm_fanout, errors)
{
	struct kvm_userspace_memory_region plain =
		vt_plain_slot(500, gpa(5000), self->mem, 8 * VT_PAGE);
	struct vmshm_region *readonly;
	struct vmshm_kvm_log *other;

	EXPECT_EQ(-ENOTTY, vmshm_kvm_log_open(self->dev, 0, &other));
	EXPECT_EQ(-EBADF, vmshm_kvm_log_open(-1, 0, &other));
	EXPECT_EQ(-EINVAL, vmshm_kvm_log_open(self->vm.fd, ~0U, &other));

	ASSERT_EQ(0, vt_ioctl(self->vm.fd, KVM_SET_USER_MEMORY_REGION, &plain));
	/* Not logged; not there; there already. */
	EXPECT_EQ(-ENOENT, vmshm_kvm_log_add(self->log, 500, self->region, 0,
					     8));
	EXPECT_EQ(-ENOENT, vmshm_kvm_log_add(self->log, 501, self->region, 0,
					     8));
	EXPECT_EQ(-EEXIST, vmshm_kvm_log_add(self->log, FIRST_SLOT,
					     self->region, SHOWN, NR_SHOWN));
	EXPECT_EQ(-ENOENT, vmshm_kvm_log_remove(self->log, 500));

	plain.flags = KVM_MEM_LOG_DIRTY_PAGES;
	ASSERT_EQ(0, vt_ioctl(self->vm.fd, KVM_SET_USER_MEMORY_REGION, &plain));
	/* The region ends before; it cannot be marked. */
	EXPECT_EQ(-EINVAL, vmshm_kvm_log_add(self->log, 500, self->region,
					     NR - 7, 8));
	ASSERT_EQ(0, vmshm_region_readonly(self->region, &readonly));
	EXPECT_EQ(-EACCES, vmshm_kvm_log_add(self->log, 500, readonly, 0, 8));
	vmshm_region_close(readonly);
	EXPECT_EQ(0, vmshm_kvm_log_add(self->log, 500, self->region, 0, 8));

	/* A slot that vanished: said, and the others are read. */
	plain.memory_size = 0;
	ASSERT_EQ(0, vt_ioctl(self->vm.fd, KVM_SET_USER_MEMORY_REGION, &plain));
	ASSERT_EQ(0, guest_writes(self, 7, 1));
	EXPECT_TRUE(all_have(self, SHOWN + 7, 1));
	EXPECT_EQ(-ENOENT, sync_pages(self));
	EXPECT_TRUE(all_have(self, SHOWN + 7, 1));
}

struct guest {
	struct vt_vm *vm;
	atomic_bool stop;
	int ret;
};

static void *run(void *data)
{
	struct guest *guest = data;
	__u32 seed = 1;

	while (!guest->stop && !guest->ret)
		guest->ret = vt_vm_write_random(guest->vm, BASE, 128, 500,
						&seed);
	return NULL;
}

/* Copies by two readers of the region, while the guest writes. */
TEST_F(kvm_fanout, audit)
{
	struct guest guest = { .vm = &self->vm };
	unsigned char *copies[NR_LOGS], pages[NR];
	int i, round;
	pthread_t thread;
	__u32 j;

	for (i = 0; i < NR_LOGS; i++) {
		copies[i] = calloc(NR, VT_PAGE);
		ASSERT_NE(NULL, copies[i]);
	}
	ASSERT_EQ(0, pthread_create(&thread, NULL, run, &guest));
	for (round = 0; round < 60; round++) {
		if (round == 59) {
			guest.stop = true;
			ASSERT_EQ(0, pthread_join(thread, NULL));
		}
		ASSERT_LE(0, sync_pages(self));
		for (i = 0; i < NR_LOGS; i++) {
			/* The second one is slower. */
			if (i && round % 3 && round != 59)
				continue;
			memset(pages, 0, sizeof(pages));
			ASSERT_LE(0, vt_log_read(self->logs[i], 0, 64, pages));
			for (j = 0; j < NR; j++)
				if (pages[j])
					memcpy(copies[i] + j * VT_PAGE,
					       self->mem + j * VT_PAGE,
					       VT_PAGE);
		}
		usleep(1000);
	}
	EXPECT_EQ(0, guest.ret);
	for (i = 0; i < NR_LOGS; i++) {
		EXPECT_EQ(0, memcmp(copies[i], self->mem, NR * VT_PAGE));
		free(copies[i]);
	}
}

TEST_HARNESS_MAIN
