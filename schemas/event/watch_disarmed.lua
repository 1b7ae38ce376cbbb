return {
	name = "watch_disarmed", number = 203, since = 1,
	summary = "A watch is over and its debug register free.",
	doc = [[The reason says who ended it; the message `over` on watch/<bridge> how often it had fired. When its session is gone
the slot is free before: this is raised when the worker has disarmed it. Only when its bridge is closed it comes first.]],
	fields = {
		{ "symbol", "str", required = true, doc = "What was watched." },
		{ "watch", "uint", required = true, doc = "Id of the watch." },
		{ "reason", "str", required = true, doc = "unwatch, bye, session_lost, worker_lost or bridge_closed; or the worker's own: hot, max_hits, map_gone, element_gone, object_gone, rebooted, gdb_lost, guard_lost." },
	},
	example = { symbol = "jiffies_64", watch = 1, reason = "hot" },
}
