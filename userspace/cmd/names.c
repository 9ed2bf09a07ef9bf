// SPDX-License-Identifier: GPL-2.0
/* What people call the bits and values of the kernel interface. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"

const struct name_of flag_names[] = {
	{ VMSHM_EPHEMERAL, "ephemeral" },
	{ VMSHM_SHRINKABLE, "shrinkable" },
	{ VMSHM_RESERVE, "reserve" },
	{ VMSHM_PINNABLE, "pinnable" },
	{ VMSHM_NO_PUNCH, "no-punch" },
	{ VMSHM_LOG_READERS, "log-readers" },
	{ VMSHM_RING_READERS, "ring-readers" },
	{ VMSHM_DEVICE_MEMORY, "device" },
	{ 0, NULL },
};

const struct name_of seal_names[] = {
	{ VMSHM_SEAL_SEAL, "seal" },
	{ VMSHM_SEAL_SHRINK, "shrink" },
	{ VMSHM_SEAL_GROW, "grow" },
	{ VMSHM_SEAL_WRITE, "write" },
	{ VMSHM_SEAL_FUTURE_WRITE, "future-write" },
	{ 0, NULL },
};

const struct name_of huge_names[] = {
	{ VMSHM_HUGE_NEVER, "never" },
	{ VMSHM_HUGE_ALWAYS, "always" },
	{ VMSHM_HUGE_WITHIN_SIZE, "within-size" },
	{ VMSHM_HUGE_ADVISE, "advise" },
	{ 0, NULL },
};

const struct name_of event_names[] = {
	{ VMSHM_EVENT_OVERFLOW, "overflow" },
	{ VMSHM_EVENT_CREATED, "created" },
	{ VMSHM_EVENT_OPENED, "opened" },
	{ VMSHM_EVENT_CLOSED, "closed" },
	{ VMSHM_EVENT_EXIT, "exit" },
	{ VMSHM_EVENT_RESIZED, "resized" },
	{ VMSHM_EVENT_SEALED, "sealed" },
	{ VMSHM_EVENT_ATTR, "attr" },
	{ VMSHM_EVENT_UNLINKED, "unlinked" },
	{ VMSHM_EVENT_JOINED, "joined" },
	{ VMSHM_EVENT_LEFT, "left" },
	{ VMSHM_EVENT_PEER_EXIT, "peer-exit" },
	{ VMSHM_EVENT_VECTOR, "vector" },
	{ VMSHM_EVENT_BOUND, "bound" },
	{ VMSHM_EVENT_UNBOUND, "unbound" },
	{ 0, NULL },
};

/**
 * name_of_value() - what a value is called
 * @names: the values that have a name
 * @value: the value
 *
 * Return: the name, or "unknown" for one that a newer kernel has.
 */
const char *name_of_value(const struct name_of *names, __u32 value)
{
	for (; names->name; names++)
		if (names->value == value)
			return names->name;

	return "unknown";
}

/**
 * value_of_name() - what a name stands for
 * @names: the values that have a name
 * @name: the name
 * @value: where the value is stored
 *
 * Return: 0; -EINVAL: there is no such name.
 */
int value_of_name(const struct name_of *names, const char *name, __u32 *value)
{
	for (; names->name; names++)
		if (!strcmp(names->name, name)) {
			*value = (__u32)names->value;
			return 0;
		}

	return -EINVAL;
}

static void append(char **text, const char *part)
{
	char *longer = *text ? format("%s,%s", *text, part) :
			       format("%s", part);

	free(*text);
	*text = longer;
}

/**
 * names_of_bits() - what the bits of a mask are called
 * @names: the bits that have a name
 * @bits: the mask
 *
 * Return: names separated by commas, or "-" if there are none; to be freed.
 */
char *names_of_bits(const struct name_of *names, __u64 bits)
{
	char *text = NULL, *rest;

	for (; names->name; names++)
		if (bits & names->value) {
			append(&text, names->name);
			bits &= ~names->value;
		}
	if (bits) {
		rest = format("0x%llx", bits);
		append(&text, rest);
		free(rest);
	}

	return text ? text : format("-");
}

/**
 * json_of_bits() - the same as a JSON array
 * @names: the bits that have a name
 * @bits: the mask
 *
 * Return: an array of strings, the last of which may be "0x...".
 */
json_t *json_of_bits(const struct name_of *names, __u64 bits)
{
	json_t *array = must(json_array());
	char *rest;

	for (; names->name; names++)
		if (bits & names->value) {
			json_array_append_new(array, json_string(names->name));
			bits &= ~names->value;
		}
	if (bits) {
		rest = format("0x%llx", bits);
		json_array_append_new(array, json_string(rest));
		free(rest);
	}

	return array;
}

/**
 * list_of_names() - the names there are, for messages
 * @names: the values that have a name
 *
 * Return: names separated by commas; to be freed.
 */
char *list_of_names(const struct name_of *names)
{
	char *text = NULL;

	for (; names->name; names++)
		append(&text, names->name);

	return text;
}
