-- SPDX-License-Identifier: MIT
-- results.lua - read what `make bench` kept: JSON, and the numbers in it by name.
local M = {}

-- ---- JSON ------------------------------------------------------------------------------------

local ESCAPES = { b = "\b", f = "\f", n = "\n", r = "\r", t = "\t", ['"'] = '"', ["\\"] = "\\", ["/"] = "/" }
local WORDS = { ["true"] = true, ["false"] = false }

local function fail(at, what)
	error(("byte %d: %s"):format(at, what), 0)
end

local function skip(s, at)
	return s:find("[^ \t\r\n]", at) or #s + 1
end

local function read_string(s, at)
	local close = at
	repeat
		close = s:find('["\\]', close + 1) or fail(at, "a string without an end")
		local escape = s:sub(close, close) == "\\"
		if escape then
			close = close + 1
		end
	until not escape
	local body = s:sub(at + 1, close - 1)
	body = body:gsub("\\u(%x%x%x%x)", function(hex)
		return utf8.char(tonumber(hex, 16))
	end)
	return body:gsub("\\(.)", ESCAPES), close + 1
end

local read

local function read_list(s, at)
	local list = {}
	at = skip(s, at + 1)
	while s:sub(at, at) ~= "]" do
		list[#list + 1], at = read(s, at)
		at = skip(s, at)
		local sign = s:sub(at, at)
		if sign == "," then
			at = skip(s, at + 1)
		elseif sign ~= "]" then
			fail(at, "expected , or ]")
		end
	end
	return list, at + 1
end

local function read_map(s, at)
	local map = {}
	at = skip(s, at + 1)
	while s:sub(at, at) ~= "}" do
		if s:sub(at, at) ~= '"' then
			fail(at, "expected a key")
		end
		local key
		key, at = read_string(s, at)
		at = skip(s, at)
		if s:sub(at, at) ~= ":" then
			fail(at, "expected :")
		end
		map[key], at = read(s, skip(s, at + 1))
		at = skip(s, at)
		local sign = s:sub(at, at)
		if sign == "," then
			at = skip(s, at + 1)
		elseif sign ~= "}" then
			fail(at, "expected , or }")
		end
	end
	return map, at + 1
end

function read(s, at)
	local sign = s:sub(at, at)
	if sign == "{" then
		return read_map(s, at)
	elseif sign == "[" then
		return read_list(s, at)
	elseif sign == '"' then
		return read_string(s, at)
	end
	local word = s:match("^%a+", at)
	if WORDS[word] ~= nil then
		return WORDS[word], at + #word
	end
	local number = s:match("^%-?%d[%d.eE+-]*", at)
	if not tonumber(number) then
		fail(at, "no value")
	end
	return tonumber(number), at + #number
end

-- One value and nothing behind it; null is not known here.
function M.decode(s)
	local value, at = read(s, skip(s, 1))
	if skip(s, at) <= #s then
		fail(at, "more than one value")
	end
	return value
end

-- ---- what is measured ---------------------------------------------------------------------------

-- nil and why, when there is none or it is another kind of file.
function M.load(path)
	local f, why = io.open(path, "rb")
	if not f then
		return nil, why
	end
	local text = f:read("a")
	f:close()
	local good, doc = pcall(M.decode, text)
	if not good then
		return nil, ("%s: %s"):format(path, doc)
	end
	if type(doc) ~= "table" or doc.v ~= 1 or type(doc.lines) ~= "table" then
		return nil, path .. ": not a file of make bench (it has v = 1 and lines)"
	end
	return doc
end

local function sorted(list)
	local copy = table.move(list, 1, #list, 1, {})
	table.sort(copy)
	return copy
end

function M.median(list)
	local s = sorted(list)
	local n = #s
	return n % 2 == 1 and s[(n + 1) // 2] or (s[n // 2] + s[n // 2 + 1]) / 2
end

-- What a storm's rounds tell: name, whether more is better, whether it is the machine's and not ksnap's.
local OF_STORMS = {
	{ "ops_per_s", true }, { "op_p99_us", false }, { "ping_p99_us", false }, { "own_p99_us", false }, { "peak", false },
	{ "writes_per_s", true }, { "told_per_s", true }, { "captured_per_s", true }, { "echo_p99_us", false, true },
}

local function add_storm(to, line)
	for _, m in ipairs(OF_STORMS) do
		local s = sorted(line[m[1]] or {})
		if #s > 0 and s[#s] > 0 then
			to[#to + 1] = { name = line.storm .. ": " .. m[1], median = M.median(s), low = s[1], high = s[#s],
					more_is_better = m[2], rounds = #s, is_machine = m[3] }
		end
	end
end

-- Numbers of a document, in its order: name, median, low and high (of the rounds in between which it
-- lies), rounds, more_is_better, is_machine. Of a path beside its floor it is the ratio, which what
-- disturbs the machine disturbs least; of growth the exponent, measured once.
function M.numbers(doc)
	local list = {}
	for _, line in ipairs(doc.lines) do
		if line.storm then
			add_storm(list, line)
		elseif line.path then
			list[#list + 1] = { name = line.path .. " / " .. line.floor, median = line.ratio.median,
					    low = line.ratio.q1, high = line.ratio.q3, rounds = line.rounds,
					    more_is_better = line.goal_is == "at least" }
		elseif line.growth then
			list[#list + 1] = { name = line.growth .. ": exponent", median = line.exponent, low = line.exponent,
					    high = line.exponent, rounds = 1, more_is_better = false }
		end
	end
	return list
end

-- The machine each program ran on, as it told; the first that there is.
function M.machine(doc)
	for _, line in ipairs(doc.lines) do
		if line.machine then
			return line.machine
		end
	end
	return "unknown machine"
end

return M
