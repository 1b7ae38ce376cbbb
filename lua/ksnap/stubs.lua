-- SPDX-License-Identifier: MIT
-- What editors and luacheck want to know, made from the ops and from the sandbox itself: annotations
-- for the Lua language server, its settings, and a .luacheckrc.
local json = require "ksnap.json"
local ksnap = require "ksnap" -- which also defines the executor's ops
local ops = require "ksnap.ops"
local sandbox = require "ksnap.sandbox"

local M = {}

local function sorted(t)
	local names = {}
	for name in pairs(t) do names[#names + 1] = name end
	table.sort(names)
	return names
end

-- ---- annotations -----------------------------------------------------------------------------------

-- What is not made from the ops: "Class.method(args): result -- what it does", or "name" for values.
local classes = {
	{ "ksnap.Error", "What the outside world does wrong, returned behind nil; wrong use raises it.", fields = {
		"code string", "class string", "msg string", "retry boolean", "op? string", "where? string" } },
	{ "ksnap.Op", "An op as a value: for steps, or to be issued." },
	{ "ksnap.Task", "What ksnap.spawn gives.", methods = {
		"wait(time?: ksnap.Duration): any ... -- its results; nil and an error when the time was too short",
		"wait_until(until_ns?: integer): any ... -- the same by the monotonic clock",
		"cancel() -- end it; its to-be-closed variables are closed" } },
	{ "ksnap.Value", "A value with its type.", fields = {}, methods = {
		"get(path: string): ksnap.Value", "cpu(n: integer): ksnap.Value", "deref(): ksnap.Value", "u64(): integer",
		"i64(): integer", "f64(): number", "bool(): boolean", "str(): string", "bytes(): string", "raw(): string",
		"tree(): any", "ncpu(): integer", "sum(path?: string): number", "max(path?: string): number",
		"min(path?: string): number" } },
	{ "ksnap.Entry: ksnap.Value", "An entry of a map.", methods = {
		"key(path?: string): ksnap.Value", "value(): ksnap.Value" } },
	{ "ksnap.Map", "A captured map; pairs(map) walks it, #map counts.", methods = {
		"name(): string", "id(): integer", "complete(): boolean", "ncpu(): integer", "at(i: integer): ksnap.Entry",
		"key(i: integer): ksnap.Value", "value(i: integer): ksnap.Value", "lookup(key: any): ksnap.Entry|nil",
		"find(what: any): ksnap.Entry|nil", "filter(pred: fun(e: ksnap.Entry): boolean): ksnap.Entry[]",
		"max_by(fn: fun(e: ksnap.Entry): number): ksnap.Entry|nil",
		"top(n: integer, fn: fun(e: ksnap.Entry): number): ksnap.Entry[]", "cpu(n: integer): ksnap.Map" } },
	{ "ksnap.Snapshot", "A report.", fields = { "tag string", "complete boolean", "placeholder? string" }, methods = {
		"map(name: string): ksnap.Map", "maps(): ksnap.Map[]", "var(name: string): ksnap.Value",
		"vars(...: string): ksnap.Value ...", "get(path: string): ksnap.Value", "active(): ksnap.Snapshot",
		"diff(other: ksnap.Snapshot, path?: string): table[]", "close()" } },
	{ "ksnap.Each", "A pattern over each value.", methods = {
		"at_least(lo: number): table", "at_most(hi: number): table", "between(lo: number, hi: number): table" } },
	{ "ksnap.Series", "A number through time.", methods = {
		"nondecreasing(): table", "strictly_increasing(): table",
		"rate_within(lo: number, hi: number, per?: ksnap.Duration): table",
		"steady_within(opts: { tol: number, warmup?: ksnap.Duration }): table",
		"converges_to(opts: { target: number, tol: number, by?: ksnap.Duration }): table",
		"ratio_within(other: ksnap.Series, lo: number, hi: number): table",
		"always(fn: fun(value: number, sample: table): boolean): table", "each(): ksnap.Each",
		"ratio_across(earlier: integer|string, later: integer|string, of?: string): ksnap.Each",
		"first(step?: integer|string): any", "last(step?: integer|string): any", "delta(step?: integer|string): any" } },
	{ "ksnap.Run", "What steps and checks are given.", fields = { "bridge ksnap.Bridge", "step integer" }, methods = {
		"snapshot(tag: string): ksnap.Snapshot", "events(kind?: string): table[]", "procs(tag: string): table[]",
		"children(): table[]", "issue(op: ksnap.Op): any", "elapsed_ms(): number",
		"series(what: string|fun(s: ksnap.Snapshot): number, opts?: table): ksnap.Series" } },
}

local functions = {
	"scenario(args: table): table -- name, maps, setup, steps and loops, check, teardown, duration, periodic",
	"step(args: table): table -- a name, ops and functions in order, setup, hold",
	"loop(args: table): table -- a name, one function or op, every, times",
	"options(declared: table<string, table>): table -- what is behind -- on the command line",
	"assert(value: any, message?: any, ...: any): any ... -- assert with file:line and formats",
	"connect(url?: string, opts?: table): ksnap.Bridge|nil, ksnap.Error|nil",
	"active(): ksnap.Bridge|nil -- the bridge that bridge:enter() made current",
	"issue(op: ksnap.Op): any -- issue an op on the active bridge",
	"run(fn: function, ...: any): boolean, any ... -- run tasks where no scenario does",
	"spawn(fn: function, ...: any): ksnap.Task",
	"with_timeout(time: ksnap.Duration, fn: function, ...: any): any ...",
	"sleep(time: ksnap.Duration)",
	"series(label: string, samples: table): ksnap.Series",
	"open(what: string, tag?: string): ksnap.Snapshot|nil, ksnap.Error|nil",
	"is_error(value: any): boolean",
	"hex(n: integer): string",
	"unsigned(n: integer): string",
	"now(): number -- monotonic seconds",
}

local types = { str = "string", tag = "string", bin = "string", uint = "integer", int = "integer", float = "number",
	bool = "boolean", duration = "ksnap.Duration", size = 'integer|"max"', ["function"] = "function" }

local function type_of(field)
	if field.enum then
		local choices = {}
		for i, choice in ipairs(field.enum) do choices[i] = '"' .. choice .. '"' end
		return table.concat(choices, "|")
	end
	if field.type == "list" then
		local item = type_of { type = field.of }
		return item .. "[]|" .. item
	end
	return types[field.type] or "table"
end

local function one_line(text)
	return ((text or ""):gsub("%s+", " "))
end

-- "wait(time?: T): R -- doc" as annotations and an empty function.
local function add_function(lines, owner, separator, text)
	local signature, doc = text:match "^(.-) %-%- (.*)$"
	signature = signature or text
	local name, args, results = signature:match "^([%w_]+)(%b()):? ?(.*)$"
	if doc then lines[#lines + 1] = "---" .. doc end
	local names = {}
	-- A comma within a type's own brackets ends no parameter.
	local flat = args:sub(2, -2):gsub("%b()", function(s) return (s:gsub(",", "\1")) end)
		:gsub("%b{}", function(s) return (s:gsub(",", "\1")) end):gsub("%b<>", function(s) return (s:gsub(",", "\1")) end)
	for arg in flat:gmatch "[^,]+" do
		local arg_name, kind = arg:gsub("\1", ","):match "^ *([%w_%.]+%??): (.*)$"
		lines[#lines + 1] = ("---@param %s %s"):format(arg_name, kind)
		names[#names + 1] = arg_name:gsub("%?", "")
	end
	if results ~= "" then lines[#lines + 1] = "---@return " .. results:gsub(" %.%.%.$", " ...") end
	lines[#lines + 1] = ("function %s%s%s(%s) end"):format(owner, separator, name, table.concat(names, ", "))
	lines[#lines + 1] = ""
end

local function add_class(lines, class)
	local name = class[1]:match "^ksnap%.(%w+)"
	lines[#lines + 1] = "---" .. class[2]
	lines[#lines + 1] = "---@class " .. class[1]
	for _, field in ipairs(class.fields or {}) do lines[#lines + 1] = "---@field " .. field end
	lines[#lines + 1] = ("local %s = {}"):format(name)
	lines[#lines + 1] = ""
	for _, method in ipairs(class.methods or {}) do add_function(lines, name, ":", method) end
end

local function params_name(name)
	return "ksnap.params." .. name
end

local function add_params(lines, name, row)
	lines[#lines + 1] = "---@class " .. params_name(name)
	for i, field in ipairs(row.params) do
		if i == 1 and not row.rest then lines[#lines + 1] = ("---@field [1]? %s the same as %s"):format(type_of(field), field.name) end
		lines[#lines + 1] = ("---@field %s? %s %s"):format(field.name, type_of(field), one_line(field.doc))
	end
	lines[#lines + 1] = "---@field timeout? ksnap.Duration"
	lines[#lines + 1] = ""
end

local function argument_type(name, row)
	local first = row.params[1]
	return (first and type_of(first) .. "|" or "") .. params_name(name)
end

local function add_ops(lines)
	for _, name in ipairs(ops.names()) do add_params(lines, name, ops.row(name)) end
	lines[#lines + 1] = "---Ops as values."
	lines[#lines + 1] = "---@class ksnap.Ops"
	for _, name in ipairs(ops.names()) do
		local row = ops.row(name)
		lines[#lines + 1] = ("---@field %s fun(args?: %s): ksnap.Op %s"):format(name, argument_type(name, row),
			one_line(row.summary))
	end
	lines[#lines + 1] = ""
	lines[#lines + 1] = "---A connection to a broker; every op is a method."
	lines[#lines + 1] = "---@class ksnap.Bridge"
	lines[#lines + 1] = "---@field name? string"
	lines[#lines + 1] = "local Bridge = {}\n"
	add_function(lines, "Bridge", ":", "issue(op: ksnap.Op): any ...")
	add_function(lines, "Bridge", ":", "enter(): table -- make this the active bridge until the guard is closed")
	add_function(lines, "Bridge", ":", "close()")
	for _, name in ipairs(ops.names()) do
		local row = ops.row(name)
		lines[#lines + 1] = "---" .. one_line(row.summary)
		lines[#lines + 1] = ("---@param args? %s"):format(argument_type(name, row))
		lines[#lines + 1] = "---@return any, ksnap.Error|nil"
		lines[#lines + 1] = ("function Bridge:%s(args) end\n"):format(name)
	end
end

--- Annotations for the Lua language server; as Lua it is a module of empty functions.
function M.annotations()
	local lines = { "---@meta ksnap", "-- Made by `ksnap new --editor` from the schema; do not edit.", "",
		'---"200ms", "1.5s", "2m", or seconds', "---@alias ksnap.Duration string|number", "" }
	for _, class in ipairs(classes) do add_class(lines, class) end
	add_ops(lines)
	lines[#lines + 1] = "---@class ksnap\n---@field op ksnap.Ops\n---@field null any a nil within a list\nlocal ksnap = { op = {}, null = {} }\n"
	local known = { op = true, null = true }
	for _, text in ipairs(functions) do
		add_function(lines, "ksnap", ".", text)
		known[text:match "^[%w_]+"] = true
	end
	for _, name in ipairs(sorted(ksnap)) do -- those that this file does not tell more of
		if not known[name] then lines[#lines + 1] = ("---@type any\nksnap.%s = {}\n"):format(name) end
	end
	lines[#lines + 1] = "return ksnap"
	return table.concat(lines, "\n") .. "\n"
end

-- ---- settings --------------------------------------------------------------------------------------

--- .luarc.json
function M.language_server()
	return json.encode { ["runtime.version"] = "Lua 5.4", ["workspace.library"] = json.list { "." },
		["runtime.builtin"] = { io = "disable", ffi = "disable", jit = "disable", package = "disable" } } .. "\n"
end

--- .luacheckrc: the globals of the sandbox, and no others.
function M.luacheckrc()
	local lines = { "-- Made by `ksnap new --editor`: the globals that ksnap run gives a script.",
		"stds.ksnap = { read_globals = {" }
	local env = sandbox.new(".", {})
	for _, name in ipairs(sorted(env)) do
		if type(env[name]) == "table" and name ~= "_G" and name ~= "arg" then
			local fields = {}
			for i, field in ipairs(sorted(env[name])) do fields[i] = ('"%s"'):format(field) end
			lines[#lines + 1] = ("\t%s = { fields = { %s } },"):format(name, table.concat(fields, ", "))
		else
			lines[#lines + 1] = ('\t"%s",'):format(name)
		end
	end
	lines[#lines + 1] = "} }"
	lines[#lines + 1] = 'std = "ksnap"'
	lines[#lines + 1] = "max_line_length = false"
	lines[#lines + 1] = 'exclude_files = { "ksnap.d.lua" }'
	return table.concat(lines, "\n") .. "\n"
end

--- The files of a folder, by name.
function M.files()
	return { ["ksnap.d.lua"] = M.annotations(), [".luarc.json"] = M.language_server(), [".luacheckrc"] = M.luacheckrc() }
end

return M
