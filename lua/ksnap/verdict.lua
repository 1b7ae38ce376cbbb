-- SPDX-License-Identifier: MIT
-- What a pattern says of a series: pass, inconclusive or fail, with a detail for each thing that
-- made it so, and notes for what was not looked at.
local errors = require "ksnap.error"

local M = {}

local rank = { pass = 0, inconclusive = 1, fail = 2 }
local shown = 16 -- details in a message; the verdict has all of them

local Verdict = { __name = "ksnap.verdict" }
Verdict.__index = Verdict

function M.new(label, pattern)
	return setmetatable({ label = label, pattern = pattern, level = "pass", details = {}, notes = {},
		where = errors.where() }, Verdict)
end

function M.is(value)
	return getmetatable(value) == Verdict
end

local function lower_to(self, level, fmt, ...)
	if rank[level] > rank[self.level] then self.level = level end
	self.details[#self.details + 1] = { level = level, text = fmt:format(...) }
end

function Verdict:fail(...)
	lower_to(self, "fail", ...)
end

--- Something that neither holds nor fails, such as a share of nothing.
function Verdict:doubt(...)
	lower_to(self, "inconclusive", ...)
end

function Verdict:note(fmt, ...)
	self.notes[#self.notes + 1] = fmt:format(...)
end

function Verdict:passed()
	return self.level == "pass"
end

--- The details that count as much as the verdict itself; the first of them when there are many.
function Verdict:reasons()
	local list, more = {}, 0
	for _, detail in ipairs(self.details) do
		if detail.level ~= self.level then goto next end
		if #list < shown then list[#list + 1] = detail.text else more = more + 1 end
		::next::
	end
	if more > 0 then list[#list + 1] = ("and %d more"):format(more) end
	return list
end

function Verdict:__tostring()
	local text = ("%s: %s: %s"):format(self.label, self.pattern, self.level)
	local why = self:passed() and self.notes or self:reasons()
	return #why > 0 and text .. ": " .. table.concat(why, "; ") or text
end

return M
