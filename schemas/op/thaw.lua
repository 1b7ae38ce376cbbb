return {
	name = "thaw", number = 505, since = 1, right = "write",
	summary = "Let a frozen cgroup go on.",
	doc = [[
What another session froze is refused, naming it, unless `force` is given, or it is that of the same client
(`client`, `kind`, `pid` and key) from before its hello on this connection, and is not heard any more; what somebody else than this
broker's sessions froze is not touched. Below a cgroup that is frozen as well, by whomever, it stands still until that
one goes on, too; the reply names it.]],
	params = {
		{ "cgroup", "str", required = true, min = 1, max = 4000, doc = "As given to freeze, or as freeze answered." },
		{ "force", "bool", doc = "Also when another session froze it." },
	},
	reply = { "map", fields = {
		{ "above", "str", max = 4096, doc = "The nearest cgroup above it that is frozen; absent: none is." },
	} },
	errors = { "E_BUSY", "E_STATE", "E_TARGET", "E_TIMEOUT", "E_WORKER_LOST", "E_NOTFOUND", "E_DENIED" },
	example = {
		params = { cgroup = "/ksnap.slice/load" },
		reply = {},
	},
}
