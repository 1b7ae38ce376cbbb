-- SPDX-License-Identifier: MIT
-- Periodic captures: N of them, evenly within the middle four fifths of a scenario.
local clock = require "ksnap.clock"
local engine = require "ksnap.engine"
local errors = require "ksnap.error"
local ops = require "ksnap.ops"

local M = {}

local most <const> = 64
local least_gap_ns <const> = 100000000
local pause_ns <const> = 20000000     -- before a boundary that could not be served is tried again
local patience_ns <const> = 30000000000 -- then it is given up
local abandon_after <const> = 2       -- timeouts in a row

--- The tag of capture i, from 0.
function M.tag(i)
	return ("periodic_%03d"):format(i)
end

--- When to capture: nanoseconds from the begin. Nothing falls into the first or the last tenth.
function M.boundaries(n, duration_ns)
	local margin = duration_ns // 10
	local window = duration_ns - 2 * margin
	local list = {}
	if window < n + 1 then return list end
	for i = 1, n do list[i] = margin + i * window // (n + 1) end
	return list
end

local function seconds(ns)
	return ("%.6gs"):format(ns / 1e9)
end

--- Raise unless @n captures have their places in such a duration.
function M.check(what, n, duration_ns)
	if not math.tointeger(n) or n < 0 or n > most then
		errors.raise("E_ARG", "%s: periodic is a whole number from 0 to %d, not %s", what, most, n)
	end
	if n == 0 then return end
	if duration_ns == 0 then
		errors.raise("E_ARG", "%s: periodic captures need a duration: of the scenario, or holds of its steps", what)
	end
	local gap_ns = duration_ns * 8 // 10 // (n + 1)
	if gap_ns < least_gap_ns then
		errors.raise("E_ARG", "%s: %d periodic captures within %s are %.3g ms apart, at least 100 ms are needed: "
			.. "take at most %d, or make it last %s", what, n, seconds(duration_ns), gap_ns / 1e6,
			math.max(0, duration_ns * 8 // 10 // least_gap_ns - 1), seconds((n + 1) * least_gap_ns * 10 // 8))
	end
end

-- Capture until it is served; what is retried is waited for, not skipped.
local function serve_boundary(run, op)
	local give_up = clock.mono_ns() + patience_ns
	while true do
		local r, err = run.bridge:issue(op)
		if not (r == nil and errors.is(err)) then return true end
		if err.code == "E_UNREACHABLE" then error(err, 0) end
		if err.code == "E_TIMEOUT" or not err.retry or clock.mono_ns() > give_up then return false, err end
		engine.sleep_until(clock.mono_ns() + pause_ns)
	end
end

--- Take the run's periodic captures. Gives {target, fired, missing = tag -> error, abandoned}.
function M.capture(run, n, duration_ns)
	local state = { target = n, fired = 0, missing = {} }
	local timeouts = 0
	run.periodic = state
	for i, offset_ns in ipairs(M.boundaries(n, duration_ns)) do
		local tag = M.tag(i - 1)
		engine.sleep_until(run.begun_ns + offset_ns)
		local ok, err = serve_boundary(run, ops.build("capture_snapshot",
			{ tag = tag, boundary_ms = offset_ns // 1000000 }))
		state.fired = i
		state.missing[tag] = err
		timeouts = not ok and err.code == "E_TIMEOUT" and timeouts + 1 or 0
		if timeouts == abandon_after then
			state.abandoned = ("given up after %s: %d timeouts in a row: %s"):format(tag, timeouts, err.msg)
			break
		end
	end
	return state
end

return M
