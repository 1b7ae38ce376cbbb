-- SPDX-License-Identifier: MIT
-- Programs that a scenario starts: spawn, wait, kill. They belong to the bridge's handle and end with
-- its teardown, in reverse, with all that they left in their process groups.
local cgroup = require "ksnap.cgroup"
local clock = require "ksnap.clock"
local ending = require "ksnap.ending"
local engine = require "ksnap.engine"
local errors = require "ksnap.error"
local ops = require "ksnap.ops"
local process = require "ksnap.process"

local most <const> = 64
local polite_ns <const> = 1000000000 -- between SIGTERM and SIGKILL

local function new_error(op, code, fmt, ...)
	return nil, errors.new(code, fmt:format(...), op)
end

local function find(bridge, op, name)
	local child = bridge.children[name]
	if child then return child end
	return new_error(op, "E_NOTFOUND", "there is no child %q; %s", name, errors.near(name, errors.names(bridge.children)))
end

local function key_of(name)
	return "child " .. name
end

-- Reap it and end what it left behind.
local function close(bridge, child)
	bridge.children[child.name] = nil
	child.handle:close()
	return true
end

local function stop(bridge, child)
	if not child.handle:has_ended() then
		child.handle:signal(process.signals.TERM)
		child.handle:signal(process.signals.CONT)
		pcall(engine.wait, { child = child.handle, until_ns = ending.at_most(polite_ns) })
	end
	return close(bridge, child)
end

--- Tell all children at once that they are to end.
local function warn(bridge)
	for _, child in pairs(bridge.children) do
		child.handle:signal(process.signals.TERM)
		child.handle:signal(process.signals.CONT)
	end
end

local function describe(outcome)
	return outcome.signal and "signal " .. outcome.signal or "exit code " .. outcome.code
end

ops.define("spawn", {
	summary = "Start a program beside the scenario; it ends with the teardown at the latest.",
	rest = "argv",
	params = {
		{ name = "argv", type = "list", of = "str", required = true, min = 1, max = 1024, doc = "the program and its arguments" },
		{ name = "name", type = "str", min = 1, max = 64, doc = "name for wait and kill; the program's when absent" },
		{ name = "cgroup", type = "str", min = 1, max = 4000, doc = "v2 cgroup to start it in" },
	},
	run = function(bridge, p)
		local name = p.name or p.argv[1]:match "[^/]*$"
		local procs, err
		if bridge.children[name] then
			return new_error("spawn", "E_STATE", "a child %q runs already, process %d; give this one another name", name,
				bridge.children[name].handle:pid())
		end
		if #errors.names(bridge.children) >= most then
			return new_error("spawn", "E_LIMIT", "%d children run already, that is the most; wait for some", most)
		end
		if p.cgroup then
			procs, err = cgroup.procs_file(p.cgroup)
			if not procs then return nil, err end
		end
		local handle
		handle, err = process.spawn(p.argv, procs)
		if not handle then return nil, err end
		local child = { name = name, handle = handle, cgroup = p.cgroup and cgroup.path(p.cgroup) }
		bridge.children[name] = child
		bridge:undo_later(key_of(name), { words = ("end child %q"):format(name), fn = function() return stop(bridge, child) end })
		return { name = name, pid = handle:pid() }
	end,
})

ops.define("wait", {
	summary = "Wait until a child is over; fails when its exit code is another than expected.",
	params = {
		{ name = "name", type = "str", required = true, min = 1, max = 64, doc = "which child" },
		{ name = "code", type = "uint", max = 255, doc = "expected exit code; 0 when absent" },
		{ name = "any", type = "bool", doc = "whatever becomes of it is fine" },
	},
	run = function(bridge, p, op)
		local child, err = find(bridge, "wait", p.name)
		if not child then return nil, err end
		local until_ns = op.timeout_ms and clock.mono_ns() + op.timeout_ms * 1000000 or nil
		engine.wait { child = child.handle, until_ns = until_ns }
		local outcome = child.handle:outcome()
		if not outcome then
			return new_error("wait", "E_TIMEOUT", "%q, process %d, was not over within %d ms", p.name, child.handle:pid(),
				op.timeout_ms)
		end
		bridge:undo(key_of(p.name))
		if not p.any and outcome.code ~= (p.code or 0) then
			return new_error("wait", "E_TARGET", "%q ended with %s, expected was exit code %d", p.name, describe(outcome),
				p.code or 0)
		end
		return outcome
	end,
})


ops.define("kill", {
	summary = "Send a signal to a child and its process group; KILL, when no other is named, also ends it for good.",
	params = {
		{ name = "name", type = "str", required = true, min = 1, max = 64, doc = "which child" },
		{ name = "signal", type = "str", enum = errors.names(process.signals), doc = "HUP, INT, QUIT, KILL, USR1, USR2, TERM, CONT or STOP" },
	},
	run = function(bridge, p)
		local child, err = find(bridge, "kill", p.name)
		if not child then return nil, err end
		local signal = process.signals[p.signal or "KILL"]
		child.handle:signal(signal)
		if signal == process.signals.KILL then
			bridge:forget_undo(key_of(p.name))
			close(bridge, child)
		end
		return true
	end,
})

return { stop = stop, warn = warn }
