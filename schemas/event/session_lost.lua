return {
	name = "session_lost", number = 301, since = 1,
	summary = "A session that owned something fell silent and is ended.",
	doc = [[Raised on every bridge it used, those of the requests by which it owned something among them. Snapshots it stored stay.]],
	fields = {
		{ "client", "str", required = true, doc = "Its name, as given to hello." },
		{ "released", "str", required = true, doc = "What was released, comma-separated; empty when there was nothing." },
		{ "reason", "str", doc = "How it was lost, for people." },
	},
	example = { client = "ksnap run", released = "object probe", reason = "silent for 5 heartbeats" },
}
