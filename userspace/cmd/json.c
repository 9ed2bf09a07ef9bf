// SPDX-License-Identifier: GPL-2.0
/* JSON output. */

#include <stdint.h>
#include <stdlib.h>

#include "cmd.h"

/**
 * json_u64() - a number that may be too large for JSON libraries
 * @value: the number
 *
 * Return: an integer, or null for a limit that is none.
 */
json_t *json_u64(__u64 value)
{
	return value > INT64_MAX ? json_null() : json_integer((json_int_t)value);
}

/**
 * json_new() - an empty object
 *
 * Return: the object.
 */
json_t *json_new(void)
{
	return must(json_object());
}

/**
 * json_add() - add a member to an object
 * @object: the object
 * @key: name of the member
 * @value: its value; belongs to @object from now on
 */
void json_add(json_t *object, const char *key, json_t *value)
{
	/* It takes ASCII only, and memory. */
	if (json_object_set_new(object, key, must(value)))
		must(NULL);
}

/**
 * json_add_u64() - add a number, see json_u64()
 * @object: the object
 * @key: name of the member
 * @value: its value
 */
void json_add_u64(json_t *object, const char *key, __u64 value)
{
	json_add(object, key, json_u64(value));
}

/**
 * json_add_bool() - add a truth value
 * @object: the object
 * @key: name of the member
 * @value: its value
 */
void json_add_bool(json_t *object, const char *key, bool value)
{
	json_add(object, key, json_boolean(value));
}

/**
 * json_add_text() - add a string
 * @object: the object
 * @key: name of the member
 * @text: its value, of ASCII, as names of regions and peers are
 */
void json_add_text(json_t *object, const char *key, const void *text)
{
	json_add(object, key, json_string(text));
}

/**
 * json_of_stat() - everything about a region
 * @stat: what the kernel says
 *
 * Return: an object.
 */
json_t *json_of_stat(const struct vmshm_stat *stat)
{
	json_t *json = json_new();
	char mode[8];

	snprintf(mode, sizeof(mode), "%04o", stat->out_mode & 07777);

	json_add_text(json, "name", stat->out_name);
	json_add_u64(json, "registry", stat->out_registry);
	json_add_u64(json, "generation", stat->out_generation);
	json_add_u64(json, "size", stat->out_region_size);
	json_add_u64(json, "max_size", stat->out_max_size);
	json_add_u64(json, "resident", stat->out_resident);
	json_add_u64(json, "allocated", stat->out_allocated);
	json_add_u64(json, "charged", stat->out_charged);
	json_add_u64(json, "ctime_ns", stat->out_ctime_ns);
	json_add_u64(json, "seq", stat->out_seq);
	json_add_u64(json, "ino", stat->out_ino);
	json_add_u64(json, "faults", stat->out_faults);
	json_add(json, "flags", json_of_bits(flag_names, stat->out_flags));
	json_add_text(json, "huge", name_of_value(huge_names, stat->out_huge));
	json_add(json, "seals", json_of_bits(seal_names, stat->out_seals));
	json_add_text(json, "mode", mode);
	json_add_u64(json, "uid", stat->out_uid);
	json_add_u64(json, "gid", stat->out_gid);
	json_add(json, "domain_uid", stat->out_linked ?
		 json_u64(stat->out_domain_uid) : json_null());
	json_add_u64(json, "opens", stat->out_opens);
	/* Mappings of pinnable regions are not counted. */
	json_add(json, "maps", stat->out_flags & VMSHM_PINNABLE ?
		 json_null() : json_u64(stat->out_maps));
	json_add_u64(json, "logs", stat->out_logs);
	json_add_u64(json, "bindings", stat->out_bindings);
	json_add_bool(json, "linked", stat->out_linked);
	return json;
}

static void dump(json_t *json, size_t flags)
{
	char *text;

	must(json);
	text = must(json_dumps(json, flags | JSON_ENCODE_ANY |
				     JSON_ENSURE_ASCII));
	fputs(text, stdout);
	free(text);
	json_decref(json);
}

/**
 * json_print() - print a document
 * @json: what to print; freed
 *
 * Return: STATUS_OK.
 */
int json_print(json_t *json)
{
	dump(json, JSON_INDENT(2));
	putchar('\n');
	return STATUS_OK;
}

/**
 * json_stream_add() - print an element of an array
 * @stream: the array
 * @element: what to print; freed
 */
void json_stream_add(struct json_stream *stream, json_t *element)
{
	fputs(stream->started ? ",\n" : "[\n", stdout);
	stream->started = true;
	dump(element, 0);
}

/**
 * json_stream_end() - print the end of an array
 * @stream: the array
 */
void json_stream_end(struct json_stream *stream)
{
	fputs(stream->started ? "\n]\n" : "[]\n", stdout);
}
