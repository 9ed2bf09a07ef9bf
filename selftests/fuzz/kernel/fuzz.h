/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vmshm-fuzz: random sequences of system calls on regions, with an oracle.
 *
 *	main.c		options, the loop, what is printed
 *	run.c		one program in a process of its own, and what became of it
 *	prog.c		programs: made up, changed, written to files
 *	minimise.c	programs made shorter while they fail
 *	kcov.c		coverage of the module, where the kernel tells it
 *	call.c		system calls: arguments, faults, and lies about results
 *	model.c		regions, files and events as they have to be
 *	ops.c		the table of operations
 *	op_*.c		operations: what is done, and what has to come of it
 *	remote.c	a second process that regions are passed to
 *	threads*.c	programs of many threads: invariants instead of the model
 *
 * A program is a list of operations, each a kind and some numbers. What the
 * numbers mean depends on what there is when the operation is executed, so that
 * every list of numbers is a program, and a program stays one when operations
 * are taken out of it. A program runs in a process of its own; everything it
 * made is gone afterwards, which is checked, so that each can be replayed alone.
 *
 * The model says of each call what it returns and what it changes. Where the
 * kernel is free to do one thing or another (which pages of a log are dirty
 * though nobody wrote them), the model knows the bounds.
 */
#ifndef _FUZZ_H
#define _FUZZ_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <linux/vmshm.h>

#define FZ_PAGE		4096UL
#define FZ_ARGS		6
#define FZ_OPS		160	/* of one program */
#define FZ_NAMES	5
#define FZ_FDS		10	/* open files of regions */
#define FZ_MAPS		6
#define FZ_LOGS		5
#define FZ_PEERS	5
#define FZ_WATCHES	4
#define FZ_BINDS	4
#define FZ_EVENTFDS	3
#define FZ_REMOTES	3	/* files that the second process has */
#define FZ_HANDLES	(FZ_FDS + FZ_MAPS + FZ_PEERS + 2 * FZ_REMOTES + FZ_BINDS)
#define FZ_REGIONS	64
#define FZ_EVENTS	4096

/* Pages that the model knows of: no region of a program is larger. */
#define FZ_CAP		512UL
/* Pages of the largest mapping. */
#define FZ_MAP_PAGES	192UL
/* Distance of the addresses of mappings: two never touch. */
#define FZ_MAP_GAP	(4 * FZ_MAP_PAGES * FZ_PAGE)

struct fz_op {
	uint32_t kind;
	uint32_t arg[FZ_ARGS];
};

/**
 * struct fz_prog - a program
 * @threads: 0: operations are executed one after the other, with the model;
 *	else the number of threads of a program of threads.c
 * @seed: of the threads' random numbers
 * @nr: number of operations
 * @op: the operations
 */
struct fz_prog {
	unsigned int threads;
	uint64_t seed;
	unsigned int nr;
	struct fz_op op[FZ_OPS];
};

enum fz_status {
	FZ_RUNNING,
	FZ_PASSED,
	FZ_MISMATCH,
	FZ_CRASH,
	FZ_HANG,
	FZ_LEAK,
	FZ_KERNEL,
};

#define FZ_EDGES	(1U << 17)

/**
 * struct fz_shared - what a program's process tells the one that started it
 * @status: what became of it
 * @ops: operations executed
 * @at: the operation that it is at, or was at
 * @new_edges: edges that no program had before
 * @last_new: the last operation that had one
 * @edges: bit n is set if an edge that hashes to n was seen
 * @message: what did not match
 */
struct fz_shared {
	enum fz_status status;
	uint64_t ops;
	unsigned int at;
	unsigned int new_edges;
	unsigned int last_new;
	uint64_t edges[FZ_EDGES / 64];
	char message[512];
};

/**
 * struct fz_region - a region as it has to be
 * @used: the element is in use
 * @shadow: its bytes, up to the end of the last page that is ever in its size
 * @top: where what is not zero ends in @shadow
 * @events: number of the last event
 * Others: as in struct vmshm_stat.
 */
struct fz_region {
	bool used;
	bool linked;
	bool was_mapped;
	unsigned int name;
	uint64_t generation;
	uint32_t flags;
	uint32_t huge;
	uint32_t mode;
	uint32_t seals;
	uint64_t size;
	uint64_t max_size;
	uint64_t events;
	uint64_t top;
	unsigned char *shadow;
};

/* An open file of a region; @refs: descriptors, mappings and peers of it. */
struct fz_handle {
	struct fz_region *region;
	bool read;
	bool write;
	bool view;
	unsigned int refs;
};

struct fz_fd {
	int fd;
	struct fz_handle *handle;
};

/* State of a page of a mapping. */
#define FZ_MAPPED	1
#define FZ_COWED	2

struct fz_map {
	struct fz_region *region;	/* NULL: the element is free */
	struct fz_handle *handle;	/* NULL of PINNABLE */
	unsigned char *addr;
	unsigned int pages;
	uint64_t pgoff;
	bool shared;
	bool may_write;
	bool whole;			/* still one VMA */
	uint8_t prot[FZ_MAP_PAGES];
	uint8_t state[FZ_MAP_PAGES];
};

struct fz_log {
	int fd;
	struct fz_region *region;	/* NULL: free */
	uint64_t first;
	uint64_t end;
	uint64_t watermark;
	bool must[FZ_CAP];		/* written and not fetched yet */
};

struct fz_peer {
	int fd;
	struct fz_handle *handle;	/* NULL: free */
	uint32_t number;
	uint32_t vectors;
	uint32_t rights;
	uint64_t generation;
	uint64_t pending;
	uint64_t rings;
	int bell[VMSHM_PEER_VECTORS_MAX];	/* index of an eventfd or -1 */
};

struct fz_event {
	unsigned int name;
	uint64_t generation;
	uint64_t seq;
	uint32_t type;
	uint64_t value;
	uint64_t old_value;
};

struct fz_watch {
	int fd;
	bool used;
	uint64_t generation;		/* 0: of the device */
	uint32_t mask;
	int name;			/* the prefix is this name, or all: -1 */
	int bell;			/* index of an eventfd or -1 */
	unsigned int next;		/* of the events */
	bool gone;
};

#define FZ_BIND_SLOTS	16
/* What a VM has itself: the first of its memory, in slot 0. */
#define FZ_VM_LOW	0x8000UL

struct fz_bind {
	int fd;
	struct fz_region *region;	/* NULL: free */
	struct fz_handle *handle;	/* its mapping's; NULL of PINNABLE */
	unsigned char *addr;
	unsigned int vm;		/* 0: USER */
	uint64_t vm_number;		/* as the kernel counts them */
	uint32_t flags;
	uint32_t first_slot;
	uint32_t nr_slots;
	uint32_t used;
	uint64_t guest_addr;
	uint64_t offset;
	uint64_t length;
	uint64_t granule;
	bool follows;			/* so does its mapping */
	bool may_write;			/* by its mapping */
	uint64_t changes;
	uint64_t seen;
	unsigned int since;
	uint64_t slot[FZ_BIND_SLOTS];	/* lengths */
};

struct fz_remote {
	struct fz_handle *handle;	/* NULL: free */
	unsigned int pages;		/* mapped there from 0 on; 0: not */
};

/* All there is in a program's process. */
struct fz_state {
	struct fz_shared *shared;
	char prefix[32];
	int dev;
	struct fz_region region[FZ_REGIONS];
	struct fz_handle handle[FZ_HANDLES];
	struct fz_fd fd[FZ_FDS];
	struct fz_map map[FZ_MAPS];
	struct fz_log log[FZ_LOGS];
	struct fz_peer peer[FZ_PEERS];
	struct fz_watch watch[FZ_WATCHES];
	struct fz_bind bind[FZ_BINDS];
	struct fz_remote remote[FZ_REMOTES];
	int eventfd[FZ_EVENTFDS];
	uint64_t eventfd_count[FZ_EVENTFDS];
	struct fz_event event[FZ_EVENTS];
	unsigned int nr_events;
	bool domain_reserved;
	unsigned int nr_binds;
	unsigned int vm;		/* the last one; 0: none */
	unsigned char *arena;
};

extern struct fz_state fz;

/**
 * struct fz_kind - a kind of operation
 * @name: in files of programs
 * @weight: how often it is made up, relative to the others
 * @fn: executes one, and compares
 */
struct fz_kind {
	const char *name;
	unsigned int weight;
	void (*fn)(const uint32_t *arg);
};

extern const struct fz_kind fz_kinds[];
extern const unsigned int fz_nr_kinds;

/* main.c: options */
struct fz_options {
	uint64_t seed;
	unsigned int seconds;
	uint64_t programs;
	unsigned int threads;
	unsigned int times;
	const char *dir;
	const char *lie;
	bool verbose;
	bool no_kcov;
	bool no_minimise;
};

extern struct fz_options fz_options;

/* main.c: a random number, and one below @n */
struct fz_random {
	uint64_t state;
};

uint64_t fz_next(struct fz_random *random);
uint32_t fz_below(struct fz_random *random, uint32_t n);

/* prog.c */
void fz_prog_random(struct fz_prog *prog, struct fz_random *random);
void fz_prog_threads(struct fz_prog *prog, struct fz_random *random,
		     unsigned int threads);
void fz_prog_mutate(struct fz_prog *prog, const struct fz_prog *other,
		    struct fz_random *random);
int fz_prog_write(const struct fz_prog *prog, const char *path);
int fz_prog_read(struct fz_prog *prog, const char *path);
void fz_prog_print(const struct fz_prog *prog);

/* run.c */
int fz_run_init(void);
enum fz_status fz_run(const struct fz_prog *prog);
const char *fz_status_name(enum fz_status status);

/* minimise.c: returns how many times a program was run for it */
unsigned int fz_minimise(struct fz_prog *prog);

/* kcov.c: the process that calls is the one whose coverage is taken */
bool fz_kcov_present(void);
void fz_kcov_start(void);
void fz_kcov_begin(void);
void fz_kcov_end(unsigned int at);
unsigned int fz_kcov_edges(const struct fz_shared *shared);

/* call.c */
enum {
	FZ_OK,
	FZ_SIGBUS,
	FZ_SIGSEGV,
};

void fz_call_init(void);
void fz_fail(const char *format, ...)
	__attribute__((noreturn, format(printf, 1, 2)));
int fz_ioctl(int fd, unsigned int cmd, void *arg, size_t size, bool faulty);
int fz_load(const volatile unsigned char *from, unsigned char *to, size_t len);
int fz_store(volatile unsigned char *to, const unsigned char *from, size_t len);
bool fz_lies(const char *what);
int fz_poll(int fd);

#define FZ_EXPECT(got, want, format, ...)				\
	do {								\
		long long _got = (got), _want = (want);			\
									\
		if (_got != _want)					\
			fz_fail(format ": %lld, expected %lld",		\
				##__VA_ARGS__, _got, _want);		\
	} while (0)

/* model.c */
const char *fz_name(unsigned int name, char full[VMSHM_NAME_MAX + 1]);
uint64_t fz_size(uint32_t arg);
uint64_t fz_pages(uint64_t bytes);
struct fz_region *fz_find(unsigned int name);
struct fz_region *fz_region_new(unsigned int name);
void fz_region_check(struct fz_region *region);
unsigned int fz_opens(const struct fz_region *region);
void fz_raise(struct fz_region *region, uint32_t type, uint64_t value,
	      uint64_t old_value);
struct fz_handle *fz_handle_new(struct fz_region *region, bool read,
				bool write, bool view);
struct fz_handle *fz_handle_get(struct fz_handle *handle);
void fz_handle_put(struct fz_handle *handle);
void fz_unlinked(struct fz_region *region);
void fz_wrote(struct fz_region *region, uint64_t offset, uint64_t len);
void fz_fill(unsigned char *data, size_t len, uint32_t seed);
void fz_zero(struct fz_region *region, uint64_t from, uint64_t to);
struct fz_fd *fz_fd_of(uint32_t arg);
struct fz_fd *fz_fd_free(uint32_t arg);
void fz_fd_close(struct fz_fd *fd);
int fz_resize_expect(struct fz_region *region, uint64_t size);
void fz_resized(struct fz_region *region, uint64_t size);
void fz_close_all(void);

/* op_map.c */
bool fz_maps_beyond(const struct fz_region *region, uint64_t size);
bool fz_maps_writable(const struct fz_region *region);
unsigned int fz_maps_count(const struct fz_region *region);
void fz_maps_shrunk(struct fz_region *region);
void fz_map_close(struct fz_map *map);

/* op_log.c, op_peer.c, op_watch.c, op_bind.c */
void fz_log_close(struct fz_log *log);
void fz_logs_wrote(struct fz_region *region, uint64_t first, uint64_t nr);
void fz_logs_shrunk(struct fz_region *region);
void fz_peer_close(struct fz_peer *peer);
void fz_watch_close(struct fz_watch *watch);
void fz_watches_gone(struct fz_region *region);
void fz_watches_raised(const struct fz_event *event);
int fz_binds_expect(struct fz_region *region, uint64_t size);
void fz_binds_resized(struct fz_region *region, uint64_t size);
int fz_binds_grow(struct fz_region *region, uint64_t size, bool changed);
void fz_bind_close(struct fz_bind *bind);
struct fz_bind *fz_bind_of(uint32_t arg);
uint64_t fz_bound(const struct fz_bind *bind);
struct fz_bind *fz_bind_next(const struct fz_region *region,
			     const struct fz_bind *after);

/* op_kvm.c */
extern bool fz_vm_possible;

void fz_vm_init(int dev);
bool fz_vm_get(void);
int fz_vm_fd(void);
unsigned int fz_vm_slots(void);
void fz_vm_close(void);

/* remote.c */
int fz_remote_start(void);
void fz_remote_stop(void);

/* threads.c */

/* In each page of the subject: counters before this, anything else behind it. */
#define FZ_ELSE		2048

void fz_threads_run(const struct fz_prog *prog);

/* threads_calls.c; of @worker is one area that they map in, of @nr_workers */
void fz_threads_calls_prepare(void);
void fz_threads_make(struct fz_random *random);
void fz_threads_files(struct fz_random *random);
void fz_threads_calls(struct fz_random *random);
void fz_threads_map(struct fz_random *random, unsigned int worker,
		    unsigned int nr_workers);
void fz_threads_pass(struct fz_random *random);
void fz_threads_fork(struct fz_random *random, unsigned int worker,
		     unsigned int nr_workers);

/* threads_vm.c */
void fz_threads_vm_make(void);
int fz_threads_vm_bind(struct fz_random *random, int fd);
void fz_threads_vm_move(struct fz_random *random, int fd);
void fz_threads_vm_run(struct fz_random *random, unsigned int in_page);

/* Operations, by file. */
void fz_op_create(const uint32_t *arg);
void fz_op_open(const uint32_t *arg);
void fz_op_unlink(const uint32_t *arg);
void fz_op_list(const uint32_t *arg);
void fz_op_domain(const uint32_t *arg);
void fz_op_bad(const uint32_t *arg);
void fz_op_path(const uint32_t *arg);
void fz_op_info(const uint32_t *arg);

void fz_op_close(const uint32_t *arg);
void fz_op_dup(const uint32_t *arg);
void fz_op_reopen(const uint32_t *arg);
void fz_op_readonly(const uint32_t *arg);
void fz_op_stat(const uint32_t *arg);
void fz_op_resize(const uint32_t *arg);
void fz_op_seal(const uint32_t *arg);
void fz_op_members(const uint32_t *arg);

void fz_op_write(const uint32_t *arg);
void fz_op_read(const uint32_t *arg);
void fz_op_fallocate(const uint32_t *arg);
void fz_op_check(const uint32_t *arg);

void fz_op_mmap(const uint32_t *arg);
void fz_op_munmap(const uint32_t *arg);
void fz_op_mprotect(const uint32_t *arg);
void fz_op_mremap(const uint32_t *arg);
void fz_op_madvise(const uint32_t *arg);
void fz_op_store(const uint32_t *arg);
void fz_op_load(const uint32_t *arg);
void fz_op_copy(const uint32_t *arg);
void fz_op_fork(const uint32_t *arg);

void fz_op_log_open(const uint32_t *arg);
void fz_op_log_close(const uint32_t *arg);
void fz_op_log_fetch(const uint32_t *arg);
void fz_op_log_rearm(const uint32_t *arg);
void fz_op_log_stat(const uint32_t *arg);
void fz_op_log_watermark(const uint32_t *arg);
void fz_op_mark(const uint32_t *arg);
void fz_op_merge(const uint32_t *arg);

void fz_op_join(const uint32_t *arg);
void fz_op_leave(const uint32_t *arg);
void fz_op_ring(const uint32_t *arg);
void fz_op_pending(const uint32_t *arg);
void fz_op_set_vector(const uint32_t *arg);
void fz_op_get_vector(const uint32_t *arg);
void fz_op_peer_stat(const uint32_t *arg);
void fz_op_peers(const uint32_t *arg);
void fz_op_eventfd(const uint32_t *arg);

void fz_op_watch(const uint32_t *arg);
void fz_op_watch_close(const uint32_t *arg);
void fz_op_watch_read(const uint32_t *arg);
void fz_op_watch_eventfd(const uint32_t *arg);

void fz_op_bind(const uint32_t *arg);
void fz_op_bind_close(const uint32_t *arg);
void fz_op_bind_update(const uint32_t *arg);
void fz_op_bind_check(const uint32_t *arg);
void fz_op_bindings(const uint32_t *arg);

void fz_op_vm_bind(const uint32_t *arg);
void fz_op_vm_load(const uint32_t *arg);
void fz_op_vm_store(const uint32_t *arg);
void fz_op_vm_close(const uint32_t *arg);

void fz_op_remote_send(const uint32_t *arg);
void fz_op_remote_drop(const uint32_t *arg);
void fz_op_remote_map(const uint32_t *arg);
void fz_op_remote_write(const uint32_t *arg);
void fz_op_remote_kill(const uint32_t *arg);

#endif /* _FUZZ_H */
