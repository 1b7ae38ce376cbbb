/* SPDX-License-Identifier: MIT */
/* accepting.h - connections for which this process has no descriptor left are refused.
 *
 * libzmq 4.3 ends the process by an assertion when accept() of an ipc socket finds that as many
 * files are open as may be (EMFILE, ipc_listener.cpp), and would be woken again and again by the
 * connection that still waits. So this program has an accept4() of its own: it keeps a descriptor
 * back, takes the connection by that, and closes it. How many it refused it says on stderr, at the
 * first, the second, the fourth, ... of them.
 *
 * No function is to be called. */
#ifndef KSNAP_CLI_ACCEPTING_H
#define KSNAP_CLI_ACCEPTING_H

#include <sys/socket.h>

#endif
