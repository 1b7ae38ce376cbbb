-- Every data file below op/ and event/, since stock Lua cannot list a folder; lint.lua compares.
-- Operations stand in the group of a hundred that their number is in.
return {
	op = {
		{ group = 1, doc = "Sessions and bridges.",
		  "hello", "ping", "bye", "describe", "status", "open_bridge", "close_bridge" },
		{ group = 2, doc = "Capture.", "capture_snapshot", "capture_cgroup_procs",
		  "read_kernel_hot", "read_kernel_cold", "write_kernel_hot", "write_kernel_cold" },
		{ group = 3, doc = "Store.", "store_snapshot", "list", "has", "get", "drain" },
		{ group = 4, doc = "Events and logs.",
		  "drain_events", "event_count", "drain_cgroup_procs", "cgroup_procs_by_tag",
		  "drain_kernel_ops", "kernel_op_value" },
		{ group = 5, doc = "Targets.", "wait_accessor", "attach_object", "replace_object", "detach_object", "freeze", "thaw" },
		{ group = 6, doc = "Live bus.", "replay" },
		{ group = 7, doc = "Watches.", "watch_snapshot", "unwatch", "list_watches" },
	},
	event = {
		{ group = 1, doc = "Store and logs.",
		  "capture_unavailable", "overwrite", "eviction", "drain_ordering_invariant_violation",
		  "cap_invariant_violation", "event_log_truncated", "report_refused", "log_truncated",
		  "periodic_abandoned" },
		{ group = 2, doc = "Watches.", "watch_armed", "watch_throttled", "watch_disarmed" },
		{ group = 3, doc = "Sessions, workers and what is kept.", "session_lost", "worker_lost", "state_behind", "state_caught_up", "state_cut" },
	},
}
