// SPDX-License-Identifier: GPL-2.0
/* vmshm write */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd.h"

#define BUFFER	(1024 * 1024)

static const struct option options[] = {
	{ "offset", required_argument, NULL, 'o' },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "owner", required_argument, NULL, OPTION_OWNER },
	{ "any-owner", no_argument, NULL, OPTION_ANY_OWNER },
	{ "generation", required_argument, NULL, OPTION_GENERATION },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/**
 * struct fill - what is being written
 * @name: name of the region
 * @fd: the region
 * @offset: where it began
 * @done: bytes written
 * @is_full: the input had more than there was room for
 * @progress: of the work
 */
struct fill {
	const char *name;
	int fd;
	__u64 offset;
	__u64 done;
	bool is_full;
	struct progress progress;
};

static const char *write_reason(int error)
{
	return error == -EPERM ? "it is sealed against writing" :
				 strerror(-error);
}

/* Writes what has room; the region may have another size by now. */
static int write_part(struct fill *fill, const char *bytes, size_t len)
{
	ssize_t done;

	while (len) {
		done = pwrite(fill->fd, bytes, len,
			      (off_t)(fill->offset + fill->done));
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0 && errno != EFBIG)
			return fail(-errno, write_reason(-errno), "write '%s'",
				    fill->name);
		if (done <= 0) {
			fill->is_full = true;
			return STATUS_OK;
		}
		fill->done += (__u64)done;
		bytes += done;
		len -= (size_t)done;
	}

	return STATUS_OK;
}

static int fill_from_stdin(struct fill *fill, char *buffer)
{
	ssize_t len;
	int status;

	while (!fill->is_full) {
		len = read(STDIN_FILENO, buffer, BUFFER);
		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0) {
			complain("cannot read the standard input: %s",
				 strerror(errno));
			return STATUS_FAILED;
		}
		if (!len)
			return STATUS_OK;

		status = write_part(fill, buffer, (size_t)len);
		if (status)
			return status;
		progress_show(&fill->progress, fill->done);
	}

	return STATUS_OK;
}

static int report_full(const struct fill *fill)
{
	struct stat stat;
	char text[SIZE_TEXT];

	if (fstat(fill->fd, &stat))
		return fail(-errno, strerror(errno), "look at '%s'",
			    fill->name);

	complain("'%s' is full: the first %llu bytes of the input fitted, to its end at %s",
		 fill->name, fill->done,
		 size_text((__u64)stat.st_size, text));
	return STATUS_LIMIT;
}

static void print_json(const struct fill *fill, bool complete)
{
	json_t *json = json_new();

	json_add_text(json, "name", fill->name);
	json_add_u64(json, "offset", fill->offset);
	json_add_u64(json, "written", fill->done);
	json_add_bool(json, "complete", complete);
	json_print(json);
}

static int write_region(struct fill *fill, bool json)
{
	char *buffer = must(malloc(BUFFER));
	int status;

	progress_begin(&fill->progress, fill->name, 0);
	status = fill_from_stdin(fill, buffer);
	progress_end(&fill->progress);
	free(buffer);

	if (json)
		print_json(fill, !status && !fill->is_full);

	if (!status && fill->is_full)
		status = report_full(fill);
	return status;
}

static int run(int argc, char **argv)
{
	struct access access = ACCESS_INIT;
	struct vmshm_context *context;
	struct vmshm_region *region;
	struct fill fill = {};
	int option, status;
	bool json = false;

	while ((option = getopt_long(argc, argv, "o:h", options,
				     NULL)) != -1) {
		if (option == 'h' || option == '?')
			return verb_option(&verb_write, option);
		status = STATUS_OK;
		if (option == OPTION_JSON)
			json = true;
		else if (option != 'o')
			status = access_option(&verb_write, &access, option);
		else if (parse_size(optarg, &fill.offset) ||
			 fill.offset > (__u64)1 << 62)
			status = usage(&verb_write, "'%s' is not an offset",
				       optarg);
		if (status)
			return status;
	}
	if (argc - optind != 1)
		return usage(&verb_write, "one name is needed");

	status = open_context(&context);
	if (status)
		return status;

	fill.name = argv[optind];
	status = open_region(context, fill.name, &access, "write", &region);
	vmshm_context_close(context);
	if (status)
		return status;

	fill.fd = vmshm_region_fd(region);
	status = write_region(&fill, json);
	vmshm_region_close(region);
	return status;
}

const struct verb verb_write = {
	.name = "write",
	.synopsis = "[OPTION]... NAME < FILE",
	.summary = "write the standard input into a region",
	.help =
	"The size of the region does not change. If not everything fits, what fits is\n"
	"written and the exit status is 6.\n\n"
	"  -o, --offset=SIZE    begin at this byte\n"
	HELP_ACCESS HELP_JSON HELP_COMMON,
	.run = run,
};
