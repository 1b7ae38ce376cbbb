-- Freeze a guest, write into a program that runs in it, and see the program react.
--
--   ksnap run --allow-writes --target guest:QMP_SOCKET,mem=FILE lua/examples/guest/react.lua
--
-- The guest is one of tests/guest: a program there counts context switches, in inside.bss, while
-- state.flag is set. While the guest stands still nothing counts, however often one looks; what is
-- written meanwhile, the program finds when it goes on.
local ksnap = require "ksnap"
local op, step = ksnap.op, ksnap.step

local function seen(run, tag)
  return run:snapshot(tag):var("state"):get("nr_seen"):u64()
end

return ksnap.scenario {
  name = "a program in a guest does what is written into its memory",
  maps = { "inside.bss" },
  safe = false, -- it writes

  step { "stands still",
    op.freeze "/",
    op.capture_snapshot "still_1",
    op.write_kernel_cold { "go", entries = { { at = "state.flag", value = 1 } } },
    op.capture_snapshot "still_2",
    op.thaw "/",
  },
  step { "runs", function(run)
    local first = seen(run, "still_2")
    for _ = 1, 1000 do
      local now = assert(run.bridge:read_kernel_hot { "look", at = "state.nr_seen" })
      if now.value > first then return end
      ksnap.sleep "10ms"
    end
  end },
  step { "has run",
    op.write_kernel_hot { "stop", entries = { { at = "state.flag", value = 0 } } },
    op.capture_snapshot "runs_2",
  },

  check = function(run)
    ksnap.assert(seen(run, "still_1") == seen(run, "still_2"), "it counted while it stood still")
    ksnap.assert(seen(run, "runs_2") > seen(run, "still_2"), "it did not see the flag")
  end,
}
