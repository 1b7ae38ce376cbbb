return {
	name = "wait_accessor", number = 501, since = 1, right = "observe",
	summary = "Wait until a target can be read.",
	doc = [[
Reading a target needs symbols and types, which take time. Without `after` the reply comes when the
accessor is no longer trying; with it, when its seqno is above `after`. A target that needs no
accessor answers seqno 0 at once. E_TIMEOUT means it is still trying, and a longer deadline may help;
E_STATE that it failed for good.]],
	params = {
		{ "target", "str", min = 1, max = 256, doc = "Target name; the broker's first target when absent." },
		{ "after", "uint", doc = "Wait for a seqno above this one." },
	},
	reply = { "map", fields = {
		{ "seqno", "uint", required = true, doc = "Successful (re)initialisations so far." },
		{ "state", "str", enum = { "trying", "succeeded", "failed" }, required = true, doc = "State of the accessor." },
	} },
	errors = { "E_NOTFOUND", "E_TIMEOUT", "E_STATE", "E_WORKER_LOST" },
	example = {
		params = { target = "live", after = 1 },
		reply = { seqno = 2, state = "succeeded" },
	},
}
