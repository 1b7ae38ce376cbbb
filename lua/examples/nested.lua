#!/usr/bin/env -S ksnap run
-- Scenarios within each other, as straight-line code: each has a bridge of its own, and a guard makes
-- one the active bridge until its block is left, by an error, too.
local ksnap = require "ksnap"
local op, step = ksnap.op, ksnap.step

local outer <close> = assert(ksnap.connect(nil, { bridge = "outer" }))
local inner <close> = assert(ksnap.connect(nil, { bridge = "inner" }))
assert(outer:open_bridge() and inner:open_bridge())

-- On whichever bridge is active. No map has such a name: it is the tags that this is about.
local function measure(tag)
  return assert(ksnap.issue(op.capture_snapshot { tag, maps = { "no-such-map*" } }))
end

local function inner_scenario(fails)
  return ksnap.scenario {
    name = "inner",
    step { "measure", function() measure "in the middle" end },
    check = function() ksnap.assert(not fails, "the inner scenario fails") end,
  }:run(inner) -- which makes its bridge the active one
end

do
  local _ <close> = outer:enter()
  measure "before"
  ksnap.assert(#inner_scenario(false) == 0)
  measure "between"
  local failures = inner_scenario(true)
  ksnap.assert(#failures == 1 and failures[1].phase == "check")
  measure "after" -- the outer bridge is active again

  -- A task begins with the bridge of the one that spawned it, and changes its own only.
  ksnap.spawn(function()
    measure "from a task"
    inner:enter()
    measure "within the task"
  end):wait()
  ksnap.assert(ksnap.active() == outer)
end
ksnap.assert(ksnap.active() == nil)

local function tags(bridge)
  local list = {}
  for i, row in ipairs(assert(bridge:list())) do list[i] = row.tag end
  return table.concat(list, ", ")
end
print("outer: " .. tags(outer))
print("inner: " .. tags(inner))
ksnap.assert(tags(outer) == "before, between, after, from a task")
ksnap.assert(tags(inner) == "in the middle, within the task")
ksnap.assert(#inner:drain_events() == 1, "the second run of the inner scenario replaced its snapshot")
