return {
	name = "ping", number = 102, since = 1, right = "observe",
	summary = "Say that you live; learn the broker's clocks.",
	doc = [[Any message counts as a heartbeat; this one does nothing else.]],
	params = {},
	reply = { "map", fields = {
		{ "ts", "int", required = true, doc = "CLOCK_REALTIME of the broker, ns." },
		{ "mono", "uint", required = true, doc = "CLOCK_MONOTONIC of the broker, ns." },
	} },
	errors = {},
	example = {
		params = {},
		reply = { ts = 1700000000000000000, mono = 81234567890 },
	},
}
