-- Tasks: results, errors, requests from odd places.
local ksnap = require "ksnap"
local engine = require "ksnap.engine"

local ok, a, b = engine.run(function(...) return select("#", ...), ... end, "x")
assert(ok and a == 1 and b == "x")

local function fail() error({ mine = true }, 0) end
local good, err, trace = engine.run(function() fail() end)
assert(not good and err.mine and trace:find "engine%.lua:%d+")

-- What was to be closed is closed when a task fails.
local closed = 0
engine.run(function()
	local _ <close> = setmetatable({}, { __close = function() closed = closed + 1 end })
	fail()
end)
assert(closed == 1)

-- Ops work where nothing can yield: within a sort, and within a coroutine of the script's own.
local bridge <close> = assert(ksnap.connect())
local calls = 0
table.sort({ 3, 1, 2 }, function(x, y)
	assert(bridge:ping())
	calls = calls + 1
	return x < y
end)
assert(calls > 0)
local own = coroutine.wrap(function()
	for i = 1, 2 do
		assert(bridge:ping())
		coroutine.yield(i)
	end
end)
assert(own() == 1 and own() == 2)

-- A wrong argument raises where the script stands, through the engine.
local fine, why = pcall(bridge.issue, bridge, { name = "ping", params = { print } })
assert(not fine and why.code == "E_ARG", tostring(why))

local before = ksnap.now()
ksnap.sleep(0)
ksnap.sleep "1ms"
assert(ksnap.now() > before)
assert(ksnap.hex(-1) == "0xffffffffffffffff")
