return {
	name = "kernel_op_value", number = 406, since = 1, right = "observe",
	summary = "The first value of the first successful kernel read under a tag; it stays.",
	doc = [[Writes and failures are passed over. E_NOTFOUND: there is none under the tag.]],
	params = {
		{ "tag", "tag", required = true, doc = "The tag." },
	},
	reply = { "map", fields = {
		{ "value", "any", required = true, doc = "The value: a number, or bytes." },
	} },
	errors = { "E_NOTFOUND" },
	example = {
		params = { tag = "k0" },
		reply = { value = 1024 },
	},
}
