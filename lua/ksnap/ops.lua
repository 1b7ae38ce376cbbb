-- SPDX-License-Identifier: MIT
-- Ops as values: ksnap.op.<name>(args), checked against the schema where they are written.
--
-- args is a table of parameters, or just the main one: op.capture_snapshot "t0". The main parameter
-- may also stand first in a table: op.watch_snapshot { "nr_switches", rate = 10 }. Besides the
-- schema's parameters every op takes `timeout` (a duration).
local schema = require "ksnap.schema"
local msgpack = require "ksnap.msgpack"
local duration = require "ksnap.duration"
local errors = require "ksnap.error"
local files = require "ksnap.files"

local M = {}

-- Ops that the executor does itself: name -> {summary, params as in the schema, run(bridge, params,
-- op) -> result | nil, err}. rest: the parameter that takes all that stands without a name.
local own = {}

--- Make an op of the executor's.
function M.define(name, row)
	own[name] = row
end

local function row_of(name)
	return own[name] or schema.ops[name]
end

--- What an op takes: {summary, params, rest}, the schema's row or the executor's own. nil: there is none.
M.row = row_of

--- The names of all ops, in order.
function M.names()
	local names = errors.names(schema.ops)
	for name in pairs(own) do names[#names + 1] = name end
	table.sort(names)
	return names
end

local Op = { __name = "ksnap.op" }

function Op:__tostring()
	local main = self.plan.main and self.params[self.plan.main]
	return self.name .. (type(main) == "string" and ' "' .. main .. '"' or "")
end

--- Whether a value is an op made by a constructor.
function M.is(value)
	return getmetatable(value) == Op
end

-- ---- what a parameter may be ---------------------------------------------------------------------

local expect = {}

function expect.str(v)
	return type(v) == "string" and v or nil, "a string"
end

function expect.uint(v)
	local n = type(v) == "number" and math.tointeger(v)
	if n and n >= 0 then return n, "" end
	local mt = type(v) == "table" and getmetatable(v)
	return mt and mt.__msgpack == "uint" and v or nil, "a whole number from 0"
end

function expect.int(v)
	return type(v) == "number" and math.tointeger(v) or nil, "a whole number"
end

function expect.float(v)
	return type(v) == "number" and v + 0.0 or nil, "a number"
end

function expect.bool(v)
	if type(v) == "boolean" then return v, "" end
	return nil, "true or false"
end

function expect.bin(v)
	return type(v) == "string" and msgpack.bin(v) or nil, "a string of bytes"
end

function expect.any(v)
	return v, "a value"
end

function expect.map(v)
	return type(v) == "table" and msgpack.map(v) or nil, "a table"
end

expect.tag = expect.str

-- These are for the executor's own ops only.
function expect.duration(v, what)
	return duration(v, what)
end

expect["function"] = function(v)
	return type(v) == "function" and v or nil, "a function"
end

function expect.size(v)
	if v == "max" then return v end
	return type(v) == "number" and v >= 0 and math.tointeger(v) or nil, 'a whole number from 0, or "max",'
end

local range_unit = { str = " bytes", tag = " bytes", list = " items" }
local tag_range = { min = 1, max = 64, type = "tag" }

-- How an error names a parameter: the texts are made only when there is one.
local function named(owner, name)
	return owner .. ": " .. name
end

local function check_range(owner, name, field, v)
	local range = field.type == "tag" and tag_range or field
	if not range.min and not range.max then return end
	local size = type(v) == "number" and v or (type(v) == "string" or type(v) == "table") and #v
	if not size or size >= (range.min or size) and size <= (range.max or size) then return end
	errors.raise("E_ARG", "%s: from %s to %s%s are allowed, not %s", named(owner, name), range.min or 0,
		range.max or "any number of", range_unit[range.type] or "", size)
end

local function check_enum(owner, name, field, v)
	for _, word in ipairs(field.enum) do
		if v == word then return end
	end
	errors.raise("E_ARG", "%s: there is no %q; %s", named(owner, name), tostring(v),
		errors.near(v, { table.unpack(field.enum) }))
end

local function check_list(owner, name, field, v)
	if type(v) ~= "table" then v = { v } end
	local list = {}
	for i, item in ipairs(v) do
		list[i] = M.check(owner, ("%s[%d]"):format(name, i), { type = field.of }, item)
	end
	if #list ~= #errors.names(v) then
		errors.raise("E_ARG", "%s: a list is expected, with no holes and no named keys", named(owner, name))
	end
	return msgpack.list(list)
end

--- The value as it goes out, or an error that names the op, its parameter and what that should be.
function M.check(owner, name, field, v)
	if field.type == "list" then
		v = check_list(owner, name, field, v)
	else
		local checked, expected = (expect[field.type] or expect.map)(v, owner) -- a shape is a map
		if checked == nil then
			errors.raise("E_ARG", "%s: %s is expected, not a %s (%s)", named(owner, name), expected, type(v), tostring(v))
		end
		v = checked
	end
	if field.enum then check_enum(owner, name, field, v) end
	check_range(owner, name, field, v)
	return v
end

local by_name = setmetatable({}, { __mode = "k" }) -- a list of fields -> its fields by name

local function fields_by_name(fields)
	local known = by_name[fields]
	if not known then
		known = {}
		for _, field in ipairs(fields) do known[field.name] = field end
		by_name[fields] = known
	end
	return known
end

local function check_fields(owner, fields, args)
	local known, out = fields_by_name(fields), {}
	for name, v in pairs(args) do
		local field = known[name]
		if not field then
			errors.raise("E_ARG", "%s: there is no parameter %q; %s", owner, tostring(name),
				errors.near(name, errors.names(known)))
		end
		out[name] = M.check(owner, name, field, v)
	end
	return out
end

-- ---- what the executor itself takes, beside the schema's parameters --------------------------------

local function object_name(path)
	return (path:gsub("^.*/", ""):gsub("%.o$", ""):gsub("%.bpf$", ""))
end

local function takes_object(op, args)
	local file = args.file
	args.file = nil
	if type(file) ~= "string" then errors.raise("E_ARG", "%s: file is missing: the BPF object to send", op.name) end
	args.name = args.name or object_name(file)
	local path = files.find(file)
	op.blobs = function() return { files.read(path) } end
end

-- main: the parameter a lone string means; take: reads the executor's own arguments out of args
local special = {
	attach_object = { main = "file", take = takes_object },
	replace_object = { main = "file", take = takes_object },
	store_snapshot = {
		take = function(op, args)
			local report = args.report
			args.report = nil
			if report == nil then errors.raise("E_ARG", "%s: report is missing: the bytes to store", op.name) end
			op.blobs = function() return { report } end
		end,
	},
}

local function main_param(name, row)
	if special[name] and special[name].main then return special[name].main end
	return not row.rest and row.params[1] and row.params[1].name
end

local no_params <const> = msgpack.map {}
local of_a_run <const> = { step = true, elapsed_ms = true, maps = true, boundary_ms = true }

local any_length <const> = { min = 0, max = math.huge }

-- The range of the main parameter when it may stand alone and is any string of some length.
local function lone_string(plan)
	local field = plan.main and fields_by_name(plan.row.params)[plan.main]
	local required = plan.required
	if plan.take or not field or field.enum or not (field.type == "str" or field.type == "tag") then return nil end
	if required[2] or required[1] and required[1] ~= field then return nil end
	local range = field.type == "tag" and tag_range or field
	return range.min and range.max and range or not (range.min or range.max) and any_length or nil
end

-- What building an op of this name takes, looked up once. bare: the op without parameters; lone: the range
-- of a string that may be all there is; within_run: a run fills some in, and remembers it.
local plans = setmetatable({}, {
	__index = function(plans, name)
		local row = row_of(name)
		local plan = { row = row, main = main_param(name, row), take = special[name] and special[name].take,
			required = {} }
		for _, field in ipairs(row.params) do
			if field.required then plan.required[#plan.required + 1] = field end
			plan.within_run = plan.within_run or of_a_run[field.name]
		end
		if not plan.take and #plan.required == 0 then
			plan.bare = setmetatable({ name = name, plan = plan, params = no_params }, Op)
		end
		plan.lone = lone_string(plan)
		plans[name] = plan
		return plan
	end,
})

-- All that stands without a name is one parameter's list.
local function gather_rest(copy, rest)
	if not rest or copy[1] == nil then return end
	local list = { table.unpack(copy) }
	for i = 1, #list do copy[i] = nil end
	copy[rest] = copy[rest] or list
end

local function arguments(op, args, plan)
	if type(args) ~= "table" then args = { args } end
	local copy = {}
	for key, value in pairs(args) do copy[key] = value end
	gather_rest(copy, plan.row.rest)
	if copy[1] ~= nil then
		local main = plan.main
		if not main then errors.raise("E_ARG", "%s takes no parameters", op.name) end
		if copy[main] ~= nil then errors.raise("E_ARG", "%s: %s is given twice", op.name, main) end
		copy[main], copy[1] = copy[1], nil
	end
	return copy
end

local function require_all(op, required)
	for _, field in ipairs(required) do
		if op.params[field.name] == nil then
			errors.raise("E_ARG", "%s: %s is missing: %s", op.name, field.name, field.doc)
		end
	end
end

local function read_arguments(op, args, plan)
	args = arguments(op, args, plan)
	if args.timeout ~= nil then
		op.timeout_ms = math.max(1, duration(args.timeout, op.name .. ": timeout") // 1000000)
		args.timeout = nil
	end
	if plan.take then plan.take(op, args) end
	op.params = check_fields(op.name, plan.row.params, args)
	if not plan.row.run and next(op.params) == nil then op.params = no_params end
end

local function make(name, args, plan)
	local lone = plan.lone
	if lone and type(args) == "string" and #args >= lone.min and #args <= lone.max then
		return setmetatable({ name = name, plan = plan, params = { [plan.main] = args } }, Op)
	end
	local op = setmetatable({ name = name, plan = plan, params = no_params }, Op)
	if args ~= nil or plan.take then read_arguments(op, args, plan) end
	require_all(op, plan.required)
	return op
end

--- How a script says that it means what it does to others.
M.unsafe = "safe = false, in ksnap.scenario { ... } or in ksnap.connect(nil, { ... })"

--- An op that is issued at once, and not changed.
function M.build(name, args)
	local plan = plans[name]
	return args == nil and plan.bare or make(name, args, plan)
end

--- What is known of an op, looked up once: row, the schema's or the executor's own; main, required, bare, lone,
--- within_run as above.
function M.plan(name)
	return plans[name]
end

--- Its parameters as they go out, when nothing else is to be said of it: nil for none, or those of args, a lone
--- string that is in range. false: it has to be built.
function M.lone_params(plan, args)
	if args == nil and plan.bare then return nil end
	local lone = plan.lone
	if lone and type(args) == "string" and #args >= lone.min and #args <= lone.max then return { [plan.main] = args } end
	return false
end

--- The name back, or an error with near names.
function M.check_name(name)
	if not row_of(name) then
		errors.raise("E_OP", "there is no op %q; %s", tostring(name), errors.near(name, M.names()))
	end
	return name
end

local function is_left_out(op, field, defaults)
	return op.params[field.name] == nil and defaults[field.name] ~= nil
end

--- The op, or a copy with parameters filled in where it has such a parameter and the script gave none.
function M.with_defaults(op, defaults)
	local params
	for _, field in ipairs(op.plan.row.run and {} or op.plan.row.params) do
		if is_left_out(op, field, defaults) then
			params = params or {}
			params[field.name] = M.check(op.name, field.name, field, defaults[field.name])
		end
	end
	if not params then return op end
	for key, value in pairs(op.params) do params[key] = value end
	local copy = {}
	for key, value in pairs(op) do copy[key] = value end
	copy.params = params
	return setmetatable(copy, Op)
end

M.constructors = setmetatable({}, {
	__index = function(self, name)
		M.check_name(name)
		local function constructor(args)
			local op = make(name, args, plans[name])
			op.where = errors.where() -- it is kept: say later where it was written
			return op
		end
		rawset(self, name, constructor)
		return constructor
	end,
})

return M
