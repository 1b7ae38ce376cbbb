-- SPDX-License-Identifier: MIT
-- What a script takes behind `--`: ksnap.options { cpus = { default = 2, help = "how many" } }.
local duration = require "ksnap.duration"
local errors = require "ksnap.error"
local outlet = require "ksnap.outlet"

local M = {
	args = {}, -- the words behind --, set by the host
}

local row_keys = { "type", "default", "help", "choices", "required" }

-- A value out of a word, or nil and what it should be.
local read = {}

function read.str(word) return word end

function read.int(word) return math.tointeger(tonumber(word)), "a whole number" end

function read.uint(word)
	local n = math.tointeger(tonumber(word))
	return n and n >= 0 and n or nil, "a whole number from 0"
end

function read.float(word) return tonumber(word), "a number" end

function read.bool(word)
	local values = { ["true"] = true, yes = true, on = true, ["1"] = true, ["false"] = false, no = false, off = false,
		["0"] = false }
	return values[word], "yes or no"
end

--- Seconds, as a float.
function read.duration(word)
	local ok, ns = pcall(duration, tonumber(word) or word, "")
	return ok and ns / 1e9 or nil, "a duration such as 200ms or 1.5s"
end

local kinds_of = { string = "str", boolean = "bool" }

local function kind_of(name, row)
	local kind = row.type or math.type(row.default) == "integer" and "int" or math.type(row.default)
		or kinds_of[type(row.default)] or "str"
	if not read[kind] then
		errors.raise("E_ARG", "options: %s: there is no type %q; %s", name, tostring(kind),
			errors.near(kind, errors.names(read)))
	end
	return kind
end

local function check_row(name, row)
	if type(name) ~= "string" or not name:find "^%a[%w_]*$" then
		errors.raise("E_ARG", "options: a name is letters, digits and _, not %q", tostring(name))
	end
	if type(row) ~= "table" then
		errors.raise("E_ARG", "options: %s is a table such as { default = 2, help = \"how many\" }", name)
	end
	local known = {}
	for _, key in ipairs(row_keys) do known[key] = true end
	for key in pairs(row) do
		if not known[key] then
			errors.raise("E_ARG", "options: %s: there is no %q; %s", name, tostring(key),
				errors.near(key, { table.unpack(row_keys) }))
		end
	end
	return { name = name, kind = kind_of(name, row), default = row.default, help = row.help, choices = row.choices,
		required = row.required }
end

-- ---- help --------------------------------------------------------------------------------------------

local function sorted_names(rows)
	local names = errors.names(rows)
	table.sort(names)
	return names
end

local function help_line(row)
	local left = row.kind == "bool" and "--" .. row.name or ("--%s %s"):format(row.name, row.kind:upper())
	local notes = {}
	if row.default ~= nil then notes[1] = "default " .. tostring(row.default) end
	if row.required then notes[#notes + 1] = "required" end
	if row.choices then notes[#notes + 1] = table.concat(row.choices, ", ") end
	local note = #notes > 0 and (" (%s)"):format(table.concat(notes, "; ")) or ""
	return ("  %-22s %s%s"):format(left, row.help or "", row.help and note or note:sub(2))
end

--- Raised by --help: the host ends the script as a skipped one.
M.help_asked = setmetatable({}, { __name = "ksnap.help", __metatable = false })

local function give_help(rows)
	outlet.print("Options of this script, behind --:")
	for _, name in ipairs(sorted_names(rows)) do outlet.print(help_line(rows[name])) end
	error(M.help_asked, 0)
end

-- ---- words -------------------------------------------------------------------------------------------

-- What somebody typed, as against what the script's author wrote: no script's error.
local function refuse(fmt, ...)
	error(errors.new("E_ARG", "options: " .. fmt:format(...)), 0)
end

local function find_row(rows, name)
	local key = name:gsub("%-", "_")
	if rows[key] then return rows[key] end
	local negated = key:match "^no_(.+)$"
	if negated and rows[negated] and rows[negated].kind == "bool" then return rows[negated], true end
	refuse("there is no option --%s; %s", name, errors.near(key, errors.names(rows)))
end

local function value_of(row, word)
	local value, expected = read[row.kind](word)
	if value == nil then refuse("--%s takes %s, not %q", row.name, expected, word) end
	if row.choices then
		for _, choice in ipairs(row.choices) do
			if choice == value then return value end
		end
		refuse("--%s takes %s, not %q", row.name, table.concat(row.choices, ", "), word)
	end
	return value
end

-- One option at args[i]; gives the place of the next word.
local function take_option(rows, values, args, i)
	local name, word = args[i]:match "^%-%-([^=]+)=(.*)$"
	name = name or args[i]:sub(3)
	if name == "help" and not rows.help then give_help(rows) end
	local row, negated = find_row(rows, name)
	if row.kind == "bool" and word == nil then
		values[row.name] = not negated
		return i + 1
	end
	if word == nil then
		i = i + 1
		word = args[i]
	end
	if word == nil then refuse("--%s needs a value", row.name) end
	values[row.name] = value_of(row, word)
	return i + 1
end

--- Declare options and read them: a table of their values by name, other words from 1 on.
function M.declare(declared)
	if type(declared) ~= "table" then errors.raise("E_ARG", "options takes a table of options by name") end
	local rows, values = {}, {}
	for name, row in pairs(declared) do
		rows[name] = check_row(name, row)
		values[name] = row.default
	end
	local args, i = M.args, 1
	while args[i] do
		if args[i]:find "^%-%-." then
			i = take_option(rows, values, args, i)
		else
			values[#values + 1] = args[i]
			i = i + 1
		end
	end
	for _, name in ipairs(sorted_names(rows)) do
		if rows[name].required and values[name] == nil then refuse("--%s is missing: %s", name, rows[name].help or "") end
	end
	return values
end

return M
