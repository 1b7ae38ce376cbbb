-- Every data file below op/ and event/, since stock Lua cannot list a folder; lint.lua compares.
return {
	op = {
		"attach_object", "bye", "capture_cgroup_procs", "capture_snapshot", "cgroup_procs_by_tag",
		"close_bridge", "describe", "detach_object", "drain", "drain_cgroup_procs", "drain_events",
		"event_count", "get", "has", "hello", "list", "open_bridge", "ping", "replay", "status",
		"store_snapshot", "wait_accessor",
	},
	event = {
		"cap_invariant_violation", "capture_unavailable", "drain_ordering_invariant_violation",
		"event_log_truncated", "eviction", "log_truncated", "overwrite", "report_refused",
		"session_lost", "watch_armed", "watch_disarmed", "watch_throttled", "worker_lost",
	},
}
