/* SPDX-License-Identifier: MIT */
/* descriptors.h - how many files a broker may have open. */
#ifndef KSNAP_CLI_DESCRIPTORS_H
#define KSNAP_CLI_DESCRIPTORS_H

/* As many as the hard limit lets it. The soft one is mostly 1024, for the sake of programs that
 * call select(); neither this process does, nor do its workers, who inherit it: for each watch
 * they have a descriptor for every CPU. */
void descriptors_raise(void);

#endif
