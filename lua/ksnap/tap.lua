-- SPDX-License-Identifier: MIT
-- TAP 14: one line a scenario, a YAML block behind a failed one, comments for what scripts print. What
-- was done within a scenario is a subtest before its line.
local outlet = require "ksnap.outlet"

local M = {}

-- Descriptions must not hold what TAP gives a meaning.
local function description(text)
	return (outlet.text_of(text:gsub("[\n\r]", " ")):gsub("[#\\]", "\\%0"))
end

local function yaml_string(text)
	text = text:gsub('[%c"\\\127]', function(c)
		local short = { ["\n"] = "\\n", ["\t"] = "\\t", ['"'] = '\\"', ["\\"] = "\\\\" }
		return short[c] or ("\\x%02x"):format(c:byte())
	end)
	return '"' .. outlet.text_of(text) .. '"'
end

local function add_block(lines, key, text)
	lines[#lines + 1] = ("  %s: |"):format(key)
	for line in text:gmatch "[^\n]+" do lines[#lines + 1] = "    " .. outlet.text_of((line:gsub("\t", "  "))) end
end

local function add_diagnostic(lines, failure)
	lines[#lines + 1] = "  ---"
	lines[#lines + 1] = "  message: " .. yaml_string(failure.message)
	if failure.at then lines[#lines + 1] = "  at: " .. yaml_string(failure.at) end
	if failure.code then lines[#lines + 1] = "  code: " .. failure.code end
	if failure.phase then lines[#lines + 1] = "  phase: " .. yaml_string(failure.phase) end
	if failure.details then
		lines[#lines + 1] = "  details:"
		for _, text in ipairs(failure.details) do lines[#lines + 1] = "    - " .. yaml_string(text) end
	end
	if failure.traceback then add_block(lines, "traceback", failure.traceback) end
	lines[#lines + 1] = "  ..."
end

--- The lines of one result.
function M.result(number, result)
	local lines = { ("%s %d - %s"):format(#result.failures == 0 and "ok" or "not ok", number,
		description(result.name)) }
	if result.skip then lines[1] = lines[1] .. " # SKIP " .. description(result.skip) end
	for _, failure in ipairs(result.failures) do add_diagnostic(lines, failure) end
	return table.concat(lines, "\n") .. "\n"
end

--- A line that means nothing to TAP; within a subtest when it is inner.
function M.comment(text, inner)
	return (inner and "    # " or "# ") .. text .. "\n"
end

--- What a subtest begins with: the name of the test whose parts it has.
function M.subtest(name)
	return ("# Subtest: %s\n"):format(description(name))
end

-- What an inner scenario failed in is no failure of the test: the one around it gets the failures, and judges.
local judged_above <const> = " # TODO the scenario around it judges what failed here"

local function add_point(lines, indent, number, point, is_inner)
	if point.points then
		lines[#lines + 1] = indent .. M.subtest(point.name)
		for i, inner in ipairs(point.points) do add_point(lines, indent .. "    ", i, inner, true) end
		lines[#lines + 1] = ("%s    1..%d\n"):format(indent, #point.points)
	end
	lines[#lines + 1] = ("%s%s %d - %s%s\n"):format(indent, point.ok and "ok" or "not ok", number,
		description(point.name), not point.ok and (is_inner or point.points) and judged_above or "")
end

--- Part number @number of a subtest; what was done in a scenario within it is a subtest before its line.
function M.point(number, point)
	local lines = {}
	add_point(lines, "    ", number, point, false)
	return table.concat(lines)
end

--- The end of a subtest with so many parts.
function M.subtest_end(n)
	return ("    1..%d\n"):format(n)
end

-- Perl's harness (prove) tells that it reads, and refuses a version above 13; subtests are no lines of its own to it.
local version <const> = os.getenv "HARNESS_ACTIVE" and 13 or 14

--- What a run begins with.
function M.head(n)
	return ("TAP version %d\n1..%d\n"):format(version, n)
end

--- A run that does not go on.
function M.bail(why)
	return ("Bail out! %s\n"):format(why)
end

return M
