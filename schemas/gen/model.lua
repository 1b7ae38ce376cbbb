-- SPDX-License-Identifier: MIT
-- model.lua - read all data files of schemas/ into one table, names resolved and rows sorted.
--
-- Data files are loaded with an empty environment: they can hold data and nothing else. Rows keep
-- the form they have in their files; `include` is expanded here and fields get their list of keys.
local M = {}

M.api, M.protocol = 1, 1

local function data(path)
	return assert(loadfile(path, "t", {}))()
end

-- The fields of @fields behind those of the shape they include.
local function expand(def, shapes)
	if not def.include then
		return def.fields
	end
	local all = {}
	for _, f in ipairs(assert(shapes[def.include], def.include).fields) do
		local copy = {}
		for k, v in pairs(f) do
			copy[k] = v
		end
		copy.required = f.required and not def.optional or nil
		all[#all + 1] = copy
	end
	return table.move(def.fields, 1, #def.fields, #all + 1, all)
end

local function by_number(a, b)
	return a.number < b.number
end

local function load_folder(dir, groups)
	local rows = {}
	for _, names in ipairs(groups) do
		for _, name in ipairs(names) do
			local row = data(("%s/%s.lua"):format(dir, name))
			row.file, row.group = name, names.group
			rows[#rows + 1] = row
		end
	end
	table.sort(rows, by_number)
	return rows
end

-- One shape a C struct: named maps of the data files, then params and reply of every op.
local function collect_shapes(m, dir)
	local shapes, byname = {}, {}
	local function add(shape, origin)
		assert(not byname[shape.name], "shape named twice: " .. shape.name)
		shape.origin = origin
		shapes[#shapes + 1], byname[shape.name] = shape, shape
	end
	for _, origin in ipairs { "shapes", "envelope", "work", "live", "kept" } do
		for _, shape in ipairs(data(("%s/%s.lua"):format(dir, origin))) do
			add(shape, origin)
		end
	end
	for _, op in ipairs(m.ops) do
		local kind = op.reply[1]
		if kind == "map" then
			op.reply.fields = expand(op.reply, byname)
		end
		add({ name = op.name .. "_params", doc = "Parameters of " .. op.name .. ".", fields = op.params }, "params")
		local reply = { name = op.name .. "_reply", doc = "Result of " .. op.name .. ".", fields = op.reply.fields }
		if kind ~= "map" then
			local bare = { "r", required = true, doc = reply.doc }
			for k, v in pairs(op.reply) do
				bare[k == 1 and 2 or k] = v
			end
			reply.fields, reply.bare = { bare }, true
		end
		add(reply, "reply")
		op.params_shape, op.reply_shape = byname[op.name .. "_params"], reply
	end
	return shapes, byname
end

-- Sub-shapes before the shapes that use them, else in the order of the files.
local function in_order_of_use(shapes, byname)
	local done, out = {}, {}
	local function visit(shape)
		if done[shape] then
			return
		end
		done[shape] = true
		for _, f in ipairs(shape.fields) do
			local sub = byname[f[2]] or byname[f.of]
			if sub then
				visit(sub)
			end
		end
		out[#out + 1] = shape
	end
	for _, shape in ipairs(shapes) do
		visit(shape)
	end
	return out
end

-- The whole model: ops, events, errors, limits, live, report, shapes (in order of use), shape and
-- report_shape (by name). @srcdir is the top of the source tree.
function M.load(srcdir)
	local dir = srcdir .. "/schemas"
	local m = { api = M.api, protocol = M.protocol, index = data(dir .. "/index.lua") }
	m.ops = load_folder(dir .. "/op", m.index.op)
	m.events = load_folder(dir .. "/event", m.index.event)
	m.errors = data(dir .. "/errors.lua")
	m.limits = data(dir .. "/limits.lua")
	m.live = data(dir .. "/live.lua")
	m.report = data(dir .. "/report.lua")
	m.file = data(dir .. "/file.lua")
	table.sort(m.errors, by_number)
	m.shapes, m.shape = collect_shapes(m, dir)
	m.report_shape = {}
	for _, shape in ipairs(m.report.shapes) do
		m.report_shape[shape.name] = shape
	end
	m.shapes = in_order_of_use(m.shapes, m.shape)
	return m
end

return M
