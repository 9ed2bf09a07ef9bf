/* SPDX-License-Identifier: GPL-2.0 */
/*
 * libvmshm: named, sized, resizable regions of shared memory.
 *
 * Every function that can fail returns 0 (or a positive count) on success and
 * a negative errno value on failure; what each value means is said in
 * <linux/vmshm.h>, and vmshm_error_message() puts it in words. A function that
 * fails has changed nothing and leaves its output parameters alone, unless its
 * description says otherwise. The library prints nothing, installs no signal
 * handler, starts no thread and keeps no state outside the objects that it
 * returns.
 *
 * Sizes, offsets and lengths are in bytes, times in nanoseconds.
 *
 * Thread safety: a context and a region never change once they are made; any
 * number of threads may use one at the same time, as long as none of them
 * closes it; so with a peer. A list, a member list, a peer list, a watcher and a log
 * are iterators: each must be used by one thread at a time, except where it is
 * said; different ones are independent.
 *
 * Growth: an options struct begins with its own size, and zero in any other
 * member asks for the default. A struct that is filled in for the caller comes
 * with its size as an argument, or through a pointer that the library owns;
 * -EINVAL: smaller than it has ever been; -E2BIG: more than 4096 bytes. So
 * structs can grow at their end without breaking a program that was compiled
 * before.
 */
#ifndef _VMSHM_VMSHM_H
#define _VMSHM_VMSHM_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/types.h>
#include <linux/vmshm.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

/** VMSHM_DEVICE - the device that vmshm_context_open() opens by default */
#define VMSHM_DEVICE	"/dev/vmshm"

struct vmshm_context;
struct vmshm_region;
struct vmshm_region_list;
struct vmshm_member_list;
struct vmshm_watcher;
struct vmshm_log;
struct vmshm_peer;
struct vmshm_peer_list;

/* Library */

/**
 * vmshm_library_version() - version of the library that runs
 *
 * Context: Any thread.
 * Return: a constant string such as "1.0.0".
 */
const char *vmshm_library_version(void);

/**
 * vmshm_error_message() - say what an error of this library means
 * @error: what a function of this library returned, or a positive errno value
 *
 * The text tells what the error means for a region rather than in general: for
 * -ESTALE, for example, that the region is not the one that was asked for.
 *
 * Context: Any thread.
 * Return: a constant string without a newline; never NULL.
 */
const char *vmshm_error_message(int error);

/* Context: the device, and with it the registry of a user namespace */

/**
 * vmshm_context_open() - open the device
 * @device: path of the device, or NULL for VMSHM_DEVICE
 * @context: where the new context is stored
 *
 * Names that are used with the context are those of the registry of the
 * calling process's user namespace.
 *
 * Context: Any thread.
 * Return: 0; -ENOENT: there is no such file, that is, the module is not loaded;
 * -EACCES: no permission for the device; -ENOTTY: it is another device;
 * -ENOMEM, -EMFILE, -ENFILE, -EINTR.
 */
int vmshm_context_open(const char *device, struct vmshm_context **context);

/**
 * vmshm_context_from_fd() - make a context of an open device
 * @fd: open file descriptor of the device
 * @context: where the new context is stored
 *
 * For a process that may not open the device itself and was passed a
 * descriptor. The registry is that of the process which opened it. On success
 * the context owns @fd; on failure the caller does.
 *
 * Context: Any thread.
 * Return: 0; -ENOTTY: @fd is something else; -EBADF; -ENOMEM.
 */
int vmshm_context_from_fd(int fd, struct vmshm_context **context);

/**
 * vmshm_context_close() - close the device and free the context
 * @context: a context, or NULL
 *
 * Regions, lists and watchers that were made with it stay valid, except for
 * lists, which must be closed before.
 *
 * Context: No other thread may use the context any more.
 */
void vmshm_context_close(struct vmshm_context *context);

/**
 * vmshm_context_fd() - the device's file descriptor
 * @context: a context
 *
 * Context: Any thread.
 * Return: the descriptor; it still belongs to @context. It has O_CLOEXEC set.
 */
int vmshm_context_fd(const struct vmshm_context *context);

/**
 * vmshm_context_info() - what the module can do, and the limits in force
 * @context: a context
 * @info: where they are stored
 * @info_size: sizeof(struct vmshm_info)
 *
 * Context: Any thread.
 * Return: 0; -EINVAL: @info_size is too small.
 */
int vmshm_context_info(const struct vmshm_context *context,
		       struct vmshm_info *info, size_t info_size);

/* Region: named memory */

/**
 * enum vmshm_owner_policy - whose regions to open
 * @VMSHM_OWNER_TRUSTED: those of the caller's effective user id and of user 0
 * @VMSHM_OWNER_ALSO: these, and those of a given user
 * @VMSHM_OWNER_ONLY: those of a given user only
 * @VMSHM_OWNER_ANY: everybody's
 *
 * A name says nothing about who stands behind it: where a region is gone,
 * another user can create one of the same name, and then reads what is written
 * to it and chooses what is read from it. So the owner is checked whenever
 * a region is opened by name. The user ids are those of the caller's user
 * namespace.
 */
enum vmshm_owner_policy {
	VMSHM_OWNER_TRUSTED,
	VMSHM_OWNER_ALSO,
	VMSHM_OWNER_ONLY,
	VMSHM_OWNER_ANY,
};

/**
 * struct vmshm_region_create_options - how to create a region
 * @size: sizeof(struct vmshm_region_create_options)
 * @region_size: size of the region, in bytes
 * @max_size: what it may grow to, in bytes; 0 means @region_size
 * @flags: VMSHM_EPHEMERAL and so on, see struct vmshm_create
 * @mode: permission bits, at most 0666; 0 means 0600
 * @huge: a value of enum vmshm_huge
 * @owner_policy: with VMSHM_OPEN_EXISTING, a value of enum vmshm_owner_policy
 * @owner: the user that @owner_policy speaks of; 0 if it speaks of none
 * @__reserved: must be 0
 */
struct vmshm_region_create_options {
	size_t size;
	__u64 region_size;
	__u64 max_size;
	__u32 flags;
	__u32 mode;
	__u32 huge;
	__u32 owner_policy;
	__u32 owner;
	__u32 __reserved;
};

/**
 * struct vmshm_region_open_options - how to open a region
 * @size: sizeof(struct vmshm_region_open_options)
 * @generation: the number the region must have, see struct vmshm_stat; 0 means
 *	any
 * @flags: VMSHM_OPEN_RDONLY or 0
 * @owner_policy: a value of enum vmshm_owner_policy
 * @owner: the user that @owner_policy speaks of; 0 if it speaks of none
 * @__reserved: must be 0
 */
struct vmshm_region_open_options {
	size_t size;
	__u64 generation;
	__u32 flags;
	__u32 owner_policy;
	__u32 owner;
	__u32 __reserved;
};

/**
 * struct vmshm_region_unlink_options - which region to unlink
 * @size: sizeof(struct vmshm_region_unlink_options)
 * @generation: the number the region must have, see struct vmshm_stat; 0 means
 *	any
 * @registry: the registry it is in, see struct vmshm_stat; 0 means that of the
 *	context
 * @flags: must be 0
 */
struct vmshm_region_unlink_options {
	size_t size;
	__u64 generation;
	__u32 registry;
	__u32 flags;
};

/**
 * vmshm_region_create() - create a region and open it
 * @context: a context
 * @name: its name
 * @options: how; NULL for a region of no bytes with all defaults
 * @region: where the open region is stored
 *
 * With VMSHM_OPEN_EXISTING among the flags, a region of that name is opened if
 * there is one, with its size and mode as they are: see
 * vmshm_region_is_new(). Its owner is checked after it was opened.
 *
 * Context: Any thread.
 * Return: 0; -EEXIST; -ESTALE: the existing region belongs to somebody else
 * than asked for; -EINVAL, -EACCES, -EFBIG, -EDQUOT, -ENOSPC, -ENOMEM,
 * -EOPNOTSUPP, -EMFILE, -ENFILE, -EINTR: see struct vmshm_create; -E2BIG: an
 * option that this library does not know.
 */
int vmshm_region_create(const struct vmshm_context *context, const char *name,
			const struct vmshm_region_create_options *options,
			struct vmshm_region **region);

/**
 * vmshm_region_open() - open a region
 * @context: a context
 * @name: its name
 * @options: how; NULL for reading and writing, from a trusted owner
 * @region: where the open region is stored
 *
 * A region that is refused because of its owner or its generation is not
 * opened at all: the kernel decides, and nobody is told.
 *
 * Context: Any thread.
 * Return: 0; -ENOENT; -EACCES; -ESTALE: it belongs to somebody else than asked
 * for, or has another generation; -EINVAL: @name or an option; -E2BIG: an
 * option that this library does not know; -EDQUOT, -ENOMEM, -EMFILE, -ENFILE,
 * -EINTR.
 */
int vmshm_region_open(const struct vmshm_context *context, const char *name,
		      const struct vmshm_region_open_options *options,
		      struct vmshm_region **region);

/**
 * vmshm_region_from_fd() - make a region of a file descriptor
 * @fd: open file descriptor of a region, for example a received one
 * @region: where the region is stored
 *
 * Whose region it is and whether it can be written is for the caller to check,
 * by vmshm_region_stat() and vmshm_region_is_readonly(). On success the region
 * owns @fd; on failure the caller does.
 *
 * Context: Any thread.
 * Return: 0; -ENOTTY: @fd is not a region; -EBADF; -ENOMEM.
 */
int vmshm_region_from_fd(int fd, struct vmshm_region **region);

/**
 * vmshm_region_close() - close a region
 * @region: a region, or NULL
 *
 * Mappings stay.
 *
 * Context: No other thread may use the region any more.
 */
void vmshm_region_close(struct vmshm_region *region);

/**
 * vmshm_region_detach() - free a region but keep its file descriptor
 * @region: a region
 *
 * Context: No other thread may use the region any more.
 * Return: the descriptor, which now belongs to the caller.
 */
int vmshm_region_detach(struct vmshm_region *region);

/**
 * vmshm_region_fd() - a region's file descriptor
 * @region: a region
 *
 * It is a regular file: mmap(2), pread(2), pwrite(2), fallocate(2), fchmod(2),
 * fchown(2), lseek(2) and passing it to another process all work as usual.
 *
 * Context: Any thread.
 * Return: the descriptor; it still belongs to @region. It has O_CLOEXEC set
 * unless it came from vmshm_region_from_fd().
 */
int vmshm_region_fd(const struct vmshm_region *region);

/**
 * vmshm_region_generation() - a region's number
 * @region: a region
 *
 * Context: Any thread.
 * Return: the number, unique since boot and never 0.
 */
__u64 vmshm_region_generation(const struct vmshm_region *region);

/**
 * vmshm_region_is_new() - whether vmshm_region_create() made a new region
 * @region: a region
 *
 * Context: Any thread.
 * Return: true if the region was created, false if it was opened.
 */
bool vmshm_region_is_new(const struct vmshm_region *region);

/**
 * vmshm_region_is_readonly() - whether a handle cannot write
 * @region: a region
 *
 * Context: Any thread.
 * Return: true if it is open for reading only.
 */
bool vmshm_region_is_readonly(const struct vmshm_region *region);

/**
 * vmshm_region_map() - map a region
 * @region: a region
 * @hint: as @addr of mmap(2); NULL leaves the choice to the kernel
 * @length: bytes to map, at least 1
 * @prot: PROT_*
 * @flags: MAP_*, with MAP_SHARED or MAP_PRIVATE
 * @offset: first byte of the region to map, a multiple of the page size
 * @addr: where the address is stored
 *
 * More than the region's present size may be mapped, as room to grow; touching
 * what lies beyond the size raises SIGBUS until the region has grown.
 *
 * Context: Any thread.
 * Return: 0; -EACCES: the handle is read-only; -EPERM: a seal forbids it;
 * -EINVAL: @length, @offset or @flags; -EOVERFLOW; -ENOMEM, -EAGAIN, -EEXIST,
 * -EOPNOTSUPP: as mmap(2).
 */
int vmshm_region_map(const struct vmshm_region *region, void *hint,
		     size_t length, int prot, int flags, __u64 offset,
		     void **addr);

/**
 * vmshm_region_unmap() - unmap what vmshm_region_map() mapped, or part of it
 * @addr: first byte
 * @length: number of bytes
 *
 * Context: Any thread.
 * Return: 0; -EINVAL; -ENOMEM: as munmap(2).
 */
int vmshm_region_unmap(void *addr, size_t length);

/**
 * vmshm_region_resize() - change the size of a region
 * @region: a region, open for writing
 * @region_size: the new size, in bytes
 *
 * Context: Any thread.
 * Return: 0; -EACCES: the handle is read-only; -EFBIG: beyond the region's
 * max_size; -EPERM: a seal forbids it; -EBUSY: something mapped lies beyond
 * the new size; -EDQUOT, -ENOSPC, -ENOMEM, -EINTR: no memory could be had.
 */
int vmshm_region_resize(const struct vmshm_region *region, __u64 region_size);

/**
 * vmshm_region_add_seals() - restrict for ever what can be done to a region
 * @region: a region, open for writing
 * @seals: VMSHM_SEAL_* to add
 *
 * Context: Any thread.
 * Return: 0; -EACCES: the handle is read-only; -EPERM: VMSHM_SEAL_SEAL is in
 * force; -EBUSY: VMSHM_SEAL_WRITE while somebody can write through a mapping;
 * -EOPNOTSUPP: an unknown seal; -EINVAL: no seal.
 */
int vmshm_region_add_seals(const struct vmshm_region *region, __u32 seals);

/**
 * vmshm_region_get_seals() - the seals in force
 * @region: a region
 * @seals: where VMSHM_SEAL_* bits are stored
 *
 * Context: Any thread.
 * Return: 0 or a negative errno value.
 */
int vmshm_region_get_seals(const struct vmshm_region *region, __u32 *seals);

/**
 * vmshm_region_stat() - everything there is to know about a region
 * @region: a region
 * @stat: where it is stored
 * @stat_size: sizeof(struct vmshm_stat)
 *
 * Context: Any thread.
 * Return: 0; -EINVAL: @stat_size is too small.
 */
int vmshm_region_stat(const struct vmshm_region *region,
		      struct vmshm_stat *stat, size_t stat_size);

/**
 * vmshm_region_find() - the same by name, without opening the region
 * @context: a context
 * @name: name of the region
 * @stat: where it is stored
 * @stat_size: sizeof(struct vmshm_stat)
 *
 * Context: Any thread.
 * Return: 0; -ENOENT: there is no region of that name, or the caller may not
 * open it; -EINVAL: @name, or @stat_size is too small.
 */
int vmshm_region_find(const struct vmshm_context *context, const char *name,
		      struct vmshm_stat *stat, size_t stat_size);

/**
 * vmshm_region_readonly() - make a read-only handle
 * @region: a region
 * @readonly: where the new handle is stored
 *
 * For passing to somebody who must not write: the new handle stays read-only
 * whoever has it and however it is opened again.
 *
 * Context: Any thread.
 * Return: 0; -EDQUOT, -ENOMEM, -EMFILE, -ENFILE.
 */
int vmshm_region_readonly(const struct vmshm_region *region,
			  struct vmshm_region **readonly);

/**
 * vmshm_region_unlink() - take a region's name away
 * @context: a context
 * @name: its name
 * @options: which; NULL for whichever has the name now
 *
 * The memory lives while the region is open or mapped.
 *
 * Context: Any thread.
 * Return: 0; -ENOENT; -EPERM: neither the region nor its domain is the
 * caller's; -ESTALE: it has another generation; -EINVAL: @name or an option;
 * -E2BIG: an option that this library does not know.
 */
int vmshm_region_unlink(const struct vmshm_context *context, const char *name,
			const struct vmshm_region_unlink_options *options);

/* List: the regions of a registry */

/**
 * struct vmshm_region_list_options - which regions to list
 * @size: sizeof(struct vmshm_region_list_options)
 * @prefix: only names that begin with this; NULL means all
 * @flags: VMSHM_LIST_ALL or 0
 * @__reserved: must be 0
 */
struct vmshm_region_list_options {
	size_t size;
	const char *prefix;
	__u32 flags;
	__u32 __reserved;
};

/**
 * vmshm_region_list_open() - begin to list regions
 * @context: a context, which must stay open as long as the list
 * @options: which; NULL for all of the context's registry
 * @list: where the list is stored
 *
 * Context: Any thread.
 * Return: 0; -EPERM: VMSHM_LIST_ALL without privilege; -EINVAL: the prefix is
 * too long or an option is not allowed; -E2BIG: an option that this library
 * does not know; -ENOMEM.
 */
int vmshm_region_list_open(const struct vmshm_context *context,
			   const struct vmshm_region_list_options *options,
			   struct vmshm_region_list **list);

/**
 * vmshm_region_list_next() - the next region, ordered by registry and name
 * @list: a list
 * @stat: where a pointer to its description is stored; valid until the next
 *	call with @list
 *
 * Regions are read from the kernel by and by. One that exists throughout is
 * seen once; one that comes or goes meanwhile is seen or not.
 *
 * Context: One thread at a time.
 * Return: 1; 0 at the end; -EPERM, -EINTR and so on, after which the call may
 * be repeated.
 */
int vmshm_region_list_next(struct vmshm_region_list *list,
			   const struct vmshm_stat **stat);

/**
 * vmshm_region_list_close() - end a list
 * @list: a list, or NULL
 *
 * Context: No other thread may use the list any more.
 */
void vmshm_region_list_close(struct vmshm_region_list *list);

/* Members: who has a region open, and who maps it */

/**
 * vmshm_member_list_open() - find out a region's members
 * @region: a region
 * @members: where the list is stored
 *
 * The list is of one moment. The caller's own open file is among them.
 *
 * Context: Any thread.
 * Return: 0; -EMSGSIZE: members came faster than they could be listed;
 * -ENOMEM.
 */
int vmshm_member_list_open(const struct vmshm_region *region,
			   struct vmshm_member_list **members);

/**
 * vmshm_member_list_count() - how many there are
 * @members: a member list
 *
 * Context: Any thread.
 * Return: the number of open files and mappings in the list.
 */
size_t vmshm_member_list_count(const struct vmshm_member_list *members);

/**
 * vmshm_member_list_next() - the next member, open files before mappings
 * @members: a member list
 * @member: where a pointer to it is stored; valid as long as @members
 *
 * Context: One thread at a time.
 * Return: 1; 0 at the end.
 */
int vmshm_member_list_next(struct vmshm_member_list *members,
			   const struct vmshm_member **member);

/**
 * vmshm_member_list_close() - free a member list
 * @members: a member list, or NULL
 *
 * Context: No other thread may use the list any more.
 */
void vmshm_member_list_close(struct vmshm_member_list *members);

/* Watcher: events of regions */

/* struct vmshm_watcher_options::flags: vmshm_watcher_next() does not wait. */
#define VMSHM_WATCHER_NONBLOCK	0x1U

/**
 * struct vmshm_watcher_options - what to watch for
 * @size: sizeof(struct vmshm_watcher_options)
 * @prefix: only regions whose names begin with this; NULL means all; must be
 *	NULL for a watcher of one region
 * @events: mask of 1 << VMSHM_EVENT_*; 0 means all
 * @flags: VMSHM_WATCHER_*
 */
struct vmshm_watcher_options {
	size_t size;
	const char *prefix;
	__u32 events;
	__u32 flags;
};

/**
 * vmshm_watcher_open() - watch the regions of a registry
 * @context: a context
 * @options: what for; NULL for everything
 * @watcher: where the watcher is stored
 *
 * Context: Any thread.
 * Return: 0; -EDQUOT: too many watches; -EINVAL: the prefix is too long or an
 * option is not allowed; -E2BIG: an option that this library does not know;
 * -EOPNOTSUPP: an unknown event; -ENOMEM, -EMFILE, -ENFILE.
 */
int vmshm_watcher_open(const struct vmshm_context *context,
		       const struct vmshm_watcher_options *options,
		       struct vmshm_watcher **watcher);

/**
 * vmshm_watcher_open_region() - watch one region
 * @region: a region; it need not stay open
 * @options: what for; NULL for everything
 * @watcher: where the watcher is stored
 *
 * A watcher does not keep a region alive.
 *
 * Context: Any thread.
 * Return: as vmshm_watcher_open().
 */
int vmshm_watcher_open_region(const struct vmshm_region *region,
			      const struct vmshm_watcher_options *options,
			      struct vmshm_watcher **watcher);

/**
 * vmshm_watcher_start() - where a watcher of one region begins
 * @watcher: a watcher
 *
 * Context: Any thread.
 * Return: number of the region's last event before the watch began, to be
 * compared with out_seq of struct vmshm_stat; 0 for a watcher of a registry.
 */
__u64 vmshm_watcher_start(const struct vmshm_watcher *watcher);

/**
 * vmshm_watcher_fd() - a watcher's file descriptor, for poll(2)
 * @watcher: a watcher
 *
 * The library reads several events at once, so poll(2) may find nothing while
 * events are at hand: before waiting, call vmshm_watcher_next() until it
 * returns -EAGAIN.
 *
 * Context: Any thread.
 * Return: the descriptor; it still belongs to @watcher. It has O_CLOEXEC set.
 */
int vmshm_watcher_fd(const struct vmshm_watcher *watcher);

/**
 * vmshm_watcher_next() - the next event
 * @watcher: a watcher
 * @event: where a pointer to it is stored; valid until the next call with
 *	@watcher
 *
 * Waits for one, unless VMSHM_WATCHER_NONBLOCK was given.
 *
 * Context: One thread at a time.
 * Return: 1; 0 when the watched region is gone and there is no event left;
 * -EAGAIN: there is none now; -EINTR: a signal came first; -EPROTO: the kernel
 * returned something else than events.
 */
int vmshm_watcher_next(struct vmshm_watcher *watcher,
		       const struct vmshm_event **event);

/**
 * vmshm_watcher_set_eventfd() - have an eventfd signalled for each event
 * @watcher: a watcher
 * @fd: an eventfd, or -1 for none any more
 *
 * Context: Any thread.
 * Return: 0; -EBADF: @fd is not open; -EINVAL: @fd is not an eventfd.
 */
int vmshm_watcher_set_eventfd(const struct vmshm_watcher *watcher, int fd);

/**
 * vmshm_watcher_close() - end a watch
 * @watcher: a watcher, or NULL
 *
 * Context: No other thread may use the watcher any more.
 */
void vmshm_watcher_close(struct vmshm_watcher *watcher);

/* Domain: the first component of names */

/**
 * vmshm_domain_reserve() - give a domain to a user, with or without regions
 * @context: a context
 * @domain: its name
 * @uid: the user
 *
 * Context: Any thread.
 * Return: 0; -EPERM: takes CAP_SYS_ADMIN; -EINVAL: @domain is not a name of
 * one component, or @uid does not exist in the user namespace; -EDQUOT,
 * -ENOMEM.
 */
int vmshm_domain_reserve(const struct vmshm_context *context,
			 const char *domain, __u32 uid);

/**
 * vmshm_domain_release() - undo vmshm_domain_reserve()
 * @context: a context
 * @domain: its name
 *
 * Context: Any thread.
 * Return: 0; -EPERM: takes CAP_SYS_ADMIN; -ENOENT: it is not reserved;
 * -EINVAL: @domain is not a name of one component.
 */
int vmshm_domain_release(const struct vmshm_context *context,
			 const char *domain);

/* Log: which pages were written */

/**
 * struct vmshm_log_options - what to log
 * @size: sizeof(struct vmshm_log_options)
 * @first_page: first page
 * @nr_pages: number of pages; 0 means up to the maximum size
 * @watermark: poll(2) on the log says POLLIN while so many pages are dirty; 0
 *	means 1
 * @flags: VMSHM_LOG_ALL_DIRTY
 * @__reserved: must be 0
 */
struct vmshm_log_options {
	size_t size;
	__u64 first_page;
	__u64 nr_pages;
	__u64 watermark;
	__u32 flags;
	__u32 __reserved;
};

/**
 * vmshm_log_open() - open a dirty log
 * @region: a region; it need not stay open
 * @options: which pages, and how to start; NULL for all, starting clean
 * @log: where the log is stored
 *
 * From here on every page that anybody writes, a process or a guest, is dirty
 * in the log until it is read from it. Logs do not disturb each other.
 *
 * Context: Any thread.
 * Return: 0; -EACCES: the region is open read-only and was not created with
 * VMSHM_LOG_READERS; -EOPNOTSUPP: it is pinnable; -EDQUOT: too many logs;
 * -EINVAL: it has no such pages; -E2BIG: an option that this library does not
 * know; -ENOMEM, -EMFILE, -ENFILE, -EINTR.
 */
int vmshm_log_open(const struct vmshm_region *region,
		   const struct vmshm_log_options *options,
		   struct vmshm_log **log);

/**
 * vmshm_log_fd() - a log's file descriptor, for poll(2)
 * @log: a log
 *
 * Context: Any thread.
 * Return: the descriptor; it still belongs to @log. It has O_CLOEXEC set.
 */
int vmshm_log_fd(const struct vmshm_log *log);

/**
 * vmshm_log_begin() - begin a round
 * @log: a log
 * @flags: VMSHM_LOG_PEEK only looks; 0 clears what is given out
 *
 * Context: One thread at a time.
 * Return: 0; -EBUSY: the last round has runs that vmshm_log_next() has not
 * given out; -EINVAL: an unknown flag.
 */
int vmshm_log_begin(struct vmshm_log *log, __u32 flags);

/**
 * vmshm_log_next() - the next run of dirty pages of a round
 * @log: a log, with a round begun
 * @range: where a pointer to the run is stored; valid until the next call
 *
 * Pages are cleared, some at a time, when they are fetched from the kernel, no
 * later than when they are given out: what is written afterwards belongs to the
 * next round. Copy a page after it was given out, not before.
 *
 * A write that was complete when a round began is in it, or in an earlier one.
 *
 * Context: One thread at a time.
 * Return: 1; 0 at the end of the round; -EINTR and others: nothing was lost,
 * the call may be made again.
 */
int vmshm_log_next(struct vmshm_log *log,
		   const struct vmshm_log_range **range);

/**
 * vmshm_log_pages() - number of pages fetched in this round up to now
 * @log: a log
 *
 * Context: One thread at a time.
 */
__u64 vmshm_log_pages(const struct vmshm_log *log);

/**
 * vmshm_log_pinned() - how many of these stay dirty
 * @log: a log
 *
 * That is, pages that somebody holds for direct access and can write at any
 * time; they are in every round while they are held.
 *
 * Context: One thread at a time.
 */
__u64 vmshm_log_pinned(const struct vmshm_log *log);

/**
 * vmshm_log_count() - how many pages are dirty
 * @log: a log
 * @flags: VMSHM_LOG_PEEK only looks; 0 clears them
 * @pages: where the number is stored
 *
 * Context: Any thread.
 * Return: 0; -EOPNOTSUPP: an unknown flag; -EINTR.
 */
int vmshm_log_count(const struct vmshm_log *log, __u32 flags, __u64 *pages);

/**
 * vmshm_log_rearm() - clear runs of pages that a round only looked at
 * @log: a log
 * @ranges: the runs
 * @count: how many, at most 65536
 *
 * To be called right before the pages are copied.
 *
 * Context: Any thread.
 * Return: 0; -EINVAL: a run is not in the log, or there are too many; -EFAULT,
 * -EINTR, -ENOMEM.
 */
int vmshm_log_rearm(const struct vmshm_log *log,
		    const struct vmshm_log_range *ranges, size_t count);

/**
 * vmshm_log_set_watermark() - when poll(2) is to say POLLIN
 * @log: a log
 * @pages: while so many pages are dirty; 0 means 1
 *
 * Context: Any thread.
 * Return: 0; -EINVAL: more than can be.
 */
int vmshm_log_set_watermark(const struct vmshm_log *log, __u64 pages);

/**
 * vmshm_log_stat() - figures of a log
 * @log: a log
 * @stat: where they are stored
 * @stat_size: sizeof(struct vmshm_log_stat)
 *
 * Context: Any thread.
 * Return: 0; -EINVAL: @stat_size is too small.
 */
int vmshm_log_stat(const struct vmshm_log *log, struct vmshm_log_stat *stat,
		   size_t stat_size);

/**
 * vmshm_log_close() - close a log
 * @log: a log, or NULL
 *
 * Context: No other thread may use the log any more.
 */
void vmshm_log_close(struct vmshm_log *log);

/**
 * vmshm_region_mark() - make pages dirty in all logs of a region
 * @region: a region, not open read-only
 * @ranges: runs of pages
 * @count: how many
 *
 * For writes that the kernel does not see, such as those of a device.
 *
 * Context: Any thread.
 * Return: 0; -EACCES: open read-only; -EINVAL: a run is beyond the maximum
 * size; -EFAULT, -EINTR. Runs before the failing one have been marked.
 */
int vmshm_region_mark(const struct vmshm_region *region,
		      const struct vmshm_log_range *ranges, size_t count);

/**
 * vmshm_region_merge() - make pages dirty in all logs of a region
 * @region: a region, not open read-only
 * @first_page: page of the first bit
 * @bitmap: a bit for each page, as from KVM_GET_DIRTY_LOG
 * @nr_pages: number of bits
 *
 * Context: Any thread.
 * Return: as vmshm_region_mark().
 */
int vmshm_region_merge(const struct vmshm_region *region, __u64 first_page,
		       const __u64 *bitmap, __u64 nr_pages);

/* Peer: one of those who share a region and ring each other */

/**
 * struct vmshm_join_options - how to join
 * @size: sizeof(struct vmshm_join_options)
 * @name: what the peer is to be called: one component of a name, of at most
 *	VMSHM_PEER_NAME_MAX bytes; NULL or empty for no name
 * @number: with VMSHM_JOIN_NUMBER, the number asked for; else 0
 * @vectors: number of the peer's vectors, at most VMSHM_PEER_VECTORS_MAX; may
 *	be 0
 * @flags: VMSHM_JOIN_NUMBER or 0
 * @__reserved: must be 0
 */
struct vmshm_join_options {
	size_t size;
	const char *name;
	__u32 number;
	__u32 vectors;
	__u32 flags;
	__u32 __reserved;
};

/**
 * vmshm_region_join() - become a peer in a region's sharing group
 * @region: a region; it need not stay open
 * @options: how; NULL for the lowest free number, no vectors and no name
 * @peer: where the peer is stored
 *
 * A peer that joined by a read-only handle can be rung, but cannot ring, unless
 * the region was created with VMSHM_RING_READERS.
 *
 * Context: Any thread.
 * Return: 0; -EBUSY: the number is taken; -ENOSPC: no number is free; -EDQUOT:
 * too many peers; -EINVAL: the number, the vectors or the name; -E2BIG: an
 * option that this library does not know; -ENOMEM, -EMFILE, -ENFILE.
 */
int vmshm_region_join(const struct vmshm_region *region,
		      const struct vmshm_join_options *options,
		      struct vmshm_peer **peer);

/**
 * vmshm_peer_from_fd() - make a peer of a file descriptor
 * @fd: open file descriptor of a peer, for example a received one
 * @peer: where the peer is stored
 *
 * On success the peer owns @fd; on failure the caller does.
 *
 * Context: Any thread.
 * Return: 0; -ENOTTY: @fd is not a peer; -EBADF; -ENOMEM.
 */
int vmshm_peer_from_fd(int fd, struct vmshm_peer **peer);

/**
 * vmshm_peer_close() - close a peer's file: leave the group
 * @peer: a peer, or NULL
 *
 * Whoever else has the file, by dup(2), fork(2) or a message, keeps the peer in
 * the group.
 *
 * Context: No other thread may use the peer any more.
 */
void vmshm_peer_close(struct vmshm_peer *peer);

/**
 * vmshm_peer_fd() - a peer's file descriptor, for poll(2)
 * @peer: a peer
 *
 * poll(2) says POLLIN while a vector is pending, see vmshm_peer_pending().
 *
 * Context: Any thread.
 * Return: the descriptor; it still belongs to @peer. It has O_CLOEXEC set
 * unless it came from vmshm_peer_from_fd().
 */
int vmshm_peer_fd(const struct vmshm_peer *peer);

/**
 * vmshm_peer_number() - a peer's number in its group
 * @peer: a peer
 *
 * Context: Any thread.
 * Return: the number, at most VMSHM_PEER_NUMBER_MAX.
 */
__u32 vmshm_peer_number(const struct vmshm_peer *peer);

/**
 * vmshm_peer_generation() - number of the join
 * @peer: a peer
 *
 * Context: Any thread.
 * Return: the number, unique since boot and never 0.
 */
__u64 vmshm_peer_generation(const struct vmshm_peer *peer);

/**
 * vmshm_peer_stat() - everything there is to know about a peer
 * @peer: a peer
 * @stat: where it is stored
 * @stat_size: sizeof(struct vmshm_peer_stat)
 *
 * Context: Any thread.
 * Return: 0; -EINVAL: @stat_size is too small.
 */
int vmshm_peer_stat(const struct vmshm_peer *peer,
		    struct vmshm_peer_stat *stat, size_t stat_size);

/**
 * vmshm_peer_set_vector() - have an eventfd signalled when a vector is rung
 * @peer: a peer
 * @vector: one of its vectors
 * @fd: an eventfd, which stays the caller's, or -1 for none any more
 *
 * Others can get the eventfd, and may then do with it what the caller can, see
 * struct vmshm_peer_set_vector.
 *
 * Context: Any thread.
 * Return: 0; -EINVAL: there is no such vector, or @fd is not an eventfd;
 * -EBADF: @fd is not open.
 */
int vmshm_peer_set_vector(const struct vmshm_peer *peer, __u32 vector, int fd);

/**
 * vmshm_peer_get_vector() - get the eventfd of another peer's vector
 * @peer: a peer that may ring
 * @number: the other's number
 * @generation: the other's join; 0 means any
 * @vector: one of the other's vectors
 * @fd: where the file descriptor is stored, which then is the caller's; it has
 *	O_CLOEXEC set
 *
 * Writing 1 to it rings, without vmshm_peer_pending() of the other seeing it.
 *
 * Context: Any thread.
 * Return: 0; -EACCES: @peer may not ring; -ENOENT: there is no such peer, or
 * the vector has no eventfd; -ESTALE: the number is that of another join;
 * -EINVAL: there is no such vector; -EMFILE, -ENOMEM.
 */
int vmshm_peer_get_vector(const struct vmshm_peer *peer, __u32 number,
			  __u64 generation, __u32 vector, int *fd);

/**
 * vmshm_peer_ring() - ring a vector of another peer
 * @peer: a peer that may ring
 * @number: the other's number, or VMSHM_PEER_ALL for all others that have the
 *	vector
 * @vector: one of the other's vectors
 *
 * Context: Any thread. Does not block.
 * Return: 0; -EACCES: @peer may not ring; -ENOENT: there is no such peer;
 * -EINVAL: there is no such vector.
 */
int vmshm_peer_ring(const struct vmshm_peer *peer, __u32 number, __u32 vector);

/**
 * vmshm_peer_pending() - which vectors were rung since they were last asked for
 * @peer: a peer
 * @mask: the vectors to look at, a bit for each; 0 means all
 * @pending: where they are stored, a bit for each
 *
 * Only vmshm_peer_ring() counts, not a write to an eventfd.
 *
 * Context: Any thread. Does not block.
 * Return: 0 or a negative errno value.
 */
int vmshm_peer_pending(const struct vmshm_peer *peer, __u64 mask,
		       __u64 *pending);

/**
 * vmshm_peer_list_open() - find out a region's peers
 * @region: a region
 * @peers: where the list is stored
 *
 * The list is of one moment. What vmshm_watcher_open_region() tells of joins
 * and leaves goes on from there if the watcher was opened first.
 *
 * Context: Any thread.
 * Return: 0; -EMSGSIZE: peers came faster than they could be listed; -ENOMEM.
 */
int vmshm_peer_list_open(const struct vmshm_region *region,
			 struct vmshm_peer_list **peers);

/**
 * vmshm_peer_list_count() - how many there are
 * @peers: a peer list
 *
 * Context: Any thread.
 * Return: the number of peers in the list.
 */
size_t vmshm_peer_list_count(const struct vmshm_peer_list *peers);

/**
 * vmshm_peer_list_next() - the next peer, in the order of their numbers
 * @peers: a peer list
 * @info: where a pointer to it is stored; valid as long as @peers
 *
 * Context: One thread at a time.
 * Return: 1; 0 at the end.
 */
int vmshm_peer_list_next(struct vmshm_peer_list *peers,
			 const struct vmshm_peer_info **info);

/**
 * vmshm_peer_list_close() - free a peer list
 * @peers: a peer list, or NULL
 *
 * Context: No other thread may use the list any more.
 */
void vmshm_peer_list_close(struct vmshm_peer_list *peers);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif /* _VMSHM_VMSHM_H */
