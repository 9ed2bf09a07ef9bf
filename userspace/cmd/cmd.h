/* SPDX-License-Identifier: GPL-2.0 */
/* What the verbs of the vmshm command share. */
#ifndef VMSHM_CMD_CMD_H
#define VMSHM_CMD_CMD_H

#include <getopt.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <jansson.h>
#include <vmshm/vmshm.h>

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))
#define NS_PER_SECOND		1000000000ULL
#define NS_PER_MS		1000000ULL
#define __printf(fmt, args)	__attribute__((__format__(__printf__, fmt, args)))

/* Exit statuses, see EXIT STATUS in vmshm(1). */
enum {
	STATUS_OK = 0,
	STATUS_FAILED = 1,
	STATUS_USAGE = 2,
	STATUS_NO_REGION = 3,
	STATUS_PERMISSION = 4,
	STATUS_EXISTS = 5,
	STATUS_LIMIT = 6,
	STATUS_BUSY = 7,
	STATUS_STALE = 8,
	STATUS_NO_DEVICE = 9,
	STATUS_TIMEOUT = 10,
	STATUS_CANNOT_RUN = 126,
	STATUS_NOT_FOUND = 127,
};

/**
 * struct verb - something the command can do
 * @name: what it is called by
 * @synopsis: its arguments, for people
 * @summary: what it does, in a few words
 * @help: its options and what else is to be known; lines end with a newline
 * @run: does it, with @name as argv[0]; returns an exit status
 */
struct verb {
	const char *name;
	const char *synopsis;
	const char *summary;
	const char *help;
	int (*run)(int argc, char **argv);
};

extern const struct verb verb_cat;
extern const struct verb verb_chmod;
extern const struct verb verb_chown;
extern const struct verb verb_create;
extern const struct verb verb_domain;
extern const struct verb verb_exec;
extern const struct verb verb_gc;
extern const struct verb verb_info;
extern const struct verb verb_limits;
extern const struct verb verb_log;
extern const struct verb verb_ls;
extern const struct verb verb_peers;
extern const struct verb verb_resize;
extern const struct verb verb_ring;
extern const struct verb verb_rm;
extern const struct verb verb_seal;
extern const struct verb verb_top;
extern const struct verb verb_wait;
extern const struct verb verb_watch;
extern const struct verb verb_who;
extern const struct verb verb_write;

/* dispatch.c */

int cmd_main(int argc, char **argv);
int verb_option(const struct verb *verb, int option);
int run_on_one(const struct verb *verb, int argc, char **argv,
	       int (*fn)(const char *name, bool json));

/* Long options that have no letter. */
enum {
	OPTION_JSON = 256,
	OPTION_OWNER,
	OPTION_ANY_OWNER,
	OPTION_GENERATION,
	OPTION_FIRST_OF_VERB,
};

#define HELP_COMMON \
	"  -h, --help           say this\n"
#define HELP_JSON \
	"      --json           print JSON\n"

/* message.c */

int fail(int error, const char *reason, const char *fmt, ...) __printf(3, 4);
void complain(const char *fmt, ...) __printf(1, 2);
int usage(const struct verb *verb, const char *fmt, ...) __printf(2, 3);
int status_of_error(int error);
int flush_stdout(void);
void *must(void *allocated);
char *format(const char *fmt, ...) __printf(1, 2);

/* parse.c */

int parse_number(const char *text, __u64 *number);
int parse_size(const char *text, __u64 *size);
int parse_seconds(const char *text, __u64 *ns);
int parse_age(const char *text, __u64 *ns);
int parse_mode(const char *text, __u32 *mode);
int parse_user(const char *text, __u32 *uid);
int parse_group(const char *text, __u32 *gid);

/* names.c */

/**
 * struct name_of - a bit or a value and what people call it
 * @value: a bit of a mask, or a value of an enumeration
 * @name: its name
 */
struct name_of {
	__u64 value;
	const char *name;
};

/* Each ends with an element without a name. */
extern const struct name_of flag_names[];
extern const struct name_of seal_names[];
extern const struct name_of huge_names[];
extern const struct name_of event_names[];

const char *name_of_value(const struct name_of *names, __u32 value);
int value_of_name(const struct name_of *names, const char *name, __u32 *value);
char *names_of_bits(const struct name_of *names, __u64 bits);
json_t *json_of_bits(const struct name_of *names, __u64 bits);
char *list_of_names(const struct name_of *names);

/* print.c */

#define SIZE_TEXT	40

const char *size_text(__u64 bytes, char text[SIZE_TEXT]);
char *time_text(__u64 ns);
char *user_text(__u32 uid);
char *group_text(__u32 gid);
char *plain_text(const void *bytes, size_t max);
bool use_colour(void);

/**
 * struct column - of a table
 * @heading: what is above it
 * @right: put its cells to the right
 */
struct column {
	const char *heading;
	bool right;
};

/**
 * struct table - rows that are printed together, aligned
 * @columns: what the columns are
 * @width: number of columns
 * @cells: all cells, row by row; owned
 * @count: number of cells
 * @room: for how many @cells has space
 */
struct table {
	const struct column *columns;
	size_t width;
	char **cells;
	size_t count;
	size_t room;
};

void table_add(struct table *table, char *cell);
void table_print(struct table *table);
void table_free(struct table *table);

/* json.c */

json_t *json_u64(__u64 value);
json_t *json_new(void);
void json_add(json_t *object, const char *key, json_t *value);
void json_add_u64(json_t *object, const char *key, __u64 value);
void json_add_bool(json_t *object, const char *key, bool value);
void json_add_text(json_t *object, const char *key, const void *text);
json_t *json_of_stat(const struct vmshm_stat *stat);
int json_print(json_t *json);

/**
 * struct json_stream - an array that is printed element by element
 * @started: something was printed
 */
struct json_stream {
	bool started;
};

void json_stream_add(struct json_stream *stream, json_t *element);
void json_stream_end(struct json_stream *stream);

/* access.c */

/**
 * struct access - which region may be opened, as options said
 * @options: for the library
 * @given: the user has said whose region is meant
 */
struct access {
	struct vmshm_region_open_options options;
	bool given;
};

#define ACCESS_INIT { .options = { .size = sizeof(struct vmshm_region_open_options) } }

#define HELP_ACCESS \
	"      --owner=USER     only if the region belongs to USER\n" \
	"      --any-owner      whoever the region belongs to; by default it must be\n" \
	"                       you or root\n" \
	"      --generation=N   only if it is the region of this number\n"

int access_option(const struct verb *verb, struct access *access, int option);
int open_context(struct vmshm_context **context);
int open_region(const struct vmshm_context *context, const char *name,
		const struct access *access, const char *what,
		struct vmshm_region **region);
int open_any(const char *name, __u32 flags, const char *what,
	     struct vmshm_region **region);

/* progress.c */

/**
 * struct progress - of long work, on a terminal
 * @what: what is done
 * @total: how many bytes it is about; 0 if that is not known
 * @begin_ns: when it began
 * @shown_ns: when it was shown last; 0 if never
 */
struct progress {
	const char *what;
	__u64 total;
	__u64 begin_ns;
	__u64 shown_ns;
};

void progress_begin(struct progress *progress, const char *what, __u64 total);
void progress_show(struct progress *progress, __u64 done);
void progress_end(struct progress *progress);
__u64 monotonic_ns(void);

/* interrupt.c */

void interrupts_catch(void);
bool interrupted(void);
int interrupts_wait(int fd, const __u64 *ns);

/* launch.c */

/**
 * struct launch - regions that are handed to a program
 * @regions: the regions; owned
 * @names: what they are called
 * @fds: the number each descriptor is to have, or -1 for any
 * @count: how many there are
 */
struct launch {
	struct vmshm_region **regions;
	char **names;
	int *fds;
	size_t count;
};

int launch_find(const struct launch *launch, const char *name);
void launch_add(struct launch *launch, const char *name, int fd,
		struct vmshm_region *region);
void launch_free(struct launch *launch);
int launch_exec(struct launch *launch, char **argv);
char *placeholder(const char *text, size_t *skip, bool *literal);
char **split_command(int *argc, char **argv);

/* peers.c */

json_t *json_of_vectors(__u64 bits);

/* processes.c */

/**
 * struct holder - a file descriptor of a region in some process
 * @pid: the process
 * @tid: the thread, if its descriptors are not those of the process; else @pid
 * @fd: number of the descriptor
 * @uid: user of the process
 * @flags: VMSHM_MEMBER_READ and VMSHM_MEMBER_WRITE
 * @comm: name of the process
 */
struct holder {
	int pid;
	int tid;
	int fd;
	__u32 uid;
	__u32 flags;
	char *comm;
};

/**
 * struct holders - all that could be found
 * @items: the descriptors, by process and number; owned
 * @count: how many
 * @hidden: number of processes that could not be looked at
 */
struct holders {
	struct holder *items;
	size_t count;
	size_t hidden;
};

int holders_find(struct holders *holders, int region_fd);
void holders_free(struct holders *holders);

#endif /* VMSHM_CMD_CMD_H */
