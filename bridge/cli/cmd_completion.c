// SPDX-License-Identifier: MIT
/* cmd_completion.c - ksnap completion: what a shell needs to complete command lines of ksnap, made
 * from the tables that parsing and help read. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/commands.h"
#include "cli/out.h"

static const struct option_row options[] = { { 0 } };

/* Prints the first column of a table of ours: tags, or ids of watches. */
#define TAGS    "ksnap list 2>/dev/null | tail -n +2 | cut -d' ' -f1"
#define WATCHES "ksnap watches 2>/dev/null | tail -n +2 | cut -d' ' -f1"

static bool is_path(const struct option_row *r)
{
	return r->value && (strstr(r->value, "FILE") || strstr(r->value, "DIR"));
}

/* @text between single quotes; what quotes it is written as the shell wants it inside. */
static void put_quoted(const char *text, const char *quote)
{
	out_printf("'");
	for (; *text; text++)
		if (*text == '\'')
			out_printf("%s", quote);
		else
			out_printf("%c", *text);
	out_printf("'");
}

/* "a|b|c" with @gap in place of the bars. */
static void put_choices(const char *value, char gap)
{
	for (; *value; value++)
		out_printf("%c", *value == '|' ? gap : *value);
}

/* ---- bash ------------------------------------------------------------------------------------ */

static void bash_names(const struct option_row *rows)
{
	for (; rows && rows->name; rows++)
		out_printf(" --%s", rows->name);
}

/* "-e|--endpoint|" of those that take a value, or of the choices one by one. */
static void bash_values(const struct option_row *rows)
{
	for (const struct option_row *r = rows; r && r->name; r++) {
		if (r->kind == OPTION_FLAG)
			continue;
		out_printf("\t\t--%s", r->name);
		if (r->brief)
			out_printf("|-%c", r->brief);
		out_printf(") ");
		if (r->kind == OPTION_CHOICE) {
			out_printf("words='");
			put_choices(r->value, ' ');
			out_printf("'");
		} else {
			out_printf("%s", is_path(r) ? "files=1" : "words=");
		}
		out_printf("; return 0 ;;\n");
	}
}

static void bash_command(const struct command *c)
{
	static const char *const words[] = {
		[WORDS_OTHER] = "words=",
		[WORDS_FILE] = "files=1",
		[WORDS_TAG] = "words=$(" TAGS "); files=1",
		[WORDS_WATCH] = "words=$(" WATCHES ")",
		[WORDS_COMMAND] = "words=$commands",
	};

	out_printf("\t%s)\n\t\toptions='", c->name);
	bash_names(command_options(c));
	out_printf("'\n\t\tcase $2 in\n");
	bash_values(command_options(c));
	out_printf("\t\tesac\n\t\t%s ;;\n", words[c->words]);
}

static void print_bash(void)
{
	out_printf("# bash completion for ksnap; made by 'ksnap completion bash'\n"
		   "# _ksnap_of COMMAND PREVIOUS: sets words, options and files; 0: a value of "
		   "PREVIOUS\n"
		   "_ksnap_of() {\n\tcase $2 in\n");
	bash_values(global_options);
	out_printf("\tesac\n\tcase $1 in\n");
	for (const struct command *const *c = commands; *c; c++)
		bash_command(*c);
	out_printf("\t*) words=$commands ;;\n\tesac\n\treturn 1\n}\n"
		   "_ksnap() {\n"
		   "\tlocal commands='");
	for (const struct command *const *c = commands; *c; c++)
		out_printf("%s ", (*c)->name);
	out_printf("' global='");
	bash_names(global_options);
	out_printf("'\n"
		   "\tlocal cur=${COMP_WORDS[COMP_CWORD]} i command= words= options= files=\n"
		   "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
		   "\t\tcase ${COMP_WORDS[i]} in\n"
		   "\t\t-*) words=; _ksnap_of '' \"${COMP_WORDS[i]}\" && ((i++)) ;;\n"
		   "\t\t*) command=${COMP_WORDS[i]}; break ;;\n"
		   "\t\tesac\n"
		   "\tdone\n"
		   "\twords= files=\n"
		   "\tif ! _ksnap_of \"$command\" \"${COMP_WORDS[COMP_CWORD-1]}\" && [[ $cur == -* "
		   "]]; then\n"
		   "\t\twords=\"$options $global\" files=\n"
		   "\tfi\n"
		   "\tCOMPREPLY=($(compgen ${files:+-f} -W \"$words\" -- \"$cur\"))\n"
		   "\t[[ -z $files ]] || compopt -o filenames 2>/dev/null\n"
		   "}\n"
		   "complete -F _ksnap ksnap\n");
}

/* ---- zsh ------------------------------------------------------------------------------------- */

/* Within '...' of _arguments: brackets and colons have a meaning there. */
static void zsh_text(const char *text)
{
	for (; *text; text++)
		if (*text == '\'')
			out_printf("'\\''");
		else if (strchr("[]:\\", *text))
			out_printf("\\%c", *text);
		else
			out_printf("%c", *text);
}

static void zsh_option(const struct option_row *r, const char *name)
{
	out_printf(" \\\n\t\t'*%s[", name);
	zsh_text(r->help);
	out_printf("]");
	if (r->kind != OPTION_FLAG)
		out_printf(":%s:", r->value ? r->value : "VALUE");
	if (r->kind == OPTION_CHOICE) {
		out_printf("(");
		put_choices(r->value, ' ');
		out_printf(")");
	} else if (is_path(r)) {
		out_printf("_files");
	}
	out_printf("'");
}

static void zsh_options(const struct option_row *rows)
{
	for (; rows && rows->name; rows++) {
		char name[64];

		snprintf(name, sizeof(name), "--%s%s", rows->name,
			 rows->kind == OPTION_FLAG ? "" : "=");
		zsh_option(rows, name);
		snprintf(name, sizeof(name), "-%c%s", rows->brief,
			 rows->kind == OPTION_FLAG ? "" : "+");
		if (rows->brief)
			zsh_option(rows, name);
	}
}

static void zsh_command(const struct command *c)
{
	static const char *const words[] = {
		[WORDS_OTHER] = "",
		[WORDS_FILE] = "_files",
		[WORDS_TAG] = "{compadd -- $(" TAGS "); _files}",
		[WORDS_WATCH] = "{compadd -- $(" WATCHES ")}",
		[WORDS_COMMAND] = "_ksnap_commands",
	};

	out_printf("\t%s) _arguments -s", c->name);
	zsh_options(command_options(c));
	zsh_options(global_options);
	out_printf(" \\\n\t\t");
	out_printf("\"*:WORD:%s\" ;;\n", words[c->words]);
}

static void print_zsh(void)
{
	out_printf("#compdef ksnap\n# zsh completion for ksnap; made by 'ksnap completion zsh'\n"
		   "_ksnap_commands() {\n\tlocal -a all=(\n");
	for (const struct command *const *c = commands; *c; c++) {
		out_printf("\t\t'%s:", (*c)->name);
		zsh_text((*c)->summary);
		out_printf("'\n");
	}
	out_printf("\t)\n\t_describe command all\n}\n"
		   "_ksnap() {\n\tlocal curcontext=$curcontext state line\n"
		   "\tif ((CURRENT > 2)) && [[ $words[2] != -* ]]; then\n"
		   "\t\tshift words; ((CURRENT--))\n\t\t_ksnap_of\n"
		   "\telse\n\t\t_arguments -s -S");
	zsh_options(global_options);
	out_printf(" \\\n\t\t'1:COMMAND:_ksnap_commands' '*::WORD:_ksnap_of'\n\tfi\n}\n"
		   "_ksnap_of() {\n\tcase $words[1] in\n");
	for (const struct command *const *c = commands; *c; c++)
		zsh_command(*c);
	out_printf("\tesac\n}\n[[ $zsh_eval_context[-1] != loadautofunc ]] || _ksnap \"$@\"\n"
		   "[[ $zsh_eval_context[-1] == loadautofunc ]] || compdef _ksnap ksnap\n");
}

/* ---- fish ------------------------------------------------------------------------------------ */

static void fish_options(const struct option_row *rows, const char *where)
{
	for (; rows && rows->name; rows++) {
		out_printf("complete -c ksnap%s -l %s", where, rows->name);
		if (rows->brief)
			out_printf(" -s %c", rows->brief);
		if (rows->kind == OPTION_CHOICE) {
			out_printf(" -xa '");
			put_choices(rows->value, ' ');
			out_printf("'");
		} else if (rows->kind != OPTION_FLAG) {
			out_printf(" %s", is_path(rows) ? "-rF" : "-x");
		}
		out_printf(" -d ");
		put_quoted(rows->help, "\\'");
		out_printf("\n");
	}
}

static void fish_command(const struct command *c)
{
	static const char *const words[] = {
		[WORDS_OTHER] = NULL,
		[WORDS_FILE] = "-F",
		[WORDS_TAG] = "-F -a \"(" TAGS ")\"",
		[WORDS_WATCH] = "-a \"(" WATCHES ")\"",
		[WORDS_COMMAND] = "-a \"$__ksnap_commands\"",
	};
	char where[96];

	out_printf("complete -c ksnap -n '__fish_use_subcommand' -a %s -d ", c->name);
	put_quoted(c->summary, "\\'");
	snprintf(where, sizeof(where), " -n '__fish_seen_subcommand_from %s'", c->name);
	out_printf("\n");
	fish_options(command_options(c), where);
	if (words[c->words])
		out_printf("complete -c ksnap%s %s\n", where, words[c->words]);
}

static void print_fish(void)
{
	out_printf("# fish completion for ksnap; made by 'ksnap completion fish'\n"
		   "set -g __ksnap_commands");
	for (const struct command *const *c = commands; *c; c++)
		out_printf(" %s", (*c)->name);
	out_printf("\ncomplete -c ksnap -f\n");
	fish_options(global_options, "");
	for (const struct command *const *c = commands; *c; c++)
		fish_command(*c);
}

/* ---- the command ----------------------------------------------------------------------------- */

static const struct {
	const char *name;
	void (*print)(void);
} shells[] = {
	{ "bash", print_bash },
	{ "zsh", print_zsh },
	{ "fish", print_fish },
};

static int run_completion(const struct cli *cli, const struct args *args)
{
	(void)cli;
	for (size_t i = 0; i < ARRAY_SIZE(shells); i++) {
		if (strcmp(shells[i].name, args->words[0]))
			continue;
		shells[i].print();
		return EXIT_OK;
	}
	return say_usage(&cmd_completion,
			 "there is no completion for '%s'; there are: bash, zsh, fish",
			 args->words[0]);
}

const struct command cmd_completion = {
	.name = "completion",
	.summary = "print what a shell needs to complete the words of ksnap",
	.usage = "bash|zsh|fish",
	.text = "Where ksnap is installed the shells find it by themselves. By hand: "
		"source <(ksnap completion bash), source <(ksnap completion zsh) behind compinit, "
		"or "
		"ksnap completion fish | source.",
	.options = options,
	.min_words = 1,
	.max_words = 1,
	.run = run_completion,
};
