return {
	name = "bye", number = 103, since = 1, right = "observe",
	summary = "End the session and release at once what it owns.",
	doc = [[Snapshots it stored stay.]],
	params = {},
	reply = { "map", fields = {
		{ "released", "list", of = "str", required = true, doc = "What was released, such as \"object probe\"; empty when the session owned nothing." },
	} },
	errors = {},
	example = {
		params = {},
		reply = { released = { "object probe" } },
	},
}
