-- What a check is given: series, notes, verdicts that become failures.
local ksnap = require "ksnap"
local scenario = require "ksnap.scenario"
local op, step = ksnap.op, ksnap.step

local bridge <close> = assert(ksnap.connect())

-- Captures are remembered with step and time, however they were asked for; the latest of a tag counts.
local s = ksnap.scenario {
	name = "series", maps = { "*" },
	setup = op.capture_snapshot "base",
	step { "one", op.capture_snapshot "a", hold = "2ms" },
	step { "two", function(run) run.bridge:capture_snapshot "b" end },
	step { op.capture_snapshot "a" },
	check = function(run)
		local tags = {}
		for i, taken in ipairs(run.taken) do tags[i] = taken.tag .. "/" .. taken.step end
		assert(table.concat(tags, " ") == "base/0 b/2 a/3", table.concat(tags, " "))
		assert(run.taken[1].elapsed_ms == 0 and run.taken[2].elapsed_ms >= 2)
		local all = run:series "nr_switches"
		assert(#all == 3 and all.samples[2].tag == "b" and all.samples[2].value == 42)
		assert(#run:series("nr_switches", { over = "?" }) == 2 and #run:series("nr_switches", { over = "b*" }) == 2)
		assert(#run:series("nr_switches", { over = function(tag) return tag == "a" end }) == 1)
		local named = run:series("nr_switches", { over = { "a", "nowhere" }, label = "mine" })
		assert(#named == 2 and named.label == "mine" and named.samples[2].err:find "nowhere")
		assert(all:last "two" == 42 and all:delta(2) == 0 and all:first "one" == nil)
		assert(run.scenario.step_names.two == 2)
		for _, bad in ipairs { { 5 }, { "x", 5 }, { "x", { over = 5 } } } do
			local ok, err = pcall(run.series, run, table.unpack(bad))
			assert(not ok and err.code == "E_ARG", "accepted")
		end
	end,
}
local failures = scenario.run(s, bridge)
assert(#failures == 0, "%s", failures[1] and failures[1].err)

-- Patterns that do not pass are failures, all of them, at their lines; the check goes on.
local function judged(inconclusive)
	local reached
	local failed = scenario.run(ksnap.scenario { name = "x", inconclusive = inconclusive,
		setup = { op.capture_snapshot "p", op.capture_snapshot "q" },
		check = function(run)
			run:series("nr_switches"):strictly_increasing()
			run:series("nr_switches"):rate_within(0, 1)
			run:series("nr_switches"):nondecreasing()
			run:series("nr_nothing"):each():at_least(1)
			ksnap.series("mine", { { tag = "a", value = 2 }, { tag = "b", value = 1 } }):nondecreasing()
			reached = true
		end }, bridge)
	assert(reached)
	return failed
end
local failed = judged()
assert(#failed == 4 and failed[1].phase == "check", #failed)
assert(failed[1].err.where:find "run%.lua:%d+" and failed[1].err.msg:find "^nr_switches: strictly_increasing: fail: q")
assert(#failed[1].details == 1 and failed[1].details[1]:find "^q %(%+0ms%) has 42, not more than p")
assert(failed[2].err.msg:find "rate_within: inconclusive: from p" and #failed[3].details == 2)
assert(failed[4].err.msg == "mine: nondecreasing: fail: b (time unknown) has 1, less than a (time unknown) had 2", failed[4].err.msg)
assert(failed[4].err.where:find "run%.lua:%d+" and #failed[4].details == 1)
assert(#judged "note" == 3)

-- A kind of events that there is none of would be counted 0 for ever.
failed = scenario.run(ksnap.scenario { name = "x", check = function(run) return run:events "evictoin" end }, bridge)
assert(#failed == 1 and failed[1].err.code == "E_ARG", #failed)
assert(tostring(failed[1].err):find 'there is no event "evictoin"; did you mean eviction?', tostring(failed[1].err))

-- Tasks of a run end with its steps; one that failed without anybody waiting for it fails the run.
local ended, closed
local tasks = ksnap.scenario { name = "tasks",
	step { function()
		ksnap.spawn(function()
			local _ <close> = setmetatable({}, { __close = function() closed = true end })
			ksnap.sleep "1m"
			ended = true
		end)
		ksnap.spawn(function() error "lost" end)
		ksnap.sleep "1ms"
	end },
	check = function() assert(closed and not ended) end }
failures = scenario.run(tasks, bridge)
assert(#failures == 1 and failures[1].phase == "tasks" and tostring(failures[1].err):find "lost" and failures[1].trace)

-- One scenario within another, on the same handle: each has its own run, tasks and teardown.
local undone = {}
local function undo(name) return function(run) run.bridge:undo_later(name, { words = name, fn = function() undone[#undone + 1] = name return true end }) end end
local inner = ksnap.scenario { name = "inner", maps = { "tasks" }, setup = undo "inner",
	step { op.capture_snapshot "within", function() ksnap.spawn(ksnap.sleep, "1m") end },
	check = function(run)
		assert(#run.taken == 1 and run.step == 1)
		ksnap.assert(false, "it fails")
	end }
local beside
failures = scenario.run(ksnap.scenario { name = "outer", setup = undo "outer",
	step { op.ping() },
	step { function(run)
		beside = ksnap.spawn(ksnap.sleep, "1m")
		local failed_inside = inner:run(run.bridge)
		assert(#failed_inside == 1 and failed_inside[1].phase == "check" and tostring(failed_inside[1].err):find "it fails")
		assert(run.bridge.run == run and #run.taken == 0 and not beside.done and table.concat(undone, " ") == "inner")
		run.bridge:capture_snapshot "outside"
		assert(run.taken[1].step == 2)
	end } }, bridge)
assert(#failures == 0, "%s", failures[1] and failures[1].err)
assert(table.concat(undone, " ") == "inner outer" and beside.cancelled and not bridge.run)

-- But for itself, which would have no end.
local circle
circle = ksnap.scenario { name = "circle", step { function(run) circle:run(run.bridge) end } }
failures = scenario.run(circle, bridge)
assert(#failures == 1 and failures[1].err.code == "E_STATE" and failures[1].err.msg:find '"circle" runs within itself')

-- What a function returns is looked at: ops are issued, an error fails the step.
local function outcome(fn)
	local list = scenario.run(ksnap.scenario { name = "x", step { fn } }, bridge)
	return list[1] and list[1].err
end
assert(outcome(function(run) return run.bridge:get "nowhere" end).code == "E_NOTFOUND")
assert(outcome(function() return { op.capture_snapshot "r1", "junk" } end).msg:find "item 2 of what the function returned is no op")
assert(bridge:has "r1" == false, "a wrong list is issued in part")
assert(not outcome(function() return { op.capture_snapshot "r1", op.ping() } end) and bridge:has "r1")
assert(outcome(function() return { op.get "nowhere", op.capture_snapshot "r2" } end).code == "E_NOTFOUND")
assert(bridge:has "r2" == false, "a list goes on behind an op that failed")
assert(not outcome(function() return { "no", "ops" } end) and not outcome(function() return nil, "text" end))

-- Writing takes a word for it.
local write = { "w", entries = { { at = "counter", value = 1 } } }
local r, denied = bridge:write_kernel_hot(write)
assert(r == nil and denied.code == "E_DENIED" and tostring(denied):find("to write memory takes safe = false, in ksnap.scenario", 1, true))
failures = scenario.run(ksnap.scenario { name = "x", step { op.write_kernel_hot(write) } }, bridge)
assert(#failures == 1 and failures[1].err.code == "E_DENIED")
assert(#scenario.run(ksnap.scenario { name = "x", safe = false, step { op.write_kernel_hot(write) } }, bridge) == 0)

-- A hold is cut by the end of the scenario.
local before = ksnap.now()
local cut = ksnap.scenario { name = "cut", duration = "20ms", step { function() ksnap.sleep "15ms" end },
	step { hold = "20ms" } }
assert(#scenario.run(cut, bridge) == 0 and ksnap.now() - before < 10)
