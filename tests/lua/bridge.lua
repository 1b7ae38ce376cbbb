-- A bridge's handle: methods from the schema, what replies become, guards.
local ksnap = require "ksnap"
local op = ksnap.op

assert(ksnap.active() == nil)

local bridge <close> = assert(ksnap.connect(nil, { bridge = "b1" }))
assert(tostring(bridge) == "bridge b1")

local ok, err = pcall(function() return bridge:capture_snapshto "t0" end)
assert(not ok and tostring(err):find "did you mean capture_snapshot", tostring(err))

-- The outside world's failures are returned, not raised.
local none, why = bridge:get "t0"
assert(none == nil and why.code == "E_NOTFOUND" and why.op == "get")
assert(bridge:has "t0" == false)

local captured = bridge:capture_snapshot { "t0", maps = { "*" } }
assert(captured.tag == "t0" and captured:map("tasks"):name() == "tasks" and #captured:maps() == 3 and captured.map_count == 3)
assert(bridge:has "t0" == true and bridge:get("t0").tag == "t0")

assert(bridge:capture_snapshot "t1")
local rows = bridge:drain()
assert(#rows == 2 and rows.count == 2 and rows[1].snapshot:var("nr_switches"):u64() == 42)
assert(bridge:drain_events()[1].k == "eviction" and #bridge:drain_events() == 0)

-- Guards nest, and leaving them in the wrong order, or twice, does no harm.
local other <close> = assert(ksnap.connect())
do
	local _ <close> = bridge:enter()
	assert(ksnap.active() == bridge and ksnap.issue(op.has "t0") ~= nil)
	pcall(function()
		local _ <close> = other:enter()
		assert(ksnap.active() == other)
		error "leaves"
	end)
	assert(ksnap.active() == bridge)
	local g3 = other:enter()
	local g4 = bridge:enter()
	g3:leave()
	assert(ksnap.active() == bridge)
	g4:leave()
	g4:leave()
	assert(ksnap.active() == bridge)
end
assert(ksnap.active() == nil)

other:close()
local ok2, closed = pcall(other.ping, other)
assert(not ok2 and closed.code == "E_STATE")
