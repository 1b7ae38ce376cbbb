return {
	name = "read_kernel_cold", number = 212, since = 1, right = "watch",
	summary = "Read memory of a target that stands still.",
	doc = [[
As read_kernel_hot, but nothing runs meanwhile that could change it. A guest is stopped for that, and a
dump always stands still. The running kernel cannot be stopped from within: there `freeze` is required,
and cold means that every task of that cgroup stands still while all entries are read; what other tasks
and interrupts do goes on. All entries of one request share one stop. What freeze refuses is refused.]],
	params = {
		{ "tag", "tag", required = true, doc = "Name to log the reply under; need not be unique." },
		{ "at", "any", any = { "str", "map" }, doc = "What to read; or give entries." },
		{ "width", "any", any = { "uint", "map" }, doc = "1, 2, 4, 8, or {bytes = n}; as the type says when absent." },
		{ "entries", "list", of = "read_entry", min = 1, max = 64, doc = "Several at once, instead of at and width." },
		{ "target", "str", min = 1, max = 256, doc = "Target name; the broker's first target when absent." },
		{ "freeze", "str", min = 1, max = 4096, doc = "Hold this v2 cgroup still while reading. One that a session holds through freeze stays so." },
	},
	reply = { "map", fields = {
		{ "value", "any", required = true, doc = "The value: a number, or bytes. Of entries, the first one's." },
		{ "values", "list", of = "any", doc = "The values of all entries." },
	} },
	errors = { "E_BUSY", "E_LIMIT", "E_STATE", "E_TARGET", "E_TIMEOUT", "E_UNSUPPORTED", "E_WORKER_LOST", "E_NOTFOUND", "E_DENIED" },
	example = {
		params = { tag = "k0", entries = { { at = "nr_dispatched", width = 8 }, { at = "tasks[7].name", width = { bytes = 16 } } }, freeze = "/load" },
		reply = { value = 12, values = { 12, "worker" } },
	},
}
