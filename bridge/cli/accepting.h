/* SPDX-License-Identifier: MIT */
/* accepting.h - connections for which this process has no descriptor or memory left are refused.
 *
 * libzmq 4.3 ends the process by an assertion when accept() of an ipc socket finds that as many
 * files are open as may be (EMFILE, ipc_listener.cpp), that memory is out, or almost anything else,
 * and would be woken again and again by the connection that still waits. So this program has an
 * accept4() of its own: it keeps a descriptor back, takes the connection by that, and closes it.
 * What cannot be taken at all waits, with a rest before the next attempt. Both are said on stderr,
 * at the first, the second, the fourth, ... of them. Only what a wrong call alone can give is left
 * to libzmq's assertions. */
#ifndef KSNAP_CLI_ACCEPTING_H
#define KSNAP_CLI_ACCEPTING_H

#include <stdint.h>
#include <sys/socket.h>

/* How many connections this process has refused so far, for want of a descriptor or of memory. */
uint64_t accepting_refused(void);

#endif
