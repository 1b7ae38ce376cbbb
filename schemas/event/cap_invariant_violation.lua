return {
	name = "cap_invariant_violation", number = 105, since = 1,
	summary = "The store was above its cap with nothing to evict, and was cleared.",
	doc = [[A bug in ksnap.]],
	fields = {
		{ "reports_len", "uint", required = true, doc = "Snapshots that were stored." },
		{ "cap", "uint", required = true, doc = "Count cap in force." },
	},
	example = { reports_len = 65, cap = 64 },
}
