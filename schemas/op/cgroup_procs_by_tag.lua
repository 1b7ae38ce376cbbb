return {
	name = "cgroup_procs_by_tag", number = 404, since = 1, right = "observe",
	summary = "The first cgroup.procs record under a tag; it stays.",
	doc = [[Records with the same tag behind it are reached by drain_cgroup_procs.]],
	params = {
		{ "tag", "tag", required = true, doc = "The tag." },
	},
	reply = { "map", fields = {
		{ "cgroup", "str", required = true, doc = "The cgroup, as it was asked for." },
		{ "pids", "list", of = "uint", required = true, doc = "Process ids, or thread ids when those were asked for." },
	} },
	errors = { "E_NOTFOUND" },
	example = {
		params = { tag = "p0" },
		reply = { cgroup = "/ksnap.slice/load", pids = { 4711, 4712 } },
	},
}
