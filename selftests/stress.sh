#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Each part of vmshm-stress for a moment, with few regions and members: whether
# they work, and whether the kernel is silent meanwhile. 'make stress' takes time.
#
# Provokes the OOM killer, see settings, and reloads the module.

exec "$VMSHM_BUILD/selftests/stress/vmshm-stress" --seconds 1 --regions 1000 \
	--members 50
