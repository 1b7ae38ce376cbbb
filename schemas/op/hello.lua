return {
	name = "hello", number = 101, since = 1, right = "observe",
	summary = "Name yourself and learn what the broker offers.",
	doc = [[
Optional: a client may issue any op its rights allow without it. `client` is shown to operators and,
for clients whose socket identity changes, keys the reply cache together with `pid`; a client that may
come back within a minute begins its ids at random. A request that is sent again under its id is not done
again: it gets its answer once more, or E_BUSY while that is still being made.]],
	params = {
		{ "client", "str", required = true, min = 1, max = 64, doc = "Name shown to operators." },
		{ "kind", "str", required = true, enum = { "executor", "monitor", "tool" }, doc = "What the client is for." },
		{ "pid", "uint", doc = "Process id of the client on its host." },
	},
	reply = { "map", fields = {
		{ "api", "uint", required = true, doc = "API level; rises when something is added." },
		{ "epoch", "uint", required = true, doc = "Random number of the broker's life; sequence numbers begin anew when it differs." },
		{ "version", "str", required = true, doc = "Version of the broker, as major.minor.patch." },
		{ "heartbeat_ms", "uint", required = true, doc = "How often a silent client that owns something must ping." },
		{ "live", "list", of = "str", required = true, doc = "Live endpoints." },
		{ "work", "list", of = "str", required = true, doc = "Work endpoints." },
		{ "rights", "list", of = "str", required = true, doc = "Rights of this session: observe, capture, watch, write, admin." },
		{ "bridge_limits", "bridge_limits", required = true, doc = "Limits of a bridge that asks for none." },
		{ "limits", "any", any = { "map" }, required = true, doc = "Every limit in force, name to value; names as in schemas/limits.lua." },
	} },
	errors = { "E_LIMIT" },
	example = {
		params = { client = "ksnap run", kind = "executor", pid = 4711 },
		reply = {
			api = 1, epoch = 7241866550153, version = "0.1.0", heartbeat_ms = 1000,
			live = { "ipc:///run/ksnap/live" }, work = { "ipc:///run/ksnap/work" },
			rights = { "observe", "capture" },
			bridge_limits = { snapshots = 64, bytes = 268435456, events = 1024, watches = 3 },
			limits = { MAX_BRIDGES = 64 },
		},
	},
}
