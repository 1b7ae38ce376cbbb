return {
	name = "open_bridge", number = 106, since = 1, right = "capture",
	summary = "Open the bridge the envelope names, with limits of its own.",
	doc = [[
A bridge comes to be at its first use, with default limits; open it to have other ones. A limit that
is absent takes its default, and none may be above the broker's own. A bridge that is open with the
same limits is left as it is; with other limits it is E_STATE.]],
	params = {
		{ "limits", "bridge_limits", doc = "Limits asked for; the defaults when absent." },
	},
	reply = { "map", fields = {
		{ "bridge", "str", required = true, doc = "Its name." },
		{ "limits", "bridge_limits", required = true, doc = "Limits in force, all of them." },
	} },
	errors = { "E_LIMIT", "E_STATE" },
	example = {
		params = { limits = { snapshots = 16 } },
		reply = { bridge = "default", limits = { snapshots = 16, bytes = 268435456, events = 1024, watches = 3 } },
	},
}
