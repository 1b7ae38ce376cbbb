-- SPDX-License-Identifier: MIT
-- json.lua - write JSON whose keys keep their order.
--
-- Maps are made by map(key, value, ...), lists are plain tables.
local M = {}

-- Pairs with a nil value are left out.
function M.map(...)
	local pairs_in_order = { map = true }
	local args = table.pack(...)
	for i = 1, args.n, 2 do
		if args[i + 1] ~= nil then
			pairs_in_order[#pairs_in_order + 1] = { args[i], args[i + 1] }
		end
	end
	return pairs_in_order
end

-- Text that goes out as it is: numbers beyond Lua's integers.
function M.raw(text)
	return { raw = text }
end

-- Add one key to a map.
function M.put(map, key, value)
	map[#map + 1] = { key, value }
end

local ESCAPE = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\t"] = "\\t" }

local function quote(s)
	return '"' .. s:gsub('[%c"\\]', function(c)
		return ESCAPE[c] or ("\\u%04x"):format(c:byte())
	end) .. '"'
end

local function write(v, indent, out)
	if type(v) == "string" then
		out[#out + 1] = quote(v)
	elseif type(v) ~= "table" then
		out[#out + 1] = tostring(v)
	elseif v.raw then
		out[#out + 1] = v.raw
	elseif #v == 0 then
		out[#out + 1] = v.map and "{}" or "[]"
	else
		local deeper = indent .. "  "
		out[#out + 1] = v.map and "{" or "["
		for i, item in ipairs(v) do
			out[#out + 1] = (i > 1 and ",\n" or "\n") .. deeper
			if v.map then
				out[#out + 1] = quote(item[1]) .. ": "
				item = item[2]
			end
			write(item, deeper, out)
		end
		out[#out + 1] = "\n" .. indent .. (v.map and "}" or "]")
	end
end

function M.encode(v)
	local out = {}
	write(v, "", out)
	return table.concat(out) .. "\n"
end

return M
