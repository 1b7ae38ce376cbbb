return {
	name = "log_truncated", number = 108, since = 1,
	summary = "Records of a log were dropped since its last drain, because its cap was reached.",
	doc = [[Raised by the drain that finds out.]],
	fields = {
		{ "log", "str", enum = { "kernel_ops", "cgroup_procs" }, required = true, doc = "Which log." },
		{ "dropped_count", "uint", required = true, doc = "How many." },
	},
	example = { log = "cgroup_procs", dropped_count = 3 },
}
