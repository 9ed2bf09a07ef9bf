// SPDX-License-Identifier: GPL-2.0
/* vmshm chmod, vmshm chown */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd.h"

#define KEEP	((__u32)-1)

static const struct option options[] = {
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/**
 * struct attr - what is to be changed
 * @verb: chmod or chown
 * @mode: with chmod, the permission bits
 * @uid: with chown, the owner, or KEEP
 * @gid: with chown, the group, or KEEP
 */
struct attr {
	const struct verb *verb;
	__u32 mode;
	__u32 uid;
	__u32 gid;
};

static int apply(const struct attr *attr, const struct vmshm_region *region)
{
	int fd = vmshm_region_fd(region);
	int rc;

	if (attr->verb == &verb_chmod)
		rc = fchmod(fd, attr->mode);
	else
		rc = fchown(fd, attr->uid, attr->gid);

	return rc ? -errno : 0;
}

static int change(const struct attr *attr, const char *name,
		  struct json_stream *stream)
{
	const char *what = attr->verb->name;
	struct vmshm_region *region;
	struct vmshm_stat stat;
	int rc, status;

	status = open_any(name, 0, what, &region);
	if (status)
		return status;

	rc = apply(attr, region);
	if (rc)
		status = fail(rc, rc == -EPERM ?
			      "you are not its owner, or do not have the right to give it away" :
			      NULL, "%s '%s'", what, name);
	else if (stream && !vmshm_region_stat(region, &stat, sizeof(stat)))
		json_stream_add(stream, json_of_stat(&stat));

	vmshm_region_close(region);
	return status;
}

static int change_all(const struct attr *attr, char **names, bool json)
{
	struct json_stream stream = {};
	int status = STATUS_OK, rc;

	for (; *names; names++) {
		rc = change(attr, *names, json ? &stream : NULL);
		if (rc)
			status = rc;
	}
	if (json)
		json_stream_end(&stream);

	return status;
}

/* USER, USER:GROUP or :GROUP */
static int parse_owner(struct attr *attr, const char *text)
{
	const char *colon = strchr(text, ':');
	char *user;
	int rc;

	attr->uid = KEEP;
	attr->gid = KEEP;
	if (colon && (!colon[1] || parse_group(colon + 1, &attr->gid)))
		return usage(attr->verb, "there is no group '%s'", colon + 1);
	if (colon == text)
		return STATUS_OK;

	user = must(strndup(text, colon ? (size_t)(colon - text) :
					  strlen(text)));
	rc = parse_user(user, &attr->uid);
	if (rc)
		usage(attr->verb, "there is no user '%s'", user);
	free(user);
	return rc ? STATUS_USAGE : STATUS_OK;
}

static int run(const struct verb *verb, int argc, char **argv)
{
	struct attr attr = { .verb = verb };
	bool json = false;
	int option, status;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (option != OPTION_JSON)
			return verb_option(verb, option);
		json = true;
	}
	if (argc - optind < 2)
		return usage(verb, verb == &verb_chmod ?
			     "a mode and a name are needed" :
			     "an owner and a name are needed");

	if (verb == &verb_chown) {
		status = parse_owner(&attr, argv[optind]);
		if (status)
			return status;
	} else if (parse_mode(argv[optind], &attr.mode)) {
		return usage(verb, "'%s' is not a mode from 0 to 0666",
			     argv[optind]);
	}

	return change_all(&attr, argv + optind + 1, json);
}

static int run_chmod(int argc, char **argv)
{
	return run(&verb_chmod, argc, argv);
}

static int run_chown(int argc, char **argv)
{
	return run(&verb_chown, argc, argv);
}

const struct verb verb_chmod = {
	.name = "chmod",
	.synopsis = "[OPTION]... MODE NAME...",
	.summary = "change who may open regions",
	.help =
	"MODE is in octal, at most 666. Who has a region open already is not\n"
	"affected. It takes being the owner, and being allowed to write.\n\n"
	HELP_JSON HELP_COMMON,
	.run = run_chmod,
};

const struct verb verb_chown = {
	.name = "chown",
	.synopsis = "[OPTION]... [USER][:GROUP] NAME...",
	.summary = "change the owner or the group of regions",
	.help =
	"As with files, only root can give a region to another user, and an owner can\n"
	"choose among the groups that he or she is in.\n\n"
	HELP_JSON HELP_COMMON,
	.run = run_chown,
};
