// SPDX-License-Identifier: GPL-2.0
/*
 * The general format of ioctls: every command, with every size, unknown and
 * reserved bits, on every kind of file, with memory that cannot be used. The
 * argument is valid but for what is tested. What a command refuses has changed
 * nothing. (Values of single members are in abi_values.c.)
 *
 * compat32.c is this as a 32-bit program.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <sys/mman.h>
#include <sys/resource.h>

#include "abi.h"

FIXTURE(abi) {
	struct world w;
	long page;
	char *memory;	/* two pages, with one behind that is not there */
	char *end;	/* of the two */
	char *arg;	/* in the first */
};

FIXTURE_VARIANT(abi) {
	const struct command *command;
};

FIXTURE_VARIANT_ADD(abi, get_info) { .command = &get_info };
FIXTURE_VARIANT_ADD(abi, create) { .command = &create };
FIXTURE_VARIANT_ADD(abi, open) { .command = &open_cmd };
FIXTURE_VARIANT_ADD(abi, unlink) { .command = &unlink_cmd };
FIXTURE_VARIANT_ADD(abi, list) { .command = &list };
FIXTURE_VARIANT_ADD(abi, watch_device) { .command = &watch_device };
FIXTURE_VARIANT_ADD(abi, watch_region) { .command = &watch_region };
FIXTURE_VARIANT_ADD(abi, domain) { .command = &domain };
FIXTURE_VARIANT_ADD(abi, stat) { .command = &stat_cmd };
FIXTURE_VARIANT_ADD(abi, resize) { .command = &resize };
FIXTURE_VARIANT_ADD(abi, seal) { .command = &seal };
FIXTURE_VARIANT_ADD(abi, members) { .command = &members };
FIXTURE_VARIANT_ADD(abi, readonly) { .command = &readonly };
FIXTURE_VARIANT_ADD(abi, watch_eventfd) { .command = &watch_eventfd };
FIXTURE_VARIANT_ADD(abi, log_open) { .command = &log_open };
FIXTURE_VARIANT_ADD(abi, mark) { .command = &mark };
FIXTURE_VARIANT_ADD(abi, merge) { .command = &merge };
FIXTURE_VARIANT_ADD(abi, log_fetch) { .command = &log_fetch };
FIXTURE_VARIANT_ADD(abi, log_rearm) { .command = &log_rearm };
FIXTURE_VARIANT_ADD(abi, log_watermark) { .command = &log_watermark };
FIXTURE_VARIANT_ADD(abi, log_stat) { .command = &log_stat };

FIXTURE_VARIANT_ADD(abi, join) { .command = &join };
FIXTURE_VARIANT_ADD(abi, peers) { .command = &peers };
FIXTURE_VARIANT_ADD(abi, peer_stat) { .command = &peer_stat };
FIXTURE_VARIANT_ADD(abi, peer_set_vector) { .command = &peer_set_vector };
FIXTURE_VARIANT_ADD(abi, peer_get_vector) { .command = &peer_get_vector };
FIXTURE_VARIANT_ADD(abi, peer_ring) { .command = &peer_ring };
FIXTURE_VARIANT_ADD(abi, peer_pending) { .command = &peer_pending };

FIXTURE_SETUP(abi)
{
	self->w.c = variant->command;
	self->page = sysconf(_SC_PAGESIZE);
	self->memory = mmap(NULL, 3 * self->page, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->memory);
	self->end = self->memory + 2 * self->page;
	ASSERT_EQ(0, munmap(self->end, self->page));
	self->arg = self->memory;
	make_world(_metadata, &self->w);
}

FIXTURE_TEARDOWN(abi)
{
	end_world(_metadata, &self->w);
	munmap(self->memory, 2 * self->page);
}

/* A valid argument at @arg, with @size behind it zero up to @room. */
static void fill(struct world *w, void *arg, __u32 size, size_t room)
{
	memset(arg, 0, room);
	w->c->fill(w, arg);
	memcpy(arg, &size, sizeof(size));
}

static int call(struct world *w, void *arg)
{
	return vt_ioctl(w->files[w->c->kind], w->c->cmd, arg);
}

/* What a call that succeeded leaves behind; @was is a copy of its argument. */
static void check_done(struct __test_metadata *_metadata,
		       struct world *w, const char *arg,
		       const char *was, size_t room, const struct state *before)
{
	const struct command *c = w->c;
	struct state after;
	char masked[2 * 4096];
	size_t i;

	ASSERT_GE(sizeof(masked), room);
	memcpy(masked, arg, room);
	for (i = 0; i < ARRAY_SIZE(c->out); i++)
		memset(masked + c->out[i].start, 0,
		       c->out[i].end - c->out[i].start);
	EXPECT_EQ(0, memcmp(masked, was, room));

	/* Before c->good(), which tries out what it got. */
	get_state(_metadata, w, &after);
	EXPECT_EQ(c->changes, !!memcmp(before, &after, sizeof(after)));
	if (c->out_fd) {
		int fd;

		memcpy(&fd, arg + c->out_fd, sizeof(fd));
		EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
		EXPECT_EQ(before->nr_fds + 1, after.nr_fds);
	} else {
		EXPECT_EQ(before->nr_fds, after.nr_fds);
	}
	EXPECT_TRUE(c->good(w, arg));
}

/* Whether anything is not as it was. */
static bool changed(struct __test_metadata *_metadata,
		    struct world *w, const struct state *before)
{
	struct state now;

	get_state(_metadata, w, &now);
	if (w->c->marks_again && now.dirty > before->dirty)
		now.dirty = before->dirty;
	return memcmp(before, &now, sizeof(now));
}

/* @arg is that of a call that succeeded. */
static void start_again(struct __test_metadata *_metadata, struct world *w,
			const char *arg)
{
	int fd;

	if (w->c->out_fd) {
		memcpy(&fd, arg + w->c->out_fd, sizeof(fd));
		close(fd);
	}
	end_world(_metadata, w);
	make_world(_metadata, w);
}

static void check_accepted(struct __test_metadata *_metadata, struct world *w,
			   char *arg)
{
	struct state before;
	char was[4096];

	fill(w, arg, w->c->size, w->c->size);
	memcpy(was, arg, w->c->size);
	get_state(_metadata, w, &before);
	ASSERT_EQ(0, call(w, arg));
	check_done(_metadata, w, arg, was, w->c->size, &before);
}

TEST_F(abi, accepted)
{
	check_accepted(_metadata, &self->w, self->arg);
}

TEST_F(abi, shorter)
{
	struct state before;
	__u32 first, size;

	first = self->w.c->first_size ?: self->w.c->size;
	get_state(_metadata, &self->w, &before);
	for (size = 0; size < first; size++) {
		fill(&self->w, self->arg, size, self->w.c->size);
		EXPECT_EQ(-EINVAL, call(&self->w, self->arg)) {
			TH_LOG("size %u", size);
		}
	}
	EXPECT_FALSE(changed(_metadata, &self->w, &before));
}

/* A program that was compiled with the first version of a struct that grew. */
TEST_F(abi, first_version)
{
	__u32 first = self->w.c->first_size;
	struct state before;
	char was[4096];

	if (!first)
		return;
	memset(self->arg, 0x55, self->page);
	fill(&self->w, self->arg, first, first);
	memcpy(was, self->arg, self->w.c->size);
	get_state(_metadata, &self->w, &before);
	ASSERT_EQ(0, call(&self->w, self->arg));
	/* Nothing was written behind it. */
	EXPECT_EQ(0, memcmp(self->arg + first, was + first,
			    self->w.c->size - first));
	memset(was + first, 0, self->w.c->size - first);
	memset(self->arg + first, 0, self->w.c->size - first);
	check_done(_metadata, &self->w, self->arg, was, first, &before);
}

TEST_F(abi, longer_zero_tail)
{
	const size_t size = self->w.c->size;
	const size_t longer[] = { size + 1, size + 7, size + 8, self->page };
	struct state before;
	char was[4096];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(longer); i++) {
		fill(&self->w, self->arg, longer[i], longer[i]);
		memcpy(was, self->arg, longer[i]);
		get_state(_metadata, &self->w, &before);
		ASSERT_EQ(0, call(&self->w, self->arg)) {
			TH_LOG("size %zu", longer[i]);
		}
		check_done(_metadata, &self->w, self->arg, was, longer[i],
			   &before);
		start_again(_metadata, &self->w, self->arg);
	}
}

TEST_F(abi, longer_garbage_tail)
{
	const size_t size = self->w.c->size;
	const size_t longer[] = { size + 1, size + 8, size + 9, self->page };
	struct state before;
	size_t i, at;

	get_state(_metadata, &self->w, &before);
	for (i = 0; i < ARRAY_SIZE(longer); i++) {
		for (at = size; at < longer[i]; at += at < size + 9 ? 1 : 97) {
			fill(&self->w, self->arg, longer[i], longer[i]);
			self->arg[at] = 0x40;
			EXPECT_EQ(-E2BIG, call(&self->w, self->arg)) {
				TH_LOG("size %zu, byte %zu", longer[i], at);
			}
		}
		fill(&self->w, self->arg, longer[i], longer[i]);
		self->arg[longer[i] - 1] = 1;
		EXPECT_EQ(-E2BIG, call(&self->w, self->arg)) {
			TH_LOG("size %zu, last byte", longer[i]);
		}
	}
	EXPECT_FALSE(changed(_metadata, &self->w, &before));
}

TEST_F(abi, longer_than_page)
{
	const __u32 sizes[] = {
		self->page + 1, 2 * self->page, 0x7fffffff, 0x80000000,
		0xffffffff,
	};
	struct state before;
	size_t i;

	get_state(_metadata, &self->w, &before);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		fill(&self->w, self->arg, sizes[i], 2 * self->page);
		EXPECT_EQ(-E2BIG, call(&self->w, self->arg)) {
			TH_LOG("size %u", sizes[i]);
		}
	}
	EXPECT_FALSE(changed(_metadata, &self->w, &before));
}

TEST_F(abi, unknown_flags)
{
	struct state before;
	__u32 bit;

	get_state(_metadata, &self->w, &before);
	for (bit = 1; bit; bit <<= 1) {
		if (self->w.c->flags & bit)
			continue;
		fill(&self->w, self->arg, self->w.c->size, self->w.c->size);
		memcpy(self->arg + sizeof(__u32), &bit, sizeof(bit));
		EXPECT_EQ(-EOPNOTSUPP, call(&self->w, self->arg)) {
			TH_LOG("flag 0x%x", bit);
		}
	}
	EXPECT_FALSE(changed(_metadata, &self->w, &before));
}

static void check_zero(struct __test_metadata *_metadata, struct world *w,
		       char *arg, const struct range *range)
{
	size_t i;

	for (i = range->start; i < range->end; i++) {
		fill(w, arg, w->c->size, w->c->size);
		arg[i] = 1;
		EXPECT_EQ(-EINVAL, call(w, arg)) {
			TH_LOG("byte %zu", i);
		}
	}
}

TEST_F(abi, must_be_zero)
{
	const struct command *c = self->w.c;
	struct state before;
	size_t i;

	get_state(_metadata, &self->w, &before);
	for (i = 0; i < ARRAY_SIZE(c->out); i++)
		check_zero(_metadata, &self->w, self->arg, &c->out[i]);
	for (i = 0; i < ARRAY_SIZE(c->reserved); i++)
		check_zero(_metadata, &self->w, self->arg, &c->reserved[i]);
	EXPECT_FALSE(changed(_metadata, &self->w, &before));
}

/* All commands on files that they are not for. */
TEST_F(abi, wrong_file)
{
	int others[NR_KINDS + 3], nr = 0, kind, i, pipes[2];
	struct state before;
	size_t j;

	if (!self->w.c->needs_log)
		add_log(_metadata, &self->w);
	if (!self->w.c->needs_binding)
		add_binding(_metadata, &self->w);
	for (kind = 0; kind < NR_KINDS; kind++) {
		bool has = false;

		for (j = 0; j < ARRAY_SIZE(commands); j++)
			has |= commands[j]->cmd == self->w.c->cmd &&
			       commands[j]->kind == (enum kind)kind;
		if (!has)
			others[nr++] = self->w.files[kind];
	}
	ASSERT_NE(0, nr);
	ASSERT_EQ(0, pipe2(pipes, O_CLOEXEC));
	others[nr++] = pipes[0];
	others[nr] = open("/dev/null", O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, others[nr]);
	others[++nr] = memfd_create("abi", MFD_CLOEXEC);
	ASSERT_LE(0, others[nr]);
	nr++;

	get_state(_metadata, &self->w, &before);
	for (i = 0; i < nr; i++) {
		fill(&self->w, self->arg, self->w.c->size, self->w.c->size);
		EXPECT_EQ(-ENOTTY, vt_ioctl(others[i], self->w.c->cmd,
					    self->arg)) {
			TH_LOG("file %d", i);
		}
	}
	EXPECT_EQ(-EBADF, vt_ioctl(-1, self->w.c->cmd, self->arg));
	EXPECT_FALSE(changed(_metadata, &self->w, &before));
	for (i = nr - 3; i < nr; i++)
		close(others[i]);
	close(pipes[1]);
}

/* The number is right, but not the direction, the size or the type. */
TEST_F(abi, wrong_command_bits)
{
	int fd = self->w.files[self->w.c->kind], bit;
	struct state before;

	get_state(_metadata, &self->w, &before);
	for (bit = 8; bit < 32; bit++) {
		unsigned int cmd = self->w.c->cmd ^ (1U << bit);

		fill(&self->w, self->arg, self->w.c->size, self->w.c->size);
		EXPECT_EQ(-ENOTTY, vt_ioctl(fd, cmd, self->arg)) {
			TH_LOG("command 0x%x", cmd);
		}
	}
	EXPECT_EQ(-ENOTTY, vt_ioctl(fd, _IOC(_IOC_READ | _IOC_WRITE,
					     VMSHM_IOC_TYPE,
					     _IOC_NR(self->w.c->cmd),
					     self->w.c->size), self->arg));
	EXPECT_FALSE(changed(_metadata, &self->w, &before));
}

TEST_F(abi, bad_pointer)
{
	void *bad[] = {
		NULL, (void *)1, self->end, (void *)-1, (void *)-4096L,
		/* In the kernel's half, if there is one. */
		(void *)(uintptr_t)0xffff888000000000ULL,
		(void *)(uintptr_t)0x8000000000000000ULL,
	};
	struct state before;
	size_t i;

	get_state(_metadata, &self->w, &before);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-EFAULT, call(&self->w, bad[i])) {
			TH_LOG("pointer %p", bad[i]);
		}
	}
	EXPECT_FALSE(changed(_metadata, &self->w, &before));
}

/* Only part of the argument is there, the first @n bytes. */
TEST_F(abi, cut_off)
{
	struct state before;
	char good[4096];
	size_t n;

	fill(&self->w, good, self->w.c->size, self->w.c->size);
	get_state(_metadata, &self->w, &before);
	for (n = 0; n < self->w.c->size; n++) {
		memcpy(self->end - n, good, n);
		EXPECT_EQ(-EFAULT, call(&self->w, self->end - n)) {
			TH_LOG("%zu bytes", n);
		}
	}
	EXPECT_FALSE(changed(_metadata, &self->w, &before));

	/* A tail is to be read, too. */
	fill(&self->w, self->end - n, n + 8, n);
	EXPECT_EQ(-EFAULT, call(&self->w, self->end - n));
	EXPECT_FALSE(changed(_metadata, &self->w, &before));
}

/* All of it is there, and nothing behind. */
TEST_F(abi, ends_at_edge)
{
	check_accepted(_metadata, &self->w, self->end - self->w.c->size);
}

TEST_F(abi, misaligned)
{
	check_accepted(_metadata, &self->w, self->arg + 1);
}

/*
 * The results cannot be written: nothing has happened. A command that has none
 * need not write.
 */
TEST_F(abi, readonly_memory)
{
	struct state before;
	char was[4096];
	int ret;

	fill(&self->w, self->arg, self->w.c->size, self->w.c->size);
	memcpy(was, self->arg, self->w.c->size);
	get_state(_metadata, &self->w, &before);
	ASSERT_EQ(0, mprotect(self->memory, self->page, PROT_READ));
	ret = call(&self->w, self->arg);
	if (self->w.c->out[0].end || ret) {
		EXPECT_EQ(-EFAULT, ret);
		EXPECT_FALSE(changed(_metadata, &self->w, &before));
	} else {
		check_done(_metadata, &self->w, self->arg, was, self->w.c->size,
			   &before);
	}
	EXPECT_EQ(0, memcmp(was, self->arg, self->w.c->size));
}

/* The same, of all but the first bytes. */
TEST_F(abi, readonly_half)
{
	char *middle = self->memory + self->page;
	struct state before;
	char good[4096];
	size_t n;
	int ret;

	get_state(_metadata, &self->w, &before);
	for (n = 4; n < self->w.c->size; n += n < 40 ? 4 : 68) {
		char *arg = middle - n;

		fill(&self->w, good, self->w.c->size, self->w.c->size);
		memcpy(arg, good, self->w.c->size);
		ASSERT_EQ(0, mprotect(middle, self->page, PROT_READ));
		ret = call(&self->w, arg);
		if (ret) {
			ASSERT_EQ(-EFAULT, ret);
			ASSERT_FALSE(changed(_metadata, &self->w, &before));
		} else {
			check_done(_metadata, &self->w, arg, good,
				   self->w.c->size, &before);
		}
		ASSERT_EQ(0, mprotect(middle, self->page,
				      PROT_READ | PROT_WRITE));
		if (ret)
			continue;
		start_again(_metadata, &self->w, arg);
		get_state(_metadata, &self->w, &before);
	}
}

TEST_F(abi, no_descriptor_left)
{
	struct state before;
	struct rlimit rlim;

	if (!self->w.c->out_fd)
		return;
	get_state(_metadata, &self->w, &before);
	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &rlim));
	fill(&self->w, self->arg, self->w.c->size, self->w.c->size);
	rlim.rlim_cur = 0;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &rlim));
	EXPECT_EQ(-EMFILE, call(&self->w, self->arg));
	rlim.rlim_cur = rlim.rlim_max;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &rlim));
	EXPECT_FALSE(changed(_metadata, &self->w, &before));
}

TEST(unknown_commands)
{
	struct world w = { 0 };
	char arg[4096] = { 0 };
	__u32 size = 64;
	unsigned int nr;
	size_t i;
	int kind;

	make_world(_metadata, &w);
	add_log(_metadata, &w);
	add_binding(_metadata, &w);
	memcpy(arg, &size, sizeof(size));
	for (kind = 0; kind < NR_KINDS; kind++) {
		for (nr = 0; nr < 256; nr++) {
			bool known = false;

			for (i = 0; i < ARRAY_SIZE(commands); i++)
				known |= _IOC_NR(commands[i]->cmd) == nr &&
					 commands[i]->kind == (enum kind)kind;
			if (known)
				continue;
			EXPECT_EQ(-ENOTTY,
				  vt_ioctl(w.files[kind],
					   _IO(VMSHM_IOC_TYPE, nr), arg)) {
				TH_LOG("number 0x%x, file %d", nr, kind);
			}
		}
	}
	end_world(_metadata, &w);
}

TEST_HARNESS_MAIN
