-- SPDX-License-Identifier: MIT
-- A run of a scenario: what its steps and its check are given.
local clock = require "ksnap.clock"
local errors = require "ksnap.error"
local ops = require "ksnap.ops"
local outlet = require "ksnap.outlet"
local schema = require "ksnap.schema"
local series = require "ksnap.temporal"

local M = {}

local Run = { __name = "ksnap.run" }
Run.__index = Run

--- A run on a bridge's handle. Captures on that handle get the scenario's maps, the step and the time
--- as long as the run is not closed.
function M.new(scenario, bridge)
	local run = setmetatable({ scenario = scenario, bridge = bridge, step = 0, snapshots = {}, seen = {},
		taken = {}, failures = {}, points = outlet.new_points(), outer = bridge.run, undo_from = #bridge.undo_list }, Run)
	bridge.run = run
	return run
end

function Run:__close()
	self.bridge.run = self.outer
end

-- ---- what goes wrong ----------------------------------------------------------------------------

--- Record a failure, with where in the scenario it was.
function Run:failed(err, trace, details)
	self.failures[#self.failures + 1] = { phase = self.phase, step = self.step, err = err, trace = trace,
		details = details }
end

--- A part of it is over: a test point of the scenario. inner: those of a scenario that ran within it.
function Run:point(name, ok, since_ns, inner)
	local point = outlet.new_point(name, ok, since_ns and (clock.mono_ns() - since_ns) / 1e6 or nil, inner)
	if self.followed then
		outlet.point(point)
	else
		self.points:add(point)
	end
end

--- All of it is over. What ran within another scenario is a point of that, with points of its own.
function Run:ended(began_ns)
	if self.followed then return end
	local ms = (clock.mono_ns() - began_ns) / 1e6
	local point = outlet.new_point(self.scenario.name, #self.failures == 0, ms, self.points)
	local above = self.above
	if above and above.followed then
		outlet.point(point)
	elseif above then
		above.points:add(point)
	else
		outlet.script_point(point)
	end
end

--- Something to be known that is no failure.
function Run:note(fmt, ...)
	outlet.print("note: " .. fmt:format(...))
end

-- A pattern's verdict: the check goes on, what did not pass is a failure of the run.
local function take_verdict(run, verdict)
	for _, text in ipairs(verdict.notes) do
		run:note("%s: %s: %s", verdict.label, verdict.pattern, text)
	end
	local is_note = verdict.level == "inconclusive" and run.scenario.inconclusive == "note"
	run:point(("%s: %s"):format(verdict.label, verdict.pattern), verdict:passed() or is_note)
	if verdict:passed() then return end
	if is_note then return run:note("%s", tostring(verdict)) end
	run:failed(errors.failure(tostring(verdict), verdict.where), nil, verdict:reasons())
end

--- Have the run take what the patterns say of a series, and know steps by their names.
function Run:judges(s)
	s.sink = function(verdict) take_verdict(self, verdict) end
	s.step_names = self.scenario.step_names
	return s
end

-- ---- the handle asks and tells ------------------------------------------------------------------

--- Milliseconds since step 1 began; 0 before.
function Run:elapsed_ms()
	return self.begun_ns and (clock.mono_ns() - self.begun_ns) / 1e6 or 0.0
end

--- The same of a moment on the clock of the day; nil when it was before the scenario.
function Run:ms_at(real_ns)
	local ms = self:elapsed_ms() - (clock.real_ns() - real_ns) / 1e6
	return ms >= 0 and ms or nil
end

--- The op with what the scenario knows filled in.
function Run:fill(op, elapsed_ms)
	return ops.with_defaults(op, { step = self.step, maps = self.scenario.maps, elapsed_ms = math.floor(elapsed_ms) })
end

local stores = { capture_snapshot = true, store_snapshot = true }

--- Something was done: remember what was stored, the latest of a tag.
function Run:did(op, elapsed_ms)
	if not stores[op.name] then return end
	local tag = op.params.tag
	for i, taken in ipairs(self.taken) do
		if taken.tag == tag then
			table.remove(self.taken, i)
			break
		end
	end
	self.snapshots[tag] = nil
	table.insert(self.taken, { tag = tag, step = op.params.step, elapsed_ms = elapsed_ms,
		boundary_ms = op.params.boundary_ms })
end

-- ---- what a step may do -------------------------------------------------------------------------

--- Issue an op; raises when it fails.
function Run:issue(op)
	local r, err = self.bridge:issue(op)
	if r == nil and errors.is(err) then
		err.where = err.where or op.where
		error(err, 0)
	end
	return r
end

-- ---- what a check reads -------------------------------------------------------------------------

--- The snapshot stored under a tag; kept, so that asking twice gives the same one.
function Run:snapshot(tag)
	local got = self.snapshots[tag]
	if not got then
		got = errors.assert(self.bridge:get(tag))
		self.snapshots[tag] = got
	end
	return got
end

--- Whether nothing is known of what was captured under a tag, or only why not.
function Run:is_placeholder(tag)
	local ok, got = pcall(self.snapshot, self, tag)
	return not ok or got.placeholder ~= nil
end

--- Events of this bridge so far: all, or those of one kind, such as "eviction".
function Run:events(kind)
	if kind ~= nil and not schema.events[kind] then
		errors.raise("E_ARG", "events: there is no event %q; %s", tostring(kind),
			errors.near(kind, errors.names(schema.events)))
	end
	for _, event in ipairs(errors.assert(self.bridge:drain_events())) do
		self.seen[#self.seen + 1] = event
	end
	local found = {}
	for _, event in ipairs(self.seen) do
		if not kind or event.k == kind then found[#found + 1] = event end
	end
	return found
end

--- The pids of the children that are not over yet, by name.
function Run:children()
	local pids = {}
	for name, child in pairs(self.bridge.children) do pids[name] = child.handle:pid() end
	return pids
end

--- The pids of the first record of a cgroup's processes under a tag.
function Run:procs(tag)
	return errors.assert(self.bridge:cgroup_procs_by_tag(tag)).pids
end

--- The watches that are armed on this bridge: rows with hits and captures; those of one symbol.
function Run:watches(symbol)
	local found = {}
	for _, row in ipairs(errors.assert(self.bridge:list_watches())) do
		if not symbol or row.symbol == symbol then found[#found + 1] = row end
	end
	return found
end

--- What the first good kernel read under a tag gave: a number, or bytes.
function Run:kernel_value(tag)
	return errors.assert(self.bridge:kernel_op_value(tag)).value
end

-- What this run captured, in order, and then what others stored on its bridge, such as a watch.
local function all_rows(run)
	local known, rows = {}, { table.unpack(run.taken) }
	for _, taken in ipairs(rows) do known[taken.tag] = true end
	for _, row in ipairs(errors.assert(run.bridge:list())) do
		if not known[row.tag] then
			rows[#rows + 1] = { tag = row.tag, step = row.step, elapsed_ms = row.elapsed_ms or run:ms_at(row.ts) }
		end
	end
	return rows
end

-- The rows of the tags that @over names.
local choose = {}

function choose.string(run, glob)
	local pattern = "^" .. glob:gsub("[%^%$%(%)%%%.%[%]%+%-]", "%%%0"):gsub("%*", ".*"):gsub("%?", ".") .. "$"
	return choose["function"](run, function(tag) return tag:find(pattern) end)
end

choose["function"] = function(run, fits)
	local rows = {}
	for _, row in ipairs(all_rows(run)) do
		if fits(row.tag) then rows[#rows + 1] = row end
	end
	return rows
end

function choose.table(run, tags)
	local by_tag, rows = {}, {}
	for _, row in ipairs(all_rows(run)) do by_tag[row.tag] = row end
	for i, tag in ipairs(tags) do rows[i] = by_tag[tag] or { tag = tag } end
	return rows
end

-- What the scenario captured by itself: all periodic ones, taken or not, or else all there are.
choose["nil"] = function(run)
	if run.scenario.periodic == 0 then return { table.unpack(run.taken) } end
	local rows = {}
	for _, taken in ipairs(run.taken) do
		if taken.boundary_ms then rows[#rows + 1] = taken end
	end
	for tag, err in pairs(run.periodic and run.periodic.missing or {}) do rows[#rows + 1] = { tag = tag, err = err } end
	table.sort(rows, function(a, b) return a.tag < b.tag end)
	return rows
end

local function read_row(run, row)
	local ok, got = true, nil
	if not row.err then ok, got = pcall(run.snapshot, run, row.tag) end
	return { tag = row.tag, step = row.step, elapsed_ms = row.elapsed_ms, snapshot = ok and got or nil,
		err = row.err or not ok and got or nil }
end

--- Follow a number through snapshots. what: a path ("nr_switches", "tasks[7].run_ns") or
--- fn(snapshot). over: the periodic captures, or all when there are none; or a glob of tags, a list of
--- them, or fn(tag). label names it in what the patterns say.
function Run:series(what, opts)
	opts = opts or {}
	if type(what) ~= "string" and type(what) ~= "function" then
		errors.raise("E_ARG", "series takes a path or a function, not a %s", type(what))
	end
	if type(opts) ~= "table" then errors.raise("E_ARG", "series: over and label are in a table") end
	local chosen = choose[type(opts.over)]
	if not chosen then
		errors.raise("E_ARG", "series: over is a glob, a list of tags or a function, not a %s", type(opts.over))
	end
	local rows = {}
	for i, row in ipairs(chosen(self, opts.over)) do rows[i] = read_row(self, row) end
	local label = opts.label or type(what) == "string" and what or "series"
	return self:judges(series.follow(label, rows, what))
end

return M
