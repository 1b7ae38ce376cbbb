-- SPDX-License-Identifier: MIT
-- The Lua half of host.c: load one script, run what it returns, tell how it went.
local bridge = require "ksnap.bridge"
local clock = require "ksnap.clock"
local engine = require "ksnap.engine"
local errors = require "ksnap.error"
local files = require "ksnap.files"
local limits = require "ksnap.limits"
local msgpack = require "ksnap.msgpack"
local outlet = require "ksnap.outlet"
local script_options = require "ksnap.options"
local sandbox = require "ksnap.sandbox"
local scenario = require "ksnap.scenario"
local tap = require "ksnap.tap"

local exit = { ok = 0, failed = 1, script = 2, loss = 3, unreachable = 5, deadline = 124 }

local open, stdout, stderr, traceback = io.open, io.stdout, io.stderr, debug.traceback

-- The script's globals: the sandbox, or everything that this Lua has.
local function globals_for(options)
	if not options.unsafe then
		sandbox.protect_strings()
		return sandbox.new(options.folder, options.args)
	end
	arg, print, assert = options.args, outlet.print, errors.assert -- luacheck: ignore
	package.path = options.folder .. "/?.lua;" .. package.path -- luacheck: ignore
	return _G
end

-- Lua shortens long chunk names; the file's own name is of more use than half a path.
local function chunk_name(path)
	return "@" .. (#path < 58 and path or path:match "[^/]*$")
end

-- In reach of a to-be-closed variable `return ksnap.scenario { ... }` is no tail call, so that the
-- script's frame is still there to take an error's line from.
local prologue = "local _ <close> = nil; "

local function load_script(path, env)
	local file, why = open(path, "rb")
	if not file then return nil, "cannot open " .. why end
	local text, read_error = file:read "a"
	file:close()
	if not text then return nil, "cannot read " .. path .. ": " .. tostring(read_error) end
	if text:sub(1, 1) == "\27" then return nil, path .. ": compiled Lua is not accepted, only text" end
	return load(prologue .. text:gsub("^#[^\n]*", "", 1), chunk_name(path), "t", env)
end

-- ---- running -----------------------------------------------------------------------------------------

-- Run in a task; all it could not handle itself becomes one failure. The call is protected within the
-- task, for what is closed behind an error is under the deadline only there.
local function guarded(fn, ...)
	local failure
	local function catch(err)
		failure = { err = err, trace = traceback(nil, 2) }
		return err
	end
	local ran, good, result = engine.run(function(...) return xpcall(fn, catch, ...) end, ...)
	if not ran then return nil, { { err = good, trace = result } } end
	if good then return result, {} end
	return nil, { failure and failure.err == result and failure or { err = result } }
end

local function run_scenario(s)
	local handle, err = bridge.connect()
	if not handle then return { { err = err } } end
	local failures, unhandled = guarded(scenario.run, s, handle, true)
	if not failures then -- its task was ended before its teardown
		failures = unhandled
		for _, why in ipairs(handle:release()) do failures[#failures + 1] = { err = why, phase = "teardown" } end
	end
	handle:close()
	return failures
end

-- As the shell matches names; what has no star is looked for anywhere.
local function matches(name, glob)
	if not glob:find "[*?]" then return name:find(glob, 1, true) ~= nil end
	local pattern = glob:gsub("[%^%$%(%)%%%.%[%]%+%-]", "%%%0"):gsub("%*", ".*"):gsub("%?", ".")
	return name:find("^" .. pattern .. "$") ~= nil
end

local filtered = setmetatable({}, { __name = "ksnap.filtered", __metatable = false })


local function run_chunk(path, chunk, options)
	local wanted = not options.filter or matches(path, options.filter)
	if not wanted then bridge.defaults.refused = filtered end
	local result, failures = guarded(chunk, table.unpack(options.args))
	local err = failures[1] and failures[1].err
	if err == filtered then return { name = path, failures = {}, skip = "its file does not match --filter" } end
	if err == script_options.help_asked then return { name = path, failures = {}, skip = "--help" } end
	if err ~= nil or #failures > 0 then return { name = path, failures = failures } end
	if result ~= nil and not scenario.is(result) then
		return { name = path, failures = { { err = path
			.. ":1: a script returns ksnap.scenario { ... }, or nothing; this one returned a " .. type(result) } } }
	end
	if result == nil then return { name = path, failures = {} } end
	if not wanted and not matches(result.name, options.filter) then
		return { name = result.name, failures = {}, skip = "it does not match --filter" }
	end
	bridge.defaults.refused = nil
	return { name = result.name, failures = run_scenario(result) }
end

local function run_script(path, options)
	local chunk, why = load_script(path, globals_for(options))
	if not chunk then return { name = path, failures = { { err = why } } } end
	return run_chunk(path, chunk, options)
end

-- ---- losses ------------------------------------------------------------------------------------------

-- What came for somebody who was not there any more is nobody's loss, and a connection on which nothing came is not.
-- Nor is what the broker remembers of its clients.
local no_loss = {
	reply_gone = true, late_result = true, late_hit = true, connection_unheard = true,
	session_forgotten = true, answers_forgotten = true, routing_id = true,
}

-- How much the broker has let go: events of the bridge, and what its bounded queues dropped.
local function count_lost(name)
	local handle = bridge.connect()
	if not handle then return 0 end
	local status = handle:status()
	handle:close()
	local lost = 0
	for _, row in ipairs(status and status.dropped or {}) do
		if not no_loss[row.what] then lost = lost + row.n end
	end
	for _, row in ipairs(status and status.bridges or {}) do
		if row.name == (name or "default") then lost = lost + row.events_dropped end
	end
	return lost
end

-- ---- the verdict -------------------------------------------------------------------------------------

-- Wrong use of ksnap, as against what a check or the outside world says.
local wrong_use = { E_ARG = true, E_OP = true, E_STATE = true, E_PROTO = true }

local function exit_code(failures)
	local code = exit.ok
	if limits.ended() == "deadline" then return exit.deadline end
	for _, failure in ipairs(failures) do
		local err = failure.err
		local ours = errors.is(err)
		if ours and err.code == "E_UNREACHABLE" then
			code = exit.unreachable
		elseif errors.is_assertion(err) or ours and (err.op or not wrong_use[err.code]) then
			code = math.max(code, exit.failed)
		else
			code = math.max(code, exit.script)
		end
	end
	return code
end

local function say(path, failures)
	for _, failure in ipairs(failures) do
		stderr:write(("ksnap: %s: %s\n"):format(failure.at or path, outlet.text_of(failure.message)))
	end
end

-- Without a ledger in another process, what there is to tell goes to stdout at once.
local function tell_here(options)
	return function(record)
		if record.k == "print" then stdout:write(tap.comment(record.text)) end
		if record.k == "result" then stdout:write(tap.result(options.number, record)) end
		stdout:flush()
	end
end

local function run_counted(path, options)
	local before = options.count_losses and count_lost(options.bridge)
	local result = run_script(path, options)
	limits.enter "teardown"
	limits.enter "release"
	for _, err in ipairs(bridge.release_all()) do
		result.failures[#result.failures + 1] = { err = err, phase = "teardown" }
	end
	bridge.defaults.refused = nil
	if before and not result.skip then result.lost = count_lost(options.bridge) - before end
	return result
end

--- Run the script at path; gives the exit code.
return function(path, options)
	bridge.defaults = { endpoint = options.endpoint, bridge = options.bridge, name = "ksnap run" }
	files.script_dir, files.program_dir = options.folder, options.program_dir
	script_options.args = options.args
	outlet.send = options.tell and function(record) options.tell(msgpack.encode(record)) end or tell_here(options)
	if options.seed then math.randomseed(options.seed) end
	outlet.script = path
	local started = clock.now()
	local result = run_counted(path, options)
	local failures = outlet.plain(result.failures)
	local code = exit_code(result.failures)
	if code == exit.ok and (result.lost or 0) > 0 then
		code = exit.loss
		failures[1] = { message = ("%d messages were lost"):format(result.lost) }
	end
	outlet.send { k = "result", name = result.name, skip = result.skip, failures = failures, code = code,
		lost = result.lost, seconds = clock.now() - started, memory_peak = select(2, limits.memory()) }
	if code >= exit.script then say(path, failures) end
	return code
end
