-- SPDX-License-Identifier: MIT
-- Cold kernel ops that stand side by side in a step share one stop: the cgroup is frozen before the
-- first of them and thawed behind the last.
local errors = require "ksnap.error"
local ops = require "ksnap.ops"

local M = {}

local cold = { read_kernel_cold = true, write_kernel_cold = true }

local function is_cold(action)
	return ops.is(action) and cold[action.name] and action.params.freeze ~= nil
end

local function share(a, b)
	return is_cold(a) and is_cold(b) and a.params.freeze == b.params.freeze and a.params.target == b.params.target
end

local function perform_all(list, first, last, perform)
	for i = first, last do perform(list[i]) end
end

-- Actions first to last, which share a stop. Freezing takes the right `write`, reading does not: without it each has a
-- stop of its own.
local function stopped(bridge, list, first, last, perform)
	local cgroup, target = list[first].params.freeze, list[first].params.target
	local frozen, refused = bridge:issue(ops.build("freeze", { cgroup = cgroup, target = target }))
	if frozen == nil and refused.code == "E_DENIED" then return perform_all(list, first, last, perform) end
	errors.assert(frozen, refused)
	local ok, err = pcall(perform_all, list, first, last, perform)
	local thawed, why = bridge:issue(ops.build("thaw", { cgroup = cgroup }))
	if not ok then error(err, 0) end
	return errors.assert(thawed, why)
end

--- perform(action) for each action of the list, in order.
function M.each(bridge, list, perform)
	local i = 1
	while i <= #list do
		local last = i
		while list[last + 1] and share(list[i], list[last + 1]) do last = last + 1 end
		if last > i then
			stopped(bridge, list, i, last, perform)
		else
			perform(list[i])
		end
		i = last + 1
	end
end

return M
