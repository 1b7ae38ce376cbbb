-- SPDX-License-Identifier: MIT
-- A bridge's handle: one method an op, made from the schema, and the guard that makes it active.
-- Replies come back as they are, but for get, drain and capture_snapshot, which give snapshots.
local cgroup = require "ksnap.cgroup"
local children = require "ksnap.children"
local client_module = require "ksnap.client"
local ending = require "ksnap.ending"
local engine = require "ksnap.engine"
local errors = require "ksnap.error"
local journal = require "ksnap.journal"
local ops = require "ksnap.ops"
local reading = require "ksnap.reading"
require "ksnap.executor"

local call_op, lone_params = engine.call, ops.lone_params

local M = {
	-- The host's: endpoint and bridge of a connect that names none, timeout_ms of ops that name none; refused: raised
	-- instead of connecting.
	defaults = {},
}

-- ---- the active bridge: a chain of guards for each task, innermost first -----------------------

local Guard = { __name = "ksnap.guard" }
Guard.__index = Guard

--- Leaving twice, or an outer guard before an inner one, does no harm.
function Guard:leave()
	local task = engine.current()
	self.left = true
	while task.guard and task.guard.left do task.guard = task.guard.prior end
end

function Guard:__close()
	self:leave()
end

function M.active()
	local guard = engine.current().guard
	while guard and guard.left do guard = guard.prior end
	return guard and guard.bridge
end

--- Issue an op on the active bridge.
function M.issue(op)
	if not ops.is(op) then errors.raise("E_ARG", "issue takes an op, such as ksnap.op.list()") end
	local bridge = M.active()
	if not bridge then
		errors.raise("E_STATE", "%s: no bridge is active; make one so with: local g <close> = bridge:enter()",
			op.name)
	end
	return bridge:issue(op)
end

-- ---- what replies become ------------------------------------------------------------------------

local function capture_methods(bridge, tag)
	local snapshot
	local methods = {}
	function methods.snapshot()
		snapshot = snapshot or errors.assert(bridge:get(tag))
		return snapshot
	end
	for _, name in ipairs { "map", "maps", "var", "vars", "active" } do
		methods[name] = function(_, ...)
			local s = methods.snapshot()
			return s[name](s, ...)
		end
	end
	return { __index = methods }
end

local results = {}

-- The reply, with a snapshot's methods; its count of maps gives way to the method of that name.
function results.capture_snapshot(bridge, r)
	r.map_count, r.maps = r.maps, nil
	return setmetatable(r, capture_methods(bridge, r.tag))
end

local function open(tag, blob)
	local snapshot, err = reading.open(blob)
	if snapshot then return snapshot end
	err.msg = ("%s: %s"):format(tag, err.msg)
	return nil, err
end

function results.get(_, r, blobs)
	if not blobs then return r end
	return open(r.tag, blobs[1])
end

--- A list of rows; row.snapshot is the report, and the counts are the list's own fields. A report that
--- cannot be read is row.err instead, and takes none of the others with it.
function results.drain(_, parts)
	local rows = {}
	for _, part in ipairs(parts) do
		if part.blobs[1] then
			part.r.snapshot, part.r.err = open(part.r.tag, part.blobs[1])
			rows[#rows + 1] = part.r
		elseif part.r.tag then
			rows[#rows + 1] = part.r
		else
			rows.count, rows.bytes = part.r.count, part.r.bytes
		end
	end
	return rows
end

local function all_parts(_, parts)
	local list = {}
	for i, part in ipairs(parts) do list[i] = part.r end
	return list
end

-- ---- what a teardown undoes ----------------------------------------------------------------------

-- done by -> undone by, with this parameter; its value is the request's or the reply's
local undone_by = {
	attach_object = { "detach_object", "name" },
	freeze = { "thaw", "cgroup" },
	watch_snapshot = { "unwatch", "watch" },
}

local function call(bridge, op, param, value)
	return engine.call(bridge.client, op, { [param] = value }, { bridge = bridge.name or nil })
end

local function key_of(op, value)
	return op .. " " .. tostring(value)
end

local undoes, remembered = {}, {}
for name, undo in pairs(undone_by) do
	undoes[undo[1]] = undo[2]
	remembered[name], remembered[undo[1]] = true, true
end

local function remember(bridge, op, r)
	local undo = undone_by[op.name]
	local param = undo and undo[2] or undoes[op.name]
	local value = op.params[param] or type(r) == "table" and r[param]
	if param == "cgroup" then value = cgroup.path(value) or value end
	if not undo then
		bridge:forget_undo(key_of(op.name, value))
	else
		local words = ("%s %s"):format(undo[1], value)
		bridge:undo_later(key_of(undo[1], value), { words = words, held = true,
			fn = function() return call(bridge, undo[1], param, value) end })
	end
end

-- ---- the handle ---------------------------------------------------------------------------------

local Bridge = { __name = "ksnap.bridge" }
local methods = {}

-- What changes a target is done only where a script says that it means to.
local writes = { write_kernel_hot = true, write_kernel_cold = true }

--- Whether what is not the script's own must stay as it is.
function methods:is_safe()
	if self.run then return self.run.scenario.safe end
	return self.safe
end

-- The executor's own ops name themselves in their errors, too.
local function own_result(op, r, err)
	if r == nil and errors.is(err) then err.op = err.op or op.name end
	return r, err
end

-- What the client is told besides; most ops need nothing.
local function call_options(bridge, op)
	local timeout_ms, blobs, parts = op.timeout_ms or bridge.timeout_ms, op.blobs, op.plan.row.multipart
	if not (bridge.name or timeout_ms or blobs or parts) then return nil end
	return { bridge = bridge.name or nil, timeout_ms = timeout_ms or nil, blobs = blobs and blobs(), parts = parts }
end

local function issue_within(run, bridge, op)
	local elapsed_ms = run:elapsed_ms()
	op = run:fill(op, elapsed_ms)
	local r, blobs = engine.call(bridge.client, op.name, op.params, call_options(bridge, op))
	if not (r == nil and errors.is(blobs)) then run:did(op, elapsed_ms) end
	return r, blobs
end

--- Issue an op made by ksnap.op.<name>. What the outside world does wrong returns nil, err.
function methods:issue(op)
	if not ops.is(op) then errors.raise("E_ARG", "issue takes an op, such as ksnap.op.list(), not a %s", type(op)) end
	local plan, name, run, r, blobs = op.plan, op.name, self.run, nil, nil
	if plan.row.run then return own_result(op, plan.row.run(self, op.params, op)) end
	if writes[name] and self:is_safe() then
		return nil, errors.new("E_DENIED", "to write memory takes " .. ops.unsafe, name)
	end
	if run and plan.within_run then
		r, blobs = issue_within(run, self, op)
	else
		r, blobs = engine.call(self.client, name, op.params, call_options(self, op))
	end
	if r == nil and errors.is(blobs) then return nil, blobs end
	if remembered[name] then remember(self, op, r) end
	local result = results[name] or plan.row.multipart and all_parts
	if result then return result(self, r, blobs) end
	return r
end

--- Make this the active bridge: local g <close> = bridge:enter()
function methods:enter()
	local task = engine.current()
	task.guard = setmetatable({ bridge = self, prior = task.guard }, Guard)
	return task.guard
end

--- Have the teardown call what.fn() -> result | nil, err, before what was to be undone until now. key, which
--- may be nil, names it for undo and forget_undo. what.words say what is undone; what.held: the broker undoes it
--- as well, when the session ends.
function methods:undo_later(key, what)
	if key then self:forget_undo(key) end
	what.key = key
	table.insert(self.undo_list, what)
	journal.add(what)
end

--- It is undone already.
function methods:forget_undo(key)
	for i = #self.undo_list, 1, -1 do
		if self.undo_list[i].key == key then
			local what = table.remove(self.undo_list, i)
			journal.remove(what)
			return what
		end
	end
end

--- Undo it now, when there is something to undo.
function methods:undo(key)
	local u = self:forget_undo(key)
	if u then return u.fn() end
	return true
end

--- Undo, in reverse, what was attached, armed, frozen, started, made and moved here, but for the first
--- @kept of it. A list of what could not be undone.
function methods:release(kept)
	local _ <close> = ending.enter "teardown"
	local _ <close> = ending.enter "release"
	if ending.is_near() then children.warn(self) end
	local failed = {}
	while #self.undo_list > (kept or 0) do
		local what = table.remove(self.undo_list)
		failed[#failed + 1] = ending.undo(what)
		journal.remove(what)
	end
	return failed
end

--- What the broker holds for it is let go with the session.
function methods:close()
	engine.forget(self.client)
	for i = #self.undo_list, 1, -1 do
		if self.undo_list[i].held then journal.remove(table.remove(self.undo_list, i)) end
	end
	self.client:close()
end

function Bridge:__close()
	self:close()
end

function Bridge:__tostring()
	return "bridge " .. (self.name or "default")
end

-- An op of which nothing is to be remembered, filled in or made of its reply.
local function is_plain(name)
	local plan = ops.plan(name)
	return not (plan.row.run or plan.row.multipart or plan.take or plan.within_run or writes[name] or remembered[name]
		or results[name])
end

-- Its method goes the short way when it is called with no parameter, or with a lone string.
local function plain_method(name)
	local plan <const> = ops.plan(name)
	return function(self, args)
		local params = lone_params(plan, args)
		if params == false or self.name or self.timeout_ms then return self:issue(ops.build(name, args)) end
		local r, err = call_op(self.client, name, params)
		if r == nil and errors.is(err) then return nil, err end
		return r
	end
end

Bridge.__index = setmetatable(methods, {
	__index = function(_, key)
		local name <const> = ops.check_name(key)
		methods[key] = is_plain(name) and plain_method(name) or function(self, args)
			return self:issue(ops.build(name, args))
		end
		return methods[key]
	end,
})

local opened = setmetatable({}, { __mode = "k" }) -- handles

--- A handle over a connected client; opts: bridge, safe.
function M.new(client, opts)
	engine.keep_alive(client)
	local handle = setmetatable({ client = client, name = opts.bridge or false, run = false,
		timeout_ms = M.defaults.timeout_ms or false, safe = opts.safe ~= false,
		undo_list = {}, children = {}, cgroups = {}, foreign = {} }, Bridge)
	opened[handle] = true
	return handle
end

--- Undo what was done by straight-line code, which has no teardown. A list of what could not be undone.
function M.release_all()
	local failed = {}
	for handle in pairs(opened) do
		for _, err in ipairs(handle:release()) do failed[#failed + 1] = err end
	end
	return failed
end

--- Connect to a broker: nil, err when nobody answers. opts: bridge, name, timeout_ms,
--- safe = false: straight-line code may move and limit what it did not start.
function M.connect(url, opts)
	opts = opts or {}
	if M.defaults.refused then error(M.defaults.refused, 0) end
	local client, err = client_module.connect(url or M.defaults.endpoint, {
		name = opts.name or M.defaults.name, bridge = opts.bridge or M.defaults.bridge,
		kind = "executor", timeout_ms = opts.timeout_ms,
	})
	if not client then return nil, err end
	return M.new(client, { bridge = opts.bridge or M.defaults.bridge, safe = opts.safe })
end

return M
