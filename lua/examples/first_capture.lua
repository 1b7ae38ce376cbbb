#!/usr/bin/env -S ksnap run
-- Which tasks ran while we worked? Load a BPF program, capture its maps before and after some
-- work, and compare. The kernel lets only root do this: sudo ksnap run first_capture.lua
local ksnap = require "ksnap"
local op, step = ksnap.op, ksnap.step

local function work()
  for i = 1, 100 do
    string.rep("busy ", i * 1000) -- keep a CPU busy for a moment ...
    ksnap.sleep "1ms"             -- ... then leave it, so that others run
  end
end

return ksnap.scenario {
  name  = "the busiest tasks, from two captures",
  setup = { op.attach_object "sched_probe.bpf.o" }, -- detached at the end, however it ends
  maps  = { "obj:sched_probe" },                    -- what to capture: the maps of that object

  step { "before", op.capture_snapshot "before" },
  step { "work",   work },
  step { "after",  op.capture_snapshot "after" },

  check = function(run)
    local before, after = run:snapshot "before", run:snapshot "after"

    -- A map's entries have the types that the kernel knows, so fields have names.
    local function run_ns(task) return task:get("time.run_ns"):u64() end
    print(("%-16s %8s %10s %10s"):format("TASK", "PID", "RAN MS", "SWITCHES"))
    for _, task in ipairs(after:map("tasks"):top(10, run_ns)) do
      print(("%-16s %8d %10.3f %10d"):format(task:get("comm"):str(), task:key():u64(),
        run_ns(task) / 1e6, task:get("switches"):u64()))
    end

    -- Globals are variables; a per-CPU map is narrowed to a CPU, or summed over all.
    local switches = after:var("nr_switches"):u64() - before:var("nr_switches"):u64()
    print(switches .. " context switches in between")
    ksnap.assert(switches > 0, "the probe saw no context switch")
    ksnap.assert(after:map("cpus"):at(0):sum("switches") > 0, "no CPU counted one")
  end,
}
