#!/usr/bin/env -S ksnap run
-- Scenarios within each other, as straight-line code: each has a bridge of its own, and a guard makes
-- one the active bridge until its block is left, by an error, too.
local ksnap = require "ksnap"
local op = ksnap.op

local outer <close> = assert(ksnap.connect(nil, { bridge = "outer" }))
local inner <close> = assert(ksnap.connect(nil, { bridge = "inner" }))
assert(outer:open_bridge() and inner:open_bridge())

local function measure(tag)
  return assert(ksnap.issue(op.capture_snapshot { tag, maps = { "no-such-map*" } })) -- wherever we are
end

local function inner_scenario(fails)
  local _ <close> = inner:enter()
  measure "in the middle"
  if fails then error "the inner scenario breaks off" end
end

do
  local _ <close> = outer:enter()
  measure "before"
  inner_scenario(false)
  measure "between"
  local ok, why = pcall(inner_scenario, true)
  ksnap.assert(not ok and tostring(why):find "breaks off")
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
