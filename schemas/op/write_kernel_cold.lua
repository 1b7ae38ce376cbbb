return {
	name = "write_kernel_cold", number = 214, since = 1, right = "write",
	summary = "Write memory of a target that stands still.",
	doc = [[
As write_kernel_hot, while nothing runs that could see half of it; what standing still means is said at
read_kernel_cold, and on the running kernel `freeze` is required. All entries share one stop. A value may
also be {or = mask}: the bits of the mask are set in the number that is there, atomically.]],
	params = {
		{ "tag", "tag", required = true, doc = "Name to log the reply under; need not be unique." },
		{ "entries", "list", of = "write_entry", required = true, min = 1, max = 64, doc = "What to write, in order." },
		{ "target", "str", min = 1, max = 256, doc = "Target name; the broker's first target when absent." },
		{ "freeze", "str", min = 1, max = 4096, doc = "Hold this v2 cgroup still while writing. One that a session holds through freeze stays so." },
	},
	reply = { "map", fields = {
		{ "written", "uint", required = true, doc = "How many entries: all." },
	} },
	errors = { "E_BUSY", "E_LIMIT", "E_STATE", "E_TARGET", "E_TIMEOUT", "E_UNSUPPORTED", "E_WORKER_LOST", "E_NOTFOUND", "E_DENIED" },
	example = {
		params = { tag = "w0", entries = { { at = "probe.bss:flags", value = { ["or"] = 4 } } }, freeze = "/load" },
		reply = { written = 1 },
	},
}
