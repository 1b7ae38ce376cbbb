// SPDX-License-Identifier: MIT
/* vmcoreinfo_test.c - notes and pages that say what kernel this is, and such that only seem to. */
#include "machine.h"

#include <elf.h>
#include <string.h>

#define TEXT "OSRELEASE=6.9.1\nSYMBOL(a)=ffffffff81000000\nNUMBER(n)=-5\nSYMBOL(ab)=10\nEND=1"

static size_t put_note(uint8_t *at, const char *name, const void *desc, uint32_t len)
{
	Elf64_Nhdr h = { .n_namesz = strlen(name) + 1, .n_descsz = len };
	size_t n = sizeof(h);

	memcpy(at, &h, sizeof(h));
	memcpy(at + n, name, h.n_namesz);
	n += (h.n_namesz + 3) / 4 * 4;
	memcpy(at + n, desc, len);
	return n + (len + 3) / 4 * 4;
}

static void refuses_broken_notes(void **state)
{
	uint8_t notes[512] = { 0 };
	struct vmcoreinfo v = { 0 };
	size_t n = put_note(notes, "VMCOREINFO", TEXT, strlen(TEXT));

	for (size_t cut = 0; cut + 4 < n; cut++)
		assert_false(vmcoreinfo_from_notes(&v, notes, cut));
	memset(notes, 0xff, sizeof(notes));
	assert_false(vmcoreinfo_from_notes(&v, notes, sizeof(notes)));
	n = put_note(notes, "VMCOREINFO", "\1\2\3", 3);
	assert_false(vmcoreinfo_from_notes(&v, notes, n));
	n = put_note(notes, "VMCOREINFO", "OSRELEASE=\x80\n", 12);
	assert_false(vmcoreinfo_from_notes(&v, notes, n));
}

static void finds_the_note_among_others(void **state)
{
	uint8_t notes[512] = { 0 };
	struct vmcoreinfo v = { 0 };
	size_t n = put_note(notes, "CORE", "12345", 5);

	n += put_note(notes + n, "QEMU", "123", 3);
	n += put_note(notes + n, "VMCOREINFO", TEXT, strlen(TEXT));
	assert_true(vmcoreinfo_from_notes(&v, notes, n));
	assert_int_equal(v.len, strlen(TEXT));
}

static void looks_keys_up(void **state)
{
	struct vmcoreinfo v = { .text = TEXT, .len = strlen(TEXT) };
	char text[16];
	uint64_t addr;
	int64_t n;

	assert_true(vmcoreinfo_text(&v, "OSRELEASE", text, sizeof(text)));
	assert_string_equal(text, "6.9.1");
	assert_true(vmcoreinfo_text(&v, "END", text, sizeof(text)));
	assert_string_equal(text, "1");
	assert_false(vmcoreinfo_text(&v, "OSRELEAS", text, sizeof(text)));
	assert_false(vmcoreinfo_text(&v, "RELEASE", text, sizeof(text)));
	assert_true(vmcoreinfo_symbol(&v, "a", &addr));
	assert_int_equal(addr, 0xffffffff81000000);
	assert_true(vmcoreinfo_symbol(&v, "ab", &addr));
	assert_int_equal(addr, 0x10);
	assert_false(vmcoreinfo_symbol(&v, "b", &addr));
	assert_true(vmcoreinfo_number(&v, "n", &n));
	assert_int_equal(n, -5);
	assert_false(vmcoreinfo_number(&v, "a", &n));
}

static void searches_memory(void **state)
{
	struct machine m;
	struct vmcoreinfo v;
	uint64_t at = 0;

	machine_begin(&m, 4);
	machine_put(&m, 0x3008, TEXT, sizeof(TEXT));     /* not at a page's begin */
	machine_put(&m, 0x5000, "OSRELEASE=text\n", 16); /* no symbols */
	machine_put(&m, 0x7000, TEXT, sizeof(TEXT));
	machine_put(&m, MACHINE_BYTES - PAGE_BYTES, TEXT, sizeof(TEXT));
	machine_save(&m, false);
	assert_true(vmcoreinfo_search(&v, &m.phys, &at));
	assert_int_equal(at, 0x8000);
	assert_true(vmcoreinfo_search(&v, &m.phys, &at));
	assert_int_equal(at, MACHINE_BYTES);
	assert_false(vmcoreinfo_search(&v, &m.phys, &at));
	machine_end(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_broken_notes),
		cmocka_unit_test(finds_the_note_among_others),
		cmocka_unit_test(looks_keys_up),
		cmocka_unit_test(searches_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
