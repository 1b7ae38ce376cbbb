-- Error tables: fields, words, near names.
local errors = require "ksnap.error"

assert(not errors.is(nil) and not errors.is "x" and not errors.is {} and not errors.is(print))

local e = errors.new("E_LIMIT", "too many", "watch_snapshot")
assert(errors.is(e) and e.code == "E_LIMIT" and e.class == "limit" and e.retry == false)
assert(tostring(e) == "E_LIMIT: watch_snapshot: too many")
assert(errors.new("E_BUSY", "x").retry == true)

local ok, raised = pcall(errors.raise, "E_ARG", "%s is %d", "x", 5)
assert(not ok and raised.msg == "x is 5" and raised.where:find "errors%.lua:11$", raised.where)

assert(errors.near("tasts", { "tasks", "cpus" }) == "did you mean tasks?")
assert(errors.near("zzzzzzz", { "b", "a" }) == "there are a, b")
assert(errors.near("zzz", {}) == "there are none")

-- assert hands its arguments on, and keeps an error table as it is.
assert(select("#", assert(1, 2, 3)) == 3)
local _, same = pcall(assert, nil, e)
assert(rawequal(same, e))
local _, text = pcall(assert, false, "got %d", 7)
assert(tostring(text):find "errors%.lua:%d+: got 7", tostring(text))
