/* SPDX-License-Identifier: MIT */
/* report_out.h - a report to stdout in the form that was asked for. */
#ifndef KSNAP_CLI_REPORT_OUT_H
#define KSNAP_CLI_REPORT_OUT_H

#include "cli/commands.h"
#include "ksnap.h"

#define REPORT_ROWS_SHOWN 20 /* of each map, in a table, unless --rows says otherwise */

/* The rows of options that report_print() reads; put into a command's own table. */
#define REPORT_OPTIONS                                                                            \
	{ "raw", 0, OPTION_FLAG, NULL, "JSON: plain numbers, no names of enums", 0, 0 },          \
		{ "indent", 0, OPTION_UINT, "N", "JSON: spaces a level; one line when not given", \
		  1,        16 },                                                                 \
	{                                                                                         \
		"rows", 0, OPTION_UINT, "N",                                                      \
			"table: entries shown of each map, 20 when not given; 0: all", 0, 0       \
	}

/* @name: whose report it is, for errors. */
int report_print(const struct cli *cli, const struct args *args, const char *name,
		 struct ksnap_blob *report, struct ksnap_err *err);

#endif
