#!/usr/bin/env -S ksnap run
-- Who corrupts a counter? A watch holds a debug register of the CPU on it: every write is captured at
-- once, with who wrote it and from where. The one that does not add one is the culprit.
local ksnap = require "ksnap"
local op, step = ksnap.op, ksnap.step

local starts = 3

-- A hit is captured by itself; wait for the n-th.
local function captured(n)
  return function(run)
    local tag = "write#" .. n
    local there = ksnap.with_timeout("30s", function()
      while not run.bridge:has(tag) do ksnap.sleep "2ms" end
      return true
    end)
    ksnap.assert(there, "nothing was captured for write %d", n)
  end
end

local function is_honest(hit) return hit.new == hit.old + 1 end

-- The counter's map is named by its id: an object of the same name may be there already.
local counter
local function watch(run)
  local probe = assert(run.bridge:attach_object "counter_probe.bpf.o")
  counter = ("id:%d:nr_starts"):format(probe.maps[1])
  assert(run.bridge:watch_snapshot { counter, tag = "write", each = true, rate = 1000, burst = 1000 })
end

local steps = {}
for i = 1, starts do
  steps[i] = step { "honest " .. i, op.spawn { "uname" }, op.wait "uname", captured(i) }
end

return ksnap.scenario {
  name  = "the one who corrupts a counter is caught",
  setup = watch,
  maps  = { "obj:counter_probe" },

  steps[1], steps[2], steps[3],
  step { "corrupt", op.spawn { "factor", "1" }, op.wait "factor", captured(starts + 1) },

  check = function(run)
    local culprits = {}
    for i = 1, starts + 1 do
      local s = run:snapshot("write#" .. i)
      local hit = s.hit
      print(("%d -> %d by %s, process %d, on CPU %d; the capture shows %d"):format(hit.old, hit.new, hit.comm,
        hit.pid, hit.cpu, s:var("nr_starts"):u64()))
      if not is_honest(hit) then culprits[#culprits + 1] = hit.comm end
    end
    ksnap.assert(#culprits == 1 and culprits[1] == "factor", "caught: %s", table.concat(culprits, ", "))
    ksnap.assert(#run:events "watch_armed" == 1)
    ksnap.assert(run:watches(counter)[1].hits >= starts + 1)
  end,
}
