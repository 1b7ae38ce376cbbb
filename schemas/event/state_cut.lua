return {
	name = "state_cut", number = 305, since = 1,
	summary = "The folder of --state ended within a record, which was cut off.",
	doc = [[Raised at the start on every bridge that was read. What is cut had not been answered, or, after
the machine itself stopped, not been brought to the disk.]],
	fields = {
		{ "file", "str", required = true, doc = "Name of the file." },
		{ "offset", "uint", required = true, doc = "Where it ends now." },
		{ "bytes", "uint", required = true, doc = "How many bytes were cut off, those of later files included; 0: the file was empty, and is removed." },
	},
	example = { file = "0000000007.seg", offset = 4096, bytes = 17 },
}
