return {
	name = "state_caught_up", number = 304, since = 1,
	summary = "All that is stored is in the folder of --state again.",
	doc = [[Raised on every bridge.]],
	fields = {
		{ "behind_ms", "uint", required = true, doc = "Milliseconds since state_behind." },
	},
	example = { behind_ms = 12000 },
}
