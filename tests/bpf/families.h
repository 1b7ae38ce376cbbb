/* SPDX-License-Identifier: MIT */
/* families.h - what families.bpf.c and the tests that load it share. */
#ifndef KSNAP_TESTS_FAMILIES_H
#define KSNAP_TESTS_FAMILIES_H

#define FAMILY_FRAMES  32 /* of one stack */
#define FAMILY_RECORDS 3  /* that `fill` puts into the ring */

struct family_record {
	unsigned long long n, unused[2];
};

struct family_note {
	unsigned long long number;
	char text[8];
};

#endif
