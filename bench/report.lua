#!/usr/bin/env lua
-- SPDX-License-Identifier: MIT
-- report.lua FILE [OUT] - what make bench kept, as one HTML file that needs nothing else: a table of
-- ratios, and for each storm its latency up to the maximum, the broker's memory against what its limits
-- allow, and its events, with what was dropped in red.
package.path = (arg[0]:match("^(.*)/") or ".") .. "/?.lua;" .. package.path
local results = require "results"
local draw = require "draw"
local escape, short, digits = draw.escape, draw.short, draw.digits

local MIB = 1048576

local STYLE = [[
:root { color-scheme: light dark; --fg: #1c2024; --dim: #687076; --bg: #fff; --grid: #e4e7ea; --a: #2166ac; --b: #d98200;
  --good: #1a7f4b; --bad: #c62828; --box: #f6f8fa; }
@media (prefers-color-scheme: dark) { :root { --fg: #e6e8ea; --dim: #98a1a8; --bg: #15181b; --grid: #2b3136; --a: #6cb0f2;
  --b: #f0ac4a; --good: #57c08a; --bad: #ff6b63; --box: #1d2226; } }
body { font: 14px/1.45 system-ui, sans-serif; color: var(--fg); background: var(--bg);
 max-width: 1220px; margin: 24px auto; padding: 0 16px; }
h1 { font-size: 22px; margin-bottom: 4px; } h2 { font-size: 17px; margin-top: 32px; } h3 { font-size: 15px; margin: 20px 0 2px; }
p.dim, .dim { color: var(--dim); } table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: 3px 8px; text-align: right; border-bottom: 1px solid var(--grid); white-space: nowrap; }
th { color: var(--dim); font-weight: 500; } th:first-child, td:first-child, td.text, th.text { text-align: left; white-space: normal; }
table.dense { font-size: 13px; } .dense th, .dense td { padding: 3px 6px; } .dense td:first-child { white-space: nowrap; }
.good { color: var(--good); } .bad { color: var(--bad); font-weight: 600; } .wide { overflow-x: auto; }
.row { display: flex; flex-wrap: wrap; gap: 12px; }
.row svg { flex: 1 1 340px; max-width: 400px; background: var(--box); border-radius: 6px; }
svg text { font: 10px system-ui, sans-serif; fill: var(--dim); } svg text.head { font-size: 11px; fill: var(--fg); font-weight: 600; }
svg .grid { stroke: var(--grid); } svg .axis { stroke: var(--dim); } svg .line { fill: none; stroke-width: 1.6; stroke-linejoin: round; }
svg .line.a { stroke: var(--a); } svg .line.b { stroke: var(--b); } svg .line.loss { stroke: var(--bad); }
svg .dot.limit { fill: var(--dim); } svg .line.limit { stroke: var(--dim); stroke-dasharray: 5 4; } svg .dot.a { fill: var(--a); } svg .dot.b, svg .dot.own { fill: var(--b); } svg .line.own { stroke: var(--b); stroke-dasharray: 2 3; }
svg .line.goal { stroke: var(--good); } svg text.legend.goal { fill: var(--good); }
svg text.legend.a { fill: var(--a); } svg text.legend.b, svg text.legend.own { fill: var(--b); } svg text.legend.loss { fill: var(--bad); }
]]

local out = {}

local function put(fmt, ...)
	out[#out + 1] = fmt:format(...)
end

-- ---- ratios ----------------------------------------------------------------------------------

local VERDICT_CLASS = { better = "good", worse = "bad" }

local function put_path(line)
	local most = line.goal_is == "at most"
	put('<tr><td>%s</td><td class="text">%s</td><td>%s %s</td><td>%s %s</td><td>%.3g×</td><td class="dim">%.3g … %.3g</td>' ..
		'<td>%s %.4g×</td><td class="%s">%s</td></tr>', escape(line.path), escape(line.floor), digits(line.cost.median),
		escape(line.unit), digits(line.floor_cost.median), escape(line.unit), line.ratio.median, line.ratio.q1, line.ratio.q3,
		most and "≤" or "≥", line.goal, VERDICT_CLASS[line.verdict] or "dim", escape(line.verdict))
end

local function has_path(lines)
	for _, line in ipairs(lines) do
		if line.path then
			return true
		end
	end
	return false
end

local function put_paths(lines)
	put('<h2>Each path beside its floor</h2><div class="wide"><table><tr><th>path</th><th class="text">floor</th><th>cost</th>' ..
		"<th>floor's</th><th>ratio</th><th>quartiles</th><th>goal</th><th>verdict</th></tr>")
	for _, line in ipairs(lines) do
		if line.path then
			put_path(line)
		end
	end
	put("</table></div>")
end

-- ---- growth ----------------------------------------------------------------------------------

local WORSE_THAN_LINEAR = 1.1

local function exponent_cell(e)
	return ('<td class="%s">%.2f</td>'):format(e > WORSE_THAN_LINEAR and "bad" or "", e)
end

local function put_growth(lines)
	local rows = {}
	for _, line in ipairs(lines) do
		if line.growth then
			local costs = {}
			for i, pair in ipairs(line.x_and_us) do
				costs[i] = ("%s: %s µs"):format(digits(pair[1]), digits(pair[2]))
			end
			rows[#rows + 1] = ('<tr><td>%s</td><td class="text">%s</td>%s%s</tr>'):format(escape(line.growth),
				table.concat(costs, ", "), exponent_cell(line.exponent), exponent_cell(line.last_exponent))
		end
	end
	if #rows > 0 then
		put('<h2>Growth</h2><p class="dim">CPU time of the broker and its worker for one op, by how much there is of something. ' ..
			'Exponent: 0 is constant, 1 linear.</p><table><tr><th>of</th><th class="text">cost of an op</th><th>exponent</th>' ..
			"<th>of the last step</th></tr>%s" ..
			"</table>", table.concat(rows))
	end
end

-- ---- storms ----------------------------------------------------------------------------------

local function us(v)
	if v >= 1e6 then
		return digits(v / 1e6) .. " s"
	end
	return v >= 1000 and digits(v / 1000) .. " ms" or digits(v) .. " µs"
end

local function bytes(v)
	if v >= MIB then
		return digits(v / MIB) .. " MiB"
	end
	return v >= 1024 and digits(v / 1024) .. " KiB" or digits(v) .. " bytes"
end

-- Of a storm without a good round nothing was measured.
local function quantile(hist, which)
	return hist and hist.n > 0 and us(hist[which]) or ""
end

local function put_storm_row(s)
	local peak = #s.peak > 0 and math.max(table.unpack(s.peak)) or 0
	put('<tr><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td class="%s">%s</td>' ..
		'<td class="%s">%.1f</td><td>%.1f</td>' ..
		'<td class="%s">%s</td><td class="%s">%s</td><td class="%s">%s</td></tr>', escape(s.storm),
		#s.ops_per_s > 0 and short(results.median(s.ops_per_s)) or "", quantile(s.op_us, "p50"), quantile(s.op_us, "p99"),
		quantile(s.op_us, "max"), quantile(s.ping_us, "p50"), quantile(s.ping_us, "p99"), quantile(s.ping_us, "max"),
		quantile(s.own_us, "p99"), quantile(s.echo_us, "p99"), VERDICT_CLASS[s.ping_verdict] or "dim",
		escape(s.ping_verdict), peak > s.allowed and "bad" or "", peak / MIB, s.allowed / MIB,
		s.events_dropped > 0 and "bad" or "dim", short(s.events_dropped), s.lost > 0 and "bad" or "dim", short(s.lost),
		s.books == "right" and "good" or "bad", escape(s.books))
end

local function put_storm_table(storms)
	put('<h2>Runaway loops</h2><p class="dim">Latency of an op: from when it was due, or sent, to its answer. Ping: of a client ' ..
		'beside the storm, from when each was due; goal: 99 %% within %s. Own: the same as if no thread that it passes had ' ..
		'waited for a CPU; no CPU: with that the goal holds. Echo: a round trip without the broker beside the ' ..
		'same storm, which is what the machine needs for it. Memory in MiB. Dropped: events that left the full log; ' ..
		'the next drain told how many. Lost: messages that monitors were told they have lost.</p><div class="wide"><table class="dense"><tr><th>storm</th>' ..
		"<th>ops/s</th><th>op p50</th><th>p99</th><th>max</th><th>ping p50</th><th>p99</th><th>max</th><th>own p99</th><th>echo p99</th>" ..
		"<th>goal</th><th>highest</th><th>allowed</th><th>dropped</th><th>lost</th><th>books</th></tr>", us(storms[1].ping_goal_us))
	for _, s in ipairs(storms) do
		put_storm_row(s)
	end
	put("</table></div>")
end

local QUANTILES = { "p50", "p90", "p99", "p999", "p9999", "max" }
local QUANTILE_NAMES = { "50 %", "90 %", "99 %", "99.9 %", "99.99 %", "max" }

local function curve(name, class, hist)
	local line = { name = name, class = class, dots = true }
	for i, q in ipairs(QUANTILES) do
		line[i] = { i, math.max(hist[q], 0.1) }
	end
	return line
end

local function latency_chart(s)
	local low, high = math.huge, 0
	for _, hist in ipairs { s.op_us, s.ping_us, s.echo_us, s.own_us } do
		low, high = math.min(low, hist.p50), math.max(high, hist.max)
	end
	local lines = { curve("op", "a", s.op_us), curve("ping", "b", s.ping_us), curve("raw echo", "limit", s.echo_us),
			s.own_us and curve("ping, own", "own", s.own_us) }
	lines[#lines + 1] = { name = "goal", class = "goal", { 1, s.ping_goal_us }, { 3, s.ping_goal_us } }
	return draw.chart { name = "latency, µs", x = draw.names(QUANTILE_NAMES), x_name = "of all, at most", lines = lines,
			    y = draw.decades(math.max(low, 1), math.max(high, s.ping_goal_us)) }
end

-- Column @i of the samples over time.
local function over_time(s, name, class, i, scale)
	local line = { name = name, class = class }
	for n, sample in ipairs(s.samples) do
		line[n] = { sample[1] / 1000, sample[i] / (scale or 1) }
	end
	return line
end

local function highest(line)
	local high = 0
	for _, p in ipairs(line) do
		high = math.max(high, p[2])
	end
	return high
end

local function seconds(s)
	return s.samples[#s.samples][1] / 1000
end

local function memory_chart(s)
	local limit = { name = "allowed", class = "limit", { 0, s.allowed / MIB }, { seconds(s), s.allowed / MIB } }
	local lines = { over_time(s, "resident", "a", 2, MIB), over_time(s, "stored", "b", 3, MIB), limit }
	return draw.chart { name = "memory, MiB", x = draw.span(seconds(s)), x_name = "s", lines = lines,
			    y = draw.linear(math.max(highest(lines[1]), s.allowed / MIB)) }
end

local function events_chart(s)
	local lines = { over_time(s, "kept", "a", 6), over_time(s, "dropped", "loss", 7) }
	return draw.chart { name = "events", x = draw.span(seconds(s)), x_name = "s", lines = lines,
			    y = draw.linear(math.max(highest(lines[1]), highest(lines[2]))) }
end

local function count(n, of)
	return ("%s %s%s"):format(short(n), of, n == 1 and "" or "s")
end

local HITS = '<h3>%s</h3><p class="dim">%s armed, %d ended as hot; %s%s; %s, of which %s suppressed; %s captured, %s missed while ' ..
	"another was; monitors: %d</p>"

local function put_watches(s)
	local h = s.hits
	local rate = h.writing_us > 0 and (", %s a s while it is written"):format(short(h.writes / h.writing_us * 1e6)) or ""
	local lost = h.writes - (h.traps or h.writes)
	if lost > 0 then
		rate = ("%s, %s not trapped by this machine"):format(rate, short(lost))
	end
	put(HITS, escape(s.storm), short(h.armed) .. (h.armed == 1 and " watch" or " watches"), h.got_hot, count(h.writes, "write"), rate,
		count(h.hits, "hit"), short(h.suppressed), short(h.captured), short(h.missed), s.params.monitors)
end

local function put_requests(s)
	local p = s.params
	put('<h3>%s</h3><p class="dim">%s a report, %d executor%s on %d bridge%s, %d in flight%s; monitors: %d that read, %d that ' ..
		"never do%s</p>", escape(s.storm), bytes(p.bytes), p.executors, p.executors > 1 and "s" or "", p.bridges,
		p.bridges > 1 and "s" or "", p.in_flight, p.period_us > 0 and (", one each %s"):format(us(p.period_us)) or "",
		p.monitors, p.stuck, p.drains and "; with drains" or "")
end

local function put_storm(s)
	if s.hits then
		put_watches(s)
	else
		put_requests(s)
	end
	if #s.samples > 0 then
		put('<div class="row">%s%s%s</div>', latency_chart(s), memory_chart(s), events_chart(s))
	end
end

local function put_document(doc)
	local storms = {}
	for _, line in ipairs(doc.lines) do
		if line.storm then
			storms[#storms + 1] = line
		end
	end
	put('<!DOCTYPE html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">' ..
		"<title>ksnap: speed and caps</title><style>%s</style><h1>ksnap: speed and caps</h1>" ..
		'<p class="dim">%s, commit %s<br>%s</p>', STYLE, escape(doc.at), escape(doc.commit), escape(results.machine(doc)))
	if has_path(doc.lines) then
		put_paths(doc.lines)
	end
	put_growth(doc.lines)
	if #storms > 0 then
		put_storm_table(storms)
		for _, s in ipairs(storms) do
			put_storm(s)
		end
	end
	put("</html>\n")
end

local function fail(why)
	io.stderr:write("report.lua: ", why, "\n")
	os.exit(2)
end

if #arg < 1 or #arg > 2 then
	fail "usage: report.lua FILE [OUT]"
end
local doc, why = results.load(arg[1])
if not doc then
	fail(why)
end
put_document(doc)
local f = arg[2] and (io.open(arg[2], "wb") or fail(arg[2] .. " cannot be written")) or io.stdout
f:write(table.concat(out, "\n"))
if arg[2] then
	f:close()
end
