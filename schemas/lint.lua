-- SPDX-License-Identifier: MIT
-- lint.lua - do the schemas keep their own rules? lua5.4 schemas/lint.lua SRCDIR, prints TAP.
local srcdir = arg[1] or "."

local parts = {}
local function part(name)
	if not parts[name] then
		parts[name] = assert(loadfile(("%s/schemas/gen/%s.lua"):format(srcdir, name)))(part)
	end
	return parts[name]
end

local model = part("model").load(srcdir)

-- ---- TAP: one test a rule, its violations as comments ----------------------------------------

local total, failed = 0, 0

local function rule(name, check)
	local faults = {}
	check(function(fmt, ...)
		faults[#faults + 1] = fmt:format(...)
	end)
	total = total + 1
	failed = failed + (#faults > 0 and 1 or 0)
	print(("%s %d - %s"):format(#faults == 0 and "ok" or "not ok", total, name))
	for _, text in ipairs(faults) do
		print("# " .. text)
	end
end

-- ---- what the rules walk over ----------------------------------------------------------------

local function set(list)
	local s = {}
	for _, v in ipairs(list) do
		s[v] = true
	end
	return s
end

-- Calls fn(owner, fields) for every list of fields there is.
local function each_fields(fn)
	for _, shape in ipairs(model.shapes) do
		fn(shape.name, shape.fields)
	end
	for _, ev in ipairs(model.events) do
		fn("event " .. ev.name, ev.fields)
	end
	fn("report", model.report.fields)
	for _, shape in ipairs(model.report.shapes) do
		fn(shape.name, shape.fields)
	end
end

local function each_field(fn)
	each_fields(function(owner, fields)
		for _, f in ipairs(fields) do
			fn(owner, f)
		end
	end)
end

local function is_text(s)
	return type(s) == "string" and s:find("%S") ~= nil
end

-- ---- numbers ---------------------------------------------------------------------------------

local function check_unique(fault, rows, key)
	local seen = {}
	for _, row in ipairs(rows) do
		local n = row.number
		if math.type(n) ~= "integer" or n < 101 or n > 999 then
			fault("%s: number %s is not within 101 to 999", row[key], tostring(n))
		elseif seen[n] then
			fault("%s and %s have the number %d", seen[n], row[key], n)
		end
		seen[n] = row[key]
	end
end

rule("numbers of ops and events are unique and in their group", function(fault)
	for _, rows in ipairs { model.ops, model.events } do
		check_unique(fault, rows, "name")
		for _, row in ipairs(rows) do
			if row.number // 100 ~= row.group then
				fault("%s: number %d is not in group %d of index.lua", row.name, row.number, row.group)
			end
		end
	end
end)

rule("numbers of errors are unique and in the group of their class", function(fault)
	local group = { protocol = 1, argument = 1, limit = 2, busy = 2, state = 2, access = 2, target = 3, timeout = 3,
			transport = 3, resource = 3, internal = 9 }
	check_unique(fault, model.errors, "code")
	for _, e in ipairs(model.errors) do
		if e.number // 100 ~= group[e.class] then
			fault("%s: number %d does not fit class %s", e.code, e.number, tostring(e.class))
		end
	end
end)

-- ---- the header ------------------------------------------------------------------------------

local function slurp(path)
	local file = assert(io.open(path))
	local text = file:read("a")
	file:close()
	return text
end

-- The members of an enum of ksnap.h as name -> number.
local function enum_of(name, prefix)
	local body = assert(slurp(srcdir .. "/bridge/ksnap.h"):match("enum " .. name .. " {(.-)};"), name)
	local members = {}
	for member, value in body:gmatch(prefix .. "([%w_]+) = (-?%d+)") do
		members[member] = math.tointeger(tonumber(value))
	end
	return members
end

local function compare(fault, members, rows, name_of, sign)
	for _, row in ipairs(rows) do
		local name = name_of(row)
		if members[name] ~= sign * row.number then
			fault("%s is %s in ksnap.h, %d here", name, tostring(members[name]), sign * row.number)
		end
		members[name] = nil
	end
	for name in pairs(members) do
		fault("%s is in ksnap.h only", name)
	end
end

rule("event numbers are those of enum ksnap_event_kind", function(fault)
	compare(fault, enum_of("ksnap_event_kind", "KSNAP_EV_"), model.events, function(ev)
		return ev.name:upper()
	end, 1)
end)

rule("error numbers are those of enum ksnap_error", function(fault)
	compare(fault, enum_of("ksnap_error", "KSNAP_E_"), model.errors, function(e)
		return (e.code:gsub("^E_", ""))
	end, -1)
end)

rule("the reasons for absent stats are those of enum ksnap_stats_reason", function(fault)
	local body = slurp(srcdir .. "/bridge/ksnap.h"):match("enum ksnap_stats_reason {(.-)};")
	local words = {}
	for word in body:gmatch("KSNAP_STATS_([%u_]+)") do
		words[#words + 1] = word:lower()
	end
	table.remove(words, 1)
	each_field(function(owner, f)
		if f[1] == "stats_reason" and table.concat(f.enum, " ") ~= table.concat(words, " ") then
			fault("%s: %s, in ksnap.h %s", owner, table.concat(f.enum, " "), table.concat(words, " "))
		end
	end)
end)

rule("api level and protocol are those of ksnap.h", function(fault)
	local text = slurp(srcdir .. "/bridge/ksnap.h")
	for macro, value in pairs { KSNAP_API_LEVEL = model.api, KSNAP_PROTOCOL = model.protocol } do
		local there = text:match("#define " .. macro .. "%s+(%d+)")
		if tonumber(there) ~= value then
			fault("%s is %s, %d here", macro, tostring(there), value)
		end
	end
end)

rule("defaults of limits fit what ksnap.h says of them", function(fault)
	local text = slurp(srcdir .. "/bridge/ksnap.h")
	local byname = {}
	for _, l in ipairs(model.limits) do
		byname[l.name] = l.default
	end
	for name, value, mib in text:gmatch("([%u_]+), default (%d+)( ?M?i?B?)") do
		local number = tonumber(value) * (mib == " MiB" and 1 << 20 or 1)
		if byname[name] ~= number then
			fault("%s is %d in ksnap.h, %s here", name, number, tostring(byname[name]))
		end
	end
	if byname.MAX_TAG ~= tonumber(text:match("#define KSNAP_TAG_MAX%s+(%d+)")) then
		fault("KSNAP_TAG_MAX and MAX_TAG differ")
	end
end)

-- ---- docs and names --------------------------------------------------------------------------

rule("every op and event has summary, doc, since and the name of its file", function(fault)
	for _, rows in ipairs { model.ops, model.events } do
		for _, row in ipairs(rows) do
			if row.name ~= row.file then
				fault("%s is in %s.lua", row.name, row.file)
			end
			if not is_text(row.summary) or row.summary:find("\n") or not row.summary:find("[.?]$") then
				fault("%s: the summary is not one sentence", row.name)
			end
			if not is_text(row.doc) then
				fault("%s has no doc", row.name)
			end
			if math.type(row.since) ~= "integer" or row.since < 1 or row.since > model.api then
				fault("%s: since %s is not an API level up to %d", row.name, tostring(row.since), model.api)
			end
		end
	end
end)

rule("every field, shape, error, limit and live kind has a doc", function(fault)
	each_field(function(owner, f)
		if not is_text(f.doc) then
			fault("%s.%s has no doc", owner, f[1])
		end
	end)
	for _, rows in ipairs { model.shapes, model.report.shapes, model.errors, model.limits, model.live } do
		for _, row in ipairs(rows) do
			if not is_text(row.doc) then
				fault("%s has no doc", row.name or row.code)
			end
		end
	end
end)

-- Of C, and what gnu17 predefines without an underscore.
local KEYWORDS = set {
	"asm", "auto", "bool", "break", "case", "char", "const", "continue", "default", "do", "double", "else", "enum",
	"extern", "false", "float", "for", "goto", "if", "inline", "int", "linux", "long", "register", "restrict", "return",
	"short", "signed", "sizeof", "static", "struct", "switch", "true", "typedef", "typeof", "union", "unix", "unsigned",
	"void", "volatile", "while",
}

-- struct wire_<name> is written by hand for these.
local HAND_WRITTEN = set { "arena", "field", "id", "list", "op", "reply", "request", "shape", "slice" }

local function bad_name(name)
	return type(name) ~= "string" or not name:find("^%l[%l%d_]*$") or name:find("__") or name:find("_$") or KEYWORDS[name]
end

rule("names are snake_case and no C keyword", function(fault)
	each_fields(function(owner, fields)
		local seen = {}
		for _, f in ipairs(fields) do
			if bad_name(f[1]) then
				fault("%s: field %s", owner, tostring(f[1]))
			elseif seen[f[1]] then
				fault("%s has two fields %s", owner, f[1])
			end
			seen[f[1]] = true
		end
	end)
	for _, rows in ipairs { model.ops, model.events, model.shapes, model.report.shapes } do
		for _, row in ipairs(rows) do
			if bad_name(row.name) then
				fault("%s", tostring(row.name))
			end
		end
	end
	for _, shape in ipairs(model.shapes) do
		if HAND_WRITTEN[shape.name] then
			fault("shape %s: struct wire_%s is written by hand", shape.name, shape.name)
		end
	end
	for _, row in ipairs(model.limits) do
		if not row.name:find("^[%u_]+$") then
			fault("limit %s", row.name)
		end
	end
end)

-- ---- types -----------------------------------------------------------------------------------

local SCALAR = set { "bool", "uint", "int", "f64", "str", "tag", "bin", "any" }
local FIELD_KEYS = set { "required", "doc", "min", "max", "enum", "of", "any" }
local ANY_WORDS = set { "uint", "str", "map", "list", "nil", "event" }

local function check_words(fault, where, words)
	if type(words) ~= "table" or #words == 0 then
		return fault("%s: an empty enum", where)
	end
	for _, w in ipairs(words) do
		if not w:find("^[%w_]+$") then
			fault("%s: the word %q", where, w)
		end
	end
end

local function check_type(fault, owner, f)
	local where = owner .. "." .. tostring(f[1])
	local item = f[2] == "list" and f.of or f[2]
	if f[2] ~= "list" and f.of then
		fault("%s: `of` without a list", where)
	elseif not (SCALAR[item] or model.shape[item] or model.report_shape[item]) then
		fault("%s: type %s is unknown", where, tostring(item))
	end
	if f.enum then
		check_words(fault, where, f.enum)
	end
	if f.min and f.max and f.min > f.max then
		fault("%s: min above max", where)
	end
	for k in pairs(f) do
		if type(k) == "string" and not FIELD_KEYS[k] then
			fault("%s: nobody reads `%s`", where, k)
		end
	end
	for _, word in ipairs(f.any or {}) do
		if not ANY_WORDS[word] then
			fault("%s: any of %q", where, word)
		end
	end
end

rule("types of fields exist", function(fault)
	each_field(function(owner, f)
		check_type(fault, owner, f)
	end)
end)

rule("events have at most four fields, strings or numbers, none named as a key around it", function(fault)
	local around = set { "v", "epoch", "ch", "seq", "ts", "k", "mono" }
	local function check(name, fields)
		for _, f in ipairs(fields) do
			if around[f[1]] then
				fault("%s.%s hides a key of the header", name, f[1])
			end
		end
	end
	for _, ev in ipairs(model.events) do
		check(ev.name, ev.fields)
		if #ev.fields > 4 then
			fault("%s has %d fields", ev.name, #ev.fields)
		end
		for _, f in ipairs(ev.fields) do
			if f[2] ~= "str" and f[2] ~= "uint" then
				fault("%s.%s is %s", ev.name, f[1], f[2])
			end
		end
	end
	for _, live in ipairs(model.live) do
		check(live.name, live.fields)
	end
end)

rule("rights and errors that ops name exist", function(fault)
	local rights, codes = set { "observe", "capture", "watch", "write", "admin" }, {}
	for _, e in ipairs(model.errors) do
		codes[e.code] = true
	end
	for _, op in ipairs(model.ops) do
		if not rights[op.right] then
			fault("%s: right %s", op.name, tostring(op.right))
		end
		for _, code in ipairs(op.errors) do
			if not codes[code] then
				fault("%s: error %s", op.name, code)
			end
		end
		if (op.multipart or false) ~= (op.parts ~= nil) then
			fault("%s: multipart and parts go together", op.name)
		end
	end
end)

rule("limits have a unit, a scope and a value, and a switch exactly when they can be set", function(fault)
	local units, scopes = set { "count", "bytes", "ms", "s" }, set { "bridge", "broker", "protocol" }
	local seen = {}
	for _, l in ipairs(model.limits) do
		if not units[l.unit] or not scopes[l.scope] or math.type(l.default) ~= "integer" or l.default < 1 then
			fault("%s: unit %s, scope %s, default %s", l.name, tostring(l.unit), tostring(l.scope), tostring(l.default))
		end
		if (l.switch ~= nil) ~= (l.scope ~= "protocol") or (l.key ~= nil) ~= (l.scope == "bridge") then
			fault("%s: switch or key do not fit scope %s", l.name, l.scope)
		end
		if seen[l.name] then
			fault("%s is there twice", l.name)
		end
		seen[l.name] = true
	end
	for _, f in ipairs(model.shape.bridge_limits.fields) do
		local named = false
		for _, l in ipairs(model.limits) do
			named = named or l.key == f[1]
		end
		if not named then
			fault("bridge_limits.%s is the key of no limit", f[1])
		end
	end
end)

-- ---- examples --------------------------------------------------------------------------------

local KIND_OF = { bool = "boolean", uint = "integer", int = "integer", f64 = "float", str = "string", tag = "string",
		  bin = "string" }

local check_map

local function check_item(fault, where, kind, f, v)
	local sub = model.shape[kind] or model.report_shape[kind]
	local is = math.type(v) or type(v)
	if sub then
		return check_map(fault, where, sub.fields, v)
	elseif kind ~= "any" and is ~= KIND_OF[kind] then
		return fault("%s: %s wanted, %s there", where, kind, is)
	end
	local size = is == "string" and #v or is == "integer" and v
	if size and ((f.min and size < f.min) or (f.max and size > f.max) or (kind == "uint" and v < 0)) then
		fault("%s: out of range", where)
	end
	if f.enum and not set(f.enum)[v] then
		fault("%s: %s is not one of %s", where, tostring(v), table.concat(f.enum, ", "))
	end
end

local function check_value(fault, where, f, v)
	if f[2] ~= "list" then
		return check_item(fault, where, f[2], f, v)
	elseif type(v) ~= "table" then
		return fault("%s: list wanted, %s there", where, type(v))
	end
	for i, item in ipairs(v) do
		check_item(fault, ("%s[%d]"):format(where, i), f.of, {}, item)
	end
end

function check_map(fault, where, fields, v)
	if type(v) ~= "table" then
		return fault("%s: map wanted, %s there", where, type(v))
	end
	local known = {}
	for _, f in ipairs(fields) do
		known[f[1]] = true
		if v[f[1]] ~= nil then
			check_value(fault, where .. "." .. f[1], f, v[f[1]])
		elseif f.required then
			fault("%s: %s is missing", where, f[1])
		end
	end
	for k in pairs(v) do
		if not known[k] then
			fault("%s: %s is unknown", where, tostring(k))
		end
	end
end

local function check_reply(fault, op, where, v)
	local reply = op.reply_shape
	if reply.bare then
		check_value(fault, where, reply.fields[1], v)
	else
		check_map(fault, where, reply.fields, v)
	end
end

local function check_parts(fault, op)
	local examples = op.example.parts
	if type(examples) ~= "table" or #examples ~= #op.parts then
		return fault("%s: one example for each kind of part wanted", op.name)
	end
	for i, part_kind in ipairs(op.parts) do
		local where = ("%s.parts[%d]"):format(op.name, i)
		check_reply(fault, op, where, examples[i])
		for _, key in ipairs(part_kind.required) do
			if examples[i][key] == nil then
				fault("%s: %s is missing", where, key)
			end
		end
	end
	if not op.parts[#op.parts].last then
		fault("%s: no part is the last", op.name)
	end
end

rule("every op has an example that fits its fields", function(fault)
	for _, op in ipairs(model.ops) do
		local ex = op.example
		if type(ex) ~= "table" or type(ex.params) ~= "table" then
			fault("%s has none", op.name)
		else
			check_map(fault, op.name .. ".params", op.params, ex.params)
			if op.parts then
				check_parts(fault, op)
			elseif ex.reply == nil then
				fault("%s has no reply in its example", op.name)
			else
				check_reply(fault, op, op.name .. ".reply", ex.reply)
			end
		end
	end
end)

rule("every event, live kind, work message and kept record has an example that fits its fields", function(fault)
	local function check(row)
		check_map(fault, row.name, row.fields, row.example)
	end
	for _, ev in ipairs(model.events) do
		check(ev)
	end
	for _, shape in ipairs(model.shapes) do
		if shape.origin == "work" or shape.origin == "live" or shape.origin == "kept" then
			check(shape)
		end
	end
end)

rule("the report's example fits its fields and begins with the head", function(fault)
	check_map(fault, "report", model.report.fields, model.report.example)
	for i, name in ipairs(model.report.head) do
		if model.report.fields[i][1] ~= name or not model.report.fields[i].required then
			fault("field %d is %s, in the head %s", i, model.report.fields[i][1], name)
		end
	end
end)

rule("the file's example has its items in order, each fits its fields", function(fault)
	local items = {}
	for i, item in ipairs(model.file.items) do
		items[item.k or "head"] = item
		check_map(fault, "file item " .. i, item.fields, item.example)
		if not is_text(item.doc) then
			fault("file item %d has no doc", i)
		end
		for _, f in ipairs(item.fields) do
			if not is_text(f.doc) then
				fault("file item %d: %s has no doc", i, f[1])
			end
		end
	end
	for _, name in ipairs { "head", "snapshot", "end" } do
		if not items[name] then
			fault("there is no item %s", name)
		end
	end
end)

-- ---- the manifest ----------------------------------------------------------------------------

rule("index.lua names exactly the files that are there", function(fault)
	for folder, rows in pairs { op = model.ops, event = model.events } do
		local named = {}
		for _, row in ipairs(rows) do
			if named[row.file] then
				fault("%s/%s.lua is in index.lua twice", folder, row.file)
			end
			named[row.file] = true
		end
		local ls = assert(io.popen(("ls '%s/schemas/%s'"):format(srcdir:gsub("'", "'\\''"), folder)))
		for name in ls:read("a"):gmatch("([^\n]+)%.lua\n") do
			if not named[name] then
				fault("%s/%s.lua is not in index.lua", folder, name)
			end
		end
		ls:close()
	end
end)

rule("local.am names every file", function(fault)
	local named = {}
	for path in slurp(srcdir .. "/schemas/local.am"):gmatch("schemas/(%l+/[%l_]+)%.lua") do
		named[path] = true
	end
	for folder, rows in pairs { op = model.ops, event = model.events } do
		for _, row in ipairs(rows) do
			if not named[folder .. "/" .. row.file] then
				fault("%s/%s.lua", folder, row.file)
			end
		end
	end
end)

print(("1..%d"):format(total))
os.exit(failed == 0)
