// SPDX-License-Identifier: GPL-2.0
/* vmshm: named, sized, resizable regions of shared memory. */

#include "cmd.h"

int main(int argc, char **argv)
{
	return cmd_main(argc, argv);
}
