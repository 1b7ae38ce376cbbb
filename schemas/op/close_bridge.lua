return {
	name = "close_bridge", number = 107, since = 1, right = "admin",
	summary = "Close the bridge the envelope names, with all it holds.",
	doc = [[Its snapshots, events and logs are gone; the counts say how much. Its name may be used again.]],
	params = {},
	reply = { "map", fields = {
		{ "snapshots", "uint", required = true, doc = "Snapshots that were stored." },
		{ "events", "uint", required = true, doc = "Events that were kept." },
		{ "bytes", "uint", required = true, doc = "Bytes of reports that were stored." },
	} },
	errors = { "E_NOTFOUND", "E_BUSY" },
	example = {
		params = {},
		reply = { snapshots = 3, events = 5, bytes = 12288 },
	},
}
