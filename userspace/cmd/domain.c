// SPDX-License-Identifier: GPL-2.0
/* vmshm domain */

#include <errno.h>
#include <string.h>

#include "cmd.h"

static const struct option options[] = {
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static const char *domain_reason(int error)
{
	switch (error) {
	case -EINVAL:
		return "it is not a name of one component, or there is no such user here";
	case -EPERM:
		return "only root may";
	case -ENOENT:
		return "it is not reserved";
	default:
		return NULL;
	}
}

static int change_domain(const char *op, const char *name, const char *user,
			 bool json)
{
	struct vmshm_context *context;
	json_t *object;
	__u32 uid = 0;
	int rc, status;

	if (user && parse_user(user, &uid))
		return usage(&verb_domain, "there is no user '%s'", user);

	status = open_context(&context);
	if (status)
		return status;

	if (user)
		rc = vmshm_domain_reserve(context, name, uid);
	else
		rc = vmshm_domain_release(context, name);
	vmshm_context_close(context);
	if (rc)
		return fail(rc, domain_reason(rc), "%s the domain '%s'", op,
			    name);
	if (!json)
		return STATUS_OK;

	object = json_new();
	json_add_text(object, "domain", name);
	json_add_bool(object, "reserved", user);
	if (user)
		json_add_u64(object, "uid", uid);
	return json_print(object);
}

static int run(int argc, char **argv)
{
	bool json = false;
	int option;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (option != OPTION_JSON)
			return verb_option(&verb_domain, option);
		json = true;
	}

	argv += optind;
	argc -= optind;
	if (argc == 3 && !strcmp(argv[0], "reserve"))
		return change_domain(argv[0], argv[1], argv[2], json);
	if (argc == 2 && !strcmp(argv[0], "release"))
		return change_domain(argv[0], argv[1], NULL, json);

	return usage(&verb_domain,
		     "'reserve DOMAIN USER' or 'release DOMAIN' is needed");
}

const struct verb verb_domain = {
	.name = "domain",
	.synopsis = "[OPTION]... {reserve DOMAIN USER | release DOMAIN}",
	.summary = "reserve a domain for a user, or release it",
	.help =
	"The first component of a name is its domain. It belongs to whoever creates\n"
	"the first region in it, until the last one is gone; a reserved domain belongs\n"
	"to its user whether or not there are regions.\n\n"
	HELP_JSON HELP_COMMON,
	.run = run,
};
