return {
	name = "watch_disarmed", number = 203, since = 1,
	summary = "A watch is over and its debug register free.",
	doc = [[The reason says who ended it.]],
	fields = {
		{ "symbol", "str", required = true, doc = "What was watched." },
		{ "watch", "uint", required = true, doc = "Id of the watch." },
		{ "reason", "str", required = true, doc = "unwatch, hot, max_hits, session_lost, worker_lost or bridge_closed." },
	},
	example = { symbol = "jiffies_64", watch = 1, reason = "hot" },
}
