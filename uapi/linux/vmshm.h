/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * vmshm: named, sized, resizable regions of shared memory.
 *
 * Everything here is an ioctl on one of six kinds of file:
 *
 *  - the device, /dev/vmshm: VMSHM_IOC_GET_INFO, _CREATE, _OPEN, _UNLINK,
 *    _LIST, _WATCH and _DOMAIN;
 *  - a region, a regular file of size st_size, as returned by _CREATE, _OPEN
 *    and _READONLY: VMSHM_IOC_STAT, _RESIZE, _SEAL, _MEMBERS, _WATCH,
 *    _READONLY, _LOG_OPEN, _MARK, _MERGE, _JOIN, _PEERS, _BIND and _BINDINGS;
 *  - a dirty log, as returned by _LOG_OPEN: poll(2), VMSHM_IOC_LOG_FETCH,
 *    _LOG_REARM, _LOG_WATERMARK and _LOG_STAT;
 *  - a peer, as returned by _JOIN: poll(2), VMSHM_IOC_PEER_STAT,
 *    _PEER_SET_VECTOR, _PEER_GET_VECTOR, _PEER_RING and _PEER_PENDING;
 *  - a binding, as returned by _BIND: poll(2), VMSHM_IOC_BIND_STAT,
 *    _BIND_UPDATE and _BIND_SLOTS;
 *  - a watch, as returned by _WATCH: read(2), poll(2) and
 *    VMSHM_IOC_WATCH_EVENTFD.
 *
 * General ioctl format
 * --------------------
 * Every argument is a pointer to a struct whose first member, @size, is set by
 * the caller to the size of the struct it was compiled with. Structs grow at
 * the end only and zero keeps the old meaning: a kernel that knows less accepts
 * a longer struct whose unknown tail is zero, a kernel that knows more accepts
 * a shorter one. Members named out_* are written by the kernel and must be zero
 * on input. All integers are in host byte order, all sizes are bytes, all times
 * are nanoseconds. File descriptors are returned with O_CLOEXEC set.
 *
 * Errors, the same for all commands:
 *
 *  - ENOTTY: the command is not one of this kind of file.
 *  - EINVAL: @size is less than the first version of the struct; a value is not
 *    allowed; an out_* or reserved member is not zero; a name is malformed.
 *  - E2BIG: a member this kernel does not know is not zero, or @size exceeds
 *    a page.
 *  - EOPNOTSUPP: a flag or an enumeration value that this kernel does not know
 *    or cannot provide.
 *  - EFAULT: memory of the caller could not be read or written.
 *  - EOVERFLOW: a guest-physical address wraps.
 *  - ENOENT: no region of that name, no peer of that number.
 *  - EEXIST: a region of that name exists already.
 *  - EACCES: permission bits, a domain's ownership or a read-only handle say no.
 *  - EPERM: the operation takes ownership or a privilege, or a seal forbids it.
 *  - ESTALE: a region of that name, or a peer of that number, exists, but not
 *    the one that was asked for: its owner or its generation differs.
 *  - EBUSY: the region is mapped (or pinned, or bound to a VM) in a way that
 *    forbids the change; the number of a peer is taken.
 *  - EFBIG: the new size exceeds the region's max_size.
 *  - EDQUOT: a limit of the calling user is reached.
 *  - ENOSPC: a limit of the whole system is reached, no number of a peer is
 *    free, or the slots of a binding are used up.
 *  - EMSGSIZE: the buffer is too small; the needed count was returned.
 *  - ENOMEM, EMFILE, ENFILE, EINTR: as usual.
 *
 * A command that fails has changed nothing, unless it says otherwise.
 */
#ifndef _UAPI_LINUX_VMSHM_H
#define _UAPI_LINUX_VMSHM_H

#include <linux/ioctl.h>
#include <linux/types.h>

/** VMSHM_ABI_VERSION - version of this interface, see struct vmshm_info */
#define VMSHM_ABI_VERSION	1

/** VMSHM_NAME_MAX - longest name in bytes, without the terminating NUL */
#define VMSHM_NAME_MAX		255

/**
 * VMSHM_SUPER_MAGIC - f_type of a region's file in struct statfs
 *
 * "VMSH"
 */
#define VMSHM_SUPER_MAGIC	0x564d5348

/** VMSHM_IOC_TYPE - ioctl type of all commands, see ioctl-number.rst */
#define VMSHM_IOC_TYPE		0xBD

enum {
	VMSHM_CMD_GET_INFO = 0x00,
	VMSHM_CMD_CREATE,
	VMSHM_CMD_OPEN,
	VMSHM_CMD_UNLINK,
	VMSHM_CMD_LIST,
	VMSHM_CMD_WATCH,
	VMSHM_CMD_DOMAIN,
	VMSHM_CMD_STAT = 0x10,
	VMSHM_CMD_RESIZE,
	VMSHM_CMD_SEAL,
	VMSHM_CMD_MEMBERS,
	VMSHM_CMD_READONLY,
	VMSHM_CMD_LOG_OPEN,
	VMSHM_CMD_MARK,
	VMSHM_CMD_MERGE,
	VMSHM_CMD_JOIN,
	VMSHM_CMD_PEERS,
	VMSHM_CMD_BIND = 0x1A,
	VMSHM_CMD_BINDINGS,
	VMSHM_CMD_WATCH_EVENTFD = 0x20,
	VMSHM_CMD_LOG_FETCH = 0x30,
	VMSHM_CMD_LOG_REARM,
	VMSHM_CMD_LOG_WATERMARK,
	VMSHM_CMD_LOG_STAT,
	VMSHM_CMD_PEER_STAT = 0x40,
	VMSHM_CMD_PEER_SET_VECTOR,
	VMSHM_CMD_PEER_GET_VECTOR,
	VMSHM_CMD_PEER_RING,
	VMSHM_CMD_PEER_PENDING,
	VMSHM_CMD_BIND_STAT = 0x50,
	VMSHM_CMD_BIND_UPDATE,
	VMSHM_CMD_BIND_SLOTS,
};

/* struct vmshm_info::out_features */
#define VMSHM_FEATURE_RESERVE		(1ULL << 0)
#define VMSHM_FEATURE_PINNABLE		(1ULL << 1)
#define VMSHM_FEATURE_HUGE		(1ULL << 2)
#define VMSHM_FEATURE_SEALS		(1ULL << 3)
#define VMSHM_FEATURE_MEMBERS		(1ULL << 4)
#define VMSHM_FEATURE_WATCH		(1ULL << 5)
#define VMSHM_FEATURE_LOG		(1ULL << 6)
#define VMSHM_FEATURE_PEERS		(1ULL << 7)
/* VMSHM_IOC_BIND with a VM: vmshm_kvm is loaded. */
#define VMSHM_FEATURE_KVM		(1ULL << 8)

/**
 * struct vmshm_info - ioctl(VMSHM_IOC_GET_INFO) on the device
 * @size: sizeof(struct vmshm_info)
 * @flags: must be 0
 * @out_abi_version: VMSHM_ABI_VERSION of the kernel
 * @out_page_size: the granularity of mappings and holes, in bytes
 * @out_features: VMSHM_FEATURE_* bits
 * @out_huge_policies: bit n is set if the policy n of enum vmshm_huge can be
 *	asked for
 * @out_name_max: longest name, in bytes without NUL
 * @out_max_size: largest max_size of a region, in bytes
 * @out_bytes_total: limit on the memory of all regions, in bytes
 * @out_bytes_user: limit on the memory of one user's regions, in bytes
 * @out_regions_user: limit on the number of one user's regions
 * @out_meta_user: limit on kernel memory for one user's objects, in bytes
 * @out_watches_user: limit on the number of one user's watches
 * @out_events: capacity of a watch's queue, in events
 * @out_bytes_used: memory of the caller's regions that counts now, in bytes
 * @out_regions_used: number of the caller's regions now
 * @out_meta_used: kernel memory for the caller's objects now, in bytes
 * @out_registry: number of the registry (the user namespace's inode number)
 * @__reserved: written as 0
 * @out_peers_user: limit on the number of one user's peers
 * @out_peers_used: number of the caller's peers now
 *
 * Fills in what the module can do and what limits hold. The limits are the
 * module's parameters, see Documentation/admin-guide.rst.
 */
struct vmshm_info {
	__u32 size;
	__u32 flags;
	__u32 out_abi_version;
	__u32 out_page_size;
	__aligned_u64 out_features;
	__u32 out_huge_policies;
	__u32 out_name_max;
	__aligned_u64 out_max_size;
	__aligned_u64 out_bytes_total;
	__aligned_u64 out_bytes_user;
	__aligned_u64 out_regions_user;
	__aligned_u64 out_meta_user;
	__aligned_u64 out_watches_user;
	__aligned_u64 out_events;
	__aligned_u64 out_bytes_used;
	__aligned_u64 out_regions_used;
	__aligned_u64 out_meta_used;
	__u32 out_registry;
	__u32 __reserved;
	__aligned_u64 out_peers_user;
	__aligned_u64 out_peers_used;
};
#define VMSHM_IOC_GET_INFO _IO(VMSHM_IOC_TYPE, VMSHM_CMD_GET_INFO)

/**
 * enum vmshm_huge - huge page policy of a region, fixed at creation
 * @VMSHM_HUGE_NEVER: base pages only
 * @VMSHM_HUGE_ALWAYS: a huge page whenever one can be had
 * @VMSHM_HUGE_WITHIN_SIZE: as ALWAYS, but only where it fits in the size
 * @VMSHM_HUGE_ADVISE: only where madvise(MADV_HUGEPAGE) asks for it
 *
 * The meaning of each is that of the huge= mount option of tmpfs.
 */
enum vmshm_huge {
	VMSHM_HUGE_NEVER,
	VMSHM_HUGE_ALWAYS,
	VMSHM_HUGE_WITHIN_SIZE,
	VMSHM_HUGE_ADVISE,
};

/* struct vmshm_create::flags, struct vmshm_stat::out_flags */

/*
 * The name goes with the last open file or mapping, not only by UNLINK; of
 * a PINNABLE region with the last open file.
 */
#define VMSHM_EPHEMERAL		(1U << 0)
/* Users of the region cope with SIGBUS: it may be shrunk while mapped. */
#define VMSHM_SHRINKABLE	(1U << 1)
/* Memory is allocated when the region is created or grows, not when touched. */
#define VMSHM_RESERVE		(1U << 2)
/* Mappings are plain shmem's: long-term pins and userfaultfd work. */
#define VMSHM_PINNABLE		(1U << 3)
/* Punching holes (fallocate, MADV_REMOVE) is refused with EPERM. */
#define VMSHM_NO_PUNCH		(1U << 4)
/* Read-only handles may open dirty logs, which make writers fault. */
#define VMSHM_LOG_READERS	(1U << 5)
/* Peers that joined by a read-only handle may ring others, see VMSHM_IOC_JOIN. */
#define VMSHM_RING_READERS	(1U << 6)

/*
 * struct vmshm_stat::out_flags only: the memory is that of a device, such as the
 * ivshmem device of a virtual machine, and other systems may share it. Its
 * driver made the region and takes it away with the device: the memory first,
 * so that reading and writing is ENODEV, mmap(2) too, and mappings fault with
 * SIGBUS; then the name, which VMSHM_EVENT_UNLINKED tells.
 *
 * The size is fixed: SEAL, SHRINK and GROW are in force. It counts against no
 * limit, can only be mapped MAP_SHARED (EINVAL), has neither holes nor dirty
 * logs nor bindings (EOPNOTSUPP), cannot be unlinked (EPERM), and there are no pages to it
 * that direct I/O, a futex or a long-term pin could take (EFAULT).
 */
#define VMSHM_DEVICE_MEMORY	(1U << 7)

/* struct vmshm_create::flags only: open the region if it exists already. */
#define VMSHM_OPEN_EXISTING	(1U << 16)

/**
 * struct vmshm_create - ioctl(VMSHM_IOC_CREATE) on the device
 * @size: sizeof(struct vmshm_create)
 * @flags: VMSHM_EPHEMERAL and so on
 * @region_size: size of the new region, in bytes; 0 is allowed
 * @max_size: what it may grow to, in bytes; 0 means @region_size
 * @mode: permission bits of the new region (at most 0666), not subject to the
 *	umask
 * @huge: a value of enum vmshm_huge
 * @out_fd: the region, open for reading and writing
 * @out_created: 1 if the region is new, 0 if VMSHM_OPEN_EXISTING found one
 * @out_generation: number of the region, unique since boot
 * @name: of 1 to VMSHM_NAME_MAX bytes, NUL-terminated: components of printable
 *	ASCII without spaces, separated by '/', none of them empty, "." or ".."
 *
 * The first component of a name is its domain. A domain belongs to the user
 * who first creates a region in it, until its last region is gone, or to the
 * user it was reserved for by VMSHM_IOC_DOMAIN; nobody else may create in it.
 * In the initial user namespace the domain "ivshmem" is root's: devices have
 * their regions there.
 *
 * With VMSHM_OPEN_EXISTING a region of that name is opened as by VMSHM_IOC_OPEN
 * for reading and writing. Its size, mode and flags stay as they are.
 *
 * A file descriptor that is returned by a failing call, in @out_fd, is not
 * open.
 *
 * Errors: EEXIST; EACCES: the domain belongs to somebody else, or the existing
 * region may not be opened; EFBIG: @region_size > @max_size; EINVAL:
 * @max_size exceeds struct vmshm_info::out_max_size or @mode has other bits;
 * EDQUOT: too many regions or too much memory for the user; ENOSPC: too much
 * memory in total; ENOMEM: with VMSHM_RESERVE, no memory; EINTR: with
 * VMSHM_RESERVE, a signal came first; EOPNOTSUPP: unknown flag or policy.
 */
struct vmshm_create {
	__u32 size;
	__u32 flags;
	__aligned_u64 region_size;
	__aligned_u64 max_size;
	__u32 mode;
	__u32 huge;
	__s32 out_fd;
	__u32 out_created;
	__aligned_u64 out_generation;
	__u8 name[VMSHM_NAME_MAX + 1];
};
#define VMSHM_IOC_CREATE _IO(VMSHM_IOC_TYPE, VMSHM_CMD_CREATE)

/* struct vmshm_open::flags */

/* The handle is read-only, and so is all that can be made of it. */
#define VMSHM_OPEN_RDONLY	(1U << 0)
/* ESTALE unless the region belongs to @owner. */
#define VMSHM_OPEN_OWNER	(1U << 1)
/* ESTALE unless the region's number is @generation. */
#define VMSHM_OPEN_GENERATION	(1U << 2)

/**
 * struct vmshm_open - ioctl(VMSHM_IOC_OPEN) on the device
 * @size: sizeof(struct vmshm_open)
 * @flags: VMSHM_OPEN_*
 * @owner: with VMSHM_OPEN_OWNER, the uid that must own the region
 * @out_fd: the region
 * @generation: with VMSHM_OPEN_GENERATION, the number the region must have
 * @out_generation: number of the region
 * @name: of the region
 *
 * Errors: ENOENT; EACCES; ESTALE: the owner or the generation differs;
 * EDQUOT: too much kernel memory for the user's objects.
 */
struct vmshm_open {
	__u32 size;
	__u32 flags;
	__u32 owner;
	__s32 out_fd;
	__aligned_u64 generation;
	__aligned_u64 out_generation;
	__u8 name[VMSHM_NAME_MAX + 1];
};
#define VMSHM_IOC_OPEN _IO(VMSHM_IOC_TYPE, VMSHM_CMD_OPEN)

/* struct vmshm_unlink::flags */

/* ESTALE unless the region's number is @generation. */
#define VMSHM_UNLINK_GENERATION	(1U << 0)
/* The region is one of the registry @registry; takes CAP_SYS_ADMIN. */
#define VMSHM_UNLINK_REGISTRY	(1U << 1)

/**
 * struct vmshm_unlink - ioctl(VMSHM_IOC_UNLINK) on the device
 * @size: sizeof(struct vmshm_unlink)
 * @flags: VMSHM_UNLINK_*
 * @generation: with VMSHM_UNLINK_GENERATION, the number the region must have
 * @registry: with VMSHM_UNLINK_REGISTRY, as struct vmshm_stat::out_registry
 * @__reserved: must be 0
 * @name: of the region
 *
 * The name is gone at once; the memory lives while the region is open or
 * mapped. Allowed to the owner of the region, the owner of its domain, and with
 * CAP_SYS_ADMIN in the registry's user namespace; to nobody if the region is
 * DEVICE_MEMORY: its name goes with the device.
 *
 * Errors: ENOENT; EPERM; ESTALE.
 */
struct vmshm_unlink {
	__u32 size;
	__u32 flags;
	__aligned_u64 generation;
	__u32 registry;
	__u32 __reserved;
	__u8 name[VMSHM_NAME_MAX + 1];
};
#define VMSHM_IOC_UNLINK _IO(VMSHM_IOC_TYPE, VMSHM_CMD_UNLINK)

/* Seals: struct vmshm_seal::add, struct vmshm_stat::out_seals */
#define VMSHM_SEAL_SEAL		(1U << 0) /* no further seals */
#define VMSHM_SEAL_SHRINK	(1U << 1) /* the size cannot be lowered */
#define VMSHM_SEAL_GROW		(1U << 2) /* the size cannot be raised */
#define VMSHM_SEAL_WRITE	(1U << 3) /* contents cannot change */
#define VMSHM_SEAL_FUTURE_WRITE	(1U << 4) /* as WRITE, existing maps excepted */

/**
 * struct vmshm_stat - ioctl(VMSHM_IOC_STAT) on a region; element of a list
 * @size: sizeof(struct vmshm_stat)
 * @flags: must be 0
 * @out_generation: number of the region, unique since boot
 * @out_region_size: size, in bytes
 * @out_max_size: what it may grow to, in bytes
 * @out_resident: bytes of it in memory; of DEVICE_MEMORY all there are, until
 *	the device is gone
 * @out_allocated: bytes of it in memory or in swap, likewise
 * @out_charged: bytes that count against the limits
 * @out_ctime_ns: when it was created, CLOCK_REALTIME
 * @out_seq: sequence number of its last event
 * @out_ino: its inode number
 * @out_faults: page faults taken on its mappings (not those the fault-around
 *	of a neighbour satisfied); 0 for PINNABLE regions
 * @out_flags: VMSHM_EPHEMERAL and so on, as it was created, or
 *	VMSHM_DEVICE_MEMORY
 * @out_huge: a value of enum vmshm_huge
 * @out_seals: VMSHM_SEAL_*
 * @out_mode: permission bits
 * @out_uid: owner, in the caller's user namespace
 * @out_gid: group, in the caller's user namespace
 * @out_domain_uid: owner of its domain, in the caller's user namespace, or
 *	(__u32)-1 if the region has no name any more
 * @out_opens: number of open files
 * @out_maps: number of mappings (not counted for PINNABLE regions)
 * @out_linked: 1 while it has a name
 * @out_registry: number of the registry it is in
 * @out_logs: number of dirty logs
 * @out_name: its name, also after it was unlinked
 * @out_write_faults: page faults that made a page writable
 * @out_around: pages that such a fault made writable beside its own
 * @out_bindings: number of bindings to VMs
 * @__reserved: must be 0
 */
struct vmshm_stat {
	__u32 size;
	__u32 flags;
	__aligned_u64 out_generation;
	__aligned_u64 out_region_size;
	__aligned_u64 out_max_size;
	__aligned_u64 out_resident;
	__aligned_u64 out_allocated;
	__aligned_u64 out_charged;
	__aligned_u64 out_ctime_ns;
	__aligned_u64 out_seq;
	__aligned_u64 out_ino;
	__aligned_u64 out_faults;
	__u32 out_flags;
	__u32 out_huge;
	__u32 out_seals;
	__u32 out_mode;
	__u32 out_uid;
	__u32 out_gid;
	__u32 out_domain_uid;
	__u32 out_opens;
	__u32 out_maps;
	__u32 out_linked;
	__u32 out_registry;
	__u32 out_logs;
	__u8 out_name[VMSHM_NAME_MAX + 1];
	__aligned_u64 out_write_faults;
	__aligned_u64 out_around;
	__u32 out_bindings;
	__u32 __reserved;
};
#define VMSHM_IOC_STAT _IO(VMSHM_IOC_TYPE, VMSHM_CMD_STAT)

/* struct vmshm_list::flags */

/* Regions of all registries; takes CAP_SYS_ADMIN in the initial namespace. */
#define VMSHM_LIST_ALL		(1U << 0)

/**
 * struct vmshm_list - ioctl(VMSHM_IOC_LIST) on the device
 * @size: sizeof(struct vmshm_list)
 * @flags: VMSHM_LIST_*
 * @entries: pointer to an array of struct vmshm_stat, only written
 * @entry_size: size of an element of @entries, in bytes: at least the first
 *	version of struct vmshm_stat; what the kernel knows beyond is cut, what
 *	it does not know is zeroed
 * @count: number of elements @entries has room for, at least 1
 * @out_count: number of elements written
 * @out_more: 1 if there may be more: call again with @after and
 *	@after_registry those of the last element
 * @after_registry: with VMSHM_LIST_ALL, the registry to go on in
 * @__reserved: must be 0
 * @prefix: only names that begin with this; may be empty
 * @after: only names after this one, in byte order; may be empty
 *
 * Lists the regions that the caller may open for reading or for writing, in
 * the order of registry number and name. Changes made between two calls are
 * seen or not seen; a region that exists throughout is listed once.
 *
 * Errors: EPERM: VMSHM_LIST_ALL without privilege.
 */
struct vmshm_list {
	__u32 size;
	__u32 flags;
	__aligned_u64 entries;
	__u32 entry_size;
	__u32 count;
	__u32 out_count;
	__u32 out_more;
	__u32 after_registry;
	__u32 __reserved;
	__u8 prefix[VMSHM_NAME_MAX + 1];
	__u8 after[VMSHM_NAME_MAX + 1];
};
#define VMSHM_IOC_LIST _IO(VMSHM_IOC_TYPE, VMSHM_CMD_LIST)

/* struct vmshm_domain::op */
#define VMSHM_DOMAIN_RESERVE	1
#define VMSHM_DOMAIN_RELEASE	2

/**
 * struct vmshm_domain - ioctl(VMSHM_IOC_DOMAIN) on the device
 * @size: sizeof(struct vmshm_domain)
 * @flags: must be 0
 * @op: VMSHM_DOMAIN_RESERVE or VMSHM_DOMAIN_RELEASE
 * @uid: with RESERVE, the user who is to own the domain
 * @name: the domain: a name of one component
 *
 * A reserved domain belongs to its user though it has no region. RESERVE of an
 * existing domain changes its owner; its regions stay whose they are. Takes
 * CAP_SYS_ADMIN in the registry's user namespace.
 *
 * Errors: EPERM; ENOENT: RELEASE of a domain that is not reserved; EINVAL:
 * @uid has no mapping in the caller's user namespace.
 */
struct vmshm_domain {
	__u32 size;
	__u32 flags;
	__u32 op;
	__u32 uid;
	__u8 name[VMSHM_NAME_MAX + 1];
};
#define VMSHM_IOC_DOMAIN _IO(VMSHM_IOC_TYPE, VMSHM_CMD_DOMAIN)

/**
 * struct vmshm_resize - ioctl(VMSHM_IOC_RESIZE) on a region
 * @size: sizeof(struct vmshm_resize)
 * @flags: must be 0
 * @region_size: the new size, in bytes
 *
 * The same as ftruncate(2). New bytes are zero. Takes a handle that can write.
 *
 * Errors: EACCES: the handle is read-only; EFBIG: beyond max_size; EPERM: a
 * seal forbids it; EBUSY: something mapped lies beyond the new size, or the
 * region is PINNABLE and was mapped once, and the region is not
 * VMSHM_SHRINKABLE; EDQUOT, ENOSPC: the region is VMSHM_RESERVE or
 * VMSHM_PINNABLE and a limit is reached; ENOMEM: VMSHM_RESERVE, the memory could
 * not be had; EINTR: a signal came first. With bindings, see struct
 * vmshm_bind: EBUSY: one that does not follow the size lies beyond the new size,
 * the new size lies within a slot, or the VM has put something else where the
 * region would grow, or is kept busy for too long; ENOSPC: a binding has no slot
 * left for what is new; ENOMEM.
 */
struct vmshm_resize {
	__u32 size;
	__u32 flags;
	__aligned_u64 region_size;
};
#define VMSHM_IOC_RESIZE _IO(VMSHM_IOC_TYPE, VMSHM_CMD_RESIZE)

/**
 * struct vmshm_seal - ioctl(VMSHM_IOC_SEAL) on a region
 * @size: sizeof(struct vmshm_seal)
 * @flags: must be 0
 * @add: VMSHM_SEAL_* to add; 0 only reads them
 * @out_seals: those in force when the call began, and @add
 *
 * The meaning of each seal is that of the seal of the same name of
 * memfd_create(2); none can be taken off. Adding takes a handle that can write.
 *
 * Errors: EACCES: the handle is read-only; EPERM: VMSHM_SEAL_SEAL is in force;
 * EBUSY: VMSHM_SEAL_WRITE while a writable shared mapping exists or somebody
 * holds pages for direct access, as the LRU caches of isolated CPUs also do;
 * EOPNOTSUPP: unknown seal.
 */
struct vmshm_seal {
	__u32 size;
	__u32 flags;
	__u32 add;
	__u32 out_seals;
};
#define VMSHM_IOC_SEAL _IO(VMSHM_IOC_TYPE, VMSHM_CMD_SEAL)

/* struct vmshm_member::type */
#define VMSHM_MEMBER_OPEN	1	/* an open file */
#define VMSHM_MEMBER_MAP	2	/* a mapping */

/* struct vmshm_member::flags */
#define VMSHM_MEMBER_READ	(1U << 0)
#define VMSHM_MEMBER_WRITE	(1U << 1)
/* MAP: the mapping is MAP_PRIVATE. */
#define VMSHM_MEMBER_PRIVATE	(1U << 2)
/* OPEN: the process that opened it has ended; its file was passed on. */
#define VMSHM_MEMBER_EXITED	(1U << 3)
/* OPEN: no descriptor is left, mappings and peers alone keep it open. */
#define VMSHM_MEMBER_NO_FD	(1U << 4)

/**
 * struct vmshm_member - element of the array that VMSHM_IOC_MEMBERS fills
 * @type: VMSHM_MEMBER_OPEN or VMSHM_MEMBER_MAP
 * @flags: VMSHM_MEMBER_READ and so on
 * @pid: the process that opened the file, or one that has the mapping, in the
 *	caller's pid namespace; 0 if it is not visible there
 * @uid: its user then (OPEN) or now (MAP), in the caller's user namespace
 * @since_ns: OPEN: when, CLOCK_REALTIME; else 0
 * @offset: MAP: first byte of the region that is mapped; else 0
 * @length: MAP: number of bytes mapped; else 0
 * @comm: name of the process, now if it lives, else as it was
 */
struct vmshm_member {
	__u32 type;
	__u32 flags;
	__s32 pid;
	__u32 uid;
	__aligned_u64 since_ns;
	__aligned_u64 offset;
	__aligned_u64 length;
	__u8 comm[16];
};

/**
 * struct vmshm_members - ioctl(VMSHM_IOC_MEMBERS) on a region
 * @size: sizeof(struct vmshm_members)
 * @flags: must be 0
 * @entries: pointer to an array of struct vmshm_member, only written
 * @entry_size: size of an element of @entries, in bytes, as in struct
 *	vmshm_list
 * @count: number of elements @entries has room for; may be 0
 * @out_count: number of elements there are
 * @__reserved: must be 0
 *
 * Who has the region open, and who maps it, one element for each open file and
 * each mapping. Open files come first. If @count is less than @out_count,
 * nothing but @out_count is written.
 *
 * Errors: EMSGSIZE: @count is too small.
 */
struct vmshm_members {
	__u32 size;
	__u32 flags;
	__aligned_u64 entries;
	__u32 entry_size;
	__u32 count;
	__u32 out_count;
	__u32 __reserved;
};
#define VMSHM_IOC_MEMBERS _IO(VMSHM_IOC_TYPE, VMSHM_CMD_MEMBERS)

/**
 * struct vmshm_readonly - ioctl(VMSHM_IOC_READONLY) on a region
 * @size: sizeof(struct vmshm_readonly)
 * @flags: must be 0
 * @out_fd: another handle of the region, read-only
 * @__reserved: must be 0
 *
 * Makes a handle that stays read-only whoever has it: through mprotect(2),
 * through /proc/self/fd, through ftruncate(2), for the owner and for root.
 */
struct vmshm_readonly {
	__u32 size;
	__u32 flags;
	__s32 out_fd;
	__u32 __reserved;
};
#define VMSHM_IOC_READONLY _IO(VMSHM_IOC_TYPE, VMSHM_CMD_READONLY)

/* struct vmshm_event::type; bit (1 << type) of struct vmshm_watch::events */
#define VMSHM_EVENT_OVERFLOW	0	/* events were lost */
#define VMSHM_EVENT_CREATED	1
#define VMSHM_EVENT_OPENED	2
#define VMSHM_EVENT_CLOSED	3
#define VMSHM_EVENT_EXIT	4	/* the process that opened it has ended */
#define VMSHM_EVENT_RESIZED	5
#define VMSHM_EVENT_SEALED	6
#define VMSHM_EVENT_ATTR	7	/* owner, group or mode changed */
#define VMSHM_EVENT_UNLINKED	8
#define VMSHM_EVENT_JOINED	9
#define VMSHM_EVENT_LEFT	10
#define VMSHM_EVENT_PEER_EXIT	11	/* the process that joined has ended */
#define VMSHM_EVENT_VECTOR	12	/* a peer gave or took back an eventfd */
#define VMSHM_EVENT_BOUND	13	/* made guest memory of a VM, or moved */
#define VMSHM_EVENT_UNBOUND	14

/**
 * struct vmshm_event - what read(2) on a watch returns, any number of them
 * @size: sizeof(struct vmshm_event) of the kernel: the distance to the next
 * @type: VMSHM_EVENT_*
 * @generation: number of the region; 0 for OVERFLOW
 * @seq: number of the event among those of its region, from 1 on without a
 *	gap; for OVERFLOW, how many events were lost here
 * @time_ns: when, CLOCK_MONOTONIC
 * @value: RESIZED: the new size in bytes; SEALED: the seals in force; ATTR: the
 *	mode; JOINED, LEFT, PEER_EXIT, VECTOR: number of the peer; BOUND,
 *	UNBOUND: the guest-physical address; else 0
 * @old_value: RESIZED, SEALED, ATTR: the same, before; JOINED, LEFT, PEER_EXIT,
 *	VECTOR: generation of the peer; BOUND, UNBOUND: number of the VM; else 0
 * @pid: the process that did it, that ended, or that bound the region, in the
 *	reader's pid namespace; 0 if it is not visible there or not known
 * @uid: its user, in the reader's user namespace
 * @flags: OPENED, CLOSED, EXIT: VMSHM_MEMBER_READ and VMSHM_MEMBER_WRITE of
 *	the file; JOINED, LEFT, PEER_EXIT, VECTOR: VMSHM_PEER_READ and so on;
 *	BOUND, UNBOUND: VMSHM_BIND_* of the binding
 * @vector: VECTOR: the vector; else 0
 * @name: name of the region
 *
 * Events of peers name the process that joined, whoever uses or closes the
 * peer's file. When it ends, PEER_EXIT is raised: before LEFT if its end is
 * what closes the file, so that a peer that died can be told from one that
 * left, or else while others still have the file.
 */
struct vmshm_event {
	__u32 size;
	__u32 type;
	__aligned_u64 generation;
	__aligned_u64 seq;
	__aligned_u64 time_ns;
	__aligned_u64 value;
	__aligned_u64 old_value;
	__s32 pid;
	__u32 uid;
	__u32 flags;
	__u32 vector;
	__u8 name[VMSHM_NAME_MAX + 1];
};

/**
 * struct vmshm_watch - ioctl(VMSHM_IOC_WATCH) on the device or on a region
 * @size: sizeof(struct vmshm_watch)
 * @flags: must be 0
 * @events: mask of 1 << VMSHM_EVENT_*; 0 means all
 * @out_fd: the watch
 * @out_seq: on a region: number of the last event before the watch began
 * @prefix: on the device: names that begin with this, may be empty; on
 *	a region: must be empty
 *
 * A watch of the device is told of regions of the same registry that its
 * creator may open for reading or for writing at the time of the event. A
 * watch of a region does not keep its memory: poll(2) says POLLHUP when the
 * region is gone.
 *
 * read(2) returns whole events and blocks unless O_NONBLOCK is set; EINVAL if
 * the buffer has no room for one; 0 when the region is gone and nothing is
 * left to read. A reader that is too slow loses events, never delays anybody,
 * and is told by one VMSHM_EVENT_OVERFLOW where they are missing.
 *
 * Errors: EDQUOT: too many watches or too much kernel memory for the user.
 */
struct vmshm_watch {
	__u32 size;
	__u32 flags;
	__u32 events;
	__s32 out_fd;
	__aligned_u64 out_seq;
	__u8 prefix[VMSHM_NAME_MAX + 1];
};
#define VMSHM_IOC_WATCH _IO(VMSHM_IOC_TYPE, VMSHM_CMD_WATCH)

/**
 * struct vmshm_watch_eventfd - ioctl(VMSHM_IOC_WATCH_EVENTFD) on a watch
 * @size: sizeof(struct vmshm_watch_eventfd)
 * @flags: must be 0
 * @fd: an eventfd that 1 is added to for each event; -1 takes it away
 * @__reserved: must be 0
 *
 * Errors: EBADF: @fd is not open; EINVAL: @fd is not an eventfd.
 */
struct vmshm_watch_eventfd {
	__u32 size;
	__u32 flags;
	__s32 fd;
	__u32 __reserved;
};
#define VMSHM_IOC_WATCH_EVENTFD _IO(VMSHM_IOC_TYPE, VMSHM_CMD_WATCH_EVENTFD)

/* struct vmshm_log_open::flags */

/* Start with every page dirty, instead of none. */
#define VMSHM_LOG_ALL_DIRTY	(1U << 0)

/**
 * struct vmshm_log_open - ioctl(VMSHM_IOC_LOG_OPEN) on a region
 * @size: sizeof(struct vmshm_log_open)
 * @flags: VMSHM_LOG_ALL_DIRTY
 * @first_page: first page that is logged
 * @nr_pages: number of pages that are logged; 0 means up to max_size
 * @watermark: poll(2) says POLLIN while at least so many pages are dirty; 0
 *	means 1
 * @out_fd: the log
 * @__reserved: must be 0
 *
 * A page is struct vmshm_info::out_page_size bytes. A log is one independent
 * reader: it is told of every page that anybody writes, a process or a guest
 * of any VM, whatever other logs do.
 *
 * A write that completed before a VMSHM_IOC_LOG_FETCH began is reported by it
 * or by an earlier one. Pages nobody wrote may be reported; none is lost.
 * The unit is the folio: in a region with huge pages a write makes all pages
 * of the huge page dirty.
 *
 * Opening takes a handle that can write, or VMSHM_LOG_READERS, since a log
 * makes writers fault. Starting clean takes one pass over what is in memory.
 *
 * Errors: EACCES: the handle is read-only; EOPNOTSUPP: the region is PINNABLE
 * or DEVICE_MEMORY, which is written without a fault here; EINVAL: the range
 * does not lie in max_size, or it exceeds 16 TiB; EDQUOT: too many logs of this
 * region or too much kernel memory for the user.
 */
struct vmshm_log_open {
	__u32 size;
	__u32 flags;
	__aligned_u64 first_page;
	__aligned_u64 nr_pages;
	__aligned_u64 watermark;
	__s32 out_fd;
	__u32 __reserved;
};
#define VMSHM_IOC_LOG_OPEN _IO(VMSHM_IOC_TYPE, VMSHM_CMD_LOG_OPEN)

/**
 * struct vmshm_log_range - a run of pages
 * @first_page: its first page, counted from the begin of the region
 * @nr_pages: number of pages
 */
struct vmshm_log_range {
	__aligned_u64 first_page;
	__aligned_u64 nr_pages;
};

/* struct vmshm_log_fetch::flags */

/* Only look: nothing is cleared. */
#define VMSHM_LOG_PEEK		(1U << 0)

/* struct vmshm_log_fetch::format */
#define VMSHM_LOG_RANGES	0	/* array of struct vmshm_log_range */
#define VMSHM_LOG_BITMAP	1	/* array of __u64 */
#define VMSHM_LOG_COUNT		2	/* nothing but out_pages */

/**
 * struct vmshm_log_fetch - ioctl(VMSHM_IOC_LOG_FETCH) on a log
 * @size: sizeof(struct vmshm_log_fetch)
 * @flags: VMSHM_LOG_PEEK
 * @format: VMSHM_LOG_RANGES, VMSHM_LOG_BITMAP or VMSHM_LOG_COUNT
 * @count: number of elements @buffer has room for; 0 for COUNT
 * @first_page: where to begin
 * @end_page: where to end, exclusive; 0 means the end of the log
 * @buffer: pointer to an array, only written; 0 for COUNT
 * @out_next: where the call ended: everything from @first_page up to here,
 *	exclusive, was reported; go on from here, or be done if it is the end
 * @out_pages: number of pages reported
 * @out_pinned: number of those that are dirty still, because somebody holds
 *	them for direct access
 * @out_count: number of elements written
 * @__reserved: must be 0
 *
 * Gets and clears what is dirty, atomically for each page: what is written
 * after a page was cleared is reported by the next call. When the call
 * returns, no cleared page is writable without being marked again.
 *
 * For BITMAP, bit n of the array is page @first_page + n, bits from @out_next
 * on are 0 up to the end of the last element written.
 *
 * Errors: EINVAL: the range does not lie in the log, @count is 0; EFAULT and
 * EINTR: what may have been cleared has been marked again.
 */
struct vmshm_log_fetch {
	__u32 size;
	__u32 flags;
	__u32 format;
	__u32 count;
	__aligned_u64 first_page;
	__aligned_u64 end_page;
	__aligned_u64 buffer;
	__aligned_u64 out_next;
	__aligned_u64 out_pages;
	__aligned_u64 out_pinned;
	__u32 out_count;
	__u32 __reserved;
};
#define VMSHM_IOC_LOG_FETCH _IO(VMSHM_IOC_TYPE, VMSHM_CMD_LOG_FETCH)

/**
 * struct vmshm_log_rearm - ioctl(VMSHM_IOC_LOG_REARM) on a log
 * @size: sizeof(struct vmshm_log_rearm)
 * @flags: must be 0
 * @ranges: pointer to an array of struct vmshm_log_range, only read
 * @count: number of its elements, at most 65536
 * @__reserved: must be 0
 *
 * Clears pages that a fetch with VMSHM_LOG_PEEK reported, just before they are
 * copied: a write made after the peek and before this is in the copy, a later
 * one is reported again. Pages that somebody holds for direct access stay
 * dirty.
 *
 * Errors: EINVAL: a range does not lie in the log, or there are too many.
 */
struct vmshm_log_rearm {
	__u32 size;
	__u32 flags;
	__aligned_u64 ranges;
	__u32 count;
	__u32 __reserved;
};
#define VMSHM_IOC_LOG_REARM _IO(VMSHM_IOC_TYPE, VMSHM_CMD_LOG_REARM)

/**
 * struct vmshm_log_watermark - ioctl(VMSHM_IOC_LOG_WATERMARK) on a log
 * @size: sizeof(struct vmshm_log_watermark)
 * @flags: must be 0
 * @watermark: as struct vmshm_log_open::watermark
 */
struct vmshm_log_watermark {
	__u32 size;
	__u32 flags;
	__aligned_u64 watermark;
};
#define VMSHM_IOC_LOG_WATERMARK _IO(VMSHM_IOC_TYPE, VMSHM_CMD_LOG_WATERMARK)

/**
 * struct vmshm_log_stat - ioctl(VMSHM_IOC_LOG_STAT) on a log
 * @size: sizeof(struct vmshm_log_stat)
 * @flags: must be 0
 * @out_first_page: first page that is logged
 * @out_nr_pages: number of pages that are logged
 * @out_dirty: number of pages that are dirty now
 * @out_watermark: see struct vmshm_log_open
 * @out_fetches: number of FETCH and REARM calls that cleared
 * @out_fetched: pages they reported
 * @out_protected: folios they write-protected
 * @out_pinned: pages they left dirty because somebody held them
 * @out_fetch_ns: time they took
 * @out_coarse: times that memory was short, so that a page could only be marked
 *	with the 2 MiB around it
 * @out_memory: kernel memory of the log, in bytes
 * @out_hits: pages that were expected to be written again, were left to fault to
 *	see whether they are, and were written. Others that are expected are opened
 *	by the fault of a neighbour, see struct vmshm_stat::out_around
 * @out_misses: the same, but were not written
 */
struct vmshm_log_stat {
	__u32 size;
	__u32 flags;
	__aligned_u64 out_first_page;
	__aligned_u64 out_nr_pages;
	__aligned_u64 out_dirty;
	__aligned_u64 out_watermark;
	__aligned_u64 out_fetches;
	__aligned_u64 out_fetched;
	__aligned_u64 out_protected;
	__aligned_u64 out_pinned;
	__aligned_u64 out_fetch_ns;
	__aligned_u64 out_coarse;
	__aligned_u64 out_memory;
	__aligned_u64 out_hits;
	__aligned_u64 out_misses;
};
#define VMSHM_IOC_LOG_STAT _IO(VMSHM_IOC_TYPE, VMSHM_CMD_LOG_STAT)

/**
 * struct vmshm_mark - ioctl(VMSHM_IOC_MARK) on a region
 * @size: sizeof(struct vmshm_mark)
 * @flags: must be 0
 * @ranges: pointer to an array of struct vmshm_log_range, only read
 * @count: number of its elements
 * @__reserved: must be 0
 *
 * Marks pages in every log of the region: for writers that the kernel cannot
 * see. Takes a handle that can write.
 *
 * Errors: EACCES; EINVAL: a range does not lie in max_size. Ranges before it
 * have been marked.
 */
struct vmshm_mark {
	__u32 size;
	__u32 flags;
	__aligned_u64 ranges;
	__u32 count;
	__u32 __reserved;
};
#define VMSHM_IOC_MARK _IO(VMSHM_IOC_TYPE, VMSHM_CMD_MARK)

/**
 * struct vmshm_merge - ioctl(VMSHM_IOC_MERGE) on a region
 * @size: sizeof(struct vmshm_merge)
 * @flags: must be 0
 * @first_page: page of bit 0
 * @nr_pages: number of bits
 * @bitmap: pointer to an array of __u64, only read
 *
 * As VMSHM_IOC_MARK, with the pages as a bitmap, such as KVM_GET_DIRTY_LOG
 * gives.
 *
 * Errors: EACCES; EINVAL: the range does not lie in max_size; EFAULT: pages
 * before the fault have been marked.
 */
struct vmshm_merge {
	__u32 size;
	__u32 flags;
	__aligned_u64 first_page;
	__aligned_u64 nr_pages;
	__aligned_u64 bitmap;
};
#define VMSHM_IOC_MERGE _IO(VMSHM_IOC_TYPE, VMSHM_CMD_MERGE)

/** VMSHM_PEER_NUMBER_MAX - largest number of a peer */
#define VMSHM_PEER_NUMBER_MAX	65535

/** VMSHM_PEER_VECTORS_MAX - most vectors a peer can have */
#define VMSHM_PEER_VECTORS_MAX	64

/** VMSHM_PEER_NAME_MAX - longest name of a peer in bytes, without NUL */
#define VMSHM_PEER_NAME_MAX	63

/* struct vmshm_join::flags */

/* The number @number or none, instead of the lowest that is free. */
#define VMSHM_JOIN_NUMBER	(1U << 0)

/**
 * struct vmshm_join - ioctl(VMSHM_IOC_JOIN) on a region
 * @size: sizeof(struct vmshm_join)
 * @flags: VMSHM_JOIN_*
 * @number: with VMSHM_JOIN_NUMBER, the number asked for, at most
 *	VMSHM_PEER_NUMBER_MAX; else 0
 * @vectors: number of the peer's vectors, at most VMSHM_PEER_VECTORS_MAX; may
 *	be 0
 * @out_fd: the peer
 * @out_number: its number
 * @out_generation: number of the join, unique since boot: a peer that left and
 *	joined again under its number has another one
 * @name: what the peer is to be called, or empty: one component of a name, of
 *	at most VMSHM_PEER_NAME_MAX bytes. It need not be unique and nobody
 *	vouches for it, unlike uid and pid in struct vmshm_peer_info
 *
 * Makes the caller a peer in the region's sharing group. Peers ring each other:
 * each has vectors, and for each vector it can give an eventfd, which is
 * signalled when that vector is rung, and which others can ask for.
 *
 * The peer lives as long as its file, whoever has it; when that is closed for
 * good, also because the last process that had it was killed, the number is
 * free again. The peer uses the handle that it joined by as a mapping does,
 * until it leaves: that stays open, the memory stays, and so does the name of an
 * ephemeral region.
 *
 * Any handle can join. A peer that joined by a read-only one can be rung, but
 * can neither ring nor get eventfds of others, unless the region was created
 * with VMSHM_RING_READERS.
 *
 * In a region of DEVICE_MEMORY the peer is this machine, under the number that
 * its device has among other machines, so that there is one peer at a time. It
 * is rung by the device's interrupts, and RING writes the device's doorbell: who
 * else is there is not known, so PEERS tells of this peer alone, ringing a
 * number that nobody has succeeds, and neither can all be rung nor eventfds of
 * others be had (EOPNOTSUPP). A ring is lost while nobody has joined. Without a
 * doorbell JOIN is EOPNOTSUPP; when the device is gone, RING is ENODEV.
 *
 * Errors: EBUSY: the number is taken; ENOSPC: no number is free; EDQUOT: too
 * many peers or too much kernel memory for the user; EINVAL: @number, @vectors
 * or @name.
 */
struct vmshm_join {
	__u32 size;
	__u32 flags;
	__u32 number;
	__u32 vectors;
	__s32 out_fd;
	__u32 out_number;
	__aligned_u64 out_generation;
	__u8 name[VMSHM_PEER_NAME_MAX + 1];
};
#define VMSHM_IOC_JOIN _IO(VMSHM_IOC_TYPE, VMSHM_CMD_JOIN)

/* struct vmshm_peer_info::flags, struct vmshm_peer_stat::out_flags */

/* The handle it joined by can read, can write: as VMSHM_MEMBER_*. */
#define VMSHM_PEER_READ		(1U << 0)
#define VMSHM_PEER_WRITE	(1U << 1)
/* It may ring others and get their eventfds. */
#define VMSHM_PEER_MAY_RING	(1U << 2)
/* The process that joined has ended; its file was passed on. */
#define VMSHM_PEER_EXITED	(1U << 3)
/* Of an event VECTOR only: the vector has an eventfd now. */
#define VMSHM_PEER_EVENTFD	(1U << 4)

/**
 * struct vmshm_peer_info - element of the array that VMSHM_IOC_PEERS fills
 * @number: its number
 * @flags: VMSHM_PEER_READ and so on
 * @vectors: number of its vectors
 * @pid: the process that joined, in the caller's pid namespace; 0 if it is not
 *	visible there
 * @uid: its user then, in the caller's user namespace
 * @__reserved: 0
 * @generation: number of the join
 * @since_ns: when it joined, CLOCK_REALTIME
 * @eventfds: bit n is set if vector n has an eventfd
 * @pending: bit n is set if vector n was rung and the peer has not asked since,
 *	see VMSHM_IOC_PEER_PENDING
 * @name: its name, or empty
 * @comm: name of the process, now if it lives, else as it was
 */
struct vmshm_peer_info {
	__u32 number;
	__u32 flags;
	__u32 vectors;
	__s32 pid;
	__u32 uid;
	__u32 __reserved;
	__aligned_u64 generation;
	__aligned_u64 since_ns;
	__aligned_u64 eventfds;
	__aligned_u64 pending;
	__u8 name[VMSHM_PEER_NAME_MAX + 1];
	__u8 comm[16];
};

/**
 * struct vmshm_peers - ioctl(VMSHM_IOC_PEERS) on a region
 * @size: sizeof(struct vmshm_peers)
 * @flags: must be 0
 * @entries: pointer to an array of struct vmshm_peer_info, only written
 * @entry_size: size of an element of @entries, in bytes, as in struct
 *	vmshm_list
 * @count: number of elements @entries has room for; may be 0
 * @out_count: number of elements there are
 * @__reserved: must be 0
 *
 * Who is in the region's sharing group, in the order of numbers, at one moment.
 * If @count is less than @out_count, nothing but @out_count is written.
 *
 * Errors: EMSGSIZE: @count is too small.
 */
struct vmshm_peers {
	__u32 size;
	__u32 flags;
	__aligned_u64 entries;
	__u32 entry_size;
	__u32 count;
	__u32 out_count;
	__u32 __reserved;
};
#define VMSHM_IOC_PEERS _IO(VMSHM_IOC_TYPE, VMSHM_CMD_PEERS)

/**
 * struct vmshm_peer_stat - ioctl(VMSHM_IOC_PEER_STAT) on a peer
 * @size: sizeof(struct vmshm_peer_stat)
 * @flags: must be 0
 * @out_number: its number
 * @out_flags: VMSHM_PEER_READ and so on
 * @out_vectors: number of its vectors
 * @out_peers: number of peers in the group, this one included
 * @out_generation: number of the join
 * @out_region: generation of the region
 * @out_eventfds: as struct vmshm_peer_info::eventfds
 * @out_pending: as struct vmshm_peer_info::pending; looking clears nothing
 * @out_rings: how often one of its vectors was rung, by VMSHM_IOC_PEER_RING
 * @out_name: its name, or empty
 */
struct vmshm_peer_stat {
	__u32 size;
	__u32 flags;
	__u32 out_number;
	__u32 out_flags;
	__u32 out_vectors;
	__u32 out_peers;
	__aligned_u64 out_generation;
	__aligned_u64 out_region;
	__aligned_u64 out_eventfds;
	__aligned_u64 out_pending;
	__aligned_u64 out_rings;
	__u8 out_name[VMSHM_PEER_NAME_MAX + 1];
};
#define VMSHM_IOC_PEER_STAT _IO(VMSHM_IOC_TYPE, VMSHM_CMD_PEER_STAT)

/**
 * struct vmshm_peer_set_vector - ioctl(VMSHM_IOC_PEER_SET_VECTOR) on a peer
 * @size: sizeof(struct vmshm_peer_set_vector)
 * @flags: must be 0
 * @vector: one of the peer's vectors
 * @fd: an eventfd that 1 is added to whenever the vector is rung, and that
 *	others may get; -1 takes it away
 *
 * What is handed out to others cannot be taken back. Who has an eventfd can do
 * with it what its owner can: read it, so that a ring is not seen by its owner
 * (who still sees it in VMSHM_IOC_PEER_PENDING, if VMSHM_IOC_PEER_RING rang);
 * write it without end; fill it up to the largest value, so that whoever writes
 * it next without O_NONBLOCK sleeps (VMSHM_IOC_PEER_RING never does); change
 * O_NONBLOCK, which is common to all who have it. So whoever may ring in a
 * group is trusted with its doorbells, and nothing but its doorbells. An
 * eventfd that is used for anything else does not belong here.
 *
 * Errors: EINVAL: there is no such vector, or @fd is not an eventfd; EBADF: @fd
 * is not open.
 */
struct vmshm_peer_set_vector {
	__u32 size;
	__u32 flags;
	__u32 vector;
	__s32 fd;
};
#define VMSHM_IOC_PEER_SET_VECTOR _IO(VMSHM_IOC_TYPE, VMSHM_CMD_PEER_SET_VECTOR)

/**
 * struct vmshm_peer_get_vector - ioctl(VMSHM_IOC_PEER_GET_VECTOR) on a peer
 * @size: sizeof(struct vmshm_peer_get_vector)
 * @flags: must be 0
 * @number: the peer whose eventfd to get
 * @vector: one of that peer's vectors
 * @generation: the join it must be of; 0 means any
 * @out_fd: the eventfd, the very file that the other peer gave
 * @__reserved: must be 0
 *
 * For whoever can use an eventfd where no process runs: a write of 1 rings, by
 * KVM_IOEVENTFD also one of a guest. It shows neither in
 * VMSHM_IOC_PEER_PENDING nor in struct vmshm_peer_stat::out_rings. A peer that
 * joins again has other eventfds: watch for VMSHM_EVENT_VECTOR.
 *
 * Errors: EACCES: the peer may not ring; ENOENT: there is no such peer, or that
 * vector has no eventfd now; ESTALE: the number is that of another join;
 * EINVAL: that peer has no such vector.
 */
struct vmshm_peer_get_vector {
	__u32 size;
	__u32 flags;
	__u32 number;
	__u32 vector;
	__aligned_u64 generation;
	__s32 out_fd;
	__u32 __reserved;
};
#define VMSHM_IOC_PEER_GET_VECTOR _IO(VMSHM_IOC_TYPE, VMSHM_CMD_PEER_GET_VECTOR)

/* struct vmshm_peer_ring::number: all other peers that have the vector. */
#define VMSHM_PEER_ALL		0xffffffffU

/**
 * struct vmshm_peer_ring - ioctl(VMSHM_IOC_PEER_RING) on a peer
 * @size: sizeof(struct vmshm_peer_ring)
 * @flags: must be 0
 * @number: the peer to ring, which may be the caller; or VMSHM_PEER_ALL
 * @vector: one of that peer's vectors
 *
 * The vector becomes pending, then its eventfd is signalled, if it has one. Does
 * not wait for anything, whatever the other peers do. With VMSHM_PEER_ALL there
 * may be nobody to ring; peers that join meanwhile are rung or not.
 *
 * Errors: EACCES: the peer may not ring; ENOENT: there is no such peer; EINVAL:
 * that peer has no such vector, or @vector is not less than
 * VMSHM_PEER_VECTORS_MAX.
 */
struct vmshm_peer_ring {
	__u32 size;
	__u32 flags;
	__u32 number;
	__u32 vector;
};
#define VMSHM_IOC_PEER_RING _IO(VMSHM_IOC_TYPE, VMSHM_CMD_PEER_RING)

/**
 * struct vmshm_peer_pending - ioctl(VMSHM_IOC_PEER_PENDING) on a peer
 * @size: sizeof(struct vmshm_peer_pending)
 * @flags: must be 0
 * @mask: the vectors to look at, a bit for each; 0 means all
 * @out_pending: those of them that were rung since they were last asked for
 *
 * Gets and clears, in one step. poll(2) on the peer says POLLIN while any vector
 * is pending. Only VMSHM_IOC_PEER_RING makes a vector pending, not a write to
 * its eventfd; and reading the eventfd does not clear it.
 */
struct vmshm_peer_pending {
	__u32 size;
	__u32 flags;
	__aligned_u64 mask;
	__aligned_u64 out_pending;
};
#define VMSHM_IOC_PEER_PENDING _IO(VMSHM_IOC_TYPE, VMSHM_CMD_PEER_PENDING)

/* struct vmshm_bind::flags */

/* The guest cannot write: an attempt ends KVM_RUN with KVM_EXIT_MMIO. */
#define VMSHM_BIND_READONLY	(1U << 0)
/* KVM logs what the guest writes (KVM_MEM_LOG_DIRTY_PAGES). */
#define VMSHM_BIND_LOG		(1U << 1)
/* What is bound follows the size of the region. */
#define VMSHM_BIND_FOLLOW	(1U << 2)
/* The caller sets the slots, as VMSHM_IOC_BIND_SLOTS tells. */
#define VMSHM_BIND_USER		(1U << 3)

/* struct vmshm_bind_stat::out_flags only: the process that bound it is gone. */
#define VMSHM_BIND_ENDED	(1U << 16)

/** VMSHM_BIND_SLOTS_MAX - no slot number is greater */
#define VMSHM_BIND_SLOTS_MAX	32767

/**
 * struct vmshm_bind - ioctl(VMSHM_IOC_BIND) on a region
 * @size: sizeof(struct vmshm_bind)
 * @flags: VMSHM_BIND_READONLY, _LOG, _FOLLOW, _USER
 * @vm_fd: a VM of the calling process, as KVM_CREATE_VM returned it; -1 with
 *	VMSHM_BIND_USER
 * @out_fd: the binding
 * @first_slot: first number of the memory slots that are set aside for it, in
 *	address space 0
 * @nr_slots: how many there are; the VMM must not use them otherwise
 * @guest_addr: guest-physical address of the first byte
 * @offset: first byte of the region
 * @length: number of bytes; 0 means up to max_size
 * @granule: the range is divided into slots at multiples of this, counted from
 *	@offset; 0 means as few slots as possible
 * @user_addr: where the caller has mapped the range; 0: the call maps it
 * @out_user_addr: where it is mapped
 *
 * Makes a range of the region guest memory of a VM, with vCPUs running or not.
 * @guest_addr, @offset, @length, @granule and @user_addr are multiples of the
 * page size. A size that is not one counts as if it were rounded up.
 *
 * Without VMSHM_BIND_FOLLOW the range must lie in the region's size, and the
 * region cannot be shrunk below its end. With it, what is bound at any time is
 * the part of the range that lies in the size: when anybody makes the region
 * grow, what is new becomes a further slot (or several, by @granule), without
 * any effect on the memory that was there. When it shrinks, whole slots go
 * before their memory does; a size that lies within a slot is refused with
 * EBUSY. If one of several bindings cannot follow, the size does not change.
 *
 * The whole range, up to what the region may grow to, must be mapped in the
 * caller's address space, shared, and writable unless VMSHM_BIND_READONLY. The
 * mapping stays the caller's, which unmaps it when the binding is closed. If it
 * is replaced or unmapped before, the guest uses what is there instead, or
 * KVM_RUN fails with EFAULT. With VMSHM_BIND_FOLLOW the mapping does not keep
 * the region from shrinking, as far as it is bound and while it is; what a
 * forked process has of it does.
 *
 * The binding ends when its file is closed, or when the address space of the
 * process that made it goes (exit, execve): the slots are removed and the VM is
 * let go. It keeps the region's memory, not its name. Like KVM, the call and the
 * last close(2), by the process that made it, wait for vCPUs that wait for
 * memory, and for KVM_GET_DIRTY_LOG, and for memory to remove what was set in
 * vain: when they return the slots are there, or gone. If somebody else has the
 * file (a forked process, another call on it, a reader of its fdinfo), he is the
 * last; who is the last in another process waits a few seconds, or not at all in
 * a process that exits or a thread of the kernel, and the slots go as soon as
 * they can.
 *
 * With VMSHM_BIND_USER the VM is not touched. The caller sets the slots that
 * VMSHM_IOC_BIND_SLOTS lists, by KVM_SET_USER_MEMORY_REGION, and again when
 * poll(2) on the binding says that they have changed. All else is the same,
 * but that a resize takes effect in the guest only then.
 *
 * Takes a handle that can read, and write unless VMSHM_BIND_READONLY.
 *
 * Errors: EBADF: @vm_fd is not open; EINVAL: it is not a VM, a value is not
 * aligned, the range exceeds max_size (or the size, without FOLLOW), the slots
 * are not in what KVM has, or @user_addr is not a mapping of this range;
 * EPERM: the VM is another process's, or a seal forbids writing; EIO: the VM
 * is dead; EACCES: the handle or the mapping does not allow it; EOVERFLOW: an
 * address wraps; EEXIST: a slot is in use already, or the VM has other memory
 * in the guest-physical range; ENOSPC: more than @nr_slots slots are needed;
 * EINTR: a signal came first; EOPNOTSUPP: no vmshm_kvm for this kernel, or the
 * region is DEVICE_MEMORY; EDQUOT: too many bindings of this region or too much kernel
 * memory for the user; ENOMEM, also for address space.
 */
struct vmshm_bind {
	__u32 size;
	__u32 flags;
	__s32 vm_fd;
	__s32 out_fd;
	__u32 first_slot;
	__u32 nr_slots;
	__aligned_u64 guest_addr;
	__aligned_u64 offset;
	__aligned_u64 length;
	__aligned_u64 granule;
	__aligned_u64 user_addr;
	__aligned_u64 out_user_addr;
};
#define VMSHM_IOC_BIND _IO(VMSHM_IOC_TYPE, VMSHM_CMD_BIND)

/**
 * struct vmshm_binding - element of the array that VMSHM_IOC_BINDINGS fills
 * @flags: VMSHM_BIND_*
 * @pid: the process that bound it, in the caller's pid namespace; 0 if it is
 *	not visible there
 * @uid: its user then, in the caller's user namespace
 * @first_slot: as in struct vmshm_bind
 * @nr_slots: as in struct vmshm_bind
 * @used_slots: how many of these there are now
 * @vm: number of the VM: the same for bindings of one VM; 0 for USER
 * @guest_addr: guest-physical address
 * @offset: first byte of the region
 * @length: number of bytes, at most
 * @bound: number of bytes now
 * @granule: as in struct vmshm_bind
 * @since_ns: when it was bound, CLOCK_REALTIME
 * @comm: name of the process then
 */
struct vmshm_binding {
	__u32 flags;
	__s32 pid;
	__u32 uid;
	__u32 first_slot;
	__u32 nr_slots;
	__u32 used_slots;
	__aligned_u64 vm;
	__aligned_u64 guest_addr;
	__aligned_u64 offset;
	__aligned_u64 length;
	__aligned_u64 bound;
	__aligned_u64 granule;
	__aligned_u64 since_ns;
	__u8 comm[16];
};

/**
 * struct vmshm_bindings - ioctl(VMSHM_IOC_BINDINGS) on a region
 * @size: sizeof(struct vmshm_bindings)
 * @flags: must be 0
 * @entries: pointer to an array of struct vmshm_binding, only written
 * @entry_size: size of an element of @entries, in bytes, as in struct
 *	vmshm_list
 * @count: number of elements @entries has room for; may be 0
 * @out_count: number of elements there are
 * @__reserved: must be 0
 *
 * Which VMs have the region, oldest binding first. If @count is less than
 * @out_count, nothing but @out_count is written.
 *
 * Errors: EMSGSIZE: @count is too small.
 */
struct vmshm_bindings {
	__u32 size;
	__u32 flags;
	__aligned_u64 entries;
	__u32 entry_size;
	__u32 count;
	__u32 out_count;
	__u32 __reserved;
};
#define VMSHM_IOC_BINDINGS _IO(VMSHM_IOC_TYPE, VMSHM_CMD_BINDINGS)

/**
 * struct vmshm_bind_stat - ioctl(VMSHM_IOC_BIND_STAT) on a binding
 * @size: sizeof(struct vmshm_bind_stat)
 * @flags: must be 0
 * @out_flags: VMSHM_BIND_*; with ENDED, what follows is as it was at the end, but that
 *	there are no slots
 * @out_pid: as struct vmshm_binding::pid
 * @out_first_slot: as in struct vmshm_bind
 * @out_nr_slots: as in struct vmshm_bind
 * @out_used_slots: how many of these there are now
 * @__reserved: must be 0
 * @out_vm: as struct vmshm_binding::vm
 * @out_guest_addr: guest-physical address
 * @out_offset: first byte of the region
 * @out_length: number of bytes, at most
 * @out_bound: number of bytes now
 * @out_granule: as in struct vmshm_bind
 * @out_user_addr: where the range is mapped in the process that bound it
 * @out_changes: how often the slots have changed
 * @out_generation: number of the region
 */
struct vmshm_bind_stat {
	__u32 size;
	__u32 flags;
	__u32 out_flags;
	__s32 out_pid;
	__u32 out_first_slot;
	__u32 out_nr_slots;
	__u32 out_used_slots;
	__u32 __reserved;
	__aligned_u64 out_vm;
	__aligned_u64 out_guest_addr;
	__aligned_u64 out_offset;
	__aligned_u64 out_length;
	__aligned_u64 out_bound;
	__aligned_u64 out_granule;
	__aligned_u64 out_user_addr;
	__aligned_u64 out_changes;
	__aligned_u64 out_generation;
};
#define VMSHM_IOC_BIND_STAT _IO(VMSHM_IOC_TYPE, VMSHM_CMD_BIND_STAT)

/**
 * struct vmshm_bind_update - ioctl(VMSHM_IOC_BIND_UPDATE) on a binding
 * @size: sizeof(struct vmshm_bind_update)
 * @flags: VMSHM_BIND_LOG and VMSHM_BIND_FOLLOW as they are to be; the others as
 *	they are
 * @guest_addr: guest-physical address that it is to have
 *
 * Moves a binding in the VM, or switches its flags. vCPUs may run: they find
 * the memory at the old address or at the new one, and for a moment at
 * neither. Dirty logs of the region know nothing of it.
 *
 * Errors: ESRCH: the binding has ended; EINVAL: VMSHM_BIND_READONLY or
 * VMSHM_BIND_USER differs, @guest_addr is not aligned, or to switch
 * VMSHM_BIND_FOLLOW on, the range is no longer mapped; EOVERFLOW: it wraps;
 * EEXIST: the VM has other memory there; EBUSY: the VMM has changed the slots
 * itself, they are in use for too long, as by a vCPU that waits for memory (what
 * has been moved is moved back then as soon as it can be), or without
 * VMSHM_BIND_FOLLOW the range must lie in the size; EINTR: a signal came first;
 * EPERM: only the process that bound the region can switch VMSHM_BIND_FOLLOW on;
 * EACCES: for that the mapping has to allow what it allowed then;
 * ENOMEM: some slots may have been moved if memory was too short even to move them
 * back; another call, for either address, moves them all.
 */
struct vmshm_bind_update {
	__u32 size;
	__u32 flags;
	__aligned_u64 guest_addr;
};
#define VMSHM_IOC_BIND_UPDATE _IO(VMSHM_IOC_TYPE, VMSHM_CMD_BIND_UPDATE)

/**
 * struct vmshm_bind_slot - a memory slot of a binding
 * @slot: its number
 * @flags: VMSHM_BIND_READONLY and VMSHM_BIND_LOG
 * @guest_addr: guest-physical address
 * @offset: first byte of the region
 * @length: number of bytes
 */
struct vmshm_bind_slot {
	__u32 slot;
	__u32 flags;
	__aligned_u64 guest_addr;
	__aligned_u64 offset;
	__aligned_u64 length;
};

/**
 * struct vmshm_bind_slots - ioctl(VMSHM_IOC_BIND_SLOTS) on a binding
 * @size: sizeof(struct vmshm_bind_slots)
 * @flags: must be 0
 * @entries: pointer to an array of struct vmshm_bind_slot, only written
 * @entry_size: size of an element of @entries, in bytes, as in struct
 *	vmshm_list
 * @count: number of elements @entries has room for; may be 0
 * @out_count: number of elements there are
 * @__reserved: must be 0
 *
 * The slots that there are now, by offset. poll(2) on the binding says POLLIN
 * when they have changed since this was last called with success, and POLLHUP
 * when the binding has ended: then there is none. If @count is less than
 * @out_count, nothing but @out_count is written.
 *
 * Errors: EMSGSIZE: @count is too small.
 */
struct vmshm_bind_slots {
	__u32 size;
	__u32 flags;
	__aligned_u64 entries;
	__u32 entry_size;
	__u32 count;
	__u32 out_count;
	__u32 __reserved;
};
#define VMSHM_IOC_BIND_SLOTS _IO(VMSHM_IOC_TYPE, VMSHM_CMD_BIND_SLOTS)

#endif /* _UAPI_LINUX_VMSHM_H */
