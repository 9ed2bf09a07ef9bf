// SPDX-License-Identifier: GPL-2.0
/*
 * vmshm-ivshmem-server: what it makes of a kernel that says no. The library is
 * that of this file.
 */

#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../ivshmem-server/server.h"
#include "mock.h"

#define NUMBER		3
#define GENERATION	17

static int dummy;
/* What the library is to say: errors, and a peer's eventfd. */
static int watch_fd, watch_error, list_error, vector_error, vector_fd, old_fd;
static struct vmshm_event event;
static bool is_event;
/* How often clients were told that there may be news. */
static int changed;

static struct group *group;
static struct client client;

int vmshm_region_open(const struct vmshm_context *context, const char *name,
		      const struct vmshm_region_open_options *options,
		      struct vmshm_region **region)
{
	(void)context;
	(void)name;
	(void)options;
	*region = (void *)&dummy;
	return 0;
}

int vmshm_region_stat(const struct vmshm_region *region,
		      struct vmshm_stat *stat, size_t stat_size)
{
	(void)region;
	memset(stat, 0, stat_size);
	stat->out_region_size = 4096;
	return 0;
}

void vmshm_region_close(struct vmshm_region *region)
{
	(void)region;
}

int vmshm_watcher_open_region(const struct vmshm_region *region,
			      const struct vmshm_watcher_options *options,
			      struct vmshm_watcher **watcher)
{
	(void)region;
	(void)options;
	*watcher = (void *)&dummy;
	return 0;
}

int vmshm_watcher_fd(const struct vmshm_watcher *watcher)
{
	(void)watcher;
	return watch_fd;
}

int vmshm_watcher_next(struct vmshm_watcher *watcher,
		       const struct vmshm_event **next)
{
	eventfd_t value;

	(void)watcher;
	if (watch_error)
		return watch_error;
	eventfd_read(watch_fd, &value);
	if (!is_event)
		return -EAGAIN;
	is_event = false;
	*next = &event;
	return 1;
}

void vmshm_watcher_close(struct vmshm_watcher *watcher)
{
	(void)watcher;
}

static const struct vmshm_peer_info *left;

int vmshm_peer_list_open(const struct vmshm_region *region,
			 struct vmshm_peer_list **peers)
{
	static const struct vmshm_peer_info info = {
		.number = NUMBER,
		.vectors = 1,
		.eventfds = 1,
		.generation = GENERATION,
	};

	(void)region;
	left = &info;
	*peers = (void *)&dummy;
	return list_error;
}

size_t vmshm_peer_list_count(const struct vmshm_peer_list *peers)
{
	(void)peers;
	return 1;
}

int vmshm_peer_list_next(struct vmshm_peer_list *peers,
			 const struct vmshm_peer_info **info)
{
	(void)peers;
	*info = left;
	left = NULL;
	return !!*info;
}

void vmshm_peer_list_close(struct vmshm_peer_list *peers)
{
	(void)peers;
}

int vmshm_peer_get_vector(const struct vmshm_peer *peer, __u32 number,
			  __u64 generation, __u32 vector, int *fd)
{
	(void)peer;
	assert_int_equal(number, NUMBER);
	assert_int_equal(generation, GENERATION);
	assert_int_equal(vector, 0);
	if (vector_error)
		return vector_error;
	*fd = fcntl(vector_fd, F_DUPFD_CLOEXEC, 0);
	return *fd < 0 ? -errno : 0;
}

__u64 vmshm_peer_generation(const struct vmshm_peer *peer)
{
	(void)peer;
	return GENERATION + 1;
}

void client_changed(struct client *which, uint32_t number)
{
	assert_ptr_equal(which, &client);
	assert_int_equal(number, NUMBER);
	changed++;
}

void client_free(struct client *which)
{
	which->group->clients = NULL;
}

static void run_once(void)
{
	assert_return_code(sd_event_run(group->event, 10000000), 0);
}

static void news(uint32_t type)
{
	event = (struct vmshm_event){
		.type = type,
		.value = NUMBER,
		.old_value = GENERATION,
	};
	is_event = true;
	assert_int_equal(eventfd_write(watch_fd, 1), 0);
}

/* By another, while clients have the one before. */
static void replace_eventfd(void)
{
	old_fd = vector_fd;
	vector_fd = eventfd(0, EFD_CLOEXEC);
	assert_return_code(vector_fd, errno);
}

/* A client that was given the eventfd of another peer. */
static int setup(void **state)
{
	static const struct vmshm_region_open_options options;
	int fd;

	(void)state;
	old_fd = -1;
	watch_error = 0;
	list_error = 0;
	vector_error = 0;
	is_event = false;
	watch_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	vector_fd = eventfd(0, EFD_CLOEXEC);
	assert_true(watch_fd >= 0 && vector_fd >= 0);

	/* group_free() frees it. */
	group = calloc(1, sizeof(*group));
	assert_non_null(group);
	group->name = "vm1/ram";
	group->limits.vectors = 1;
	assert_return_code(sd_event_new(&group->event), 0);
	assert_int_equal(group_new(group, NULL, &options), STATUS_OK);
	client = (struct client){ .group = group };
	group->clients = &client;
	assert_int_equal(group_get_vector(group, &client, group->peers, 0,
					  &fd), 0);
	close(fd);
	changed = 0;
	return 0;
}

static int teardown(void **state)
{
	sd_event *loop = group->event;

	(void)state;
	group_free(group);
	sd_event_unref(loop);
	close(watch_fd);
	close(vector_fd);
	close(old_fd);
	return 0;
}

/* Leaves so many descriptors; -1 for as many as there were. */
static void leave_descriptors(int count)
{
	static struct rlimit before;
	struct rlimit limit;
	int fd = 0;

	if (count < 0) {
		assert_return_code(setrlimit(RLIMIT_NOFILE, &before), errno);
		return;
	}
	assert_return_code(getrlimit(RLIMIT_NOFILE, &before), errno);
	limit = before;
	for (limit.rlim_cur = 0; ; fd++) {
		if (fcntl(fd, F_GETFD) < 0 && !count--)
			break;
		limit.rlim_cur++;
	}
	assert_return_code(setrlimit(RLIMIT_NOFILE, &limit), errno);
}

/* An eventfd that nothing can be found out about is not another one. */
static void no_descriptor_to_compare(void **state)
{
	int fd, rc;

	(void)state;
	leave_descriptors(1);
	rc = group_get_vector(group, &client, group->peers, 0, &fd);
	leave_descriptors(-1);
	assert_int_equal(rc, -ENOMEM);
	assert_int_equal(changed, 0);
	assert_int_equal(group->peers[0].epoch, 0);
	assert_int_equal(group_get_vector(group, &client, group->peers, 0,
					  &fd), 0);
	close(fd);
}

static void no_descriptor_when_suspect(void **state)
{
	(void)state;
	news(VMSHM_EVENT_VECTOR);
	leave_descriptors(1);
	run_once();
	leave_descriptors(-1);
	assert_int_equal(group->peers[0].epoch, 0);
	assert_true(group->peers[0].is_suspect);
	run_once();
	assert_int_equal(group->peers[0].epoch, 0);
	assert_false(group->peers[0].is_suspect);
}

/* One that was replaced is found out, if later. */
static void replaced_and_no_descriptor(void **state)
{
	(void)state;
	replace_eventfd();
	vector_error = -EMFILE;
	news(VMSHM_EVENT_VECTOR);
	run_once();
	assert_int_equal(group->peers[0].epoch, 0);
	run_once();
	assert_int_equal(group->peers[0].epoch, 0);
	vector_error = 0;
	run_once();
	assert_int_equal(group->peers[0].epoch, 1);
	assert_false(group->peers[0].is_suspect);

	/* Of one that is not there any more there is other news. */
	vector_error = -ENOENT;
	news(VMSHM_EVENT_VECTOR);
	run_once();
	assert_int_equal(group->peers[0].epoch, 1);
	assert_false(group->peers[0].is_suspect);
}

static void no_list(void **state)
{
	(void)state;
	replace_eventfd();
	list_error = -ENOMEM;
	news(VMSHM_EVENT_VECTOR);
	run_once();
	/* Tried again. */
	run_once();
	assert_int_equal(group->peers[0].epoch, 0);
	list_error = 0;
	run_once();
	assert_int_equal(group->peers[0].epoch, 1);
}

static void no_events(void **state)
{
	(void)state;
	watch_error = -EIO;
	news(VMSHM_EVENT_JOINED);
	assert_int_equal(sd_event_loop(group->event), STATUS_FAILED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(no_descriptor_to_compare),
		TEST(no_descriptor_when_suspect),
		TEST(replaced_and_no_descriptor),
		TEST(no_list),
		TEST(no_events),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
