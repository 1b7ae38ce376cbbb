return {
	name = "capture_cgroup_procs", number = 202, since = 1, right = "capture",
	summary = "Read cgroup.procs of a cgroup and record it under a tag.",
	doc = [[
Records append to a log of their own, beside the snapshots: tags need not be unique. An empty cgroup
is an empty list; a missing one fails with E_NOTFOUND and leaves no record.]],
	params = {
		{ "tag", "tag", required = true, doc = "Name to record it under." },
		{ "cgroup", "str", required = true, min = 1, max = 4096, doc = "cgroup v2 path, from the root of the hierarchy." },
		{ "target", "str", min = 1, max = 256, doc = "Target name; the broker's first target when absent." },
	},
	reply = { "map", fields = {
		{ "pids", "list", of = "uint", required = true, doc = "Process ids, as the kernel lists them." },
	} },
	errors = { "E_BUSY", "E_LIMIT", "E_TARGET", "E_TIMEOUT", "E_UNSUPPORTED", "E_WORKER_LOST", "E_NOTFOUND", "E_DENIED" },
	example = {
		params = { tag = "p0", cgroup = "/ksnap.slice/load" },
		reply = { pids = { 4711, 4712 } },
	},
}
