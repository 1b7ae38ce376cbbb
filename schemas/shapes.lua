-- Maps that more than one message uses. A field anywhere may name one of these as its type,
-- alone ("reason") or in a list (of = "reason").
return {
	{ name = "reason", doc = "Why a report is not complete.", fields = {
		{ "code", "str", required = true, doc = "Machine-readable: no_match, map_partial, map_unreadable, map_gone, denied, type_unknown, deadline, unsupported." },
		{ "subject", "str", doc = "What it is about: a map's name, a glob." },
		{ "expected", "uint", doc = "What was expected, as a count." },
		{ "got", "uint", doc = "What was got, as a count." },
		{ "text", "str", required = true, doc = "The same for people." },
	} },
	{ name = "snapshot_row", doc = "What the bridge knows beside a stored report.", fields = {
		{ "tag", "str", required = true, doc = "The tag." },
		{ "seq", "uint", required = true, doc = "Insertion number on this bridge, from 1." },
		{ "bytes", "uint", required = true, doc = "Size of the report in bytes." },
		{ "ts", "int", required = true, doc = "When it was stored, CLOCK_REALTIME nanoseconds." },
		{ "complete", "bool", required = true, doc = "The report's own word." },
		{ "placeholder", "bool", required = true, doc = "The capture failed; the report only says why." },
		{ "step", "uint", doc = "Scenario step, when one was given." },
		{ "elapsed_ms", "uint", doc = "Milliseconds since the scenario began, when given." },
		{ "boundary_ms", "uint", doc = "When a periodic capture was due, milliseconds since the scenario began." },
	} },
}
