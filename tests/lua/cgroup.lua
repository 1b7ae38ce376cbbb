-- Cgroup ops on a made-up hierarchy: a folder that looks like one. tests/system/lua_run.sh has the real one.
local ksnap = require "ksnap"
local cgroup = require "ksnap.cgroup"
local scenario = require "ksnap.scenario"
local op, step = ksnap.op, ksnap.step

local bridge <close> = assert(ksnap.connect())

local function fails(code, text, r, err)
	assert(r == nil and ksnap.is_error(err) and err.code == code and tostring(err):find(text, 1, true), tostring(err))
end

local function sh(text)
	assert(bridge:spawn { "sh", "-c", text, name = "sh" })
	return bridge:wait { "sh", any = true }.code
end

local made = assert(bridge:spawn { "sh", "-c", [[
	d=/tmp/ksnap-cgroup-$$
	mkdir -p $d/v2/old $d/cpuset
	echo "memory cpu pids" >$d/v2/cgroup.controllers
	echo "pids" >$d/v2/cgroup.subtree_control
	echo max >$d/v2/old/memory.max
	: >$d/v2/old/cgroup.procs
	printf '%s\n' "24 1 0:22 / /proc rw - proc proc rw" \
		"30 24 0:26 / $d/cpuset rw,relatime shared:9 - cgroup cgroup rw,cpuset" \
		"31 24 0:27 / $d/v2 rw,relatime - cgroup2 cgroup2 rw" >$d/mountinfo
]], name = "make" })
assert(bridge:wait "make")
local top = "/tmp/ksnap-cgroup-" .. made.pid
local _ <close> = setmetatable({}, { __close = function() sh("rm -rf " .. top) end })

cgroup.mounts = "/nowhere/mountinfo"
fails("E_NOTFOUND", "cannot read /nowhere/mountinfo", bridge:add_cgroup "/a")
cgroup.mounts = top .. "/v2/old/memory.max"
fails("E_UNSUPPORTED", "no v2 cgroup hierarchy is mounted", bridge:add_cgroup "/a")
cgroup.mounts = top .. "/mountinfo"
assert(cgroup.root() == top .. "/v2")

fails("E_ARG", "without . and ..", bridge:add_cgroup "/a/../b")
fails("E_ARG", "is the root", bridge:add_cgroup "//")
fails("E_STATE", "there is a cgroup /old already", bridge:add_cgroup "old")
fails("E_NOTFOUND", "there is no cgroup /none", bridge:remove_cgroup "none")
fails("E_STATE", "/old was not made by this scenario", bridge:remove_cgroup "/old")
fails("E_NOTFOUND", "there is no cgroup /none", bridge:memory_max { "none", bytes = "max" })
fails("E_NOTFOUND", "there is no cgroup /none", bridge:spawn { "true", cgroup = "none" })
fails("E_ARG", "either name", bridge:move { to = "/old" })
fails("E_ARG", "either name", bridge:move { "x", pid = 5, to = "/old" })
fails("E_NOTFOUND", "there is no child \"x\"", bridge:move { "x", to = "/old" })
fails("E_NOTFOUND", "there is no cgroup /none", bridge:move { pid = 5, to = "/none" })
fails("E_NOTFOUND", "there is no cgroup /none", bridge:move { from = "none", to = "/old" })
local ok, err = pcall(op.cpu_max, { "/a", quota = -1 })
assert(not ok and tostring(err):find('a whole number from 0, or "max"', 1, true), tostring(err))
ok, err = pcall(op.cpu_max, { "/a", quota = 5, period = 5 })
assert(not ok and tostring(err):find "from 1000 to 1000000")

-- A controller that v1 has explains itself.
local added = assert(bridge:add_cgroup(top .. "/v2/a/b"))
assert(added.cgroup == "/a/b" and added.path == top .. "/v2/a/b" and bridge.cgroups["/a"] and bridge.cgroups["/a/b"])
fails("E_UNSUPPORTED", ("the controller cpuset is not in the v2 hierarchy at %s/v2, which has cpu, memory, pids: the v1 "
	.. "hierarchy at %s/cpuset has it; boot with cgroup_no_v1=cpuset"):format(top, top), bridge:set_cpuset { "/a", cpus = "0" })

-- What is set is written, controllers are handed down from the top.
assert(sh((": >%s/v2/a/cgroup.subtree_control"):format(top)) == 0)
assert(bridge:memory_max { "/a/b", bytes = 1 << 20 } and bridge:cpu_max { "/a", quota = 50000 })
assert(sh(("cd %s/v2 && [ $(cat a/b/memory.max) = 1048576 ] && [ \"$(cat a/cpu.max)\" = '50000 100000' ] &&"
	.. " [ \"$(cat cgroup.subtree_control)\" = +cpu ] && [ \"$(cat a/cgroup.subtree_control)\" = +memory ]"):format(top)) == 0)
assert(sh(("cd %s/v2 && rm a/b/* a/c* && mkdir -p a/b"):format(top)) == 0)
assert(bridge:remove_cgroup "/a/b" and bridge:remove_cgroup "/a" and #bridge:release() == 0)
assert(sh(("[ ! -e %s/v2/a ]"):format(top)) == 0)

-- In a scenario what is not its own is refused, unless it says that it means it; then it is put back.
local function limit_old(safe)
	return scenario.run(ksnap.scenario { name = "x", safe = safe,
		step { op.memory_max { "/old", bytes = 4096 } },
		check = function() assert(sh(("[ $(cat %s/v2/old/memory.max) = 4096 ]"):format(top)) == 0) end }, bridge)
end
local failures = limit_old(nil)
assert(#failures == 1 and tostring(failures[1].err):find "safe = false", tostring(failures[1] and failures[1].err))
failures = limit_old(false)
assert(#failures == 0, "%s", failures[1] and failures[1].err)
assert(sh(("[ $(cat %s/v2/old/memory.max) = max ]"):format(top)) == 0)
fails("E_DENIED", "safe = false", bridge:memory_max { "/old", bytes = 5 })
local bold <close> = assert(ksnap.connect(nil, { safe = false }))
assert(bold:memory_max { "/old", bytes = 5 } and #bold:release() == 0)
assert(sh(("[ $(cat %s/v2/old/memory.max) = max ]"):format(top)) == 0)
failures = scenario.run(ksnap.scenario { name = "x", step { op.move { pid = 1, to = "/old" } } }, bridge)
assert(#failures == 1 and tostring(failures[1].err):find("process 1 is not this scenario's own", 1, true))
