-- SPDX-License-Identifier: MIT
-- embed.lua - write Lua files as the C table that modules.c includes: lua embed.lua file...
local function c_string(text)
	text = text:gsub('[%c\\"?\127-\255]', function(c)
		return c == "\n" and "\\n" or ("\\%03o"):format(c:byte())
	end)
	return '"' .. text .. '"'
end

-- lua/ksnap/tap.lua -> ksnap.tap, lua/ksnap/init.lua -> ksnap, the schemas' tables -> ksnap.schema
local function module_name(path)
	if path:find "schema_constants%.lua$" then return "ksnap.schema" end
	local name = assert(path:match "^.*lua/(ksnap/[%w_/]+)%.lua$", path .. " is not below lua/ksnap/")
	return (name:gsub("/", "."):gsub("%.init$", ""))
end

print("/* Made by lua/embed.lua from the Lua files; do not edit. */")
print("static const struct lua_source lua_sources[] = {")
for _, path in ipairs(arg) do
	local file = assert(io.open(path, "rb"))
	local text = file:read "a"
	file:close()
	assert(load(text, "@" .. path, "t")) -- a syntax error stops the build, with its line
	print(('\t{ "%s",'):format(module_name(path)))
	for line in text:gmatch "[^\n]*\n?" do
		if line ~= "" then print("\t  " .. c_string(line)) end
	end
	print(("\t  , %d },"):format(#text))
end
print("};")
