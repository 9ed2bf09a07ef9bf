// SPDX-License-Identifier: GPL-2.0
/* How things look: sizes, times, users, tables. */

#include <ctype.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cmd.h"

/**
 * size_text() - a size for people
 * @bytes: the size
 * @text: where it is put
 *
 * A size that parse_size() could have read exactly looks as it would be
 * written; others are rounded down to one digit after the point.
 *
 * Return: @text.
 */
const char *size_text(__u64 bytes, char text[SIZE_TEXT])
{
	static const char units[] = "KMGTPE";
	unsigned int shift = 0;
	__u64 tenths;

	while (shift < 60 && bytes >> shift >= 1024)
		shift += 10;

	if (!shift) {
		snprintf(text, SIZE_TEXT, "%llu", bytes);
	} else if (!(bytes & ((1ULL << shift) - 1))) {
		snprintf(text, SIZE_TEXT, "%llu%c", bytes >> shift,
			 units[shift / 10 - 1]);
	} else {
		/* The shift by 7 leaves room for the 10. */
		tenths = ((bytes & ((1ULL << shift) - 1)) >> 7) * 10 >>
			 (shift - 7);
		snprintf(text, SIZE_TEXT, "%llu.%llu%c", bytes >> shift,
			 tenths, units[shift / 10 - 1]);
	}

	return text;
}

/**
 * time_text() - a point of time for people
 * @ns: CLOCK_REALTIME
 *
 * Return: a string to be freed.
 */
char *time_text(__u64 ns)
{
	time_t seconds = (time_t)(ns / NS_PER_SECOND);
	char text[64];
	struct tm tm;

	if (!localtime_r(&seconds, &tm) ||
	    !strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm))
		return format("%llu", ns / NS_PER_SECOND);

	return format("%s", text);
}

/* Of the last id asked for: most regions belong to the same few. */
static struct {
	bool valid;
	__u32 id;
	char *name;
} last_user, last_group;

/**
 * user_text() - a user's name
 * @uid: the user
 *
 * Return: the name, or the number if there is none; to be freed.
 */
char *user_text(__u32 uid)
{
	const struct passwd *user;

	if (!last_user.valid || last_user.id != uid) {
		user = getpwuid(uid);
		free(last_user.name);
		last_user.name = user ? plain_text(user->pw_name, 256) :
					format("%u", uid);
		last_user.id = uid;
		last_user.valid = true;
	}

	return format("%s", last_user.name);
}

/**
 * group_text() - a group's name
 * @gid: the group
 *
 * Return: the name, or the number if there is none; to be freed.
 */
char *group_text(__u32 gid)
{
	const struct group *group;

	if (!last_group.valid || last_group.id != gid) {
		group = getgrgid(gid);
		free(last_group.name);
		last_group.name = group ? plain_text(group->gr_name, 256) :
					  format("%u", gid);
		last_group.id = gid;
		last_group.valid = true;
	}

	return format("%s", last_group.name);
}

/**
 * plain_text() - text that others have chosen, harmless on a terminal
 * @bytes: the text, ends with a NUL or after @max bytes
 * @max: how long it can be
 *
 * Return: printable ASCII, with the rest as \xNN; to be freed.
 */
char *plain_text(const void *bytes, size_t max)
{
	const unsigned char *from = bytes;
	char *text, *to;
	size_t i;

	text = must(malloc(4 * max + 1));
	for (to = text, i = 0; i < max && from[i]; i++) {
		if (from[i] < 0x80 && isprint(from[i]) && from[i] != '\\') {
			*to++ = (char)from[i];
		} else {
			sprintf(to, "\\x%02x", from[i]);
			to += 4;
		}
	}
	*to = 0;

	return text;
}

/**
 * use_colour() - whether the standard output is to be coloured
 *
 * Return: true if it is a terminal that can, and nobody has anything against.
 */
bool use_colour(void)
{
	const char *no_color = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && !(no_color && *no_color) &&
	       term && strcmp(term, "dumb");
}

/**
 * table_add() - add a cell
 * @table: the table
 * @cell: what it says; the table owns it from now on
 */
void table_add(struct table *table, char *cell)
{
	if (table->count == table->room) {
		table->room = table->room ? 2 * table->room : 64;
		table->cells = must(reallocarray(table->cells, table->room,
						 sizeof(*table->cells)));
	}

	table->cells[table->count++] = cell;
}

static void print_cell(const struct table *table, size_t column,
		       const char *text, size_t width)
{
	bool last = column == table->width - 1;

	if (table->columns[column].right)
		printf("%*s", (int)width, text);
	else
		printf("%-*s", last ? 0 : (int)width, text);
	if (!last)
		fputs("  ", stdout);
}

/**
 * table_print() - print all rows below a row of headings
 * @table: the table
 */
void table_print(struct table *table)
{
	bool colour = use_colour();
	size_t *widths;
	size_t i, len;

	widths = must(calloc(table->width, sizeof(*widths)));
	for (i = 0; i < table->width; i++)
		widths[i] = strlen(table->columns[i].heading);
	for (i = 0; i < table->count; i++) {
		len = strlen(table->cells[i]);
		if (len > widths[i % table->width])
			widths[i % table->width] = len;
	}

	if (colour)
		fputs("\033[1m", stdout);
	for (i = 0; i < table->width; i++)
		print_cell(table, i, table->columns[i].heading, widths[i]);
	puts(colour ? "\033[0m" : "");

	for (i = 0; i < table->count; i++) {
		print_cell(table, i % table->width, table->cells[i],
			   widths[i % table->width]);
		if (i % table->width == table->width - 1)
			putchar('\n');
	}

	free(widths);
}

/**
 * table_free() - free the cells
 * @table: the table
 */
void table_free(struct table *table)
{
	size_t i;

	for (i = 0; i < table->count; i++)
		free(table->cells[i]);
	free(table->cells);
}
