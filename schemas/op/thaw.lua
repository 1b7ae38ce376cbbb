return {
	name = "thaw", number = 505, since = 1, right = "write",
	summary = "Let a frozen cgroup go on.",
	doc = [[
What another session froze is refused, naming it, unless `force` is given, or it is that of the same client
(`client`, `kind`, `pid` and key) from before its hello on this connection, and is not heard any more. With `force` a
worker also thaws what no session of this broker has frozen, but a ksnap whose worker and guard were killed, so
that it would stand still for ever. What somebody else froze, or a ksnap that lives, is not touched. Below a cgroup
that is frozen as well, by whomever, it stands still until that
one goes on, too; the reply names it.]],
	params = {
		{ "cgroup", "str", required = true, min = 1, max = 4000, doc = "As given to freeze, or as freeze answered." },
		{ "force", "bool", doc = "Also when another session froze it, or a ksnap that was killed." },
		{ "target", "str", min = 1, max = 256, doc = "Whose workers look for what a killed ksnap left; the broker's first target when absent." },
	},
	reply = { "map", fields = {
		{ "above", "str", max = 4096, doc = "The nearest cgroup above it that is frozen; absent: none is." },
	} },
	errors = { "E_BUSY", "E_STATE", "E_TARGET", "E_TIMEOUT", "E_UNSUPPORTED", "E_WORKER_LOST", "E_NOTFOUND", "E_DENIED" },
	example = {
		params = { cgroup = "/ksnap.slice/load" },
		reply = {},
	},
}
