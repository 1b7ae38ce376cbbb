return {
	name = "drain_ordering_invariant_violation", number = 104, since = 1,
	summary = "A drain met a snapshot that its order list did not name.",
	doc = [[A bug in ksnap. The snapshot comes at the tail of the drain, so that nothing is lost.]],
	fields = {
		{ "tag", "str", required = true, doc = "Tag of the snapshot." },
		{ "drain_variant", "str", enum = { "drain", "drain_ordered", "drain_ordered_with_stats" }, required = true, doc = "Which drain met it." },
	},
	example = { tag = "t0", drain_variant = "drain_ordered" },
}
