-- What scenarios refuse, and the order in which they do things.
local ksnap = require "ksnap"
local scenario = require "ksnap.scenario"
local op, step, loop = ksnap.op, ksnap.step, ksnap.loop

local function refused(text, fn, ...)
	local ok, err = pcall(fn, ...)
	assert(not ok, "accepted: " .. text)
	assert(ksnap.is_error(err) and tostring(err):find(text, 1, true), tostring(err))
	assert(err.where:find "scenario%.lua:%d+")
end

local function nothing() end

refused("takes a table", ksnap.scenario)
refused("name is missing", ksnap.scenario, {})
refused("name is a string, not a number", ksnap.scenario, { name = 5 })
refused("check is a function", ksnap.scenario, { name = "x", check = 5 })
refused("item 1 is neither ksnap.step nor ksnap.loop", ksnap.scenario, { name = "x", { "a" } })
refused("maps[1]: a string", ksnap.scenario, { name = "x", maps = { 5 } })
refused("item 2 is neither an op nor a function", ksnap.scenario, { name = "x", setup = { nothing, 5 } })
refused("did you mean hold?", step, { "a", hodl = 1 })
refused("neither an op nor a function", step, { "a", "b" })
refused("is given twice", step, { "a", name = "b" })
refused("hold is a duration or a loop", step, { "a", hold = {} })
refused("is no duration", step, { "a", hold = "x" })
refused("every is missing", loop, { nothing, times = 1 })
refused("one function, or one op", loop, { every = 1, times = 1 })
refused("times is a whole number", loop, { nothing, every = 1, times = 1.5 })
refused("times is a whole number", loop, { nothing, every = 1, times = 0 })
refused("a loop needs times", ksnap.scenario, { name = "x", step { hold = loop { nothing, every = 1 } } })
refused("no fraction", ksnap.scenario, { name = "x", duration = 1, step { "a", hold = 2 } })
refused("freeze: cgroup: from 1 to 4000 bytes", function() step { "a", op.freeze "" } end)
refused("hold: nan is not between 0 and a day", step, { hold = math.abs(0 / 0) })
refused("hold: -1 is not between 0 and a day", step, { hold = -1 })
refused("duration: -1", ksnap.scenario, { name = "x", duration = -1 })
refused("every: nan is not between", loop, { nothing, every = math.abs(0 / 0), times = 1 })
refused("no fraction", ksnap.scenario, { name = "x", duration = 1, step { hold = 0.0 } })
refused("step 1: hold = 2s is longer than the scenario, which has 1s; its duration = changes that", ksnap.scenario,
	{ name = "x", duration = 1, step { hold = "2s" } })
refused("the holds up to step 3 add up to 1.1s, the scenario has 1s; its duration = changes that", ksnap.scenario,
	{ name = "x", duration = 1, step { hold = 0.5 }, step {}, step { hold = loop { nothing, every = "0.3s", times = 3 } } })
refused("a loop without times needs every above 0", ksnap.scenario,
	{ name = "x", duration = 1, loop { nothing, every = 0 } })
refused("periodic is a number, not a string", ksnap.scenario, { name = "x", periodic = "8" })
refused("periodic is a whole number from 0 to 64, not 65", ksnap.scenario, { name = "x", periodic = 65, duration = 60 })
refused("periodic is a whole number from 0 to 64, not 1.5", ksnap.scenario, { name = "x", periodic = 1.5, duration = 60 })
refused("periodic is a whole number from 0 to 64, not -1", ksnap.scenario, { name = "x", periodic = -1, duration = 60 })
refused("need a duration", ksnap.scenario, { name = "x", periodic = 1, step {} })
refused("8 periodic captures within 1s are 88.9 ms apart, at least 100 ms are needed: take at most 7, or make it last 1.125s",
	ksnap.scenario, { name = "x", periodic = 8, duration = 1 })
refused('inconclusive: there is no "pass"; there are fail, note', ksnap.scenario, { name = "x", inconclusive = "pass" })

-- Ten thousand steps are none too many; all are looked at before the first runs.
local many = { name = "many" }
for i = 1, 10000 do many[i] = step { ("s%d"):format(i), nothing } end
assert(#ksnap.scenario(many).steps == 10000)
many[10000] = step { hold = 90000 - 3600, "last", nothing }
many[10001] = 5
refused("item 10001 is neither", ksnap.scenario, many)

-- What is not said is added up from the holds.
local added = ksnap.scenario { name = "x", step { hold = "0.2s" }, loop { nothing, every = "0.1s", times = 3 },
	step { hold = loop { nothing, every = "50ms", times = 2 } } }
assert(added.duration_ns == 450000000, added.duration_ns)

local log = {}
local function note(text)
	return function(i) log[#log + 1] = type(i) == "number" and text .. i or text end
end

local s = ksnap.scenario {
	name = "order", duration = "20ms",
	setup = { note "setup", op.capture_snapshot "t0" },
	step { "one", setup = note "one-setup", note "one", note "one-again", hold = 0.01 },
	loop { "two", note "two", every = 0, times = 2 },
	step { "three", hold = loop { note "three", every = 0, times = 2 } },
	step { function() return { op.capture_snapshot "t1", op.has "t1" } end },
	check = function(run)
		log[#log + 1] = "check"
		assert(run:snapshot "t1" == run:snapshot "t1")
		assert(#run:events() == 1 and #run:events "eviction" == 1 and #run:events "overwrite" == 0)
		assert(ksnap.active() == run.bridge)
	end,
	teardown = { note "teardown", note "teardown-again" },
}
local bridge <close> = assert(ksnap.connect())
local failures = scenario.run(s, bridge)
assert(#failures == 0, "%s", failures[1] and failures[1].err)
assert(ksnap.active() == nil)
local order = "setup one-setup one one-again two1 two2 three1 three2 check teardown teardown-again"
assert(table.concat(log, " ") == order, table.concat(log, " "))

-- A loop without times ends with the scenario.
local rounds = 0
local timed = ksnap.scenario { name = "timed", duration = "5ms",
	loop { every = "1ms", function() rounds = rounds + 1 end } }
assert(#scenario.run(timed, bridge) == 0 and rounds > 0)

-- Every teardown action gets its turn; each failure is told, with the phase it was in.
local both = ksnap.scenario { name = "x", step { "s", function() error "one" end },
	teardown = { function() error "two" end, function() error "three" end } }
failures = scenario.run(both, bridge)
assert(#failures == 3 and failures[1].phase == "step 1, s" and failures[3].phase == "teardown")
