return {
	name = "describe", number = 104, since = 1, right = "observe",
	summary = "The whole API as data.",
	doc = [[Ops, events, live kinds, errors, limits, shapes and the report, with all their docs, as in schemas/.]],
	params = {},
	reply = { "map", fields = {
		{ "api", "uint", required = true, doc = "API level; rises when something is added." },
		{ "protocol", "uint", required = true, doc = "Protocol version, the `v` of every envelope." },
		{ "ops", "list", of = "any", required = true, doc = "Rows {name, number, since, right, blobs, multipart, summary, doc, params, reply, errors}, by number." },
		{ "events", "list", of = "any", required = true, doc = "Rows {name, number, since, channel, summary, doc, fields}, by number." },
		{ "live", "list", of = "any", required = true, doc = "Live messages that are no events: rows {kind, channels, doc, fields}." },
		{ "errors", "list", of = "any", required = true, doc = "Rows {code, number, class, retry, doc}, by number." },
		{ "limits", "list", of = "any", required = true, doc = "Rows {name, default, unit, scope, key, switch, doc}." },
		{ "shapes", "list", of = "any", required = true, doc = "Rows {name, doc, fields}: the maps that fields name as their type." },
		{ "report", "any", any = { "map" }, required = true, doc = "{schema, doc, head, fields, shapes}." },
	} },
	errors = {},
	example = {
		params = {},
		reply = { api = 1, protocol = 1, ops = {}, events = {}, live = {}, errors = {}, limits = {}, shapes = {},
			  report = { schema = "ksnap.report/1" } },
	},
}
