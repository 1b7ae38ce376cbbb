return {
	name = "list", number = 302, since = 1, right = "observe",
	summary = "List the stored snapshots, oldest first.",
	doc = [[Rows in FIFO order: the first row is the next to be evicted.]],
	params = {},
	reply = { "list", of = "snapshot_row" },
	errors = {},
	example = {
		params = {},
		reply = { { tag = "t0", seq = 1, bytes = 4096, ts = 1700000000000000000, complete = true, placeholder = false, step = 0 } },
	},
}
