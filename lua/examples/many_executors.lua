#!/usr/bin/env -S ksnap run
-- Several executors on one broker: four sessions take turns to capture onto one bridge. Each capture
-- has a number of its own, each executor's stay in order, and the bridge keeps the last 64 of all.
local ksnap = require "ksnap"

local executors, rounds, kept = 4, 20, 64

local shared <close> = assert(ksnap.connect(nil, { bridge = "shared" }))
assert(shared:open_bridge())

local numbers = {} -- of each capture, by its tag

local function work(who)
  local bridge <close> = assert(ksnap.connect(nil, { bridge = "shared", name = "executor " .. who }))
  local last = 0
  for i = 1, rounds do -- captures of no map at all, for they are only counted here
    local tag = ("e%d_%02d"):format(who, i)
    local captured = assert(bridge:capture_snapshot { tag, maps = { "no-such-map*" }, step = who })
    ksnap.assert(captured.seq > last, "%s: %d after %d", tag, captured.seq, last)
    last, numbers[tag] = captured.seq, captured.seq
    ksnap.sleep(0) -- the others' turn
  end
  return last
end

local tasks = {}
for who = 1, executors do tasks[who] = ksnap.spawn(work, who) end
local highest = 0
for _, task in ipairs(tasks) do highest = math.max(highest, task:wait()) end

local total = executors * rounds
ksnap.assert(highest == total, "the last of %d has the number %d", total, highest)
local rows = assert(shared:list())
ksnap.assert(#rows == kept)
for i, row in ipairs(rows) do
  ksnap.assert(row.seq == total - kept + i and numbers[row.tag] == row.seq, "row %d: %s", i, row.tag)
end
local evictions = 0
for _, event in ipairs(shared:drain_events()) do evictions = evictions + (event.k == "eviction" and 1 or 0) end
ksnap.assert(evictions == total - kept)
print(("%d captures of %d executors: %d kept, %d evicted"):format(total, executors, #rows, evictions))
