-- SPDX-License-Identifier: MIT
-- Scenarios: setup, steps in order, check; teardown whatever happens. All that can be wrong with
-- what was written is found before step 1, at its file and line.
local clock = require "ksnap.clock"
local duration = require "ksnap.duration"
local engine = require "ksnap.engine"
local errors = require "ksnap.error"
local ops = require "ksnap.ops"

local traceback = debug.traceback

local M = {}

local Scenario = { __name = "ksnap.scenario" }
local Step = { __name = "ksnap.step" }
local Loop = { __name = "ksnap.loop" }

local scenario_keys = { name = "string", maps = "table", setup = "any", check = "function", teardown = "any",
	duration = "any" }
local step_keys = { name = "string", setup = "any", hold = "any" }
local loop_keys = { name = "string", every = "any", times = "number" }

--- Whether a value was made by ksnap.scenario.
function M.is(value)
	return getmetatable(value) == Scenario
end

-- ---- checks ---------------------------------------------------------------------------------------

local function check_keys(what, args, known)
	if type(args) ~= "table" then errors.raise("E_ARG", "%s takes a table", what) end
	for key, value in pairs(args) do
		local kind = known[key]
		if math.type(key) ~= "integer" and not kind then
			errors.raise("E_ARG", "%s: there is no %q; %s", what, tostring(key), errors.near(key, errors.names(known)))
		end
		if kind and kind ~= "any" and type(value) ~= kind then
			errors.raise("E_ARG", "%s: %s is a %s, not a %s", what, key, kind, type(value))
		end
	end
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
	check_keys("step", args, step_keys)
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
	check_keys("loop", args, loop_keys)
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
	if type(hold) ~= "number" or not scenario.duration_ns then return duration(hold, what .. ": hold") end
	if hold <= 0 or hold > 1 then
		errors.raise("E_ARG", '%s: hold = %s is no fraction of the duration (above 0, at most 1); write seconds as "%ss"',
			what, hold, hold)
	end
	return math.floor(hold * scenario.duration_ns)
end

local function check_loop(scenario, what, loop)
	if not loop.times and not scenario.duration_ns then
		errors.raise("E_ARG", "%s: a loop needs times, or the scenario a duration to loop until", what)
	end
	if not loop.times and loop.every_ns == 0 then
		errors.raise("E_ARG", "%s: a loop without times needs every above 0", what)
	end
end

local function check_step(scenario, i, step)
	local kind = getmetatable(step)
	if kind ~= Step and kind ~= Loop then
		errors.raise("E_ARG", "scenario %q: item %d is neither ksnap.step nor ksnap.loop", scenario.name, i)
	end
	local what = ("step %d%s"):format(i, step.name and " (" .. step.name .. ")" or "")
	local loop = kind == Loop and step or getmetatable(step.hold) == Loop and step.hold
	if loop then
		check_loop(scenario, what, loop)
	elseif step.hold ~= nil then
		step.hold_ns = hold_ns(scenario, what, step.hold)
	end
end

--- ksnap.scenario { name, maps, setup, steps..., check, teardown, duration }
function M.new(args)
	check_keys("scenario", args, scenario_keys)
	if not args.name or args.name:find "^%s*$" then errors.raise("E_ARG", "scenario: name is missing") end
	local what = ("scenario %q"):format(args.name)
	local self = setmetatable({ name = args.name:gsub("%s+", " "), maps = args.maps, check = args.check }, Scenario)
	if args.duration ~= nil then self.duration_ns = duration(args.duration, what .. ": duration") end
	if args.maps then ops.constructors.capture_snapshot { tag = "check", maps = args.maps } end
	self.setup = actions(what .. ": setup", args.setup)
	self.teardown = actions(what .. ": teardown", args.teardown)
	self.steps = { table.unpack(args) }
	for i, step in ipairs(self.steps) do check_step(self, i, step) end
	if #self.steps > 65535 then errors.raise("E_LIMIT", "%s: more than 65535 steps", what) end
	return self
end

-- ---- a run ----------------------------------------------------------------------------------------

local Run = { __name = "ksnap.run" }
Run.__index = Run

--- The snapshot stored under a tag; kept, so that asking twice gives the same one.
function Run:snapshot(tag)
	local got = self.snapshots[tag]
	if not got then
		got = errors.assert(self.bridge:get(tag))
		self.snapshots[tag] = got
	end
	return got
end

--- Events of this bridge so far: all, or those of one kind.
function Run:events(kind)
	for _, event in ipairs(errors.assert(self.bridge:drain_events())) do
		self.seen[#self.seen + 1] = event
	end
	local found = {}
	for _, event in ipairs(self.seen) do
		if not kind or event.k == kind then found[#found + 1] = event end
	end
	return found
end

--- Issue an op; raises when it fails.
function Run:issue(op)
	op = ops.with_defaults(op, { step = self.step, maps = self.scenario.maps })
	local r, err = self.bridge:issue(op)
	if r == nil and errors.is(err) then
		err.where = err.where or op.where
		error(err, 0)
	end
	return r
end

local function perform(run, action, ...)
	if not ops.is(action) then action = action(...) end
	if ops.is(action) then
		run:issue(action)
	elseif type(action) == "table" then
		for _, op in ipairs(action) do
			if ops.is(op) then run:issue(op) end
		end
	end
end

local function run_loop(run, loop)
	local start = clock.mono_ns()
	local stop = run.started_ns + (run.scenario.duration_ns or 0)
	local i = 0
	while loop.times and i < loop.times or not loop.times and clock.mono_ns() < stop do
		i = i + 1
		perform(run, loop.fn, i, run)
		if i ~= loop.times then engine.sleep_until(start + i * loop.every_ns) end
	end
end

local function run_step(run, step)
	if getmetatable(step) == Loop then return run_loop(run, step) end
	for _, action in ipairs(step.setup) do perform(run, action, run) end
	for _, action in ipairs(step.actions) do perform(run, action, run) end
	if getmetatable(step.hold) == Loop then return run_loop(run, step.hold) end
	if step.hold_ns then engine.sleep_until(clock.mono_ns() + step.hold_ns) end
end

-- Run fn(...); a failure is recorded with where in the scenario it was. Whether it went well.
local function attempt(run, phase, fn, ...)
	local failure
	local function catch(err)
		failure = { phase = phase, step = run.step, err = err, trace = traceback(nil, 2) }
		return err
	end
	if xpcall(fn, catch, ...) then return true end
	run.failures[#run.failures + 1] = failure
	return false
end

local function run_all(run, list)
	for _, action in ipairs(list) do perform(run, action, run) end
end

local function check(run)
	local verdict, text = run.scenario.check(run)
	if verdict == false then errors.assert(false, text or "check returned false") end
end

local function body(run)
	local scenario <const> = run.scenario
	if not attempt(run, "setup", run_all, run, scenario.setup) then return end
	for i, step in ipairs(scenario.steps) do
		run.step = i
		local what = step.name and ("step %d, %s"):format(i, step.name) or ("step %d"):format(i)
		if not attempt(run, what, run_step, run, step) then return end
	end
	if scenario.check then attempt(run, "check", check, run) end
end

-- Every action gets its turn, whatever the others did.
local function teardown(run)
	for _, action in ipairs(run.scenario.teardown) do attempt(run, "teardown", perform, run, action, run) end
	for _, err in ipairs(run.bridge:release()) do
		run.failures[#run.failures + 1] = { phase = "teardown", step = run.step, err = err }
	end
end

--- Run a scenario on a bridge's handle, within a task of the engine. Gives the list of failures.
function M.run(scenario, bridge)
	local run = setmetatable({ scenario = scenario, bridge = bridge, step = 0, started_ns = clock.mono_ns(),
		snapshots = {}, seen = {}, failures = {} }, Run)
	local _ <close> = bridge:enter()
	body(run)
	teardown(run)
	return run.failures
end

return M
