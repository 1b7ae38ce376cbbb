-- SPDX-License-Identifier: MIT
-- What `ksnap repl` does with a line, and what may follow the begin of a word.
local bridge_module = require "ksnap.bridge"
local errors = require "ksnap.error"
local files = require "ksnap.files"
local ksnap = require "ksnap"
local limits = require "ksnap.limits"
local ops = require "ksnap.ops"
local show = require "ksnap.show"

local traceback = debug.traceback

local M = {}

local pending = "" -- lines of a chunk that is not at its end

-- ---- lines -------------------------------------------------------------------------------------------

local function shown(value)
	if not ops.is(value) then return show(value) end
	local result, err = bridge:issue(value) -- luacheck: ignore
	return show(result == nil and err or result)
end

local function say(...)
	local results = table.pack(...)
	for i = 1, results.n do results[i] = shown(results[i]) end
	if results.n > 0 then print(table.concat(results, "\t")) end
end

local function handler(err)
	if errors.is(err) then return tostring(err) end
	local text = tostring(err)
	return limits.over() and text or traceback(text, 2)
end

local function run(chunk)
	limits.renew()
	local ok, why = xpcall(function() say(chunk()) end, handler)
	local stopped = limits.ended()
	limits.renew()
	if not ok then io.stderr:write(stopped and "interrupted" or why:gsub("\n%s*%[C%]: in function 'xpcall'.*", ""), "\n") end
	io.stdout:flush()
end

local function compile(text)
	return load("return " .. text, "=stdin", "t") or load(text, "=stdin", "t")
end

--- Run a line, or keep it when it is the begin of a chunk: then true.
function M.line(text)
	pending = pending == "" and text or pending .. "\n" .. text
	if pending:find "^%s*$" then
		pending = ""
		return false
	end
	local chunk = compile(pending)
	if chunk then
		pending = ""
		run(chunk)
		return false
	end
	local _, why = load(pending, "=stdin", "t")
	if why and why:find "<eof>$" then return true end
	pending = ""
	io.stderr:write(why, "\n")
	return false
end

--- Forget the lines of a chunk that has not come to its end.
function M.forget()
	pending = ""
end

-- ---- completion --------------------------------------------------------------------------------------

local keywords = { "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "goto", "if", "in",
	"local", "nil", "not", "or", "repeat", "return", "then", "true", "until", "while" }

local function names_in(value)
	local names = {}
	if value == ops.constructors or value == bridge then -- luacheck: ignore
		for _, name in ipairs(ops.names()) do names[name] = true end
	end
	local mt = getmetatable(value)
	local index = type(mt) == "table" and rawget(mt, "__index")
	for _, t in ipairs { type(value) == "table" and value or {}, type(index) == "table" and index or {} } do
		for name in next, t do
			if type(name) == "string" and name:find "^%a[%w_]*$" then names[name] = true end
		end
	end
	return names
end

local function value_at(path)
	local value = _G
	for name in path:gmatch "[^.:]+" do
		local ok, member = pcall(function() return value[name] end)
		if not ok or member == nil then return nil end
		value = member
	end
	return value
end

local function candidates(path, word)
	local names = names_in(path == "" and _G or value_at(path))
	if path == "" then
		for _, name in ipairs(keywords) do names[name] = true end
	end
	local found = {}
	for name in pairs(names) do
		if name:sub(1, #word) == word then found[#found + 1] = name end
	end
	table.sort(found)
	return found
end

--- What may be added to text, which ends where the cursor is, and the names it could be.
function M.complete(text)
	local path, word = text:match "([%a_][%w_.:]*[.:])([%w_]*)$"
	if not path then path, word = "", text:match "([%a_][%w_]*)$" or "" end
	local found = candidates(path:gsub("[.:]$", ""), word)
	if #found == 0 then return "", "" end
	local common = found[1]
	for _, name in ipairs(found) do
		while name:sub(1, #common) ~= common do common = common:sub(1, -2) end
	end
	return common:sub(#word + 1), #found > 1 and table.concat(found, "  ") or ""
end

-- ---- begin -------------------------------------------------------------------------------------------

--- Connect, and set the names a line finds: nil, err when nobody answers.
function M.start(options)
	bridge_module.defaults = { endpoint = options.endpoint, bridge = options.bridge, timeout_ms = options.timeout_ms,
		name = "ksnap repl" }
	files.script_dir, files.program_dir = ".", options.program_dir
	local handle, err = bridge_module.connect()
	if not handle then return nil, err end
	_G.ksnap, _G.op, _G.step, _G.loop, _G.bridge = ksnap, ksnap.op, ksnap.step, ksnap.loop, handle
	_G.active = handle:enter()
	return true
end

--- Undo what was attached, armed and frozen.
function M.stop()
	for _, err in ipairs(bridge:release()) do io.stderr:write(tostring(err), "\n") end -- luacheck: ignore
	bridge:close() -- luacheck: ignore
end

return M
