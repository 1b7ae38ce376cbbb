-- SPDX-License-Identifier: MIT
-- The one place that waits. Scripts run as coroutines and yield requests, which M.run has answered.
-- Outside such a coroutine (plain lua5.4, a sort's comparator) a request is served on the spot.
local clock = require "ksnap.clock"

local traceback = debug.traceback

local M = {}
local tasks = setmetatable({}, { __mode = "k" }) -- coroutines made by M.run
local Request = {}

local clients = setmetatable({}, { __mode = "k" }) -- kept alive during sleeps -> their heartbeat in ns

local servers = {}

function servers.call(r)
	return r.client:call(r.op, r.params, r.opts)
end

-- A session that owns something and is silent for five heartbeats loses it.
function servers.sleep(r)
	while true do
		local slice_end = r.until_ns
		for _, heartbeat_ns in pairs(clients) do
			slice_end = math.min(slice_end, clock.mono_ns() + heartbeat_ns)
		end
		clock.wait_until(slice_end)
		if slice_end >= r.until_ns then return end
		for client in pairs(clients) do client:call("ping") end
	end
end

--- Ping this client's broker during sleeps, until forget.
function M.keep_alive(client)
	clients[client] = math.max(client:heartbeat_ms(), 1) * 1000000
end

function M.forget(client)
	clients[client] = nil
end

local foreign_yield = "a script yields through ksnap's own calls, not by coroutine.yield"

local function resumed(ok, ...)
	if not ok then error((...), 0) end
	return ...
end

--- Have a request answered: {kind = "call", client, op, params, opts} or {kind = "sleep", until_ns}.
function M.perform(request)
	if tasks[coroutine.running()] and coroutine.isyieldable() then
		return resumed(coroutine.yield(setmetatable(request, Request)))
	end
	return servers[request.kind](request)
end

--- Run fn(...) as a task to its end: true and its results, or false, the error, the traceback.
function M.run(fn, ...)
	local task = coroutine.create(fn)
	tasks[task] = true
	local got = table.pack(coroutine.resume(task, ...))
	while got[1] and coroutine.status(task) == "suspended" do
		local request = got[2]
		if getmetatable(request) ~= Request then
			got = { false, foreign_yield }
		else
			got = table.pack(coroutine.resume(task, pcall(servers[request.kind], request)))
		end
	end
	if got[1] then return table.unpack(got, 1, got.n) end
	local trace = traceback(task)
	coroutine.close(task)
	return false, got[2], trace
end

--- Sleep until the monotonic clock shows until_ns.
function M.sleep_until(until_ns)
	M.perform { kind = "sleep", until_ns = until_ns }
end

return M
