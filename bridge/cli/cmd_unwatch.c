// SPDX-License-Identifier: MIT
/* cmd_unwatch.c - ksnap unwatch: end a watch that any session holds. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "cli/commands.h"
#include "cli/connect.h"
#include "cli/out.h"
#include "cli/print.h"

/* All digits: an id. Addresses begin with 0x. */
static void name_watch(struct params *p, const char *word)
{
	if (word[strspn(word, "0123456789")] == 0)
		params_uint(p, "watch", strtoull(word, NULL, 10));
	else
		params_str(p, "symbol", word);
}

static int run_unwatch(const struct cli *cli, const struct args *args)
{
	struct ksnap_reply reply = { 0 };
	struct ksnap_err err = { 0 };
	_params_ struct params p;
	_link_ struct link l = { 0 };
	int r = link_open(&l, cli, "tool", NULL, &err);

	params_init(&p);
	name_watch(&p, args->words[0]);
	if (r == 0)
		r = link_call(&l, "unwatch", &p, &reply, &err);
	if (r >= 0)
		r = print_reply(cli, &reply, NULL, &err);
	ksnap_reply_clear(&reply);
	return r < 0 ? say_err(&err) : EXIT_OK;
}

const struct command cmd_unwatch = {
	.name = "unwatch",
	.summary = "end a watch; its register is free again",
	.usage = "ID|SYMBOL",
	.text = "Also one that another session armed, such as a 'ksnap watch', which then ends. "
		"Prints how often it was written to.",
	.min_words = 1,
	.max_words = 1,
	.words = WORDS_WATCH,
	.is_op = true,
	.run = run_unwatch,
};
