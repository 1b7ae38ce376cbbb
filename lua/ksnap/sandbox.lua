-- SPDX-License-Identifier: MIT
-- The world of a script that is not trusted: tables of its own, so that what it changes there is
-- its own, too. ksnap's code keeps the real ones.
local engine = require "ksnap.engine"
local errors = require "ksnap.error"
local limits = require "ksnap.limits"
local outlet = require "ksnap.outlet"

local M = {}

local base = { "error", "ipairs", "next", "pairs", "pcall", "rawequal", "rawget", "rawlen", "rawset", "select",
	"tonumber", "tostring", "type", "_VERSION" }
local whole = { "coroutine", "math", "string", "table", "utf8" }
local gone = { io = true, os = true, debug = true, package = true, dofile = true, loadfile = true, warn = true,
	loadstring = true, ffi = true }

local open = io.open

local function copy(t, without)
	local c = {}
	for name, value in pairs(t) do
		if name ~= without then c[name] = value end
	end
	return c
end

-- ---- what is narrower than Lua's own --------------------------------------------------------------

-- A finalizer runs where no deadline reaches.
local function set_metatable(t, mt)
	if type(mt) == "table" and rawget(mt, "__gc") ~= nil then
		error("__gc is not there in the sandbox; use __close and a <close> variable, or --unsafe-libs", 2)
	end
	return setmetatable(t, mt)
end

local function get_metatable(value)
	if type(value) == "userdata" then return false end
	return getmetatable(value)
end

local function collect(option)
	option = option or "collect"
	if option ~= "collect" and option ~= "count" then
		error(("collectgarbage %q is not there in the sandbox: count and collect are"):format(tostring(option)), 2)
	end
	return collectgarbage(option)
end

-- A hook that raises calls the handler with hooks off: one that loops would do so for ever.
local function protected_call(fn, handler, ...)
	if type(handler) ~= "function" then error("xpcall takes a function and a handler", 2) end
	return xpcall(fn, function(err)
		if limits.over() then return err end
		return handler(err)
	end, ...)
end

-- A task that yielded by itself could not be told that it must not: so it is told before.
local function yield(...)
	if engine.is_in_task() then error(engine.foreign_yield, 2) end
	return coroutine.yield(...)
end

-- Names that begin with "=" are ksnap's.
local function chunk_name(name)
	return type(name) == "string" and name:gsub("^=", "@", 1) or name
end

local function load_into(env)
	return function(chunk, name, mode, ...)
		if mode ~= nil and mode ~= "t" and mode ~= "bt" then
			return nil, "compiled Lua is not accepted, only text"
		end
		local in_env = env
		if select("#", ...) > 0 then in_env = (...) end
		return load(chunk, chunk_name(name or type(chunk) == "string" and chunk or "@load"), "t", in_env)
	end
end

-- Text files beside the script, by names such as "lib.tables".
local function require_into(env, folder)
	local loaded = { ksnap = require "ksnap" }
	return function(name)
		if type(name) ~= "string" or not name:find "^[%w_][%w_%-]*" or name:find "[^%w_%-%.]" or name:find "%.%." then
			error(("require %q: a module's name is made of letters, digits, _ and -, with dots for folders")
				:format(tostring(name)), 2)
		end
		if loaded[name] ~= nil then return loaded[name] end
		local path = folder .. "/" .. name:gsub("%.", "/") .. ".lua"
		local file = open(path, "rb")
		if not file then error(("there is no module %q: no file %s"):format(name, path), 2) end
		local text = file:read "a"
		file:close()
		local chunk, why = load(text or "", "@" .. path, "t", env)
		if not chunk then error(why, 0) end
		local result = chunk(name, path)
		loaded[name] = result == nil and true or result
		return loaded[name]
	end
end

-- ---- globals ---------------------------------------------------------------------------------------

--- What to say of a global that is not among the names of a table.
function M.undeclared(name, known)
	if gone[name] then return ("%s is not there in the sandbox; --unsafe-libs opens it"):format(name) end
	local hint = errors.near(name, errors.names(known))
	return ("there is no global %q%s"):format(tostring(name), hint:find "^did you" and "; " .. hint or "")
end

local function undeclared(env, name)
	error(M.undeclared(name, env), 2)
end

local function undeclared_write(_, name)
	error(("%q would be a new global; write: local %s"):format(tostring(name), tostring(name)), 2)
end

--- An environment for the script in folder; args is its `arg`.
function M.new(folder, args)
	local env = { arg = args, print = outlet.print, assert = errors.assert, setmetatable = set_metatable,
		getmetatable = get_metatable, collectgarbage = collect, xpcall = protected_call }
	for _, name in ipairs(base) do env[name] = _G[name] end
	for _, name in ipairs(whole) do env[name] = copy(_G[name]) end
	env.coroutine.yield = yield
	env.string = copy(string, "dump")
	env.os = { time = os.time, date = os.date, clock = os.clock }
	env.debug = { traceback = debug.traceback }
	env._G = env
	env.load = load_into(env)
	env.require = require_into(env, folder)
	return setmetatable(env, { __index = undeclared, __newindex = undeclared_write, __metatable = false })
end

--- What all strings share; to be called once, before any script runs.
function M.protect_strings()
	string.dump = nil
	getmetatable("").__metatable = false
end

return M
