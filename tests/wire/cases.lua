-- SPDX-License-Identifier: MIT
-- The data cases, read by a msgpack reader of its own: a third opinion beside msgpack-c and Python.
local top = os.getenv("KSNAP_TOP_SRCDIR") or "."

local function hex(s)
	return (s:gsub(".", function(c)
		return ("%02x"):format(c:byte())
	end))
end

local function quoted(s)
	return '"' .. s:gsub('[^\32-\126]', function(c)
		return ("\\x%02x"):format(c:byte())
	end):gsub('["|]', function(c)
		return ("\\x%02x"):format(c:byte())
	end) .. '"'
end

-- A backslash of the value itself must not be taken for one of ours.
local function text(s)
	local parts = {}
	for part, slash in s:gmatch("([^\\]*)(\\?)") do
		parts[#parts + 1] = quoted(part):sub(2, -2) .. (slash == "" and "" or "\\x5c")
	end
	return '"' .. table.concat(parts) .. '"'
end

local render

-- @n items, each of @width objects, from @at.
local function items(s, at, n, width, open, close)
	local out = {}
	if n * width > #s - at + 1 then
		error("count")
	end
	for i = 1, n do
		local key, value
		if width == 2 then
			key, at = render(s, at)
		end
		value, at = render(s, at)
		out[i] = key and key .. ":" .. value or value
	end
	return open .. table.concat(out, ",") .. close, at
end

local function list(s, at, n)
	return items(s, at, n, 1, "[", "]")
end

local function map(s, at, n)
	return items(s, at, n, 2, "{", "}")
end

local function str(s, at, n)
	assert(at + n - 1 <= #s, "short")
	return text(s:sub(at, at + n - 1)), at + n
end

local function bin(s, at, n)
	assert(at + n - 1 <= #s, "short")
	return "x'" .. hex(s:sub(at, at + n - 1)) .. "'", at + n
end

local function ext(s, at, n)
	assert(at + n <= #s, "short")
	return ("ext(%d,%s)"):format(string.unpack("b", s, at), hex(s:sub(at + 1, at + n))), at + n + 1
end

local function constant(word)
	return function(_, at)
		return word, at
	end
end

local function number(layout, form)
	return function(s, at)
		local v, after = string.unpack(layout, s, at)
		return form and form:format(v) or math.type(v) == "integer" and ("%d"):format(v), after
	end
end

local function unsigned64(s, at)
	local v, after = string.unpack(">I8", s, at)
	if v >= 0 then
		return ("%d"):format(v), after
	end
	local tens = (v >> 1) // 5
	return ("%d%d"):format(tens, v - tens * 10), after
end

-- A length of @layout, then what @read makes of that many.
local function counted(layout, read)
	return function(s, at)
		local n, after = string.unpack(layout, s, at)
		return read(s, after, n)
	end
end

local function fixed(n, read)
	return function(s, at)
		return read(s, at, n)
	end
end

local formats = {
	[0xc0] = constant "null", [0xc2] = constant "false", [0xc3] = constant "true",
	[0xc4] = counted(">I1", bin), [0xc5] = counted(">I2", bin), [0xc6] = counted(">I4", bin),
	[0xc7] = counted(">I1", ext), [0xc8] = counted(">I2", ext), [0xc9] = counted(">I4", ext),
	[0xca] = number(">f", "%.17g"), [0xcb] = number(">d", "%.17g"),
	[0xcc] = number ">I1", [0xcd] = number ">I2", [0xce] = number ">I4", [0xcf] = unsigned64,
	[0xd0] = number ">i1", [0xd1] = number ">i2", [0xd2] = number ">i4", [0xd3] = number ">i8",
	[0xd4] = fixed(1, ext), [0xd5] = fixed(2, ext), [0xd6] = fixed(4, ext), [0xd7] = fixed(8, ext),
	[0xd8] = fixed(16, ext),
	[0xd9] = counted(">I1", str), [0xda] = counted(">I2", str), [0xdb] = counted(">I4", str),
	[0xdc] = counted(">I2", list), [0xdd] = counted(">I4", list),
	[0xde] = counted(">I2", map), [0xdf] = counted(">I4", map),
}

function render(s, at)
	local first = assert(s:byte(at), "short")
	at = at + 1
	if first < 0x80 then
		return ("%d"):format(first), at
	elseif first >= 0xe0 then
		return ("%d"):format(first - 256), at
	elseif first < 0x90 then
		return map(s, at, first & 15)
	elseif first < 0xa0 then
		return list(s, at, first & 15)
	elseif first < 0xc0 then
		return str(s, at, first & 31)
	end
	return assert(formats[first], "no format")(s, at)
end

local function whole(s)
	local value, after = render(s, 1)
	assert(after == #s + 1, "trailing")
	return value
end

local function judge(raw, verdict, expected)
	local sound, value = pcall(whole, raw)
	if verdict == "ok" then
		return value ~= expected and ("reads " .. tostring(value)) or nil
	end
	local unsound = expected:find "^byte " or expected:find " follow" or expected:find " declares "
	if expected:find "nested deeper" or sound == not unsound then
		return nil
	end
	return sound and "takes it" or "refuses it: " .. tostring(value)
end

local n = 0
for _, file in ipairs { "params", "replies", "requests" } do
	for line in io.lines(("%s/tests/wire/%s.cases"):format(top, file)) do
		if line:sub(1, 1) ~= "#" then
			local name, kind, digits, verdict, expected =
				line:match("^(.-) | (.-) | (.-) | (.-) | (.*)$")
			local raw = digits:gsub("%x%x", function(d)
				return string.char(tonumber(d, 16))
			end)
			local why = judge(raw, verdict, expected)
			n = n + 1
			print(("%s %d - %s: %s"):format(why and "not ok" or "ok", n, kind, (name:gsub("#", ""))))
			if why then
				print(("# expected %s %s, but Lua %s"):format(verdict, expected, why))
			end
		end
	end
end
print("1.." .. n)
os.exit(n > 100)
