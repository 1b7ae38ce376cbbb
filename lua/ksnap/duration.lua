-- SPDX-License-Identifier: MIT
-- Durations: "200ms", "1s", "1.5s", "2m", "1h", or a number of seconds; kept as whole nanoseconds.
local errors = require "ksnap.error"

local units = { ns = 1, us = 1e3, ms = 1e6, s = 1e9, m = 60e9, h = 3600e9, d = 86400e9 }
local limit_s = 86400

local function parse(value)
	if type(value) == "number" then return value * 1e9 end
	if type(value) ~= "string" then return nil end
	local number, unit = value:match "^%s*([%d.]+)%s*(%a+)%s*$"
	number = tonumber(number)
	return number and units[unit] and number * units[unit]
end

--- Nanoseconds of a duration; what names it in the error.
return function(value, what)
	local ns = parse(value)
	if not ns then
		errors.raise("E_ARG", '%s: %s is no duration; write "200ms", "1.5s", "2m", "1h" or a number of seconds', what,
			type(value) == "string" and '"' .. value .. '"' or tostring(value))
	end
	if ns ~= ns or ns < 0 or ns > limit_s * 1e9 then
		errors.raise("E_ARG", "%s: %s is not between 0 and a day", what, ns ~= ns and "nan" or value)
	end
	return math.floor(ns)
end
