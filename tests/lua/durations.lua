-- Durations, wrong ones first.
local ksnap = require "ksnap"
local duration = require "ksnap.duration"

for _, bad in ipairs { "", "5", "5 parsecs", "ms", "1..5s", "-1s", -1, 0 / 0, math.huge, true, 90000, "2000m", "25h", "1.5d", {} } do
	local ok, err = pcall(duration, bad, "hold")
	assert(not ok and err.code == "E_ARG" and err.msg:find "^hold: ", tostring(err))
end
assert(select(2, pcall(duration, 0 / 0, "hold")).msg == "hold: nan is not between 0 and a day")
assert(not pcall(ksnap.sleep, "x"))

local cases = { ["200ms"] = 200000000, ["1s"] = 1000000000, ["1.5s"] = 1500000000, ["2m"] = 120000000000, ["0.5h"] = 1800000000000, ["1d"] = 86400000000000,
	["30us"] = 30000, ["7ns"] = 7, [" 1 s "] = 1000000000, [0] = 0, [2] = 2000000000, [0.25] = 250000000 }
for text, ns in pairs(cases) do
	assert(duration(text, "x") == ns, "%s", text)
	assert(math.type(duration(text, "x")) == "integer")
end
