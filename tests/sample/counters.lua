#!/usr/bin/env -S ksnap run
local ksnap = require "ksnap"
local op, step = ksnap.op, ksnap.step

return ksnap.scenario {
	name = "counters grow",
	step { "before", op.capture_snapshot "before", hold = "1ms" },
	step { "after", op.capture_snapshot "after" },
	check = function(run)
		local before, after = run:snapshot "before":get "map0[1].n", run:snapshot "after":get "map0[1].n"
		ksnap.assert(after:u64() >= before:u64(), "it shrank")
	end,
}
