#!/usr/bin/env -S ksnap run
-- A loop that runs away: far more captures than a bridge keeps, far more events than it remembers.
-- Nothing grows, what leaves says so, and what is not said is counted.
local ksnap = require "ksnap"
local op, loop = ksnap.op, ksnap.loop

local captures, kept, remembered = 1200, 64, 1024
local evicted = captures - kept

return ksnap.scenario {
  name  = "a loop that runs away hits the caps",
  setup = { op.attach_object "sched_probe.bpf.o" },
  maps  = { "obj:sched_probe", "!tasks" },

  loop { "run away", every = 0, times = captures, function(i) return op.capture_snapshot("tick_" .. i) end },

  check = function(run)
    local rows = run.bridge:list()
    ksnap.assert(#rows == kept, "%d snapshots are kept", #rows)
    for i, row in ipairs(rows) do
      ksnap.assert(row.tag == "tick_" .. evicted + i, "row %d is %s", i, row.tag)
    end

    local evictions = run:events "eviction"
    ksnap.assert(#evictions == remembered, "%d evictions are remembered", #evictions)
    for i, event in ipairs(evictions) do
      local gone = evicted - remembered + i
      ksnap.assert(event.evicted_tag == "tick_" .. gone and event.new_tag == "tick_" .. gone + kept,
        "event %d: %s for %s", i, event.evicted_tag, event.new_tag)
    end
    local truncated = run:events "event_log_truncated"
    ksnap.assert(#truncated == 1 and truncated[1].dropped_count == evicted - remembered)
    print(("%d captures: %d kept, %d evictions told, %d counted"):format(captures, #rows, #evictions,
      truncated[1].dropped_count))
  end,
}
