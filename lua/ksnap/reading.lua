-- SPDX-License-Identifier: MIT
-- The pleasant side of snapshots: entries, iteration, look-ups, sums over CPUs. Adds methods to
-- the metatables that snapshot.c, map.c and value.c made.
local core = require "ksnap.snapshot"
local errors = require "ksnap.error"

local Snapshot, Map = core.snapshot, core.map

local Entry = { __name = "ksnap.entry" }
Entry.__index = Entry

--- One value for each name, in this order.
function Snapshot:vars(...)
	if select("#", ...) == 0 then errors.raise("E_ARG", "vars: name at least one variable") end
	local values = {}
	for i, name in ipairs { ... } do values[i] = self:var(name) end
	return table.unpack(values)
end

-- A snapshot seen through the maps in use alone.
local Active = { __name = "ksnap.active" }
Active.__index = Active

--- The maps in use by the struct_ops programs that were attached: map, var, vars, maps as of the
--- snapshot; ids; obj, the name of their object or nil. Raises E_STATE when nothing was attached.
function Snapshot:active()
	local ids, obj = self:active_ids()
	return setmetatable({ snapshot = self, ids = ids, obj = obj }, Active)
end

function Active:map(name)
	return self.snapshot:active_map(name)
end

function Active:var(name)
	return self.snapshot:active_var(name)
end

Active.vars = Snapshot.vars

function Active:maps()
	local active, found = {}, {}
	for _, id in ipairs(self.ids) do active[id] = true end
	for _, map in ipairs(self.snapshot:maps()) do
		if active[map:id()] then found[#found + 1] = map end
	end
	return found
end

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

local function sample_keys(map)
	local keys = {}
	for i = 0, math.min(#map, 3) - 1 do
		local ok, key = pcall(function() return tostring(map:key(i)) end)
		keys[#keys + 1] = ok and (#key > 80 and key:sub(1, 77) .. "..." or key) or nil
	end
	if #map > 3 then keys[#keys + 1] = "..." end
	return #keys > 0 and table.concat(keys, ", ") or "none"
end

--- The first entry for which what(entry) holds, or the one whose key is @what: a number, a text,
--- "hex:00ff", "#3" for the fourth. nil and an error with some of the keys when there is none.
function Map:find(what)
	if type(what) ~= "function" then
		local i, err = self:lookup(what)
		if i then return self:at(i) end
		return nil, err
	end
	for i = 0, #self - 1 do
		local entry = self:at(i)
		if what(entry) then return entry end
	end
	return nil, errors.new("E_NOTFOUND", ("none of the %d entries of %s is such a one; its keys: %s"):format(
		#self, self:name(), sample_keys(self)))
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

--- The entry with the largest fn(entry), the first of several, and that value; nil and an error when
--- the map is empty.
function Map:max_by(fn)
	local best, most
	for i = 0, #self - 1 do
		local entry = self:at(i)
		local v = fn(entry)
		if most == nil or v > most then best, most = entry, v end
	end
	if not best then
		return nil, errors.new("E_NOTFOUND", ("%s has no entries, so none is the largest"):format(self:name()))
	end
	return best, most
end

-- A per-CPU map seen through one CPU: each entry has one value.
local Narrow = { __name = "ksnap.map", at = Map.at, find = Map.find, filter = Map.filter, top = Map.top,
	max_by = Map.max_by, __pairs = Map.__pairs }
Narrow.__index = Narrow

--- The map with CPU @n's values alone.
function Map:cpu(n)
	if math.type(n) ~= "integer" then errors.raise("E_ARG", "cpu: a CPU's number, not %s", n) end
	if self:ncpu() == 0 then
		errors.raise("E_ARG", "%s is not a per-CPU map: its entries have one value each", self:name())
	end
	if n < 0 or n >= self:ncpu() then
		errors.raise("E_NOTFOUND", "CPU %d: %s has values of CPUs 0 to %d", n, self:name(), self:ncpu() - 1)
	end
	return setmetatable({ map = self, n = n }, Narrow)
end

function Narrow:value(i)
	return self.map:value(i):cpu(self.n)
end

function Narrow:ncpu()
	return 0
end

function Narrow:__len()
	return #self.map
end

function Narrow:__tostring()
	return ("%s, CPU %d"):format(self.map, self.n)
end

for _, name in ipairs { "key", "name", "id", "complete", "lookup" } do
	Narrow[name] = function(self, ...) return self.map[name](self.map, ...) end
end

--- The key, or the part of it at @path.
function Entry:key(path)
	local key = self.map:key(self.index)
	return path and key:get(path) or key
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

for _, name in ipairs { "u64", "i64", "f64", "bool", "str", "bytes", "raw", "tree", "deref", "sum", "min", "max" } do
	Entry[name] = function(self, path) return self:value()[name](self:value(), path) end
end

return core
