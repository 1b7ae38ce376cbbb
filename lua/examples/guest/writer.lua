-- Who changes a variable of a guest's kernel? A watch in qemu's gdbstub stops the guest behind each
-- write: who wrote, from where, and a capture of the guest at that very moment.
--
--   ksnap run --target guest:QMP_SOCKET,mem=FILE,gdb=SOCKET lua/examples/guest/writer.lua
--
-- Somebody in the guest must write meanwhile, such as: sysctl vm.swappiness=10
local ksnap = require "ksnap"
local step = ksnap.step

local writes = 3

return ksnap.scenario {
  name = "the writer of a kernel variable is caught",
  maps = { "inside.bss" }, -- what is captured on each write

  setup = function(run)
    assert(run.bridge:watch_snapshot { "vm_swappiness", len = 4, tag = "write", each = true, max_hits = writes })
  end,

  step { "caught", function(run)
    local there = ksnap.with_timeout("60s", function()
      while not run.bridge:has("write#" .. writes) do ksnap.sleep "10ms" end
      return true
    end)
    ksnap.assert(there, "nobody wrote %d times", writes)
  end },

  check = function(run)
    for i = 1, writes do
      local hit = run:snapshot("write#" .. i).hit
      print(("%d -> %d by %s, process %d, at %s"):format(hit.old, hit.new, hit.comm, hit.pid, hit.stack[1].sym))
      ksnap.assert(hit.pid > 0, "an idle CPU wrote")
    end
    ksnap.assert(#run:events "watch_disarmed" == 1, "it ends after the last")
  end,
}
