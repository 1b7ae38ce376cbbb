return {
	name = "capture_cgroup_procs", number = 202, since = 1, right = "capture",
	summary = "Read which processes or threads a cgroup has and record them under a tag.",
	doc = [[
Records append to a log of their own, beside the snapshots: tags need not be unique. An empty cgroup
is an empty list; a missing one fails with E_NOTFOUND and leaves no record. A threaded cgroup has
threads only: without `threads` it fails with E_UNSUPPORTED.]],
	params = {
		{ "tag", "tag", required = true, doc = "Name to record it under." },
		{ "cgroup", "str", required = true, min = 1, max = 4096, doc = "/a/b from the root of the v2 hierarchy; cpu:/a/b from the root of the v1 hierarchy with that controller; or the folder's whole path in either." },
		{ "threads", "bool", doc = "Ids of all threads, not of processes only." },
		{ "target", "str", min = 1, max = 256, doc = "Target name; the broker's first target when absent." },
	},
	reply = { "map", fields = {
		{ "pids", "list", of = "uint", required = true, doc = "Process ids, or thread ids, as the kernel lists them." },
	} },
	errors = { "E_BUSY", "E_LIMIT", "E_TARGET", "E_TIMEOUT", "E_UNSUPPORTED", "E_WORKER_LOST", "E_NOTFOUND", "E_DENIED" },
	example = {
		params = { tag = "p0", cgroup = "/ksnap.slice/load" },
		reply = { pids = { 4711, 4712 } },
	},
}
