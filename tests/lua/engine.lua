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
local odd = ksnap.op.ping()
odd.params = { print }
local fine, why = pcall(bridge.issue, bridge, odd)
assert(not fine and why.code == "E_ARG" and why.msg:find "a function has no form", tostring(why))
assert(ksnap.op.ping().params[1] == nil and bridge:ping())
fine, why = pcall(bridge.issue, bridge, { name = "ping", params = {} })
assert(not fine and why.code == "E_ARG" and why.msg:find "issue takes an op", tostring(why))

local before = ksnap.now()
ksnap.sleep(0)
ksnap.sleep "1ms"
assert(ksnap.now() > before)
assert(ksnap.hex(-1) == "0xffffffffffffffff" and ksnap.unsigned(-1) == "18446744073709551615" and ksnap.unsigned(7) == "7")

-- ---- several tasks ---------------------------------------------------------------------------------

local function refused(code, text, fn, ...)
	local done, refusal = pcall(fn, ...)
	assert(not done and ksnap.is_error(refusal) and refusal.code == code, tostring(refusal))
	assert(tostring(refusal):find(text, 1, true), tostring(refusal))
end

refused("E_ARG", "spawn takes a function, not a nil", ksnap.spawn)
refused("E_ARG", "is no duration", ksnap.with_timeout, "x", print)

-- They take turns while one waits; results and errors come through wait, more than once.
local log = {}
local function worker(name, time)
	for i = 1, 2 do
		log[#log + 1] = name .. i
		ksnap.sleep(time)
	end
	return name, 7
end
local t1, t2 = ksnap.spawn(worker, "a", "20ms"), ksnap.spawn(worker, "b", "3ms")
assert(#log == 0, "a task begins when its parent waits")
local none, late = t1:wait "1ms"
assert(none == nil and late.code == "E_TIMEOUT")
local name, seven = t1:wait()
assert(name == "a" and seven == 7 and select("#", t2:wait()) == 2 and t1:wait() == "a")
assert(table.concat(log, " ") == "a1 b1 b2 a2", table.concat(log, " "))

-- Ops give way to those whose time has come.
local turns = 0
local ticking = ksnap.spawn(function()
	while true do
		ksnap.sleep "1ms"
		turns = turns + 1
	end
end)
while turns < 3 do assert(bridge:ping()) end
ticking:cancel()
ticking:cancel()
local nothing, cancelled = ticking:wait()
assert(nothing == nil and cancelled.code == "E_STATE")

local failing = ksnap.spawn(function() error({ mine = true }, 0) end)
local fell, its = pcall(failing.wait, failing)
assert(not fell and its.mine)

-- Deadlines: what is in time, what is cut short with all it spawned, ops within, nested ones.
assert(ksnap.with_timeout("1m", function(x) return x end, 5) == 5)
local closes, inner = 0, nil
local function closing() return setmetatable({}, { __close = function() closes = closes + 1 end }) end
local cut, why_cut = ksnap.with_timeout("5ms", function()
	local _ <close> = closing()
	inner = ksnap.spawn(function()
		local _ <close> = closing()
		ksnap.sleep "1m"
	end)
	ksnap.sleep "1m"
end)
assert(cut == nil and why_cut.code == "E_TIMEOUT" and closes == 2 and inner.cancelled)
assert(ksnap.with_timeout("1m", function() return ksnap.with_timeout("1ms", ksnap.sleep, "1m") end) == nil)
assert(ksnap.with_timeout("1ms", function() return ksnap.with_timeout("1m", ksnap.sleep, "1m") end) == nil)
local raised, boom = pcall(ksnap.with_timeout, "1m", function() error "boom" end)
assert(not raised and tostring(boom):find "boom")
local given
local spy = { call = function(_, _, _, opts) given = opts.timeout_ms end }
ksnap.with_timeout("2s", function() engine.call(spy, "x") end)
assert(given and given <= 2000 and given > 0)
ksnap.with_timeout("1m", function() engine.call(spy, "x", nil, { timeout_ms = 9 }) end)
assert(given == 9)

-- Waiting for oneself, or in a circle, is an error and no standstill.
local me
me = ksnap.spawn(function() refused("E_STATE", "cannot wait for itself", me.wait, me) end)
me:wait()
local left, right
local circle, standstill = engine.run(function()
	left = ksnap.spawn(function() right:wait() end)
	right = ksnap.spawn(function() left:wait() end)
	left:wait()
end)
assert(not circle and tostring(standstill):find "all tasks wait for each other", tostring(standstill))
local asleep = ksnap.spawn(ksnap.sleep, "1m")
table.sort({ 2, 1 }, function(x, y)
	refused("E_STATE", "cannot be waited for within a sort", asleep.wait, asleep)
	return x < y
end)
asleep:cancel()

-- A task that failed unseen fails the run; what is not done ends with it.
local ran, unseen = engine.run(function()
	ksnap.spawn(function() error "unseen" end)
	ksnap.sleep "1ms"
end)
assert(not ran and tostring(unseen):find "unseen")
local left_over
assert(engine.run(function()
	ksnap.spawn(function()
		local _ <close> = closing()
		ksnap.sleep "1m"
		left_over = true
	end)
	ksnap.sleep "1ms"
end) and not left_over and closes == 3)

-- What breaks off a wait, or the taking of turns itself, is the main task's error; it goes on from there.
local clock = require "ksnap.clock"
local function broken_by(name, fn)
	local real = clock[name]
	local armed = true
	return engine.run(function()
		local _ <close> = setmetatable({}, { __close = function() clock[name] = real end })
		ksnap.spawn(ksnap.sleep, "1m")
		clock[name] = function(...)
			if armed then
				armed = false
				error "the time is up"
			end
			return real(...)
		end
		local fine, time_is_up = pcall(fn)
		assert(not fine and tostring(time_is_up):find "the time is up", tostring(time_is_up))
		ksnap.sleep "1ms"
		return "went on"
	end)
end
for _, name in ipairs { "wait_until", "mono_ns" } do
	local well, on = broken_by(name, function() ksnap.spawn(ksnap.sleep, "1m"):wait() end)
	assert(well and on == "went on", tostring(on))
end

-- Each task has its own active bridge, and begins with that of its parent.
local g <close> = bridge:enter()
ksnap.spawn(function()
	assert(ksnap.active() == bridge)
	local other <close> = assert(ksnap.connect())
	local _ <close> = other:enter()
	ksnap.sleep "1ms"
	assert(ksnap.active() == other)
end):wait()
assert(ksnap.active() == bridge)

-- Many of them.
local sum = 0
local list = {}
for i = 1, 1000 do
	list[i] = ksnap.spawn(function()
		ksnap.sleep "1ms"
		sum = sum + i
	end)
end
for _, task in ipairs(list) do task:wait() end
assert(sum == 500500 and next(engine.current().pool.tasks, (next(engine.current().pool.tasks))) == nil)

-- Many short sleeps keep a session as alive as a long one.
local pings = 0
local quiet = { call = function(_, name) pings = pings + (name == "ping" and 1 or 0) end, heartbeat_ms = function() return 2 end }
engine.keep_alive(quiet)
local begun = ksnap.now()
while ksnap.now() - begun < 0.02 do ksnap.sleep "0.1ms" end
engine.forget(quiet)
assert(pings > 0)
