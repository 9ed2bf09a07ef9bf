// SPDX-License-Identifier: GPL-2.0
/*
 * Guest memory that follows the size of a region, while four vCPUs of two VMs
 * write to it and check what they read. Through the library, which sets the
 * slots itself where the kernel does not: all tests run both ways.
 *
 * VMSHM_RESIZES: how often the region grows and shrinks under load.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <vmshm/kvm.h>

#include "lib/harness.h"
#include "lib/minivm.h"
#include "lib/vmshm_bind.h"
#include "lib/vmshm_env.h"
#include "lib/vmshm_mem.h"

#define NR_VMS		2
#define NR_VCPUS	2
#define NR		(NR_VMS * NR_VCPUS)
#define GRANULE_PAGES	4U
#define GRANULE		(GRANULE_PAGES * VT_PAGE)
#define MAX_GRANULES	16U
/* Never less than so many. */
#define BASE		4U
#define MAX_SIZE	(MAX_GRANULES * GRANULE)
#define NR_SLOTS	64U
#define RESIZES		60
/* Not the same place in both VMs. */
#define GPA(vm)		(0x10000000ULL * ((vm) + 1))

/* What the processes share. */
struct shared {
	/* Granules that guests may use; the higher half counts changes. */
	atomic_ullong use;
	atomic_bool stop;
	struct {
		/* The value of @use that a vCPU goes by. */
		atomic_ullong seen;
		atomic_ulong passes;
		__u32 expected[MAX_GRANULES];
		__u64 bad_where;
		__u32 bad_found;
		__u32 bad_expected;
		int bad;
	} vcpus[NR];
	/* Bytes that a VM has, as the VMM knows. */
	atomic_ullong bound[NR_VMS];
	atomic_ulong dispatches[NR_VMS];
};

FIXTURE(kvm_resize) {
	int dev;
	int fd;
	struct vmshm_region *region;
	struct shared *shared;
	struct vt_child vmms[NR_VMS];
	int nr_vmms;
};

FIXTURE_VARIANT(kvm_resize) {
	__u32 flags;
};

FIXTURE_VARIANT_ADD(kvm_resize, kernel) {
	.flags = 0,
};

FIXTURE_VARIANT_ADD(kvm_resize, user) {
	.flags = VMSHM_BIND_USER,
};

struct vcpu_thread {
	pthread_t thread;
	struct vt_vcpu *vcpu;
	struct shared *shared;
	int id;
	__u64 gpa;
};

/* Memory that has come back is zero. */
static void forget(struct vcpu_thread *t, unsigned int from)
{
	for (; from < MAX_GRANULES; from++)
		t->shared->vcpus[t->id].expected[from] = 0;
}

static int pass(struct vcpu_thread *t, unsigned int granules)
{
	struct shared *shared = t->shared;
	__u64 where;
	__u32 found;
	unsigned int i;
	int ret;

	for (i = 0; i < granules; i++) {
		__u32 *expected = &shared->vcpus[t->id].expected[i];

		ret = vt_vcpu_count(t->vcpu, t->gpa + i * GRANULE + 4 * t->id,
				    VT_PAGE, GRANULE_PAGES, *expected, &where,
				    &found);
		if (ret) {
			shared->vcpus[t->id].bad_where = where - t->gpa;
			shared->vcpus[t->id].bad_found = found;
			shared->vcpus[t->id].bad_expected = *expected;
			return ret;
		}
		(*expected)++;
	}
	return 0;
}

static void *vcpu_thread(void *arg)
{
	struct vcpu_thread *t = arg;
	struct shared *shared = t->shared;

	while (!atomic_load(&shared->stop)) {
		__u64 use = atomic_load(&shared->use);
		int ret;

		forget(t, (__u32)use);
		atomic_store(&shared->vcpus[t->id].seen, use);
		ret = pass(t, (__u32)use);
		if (ret) {
			shared->vcpus[t->id].bad = ret;
			/* Nobody is to wait for this one. */
			atomic_store(&shared->vcpus[t->id].seen, ~0ULL);
			break;
		}
		if ((__u32)use)
			atomic_fetch_add(&shared->vcpus[t->id].passes, 1);
		else
			usleep(100);
	}
	return NULL;
}

static void stat_binding(struct vmshm_kvm_binding *binding,
			 struct vmshm_bind_stat *stat)
{
	VT_CHECK(!vmshm_kvm_binding_stat(binding, stat, sizeof(*stat)));
}

/* As a VMM does that has other things to wait for as well. */
static void dispatch(struct vmshm_kvm_binding *binding, struct shared *shared,
		     int vm, int sock)
{
	struct pollfd fds[] = {
		{ .fd = vmshm_kvm_binding_fd(binding), .events = POLLIN },
		{ .fd = sock, .events = POLLIN },
	};
	struct vmshm_bind_stat before, stat;

	stat_binding(binding, &stat);
	for (;;) {
		atomic_store(&shared->bound[vm], stat.out_bound);
		VT_CHECK(poll(fds, 2, -1) > 0);
		if (fds[1].revents)
			return;
		/* More may change meanwhile; what is bound before is set. */
		do {
			stat_binding(binding, &before);
			VT_CHECK(!vmshm_kvm_binding_dispatch(binding));
			stat_binding(binding, &stat);
		} while (stat.out_changes != before.out_changes);
		atomic_fetch_add(&shared->dispatches[vm], 1);
	}
}

static void vmm(FIXTURE_DATA(kvm_resize) *self, int vm, __u32 flags,
		__u32 nr_slots)
{
	struct vt_child *child = &self->vmms[vm];
	struct vmshm_kvm_bind_options options = {
		.size = sizeof(options),
		.guest_addr = GPA(vm),
		.granule = GRANULE,
		.flags = flags | VMSHM_BIND_FOLLOW,
		.first_slot = 1,
		.nr_slots = nr_slots,
	};
	struct vcpu_thread threads[NR_VCPUS];
	struct vmshm_kvm_binding *binding;
	struct vt_guest guest;
	int i;

	VT_CHECK(!vt_guest_init(&guest, NR_VCPUS));
	VT_CHECK(!vmshm_kvm_bind(self->region, guest.fd, &options, &binding));
	for (i = 0; i < NR_VCPUS; i++) {
		threads[i] = (struct vcpu_thread){
			.vcpu = &guest.vcpus[i],
			.shared = self->shared,
			.id = vm * NR_VCPUS + i,
			.gpa = GPA(vm),
		};
		VT_CHECK(!pthread_create(&threads[i].thread, NULL, vcpu_thread,
					 &threads[i]));
	}
	VT_CHECK(!vt_tell(child->sock));
	dispatch(binding, self->shared, vm, child->sock);
	for (i = 0; i < NR_VCPUS; i++)
		pthread_join(threads[i].thread, NULL);
	vmshm_kvm_binding_close(binding);
	vt_guest_exit(&guest);
	_exit(0);
}

FIXTURE_SETUP(kvm_resize)
{
	self->dev = vt_device();
	ASSERT_LE(0, self->dev);
	ASSERT_EQ(1, vt_have_kvm(self->dev));
	self->fd = vt_region(self->dev, "resize", BASE * GRANULE, MAX_SIZE, 0);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, vmshm_region_from_fd(self->fd, &self->region));
	self->shared = mmap(NULL, sizeof(*self->shared), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->shared);
	self->nr_vmms = 0;
}

static int start_vmm(FIXTURE_DATA(kvm_resize) *self, __u32 flags,
		     __u32 nr_slots)
{
	int vm = self->nr_vmms++;

	if (vt_fork(&self->vmms[vm]) < 0)
		return -errno;
	if (!self->vmms[vm].pid)
		vmm(self, vm, flags, nr_slots);
	return vt_hear(self->vmms[vm].sock);
}

/* Ends the VMMs. */
static int stop(FIXTURE_DATA(kvm_resize) *self)
{
	int ret = 0;

	atomic_store(&self->shared->stop, true);
	/* Each has inherited the sockets to those before it. */
	while (self->nr_vmms)
		ret |= vt_wait(&self->vmms[--self->nr_vmms]);
	return ret;
}

FIXTURE_TEARDOWN(kvm_resize)
{
	EXPECT_EQ(0, stop(self));
	EXPECT_EQ(0, vt_bindings(self->fd, NULL, 0));
	vmshm_region_close(self->region);
	close(self->dev);
}

/* Waits until a value is @least to @most; gives up after VT_PATIENCE. */
static bool wait_for(atomic_ullong *value, __u64 least, __u64 most)
{
	int i;

	for (i = 0; i < VT_PATIENCE * 2000; i++) {
		__u64 now = atomic_load(value);

		if (now >= least && now <= most)
			return true;
		usleep(500);
	}
	return false;
}

/* Tells the guests how much they may use, and waits until they do. */
static bool set_use(FIXTURE_DATA(kvm_resize) *self, unsigned int granules)
{
	__u64 use = ((atomic_load(&self->shared->use) >> 32) + 1) << 32 |
		    granules;
	int i;

	atomic_store(&self->shared->use, use);
	for (i = 0; i < self->nr_vmms * NR_VCPUS; i++)
		if (!wait_for(&self->shared->vcpus[i].seen, use, ~0ULL))
			return false;
	return true;
}

/* Where the VMM sets the slots, a resize is done when it has done so. */
static bool wait_bound(FIXTURE_DATA(kvm_resize) *self, __u32 flags,
		       unsigned int granules)
{
	__u64 size = granules * GRANULE;
	int i;

	if (!(flags & VMSHM_BIND_USER))
		return true;
	for (i = 0; i < self->nr_vmms; i++)
		if (!wait_for(&self->shared->bound[i], size, size))
			return false;
	return true;
}

static bool all_well(FIXTURE_DATA(kvm_resize) *self)
{
	bool well = true;
	int i;

	for (i = 0; i < self->nr_vmms * NR_VCPUS; i++) {
		if (!self->shared->vcpus[i].bad)
			continue;
		printf("# vCPU %d: %d at 0x%llx: %u instead of %u\n", i,
		       self->shared->vcpus[i].bad,
		       self->shared->vcpus[i].bad_where,
		       self->shared->vcpus[i].bad_found,
		       self->shared->vcpus[i].bad_expected);
		well = false;
	}
	/* Before the test ends here. */
	fflush(stdout);
	return well;
}

/* Every word is what the vCPU that owns it has counted. */
static bool all_counted(FIXTURE_DATA(kvm_resize) *self, unsigned int granules)
{
	unsigned char *mem = vt_map(self->fd, granules * GRANULE, PROT_READ, 0);
	unsigned int page;
	bool well = mem;
	int i;

	for (page = 0; mem && page < granules * GRANULE_PAGES; page++) {
		for (i = 0; i < NR; i++) {
			__u32 *words = (__u32 *)(mem + page * VT_PAGE);
			__u32 expected = self->shared->vcpus[i]
				.expected[page / GRANULE_PAGES];

			if (words[i] == expected)
				continue;
			printf("# page %u, vCPU %d: %u instead of %u\n", page,
			       i, words[i], expected);
			well = false;
		}
	}
	if (mem)
		munmap(mem, granules * GRANULE);
	return well;
}

/* Growth and shrinking under load: nothing is lost, nothing is stale. */
TEST_F_TIMEOUT(kvm_resize, under_load, 1000000)
{
	const char *env = getenv("VMSHM_RESIZES");
	unsigned int i, n = env ? atoi(env) : RESIZES;
	unsigned int now = BASE, next;
	unsigned long long passes = 0;

	for (i = 0; i < NR_VMS; i++)
		ASSERT_EQ(0, start_vmm(self, variant->flags, NR_SLOTS));
	ASSERT_TRUE(set_use(self, now));
	srand(1);
	for (i = 0; i < n; i++) {
		next = BASE + rand() % (MAX_GRANULES - BASE + 1);
		if (next < now) {
			/* Guests agree to a smaller size before it is set. */
			ASSERT_TRUE(set_use(self, next));
			ASSERT_EQ(0, vt_resize(self->fd, next * GRANULE));
			ASSERT_TRUE(wait_bound(self, variant->flags, next));
		} else {
			ASSERT_EQ(0, vt_resize(self->fd, next * GRANULE));
			ASSERT_TRUE(wait_bound(self, variant->flags, next));
			ASSERT_TRUE(set_use(self, next));
		}
		now = next;
		ASSERT_TRUE(all_well(self)) {
			TH_LOG("resize %u to %u", i, now);
		}
		if (i % 1000 == 999)
			TH_LOG("%u resizes so far", i + 1);
	}
	for (i = 0; i < NR; i++) {
		atomic_ulong *p = &self->shared->vcpus[i].passes;

		/* Not one for each resize: time is not shared evenly. */
		EXPECT_LT(n / 8, atomic_load(p));
		passes += atomic_load(p);
	}
	TH_LOG("%u resizes, %llu passes of vCPUs", n, passes);
	atomic_store(&self->shared->stop, true);
	EXPECT_TRUE(all_well(self));
	EXPECT_EQ(0, stop(self));
	EXPECT_TRUE(all_counted(self, now));
}

/* One VM in the test's own process, to look at closely. */
struct one {
	struct vt_guest guest;
	struct vmshm_kvm_binding *binding;
};

static int one_init(struct one *one, const struct vmshm_region *region,
		    __u32 flags, __u64 granule, __u32 nr_slots)
{
	struct vmshm_kvm_bind_options options = {
		.size = sizeof(options),
		.guest_addr = GPA(0),
		.granule = granule,
		.flags = flags | VMSHM_BIND_FOLLOW,
		.first_slot = 1,
		.nr_slots = nr_slots,
	};
	int ret;

	ret = vt_guest_init(&one->guest, 1);
	if (!ret)
		ret = vmshm_kvm_bind(region, one->guest.fd, &options,
				     &one->binding);
	return ret;
}

static void one_exit(struct one *one)
{
	vmshm_kvm_binding_close(one->binding);
	vt_guest_exit(&one->guest);
}

static int one_resize(FIXTURE_DATA(kvm_resize) *self, struct one *one,
		      __u64 size)
{
	int ret = vt_resize(self->fd, size);

	return ret ? ret : vmshm_kvm_binding_dispatch(one->binding);
}

/* Whether the guest has so much, and no more. */
static bool one_has(struct one *one, __u64 size)
{
	struct vt_vcpu *vcpu = &one->guest.vcpus[0];
	__u64 at;
	__u32 value;
	int ret;

	for (at = 0; at < MAX_SIZE; at += VT_PAGE) {
		ret = vt_vcpu_load(vcpu, GPA(0) + at, &value);
		if (ret == (at < size ? 0 : VT_GUEST_MMIO))
			continue;
		printf("# at 0x%llx: %d, size 0x%llx\n", at, ret, size);
		return false;
	}
	return true;
}

/* Slots: where they begin and end, and when there are no more. */
TEST_F(kvm_resize, slots)
{
	struct vmshm_bind_slot slots[8];
	struct one one;

	ASSERT_EQ(0, vt_resize(self->fd, 0));
	ASSERT_EQ(0, one_init(&one, self->region, variant->flags, GRANULE, 5));
	EXPECT_EQ(0, vmshm_kvm_binding_slots(one.binding, slots, 8));
	EXPECT_TRUE(one_has(&one, 0));
	/* Two granules and a half, in bytes that are no pages. */
	EXPECT_EQ(0, one_resize(self, &one, 10 * VT_PAGE - 1));
	ASSERT_EQ(3, vmshm_kvm_binding_slots(one.binding, slots, 8));
	EXPECT_EQ(2 * VT_PAGE, slots[2].length);
	EXPECT_TRUE(one_has(&one, 10 * VT_PAGE));
	/* The page is there already. */
	EXPECT_EQ(0, one_resize(self, &one, 10 * VT_PAGE));
	EXPECT_EQ(3, vmshm_kvm_binding_slots(one.binding, NULL, 0));
	/* The rest of the granule, and one more. */
	EXPECT_EQ(0, one_resize(self, &one, 4 * GRANULE));
	ASSERT_EQ(5, vmshm_kvm_binding_slots(one.binding, slots, 8));
	EXPECT_EQ(2 * VT_PAGE, slots[3].length);
	EXPECT_EQ(10 * VT_PAGE, slots[3].offset);
	EXPECT_EQ(GPA(0) + 3 * GRANULE, slots[4].guest_addr);
	EXPECT_TRUE(one_has(&one, 4 * GRANULE));
	/* Nobody has seen another size. */
	EXPECT_EQ(-ENOSPC, vt_resize(self->fd, 5 * GRANULE));
	EXPECT_EQ(4 * GRANULE, vt_size(self->fd));
	EXPECT_TRUE(one_has(&one, 4 * GRANULE));
	EXPECT_EQ(-EBUSY, vt_resize(self->fd, 4 * GRANULE - VT_PAGE));
	EXPECT_EQ(-EBUSY, vt_resize(self->fd, GRANULE + VT_PAGE));
	EXPECT_EQ(4 * GRANULE, vt_size(self->fd));
	/* Between two slots, also in a granule. */
	EXPECT_EQ(0, one_resize(self, &one, 10 * VT_PAGE));
	EXPECT_TRUE(one_has(&one, 10 * VT_PAGE));
	EXPECT_EQ(0, one_resize(self, &one, GRANULE));
	EXPECT_TRUE(one_has(&one, GRANULE));
	EXPECT_EQ(0, one_resize(self, &one, 5 * GRANULE));
	EXPECT_TRUE(one_has(&one, 5 * GRANULE));
	EXPECT_EQ(0, one_resize(self, &one, 0));
	EXPECT_TRUE(one_has(&one, 0));
	one_exit(&one);
}

/* Without granules there are as many slots as there were growths. */
TEST_F(kvm_resize, no_granules)
{
	struct one one;

	ASSERT_EQ(0, one_init(&one, self->region, variant->flags, 0, 3));
	EXPECT_EQ(1, vmshm_kvm_binding_slots(one.binding, NULL, 0));
	EXPECT_EQ(-EBUSY, vt_resize(self->fd, GRANULE));
	EXPECT_EQ(0, one_resize(self, &one, MAX_SIZE - GRANULE));
	EXPECT_EQ(0, one_resize(self, &one, MAX_SIZE));
	EXPECT_EQ(3, vmshm_kvm_binding_slots(one.binding, NULL, 0));
	EXPECT_EQ(0, one_resize(self, &one, BASE * GRANULE));
	EXPECT_EQ(0, one_resize(self, &one, MAX_SIZE));
	EXPECT_EQ(2, vmshm_kvm_binding_slots(one.binding, NULL, 0));
	EXPECT_TRUE(one_has(&one, MAX_SIZE));
	one_exit(&one);
}

/* Memory comes back empty, and stays what it was where it stayed. */
TEST_F(kvm_resize, contents)
{
	struct vt_vcpu *vcpu;
	struct one one;
	__u32 value, i;

	ASSERT_EQ(0, one_init(&one, self->region, variant->flags, GRANULE,
			      NR_SLOTS));
	vcpu = &one.guest.vcpus[0];
	for (i = 1; i <= 5; i++) {
		ASSERT_EQ(0, one_resize(self, &one, MAX_SIZE));
		ASSERT_EQ(0, vt_vcpu_load(vcpu, GPA(0) + MAX_SIZE - 4, &value));
		EXPECT_EQ(0, value);
		EXPECT_EQ(0, vt_vcpu_store(vcpu, GPA(0) + MAX_SIZE - 4, 1));
		EXPECT_EQ(0, vt_vcpu_store(vcpu, GPA(0), i));
		ASSERT_EQ(0, one_resize(self, &one, BASE * GRANULE));
		EXPECT_EQ(VT_GUEST_MMIO, vt_vcpu_store(vcpu, GPA(0) +
						       MAX_SIZE - 4, 1));
		ASSERT_EQ(0, vt_vcpu_load(vcpu, GPA(0), &value));
		EXPECT_EQ(i, value);
	}
	/* Moved and logged by KVM, it still follows. */
	EXPECT_EQ(0, vmshm_kvm_binding_update(one.binding, GPA(2),
					      VMSHM_BIND_FOLLOW |
					      VMSHM_BIND_LOG));
	ASSERT_EQ(0, one_resize(self, &one, MAX_SIZE));
	EXPECT_TRUE(one_has(&one, 0));
	EXPECT_EQ(0, vt_vcpu_store(vcpu, GPA(2) + MAX_SIZE - 4, 9));
	ASSERT_EQ(0, vt_vcpu_load(vcpu, GPA(2), &value));
	EXPECT_EQ(5, value);
	EXPECT_EQ(-EEXIST, vmshm_kvm_binding_update(one.binding, 0,
						    VMSHM_BIND_FOLLOW));
	ASSERT_EQ(0, vt_vcpu_load(vcpu, GPA(2) + MAX_SIZE - 4, &value));
	EXPECT_EQ(9, value);
	one_exit(&one);
}

/* One VM has no slot left: the other one does not grow either. */
TEST_F(kvm_resize, one_cannot_follow)
{
	struct one one;

	ASSERT_EQ(0, one_init(&one, self->region, variant->flags, GRANULE,
			      NR_SLOTS));
	ASSERT_EQ(0, start_vmm(self, variant->flags, BASE + 1));
	EXPECT_EQ(0, one_resize(self, &one, (BASE + 1) * GRANULE));
	ASSERT_TRUE(wait_bound(self, variant->flags, BASE + 1));
	EXPECT_EQ(-ENOSPC, vt_resize(self->fd, (BASE + 2) * GRANULE));
	EXPECT_EQ((BASE + 1) * GRANULE, vt_size(self->fd));
	EXPECT_TRUE(one_has(&one, (BASE + 1) * GRANULE));
	EXPECT_EQ(0, stop(self));
	EXPECT_EQ(0, one_resize(self, &one, (BASE + 2) * GRANULE));
	EXPECT_TRUE(one_has(&one, (BASE + 2) * GRANULE));
	one_exit(&one);
}

/* Something else is where the region would grow to. */
TEST_F(kvm_resize, in_the_way)
{
	struct vmshm_event event;
	struct one one, two;
	char *addr;
	int watch;
	void *mem;

	mem = mmap(NULL, GRANULE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, mem);
	watch = vt_watch(self->fd, "", 1U << VMSHM_EVENT_RESIZED, NULL);
	ASSERT_LE(0, watch);
	ASSERT_EQ(0, one_init(&one, self->region, variant->flags, GRANULE,
			      NR_SLOTS));
	ASSERT_EQ(0, one_init(&two, self->region, variant->flags, GRANULE,
			      NR_SLOTS));
	ASSERT_EQ(0, vt_guest_slot(&two.guest, 500, GPA(0) + 6 * GRANULE, mem,
				   GRANULE));
	if (variant->flags & VMSHM_BIND_USER) {
		/* The kernel cannot know; the VMM is told. */
		EXPECT_EQ(0, vt_resize(self->fd, MAX_SIZE));
		EXPECT_EQ(0, vmshm_kvm_binding_dispatch(one.binding));
		EXPECT_EQ(-EEXIST, vmshm_kvm_binding_dispatch(two.binding));
	} else {
		EXPECT_EQ(-EBUSY, vt_resize(self->fd, MAX_SIZE));
		EXPECT_EQ(BASE * GRANULE, vt_size(self->fd));
		EXPECT_TRUE(vt_no_event(watch));
		EXPECT_TRUE(one_has(&one, BASE * GRANULE));
		addr = vmshm_kvm_binding_addr(one.binding);
		EXPECT_EQ(-SIGBUS, vt_peek(addr + BASE * GRANULE));
	}
	ASSERT_EQ(0, vt_guest_slot(&two.guest, 500, 0, NULL, 0));
	EXPECT_EQ(0, vt_resize(self->fd, MAX_SIZE));
	ASSERT_EQ(0, vt_next_event(watch, &event));
	EXPECT_EQ(BASE * GRANULE, event.old_value);
	EXPECT_EQ(0, vmshm_kvm_binding_dispatch(one.binding));
	EXPECT_EQ(0, vmshm_kvm_binding_dispatch(two.binding));
	EXPECT_TRUE(one_has(&one, MAX_SIZE));
	EXPECT_TRUE(one_has(&two, MAX_SIZE));
	one_exit(&one);
	one_exit(&two);
	close(watch);
	munmap(mem, GRANULE);
}

/* Others' mappings keep their memory; and seals hold. */
TEST_F(kvm_resize, others_and_seals)
{
	struct one one;
	void *mem;

	ASSERT_EQ(0, one_init(&one, self->region, variant->flags, GRANULE,
			      NR_SLOTS));
	ASSERT_EQ(0, one_resize(self, &one, MAX_SIZE));
	mem = vt_map(self->fd, MAX_SIZE, PROT_READ, 0);
	ASSERT_NE(NULL, mem);
	EXPECT_EQ(-EBUSY, vt_resize(self->fd, BASE * GRANULE));
	EXPECT_TRUE(one_has(&one, MAX_SIZE));
	munmap(mem, MAX_SIZE);
	EXPECT_EQ(0, one_resize(self, &one, BASE * GRANULE));
	EXPECT_TRUE(one_has(&one, BASE * GRANULE));
	ASSERT_EQ(0, vt_seal(self->fd, VMSHM_SEAL_SHRINK));
	EXPECT_EQ(0, one_resize(self, &one, MAX_SIZE));
	EXPECT_EQ(-EPERM, vt_resize(self->fd, BASE * GRANULE));
	EXPECT_TRUE(one_has(&one, MAX_SIZE));
	one_exit(&one);
}

/* What the library refuses itself is what the kernel would refuse. */
TEST_F(kvm_resize, refused)
{
	struct vmshm_kvm_bind_options good = {
		.size = sizeof(good),
		.guest_addr = GPA(0),
		.flags = variant->flags,
		.length = GRANULE,
		.first_slot = 1,
		.nr_slots = 1,
	}, bad;
	struct vmshm_kvm_binding *binding = NULL, *two = NULL;
	struct vmshm_region *readonly;
	struct vt_child child;
	struct vt_guest guest;
	int vm;

	ASSERT_EQ(0, vt_guest_init(&guest, 1));
	vm = guest.fd;
	EXPECT_EQ(-EINVAL, vmshm_kvm_bind(self->region, self->fd, &good,
					  &binding));
	EXPECT_EQ(-EINVAL, vmshm_kvm_bind(self->region, guest.vcpus[0].fd,
					  &good, &binding));
	EXPECT_EQ(-EBADF, vmshm_kvm_bind(self->region, 9999, &good, &binding));
	bad = good;
	bad.first_slot = 0;
	EXPECT_EQ(-EEXIST, vmshm_kvm_bind(self->region, vm, &bad, &binding));
	bad.first_slot = VMSHM_BIND_SLOTS_MAX - 1;
	EXPECT_EQ(-EINVAL, vmshm_kvm_bind(self->region, vm, &bad, &binding));
	bad = good;
	bad.guest_addr = 0;
	EXPECT_EQ(-EEXIST, vmshm_kvm_bind(self->region, vm, &bad, &binding));
	bad.guest_addr = GPA(0) + 1;
	EXPECT_EQ(-EINVAL, vmshm_kvm_bind(self->region, vm, &bad, &binding));
	bad.guest_addr = -VT_PAGE;
	EXPECT_EQ(-EOVERFLOW, vmshm_kvm_bind(self->region, vm, &bad, &binding));
	bad = good;
	bad.granule = VT_PAGE;
	EXPECT_EQ(-ENOSPC, vmshm_kvm_bind(self->region, vm, &bad, &binding));
	bad = good;
	bad.flags |= 1U << 20;
	EXPECT_EQ(-EINVAL, vmshm_kvm_bind(self->region, vm, &bad, &binding));
	bad = good;
	bad.addr = &bad;
	EXPECT_EQ(-EINVAL, vmshm_kvm_bind(self->region, vm, &bad, &binding));
	ASSERT_EQ(0, vmshm_region_readonly(self->region, &readonly));
	EXPECT_EQ(-EACCES, vmshm_kvm_bind(readonly, vm, &good, &binding));
	EXPECT_EQ(NULL, binding);
	ASSERT_LE(0, vt_fork(&child));
	if (!child.pid) {
		VT_CHECK(vmshm_kvm_bind(self->region, vm, &good, &binding) ==
			 -EPERM);
		_exit(0);
	}
	EXPECT_EQ(0, vt_wait(&child));
	EXPECT_EQ(0, vt_bindings(self->fd, NULL, 0));
	good.flags |= VMSHM_BIND_READONLY;
	EXPECT_EQ(0, vmshm_kvm_bind(readonly, vm, &good, &binding));
	EXPECT_EQ(VT_GUEST_MMIO, vt_vcpu_store(&guest.vcpus[0], GPA(0), 1));
	EXPECT_EQ(-EEXIST, vmshm_kvm_bind(readonly, vm, &good, &two));
	good.first_slot = 2;
	EXPECT_EQ(-EEXIST, vmshm_kvm_bind(readonly, vm, &good, &two));
	vmshm_kvm_binding_close(binding);
	vmshm_region_close(readonly);
	vt_guest_exit(&guest);
	EXPECT_EQ(0, vt_resize(self->fd, 0));
}

TEST_HARNESS_MAIN
