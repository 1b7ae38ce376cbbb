-- SPDX-License-Identifier: MIT
-- ksnap new: a scenario to begin with, which runs as it is.
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

--- options.files[1] is the name; gives the exit code.
return function(options)
	local path = options.files[1]
	if not path:find "%.lua$" then path = path .. ".lua" end
	local name = path:match("([^/]*)%.lua$"):gsub("[_%-]+", " ")
	if not name:find "^[%w_. ]+$" then return 2, ("%q: letters, digits, _, - and . make a name"):format(options.files[1]) end
	if exists(path) then return 1, path .. " is there already" end
	local file, why = io.open(path, "wb")
	if not file then return 1, "cannot write " .. why end
	local text = template:gsub("NAME", { NAME = name }):gsub("FILE", { FILE = path:match "[^/]*$" })
	local ok, write_error = file:write(text)
	ok = file:close() and ok
	if not ok then return 1, ("cannot write %s: %s"):format(path, write_error or "the disk is full") end
	options.write(path .. "\n")
	return 0
end
