-- SPDX-License-Identifier: MIT
-- The Lua half of host.c: load one script, run what it returns, tell how it went.
local bridge = require "ksnap.bridge"
local engine = require "ksnap.engine"
local errors = require "ksnap.error"
local files = require "ksnap.files"
local limits = require "ksnap.limits"
local sandbox = require "ksnap.sandbox"
local scenario = require "ksnap.scenario"
local tap = require "ksnap.tap"

local exit = { ok = 0, failed = 1, script = 2, unreachable = 5, deadline = 124 }

local open, stderr, traceback = io.open, io.stderr, debug.traceback

-- The script's globals: the sandbox, or everything that this Lua has.
local function globals_for(options)
	if not options.unsafe then
		sandbox.protect_strings()
		return sandbox.new(options.folder, options.args)
	end
	arg, print, assert = options.args, tap.print, errors.assert -- luacheck: ignore
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
		local message, where = tap.explain(failure.err)
		stderr:write(("ksnap: %s: %s\n"):format(where or path, message))
	end
end

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
	local failures, unhandled = guarded(scenario.run, s, handle)
	handle:close()
	return failures or unhandled
end

local function run_script(path, options)
	local chunk, why = load_script(path, globals_for(options))
	if not chunk then return path, { { err = why } } end
	local result, failures = guarded(chunk, table.unpack(options.args))
	if #failures > 0 then return path, failures end
	if scenario.is(result) then return result.name, run_scenario(result) end
	if result == nil then return path, {} end
	return path, { { err = path .. ":1: a script returns ksnap.scenario { ... }, or nothing; this one returned a "
		.. type(result) } }
end

--- Run the script at path; gives the exit code.
return function(path, options)
	bridge.defaults = { endpoint = options.endpoint, bridge = options.bridge, name = "ksnap run" }
	files.script_dir, files.program_dir = options.folder, options.program_dir
	local name, failures = run_script(path, options)
	limits.closing()
	tap.result(options.number, name, failures)
	local code = exit_code(failures)
	if code >= exit.script then say(path, failures) end
	return code
end
