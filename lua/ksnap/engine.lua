-- SPDX-License-Identifier: MIT
-- The one place that waits. Scripts run as tasks, which are coroutines, and yield requests; M.run has
-- them answered, one at a time, and lets another task go on while one waits. Where nothing can yield
-- (plain lua5.4, a sort's comparator) a request is served on the spot.
local clock = require "ksnap.clock"
local duration = require "ksnap.duration"
local errors = require "ksnap.error"
local process = require "ksnap.process"

local traceback = debug.traceback

local M = {}

local Request = {}
local Task = { __name = "ksnap.task" }
Task.__index = Task

local current -- the task whose code runs, or nil
local root = {} -- stands for the task where there is none

local clients = setmetatable({}, { __mode = "k" }) -- kept alive during waits -> {every_ns, due_ns}

--- Ping this client's broker during waits, until forget.
function M.keep_alive(client)
	local every_ns = math.max(client:heartbeat_ms(), 1) * 1000000
	clients[client] = { every_ns = every_ns, due_ns = clock.mono_ns() + every_ns }
end

function M.forget(client)
	clients[client] = nil
end

--- Whether the code that runs is a task's itself, and not of a coroutine of its own.
function M.is_in_task()
	return current ~= nil and coroutine.running() == current.co
end

--- The task that runs. Its field `guard` is bridge.lua's, its `run` scenario.lua's; a new task begins with those of
--- its parent.
function M.current()
	return current or root
end

-- ---- what is asked for ---------------------------------------------------------------------------

local default_timeout_ms <const> = 30000

-- The call's time is also bounded by its task's.
local function serve_call(client, op, params, opts, deadline_ns)
	if deadline_ns then
		local left_ms = math.max(1, (deadline_ns - clock.mono_ns()) // 1000000)
		opts = opts or {}
		opts.timeout_ms = math.min(opts.timeout_ms or default_timeout_ms, left_ms)
	end
	return client:call(op, params, opts)
end

local function ping_due()
	local now = clock.mono_ns()
	for client, heartbeat in pairs(clients) do
		if heartbeat.due_ns <= now then
			heartbeat.due_ns = now + heartbeat.every_ns
			client:call "ping"
		end
	end
end

local function any_ended(children)
	for _, child in ipairs(children) do
		if child:has_ended() then return true end
	end
	return #children == 0
end

local look_ns <const> = 50000 -- long enough to be waited for at all

-- Until then, or until one of the children is over; with none of them, until then.
local function wait_slice(until_ns, children)
	if #children == 0 then return clock.wait_until(until_ns) end
	repeat
		process.wait(children, until_ns)
		clock.wait_until(clock.mono_ns() + look_ns) -- raises when the script is to end
	until any_ended(children) or clock.mono_ns() >= until_ns
end

-- A session that owns something and is silent for five heartbeats loses it.
local function wait_outside(until_ns, children)
	while true do
		local slice_end = until_ns
		for _, heartbeat in pairs(clients) do slice_end = math.min(slice_end, heartbeat.due_ns) end
		wait_slice(slice_end, children)
		ping_due()
		if slice_end >= until_ns or #children > 0 and any_ended(children) then return end
	end
end

local never <const> = math.maxinteger

local function serve(r)
	if r.kind == "call" then return serve_call(r.client, r.op, r.params, r.opts, M.current().deadline_ns) end
	if r.task then
		errors.raise("E_STATE", "a task cannot be waited for within a sort, or a coroutine of the script's own")
	end
	wait_outside(r.until_ns or never, { r.child })
	return r.child and r.child:has_ended() and "ready" or "time"
end

--- What is said of a yield that is not ksnap's.
M.foreign_yield = "a script yields through ksnap's own calls, not by coroutine.yield"

local function resumed(ok, ...)
	if not ok then error((...), 0) end
	return ...
end

-- Hand a request to whoever takes the turns, where one can yield.
local function hand_over(request)
	if coroutine.running() == current.co and coroutine.isyieldable() then
		return resumed(coroutine.yield(setmetatable(request, Request)))
	end
	return serve(request)
end

--- Wait for {until_ns, task, child}: "time" or "ready".
function M.wait(request)
	request.kind = "wait"
	if not current then return serve(request) end
	return hand_over(request)
end

--- Call an op of a client's broker; opts, as the client takes them, may be nil.
function M.call(client, op, params, opts)
	local task = current
	if not task then return client:call(op, params, opts) end
	local pool = task.pool
	if pool.nwaiting == 0 and not pool.ready[1] then -- nobody else could go on meanwhile
		if task.deadline_ns then return serve_call(client, op, params, opts, task.deadline_ns) end
		return client:call(op, params, opts)
	end
	return hand_over { kind = "call", client = client, op = op, params = params, opts = opts }
end

--- Sleep until the monotonic clock shows until_ns.
function M.sleep_until(until_ns)
	M.wait { until_ns = until_ns }
end

-- ---- tasks -----------------------------------------------------------------------------------------

local function new_task(pool, fn, ...)
	local parent = M.current()
	pool.count = pool.count + 1
	local task = setmetatable({ co = coroutine.create(fn), pool = pool, parent = parent, number = pool.count,
		deadline_ns = parent.deadline_ns, guard = parent.guard, run = parent.run, answer = table.pack(...) }, Task)
	table.insert(pool.ready, task)
	pool.tasks[task] = true
	return task
end

local function begin_waiting(task, request)
	local pool = task.pool
	pool.waiting[task], pool.nwaiting = request, pool.nwaiting + 1
end

local function end_waiting(task)
	local pool = task.pool
	if pool.waiting[task] then pool.waiting[task], pool.nwaiting = nil, pool.nwaiting - 1 end
end

local function make_ready(task, ...)
	end_waiting(task)
	task.answer = table.pack(...)
	table.insert(task.pool.ready, task)
end

local function finish(task, got, trace)
	task.done, task.got, task.trace = true, got, trace
	if got[1] then task.pool.tasks[task] = nil end
	for other, request in pairs(task.pool.waiting) do
		if request.task == task then make_ready(other, true, "ready") end
	end
end

local function fail(task, err)
	local trace = traceback(task.co)
	coroutine.close(task.co)
	finish(task, { false, err, n = 2 }, trace)
end

local function take(task, request)
	if getmetatable(request) ~= Request then return fail(task, M.foreign_yield) end
	if request.kind == "call" then
		return make_ready(task,
			pcall(serve_call, request.client, request.op, request.params, request.opts, task.deadline_ns))
	end
	if request.task and request.task.done then return make_ready(task, true, "ready") end
	begin_waiting(task, request)
end

local function go_on(task)
	local outer = current
	current = task
	local got = table.pack(coroutine.resume(task.co, table.unpack(task.answer, 1, task.answer.n)))
	current = outer
	if not got[1] then
		fail(task, got[2])
	elseif coroutine.status(task.co) == "dead" then
		finish(task, got)
	else
		take(task, got[2])
	end
end

local function descends(task, from)
	repeat
		task = task.parent
		if task == from then return true end
	until not task
	return false
end

-- All that @task spawned, and what those spawned, the latest first.
local function spawned_by(task)
	local list = {}
	for other in pairs(task.pool.tasks) do
		if descends(other, task) then list[#list + 1] = other end
	end
	table.sort(list, function(a, b) return a.number > b.number end)
	return list
end

local function close(task)
	for i, ready in ipairs(task.pool.ready) do
		if ready == task then
			table.remove(task.pool.ready, i)
			break
		end
	end
	end_waiting(task)
	local ok, err = coroutine.close(task.co)
	task.cancelled = true
	finish(task, ok and { true, n = 1 } or { false, err, n = 2 })
end

-- Close the task and all that it spawned.
local function cancel(task)
	for _, other in ipairs(spawned_by(task)) do
		if not other.done then close(other) end
	end
	close(task)
end

-- Those whose time has come, or whose child is over, go on. The time of the next, and the children.
local function look_at_waiting(pool)
	local now, next_ns, due, children = clock.mono_ns(), never, {}, {}
	for task, request in pairs(pool.waiting) do
		if request.until_ns and request.until_ns <= now then
			due[#due + 1] = task
		elseif request.child and request.child:has_ended() then
			make_ready(task, true, "ready")
		else
			children[#children + 1] = request.child
			next_ns = math.min(next_ns, request.until_ns or never)
		end
	end
	table.sort(due, function(a, b)
		local at, bt = pool.waiting[a].until_ns, pool.waiting[b].until_ns
		return at < bt or at == bt and a.number < b.number
	end)
	for _, task in ipairs(due) do make_ready(task, true, "time") end
	return next_ns, children
end

-- Nothing is ready: wait outside. What breaks the wait off is the main task's error.
local function idle(pool, main)
	local next_ns, children = look_at_waiting(pool)
	if pool.ready[1] then return end
	if next_ns == never and #children == 0 then
		return make_ready(main, false, errors.new("E_STATE", "all tasks wait for each other"))
	end
	local ok, err = pcall(wait_outside, next_ns, children)
	if not ok then make_ready(main, false, err) end
end

local function take_turns(pool, main)
	while not main.done do
		if pool.nwaiting > 0 then look_at_waiting(pool) end
		local task = table.remove(pool.ready, 1)
		if task then go_on(task) else idle(pool, main) end
	end
end

-- What breaks off the taking of turns itself, such as the script's deadline, is the main task's error.
local function run_until_done(pool, main)
	local outer = current
	while true do
		local ok, err = pcall(take_turns, pool, main)
		if ok then return end
		current = outer
		if coroutine.status(main.co) ~= "suspended" then return finish(main, { false, err, n = 2 }) end
		for i = #pool.ready, 1, -1 do
			if pool.ready[i] == main then table.remove(pool.ready, i) end
		end
		make_ready(main, false, err)
	end
end

--- End what @task has spawned and is not done. What failed without anybody waiting for it: a list
--- of {err, trace}, the first first.
function M.end_spawned(task)
	local failed = {}
	for _, other in ipairs(spawned_by(task)) do
		if not other.done then close(other) end
		task.pool.tasks[other] = nil
		if not other.got[1] and not other.waited then
			table.insert(failed, 1, { err = other.got[2], trace = other.trace })
		end
	end
	return failed
end

--- Run fn(...) as a task to its end: true and its results, or false, the error, the traceback. Tasks
--- it spawned end with it; one of them that failed, unnoticed, is an error, too.
function M.run(fn, ...)
	local pool = { ready = {}, waiting = {}, nwaiting = 0, tasks = {}, count = 0 }
	local main = new_task(pool, fn, ...)
	run_until_done(pool, main)
	local failed = M.end_spawned(main)[1]
	if not main.got[1] then return false, main.got[2], main.trace end
	if failed then return false, failed.err, failed.trace end
	return table.unpack(main.got, 1, main.got.n)
end

--- Run fn(...) as a task beside this one.
function M.spawn(fn, ...)
	if type(fn) ~= "function" then errors.raise("E_ARG", "spawn takes a function, not a %s", type(fn)) end
	if not current then
		errors.raise("E_STATE", "spawn: nothing runs tasks here; put it into ksnap.run(function() ... end)")
	end
	return new_task(current.pool, fn, ...)
end

local function results_of(task)
	task.waited = true
	task.pool.tasks[task] = nil
	if task.cancelled then return nil, errors.new("E_STATE", "the task was cancelled") end
	if not task.got[1] then error(task.got[2], 0) end
	return table.unpack(task.got, 2, task.got.n)
end

--- Wait for a task's end, at most until then when a time is given: its results, or its error, raised; nil and an error
--- when the time was too short.
function Task:wait_until(until_ns)
	if self == current then errors.raise("E_STATE", "a task cannot wait for itself") end
	if not self.done then M.wait { task = self, until_ns = until_ns } end
	if not self.done then return nil, errors.new("E_TIMEOUT", "the task is not done yet") end
	return results_of(self)
end

--- The same for at most a duration.
function Task:wait(time)
	return self:wait_until(time and clock.mono_ns() + duration(time, "wait"))
end

--- End a task; its to-be-closed variables are closed.
function Task:cancel()
	if self == current then errors.raise("E_STATE", "a task cannot cancel itself; it can return") end
	if self.done then return end
	if coroutine.status(self.co) ~= "suspended" then
		errors.raise("E_STATE", "this task waits for the one that would cancel it")
	end
	cancel(self)
end

--- Run fn(...) for at most so long: its results; nil and an error when it was cut short.
function M.with_deadline(until_ns, fn, ...)
	if not current then
		local got = table.pack(M.run(function(...) return M.with_deadline(until_ns, fn, ...) end, ...))
		if not got[1] then error(got[2], 0) end
		return table.unpack(got, 2, got.n)
	end
	local task = M.spawn(fn, ...)
	task.deadline_ns = math.min(until_ns, task.deadline_ns or until_ns)
	if M.wait { task = task, until_ns = task.deadline_ns } == "time" and not task.done then
		cancel(task)
		task.waited = true
		return nil, errors.new("E_TIMEOUT", "it was not done in time")
	end
	return results_of(task)
end

return M
