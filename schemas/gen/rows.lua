-- SPDX-License-Identifier: MIT
-- rows.lua - the C tables: one macro call a row, to be included between #define and #undef.
local M = {}

local HEAD = "// Made from schemas/ by gen.lua; do not edit.\n"

local KIND = { bool = "BOOL", uint = "UINT", int = "INT", f64 = "F64", str = "STR", tag = "TAG", bin = "BIN",
	       any = "ANY" }

local ESCAPE = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\t"] = "\\t", ["?"] = "\\?" }

-- A C string literal. Bytes beyond printable ASCII are octal, which never swallows what follows.
local function quote(s)
	return '"' .. s:gsub('[%c"\\?\128-\255]', function(c)
		return ESCAPE[c] or ("\\%03o"):format(c:byte())
	end) .. '"'
end
M.quote = quote

local function flag(v)
	return v and 1 or 0
end

-- "min, max"; 0, 0 is any. A least value alone gets the largest number as its bound.
local function range(f)
	local max = f.max and ("%d"):format(f.max) or (f.min and "UINT64_MAX" or "0")
	return ("%d, %s"):format(f.min or 0, max)
end

local function field_row(shape, f)
	local name, kind = f[1], f[2]
	local head = ("(%s, %s"):format(shape.name, name)
	if kind == "list" and KIND[f.of] then
		return ("FIELD_LIST%s, %s, %d, %s)"):format(head, KIND[f.of], flag(f.required), range(f))
	elseif kind == "list" then
		return ("FIELD_LIST_MAP%s, %s, %d, %s)"):format(head, f.of, flag(f.required), range(f))
	elseif f.enum then
		return ("FIELD_WORDS%s, %d, %s)"):format(head, flag(f.required), quote(table.concat(f.enum, "|")))
	elseif KIND[kind] then
		return ("FIELD%s, %s, %d, %s)"):format(head, KIND[kind], flag(f.required), range(f))
	end
	return ("FIELD_MAP%s, %s, %d)"):format(head, kind, flag(f.required))
end

function M.shapes(m)
	local out = { HEAD }
	for _, shape in ipairs(m.shapes) do
		out[#out + 1] = ("SHAPE(%s, %d)\n"):format(shape.name, flag(shape.bare))
		for _, f in ipairs(shape.fields) do
			out[#out + 1] = field_row(shape, f) .. "\n"
		end
		out[#out + 1] = ("SHAPE_END(%s)\n"):format(shape.name)
	end
	return table.concat(out)
end

function M.ops(m)
	local out = { HEAD }
	for _, op in ipairs(m.ops) do
		out[#out + 1] = ("OP(%s, %d, %d, RIGHT_%s, %d, %s)\n"):format(op.name, op.number, op.since,
			op.right:upper(), op.blobs or 0, quote(op.summary))
	end
	return table.concat(out)
end

function M.events(m)
	local out = { HEAD }
	for _, ev in ipairs(m.events) do
		out[#out + 1] = ("EVENT(%s, %s, %d, %d, %s)\n"):format(ev.name, ev.name:upper(), ev.number,
			#ev.fields, quote(ev.summary))
		for i, f in ipairs(ev.fields) do
			out[#out + 1] = ("EVENT_FIELD(%s, %d, %s, %s, %d)\n"):format(ev.name, i - 1, f[1],
				KIND[f[2]], flag(f.required))
		end
	end
	return table.concat(out)
end

function M.errors(m)
	local out = { HEAD }
	for _, e in ipairs(m.errors) do
		out[#out + 1] = ("ERROR(%s, %d, %s, %d, %s)\n"):format(e.code, e.number, quote(e.class),
			flag(e.retry), quote(e.doc))
	end
	return table.concat(out)
end

function M.limits(m)
	local out = { HEAD }
	for _, l in ipairs(m.limits) do
		out[#out + 1] = ("LIMIT(%s, %d, %s, %s, %s, %s, %s)\n"):format(l.name, l.default, quote(l.unit),
			quote(l.scope), quote(l.key or ""), quote(l.switch or ""), quote(l.doc))
	end
	return table.concat(out)
end

-- Bytes as an initialiser list.
function M.bytes(s)
	local out = { HEAD }
	for i = 1, #s, 16 do
		out[#out + 1] = s:sub(i, i + 15):gsub(".", function(c)
			return ("0x%02x,"):format(c:byte())
		end) .. "\n"
	end
	return table.concat(out)
end

return M
