-- SPDX-License-Identifier: MIT
-- corpus.lua - seeds for the fuzz targets from the examples of schemas/: lua5.4 corpus.lua SRCDIR OUTDIR
local srcdir, outdir = arg[1], arg[2]

local parts = {}
local function part(name)
	if not parts[name] then
		parts[name] = assert(loadfile(("%s/schemas/gen/%s.lua"):format(srcdir, name)))(part)
	end
	return parts[name]
end
local model = part("model").load(srcdir)

local function head(n, fix, limit, c8, c16, c32)
	if n < limit then
		return string.char(fix + n)
	elseif c8 and n < 0x100 then
		return string.pack(">BB", c8, n)
	elseif n < 0x10000 then
		return string.pack(">BI2", c16, n)
	end
	return string.pack(">BI4", c32, n)
end

local function keys_of(t)
	local keys = {}
	for k in pairs(t) do
		keys[#keys + 1] = k
	end
	table.sort(keys)
	return keys
end

local pack
local function pack_table(t)
	if #t > 0 then
		local out = { head(#t, 0x90, 16, nil, 0xdc, 0xdd) }
		for _, v in ipairs(t) do
			out[#out + 1] = pack(v)
		end
		return table.concat(out)
	end
	local keys = keys_of(t)
	local out = { head(#keys, 0x80, 16, nil, 0xde, 0xdf) }
	for _, k in ipairs(keys) do
		out[#out + 1] = pack(k) .. pack(t[k])
	end
	return table.concat(out)
end

function pack(v)
	local kind = math.type(v) or type(v)
	if kind == "integer" then
		return v >= 0 and v < 128 and string.char(v) or string.pack(">Bi8", v < 0 and 0xd3 or 0xcf, v)
	elseif kind == "float" then
		return string.pack(">Bd", 0xcb, v)
	elseif kind == "boolean" then
		return v and "\xc3" or "\xc2"
	elseif kind == "string" then
		return head(#v, 0xa0, 32, 0xd9, 0xda, 0xdb) .. v
	end
	return pack_table(v)
end

local function write(target, name, bytes)
	local file = assert(io.open(("%s/%s/%s"):format(outdir, target, name), "wb"))
	file:write(bytes)
	file:close()
end

for i, op in ipairs(model.ops) do
	local params = pack(op.example.params or {})
	local chosen = string.char(i - 1) -- as fuzz_params reads it: ops are in order of their numbers
	write("params", op.name, chosen .. params)
	for n, reply in ipairs(op.example.parts or { op.example.reply }) do
		local bytes = pack(reply)
		write("params", ("%s.reply%d"):format(op.name, n), chosen .. bytes)
		write("envelope", ("%s.reply%d"):format(op.name, n), pack { v = 1, id = n, ok = true, r = reply })
		write("scan", ("%s%d"):format(op.name, n), bytes)
	end
	write("envelope", op.name, pack { v = 1, id = i, op = op.name, b = "default", t = 500, p = op.example.params or {} })
end
for _, e in ipairs(model.errors) do
	write("envelope", e.code, pack {
		v = 1, id = "x", ok = false, e = { code = e.code, class = e.class, msg = e.doc or "", retry = false },
	})
end

-- What has an example: messages of workers and the broker, and headers of live messages.
local function examples(origin)
	local shapes = assert(loadfile(("%s/schemas/%s.lua"):format(srcdir, origin)))()
	return coroutine.wrap(function()
		for _, shape in ipairs(shapes) do
			if shape.example then coroutine.yield(shape) end
		end
	end)
end
for shape in examples("work") do write("work", shape.name, pack(shape.example)) end
local kept = {}
for shape in examples("kept") do
	local report = shape.name == "kept_snapshot" and ("r"):rep(shape.example.bytes) or ""
	kept[#kept + 1] = pack(shape.example) .. report
	write("state", shape.name, kept[#kept])
end
write("state", "all", table.concat(kept))
for shape in examples("live") do
	local header = { v = 1, epoch = 7, ch = shape.channels[1], seq = 1, ts = 1, k = shape.kind }
	for k, v in pairs(shape.example) do header[k] = v end
	write("live", shape.name, pack(header))
end

local paths = {
	"nr_switches", "other.bss:shared", "sched_probe.bss:nr_switches", "tasks[7].pid", "tasks[0x4d2].weight",
	"tasks[hex:d2040000].pid", "tasks[#1].comm[0]", "tasks[\"7\"]", "tasks[-7]", "stats[0][cpu=1].sum",
	"id:1[7].state", "plain[hex:01ff]", "tasks[7]..x", "tasks[7", "[", "]", ".", "id:", "a[\"b]\"].c",
}
for i, path in ipairs(paths) do write("path", ("path%02d"):format(i), path) end

-- Symbols of every form.
local symbols = {
	"jiffies_64", "hist[3].n", "probe.bss:nr_switches", "probe:stat.hist[2]", "tasks[1234].ctx.weight",
	'names["a]b"].x', "tasks[-1]", "tasks[hex:00ff]", "counts[7][cpu=1].sum", "id:12[3].x", "id:12:nr",
	"per_cpu:runqueues@1.nr_running", "0xffff888000000000", "object:probe",
}
for i, symbol in ipairs(symbols) do write("symbol", ("symbol%02d"):format(i), symbol) end

-- Kernel ops, as fuzz_kernel_op reads them.
local kernel_ops = {
	{ 0, { tag = "t", at = "counter" } },
	{ 0, { tag = "t", at = "0xffff800000000ff8", width = 8 } },
	{ 0, { tag = "t", at = "map1[3].comm", width = { bytes = 16 } } },
	{ 0, { tag = "t", at = { task = 1002, start_time = 10020, field = "pid" } } },
	{ 1, { tag = "t", entries = { { at = "table[3]" }, { at = "table", width = { bytes = 8 } } } } },
	{ 2, { tag = "t", entries = { { at = "level", value = -7 }, { at = "small", value = 3, width = 1 } } } },
	{ 3, { tag = "t", entries = { { at = "flags", value = { ["or"] = 5 } } } } },
}
for i, row in ipairs(kernel_ops) do write("kernel_op", ("op%02d"):format(i), string.char(row[1]) .. pack(row[2])) end

-- What a stub says.
local packets = {
	"+$OK#9a", "$T05thread:02;watch:ffffffff82a03f00;#b8", "$T02thread:p01.01;#03$#00", "$0* #7a", "$a}\3b#43", "-$E22#a9",
	"$" .. ("0*!"):rep(40) .. "#38", "$" .. ("f"):rep(400) .. "#60",
}
for i, packet in ipairs(packets) do write("gdb", ("packet%02d"):format(i), packet) end
