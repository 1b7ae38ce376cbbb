// SPDX-License-Identifier: MIT
/* sys_install.c - a program of somebody else: ksnap.h and libksnap as they are installed. */
#include <ksnap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MANY 70

static int fail(const char *what, const struct ksnap_err *err)
{
	fprintf(stderr, "%s: %s: %s\n", what, ksnap_err_name(err->code), err->text);
	return 1;
}

static int store(struct ksnap_bridge *b, unsigned i, struct ksnap_err *err)
{
	char tag[16], text[32];
	struct ksnap_blob *report;
	int r;

	snprintf(tag, sizeof(tag), "t%u", i);
	snprintf(text, sizeof(text), "report %u", i);
	report = ksnap_blob_copy(text, strlen(text));
	KSNAP_OPTS(ksnap_store_args, args, .tag = tag, .report = report, .complete = true);
	r = ksnap_bridge_store(b, &args, NULL, err);
	ksnap_blob_unref(report);
	return r;
}

static int print_drained(struct ksnap_bridge *b, struct ksnap_err *err)
{
	struct ksnap_entry *entries;
	size_t n;
	int r = ksnap_bridge_drain_ordered(b, &entries, &n, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++)
		printf("%s %.*s\n", entries[i].tag, (int)ksnap_blob_size(entries[i].report),
		       (const char *)ksnap_blob_data(entries[i].report));
	ksnap_entries_free(entries, n);
	return 0;
}

int main(void)
{
	KSNAP_OPTS(ksnap_bridge_opts, opts, .name = "mine");
	struct ksnap_bridge_stats s;
	struct ksnap_err err = { 0 };
	struct ksnap_bridge *b = ksnap_bridge_create(&opts, &err);

	if (!b)
		return fail("create", &err);
	for (unsigned i = 1; i <= MANY; i++)
		if (store(b, i, &err) < 0)
			return fail("store", &err);
	if (print_drained(b, &err) < 0)
		return fail("drain", &err);
	ksnap_bridge_stats(b, &s);
	printf("ksnap %s: %u accepted, %u evicted, %u drained, %zu events\n", ksnap_version(),
	       (unsigned)s.accepted, (unsigned)s.evicted, (unsigned)s.drained,
	       ksnap_bridge_event_count(b));
	ksnap_bridge_unref(b);
	return 0;
}
