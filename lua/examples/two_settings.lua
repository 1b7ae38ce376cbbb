#!/usr/bin/env -S ksnap run
-- Two settings compared: what does a priority buy? The same program runs against the same competitor,
-- first at nice 10, then at nice 0. How much its run time rises within each step is the measure.
local ksnap = require "ksnap"
local op, step = ksnap.op, ksnap.step

local busy = "while :; do :; done"
local workers = {}

local function start(nice)
  return function(run)
    local child = assert(run.bridge:spawn { "taskset", "-c", "0", "nice", "-n", nice, "sh", "-c", busy, name = "worker" })
    workers[#workers + 1] = child.pid
  end
end

-- The run time of all workers so far; one that has not run yet is not in the map.
local function worker_ms(snapshot)
  local sum = 0
  for _, pid in ipairs(workers) do
    local task = snapshot:map("tasks"):find(pid)
    sum = sum + (task and task:get("run_ns"):u64() / 1e6 or 0)
  end
  return sum
end

return ksnap.scenario {
  name     = "nice 0 buys more than nice 10",
  duration = "3s",
  periodic = 16,
  setup    = { op.attach_object "load_probe.bpf.o",
    op.spawn { "taskset", "-c", "0", "sh", "-c", busy, name = "competitor" } },
  maps     = { "obj:load_probe" },

  step { "nice 10", start "10", hold = 0.5 },
  step { "nice 0",  op.kill "worker", start "0", hold = 0.5 },

  check = function(run)
    local ran = run:series(worker_ms, { label = "run time of the worker" })
    print(("it ran %.0f ms at nice 10, %.0f ms at nice 0"):format(ran:delta "nice 10", ran:delta "nice 0"))
    ran:nondecreasing()
    ran:ratio_across("nice 10", "nice 0", "delta"):at_least(2)
  end,
}
