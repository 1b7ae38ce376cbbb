-- SPDX-License-Identifier: MIT
-- describe.lua - the reply of the op describe, as msgpack, and the same facts as Lua constants.
--
-- Maps are lists of {key, value} pairs, so that their order is the one given here.
local map = (...)("json").map

local M = {}

local function each(list, fn)
	local out = {}
	for i, v in ipairs(list) do
		out[i] = fn(v)
	end
	return out
end

local function field(f)
	return map("name", f[1], "type", f[2], "of", f.of, "any", f.any, "enum", f.enum, "required", f.required or false,
		"min", f.min, "max", f.max, "doc", f.doc)
end

local function shape(s)
	return map("name", s.name, "doc", s.doc, "fields", each(s.fields, field))
end

local function reply(r)
	return map("type", r[1], "of", r.of, "any", r.any, "fields", r.fields and each(r.fields, field))
end

local function part(p)
	return map("required", p.required, "blobs", p.blobs, "last", p.last, "doc", p.doc)
end

local function op(o)
	return map("name", o.name, "number", o.number, "since", o.since, "right", o.right, "blobs", o.blobs or 0,
		"reply_blobs", o.reply_blobs or 0, "multipart", o.multipart or false, "summary", o.summary, "doc", o.doc,
		"params", each(o.params, field), "reply", reply(o.reply), "parts", o.parts and each(o.parts, part),
		"errors", o.errors)
end

local function event(e)
	return map("name", e.name, "number", e.number, "since", e.since,
		"channel", not e.synthetic and "event/<bridge>" or nil, "summary", e.summary,
		"doc", e.doc, "fields", each(e.fields, field))
end

local function live(l)
	return map("kind", l.kind, "channels", l.channels, "doc", l.doc, "fields", each(l.fields, field))
end

local function fault(e)
	return map("code", e.code, "number", e.number, "class", e.class, "retry", e.retry, "doc", e.doc)
end

local function limit(l)
	return map("name", l.name, "default", l.default, "unit", l.unit, "scope", l.scope, "key", l.key,
		"switch", l.switch, "doc", l.doc)
end

local function named_shapes(m)
	local out = {}
	for _, s in ipairs(m.shapes) do
		if s.origin ~= "params" and s.origin ~= "reply" and s.origin ~= "live" and s.origin ~= "kept" then
			out[#out + 1] = shape(s)
		end
	end
	return out
end

local function description(m)
	local r = m.report
	return map("api", m.api, "protocol", m.protocol, "ops", each(m.ops, op), "events", each(m.events, event),
		"live", each(m.live, live), "errors", each(m.errors, fault), "limits", each(m.limits, limit),
		"shapes", named_shapes(m), "report", map("schema", r.schema, "doc", r.doc, "head", r.head,
			"fields", each(r.fields, field), "shapes", each(r.shapes, shape)))
end

local function pack_uint(n)
	if n < 0x80 then
		return string.pack("B", n)
	elseif n < 0x100 then
		return string.pack("BB", 0xcc, n)
	elseif n < 0x10000 then
		return string.pack(">BI2", 0xcd, n)
	elseif n < 0x100000000 then
		return string.pack(">BI4", 0xce, n)
	end
	return string.pack(">BI8", 0xcf, n)
end

-- A head with its count: below @fix + @nfix in one byte, else 8, 16 or 32 bits behind a code.
local function pack_head(n, fix, nfix, c8, c16, c32)
	if n < nfix then
		return string.pack("B", fix + n)
	elseif c8 and n < 0x100 then
		return string.pack("BB", c8, n)
	elseif n < 0x10000 then
		return string.pack(">BI2", c16, n)
	end
	return string.pack(">BI4", c32, n)
end

local function pack(v, out)
	local kind = math.type(v) or type(v)
	if kind == "integer" then
		out[#out + 1] = pack_uint(v)
	elseif kind == "boolean" then
		out[#out + 1] = v and "\xc3" or "\xc2"
	elseif kind == "string" then
		out[#out + 1] = pack_head(#v, 0xa0, 32, 0xd9, 0xda, 0xdb) .. v
	elseif v.map then
		out[#out + 1] = pack_head(#v, 0x80, 16, nil, 0xde, 0xdf)
		for _, pair in ipairs(v) do
			pack(pair[1], out)
			pack(pair[2], out)
		end
	else
		out[#out + 1] = pack_head(#v, 0x90, 16, nil, 0xdc, 0xdd)
		for _, item in ipairs(v) do
			pack(item, out)
		end
	end
	return out
end

function M.msgpack(m)
	return table.concat(pack(description(m), {}))
end

local function lua_key(k)
	return k:find("^[%a_][%w_]*$") and k or ("[%q]"):format(k)
end

local function lua_value(v, indent, out)
	if type(v) ~= "table" then
		out[#out + 1] = ("%q"):format(v):gsub("\\\n", "\\n")
		return
	end
	local deeper = indent .. "\t"
	out[#out + 1] = "{\n"
	for _, item in ipairs(v) do
		out[#out + 1] = deeper
		if v.map then
			out[#out + 1] = lua_key(item[1]) .. " = "
			item = item[2]
		end
		lua_value(item, deeper, out)
		out[#out + 1] = ",\n"
	end
	out[#out + 1] = indent .. "}"
end

-- Rows under their names: ops.capture_snapshot, errors.E_LIMIT.
local function keyed(list, key, fn)
	local out = { map = true }
	for i, v in ipairs(list) do
		out[i] = { v[key], fn(v) }
	end
	return out
end

function M.constants(m)
	local out = { "-- Made from schemas/ by gen.lua; do not edit.\nreturn " }
	local all = map("api", m.api, "protocol", m.protocol, "ops", keyed(m.ops, "name", op),
		"events", keyed(m.events, "name", event), "live", keyed(m.live, "kind", live),
		"errors", keyed(m.errors, "code", fault), "limits", keyed(m.limits, "name", limit))
	lua_value(all, "", out)
	out[#out + 1] = "\n"
	return table.concat(out)
end

return M
