return {
	name = "drain", number = 305, since = 1, right = "capture", multipart = true, reply_blobs = 1,
	summary = "Take every stored snapshot and leave the store empty.",
	doc = [[Parts come in FIFO order, the oldest first; then the totals.]],
	params = {
		{ "as", "str", enum = { "report" }, doc = "report (default): each part carries its report as the blob." },
	},
	reply = { "map", include = "snapshot_row", optional = true, fields = {
		{ "stats", "any", doc = "Scheduler statistics stored with it." },
		{ "stats_reason", "str", enum = { "no_client", "during_freeze", "cancelled", "sched_error", "no_response", "too_large" },
		  doc = "Why there are no stats." },
		{ "count", "uint", doc = "Last part only: snapshots that were taken. `bytes` is then the size of all their reports." },
	} },
	parts = {
		{ required = { "tag", "seq", "bytes", "ts", "complete", "placeholder" }, blobs = 1,
		  doc = "One a snapshot, with more = true and its report as the blob. Either stats or stats_reason is there." },
		{ required = { "count", "bytes" }, last = true, doc = "The last part, also of an empty store." },
	},
	errors = {},
	example = {
		params = {},
		parts = {
			{ tag = "t0", seq = 1, bytes = 4096, ts = 1700000000000000000, complete = true, placeholder = false,
			  step = 0, stats_reason = "no_client" },
			{ count = 1, bytes = 4096 },
		},
	},
}
