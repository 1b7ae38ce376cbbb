// SPDX-License-Identifier: MIT
/* cmd_attach.c - ksnap attach: a BPF object, attached for as long as the command runs. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "cli/commands.h"
#include "cli/connect.h"
#include "cli/duration.h"
#include "cli/lua_line.h"
#include "cli/out.h"
#include "cli/print.h"
#include "cli/stay.h"
#include "report/reader.h"

#define FILE_MOST (64u << 20)
#define NAME_MOST 64

static const struct option_row options[] = {
	{ "name", 'n', OPTION_STRING, "NAME",
	  "what obj:NAME and object:NAME call it; the file's name without .bpf.o when not given", 0,
	  0 },
	{ "for", 0, OPTION_STRING, "DURATION",
	  "detach it after that time: 500ms, 10s, 2m; at ^C when not given", 0, 0 },
	{ "replace", 0, OPTION_FLAG, NULL,
	  "put it in the place of the object that another command or scenario attached under the "
	  "name, and end at once",
	  0, 0 },
	{ "target", 'T', OPTION_STRING, "TARGET",
	  "whose kernel; the broker's first target when not given", 0, 0 },
	{ 0 },
};

static struct ksnap_blob *read_object(const char *path, struct ksnap_err *err)
{
	FILE *f = fopen(path, "re");
	_buf_ struct buf bytes = BUF_INIT;
	struct stat st;
	void *room;
	size_t n = 0;

	if (!f || fstat(fileno(f), &st)) {
		err_errno(err, KSNAP_E_NOTFOUND, errno, "cannot read %s", path);
	} else if (!S_ISREG(st.st_mode)) {
		err_set(err, KSNAP_E_ARG, "%s is no file that could be read as a whole", path);
	} else if (st.st_size > FILE_MOST) {
		err_set(err, KSNAP_E_LIMIT, "%s has more than %u bytes", path, FILE_MOST);
	} else if (!(room = buf_reserve(&bytes, st.st_size + 1))) {
		err_nomem(err);
	} else {
		n = fread(room, 1, st.st_size, f);
		buf_commit(&bytes, n);
		if (!n)
			err_set(err, KSNAP_E_ARG, "%s is empty", path);
	}
	if (f)
		fclose(f);
	return n ? buf_take_blob(&bytes) : NULL;
}

/* "a/probe.bpf.o" is probe. */
static void name_of(const char *path, char name[NAME_MOST + 1])
{
	const char *base = strrchr(path, '/');
	size_t len;

	base = base ? base + 1 : path;
	len = strcspn(base, ".");
	snprintf(name, NAME_MOST + 1, "%.*s", (int)(len ? len : strlen(base)), base);
}

static int call(struct link *l, const struct args *args, const char *name, struct ksnap_blob *elf,
		struct ksnap_reply *ret, struct ksnap_err *err)
{
	bool replaces = args_flag(args, "replace");
	_params_ struct params p;

	params_init(&p);
	params_str(&p, "name", name);
	if (!replaces)
		params_str(&p, "target", args_string(args, "target", NULL));
	return link_call_with(l, replaces ? "replace_object" : "attach_object", &p, elf, ret, err);
}

static void print_items(struct buf *out, const msgpack_object *reply, const char *what,
			const char *ids_key, const char *names_key)
{
	const msgpack_object *ids = object_get(reply, ids_key);
	const msgpack_object *names = object_get(reply, names_key);

	if (!ids || ids->type != MSGPACK_OBJECT_ARRAY)
		return;
	for (uint32_t i = 0; i < ids->via.array.size; i++) {
		bool named =
			names && names->type == MSGPACK_OBJECT_ARRAY && i < names->via.array.size;

		buf_printf(out, "%s  ", what);
		print_plain(out, &ids->via.array.ptr[i]);
		if (named) {
			buf_printf(out, "  ");
			print_plain(out, &names->via.array.ptr[i]);
		}
		buf_append(out, "\n", 1);
	}
}

static int print_object(const struct cli *cli, const struct ksnap_reply *reply,
			struct ksnap_err *err)
{
	_buf_ struct buf out = BUF_INIT;
	msgpack_unpacked u;
	int r;

	if (cli->output != OUTPUT_TABLE)
		return print_reply(cli, reply, NULL, err);
	r = object_decode(&u, reply->r, reply->r_len, err);
	if (r < 0)
		return r;
	print_items(&out, &u.data, "map ", "maps", "map_names");
	print_items(&out, &u.data, "prog", "progs", "prog_names");
	out_buf(&out);
	msgpack_unpacked_destroy(&u);
	return 0;
}

static int hold(struct link *l, int fd, const char *name, uint64_t time_ns, struct ksnap_err *err)
{
	uint64_t until = time_ns ? clock_mono_ns() + time_ns : UINT64_MAX;
	struct ksnap_reply reply = { 0 };
	char owned[NAME_MOST + 8];
	_params_ struct params p;
	int r;

	params_init(&p);
	out_flush();
	say_note(l->cli, "%s is attached until this command ends (^C)", name);
	snprintf(owned, sizeof(owned), "object %s", name);
	r = stay_holding(l, fd, until, owned, err);
	if (r < 0)
		return r;
	params_str(&p, "name", name);
	snprintf(owned, sizeof(owned), "detach %s", name);
	r = stay_undo(l, fd, "detach_object", &p, owned, &reply, err);
	ksnap_reply_clear(&reply);
	if (r >= 0)
		say_note(l->cli, "%s is detached", name);
	return r;
}

/* In a script the file is the op's to read. */
static int say_line(const struct args *args, const char *name, struct ksnap_err *err)
{
	bool replaces = args_flag(args, "replace");
	_params_ struct params p;

	params_init(&p);
	params_str(&p, "file", args->words[0]);
	params_str(&p, "name", name);
	if (!replaces)
		params_str(&p, "target", args_string(args, "target", NULL));
	return lua_line_op(replaces ? "replace_object" : "attach_object", &p, err);
}

static int run_attach(const struct cli *cli, const struct args *args)
{
	const char *targets[] = { args_string(args, "target", "live"), NULL };
	bool replaces = args_flag(args, "replace");
	struct ksnap_reply reply = { 0 };
	struct ksnap_err err = { 0 };
	char own[NAME_MOST + 1];
	const char *name = args_string(args, "name", own);
	_blob_ struct ksnap_blob *elf = cli->lua ? NULL : read_object(args->words[0], &err);
	_close_ int fd = elf ? stay_signals(&err) : -1;
	_link_ struct link l = { 0 };
	const char *time = args_string(args, "for", NULL);
	uint64_t time_ns = 0;
	int r = fd < 0 ? err.code : 0;

	name_of(args->words[0], own);
	if (cli->lua)
		return say_line(args, name, &err) < 0 ? say_err(&err) : EXIT_OK;
	if (r == 0 && time)
		r = duration_parse(time, "--for", &time_ns, &err);
	if (r == 0)
		r = link_open(&l, cli, "tool", replaces ? NULL : targets, &err);
	stay_breaks_off(&l, &fd);
	if (r == 0)
		r = call(&l, args, name, elf, &reply, &err);
	stay_breaks_off(&l, NULL);
	if (r >= 0)
		r = print_object(cli, &reply, &err);
	ksnap_reply_clear(&reply);
	if (r >= 0 && !replaces)
		r = hold(&l, fd, name, time_ns, &err);
	return r < 0 ? say_err(&err) : EXIT_OK;
}

const struct command cmd_attach = {
	.name = "attach",
	.summary = "attach a BPF object while this command runs",
	.usage = "FILE.bpf.o",
	.text = "Its programs, and its struct_ops, are attached where their sections say; its maps "
		"and "
		"programs are printed. All of it is gone at ^C, SIGTERM, or the end of this "
		"command, "
		"of the broker or of the worker, however that comes.",
	.options = options,
	.min_words = 1,
	.max_words = 1,
	.words = WORDS_FILE,
	.is_op = true,
	.run = run_attach,
};
