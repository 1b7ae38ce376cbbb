// SPDX-License-Identifier: MIT
/* image_test.c - a made-up kernel is found, moved or not, with and without help, and no other. */
#include "machine.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

#define SLIDE 0x18800000ull

static const uint8_t build_id[20] = { 1, 2, 3 };
#define BUILD_ID "0102030000000000000000000000000000000000"

static struct machine m;
static struct image im;
static struct ksnap_err err;
static char text[64], vmlinux[64];

static void boot(const struct kernel_plan *plan)
{
	machine_begin(&m, plan->levels);
	machine_boot(&m, plan);
	machine_save(&m, true);
}

static int find(const struct image_source *src)
{
	return image_find(&im, &m.phys, src, &err);
}

static void expect_found(uint64_t slide)
{
	uint64_t addr;

	assert_int_equal(image_symbol(&im, "map_idr", &addr, NULL), 0);
	assert_int_equal(addr, KERNEL_LINK + slide + 0x600);
	assert_int_equal(image_symbol(&im, "no_such", &addr, NULL), KSNAP_E_NOTFOUND);
	assert_string_equal(im.release, "6.9.1-made");
	assert_string_equal(im.banner, KERNEL_BANNER);
	assert_int_equal(im.phys_base, KERNEL_PHYS - (KERNEL_LINK + slide - KERNEL_MAP));
	assert_true(image_is_there(&im));
}

static void expect_none(const struct image_source *src, const char *says)
{
	int code = find(src);

	assert_true(code == KSNAP_E_TARGET || code == KSNAP_E_NOTFOUND);
	if (!strstr(err.text, says))
		fail_msg("'%s' does not say '%s'", err.text, says);
	assert_int_equal(symbols_count(&im.symbols), 0);
}

static void refuses_memory_without_kernel(void **state)
{
	static const struct image_source none;

	machine_write_text(text, 0);
	machine_begin(&m, 4);
	machine_save(&m, false);
	expect_none(&none, "none runs there yet");
	m.phys.is_core = true;
	expect_none(&none, "the dump has left that out");
	expect_none(&(struct image_source){ .kallsyms = text }, text);
	machine_end(&m);
}

/* What another kernel left in memory, before a reboot say, does not count. */
static void refuses_stale_info(void **state)
{
	static const struct image_source none;

	boot(&(struct kernel_plan){ .levels = 4, .release = "6.8.0-old" });
	expect_none(&none, "VMCOREINFO");
	machine_end(&m);
	machine_begin(&m, 4);
	machine_boot(&m, &(struct kernel_plan){ .levels = 4 });
	memset(m.mem + MACHINE_ROOT, 0, PAGE_BYTES);
	machine_save(&m, false);
	expect_none(&none, "VMCOREINFO");
	machine_end(&m);
}

/* A reset leaves in memory what ran before, whole and consistent, tables and all. */
static void takes_only_what_a_cpu_has_mapped(void **state)
{
	for (unsigned i = 0; i < 4; i++) {
		struct kernel_plan plan = { .slide = SLIDE,
					    .levels = i & 1 ? 5 : 4,
					    .without_info = i & 2,
					    .build_id = BUILD_ID };
		struct image_source src = { .vmlinux = vmlinux };
		uint64_t root;

		boot(&plan);
		machine_write_vmlinux(vmlinux, KERNEL_BANNER, build_id);
		assert_int_equal(find(&src), 0);
		root = im.space.pg.root;
		image_fini(&im);

		src.cr3 = (uint64_t[]){ 0, root + 4 * PAGE_BYTES };
		src.ncr3 = 2;
		expect_none(&src, "there is no kernel");
		/* the second's CPU runs a program; the low bits number its address space */
		src.cr3 = (uint64_t[]){ 0, root | PAGE_BYTES | 0x85 };
		if (find(&src))
			fail_msg("%s", err.text);
		expect_found(plan.slide);
		image_fini(&im);
		machine_end(&m);
	}
}

static void refuses_another_kernels_files(void **state)
{
	static const uint8_t other[20] = { 9 };

	boot(&(struct kernel_plan){ .levels = 4, .slide = SLIDE, .build_id = BUILD_ID });
	machine_write_text(text, 0);
	expect_none(&(struct image_source){ .kallsyms = text }, "another kernel");
	machine_write_vmlinux(vmlinux, KERNEL_BANNER, other);
	expect_none(&(struct image_source){ .vmlinux = vmlinux }, BUILD_ID);
	machine_write_vmlinux(vmlinux, "Linux version 6.9.2\n", build_id);
	expect_none(&(struct image_source){ .vmlinux = vmlinux }, "6.9.2");
	machine_end(&m);
}

static void says_when_symbols_are_missing(void **state)
{
	static const struct image_source none;

	boot(&(struct kernel_plan){ .levels = 4, .without_symbols = true });
	expect_none(&none, "kallsyms=FILE");
	machine_end(&m);
}

static void finds_it_by_itself(void **state)
{
	static const struct image_source none;
	uint64_t addr;

	for (unsigned i = 0; i < 8; i++) {
		struct kernel_plan plan = { .slide = i & 1 ? SLIDE : 0,
					    .levels = i & 2 ? 5 : 4,
					    .from_base = i & 4 };

		boot(&plan);
		if (find(&none))
			fail_msg("%s", err.text);
		expect_found(plan.slide);
		assert_true(im.has_slide);
		assert_int_equal(im.slide, plan.slide);
		if (!plan.from_base) {
			assert_int_equal(symbols_find(&im.symbols, "cpu_number", &addr), 1);
			assert_int_equal(addr, 0x1c0);
		}
		image_fini(&im);
		machine_end(&m);
	}
}

static void finds_it_with_files(void **state)
{
	for (unsigned i = 0; i < 8; i++) {
		struct kernel_plan plan = { .slide = i & 1 ? SLIDE : 0,
					    .levels = i & 2 ? 5 : 4,
					    .without_info = i & 4,
					    .build_id = BUILD_ID };

		boot(&plan);
		machine_write_text(text, plan.slide);
		if (find(&(struct image_source){ .kallsyms = text }))
			fail_msg("%s", err.text);
		expect_found(plan.slide);
		image_fini(&im);
		machine_write_vmlinux(vmlinux, KERNEL_BANNER, build_id);
		if (find(&(struct image_source){ .vmlinux = vmlinux }))
			fail_msg("%s", err.text);
		expect_found(plan.slide);
		assert_true(im.has_slide);
		assert_int_equal(im.slide, plan.slide);
		image_fini(&im);
		machine_end(&m);
	}
}

static void notices_a_reboot(void **state)
{
	static const struct image_source none;

	boot(&(struct kernel_plan){ .levels = 4 });
	assert_int_equal(find(&none), 0);
	memcpy(m.phys.map + KERNEL_PHYS + 0x100, "Linux version 7", 15);
	assert_false(image_is_there(&im));
	image_fini(&im);
	machine_end(&m);
}

/* Whatever single bytes of it are broken, looking ends, found or not. */
static void survives_broken_kernels(void **state)
{
	static const struct image_source none;

	for (unsigned seed = 0; seed < 200; seed++) {
		srand(seed);
		machine_begin(&m, 4);
		machine_boot(&m, &(struct kernel_plan){ .levels = 4 });
		for (int i = 0; i < 40; i++) {
			m.mem[KERNEL_PHYS + rand() % 0x7000] ^= rand();
			m.mem[0x10000 + rand() % 700] ^= 1 << rand() % 8;
			m.mem[MACHINE_ROOT + rand() % 0x5000] ^= rand();
		}
		machine_save(&m, false);
		if (!find(&none))
			image_fini(&im);
		machine_end(&m);
	}
}

static int remove_files(void **state)
{
	unlink(text);
	unlink(vmlinux);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_memory_without_kernel),
		cmocka_unit_test(refuses_stale_info),
		cmocka_unit_test(takes_only_what_a_cpu_has_mapped),
		cmocka_unit_test(refuses_another_kernels_files),
		cmocka_unit_test(says_when_symbols_are_missing),
		cmocka_unit_test(survives_broken_kernels),
		cmocka_unit_test(finds_it_by_itself),
		cmocka_unit_test(finds_it_with_files),
		cmocka_unit_test(notices_a_reboot),
	};

	machine_file(text, sizeof(text), "kallsyms");
	machine_file(vmlinux, sizeof(vmlinux), "vmlinux");
	return cmocka_run_group_tests(tests, NULL, remove_files);
}
