// SPDX-License-Identifier: GPL-2.0
/*
 * Regions in the address space of a KVM VM: an overlay that goes gives back what
 * was below, logs do not notice, and slots change no more than they have to.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <vmshm/space.h>

#include "lib/harness.h"
#include "lib/kvm_x86.h"
#include "lib/minivm.h"
#include "lib/vmshm_log.h"
#include "lib/vmshm_mem.h"

/* Pages of region A, those of B, and where B lies over A. */
#define NR_A		64U
#define NR_B		16U
#define OVER		16U
/* Behind what the VM begins with. */
#define BASE		0x1000000U
#define FIRST_SLOT	2

#define ALL		(VMSHM_SPACE_READONLY | VMSHM_SPACE_LOG | \
			 VMSHM_SPACE_DISABLED)

struct area {
	char name[VMSHM_NAME_MAX + 1];
	struct vmshm_region *region;
	unsigned char *mem;
	size_t len;
	struct vmshm_space_node *node;
	int log;
};

FIXTURE(kvm_space) {
	struct vmshm_context *context;
	unsigned char *scratch;
	struct vt_vm vm;
	struct vmshm_space *space;
	struct area a;
	struct area b;
	struct vmshm_space_stat stat;
};

static struct vmshm_space *open_space(struct vt_vm *vm)
{
	const struct vmshm_space_kvm_options options = {
		.size = sizeof(options),
		.first_slot = FIRST_SLOT,
	};
	struct vmshm_space *space = NULL;

	return vmshm_space_open_kvm(vm->fd, &options, &space) ? NULL : space;
}

static int make_area(FIXTURE_DATA(kvm_space) *self, struct area *area,
		     const char *name, __u32 pages)
{
	struct vmshm_region_create_options how = {
		.size = sizeof(how),
		.region_size = pages * VT_PAGE,
	};
	struct vmshm_space_memory memory = {
		.size = sizeof(memory),
		.length = pages * VT_PAGE,
	};
	void *mem;
	int ret;

	ret = vmshm_region_create(self->context, vt_name(area->name, name),
				  &how, &area->region);
	if (ret)
		return ret;
	area->len = pages * VT_PAGE;
	ret = vmshm_region_map(area->region, NULL, area->len,
			       PROT_READ | PROT_WRITE, MAP_SHARED, 0, &mem);
	if (ret)
		return ret;
	area->mem = mem;
	memory.region = area->region;
	memory.memory = mem;
	ret = vmshm_space_add_memory(self->space, name, &memory, &area->node);
	if (ret)
		return ret;
	area->log = vt_log_open(vmshm_region_fd(area->region), 0, 0, 0);
	return area->log < 0 ? area->log : 0;
}

static __u64 gpa(__u32 page)
{
	return VT_VM_MEMORY + BASE + (__u64)page * VT_PAGE;
}

/* The guest increments the first word of @nr pages. */
static int guest_writes(FIXTURE_DATA(kvm_space) *self, __u32 page, __u32 nr)
{
	return vt_vm_write(&self->vm, BASE + page * VT_PAGE, VT_PAGE, nr);
}

static __u32 word(const struct area *area, __u32 page)
{
	return *(volatile __u32 *)(area->mem + page * VT_PAGE);
}

FIXTURE_SETUP(kvm_space)
{
	ASSERT_EQ(0, vmshm_context_open(NULL, &self->context));
	self->scratch = mmap(NULL, VT_PAGE, PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->scratch);
	ASSERT_EQ(0, vt_vm_init(&self->vm, self->scratch, VT_PAGE));
	self->space = open_space(&self->vm);
	ASSERT_NE(NULL, self->space);
	ASSERT_EQ(0, make_area(self, &self->a, "a", NR_A));
	ASSERT_EQ(0, make_area(self, &self->b, "b", NR_B));
	ASSERT_EQ(0, vmshm_space_node_place(self->a.node, NULL, gpa(0), 0));
	ASSERT_EQ(0, vmshm_space_stat(self->space, &self->stat,
				      sizeof(self->stat)));
	ASSERT_EQ(1, self->stat.slots);
}

static void free_area(struct area *area)
{
	close(area->log);
	munmap(area->mem, area->len);
	vmshm_region_close(area->region);
}

FIXTURE_TEARDOWN(kvm_space)
{
	vmshm_space_close(self->space);
	vmshm_region_unlink(self->context, self->a.name, NULL);
	vmshm_region_unlink(self->context, self->b.name, NULL);
	free_area(&self->a);
	free_area(&self->b);
	vt_vm_exit(&self->vm);
	munmap(self->scratch, VT_PAGE);
	vmshm_context_close(self->context);
}

/* How many slots were removed and added since the last time. */
static bool changed(FIXTURE_DATA(kvm_space) *self, __u64 removed, __u64 added)
{
	struct vmshm_space_stat was = self->stat, *now = &self->stat;

	if (vmshm_space_stat(self->space, now, sizeof(*now)))
		return false;
	if (now->removed - was.removed == removed &&
	    now->added - was.added == added && now->switched == was.switched)
		return true;
	printf("# removed %llu, added %llu, switched %llu\n",
	       now->removed - was.removed, now->added - was.added,
	       now->switched - was.switched);
	return false;
}

/*
 * Whether a log has the pages around the overlay. Those below it may be there,
 * too: what was dirty in the last rounds becomes writable with its neighbours.
 */
static bool has_both_ends(const struct area *a)
{
	unsigned char pages[NR_A] = {};
	__u32 i;

	if (vt_log_read(a->log, 0, 64, pages) < 0)
		return false;
	for (i = 0; i < NR_A; i++)
		if (!pages[i] && (i < OVER || i >= OVER + NR_B))
			return false;
	return true;
}

/* Map B over A, unmap B: A is back with its data. */
TEST_F(kvm_space, status_quo_ante)
{
	struct area *a = &self->a, *b = &self->b;

	ASSERT_EQ(0, guest_writes(self, 0, NR_A));
	EXPECT_TRUE(vt_log_exactly(a->log, 0, NR_A));

	ASSERT_EQ(0, vmshm_space_node_place(b->node, NULL, gpa(OVER), 1));
	EXPECT_TRUE(changed(self, 1, 3));
	ASSERT_EQ(0, guest_writes(self, 0, NR_A));
	EXPECT_EQ(2, word(a, OVER - 1));
	EXPECT_EQ(1, word(a, OVER));
	EXPECT_EQ(1, word(b, 0));
	EXPECT_EQ(1, word(b, NR_B - 1));
	EXPECT_EQ(1, word(a, OVER + NR_B - 1));
	EXPECT_EQ(2, word(a, OVER + NR_B));
	EXPECT_TRUE(vt_log_exactly(b->log, 0, NR_B));
	EXPECT_TRUE(has_both_ends(a));

	ASSERT_EQ(0, vmshm_space_node_unplace(b->node));
	EXPECT_TRUE(changed(self, 3, 1));
	ASSERT_EQ(0, guest_writes(self, OVER, NR_B));
	EXPECT_EQ(2, word(a, OVER));
	EXPECT_EQ(2, word(a, OVER + NR_B - 1));
	EXPECT_EQ(1, word(b, 0));
	EXPECT_TRUE(vt_log_reports(a->log, OVER, NR_B));
	EXPECT_EQ(0, vt_log_count(b->log, 0));
}

/* What is dirty stays so while a region is unmapped, moved and mapped again. */
TEST_F(kvm_space, logs_stay)
{
	struct area *a = &self->a, *b = &self->b;

	ASSERT_EQ(0, vmshm_space_node_place(b->node, NULL, gpa(OVER), 1));
	ASSERT_EQ(0, guest_writes(self, OVER + 3, 4));
	ASSERT_EQ(0, guest_writes(self, 5, 2));
	ASSERT_EQ(0, vmshm_space_node_unplace(b->node));
	ASSERT_EQ(0, vmshm_space_node_move(a->node, gpa(256)));
	ASSERT_EQ(0, guest_writes(self, 256 + 7, 1));
	ASSERT_EQ(0, vmshm_space_node_place(b->node, NULL, gpa(0), 1));
	ASSERT_EQ(0, guest_writes(self, 7, 1));
	EXPECT_TRUE(vt_log_exactly(a->log, 5, 3));
	EXPECT_TRUE(vt_log_exactly(b->log, 3, 5));

	/* And there is nothing to be found where it was. */
	EXPECT_EQ(-EIO, guest_writes(self, NR_B, 1));
	EXPECT_EQ(0, vt_log_count(a->log, 0));
}

/* Several changes are one set, and what stays the same is not touched. */
TEST_F(kvm_space, as_few_as_can_be)
{
	struct area *a = &self->a, *b = &self->b;

	ASSERT_EQ(0, vmshm_space_node_place(b->node, NULL, gpa(128), 0));
	EXPECT_TRUE(changed(self, 0, 1));
	ASSERT_EQ(0, vmshm_space_begin(self->space));
	ASSERT_EQ(0, vmshm_space_node_move(b->node, gpa(OVER)));
	ASSERT_EQ(0, vmshm_space_node_set_priority(b->node, 1));
	ASSERT_EQ(0, vmshm_space_node_move(a->node, gpa(1000)));
	ASSERT_EQ(0, vmshm_space_node_move(b->node, gpa(200)));
	ASSERT_EQ(0, vmshm_space_node_move(a->node, gpa(0)));
	EXPECT_TRUE(changed(self, 0, 0));
	/* In the VM nothing has changed. */
	ASSERT_EQ(0, guest_writes(self, 128, 1));
	ASSERT_EQ(0, vmshm_space_commit(self->space));
	EXPECT_TRUE(changed(self, 1, 1));
	ASSERT_EQ(0, guest_writes(self, 200, 1));
	EXPECT_EQ(2, word(b, 0));

	/* KVM's log is switched without the slot going away. */
	ASSERT_EQ(0, vmshm_space_node_set_flags(a->node, VMSHM_SPACE_LOG,
						VMSHM_SPACE_LOG));
	ASSERT_EQ(0, vmshm_space_stat(self->space, &self->stat,
				      sizeof(self->stat)));
	EXPECT_EQ(1, self->stat.switched);
}

/* Slots that KVM refuses: all is as it was. */
TEST_F(kvm_space, refused)
{
	struct kvm_userspace_memory_region other =
		vt_plain_slot(500, gpa(300), self->scratch, VT_PAGE);
	struct area *a = &self->a, *b = &self->b;
	const struct vmshm_slot *slot;

	/* Of somebody else. */
	ASSERT_EQ(0, vt_ioctl(self->vm.fd, KVM_SET_USER_MEMORY_REGION, &other));
	ASSERT_EQ(0, vmshm_space_begin(self->space));
	ASSERT_EQ(0, vmshm_space_node_place(b->node, NULL, gpa(8), 1));
	ASSERT_EQ(0, vmshm_space_node_move(a->node, gpa(290)));
	EXPECT_EQ(-EEXIST, vmshm_space_commit(self->space));
	EXPECT_TRUE(vmshm_space_is_complete(self->space));
	slot = vmshm_space_slot(self->space, 0);
	ASSERT_NE(NULL, slot);
	EXPECT_EQ(gpa(0), slot->address);
	EXPECT_EQ(a->len, slot->length);
	EXPECT_EQ(NULL, vmshm_space_slot(self->space, 1));
	ASSERT_EQ(0, guest_writes(self, 0, NR_A));
	EXPECT_EQ(1, word(a, NR_A - 1));
	EXPECT_EQ(-EINVAL, vmshm_space_node_unplace(b->node));
}

/* Writes to what is read-only, or a hole, are for the VMM and change nothing. */
TEST_F(kvm_space, readonly_and_hole)
{
	struct area *a = &self->a;
	struct vmshm_space_node *hole;

	ASSERT_EQ(0, vmshm_space_node_set_flags(a->node, VMSHM_SPACE_READONLY,
						VMSHM_SPACE_READONLY));
	EXPECT_TRUE(changed(self, 1, 1));
	EXPECT_EQ(-EIO, guest_writes(self, 3, 1));
	EXPECT_EQ(KVM_EXIT_MMIO, self->vm.run->exit_reason);
	EXPECT_EQ(gpa(3), self->vm.run->mmio.phys_addr);
	EXPECT_EQ(0, word(a, 3));
	EXPECT_EQ(0, vt_vm_read(&self->vm, BASE, VT_PAGE, NR_A));
	EXPECT_EQ(0, vt_log_count(a->log, 0));

	ASSERT_EQ(0, vmshm_space_node_set_flags(a->node, ALL, 0));
	ASSERT_EQ(0, vmshm_space_add_hole(self->space, "hole", VT_PAGE, &hole));
	ASSERT_EQ(0, vmshm_space_node_place(hole, NULL, gpa(3), 1));
	/* It reads, it goes on and writes. */
	EXPECT_EQ(-EIO, guest_writes(self, 3, 1));
	EXPECT_EQ(KVM_EXIT_MMIO, self->vm.run->exit_reason);
	EXPECT_EQ(gpa(3), self->vm.run->mmio.phys_addr);
	EXPECT_EQ(0, self->vm.run->mmio.is_write);
	EXPECT_EQ(-EIO, guest_writes(self, 3, 1));
	EXPECT_EQ(1, self->vm.run->mmio.is_write);
	EXPECT_EQ(0, guest_writes(self, 4, 1));
	ASSERT_EQ(0, vmshm_space_node_unplace(hole));
	EXPECT_EQ(0, guest_writes(self, 3, 1));
	EXPECT_EQ(1, word(a, 3));
}

/* Another VM, later: regions are found by name and are where they were. */
TEST_F(kvm_space, restore)
{
	struct vmshm_space_finder finder = {
		.size = sizeof(finder),
		.context = self->context,
		.same_generation = 1,
	};
	const struct vmshm_region_create_options how = {
		.size = sizeof(how),
		.region_size = NR_B * VT_PAGE,
	};
	struct area *a = &self->a, *b = &self->b;
	struct vmshm_space *space;
	char *text;

	ASSERT_EQ(0, vmshm_space_node_place(b->node, NULL, gpa(OVER), 1));
	ASSERT_EQ(0, guest_writes(self, 0, NR_A));
	ASSERT_EQ(0, vmshm_space_save(self->space, &text));

	/* The VM ends; the regions do not. */
	vmshm_space_close(self->space);
	self->space = NULL;
	vt_vm_exit(&self->vm);
	ASSERT_EQ(0, vt_vm_init(&self->vm, self->scratch, VT_PAGE));
	space = open_space(&self->vm);
	ASSERT_NE(NULL, space);
	ASSERT_EQ(0, vmshm_space_restore(space, text, vmshm_space_find_region,
					 &finder));
	ASSERT_EQ(0, guest_writes(self, 0, NR_A));
	EXPECT_EQ(2, word(a, 0));
	EXPECT_EQ(2, word(b, 0));
	EXPECT_EQ(0, word(a, OVER));
	EXPECT_EQ(2, word(a, NR_A - 1));
	/* In another process it would take no more than its name. */
	ASSERT_EQ(0, vmshm_space_node_unplace(vmshm_space_node_find(space,
								    "b")));
	ASSERT_EQ(0, guest_writes(self, OVER, 1));
	EXPECT_EQ(1, word(a, OVER));
	vmshm_space_close(space);

	/* The name is there, but it is another region. */
	ASSERT_EQ(0, vmshm_region_unlink(self->context, b->name, NULL));
	vmshm_region_close(b->region);
	ASSERT_EQ(0, vmshm_region_create(self->context, b->name, &how,
					 &b->region));
	space = open_space(&self->vm);
	ASSERT_NE(NULL, space);
	EXPECT_EQ(-ESTALE, vmshm_space_restore(space, text,
					       vmshm_space_find_region,
					       &finder));
	finder.same_generation = 0;
	EXPECT_EQ(0, vmshm_space_restore(space, text, vmshm_space_find_region,
					 &finder));
	vmshm_space_close(space);
	free(text);
}

struct runner {
	struct vt_vm *vm;
	atomic_bool stop;
	atomic_int rounds;
	int ret;
};

static void *run(void *data)
{
	struct runner *r = data;

	while (!r->stop && !r->ret) {
		r->ret = vt_vm_write(r->vm, BASE, VT_PAGE, NR_A);
		r->rounds++;
	}
	return NULL;
}

/* Memory whose slot stays is always there for a vCPU that runs. */
TEST_F(kvm_space, running)
{
	struct runner r = { .vm = &self->vm };
	int i, rounds;
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, run, &r));
	for (i = 0; i < 200 && !r.ret; i++) {
		ASSERT_EQ(0, vmshm_space_node_place(self->b.node, NULL,
						    gpa(100 + i), 1));
		ASSERT_EQ(0, vmshm_space_node_unplace(self->b.node));
		/* It gets on meanwhile. */
		rounds = r.rounds;
		while (i % 20 == 0 && r.rounds == rounds && !r.ret)
			usleep(100);
	}
	r.stop = true;
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, r.ret);
	rounds = r.rounds;
	/* More if one of them had to begin anew. */
	EXPECT_LE((__u32)rounds, word(&self->a, NR_A - 1));
	EXPECT_GE((__u32)rounds + self->vm.rescue.nr,
		  word(&self->a, NR_A - 1));
	EXPECT_TRUE(changed(self, 200, 200));
}

TEST_HARNESS_MAIN
