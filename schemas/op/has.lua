return {
	name = "has", number = 303, since = 1, right = "observe",
	summary = "Is a snapshot stored under this tag?",
	doc = [[True for a placeholder too.]],
	params = {
		{ "tag", "tag", required = true, doc = "The tag." },
	},
	reply = { "bool" },
	errors = {},
	example = {
		params = { tag = "t0" },
		reply = true,
	},
}
