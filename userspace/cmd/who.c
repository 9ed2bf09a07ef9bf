// SPDX-License-Identifier: GPL-2.0
/* vmshm who */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vmshm/kvm.h>

#include "cmd.h"

static const struct column columns[] = {
	{ "PID", true },
	{ "USER", false },
	{ "COMMAND", false },
	{ "RIGHTS", false },
	{ "SINCE", false },
	{ "SOURCE", false },
};

/**
 * struct who - what was found out
 * @name: name of the region
 * @generation: its number
 * @members: what the kernel says, without our own open file
 * @count: how many
 * @bindings: to VMs
 * @nr_bindings: how many
 * @holders: descriptors in other processes
 */
struct who {
	const char *name;
	__u64 generation;
	const struct vmshm_member **members;
	size_t count;
	const struct vmshm_binding **bindings;
	size_t nr_bindings;
	struct holders holders;
};

static bool has_opened(const struct who *who, int pid)
{
	size_t i;

	for (i = 0; i < who->count; i++)
		if (who->members[i]->type == VMSHM_MEMBER_OPEN &&
		    !(who->members[i]->flags & VMSHM_MEMBER_EXITED) &&
		    who->members[i]->pid == pid)
			return true;

	return false;
}

static const char *rights_text(__u32 flags)
{
	switch (flags & (VMSHM_MEMBER_READ | VMSHM_MEMBER_WRITE)) {
	case VMSHM_MEMBER_READ:
		return "r";
	case VMSHM_MEMBER_WRITE:
		return "w";
	case 0:
		return "-";
	default:
		return "rw";
	}
}

/* "fd 3,7", the descriptors of a process; NULL if none is known. */
static char *descriptors_text(const struct who *who, int pid)
{
	char *text = NULL, *longer;
	size_t i;

	for (i = 0; i < who->holders.count; i++) {
		if (who->holders.items[i].pid != pid)
			continue;
		longer = text ? format("%s,%d", text,
				       who->holders.items[i].fd) :
				format("fd %d", who->holders.items[i].fd);
		free(text);
		text = longer;
	}

	return text;
}

static char *open_source(const struct who *who,
			 const struct vmshm_member *member)
{
	char *fds, *text;

	if (member->flags & VMSHM_MEMBER_NO_FD)
		return format("opened it, has it mapped only");
	if (member->flags & VMSHM_MEMBER_EXITED)
		return format("opened it, has ended, passed it on");

	fds = descriptors_text(who, member->pid);
	text = fds ? format("opened it, %s", fds) : format("opened it");
	free(fds);
	return text;
}

static char *map_source(const struct vmshm_member *member)
{
	char length[SIZE_TEXT], offset[SIZE_TEXT];

	return format("maps %s at %s%s", size_text(member->length, length),
		      size_text(member->offset, offset),
		      member->flags & VMSHM_MEMBER_PRIVATE ? ", private" : "");
}

static char *binding_source(const struct vmshm_binding *binding)
{
	char bound[SIZE_TEXT], offset[SIZE_TEXT], *vm, *text;

	/* Where the VMM sets the slots, the kernel knows no VM. */
	vm = binding->vm ? format("VM %llu", binding->vm) : format("a VM");
	text = format("bound to %s at 0x%llx, %s at %s, slots %u+%u of %u%s%s",
		      vm, binding->guest_addr,
		      size_text(binding->bound, bound),
		      size_text(binding->offset, offset), binding->first_slot,
		      binding->used_slots, binding->nr_slots,
		      binding->flags & VMSHM_BIND_FOLLOW ? ", follows" : "",
		      binding->flags & VMSHM_BIND_LOG ? ", logged" : "");
	free(vm);
	return text;
}

static void add_binding(struct table *table,
			const struct vmshm_binding *binding)
{
	table_add(table, binding->pid ? format("%d", binding->pid) :
					format("-"));
	table_add(table, user_text(binding->uid));
	table_add(table, plain_text(binding->comm, sizeof(binding->comm)));
	table_add(table, format("%s", binding->flags & VMSHM_BIND_READONLY ?
				      "r" : "rw"));
	table_add(table, time_text(binding->since_ns));
	table_add(table, binding_source(binding));
}

static void print_table(const struct who *who)
{
	struct table table = {
		.columns = columns,
		.width = ARRAY_SIZE(columns),
	};
	size_t i;

	for (i = 0; i < who->count; i++) {
		const struct vmshm_member *member = who->members[i];
		bool is_open = member->type == VMSHM_MEMBER_OPEN;

		table_add(&table, member->pid ? format("%d", member->pid) :
						format("-"));
		table_add(&table, user_text(member->uid));
		table_add(&table, plain_text(member->comm,
					     sizeof(member->comm)));
		table_add(&table, format("%s", rights_text(member->flags)));
		table_add(&table, is_open ? time_text(member->since_ns) :
					    format("-"));
		table_add(&table, is_open ? open_source(who, member) :
					    map_source(member));
	}
	for (i = 0; i < who->nr_bindings; i++)
		add_binding(&table, who->bindings[i]);
	for (i = 0; i < who->holders.count; i++) {
		const struct holder *holder = &who->holders.items[i];

		if (has_opened(who, holder->pid))
			continue;
		table_add(&table, format("%d", holder->pid));
		table_add(&table, user_text(holder->uid));
		table_add(&table, format("%s", holder->comm));
		table_add(&table, format("%s", rights_text(holder->flags)));
		table_add(&table, format("-"));
		table_add(&table, format("was passed it, fd %d", holder->fd));
	}

	if (table.count)
		table_print(&table);
	table_free(&table);

	if (who->holders.hidden)
		complain("%zu processes may not be looked at: what was passed to them is missing",
			 who->holders.hidden);
}

static json_t *json_of_member(const struct vmshm_member *member)
{
	char *comm = plain_text(member->comm, sizeof(member->comm));
	__u32 flags = member->flags;
	json_t *json = json_new();

	json_add(json, "pid", member->pid ? json_integer(member->pid) :
					    json_null());
	json_add_u64(json, "uid", member->uid);
	json_add(json, "comm", json_string(comm));
	json_add_bool(json, "read", flags & VMSHM_MEMBER_READ);
	json_add_bool(json, "write", flags & VMSHM_MEMBER_WRITE);
	free(comm);

	if (member->type == VMSHM_MEMBER_OPEN) {
		json_add_u64(json, "since_ns", member->since_ns);
		json_add_bool(json, "exited", flags & VMSHM_MEMBER_EXITED);
		json_add_bool(json, "no_fd", flags & VMSHM_MEMBER_NO_FD);
	} else {
		json_add_bool(json, "private", flags & VMSHM_MEMBER_PRIVATE);
		json_add_u64(json, "offset", member->offset);
		json_add_u64(json, "length", member->length);
	}

	return json;
}

static json_t *json_of_binding(const struct vmshm_binding *binding)
{
	char *comm = plain_text(binding->comm, sizeof(binding->comm));
	__u32 flags = binding->flags;
	json_t *json = json_new();

	json_add(json, "pid", binding->pid ? json_integer(binding->pid) :
					     json_null());
	json_add_u64(json, "uid", binding->uid);
	json_add(json, "comm", json_string(comm));
	free(comm);
	json_add(json, "vm", binding->vm ? json_u64(binding->vm) :
					   json_null());
	json_add_u64(json, "guest_addr", binding->guest_addr);
	json_add_u64(json, "offset", binding->offset);
	json_add_u64(json, "length", binding->length);
	json_add_u64(json, "bound", binding->bound);
	json_add_u64(json, "granule", binding->granule);
	json_add_u64(json, "first_slot", binding->first_slot);
	json_add_u64(json, "slots", binding->nr_slots);
	json_add_u64(json, "used_slots", binding->used_slots);
	json_add_bool(json, "write", !(flags & VMSHM_BIND_READONLY));
	json_add_bool(json, "log", flags & VMSHM_BIND_LOG);
	json_add_bool(json, "follow", flags & VMSHM_BIND_FOLLOW);
	json_add_bool(json, "user", flags & VMSHM_BIND_USER);
	json_add_u64(json, "since_ns", binding->since_ns);
	return json;
}

static json_t *json_of_holder(const struct who *who,
			      const struct holder *holder)
{
	json_t *json = json_new();

	json_add(json, "pid", json_integer(holder->pid));
	json_add(json, "tid", json_integer(holder->tid));
	json_add_u64(json, "uid", holder->uid);
	json_add(json, "comm", json_string(holder->comm));
	json_add(json, "fd", json_integer(holder->fd));
	json_add_bool(json, "read", holder->flags & VMSHM_MEMBER_READ);
	json_add_bool(json, "write", holder->flags & VMSHM_MEMBER_WRITE);
	json_add_bool(json, "passed", !has_opened(who, holder->pid));
	return json;
}

static int print_json(const struct who *who)
{
	json_t *opens = must(json_array());
	json_t *maps = must(json_array());
	json_t *bindings = must(json_array());
	json_t *fds = must(json_array());
	json_t *json = json_new();
	size_t i;

	for (i = 0; i < who->count; i++) {
		bool is_open = who->members[i]->type == VMSHM_MEMBER_OPEN;

		json_array_append_new(is_open ? opens : maps,
				      json_of_member(who->members[i]));
	}
	for (i = 0; i < who->nr_bindings; i++)
		json_array_append_new(bindings,
				      json_of_binding(who->bindings[i]));
	for (i = 0; i < who->holders.count; i++)
		json_array_append_new(fds,
				      json_of_holder(who,
						     &who->holders.items[i]));

	json_add_text(json, "name", who->name);
	json_add_u64(json, "generation", who->generation);
	json_add(json, "opens", opens);
	json_add(json, "maps", maps);
	json_add(json, "bindings", bindings);
	json_add(json, "descriptors", fds);
	json_add_u64(json, "hidden_processes", who->holders.hidden);
	return json_print(json);
}

/* Without the one file that was opened to ask. */
static void take_members(struct who *who, struct vmshm_member_list *list)
{
	const struct vmshm_member *member;
	bool own = false;

	who->members = must(calloc(vmshm_member_list_count(list) + 1,
				   sizeof(const struct vmshm_member *)));
	while (vmshm_member_list_next(list, &member)) {
		if (!own && member->type == VMSHM_MEMBER_OPEN &&
		    member->pid == getpid())
			own = true;
		else
			who->members[who->count++] = member;
	}
}

static void take_bindings(struct who *who, struct vmshm_kvm_binding_list *list)
{
	who->bindings = must(calloc(vmshm_kvm_binding_list_count(list) + 1,
				    sizeof(const struct vmshm_binding *)));
	while (vmshm_kvm_binding_list_next(list,
					   &who->bindings[who->nr_bindings]))
		who->nr_bindings++;
}

static int who(const char *name, bool json)
{
	struct who who = { .name = name };
	struct vmshm_kvm_binding_list *bindings;
	struct vmshm_member_list *list;
	struct vmshm_region *region;
	int rc, status;

	status = open_any(name, VMSHM_OPEN_RDONLY, "look at", &region);
	if (status)
		return status;

	rc = vmshm_member_list_open(region, &list);
	if (rc) {
		status = fail(rc, NULL, "look at the members of '%s'", name);
		goto close;
	}
	rc = vmshm_kvm_binding_list_open(region, &bindings);
	if (rc) {
		status = fail(rc, NULL, "look at the bindings of '%s'", name);
		goto close_members;
	}

	rc = holders_find(&who.holders, vmshm_region_fd(region));
	if (rc)
		complain("cannot look through /proc: %s", strerror(-rc));

	who.generation = vmshm_region_generation(region);
	take_members(&who, list);
	take_bindings(&who, bindings);
	if (json)
		status = print_json(&who);
	else
		print_table(&who);

	free(who.members);
	free(who.bindings);
	holders_free(&who.holders);
	vmshm_kvm_binding_list_close(bindings);
close_members:
	vmshm_member_list_close(list);
close:
	vmshm_region_close(region);
	return status;
}

static int run(int argc, char **argv)
{
	return run_on_one(&verb_who, argc, argv, who);
}

const struct verb verb_who = {
	.name = "who",
	.synopsis = "[OPTION]... NAME",
	.summary = "show who has a region open or mapped, or in a VM",
	.help =
	"The kernel knows who opened the region, who maps it, and the memory of which\n"
	"VMs it is. Descriptors that were inherited or passed on are looked for in\n"
	"/proc, which takes being root to find them all.\n\n"
	HELP_JSON HELP_COMMON,
	.run = run,
};
