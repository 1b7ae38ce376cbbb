return {
	name = "list_watches", number = 703, since = 1, right = "observe",
	summary = "List the watches of this bridge, oldest first.",
	doc = [[Counts are as the worker told them last: with each hit, and at least once a heartbeat.]],
	params = {},
	reply = { "list", of = "watch_row" },
	errors = {},
	example = {
		params = {},
		reply = { { watch = 1, symbol = "jiffies_64", state = "armed", target = "live", worker = "live-1", session = "ksnap watch", pid = 4711,
			    addr = 281474976710656, len = 8, slot = 1, hits = 1000, suppressed = 980, captures = 7,
			    missed = 13 } },
	},
}
