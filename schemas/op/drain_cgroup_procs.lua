return {
	name = "drain_cgroup_procs", number = 403, since = 1, right = "capture",
	summary = "Take every cgroup.procs record of the bridge, in order.",
	doc = [[`dropped` counts the records that left since the last drain because MAX_CGROUP_PROCS was reached.]],
	params = {},
	reply = { "map", fields = {
		{ "records", "list", of = "procs_record", required = true, doc = "The records, oldest first." },
		{ "dropped", "uint", required = true, doc = "Records lost since the last drain." },
	} },
	errors = {},
	example = {
		params = {},
		reply = { records = { { tag = "p0", cgroup = "/ksnap.slice/load", pids = { 4711, 4712 } } }, dropped = 0 },
	},
}
