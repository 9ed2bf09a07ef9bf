// SPDX-License-Identifier: GPL-2.0
/*
 * A program that fails is made shorter: operations are taken out, many at first,
 * while it still fails in the same way. Then numbers are made 0. Of a program of
 * threads there is only the number of these to be made smaller; it is tried many
 * times, for it may fail once in so many only.
 */
#include <string.h>

#include "fuzz.h"

#define FZ_TRIES	10

/* Failing the same way: the same kind of operation says the same first word. */
struct fz_symptom {
	enum fz_status status;
	char word[16];
};

static void fz_symptom(struct fz_symptom *symptom, enum fz_status status)
{
	size_t len = strcspn(fz.shared->message, " :");

	memset(symptom, 0, sizeof(*symptom));
	symptom->status = status;
	if (len >= sizeof(symptom->word))
		len = sizeof(symptom->word) - 1;
	memcpy(symptom->word, fz.shared->message, len);
}

static bool fz_fails(const struct fz_prog *prog, const struct fz_symptom *want,
		     unsigned int *runs)
{
	struct fz_symptom symptom;
	enum fz_status status = fz_run(prog);

	++*runs;
	if (status == FZ_PASSED)
		return false;
	fz_symptom(&symptom, status);
	return !memcmp(&symptom, want, sizeof(symptom));
}

static void fz_without(struct fz_prog *to, const struct fz_prog *from,
		       unsigned int at, unsigned int nr)
{
	*to = *from;
	if (nr > from->nr - at)
		nr = from->nr - at;
	memmove(&to->op[at], &to->op[at + nr],
		(from->nr - at - nr) * sizeof(to->op[0]));
	to->nr -= nr;
}

static bool fz_fails_once(const struct fz_prog *prog,
			  const struct fz_symptom *want, unsigned int *runs)
{
	unsigned int tries = prog->threads ? FZ_TRIES : 1;

	while (tries--)
		if (fz_fails(prog, want, runs))
			return true;
	return false;
}

static void fz_fewer_threads(struct fz_prog *prog,
			     const struct fz_symptom *want, unsigned int *runs)
{
	struct fz_prog less = *prog;

	for (less.threads = 1; less.threads < prog->threads; less.threads++)
		if (fz_fails_once(&less, want, runs))
			*prog = less;
}

/* The program failed when it was last run; it does so afterwards. */
unsigned int fz_minimise(struct fz_prog *prog)
{
	unsigned int runs = 0, nr, at, i;
	struct fz_symptom want;
	struct fz_prog less;

	fz_symptom(&want, fz.shared->status);
	if (prog->threads)
		fz_fewer_threads(prog, &want, &runs);
	/* What comes after the one that failed does not matter, as a rule. */
	less = *prog;
	if (fz.shared->at + 1 < less.nr) {
		less.nr = fz.shared->at + 1;
		if (fz_fails(&less, &want, &runs))
			*prog = less;
	}
	for (nr = prog->nr / 2; nr; nr /= 2) {
		for (at = 0; at < prog->nr;) {
			fz_without(&less, prog, at, nr);
			if (fz_fails(&less, &want, &runs))
				*prog = less;
			else
				at += nr;
		}
	}
	for (at = 0; at < prog->nr; at++) {
		for (i = 0; i < FZ_ARGS; i++) {
			if (!prog->op[at].arg[i])
				continue;
			less = *prog;
			less.op[at].arg[i] = 0;
			if (fz_fails(&less, &want, &runs))
				*prog = less;
		}
	}
	/* For what it says. */
	fz_fails_once(prog, &want, &runs);
	return runs;
}
