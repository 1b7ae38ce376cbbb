-- SPDX-License-Identifier: MIT
-- Control groups of the v2 hierarchy: add_cgroup, remove_cgroup, move, set_cpuset, cpu_max, memory_max.
-- What was made, moved and set is undone with the teardown. freeze and thaw are the broker's.
local clock = require "ksnap.clock"
local ending = require "ksnap.ending"
local engine = require "ksnap.engine"
local errors = require "ksnap.error"
local folder = require "ksnap.folder"
local journal = require "ksnap.journal"
local ops = require "ksnap.ops"

local open = io.open

local M = {
	mounts = "/proc/self/mountinfo",
}

local settle_ns <const> = 2000000000 -- for those that were killed to leave a cgroup
local let_go_ns <const> = 100000000
local pause_ns <const> = 2000000

local function fail(code, fmt, ...)
	return nil, errors.new(code, fmt:format(...))
end

-- ---- files ------------------------------------------------------------------------------------------

local function read(path)
	local file, _, errnum = open(path, "rb")
	if not file then return nil, folder.error(errnum, "cannot read " .. path) end
	local text
	text, _, errnum = file:read "a"
	file:close()
	if not text then return nil, folder.error(errnum, "cannot read " .. path) end
	return text
end

local function write(path, text)
	local file, _, errnum = open(path, "wb")
	if not file then return nil, folder.error(errnum, "cannot write " .. path) end
	file:setvbuf "no"
	local ok
	ok, _, errnum = file:write(text)
	file:close()
	if not ok then return nil, folder.error(errnum, ("cannot write %q to %s"):format(text, path)) end
	return true
end

local function words(text)
	local set = {}
	for word in text:gmatch "%S+" do set[word] = true end
	return set
end

-- ---- where things are -------------------------------------------------------------------------------

-- Octal escapes of mountinfo.
local function unescape(path)
	return (path:gsub("\\(%d%d%d)", function(octal) return string.char(tonumber(octal, 8)) end))
end

-- fn(type, mount point, options) for each mounted cgroup hierarchy, until it gives something.
local function each_mount(fn)
	local text, err = read(M.mounts)
	if not text then return nil, err end
	for line in text:gmatch "[^\n]+" do
		local point, kind, options = line:match "^%S+ %S+ %S+ %S+ (%S+) .- %- (cgroup2?) %S+ (%S+)"
		local found = kind and fn(kind, unescape(point), options)
		if found then return found end
	end
end

--- Where the v2 hierarchy is mounted.
function M.root()
	local root, err = each_mount(function(kind, point) return kind == "cgroup2" and point end)
	if root then return root end
	if err then return nil, err end
	return fail("E_UNSUPPORTED", "no v2 cgroup hierarchy is mounted: mount -t cgroup2 none /sys/fs/cgroup/unified")
end

--- "/a/b" of a name from the root of the hierarchy, or of a whole path.
function M.path(name)
	local root, err = M.root()
	if not root then return nil, err end
	if name:sub(1, #root + 1) == root .. "/" then name = name:sub(#root + 1) end
	local parts = {}
	for part in name:gmatch "[^/]+" do
		if part == ".." or part == "." then return fail("E_ARG", "cgroup %q: without . and ..", name) end
		parts[#parts + 1] = part
	end
	if #parts == 0 then return fail("E_ARG", "cgroup %q is the root of the hierarchy; name one below it", name) end
	return "/" .. table.concat(parts, "/"), root
end

local function existing(name)
	local path, root = M.path(name)
	if not path then return nil, root end
	if not folder.is(root .. path) then return fail("E_NOTFOUND", "there is no cgroup %s below %s", path, root) end
	return path, root
end

--- The file that takes processes into a cgroup.
function M.procs_file(name)
	local path, root = existing(name)
	return path and root .. path .. "/cgroup.procs", root
end

local function pids_in(file)
	local text, err = read(file)
	if not text then return nil, err end
	local pids = {}
	for pid in text:gmatch "%d+" do pids[#pids + 1] = math.tointeger(tonumber(pid)) end
	return pids
end

-- Its cgroup in the v2 hierarchy.
local function cgroup_of(pid)
	local text = read(("/proc/%d/cgroup"):format(pid))
	return text and text:match "0::(/[^\n]*)"
end

-- ---- what is the scenario's own ---------------------------------------------------------------------

-- What is not the scenario's own is changed only when it says so.
local function check_unsafe(bridge, what)
	if not bridge:is_safe() then return true end
	return fail("E_DENIED", "%s is not this scenario's own: to change that takes %s", what, ops.unsafe)
end

local function is_own(bridge, pid)
	for _, child in pairs(bridge.children) do
		if child.handle:pid() == pid then return true end
	end
	return not bridge.foreign[pid] and bridge.cgroups[cgroup_of(pid) or ""] == true
end

-- ---- add and remove ---------------------------------------------------------------------------------

-- Those that were killed leave a little later. Who is still there after all.
local function wait_until_empty(path)
	local until_ns = ending.at_most(settle_ns)
	while true do
		local pids = pids_in(path .. "/cgroup.procs") or {}
		if #pids == 0 or clock.mono_ns() > until_ns then return pids end
		engine.sleep_until(clock.mono_ns() + pause_ns)
	end
end

-- The last to leave is off the list a moment before the kernel lets the cgroup go.
local function remove_folder(path)
	local until_ns = ending.at_most(let_go_ns)
	while true do
		local ok, err = folder.remove(path)
		if ok or err.code ~= "E_STATE" or clock.mono_ns() > until_ns then return ok, err end
		engine.sleep_until(clock.mono_ns() + pause_ns)
	end
end

local function end_children(bridge, path)
	local within = {}
	for name, child in pairs(bridge.children) do
		local at = cgroup_of(child.handle:pid())
		if at and (at .. "/"):sub(1, #path + 1) == path .. "/" then within[#within + 1] = name end
	end
	for _, name in ipairs(within) do bridge:undo("child " .. name) end
end

local function remove(bridge, root, path)
	bridge:undo("thaw " .. path)
	end_children(bridge, path)
	local pids = wait_until_empty(root .. path)
	if #pids > 0 then
		return fail("E_STATE", "cgroup %s still has %d process%s that this scenario did not start: %s", path, #pids,
			#pids == 1 and "" or "es", table.concat(pids, ", ", 1, math.min(#pids, 8)))
	end
	local ok, err = remove_folder(root .. path)
	if ok then bridge.cgroups[path] = nil end
	return ok, err
end

local function make_one(bridge, root, path)
	local ok, err = folder.make(root .. path)
	if not ok then return nil, err end
	bridge.cgroups[path] = true
	bridge:undo_later("cgroup " .. path, journal.note({ words = "remove cgroup " .. path,
		fn = function() return remove(bridge, root, path) end }, { "rmdir", root .. path, "" }))
	return true
end

ops.define("add_cgroup", {
	summary = "Make a v2 cgroup, with those above it that are missing; removed with the teardown.",
	params = { { name = "cgroup", type = "str", required = true, min = 1, max = 4000, doc = "/a/b from the root of the hierarchy" } },
	run = function(bridge, p)
		local path, root = M.path(p.cgroup)
		if not path then return nil, root end
		if folder.is(root .. path) then return fail("E_STATE", "there is a cgroup %s already", path) end
		local above = ""
		for part in path:gmatch "/[^/]+" do
			above = above .. part
			if not folder.is(root .. above) then
				local ok, err = make_one(bridge, root, above)
				if not ok then return nil, err end
			end
		end
		return { cgroup = path, path = root .. path }
	end,
})

ops.define("remove_cgroup", {
	summary = "End the children in a cgroup that this scenario made, thaw it, and remove it.",
	params = { { name = "cgroup", type = "str", required = true, min = 1, max = 4000, doc = "which one" } },
	run = function(bridge, p)
		local path, root = existing(p.cgroup)
		if not path then return nil, root end
		if not bridge.cgroups[path] then
			return fail("E_STATE", "cgroup %s was not made by this scenario, so it does not remove it", path)
		end
		local ok, err = remove(bridge, root, path)
		if ok then bridge:forget_undo("cgroup " .. path) end
		return ok, err
	end,
})

-- ---- move ---------------------------------------------------------------------------------------------

local function who_moves(bridge, p)
	if p.pid then return { p.pid } end
	if p.from then
		local file, err = M.procs_file(p.from)
		if not file then return nil, err end
		return pids_in(file)
	end
	local child = bridge.children[p.name]
	if child then return { child.handle:pid() } end
	return fail("E_NOTFOUND", "there is no child %q; %s", p.name, errors.near(p.name, errors.names(bridge.children)))
end

local function check_all_own(bridge, pids)
	for _, pid in ipairs(pids) do
		if not is_own(bridge, pid) then
			local ok, err = check_unsafe(bridge, ("process %d"):format(pid))
			if not ok then return nil, err end
		end
	end
	return true
end

local function move_one(bridge, root, pid, path)
	local from, own = cgroup_of(pid), is_own(bridge, pid)
	local ok, err = write(root .. path .. "/cgroup.procs", ("%d"):format(pid))
	if not ok then return nil, err end
	if from and not own then
		bridge.foreign[pid] = true
		local back = root .. (from == "/" and "" or from) .. "/cgroup.procs"
		bridge:undo_later(nil, journal.note({ words = ("move process %d back to cgroup %s"):format(pid, from), fn = function()
			if cgroup_of(pid) ~= path then return true end -- somebody else's doing since then
			return write(back, ("%d"):format(pid))
		end }, { "move", back, ("%d %s"):format(pid, path) }))
	end
	return true
end

ops.define("move", {
	summary = "Move a child, a process, or all processes of a cgroup into another cgroup; those that are not children go back with the teardown.",
	params = {
		{ name = "name", type = "str", min = 1, max = 64, doc = "a child" },
		{ name = "pid", type = "uint", min = 1, doc = "a process" },
		{ name = "from", type = "str", min = 1, max = 4000, doc = "a cgroup, all processes of which move" },
		{ name = "to", type = "str", required = true, min = 1, max = 4000, doc = "the cgroup to move to" },
	},
	run = function(bridge, p)
		if (p.name and 1 or 0) + (p.pid and 1 or 0) + (p.from and 1 or 0) ~= 1 then
			return fail("E_ARG", "move: either name (a child), pid, or from (a cgroup)")
		end
		local path, root = existing(p.to)
		if not path then return nil, root end
		local pids, err = who_moves(bridge, p)
		if not pids then return nil, err end
		local ok
		ok, err = check_all_own(bridge, pids)
		if not ok then return nil, err end
		for _, pid in ipairs(pids) do
			ok, err = move_one(bridge, root, pid, path)
			if not ok then return nil, err end
		end
		return { moved = #pids }
	end,
})

-- ---- limits -------------------------------------------------------------------------------------------

-- Why a controller is not there: usually because a v1 hierarchy has it.
local function no_controller(controller, root, there)
	local v1 = each_mount(function(kind, point, options)
		return kind == "cgroup" and ("," .. options .. ","):find("," .. controller .. ",", 1, true) and point
	end)
	local has = {}
	for name in pairs(there) do has[#has + 1] = name end
	table.sort(has)
	return fail("E_UNSUPPORTED", "the controller %s is not in the v2 hierarchy at %s, which has %s%s", controller, root,
		#has > 0 and table.concat(has, ", ") or "none",
		v1 and (": the v1 hierarchy at %s has it; boot with cgroup_no_v1=%s to have it in v2"):format(v1, controller)
			or "; this kernel may be built without it")
end

-- A controller must be handed down from each cgroup above.
local function enable(bridge, root, path, controller)
	local there, err = read(root .. "/cgroup.controllers")
	if not there then return nil, err end
	if not words(there)[controller] then return no_controller(controller, root, words(there)) end
	local above = ""
	for part in path:gmatch "/[^/]+" do
		local file = root .. above .. "/cgroup.subtree_control"
		local on
		on, err = read(file)
		if not on then return nil, err end
		if not words(on)[controller] then
			local ok
			ok, err = write(file, "+" .. controller)
			if not ok then return nil, err end
			bridge:undo_later(("control %s %s"):format(controller, file), journal.note({
				words = ("take controller %s back from %s"):format(controller, file),
				fn = function() return write(file, "-" .. controller) end }, { "write", file, "-" .. controller }))
		end
		above = above .. part
	end
	return true
end

local function set(bridge, name, controller, file, text)
	local path, root = existing(name)
	if not path then return nil, root end
	if not bridge.cgroups[path] then
		local ok, err = check_unsafe(bridge, "cgroup " .. path)
		if not ok then return nil, err end
	end
	local ok, err = enable(bridge, root, path, controller)
	if not ok then return nil, err end
	local whole = ("%s%s/%s"):format(root, path, file)
	local old = read(whole)
	ok, err = write(whole, text)
	if not ok then return nil, err end
	if old and not bridge.cgroups[path] then
		old = old:match "^[^\n]*" .. "\n"
		bridge:undo_later(("set %s"):format(whole), journal.note({ words = ("set %s back to %q"):format(whole, old:sub(1, -2)),
			fn = function() return write(whole, old) end }, { "write", whole, old }))
	end
	return true
end

local cgroup_param = { name = "cgroup", type = "str", required = true, min = 1, max = 4000, doc = "which cgroup" }

ops.define("set_cpuset", {
	summary = "The CPUs that tasks of a cgroup may use (cpuset.cpus).",
	params = { cgroup_param,
		{ name = "cpus", type = "str", required = true, max = 4000, doc = 'such as "0-3,7"; "" for all that the one above has' } },
	run = function(bridge, p) return set(bridge, p.cgroup, "cpuset", "cpuset.cpus", p.cpus .. "\n") end,
})

ops.define("cpu_max", {
	summary = "CPU time that a cgroup may take (cpu.max).",
	params = { cgroup_param,
		{ name = "quota", type = "size", required = true, doc = 'microseconds in each period, or "max"' },
		{ name = "period", type = "uint", min = 1000, max = 1000000, doc = "microseconds; 100000 when absent" } },
	run = function(bridge, p)
		return set(bridge, p.cgroup, "cpu", "cpu.max", ("%s %d"):format(p.quota, p.period or 100000))
	end,
})

ops.define("memory_max", {
	summary = "Memory that a cgroup may take (memory.max).",
	params = { cgroup_param, { name = "bytes", type = "size", required = true, doc = 'bytes, or "max"' } },
	run = function(bridge, p) return set(bridge, p.cgroup, "memory", "memory.max", tostring(p.bytes)) end,
})

return M
