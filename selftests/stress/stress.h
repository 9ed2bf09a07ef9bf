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

/* The parts. */
void st_kill(void);
void st_abuse(void);
void st_many(void);
void st_members(void);
void st_memory(void);
void st_hotplug(void);
void st_reload(void);

#endif /* _STRESS_H */
