return {
	name = "attach_object", number = 502, since = 1, right = "admin", blobs = 1,
	summary = "Load a BPF object and attach its programs.",
	doc = [[
The blob is the object file. It is owned by the session: when that ends, the object is detached.
The target's accessor is initialised anew afterwards.]],
	params = {
		{ "name", "str", required = true, min = 1, max = 64, doc = "Name for detach_object, without control characters; unique among the objects attached now." },
		{ "target", "str", min = 1, max = 256, doc = "Target name; the broker's first target when absent." },
	},
	reply = { "map", fields = {
		{ "maps", "list", of = "uint", required = true, doc = "Kernel ids of its maps." },
		{ "progs", "list", of = "uint", required = true, doc = "Kernel ids of its programs." },
		{ "map_names", "list", of = "str", doc = "Their names in its source, in the same order." },
		{ "prog_names", "list", of = "str", doc = "The same of its programs." },
	} },
	errors = { "E_BUSY", "E_LIMIT", "E_STATE", "E_TARGET", "E_TIMEOUT", "E_UNSUPPORTED", "E_WORKER_LOST", "E_NOTFOUND", "E_DENIED" },
	example = {
		params = { name = "probe" },
		reply = { maps = { 12, 13 }, progs = { 40 } },
	},
}
