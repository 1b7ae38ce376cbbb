/* SPDX-License-Identifier: MIT */
/* packet.h - packets of gdb's remote protocol: $text#checksum, and what a stub says in them.
 *
 * Total: any bytes are a packet, the begin of one, or broken. */
#ifndef KSNAP_CAPTURE_GUEST_PACKET_H
#define KSNAP_CAPTURE_GUEST_PACKET_H

#include "base/buf.h"
#include "capture/outside/registers.h"

#define PACKET_MAX  16384 /* bytes of a packet, as it comes and unpacked */
#define PACKET_TRAP 5     /* the signal of a watch, a breakpoint, a step */

enum packet_state {
	PACKET_PART,   /* its end has not come yet */
	PACKET_WHOLE,  /* unpacked */
	PACKET_BROKEN, /* too long, or its checksum or its escapes are wrong */
};

/* Append @text as a packet. Before it goes the acknowledgement of the last one that came, and one
 * more: should the guest run, because somebody else let it, qemu takes that for a wish to stop, and
 * not the begin of the packet. E_NOMEM is told by the buffer. */
void packet_wrap(const char *text, struct buf *out);
/* The first packet in @in, acknowledgements and notifications before it left out. *ret_taken bytes
 * are done with, also when there is none. PACKET_WHOLE: @text holds it, with a NUL. */
enum packet_state packet_unwrap(const uint8_t *in, size_t len, char text[PACKET_MAX],
				size_t *ret_taken);

/* Why a guest stands still: "T05thread:02;watch:ffffffff82a03f00;". */
struct packet_stop {
	unsigned signal;
	uint64_t thread; /* as the stub counts them, from 1; 0: it does not say */
	bool is_watch;
	uint64_t addr; /* of the watch */
};

/* False: the text is no such packet. */
bool packet_stop(const char *text, struct packet_stop *ret);
/* What a stub of x86-64 answers to g. False: it is too short, or no hex; what it does not know
 * ("xxxx") is not in ret->has. */
bool packet_registers(const char *text, struct registers *ret);

#endif
