/* SPDX-License-Identifier: GPL-2.0 */
/* The fixture of the tests of VMSHM_IOC_MEMBERS; they include it after the
 * harness.
 */
#ifndef MEMBERS_H
#define MEMBERS_H

#include "vmshm_test.h"

#define ROOM	64

FIXTURE(members) {
	int dev;
	int fd;
	size_t page;
	char name[VMSHM_NAME_MAX + 1];
	struct vmshm_member list[ROOM];
};

FIXTURE_SETUP(members)
{
	self->page = sysconf(_SC_PAGESIZE);
	self->dev = vt_device();
	ASSERT_LE(0, self->dev);
	/* Gone with the test, however that ends. */
	self->fd = vt_create(self->dev, vt_name(self->name, "members"),
			     16 * self->page, 0, VMSHM_EPHEMERAL, 0666);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(members)
{
	close(self->fd);
	close(self->dev);
}

#endif /* MEMBERS_H */
