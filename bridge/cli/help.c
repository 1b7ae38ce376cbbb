// SPDX-License-Identifier: MIT
/* help.c - help texts, made from the tables that parsing reads. */
#include "cli/help.h"

#define HELP_COLUMN 26
#define HELP_WIDTH  96

static void print_wrapped(FILE *to, const char *text, int column)
{
	int at = column;

	while (*text) {
		const char *end = text;

		while (*end && *end != ' ')
			end++;
		if (at > column && at + 1 + (end - text) > HELP_WIDTH) {
			fprintf(to, "\n%*s", column, "");
			at = column;
		}
		at += fprintf(to, "%s%.*s", at > column ? " " : "", (int)(end - text), text);
		text = *end ? end + 1 : end;
	}
	fputc('\n', to);
}

static void print_row(FILE *to, const struct option_row *r)
{
	int n = fprintf(to, "  %c%c%c --%s%s%s", r->brief ? '-' : ' ', r->brief ? r->brief : ' ',
			r->brief ? ',' : ' ', r->name, r->value ? " " : "",
			r->value ? r->value : "");

	if (n + 2 > HELP_COLUMN)
		fprintf(to, "\n%*s", HELP_COLUMN, "");
	else
		fprintf(to, "%*s", HELP_COLUMN - n, "");
	print_wrapped(to, r->help, HELP_COLUMN);
}

static void print_rows(FILE *to, const char *title, const struct option_row *rows)
{
	if (!rows || !rows->name)
		return;
	fprintf(to, "\n%s\n", title);
	for (; rows->name; rows++)
		print_row(to, rows);
}

void help_overview(FILE *to)
{
	fputs("Usage: ksnap [OPTION]... COMMAND [ARGUMENT]...\n"
	      "Snapshots of kernel state on a message bus.\n\nCommands\n",
	      to);
	for (const struct command *const *c = commands; *c; c++)
		fprintf(to, "  %-12s%s\n", (*c)->name, (*c)->summary);
	print_rows(to, "Options of every command", global_options);
	fputs("\nExit codes\n"
	      "  0 done   1 a check or the command failed   2 wrong use or a bad script   3 "
	      "messages lost\n"
	      "  4 not allowed   5 no broker answers   124 the deadline passed\n"
	      "\n'ksnap help COMMAND' tells about one command, 'ksnap help NAME' about an error, a "
	      "limit, an event,\nan operation or why a watch is over.\n",
	      to);
}

void help_command(FILE *to, const struct command *c)
{
	fprintf(to, "Usage: ksnap %s%s%s\n", c->name, c->usage[0] ? " " : "", c->usage);
	fprintf(to, "%s\n", c->summary);
	if (c->text) {
		fputc('\n', to);
		print_wrapped(to, c->text, 0);
	}
	print_rows(to, "Options", command_options(c));
	fputs("\n'ksnap help' lists the options of every command: --endpoint, --bridge, --output "
	      "and others.\n",
	      to);
}
