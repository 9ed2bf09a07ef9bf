/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vmshm: arithmetic of sizes that cannot overflow.  Pure logic, also compiled
 * in userspace by the unit tests and fuzzers.
 */
#ifndef _VMSHM_RANGE_H
#define _VMSHM_RANGE_H

#ifdef __KERNEL__
#include <linux/errno.h>
#include <linux/mm.h>
#include <linux/types.h>
#else
#include <errno.h>
#include <stdbool.h>
#include <linux/types.h>
typedef __u64 u64;
#define PAGE_SHIFT	12
#endif

/**
 * vmshm_range_check() - does a range lie in what there is?
 * @offset: first byte
 * @length: bytes; may be 0
 * @size: bytes there are
 *
 * Return: 0, or -EINVAL if @offset + @length exceeds @size, or if there is no
 * such number.
 */
static inline int vmshm_range_check(u64 offset, u64 length, u64 size)
{
	return offset > size || length > size - offset ? -EINVAL : 0;
}

/**
 * vmshm_pages() - pages that so many bytes take
 * @bytes: bytes
 *
 * Return: number of pages, the last of them perhaps in part.
 */
static inline u64 vmshm_pages(u64 bytes)
{
	u64 pages = bytes >> PAGE_SHIFT;

	return pages + (bytes != pages << PAGE_SHIFT);
}

/**
 * vmshm_pages_touched() - pages that a range lies in
 * @offset: first byte
 * @length: bytes; @offset + @length must not overflow
 *
 * Return: number of pages, 0 if @length is 0.
 */
static inline u64 vmshm_pages_touched(u64 offset, u64 length)
{
	if (!length)
		return 0;
	return ((offset + length - 1) >> PAGE_SHIFT) -
	       (offset >> PAGE_SHIFT) + 1;
}

/**
 * vmshm_charge_target() - how many pages a region ought to be charged for
 * @allocated: pages it has
 * @want: pages it may get next
 * @size: pages it can have at most
 * @step: pages to charge at a time, at least 1
 *
 * Charging in steps keeps most page faults away from the counters that users
 * share.
 *
 * Return: @allocated + @want rounded up to a multiple of @step, but at most
 * @size and at least @allocated.
 */
static inline u64 vmshm_charge_target(u64 allocated, u64 want, u64 size,
				      u64 step)
{
	u64 pages, rest;

	if (allocated >= size)
		return allocated;
	if (want >= size - allocated)
		return size;
	pages = allocated + want;
	rest = pages % step;
	if (!rest)
		return pages;
	return step - rest >= size - pages ? size : pages + (step - rest);
}

/**
 * vmshm_granule_end() - where a piece of a range that is cut into granules ends
 * @begin: where it begins, counted from the begin of the range; less than @end
 * @end: where the range ends
 * @granule: distance of the cuts, or 0 for none
 *
 * Return: the first cut after @begin, at most @end.
 */
static inline u64 vmshm_granule_end(u64 begin, u64 end, u64 granule)
{
	u64 left;

	if (!granule)
		return end;
	left = granule - begin % granule;
	return left < end - begin ? begin + left : end;
}

#endif /* _VMSHM_RANGE_H */
