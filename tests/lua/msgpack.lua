-- Lua values through msgpack and back; what has no form is refused.
local m = require "ksnap.msgpack"

local function refused(value, text)
	local ok, err = pcall(m.encode, value)
	assert(not ok and err.code == "E_ARG", "accepted")
	assert(err.msg:find(text, 1, true), err.msg)
	assert(err.where:find "msgpack%.lua:%d+", tostring(err.where))
end

refused(print, "function")
refused({ print }, "function")
refused({ 1, 2, nil, 4, x = 1 }, "neither a list nor a map")
refused({ [1.5] = 1 }, "number")
refused({ [{}] = 1 }, "table")
local cycle = {}
cycle.self = cycle
refused(cycle, "MAX_DEPTH")

local bad = { "", "\xc1", "\x92\x01", "\xdd\xff\xff\xff\xff", "\x01\x01", ("\x91"):rep(40) .. "\x01" }
for _, bytes in ipairs(bad) do
	local v, err = m.decode(bytes)
	assert(v == nil and err.code == "E_PROTO", ("%q"):format(bytes))
end

local function same(a, b)
	if type(a) ~= "table" or type(b) ~= "table" then return a == b and math.type(a) == math.type(b) end
	for k, v in pairs(a) do
		if not same(v, b[k]) then return false end
	end
	for k in pairs(b) do
		if a[k] == nil then return false end
	end
	return true
end

local values = {
	true, false, 0, 1, -1, 127, 128, -33, 65536, math.maxinteger, math.mininteger, 0.5, 1e300, "", "text", "\0\255",
	{}, { 1, 2, 3 }, { a = 1 }, { { { "deep" } } }, { [5] = "five" }, { list = { {}, { 1 } } }, ("x"):rep(70000),
}
for i, value in ipairs(values) do assert(same(m.decode(m.encode(value)), value), "value %d", i) end

-- What Lua cannot tell apart is marked.
assert(m.encode {} == "\x80" and m.encode(m.list {}) == "\x90" and m.encode(m.map()) == "\x80")
assert(m.encode(m.bin "ab") == "\xc4\x02ab" and m.encode "ab" == "\xa2ab")
assert(m.encode(m.uint(-1)) == "\xcf" .. ("\xff"):rep(8))
assert(m.decode("\xcf" .. ("\xff"):rep(8)) == -1)
assert(m.encode { 1, m.null, 3 } == "\x93\x01\xc0\x03")
assert(m.decode "\x93\x01\xc0\x03"[2] == m.null)
assert(next(m.decode "\x81\xa1a\xc0") == nil, "a nil in a map is absent")

-- Every format, also those that we ourselves do not write.
local function pad(n) return ("\0"):rep(n) end
local formats = {
	{ "\xc2", false }, { "\xc3", true }, { "\x7f", 127 }, { "\xe0", -32 }, { "\xff", -1 },
	{ "\xcc\xff", 255 }, { "\xcd\xff\xfe", 65534 }, { "\xce\xff\xff\xff\xff", 4294967295 },
	{ "\xcf\x80" .. pad(7), math.mininteger }, { "\xd0\x80", -128 }, { "\xd1\xff\xfe", -2 },
	{ "\xd2\x80\0\0\0", -2147483648 }, { "\xd3\xff" .. ("\xff"):rep(7), -1 }, { "\xd3" .. pad(7) .. "\x09", 9 },
	{ "\xca\x3f\xc0\0\0", 1.5 }, { "\xcb\x3f\xf8" .. pad(6), 1.5 }, { "\xcb\x7f\xf0" .. pad(6), math.huge },
	{ "\xa2ab", "ab" }, { "\xd9\x02ab", "ab" }, { "\xda\0\x02ab", "ab" }, { "\xdb\0\0\0\x02ab", "ab" },
	{ "\xc4\0", "" }, { "\xc5\0\x01a", "a" }, { "\xc6\0\0\0\x01a", "a" },
	{ "\xd4\x05a", "a" }, { "\xd8\x05" .. ("x"):rep(16), ("x"):rep(16) }, { "\xc7\x03\x05abc", "abc" }, { "\xc7\0\x05", "" },
	{ "\xdc\0\x02\x01\x92\x02\x03", { 1, { 2, 3 } } }, { "\xdd\0\0\0\x01\xa1a", { "a" } },
	{ "\xde\0\x01\xa1a\x81\x07\x90", { a = { [7] = {} } } }, { "\xdf\0\0\0\x02\xc0\x01\xa1b\x02", { b = 2 } },
	{ "\x82\xcb\x3f\xf8" .. pad(6) .. "\x01\xc3\x02", { [true] = 2 } },
}
for i, case in ipairs(formats) do assert(same(m.decode(case[1]), case[2]), "format %d", i) end
assert(m.decode "\xc0" == nil and m.decode(("\x91"):rep(31) .. "\x90") and m.decode(("\x91"):rep(31) .. "\x01"))
for _, case in ipairs(formats) do
	for cut = 0, #case[1] - 1 do
		local v, err = m.decode(case[1]:sub(1, cut))
		assert(v == nil and err.code == "E_PROTO", "format %q cut at %d", case[1], cut)
	end
end
-- Tables with one mark share it, and only it.
assert(getmetatable(m.list {}) == getmetatable(m.list {}) and getmetatable(m.list {}) ~= getmetatable(m.map {}))
