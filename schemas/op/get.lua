return {
	name = "get", number = 304, since = 1, right = "observe", reply_blobs = 1,
	summary = "Get a stored snapshot; it stays stored.",
	doc = [[
As "report" (the default) the report is the reply's blob. As "tree" a worker renders it, and `tree`
holds the value, all of it or the part `path` names; there is no blob then.]],
	params = {
		{ "tag", "tag", required = true, doc = "The tag." },
		{ "as", "str", enum = { "report", "tree" }, doc = "report (default): the report itself; tree: rendered." },
		{ "path", "str", min = 1, max = 4096, doc = "With tree: the part to render, such as tasks[1234].ctx.weight." },
	},
	reply = { "map", include = "snapshot_row", fields = {
		{ "stats", "any", doc = "Scheduler statistics stored with it." },
		{ "stats_reason", "str", enum = { "no_client", "during_freeze", "cancelled", "sched_error", "no_response", "too_large" },
		  doc = "Why there are no stats." },
		{ "tree", "any", doc = "The rendered value, as=tree." },
	} },
	errors = { "E_NOTFOUND", "E_BUSY", "E_TARGET", "E_TIMEOUT", "E_WORKER_LOST", "E_LIMIT", "E_UNSUPPORTED" },
	example = {
		params = { tag = "t0", as = "tree", path = "nr_switches" },
		reply = { tag = "t0", seq = 1, bytes = 4096, ts = 1700000000000000000, complete = true, placeholder = false,
			  stats_reason = "no_client", tree = 42 },
	},
}
