/* SPDX-License-Identifier: MIT */
/* hangup.h - a peer that hangs up while its messages wait does not end this process.
 *
 * libzmq 4.3 stops reading from a connection when the queue behind it is full, and ends the whole
 * process by an assertion (!_io_error, stream_engine_base.cpp) when the peer hangs up in that state
 * and a PING is among what was read already, or a heartbeat is due before the queue has room again
 * (its issues 4364, 4767). Whoever may send 100 kB to a broker could end it so, and a broker that
 * was killed its slow monitors.
 *
 * It gets into that state because epoll tells of a hang-up whether it was asked for or not, and
 * beside what there is to read. So this program has an epoll_ctl() and an epoll_wait() of its own,
 * which libzmq finds before those of the C library: a hang-up is told when there is nothing left to
 * read, and not while nobody wants to hear about input. Who reads on gets all that is there, and
 * then the end.
 *
 * A connection may never be read from again, as when its routing id is another's. So a send() of
 * this program takes what it cannot send to a peer that is gone from such a connection: libzmq goes
 * on to send its heartbeats then, has no answer, and ends the connection.
 *
 * Other users of epoll here see no more of it than that a hang-up comes behind what there is to
 * read: the rest takes a stream socket, and a change of what is waited for that leaves EPOLLIN out.
 * Libraries cannot do this for the programs they are part of.
 *
 * No function is to be called. */
#ifndef KSNAP_CLI_HANGUP_H
#define KSNAP_CLI_HANGUP_H

#include <sys/epoll.h>

#endif
