-- Patterns over series: wrong use, then one row a rule. A row is {pattern, arguments..., over =
-- samples, level, what a detail or a note says...}; in samples "x" is one that could not be read.
local ksnap = require "ksnap"
local number = require "ksnap.number"

local function refused(text, fn, ...)
	local ok, err = pcall(fn, ...)
	assert(not ok and ksnap.is_error(err) and err.code == "E_ARG", "accepted: %s", text)
	assert(tostring(err):find(text, 1, true), tostring(err))
	assert(err.where:find "series%.lua:%d+")
end

local last -- verdict
local function keep(v) last = v end

-- Samples at 100 ms, 200 ms, ...: a number, "x", or a table of its own.
local function of(list, label)
	local samples = {}
	for i, v in ipairs(list) do
		local sample = type(v) == "table" and v or v == "x" and { err = "it was gone" } or { value = v }
		sample.tag = sample.tag or "s" .. i
		if sample.elapsed_ms == nil then sample.elapsed_ms = i * 100 end
		if sample.untimed then sample.elapsed_ms, sample.untimed = nil, nil end
		samples[i] = sample
	end
	return require "ksnap.temporal".new(label or "n", samples, keep)
end

local n = of { 1, 2 }
refused("label is a string", ksnap.series)
refused("samples is a list", ksnap.series, "n", 5)
refused("sample 1: tag is missing", ksnap.series, "n", { {} })
refused("sample 1 is a table", ksnap.series, "n", { 5 })
refused("value is a number or a boolean, not a string", ksnap.series, "n", { { tag = "a", value = "5" } })
refused("elapsed_ms is a number", ksnap.series, "n", { { tag = "a", elapsed_ms = "5" } })
refused("lower bound 2 is above the upper bound 1", n.rate_within, n, 2, 1)
refused("lower bound is a number, not missing", n.rate_within, n)
refused("upper bound is a number, not nan", n.rate_within, n, 1, math.abs(0 / 0))
refused("per is above 0", n.rate_within, n, 0, 1, 0)
refused("per: \"x\" is no duration", n.rate_within, n, 0, 1, "x")
refused("takes a table", n.steady_within, n)
refused("tol is at least 0", n.steady_within, n, { tol = -1 })
refused("did you mean warmup?", n.steady_within, n, { tol = 1, warmpu = 1 })
refused("warmup: -1 is not between", n.steady_within, n, { tol = 1, warmup = -1 })
refused("target is a number, not missing", n.converges_to, n, { tol = 1, by = 1 })
refused("tol is at least 0", n.converges_to, n, { target = 1, tol = -1, by = 1 })
refused("by is missing", n.converges_to, n, { target = 1, tol = 1 })
refused("the divisor is a series", n.ratio_within, n, 5, 0, 1)
refused("lower bound", n.ratio_within, n, n, 1, 0)
refused("n has 2 samples, m has 1", n.ratio_within, n, of({ 1 }, "m"), 0, 1)
refused("takes a function", n.always, n, 5)
refused("lower bound 2 is above", function() n:each():between(2, 1) end)
refused("the bound is a number", function() n:each():at_least "1" end)
refused("there is no step \"load\"", n.delta, n, "load")
refused("did you mean last?", n.ratio_across, n, 1, 2, "lats")

local inf, nan = math.huge, math.abs(0 / 0)

local rows = {
	{ "nondecreasing", over = {}, "pass", "0 of 0 samples" },
	{ "nondecreasing", over = { 5 }, "pass", "1 of 1 samples" },
	{ "nondecreasing", over = { 5, 5, 6 }, "pass" },
	{ "nondecreasing", over = { 5, 4, 3 }, "fail", "s2 (+200ms) has 4, less than s1 (+100ms) had 5", "s3 (+300ms) has 3" },
	{ "nondecreasing", over = { 5, "x", 4, 6 }, "pass", "1 sample not looked at: s2 (+200ms): it was gone" },
	{ "nondecreasing", over = { 5, "x", "x", 4 }, "pass", "2 samples not looked at" },
	{ "nondecreasing", over = { 5, nan, 6 }, "fail", "s2 (+200ms)", "s3 (+300ms)" },
	{ "nondecreasing", over = { 5, true, 6 }, "pass", "true is no number" },
	{ "nondecreasing", over = { -1, { value = -1, unsigned = true } }, "pass" },
	{ "nondecreasing", over = { { value = -1, unsigned = true }, { value = 1, unsigned = true } }, "fail",
		"has 1, less than s1 (+100ms) had 18446744073709551615" },
	{ "strictly_increasing", over = { 1, 2, 3 }, "pass" },
	{ "strictly_increasing", over = { 1, 1, 3 }, "fail", "s2 (+200ms) has 1, not more than s1 (+100ms) had 1" },
	{ "strictly_increasing", over = { 1, "x", 1 }, "pass", "s2 (+200ms): it was gone" },
	{ "strictly_increasing", over = { 1, { value = 2, untimed = true }, 2 }, "fail", "s2 (time unknown) had 2" },
	{ "strictly_increasing", over = { 1, nan }, "fail", "s2" },

	{ "rate_within", 0, 1, over = { 0, 100, 150 }, "pass" },
	{ "rate_within", 0, 1, over = { 0 }, "pass", "1 of 1 samples" },
	{ "rate_within", 0, 1, over = { 0, 101, 90 }, "fail", "1.01 per ms from s1 (+100ms) to s2 (+200ms)", "-0.11 per ms" },
	{ "rate_within", 0, 1000, "1s", over = { 0, 100, 150 }, "pass" },
	{ "rate_within", 0, 999, "1s", over = { 0, 100 }, "fail", "1000 per 1s" },
	{ "rate_within", 0, 1, over = { 0, "x", 1000 }, "pass", "s2 (+200ms): it was gone" },
	{ "rate_within", 0, 1, over = { 0, { value = 9, elapsed_ms = 100 } }, "inconclusive", "no time passed" },
	{ "rate_within", 0, 1, over = { 0, { value = 9, untimed = true } }, "inconclusive", "s2 (time unknown)" },
	{ "rate_within", 0, 1, over = { 0, { value = 9, elapsed_ms = 100 }, 900 }, "fail", "4.455 per ms" },
	{ "rate_within", -inf, inf, over = { 0, inf }, "fail", "inf per ms" },
	{ "rate_within", 0, 1, over = { 0, nan }, "fail", "s2" },
	{ "rate_within", 0, 1, over = { (1 << 62), (1 << 62) + 100 }, "pass" },

	{ "steady_within", { tol = 0.1 }, over = { 10, 11, 9 }, "pass" },
	{ "steady_within", { tol = 0.1 }, over = { 10, 13, 9 }, "fail", "s2 (+200ms) has 13", "s3 (+300ms) has 9" },
	{ "steady_within", { tol = 0.1, warmup = "200ms" }, over = { 99, 10, 11, 9 }, "pass" },
	{ "steady_within", { tol = 0.1, warmup = "201ms" }, over = { 99, 99, 11, 10 }, "pass" },
	{ "steady_within", { tol = 0.1, warmup = 9 }, over = { 99, 1 }, "pass", "no sample is there after the warm-up of 9000 ms" },
	{ "steady_within", { tol = 0.1 }, over = {}, "pass", "no sample" },
	{ "steady_within", { tol = 0.1 }, over = { -10, -11, -9 }, "pass" },
	{ "steady_within", { tol = 0 }, over = { 5, "x", inf, 5 }, "pass", "2 samples not looked at", "s3 (+300ms): inf" },
	{ "steady_within", { tol = 0.1, warmup = 0.15 }, over = { 1, 10, { value = 10, untimed = true } }, "pass", "time unknown" },

	{ "converges_to", { target = 10, tol = 1, by = 1 }, over = { 1, 9, 10, 11, 50 }, "pass" },
	{ "converges_to", { target = 10, tol = 1, by = 0.3 }, over = { 9, 10, 11 }, "pass" },
	{ "converges_to", { target = 10, tol = 1, by = 0.299 }, over = { 9, 10, 11 }, "pass", "2 values by +299ms" },
	{ "converges_to", { target = 10, tol = 1, by = 0.3 }, over = { 5, 10, 11, 11, 11 }, "fail", "no 3 in a row within 1 of 10 by +300ms" },
	{ "converges_to", { target = 10, tol = 1, by = 1 }, over = { 10, 10, 5, 10 }, "fail", "no 3 in a row" },
	{ "converges_to", { target = 10, tol = 1, by = 1 }, over = { 10, 10, "x", 10 }, "fail", "a run was broken by s3 (+300ms): it was gone" },
	{ "converges_to", { target = 10, tol = 1, by = 1 }, over = { "x", 10, 10 }, "pass", "s1 (+100ms): it was gone", "2 values" },
	{ "converges_to", { target = 10, tol = 1, by = 1 }, over = { 10, nan, 10, 10 }, "fail", "no 3 in a row" },
	{ "converges_to", { target = 10, tol = 1, by = 1 }, over = { 10, 10, { value = 10, untimed = true } }, "pass", "its time is not known" },
	{ "converges_to", { target = 10, tol = 1, by = 0.5 },
		over = { 10, 10, { value = 10, elapsed_ms = 600 }, { value = 10, elapsed_ms = 400 } }, "fail", "no 3" },

	{ "ratio_within", of({ 2, 2 }, "m"), 1, 2, over = { 2, 4 }, "pass" },
	{ "ratio_within", of({ 2, 2 }, "m"), 1, 2, over = { 1, 6 }, "fail", "s1 (+100ms): 1 by 2 at s1 (+100ms) is 0.5", "is 3" },
	{ "ratio_within", of({ 0, 2 }, "m"), 1, 2, over = { 1, 4 }, "inconclusive", "1 by 0 at s1" },
	{ "ratio_within", of({ 0, 2 }, "m"), 1, 2, over = { 1, 6 }, "fail", "is 3" },
	{ "ratio_within", of({ "x", 2 }, "m"), 1, 2, over = { 1, 4 }, "pass", "pair 1 is not looked at: m at s1 (+100ms): it was gone" },
	{ "ratio_within", of({ 1, 2 }, "m"), 1, 2, over = { "x", 4 }, "pass", "pair 1 is not looked at: n at s1" },
	{ "ratio_within", of({}, "m"), 1, 2, over = {}, "pass", "there is no pair" },
	{ "ratio_within", of({ 1 }, "m"), 0, inf, over = { inf }, "fail", "is inf" },
	{ "ratio_within", of({ 1 }, "m"), 0, inf, over = { nan }, "fail", "nan" },

	{ "always", over = {}, "pass", "no samples" },
	{ "always", over = { true, true }, "pass" },
	{ "always", over = { true, false }, "fail", "s2 (+200ms) has false" },
	{ "always", over = { true, "x" }, "fail", "s2 (+200ms): it was gone" },
	{ "always", over = { 1 }, "fail", "s1 (+100ms) has 1, for which" },
	{ "always", function(v, sample) return v == sample.elapsed_ms / 100 end, over = { 1, 2 }, "pass" },
	{ "always", function(v) return v < 2 end, over = { 1, 2 }, "fail", "s2 (+200ms) has 2, for which" },
	{ "always", function() return 1 end, over = { 1 }, "fail", "for which" },
	{ "always", function() error "boom" end, over = { 1 }, "fail", "boom" },

	{ "at_least", 2, each = true, over = {}, "pass", "no samples" },
	{ "at_least", 2, each = true, over = { 2, 3 }, "pass" },
	{ "at_least", 2, each = true, over = { 1, "x", nan, true }, "fail", "s1 (+100ms) has 1, at least 2",
		"s2 (+200ms): it was gone", "s3 (+300ms)", "true is no number" },
	{ "at_most", 2, each = true, over = { 2, -3 }, "pass" },
	{ "at_most", 2, each = true, over = { 3 }, "fail", "at most 2 is allowed" },
	{ "at_most", math.maxinteger, each = true, over = { { value = -1, unsigned = true } }, "fail", "has 18446744073709551615" },
	{ "between", 1, 3, each = true, over = { 1, 2, 3 }, "pass" },
	{ "between", 1, 3, each = true, over = { 0, 4 }, "fail", "s1 (+100ms) has 0, from 1 to 3", "s2 (+200ms) has 4" },
}

local levels = { pass = true, inconclusive = true, fail = true }

-- Everything a verdict says, a line each.
local function said(v)
	local lines = {}
	for _, detail in ipairs(v.details) do lines[#lines + 1] = detail.text end
	return table.concat(lines, "\n") .. "\n" .. table.concat(v.notes, "\n")
end

for i, row in ipairs(rows) do
	local args, level, texts = {}, nil, {}
	for j = 2, #row do
		if level then
			texts[#texts + 1] = row[j]
		elseif levels[row[j]] then
			level = row[j]
		else
			args[#args + 1] = row[j]
		end
	end
	local s = of(row.over)
	local judge = row.each and s:each() or s
	local v = judge[row[1]](judge, table.unpack(args))
	assert(v == last and v.level == level, "row %d, %s: %s", i, row[1], tostring(v))
	assert((level == "pass") == (#v.details == 0), "row %d: %s", i, tostring(v))
	for _, text in ipairs(texts) do assert(said(v):find(text, 1, true), "row %d: no %q in: %s", i, text, said(v)) end
	if #texts == 0 then assert(said(v) == "\n", "row %d says %s", i, said(v)) end
end

-- Nobody takes the verdict: what did not pass raises, at the script's line.
local plain = ksnap.series("n", { { tag = "a", value = 2 }, { tag = "b", value = 1 } })
local ok, err = pcall(plain.nondecreasing, plain)
assert(not ok and tostring(err):find "series%.lua:%d+: n: nondecreasing: fail: b %(time unknown%) has 1", tostring(err))
assert(not pcall(plain.rate_within, plain, 0, 1), "inconclusive raises, too")
assert(plain:each():at_least(1):passed() and #plain == 2 and tostring(plain) == "series n of 2 samples")

-- Many details: the text has the first, the verdict all.
local down = {}
for i = 1, 40 do down[i] = -i end
local many = of(down):nondecreasing()
assert(#many.details == 39 and tostring(many):find "and 23 more$", tostring(many))

-- By step; samples of no step, and missing ones, are passed over.
local stepped = of { { value = 1, step = 1 }, { value = 4, step = 1 }, 99, { value = 10, step = 2 }, { err = "gone", step = 2 },
	{ value = 30, step = 2 }, { err = "gone", step = 3 }, { value = 7, step = 4 }, { value = 5, step = 4 }, { value = 3, step = 5 } }
assert(table.concat(stepped:steps(), " ") == "1 2 4 5")
assert(stepped:first(1) == 1 and stepped:last(1) == 4 and stepped:delta(1) == 3)
assert(stepped:first(3) == nil and stepped:last(9) == nil and stepped:delta(3) == nil)
assert(stepped:delta(5) == 0 and stepped:delta()[2] == 20 and stepped:last()[4] == 5 and stepped:first()[3] == nil)
last = nil
assert(stepped:delta(4) == 0 and last:passed() and said(last):find("step 4: fell from 7 at s8 (+800ms) to 5", 1, true))
refused("n: s1 (+100ms) is no number", function() of({ { value = true, step = 1 } }):delta(1) end)

local ratios = {
	{ 1, 2, "delta", "at_most", 7, "pass", "delta of step 2 is 20, of step 1 3: a ratio of 6.66667" },
	{ 1, 2, "delta", "at_most", 6, "fail", "a ratio of 6.66667, from -inf to 6" },
	{ 1, 2, nil, "at_least", 8, "fail", "last of step 2 is 30, of step 1 4: a ratio of 7.5" },
	{ 1, 2, "first", "between", 9, 11, "pass", "a ratio of 10" },
	{ 3, 2, nil, "at_most", 1, "inconclusive", "nil" },
	{ 1, 3, nil, "at_most", 1, "inconclusive", "nil" },
	{ 5, 1, "delta", "at_most", 1, "inconclusive", "delta of step 5 is 0" },
}
for i, row in ipairs(ratios) do
	local r = stepped:ratio_across(row[1], row[2], row[3])
	local v = r[row[4]](r, row[5], row[6])
	local level, text = row[#row - 1], row[#row]
	assert(v.level == level and said(v):find(text, 1, true), "row %d: %s\n%s", i, tostring(v), said(v))
end

-- Numbers of 64 bits.
local function u(value) return { value = value, unsigned = true } end
assert(number.less(u(1), u(-1)) and not number.less(u(-1), u(1)) and number.less({ value = -1 }, u(0)))
assert(number.less({ value = 5 }, u(-1)) and number.less({ value = 1.5 }, { value = 2 }))
assert(number.minus(u(-1), u(-3)) == 2 and number.minus(u(5), u(7)) == -2 and number.minus(u(-1), u(0)) == 2.0 ^ 64)
assert(number.minus({ value = math.maxinteger }, { value = math.mininteger }) == 2.0 ^ 64)
assert(number.text(u(-1)) == "18446744073709551615" and number.text(u(math.mininteger)) == "9223372036854775808")

-- Out of snapshots: by path, by function; placeholders, and what cannot be read, are missing samples.
local bridge <close> = assert(ksnap.connect())
local series = require "ksnap.series"
local function row(tag, ms)
	bridge:capture_snapshot(tag)
	return { tag = tag, elapsed_ms = ms, step = 1, snapshot = bridge:get(tag) }
end
local gone = { tag = "evicted", elapsed_ms = 30, err = "it was evicted" }
local taken = { row("t0", 10), row("empty", 20), gone, row("t1", 40) }
local follow = function(what) return series.follow("x", taken, what, keep).samples end
local by_path = follow "nr_switches"
assert(by_path[1].value == 42 and by_path[4].value == 42 and by_path[4].elapsed_ms == 40 and by_path[1].step == 1)
assert(by_path[2].err:find "^a placeholder: " and by_path[3].err == "it was evicted")
local calls = 0
local by_fn = follow(function(s)
	calls = calls + 1
	return s:map("tasks"):find(7):get "time.run_ns"
end)
assert(calls == 2 and by_fn[1].value == 3000, "fn is not called on a placeholder")
assert(follow(function(s) return s.complete end)[1].value == true)
assert(follow "tasks[7].nice"[1].value == -5 and follow "tasks[7].state"[1].value == 1)
assert(follow "nr_nothing"[1].err:find "nr_nothing" and follow "tasks[7]"[1].err ~= nil)
assert(follow "cpus[0]"[1].err:find "CPU" and follow(function() return "x" end)[1].err:find "a string, not a number")
assert(follow(function() return nil end)[1].err == "there is no value")
assert(follow(function() error "boom" end)[1].err:find "boom")
