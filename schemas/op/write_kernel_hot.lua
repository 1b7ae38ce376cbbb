return {
	name = "write_kernel_hot", number = 213, since = 1, right = "write",
	summary = "Write memory of a target while it runs.",
	doc = [[
Entries are written in order; the first that fails stops the op, which then fails with `detail` {entry:
its index from 0, written: how many were written before it}. Nothing is taken back. The worker must have
been started with --allow-writes (E_DENIED).
A value is a number, written into as many bytes as `width` or the type says (1, 2, 4 or 8, aligned), or
bytes. On the running kernel only globals and values of BPF maps can be written, and not read-only ones;
anything else is E_UNSUPPORTED. A small BPF program looks the value up and stores: an aligned number in
one access, other bytes one after the other; no byte beside those named is written, so no neighbour
loses what others write meanwhile. For fields `at` is as in read_kernel_hot.]],
	params = {
		{ "tag", "tag", required = true, doc = "Name to log the reply under; need not be unique." },
		{ "entries", "list", of = "write_entry", required = true, min = 1, max = 64, doc = "What to write, in order." },
		{ "target", "str", min = 1, max = 256, doc = "Target name; the broker's first target when absent." },
	},
	reply = { "map", fields = {
		{ "written", "uint", required = true, doc = "How many entries: all." },
	} },
	errors = { "E_BUSY", "E_LIMIT", "E_TARGET", "E_TIMEOUT", "E_UNSUPPORTED", "E_WORKER_LOST", "E_NOTFOUND", "E_DENIED" },
	example = {
		params = { tag = "w0", entries = { { at = "probe.bss:limit", value = 100 } } },
		reply = { written = 1 },
	},
}
