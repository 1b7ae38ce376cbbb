return {
	name = "detach_object", number = 503, since = 1, right = "admin",
	summary = "Detach and unload an attached BPF object.",
	doc = [[Its maps go too, unless somebody else holds them.]],
	params = {
		{ "name", "str", required = true, min = 1, max = 64, doc = "Name given to attach_object." },
	},
	reply = { "map", fields = {} },
	errors = { "E_BUSY", "E_TARGET", "E_TIMEOUT", "E_WORKER_LOST", "E_NOTFOUND", "E_DENIED" },
	example = {
		params = { name = "probe" },
		reply = {},
	},
}
