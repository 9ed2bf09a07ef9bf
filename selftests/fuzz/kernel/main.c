// SPDX-License-Identifier: GPL-2.0
/*
 * vmshm-fuzz: see fuzz.h. To be run as root in a test machine.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fuzz.h"

/* Programs that are kept because they reached something new. */
#define FZ_CORPUS	512
/* One program of so many is one of threads. */
#define FZ_THREADED	12
#define FZ_STATUS	10	/* seconds between lines that say how far it is */
/* How often a program that failed is replayed; races need not show at once. */
#define FZ_AGAIN	3
#define FZ_AGAIN_RACE	10

struct fz_options fz_options = {
	.seed = 1,
	.threads = 3,
	.times = 1,
	.dir = "/tmp",
};

static struct fz_prog fz_corpus[FZ_CORPUS];
static unsigned int fz_nr_corpus;

static void fz_usage(FILE *to)
{
	fputs("usage: vmshm-fuzz [OPTION]...\n"
	      "       vmshm-fuzz [OPTION]... --replay FILE...\n"
	      "\n"
	      "Executes random programs of system calls on regions, and compares\n"
	      "what comes of each with a model of what has to.\n"
	      "\n"
	      "  --seed N       of the random numbers (default 1); the same programs\n"
	      "                 follow from the same seed, unless coverage guides\n"
	      "  --seconds N    stop after this time (default: do not)\n"
	      "  --programs N   stop after so many programs\n"
	      "  --threads N    threads of those programs that have some (default 3);\n"
	      "                 0: all programs are of one thread\n"
	      "  --dir DIR      where the program that runs is written (current.prog),\n"
	      "                 one that fails (failed.prog), and the same made as\n"
	      "                 short as it can be (minimal.prog); default /tmp\n"
	      "  --replay       only these programs, until one fails\n"
	      "  --times N      replay each so many times\n"
	      "  --no-minimise  leave a program that fails as it is\n"
	      "  --no-kcov      not guided by coverage where the kernel has it\n"
	      "  --lie WHAT     have the fuzzer find something that is not there, to\n"
	      "                 test it: 'errno', 'zero' (what a region grows by is\n"
	      "                 not zero), 'mark' (a log loses a page) or 'guest' (a\n"
	      "                 vCPU finds another byte, where there is KVM)\n"
	      "\n"
	      "A kernel with kcov, such as 6.1-kasan, guides: programs that reach\n"
	      "what none did before are kept, and changed for further ones.\n"
	      "\n"
	      "Exit status: 0: all was as it has to be; 1: something was not; 2: wrong\n"
	      "usage, or no module.\n", to);
}

/* splitmix64 */
uint64_t fz_next(struct fz_random *random)
{
	uint64_t x = random->state += 0x9e3779b97f4a7c15ULL;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

uint32_t fz_below(struct fz_random *random, uint32_t n)
{
	return (fz_next(random) >> 32) * n >> 32;
}

static void fz_choose(struct fz_prog *prog, struct fz_random *random,
		      uint64_t number)
{
	if (fz_options.threads && number % FZ_THREADED == FZ_THREADED - 1) {
		fz_prog_threads(prog, random, fz_options.threads);
	} else if (fz_nr_corpus && fz_below(random, 4)) {
		*prog = fz_corpus[fz_below(random, fz_nr_corpus)];
		fz_prog_mutate(prog,
			       &fz_corpus[fz_below(random, fz_nr_corpus)],
			       random);
	} else {
		fz_prog_random(prog, random);
	}
}

/* What came behind the last operation that reached something new is cut. */
static void fz_keep(const struct fz_prog *prog, struct fz_random *random)
{
	struct fz_prog *to;

	if (!fz.shared->new_edges || prog->threads)
		return;
	to = fz_nr_corpus < FZ_CORPUS ? &fz_corpus[fz_nr_corpus++] :
		&fz_corpus[fz_below(random, FZ_CORPUS)];
	*to = *prog;
	to->nr = fz.shared->last_new + 1;
}

static void fz_write(const struct fz_prog *prog, const char *name)
{
	char path[4096];
	int ret;

	snprintf(path, sizeof(path), "%s/%s", fz_options.dir, name);
	ret = fz_prog_write(prog, path);
	if (ret)
		fprintf(stderr, "vmshm-fuzz: %s: %s\n", path, strerror(-ret));
}

static void fz_report(struct fz_prog *prog, enum fz_status status)
{
	char message[sizeof(fz.shared->message)];
	unsigned int again = prog->threads ? FZ_AGAIN_RACE : FZ_AGAIN;
	unsigned int runs, i, times;
	struct fz_prog shorter;

	memcpy(message, fz.shared->message, sizeof(message));
	printf("%s: %s\n", fz_status_name(status), message);
	fz_write(prog, "failed.prog");
	if (fz_options.no_minimise)
		return;
	if (fz.shared->at < prog->nr && status != FZ_LEAK &&
	    status != FZ_KERNEL)
		printf("at operation %u: %s\n", fz.shared->at,
		       fz_kinds[prog->op[fz.shared->at].kind].name);
	if (!prog->threads)
		printf("%u operations:\n", prog->nr);
	fz_prog_print(prog);
	fflush(stdout);

	for (times = 0, i = 0; i < again; i++)
		times += fz_run(prog) != FZ_PASSED;
	printf("replayed %u times, %u failed\n", again, times);
	if (!times)
		return;
	while (fz_run(prog) == FZ_PASSED)
		;
	shorter = *prog;
	runs = fz_minimise(&shorter);
	if (prog->threads)
		printf("minimised in %u runs to %u threads:\n", runs,
		       shorter.threads);
	else
		printf("minimised in %u runs to %u operations:\n", runs,
		       shorter.nr);
	fz_prog_print(&shorter);
	printf("%s\n", fz.shared->message);
	fz_write(&shorter, "minimal.prog");
}

static int fz_replay(const char *path)
{
	enum fz_status status = FZ_PASSED;
	struct fz_prog prog;
	unsigned int i;
	int ret;

	ret = fz_prog_read(&prog, path);
	if (ret) {
		fprintf(stderr, "vmshm-fuzz: %s: %s\n", path, strerror(-ret));
		return 2;
	}
	/* Which one it was, should it end the machine. */
	fz_write(&prog, "current.prog");
	for (i = 0; i < fz_options.times && status == FZ_PASSED; i++)
		status = fz_run(&prog);
	if (status == FZ_PASSED) {
		printf("passed: %s\n", path);
		return 0;
	}
	printf("failed: %s\n", path);
	fz_report(&prog, status);
	return 1;
}

static int fz_replay_all(char **paths)
{
	int ret = 0;

	while (*paths && !ret)
		ret = fz_replay(*paths++);
	return ret;
}

static void fz_say(const char *what, uint64_t programs, time_t seconds)
{
	printf("fuzz: %s: seed %llu, %lld seconds, %llu programs, %llu operations, ",
	       what, (unsigned long long)fz_options.seed, (long long)seconds,
	       (unsigned long long)programs,
	       (unsigned long long)fz.shared->ops);
	if (fz_kcov_present())
		printf("%u edges, corpus of %u\n", fz_kcov_edges(fz.shared),
		       fz_nr_corpus);
	else
		puts("no coverage");
	fflush(stdout);
}

static int fz_loop(void)
{
	struct fz_random random = { fz_options.seed };
	time_t start = time(NULL), said = start, now = start;
	enum fz_status status;
	struct fz_prog prog;
	uint64_t n;

	for (n = 0; !fz_options.programs || n < fz_options.programs; n++) {
		now = time(NULL);
		if (fz_options.seconds && now - start >= fz_options.seconds)
			break;
		if (now - said >= FZ_STATUS) {
			fz_say("so far", n, now - start);
			said = now;
		}
		fz_choose(&prog, &random, n);
		fz_write(&prog, "current.prog");
		status = fz_run(&prog);
		if (status != FZ_PASSED) {
			fz_say("failed", n + 1, now - start);
			fz_report(&prog, status);
			return 1;
		}
		fz_keep(&prog, &random);
	}
	fz_say("done", n, now - start);
	return 0;
}

int main(int argc, char *argv[])
{
	static const struct option options[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "seconds", required_argument, NULL, 'n' },
		{ "programs", required_argument, NULL, 'p' },
		{ "threads", required_argument, NULL, 't' },
		{ "dir", required_argument, NULL, 'd' },
		{ "replay", no_argument, NULL, 'r' },
		{ "times", required_argument, NULL, 'T' },
		{ "no-minimise", no_argument, NULL, 'm' },
		{ "no-kcov", no_argument, NULL, 'k' },
		{ "lie", required_argument, NULL, 'l' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL },
	};
	bool replay = false;
	int c, ret;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
		switch (c) {
		case 's':
			fz_options.seed = strtoull(optarg, NULL, 0);
			break;
		case 'n':
			fz_options.seconds = strtoul(optarg, NULL, 0);
			break;
		case 'p':
			fz_options.programs = strtoull(optarg, NULL, 0);
			break;
		case 't':
			fz_options.threads = strtoul(optarg, NULL, 0);
			break;
		case 'd':
			fz_options.dir = optarg;
			break;
		case 'r':
			replay = true;
			break;
		case 'T':
			fz_options.times = strtoul(optarg, NULL, 0);
			break;
		case 'm':
			fz_options.no_minimise = true;
			break;
		case 'k':
			fz_options.no_kcov = true;
			break;
		case 'l':
			fz_options.lie = optarg;
			break;
		case 'h':
			fz_usage(stdout);
			return 0;
		default:
			fz_usage(stderr);
			return 2;
		}
	}
	if (replay ? optind == argc : optind != argc) {
		fz_usage(stderr);
		return 2;
	}
	ret = fz_run_init();
	if (ret) {
		fprintf(stderr, "vmshm-fuzz: cannot begin: %s\n",
			strerror(-ret));
		return 2;
	}
	return replay ? fz_replay_all(argv + optind) : fz_loop();
}
