// SPDX-License-Identifier: MIT
/* cmd_write.c - ksnap write: memory of the target by symbol. */
#include <stdint.h>

#include "base/error.h"
#include "cli/commands.h"
#include "cli/connect.h"
#include "cli/memory_words.h"
#include "cli/out.h"
#include "cli/print.h"
#include "wire/pack.h"

static const struct option_row options[] = {
	MEMORY_OPTIONS,
	{ 0 },
};

static int call(struct link *l, const struct args *args, struct buf *entries,
		struct ksnap_reply *ret, struct ksnap_err *err)
{
	_params_ struct params p;

	params_init(&p);
	params_str(&p, "tag", args_string(args, "tag", "write"));
	params_raw(&p, "entries", entries);
	params_str(&p, "target", args_string(args, "target", NULL));
	params_str(&p, "freeze", args_string(args, "freeze", NULL));
	return link_call(
		l, args_string(args, "freeze", NULL) ? "write_kernel_cold" : "write_kernel_hot", &p,
		ret, err);
}

static int pack_entries(const struct args *args, struct buf *to, struct ksnap_err *err)
{
	struct memory_words words;
	msgpack_packer pk;
	int r = memory_words_init(&words, args, err);

	pack_init(&pk, to);
	msgpack_pack_array(&pk, args->nwords);
	for (size_t i = 0; i < args->nwords && r == 0; i++)
		r = memory_word_write(&words, args->words[i], &pk, err);
	return r;
}

static int run_write(const struct cli *cli, const struct args *args)
{
	const char *targets[] = { args_string(args, "target", "live"), NULL };
	_buf_ struct buf entries = BUF_INIT;
	struct ksnap_reply reply = { 0 };
	struct ksnap_err err = { 0 };
	_link_ struct link l = { .allow_writes = true };
	int r = pack_entries(args, &entries, &err);

	if (r == 0)
		r = link_open(&l, cli, "tool", targets, &err);
	if (r == 0)
		r = call(&l, args, &entries, &reply, &err);
	if (r >= 0)
		r = print_reply(cli, &reply, NULL, &err);
	ksnap_reply_clear(&reply);
	return r < 0 ? say_err(&err) : EXIT_OK;
}

const struct command cmd_write = {
	.name = "write",
	.summary = "write memory of the kernel by symbol",
	.usage = "SYMBOL=VALUE...",
	.text = "SYMBOL is as of read; of the running kernel only globals and values of BPF maps "
		"can "
		"be written. VALUE is a number, hex:0a1b, or \"text\" (the quotes are part of it); "
		"SYMBOL|=MASK sets bits, with --freeze only. Words are done in order, the first "
		"that "
		"fails ends it, and nothing is taken back. A broker's workers must have been "
		"started "
		"with --allow-writes.",
	.options = options,
	.min_words = 1,
	.max_words = 64,
	.is_op = true,
	.run = run_write,
};
