-- SPDX-License-Identifier: MIT
-- The books of a run: takes the records of its scenarios, however they are mixed, and tells them in
-- the order of the command line: as TAP while they come, as JSON and JUnit at the end.
local clock = require "ksnap.clock"
local json = require "ksnap.json"
local junit = require "ksnap.junit"
local tap = require "ksnap.tap"

local M = {}

local Ledger = {}
Ledger.__index = Ledger

local output_max = 1 << 20 -- bytes of one scenario's output that are kept

--- options: files, out ("tap", "json", "jsonl"), version, seed; write and progress are functions of a text,
--- for stdout and for a line on a terminal that is drawn over.
function M.new(options)
	local self = setmetatable({ options = options, tests = {}, shown = 0, names = {}, started = clock.now() }, Ledger)
	for i, file in ipairs(options.files) do
		self.tests[i] = { file = file, name = file, failures = json.list {}, output = json.list {},
			points = json.list {}, npoints = 0, waiting = {}, kept = 0, unsaid = 0, dropped = 0 }
	end
	if options.out == "tap" then self:write(tap.head(#options.files)) end
	return self
end

-- ---- what is shown while it comes ----------------------------------------------------------------

function Ledger:write(text)
	if self.options.progress then self.options.progress "" end
	self.options.write(text)
end

local function seconds_text(ms)
	return ms >= 60000 and ("%d:%02d"):format(ms // 60000, ms // 1000 % 60) or ("%.1f s"):format(ms / 1000)
end

local function step_text(test)
	local step = test.step
	if not step then return test.name end
	local left = step.left_ms - math.floor((clock.now() - step.since) * 1000)
	return ("%s: step %d of %d%s%s"):format(step.scenario, step.i, step.n, step.name and ", " .. step.name or "",
		left > 0 and ", " .. seconds_text(left) .. " left" or "")
end

--- Draw anew what is going on, when somebody looks.
function Ledger:tick()
	if not self.options.progress then return end
	local running, done = {}, 0
	for _, test in ipairs(self.tests) do
		if test.ended then done = done + 1 end
		if test.began and not test.ended then running[#running + 1] = step_text(test) end
	end
	self.options.progress(("[%d/%d] %s"):format(done, #self.tests, table.concat(running, "; ")))
end

-- ---- records ---------------------------------------------------------------------------------------

local takes = {}

-- Is it this one whose output comes next on stdout?
local function is_live(self, test)
	return self.options.out == "tap" and self.shown + 1 == test.number
end

-- Two of one name are told apart by their files, or by their numbers.
local function tell_apart(self, test)
	local name, first = test.name, self.names[test.name]
	if first and first ~= test.file then name = ("%s (%s)"):format(test.name, test.file) end
	if self.names[name] then name = ("%s (%d)"):format(test.name, test.number) end
	while self.names[name] do name = name .. "'" end -- somebody has that, too, for a name
	test.name, test.is_named, self.names[name] = name, true, test.file
end

-- A line of TAP that is the test's; the begin of its subtest gets its name when it is shown.
local function show(self, test, line)
	if line == tap.subtest then
		tell_apart(self, test)
		line = tap.subtest(test.name)
	end
	self:write(line)
end

-- Show a line, or keep it until it is the test's turn.
local function show_or_keep(self, test, line)
	if is_live(self, test) then
		show(self, test, line)
	elseif self.options.out == "tap" then
		test.waiting[#test.waiting + 1] = line
	end
end

-- Whether there is room to keep so many bytes more of a test.
local function has_room(test, size)
	local fits = test.kept + size <= output_max
	if fits then test.kept = test.kept + size end
	return fits
end

function takes.print(self, test, record)
	local keeps = has_room(test, #record.text)
	if keeps or is_live(self, test) then
		show_or_keep(self, test, tap.comment(record.text, test.has_subtest))
	else
		test.unsaid = test.unsaid + 1
	end
	if keeps then
		test.output[#test.output + 1] = record.text
	else
		test.dropped = test.dropped + 1
	end
end

-- As documents have it: a list of inner points may be empty.
local function plain_point(record)
	local inner = record.points and json.list {}
	for i, point in ipairs(record.points or {}) do inner[i] = plain_point(point) end
	return { name = record.name, ok = record.ok, ms = record.ms, points = inner }
end

function takes.point(self, test, record)
	local keeps = has_room(test, record.size)
	if not keeps then test.dropped = test.dropped + 1 end
	if not keeps and not is_live(self, test) then
		test.unsaid = test.unsaid + 1
		return
	end
	test.npoints = test.npoints + 1
	show_or_keep(self, test, tap.point(test.npoints, record))
	if keeps then test.points[#test.points + 1] = plain_point(record) end
end

-- The scenario of the script begins.
function takes.begin(self, test, record)
	test.name, test.has_subtest = record.scenario, true
	show_or_keep(self, test, tap.subtest)
end

function takes.step(self, test, record)
	record.since = clock.now()
	test.step = record
	self:tick()
end

function takes.result(_, test, record)
	test.result = record
end

--- A record of scenario number i.
function Ledger:record(i, record)
	local take = takes[record.k]
	if take then take(self, self.tests[i], record) end
end

--- Scenario i begins.
function Ledger:began(i)
	local test = self.tests[i]
	test.number, test.began = i, clock.now()
	self:tick()
end

-- ---- ends --------------------------------------------------------------------------------------------

local function take_result(test, code, why)
	local result = test.result
	if not result then
		result = { name = test.file, code = code, failures = { { message = why or "it ended without a result",
			code = code == 124 and "E_TIMEOUT" or nil } } }
		if code == 0 then code = 1 end
	end
	if not test.has_subtest then test.name = result.name end
	test.failures, test.skip, test.lost = json.list(result.failures), result.skip, result.lost
	test.memory_peak = result.memory_peak
	test.code = math.max(code, result.code)
end

-- What came while others were shown.
local function catch_up(self, test)
	for _, line in ipairs(test.waiting) do show(self, test, line) end
	test.waiting = {}
	if test.unsaid > 0 then
		self:write(tap.comment(("... and %d lines more: while a scenario waits its turn, %d bytes of it are kept")
			:format(test.unsaid, output_max), test.has_subtest))
		test.unsaid = 0
	end
end

local function plain(test)
	return { file = test.file, name = test.name, ok = #test.failures == 0, skip = test.skip, code = test.code,
		seconds = test.seconds, memory_peak = test.memory_peak, lost = test.lost, failures = test.failures,
		points = test.points, output = test.output, output_dropped = test.dropped }
end

local function flush(self)
	local test = self.tests[self.shown + 1]
	while test and test.ended do
		if self.options.out == "tap" then catch_up(self, test) end
		if not test.is_named then tell_apart(self, test) end
		if self.options.out == "tap" then
			if test.has_subtest then self:write(tap.subtest_end(test.npoints)) end
			self:write(tap.result(test.number, test))
		elseif self.options.out == "jsonl" then
			self:write(json.encode(plain(test)) .. "\n")
		end
		self.shown = self.shown + 1
		test = self.tests[self.shown + 1]
	end
	if test and test.began and self.options.out == "tap" then catch_up(self, test) end
end

--- Scenario i ended with this exit code; why says what ended it when it was not itself.
function Ledger:ended(i, code, why)
	local test = self.tests[i]
	test.ended = clock.now()
	test.seconds = test.ended - test.began
	take_result(test, code, why)
	flush(self)
	self:tick()
end

-- ---- the end of all ----------------------------------------------------------------------------------

local function totals_of(self)
	local totals = { passed = 0, failed = 0, errors = 0, skipped = 0, seconds = clock.now() - self.started }
	for _, test in ipairs(self.tests) do
		if test.ended then
			local kind = test.skip and "skipped" or test.code == 0 and "passed" or test.code == 1 and "failed" or "errors"
			totals[kind] = totals[kind] + 1
		end
	end
	return totals
end

local function document(self, totals, ended_tests, bail)
	local tests = json.list {}
	for i, test in ipairs(ended_tests) do tests[i] = plain(test) end
	return json.encode { version = self.options.version, seed = self.options.seed, tests = tests, bail = bail,
		passed = totals.passed, failed = totals.failed, errors = totals.errors, skipped = totals.skipped,
		seconds = totals.seconds, code = self:worst() } .. "\n"
end

--- The worst exit code so far.
function Ledger:worst()
	local worst = 0
	for _, test in ipairs(self.tests) do worst = math.max(worst, test.code or 0) end
	return worst
end

--- All ended, or what is to come will not, since bail. Gives the JSON and the JUnit document.
function Ledger:finish(bail)
	local ended_tests = {}
	for _, test in ipairs(self.tests) do
		if test.ended then ended_tests[#ended_tests + 1] = test end
	end
	local totals = totals_of(self)
	local as_json = document(self, totals, ended_tests, bail)
	if self.options.out == "tap" then
		if self:worst() > 0 then self:write(tap.comment(("--seed %d repeats it"):format(self.options.seed))) end
		if bail then self:write(tap.bail(bail)) end
	end
	if self.options.out == "json" then self:write(as_json) end
	if self.options.progress then self.options.progress "" end
	return as_json, junit.document(ended_tests, totals)
end

return M
