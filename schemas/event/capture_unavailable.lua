return {
	name = "capture_unavailable", number = 101, since = 1,
	summary = "A capture gave no report; nothing was stored.",
	doc = [[The capture fails with the same reason.]],
	fields = {
		{ "tag", "str", required = true, doc = "Tag it was asked for." },
		{ "reason", "str", doc = "Why, for people, when it is known." },
	},
	example = { tag = "t0", reason = "fixture: fail_every=3 reached" },
}
