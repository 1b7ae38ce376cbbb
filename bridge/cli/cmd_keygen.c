// SPDX-License-Identifier: MIT
/* cmd_keygen.c - ksnap keygen: a pair of CURVE keys, for a broker or for a client of one. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "cli/commands.h"
#include "cli/out.h"
#include "cli/print.h"
#include "wire/curve.h"
#include "wire/pack.h"

static const struct option_row options[] = { { 0 } };

static void put_pair(struct buf *b, const struct curve_pair *pair)
{
	buf_printf(b,
		   "# Keys of ksnap. Whoever reads the secret one can be you.\n"
		   "public %s\nsecret %s\n",
		   pair->public_key, pair->secret_key);
}

static int fail(const char *path, int error, struct ksnap_err *err)
{
	if (error == EEXIST)
		return err_set(err, KSNAP_E_STATE,
			       "%s is there already and stays as it is; whom would its key lock "
			       "out? Remove it, or name another file",
			       path);
	return err_errno(err, KSNAP_E_ARG, error, "cannot write %s", path);
}

/* Never there with wider permissions, and never in part. */
static int write_file(const char *path, const struct curve_pair *pair, struct ksnap_err *err)
{
	_buf_ struct buf b = BUF_INIT;
	_close_ int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	ssize_t n;
	int rc = 0;

	if (fd < 0)
		return fail(path, errno, err);
	put_pair(&b, pair);
	n = buf_ok(&b) ? write(fd, b.data, b.len) : -1;
	if (n != (ssize_t)b.len || fsync(fd))
		rc = fail(path, n < 0 || errno ? errno : ENOSPC, err);
	if (rc)
		unlink(path);
	explicit_bzero(b.data, b.len);
	return rc;
}

static int tell(const struct cli *cli, const struct curve_pair *pair, bool secret,
		struct ksnap_err *err)
{
	_buf_ struct buf b = BUF_INIT;
	struct ksnap_reply reply;
	msgpack_packer pk;
	int rc;

	if (cli->output == OUTPUT_TABLE && !secret) {
		out_printf("%s\n", pair->public_key);
		return 0;
	}
	pack_init(&pk, &b);
	msgpack_pack_map(&pk, secret ? 2 : 1);
	pack_str(&pk, "public");
	pack_str(&pk, pair->public_key);
	if (secret) {
		pack_str(&pk, "secret");
		pack_str(&pk, pair->secret_key);
	}
	if (cli->output == OUTPUT_TABLE) {
		buf_clear(&b);
		put_pair(&b, pair);
		out_buf(&b);
		return 0;
	}
	reply = (struct ksnap_reply){ .r = b.data, .r_len = b.len };
	rc = print_reply(cli, &reply, NULL, err);
	explicit_bzero(b.data, b.len);
	return rc;
}

static int run_keygen(const struct cli *cli, const struct args *args)
{
	const char *path = args->nwords ? args->words[0] : NULL;
	struct curve_pair pair;
	struct ksnap_err err;
	int r = curve_make(&pair, &err);

	if (r == 0 && path)
		r = write_file(path, &pair, &err);
	if (r == 0)
		r = tell(cli, &pair, !path, &err);
	curve_pair_clear(&pair);
	return r < 0 ? say_err(&err) : EXIT_OK;
}

const struct command cmd_keygen = {
	.name = "keygen",
	.summary = "make a pair of keys for encrypted connections",
	.usage = "[FILE]",
	.text = "Writes both keys to FILE, which only you may read, and prints the public one; a "
		"FILE "
		"that is there is never overwritten. Without FILE both are printed. The public key "
		"of a broker is its clients' --server-key; that of a client is a line in the file "
		"that 'ksnap serve --authorised' names: KEY ROLE[,ROLE] NAME.",
	.options = options,
	.max_words = 1,
	.run = run_keygen,
};
