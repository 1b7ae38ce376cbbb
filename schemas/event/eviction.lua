return {
	name = "eviction", number = 103, since = 1,
	summary = "A stored snapshot left because a cap was reached.",
	doc = [[The oldest leaves first. `cap` is MAX_STORED_SNAPSHOTS of the bridge; when the byte cap was the
one reached, `cap_bytes` is there too.]],
	fields = {
		{ "evicted_tag", "str", required = true, doc = "Tag that left." },
		{ "new_tag", "str", required = true, doc = "Tag that was stored." },
		{ "cap", "uint", required = true, doc = "Count cap in force." },
		{ "cap_bytes", "uint", doc = "Byte cap in force, when that cap evicted." },
	},
	example = { evicted_tag = "tick_1", new_tag = "tick_65", cap = 64 },
}
