return {
	name = "drain_events", number = 401, since = 1, right = "capture",
	summary = "Take every event of the bridge, in order.",
	doc = [[
Each is a map {seq, ts, mono, k} with the fields of its kind beside them. When events were dropped
since the last drain, event_log_truncated is the last, with seq 0. Draining events and draining
snapshots are independent.]],
	params = {},
	reply = { "list", of = "any", any = { "event" } },
	errors = {},
	example = {
		params = {},
		reply = {
			{ seq = 1, ts = 1700000000000000000, mono = 81234567890, k = "eviction", evicted_tag = "tick_1",
			  new_tag = "tick_65", cap = 64 },
			{ seq = 0, ts = 1700000000000000009, mono = 81234567899, k = "event_log_truncated", dropped_count = 12 },
		},
	},
}
