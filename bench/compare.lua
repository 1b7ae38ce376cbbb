#!/usr/bin/env lua
-- SPDX-License-Identifier: MIT
-- compare.lua OLD NEW - what became better, what worse, what is noise between two files of make bench.
--
-- A number has changed when the rounds of one file and of the other do not overlap, and the change is
-- larger than what either spreads; of a single round nothing can be said. The raw echo beside a storm
-- is a number of the machine's: it has a row, and does not count. 0: nothing is worse; 1: something is,
-- or the books of NEW are wrong; 2: usage.
package.path = (arg[0]:match("^(.*)/") or ".") .. "/?.lua;" .. package.path
local results = require "results"

local function verdict(old, new)
	if math.min(old.rounds, new.rounds) < 2 then
		return "one round"
	end
	local change = math.abs(new.median - old.median)
	local spread = math.max(old.high - old.low, new.high - new.low)
	if (new.low <= old.high and old.low <= new.high) or change <= spread then
		return "noise"
	end
	return (new.median > old.median) == new.more_is_better and "better" or "worse"
end

local function load_or_end(path)
	local doc, why = results.load(path)
	if not doc then
		io.stderr:write("compare.lua: ", why, "\n")
		os.exit(2)
	end
	return doc
end

-- Without what differs from run to run: load.
local function machine(doc)
	return (results.machine(doc):gsub("load [%d.]+, ", ""))
end

local function heads(old, new)
	print(("# old: %s, commit %s"):format(old.at, old.commit))
	print(("# new: %s, commit %s"):format(new.at, new.commit))
	if machine(old) ~= machine(new) then
		print("# different machines: only the ratios (rows with a /) can be compared, and those with care")
		print("#   old " .. machine(old))
		print("#   new " .. machine(new))
	end
	print(("%-72s %12s %12s %8s  %s"):format("what", "old", "new", "change", "verdict"))
end

-- Counts of verdicts, and those of the machine's own numbers.
local function rows(old, new)
	local before = {}
	local counts, machines = { better = 0, worse = 0, noise = 0, ["one round"] = 0 }, { better = 0, worse = 0 }
	for _, number in ipairs(results.numbers(old)) do
		before[number.name] = number
	end
	for _, now in ipairs(results.numbers(new)) do
		local was = before[now.name]
		if was then
			local word = verdict(was, now)
			local into = now.is_machine and machines or counts
			into[word] = (into[word] or 0) + 1
			print(("%-72s %12.5g %12.5g %+7.1f%%  %s"):format(now.name, was.median, now.median,
				was.median == 0 and 0 or (now.median / was.median - 1) * 100, word))
			before[now.name] = nil
		else
			print(("%-72s %12s %12.5g %8s  new"):format(now.name, "", now.median, ""))
		end
	end
	for name in pairs(before) do
		print(("%-72s is not in the new one"):format(name))
	end
	return counts, machines
end

local function wrong_books(doc)
	local n = 0
	for _, line in ipairs(doc.lines) do
		if line.books == "wrong" then
			print("# the books are wrong: " .. line.storm)
			n = n + 1
		end
	end
	return n
end

if #arg ~= 2 then
	io.stderr:write("usage: compare.lua OLD NEW\n")
	os.exit(2)
end
local old, new = load_or_end(arg[1]), load_or_end(arg[2])
heads(old, new)
local counts, machines = rows(old, new)
if machines.better + machines.worse > 0 then
	print(("# the machine was another: the raw echo beside %d storms is better, beside %d worse"):format(machines.better,
		machines.worse))
end
print(("# %d better, %d worse, %d noise, %d of one round"):format(counts.better, counts.worse, counts.noise,
	counts["one round"]))
os.exit(wrong_books(new) + counts.worse == 0 and 0 or 1)
