return {
	name = "read_kernel_hot", number = 211, since = 1, right = "watch",
	summary = "Read memory of a target while it runs.",
	doc = [[
`at` is a symbol or a field of a task:
  "jiffies_64"               a kernel symbol, or the BPF global that alone has this name
  "probe.bss:nr.total[2]"    a BPF global of that section, or of that object, and a field of it
  "tasks[1234].ctx.weight"   a field of a map's element; the key is a number, a string, or hex:0a1b
  "counts[7][cpu=1].sum"     the value of one CPU, of a per-CPU map
  "id:12[7]", "id:12:nr"     the same of the map with that id, when several have the name
  "per_cpu:runqueues@1.nr_running", "0xffff888000000000"
  {task = 4711, start_time = 8134, field = "mm.total_vm"}
start_time is field 22 of /proc/PID/stat: the op fails with E_NOTFOUND when the id was used again. Without it,
whoever has the id is read.
`width` is 1, 2, 4 or 8, which gives a number and wants an aligned place, or {bytes = n}, which gives
bytes, up to MAX_KERNEL_OP. Without it the type says: a number, signed when the type is, or bytes.
Values of BPF maps are read by a program that looks them up and copies at once; aligned numbers are
never torn. Memory that is not mapped is E_TARGET. Every reply, good or bad, is logged under the tag.]],
	params = {
		{ "tag", "tag", required = true, doc = "Name to log the reply under; need not be unique." },
		{ "at", "any", any = { "str", "map" }, doc = "What to read; or give entries." },
		{ "width", "any", any = { "uint", "map" }, doc = "1, 2, 4, 8, or {bytes = n}; as the type says when absent." },
		{ "entries", "list", of = "read_entry", min = 1, max = 64, doc = "Several at once, instead of at and width." },
		{ "target", "str", min = 1, max = 256, doc = "Target name; the broker's first target when absent." },
	},
	reply = { "map", fields = {
		{ "value", "any", required = true, doc = "The value: a number, or bytes. Of entries, the first one's." },
		{ "values", "list", of = "any", doc = "The values of all entries." },
	} },
	errors = { "E_BUSY", "E_LIMIT", "E_TARGET", "E_TIMEOUT", "E_UNSUPPORTED", "E_WORKER_LOST", "E_NOTFOUND", "E_DENIED" },
	example = {
		params = { tag = "k0", at = "tasks[1234].ctx.weight" },
		reply = { value = 1024 },
	},
}
