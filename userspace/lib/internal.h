/* SPDX-License-Identifier: GPL-2.0 */
/* What the parts of libvmshm share; nothing in here is exported. */
#ifndef VMSHM_LIB_INTERNAL_H
#define VMSHM_LIB_INTERNAL_H

#include <vmshm/vmshm.h>

/* Sizes of the first versions of structs that the kernel fills in. */
#define INFO_SIZE_VER0		120
#define STAT_SIZE_VER0		416
#define EVENT_SIZE_VER0		320
#define LOG_STAT_SIZE_VER0	112
#define PEER_STAT_SIZE_VER0	128

/* The same of the options structs, whose sizes differ between architectures. */
#define SIZE_UP_TO(type, last_u32) \
	(offsetof(struct type, last_u32) + sizeof(__u32))
#define CREATE_OPTIONS_SIZE_VER0 \
	SIZE_UP_TO(vmshm_region_create_options, __reserved)
#define OPEN_OPTIONS_SIZE_VER0 \
	SIZE_UP_TO(vmshm_region_open_options, __reserved)
#define UNLINK_OPTIONS_SIZE_VER0 \
	SIZE_UP_TO(vmshm_region_unlink_options, flags)
#define LIST_OPTIONS_SIZE_VER0 \
	SIZE_UP_TO(vmshm_region_list_options, __reserved)
#define LOG_OPTIONS_SIZE_VER0 \
	SIZE_UP_TO(vmshm_log_options, __reserved)
#define JOIN_OPTIONS_SIZE_VER0 \
	SIZE_UP_TO(vmshm_join_options, __reserved)
#define WATCHER_OPTIONS_SIZE_VER0 \
	SIZE_UP_TO(vmshm_watcher_options, flags)

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

struct vmshm_context {
	int fd;
};

struct vmshm_region {
	int fd;
	__u64 generation;
	bool is_new;
	bool is_readonly;
};

/**
 * vmshm__ioctl() - ioctl(2) with errors as return values
 * @fd: file descriptor
 * @cmd: VMSHM_IOC_*
 * @arg: its argument
 *
 * Return: 0 or a negative errno value.
 */
int vmshm__ioctl(int fd, unsigned long cmd, void *arg);

/**
 * vmshm__name_copy() - put a name, a prefix or a domain into an argument
 * @dst: member of an ioctl's argument, all zero
 * @name: what to put there
 *
 * Only the length is checked: which characters a name may have is the kernel's
 * decision.
 *
 * Return: 0; -EINVAL: @name is NULL or does not fit.
 */
int vmshm__name_copy(__u8 dst[VMSHM_NAME_MAX + 1], const char *name);

/**
 * vmshm__options_copy() - take over a caller's options struct of any version
 * @dst: options as this library knows them
 * @dst_size: size of it
 * @min_size: size of the first version
 * @src: the caller's, which begins with its size; NULL means all defaults
 *
 * Return: 0; -EINVAL: shorter than the first version; -E2BIG: something is set
 * that this library does not know.
 */
int vmshm__options_copy(void *dst, size_t dst_size, size_t min_size,
			const void *src);

/**
 * vmshm__region_alloc() - a region object without a file
 * @region: where it is stored
 *
 * Return: 0; -ENOMEM.
 */
int vmshm__region_alloc(struct vmshm_region **region);

/* As much as the kernel takes: a page. */
#define STAT_SIZE_MAX	4096

/**
 * vmshm__stat() - have a struct filled in that begins with its size
 * @fd: file descriptor
 * @cmd: VMSHM_IOC_*
 * @stat: where the result is stored, if there is one
 * @stat_size: size of it
 * @min_size: size of the first version
 *
 * Return: 0; -EINVAL: shorter than the first version; -E2BIG: longer than any;
 * or what the command says.
 */
int vmshm__stat(int fd, unsigned long cmd, void *stat, size_t stat_size,
		size_t min_size);

/**
 * struct vmshm__array - what the kernel said there is, at one moment
 * @pos: next element to be handed out
 * @count: number of elements
 * @entry_size: size of an element, in bytes
 * @entries: the elements
 */
struct vmshm__array {
	size_t pos;
	size_t count;
	size_t entry_size;
	unsigned char *entries;
};

/**
 * vmshm__array_open() - get all of an array from the kernel
 * @array: filled in on success
 * @fd: file descriptor of the region
 * @cmd: a command whose argument is laid out as struct vmshm_members
 * @entry_size: size of an element, in bytes
 *
 * Return: 0; -EMSGSIZE: it grew faster than it could be read; -ENOMEM; what the
 * command says.
 */
int vmshm__array_open(struct vmshm__array *array, int fd, unsigned long cmd,
		      size_t entry_size);

/**
 * vmshm__array_next() - hand out the next element
 * @array: the array
 *
 * Return: the element, which stays until the array is closed, or NULL.
 */
const void *vmshm__array_next(struct vmshm__array *array);

/**
 * vmshm__array_close() - free what vmshm__array_open() has allocated
 * @array: the array
 */
void vmshm__array_close(struct vmshm__array *array);

#endif /* VMSHM_LIB_INTERNAL_H */
