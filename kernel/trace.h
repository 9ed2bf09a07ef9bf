/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM vmshm

#if !defined(_VMSHM_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _VMSHM_TRACE_H

#include <linux/mm.h>
#include <linux/tracepoint.h>

#include "vmshm.h"

DECLARE_EVENT_CLASS(vmshm_region,
	TP_PROTO(const struct vmshm_region *region),
	TP_ARGS(region),
	TP_STRUCT__entry(
		__field(u64, generation)
		__field(u64, size)
		__field(u64, max_size)
		__field(u32, flags)
		__string(name, region->name)
	),
	TP_fast_assign(
		__entry->generation = region->generation;
		__entry->size = READ_ONCE(region->size);
		__entry->max_size = region->max_size;
		__entry->flags = region->flags;
		vmshm_assign_str(name, region->name);
	),
	TP_printk("name=%s generation=%llu size=%llu max_size=%llu flags=0x%x",
		  __get_str(name), __entry->generation, __entry->size,
		  __entry->max_size, __entry->flags)
);

DEFINE_EVENT(vmshm_region, vmshm_create,
	TP_PROTO(const struct vmshm_region *region),
	TP_ARGS(region));

DEFINE_EVENT(vmshm_region, vmshm_unlink,
	TP_PROTO(const struct vmshm_region *region),
	TP_ARGS(region));

TRACE_EVENT(vmshm_open,
	TP_PROTO(const struct vmshm_region *region, u32 rights),
	TP_ARGS(region, rights),
	TP_STRUCT__entry(
		__field(u64, generation)
		__field(u32, rights)
		__string(name, region->name)
	),
	TP_fast_assign(
		__entry->generation = region->generation;
		__entry->rights = rights;
		vmshm_assign_str(name, region->name);
	),
	TP_printk("name=%s generation=%llu rights=%s%s", __get_str(name),
		  __entry->generation,
		  __entry->rights & VMSHM_MEMBER_READ ? "r" : "",
		  __entry->rights & VMSHM_MEMBER_WRITE ? "w" : "")
);

TRACE_EVENT(vmshm_resize,
	TP_PROTO(const struct vmshm_region *region, u64 old),
	TP_ARGS(region, old),
	TP_STRUCT__entry(
		__field(u64, generation)
		__field(u64, old)
		__field(u64, size)
		__string(name, region->name)
	),
	TP_fast_assign(
		__entry->generation = region->generation;
		__entry->old = old;
		__entry->size = region->size;
		vmshm_assign_str(name, region->name);
	),
	TP_printk("name=%s generation=%llu old=%llu size=%llu",
		  __get_str(name), __entry->generation, __entry->old,
		  __entry->size)
);

TRACE_EVENT(vmshm_fault,
	TP_PROTO(const struct vmshm_region *region, const struct vm_fault *vmf),
	TP_ARGS(region, vmf),
	TP_STRUCT__entry(
		__field(u64, generation)
		__field(u64, pgoff)
		__field(unsigned long, address)
		__field(bool, write)
	),
	TP_fast_assign(
		__entry->generation = region->generation;
		__entry->pgoff = vmf->pgoff;
		__entry->address = vmf->address;
		__entry->write = vmf->flags & FAULT_FLAG_WRITE;
	),
	TP_printk("generation=%llu pgoff=%llu address=0x%lx %s",
		  __entry->generation, __entry->pgoff, __entry->address,
		  __entry->write ? "write" : "read")
);

TRACE_EVENT(vmshm_mkwrite,
	TP_PROTO(const struct vmshm_region *region, const struct vm_fault *vmf,
		 struct folio *folio),
	TP_ARGS(region, vmf, folio),
	TP_STRUCT__entry(
		__field(u64, generation)
		__field(u64, pgoff)
		__field(u64, first_page)
		__field(u64, nr_pages)
	),
	TP_fast_assign(
		__entry->generation = region->generation;
		__entry->pgoff = vmf->pgoff;
		__entry->first_page = folio->index;
		__entry->nr_pages = folio_nr_pages(folio);
	),
	TP_printk("generation=%llu pgoff=%llu first_page=%llu nr_pages=%llu",
		  __entry->generation, __entry->pgoff, __entry->first_page,
		  __entry->nr_pages)
);

TRACE_EVENT(vmshm_log_open,
	TP_PROTO(const struct vmshm_region *region, u64 first_page,
		 u64 nr_pages),
	TP_ARGS(region, first_page, nr_pages),
	TP_STRUCT__entry(
		__field(u64, generation)
		__field(u64, first_page)
		__field(u64, nr_pages)
	),
	TP_fast_assign(
		__entry->generation = region->generation;
		__entry->first_page = first_page;
		__entry->nr_pages = nr_pages;
	),
	TP_printk("generation=%llu first_page=%llu nr_pages=%llu",
		  __entry->generation, __entry->first_page, __entry->nr_pages)
);

TRACE_EVENT(vmshm_log_fetch,
	TP_PROTO(const struct vmshm_region *region, u64 pages, u64 pinned,
		 u64 ns),
	TP_ARGS(region, pages, pinned, ns),
	TP_STRUCT__entry(
		__field(u64, generation)
		__field(u64, pages)
		__field(u64, pinned)
		__field(u64, ns)
	),
	TP_fast_assign(
		__entry->generation = region->generation;
		__entry->pages = pages;
		__entry->pinned = pinned;
		__entry->ns = ns;
	),
	TP_printk("generation=%llu pages=%llu pinned=%llu ns=%llu",
		  __entry->generation, __entry->pages, __entry->pinned,
		  __entry->ns)
);

TRACE_EVENT(vmshm_join,
	TP_PROTO(const struct vmshm_region *region, u32 number, u64 join,
		 u32 vectors),
	TP_ARGS(region, number, join, vectors),
	TP_STRUCT__entry(
		__field(u64, generation)
		__field(u64, join)
		__field(u32, number)
		__field(u32, vectors)
	),
	TP_fast_assign(
		__entry->generation = region->generation;
		__entry->join = join;
		__entry->number = number;
		__entry->vectors = vectors;
	),
	TP_printk("generation=%llu number=%u join=%llu vectors=%u",
		  __entry->generation, __entry->number, __entry->join,
		  __entry->vectors)
);

TRACE_EVENT(vmshm_leave,
	TP_PROTO(const struct vmshm_region *region, u32 number, u64 join),
	TP_ARGS(region, number, join),
	TP_STRUCT__entry(
		__field(u64, generation)
		__field(u64, join)
		__field(u32, number)
	),
	TP_fast_assign(
		__entry->generation = region->generation;
		__entry->join = join;
		__entry->number = number;
	),
	TP_printk("generation=%llu number=%u join=%llu", __entry->generation,
		  __entry->number, __entry->join)
);

TRACE_EVENT(vmshm_ring,
	TP_PROTO(const struct vmshm_region *region, u32 from, u32 number,
		 u32 vector),
	TP_ARGS(region, from, number, vector),
	TP_STRUCT__entry(
		__field(u64, generation)
		__field(u32, from)
		__field(u32, number)
		__field(u32, vector)
	),
	TP_fast_assign(
		__entry->generation = region->generation;
		__entry->from = from;
		__entry->number = number;
		__entry->vector = vector;
	),
	/* VMSHM_PEER_ALL is -1. */
	TP_printk("generation=%llu from=%u number=%d vector=%u",
		  __entry->generation, __entry->from, (int)__entry->number,
		  __entry->vector)
);

#endif /* _VMSHM_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
