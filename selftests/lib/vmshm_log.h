/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Dirty logs. Conventions as in vmshm_test.h.
 */
#ifndef _VMSHM_LOG_H
#define _VMSHM_LOG_H

#include <linux/vmshm.h>

#include "lib/vmshm_test.h"

/* Opens a log of a region; @nr may be 0 for the rest of it. */
int vt_log_open(int fd, __u32 flags, __u64 first, __u64 nr);

/* FETCH, after what the kernel fills in has been zeroed. */
int vt_log_fetch(int log, struct vmshm_log_fetch *arg);

/* Number of pages that a FETCH of the whole log reports without ranges. */
long long vt_log_count(int log, __u32 flags);

/*
 * Fetches the whole log, @room ranges at a time, and adds 1 to @pages[n] for
 * each page n reported, if @pages is not NULL. @flags may be VMSHM_LOG_PEEK.
 * Returns the number of pages.
 */
long long vt_log_read(int log, __u32 flags, __u32 room, unsigned char *pages);

/*
 * Fetches the whole log. Whether just these pages are reported; if not, says
 * which.
 */
bool vt_log_exactly(int log, __u64 first, __u64 nr);

/* Whether these pages are reported, others or not. */
bool vt_log_reports(int log, __u64 first, __u64 nr);

int vt_log_rearm(int log, __u64 first, __u64 nr);
int vt_log_watermark(int log, __u64 watermark);
int vt_log_stat(int log, struct vmshm_log_stat *stat);
int vt_mark(int fd, __u64 first, __u64 nr);
int vt_merge(int fd, __u64 first, __u64 nr, const __u64 *bitmap);

#endif /* _VMSHM_LOG_H */
