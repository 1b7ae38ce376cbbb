-- Walking a snapshot: maps, entries, values, and the words of what goes wrong.
local ksnap = require "ksnap"

local bridge <close> = assert(ksnap.connect())
bridge:capture_snapshot "t0"
bridge:capture_snapshot "empty"
local s = bridge:get "t0"

local function fails(code, text, fn, ...)
	local ok, err = pcall(fn, ...)
	assert(not ok, "no failure: " .. text)
	assert(ksnap.is_error(err) and err.code == code, tostring(err))
	assert(tostring(err):find(text, 1, true), tostring(err))
	assert(err.where, "no file:line in " .. tostring(err))
end

local none, why = ksnap.open "no report"
assert(none == nil and ksnap.is_error(why))
fails("E_NOTFOUND", "tasks", s.map, s, "task")
fails("E_NOTFOUND", "nr_switches", s.var, s, "nr_switch")

assert(s.tag == "t0" and s.complete == true and s.placeholder == nil and s.nonsense == nil)
assert(s.target.kind and s.trigger.kind == "op" and s.mono1 >= s.mono0 and s.consistency == "running")
assert(s.hit == nil and s.progs == nil and s.schema == nil and s[1] == nil and type(s.reasons) == "table")
assert(bridge:get("empty").reasons[1].text)
assert(#s:maps() == 3 and s:maps()[1]:name() == "tasks")

local tasks = s:map "tasks"
assert(#tasks == 3 and tasks:id() == 11 and tasks:complete() and tasks:ncpu() == 0)
fails("E_NOTFOUND", "tasks has 3 entries, counted from 0; there is no 3", tasks.at, tasks, 3)
fails("E_NOTFOUND", "there is no -1", tasks.at, tasks, -1)
fails("E_NOTFOUND", "there is no -1", tasks.key, tasks, -1)
fails("E_NOTFOUND", "", tasks.value, tasks, 3)
fails("E_NOTFOUND", "run_ns", function() return tasks:at(0):get "time.run_nz" end)
fails("E_ARG", "", function() return tasks:at(0):get("time"):u64() end)

local worker = tasks:at(1)
assert(worker:key():u64() == 7 and worker:get("comm"):str() == "worker")
assert(worker:get("time.run_ns"):u64() == 3000 and worker:get("time"):get("run_ns"):i64() == 3000)
assert(worker:get("nice"):i64() == -5 and worker:get("nice"):f64() == -5.0)
assert(worker:get("state"):str() == "RUNNING" and worker:get("state"):u64() == 1)
assert(#worker:value():bytes() == 24 and worker:get("nice"):raw() == "\xfb\xff\xff\xff")
assert(worker:value():tree().time.run_ns == 3000)
assert(tostring(worker:get "time"):find "3000" and tostring(worker):find "worker")

assert(tasks:find(function(e) return e:get("nice"):i64() > 0 end):key():u64() == 9)
assert(tasks:find(function() return false end) == nil)
assert(#tasks:filter() == 3 and #tasks:filter(function(e) return e:key():u64() > 1 end) == 2)
local best, most = tasks:max_by(function(e) return e:get("time.run_ns"):u64() end)
assert(best:key():u64() == 7 and most == 3000)
local function run_ns(e) return e:get("time.run_ns"):u64() end
local top = tasks:top(2, run_ns)
assert(#top == 2 and top[1]:key():u64() == 7 and top[2]:key():u64() == 9)
assert(#tasks:top(9, run_ns) == 3 and #tasks:top(0, run_ns) == 0)
local seen = 0
for key, entry in pairs(tasks) do seen = seen + key:u64() * #entry:get("comm"):str() end
assert(seen == 1 * 4 + 7 * 6 + 9 * 5)

-- One value a CPU: narrow first, or fold.
local cpus = s:map("cpus"):at(0)
fails("E_ARG", "CPU", cpus.u64, cpus)
assert(cpus:cpu(1):u64() == 12 and cpus:sum() == 42)
local most_counted, at = cpus:max()
assert(most_counted == 30 and at == 0 and cpus:min() == 12)
assert(#cpus:bytes() == 16)
fails("E_ARG", "not one a CPU", worker.sum, worker, "time.run_ns")
fails("E_NOTFOUND", "", cpus.cpu, cpus, 2)

-- The map through one CPU.
local per_cpu = s:map "cpus"
fails("E_ARG", "not a per-CPU map", tasks.cpu, tasks, 0)
fails("E_ARG", "a CPU's number, not x", per_cpu.cpu, per_cpu, "x")
fails("E_NOTFOUND", "CPUs 0 to 1", per_cpu.cpu, per_cpu, 2)
fails("E_ARG", "narrow with a CPU first", function() return cpus:get "x" end)
local second = per_cpu:cpu(1)
assert(#second == 1 and second:at(0):u64() == 12 and second:ncpu() == 0 and second:name() == "cpus")
assert(second:max_by(function(e) return e:u64() end):key():u64() == 0 and second:find(0):u64() == 12)
for key, entry in pairs(second) do assert(key:u64() == 0 and entry:u64() == 12) end
fails("E_NOTFOUND", "there is no 1", second.at, second, 1)
fails("E_ARG", "not one a CPU", function() return second:at(0):sum() end)

-- By key; a miss says which there are.
assert(tasks:find(9):get("comm"):str() == "shell" and tasks:find("#1"):key():u64() == 7)
assert(tasks:find("hex:07000000"):key():u64() == 7)
local none_such, miss = tasks:find(8)
assert(none_such == nil and miss.code == "E_NOTFOUND" and tostring(miss):find("it has: 1, 7, 9", 1, true))
none_such, miss = tasks:find(function() return false end)
assert(none_such == nil and miss.code == "E_NOTFOUND" and tostring(miss):find("its keys: 1, 7, 9", 1, true))
assert(s:get("tasks[7].comm"):str() == "worker" and s:get("cpus[0][cpu=1]"):u64() == 12)
fails("E_NOTFOUND", "neither a map nor a variable 'task'", s.get, s, "task[7]")
fails("E_ARG", "path 'tasks[7'", s.get, s, "tasks[7")
fails("E_ARG", "is not a pointer", function() return worker:deref() end)

-- Several variables at once.
local a, b = s:vars("nr_switches", "probe.bss:nr_switches")
assert(a:u64() == 42 and b:u64() == 42)
fails("E_ARG", "name at least one", s.vars, s)
fails("E_NOTFOUND", "nr_switches", s.vars, s, "nr_switches", "nr_nothing")
fails("E_STATE", "does not say which maps are in use", s.active, s)

assert(s:var("nr_switches"):u64() == 42 and s:var("probe.bss:nr_switches"):u64() == 42)

-- Two sections of one name: the one in use is meant.
bridge:capture_snapshot "twins"
bridge:capture_snapshot "detached"
local twins, detached = bridge:get "twins", bridge:get "detached"
assert(twins:var("nr_switches"):u64() == 43 and twins:map("probe.bss"):id() == 14)
local active = twins:active()
assert(#active.ids == 1 and active.ids[1] == 14 and active.obj == nil)
assert(active:var("nr_switches"):u64() == 43 and active:map("probe.bss"):id() == 14)
assert(active:vars("nr_switches"):u64() == 43 and #active:maps() == 1)
fails("E_NOTFOUND", "among the maps in use; it has: probe.bss", active.map, active, "tasks")
fails("E_NOTFOUND", "among the maps in use; there are: nr_switches", active.var, active, "nr_nothing")
fails("E_ARG", "probe.bss:nr_switches (map id 13), probe.bss:nr_switches (map id 14)", detached.var, detached,
	"nr_switches")
fails("E_ARG", "name one of id:13, id:14", detached.map, detached, "probe.bss")
fails("E_STATE", "no struct_ops program was attached", detached.active, detached)

-- Pointers that the capture followed.
local node = twins:map("nodes"):find(3)
assert(node:get("next.n"):u64() == 77 and node:get("next.next.n"):u64() == 77)
assert(node:get("next"):deref():get("n"):u64() == 77 and node:value():tree().next.deref.n == 77)
fails("E_NOTFOUND", "is NULL", function() return twins:get "nodes[4].next.n" end)
local nothing, why_not = twins:map("nothing"):max_by(function() return 1 end)
assert(nothing == nil and tostring(why_not):find "nothing has no entries")

-- A placeholder holds no data, and says why.
local empty = bridge:get "empty"
assert(empty.placeholder:find "did not stop" and not empty.complete)
fails("E_STATE", "did not stop", empty.map, empty, "tasks")
fails("E_STATE", "did not stop", empty.var, empty, "nr_switches")
fails("E_STATE", "did not stop", empty.vars, empty, "nr_switches")
fails("E_STATE", "did not stop", empty.active, empty)
fails("E_STATE", "did not stop", empty.get, empty, "nr_switches")

-- Values outlive nothing: a closed snapshot says so, and keeps what points into it harmless.
local value = tasks:at(0):value()
s:close()
fails("E_STATE", "the snapshot is closed", value.u64, value)
fails("E_STATE", "the snapshot is closed", tasks.name, tasks)
fails("E_STATE", "the snapshot is closed", s.map, s, "tasks")
s:close()

-- A value alone keeps its snapshot alive.
local var = bridge:get("t0"):var "nr_switches"
collectgarbage()
collectgarbage()
assert(var:u64() == 42)
