-- SPDX-License-Identifier: MIT
-- What `require "ksnap"` gives.
local archive = require "ksnap.archive"
local clock = require "ksnap.clock"
local bridge = require "ksnap.bridge"
local duration = require "ksnap.duration"
local engine = require "ksnap.engine"
local errors = require "ksnap.error"
local files = require "ksnap.files"
local number = require "ksnap.number"
local ops = require "ksnap.ops"
local options = require "ksnap.options"
local reading = require "ksnap.reading"
local scenario = require "ksnap.scenario"
local series = require "ksnap.temporal"

local ksnap = {
	op = ops.constructors,      -- ksnap.op.capture_snapshot "t0": an op as a value, for steps
	scenario = scenario.new,    -- ksnap.scenario { name = ..., step { ... }, check = function(run) end }
	step = scenario.step,
	loop = scenario.loop,
	assert = errors.assert,     -- assert with file:line and formats
	options = options.declare,  -- ksnap.options { cpus = { default = 2, help = "..." } }: what is behind --
	connect = bridge.connect,   -- ksnap.connect([url [, opts]]) -> bridge | nil, err
	active = bridge.active,     -- the bridge that bridge:enter() made current, or nil
	issue = bridge.issue,       -- issue an op on the active bridge
	run = engine.run,           -- ksnap.run(fn): run tasks where no scenario does
	is_error = errors.is,
	null = require "ksnap.msgpack".null, -- a nil within a list
	now = clock.now,            -- monotonic seconds
}

--- Patterns over numbers that are at hand: samples {tag, value, elapsed_ms, step, err}. Within a scenario its run takes
--- what they say; elsewhere one that does not pass raises.
function ksnap.series(label, samples)
	local s, run = series.new(label, samples), engine.current().run
	return run and run:judges(s) or s
end

--- Sleep for a duration: "200ms", "1s", or seconds.
function ksnap.sleep(time)
	engine.sleep_until(clock.mono_ns() + duration(time, "sleep"))
end

--- Run fn(...) as a task beside this one: its results, or its error, by task:wait(); task:cancel().
ksnap.spawn = engine.spawn

--- Run fn(...) for at most so long: its results, or nil, err.
function ksnap.with_timeout(time, fn, ...)
	return engine.with_deadline(clock.mono_ns() + duration(time, "with_timeout"), fn, ...)
end

--- An unsigned 64-bit number as hex; Lua shows those above 2^63 as negative.
function ksnap.hex(n)
	return ("0x%x"):format(n)
end

--- The same in decimal digits.
function ksnap.unsigned(n)
	return number.text { value = n, unsigned = true }
end

--- snapshot:diff(other [, path]): what other has added, removed and changed; a list of tables
--- {change, what, path, map, name, id, key, old, new, delta, text}, empty when nothing differs. Programs and
--- links have name and id in place of map and key.
reading.snapshot.diff = require "ksnap.diff"

-- As on the command line: a path has a "/" or ends in ".ksnap". A report begins with a byte that
-- begins no name.
local function is_path(what)
	return type(what) == "string" and not what:find "^[\x80-\x8f\xde\xdf]"
		and (what:find("/", 1, true) or what:find "%.ksnap$")
end

--- Open a file that `ksnap capture --save` or `ksnap drain --to` wrote, looked for as objects are;
--- tag chooses among several in it. Or a report that is at hand as bytes.
function ksnap.open(what, tag)
	if not is_path(what) then return reading.open(what) end
	local found, path = pcall(files.find, what)
	if not found then return nil, path end
	local report, err = archive.load(path, tag)
	if not report then return nil, err end
	return reading.open(report)
end

return ksnap
