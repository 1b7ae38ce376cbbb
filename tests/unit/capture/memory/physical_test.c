// SPDX-License-Identifier: MIT
/* physical_test.c - files that are the memory of a machine, and files that are not. */
#include "machine.h"

#include <elf.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "capture/memory/mapping.h"

static char path[64];

static void write_file(const void *data, size_t len)
{
	_close_ int fd = open(path, O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), len);
}

static void expect_core(int code, const char *says)
{
	struct physical p;
	struct ksnap_err err = { 0 };

	assert_int_equal(physical_open_core(&p, path, &err), code);
	assert_non_null(strstr(err.text, says));
	assert_null(p.map);
}

/* An ELF core of @n segments; bytes of memory are their address's low byte. */
struct core {
	Elf64_Ehdr eh;
	Elf64_Phdr ph[3];
	uint8_t data[0x3000];
};

static void make_core(struct core *c, unsigned n)
{
	*c = (struct core){
		.eh = { .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
				     EV_CURRENT },
			.e_type = ET_CORE,
			.e_machine = EM_X86_64,
			.e_version = EV_CURRENT,
			.e_phoff = offsetof(struct core, ph),
			.e_ehsize = sizeof(Elf64_Ehdr),
			.e_phentsize = sizeof(Elf64_Phdr),
			.e_phnum = n },
	};
	for (size_t i = 0; i < sizeof(c->data); i++)
		c->data[i] = i >> 8;
}

static void make_segment(struct core *c, unsigned i, uint64_t base, uint64_t off, uint64_t len)
{
	c->ph[i] = (Elf64_Phdr){ .p_type = PT_LOAD,
				 .p_paddr = base,
				 .p_offset = offsetof(struct core, data) + off,
				 .p_filesz = len,
				 .p_memsz = len };
}

static void refuses_what_is_no_core(void **state)
{
	struct core c;

	unlink(path);
	expect_core(KSNAP_E_TARGET, "cannot be opened");
	write_file("", 0);
	expect_core(KSNAP_E_TARGET, "is empty");
	write_file("KDUMP   and more", 16);
	expect_core(KSNAP_E_ARG, "makedumpfile -E");
	write_file("some text, longer than an ELF header is, so that it is looked at as one......",
		   64);
	expect_core(KSNAP_E_ARG, "not an ELF core");
	make_core(&c, 1);
	c.eh.e_type = ET_EXEC;
	write_file(&c, sizeof(c));
	expect_core(KSNAP_E_ARG, "not an ELF core");
	make_core(&c, 0);
	write_file(&c, sizeof(c));
	expect_core(KSNAP_E_TARGET, "holds no memory");
	make_core(&c, 3);
	write_file(&c, sizeof(c.eh) + 10);
	expect_core(KSNAP_E_TARGET, "");
}

static void reads_across_segments(void **state)
{
	struct physical p;
	struct core c;
	uint8_t b[4];

	make_core(&c, 2);
	make_segment(&c, 0, 0x101000, 0x1000, 0x1000);
	make_segment(&c, 1, 0x100000, 0, 0x1000);
	write_file(&c, sizeof(c));
	assert_int_equal(physical_open_core(&p, path, NULL), 0);
	assert_int_equal(p.missing, 0);
	assert_true(physical_read(&p, 0x100ffe, b, 4));
	assert_memory_equal(b, "\x0f\x0f\x10\x10", 4);
	assert_false(physical_read(&p, 0x101ffe, b, 4));
	assert_false(physical_read(&p, 0xfffff, b, 4));
	physical_close(&p);
}

static void keeps_what_a_cut_core_has(void **state)
{
	struct physical p;
	struct core c;
	uint8_t b[2];

	make_core(&c, 2);
	make_segment(&c, 0, 0, 0, 0x2000);
	make_segment(&c, 1, 0x8000, 0x2000, 0x1000);
	write_file(&c, offsetof(struct core, data) + 0x1800);
	assert_int_equal(physical_open_core(&p, path, NULL), 0);
	assert_int_equal(p.missing, 0x1800);
	assert_true(physical_read(&p, 0x17fe, b, 2));
	assert_false(physical_read(&p, 0x17ff, b, 2));
	assert_false(physical_read(&p, 0x8000, b, 1));
	physical_close(&p);
}

static void survives_hostile_segments(void **state)
{
	struct physical p;
	struct core c;
	uint8_t b[16];

	make_core(&c, 3);
	make_segment(&c, 0, 0x1000, 0, 0x2000);
	make_segment(&c, 1, 0x2000, 0x100, 0x2000); /* overlaps */
	make_segment(&c, 2, UINT64_MAX - 4, 0, 0x1000);
	write_file(&c, sizeof(c));
	assert_int_equal(physical_open_core(&p, path, NULL), 0);
	assert_true(physical_read(&p, 0x2fff, b, 2));
	assert_int_equal(b[0], 0x1f); /* the lower one has it */
	assert_int_equal(b[1], 0x11);
	assert_false(physical_read(&p, UINT64_MAX - 4, b, 16));
	physical_close(&p);
	c.ph[0].p_offset = UINT64_MAX - 8;
	c.ph[0].p_filesz = UINT64_MAX;
	write_file(&c, sizeof(c));
	assert_int_equal(physical_open_core(&p, path, NULL), 0);
	assert_false(physical_read(&p, 0x1000, b, 1));
	physical_close(&p);
}

static void splits_guest_memory_at_the_hole(void **state)
{
	struct ksnap_err err;
	struct physical p;
	uint8_t data[0x3000], b[2];

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = i >> 8;
	write_file(data, sizeof(data));
	assert_int_equal(physical_open_guest(&p, path, 0x4000, false, &err), KSNAP_E_ARG);
	assert_non_null(strstr(err.text, "low="));
	assert_int_equal(physical_open_guest(&p, path, 0x2000, false, &err), 0);
	assert_true(physical_read(&p, 0x1ffe, b, 2));
	assert_false(physical_read(&p, 0x1fff, b, 2));
	assert_true(physical_read(&p, (4ull << 30) + 0xffe, b, 2));
	assert_int_equal(b[0], 0x2f);
	physical_close(&p);
}

static void notices_a_file_that_shrank(void **state)
{
	struct ksnap_err err;
	struct physical p;
	uint8_t data[0x3000] = { 0 };

	write_file(data, sizeof(data));
	assert_int_equal(physical_open_guest(&p, path, 0, false, &err), 0);
	assert_int_equal(physical_check(&p, &err), 0);
	assert_int_equal(truncate(path, 0x1000), 0);
	assert_int_equal(physical_check(&p, &err), KSNAP_E_TARGET);
	assert_non_null(strstr(err.text, "12288"));
	physical_close(&p);
}

/* Not "an error some day": the read itself must survive, and then be known not to count. */
static void survives_a_file_that_shrinks_under_it(void **state)
{
	struct ksnap_err err = { 0 };
	struct physical p;
	uint8_t data[0x3000], b[4] = { 1, 1, 1, 1 };

	memset(data, 7, sizeof(data));
	write_file(data, sizeof(data));
	assert_int_equal(physical_open_guest(&p, path, 0, true, &err), 0);
	assert_true(physical_is_file(&p, path));
	assert_int_equal(physical_settle(&p, 0, &err), 0);
	assert_int_equal(truncate(path, 0x1000), 0);
	assert_int_equal(physical_settle(&p, 5, &err), 5); /* nothing was touched */
	assert_true(physical_read(&p, 0x1ffe, b, 4));
	assert_memory_equal(b, "\0\0\0\0", 4);
	assert_int_equal(physical_settle(&p, 0, &err), KSNAP_E_TARGET);
	assert_non_null(strstr(err.text, "from 12288 to 4096 bytes"));
	assert_int_equal(truncate(path, 0x3000), 0); /* too late */
	assert_int_equal(physical_settle(&p, 0, &err), KSNAP_E_TARGET);
	assert_false(physical_is_file(&p, path));
	physical_close(&p);
}

static void knows_its_file(void **state)
{
	struct ksnap_err err;
	struct physical p = PHYSICAL_INIT;
	uint8_t data[0x1000] = { 0 };

	assert_false(physical_is_file(&p, path));
	write_file(data, sizeof(data));
	assert_int_equal(physical_open_guest(&p, path, 0, false, &err), 0);
	assert_true(physical_is_file(&p, path));
	assert_int_equal(unlink(path), 0);
	assert_false(physical_is_file(&p, path));
	write_file(data, sizeof(data));
	assert_false(physical_is_file(&p, path));
	physical_close(&p);
}

static void touch_a_torn_page_of_others(void)
{
	_close_ int fd = open(path, O_RDWR | O_CLOEXEC);
	uint8_t *at = mmap(NULL, 0x1000, PROT_READ, MAP_SHARED, fd, 0);

	if (at == MAP_FAILED || ftruncate(fd, 0))
		_exit(1);
	_exit(*(volatile uint8_t *)at ? 2 : 3);
}

static void leaves_other_faults_alone(void **state)
{
	struct ksnap_err err;
	struct physical p;
	uint8_t data[0x1000] = { 0 };
	pid_t pid;
	int status;

	write_file(data, sizeof(data));
	pid = fork();
	if (!pid) {
		signal(SIGBUS, SIG_DFL); /* of the runner */
		if (!physical_open_guest(&p, path, 0, false, &err))
			touch_a_torn_page_of_others();
		_exit(4);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
}

static void says_when_no_more_fit(void **state)
{
	struct physical p[MAPPINGS_MAX + 1];
	struct ksnap_err err = { 0 };
	uint8_t data[16] = { 0 };

	write_file(data, sizeof(data));
	for (size_t i = 0; i < MAPPINGS_MAX; i++)
		assert_int_equal(physical_open_guest(&p[i], path, 0, false, &err), 0);
	assert_int_equal(physical_open_guest(&p[MAPPINGS_MAX], path, 0, false, &err),
			 KSNAP_E_LIMIT);
	assert_non_null(strstr(err.text, "64"));
	physical_close(&p[3]);
	assert_int_equal(physical_open_guest(&p[3], path, 0, false, &err), 0);
	for (size_t i = 0; i < MAPPINGS_MAX; i++)
		physical_close(&p[i]);
}

static int remove_file(void **state)
{
	unlink(path);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_is_no_core),
		cmocka_unit_test(survives_hostile_segments),
		cmocka_unit_test(keeps_what_a_cut_core_has),
		cmocka_unit_test(notices_a_file_that_shrank),
		cmocka_unit_test(survives_a_file_that_shrinks_under_it),
		cmocka_unit_test(leaves_other_faults_alone),
		cmocka_unit_test(says_when_no_more_fit),
		cmocka_unit_test(knows_its_file),
		cmocka_unit_test(reads_across_segments),
		cmocka_unit_test(splits_guest_memory_at_the_hole),
	};

	machine_file(path, sizeof(path), "core");
	return cmocka_run_group_tests(tests, NULL, remove_file);
}
