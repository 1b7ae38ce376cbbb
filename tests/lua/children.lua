-- Programs that a scenario starts: how they end, and that none is left.
local ksnap = require "ksnap"
local scenario = require "ksnap.scenario"
local process = require "ksnap.process"
local op, step = ksnap.op, ksnap.step

local bridge <close> = assert(ksnap.connect())

local function refused(code, text, fn, ...)
	local ok, err = pcall(fn, ...)
	assert(not ok and ksnap.is_error(err) and err.code == code and tostring(err):find(text, 1, true), tostring(err))
end

local function fails(code, text, r, err)
	assert(r == nil and ksnap.is_error(err) and err.code == code and tostring(err):find(text, 1, true), tostring(err))
end

refused("E_ARG", "argv is missing", op.spawn)
refused("E_ARG", "argv[2]: a string is expected, not a number", op.spawn, { "sleep", 5 })
refused("E_ARG", "no parameter \"cgruop\"; did you mean cgroup?", op.spawn, { "sleep", "5", cgruop = "x" })
refused("E_ARG", "name: from 1 to 64", op.spawn, { "sleep", "5", name = "" })
refused("E_ARG", "there is no \"TERN\"; did you mean TERM?", op.kill, { "x", signal = "TERN" })
refused("E_ARG", "is no duration", op.sleep, "x")
refused("E_ARG", "fn: a function is expected", op.call, 5)
refused("E_OP", "did you mean spawn?", function() return op.spwan end)
local made_nul, err = pcall(bridge.spawn, bridge, { "a\0b" })
assert(not made_nul and tostring(err):find "NUL")

fails("E_NOTFOUND", "cannot start /nowhere/at/all: No such file", bridge:spawn { "/nowhere/at/all" })
fails("E_DENIED", "cannot start /", bridge:spawn { "/" })
fails("E_NOTFOUND", "there is no child \"x\"; there are none", bridge:wait "x")
fails("E_NOTFOUND", "there is no child", bridge:kill "x")
assert(next(bridge.children) == nil and #bridge.undo_list == 0)

-- Exit codes and signals.
assert(bridge:spawn({ "true" }).name == "true")
assert(bridge:wait("true").code == 0)
assert(bridge:spawn { "sh", "-c", "exit 3", name = "three" })
fails("E_TARGET", "\"three\" ended with exit code 3, expected was exit code 0", bridge:wait "three")
assert(bridge:spawn { "sh", "-c", "exit 3" } and bridge:wait({ "sh", code = 3 }).code == 3)
assert(bridge:spawn { "sh", "-c", "kill -9 $$" })
fails("E_TARGET", "ended with signal 9", bridge:wait "sh")
assert(bridge:spawn { "sh", "-c", "kill -15 $$" } and bridge:wait({ "sh", any = true }).signal == 15)
assert(#bridge.undo_list == 0)

-- One name, one child; a wait has its time; a signal is sent, a kill ends it.
local first = assert(bridge:spawn { "sleep", "600" })
fails("E_STATE", ("a child \"sleep\" runs already, process %d"):format(first.pid), bridge:spawn { "sleep", "1" })
fails("E_TIMEOUT", "was not over within 5 ms", bridge:wait { "sleep", timeout = "5ms" })
assert(bridge:kill { "sleep", signal = "STOP" } and bridge:kill { "sleep", signal = "TERM" })
assert(bridge:kill { "sleep", signal = "CONT" } and bridge:wait({ "sleep", any = true }).signal == process.signals.TERM)
assert(bridge:spawn { "sleep", "600" } and bridge:kill "sleep")
fails("E_NOTFOUND", "there is no child", bridge:wait "sleep")

-- While one task waits for a child, another goes on.
local turns = 0
local other = ksnap.spawn(function()
	while turns < 5 do
		ksnap.sleep "1ms"
		turns = turns + 1
	end
	bridge:kill { "sleep", signal = "TERM" }
end)
assert(bridge:spawn { "sleep", "600" } and bridge:wait({ "sleep", any = true }).signal == 15 and turns == 5)
other:wait()
assert(ksnap.with_timeout("5ms", function() bridge:spawn { "sleep", "600" } return bridge:wait "sleep" end) == nil)
assert(bridge.children.sleep and bridge:kill "sleep")

-- Where nothing can yield, too.
table.sort({ 2, 1 }, function(a, b)
	bridge:spawn { "true" }
	assert(bridge:wait("true").code == 0)
	return a < b
end)

-- What a child left in its group ends with it: the shell is over, its child is not.
local function is_there(pid) return bridge:spawn { "kill", "-0", tostring(pid) } and bridge:wait { "kill", any = true } end
assert(bridge:spawn { "sh", "-c", "sleep 600 & exit 0", name = "parent" })
local group = bridge.children.parent.handle:pid()
assert(bridge:wait "parent")
local function group_is_there() -- whoever inherits a dead process may leave it unburied for a while
	bridge:spawn { "sh", "-c", "cat /proc/[0-9]*/stat 2>/dev/null | sed 's/.*) //' | grep -q '^[^Z] [0-9]* '$0' '", tostring(group),
		name = "look" }
	return bridge:wait { "look", any = true }.code == 0
end
ksnap.with_timeout("10s", function() while group_is_there() do ksnap.sleep "1ms" end end)
assert(not group_is_there())

-- The teardown ends them, the stubborn ones, too, last started first, also after an error.
local pids = {}
local s = ksnap.scenario { name = "x",
	step { op.spawn { "sleep", "600", name = "one" }, op.log "started one", op.sleep "1ms",
		op.spawn { "sh", "-c", "trap '' TERM; kill -STOP $$; sleep 600", name = "stubborn" } },
	step { op.call(function(run)
		pids[1], pids[2] = run.bridge.children.one.handle:pid(), run.bridge.children.stubborn.handle:pid()
		error "on purpose"
	end) },
}
local failures = scenario.run(s, bridge)
assert(#failures == 1 and tostring(failures[1].err):find "on purpose", tostring(failures[2] and failures[2].err))
assert(next(bridge.children) == nil and #bridge.undo_list == 0)
assert(is_there(pids[1]).code == 1 and is_there(pids[2]).code == 1)

-- A failed op fails its step, at the line where it was written.
failures = scenario.run(ksnap.scenario { name = "x", step { op.spawn { "false" }, op.wait "false" }, step { function() error "no" end } },
	bridge)
assert(#failures == 1 and failures[1].err.op == "wait" and failures[1].err.where:find "children%.lua:%d+")

-- A handle that is just dropped ends its children, too.
local pid
do
	local child = assert(process.spawn { "sleep", "600" })
	pid = child:pid()
	assert(not child:has_ended() and child:outcome() == nil)
	child = nil -- luacheck: ignore
end
collectgarbage()
collectgarbage()
assert(is_there(pid).code == 1)
local closed <close> = assert(process.spawn { "true" })
closed:close()
closed:close()
assert(closed:pid() == nil and closed:has_ended() and closed:outcome() == nil)
closed:signal(9)
