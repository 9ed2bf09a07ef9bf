/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests share. Everything calls the kernel directly, not through the
 * library: a test sees what any program could do.
 *
 * Functions return a negative errno on failure if nothing else is said. They
 * neither print nor end the test; VT_CHECK() does, in processes that a test
 * starts, where the harness' ASSERT macros are of no use.
 */
#ifndef _VMSHM_TEST_H
#define _VMSHM_TEST_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include <linux/vmshm.h>

#define VT_DEVICE	"/dev/vmshm"

/*
 * Seconds after which something that must happen counts as not happening. No
 * test passes by waiting that long.
 */
#define VT_PATIENCE	25

/* How much longer everything may take on this kernel; 1 on those of Debian. */
unsigned int vt_timeout_scale(void);

/* Unprivileged users; they need no entry in /etc/passwd. */
#define VT_ALICE	12345
#define VT_BOB		12346

/* Ends a process that a test started, and says why. */
#define VT_CHECK(cond)							\
	do {								\
		if (!(cond)) {						\
			fprintf(stderr, "# %s:%d: not true: %s (errno %s)\n", \
				__FILE__, __LINE__, #cond,		\
				strerror(errno));			\
			_exit(1);					\
		}							\
	} while (0)

/* ioctls; @dev is a file of the device, @fd one of a region. */

int vt_ioctl(int fd, unsigned long cmd, void *arg);

/* Opens the device, with O_CLOEXEC. */
int vt_device(void);

/*
 * Fills @name with a name in a domain that no other process uses:
 * "test-PID/SUFFIX". Returns @name.
 */
const char *vt_name(char name[VMSHM_NAME_MAX + 1], const char *suffix);

int vt_info(int dev, struct vmshm_info *info);

/* Each returns the new descriptor. */
int vt_create(int dev, const char *name, __u64 size, __u64 max_size,
	      __u32 flags, __u32 mode);
int vt_open(int dev, const char *name, __u32 flags);
int vt_readonly(int fd);
int vt_watch(int fd, const char *prefix, __u32 events, __u64 *seq);

int vt_unlink(int dev, const char *name);
int vt_resize(int fd, __u64 size);
int vt_seal(int fd, __u32 add);
int vt_stat(int fd, struct vmshm_stat *stat);
int vt_watch_eventfd(int watch, int eventfd);

/* Returns the number of members there are. */
int vt_members(int fd, struct vmshm_member *members, __u32 count);

/* The first such element of a list of members, or NULL. */
const struct vmshm_member *vt_find_member(const struct vmshm_member *members,
					  int count, __u32 type, pid_t pid);

/* Events. */

/*
 * Waits for an event and reads it. -ETIMEDOUT: none came; -ENODATA: end of
 * file, there will be none.
 */
int vt_next_event(int watch, struct vmshm_event *event);

/* Whether there is nothing to read now. */
bool vt_no_event(int watch);

/* poll() without waiting: revents, with all events asked for. */
int vt_poll(int fd);

/* Processes. */

struct vt_child {
	pid_t pid;
	int sock;	/* to the child; in the child: to its parent */
};

/*
 * fork(). The child is killed when its parent ends, and its end of the socket
 * is @child->sock. Returns as fork() does.
 */
pid_t vt_fork(struct vt_child *child);

/* Tell the other side to go on; wait until it says so. -EPIPE if it is gone. */
int vt_tell(int sock);
int vt_hear(int sock);

/* Pass a descriptor; vt_recv_fd() returns the new one. */
int vt_send_fd(int sock, int fd);
int vt_recv_fd(int sock);

/*
 * Wait for the end of a child, after a SIGKILL in case of vt_kill(). Returns
 * its exit status, or 128 and the number of the signal that ended it.
 */
int vt_wait(struct vt_child *child);
int vt_kill(struct vt_child *child);

/* Waits until a child has ended, and leaves it a zombie. */
int vt_wait_zombie(pid_t pid);

/* Waits until a thread, which may be the caller's, is a zombie or gone. */
int vt_wait_dead_thread(pid_t pid, pid_t tid);

/* Waits until a process is called @comm. Returns 0, -ESRCH or -ETIMEDOUT. */
int vt_wait_comm(pid_t pid, const char *comm);

/*
 * Become an unprivileged user who may open the device, as members of its group
 * may.
 */
int vt_become(uid_t uid);

/*
 * Enter a new user namespace, in which @uid is the present effective user and
 * nobody else exists; the same for groups.
 */
int vt_unshare_user(uid_t uid);

/* Reads a file into a NUL-terminated buffer; returns its length. */
ssize_t vt_read_file(const char *path, char *buf, size_t size);

/*
 * Of a file that says what there is to choose, with what is chosen in brackets: that
 * word. -EPROTO if there is none.
 */
int vt_read_choice(const char *path, char *word, size_t size);

/* The number behind "KEY:" in /proc/self/fdinfo of @fd, or -ENOENT. */
long long vt_fdinfo(int fd, const char *key);

#endif /* _VMSHM_TEST_H */
