-- SPDX-License-Identifier: MIT
-- A value as text for people: tables some levels deep and some entries wide, the rest counted.
local errors = require "ksnap.error"

local depth_max, width_max = 4, 24

local show

local function key_text(key)
	if type(key) == "string" and key:find "^[%a_][%w_]*$" then return key end
	return "[" .. (type(key) == "string" and ("%q"):format(key) or tostring(key)) .. "]"
end

local function sorted_keys(t, first)
	local keys = {}
	for key in next, t do
		if math.type(key) ~= "integer" or key < 1 or key > first then keys[#keys + 1] = key end
	end
	table.sort(keys, function(a, b)
		if type(a) == type(b) and (type(a) == "string" or type(a) == "number") then return a < b end
		return tostring(a) < tostring(b)
	end)
	return keys
end

local function table_text(t, depth, indent)
	local n = #t
	local keys = sorted_keys(t, n)
	local parts, left = {}, 0
	for i = 1, n do
		if #parts < width_max then parts[#parts + 1] = show(t[i], depth + 1, indent .. "  ") else left = left + 1 end
	end
	for _, key in ipairs(keys) do
		if #parts < width_max then
			parts[#parts + 1] = key_text(key) .. " = " .. show(t[key], depth + 1, indent .. "  ")
		else
			left = left + 1
		end
	end
	if left > 0 then parts[#parts + 1] = ("... and %d more"):format(left) end
	if #parts == 0 then return "{}" end
	local line = "{ " .. table.concat(parts, ", ") .. " }"
	if #line + #indent <= 100 and not line:find "\n" then return line end
	return "{\n" .. indent .. "  " .. table.concat(parts, ",\n" .. indent .. "  ") .. "\n" .. indent .. "}"
end

-- A snapshot says what is in it.
local function snapshot_text(s)
	local maps = {}
	for i, map in ipairs(s:maps()) do maps[i] = ("%s (%d)"):format(map:name(), #map) end
	return ("snapshot %q: %s"):format(s.tag, #maps > 0 and table.concat(maps, ", ") or "no maps")
end

function show(value, depth, indent)
	if type(value) == "string" then return (("%q"):format(value):gsub("\\\n", "\\n")) end
	if type(value) == "userdata" then
		local ok, text = pcall(snapshot_text, value)
		return ok and text or tostring(value)
	end
	if type(value) ~= "table" or errors.is(value) then return tostring(value) end
	local mt = getmetatable(value)
	if type(mt) == "table" and mt.__tostring then return tostring(value) end
	if depth >= depth_max then return "{ ... }" end
	return table_text(value, depth, indent)
end

return function(value) return show(value, 0, "") end
