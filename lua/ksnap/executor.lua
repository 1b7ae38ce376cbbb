-- SPDX-License-Identifier: MIT
-- Ops that need neither the broker nor the system: sleep, log, call.
local clock = require "ksnap.clock"
local engine = require "ksnap.engine"
local ops = require "ksnap.ops"
local outlet = require "ksnap.outlet"

ops.define("sleep", {
	summary = "Wait.",
	params = { { name = "time", type = "duration", required = true, doc = "how long" } },
	run = function(_, p)
		engine.sleep_until(clock.mono_ns() + p.time)
		return true
	end,
})

ops.define("log", {
	summary = "Say something in the output.",
	params = { { name = "text", type = "str", required = true, doc = "what to say" } },
	run = function(_, p)
		outlet.print(p.text)
		return true
	end,
})

ops.define("call", {
	summary = "Call a function with the run; its first result is the op's.",
	params = { { name = "fn", type = "function", required = true, doc = "what to call" } },
	run = function(bridge, p)
		local r, err = p.fn(bridge.run or bridge)
		if r == nil and err == nil then return true end
		return r, err
	end,
})
