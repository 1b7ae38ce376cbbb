// SPDX-License-Identifier: MIT
/* kernel_names_test.c - a running kernel made of files: its list of functions, its notes, and what
 * may lie at the usual places. */
#include "memory/machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/live/kernel_names.h"

#define SLIDE 0x1c000000ull

static char root[] = "kernel_names_test.XXXXXX";
static char kallsyms[64], notes[64], usual[64], map[64], named[64];
static const uint8_t build_id[20] = { 1, 2, 3 }, other_id[20] = { 9 };
static struct kernel_names names;

static void write_file(const char *path, const void *data, size_t len)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static void write_notes(const uint8_t id[20])
{
	uint8_t note[56] = { 4, 0, 0, 0, 4, 0, 0,  0, 1, 1, 0, 0, 'X', 'e', 'n', 0,   7,   7,
			     7, 7, 4, 0, 0, 0, 20, 0, 0, 0, 3, 0, 0,   0,   'G', 'N', 'U', 0 };

	memcpy(note + 36, id, 20);
	write_file(notes, note, sizeof(note));
}

/* Functions alone, as without CONFIG_KALLSYMS_ALL, at the addresses of @slide. */
static void write_kallsyms(uint64_t slide)
{
	char text[256];

	snprintf(text, sizeof(text), "%llx T _stext\n%llx T _etext\n%llx t other\t[module]\n",
		 KERNEL_LINK + slide, KERNEL_LINK + slide + 0x3000, KERNEL_LINK + slide);
	write_file(kallsyms, text, strlen(text));
}

static int begin(void **state)
{
	kernel_names_init(&names);
	names.kallsyms = kallsyms;
	names.notes = notes;
	names.root = root;
	snprintf(names.release, sizeof(names.release), "6.9.1-made");
	write_kallsyms(SLIDE);
	write_notes(build_id);
	return 0;
}

static int end(void **state)
{
	kernel_names_fini(&names);
	unlink(usual);
	unlink(map);
	unlink(named);
	return 0;
}

static void take(const char *option)
{
	char text[96];

	snprintf(text, sizeof(text), "%s=%s", option, named);
	assert_int_equal(kernel_names_options(&names, text, NULL), 0);
}

static void expect(int code, const char *says)
{
	struct ksnap_err err = { 0 };
	uint64_t addr;

	assert_int_equal(kernel_names_find(&names, "linux_banner", &addr, &err), code);
	if (!strstr(err.text, says))
		fail_msg("'%s' does not say '%s'", err.text, says);
}

static void expect_found(void)
{
	struct ksnap_err err = { 0 };
	uint64_t addr = 0;

	if (kernel_names_find(&names, "linux_banner", &addr, &err))
		fail_msg("%s", err.text);
	assert_int_equal(addr, KERNEL_LINK + 0x100 + SLIDE);
}

static void options_that_are_none_are_refused(void **state)
{
	static const char *const bad[] = { "x", "vmlinux", "vmlinux=", "kallsyms=", "btf=x" };
	struct ksnap_err err = { 0 };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(kernel_names_options(&names, bad[i], &err), KSNAP_E_ARG);
		assert_non_null(strstr(err.text, "vmlinux=FILE"));
	}
	assert_int_equal(kernel_names_options(&names, "", &err), 0);
	assert_null(names.option);
}

static void without_a_file_it_says_where_one_may_be(void **state)
{
	expect(KSNAP_E_NOTFOUND, "/boot/vmlinux-6.9.1-made (none is there)");
	expect(KSNAP_E_NOTFOUND, "live:vmlinux=FILE");
	expect(KSNAP_E_NOTFOUND, "CONFIG_KALLSYMS_ALL");
}

static void a_vmlinux_at_a_usual_place_is_moved_to_where_the_kernel_runs(void **state)
{
	char source[128];

	machine_write_vmlinux(usual, KERNEL_BANNER, build_id);
	expect_found();
	assert_int_equal(kernel_names_source(&names, source, sizeof(source), NULL), 0);
	assert_string_equal(source, usual);
	unlink(usual); /* it was read */
	expect_found();
}

static void a_system_map_will_do(void **state)
{
	machine_write_text(map, 0);
	expect_found();
}

static void the_file_of_another_build_is_no_use(void **state)
{
	machine_write_vmlinux(usual, KERNEL_BANNER, other_id);
	expect(KSNAP_E_NOTFOUND, "build id");
	machine_write_text(map, 0); /* the next place has the right one */
	expect_found();
}

static void a_named_file_must_be_right(void **state)
{
	machine_write_vmlinux(usual, KERNEL_BANNER, build_id);
	take("vmlinux");
	expect(KSNAP_E_TARGET, "cannot be opened");
	machine_write_vmlinux(named, KERNEL_BANNER, other_id);
	expect(KSNAP_E_TARGET, "build id is 0900");
	write_file(named, "text", 4);
	expect(KSNAP_E_ARG, "not an ELF");
	machine_write_vmlinux(named, KERNEL_BANNER, build_id);
	expect_found();
}

/* It has no build id; its distances must agree. */
static void a_named_map_must_fit_at_every_name(void **state)
{
	static const char odd[] = "ffffffff81000000 T _stext\nffffffff81003010 T _etext\n"
				  "ffffffff81000100 D linux_banner\n";
	static const char foreign[] = "ffffffff81000000 T _start\n";

	take("kallsyms");
	write_file(named, odd, strlen(odd));
	expect(KSNAP_E_TARGET, "_etext is not where it would be");
	write_file(named, foreign, strlen(foreign));
	expect(KSNAP_E_TARGET, "shares no symbol");
	write_file(named, "no map\n", 7);
	expect(KSNAP_E_TARGET, "line 1");
	machine_write_text(named, 0);
	expect_found();
}

static void a_miss_names_what_is_near(void **state)
{
	struct ksnap_err err = { 0 };
	uint64_t addr;

	machine_write_vmlinux(usual, KERNEL_BANNER, build_id);
	assert_int_equal(kernel_names_find(&names, "linux_baner", &addr, &err), KSNAP_E_NOTFOUND);
	assert_non_null(strstr(err.text, "near: \"linux_banner\""));
}

static void several_of_a_name_and_those_of_each_cpu_are_told(void **state)
{
	static const char text[] = "0000000000001000 A early\n"
				   "ffffffff81000000 T _stext\nffffffff81003000 T _etext\n"
				   "ffffffff82000000 D twice\nffffffff82000008 D twice\n"
				   "ffffffff83000000 D __per_cpu_start\nffffffff83000040 D mine\n"
				   "ffffffff83000080 D __per_cpu_end\nffffffff83000080 D free\n";
	struct ksnap_err err = { 0 };
	uint64_t addr;

	take("kallsyms");
	write_file(named, text, strlen(text));
	assert_int_equal(kernel_names_find(&names, "twice", &addr, &err), KSNAP_E_ARG);
	assert_non_null(strstr(err.text, "0xffffffff9e000000, 0xffffffff9e000008"));
	assert_int_equal(kernel_names_find(&names, "mine", &addr, &err), KSNAP_E_ARG);
	assert_non_null(strstr(err.text, "per_cpu:mine@0"));
	assert_int_equal(kernel_names_find(&names, "early", &addr, &err), KSNAP_E_ARG);
	assert_int_equal(kernel_names_find(&names, "free", &addr, &err), 0);
	assert_int_equal(addr, 0xffffffff83000080 + SLIDE);
}

static void hidden_addresses_are_told(void **state)
{
	static const char hidden[] = "0000000000000000 T _stext\n0000000000000000 T _etext\n";

	machine_write_vmlinux(usual, KERNEL_BANNER, build_id);
	write_file(kallsyms, hidden, strlen(hidden));
	expect(KSNAP_E_TARGET, "kptr_restrict");
}

static int make_folders(void **state)
{
	char path[64];

	if (!mkdtemp(root))
		return -1;
	snprintf(path, sizeof(path), "%s/boot", root);
	snprintf(kallsyms, sizeof(kallsyms), "%s/kallsyms", root);
	snprintf(notes, sizeof(notes), "%s/notes", root);
	snprintf(named, sizeof(named), "%s/named", root);
	snprintf(usual, sizeof(usual), "%s/boot/vmlinux-6.9.1-made", root);
	snprintf(map, sizeof(map), "%s/boot/System.map-6.9.1-made", root);
	return mkdir(path, 0700);
}

static int remove_folders(void **state)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/boot", root);
	unlink(kallsyms);
	unlink(notes);
	return rmdir(path) || rmdir(root);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(options_that_are_none_are_refused),
		TEST(without_a_file_it_says_where_one_may_be),
		TEST(a_vmlinux_at_a_usual_place_is_moved_to_where_the_kernel_runs),
		TEST(a_system_map_will_do),
		TEST(the_file_of_another_build_is_no_use),
		TEST(a_named_file_must_be_right),
		TEST(a_named_map_must_fit_at_every_name),
		TEST(a_miss_names_what_is_near),
		TEST(several_of_a_name_and_those_of_each_cpu_are_told),
		TEST(hidden_addresses_are_told),
	};

	return cmocka_run_group_tests(tests, make_folders, remove_folders);
}
