#!/usr/bin/env -S ksnap run
-- Two settings compared: what does a priority buy? The same program runs against the same competitor,
-- first at nice 10, then at nice 0. What is measured is its run time beside the competitor's, within
-- each step: so it does not matter what else the machine has to do.
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

-- The run time of some processes so far; one that has not run yet is not in the map.
local function run_ms(pids)
  return function(snapshot)
    local sum = 0
    for _, pid in ipairs(pids) do
      local task = snapshot:map("tasks"):find(pid)
      sum = sum + (task and task:get("run_ns"):u64() / 1e6 or 0)
    end
    return sum
  end
end

return ksnap.scenario {
  name  = "nice 0 buys more than nice 10",
  setup = { op.attach_object "load_probe.bpf.o",
    op.spawn { "taskset", "-c", "0", "sh", "-c", busy, name = "competitor" } },
  maps  = { "obj:load_probe" },

  step { "nice 10", start "10", op.capture_snapshot "10 begins", op.sleep "1s", op.capture_snapshot "10 ends" },
  step { "nice 0",  op.kill "worker", start "0", op.capture_snapshot "0 begins", op.sleep "1s",
    op.capture_snapshot "0 ends" },

  check = function(run)
    local worker = run:series(run_ms(workers), { label = "worker" })
    local competitor = run:series(run_ms { run:children().competitor }, { label = "competitor" })
    worker:nondecreasing()

    local shares = {}
    for i, name in ipairs { "nice 10", "nice 0" } do
      local mine, its = worker:delta(name), competitor:delta(name)
      print(("%s: %.0f ms, beside %.0f ms of the competitor"):format(name, mine, its))
      shares[i] = { tag = name, step = i, value = mine / its }
    end
    ksnap.series("share", shares):ratio_across(1, 2):at_least(1.5)
  end,
}
