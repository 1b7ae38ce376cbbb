/* SPDX-License-Identifier: MIT */
/* strays.h - processes that a script started and lost sight of.
 *
 * What a program leaves behind when it ends, in a session of its own too, becomes a child of the
 * nearest process that asked for it. */
#ifndef KSNAP_CLI_STRAYS_H
#define KSNAP_CLI_STRAYS_H

/* From here on they come to this process. */
void strays_adopt(void);
/* Kill those that came, and what they leave behind in turn; this process's own forks stay. */
void strays_end(void);

#endif
