-- SPDX-License-Identifier: MIT
-- jsonschema.lua - JSON Schema (draft-07) of fields and shapes, and examples as JSON.
local json = (...)("json")
local map, put = json.map, json.put

local M = {}

local UINT64_MAX = json.raw("18446744073709551615")

-- Control characters are refused in tags: C0, DEL and C1.
local TAG_PATTERN = [[^[^\u0000-\u001f\u007f-\u009f]*$]]

local SCALAR = {}

function SCALAR.bool()
	return map("type", "boolean")
end

function SCALAR.uint(f)
	return map("type", "integer", "minimum", f.min or 0, "maximum", f.max or UINT64_MAX, "x-msgpack", "uint")
end

function SCALAR.int()
	return map("type", "integer", "minimum", math.mininteger, "maximum", math.maxinteger, "x-msgpack", "int")
end

function SCALAR.f64()
	return map("type", "number", "x-msgpack", "float 64; an integer is accepted")
end

-- The bounds count bytes, JSON Schema counts characters; of those there are never more.
function SCALAR.str(f)
	return map("type", "string", "minLength", f.min and f.min > 0 and 1 or nil, "maxLength", f.max, "enum", f.enum)
end

function SCALAR.tag()
	return map("type", "string", "minLength", 1, "maxLength", 64, "pattern", TAG_PATTERN)
end

function SCALAR.bin()
	return map("type", "string", "contentEncoding", "base64", "x-msgpack", "bin: the bytes themselves, not base64")
end

local ANY = { map = "object", list = "array", str = "string" }

local function ref(name)
	return map("$ref", "#/components/schemas/" .. name)
end
M.ref = ref

local function any_of(f)
	local choices = {}
	for _, word in ipairs(f.any or {}) do
		if word == "uint" then
			choices[#choices + 1] = SCALAR.uint {}
		elseif word == "nil" then
			choices[#choices + 1] = map("type", "null")
		else
			choices[#choices + 1] = ANY[word] and map("type", ANY[word]) or ref(word)
		end
	end
	if #choices < 2 then
		return choices[1] or map()
	end
	return map("anyOf", choices)
end

local function single(kind, f)
	if kind == "any" then
		return any_of(f)
	end
	return SCALAR[kind] and SCALAR[kind](f) or map("allOf", { ref(kind) })
end

-- The schema of one field.
function M.field(f)
	local s
	if f[2] == "list" then
		s = map("type", "array", "minItems", f.min, "maxItems", f.max, "items", single(f.of, { any = f.any }))
	else
		s = single(f[2], f)
	end
	if f.doc then
		put(s, "description", f.doc)
	end
	return s
end

local function required_of(fields)
	local names = {}
	for _, f in ipairs(fields) do
		if f.required then
			names[#names + 1] = f[1]
		end
	end
	return #names > 0 and names or nil
end

-- The schema of a map. Requests are closed, all else may grow.
function M.object(doc, fields, closed)
	local props = map()
	for _, f in ipairs(fields) do
		put(props, f[1], M.field(f))
	end
	return map("type", "object", "description", doc, "properties", props, "required", required_of(fields),
		"additionalProperties", not closed)
end

function M.shape(shape)
	if shape.bare then
		return M.field(shape.fields[1])
	end
	return M.object(shape.doc, shape.fields, shape.origin == "params" or shape.name == "request_envelope")
end

local DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

local function base64(s)
	return (s:gsub("..?.?", function(three)
		local a, b, c = three:byte(1, 3)
		local n = a << 16 | (b or 0) << 8 | (c or 0)
		local four = ""
		for i = 0, #three do
			local digit = (n >> (18 - 6 * i) & 63) + 1
			four = four .. DIGITS:sub(digit, digit)
		end
		return four .. ("="):rep(3 - #three)
	end))
end

local function sorted_keys(t)
	local keys = {}
	for k in pairs(t) do
		keys[#keys + 1] = k
	end
	table.sort(keys)
	return keys
end

-- A value without a field to say what it is: a table with keys is a map, else a list.
local function free(v, empty_is_map)
	if type(v) ~= "table" then
		return v
	end
	local out = { map = #v == 0 and (next(v) ~= nil or empty_is_map) or nil }
	for _, k in ipairs(sorted_keys(v)) do
		out[#out + 1] = out.map and { k, free(v[k]) } or free(v[k])
	end
	return out
end

local function example_item(model, kind, f, v)
	local sub = model.shape[kind] or model.report_shape[kind]
	if sub then
		return M.example(model, sub.fields, v)
	elseif kind == "bin" then
		return base64(v)
	end
	return free(v, f.any and f.any[1] == "map")
end

function M.example_field(model, f, v)
	if f[2] ~= "list" then
		return example_item(model, f[2], f, v)
	end
	local out = {}
	for i, item in ipairs(v) do
		out[i] = example_item(model, f.of, f, item)
	end
	return out
end

-- An example of a map with these fields, keys in their order.
function M.example(model, fields, v)
	local out = map()
	for _, f in ipairs(fields) do
		if v[f[1]] ~= nil then
			put(out, f[1], M.example_field(model, f, v[f[1]]))
		end
	end
	return out
end

return M
