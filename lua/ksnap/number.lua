-- SPDX-License-Identifier: MIT
-- Numbers as the kernel has them: 64 bits with or without a sign, or a float. Lua shows an unsigned
-- one above 2^63 as negative, so a sample says with `unsigned` when its value is such a one.
local M = {}

local function is_whole(n)
	return math.type(n) == "integer"
end

--- {value, unsigned} of a Lua number or of a value out of a snapshot; nil and why when it is none.
function M.read(v)
	if type(v) == "number" then return { value = v } end
	if type(v) ~= "userdata" then return nil, "a " .. type(v) .. ", not a number" end
	local tree = v:tree()
	if type(tree) == "boolean" then return { value = tree } end
	local ok, n = pcall(v.i64, v)
	if ok then return { value = n } end
	ok, n = pcall(v.u64, v)
	if ok then return { value = n, unsigned = true } end
	ok, n = pcall(v.f64, v)
	if ok then return { value = n } end
	return nil, type(n) == "table" and n.msg or tostring(n)
end

--- As a float, whatever it was.
function M.float(s)
	if s.unsigned and is_whole(s.value) and s.value < 0 then return s.value + 2.0 ^ 64 end
	return s.value + 0.0
end

--- Neither infinite nor no number at all.
function M.is_finite(s)
	local f = M.float(s)
	return f == f and f ~= math.huge and f ~= -math.huge
end

-- Both can be compared by their bits.
local function alike(a, b)
	return is_whole(a.value) and is_whole(b.value) and not a.unsigned == not b.unsigned
end

local function exact(s)
	return s.unsigned and s.value < 0 and M.float(s) or s.value
end

--- Whether a < b.
function M.less(a, b)
	if alike(a, b) then
		if a.unsigned then return math.ult(a.value, b.value) end
		return a.value < b.value
	end
	return exact(a) < exact(b)
end

--- b - a; a float where whole numbers of 64 bits cannot hold it.
function M.minus(b, a)
	if alike(a, b) then
		local d = b.value - a.value
		if M.less(a, b) == (d > 0) and (d ~= 0 or a.value == b.value) then return d end
	end
	return M.float(b) - M.float(a)
end

local function unsigned_text(n)
	if n >= 0 then return ("%d"):format(n) end
	local tens = (n >> 1) // 5
	return ("%d%d"):format(tens, n - tens * 10)
end

--- For people.
function M.text(s)
	local v = s.value
	if type(v) ~= "number" then return tostring(v) end
	if is_whole(v) then return s.unsigned and unsigned_text(v) or ("%d"):format(v) end
	return ("%.6g"):format(v)
end

return M
