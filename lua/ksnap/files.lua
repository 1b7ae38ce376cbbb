-- SPDX-License-Identifier: MIT
-- Where a scenario's files are: beside the script, then in the folders of KSNAP_OBJECT_PATH, then,
-- for the examples of a source tree, where the build of this ksnap put them.
local errors = require "ksnap.error"

local open, getenv = io.open, os.getenv

local M = { script_dir = "." }

local function candidates(name)
	if name:sub(1, 1) == "/" then return { name } end
	local list = { M.script_dir .. "/" .. name }
	for folder in (getenv "KSNAP_OBJECT_PATH" or ""):gmatch "[^:]+" do
		list[#list + 1] = folder .. "/" .. name
	end
	if M.program_dir then list[#list + 1] = M.program_dir .. "/lua/examples/" .. name end
	return list
end

--- The path of an existing file; raises with the places looked at.
function M.find(name)
	local places = candidates(name)
	for _, path in ipairs(places) do
		local file = open(path, "rb")
		if file then
			file:close()
			return path
		end
	end
	errors.raise("E_NOTFOUND", "there is no file %q: looked at %s; KSNAP_OBJECT_PATH names more folders", name,
		table.concat(places, ", "))
end

--- All bytes of a file.
function M.read(path)
	local file, why = open(path, "rb")
	if not file then errors.raise("E_NOTFOUND", "%s", why) end
	local bytes = file:read "a"
	file:close()
	return bytes
end

return M
