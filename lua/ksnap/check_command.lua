-- SPDX-License-Identifier: MIT
-- ksnap check: problems of scripts, one a line as compilers write them.
local check = require "ksnap.check"
local json = require "ksnap.json"
local outlet = require "ksnap.outlet"

local function problems_of(file, options)
	local handle, why = io.open(file, "rb")
	local text, read_error
	if handle then
		text, read_error = handle:read "a"
		handle:close()
	end
	if not text then return { { file = file, line = 0, message = "cannot be read: " .. tostring(why or read_error) } } end
	return check.text(text, file, options)
end

--- options: files, out ("table", "json", "jsonl"), unsafe, write; gives the exit code.
return function(options)
	local all = json.list {}
	for _, file in ipairs(options.files) do
		for _, problem in ipairs(problems_of(file, options)) do
			all[#all + 1] = problem
			if options.out == "table" then
				options.write(("%s:%d: %s\n"):format(outlet.text_of(file), problem.line, outlet.text_of(problem.message)))
			elseif options.out == "jsonl" then
				options.write(json.encode(problem) .. "\n")
			end
		end
	end
	if options.out == "json" then options.write(json.encode(all) .. "\n") end
	return #all == 0 and 0 or 2
end
