// SPDX-License-Identifier: GPL-2.0
/*
 * The layout of the kernel interface, the same on every architecture: a change
 * of any of these breaks programs that exist. Members may only be added behind
 * the last one.
 */

#include <assert.h>
#include <stddef.h>

#include <linux/vmshm.h>

#define ASSERT_SIZE(type, bytes) \
	static_assert(sizeof(struct type) == (bytes), "size of " #type)
#define ASSERT_MEMBER(type, member, at) \
	static_assert(offsetof(struct type, member) == (at), \
		      "place of " #type "." #member)

ASSERT_SIZE(vmshm_info, 136);
ASSERT_MEMBER(vmshm_info, size, 0);
ASSERT_MEMBER(vmshm_info, flags, 4);
ASSERT_MEMBER(vmshm_info, out_abi_version, 8);
ASSERT_MEMBER(vmshm_info, out_page_size, 12);
ASSERT_MEMBER(vmshm_info, out_features, 16);
ASSERT_MEMBER(vmshm_info, out_huge_policies, 24);
ASSERT_MEMBER(vmshm_info, out_name_max, 28);
ASSERT_MEMBER(vmshm_info, out_max_size, 32);
ASSERT_MEMBER(vmshm_info, out_bytes_total, 40);
ASSERT_MEMBER(vmshm_info, out_bytes_user, 48);
ASSERT_MEMBER(vmshm_info, out_regions_user, 56);
ASSERT_MEMBER(vmshm_info, out_meta_user, 64);
ASSERT_MEMBER(vmshm_info, out_watches_user, 72);
ASSERT_MEMBER(vmshm_info, out_events, 80);
ASSERT_MEMBER(vmshm_info, out_bytes_used, 88);
ASSERT_MEMBER(vmshm_info, out_regions_used, 96);
ASSERT_MEMBER(vmshm_info, out_meta_used, 104);
ASSERT_MEMBER(vmshm_info, out_registry, 112);
ASSERT_MEMBER(vmshm_info, __reserved, 116);
ASSERT_MEMBER(vmshm_info, out_peers_user, 120);
ASSERT_MEMBER(vmshm_info, out_peers_used, 128);

ASSERT_SIZE(vmshm_create, 304);
ASSERT_MEMBER(vmshm_create, size, 0);
ASSERT_MEMBER(vmshm_create, flags, 4);
ASSERT_MEMBER(vmshm_create, region_size, 8);
ASSERT_MEMBER(vmshm_create, max_size, 16);
ASSERT_MEMBER(vmshm_create, mode, 24);
ASSERT_MEMBER(vmshm_create, huge, 28);
ASSERT_MEMBER(vmshm_create, out_fd, 32);
ASSERT_MEMBER(vmshm_create, out_created, 36);
ASSERT_MEMBER(vmshm_create, out_generation, 40);
ASSERT_MEMBER(vmshm_create, name, 48);

ASSERT_SIZE(vmshm_open, 288);
ASSERT_MEMBER(vmshm_open, size, 0);
ASSERT_MEMBER(vmshm_open, flags, 4);
ASSERT_MEMBER(vmshm_open, owner, 8);
ASSERT_MEMBER(vmshm_open, out_fd, 12);
ASSERT_MEMBER(vmshm_open, generation, 16);
ASSERT_MEMBER(vmshm_open, out_generation, 24);
ASSERT_MEMBER(vmshm_open, name, 32);

ASSERT_SIZE(vmshm_unlink, 280);
ASSERT_MEMBER(vmshm_unlink, size, 0);
ASSERT_MEMBER(vmshm_unlink, flags, 4);
ASSERT_MEMBER(vmshm_unlink, generation, 8);
ASSERT_MEMBER(vmshm_unlink, registry, 16);
ASSERT_MEMBER(vmshm_unlink, __reserved, 20);
ASSERT_MEMBER(vmshm_unlink, name, 24);

ASSERT_SIZE(vmshm_stat, 416);
ASSERT_MEMBER(vmshm_stat, size, 0);
ASSERT_MEMBER(vmshm_stat, flags, 4);
ASSERT_MEMBER(vmshm_stat, out_generation, 8);
ASSERT_MEMBER(vmshm_stat, out_region_size, 16);
ASSERT_MEMBER(vmshm_stat, out_max_size, 24);
ASSERT_MEMBER(vmshm_stat, out_resident, 32);
ASSERT_MEMBER(vmshm_stat, out_allocated, 40);
ASSERT_MEMBER(vmshm_stat, out_charged, 48);
ASSERT_MEMBER(vmshm_stat, out_ctime_ns, 56);
ASSERT_MEMBER(vmshm_stat, out_seq, 64);
ASSERT_MEMBER(vmshm_stat, out_ino, 72);
ASSERT_MEMBER(vmshm_stat, out_faults, 80);
ASSERT_MEMBER(vmshm_stat, out_flags, 88);
ASSERT_MEMBER(vmshm_stat, out_huge, 92);
ASSERT_MEMBER(vmshm_stat, out_seals, 96);
ASSERT_MEMBER(vmshm_stat, out_mode, 100);
ASSERT_MEMBER(vmshm_stat, out_uid, 104);
ASSERT_MEMBER(vmshm_stat, out_gid, 108);
ASSERT_MEMBER(vmshm_stat, out_domain_uid, 112);
ASSERT_MEMBER(vmshm_stat, out_opens, 116);
ASSERT_MEMBER(vmshm_stat, out_maps, 120);
ASSERT_MEMBER(vmshm_stat, out_linked, 124);
ASSERT_MEMBER(vmshm_stat, out_registry, 128);
ASSERT_MEMBER(vmshm_stat, out_logs, 132);
ASSERT_MEMBER(vmshm_stat, out_name, 136);
ASSERT_MEMBER(vmshm_stat, out_write_faults, 392);
ASSERT_MEMBER(vmshm_stat, out_around, 400);
ASSERT_MEMBER(vmshm_stat, out_bindings, 408);
ASSERT_MEMBER(vmshm_stat, __reserved, 412);

ASSERT_SIZE(vmshm_list, 552);
ASSERT_MEMBER(vmshm_list, size, 0);
ASSERT_MEMBER(vmshm_list, flags, 4);
ASSERT_MEMBER(vmshm_list, entries, 8);
ASSERT_MEMBER(vmshm_list, entry_size, 16);
ASSERT_MEMBER(vmshm_list, count, 20);
ASSERT_MEMBER(vmshm_list, out_count, 24);
ASSERT_MEMBER(vmshm_list, out_more, 28);
ASSERT_MEMBER(vmshm_list, after_registry, 32);
ASSERT_MEMBER(vmshm_list, __reserved, 36);
ASSERT_MEMBER(vmshm_list, prefix, 40);
ASSERT_MEMBER(vmshm_list, after, 296);

ASSERT_SIZE(vmshm_domain, 272);
ASSERT_MEMBER(vmshm_domain, size, 0);
ASSERT_MEMBER(vmshm_domain, flags, 4);
ASSERT_MEMBER(vmshm_domain, op, 8);
ASSERT_MEMBER(vmshm_domain, uid, 12);
ASSERT_MEMBER(vmshm_domain, name, 16);

ASSERT_SIZE(vmshm_resize, 16);
ASSERT_MEMBER(vmshm_resize, size, 0);
ASSERT_MEMBER(vmshm_resize, flags, 4);
ASSERT_MEMBER(vmshm_resize, region_size, 8);

ASSERT_SIZE(vmshm_seal, 16);
ASSERT_MEMBER(vmshm_seal, size, 0);
ASSERT_MEMBER(vmshm_seal, flags, 4);
ASSERT_MEMBER(vmshm_seal, add, 8);
ASSERT_MEMBER(vmshm_seal, out_seals, 12);

ASSERT_SIZE(vmshm_member, 56);
ASSERT_MEMBER(vmshm_member, type, 0);
ASSERT_MEMBER(vmshm_member, flags, 4);
ASSERT_MEMBER(vmshm_member, pid, 8);
ASSERT_MEMBER(vmshm_member, uid, 12);
ASSERT_MEMBER(vmshm_member, since_ns, 16);
ASSERT_MEMBER(vmshm_member, offset, 24);
ASSERT_MEMBER(vmshm_member, length, 32);
ASSERT_MEMBER(vmshm_member, comm, 40);

ASSERT_SIZE(vmshm_members, 32);
ASSERT_MEMBER(vmshm_members, size, 0);
ASSERT_MEMBER(vmshm_members, flags, 4);
ASSERT_MEMBER(vmshm_members, entries, 8);
ASSERT_MEMBER(vmshm_members, entry_size, 16);
ASSERT_MEMBER(vmshm_members, count, 20);
ASSERT_MEMBER(vmshm_members, out_count, 24);
ASSERT_MEMBER(vmshm_members, __reserved, 28);

ASSERT_SIZE(vmshm_readonly, 16);
ASSERT_MEMBER(vmshm_readonly, size, 0);
ASSERT_MEMBER(vmshm_readonly, flags, 4);
ASSERT_MEMBER(vmshm_readonly, out_fd, 8);
ASSERT_MEMBER(vmshm_readonly, __reserved, 12);

ASSERT_SIZE(vmshm_event, 320);
ASSERT_MEMBER(vmshm_event, size, 0);
ASSERT_MEMBER(vmshm_event, type, 4);
ASSERT_MEMBER(vmshm_event, generation, 8);
ASSERT_MEMBER(vmshm_event, seq, 16);
ASSERT_MEMBER(vmshm_event, time_ns, 24);
ASSERT_MEMBER(vmshm_event, value, 32);
ASSERT_MEMBER(vmshm_event, old_value, 40);
ASSERT_MEMBER(vmshm_event, pid, 48);
ASSERT_MEMBER(vmshm_event, uid, 52);
ASSERT_MEMBER(vmshm_event, flags, 56);
ASSERT_MEMBER(vmshm_event, vector, 60);
ASSERT_MEMBER(vmshm_event, name, 64);

ASSERT_SIZE(vmshm_watch, 280);
ASSERT_MEMBER(vmshm_watch, size, 0);
ASSERT_MEMBER(vmshm_watch, flags, 4);
ASSERT_MEMBER(vmshm_watch, events, 8);
ASSERT_MEMBER(vmshm_watch, out_fd, 12);
ASSERT_MEMBER(vmshm_watch, out_seq, 16);
ASSERT_MEMBER(vmshm_watch, prefix, 24);

ASSERT_SIZE(vmshm_watch_eventfd, 16);
ASSERT_MEMBER(vmshm_watch_eventfd, size, 0);
ASSERT_MEMBER(vmshm_watch_eventfd, flags, 4);
ASSERT_MEMBER(vmshm_watch_eventfd, fd, 8);
ASSERT_MEMBER(vmshm_watch_eventfd, __reserved, 12);

ASSERT_SIZE(vmshm_log_open, 40);
ASSERT_MEMBER(vmshm_log_open, size, 0);
ASSERT_MEMBER(vmshm_log_open, flags, 4);
ASSERT_MEMBER(vmshm_log_open, first_page, 8);
ASSERT_MEMBER(vmshm_log_open, nr_pages, 16);
ASSERT_MEMBER(vmshm_log_open, watermark, 24);
ASSERT_MEMBER(vmshm_log_open, out_fd, 32);
ASSERT_MEMBER(vmshm_log_open, __reserved, 36);

ASSERT_SIZE(vmshm_log_range, 16);
ASSERT_MEMBER(vmshm_log_range, first_page, 0);
ASSERT_MEMBER(vmshm_log_range, nr_pages, 8);

ASSERT_SIZE(vmshm_log_fetch, 72);
ASSERT_MEMBER(vmshm_log_fetch, size, 0);
ASSERT_MEMBER(vmshm_log_fetch, flags, 4);
ASSERT_MEMBER(vmshm_log_fetch, format, 8);
ASSERT_MEMBER(vmshm_log_fetch, count, 12);
ASSERT_MEMBER(vmshm_log_fetch, first_page, 16);
ASSERT_MEMBER(vmshm_log_fetch, end_page, 24);
ASSERT_MEMBER(vmshm_log_fetch, buffer, 32);
ASSERT_MEMBER(vmshm_log_fetch, out_next, 40);
ASSERT_MEMBER(vmshm_log_fetch, out_pages, 48);
ASSERT_MEMBER(vmshm_log_fetch, out_pinned, 56);
ASSERT_MEMBER(vmshm_log_fetch, out_count, 64);
ASSERT_MEMBER(vmshm_log_fetch, __reserved, 68);

ASSERT_SIZE(vmshm_log_rearm, 24);
ASSERT_MEMBER(vmshm_log_rearm, size, 0);
ASSERT_MEMBER(vmshm_log_rearm, flags, 4);
ASSERT_MEMBER(vmshm_log_rearm, ranges, 8);
ASSERT_MEMBER(vmshm_log_rearm, count, 16);
ASSERT_MEMBER(vmshm_log_rearm, __reserved, 20);

ASSERT_SIZE(vmshm_log_watermark, 16);
ASSERT_MEMBER(vmshm_log_watermark, size, 0);
ASSERT_MEMBER(vmshm_log_watermark, flags, 4);
ASSERT_MEMBER(vmshm_log_watermark, watermark, 8);

ASSERT_SIZE(vmshm_log_stat, 112);
ASSERT_MEMBER(vmshm_log_stat, size, 0);
ASSERT_MEMBER(vmshm_log_stat, flags, 4);
ASSERT_MEMBER(vmshm_log_stat, out_first_page, 8);
ASSERT_MEMBER(vmshm_log_stat, out_nr_pages, 16);
ASSERT_MEMBER(vmshm_log_stat, out_dirty, 24);
ASSERT_MEMBER(vmshm_log_stat, out_watermark, 32);
ASSERT_MEMBER(vmshm_log_stat, out_fetches, 40);
ASSERT_MEMBER(vmshm_log_stat, out_fetched, 48);
ASSERT_MEMBER(vmshm_log_stat, out_protected, 56);
ASSERT_MEMBER(vmshm_log_stat, out_pinned, 64);
ASSERT_MEMBER(vmshm_log_stat, out_fetch_ns, 72);
ASSERT_MEMBER(vmshm_log_stat, out_coarse, 80);
ASSERT_MEMBER(vmshm_log_stat, out_memory, 88);
ASSERT_MEMBER(vmshm_log_stat, out_hits, 96);
ASSERT_MEMBER(vmshm_log_stat, out_misses, 104);

ASSERT_SIZE(vmshm_mark, 24);
ASSERT_MEMBER(vmshm_mark, size, 0);
ASSERT_MEMBER(vmshm_mark, flags, 4);
ASSERT_MEMBER(vmshm_mark, ranges, 8);
ASSERT_MEMBER(vmshm_mark, count, 16);
ASSERT_MEMBER(vmshm_mark, __reserved, 20);

ASSERT_SIZE(vmshm_merge, 32);
ASSERT_MEMBER(vmshm_merge, size, 0);
ASSERT_MEMBER(vmshm_merge, flags, 4);
ASSERT_MEMBER(vmshm_merge, first_page, 8);
ASSERT_MEMBER(vmshm_merge, nr_pages, 16);
ASSERT_MEMBER(vmshm_merge, bitmap, 24);

ASSERT_SIZE(vmshm_join, 96);
ASSERT_MEMBER(vmshm_join, size, 0);
ASSERT_MEMBER(vmshm_join, flags, 4);
ASSERT_MEMBER(vmshm_join, number, 8);
ASSERT_MEMBER(vmshm_join, vectors, 12);
ASSERT_MEMBER(vmshm_join, out_fd, 16);
ASSERT_MEMBER(vmshm_join, out_number, 20);
ASSERT_MEMBER(vmshm_join, out_generation, 24);
ASSERT_MEMBER(vmshm_join, name, 32);

ASSERT_SIZE(vmshm_peer_info, 136);
ASSERT_MEMBER(vmshm_peer_info, number, 0);
ASSERT_MEMBER(vmshm_peer_info, flags, 4);
ASSERT_MEMBER(vmshm_peer_info, vectors, 8);
ASSERT_MEMBER(vmshm_peer_info, pid, 12);
ASSERT_MEMBER(vmshm_peer_info, uid, 16);
ASSERT_MEMBER(vmshm_peer_info, __reserved, 20);
ASSERT_MEMBER(vmshm_peer_info, generation, 24);
ASSERT_MEMBER(vmshm_peer_info, since_ns, 32);
ASSERT_MEMBER(vmshm_peer_info, eventfds, 40);
ASSERT_MEMBER(vmshm_peer_info, pending, 48);
ASSERT_MEMBER(vmshm_peer_info, name, 56);
ASSERT_MEMBER(vmshm_peer_info, comm, 120);

ASSERT_SIZE(vmshm_peers, 32);
ASSERT_MEMBER(vmshm_peers, size, 0);
ASSERT_MEMBER(vmshm_peers, flags, 4);
ASSERT_MEMBER(vmshm_peers, entries, 8);
ASSERT_MEMBER(vmshm_peers, entry_size, 16);
ASSERT_MEMBER(vmshm_peers, count, 20);
ASSERT_MEMBER(vmshm_peers, out_count, 24);
ASSERT_MEMBER(vmshm_peers, __reserved, 28);

ASSERT_SIZE(vmshm_peer_stat, 128);
ASSERT_MEMBER(vmshm_peer_stat, size, 0);
ASSERT_MEMBER(vmshm_peer_stat, flags, 4);
ASSERT_MEMBER(vmshm_peer_stat, out_number, 8);
ASSERT_MEMBER(vmshm_peer_stat, out_flags, 12);
ASSERT_MEMBER(vmshm_peer_stat, out_vectors, 16);
ASSERT_MEMBER(vmshm_peer_stat, out_peers, 20);
ASSERT_MEMBER(vmshm_peer_stat, out_generation, 24);
ASSERT_MEMBER(vmshm_peer_stat, out_region, 32);
ASSERT_MEMBER(vmshm_peer_stat, out_eventfds, 40);
ASSERT_MEMBER(vmshm_peer_stat, out_pending, 48);
ASSERT_MEMBER(vmshm_peer_stat, out_rings, 56);
ASSERT_MEMBER(vmshm_peer_stat, out_name, 64);

ASSERT_SIZE(vmshm_peer_set_vector, 16);
ASSERT_MEMBER(vmshm_peer_set_vector, size, 0);
ASSERT_MEMBER(vmshm_peer_set_vector, flags, 4);
ASSERT_MEMBER(vmshm_peer_set_vector, vector, 8);
ASSERT_MEMBER(vmshm_peer_set_vector, fd, 12);

ASSERT_SIZE(vmshm_peer_get_vector, 32);
ASSERT_MEMBER(vmshm_peer_get_vector, size, 0);
ASSERT_MEMBER(vmshm_peer_get_vector, flags, 4);
ASSERT_MEMBER(vmshm_peer_get_vector, number, 8);
ASSERT_MEMBER(vmshm_peer_get_vector, vector, 12);
ASSERT_MEMBER(vmshm_peer_get_vector, generation, 16);
ASSERT_MEMBER(vmshm_peer_get_vector, out_fd, 24);
ASSERT_MEMBER(vmshm_peer_get_vector, __reserved, 28);

ASSERT_SIZE(vmshm_peer_ring, 16);
ASSERT_MEMBER(vmshm_peer_ring, size, 0);
ASSERT_MEMBER(vmshm_peer_ring, flags, 4);
ASSERT_MEMBER(vmshm_peer_ring, number, 8);
ASSERT_MEMBER(vmshm_peer_ring, vector, 12);

ASSERT_SIZE(vmshm_peer_pending, 24);
ASSERT_MEMBER(vmshm_peer_pending, size, 0);
ASSERT_MEMBER(vmshm_peer_pending, flags, 4);
ASSERT_MEMBER(vmshm_peer_pending, mask, 8);
ASSERT_MEMBER(vmshm_peer_pending, out_pending, 16);

ASSERT_SIZE(vmshm_bind, 72);
ASSERT_MEMBER(vmshm_bind, size, 0);
ASSERT_MEMBER(vmshm_bind, flags, 4);
ASSERT_MEMBER(vmshm_bind, vm_fd, 8);
ASSERT_MEMBER(vmshm_bind, out_fd, 12);
ASSERT_MEMBER(vmshm_bind, first_slot, 16);
ASSERT_MEMBER(vmshm_bind, nr_slots, 20);
ASSERT_MEMBER(vmshm_bind, guest_addr, 24);
ASSERT_MEMBER(vmshm_bind, offset, 32);
ASSERT_MEMBER(vmshm_bind, length, 40);
ASSERT_MEMBER(vmshm_bind, granule, 48);
ASSERT_MEMBER(vmshm_bind, user_addr, 56);
ASSERT_MEMBER(vmshm_bind, out_user_addr, 64);

ASSERT_SIZE(vmshm_binding, 96);
ASSERT_MEMBER(vmshm_binding, flags, 0);
ASSERT_MEMBER(vmshm_binding, pid, 4);
ASSERT_MEMBER(vmshm_binding, uid, 8);
ASSERT_MEMBER(vmshm_binding, first_slot, 12);
ASSERT_MEMBER(vmshm_binding, nr_slots, 16);
ASSERT_MEMBER(vmshm_binding, used_slots, 20);
ASSERT_MEMBER(vmshm_binding, vm, 24);
ASSERT_MEMBER(vmshm_binding, guest_addr, 32);
ASSERT_MEMBER(vmshm_binding, offset, 40);
ASSERT_MEMBER(vmshm_binding, length, 48);
ASSERT_MEMBER(vmshm_binding, bound, 56);
ASSERT_MEMBER(vmshm_binding, granule, 64);
ASSERT_MEMBER(vmshm_binding, since_ns, 72);
ASSERT_MEMBER(vmshm_binding, comm, 80);

ASSERT_SIZE(vmshm_bindings, 32);
ASSERT_MEMBER(vmshm_bindings, size, 0);
ASSERT_MEMBER(vmshm_bindings, flags, 4);
ASSERT_MEMBER(vmshm_bindings, entries, 8);
ASSERT_MEMBER(vmshm_bindings, entry_size, 16);
ASSERT_MEMBER(vmshm_bindings, count, 20);
ASSERT_MEMBER(vmshm_bindings, out_count, 24);
ASSERT_MEMBER(vmshm_bindings, __reserved, 28);

ASSERT_SIZE(vmshm_bind_stat, 104);
ASSERT_MEMBER(vmshm_bind_stat, size, 0);
ASSERT_MEMBER(vmshm_bind_stat, flags, 4);
ASSERT_MEMBER(vmshm_bind_stat, out_flags, 8);
ASSERT_MEMBER(vmshm_bind_stat, out_pid, 12);
ASSERT_MEMBER(vmshm_bind_stat, out_first_slot, 16);
ASSERT_MEMBER(vmshm_bind_stat, out_nr_slots, 20);
ASSERT_MEMBER(vmshm_bind_stat, out_used_slots, 24);
ASSERT_MEMBER(vmshm_bind_stat, __reserved, 28);
ASSERT_MEMBER(vmshm_bind_stat, out_vm, 32);
ASSERT_MEMBER(vmshm_bind_stat, out_guest_addr, 40);
ASSERT_MEMBER(vmshm_bind_stat, out_offset, 48);
ASSERT_MEMBER(vmshm_bind_stat, out_length, 56);
ASSERT_MEMBER(vmshm_bind_stat, out_bound, 64);
ASSERT_MEMBER(vmshm_bind_stat, out_granule, 72);
ASSERT_MEMBER(vmshm_bind_stat, out_user_addr, 80);
ASSERT_MEMBER(vmshm_bind_stat, out_changes, 88);
ASSERT_MEMBER(vmshm_bind_stat, out_generation, 96);

ASSERT_SIZE(vmshm_bind_update, 16);
ASSERT_MEMBER(vmshm_bind_update, size, 0);
ASSERT_MEMBER(vmshm_bind_update, flags, 4);
ASSERT_MEMBER(vmshm_bind_update, guest_addr, 8);

ASSERT_SIZE(vmshm_bind_slot, 32);
ASSERT_MEMBER(vmshm_bind_slot, slot, 0);
ASSERT_MEMBER(vmshm_bind_slot, flags, 4);
ASSERT_MEMBER(vmshm_bind_slot, guest_addr, 8);
ASSERT_MEMBER(vmshm_bind_slot, offset, 16);
ASSERT_MEMBER(vmshm_bind_slot, length, 24);

ASSERT_SIZE(vmshm_bind_slots, 32);
ASSERT_MEMBER(vmshm_bind_slots, size, 0);
ASSERT_MEMBER(vmshm_bind_slots, flags, 4);
ASSERT_MEMBER(vmshm_bind_slots, entries, 8);
ASSERT_MEMBER(vmshm_bind_slots, entry_size, 16);
ASSERT_MEMBER(vmshm_bind_slots, count, 20);
ASSERT_MEMBER(vmshm_bind_slots, out_count, 24);
ASSERT_MEMBER(vmshm_bind_slots, __reserved, 28);

static_assert(VMSHM_IOC_GET_INFO == 0xbd00, "number of GET_INFO");
static_assert(VMSHM_IOC_CREATE == 0xbd01, "number of CREATE");
static_assert(VMSHM_IOC_OPEN == 0xbd02, "number of OPEN");
static_assert(VMSHM_IOC_UNLINK == 0xbd03, "number of UNLINK");
static_assert(VMSHM_IOC_LIST == 0xbd04, "number of LIST");
static_assert(VMSHM_IOC_WATCH == 0xbd05, "number of WATCH");
static_assert(VMSHM_IOC_DOMAIN == 0xbd06, "number of DOMAIN");
static_assert(VMSHM_IOC_STAT == 0xbd10, "number of STAT");
static_assert(VMSHM_IOC_RESIZE == 0xbd11, "number of RESIZE");
static_assert(VMSHM_IOC_SEAL == 0xbd12, "number of SEAL");
static_assert(VMSHM_IOC_MEMBERS == 0xbd13, "number of MEMBERS");
static_assert(VMSHM_IOC_READONLY == 0xbd14, "number of READONLY");
static_assert(VMSHM_IOC_WATCH_EVENTFD == 0xbd20, "number of WATCH_EVENTFD");
static_assert(VMSHM_IOC_LOG_OPEN == 0xbd15, "number of LOG_OPEN");
static_assert(VMSHM_IOC_MARK == 0xbd16, "number of MARK");
static_assert(VMSHM_IOC_MERGE == 0xbd17, "number of MERGE");
static_assert(VMSHM_IOC_LOG_FETCH == 0xbd30, "number of LOG_FETCH");
static_assert(VMSHM_IOC_LOG_REARM == 0xbd31, "number of LOG_REARM");
static_assert(VMSHM_IOC_LOG_WATERMARK == 0xbd32, "number of LOG_WATERMARK");
static_assert(VMSHM_IOC_LOG_STAT == 0xbd33, "number of LOG_STAT");
static_assert(VMSHM_IOC_JOIN == 0xbd18, "number of JOIN");
static_assert(VMSHM_IOC_PEERS == 0xbd19, "number of PEERS");
static_assert(VMSHM_IOC_PEER_STAT == 0xbd40, "number of PEER_STAT");
static_assert(VMSHM_IOC_PEER_SET_VECTOR == 0xbd41, "number of PEER_SET_VECTOR");
static_assert(VMSHM_IOC_PEER_GET_VECTOR == 0xbd42, "number of PEER_GET_VECTOR");
static_assert(VMSHM_IOC_PEER_RING == 0xbd43, "number of PEER_RING");
static_assert(VMSHM_IOC_PEER_PENDING == 0xbd44, "number of PEER_PENDING");
static_assert(VMSHM_IOC_BIND == 0xbd1a, "number of BIND");
static_assert(VMSHM_IOC_BINDINGS == 0xbd1b, "number of BINDINGS");
static_assert(VMSHM_IOC_BIND_STAT == 0xbd50, "number of BIND_STAT");
static_assert(VMSHM_IOC_BIND_UPDATE == 0xbd51, "number of BIND_UPDATE");
static_assert(VMSHM_IOC_BIND_SLOTS == 0xbd52, "number of BIND_SLOTS");
