-- SPDX-License-Identifier: MIT
-- Patterns over a series. Those over the way it takes (nondecreasing, rate_within, ...) pass over a
-- sample that is missing, say so in a note, and compare nothing across the gap. Those over each
-- sample for itself (always, each) fail with it.
local duration = require "ksnap.duration"
local errors = require "ksnap.error"
local number = require "ksnap.number"
local series = require "ksnap.series"
local verdict = require "ksnap.verdict"

local Series = series.series
local name, text = series.name, number.text

local function good(sample)
	return not sample.err and type(sample.value) == "number"
end

local function why_not(sample)
	return sample.err or ("%s is no number"):format(tostring(sample.value))
end

local function bound(what, v)
	if type(v) ~= "number" or v ~= v then
		errors.raise("E_ARG", "%s is a number, not %s", what, v == nil and "missing" or tostring(v))
	end
	return v
end

local function bounds(what, lo, hi)
	bound(what .. ": the lower bound", lo)
	bound(what .. ": the upper bound", hi)
	if lo > hi then errors.raise("E_ARG", "%s: the lower bound %s is above the upper bound %s", what, lo, hi) end
end

local function tolerance(what, tol)
	if bound(what .. ": tol", tol) < 0 then errors.raise("E_ARG", "%s: tol is at least 0, not %s", what, tol) end
	return tol
end

local function milliseconds(value, what)
	return duration(value, what) / 1e6
end

local function options(what, opts, known)
	if type(opts) ~= "table" then errors.raise("E_ARG", "%s takes a table", what) end
	for key in pairs(opts) do
		if not known[key] then
			errors.raise("E_ARG", "%s: there is no %q; %s", what, tostring(key), errors.near(key, errors.names(known)))
		end
	end
end

local function finish(self, v)
	self.sink(v)
	return v
end

local function note_missing(v, list, what)
	if #list == 0 then return end
	local parts = {}
	for _, sample in ipairs(list) do parts[#parts + 1] = ("%s: %s"):format(name(sample), why_not(sample)) end
	v:note("%d %s not looked at: %s", #list, #list == 1 and what or what .. "s", table.concat(parts, "; "))
end

-- fn(verdict, a, b) for each two neighbours that are both there.
local function each_pair(self, v, fn)
	local missing, count, prior = {}, 0, nil
	for _, sample in ipairs(self.samples) do
		if good(sample) then
			count = count + 1
			if prior then fn(v, prior, sample) end
			prior = sample
		else
			missing[#missing + 1] = sample
			prior = nil
		end
	end
	note_missing(v, missing, "sample")
	if count < 2 then v:note("%d of %d samples can be compared, two are needed", count, #self.samples) end
	return finish(self, v)
end

local function never_falls(pattern, is_wrong, words)
	return function(self)
		return each_pair(self, verdict.new(self.label, pattern), function(v, a, b)
			if is_wrong(a, b) then
				v:fail("%s has %s, %s %s had %s", name(b), text(b), words, name(a), text(a))
			end
		end)
	end
end

--- No value is below the one before it.
Series.nondecreasing = never_falls("nondecreasing", function(a, b)
	return number.less(b, a) or a.value ~= a.value or b.value ~= b.value
end, "less than")

--- Every value is above the one before it.
Series.strictly_increasing = never_falls("strictly_increasing", function(a, b)
	return not number.less(a, b)
end, "not more than")

--- Between neighbours it changes by lo to hi in each @per, a duration; a millisecond when absent.
function Series:rate_within(lo, hi, per)
	bounds("rate_within", lo, hi)
	local unit_ms = per == nil and 1 or milliseconds(per, "rate_within: per")
	if unit_ms == 0 then errors.raise("E_ARG", "rate_within: per is above 0") end
	local in_words = per == nil and "ms" or tostring(per)
	return each_pair(self, verdict.new(self.label, "rate_within"), function(v, a, b)
		local dt = a.elapsed_ms and b.elapsed_ms and b.elapsed_ms - a.elapsed_ms
		if not dt or dt <= 0 then
			v:doubt("from %s to %s no time passed that is known", name(a), name(b))
			return
		end
		local rate = number.minus(b, a) / dt * unit_ms
		if not (rate >= lo and rate <= hi) or rate == math.huge or rate == -math.huge then
			v:fail("%.6g per %s from %s to %s, from %.6g to %.6g are allowed", rate, in_words, name(a), name(b), lo, hi)
		end
	end)
end

local function mean_of(list)
	local sum = 0.0
	for _, sample in ipairs(list) do sum = sum + number.float(sample) / #list end
	return sum
end

-- The finite samples after the warm-up, and those there that are none.
local function settled(self, warmup_ms)
	local list, missing = {}, {}
	for _, sample in ipairs(self.samples) do
		if not good(sample) or not number.is_finite(sample) then
			missing[#missing + 1] = sample
		elseif warmup_ms == 0 or sample.elapsed_ms and sample.elapsed_ms >= warmup_ms then
			list[#list + 1] = sample
		elseif not sample.elapsed_ms then
			missing[#missing + 1] = { tag = sample.tag, err = "whether it is in the warm-up is not known" }
		end
	end
	return list, missing
end

--- {warmup, tol}: after the warm-up, a duration, every value is within the mean's tol-th part of the mean.
function Series:steady_within(opts)
	options("steady_within", opts, { warmup = true, tol = true })
	local tol = tolerance("steady_within", opts.tol)
	local warmup_ms = opts.warmup == nil and 0 or milliseconds(opts.warmup, "steady_within: warmup")
	local v = verdict.new(self.label, "steady_within")
	local list, missing = settled(self, warmup_ms)
	note_missing(v, missing, "sample")
	if #list == 0 then
		v:note("no sample is there after the warm-up of %.6g ms", warmup_ms)
		return finish(self, v)
	end
	local mean = mean_of(list)
	local lo, hi = mean * (1 - tol), mean * (1 + tol)
	if lo > hi then lo, hi = hi, lo end
	for _, sample in ipairs(list) do
		local x = number.float(sample)
		if x < lo or x > hi then
			v:fail("%s has %s, outside of %.6g to %.6g, the mean %.6g with a tolerance of %.6g", name(sample), text(sample),
				lo, hi, mean, tol)
		end
	end
	return finish(self, v)
end

local needed = 3 -- in a row

-- Whether @needed in a row were near by the deadline; what broke a run that had begun; what was there.
local function find_witness(self, by_ms, is_near)
	local run, count, broken, missing = 0, 0, {}, {}
	for _, sample in ipairs(self.samples) do
		local in_time = sample.elapsed_ms and sample.elapsed_ms <= by_ms
		if sample.elapsed_ms and not in_time then
			run = 0
		elseif not in_time or not good(sample) then
			local lost = in_time and sample or { tag = sample.tag, err = sample.err or "its time is not known" }
			missing[#missing + 1] = lost
			if run > 0 then broken[#broken + 1] = lost end
			run = 0
		else
			count = count + 1
			run = is_near(sample) and run + 1 or 0
			if run == needed then return true end
		end
	end
	return false, count, broken, missing
end

--- {target, tol, by}: three values in a row are within tol of the target by that time, a duration
--- from the scenario's begin.
function Series:converges_to(opts)
	options("converges_to", opts, { target = true, tol = true, by = true })
	local target, tol = bound("converges_to: target", opts.target), tolerance("converges_to", opts.tol)
	if opts.by == nil then errors.raise("E_ARG", "converges_to: by is missing: until when, a duration") end
	local by_ms = milliseconds(opts.by, "converges_to: by")
	local v = verdict.new(self.label, "converges_to")
	local found, count, broken, missing = find_witness(self, by_ms, function(sample)
		local x = number.float(sample)
		return x >= target - tol and x <= target + tol
	end)
	if found then return finish(self, v) end
	if count < needed then
		note_missing(v, missing, "sample")
		v:note("%d values by +%.0fms, %d in a row are needed", count, by_ms, needed)
		return finish(self, v)
	end
	local because = {}
	for _, sample in ipairs(broken) do because[#because + 1] = ("%s: %s"):format(name(sample), why_not(sample)) end
	v:fail("no %d in a row within %.6g of %.6g by +%.0fms%s", needed, tol, target, by_ms,
		#because > 0 and "; a run was broken by " .. table.concat(because, "; ") or "")
	return finish(self, v)
end

local function check_ratio(v, a, b, lo, hi)
	local divisor = number.float(b)
	if divisor == 0 then
		v:doubt("%s: %s by 0 at %s", name(a), text(a), name(b))
		return
	end
	local ratio = number.float(a) / divisor
	if not (ratio >= lo and ratio <= hi) or ratio == math.huge or ratio == -math.huge then
		v:fail("%s: %s by %s at %s is %.6g, from %.6g to %.6g are allowed", name(a), text(a), text(b), name(b), ratio, lo, hi)
	end
end

--- Each value divided by the other series' value of the same number is from lo to hi.
function Series:ratio_within(other, lo, hi)
	if getmetatable(other) ~= Series then errors.raise("E_ARG", "ratio_within: the divisor is a series") end
	bounds("ratio_within", lo, hi)
	if #self ~= #other then
		errors.raise("E_ARG", "ratio_within: %s has %d samples, %s has %d", self.label, #self, other.label, #other)
	end
	local v = verdict.new(("%s / %s"):format(self.label, other.label), "ratio_within")
	local pairs_seen = 0
	for i, a in ipairs(self.samples) do
		local b = other.samples[i]
		if good(a) and good(b) then
			pairs_seen = pairs_seen + 1
			check_ratio(v, a, b, lo, hi)
		else
			local side = good(a) and other.label or self.label
			local lost = good(a) and b or a
			v:note("pair %d is not looked at: %s at %s: %s", i, side, name(lost), why_not(lost))
		end
	end
	if pairs_seen == 0 then v:note("there is no pair to divide") end
	return finish(self, v)
end

--- fn(value, sample) is true for every sample; without fn the values themselves are.
function Series:always(fn)
	if fn ~= nil and type(fn) ~= "function" then errors.raise("E_ARG", "always takes a function, not a %s", type(fn)) end
	local v = verdict.new(self.label, "always")
	for _, sample in ipairs(self.samples) do
		if sample.err then
			v:fail("%s: %s", name(sample), sample.err)
		else
			local ok, holds = true, sample.value
			if fn then ok, holds = pcall(fn, sample.value, sample) end
			if not ok then
				v:fail("%s has %s: %s", name(sample), text(sample), errors.is(holds) and holds.msg or tostring(holds))
			elseif holds ~= true then
				v:fail("%s has %s, for which it does not hold", name(sample), text(sample))
			end
		end
	end
	if #self == 0 then v:note("there are no samples") end
	return finish(self, v)
end

-- ---- each sample for itself ------------------------------------------------------------------------

local Each = { __name = "ksnap.each" }
Each.__index = Each

--- Each value for itself: :at_least(n), :at_most(n), :between(lo, hi).
function Series:each()
	return setmetatable({ series = self }, Each)
end

local function check_each(self, pattern, lo, hi, words)
	local v = verdict.new(self.series.label, "each " .. pattern)
	local lowest, highest = { value = lo }, { value = hi }
	for _, sample in ipairs(self.series.samples) do
		if not good(sample) then
			v:fail("%s: %s", name(sample), why_not(sample))
		elseif sample.value ~= sample.value or number.less(sample, lowest) or number.less(highest, sample) then
			v:fail("%s has %s, %s", name(sample), text(sample), words)
		end
	end
	if #self.series == 0 then v:note("there are no samples") end
	return finish(self.series, v)
end

function Each:at_least(lo)
	bound("at_least: the bound", lo)
	return check_each(self, "at_least", lo, math.huge, ("at least %s is allowed"):format(text { value = lo }))
end

function Each:at_most(hi)
	bound("at_most: the bound", hi)
	return check_each(self, "at_most", -math.huge, hi, ("at most %s is allowed"):format(text { value = hi }))
end

function Each:between(lo, hi)
	bounds("between", lo, hi)
	return check_each(self, "between", lo, hi,
		("from %s to %s are allowed"):format(text { value = lo }, text { value = hi }))
end

-- ---- a step against another -------------------------------------------------------------------------

local Ratio = { __name = "ksnap.step_ratio" }
Ratio.__index = Ratio

local aggregates = { first = "first", last = "last", delta = "delta" }

--- The later step against the earlier one: :at_most(c), :at_least(c), :between(lo, hi). of: "last"
--- (when absent), "first" or "delta", the value within a step that is meant.
function Series:ratio_across(earlier, later, of)
	of = of or "last"
	if not aggregates[of] then
		errors.raise("E_ARG", "ratio_across: there is no %q; %s", tostring(of), errors.near(of, errors.names(aggregates)))
	end
	return setmetatable({ series = self, of = of, earlier = self:step_number(earlier), later = self:step_number(later) },
		Ratio)
end

local function check_across(self, pattern, lo, hi)
	local v = verdict.new(self.series.label, "ratio_across " .. pattern)
	local before, after = self.series[self.of](self.series, self.earlier), self.series[self.of](self.series, self.later)
	if before == nil or before == 0 or after == nil then
		v:doubt("%s of step %d is %s and of step %d %s: there is nothing to compare with", self.of, self.earlier,
			tostring(before), self.later, tostring(after))
		return finish(self.series, v)
	end
	local ratio = after / before
	local words = ("%s of step %d is %s, of step %d %s: a ratio of %.6g"):format(self.of, self.later, tostring(after),
		self.earlier, tostring(before), ratio)
	if not (ratio >= lo and ratio <= hi) or ratio == math.huge or ratio == -math.huge then
		v:fail("%s, from %.6g to %.6g are allowed", words, lo, hi)
	else
		v:note("%s", words)
	end
	return finish(self.series, v)
end

function Ratio:at_most(c)
	return check_across(self, "at_most", -math.huge, bound("at_most: the bound", c))
end

function Ratio:at_least(c)
	return check_across(self, "at_least", bound("at_least: the bound", c), math.huge)
end

function Ratio:between(lo, hi)
	bounds("between", lo, hi)
	return check_across(self, "between", lo, hi)
end

return series
