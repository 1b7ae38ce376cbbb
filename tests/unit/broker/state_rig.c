// SPDX-License-Identifier: MIT
/* state_rig.c - folders, brokers on them, a disk that fails, and what is there as text. */
#include "state_rig.h"

#include "base/cleanup.h"
#include "broker/state.h"
#include "broker/store_report.h"
#include "core/bridge.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>
#include <zmq.h>

/* ---- a disk that fails when it is told to
 * -------------------------------------------------------- */

_Atomic bool disk_stands;
int cuts_failing, writes_left = -1;
_Atomic int syncs, sync_errno;

ssize_t __real_pwritev(int fd, const struct iovec *iov, int n, off_t offset);
ssize_t __wrap_pwritev(int fd, const struct iovec *iov, int n, off_t offset);
int __wrap_fdatasync(int fd);
int __real_ftruncate(int fd, off_t len);
int __wrap_ftruncate(int fd, off_t len);

/* The write that fails leaves a byte of itself. */
ssize_t __wrap_pwritev(int fd, const struct iovec *iov, int n, off_t offset)
{
	if (writes_left > 0)
		writes_left--;
	if (writes_left)
		return __real_pwritev(fd, iov, n, offset);
	if (pwrite(fd, iov[0].iov_base, 1, offset) < 0)
		return -1;
	errno = ENOSPC;
	return -1;
}

int __wrap_ftruncate(int fd, off_t len)
{
	if (!cuts_failing)
		return __real_ftruncate(fd, len);
	cuts_failing--;
	errno = EIO;
	return -1;
}

int __wrap_fdatasync(int fd)
{
	int failure = atomic_exchange(&sync_errno, 0);

	atomic_fetch_add(&syncs, 1);
	while (atomic_load(&disk_stands))
		sched_yield();
	errno = failure;
	return failure ? -1 : 0;
}

/* ---- folders
 * ------------------------------------------------------------------------------------- */

static char top[] = "/tmp/ksnap-state-XXXXXX";
char kept[64], copied[64];

void clear_folder(const char *path)
{
	char file[512];
	struct dirent *e;
	DIR *dir = opendir(path);

	while (dir && (e = readdir(dir))) {
		snprintf(file, sizeof(file), "%s/%s", path, e->d_name);
		unlink(file);
	}
	if (dir)
		closedir(dir);
	rmdir(path);
}

int begin_test(void **state)
{
	snprintf(kept, sizeof(kept), "%s/kept", top);
	snprintf(copied, sizeof(copied), "%s/copied", top);
	clear_folder(kept);
	clear_folder(copied);
	writes_left = -1;
	cuts_failing = 0;
	sync_errno = 0;
	syncs = 0;
	return 0;
}

int make_top(void **state)
{
	return mkdtemp(top) ? 0 : -1;
}

int remove_top(void **state)
{
	begin_test(state);
	return rmdir(top);
}

void *read_file(const char *path, size_t *ret_len)
{
	FILE *f = fopen(path, "rb");
	struct stat st;
	void *data;

	assert_non_null(f);
	assert_int_equal(fstat(fileno(f), &st), 0);
	data = malloc((size_t)st.st_size + 1);
	*ret_len = fread(data, 1, (size_t)st.st_size, f);
	fclose(f);
	return data;
}

void write_file(const char *path, const void *data, size_t len)
{
	FILE *f = fopen(path, "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, len, f), len);
	fclose(f);
}

/* As kill -9 would leave it. */
void copy_kept(void)
{
	char from[512], to[512];
	struct dirent *e;
	DIR *dir = opendir(kept);

	clear_folder(copied);
	assert_int_equal(mkdir(copied, 0700), 0);
	while ((e = readdir(dir))) {
		size_t len;
		_free_ void *data = NULL;

		if (!strstr(e->d_name, ".seg"))
			continue;
		snprintf(from, sizeof(from), "%s/%s", kept, e->d_name);
		snprintf(to, sizeof(to), "%s/%s", copied, e->d_name);
		data = read_file(from, &len);
		write_file(to, data, len);
	}
	closedir(dir);
}

uint64_t folder_bytes(const char *path, unsigned *ret_files)
{
	char file[512];
	struct dirent *e;
	DIR *dir = opendir(path);
	uint64_t sum = 0;
	struct stat st;

	*ret_files = 0;
	while ((e = readdir(dir))) {
		snprintf(file, sizeof(file), "%s/%s", path, e->d_name);
		if (!strstr(e->d_name, ".seg") || stat(file, &st))
			continue;
		sum += (uint64_t)st.st_size;
		++*ret_files;
	}
	closedir(dir);
	return sum;
}

/* ---- brokers
 * ------------------------------------------------------------------------------------- */

int try_open(struct life *l, const char *folder, const char *sync, struct ksnap_limits limits,
	     struct ksnap_err *err)
{
	static const char *const control[] = { "inproc://control", NULL };
	static const char *const live[] = { "inproc://live", NULL };
	static const char *const work[] = { "inproc://work", NULL };
	static const char *const targets[] = { "t", NULL };
	struct broker_opts o = { .size = sizeof(o),
				 .control = control,
				 .live = live,
				 .work = work,
				 .targets = targets,
				 .bridge_limits = limits,
				 .state = folder,
				 .state_sync = sync };

	l->context = o.zmq_context = zmq_ctx_new();
	l->loop = loop_create(err);
	l->broker = broker_create(l->loop, &o, err);
	return l->broker ? 0 : err->code;
}

void end_life(struct life *l)
{
	broker_destroy(l->broker);
	loop_destroy(l->loop);
	zmq_ctx_term(l->context);
}

struct life open_limited(const char *folder, struct ksnap_limits limits)
{
	struct ksnap_err err = { 0 };
	struct life l;

	if (try_open(&l, folder, NULL, limits, &err))
		fail_msg("%s", err.text);
	return l;
}

struct life open_life(const char *folder)
{
	return open_limited(folder, (struct ksnap_limits){ 0 });
}

struct hosted *life_bridge(struct life *l, const char *name)
{
	struct hosted *h = bridges_open(l->broker->bridges, wire_slice_of(name), NULL);

	assert_non_null(h);
	return h;
}

void life_store(struct life *l, const char *name, const char *tag, size_t bytes)
{
	struct ksnap_store_args args = {
		.size = sizeof(args), .complete = true, .has_step = true, .step = 7
	};
	_free_ char *data = malloc(bytes ? bytes : 1);

	memset(data, tag[0], bytes);
	args.report = ksnap_blob_copy(data, bytes);
	args.stats = tag[0] == 's' ? ksnap_blob_copy("\x93\x01\x02\x03", 4) : NULL;
	assert_int_equal(
		store_report(life_bridge(l, name), wire_slice_of(tag), &args, NULL, NULL, NULL), 0);
	ksnap_blob_unref(args.report);
	ksnap_blob_unref(args.stats);
}

void life_settle(struct life *l)
{
	state_settle(l->broker->state);
}

void life_drain(struct life *l, const char *name)
{
	struct ksnap_entry *all;
	size_t n;

	assert_int_equal(ksnap_bridge_drain_ordered(life_bridge(l, name)->core, &all, &n, NULL), 0);
	ksnap_entries_free(all, n);
}

/* ---- what is there, as text
 * ------------------------------------------------------------------------ */

static void print_entry(FILE *f, const struct ksnap_entry *e)
{
	const char *data = ksnap_blob_data(e->report);
	size_t len = ksnap_blob_size(e->report);

	fprintf(f, "  %s seq %lu ts %ld %zu bytes of %c, step %u, %s, stats %zu\n", e->tag,
		(unsigned long)e->seq, (long)e->ts, len, len ? data[len - 1] : '-',
		e->has_step ? e->step : 0, e->schema, e->stats ? ksnap_blob_size(e->stats) : 0);
}

static void print_event(FILE *f, const struct ksnap_event *ev)
{
	fprintf(f, "  %s seq %lu ts %ld", ksnap_event_name(ev->kind), (unsigned long)ev->seq,
		(long)ev->ts);
	for (unsigned i = 0; i < ev->nfields; i++)
		fprintf(f, " %s=%s/%lu", ev->fields[i].name, ev->fields[i].str ?: "",
			(unsigned long)ev->fields[i].num);
	fprintf(f, "\n");
}

static void print_bridge(FILE *f, struct hosted *h)
{
	struct ksnap_bridge_stats s;
	struct ksnap_limits l;

	ksnap_bridge_stats(h->core, &s);
	ksnap_bridge_limits(h->core, &l);
	assert_true(s.accepted == s.stored + s.evicted + s.overwritten + s.drained);
	fprintf(f,
		"%s: %lu accepted %lu stored %lu evicted %lu overwritten %lu drained %lu refused "
		"%lu unavailable; %lu events of %lu, %lu dropped; limits %lu %lu\n",
		h->name, (unsigned long)s.accepted, (unsigned long)s.stored,
		(unsigned long)s.evicted, (unsigned long)s.overwritten, (unsigned long)s.drained,
		(unsigned long)s.refused, (unsigned long)s.unavailable,
		(unsigned long)s.events_kept, (unsigned long)s.events_raised,
		(unsigned long)s.events_dropped, (unsigned long)l.snapshots,
		(unsigned long)l.events);
	for (struct store_node *n = bridge_store(h->core)->head; n; n = n->next)
		print_entry(f, &n->entry);
	for (struct event_node *n = bridge_events(h->core)->head; n; n = n->next)
		print_event(f, &n->event);
}

char *text_of(struct life *l)
{
	char *text;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	for (struct hosted *h = bridges_first(l->broker->bridges); h; h = h->next)
		print_bridge(f, h);
	fclose(f);
	return text;
}

void expect_same(const char *folder, const char *want)
{
	struct life l = open_life(folder);
	_free_ char *got = text_of(&l);

	assert_string_equal(got, want);
	end_life(&l);
}

/* Two bridges with some of everything. */
void fill(struct life *l)
{
	struct ksnap_limits small = { .snapshots = 3, .events = 4 };

	assert_non_null(
		bridges_open_with(l->broker->bridges, wire_slice_of("small"), &small, NULL));
	for (char tag[] = "a"; tag[0] < 'i'; tag[0]++) {
		life_store(l, "small", tag, 40);
		life_settle(l);
	}
	life_store(l, "default", "s1", 100);
	life_store(l, "default", "x", 0);
	life_store(l, "default", "s1", 200);
	ksnap_bridge_capture_failed(life_bridge(l, "default")->core, "y", "why not");
	life_settle(l);
}
