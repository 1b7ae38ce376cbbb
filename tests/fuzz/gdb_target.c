// SPDX-License-Identifier: MIT
/* gdb_target.c - any bytes from a gdbstub: packets are found or given up, never read beyond, and
 * what was taken is not more than what was there. */
#include <stdlib.h>
#include <string.h>

#include "capture/guest/packet.h"
#include "targets.h"

static void read_text(const char *text)
{
	struct packet_stop stop;
	struct registers regs;

	if (strlen(text) >= PACKET_MAX)
		abort();
	packet_stop(text, &stop);
	packet_registers(text, &regs);
	if (regs.has >> REGS)
		abort();
}

int fuzz_gdb(const uint8_t *data, size_t len)
{
	static char text[PACKET_MAX];
	enum packet_state state;
	size_t taken;

	do {
		state = packet_unwrap(data, len, text, &taken);
		if (taken > len || (state == PACKET_WHOLE && !taken))
			abort();
		data += taken;
		len -= taken;
		if (state == PACKET_WHOLE)
			read_text(text);
	} while (state == PACKET_WHOLE);
	return 0;
}
