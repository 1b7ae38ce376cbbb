-- SPDX-License-Identifier: MIT
-- What is wrong with a script, found without running it: that it does not compile, names that nobody
-- declared, names that ksnap does not have, ops whose literal parameters the schema refuses, and scenarios,
-- steps and loops that cannot be.
local duration = require "ksnap.duration"
local errors = require "ksnap.error"
local ksnap = require "ksnap"
local literal = require "ksnap.literal"
local ops = require "ksnap.ops"
local sandbox = require "ksnap.sandbox"
local scenarios = require "ksnap.check_scenario"
local syntax = require "ksnap.syntax"

local M = {}

-- Parameters that are the executor's own, by op: its main one, and their types.
local own = {
	attach_object = { main = "file", params = { file = "str" } }, -- its name comes from the file's
	replace_object = { main = "file", params = { file = "str" } },
	store_snapshot = { params = { report = "any" } },
}
local derived = { attach_object = "name", replace_object = "name" }

-- ---- ops ---------------------------------------------------------------------------------------------

local function fields_of(name)
	local row = ops.row(name)
	local fields, main = {}, nil
	for i, field in ipairs(row.params) do
		if i == 1 and not row.rest then main = field.name end
		fields[field.name] = field
	end
	for key, kind in pairs(own[name] and own[name].params or {}) do fields[key] = { name = key, type = kind } end
	return fields, own[name] and own[name].main or main
end

local function check_value(name, field, value)
	if not literal.is_known(value) then return end
	ops.check(name, field.name, field, value)
end

local function check_params(name, args)
	local fields, main = fields_of(name)
	local rest = ops.row(name).rest
	if rest and args[1] ~= nil then
		local list = table.move(args, 1, #args, 1, {})
		for i = 1, #list do args[i] = nil end
		args[rest] = list
	end
	if args[1] ~= nil and main and args[main] == nil then args[main], args[1] = args[1], nil end
	for key, value in pairs(args) do
		if key == "timeout" then
			if literal.is_known(value) then duration(value, name .. ": timeout") end
		elseif not fields[key] then
			errors.raise("E_ARG", "%s: there is no parameter %q; %s", name, tostring(key), errors.near(key, errors.names(fields)))
		else
			check_value(name, fields[key], value)
		end
	end
	for _, field in pairs(fields) do
		if field.required and args[field.name] == nil and derived[name] ~= field.name then
			errors.raise("E_ARG", "%s: %s is missing: %s", name, field.name, field.doc)
		end
	end
end

local function check_op(name, call)
	ops.check_name(name)
	local arg = call.args[1]
	local args = arg and literal.value(arg)
	if args == literal.unknown then return end
	if type(args) ~= "table" then args = { args } end
	check_params(name, args)
end

-- ---- a script ----------------------------------------------------------------------------------------

local function new_report(file)
	local problems = {}
	return problems, function(line, text)
		problems[#problems + 1] = { file = file, line = line, message = text, at = #problems }
	end
end

local function check_global(node, known, say)
	if node.binding or known.names[node.name] then return end
	if node.written then
		if known.strict then say(node.line, ("%q would be a new global; write: local %s"):format(node.name, node.name)) end
		return
	end
	if known.written[node.name] then return end
	say(node.line, sandbox.undeclared(node.name, known.names))
end

local function check_member(path, node, say)
	local name = path:match "^ksnap%.([^.]+)$"
	if name and ksnap[name] == nil then
		say(node.line, ("ksnap has no %q; %s"):format(name, errors.near(name, errors.names(ksnap))))
	end
end

local function message_of(err)
	return errors.is(err) and err.msg or tostring(err)
end

local function check_call(node, scenario, say)
	local path = not node.method and literal.path(node.fn)
	if not path then return end
	scenario:call(path, node)
	local name = path:match "^ksnap%.op%.([^.]+)$"
	if not name then return end
	local ok, err = pcall(check_op, name, node)
	if not ok then say(node.line, message_of(err)) end
end

local function globals(nodes, options)
	local names, written = {}, {}
	for name in pairs(options.unsafe and _G or sandbox.new(".", {})) do names[name] = true end
	if options.unsafe then names.arg = true end
	for _, node in ipairs(nodes) do
		if node.written and not node.binding and options.unsafe then written[node.name] = true end
	end
	return { names = names, written = written, strict = not options.unsafe }
end

local function check_nodes(nodes, options, say)
	local known, scenario = globals(nodes, options), scenarios.new(say)
	for _, node in ipairs(nodes) do
		if node.kind == "name" then
			check_global(node, known, say)
		elseif node.kind == "index" then
			local path = literal.path(node)
			if path then check_member(path, node, say) end
		elseif node.kind == "call" then
			check_call(node, scenario, say)
		end
	end
end

--- The problems of a script's text: a list of {file, line, message}, in the order of lines.
function M.text(text, file, options)
	local problems, say = new_report(file)
	if text:sub(1, 1) == "\27" then
		say(1, "compiled Lua is not accepted, only text")
		return problems
	end
	text = text:gsub("^#[^\n]*", "", 1)
	local chunk, why = load(text, "=check", "t")
	if not chunk then
		local line, message = why:match "^check:(%d+): (.*)$"
		say(tonumber(line) or 1, message or why)
		return problems
	end
	check_nodes(syntax.nodes(text), options or {}, say)
	table.sort(problems, function(a, b) return a.line < b.line or a.line == b.line and a.at < b.at end)
	for _, problem in ipairs(problems) do problem.at = nil end
	return problems
end

return M
