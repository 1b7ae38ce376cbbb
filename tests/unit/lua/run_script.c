// SPDX-License-Identifier: MIT
/* run_script.c - descriptors 1 and 2 go to files while the host runs. */
#include "run_script.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

static int redirect(int fd, FILE *to)
{
	int saved = dup(fd);

	dup2(fileno(to), fd);
	return saved;
}

static void restore(int fd, int saved, FILE *from, char *text, size_t cap)
{
	size_t n;

	dup2(saved, fd);
	close(saved);
	rewind(from);
	n = fread(text, 1, cap - 1, from);
	text[n] = '\0';
	fclose(from);
}

enum lua_host_exit run_script_file(const char *path, bool unsafe, char *out, char *err, size_t cap)
{
	const char *const args[] = { "one", "two", NULL };
	struct lua_host_opts opts = {
		.endpoint = "inproc://fake", .args = args, .number = 3, .unsafe = unsafe
	};
	FILE *to_out = tmpfile(), *to_err = tmpfile();
	enum lua_host_exit code;
	int saved_out, saved_err;

	fflush(stdout);
	fflush(stderr);
	saved_out = redirect(STDOUT_FILENO, to_out);
	saved_err = redirect(STDERR_FILENO, to_err);
	code = lua_host_run(path, &opts);
	fflush(stdout);
	fflush(stderr);
	restore(STDOUT_FILENO, saved_out, to_out, out, cap);
	restore(STDERR_FILENO, saved_err, to_err, err, cap);
	return code;
}

enum lua_host_exit run_script_text(const char *text, char *out, char *err, size_t cap)
{
	char folder[] = "/tmp/ksnap-script-XXXXXX", path[64];
	enum lua_host_exit code;
	FILE *f;

	if (!mkdtemp(folder))
		abort();
	snprintf(path, sizeof(path), "%s/scenario.lua", folder);
	f = fopen(path, "w");
	fputs(text, f);
	fclose(f);
	code = run_script_file(path, false, out, err, cap);
	unlink(path);
	rmdir(folder);
	return code;
}
