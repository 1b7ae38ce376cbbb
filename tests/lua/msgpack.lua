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
