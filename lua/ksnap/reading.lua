-- SPDX-License-Identifier: MIT
-- The pleasant side of snapshots: entries, iteration, look-ups, sums over CPUs. Adds methods to
-- the metatables that snapshot.c, map.c and value.c made.
local core = require "ksnap.snapshot"
local errors = require "ksnap.error"

local Map, Value = core.map, core.value

local Entry = { __name = "ksnap.entry" }
Entry.__index = Entry

--- Entry i, counted from 0 as everywhere in a report.
function Map:at(i)
	if math.type(i) ~= "integer" or i < 0 or i >= #self then
		errors.raise("E_NOTFOUND", "%s has %d entries, counted from 0; there is no %s", self:name(), #self, i)
	end
	return setmetatable({ map = self, index = i }, Entry)
end

--- for key, entry in pairs(map)
function Map:__pairs()
	local i, n = -1, #self
	return function()
		i = i + 1
		if i < n then
			local entry = self:at(i)
			return entry:key(), entry
		end
	end
end

--- The first entry for which pred(entry) holds, or nil.
function Map:find(pred)
	for i = 0, #self - 1 do
		local entry = self:at(i)
		if pred(entry) then return entry end
	end
end

--- A list of the entries for which pred(entry) holds; of all when there is no pred.
function Map:filter(pred)
	local found = {}
	for i = 0, #self - 1 do
		local entry = self:at(i)
		if not pred or pred(entry) then found[#found + 1] = entry end
	end
	return found
end

--- The n entries with the largest fn(entry), largest first; all of them when there are fewer.
function Map:top(n, fn)
	local rank, list = {}, self:filter()
	for _, entry in ipairs(list) do rank[entry] = fn(entry) end
	table.sort(list, function(a, b) return rank[a] > rank[b] end)
	return table.move(list, 1, n, 1, {})
end

--- The entry with the largest fn(entry), and that value; nil when the map is empty.
function Map:max_by(fn)
	local best, most
	for i = 0, #self - 1 do
		local entry = self:at(i)
		local v = fn(entry)
		if most == nil or v > most then best, most = entry, v end
	end
	return best, most
end

function Entry:key()
	return self.map:key(self.index)
end

function Entry:value()
	if not self.val then self.val = self.map:value(self.index) end
	return self.val
end

function Entry:get(path)
	return self:value():get(path)
end

function Entry:cpu(n)
	return self:value():cpu(n)
end

function Entry:__tostring()
	return tostring(self:key()) .. ": " .. tostring(self:value())
end

for _, name in ipairs { "u64", "i64", "f64", "bool", "str", "bytes", "raw", "tree" } do
	Entry[name] = function(self) return self:value()[name](self:value()) end
end

local function number(value)
	local n = value:tree()
	return type(n) == "number" and n or value:u64() -- u64 says what it is instead
end

-- fold(so_far, n): whether n replaces it, or what the sum is then
local function over_cpus(value, path, fold)
	local ncpu, result, at = value:ncpu(), nil, nil
	if ncpu == 0 then
		errors.raise("E_ARG", "this is one value, not one a CPU: read it with :get(%s)", path or "path")
	end
	for cpu = 0, ncpu - 1 do
		local one = value:cpu(cpu)
		local folded = fold(result, number(path and one:get(path) or one))
		if folded ~= nil then result, at = folded, cpu end
	end
	return result, at
end

local folds = {
	sum = function(sum, n) return (sum or 0) + n end,
	max = function(max, n) if max == nil or n > max then return n end end,
	min = function(min, n) if min == nil or n < min then return n end end,
}

--- entry:sum(path), :max(path), :min(path) over CPUs; max and min give the CPU, too.
for name, fold in pairs(folds) do
	Value[name] = function(self, path)
		local result, cpu = over_cpus(self, path, fold)
		if name == "sum" then return result end
		return result, cpu
	end
	Entry[name] = function(self, path) return self:value()[name](self:value(), path) end
end

return core
