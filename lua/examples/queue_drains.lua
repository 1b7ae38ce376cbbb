#!/usr/bin/env -S ksnap run
-- Does a queue drain? Eight jobs are started; a map holds the programs that are not over yet. Captured
-- at even distances, their number must come down to none, stay there, and never rise meanwhile.
local ksnap = require "ksnap"
local op, step = ksnap.op, ksnap.step

local jobs = {}

local function start_jobs(run)
  for i = 1, 8 do
    local job = assert(run.bridge:spawn { "sleep", tostring(i * 0.12), name = "job " .. i })
    jobs[i] = job.pid
  end
end

local function not_over(snapshot)
  local programs, n = snapshot:map "programs", 0
  for _, pid in ipairs(jobs) do
    if programs:find(pid) then n = n + 1 end
  end
  return n
end

return ksnap.scenario {
  name     = "the queue drains",
  duration = "3s",
  periodic = 12,
  setup    = { op.attach_object "load_probe.bpf.o" },
  maps     = { "obj:load_probe" },

  step { "fill", start_jobs, op.capture_snapshot "full" },
  step { "drain", hold = 0.9 },

  check = function(run)
    local queue = run:series(not_over, { label = "queue", over = "*" })
    local numbers = {}
    for i, sample in ipairs(queue.samples) do numbers[i] = sample.value end
    print("jobs that are not over: " .. table.concat(numbers, " "))
    queue:each():between(0, 8)
    ksnap.assert(queue:first "fill" > 0, "nothing was ever in the queue")
    queue:converges_to { target = 0, tol = 0, by = "2.7s" }
    queue:always(function(n, sample) return sample.step > 1 or n > 0 end)
  end,
}
