-- SPDX-License-Identifier: MIT
-- A number followed through several snapshots. A sample is {tag, elapsed_ms, step, value} or, where
-- nothing could be read, {tag, elapsed_ms, step, err}; elapsed_ms and step may be absent.
local errors = require "ksnap.error"
local number = require "ksnap.number"
local verdict = require "ksnap.verdict"

local M = {}

local Series = { __name = "ksnap.series" }
M.series = Series -- temporal.lua adds the patterns
Series.__index = Series

function Series:__len()
	return #self.samples
end

function Series:__tostring()
	return ("series %s of %d samples"):format(self.label, #self.samples)
end

--- How a text names a sample: its tag, and how long after the begin it was taken.
function M.name(sample)
	if not sample.elapsed_ms then return ("%s (time unknown)"):format(sample.tag) end
	return ("%s (+%.0fms)"):format(sample.tag, sample.elapsed_ms)
end

local sample_keys = { tag = "string", elapsed_ms = "number", step = "number", err = "string", unsigned = "boolean" }

local function check_sample(what, sample)
	if type(sample) ~= "table" then errors.raise("E_ARG", "%s is a table, not a %s", what, type(sample)) end
	for key, kind in pairs(sample_keys) do
		if sample[key] ~= nil and type(sample[key]) ~= kind then
			errors.raise("E_ARG", "%s: %s is a %s, not a %s", what, key, kind, type(sample[key]))
		end
	end
	if not sample.tag then errors.raise("E_ARG", "%s: tag is missing", what) end
	local v = sample.value
	if v ~= nil and type(v) ~= "number" and type(v) ~= "boolean" then
		errors.raise("E_ARG", "%s: value is a number or a boolean, not a %s", what, type(v))
	end
end

-- What becomes of a verdict when nobody else takes it: what did not pass is a failed assertion.
local function assert_passed(v)
	errors.assert(v:passed(), tostring(v))
end

--- A series of samples that are at hand. sink(verdict) takes what the patterns say of it; without
--- one a pattern that does not pass raises.
function M.new(label, samples, sink)
	if type(label) ~= "string" then errors.raise("E_ARG", "series: label is a string, not a %s", type(label)) end
	if type(samples) ~= "table" then errors.raise("E_ARG", "series: samples is a list, not a %s", type(samples)) end
	local list = {}
	for i, sample in ipairs(samples) do
		check_sample(("series %s: sample %d"):format(label, i), sample)
		local copy = { tag = sample.tag, elapsed_ms = sample.elapsed_ms, step = sample.step, value = sample.value,
			unsigned = sample.unsigned, err = sample.err }
		if copy.value == nil and not copy.err then copy.err = "there is no value" end
		if copy.err then copy.value = nil end
		list[i] = copy
	end
	return setmetatable({ label = label, samples = list, sink = sink or assert_passed }, Series)
end

-- ---- out of snapshots ---------------------------------------------------------------------------

-- How a failed look says why, without the script's place in it.
local function reason(err)
	return errors.is(err) and err.msg or tostring(err)
end

local function look(snapshot, what)
	if type(what) == "function" then return what(snapshot) end
	return snapshot:get(what)
end

-- A placeholder holds no data, so nothing looks into it.
local function read_sample(sample, snapshot, what)
	if snapshot.placeholder then
		sample.err = ("a placeholder: %s"):format(snapshot.placeholder)
		return
	end
	local ok, v = pcall(look, snapshot, what)
	if not ok then
		sample.err = reason(v)
	elseif type(v) == "boolean" then
		sample.value = v
	elseif v == nil then
		sample.err = "there is no value"
	else
		local n, why = number.read(v)
		if not n then
			sample.err = why
		else
			sample.value, sample.unsigned = n.value, n.unsigned
		end
	end
end

--- Follow @what (a path such as "nr_switches" or "tasks[7].run_ns", or fn(snapshot)) through rows
--- {tag, elapsed_ms, step, snapshot} or {tag, ..., err}.
function M.follow(label, rows, what, sink)
	local samples = {}
	for i, row in ipairs(rows) do
		local sample = { tag = row.tag, elapsed_ms = row.elapsed_ms, step = row.step }
		if row.snapshot then
			read_sample(sample, row.snapshot, what)
		else
			sample.err = reason(row.err)
		end
		samples[i] = sample
	end
	return M.new(label, samples, sink)
end

-- ---- by step ------------------------------------------------------------------------------------

--- The numbers of the steps that have a good sample, in order.
function Series:steps()
	local seen, list = {}, {}
	for _, sample in ipairs(self.samples) do
		if sample.step and not sample.err and not seen[sample.step] then
			seen[sample.step] = true
			list[#list + 1] = sample.step
		end
	end
	table.sort(list)
	return list
end

local function ends_of_step(self, step)
	local first, last
	for _, sample in ipairs(self.samples) do
		if sample.step == step and not sample.err then
			first, last = first or sample, sample
		end
	end
	return first, last
end

-- of_step(self, number) for one step, by its number or its name, or a table for all.
local function by_step(self, step, of_step)
	if step ~= nil then return of_step(self, self:step_number(step)) end
	local all = {}
	for _, n in ipairs(self:steps()) do all[n] = of_step(self, n) end
	return all
end

--- A step's number: a number is one, and a name when the series comes from a scenario's run.
function Series:step_number(step)
	if math.type(step) == "integer" then return step end
	local names = self.step_names or {}
	if names[step] then return names[step] end
	errors.raise("E_ARG", "%s: there is no step %q; %s", self.label, tostring(step), errors.near(step, errors.names(names)))
end

--- The first good value within a step; without one a table of all steps'. nil: there is none.
function Series:first(step)
	return by_step(self, step, function(_, n)
		local first = ends_of_step(self, n)
		return first and first.value
	end)
end

--- The last good value within a step.
function Series:last(step)
	return by_step(self, step, function(_, n)
		local _, last = ends_of_step(self, n)
		return last and last.value
	end)
end

local function delta_of_step(self, step)
	local first, last = ends_of_step(self, step)
	if not first then return nil end
	if type(first.value) ~= "number" or type(last.value) ~= "number" then
		errors.raise("E_ARG", "%s: %s is no number", self.label, M.name(type(first.value) ~= "number" and first or last))
	end
	if number.less(last, first) then
		local v = verdict.new(self.label, "delta")
		v:note("step %d: fell from %s at %s to %s at %s; counted as no change", step, number.text(first), M.name(first),
			number.text(last), M.name(last))
		self.sink(v)
		return 0
	end
	return number.minus(last, first)
end

--- How much a counter rose within a step, from its first good value to its last. One that fell gives
--- 0 and a note.
function Series:delta(step)
	return by_step(self, step, delta_of_step)
end

return M
