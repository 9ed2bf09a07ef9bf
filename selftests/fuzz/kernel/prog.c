// SPDX-License-Identifier: GPL-2.0
/*
 * Programs: made up, changed, written to files and read.
 *
 * A file has a line "threads N SEED" or a line for each operation: its name and
 * its numbers in hexadecimal. Lines that begin with '#' are comments.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

static uint32_t fz_random_kind(struct fz_random *random)
{
	uint32_t total = 0, n, i;

	for (i = 0; i < fz_nr_kinds; i++)
		total += fz_kinds[i].weight;
	n = fz_below(random, total);
	for (i = 0; n >= fz_kinds[i].weight; i++)
		n -= fz_kinds[i].weight;
	return i;
}

static void fz_random_op(struct fz_op *op, struct fz_random *random)
{
	unsigned int i;

	op->kind = fz_random_kind(random);
	for (i = 0; i < FZ_ARGS; i++)
		op->arg[i] = fz_next(random);
}

void fz_prog_random(struct fz_prog *prog, struct fz_random *random)
{
	unsigned int i;

	memset(prog, 0, sizeof(*prog));
	prog->nr = 20 + fz_below(random, FZ_OPS - 20);
	for (i = 0; i < prog->nr; i++)
		fz_random_op(&prog->op[i], random);
	/* Nothing can be done without a region. */
	while (strcmp(fz_kinds[prog->op[0].kind].name, "create"))
		prog->op[0].kind = fz_below(random, fz_nr_kinds);
}

void fz_prog_threads(struct fz_prog *prog, struct fz_random *random,
		     unsigned int threads)
{
	memset(prog, 0, sizeof(*prog));
	prog->threads = threads;
	prog->seed = fz_next(random);
}

static void fz_insert(struct fz_prog *prog, unsigned int at,
		      const struct fz_op *op, unsigned int nr)
{
	if (nr > FZ_OPS - prog->nr)
		nr = FZ_OPS - prog->nr;
	memmove(&prog->op[at + nr], &prog->op[at],
		(prog->nr - at) * sizeof(*op));
	memcpy(&prog->op[at], op, nr * sizeof(*op));
	prog->nr += nr;
}

static void fz_delete(struct fz_prog *prog, unsigned int at, unsigned int nr)
{
	if (nr > prog->nr - at)
		nr = prog->nr - at;
	memmove(&prog->op[at], &prog->op[at + nr],
		(prog->nr - at - nr) * sizeof(prog->op[0]));
	prog->nr -= nr;
}

/* Changes a program a little, or joins it with another. */
void fz_prog_mutate(struct fz_prog *prog, const struct fz_prog *other,
		    struct fz_random *random)
{
	unsigned int times = 1 + fz_below(random, 6), at, nr, i;
	struct fz_op op;

	while (times--) {
		at = fz_below(random, prog->nr ? prog->nr : 1);
		switch (fz_below(random, 6)) {
		case 0:
		case 1:
			nr = 1 + fz_below(random, 8);
			for (i = 0; i < nr; i++) {
				fz_random_op(&op, random);
				fz_insert(prog, at, &op, 1);
			}
			break;
		case 2:
			if (prog->nr > 4)
				fz_delete(prog, at, 1 + fz_below(random, 4));
			break;
		case 3:
			if (at < prog->nr)
				prog->op[at].arg[fz_below(random, FZ_ARGS)] =
					fz_next(random);
			break;
		case 4:
			if (at < prog->nr)
				prog->op[at].arg[fz_below(random, FZ_ARGS)] ^=
					1U << fz_below(random, 32);
			break;
		case 5:
			if (!other->nr)
				break;
			i = fz_below(random, other->nr);
			nr = 1 + fz_below(random, other->nr - i);
			fz_insert(prog, at, &other->op[i], nr);
			break;
		}
	}
}

static void fz_prog_put(const struct fz_prog *prog, FILE *file)
{
	unsigned int i, j;

	if (prog->threads)
		fprintf(file, "threads %u %llx\n", prog->threads,
			(unsigned long long)prog->seed);
	for (i = 0; i < prog->nr; i++) {
		fprintf(file, "%s", fz_kinds[prog->op[i].kind].name);
		for (j = 0; j < FZ_ARGS; j++)
			fprintf(file, " %x", prog->op[i].arg[j]);
		fputc('\n', file);
	}
}

void fz_prog_print(const struct fz_prog *prog)
{
	fz_prog_put(prog, stdout);
}

/* Returns 0 or a negative errno. */
int fz_prog_write(const struct fz_prog *prog, const char *path)
{
	FILE *file = fopen(path, "we");

	if (!file)
		return -errno;
	fz_prog_put(prog, file);
	return fclose(file) ? -errno : 0;
}

/* Ends a word. */
#define FZ_BLANK	"\n "

static int fz_parse_op(struct fz_op *op, char *line)
{
	char *save, *word = strtok_r(line, FZ_BLANK, &save);
	unsigned int i;

	memset(op, 0, sizeof(*op));
	for (op->kind = 0; op->kind < fz_nr_kinds; op->kind++)
		if (!strcmp(fz_kinds[op->kind].name, word))
			break;
	if (op->kind == fz_nr_kinds)
		return -EINVAL;
	for (i = 0; i < FZ_ARGS; i++) {
		word = strtok_r(NULL, FZ_BLANK, &save);
		if (!word)
			return 0;
		op->arg[i] = strtoul(word, NULL, 16);
	}
	return 0;
}

/* Returns 0 or a negative errno: -EINVAL if it is not a program. */
int fz_prog_read(struct fz_prog *prog, const char *path)
{
	FILE *file = fopen(path, "re");
	unsigned long long seed;
	char line[256];
	int ret = 0;

	if (!file)
		return -errno;
	memset(prog, 0, sizeof(*prog));
	while (!ret && fgets(line, sizeof(line), file)) {
		if (line[0] == '#' || line[0] == '\n')
			continue;
		if (sscanf(line, "threads %u %llx", &prog->threads, &seed) == 2)
			prog->seed = seed;
		else if (prog->nr == FZ_OPS)
			ret = -E2BIG;
		else
			ret = fz_parse_op(&prog->op[prog->nr++], line);
	}
	fclose(file);
	return ret;
}
