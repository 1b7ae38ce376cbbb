-- The maps around every message. Shapes as in shapes.lua.
return {
	{ name = "request_envelope", doc = "Request envelope, client to broker. Unknown keys are refused.", fields = {
		{ "v", "uint", required = true, doc = "Protocol version, 1." },
		{ "id", "any", any = { "uint", "str" }, required = true, doc = "uint64, or a string of at most 64 bytes; chosen by the client, echoed." },
		{ "op", "str", required = true, min = 1, max = 64, doc = "Operation name." },
		{ "b", "tag", doc = "Bridge name; \"default\" when absent." },
		{ "p", "any", any = { "map" }, doc = "Parameters: a map." },
		{ "t", "uint", min = 1, max = 3600000, doc = "Deadline in milliseconds from receipt; 30000 when absent." },
	} },
	{ name = "error", doc = "What a failed request gets.", fields = {
		{ "code", "str", required = true, doc = "A code of errors.lua." },
		{ "class", "str", required = true, doc = "Its class." },
		{ "msg", "str", required = true, doc = "For people; programs do not parse it." },
		{ "retry", "bool", required = true, doc = "Whether the same request may succeed later." },
		{ "detail", "any", any = { "map" }, doc = "A map of facts, by code." },
	} },
	{ name = "reply_envelope", doc = "Reply envelope, broker to client.", fields = {
		{ "v", "uint", required = true, doc = "Protocol version, 1." },
		{ "id", "any", any = { "uint", "str", "nil" }, required = true, doc = "The request's id; nil when none could be read." },
		{ "ok", "bool", required = true, doc = "Whether r or e is there." },
		{ "r", "any", doc = "The result." },
		{ "e", "error", doc = "The error." },
		{ "more", "bool", doc = "Further parts follow." },
		{ "blobs", "uint", doc = "Blob frames behind this one." },
	} },
	{ name = "live_header", doc = "Header of a live message; the kind's own keys stand beside these.", fields = {
		{ "v", "uint", required = true, doc = "Protocol version, 1." },
		{ "epoch", "uint", required = true, doc = "Random number of the broker's life." },
		{ "ch", "str", required = true, doc = "Channel." },
		{ "seq", "uint", required = true, doc = "Number on this channel, from 1, without a hole; 0 on beat." },
		{ "ts", "int", required = true, doc = "CLOCK_REALTIME, ns." },
		{ "k", "str", required = true, doc = "Kind: an event's name, captured, joined, lost, beat, ..." },
	} },
}
