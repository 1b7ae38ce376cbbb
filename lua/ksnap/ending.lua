-- SPDX-License-Identifier: MIT
-- How a scenario comes to its end in the time there is: parts of the teardown, as limits.c times them, and what is
-- said of things that could not be undone.
local clock = require "ksnap.clock"
local errors = require "ksnap.error"
local limits = require "ksnap.limits"

local M = {}

local Part = {}

function Part:__close()
	limits.leave(self.name)
end

--- What follows is a "teardown", or within it a "release", until the variable is closed.
function M.enter(name)
	limits.enter(name)
	return setmetatable({ name = name }, Part)
end

--- Whether the time is counted: somebody asked for an end.
function M.is_near()
	return limits.ends_ns() ~= math.maxinteger
end

local margin_ns <const> = 10000000 -- a wait that ends before the time is up raises nothing

--- The monotonic time after so long, or when waiting ends, if that is sooner.
function M.at_most(ns)
	return math.min(clock.mono_ns() + ns, limits.ends_ns() - margin_ns)
end

-- A broker lets go of what a session owned; a worker of all that it holds when it ends, or has no broker any more.
local by_broker <const> = "; the broker undoes it, as this session ends: now if its worker answers, else when it does "
	.. "again, or ends"
local by_worker <const> = "; its worker undoes it, which has no broker any more"

local function left(what, why)
	local ours = errors.is(why)
	local code, text = ours and why.code or "E_TIMEOUT", ours and why.msg or tostring(why)
	local who = what.held and (code == "E_UNREACHABLE" and by_worker or by_broker) or ""
	return errors.new(code, ("%s: %s%s"):format(what.words, text, who))
end

--- Undo it: {words, fn, held}. Why it could not be undone; what is not there any more needs no undoing.
function M.undo(what)
	local ok, r, err = pcall(what.fn)
	if not ok then return left(what, r) end
	if r == nil and errors.is(err) and err.code ~= "E_NOTFOUND" then return left(what, err) end
end

return M
