-- SPDX-License-Identifier: MIT
-- JUnit XML, as CI servers read it: one suite, one case a scenario. A failed check is a failure,
-- everything else that went wrong is an error.
local M = {}

-- XML 1.0 has no place for control characters, not even escaped ones.
local function escape(text)
	if not utf8.len(text) then
		text = text:gsub("[\128-\255]", function(c) return ("\\x%02x"):format(c:byte()) end)
	end
	text = text:gsub("[\0-\8\11\12\14-\31\127]", function(c) return ("\\x%02x"):format(c:byte()) end)
	return (text:gsub("[&<>\"\n\t]", { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;",
		["\n"] = "&#10;", ["\t"] = "&#9;" }))
end

local function add_failure(lines, test, failure)
	local element = test.code == 1 and "failure" or "error"
	local body = {}
	for _, key in ipairs { "at", "phase", "traceback" } do
		if failure[key] then body[#body + 1] = key .. ": " .. failure[key] end
	end
	lines[#lines + 1] = ('      <%s message="%s" type="%s">%s</%s>'):format(element, escape(failure.message),
		escape(failure.code or (test.code == 1 and "check" or "script")), escape(table.concat(body, "\n")), element)
end

-- Those of an inner scenario have the number of their scenario before their own.
local function add_numbered(lines, points, above)
	for i, point in ipairs(points) do
		local number, ms = above .. i, point.ms and (" %.3f ms"):format(point.ms) or ""
		lines[#lines + 1] = ('        <property name="%s - %s" value="%s%s"/>'):format(number, escape(point.name),
			point.ok and "ok" or "not ok", ms)
		if point.points then add_numbered(lines, point.points, number .. ".") end
	end
end

-- JUnit has nothing below a case: steps and patterns are its properties.
local function add_points(lines, points)
	if #points == 0 then return end
	lines[#lines + 1] = "      <properties>"
	add_numbered(lines, points, "")
	lines[#lines + 1] = "      </properties>"
end

local function add_case(lines, test)
	lines[#lines + 1] = ('    <testcase classname="%s" name="%s" time="%.3f">'):format(escape(test.file),
		escape(test.name), test.seconds)
	add_points(lines, test.points)
	if test.skip then lines[#lines + 1] = ('      <skipped message="%s"/>'):format(escape(test.skip)) end
	for _, failure in ipairs(test.failures) do add_failure(lines, test, failure) end
	if #test.output > 0 then
		lines[#lines + 1] = ("      <system-out>%s</system-out>"):format(escape(table.concat(test.output, "\n")))
	end
	lines[#lines + 1] = "    </testcase>"
end

--- The document for a list of tests and their totals.
function M.document(tests, totals)
	local counts = ('tests="%d" failures="%d" errors="%d" skipped="%d" time="%.3f"'):format(#tests, totals.failed,
		totals.errors, totals.skipped, totals.seconds)
	local lines = { '<?xml version="1.0" encoding="UTF-8"?>', ("<testsuites %s>"):format(counts),
		('  <testsuite name="ksnap" %s>'):format(counts) }
	for _, test in ipairs(tests) do add_case(lines, test) end
	lines[#lines + 1] = "  </testsuite>\n</testsuites>\n"
	return table.concat(lines, "\n")
end

return M
