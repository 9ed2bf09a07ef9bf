// SPDX-License-Identifier: GPL-2.0
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "lib/vmshm_bind.h"
#include "lib/vmshm_env.h"
#include "lib/vmshm_sweep.h"

/* More points than any call has. */
#define MAX_POINTS	5000

/* Seconds for one sweep, on a kernel that does not check itself. */
#define SWEEP_SECONDS	300

/* What a call that fails must not change. */
enum {
	BYTES,
	REGIONS,
	META,
	SIZE,
	SEQ,
	RESIDENT,
	ALLOCATED,
	CHARGED,
	SEALS,
	MODE,
	UID,
	GID,
	DOMAIN_UID,
	OPENS,
	MAPS,
	LINKED,
	LOGS,
	BINDINGS,
	PEERS,
	FDS,
	OWN,
	NR_VALUES = OWN + VT_SWEEP_VALUES,
};

static const char * const value_names[NR_VALUES] = {
	"bytes used", "regions used", "meta used", "region_size", "seq",
	"resident", "allocated", "charged", "seals", "mode", "uid", "gid",
	"domain_uid", "opens", "maps", "linked", "logs", "bindings", "peers",
	"open descriptors", "own 0", "own 1", "own 2", "own 3", "own 4",
	"own 5", "own 6", "own 7",
};

struct state {
	unsigned long long value[NR_VALUES];
};

static int get_state(const struct vt_sweep *sweep, struct vt_ctx *ctx,
		     struct state *state)
{
	unsigned long long *value = state->value;
	struct vmshm_info info;
	struct vmshm_stat stat;
	int ret;

	memset(state, 0, sizeof(*state));
	ret = vt_info(ctx->dev, &info);
	if (ret)
		return ret;
	value[BYTES] = info.out_bytes_used;
	value[REGIONS] = info.out_regions_used;
	value[META] = info.out_meta_used;
	value[PEERS] = info.out_peers_used;
	value[FDS] = vt_nr_fds();
	if (sweep && sweep->state) {
		ret = sweep->state(ctx, &value[OWN]);
		if (ret)
			return ret;
	}
	if (ctx->fd < 0)
		return 0;
	ret = vt_stat(ctx->fd, &stat);
	if (ret)
		return ret;
	value[SIZE] = stat.out_region_size;
	value[SEQ] = stat.out_seq;
	value[RESIDENT] = stat.out_resident;
	value[ALLOCATED] = stat.out_allocated;
	value[CHARGED] = stat.out_charged;
	value[SEALS] = stat.out_seals;
	value[MODE] = stat.out_mode;
	value[UID] = stat.out_uid;
	value[GID] = stat.out_gid;
	value[DOMAIN_UID] = stat.out_domain_uid;
	value[OPENS] = stat.out_opens;
	value[MAPS] = stat.out_maps;
	value[LINKED] = stat.out_linked;
	value[LOGS] = stat.out_logs;
	value[BINDINGS] = stat.out_bindings;
	return 0;
}

/* What the sweep's call may change though it fails. */
static void forget(const struct vt_sweep *sweep, struct state *state)
{
	if (sweep->flags & VT_SWEEP_KEEPS_MEMORY) {
		state->value[BYTES] = 0;
		state->value[META] = 0;
		state->value[RESIDENT] = 0;
		state->value[ALLOCATED] = 0;
		state->value[CHARGED] = 0;
	}
	if (sweep->flags & VT_SWEEP_SPLITS)
		state->value[MAPS] = 0;
	if (sweep->flags & VT_SWEEP_OPENS)
		state->value[SEQ] = 0;
}

static void print_difference(const struct state *before,
			     const struct state *after)
{
	int i;

	for (i = 0; i < NR_VALUES; i++) {
		if (before->value[i] != after->value[i])
			printf("#   %s: %llu before, %llu after\n",
			       value_names[i], before->value[i],
			       after->value[i]);
	}
}

/* Some of it goes after a grace period, or with a work item. */
static int expect_state(const struct vt_sweep *sweep, struct vt_ctx *ctx,
			const struct state *before)
{
	struct state want = *before, now = { 0 };
	int tries, ret;

	if (sweep)
		forget(sweep, &want);
	for (tries = 0; tries < VT_PATIENCE * 100; tries++) {
		ret = get_state(sweep, ctx, &now);
		if (ret)
			return ret;
		if (sweep)
			forget(sweep, &now);
		if (!memcmp(&want, &now, sizeof(now)))
			return 0;
		usleep(10000);
	}
	print_difference(&want, &now);
	return -EILSEQ;
}

static int expect_no_event(const struct vt_sweep *sweep,
			   const struct vt_ctx *ctx)
{
	struct vmshm_event event;
	int opened = 0, ret;

	while (!vt_no_event(ctx->watch)) {
		ret = vt_next_event(ctx->watch, &event);
		if (ret)
			return ret;
		if (sweep->flags & VT_SWEEP_OPENS) {
			if (event.type == VMSHM_EVENT_OPENED && ++opened)
				continue;
			if (event.type == VMSHM_EVENT_CLOSED && opened--)
				continue;
		}
		printf("#   event %u, seq %llu\n", event.type, event.seq);
		return -EILSEQ;
	}
	return opened ? -EILSEQ : 0;
}

static int drain(int watch)
{
	struct vmshm_event event;
	int ret = 0;

	while (!ret && !vt_no_event(watch))
		ret = vt_next_event(watch, &event);
	return ret;
}

static bool contents_are(const struct vt_ctx *ctx)
{
	char buf[VT_SWEEP_SIZE / 2], want[VT_SWEEP_SIZE / 2];
	size_t i;

	/* A region that the sweep has closed. */
	if (ctx->fd < 0)
		return true;
	for (i = 0; i < sizeof(want); i++)
		want[i] = ctx->name[i % strlen(ctx->name)];
	return pread(ctx->fd, buf, sizeof(buf), 0) == sizeof(buf) &&
	       !memcmp(buf, want, sizeof(buf));
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static int set_up(const struct vt_sweep *sweep, struct vt_ctx *ctx)
{
	struct vmshm_create arg = {
		.size = sizeof(arg),
		.flags = sweep->region_flags,
		.region_size = VT_SWEEP_SIZE,
		.max_size = VT_SWEEP_MAX,
		.mode = 0600,
		.huge = sweep->huge,
	};
	char domain[VMSHM_NAME_MAX + 1], fill[VT_SWEEP_SIZE / 2];
	size_t i;
	int ret;

	*ctx = (struct vt_ctx){
		.dev = -1, .fd = -1, .watch = -1, .epoll = -1, .log = -1,
		.out = { -1, -1, -1, -1 },
	};
	vt_name(ctx->name, "swept");
	vt_name(ctx->other, "other");
	vt_name(domain, "");

	ctx->dev = vt_device();
	if (ctx->dev < 0)
		return ctx->dev;
	ctx->watch = vt_watch(ctx->dev, domain, 0, NULL);
	if (ctx->watch < 0)
		return ctx->watch;
	ctx->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (ctx->epoll < 0)
		return -errno;
	strcpy((char *)arg.name, ctx->name);
	ret = vt_ioctl(ctx->dev, VMSHM_IOC_CREATE, &arg);
	if (ret)
		return ret;
	ctx->fd = arg.out_fd;
	for (i = 0; i < sizeof(fill); i++)
		fill[i] = ctx->name[i % strlen(ctx->name)];
	if (pwrite(ctx->fd, fill, sizeof(fill), 0) != sizeof(fill))
		return -EIO;
	ret = sweep->prepare ? sweep->prepare(ctx) : 0;
	return ret ? ret : drain(ctx->watch);
}

static int tear_down(const struct vt_sweep *sweep, struct vt_ctx *ctx)
{
	int ret = sweep->undo ? sweep->undo(ctx) : 0;
	unsigned int i;

	close_fd(&ctx->epoll);
	close_fd(&ctx->log);
	for (i = VT_SWEEP_FDS; i > 0; i--)
		close_fd(&ctx->out[i - 1]);
	/* An ephemeral one may be gone, and so may one that was unlinked. */
	vt_unlink(ctx->dev, ctx->name);
	vt_unlink(ctx->dev, ctx->other);
	close_fd(&ctx->fd);
	close_fd(&ctx->watch);
	return ret;
}

static bool is_right(const struct vt_sweep *sweep, int err)
{
	unsigned int i;

	if (err == -ENOMEM || err == -EFAULT)
		return true;
	for (i = 0; i < 4 && sweep->errors[i]; i++) {
		if (err == -sweep->errors[i])
			return true;
	}
	return false;
}

/* Returns 1 if something was made to fail, 0 if not. */
static int one_point(const struct vt_sweep *sweep, bool in_task,
		     struct vt_ctx *ctx, unsigned int n)
{
	struct state before = { 0 };
	int ret, injected;

	ret = set_up(sweep, ctx);
	if (ret) {
		printf("# point %u: cannot set up: %s\n", n, strerror(-ret));
		return ret;
	}
	ret = get_state(sweep, ctx, &before);
	if (ret)
		return ret;
	if (in_task) {
		ret = sweep->task(ctx);
		if (ret >= 0)
			ret = vt_fail_other(ret);
		if (ret)
			return ret;
	}

	ret = vt_fail_arm(n);
	if (ret)
		return ret;
	ret = sweep->op(ctx);
	injected = vt_fail_judge(n, ret);
	vt_fail_other(0);
	if (injected < 0)
		return injected;

	if (ret) {
		if (!is_right(sweep, ret)) {
			printf("# point %u: wrong error: %s\n", n,
			       strerror(-ret));
			return ret;
		}
		ret = expect_state(sweep, ctx, &before);
		if (!ret)
			ret = expect_no_event(sweep, ctx);
		if (!ret && !contents_are(ctx))
			ret = -EILSEQ;
		if (ret) {
			printf("# point %u: failed, but not without effect\n",
			       n);
			return ret;
		}
		ret = sweep->op(ctx);
		if (ret) {
			printf("# point %u: fails also afterwards: %s\n", n,
			       strerror(-ret));
			return ret;
		}
	}
	if (!(sweep->flags & VT_SWEEP_EMPTIES) && !contents_are(ctx))
		ret = -EILSEQ;
	if (!ret && sweep->verify)
		ret = sweep->verify(ctx);
	if (ret) {
		printf("# point %u: says success, but its effect is wrong: %d\n",
		       n, ret);
		return ret < 0 ? ret : -EILSEQ;
	}
	return injected;
}

/* Returns the number of points at which the call was made to fail. */
static int all_points(const struct vt_sweep *sweep, bool in_task)
{
	struct vt_ctx ctx, idle = { .fd = -1 };
	struct state before = { 0 };
	unsigned int n;
	int ret, err;

	ret = vt_fail_init();
	if (!ret && sweep->start)
		ret = sweep->start();
	if (ret)
		return ret;
	idle.dev = vt_device();
	if (idle.dev < 0)
		return idle.dev;
	/* The first use of a file may keep something for the next. */
	vt_nr_fds();
	ret = get_state(NULL, &idle, &before);

	for (n = 1; ret >= 0 && n <= MAX_POINTS; n++) {
		ret = one_point(sweep, in_task, &ctx, n);
		err = tear_down(sweep, &ctx);
		if (err && ret >= 0) {
			printf("# point %u: cannot be undone: %s\n", n,
			       strerror(-err));
			ret = err;
		}
		/* Before the device is closed: the limits are its answer. */
		close_fd(&ctx.dev);
		if (ret < 0)
			break;
		err = expect_state(NULL, &idle, &before);
		if (err) {
			printf("# point %u: something is left\n", n);
			ret = err;
		}
		if (ret <= 0)
			break;
	}
	close(idle.dev);
	if (ret >= 0 && n > MAX_POINTS) {
		printf("# no end after %u points\n", n);
		ret = -ERANGE;
	}
	return ret < 0 ? ret : (int)n - 1;
}

static void sweep_process(const struct vt_sweep *sweep, bool in_task,
			  int result)
{
	int points;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(SWEEP_SECONDS);
	points = all_points(sweep, in_task);
	fflush(stdout);
	if (write(result, &points, sizeof(points)) != sizeof(points))
		_exit(1);
	_exit(0);
}

/* Returns the number of points, or a negative errno. */
static int run_sweep(const struct vt_sweep *sweep, bool in_task)
{
	int points, status, ret = 0;
	int result[2];
	pid_t pid;

	if (pipe(result))
		return -errno;
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		ret = -errno;
	if (!pid)
		sweep_process(sweep, in_task, result[1]);
	close(result[1]);
	if (!ret && read(result[0], &points, sizeof(points)) != sizeof(points))
		ret = -ECHILD;
	close(result[0]);
	if (pid > 0 && waitpid(pid, &status, 0) != pid)
		ret = -errno;
	return ret ? ret : points;
}

static bool is_named(const struct vt_sweep *sweep, int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++) {
		if (!strcmp(sweep->name, argv[i]))
			return true;
	}
	return argc < 2;
}

/* Prints the result. Returns the number of points, or a negative errno. */
static int report_sweep(const struct vt_sweep *sweep, bool in_task,
			unsigned int number)
{
	bool may_be_none = sweep->flags & VT_SWEEP_CANNOT_FAIL;
	int points = run_sweep(sweep, in_task);

	if (points < 0)
		printf("# %s\n", strerror(-points));
	else
		printf("# %d points\n", points);
	if (!points && !may_be_none)
		points = -ENODATA;
	printf("%s %u %s%s\n", points < 0 ? "not ok" : "ok", number,
	       sweep->name, in_task ? "_in_task" : "");
	return points;
}

/* The second, if there is one, is of the other task's failures. */
static unsigned int how_many(const struct vt_sweep *sweep)
{
	return sweep->task ? 2 : 1;
}

int vt_sweeps(const struct vt_sweep *sweeps, int argc, char **argv)
{
	unsigned int run = 0, failed = 0, all = 0;
	const struct vt_sweep *sweep;
	unsigned int kind, kinds;
	int points;

	for (sweep = sweeps; sweep->name; sweep++)
		run += is_named(sweep, argc, argv) ? how_many(sweep) : 0;
	printf("TAP version 13\n1..%u\n", run);
	run = 0;
	for (sweep = sweeps; sweep->name; sweep++) {
		if (!is_named(sweep, argc, argv))
			continue;
		kinds = how_many(sweep);
		for (kind = 0; kind < kinds; kind++) {
			points = report_sweep(sweep, kind, ++run);
			if (points < 0)
				failed++;
			else
				all += points;
		}
	}
	printf("# %u points in all\n", all);
	return failed || !run;
}

int vt_sweep_map(struct vt_ctx *ctx)
{
	ctx->map = vt_map(ctx->fd, VT_SWEEP_SIZE, PROT_READ | PROT_WRITE, 0);
	return ctx->map ? 0 : -errno;
}

int vt_sweep_unmap(struct vt_ctx *ctx)
{
	return vt_or_errno(munmap(ctx->map, VT_SWEEP_SIZE));
}

int vt_sweep_first_user(struct vt_ctx *ctx)
{
	return vt_act_as(VT_ALICE, VT_ALICE);
}

int vt_sweep_undo_user(struct vt_ctx *ctx)
{
	return vt_act_as_root();
}

int vt_sweep_keep(struct vt_ctx *ctx, unsigned int i, int fd)
{
	ctx->out[i] = fd < 0 ? -1 : fd;
	return fd < 0 ? fd : 0;
}

int vt_sweep_close(int *fd)
{
	int ret = close(*fd);

	*fd = -1;
	return vt_or_errno(ret);
}

int vt_sweep_binding(struct vt_ctx *ctx, unsigned long long *value)
{
	struct vmshm_bind_stat stat;
	int ret;

	if (ctx->out[0] < 0)
		return 0;
	ret = vt_bind_stat(ctx->out[0], &stat);
	if (ret)
		return ret;
	value[0] = stat.out_flags;
	value[1] = stat.out_used_slots;
	value[2] = stat.out_guest_addr;
	value[3] = stat.out_bound;
	value[4] = vt_poll(ctx->out[0]);
	return 0;
}

int vt_sweep_poll(int fd)
{
	int ret = vt_poll(fd);

	if (ret < 0)
		return ret;
	return ret & POLLIN ? 0 : -ENODATA;
}

int vt_sweep_epoll(struct vt_ctx *ctx, int fd)
{
	struct epoll_event event = { .events = EPOLLIN };

	return vt_or_errno(epoll_ctl(ctx->epoll, EPOLL_CTL_ADD, fd, &event));
}

int vt_sweep_epolled(struct vt_ctx *ctx)
{
	struct epoll_event event = { 0 };
	int ret = epoll_wait(ctx->epoll, &event, 1, VT_PATIENCE * 1000);

	if (ret < 0)
		return -errno;
	return ret == 1 && event.events & EPOLLIN ? 0 : -ENODATA;
}

int vt_sweep_fdinfo(int fd, const char *key, long long want)
{
	long long ret = vt_fdinfo(fd, key);

	if (ret < 0)
		return ret;
	return ret == want ? 0 : -ENODATA;
}

int vt_or_errno(long ret)
{
	return ret < 0 ? -errno : 0;
}
