// SPDX-License-Identifier: GPL-2.0
/*
 * The operations there are.
 */
#include "fuzz.h"

const struct fz_kind fz_kinds[] = {
	{ "create", 30, fz_op_create },
	{ "open", 12, fz_op_open },
	{ "unlink", 5, fz_op_unlink },
	{ "list", 3, fz_op_list },
	{ "domain", 2, fz_op_domain },
	{ "bad", 8, fz_op_bad },
	{ "path", 8, fz_op_path },
	{ "info", 2, fz_op_info },

	{ "close", 12, fz_op_close },
	{ "dup", 4, fz_op_dup },
	{ "reopen", 5, fz_op_reopen },
	{ "readonly", 5, fz_op_readonly },
	{ "stat", 10, fz_op_stat },
	{ "resize", 24, fz_op_resize },
	{ "seal", 4, fz_op_seal },
	{ "members", 4, fz_op_members },

	{ "write", 14, fz_op_write },
	{ "read", 8, fz_op_read },
	{ "fallocate", 8, fz_op_fallocate },
	{ "check", 10, fz_op_check },

	{ "mmap", 20, fz_op_mmap },
	{ "munmap", 6, fz_op_munmap },
	{ "mprotect", 8, fz_op_mprotect },
	{ "mremap", 6, fz_op_mremap },
	{ "madvise", 6, fz_op_madvise },
	{ "store", 30, fz_op_store },
	{ "load", 16, fz_op_load },
	{ "copy", 6, fz_op_copy },
	{ "fork", 3, fz_op_fork },

	{ "log_open", 12, fz_op_log_open },
	{ "log_close", 2, fz_op_log_close },
	{ "log_fetch", 24, fz_op_log_fetch },
	{ "log_rearm", 6, fz_op_log_rearm },
	{ "log_stat", 6, fz_op_log_stat },
	{ "log_watermark", 2, fz_op_log_watermark },
	{ "mark", 5, fz_op_mark },
	{ "merge", 4, fz_op_merge },

	{ "join", 12, fz_op_join },
	{ "leave", 4, fz_op_leave },
	{ "ring", 10, fz_op_ring },
	{ "pending", 6, fz_op_pending },
	{ "set_vector", 7, fz_op_set_vector },
	{ "get_vector", 5, fz_op_get_vector },
	{ "peer_stat", 4, fz_op_peer_stat },
	{ "peers", 4, fz_op_peers },
	{ "eventfd", 4, fz_op_eventfd },

	{ "watch", 6, fz_op_watch },
	{ "watch_close", 2, fz_op_watch_close },
	{ "watch_read", 12, fz_op_watch_read },
	{ "watch_eventfd", 5, fz_op_watch_eventfd },

	{ "bind", 8, fz_op_bind },
	{ "bind_close", 3, fz_op_bind_close },
	{ "bind_update", 5, fz_op_bind_update },
	{ "bind_check", 6, fz_op_bind_check },
	{ "bindings", 5, fz_op_bindings },

	{ "vm_bind", 12, fz_op_vm_bind },
	{ "vm_load", 10, fz_op_vm_load },
	{ "vm_store", 10, fz_op_vm_store },
	{ "vm_close", 1, fz_op_vm_close },

	{ "remote_send", 6, fz_op_remote_send },
	{ "remote_drop", 2, fz_op_remote_drop },
	{ "remote_map", 5, fz_op_remote_map },
	{ "remote_write", 8, fz_op_remote_write },
	{ "remote_kill", 1, fz_op_remote_kill },
};

const unsigned int fz_nr_kinds = sizeof(fz_kinds) / sizeof(*fz_kinds);
