/* SPDX-License-Identifier: MIT */
/* boxes.h - two things that a peer may not say within CURVE either, for libzmq believes them.
 *
 * What pings.h keeps from libzmq is encrypted on connections with keys: a PING command of 5 or 6
 * bytes, whose answer has memory of this process in it, and an id that begins with a zero byte, as
 * those do that libzmq gives. So this program has those functions of libsodium of its own by which
 * libzmq opens what came. Each has libsodium's do the work, looks at what was within, and says that
 * the box does not open when it is one of the two. libzmq takes nothing from such a connection any
 * more, as when a key is wrong, and ends it: at once, or when its heartbeat has no answer. Without
 * libsodium's (RTLD_NEXT) no box opens.
 *
 * A nonce begins with the name of the command that it is for, so nothing else is mistaken for
 * them. Of a MESSAGE it is not asked whether its flags say that it is a command: libzmq also takes
 * it for one when the flags of the frame around the box say so, which are not seen here. No
 * message of the bus is those bytes: a frame is a MessagePack value, an object file, a channel, or
 * what subscribes to one.
 *
 * It serves who connects, too: his broker may send the same. The program is linked with neither of
 * libsodium's files: libzmq brings the shared one, and with libsodium.a the names were twice. */
#ifndef KSNAP_CLI_BOXES_H
#define KSNAP_CLI_BOXES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether libzmq may have what was in the box of that @nonce (24 bytes). */
bool boxes_may_have(const uint8_t *nonce, const uint8_t *plain, size_t n);

#endif
