// SPDX-License-Identifier: GPL-2.0
/*
 * Operations on an address space, against one that is looked up page by page.
 *
 * Input: a byte for the kind of address space and of sink, then what every
 * choice in space_model.h is made by, a byte each.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(_cond)							\
	do {								\
		if (!(_cond)) {						\
			fprintf(stderr, "%s:%d: not true: %s\n",	\
				__FILE__, __LINE__, #_cond);		\
			abort();					\
		}							\
	} while (0)

#include "unit/space_model.h"

static const uint8_t *next_byte, *end_of_bytes;

static unsigned int m_random(unsigned int below)
{
	if (next_byte == end_of_bytes)
		return 0;
	return *next_byte++ % below;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	next_byte = data;
	end_of_bytes = data + size;
	m_begin(m_random(2), m_random(2));
	while (next_byte < end_of_bytes)
		m_step();
	m_end();
	return 0;
}
