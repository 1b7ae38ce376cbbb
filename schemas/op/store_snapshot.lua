return {
	name = "store_snapshot", number = 301, since = 1, right = "capture", blobs = 1,
	summary = "Store a report that was captured elsewhere under a tag.",
	doc = [[
For executors that capture themselves, and for tests. The blob is the report; only its head is read
(its first keys: schema, placeholder, complete). A tag that is stored already is replaced with all
that came with it (event overwrite). A report larger than MAX_STORED_BYTES of the bridge is refused
(event report_refused) and changes nothing.]],
	params = {
		{ "tag", "tag", required = true, doc = "Name to store it under; 1 to 64 bytes of UTF-8 without control characters." },
		{ "step", "uint", max = 65535, doc = "Scenario step: 0 the baseline, 1 to N the steps." },
		{ "stats", "any", doc = "Scheduler statistics taken with it, any value." },
		{ "stats_reason", "str", enum = { "no_client", "during_freeze", "cancelled", "sched_error", "no_response", "too_large" },
		  doc = "Why there are no stats; no_client when absent. Not together with stats." },
		{ "elapsed_ms", "uint", doc = "Milliseconds since the scenario began." },
		{ "boundary_ms", "uint", doc = "When a periodic capture was due, milliseconds since the scenario began." },
	},
	reply = { "map", fields = {
		{ "tag", "str", required = true, doc = "The tag, as stored." },
		{ "seq", "uint", required = true, doc = "Insertion number on this bridge, from 1." },
		{ "bytes", "uint", required = true, doc = "Size of the report in bytes." },
		{ "maps", "uint", required = true, doc = "Number of maps in the report; 0 here, since only its head is read." },
		{ "complete", "bool", required = true, doc = "Whether the report says that it holds all that was asked for." },
		{ "reasons", "list", of = "reason", required = true, doc = "Empty here, since only the report's head is read." },
		{ "elapsed_us", "uint", required = true, doc = "Microseconds from the receipt of the request to the stored report." },
	} },
	errors = { "E_LIMIT" },
	example = {
		params = { tag = "t0", step = 1, stats_reason = "no_client", elapsed_ms = 250 },
		reply = { tag = "t0", seq = 1, bytes = 4096, maps = 0, complete = true, reasons = {}, elapsed_us = 9 },
	},
}
