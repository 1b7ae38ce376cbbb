// SPDX-License-Identifier: MIT
/* outsider.c - a program that knows ksnap.h and nothing else: hosts a bridge, meets no broker. */
#include <ksnap.h>
#include <stdio.h>
#include <string.h>

static int store_one(struct ksnap_bridge *b)
{
	struct ksnap_blob *report = ksnap_blob_copy("report", 6);
	KSNAP_OPTS(ksnap_store_args, args, .tag = "t0", .report = report, .complete = true);
	int rc = ksnap_bridge_store(b, &args, NULL, NULL);

	ksnap_blob_unref(report);
	return rc < 0 || !ksnap_bridge_has(b, "t0");
}

int main(void)
{
	KSNAP_OPTS(ksnap_bridge_opts, bo, .name = "outside");
	KSNAP_OPTS(ksnap_connect_opts, co, .timeout_ms = 100);
	struct ksnap_err err = { 0 };
	struct ksnap_bridge *b = ksnap_bridge_create(&bo, &err);

	if (!b || store_one(b))
		return 1;
	ksnap_bridge_unref(b);
	if (ksnap_client_connect("ipc:///nowhere/ksnap", &co, &err) ||
	    err.code != KSNAP_E_UNREACHABLE)
		return 2;
	printf("libksnap %s: %s\n", ksnap_version(), ksnap_err_name(err.code));
	return strlen(ksnap_version()) == 0;
}
