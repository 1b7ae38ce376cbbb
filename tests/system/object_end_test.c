// SPDX-License-Identifier: MIT
/* object_end_test.c - "object:NAME": when an attached struct_ops is torn down, its last state is
 * captured before its maps go. The struct_ops is a TCP congestion control that nothing uses.
 *
 * Needs the right to use BPF; KSNAP_TEST_REQUIRE=bpf makes its absence a failure.
 */
#include "live_rig.h"

#include <bpf/bpf.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "capture/live/live.h"

#define PLACEHOLDER "ksnap_t_000000"

static struct live_rig rig;
static uint64_t last_id;

/* The object's bytes, the name of its congestion control this process's own. */
static void *read_congest(size_t *ret_len)
{
	uint8_t *elf = rig_read_object("congest", ret_len);
	char *at = memmem(elf, *ret_len, PLACEHOLDER, strlen(PLACEHOLDER)), digits[8];

	assert_non_null(at);
	snprintf(digits, sizeof(digits), "%06d", getpid() % 1000000);
	memcpy(at + 8, digits, 6);
	return elf;
}

static int arm(const char *symbol, struct ksnap_err *err)
{
	struct watch_request rq = { .id = ++last_id, .symbol = symbol, .rate = 20, .burst = 10 };
	struct watch_place place = { 1, 1, 1, NULL };
	int ret = target_live.arm(rig.target, &rq, &place, err);

	if (!ret) {
		assert_int_equal(place.addr, 0);
		assert_int_equal(place.slot, 0);
	}
	return ret;
}

static struct watch_news next_news(void)
{
	struct pollfd p = { .fd = target_live.watch_fd(rig.target), .events = POLLIN };
	struct watch_news n;

	while (!target_live.watch_next(rig.target, &n))
		assert_int_equal(poll(&p, 1, 60000), 1);
	assert_int_equal(n.id, last_id);
	return n;
}

/* What the broker has the worker do after a hit. */
static struct ksnap_snapshot *capture_end(const char *map)
{
	struct capture_cause cause = { .id = "default/7#1", .watch = last_id };
	struct capture_request rq = { .tag = "end",
				      .maps = &map,
				      .nmaps = 1,
				      .deadline_mono_ns = in_a_minute(),
				      .cause = &cause };
	struct report_info info = { .tag = "end", .target_kind = "live", .target_name = "live" };
	struct ksnap_snapshot *s;
	struct ksnap_blob *blob;
	struct ksnap_err err;

	assert_int_equal(report_begin(rig.rb, &info, &err), 0);
	if (target_live.capture(rig.target, &rq, rig.rb, &err))
		fail_msg("%s", err.text);
	blob = report_finish(rig.rb, NULL, NULL, &err);
	s = ksnap_snapshot_open(blob, &err);
	assert_non_null(s);
	ksnap_blob_unref(blob);
	return s;
}

static void expect_gone(uint32_t map_id)
{
	struct watch_news n = next_news();
	struct watch_counts c;
	int fd;

	assert_int_equal(n.kind, WATCH_NEWS_DISARMED);
	assert_string_equal(n.reason, "object_gone");
	assert_int_equal(n.counts.hits, 1);
	assert_int_equal(target_live.disarm(rig.target, last_id, &c, NULL), KSNAP_E_NOTFOUND);
	while ((fd = bpf_map_get_fd_by_id(map_id)) >= 0) {
		close(fd);
		sched_yield();
	}
}

static uint32_t section_id(const struct ksnap_snapshot *s)
{
	assert_int_equal(ksnap_snapshot_map_count(s), 1);
	return ksnap_map_id(ksnap_snapshot_map_at(s, 0));
}

static void the_last_state_of_our_own_is_captured(void **state)
{
	_buf_ struct buf reply = BUF_INIT;
	struct ksnap_snapshot *s;
	struct ksnap_value v;
	struct watch_news n;
	struct ksnap_err err;
	uint64_t window = 0;
	size_t len;
	void *elf = read_congest(&len);

	if (target_live.attach(rig.target, "mine", elf, len, &reply, &err))
		fail_msg("%s", err.text);
	assert_int_equal(arm("object:mine", &err), 0);
	assert_int_equal(target_live.watch_next(rig.target, &n), 0);
	assert_int_equal(target_live.detach(rig.target, "mine", &err), 0);
	n = next_news();
	assert_int_equal(n.kind, WATCH_NEWS_HIT);
	assert_int_equal(n.n, 1);
	s = capture_end("mine.data");
	if (ksnap_snapshot_var(s, "window", &v, &err))
		fail_msg("%s", err.text);
	memcpy(&window, v.data, 4);
	assert_int_equal(window, 10);
	expect_gone(section_id(s));
	ksnap_snapshot_close(s);
	free(elf);
}

/* As when the process that loaded it dies. */
static void the_last_state_of_somebody_elses_is_captured(void **state)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = "theirs");
	struct ksnap_snapshot *s;
	struct bpf_object *obj;
	struct bpf_link *link;
	struct watch_news n;
	struct ksnap_err err;
	size_t len;
	void *elf = read_congest(&len);

	obj = bpf_object__open_mem(elf, len, &opts);
	assert_non_null(obj);
	assert_int_equal(bpf_object__load(obj), 0);
	link = bpf_map__attach_struct_ops(bpf_object__find_map_by_name(obj, "congest"));
	assert_non_null(link);
	assert_int_equal(arm("object:congest", &err), 0);
	bpf_link__destroy(link);
	bpf_object__close(obj);
	n = next_news();
	assert_int_equal(n.kind, WATCH_NEWS_HIT);
	s = capture_end("theirs.bss");
	expect_gone(section_id(s));
	ksnap_snapshot_close(s);
	free(elf);
}

static void write_fact(const char *dir, const char *name, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "we");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static void remove_facts(const char *dir)
{
	static const char *const names[] = { "/state", "/enable_seq", "/root/ops", "/root", "" };
	char path[128];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", dir, names[i]);
		assert_int_equal(remove(path), 0);
	}
}

/* What the kernel does with a scheduler that fails, told by files; the object is of another type.
 */
static void an_aborted_scheduler_ends_while_attached(void **state)
{
	char dir[] = "/tmp/object_end_test.XXXXXX", path[64];
	_buf_ struct buf reply = BUF_INIT;
	struct object_ends *ends = &rig.target->ends;
	const char *was_dir = ends->sched_dir, *was_type = ends->sched_type;
	struct watch_news n;
	struct ksnap_err err;
	size_t len;
	void *elf = read_congest(&len);

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/root", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	write_fact(dir, "state", "enabled\n");
	write_fact(dir, "enable_seq", "3\n");
	write_fact(dir, "root/ops", "swift\n");
	ends->sched_dir = dir;
	ends->sched_type = "bpf_struct_ops_tcp_congestion_ops";
	assert_int_equal(target_live.attach(rig.target, "sched", elf, len, &reply, &err), 0);
	assert_int_equal(arm("object:slow", &err), KSNAP_E_NOTFOUND);
	assert_non_null(strstr(err.text, "swift"));
	assert_int_equal(arm("object:swift", &err), 0);
	object_ends_look(ends);
	assert_int_equal(target_live.watch_next(rig.target, &n), 0);
	write_fact(dir, "enable_seq", "4\n"); /* another one by that name */
	n = next_news();
	assert_int_equal(n.kind, WATCH_NEWS_HIT);
	ksnap_snapshot_close(capture_end("sched.bss"));
	assert_int_equal(next_news().kind, WATCH_NEWS_DISARMED);
	assert_int_equal(arm("object:swift", &err), 0);
	write_fact(dir, "state", "disabled\n");
	assert_int_equal(next_news().kind, WATCH_NEWS_HIT);
	ksnap_snapshot_close(capture_end("sched.bss"));
	assert_int_equal(next_news().kind, WATCH_NEWS_DISARMED);
	assert_int_equal(arm("object:swift", &err), KSNAP_E_NOTFOUND);
	assert_int_equal(target_live.detach(rig.target, "sched", &err), 0);
	ends->sched_dir = was_dir;
	ends->sched_type = was_type;
	remove_facts(dir);
	free(elf);
}

static void what_is_not_attached_is_refused(void **state)
{
	struct ksnap_err err;

	assert_int_equal(arm("object:nobody", &err), KSNAP_E_NOTFOUND);
	assert_non_null(strstr(err.text, "attached are"));
}

static void one_that_still_waits_is_disarmed(void **state)
{
	_buf_ struct buf reply = BUF_INIT;
	struct watch_counts c;
	struct watch_news n;
	struct ksnap_err err;
	size_t len;
	void *elf = read_congest(&len);

	assert_int_equal(target_live.attach(rig.target, "probe", elf, len, &reply, &err), 0);
	for (int i = 0; i < 8; i++)
		assert_int_equal(arm("object:probe", &err), 0);
	assert_int_equal(arm("object:probe", &err), KSNAP_E_LIMIT);
	for (int i = 1; i <= 8; i++) {
		assert_int_equal(target_live.watch_counts(rig.target, last_id - i, &c, &err), 0);
		assert_int_equal(target_live.disarm(rig.target, last_id - i, &c, &err), 0);
		assert_int_equal(c.hits, 0);
	}
	assert_int_equal(target_live.detach(rig.target, "probe", &err), 0);
	assert_int_equal(target_live.watch_next(rig.target, &n), 0);
	free(elf);
}

static int set_up(void **state)
{
	rig_open(&rig);
	return 0;
}

static int tear_down(void **state)
{
	rig_close(&rig);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_attached_is_refused),
		cmocka_unit_test(one_that_still_waits_is_disarmed),
		cmocka_unit_test(the_last_state_of_our_own_is_captured),
		cmocka_unit_test(the_last_state_of_somebody_elses_is_captured),
		cmocka_unit_test(an_aborted_scheduler_ends_while_attached),
	};
	int cannot = rig_cannot_run();

	return cannot >= 0 ? cannot : cmocka_run_group_tests(tests, set_up, tear_down);
}
