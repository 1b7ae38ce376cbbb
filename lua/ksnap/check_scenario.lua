-- SPDX-License-Identifier: MIT
-- What is wrong with scenarios, steps and loops as they are written: the functions that make them are called
-- with what the text says, and with stand-ins for what only running would tell.
local errors = require "ksnap.error"
local literal = require "ksnap.literal"
local scenario = require "ksnap.scenario"

local M = {}

local unknown <const> = literal.unknown

local makers = {
	["ksnap.scenario"] = { what = "scenario", make = scenario.new },
	["ksnap.step"] = { what = "step", make = scenario.step },
	["ksnap.loop"] = { what = "loop", make = scenario.loop },
}

-- In place of an unknown value: something that is never wrong. What is not here is left out.
local in_place = {
	scenario = { name = "?", duration = "1440m" },
	step = {},
	loop = { every = "1ns", times = 1 },
}

-- Keys on which it depends how long something lasts.
local decides_time = { hold = true, every = true, times = true, duration = true }

local function stand_in() end -- for an op or a function

local Checks = {}
Checks.__index = Checks

--- The checks of one script; say(line, text) is told what is wrong. Calls are given in the order of the text.
function M.new(say)
	return setmetatable({ say = say, made = {}, vague = {} }, Checks)
end

function Checks:list(node)
	local list = {}
	for _, item in ipairs(node.items) do
		if item.key then return unknown end
		local value = self:value(item.value)
		list[#list + 1] = value == unknown and stand_in or value
	end
	return list
end

local function is_op(call)
	local path = not call.method and literal.path(call.fn)
	return path and path:find "^ksnap%.op%." ~= nil
end

-- What a node stands for; a table of ops and functions only where it is written.
function Checks:value(node)
	local named = false
	while node.kind == "name" and node.binding and node.binding.value and not node.binding.assigned do
		node, named = node.binding.value, true
	end
	if node.kind == "function" then return stand_in end
	if node.kind == "call" then return self.made[node] or is_op(node) and stand_in or unknown end
	if node.kind ~= "table" then return literal.value(node) end
	local value = not named and literal.value(node) or unknown
	return value ~= unknown and literal.is_known(value) and value or not named and self:list(node) or unknown
end

-- A key and its value; false when it is wrong, as far as that is known.
function Checks:keyed(what, args, item, key)
	local value = self:value(item.value)
	if key == "maps" and not literal.is_known(literal.value(item.value)) then value = unknown end
	if value == unknown then
		value = in_place[what][key]
		args.vague = args.vague or decides_time[key]
	end
	if value ~= nil or not scenario.keys[what][key] then
		local ok, err = pcall(scenario.check_key, what, key, value)
		if not ok then
			self.say(item.key.line, err.msg)
			return false
		end
	end
	args.known[key] = value
	args.vague = args.vague or self.vague[value]
	return true
end

-- One that stands without a key.
function Checks:placed(what, args, item, is_last)
	local value = self:value(item.value)
	if value == unknown and what == "scenario" then
		value, args.vague = scenario.step {}, true
	elseif value == unknown then
		if what == "loop" and not is_last then return end -- it is the name
		value = stand_in
	end
	args.vague = args.vague or self.vague[value]
	table.insert(args.known, value)
end

-- What the function is called with, and whether its times are vague; nil when some of it is wrong.
function Checks:arguments(what, node)
	local args, right, last = { known = {}, vague = false }, true, 0
	for i, item in ipairs(node.items) do
		if not item.key then last = i end
	end
	for i, item in ipairs(node.items) do
		local key = item.key and literal.value(item.key)
		if not item.key then
			self:placed(what, args, item, i == last)
		elseif key ~= unknown and key ~= nil then
			right = self:keyed(what, args, item, key) and right
		end
	end
	if args.vague then args.known.periodic = nil end -- too dense or not: only running would tell
	return right and args.known, args.vague
end

--- A call of the function at a path such as "ksnap.step".
function Checks:call(path, node)
	local maker = makers[path]
	local arg = node.args[1]
	if not maker or not arg or arg.kind ~= "table" then return end
	local args, vague = self:arguments(maker.what, arg)
	if not args then return end
	local ok, made = pcall(maker.make, args)
	if ok then
		self.made[node], self.vague[made] = made, vague
	else
		self.say(node.line, errors.is(made) and made.msg or tostring(made))
	end
end

return M
