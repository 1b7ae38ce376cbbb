-- SPDX-License-Identifier: MIT
-- results_test.lua - what compare.lua and report.lua make of files, good ones and others.
local top = os.getenv "KSNAP_TOP_SRCDIR"
package.path = top .. "/bench/?.lua;" .. package.path
local results = require "results"

local n, failed = 0, 0

local function check(name, good, more)
	n = n + 1
	failed = failed + (good and 0 or 1)
	print(("%s %d - %s"):format(good and "ok" or "not ok", n, name))
	if not good and more then
		print("# " .. tostring(more):gsub("\n", "\n# "))
	end
end

local written = {}

local function write(text)
	local path = os.tmpname()
	written[#written + 1] = path
	local f = assert(io.open(path, "wb"))
	f:write(text)
	f:close()
	return path
end

local LUA = os.getenv "LUA"

-- Output and exit code of a script with these files.
local function run(script, ...)
	local p = io.popen(("%s %s/bench/%s %s 2>&1; echo $?"):format(LUA, top, script, table.concat({ ... }, " ")))
	local out = p:read("a")
	p:close()
	return out, tonumber(out:match("(%d+)\n$"))
end

local function path_line(median, q1, q3, is)
	return ('{"program":"p","path":"ping","floor":"echo","unit":"us","params":"","rounds":15,' ..
		'"cost":{"median":1,"q1":1,"q3":1},"floor_cost":{"median":1,"q1":1,"q3":1},' ..
		'"ratio":{"median":%g,"q1":%g,"q3":%g},"goal":1,"goal_is":"%s","verdict":"better"}'):format(median, q1, q3, is)
end

local PARAMS = '{"bytes":64,"executors":1,"bridges":1,"in_flight":4,"period_us":0,"monitors":0,"stuck":0,' ..
	'"drains":false,"one_tag":false}'

local function storm_line(rates, books)
	return ('{"program":"bench_runaway","storm":"store","params":%s,"books":"%s","ops_per_s":[%s],' ..
		'"op_p99_us":[1,1],"ping_p99_us":[2,2],"peak":[3,3],"op_us":{"n":2,"p50":1,"p90":1,"p99":1,"p999":1,"p9999":1,"max":2},' ..
		'"ping_us":{"n":1,"p50":1,"p90":1,"p99":1,"p999":1,"p9999":1,"max":1},' ..
		'"echo_us":{"n":1,"p50":1,"p90":1,"p99":1,"p999":1,"p9999":1,"max":1},' ..
		'"ping_goal_us":5000,"ping_verdict":"better",' ..
		'"allowed":5,"base":1,"events_dropped":6,' ..
		'"samples":[[0.5,1,2,3,4,5,6],[1.5,1,2,3,4,5,7]],"lost":0,"received":0}'):format(PARAMS, books or "right", rates)
end

local function document(...)
	return write('{"v":1,"at":"now","commit":"c","lines":[\n{"program":"p","machine":"box, load 1.0, cc -O2"},\n' ..
		table.concat({ ... }, ",\n") .. "]}")
end

check("JSON: every kind of value", (function()
	local v = results.decode ' {"a":[1,-2.5e1,true,false],"b":{},"c":"\\u00e4\\n\\"\\\\","d":[]} '
	return v.a[1] == 1 and v.a[2] == -25 and v.a[3] == true and v.a[4] == false and next(v.b) == nil and
		v.c == 'ä\n"\\' and #v.d == 0
end)())

for _, bad in ipairs { "", "{", "[1,", "[1 2]", '{"a"}', '{"a":1', '"x', "nope", "1 2", "{1:2}" } do
	check(("JSON: refused: %q"):format(bad), not pcall(results.decode, bad))
end

local out, code = run("compare.lua", "/nowhere", "/nowhere")
check("no such file", code == 2 and out:find "nowhere", out)
out, code = run("compare.lua", write '{"v":2}', write "{}")
check("another kind of file", code == 2 and out:find "not a file of make bench", out)
out, code = run("compare.lua", "one")
check("usage", code == 2 and out:find "usage", out)

local function verdict(name, old, new, word, exit)
	out, code = run("compare.lua", document(old), document(new))
	check(name, code == exit and out:find(word .. "\n"), out)
end
verdict("less than before is better", path_line(1.5, 1.4, 1.6, "at most"), path_line(1.1, 1.0, 1.2, "at most"), "better", 0)
verdict("more than before is worse", path_line(1.1, 1.0, 1.2, "at most"), path_line(1.5, 1.4, 1.6, "at most"), "worse", 1)
verdict("but not where more is better", path_line(1.1, 1.0, 1.2, "at least"), path_line(1.5, 1.4, 1.6, "at least"), "better", 0)
verdict("rounds that overlap are noise", path_line(1.1, 1.0, 1.4, "at most"), path_line(1.5, 1.3, 1.6, "at most"), "noise", 0)
verdict("so is a change within the spread", path_line(1.1, 1.0, 2.0, "at most"), path_line(2.1, 2.01, 2.2, "at most"), "noise", 0)
verdict("storms: more ops are better", storm_line "100,110,105", storm_line "200,210,205", "better", 0)
verdict("storms: one round says nothing", storm_line "100", storm_line "200", "one round", 0)
-- A storm with rounds of its own for one key.
local function with(key, rounds)
	return (storm_line("100,101"):gsub('"books"', ('"%s":[%s],%%0'):format(key, rounds), 1))
end
verdict("storms: an echo that is worse is the machine's", with("echo_p99_us", "10,11"), with("echo_p99_us", "90,91"), "worse", 0)
check("storms: and the machine is told", out:find "store: echo_p99_us .* worse\n" and
	out:find "raw echo beside 0 storms is better, beside 1 worse" and out:find "# 0 better, 0 worse, 4 noise", out)
verdict("storms: an echo that is better", with("echo_p99_us", "90,91"), with("echo_p99_us", "10,11"), "better", 0)
verdict("storms: an echo within the spread", with("echo_p99_us", "10,90"), with("echo_p99_us", "11,91"), "noise", 0)
check("storms: has a row as well", out:find "store: echo_p99_us .* noise\n" and not out:find "the machine was another", out)
verdict("storms: pings without waits", with("own_p99_us", "10,11"), with("own_p99_us", "90,91"), "worse", 1)
check("storms: have a row", out:find "store: own_p99_us .* worse\n", out)
for _, key in ipairs { "writes_per_s", "told_per_s", "captured_per_s" } do
	verdict("hits: fewer are worse: " .. key, with(key, "90,91"), with(key, "10,11"), "worse", 1)
	check("hits: have a row", out:find("store: " .. key .. " .* worse\n"), out)
	verdict("hits: more are better: " .. key, with(key, "10,11"), with(key, "90,91"), "better", 0)
	verdict("hits: noise: " .. key, with(key, "10,90"), with(key, "20,95"), "noise", 0)
end
local growth = '{"program":"g","growth":"caps","exponent":%g,"last_exponent":1,"x_and_us":[[1,2],[8,40]]}'
verdict("growth is measured once", growth:format(0.5), growth:format(1.5), "one round", 0)
verdict("storms: wrong books", storm_line "100,101", storm_line("100,101", "wrong"), "the books are wrong: store", 1)

out = run("compare.lua", document(path_line(1, 1, 1, "at most")),
	write '{"v":1,"at":"now","commit":"c","lines":[{"program":"p","machine":"other box"}]}')
check("another machine is told", out:find "different machines" and out:find "not in the new one", out)

out, code = run("report.lua", "/nowhere")
check("report: no such file", code == 2 and out:find "nowhere", out)
out, code = run("report.lua", document(path_line(1.5, 1, 2, "at most"), storm_line("100,101")))
local _, charts = out:gsub("<svg", "")
check("report: a page with its charts", code == 0 and charts == 3 and out:find "</html>", out)
check("report: nothing is fetched from elsewhere", not out:find "https?:" and not out:find "<script" and not out:find "<link", out)
check("report: what was dropped is red", out:find '<polyline class="line loss" points="%d', out)
check("report: the goal of pings is drawn", out:find('<polyline class="line goal" points="58.0,', 1, true), out)
local own = '"own_us":{"n":1,"p50":1,"p90":1,"p99":123,"p999":1,"p9999":1,"max":1},'
out = run("report.lua", document((storm_line("100,101"):gsub('"books"', own .. '"books"'):gsub('"better"', '"no CPU"'))))
check("report: pings as if no thread had waited", out:find("<td>123 µs</td><td>1 µs</td><td class=\"dim\">no CPU</td>", 1, true) and
	out:find('class="line own"', 1, true), out)
out = run("report.lua", document((storm_line("100,101"):gsub('"better"', '"worse"'))))
check("report: pings that are late are red", out:find('<td class="bad">worse</td>', 1, true), out)
local hits = '"hits":{"armed":2,"got_hot":1,"writes":100,"writing_us":50,"hits":60,"suppressed":20,"captured":30,"missed":10},"seconds":1,'
out, code = run("report.lua", document((storm_line("100,101"):gsub('"books"', hits .. '"books"'))))
check("report: watches have words of their own", code == 0 and out:find "2 watches armed, 1 ended as hot; 100 writes, 2 M a s", out)
check("report: all were trapped", not out:find "not trapped", out)
out, code = run("report.lua", document((storm_line("100,101"):gsub('"books"', hits:gsub('"writes":100', '%0,"traps":97') .. '"books"'))))
check("report: writes that were not trapped", code == 0 and out:find "100 writes, 2 M a s while it is written, 3 not trapped", out)
out = run("report.lua", document '{"program":"bench_growth","growth":"caps","exponent":1.25,"last_exponent":1.3,"x_and_us":[[1,2.5],[8,40]]}')
check("report: growth above linear is red", out:find('8: 40 µs</td><td class="bad">1.25', 1, true), out)
out = run("report.lua", document(storm_line("100,101")))
check("report: no table without paths", not out:find("beside its floor", 1, true), out)
out, code = run("report.lua", document((path_line(1.5, 1, 2, "at most"):gsub("ping", "<b>&"))))
check("report: names are text", code == 0 and out:find("&lt;b&gt;&amp;", 1, true) and not out:find("<b>", 1, true), out)

for _, path in ipairs(written) do
	os.remove(path)
end
print("1.." .. n)
os.exit(failed == 0)
