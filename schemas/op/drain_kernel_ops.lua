return {
	name = "drain_kernel_ops", number = 405, since = 1, right = "capture",
	summary = "Take every record of a kernel read or write of the bridge, in order.",
	doc = [[
`dropped` counts the records that left since the last drain because MAX_KERNEL_OPS or
MAX_KERNEL_OP_BYTES was reached.]],
	params = {},
	reply = { "map", fields = {
		{ "records", "list", of = "kernel_op_record", required = true, doc = "The records, oldest first." },
		{ "dropped", "uint", required = true, doc = "Records lost since the last drain." },
	} },
	errors = {},
	example = {
		params = {},
		reply = { records = { { tag = "k0", op = "read_kernel_hot", params = { tag = "k0", at = "nr" }, ok = true, result = { value = 12 } } }, dropped = 0 },
	},
}
