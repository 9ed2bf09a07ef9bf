/* SPDX-License-Identifier: GPL-2.0 */
/* Unloading and loading the module under test. */
#ifndef VMSHM_MODULE_H
#define VMSHM_MODULE_H

#include <sys/stat.h>

/* Makes vmshm_kvm go, which uses the module. Whoever runs the tests loads it
 * again. Returns 0, also if it is not loaded, or -errno.
 */
int vt_module_unload_kvm(void);

/* Notes whose the device is, as udev would see to, for vt_module_load(). */
int vt_module_init(struct stat *device);

/* Returns 0 or -errno; -EAGAIN: it is in use. */
int vt_module_unload(void);
/* The same, but waits for what is on its way out. */
int vt_module_unload_at_last(void);
/* Loads it and gives the device to whom it was before. Returns 0 or -errno. */
int vt_module_load(const struct stat *device);
/* Whether it is loaded. */
int vt_module_loaded(void);
/* How often a module, this or another, is used; -ENOENT: it is not loaded. */
int vt_module_users(const char *name);

#endif /* VMSHM_MODULE_H */
