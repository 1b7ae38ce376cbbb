return {
	name = "overwrite", number = 102, since = 1,
	summary = "A tag was stored again, and its snapshot replaced.",
	doc = [[All that came with the old one is gone with it: stats, step, times.]],
	fields = {
		{ "tag", "str", required = true, doc = "The tag." },
		{ "prior_schema", "str", required = true, doc = "Schema id of the report that was replaced." },
	},
	example = { tag = "t0", prior_schema = "ksnap.report/1" },
}
