-- What ksnap serve --state DIR keeps: segment files DIR/<number, ten digits>.seg, each the segment
-- head and then batches. bridge/broker/segment.h has the bytes around them; a batch holds the
-- records below one behind the other, all of them or none. `k` comes first and names the record.
--
-- Snapshots and events are candidates. What lives is decided by the bridge records: of a bridge,
-- the snapshots first_seq to last_seq and the events first_event to last_event of its newest
-- record, the later record of two with the same number, and of two snapshots with the same tag the
-- one with the higher number. A candidate above last_seq waits for a later bridge record, but not
-- beyond a head with another epoch. Files and batches may be read in order of their numbers and
-- places only; a file of which nothing lives any more may be gone.
return {
	{ name = "kept_head", doc = "First record of each file, and again when a bridge was closed: who writes, and which bridges are open; all others are gone.", fields = {
		{ "k", "str", enum = { "head" }, required = true, doc = "head." },
		{ "schema", "str", required = true, doc = "ksnap.kept/1." },
		{ "epoch", "uint", required = true, doc = "The broker's epoch." },
		{ "ts", "int", required = true, doc = "When it was written, CLOCK_REALTIME nanoseconds." },
		{ "version", "str", required = true, doc = "Version of ksnap." },
		{ "bridges", "list", of = "uint", required = true, doc = "Numbers of the open bridges." },
	},
	  example = { k = "head", schema = "ksnap.kept/1", epoch = 7241866550153, ts = 1700000000000000000, version = "0.1.0", bridges = { 1 } } },
	{ name = "kept_bridge", doc = "The books of a bridge. Counts as in bridge_row.", fields = {
		{ "k", "str", enum = { "bridge" }, required = true, doc = "bridge." },
		{ "bridge", "uint", min = 1, required = true, doc = "Number of the bridge, never used again in this folder." },
		{ "name", "tag", required = true, doc = "Its name." },
		{ "limits", "bridge_limits", doc = "As open_bridge asked for; those of the broker when absent." },
		{ "evicted", "uint", required = true, doc = "Snapshots gone because a cap was reached." },
		{ "overwritten", "uint", required = true, doc = "Snapshots replaced under their tag." },
		{ "drained", "uint", required = true, doc = "Snapshots taken by drains." },
		{ "refused", "uint", required = true, doc = "Reports refused as too large." },
		{ "unavailable", "uint", required = true, doc = "Captures that gave no report." },
		{ "stored", "uint", doc = "How many snapshots live; absent while not all could be written." },
		{ "first_seq", "uint", required = true, doc = "Number of the oldest snapshot, above last_seq when there is none." },
		{ "last_seq", "uint", required = true, doc = "Number of the newest, or the last one given." },
		{ "events_kept", "uint", doc = "How many events live; absent while not all could be written." },
		{ "first_event", "uint", required = true, doc = "Number of the oldest event, above last_event when there is none." },
		{ "last_event", "uint", required = true, doc = "Number of the newest, or the last one given." },
		{ "events_dropped", "uint", required = true, doc = "Events gone because MAX_STORED_EVENTS was reached." },
		{ "events_untold", "uint", required = true, doc = "Of those, since the last drain." },
	},
	  example = { k = "bridge", bridge = 1, name = "default", evicted = 0, overwritten = 0, drained = 0, refused = 0, unavailable = 0,
		      stored = 1, first_seq = 1, last_seq = 1, events_kept = 0, first_event = 1, last_event = 0,
		      events_dropped = 0, events_untold = 0 } },
	{ name = "kept_snapshot", doc = "A snapshot; its report, one msgpack value of exactly `bytes` bytes, stands right behind it.", fields = {
		{ "k", "str", enum = { "snapshot" }, required = true, doc = "snapshot." },
		{ "bridge", "uint", min = 1, required = true, doc = "Number of the bridge." },
		{ "tag", "tag", required = true, doc = "The tag." },
		{ "seq", "uint", min = 1, required = true, doc = "Insertion number on the bridge." },
		{ "bytes", "uint", required = true, doc = "Size of the report." },
		{ "ts", "int", required = true, doc = "When it was stored, CLOCK_REALTIME nanoseconds." },
		{ "complete", "bool", required = true, doc = "The report's own word." },
		{ "placeholder", "bool", required = true, doc = "The capture failed; the report only says why." },
		{ "schema", "str", max = 63, required = true, doc = "Schema of the report." },
		{ "step", "uint", max = 65535, doc = "Scenario step, when one was given." },
		{ "elapsed_ms", "uint", doc = "Milliseconds since the scenario began, when given." },
		{ "boundary_ms", "uint", doc = "When a periodic capture was due." },
		{ "stats", "any", doc = "Scheduler statistics stored with it." },
		{ "stats_reason", "str", enum = { "no_client", "during_freeze", "cancelled", "sched_error", "no_response", "too_large" },
		  doc = "Why there are no stats." },
	},
	  example = { k = "snapshot", bridge = 1, tag = "t0", seq = 1, bytes = 4096, ts = 1700000000000000000, complete = true,
		      placeholder = false, schema = "ksnap.report/1", stats_reason = "no_client" } },
	{ name = "kept_event", doc = "An event that was not drained yet.", fields = {
		{ "k", "str", enum = { "event" }, required = true, doc = "event." },
		{ "bridge", "uint", min = 1, required = true, doc = "Number of the bridge." },
		{ "seq", "uint", min = 1, required = true, doc = "Its number." },
		{ "ts", "int", required = true, doc = "When it was raised, CLOCK_REALTIME nanoseconds." },
		{ "mono", "uint", required = true, doc = "The same by CLOCK_MONOTONIC of that boot." },
		{ "kind", "uint", required = true, doc = "Number of its kind." },
		{ "fields", "any", any = { "map" }, required = true, doc = "Its fields." },
	},
	  example = { k = "event", bridge = 1, seq = 1, ts = 1700000000000000000, mono = 81234567890, kind = 102,
		      fields = { tag = "t0", prior_schema = "ksnap.report/1" } } },
}
