return {
	name = "unwatch", number = 702, since = 1, right = "watch",
	summary = "End a watch of this bridge; its register is free again.",
	doc = [[
By its id or by its symbol, also one that another session armed. The counts are exact: nothing is counted
after the reply. Of several watches of one symbol it takes an id to name one.]],
	params = {
		{ "watch", "uint", doc = "Id of the watch; it or symbol." },
		{ "symbol", "str", min = 1, max = 511, doc = "Its symbol, as it was given." },
	},
	reply = { "map", fields = {
		{ "watch", "uint", required = true, doc = "Id of the watch." },
		{ "symbol", "str", required = true, doc = "What was watched." },
		{ "hits", "uint", required = true, doc = "Writes since it was armed." },
		{ "suppressed", "uint", required = true, doc = "Those among them that were only counted." },
		{ "unseen", "uint", doc = "Of those, the ones that were counted without a look at what was written; absent: none." },
	} },
	errors = { "E_BUSY", "E_STATE", "E_TARGET", "E_TIMEOUT", "E_WORKER_LOST", "E_NOTFOUND", "E_DENIED" },
	example = {
		params = { watch = 1 },
		reply = { watch = 1, symbol = "jiffies_64", hits = 1000, suppressed = 980 },
	},
}
