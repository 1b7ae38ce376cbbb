-- Where periodic captures fall, and what becomes of those that fail.
local ksnap = require "ksnap"
local periodic = require "ksnap.periodic"
local scenario = require "ksnap.scenario"
local step = ksnap.step

local ms <const> = 1000000

-- The rule, at its edges: strictly rising, all within the middle four fifths.
for _, case in ipairs { { 1, 250 * ms }, { 8, 1125 * ms }, { 64, 8125 * ms }, { 64, 86400000 * ms }, { 3, 1000000007 } } do
	local n, d = case[1], case[2]
	periodic.check("x", n, d)
	local list = periodic.boundaries(n, d)
	assert(#list == n)
	local before = d // 10
	for i, b in ipairs(list) do
		assert(b > before and b < d - d // 10, "%d of %d in %d: %d", i, n, d, b)
		before = b
	end
end
assert(table.concat(periodic.boundaries(3, 1000), " ") == "300 500 700")
assert(#periodic.boundaries(9, 12) == 10 - 1 and #periodic.boundaries(10, 12) == 0 and #periodic.boundaries(1, 0) == 0)
assert(not pcall(periodic.check, "x", 1, 250 * ms - 10))
periodic.check("x", 0, 0)

-- In a run: numbered, on time, with the boundary and the step they fell into; the run waits for them.
local bridge <close> = assert(ksnap.connect())
local steps = {}
local s = ksnap.scenario {
	name = "periodic", periodic = 3, duration = "520ms",
	step { "early", hold = "230ms" },
	step { "late", function() steps[#steps + 1] = "late" end },
	check = function(run)
		assert(#run.taken == 3 and run.periodic.fired == 3 and run.periodic.target == 3)
		for i, taken in ipairs(run.taken) do
			assert(taken.tag == ("periodic_%03d"):format(i - 1))
			assert(taken.boundary_ms == 52 + i * 104)
			assert(taken.elapsed_ms >= taken.boundary_ms, "%s: %s before %s", taken.tag, taken.elapsed_ms, taken.boundary_ms)
		end
		assert(run.taken[1].step == 1 and run.taken[3].step == 2)
		assert(run:series("nr_switches"):nondecreasing():passed())
		assert(#run:series("nr_switches") == 3)
	end,
}
local failures = scenario.run(s, bridge)
assert(#failures == 0, "%s", failures[1] and failures[1].err)
assert(not bridge.run)

-- One of them fails for good, one is tried again until it is served, timeouts end all of it.
local function attempts(results)
	local calls = {}
	local fake = { begun_ns = 0, bridge = {} }
	function fake.bridge:issue(op)
		calls[#calls + 1] = op.params.tag .. "@" .. op.params.boundary_ms
		local code = results[#calls]
		if code == "ok" then return {} end
		return nil, require("ksnap.error").new(code, "no")
	end
	return periodic.capture(fake, 3, 1000 * ms), table.concat(calls, " "), fake
end

local state, calls = attempts { "ok", "E_TARGET", "ok" }
assert(calls == "periodic_000@300 periodic_001@500 periodic_002@700" and state.fired == 3)
assert(state.missing.periodic_001.code == "E_TARGET" and not state.abandoned)
state, calls = attempts { "ok", "E_BUSY", "E_BUSY", "ok", "ok" }
assert(calls:find "periodic_001@500 periodic_001@500 periodic_001@500 periodic_002@700$" and next(state.missing) == nil)
state, calls = attempts { "E_TIMEOUT", "ok", "E_TIMEOUT" }
assert(state.fired == 3 and not state.abandoned and state.missing.periodic_002.code == "E_TIMEOUT")
state, calls = attempts { "E_TIMEOUT", "E_TIMEOUT", "ok" }
assert(state.fired == 2 and state.abandoned:find "given up after periodic_001: 2 timeouts in a row" and not calls:find "_002")
local gone, err = pcall(attempts, { "E_UNREACHABLE" })
assert(not gone and err.code == "E_UNREACHABLE")

-- A run without one real capture has failed.
bridge.name = "x"
local none = ksnap.scenario { name = "none", duration = "250ms", periodic = 1, maps = { "x" }, step {},
	check = function() error "not reached" end }
local broken = { fill = nil }
setmetatable(broken, { __index = function(_, key)
	if key == "issue" then return function() return nil, require("ksnap.error").new("E_TARGET", "it broke") end end
	if key == "run" then return nil end
	local method = bridge[key]
	return type(method) == "function" and function(_, ...) return method(bridge, ...) end or method
end })
failures = scenario.run(none, broken)
assert(#failures == 1 and failures[1].phase == "periodic", failures[1] and tostring(failures[1].err))
assert(tostring(failures[1].err):find "none of 1 periodic captures has data", tostring(failures[1].err))
