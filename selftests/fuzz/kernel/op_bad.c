// SPDX-License-Identifier: GPL-2.0
/*
 * Calls that must fail whatever there is: of the wrong kind, of the wrong size,
 * with unknown flags, with memory that is not there.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "fuzz.h"

enum fz_file {
	FZ_DEVICE,
	FZ_REGION,
	FZ_LOG,
	FZ_PEER,
	FZ_BINDING,
	FZ_WATCH,
	FZ_NR_FILES,
};

struct fz_command {
	const char *name;
	unsigned int cmd;
	unsigned int files;	/* of which kinds of file, a bit for each */
	unsigned int size;
};

#define FZ_COMMAND(_name, _struct, _files)				\
	{ #_name, VMSHM_IOC_##_name, (_files), sizeof(struct _struct) }

static const struct fz_command fz_commands[] = {
	FZ_COMMAND(GET_INFO, vmshm_info, 1 << FZ_DEVICE),
	FZ_COMMAND(CREATE, vmshm_create, 1 << FZ_DEVICE),
	FZ_COMMAND(OPEN, vmshm_open, 1 << FZ_DEVICE),
	FZ_COMMAND(UNLINK, vmshm_unlink, 1 << FZ_DEVICE),
	FZ_COMMAND(LIST, vmshm_list, 1 << FZ_DEVICE),
	FZ_COMMAND(WATCH, vmshm_watch, 1 << FZ_DEVICE | 1 << FZ_REGION),
	FZ_COMMAND(DOMAIN, vmshm_domain, 1 << FZ_DEVICE),
	FZ_COMMAND(STAT, vmshm_stat, 1 << FZ_REGION),
	FZ_COMMAND(RESIZE, vmshm_resize, 1 << FZ_REGION),
	FZ_COMMAND(SEAL, vmshm_seal, 1 << FZ_REGION),
	FZ_COMMAND(MEMBERS, vmshm_members, 1 << FZ_REGION),
	FZ_COMMAND(READONLY, vmshm_readonly, 1 << FZ_REGION),
	FZ_COMMAND(LOG_OPEN, vmshm_log_open, 1 << FZ_REGION),
	FZ_COMMAND(MARK, vmshm_mark, 1 << FZ_REGION),
	FZ_COMMAND(MERGE, vmshm_merge, 1 << FZ_REGION),
	FZ_COMMAND(JOIN, vmshm_join, 1 << FZ_REGION),
	FZ_COMMAND(PEERS, vmshm_peers, 1 << FZ_REGION),
	FZ_COMMAND(BIND, vmshm_bind, 1 << FZ_REGION),
	FZ_COMMAND(BINDINGS, vmshm_bindings, 1 << FZ_REGION),
	FZ_COMMAND(WATCH_EVENTFD, vmshm_watch_eventfd, 1 << FZ_WATCH),
	FZ_COMMAND(LOG_FETCH, vmshm_log_fetch, 1 << FZ_LOG),
	FZ_COMMAND(LOG_REARM, vmshm_log_rearm, 1 << FZ_LOG),
	FZ_COMMAND(LOG_WATERMARK, vmshm_log_watermark, 1 << FZ_LOG),
	FZ_COMMAND(LOG_STAT, vmshm_log_stat, 1 << FZ_LOG),
	FZ_COMMAND(PEER_STAT, vmshm_peer_stat, 1 << FZ_PEER),
	FZ_COMMAND(PEER_SET_VECTOR, vmshm_peer_set_vector, 1 << FZ_PEER),
	FZ_COMMAND(PEER_GET_VECTOR, vmshm_peer_get_vector, 1 << FZ_PEER),
	FZ_COMMAND(PEER_RING, vmshm_peer_ring, 1 << FZ_PEER),
	FZ_COMMAND(PEER_PENDING, vmshm_peer_pending, 1 << FZ_PEER),
	FZ_COMMAND(BIND_STAT, vmshm_bind_stat, 1 << FZ_BINDING),
	FZ_COMMAND(BIND_UPDATE, vmshm_bind_update, 1 << FZ_BINDING),
	FZ_COMMAND(BIND_SLOTS, vmshm_bind_slots, 1 << FZ_BINDING),
};

#define FZ_NR_COMMANDS	(sizeof(fz_commands) / sizeof(*fz_commands))

/* A file of a kind, or -1. */
static int fz_file_of(enum fz_file kind, uint32_t arg)
{
	struct fz_fd *fd;
	unsigned int i;

	switch (kind) {
	case FZ_DEVICE:
		return fz.dev;
	case FZ_REGION:
		fd = fz_fd_of(arg);
		return fd ? fd->fd : -1;
	case FZ_LOG:
		for (i = 0; i < FZ_LOGS; i++)
			if (fz.log[i].region)
				return fz.log[i].fd;
		break;
	case FZ_PEER:
		for (i = 0; i < FZ_PEERS; i++)
			if (fz.peer[i].handle)
				return fz.peer[i].fd;
		break;
	case FZ_BINDING:
		for (i = 0; i < FZ_BINDS; i++)
			if (fz.bind[i].region)
				return fz.bind[i].fd;
		break;
	case FZ_WATCH:
		for (i = 0; i < FZ_WATCHES; i++)
			if (fz.watch[i].used)
				return fz.watch[i].fd;
		break;
	default:
		break;
	}
	return -1;
}

/* 0 command, 1 kind of file, 2 what is wrong */
void fz_op_bad(const uint32_t *arg)
{
	const struct fz_command *command = &fz_commands[arg[0] %
							FZ_NR_COMMANDS];
	union {
		uint32_t word[FZ_PAGE / 4];
		unsigned char byte[FZ_PAGE];
	} buf = { { 0 } };
	enum fz_file kind = arg[1] % FZ_NR_FILES;
	unsigned int cmd = command->cmd;
	bool null = false;
	int fd, ret, want;

	if (arg[1] & 0x100)
		for (kind = 0; !(command->files & 1 << kind);)
			kind++;
	fd = fz_file_of(kind, arg[1] >> 16);
	if (fd < 0)
		return;

	buf.word[0] = command->size;
	switch (arg[2] % 6) {
	case 0:
		buf.word[0] = 4 + arg[2] / 6 % 4;
		want = -EINVAL;
		break;
	case 1:
		buf.word[0] = FZ_PAGE + 1 + (arg[2] >> 8);
		want = -E2BIG;
		break;
	case 2:
		/* What it knows of the argument is valid or not; the rest not. */
		buf.word[0] = command->size + 8;
		buf.byte[command->size + arg[2] / 6 % 8] = 1;
		want = -E2BIG;
		break;
	case 3:
		null = true;
		want = -EFAULT;
		break;
	case 4:
		/* Each has flags, that nobody knows this bit of. */
		buf.word[1] = 1U << 30;
		want = -EOPNOTSUPP;
		break;
	default:
		cmd = _IOC(_IOC_READ, VMSHM_IOC_TYPE, _IOC_NR(cmd), 8);
		want = -ENOTTY;
		break;
	}
	if (!(command->files & 1 << kind))
		want = -ENOTTY;
	ret = ioctl(fd, cmd, null ? NULL : buf.byte);
	FZ_EXPECT(ret < 0 ? -errno : ret, want, "%s on a file of kind %d, %u",
		  command->name, kind, arg[2] % 6);
}
