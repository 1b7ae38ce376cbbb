return {
	name = "replay", number = 601, since = 1, right = "observe", multipart = true,
	summary = "Headers of a live channel again, from the broker's memory.",
	doc = [[
At most MAX_RETAINED_HEADERS of a channel are kept. Payloads are not: fetch a report with get while
it is stored. A channel on which nothing was published yet is an empty one. The parts of a long
replay come in slices, and those of other requests in between.]],
	params = {
		{ "channel", "str", required = true, min = 1, max = 80, doc = "Channel, such as event/default." },
		{ "from", "any", any = { "uint", "str" }, required = true, doc = "A sequence number, \"oldest\", or \"last:N\"." },
	},
	reply = { "map", fields = {
		{ "header", "any", any = { "map" }, doc = "A header as it was published." },
		{ "first", "uint", doc = "Last part only: number of the first header given; one above `last` when none was." },
		{ "last", "uint", doc = "Last part only: number of the newest message on the channel, 0 when there was none." },
		{ "lost", "uint", doc = "Last part only: headers that were asked for and are gone." },
	} },
	parts = {
		{ required = { "header" }, doc = "One a retained header, in order, with more = true." },
		{ required = { "first", "last", "lost" }, last = true, doc = "The last part." },
	},
	errors = { "E_BUSY" },
	example = {
		params = { channel = "event/default", from = "last:1" },
		parts = {
			{ header = { v = 1, epoch = 7241866550153, ch = "event/default", seq = 2, ts = 1700000000000000000,
				     k = "overwrite", tag = "t0", prior_schema = "ksnap.report/1" } },
			{ first = 2, last = 2, lost = 0 },
		},
	},
}
