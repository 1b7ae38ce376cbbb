return {
	name = "watch_snapshot", number = 701, since = 1, right = "watch",
	summary = "Watch a place in the kernel's memory: capture whenever it is written to.",
	doc = [[
A worker of the target arms it, the session owns it: it ends with unwatch, with the session, with its
worker, with its bridge, or by itself (max_hits, or hits so fast that they would slow the machine), and
watch_disarmed says which. A bridge holds at most MAX_WATCH_SNAPSHOTS of them, and a slot is free again
however its watch ended.
Each hit that the rate lets through is told at once on watch/<bridge> (`hit`), then the target is captured
as capture_snapshot does, under the tag `<symbol>`. One capture a watch and target is under way at a time:
hits that come meanwhile have none of their own, but the last of them is captured when that one ends, and
its report's trigger counts the others (missed). So the state behind the last hit is never lost. A capture
that fails raises capture_unavailable. `targets` are captured too on each hit, each in the same way for
itself, under `<symbol>@<target>`.
A name longer than a tag may be (MAX_TAG, 64 bytes) is cut, and `~` and the eight hex digits of its 32-bit
FNV-1a hash stand at its end. With `each` the tag ends in `#` and the number of the hit; it is what
stands before that is cut then.]],
	params = {
		{ "symbol", "str", required = true, min = 1, max = 511, doc = "What to watch: a kernel symbol, a BPF global (obj.bss:var or var), a field of a map's element (tasks[7].pid), a per-CPU variable (per_cpu:runqueues@1.nr_running), an address (0xffff...), or object:NAME for the end of an attached object or of the sched_ext scheduler called so." },
		{ "len", "uint", min = 1, max = 8, doc = "Bytes to watch: 1, 2, 4 or 8; as many as the type says when absent." },
		{ "rate", "uint", min = 1, max = 1000, doc = "Hits a second that are told, the rest is counted; 20 when absent." },
		{ "burst", "uint", min = 1, max = 1000, doc = "Hits that are told at once before the rate counts; 10 when absent." },
		{ "max_hits", "uint", min = 1, doc = "Disarm after so many told hits." },
		{ "maps", "list", of = "str", max = 64, doc = "Which BPF maps to capture, as capture_snapshot takes them." },
		{ "progs", "bool", doc = "Also list BPF programs, as capture_snapshot does." },
		{ "target", "str", min = 1, max = 256, doc = "Target name; the broker's first target when absent." },
		{ "targets", "list", of = "str", max = 7, doc = "Names of more targets to capture on each hit." },
		{ "tag", "tag", doc = "Stands for the symbol in tags." },
		{ "each", "bool", doc = "Give each capture a tag of its own, with the hit's number." },
	},
	reply = { "map", fields = {
		{ "watch", "uint", required = true, doc = "Id of the watch, unique in the broker's life." },
		{ "addr", "uint", required = true, doc = "Address that is watched; 0 when it is an object's end." },
		{ "len", "uint", required = true, doc = "Bytes that are watched; 0 when it is an object's end." },
		{ "slot", "uint", required = true, doc = "Which of the host's registers: 1 to 3; 0 is the error trigger's." },
		{ "tag", "tag", required = true, doc = "What the tags of its captures begin with." },
		{ "still", "str", min = 1, max = 64, doc = "Why the target stands still, so that no hit comes yet: frozen, by the op freeze, until the op thaw; or what qemu says of a guest that somebody else has stopped, such as paused, until that one says cont. Absent: it runs." },
	} },
	errors = { "E_BUSY", "E_LIMIT", "E_TARGET", "E_TIMEOUT", "E_UNSUPPORTED", "E_WORKER_LOST", "E_NOTFOUND", "E_DENIED" },
	example = {
		params = { symbol = "sched_probe:nr_switches", rate = 10, targets = { "host" } },
		reply = { watch = 1, addr = 281474976710656, len = 8, slot = 1, tag = "sched_probe:nr_switches" },
	},
}
