-- The report: what a capture gives and a bridge stores. One msgpack map, schema id "ksnap.report/1".
-- The first three keys stand in this order so that a broker can read them without reading on.
-- Raw memory is packed: `keys` and `vals` of a map are the kernel's bytes, described by `types`.
return {
	schema = "ksnap.report/1",
	doc = [[
Decoding one value needs the type table only: start at the map's `vt`, follow typedefs and
qualifiers through `t`, read structs by their members' bit offsets. Byte order is the target's
(`target.little_endian`). An entry's key is at keys[i*key_size], its value at
vals[i*value_size], or for a per-CPU map (ncpu present) the value of CPU c is at
vals[(i*ncpu + c)*stride], stride = value_size rounded up to 8.

Where the kernel's own key or value of a map is a descriptor or cannot be looked up, the row holds
what it stands for, and key_size and value_size are those of `keys` and `vals`: task storage is kept by
thread id, socket storage by socket cookie, cgroup storage by id of a cgroup of the unified hierarchy; maps of sockets give cookies,
maps of programs and maps their ids, perf event arrays {config, type, cpu}, arenas their pages by
address. Types made for these have the names that kt and vt lead to.]],
	head = { "schema", "placeholder", "complete" },
	fields = {
		{ "schema", "str", required = true, doc = "ksnap.report/1." },
		{ "placeholder", "bool", required = true, doc = "True when the capture failed as a whole; `reasons` says why and nothing here is data." },
		{ "complete", "bool", required = true, doc = "True when everything asked for is here." },
		{ "tag", "str", required = true, doc = "The tag it was captured for." },
		{ "target", "report_target", required = true, doc = "What was captured." },
		{ "ts", "int", required = true, doc = "CLOCK_REALTIME at the begin of the read, ns." },
		{ "mono0", "uint", required = true, doc = "CLOCK_MONOTONIC at the begin of the read, ns." },
		{ "mono1", "uint", required = true, doc = "CLOCK_MONOTONIC at the end of the read, ns." },
		{ "trigger", "report_trigger", required = true, doc = "Why it was captured." },
		{ "consistency", "str", enum = { "running", "cgroup_frozen", "stopped" }, required = true, doc = "Whether the target could change meanwhile." },
		{ "maps", "list", of = "report_map", required = true, doc = "The maps, in order of id." },
		{ "progs", "list", of = "report_prog", doc = "BPF programs, when asked for." },
		{ "chased", "list", of = "report_chased", doc = "What pointers point to, when pointers were followed (chase); each address once." },
		{ "types", "list", of = "report_type", required = true, doc = "Types in use; kt, vt, t and members refer to them by index from 0." },
		{ "reasons", "list", of = "reason", required = true, doc = "Why it is not complete; empty when it is." },
	},
	shapes = {
		{ name = "report_target", doc = "What was captured.", fields = {
			{ "kind", "str", required = true, doc = "live, guest, core or fixture." },
			{ "name", "str", required = true, doc = "Target name within the broker." },
			{ "host", "str", required = true, doc = "Host name." },
			{ "kernel", "str", required = true, doc = "Kernel release." },
			{ "boot_id", "str", required = true, doc = "Random id of the boot; empty when the target has none." },
			{ "little_endian", "bool", required = true, doc = "Byte order of all packed values." },
			{ "cpus", "uint", required = true, doc = "Possible CPUs." },
		} },
		{ name = "report_trigger", doc = "Why it was captured.", fields = {
			{ "kind", "str", enum = { "op", "watch", "periodic", "joined" }, required = true, doc = "What asked for it." },
			{ "cause", "str", doc = "Id of the cause, for joined captures." },
			{ "step", "uint", doc = "Scenario step." },
		} },
		{ name = "report_map", doc = "One BPF map.", fields = {
			{ "id", "uint", required = true, doc = "Kernel id." },
			{ "name", "str", required = true, doc = "Kernel name, at most 15 bytes." },
			{ "type", "str", required = true, doc = "hash, array, percpu_hash, ..." },
			{ "flags", "uint", required = true, doc = "map_flags." },
			{ "key_size", "uint", required = true, doc = "Bytes of one of `keys`, or of the kernel's key when none is here." },
			{ "value_size", "uint", required = true, doc = "Bytes of one of `vals`, without padding." },
			{ "max_entries", "uint", required = true, doc = "As created." },
			{ "count", "uint", required = true, doc = "Entries in `keys` and `vals`." },
			{ "complete", "bool", required = true, doc = "Whether every entry the map had is here." },
			{ "kt", "uint", doc = "Type of a key; absent: no BTF, show hex." },
			{ "vt", "uint", doc = "Type of a value; for a global section a datasec." },
			{ "ncpu", "uint", doc = "Per-CPU map: values an entry has." },
			{ "stride", "uint", doc = "Per-CPU map: bytes from one CPU's value to the next." },
			{ "keys", "bin", required = true, doc = "count * key_size bytes; empty for a global section." },
			{ "vals", "bin", required = true, doc = "count * value_size bytes, or count * ncpu * stride." },
			{ "mono", "uint", required = true, doc = "CLOCK_MONOTONIC at the begin of this map's read, ns." },
			{ "mono_end", "uint", required = true, doc = "The same at its end." },
			{ "restarts", "uint", doc = "Times the walk began anew because a key went away under it." },
			{ "duplicates", "uint", doc = "Entries met twice and removed." },
			{ "missing", "uint", doc = "Keys met whose value was gone." },
			{ "owners", "list", of = "uint", doc = "Ids of the programs that use it." },
			{ "inner", "list", of = "uint", doc = "Map of maps: ids of the maps within, in order; they are rows of their own." },
			{ "ringbuf", "report_ringbuf", doc = "Ring buffer: where writer and reader are. The data is not read." },
			{ "symbols", "list", of = "report_symbol", doc = "Stack traces: the kernel's addresses among the values that have a name, in order." },
			{ "error", "str", doc = "Why nothing could be read." },
		} },
		{ name = "report_ringbuf", doc = "Positions of a ring buffer, in bytes since it was made.", fields = {
			{ "capacity", "uint", required = true, doc = "Bytes of data it holds." },
			{ "producer", "uint", required = true, doc = "The writer's position." },
			{ "consumer", "uint", required = true, doc = "The reader's position." },
			{ "pending", "uint", required = true, doc = "Bytes written and not yet read, headers of records included." },
		} },
		{ name = "report_symbol", doc = "What a kernel address is.", fields = {
			{ "addr", "uint", required = true, doc = "Address." },
			{ "name", "str", required = true, doc = "Function, with \" [module]\" behind it for one of a module." },
			{ "off", "uint", required = true, doc = "Bytes from the function's begin." },
		} },
		{ name = "report_prog", doc = "One BPF program.", fields = {
			{ "id", "uint", required = true, doc = "Kernel id." },
			{ "name", "str", required = true, doc = "Kernel name." },
			{ "type", "str", required = true, doc = "Program type." },
			{ "tag", "str", required = true, doc = "Hash of the instructions, 16 hex digits." },
			{ "run_cnt", "uint", required = true, doc = "Runs, while statistics were on." },
			{ "run_time_ns", "uint", required = true, doc = "Their time." },
			{ "maps", "list", of = "uint", required = true, doc = "Ids of the maps it uses." },
		} },
		{ name = "report_chased", doc = "Kernel memory that a pointer in a value, or in other such memory, points to.", fields = {
			{ "addr", "uint", required = true, doc = "Address." },
			{ "type", "uint", required = true, doc = "Type of what is there, as the first pointer met says." },
			{ "data", "bin", required = true, doc = "Its bytes, at most MAX_CHASED_OBJECT of them; empty with an error." },
			{ "error", "str", doc = "Why they could not be read." },
		} },
		{ name = "report_type", doc = "One type.", fields = {
			{ "k", "str", enum = { "void", "int", "float", "enum", "ptr", "array", "struct", "union", "fwd", "typedef",
			  "const", "volatile", "restrict", "type_tag", "func", "var", "datasec" }, required = true, doc = "Kind." },
			{ "n", "str", doc = "Name; absent for an anonymous type." },
			{ "s", "uint", doc = "Size in bytes: int, float, enum, ptr, array, struct, union, datasec." },
			{ "enc", "str", enum = { "unsigned", "signed", "bool", "char" }, doc = "int and enum: how to read it." },
			{ "bits", "uint", doc = "int: bits in use, when not 8 * s." },
			{ "t", "uint", doc = "array, typedef, qualifiers, var: the type behind it. ptr: only when its type is in the table." },
			{ "to", "str", doc = "ptr: what it points to, in C, such as \"struct task_struct\"." },
			{ "len", "uint", doc = "array: elements; 0 is a flexible array." },
			{ "m", "list", of = "report_member", doc = "struct, union, datasec: members in order." },
			{ "e", "list", of = "report_enumerator", doc = "enum: its names." },
		} },
		{ name = "report_member", doc = "A member of a struct, a union or a global section.", fields = {
			{ "n", "str", doc = "Name; absent for an anonymous member." },
			{ "t", "uint", required = true, doc = "Type." },
			{ "o", "uint", required = true, doc = "Offset in bits from the begin." },
			{ "b", "uint", doc = "Bits, for a bitfield." },
		} },
		{ name = "report_enumerator", doc = "A name of an enum.", fields = {
			{ "n", "str", required = true, doc = "Name." },
			{ "v", "int", required = true, doc = "Value; an unsigned 64-bit one is given as its two's complement." },
		} },
	},
	example = {
		schema = "ksnap.report/1", placeholder = false, complete = true, tag = "t0",
		target = { kind = "live", name = "live", host = "box", kernel = "6.1.0", little_endian = true, cpus = 2,
			   boot_id = "3f0c1f1e-6a52-4a57-9a51-0d9f3b1c2a77" },
		ts = 1700000000000000000, mono0 = 81234567890, mono1 = 81234569000,
		trigger = { kind = "op", step = 0 }, consistency = "running",
		maps = { {
			id = 12, name = "probe.bss", type = "array", flags = 1024, key_size = 4, value_size = 4,
			max_entries = 1, count = 1, complete = true, vt = 2, keys = "", vals = "\42\0\0\0",
			mono = 81234567900, mono_end = 81234568000, owners = { 40 },
		} },
		progs = { { id = 40, name = "on_switch", type = "tracing", tag = "a04f5eef06a7f555", run_cnt = 7,
			    run_time_ns = 4200, maps = { 12 } } },
		chased = { { addr = 281474976710656, type = 0, data = "\7\0\0\0" } },
		types = {
			{ k = "int", n = "unsigned int", s = 4, enc = "unsigned" },
			{ k = "var", n = "nr_switches", t = 0 },
			{ k = "datasec", n = ".bss", s = 4, m = { { t = 1, o = 0 } } },
		},
		reasons = {},
	},
}
