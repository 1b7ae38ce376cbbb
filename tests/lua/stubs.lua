-- The annotations for editors name what there is, and nothing else.
local ksnap = require "ksnap"
local ops = require "ksnap.ops"
local stubs = require "ksnap.stubs"

local text = stubs.annotations()
local declared = assert(load(text, "=annotations", "t"))()
for name in pairs(ksnap) do assert(declared[name] ~= nil, "ksnap." .. name .. " is not declared") end
for name in pairs(declared) do assert(ksnap[name] ~= nil, "ksnap." .. name .. " does not exist") end

-- Methods that the text declares for a class, with those of the class it extends.
local function declared_methods(class)
	local names = {}
	for name in text:gmatch("\nfunction " .. class .. ":([%w_]+)%(") do names[name] = true end
	local parent = text:match("@class ksnap%." .. class .. ": ksnap%.(%w+)")
	if parent then
		for name in pairs(declared_methods(parent)) do names[name] = true end
		names.ncpu = nil -- an entry has none
	end
	return names
end

local function compare(class, object)
	local names = declared_methods(class)
	local mt = getmetatable(object)
	for name in pairs(names) do
		local found = mt[name] or type(mt.__index) == "table" and mt.__index[name]
		assert(found, "%s:%s does not exist", class, name)
	end
end

local bridge <close> = assert(ksnap.connect())
bridge:capture_snapshot "t0"
local snapshot = bridge:get "t0"
local map = snapshot:map "tasks"
compare("Snapshot", snapshot)
compare("Map", map)
compare("Entry", map:at(0))
compare("Value", map:at(0):get "nice")
compare("Series", ksnap.series("x", { { value = 1, tag = "a" } }))
ksnap.run(function() compare("Task", ksnap.spawn(print)) end)

-- Every op is a constructor, a method, and a class of parameters.
for _, name in ipairs(ops.names()) do
	assert(text:find(("\n---@field %s fun(args?: "):format(name), 1, true), name)
	assert(text:find(("\nfunction Bridge:%s(args) end\n"):format(name), 1, true), name)
	for _, field in ipairs(ops.row(name).params) do
		local class = text:match(("%%-%%-%%-@class ksnap%%.params%%.%s\n(.-)\n\n"):format(name))
		assert(class:find("@field " .. field.name .. "? ", 1, true), "%s: %s", name, field.name)
	end
end

-- The settings are Lua and JSON.
local env = { stds = {} }
assert(load(stubs.luacheckrc(), "=luacheckrc", "t", env))()
assert(env.std == "ksnap" and env.stds.ksnap.read_globals.string.fields[1] == "byte")
assert(not stubs.luacheckrc():find "io%f[^%w]" and stubs.language_server():find '"io":"disable"')
