// SPDX-License-Identifier: MIT
/* replay.c - the corpus, each of its prefixes and each of its bytes changed, through the fuzz
 * targets: replay DIR. With --seed DIR it only adds the report and the BTF that samples are made
 * of. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/capture/btf_sample.h"
#include "../unit/report/sample.h"
#include "targets.h"

#define FILE_MAX    65536
#define CHANGED_MAX 4096 /* bytes at the front that are changed; what follows is data, not form */

static const struct {
	const char *name;
	fuzz_fn fn;
} targets[] = {
	{ "scan", fuzz_scan },   { "envelope", fuzz_envelope },   { "params", fuzz_params },
	{ "work", fuzz_work },   { "live", fuzz_live },           { "report", fuzz_report },
	{ "btf", fuzz_btf },     { "path", fuzz_path },           { "symbol", fuzz_symbol },
	{ "state", fuzz_state }, { "kernel_op", fuzz_kernel_op }, { "gdb", fuzz_gdb },
};

static unsigned long runs;

/* From memory of exactly this size, so that a read past the end is seen. */
static void run(fuzz_fn fn, const uint8_t *data, size_t len)
{
	uint8_t *own = malloc(len + !len);

	if (len)
		memcpy(own, data, len);
	fn(own, len);
	free(own);
	runs++;
}

static void vary(fuzz_fn fn, uint8_t *data, size_t len)
{
	static const uint8_t bytes[] = { 0x00, 0x7f, 0xc1, 0xdf, 0xff };
	size_t n = len < CHANGED_MAX ? len : CHANGED_MAX;

	run(fn, data, len);
	for (size_t i = 0; i < n; i++) {
		uint8_t was = data[i];

		run(fn, data, i);
		for (size_t k = 0; k < sizeof(bytes); k++) {
			data[i] = bytes[k];
			run(fn, data, len);
		}
		data[i] = was ^ 1;
		run(fn, data, len);
		data[i] = was;
	}
}

static size_t read_file(const char *dir, const char *target, const char *name, uint8_t *to)
{
	char path[1024];
	size_t len;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s/%s", dir, target, name);
	f = fopen(path, "rb");
	if (!f)
		return 0;
	len = fread(to, 1, FILE_MAX, f);
	fclose(f);
	return len;
}

static unsigned replay(const char *dir, const char *target, fuzz_fn fn)
{
	static uint8_t data[FILE_MAX];
	char path[1024];
	struct dirent *e;
	unsigned n = 0;
	DIR *d;

	snprintf(path, sizeof(path), "%s/%s", dir, target);
	d = opendir(path);
	while (d && (e = readdir(d))) {
		size_t len = e->d_name[0] == '.' ? 0 : read_file(dir, target, e->d_name, data);

		if (len)
			vary(fn, data, len);
		n += len > 0;
	}
	if (d)
		closedir(d);
	return n;
}

static bool write_seed(const char *dir, const char *target, const void *data, size_t len)
{
	char path[1024];
	FILE *f;
	bool ok;

	snprintf(path, sizeof(path), "%s/%s/sample", dir, target);
	f = fopen(path, "wb");
	ok = f && fwrite(data, len, 1, f) == 1;
	if (f)
		ok = !fclose(f) && ok;
	return ok;
}

static int seed(const char *dir)
{
	struct ksnap_blob *report = sample_report();
	struct btf *btf = btf_sample();
	uint32_t len = 0;
	const void *raw = btf ? btf__raw_data(btf, &len) : NULL;
	bool ok = write_seed(dir, "report", ksnap_blob_data(report), ksnap_blob_size(report));

	ok = raw && write_seed(dir, "btf", raw, len) && ok;
	btf__free(btf);
	ksnap_blob_unref(report);
	return ok ? 0 : 1;
}

int main(int argc, char **argv)
{
	const char *builddir = getenv("KSNAP_TOP_BUILDDIR");
	char dir[512];

	if (argc == 3 && !strcmp(argv[1], "--seed"))
		return seed(argv[2]);
	snprintf(dir, sizeof(dir), "%s/tests/fuzz/corpus", builddir ? builddir : ".");
	printf("1..%zu\n", sizeof(targets) / sizeof(targets[0]));
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		unsigned n;

		runs = 0;
		n = replay(argc == 2 ? argv[1] : dir, targets[i].name, targets[i].fn);
		printf("%sok %zu - %s: %u files, %lu inputs\n", n ? "" : "not ", i + 1,
		       targets[i].name, n, runs);
	}
	return 0;
}
