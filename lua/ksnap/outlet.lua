-- SPDX-License-Identifier: MIT
-- What a running script has to tell, as records for the ledger: {k = "print", text}, {k = "step", ...},
-- {k = "point", ...}, {k = "result", ...}. Where they go is the host's affair.
local clock = require "ksnap.clock"
local limits = require "ksnap.limits"
local errors = require "ksnap.error"

local M = {}

local line_max <const> = 8192 -- bytes of one line; longer ones are cut and say so
local failures_max <const> = 4 << 20 -- bytes of all failures of a scenario

--- Where records go; set by the host.
function M.send(_) end

local function byte_escape(c)
	return ("\\x%02x"):format(c:byte())
end

--- Whatever a script says, it becomes text: UTF-8 without control characters but tabs.
function M.text_of(bytes)
	bytes = bytes:gsub("[%c\127]", function(c) return c ~= "\t" and byte_escape(c) or nil end)
	if utf8.len(bytes) then return bytes end
	return (bytes:gsub("[\128-\255]", byte_escape))
end

local function send_line(line)
	local cut = ""
	if #line > line_max then
		cut = (" ... and %d bytes more"):format(#line - line_max)
		line = line:sub(1, line_max)
	end
	M.send { k = "print", text = M.text_of(line) .. cut }
end

--- print within a run, one record a line.
function M.print(...)
	local parts = table.pack(...)
	for i = 1, parts.n do parts[i] = tostring(parts[i]) end
	for line in (table.concat(parts, "\t") .. "\n"):gmatch "([^\n]*)\n" do send_line(line) end
end

-- ---- steps -------------------------------------------------------------------------------------------

local function planned_ns(step)
	local loop = step.every_ns and step or type(step.hold) == "table" and step.hold or nil
	if loop then return loop.times and loop.times * loop.every_ns or 0 end
	return step.hold_ns or 0
end

local plans = setmetatable({}, { __mode = "k" }) -- run -> what its steps from i on take, for each i

local function plan_of(run)
	if not plans[run] then
		local steps, left, plan = run.scenario.steps, 0, {}
		for i = #steps, 1, -1 do
			left = left + planned_ns(steps[i])
			plan[i] = left
		end
		plans[run] = plan
	end
	return plans[run]
end

--- Step i of a run begins; how long the rest will take is known as far as it was declared.
function M.step(run, i)
	local scenario = run.scenario
	local left = plan_of(run)[i]
	if scenario.duration_ns then
		left = math.max(left, run.begun_ns + scenario.duration_ns - clock.mono_ns())
	end
	M.send { k = "step", i = i, n = #scenario.steps, scenario = scenario.name, name = scenario.steps[i].name,
		left_ms = left // 1000000 }
end

--- The scenario of a script begins.
function M.begin(scenario)
	M.send { k = "begin", scenario = scenario.name }
end

local point_size <const> = 64 -- bytes beside the name
local points_max <const> = 256 << 10 -- bytes of the points of one inner scenario

local Points = {}
Points.__index = Points

--- A list of points, as much as is told of them.
function M.new_points()
	return setmetatable({ list = {}, size = 0, more = 0, more_ok = true }, Points)
end

--- Keep a point, or count it.
function Points:add(point)
	if self.more == 0 and self.size + point.size <= points_max then
		self.list[#self.list + 1], self.size = point, self.size + point.size
	else
		self.more, self.more_ok = self.more + 1, self.more_ok and point.ok
	end
end

--- A part of a scenario that is over, or a pattern that was looked at: whether it went well, and in how many ms. inner:
--- the points of a scenario that it was.
function M.new_point(name, ok, ms, inner)
	if #name > line_max then name = name:sub(1, line_max) .. "..." end
	local point = { name = M.text_of(name), ok = ok, ms = ms }
	point.size = #point.name + point_size
	if inner then
		if inner.more > 0 then
			inner.list[#inner.list + 1] = { name = ("... and %d more"):format(inner.more), ok = inner.more_ok }
		end
		if #inner.list > 0 then point.points, point.size = inner.list, point.size + inner.size end
	end
	return point
end

--- Tell it.
function M.point(point)
	point.k = "point"
	M.send(point)
end

--- Tell of a scenario that ran in straight-line code: a point of the script.
function M.script_point(point)
	if not M.script then return end
	if not M.script_begun then M.send { k = "begin", scenario = M.script } end
	M.script_begun = true
	M.point(point)
end

-- ---- results -----------------------------------------------------------------------------------------

-- An error may be anything, a table whose __tostring fails as well.
local function words_of(err)
	local ok, text = pcall(tostring, err)
	if not ok then
		return ("an error of type %s that fails to say what it is: %s"):format(type(err),
			type(text) == "string" and text or type(text)), true
	end
	if err == nil then return "an error that says nothing: it is nil", true end
	if text == "not enough memory" then
		local most = limits.memory()
		if most then text = ("%s: the limit is %d MiB; --memory MIB changes it"):format(text, most >> 20) end
	end
	return text
end

-- Split "file:line: text" as Lua itself words its errors.
local function split_where(text)
	local where, rest = text:match "^([^\n]-:%d+): (.*)$"
	return where, rest or text
end

--- The parts of an error value: message, file:line or nil, code or nil.
function M.explain(err)
	if errors.is(err) then
		return (err.op and err.op .. ": " or "") .. err.msg, err.where, err.code
	end
	if errors.is_assertion(err) then return err.msg, err.where end
	local words, is_ours = words_of(err)
	if is_ours then return words end
	local where, text = split_where(words)
	return text, where
end

-- A frame of ksnap's own, or one that only calls on: it says nothing of the script.
local function is_ours(frame)
	local chunk = frame:match "^%s*(ksnap[%w_.]*):%d+:"
	if chunk then return not chunk:find "%.lua$" end
	local called = frame:match "^%s*%[C%]: in function '([^']*)'"
	return called and (called:find "^ksnap%." or called:find "^x?pcall$" or called == "error")
end

-- What a traceback says of the script; nil when that is nothing. All of it when the fault is ours.
local function trace_of(trace, where)
	if not trace or where and where:find "^ksnap[%w_.]*:" and not where:find "%.lua:" then return trace end
	local kept = {}
	for frame in trace:gmatch "[^\n]+" do
		if not is_ours(frame) then kept[#kept + 1] = frame end
	end
	return #kept > 1 and table.concat(kept, "\n") or nil
end

local function plain_failure(failure)
	local message, where, code = M.explain(failure.err)
	return { message = message, at = where, code = code, phase = failure.phase,
		details = failure.details, traceback = trace_of(failure.trace, where) }
end

local function cut(text)
	if #text <= line_max then return text end
	return ("%s ... and %d bytes more"):format(text:sub(1, line_max), #text - line_max)
end

-- As many of the texts as there is room for, and how many more there were.
local function cut_list(texts, room)
	local list = {}
	for i, text in ipairs(texts) do
		if room <= 0 then
			list[i] = ("... and %d more"):format(#texts - i + 1)
			break
		end
		list[i] = cut(text)
		room = room - #list[i]
	end
	return list, room
end

--- Failures without their errors: what there is to tell of them, within bounds that are told, too.
function M.plain(failures)
	local list, room = {}, failures_max
	for i, failure in ipairs(failures) do
		if room <= 0 then
			list[i] = { message = ("... and %d failures more"):format(#failures - i + 1) }
			break
		end
		local plain = plain_failure(failure)
		plain.message = cut(plain.message)
		plain.traceback = plain.traceback and cut(plain.traceback)
		room = room - #plain.message - #(plain.traceback or "") - 64 -- for the keys
		if plain.details then plain.details, room = cut_list(plain.details, room) end
		list[i] = plain
	end
	return list
end

return M
