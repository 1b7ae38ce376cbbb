-- SPDX-License-Identifier: MIT
-- ksnap new: a scenario to begin with, which runs as it is.
local stubs = require "ksnap.stubs"

local template = [[
#!/usr/bin/env -S ksnap run
-- NAME: say here what it proves. Run it with: ksnap run FILE
-- Without root there is made-up data: ksnap run --target fixture FILE
local ksnap = require "ksnap"
local op, step, loop = ksnap.op, ksnap.step, ksnap.loop

-- What may be given behind --, as in: ksnap run FILE -- --rounds 20
local options = ksnap.options {
	rounds = { default = 5, help = "how many captures to make" },
}

return ksnap.scenario {
	name = "NAME",
	-- setup = op.attach_object "probe.bpf.o", -- a BPF program; detached at the end, however it ends
	-- maps = { "tasks", "*.bss" },            -- which maps to capture; all of them without this

	step { "before", op.capture_snapshot "before", hold = "100ms" },
	loop { "watch it", every = "20ms", times = options.rounds, function(i)
		return op.capture_snapshot("round_" .. i)
	end },
	step { "after", op.capture_snapshot "after" },

	check = function(run)
		local before, after = run:snapshot "before", run:snapshot "after"
		ksnap.assert(#run.bridge:list() >= options.rounds + 2, "a capture is missing")
		print(#before:maps() .. " maps before, " .. #after:maps() .. " after")
	end,
}
]]

local function exists(path)
	local file = io.open(path, "rb")
	if file then file:close() end
	return file ~= nil
end

local function write_file(path, text)
	local file, why = io.open(path, "wb")
	if not file then return "cannot write " .. why end
	local ok, write_error = file:write(text)
	ok = file:close() and ok
	return not ok and ("cannot write %s: %s"):format(path, write_error or "the disk is full") or nil
end

-- Those that this command wrote itself may be written again.
local function is_ours(path)
	local file = io.open(path, "rb")
	if not file then return true end
	local head = file:read(200) or ""
	file:close()
	return head:find("ksnap new --editor", 1, true) ~= nil or head:find('"runtime.builtin":{"ffi"', 1, true) ~= nil
end

local function write_editor_files(folder, write)
	local names = {}
	local texts = stubs.files()
	for name in pairs(texts) do names[#names + 1] = name end
	table.sort(names)
	for _, name in ipairs(names) do
		local path = folder .. "/" .. name
		if not is_ours(path) then return 1, path .. " is there already, and not made by this command" end
	end
	for _, name in ipairs(names) do
		local why = write_file(folder .. "/" .. name, texts[name])
		if why then return 1, why end
		write(folder .. "/" .. name .. "\n")
	end
	return 0
end

--- options.files[1] is the name, or with options.editor the folder; gives the exit code.
return function(options)
	local path = options.files[1]
	if options.editor then return write_editor_files(path or ".", options.write) end
	if not path:find "%.lua$" then path = path .. ".lua" end
	local name = path:match("([^/]*)%.lua$"):gsub("[_%-]+", " ")
	if not name:find "^[%w_. ]+$" then return 2, ("%q: letters, digits, _, - and . make a name"):format(options.files[1]) end
	if exists(path) then return 1, path .. " is there already" end
	local why = write_file(path, (template:gsub("NAME", { NAME = name }):gsub("FILE", { FILE = path:match "[^/]*$" })))
	if why then return 1, why end
	options.write(path .. "\n")
	return 0
end
