return {
	name = "event_count", number = 402, since = 1, right = "observe",
	summary = "How many events the bridge keeps.",
	doc = [[Without the truncation mark that the next drain may append.]],
	params = {},
	reply = { "uint" },
	errors = {},
	example = {
		params = {},
		reply = 3,
	},
}
