-- SPDX-License-Identifier: MIT
-- gen.lua - write everything that is made from schemas/: lua5.4 schemas/gen.lua SRCDIR OUTDIR
--
-- Stock Lua, no modules. The same input gives the same bytes.
local srcdir, outdir = arg[1], arg[2]
if not outdir then
	io.stderr:write("usage: lua5.4 schemas/gen.lua SRCDIR OUTDIR\n")
	os.exit(2)
end

-- The files of gen/ are chunks that get this function to reach each other by.
local parts = {}
local function part(name)
	if not parts[name] then
		parts[name] = assert(loadfile(("%s/schemas/gen/%s.lua"):format(srcdir, name)))(part)
	end
	return parts[name]
end

-- Written beside its place and renamed, so that two runs at once cannot leave a mixture.
local function write(name, text)
	local path = ("%s/%s"):format(outdir, name)
	local new = path .. "." .. tostring({}):match("0x(%x+)")
	local file = assert(io.open(new, "wb"))
	assert(file:write(text))
	assert(file:close())
	assert(os.rename(new, path))
end

local rows, describe, asyncapi = part "rows", part "describe", part "asyncapi"
local model = part("model").load(srcdir)

write("shapes.inc", rows.shapes(model))
write("ops.inc", rows.ops(model))
write("events.inc", rows.events(model))
write("errors.inc", rows.errors(model))
write("limits.inc", rows.limits(model))
write("describe.inc", rows.bytes(describe.msgpack(model)))
write("schema_constants.lua", describe.constants(model))
write("asyncapi.json", asyncapi.json(model))
