return {
	name = "replace_object", number = 506, since = 1, right = "admin", blobs = 1,
	summary = "Put another BPF object in the place of one that is attached.",
	doc = [[
The new object is loaded first: one that does not load, or that the verifier refuses, changes nothing.
Then it is attached beside the old one, which goes, or, where the kernel takes only one of them, as with
struct_ops, in its place. When it cannot be attached the old one is as it was, and the error says so. Its
maps are new; what was in the old ones is gone with them. Whoever owned the old one owns it. The reply
comes when the target's accessor was initialised anew and the new object can be read; the seqno of
wait_accessor has risen then.]],
	params = {
		{ "name", "str", required = true, min = 1, max = 64, doc = "Name it was attached under." },
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
		reply = { maps = { 14, 15 }, progs = { 41 }, map_names = { "tasks", "probe.bss" }, prog_names = { "on_switch" } },
	},
}
