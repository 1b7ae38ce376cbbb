#!/usr/bin/env -S ksnap run
-- Which task starves? Two programs want the same CPU, one of them at the lowest priority. A hash map
-- knows how long each task waited; the largest wait, in proportion to its run time, is the one.
local ksnap = require "ksnap"
local op, step = ksnap.op, ksnap.step

local busy = "while :; do :; done"

return ksnap.scenario {
  name  = "the task that starves is found",
  setup = { op.attach_object "load_probe.bpf.o" },
  maps  = { "obj:load_probe" },

  step { "load",
    op.spawn { "taskset", "-c", "0", "nice", "-n", "19", "sh", "-c", busy, name = "starved" },
    op.spawn { "taskset", "-c", "0", "sh", "-c", busy, name = "greedy" },
    hold = "1s" },
  step { "look", op.capture_snapshot "after" },

  check = function(run)
    local after = run:snapshot "after"
    local tasks, now_ns = after:map "tasks", after:var("now_ns"):u64()

    -- What starves most still waits, maybe since it was started: that counts, too.
    local function wait_ns(task)
      local since_ns = task:get("wait.since_ns"):u64()
      return task:get("wait.total_ns"):u64() + (since_ns > 0 and math.max(0, now_ns - since_ns) or 0)
    end

    print(("%-16s %8s %10s %10s"):format("TASK", "PID", "WAITED MS", "RAN MS"))
    for _, task in ipairs(tasks:top(5, wait_ns)) do
      print(("%-16s %8d %10.3f %10.3f"):format(task:get("comm"):str(), task:key():u64(), wait_ns(task) / 1e6,
        task:get("run_ns"):u64() / 1e6))
    end

    -- Of the programs that this scenario started, which one gets the least of what it asks for?
    local started = {}
    for name, pid in pairs(run:children()) do started[pid] = name end
    local worst, share = nil, 0
    for key, task in pairs(tasks) do
      local asked = wait_ns(task) + task:get("run_ns"):u64()
      local lacked = asked > 0 and wait_ns(task) / asked or 0
      if started[key:u64()] and lacked > share then worst, share = started[key:u64()], lacked end
    end
    print(("%s lacks %.0f %% of the time it asked for"):format(worst, share * 100))
    ksnap.assert(worst == "starved", "it was %s", worst)
    ksnap.assert(share > 0.5, "only %.2f", share)
  end,
}
