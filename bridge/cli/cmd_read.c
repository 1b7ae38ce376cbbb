// SPDX-License-Identifier: MIT
/* cmd_read.c - ksnap read: memory of the target by symbol, or what was read before. */
#include <limits.h>
#include <stdint.h>

#include "base/error.h"
#include "cli/commands.h"
#include "cli/connect.h"
#include "cli/memory_words.h"
#include "cli/out.h"
#include "cli/print.h"
#include "report/reader.h"
#include "wire/pack.h"

static const struct option_row options[] = {
	MEMORY_OPTIONS,
	{ "hex", 'x', OPTION_FLAG, NULL, "numbers and bytes in hex", 0, 0 },
	{ "log", 0, OPTION_FLAG, NULL,
	  "take and print every record of reads and writes since the last time", 0, 0 },
	{ 0 },
};

static const struct column log_columns[] = {
	{ "tag", "TAG", COLUMN_PLAIN },       { "op", "OP", COLUMN_PLAIN },
	{ "ok", "OK", COLUMN_PLAIN },         { "params", "ASKED", COLUMN_PLAIN },
	{ "result", "RESULT", COLUMN_PLAIN }, { "error", "ERROR", COLUMN_PLAIN },
	{ NULL, NULL, COLUMN_END },
};

static int call(struct link *l, const struct args *args, struct ksnap_reply *ret,
		struct ksnap_err *err)
{
	_buf_ struct buf entries = BUF_INIT;
	_params_ struct params p;
	struct memory_words words;
	msgpack_packer pk;
	int r = memory_words_init(&words, args, err);

	params_init(&p);
	if (r < 0)
		return r;
	pack_init(&pk, &entries);
	msgpack_pack_array(&pk, args->nwords);
	for (size_t i = 0; i < args->nwords; i++)
		memory_word_entry(&words, args->words[i], &pk);
	params_str(&p, "tag", args_string(args, "tag", "read"));
	params_raw(&p, "entries", &entries);
	params_str(&p, "target", args_string(args, "target", NULL));
	params_str(&p, "freeze", args_string(args, "freeze", NULL));
	return link_call(l,
			 args_string(args, "freeze", NULL) ? "read_kernel_cold" : "read_kernel_hot",
			 &p, ret, err);
}

static int call_other(struct link *l, const struct args *args, struct ksnap_reply *ret,
		      struct ksnap_err *err)
{
	_params_ struct params p;

	params_init(&p);
	if (args_flag(args, "log"))
		return link_call(l, "drain_kernel_ops", NULL, ret, err);
	params_str(&p, "tag", args_string(args, "tag", NULL));
	return link_call(l, "kernel_op_value", &p, ret, err);
}

static void print_values(const struct args *args, const msgpack_object *values)
{
	_buf_ struct buf out = BUF_INIT;
	size_t n = values->via.array.size;

	for (size_t i = 0; i < n; i++) {
		if (n > 1)
			buf_printf(&out, "%s  ", args->words[i]);
		memory_print(&out, &values->via.array.ptr[i], args_flag(args, "hex"));
		buf_append(&out, "\n", 1);
	}
	out_buf(&out);
}

static void print_log(const struct cli *cli, const msgpack_object *reply,
		      const msgpack_object *records)
{
	_buf_ struct buf out = BUF_INIT;
	uint64_t dropped = field_uint(reply, "dropped", 0);

	print_rows(&out, records, log_columns);
	out_buf(&out);
	if (dropped)
		say_note(cli,
			 "%llu older records were dropped (MAX_KERNEL_OPS, MAX_KERNEL_OP_BYTES)",
			 (unsigned long long)dropped);
}

static int print_people_reply(const struct cli *cli, const struct args *args,
			      const struct ksnap_reply *reply, struct ksnap_err *err)
{
	const msgpack_object *values, *records, *value;
	_buf_ struct buf out = BUF_INIT;
	msgpack_unpacked u;
	int r = object_decode(&u, reply->r, reply->r_len, err);

	if (r < 0)
		return r;
	values = object_get(&u.data, "values");
	records = object_get(&u.data, "records");
	value = object_get(&u.data, "value");
	if (values && values->type == MSGPACK_OBJECT_ARRAY &&
	    values->via.array.size == args->nwords) {
		print_values(args, values);
	} else if (records && records->type == MSGPACK_OBJECT_ARRAY) {
		print_log(cli, &u.data, records);
	} else if (value) {
		memory_print(&out, value, args_flag(args, "hex"));
		buf_append(&out, "\n", 1);
		out_buf(&out);
	} else {
		r = err_set(err, KSNAP_E_PROTO, "the broker's reply has no value");
	}
	msgpack_unpacked_destroy(&u);
	return r;
}

static int run_read(const struct cli *cli, const struct args *args)
{
	const char *targets[] = { args_string(args, "target", "live"), NULL };
	bool other = args_flag(args, "log") || args_string(args, "tag", NULL);
	struct ksnap_reply reply = { 0 };
	struct ksnap_err err = { 0 };
	_link_ struct link l = { 0 };
	int r;

	if (args->nwords ? args_flag(args, "log") : !other)
		return say_usage(&cmd_read, "read needs a SYMBOL, or --log or --tag and none");
	r = link_open(&l, cli, "tool", args->nwords ? targets : NULL, &err);
	if (r == 0)
		r = args->nwords ? call(&l, args, &reply, &err)
				 : call_other(&l, args, &reply, &err);
	if (r >= 0)
		r = cli->output == OUTPUT_TABLE ? print_people_reply(cli, args, &reply, &err)
						: print_reply(cli, &reply, NULL, &err);
	ksnap_reply_clear(&reply);
	return r < 0 ? say_err(&err) : EXIT_OK;
}

const struct command cmd_read = {
	.name = "read",
	.summary = "read memory of the kernel by symbol",
	.usage = "SYMBOL... | --task PID FIELD... | --tag TAG | --log",
	.text = "SYMBOL is a BPF global (probe.bss:nr.total[2], or nr alone), a field of a map's "
		"element (tasks[1234].ctx.weight; counts[7][cpu=1].sum; the key is a number, a "
		"word "
		"or hex:0a1b), either of map N (id:N:nr, id:N[7]), a symbol of the kernel, "
		"per_cpu:runqueues@1.nr_running, or an address (0xffff888000000000, with --width "
		"or "
		"--bytes). The reply is recorded under --tag; --tag alone prints the first value "
		"recorded there.",
	.options = options,
	.max_words = 64,
	.is_op = true,
	.run = run_read,
};
