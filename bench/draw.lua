-- SPDX-License-Identifier: MIT
-- draw.lua - small line charts as SVG, with axes that say what they are. Colours are CSS classes.
local M = {}

local W, H = 380, 210
local LEFT, RIGHT, TOP, BOTTOM = 58, 12, 26, 34

function M.escape(s)
	return (tostring(s):gsub('[&<>"]', { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;" }))
end

-- Three digits that count, without an exponent.
function M.digits(v)
	return ("%.3g"):format(v):find("e", 1, true) and ("%.0f"):format(v) or ("%.3g"):format(v)
end

-- 1234567 as "1.23 M".
function M.short(v)
	for _, unit in ipairs { { 1e9, " G" }, { 1e6, " M" }, { 1e3, " k" } } do
		if v >= unit[1] then
			return M.digits(v / unit[1]) .. unit[2]
		end
	end
	return M.digits(v)
end

-- ---- axes ------------------------------------------------------------------------------------

-- Round steps, so that there are some four to a span.
local function step_of(span)
	local raw = span / 4
	local base = 10 ^ math.floor(math.log(raw, 10))
	for _, factor in ipairs { 1, 2, 5, 10 } do
		if factor * base >= raw then
			return factor * base
		end
	end
	return 10 * base
end

-- From 0 to a round number at or above @high.
function M.linear(high)
	high = high > 0 and high or 1
	local step = step_of(high)
	local top, ticks = math.ceil(high / step - 1e-9) * step, {}
	for v = 0, top + step / 2, step do
		ticks[#ticks + 1] = v
	end
	return { at = function(v) return math.max(0, v) / top end, ticks = ticks, text = M.short }
end

-- From 0 to @high and no further, as of time.
function M.span(high)
	high = high > 0 and high or 1
	local ticks = {}
	for v = 0, high, step_of(high) do
		ticks[#ticks + 1] = v
	end
	return { at = function(v) return math.min(1, math.max(0, v) / high) end, ticks = ticks, text = M.short }
end

-- Powers of ten around what is there.
function M.decades(low, high)
	local a = math.floor(math.log(math.max(low, 1e-9), 10) + 1e-9)
	local b = math.max(a + 1, math.ceil(math.log(math.max(high, 1e-9), 10) - 1e-9))
	local ticks = {}
	for e = a, b do
		ticks[#ticks + 1] = 10.0 ^ e
	end
	return { at = function(v) return (math.log(math.max(v, 1e-9), 10) - a) / (b - a) end, ticks = ticks, text = M.short }
end

-- One place for each of these names.
function M.names(names)
	local ticks = {}
	for i = 1, #names do
		ticks[i] = i
	end
	return { at = function(i) return (i - 1) / math.max(1, #names - 1) end, ticks = ticks,
		 text = function(i) return names[i] end }
end

-- ---- charts ----------------------------------------------------------------------------------

local function put(out, fmt, ...)
	out[#out + 1] = fmt:format(...)
end

local function x_of(axis, v)
	return LEFT + axis.at(v) * (W - LEFT - RIGHT)
end

local function y_of(axis, v)
	return H - BOTTOM - math.min(1, math.max(0, axis.at(v))) * (H - TOP - BOTTOM)
end

local function draw_axes(out, c)
	for _, v in ipairs(c.y.ticks) do
		put(out, '<line class="grid" x1="%d" y1="%.1f" x2="%d" y2="%.1f"/>', LEFT, y_of(c.y, v), W - RIGHT, y_of(c.y, v))
		put(out, '<text x="%d" y="%.1f" text-anchor="end">%s</text>', LEFT - 5, y_of(c.y, v) + 3.5, M.escape(c.y.text(v)))
	end
	for _, v in ipairs(c.x.ticks) do
		put(out, '<text x="%.1f" y="%d" text-anchor="middle">%s</text>', x_of(c.x, v), H - BOTTOM + 14, M.escape(c.x.text(v)))
	end
	put(out, '<line class="axis" x1="%d" y1="%d" x2="%d" y2="%d"/>', LEFT, H - BOTTOM, W - RIGHT, H - BOTTOM)
	put(out, '<text x="%d" y="%d" text-anchor="end">%s</text>', W - RIGHT, H - 4, M.escape(c.x_name))
	put(out, '<text x="4" y="13" class="head">%s</text>', M.escape(c.name))
end

local function draw_line(out, c, line)
	local points = {}
	for i, p in ipairs(line) do
		points[i] = ("%.1f,%.1f"):format(x_of(c.x, p[1]), y_of(c.y, p[2]))
	end
	put(out, '<polyline class="line %s" points="%s"/>', line.class, table.concat(points, " "))
	if line.dots then
		for _, p in ipairs(line) do
			put(out, '<circle class="dot %s" cx="%.1f" cy="%.1f" r="2.2"><title>%s</title></circle>', line.class,
				x_of(c.x, p[1]), y_of(c.y, p[2]), M.escape(M.short(p[2])))
		end
	end
end

local function draw_legend(out, c)
	local x = W - RIGHT
	for i = #c.lines, 1, -1 do
		local line = c.lines[i]
		put(out, '<text x="%d" y="13" text-anchor="end" class="legend %s">%s</text>', x, line.class, M.escape(line.name))
		x = x - 7 - utf8.len(line.name) * 6
	end
end

-- { name, x = axis, y = axis, x_name, lines = { { name, class, dots = bool, { x, y }... }... } }
function M.chart(c)
	local out = {}
	put(out, '<svg viewBox="0 0 %d %d" role="img" aria-label="%s">', W, H, M.escape(c.name))
	draw_axes(out, c)
	for _, line in ipairs(c.lines) do
		draw_line(out, c, line)
	end
	draw_legend(out, c)
	put(out, "</svg>")
	return table.concat(out)
end

return M
