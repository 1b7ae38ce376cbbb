/* SPDX-License-Identifier: MIT */
/* run_script.h - run a script in the host and keep what it printed. */
#ifndef KSNAP_TESTS_RUN_SCRIPT_H
#define KSNAP_TESTS_RUN_SCRIPT_H

#include "lua/host.h"

/* Run the file, in the sandbox unless @unsafe; @out gets what went to stdout, @err what went to
 * stderr. */
enum lua_host_exit run_script_file(const char *path, bool unsafe, char *out, char *err, size_t cap);
/* The same for a text, which becomes the file scenario.lua in a new folder. */
enum lua_host_exit run_script_text(const char *text, char *out, char *err, size_t cap);

#endif
