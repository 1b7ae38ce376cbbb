-- SPDX-License-Identifier: MIT
-- Plain Lua values as JSON text, keys in order. Tables with a first element are lists, as are those
-- marked by M.list; what JSON has no number for is a string.
local M = {}

local List = {}

--- Mark a table as a list, for when it is empty.
function M.list(t)
	return setmetatable(t, List)
end

local function quoted(text)
	if not utf8.len(text) then
		text = text:gsub("[\128-\255]", function(c) return utf8.char(c:byte()) end)
	end
	return '"' .. text:gsub('[%c"\\\127]', function(c)
		return (c == '"' or c == "\\") and "\\" .. c or ("\\u%04x"):format(c:byte())
	end) .. '"'
end

local encode

local function encode_list(t)
	local parts = {}
	for i, value in ipairs(t) do parts[i] = encode(value) end
	return "[" .. table.concat(parts, ",") .. "]"
end

local function encode_object(t)
	local keys, parts = {}, {}
	for key in pairs(t) do keys[#keys + 1] = key end
	table.sort(keys)
	for i, key in ipairs(keys) do parts[i] = quoted(key) .. ":" .. encode(t[key]) end
	return "{" .. table.concat(parts, ",") .. "}"
end

local function encode_number(n)
	if math.type(n) == "integer" then
		return (n > 1 << 53 or n < -(1 << 53)) and ('"%d"'):format(n) or ("%d"):format(n)
	end
	if n ~= n or n == math.huge or n == -math.huge then return quoted(tostring(n)) end
	return ("%.9g"):format(n)
end

function encode(value)
	local kind = type(value)
	if kind == "table" then
		local is_list = getmetatable(value) == List or value[1] ~= nil
		return is_list and encode_list(value) or encode_object(value)
	end
	if kind == "string" then return quoted(value) end
	if kind == "number" then return encode_number(value) end
	return kind == "nil" and "null" or tostring(value)
end

M.encode = encode

return M
