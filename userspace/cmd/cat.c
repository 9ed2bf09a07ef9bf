// SPDX-License-Identifier: GPL-2.0
/* vmshm cat */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd.h"

#define BUFFER	(1024 * 1024)

static const struct option options[] = {
	{ "offset", required_argument, NULL, 'o' },
	{ "length", required_argument, NULL, 'n' },
	{ "owner", required_argument, NULL, OPTION_OWNER },
	{ "any-owner", no_argument, NULL, OPTION_ANY_OWNER },
	{ "generation", required_argument, NULL, OPTION_GENERATION },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/**
 * struct copy - what is being copied
 * @name: name of the region
 * @fd: the region
 * @pos: next byte of the region
 * @end: first byte of it that is not copied
 * @sparse: holes can be skipped in the output
 * @skipped: the output ends with a hole
 * @buffer: room for BUFFER bytes
 * @progress: of the work
 */
struct copy {
	const char *name;
	int fd;
	off_t pos;
	off_t end;
	bool sparse;
	bool skipped;
	char *buffer;
	struct progress progress;
};

static int write_all(const char *bytes, size_t len)
{
	ssize_t done;

	while (len) {
		done = write(STDOUT_FILENO, bytes, len);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		bytes += done;
		len -= (size_t)done;
	}

	return 0;
}

static size_t step(off_t from, off_t to)
{
	return to - from < BUFFER ? (size_t)(to - from) : BUFFER;
}

static int output_error(int error)
{
	complain("cannot write to the standard output: %s", strerror(-error));
	return STATUS_FAILED;
}

static int has_shrunk(const struct copy *copy)
{
	complain("'%s' has shrunk while it was read", copy->name);
	return STATUS_FAILED;
}

static int copy_hole(struct copy *copy, off_t end)
{
	size_t len;
	int rc;

	if (copy->sparse && end > copy->pos) {
		if (lseek(STDOUT_FILENO, end - copy->pos, SEEK_CUR) < 0)
			return output_error(-errno);
		copy->skipped = true;
		copy->pos = end;
		return STATUS_OK;
	}

	memset(copy->buffer, 0, BUFFER);
	while (copy->pos < end) {
		len = step(copy->pos, end);
		rc = write_all(copy->buffer, len);
		if (rc)
			return output_error(rc);
		copy->pos += (off_t)len;
		progress_show(&copy->progress, (__u64)copy->pos);
	}

	return STATUS_OK;
}

static int copy_data(struct copy *copy, off_t end)
{
	ssize_t len;
	int rc;

	while (copy->pos < end) {
		len = pread(copy->fd, copy->buffer, step(copy->pos, end),
			    copy->pos);
		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0)
			return fail(-errno, strerror(errno), "read '%s'",
				    copy->name);
		if (!len)
			return has_shrunk(copy);
		rc = write_all(copy->buffer, (size_t)len);
		if (rc)
			return output_error(rc);
		copy->skipped = false;
		copy->pos += len;
		progress_show(&copy->progress, (__u64)copy->pos);
	}

	return STATUS_OK;
}

/* A file that ends where the output goes needs no zeros to be written. */
static bool output_is_sparse(void)
{
	int flags = fcntl(STDOUT_FILENO, F_GETFL);
	struct stat stat;

	return flags >= 0 && !(flags & O_APPEND) &&
	       !fstat(STDOUT_FILENO, &stat) && S_ISREG(stat.st_mode) &&
	       lseek(STDOUT_FILENO, 0, SEEK_CUR) == stat.st_size;
}

/* Where there is something to read, at the end if nothing is left but a hole. */
static off_t find_data(const struct copy *copy)
{
	off_t data = lseek(copy->fd, copy->pos, SEEK_DATA);
	struct stat stat;

	if (data >= 0)
		return data < copy->end ? data : copy->end;
	/* It has just no holes. */
	if (errno != ENXIO)
		return copy->pos;
	/* The same error is for what is behind the size. */
	return fstat(copy->fd, &stat) || stat.st_size < copy->end ?
		-1 : copy->end;
}

static int copy_all(struct copy *copy)
{
	off_t data;
	int status;

	while (copy->pos < copy->end) {
		data = find_data(copy);
		if (data < 0)
			return has_shrunk(copy);
		status = copy_hole(copy, data);
		if (status || data == copy->end)
			return status;

		data = lseek(copy->fd, copy->pos, SEEK_HOLE);
		if (data < 0 || data > copy->end)
			data = copy->end;
		status = copy_data(copy, data);
		if (status)
			return status;
	}

	return STATUS_OK;
}

static int finish(const struct copy *copy)
{
	off_t end;

	if (!copy->skipped)
		return STATUS_OK;

	/* A hole at the end is not there until the file is as long. */
	end = lseek(STDOUT_FILENO, 0, SEEK_CUR);
	if (end < 0 || ftruncate(STDOUT_FILENO, end))
		return output_error(-errno);

	return STATUS_OK;
}

static int cat(const char *name, int fd, __u64 offset, __u64 length)
{
	struct copy copy = {
		.name = name,
		.fd = fd,
		.sparse = output_is_sparse(),
	};
	struct stat stat;
	int status;

	if (fstat(fd, &stat))
		return fail(-errno, strerror(errno), "look at '%s'", name);

	/* Nothing is beyond the size: neither is that an error for cat(1). */
	copy.end = stat.st_size;
	copy.pos = offset < (__u64)copy.end ? (off_t)offset : copy.end;
	if (length < (__u64)(copy.end - copy.pos))
		copy.end = copy.pos + (off_t)length;

	copy.buffer = must(malloc(BUFFER));
	progress_begin(&copy.progress, name, (__u64)copy.end);
	status = copy_all(&copy);
	progress_end(&copy.progress);
	if (!status)
		status = finish(&copy);
	free(copy.buffer);
	return status;
}

static int run(int argc, char **argv)
{
	struct access access = ACCESS_INIT;
	__u64 offset = 0, length = ~0ULL;
	struct vmshm_context *context;
	struct vmshm_region *region;
	int option, status;

	while ((option = getopt_long(argc, argv, "o:n:h", options,
				     NULL)) != -1) {
		if (option == 'h' || option == '?')
			return verb_option(&verb_cat, option);
		status = STATUS_OK;
		if (option != 'o' && option != 'n')
			status = access_option(&verb_cat, &access, option);
		else if (parse_size(optarg, option == 'o' ? &offset : &length))
			status = usage(&verb_cat, "'%s' is not a size", optarg);
		if (status)
			return status;
	}
	if (argc - optind != 1)
		return usage(&verb_cat, "one name is needed");

	status = open_context(&context);
	if (status)
		return status;

	access.options.flags = VMSHM_OPEN_RDONLY;
	status = open_region(context, argv[optind], &access, "read", &region);
	vmshm_context_close(context);
	if (status)
		return status;

	status = cat(argv[optind], vmshm_region_fd(region), offset, length);
	vmshm_region_close(region);
	return status;
}

const struct verb verb_cat = {
	.name = "cat",
	.synopsis = "[OPTION]... NAME",
	.summary = "print what is in a region",
	.help =
	"Holes are not read, and stay holes if the output is a file.\n\n"
	"  -o, --offset=SIZE    begin at this byte\n"
	"  -n, --length=SIZE    so many bytes at most\n"
	HELP_ACCESS HELP_COMMON,
	.run = run,
};
