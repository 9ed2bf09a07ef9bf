// SPDX-License-Identifier: GPL-2.0
/*
 * Guests' writes in a dirty log. The VMs get the region by a plain
 * KVM_SET_USER_MEMORY_REGION, KVM logs nothing, and the log is read by a process
 * that is no VMM.
 *
 * VMSHM_AUDIT_SECONDS: how long the audit takes, for each variant.
 */
#define _GNU_SOURCE
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#include "lib/harness.h"
#include "lib/minivm.h"
#include "lib/vmshm_log.h"
#include "lib/vmshm_mem.h"

#define NR_VMS		2
#define NR		1024U
#define SIZE		(NR * VT_PAGE)
#define HUGE_PAGES	(VT_HUGE / VT_PAGE)
#define SECONDS		5
/* Writes of the audit between two looks whether it is over. */
#define BURST		20

/* What a VMM is told to have its guest do. */
enum request { OP_WRITE, OP_READ, OP_RANDOM };

struct order {
	enum request op;
	__u32 first;
	__u32 nr;
	int ret;
	__u32 restarts;		/* of the guest's programs, until now */
	atomic_int stop;	/* OP_RANDOM */
	atomic_long writes;
};

struct vmm {
	struct vt_child child;
	struct order *order;
};

FIXTURE(log_kvm) {
	int dev;
	int fd;
	int log;
	unsigned char *mem;
	struct vmm vmms[NR_VMS];
};

FIXTURE_VARIANT(log_kvm) {
	__u32 huge;
	__u32 unit;
};

FIXTURE_VARIANT_ADD(log_kvm, small) {
	.huge = VMSHM_HUGE_NEVER,
	.unit = 1,
};

FIXTURE_VARIANT_ADD(log_kvm, huge) {
	.huge = VMSHM_HUGE_ALWAYS,
	.unit = HUGE_PAGES,
};

static int run_order(struct vt_vm *vm, struct order *order, int id)
{
	__u32 seed = id + 1;
	int ret = 0;

	switch (order->op) {
	case OP_WRITE:
		return vt_vm_write(vm, order->first * VT_PAGE + 4 * id,
				   VT_PAGE, order->nr);
	case OP_READ:
		return vt_vm_read(vm, order->first * VT_PAGE, VT_PAGE,
				  order->nr);
	case OP_RANDOM:
		do {
			/* A burst here, then there. */
			seed = seed * 1103515245 + 12345;
			ret = vt_vm_write_random(vm, 4 * id, order->nr, BURST,
						 &seed);
			order->writes += BURST;
			usleep(200);
		} while (!ret && !atomic_load(&order->stop));
		return ret;
	}
	return -EINVAL;
}

/* A VMM obeys until its socket is closed. */
static void vmm(struct vmm *self, int fd, int id)
{
	unsigned char *mem = vt_map(fd, SIZE, PROT_READ | PROT_WRITE, 0);
	struct vt_vm vm;

	VT_CHECK(mem);
	VT_CHECK(!vt_vm_init(&vm, mem, SIZE));
	VT_CHECK(!vt_tell(self->child.sock));
	while (!vt_hear(self->child.sock)) {
		self->order->ret = run_order(&vm, self->order, id);
		self->order->restarts = vm.rescue.nr;
		VT_CHECK(!vt_tell(self->child.sock));
	}
	_exit(0);
}

FIXTURE_SETUP(log_kvm)
{
	int i;

	self->dev = vt_device();
	ASSERT_LE(0, self->dev);
	self->fd = vt_region_huge(self->dev, "kvm", SIZE, 0, 0, variant->huge);
	ASSERT_LE(0, self->fd);
	for (i = 0; i < NR_VMS; i++) {
		struct vmm *v = &self->vmms[i];

		v->order = mmap(NULL, VT_PAGE, PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		ASSERT_NE(MAP_FAILED, v->order);
		ASSERT_LE(0, vt_fork(&v->child));
		if (!v->child.pid)
			vmm(v, self->fd, i);
		ASSERT_EQ(0, vt_hear(v->child.sock));
	}
	self->mem = vt_map(self->fd, SIZE, PROT_READ | PROT_WRITE, 0);
	ASSERT_NE(NULL, self->mem);
	memset(self->mem, 0, SIZE);
	self->log = vt_log_open(self->fd, 0, 0, 0);
	ASSERT_LE(0, self->log);
}

FIXTURE_TEARDOWN(log_kvm)
{
	int i;

	/* Each has inherited the sockets to those before it. */
	for (i = NR_VMS - 1; i >= 0; i--)
		EXPECT_EQ(0, vt_wait(&self->vmms[i].child));
	close(self->log);
	munmap(self->mem, SIZE);
	close(self->fd);
	close(self->dev);
}

static int start(struct vmm *v, enum request op, __u32 first, __u32 nr)
{
	v->order->op = op;
	v->order->first = first;
	v->order->nr = nr;
	return vt_tell(v->child.sock);
}

/* Each write is several exits of the guest: on a busy machine that takes long. */
static int finish(struct vmm *v)
{
	int ret, tries = 0;

	do
		ret = vt_hear(v->child.sock);
	while (ret == -ETIMEDOUT && ++tries < 8);
	return ret ? ret : v->order->ret;
}

static int do_order(struct vmm *v, enum request op, __u32 first, __u32 nr)
{
	int ret = start(v, op, first, nr);

	return ret ? ret : finish(v);
}

/*
 * Has a guest incremented its word of a page as often as it was asked to? What was
 * begun anew did so once more, see minivm.h.
 */
static bool was_incremented(FIXTURE_DATA(log_kvm) *self, __u32 page, int id,
			    __u32 times)
{
	__u32 word = *(volatile __u32 *)(self->mem + page * VT_PAGE + 4 * id);
	__u32 restarts = self->vmms[id].order->restarts;

	if (word >= times && word <= times + restarts)
		return true;
	printf("# page %u, guest %d: %u increments, %u wanted, %u restarts\n",
	       page, id, word, times, restarts);
	return false;
}

/* A guest writes some pages: that is reported, round after round. */
TEST_F(log_kvm, rounds)
{
	struct vmm *v = &self->vmms[0];
	__u32 u = variant->unit, round;

	for (round = 1; round <= 4; round++) {
		ASSERT_EQ(0, do_order(v, OP_WRITE, 0, NR));
		EXPECT_TRUE(vt_log_exactly(self->log, 0, NR));
		EXPECT_EQ(0, vt_log_count(self->log, 0));
	}
	for (round = 0; round < 4; round++) {
		__u32 page = 600 + round;

		ASSERT_EQ(0, do_order(v, OP_WRITE, page, 1));
		EXPECT_TRUE(vt_log_reports(self->log, page / u * u, u));
		EXPECT_EQ(0, vt_log_count(self->log, 0));
		EXPECT_TRUE(was_incremented(self, page, 0, 5));
	}
}

/* What a guest reads, it maps; then it writes. */
TEST_F(log_kvm, read_then_write)
{
	struct vmm *v = &self->vmms[0];
	int round;

	for (round = 0; round < 4; round++) {
		ASSERT_EQ(0, do_order(v, OP_READ, 0, NR));
		EXPECT_EQ(0, vt_log_count(self->log, 0));
		ASSERT_EQ(0, do_order(v, OP_WRITE, 10, 100));
		EXPECT_TRUE(vt_log_reports(self->log, 10, 100));
		ASSERT_EQ(0, do_order(v, OP_READ, 0, NR));
		ASSERT_EQ(0, do_order(v, OP_WRITE, 10, 1));
		EXPECT_TRUE(vt_log_reports(self->log, 10, 1));
	}
}

/* Two VMs and the host write the same page; each write is seen. */
TEST_F(log_kvm, two_guests_and_host)
{
	__u32 round, id;

	for (round = 1; round <= 4; round++) {
		for (id = 0; id < NR_VMS; id++) {
			ASSERT_EQ(0, do_order(&self->vmms[id], OP_WRITE, 5, 1));
			EXPECT_TRUE(vt_log_reports(self->log, 5, 1));
			EXPECT_TRUE(was_incremented(self, 5, id, round));
		}
		self->mem[5 * VT_PAGE + 100]++;
		EXPECT_TRUE(vt_log_reports(self->log, 5, 1));
		/* All of them, before it is fetched. */
		for (id = 0; id < NR_VMS; id++)
			ASSERT_EQ(0, do_order(&self->vmms[id], OP_WRITE,
					      10 + 50 * id, 100));
		EXPECT_TRUE(vt_log_reports(self->log, 10, 150));
	}
}

/* A log that opens while guests have all of it writable. */
TEST_F(log_kvm, open)
{
	struct vmm *v = &self->vmms[0];
	int log;

	close(self->log);
	ASSERT_EQ(0, do_order(v, OP_WRITE, 0, NR));
	log = vt_log_open(self->fd, 0, 0, 0);
	ASSERT_LE(0, log);
	ASSERT_EQ(0, do_order(v, OP_WRITE, 100, 7));
	EXPECT_TRUE(vt_log_reports(log, 100, 7));
	self->log = log;
}

/* Neither guest nor log makes a huge page small. */
TEST_F(log_kvm, stays_mapped)
{
	long long huge = variant->unit == 1 ? 0 : SIZE;
	int round;

	for (round = 0; round < 4; round++) {
		ASSERT_EQ(0, do_order(&self->vmms[0], OP_WRITE, 3, 1));
		EXPECT_TRUE(vt_log_reports(self->log, 3, 1));
		self->mem[0]++;
		self->mem[VT_HUGE]++;
		EXPECT_EQ(huge, vt_smaps(self->mem, "ShmemPmdMapped"));
		EXPECT_TRUE(vt_log_reports(self->log, HUGE_PAGES, 1));
	}
}

struct reader {
	int log;
	unsigned char *copy;
};

static long long fetch_and_copy(FIXTURE_DATA(log_kvm) *self, struct reader *r,
				unsigned char *pages)
{
	long long ret;
	__u32 i;

	memset(pages, 0, NR);
	ret = vt_log_read(r->log, 0, 64, pages);
	for (i = 0; i < NR; i++)
		if (pages[i])
			memcpy(r->copy + i * VT_PAGE, self->mem + i * VT_PAGE,
			       VT_PAGE);
	return ret;
}

static time_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

/* Both guests write at random while two logs are copied. */
TEST_F_TIMEOUT(log_kvm, audit, 1000000)
{
	const char *env = getenv("VMSHM_AUDIT_SECONDS");
	time_t end = now() + (env ? strtol(env, NULL, 0) : SECONDS);
	unsigned char pages[NR];
	struct reader readers[2];
	int i, j, rounds = 0;

	for (i = 0; i < 2; i++) {
		readers[i].copy = malloc(SIZE);
		ASSERT_NE(NULL, readers[i].copy);
		readers[i].log = vt_log_open(self->fd, VMSHM_LOG_ALL_DIRTY, 0,
					     0);
		ASSERT_LE(0, readers[i].log);
	}
	do {
		for (i = 0; i < NR_VMS; i++) {
			self->vmms[i].order->stop = 0;
			ASSERT_EQ(0, start(&self->vmms[i], OP_RANDOM, 0, NR));
		}
		for (j = 0; j < 12; j++) {
			ASSERT_LE(0, fetch_and_copy(self, &readers[0], pages));
			if (j % 4 == 0)
				ASSERT_LE(0, fetch_and_copy(self, &readers[1],
							    pages));
			usleep(2000);
		}
		for (i = 0; i < NR_VMS; i++)
			self->vmms[i].order->stop = 1;
		for (i = 0; i < NR_VMS; i++)
			ASSERT_EQ(0, finish(&self->vmms[i]));
		for (i = 0; i < 2; i++) {
			ASSERT_LE(0, fetch_and_copy(self, &readers[i], pages));
			ASSERT_EQ(0, memcmp(readers[i].copy, self->mem, SIZE))
				TH_LOG("reader %d, round %d", i, rounds);
		}
		rounds++;
	} while (now() < end);
	TH_LOG("%d rounds, %ld writes", rounds,
	       self->vmms[0].order->writes + self->vmms[1].order->writes);
	for (i = 0; i < 2; i++) {
		close(readers[i].log);
		free(readers[i].copy);
	}
}

TEST_HARNESS_MAIN
