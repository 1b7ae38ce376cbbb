-- SPDX-License-Identifier: MIT
-- What a run says: one TAP line a scenario, a YAML block behind a failed one.
local errors = require "ksnap.error"

local limits = require "ksnap.limits"

local M = {}

local out = io.stdout

local function byte_escape(c)
	return ("\\x%02x"):format(c:byte())
end

-- Whatever a script prints, the stream stays text: UTF-8 without control characters.
local function text_of(bytes)
	bytes = bytes:gsub("[%c\127]", function(c) return c ~= "\t" and byte_escape(c) or nil end)
	if utf8.len(bytes) then return bytes end
	return (bytes:gsub("[\128-\255]", byte_escape))
end

local function write(line)
	out:write(text_of(line), "\n")
end

-- Descriptions must not hold what TAP gives a meaning.
local function description(text)
	return (text:gsub("[\n\r]", " "):gsub("[#\\]", "\\%0"))
end

local function yaml_string(text)
	text = text:gsub('[%c"\\]', function(c)
		local short = { ["\n"] = "\\n", ["\t"] = "\\t", ['"'] = '\\"', ["\\"] = "\\\\" }
		return short[c] or ("\\x%02x"):format(c:byte())
	end)
	return '"' .. text .. '"'
end

local function yaml_block(key, text)
	write(("  %s: |"):format(key))
	for line in text:gmatch "[^\n]+" do write("    " .. line:gsub("\t", "  ")) end
end

-- Split "file:line: text" as Lua itself words its errors.
local function split_where(text)
	local where, rest = text:match "^([^\n]-:%d+): (.*)$"
	return where, rest or text
end

-- An error may be anything, a table whose __tostring fails as well.
local function words_of(err)
	local ok, text = pcall(tostring, err)
	if not ok then
		return ("an error of type %s that fails to say what it is: %s"):format(type(err),
			type(text) == "string" and text or type(text))
	end
	if text == "not enough memory" then
		local most = limits.memory()
		if most then text = ("%s: the limit is %d MiB; --memory MIB changes it"):format(text, most >> 20) end
	end
	return text
end

--- The parts of an error value: message, file:line or nil, code or nil.
function M.explain(err)
	if errors.is(err) then
		return (err.op and err.op .. ": " or "") .. err.msg, err.where, err.code
	end
	if errors.is_assertion(err) then return err.msg, err.where end
	local where, text = split_where(words_of(err))
	return text, where
end

local function diagnostic(failure)
	local message, where, code = M.explain(failure.err)
	write("  ---")
	write("  message: " .. yaml_string(message))
	if where then write("  at: " .. yaml_string(where)) end
	if code then write("  code: " .. code) end
	if failure.phase then write("  phase: " .. yaml_string(failure.phase)) end
	if failure.details then
		write "  details:"
		for _, text in ipairs(failure.details) do write("    - " .. yaml_string(text)) end
	end
	if failure.trace then yaml_block("traceback", failure.trace) end
	write("  ...")
end

--- One result line, and why when it failed.
function M.result(number, name, failures)
	write(("%s %d - %s"):format(#failures == 0 and "ok" or "not ok", number, description(name)))
	for _, failure in ipairs(failures) do diagnostic(failure) end
	out:flush()
end

--- print within a run: a comment, so that the stream stays TAP.
function M.print(...)
	local parts = table.pack(...)
	for i = 1, parts.n do parts[i] = tostring(parts[i]) end
	for line in (table.concat(parts, "\t") .. "\n"):gmatch "([^\n]*)\n" do write("# " .. line) end
	out:flush()
end

return M
