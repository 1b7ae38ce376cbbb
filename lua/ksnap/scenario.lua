-- SPDX-License-Identifier: MIT
-- Scenarios: setup, steps in order, check; teardown whatever happens. All that can be wrong with
-- what was written is found before step 1, at its file and line.
local clock = require "ksnap.clock"
local duration = require "ksnap.duration"
local engine = require "ksnap.engine"
local cold = require "ksnap.cold"
local ending = require "ksnap.ending"
local errors = require "ksnap.error"
local ops = require "ksnap.ops"
local outlet = require "ksnap.outlet"
local periodic = require "ksnap.periodic"
local run_of = require "ksnap.run"

local traceback = debug.traceback

local name_max <const> = 1024 -- bytes of a scenario's

local M = {}

local Scenario = { __name = "ksnap.scenario" }
Scenario.__index = Scenario
local Step = { __name = "ksnap.step" }
local Loop = { __name = "ksnap.loop" }

local scenario_keys = { name = "string", maps = "table", setup = "any", check = "function", teardown = "any",
	duration = "any", periodic = "number", inconclusive = "string",
	safe = "boolean" }
local step_keys = { name = "string", setup = "any", hold = "any" }
local loop_keys = { name = "string", every = "any", times = "number" }

--- Whether a value was made by ksnap.scenario.
function M.is(value)
	return getmetatable(value) == Scenario
end

-- ---- checks ---------------------------------------------------------------------------------------

--- What ksnap.scenario, step and loop know, with their types: by the name of the function.
M.keys = { scenario = scenario_keys, step = step_keys, loop = loop_keys }

--- Raise unless such a thing has such a key, with a value of this type.
function M.check_key(what, key, value)
	local kind = M.keys[what][key]
	if math.type(key) ~= "integer" and not kind then
		errors.raise("E_ARG", "%s: there is no %q; %s", what, tostring(key),
			errors.near(key, errors.names(M.keys[what])))
	end
	if kind and kind ~= "any" and type(value) ~= kind then
		errors.raise("E_ARG", "%s: %s is a %s, not a %s", what, key, kind, type(value))
	end
end

local function check_keys(what, args)
	if type(args) ~= "table" then errors.raise("E_ARG", "%s takes a table", what) end
	for key, value in pairs(args) do M.check_key(what, key, value) end
end

local function is_action(value)
	return type(value) == "function" or ops.is(value)
end

-- A list of ops and functions out of one, or a list of, them.
local function actions(what, value)
	if value == nil then return {} end
	if is_action(value) then return { value } end
	if type(value) ~= "table" then
		errors.raise("E_ARG", "%s is a list of ops and functions, not a %s", what, type(value))
	end
	for i = 1, #value do
		if not is_action(value[i]) then
			errors.raise("E_ARG", "%s: item %d is neither an op nor a function", what, i)
		end
	end
	return { table.unpack(value) }
end

local function take_name(args)
	if type(args[1]) ~= "string" then return args.name end
	if args.name then errors.raise("E_ARG", "the name is given twice: %q and %q", args[1], args.name) end
	return table.remove(args, 1)
end

--- step { "name", op or function..., setup = {...}, hold = duration or loop }
function M.step(args)
	check_keys("step", args)
	local list = { table.unpack(args) }
	list.name = args.name
	local name = take_name(list)
	list.name = nil
	local what = name and ("step %q"):format(name) or "step"
	local hold = args.hold
	if type(hold) == "table" and getmetatable(hold) ~= Loop or type(hold) == "function" then
		errors.raise("E_ARG", "%s: hold is a duration or a loop", what)
	end
	if hold ~= nil and type(hold) ~= "table" then duration(hold, what .. ": hold") end
	return setmetatable({ name = name, setup = actions(what .. ": setup", args.setup), actions = actions(what, list),
		hold = hold, where = errors.where() }, Step)
end

--- loop { every = duration, times = n, function(i, run) ... end }; the function may return an op
function M.loop(args)
	check_keys("loop", args)
	local list = { table.unpack(args) }
	list.name = args.name
	local name = take_name(list)
	local fn = list[1]
	if #list ~= 1 or not is_action(fn) then errors.raise("E_ARG", "loop takes one function, or one op") end
	if args.every == nil then errors.raise("E_ARG", 'loop: every is missing, such as every = "100ms"') end
	if args.times and (not math.tointeger(args.times) or args.times < 1) then
		errors.raise("E_ARG", "loop: times is a whole number from 1, not %s", args.times)
	end
	return setmetatable({ name = name, every_ns = duration(args.every, "loop: every"), times = args.times, fn = fn,
		where = errors.where() }, Loop)
end

-- A number is a fraction of the scenario's duration when it has one, else seconds.
local function hold_ns(scenario, what, hold)
	local whole_ns = scenario.given_ns
	if type(hold) ~= "number" or not whole_ns then
		local ns = duration(hold, what .. ": hold")
		if whole_ns and ns > whole_ns then
			errors.raise("E_ARG", "%s: hold = %s is longer than the scenario, which has %.6gs; its duration = changes that",
				what, hold, whole_ns / 1e9)
		end
		return ns
	end
	if not (hold > 0 and hold <= 1) then
		errors.raise("E_ARG", '%s: hold = %s is no fraction of the duration (above 0, at most 1); write seconds as "%ss"',
			what, hold, hold)
	end
	return math.floor(hold * whole_ns)
end

local function check_loop(scenario, what, loop)
	if not loop.times and not scenario.given_ns then
		errors.raise("E_ARG", "%s: a loop needs times, or the scenario a duration to loop until", what)
	end
	if not loop.times and loop.every_ns == 0 then
		errors.raise("E_ARG", "%s: a loop without times needs every above 0", what)
	end
end

-- How long the step is known to last.
local function check_step(scenario, i, step)
	local kind = getmetatable(step)
	if kind ~= Step and kind ~= Loop then
		errors.raise("E_ARG", "scenario %q: item %d is neither ksnap.step nor ksnap.loop", scenario.name, i)
	end
	local what = ("step %d%s"):format(i, step.name and " (" .. step.name .. ")" or "")
	local loop = kind == Loop and step or getmetatable(step.hold) == Loop and step.hold
	if loop then
		check_loop(scenario, what, loop)
		return loop.times and (loop.times - 1) * loop.every_ns or 0
	end
	if step.hold == nil then return 0 end
	step.hold_ns = hold_ns(scenario, what, step.hold)
	return step.hold_ns
end

-- All steps, and how long the scenario lasts: what it says, else what its holds add up to.
local function check_steps(self, what)
	local sum_ns = 0
	self.step_names = {}
	for i, step in ipairs(self.steps) do
		sum_ns = sum_ns + check_step(self, i, step)
		if self.given_ns and sum_ns > self.given_ns then
			errors.raise("E_ARG", "%s: the holds up to step %d add up to %.6gs, the scenario has %.6gs; "
				.. "its duration = changes that", what, i, sum_ns / 1e9, self.given_ns / 1e9)
		end
		if step.name then self.step_names[step.name] = self.step_names[step.name] or i end
	end
	self.duration_ns = self.given_ns or sum_ns
end

local judgements = { fail = true, note = true }

local function check_inconclusive(what, args)
	local v = args.inconclusive or "fail"
	if not judgements[v] then
		errors.raise("E_ARG", "%s: inconclusive: there is no %q; %s", what, v, errors.near(v, errors.names(judgements)))
	end
	return v
end

--- ksnap.scenario { name, maps, setup, steps..., check, teardown, duration, periodic, inconclusive,
--- safe }
function M.new(args)
	check_keys("scenario", args)
	if not args.name or args.name:find "^%s*$" then errors.raise("E_ARG", "scenario: name is missing") end
	if #args.name > name_max then
		errors.raise("E_ARG", "scenario: name has %d bytes, at most %d are told", #args.name, name_max)
	end
	local what = ("scenario %q"):format(args.name)
	local self = setmetatable({ name = args.name:gsub("%s+", " "), maps = args.maps, check = args.check,
		periodic = args.periodic or 0, inconclusive = check_inconclusive(what, args), safe = args.safe ~= false }, Scenario)
	if args.duration ~= nil then self.given_ns = duration(args.duration, what .. ": duration") end
	if args.maps then ops.constructors.capture_snapshot { tag = "check", maps = args.maps } end
	self.setup = actions(what .. ": setup", args.setup)
	self.teardown = actions(what .. ": teardown", args.teardown)
	self.steps = { table.unpack(args) }
	if #self.steps > 65535 then errors.raise("E_LIMIT", "%s: more than 65535 steps", what) end
	check_steps(self, what)
	periodic.check(what, self.periodic, self.duration_ns)
	return self
end

-- ---- a run ----------------------------------------------------------------------------------------

-- A list that a function returned is issued as a whole, or, when an item is no op, not at all.
local function issue_all(run, list)
	for i = 1, #list do
		if not ops.is(list[i]) then
			errors.raise("E_ARG", "item %d of what the function returned is no op, but a %s", i, type(list[i]))
		end
	end
	cold.each(run.bridge, list, function(op) run:issue(op) end)
end

-- An op, or a function, which may return ops to issue; nil and an error fail as an op does.
local function perform(run, action, ...)
	local r, err = action, nil
	if not ops.is(action) then r, err = action(...) end
	if ops.is(r) then
		run:issue(r)
	elseif r == nil and errors.is(err) then
		error(err, 0)
	elseif type(r) == "table" and ops.is(r[1]) then
		issue_all(run, r)
	end
end

local function run_all(run, list)
	cold.each(run.bridge, list, function(action) perform(run, action, run) end)
end

-- What holds ends with the scenario.
local function sleep(run, until_ns)
	if run.scenario.given_ns then until_ns = math.min(until_ns, run.begun_ns + run.scenario.given_ns) end
	engine.sleep_until(until_ns)
end

local function run_loop(run, loop)
	local start = clock.mono_ns()
	local stop = run.begun_ns + run.scenario.duration_ns
	local i = 0
	while loop.times and i < loop.times or not loop.times and clock.mono_ns() < stop do
		i = i + 1
		perform(run, loop.fn, i, run)
		if i ~= loop.times then sleep(run, start + i * loop.every_ns) end
	end
end

local function run_step(run, step)
	if getmetatable(step) == Loop then return run_loop(run, step) end
	run_all(run, step.setup)
	run_all(run, step.actions)
	if getmetatable(step.hold) == Loop then return run_loop(run, step.hold) end
	if step.hold_ns then sleep(run, clock.mono_ns() + step.hold_ns) end
end

-- Run fn(...); a failure is recorded with where in the scenario it was. Whether it went well.
local function attempt(run, phase, fn, ...)
	local failed
	local function catch(err)
		failed = { err, traceback(nil, 2) }
		return err
	end
	local before = #run.failures
	run.phase = phase
	if not xpcall(fn, catch, ...) then run:failed(failed[1], failed[2]) end
	return #run.failures == before
end

-- The same as a test point of its own.
local function attempt_point(run, phase, fn, ...)
	local began_ns = clock.mono_ns()
	local went_well = attempt(run, phase, fn, ...)
	run:point(phase, went_well, began_ns)
	return went_well
end

local function check(run)
	local verdict, text = run.scenario.check(run)
	if verdict == false then errors.assert(false, text or "check returned false") end
end

local function run_steps(run)
	for i, step in ipairs(run.scenario.steps) do
		run.step = i
		outlet.step(run, i)
		local what = step.name and ("step %d, %s"):format(i, step.name) or ("step %d"):format(i)
		if not attempt_point(run, what, run_step, run, step) then return false end
	end
	return true
end

-- A run whose steps are over sooner waits for its captures: all of them are there for the check.
local function end_periodic(run, task)
	run.phase = "periodic"
	local state = task:wait_until()
	local real = 0
	for _, taken in ipairs(run.taken) do
		if taken.boundary_ms and not run:is_placeholder(taken.tag) then real = real + 1 end
	end
	if state.abandoned then run:note("periodic: %s", state.abandoned) end
	for tag, err in pairs(state.missing) do run:note("%s is missing: %s", tag, err.msg) end
	if real == 0 then
		errors.assert(false, "none of %d periodic captures has data%s", state.target,
			state.abandoned and ": " .. state.abandoned or "")
	end
end

-- Tasks that were spawned end with the steps.
local function end_tasks(run)
	run.phase = "tasks"
	local list = engine.end_spawned(engine.current())
	for _, failed in ipairs(list) do run:failed(failed.err, failed.trace) end
	if #list > 0 then run:point("tasks", false) end
end

local function body(run)
	local scenario <const> = run.scenario
	local begin = #scenario.setup > 0 and attempt_point or attempt
	local went_well = begin(run, "setup", run_all, run, scenario.setup)
	if not went_well then return end
	run.begun_ns = clock.mono_ns()
	local task = scenario.periodic > 0
		and engine.spawn(periodic.capture, run, scenario.periodic, scenario.duration_ns)
	went_well = run_steps(run)
	if went_well and task then went_well = attempt_point(run, "periodic", end_periodic, run, task) end
	end_tasks(run)
	if went_well and scenario.check then attempt_point(run, "check", check, run) end
end

-- Every action gets its turn, whatever the others did.
local function teardown(run)
	local _ <close> = ending.enter "teardown"
	local began_ns, before, actions_of = clock.mono_ns(), #run.failures, run.scenario.teardown
	for _, action in ipairs(actions_of) do attempt(run, "teardown", perform, run, action, run) end
	run.phase = "teardown"
	for _, err in ipairs(run.bridge:release(run.undo_from)) do run:failed(err) end
	local went_well = #run.failures == before
	if #actions_of > 0 or not went_well then run:point("teardown", went_well, began_ns) end
end

--- Run a scenario on a bridge's handle, within a task of the engine. Gives the list of failures. followed: its
--- parts are told as test points, too.
function M.run(scenario, bridge, followed)
	local run <close> = run_of.new(scenario, bridge)
	local task <const>, began_ns <const> = engine.current(), clock.mono_ns()
	run.followed, run.above, task.run = followed, task.run, run
	if followed then outlet.begin(scenario) end
	local _ <close> = bridge:enter()
	attempt(run, nil, body, run) -- the time may also be up between two steps
	teardown(run)
	run:ended(began_ns)
	task.run = run.above
	return run.failures
end

--- Run it from within another scenario, or from straight-line code: the list of failures {err, phase,
--- step}, empty when there are none. What it did is undone, what was done before is not.
function Scenario:run(bridge)
	local outer = bridge.run
	while outer do
		if outer.scenario == self then errors.raise("E_STATE", "scenario %q runs within itself", self.name) end
		outer = outer.outer
	end
	return engine.spawn(M.run, self, bridge):wait()
end

return M
