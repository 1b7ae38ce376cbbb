return {
	name = "event_log_truncated", number = 106, since = 1, synthetic = true,
	summary = "Events were dropped since the last drain, because MAX_STORED_EVENTS was reached.",
	doc = [[Synthetic: appended at the tail of a drain with seq 0, never published and never counted.]],
	fields = {
		{ "dropped_count", "uint", required = true, doc = "How many." },
	},
	example = { dropped_count = 12 },
}
