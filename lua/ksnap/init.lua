-- SPDX-License-Identifier: MIT
-- What `require "ksnap"` gives.
local clock = require "ksnap.clock"
local bridge = require "ksnap.bridge"
local duration = require "ksnap.duration"
local engine = require "ksnap.engine"
local errors = require "ksnap.error"
local ops = require "ksnap.ops"
local reading = require "ksnap.reading"
local scenario = require "ksnap.scenario"

local ksnap = {
	op = ops.constructors,      -- ksnap.op.capture_snapshot "t0": an op as a value, for steps
	scenario = scenario.new,    -- ksnap.scenario { name = ..., step { ... }, check = function(run) end }
	step = scenario.step,
	loop = scenario.loop,
	assert = errors.assert,     -- assert with file:line and formats
	connect = bridge.connect,   -- ksnap.connect([url [, opts]]) -> bridge | nil, err
	active = bridge.active,     -- the bridge that bridge:enter() made current, or nil
	issue = bridge.issue,       -- issue an op on the active bridge
	is_error = errors.is,
	null = require "ksnap.msgpack".null, -- a nil within a list
	now = clock.now,            -- monotonic seconds
}

--- Sleep for a duration: "200ms", "1s", or seconds.
function ksnap.sleep(time)
	engine.sleep_until(clock.mono_ns() + duration(time, "sleep"))
end

--- An unsigned 64-bit number as hex; Lua shows those above 2^63 as negative.
function ksnap.hex(n)
	return ("0x%x"):format(n)
end

--- Open a report that is at hand as bytes, such as a file's.
function ksnap.open(bytes)
	return reading.open(bytes)
end

return ksnap
