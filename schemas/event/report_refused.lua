return {
	name = "report_refused", number = 107, since = 1,
	summary = "A report was refused, because it alone is above the byte cap.",
	doc = [[Nothing else changed: a snapshot stored under the same tag is still there.]],
	fields = {
		{ "tag", "str", required = true, doc = "Tag it was to be stored under." },
		{ "bytes", "uint", required = true, doc = "Size of the report." },
		{ "cap_bytes", "uint", required = true, doc = "Byte cap in force." },
		{ "reason", "str", doc = "The same for people." },
	},
	example = { tag = "t0", bytes = 300000000, cap_bytes = 268435456 },
}
