-- Files with snapshots, by convention *.ksnap. Either a report alone, byte for byte as it is stored
-- (ksnap.report/1, see report.lua), or a collection: msgpack values one behind the other, its items.
return {
	schema = "ksnap.file/1",
	doc = [[
A collection is its head, then for each snapshot a `snapshot` item and right behind it the report,
one msgpack value of exactly `bytes` bytes, then the `end` item and nothing more. Without the `end`
item the file was cut off. In `snapshot` and `end` the key `k` comes first, in the head `schema`. A tag
that is there twice was stored again while the file was written: the last one counts. A folder of
reports has one file for each tag, named by the tag with every byte but letters, digits, ".", "_" and
"-", and a "." at its begin, as "%" and two hex digits, and ".ksnap" behind it.]],
	items = {
		{ doc = "The head, once, first.", fields = {
			{ "schema", "str", required = true, doc = "ksnap.file/1." },
			{ "ts", "int", required = true, doc = "When it was written, CLOCK_REALTIME nanoseconds." },
			{ "bridge", "str", required = true, doc = "Bridge the snapshots were stored in." },
			{ "version", "str", required = true, doc = "Version of ksnap that wrote it." },
		}, example = { schema = "ksnap.file/1", ts = 1700000000000000000, bridge = "default", version = "0.1.0" } },
		{ k = "snapshot", doc = "Stands before each report: what the bridge knew beside it, oldest first.", fields = {
			{ "k", "str", required = true, enum = { "snapshot" }, doc = "Which item it is." },
			{ "tag", "str", required = true, doc = "The tag." },
			{ "seq", "uint", required = true, doc = "Insertion number on the bridge, from 1." },
			{ "bytes", "uint", required = true, doc = "Size of the report that follows." },
			{ "ts", "int", required = true, doc = "When it was stored, CLOCK_REALTIME nanoseconds." },
			{ "complete", "bool", required = true, doc = "The report's own word." },
			{ "placeholder", "bool", required = true, doc = "The capture failed; the report only says why." },
			{ "step", "uint", doc = "Scenario step, when one was given." },
			{ "elapsed_ms", "uint", doc = "Milliseconds since the scenario began, when given." },
			{ "boundary_ms", "uint", doc = "When a periodic capture was due." },
			{ "stats", "any", doc = "Scheduler statistics stored with it." },
			{ "stats_reason", "str", enum = { "no_client", "during_freeze", "cancelled", "sched_error", "no_response", "too_large" },
			  doc = "Why there are no stats." },
		}, example = { k = "snapshot", tag = "t0", seq = 1, bytes = 4096, ts = 1700000000000000000, complete = true,
			       placeholder = false, stats_reason = "no_client" } },
		{ k = "end", doc = "The last item.", fields = {
			{ "k", "str", required = true, enum = { "end" }, doc = "Which item it is." },
			{ "count", "uint", required = true, doc = "Snapshots in the file." },
			{ "bytes", "uint", required = true, doc = "Bytes of their reports." },
			{ "events", "list", of = "any", doc = "The bridge's events, as drain_events gives them, when they were asked for." },
		}, example = { k = "end", count = 1, bytes = 4096, events = {
			{ seq = 1, ts = 1700000000000000000, mono = 81234567890, k = "overwrite", tag = "t0", prior_schema = "ksnap.report/1" },
		} } },
	},
}
