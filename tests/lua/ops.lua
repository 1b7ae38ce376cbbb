-- Op constructors against the schema.
local ksnap = require "ksnap"
local ops = require "ksnap.ops"
local op = ksnap.op

local function refused(text, fn, ...)
	local ok, err = pcall(fn, ...)
	assert(not ok, "accepted: " .. text)
	assert(ksnap.is_error(err) and tostring(err):find(text, 1, true), tostring(err))
end

refused("there is no op", function() return op.nonsense end)
refused("tag is missing", op.capture_snapshot)
refused("from 1 to 64 bytes", op.capture_snapshot, ("x"):rep(65))
refused("from 1 to 64 bytes", op.capture_snapshot, "")
refused("given twice", op.capture_snapshot, { "a", tag = "b" })
refused("there is no parameter \"2\"", op.capture_snapshot, { "a", "b" })
refused("maps[2]: a string is expected", op.capture_snapshot, { "a", maps = { "x", 5 } })
refused("a list is expected", op.capture_snapshot, { "a", maps = { x = "y" } })
refused("true or false", op.capture_snapshot, { "a", progs = 1 })
refused("a whole number from 0", op.capture_snapshot, { "a", step = -1 })
refused("a whole number from 0", op.capture_snapshot, { "a", step = 1.5 })
refused("from 0 to 65535", op.capture_snapshot, { "a", step = 65536 })
refused("there is no \"rapport\"; did you mean report?", op.get, { "a", as = "rapport" })
refused("is no duration", op.ping, { timeout = "soon" })
refused("takes no parameters", op.list, "x")
refused("file is missing", op.attach_object, { name = "x" })
refused("report is missing", op.store_snapshot, "t0")

local capture = op.capture_snapshot { "t0", maps = "tasks", step = 3.0, timeout = "2s" }
assert(ops.is(capture) and not ops.is {} and not ops.is(nil))
assert(capture.params.tag == "t0" and capture.params.maps[1] == "tasks" and capture.timeout_ms == 2000)
assert(math.type(capture.params.step) == "integer")
assert(tostring(capture) == 'capture_snapshot "t0"')

-- What the script gave stays; what it left out is filled in, when the op has such a parameter.
local filled = ops.with_defaults(capture, { maps = { "cpus" }, progs = true, color = "red" })
assert(filled.params.maps[1] == "tasks" and filled.params.progs == true and filled.params.color == nil)
assert(capture.params.progs == nil and ops.is(filled))

local object = op.attach_object "ops.lua"
assert(object.params.name == "ops.lua" and object.params.file == nil and #object.blobs()[1] > 100)
assert(op.attach_object { "ops.lua", name = "probe" }.params.name == "probe")
