return {
	name = "capture_snapshot", number = 201, since = 1, right = "capture",
	summary = "Capture the state of a target now and store it under a tag.",
	doc = [[
The job goes to a worker that serves the target; when all of them are busy it waits in a queue
of at most MAX_QUEUED_JOBS. The reply comes when the report is stored. A capture for which the
target gives no report stores nothing, raises capture_unavailable and fails with E_TARGET. Of a periodic
one (boundary_ms) that the target failed, by E_TARGET or E_TIMEOUT, a placeholder with the reason is stored too,
so that a series has its gap; two E_TIMEOUT in a row raise periodic_abandoned.
A tag that is stored already is replaced (event overwrite). With progs the report also lists
BPF links, struct_ops maps with their state, and what sched_ext says of itself. Whoever asks
has the kernel count runs from then on, until the target's next capture without progs: two
captures with progs in a row say by their difference what ran between them.]],
	params = {
		{ "tag", "tag", required = true, doc = "Name to store it under; 1 to 64 bytes of UTF-8 without control characters." },
		{ "target", "str", min = 1, max = 256, doc = "Target name; the broker's first target when absent." },
		{ "maps", "list", of = "str", max = 64, doc = "Which BPF maps: globs on the name, id:N, obj:NAME; a leading ! denies, and deny wins. All but ksnap's own when absent." },
		{ "progs", "bool", doc = "Also list BPF programs with run counts and run time, links, struct_ops and sched_ext." },
		{ "freeze", "str", min = 1, max = 4096, doc = "Hold this v2 cgroup still while reading; what freeze refuses is refused. One that a session holds through freeze stays so." },
		{ "step", "uint", max = 65535, doc = "Scenario step: 0 the baseline, 1 to N the steps." },
		{ "elapsed_ms", "uint", doc = "Milliseconds since the scenario began." },
		{ "boundary_ms", "uint", doc = "When this capture was due, milliseconds since the scenario began: it is a periodic one." },
		{ "chase", "uint", max = 4, doc = "How many pointers deep to follow from what is in the maps; what is there is in the report's `chased`." },
	},
	reply = { "map", fields = {
		{ "tag", "str", required = true, doc = "The tag, as stored." },
		{ "seq", "uint", required = true, doc = "Insertion number on this bridge, from 1." },
		{ "bytes", "uint", required = true, doc = "Size of the report in bytes." },
		{ "maps", "uint", required = true, doc = "Number of maps in the report." },
		{ "complete", "bool", required = true, doc = "Whether the report holds all that was asked for." },
		{ "reasons", "list", of = "reason", required = true, doc = "Why it is not complete; empty when it is." },
		{ "elapsed_us", "uint", required = true, doc = "Microseconds from the receipt of the request to the stored report." },
	} },
	errors = { "E_BUSY", "E_LIMIT", "E_TARGET", "E_TIMEOUT", "E_UNSUPPORTED", "E_WORKER_LOST", "E_NOTFOUND", "E_DENIED" },
	example = {
		params = { tag = "t0", maps = { "tasks", "*.bss" } },
		reply = { tag = "t0", seq = 1, bytes = 4096, maps = 2, complete = true, reasons = {}, elapsed_us = 412 },
	},
}
