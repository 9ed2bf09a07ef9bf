// SPDX-License-Identifier: GPL-2.0
/*
 * Prediction: which pages will be written in the round that has begun?
 *
 * What is expected follows from what was seen, not from what was expected: only
 * a page that faulted, or that a mark told of, is known to have been written.
 * Of one that write-around opened nothing is known. So of the expected pages some
 * are left to fault, the fewer the more often the others in the same word did
 * what was expected.
 *
 * A page is expected when it was written in two rounds in a row, since one round
 * says little about scattered writes; or at once, if all pages of its word were.
 * It is no longer when it was not written though it was left closed. If that is
 * so for most that were left closed, its neighbours are not expected either.
 *
 * The locks are those of the callers, see struct vmshm_unit.
 */
#include "dirty.h"

/*
 * One of 2 expected pages is left to fault at level 0, one of 4 at level 1, and
 * so on up to one of a word.
 */
#define VMSHM_LEVEL_MAX		(ilog2(BITS_PER_LONG) - 1)
/* Where a word begins of which all pages were written. */
#define VMSHM_LEVEL_DENSE	3

/* Pages of a word that are not to be opened, although they may be expected. */
static unsigned long vmshm_unit_probed(const struct vmshm_unit *u,
				       unsigned int word)
{
	static const unsigned long every[] = {
		~0UL / 0x3, ~0UL / 0xf, ~0UL / 0xff, ~0UL / 0xffff,
		~0UL / 0xffffffff, 1,
	};
	unsigned int level = u->level[word];

	return every[level] << (u->probe[word] & (BIT(level + 1) - 1));
}

static void vmshm_unit_learn_word(struct vmshm_unit *u, struct vmshm_take *take,
				  unsigned int word, unsigned long mask)
{
	unsigned long dirty = take->bits[word];
	unsigned long hot = u->hot[word] & mask;
	unsigned long seen = dirty & ~u->around[word];
	unsigned long hits = hot & seen;
	unsigned long missed = hot & ~dirty;
	unsigned long now = (hot & dirty) | (u->once[word] & seen);
	u8 *level = &u->level[word];

	take->hits += hweight_long(hits);
	take->misses += hweight_long(missed);
	if (dirty == ~0UL && hot != ~0UL) {
		now = dirty;
		*level = max_t(u8, *level, VMSHM_LEVEL_DENSE);
	} else if (!missed) {
		if (hits && *level < VMSHM_LEVEL_MAX)
			(*level)++;
	} else if (hweight_long(missed) > hweight_long(hits)) {
		now = 0;
		*level = 0;
	} else if (*level) {
		(*level)--;
	}
	u->hot[word] = (u->hot[word] & ~mask) | now;
	u->once[word] = (u->once[word] & ~mask) | (seen & ~now);
	u->around[word] &= ~mask;
}

/**
 * vmshm_unit_learn() - take note of which pages a fetch found dirty
 * @u: the unit
 * @take: what was taken of it; adds to its hits and misses
 * @end: last page + 1 of the unit that is in the log
 */
void vmshm_unit_learn(struct vmshm_unit *u, struct vmshm_take *take,
		      unsigned int end)
{
	unsigned int from, to;

	for (from = take->from; from < take->end; from = to) {
		unsigned int word = BIT_WORD(from);
		unsigned int base = word * BITS_PER_LONG;

		to = min_t(unsigned int, take->end, base + BITS_PER_LONG);
		vmshm_unit_learn_word(u, take, word,
				      GENMASK(to - base - 1, from - base));
		/* Others are left closed when all of a word had their turn. */
		if (to == base + BITS_PER_LONG || to == end)
			u->probe[word]++;
	}
}

/**
 * vmshm_unit_idle() - is nothing known that is worth to be kept?
 * @u: the unit
 */
bool vmshm_unit_idle(const struct vmshm_unit *u)
{
	return bitmap_empty(u->once, VMSHM_UNIT_PAGES) &&
	       bitmap_empty(u->hot, VMSHM_UNIT_PAGES);
}

/**
 * vmshm_unit_predict() - which pages of a unit will be written?
 * @u: the unit; may be NULL
 * @outside: pages that are not in the log
 * @expected: of each bitmap the bits are cleared that do not hold
 */
void vmshm_unit_predict(const struct vmshm_unit *u,
			const unsigned long *outside,
			struct vmshm_expected *expected)
{
	unsigned int word;

	for (word = 0; word < VMSHM_UNIT_WORDS; word++) {
		unsigned long dirty = outside[word], hot = 0;

		if (u) {
			dirty |= u->dirty[word];
			hot = u->hot[word];
			if (hot)
				hot &= ~vmshm_unit_probed(u, word);
		}
		expected->outside[word] &= outside[word];
		expected->marked[word] &= dirty;
		expected->may[word] &= dirty | hot;
	}
}

/**
 * vmshm_unit_mark_around() - mark pages that nobody is known to have written
 * @u: the unit
 * @pages: which
 *
 * Return: how many were not marked before.
 */
unsigned int vmshm_unit_mark_around(struct vmshm_unit *u,
				    const unsigned long *pages)
{
	unsigned int added = 0, word;

	for (word = 0; word < VMSHM_UNIT_WORDS; word++) {
		unsigned long new = pages[word] & ~u->dirty[word];

		if (!new)
			continue;
		u->dirty[word] |= new;
		u->around[word] |= new;
		added += hweight_long(new);
	}
	return added;
}
