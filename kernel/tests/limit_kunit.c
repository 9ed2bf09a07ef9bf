// SPDX-License-Identifier: GPL-2.0
/*
 * Limits: arithmetic at the ends, and many at once.
 */
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/kthread.h>

#include "../limit.c"

static void limit_bytes(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, vmshm_limit_bytes(0, 20), 0ULL);
	KUNIT_EXPECT_EQ(test, vmshm_limit_bytes(3, 10), 3072ULL);
	KUNIT_EXPECT_EQ(test, vmshm_limit_bytes(S64_MAX >> 20, 20),
			(u64)(S64_MAX >> 20) << 20);
	/* What would not fit is as much as does. */
	KUNIT_EXPECT_EQ(test, vmshm_limit_bytes((S64_MAX >> 20) + 1, 20),
			(u64)(S64_MAX >> 20) << 20);
	KUNIT_EXPECT_EQ(test, vmshm_limit_bytes(ULONG_MAX, 10),
			(u64)(S64_MAX >> 10) << 10);
	KUNIT_EXPECT_EQ(test, vmshm_limit_memory(0),
			(u64)(totalram_pages() / 2) << PAGE_SHIFT);
	KUNIT_EXPECT_EQ(test, vmshm_limit_memory(1), (u64)SZ_1M);
}

static void limit_charge(struct kunit *test)
{
	atomic64_t counter = ATOMIC64_INIT(0);

	KUNIT_EXPECT_FALSE(test, vmshm_charge(&counter, 1, 0));
	KUNIT_EXPECT_FALSE(test, vmshm_charge(&counter, 11, 10));
	KUNIT_EXPECT_FALSE(test, vmshm_charge(&counter, U64_MAX, 10));
	KUNIT_EXPECT_TRUE(test, vmshm_charge(&counter, 4, 10));
	KUNIT_EXPECT_FALSE(test, vmshm_charge(&counter, 7, 10));
	KUNIT_EXPECT_EQ(test, atomic64_read(&counter), 4LL);
	KUNIT_EXPECT_TRUE(test, vmshm_charge(&counter, 6, 10));
	KUNIT_EXPECT_TRUE(test, vmshm_charge(&counter, 0, 10));
	KUNIT_EXPECT_FALSE(test, vmshm_charge(&counter, 1, 10));
	/* A limit that was lowered since. */
	KUNIT_EXPECT_FALSE(test, vmshm_charge(&counter, 1, 5));
	vmshm_uncharge(&counter, 10);
	KUNIT_EXPECT_EQ(test, atomic64_read(&counter), 0LL);
	/* No sum exceeds what the counter holds. */
	KUNIT_EXPECT_TRUE(test, vmshm_charge(&counter, S64_MAX, S64_MAX));
	KUNIT_EXPECT_FALSE(test, vmshm_charge(&counter, 1, S64_MAX));
	KUNIT_EXPECT_EQ(test, atomic64_read(&counter), S64_MAX);
}

#define THREADS		4
#define ROUNDS		20000
#define LIMIT		7

struct chargers {
	atomic64_t counter;
	atomic_t over;
	atomic_t left;
	struct completion done;
};

static int charger(void *data)
{
	struct chargers *c = data;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		if (vmshm_charge(&c->counter, 3, LIMIT)) {
			if (atomic64_read(&c->counter) > LIMIT)
				atomic_inc(&c->over);
			vmshm_uncharge(&c->counter, 3);
		}
		cond_resched();
	}
	if (atomic_dec_and_test(&c->left))
		complete(&c->done);
	return 0;
}

/* Neither too much is granted, nor is anything left. */
static void limit_race(struct kunit *test)
{
	struct chargers *c = kunit_kzalloc(test, sizeof(*c), GFP_KERNEL);
	struct task_struct *task;
	int i;

	KUNIT_ASSERT_NOT_NULL(test, c);
	init_completion(&c->done);
	atomic_set(&c->left, THREADS);
	for (i = 0; i < THREADS; i++) {
		task = kthread_run(charger, c, "vmshm-charger");
		KUNIT_EXPECT_FALSE(test, IS_ERR(task));
		if (IS_ERR(task) && atomic_dec_and_test(&c->left))
			complete(&c->done);
	}
	wait_for_completion(&c->done);
	KUNIT_EXPECT_EQ(test, atomic_read(&c->over), 0);
	KUNIT_EXPECT_EQ(test, atomic64_read(&c->counter), 0LL);
}

static struct vmshm_user *limit_user(struct kunit *test)
{
	struct vmshm_user *user = vmshm_user_get(&init_user_ns);

	KUNIT_ASSERT_FALSE(test, IS_ERR(user));
	return user;
}

static void limit_same_user(struct kunit *test)
{
	struct vmshm_user *user = limit_user(test);

	KUNIT_EXPECT_PTR_EQ(test, limit_user(test), user);
	KUNIT_EXPECT_EQ(test, refcount_read(&user->ref), 2U);
	vmshm_user_put(user);
	vmshm_user_put(user);
	spin_lock(&vmshm_users_lock);
	user = vmshm_user_find(current_fsuid());
	spin_unlock(&vmshm_users_lock);
	KUNIT_EXPECT_NULL(test, user);
}

static void limit_objects(struct kunit *test)
{
	struct vmshm_user *user = limit_user(test);
	unsigned int max = peers_user;

	peers_user = 2;
	KUNIT_EXPECT_EQ(test, vmshm_charge_one(user, VMSHM_OBJECT_PEER), 0);
	KUNIT_EXPECT_EQ(test, vmshm_charge_one(user, VMSHM_OBJECT_PEER), 0);
	KUNIT_EXPECT_EQ(test, vmshm_charge_one(user, VMSHM_OBJECT_PEER),
			-EDQUOT);
	/* Each kind has its own. */
	KUNIT_EXPECT_EQ(test, vmshm_charge_one(user, VMSHM_OBJECT_WATCH), 0);
	vmshm_uncharge_one(user, VMSHM_OBJECT_WATCH);
	vmshm_uncharge_one(user, VMSHM_OBJECT_PEER);
	KUNIT_EXPECT_EQ(test, vmshm_charge_one(user, VMSHM_OBJECT_PEER), 0);
	vmshm_uncharge_one(user, VMSHM_OBJECT_PEER);
	vmshm_uncharge_one(user, VMSHM_OBJECT_PEER);
	peers_user = max;
	vmshm_user_put(user);
}

/* What all together may not have is not left with the user. */
static void limit_pages(struct kunit *test)
{
	struct vmshm_user *user = limit_user(test);
	u64 pages = SZ_1M >> PAGE_SHIFT;

	bytes_user_mb = 2;
	bytes_total_mb = 1;
	KUNIT_EXPECT_EQ(test, vmshm_charge_pages(user, 0), 0);
	KUNIT_EXPECT_EQ(test, vmshm_charge_pages(user, pages + 1), -ENOSPC);
	KUNIT_EXPECT_EQ(test, atomic64_read(&user->bytes), 0LL);
	KUNIT_EXPECT_EQ(test, vmshm_charge_pages(user, 2 * pages + 1), -EDQUOT);
	KUNIT_EXPECT_EQ(test, vmshm_charge_pages(user, pages), 0);
	KUNIT_EXPECT_EQ(test, vmshm_charge_pages(user, 1), -ENOSPC);
	KUNIT_EXPECT_EQ(test, atomic64_read(&user->bytes), (s64)SZ_1M);
	vmshm_uncharge_pages(user, pages - 1);
	vmshm_uncharge_pages(user, 1);
	KUNIT_EXPECT_EQ(test, atomic64_read(&vmshm_total_bytes), 0LL);
	/* The largest number of pages there can be. */
	KUNIT_EXPECT_EQ(test, vmshm_charge_pages(user,
						 VMSHM_MAX_SIZE >> PAGE_SHIFT),
			-EDQUOT);
	bytes_user_mb = 0;
	bytes_total_mb = 0;
	vmshm_user_put(user);
}

static struct kunit_case limit_tests[] = {
	KUNIT_CASE(limit_bytes),
	KUNIT_CASE(limit_charge),
	KUNIT_CASE(limit_race),
	KUNIT_CASE(limit_same_user),
	KUNIT_CASE(limit_objects),
	KUNIT_CASE(limit_pages),
	{}
};

static struct kunit_suite limit_suite = {
	.name = "vmshm_limit",
	.test_cases = limit_tests,
};

kunit_test_suite(limit_suite);
