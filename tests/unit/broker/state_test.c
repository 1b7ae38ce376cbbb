// SPDX-License-Identifier: MIT
/* state_test.c - what a broker's bridges hold comes back from the folder: after every cut, through
 * full disks and failing syncs, from many files and few; and damage is never taken for the truth.
 */
#include "state_rig.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "broker/segment.h"
#include "broker/state.h"
#include "broker/state_load.h"

static void test_misuse(void **state)
{
	struct ksnap_err err = { 0 };
	struct life l;

	assert_int_equal(try_open(&l, kept, "sometimes", (struct ksnap_limits){ 0 }, &err),
			 KSNAP_E_ARG);
	assert_non_null(strstr(err.text, "no, second or always"));
	end_life(&l);
	assert_true(try_open(&l, "/proc/no/such", NULL, (struct ksnap_limits){ 0 }, &err) < 0);
	assert_non_null(strstr(err.text, "/proc/no/such"));
	end_life(&l);
	write_file(kept, "", 0);
	assert_true(try_open(&l, kept, NULL, (struct ksnap_limits){ 0 }, &err) < 0);
	end_life(&l);
	unlink(kept);
}

static void test_all_comes_back(void **state)
{
	struct life l = open_life(kept);
	_free_ char *want = NULL;

	fill(&l);
	want = text_of(&l);
	assert_non_null(strstr(want, "small: 8 accepted 3 stored 5 evicted"));
	assert_non_null(strstr(want, "capture_unavailable seq 2"));
	copy_kept();
	end_life(&l);
	expect_same(kept, want);
	expect_same(copied, want);
	expect_same(copied, want);
}

static void test_drained_is_gone(void **state)
{
	struct life l = open_life(kept);
	_free_ char *want = NULL;
	struct ksnap_event *events;
	size_t n;

	fill(&l);
	life_drain(&l, "small");
	assert_int_equal(
		ksnap_bridge_drain_events(life_bridge(&l, "small")->core, &events, &n, NULL), 0);
	ksnap_events_free(events, n);
	bridges_close(l.broker->bridges, life_bridge(&l, "default"));
	life_settle(&l);
	want = text_of(&l);
	assert_non_null(
		strstr(want, "small: 8 accepted 0 stored 5 evicted 0 overwritten 3 drained"));
	assert_null(strstr(want, "default"));
	copy_kept();
	end_life(&l);
	expect_same(copied, want);
}

static void test_second_broker(void **state)
{
	struct life l = open_life(kept), other;
	struct ksnap_err err = { 0 };
	char pid[32];

	assert_int_equal(try_open(&other, kept, NULL, (struct ksnap_limits){ 0 }, &err),
			 KSNAP_E_STATE);
	snprintf(pid, sizeof(pid), "process %d)", (int)getpid());
	assert_non_null(strstr(err.text, pid));
	end_life(&other);
	end_life(&l);
}

/* The file after each settle: how long it was, and what was there. */
#define STEPS 6

static void *write_steps(size_t *ret_len, size_t lens[STEPS], char *texts[STEPS])
{
	struct life l = open_life(kept);
	char file[128];
	struct stat st;
	void *data;

	snprintf(file, sizeof(file), "%s/0000000001.seg", kept);
	for (int i = 0; i < STEPS; i++) {
		char tag[] = { (char)('a' + i % 4), '\0' };

		if (i)
			life_store(&l, "default", tag, 5);
		life_settle(&l);
		assert_int_equal(stat(file, &st), 0);
		lens[i] = (size_t)st.st_size;
		texts[i] = text_of(&l);
	}
	data = read_file(file, ret_len);
	assert_int_equal(*ret_len, lens[STEPS - 1]);
	end_life(&l);
	return data;
}

/* Has the only bridge, if any, exactly the @snapshots lines of @want, and said that it was cut? */
static void expect_cut(struct life *l, const char *want, bool cut)
{
	_free_ char *got = text_of(l), *rows = NULL;
	const char *from = strchr(got, '\n'), *to = strstr(want, "overwrite seq");
	const char *want_from = strchr(want, '\n');

	if (!want_from) {
		assert_string_equal(got, "");
		return;
	}
	rows = strndup(want_from, to ? (size_t)(to - want_from) : strlen(want_from));
	assert_int_equal(strncmp(from, rows, strlen(rows)), 0);
	assert_int_equal(strstr(got, "state_cut") != NULL, cut);
}

static void test_torn_at_every_byte(void **state)
{
	size_t len, lens[STEPS], whole = STEPS;
	char *texts[STEPS], file[128];
	_free_ void *data = write_steps(&len, lens, texts);

	snprintf(file, sizeof(file), "%s/0000000001.seg", copied);
	for (size_t at = len + 1; at-- > 0;) {
		struct life l;

		clear_folder(copied);
		mkdir(copied, 0700);
		write_file(file, data, at);
		while (whole && lens[whole - 1] > at)
			whole--;
		l = open_life(copied);
		expect_cut(&l, whole ? texts[whole - 1] : "", whole && at > lens[whole - 1]);
		end_life(&l);
	}
	for (int i = 0; i < STEPS; i++)
		free(texts[i]);
}

/* A byte that is another one in the last record cuts it off; anywhere before, it is damage. */
static void test_flipped_at_every_byte(void **state)
{
	size_t len, lens[STEPS];
	char *texts[STEPS], file[128], place[64];
	_free_ char *data = write_steps(&len, lens, texts);

	snprintf(file, sizeof(file), "%s/0000000001.seg", copied);
	for (size_t at = 0; at < len; at++) {
		struct ksnap_err err = { 0 };
		struct life l;
		int rc;

		clear_folder(copied);
		mkdir(copied, 0700);
		data[at] ^= 0x40;
		write_file(file, data, len);
		data[at] ^= 0x40;
		rc = try_open(&l, copied, NULL, (struct ksnap_limits){ 0 }, &err);
		if (at >= lens[STEPS - 2]) {
			assert_int_equal(rc, 0);
			expect_cut(&l, texts[STEPS - 2], true);
		} else {
			size_t i = 0;

			while (lens[i] <= at)
				i++;
			snprintf(place, sizeof(place), "0000000001.seg is damaged at byte %zu",
				 at < SEGMENT_HEAD ? 0
				 : i               ? lens[i - 1]
						   : (size_t)SEGMENT_HEAD);
			assert_int_equal(rc, KSNAP_E_STATE);
			if (!strstr(err.text, place))
				fail_msg("byte %zu: '%s', not '%s'", at, err.text, place);
		}
		end_life(&l);
	}
	for (int i = 0; i < STEPS; i++)
		free(texts[i]);
}

static void test_lower_limits(void **state)
{
	struct life l = open_life(kept);
	_free_ char *text = NULL, *want = NULL;

	for (char tag[] = "a"; tag[0] < 'i'; tag[0]++)
		life_store(&l, "default", tag, 100);
	life_store(&l, "default", "h", 100);
	end_life(&l);
	l = open_limited(kept, (struct ksnap_limits){ .snapshots = 5, .events = 2, .bytes = 350 });
	text = text_of(&l);
	assert_non_null(strstr(text, "9 accepted 3 stored 5 evicted 1 overwritten"));
	assert_non_null(strstr(text, "2 events of 6, 4 dropped"));
	assert_null(strstr(text, " e seq"));
	assert_non_null(strstr(text, " f seq 6"));
	end_life(&l);
	l = open_life(kept);
	want = text_of(&l);
	assert_non_null(strstr(want, "9 accepted 3 stored 5 evicted 1 overwritten"));
	assert_non_null(strstr(want, "2 events of 6, 4 dropped"));
	end_life(&l);
	expect_same(kept, want);
}

static void test_files_stay_few(void **state)
{
	struct life l = open_life(kept);
	_free_ char *want = NULL;
	unsigned files;
	uint64_t bytes;

	life_store(&l, "quiet", "old", 1000);
	life_settle(&l);
	for (unsigned i = 0; i < 120; i++) {
		char tag[16];

		snprintf(tag, sizeof(tag), "t%u", i % 4);
		life_store(&l, "default", tag, MIB);
		snprintf(tag, sizeof(tag), "q%u", i);
		if (i % 40 == 0)
			life_store(&l, "quiet", tag, MIB / 2);
		life_settle(&l);
	}
	want = text_of(&l);
	copy_kept();
	end_life(&l);
	expect_same(copied, want);
	expect_same(kept, want);
	bytes = folder_bytes(kept, &files);
	assert_in_range(bytes, 5 * MIB, 2 * (4 * MIB + 3 * MIB / 2 + 4096) + 4 * SEGMENT_BYTES);
}

static void test_large_report_has_its_own_file(void **state)
{
	struct life l = open_life(kept);
	_free_ char *want = NULL;

	life_store(&l, "default", "before", 10);
	life_settle(&l);
	life_store(&l, "default", "large", 20 * MIB);
	life_settle(&l);
	life_store(&l, "default", "after", 10);
	life_settle(&l);
	want = text_of(&l);
	copy_kept();
	end_life(&l);
	expect_same(copied, want);
}

static void count_syncs(const char *sync, bool at_settle, bool at_tick)
{
	struct ksnap_err err = { 0 };
	struct life l;

	begin_test(NULL);
	assert_int_equal(try_open(&l, kept, sync, (struct ksnap_limits){ 0 }, &err), 0);
	life_store(&l, "default", "a", 10);
	life_settle(&l);
	assert_int_equal(atomic_load(&syncs) > 0, at_settle);
	state_tick(l.broker->state);
	/* Another thread does it: it comes, or it never does. */
	while (at_tick && !atomic_load(&syncs))
		sched_yield();
	assert_int_equal(atomic_load(&syncs) > 0, at_settle || at_tick);
	end_life(&l);
	assert_true(atomic_load(&syncs) > 0);
}

static void test_policies(void **state)
{
	count_syncs("no", false, false);
	count_syncs("second", false, true);
	count_syncs("always", true, true);
}

/* The broker's thread goes on while the other one waits for the disk. */
static void test_slow_disk(void **state)
{
	struct life l = open_life(kept);
	_free_ char *want = NULL;

	disk_stands = true;
	life_store(&l, "default", "a", 10);
	state_tick(l.broker->state);
	while (!atomic_load(&syncs))
		sched_yield();
	for (unsigned i = 0; i < 20; i++) {
		life_store(&l, "default", "b", MIB);
		life_settle(&l);
		state_tick(l.broker->state);
	}
	assert_int_equal(atomic_load(&syncs), 1);
	want = text_of(&l);
	copy_kept();
	disk_stands = false;
	end_life(&l);
	expect_same(copied, want);
	expect_same(kept, want);
}

static bool has_event(struct life *l, const char *kind)
{
	_free_ char *text = text_of(l);

	return strstr(text, kind) != NULL;
}

/* Every write of a run fails once; the broker goes on, catches up, and what is there then is
 * right. What a killed broker leaves meanwhile is sound, and some moment of before. */
static void test_each_write_fails(void **state)
{
	for (int k = 1;; k++) {
		struct life l, other;
		_free_ char *want = NULL;

		begin_test(NULL);
		l = open_life(kept);
		life_store(&l, "default", "0", 50);
		life_settle(&l);
		writes_left = k;
		fill(&l);
		life_store(&l, "default", "large", 9 * MIB);
		life_settle(&l);
		life_drain(&l, "small");
		life_settle(&l);
		if (writes_left > 0) {
			writes_left = -1;
			assert_true(k > 10);
			end_life(&l);
			break;
		}
		assert_true(has_event(&l, "state_behind"));
		copy_kept();
		other = open_life(copied);
		assert_true(has_event(&other, "default: "));
		end_life(&other);
		writes_left = -1;
		state_tick(l.broker->state);
		assert_true(has_event(&l, "state_caught_up"));
		life_settle(&l);
		want = text_of(&l);
		copy_kept();
		end_life(&l);
		expect_same(copied, want);
	}
}

/* What was written of a catching up that broke off does not come back later under new numbers. */
static void test_unconfirmed_stays_so(void **state)
{
	struct life l = open_life(kept);
	unsigned files;

	life_store(&l, "default", "a", 50);
	life_settle(&l);
	writes_left = 0;
	life_store(&l, "default", "b", 50);
	life_settle(&l);
	for (char tag[] = "c"; tag[0] < 'f'; tag[0]++)
		life_store(&l, "default", tag, 5 * MIB);
	/* a file's two heads, books without what is new, b and c, and then no more */
	writes_left = 5;
	state_tick(l.broker->state);
	assert_int_equal(writes_left, 0);
	copy_kept();
	assert_in_range(folder_bytes(copied, &files), 5 * MIB, 6 * MIB);
	writes_left = -1;
	end_life(&l);
	l = open_life(copied);
	assert_false(has_event(&l, " b seq"));
	assert_false(has_event(&l, " c seq"));
	for (char tag[] = "p"; tag[0] < 'u'; tag[0]++) {
		_free_ char *want = NULL;

		life_store(&l, "default", tag, 10);
		life_settle(&l);
		want = text_of(&l);
		end_life(&l);
		expect_same(copied, want);
		l = open_life(copied);
	}
	assert_true(has_event(&l, " p seq 2 "));
	end_life(&l);
}

/* A file whose broken end cannot be cut is not left behind for others to stumble over. */
static void test_failed_cut(void **state)
{
	struct life l = open_life(kept);
	_free_ char *want = NULL;

	fill(&l);
	writes_left = 0;
	cuts_failing = 2;
	life_store(&l, "default", "z", 100);
	life_settle(&l);
	state_tick(l.broker->state);
	assert_int_equal(cuts_failing, 0);
	assert_true(has_event(&l, "Input/output error") || has_event(&l, "No space left"));
	writes_left = -1;
	state_tick(l.broker->state);
	assert_true(has_event(&l, "state_caught_up"));
	life_settle(&l);
	want = text_of(&l);
	copy_kept();
	end_life(&l);
	expect_same(copied, want);
	expect_same(kept, want);
}

static void test_failed_sync(void **state)
{
	struct ksnap_err err = { 0 };
	_free_ char *want = NULL;
	unsigned files;
	struct life l;

	assert_int_equal(try_open(&l, kept, "always", (struct ksnap_limits){ 0 }, &err), 0);
	fill(&l);
	sync_errno = EIO;
	life_store(&l, "default", "z", 10);
	life_settle(&l);
	assert_true(has_event(&l, "state_behind"));
	assert_true(has_event(&l, "Input/output error"));
	state_tick(l.broker->state);
	assert_true(has_event(&l, "state_caught_up"));
	life_settle(&l);
	want = text_of(&l);
	copy_kept();
	expect_same(copied, want);
	/* Nothing depends on what could not be synced. */
	state_tick(l.broker->state);
	state_tick(l.broker->state);
	folder_bytes(kept, &files);
	assert_int_equal(files, 1);
	end_life(&l);
	expect_same(kept, want);
}

static void test_begins_on_a_full_disk(void **state)
{
	struct life l;

	writes_left = 0;
	l = open_life(kept);
	life_store(&l, "default", "a", 10);
	life_settle(&l);
	writes_left = -1;
	state_tick(l.broker->state);
	life_settle(&l);
	copy_kept();
	end_life(&l);
	l = open_life(copied);
	assert_true(has_event(&l, " a seq 1"));
	end_life(&l);
}

static void test_any_record(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} bad[] = {
		{ "\xc1", 1 },
		{ "\x80", 1 },
		{ "\x05", 1 },
		{ "\x81\xa1k\xa4head", 8 },
		{ "\x81\xa1k\xa5never", 9 },
		{ "\x81\xa1k\xa8snapshot", 12 },
		{ "\xdf\xff\xff\xff\xff", 5 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct ksnap_err err = { 0 };

		assert_true(state_check_records(bad[i].bytes, bad[i].len, &err) < 0);
		assert_true(err.text[0]);
	}
	assert_int_equal(state_check_records("", 0, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_misuse, begin_test),
		cmocka_unit_test_setup(test_any_record, begin_test),
		cmocka_unit_test_setup(test_all_comes_back, begin_test),
		cmocka_unit_test_setup(test_drained_is_gone, begin_test),
		cmocka_unit_test_setup(test_second_broker, begin_test),
		cmocka_unit_test_setup(test_torn_at_every_byte, begin_test),
		cmocka_unit_test_setup(test_flipped_at_every_byte, begin_test),
		cmocka_unit_test_setup(test_lower_limits, begin_test),
		cmocka_unit_test_setup(test_files_stay_few, begin_test),
		cmocka_unit_test_setup(test_large_report_has_its_own_file, begin_test),
		cmocka_unit_test_setup(test_policies, begin_test),
		cmocka_unit_test_setup(test_slow_disk, begin_test),
		cmocka_unit_test_setup(test_each_write_fails, begin_test),
		cmocka_unit_test_setup(test_unconfirmed_stays_so, begin_test),
		cmocka_unit_test_setup(test_failed_cut, begin_test),
		cmocka_unit_test_setup(test_failed_sync, begin_test),
		cmocka_unit_test_setup(test_begins_on_a_full_disk, begin_test),
	};

	return cmocka_run_group_tests(tests, make_top, remove_top);
}
