#!/usr/bin/env -S ksnap run
-- Which tasks ran while we worked? Load a BPF program, capture its maps before and after some
-- work, compare. Needs root; try `sudo ksnap run first_capture.lua`.
local ksnap = require "ksnap"
local op, step = ksnap.op, ksnap.step

local function work(seconds)
  local stop = ksnap.now() + seconds
  while ksnap.now() < stop do
    for _ = 1, 100 do math.sqrt(2) end -- busy for a while ...
    ksnap.sleep "1ms"                  -- ... then off the CPU, so that the scheduler has work too
  end
end

return ksnap.scenario {
  name  = "the busiest tasks, from two captures",
  maps  = { "tasks", "cpus", "*.bss" }, -- what a capture reads: globs on map names

  -- Loads and attaches the program; detached when the scenario ends, however it ends.
  setup = { op.attach_object "sched_probe.bpf.o" },

  step { "before", op.capture_snapshot "before" },
  step { "work", function() work(0.3) end, op.capture_snapshot "after" },

  check = function(run)
    local before, after = run:snapshot "before", run:snapshot "after"

    -- A map's entries are typed: the report carries the types the kernel has for them.
    local tasks = after:map("tasks"):filter()
    table.sort(tasks, function(a, b) return a:get("time.run_ns"):u64() > b:get("time.run_ns"):u64() end)
    print(("%-16s %8s %10s %9s"):format("TASK", "PID", "RAN (ms)", "SWITCHES"))
    for i = 1, math.min(8, #tasks) do
      local t = tasks[i]
      print(("%-16s %8d %10.3f %9d"):format(t:get("comm"):str(), t:key():u64(),
        t:get("time.run_ns"):u64() / 1e6, t:get("switches"):u64()))
    end

    -- Globals are variables; per-CPU maps add up.
    local switches = after:var("nr_switches"):u64() - before:var("nr_switches"):u64()
    print(("%d context switches in between"):format(switches))
    ksnap.assert(switches > 0, "the probe saw no context switch")
    ksnap.assert(after:map("cpus"):at(0):sum("switches") > 0, "no CPU counted a switch")
  end,
}
