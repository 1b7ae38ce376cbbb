-- Freeze a guest in the middle of a run, and compare a map seen from outside with what a program inside
-- printed of it, byte for byte.
--
--   ksnap run --target guest:QMP_SOCKET,mem=FILE lua/examples/guest/compare.lua -- MAP KEY:VALUE...
--
-- Keys and values are in hex, as the program in the guests of tests/guest prints them. While the guest
-- stands still nothing changes: two captures are the same.
local ksnap = require "ksnap"
local op, step = ksnap.op, ksnap.step

local name = arg[1] or error "which map? -- MAP KEY:VALUE..."
local inside, entries = {}, #arg - 1
for i = 2, #arg do
  local key, value = arg[i]:match "^(%x*):(%x+)$"
  inside[key or error("no KEY:VALUE: " .. arg[i])] = value
end

local function hex(value)
  return (value:bytes():gsub(".", function(c) return ("%02x"):format(c:byte()) end))
end

return ksnap.scenario {
  name = "a map is from outside what it is inside",
  maps = { name },

  step { "stands still",
    op.freeze "/",
    op.capture_snapshot "still_1",
    op.capture_snapshot "still_2",
    op.thaw "/",
  },

  check = function(run)
    local first, second = run:snapshot "still_1", run:snapshot "still_2"
    local map = first:map(name)
    ksnap.assert(map.complete, "%s is not complete", name)
    ksnap.assert(#map == entries, "%d entries inside, %d from outside", entries, #map)
    for i = 0, #map - 1 do
      local key = hex(map:key(i))
      ksnap.assert(inside[key] == hex(map:value(i)), "%s[%s]: %s inside, %s from outside", name, key, inside[key],
        hex(map:value(i)))
    end
    ksnap.assert(#first:diff(second) == 0, "%s changed while the guest stood still", name)
  end,
}
