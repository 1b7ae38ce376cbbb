-- SPDX-License-Identifier: MIT
-- Error tables {code, class, msg, retry, op, where}: raised for wrong use, returned (nil, err) for
-- what the outside world does wrong. Failed assertions are tables of their own kind.
local raw = require "ksnap.errors"

local M = { is = raw.is, new = raw.new, where = raw.where }

--- Wrong use: raise at the script's file and line.
function M.raise(code, fmt, ...)
	raw.raise(code, fmt:format(...))
end

local function distance(a, b)
	local row = {}
	for j = 0, #b do row[j] = j end
	for i = 1, #a do
		local diagonal = row[0]
		row[0] = i
		for j = 1, #b do
			local cost = a:byte(i) == b:byte(j) and 0 or 1
			diagonal, row[j] = row[j], math.min(row[j] + 1, row[j - 1] + 1, diagonal + cost)
		end
	end
	return row[#b]
end

--- What to say behind "there is no NAME": the near names, or all of them when none is near.
function M.near(name, known)
	local near = {}
	for _, k in ipairs(known) do
		if distance(tostring(name), k) <= math.max(2, #k // 4) then near[#near + 1] = k end
	end
	table.sort(near)
	table.sort(known)
	if #near > 0 then return "did you mean " .. table.concat(near, " or ") .. "?" end
	return #known > 0 and "there are " .. table.concat(known, ", ") or "there are none"
end

--- The keys of a table, for M.near.
function M.names(t)
	local names = {}
	for name in pairs(t) do names[#names + 1] = name end
	return names
end

local Assertion = { __name = "ksnap.assertion", __metatable = false }

function Assertion:__tostring()
	return self.where and self.where .. ": " .. self.msg or self.msg
end

local assertions = setmetatable({}, { __mode = "k" })

function M.is_assertion(value)
	return assertions[value] ~= nil
end

--- A failed assertion as a value.
function M.failure(text, where)
	local failure = setmetatable({ msg = text, where = where }, Assertion)
	assertions[failure] = true
	return failure
end

--- Like Lua's assert; a failure knows its line, and a format may stand in the message.
function M.assert(value, message, ...)
	if value then return value, message, ... end
	if type(message) == "table" then error(message, 0) end
	local text = message == nil and "assertion failed" or tostring(message)
	if select("#", ...) > 0 then text = text:format(...) end
	error(M.failure(text, raw.where()), 0)
end

return M
