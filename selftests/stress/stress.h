/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vmshm-stress: more of everything than is reasonable, see main.c.
 */
#ifndef _STRESS_H
#define _STRESS_H

#include <stdbool.h>
#include <time.h>

#include "lib/vmshm_test.h"

/**
 * struct st_options - how much of it
 * @seconds: of each part that has no end of its own
 * @regions: number of regions in the part about many
 * @members: number of processes in the part about members
 */
struct st_options {
	unsigned int seconds;
	unsigned int regions;
	unsigned int members;
};

extern struct st_options st_options;

/* Says what went wrong, and ends this process, which may be the whole. */
void st_die(const char *format, ...)
	__attribute__((noreturn, format(printf, 1, 2)));

/* Ends a part that cannot be run here. */
#define ST_SKIP		4
void st_skip(const char *why) __attribute__((noreturn));

/* Has the part's time passed? */
struct st_clock {
	struct timespec end;
};

void st_clock_start(struct st_clock *clock, unsigned int seconds);
bool st_clock_over(const struct st_clock *clock);
unsigned long long st_ns(void);

/* Waits until the module counts for root what it did before; dies if not. */
void st_baseline(struct vmshm_info *info);
void st_clean(const struct vmshm_info *info, const char *what);

/*
 * What the processes of a part have done: one that is refused everything is no
 * stress, and one that is killed cannot tell.
 */
#define ST_ERRNOS	134

/**
 * struct st_count - how often something was tried
 * @name: what
 * @done: how often it was done
 * @error: how often it failed, by errno
 */
struct st_count {
	const char *name;
	unsigned int done;
	unsigned int error[ST_ERRNOS];
};

/* So many, zeroed, shared with all processes that are forked from here on. */
struct st_count *st_counts_new(unsigned int nr);
/* Counts a result, 0 and more or a negative errno, and returns it. */
int st_note(struct st_count *count, int ret);
void st_counts_print(const struct st_count *counts, unsigned int nr);

/* The parts. */
void st_kill(void);
void st_abuse(void);
void st_many(void);
void st_members(void);
void st_memory(void);
void st_hotplug(void);
void st_reload(void);

/* Those who are killed, of which each does one thing until then. */
#define ST_SHARED	"stress/shared"
#define ST_PINNED	"stress/pinned"
#define ST_SIZE		(64 * 4096UL)

/**
 * struct st_holder - a kind of them
 * @name: what it holds
 * @hold: takes it and lets it go, again and again; does so a few times or for
 *	ever. @fd is the region ST_SHARED, @count is for what it holds by now.
 */
struct st_holder {
	const char *name;
	void (*hold)(int dev, int fd, struct st_count *count);
};

extern const struct st_holder st_holders[];
extern const unsigned int st_nr_holders;

#endif /* _STRESS_H */
